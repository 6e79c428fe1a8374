/*
 * internal.h - what the files of the server share; nobody outside src/net includes this.
 *
 * One event thread = one struct loop. A connection (struct conn) is a slot of its loop, used again and again under a new generation.
 * A request (struct http_call) exists from the end of its head until its answer was sent. While a call is away - with the pool or the
 * database's writer - it is theirs; it comes back through the inbox of its loop, which looks whether (slot, generation) still wait for it.
 *
 *   IDLE -> HEAD -> [BODY] -> [WAIT] -> SEND -> IDLE        WAIT: the call is away
 *                                       SEND -> SSE         an event stream, until somebody closes
 *                                       SEND -> WEBSOCKET   likewise
 *   any  -> LINGER                      answered and shut for writing; what still comes is thrown away for a moment, because closing a
 *                                       socket with unread bytes sends RST, and the client may lose the answer with it
 */
#ifndef ZT_NET_INTERNAL_H
#define ZT_NET_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include "base/clock.h"
#include "base/log.h"
#include "net/address.h"
#include "net/admission.h"
#include "net/chunked.h"
#include "net/head.h"
#include "net/iplimit.h"
#include "net/pool.h"
#include "net/repeat.h"
#include "net/router.h"
#include "net/server.h"
#include "net/share.h"
#include "net/timers.h"
#include "net/ws_handshake.h"

#define READ_BYTES        (32 * 1024)     /* one recv; also the most that is read ahead of the request under way */
#define STREAM_BUF_BYTES  (128 * 1024)    /* a streamed body has at most two of these */
#define CALL_ARENA_MAX    (1 << 20)       /* what a request and its body may take; behind it: */
#define CALL_ARENA_HEAD   (64 * 1024)     /* room for the headers, so that an answer can be given when the rest is used up */
#define BODY_KEEP_BYTES   (16 * 1024)     /* a recycled call keeps a body buffer up to this */
#define SPARE_CALLS       64              /* recycled calls a loop keeps */
#define LINGER_MS         3000
#define FRESH_DRAIN_MS    500             /* while stopping: how long a new connection may take to send its first byte */
#define SSE_HEARTBEAT_MS  15000
#define SSE_BUCKETS       256
#define SSE_OUT_MAX       (256 * 1024)
#define WS_BUCKETS        256
/* One turn of the loop, so that nobody keeps it: */
#define AGAIN_AT_ONCE     256             /* connections that get another turn before new events are looked at */
#define TIMERS_AT_ONCE    256             /* deadlines that are met before they are */
#define HOME_AT_ONCE      256             /* calls that are answered when the pool or the writer gives back many at once */
#define REQUESTS_AT_ONCE  16              /* of one connection that sends its requests without waiting */
#define MESSAGES_AT_ONCE  64              /* of one WebSocket */
#define WAKE_TOPICS_MAX   1024            /* beyond: all streams are pulled */
#define REFUSED_MAX       64              /* connections over the limit that are told so, a loop */
#define SEND_BYTES        (1 << 20)       /* to one connection */
#define UNTAKEN_BYTES     (64 * 1024)     /* given to the kernel for a client, of which it is not asked whether the client took them */
#define RES_HEADERS_MAX   (8 * 1024)
#define RES_JOIN_MAX      4096            /* bytes of a body up to which copying it costs less than a second piece costs the kernel */
#define REPEATS_AT_ONCE   32              /* answers of repeat.c that wait for each other */

struct loop;
struct http_call;

/* ---- an answer ---- */
struct res_part { struct str head; int64_t from, bytes; };    /* of multipart/byteranges */
enum res_kind { RES_NONE, RES_BYTES, RES_FILE, RES_SSE, RES_WEBSOCKET };
struct http_res {
    struct http_call *call;
    enum res_kind     kind;
    int               status;
    const char       *type;               /* NULL: no Content-Type */
    struct str        body;               /* RES_BYTES */
    int               fd;                 /* RES_FILE; -1 otherwise */
    struct cached_body *hold;             /* whose bytes are being sent; NULL */
    struct cached      *source;           /* hold is one of its bodies */
    int64_t           from, bytes;        /* RES_FILE: what is left to send, of this part */
    const struct res_part *parts;         /* several ranges: sent one after the other; the last one is only the closing line */
    int               n_parts, next_part;
    int64_t           parts_bytes;        /* all of them, heads included */
    char             *headers;            /* "Name: value\r\n" one after the other, in the arena */
    size_t            headers_n, headers_cap;
    unsigned          defaults_set;       /* bit i: the handler gave defaults[i] of response.c itself */
};

