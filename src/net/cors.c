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

/* "https" and "photos.example" of https://photos.example:8443/x; the brackets stay on an IPv6 address. */
static struct str host_of(struct str url, struct str *ret_scheme) {
    struct str rest = url, name;
    *ret_scheme = str_cut(&rest, ':');
    if (!str_starts(rest, STR("//")))
        return STR_NULL;
    rest = (struct str){ rest.p + 2, rest.n - 2 };
    name = str_cut(&rest, '/');
    if (name.n && name.p[0] == '[') {
        const char *end = memchr(name.p, ']', name.n);
        return end ? (struct str){ name.p, (size_t)(end - name.p) + 1 } : STR_NULL;
    }
    return str_cut(&name, ':');
}

/* The last n labels of a name; STR_NULL when it has fewer. */
static struct str last_labels(struct str name, int n) {
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '.' && --n == 0)
            return (struct str){ name.p + i, name.n - i };
    return n == 1 ? name : STR_NULL;
}

/* "com.cn", "co.uk": registered domains begin one label further left. */
static bool is_public(struct str two) {
    static const char *const second[] = { "com", "net", "org", "edu", "gov", "co", "ac", "ne", "or", "go" };
    struct str rest = two, first = str_cut(&rest, '.');
    for (size_t i = 0; rest.n == 2 && i < COUNT(second); i++)
        if (str_eqz(first, second[i]))
            return true;
    return false;
}

bool cors_same_site(struct str origin, struct str url) {
    struct str scheme_a, scheme_b, a = host_of(origin, &scheme_a), b = host_of(url, &scheme_b);
    if (!a.n || !b.n || !str_ieq(scheme_a, scheme_b))
        return false;
    if (str_ieq(a, b))
        return true;
    struct str top = last_labels(a, 1);
    if (a.p[0] == '[' || (top.n && top.p[0] >= '0' && top.p[0] <= '9'))          /* an address has no domain above it */
        return false;
    struct str domain = last_labels(a, 2);
    if (domain.n && is_public(domain))
        domain = last_labels(a, 3);
    return domain.n && str_ieq(domain, last_labels(b, domain.n == last_labels(a, 2).n ? 2 : 3));
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
