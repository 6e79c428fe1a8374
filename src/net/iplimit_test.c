/* iplimit_test.c - counts per address stay right while addresses come and go. */
#include "net/iplimit.h"

#include <string.h>

#include "base/crypto.h"
#include "base/testing.h"

#define ADDRESSES 500
#define PER_IP    3

static void ip_of(uint32_t n, uint8_t ip[16]) {
    memset(ip, 0, 16);
    ip[10] = ip[11] = 0xff;
    memcpy(ip + 12, &n, 4);
}

static void counts_each_address(void **state) {
    static int open[ADDRESSES];
    struct iplimit *t = iplimit_new(PER_IP, ADDRESSES);
    uint32_t x = 1;
    uint8_t ip[16];
    for (int step = 0; step < 200000; step++) {
        x = x * 1664525 + 1013904223;
        uint32_t n = (x >> 10) % ADDRESSES;
        ip_of(n, ip);
        if (x >> 31) {
            bool ok = iplimit_take(t, ip);
            assert_int_equal(ok, open[n] < PER_IP);
            open[n] += ok;
        } else if (open[n]) {
            iplimit_drop(t, ip);
            open[n]--;
        }
    }
    for (uint32_t n = 0; n < ADDRESSES; n++)
        for (ip_of(n, ip); open[n]; open[n]--)
            iplimit_drop(t, ip);
    for (uint32_t n = 0; n < ADDRESSES; n++) {           /* all is empty again: everybody has a full share */
        ip_of(n + 1000, ip);
        assert_true(iplimit_take(t, ip));
    }
    iplimit_free(t);
}

static void counts_ipv6_by_64(void **state) {
    struct iplimit *t = iplimit_new(1, 10);
    uint8_t a[16] = { 0x20, 1, [15] = 1 }, b[16] = { 0x20, 1, [15] = 2 }, c[16] = { 0x20, 1, [7] = 1 };
    assert_true(iplimit_take(t, a));
    assert_false(iplimit_take(t, b));
    assert_true(iplimit_take(t, c));
    iplimit_free(t);
}

static void zero_is_no_limit(void **state) {
    struct iplimit *t = iplimit_new(0, 1);
    uint8_t ip[16] = { 1 };
    for (int i = 0; i < 100; i++)
        assert_true(iplimit_take(t, ip));
    iplimit_drop(t, ip);
    iplimit_free(t);
}

int main(void) {
    struct err e;
    assert_int_equal(crypto_setup(&e), 0);
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts_each_address), cmocka_unit_test(counts_ipv6_by_64), cmocka_unit_test(zero_is_no_limit) };
    return RUN(tests);
}
