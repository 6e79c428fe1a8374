/* field.c - see field.h. */
#include "base/field.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/buf.h"

int field_wrong(const char *file, const struct yaml *n, struct err *e, const char *fmt, ...) {
    char words[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_CONFIG, "%s:%d: %s", file, n ? n->line : 1, words);
}

int field_read_file(struct arena *a, const char *path, size_t max, struct str *ret_text, struct err *e) {
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, ERR_CONFIG, "%s", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
        return err_set(e, ERR_CONFIG, "%s: not a file of at most %zu bytes", path, max);
    char *p = arena_alloc(a, (size_t)st.st_size + 1);
    size_t n = 0;
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, p + n, (size_t)st.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_sys(e, ERR_CONFIG, "%s: read", path);
        n += (size_t)got;
    }
    *ret_text = (struct str){ p, n };
    return 0;
}

bool field_listed(struct str list, struct str name) {
    while (list.p) {
        if (str_eq(str_cut(&list, ','), name))
            return true;
    }
    return false;
}

int field_name_of(const char *file, const struct yaml *n, bool is_file, struct str *ret_name, struct err *e) {
    bool good = n->kind == YAML_SCALAR && n->text.n > 0 && n->text.n <= (is_file ? 64 : 32) && n->text.p[0] != '.';
    for (size_t i = 0; good && i < n->text.n; i++) {
        char c = n->text.p[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (is_file && c == '.');
    }
    if (!good)
        return field_wrong(file, n, e, "%.*s must be a %s: small letters, digits, - and _", STR_ARG(n->key),
                             is_file ? "plain file name" : "name");
    *ret_name = n->text;
    return 0;
}

/* A decimal such as "0.7", "24" or "1.5" in thousandths, without floating point; -1 when it is none. */
static int64_t permille_of(struct str s) {
    struct str fraction = s;
    struct str whole = str_cut(&fraction, '.');
    int64_t v, f = 0;
    if (str_int(whole, 0, 1000 * 1000, &v) < 0 || fraction.n > 3)
        return -1;
    if (fraction.p && str_int(fraction, 0, 999, &f) < 0)
        return -1;
    for (size_t i = fraction.n; i < 3; i++)
        f *= 10;
    return v * 1000 + f;
}

static int64_t ms_of(struct str s) {
    static const struct { const char *unit; int64_t ms; } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 24LL * 3600 * 1000 },
    };
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    int64_t v;
    if (str_int((struct str){ s.p, digits }, 0, 1000 * 1000, &v) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(units); i++)
        if (str_eqz((struct str){ s.p + digits, s.n - digits }, units[i].unit))
            return v * units[i].ms;
    return -1;
}

static int bind_text(struct arena *a, const char *file, const struct yaml *n, struct field_text *out, struct err *e) {
    static const struct field fields[] = {
        { "en", FIELD_STR, true, 1, 400, offsetof(struct field_text, en) },
        { "zh", FIELD_STR, true, 1, 400, offsetof(struct field_text, zh) },
        { 0 },
    };
    return field_bind(a, file, fields, n, out, e);
}

static int bind_names(struct arena *a, const char *file, const struct field *f, const struct yaml *n, struct str *out,
                      struct err *e) {
    if (n->kind != YAML_LIST || (int64_t)n->n < f->min || (int64_t)n->n > f->max)
        return field_wrong(file, n, e, "%s must be a list of %d to %d names", f->name, (int)f->min, (int)f->max);
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    for (const struct yaml *c = n->child; c; c = c->next) {
        struct str name;
        int r = field_name_of(file, c, /* is_file= */ false, &name, e);
        if (r < 0)
            return r;
        if (b.n)
            buf_add_c(&b, ',');
        buf_add_str(&b, name);
    }
    *out = arena_str(a, buf_str(&b));
    return 0;
}

static int bind_json(struct arena *a, const char *file, const struct field *f, const struct yaml *n, struct str *out,
                     struct err *e) {
    if (n->kind != YAML_MAP)
        return field_wrong(file, n, e, "%s must be a map", f->name);
    BUF_CLEANUP struct buf b;
    buf_init(&b, 64 * 1024);
    yaml_to_json(n, &b);
    if (b.failed)
        return field_wrong(file, n, e, "%s is over 64 KiB", f->name);
    *out = arena_str(a, buf_str(&b));
    return 0;
}

