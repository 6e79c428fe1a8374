/*
 * verify.c - proves what task.h promises from the rows alone; each broken promise is one line. Run it on a snapshot to check a live
 * database. The hold is asked of the ledger, assets of blob.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "blob/blob.h"
#include "ledger/ledger.h"
#include "task/internal.h"

struct check {
    struct db_tx *tx;
    void        (*say)(void *ctx, const char *what);
    void         *ctx;
    struct err   *e;
    int           told;
};

static void __attribute__((format(printf, 3, 4))) tell(struct check *c, int64_t task, const char *fmt, ...) {
    char line[240], id[ID_TEXT_MAX];
    id_text(id, "task", task);
    int n = task ? snprintf(line, sizeof(line), "%s: ", id) : 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    c->say(c->ctx, line);
    c->told++;
}

/* One number of a query about one task; 0 when there is no row. */
static int number(struct check *c, const struct db_sql *q, int64_t task, int64_t *ret) {
    DB_ROWS rows = { 0 };
    int r = db_one(c->tx, &rows, c->e, q, DB_INT(task));
    if (r >= 0)
        *ret = r > 0 ? db_int(&rows, 0) : 0;
    return r;
}

static void check_row(struct check *c, const struct task_row *t) {
    bool open = task__open(t->state);
    if (t->in_line && t->lease_until_ms)
        tell(c, t->id, "stands in line and is leased");
    if (open && !t->in_line && !t->lease_until_ms)
        tell(c, t->id, "is %s, and neither stands in line nor is leased", task_state_name(t->state));
    if (!open && (t->in_line || t->lease_until_ms))
        tell(c, t->id, "is %s and still stands in line or is leased", task_state_name(t->state));
    if ((open || t->state == TASK_CHOOSING) != (t->alarm_ms != 0))
        tell(c, t->id, "is %s with alarm %lld", task_state_name(t->state), (long long)t->alarm_ms);
    if (open != (t->ended_ms == 0))
        tell(c, t->id, "is %s with end %lld", task_state_name(t->state), (long long)t->ended_ms);
    if (t->picked >= 0 && t->state != TASK_DONE)
        tell(c, t->id, "is %s and has a pick", task_state_name(t->state));
    if ((t->state == TASK_FAILED) != (t->error_code[0] != '\0'))
        tell(c, t->id, "is %s with error '%s'", task_state_name(t->state), t->error_code);
}

static int check_money(struct check *c, const struct task_row *t) {
    struct ledger_hold_state h;
    int r = ledger_hold_get(c->tx, t->id, &h, c->e);
    if (r < 0)
        return r;
    if (r == 0) {
        tell(c, t->id, "has no hold");
        return 0;
    }
    bool result = t->state == TASK_CHOOSING || t->state == TASK_DONE;
    int64_t due = result && !t->given_free ? t->price * t->delivered / t->asked : 0;
    if (h.account != t->account || h.credits != t->price)
        tell(c, t->id, "is %lld credits of account %lld, its hold %lld of %lld", (long long)t->price, (long long)t->account,
             (long long)h.credits, (long long)h.account);
    if (h.held != task__open(t->state))
        tell(c, t->id, "is %s and its hold is %s", task_state_name(t->state), h.held ? "open" : "resolved");
    /* A late result after choosing raises `delivered` for free: less was captured, never more. */
    if (h.captured > due || (h.captured < due && t->delivered == t->need))
        tell(c, t->id, "delivered %d of %d for %lld, captured %lld", t->delivered, t->asked, (long long)t->price, (long long)h.captured);
    return 0;
}

DB_SQL(verify_newest, "SELECT MAX(seq) FROM task_event WHERE task_id = ?");
DB_SQL(verify_states, "SELECT COUNT(*) FROM task_event WHERE task_id = ? AND kind = 'progress'");
static int check_events(struct check *c, const struct task_row *t) {
    int64_t newest, progress;
    int r = number(c, &verify_newest, t->id, &newest);
    if (r < 0 || (r = number(c, &verify_states, t->id, &progress)) < 0)
        return r;
    if (newest > t->seq || newest == 0)
        tell(c, t->id, "newest event is %lld, the row says %lld", (long long)newest, (long long)t->seq);
    if (progress != (t->progress_seq ? 1 : 0))
        tell(c, t->id, "has %lld progress events", (long long)progress);
    return 0;
}

struct attempts { struct check *c; const struct task_row *t; };
static int check_attempt(const struct task__attempt *a, void *ctx, struct err *e) {
    struct attempts *s = ctx;
    const struct task_row *t = s->t;
    bool under_way = a->state == ATTEMPT_INTENT || a->state == ATTEMPT_SUBMITTED || a->state == ATTEMPT_FETCHING;
    if (under_way && (!task__open(t->state) || t->in_line))
        tell(s->c, t->id, "nobody works on it, and attempt %s %d is %s", a->op, a->ix, task__attempt_state_name(a->state));
    if (under_way && a->fence > t->fence)
        tell(s->c, t->id, "attempt %s %d names a lease that was never given", a->op, a->ix);
    if (a->ask_ms && a->state != ATTEMPT_UNKNOWN)
        tell(s->c, t->id, "attempt %s %d is %s and still asked about", a->op, a->ix, task__attempt_state_name(a->state));
    int64_t booked, due = task__attempt_over(a->state) ? a->cost_microusd : 0;
    int rc = ledger_cost_get(s->c->tx, "cost", a->id, &booked, e);
    if (rc < 0)
        return rc;
    if (booked != due)
        tell(s->c, t->id, "attempt %s %d is %s for %lld microusd, and %lld are booked", a->op, a->ix, task__attempt_state_name(a->state), (long long)due,
             (long long)booked);
    if (a->state != ATTEMPT_STORED || a->asset == 0)
        return 0;
    CLEANUP(arena_free) struct arena *m = arena_new(1u << 20);
    struct blob_asset as;
    int r = blob_asset_get(s->c->tx, m, a->asset, t->account, &as, e);
    if (r == 0 && task__open(t->state) && str_eqz(str_z(a->op), "cutout"))
        tell(s->c, t->id, "the layer of attempt %s %d is gone", a->op, a->ix);
    if (r > 0 && as.class == BLOB_WORK && !task__open(t->state))
        tell(s->c, t->id, "is %s and keeps the layer of %s %d", task_state_name(t->state), a->op, a->ix);
    return r < 0 ? r : 0;
}

