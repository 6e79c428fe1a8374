/* range_test.c - ranges and entity tags as tables. */
#include "net/range.h"

#include "base/testing.h"

static void clips_ranges(void **state) {
    static const struct { const char *value; int64_t total; int r; struct range want[4]; } cases[] = {
        { "bytes=0-0", 10, 1, { { 0, 1 } } },          { "bytes=2-", 10, 1, { { 2, 8 } } },            { "bytes=-3", 10, 1, { { 7, 3 } } },
        { "bytes=-30", 10, 1, { { 0, 10 } } },         { "Bytes=9-99", 10, 1, { { 9, 1 } } },          { "bytes=10-", 10, ERR_RANGE, { { 0 } } },
        { "bytes=-0", 10, ERR_RANGE, { { 0 } } },      { "bytes=0-", 0, ERR_RANGE, { { 0 } } },        { "bytes=-1", 0, ERR_RANGE, { { 0 } } },
        { "bytes=5-4", 10, 0, { { 0 } } },             { "bytes=", 10, 0, { { 0 } } },                 { "bytes=-", 10, 0, { { 0 } } },
        { "bytes=a-b", 10, 0, { { 0 } } },             { "bytes=1--2", 10, 0, { { 0 } } },             { "lines=1-2", 10, 0, { { 0 } } },
        { "bytes 0-1", 10, 0, { { 0 } } },             { "", 10, 0, { { 0 } } },                       { "bytes=0-9223372036854775808", 10, 0, { { 0 } } },
        { "bytes=0-9223372036854775807", INT64_MAX, 1, { { 0, INT64_MAX } } },
        { "bytes=0-1,1000-1001", 5000, 2, { { 0, 2 }, { 1000, 2 } } },
        { "bytes= 1000-1001 ,, 0-1,", 5000, 2, { { 1000, 2 }, { 0, 2 } } },                            /* in the order asked for */
        { "bytes=-1,0-0,2000-2000", 5000, 3, { { 4999, 1 }, { 0, 1 }, { 2000, 1 } } },
        { "bytes=0-1,2-3", 5000, 1, { { 0, 4 } } },                                                    /* adjacent */
        { "bytes=2-3,0-1", 5000, 1, { { 0, 4 } } },
        { "bytes=0-9,5-19", 5000, 1, { { 0, 20 } } },                                                  /* overlapping */
        { "bytes=0-0,161-161", 5000, 1, { { 0, 162 } } },                                              /* RANGE_GAP between them */
        { "bytes=0-0,162-162", 5000, 2, { { 0, 1 }, { 162, 1 } } },
        { "bytes=0-0,300-300,150-150", 5000, 1, { { 0, 301 } } },                                      /* the third joins the first two */
        { "bytes=1000-1000,0-0,3000-3000,990-995", 5000, 3, { { 990, 11 }, { 0, 1 }, { 3000, 1 } } },
        { "bytes=0-0,9000-", 5000, 1, { { 0, 1 } } },                                                  /* one lies outside */
        { "bytes=9000-,8000-", 5000, ERR_RANGE, { { 0 } } },
        { "bytes=0-0,5-4", 5000, 0, { { 0 } } },                                                       /* broken as a whole */
        { "bytes=,", 5000, 0, { { 0 } } },
        { "bytes=0-,0-,0-", 5000, 1, { { 0, 5000 } } },                                                /* two overlaps may pass */
        { "bytes=0-,0-,0-,0-", 5000, ERR_RANGE, { { 0 } } },                                           /* "Apache killer" */
        { "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15", 5000, 1, { { 0, 16 } } },
        { "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16", 5000, ERR_RANGE, { { 0 } } },
        { "bytes=0-0,-9223372036854775807,9223372036854775806-", INT64_MAX, 1, { { 0, INT64_MAX } } },
        { "bytes=9223372036854775806-,0-0", INT64_MAX, 2, { { INT64_MAX - 1, 1 }, { 0, 1 } } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct range got[RANGES_MAX];
        int r = range_parse(str_z(cases[i].value), cases[i].total, got);
        if (r != cases[i].r)
            fail_msg("%s of %lld: %d", cases[i].value, (long long)cases[i].total, r);
        for (int k = 0; k < r; k++)
            if (got[k].from != cases[i].want[k].from || got[k].bytes != cases[i].want[k].bytes)
                fail_msg("%s of %lld: part %d is %lld+%lld", cases[i].value, (long long)cases[i].total, k, (long long)got[k].from, (long long)got[k].bytes);
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