static bool is_colour(struct str s) {
    bool good = s.n == 7 && s.p[0] == '#';
    for (size_t i = 1; good && i < s.n; i++)
        good = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');
    return good;
}

/* The kinds that are one number in the end. */
static int bind_number(const char *file, const struct field *f, const struct yaml *n, void *at, struct err *e) {
    int64_t v = -1, scale = 1;
    if (n->kind != YAML_SCALAR)
        return field_wrong(file, n, e, "%s must be a number", f->name);
    switch (f->kind) {
    case FIELD_MS:
        v = ms_of(n->text);
        break;
    case FIELD_PERMILLE:
        v = permille_of(n->text);
        break;
    default:
        if (str_int(n->text, f->min, f->max, &v) < 0)
            v = f->min - 1;
        scale = f->kind == FIELD_SECONDS ? 1000 : f->kind == FIELD_MB ? 1000 * 1000 : 1;
    }
    if (v < f->min || v > f->max)
        return field_wrong(file, n, e, "%s: \"%.*s\" is not %s from %lld to %lld", f->name, STR_ARG(n->text),
                             f->kind == FIELD_MS         ? "a time such as 24h,"
                             : f->kind == FIELD_PERMILLE ? "a decimal, in thousandths"
                                                           : "a whole number",
                             (long long)f->min, (long long)f->max);
    if (f->kind == FIELD_INT || f->kind == FIELD_PERMILLE)
        *(int *)at = (int)v;
    else
        *(int64_t *)at = v * scale;
    return 0;
}

static int bind_one(struct arena *a, const char *file, const struct field *f, const struct yaml *n, void *at, struct err *e) {
    switch (f->kind) {
    case FIELD_STR:
        if (n->kind != YAML_SCALAR || (int64_t)n->text.n < f->min || (int64_t)n->text.n > f->max)
            return field_wrong(file, n, e, "%s must be a text of %d to %d bytes", f->name, (int)f->min, (int)f->max);
        *(struct str *)at = n->text;
        return 0;
    case FIELD_NAME:
    case FIELD_FILE:
        return field_name_of(file, n, f->kind == FIELD_FILE, at, e);
    case FIELD_COLOUR:
        if (n->kind != YAML_SCALAR || !is_colour(n->text))
            return field_wrong(file, n, e, "%s must be a colour such as \"#a8322a\", small letters", f->name);
        *(struct str *)at = n->text;
        return 0;
    case FIELD_BOOL:
        return yaml_bool(n, at, NULL) < 0 ? field_wrong(file, n, e, "%s must be true or false", f->name) : 0;
    case FIELD_TEXT:
        return bind_text(a, file, n, at, e);
    case FIELD_NAMES:
        return bind_names(a, file, f, n, at, e);
    case FIELD_JSON:
        return bind_json(a, file, f, n, at, e);
    case FIELD_MAP:
        if (n->kind != YAML_MAP)
            return field_wrong(file, n, e, "%s must be a map", f->name);
        *(const struct yaml **)at = n;
        return 0;
    case FIELD_LIST:
        if (n->kind != YAML_LIST || (int64_t)n->n < f->min || (int64_t)n->n > f->max)
            return field_wrong(file, n, e, "%s must be a list of %d to %d", f->name, (int)f->min, (int)f->max);
        *(const struct yaml **)at = n;
        return 0;
    default:
        return bind_number(file, f, n, at, e);
    }
}

int field_bind(struct arena *a, const char *file, const struct field *fields, const struct yaml *map, void *out,
                 struct err *e) {
    if (map->kind != YAML_MAP)
        return field_wrong(file, map, e, "%.*s must be a map", STR_ARG(map->key));
    for (const struct yaml *n = map->child; n; n = n->next) {
        const struct field *f = fields;
        while (f->name && !str_eqz(n->key, f->name))
            f++;
        if (!f->name)
            return field_wrong(file, n, e, "unknown field \"%.*s\"", STR_ARG(n->key));
        int r = bind_one(a, file, f, n, (char *)out + f->offset, e);
        if (r < 0)
            return r;
    }
    for (const struct field *f = fields; f->name; f++)
        if (f->required && !yaml_get(map, f->name))
            return field_wrong(file, map, e, "field \"%s\" is missing", f->name);
    return 0;
}
