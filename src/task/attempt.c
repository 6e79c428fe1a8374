/*
 * attempt.c - one call to one engine, written down before it is made.
 *
 *   intent -> submitted -> fetching -> stored;   submitted -> stored, where nothing is fetched;   intent -> fetching, where a full disk kept the note
 *   the first three -> refused | failed | unknown;   unknown -> fetching | failed | written_off
 *
 * unknown: the call may or may not have happened, at somebody's cost. It is asked about, never repeated.
 * cost_microusd is what it will cost if it is made, until it is over; then what it did cost, and that is booked in the same transaction, once. Where
 * nobody can say (written_off), it counts as made.
 */
#include "task/internal.h"

#include <assert.h>
#include "base/clock.h"
#include "engine/engine.h"
#include "ledger/ledger.h"

static const char *const names[ATTEMPT_STATE_COUNT] = {
#define X(id, text) [ATTEMPT_##id] = text,
    ATTEMPT_STATES(X)
#undef X
};

#define TO(id) (1u << ATTEMPT_##id)
#define ENDS (TO(REFUSED) | TO(FAILED) | TO(UNKNOWN))
static const unsigned edges[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_INTENT] = TO(SUBMITTED) | TO(FETCHING) | ENDS,
    [ATTEMPT_SUBMITTED] = TO(FETCHING) | TO(STORED) | ENDS,
    [ATTEMPT_FETCHING] = TO(STORED) | ENDS,
    [ATTEMPT_UNKNOWN] = TO(FETCHING) | TO(FAILED) | TO(WRITTEN_OFF),
};                                          /* stored, refused, failed, written_off are final */

#define COLUMNS "id, task_id, fence, op, ix, engine, state, remote_id, seed, variant, asset_id, cost_microusd, error_code, created_ms, ask_ms"
DB_SQL(attempt_add, "INSERT INTO attempt (" COLUMNS ", error_text, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)");
DB_SQL(attempt_get, "SELECT " COLUMNS " FROM attempt WHERE id = ?");
DB_SQL(attempt_of_task, "SELECT " COLUMNS " FROM attempt WHERE task_id = ? ORDER BY id");
DB_SQL(attempt_open, "SELECT " COLUMNS " FROM attempt WHERE task_id = ? AND state IN ('intent', 'submitted', 'fetching', 'unknown') ORDER BY id");
DB_SQL(attempt_set, "UPDATE attempt SET state = ?, remote_id = ?, asset_id = ?, cost_microusd = ?, error_code = ?, error_text = ?, "
                    "updated_ms = ?, ask_ms = ? WHERE id = ? AND state = ?");
DB_SQL(attempt_set_ask, "UPDATE attempt SET ask_ms = ? WHERE id = ? AND state = 'unknown'");

const char *task__attempt_state_name(enum attempt_state s) {
    assert((unsigned)s < ATTEMPT_STATE_COUNT);
    return names[s];
}

int task__attempt_state_of(struct str name) {
    for (int s = 0; s < ATTEMPT_STATE_COUNT; s++)
        if (str_eqz(name, names[s]))
            return s;
    return -1;
}

bool task__attempt_may_go(enum attempt_state from, enum attempt_state to) {
    return edges[from] & (1u << to);
}

static int read_row(const struct db_rows *rows, struct task__attempt *ret, struct err *e) {
    int state = task__attempt_state_of(db_str(rows, 6));
    struct task__attempt a = {
        .id = db_int(rows, 0), .task = db_int(rows, 1), .fence = db_int(rows, 2), .ix = (int)db_int(rows, 4), .seed = db_int(rows, 8),
        .variant = (int)db_int(rows, 9), .asset = db_int(rows, 10), .cost_microusd = db_int(rows, 11), .created_ms = db_int(rows, 13),
        .ask_ms = db_int(rows, 14),
    };
    if (state < 0)
        return err_set(e, ERR_DB, "attempt %lld is in a state this version does not know", (long long)a.id);
    a.state = (enum attempt_state)state;
    snprintf(a.op, sizeof(a.op), "%.*s", STR_ARG(db_str(rows, 3)));
    snprintf(a.engine, sizeof(a.engine), "%.*s", STR_ARG(db_str(rows, 5)));
    snprintf(a.remote_id, sizeof(a.remote_id), "%.*s", STR_ARG(db_str(rows, 7)));
    snprintf(a.error_code, sizeof(a.error_code), "%.*s", STR_ARG(db_str(rows, 12)));
    *ret = a;
    return 0;
}

