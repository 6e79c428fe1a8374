/*
 * lease.c - who may work on a task. A lease is a number (the fence) and an end; each claim raises the number, so that whatever an
 * overtaken worker still writes names an old one and changes nothing.
 */
#include "task/internal.h"

#include <assert.h>
#include "base/clock.h"
#include <stdio.h>

DB_SQL(lease_next, "SELECT id FROM task WHERE in_line = 1 AND engine = ? ORDER BY turn, id LIMIT ?");
DB_SQL(lease_renew, "UPDATE task SET lease_until_ms = ? WHERE id = ? AND fence = ? AND lease_until_ms > 0");
DB_SQL(lease_ran_out, "SELECT id FROM task WHERE lease_until_ms > 0 AND lease_until_ms < ? ORDER BY lease_until_ms LIMIT ?");

/* Ids first: the rows are changed while one would walk along them. */
static int ids(struct db_tx *tx, struct db_rows *rows, int64_t *ret, int max, struct err *e) {
    int n = 0, r;
    while (n < max && (r = db_next(rows, e)) != 0) {
        if (r < 0)
            return r;
        ret[n++] = db_int(rows, 0);
    }
    return n;
}

/* 1: leased; 0: it was given up instead. */
static int claim_one(struct db_tx *tx, struct task_core *c, const struct task__claim *k, int64_t id, int64_t *ret_fence, struct err *e) {
    struct task_row t;
    int r = task__load(tx, id, &t, e);
    if (r < 0)
        return r;
    int64_t now = clock_ms();
    t.claims++;
    if (t.claims > k->claims_max) {
        /* Something about it kills whoever works on it. */
        struct err why;
        err_set(&why, ERR_INTERNAL, "given up after %lld starts", (long long)t.claims - 1);
        return task__fail(tx, c, &t, &why, e);
    }
    t.fence++;
    t.in_line = false;
    t.lease_until_ms = now + k->lease_ms;
    if (t.started_ms == 0) {
        t.started_ms = now;
        t.deadline_ms = t.alarm_ms = now + t.limit_ms;
    }
    if ((r = task__save(tx, c, &t, e)) < 0 || (r = task__turn_claimed(tx, t.turn, e)) < 0)
        return r;
    *ret_fence = t.fence;
    return 1;
}

int task__lease_claim(struct db_tx *tx, struct task_core *c, struct task__claim *k, struct err *e) {
    assert(k->max >= 1 && k->max <= TASK_CLAIM_MAX);
    int64_t next[TASK_CLAIM_MAX];
    int n;
    k->n = 0;
    {
        DB_ROWS rows = { 0 };
        int r = db_query(tx, &rows, e, &lease_next, DB_TEXT(k->engine), DB_INT(k->max));
        if (r < 0 || (n = ids(tx, &rows, next, k->max, e)) < 0)
            return r < 0 ? r : n;
    }
    for (int i = 0; i < n; i++) {
        int r = claim_one(tx, c, k, next[i], &k->fence[k->n], e);
        if (r < 0)
            return r;
        if (r > 0)
            k->id[k->n++] = next[i];
    }
    return 0;
}

int task__lease_renew(struct db_tx *tx, int64_t id, int64_t fence, int64_t until_ms, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &lease_renew, DB_INT(until_ms), DB_INT(id), DB_INT(fence));
    return r < 0 ? r : changed == 1;
}

/* Into the line again, under a new fence. */
static int put_back(struct db_tx *tx, struct task_core *c, struct task_row *t, const char *engine, struct err *e) {
    static const struct err lost = { ATTEMPT_LOST, "the worker went away" };
    t->fence++;
    t->in_line = true;
    t->lease_until_ms = 0;
    if (engine[0])
        snprintf(t->engine, sizeof(t->engine), "%s", engine);
    int r = task__attempt_settle(tx, t->id, /* decided= */ false, &lost, e);
    if (r < 0)
        return r;
    task__taken_away(tx, c, t->id);
    return task__save(tx, c, t, e);
}

int task__lease_give_back(struct db_tx *tx, struct task_core *c, int64_t id, int64_t fence, const char *engine, struct err *e) {
    struct task_row t;
    int r = task__load_leased(tx, id, fence, &t, e);
    return r < 0 ? r : put_back(tx, c, &t, engine, e);
}

int task__lease_expire(struct db_tx *tx, struct task_core *c, int64_t now_ms, struct err *e) {
    int64_t late[TASK_EXPIRE_MAX];
    int n;
    {
        DB_ROWS rows = { 0 };
        int r = db_query(tx, &rows, e, &lease_ran_out, DB_INT(now_ms), DB_INT(TASK_EXPIRE_MAX));
        if (r < 0 || (n = ids(tx, &rows, late, TASK_EXPIRE_MAX, e)) < 0)
            return r < 0 ? r : n;
    }
    for (int i = 0; i < n; i++) {
        struct task_row t;
        int r = task__load(tx, late[i], &t, e);
        if (r < 0 || (r = put_back(tx, c, &t, "", e)) < 0)
            return r;
    }
    return n;
}
