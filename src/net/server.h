/*
 * server.h - the HTTP/1.1 server: event threads with their own SO_REUSEPORT listener and epoll, one route table, one worker pool.
 * Owns: connections, their buffers, requests and their arenas.
 * Threads: a handler says by its kind where it runs (enum route_kind). Event threads never wait.
 * Uses: base/, llhttp.  Used by: api/, ops/, main/.  Knows nothing of databases: WRITE routes go through `write_submit`.
 */
#ifndef ZT_NET_SERVER_H
#define ZT_NET_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "net/traffic.h"

struct http_server;
struct http_req;
struct http_res;
struct http_write;
struct http_sink;
struct db_tx;                         /* passed through, never looked into */

enum route_kind {
    ROUTE_INLINE,                     /* handle() on the event thread: microseconds, no waiting */
    ROUTE_WRITE,                      /* parse() on the event thread, write() on the database's writer, handle() on the event thread again */
    ROUTE_BLOCKING,                   /* parse() on the event thread, handle() on the pool; 503 + Retry-After when its queue is full */
    ROUTE_STREAM,                     /* body_open(), the sink and handle() all on the pool, body never in memory as a whole */
    ROUTE_WEBSOCKET,                  /* GET; handle() as INLINE, after the handshake was found good: net/websocket.h */
};
enum {
    ROUTE_EFFECT = 1 << 0,            /* needs an Idempotency-Key (checked by api/) */
    ROUTE_PAGE = 1 << 1,              /* for people with a browser: left out of /openapi.json */
    ROUTE_COSTLY = 1 << 2,            /* BLOCKING on threads of its own, few and of low priority: what burns CPU cannot hold up what waits */
    ROUTE_PURE = 1 << 3,              /* what handle() gives by http_res_cached() depends on the request's bytes and the settings only; net/repeat.h */
    ROUTE_SECRET = 1 << 4,            /* its path is all that speaks for who asks: it stands in no log, whatever method it is asked with */
};

/* A route for every path without one (GET and HEAD; a page that says so): "GET" and this path, once among all tables. */
#define ROUTE_ANY_PATH "*"

/* One address. `path` is "/v1/tasks/{id}/pick": segments in braces become req->params in order. Routes are static tables. */
struct route {
    const char *method, *path;
    enum route_kind kind;
    enum traffic_class traffic;       /* what goes first when there is too much: net/README.md */
    unsigned    flags;                /* ROUTE_* */
    unsigned    need;                 /* rights, meaning given by the authorise hook; 0 = anyone */
    int (*handle)(struct http_req *req, struct http_res *res, struct err *e);
    int (*parse)(struct http_req *req, struct err *e);                       /* optional: check the input, fill req->job */
    int (*write)(struct db_tx *tx, struct http_req *req, struct err *e);     /* ROUTE_WRITE: may run more than once; must set all it sets afresh */
    int (*body_open)(struct http_req *req, struct http_sink *ret, struct err *e);   /* ROUTE_STREAM */
    size_t      body_max;             /* bytes in memory (or streamed); 0 = no body accepted; ERR_TOO_BIG above */
    const void *in;                   /* const struct json_field *: the body's table, for /openapi.json */
    const char *out;                  /* name of the answer's schema in openapi, or NULL */
    const char *help;                 /* one sentence for /openapi.json */
    /* Optional: adds headers to every problem answer of this route, wherever it arises (a protocol such as tus wants its own on each). */
    void (*problem_headers)(struct http_res *res);
};

struct http_header { struct str name, value; };    /* name as sent */
struct http_addr { uint8_t ip[16]; uint16_t port; };/* IPv4 as ::ffff:a.b.c.d */

