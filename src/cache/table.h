/*
 * table.h - bytes under a key, least recently used first out, bounded in bytes and in entries.
 * Keys may be chosen by attackers: buckets are picked by SipHash with a secret of the process.
 * Threads: one at a time (driver_memory.c locks).
 */
#ifndef ZT_CACHE_TABLE_H
#define ZT_CACHE_TABLE_H

#include "base/str.h"

struct table_entry {
    struct table_entry *next;             /* in its bucket */
    struct table_entry *older, *newer;    /* by last use */
    int64_t  expires_ms;                  /* clock_ms() */
    uint32_t bucket, key_n, value_n;
    char     bytes[];                     /* key, then value */
};
struct table {
    struct table_entry **buckets, *oldest, *newest;
    uint32_t n_buckets;                   /* a power of two */
    uint8_t  secret[16];
    int64_t  bytes, bytes_max, n, n_max, evicted;
};

void table_init(struct table *t, int64_t bytes_max, int64_t n_max);
void table_done(struct table *t);
/* NULL when absent or past its end. What is found counts as used. Valid until the next call that changes the table. */
struct table_entry *table_get(struct table *t, struct str key, int64_t now_ms);
/* Replaces; evicts what must go. A value larger than the whole table is not kept. */
void table_set(struct table *t, struct str key, struct str value, int64_t expires_ms);
void table_del(struct table *t, struct str key);
static inline struct str table_value(const struct table_entry *e) { return (struct str){ e->bytes + e->key_n, e->value_n }; }

#endif
