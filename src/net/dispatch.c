/* dispatch.c - from a head to its route, and to the thread where the route's kind wants to run. */
#include "net/cors.h"
#include "net/internal.h"

/* An answer that comes before the body: the connection can only go on when the body is here to be passed over. */
static bool refuse_body(struct conn *c, const struct head *h, bool body_here, const struct err *e) {
    if (h->body_bytes != 0 && !body_here) {
        c->call->keep_alive = false;
        c->call->linger = true;
    }
    conn_problem(c, e);
    return false;
}

/* Somebody followed a link whose address is broken: taken as it stands, it leads to the page that says that nothing is there. */
static bool for_a_person(struct http_req *req, struct str path) {
    struct str accept = http_req_header(req, "Accept");
    return str_eqz(req->method, "GET") && accept.n && memmem(accept.p, accept.n, "text/html", 9) && !str_starts(path, STR("/v1/"));
}

/* Fills the request from the head. Path errors are errors of the head. */
static int fill_req(struct conn *c, const struct head *h, struct err *e) {
    struct http_call *call = c->call;
    struct http_req *req = &call->req;
    req->method = h->method;
    req->query = h->query;
    req->n_headers = h->n_headers;
    req->headers = ARENA_ARRAY(req->arena, struct http_header, h->n_headers + 1);
    memcpy(req->headers, h->headers, h->n_headers * sizeof(h->headers[0]));
    req->body_bytes = h->body_bytes;
    call->body_left = h->body_bytes;
    call->keep_alive = h->keep_alive;
    call->expect_continue = h->expect_continue;
    call->http10 = h->minor == 0;
    call->head_only = str_eqz(h->method, "HEAD");
    proxy_apply(c, call);
    cors_headers(call);
    req->lang = call_lang(req);
    if (str_eqz(h->path, "*")) {
        req->path = h->path;
        return 0;
    }
    char *path = arena_alloc(req->arena, h->path.n + 1);
    int n = head_path(h->path, path, e);
    if (n < 0 && for_a_person(req, h->path)) {
        req->path = h->path;
        return 0;
    }
    if (n < 0)
        return n;
    req->path = (struct str){ path, (size_t)n };
    return 0;
}

/* RFC 6455 4.2.1. The rest of it is for http_res_websocket(). */
static int check_handshake(struct http_call *call, struct err *e) {
    const struct http_server *s = call->loop->server;
    struct http_req *req = &call->req;
    char *accept = arena_alloc(req->arena, WS_ACCEPT_LEN + 1);
    int r = call->http10 || !str_eqz(req->method, "GET") ? err_set(e, ERR_UPGRADE, "only a GET in HTTP/1.1 can become a WebSocket")
                                                         : ws_handshake(req->headers, req->n_headers, accept, e);
    if (r == ERR_UPGRADE)
        http_res_header(&call->res, "Sec-WebSocket-Version", "13");
    if (r < 0)
        return r;
    if (!ws_handshake_origin_ok(http_req_header(req, "Origin"), http_req_header(req, "Host"), str_z(s->conf.public_url), s->cors, s->n_cors))
        return err_set(e, ERR_FORBIDDEN, "a page of another origin");
    call->ws_accept = accept;
    return 0;
}

/* Everything that can be said before the body is read. */
static int admit(struct conn *c, const struct head *h, struct err *e) {
    struct http_server *s = c->loop->server;
    struct http_req *req = &c->call->req;
    const struct route *route = req->route;
    int r = shed_at_head(c->call, e);
    if (r < 0)
        return r;
    if (s->conf.authorise) {
        log_ctx_set((struct log_ctx){ .req = req->id });
        r = s->conf.authorise(req, e);
        log_ctx_set((struct log_ctx){ 0 });
        if (r < 0 || (r = shed_known(c->call, e)) < 0)
            return r;
    }
    if (h->body_bytes > (int64_t)route->body_max)
        return err_set(e, ERR_TOO_BIG, "a body of %lld bytes, the limit is %zu", (long long)h->body_bytes, route->body_max);
    if (h->body_bytes < 0 && route->body_max == 0)
        return err_set(e, ERR_TOO_BIG, "no body is taken here");
    return route->kind == ROUTE_WEBSOCKET ? check_handshake(c->call, e) : 0;
}

/* OPTIONS, 404 and 405, without a route. */
static bool answer_unrouted(struct conn *c, const struct head *h, bool body_here, enum router_result found, const char *allow) {
    struct http_call *call = c->call;
    struct err e;
    if (allow[0])
        http_res_header(&call->res, "Allow", "%s", allow);
    if (found == ROUTER_OPTIONS && h->body_bytes == 0) {
        http_res_empty(&call->res, 204);
        conn_answer(c);
        return false;
    }
    err_set(&e, found == ROUTER_NO_PATH ? ERR_NOT_FOUND : ERR_METHOD, "%.*s %.*s", STR_ARG(call->req.method), STR_ARG(call->req.path));
    return refuse_body(c, h, body_here, &e);
}

static void run(struct conn *c);

