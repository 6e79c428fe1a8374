/* notice_test.c - which messages are believed: the vectors, and whatever differs from them by a little. */
#include "engine/notice.h"

#include "base/buf.h"
#include "base/rsa.h"
#include "base/testing.h"
#include "engine/vectors.h"

static struct arena *arena;
static struct err err;
static struct rsa_key *certificate;

static struct str pem(const char *what, const char *base64) {
    return arena_printf(arena, "-----BEGIN %s-----\n%s\n-----END %s-----\n", what, base64, what);
}

static int setup(void **state) {
    char serial[RSA_SERIAL_MAX];
    arena = arena_new(1024 * 1024);
    struct str p = pem("CERTIFICATE", VECTOR_EB_CERTIFICATE);
    certificate = rsa_public(p.p, p.n, serial);
    assert_non_null(certificate);
    return crypto_setup(&err);
}
static int teardown(void **state) {
    rsa_free(certificate);
    arena_free(arena);
    return 0;
}

/* ---- a message: names and values in pairs; one with the value NULL is absent ---- */
#define HEADERS_MAX 7
struct said { const char *headers[2 * HEADERS_MAX]; };
static struct str header_of(const void *from, const char *name) {
    const struct said *s = from;
    for (size_t i = 0; i + 1 < COUNT(s->headers) && s->headers[i]; i += 2)
        if (str_ieq(str_z(s->headers[i]), str_z(name)) && s->headers[i + 1])
            return str_z(s->headers[i + 1]);
    return STR_NULL;
}
static struct notice_said message(const struct said *s, struct str body) { return (struct notice_said){ header_of, s, body }; }

typedef int checked(const struct said *s, struct str body, int64_t now_ms);

/* Every byte of a value (or of the body) is changed in turn, it is cut, made longer, and left out: none of that is believed. at: index of the value. */
static void nothing_else_is_believed(checked *check, const struct said *good, size_t at, struct str body, int64_t now_ms) {
    struct said s = *good;
    char text[RSA_SIGNATURE_MAX];
    size_t n = strlen(good->headers[at]);
    assert_true(n + 2 < sizeof(text));
    s.headers[at] = text;
    for (size_t i = 0; i < n; i++) {
        memcpy(text, good->headers[at], n + 1);
        text[i] ^= 1;
        if (check(&s, body, now_ms) != ERR_ENGINE_NOTICE)
            fail_msg("%s: %s", s.headers[at - 1], text);
    }
    snprintf(text, sizeof(text), "%s", good->headers[at]);
    text[n - 1] = 0;
    assert_int_equal(check(&s, body, now_ms), ERR_ENGINE_NOTICE);
    snprintf(text, sizeof(text), "%s0", good->headers[at]);
    assert_int_equal(check(&s, body, now_ms), ERR_ENGINE_NOTICE);
    text[0] = 0;
    assert_int_equal(check(&s, body, now_ms), ERR_ENGINE_NOTICE);
    s.headers[at] = NULL;
    assert_int_equal(check(&s, body, now_ms), ERR_ENGINE_NOTICE);
}

static void no_other_body_is_believed(checked *check, const struct said *good, struct str body, int64_t now_ms) {
    char *text = arena_alloc(arena, body.n + 2);
    for (size_t i = 0; i < body.n; i++) {
        memcpy(text, body.p, body.n);
        text[i] ^= 1;
        assert_int_equal(check(good, (struct str){ text, body.n }, now_ms), ERR_ENGINE_NOTICE);
    }
    memcpy(text, body.p, body.n);
    text[body.n] = '\n';
    text[body.n + 1] = '\n';
    assert_int_equal(check(good, (struct str){ text, body.n + 2 }, now_ms), ERR_ENGINE_NOTICE);
    assert_int_equal(check(good, (struct str){ text, body.n - 1 }, now_ms), ERR_ENGINE_NOTICE);
    assert_int_equal(check(good, STR(""), now_ms), ERR_ENGINE_NOTICE);
}

