/* request.c - what a handler asks of its request. */
#include "net/internal.h"

struct str http_req_header(const struct http_req *req, const char *name) {
    return head_find(req->headers, req->n_headers, str_z(name));
}

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Broken escapes were refused with the head, so every '%' is followed by two digits. */
static struct str query_decode(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && s.n - i >= 3) {
            out[n++] = (char)(hex_of(s.p[i + 1]) << 4 | hex_of(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return (struct str){ out, n };
}

struct str http_req_query(struct http_req *req, const char *name) {
    struct str rest = req->query;
    while (rest.n) {
        struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
        bool plain = !memchr(key.p ? key.p : "", '%', key.n) && !memchr(key.p ? key.p : "", '+', key.n);
        if (str_eqz(plain ? key : query_decode(req->arena, key), name))
            return query_decode(req->arena, value);
    }
    return STR_NULL;
}

/* With an https public_url the cookie is only known under its __Host- name: a plain-http neighbour domain cannot have set that one. */
struct str http_req_cookie(const struct http_req *req, const char *name) {
    char full[80] = "__Host-";
    struct str header = http_req_header(req, "Cookie"), n = str_z(name);
    size_t prefix = call_of(req)->loop->server->https ? strlen(full) : 0;
    if (!header.n || n.n > sizeof(full) - prefix)
        return STR_NULL;
    memcpy(full + prefix, n.p, n.n);
    return head_cookie(header, (struct str){ full, prefix + n.n });
}

struct str http_req_cookie_plain(const struct http_req *req, const char *name) { return head_cookie(http_req_header(req, "Cookie"), str_z(name)); }