bool dispatch_head(struct conn *c, const struct head *h, bool body_here) {
    struct http_call *call = c->call;
    struct http_req *req = &call->req;
    struct err e = { 0 };
    struct router_match m;
    if (fill_req(c, h, &e) < 0) {
        conn_refuse(c, &e);
        return false;
    }
    if (str_eqz(req->path, "*"))
        return answer_unrouted(c, h, body_here, ROUTER_OPTIONS, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    if (cors_preflight(c, h))
        return false;
    enum router_result found = router_find(c->loop->server->router, req->method, req->path, &m);
    req->secret = m.secret;
    if (found != ROUTER_FOUND)
        return answer_unrouted(c, h, body_here, found, m.allow);
    req->route = m.route;
    call->route_index = m.index;
    memcpy(req->params, m.params, sizeof(req->params));
    int r = admit(c, h, &e);
    if (r < 0) {
        e.code = e.code ? e.code : r;
        return refuse_body(c, h, body_here, &e);
    }
    if (req->route->kind == ROUTE_STREAM)
        stream_begin(call);
    else
        call->body.max = req->route->body_max;
    if (h->body_bytes == 0) {
        dispatch_body_end(c);
        return true;
    }
    c->state = CONN_BODY;
    c->mark_bytes = 0;
    conn_due_in(c, c->loop->server->conf.body_grace_ms);
    if (call->expect_continue && !call->stream)    /* a stream says it when its sink is open */
        conn_continue(c);
    return true;
}

void dispatch_body_end(struct conn *c) {
    struct http_call *call = c->call;
    c->state = CONN_WAIT;
    conn_due_in(c, c->loop->server->conf.handler_ms);
    if (call->stream) {
        call->stream->ended = true;                /* conn_go_on() starts the last step */
        return;
    }
    call->req.body = buf_str(&call->body);
    run(c);
}

/* On the pool. */
static void run_blocking(struct pool_job *j) {
    struct http_call *call = CONTAINER_OF(j, struct http_call, job);
    int queued = CALL_QUEUED;
    if (atomic_compare_exchange_strong(&call->phase, &queued, CALL_RUNNING)) {
        if (j->late)
            call->rc = shed_late(call, pool_admission(shed_pool(call), j->line), &call->err);
        call_handle(call);
    }
    loop_post(call->loop, call);
}

/* Gives the call away; < 0: it stays here. */
static int send_away(struct http_call *call, struct err *e) {
    struct http_server *s = call->loop->server;
    bool blocking = call->req.route->kind == ROUTE_BLOCKING;
    int r = 0;
    atomic_store(&call->phase, blocking ? CALL_QUEUED : CALL_RUNNING);
    call->loop->away++;
    call->job.run = run_blocking;
    if (!blocking) {
        call->in_line = true;
        admission_enter(&s->writes, &call->job.ticket, clock_mono_us());
        r = s->conf.write_submit(s->conf.app, &call->write, e);
        if (r < 0)
            admission_cancel(&s->writes);
    } else if (!pool_submit(shed_pool(call), &call->job)) {
        r = err_set(e, ERR_BUSY, "too many requests wait for a worker");
    }
    if (r < 0) {
        atomic_store(&call->phase, CALL_HERE);
        call->loop->away--;
    }
    return r;
}

static void run(struct conn *c) {
    struct http_call *call = c->call;
    const struct route *route = call->req.route;
    struct err e = { 0 };
    int r = 0;
    bool here = route->kind == ROUTE_INLINE || route->kind == ROUTE_WEBSOCKET;
    if (route->parse) {
        log_ctx_set((struct log_ctx){ .req = call->req.id, .account = call->req.account });
        r = route->parse(&call->req, &e);
        log_ctx_set((struct log_ctx){ 0 });
    }
    here |= call->req.no_write;
    if (r >= 0 && !here)
        r = send_away(call, &e);
    if (r < 0) {
        e.code = e.code ? e.code : r;
        conn_problem(c, &e);
    } else if (here) {
        call_handle(call);
        conn_answer(c);
    }
}

struct http_req *http_write_req(struct http_write *w) { return &w->call->req; }

int http_write_run(struct http_write *w, struct db_tx *tx, struct err *e) {
    struct http_call *call = w->call;
    struct admission *line = &call->loop->server->writes;
    bool late = call->in_line && admission_leave(line, &call->job.ticket, clock_mono_us());
    call->in_line = false;
    if (late)
        shed_late(call, line, e);
    return call->shed ? err_set(e, ERR_BUSY, "it waited too long") : call->req.route->write(tx, &call->req, e);
}

void http_write_done(struct http_write *w, int rc, const struct err *e) {
    struct http_call *call = w->call;
    if (call->in_line)                             /* it never ran: the transaction did not begin */
        admission_cancel(&call->loop->server->writes);
    call->in_line = false;
    call->rc = rc;
    if (rc < 0) {
        call->err = e ? *e : (struct err){ 0 };
        if (!call->err.code)
            call->err.code = rc;
    }
    loop_post(call->loop, call);
}
