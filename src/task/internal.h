/*
 * internal.h - what the files of task/ share: the row, and the small steps every transaction is made of.
 * Threads: functions that take a db_tx run inside a write function, or (reading) on any reader.
 */
#ifndef ZT_TASK_INTERNAL_H
#define ZT_TASK_INTERNAL_H

#include "base/buf.h"
#include "db/db.h"
#include "task/task.h"

#define TASK_PEOPLE_MAX     8
#define TASK_CANDIDATES_MAX 8
#define TASK_PARAMS_MAX     (16u * 1024)   /* bytes */
#define TASK_REPORT_MAX     (60u * 1024)   /* bytes of JSON kept of one call; a TEXT of MariaDB holds 64 KiB */

/*
 * A task's row. Loaded whole, changed in memory, saved by one statement that names the state and the fence it was loaded with:
 * who was overtaken changes nothing (ERR_RACE).
 */
struct task_row {
    int64_t id, account;
    char    recipe[65], template_name[65];
    int64_t backdrop;
    int     asked;
    int64_t price;
    int     weight;
    int64_t created_ms, turn;
    int     need;
    int64_t limit_ms, choose_ms, keep_inputs_ms, keep_outputs_ms;
    int64_t again_of;                           /* the task whose inputs these are, 0 = none */
    int     round;                              /* how many were made of these inputs before */
    /* all below is saved */
    enum task_state state;
    char    engine[33];
    bool    in_line;
    int64_t fence, lease_until_ms, claims, seq, progress_seq;
    int     progress_pm, delivered;
    bool    given_free;
    int     picked;
    char    error_code[65], error_text[256];
    int64_t started_ms, ended_ms, deadline_ms, alarm_ms;
    /* as loaded */
    enum task_state was_state;
    int64_t was_fence;
};

/* ---- row.c ---- */
int task__add(struct db_tx *tx, const struct task_row *t, int64_t recipe_version, struct str params, struct err *e);
int task__load(struct db_tx *tx, int64_t id, struct task_row *ret, struct err *e);          /* ERR_NOT_FOUND */
int task__save(struct db_tx *tx, struct task_core *c, struct task_row *t, struct err *e);   /* and wakes its stream on commit */
/* As a worker: ERR_RACE unless the task is still leased under this fence and undecided. */
int task__load_leased(struct db_tx *tx, int64_t id, int64_t fence, struct task_row *ret, struct err *e);
int task__params(struct db_tx *tx, int64_t id, struct arena *a, struct str *ret, struct err *e);
void task__set_error(struct task_row *t, const struct err *why);

/* ---- state.c: the only place that moves a task ---- */
static inline bool task__open(enum task_state s) { return s <= TASK_CHECKING; }             /* undecided: its hold stands */
bool task__may_go(enum task_state from, enum task_state to);
int task__state_of(struct str name);                                                        /* enum task_state, -1 when unknown */
/* Along one edge, with its event; saves the row. Money is the caller's (decide.c), in the same transaction. */
int task__move(struct db_tx *tx, struct task_core *c, struct task_row *t, enum task_state to, struct err *e);

/* ---- event.c ---- */
#define TASK_EVENT_OPERATOR "operator"           /* a kind that is kept and not streamed */
int task__tell(struct db_tx *tx, struct task_row *t, const char *kind, const struct buf *data, struct err *e);
int task__tell_state(struct db_tx *tx, struct task_row *t, struct err *e);
int task__tell_progress(struct db_tx *tx, struct task_row *t, int progress_pm, struct err *e);   /* replaces the one before */
int task__forget_progress(struct db_tx *tx, struct task_row *t, struct err *e);

/* ---- turn.c: who is next ---- */
#define TASK_TURN_UNIT 840                      /* one candidate at weight 1; divisible by every weight 1..8 */
#define TASK_WEIGHT_MAX 8
int64_t task__turn_cost(const struct task_row *t);
/* Sets t->turn. ERR_BUSY when line_max tasks wait, ERR_RATE when the account has account_max open ones. line_room: how many may come before
 * the line is counted again; those that leave it meanwhile are found by the next count, those that come back to it (leased ones) are beside it. */
