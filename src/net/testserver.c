/*
 * testserver.c - the server with one route of every kind, for tests/10-net.test.mjs and ./run strict. Built with the tests, not installed.
 * Prints "testserver is ready: http://127.0.0.1:PORT/" and ends on SIGTERM. Settings are those of net/ ("--net.header_ms=200ms").
 * Handlers that must be slow wait at a gate until POST /gate opens it: no test depends on how long something takes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "net/admission.h"
#include "net/cached.h"
#include "net/server.h"
#include "net/websocket.h"

#define EVENTS_MAX 4096
#define BIG_BYTES  (16 << 20)

static struct http_server *server;
static struct config *cfg;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* guarded by lock */
static int gate_open, gate_waiting;           /* how many may pass; how many stand there */
static bool stopping;
static int64_t counter;
static int64_t cached_version = 1, n_renders;
static bool cached_gate, cached_fails;
static int n_opened, n_closed, last_code;     /* WebSockets */
static int n_events;                          /* events 1..n of topic 7 */
static struct { int64_t opened, aborted, ended, bytes; char sha[SHA256_HEX + 1]; } streams;

static char *big;                             /* BIG_BYTES of a pattern */
static char small_file[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static int big_fd;                            /* the same in memory, as a file */

static void gate(void) {
    pthread_mutex_lock(&lock);
    gate_waiting++;
    pthread_cond_broadcast(&changed);
    while (gate_open == 0 && !stopping)
        pthread_cond_wait(&changed, &lock);
    gate_open -= gate_open > 0;
    gate_waiting--;
    pthread_mutex_unlock(&lock);
}

/* ---- an answer that is equal for everybody ---- */
static struct cached *cached;

static int64_t cached_version_now(void *ctx) {
    pthread_mutex_lock(&lock);
    int64_t v = cached_version;
    pthread_mutex_unlock(&lock);
    return v;
}
static int cached_render(void *ctx, struct buf *out, struct err *e) {
    pthread_mutex_lock(&lock);
    n_renders++;
    bool wait = cached_gate, fail = cached_fails;
    int64_t v = cached_version;
    pthread_mutex_unlock(&lock);
    if (wait)
        gate();
    for (int i = 0; i < 2000 && !fail; i++)
        buf_printf(out, "version %lld, line %d\n", (long long)v, i);
    return fail ? err_set(e, ERR_IO, "as you wish") : 0;
}
static int get_cached(struct http_req *req, struct http_res *res, struct err *e) { return http_res_cached(res, cached); }
static int post_cached(struct http_req *req, struct http_res *res, struct err *e) {
    pthread_mutex_lock(&lock);
    cached_version++;
    cached_gate = http_req_query(req, "gate").p != NULL;
    cached_fails = http_req_query(req, "fail").p != NULL;
    pthread_mutex_unlock(&lock);
    return http_res_empty(res, 204);
}

/* ---- INLINE ---- */
static int get_hello(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_body(res, 200, "text/plain", STR("hello\n"), true);
}
static int get_name(struct http_req *req, struct http_res *res, struct err *e) {
    struct str s = arena_printf(req->arena, "%.*s|%.*s|%.*s|%s\n", STR_ARG(req->params[0]), STR_ARG(http_req_query(req, "q")),
                                STR_ARG(http_req_cookie(req, "c")), req->lang);
    return http_res_body(res, 200, "text/plain", s, true);
}
static int post_echo(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_body(res, 200, "application/octet-stream", req->body, false);
}
static int get_static(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_static(res, &(struct http_static){ .bytes = str_z(small_file), .type = "text/plain", .etag = "s1", .cache_control = "public, max-age=60" });
}
static int get_big(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_static(res, &(struct http_static){ .bytes = { big, BIG_BYTES }, .type = "application/octet-stream", .etag = "b1" });
}
static int get_copied(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t n;
    if (str_int(http_req_query(req, "n"), 0, BIG_BYTES, &n) < 0)
        return err_set(e, ERR_BAD_INPUT, "n");
    return http_res_body(res, 200, "application/octet-stream", (struct str){ big, (size_t)n }, false);
}
/* Which requests were handled before which. */
static _Atomic int order;
static int get_order(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_body(res, 200, "text/plain", arena_printf(req->arena, "%d", ++order), true);
}
static int get_whoami(struct http_req *req, struct http_res *res, struct err *e) {
    char hex[33];
    hex_encode(req->peer.ip, 16, hex);
    return http_res_body(res, 200, "text/plain", arena_printf(req->arena, "%s %s\n", hex, req->tls ? "tls" : "plain"), true);
}
static int get_cookie(struct http_req *req, struct http_res *res, struct err *e) {
    http_res_cookie(res, "c", "crumb", 60, true);
    http_res_header(res, "X-Evil", "a\r\nInjected: yes");
    return http_res_empty(res, 204);
}
static int get_fail(struct http_req *req, struct http_res *res, struct err *e) {
    return err_set(e, ERR_INTERNAL, "the secret reason");
}
static int get_nothing(struct http_req *req, struct http_res *res, struct err *e) { return 0; }
static int post_gate(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t n = 1;
    struct str q = http_req_query(req, "n");
    if (q.p && str_int(q, 0, 1000, &n) < 0)
        return err_set(e, ERR_BAD_INPUT, "n");
    pthread_mutex_lock(&lock);
    gate_open += (int)n;
    pthread_cond_broadcast(&changed);
    struct str s = arena_printf(req->arena, "%d\n", gate_waiting);
    pthread_mutex_unlock(&lock);
    return http_res_body(res, 200, "text/plain", s, true);
}
static int get_stats(struct http_req *req, struct http_res *res, struct err *e) {
    struct http_stats st;
    http_server_stats(server, &st);
    pthread_mutex_lock(&lock);
    struct str s = arena_printf(req->arena,
                                "{\"opened\":%lld,\"aborted\":%lld,\"ended\":%lld,\"bytes\":%lld,\"sha\":\"%s\",\"waiting\":%d,\"counter\":%lld,"
                                "\"conns\":%lld,\"refused\":%lld,\"timeouts\":%lld,\"bad\":%lld,\"queued\":%lld,\"sse\":%lld,\"ws\":%lld,\"ws_slow\":%lld,\"ws_opened\":%d,\"ws_closed\":%d,\"ws_code\":%d,\"renders\":%lld,\"fewest\":%lld,\"most\":%lld,\"repeated\":%lld}",
                                (long long)streams.opened, (long long)streams.aborted, (long long)streams.ended, (long long)streams.bytes,
                                streams.sha, gate_waiting, (long long)counter, (long long)st.conns_open, (long long)st.conns_refused,
                                (long long)st.timeouts, (long long)st.bad_requests, (long long)st.pool_queued, (long long)st.sse_open,
                                (long long)st.ws_open, (long long)st.ws_slow, n_opened, n_closed, last_code, (long long)n_renders,
                                (long long)st.loop_fewest, (long long)st.loop_most, (long long)st.repeated);
    pthread_mutex_unlock(&lock);
    return http_res_body(res, 200, "application/json", s, true);
}

/* ---- work that takes as long as asked for, for bench/rows/overload.mjs ---- */
static int64_t asked_us(const struct http_req *req) {
    int64_t us;
    return str_int(req->params[0], 1, 10 * 1000 * 1000, &us) < 0 ? 1 : us;
}
static int get_wait(struct http_req *req, struct http_res *res, struct err *e) {
    usleep((useconds_t)asked_us(req));
    return http_res_empty(res, 204);
}
static int get_burn(struct http_req *req, struct http_res *res, struct err *e) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    int64_t until_us = t.tv_sec * 1000000 + t.tv_nsec / 1000 + asked_us(req);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_sec * 1000000 + t.tv_nsec / 1000 < until_us);
    return http_res_empty(res, 204);
}
static int write_wait(struct db_tx *tx, struct http_req *req, struct err *e) {
    usleep((useconds_t)asked_us(req));
    return 0;
}
static int post_wait(struct http_req *req, struct http_res *res, struct err *e) { return http_res_empty(res, 204); }

