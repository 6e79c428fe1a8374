/*
 * call.c - one attempt under way: from the intent on disk to the bytes at home.
 *
 *   BEGIN (hand) -> SENDING -> SUBMITTED (hand) -> WORKING -> STORING | FAILING (hand) -> over
 *   no answer to be had: LOSING (hand) -> WAITING -> REOPENING (hand) -> ASKING -> STORING | FAILING, or WAITING again
 *
 * All here runs on the dispatcher; what waits for the disk is in store.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "task/core.h"

#define CALL_ARENA_MAX (8u << 20)
#define BUSY_MS        100           /* an engine that said "not now" is asked again after this */
#define DISK_MS        1000          /* a full disk is looked at again after this */
#define POLL_MS        10000         /* a wake may be lost; a poll never is */
#define ASK_GROWS      30            /* the pause between two questions grows up to this many times the first */

static void give(struct call *k, enum call_phase phase, void (*work)(struct hand_job *), void (*then)(struct hand_job *)) {
    assert(!k->job_out);
    k->phase = phase;
    k->poll_at_ms = 0;
    k->job = (struct hand_job){ .work = work, .then = then };
    k->job_out = true;
    hands_give(k->run->c->hands, &k->job);
}

static void leave_slot(struct call *k) {
    if (!k->in_slot)
        return;
    k->in_slot = false;
    k->engine->busy--;
    atomic_fetch_sub(&k->run->c->stats.attempts_running, 1);
}

static void release_ticket(struct call *k) {
    if (k->ticket)
        k->engine->d->release(k->engine->g, k->ticket);
    k->ticket = NULL;
    leave_slot(k);
}

/* How long it held its slot, and since when what it made is on its way home. */
static void measure(struct call *k) {
    struct run *r = k->run;
    k->ended_ms = clock_mono_ms();
    if (r->late || !k->in_slot)
        return;
    r->made[k->step]++;
    eta_took(r->c->eta, (int)(r->engine - r->c->engines), eta_recipe_of(r->c->eta, r->row.recipe), k->step, k->ended_ms - k->began_ms);
}

static void close_inputs(struct call *k) {
    for (size_t i = 0; i < k->ec.n_in; i++)
        close(k->ec.in[i]);
    k->ec.n_in = 0;
}

/* The unit's state is set by the caller before; one that is still busy may be started again. */
static void end(struct call *k) {
    struct run *r = k->run;
    assert(!k->job_out);
    release_ticket(k);
    close_inputs(k);
    for (size_t i = 0; i < COUNT(k->put); i++)
        blob_put_abort(k->put[i]);
    struct call **at = &r->calls;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    if (r->late)
        r->gone = true;
    else if (r->plan.steps[k->step].units[k->unit].state == UNIT_BUSY)
        plan_again(&r->plan, k->step, k->unit, 0);
    arena_free(k->a);
    free(k);
}

static void unsent_then(struct hand_job *j) {
    struct call *k = (struct call *)j;
    k->job_out = false;
    end(k);
}

/* Whether its engine is sure that nobody over there has heard of it; it is cancelled. */
static bool was_not_sent(struct call *k) {
    const struct engine_driver *d = k->engine->d;
    struct engine_result res;
    struct err e;
    d->cancel(k->engine->g, k->ticket, &e);      /* best effort: the outcome is nobody's any more */
    return k->phase == CALL_SENDING && d->poll(k->engine->g, k->ticket, &res, &e) >= 0 && res.state == ENGINE_FAILED &&
           res.cost_microusd == 0;
}

void call_stop(struct call *k) {
    bool not_sent = k->ticket && !k->dead && k->engine->d->cancel && was_not_sent(k);
    if (k->job_out || not_sent)
        k->dead = true;
    if (not_sent && !k->job_out)
        give(k, CALL_FAILING, store_unsent, unsent_then);
    else if (!k->job_out)
        end(k);
}

/* True when the call goes on after its job; else it was ended here. */
static bool back(struct hand_job *j, struct call **ret_k) {
    struct call *k = (struct call *)j;
    k->job_out = false;
    core_disk(k->run->c, k->rc);
    if (k->dead || k->run->gone) {
        if (k->phase == CALL_BEGIN && k->rc >= 0 && !(k->engine->d->can & ENGINE_CAN_REPEAT))
            give(k, CALL_FAILING, store_unsent, unsent_then);    /* its intent was all there was of it */
        else
            end(k);
        return false;
    }
    if (k->rc == ERR_RACE && !k->run->late) {
        run_drop(k->run, "moved on without us");/* ends this call too */
        return false;
    }
    *ret_k = k;
    return true;
}

