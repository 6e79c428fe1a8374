/* config_load.c - where values come from: a file, the environment, flags; each later one wins. */
#include "base/config.h"

#include <errno.h>
#include <fcntl.h>

#include "base/config_table.h"
#include "base/log.h"
#include "base/yaml.h"

#define FILE_MAX ((size_t)1 << 20)
#define SECRET_FILE_MAX ((size_t)64 << 10)
#define YAML_ARENA_MAX ((size_t)8 << 20)
#define WHERE_MAX 256

/* Variables with our prefix that are no settings: test aids and the setup script's. */
static const char *const other_variables[] = {
    "ZOETROPE_CLOCK_OFFSET_FILE", "ZOETROPE_FAILPOINT", "ZOETROPE_FAILPOINT_FILE", "ZOETROPE_MIRROR",
#ifdef ZT_PLANTED
    "ZOETROPE_PLANTED",
#endif
};

/* The whole file; 0 and *ret_found=false when there is none and none was demanded. */
static int slurp(const char *path, bool must_exist, struct buf *out, bool *ret_found, struct err *e) {
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_found = fd >= 0;
    if (fd < 0 && errno == ENOENT && !must_exist)
        return 0;
    if (fd < 0)
        return err_sys(e, ERR_CONFIG, "%s", path);
    for (;;) {
        char part[4096];
        ssize_t n = read(fd, part, sizeof(part));
        if (n < 0)
            return err_sys(e, ERR_CONFIG, "%s", path);
        if (n == 0)
            return 0;
        buf_add(out, part, (size_t)n);
        if (out->failed)
            return err_set(e, ERR_CONFIG, "%s: larger than %zu bytes", path, out->max);
    }
}

/* ---- the file ---- */

struct walk {
    struct config *c;
    const char    *name;
    struct err    *e;
};

/* Is there a setting below this section? */
static bool is_section(const struct config *c, struct str path) {
    for (size_t i = 0; i < c->n; i++) {
        struct str s = str_z(c->values[i].set->name);
        if (s.n > path.n && str_starts(s, path) && s.p[path.n] == '.')
            return true;
    }
    return false;
}

static int unknown(const struct walk *w, int line, struct str path) {
    if (is_section(w->c, path))
        return err_set(w->e, ERR_CONFIG, "%s:%d: %.*s: is a group of settings: write them below it, each on a line of its own", w->name, line, STR_ARG(path));
    const char *meant = config__nearest(w->c, path);
    return err_set(w->e, ERR_CONFIG, "%s:%d: %.*s: there is no such setting%s%s%s", w->name, line, STR_ARG(path), meant ? "; did you mean " : "",
                   meant ? meant : "", meant ? "?" : "");
}

static int set_from_file(const struct walk *w, const struct yaml *n, struct str path) {
    struct config_value *v = config__find(w->c, path);
    bool nothing = n->kind == YAML_SCALAR && n->plain && (n->text.n == 0 || str_eq(n->text, STR("~")) || str_eq(n->text, STR("null")));
    if (!v && nothing && is_section(w->c, path))
        return 0;                              /* a section whose lines are all commented out */
    if (!v)
        return unknown(w, n->line, path);
    if (n->kind != YAML_SCALAR)
        return err_set(w->e, ERR_CONFIG, "%s:%d: %s: must be one value", w->name, n->line, v->set->name);
    if (nothing)
        return err_set(w->e, ERR_CONFIG, "%s:%d: %s: has no value; write \"\" for an empty text", w->name, n->line, v->set->name);
    char where[WHERE_MAX];
    int length = snprintf(where, sizeof(where), "%s:", w->name);
    if (length > 0 && strncmp(v->where, where, (size_t)length) == 0)
        return err_set(w->e, ERR_CONFIG, "%s:%d: %s: was set before, at %s", w->name, n->line, v->set->name, v->where);
    snprintf(where, sizeof(where), "%s:%d", w->name, n->line);
    return config__assign(w->c, v, n->text, where, /* secret_ok= */ false, w->e);
}