/* ---- how long requests are said to have waited for their event thread; below 0: ask the kernel ---- */
static _Atomic int64_t said_us = -1;
static int64_t waited_us(void *app) { return said_us; }
static int post_waited(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t ms;
    if (str_int(http_req_query(req, "ms"), 0, 10000, &ms) < 0)
        return err_set(e, ERR_BAD_INPUT, "ms");
    said_us = ms * 1000;
    return http_res_empty(res, 204);
}
/* {"pressed":[…],"shed":[…],"late":[…]}, by line */
static int get_lines(struct http_req *req, struct http_res *res, struct err *e) {
    struct admission_stats st[HTTP_LINES];
    BUF_CLEANUP struct buf b;
    buf_init(&b, 65536);
    http_server_line_stats(server, st);
    buf_add_str(&b, STR("{"));
    for (int i = 0; i < HTTP_LINES; i++) {
        int64_t shed = 0;
        for (int c = 0; c < TRAFFIC_COUNT; c++)
            shed += st[i].shed[c];
        buf_printf(&b, "%s\"%s\":{\"pressed\":%d,\"shed\":%lld,\"late\":%lld,\"waiting\":%lld}", i ? "," : "", http_line_name[i], st[i].pressed,
                   (long long)shed, (long long)st[i].late, (long long)st[i].waiting);
    }
    buf_add_str(&b, STR("}"));
    return http_res_body(res, 200, "application/json", buf_str(&b), false);
}

