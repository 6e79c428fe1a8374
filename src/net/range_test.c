/* range_test.c - ranges and entity tags as tables. */
#include "net/range.h"

#include "base/testing.h"

static void clips_ranges(void **state) {
    static const struct { const char *value; int64_t total; int r; int64_t from, bytes; } cases[] = {
        { "bytes=0-0", 10, 1, 0, 1 },      { "bytes=2-", 10, 1, 2, 8 },        { "bytes=-3", 10, 1, 7, 3 },       { "bytes=-30", 10, 1, 0, 10 },
        { "Bytes=9-99", 10, 1, 9, 1 },     { "bytes=10-", 10, ERR_RANGE, 0, 0 }, { "bytes=-0", 10, ERR_RANGE, 0, 0 }, { "bytes=0-", 0, ERR_RANGE, 0, 0 },
        { "bytes=-1", 0, ERR_RANGE, 0, 0 }, { "bytes=5-4", 10, 0, 0, 0 },       { "bytes=0-1,2-3", 10, 0, 0, 0 },  { "bytes=", 10, 0, 0, 0 },
        { "bytes=-", 10, 0, 0, 0 },        { "bytes=a-b", 10, 0, 0, 0 },       { "bytes=1--2", 10, 0, 0, 0 },     { "lines=1-2", 10, 0, 0, 0 },
        { "bytes 0-1", 10, 0, 0, 0 },      { "", 10, 0, 0, 0 },                { "bytes=0-9223372036854775808", 10, 0, 0, 0 },
        { "bytes=0-9223372036854775807", INT64_MAX, 1, 0, INT64_MAX },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t from = 0, bytes = 0;
        int r = range_parse(str_z(cases[i].value), cases[i].total, &from, &bytes);
        if (r != cases[i].r || from != cases[i].from || bytes != cases[i].bytes)
            fail_msg("%s of %lld: %d, %lld+%lld", cases[i].value, (long long)cases[i].total, r, (long long)from, (long long)bytes);
    }
}

static void compares_entity_tags(void **state) {
    assert_true(range_etag_in(STR("\"a\""), "a", false));
    assert_true(range_etag_in(STR("\"b\" ,  \"a\""), "a", false));
    assert_true(range_etag_in(STR(" * "), "a", false));
    assert_true(range_etag_in(STR("W/\"a\""), "a", true));
    assert_false(range_etag_in(STR("W/\"a\""), "a", false));
    assert_false(range_etag_in(STR("a"), "a", true));
    assert_false(range_etag_in(STR("\"aa\""), "a", true));
    assert_false(range_etag_in(STR_NULL, "a", true));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(clips_ranges), cmocka_unit_test(compares_entity_tags) };
    return RUN(tests);
}
