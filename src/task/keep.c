/*
 * keep.c - what is due by the clock: leases to renew, leases that ran out, deadlines, unknown calls of decided tasks; and what a
 * process finds that starts after a crash.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "task/core.h"

#define ALARMS_AT_ONCE 32
#define ASKS_AT_ONCE   8
#define RENEWALS_MAX   4096          /* = task.runs_max at most */

/* ---- leases of our own ---- */

struct renewal {
    struct hand_job job;
    struct task_core *c;
    int64_t     until_ms;
    size_t      n;
    struct { int64_t id, fence; bool lost; } *list;
    int         rc;
    struct err  err;
};

static int renew_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct renewal *v = arg;
    for (size_t i = 0; i < v->n; i++) {
        int r = task__lease_renew(tx, v->list[i].id, v->list[i].fence, v->until_ms, e);
        if (r < 0)
            return r;
        v->list[i].lost = r == 0;
    }
    return 0;
}

static void renew_work(struct hand_job *j) {
    struct renewal *v = (struct renewal *)j;
    v->rc = core_write(v->c, renew_fn, v, &v->err);
}

static void renew_then(struct hand_job *j) {
    struct renewal *v = (struct renewal *)j;
    struct task_core *c = v->c;
    c->renewing = false;
    core_disk(c, v->rc);
    /* A lease that could not be renewed still stands: only another claim takes it, and that raises the fence. */
    if (v->rc < 0 && v->rc != ERR_DISK_FULL)
        log_event(LOG_ERROR, "task.renew", F_STR("doing", "retrying"), F_ERR(&v->err));
    for (size_t i = 0; v->rc >= 0 && i < v->n; i++)
        for (struct run *r = c->runs; v->list[i].lost && r; r = r->next)
            if (r->row.id == v->list[i].id && r->row.fence == v->list[i].fence && !r->late)
                run_drop(r, "its lease is gone");
    free(v->list);
    free(v);
}

static void renew(struct task_core *c) {
    struct renewal *v = calloc(1, sizeof(*v));
    assert(c->n_runs <= RENEWALS_MAX + TASK_CLAIM_MAX);
    if (!v || !(v->list = calloc((size_t)c->n_runs + 1, sizeof(*v->list))))
        abort();
    v->job = (struct hand_job){ .work = renew_work, .then = renew_then };
    v->c = c;
    v->until_ms = clock_ms() + c->lease_ms;
    for (const struct run *r = c->runs; r; r = r->next)
        if (!r->late && !r->gone) {
            v->list[v->n].id = r->row.id;
            v->list[v->n++].fence = r->row.fence;
        }
    c->renewing = true;
    hands_give(c->hands, &v->job);
}

/* ---- the tick ---- */

struct tick {
    struct hand_job job;
    struct task_core *c;
    int64_t     now_ms, alarm[ALARMS_AT_ONCE];
    int         n_alarms, at;
    struct task__attempt ask[ASKS_AT_ONCE];
    int         n_asks;
    int         rc;
    struct err  err;
};

DB_SQL(keep_alarms, "SELECT id FROM task WHERE alarm_ms > 0 AND alarm_ms <= ? ORDER BY alarm_ms LIMIT ?");
DB_SQL(keep_ran_out, "SELECT 1 FROM task WHERE lease_until_ms > 0 AND lease_until_ms < ? LIMIT 1");
DB_SQL(keep_asks, "SELECT id FROM attempt WHERE ask_ms > 0 AND ask_ms <= ? ORDER BY ask_ms LIMIT ?");
DB_SQL(keep_take_ask, "UPDATE attempt SET ask_ms = ? WHERE id = ? AND ask_ms > 0 AND ask_ms <= ?");

static int alarm_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct tick *t = arg;
    return task__alarm(tx, t->c, t->alarm[t->at], t->now_ms, e);
}

static int expire_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct tick *t = arg;
    return task__lease_expire(tx, t->c, t->now_ms, e);
}

/* An unknown attempt is taken by putting its next question off; asked for too long, it is written off. */
static int take_ask_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct tick *t = arg;
    struct task__attempt *a = &t->ask[t->n_asks];
    int r = task__attempt_load(tx, t->alarm[t->at], a, e);
    if (r < 0 || a->state != ATTEMPT_UNKNOWN)
        return r < 0 ? r : 0;
    if (t->now_ms - a->created_ms > t->c->late_ms) {
        struct err why;
        a->ask_ms = 0;
        err_set(&why, ERR_UNCERTAIN, "nobody could say what became of it");
        task__wake_stream(tx, t->c, a->task);
        return task__attempt_move(tx, a, ATTEMPT_WRITTEN_OFF, &why, e);
    }
    /* The older it is, the longer the pause. */
    int64_t changed, age_ms = t->now_ms - a->created_ms, wait_ms = t->c->ask_ms > age_ms / 8 ? t->c->ask_ms : age_ms / 8;
    if ((r = db_run(tx, &changed, e, &keep_take_ask, DB_INT(t->now_ms + wait_ms), DB_INT(a->id), DB_INT(t->now_ms))) < 0)
        return r;
    return changed == 1;
}

