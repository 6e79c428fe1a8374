/*
 * websocket.c - open WebSockets: what comes in, what waits to go out, topics, and the goodbye.
 *
 * An idle socket keeps its struct ws and nothing else: a reader exists while a message is on its way in, a queue while frames wait to go
 * out. Nothing here closes a connection at once, since callbacks may send to any socket of their thread while a list is walked: what broke
 * is marked, and ws_pump() looks at it in the loop's next turn.
 *
 *   open -> closing                        our Close is queued; what else would be sent is not
 *   closing -> the peer's Close has come, or we no longer listen -> LINGER, as an answered request with unread bytes
 */
#include "net/websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/internal.h"
#include "net/ws_reader.h"

#define CLOSE_MS      5000                /* for the peer to answer our Close */
#define PONGS_MAX     16                  /* waiting at once; then only the newest ping is answered (RFC 6455 5.5.3) */
#define IOV_AT_ONCE   64
#define TURN_BYTES    (256 * 1024)        /* sent in one turn, then others get theirs */
#define SNDBUF_BYTES  (64 * 1024)         /* the kernel's own queue must not hide a slow reader, nor grow to megabytes for each */
#define POSTED_MAX    (4 << 20)           /* bytes of broadcasts on their way to event threads */

struct ws_frame {
    _Atomic uint32_t refs;
    _Atomic uint32_t loops;               /* event threads that have yet to see it (broadcasts) */
    uint32_t         n;
    uint8_t          opcode;
    char             bytes[];             /* as on the wire */
};
struct ws_topic {
    int64_t          topic;
    struct ws       *first;
    struct ws_topic *next;                /* in its bucket */
};
struct ws {
    struct conn          *conn;           /* NULL until the handshake is out */
    struct http_server   *server;
    const struct ws_kind *kind;
    const char           *protocol;
    void                 *ctx;
    int64_t               topic_id;
    struct ws_topic      *topic;          /* NULL: in none (any more) */
    struct ws            *next, **at;     /* in its topic */
    struct ws_reader     *reader;         /* NULL: nothing is on its way in */
    struct ws_frame     **queue;          /* a ring; NULL while it is empty */
    size_t                queue_bytes, sent;     /* sent: of the first frame */
    int64_t               heard_ms, began_ms, moved_ms, closing_ms;    /* the last byte in; of the message; the last byte out; our Close */
    uint32_t              queue_cap, queue_head, queue_n;
    uint16_t              code;           /* for closed(); 0: nobody has said goodbye */
    uint8_t               pongs;          /* in the queue */
    bool                  full;           /* the socket takes no more */
    bool                  more;           /* the reader holds what came and was not looked at: this turn was over */
    bool                  broken, pinged, closing, deaf;               /* deaf: what comes is thrown away, the peer's Close was the last of it or is not waited for */
};

/* ---- frames ---- */
/* RFC 6455 5.2: from a server, whole and unmasked. (wslay's sender wants a context of 4 KiB and writes head and payload apart.) */
static struct ws_frame *frame_new(enum ws_opcode opcode, struct str head, struct str data) {
    size_t n = head.n + data.n, at = 2;
    struct ws_frame *f = malloc(sizeof(*f) + n + 10);
    if (!f)
        abort();
    f->bytes[0] = (char)(0x80 | opcode);
    if (n < 126) {
        f->bytes[1] = (char)n;
    } else {
        int bytes = n < 65536 ? 2 : 8;
        f->bytes[1] = bytes == 2 ? 126 : 127;
        for (int i = bytes - 1; i >= 0; i--)
            f->bytes[at++] = (char)(n >> 8 * i);
    }
    if (head.n)
        memcpy(f->bytes + at, head.p, head.n);
    if (data.n)
        memcpy(f->bytes + at + head.n, data.p, data.n);
    f->n = (uint32_t)(at + n);
    f->opcode = (uint8_t)opcode;
    atomic_init(&f->refs, 1);
    atomic_init(&f->loops, 0);
    return f;
}

