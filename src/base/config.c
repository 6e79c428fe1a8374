/* config.c - the table of settings and their values. Where values come from is config_load.c. */
#include "base/config.h"

#include <assert.h>
#include <inttypes.h>

#include "base/config_table.h"

#define ARENA_MAX ((size_t)4 << 20)

const struct config_unit config__bytes_units[] = { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 }, { NULL, 0 } };
const struct config_unit config__ms_units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 },
};

/* "64K" -> 65536: digits, then one of the units; "0" needs none. */
static int parse_scaled(struct str s, const struct config_unit *units, int64_t *ret_v) {
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    struct str unit = { s.p + n, s.n - n };
    int64_t v;
    if (str_int((struct str){ s.p, n }, 0, INT64_MAX, &v) < 0)
        return ERR_BAD_INPUT;
    for (; units->name; units++)
        if (str_eqz(unit, units->name) || (v == 0 && unit.n == 0))
            return __builtin_mul_overflow(v, units->factor, ret_v) ? ERR_BAD_INPUT : 0;
    return ERR_BAD_INPUT;
}

static int parse_number(const struct setting *s, struct str text, int64_t *ret_v) {
    int r = ERR_BAD_INPUT;
    switch (s->type) {
    case SET_BOOL:
        *ret_v = str_eq(text, STR("true"));
        return *ret_v || str_eq(text, STR("false")) ? 0 : ERR_BAD_INPUT;
    case SET_INT: return str_int(text, s->min, s->max, ret_v);
    case SET_BYTES: r = parse_scaled(text, config__bytes_units, ret_v); break;
    case SET_MS: r = parse_scaled(text, config__ms_units, ret_v); break;
    case SET_STR:
    case SET_SECRET: assert(!"text is no number");
    }
    return r == 0 && *ret_v >= s->min && *ret_v <= s->max ? 0 : ERR_BAD_INPUT;
}

static bool is_text(const struct setting *s) { return s->type == SET_STR || s->type == SET_SECRET; }

static int refuse(const struct setting *s, const char *where, struct err *e) {
    static const char *const shapes[] = {
        [SET_INT] = "a whole number", [SET_BOOL] = "true or false", [SET_STR] = "text", [SET_SECRET] = "text",
        [SET_BYTES] = "a size such as 64K or 2M", [SET_MS] = "a duration such as 500ms, 5s or 24h",
    };
    if (s->type == SET_BOOL)
        return err_set(e, ERR_CONFIG, "%s: %s: must be %s", where, s->name, shapes[s->type]);
    const char *unit = s->type == SET_BYTES ? " bytes" : s->type == SET_MS ? " ms" : "";
    if (is_text(s))
        unit = " bytes, without control characters";
    return err_set(e, ERR_CONFIG, "%s: %s: must be %s, %" PRId64 " to %" PRId64 "%s", where, s->name, shapes[s->type], s->min, s->max,
                   unit);
}

static bool good_text(const struct setting *s, struct str text) {
    if (text.n < (uint64_t)s->min || text.n > (uint64_t)s->max || !str_utf8(text))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
            return false;
    return true;
}

int config__assign(struct config *c, struct config_value *v, struct str text, const char *where, bool secret_ok, struct err *e) {
    const struct setting *s = v->set;
    int64_t number = 0;
    if (s->type == SET_SECRET && !secret_ok) {
        char env[CONFIG_ENV_MAX];
        config__env_name(s, env);
        return err_set(e, ERR_CONFIG, "%s: %s: is a secret: use the environment variable %s or %s_FILE", where, s->name, env, env);
    }
    if (is_text(s) ? !good_text(s, text) : parse_number(s, text, &number) < 0)
        return refuse(s, where, e);
    size_t where_n = strlen(where) + 1;
    char *copy = arena_try(c->arena, text.n + 1 + where_n);
    if (!copy)
        return err_set(e, ERR_CONFIG, "%s: %s: too much text in all settings together", where, s->name);
    if (text.n)
        memcpy(copy, text.p, text.n);
    memcpy(copy + text.n + 1, where, where_n);
    v->text = copy;
    v->where = copy + text.n + 1;
    v->number = number;
    return 0;
}

struct config_value *config__find(const struct config *c, struct str name) {
    for (size_t i = 0; i < c->n; i++)
        if (str_eqz(name, c->values[i].set->name))
            return &c->values[i];
    return NULL;
}

