/* auth_test.c - tokens, which requests count as our own pages', and what a device is called. The rest: tests/60-accounts.test.mjs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/internal.h"
#include "auth/jws.h"
#include "base/crypto.h"
#include "db/db.h"
#include "net/server.h"

static void tokens_are_43_characters_and_differ(void **state) {
    char a[AUTH_TOKEN_MAX], b[AUTH_TOKEN_MAX];
    auth_token_new(a);
    auth_token_new(b);
    assert_int_equal(strlen(a), AUTH_TOKEN_MAX - 1);
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), AUTH_TOKEN_MAX - 1);
}

static void a_mark_of_having_asked_is_of_one_address_and_an_hour(void **state) {
    static struct auth a = { .asked_key = { 7 } }, other = { .asked_key = { 8 } };
    const int64_t now = INT64_C(1796000000000);
    char mark[AUTH_ASKED_MAX];
    auth_asked_mark(&a, "lin@photos.example", now, mark);
    struct str m = str_z(mark);
    assert_true(auth_asked_here(&a, "lin@photos.example", m, now));
    assert_true(auth_asked_here(&a, "lin@photos.example", m, now + AUTH_MAILED_MS));
    assert_false(auth_asked_here(&a, "lin@photos.example", m, now + AUTH_MAILED_MS + 1));
    assert_false(auth_asked_here(&a, "lin@photos.example", m, now - 1));
    assert_false(auth_asked_here(&a, "mei@photos.example", m, now));
    assert_false(auth_asked_here(&other, "lin@photos.example", m, now));
    m.n--;
    assert_false(auth_asked_here(&a, "lin@photos.example", m, now));
    assert_false(auth_asked_here(&a, "lin@photos.example", STR("-"), now));
    assert_false(auth_asked_here(&a, "lin@photos.example", STR_NULL, now));
}

static void only_our_own_pages_may_act_with_a_cookie(void **state) {
    static const struct { const char *site, *origin, *host; bool unknown, want; } cases[] = {
        { "same-origin", NULL, "a.example", false, true },
        { "same-site", NULL, "a.example", false, false },
        { "cross-site", "https://a.example", "a.example", true, false },     /* the browser knows better than a header */
        { "none", NULL, "a.example", true, false },
        { NULL, "https://a.example", "a.example", false, true },
        { NULL, "http://a.example:8080", "a.example:8080", false, true },
        { NULL, "https://A.Example", "a.example", false, true },
        { NULL, "https://b.example", "a.example", true, false },
        { NULL, "https://a.example.evil.example", "a.example", true, false },
        { NULL, "null", "a.example", true, false },
        { NULL, NULL, "a.example", false, false },
        { NULL, NULL, "a.example", true, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (auth_same_origin(str_z(cases[i].site), str_z(cases[i].origin), str_z(cases[i].host), cases[i].unknown) != cases[i].want)
            fail_msg("case %zu", i);
}

static void devices_are_called_by_our_own_words(void **state) {
    static const struct { const char *ua, *want; } cases[] = {
        { "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Windows" },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0", "Edge on macOS" },
        { "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome on Android" },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42", "WeChat on iPhone" },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15", "Safari on macOS" },
        { "curl/7.88.1", "curl" }, { "Windows", "Windows" }, { "<b>\x01", "Unknown device" }, { "", "Unknown device" },
    };
    char out[80];
    for (size_t i = 0; i < COUNT(cases); i++) {
        auth_device_label(str_z(cases[i].ua), out);
        assert_string_equal(out, cases[i].want);
    }
}

static void addresses_are_coarse(void **state) {
    struct http_addr v4 = { .ip = { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 77 } };
    struct http_addr v6 = { .ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, [15] = 9 } };
    char out[56];
    auth_device_address(&v4, out);
    assert_string_equal(out, "192.0.2.0/24");
    auth_device_address(&v6, out);
    assert_string_equal(out, "2001:db8:1::/48");
}

