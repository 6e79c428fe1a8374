/*
 * config.h - settings: one table a room, one precedence: defaults < file < environment < flag.
 * File key "net.idle_s" is also ZOETROPE_NET_IDLE_S and --net.idle_s=N; `listen` and `data` are ZOETROPE_LISTEN, ZOETROPE_DATA.
 * Secrets (SET_SECRET) are read from the environment or, with the suffix _FILE, from a file; never from the YAML, never printed.
 * Threads: written at start, read by any afterwards.
 */
#ifndef ZT_BASE_CONFIG_H
#define ZT_BASE_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type { SET_INT, SET_BOOL, SET_STR, SET_SECRET, SET_BYTES /* 10, 64K, 2M, 1G */, SET_MS /* 500ms, 5s, 2m, 24h, 30d */ };
struct setting {
    const char       *name;        /* "room.thing_unit" */
    enum setting_type type;
    const char       *def;         /* text form of the default */
    int64_t           min, max;    /* value, or length of text */
    const char       *help;        /* one sentence: it becomes zoetrope.example.yaml and --help */
};

struct config;
/* tables: NULL-ended list of NULL-name-ended tables; borrowed for the life of the config (they are static). */
int config_new(const struct setting *const *tables, struct config **ret_cfg, struct err *e);
void config_free(struct config *c);
/* Reads the file named by --config, or ./zoetrope.yaml, or /etc/zoetrope/zoetrope.yaml when there; then environ; then flags.
 * argv: flags only; `ret_rest` gets the first argument that is not a flag. Unknown keys and bad values: ERR_CONFIG with file:line or the variable's name. */
int config_load(struct config *c, int argc, char **argv, char **envp, int *ret_rest, struct err *e);
int config_load_file(struct config *c, struct str text, const char *name, struct err *e);
int config_set(struct config *c, const char *name, struct str value, const char *where, struct err *e);

/* Asking for a name that is in no table is our bug: asserts. */
int64_t config_int(const struct config *c, const char *name);      /* SET_INT, SET_BYTES, SET_MS (in ms), SET_BOOL */
bool config_bool(const struct config *c, const char *name);
const char *config_str(const struct config *c, const char *name);  /* "" when empty; lives as long as c */
const char *config_where(const struct config *c, const char *name);/* "default", "zoetrope.yaml:4", "ZOETROPE_DATA", "--data" */

void config_write_example(const struct config *c, struct buf *out);/* the whole zoetrope.example.yaml */

DEFINE_CLEANUP(struct config, config_free)

#endif
