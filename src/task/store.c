/*
 * store.c - the parts of a call that wait for the disk, in straight lines, on a hand: opening inputs and writing the intent, noting
 * that it was taken, bringing the bytes home and committing what they are, noting failure.
 * Each write checks the fence the task was claimed with.
 */
#include <assert.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/json.h"
#include "task/core.h"

/* The task under our fence, and the attempt as it stands. A late call has no lease: its attempt alone is the fence. */
static int load(struct db_tx *tx, const struct call *k, struct task_row *t, struct task__attempt *a, struct err *e) {
    int r = k->run->late ? task__load(tx, k->row.task, t, e) : task__load_leased(tx, k->row.task, k->run->row.fence, t, e);
    if (r < 0 || (r = task__attempt_load(tx, k->row.id, a, e)) < 0)
        return r;
    if (task__attempt_over(a->state))
        return err_set(e, ERR_RACE, "the attempt was written off meanwhile");
    a->cost_microusd = k->row.cost_microusd;
    if (!task__attempt_named(a))                 /* a notice may have brought it meanwhile */
        snprintf(a->remote_id, sizeof(a->remote_id), "%s", k->row.remote_id);
    return 0;
}

/* ---- beginning ---- */

static int open_outputs(struct call *k, struct err *e) {
    enum blob_class class = k->op->kind == OP_LAYER ? BLOB_WORK : BLOB_RESULT;
    for (size_t i = 0; i < k->op->n_out; i++) {
        int r = blob_put_begin(k->run->c->conf.blobs, k->run->row.account, class, &k->put[i], e);
        if (r < 0)
            return r;
        k->ec.out[i] = blob_put_fd(k->put[i]);
    }
    k->ec.n_out = k->op->n_out;
    return 0;
}

static int intent_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct call *k = arg;
    struct task_row t;
    int r = task__load_leased(tx, k->row.task, k->run->row.fence, &t, e);
    if (r < 0)
        return r;
    /* The first call of a later state takes the task there. */
    enum task_state state = k->plan.steps[k->step].state;
    for (enum task_state s = t.state + 1; s <= state; s++)
        if ((r = task__move(tx, k->run->c, &t, s, e)) < 0)
            return r;
    return task__attempt_add(tx, &k->row, e);
}

void store_begin(struct hand_job *j) {
    struct call *k = (struct call *)j;
    struct task_core *c = k->run->c;
    struct op_input in = {
        .tx = db_reader(c->db), .blobs = c->conf.blobs, .studio = c->conf.studio, .task = &k->run->row, .plan = &k->plan,
        .ix = k->unit, .seed = k->row.seed, .variant = k->row.variant, .a = k->a,
    };
    k->rc = k->op->prepare(&in, &k->ec, &k->err);
    if (k->rc < 0) {
        const struct reason *why = err_reason(k->rc);
        k->input_at_fault = why->http < 500 && why->retry == RETRY_NEVER;
        return;
    }
    lend_to(k);
    struct engine_foreseen seen = { 0 };
    if (k->engine->d->foresee)
        k->engine->d->foresee(k->engine->g, &k->ec, &seen);
    k->row.cost_microusd = seen.cost_microusd;
    snprintf(k->row.remote_id, sizeof(k->row.remote_id), "%s", seen.remote_id);
    if ((k->rc = open_outputs(k, &k->err)) < 0 || (k->rc = core_write(c, intent_fn, k, &k->err)) < 0)
        return;
    if (failpoint_hit(FP_TASK_AFTER_INTENT) < 0)
        k->rc = err_sys(&k->err, ERR_IO, "after the intent");
}

void store_reopen(struct hand_job *j) {
    struct call *k = (struct call *)j;
    for (size_t i = 0; i < COUNT(k->put); i++) {
        blob_put_abort(k->put[i]);
        k->put[i] = NULL;
    }
    if (k->run->row.account == 0) {
        struct task_row t;
        if ((k->rc = task__load(db_reader(k->run->c->db), k->row.task, &t, &k->err)) < 0)
            return;
        k->run->row.account = t.account;
    }
    if (!task__attempt_named(&k->row)) {         /* a notice may have brought its name */
        struct task__attempt a;
        if ((k->rc = task__attempt_load(db_reader(k->run->c->db), k->row.id, &a, &k->err)) < 0)
            return;
        memcpy(k->row.remote_id, a.remote_id, sizeof(k->row.remote_id));
    }
    k->rc = open_outputs(k, &k->err);
}

/* ---- taken ---- */

static int submitted_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct call *k = arg;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    return r < 0 ? r : task__attempt_move(tx, &a, ATTEMPT_SUBMITTED, NULL, e);
}