/* One request. All memory lives in `arena` until the answer was sent. Fields are read-only for handlers but for `job` .. `who`. */
struct http_req {
    int64_t             id;           /* "req" id, in every log line and problem answer */
    struct arena       *arena;        /* 1 MiB at most */
    void               *app;          /* http_server_conf.app */
    const struct route *route;
    bool                secret;       /* the path is one of a ROUTE_SECRET */
    struct str          method;
    struct str          path;         /* percent-decoded once, no NUL, no "..", no "//" */
    struct str          query;        /* raw, without '?' */
    struct str          params[4];    /* the {…} of the route */
    struct http_header *headers;
    size_t              n_headers;
    struct str          body;         /* whole body (not ROUTE_STREAM) */
    int64_t             body_bytes;   /* Content-Length, -1 when chunked */
    struct http_addr    peer;         /* after trusted-proxy rules */
    bool                tls;          /* the user's side is https */
    /* the handler's own */
    void               *job;          /* between parse, write and handle */
    bool                no_write;     /* WRITE, set by parse(): there is nothing to write, handle() follows at once */
    int64_t             object_id;    /* EFFECT: what was made, for replays */
    bool                replayed;     /* EFFECT: this key was seen before, write() was not run */
    int64_t             account;      /* set by authorise(); 0 = nobody */
    unsigned            rights;       /* set by authorise() */
    int64_t             session;      /* set by authorise() */
    const char         *lang;         /* "en" or "zh": Accept-Language, or set by authorise() */
    int64_t             retry_s;      /* set by who refuses it: Retry-After of the problem; 0 = a moment */
};
struct str http_req_header(const struct http_req *req, const char *name);  /* first one; STR_NULL when absent */
struct str http_req_query(struct http_req *req, const char *name);         /* decoded in the arena; STR_NULL when absent */
struct str http_req_cookie(const struct http_req *req, const char *name);
/* One that scripts of the page set themselves: never __Host-, so never to be trusted with more than a wish. */
struct str http_req_cookie_plain(const struct http_req *req, const char *name);
/* The browser says that a page of net.cors_origins sends this. */
bool http_req_from_friend(const struct http_req *req);

/* ---- answers: each returns 0, so that a handler ends with `return http_res_…` ---- */
/* body is copied unless it lies in the request's arena or is static (say so with borrowed=true). */
int http_res_body(struct http_res *res, int status, const char *type, struct str body, bool borrowed);
int http_res_empty(struct http_res *res, int status);
/* Sends a file by sendfile with ETag, Last-Modified, conditions and ranges. Takes fd. etag: text without quotes. */
int http_res_file(struct http_res *res, int fd, int64_t bytes, const char *type, const char *etag, const char *cache_control);
/* Bytes that live until the answer was sent, such as embedded files, with ETag, conditions and ranges as above; in up to three codings: what
 * the client likes best is sent, with an ETag of its own and `Vary: Accept-Encoding`. What is rendered at run time: net/cached.h. */
struct http_static {
    struct str  bytes, gzip, br;                  /* gzip, br: p NULL = there is none */
    const char *type, *etag, *cache_control;      /* cache_control: NULL = no-store */
    const char *vary;                             /* more of it; NULL = nothing */
    int         status;                           /* 0: as said above; else an answer of that status as it is, without an ETag */
};
int http_res_static(struct http_res *res, const struct http_static *f);
void http_res_header(struct http_res *res, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));  /* CR/LF refused */
void http_res_cookie(struct http_res *res, const char *name, const char *value, int64_t max_age_s, bool http_only);  /* SameSite=Lax, Secure and __Host- when https */

/* Server-sent events that can be resumed: the truth is in the database, a wake is only a hint, so no event is lost or doubled.
 * pull() runs on the event thread whenever the client has room: append frames ("id: 7\nevent: …\ndata: …\n\n") of events with
 * seq > *seq, at most about 32 KiB, and move *seq. Return 0: wait for a wake; 1: the stream is over, close; < 0: close with an error event.
 * Starts at Last-Event-ID (or ?seq=). A comment is sent every 15 s. ctx lives in the request's arena. */
int http_res_sse(struct http_res *res, int64_t topic, int (*pull)(void *ctx, int64_t *seq, struct buf *out, struct err *e), void *ctx);
/* From any thread: every SSE stream on `topic` is pulled again soon. */
void http_server_wake(struct http_server *s, int64_t topic);

/* The problem+json (RFC 9457) of an error; the server calls it for handlers that return < 0. */
int http_res_problem(struct http_req *req, struct http_res *res, const struct err *e);
/* As above with an extra member "issues": a JSON array (per-photo verdicts and the like). */
int http_res_problem_with(struct http_req *req, struct http_res *res, const struct err *e, struct str issues_json);

/* ---- bodies streamed to disk (ROUTE_STREAM): all called on pool threads, one at a time for one request ---- */
struct http_sink {
    void *ctx;
    int  (*write)(void *ctx, const void *p, size_t n, struct err *e);
    void (*abort)(void *ctx);         /* the body will not come whole: keep what is useful, release all */
};                                    /* after the last byte route.handle() runs instead of abort() */

/* ---- WRITE routes: the api gives write_submit, which makes the database's writer call http_write_run() in a transaction and, after COMMIT
 * or failure, http_write_done() on any thread ---- */
struct http_req *http_write_req(struct http_write *w);
int http_write_run(struct http_write *w, struct db_tx *tx, struct err *e);   /* on the writer thread: route.write() */
void http_write_done(struct http_write *w, int rc, const struct err *e);

