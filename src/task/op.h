/*
 * op.h - the operations a recipe's steps may name: what each is given, what it gives back. One row each (op.c).
 * Their parameters and results are those of media/ops.def, which remote engines translate.
 */
#ifndef ZT_TASK_OP_H
#define ZT_TASK_OP_H

#include "base/json.h"
#include "engine/engine.h"
#include "task/plan.h"

struct blob_store;

/* One call in the making. */
struct op_input {
    struct db_tx *tx;                /* reader */
    struct blob_store *blobs;
    const struct studio *studio;
    const struct task_row *task;
    const struct plan *plan;         /* frozen for the length of prepare() */
    int     ix;                      /* person or candidate */
    int64_t seed;
    int     variant;
    struct arena *a;                 /* texts of the call */
};
/* A parameter people and recipes may set: a number from min to max, or one of a NULL-ended list of words. */
struct op_param {
    const char *name;
    double      min, max;
    const char *const *words;        /* NULL: a number */
};
struct op {
    const char  *name;
    enum op_kind kind;
    enum studio_per per;
    size_t       n_out;              /* files it writes: the result, then its preview */
    const struct op_param *params;   /* ends with a row without a name; NULL when there are none */
    /* Opens inputs into call->in (the caller closes them) and writes call->params. */
    int (*prepare)(const struct op_input *in, struct engine_call *call, struct err *e);
};
const struct op *op_of(struct str name);            /* NULL when unknown */

#define OP_MARK "mark"                               /* in a task's parameters: the product whose brand goes into its pictures. Not for people to set */
#define OP_WIDTH_DEFAULT_PX 1920                     /* media/compose.h, COMPOSE_DEFAULT */
/* Caps what is delivered at quality_px on the longer side, 0: no cap. params: an object, changed. */
int op_limit_size(const struct studio_recipe *recipe, json_t *params, int quality_px, struct err *e);

/* What we read from the facts of a picture or a verdict. */
struct op_facts {
    char    type[32], preview_type[32];
    int64_t width, height, preview_width, preview_height;
    bool    judged;                  /* verdict and score are there */
    int     verdict;
    int64_t score_pm;
    struct str report, scores;       /* JSON or "", in the arena */
};
int op_facts_read(const struct op *op, struct str facts, struct arena *a, struct op_facts *ret, struct err *e);

#endif
