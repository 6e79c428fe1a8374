/*
 * engine_hooks.c - what services that draw for us reach from outside: POST /v1/hooks/engine/…, where one tells that a call of ours moved, and
 * GET /v1/lent/{link}, where one fetches what a call is made of. Both addresses are secrets of one call and say all that there is to say about who
 * asks; engine/link.h has the invariant. A notice is answered at once: what it is about is asked by the dispatcher.
 */
#include "api/asset.h"
#include "api/internal.h"

#include "engine/engine.h"
#include "task/task.h"

static int notice_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct task_notice n = { .engine = req->params[0], .call = req->params[1], .token = req->params[2], .by = req->params[3],
                             .header = api__header_of, .from = req, .body = req->body };
    int r = task_notice(api_app(req)->tasks, &n, e);
    return r < 0 ? r : http_res_empty(res, 204);
}

static int lent_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct task_lent lent;
    int r = task_lent(api_app(req)->tasks, req->params[0], req->arena, &lent, e);
    if (r < 0)
        return r;
    http_res_header(res, "X-Robots-Tag", "noindex");
    return http_res_file(res, lent.fd, lent.bytes, api__served_as(lent.type).type, lent.tag.p, "private, no-store");
}

const struct route api_engine_hooks_routes[] = {
    { "POST", "/v1/hooks/engine/{engine}/{call}/{token}/{by}", ROUTE_BLOCKING, TRAFFIC_SETTLE, ROUTE_SECRET, 0, notice_post, .body_max = ENGINE_NOTICE_MAX,
      .help = "A service that draws for us tells that a call of ours moved, with its signature where it signs; the address is that call's own. It is only a hint." },
    { "GET", "/v1/lent/{link}", ROUTE_BLOCKING, TRAFFIC_SETTLE, ROUTE_SECRET, 0, lent_get,
      .help = "A photo for the one service and the one call that the link was made for, while that call is under way; Range works." },
    { 0 },
};