/* ---- BLOCKING ---- */
static int get_slow(struct http_req *req, struct http_res *res, struct err *e) {
    gate();
    return http_res_body(res, 200, "text/plain", STR("slow\n"), true);
}
static int get_file(struct http_req *req, struct http_res *res, struct err *e) {
    int fd = fcntl(big_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, ERR_IO, "dup");
    return http_res_file(res, fd, BIG_BYTES, "application/octet-stream", "f1", NULL);
}

/* ---- WRITE: a lane of one thread ---- */
struct lane_item { struct http_write *w; struct lane_item *next; };
static struct lane_item *lane, **lane_last = &lane;

static int submit(void *app, struct http_write *w, struct err *e) {
    struct lane_item *x = ARENA_NEW(http_write_req(w)->arena, struct lane_item);
    x->w = w;
    pthread_mutex_lock(&lock);
    *lane_last = x;
    lane_last = &x->next;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return 0;
}
static void *lane_main(void *arg) {
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!lane && !stopping)
            pthread_cond_wait(&changed, &lock);
        struct lane_item *x = lane;
        if (!x)
            break;
        lane = x->next;
        if (!lane)
            lane_last = &lane;
        pthread_mutex_unlock(&lock);
        struct err e = { 0 };
        int r = http_write_run(x->w, NULL, &e);
        http_write_done(x->w, r, &e);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}
static int write_count(struct db_tx *tx, struct http_req *req, struct err *e) {
    if (http_req_query(req, "gate").p)
        gate();
    if (http_req_query(req, "fail").p)
        return err_set(e, ERR_STATE, "as you wish");
    pthread_mutex_lock(&lock);
    req->object_id = ++counter;
    pthread_mutex_unlock(&lock);
    return 0;
}
static int post_count(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_body(res, 201, "text/plain", arena_printf(req->arena, "%lld\n", (long long)req->object_id), true);
}

/* ---- SSE ---- */
static int pull(void *ctx, int64_t *seq, struct buf *out, struct err *e) {
    pthread_mutex_lock(&lock);
    int n = n_events;
    pthread_mutex_unlock(&lock);
    for (int sent = 0; *seq < n && sent < 100; sent++) {
        (*seq)++;
        buf_printf(out, "id: %lld\nevent: n\ndata: {\"n\":%lld}\n\n", (long long)*seq, (long long)*seq);
    }
    return n >= EVENTS_MAX && *seq == n;
}
static int get_events(struct http_req *req, struct http_res *res, struct err *e) { return http_res_sse(res, 7, pull, NULL); }
static int write_events(struct db_tx *tx, struct http_req *req, struct err *e) {
    int64_t n;
    if (str_int(http_req_query(req, "n"), 1, EVENTS_MAX, &n) < 0)
        return err_set(e, ERR_BAD_INPUT, "n");
    pthread_mutex_lock(&lock);
    n_events += (int)n;
    pthread_mutex_unlock(&lock);
    http_server_wake(server, 7);
    return 0;
}
static int post_events(struct http_req *req, struct http_res *res, struct err *e) { return http_res_empty(res, 204); }