/* What went wrong on our own side before or after the engine's part. */
static void went_wrong(struct call *k, const struct err *why, int rc) {
    struct run *r = k->run;
    int64_t now = clock_mono_ms();
    if (!r->late && (rc == ERR_DISK_FULL || rc == ERR_BUSY || rc == ERR_STOPPING))
        plan_again(&r->plan, k->step, k->unit, now + (rc == ERR_DISK_FULL ? DISK_MS : BUSY_MS));
    else if (!r->late)
        plan_failed(&r->plan, k->step, k->unit, why, k->input_at_fault, now);
    if (rc != ERR_BUSY && rc != ERR_DISK_FULL)
        TASK_LOG(LOG_WARN, k->row.task, "task.attempt", F_STR("op", k->op->name), F_INT("ix", k->unit),
                  F_STR("engine", k->row.engine), F_ERR(why));
    end(k);
}

/* ---- failing and losing sight ---- */

static void failed_then(struct hand_job *j) {
    struct call *k;
    struct err why = ((struct call *)j)->err;
    atomic_fetch_add(&((struct call *)j)->run->c->stats.attempts_failed, 1);
    if (back(j, &k))
        went_wrong(k, &why, why.code);
}

/* The engine says no, or it can be repeated and our side failed. cost: of the call, which is over. */
static void fail(struct call *k, const struct err *why, int64_t cost_microusd) {
    if (k->phase == CALL_WORKING)
        measure(k);
    release_ticket(k);
    k->err = *why;
    k->row.cost_microusd = cost_microusd;
    give(k, CALL_FAILING, store_failed, failed_then);
}

/* Of a decided task the clock asks again (keep.c), perhaps in another process. */
static void wait_to_ask(struct call *k) {
    int64_t first = k->run->c->ask_ms;
    if (k->run->late) {
        end(k);
        return;
    }
    k->phase = CALL_WAITING;
    k->ask_wait_ms = k->ask_wait_ms ? 2 * k->ask_wait_ms : first;
    if (k->ask_wait_ms > ASK_GROWS * first)
        k->ask_wait_ms = ASK_GROWS * first;
    k->ask_at_ms = clock_mono_ms() + k->ask_wait_ms;
}

static void unknown_then(struct hand_job *j) {
    struct call *k;
    if (!back(j, &k))
        return;
    release_ticket(k);
    if (!k->run->late)
        plan_unknown(&k->run->plan, k->step, k->unit);
    TASK_LOG(LOG_WARN, k->row.task, "task.unknown", F_STR("op", k->op->name), F_INT("ix", k->unit),
              F_STR("engine", k->row.engine), F_INT("attempt", k->row.id), F_ERR(&k->err));
    wait_to_ask(k);
}

/* Its engine has it until the row says that it is lost: meanwhile no other lost call may take it for its own. */
static void lose(struct call *k, const struct err *why) {
    leave_slot(k);
    k->err = *why;
    give(k, CALL_LOSING, store_unknown, unknown_then);
}

/* ---- the answer ---- */

static void stored_then(struct hand_job *j) {
    struct call *k;
    if (!back(j, &k))
        return;
    struct run *r = k->run;
    if (k->rc < 0) {
        struct err why = k->err;
        if (k->engine->d->can & ENGINE_CAN_REPEAT)
            fail(k, &why, k->row.cost_microusd); /* the picture is lost, but it can be made again */
        else
            lose(k, &why);                       /* it has cost something: fetched again */
        return;
    }
    atomic_fetch_add(&r->c->stats.steps, 1);
    atomic_fetch_add(&r->c->stats.step_ms_sum, clock_mono_ms() - k->began_ms);
    if (!r->late)
        eta_stored(r->c->eta, (int)(r->engine - r->c->engines), eta_recipe_of(r->c->eta, r->row.recipe), k->step, clock_mono_ms() - k->ended_ms);
    if (!r->late && k->op->kind != OP_VERDICT)
        plan_made(&r->plan, k->step, k->unit, k->made_asset);
    if (!r->late && k->judged)
        plan_judged(&r->plan, k->unit, k->verdict);
    end(k);
}