int task__turn_take(struct db_tx *tx, struct task_row *t, int64_t account_max, int64_t line_max, int64_t *line_room, struct err *e);
int task__turn_claimed(struct db_tx *tx, int64_t turn, struct err *e);
int task__turn_over(struct db_tx *tx, const struct task_row *t, struct err *e);             /* the task is decided */
#define TASK_PLACE_EXACT 500                    /* places up to here are counted */
/* 1 = next. Returns 1 when there are more ahead than were counted. */
int task__turn_place(struct db_tx *tx, const struct task_row *t, int64_t *ret_place, struct err *e);

/* ---- lease.c ---- */
/* Each task wakes its stream and the dispatcher on commit, and a write function has 16 hooks (db_on_commit). */
#define TASK_CLAIM_MAX 4
#define TASK_EXPIRE_MAX 6
struct task__claim {
    const char *engine;
    int         max;                            /* 1..TASK_CLAIM_MAX */
    int64_t     lease_ms, claims_max;
    int         n;                              /* out */
    int64_t     id[TASK_CLAIM_MAX], fence[TASK_CLAIM_MAX];
};
int task__lease_claim(struct db_tx *tx, struct task_core *c, struct task__claim *k, struct err *e);
int task__lease_renew(struct db_tx *tx, int64_t id, int64_t fence, int64_t until_ms, struct err *e);   /* 1, or 0: it is not ours any more */
/* Back into the line, perhaps of another engine ("" = the same); calls under way are settled. */
int task__lease_give_back(struct db_tx *tx, struct task_core *c, int64_t id, int64_t fence, const char *engine, struct err *e);
/* Puts up to TASK_EXPIRE_MAX tasks whose lease ran out back into the line. Returns how many. */
int task__lease_expire(struct db_tx *tx, struct task_core *c, int64_t now_ms, struct err *e);

/* ---- attempt.c ---- */
#define ATTEMPT_STATES(X) \
    X(INTENT, "intent") X(SUBMITTED, "submitted") X(FETCHING, "fetching") X(STORED, "stored") X(REFUSED, "refused") \
    X(FAILED, "failed") X(UNKNOWN, "unknown") X(WRITTEN_OFF, "written_off")
enum attempt_state {
#define X(id, text) ATTEMPT_##id,
    ATTEMPT_STATES(X)
#undef X
    ATTEMPT_STATE_COUNT
};
const char *task__attempt_state_name(enum attempt_state s);
int task__attempt_state_of(struct str name);
bool task__attempt_may_go(enum attempt_state from, enum attempt_state to);
bool task__attempt_over(enum attempt_state s);
struct task__attempt {
    int64_t id, task, fence;
    char    op[33], engine[33];
    int     ix;
    enum attempt_state state;
    char    remote_id[129];                     /* what its engine calls it: as foreseen (it ends with ~), then as it was told */
    int64_t seed;
    int     variant;
    int64_t asset, cost_microusd;               /* cost: foreseen, until it is over */
    char    error_code[65];
    int64_t created_ms, ask_ms;
};
int task__attempt_add(struct db_tx *tx, const struct task__attempt *a, struct err *e);      /* in state intent */
int task__attempt_load(struct db_tx *tx, int64_t id, struct task__attempt *ret, struct err *e);
static inline bool task__attempt_named(const struct task__attempt *a) {
    size_t n = strlen(a->remote_id);
    return n > 0 && a->remote_id[n - 1] != '~';
}
/* Along one edge. Set in *a before: remote_id, asset, cost_microusd (booked in the ledger when > 0 and it is over), ask_ms. why: may be NULL. */
int task__attempt_move(struct db_tx *tx, struct task__attempt *a, enum attempt_state to, const struct err *why, struct err *e);
/* All attempts of a task, oldest first. */
int task__attempt_each(struct db_tx *tx, int64_t task, int (*fn)(const struct task__attempt *a, void *ctx, struct err *e), void *ctx, struct err *e);
/* The worker is gone or the task decided: what is under way becomes failed (engine may be repeated) or unknown. */
int task__attempt_settle(struct db_tx *tx, int64_t task, bool decided, const struct err *why, struct err *e);
/* The code that attempts ended by a restart, a cancel or a lost lease bear: they do not count as tries. */
#define ATTEMPT_LOST ERR_STOPPING

