/*
 * fuzz_engine_hook.c - any bytes as what stands in our addresses for services (link, call, token, each ended by LF), and as the body of a message: of
 * VModel, which does not sign, and of Replicate, signed by us. Nobody makes a link or a token by chance; what names a call names a printable one.
 */
#include <stdio.h>

#include "base/id.h"
#include "engine/link.h"
#include "engine/notice.h"
#include "engine/provider.h"
#include "engine/vectors.h"
#include "fuzz.h"
#include "headers.h"

extern const struct provider provider_vmodel, provider_replicate;

static void check(int r, const struct provider_notice *about, const struct err *e) {
    MUST(r == 0 || (r == ERR_ENGINE_NOTICE && e->code == r));
    if (r < 0)
        return;
    MUST(about->id[0] && strlen(about->id) <= PROVIDER_ID_MAX && about->once.n > 0);
    for (const char *p = about->id; *p; p++)
        MUST(*p > ' ' && *p < 127);
}

static void replicate(struct str body, struct arena *a) {
    static struct { struct notice_secret of[NOTICE_KEYS_MAX]; size_t n; } ours;      /* as provider_replicate.c keeps them */
    struct provider_notice about = { 0 };
    struct str signature;
    struct err e = { 0 };
    if (!ours.n) {
        MUST(notice_secret(STR(VECTOR_SW_SECRET), &ours.of[0], &e) >= 0);
        ours.n = 1;
    }
    MUST(notice_sign_webhook(ours.of, 1, STR("msg_1"), 1000, body, a, &signature, &e) >= 0);
    struct fuzz_headers h = { { { "webhook-id", STR("msg_1") }, { "webhook-timestamp", STR("1") }, { "webhook-signature", signature } } };
    struct notice_said said = { fuzz_header, &h, body };
    check(provider_replicate.notice(&ours, &said, NULL, 1000, a, &about, &e), &about, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const uint8_t key[CRYPTO_KEY] = { 7 };
    struct str body = { (const char *)data, n };
    struct provider_notice about = { 0 };
    struct fuzz_headers none = { 0 };
    struct link_to to;
    struct err e = { 0 };
    int64_t call = 1;
    char text[LINK_TEXT + 1];
    if (n > 64 * 1024)
        return 0;
    MUST(crypto_setup(&e) >= 0);
    CLEANUP(arena_free) struct arena *a = arena_new(256 * 1024);
    struct str link = str_cut(&body, '\n'), name = str_cut(&body, '\n'), token = str_cut(&body, '\n');
    MUST(link_read(key, link, 0, &to) == ERR_NOT_FOUND);
    (void)id_parse(name, "call", &call);
    MUST(!notice_is_token(key, call, token));
    link_make(key, &(struct link_to){ call, (int64_t)n, INT64_MAX }, text);
    MUST(link_read(key, str_z(text), 0, &to) == 0 && to.attempt == call && to.asset == (int64_t)n);
    struct notice_said said = { fuzz_header, &none, body };
    check(provider_vmodel.notice(NULL, &said, NULL, 0, a, &about, &e), &about, &e);
    replicate(body, a);
    return 0;
}