static void store(struct call *k, const struct engine_result *res) {
    struct run *r = k->run;
    k->facts = arena_str(k->a, res->facts);
    k->row.cost_microusd = res->cost_microusd;
    measure(k);
    release_ticket(k);
    close_inputs(k);
    if (!r->late) {
        struct plan then = r->plan;
        then.steps[k->step].units[k->unit].state = UNIT_DONE;
        k->result_progress_pm = run_may_tell(r) ? plan_progress(&then, 0) : 0;
    }
    give(k, CALL_STORING, store_result, stored_then);
}

static void submitted_then(struct hand_job *j) {
    struct call *k;
    if (!back(j, &k))
        return;
    if (k->rc < 0) {
        struct err why = k->err;
        if (k->engine->d->can & ENGINE_CAN_REPEAT)
            fail(k, &why, 0);
        else
            lose(k, &why);                       /* they have it, and only we could not note that */
        return;
    }
    k->phase = CALL_WORKING;
    call_poll(k, clock_mono_ms());
}

/* When we end the call ourselves; an engine that keeps the limit is left to it, and so is one that is only asked. */
static int64_t limit_of(const struct call *k) {
    bool theirs = k->phase == CALL_ASKING || (k->engine->d->can & ENGINE_CAN_LIMIT);
    return theirs ? INT64_MAX : k->ec.deadline_ms;
}

/* What the engine says about a call that is with it. */
static void answer(struct call *k, const struct engine_result *res, int64_t now_ms) {
    bool asking = k->phase == CALL_ASKING;
    k->poll_at_ms = res->poll_at_ms ? res->poll_at_ms : now_ms + POLL_MS;
    if (k->poll_at_ms > limit_of(k))
        k->poll_at_ms = limit_of(k);
    k->progress_pm = res->progress_pm;
    if (res->remote_id.n)
        snprintf(k->row.remote_id, sizeof(k->row.remote_id), "%.*s", STR_ARG(res->remote_id));
    switch (res->state) {
    case ENGINE_SENDING:
        return;
    case ENGINE_WORKING:
    case ENGINE_DONE:
        if (k->phase == CALL_SENDING)
            give(k, CALL_SUBMITTED, store_submitted, submitted_then);   /* and it is asked again when that is on disk */
        else if (res->state == ENGINE_DONE)
            store(k, res);
        return;
    case ENGINE_FAILED:
        k->input_at_fault = res->input_at_fault;
        fail(k, &res->err, res->cost_microusd);
        return;
    case ENGINE_UNKNOWN:
        if (!asking) {
            lose(k, &res->err);
            return;
        }
        release_ticket(k);
        wait_to_ask(k);
        return;
    }
}

/* ---- asking about an unknown call ---- */

static void reopened_then(struct hand_job *j) {
    struct call *k;
    struct err why;
    if (!back(j, &k))
        return;
    struct core_engine *g = k->engine;
    int r = k->rc < 0 ? k->rc : g->d->reconcile(g->g, &k->ec, str_z(k->row.remote_id), &k->ticket, &why);
    if (r >= 0) {
        k->phase = CALL_ASKING;
        call_poll(k, clock_mono_ms());
    } else if (r == ERR_NOT_FOUND) {
        why.code = ATTEMPT_LOST;                 /* it never happened: an open task makes it again, at no cost of a try */
        fail(k, &why, 0);
    } else {
        wait_to_ask(k);
    }
}

static void ask(struct call *k) {
    if (!k->engine || !k->engine->d->reconcile)
        wait_to_ask(k);                          /* until the deadline or the write-off */
    else
        give(k, CALL_REOPENING, store_reopen, reopened_then);
}

/* The engine did not keep to the limit by itself. */
static void overdue(struct call *k) {
    const struct engine_driver *d = k->engine->d;
    struct err e;
    if (d->cancel && was_not_sent(k)) {
        err_set(&e, ERR_UPSTREAM, "%s waited for its turn until its limit", k->op->name);
        fail(k, &e, 0);                          /* it was never sent, so nobody has to be asked about it */
        return;
    }
    if (d->can & ENGINE_CAN_REPEAT) {
        err_set(&e, ERR_MEDIA_TIME, "%s took longer than its limit", k->op->name);
        fail(k, &e, 0);
    } else {
        err_set(&e, ERR_UNCERTAIN, "%s gave no answer within its limit", k->op->name);
        lose(k, &e);
    }
}

