/* cors.c - see cors.h. */
#include "net/cors.h"

#include "net/internal.h"

static bool is_origin(struct str s) {
    struct str rest = s, scheme = str_cut(&rest, ':');
    if ((!str_eqz(scheme, "https") && !str_eqz(scheme, "http")) || !str_starts(rest, STR("//")) || rest.n < 3)
        return false;
    for (size_t i = 2; i < rest.n; i++) {
        char c = rest.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' || c == '[' || c == ']'))
            return false;
    }
    return true;
}

int cors_parse(struct arena *a, const char *text, struct str **ret_origins, size_t *ret_n, struct err *e) {
    struct str *list = ARENA_ARRAY(a, struct str, CORS_ORIGINS_MAX);
    size_t n = 0;
    for (struct str rest = str_z(text); rest.n;) {
        struct str origin = str_trim(str_cut(&rest, ','));
        if (origin.n == 0)
            continue;
        if (!is_origin(origin))
            return err_set(e, ERR_CONFIG, "net.cors_origins: \"%.*s\" is no origin such as https://photos.example, small letters, without a path", STR_ARG(origin));
        if (n == CORS_ORIGINS_MAX)
            return err_set(e, ERR_CONFIG, "net.cors_origins: more than %d", CORS_ORIGINS_MAX);
        list[n++] = arena_str(a, origin);
    }
    *ret_origins = list;
    *ret_n = n;
    return 0;
}

bool cors_allowed(const struct str *origins, size_t n, struct str origin) {
    for (size_t i = 0; origin.n && i < n; i++)
        if (str_eq(origins[i], origin))
            return true;
    return false;
}

static bool allowed(const struct http_call *call, struct str origin) {
    const struct http_server *s = call->loop->server;
    return cors_allowed(s->cors, s->n_cors, origin);
}

bool http_req_from_friend(const struct http_req *req) { return allowed(call_of(req), http_req_header(req, "Origin")); }

void cors_headers(struct http_call *call) {
    if (call->loop->server->n_cors == 0)
        return;
    struct str origin = http_req_header(&call->req, "Origin");
    http_res_header(&call->res, "Vary", "Origin");                    /* also for others: a cache must not give them this one's answer */
    if (!allowed(call, origin))
        return;
    http_res_header(&call->res, "Access-Control-Allow-Origin", "%.*s", STR_ARG(origin));
    http_res_header(&call->res, "Access-Control-Allow-Credentials", "true");
    http_res_header(&call->res, "Access-Control-Expose-Headers",
                    "Location, Retry-After, ETag, Content-Range, Tus-Resumable, Upload-Offset, Upload-Length, Upload-Expires");
}

bool cors_preflight(struct conn *c, const struct head *h) {
    struct http_call *call = c->call;
    struct str asked = http_req_header(&call->req, "Access-Control-Request-Method");
    if (!str_eqz(call->req.method, "OPTIONS") || !asked.p || h->body_bytes != 0 || !allowed(call, http_req_header(&call->req, "Origin")))
        return false;
    http_res_header(&call->res, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    http_res_header(&call->res, "Access-Control-Allow-Headers",
                    "Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, Tus-Resumable, "
                    "Upload-Checksum, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override");
    http_res_header(&call->res, "Access-Control-Max-Age", "7200");
    http_res_empty(&call->res, 204);
    conn_answer(c);
    return true;
}
