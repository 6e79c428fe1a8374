/* cached.c - see cached.h. */
#include "net/cached.h"

#include <brotli/encode.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/crypto.h"
#include "net/internal.h"

#define CODED_FROM   512                  /* bytes from which on compressing is worth its headers */
#define ETAG_LEN     32
/* For 53 KB of JSON: gzip 9 takes 2 ms (8.3 KB), brotli 9 takes 8 ms (7.9 KB); brotli 11 would take 43 ms (7.1 KB). */
#define GZIP_LEVEL   9
#define BROTLI_LEVEL 9
#define RETRY_MS     1000

struct cached_body {
    _Atomic uint32_t   refs;
    int64_t            version;
    uint64_t           serial;            /* see cached_serial() */
    struct buf         plain;
    uint8_t           *gzip, *br;
    char               etag[SHA256_HEX + 1];
    struct http_static entity;            /* views of the above */
};
struct cached {
    struct cached_conf  conf;
    struct pool_job     job;
    _Atomic bool        refreshing;
    _Atomic int64_t     retry_ms;
    pthread_mutex_t     lock;             /* guards the pointer, for as long as taking a reference needs */
    struct cached_body *body;
    _Atomic int64_t     version;          /* of body, as is serial: to be looked at without the lock */
    _Atomic uint64_t    serial;
};

static void body_unref(struct cached_body *b) {
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    buf_done(&b->plain);
    free(b->gzip);
    free(b->br);
    free(b);
}

void cached_release(struct cached_body *b) {
    if (b)
        body_unref(b);
}

static void set_body(struct cached *c, struct cached_body *b) {
    c->body = b;
    atomic_store(&c->version, b->version);
    atomic_store(&c->serial, b->serial);
}

uint64_t cached_body_serial(const struct cached_body *b) { return b->serial; }

uint64_t cached_serial(struct cached *c) {
    /* Between the two stores of set_body() the old number may stand beside the new version: the bytes of a moment ago, as for who came then. */
    uint64_t serial = atomic_load(&c->serial);
    return c->conf.version && c->conf.version(c->conf.ctx) != atomic_load(&c->version) ? 0 : serial;
}

static struct cached_body *body_of(struct cached *c) {
    pthread_mutex_lock(&c->lock);
    struct cached_body *b = c->body;
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&c->lock);
    return b;
}

/* ---- codings ---- */
/* out has room for n - 1 bytes: what does not become smaller is of no use. 0: so it is. */
static size_t gzip(struct str in, uint8_t *out) {
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n, .next_out = out, .avail_out = (uInt)in.n - 1 };
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, /* gzip: */ 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int r = deflate(&z, Z_FINISH);
    size_t n = z.total_out;
    deflateEnd(&z);
    return r == Z_STREAM_END ? n : 0;
}

static size_t brotli(struct str in, uint8_t *out) {
    size_t n = in.n - 1;
    return BrotliEncoderCompress(BROTLI_LEVEL, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, in.n, (const uint8_t *)in.p, &n, out) ? n : 0;
}

static struct str coded(struct str in, size_t (*code)(struct str, uint8_t *), uint8_t **ret) {
    *ret = malloc(in.n);
    if (!*ret)
        abort();
    size_t n = code(in, *ret);
    if (n == 0) {
        free(TAKE(*ret));
        return STR_NULL;
    }
    uint8_t *less = realloc(*ret, n);
    *ret = less ? less : *ret;
    return (struct str){ (const char *)*ret, n };
}

/* ---- rendering ---- */
static int body_new(const struct cached *c, struct cached_body **ret, struct err *e) {
    static _Atomic uint64_t serials;
    const struct cached_conf *conf = &c->conf;
    struct cached_body *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    atomic_init(&b->refs, 1);
    buf_init(&b->plain, conf->bytes_max);
    b->serial = atomic_fetch_add(&serials, 1) + 1;
    b->version = conf->version ? conf->version(conf->ctx) : 0;
    int r = conf->render(conf->ctx, &b->plain, e);
    if (r >= 0 && b->plain.failed)
        r = err_set(e, ERR_TOO_BIG, "%s is larger than %zu bytes", conf->name, conf->bytes_max);
    if (r < 0) {
        body_unref(b);
        return r;
    }
    struct str plain = buf_str(&b->plain);
    sha256_hex(plain.p, plain.n, b->etag);
    b->etag[ETAG_LEN] = '\0';
    b->entity = (struct http_static){ .bytes = plain, .type = conf->type, .etag = b->etag, .cache_control = conf->cache_control, .vary = conf->vary,
                                      .status = conf->status };
    if (plain.n >= CODED_FROM && plain.n <= INT32_MAX) {
        b->entity.gzip = coded(plain, gzip, &b->gzip);
        b->entity.br = coded(plain, brotli, &b->br);
    }
    *ret = b;
    return 0;
}

/* On the pool. */
static void refresh(struct pool_job *j) {
    struct cached *c = CONTAINER_OF(j, struct cached, job);
    struct cached_body *b = NULL;
    struct err e = { 0 };
    if (body_new(c, &b, &e) < 0) {
        log_event(LOG_WARN, "http.cached_failed", F_STR("name", c->conf.name), F_ERR(&e));
        atomic_store(&c->retry_ms, clock_mono_ms() + RETRY_MS);
    } else {
        pthread_mutex_lock(&c->lock);
        struct cached_body *old = c->body;
        set_body(c, b);
        pthread_mutex_unlock(&c->lock);
        body_unref(old);
    }
    atomic_store(&c->refreshing, false);
}

static void look_for_news(struct cached *c, const struct cached_body *b, struct http_server *s) {
    bool idle = false;
    if (c->conf.version(c->conf.ctx) == b->version || clock_mono_ms() < atomic_load(&c->retry_ms))
        return;
    if (!atomic_compare_exchange_strong(&c->refreshing, &idle, true))
        return;                                    /* somebody is at it */
    c->job.run = refresh;
    if (!pool_submit(s->pool, &c->job))
        atomic_store(&c->refreshing, false);       /* the next request tries again */
}

int cached_new(const struct cached_conf *conf, struct cached **ret_c, struct err *e) {
    struct cached *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->conf = *conf;
    struct cached_body *b;
    int r = body_new(c, &b, e);
    if (r < 0) {
        free(c);
        return r;
    }
    set_body(c, b);
    pthread_mutex_init(&c->lock, NULL);
    *ret_c = c;
    return 0;
}

void cached_free(struct cached *c) {
    if (!c)
        return;
    body_unref(c->body);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const char *cached_etag(const struct cached *c) { return c->body->etag; }

int http_res_cached(struct http_res *res, struct cached *c) {
    struct cached_body *b = body_of(c);
    res_done(res);
    res->hold = b;                                 /* given back when the answer was sent */
    res->source = c;
    if (c->conf.version)
        look_for_news(c, b, res->call->loop->server);
    return http_res_static(res, &b->entity);
}