void call_poll(struct call *k, int64_t now_ms) {
    struct engine_result res;
    struct err e;
    if (k->job_out || k->dead)
        return;
    if (k->run->late && clock_ms() - k->row.created_ms > k->run->c->late_ms) {
        call_stop(k);                            /* keep.c writes it off */
        return;
    }
    if (k->phase == CALL_WAITING) {
        if (now_ms >= k->ask_at_ms && !atomic_load(&k->run->c->stopping))
            ask(k);
        return;
    }
    if (!k->ticket)
        return;
    if (now_ms >= limit_of(k)) {
        overdue(k);
        return;
    }
    int r = k->engine->d->poll(k->engine->g, k->ticket, &res, &e);
    if (r < 0)
        fail(k, &e, 0);
    else
        answer(k, &res, now_ms);
}

/* ---- beginning ---- */

static void begun_then(struct hand_job *j) {
    struct call *k;
    struct err e;
    if (!back(j, &k))
        return;
    if (k->rc < 0) {
        struct err why = k->err;
        went_wrong(k, &why, k->rc);
        return;
    }
    struct core_engine *g = k->engine;
    int r = g->d->submit(g->g, &k->ec, &k->ticket, &e);
    failpoint_hit(FP_TASK_AFTER_SUBMIT);
    close_inputs(k);                             /* the engine has its own */
    if (r == ERR_UNCERTAIN) {
        lose(k, &e);
    } else if (r < 0) {
        fail(k, &e, 0);
    } else {
        k->phase = CALL_SENDING;
        call_poll(k, clock_mono_ms());
    }
}

static struct call *call_new(struct run *r, const struct op *op, size_t step, int unit) {
    struct call *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->run = r;
    k->engine = r->engine;
    k->step = step;
    k->unit = unit;
    k->op = op;
    k->a = arena_new(CALL_ARENA_MAX);
    k->began_ms = clock_mono_ms();
    k->next = r->calls;
    r->calls = k;
    return k;
}

void call_start(struct run *r, size_t step, int unit) {
    const struct plan_step *s = &r->plan.steps[step];
    struct call *k = call_new(r, s->op, step, unit);
    bool of_candidate = s->step->per == STUDIO_PER_CANDIDATE;
    k->engine = run_engine_of(r, step);
    plan_started(&r->plan, step, unit);
    k->plan = r->plan;
    k->row = (struct task__attempt){
        .id = id_new(), .task = r->row.id, .fence = r->row.fence, .ix = unit, .state = ATTEMPT_INTENT, .created_ms = clock_ms(),
        .seed = of_candidate ? plan_seed(&r->plan, unit) : 0, .variant = of_candidate ? plan_variant(&r->plan, unit) : 0,
    };
    snprintf(k->row.op, sizeof(k->row.op), "%s", s->op->name);
    snprintf(k->row.engine, sizeof(k->row.engine), "%s", k->engine->name);
    k->ec = (struct engine_call){ .attempt = k->row.id, .op = str_z(s->op->name), .deadline_ms = k->began_ms + s->step->limit_ms };
    k->in_slot = true;
    k->engine->busy++;
    atomic_fetch_add(&r->c->stats.attempts_running, 1);
    give(k, CALL_BEGIN, store_begin, begun_then);
}

static void resume(struct call *k, const struct task__attempt *a) {
    k->row = *a;
    k->ec = (struct engine_call){ .attempt = a->id, .op = str_z(k->op->name), .cost_microusd = a->cost_microusd, .deadline_ms = INT64_MAX };
    k->phase = CALL_WAITING;
    k->ask_at_ms = k->began_ms;                  /* at once; then with growing pauses */
}

void call_resume(struct run *r, const struct task__attempt *a, size_t step, int unit) {
    struct call *k = call_new(r, r->plan.steps[step].op, step, unit);
    k->engine = core_engine_of(r->c, a->engine); /* whoever made it, wherever the task has gone since */
    plan_unknown(&r->plan, step, unit);
    resume(k, a);
}

struct call *call_late(struct task_core *c, const struct task__attempt *a, const struct op *op) {
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->c = c;
    r->late = true;
    r->engine = core_engine_of(c, a->engine);
    r->row.id = a->task;
    struct call *k = call_new(r, op, 0, a->ix);
    resume(k, a);
    return k;
}
