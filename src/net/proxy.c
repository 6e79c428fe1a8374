/* proxy.c - who the user is when trusted proxies stand between. */
#include "net/internal.h"

/* X-Forwarded-For grows at its end: the last address no trusted proxy has is the user's; what stands before it he may have made up, and what
 * stands before something that is no address, too. True: every entry was a trusted proxy's, so what came before it may be looked at. */
static bool client_of(const struct http_server *s, struct str list, struct http_addr *peer) {
    while (list.n) {
        const char *comma = memrchr(list.p, ',', list.n);
        size_t at = comma ? (size_t)(comma + 1 - list.p) : 0;
        struct str one = str_trim((struct str){ list.p + at, list.n - at });
        uint8_t ip[16];
        if (address_parse(one, ip) < 0)
            return false;
        memcpy(peer->ip, ip, 16);
        peer->port = 0;
        if (!cidr_has(s->proxies, s->n_proxies, ip))
            return false;
        list.n = comma ? at - 1 : 0;
    }
    return true;
}

void proxy_apply(const struct conn *c, struct http_call *call) {
    const struct http_server *s = c->loop->server;
    struct http_req *req = &call->req;
    if (!c->trusted)
        return;
    /* Several lines are one list; the last line was added last. Each is walked from its end until a stranger is found. */
    for (size_t i = req->n_headers; i-- > 0;)
        if (str_ieq(req->headers[i].name, STR("X-Forwarded-For")) && !client_of(s, req->headers[i].value, &req->peer))
            break;
    req->tls = str_ieq(http_req_header(req, "X-Forwarded-Proto"), STR("https"));
}
