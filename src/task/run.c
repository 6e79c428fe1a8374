/* run.c - one task leased by this process: loaded, driven through its plan, decided. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "task/core.h"

#define PROGRESS_MS   250            /* progress is told at most this often */
#define PROGRESS_PM   10             /* and not for less */
#define DECIDE_AGAIN_MS 1000
#define FORETELL_MS   5              /* what is in hand is told at most this often, */
#define FORETELL_RUNS 128            /* and for each so many runs that much less */

/* ---- loading (hand) ---- */

struct loading {
    struct run *r;
    struct task__attempt unknown[TASK_CANDIDATES_MAX + TASK_PEOPLE_MAX];
    size_t n_unknown;
};

/* Failures that were nobody's fault cost no try. */
static bool counts(const char *error_code) {
    const struct reason *why = err_reason_of(error_code);
    return !why || (why->err != ATTEMPT_LOST && why->err != ERR_BUSY && why->err != ERR_DISK_FULL);
}

/* Says what one earlier attempt means for the plan. Pictures are told by their candidate rows, which know the verdict. */
static int load_attempt(const struct task__attempt *a, void *ctx, struct err *e) {
    struct loading *l = ctx;
    struct plan *p = &l->r->plan;
    int s = plan_step_of(p, str_z(a->op));
    /* Made on an engine of the other way, before the task went on to this one; its pictures stand in their candidates' rows. */
    if (s >= 0 && p->steps[s].n == 0 && a->state != ATTEMPT_UNKNOWN)
        return 0;
    if (s < 0 || a->ix < 0 || a->ix >= p->steps[s].n)
        return err_set(e, ERR_STATE, "an attempt %s %d does not fit the recipe any more", a->op, a->ix);
    struct plan_unit *u = &p->steps[s].units[a->ix];
    switch (a->state) {
    case ATTEMPT_STORED:
        if (p->steps[s].op->kind == OP_PICTURE)
            p->candidates[a->ix].made++;
        else if (p->steps[s].op->kind == OP_LAYER && a->asset)
            plan_made(p, (size_t)s, a->ix, a->asset);
        u->tries = 0;
        break;
    case ATTEMPT_FAILED:
        if (strcmp(a->engine, l->r->row.engine) == 0 && counts(a->error_code))
            u->tries++;
        break;
    case ATTEMPT_UNKNOWN:
        if (l->n_unknown < COUNT(l->unknown))
            l->unknown[l->n_unknown++] = *a;
        break;
    default:
        break;
    }
    return 0;
}

static int load_candidates(struct task_core *c, struct run *r, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(4u << 20);
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n = 0;
    int rc = task__candidate_list(db_reader(c->db), r->row.id, a, all, COUNT(all), &n, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < r->plan.n && all[i].asset; s++)
            if (r->plan.steps[s].op->kind == OP_PICTURE) {
                int made = r->plan.candidates[all[i].ix].made;
                plan_made(&r->plan, s, all[i].ix, all[i].asset);
                r->plan.candidates[all[i].ix].made = made;      /* counted by its attempts already */
                if (all[i].verdict != CANDIDATE_UNSEEN)
                    plan_judged(&r->plan, all[i].ix, all[i].verdict);
            }
    return 0;
}

DB_SQL(run_people, "SELECT COUNT(*) FROM task_input WHERE task_id = ?");

int run_load(struct task_core *c, int64_t task, int64_t fence, struct run **ret_r, struct err *e) {
    struct db_tx *rd = db_reader(c->db);
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    struct loading l = { .r = r };
    int people = 0, rc = task__load_leased(rd, task, fence, &r->row, e);
    if (rc >= 0) {
        DB_ROWS rows = { 0 };
        if ((rc = db_one(rd, &rows, e, &run_people, DB_INT(task))) > 0)
            people = (int)db_int(&rows, 0);
    }
    r->c = c;
    r->engine = core_engine_of(c, r->row.engine);
    r->recipe = rc >= 0 ? studio_recipe(c->conf.studio, str_z(r->row.recipe)) : NULL;
    if (rc >= 0 && (!r->recipe || !r->engine || people > TASK_PEOPLE_MAX))
        rc = err_set(e, r->recipe ? ERR_ENGINE_MISSING : ERR_UNKNOWN_RECIPE, "%s on %s is not there any more", r->row.recipe, r->row.engine);
    if (rc >= 0)
        rc = plan_init(&r->plan, r->recipe, core_is_remote(r->engine), people, r->row.asked, r->row.need, c->tries_max, r->row.state, e);
    r->plan.round = r->row.round;
    if (rc >= 0)
        rc = task__attempt_each(rd, task, load_attempt, &l, e);
    if (rc >= 0)
        rc = load_candidates(c, r, e);
    if (rc < 0) {
        free(r);
        return rc;
    }
    for (size_t i = 0; i < l.n_unknown; i++) {
        int s = plan_step_of(&r->plan, str_z(l.unknown[i].op));
        call_resume(r, &l.unknown[i], (size_t)s, l.unknown[i].ix);
    }
    r->told_pm = r->row.progress_pm;
    r->whole = r->row.claims == 1;
    *ret_r = r;
    return 0;
}

