/* server.c - start, stop, numbers. */
#include "net/internal.h"

#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/id.h"
#include "net/cors.h"

#define THREADS_MAX 64
#define COSTLY_NICE 15
#define LONG_FACTOR 10                    /* targets for which people wait while a password is hashed or a photo looked at: each takes that long itself */

/* The answer of connections over a limit never changes, so it is made once. */
static void make_busy_answer(struct http_server *s) {
    struct err e;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    err_set(&e, ERR_BUSY, "too many connections");
    problem_json(&b, &e, "en", 0, STR_NULL);
    s->busy_answer = arena_printf(s->arena,
                                  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
                                  "Retry-After: 2\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                                  b.n, b.p);
}

static int check_conf(const struct http_server_conf *c, struct err *e) {
    if (!c->routes || !c->listen || c->event_threads < 0 || c->event_threads > THREADS_MAX || c->pool_threads < 1 || c->pool_threads > 1024 ||
        c->pool_queue_max < 1 || c->conns_max < 1 || c->conns_per_ip_max < 0 || c->header_ms < 1 || c->idle_ms < 1 || c->first_ms < 1 || c->write_stall_ms < 1 ||
        c->drain_ms < 0 || c->body_rate_min < 0 || c->handler_ms < 1)
        return err_set(e, ERR_CONFIG, "a limit of the HTTP server is missing or out of range");
    return 0;
}

static int build(struct http_server *s, struct err *e) {
    struct http_server_conf *c = &s->conf;
    int r = check_conf(c, e);
    if (r == 0)
        r = router_new(c->routes, &s->router, e);
    if (r == 0)
        r = listen_parse(s->arena, c->listen, &s->at, &s->n_at, e);
    if (r == 0)
        r = cidr_parse(s->arena, c->trusted_proxies ? c->trusted_proxies : "", &s->proxies, &s->n_proxies, e);
    if (r == 0)
        r = cors_parse(s->arena, c->cors_origins ? c->cors_origins : "", &s->cors, &s->n_cors, e);
    for (size_t i = 0; r == 0 && i < s->n_cors && c->public_url && c->public_url[0]; i++)
        if (!cors_same_site(s->cors[i], str_z(c->public_url)))
            r = err_set(e, ERR_CONFIG, "net.cors_origins: %.*s is of another site than public_url: no browser would send it the cookies of its user",
                        STR_ARG(s->cors[i]));
    if (r < 0)
        return r;
    for (size_t i = 0; i < router_count(s->router); i++)
        if (router_route(s->router, i)->kind == ROUTE_WRITE && !c->write_submit)
            return err_set(e, ERR_INTERNAL, "a WRITE route, but no write_submit");
    c->costly_threads = c->costly_threads ? c->costly_threads : 1;
    c->costly_queue_max = c->costly_queue_max ? c->costly_queue_max : 64;
    if (c->body_grace_ms == 0)
        c->body_grace_ms = 5000;
    c->delay_ms = c->delay_ms ? c->delay_ms : 50;
    c->ws_ping_ms = c->ws_ping_ms ? c->ws_ping_ms : 30000;
    c->ws_message_ms = c->ws_message_ms ? c->ws_message_ms : 60000;
    c->ws_queue_bytes = c->ws_queue_bytes ? c->ws_queue_bytes : 256 * 1024;
    c->ws_queue_frames = c->ws_queue_frames ? c->ws_queue_frames : 256;
    s->https = c->public_url && str_starts(str_z(c->public_url), STR("https://"));
    s->iplimit = iplimit_new(c->conns_per_ip_max, c->conns_max);
    s->by_ip = share_new(c->rate_per_ip);
    s->by_account = share_new(c->rate_per_account);
    admission_init(&s->writes, c->delay_ms * 1000);
    shed_init(s);
    make_busy_answer(s);
    s->n_loops = c->event_threads ? c->event_threads : get_nprocs();
    if (s->n_loops > THREADS_MAX)
        s->n_loops = THREADS_MAX;
    s->loops = calloc((size_t)s->n_loops, sizeof(s->loops[0]));
    if (!s->loops)
        abort();
    for (int i = 0; i < s->n_loops; i++)           /* all of them, so that free finds every one in order */
        r = loop_init(&s->loops[i], s, e) < 0 ? e->code : r;
    if (r < 0)
        return r;
    return listen_open(s, e);
}

int http_server_new(const struct http_server_conf *conf, struct http_server **ret_s, struct err *e) {
    struct err own;
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->conf = *conf;
    s->arena = arena_new(16 << 20);
    int r = build(s, e ? e : &own);
    if (r < 0) {
        http_server_free(s);
        return r;
    }
    *ret_s = s;
    return 0;
}

int http_server_start(struct http_server *s, struct err *e) {
    const struct http_server_conf *c = &s->conf;
    int64_t target_us = c->delay_ms * 1000, long_us = target_us * LONG_FACTOR;
    struct pool_conf pool = { c->pool_threads, c->pool_queue_max, /* nice= */ 0, target_us, long_us };
    struct pool_conf costly = { c->costly_threads, c->costly_queue_max, COSTLY_NICE, long_us, long_us };
    int r = pool_new(&pool, &s->pool, e);
    if (r < 0 || (r = pool_new(&costly, &s->costly, e)) < 0)
        return r;
    for (int i = 0; i < s->n_loops; i++) {
        if (pthread_create(&s->loops[i].thread, NULL, loop_main, &s->loops[i]) != 0) {
            http_server_stop(s);
            return err_set(e, ERR_INTERNAL, "cannot start %d event threads", s->n_loops);
        }
        s->loops[i].started = true;
    }
    return 0;
}

int http_server_port(const struct http_server *s) { return s->port; }

void http_server_stop(struct http_server *s) {
    for (int i = 0; i < s->n_loops; i++)
        if (s->loops[i].started)
            loop_post_stop(&s->loops[i]);
    for (int i = 0; i < s->n_loops; i++) {
        if (s->loops[i].started)
            pthread_join(s->loops[i].thread, NULL);
        s->loops[i].started = false;
    }
    pool_free(TAKE(s->costly));
    pool_free(TAKE(s->pool));                      /* after the loops: a drained loop has no call there any more */
}

void http_server_free(struct http_server *s) {
    if (!s)
        return;
    http_server_stop(s);
    if (s->loops) {
        listen_close(s);
        for (int i = 0; i < s->n_loops; i++)
            loop_done(&s->loops[i]);
    }
    free(s->loops);
    iplimit_free(s->iplimit);
    share_free(s->by_ip);
    share_free(s->by_account);
    router_free(s->router);
    arena_free(s->arena);
    free(s);
}

void http_server_wake(struct http_server *s, int64_t topic) {
    if (atomic_load(&s->sse_open) == 0)
        return;
    for (int i = 0; i < s->n_loops; i++)
        loop_post_topic(&s->loops[i], topic);
}

/* ---- numbers ---- */
static int64_t peek(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

void http_server_stats(struct http_server *s, struct http_stats *ret) {
    struct pool_stats pool = { 0 }, costly = { 0 };
    if (s->pool)
        pool_get_stats(s->pool, &pool);
    if (s->costly)
        pool_get_stats(s->costly, &costly);
    *ret = (struct http_stats){ .conns_open = atomic_load(&s->conns_open),
                                .pool_queued = pool.queued,
                                .pool_busy = pool.busy,
                                .pool_refused = pool.refused,
                                .costly_queued = costly.queued,
                                .costly_refused = costly.refused };
    for (int i = 0; i < s->n_loops; i++) {
        const struct loop_stats *st = &s->loops[i].stats;
        int64_t open = loop_open(&s->loops[i]);
        ret->loop_fewest = i == 0 || open < ret->loop_fewest ? open : ret->loop_fewest;
        ret->loop_most = open > ret->loop_most ? open : ret->loop_most;
        ret->conns_total += peek(&st->conns_total);
        ret->conns_refused += peek(&st->conns_refused);
        ret->conns_displaced += peek(&st->conns_displaced);
        ret->req_total += peek(&st->req_total);
        ret->repeated += peek(&st->repeated);
        ret->bad_requests += peek(&st->bad_requests);
        ret->timeouts += peek(&st->timeouts);
        ret->sse_open += peek(&st->sse_open);
        ret->ws_open += peek(&st->ws_open);
        ret->ws_slow += peek(&st->ws_slow);
    }
}

const char *const http_line_name[HTTP_LINES] = { "event", "worker", "urgent", "bulk", "costly", "write" };

void http_server_line_stats(struct http_server *s, struct admission_stats *out) {
    int64_t now_us = clock_mono_us();
    memset(out, 0, HTTP_LINES * sizeof(out[0]));
    for (int i = 0; i < s->n_loops; i++)
        admission_add_stats(&s->loops[i].line, &out[0], now_us);
    static const enum pool_line lines[] = { POOL_NORMAL, POOL_URGENT, POOL_BULK };
    for (int i = 0; i < POOL_LINES && s->pool; i++)
        admission_add_stats(pool_admission(s->pool, lines[i]), &out[1 + i], now_us);
    if (s->costly)
        admission_add_stats(pool_admission(s->costly, POOL_NORMAL), &out[4], now_us);
    admission_add_stats(&s->writes, &out[5], now_us);
}

size_t http_server_route_stats(struct http_server *s, struct http_route_stats *out, size_t cap) {
    size_t n = router_count(s->router);
    for (size_t k = 0; k < n && k < cap; k++) {
        out[k] = (struct http_route_stats){ .route = router_route(s->router, k) };
        for (int i = 0; i < s->n_loops; i++) {
            const struct http_route_stats *st = &s->loops[i].route_stats[k];
            out[k].n += peek(&st->n);
            out[k].bytes += peek(&st->bytes);
            out[k].us_sum += peek(&st->us_sum);
            for (int j = 0; j < 6; j++)
                out[k].by_class[j] += peek(&st->by_class[j]);
            for (int j = 0; j < HTTP_HIST; j++)
                out[k].hist[j] += peek(&st->hist[j]);
        }
    }
    return n < cap ? n : cap;
}