/* path: the names on the way here, joined by dots, in a buffer of CONFIG_NAME_MAX + 1 bytes. */
static int walk_map(const struct walk *w, const struct yaml *map, char *path, size_t used) {
    for (const struct yaml *n = map->child; n; n = n->next) {
        size_t dot = used > 0;
        if (n->key.n == 0 || used + dot + n->key.n > CONFIG_NAME_MAX)
            return err_set(w->e, ERR_CONFIG, "%s:%d: %.*s%s%.*s: there is no such setting", w->name, n->line,
                           (int)used, path, dot ? "." : "", STR_ARG(n->key));
        if (dot)
            path[used] = '.';
        memcpy(path + used + dot, n->key.p, n->key.n);
        struct str here = { path, used + dot + n->key.n };
        bool section = n->kind == YAML_MAP && is_section(w->c, here);
        int r = section ? walk_map(w, n, path, here.n) : set_from_file(w, n, here);
        if (r < 0)
            return r;
    }
    return 0;
}

int config_load_file(struct config *c, struct str text, const char *name, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(YAML_ARENA_MAX);
    struct yaml *root;
    int r = yaml_parse(a, text, name, &root, e);
    if (r < 0)
        return r;
    if (root->kind != YAML_MAP)
        return err_set(e, ERR_CONFIG, "%s:%d: must be a map of settings", name, root->line);
    char path[CONFIG_NAME_MAX + 1];
    return walk_map(&(struct walk){ c, name, e }, root, path, 0);
}

static int load_path(struct config *c, const char *path, bool must_exist, bool *ret_found, struct err *e) {
    BUF_CLEANUP struct buf text;
    buf_init(&text, FILE_MAX);
    int r = slurp(path, must_exist, &text, ret_found, e);
    return r < 0 || !*ret_found ? r : config_load_file(c, buf_str(&text), path, e);
}

static int named_file(struct config *c, const char *path, struct err *e) {
    bool found = false;
    int r = load_path(c, path, /* must_exist= */ true, &found, e);
    return r < 0 && !found ? err_prefix(e, "--config must name a file that can be read; left out, the defaults hold: ") : r;
}

static int load_files(struct config *c, const char *named, struct err *e) {
    bool found;
    if (named)
        return named_file(c, named, e);
    int r = load_path(c, "zoetrope.yaml", false, &found, e);
    return r < 0 || found ? r : load_path(c, "/etc/zoetrope/zoetrope.yaml", false, &found, e);
}

/* ---- the environment ---- */

static int set_from_secret_file(struct config *c, struct config_value *v, const char *path, const char *where, struct err *e) {
    BUF_CLEANUP struct buf text;
    bool found;
    buf_init(&text, SECRET_FILE_MAX);
    if (strncmp(v->where, CONFIG_ENV_PREFIX, strlen(CONFIG_ENV_PREFIX)) == 0)
        return err_set(e, ERR_CONFIG, "%s: %s is set too; use one of them", where, v->where);
    int r = slurp(path, /* must_exist= */ true, &text, &found, e);
    if (r < 0)
        return err_prefix(e, "%s: ", where);
    struct str s = buf_str(&text);
    while (str_ends(s, STR("\n")) || str_ends(s, STR("\r")))
        s.n--;
    return config__assign(c, v, s, where, /* secret_ok= */ true, e);
}

/* The setting whose variable is `name`; or the secret whose variable is `name` without _FILE. */
static struct config_value *find_variable(const struct config *c, struct str name, bool *ret_is_file) {
    struct str stem = name;
    if (str_ends(stem, STR("_FILE")))
        stem.n -= strlen("_FILE");
    struct config_value *by_file = NULL;
    for (size_t i = 0; i < c->n; i++) {
        char env[CONFIG_ENV_MAX];
        config__env_name(c->values[i].set, env);
        *ret_is_file = false;
        if (str_eqz(name, env))
            return &c->values[i];
        if (stem.n < name.n && str_eqz(stem, env) && c->values[i].set->type == SET_SECRET)
            by_file = &c->values[i];
    }
    *ret_is_file = by_file != NULL;
    return by_file;
}

