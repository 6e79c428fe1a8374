/*
 * pool.h - the bounded pool of worker threads for whatever may wait.
 * Three lines stand before it, so that what takes long cannot keep all workers, and what must always answer finds one:
 *   POOL_URGENT   of four workers or more one takes nothing else
 *   POOL_NORMAL
 *   POOL_BULK     of four workers or more at most three quarters are at it; while none is, every ninth job is one of these
 * Owns: its threads.  A job belongs to its submitter and is embedded in the submitter's own struct; nothing is allocated.
 * Threads: any may submit.
 */
#ifndef ZT_NET_POOL_H
#define ZT_NET_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "net/admission.h"

enum pool_line { POOL_NORMAL, POOL_URGENT, POOL_BULK, POOL_LINES };

struct pool;
struct pool_job {
    void (*run)(struct pool_job *j);      /* on a pool thread; the job may be freed or submitted again inside */
    enum pool_line   line;
    bool             late;                /* set before run(): it waited so long in a pressed line that it should be refused, if it may be and was not begun */
    struct pool_job *next;                /* the pool's own, as is: */
    struct admission_ticket ticket;
};

/* nice: 0, or up to 19 for threads that give way to all others. target_us, bulk_target_us: of the lines' admission. */
struct pool_conf { int threads, queue_max, nice; int64_t target_us, bulk_target_us; };
int pool_new(const struct pool_conf *conf, struct pool **ret_p, struct err *e);
/* Runs what is queued, then ends the threads. NULL is fine. */
void pool_free(struct pool *p);
/* New work: false when queue_max jobs wait already; as many again may wait in POOL_URGENT. */
bool pool_submit(struct pool *p, struct pool_job *j);
/* The next step of work that was admitted before (a part of an upload, its end): never refused, since admitted work is bounded elsewhere. */
void pool_continue(struct pool *p, struct pool_job *j);
/* To ask before submitting; the pool notes who comes and goes. */
struct admission *pool_admission(struct pool *p, enum pool_line line);

struct pool_stats { int64_t queued, busy, refused; };
void pool_get_stats(struct pool *p, struct pool_stats *ret);

#endif
