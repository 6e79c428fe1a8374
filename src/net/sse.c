/* sse.c - event streams: the database is the truth, a wake only says "look again". */
#include "net/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PULLS_AT_ONCE 8                   /* then others get their turn */

static struct http_call **bucket(struct loop *l, int64_t topic) {
    return &l->sse[((uint64_t)topic * UINT64_C(0x9e3779b97f4a7c15) >> 32) % SSE_BUCKETS];
}

void sse_start(struct conn *c) {
    struct sse *s = c->call->sse;
    struct http_call **at = bucket(c->loop, s->topic);
    s->next = *at;
    if (s->next)
        s->next->sse->at = &s->next;
    s->at = at;
    *at = c->call;
    s->listed = true;
    atomic_fetch_add(&c->loop->server->sse_open, 1);      /* before the first pull: http_server_wake() looks at it after the commit */
    stat_add(&c->loop->stats.sse_open, 1);
    buf_add_z(&s->out, "retry: 2000\n\n");
    s->more = true;
    sse_pump(c);
}

void sse_stop(struct http_call *call) {
    struct sse *s = call->sse;
    buf_done(&s->out);
    if (!s->listed)
        return;
    *s->at = s->next;
    if (s->next)
        s->next->sse->at = s->at;
    s->listed = false;
    atomic_fetch_sub(&call->loop->server->sse_open, 1);
    stat_add(&call->loop->stats.sse_open, -1);
}

/* 1: all is out; 0: the socket is full; -1: broken. */
static int write_out(struct conn *c) {
    struct sse *s = c->call->sse;
    while (s->out_sent < s->out.n) {
        ssize_t n = send(c->fd, s->out.p + s->out_sent, s->out.n - s->out_sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        s->out_sent += (size_t)n;
        c->call->sent_bytes += n;
        conn_due_in(c, c->loop->server->conf.write_stall_ms);
    }
    s->out_sent = 0;
    buf_done(&s->out);                             /* an idle stream keeps no buffer */
    conn_due_in(c, SSE_HEARTBEAT_MS);
    return 1;
}

static void pull(struct conn *c) {
    struct http_call *call = c->call;
    struct sse *s = call->sse;
    struct err e = { 0 };
    log_ctx_set((struct log_ctx){ .req = call->req.id, .account = call->req.account });
    int r = s->pull(s->ctx, &s->seq, &s->out, &e);
    s->over = r != 0;
    s->more = r == 0 && s->out.n > 0;
    if (r < 0 || s->out.failed) {
        if (r >= 0)
            err_set(&e, ERR_INTERNAL, "events of over %d bytes at once", SSE_OUT_MAX);
        log_event(LOG_ERROR, "http.sse_failed", F_STR("route", call->req.route->path), F_ERR(&e));
        buf_done(&s->out);
        buf_add_z(&s->out, "event: error\ndata: ");
        problem_json(&s->out, &e, call->req.lang, call->req.id, STR_NULL);
        buf_add_z(&s->out, "\n\n");
        s->over = true;
        s->more = false;
    }
    log_ctx_set((struct log_ctx){ 0 });
}

bool sse_wants_out(const struct conn *c) {
    const struct sse *s = c->call->sse;
    return s->more || s->out.n > s->out_sent;
}

void sse_pump(struct conn *c) {
    struct sse *s = c->call->sse;
    for (int i = 0; i < PULLS_AT_ONCE; i++) {
        int r = write_out(c);
        if (r < 0 || (r == 1 && s->over)) {
            conn_close(c);
            return;
        }
        if (r == 0 || !s->more)
            return;
        pull(c);
    }
}

void sse_timeout(struct conn *c) {
    struct sse *s = c->call->sse;
    if (s->out.n > s->out_sent) {                  /* no byte was taken for write_stall_ms */
        stat_add(&c->loop->stats.timeouts, 1);
        conn_close(c);
        return;
    }
    buf_add_z(&s->out, ":\n\n");
    s->more = !s->over;                            /* what changes without a wake is told now and then too */
    sse_pump(c);
}

void sse_wake(struct loop *l, int64_t topic, bool all) {
    struct http_call **first = bucket(l, topic), **last = first + 1;
    if (all) {
        first = l->sse;
        last = l->sse + SSE_BUCKETS;
    }
    for (struct http_call **b = first; b < last; b++)
        for (struct http_call *call = *b, *next; call; call = next) {
            next = call->sse->next;                /* the stream may close under us */
            struct conn *c = loop_conn(l, call->slot, call->gen);
            if (!c || (!all && call->sse->topic != topic) || call->sse->over)
                continue;
            call->sse->more = true;
            if (call->sse->out.n == call->sse->out_sent)
                loop_again(c);                     /* each pull reads the database: others get their turn between them */
        }
}
