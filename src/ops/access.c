/* access.c - one log line a request. */
#include <arpa/inet.h>

#include "base/log.h"
#include "ops/ops.h"

/* Asked by machines every few seconds: not worth a line while all is well. */
static bool is_probe(const struct route *asked) {
    for (const struct route *r = ops_routes; r->method; r++)
        if (r == asked)
            return true;
    return false;
}

void ops_access_log(const struct http_req *req, int status, int64_t bytes, int64_t took_us) {
    static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
    char ip[INET6_ADDRSTRLEN] = "";
    bool v4 = memcmp(req->peer.ip, v4_mapped, sizeof v4_mapped) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? req->peer.ip + 12 : req->peer.ip, ip, sizeof ip);
    struct log_ctx before = log_ctx_get();
    log_ctx_set((struct log_ctx){ .req = req->id, .account = req->account });
    log_event(is_probe(req->route) && status < 400 ? LOG_DEBUG : LOG_INFO, "http.request", F_STRN("method", req->method),
              F_STRN("path", req->secret ? STR("(secret)") : req->path), F_STR("route", req->route ? req->route->path : NULL), F_INT("status", status),
              F_INT("bytes", bytes), F_INT("took_us", took_us), F_STR("ip", ip));
    log_ctx_set(before);
}