/* ---- WEBSOCKET: an echo; and topics to which anybody may send by POST ---- */
static void ws_opened(struct ws *ws) {
    pthread_mutex_lock(&lock);
    n_opened++;
    pthread_mutex_unlock(&lock);
}
static void ws_closed(struct ws *ws, int code) {
    ws_send(ws, STR("nobody hears this"), true);
    pthread_mutex_lock(&lock);
    n_closed++;
    last_code = code;
    pthread_mutex_unlock(&lock);
}
static void ws_echo(struct ws *ws, struct str data, bool text) {
    if (text && str_eqz(data, "close me"))
        ws_close(ws, 4000, "as you wish");
    else if (text && str_eqz(data, "protocol"))
        ws_send(ws, str_z(ws_protocol(ws) ? ws_protocol(ws) : "none"), true);
    else if (text && str_eqz(data, "order")) {
        char number[16];
        snprintf(number, sizeof number, "%d", ++order);
        ws_send(ws, str_z(number), true);
    } else
        ws_send(ws, data, text);
}
static const char *const ws_protocols[] = { "echo.v2", "echo.v1", NULL };
static const struct ws_kind echo_kind = { .message_max = 65536, .protocols = ws_protocols, .opened = ws_opened, .message = ws_echo, .closed = ws_closed };
static const struct ws_kind topic_kind = { .message_max = 1024, .opened = ws_opened, .closed = ws_closed };

static int get_ws_echo(struct http_req *req, struct http_res *res, struct err *e) { return http_res_websocket(res, &echo_kind, 0, NULL); }
static int get_ws_refused(struct http_req *req, struct http_res *res, struct err *e) {
    http_res_websocket(res, &echo_kind, 0, NULL);
    return err_set(e, ERR_FORBIDDEN, "as you wish");
}
static int get_ws_topic(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t topic;
    if (str_int(req->params[0], 1, INT64_MAX, &topic) < 0)
        return err_set(e, ERR_NOT_FOUND, "no such topic");
    return http_res_websocket(res, &topic_kind, topic, NULL);
}
/* ?times=n: that often. On the pool, so that it is another thread than those who deliver. */
static int post_ws_topic(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t topic, times = 1;
    struct str q = http_req_query(req, "times");
    if (str_int(req->params[0], 1, INT64_MAX, &topic) < 0 || (q.p && str_int(q, 1, 100000, &times) < 0))
        return err_set(e, ERR_BAD_INPUT, "topic or times");
    for (int64_t i = 0; i < times; i++) {
        int r = http_server_broadcast(server, topic, req->body, !http_req_query(req, "binary").p, e);
        if (r < 0)
            return r;
    }
    return http_res_empty(res, 204);
}

/* ---- STREAM ---- */
struct sink { struct sha256 sha; int64_t bytes; bool gated, broken; };
static int sink_write(void *ctx, const void *p, size_t n, struct err *e) {
    struct sink *s = ctx;
    if (s->gated)
        gate();
    sha256_add(&s->sha, p, n);
    s->bytes += (int64_t)n;
    return s->broken ? err_set(e, ERR_DISK_FULL, "as you wish") : 0;
}
static void sink_abort(void *ctx) {
    struct sink *s = ctx;
    pthread_mutex_lock(&lock);
    streams.aborted++;
    streams.bytes = s->bytes;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}
static int stream_open(struct http_req *req, struct http_sink *ret, struct err *e) {
    if (http_req_query(req, "refuse").p)
        return err_set(e, ERR_UPLOAD_OFFSET, "as you wish");
    struct sink *s = ARENA_NEW(req->arena, struct sink);
    sha256_init(&s->sha);
    s->gated = http_req_query(req, "gate").p != NULL;
    s->broken = http_req_query(req, "broken").p != NULL;
    req->job = s;
    *ret = (struct http_sink){ .ctx = s, .write = sink_write, .abort = sink_abort };
    pthread_mutex_lock(&lock);
    streams.opened++;
    pthread_mutex_unlock(&lock);
    return 0;
}
static int put_stream(struct http_req *req, struct http_res *res, struct err *e) {
    struct sink *s = req->job;
    uint8_t raw[SHA256_LEN];
    sha256_end(&s->sha, raw);
    pthread_mutex_lock(&lock);
    hex_encode(raw, SHA256_LEN, streams.sha);
    streams.bytes = s->bytes;
    streams.ended++;
    pthread_mutex_unlock(&lock);
    return http_res_body(res, 201, "text/plain", arena_printf(req->arena, "%s %lld\n", streams.sha, (long long)s->bytes), true);
}

