/* conn.c - the life of a connection: bytes in, answers out, deadlines. */
#include "net/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- deadlines ---- */
void conn_due(struct conn *c, int64_t due_ms) {
    c->due_ms = due_ms;
    if (due_ms != INT64_MAX && (c->timer.pos == 0 || due_ms < c->timer.at_ms))
        timers_set(&c->loop->timers, &c->timer, due_ms);
}

int64_t conn_idle_ms(const struct conn *c) {
    const struct http_server_conf *conf = &c->loop->server->conf;
    if (c->untaken > UNTAKEN_BYTES)
        return conf->write_stall_ms / 2;           /* then see idle_timeout() */
    return c->served || conf->idle_ms < conf->first_ms ? conf->idle_ms : conf->first_ms;
}

void conn_idle(struct conn *c) {
    c->mark_bytes = INT64_MAX;
    c->slow = false;
    conn_due_in(c, conn_idle_ms(c));
}

/* ---- closing ---- */
/* Nobody waits for the answer any more. A call that is away is freed when it comes home. */
static void abandon(struct http_call *call) {
    int queued = CALL_QUEUED;
    if (call->sse)
        sse_stop(call);
    if (call->stream)
        stream_give_up(call);
    else if (atomic_load(&call->phase) == CALL_HERE)
        call_free(call);
    else
        atomic_compare_exchange_strong(&call->phase, &queued, CALL_CANCELLED);   /* not begun: need not begin */
}

void conn_close(struct conn *c) {
    struct loop *l = c->loop;
    struct http_call *call = TAKE(c->call);
    if (call) {
        if (c->state == CONN_SEND || c->state == CONN_SSE)
            call_count(call, call->res.status);
        abandon(call);
    }
    ws_free(TAKE(c->ws));
    if (c->untaken > UNTAKEN_BYTES) {              /* the kernel goes on without us, but not for ever */
        unsigned ms = (unsigned)l->server->conf.write_stall_ms;
        setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    }
    timers_clear(&l->timers, &c->timer);
    free(TAKE(c->in));
    close(c->fd);
    if (c->refused) {
        l->refused--;
    } else {
        atomic_fetch_sub(&l->server->conns_open, 1);
        if (c->counted)
            iplimit_drop(l->server->iplimit, c->peer.ip);
    }
    c->state = CONN_FREE;
    c->fd = -1;
    if (++c->gen == 0)
        c->gen = 1;                                /* generation 0 marks listeners */
    c->next_free = l->free_slot;
    l->free_slot = c->slot + 1;
    loop_open_add(l, -1);
}

/* ---- the request under way ---- */
struct http_call *conn_call(struct conn *c) {
    struct http_call *call = c->call = call_new(c->loop);
    call->slot = c->slot;
    call->gen = c->gen;
    call->req.peer = c->peer;
    return call;
}

/* The call is in other hands and may stay there: what is to be said now is said by another one under the same request id. */
static void conn_fresh_call(struct conn *c) {
    struct http_call *old = TAKE(c->call), *call = conn_call(c);
    struct arena *arena = call->req.arena;
    call->req.id = old->req.id;
    call->req.method = arena_str(arena, old->req.method);
    call->req.path = arena_str(arena, old->req.path);
    call->req.route = old->req.route;
    call->req.peer = old->req.peer;
    call->req.account = old->req.account;
    call->req.lang = old->req.lang;
    call->route_index = old->route_index;
    call->began_us = old->began_us;
    call->head_only = old->head_only;
    call->keep_alive = old->keep_alive;
    call->http10 = old->http10;
    abandon(old);
}

/* ---- in ---- */
void conn_refuse(struct conn *c, const struct err *e) {
    if (!c->call)
        conn_call(c);
    else if (c->call->stream)
        conn_fresh_call(c);
    c->call->keep_alive = false;
    c->call->linger = true;
    if (err_reason(e->code)->http < 500)
        stat_add(e->code == ERR_TIMEOUT ? &c->loop->stats.timeouts : &c->loop->stats.bad_requests, 1);
    conn_problem(c, e);
}

