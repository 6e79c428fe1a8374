/*
 * core.h - the dispatcher's own: engines, runs (tasks leased by this process) and calls (attempts under way).
 * Threads: everything here belongs to the dispatcher thread but for what says otherwise. A call or run whose job is on a hand is
 *          not touched by the dispatcher until the job comes back; what the hand needs is copied into it before.
 */
#ifndef ZT_TASK_CORE_H
#define ZT_TASK_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/few.h"
#include "base/log.h"
#include "blob/blob.h"
#include "engine/engine.h"
#include "task/eta.h"
#include "task/hands.h"
#include "task/internal.h"
#include "task/op.h"
#include "task/plan.h"

#define CORE_ENGINES_MAX 32
/* One slot per db_on_commit() of a whole batch of the write lane (256 functions, 16 hooks each), so that none is used again before its hook ran. */
#define CORE_WAKES       4096
#define CORE_MOVED_MAX   256         /* tasks that are looked at by themselves; beyond, all of ours are */

struct call;
struct run;

/* One line about one task. */
#define TASK_LOG(level, id, event, ...)                                                                                          \
    do {                                                                                                                         \
        log_ctx_set((struct log_ctx){ .task = (id) });                                                                           \
        log_event((level), (event), ##__VA_ARGS__);                                                                              \
        log_ctx_set((struct log_ctx){ 0 });                                                                                      \
    } while (0)

/* One lane of an engine, with a line of its own; most engines are one lane. */
struct core_engine {
    char name[ENGINE_NAME_MAX + 1];  /* as in task and attempt rows */
    const struct engine_driver *d;
    struct engine *g;                /* shared by its lanes */
    size_t lane;
    int  slots;                      /* as it said at the beginning of this turn of the loop */
    int  busy;                       /* calls from their beginning until the engine is done with them */
    bool claiming;                   /* a claim is on a hand */
    bool dry;                        /* nothing to claim until somebody wakes us */
    int64_t shut_since_ms;           /* clock_mono_ms(); 0: it takes work. Written by the dispatcher, under lanes_lock, as is shut_why */
    struct err shut_why;             /* for the operator */
};

struct core_wake {
    struct task_core *c;
    struct eta_task task;            /* engine -1 and open: only its stream is woken */
};

/* Numbers other threads may read. */
struct core_stats {
    atomic_llong attempts_running, attempts_failed, step_ms_sum, steps;
};

struct task_core {
    struct task_core_conf conf;
    struct db  *db;
    int64_t     lease_ms, wait_ms, late_ms, ask_ms;
    int         account_max, line_max, runs_max, tries_max, claims_max;
    struct core_engine engines[CORE_ENGINES_MAX];
    size_t      n_engines;
    struct core_stats stats;
    struct hands *hands;
    struct eta  *eta;

    /* any thread */
    int64_t     opened_ms;           /* clock_mono_ms() */
    pthread_mutex_t lanes_lock;
    int         wake_fd;             /* eventfd */
    atomic_bool line_changed;        /* there may be something to claim */
    pthread_mutex_t moved_lock;
    int64_t     moved[CORE_MOVED_MAX];    /* tasks that may have been taken from us */
    unsigned    n_moved;             /* over CORE_MOVED_MAX: too many to name */
    struct few  named;               /* lost calls whose name came by a notice */
    atomic_llong heard[CORE_ENGINES_MAX][TASK_HEARD_COUNT];
    atomic_bool stopping;
    atomic_llong stop_at_ms;         /* clock_mono_ms(): steps under way are given up */
    struct core_wake wakes[CORE_WAKES];   /* writer thread */
    unsigned    wakes_used;
    int64_t     line_room;           /* writer thread: task__turn_take() */

    pthread_t   thread;
    bool        started;
    struct run *runs;                /* in order of their turns */
    int         n_runs;
    struct eta_run *told_runs;       /* runs_max + TASK_CLAIM_MAX: what eta was told last */
    int64_t     told_runs_ms;
    bool        told_late;           /* there was no time for it: in a moment */
    int64_t     renew_at_ms, tick_at_ms;
    bool        renewing, ticking;   /* their jobs are on a hand */
    bool        disk_full;           /* said in the log, not healed yet */
};

/* ---- core.c ---- */
/* Runs fn in the write lane and waits; a full ring is waited out for a while. Hands and start-up only. */
int core_write(struct task_core *c, db_write_fn *fn, void *arg, struct err *e);
struct core_engine *core_engine_of(struct task_core *c, const char *name);       /* NULL: not in this process */
static inline bool core_is_remote(const struct core_engine *g) { return g->d->can & ENGINE_IS_REMOTE; }
static inline int core_slots_left(const struct core_engine *g) { return g->slots - g->busy; }
/* Any thread. Since how long (ms, 1..) that lane takes nothing; 0: it does, or c is NULL; -1: this process does not have it. */
int64_t core_shut_ms(struct task_core *c, const char *engine);
/* The recipe's engines in order, or those of engine.use: the one behind `after` (NULL: the first) that can make it, or NULL. */
struct core_engine *core_engine_next(struct task_core *c, const struct studio_recipe *r, const char *after);
int core_names(void *arg, int64_t attempt, struct str holds, void (*tell)(void *to, struct str remote_id), void *to);     /* engine_ctx.names; arg: c */
void core_disk(struct task_core *c, int rc);                                    /* notes a full disk and its end, once each, in the log */

/* ---- lend.c: what services outside are given ---- */
void lend_to(struct call *k);                                        /* on a hand: links to the inputs of a call, and where it may tell about it */
void lend_take_named(struct task_core *c, int64_t now_ms);           /* lost calls that have a name now are asked about at once */

/* ---- run.c: one leased task ---- */
struct run {
    struct hand_job job;             /* loading, deciding, giving back, telling progress: one at a time */
    bool        job_out;             /* the job is on a hand */
    struct task_core *c;
    struct run *next;
    struct core_engine *engine;
    const struct studio_recipe *recipe;
    struct task_row row;             /* as loaded */
    struct plan plan;
    struct call *calls;
    int         made[STUDIO_STEPS_MAX];   /* calls of each step that came to an end */
    bool        whole;               /* all of its calls were made by this run */
    bool        late;                /* not leased: only asks for the outcome of one attempt of a decided task; plan and recipe are empty */
    bool        gone;                /* lost or finished: freed when the last job is back */
    int64_t     began_ms, decide_at_ms, told_at_ms;   /* clock_mono_ms() */
    int64_t     kept_out_ms;         /* clock_mono_ms() since which what is next waits for a lane that is shut; 0: not so */
    int         told_pm;
    /* between the dispatcher and the job */
    int         rc;
    struct err  err, why;
    bool        has_why;
    int         progress_pm, delivered;
    enum task_state decided;
    char        engine_next[33];
};
int run_load(struct task_core *c, int64_t task, int64_t fence, struct run **ret_r, struct err *e);   /* on a hand */
void run_add(struct task_core *c, struct run *r);
void run_step(struct run *r);                                        /* starts, decides, tells: whatever is due */
struct core_engine *run_engine_of(const struct run *r, size_t step);
bool run_has_ready(const struct run *r, const struct core_engine *g, int64_t now_ms);
bool run_may_tell(struct run *r);                                    /* progress is told at most 4 times a second; true: now, and it counts */
void run_stop(struct run *r);                                        /* ends its calls, each as soon as no hand has it */
void run_foretell(struct task_core *c, int64_t now_ms);             /* tells eta what is in hand */
void run_drop(struct run *r, const char *why);                       /* somebody else has it: everything under way is stopped */
void run_unlink(struct task_core *c, struct run *r);
void run_free_if_over(struct run *r);
int64_t run_next_ms(const struct run *r);                            /* clock_mono_ms() at which it must be looked at again */

/* ---- call.c: one attempt under way ---- */
enum call_phase {
    CALL_BEGIN,                      /* hand: inputs opened, intent committed */
    CALL_SENDING,                    /* engine: not yet taken */
    CALL_SUBMITTED,                  /* hand: writing that it was taken */
    CALL_WORKING,                    /* engine */
    CALL_STORING,                    /* hand: bytes brought home, result committed */
    CALL_FAILING,                    /* hand: failure committed */
    CALL_LOSING,                     /* hand: unknown committed */
    CALL_WAITING,                    /* unknown: until ask_at_ms */
    CALL_REOPENING,                  /* hand: files for an answer that may come */
    CALL_ASKING,                     /* engine: the outcome of an unknown call is on its way */
};
struct call {
    struct hand_job job;
    bool        job_out;
    struct call *next;
    struct run *run;
    struct core_engine *engine;      /* the run's, or the local one for a step that is made here; NULL: of an unknown call whose engine is not here any more */
    size_t      step;
    int         unit;
    const struct op *op;
    enum call_phase phase;
    struct task__attempt row;
    struct engine_call ec;           /* row.cost_microusd: foreseen; what it did cost from STORING or FAILING on */
    struct blob_put *put[ENGINE_OUTS_MAX];
    struct arena *a;
    void       *ticket;
    bool        in_slot;             /* counted in engine->busy */
    bool        dead;                /* stopped while its job is on a hand: freed when it comes back */
    int64_t     poll_at_ms, ask_at_ms, ask_wait_ms, began_ms, ended_ms;   /* clock_mono_ms() */
    int         progress_pm;
    /* copies for the hand */
    struct plan plan;
    struct str  facts;               /* in a */
    int         result_progress_pm;
    /* back from the hand or the engine */
    int         rc;
    struct err  err;
    bool        input_at_fault;
    int64_t     made_asset;
    int         verdict;
    bool        judged;
};
void call_start(struct run *r, size_t step, int unit);
void call_resume(struct run *r, const struct task__attempt *a, size_t step, int unit);   /* an unknown one: it will be asked about */
void call_poll(struct call *k, int64_t now_ms);
/* Cancels and releases the ticket, and frees the call as soon as no hand has it; its unit may be started again. The attempt's row is
 * settled by whoever decides the task or gives it back. */
void call_stop(struct call *k);
struct call *call_late(struct task_core *c, const struct task__attempt *a, const struct op *op);   /* in a run of its own */

/* ---- store.c: hands ---- */
void store_begin(struct hand_job *j);
void store_submitted(struct hand_job *j);
void store_result(struct hand_job *j);
void store_failed(struct hand_job *j);
void store_unknown(struct hand_job *j);
void store_unsent(struct hand_job *j);                               /* of a call that was stopped; no lease is needed, for it was surely not made */
void store_reopen(struct hand_job *j);

/* ---- learn.c: what eta knows at start, from the tables ---- */
int learn_open(struct task_core *c, struct err *e);                 /* after recovery, before the first claim */

/* ---- keep.c: what is due by the clock ---- */
void keep_tick(struct task_core *c, int64_t now_ms);                 /* renews leases, rings alarms, asks about unknown calls of decided tasks */
/* Before the first claim: leases of the process before are void, its calls are settled. */
int keep_recover(struct task_core *c, struct err *e);

#endif