/* ---- the body of a ROUTE_STREAM on its way to its sink: the event thread fills one buffer while the pool drains the other ---- */
enum stream_step { STEP_MORE, STEP_FINISH, STEP_ABORT };
struct stream {
    struct http_sink sink;
    struct buf       fill, drain;
    enum stream_step step;                /* the one under way */
    bool             opened;              /* the sink is there */
    bool             ended;               /* all bytes came */
    bool             gave_up;             /* they never will */
    bool             closed;              /* the sink is done with, or never came to be */
};

struct sse {
    int64_t topic, seq;
    int   (*pull)(void *ctx, int64_t *seq, struct buf *out, struct err *e);
    void   *ctx;
    struct buf        out;
    size_t            out_sent;
    bool              listed, more, over;   /* more: pull again when there is room */
    struct http_call *next, **at;         /* in its bucket of the loop */
};

struct http_write { struct http_call *call; };

enum { CALL_HERE, CALL_QUEUED, CALL_RUNNING, CALL_CANCELLED };
struct http_call {
    struct http_req    req;
    struct http_res    res;
    struct http_write  write;
    struct pool_job    job;
    struct loop       *loop;
    uint32_t           slot, gen;         /* who waits for it */
    struct http_call  *next;              /* in the inbox, or among the spare ones */
    size_t             route_index;       /* of req.route; router_count() when there is none */
    _Atomic int        phase;             /* CALL_*: says whether a queued job may still be taken back */
    int                rc;                /* what the work away from here returned */
    struct err         err;
    int64_t            began_us;
    struct str         head;              /* of the request, in the arena */
    uint64_t           repeat_hash;       /* of it, when nothing came behind it; 0: it is not to be kept */
    bool               head_only, keep_alive, expect_continue, http10, linger;
    bool               pressed, in_line, shed;       /* in_line: waits for the database's writer; shed: is refused for want of room */
    int                demerits;          /* admission_ask() */
    int64_t            body_left;         /* Content-Length still to come */
    int64_t            body_got;
    struct chunked     chunked;
    struct buf         body;
    struct stream     *stream;            /* NULL but for ROUTE_STREAM */
    struct sse        *sse;
    const char        *ws_accept;         /* ROUTE_WEBSOCKET: Sec-WebSocket-Accept of its handshake */
    struct ws         *ws;                /* until the handshake is out */
    struct str         out[2];            /* head and body still to be written */
    int64_t            sent_bytes;        /* of the body */
};

/* ---- a connection ---- */
enum conn_state { CONN_FREE, CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_WAIT, CONN_SEND, CONN_SSE, CONN_WEBSOCKET, CONN_LINGER };
struct conn {
    struct loop      *loop;
    struct http_call *call;               /* NULL in IDLE, HEAD, WEBSOCKET, LINGER */
    struct ws        *ws;                 /* WEBSOCKET */
    struct conn      *again_next;         /* in the loop's list of those who get another turn */
    char             *in;                 /* bytes read ahead or a partial head; NULL when there are none */
    uint32_t          in_n, in_cap;
    int               fd;
    uint32_t          slot, gen, next_free;
    uint32_t          events;             /* what epoll watches for */
    uint8_t           state;              /* enum conn_state */
    bool              again;              /* it is in that list */
    uint8_t           turn;               /* requests begun, or messages, in this turn */
    bool              eof, served, counted, refused, trusted;   /* served: a request was not refused; trusted: a unix socket or a trusted proxy */
    bool              slow;               /* SEND: the last half window brought too little */
    bool              behind;             /* we did not look at the socket: what comes now may have waited for the client itself */
    uint32_t          untaken;            /* bytes given to the kernel since it last had none for the client; not counted beyond UINT32_MAX */
    struct head_scan  scan;
    struct timer      timer;
    int64_t           due_ms;             /* the true deadline; timer.at_ms may be earlier */
    int64_t           mark_bytes;         /* body_got, or what the client took of the answer, when the window of its rate began */
    struct http_addr  peer;
};

