/* call.c - a request and its answer as one recycled thing. */
#include "net/cors.h"
#include "net/internal.h"

#include <stdlib.h>

#include "base/id.h"

const int64_t http_hist_edge_us[HTTP_HIST] = { 50,    100,   200,    500,    1000,   2000,    5000,    10000,
                                               20000, 50000, 100000, 250000, 500000, 1000000, 5000000, INT64_MAX };

struct http_call *call_new(struct loop *l) {
    struct http_call *call = l->spare;
    if (call) {
        l->spare = call->next;
        l->n_spare--;
    } else {
        call = calloc(1, sizeof(*call));
        if (!call)
            abort();
        call->req.arena = arena_new(CALL_ARENA_MAX + CALL_ARENA_HEAD);
        buf_init(&call->body, 0);
    }
    struct arena *arena = call->req.arena;
    struct buf body = call->body;
    *call = (struct http_call){ .loop = l, .body = body, .began_us = clock_mono_us(), .route_index = router_count(l->server->router) };
    call->req = (struct http_req){ .id = id_new(), .arena = arena, .app = l->server->conf.app, .lang = "en" };
    call->write.call = call;
    res_init(&call->res, call);
    return call;
}

void call_free(struct http_call *call) {
    struct loop *l = call->loop;
    res_done(&call->res);
    if (call->stream)
        stream_free(call->stream);
    if (call->sse)
        sse_stop(call);
    ws_free(TAKE(call->ws));
    buf_reset(&call->body);
    if (call->body.cap > BODY_KEEP_BYTES)
        buf_done(&call->body);
    if (l->n_spare == SPARE_CALLS) {
        buf_done(&call->body);
        arena_free(call->req.arena);
        free(call);
        return;
    }
    arena_reset(call->req.arena);
    call->next = l->spare;
    l->spare = call;
    l->n_spare++;
}

void call_handle(struct http_call *call) {
    struct http_req *req = &call->req;
    struct err e = { 0 };
    log_ctx_set((struct log_ctx){ .req = req->id, .account = req->account });
    int r = call->rc < 0 ? call->rc : req->route->handle(req, &call->res, &e);
    if (call->rc < 0)
        e = call->err;
    if (r >= 0 && call->res.kind == RES_NONE)
        r = err_set(&e, ERR_INTERNAL, "%s %s gave no answer", req->route->method, req->route->path);
    if (r < 0) {
        if (!e.code)
            e.code = r;
        if (err_reason(e.code)->http >= 500 && !call->shed)
            log_event(LOG_ERROR, "http.failed", F_STRN("method", req->method), F_STR("route", req->route->path), F_ERR(&e));
        res_done(&call->res);
        res_init(&call->res, call);
        cors_headers(call);                               /* a page from elsewhere must be able to read why */
        if (call->shed)
            shed_answer(call);
        else if (http_res_problem(req, &call->res, &e) < 0)
            http_res_empty(&call->res, 500);              /* the arena is used up */
    }
    log_ctx_set((struct log_ctx){ 0 });
}

void loop_count(struct loop *l, size_t route_index, int status, int64_t bytes, int64_t us) {
    struct http_route_stats *st = &l->route_stats[route_index];
    int edge = 0;
    while (us > http_hist_edge_us[edge])
        edge++;
    stat_add(&st->n, 1);
    stat_add(&st->by_class[status / 100 % 6], 1);
    stat_add(&st->bytes, bytes);
    stat_add(&st->us_sum, us);
    stat_add(&st->hist[edge], 1);
    stat_add(&l->stats.req_total, 1);
}

bool loop_logs_access(const struct loop *l) { return l->server->conf.access_log && log_keeps(LOG_INFO); }

void call_count(struct http_call *call, int status) {
    int64_t us = clock_mono_us() - call->began_us;
    loop_count(call->loop, call->route_index, status, call->sent_bytes, us);
    if (loop_logs_access(call->loop) && !call->shed)          /* those are counted: admission.h */
        call->loop->server->conf.access_log(&call->req, status, call->sent_bytes, us);
}

/* RFC 9110 12.5.4, for our two languages: the one with the higher weight, the earlier one when equal. */
const char *call_lang(const struct http_req *req) {
    struct str list = http_req_header(req, "Accept-Language");
    const char *best = "en";
    int64_t best_q = 0;
    while (list.n) {
        struct str item = str_trim(str_cut(&list, ',')), params = item, tag = str_trim(str_cut(&params, ';'));
        int64_t q = 1000, whole, part;
        struct str v = str_trim(params);
        if (str_starts(v, STR("q=")) || str_starts(v, STR("Q="))) {
            struct str frac = { v.p + 2, v.n - 2 }, one = str_cut(&frac, '.');
            static const int64_t scale[4] = { 0, 100, 10, 1 };
            if (str_int(one, 0, 1, &whole) < 0)
                continue;
            q = whole * 1000;
            if (frac.n >= 1 && frac.n <= 3 && str_int(frac, 0, 999, &part) == 0)
                q += part * scale[frac.n];
        }
        struct str lang = str_cut(&tag, '-');
        const char *ours = str_ieq(lang, STR("zh")) ? "zh" : str_ieq(lang, STR("en")) ? "en" : NULL;
        if (ours && q > best_q) {
            best = ours;
            best_q = q;
        }
    }
    return best;
}
