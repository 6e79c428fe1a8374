/* table.c - a chained hash table whose entries also stand in one list by last use. */
#include "cache/table.h"

#include <sodium/crypto_shorthash.h>
#include <stdlib.h>

#include "base/crypto.h"

#define ENTRY_GUESS_BYTES 256             /* to choose the number of buckets */

void table_init(struct table *t, int64_t bytes_max, int64_t n_max) {
    _Static_assert(sizeof(t->secret) == crypto_shorthash_KEYBYTES, "SipHash key");
    int64_t expected = bytes_max / ENTRY_GUESS_BYTES < n_max ? bytes_max / ENTRY_GUESS_BYTES : n_max;
    *t = (struct table){ .bytes_max = bytes_max, .n_max = n_max, .n_buckets = 16 };
    while (t->n_buckets < expected && t->n_buckets < 1u << 24)
        t->n_buckets *= 2;
    t->buckets = calloc(t->n_buckets, sizeof(struct table_entry *));
    if (!t->buckets)
        abort();
    crypto_random(t->secret, sizeof(t->secret));
}

static uint32_t bucket_of(const struct table *t, struct str key) {
    uint64_t h;
    crypto_shorthash((unsigned char *)&h, (const unsigned char *)key.p, key.n, t->secret);
    return (uint32_t)h & (t->n_buckets - 1);
}

static int64_t cost_of(const struct table_entry *e) { return (int64_t)sizeof(*e) + e->key_n + e->value_n; }

static void unlink_use(struct table *t, struct table_entry *e) {
    *(e->older ? &e->older->newer : &t->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &t->newest) = e->older;
}

static void link_newest(struct table *t, struct table_entry *e) {
    e->newer = NULL;
    e->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = e;
    t->newest = e;
}

static void drop(struct table *t, struct table_entry *e) {
    struct table_entry **at = &t->buckets[e->bucket];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_use(t, e);
    t->bytes -= cost_of(e);
    t->n--;
    free(e);
}

static struct table_entry *find(const struct table *t, struct str key) {
    for (struct table_entry *e = t->buckets[bucket_of(t, key)]; e; e = e->next)
        if (str_eq((struct str){ e->bytes, e->key_n }, key))
            return e;
    return NULL;
}

void table_done(struct table *t) {
    while (t->oldest)
        drop(t, t->oldest);
    free(t->buckets);
}

struct table_entry *table_get(struct table *t, struct str key, int64_t now_ms) {
    struct table_entry *e = find(t, key);
    if (!e)
        return NULL;
    if (e->expires_ms <= now_ms) {
        drop(t, e);
        return NULL;
    }
    unlink_use(t, e);
    link_newest(t, e);
    return e;
}

void table_del(struct table *t, struct str key) {
    struct table_entry *e = find(t, key);
    if (e)
        drop(t, e);
}

void table_set(struct table *t, struct str key, struct str value, int64_t expires_ms) {
    int64_t cost = (int64_t)(sizeof(struct table_entry) + key.n + value.n);
    table_del(t, key);
    if (cost > t->bytes_max)
        return;
    while (t->bytes + cost > t->bytes_max || t->n >= t->n_max) {
        drop(t, t->oldest);
        t->evicted++;
    }
    struct table_entry *e = malloc((size_t)cost);
    if (!e)
        abort();
    *e = (struct table_entry){ .expires_ms = expires_ms, .bucket = bucket_of(t, key), .key_n = (uint32_t)key.n, .value_n = (uint32_t)value.n };
    memcpy(e->bytes, key.p, key.n);
    if (value.n)
        memcpy(e->bytes + key.n, value.p, value.n);
    e->next = t->buckets[e->bucket];
    t->buckets[e->bucket] = e;
    link_newest(t, e);
    t->bytes += cost;
    t->n++;
}
