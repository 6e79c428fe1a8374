/* provider_signed.c - see provider_signed.h. */
#include "engine/provider_signed.h"

#include <stdio.h>
#include <string.h>

int provider_check_pairs(const struct config *cfg, const char *name, struct err *e) {
    char setting[64];
    snprintf(setting, sizeof(setting), "engine.%s_keys", name);
    struct str rest = str_z(config_str(cfg, setting));
    while (rest.n) {
        struct str secret = str_trim(str_cut(&rest, ',')), id = str_cut(&secret, ':');
        if ((id.n || secret.n) && (id.n == 0 || secret.n == 0))
            return err_set(e, ERR_CONFIG, "%s: each is an id and its secret, with a colon between them", setting);
    }
    return 0;
}

/* The host with its port, and the path in front of what is asked; an address of another kind gives an empty host, which cannot be signed. */
static void take_apart(const char *base_url, struct arena *a, struct sign_request *q) {
    const char *host = strstr(base_url, "://"), *path;
    host = host ? host + 3 : "";
    path = host + strcspn(host, "/");
    q->host = (struct str){ host, (size_t)(path - host) };
    q->path = arena_printf(a, "%s/", path);
}

int provider_sign(provider_sign_fn *sign, struct sign_request q, const char *base_url, const struct provider_job *j, const struct provider_moment *m,
                  struct arena *a, struct provider_call *c, struct err *e) {
    struct str secret = str_z(j->key), id = str_cut(&secret, ':');
    struct sign_result signature;
    take_apart(base_url, a, &q);
    q.method = c->method;
    q.body = c->body;
    q.key = (struct sign_key){ .id = id, .secret = secret };
    q.now_ms = m->now_ms;
    q.nonce = str_z(m->nonce);
    if (sign(&q, a, &signature, e) < 0) {
        err_prefix(e, "it cannot be signed: ");
        return e->code = ERR_ENGINE_FAILED;
    }
    c->url = arena_printf(a, "%s/%s%.*s", base_url, signature.query.n ? "?" : "", STR_ARG(signature.query));
    for (size_t i = 0; signature.headers[i]; i++)
        provider_header(c, a, "%s", signature.headers[i]);
    return 1;
}

int provider_aliyun(const char *base_url, const char *method, const char *action, const char *version, const struct sign_pair *pairs, size_t n,
                    const struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    struct sign_request q = { .action = str_z(action), .version = str_z(version) };
    BUF_CLEANUP struct buf form;
    buf_init(&form, SIGN_TEXT_MAX);
    c->method = method;
    if (strcmp(method, "GET") == 0) {
        q.query = pairs;
        q.n_query = n;
    } else {
        for (size_t i = 0; i < n; i++) {
            buf_printf(&form, "%s%.*s=", i ? "&" : "", STR_ARG(pairs[i].name));
            buf_add_percent(&form, pairs[i].value);
        }
        if (form.failed)
            return err_set(e, ERR_ENGINE_FAILED, "a form of over %zu KB", SIGN_TEXT_MAX >> 10);
        c->body = arena_str(a, buf_str(&form));
        q.content_type = STR("application/x-www-form-urlencoded");
    }
    return provider_sign(sign_acs3, q, base_url, j, m, a, c, e);
}

/* What does not fit has families of codes, whose words behind the dot are not all written down anywhere. */
static const struct provider_code codes[] = {
    { "Throttling", PROVIDER_RATE }, { "InvalidAccessKeyId", PROVIDER_OPERATOR }, { "SignatureNonceUsed", PROVIDER_PASSING },
    { "Signature", PROVIDER_OPERATOR }, { "IncompleteSignature", PROVIDER_OPERATOR }, { "InvalidTimeStamp", PROVIDER_OPERATOR },
    { "InvalidSecurityToken", PROVIDER_OPERATOR }, { "Forbidden", PROVIDER_OPERATOR }, { "InvalidApi.", PROVIDER_OPERATOR },
    { "InvalidFile.Download", PROVIDER_PASSING }, { "InvalidImage", PROVIDER_INPUT }, { "InvalidFile", PROVIDER_INPUT },
    { "InvalidParameter", PROVIDER_ELSEWHERE },        /* of its one parameter, the picture's address: what lies there, or the address itself */
    { "InternalError", PROVIDER_PASSING }, { "ServiceUnavailable", PROVIDER_PASSING },
};

bool provider_aliyun_refused(const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    const char *code = provider_text(body, "Code");
    if (provider_status(said, o))
        return true;
    if (!code[0] && said->status < 400)
        return false;
    provider_failed(o, provider_blame_of(codes, COUNT(codes), code, said->status == 401 || said->status == 403 ? PROVIDER_OPERATOR : PROVIDER_OURS),
                    "%.60s (%d): %.120s", code, said->status, provider_text(body, "Message"));
    return true;
}
