/*
 * fields.h - inside studio/: a YAML map into a struct by a table, strictly: unknown keys, missing ones and wrong values are
 * ERR_CONFIG with file:line.
 * Threads: any, one file at a time.
 */
#ifndef ZT_STUDIO_FIELDS_H
#define ZT_STUDIO_FIELDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/yaml.h"

enum studio__kind {
    STUDIO__STR,          /* struct str; length min..max bytes */
    STUDIO__NAME,         /* struct str; a-z 0-9 - _ , at most 32 */
    STUDIO__FILE,         /* struct str; a plain file name: a-z 0-9 - _ . , no leading dot */
    STUDIO__INT,          /* int; min..max */
    STUDIO__INT64,        /* int64_t; min..max */
    STUDIO__BOOL,         /* bool */
    STUDIO__MS,           /* int64_t; "500ms", "5s", "2m", "24h", "30d"; min..max in ms */
    STUDIO__SECONDS,      /* int64_t in ms; a number of seconds; min..max in seconds */
    STUDIO__MB,           /* int64_t in bytes; a number of MB (10^6); min..max in MB */
    STUDIO__PERMILLE,     /* int; "0.7" is 700; min..max in per mille */
    STUDIO__TEXT,         /* struct studio_text; { en: …, zh: … }, both needed */
    STUDIO__NAMES,        /* struct str; list of names as a comma list; min..max of them */
    STUDIO__COLOUR,       /* struct str; "#rrggbb" */
    STUDIO__JSON,         /* struct str; a map as a JSON object */
    STUDIO__MAP,          /* const struct yaml *; for the caller's own table */
    STUDIO__LIST,         /* const struct yaml *; min..max elements */
};
struct studio__field {
    const char       *name;      /* NULL ends the table */
    enum studio__kind kind;
    bool              required;
    int64_t           min, max;
    size_t            offset;
};
/* Absent optional fields leave *out as it was. Texts live in the arena. file is what errors name. */
int studio__bind(struct arena *a, const char *file, const struct studio__field *fields, const struct yaml *map, void *out,
                 struct err *e);
/* One name or file name out of a list's element. */
int studio__name_of(const char *file, const struct yaml *n, bool is_file, struct str *ret_name, struct err *e);
/* "file:line: " and the words; returns ERR_CONFIG. */
int studio__wrong(const char *file, const struct yaml *n, struct err *e, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The whole file as a NUL-terminated view in the arena; ERR_CONFIG when it cannot be read or is larger than max. */
int studio__read(struct arena *a, const char *path, size_t max, struct str *ret_text, struct err *e);
/* "a" is in the comma list "x,a,b". */
bool studio__listed(struct str list, struct str name);

#endif
