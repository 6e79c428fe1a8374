/* fuzz_json.c - any bytes as a JSON text: read, bound to a struct, written again. */
#include "base/json.h"

#include "fuzz.h"

static const char *const colours[] = { "red", "green", NULL };

struct thing {
    int64_t     count, owner;
    bool        on;
    int         colour;
    struct str  name;
    const json_t *more, *list;
};

static const struct json_field fields[] = {
    { "count", JSON_F_INT, false, -10, INT64_MAX, offsetof(struct thing, count) },
    { "owner", JSON_F_ID, false, 0, 0, offsetof(struct thing, owner), "acct" },
    { "on", JSON_F_BOOL, false, 0, 0, offsetof(struct thing, on) },
    { "colour", JSON_F_ENUM, false, 0, 0, offsetof(struct thing, colour), NULL, colours },
    { "name", JSON_F_STR, false, 0, 40, offsetof(struct thing, name) },
    { "more", JSON_F_OBJ, false, 0, 0, offsetof(struct thing, more) },
    { "list", JSON_F_ARR, false, 0, 4, offsetof(struct thing, list) },
    { 0 },
};

/* Whatever the writer makes of any bytes, the reader must take. */
static void round_trip(struct str s) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 8 << 20);
    struct jw w;
    jw_init(&w, &b);
    jw_str(&w, s);
    CLEANUP(json_unref) json_t *j = NULL;
    bool nul = s.n && memchr(s.p, 0, s.n);     /* written as \u0000, which the reader refuses on purpose */
    if (b.failed || (json_read(buf_str(&b), &j, NULL) < 0) != nul)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str text = { (const char *)data, n };
    struct err e;
    round_trip(text);
    CLEANUP(json_unref) json_t *j = NULL;
    if (json_read(text, &j, &e) < 0)
        return 0;
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 16);
    struct thing t = { 0 };
    if (json_bind(fields, j, a, &t, &e) == 0 && (t.count < -10 || t.count > INT64_C(1) << 53 || t.name.n > 40))
        __builtin_trap();
    return 0;
}