void store_submitted(struct hand_job *j) {
    struct call *k = (struct call *)j;
    k->rc = core_write(k->run->c, submitted_fn, k, &k->err);
}

/* ---- the result ---- */

struct result {
    struct call *k;
    struct op_facts facts;
    struct { char sha[SHA256_HEX + 1]; int64_t bytes, asset; } file[ENGINE_OUTS_MAX];
};

static int fetching_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct call *k = arg;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    if (r < 0)
        return r;
    /* Again after a fetch that failed: the row says so already. */
    return a.state == ATTEMPT_FETCHING ? 0 : task__attempt_move(tx, &a, ATTEMPT_FETCHING, NULL, e);
}

/* The rows of what was stored: a layer, or a picture and its preview. */
static int add_assets(struct db_tx *tx, const struct result *res, int64_t account, struct err *e) {
    const struct call *k = res->k;
    const struct op_facts *f = &res->facts;
    bool layer = k->op->kind == OP_LAYER;
    for (size_t i = 0; i < k->op->n_out; i++) {
        if (res->file[i].bytes == 0)
            continue;                            /* no preview was made */
        struct blob_asset as = {
            .id = res->file[i].asset, .account = account, .class = layer ? BLOB_WORK : BLOB_RESULT, .bytes = res->file[i].bytes,
            .type = layer ? STR("application/octet-stream") : str_z(i ? f->preview_type : f->type),
            .role = layer ? STR("layer") : i ? STR("thumb") : STR("candidate"), .parent = i ? res->file[0].asset : 0,
            .width = layer ? 0 : (int)(i ? f->preview_width : f->width), .height = layer ? 0 : (int)(i ? f->preview_height : f->height),
            .created_ms = clock_ms(),
        };
        snprintf(as.sha, sizeof(as.sha), "%s", res->file[i].sha);
        int r = blob_asset_add(tx, &as, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int tell_candidate(struct db_tx *tx, struct task_row *t, const struct result *res, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "candidate", res->k->unit);
    if (res->facts.judged) {
        jw_kbool(&w, "fine", res->facts.verdict == CANDIDATE_FINE);
        jw_kint(&w, "score_pm", res->facts.score_pm);
    }
    jw_end_obj(&w);
    return task__tell(tx, t, "candidate", &b, e);
}

static struct task__candidate candidate_of(const struct result *res) {
    const struct call *k = res->k;
    return (struct task__candidate){
        .task = k->row.task, .ix = k->unit, .attempt = k->row.id, .asset = res->file[0].asset, .seed = k->row.seed,
        .variant = k->row.variant, .width = res->facts.width, .height = res->facts.height, .verdict = res->facts.verdict,
        .score_pm = res->facts.score_pm, .report = res->facts.report, .scores = res->facts.scores,
    };
}

static int result_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct result *res = arg;
    struct call *k = res->k;
    struct task_core *c = k->run->c;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    if (r < 0 || (r = add_assets(tx, res, t.account, e)) < 0)
        return r;
    a.asset = k->op->n_out ? res->file[0].asset : 0;
    a.ask_ms = 0;
    if ((r = task__attempt_move(tx, &a, ATTEMPT_STORED, NULL, e)) < 0)
        return r;
    struct task__candidate cand = candidate_of(res);
    if (cand.verdict == CANDIDATE_UNSEEN && !plan_has_checks(&k->plan))
        cand.verdict = CANDIDATE_FINE;
    if (k->op->kind == OP_PICTURE)
        r = task__candidate_put(tx, &cand, e);
    else if (k->op->kind == OP_VERDICT)
        r = task__candidate_judge(tx, t.id, k->unit, cand.verdict, cand.score_pm, cand.scores, e);
    if (r < 0 || (k->op->kind != OP_LAYER && (r = tell_candidate(tx, &t, res, e)) < 0))
        return r;
    if ((r = task__tell_progress(tx, &t, k->result_progress_pm, e)) < 0)
        return r;
    return task__save(tx, c, &t, e);
}

/* For a task that was decided long ago. A picture nobody wants is not kept; its cost is. */
static int late_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct result *res = arg;
    struct call *k = res->k;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    if (r < 0)
        return r;
    if (t.account != k->run->row.account)        /* the bytes lie in the folder of whoever had the task when it was asked about */
        return err_set(e, ERR_RACE, "the task has another owner by now");
    struct task__candidate cand = candidate_of(res);
    if (cand.verdict == CANDIDATE_UNSEEN)
        cand.verdict = CANDIDATE_FINE;           /* the layers to judge it by are gone; its owner judges, for free */
    a.ask_ms = 0;
    task__wake_stream(tx, k->run->c, t.id);
    if (k->op->kind == OP_PICTURE && cand.verdict == CANDIDATE_FINE && task__wants_late(&t)) {
        a.asset = cand.asset;
        if ((r = add_assets(tx, res, t.account, e)) < 0 || (r = task__late(tx, k->run->c, &t, &cand, e)) < 0)
            return r;
    }
    return task__attempt_move(tx, &a, ATTEMPT_STORED, NULL, e);
}

