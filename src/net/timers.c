/* timers.c - sift up, sift down. */
#include "net/timers.h"

#include <stdlib.h>

static void place(struct timers *h, struct timer *t, uint32_t pos) {
    h->heap[pos - 1] = t;
    t->pos = pos;
}

static void sift(struct timers *h, struct timer *t, uint32_t pos) {
    while (pos > 1 && h->heap[pos / 2 - 1]->at_ms > t->at_ms) {
        place(h, h->heap[pos / 2 - 1], pos);
        pos /= 2;
    }
    for (uint32_t child; (child = pos * 2) <= h->n; pos = child) {
        if (child < h->n && h->heap[child]->at_ms < h->heap[child - 1]->at_ms)
            child++;
        if (h->heap[child - 1]->at_ms >= t->at_ms)
            break;
        place(h, h->heap[child - 1], pos);
    }
    place(h, t, pos);
}

void timers_set(struct timers *h, struct timer *t, int64_t at_ms) {
    t->at_ms = at_ms;
    if (t->pos == 0) {
        if (h->n == h->cap) {
            h->cap = h->cap ? h->cap * 2 : 64;
            h->heap = realloc(h->heap, h->cap * sizeof(*h->heap));
            if (!h->heap)
                abort();
        }
        t->pos = ++h->n;
    }
    sift(h, t, t->pos);
}

void timers_clear(struct timers *h, struct timer *t) {
    uint32_t pos = t->pos;
    if (pos == 0)
        return;
    struct timer *last = h->heap[--h->n];
    t->pos = 0;
    if (last != t)
        sift(h, last, pos);
}

struct timer *timers_first(const struct timers *h) { return h->n ? h->heap[0] : NULL; }

void timers_done(struct timers *h) {
    free(h->heap);
    *h = (struct timers){ 0 };
}