/* ---- an event thread ---- */
struct repeat_due { struct conn *c; const struct repeat *answer; int64_t began_us; };
struct loop_stats { int64_t conns_total, conns_refused, conns_displaced, req_total, repeated, bad_requests, timeouts, sse_open, ws_open, ws_slow; };
struct ws_frame;
struct ws_post { struct ws_post *next; int64_t topic; struct ws_frame *frame; };
/* A connection that another loop accepted for this one; it counts already. */
struct adopt { struct adopt *next; int fd; struct http_addr peer; bool counted, unix_socket; };
struct loop {
    struct http_server     *server;
    pthread_t               thread;
    int                     ep, wake_fd, reserve_fd;
    int                    *listen_fd;    /* own ones, then the shared unix ones; n_listen */
    size_t                  n_listen;
    bool                    started, draining, accept_paused;
    int64_t                 drain_due_ms, accept_again_ms;
    struct conn           **conns;        /* by slot; each is allocated once */
    uint32_t                n_conns, cap_conns, free_slot;   /* free_slot: index + 1 */
    uint32_t                open, refused;             /* open: read by others, too */
    uint32_t                sweep;                     /* the slot at which the next search for an idle connection begins */
    struct timers           timers;
    int64_t                 now_ms, since_ms;          /* when this round began; since when what it brings may have waited for us */
    struct admission        line;                      /* what waits for this thread */
    int64_t                 measured_us;
    char                    date[30];
    int64_t                 date_s;
    char                   *scratch;      /* READ_BYTES */
    struct http_header      headers[HEAD_HEADERS_MAX]; /* of the head being parsed */
    int64_t                 topics_now[WAKE_TOPICS_MAX];
    struct http_call       *spare;
    int                     n_spare, away;             /* away: calls that are with the pool or the writer */
    struct http_call       *sse[SSE_BUCKETS];
    struct ws_topic        *ws_topics[WS_BUCKETS];
    struct ws_reader       *ws_reader;                 /* an idle one */
    struct conn            *again, **again_last;       /* n_again of them */
    int                     n_again;
    struct http_call       *home, **home_last;         /* taken out of the inbox, not answered yet */
    struct repeats          repeats;
    struct repeat_due       due[REPEATS_AT_ONCE];      /* n_due answers that go out when this round's requests were read */
    int                     n_due;
    struct http_route_stats *route_stats;              /* router_count() + 1 */
    struct loop_stats       stats;

    _Atomic uint32_t        adopting;                  /* connections on their way here: adopts */

    pthread_mutex_t         inbox_lock;                /* guards what follows */
    struct http_call       *inbox, **inbox_last;
    struct adopt           *adopts;                    /* conns_max bounds them */
    bool                    gone;                      /* the thread has ended or will: nothing is adopted any more */
    struct ws_post         *posts, **posts_last;       /* broadcasts; http_server.ws_posted bounds them */
    int64_t                 topics[WAKE_TOPICS_MAX];
    int                     n_topics;
    bool                    topics_all, stop;
};

struct listen_at { struct sockaddr_storage addr; socklen_t len; bool unix_socket; char path[108]; };
struct http_server {
    struct http_server_conf conf;
    struct arena           *arena;        /* copies of the conf's texts */
    struct router          *router;
    struct pool            *pool, *costly;
    struct iplimit         *iplimit;
    struct cidr            *proxies;
    size_t                  n_proxies;
    struct str             *cors;         /* origins whose pages may use this API */
    size_t                  n_cors;
    struct listen_at       *at;
    size_t                  n_at;
    struct loop            *loops;
    int                     n_loops, port;
    bool                    https;        /* public_url is https */
    struct str              busy_answer;  /* the whole 503 of connections over a limit */
    struct str              shed_body[2]; /* the problem of requests that are refused for want of room; English, Chinese */
    struct admission        writes;       /* what waits for the database's writer */
    struct share           *by_ip, *by_account;
    _Atomic int64_t         conns_open, sse_open, ws_open;
    _Atomic int64_t         ws_posted;    /* bytes of broadcasts that some loop has yet to see */
};

