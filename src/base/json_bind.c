/* json_bind.c - a parsed object into a struct, by a table; one small function a kind. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

#include "base/id.h"

#define EXACT_MAX (INT64_C(1) << 53)           /* beyond it JavaScript has already rounded the number */

static void *target(const struct json_field *f, void *out) { return (char *)out + f->offset; }

static int bind_int(const struct json_field *f, const json_t *v, void *out, struct err *e) {
    int64_t min = f->min < -EXACT_MAX ? -EXACT_MAX : f->min, max = f->max > EXACT_MAX ? EXACT_MAX : f->max;
    int64_t i = json_integer_value(v);         /* 0 when it is no whole number */
    if (!json_is_integer(v) || i < min || i > max)
        return err_set(e, ERR_BAD_INPUT, "%s: must be a whole number from %" PRId64 " to %" PRId64, f->name, min, max);
    *(int64_t *)target(f, out) = i;
    return 0;
}

static int bind_bool(const struct json_field *f, const json_t *v, void *out, struct err *e) {
    if (!json_is_boolean(v))
        return err_set(e, ERR_BAD_INPUT, "%s: must be true or false", f->name);
    *(bool *)target(f, out) = json_is_true(v);
    return 0;
}

static int bind_str(const struct json_field *f, const json_t *v, struct arena *a, void *out, struct err *e) {
    if (!json_is_string(v))
        return err_set(e, ERR_BAD_INPUT, "%s: must be text", f->name);
    struct str s = { json_string_value(v), json_string_length(v) };
    if (s.n < (uint64_t)f->min || s.n > (uint64_t)f->max)
        return err_set(e, ERR_BAD_INPUT, "%s: must have %" PRId64 " to %" PRId64 " bytes", f->name, f->min, f->max);
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return err_set(e, ERR_BAD_INPUT, "%s: must not hold control characters", f->name);
    char *copy = arena_try(a, s.n + 1);
    if (!copy)
        return err_set(e, ERR_TOO_BIG, "%s: too long together with the other fields", f->name);
    memcpy(copy, s.p, s.n);
    *(struct str *)target(f, out) = (struct str){ copy, s.n };
    return 0;
}

static int bind_id(const struct json_field *f, const json_t *v, void *out, struct err *e) {
    struct str s = { json_string_value(v), json_string_length(v) };
    int64_t id;
    if (!json_is_string(v) || id_parse(s, f->id_kind, &id) < 0)
        return err_set(e, ERR_BAD_INPUT, "%s: must be an id that begins with '%s_'", f->name, f->id_kind);
    *(int64_t *)target(f, out) = id;
    return 0;
}

static int bind_enum(const struct json_field *f, const json_t *v, void *out, struct err *e) {
    struct str s = { json_string_value(v), json_string_length(v) };
    char known[160];
    size_t n = 0;
    for (int i = 0; f->names[i]; i++) {
        if (json_is_string(v) && str_eqz(s, f->names[i])) {
            *(int *)target(f, out) = i;
            return 0;
        }
        int more = snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", f->names[i]);
        n = more > 0 && n + (size_t)more < sizeof(known) ? n + (size_t)more : sizeof(known) - 1;
    }
    return err_set(e, ERR_BAD_INPUT, "%s: must be one of %s", f->name, n ? known : "none");
}

static int bind_container(const struct json_field *f, const json_t *v, void *out, struct err *e) {
    if (f->kind == JSON_F_OBJ && !json_is_object(v))
        return err_set(e, ERR_BAD_INPUT, "%s: must be an object", f->name);
    if (f->kind == JSON_F_ARR && !json_is_array(v))
        return err_set(e, ERR_BAD_INPUT, "%s: must be a list", f->name);
    if (f->kind == JSON_F_ARR && (json_array_size(v) < (uint64_t)f->min || json_array_size(v) > (uint64_t)f->max))
        return err_set(e, ERR_BAD_INPUT, "%s: must have %" PRId64 " to %" PRId64 " entries", f->name, f->min, f->max);
    *(const json_t **)target(f, out) = v;
    return 0;
}

static int bind_one(const struct json_field *f, const json_t *v, struct arena *a, void *out, struct err *e) {
    switch (f->kind) {
    case JSON_F_INT: return bind_int(f, v, out, e);
    case JSON_F_BOOL: return bind_bool(f, v, out, e);
    case JSON_F_STR: return bind_str(f, v, a, out, e);
    case JSON_F_ID: return bind_id(f, v, out, e);
    case JSON_F_ENUM: return bind_enum(f, v, out, e);
    case JSON_F_OBJ:
    case JSON_F_ARR: return bind_container(f, v, out, e);
    }
    assert(!"a kind outside of enum json_kind");
    return ERR_INTERNAL;
}

static int refuse_unknown(const struct json_field *fields, const json_t *obj, struct err *e) {
    /* jansson's iterator takes a pointer without const, and changes nothing. */
    for (void *it = json_object_iter((json_t *)(uintptr_t)obj); it; it = json_object_iter_next((json_t *)(uintptr_t)obj, it)) {
        const char *key = json_object_iter_key(it);
        const struct json_field *f = fields;
        while (f->name && strcmp(f->name, key) != 0)
            f++;
        if (!f->name)
            return err_set(e, ERR_UNKNOWN_FIELD, "%.80s: unknown field", key);
    }
    return 0;
}

int json_bind(const struct json_field *fields, const json_t *obj, struct arena *a, void *out, struct err *e) {
    if (!json_is_object(obj))
        return err_set(e, ERR_BAD_INPUT, "must be an object");
    int r = refuse_unknown(fields, obj, e);
    for (const struct json_field *f = fields; r >= 0 && f->name; f++) {
        const json_t *v = json_object_get(obj, f->name);
        if (v)
            r = bind_one(f, v, a, out, e);
        else if (f->required)
            r = err_set(e, ERR_BAD_INPUT, "%s: is missing", f->name);
    }
    return r < 0 ? r : 0;
}
