/*
 * driver_memory.c - the cache of one process. Values and rate limits are spread over shards, each with its own lock and its share of the
 * bound. Messages are delivered on the publisher's thread under a shared lock, which unsubscribe takes alone.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cache/driver.h"
#include "cache/table.h"

#define SHARDS 16
#define RATE_ENTRY_BYTES (sizeof(struct table_entry) + CACHE_KEY_MAX + sizeof(int64_t))

struct shard {
    pthread_mutex_t lock;
    struct table    values, rates;        /* apart, so that filling the cache cannot wash a rate limit away */
    int64_t         hits, misses;
};

struct sub {
    struct sub *next;
    char        topic[CACHE_KEY_MAX];
    size_t      topic_n;
    void      (*fn)(void *arg, struct str message);
    void       *arg;
};

struct memory {
    struct shard     shards[SHARDS];
    pthread_rwlock_t listening;           /* subs */
    struct sub      *subs;
};

static int memory_open(const struct config *cfg, void **ret_self, struct err *e) {
    struct memory *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    int64_t bytes = config_int(cfg, "cache.bytes_max") / SHARDS, rates = config_int(cfg, "cache.rates_max") / SHARDS;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&m->shards[i].lock, NULL);
        table_init(&m->shards[i].values, bytes, INT64_MAX);
        table_init(&m->shards[i].rates, rates * (int64_t)RATE_ENTRY_BYTES, rates);
    }
    pthread_rwlock_init(&m->listening, NULL);
    *ret_self = m;
    return 0;
}

static void memory_close(void *self) {
    struct memory *m = self;
    for (int i = 0; i < SHARDS; i++) {
        table_done(&m->shards[i].values);
        table_done(&m->shards[i].rates);
        pthread_mutex_destroy(&m->shards[i].lock);
    }
    pthread_rwlock_destroy(&m->listening);
    free(m);
}

/* Any spread will do here: an attacker who crowds one shard gains nothing but a smaller cache for himself. */
static struct shard *lock_shard(struct memory *m, struct str key) {
    unsigned h = 5381;
    for (size_t i = 0; i < key.n; i++)
        h = h * 33 + (unsigned char)key.p[i];
    struct shard *s = &m->shards[(h ^ h >> 8) % SHARDS];
    pthread_mutex_lock(&s->lock);
    return s;
}

static int memory_get(void *self, struct str key, struct buf *out, struct err *e) {
    struct shard *s = lock_shard(self, key);
    const struct table_entry *found = table_get(&s->values, key, clock_ms());
    if (found)
        buf_add_str(out, table_value(found));
    s->hits += found != NULL;
    s->misses += found == NULL;
    pthread_mutex_unlock(&s->lock);
    return found != NULL;
}

static int memory_set(void *self, struct str key, struct str value, int64_t ttl_ms, struct err *e) {
    struct shard *s = lock_shard(self, key);
    table_set(&s->values, key, value, clock_ms() + ttl_ms);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static int memory_del(void *self, struct str key, struct err *e) {
    struct shard *s = lock_shard(self, key);
    table_del(&s->values, key);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* GCRA: `at` is when the next one would be on schedule; it may run ahead of now by reach_us. */
static int memory_take(void *self, struct str key, int64_t emit_us, int64_t reach_us, int64_t cost, int64_t *ret_wait_ms, struct err *e) {
    struct shard *s = lock_shard(self, key);
    int64_t now_us = clock_ms() * 1000, at = 0;
    const struct table_entry *found = table_get(&s->rates, key, now_us / 1000);
    if (found)
        memcpy(&at, table_value(found).p, sizeof(at));
    if (at < now_us)
        at = now_us;
    if (at > now_us + reach_us)           /* the clock was set back: nobody is locked out for the length of the step */
        at = now_us + reach_us;
    at += cost * emit_us;
    int64_t early_us = at - reach_us - now_us;
    if (early_us <= 0)
        table_set(&s->rates, key, (struct str){ (const char *)&at, sizeof(at) }, at / 1000 + 1);
    else
        *ret_wait_ms = (early_us + 999) / 1000;
    pthread_mutex_unlock(&s->lock);
    return early_us <= 0;
}

static int memory_subscribe(void *self, struct str topic, void (*fn)(void *arg, struct str message), void *arg, void **ret_sub, struct err *e) {
    struct memory *m = self;
    struct sub *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    *s = (struct sub){ .topic_n = topic.n, .fn = fn, .arg = arg };
    memcpy(s->topic, topic.p, topic.n);
    pthread_rwlock_wrlock(&m->listening);
    s->next = m->subs;
    m->subs = s;
    pthread_rwlock_unlock(&m->listening);
    *ret_sub = s;
    return 0;
}

static void memory_unsubscribe(void *self, void *sub) {
    struct memory *m = self;
    pthread_rwlock_wrlock(&m->listening);
    struct sub **at = &m->subs;
    while (*at != sub)
        at = &(*at)->next;
    *at = (*at)->next;
    pthread_rwlock_unlock(&m->listening);
    free(sub);
}

static int memory_publish(void *self, struct str topic, struct str message, struct err *e) {
    struct memory *m = self;
    pthread_rwlock_rdlock(&m->listening);
    for (const struct sub *s = m->subs; s; s = s->next)
        if (str_eq((struct str){ s->topic, s->topic_n }, topic))
            s->fn(s->arg, message);
    pthread_rwlock_unlock(&m->listening);
    return 0;
}

static void memory_stats(void *self, struct cache_stats *ret) {
    struct memory *m = self;
    *ret = (struct cache_stats){ 0 };
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &m->shards[i];
        pthread_mutex_lock(&s->lock);
        ret->hits += s->hits;
        ret->misses += s->misses;
        ret->entries += s->values.n;
        ret->bytes += s->values.bytes;
        ret->evicted += s->values.evicted;
        pthread_mutex_unlock(&s->lock);
    }
}

const struct cache_driver cache_memory = {
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .set = memory_set,
    .del = memory_del,
    .take = memory_take,
    .subscribe = memory_subscribe,
    .unsubscribe = memory_unsubscribe,
    .publish = memory_publish,
    .stats = memory_stats,
};