static size_t eat_head(struct conn *c, struct str in) {
    struct err e = { 0 };
    size_t n = 0;
    uint64_t hash = 0;
    if (c->state == CONN_IDLE) {
        if (repeat_answer(c, in, &hash))
            return in.n;
        repeat_flush(c->loop);
        c->state = CONN_HEAD;
        conn_due_in(c, c->loop->server->conf.header_ms);
    }
    int r = head_scan(&c->scan, in.p, in.n, &n, &e);
    if (r == 0)
        return 0;
    if (r < 0) {
        conn_refuse(c, &e);
        return in.n;
    }
    c->turn++;
    struct http_call *call = conn_call(c);
    struct str bytes = call->head = arena_str(call->req.arena, (struct str){ in.p, n });
    call->repeat_hash = n == in.n ? hash : 0;
    struct head h;
    if (head_parse(bytes, c->loop->headers, &h, &e) < 0) {
        conn_refuse(c, &e);
        return in.n;
    }
    /* A request that is answered before its body can leave the connection open when the body is here already, to be passed over. */
    bool body_here = h.body_bytes > 0 && (uint64_t)h.body_bytes <= in.n - n;
    if (!dispatch_head(c, &h, body_here) && body_here)
        n += (size_t)h.body_bytes;
    return n;
}

/* The next bytes of the body under way go where they belong. Returns how many were taken; 0 with in.n > 0: no room now. */
static size_t eat_body(struct conn *c, struct str in) {
    struct http_call *call = c->call;
    size_t used = in.n, room = call->stream ? stream_room(call->stream) : SIZE_MAX;
    struct str data = in;
    bool end;
    if (room == 0)
        return 0;
    if (call->req.body_bytes < 0) {
        struct err e = { 0 };
        struct str part = { in.p, in.n < room ? in.n : room };
        int r = chunked_eat(&call->chunked, part, &used, &data, &e);
        if (r < 0) {
            conn_refuse(c, &e);
            return in.n;
        }
        end = r == 1;
    } else {
        if ((int64_t)data.n > call->body_left)
            data.n = (size_t)call->body_left;
        if (data.n > room)
            data.n = room;
        used = data.n;
        call->body_left -= (int64_t)data.n;
        end = call->body_left == 0;
    }
    call->body_got += (int64_t)data.n;
    if (call->body_got > (int64_t)call->req.route->body_max) {
        struct err e;
        err_set(&e, ERR_TOO_BIG, "the body is over %zu bytes", call->req.route->body_max);
        conn_refuse(c, &e);
        return in.n;
    }
    buf_add_str(call->stream ? &call->stream->fill : &call->body, data);
    if (end)
        dispatch_body_end(c);
    return used;
}

/* Takes as many of the bytes as the state allows; the rest waits in c->in. */
static size_t eat(struct conn *c, struct str in) {
    size_t used = 0;
    uint32_t gen = c->gen;
    while (used < in.n) {
        struct str rest = { in.p + used, in.n - used };
        size_t n = 0;
        if (c->turn >= REQUESTS_AT_ONCE && c->state == CONN_IDLE) {
            loop_again(c);
            break;
        }
        switch (c->state) {
        case CONN_IDLE:
        case CONN_HEAD: n = eat_head(c, rest); break;
        case CONN_BODY: n = eat_body(c, rest); break;
        case CONN_WEBSOCKET: n = ws_eat(c, rest); break;
        case CONN_SSE:
        case CONN_LINGER: n = rest.n; break;
        default: break;
        }
        if (c->gen != gen)
            return in.n;                           /* closed: c->in is gone */
        if (n == 0)
            break;
        used += n;
    }
    return used;
}

static void keep_rest(struct conn *c, struct str rest) {
    if (rest.n == 0)
        return;
    if (c->in_n + rest.n > c->in_cap) {
        uint32_t cap = 1024;
        while (cap < c->in_n + rest.n)
            cap *= 2;
        c->in = realloc(c->in, cap);
        if (!c->in)
            abort();
        c->in_cap = cap;
    }
    memcpy(c->in + c->in_n, rest.p, rest.n);
    c->in_n += (uint32_t)rest.n;
}

static void drop_front(struct conn *c, size_t n) {
    c->in_n -= (uint32_t)n;
    if (c->in_n) {
        memmove(c->in, c->in + n, c->in_n);
    } else {
        free(TAKE(c->in));
        c->in_cap = 0;
    }
}

/* What epoll must watch for in the present state. */
static uint32_t wanted(const struct conn *c) {
    if (c->state == CONN_SEND)
        return EPOLLOUT;
    if (c->state == CONN_SSE)
        return EPOLLIN | (sse_wants_out(c) ? EPOLLOUT : 0);
    if (c->state == CONN_WEBSOCKET)
        return (ws_wants_in(c) ? EPOLLIN : 0) | (ws_wants_out(c) ? EPOLLOUT : 0);
    bool full = c->in_n >= READ_BYTES || (c->again && c->in_n > 0) || (c->state == CONN_BODY && c->in_n > 0);
    return c->eof || full ? 0 : EPOLLIN;
}

