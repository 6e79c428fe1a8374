/* digest_test.c - HMAC with the vectors of RFC 2202 and RFC 4231, hashes by name. */
#include "base/digest.h"

#include "base/crypto.h"
#include "base/testing.h"

static void check_mac(const uint8_t *mac, size_t n, const char *want) {
    char hex[2 * DIGEST_MAX + 1];
    hex_encode(mac, n, hex);
    check_z(hex, want);
}

static void hmac_vectors(void **state) {
    uint8_t key[131], data[50], mac1[DIGEST_SHA1], mac256[DIGEST_SHA256];
    memset(key, 0xaa, sizeof(key));
    memset(data, 0xdd, sizeof(data));
    assert_true(digest_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, mac1));
    check_mac(mac1, sizeof(mac1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_true(digest_hmac_sha1(key, 20, data, 50, mac1));
    check_mac(mac1, sizeof(mac1), "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
    assert_true(digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac256));
    check_mac(mac256, sizeof(mac256), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_true(digest_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac256));      /* longer than a block */
    check_mac(mac256, sizeof(mac256), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_true(digest_hmac_sha256(NULL, 0, "", 0, mac256));
    check_mac(mac256, sizeof(mac256), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hashes_by_name(void **state) {
    uint8_t out[DIGEST_MAX];
    struct digest *d = digest_new("sha1");
    assert_non_null(d);
    digest_add(d, "ab", 2);
    digest_add(d, "c", 1);
    assert_int_equal(digest_end(d, out), DIGEST_SHA1);
    check_mac(out, DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_free(d);
    assert_null(digest_new("sha0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(hashes_by_name),
    };
    return RUN(tests);
}
