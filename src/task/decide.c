/*
 * decide.c - the ends of a task. Each is one transaction: the state, the hold, the candidates, the layers nobody needs any more, the
 * days on which originals and results die, the event.
 */
#include "task/internal.h"

#include <assert.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/planted.h"
#include "blob/blob.h"
#include "ledger/ledger.h"
#include "task/core.h"

#define OPEN_STATES "('queued', 'preparing', 'running', 'checking')"
/* A photo that another open task still needs is left to that one's end. It is one of the same account (create.c), whose open tasks are few:
 * CROSS JOIN and the + make SQLite go through those, and not through all tasks that were ever made of the photo. */
DB_SQL(decide_inputs, "SELECT DISTINCT i.asset_id FROM task_input i WHERE i.task_id = ? AND NOT EXISTS (SELECT 1 FROM task p "
                      "CROSS JOIN task_input o WHERE p.account_id = ? AND p.state IN " OPEN_STATES " AND p.id <> i.task_id "
                      "AND o.task_id = p.id AND +o.asset_id = i.asset_id)");
DB_SQL(decide_backdrop, "SELECT 1 FROM task WHERE account_id = ? AND backdrop_asset = ? AND id <> ? AND state IN " OPEN_STATES " LIMIT 1");
DB_SQL(open_with_input, "SELECT t.id FROM task_input i JOIN task t ON t.id = i.task_id WHERE i.asset_id = ? AND t.account_id = ? AND t.state IN " OPEN_STATES " LIMIT 1");
DB_SQL(open_with_backdrop, "SELECT id FROM task WHERE account_id = ? AND backdrop_asset = ? AND state IN " OPEN_STATES " LIMIT 1");
DB_SQL(decide_work, "SELECT a.id, a.asset_id FROM attempt a WHERE a.task_id = ? AND a.asset_id <> 0 AND NOT EXISTS "
                    "(SELECT 1 FROM candidate k WHERE k.task_id = a.task_id AND k.asset_id = a.asset_id)");
DB_SQL(decide_work_gone, "UPDATE attempt SET asset_id = 0 WHERE id = ?");
DB_SQL(decide_fine, "SELECT COUNT(*) FROM candidate WHERE task_id = ? AND verdict = 1");

/* Assets are named by id, children die with their parent; ERR_NOT_FOUND means that the owner was faster. */
static int keep_until(struct db_tx *tx, int64_t asset, int64_t at_ms, struct err *e) {
    int r = blob_asset_keep_until(tx, asset, at_ms, e);
    return r == ERR_NOT_FOUND ? 0 : r;
}

