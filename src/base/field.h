/*
 * field.h - a YAML map into a struct by a table, strictly: unknown keys, missing ones and wrong values are ERR_CONFIG with file:line.
 * For what is data and no setting: products, recipes, templates, the models of remote engines.
 * Threads: any, one file at a time.
 */
#ifndef ZT_BASE_FIELD_H
#define ZT_BASE_FIELD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/yaml.h"

enum field_kind {
    FIELD_STR,          /* struct str; length min..max bytes */
    FIELD_NAME,         /* struct str; a-z 0-9 - _ , at most 32 */
    FIELD_FILE,         /* struct str; a plain file name: a-z 0-9 - _ . , no leading dot */
    FIELD_INT,          /* int; min..max */
    FIELD_INT64,        /* int64_t; min..max */
    FIELD_BOOL,         /* bool */
    FIELD_MS,           /* int64_t; "500ms", "5s", "2m", "24h", "30d"; min..max in ms */
    FIELD_SECONDS,      /* int64_t in ms; a number of seconds; min..max in seconds */
    FIELD_MB,           /* int64_t in bytes; a number of MB (10^6); min..max in MB */
    FIELD_PERMILLE,     /* int; "0.7" is 700; min..max in per mille */
    FIELD_TEXT,         /* struct field_text; { en: …, zh: … }, both needed */
    FIELD_NAMES,        /* struct str; list of names as a comma list; min..max of them */
    FIELD_COLOUR,       /* struct str; "#rrggbb" */
    FIELD_JSON,         /* struct str; a map as a JSON object */
    FIELD_MAP,          /* const struct yaml *; for the caller's own table */
    FIELD_LIST,         /* const struct yaml *; min..max elements */
};
struct field_text { struct str en, zh; };
struct field {
    const char       *name;      /* NULL ends the table */
    enum field_kind kind;
    bool              required;
    int64_t           min, max;
    size_t            offset;
};
/* Absent optional fields leave *out as it was. Texts live in the arena. file is what errors name. */
int field_bind(struct arena *a, const char *file, const struct field *fields, const struct yaml *map, void *out,
                 struct err *e);
/* One name or file name out of a list's element. */
int field_name_of(const char *file, const struct yaml *n, bool is_file, struct str *ret_name, struct err *e);
/* "file:line: " and the words; returns ERR_CONFIG. */
int field_wrong(const char *file, const struct yaml *n, struct err *e, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The whole file as a NUL-terminated view in the arena; ERR_CONFIG when it cannot be read or is larger than max. */
int field_read_file(struct arena *a, const char *path, size_t max, struct str *ret_text, struct err *e);
/* "a" is in the comma list "x,a,b". */
bool field_listed(struct str list, struct str name);

#endif
