/*
 * config.h - settings: one table a room, one precedence: defaults < file < environment < flag.
 * File key "net.idle_ms" is also ZOETROPE_NET_IDLE_MS and --net.idle_ms=75s; `listen` and `data` are ZOETROPE_LISTEN, ZOETROPE_DATA.
 * Secrets (SET_SECRET) are read from the environment or, with the suffix _FILE, from a file; never from the YAML or a flag, never printed.
 * Threads: written at start, read by any afterwards.
 */
#ifndef ZT_BASE_CONFIG_H
#define ZT_BASE_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type {
    SET_INT,       /* 120 */
    SET_BOOL,      /* true, false; min and max are not looked at */
    SET_STR,       /* any text without control characters; min..max bytes */
    SET_SECRET,    /* as SET_STR */
    SET_BYTES,     /* 10, 64K, 2M, 1G: powers of 1024 */
    SET_MS,        /* 0, 500ms, 5s, 2m, 24h, 30d */
};
struct setting {
    const char       *name;        /* "room.thing_unit": lower case, digits, '_' and '.' */
    enum setting_type type;
    const char       *def;         /* text form of the default; NULL is "" */
    int64_t           min, max;    /* value (bytes, ms), or length of text */
    const char       *help;        /* one sentence: it becomes zoetrope.example.yaml and --help */
};

struct config;
/* tables: NULL-ended list of NULL-name-ended tables; borrowed for the life of the config (they are static).
 * ERR_CONFIG: a table is wrong (a default out of range, a name twice), which is a bug of ours that the unit tests find. */
int config_new(const struct setting *const *tables, struct config **ret_cfg, struct err *e);
void config_free(struct config *c);
/*
 * Reads the file named by --config, or ./zoetrope.yaml, or /etc/zoetrope/zoetrope.yaml when there; then envp; then flags.
 * argv      argv[0] is the first flag; "--name=value" or "--name value"; "--" and the first other word end the flags
 * ret_rest  index of the first argument that is not a flag; argc when there is none
 * Errors:   ERR_CONFIG for unknown keys, bad values and unreadable files, with file:line or the variable's or flag's name; what was
 *           set before the error stays set
 * A ZOETROPE_ variable that names no setting is ignored with a warning in the log: container platforms put such into every process.
 */
int config_load(struct config *c, int argc, char **argv, char **envp, int *ret_rest, struct err *e);
/* The settings in one YAML text; name is for error texts. */
int config_load_file(struct config *c, struct str text, const char *name, struct err *e);
/* One setting, from wherever; `where` is copied and becomes config_where(). ERR_CONFIG "where: what is wrong". */
int config_set(struct config *c, const char *name, struct str value, const char *where, struct err *e);

/* Asking for a name that is in no table, or by another type, is our bug: asserts. */
int64_t config_int(const struct config *c, const char *name);      /* SET_INT, SET_BYTES, SET_MS (in ms), SET_BOOL */
bool config_bool(const struct config *c, const char *name);
const char *config_str(const struct config *c, const char *name);  /* SET_STR, SET_SECRET; "" when empty; lives as long as c */
const char *config_where(const struct config *c, const char *name);/* "default", "zoetrope.yaml:4", "ZOETROPE_DATA", "--data" */

void config_write_example(const struct config *c, struct buf *out);/* the whole zoetrope.example.yaml: every setting at its default */
void config_write_help(const struct config *c, struct buf *out);   /* one line a setting, for --help */

DEFINE_CLEANUP(struct config, config_free)

#endif