void conn_go_on(struct conn *c) {
    uint32_t gen = c->gen;
    while (c->gen == gen && c->in_n) {
        size_t n = eat(c, (struct str){ c->in, c->in_n });
        if (c->gen != gen)
            return;
        if (n == 0)
            break;
        drop_front(c, n);
    }
    if (c->gen != gen)
        return;
    if (c->call && c->call->stream && stream_kick(c->call) < 0) {
        struct err e;
        err_set(&e, ERR_BUSY, "too many requests wait for a worker");
        conn_refuse(c, &e);
        if (c->gen != gen)
            return;
    }
    if (c->eof && !c->again && (c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY)) {
        conn_close(c);                             /* what was read ahead is served, and no more can come */
        return;
    }
    uint32_t want = wanted(c);
    if (want != c->events) {
        struct epoll_event ev = { .events = want, .data.u64 = (uint64_t)c->gen << 32 | c->slot };
        epoll_ctl(c->loop->ep, EPOLL_CTL_MOD, c->fd, &ev);
        c->behind |= (want & ~c->events & EPOLLIN) != 0;
        c->events = want;
    }
}

static void peer_ended(struct conn *c) {
    if (c->state != CONN_WAIT && c->state != CONN_SEND) {
        conn_close(c);
        return;
    }
    c->eof = true;                                 /* it may have shut its sending half only and still wait for the answer */
}

static void readable(struct conn *c) {
    char *to = c->loop->scratch;
    size_t room = READ_BYTES - c->in_n;            /* wanted() saw to it that there is some */
    ssize_t n = recv(c->fd, to, room, 0);
    if (n > 0 && c->state == CONN_IDLE && !c->behind)
        shed_measure(c);
    c->behind = false;
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_close(c);
        return;
    }
    if (n == 0) {
        peer_ended(c);
        return;
    }
    uint32_t gen = c->gen;
    if (c->in_n) {
        keep_rest(c, (struct str){ to, (size_t)n });
        return;                                    /* conn_go_on() eats it */
    }
    size_t used = eat(c, (struct str){ to, (size_t)n });
    if (c->gen == gen)
        keep_rest(c, (struct str){ to + used, (size_t)n - used });
}

void conn_ready(struct conn *c, uint32_t events) {
    uint32_t gen = c->gen;
    if (!c->again)
        c->turn = 0;
    if (events & (EPOLLERR | EPOLLHUP) && !(events & c->events & (EPOLLIN | EPOLLOUT))) {
        conn_close(c);                             /* gone in both directions, and we were not even looking */
        return;
    }
    if (events & EPOLLOUT) {
        if (c->state == CONN_SEND)
            conn_flush(c);
        else if (c->state == CONN_SSE)
            sse_pump(c);
        else if (c->state == CONN_WEBSOCKET)
            ws_pump(c);
    }
    if (c->gen == gen && events & EPOLLIN && c->events & EPOLLIN)
        readable(c);
    if (c->gen == gen)
        conn_go_on(c);
}

void conn_again(struct conn *c) {
    uint32_t gen = c->gen;
    c->turn = 0;
    if (c->state == CONN_WEBSOCKET)
        ws_pump(c);
    else if (c->state == CONN_SSE)
        sse_pump(c);
    if (c->gen == gen && c->state != CONN_FREE)
        conn_go_on(c);
}

/* ---- deadlines, one for each state ---- */
/* The handler has not answered in time. What has not begun is taken back; of what has, nobody knows. */
static void handler_timeout(struct conn *c) {
    struct http_call *call = c->call;
    struct str method = call->req.method;
    int queued = CALL_QUEUED;
    bool taken_back = atomic_compare_exchange_strong(&call->phase, &queued, CALL_CANCELLED);
    bool safe = taken_back || str_eqz(method, "GET") || str_eqz(method, "HEAD");
    struct err e;
    err_set(&e, safe ? ERR_BUSY : ERR_UNCERTAIN, "no answer within %lld ms", (long long)c->loop->server->conf.handler_ms);
    log_ctx_set((struct log_ctx){ .req = call->req.id, .account = call->req.account });
    log_event(LOG_WARN, "http.handler_timeout", F_STR("route", call->req.route->path), F_BOOL("begun", !taken_back));
    log_ctx_set((struct log_ctx){ 0 });
    stat_add(&c->loop->stats.timeouts, 1);
    conn_fresh_call(c);
    conn_problem(c, &e);
}