/* ---- Standard Webhooks ---- */
#define SW_NOW INT64_C(1614265330000)
static const struct said sw = { { "webhook-id", VECTOR_SW_ID, "webhook-timestamp", VECTOR_SW_TIME, "webhook-signature", VECTOR_SW_SIGNATURE } };

static struct notice_secret secret(const char *text) {
    struct notice_secret k;
    if (notice_secret(str_z(text), &k, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return k;
}
static int hear_webhook(const struct said *s, struct str body, int64_t now_ms) {
    struct notice_secret k = secret(VECTOR_SW_SECRET);
    struct notice_said m = message(s, body);
    struct notice_head head;
    return notice_webhook(&m, &k, 1, now_ms, &head, &err);
}

static void webhook_vectors(void **state) {
    static const struct said replicate = { { "Webhook-Id", VECTOR_REPLICATE_ID, "Webhook-Timestamp", VECTOR_REPLICATE_TIME, "Webhook-Signature", VECTOR_REPLICATE_SIGNATURE } };
    struct notice_secret k = secret(VECTOR_SW_SECRET), theirs = secret(VECTOR_REPLICATE_SECRET);
    struct notice_said m = message(&sw, STR(VECTOR_SW_BODY));
    struct notice_head head;
    assert_int_equal(notice_webhook(&m, &k, 1, SW_NOW, &head, &err), 0);
    check_str(head.id, VECTOR_SW_ID);
    assert_int_equal(head.sent_ms, SW_NOW);
    m = message(&replicate, STR(VECTOR_REPLICATE_BODY));
    assert_int_equal(m.body.n, 121);
    assert_int_equal(notice_webhook(&m, &theirs, 1, INT64_C(1674087231000), &head, &err), 0);
    assert_int_equal(notice_webhook(&m, &k, 1, INT64_C(1674087231000), &head, &err), ERR_ENGINE_NOTICE);
    assert_int_equal(notice_webhook(&m, NULL, 0, INT64_C(1674087231000), &head, &err), ERR_ENGINE_NOTICE);
}

static void webhook_is_refused_when_anything_differs(void **state) {
    for (size_t at = 1; at < 6; at += 2)
        nothing_else_is_believed(hear_webhook, &sw, at, STR(VECTOR_SW_BODY), SW_NOW);
    no_other_body_is_believed(hear_webhook, &sw, STR(VECTOR_SW_BODY), SW_NOW);
}

static void webhook_has_its_time(void **state) {
    static const struct { int64_t after_ms; bool ok; } cases[] = { { 0, true }, { 300999, true }, { 301000, false }, { -300000, true }, { -300001, false },
                                                                  { INT64_C(86400000), false } };
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((hear_webhook(&sw, STR(VECTOR_SW_BODY), SW_NOW + cases[i].after_ms) == 0) != cases[i].ok)
            fail_msg("%lld ms", (long long)cases[i].after_ms);
    check_err(hear_webhook(&sw, STR(VECTOR_SW_BODY), SW_NOW + 301000), ERR_ENGINE_NOTICE, &err, "old message");
    check_err(hear_webhook(&sw, STR(VECTOR_SW_BODY), SW_NOW - 301000), ERR_ENGINE_NOTICE, &err, "future");
    static const char *const times[] = { "-1", "1614265330.0", " 1614265330", "1614265330 ", "+1614265330", "16142653300000000000", "99999999999", "0x60376f32", "" };
    struct said s = sw;
    for (size_t i = 0; i < COUNT(times); i++) {
        s.headers[3] = times[i];
        assert_int_equal(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), ERR_ENGINE_NOTICE);
    }
}

static void webhook_reads_lists(void **state) {
#define RIGHT "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define FOUR(x) x " " x " " x " " x
    static const struct { const char *list; bool ok; } cases[] = {
        { WRONG " v1," RIGHT, true }, { "v1," RIGHT " " WRONG, true }, { WRONG " " WRONG, false }, { "v1a," RIGHT, false }, { "v1a,x v1," RIGHT, true },
        { "v2," RIGHT, false }, { RIGHT, false }, { "v1 " RIGHT, false }, { "v1,", false }, { "v1,=", false }, { "v1,!!!!", false }, { ",", false }, { " ", false },
        { "", false }, { " v1," RIGHT, true }, { "v1," RIGHT "=", false }, { "v1,v1," RIGHT, false }, { "V1," RIGHT, false }, { "v1," RIGHT ",", false },
        { FOUR(WRONG) " " FOUR(WRONG) " " FOUR(WRONG) " " WRONG " " WRONG " " WRONG " v1," RIGHT, true },             /* the sixteenth */
        { FOUR(WRONG) " " FOUR(WRONG) " " FOUR(WRONG) " " FOUR(WRONG) " v1," RIGHT, false },
    };
    struct said s = sw;
    for (size_t i = 0; i < COUNT(cases); i++) {
        s.headers[5] = cases[i].list;
        if ((hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW) == 0) != cases[i].ok)
            fail_msg("%s", cases[i].list);
    }
    char *list = arena_alloc(arena, NOTICE_HEADER_MAX + 100);
    memset(list, 'x', NOTICE_HEADER_MAX - 48);
    snprintf(list + NOTICE_HEADER_MAX - 48, 100, " v1," RIGHT);
    s.headers[5] = list;
    assert_int_equal(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), 0);                /* as long as it may be */
    assert_int_equal(strlen(list), NOTICE_HEADER_MAX);
    snprintf(list + NOTICE_HEADER_MAX - 48, 100, "x v1," RIGHT);
    assert_int_equal(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), ERR_ENGINE_NOTICE);
}

