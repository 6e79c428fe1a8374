/*
 * unlike.h - the guarantee: who does not find themselves in the pictures gets others for nothing, once, and then their money.
 * Threads: write functions.
 */
#ifndef ZT_SHOP_UNLIKE_H
#define ZT_SHOP_UNLIKE_H

#include "base/err.h"

struct db_tx;
struct shop;
struct task_core;

/*
 * task: one of that account, whose pictures are there. The first time: the same once more under the id new_task, *ret_task is that. Of a task that was
 * made again, and of one whose re-run failed: everything that the first one cost comes back, as money where it was bought, else as credits; *ret_task is 0.
 * ERR_STATE: nothing to dislike yet, or it was disliked before, or it cost nothing, or more than shop.unlikes tasks of the account were made again in 30 days.
 * ERR_UNLIKE_LATE: shop.unlike_for is over. ERR_UNLIKE_GONE: its photos or its recipe are not there any more.
 */
int shop_unlike(struct db_tx *tx, struct shop *s, struct task_core *c, int64_t account, int64_t task, int64_t new_task, int64_t *ret_task, struct err *e);

#endif