/* A window of the body rate has passed. */
static void body_timeout(struct conn *c) {
    struct http_call *call = c->call;
    const struct http_server_conf *conf = &c->loop->server->conf;
    int64_t got = call->body_got - c->mark_bytes;
    bool our_fault = call->stream && stream_room(call->stream) == 0;
    if (our_fault || got * 1000 >= conf->body_rate_min * conf->body_grace_ms) {
        c->mark_bytes = call->body_got;
        conn_due_in(c, conf->body_grace_ms);
        return;
    }
    struct err e;
    err_set(&e, ERR_TIMEOUT, "%lld bytes of the body came in %lld ms", (long long)got, (long long)conf->body_grace_ms);
    conn_refuse(c, &e);
}

/*
 * Half a window of the answer's rate has passed; two below the rate in a row end it. What counts is what the client's machine took, not what
 * ours did: a socket holds megabytes, and one that is read byte by byte would look alive for hours. The first half never counts as good,
 * since a receive buffer is filled in it, read or not.
 */
static void taken_timeout(struct conn *c, int64_t taken) {
    const struct http_server_conf *conf = &c->loop->server->conf;
    int64_t got = c->mark_bytes == INT64_MAX ? 0 : taken - c->mark_bytes;
    bool good = got > 0 && got * 1000 >= conf->body_rate_min * (conf->write_stall_ms / 2);
    if (good || !c->slow) {
        c->slow = !good;
        c->mark_bytes = taken;
        conn_due_in(c, conf->write_stall_ms / 2);
        return;
    }
    static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };      /* else the kernel would keep what is unsent for minutes */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    stat_add(&c->loop->stats.timeouts, 1);
    conn_close(c);
}

static int unsent_bytes(const struct conn *c) {
    int n = 0;
    return ioctl(c->fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

/* A socket may hold several whole answers, which to us are sent: who does not take them is not idle, but slow. */
static void idle_timeout(struct conn *c) {
    int unsent = c->untaken > UNTAKEN_BYTES ? unsent_bytes(c) : 0;
    if (unsent) {
        taken_timeout(c, -(int64_t)unsent);
    } else if (c->untaken > UNTAKEN_BYTES) {
        c->untaken = 0;
        conn_idle(c);
    } else {
        conn_close(c);
    }
}

void conn_timeout(struct conn *c) {
    uint32_t gen = c->gen;
    struct err e;
    switch ((enum conn_state)c->state) {
    case CONN_HEAD:
        err_set(&e, ERR_TIMEOUT, "the request head took over %lld ms", (long long)c->loop->server->conf.header_ms);
        conn_refuse(c, &e);
        break;
    case CONN_BODY: body_timeout(c); break;
    case CONN_WAIT: handler_timeout(c); break;
    case CONN_SSE: sse_timeout(c); break;
    case CONN_WEBSOCKET: ws_timeout(c); break;
    case CONN_SEND: taken_timeout(c, c->call->sent_bytes - unsent_bytes(c)); break;
    case CONN_IDLE: idle_timeout(c); break;
    default: conn_close(c); break;
    }
    if (c->gen == gen)
        conn_go_on(c);
}

/* ---- others call ---- */
void conn_come_home(struct conn *c, struct http_call *call) {
    atomic_store(&call->phase, CALL_HERE);
    if (call->stream && !stream_home(call)) {
        if (c && call->expect_continue && c->state == CONN_BODY)
            conn_continue(c);
        if (c)
            conn_go_on(c);
        return;
    }
    if (!c) {
        call_free(call);
        return;
    }
    if (call->stream && c->state == CONN_BODY) {   /* answered before the end of its body */
        call->keep_alive = false;
        call->linger = true;
    }
    if (call->req.route->kind == ROUTE_WRITE)
        call_handle(call);
    uint32_t gen = c->gen;
    conn_answer(c);
    if (c->gen == gen)
        conn_go_on(c);
}

void conn_drain(struct conn *c) {
    uint32_t gen = c->gen;
    if (c->state == CONN_SSE) {
        conn_close(c);                             /* the client comes back with Last-Event-ID */
        return;
    }
    if (c->state == CONN_WEBSOCKET)
        ws_drain(c);
    if (c->state != CONN_IDLE || c->in_n)
        return;                                    /* it ends with its answer, or with the next one */
    readable(c);                                   /* a request may have come with the order to stop */
    if (c->gen == gen)
        conn_go_on(c);
    if (c->gen != gen || c->state != CONN_IDLE)
        return;
    if (c->served)
        conn_close(c);
    else
        conn_due_in(c, FRESH_DRAIN_MS);
}