/* Originals live a fixed time after the result. */
static int inputs_end(struct db_tx *tx, const struct task_row *t, struct err *e) {
    int64_t list[TASK_PEOPLE_MAX + 1], at_ms = t->ended_ms + t->keep_inputs_ms;
    size_t n = 0;
    {
        DB_ROWS rows = { 0 };
        int r = db_query(tx, &rows, e, &decide_inputs, DB_INT(t->id), DB_INT(t->account));
        while (r >= 0 && n < TASK_PEOPLE_MAX && (r = db_next(&rows, e)) > 0)
            list[n++] = db_int(&rows, 0);
        if (r < 0)
            return r;
    }
    if (t->backdrop) {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, &decide_backdrop, DB_INT(t->account), DB_INT(t->backdrop), DB_INT(t->id));
        if (r < 0)
            return r;
        if (r == 0)
            list[n++] = t->backdrop;
    }
    for (size_t i = 0; i < n; i++) {
        int r = keep_until(tx, list[i], at_ms, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Layers and pictures that are no candidate any more. */
static int work_ends(struct db_tx *tx, const struct task_row *t, struct err *e) {
    enum { ROUND = 32 };
    for (;;) {
        int64_t attempt[ROUND], asset[ROUND];
        int n = 0, r;
        {
            DB_ROWS rows = { 0 };
            r = db_query(tx, &rows, e, &decide_work, DB_INT(t->id));
            while (r >= 0 && n < ROUND && (r = db_next(&rows, e)) > 0) {
                attempt[n] = db_int(&rows, 0);
                asset[n++] = db_int(&rows, 1);
            }
            if (r < 0)
                return r;
        }
        for (int i = 0; i < n; i++) {
            if ((r = blob_asset_delete(tx, asset[i], 0, e)) < 0 && r != ERR_NOT_FOUND)
                return r;
            if ((r = db_run(tx, NULL, e, &decide_work_gone, DB_INT(attempt[i]))) < 0)
                return r;
        }
        if (n < ROUND)
            return 0;
    }
}

/* What every end has in common. The move comes last, so that the event tells the whole outcome. */
static int end(struct db_tx *tx, struct task_core *c, struct task_row *t, enum task_state to, int64_t captured, const struct err *why,
               struct err *e) {
    static const struct err over = { ATTEMPT_LOST, "the task was decided without it" };
    bool keep = to == TASK_CHOOSING;
    int fine = 0, r;
    if ((r = task__attempt_settle(tx, t->id, /* decided= */ true, &over, e)) < 0)
        return r;
    t->ended_ms = clock_ms();
    if ((r = task__candidate_decide(tx, t->id, keep, t->ended_ms + t->keep_outputs_ms, &fine, e)) < 0)
        return r;
    if ((r = work_ends(tx, t, e)) < 0 || (r = inputs_end(tx, t, e)) < 0)
        return r;
    if ((keep || !planted(PLANTED_REFUND_FORGOTTEN)) && (r = ledger_resolve(tx, t->id, captured, e)) < 0)
        return r;
    t->delivered = fine;
    t->progress_pm = keep ? 1000 : t->progress_pm;
    t->alarm_ms = keep ? t->ended_ms + t->choose_ms : 0;
    if (why)
        task__set_error(t, why);
    return task__move(tx, c, t, to, e);
}

int task__fail(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct err *why, struct err *e) {
    assert(task__open(t->state));
    return end(tx, c, t, TASK_FAILED, 0, why, e);
}

int task__decide(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct err *why, struct err *e) {
    assert(task__open(t->state));
    int64_t fine;
    {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, &decide_fine, DB_INT(t->id));
        if (r < 0)
            return r;
        fine = r > 0 ? db_int(&rows, 0) : 0;
    }
    if (fine < t->need) {
        struct task__checks checks;
        struct err none;
        int r = task__checks_failed(tx, t->id, &checks, e);
        if (r < 0)
            return r;
        err_set(&none, ERR_TASK_NO_RESULT, "%lld of %d pictures passed the checks, %d are needed", (long long)fine, t->asked, t->need);
        task__checks_say(&checks, &none);
        return task__fail(tx, c, t, why ? why : &none, e);
    }
    /* Every state of the way is passed, also when a call did the work of two or the deadline cut it short. */
    for (enum task_state s = t->state + 1; s <= TASK_CHECKING; s++) {
        int r = task__move(tx, c, t, s, e);
        if (r < 0)
            return r;
    }
    return end(tx, c, t, TASK_CHOOSING, t->price * fine / t->asked, NULL, e);
}

int task_pick(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, int candidate, struct err *e) {
    struct task_row t;
    int r = task__load(tx, task, &t, e);
    if (r < 0)
        return r;
    if (account && t.account != account)
        return err_set(e, ERR_NOT_FOUND, "no such task");
    if (t.state == TASK_DONE && t.picked == candidate)
        return 0;                                           /* said twice */
    if (t.state != TASK_CHOOSING)
        return err_set(e, ERR_STATE, "the task is %s", task_state_name(t.state));
    CLEANUP(arena_free) struct arena *a = arena_new(1u << 20);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n = 0;
    if ((r = task__candidate_list(tx, task, a, all, COUNT(all), &n, e)) < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        struct blob_asset picture;
        if (all[i].ix != candidate || all[i].place == 0)
            continue;
        if ((r = blob_asset_get(tx, a, all[i].asset, t.account, &picture, e)) <= 0)
            return r < 0 ? r : err_set(e, ERR_GONE, "picture %d of this task was deleted; choose another of it", candidate);
        t.picked = candidate;
        return task__move(tx, c, &t, TASK_DONE, e);
    }
    return err_set(e, ERR_BAD_INPUT, "there is no candidate %d to pick", candidate);
}

int task_cancel(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, struct err *e) {
    struct task_row t;
    int r = task__load(tx, task, &t, e);
    if (r < 0)
        return r;
    if (account && t.account != account)
        return err_set(e, ERR_NOT_FOUND, "no such task");
    if (t.state == TASK_CANCELLED)
        return 0;
    if (!task__open(t.state))
        return err_set(e, ERR_STATE, "the task is %s", task_state_name(t.state));
    return end(tx, c, &t, TASK_CANCELLED, 0, NULL, e);
}

/* One at a time: a cancelled task is not found again, and no rows stay open while it is moved. */
int task_cancel_using(struct db_tx *tx, struct task_core *c, int64_t asset, int64_t account, struct err *e) {
    for (;;) {
        int64_t task = 0;
        int r;
        {
            DB_ROWS rows;
            r = db_one(tx, &rows, e, &open_with_input, DB_INT(asset), DB_INT(account));
            if (r == 1)
                task = db_int(&rows, 0);
        }
        if (r == 0) {
            DB_ROWS rows;
            r = db_one(tx, &rows, e, &open_with_backdrop, DB_INT(account), DB_INT(asset));
            if (r == 1)
                task = db_int(&rows, 0);
        }
        if (r <= 0 || (r = task_cancel(tx, c, task, account, e)) < 0)
            return r;
    }
}

DB_SQL(decide_with_engine, "SELECT 1 FROM attempt WHERE task_id = ? AND state IN ('submitted', 'fetching', 'unknown') LIMIT 1");

/* Why the time was not enough. Whoever has a call at a service that may still answer has waited for that call, whatever became of its lane meanwhile;
 * and a lane that was shut for the smaller part of the time is not the reason. */
static int why_late(struct db_tx *tx, struct task_core *c, const struct task_row *t, struct err *why, struct err *e) {
    int64_t shut_ms = core_shut_ms(c, t->engine), had_ms = clock_ms() - (t->started_ms ? t->started_ms : t->created_ms);
    DB_ROWS rows = { 0 };
    int r = shut_ms < 0 || (shut_ms && 2 * shut_ms >= had_ms) ? db_one(tx, &rows, e, &decide_with_engine, DB_INT(t->id)) : 1;
    if (r < 0)
        return r;
    if (r == 0 && shut_ms < 0)
        err_set(why, ERR_ENGINE_SHUT, "it was not there any more");
    else if (r == 0)
        err_set(why, ERR_ENGINE_SHUT, "it took nothing for %lld s", (long long)(shut_ms / 1000));
    else if (t->started_ms)
        err_set(why, ERR_TASK_DEADLINE, "not finished %lld s after its start", (long long)(t->limit_ms / 1000));
    else
        err_set(why, ERR_TASK_DEADLINE, "nobody could start it in time");
    return 0;
}

int task__alarm(struct db_tx *tx, struct task_core *c, int64_t id, int64_t now_ms, struct err *e) {
    struct task_row t;
    int r = task__load(tx, id, &t, e);
    if (r < 0)
        return r;
    if (t.alarm_ms == 0 || t.alarm_ms > now_ms)
        return 0;                                           /* somebody was faster */
    if (t.state == TASK_CHOOSING)
        return task__move(tx, c, &t, TASK_DONE, e);
    assert(task__open(t.state));
    struct err why;
    if ((r = why_late(tx, c, &t, &why, e)) < 0)
        return r;
    return task__decide(tx, c, &t, &why, e);
}

int task__late(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct task__candidate *k, struct err *e) {
    assert(task__wants_late(t));
    bool again = t->state == TASK_FAILED;
    int64_t now = clock_ms(), base = again ? now : t->ended_ms;
    int fine, r;
    if ((r = task__candidate_put(tx, k, e)) < 0)
        return r;
    if ((r = task__candidate_decide(tx, t->id, /* keep= */ true, base + t->keep_outputs_ms, &fine, e)) < 0)
        return r;
    t->delivered = fine;
    if (!again) {
        r = task__tell_state(tx, t, e);
        return r < 0 ? r : task__save(tx, c, t, e);
    }
    t->given_free = true;
    t->error_code[0] = t->error_text[0] = '\0';
    t->progress_pm = 1000;
    t->ended_ms = now;
    t->alarm_ms = now + t->choose_ms;
    return task__move(tx, c, t, TASK_CHOOSING, e);
}