/* ---- the list ---- */

void run_add(struct task_core *c, struct run *r) {
    struct run **at = &c->runs;
    while (*at && ((*at)->row.turn < r->row.turn || ((*at)->row.turn == r->row.turn && (*at)->row.id < r->row.id)))
        at = &(*at)->next;
    r->next = *at;
    *at = r;
    c->n_runs++;
    r->began_ms = clock_mono_ms();
}

void run_unlink(struct task_core *c, struct run *r) {
    struct run **at = &c->runs;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    c->n_runs--;
}

static void foretell_calls(const struct run *r, struct eta_run *to) {
    for (size_t s = 0; s < r->plan.n; s++)
        for (int u = 0; u < r->plan.steps[s].n; u++) {
            to->steps[s].todo += r->plan.steps[s].units[u].state == UNIT_TODO;
            to->stuck |= r->plan.steps[s].units[u].state == UNIT_UNKNOWN;
        }
    for (const struct call *k = r->calls; k; k = k->next) {
        struct eta_step *s = &to->steps[k->step];
        if (k->in_slot && s->busy < ETA_UNITS_MAX)
            s->began_ms[s->busy++] = k->began_ms;
    }
}

void run_foretell(struct task_core *c, int64_t now_ms) {
    int slots[CORE_ENGINES_MAX];
    size_t n = 0;
    c->told_late = now_ms - c->told_runs_ms < FORETELL_MS * (1 + c->n_runs / FORETELL_RUNS);
    if (c->told_late)
        return;
    c->told_runs_ms = now_ms;
    for (size_t i = 0; i < c->n_engines; i++)
        slots[i] = c->engines[i].slots;
    for (const struct run *r = c->runs; r && n < (size_t)c->runs_max + TASK_CLAIM_MAX; r = r->next) {
        if (r->late || r->gone)
            continue;
        struct eta_run *to = &c->told_runs[n++];
        *to = (struct eta_run){ .id = r->row.id, .turn = r->row.turn, .engine = (int)(r->engine - c->engines),
                                .recipe = eta_recipe_of(c->eta, r->row.recipe), .people = r->plan.people };
        foretell_calls(r, to);
    }
    eta_runs(c->eta, c->told_runs, n, slots, now_ms);
}

void run_free_if_over(struct run *r) {
    if (!r->gone || r->job_out || r->calls)
        return;
    run_unlink(r->c, r);
    free(r);
}

void run_stop(struct run *r) {
    for (struct call *k = r->calls, *next; k; k = next) {
        next = k->next;
        call_stop(k);
    }
}

void run_drop(struct run *r, const char *why) {
    if (r->gone)
        return;
    TASK_LOG(LOG_INFO, r->row.id, "task.dropped", F_STR("why", why));
    r->gone = true;
    run_stop(r);
}

/* ---- deciding and giving back (hand) ---- */

static int decide_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct run *r = arg;
    struct task_row t;
    int rc = task__load_leased(tx, r->row.id, r->row.fence, &t, e);
    if (rc >= 0)
        rc = r->plan.doomed ? task__fail(tx, r->c, &t, &r->why, e) : task__decide(tx, r->c, &t, r->has_why ? &r->why : NULL, e);
    r->decided = t.state;
    r->delivered = t.delivered;
    return rc;
}

static void decide_work(struct hand_job *j) {
    struct run *r = (struct run *)j;
    r->rc = failpoint_hit(FP_TASK_BEFORE_CHOOSING) < 0 ? err_sys(&r->err, ERR_IO, "cannot decide") : core_write(r->c, decide_fn, r, &r->err);
}

