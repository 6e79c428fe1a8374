/*
 * fuzz_engine_eventbridge.c - any bytes as the six headers of EventBridge (each ended by LF) and a body; as a certificate; and headers of the right
 * kind with our token signed by the key of the vectors, which are then refused for their time and form only.
 */
#include "engine/notice.h"
#include "engine/vectors.h"
#include "fuzz.h"
#include "headers.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/rsa.h"

#define TARGET STR("https://photo.example.com/v1/hooks/dashscope")

static struct rsa_key *key_of(const char *what, const char *base64, bool is_private) {
    char pem[4096], serial[RSA_SERIAL_MAX];
    int n = snprintf(pem, sizeof(pem), "-----BEGIN %s-----\n%s\n-----END %s-----\n", what, base64, what);
    return is_private ? rsa_private(pem, (size_t)n) : rsa_public(pem, (size_t)n, serial);
}

/* In the place of the certificate, the whole input: read, and asked about a signature, or refused. */
static void as_certificate(const uint8_t *data, size_t n) {
    static const uint8_t signature[256];
    char serial[RSA_SERIAL_MAX];
    CLEANUP(rsa_free) struct rsa_key *k = rsa_public((const char *)data, n, serial);
    if (k)
        MUST(!rsa_verify(k, "m", 1, signature, sizeof(signature)) && strlen(serial) < RSA_SERIAL_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct rsa_key *certificate, *key;
    struct str body = { (const char *)data, n }, url;
    struct notice_head head;
    struct err e = { 0 };
    int64_t now_ms = 0;
    if (n > NOTICE_CERTIFICATE_MAX)
        return 0;
    if (!key) {
        MUST(crypto_setup(&e) >= 0);
        certificate = key_of("CERTIFICATE", VECTOR_EB_CERTIFICATE, false);
        key = key_of("PRIVATE " "KEY", VECTOR_EB_KEY, true);
        MUST(certificate && key);
    }
    as_certificate(data, n);
    struct fuzz_headers h = { { { "x-eventbridge-signature-timestamp", str_cut(&body, '\n') }, { "x-eventbridge-hash-method", str_cut(&body, '\n') },
                                { "x-eventbridge-signature-version", str_cut(&body, '\n') }, { "x-eventbridge-signature-url", str_cut(&body, '\n') },
                                { "x-eventbridge-signature-token", str_cut(&body, '\n') }, { "x-eventbridge-signature-v2", str_cut(&body, '\n') } } };
    struct notice_said s = { fuzz_header, &h, body };
    (void)str_int(h.of[0].value, 0, INT64_C(99999999999999), &now_ms);
    MUST(notice_eventbridge(&s, TARGET, STR(VECTOR_EB_TOKEN), certificate, now_ms, &head, &e) == ERR_ENGINE_NOTICE);
    int r = notice_eventbridge_certificate(&s, &url, &e);
    MUST(r == ERR_ENGINE_NOTICE || (r == 0 && str_starts(url, STR("https://")) && memmem(url.p, url.n, "-eventbridge.oss-accelerate.aliyuncs.com/", 41)));
    if (!str_eqz(h.of[1].value, "SHA256") || !str_eqz(h.of[2].value, "1.0") || !str_eqz(h.of[4].value, VECTOR_EB_TOKEN))
        return 0;                              /* refused before the signature is looked at, and to make one costs most of the time */
    BUF_CLEANUP struct buf b;
    uint8_t raw[RSA_SIGNATURE_MAX];
    char text[2 * RSA_SIGNATURE_MAX];
    buf_init(&b, 2 * NOTICE_CERTIFICATE_MAX);
    buf_add_str(&b, TARGET);
    buf_add_c(&b, '\n');
    for (size_t i = 0; i < 5; i++)
        buf_printf(&b, "%s: %.*s\n", h.of[i].name, STR_ARG(h.of[i].value));
    buf_add_str(&b, body);
    MUST(!b.failed);
    h.of[5].value = (struct str){ text, base64_encode(raw, rsa_sign(key, b.p, b.n, raw), text) };
    r = notice_eventbridge(&s, TARGET, STR(VECTOR_EB_TOKEN), certificate, now_ms, &head, &e);
    MUST(r == ERR_ENGINE_NOTICE || (r == 0 && head.sent_ms == now_ms));
    return 0;
}
