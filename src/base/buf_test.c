/* buf_test.c - growth, the hard maximum, sticky failure. */
#include "base/buf.h"

#include "base/testing.h"

static void grows_and_stays_terminated(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 100000);
    assert_int_equal(buf_str(&b).n, 0);
    for (int i = 0; i < 10000; i++) {
        buf_add_c(&b, (char)('a' + i % 26));
        assert_int_equal(b.p[b.n], 0);
    }
    assert_int_equal(b.n, 10000);
    assert_int_equal(b.p[9999], 'a' + 9999 % 26);
    assert_false(b.failed);
}

static void adds_every_kind(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1000);
    buf_add_z(&b, "a");
    buf_add_str(&b, STR("b\0c"));
    buf_add_str(&b, STR_NULL);
    buf_add_int(&b, INT64_MIN);
    buf_printf(&b, "|%05.1f|%s", 2.25, "x");
    assert_int_equal(b.n, 1 + 3 + 20 + 8);
    assert_memory_equal(b.p, "ab\0c-9223372036854775808|002.2|x", b.n);
}

static void percent_leaves_the_unreserved(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 100);
    buf_add_percent(&b, STR("AZaz09-_.~ !*'()+%/\xe4\xb8\xad\0\x7f"));
    check_str(buf_str(&b), "AZaz09-_.~%20%21%2A%27%28%29%2B%25%2F%E4%B8%AD%00%7F");
    buf_add_percent(&b, STR_NULL);
    assert_int_equal(b.n, 52);
}

static void never_passes_its_maximum(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 10);
    buf_add(&b, "0123456789", 10);
    assert_false(b.failed);
    buf_add_c(&b, 'x');
    assert_true(b.failed);
    check_str(buf_str(&b), "0123456789");
    buf_drop_front(&b, 5);
    buf_add_c(&b, 'x');                                          /* room again, but the failure sticks */
    check_str(buf_str(&b), "56789");
    buf_reset(&b);
    assert_false(b.failed);
    buf_add_c(&b, 'y');
    check_str(buf_str(&b), "y");
}

static void printing_fails_whole(void **state) {
    for (size_t max = 0; max < 130; max++) {                     /* crosses the first capacity of 64 */
        BUF_CLEANUP struct buf b;
        buf_init(&b, max);
        buf_printf(&b, "%s", "abc");
        if (max < 3) {
            assert_true(b.failed && b.n == 0);
            continue;
        }
        buf_printf(&b, "%0100d", 7);
        assert_int_equal(b.failed, max < 103);
        assert_int_equal(b.n, max < 103 ? 3 : 103);
        assert_int_equal(b.p[b.n], 0);
        assert_memory_equal(b.p, "abc", 3);
    }
}

static void reserves_and_commits(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 20);
    char *p = buf_reserve(&b, 20);
    assert_non_null(p);
    memcpy(p, "hello", 5);
    buf_commit(&b, 5);
    check_str(buf_str(&b), "hello");
    assert_null(buf_reserve(&b, 16));
    assert_true(b.failed);
    buf_reset(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
}

static void drops_from_the_front(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 20);
    buf_drop_front(&b, 0);
    buf_add_z(&b, "abcdef");
    buf_drop_front(&b, 2);
    check_str(buf_str(&b), "cdef");
    assert_int_equal(b.p[4], 0);
    buf_drop_front(&b, 4);
    check_str(buf_str(&b), "");
    buf_done(&b);
    buf_add_z(&b, "again");                                      /* done leaves the maximum */
    check_str(buf_str(&b), "again");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(adds_every_kind),
        cmocka_unit_test(percent_leaves_the_unreserved),
        cmocka_unit_test(never_passes_its_maximum),
        cmocka_unit_test(printing_fails_whole),
        cmocka_unit_test(reserves_and_commits),
        cmocka_unit_test(drops_from_the_front),
    };
    return RUN(tests);
}
