/*
 * task.h - tasks, attempts, candidates, their events, and the dispatcher that drives them.
 * Owns: task, task_input, attempt, candidate, event tables; the dispatcher thread.
 * Invariants: a state change, its ledger entries and its event are ONE transaction; an attempt row is committed before its call is made;
 *             every write of a worker names the fence (lease number) it claimed with; a candidate's bytes are home before its row exists.
 * States and edges: task/state.c, the only place that moves a task.
 */
#ifndef ZT_TASK_TASK_H
#define ZT_TASK_TASK_H

#include "base/arena.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/err.h"

struct db;
struct db_tx;

struct blob_store;
struct media;
struct studio;
struct studio_recipe;

#define TASK_STATES(X) \
    X(QUEUED, "queued") X(PREPARING, "preparing") X(RUNNING, "running") X(CHECKING, "checking") \
    X(CHOOSING, "choosing") X(DONE, "done") X(FAILED, "failed") X(CANCELLED, "cancelled")
enum task_state {
#define X(id, text) TASK_##id,
    TASK_STATES(X)
#undef X
    TASK_STATE_COUNT
};
const char *task_state_name(enum task_state s);

struct task_person { int64_t asset; int face; };          /* photo asset and index of the ticked face in its facts */
struct task_new {
    int64_t    id, account;
    const struct studio_recipe *recipe;
    struct task_person people[8];
    size_t     n_people;
    struct str template_name;                              /* "" when backdrop is a photo */
    int64_t    backdrop_asset;                             /* 0 when a template */
    int        candidates;                                 /* asked */
    int64_t    price_credits;                              /* held in all */
    struct str product;                                    /* that sells it, for the books; may be empty */
    struct str params;                                     /* JSON object, merged over the recipe's */
    int        weight;                                     /* fair turns: 1 free … 8 */
    int        quality_px;                                 /* longest side of what is delivered; 0: as the parameters say */
    bool       mark;                                       /* the product's brand in the picture */
    int64_t    keep_inputs_ms;                             /* after the end; 0: as the recipe says */
    int64_t    again_of;                                   /* the task whose inputs these are, 0 = none */
    int        round;                                      /* how many were made of them before: other seeds, so other pictures */
};
/* Whether the steps of the recipe know these parameters and their values; before anything is priced. ERR_BAD_JSON, ERR_BAD_INPUT, ERR_UNKNOWN_FIELD. */
int task_params_check(const struct studio_recipe *recipe, struct str params, struct err *e);
/* Takes the hold, makes the row in state queued with its first event. Inside a write function. The dispatcher is woken on commit. */
struct task_core;
int task_create(struct db_tx *tx, struct task_core *c, const struct task_new *t, struct err *e);
/* Owner's pick: choosing -> done. ERR_STATE, ERR_NOT_FOUND; ERR_GONE when that picture was deleted. */
int task_pick(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, int candidate, struct err *e);
/* Owner's or operator's (account 0) cancel of one of the first four states: hold released, work under way is stopped. */
int task_cancel(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, struct err *e);
/* The owner takes a photo back: every task of theirs under way that is made from it, or before it, is cancelled. */
int task_cancel_using(struct db_tx *tx, struct task_core *c, int64_t asset, int64_t account, struct err *e);

/* The same inputs once more, by other seeds, at price 0; new_id: of the new task. ERR_STATE while the first is open, ERR_PHOTO_GONE when a photo was
 * deleted. It lengthens the life of the photos by the time it takes. */
int task_again(struct db_tx *tx, struct task_core *c, int64_t task, int64_t new_id, struct err *e);
/* again_of: as in task_new; again: the newest task that was made of its inputs, 0 = none. 1/0/<0; account 0: anybody's. */
/* ended_ms: when its pictures were there, or it ended without; 0 = not yet. */
struct task_facts { int64_t account, again_of, again, ended_ms; enum task_state state; int delivered; };
int task_again_count(struct db_tx *tx, int64_t account, int64_t since_ms, int64_t *ret_n, struct err *e);      /* tasks made again since then */
int task_made_count(struct db_tx *tx, int64_t account, int64_t since_ms, int64_t *ret_n, struct err *e);       /* tasks made since then */
int task_facts_get(struct db_tx *tx, int64_t task, int64_t account, struct task_facts *ret, struct err *e);

/* The task as JSON for its owner (state, place in line, candidates with scores and asset ids, progress, error). account 0 = operator, who is
 * told account and engine too. 1/0/<0. */
struct buf;
int task_render(struct db_tx *tx, struct task_core *c, int64_t task, int64_t account, struct buf *out, struct err *e);
/* One account's, newest first, a JSON array of what task_render gives. */
int task_list(struct db_tx *tx, struct task_core *c, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e);
/* Events with seq > *seq as SSE frames; 1 when the task has reached a final state and all was said. For http_res_sse. Behind them, at most
 * once a second, an unnumbered frame "eta" with place, eta_ms and eta_p90_ms as they are now: a hint that is in no table and not resumed. */
struct task_stream { struct task_core *c; int64_t task, hint_at_ms; };   /* c NULL: no hints; hint_at_ms: 0 at first */
int task_events(struct db_tx *tx, struct task_stream *s, int64_t *seq, struct buf *out, struct err *e);

