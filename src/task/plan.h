/*
 * plan.h - what is left to do for one task, from its recipe's steps and what has been done. Pure: no database, no clock, no thread.
 *
 * A step runs once per person, per candidate or once; each run is a unit. Units of a later state begin when all of the earlier states
 * are settled. A candidate found broken is made again with another seed while the recipe's `reruns` allow it.
 */
#ifndef ZT_TASK_PLAN_H
#define ZT_TASK_PLAN_H

#include "studio/studio.h"
#include "task/internal.h"

/* What an operation gives back, and so what is done with it. */
enum op_kind {
    OP_LAYER,                        /* bytes that later steps need and nobody else ever sees */
    OP_PICTURE,                      /* a candidate, perhaps with its verdict */
    OP_VERDICT,                      /* a candidate's verdict, no bytes */
};
struct op;                           /* op.h */

enum unit_state {
    UNIT_TODO,
    UNIT_BUSY,
    UNIT_DONE,
    UNIT_UNKNOWN,                    /* an attempt whose outcome nobody knows; it blocks this unit alone */
    UNIT_LOST,                       /* given up on this engine */
};
struct plan_unit {
    enum unit_state state;
    int     tries;                   /* that failed */
    int64_t not_before_ms;           /* clock_mono_ms() */
    int64_t asset;                   /* what it made */
};
struct plan_step {
    const struct studio_step *step;
    const struct op *op;
    enum task_state state;
    int     n;
    struct plan_unit units[TASK_CANDIDATES_MAX];
};
struct plan_candidate {
    int     made;                    /* pictures stored for it so far */
    int     verdict;                 /* CANDIDATE_* of the newest */
};
struct plan {
    const struct studio_recipe *recipe;
    int     people, asked, need, tries_max;
    int     round;                   /* of other tasks made of these inputs before; 0 after plan_init() */
    enum task_state reached;         /* the task's state */
    size_t  n;
    struct plan_step steps[STUDIO_STEPS_MAX];
    struct plan_candidate candidates[TASK_CANDIDATES_MAX];
    bool    doomed;                  /* it cannot succeed here or elsewhere */
    bool    elsewhere;               /* a unit was lost for the engine's sake: another engine may do it */
    struct err why;                  /* of what was lost last; code 0 when nothing was */
};

/* ERR_CONFIG when a step names an operation we do not know. remote: on such an engine; steps of the other way have no units.
 * tries_max: calls of one unit on one engine. */
int plan_init(struct plan *p, const struct studio_recipe *recipe, bool remote, int people, int asked, int need, int tries_max,
              enum task_state reached, struct err *e);
/* The step of an operation, or -1. */
int plan_step_of(const struct plan *p, struct str op);

enum plan_next { PLAN_START /* the unit named */, PLAN_WAIT /* for what is under way, or until ret_at_ms */, PLAN_DECIDE /* nothing is left to do */ };
/* steps: bits of those that may be started now; a unit of another one waits for its slot, as if it were under way. */
#define PLAN_ALL_STEPS (~0u)
enum plan_next plan_next(const struct plan *p, unsigned steps, int64_t now_ms, size_t *ret_step, int *ret_unit, int64_t *ret_at_ms);

/* What became of a unit. */
void plan_started(struct plan *p, size_t step, int unit);
void plan_made(struct plan *p, size_t step, int unit, int64_t asset);                     /* OP_LAYER, OP_PICTURE */
void plan_judged(struct plan *p, int candidate, int verdict);                            /* CANDIDATE_* */
void plan_failed(struct plan *p, size_t step, int unit, const struct err *why, bool input_at_fault, int64_t now_ms);
void plan_unknown(struct plan *p, size_t step, int unit);
/* Not its own fault (the server stops, the disk is full, the engine is busy): again after delay_ms, costs no try. */
void plan_again(struct plan *p, size_t step, int unit, int64_t at_ms);

/* The recipe judges its pictures in a step of its own (else every picture is fine). */
bool plan_has_checks(const struct plan *p);
/* The seed and the variant of a candidate's next picture. */
int64_t plan_seed(const struct plan *p, int candidate);
int plan_variant(const struct plan *p, int candidate);
/* 0..1000; running_pm: of units under way, added up. */
int plan_progress(const struct plan *p, int running_pm);

#endif