/* ---- candidate.c ---- */
enum { CANDIDATE_UNSEEN = -1, CANDIDATE_BROKEN = 0, CANDIDATE_FINE = 1 };
struct task__candidate {
    int64_t task;
    int     ix;
    int64_t attempt, asset, seed;
    int     variant;
    int64_t width, height;
    int     verdict;                            /* CANDIDATE_* */
    int64_t score_pm;
    int     place;
    struct str report, scores;                  /* JSON or ""; borrowed, in the arena when read */
};
/* Writes the candidate, in place of an earlier one with that ix, whose asset is deleted. */
int task__candidate_put(struct db_tx *tx, const struct task__candidate *k, struct err *e);
int task__candidate_judge(struct db_tx *tx, int64_t task, int ix, int verdict, int64_t score_pm, struct str scores, struct err *e);
/* Ordered best first: fine ones by place, then score; the rest behind. */
int task__candidate_list(struct db_tx *tx, int64_t task, struct arena *a, struct task__candidate *ret, size_t max, size_t *ret_n, struct err *e);
/* Deciding: numbers the fine ones 1.. and sets when they expire; deletes the assets of the others. keep = false deletes all. */
int task__candidate_decide(struct db_tx *tx, int64_t task, bool keep, int64_t delete_at_ms, int *ret_fine, struct err *e);

/* ---- checks.c ---- */
#define TASK_CHECKS 4
struct task__checks {
    int broken;                                 /* candidates */
    struct task__check_failed { const struct reason *why; int n; } failed[TASK_CHECKS];   /* n of the broken ones; most first */
};
int task__checks_failed(struct db_tx *tx, int64_t task, struct task__checks *ret, struct err *e);
/* Adds them to the detail in *e: ": The light … (4 of 4); A face … (1 of 4)". */
void task__checks_say(const struct task__checks *c, struct err *e);

/* ---- decide.c: the ends of a task, with their money ---- */
/* choosing when enough candidates are fine, else failed for the reason given (NULL: none passed the checks). Needs an open task. */
int task__decide(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct err *why, struct err *e);
int task__fail(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct err *why, struct err *e);
/* A deadline or the end of choosing has come. */
int task__alarm(struct db_tx *tx, struct task_core *c, int64_t id, int64_t now_ms, struct err *e);
/* A result that came after the decision: a failed task becomes choosing for free, a choosing one gets one more. Its asset is there. */
static inline bool task__wants_late(const struct task_row *t) { return t->state == TASK_FAILED || t->state == TASK_CHOOSING; }
int task__late(struct db_tx *tx, struct task_core *c, struct task_row *t, const struct task__candidate *k, struct err *e);

/* ---- render.c ---- */
/* "place", "eta_ms", "eta_p90_ms": numbers, or null where nothing is known. */
struct jw;
int task__write_eta(struct db_tx *tx, struct task_core *c, struct jw *w, const struct task_row *t, struct err *e);

/* ---- core.c ---- */
void task__wake_stream(struct db_tx *tx, struct task_core *c, int64_t task);    /* on commit; c may be NULL */
/* On commit: its stream is woken, and the line knows. people: of a new task, -1 of one that is known. */
void task__changed(struct db_tx *tx, struct task_core *c, const struct task_row *t, int people);
void task__wake_dispatcher(struct db_tx *tx, struct task_core *c);              /* on commit: something to claim */
void task__taken_away(struct db_tx *tx, struct task_core *c, int64_t task);     /* the same, and whoever works on that one looks whether it is still his */

#endif
