/* fuzz_pay_stripe.c - any bytes as Stripe-Signature, NUL, and a body: none is genuine. The body signed by us as an event, and as every answer. */
#include "fuzz.h"
#include "base/digest.h"
#include "pay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const settings[][2] = { { "pay.stripe_key", "sk_test_1" }, { "pay.stripe_webhook_secret", "whsec_1" } };
    static const char *const ids[] = { "cs_1", "in_1", "sub_1" };
    struct str body = { (const char *)data, n }, header = str_cut(&body, 0);
    struct pay_notice notice;
    struct err e = { 0 };
    uint8_t mac[DIGEST_SHA256];
    char hex[2 * DIGEST_SHA256 + 1];
    if (n > 64 * 1024)
        return 0;
    fuzz_setup(settings, COUNT(settings), NULL, NULL, "");
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct fuzz_headers h = { { { "Stripe-Signature", header } } };
    struct pay_said said = { 0, fuzz_header, &h, body };
    MUST(pay_notice(fuzz_pay, "stripe", &said, FUZZ_NOW, a, &notice, &e) < 0);
    struct str message = arena_printf(a, "%lld.%.*s", (long long)(FUZZ_NOW / 1000), STR_ARG(body));
    MUST(digest_hmac_sha256("whsec_1", 7, message.p, message.n, mac));
    hex_encode(mac, sizeof(mac), hex);
    h.of[0].value = arena_printf(a, "t=%lld,v1=%s", (long long)(FUZZ_NOW / 1000), hex);
    if (!body.n || !memchr(body.p, 0, body.n)) {         /* %.*s ends at a NUL */
        int r = pay_notice(fuzz_pay, "stripe", &said, FUZZ_NOW, a, &notice, &e);
        MUST(r == 0 || r == ERR_PAY_NOTICE);
        if (r == 0)
            fuzz_check_notice(&notice);
    }
    for (size_t i = 0; i < COUNT(ids); i++)
        fuzz_answers(200, &h, body, ids[i]);
    fuzz_answers(402, &h, body, "cs_1");
    return 0;
}
