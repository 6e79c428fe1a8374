/* pay.h - providers with the throwaway keys of pay/vectors.h, for the fuzz targets of pay/; and what genuine messages must be like. */
#ifndef ZT_FUZZ_PAY_H
#define ZT_FUZZ_PAY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/rsa.h"
#include "headers.h"
#include "pay/internal.h"
#include "pay/vectors.h"

#define FUZZ_NOW INT64_C(1767234897000)

static struct pay *fuzz_pay;
static struct rsa_key *fuzz_key;               /* KEY_P: plays the provider */

static void fuzz_file(const char *dir, const char *name, const char *what, const char *base64, char path[128]) {
    snprintf(path, 128, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    MUST(f);
    fprintf(f, "-----BEGIN %s-----\n%s\n-----END %s-----\n", what, base64, what);
    fclose(f);
}

static void fuzz_setup(const char *const (*settings)[2], size_t n, const char *key_setting, const char *verify_setting, const char *verify_before) {
    static const struct setting *const tables[] = { pay_settings, NULL };
    static const uint8_t test_key[CRYPTO_KEY] = "k";
    struct config *cfg = NULL;                 /* for good, as in the server */
    struct err e;
    char dir[] = "/tmp/zt-fuzz-XXXXXX", m[128], p[128], value[300], pem[4096];
    if (fuzz_pay)
        return;
    MUST(crypto_setup(&e) >= 0 && config_new(tables, &cfg, &e) >= 0 && mkdtemp(dir));
    fuzz_file(dir, "m.pem", "PRIVATE KEY", VECTOR_KEY_M, m);
    fuzz_file(dir, "p.pem", "PUBLIC KEY", VECTOR_KEY_P_PUBLIC, p);
    for (size_t i = 0; i < n; i++)
        MUST(config_set(cfg, settings[i][0], str_z(settings[i][1]), "fuzz", &e) >= 0);
    snprintf(value, sizeof(value), "%s%s", verify_before, p);
    if (key_setting)
        MUST(config_set(cfg, key_setting, str_z(m), "fuzz", &e) >= 0 && config_set(cfg, verify_setting, str_z(value), "fuzz", &e) >= 0);
    MUST(pay_new(cfg, NULL, NULL, test_key, &fuzz_pay, &e) >= 0);
    int n_pem = snprintf(pem, sizeof(pem), "-----BEGIN %s KEY-----\n%s\n-----END %s KEY-----\n", "PRIVATE", VECTOR_KEY_P, "PRIVATE");
    MUST(fuzz_key = rsa_private(pem, (size_t)n_pem));
    unlink(m);
    unlink(p);
    rmdir(dir);
}

/* RSA over the message by KEY_P, in base64. */
static inline struct str fuzz_sign(struct arena *a, struct str message) {
    uint8_t raw[RSA_SIGNATURE_MAX];
    size_t n = rsa_sign(fuzz_key, message.p, message.n, raw);
    char *text = arena_alloc(a, RSA_SIGNATURE_MAX * 2);
    return (struct str){ text, base64_encode(raw, n, text) };
}

static inline void fuzz_check_truth(const struct pay_truth *t) {
    MUST((unsigned)t->state < PAY_STATE_COUNT && (unsigned)t->member.state < PAY_MEMBER_STATE_COUNT);
    MUST(t->number.n == 0 || pay__is_number(t->number));
    MUST(t->state == PAY_PAID ? t->paid.minor >= 0 && t->paid.minor <= PAY_MINOR_MAX && strlen(t->paid.currency) == 3 : t->paid.minor == 0);
    MUST(t->fee_minor >= -1 && t->refunded_minor >= -1 && t->paid_ms >= 0);
}
static inline void fuzz_check_refund(const struct pay_refund_truth *t) {
    MUST((unsigned)t->state < PAY_REFUND_STATE_COUNT && t->amount.minor > 0 && t->amount.minor <= PAY_MINOR_MAX && strlen(t->amount.currency) == 3);
}
static inline void fuzz_check_notice(const struct pay_notice *n) {
    MUST((unsigned)n->about < PAY_ABOUT_COUNT);
    if (n->truth && n->about != PAY_ABOUT_REFUND)
        fuzz_check_truth(&n->payment);
    if (n->truth && n->about == PAY_ABOUT_REFUND)
        fuzz_check_refund(&n->refund);
}

/* The body as the answer to every op, with what a genuine answer has around it. */
static inline void fuzz_answers(int status, const struct fuzz_headers *h, struct str body, const char *id) {
    const struct pay_open *o = &fuzz_pay->open[0];
    struct pay_ask ask = { .number = STR("T20260101-0001"), .price = { 1990, "CNY" }, .scene = PAY_QR };
    struct pay_which which = { .number = ask.number, .provider_id = str_z(id) };
    struct pay_refund_ask refund = { .number = STR("refund-7"), .of = which, .amount = { 5, "CNY" } };
    struct pay_change_ask change = { .member = str_z(id) };
    struct pay_moment m = { .now_ms = FUZZ_NOW, .nonce = "0123456789ABCDEF0123456789ABCDEF" };
    struct pay_said said = { status, fuzz_header, h, body };
    for (unsigned op = 0; op < PAY_OP_COUNT; op++) {
        CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
        struct pay_work w = { .op = (enum pay_op)op, .ask = op == PAY_OP_START ? &ask : NULL, .which = &which,
                              .refund = op == PAY_OP_REFUND || op == PAY_OP_QUERY_REFUND ? &refund : NULL, .change = &change };
        struct pay_result r = { 0 };
        struct err e = { 0 };
        if (op > PAY_OP_QUERY_REFUND && !(o->driver->ops & 1u << op))
            continue;
        int got = o->driver->parse(o->g, &w, &said, &m, a, &r, &e);
        MUST(got == 0 ? status == 200 || op == PAY_OP_KEYS : got == e.code);
        if (got == 0 && op == PAY_OP_QUERY)
            fuzz_check_truth(&r.truth);
        if (got == 0 && (op == PAY_OP_REFUND || op == PAY_OP_QUERY_REFUND))
            fuzz_check_refund(&r.refund);
    }
}

#endif