static struct ws_frame *frame_ref(struct ws_frame *f) {
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

static void frame_unref(struct ws_frame *f) {
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

static struct ws_frame *close_frame(int code, struct str reason) {
    char be[2] = { (char)(code >> 8), (char)code };
    return frame_new(WS_CLOSE, code == WS_NO_STATUS ? STR_NULL : (struct str){ be, 2 }, reason);
}

/* ---- topics ---- */
static struct ws_topic **topic_at(struct loop *l, int64_t topic) {
    struct ws_topic **t = &l->ws_topics[((uint64_t)topic * UINT64_C(0x9e3779b97f4a7c15) >> 32) % WS_BUCKETS];
    while (*t && (*t)->topic != topic)
        t = &(*t)->next;
    return t;
}

static void join(struct ws *ws) {
    struct ws_topic **t = topic_at(ws->conn->loop, ws->topic_id);
    if (!*t) {
        *t = calloc(1, sizeof(**t));
        if (!*t)
            abort();
        (*t)->topic = ws->topic_id;
    }
    ws->topic = *t;
    ws->next = (*t)->first;
    if (ws->next)
        ws->next->at = &ws->next;
    ws->at = &(*t)->first;
    (*t)->first = ws;
}

static void leave(struct ws *ws) {
    struct ws_topic *topic = TAKE(ws->topic);
    if (!topic)
        return;
    *ws->at = ws->next;
    if (ws->next)
        ws->next->at = ws->at;
    if (topic->first)
        return;
    struct ws_topic **t = topic_at(ws->conn->loop, topic->topic);
    *t = topic->next;
    free(topic);
}

/* ---- the queue ---- */
static struct ws_frame **slot(const struct ws *ws, uint32_t i) { return &ws->queue[(ws->queue_head + i) % ws->queue_cap]; }

static void enqueue(struct ws *ws, struct ws_frame *f) {             /* takes the reference */
    if (ws->queue_n == ws->queue_cap) {
        uint32_t cap = ws->queue_cap ? ws->queue_cap * 2 : 8;
        struct ws_frame **q = malloc(cap * sizeof(*q));
        if (!q)
            abort();
        for (uint32_t i = 0; i < ws->queue_n; i++)
            q[i] = *slot(ws, i);
        free(ws->queue);
        ws->queue = q;
        ws->queue_cap = cap;
        ws->queue_head = 0;
    }
    if (ws->queue_n == 0)
        ws->moved_ms = ws->conn->loop->now_ms;
    *slot(ws, ws->queue_n++) = f;
    ws->queue_bytes += f->n;
    ws->pongs += f->opcode == WS_PONG;
    if (!ws->full)
        loop_again(ws->conn);
}

static void drop(struct ws *ws, struct ws_frame *f) {
    ws->queue_bytes -= f->n;
    ws->pongs -= f->opcode == WS_PONG;
    frame_unref(f);
}

/* Throws away what the peer has not begun to get; all of it when nothing more will be sent. */
static void forget(struct ws *ws, bool all) {
    uint32_t keep = !all && ws->sent ? 1 : 0;
    while (ws->queue_n > keep)
        drop(ws, *slot(ws, --ws->queue_n));
    if (ws->queue_n == 0) {
        free(TAKE(ws->queue));
        ws->queue_cap = ws->queue_head = 0;
        ws->sent = 0;
    }
}

static void sent(struct ws *ws, size_t n) {
    ws->moved_ms = ws->conn->loop->now_ms;
    for (ws->sent += n; ws->queue_n && ws->sent >= (*slot(ws, 0))->n; ws->queue_n--) {
        struct ws_frame *f = *slot(ws, 0);
        ws->sent -= f->n;
        drop(ws, f);
        ws->queue_head = (ws->queue_head + 1) % ws->queue_cap;
    }
    if (ws->queue_n == 0)
        forget(ws, true);                          /* the ring: an idle socket keeps none */
}

static void flush(struct ws *ws) {
    ws->full = false;
    for (size_t turn = 0; ws->queue_n && !ws->broken; ) {
        struct iovec iov[IOV_AT_ONCE];
        uint32_t k = ws->queue_n < IOV_AT_ONCE ? ws->queue_n : IOV_AT_ONCE;
        for (uint32_t i = 0; i < k; i++)
            iov[i] = (struct iovec){ (*slot(ws, i))->bytes, (*slot(ws, i))->n };
        iov[0] = (struct iovec){ (char *)iov[0].iov_base + ws->sent, iov[0].iov_len - ws->sent };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = k };
        ssize_t n = k == 1 ? send(ws->conn->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL) : sendmsg(ws->conn->fd, &m, MSG_NOSIGNAL);
        if (n < 0) {
            ws->full = errno == EAGAIN;
            ws->broken = !ws->full;
            break;
        }
        sent(ws, (size_t)n);
        if ((turn += (size_t)n) >= TURN_BYTES) {
            if (ws->queue_n)
                loop_again(ws->conn);
            break;
        }
    }
}

/* ---- goodbye ---- */
static void say_close(struct ws *ws, int code, struct str reason) {
    if (ws->closing)
        return;
    leave(ws);
    ws->closing = true;
    ws->closing_ms = ws->conn->loop->now_ms;
    if (!ws->code)
        ws->code = (uint16_t)code;
    enqueue(ws, close_frame(code, reason));
    loop_again(ws->conn);                          /* also when the socket is full: there is a new deadline */
}

static void fail(struct ws *ws, int code, const char *reason) {
    ws->deaf = true;
    say_close(ws, code, str_z(reason));
    loop_again(ws->conn);                          /* had we said it before, the peer's part is no longer waited for */
}

static void too_slow(struct ws *ws) {
    stat_add(&ws->conn->loop->stats.ws_slow, 1);
    forget(ws, false);
    say_close(ws, WS_TRY_AGAIN, STR("you read too slowly and missed something: connect again"));
}

void ws_close(struct ws *ws, int code, const char *reason) {
    struct str text = str_z(reason);
    if (text.n > WS_REASON_MAX)
        text.n = 0;                                /* cut anywhere it might not be UTF-8 */
    say_close(ws, code, text);
}

static bool has_room(const struct ws *ws, const struct ws_frame *f) {
    const struct http_server_conf *conf = &ws->server->conf;
    return ws->queue_n == 0 || (ws->queue_n < (uint32_t)conf->ws_queue_frames && ws->queue_bytes + f->n <= (size_t)conf->ws_queue_bytes);
}

/* Takes no reference. */
static void push(struct ws *ws, struct ws_frame *f) {
    while (!has_room(ws, f)) {
        flush(ws);                                 /* much may have been queued within one turn for a peer that reads well */
        if ((ws->full || ws->broken) && !has_room(ws, f)) {
            too_slow(ws);
            return;
        }
    }
    enqueue(ws, frame_ref(f));
}

void ws_send(struct ws *ws, struct str data, bool text) {
    if (ws->closing)
        return;
    struct ws_frame *f = frame_new(text ? WS_TEXT : WS_BINARY, STR_NULL, data);
    push(ws, f);
    frame_unref(f);
}

void *ws_ctx(const struct ws *ws) { return ws->ctx; }
const char *ws_protocol(const struct ws *ws) { return ws->protocol; }

/* ---- in ---- */
static void pong(struct ws *ws, struct str data) {
    struct ws_frame *f = frame_new(WS_PONG, STR_NULL, data);
    if (ws->pongs >= PONGS_MAX)
        for (uint32_t i = ws->queue_n - 1; i > 0; i--) {      /* i > 0: the first one may be half out */
            struct ws_frame **at = slot(ws, i);
            if ((*at)->opcode == WS_PONG) {
                drop(ws, *at);
                *at = f;
                ws->queue_bytes += f->n;
                ws->pongs++;
                return;
            }
        }
    push(ws, f);
    frame_unref(f);
}

static void on_event(struct ws *ws, const struct ws_event *ev) {
    switch (ev->opcode) {
    case WS_TEXT:
    case WS_BINARY:
        if (!ws->closing && ws->kind->message)
            ws->kind->message(ws, ev->data, ev->opcode == WS_TEXT);
        break;
    case WS_PING:
        if (!ws->closing)
            pong(ws, ev->data);
        break;
    case WS_CLOSE:
        ws->deaf = true;
        say_close(ws, ev->code, ev->data);         /* RFC 6455 5.5.1: the same code back */
        loop_again(ws->conn);
        break;
    default: break;                                /* a pong says what its bytes have said already */
    }
}

size_t ws_eat(struct conn *c, struct str in) {
    struct ws *ws = c->ws;
    struct loop *l = c->loop;
    struct ws_event ev;
    size_t came = in.n;
    ws->more = false;
    ws->heard_ms = l->now_ms;
    ws->pinged = false;
    if (!ws->reader && !ws->deaf) {
        ws->reader = l->ws_reader ? TAKE(l->ws_reader) : ws_reader_new();
        ws->began_ms = l->now_ms;
    }
    while (!ws->deaf) {
        if (c->turn >= MESSAGES_AT_ONCE) {
            ws->more = true;
            break;
        }
        int r = ws_reader_next(ws->reader, &in, ws->kind->message_max, &ev);
        if (r == 0)
            break;
        if (!ws_reader_in_message(ws->reader))     /* a control frame between two fragments gives no time */
            ws->began_ms = l->now_ms;
        c->turn++;
        if (r == 1)
            on_event(ws, &ev);
        else
            fail(ws, r, r == WS_TOO_BIG ? "the message is over the limit" : r == WS_POLICY ? "too many fragments" : r == WS_BAD_DATA ? "not UTF-8" : NULL);
    }
    if (ws->reader && ws_reader_idle(ws->reader) && !l->ws_reader)
        l->ws_reader = TAKE(ws->reader);
    else if (ws->reader && (ws->deaf || ws_reader_idle(ws->reader)))
        ws_reader_free(TAKE(ws->reader));
    loop_again(c);                                 /* sends what the callbacks queued, sets the deadline */
    return ws->deaf ? came : came - in.n;
}

/* ---- the life of a socket ---- */
static void set_due(struct ws *ws) {
    const struct http_server_conf *conf = &ws->server->conf;
    int64_t due = ws->heard_ms + conf->ws_ping_ms * (ws->pinged ? 2 : 1);
    if (ws->closing)
        due = ws->closing_ms + CLOSE_MS;
    else if (ws->queue_n && ws->moved_ms + conf->write_stall_ms < due)
        due = ws->moved_ms + conf->write_stall_ms;
    if (ws->reader && !ws->closing && ws->began_ms + conf->ws_message_ms < due)
        due = ws->began_ms + conf->ws_message_ms;
    conn_due(ws->conn, due);
}

void ws_pump(struct conn *c) {
    struct ws *ws = c->ws;
    if (ws->more && c->in_n == 0)
        ws_eat(c, STR_NULL);
    flush(ws);
    if (ws->broken) {
        conn_close(c);
    } else if (ws->queue_n == 0 && ws->closing && ws->deaf) {
        ws_free(TAKE(c->ws));
        conn_linger(c);                            /* RFC 6455 7.1.1: the server ends the TCP connection first */
    } else {
        set_due(ws);
    }
}

void ws_timeout(struct conn *c) {
    struct ws *ws = c->ws;
    struct loop *l = c->loop;
    const struct http_server_conf *conf = &ws->server->conf;
    if (ws->closing) {
        conn_close(c);
        return;
    }
    if (ws->queue_n && l->now_ms >= ws->moved_ms + conf->write_stall_ms) {
        stat_add(&l->stats.timeouts, 1);
        too_slow(ws);
    } else if (ws->reader && l->now_ms >= ws->began_ms + conf->ws_message_ms) {
        stat_add(&l->stats.timeouts, 1);
        fail(ws, WS_POLICY, "the message took too long");
    } else if (ws->pinged && l->now_ms >= ws->heard_ms + 2 * conf->ws_ping_ms) {
        stat_add(&l->stats.timeouts, 1);
        say_close(ws, WS_GOING_AWAY, STR("no answer to a ping"));
    } else if (!ws->pinged && l->now_ms >= ws->heard_ms + conf->ws_ping_ms) {
        struct ws_frame *f = frame_new(WS_PING, STR_NULL, STR_NULL);
        ws->pinged = true;
        push(ws, f);
        frame_unref(f);
    }
    ws_pump(c);
}

/* What came is looked at before more is read: behind it may stand the end of the connection. */
bool ws_wants_in(const struct conn *c) { return c->in_n == 0 && !c->ws->more; }
bool ws_wants_out(const struct conn *c) { return c->ws->full && c->ws->queue_n; }

void ws_drain(struct conn *c) {
    ws_close(c->ws, WS_GOING_AWAY, "the server is stopping");
    loop_again(c);
}

void ws_start(struct conn *c, struct ws *ws) {
    static const int sndbuf = SNDBUF_BYTES;
    c->ws = ws;
    ws->conn = c;
    ws->heard_ms = c->loop->now_ms;
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
    join(ws);
    atomic_fetch_add(&ws->server->ws_open, 1);     /* before opened(): http_server_broadcast() looks at it */
    stat_add(&c->loop->stats.ws_open, 1);
    if (ws->kind->opened)
        ws->kind->opened(ws);
    if (c->loop->draining)
        ws_drain(c);
    set_due(ws);
}

void ws_free(struct ws *ws) {
    if (!ws)
        return;
    ws->closing = true;                            /* whatever closed() wants to send */
    if (ws->kind->closed)
        ws->kind->closed(ws, ws->code ? ws->code : WS_ABNORMAL);
    if (ws->conn) {
        leave(ws);
        atomic_fetch_sub(&ws->server->ws_open, 1);
        stat_add(&ws->conn->loop->stats.ws_open, -1);
    }
    forget(ws, true);
    ws_reader_free(ws->reader);
    free(ws);
}

int http_res_websocket(struct http_res *res, const struct ws_kind *kind, int64_t topic, void *ctx) {
    struct http_call *call = res->call;
    if (!call->ws_accept)
        return ERR_INTERNAL;                       /* only for routes of ROUTE_WEBSOCKET */
    struct ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        abort();
    *ws = (struct ws){ .server = call->loop->server, .kind = kind, .ctx = ctx, .topic_id = topic };
    ws->protocol = ws_handshake_protocol(call->req.headers, call->req.n_headers, kind->protocols);
    http_res_header(res, "Sec-WebSocket-Accept", "%s", call->ws_accept);
    if (ws->protocol)
        http_res_header(res, "Sec-WebSocket-Protocol", "%s", ws->protocol);
    call->ws = ws;
    res->kind = RES_WEBSOCKET;
    res->status = 101;
    return 0;
}

/* ---- broadcast ---- */
int http_server_broadcast(struct http_server *s, int64_t topic, struct str data, bool text, struct err *e) {
    if (data.n > WS_BROADCAST_MAX)
        return err_set(e, ERR_TOO_BIG, "a broadcast of %zu bytes, the limit is %d", data.n, WS_BROADCAST_MAX);
    if (atomic_load(&s->ws_open) == 0)
        return 0;
    struct ws_frame *f = frame_new(text ? WS_TEXT : WS_BINARY, STR_NULL, data);
    int64_t cost = (int64_t)(sizeof(*f) + f->n);
    if (atomic_fetch_add(&s->ws_posted, cost) + cost > POSTED_MAX) {
        atomic_fetch_sub(&s->ws_posted, cost);
        frame_unref(f);
        return err_set(e, ERR_BUSY, "broadcasts wait for the event threads");
    }
    atomic_store(&f->refs, (uint32_t)s->n_loops);
    atomic_store(&f->loops, (uint32_t)s->n_loops);
    for (int i = 0; i < s->n_loops; i++)
        loop_post_frame(&s->loops[i], topic, f);
    return 0;
}

static void seen(struct http_server *s, struct ws_frame *f) {
    if (atomic_fetch_sub(&f->loops, 1) == 1)
        atomic_fetch_sub(&s->ws_posted, (int64_t)(sizeof(*f) + f->n));
    frame_unref(f);
}

void ws_deliver(struct loop *l, int64_t topic, struct ws_frame *f) {
    struct ws_topic *t = *topic_at(l, topic);
    for (struct ws *ws = t ? t->first : NULL, *next; ws; ws = next) {
        next = ws->next;                           /* it may leave; it alone: see above */
        push(ws, f);
    }
    seen(l->server, f);
}

void ws_undelivered(struct loop *l, struct ws_frame *f) { seen(l->server, f); }

void ws_loop_done(struct loop *l) { ws_reader_free(TAKE(l->ws_reader)); }
