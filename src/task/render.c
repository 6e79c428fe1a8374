/* render.c - a task as its owner sees it, and the numbers operators see. */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "task/core.h"

#define LIST_MAX 100

/* What is foretold of it; all -1 when nothing is. */
static struct eta_answer foretold(struct task_core *c, const struct task_row *t) {
    if (!c || !task__open(t->state))
        return (struct eta_answer){ -1, -1, -1 };
    return eta_ask(c->eta, t->id, t->turn, eta_engine_of(c->eta, t->engine), clock_mono_ms());
}

/* The table counts near places exactly; a far one is as the line was a moment ago. */
static int place_of(struct db_tx *tx, const struct task_row *t, const struct eta_answer *eta, int64_t *ret_place, struct err *e) {
    int r = t->in_line ? task__turn_place(tx, t, ret_place, e) : 0;
    if (r > 0 && eta->place > *ret_place)
        *ret_place = eta->place;
    return r;
}

static void write_reason(struct jw *w, const struct reason *why, const struct reason *next) {
    jw_kz(w, "en", why->en);
    jw_kz(w, "next_en", next->next_en);
    jw_kz(w, "zh", why->zh);
    jw_kz(w, "next_zh", next->next_zh);
}

/* The checks that nothing passed: each with its own next step, and how often. */
static void write_checks(struct jw *w, const struct task__checks *c) {
    char often[32];
    jw_key(w, "checks");
    jw_arr(w);
    for (size_t k = 0; k < TASK_CHECKS && c->failed[k].n; k++) {
        snprintf(often, sizeof(often), "%d of %d", c->failed[k].n, c->broken);
        jw_obj(w);
        jw_kz(w, "code", c->failed[k].why->code);
        write_reason(w, c->failed[k].why, c->failed[k].why);
        jw_kz(w, "detail", often);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static int write_error(struct db_tx *tx, struct jw *w, const struct task_row *t, struct err *e) {
    struct task__checks c = { 0 };
    const struct reason *why = err_reason_of(t->error_code);
    int r = why && why->err == ERR_TASK_NO_RESULT ? task__checks_failed(tx, t->id, &c, e) : 0;
    if (r < 0)
        return r;
    jw_key(w, "error");
    if (!t->error_code[0]) {
        jw_null(w);
        return 0;
    }
    jw_obj(w);
    jw_kz(w, "code", t->error_code);
    if (why)
        write_reason(w, why, c.failed[0].n ? c.failed[0].why : why);      /* what failed most often is worth changing first */
    jw_kz(w, "detail", t->error_text);
    if (c.failed[0].n)
        write_checks(w, &c);
    jw_end_obj(w);
    return 0;
}

/* Only what may be chosen: a broken picture is never shown, nor one that was deleted. Best first. */
DB_SQL(render_candidates, "SELECT k.ix, k.asset_id, k.width, k.height, k.seed, k.score_pm, k.scores, (SELECT MAX(t.id) FROM asset t "
                          "WHERE t.parent_id = p.id AND t.role = 'thumb') FROM candidate k JOIN asset p ON p.id = k.asset_id "
                          "WHERE k.task_id = ? AND k.place > 0 AND p.account_id = ? ORDER BY k.place");

static int write_candidates(struct db_tx *tx, struct jw *w, const struct task_row *t, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &render_candidates, DB_INT(t->id), DB_INT(t->account));
    jw_key(w, "candidates");
    jw_arr(w);
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        struct str scores = db_str(&rows, 6);
        jw_obj(w);
        jw_kint(w, "index", db_int(&rows, 0));
        jw_kid(w, "asset", "asset", db_int(&rows, 1));
        jw_kid(w, "thumb", "asset", db_int(&rows, 7));
        jw_kint(w, "width", db_int(&rows, 2));
        jw_kint(w, "height", db_int(&rows, 3));
        jw_kint(w, "seed", db_int(&rows, 4));
        jw_kint(w, "score_pm", db_int(&rows, 5));
        jw_key(w, "scores");
        jw_raw(w, scores.n ? scores : STR("{}"));
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return r;
}

DB_SQL(render_people, "SELECT asset_id, face FROM task_input WHERE task_id = ? ORDER BY ix");

static int write_people(struct db_tx *tx, struct jw *w, const struct task_row *t, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &render_people, DB_INT(t->id));
    jw_key(w, "people");
    jw_arr(w);
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(w);
        jw_kid(w, "asset", "asset", db_int(&rows, 0));
        jw_kint(w, "face", db_int(&rows, 1));
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return r;
}

