/* share_test.c - the share, the burst, and that strangers do not pay for each other. */
#include "net/share.h"

#include "base/crypto.h"
#include "base/testing.h"

#define SECOND INT64_C(1000000)

static void counts_by_key(void **state) {
    struct share *s = share_new(10);
    int over = 0;
    for (int i = 0; i < 20; i++)
        assert_false(share_over(s, 1, SECOND));                   /* two seconds' worth at once */
    assert_true(share_over(s, 1, SECOND));
    assert_false(share_over(s, 2, SECOND));
    assert_true(share_over(s, 1, SECOND + SECOND / 20));
    assert_false(share_over(s, 1, SECOND + SECOND / 10));         /* what was over was not counted */
    for (int i = 0; i < 1000; i++)
        over += share_over(s, 3, 10 * SECOND + i * SECOND / 100); /* ten times the share, for ten seconds */
    assert_in_range(1000 - over, 119, 121);
    share_free(s);
}

/* 1,000 busy ones fill 3 % of each half of the table, so about one of 1,000 others shares both slots with them. */
static void strangers_are_told_apart(void **state) {
    struct share *s = share_new(1);
    int wronged = 0;
    for (uint64_t busy = 0; busy < 1000; busy++)
        for (int i = 0; i < 100; i++)
            share_over(s, busy, SECOND);
    for (uint64_t key = 1000; key < 2000; key++)
        wronged += share_over(s, key, SECOND);
    assert_in_range(wronged, 0, 15);
    share_free(s);
}

static void no_share_is_no_limit(void **state) {
    assert_null(share_new(0));
    for (int i = 0; i < 1000; i++)
        assert_false(share_over(NULL, 1, 0));
    share_free(NULL);
}

static void addresses(void **state) {
    uint8_t a[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 }, b[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };
    uint8_t c[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 1 }, d[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 2 },
            f[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 2, [15] = 1 };
    assert_true(share_key_ip(a) != share_key_ip(b));
    assert_true(share_key_ip(c) == share_key_ip(d));
    assert_true(share_key_ip(c) != share_key_ip(f));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts_by_key), cmocka_unit_test(strangers_are_told_apart),
                                        cmocka_unit_test(no_share_is_no_limit), cmocka_unit_test(addresses) };
    return crypto_setup(NULL) < 0 || RUN(tests);
}
