/* op.c - see op.h. */
#include "task/op.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/json.h"
#include "base/scope.h"
#include "blob/blob.h"
#include "engine/link.h"

#define PARAMS_MAX (64u * 1024)      /* bytes; what a picture job takes */

DB_SQL(ops_input, "SELECT asset_id, face FROM task_input WHERE task_id = ? AND ix = ?");

static int add_input(struct engine_call *call, int fd, struct err *e) {
    if (call->n_in == ENGINE_FDS_MAX) {
        close(fd);
        return err_set(e, ERR_INTERNAL, "a call has at most %d inputs", ENGINE_FDS_MAX);
    }
    call->in[call->n_in++] = fd;
    return 0;
}

static int get_asset(const struct op_input *in, int64_t id, struct blob_asset *ret, struct err *e) {
    int r = blob_asset_get(in->tx, in->a, id, in->task->account, ret, e);
    return r == 0 ? err_set(e, ERR_PHOTO_GONE, "it was deleted while the task was under way") : r;
}

static int open_row(const struct op_input *in, const struct blob_asset *as, struct engine_call *call, struct err *e) {
    int fd, r = blob_asset_open(in->blobs, as, &fd, e);
    if (r < 0 || (r = add_input(call, fd, e)) < 0)
        return r;
    call->asset[call->n_in - 1] = as->id;
    return 0;
}

static int open_asset(const struct op_input *in, int64_t id, struct engine_call *call, struct blob_asset *ret, struct err *e) {
    int r = get_asset(in, id, ret, e);
    return r < 0 ? r : open_row(in, ret, call, e);
}

/* What leaves the house of a photo is its working copy: no larger than a service needs. */
static int open_copy(const struct op_input *in, int64_t id, const char *role, struct engine_call *call, struct err *e) {
    struct blob_asset photo, copy;
    int r = get_asset(in, id, &photo, e);
    if (r < 0 || (r = blob_asset_child(in->tx, in->a, id, "working", &copy, e)) < 0 || (r = open_row(in, r ? &copy : &photo, call, e)) < 0)
        return r;
    call->role[call->n_in - 1] = str_z(role);
    return 0;
}

static int end_params(struct buf *b, struct engine_call *call, struct arena *a, struct err *e) {
    if (b->failed)
        return err_set(e, ERR_TOO_BIG, "the parameters of a call have at most %u bytes", PARAMS_MAX);
    call->params = arena_str(a, buf_str(b));
    return 0;
}

/* The face's own place in the photo as it was sent, so that any size of the photo will do. */
static void write_face(struct jw *w, const struct blob_asset *photo, int face) {
    jw_kint(w, "face", face);
    CLEANUP(json_unref) json_t *facts = NULL;
    if (photo->facts.n == 0 || json_read(photo->facts, &facts, NULL) < 0)
        return;
    const json_t *box = json_object_get(json_array_get(json_object_get(facts, "faces"), (size_t)face), "box");
    if (json_array_size(box) != 4)
        return;
    jw_key(w, "box");
    jw_arr(w);
    for (size_t i = 0; i < 4; i++)
        jw_real(w, json_number_value(json_array_get(box, i)), 2);
    jw_end_arr(w);
    jw_kint(w, "width", photo->width);
    jw_kint(w, "height", photo->height);
}

static int person_of(const struct op_input *in, int ix, int64_t *ret_asset, int *ret_face, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(in->tx, &rows, e, &ops_input, DB_INT(in->task->id), DB_INT(ix));
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_INTERNAL, "the task has no person %d", ix);
    *ret_asset = db_int(&rows, 0);
    *ret_face = (int)db_int(&rows, 1);
    return 0;
}