/* How many letters must be added, removed or changed to make b of a (Levenshtein); NEAR_MAX + 1 when a is too long to matter. */
#define NEAR_MAX 64
static int distance(struct str a, struct str b) {
    int row[NEAR_MAX + 1];
    if (a.n > NEAR_MAX)
        return NEAR_MAX + 1;
    for (int i = 0; i <= (int)a.n; i++)
        row[i] = i;
    for (size_t k = 0; k < b.n; k++) {
        int corner = row[0]++;
        for (size_t i = 0; i < a.n; i++) {
            int least = corner + (a.p[i] != b.p[k]);
            corner = row[i + 1];
            least = row[i] + 1 < least ? row[i] + 1 : least;
            row[i + 1] = corner + 1 < least ? corner + 1 : least;
        }
    }
    return row[a.n];
}

const char *config__nearest(const struct config *c, struct str name) {
    const char *best = NULL;
    int least = name.n < 6 ? 2 : (int)(name.n / 3) + 1;      /* as many letters apart is another word */
    for (size_t i = 0; i < c->n; i++) {
        struct str set = str_z(c->values[i].set->name);
        int d = name.n >= 3 && str_starts(set, name) ? 0 : distance(name, set);      /* net.idle for net.idle_ms */
        if (d < least) {
            least = d;
            best = c->values[i].set->name;
        }
    }
    return best;
}

void config__env_name(const struct setting *s, char out[CONFIG_ENV_MAX]) {
    static const char prefix[] = CONFIG_ENV_PREFIX;
    char *p = out + sizeof(prefix) - 1;
    memcpy(out, prefix, sizeof(prefix) - 1);
    for (const char *n = s->name; *n; n++)
        *p++ = *n == '.' ? '_' : *n >= 'a' && *n <= 'z' ? (char)(*n - 'a' + 'A') : *n;
    *p = 0;
}

/* A row of a table: its name's form and uniqueness, also as an environment variable, and its default. */
static int add_setting(struct config *c, const struct setting *s, struct err *e) {
    size_t n = strlen(s->name), ok = strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    if (n == 0 || n > CONFIG_NAME_MAX || ok != n || strcmp(s->name, "config") == 0)
        return err_set(e, ERR_CONFIG, "setting '%s': not a good name", s->name);
    char mine[CONFIG_ENV_MAX], theirs[CONFIG_ENV_MAX];
    config__env_name(s, mine);
    for (size_t i = 0; i < c->n; i++) {
        config__env_name(c->values[i].set, theirs);
        if (strcmp(mine, theirs) == 0)
            return err_set(e, ERR_CONFIG, "setting '%s': its variable %s is taken", s->name, mine);
    }
    struct config_value *v = &c->values[c->n++];
    *v = (struct config_value){ .set = s, .text = "", .where = "default" };
    struct str def = str_z(s->def);
    if (s->type == SET_SECRET && def.n == 0)
        return 0;                              /* not set: shorter than its least length, and yet fine */
    return config__assign(c, v, def, v->where, /* secret_ok= */ true, e);
}

int config_new(const struct setting *const *tables, struct config **ret_cfg, struct err *e) {
    size_t n = 0;
    for (size_t t = 0; tables[t]; t++)
        for (const struct setting *s = tables[t]; s->name; s++)
            n++;
    struct arena *a = arena_new(ARENA_MAX);
    struct config *c = ARENA_NEW(a, struct config);
    *c = (struct config){ .arena = a, .values = ARENA_ARRAY(a, struct config_value, n) };
    for (size_t t = 0; tables[t]; t++)
        for (const struct setting *s = tables[t]; s->name; s++) {
            int r = add_setting(c, s, e);
            if (r < 0) {
                config_free(c);
                return r;
            }
        }
    *ret_cfg = c;
    return 0;
}

void config_free(struct config *c) {
    if (c)
        arena_free(c->arena);
}

int config_set(struct config *c, const char *name, struct str value, const char *where, struct err *e) {
    struct config_value *v = config__find(c, str_z(name));
    if (!v)
        return err_set(e, ERR_CONFIG, "%s: %.80s: there is no such setting", where, name);
    return config__assign(c, v, value, where, /* secret_ok= */ true, e);
}

static const struct config_value *must_find(const struct config *c, const char *name) {
    const struct config_value *v = config__find(c, str_z(name));
    assert(v);
    return v;
}

int64_t config_int(const struct config *c, const char *name) {
    const struct config_value *v = must_find(c, name);
    assert(!is_text(v->set));
    return v->number;
}

bool config_bool(const struct config *c, const char *name) {
    const struct config_value *v = must_find(c, name);
    assert(v->set->type == SET_BOOL);
    return v->number != 0;
}

const char *config_str(const struct config *c, const char *name) {
    const struct config_value *v = must_find(c, name);
    assert(is_text(v->set));
    return v->text;
}

const char *config_where(const struct config *c, const char *name) { return must_find(c, name)->where; }
