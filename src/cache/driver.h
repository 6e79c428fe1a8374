/*
 * driver.h - what a cache must be able to do (drivers.def). The limits of cache.h are checked before a driver is called.
 * Threads: any, several at once.
 * Used by: cache/ only.
 */
#ifndef ZT_CACHE_DRIVER_H
#define ZT_CACHE_DRIVER_H

#include "cache/cache.h"

struct cache_driver {
    const char *name;
    int  (*open)(const struct config *cfg, void **ret_self, struct err *e);
    void (*close)(void *self);
    int  (*get)(void *self, struct str key, struct buf *out, struct err *e);
    int  (*set)(void *self, struct str key, struct str value, int64_t ttl_ms, struct err *e);
    int  (*del)(void *self, struct str key, struct err *e);
    /* emit_us: between two of cost 1; reach_us: how far the schedule may run ahead of now. */
    int  (*take)(void *self, struct str key, int64_t emit_us, int64_t reach_us, int64_t cost, int64_t *ret_wait_ms, struct err *e);
    int  (*subscribe)(void *self, struct str topic, void (*fn)(void *arg, struct str message), void *arg, void **ret_sub, struct err *e);
    void (*unsubscribe)(void *self, void *sub);
    int  (*publish)(void *self, struct str topic, struct str message, struct err *e);
    void (*stats)(void *self, struct cache_stats *ret);
};

extern const struct cache_driver *const cache_drivers[]; /* ended by NULL; for cache.c and the contract test */

#endif