static int bring_home(struct call *k, struct result *res, struct err *e) {
    for (size_t i = 0; i < k->op->n_out; i++) {
        struct stat st;
        if (i > 0 && (fstat(blob_put_fd(k->put[i]), &st) < 0 || st.st_size == 0)) {
            blob_put_abort(TAKE(k->put[i]));     /* no preview was made */
            continue;
        }
        res->file[i].asset = id_new();
        int r = blob_put_end(TAKE(k->put[i]), res->file[i].sha, &res->file[i].bytes, e);
        if (r < 0)
            return r;
        if (res->file[i].bytes == 0)
            return err_set(e, ERR_UPSTREAM, "%s gave no bytes", k->op->name);
    }
    return 0;
}

void store_result(struct hand_job *j) {
    struct call *k = (struct call *)j;
    struct task_core *c = k->run->c;
    struct result res = { .k = k };
    /* That a provider has done its work is worth knowing after a crash. An engine that may be asked again has nothing to fetch. */
    if (!(k->engine->d->can & ENGINE_CAN_REPEAT) && (k->rc = core_write(c, fetching_fn, k, &k->err)) < 0)
        return;
    if ((k->rc = op_facts_read(k->op, k->facts, k->a, &res.facts, &k->err)) < 0)
        return;
    if (failpoint_hit(FP_TASK_BEFORE_STORE) < 0) {
        k->rc = err_sys(&k->err, ERR_IO, "before storing");
        return;
    }
    if ((k->rc = bring_home(k, &res, &k->err)) < 0)
        return;
    if ((k->rc = core_write(c, k->run->late ? late_fn : result_fn, &res, &k->err)) < 0)
        return;
    failpoint_hit(FP_TASK_AFTER_STORE);
    k->made_asset = res.file[0].asset;
    k->judged = res.facts.judged;
    k->verdict = res.facts.verdict;
}

/* ---- no result ---- */

static int failed_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct call *k = arg;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    if (r < 0)
        return r;
    bool unknown = a.state == ATTEMPT_UNKNOWN;
    a.ask_ms = 0;
    return task__attempt_move(tx, &a, k->input_at_fault && !unknown ? ATTEMPT_REFUSED : ATTEMPT_FAILED, &k->err, e);
}

/* k->err stays why it failed. */
void store_failed(struct hand_job *j) {
    struct call *k = (struct call *)j;
    struct err e;
    k->rc = core_write(k->run->c, failed_fn, k, &e);
}

static int unknown_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct call *k = arg;
    struct task_row t;
    struct task__attempt a;
    int r = load(tx, k, &t, &a, e);
    if (r < 0)
        return r;
    a.ask_ms = k->run->late ? clock_ms() + k->run->c->ask_ms : 0;
    if (a.state == ATTEMPT_UNKNOWN)
        return 0;
    if ((r = task__attempt_move(tx, &a, ATTEMPT_UNKNOWN, &k->err, e)) < 0 || k->run->late)
        return r;
    /* Its owner may know that we wait for an answer. */
    BUF_CLEANUP struct buf b;
    buf_init(&b, 256);
    buf_printf(&b, "{\"op\":\"%s\",\"index\":%d}", k->op->name, k->unit);
    r = task__tell(tx, &t, "unknown", &b, e);
    return r < 0 ? r : task__save(tx, k->run->c, &t, e);
}

void store_unknown(struct hand_job *j) {
    struct call *k = (struct call *)j;
    struct err e;
    k->rc = core_write(k->run->c, unknown_fn, k, &e);
}

static int unsent_fn(struct db_tx *tx, void *arg, struct err *e) {
    static const struct err why = { ATTEMPT_LOST, "stopped before it was sent" };
    struct call *k = arg;
    struct task__attempt a;
    int r = task__attempt_load(tx, k->row.id, &a, e);
    if (r < 0 || (a.state != ATTEMPT_INTENT && a.state != ATTEMPT_UNKNOWN))
        return r;
    a.cost_microusd = a.ask_ms = 0;
    task__wake_stream(tx, k->run->c, a.task);
    return task__attempt_move(tx, &a, ATTEMPT_FAILED, &why, e);
}

/* When this cannot be written, it is asked about like any other. */
void store_unsent(struct hand_job *j) {
    struct call *k = (struct call *)j;
    k->rc = core_write(k->run->c, unsent_fn, k, &k->err);
}