static const struct route routes[] = {
    { "GET", "/", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello },
    { "GET", "/hello", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello },
    { "GET", "/hello/{name}", ROUTE_INLINE, TRAFFIC_READ, .handle = get_name },
    { "GET", "/hello/world", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello },
    { "POST", "/echo", ROUTE_INLINE, TRAFFIC_READ, .handle = post_echo, .body_max = 65536 },
    { "PUT", "/echo", ROUTE_INLINE, TRAFFIC_READ, .handle = post_echo, .body_max = 65536 },
    { "GET", "/static", ROUTE_INLINE, TRAFFIC_READ, .handle = get_static },
    { "GET", "/big", ROUTE_INLINE, TRAFFIC_READ, .handle = get_big },
    { "GET", "/cached", ROUTE_INLINE, TRAFFIC_READ, ROUTE_PURE, .handle = get_cached },
    { "POST", "/cached", ROUTE_INLINE, TRAFFIC_READ, .handle = post_cached },
    { "GET", "/copied", ROUTE_INLINE, TRAFFIC_READ, .handle = get_copied },
    { "GET", "/file", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_file },
    { "GET", "/order", ROUTE_INLINE, TRAFFIC_READ, .handle = get_order },
    { "GET", "/whoami", ROUTE_INLINE, TRAFFIC_READ, .handle = get_whoami },
    { "GET", "/cookie", ROUTE_INLINE, TRAFFIC_READ, .handle = get_cookie },
    { "GET", "/fail", ROUTE_INLINE, TRAFFIC_READ, .handle = get_fail },
    { "GET", "/nothing", ROUTE_INLINE, TRAFFIC_READ, .handle = get_nothing },
    { "POST", "/gate", ROUTE_INLINE, TRAFFIC_READ, .handle = post_gate },
    { "GET", "/stats", ROUTE_INLINE, TRAFFIC_READ, .handle = get_stats },
    { "GET", "/slow", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_slow },
    { "POST", "/count", ROUTE_WRITE, TRAFFIC_READ, .handle = post_count, .write = write_count, .body_max = 1024 },
    { "GET", "/events", ROUTE_INLINE, TRAFFIC_READ, .handle = get_events },
    { "POST", "/events", ROUTE_WRITE, TRAFFIC_READ, .handle = post_events, .write = write_events },
    { "PUT", "/stream", ROUTE_STREAM, TRAFFIC_READ, .handle = put_stream, .body_open = stream_open, .body_max = (size_t)1 << 40 },
    { "GET", "/ws/echo", ROUTE_WEBSOCKET, TRAFFIC_READ, .handle = get_ws_echo },
    { "GET", "/ws/denied", ROUTE_WEBSOCKET, TRAFFIC_READ, .handle = get_ws_echo, .need = 1 },
    { "GET", "/ws/refused", ROUTE_WEBSOCKET, TRAFFIC_READ, .handle = get_ws_refused },
    { "GET", "/ws/topic/{topic}", ROUTE_WEBSOCKET, TRAFFIC_READ, .handle = get_ws_topic },
    { "POST", "/ws/topic/{topic}", ROUTE_BLOCKING, TRAFFIC_READ, .handle = post_ws_topic, .body_max = 65536 + 1 },
    { "GET", "/wait/{us}", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_wait },
    { "GET", "/burn/{us}", ROUTE_INLINE, TRAFFIC_READ, .handle = get_burn },
    { "POST", "/wait/{us}", ROUTE_WRITE, TRAFFIC_READ, .handle = post_wait, .write = write_wait },
    { "POST", "/waited", ROUTE_INLINE, TRAFFIC_PAYMENT, .handle = post_waited },
    { "GET", "/lines", ROUTE_INLINE, TRAFFIC_PAYMENT, .handle = get_lines },
    { "GET", "/as/operate", ROUTE_BLOCKING, TRAFFIC_OPERATE, .handle = get_hello },
    { "GET", "/as/payment", ROUTE_BLOCKING, TRAFFIC_PAYMENT, .handle = get_hello },
    { "GET", "/as/settle", ROUTE_INLINE, TRAFFIC_SETTLE, .handle = get_hello },
    { "GET", "/as/sign_in", ROUTE_INLINE, TRAFFIC_SIGN_IN, .handle = get_hello },
    { "GET", "/as/read", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello },
    { "GET", "/as/upload", ROUTE_INLINE, TRAFFIC_UPLOAD, .handle = get_hello },
    { "GET", "/as/create", ROUTE_INLINE, TRAFFIC_CREATE, .handle = get_hello },
    { "GET", "/as/feed", ROUTE_INLINE, TRAFFIC_FEED, .handle = get_hello },
    { "GET", "/bulk", ROUTE_BLOCKING, TRAFFIC_CREATE, .handle = get_slow },
    { "GET", "/denied", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello, .need = 1 },
    { "POST", "/denied", ROUTE_INLINE, TRAFFIC_READ, .handle = get_hello, .need = 1, .body_max = 1024 },
    { 0 },
};
static const struct route *const tables[] = { routes, NULL };

