/* crypto_test.c - published vectors, and what the decoders refuse. */
#include "base/crypto.h"

#include "base/testing.h"

static void check_sha256(const void *p, size_t n, const char *want) {
    char hex[SHA256_HEX + 1];
    sha256_hex(p, n, hex);
    check_z(hex, want);
}

/* FIPS 180-2, appendix B. */
static void sha256_vectors(void **state) {
    check_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sha256 s;
    uint8_t hash[SHA256_LEN];
    char a[1000], hex[SHA256_HEX + 1];
    memset(a, 'a', sizeof(a));
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_add(&s, a, sizeof(a));
    sha256_end(&s, hash);
    hex_encode(hash, sizeof(hash), hex);
    check_z(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void hex_there_and_back(void **state) {
    uint8_t out[3] = { 0 };
    char text[7];
    hex_encode("\x00\x7F\xFF", 3, text);
    check_z(text, "007fff");
    assert_int_equal(hex_decode(STR("007FfF"), out, 3), 0);
    assert_memory_equal(out, "\x00\x7F\xFF", 3);
    static const char *const bad[] = { "", "007ff", "007fff0", "007fff00", "007ffg", "00 7ff", "007f\nf", "0x7fff" };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(hex_decode(str_z(bad[i]), out, 3), ERR_BAD_INPUT);
}

/* RFC 4648, section 10. */
static void base64_vectors(void **state) {
    static const struct { const char *plain, *standard, *url; } v[] = {
        { "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" }, { "fooba", "Zm9vYmE=", "Zm9vYmE" }, { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xFB\xFF\xFE", "+//+", "-__-" },
    };
    for (size_t i = 0; i < COUNT(v); i++) {
        char text[16];
        uint8_t out[6];
        size_t n = strlen(v[i].plain);
        assert_int_equal(base64url_encode(v[i].plain, n, text), strlen(v[i].url));
        check_z(text, v[i].url);
        assert_int_equal(base64_encode(v[i].plain, n, text), strlen(v[i].standard));
        check_z(text, v[i].standard);
        assert_int_equal(base64_decode(str_z(v[i].standard), true, out, sizeof(out)), n);
        assert_memory_equal(out, v[i].plain, n);
        assert_int_equal(base64_decode(str_z(v[i].url), false, out, sizeof(out)), n);
        assert_memory_equal(out, v[i].plain, n);
    }
}

static void base64_refuses(void **state) {
    static const char *const standard[] = { "Zg", "Zg=", "Zg===", "=", "Zh==", "Zm9v=", "Zm 9v", "Zm9v\n", "-__-", "Z", "Zm9vYmFyYg==" };
    static const char *const url[] = { "Zg==", "Zh", "+//+", "Z", "Zm9v ", "\xC3\xA9", "Zm9vYmFyYg" };
    uint8_t out[6];                                              /* the last of each is one byte too long */
    for (size_t i = 0; i < COUNT(standard); i++)
        assert_int_equal(base64_decode(str_z(standard[i]), true, out, sizeof(out)), ERR_BAD_INPUT);
    for (size_t i = 0; i < COUNT(url); i++)
        assert_int_equal(base64_decode(str_z(url[i]), false, out, sizeof(out)), ERR_BAD_INPUT);
    assert_int_equal(base64_decode(STR("Zm\0v"), true, out, sizeof(out)), ERR_BAD_INPUT);
    assert_int_equal(base64_decode(STR_NULL, true, out, sizeof(out)), 0);
}

static void random_differs_and_equal_compares(void **state) {
    uint8_t a[32], b[32];
    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    assert_false(crypto_equal(a, b, sizeof(a)));
    memcpy(b, a, sizeof(a));
    assert_true(crypto_equal(a, b, sizeof(a)));
    b[31] ^= 1;
    assert_false(crypto_equal(a, b, sizeof(a)));
}

static void seals_open_with_their_key_only(void **state) {
    uint8_t master[CRYPTO_KEY] = { 1, 2, 3 }, a[CRYPTO_KEY], b[CRYPTO_KEY], sealed[5 + CRYPTO_SEAL_EXTRA], again[sizeof sealed], out[5], mac[CRYPTO_MAC], mac2[CRYPTO_MAC];
    crypto_derive(master, 1, a);
    crypto_derive(master, 2, b);
    assert_memory_not_equal(a, b, CRYPTO_KEY);
    crypto_seal(a, "hello", 5, sealed);
    crypto_seal(a, "hello", 5, again);
    assert_memory_not_equal(sealed, again, sizeof sealed);
    assert_int_equal(crypto_open(a, sealed, sizeof sealed, out), 0);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(crypto_open(b, sealed, sizeof sealed, out), ERR_BAD_INPUT);
    assert_int_equal(crypto_open(a, sealed, CRYPTO_SEAL_EXTRA - 1, out), ERR_BAD_INPUT);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        assert_int_equal(crypto_open(a, sealed, sizeof sealed, out), ERR_BAD_INPUT);
        sealed[i] ^= 1;
    }
    crypto_mac(a, "x", 1, mac);
    crypto_mac(b, "x", 1, mac2);
    assert_memory_not_equal(mac, mac2, CRYPTO_MAC);
}

static void passwords_are_checked_and_grow_stale(void **state) {
    char hash[CRYPTO_PASSWORD_MAX];
    assert_int_equal(crypto_password_hash(STR("a password"), 8 << 20, 2, hash, NULL), 0);
    assert_true(strncmp(hash, "$argon2id$v=19$m=8192,t=2,p=1$", 30) == 0);
    assert_true(crypto_password_check(STR("a password"), hash));
    assert_false(crypto_password_check(STR("A password"), hash));
    assert_false(crypto_password_check(STR("a password"), ""));
    assert_false(crypto_password_stale(hash, 8 << 20, 2));
    assert_true(crypto_password_stale(hash, 8 << 20, 3));
    assert_true(crypto_password_stale(hash, 16 << 20, 2));
    assert_int_equal(crypto_password_nobody(8 << 20, 2, hash, NULL), 0);
    assert_true(strncmp(hash, "$argon2id$v=19$m=8192,t=2,p=1$", 30) == 0);
    assert_false(crypto_password_stale(hash, 8 << 20, 2));
    assert_false(crypto_password_check(STR("nobody's"), hash));
}

static int setup(void **state) { return crypto_setup(NULL); }

/* Of 256 values of a byte the letters of the alphabet are taken, and no others: libsodium 1.0.18 alone takes some above 127. */
static void base64_has_64_letters(void **state) {
    static const char *const extra[] = { "-_", "+/" };
    for (int standard = 0; standard < 2; standard++) {
        for (int c = 0; c < 256; c++) {
            char text[] = { 'A', (char)c, 'A', 'A', 0 };
            uint8_t out[4];
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(extra[standard], c));
            if (base64_decode((struct str){ text, 4 }, standard, out, sizeof(out)) != (letter ? 3 : ERR_BAD_INPUT))
                fail_msg("%d", c);
        }
    }
}

/* RFC 8032, section 7.1, tests 1 and 2. */
static void ed25519_vectors(void **state) {
    static const struct { const char *key, *signature, *message; } vectors[] = {
        { "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b", "" },
        { "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", "\x72" },
    };
    uint8_t key[32], signature[64];
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct str message = str_z(vectors[i].message);
        assert_int_equal(hex_decode(str_z(vectors[i].key), key, 32), 0);
        assert_int_equal(hex_decode(str_z(vectors[i].signature), signature, 64), 0);
        assert_true(crypto_ed25519(key, message.p, message.n, signature));
        assert_false(crypto_ed25519(key, "x", 1, signature));
        signature[63] ^= 0x20;                         /* S + 2^253: not the canonical one */
        assert_false(crypto_ed25519(key, message.p, message.n, signature));
        memset(key, 0, sizeof(key));                   /* of small order: R = A, S = 0 would sign everything */
        memset(signature, 0, sizeof(signature));
        assert_false(crypto_ed25519(key, message.p, message.n, signature));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(hex_there_and_back),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(base64_has_64_letters),
        cmocka_unit_test(ed25519_vectors),
        cmocka_unit_test(random_differs_and_equal_compares),
        cmocka_unit_test(seals_open_with_their_key_only),
        cmocka_unit_test(passwords_are_checked_and_grow_stale),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, NULL);
}