static void webhook_takes_both_secrets_while_one_is_replaced(void **state) {
    struct notice_secret both[] = { secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), secret(VECTOR_SW_SECRET) };
    struct notice_said m = message(&sw, STR(VECTOR_SW_BODY));
    struct notice_head head;
    assert_int_equal(notice_webhook(&m, both, 2, SW_NOW, &head, &err), 0);
    assert_int_equal(notice_webhook(&m, both, 1, SW_NOW, &head, &err), ERR_ENGINE_NOTICE);
}

/* "1.2" + "." + time + "." + body is what "1" + "." + "2" + "." + (time + "." + body) is, too. */
static void webhook_cannot_be_cut_elsewhere(void **state) {
    struct notice_secret k = secret(VECTOR_SW_SECRET);
    struct str signature;
    struct said s = { { "webhook-id", "msg_1.1614265330", "webhook-timestamp", "1614265400", "webhook-signature", NULL } };
    assert_int_equal(notice_sign_webhook(&k, 1, STR("msg_1"), SW_NOW, STR("1614265400.5"), arena, &signature, &err), 0);
    s.headers[5] = signature.p;
    assert_int_equal(hear_webhook(&s, STR("5"), SW_NOW), ERR_ENGINE_NOTICE);
    s.headers[1] = "msg_1";
    s.headers[3] = "1614265330";
    assert_int_equal(hear_webhook(&s, STR("1614265400.5"), SW_NOW), 0);
}

static void webhook_secrets_are_judged(void **state) {
    struct notice_secret k;
    assert_int_equal(notice_secret(STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &k, &err), 0);               /* without the prefix, as the client takes it */
    assert_int_equal(k.n, 24);
    static const char *const bad[] = { "", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8G*YqrTwjUPD8ILPZIo2LaLaSw",
                                       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        check_err(notice_secret(str_z(bad[i]), &k, &err), ERR_BAD_INPUT, &err, "secret of webhooks");
        assert_int_equal(k.n, 0);
    }
    char text[100], raw[65] = { 0 };
    base64_encode(raw, 64, text);
    assert_int_equal(notice_secret(str_z(text), &k, &err), 0);
    assert_int_equal(k.n, 64);
    base64_encode(raw, 65, text);
    assert_int_equal(notice_secret(str_z(text), &k, &err), ERR_BAD_INPUT);
    base64_encode(raw, 24, text);
    assert_int_equal(notice_secret(str_z(text), &k, &err), 0);
    base64_encode(raw, 23, text);
    assert_int_equal(notice_secret(str_z(text), &k, &err), ERR_BAD_INPUT);
}