static bool is_other_variable(struct str name) {
    for (size_t i = 0; i < COUNT(other_variables); i++)
        if (str_eqz(name, other_variables[i]))
            return true;
    return false;
}

static int set_from_variable(struct config *c, const char *entry, bool want_file, struct err *e) {
    struct str rest = str_z(entry), name = str_cut(&rest, '=');
    if (!str_starts(name, STR(CONFIG_ENV_PREFIX)) || !rest.p || is_other_variable(name))
        return 0;
    bool is_file;
    struct config_value *v = find_variable(c, name, &is_file);
    if (is_file != want_file)
        return 0;
    if (!v) {
        /* name only: the value may be somebody's secret */
        log_event(LOG_WARN, "config.unknown_variable_ignored", F_STRN("name", name));
        return 0;
    }
    char where[WHERE_MAX];
    snprintf(where, sizeof(where), "%.*s", STR_ARG(name));
    return is_file ? set_from_secret_file(c, v, rest.p, where, e) : config__assign(c, v, rest, where, /* secret_ok= */ true, e);
}

/* Files last, so that a secret given both ways is seen whatever the order of the environment. */
static int load_environment(struct config *c, char **envp, struct err *e) {
    for (int want_file = 0; want_file <= 1; want_file++)
        for (char **entry = envp; *entry; entry++) {
            int r = set_from_variable(c, *entry, want_file, e);
            if (r < 0)
                return r;
        }
    return 0;
}

/* ---- flags ---- */

struct flag { struct str name, value; };

static int unknown_flag(const struct config *c, struct str name, struct err *e) {
    const char *meant = config__nearest(c, name);
    if (meant)
        return err_set(e, ERR_CONFIG, "--%.*s: there is no such setting; did you mean --%s?", STR_ARG(name), meant);
    return err_set(e, ERR_CONFIG, "--%.*s: there is no such setting; `zoetrope settings` prints them all", STR_ARG(name));
}

/* The flag at argv[*i], moving *i behind it. 1: a flag; 0: flags are over; ERR_CONFIG: nobody knows it, or its value is missing. */
static int next_flag(const struct config *c, int argc, char **argv, int *i, struct flag *ret_flag, struct err *e) {
    if (*i >= argc)
        return 0;
    struct str rest = str_z(argv[*i]);
    if (str_eq(rest, STR("--"))) {
        ++*i;
        return 0;
    }
    if (!str_starts(rest, STR("--")))
        return 0;
    rest.p += 2, rest.n -= 2;
    struct str name = str_cut(&rest, '=');
    ++*i;
    if (!str_eq(name, STR("config")) && !config__find(c, name))
        return unknown_flag(c, name, e);
    if (!rest.p) {
        if (*i >= argc)
            return err_set(e, ERR_CONFIG, "--%.*s: needs a value", STR_ARG(name));
        rest = str_z(argv[(*i)++]);
    }
    *ret_flag = (struct flag){ name, rest };
    return 1;
}

static int set_from_flag(struct config *c, const struct flag *f, struct err *e) {
    struct config_value *v = config__find(c, f->name);
    char where[WHERE_MAX];
    snprintf(where, sizeof(where), "--%.*s", STR_ARG(f->name));
    return config__assign(c, v, f->value, where, /* secret_ok= */ false, e);    /* flags are seen in the list of processes */
}

int config_load(struct config *c, int argc, char **argv, char **envp, int *ret_rest, struct err *e) {
    const char *file = NULL;
    struct flag f;
    int i = 0, r;
    while ((r = next_flag(c, argc, argv, &i, &f, e)) > 0)
        if (str_eq(f.name, STR("config")))
            file = f.value.p;
    if (r >= 0)
        r = load_files(c, file, e);
    if (r >= 0)
        r = load_environment(c, envp, e);
    if (r < 0)
        return r;
    i = 0;
    while ((r = next_flag(c, argc, argv, &i, &f, e)) > 0) {
        r = str_eq(f.name, STR("config")) ? 0 : set_from_flag(c, &f, e);
        if (r < 0)
            return r;
    }
    *ret_rest = i;
    return 0;
}
