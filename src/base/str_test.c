/* str_test.c - views, numbers and UTF-8. */
#include "base/str.h"

#include "base/testing.h"

static void compares_and_trims(void **state) {
    assert_true(str_eq(STR_NULL, STR("")));
    assert_false(str_eq(STR("a\0b"), STR("a")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_ieq(STR("[a"), STR("{a")));                 /* '[' | 0x20 is '{' */
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR_NULL, STR("")) && !str_ends(STR("c"), STR("bc")));
    check_str(str_trim(STR(" \t a b\t ")), "a b");
    check_str(str_trim(STR(" \t ")), "");
    check_str(str_trim(STR_NULL), "");
}

static void cuts_at_the_first_separator(void **state) {
    struct str rest = STR("a,,b");
    check_str(str_cut(&rest, ','), "a");
    check_str(str_cut(&rest, ','), "");
    check_str(str_cut(&rest, ','), "b");
    assert_null(rest.p);
    rest = STR("k=");
    check_str(str_cut(&rest, '='), "k");
    assert_non_null(rest.p);                                     /* an empty value is not an absent one */
    assert_int_equal(rest.n, 0);
}

static void takes_only_strict_decimals(void **state) {
    int64_t v = 7;
    assert_int_equal(str_int(STR("0"), 0, 10, &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(str_int(STR("-1"), -1, 10, &v), 0);
    assert_int_equal(v, -1);
    assert_int_equal(str_int(STR("9007199254740993"), 0, INT64_MAX, &v), 0);
    assert_true(v == INT64_C(9007199254740993));
    assert_int_equal(str_int(STR("9223372036854775807"), 0, INT64_MAX, &v), 0);
    assert_true(v == INT64_MAX);
    assert_int_equal(str_int(STR("-9223372036854775808"), INT64_MIN, 0, &v), 0);
    assert_true(v == INT64_MIN);

    static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "9223372036854775808",
                                       "-9223372036854775809", "99999999999999999999999", "\xEF\xBC\x91", "1_000" };
    v = 42;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(str_int(str_z(bad[i]), INT64_MIN, INT64_MAX, &v), ERR_BAD_INPUT);
    assert_int_equal(str_int(STR("1\0"), 0, 9, &v), ERR_BAD_INPUT);
    assert_int_equal(str_int(STR("11"), 0, 10, &v), ERR_BAD_INPUT);
    assert_int_equal(str_int(STR("-1"), 0, 10, &v), ERR_BAD_INPUT);
    assert_true(v == 42);                                        /* untouched by failures */
}

static void knows_utf8(void **state) {
    static const char *const good[] = { "", "abc", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xE7\x85\xA7z" };
    static const char *const bad[] = { "\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                                       "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE",
                                       "\xE7\x85", "\xF0\x9F\x98", "\xE7\x85\x41", "\xC2\x41", "ok\xE7" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(str_utf8(str_z(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(str_utf8(str_z(bad[i])));
    assert_true(str_utf8(STR("a\0b")));
    assert_int_equal(str_utf8_char(STR("\xF0\x9F\x98\x80x")), 4);
    assert_int_equal(str_utf8_char(STR_NULL), 0);
}

/* Every byte at every place among others of every kind, beside a look at each. */
static void looks_at_eight_bytes(void **state) {
    static const char others[] = { 'a', ' ', '\x7e', '\x80', '\xff', '!', '\x21', '\x5b' };
    for (size_t o = 0; o < COUNT(others); o++)
        for (int byte = 0; byte < 256; byte++)
            for (size_t at = 0; at < 8; at++) {
                char eight[8];
                memset(eight, others[o], sizeof eight);
                eight[at] = (char)byte;
                bool control = byte < 0x20 || byte == 0x7f;
                assert_true((str_8_has_control(str_8(eight)) != 0) == control);
                assert_true(str_8_has(str_8(eight), (char)byte) != 0);
                for (int other = 0; other < 256; other++)
                    if (other != byte && other != (uint8_t)others[o])
                        assert_true(str_8_has(str_8(eight), (char)other) == 0);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_trims),
        cmocka_unit_test(cuts_at_the_first_separator),
        cmocka_unit_test(takes_only_strict_decimals),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(looks_at_eight_bytes),
    };
    return RUN(tests);
}
