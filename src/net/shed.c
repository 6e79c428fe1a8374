/*
 * shed.c - what is refused when there is more to do than can be done: asked of the lines a request would stand in, from its head, before
 * anybody finds out who sends it; and once more with what is known then, when it may cost him his place.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/internal.h"

#define SAMPLE_US  1000                   /* a wait is measured this often at most: the kernel takes about a microsecond to say it */
#define ANSWER_MAX 4096

/* ---- how long the event thread lets wait ---- */
/*
 * What waits for an event thread lies in the kernel: in the backlog of its listener, in sockets, in epoll's list. TCP knows when the last
 * bytes of a connection came, so no queue escapes this. A unix socket does not say; what it brings has come since the last round began, or just now if there was nothing and we slept.
 */
static int64_t waited_us(const struct conn *c, int64_t now_us) {
    const struct loop *l = c->loop;
    const struct http_server_conf *conf = &l->server->conf;
    struct tcp_info info;
    socklen_t n = sizeof(info);
    int64_t said_us = conf->waited_us ? conf->waited_us(conf->app) : -1;
    if (said_us >= 0)
        return said_us;
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
        return (int64_t)info.tcpi_last_data_recv * 1000;
    return now_us - l->since_ms * 1000;
}

void shed_measure(struct conn *c) {
    struct loop *l = c->loop;
    int64_t now_us = clock_mono_us();
    if (now_us - l->measured_us < SAMPLE_US)
        return;
    l->measured_us = now_us;
    admission_note(&l->line, waited_us(c, now_us), now_us);
}

/* ---- asking ---- */
static enum pool_line pool_line_of(const struct route *r) {
    bool bulk = r->kind == ROUTE_BLOCKING && r->traffic > TRAFFIC_READ && !(r->flags & ROUTE_COSTLY);
    return r->traffic <= TRAFFIC_PAYMENT ? POOL_URGENT : bulk ? POOL_BULK : POOL_NORMAL;
}

struct pool *shed_pool(struct http_call *call) {
    const struct route *r = call->req.route;
    struct http_server *s = call->loop->server;
    call->job.line = pool_line_of(r);
    return r->flags & ROUTE_COSTLY ? s->costly : s->pool;
}

/* The line beside the event thread's; NULL: none. */
static struct admission *line_of(struct http_call *call) {
    switch (call->req.route->kind) {
    case ROUTE_WRITE: return &call->loop->server->writes;
    case ROUTE_BLOCKING:
    case ROUTE_STREAM: {
        struct pool *p = shed_pool(call);
        return pool_admission(p, call->job.line);
    }
    default: return NULL;
    }
}

int shed_refused(struct http_call *call, struct admission *line, struct err *e) {
    call->shed = true;
    call->req.retry_s = admission_refuse(line, call->req.route->traffic, clock_mono_us());
    return err_set(e, ERR_BUSY, "more is asked than can be done");
}

int shed_late(struct http_call *call, struct admission *line, struct err *e) {
    if (call->req.route->traffic <= TRAFFIC_PAYMENT)
        return 0;
    atomic_fetch_add_explicit(&line->late, 1, memory_order_relaxed);
    return shed_refused(call, line, e);
}

static int ask(struct http_call *call, struct admission *const lines[2], struct err *e) {
    for (int i = 0; i < 2; i++)
        if (lines[i] && !admission_ask(lines[i], call->req.route->traffic, call->demerits, call->began_us))
            return shed_refused(call, lines[i], e);
    return 0;
}

int shed_at_head(struct http_call *call, struct err *e) {
    struct http_server *s = call->loop->server;
    struct admission *const lines[2] = { &call->loop->line, line_of(call) };
    const struct route *r = call->req.route;
    bool open = r->traffic == TRAFFIC_OPERATE && !r->need;         /* never refused, so nobody may make a flood of it */
    if (r->traffic <= TRAFFIC_PAYMENT && !open)
        return 0;
    call->pressed = admission_pressed(lines[0]) || (lines[1] && admission_pressed(lines[1]));
    if (call->pressed)
        call->demerits += share_over(s->by_ip, share_key_ip(call->req.peer.ip), call->began_us);
    if (open && call->demerits)
        return shed_refused(call, lines[!admission_pressed(lines[0])], e);
    return ask(call, lines, e);
}

int shed_known(struct http_call *call, struct err *e) {
    struct http_server *s = call->loop->server;
    const struct http_req *req = &call->req;
    int before = call->demerits;
    if (!call->pressed)
        return 0;
    call->demerits += s->conf.favoured && !(req->rights & s->conf.favoured);
    call->demerits += req->account && share_over(s->by_account, (uint64_t)req->account, call->began_us);
    struct admission *const lines[2] = { &call->loop->line, line_of(call) };
    return call->demerits > before ? ask(call, lines, e) : 0;
}

/* ---- the answer: its body is the same for everybody, and made at start ---- */
void shed_init(struct http_server *s) {
    static const char *const langs[] = { "en", "zh" };
    struct err e;
    BUF_CLEANUP struct buf b;
    buf_init(&b, ANSWER_MAX);
    err_set(&e, ERR_BUSY, "more is asked than can be done");
    for (int i = 0; i < 2; i++) {
        buf_reset(&b);
        problem_json(&b, &e, langs[i], 0, STR_NULL);
        s->shed_body[i] = arena_str(s->arena, buf_str(&b));
    }
}

void shed_answer(struct http_call *call) {
    struct http_req *req = &call->req;
    struct http_res *res = &call->res;
    bool zh = str_eqz(str_z(req->lang), "zh");
    http_res_header(res, "Retry-After", "%lld", (long long)req->retry_s);
    http_res_header(res, "Content-Language", "%s", req->lang);
    if (req->route->problem_headers)
        req->route->problem_headers(res);
    http_res_body(res, 503, "application/problem+json", call->loop->server->shed_body[zh], /* borrowed= */ true);
}
