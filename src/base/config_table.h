/*
 * config_table.h - inside of config: the table of values that config.c keeps, config_load.c fills and config_text.c writes out.
 */
#ifndef ZT_BASE_CONFIG_TABLE_H
#define ZT_BASE_CONFIG_TABLE_H

#include "base/config.h"

#define CONFIG_NAME_MAX 96
#define CONFIG_ENV_PREFIX "ZOETROPE_"
#define CONFIG_ENV_MAX (sizeof(CONFIG_ENV_PREFIX) + CONFIG_NAME_MAX)

struct config_value {
    const struct setting *set;
    const char           *text;        /* NUL-terminated */
    int64_t               number;      /* SET_INT, SET_BOOL, SET_BYTES, SET_MS */
    const char           *where;
};
struct config {
    struct arena        *arena;
    struct config_value *values;       /* in the order of the tables */
    size_t               n;
};

struct config_unit { const char *name; int64_t factor; };
extern const struct config_unit config__bytes_units[], config__ms_units[];     /* largest first; end with a NULL name */

/* The value of that name, or NULL. */
struct config_value *config__find(const struct config *c, struct str name);
/* The setting whose name is like this one, or NULL: for whoever mistyped. */
const char *config__nearest(const struct config *c, struct str name);
/* "net.idle_ms" -> "ZOETROPE_NET_IDLE_MS" */
void config__env_name(const struct setting *s, char out[CONFIG_ENV_MAX]);
/* As config_set; secrets are allowed only when `secret_ok`. */
int config__assign(struct config *c, struct config_value *v, struct str text, const char *where, bool secret_ok, struct err *e);

#endif