static int check_candidates(struct check *c, const struct task_row *t) {
    CLEANUP(arena_free) struct arena *m = arena_new(4u << 20);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n = 0;
    int shown = 0, r = task__candidate_list(c->tx, t->id, m, all, COUNT(all), &n, c->e);
    bool result = t->state == TASK_CHOOSING || t->state == TASK_DONE, picked = false;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct blob_asset as;
        picked |= all[i].ix == t->picked && all[i].place > 0;
        shown += all[i].place > 0;
        if (all[i].place > 0 && (!result || all[i].verdict != CANDIDATE_FINE))
            tell(c, t->id, "is %s and shows candidate %d, verdict %d", task_state_name(t->state), all[i].ix, all[i].verdict);
        if (all[i].asset == 0)
            continue;
        r = blob_asset_get(c->tx, m, all[i].asset, t->account, &as, c->e);
        if (r == 0 && task__open(t->state))
            tell(c, t->id, "the picture of candidate %d is gone", all[i].ix);
        if (r > 0 && as.class != BLOB_RESULT)
            tell(c, t->id, "the picture of candidate %d is of class %s", all[i].ix, blob_class_name(as.class));
        if (r > 0 && !task__open(t->state) && !result)
            tell(c, t->id, "is %s and keeps the picture of candidate %d", task_state_name(t->state), all[i].ix);
    }
    if (r < 0)
        return r;
    if (shown != t->delivered)
        tell(c, t->id, "shows %d candidates and says %d", shown, t->delivered);
    if (result && shown < (t->given_free ? 1 : t->need))
        tell(c, t->id, "is %s with %d candidates, needs %d", task_state_name(t->state), shown, t->need);
    if (t->picked >= 0 && !picked)
        tell(c, t->id, "its pick %d is none of its candidates", t->picked);
    return 0;
}

DB_SQL(verify_next, "SELECT id FROM task WHERE id > ? ORDER BY id LIMIT 1");
static int check_tasks(struct check *c) {
    for (int64_t id = 0;;) {
        int64_t next;
        int r = number(c, &verify_next, id, &next);
        if (r <= 0)
            return r;
        id = next;
        struct task_row t;
        struct attempts s = { c, &t };
        if ((r = task__load(c->tx, id, &t, c->e)) < 0)
            return r;
        check_row(c, &t);
        if ((r = check_money(c, &t)) < 0 || (r = check_events(c, &t)) < 0 ||
            (r = task__attempt_each(c->tx, id, check_attempt, &s, c->e)) < 0 || (r = check_candidates(c, &t)) < 0)
            return r;
    }
}

DB_SQL(verify_open_tasks,
       "SELECT a.account_id, a.open_tasks, (SELECT COUNT(*) FROM task t WHERE t.account_id = a.account_id AND t.state IN "
       "('queued', 'preparing', 'running', 'checking')) FROM task_account a");
DB_SQL(verify_orphans,
       "SELECT 'input', i.task_id FROM task_input i WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = i.task_id) UNION ALL "
       "SELECT 'attempt', a.task_id FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = a.task_id) UNION ALL "
       "SELECT 'candidate', k.task_id FROM candidate k WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = k.task_id) UNION ALL "
       "SELECT 'event', v.task_id FROM task_event v WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = v.task_id) UNION ALL "
       "SELECT 'hold', h.task_id FROM ledger_hold h WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = h.task_id)");
static int check_whole(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_open_tasks);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != db_int(&rows, 2))
            tell(c, 0, "account %lld has %lld open tasks, its row says %lld", (long long)db_int(&rows, 0), (long long)db_int(&rows, 2),
                 (long long)db_int(&rows, 1));
    if (r < 0)
        return r;
    DB_ROWS orphans = { 0 };
    r = db_query(c->tx, &orphans, c->e, &verify_orphans);
    while (r >= 0 && (r = db_next(&orphans, c->e)) > 0)
        tell(c, db_int(&orphans, 1), "there is no such task, but an %.*s of it", STR_ARG(db_str(&orphans, 0)));
    return r;
}

int task_verify(struct db_tx *tx, void (*say)(void *ctx, const char *what), void *ctx, struct err *e) {
    struct check c = { tx, say, ctx, e, 0 };
    int r = check_tasks(&c);
    if (r < 0 || (r = check_whole(&c)) < 0)
        return r;
    return c.told;
}
