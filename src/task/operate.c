/*
 * operate.c - what the operator sees and does: tasks by state, recipe, account or name; everything that happened to one of them; cancel,
 * and again for nothing. What was done is an event of kind "operator" in the same transaction; the owner's stream leaves it out.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "task/core.h"

#define SEARCH_MAX 100
#define LOG_MAX    500               /* attempts, and events, of one task that are told */

/* One walk down an index each; what remains is compared row by row. */
#define REST " AND (? = '' OR recipe = ?) AND (? = '' OR error_code = ?) AND id < ? ORDER BY id DESC LIMIT ?"
DB_SQL(operate_all, "SELECT id FROM task WHERE id > 0" REST);
DB_SQL(operate_of_state, "SELECT id FROM task WHERE state = ?" REST);
DB_SQL(operate_of_account, "SELECT id FROM task WHERE account_id = ? AND (? = '' OR state = ?)" REST);
DB_SQL(operate_of_asset, "SELECT id FROM task WHERE id IN (SELECT task_id FROM task_input WHERE asset_id = ?) AND (? = '' OR state = ?)" REST);
DB_SQL(operate_one, "SELECT id FROM task WHERE id = ? AND (? = '' OR state = ?)" REST);
DB_SQL(operate_attempts, "SELECT id, op, ix, engine, state, fence, remote_id, seed, variant, asset_id, cost_microusd, error_code, error_text, "
                         "created_ms, updated_ms FROM attempt WHERE task_id = ? ORDER BY id LIMIT ?");
DB_SQL(operate_events, "SELECT seq, kind, data, at_ms FROM task_event WHERE task_id = ? ORDER BY seq LIMIT ?");
DB_SQL(operate_inputs_end, "SELECT COALESCE(MIN(delete_at_ms), 0) FROM asset WHERE delete_at_ms > 0 AND (id IN (SELECT asset_id FROM task_input "
                           "WHERE task_id = ?) OR id IN (SELECT backdrop_asset FROM task WHERE id = ?))");
DB_SQL(operate_inputs, "SELECT asset_id, face FROM task_input WHERE task_id = ? ORDER BY ix");
DB_SQL(operate_again, "SELECT COALESCE(MAX(id), 0) FROM task WHERE again_of = ?");
DB_SQL(operate_count, "SELECT COUNT(*) FROM task WHERE account_id = ?");

/* ---- looking ---- */

static int search(struct db_tx *tx, const struct task_search *s, int64_t ids[SEARCH_MAX], struct err *e) {
    int64_t before = s->before_id > 0 ? s->before_id : INT64_MAX;
    int n = 0, max = s->limit < 1 ? 1 : s->limit > SEARCH_MAX ? SEARCH_MAX : s->limit, r;
    DB_ROWS rows = { 0 };
#define REST_ARGS DB_STR(s->recipe), DB_STR(s->recipe), DB_STR(s->error), DB_STR(s->error), DB_INT(before), DB_INT(max)
    if (s->task || s->asset || s->account) {
        const struct db_sql *q = s->task ? &operate_one : s->asset ? &operate_of_asset : &operate_of_account;
        int64_t of = s->task ? s->task : s->asset ? s->asset : s->account;
        r = db_query(tx, &rows, e, q, DB_INT(of), DB_STR(s->state), DB_STR(s->state), REST_ARGS);
    } else if (s->state.n) {
        r = db_query(tx, &rows, e, &operate_of_state, DB_STR(s->state), REST_ARGS);
    } else {
        r = db_query(tx, &rows, e, &operate_all, REST_ARGS);
    }
#undef REST_ARGS
    while (r >= 0 && n < max && (r = db_next(&rows, e)) > 0)
        ids[n++] = db_int(&rows, 0);
    return r < 0 ? r : n;
}

int task_search(struct db_tx *tx, struct task_core *c, const struct task_search *s, struct buf *out, struct err *e) {
    int64_t ids[SEARCH_MAX];
    int n = search(tx, s, ids, e), r = 0;
    struct task_row t;
    if (n < 0)
        return n;
    buf_add_z(out, "[");
    for (int i = 0, told = 0; r >= 0 && i < n; i++) {
        if (s->task && s->account && ((r = task__load(tx, ids[i], &t, e)) < 0 || t.account != s->account))
            continue;                /* two names that do not belong together find nothing */
        if (told++)
            buf_add_z(out, ",");
        r = task_render(tx, c, ids[i], /* account= */ 0, out, e);
    }
    buf_add_z(out, "]");
    return r < 0 ? r : out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}

