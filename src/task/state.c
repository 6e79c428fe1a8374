/*
 * state.c - the life of a task: one name table, one edge table, one function that moves.
 *
 *   queued -> preparing -> running -> checking -> choosing -> done
 *   the first four -> failed | cancelled;   failed -> choosing (a late result, free)
 *
 * A lease is not a state: a task whose worker died keeps its state and stands in line again.
 */
#include "task/internal.h"

#include <assert.h>
#include "base/clock.h"

static const char *const names[TASK_STATE_COUNT] = {
#define X(id, text) [TASK_##id] = text,
    TASK_STATES(X)
#undef X
};

#define TO(id) (1u << TASK_##id)
#define ENDS (TO(FAILED) | TO(CANCELLED))
static const unsigned edges[TASK_STATE_COUNT] = {
    [TASK_QUEUED] = TO(PREPARING) | ENDS,
    [TASK_PREPARING] = TO(RUNNING) | ENDS,
    [TASK_RUNNING] = TO(CHECKING) | ENDS,
    [TASK_CHECKING] = TO(CHOOSING) | ENDS,
    [TASK_CHOOSING] = TO(DONE),
    [TASK_FAILED] = TO(CHOOSING),
};                                          /* done and cancelled are final */

const char *task_state_name(enum task_state s) {
    assert((unsigned)s < TASK_STATE_COUNT);
    return names[s];
}

int task__state_of(struct str name) {
    for (int s = 0; s < TASK_STATE_COUNT; s++)
        if (str_eqz(name, names[s]))
            return s;
    return -1;
}

bool task__may_go(enum task_state from, enum task_state to) {
    return edges[from] & (1u << to);
}

DB_SQL(state_of, "SELECT state FROM task WHERE id = ?");

int task_gave_up(struct db_tx *tx, int64_t task, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &state_of, DB_INT(task));
    if (r <= 0)
        return r;
    int s = task__state_of(db_str(&rows, 0));
    return s == TASK_FAILED || s == TASK_CANCELLED;
}

int task__move(struct db_tx *tx, struct task_core *c, struct task_row *t, enum task_state to, struct err *e) {
    assert(task__may_go(t->state, to));     /* a wrong edge is our bug */
    bool decided = task__open(t->state) && !task__open(to);
    int r;
    t->state = to;
    if (decided) {
        /* The worker is out: whatever it still writes names an old fence. */
        t->fence++;
        t->in_line = false;
        t->lease_until_ms = 0;
        if (t->ended_ms == 0)
            t->ended_ms = clock_ms();
        if ((r = task__turn_over(tx, t, e)) < 0 || (r = task__forget_progress(tx, t, e)) < 0)
            return r;
        task__taken_away(tx, c, t->id);
    }
    if (to != TASK_CHOOSING && !task__open(to))
        t->alarm_ms = 0;
    if ((r = task__tell_state(tx, t, e)) < 0)
        return r;
    return task__save(tx, c, t, e);
}
