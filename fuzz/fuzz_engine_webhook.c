/*
 * fuzz_engine_webhook.c - any bytes as headers (each ended by LF) and a body: of Standard Webhooks and of fal. None is genuine. With a signature of
 * ours, Standard Webhooks is refused only for its id or its time.
 */
#include "engine/notice.h"
#include "engine/vectors.h"
#include "fuzz.h"
#include "headers.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct notice_secret secret;
    struct notice_jwks keys;
    struct notice_head head;
    struct err e = { 0 };
    struct str body = { (const char *)data, n }, signature;
    if (n > 64 * 1024)
        return 0;
    if (!secret.n)
        MUST(crypto_setup(&e) >= 0 && notice_secret(STR(VECTOR_SW_SECRET), &secret, &e) >= 0);
    MUST(notice_jwks(STR("{\"keys\":[" VECTOR_FAL_JWK "]}"), &keys, &e) >= 0);
    CLEANUP(arena_free) struct arena *a = arena_new(8192);
    struct str first = str_cut(&body, '\n'), second = str_cut(&body, '\n'), third = str_cut(&body, '\n'), fourth = str_cut(&body, '\n');
    struct fuzz_headers fal = { { { "x-fal-webhook-request-id", first }, { "x-fal-webhook-timestamp", second }, { "x-fal-webhook-signature", third },
                                  { "x-fal-webhook-user-id", fourth } } };
    struct notice_said s = { fuzz_header, &fal, body };
    int64_t now_ms = 0;
    (void)str_int(second, 0, INT64_C(99999999999), &now_ms);          /* so that the time is not what ends it */
    now_ms *= 1000;
    MUST(notice_fal(&s, &keys, now_ms, &head, &e) == ERR_ENGINE_NOTICE && e.code == ERR_ENGINE_NOTICE);
    struct fuzz_headers hook = { { { "webhook-id", first }, { "webhook-timestamp", second }, { "webhook-signature", third } } };
    s.from = &hook;
    MUST(notice_webhook(&s, &secret, 1, now_ms, &head, &e) == ERR_ENGINE_NOTICE);
    int r = notice_sign_webhook(&secret, 1, first, now_ms, body, a, &signature, &e);
    MUST(r == 0 || r == ERR_BAD_INPUT);
    if (r < 0)
        return 0;
    char time[24], list[2 * NOTICE_HEADER_MAX + 64];
    snprintf(time, sizeof(time), "%lld", (long long)(now_ms / 1000));
    hook.of[1].value = str_z(time);
    hook.of[2].value = signature;
    MUST(notice_webhook(&s, &secret, 1, now_ms, &head, &e) == 0 && str_eq(head.id, first) && head.sent_ms == now_ms);
    if (third.n < NOTICE_HEADER_MAX - 64 && !memchr(third.n ? third.p : "", ' ', third.n)) {            /* one more in the list does no harm */
        int list_n = snprintf(list, sizeof(list), "%.*s %.*s", STR_ARG(third), STR_ARG(signature));
        hook.of[2].value = (struct str){ list, (size_t)list_n };
        MUST(memchr(third.n ? third.p : "", 0, third.n) || notice_webhook(&s, &secret, 1, now_ms, &head, &e) == 0);
    }
    return 0;
}
