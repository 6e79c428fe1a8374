/*
 * engine_tool.c - signatures for scripts: JSON lines in, JSON lines out. Built with the tests, not installed.
 *   {"do":"sign","scheme":"volcengine" | "acs3" | "tc3","method":…,"host":…,"path":…,"query":{…},"body":…,"content_type":…,"service":…,
 *    "region":…,"action":…,"version":…,"key_id":…,"secret":…,"session":…,"now_ms":…,"nonce":…,"wide":bool}     headers, query, canonical
 *   {"do":"sign","scheme":"aliyun_rpc",…}                                                                     form
 *   {"do":"hear","kind":"webhook","secrets":[…],"now_ms":…,"headers":{…},"body":…}                             message, sent_ms
 *   {"do":"hear","kind":"fal","jwks":…,…}  {"do":"hear","kind":"eventbridge","certificate":…,"target":…,"token":…,…}
 *   {"do":"sign_webhook","secrets":[…],"message":…,"now_ms":…,"body":…}                                        signature
 * Instead of "body" there may be "body_base64". An answer has ok, the line's own "id", and either what came or {code, detail}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/rsa.h"
#include "engine/notice.h"
#include "engine/sign.h"
#include "net/tool.h"

#define LINE_MAX_BYTES (2 * 1024 * 1024)

static struct str text(const json_t *j, const char *key) {
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR("");
}
static int64_t number(const json_t *j, const char *key) { return json_integer_value(json_object_get(j, key)); }

static struct str body_of(const json_t *j, struct arena *a) {
    struct str base64 = text(j, "body_base64");
    uint8_t *raw = arena_alloc(a, base64.n + 1);
    int n = base64.n ? base64_decode(base64, /* standard= */ true, raw, base64.n) : 0;
    return base64.n ? (struct str){ (char *)raw, n < 0 ? 0 : (size_t)n } : text(j, "body");
}

/* ---- requests ---- */
static int do_sign(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct sign_pair pairs[SIGN_PAIRS_MAX + 1];
    struct sign_result s;
    struct str scheme = text(j, "scheme"), form;
    const char *name;
    json_t *value;
    struct sign_request q = { .method = arena_strz(a, text(j, "method")), .host = text(j, "host"), .path = text(j, "path"), .query = pairs, .body = body_of(j, a),
                              .content_type = text(j, "content_type"), .service = text(j, "service"), .region = text(j, "region"), .action = text(j, "action"),
                              .version = text(j, "version"), .key = { text(j, "key_id"), text(j, "secret"), text(j, "session") }, .now_ms = number(j, "now_ms"),
                              .nonce = text(j, "nonce"), .wide = json_is_true(json_object_get(j, "wide")) };
    json_object_foreach(json_object_get(j, "query"), name, value)
        if (q.n_query < COUNT(pairs))
            pairs[q.n_query++] = (struct sign_pair){ str_z(name), { json_string_value(value), json_string_length(value) } };
    bool rpc = str_eqz(scheme, "aliyun_rpc");
    int r = rpc                             ? sign_aliyun_rpc(&q, a, &form, e)
            : str_eqz(scheme, "volcengine") ? sign_volcengine(&q, a, &s, e)
            : str_eqz(scheme, "acs3")       ? sign_acs3(&q, a, &s, e)
                                            : sign_tc3(&q, a, &s, e);
    if (r < 0)
        return r;
    if (rpc) {
        jw_kstr(w, "form", form);
        return 0;
    }
    jw_kstr(w, "query", s.query);
    jw_kstr(w, "canonical", s.canonical);
    jw_key(w, "headers");
    jw_obj(w);
    for (size_t i = 0; s.headers[i]; i++) {
        struct str line = str_z(s.headers[i]);
        jw_key(w, arena_strz(a, str_cut(&line, ':')));
        jw_str(w, str_trim(line));
    }
    jw_end_obj(w);
    return 0;
}

