/*
 * hands.h - a few threads that wait for the disk, so that the dispatcher never does.
 * A job's work() runs on a hand in straight lines; its then() runs on the dispatcher when it takes the finished jobs back, in the
 * order they ended. A job is its owner's memory and is given once at a time, so the queue is as long as there are owners.
 * Threads: hands_give from any; hands_take_back from one.
 */
#ifndef ZT_TASK_HANDS_H
#define ZT_TASK_HANDS_H

#include <stdbool.h>
#include "base/err.h"

struct hands;
struct hand_job {
    void (*work)(struct hand_job *j);
    void (*then)(struct hand_job *j);
    struct hand_job *next;           /* the queues' own */
};

/* ready(arg) is called on a hand after each finished job. n: 1..64. */
int hands_new(int n, void (*ready)(void *arg), void *arg, struct hands **ret_h, struct err *e);
void hands_give(struct hands *h, struct hand_job *j);
/* Runs then() of every finished job; returns how many. */
int hands_take_back(struct hands *h);
/* Waits for the next finished job: true when there is one to take back, false when none is under way any more. Each job has its own limits. */
bool hands_wait(struct hands *h);
/* Ends the threads after the jobs already given; the finished ones are dropped. NULL is fine. */
void hands_free(struct hands *h);

#endif
