/* fuzz_engine_jwks.c - any bytes as a document of keys. What it holds was in it, and none of it signed a message with nothing for a signature. */
#include "engine/notice.h"
#include "fuzz.h"
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const struct fuzz_headers zero = { { { "x-fal-webhook-request-id", { "r", 1 } }, { "x-fal-webhook-user-id", { "u", 1 } }, { "x-fal-webhook-timestamp", { "0", 1 } },
        { "x-fal-webhook-signature", { "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000", 128 } } } };
    struct notice_jwks keys;
    struct notice_head head;
    struct err e = { 0 };
    char x[44];
    MUST(crypto_setup(&e) >= 0);
    int r = notice_jwks((struct str){ (const char *)data, n }, &keys, &e);
    if (r < 0) {
        MUST(r == ERR_UPSTREAM && e.code == r);
        return 0;
    }
    MUST(keys.n > 0 && keys.n <= NOTICE_JWKS_KEYS_MAX && n <= NOTICE_JWKS_MAX);
    bool escaped = memchr(data, '\\', n) != NULL;
    for (size_t i = 0; i < keys.n; i++) {
        base64url_encode(keys.key[i], 32, x);
        MUST(escaped || memmem(data, n, x, 43));
    }
    struct notice_said s = { fuzz_header, &zero, { (const char *)data, n } };
    MUST(notice_fal(&s, &keys, 0, &head, &e) == ERR_ENGINE_NOTICE);
    return 0;
}