static void decide_then(struct hand_job *j) {
    struct run *r = (struct run *)j;
    struct task_core *c = r->c;
    r->job_out = false;
    core_disk(c, r->rc);
    if (r->rc >= 0 || r->rc == ERR_RACE) {
        long long ms = clock_mono_ms() - r->began_ms;
        if (r->rc >= 0 && r->whole && r->decided == TASK_CHOOSING && !r->engine_next[0])
            eta_decided(c->eta, eta_engine_of(c->eta, r->row.engine), eta_recipe_of(c->eta, r->row.recipe), r->plan.people, r->plan.asked, r->made);
        if (r->rc >= 0 && !r->engine_next[0])
            TASK_LOG(LOG_INFO, r->row.id, "task.decided", F_STR("state", task_state_name(r->decided)), F_INT("delivered", r->delivered),
                     F_INT("asked", r->row.asked), F_STR("engine", r->row.engine), F_INT("took_ms", ms), F_STR("why", r->plan.why.text));
        r->gone = true;
        run_stop(r);
    } else {
        if (r->rc != ERR_DISK_FULL)
            TASK_LOG(LOG_ERROR, r->row.id, "task.decide", F_STR("doing", "retrying"), F_ERR(&r->err));
        r->decide_at_ms = clock_mono_ms() + DECIDE_AGAIN_MS;
    }
}

static int give_back_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct run *r = arg;
    return task__lease_give_back(tx, r->c, r->row.id, r->row.fence, r->engine_next, e);
}

static void give_back_work(struct hand_job *j) {
    struct run *r = (struct run *)j;
    r->rc = core_write(r->c, give_back_fn, r, &r->err);
}

static void give(struct run *r, void (*work)(struct hand_job *), void (*then)(struct hand_job *)) {
    assert(!r->job_out);
    r->job = (struct hand_job){ .work = work, .then = then };
    r->job_out = true;
    hands_give(r->c->hands, &r->job);
}

/* Nothing is left to do here: on to the next engine, or to the end. */
static void finish(struct run *r) {
    const struct core_engine *next = r->plan.elsewhere && !r->plan.doomed ? core_engine_next(r->c, r->recipe, r->row.engine) : NULL;
    r->has_why = r->plan.why.code != 0;
    r->why = r->plan.why;
    if (next) {
        TASK_LOG(LOG_WARN, r->row.id, "task.elsewhere", F_STR("from", r->row.engine), F_STR("to", next->name), F_ERR(&r->why));
        snprintf(r->engine_next, sizeof(r->engine_next), "%s", next->name);
        give(r, give_back_work, decide_then);
    } else {
        give(r, decide_work, decide_then);
    }
}

/* ---- progress (hand) ---- */

static int progress_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct run *r = arg;
    struct task_row t;
    int rc = task__load_leased(tx, r->row.id, r->row.fence, &t, e);
    if (rc < 0 || (rc = task__tell_progress(tx, &t, r->progress_pm, e)) < 0)
        return rc;
    return task__save(tx, r->c, &t, e);
}

static void progress_work(struct hand_job *j) {
    struct run *r = (struct run *)j;
    r->rc = core_write(r->c, progress_fn, r, &r->err);
}

static void progress_then(struct hand_job *j) {
    struct run *r = (struct run *)j;
    r->job_out = false;
    if (r->rc == ERR_RACE)
        run_drop(r, "moved on without us");
    else
        core_disk(r->c, r->rc);      /* progress that could not be told is told next time */
}

bool run_may_tell(struct run *r) {
    int64_t now = clock_mono_ms();
    if (now - r->told_at_ms < PROGRESS_MS)
        return false;
    r->told_at_ms = now;
    return true;
}

static int running_pm(const struct run *r) {
    int pm = 0;
    for (const struct call *k = r->calls; k; k = k->next)
        pm += k->phase == CALL_WORKING ? k->progress_pm : k->phase == CALL_STORING ? 1000 : 0;
    return pm;
}

/* ---- one look ---- */

/* A step that is made here goes to our own models, whichever engine the task is on. */
struct core_engine *run_engine_of(const struct run *r, size_t step) {
    struct core_engine *local = r->plan.steps[step].step->here ? core_engine_of(r->c, "local") : NULL;
    return local ? local : r->engine;
}