/* The struct around a member. */
#define CONTAINER_OF(p, T, member) ((T *)(void *)((char *)(p) - offsetof(T, member)))
static inline struct http_call *call_of(const struct http_req *req) { return (struct http_call *)req; }   /* req is its first member */
static inline uint32_t loop_open(const struct loop *l) { return __atomic_load_n(&l->open, __ATOMIC_RELAXED) + atomic_load(&l->adopting); }
static inline void loop_open_add(struct loop *l, int n) { __atomic_store_n(&l->open, l->open + (uint32_t)n, __ATOMIC_RELAXED); }
static inline void stat_add(int64_t *p, int64_t n) {   /* one writer, readers elsewhere */
    __atomic_store_n(p, *p + n, __ATOMIC_RELAXED);
}

/* ---- listen.c ---- */
int listen_parse(struct arena *a, const char *text, struct listen_at **ret_at, size_t *ret_n, struct err *e);
int listen_open(struct http_server *s, struct err *e);       /* binds for every loop; sets port */
void listen_close(struct http_server *s);

/* ---- loop.c: the event thread ---- */
int loop_init(struct loop *l, struct http_server *s, struct err *e);
void loop_done(struct loop *l);
void *loop_main(void *loop);
void loop_post(struct loop *l, struct http_call *call);      /* from any thread: the call comes home */
void loop_post_topic(struct loop *l, int64_t topic);
void loop_post_frame(struct loop *l, int64_t topic, struct ws_frame *f);    /* a broadcast; takes a reference */
bool loop_post_adopt(struct loop *l, struct adopt *a);       /* false: it is gone */
void loop_post_stop(struct loop *l);
struct conn *loop_conn(struct loop *l, uint32_t slot, uint32_t gen);     /* NULL when it is another one by now */
void loop_again(struct conn *c);                             /* on its event thread: conn_again() soon, once others had their turn */

/* ---- accept.c ---- */
void accept_ready(struct loop *l, int listen_fd);
void accept_resume(struct loop *l);                          /* after accept_paused */
void accept_stop(struct loop *l);                            /* takes what waits in the backlog, then closes the listeners */
void accept_adopt(struct loop *l, struct adopt *a);          /* frees it */
struct conn *conn_open(struct loop *l, int fd, const struct http_addr *peer, bool unix_socket);

/* ---- conn.c: the life of a connection. All on its event thread. ---- */
void conn_ready(struct conn *c, uint32_t events);
void conn_again(struct conn *c);
void conn_timeout(struct conn *c);
void conn_due(struct conn *c, int64_t due_ms);
static inline void conn_due_in(struct conn *c, int64_t ms) { conn_due(c, c->loop->now_ms + ms); }
void conn_idle(struct conn *c);                              /* a new deadline, for the next request */
int64_t conn_idle_ms(const struct conn *c);                  /* how far off that is */
void conn_close(struct conn *c);
struct http_call *conn_call(struct conn *c);                 /* begins a request */
void conn_refuse(struct conn *c, const struct err *e);       /* the request has no meaning, or is too slow: so has nothing behind it */
void conn_go_on(struct conn *c);                             /* after any event: eats what was read ahead, sets what epoll watches */
void conn_drain(struct conn *c);                             /* the server is stopping */
void conn_come_home(struct conn *c, struct http_call *call); /* c: who waits for it, or NULL */

/* ---- send.c ---- */
void conn_answer(struct conn *c);                            /* sends c->call->res */
void conn_problem(struct conn *c, const struct err *e);      /* makes c->call->res the problem and sends it */
void conn_flush(struct conn *c);                             /* in SEND, when there is room again */
void conn_continue(struct conn *c);                          /* "100 Continue" */
void conn_served(struct conn *c, int status, int64_t body_bytes);   /* the last byte of an answer went out */
void conn_linger(struct conn *c);                            /* nothing more will be sent; see LINGER */

/* ---- dispatch.c: from a head to a handler ---- */
/* c->call is set. Leaves c in BODY, WAIT, or answered. Returns false when the body was not wanted. */
bool dispatch_head(struct conn *c, const struct head *h, bool body_here);
void dispatch_body_end(struct conn *c);                      /* the whole body has come */

