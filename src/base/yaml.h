/*
 * yaml.h - a small tree out of a YAML file (libyaml), with line numbers, for settings, products, recipes and templates.
 * Limits: 1 MiB, depth 16, 20,000 nodes; no anchors, aliases, tags or multiple documents; duplicate keys refused.
 * Everything lives in the arena.  Threads: any.
 */
#ifndef ZT_BASE_YAML_H
#define ZT_BASE_YAML_H

#include "base/arena.h"
#include "base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
struct yaml {
    enum yaml_kind kind;
    int            line;               /* 1-based */
    struct str     key;                /* when it stands in a map */
    struct str     text;               /* scalars; NUL-terminated */
    bool           plain;              /* scalar written without quotes */
    struct yaml   *child, *next;       /* first child; next sibling */
    size_t         n;                  /* number of children */
};
/* name is used in error texts ("zoetrope.yaml:12: ..."). An empty text is an empty map. ERR_CONFIG; ERR_TOO_BIG past the arena's max. */
int yaml_parse(struct arena *a, struct str text, const char *name, struct yaml **ret_root, struct err *e);
const struct yaml *yaml_get(const struct yaml *map, const char *key);    /* NULL when absent or not a map */
/* ERR_CONFIG "line 3: key: must be ..."; the caller knows the file: err_prefix(e, "%s: ", name). */
int yaml_int(const struct yaml *n, int64_t min, int64_t max, int64_t *ret_v, struct err *e);
int yaml_bool(const struct yaml *n, bool *ret_v, struct err *e);         /* true/false only */
/* The same tree as JSON text (plain numbers, booleans and null become such). */
struct buf;
void yaml_to_json(const struct yaml *n, struct buf *out);

#endif