/* ---- messages ---- */
static int secrets_of(const json_t *j, struct notice_secret secrets[NOTICE_KEYS_MAX], size_t *ret_n, struct err *e) {
    size_t i;
    json_t *v;
    int r = 0;
    *ret_n = 0;
    json_array_foreach(json_object_get(j, "secrets"), i, v) {
        if (i < NOTICE_KEYS_MAX && r >= 0)
            r = notice_secret((struct str){ json_string_value(v), json_string_length(v) }, &secrets[(*ret_n)++], e);
    }
    return r;
}

static int hear_eventbridge(const json_t *j, const struct notice_said *s, struct notice_head *head, struct err *e) {
    char serial[RSA_SERIAL_MAX];
    struct str pem = text(j, "certificate"), url;
    CLEANUP(rsa_free) struct rsa_key *key = rsa_public(pem.p, pem.n, serial);
    int r = notice_eventbridge_certificate(s, &url, e);
    if (r < 0 || !key)
        return r < 0 ? r : err_set(e, ERR_UPSTREAM, "no certificate");
    return notice_eventbridge(s, text(j, "target"), text(j, "token"), key, number(j, "now_ms"), head, e);
}

static int do_hear(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct notice_said s = { tool_header, json_object_get(j, "headers"), body_of(j, a) };
    struct notice_secret secrets[NOTICE_KEYS_MAX];
    struct notice_jwks jwks;
    struct notice_head head;
    struct str kind = text(j, "kind");
    size_t n;
    int r = secrets_of(j, secrets, &n, e);
    if (r >= 0 && str_eqz(kind, "fal"))
        r = notice_jwks(text(j, "jwks"), &jwks, e);
    if (r >= 0)
        r = str_eqz(kind, "fal")           ? notice_fal(&s, &jwks, number(j, "now_ms"), &head, e)
            : str_eqz(kind, "eventbridge") ? hear_eventbridge(j, &s, &head, e)
                                           : notice_webhook(&s, secrets, n, number(j, "now_ms"), &head, e);
    if (r >= 0) {
        jw_kstr(w, "message", head.id);
        jw_kint(w, "sent_ms", head.sent_ms);
    }
    return r;
}

static int do_sign_webhook(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct notice_secret secrets[NOTICE_KEYS_MAX];
    struct str signature;
    size_t n;
    int r = secrets_of(j, secrets, &n, e);
    if (r >= 0)
        r = notice_sign_webhook(secrets, n, text(j, "message"), number(j, "now_ms"), body_of(j, a), a, &signature, e);
    if (r >= 0)
        jw_kstr(w, "signature", signature);
    return r;
}

static void answer(struct str line) {
    CLEANUP(json_unref) json_t *j = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new(4 * LINE_MAX_BYTES);
    BUF_CLEANUP struct buf out;
    struct err e = { 0 };
    struct jw w;
    buf_init(&out, 4 * LINE_MAX_BYTES);
    jw_init(&w, &out);
    jw_obj(&w);
    int r = json_read(line, &j, &e);
    struct str verb = text(j, "do");
    jw_kint(&w, "id", number(j, "id"));
    if (r >= 0)
        r = str_eqz(verb, "sign") ? do_sign(j, a, &w, &e) : str_eqz(verb, "hear") ? do_hear(j, a, &w, &e) : do_sign_webhook(j, a, &w, &e);
    jw_kbool(&w, "ok", r >= 0);
    if (r < 0) {
        jw_kz(&w, "code", err_reason(r)->code);
        jw_kz(&w, "detail", e.text);
    }
    jw_end_obj(&w);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    fflush(stdout);
}

int main(void) {
    struct err e = { 0 };
    char *line = NULL;
    size_t cap = 0;
    if (crypto_setup(&e) < 0) {
        fprintf(stderr, "engine_tool: %s\n", e.text);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0 && n < LINE_MAX_BYTES;)
        answer((struct str){ line, (size_t)n - (line[n - 1] == '\n') });
    free(line);
    return 0;
}