bool task_state_known(struct str name) { return task__state_of(name) >= 0; }

int task_count(struct db_tx *tx, int64_t account, int64_t *ret_n, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &operate_count, DB_INT(account));
    if (r > 0)
        *ret_n = db_int(&rows, 0);
    return r;
}

DB_SQL(operate_again_n, "SELECT COUNT(*) FROM task WHERE account_id = ? AND again_of > 0 AND created_ms > ?");
DB_SQL(operate_made_n, "SELECT COUNT(*) FROM task WHERE account_id = ? AND created_ms >= ?");

static int count_since(struct db_tx *tx, const struct db_sql *q, int64_t account, int64_t since_ms, int64_t *ret_n, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, DB_INT(account), DB_INT(since_ms));
    *ret_n = r > 0 ? db_int(&rows, 0) : 0;
    return r < 0 ? r : 0;
}
int task_again_count(struct db_tx *tx, int64_t account, int64_t since_ms, int64_t *ret_n, struct err *e) { return count_since(tx, &operate_again_n, account, since_ms, ret_n, e); }
int task_made_count(struct db_tx *tx, int64_t account, int64_t since_ms, int64_t *ret_n, struct err *e) { return count_since(tx, &operate_made_n, account, since_ms, ret_n, e); }

int task_facts_get(struct db_tx *tx, int64_t task, int64_t account, struct task_facts *ret, struct err *e) {
    struct task_row t;
    int r = task__load(tx, task, &t, e);
    if (r == ERR_NOT_FOUND || (r >= 0 && account && t.account != account))
        return 0;
    DB_ROWS rows = { 0 };
    if (r < 0 || (r = db_one(tx, &rows, e, &operate_again, DB_INT(task))) < 0)
        return r;
    *ret = (struct task_facts){ .account = t.account, .again_of = t.again_of, .again = db_int(&rows, 0), .ended_ms = t.ended_ms, .state = t.state, .delivered = t.delivered };
    return 1;
}

int task_attempts(struct db_tx *tx, int64_t task, struct buf *out, struct err *e) {
    struct jw w;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &operate_attempts, DB_INT(task), DB_INT(LOG_MAX));
    jw_init(&w, out);
    jw_arr(&w);
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(&w);
        jw_kid(&w, "id", "attempt", db_int(&rows, 0));
        jw_kstr(&w, "op", db_str(&rows, 1));
        jw_kint(&w, "index", db_int(&rows, 2));
        jw_kstr(&w, "engine", db_str(&rows, 3));
        jw_kstr(&w, "state", db_str(&rows, 4));
        jw_kint(&w, "lease", db_int(&rows, 5));
        jw_kstr(&w, "remote_id", db_str(&rows, 6));
        jw_kint(&w, "seed", db_int(&rows, 7));
        jw_kint(&w, "variant", db_int(&rows, 8));
        jw_kid(&w, "asset", "asset", db_int(&rows, 9));
        int state = task__attempt_state_of(db_str(&rows, 4));
        bool over = state >= 0 && task__attempt_over((enum attempt_state)state);
        jw_kint(&w, "cost_microusd", over ? db_int(&rows, 10) : 0);
        jw_kint(&w, "foreseen_microusd", over ? 0 : db_int(&rows, 10));
        jw_kstr(&w, "error", db_str(&rows, 11));
        jw_kstr(&w, "detail", db_str(&rows, 12));
        jw_kint(&w, "created_ms", db_int(&rows, 13));
        jw_kint(&w, "updated_ms", db_int(&rows, 14));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : out->failed ? err_set(e, ERR_TOO_BIG, "the attempts do not fit the answer") : 0;
}

int task_event_list(struct db_tx *tx, int64_t task, struct buf *out, struct err *e) {
    struct jw w;
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &operate_events, DB_INT(task), DB_INT(LOG_MAX));
    jw_init(&w, out);
    jw_arr(&w);
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(&w);
        jw_kint(&w, "seq", db_int(&rows, 0));
        jw_kstr(&w, "kind", db_str(&rows, 1));
        jw_key(&w, "data");
        jw_raw(&w, db_str(&rows, 2));
        jw_kint(&w, "at_ms", db_int(&rows, 3));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : out->failed ? err_set(e, ERR_TOO_BIG, "the events do not fit the answer") : 0;
}