/* in: the photo, because its hair is finer than the working copy's. */
static int prepare_cutout(const struct op_input *in, struct engine_call *call, struct err *e) {
    int64_t asset;
    int face;
    struct blob_asset photo;
    int r = person_of(in, in->ix, &asset, &face, e);
    if (r < 0 || (r = open_asset(in, asset, call, &photo, e)) < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, PARAMS_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    write_face(&w, &photo, face);
    jw_end_obj(&w);
    return end_params(&b, call, in->a, e);
}

/* One layer per person, in order. */
static int open_layers(const struct op_input *in, struct engine_call *call, struct jw *roles, struct err *e) {
    for (size_t s = 0; s < in->plan->n; s++) {
        const struct plan_step *step = &in->plan->steps[s];
        for (int u = 0; step->op->kind == OP_LAYER && u < step->n; u++) {
            struct blob_asset layer;
            int r = open_asset(in, step->units[u].asset, call, &layer, e);
            if (r < 0)
                return r;
            if (roles)
                jw_str(roles, STR("layer"));
        }
    }
    return 0;
}

static int open_template(const struct op_input *in, const struct studio_template *t, struct engine_call *call, struct jw *roles, struct err *e) {
    static const char *const role_of[] = { "background", "depth" };
    for (size_t i = 0; i < t->n_files && i < COUNT(role_of); i++) {
        struct str path = arena_printf(in->a, "%.*s/%.*s", STR_ARG(t->dir), STR_ARG(t->files[i]));
        int fd = open(path.p, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, ERR_IO, "template %.*s: cannot open %.*s", STR_ARG(t->name), STR_ARG(t->files[i]));
        int r = add_input(call, fd, e);
        if (r < 0)
            return r;
        jw_str(roles, str_z(role_of[i]));
    }
    return 0;
}

/* How often this candidate was made before, and what its judge found wrong with it: it must not only be made with other dice. */
static int add_remake(const struct op_input *in, json_t *params, struct err *e) {
    struct task__candidate all[TASK_CANDIDATES_MAX];
    size_t n = 0;
    int made = in->plan->candidates[in->ix].made, r = made ? task__candidate_list(in->tx, in->task->id, in->a, all, COUNT(all), &n, e) : 0;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        CLEANUP(json_unref) json_t *scores = NULL;
        if (all[i].ix != in->ix || all[i].verdict != CANDIDATE_BROKEN || json_read(all[i].scores, &scores, NULL) < 0)
            continue;
        json_t *failed = json_object_get(scores, "failed");
        if (json_object_set_new(params, "remake", json_integer(made)) < 0 || (json_is_array(failed) && json_object_set(params, "failed", failed) < 0))
            return err_set(e, ERR_INTERNAL, "the parameters of the task are no object");
    }
    return r;
}

static int read_task_params(const struct op_input *in, json_t **ret, struct err *e) {
    struct str own;
    int r = task__params(in->tx, in->task->id, in->a, &own, e);
    return r < 0 ? r : json_read(own, ret, e);
}