/* The steps whose engine has a slot left; only: those of that engine alone, slots or not. */
static unsigned open_steps(const struct run *r, const struct core_engine *only) {
    unsigned open = 0;
    for (size_t s = 0; s < r->plan.n; s++) {
        const struct core_engine *g = run_engine_of(r, s);
        if (only ? g == only : core_slots_left(g) > 0)
            open |= 1u << s;
    }
    return open;
}

bool run_has_ready(const struct run *r, const struct core_engine *g, int64_t now_ms) {
    size_t s;
    int u;
    int64_t at;
    return !r->gone && !r->late && !r->job_out && plan_next(&r->plan, open_steps(r, g), now_ms, &s, &u, &at) == PLAN_START;
}

/*
 * Nothing of it is under way, and what is next waits for a lane that is shut: for as long as any task may wait, if its own deadline does not come
 * before. Then this engine is given up as one that failed: another one may do it, and if there is none, the person is told why.
 */
static void wait_for_lane(struct run *r, int64_t now_ms) {
    size_t s;
    int u;
    int64_t at;
    if (r->calls || plan_next(&r->plan, PLAN_ALL_STEPS, now_ms, &s, &u, &at) != PLAN_START)
        return;                      /* a call that tries a lane has not opened it yet */
    const struct core_engine *g = run_engine_of(r, s);
    if (!g->shut_since_ms) {
        r->kept_out_ms = 0;
        return;
    }
    r->kept_out_ms = r->kept_out_ms ? r->kept_out_ms : now_ms;
    if (now_ms - r->kept_out_ms < r->c->wait_ms || now_ms < r->decide_at_ms)
        return;
    TASK_LOG(LOG_WARN, r->row.id, "task.kept_out", F_STR("engine", g->name), F_INT("ms", now_ms - r->kept_out_ms), F_ERR(&g->shut_why));
    err_set(&r->plan.why, ERR_ENGINE_SHUT, "it took nothing for %lld s", (long long)((now_ms - r->kept_out_ms) / 1000));
    r->plan.elsewhere = true;
    finish(r);
}

void run_step(struct run *r) {
    int64_t now = clock_mono_ms(), at;
    size_t s;
    int u;
    if (r->gone || r->late || r->job_out)
        return;
    if (r->plan.doomed)
        run_stop(r);
    for (;;) {
        enum plan_next next = plan_next(&r->plan, open_steps(r, NULL), now, &s, &u, &at);
        if (next == PLAN_DECIDE) {
            /* Calls that are only asked about do not hold a doomed task back. */
            if (now >= r->decide_at_ms)
                finish(r);
            return;
        }
        if (next == PLAN_WAIT || atomic_load(&r->c->stopping))
            break;
        call_start(r, s, u);
    }
    wait_for_lane(r, now);
    if (r->job_out)
        return;
    int pm = plan_progress(&r->plan, running_pm(r));
    if (pm >= r->told_pm + PROGRESS_PM && run_may_tell(r)) {
        r->told_pm = r->progress_pm = pm;
        give(r, progress_work, progress_then);
    }
}

int64_t run_next_ms(const struct run *r) {
    int64_t at = INT64_MAX, soonest = INT64_MAX;
    size_t s;
    int u;
    for (const struct call *k = r->calls; k; k = k->next) {
        int64_t its = k->phase == CALL_WAITING ? k->ask_at_ms : k->poll_at_ms;
        if (!k->job_out && its)
            soonest = its < soonest ? its : soonest;
    }
    if (r->gone || r->late || r->job_out)
        return soonest;
    enum plan_next next = plan_next(&r->plan, open_steps(r, NULL), clock_mono_ms(), &s, &u, &at);
    if (next == PLAN_WAIT)
        soonest = at < soonest ? at : soonest;
    else if (next == PLAN_DECIDE)
        soonest = r->decide_at_ms < soonest ? r->decide_at_ms : soonest;
    if (r->kept_out_ms && r->kept_out_ms + r->c->wait_ms < soonest)
        soonest = r->kept_out_ms + r->c->wait_ms > r->decide_at_ms ? r->kept_out_ms + r->c->wait_ms : r->decide_at_ms;
    int64_t told = r->told_at_ms + PROGRESS_MS;
    if (plan_progress(&r->plan, running_pm(r)) >= r->told_pm + PROGRESS_PM && told < soonest)
        soonest = told;
    return soonest;
}