/* ---- doing ---- */

/* Who did what, and to which other task (0: none). */
static int tell_operator(struct db_tx *tx, struct task_core *c, int64_t task, const char *did, int64_t by, const char *key, int64_t other, struct err *e) {
    struct task_row t;
    struct jw w;
    BUF_CLEANUP struct buf b;
    int r = task__load(tx, task, &t, e);
    if (r < 0)
        return r;
    buf_init(&b, 256);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "did", did);
    jw_kid(&w, "by", "acct", by);
    if (other)
        jw_kid(&w, key, "task", other);
    jw_end_obj(&w);
    if ((r = task__tell(tx, &t, TASK_EVENT_OPERATOR, &b, e)) < 0)
        return r;
    return task__save(tx, c, &t, e);
}

int task_operator_cancel(struct db_tx *tx, struct task_core *c, int64_t task, int64_t by, struct err *e) {
    struct task_row t;
    int r = task__load(tx, task, &t, e);
    if (r < 0 || t.state == TASK_CANCELLED)
        return r < 0 ? r : 0;
    if ((r = task_cancel(tx, c, task, /* account= */ 0, e)) < 0)
        return r;
    return tell_operator(tx, c, task, "cancel", by, "", 0, e);
}

static int inputs_of(struct db_tx *tx, int64_t task, struct task_new *n, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &operate_inputs, DB_INT(task));
    while (r >= 0 && n->n_people < TASK_PEOPLE_MAX && (r = db_next(&rows, e)) > 0)
        n->people[n->n_people++] = (struct task_person){ db_int(&rows, 0), (int)db_int(&rows, 1) };
    return r;
}

/* The person was told when the photos end: what is left of that, after the new task as before it. */
static int keep_as_long(struct db_tx *tx, int64_t task, struct task_new *n, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &operate_inputs_end, DB_INT(task), DB_INT(task));
    if (r < 0 || db_int(&rows, 0) == 0)
        return r < 0 ? r : 0;
    int64_t left_ms = db_int(&rows, 0) - clock_ms(), whole_ms = n->recipe->keep_inputs_ms;
    n->keep_inputs_ms = left_ms < 1 ? 1 : left_ms < whole_ms ? left_ms : whole_ms;
    return 0;
}

int task_again(struct db_tx *tx, struct task_core *c, int64_t task, int64_t new_id, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(1u << 20);
    struct task_row t;
    int r = task__load(tx, task, &t, e);
    if (r < 0)
        return r;
    if (task__open(t.state))
        return err_set(e, ERR_STATE, "the task is %s: it is still being made", task_state_name(t.state));
    struct task_new n = { .id = new_id, .account = t.account, .recipe = studio_recipe(c->conf.studio, str_z(t.recipe)),
                          .template_name = str_z(t.template_name), .backdrop_asset = t.backdrop, .candidates = t.asked, .price_credits = 0,
                          .weight = t.weight, .again_of = task, .round = t.round + 1 };
    if (!n.recipe)
        return err_set(e, ERR_UNKNOWN_RECIPE, "%s is not there any more", t.recipe);
    if ((r = task__params(tx, task, a, &n.params, e)) < 0 || (r = inputs_of(tx, task, &n, e)) < 0 ||
        (r = keep_as_long(tx, task, &n, e)) < 0)
        return r;
    const struct studio_input *people = studio_input(n.recipe, STUDIO_IN_PEOPLE);
    if (people && (int64_t)n.n_people < people->min)
        return err_set(e, ERR_PHOTO_GONE, "nobody knows any more who was in it");
    return task_create(tx, c, &n, e);
}

int task_operator_rerun(struct db_tx *tx, struct task_core *c, int64_t task, int64_t new_id, int64_t by, struct err *e) {
    int r = task_again(tx, c, task, new_id, e);
    if (r < 0)
        return r;
    if ((r = tell_operator(tx, c, task, "rerun", by, "as", new_id, e)) < 0)
        return r;
    return tell_operator(tx, c, new_id, "rerun", by, "of", task, e);
}
