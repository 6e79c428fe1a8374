/* plan.c - see plan.h. */
#include "task/plan.h"

#include <assert.h>
#include "task/op.h"

#define BACKOFF_FIRST_MS 50          /* a died child is tried again within a second */
#define BACKOFF_MAX_MS   5000
#define SEED_STEP        1000        /* between the pictures of one candidate; the recipe's own seeds stay apart */
#define ROUND_STEP       100         /* pictures of one candidate between the tasks that are made of the same inputs */
#define VARIANTS         64          /* see compose in media/ops.def */

int plan_init(struct plan *p, const struct studio_recipe *recipe, bool remote, int people, int asked, int need, int tries_max,
              enum task_state reached, struct err *e) {
    assert(people >= 0 && people <= TASK_PEOPLE_MAX && asked >= 1 && asked <= TASK_CANDIDATES_MAX);
    struct plan out = { .recipe = recipe, .people = people, .asked = asked, .need = need, .tries_max = tries_max, .reached = reached };
    for (size_t i = 0; i < recipe->n_steps; i++) {
        const struct studio_step *s = &recipe->steps[i];
        struct plan_step *to = &out.steps[out.n++];
        int state = task__state_of(s->state);
        to->step = s;
        to->op = op_of(s->op);
        if (!to->op || to->op->per != s->per || state < TASK_PREPARING || !task__open((enum task_state)state))
            return err_set(e, ERR_CONFIG, "recipe %.*s: cannot run the step %.*s", STR_ARG(recipe->name), STR_ARG(s->op));
        to->state = (enum task_state)state;
        to->n = !studio_step_is_of(s, remote) ? 0 : s->per == STUDIO_PER_PERSON ? people : s->per == STUDIO_PER_CANDIDATE ? asked : 1;
    }
    for (int k = 0; k < asked; k++)
        out.candidates[k].verdict = CANDIDATE_UNSEEN;
    *p = out;
    return 0;
}

int plan_step_of(const struct plan *p, struct str op) {
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->steps[i].step->op, op))
            return (int)i;
    return -1;
}

static bool settled(enum unit_state s) {
    return s == UNIT_DONE || s == UNIT_LOST || s == UNIT_UNKNOWN;
}

/* A state begins when all units of the states before it are settled, and stays begun. */
static bool state_begun(const struct plan *p, enum task_state state) {
    if (state <= p->reached)
        return true;
    for (size_t s = 0; s < p->n; s++)
        for (int u = 0; u < p->steps[s].n; u++)
            if (p->steps[s].state < state && !settled(p->steps[s].units[u].state))
                return false;
    return true;
}

/* Everything this unit builds upon is there. */
static bool ready(const struct plan *p, size_t step, int unit) {
    for (size_t s = 0; s < step; s++) {
        const struct plan_step *before = &p->steps[s];
        bool same = before->step->per == p->steps[step].step->per && before->step->per != STUDIO_PER_TASK;
        for (int u = 0; u < before->n; u++)
            if ((!same || u == unit) && before->units[u].state != UNIT_DONE)
                return false;
    }
    return true;
}

enum plan_next plan_next(const struct plan *p, unsigned steps, int64_t now_ms, size_t *ret_step, int *ret_unit, int64_t *ret_at_ms) {
    bool waiting = false;
    int64_t at_ms = INT64_MAX;
    for (size_t s = 0; s < p->n; s++)
        for (int u = 0; u < p->steps[s].n; u++) {
            const struct plan_unit *unit = &p->steps[s].units[u];
            if (unit->state == UNIT_BUSY) {
                waiting = true;
            } else if (unit->state == UNIT_UNKNOWN) {
                waiting |= !p->doomed;
            } else if (unit->state == UNIT_TODO && !p->doomed && state_begun(p, p->steps[s].state) && ready(p, s, u)) {
                if (!(steps & 1u << s)) {
                    waiting = true;
                    continue;
                }
                if (unit->not_before_ms <= now_ms) {
                    *ret_step = s;
                    *ret_unit = u;
                    return PLAN_START;
                }
                waiting = true;
                at_ms = unit->not_before_ms < at_ms ? unit->not_before_ms : at_ms;
            }
        }
    *ret_at_ms = at_ms;
    return waiting ? PLAN_WAIT : PLAN_DECIDE;
}

