/* id.c - one atomic counter of (ms, sequence) that only moves forward. */
#include "base/id.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"

#define EPOCH_MS INT64_C(1704067200000)        /* 2024-01-01T00:00:00Z */
#define NODE_BITS 8
#define SEQ_BITS 13
#define MS_MAX ((INT64_C(1) << 42) - 1)
#define DIGITS 13
#define KIND_MAX 16

static _Atomic uint64_t last;                  /* ms << SEQ_BITS | sequence of the newest id */
static _Atomic uint64_t node_bits;

void id_set_node(unsigned node) {
    assert(node < 1u << NODE_BITS);
    atomic_store(&node_bits, (uint64_t)node << SEQ_BITS);
}

int64_t id_new(void) {
    int64_t ms = clock_ms() - EPOCH_MS;
    ms = ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms;
    uint64_t now = (uint64_t)ms << SEQ_BITS, old = atomic_load_explicit(&last, memory_order_relaxed), next;
    do {
        /* A full sequence, or a clock that stepped back, borrows from the ms to come. */
        next = now > old ? now : old + 1;
    } while (!atomic_compare_exchange_weak_explicit(&last, &old, next, memory_order_relaxed, memory_order_relaxed));
    uint64_t seq = next & ((1u << SEQ_BITS) - 1);
    uint64_t id = (next >> SEQ_BITS) << (SEQ_BITS + NODE_BITS) | atomic_load_explicit(&node_bits, memory_order_relaxed) | seq;
    return (int64_t)(id & INT64_MAX);
}

void id_pass(int64_t seen) {
    uint64_t end = (uint64_t)seen >> (SEQ_BITS + NODE_BITS) << SEQ_BITS | ((1u << SEQ_BITS) - 1), old = atomic_load_explicit(&last, memory_order_relaxed);
    while (old < end && !atomic_compare_exchange_weak_explicit(&last, &old, end, memory_order_relaxed, memory_order_relaxed))
        ;
}

int64_t id_at_ms(int64_t ms) {
    ms -= EPOCH_MS;
    return (ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms) << (SEQ_BITS + NODE_BITS);
}

int64_t id_ms(int64_t id) { return (id >> (SEQ_BITS + NODE_BITS)) + EPOCH_MS; }

/* Crockford base32, https://www.crockford.com/base32.html (read 2026-11): no I, L, O, U. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

size_t id_text(char out[ID_TEXT_MAX], const char *kind, int64_t id) {
    size_t k = strlen(kind);
    assert(k >= 1 && k <= KIND_MAX && id > 0);
    memcpy(out, kind, k);
    out[k] = '_';
    uint64_t v = (uint64_t)id;
    for (size_t i = DIGITS; i-- > 0; v >>= 5)
        out[k + 1 + i] = alphabet[v & 31];
    out[k + 1 + DIGITS] = 0;
    return k + 1 + DIGITS;
}

int id_parse(struct str s, const char *kind, int64_t *ret_id) {
    size_t k = strlen(kind);
    if (s.n != k + 1 + DIGITS || memcmp(s.p, kind, k) != 0 || s.p[k] != '_')
        return ERR_BAD_INPUT;
    const char *p = s.p + k + 1;
    if (p[0] > '7')                            /* 13 digits are 65 bits, an id has 63 */
        return ERR_BAD_INPUT;
    uint64_t v = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        const char *at = memchr(alphabet, p[i], sizeof(alphabet) - 1);
        if (!at)
            return ERR_BAD_INPUT;
        v = v << 5 | (uint64_t)(at - alphabet);
    }
    if (v == 0)
        return ERR_BAD_INPUT;
    *ret_id = (int64_t)v;
    return 0;
}
