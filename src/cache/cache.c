/* cache.c - the front: settings, limits, the choice of a driver. */
#include "cache/driver.h"

#include <assert.h>
#include <stdlib.h>

#define TTL_MAX_MS  (30LL * 86400000)
#define RATE_MAX    1000000
#define PERIOD_MAX_MS 86400000LL

#define DRIVER(n) extern const struct cache_driver cache_##n;
#include "cache/drivers.def"
#undef DRIVER
const struct cache_driver *const cache_drivers[] = {
#define DRIVER(n) &cache_##n,
#include "cache/drivers.def"
#undef DRIVER
    NULL,
};

const struct setting cache_settings[] = {
    { "cache.driver", SET_STR, "memory", 1, 32, "Where short-lived values live: memory (this process)." },
    { "cache.bytes_max", SET_BYTES, "16M", 1 << 20, 1LL << 36, "Memory for cached values; the least recently used go first." },
    { "cache.value_max", SET_BYTES, "256K", 1 << 10, 64 << 20, "Largest single value." },
    { "cache.rates_max", SET_INT, "65536", 16, 1 << 26, "Rate limits remembered at once; the least recently used go first." },
    { 0 },
};

struct cache {
    const struct cache_driver *drv;
    void   *self;
    int64_t value_max;
};

struct cache_sub {
    struct cache *c;
    void         *sub;
};

int cache_open(const struct config *cfg, struct cache **ret_c, struct err *e) {
    const char *name = config_str(cfg, "cache.driver");
    const struct cache_driver *const *d = cache_drivers;
    while (*d && strcmp((*d)->name, name) != 0)
        d++;
    if (!*d)
        return err_set(e, ERR_CONFIG, "%s: cache.driver: there is no cache \"%s\"", config_where(cfg, "cache.driver"), name);
    struct cache *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    *c = (struct cache){ .drv = *d, .value_max = config_int(cfg, "cache.value_max") };
    int r = c->drv->open(cfg, &c->self, e);
    if (r < 0) {
        free(c);
        return r;
    }
    *ret_c = c;
    return 0;
}

void cache_close(struct cache *c) {
    if (!c)
        return;
    c->drv->close(c->self);
    free(c);
}

static int check_key(struct str key, struct err *e) {
    return key.n >= 1 && key.n <= CACHE_KEY_MAX ? 0 : err_set(e, ERR_BAD_INPUT, "a cache key of %zu bytes", key.n);
}

int cache_get(struct cache *c, struct str key, struct buf *out, struct err *e) {
    int r = check_key(key, e);
    if (r >= 0)
        r = c->drv->get(c->self, key, out, e);
    return r == 1 && out->failed ? err_set(e, ERR_TOO_BIG, "the cached value does not fit") : r;
}

int cache_set(struct cache *c, struct str key, struct str value, int64_t ttl_ms, struct err *e) {
    int r = check_key(key, e);
    if (r < 0)
        return r;
    if (ttl_ms < 1 || ttl_ms > TTL_MAX_MS)
        return err_set(e, ERR_BAD_INPUT, "a life of %lld ms for a cached value", (long long)ttl_ms);
    if ((int64_t)value.n > c->value_max)
        return err_set(e, ERR_TOO_BIG, "a cached value of %zu bytes", value.n);
    return c->drv->set(c->self, key, value, ttl_ms, e);
}

int cache_del(struct cache *c, struct str key, struct err *e) {
    int r = check_key(key, e);
    return r < 0 ? r : c->drv->del(c->self, key, e);
}

int cache_take(struct cache *c, struct str key, const struct cache_rate *rate, int64_t cost, int64_t *ret_wait_ms, struct err *e) {
    int r = check_key(key, e);
    if (r < 0)
        return r;
    assert(rate->per_period >= 1 && rate->per_period <= RATE_MAX && rate->burst >= 1 && rate->burst <= RATE_MAX);
    assert(rate->period_ms >= 1 && rate->period_ms <= PERIOD_MAX_MS && cost >= 1 && cost <= rate->burst);
    int64_t emit_us = rate->period_ms * 1000 / rate->per_period, wait_ms = 0;
    emit_us = emit_us ? emit_us : 1;
    r = c->drv->take(c->self, key, emit_us, emit_us * rate->burst, cost, &wait_ms, e);
    if (r == 0 && ret_wait_ms)
        *ret_wait_ms = wait_ms;
    return r;
}

int cache_subscribe(struct cache *c, struct str topic, void (*fn)(void *arg, struct str message), void *arg, struct cache_sub **ret_s, struct err *e) {
    int r = check_key(topic, e);
    if (r < 0)
        return r;
    struct cache_sub *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->c = c;
    r = c->drv->subscribe(c->self, topic, fn, arg, &s->sub, e);
    if (r < 0) {
        free(s);
        return r;
    }
    *ret_s = s;
    return 0;
}

void cache_unsubscribe(struct cache_sub *s) {
    if (!s)
        return;
    s->c->drv->unsubscribe(s->c->self, s->sub);
    free(s);
}

int cache_publish(struct cache *c, struct str topic, struct str message, struct err *e) {
    int r = check_key(topic, e);
    if (r < 0)
        return r;
    if ((int64_t)message.n > c->value_max)
        return err_set(e, ERR_TOO_BIG, "a message of %zu bytes", message.n);
    return c->drv->publish(c->self, topic, message, e);
}

void cache_get_stats(struct cache *c, struct cache_stats *ret) { c->drv->stats(c->self, ret); }