static int write_credits(struct db_tx *tx, struct jw *w, const struct task_row *t, struct err *e) {
    struct ledger_hold_state h = { 0 };
    int r = ledger_hold_get(tx, t->id, &h, e);
    if (r < 0)
        return r;
    jw_key(w, "credits");
    jw_obj(w);
    jw_kint(w, "price", t->price);
    jw_kint(w, "held", h.held ? h.credits : 0);
    jw_kint(w, "captured", h.captured);
    jw_kint(w, "released", h.held ? 0 : h.credits - h.captured);
    jw_kbool(w, "given_free", t->given_free);
    jw_end_obj(w);
    return 0;
}

static void write_number(struct jw *w, const char *key, int64_t v, bool known) {
    jw_key(w, key);
    if (known)
        jw_int(w, v);
    else
        jw_null(w);
}

int task__write_eta(struct db_tx *tx, struct task_core *c, struct jw *w, const struct task_row *t, struct err *e) {
    struct eta_answer eta = foretold(c, t);
    int64_t place = 0;
    int r = place_of(tx, t, &eta, &place, e);
    if (r < 0)
        return r;
    write_number(w, "place", place, t->in_line);
    write_number(w, "eta_ms", eta.p50_ms, eta.p50_ms >= 0);
    write_number(w, "eta_p90_ms", eta.p90_ms, eta.p90_ms >= 0);
    return 0;
}

static int write_task(struct db_tx *tx, struct task_core *c, struct jw *w, const struct task_row *t, bool to_operator, struct err *e) {
    int r;
    jw_obj(w);
    jw_kid(w, "id", "task", t->id);
    if (to_operator) {
        jw_kid(w, "account", "acct", t->account);
        jw_kz(w, "engine", t->engine);
    }
    jw_kid(w, "again_of", "task", t->again_of);
    jw_kz(w, "recipe", t->recipe);
    jw_kz(w, "template", t->template_name[0] ? t->template_name : NULL);
    jw_kid(w, "backdrop", "asset", t->backdrop);
    if ((r = write_people(tx, w, t, e)) < 0)
        return r;
    jw_kz(w, "state", task_state_name(t->state));
    if ((r = task__write_eta(tx, c, w, t, e)) < 0)
        return r;
    jw_kint(w, "progress_pm", t->progress_pm);
    jw_kint(w, "asked", t->asked);
    jw_kint(w, "delivered", t->delivered);
    write_number(w, "picked", t->picked, t->picked >= 0);
    if ((r = write_credits(tx, w, t, e)) < 0 || (r = write_candidates(tx, w, t, e)) < 0)
        return r;
    if ((r = write_error(tx, w, t, e)) < 0)
        return r;
    jw_kint(w, "created_ms", t->created_ms);
    write_number(w, "started_ms", t->started_ms, t->started_ms > 0);
    write_number(w, "ended_ms", t->ended_ms, t->ended_ms > 0);
    write_number(w, "deadline_ms", t->deadline_ms, task__open(t->state));
    write_number(w, "choose_until_ms", t->alarm_ms, t->state == TASK_CHOOSING);
    write_number(w, "results_until_ms", t->ended_ms + t->keep_outputs_ms, t->delivered > 0);
    jw_kint(w, "seq", t->seq);
    jw_end_obj(w);
    return 0;
}

int task_render(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, struct buf *out, struct err *e) {
    struct task_row t;
    struct jw w;
    int r = task__load(tx, task, &t, e);
    if (r == ERR_NOT_FOUND || (r >= 0 && account && t.account != account))
        return 0;
    jw_init(&w, out);
    if (r < 0 || (r = write_task(tx, c, &w, &t, account == 0, e)) < 0)
        return r;
    return out->failed ? err_set(e, ERR_TOO_BIG, "the task does not fit the answer") : 1;
}

DB_SQL(render_of_account, "SELECT id FROM task WHERE account_id = ? AND id < ? ORDER BY id DESC LIMIT ?");

int task_list(struct db_tx *tx, struct task_core *c, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e) {
    int64_t ids[LIST_MAX];
    int n = 0, max = limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit, r;
    {
        DB_ROWS rows = { 0 };
        r = db_query(tx, &rows, e, &render_of_account, DB_INT(account), DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_INT(max));
        while (r >= 0 && n < max && (r = db_next(&rows, e)) > 0)
            ids[n++] = db_int(&rows, 0);
        if (r < 0)
            return r;
    }
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    for (int i = 0; i < n; i++) {
        struct task_row t;
        if ((r = task__load(tx, ids[i], &t, e)) < 0 || (r = write_task(tx, c, &w, &t, /* to_operator= */ false, e)) < 0)
            return r;
    }
    jw_end_arr(&w);
    return out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}