/* ---- shed.c: too much to do ---- */
void shed_init(struct http_server *s);
void shed_measure(struct conn *c);                           /* its first bytes were read: how long had they waited */
int shed_at_head(struct http_call *call, struct err *e);     /* ERR_BUSY: refused, see call->shed */
int shed_known(struct http_call *call, struct err *e);       /* the same, once authorise() knows who it is */
int shed_refused(struct http_call *call, struct admission *line, struct err *e);   /* counts it; any thread that has the call */
int shed_late(struct http_call *call, struct admission *line, struct err *e);      /* the same for who leaves a line too late, if its class may be refused */
void shed_answer(struct http_call *call);                    /* fills call->res */
struct pool *shed_pool(struct http_call *call);              /* whose workers take it; sets its line there */

/* ---- call.c ---- */
struct http_call *call_new(struct loop *l);
void call_free(struct http_call *call);                      /* on its event thread */
void call_handle(struct http_call *call);                    /* handle(), and the problem when it fails */
void call_count(struct http_call *call, int status);         /* statistics and access log, after the answer was sent */
void loop_count(struct loop *l, size_t route_index, int status, int64_t bytes, int64_t us);   /* the statistics alone */
bool loop_logs_access(const struct loop *l);                 /* whether the access log wants to hear of an answer that was good */
const char *call_lang(const struct http_req *req);

/* ---- response.c ---- */
void res_init(struct http_res *res, struct http_call *call);
void res_done(struct http_res *res);
struct str res_head(struct http_res *res, const char *date, struct str *body);   /* in the arena; a short body is moved right behind it */

/* ---- cached.c ---- */
void cached_release(struct cached_body *b);                  /* NULL is fine */
uint64_t cached_body_serial(const struct cached_body *b);

/* ---- repeat.c ---- */
/*
 * Answers the request that `in` holds whole, if it is known, not later than at the end of this round. False: nothing was done; *ret_hash is for
 * call->repeat_hash.
 */
bool repeat_answer(struct conn *c, struct str in, uint64_t *ret_hash);
void repeat_flush(struct loop *l);                           /* sends what is due; before anything that takes long, changes the table or closes idle ones */
void repeat_note(struct http_call *call);                    /* call->out is the whole answer: keeps it, if it is one to be kept */

/* ---- problem.c ---- */
void problem_json(struct buf *b, const struct err *e, const char *lang, int64_t req_id, struct str issues_json);

/* ---- stream.c ---- */
void stream_begin(struct http_call *call);
size_t stream_room(const struct stream *s);
int stream_kick(struct http_call *call);                     /* starts the next step when there is reason to; ERR_BUSY: not even the first */
bool stream_home(struct http_call *call);                    /* a step ended: true when it was the last */
void stream_give_up(struct http_call *call);                 /* nobody waits any more; frees the call, now or after its last step */
void stream_free(struct stream *s);

/* ---- sse.c ---- */
void sse_start(struct conn *c);                              /* the head was sent */
void sse_pump(struct conn *c);                               /* pulls and writes until there is nothing or no room */
void sse_timeout(struct conn *c);
bool sse_wants_out(const struct conn *c);
void sse_stop(struct http_call *call);
void sse_wake(struct loop *l, int64_t topic, bool all);

/* ---- websocket.c ---- */
void ws_start(struct conn *c, struct ws *ws);                /* the handshake was sent */
size_t ws_eat(struct conn *c, struct str in);                /* returns how much of it; the rest is for the next turn */
void ws_pump(struct conn *c);                                /* sends what it can; may close c or make it linger */
void ws_timeout(struct conn *c);
bool ws_wants_in(const struct conn *c);
bool ws_wants_out(const struct conn *c);
void ws_drain(struct conn *c);
void ws_free(struct ws *ws);                                 /* calls closed(); NULL is fine */
void ws_deliver(struct loop *l, int64_t topic, struct ws_frame *f);        /* gives its reference up, as does: */
void ws_undelivered(struct loop *l, struct ws_frame *f);
void ws_loop_done(struct loop *l);

/* ---- proxy.c ---- */
void proxy_apply(const struct conn *c, struct http_call *call);

#endif
