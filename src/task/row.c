/* row.c - a task's row: added once, loaded whole, saved under the state and fence it was loaded with. */
#include "task/internal.h"

#include <assert.h>
#include <stdio.h>

#define FIXED                                                                                                                    \
    "account_id, recipe, template, backdrop_asset, asked, price, weight, created_ms, turn, need, limit_ms, choose_ms, "         \
    "keep_inputs_ms, keep_outputs_ms, again_of, round"
#define MOVING                                                                                                                   \
    "state, engine, in_line, fence, lease_until_ms, claims, seq, progress_seq, progress_pm, delivered, given_free, picked, "    \
    "error_code, error_text, started_ms, ended_ms, deadline_ms, alarm_ms"

DB_SQL(task_add, "INSERT INTO task (id, recipe_version, params, " FIXED ", " MOVING ") VALUES "
                 "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
DB_SQL(task_get, "SELECT " FIXED ", " MOVING " FROM task WHERE id = ?");
DB_SQL(task_save, "UPDATE task SET state = ?, engine = ?, in_line = ?, fence = ?, lease_until_ms = ?, claims = ?, seq = ?, "
                  "progress_seq = ?, progress_pm = ?, delivered = ?, given_free = ?, picked = ?, error_code = ?, error_text = ?, "
                  "started_ms = ?, ended_ms = ?, deadline_ms = ?, alarm_ms = ? WHERE id = ? AND state = ? AND fence = ?");
DB_SQL(task_params, "SELECT params FROM task WHERE id = ?");

static void copy(char *to, size_t cap, struct str s) {
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = 0;
}

int task__add(struct db_tx *tx, const struct task_row *t, int64_t recipe_version, struct str params, struct err *e) {
    return db_run(tx, NULL, e, &task_add, DB_INT(t->id), DB_INT(recipe_version), DB_STR(params), DB_INT(t->account),
                  DB_TEXT(t->recipe), DB_TEXT(t->template_name), DB_INT(t->backdrop), DB_INT(t->asked), DB_INT(t->price),
                  DB_INT(t->weight), DB_INT(t->created_ms), DB_INT(t->turn), DB_INT(t->need), DB_INT(t->limit_ms),
                  DB_INT(t->choose_ms), DB_INT(t->keep_inputs_ms), DB_INT(t->keep_outputs_ms), DB_INT(t->again_of), DB_INT(t->round), DB_TEXT(task_state_name(t->state)),
                  DB_TEXT(t->engine), DB_INT(t->in_line), DB_INT(t->fence), DB_INT(t->lease_until_ms), DB_INT(t->claims),
                  DB_INT(t->seq), DB_INT(t->progress_seq), DB_INT(t->progress_pm), DB_INT(t->delivered), DB_INT(t->given_free),
                  DB_INT(t->picked), DB_TEXT(t->error_code), DB_TEXT(t->error_text), DB_INT(t->started_ms), DB_INT(t->ended_ms),
                  DB_INT(t->deadline_ms), DB_INT(t->alarm_ms));
}

static void read_fixed(const struct db_rows *rows, struct task_row *t, int *col) {
    int i = *col;
    t->account = db_int(rows, i++);
    copy(t->recipe, sizeof(t->recipe), db_str(rows, i++));
    copy(t->template_name, sizeof(t->template_name), db_str(rows, i++));
    t->backdrop = db_int(rows, i++);
    t->asked = (int)db_int(rows, i++);
    t->price = db_int(rows, i++);
    t->weight = (int)db_int(rows, i++);
    t->created_ms = db_int(rows, i++);
    t->turn = db_int(rows, i++);
    t->need = (int)db_int(rows, i++);
    t->limit_ms = db_int(rows, i++);
    t->choose_ms = db_int(rows, i++);
    t->keep_inputs_ms = db_int(rows, i++);
    t->keep_outputs_ms = db_int(rows, i++);
    t->again_of = db_int(rows, i++);
    t->round = (int)db_int(rows, i++);
    *col = i;
}

static int read_moving(const struct db_rows *rows, struct task_row *t, int i, struct err *e) {
    int state = task__state_of(db_str(rows, i++));
    if (state < 0)
        return err_set(e, ERR_DB, "task %lld is in a state this version does not know", (long long)t->id);
    t->state = t->was_state = (enum task_state)state;
    copy(t->engine, sizeof(t->engine), db_str(rows, i++));
    t->in_line = db_int(rows, i++) != 0;
    t->fence = t->was_fence = db_int(rows, i++);
    t->lease_until_ms = db_int(rows, i++);
    t->claims = db_int(rows, i++);
    t->seq = db_int(rows, i++);
    t->progress_seq = db_int(rows, i++);
    t->progress_pm = (int)db_int(rows, i++);
    t->delivered = (int)db_int(rows, i++);
    t->given_free = db_int(rows, i++) != 0;
    t->picked = (int)db_int(rows, i++);
    copy(t->error_code, sizeof(t->error_code), db_str(rows, i++));
    copy(t->error_text, sizeof(t->error_text), db_str(rows, i++));
    t->started_ms = db_int(rows, i++);
    t->ended_ms = db_int(rows, i++);
    t->deadline_ms = db_int(rows, i++);
    t->alarm_ms = db_int(rows, i++);
    return 0;
}

int task__load(struct db_tx *tx, int64_t id, struct task_row *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    struct task_row t = { .id = id };
    int col = 0, r = db_one(tx, &rows, e, &task_get, DB_INT(id));
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no such task");
    read_fixed(&rows, &t, &col);
    if ((r = read_moving(&rows, &t, col, e)) < 0)
        return r;
    *ret = t;
    return 0;
}

int task__load_leased(struct db_tx *tx, int64_t id, int64_t fence, struct task_row *ret, struct err *e) {
    int r = task__load(tx, id, ret, e);
    if (r < 0)
        return r;
    if (ret->fence != fence || !task__open(ret->state) || ret->in_line)
        return err_set(e, ERR_RACE, "the task moved on without us: it is %s, lease %lld", task_state_name(ret->state),
                       (long long)ret->fence);
    return 0;
}

int task__save(struct db_tx *tx, struct task_core *c, struct task_row *t, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &task_save, DB_TEXT(task_state_name(t->state)), DB_TEXT(t->engine), DB_INT(t->in_line),
                   DB_INT(t->fence), DB_INT(t->lease_until_ms), DB_INT(t->claims), DB_INT(t->seq), DB_INT(t->progress_seq),
                   DB_INT(t->progress_pm), DB_INT(t->delivered), DB_INT(t->given_free), DB_INT(t->picked), DB_TEXT(t->error_code),
                   DB_TEXT(t->error_text), DB_INT(t->started_ms), DB_INT(t->ended_ms), DB_INT(t->deadline_ms),
                   DB_INT(t->alarm_ms), DB_INT(t->id), DB_TEXT(task_state_name(t->was_state)), DB_INT(t->was_fence));
    if (r < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "the task moved on without us");
    t->was_state = t->state;
    t->was_fence = t->fence;
    task__changed(tx, c, t, -1);
    return 0;
}

int task__params(struct db_tx *tx, int64_t id, struct arena *a, struct str *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &task_params, DB_INT(id));
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no such task");
    *ret = arena_str(a, db_str(&rows, 0));
    return 0;
}

void task__set_error(struct task_row *t, const struct err *why) {
    copy(t->error_code, sizeof(t->error_code), str_z(err_reason(why->code)->code));
    copy(t->error_text, sizeof(t->error_text), str_z(why->text));
}