/* X-Account: a number; with X-Person it is favoured. */
#define PERSON (1u << 1)
static int authorise(struct http_req *req, struct err *e) {
    str_int(http_req_header(req, "X-Account"), 1, INT64_MAX, &req->account);
    req->rights = http_req_header(req, "X-Person").p ? PERSON : 0;
    return req->route->need ? err_set(e, ERR_UNAUTHENTICATED, "this route is for nobody") : 0;
}

static int make_big(struct err *e) {
    big_fd = memfd_create("big", MFD_CLOEXEC);
    int r = big_fd < 0 ? -1 : ftruncate(big_fd, BIG_BYTES);
    big = r == 0 ? mmap(NULL, BIG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, big_fd, 0) : MAP_FAILED;
    if (big == MAP_FAILED)
        return err_sys(e, ERR_IO, "memfd");
    for (uint32_t i = 0; i < BIG_BYTES / 4; i++)
        memcpy(big + i * 4, &i, 4);
    return 0;
}

static int serve(int argc, char **argv, char **envp, struct err *e) {
    static const struct setting *const settings[] = { net_settings, NULL };
    struct http_server_conf conf;
    int rest, r = config_new(settings, &cfg, e);
    if (r >= 0)
        r = config_load(cfg, argc, argv, envp, &rest, e);
    if (r >= 0)
        r = crypto_setup(e);
    if (r >= 0)
        r = make_big(e);
    if (r >= 0)
        r = cached_new(&(struct cached_conf){ .name = "/cached", .type = "text/plain", .cache_control = "no-cache", .bytes_max = 1 << 20,
                                              .render = cached_render, .version = cached_version_now }, &cached, e);
    if (r < 0)
        return r;
    http_server_conf_from(cfg, &conf);
    conf.routes = tables;
    conf.authorise = authorise;
    conf.write_submit = submit;
    conf.waited_us = waited_us;
    conf.favoured = PERSON;
    r = http_server_new(&conf, &server, e);
    if (r >= 0)
        r = http_server_start(server, e);
    if (r < 0)
        return r;
    printf("testserver is ready: http://127.0.0.1:%d/\n", http_server_port(server));
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv, char **envp) {
    struct err e = { 0 };
    sigset_t set;
    pthread_t lane_thread;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (serve(argc - 1, argv + 1, envp, &e) < 0 || pthread_create(&lane_thread, NULL, lane_main, NULL) != 0) {
        fprintf(stderr, "testserver: %s\n", e.text);
        return 1;
    }
    sigwait(&set, &sig);
    printf("testserver is stopping\n");
    fflush(stdout);
    http_server_stop(server);
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(lane_thread, NULL);
    http_server_free(server);
    cached_free(cached);
    config_free(cfg);
    printf("testserver has stopped\n");
    return 0;
}
