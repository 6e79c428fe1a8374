/* send.c - answers on their way out: head and body in one call, files by sendfile, the rest when the socket has room again. */
#include "net/internal.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

void conn_linger(struct conn *c) {
    shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    conn_due_in(c, LINGER_MS);
}

void conn_served(struct conn *c, int status, int64_t body_bytes) {
    c->untaken = body_bytes < UINT32_MAX - c->untaken ? c->untaken + (uint32_t)body_bytes : UINT32_MAX;
    c->served |= status != 503;
}

static void sent(struct conn *c) {
    struct http_call *call = c->call;
    if (call->res.kind == RES_SSE && !call->head_only && !c->loop->draining) {
        c->state = CONN_SSE;
        sse_start(c);
        return;
    }
    struct ws *ws = call->res.kind == RES_WEBSOCKET ? TAKE(call->ws) : NULL;
    bool keep = call->keep_alive, rest_unread = call->linger;
    conn_served(c, call->res.status, call->sent_bytes);
    c->call = NULL;
    call_count(call, call->res.status);
    call_free(call);
    if (ws) {
        c->state = CONN_WEBSOCKET;
        ws_start(c, ws);
    } else if (keep && !c->loop->draining) {
        c->state = CONN_IDLE;
        c->scan = (struct head_scan){ 0 };
        conn_idle(c);
    } else if (rest_unread && !c->eof) {
        conn_linger(c);
    } else {
        conn_close(c);
    }
}

/* In one call, for which the kernel does less where both lie together: see res_head(). */
static ssize_t send_two(int fd, struct str a, struct str b, int flags) {
    if (!a.n || !b.n || a.p + a.n == b.p)
        return send(fd, a.n ? a.p : b.p, a.n + b.n, flags);
    struct iovec iov[2] = { { (void *)(uintptr_t)a.p, a.n }, { (void *)(uintptr_t)b.p, b.n } };
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
    return sendmsg(fd, &m, flags);
}

/* Writes what call->out holds. 1: all; 0: the socket is full, or others shall have their turn; -1: broken. */
static int flush_bytes(struct conn *c) {
    struct http_call *call = c->call;
    size_t turn = 0;
    bool more = (call->res.kind == RES_FILE && call->res.bytes > 0) || call->res.next_part < call->res.n_parts;
    while (call->out[0].n + call->out[1].n) {
        if (turn >= SEND_BYTES)
            return 0;
        ssize_t n = send_two(c->fd, call->out[0], call->out[1], MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;       /* a non-blocking send is never interrupted */
        size_t head = (size_t)n < call->out[0].n ? (size_t)n : call->out[0].n, body = (size_t)n - head;
        call->out[0] = (struct str){ call->out[0].p + head, call->out[0].n - head };
        if (body)
            call->out[1] = (struct str){ call->out[1].p + body, call->out[1].n - body };
        call->sent_bytes += (int64_t)body;
        turn += (size_t)n;
    }
    return 1;
}

static int flush_file(struct conn *c) {
    struct http_res *res = &c->call->res;
    int64_t turn = SEND_BYTES;
    while (res->bytes > 0 && turn > 0) {
        off_t at = res->from;
        ssize_t n = sendfile(c->fd, res->fd, &at, (size_t)(res->bytes < turn ? res->bytes : turn));
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? 0 : -1;   /* 0: the file became shorter, so the promised length cannot be kept */
        res->from += n;
        res->bytes -= n;
        turn -= n;
        c->call->sent_bytes += n;
    }
    return res->bytes == 0;
}

/* Several ranges: what is to be sent next. False: nothing. */
static bool next_part(struct http_call *call) {
    struct http_res *res = &call->res;
    if (res->next_part == res->n_parts)
        return false;
    const struct res_part *part = &res->parts[res->next_part++];
    call->out[0] = part->head;
    if (res->kind == RES_FILE)
        res->from = part->from, res->bytes = part->bytes;
    else
        call->out[1] = (struct str){ res->body.p + part->from, (size_t)part->bytes };
    return true;
}

void conn_flush(struct conn *c) {
    struct http_call *call = c->call;
    int r;
    do {
        r = flush_bytes(c);
        if (r == 1 && call->res.kind == RES_FILE && !call->head_only)
            r = flush_file(c);
    } while (r == 1 && next_part(call));
    if (r < 0)
        conn_close(c);
    else if (r == 1)
        sent(c);
    else if (c->state != CONN_SEND) {
        c->state = CONN_SEND;
        c->mark_bytes = INT64_MAX;                 /* see send_timeout() */
        c->slow = false;
        conn_due_in(c, c->loop->server->conf.write_stall_ms / 2);
    }
}

void conn_answer(struct conn *c) {
    struct http_call *call = c->call;
    struct http_res *res = &call->res;
    if (c->loop->draining || res->kind == RES_SSE)
        call->keep_alive = false;
    call->out[1] = res->kind == RES_BYTES && !res->parts && !call->head_only && res->status != 304 && res->status != 204 ? res->body : STR_NULL;
    call->out[0] = res_head(res, c->loop->date, &call->out[1]);
    if (call->head_only)
        res->bytes = 0;
    repeat_note(call);
    c->state = CONN_WAIT;                          /* so that flush sees the change to SEND, where the time of its client begins */
    conn_flush(c);
}

void conn_problem(struct conn *c, const struct err *e) {
    struct http_call *call = c->call;
    res_done(&call->res);
    char *headers = call->res.headers;             /* kept: Allow belongs to the problem */
    size_t n = call->res.headers_n, cap = call->res.headers_cap;
    res_init(&call->res, call);
    call->res.headers = headers;
    call->res.headers_n = n;
    call->res.headers_cap = cap;
    if (call->shed)
        shed_answer(call);
    else if (http_res_problem(&call->req, &call->res, e) < 0)
        http_res_empty(&call->res, 500);
    conn_answer(c);
}

/* RFC 9110 10.1.1: the client waits with its body for this. */
void conn_continue(struct conn *c) {
    static const struct str text = { "HTTP/1.1 100 Continue\r\n\r\n", 25 };
    c->call->expect_continue = false;
    if (send(c->fd, text.p, text.n, MSG_NOSIGNAL) != (ssize_t)text.n)
        conn_due_in(c, 0);                         /* nothing else is under way, so only a broken socket has no room for it */
}
