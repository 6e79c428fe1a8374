/*
 * eta.h - when a task will be done: what is ahead of it, what it needs itself, and how fast the engine's slots are just now.
 *
 * The model: a call of a step holds one slot for a time that is measured for each (engine, recipe, step), see rate.h. A task costs its
 * units times the calls a unit needs. Ahead of a waiting task is what is left of every task in hand, and the whole of every task whose
 * turn is smaller; it begins when the slots have worked that off, and then goes through its own stages. Mean and variance of all that
 * are added up and read as a log-normal time: p50 and p90. What was promised is compared with what came, and the newest 256 comparisons
 * correct the promises after them.
 *
 * Threads: any; each call takes one lock for microseconds. Time is clock_mono_ms(), given by the caller.
 * Owns: the open tasks of this process, in memory, in the order of their turns: noted on commit (row.c), read from the tables at start
 *       (learn.c). Beyond ETA_LINE_MAX tasks for one engine nothing is foretold.
 */
#ifndef ZT_TASK_ETA_H
#define ZT_TASK_ETA_H

#include "studio/studio.h"

#define ETA_ENGINES_MAX 32
#define ETA_RECIPES_MAX 64
#define ETA_UNITS_MAX   8            /* of one step, = people and candidates at most */
#define ETA_LINE_MAX    16384
#define ETA_KEPT        256          /* comparisons */
#define ETA_TURN_UNIT   840          /* of a turn, for one candidate at weight 1: TASK_TURN_UNIT */

struct eta;
/* engines: in the order of the indices used below. Nothing is known yet. */
struct eta_engine { const char *name; bool remote; };
struct eta *eta_new(const struct studio *s, const struct eta_engine *engines, size_t n_engines);
void eta_free(struct eta *x);
int eta_engine_of(const struct eta *x, const char *name);           /* -1: none */
int eta_recipe_of(const struct eta *x, const char *name);           /* -1: none */

/* ---- what calls take; step: index in the recipe ---- */
void eta_took(struct eta *x, int engine, int recipe, size_t step, int64_t slot_ms);
void eta_stored(struct eta *x, int engine, int recipe, size_t step, int64_t ms);
/* A task went through on one engine with so many calls of each step. */
void eta_decided(struct eta *x, int engine, int recipe, int people, int asked, const int *calls);

/* ---- the open tasks ---- */
struct eta_task {
    int64_t id, turn;
    int     engine, recipe, people, asked;   /* people: -1 keeps what was said before */
    bool    in_line, open;
    bool    kept_word;               /* not open: it went through, so what was promised may be compared; a cancel says nothing */
};
/* It is there, it has changed, or it is over. A new one that waits is promised a time. */
void eta_note(struct eta *x, const struct eta_task *t, int64_t now_ms);

/* ---- what the dispatcher has in hand, in the order of turns ---- */
struct eta_step { int todo, busy; int64_t began_ms[ETA_UNITS_MAX]; };
struct eta_run {
    int64_t id, turn;
    int     engine, recipe, people;
    bool    stuck;                   /* waits for the outcome of a call that nobody knows */
    struct eta_step steps[STUDIO_STEPS_MAX];
};
void eta_runs(struct eta *x, const struct eta_run *runs, size_t n, const int *slots, int64_t now_ms);

/* ---- asking ---- */
struct eta_answer {
    int64_t p50_ms, p90_ms;          /* from now; -1: not known */
    int64_t place;                   /* in line, 1 = next; 0: not in line, -1: not known */
};
struct eta_answer eta_ask(struct eta *x, int64_t id, int64_t turn, int engine, int64_t now_ms);
/* The first tasks in line whose places have changed since the last call: up to max ids. */
size_t eta_moved(struct eta *x, int64_t *ret_ids, size_t max);

/* ---- numbers ---- */
#define ETA_HIST 8
extern const double eta_hist_edge[ETA_HIST];                        /* parts of the actual time; the last is infinite */
enum eta_when { ETA_QUEUED, ETA_STARTED, ETA_WHEN_COUNT };          /* when it was promised */
struct eta_error {
    int64_t n, hist[ETA_HIST];       /* |promised - actual| / actual, since the start */
    double  sum;
    double  median, bias, covered;   /* of the newest ETA_KEPT: median of the above; mean of (promised - actual) / actual; part within p90 */
};
struct eta_engine_stats { const char *name; int slots; int64_t waiting, ahead_ms; };   /* ahead_ms: slot time of all that is open */
struct eta_step_stats { const char *engine; struct str recipe, op; double n, mean_ms, p50_ms, p90_ms, calls; };
struct eta_stats {
    struct eta_error error[ETA_WHEN_COUNT];
    struct eta_engine_stats engines[ETA_ENGINES_MAX];
    size_t n_engines, n_steps;
    struct eta_step_stats steps[64]; /* those measured, the first of them */
};
void eta_get_stats(struct eta *x, int64_t now_ms, struct eta_stats *ret);

#endif
