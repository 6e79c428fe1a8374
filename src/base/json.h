/*
 * json.h - JSON out by our own streaming writer, JSON in by jansson, JSON into structs by a table.
 * Threads: any, one object at a time.
 */
#ifndef ZT_BASE_JSON_H
#define ZT_BASE_JSON_H

#include <jansson.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* ---- writer: commas and quoting are its business; nesting <= 32. Strings are escaped; invalid UTF-8 becomes U+FFFD. ---- */
struct jw {
    struct buf *b;             /* borrowed; check b->failed at the end */
    uint8_t     depth;
    bool        comma[33], key;
};
void jw_init(struct jw *w, struct buf *b);
void jw_obj(struct jw *w);
void jw_end_obj(struct jw *w);
void jw_arr(struct jw *w);
void jw_end_arr(struct jw *w);
void jw_key(struct jw *w, const char *key);
void jw_str(struct jw *w, struct str s);
void jw_int(struct jw *w, int64_t v);
void jw_real(struct jw *w, double v, int decimals);        /* fixed point; not finite becomes null */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json);                /* already JSON */
void jw_id(struct jw *w, const char *kind, int64_t id);    /* id.h text form; 0 becomes null */
void jw_kstr(struct jw *w, const char *key, struct str s);
void jw_kz(struct jw *w, const char *key, const char *z);  /* NULL becomes null */
void jw_kint(struct jw *w, const char *key, int64_t v);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_kreal(struct jw *w, const char *key, double v, int decimals);
void jw_kid(struct jw *w, const char *key, const char *kind, int64_t id);

/* ---- reader ---- */
#define JSON_DEPTH_MAX 16
static inline void json_unref(json_t *j) { json_decref(j); }
DEFINE_CLEANUP(json_t, json_unref)
#define JSON_NODES_MAX 100000          /* values in one text: an empty object of 3 bytes costs jansson 300 */
/*
 * One whole JSON text (any type): UTF-8, no duplicate keys, no NUL in strings, numbers in range, depth <= JSON_DEPTH_MAX.
 * ret_j   the caller's reference: json_decref()
 * Errors: ERR_BAD_JSON with line and column, never with words of the text: there may be a password in it.
 */
int json_read(struct str text, json_t **ret_j, struct err *e);

/* ---- JSON object -> struct, by a table. Unknown keys are ERR_UNKNOWN_FIELD, all else ERR_BAD_INPUT naming the field. ---- */
enum json_kind {
    JSON_F_INT,        /* int64_t; range min..max; 2^53+1 and reals are refused (|v| <= 2^53) */
    JSON_F_BOOL,       /* bool */
    JSON_F_STR,        /* struct str in the arena; length in bytes min..max, UTF-8, no control characters */
    JSON_F_ID,         /* int64_t; `kind` is the id kind */
    JSON_F_ENUM,       /* int: index into the NULL-ended list `names` */
    JSON_F_OBJ,        /* json_t * borrowed from the parsed text: the caller goes on with its own table */
    JSON_F_ARR,        /* json_t * borrowed; length min..max */
};
struct json_field {
    const char        *name;
    enum json_kind     kind;
    bool               required;
    int64_t            min, max;
    size_t             offset;      /* offsetof() in the target */
    const char        *id_kind;     /* JSON_F_ID */
    const char *const *names;       /* JSON_F_ENUM */
    const char        *help;        /* one sentence, shown in /openapi.json */
};
/*
 * fields  ends with a row whose name is NULL
 * obj     borrowed; anything but an object is ERR_BAD_INPUT
 * out     the target; absent optional fields stay as they were; after an error some fields may have been written
 */
int json_bind(const struct json_field *fields, const json_t *obj, struct arena *a, void *out, struct err *e);

#endif