/* ---- the operator's (operate.c); reading: any reader, BLOCKING routes ---- */
struct task_search {
    struct str state, recipe, error;                       /* "" = any; error: a code of reasons.def */
    int64_t    account, task, asset;                       /* 0 = any; asset: a photo it was made from */
    int64_t    before_id;
    int        limit;                                      /* 1..100 */
};
int task_search(struct db_tx *tx, struct task_core *c, const struct task_search *s, struct buf *out, struct err *e);   /* a JSON array, newest first */
bool task_state_known(struct str name);
/* Whether it ended without a picture: failed or cancelled. 1/0; 0 also when there is no such task. */
int task_gave_up(struct db_tx *tx, int64_t task, struct err *e);
int task_count(struct db_tx *tx, int64_t account, int64_t *ret_n, struct err *e);
/* JSON arrays, oldest first, of the first 500: the calls that were made for a task; all its events, also those its owner is not told. */
int task_attempts(struct db_tx *tx, int64_t task, struct buf *out, struct err *e);
int task_event_list(struct db_tx *tx, int64_t task, struct buf *out, struct err *e);
/* Inside write functions; by: the operator's account, kept as an event. A cancel of what is cancelled does nothing. A re-run is
 * task_again(). */
int task_operator_cancel(struct db_tx *tx, struct task_core *c, int64_t task, int64_t by, struct err *e);
int task_operator_rerun(struct db_tx *tx, struct task_core *c, int64_t task, int64_t new_id, int64_t by, struct err *e);

/* All tasks of one account become another's: 1. 0: one of them is open still, nothing was changed; a worker under way keeps what it has read. */
int task_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);

/*
 * ---- what services outside may reach (lend.c), for the length of one call; pool threads ----
 * Who reads what by a link, and until when: the invariant at the head of engine/link.h.
 */
/* What a link shows now: a photo, or a file of the task's template. ERR_NOT_FOUND whatever is the matter with it. */
struct task_lent { int fd; int64_t bytes; struct str type, tag; };     /* fd: the caller's to close; texts in the arena */
int task_lent(struct task_core *c, struct str link, struct arena *a, struct task_lent *ret, struct err *e);

/* A message to the address of one call. It only makes us ask, and never changes a state: at most it brings the name of a call whose answer was lost. */
struct task_notice {
    struct str engine, call, token, by;                    /* of the address */
    struct str (*header)(const void *from, const char *name);
    const void *from;
    struct str body;
};
/* 0: heard, also one that was here before, or that comes when its call is over. ERR_NOT_FOUND: no address of ours; ERR_ENGINE_NOTICE: not genuine, or
 * stale; ERR_BUSY: let it come again. */
int task_notice(struct task_core *c, const struct task_notice *n, struct err *e);
#define TASK_HEARD(X) X(WOKE, "woke") X(AGAIN, "again") X(OVER, "over") X(STRANGER, "stranger") X(REFUSED, "refused") X(LATER, "later")
enum task_heard {
#define X(id, text) TASK_HEARD_##id,
    TASK_HEARD(X)
#undef X
    TASK_HEARD_COUNT
};
extern const char *const task_heard_names[];               /* woke: a question is asked at once; over: its call had ended; stranger: no address of ours */
/* Of the i-th engine that sends notices since the start: its name, NULL past the end. */
const char *task_get_notices(struct task_core *c, size_t i, int64_t ret_n[TASK_HEARD_COUNT]);

struct task_core_conf {
    const struct config *cfg;
    struct db *db;
    struct blob_store *blobs;
    struct media *media;
    struct studio *studio;
    struct http_client *client;                            /* for remote engines; NULL: nothing goes out */
    const char *share;                                     /* folder with engines/; borrowed during task_core_new() */
    const char *public_url;                                /* under which services reach us; NULL or "": they do not */
    uint8_t     link_key[CRYPTO_KEY], notice_key[CRYPTO_KEY];
    void (*wake_topic)(void *arg, int64_t topic);          /* a task's stream has something new (http_server_wake) */
    void *wake_arg;
};
extern const struct setting task_settings[];              /* rows "task.…": lease_s, … */
int task_core_new(const struct task_core_conf *conf, struct task_core **ret_c, struct err *e);
int task_core_start(struct task_core *c, struct err *e);   /* recovery of what a crash left, then the dispatcher thread */
void task_core_stop(struct task_core *c, int64_t drain_ms);/* stops claiming; steps under way may finish within drain_ms, the rest is given back to the queue */
void task_core_free(struct task_core *c);

struct task_stats { int64_t by_state[TASK_STATE_COUNT], attempts_running, attempts_failed, oldest_queued_ms, step_ms_sum, steps; };
struct eta_stats;                                          /* task/eta.h: what is promised and how well it is kept */
void task_get_eta_stats(struct task_core *c, struct eta_stats *ret);
int task_get_stats(struct task_core *c, struct db_tx *tx, struct task_stats *ret, struct err *e);
/* The lines, each of one lane of an engine: those of this process, then those whose tasks wait for an engine it does not have. Any thread; up to max of them. */
struct task_lane { char name[33]; bool here; int64_t waiting, shut_ms /* since how long it takes nothing; 0: it does */; char why[200]; };
int task_get_lanes(struct task_core *c, struct db_tx *tx, struct task_lane *ret, size_t max, size_t *ret_n, struct err *e);
/* Calls of which nobody knows what became of them. untellable: of these, of how many nobody can find it out, since what they were made with is gone from the
 * settings; engine and why are of one of them. Counts the oldest thousand. Any thread. */
struct task_unsure { int64_t n, cost_microusd /* if all were made */, oldest_ms, untellable; char engine[33], why[200]; };
int task_get_unsure(struct task_core *c, struct db_tx *tx, struct task_unsure *ret, struct err *e);
int task_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

#endif