/* The brand is a file as well: a task that was sold with it is not made without. Taken out of the parameters, which are the engine's. */
static int open_mark(const struct op_input *in, json_t *params, struct engine_call *call, struct jw *roles, struct err *e) {
    const char *of = json_string_value(json_object_get(params, OP_MARK));
    if (!of)
        return 0;
    const struct studio_product *p = studio_product(in->studio, str_z(of));
    int fd = p && p->mark.n ? open(p->mark.p, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return err_set(e, ERR_CONFIG, "the mark of product %s cannot be opened", of);
    json_object_del(params, OP_MARK);
    if (roles)
        jw_str(roles, STR("mark"));
    return add_input(call, fd, e);
}

/* The engine's own parameters: the task's, which of the candidates this is, and what was wrong with it before. */
static int write_compose_params(const struct op_input *in, json_t *params, struct jw *w, struct err *e) {
    int r;
    if (json_object_set_new(params, "variant", json_integer(in->variant)) < 0)
        return err_set(e, ERR_INTERNAL, "the parameters of the task are no object");
    if ((r = add_remake(in, params, e)) < 0)
        return r;
    char *text = json_dumps(params, JSON_COMPACT);
    if (!text)
        return err_set(e, ERR_INTERNAL, "the parameters of the task cannot be written");
    jw_key(w, "params");
    jw_raw(w, str_z(text));
    free(text);
    return 0;
}

static int prepare_compose(const struct op_input *in, struct engine_call *call, struct err *e) {
    const struct studio_template *t = NULL;
    if (in->task->backdrop == 0 && !(t = studio_template(in->studio, str_z(in->task->template_name))))
        return err_set(e, ERR_UNKNOWN_TEMPLATE, "%s is not there any more", in->task->template_name);
    CLEANUP(json_unref) json_t *params = NULL;
    BUF_CLEANUP struct buf b;
    buf_init(&b, PARAMS_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "roles");
    jw_arr(&w);
    int r = read_task_params(in, &params, e);
    if (r < 0 || (r = open_layers(in, call, &w, e)) < 0)
        return r;
    if (t) {
        r = open_template(in, t, call, &w, e);
    } else {
        struct blob_asset photo;
        r = open_asset(in, in->task->backdrop, call, &photo, e);
        jw_str(&w, STR("background"));
    }
    if (r < 0 || (r = open_mark(in, params, call, &w, e)) < 0)
        return r;
    jw_end_arr(&w);
    if (t && t->data.n) {
        jw_key(&w, "scene");
        jw_raw(&w, t->data);
    }
    jw_kint(&w, "seed", in->seed);
    jw_kbool(&w, "score", true);     /* judged in the same call, before it is encoded: saves the score step its decoding */
    if ((r = write_compose_params(in, params, &w, e)) < 0)
        return r;
    jw_end_obj(&w);
    return end_params(&b, call, in->a, e);
}

static int prepare_score(const struct op_input *in, struct engine_call *call, struct err *e) {
    struct task__candidate all[TASK_CANDIDATES_MAX];
    const struct task__candidate *mine = NULL;
    size_t n = 0;
    int r = task__candidate_list(in->tx, in->task->id, in->a, all, COUNT(all), &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (all[i].ix == in->ix)
            mine = &all[i];
    if (!mine)
        return err_set(e, ERR_INTERNAL, "there is no candidate %d to score", in->ix);
    struct blob_asset picture;
    if ((r = open_asset(in, mine->asset, call, &picture, e)) < 0 || (r = open_layers(in, call, NULL, e)) < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, PARAMS_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "report");
    jw_raw(&w, mine->report.n ? mine->report : STR("{}"));
    jw_end_obj(&w);
    return end_params(&b, call, in->a, e);
}

/* ---- made elsewhere ---- */

static int dump_params(const json_t *params, struct engine_call *call, struct arena *a, struct err *e) {
    char *text = json_dumps(params, JSON_COMPACT);
    if (!text)
        return err_set(e, ERR_INTERNAL, "the parameters of the task cannot be written");
    call->params = arena_str(a, str_z(text));
    free(text);
    return 0;
}

static int open_backdrop(const struct op_input *in, struct engine_call *call, struct err *e) {
    if (in->task->backdrop)
        return open_copy(in, in->task->backdrop, "backdrop", call, e);
    const struct studio_template *t = studio_template(in->studio, str_z(in->task->template_name));
    if (!t || t->n_files == 0)
        return err_set(e, ERR_UNKNOWN_TEMPLATE, "%s is not there any more", in->task->template_name);
    int fd = open(arena_printf(in->a, "%.*s/%.*s", STR_ARG(t->dir), STR_ARG(t->files[0])).p, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? err_sys(e, ERR_IO, "template %.*s: cannot open %.*s", STR_ARG(t->name), STR_ARG(t->files[0])) : add_input(call, fd, e);
    if (r < 0)
        return r;
    call->role[call->n_in - 1] = STR("backdrop");
    call->asset[call->n_in - 1] = LINK_FILE(0);
    return 0;
}

/* The photos of all people, then what they shall stand before. */
static int prepare_draw(const struct op_input *in, struct engine_call *call, struct err *e) {
    CLEANUP(json_unref) json_t *params = NULL;
    int64_t asset;
    int face, r = read_task_params(in, &params, e);
    for (int i = 0; r >= 0 && i < in->plan->people; i++)
        if ((r = person_of(in, i, &asset, &face, e)) >= 0)
            r = open_copy(in, asset, "person", call, e);
    if (r < 0 || (r = open_backdrop(in, call, e)) < 0)
        return r;
    json_object_del(params, OP_MARK);                /* ours to draw, when it is home */
    json_object_del(params, "width");
    if (json_object_set_new(params, "seed", json_integer(in->seed)) < 0)
        return err_set(e, ERR_INTERNAL, "the parameters of the task are no object");
    return dump_params(params, call, in->a, e);
}

/* What was made of this candidate elsewhere. */
static int64_t raw_of(const struct op_input *in) {
    int64_t asset = 0;
    for (size_t s = 0; s < in->plan->n; s++)
        if (in->plan->steps[s].op->kind == OP_LAYER && in->plan->steps[s].step->per == STUDIO_PER_CANDIDATE && in->plan->steps[s].n > in->ix)
            asset = in->plan->steps[s].units[in->ix].asset;
    return asset;
}

static int prepare_finish(const struct op_input *in, struct engine_call *call, struct err *e) {
    CLEANUP(json_unref) json_t *task = NULL, *params = json_object();
    struct blob_asset raw;
    int r = read_task_params(in, &task, e);
    if (r < 0 || (r = open_asset(in, raw_of(in), call, &raw, e)) < 0 || (r = open_mark(in, task, call, NULL, e)) < 0)
        return r;
    if (json_object_get(task, "width"))
        json_object_set(params, "width", json_object_get(task, "width"));
    return dump_params(params, call, in->a, e);
}

static const char *const lights[] = { "auto", "off", NULL };
static const struct op_param compose_params[] = {        /* as in media/ops.def; "variant" is ours */
    { "width", 640, 4096, NULL }, { "fidelity", 0, 1, NULL }, { "edge_blur_px", 0, 4, NULL }, { "light", 0, 0, lights }, { 0 },
};

static const struct op_param finish_params[] = { { "width", 640, 4096, NULL }, { 0 } };

static const struct op ops[] = {
    { "cutout", OP_LAYER, STUDIO_PER_PERSON, 1, NULL, prepare_cutout },
    { "compose", OP_PICTURE, STUDIO_PER_CANDIDATE, 2, compose_params, prepare_compose },
    { "score", OP_VERDICT, STUDIO_PER_CANDIDATE, 0, NULL, prepare_score },
    { "draw", OP_LAYER, STUDIO_PER_CANDIDATE, 1, NULL, prepare_draw },            /* elsewhere; what comes is not shown before "finish" drew it anew */
    { "finish", OP_PICTURE, STUDIO_PER_CANDIDATE, 2, finish_params, prepare_finish },
};

const struct op *op_of(struct str name) {
    for (size_t i = 0; i < COUNT(ops); i++)
        if (str_eqz(name, ops[i].name))
            return &ops[i];
    return NULL;
}

/* ---- parameters ---- */

static const struct op_param *param_of(const struct studio_recipe *recipe, const char *name) {
    for (size_t i = 0; i < recipe->n_steps; i++) {
        const struct op *op = op_of(recipe->steps[i].op);
        for (const struct op_param *p = op ? op->params : NULL; p && p->name; p++)
            if (strcmp(p->name, name) == 0)
                return p;
    }
    return NULL;
}

static int check_param(const struct op_param *p, const json_t *value, struct err *e) {
    if (!p->words) {
        double v = json_number_value(value);
        if (!json_is_number(value) || !(v >= p->min && v <= p->max))
            return err_set(e, ERR_BAD_INPUT, "params.%s: a number from %g to %g", p->name, p->min, p->max);
        return 0;
    }
    for (const char *const *w = p->words; *w; w++)
        if (json_is_string(value) && strcmp(json_string_value(value), *w) == 0)
            return 0;
    return err_set(e, ERR_BAD_INPUT, "params.%s: not one of its words", p->name);
}

int task_params_check(const struct studio_recipe *recipe, struct str params, struct err *e) {
    CLEANUP(json_unref) json_t *own = NULL;
    const char *key;
    json_t *value;
    int r = json_read(params.n ? params : STR("{}"), &own, e);
    if (r < 0)
        return r;
    if (!json_is_object(own))
        return err_set(e, ERR_BAD_INPUT, "params: must be an object");
    json_object_foreach(own, key, value) {
        const struct op_param *p = param_of(recipe, key);
        if (!p)
            return err_set(e, ERR_UNKNOWN_FIELD, "params.%.60s", key);
        if ((r = check_param(p, value, e)) < 0)
            return r;
    }
    return 0;
}

int op_limit_size(const struct studio_recipe *recipe, json_t *params, int quality_px, struct err *e) {
    const struct op_param *p = param_of(recipe, "width");
    const json_t *asked = json_object_get(params, "width");
    double width = asked ? json_number_value(asked) : OP_WIDTH_DEFAULT_PX;
    if (!p || quality_px == 0 || width <= quality_px)
        return 0;
    if (json_object_set_new(params, "width", json_integer(quality_px < p->min ? (int)p->min : quality_px)) < 0)
        return err_set(e, ERR_BAD_INPUT, "the parameters are no object");
    return 0;
}

/* ---- results ---- */

static struct str dump(const json_t *j, struct arena *a) {
    char *text = json_is_object(j) ? json_dumps(j, JSON_COMPACT) : NULL;
    struct str s = text ? arena_str(a, str_z(text)) : STR_NULL;
    free(text);
    return s;
}

static void read_verdict(const json_t *score, struct arena *a, struct op_facts *f) {
    double points = json_number_value(json_object_get(score, "score"));
    if (!json_is_boolean(json_object_get(score, "ok")))
        return;
    f->judged = true;
    f->verdict = json_is_true(json_object_get(score, "ok")) ? CANDIDATE_FINE : CANDIDATE_BROKEN;
    f->score_pm = points <= 0 ? 0 : points >= 1 ? 1000 : lround(points * 1000);
    f->scores = dump(score, a);
}

static void read_picture(const json_t *j, char type[32], int64_t *width, int64_t *height) {
    const char *t = json_string_value(json_object_get(j, "type"));
    snprintf(type, 32, "%s", t ? t : "image/jpeg");
    *width = json_integer_value(json_object_get(j, "width"));
    *height = json_integer_value(json_object_get(j, "height"));
}

int op_facts_read(const struct op *op, struct str facts, struct arena *a, struct op_facts *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct op_facts f = { .verdict = CANDIDATE_UNSEEN };
    int r = json_read(facts, &j, e);
    if (r < 0)
        return err_prefix(e, "the engine's answer to %s: ", op->name);
    if (op->kind == OP_PICTURE) {
        read_picture(j, f.type, &f.width, &f.height);
        read_picture(json_object_get(j, "preview"), f.preview_type, &f.preview_width, &f.preview_height);
        f.report = dump(json_object_get(j, "report"), a);
        read_verdict(json_object_get(j, "score"), a, &f);
    } else if (op->kind == OP_VERDICT) {
        read_verdict(j, a, &f);
        if (!f.judged)
            return err_set(e, ERR_UPSTREAM, "the engine's answer to %s has no verdict", op->name);
    }
    if (f.report.n > TASK_REPORT_MAX || f.scores.n > TASK_REPORT_MAX)
        return err_set(e, ERR_TOO_BIG, "the report of %s has more than %u bytes", op->name, TASK_REPORT_MAX);
    *ret = f;
    return 0;
}
