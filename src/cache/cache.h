/*
 * cache.h - what may be forgotten at any moment: values with an end, rate limits, messages between threads (later between machines).
 * Owns: its memory, bounded by the settings.  Never the only copy of anything: every answer may be "not here".
 * Threads: any.  A driver is one file and one line in drivers.def; the embedded one is `memory`.
 * Used by: auth/, api/, shop/, ops/.  Uses: base/.
 */
#ifndef ZT_CACHE_CACHE_H
#define ZT_CACHE_CACHE_H

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

#define CACHE_KEY_MAX 250                /* bytes; not empty */

struct cache;

extern const struct setting cache_settings[];            /* rows "cache.…" */
int cache_open(const struct config *cfg, struct cache **ret_c, struct err *e);
void cache_close(struct cache *c);                       /* nobody subscribes any more; NULL is fine */
DEFINE_CLEANUP(struct cache, cache_close)

/* ---- values ---- */
/* 1: the value was appended to out; 0: not here. */
int cache_get(struct cache *c, struct str key, struct buf *out, struct err *e);
/* ttl_ms: 1 .. 30 days. ERR_TOO_BIG for a value over cache.value_max. */
int cache_set(struct cache *c, struct str key, struct str value, int64_t ttl_ms, struct err *e);
int cache_del(struct cache *c, struct str key, struct err *e);

/* ---- rate limits ---- */
/* GCRA (https://www.itu.int/rec/T-REC-I.371, as in the virtual scheduling form): at most `burst` at once, `per_period` in each period_ms in
 * the long run. burst, per_period 1 .. 1,000,000; period_ms up to a day. */
struct cache_rate { int64_t per_period, period_ms, burst; };
/* Takes `cost` (1 .. burst). 1: allowed; 0: refused, nothing was taken, *ret_wait_ms (may be NULL) until it would be allowed. */
int cache_take(struct cache *c, struct str key, const struct cache_rate *rate, int64_t cost, int64_t *ret_wait_ms, struct err *e);

/* ---- messages: at most once, to whoever listens now; the truth lies elsewhere ---- */
struct cache_sub;
/* fn runs on the publisher's thread or one of the driver's; it must not wait and not call the cache. topic: as a key. */
int cache_subscribe(struct cache *c, struct str topic, void (*fn)(void *arg, struct str message), void *arg, struct cache_sub **ret_s, struct err *e);
void cache_unsubscribe(struct cache_sub *s);             /* when this returns, fn does not run and never will; NULL is fine */
int cache_publish(struct cache *c, struct str topic, struct str message, struct err *e);

struct cache_stats { int64_t hits, misses, entries, bytes, evicted; };
void cache_get_stats(struct cache *c, struct cache_stats *ret);

#endif