void task_get_eta_stats(struct task_core *c, struct eta_stats *ret) { eta_get_stats(c->eta, clock_mono_ms(), ret); }

DB_SQL(render_lines, "SELECT engine, COUNT(*) FROM task WHERE in_line = 1 GROUP BY engine");

int task_get_lanes(struct task_core *c, struct db_tx *tx, struct task_lane *ret, size_t max, size_t *ret_n, struct err *e) {
    size_t n = 0, own;
    pthread_mutex_lock(&c->lanes_lock);
    for (; n < c->n_engines && n < max; n++) {
        const struct core_engine *g = &c->engines[n];
        ret[n] = (struct task_lane){ .here = true, .shut_ms = g->shut_since_ms ? clock_mono_ms() - g->shut_since_ms + 1 : 0 };
        snprintf(ret[n].name, sizeof(ret[n].name), "%s", g->name);
        snprintf(ret[n].why, sizeof(ret[n].why), "%.199s", g->shut_why.text);
    }
    pthread_mutex_unlock(&c->lanes_lock);
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &render_lines);
    own = n;
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        size_t i = 0;
        while (i < own && !str_eqz(db_str(&rows, 0), ret[i].name))
            i++;
        if (i == own && n == max)
            continue;
        i = i < own ? i : n++;
        if (i >= own) {
            ret[i] = (struct task_lane){ .shut_ms = clock_mono_ms() - c->opened_ms + 1, .why = "it has no key in the settings, or could not be opened" };
            snprintf(ret[i].name, sizeof(ret[i].name), "%.*s", STR_ARG(db_str(&rows, 0)));
        }
        ret[i].waiting = db_int(&rows, 1);
    }
    *ret_n = n;
    return r < 0 ? r : 0;
}

DB_SQL(render_unsure, "SELECT op, engine, remote_id, cost_microusd, created_ms FROM attempt WHERE state = 'unknown' ORDER BY id LIMIT 1000");

int task_get_unsure(struct task_core *c, struct db_tx *tx, struct task_unsure *ret, struct err *e) {
    struct task_unsure u = { 0 };
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &render_unsure);
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        char name[33];
        struct err why = { .text = "it has no key in the settings, or could not be opened" };
        snprintf(name, sizeof(name), "%.*s", STR_ARG(db_str(&rows, 1)));
        const struct core_engine *g = core_engine_of(c, name);
        u.oldest_ms = u.n++ ? u.oldest_ms : clock_ms() - db_int(&rows, 4);
        u.cost_microusd += db_int(&rows, 3);
        if (g && (!g->d->findable || g->d->findable(g->g, db_str(&rows, 0), db_str(&rows, 2), &why) >= 0))
            continue;
        u.untellable++;
        snprintf(u.engine, sizeof(u.engine), "%s", name);
        snprintf(u.why, sizeof(u.why), "%.199s", why.text);
    }
    *ret = u;
    return r < 0 ? r : 0;
}

DB_SQL(render_states, "SELECT state, COUNT(*) FROM task GROUP BY state");
DB_SQL(render_oldest, "SELECT id, created_ms FROM task WHERE in_line = 1 ORDER BY turn, id LIMIT 1");

int task_get_stats(struct task_core *c, struct db_tx *tx, struct task_stats *ret, struct err *e) {
    struct task_stats s = {
        .attempts_running = atomic_load(&c->stats.attempts_running), .attempts_failed = atomic_load(&c->stats.attempts_failed),
        .step_ms_sum = atomic_load(&c->stats.step_ms_sum), .steps = atomic_load(&c->stats.steps),
    };
    int r;
    {
        DB_ROWS rows = { 0 };
        r = db_query(tx, &rows, e, &render_states);
        while (r >= 0 && (r = db_next(&rows, e)) > 0) {
            int state = task__state_of(db_str(&rows, 0));
            if (state >= 0)
                s.by_state[state] = db_int(&rows, 1);
        }
        if (r < 0)
            return r;
    }
    DB_ROWS rows = { 0 };
    if ((r = db_one(tx, &rows, e, &render_oldest)) < 0)
        return r;
    if (r > 0)
        s.oldest_queued_ms = clock_ms() - db_int(&rows, 1);
    *ret = s;
    return 0;
}