static void webhooks_of_ours_are_signed(void **state) {
    struct notice_secret keys[] = { secret(VECTOR_SW_SECRET), secret(VECTOR_REPLICATE_SECRET), secret(VECTOR_SW_SECRET), secret(VECTOR_SW_SECRET) };
    struct str signature;
    assert_int_equal(notice_sign_webhook(keys, 1, STR(VECTOR_SW_ID), SW_NOW + 999, STR(VECTOR_SW_BODY), arena, &signature, &err), 0);
    check_str(signature, VECTOR_SW_SIGNATURE);
    assert_int_equal(notice_sign_webhook(keys, 4, STR(VECTOR_SW_ID), SW_NOW, STR(VECTOR_SW_BODY), arena, &signature, &err), 0);
    assert_int_equal(signature.n, 4 * strlen(VECTOR_SW_SIGNATURE) + 3);
    assert_true(str_starts(signature, STR(VECTOR_SW_SIGNATURE " v1,")) && str_ends(signature, STR(" " VECTOR_SW_SIGNATURE " " VECTOR_SW_SIGNATURE)));
    struct notice_said m = message(&(struct said){ { "webhook-id", VECTOR_SW_ID, "webhook-timestamp", VECTOR_SW_TIME, "webhook-signature", signature.p } }, STR(VECTOR_SW_BODY));
    struct notice_head head;
    assert_int_equal(notice_webhook(&m, &keys[1], 1, SW_NOW, &head, &err), 0);
    check_err(notice_sign_webhook(keys, 0, STR("m"), SW_NOW, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
    check_err(notice_sign_webhook(keys, NOTICE_KEYS_MAX + 1, STR("m"), SW_NOW, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
    check_err(notice_sign_webhook(keys, 1, STR("m.1"), SW_NOW, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
    check_err(notice_sign_webhook(keys, 1, STR("m 1"), SW_NOW, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
    check_err(notice_sign_webhook(keys, 1, STR(""), SW_NOW, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
    check_err(notice_sign_webhook(keys, 1, STR("m"), -1, STR(""), arena, &signature, &err), ERR_BAD_INPUT, &err, "to sign");
}

/* ---- fal ---- */
#define FAL_NOW INT64_C(1768465800000)
static const struct said fal = { { "X-Fal-Webhook-Request-Id", VECTOR_FAL_REQUEST, "X-Fal-Webhook-User-Id", VECTOR_FAL_USER, "X-Fal-Webhook-Timestamp", VECTOR_FAL_TIME,
                                   "X-Fal-Webhook-Signature", VECTOR_FAL_SIGNATURE } };
#define OTHER_JWK "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"PUAXw-hDiVqStwqnTXt-vJyYLM8uxJaMwM1V8Sr0Zgw\"}"

static int hear_fal_with(const char *jwks, const struct said *s, struct str body, int64_t now_ms) {
    struct notice_jwks keys;
    struct notice_said m = message(s, body);
    struct notice_head head;
    if (notice_jwks(str_z(jwks), &keys, &err) < 0)
        fail_msg("%s: %s", jwks, err.text);
    int r = notice_fal(&m, &keys, now_ms, &head, &err);
    if (r == 0) {
        check_str(head.id, VECTOR_FAL_REQUEST);
        assert_int_equal(head.sent_ms, FAL_NOW);
    }
    return r;
}
static int hear_fal(const struct said *s, struct str body, int64_t now_ms) { return hear_fal_with("{\"keys\":[" VECTOR_FAL_JWK "]}", s, body, now_ms); }

static void fal_vector(void **state) {
    assert_int_equal(STR(VECTOR_FAL_BODY).n, 194);
    assert_int_equal(hear_fal(&fal, STR(VECTOR_FAL_BODY), FAL_NOW), 0);
    assert_int_equal(hear_fal_with("{\"keys\":[" OTHER_JWK "," VECTOR_FAL_JWK "]}", &fal, STR(VECTOR_FAL_BODY), FAL_NOW), 0);            /* any key may */
    assert_int_equal(hear_fal_with("{\"keys\":[" VECTOR_FAL_JWK "," OTHER_JWK "]}", &fal, STR(VECTOR_FAL_BODY), FAL_NOW), 0);
    check_err(hear_fal_with("{\"keys\":[" OTHER_JWK "]}", &fal, STR(VECTOR_FAL_BODY), FAL_NOW), ERR_ENGINE_NOTICE, &err, "no key");
}

static void fal_is_refused_when_anything_differs(void **state) {
    for (size_t at = 1; at < 8; at += 2)
        nothing_else_is_believed(hear_fal, &fal, at, STR(VECTOR_FAL_BODY), FAL_NOW);
    no_other_body_is_believed(hear_fal, &fal, STR(VECTOR_FAL_BODY), FAL_NOW);
    static const struct { int64_t after_ms; bool ok; } cases[] = { { 300999, true }, { 301000, false }, { -300000, true }, { -300001, false } };
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((hear_fal(&fal, STR(VECTOR_FAL_BODY), FAL_NOW + cases[i].after_ms) == 0) != cases[i].ok)
            fail_msg("%lld ms", (long long)cases[i].after_ms);
}

/* Whoever signed it: what stands in headers has a length, and no spaces. */
static void headers_have_their_limits(void **state) {
    char wide[NOTICE_ID_MAX + 2];
    struct said s = sw, f = fal;
    memset(wide, 'x', sizeof(wide));
    wide[NOTICE_ID_MAX + 1] = 0;
    s.headers[1] = f.headers[3] = wide;
    check_err(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), ERR_ENGINE_NOTICE, &err, "webhook-id: missing, or no such thing");
    check_err(hear_fal(&f, STR(VECTOR_FAL_BODY), FAL_NOW), ERR_ENGINE_NOTICE, &err, "user-id: missing, or no such thing");
    wide[NOTICE_ID_MAX] = 0;
    check_err(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), ERR_ENGINE_NOTICE, &err, "no signature of the list");
    check_err(hear_fal(&f, STR(VECTOR_FAL_BODY), FAL_NOW), ERR_ENGINE_NOTICE, &err, "no key of the document");
    wide[9] = ' ';
    check_err(hear_webhook(&s, STR(VECTOR_SW_BODY), SW_NOW), ERR_ENGINE_NOTICE, &err, "webhook-id: missing, or no such thing");
    check_err(hear_fal(&f, STR(VECTOR_FAL_BODY), FAL_NOW), ERR_ENGINE_NOTICE, &err, "user-id: missing, or no such thing");
}

static void jwks_is_read_strictly(void **state) {
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define KEY(kty, crv, x) "{\"kty\":\"" kty "\",\"crv\":\"" crv "\",\"x\":\"" x "\"}"
#define SET(keys) "{\"keys\":[" keys "]}"
    static const struct { const char *json; int keys; } cases[] = {      /* keys: -1 is no document */
        { SET(KEY("OKP", "Ed25519", X)), 1 },
        { SET(KEY("OKP", "Ed25519", X) "," KEY("OKP", "Ed25519", X)), 2 },
        { SET(KEY("RSA", "Ed25519", X)), -1 },
        { SET(KEY("okp", "Ed25519", X)), -1 },
        { SET(KEY("OKP", "X25519", X)), -1 },
        { SET(KEY("OKP", "Ed448", X)), -1 },
        { SET(KEY("OKP", "ed25519", X)), -1 },
        { SET("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}," KEY("OKP", "X25519", X) "," KEY("OKP", "Ed25519", X)), 1 },
        { SET(KEY("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR")), -1 },            /* 31 bytes and a half */
        { SET(KEY("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ")), -1 },            /* 31 bytes */
        { SET(KEY("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURoA")), -1 },          /* 33 */
        { SET(KEY("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")), -1 },           /* bits that are nobody's */
        { SET(KEY("OKP", "Ed25519", X "=")), -1 },
        { SET(KEY("OKP", "Ed25519", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo")), -1 },           /* the other alphabet */
        { SET(KEY("OKP", "Ed25519", "")), -1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"), -1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}"), -1 },
        { SET("{\"crv\":\"Ed25519\",\"x\":\"" X "\"}"), -1 },
        { SET(KEY("OKP", "Ed25519", X) ",{\"crv\":\"Ed25519\"}"), -1 },
        { SET(KEY("OKP", "Ed25519", X) ",1"), -1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"1\"}"), 1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"use\":\"enc\"}"), -1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"alg\":\"HS256\"}"), -1 },
        { SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"x\":\"" X "\"}"), -1 },
        { SET(""), -1 }, { "{\"keys\":{}}", -1 }, { "{}", -1 }, { "[]", -1 }, { "", -1 }, { "null", -1 }, { SET(KEY("OKP", "Ed25519", X)) "x", -1 }, { "<html>", -1 },
    };
    struct notice_jwks keys;
    for (size_t i = 0; i < COUNT(cases); i++) {
        err = (struct err){ 0 };
        int r = notice_jwks(str_z(cases[i].json), &keys, &err);
        if (r != (cases[i].keys < 0 ? ERR_UPSTREAM : 0) || (r == 0 && keys.n != (size_t)cases[i].keys))
            fail_msg("%s: %d, %zu keys", cases[i].json, r, keys.n);
    }
    BUF_CLEANUP struct buf b;
    buf_init(&b, 2 * NOTICE_JWKS_MAX);
    buf_add_z(&b, "{\"keys\":[" KEY("OKP", "Ed25519", X));
    for (int i = 1; i < NOTICE_JWKS_KEYS_MAX; i++)
        buf_add_z(&b, "," KEY("OKP", "Ed25519", X));
    size_t full = b.n;
    buf_add_z(&b, "]}");
    assert_int_equal(notice_jwks(buf_str(&b), &keys, &err), 0);
    assert_int_equal(keys.n, NOTICE_JWKS_KEYS_MAX);
    b.n = full;
    buf_add_z(&b, "," KEY("OKP", "Ed25519", X) "]}");
    check_err(notice_jwks(buf_str(&b), &keys, &err), ERR_UPSTREAM, &err, "more than");
    b.n = full;
    buf_add_z(&b, "]}");
    while (b.n < NOTICE_JWKS_MAX)
        buf_add_c(&b, ' ');
    assert_int_equal(notice_jwks(buf_str(&b), &keys, &err), 0);
    buf_add_c(&b, ' ');
    assert_int_equal(notice_jwks(buf_str(&b), &keys, &err), ERR_UPSTREAM);
}

/* ---- EventBridge ---- */
#define EB_NOW INT64_C(1768465800123)
static const char eb_signature[] = VECTOR_EB_SIGNATURE;
static const struct said eb = { { "x-eventbridge-signature-timestamp", VECTOR_EB_TIME, "x-eventbridge-hash-method", "SHA256", "x-eventbridge-signature-version", "1.0",
                                  "x-eventbridge-signature-url", VECTOR_EB_URL, "x-eventbridge-signature-token", VECTOR_EB_TOKEN,
                                  "x-eventbridge-signature-v2", eb_signature } };

static int hear_eb_at(const char *target, const char *token, const struct said *s, struct str body, int64_t now_ms) {
    struct notice_said m = message(s, body);
    struct notice_head head;
    int r = notice_eventbridge(&m, str_z(target), str_z(token), certificate, now_ms, &head, &err);
    if (r == 0) {
        check_str(head.id, "");
        assert_int_equal(head.sent_ms, EB_NOW);
    }
    return r;
}
static int hear_eb(const struct said *s, struct str body, int64_t now_ms) { return hear_eb_at(VECTOR_EB_TARGET, VECTOR_EB_TOKEN, s, body, now_ms); }

static void eventbridge_vectors(void **state) {
    struct said s = eb;
    assert_int_equal(hear_eb(&eb, STR(VECTOR_EB_BODY), EB_NOW), 0);
    s.headers[11] = VECTOR_EB_SIGNATURE_LF;
    assert_int_equal(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), 0);
    assert_int_equal(hear_eb_at(VECTOR_EB_TARGET "/", VECTOR_EB_TOKEN, &eb, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE);
}

/* All that is sent from there is signed with one key; the token says that it was ordered by us. */
static void eventbridge_needs_our_token(void **state) {
    struct said s = eb;
    check_err(hear_eb_at(VECTOR_EB_TARGET, "a-token-of-our-own-0002", &eb, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "token");
    check_err(hear_eb_at(VECTOR_EB_TARGET, "", &eb, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "token");
    s.headers[9] = VECTOR_EB_TOKEN "0";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "token");
    s.headers[9] = "a-token-of-our-own-000";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "token");
    s.headers[9] = "short";
    check_err(hear_eb_at(VECTOR_EB_TARGET, "short", &s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "token");
}

static void eventbridge_is_refused_when_anything_differs(void **state) {
    for (size_t at = 1; at < 12; at += 2)
        nothing_else_is_believed(hear_eb, &eb, at, STR(VECTOR_EB_BODY), EB_NOW);
    no_other_body_is_believed(hear_eb, &eb, STR(VECTOR_EB_BODY), EB_NOW);
    static const struct { int64_t after_ms; bool ok; } cases[] = { { 60000, true }, { 60001, false }, { -60000, true }, { -60001, false } };
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((hear_eb(&eb, STR(VECTOR_EB_BODY), EB_NOW + cases[i].after_ms) == 0) != cases[i].ok)
            fail_msg("%lld ms", (long long)cases[i].after_ms);
    struct said s = eb;
    s.headers[11] = "!!!!";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "base64");
    s.headers[11] = "AAAA";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "key did not");
    s = eb;
    s.headers[3] = "MD5";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "kind of signature");
    s = eb;
    s.headers[7] = "https://evil.example/c.pem";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "not where EventBridge");
    s = eb;
    s.headers[5] = "2.0";
    check_err(hear_eb(&s, STR(VECTOR_EB_BODY), EB_NOW), ERR_ENGINE_NOTICE, &err, "kind of signature");
}

static void eventbridge_certificates_have_one_home(void **state) {
#define HOME "-eventbridge.oss-accelerate.aliyuncs.com"
    static const struct { const char *url; bool ok; } cases[] = {
        { VECTOR_EB_URL, true },
        { "https://ap-southeast-1" HOME "/a/b.pem", true },
        { "https://cn" HOME "/c", true },
        { "http://cn-beijing" HOME "/c.pem", false },
        { "HTTPS://cn-beijing" HOME "/c.pem", false },
        { "//cn-beijing" HOME "/c.pem", false },
        { "cn-beijing" HOME "/c.pem", false },
        { "https:/cn-beijing" HOME "/c.pem", false },
        { "https://cn-beijing" HOME ".evil.example/c.pem", false },
        { "https://cn-beijing" HOME "./c.pem", false },
        { "https://cn-beijing" HOME "", false },
        { "https://cn-beijing" HOME "/", false },
        { "https://cn-beijing" HOME ":443/c.pem", false },
        { "https://cn-beijing" HOME "?/c.pem", false },
        { "https://cn-beijing" HOME "#/c.pem", false },
        { "https://cn-beijing" HOME "@evil.example/c.pem", false },
        { "https://evil.example@cn-beijing" HOME "/c.pem", false },
        { "https://evil.example/cn-beijing" HOME "/c.pem", false },
        { "https://evil.example?cn-beijing" HOME "/c.pem", false },
        { "https://evil.example#cn-beijing" HOME "/c.pem", false },
        { "https://evil.example\\cn-beijing" HOME "/c.pem", false },
        { "https://evil.example%2fcn-beijing" HOME "/c.pem", false },
        { "https://a.cn-beijing" HOME "/c.pem", false },
        { "https://" HOME "/c.pem", false },
        { "https://-cn" HOME "/c.pem", false },
        { "https://cn-" HOME "/c.pem", false },
        { "https://cn--beijing" HOME "/c.pem", false },
        { "https://CN-BEIJING" HOME "/c.pem", false },
        { "https://cn_beijing" HOME "/c.pem", false },
        { "https://cn-beijing-eventbridge.oss-accelerate.aliyuncs.co/c.pem", false },
        { "https://cn-beijing-eventbridge.oss.aliyuncs.com/c.pem", false },
        { "https://cn-beijing-eventbridge-oss-accelerate.aliyuncs.com/c.pem", false },
        { "https://cn-beijingeventbridge.oss-accelerate.aliyuncs.com/c.pem", false },
        { "https://evil-bucket.oss-accelerate.aliyuncs.com/c.pem", false },
        { "https://cn-beijing" HOME "/c.pem#", false },
        { "https://cn-beijing" HOME "/c.pem?x", false },
        { "https://cn-beijing" HOME "/%2e%2e/c.pem", false },
        { "https://cn-beijing" HOME "/c .pem", false },
        { "https://abcdefghijklmnopqrstuvwxyz0123456" HOME "/c.pem", false },        /* 33 characters of a region */
        { "https://\xd1\x81n-beijing" HOME "/c.pem", false },
        { "", false },
    };
    struct said s = eb;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notice_said m = message(&s, STR(""));
        struct str url = STR_NULL;
        s.headers[7] = cases[i].url;
        int r = notice_eventbridge_certificate(&m, &url, &err);
        if (r != (cases[i].ok ? 0 : ERR_ENGINE_NOTICE))
            fail_msg("%s", cases[i].url);
        if (cases[i].ok)
            check_str(url, cases[i].url);
    }
}

/* ---- tokens ---- */
static void tokens_are_of_one_attempt(void **state) {
    static const uint8_t key[CRYPTO_KEY] = "a key of tests, and of no server", other[CRYPTO_KEY] = "b key of tests, and of no server";
    char token[NOTICE_TOKEN + 1], changed[NOTICE_TOKEN + 1];
    notice_token(key, INT64_C(0x123456789abcdef), token);
    assert_int_equal(strlen(token), NOTICE_TOKEN);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), NOTICE_TOKEN);
    assert_true(notice_is_token(key, INT64_C(0x123456789abcdef), str_z(token)));
    assert_false(notice_is_token(other, INT64_C(0x123456789abcdef), str_z(token)));
    for (int bit = 0; bit < 63; bit++)
        assert_false(notice_is_token(key, INT64_C(0x123456789abcdef) ^ (INT64_C(1) << bit), str_z(token)));
    for (size_t i = 0; i < NOTICE_TOKEN; i++) {
        memcpy(changed, token, sizeof(changed));
        changed[i] ^= 1;
        assert_false(notice_is_token(key, INT64_C(0x123456789abcdef), str_z(changed)));
    }
    assert_false(notice_is_token(key, INT64_C(0x123456789abcdef), (struct str){ token, NOTICE_TOKEN - 1 }));
    assert_false(notice_is_token(key, INT64_C(0x123456789abcdef), (struct str){ token, NOTICE_TOKEN + 1 }));
    assert_false(notice_is_token(key, INT64_C(0x123456789abcdef), STR_NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook_vectors),
        cmocka_unit_test(webhook_is_refused_when_anything_differs),
        cmocka_unit_test(webhook_has_its_time),
        cmocka_unit_test(webhook_reads_lists),
        cmocka_unit_test(webhook_takes_both_secrets_while_one_is_replaced),
        cmocka_unit_test(webhook_cannot_be_cut_elsewhere),
        cmocka_unit_test(webhook_secrets_are_judged),
        cmocka_unit_test(webhooks_of_ours_are_signed),
        cmocka_unit_test(fal_vector),
        cmocka_unit_test(fal_is_refused_when_anything_differs),
        cmocka_unit_test(headers_have_their_limits),
        cmocka_unit_test(jwks_is_read_strictly),
        cmocka_unit_test(eventbridge_vectors),
        cmocka_unit_test(eventbridge_needs_our_token),
        cmocka_unit_test(eventbridge_is_refused_when_anything_differs),
        cmocka_unit_test(eventbridge_certificates_have_one_home),
        cmocka_unit_test(tokens_are_of_one_attempt),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
