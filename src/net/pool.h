/*
 * pool.h - the bounded pool of worker threads for whatever may wait.
 * Owns: its threads.  A job belongs to its submitter and is embedded in the submitter's own struct; nothing is allocated.
 * Threads: any may submit.
 */
#ifndef ZT_NET_POOL_H
#define ZT_NET_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct pool;
struct pool_job {
    void (*run)(struct pool_job *j);      /* on a pool thread; the job may be freed or submitted again inside */
    struct pool_job *next;                /* the pool's own */
};

/* nice: 0, or up to 19 for threads that give way to all others. */
int pool_new(int threads, int queue_max, int nice, struct pool **ret_p, struct err *e);
/* Runs what is queued, then ends the threads. NULL is fine. */
void pool_free(struct pool *p);
/* New work: false when queue_max jobs wait already. */
bool pool_submit(struct pool *p, struct pool_job *j);
/* The next step of work that was admitted before (a part of an upload, its end): never refused, since admitted work is bounded elsewhere. */
void pool_continue(struct pool *p, struct pool_job *j);

struct pool_stats { int64_t queued, busy, refused; };
void pool_get_stats(struct pool *p, struct pool_stats *ret);

#endif
