/* fuzz_pay_wire.c - any bytes as decimal yuan, times, forms, and JSON whose members are cut out: what is taken comes back the same. */
#include "base/json.h"
#include "pay/wire.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

static void members(struct str text, const json_t *j) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, key, v) {
        CLEANUP(json_unref) json_t *box = NULL;
        struct str bytes, in_box;
        BUF_CLEANUP struct buf b = { 0 };
        /* the key may be written with escapes, which no provider does */
        if (wire_member(text, key, &bytes) < 0)
            continue;
        MUST(bytes.p >= text.p && bytes.p + bytes.n <= text.p + text.n);
        buf_init(&b, text.n + 100);
        buf_printf(&b, "{\"v\":");
        buf_add_str(&b, bytes);
        buf_add_c(&b, '}');
        MUST(json_read(buf_str(&b), &box, NULL) == 0 && json_equal(json_object_get(box, "v"), v));
        MUST(wire_member(buf_str(&b), "v", &in_box) == 0 && str_eq(in_box, bytes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str s = { (const char *)data, n }, ignored;
    int64_t v;
    char text[26];
    if (n > 64 * 1024)
        return 0;
    if (wire_yuan(s, &v) == 0) {
        int64_t again;
        MUST(v >= 0 && v <= INT64_C(100000000000));
        wire_yuan_text(v, text);
        MUST(wire_yuan(str_z(text), &again) == 0 && again == v);
    }
    if (wire_china(s, &v) == 0) {
        wire_china_text(v, text);
        MUST(str_eqz(s, text));
    }
    if (wire_rfc3339(s, &v) == 0) {
        if (v >= 0 && v <= INT64_C(253402271999000)) {       /* years that are written with four digits */
            int64_t again;
            wire_china_rfc3339(v, text);
            MUST(wire_rfc3339(str_z(text), &again) == 0 && again == v);
        }
    }
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    struct wire_pair pairs[WIRE_PAIRS_MAX];
    size_t pairs_n = 0;
    if (wire_form(s, a, pairs, &pairs_n, NULL) == 0)
        for (size_t i = 1; i < pairs_n; i++)
            MUST(memcmp(pairs[i - 1].name.p, pairs[i].name.p, pairs[i - 1].name.n < pairs[i].name.n ? pairs[i - 1].name.n : pairs[i].name.n) <= 0);
    CLEANUP(json_unref) json_t *j = NULL;
    if (json_read(s, &j, NULL) == 0 && json_is_object(j))
        members(s, j);
    else
        (void)wire_member(s, "a", &ignored);
    return 0;
}
