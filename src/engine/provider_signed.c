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