static int due(struct tick *t, const struct db_sql *q, int max) {
    DB_ROWS rows = { 0 };
    int n = 0, r = db_query(db_reader(t->c->db), &rows, &t->err, q, DB_INT(t->now_ms), DB_INT(max));
    while (r >= 0 && n < max && (r = db_next(&rows, &t->err)) > 0)
        t->alarm[n++] = db_int(&rows, 0);
    return r < 0 ? r : n;
}

static void tick_work(struct hand_job *j) {
    struct tick *t = (struct tick *)j;
    t->n_alarms = t->rc = due(t, &keep_alarms, ALARMS_AT_ONCE);
    for (t->at = 0; t->rc >= 0 && t->at < t->n_alarms; t->at++)
        if ((t->rc = core_write(t->c, alarm_fn, t, &t->err)) == ERR_RACE)
            t->rc = 0;               /* decided by somebody else meanwhile */
    if (t->rc < 0)
        return;
    {
        DB_ROWS rows = { 0 };
        t->rc = db_one(db_reader(t->c->db), &rows, &t->err, &keep_ran_out, DB_INT(t->now_ms));
    }
    if (t->rc > 0)
        while ((t->rc = core_write(t->c, expire_fn, t, &t->err)) == TASK_EXPIRE_MAX)
            ;
    if (t->rc < 0)
        return;
    int n = t->rc = due(t, &keep_asks, ASKS_AT_ONCE);
    for (t->at = 0; t->rc >= 0 && t->at < n; t->at++)
        if ((t->rc = core_write(t->c, take_ask_fn, t, &t->err)) > 0)
            t->n_asks++;
}

static bool is_being_asked(const struct task_core *c, int64_t attempt) {
    for (const struct run *r = c->runs; r; r = r->next)
        if (r->late && r->calls && r->calls->row.id == attempt)
            return true;
    return false;
}

static void tick_then(struct hand_job *j) {
    struct tick *t = (struct tick *)j;
    struct task_core *c = t->c;
    c->ticking = false;
    if (t->rc < 0)
        core_disk(c, t->rc);
    if (t->rc < 0 && t->rc != ERR_DISK_FULL)
        log_event(LOG_ERROR, "task.tick", F_STR("doing", "retrying"), F_ERR(&t->err));
    for (int i = 0; i < t->n_asks; i++) {
        const struct op *op = op_of(str_z(t->ask[i].op));
        const struct core_engine *g = core_engine_of(c, t->ask[i].engine);
        if (op && g && g->d->reconcile && !atomic_load(&c->stopping) && !is_being_asked(c, t->ask[i].id))
            run_add(c, call_late(c, &t->ask[i], op)->run);
    }
    free(t);
}

void keep_tick(struct task_core *c, int64_t now_ms) {
    if (atomic_load(&c->stopping))
        return;
    if (!c->renewing && now_ms >= c->renew_at_ms && c->n_runs > 0) {
        c->renew_at_ms = now_ms + c->lease_ms / 3;
        renew(c);
    }
    if (c->ticking)
        return;
    struct tick *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->job = (struct hand_job){ .work = tick_work, .then = tick_then };
    t->c = c;
    t->now_ms = clock_ms();
    c->ticking = true;
    hands_give(c->hands, &t->job);
}

/* ---- after a crash ---- */

DB_SQL(keep_leased, "SELECT id, fence FROM task WHERE lease_until_ms > 0 ORDER BY id LIMIT 1");
DB_SQL(keep_strays, "SELECT id FROM attempt WHERE state IN ('intent', 'submitted', 'fetching') ORDER BY id LIMIT 1");

struct recovery { struct task_core *c; int64_t tasks, attempts; };

/* One leased task, or one stray attempt, per round: a restart finds a few hundred at most. 1: there may be more. */
static int recover_fn(struct db_tx *tx, void *arg, struct err *e) {
    static const struct err lost = { ATTEMPT_LOST, "the server stopped in the middle of it" };
    struct recovery *v = arg;
    int64_t id = 0, fence = 0;
    int r;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &keep_leased)) > 0) {
            id = db_int(&rows, 0);
            fence = db_int(&rows, 1);
        }
    }
    if (r < 0)
        return r;
    if (r > 0) {
        v->tasks++;
        r = task__lease_give_back(tx, v->c, id, fence, "", e);
        return r < 0 ? r : 1;
    }
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &keep_strays)) <= 0)
            return r;
        id = db_int(&rows, 0);
    }
    struct task__attempt a;
    struct task_row t;
    v->attempts++;
    if ((r = task__attempt_load(tx, id, &a, e)) < 0 || (r = task__load(tx, a.task, &t, e)) < 0)
        return r;
    r = task__attempt_settle(tx, a.task, /* decided= */ !task__open(t.state), &lost, e);
    return r < 0 ? r : 1;
}

int keep_recover(struct task_core *c, struct err *e) {
    struct recovery v = { .c = c };
    int r;
    while ((r = core_write(c, recover_fn, &v, e)) > 0)
        ;
    if (r >= 0 && (v.tasks || v.attempts))
        log_event(LOG_INFO, "task.recovered", F_INT("tasks", v.tasks), F_INT("attempts", v.attempts));
    return r;
}
