/*
 * timers.h - deadlines of many things, nearest first: a binary heap of pointers to timers that live inside their owners.
 * A deadline that moves later costs nothing: the owner keeps the true one and sets the timer again when it fires early.
 * Owns: the array of pointers.  Threads: one (each event thread has its own).
 */
#ifndef ZT_NET_TIMERS_H
#define ZT_NET_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t  at_ms;                /* clock_mono_ms() */
    uint32_t pos;                  /* 1-based place in the heap; 0: not set */
};
struct timers {
    struct timer **heap;
    uint32_t       n, cap;
};

void timers_set(struct timers *h, struct timer *t, int64_t at_ms);   /* sets or moves */
void timers_clear(struct timers *h, struct timer *t);                /* not set: nothing */
struct timer *timers_first(const struct timers *h);                  /* NULL when none is set */
void timers_done(struct timers *h);

#endif