struct http_server_conf {
    const char         *listen;               /* "127.0.0.1:8080", "[::]:80", "unix:/run/x.sock"; several with commas */
    int                 event_threads;        /* 0 = one a core */
    int                 pool_threads, pool_queue_max;
    int                 costly_threads, costly_queue_max;      /* for ROUTE_COSTLY; 0 = 1 and 64 */
    int                 conns_max, conns_per_ip_max;   /* beyond: 503 and close, or accept delayed; fd reserve kept */
    int64_t             header_ms, idle_ms, first_ms, write_stall_ms, drain_ms;
    int64_t             body_rate_min;        /* bytes/s, on average over each window of body_grace_ms */
    int64_t             body_grace_ms;        /* 0 = 5000 */
    int64_t             ws_ping_ms;           /* silence after which a WebSocket is pinged, and after as much again closed; 0 = 30000 */
    int64_t             ws_message_ms;        /* from the first byte of a WebSocket's message to its last; 0 = 60000 */
    int                 ws_queue_bytes, ws_queue_frames;   /* what may wait for one WebSocket's reader; 0 = 262144, 256 */
    int64_t             handler_ms;           /* deadline of an answer made elsewhere: then 503, or ERR_UNCERTAIN for a change that had begun */
    int64_t             delay_ms;             /* target of the admission to lines of work: admission.h; 0 = 50. Ten times as much for POOL_BULK, ROUTE_COSTLY */
    int64_t             rate_per_ip, rate_per_account;     /* requests/s above which it goes behind others when there is too much; 0 = no limit */
    unsigned            favoured;             /* rights: when there is too much, who has one of them goes before who has none */
    const char         *public_url;           /* "https://…" switches Secure cookies on */
    const char         *trusted_proxies;      /* CIDR list whose X-Forwarded-For/-Proto is believed */
    const char         *cors_origins;         /* origins whose pages may use this API, with commas */
    const struct route *const *routes;        /* NULL-ended list of tables that end with method == NULL */
    void               *app;
    int  (*authorise)(struct http_req *req, struct err *e);      /* before the body is read; also for need == 0 (may set account), where a GET without Authorization and Cookie is always let in */
    int  (*write_submit)(void *app, struct http_write *w, struct err *e);
    int64_t (*waited_us)(void *app);          /* for tests: how long the bytes of a request waited for us; NULL, or < 0: the kernel is asked */
    /* Optional. Writes LOG_INFO at most, so it is not called while the log keeps none. */
    void (*access_log)(const struct http_req *req, int status, int64_t bytes, int64_t took_us);
};
extern const struct setting net_settings[];                       /* rows "net.…", "listen" and "public_url" */
void http_server_conf_from(const struct config *cfg, struct http_server_conf *ret);   /* texts are borrowed from cfg; routes and hooks are left NULL */

/* Whether those settings make sense, before anything is made: ERR_CONFIG. */
int http_server_check(const struct config *cfg, struct err *e);
int http_server_new(const struct http_server_conf *conf, struct http_server **ret_s, struct err *e);   /* binds; does not accept yet */
int http_server_start(struct http_server *s, struct err *e);
int http_server_port(const struct http_server *s);                /* the first TCP port bound (when listen asked for port 0) */
void http_server_stop(struct http_server *s);                     /* graceful drain, then closes what is left; returns when all threads ended */
void http_server_free(struct http_server *s);

/* For /metrics: counters since start. Histogram edges in microseconds. */
#define HTTP_HIST 16
struct http_route_stats { const struct route *route; int64_t n, by_class[6], bytes, us_sum, hist[HTTP_HIST]; };
/* loop_fewest, loop_most: open connections of the event thread that has the fewest, the most. */
struct http_stats { int64_t conns_open, loop_fewest, loop_most, conns_total, conns_refused, conns_displaced, req_total, repeated, bad_requests, timeouts, pool_queued, pool_busy, pool_refused, costly_queued, costly_refused, sse_open, ws_open, ws_slow; };
extern const int64_t http_hist_edge_us[HTTP_HIST];
/* The lines of waiting work (admission.h). "event" is those of all event threads together. */
#define HTTP_LINES 6
struct admission_stats;
extern const char *const http_line_name[HTTP_LINES];              /* "event", "worker", "urgent", "bulk", "costly", "write" */
void http_server_line_stats(struct http_server *s, struct admission_stats *out);    /* HTTP_LINES of them */
void http_server_stats(struct http_server *s, struct http_stats *ret);
size_t http_server_route_stats(struct http_server *s, struct http_route_stats *out, size_t cap);

#endif