int task__attempt_add(struct db_tx *tx, const struct task__attempt *a, struct err *e) {
    assert(a->state == ATTEMPT_INTENT);
    return db_run(tx, NULL, e, &attempt_add, DB_INT(a->id), DB_INT(a->task), DB_INT(a->fence), DB_TEXT(a->op), DB_INT(a->ix),
                  DB_TEXT(a->engine), DB_TEXT(names[a->state]), DB_TEXT(a->remote_id), DB_INT(a->seed), DB_INT(a->variant),
                  DB_INT(a->asset), DB_INT(a->cost_microusd), DB_TEXT(a->error_code), DB_INT(a->created_ms), DB_INT(a->ask_ms),
                  DB_INT(a->created_ms));
}

int task__attempt_load(struct db_tx *tx, int64_t id, struct task__attempt *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &attempt_get, DB_INT(id));
    if (r < 0)
        return r;
    return r == 0 ? err_set(e, ERR_NOT_FOUND, "no such attempt") : read_row(&rows, ret, e);
}

bool task__attempt_over(enum attempt_state s) { return edges[s] == 0; }

int task__attempt_move(struct db_tx *tx, struct task__attempt *a, enum attempt_state to, const struct err *why, struct err *e) {
    assert(task__attempt_may_go(a->state, to));
    int64_t changed;
    const char *code = why ? err_reason(why->code)->code : "";
    int r = db_run(tx, &changed, e, &attempt_set, DB_TEXT(names[to]), DB_TEXT(a->remote_id), DB_INT(a->asset), DB_INT(a->cost_microusd),
                   DB_TEXT(code), DB_TEXT(why ? why->text : ""), DB_INT(clock_ms()), DB_INT(a->ask_ms), DB_INT(a->id),
                   DB_TEXT(names[a->state]));
    if (r < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "the attempt moved on without us");
    a->state = to;
    return task__attempt_over(to) && a->cost_microusd > 0 ? ledger_cost(tx, &(struct ledger_cost){ "cost", a->id, a->cost_microusd, a->task, STR_NULL }, e) : 0;
}

int task__attempt_each(struct db_tx *tx, int64_t task, int (*fn)(const struct task__attempt *a, void *ctx, struct err *e), void *ctx,
                       struct err *e) {
    DB_ROWS rows = { 0 };
    struct task__attempt a;
    int r = db_query(tx, &rows, e, &attempt_of_task, DB_INT(task));
    while (r >= 0 && (r = db_next(&rows, e)) > 0)
        if ((r = read_row(&rows, &a, e)) >= 0)
            r = fn(&a, ctx, e);
    return r;
}

/* What one open attempt becomes. */
static int settle_one(struct db_tx *tx, struct task__attempt *a, bool decided, const struct err *why, struct err *e) {
    const struct engine_driver *d = engine_driver(str_z(a->engine));
    int64_t ask_ms = decided ? clock_ms() : 0;          /* of an open task its worker asks */
    if (a->state == ATTEMPT_UNKNOWN)
        return a->ask_ms == ask_ms ? 0 : db_run(tx, NULL, e, &attempt_set_ask, DB_INT(ask_ms), DB_INT(a->id));
    if (d && (d->can & ENGINE_CAN_REPEAT)) {
        a->cost_microusd = 0;
        return task__attempt_move(tx, a, ATTEMPT_FAILED, why, e);
    }
    /* An engine that is not in the program any more is treated as one that costs money. */
    a->ask_ms = ask_ms;
    return task__attempt_move(tx, a, ATTEMPT_UNKNOWN, why, e);
}

int task__attempt_settle(struct db_tx *tx, int64_t task, bool decided, const struct err *why, struct err *e) {
    enum { SETTLE_MAX = 64 };                           /* a task has a handful of calls under way; more are found by the next round */
    struct task__attempt open[SETTLE_MAX];
    for (;;) {
        int n = 0, moved = 0, r;
        {
            DB_ROWS rows = { 0 };
            r = db_query(tx, &rows, e, &attempt_open, DB_INT(task));
            while (r >= 0 && n < SETTLE_MAX && (r = db_next(&rows, e)) > 0)
                r = read_row(&rows, &open[n++], e);
            if (r < 0)
                return r;
        }
        for (int i = 0; i < n; i++) {
            moved += open[i].state != ATTEMPT_UNKNOWN;
            if ((r = settle_one(tx, &open[i], decided, why, e)) < 0)
                return r;
        }
        if (n < SETTLE_MAX || moved == 0)
            return 0;
    }
}
