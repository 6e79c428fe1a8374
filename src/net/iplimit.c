/* iplimit.c - open addressing with linear probing; a removal shifts the cluster back, so no tombstones pile up. */
#include "net/iplimit.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

struct entry { uint64_t hi, lo; int32_t n; };      /* n == 0: empty */
struct iplimit {
    pthread_mutex_t lock;
    int             per_ip_max, conns_max, used;
    uint32_t        mask;
    uint64_t        seed;                          /* so that nobody can aim at one cluster */
    struct entry    entry[];
};

static struct entry key_of(const uint8_t ip[16]) {
    static const uint8_t v4[12] = { [10] = 0xff, 0xff };
    struct entry k = { 0 };
    memcpy(&k.hi, ip, 8);
    if (memcmp(ip, v4, 12) == 0)
        memcpy(&k.lo, ip + 8, 8);
    return k;
}

static uint32_t home(const struct iplimit *t, const struct entry *k) {
    uint64_t x = (k->hi ^ t->seed) * UINT64_C(0x9e3779b97f4a7c15) ^ k->lo;
    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(x >> 32) & t->mask;
}

struct iplimit *iplimit_new(int per_ip_max, int conns_max) {
    uint32_t cap = 64;
    while (per_ip_max && cap < (uint32_t)conns_max * 2)
        cap *= 2;
    struct iplimit *t = calloc(1, sizeof(*t) + cap * sizeof(t->entry[0]));
    if (!t)
        abort();
    pthread_mutex_init(&t->lock, NULL);
    t->per_ip_max = per_ip_max;
    t->conns_max = conns_max;
    t->mask = cap - 1;
    crypto_random(&t->seed, sizeof(t->seed));
    return t;
}

void iplimit_free(struct iplimit *t) {
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* The entry of k, or the empty one where it would go. The table is never more than half full. */
static struct entry *find(struct iplimit *t, const struct entry *k) {
    uint32_t i = home(t, k);
    while (t->entry[i].n && (t->entry[i].hi != k->hi || t->entry[i].lo != k->lo))
        i = (i + 1) & t->mask;
    return &t->entry[i];
}

bool iplimit_take(struct iplimit *t, const uint8_t ip[16]) {
    if (t->per_ip_max == 0)
        return true;
    struct entry k = key_of(ip);
    pthread_mutex_lock(&t->lock);
    struct entry *x = find(t, &k);
    bool ok = x->n ? x->n < t->per_ip_max : t->used < t->conns_max;
    if (ok && x->n == 0) {
        *x = k;
        t->used++;
    }
    x->n += ok;
    pthread_mutex_unlock(&t->lock);
    return ok;
}

static void remove_at(struct iplimit *t, uint32_t hole) {
    for (uint32_t i = (hole + 1) & t->mask; t->entry[i].n; i = (i + 1) & t->mask) {
        uint32_t h = home(t, &t->entry[i]);
        if (((i - h) & t->mask) >= ((i - hole) & t->mask)) {      /* it may stand at the hole: its home is not behind it */
            t->entry[hole] = t->entry[i];
            hole = i;
        }
    }
    t->entry[hole] = (struct entry){ 0 };
    t->used--;
}

void iplimit_drop(struct iplimit *t, const uint8_t ip[16]) {
    if (t->per_ip_max == 0)
        return;
    struct entry k = key_of(ip);
    pthread_mutex_lock(&t->lock);
    struct entry *x = find(t, &k);
    assert(x->n > 0);
    if (--x->n == 0)
        remove_at(t, (uint32_t)(x - t->entry));
    pthread_mutex_unlock(&t->lock);
}
