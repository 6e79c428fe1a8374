/*
 * testing.h - providers that are set up with the keys of vectors.h, and messages to them, for the tests of this room.
 * Used by: *_test.c and fuzz/ only.
 */
#ifndef ZT_PAY_TESTING_H
#define ZT_PAY_TESTING_H

#include <ftw.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/rsa.h"
#include "base/testing.h"
#include "pay/internal.h"
#include "pay/vectors.h"

#define TEST_SERIAL_P  "PUB_KEY_ID_0000000001"
#define TEST_NONCE     "593BEC0C930BF1AFEB40B4A08C8FB242"
#define TEST_V3_KEY    "0123456789abcdef0123456789abcdef"

/* -Wunused-function: not every program uses all of it */
#define TEST_FN __attribute__((unused)) static

static char test_dir[64];
static struct config *test_cfg;
static struct pay *test_pay;
static struct arena *test_arena;
static struct err err;

TEST_FN void test_pem(const char *name, const char *what, const char *base64) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", test_dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "-----BEGIN %s-----\n", what);
    for (size_t i = 0, n = strlen(base64); i < n; i += 64)
        fprintf(f, "%.64s\n", base64 + i);
    fprintf(f, "-----END %s-----\n", what);
    fclose(f);
}

TEST_FN void test_set(const char *name, const char *value) {
    if (config_set(test_cfg, name, str_z(value), "test", &err) < 0)
        fail_msg("%s", err.text);
}
TEST_FN void test_set_file(const char *name, const char *before, const char *file) {
    char value[300];
    snprintf(value, sizeof(value), "%s%s/%s", before, test_dir, file);
    test_set(name, value);
}

TEST_FN void test_config(void) {
    static const struct setting *const tables[] = { pay_settings, NULL };
    assert_int_equal(crypto_setup(&err), 0);
    snprintf(test_dir, sizeof(test_dir), "/tmp/zt-pay-XXXXXX");
    assert_non_null(mkdtemp(test_dir));
    test_pem("m.pem", "PRIVATE KEY", VECTOR_KEY_M);
    test_pem("m_public.pem", "PUBLIC KEY", VECTOR_KEY_M_PUBLIC);
    test_pem("p.pem", "PRIVATE KEY", VECTOR_KEY_P);
    test_pem("p_public.pem", "PUBLIC KEY", VECTOR_KEY_P_PUBLIC);
    assert_int_equal(config_new(tables, &test_cfg, &err), 0);
    test_arena = arena_new(8 * PAY_ARENA);
}
TEST_FN void test_wechat(void) {
    test_set("pay.wechat_mchid", "1900009191");
    test_set("pay.wechat_appid", "wxd678efh567hg6787");
    test_set("pay.wechat_mini_appid", "wxmini");
    test_set("pay.wechat_serial", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C");
    test_set("pay.wechat_v3_key", TEST_V3_KEY);
    test_set("pay.wechat_url", "https://wechat.example");
    test_set_file("pay.wechat_key_file", "", "m.pem");
    test_set_file("pay.wechat_verify", TEST_SERIAL_P "=", "p_public.pem");
}
TEST_FN void test_stripe(void) {
    test_set("pay.stripe_key", "sk_test_1");
    test_set("pay.stripe_webhook_secret", "whsec_test_secret_0123456789");
}
TEST_FN void test_alipay(void) {
    test_set("pay.alipay_app_id", "2021000000000001");
    test_set("pay.alipay_seller_id", "2088102119685838");
    test_set("pay.alipay_url", "https://alipay.example/gateway.do");
    test_set_file("pay.alipay_key_file", "", "m.pem");
    test_set_file("pay.alipay_verify_file", "", "p_public.pem");
}
TEST_FN void test_open(struct db *d) {
    static const uint8_t key[CRYPTO_KEY] = "a key of tests, and of no server";
    if (pay_new(test_cfg, NULL, d, key, &test_pay, &err) < 0)
        fail_msg("%s", err.text);
}
TEST_FN int test_rm(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }
TEST_FN void test_done(void) {
    pay_free(TAKE(test_pay));
    config_free(TAKE(test_cfg));
    arena_free(TAKE(test_arena));
    nftw(test_dir, test_rm, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- a message: headers as "Name", "value" pairs ---- */
struct test_said { const char *headers[16]; };
TEST_FN struct str test_header(const void *from, const char *name) {
    const struct test_said *s = from;
    for (size_t i = 0; s && i + 1 < COUNT(s->headers) && s->headers[i]; i += 2)
        if (str_ieq(str_z(s->headers[i]), str_z(name)))
            return str_z(s->headers[i + 1]);
    return STR_NULL;
}

TEST_FN int test_build(const char *provider, const struct pay_work *w, int64_t now_ms, struct pay_call *c, struct pay_result *result) {
    const struct pay_open *o = pay__find(test_pay, provider);
    struct pay_moment m = { .now_ms = now_ms, .nonce = TEST_NONCE };
    err = (struct err){ 0 };
    assert_non_null(o);
    return pay__build(o->driver, o->g, w, &m, test_arena, c, result, &err);
}
TEST_FN int test_parse(const char *provider, const struct pay_work *w, int64_t now_ms, int status, const struct test_said *headers, struct str body,
                       struct pay_result *result) {
    const struct pay_open *o = pay__find(test_pay, provider);
    struct pay_moment m = { .now_ms = now_ms, .nonce = TEST_NONCE };
    struct pay_said s = { status, test_header, headers, body };
    err = (struct err){ 0 };
    *result = (struct pay_result){ 0 };
    assert_non_null(o);
    return o->driver->parse(o->g, w, &s, &m, test_arena, result, &err);
}
TEST_FN int test_notice(const char *provider, int64_t now_ms, const struct test_said *headers, struct str body, struct pay_notice *ret) {
    struct pay_said s = { 0, test_header, headers, body };
    err = (struct err){ 0 };
    return pay_notice(test_pay, provider, &s, now_ms, test_arena, ret, &err);
}
/* RSA by KEY_P, which plays WeChat and Alipay, in base64. */
TEST_FN const char *test_sign_p(struct str message) {
    BUF_CLEANUP struct buf pem;
    uint8_t raw[RSA_SIGNATURE_MAX];
    char *text = arena_alloc(test_arena, RSA_SIGNATURE_MAX * 2);
    buf_init(&pem, 8192);
    buf_printf(&pem, "-----BEGIN %s KEY-----\n%s\n-----END %s KEY-----\n", "PRIVATE", VECTOR_KEY_P, "PRIVATE");
    CLEANUP(rsa_free) struct rsa_key *k = rsa_private(pem.p, pem.n);
    base64_encode(raw, rsa_sign(k, message.p, message.n, raw), text);
    return text;
}
TEST_FN struct str test_call_header(const struct pay_call *c, const char *name) {
    for (size_t i = 0; c->headers[i]; i++) {
        struct str value = str_z(c->headers[i]), key = str_cut(&value, ':');
        if (str_eqz(key, name))
            return str_trim(value);
    }
    return STR_NULL;
}

#endif