void plan_started(struct plan *p, size_t step, int unit) {
    struct plan_step *s = &p->steps[step];
    assert(s->units[unit].state == UNIT_TODO || s->units[unit].state == UNIT_UNKNOWN);
    s->units[unit].state = UNIT_BUSY;
    if (s->state > p->reached)
        p->reached = s->state;
}

bool plan_has_checks(const struct plan *p) {
    for (size_t s = 0; s < p->n; s++)
        if (p->steps[s].op->kind == OP_VERDICT && p->steps[s].n)
            return true;
    return false;
}

void plan_made(struct plan *p, size_t step, int unit, int64_t asset) {
    struct plan_unit *u = &p->steps[step].units[unit];
    u->state = UNIT_DONE;
    u->asset = asset;
    u->tries = 0;
    if (p->steps[step].op->kind != OP_PICTURE)
        return;
    p->candidates[unit].made++;
    p->candidates[unit].verdict = CANDIDATE_UNSEEN;
    for (size_t s = step + 1; s < p->n; s++)
        if (p->steps[s].step->per == STUDIO_PER_CANDIDATE)
            p->steps[s].units[unit] = (struct plan_unit){ .state = UNIT_TODO };
    if (!plan_has_checks(p))
        plan_judged(p, unit, CANDIDATE_FINE);
}

void plan_judged(struct plan *p, int candidate, int verdict) {
    struct plan_candidate *k = &p->candidates[candidate];
    k->verdict = verdict;
    bool again = verdict == CANDIDATE_BROKEN && k->made <= p->recipe->reruns;
    for (size_t s = 0; s < p->n; s++) {
        struct plan_step *step = &p->steps[s];
        if (step->step->per != STUDIO_PER_CANDIDATE)
            continue;
        if (again)
            step->units[candidate] = (struct plan_unit){ .state = UNIT_TODO };
        else if (step->op->kind == OP_VERDICT)
            step->units[candidate].state = UNIT_DONE;
    }
}

void plan_again(struct plan *p, size_t step, int unit, int64_t at_ms) {
    struct plan_unit *u = &p->steps[step].units[unit];
    u->state = UNIT_TODO;
    u->not_before_ms = at_ms;
}

void plan_failed(struct plan *p, size_t step, int unit, const struct err *why, bool input_at_fault, int64_t now_ms) {
    struct plan_unit *u = &p->steps[step].units[unit];
    u->tries++;
    if (!input_at_fault && err_reason(why->code)->retry == RETRY_LATER && u->tries < p->tries_max) {
        int64_t wait_ms = (int64_t)BACKOFF_FIRST_MS << (2 * (u->tries - 1));
        plan_again(p, step, unit, now_ms + (wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS));
        return;
    }
    u->state = UNIT_LOST;
    p->why = *why;
    if (input_at_fault)
        p->doomed = true;
    else
        p->elsewhere = true;
}

void plan_unknown(struct plan *p, size_t step, int unit) {
    p->steps[step].units[unit].state = UNIT_UNKNOWN;
}

int64_t plan_seed(const struct plan *p, int candidate) {
    return p->recipe->seeds[candidate] + (int64_t)SEED_STEP * (p->candidates[candidate].made + ROUND_STEP * p->round);
}

int plan_variant(const struct plan *p, int candidate) {
    return (candidate + p->asked * (p->candidates[candidate].made + p->round)) % VARIANTS;
}

int plan_progress(const struct plan *p, int running_pm) {
    int all = 0, done = 0;
    for (size_t s = 0; s < p->n; s++)
        for (int u = 0; u < p->steps[s].n; u++) {
            all++;
            done += p->steps[s].units[u].state == UNIT_DONE || p->steps[s].units[u].state == UNIT_LOST;
        }
    int pm = all ? (1000 * done + running_pm) / all : 0;
    return pm > 999 ? 999 : pm;      /* 1000 is for choosing */
}