static void what_would_end_cjose_does_not_reach_it(void **state) {
    static const char *const bad[] = { "", ".", "..", "e=================lIn0.e30.", "e30.e30", "e30.e30.e30.e30", "e30.a.e30", "e30.e30.abcde", "e3 .e30.e30" };
    struct jws_key *k = jws_key_new();
    char plain[64];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(jws_verify(k, bad[i], strlen(bad[i]), plain, sizeof plain, &n));
    jws_key_free(k);
}

static void a_signature_is_of_its_key_and_its_bytes(void **state) {
    struct jws_key *a = jws_key_new(), *b = jws_key_new();
    char token[640], plain[64], *json = jws_key_write(a);
    size_t n = 0;
    assert_true(a && b && json && jws_sign(a, "k", "{\"x\":1}", token, sizeof token));
    assert_true(jws_verify(a, token, strlen(token), plain, sizeof plain, &n));
    assert_memory_equal(plain, "{\"x\":1}", n);
    assert_false(jws_verify(b, token, strlen(token), plain, sizeof plain, &n));
    assert_false(jws_verify(a, token, strlen(token), plain, 3, &n));
    assert_false(jws_sign(a, "k", "{}", token, 10));
    for (size_t i = 0; i < strlen(token); i += 3) {
        char c = token[i];
        token[i] = c == 'A' ? 'B' : 'A';
        assert_false(jws_verify(a, token, strlen(token), plain, sizeof plain, &n));
        token[i] = c;
    }
    struct jws_key *again = jws_key_read(json, strlen(json));
    assert_true(again && jws_verify(again, token, strlen(token), plain, sizeof plain, &n));
    assert_null(jws_key_read("{}", 2));
    jws_key_free(a);
    jws_key_free(b);
    jws_key_free(again);
    free(json);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

/* As long as master.key is there, over every restart; and none is another's. */
static void a_key_for_another_room_outlives_the_process(void **state) {
    static const struct setting *const tables[] = { db_settings, NULL };
    char dir[] = "/tmp/zt-auth-XXXXXX";
    uint8_t key[3][CRYPTO_KEY] = { 0 };
    struct config *cfg = NULL;
    struct err e = { 0 };
    assert_non_null(mkdtemp(dir));
    assert_int_equal(config_new(tables, &cfg, &e), 0);
    for (int i = 0; i < 3; i++) {
        struct auth a = { .issuer = "https://photos.example" };
        char master[64];
        snprintf(master, sizeof master, "%s/master.key", dir);
        if (i == 2)
            assert_int_equal(truncate(master, 0), 0);      /* what the operator does who wants new keys */
        assert_int_equal(db_open(cfg, dir, false, &a.db, &e), 0);
        assert_int_equal(auth__keys_open(&a, dir, &e), 0);
        auth_derive(&a, AUTH_FOR_TEST_MONEY, key[i]);
        assert_memory_not_equal(key[i], a.seal_key, CRYPTO_KEY);
        assert_memory_not_equal(key[i], a.mac_key, CRYPTO_KEY);
        assert_memory_not_equal(key[i], a.asked_key, CRYPTO_KEY);
        auth__keys_close(&a);
        db_close(a.db);
    }
    assert_memory_equal(key[0], key[1], CRYPTO_KEY);
    assert_memory_not_equal(key[0], key[2], CRYPTO_KEY);
    config_free(cfg);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int setup(void **state) { return crypto_setup(NULL); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_43_characters_and_differ),
        cmocka_unit_test(a_mark_of_having_asked_is_of_one_address_and_an_hour),
        cmocka_unit_test(only_our_own_pages_may_act_with_a_cookie),
        cmocka_unit_test(devices_are_called_by_our_own_words),
        cmocka_unit_test(addresses_are_coarse),
        cmocka_unit_test(what_would_end_cjose_does_not_reach_it),
        cmocka_unit_test(a_signature_is_of_its_key_and_its_bytes),
        cmocka_unit_test(a_key_for_another_room_outlives_the_process),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
