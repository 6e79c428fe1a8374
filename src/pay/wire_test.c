/* wire_test.c - forms, decimals, times and spans: what is taken, and what never. */
#include "pay/wire.h"

#include "base/clock.h"
#include "base/testing.h"

static void yuan_is_exact(void **state) {
    static const struct { const char *text; int64_t fen; } cases[] = {
        { "19.90", 1990 }, { "19.9", 1990 }, { "19", 1900 }, { "0.01", 1 }, { "0.10", 10 }, { "0.1", 10 }, { "00.07", 7 }, { "1000000000.00", 100000000000 },
        { "8.29", 829 }, { "1.15", 115 }, { "4.35", 435 },          /* each of these is another number as a double times 100 */
        { "", -1 }, { ".5", -1 }, { "5.", -1 }, { "-1", -1 }, { "-0.01", -1 }, { "1.-1", -1 }, { "+1", -1 }, { "1e2", -1 }, { "1.234", -1 }, { "1,5", -1 },
        { " 1", -1 }, { "1 ", -1 }, { "0x1", -1 }, { "1.0a", -1 }, { "1000000001", -1 }, { "1000000000.01", -1 }, { "1000000000.9", -1 }, { "99999999999999999999", -1 }, { "1.2.3", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t fen = -1;
        char back[24];
        int r = wire_yuan(str_z(cases[i].text), &fen);
        if ((r < 0) != (cases[i].fen < 0) || fen != cases[i].fen)
            fail_msg("%s: %lld", cases[i].text, (long long)fen);
        if (fen >= 0) {
            wire_yuan_text(fen, back);
            assert_int_equal(wire_yuan(str_z(back), &fen), 0);
            assert_int_equal(fen, cases[i].fen);
        }
    }
    char text[24];
    wire_yuan_text(1990, text);
    check_z(text, "19.90");
    wire_yuan_text(5, text);
    check_z(text, "0.05");
}

static void times_of_china(void **state) {
    int64_t ms = 0;
    char text[26];
    assert_int_equal(wire_china(STR("2026-01-02 11:04:05"), &ms), 0);
    assert_int_equal(ms, 1767323045000);
    wire_china_text(ms, text);
    check_z(text, "2026-01-02 11:04:05");
    wire_china_rfc3339(ms, text);
    check_z(text, "2026-01-02T11:04:05+08:00");
    assert_int_equal(wire_rfc3339(str_z(text), &ms), 0);
    assert_int_equal(ms, 1767323045000);
    assert_int_equal(wire_rfc3339(STR("2026-01-02T03:04:05Z"), &ms), 0);
    assert_int_equal(ms, 1767323045000);
    assert_int_equal(wire_rfc3339(STR("2026-01-01T22:04:05.123456-05:00"), &ms), 0);
    assert_int_equal(ms, 1767323045000);
    assert_int_equal(wire_rfc3339(STR("2024-02-29T00:00:00Z"), &ms), 0);
    static const char *const bad[] = { "2026-01-02", "2026-01-02T11:04:05", "2026-13-02T11:04:05Z", "2026-02-29T11:04:05Z", "2026-00-01T00:00:00Z",
                                       "2026-01-02T24:00:00Z", "2026-01-02T23:60:00Z", "2026-01-02T23:59:60Z", "2026-01-02T11:04:05+8:00", "2026-01-02T11:04:05+08",
                                       "2026-01-02T11:04:05.+08:00x", "1969-12-31T00:00:00Z", "-026-01-02T11:04:05Z", "2026-01-02T-1:04:05Z", "2026-01-02T11:04:05Zz", "" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (wire_rfc3339(str_z(bad[i]), &ms) != ERR_BAD_INPUT)
            fail_msg("taken: %s", bad[i]);
    }
    for (int64_t day = 0; day < 40000; day += 13) {                /* the same as the C library's calendar */
        char out[25];
        clock_rfc3339(day * 86400000, out);
        out[19] = 'Z';
        assert_int_equal(wire_rfc3339((struct str){ out, 20 }, &ms), 0);
        assert_int_equal(ms, day * 86400000);
    }
}

static void forms(void **state) {
    struct wire_pair p[WIRE_PAIRS_MAX];
    struct err err = { 0 };
    size_t n = 0;
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    assert_int_equal(wire_form(STR("b=1+2&a=%E5%9B%A2%2B%26&c=&d"), a, p, &n, &err), 0);
    assert_int_equal(n, 4);
    check_str(p[0].name, "a");
    check_str(p[0].value, "团+&");
    check_str(wire_find(p, n, "b"), "1 2");
    assert_int_equal(wire_find(p, n, "c").n, 0);
    assert_null(wire_find(p, n, "e").p);
    check_err(wire_form(STR("a=%"), a, p, &n, &err), ERR_BAD_INPUT, &err, "escape");
    check_err(wire_form(STR("a=%4"), a, p, &n, &err), ERR_BAD_INPUT, &err, "escape");
    check_err(wire_form(STR("a=%zz"), a, p, &n, &err), ERR_BAD_INPUT, &err, "escape");
    check_err(wire_form(STR("a=%00"), a, p, &n, &err), ERR_BAD_INPUT, &err, "NUL");
    check_err(wire_form(STR("a=1&%61=2"), a, p, &n, &err), ERR_BAD_INPUT, &err, "twice");
    check_err(wire_form(STR("=1"), a, p, &n, &err), ERR_BAD_INPUT, &err, "without a name");
    BUF_CLEANUP struct buf many;
    buf_init(&many, 10000);
    for (int i = 0; i <= WIRE_PAIRS_MAX; i++)
        buf_printf(&many, "a%d=1&", i);
    check_err(wire_form(buf_str(&many), a, p, &n, &err), ERR_BAD_INPUT, &err, "more than 100");
    BUF_CLEANUP struct buf out;
    buf_init(&out, 1000);
    wire_add(&out, "line_items[0][name]", STR("A4 团/&=%~"));
    wire_add_int(&out, "n", -5);
    check_str(buf_str(&out), "line_items[0][name]=A4%20%E5%9B%A2%2F%26%3D%25~&n=-5");
}

static void members_are_the_very_bytes(void **state) {
    struct str s = STR_NULL, text = STR(" { \"a\" : { \"x\":\"}\\\"{\", \"y\":[1,{}] } ,\"b\":\"q\\\\\",\"c\":-1.50 , \"d\":null,\"e\":[]}");
    assert_int_equal(wire_member(text, "a", &s), 0);
    check_str(s, "{ \"x\":\"}\\\"{\", \"y\":[1,{}] }");
    assert_int_equal(wire_member(text, "b", &s), 0);
    check_str(s, "\"q\\\\\"");
    assert_int_equal(wire_member(text, "c", &s), 0);
    check_str(s, "-1.50");
    assert_int_equal(wire_member(text, "d", &s), 0);
    check_str(s, "null");
    assert_int_equal(wire_member(text, "e", &s), 0);
    check_str(s, "[]");
    assert_int_equal(wire_member(text, "x", &s), ERR_NOT_FOUND);
    assert_int_equal(wire_member(STR("{\"\\b\":1}"), "\\b", &s), ERR_NOT_FOUND);       /* that name is a backspace */
    assert_int_equal(wire_member(STR("[1]"), "a", &s), ERR_NOT_FOUND);
    assert_int_equal(wire_member(STR("{}"), "a", &s), ERR_NOT_FOUND);
    assert_int_equal(wire_member(STR(""), "a", &s), ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(yuan_is_exact), cmocka_unit_test(times_of_china), cmocka_unit_test(forms),
                                        cmocka_unit_test(members_are_the_very_bytes) };
    return RUN(tests);
}
