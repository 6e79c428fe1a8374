/*
 * provider_jimeng.c - Volcengine's visual API (version 2022-08-31, read in November 2026): Jimeng's pictures and clips as tasks, old photographs repaired at
 * once. Everything is a signed POST to one address, whose query says what it is. Nothing tells one call of ours from another, nothing lists or stops them:
 * a lost one stays unknown. Its answers bear a code beside the status, and the code counts: a task that failed says so by the code of the answer about it.
 * Watermarks and the hidden label that mainland China wants are asked for with the result, not with the call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "engine/provider_signed.h"
#include "engine/remote.h"

#define GOOD         10000
#define TROUBLES_MAX 4               /* answers in a row of "internal error" about a task, which are then the task's own */

static const char *const forms[] = { "picture", "clip", "repair", NULL };     /* clip: takes bytes where no link can be given; repair: at once */

struct jimeng { struct str region; const char *producer, *propagator; };

static int read_settings(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    struct jimeng it = { str_z(config_str(cfg, "engine.jimeng_region")), config_str(cfg, "engine.jimeng_producer"), config_str(cfg, "engine.jimeng_propagator") };
    int r = provider_check_pairs(cfg, "jimeng", e);
    if (r < 0)
        return r;
    if (!it.producer[0] != !it.propagator[0])
        return err_set(e, ERR_CONFIG, "engine.jimeng_producer, engine.jimeng_propagator: a label needs both");
    struct jimeng *g = malloc(sizeof(*g));
    if (!g)
        abort();
    *g = it;
    *ret_g = g;
    return 0;
}

static bool is_repair(const struct provider_job *j) { return str_eqz(j->model->form, "repair"); }

/* ---- what it is asked ---- */

/* Links, or the bytes themselves where this model takes them and nobody outside can fetch from us. */
static int add_inputs(const struct provider_job *j, const struct provider_moment *m, json_t *to, struct err *e) {
    size_t linked = 0;
    for (size_t i = 0; i < j->n_in; i++)
        linked += j->in[i].link.n > 0;
    bool bytes = linked == 0 && str_eqz(j->model->form, "clip");
    if (linked < j->n_in && !bytes)
        return err_set(e, ERR_ENGINE_FAILED, "nobody outside can fetch an input from here (public_url)");
    json_t *list = json_array();
    for (size_t i = 0; i < j->n_in; i++)
        json_array_append_new(list, provider_inline(j, i, /* data_url= */ false, m));
    if (j->n_in)
        json_object_set(to, bytes ? "binary_data_base64" : "image_urls", list);
    json_decref(list);
    return 0;
}

static int write_call(const struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    json_t *ours = json_pack("{s:s%}", "req_key", j->model->model.p, j->model->model.n);
    int r = add_inputs(j, m, ours, e);
    if (r < 0) {
        json_decref(ours);
        return r;
    }
    if (provider_text(j->params, "prompt")[0])
        json_object_set(ours, "prompt", json_object_get(j->params, "prompt"));
    if (json_object_get(j->params, "seed") && !is_repair(j))
        json_object_set(ours, "seed", json_object_get(j->params, "seed"));
    if (is_repair(j))
        json_object_set(ours, "return_url", json_true());
    return provider_write_body(j, ours, m, a, c, e);
}

/* JSON that is a value of other JSON, as a text. */
static json_t *text_of(json_t *j) {
    char *text = json_dumps(j, JSON_COMPACT);
    json_t *all = text ? json_string(text) : NULL;
    if (!all)
        abort();
    free(text);
    json_decref(j);
    return all;
}

static void write_question(const struct jimeng *g, const struct provider_job *j, struct arena *a, struct provider_call *c) {
    json_t *how = json_pack("{s:b, s:{s:b}}", "return_url", 1, "logo_info", "add_logo", 0);
    if (g->producer[0]) {
        const char *ours = arena_printf(a, "%lld", (long long)j->attempt).p;
        json_object_set_new(how, "aigc_meta", json_pack("{s:s, s:s, s:s, s:s}", "content_producer", g->producer, "producer_id", ours, "content_propagator", g->propagator,
                                                        "propagate_id", ours));
    }
    json_t *all = json_pack("{s:s%, s:s, s:o}", "req_key", j->model->model.p, j->model->model.n, "task_id", j->id, "req_json", text_of(how));
    json_t *text = text_of(all);
    c->body = arena_str(a, str_z(json_string_value(text)));
    json_decref(text);
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    const struct jimeng *it = g;
    if (step != PROVIDER_SUBMIT && (step != PROVIDER_POLL || !j->id[0]))
        return 0;
    struct sign_request q = { .content_type = STR("application/json"), .service = STR("cv"), .region = it->region, .version = STR("2022-08-31") };
    q.action = step == PROVIDER_POLL ? STR("CVSync2AsyncGetResult") : is_repair(j) ? STR("ConvertPhotoV2") : STR("CVSync2AsyncSubmitTask");
    int r = 1;
    if (step == PROVIDER_SUBMIT)
        r = write_call(j, m, a, c, e);
    else
        write_question(it, j, a, c);
    c->method = "POST";
    return r < 0 ? r : provider_sign(sign_volcengine, q, j->base_url, j, m, a, c, e);
}

/* ---- what it says ---- */

static const struct { int from, to; enum provider_blame blame; } codes[] = {
    { 50400, 50400, PROVIDER_OPERATOR },
    { 50411, 50413, PROVIDER_CONTENT },
    { 50429, 50430, PROVIDER_RATE },
    { 50511, 50511, PROVIDER_PASSING },         /* what was made is not decent; the next one may be */
    { 50512, 50512, PROVIDER_ELSEWHERE },
    { 50516, 50517, PROVIDER_PASSING },
    { 50518, 50518, PROVIDER_CONTENT },
    { 50519, 50519, PROVIDER_PASSING },
    { 50520, 50522, PROVIDER_ELSEWHERE },       /* those who look at content are in trouble themselves, and their document says: not again */
};

/*
 * "Internal error" is said about the question as well as about the task. Of a call nothing can be told from it; of a task it is believed when it is said so
 * many times in a row.
 */
static void in_trouble(struct provider_job *j, enum provider_step step, int64_t code, const char *message, struct provider_outcome *o) {
    if (step == PROVIDER_POLL && ++j->misses >= TROUBLES_MAX)
        provider_failed(o, PROVIDER_PASSING, "%lld, again and again: %.120s", (long long)code, message);
    else
        provider_unclear(o, "%lld: %.120s", (long long)code, message);
}

static void say_code(struct provider_job *j, enum provider_step step, int status, int64_t code, const char *message, struct provider_outcome *o) {
    if (code == 50500 || code == 50501) {
        in_trouble(j, step, code, message, o);
        return;
    }
    enum provider_blame blame = PROVIDER_OURS;
    for (size_t i = 0; i < COUNT(codes); i++)
        if (code >= codes[i].from && code <= codes[i].to)
            blame = codes[i].blame;
    provider_failed(o, blame, "%lld (%d): %.120s", (long long)code, status, message);
}

/* Who asks, and whether their signature is right, is said in the words of the whole cloud; true when that is what was said. */
static bool refused_at_the_door(const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    const json_t *error = json_object_get(json_object_get(body, "ResponseMetadata"), "Error");
    const char *code = provider_text(error, "Code");
    if (!error || provider_status(said, o))
        return error;
    provider_failed(o, str_eqz(str_z(code), "InvalidActionOrVersion") ? PROVIDER_OURS : PROVIDER_OPERATOR, "%.60s (%d): %.120s", code, said->status,
                    provider_text(error, "Message"));
    return true;
}

static void take_files(struct provider_job *j, const json_t *data, struct provider_outcome *o) {
    const json_t *pictures = json_object_get(data, "image_urls"), *bytes = json_object_get(data, "binary_data_base64");
    if (provider_text(data, "video_url")[0]) {
        provider_take_result(j, json_object_get(data, "video_url"), o);
    } else if (json_array_size(pictures)) {
        if (provider_take_result(j, json_array_get(pictures, 0), o) && j->model->per == MODEL_PER_PICTURE)
            o->units_m = 1000 * (int64_t)json_array_size(pictures);
    } else if (json_array_size(bytes)) {
        provider_failed(o, PROVIDER_OURS, "it sends bytes where a link was asked for");
        o->cost_microusd = model_cost_microusd(j->model, (int64_t)json_array_size(bytes), 0);
    } else {
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result");
    }
}

static void parse_task(struct provider_job *j, const json_t *data, struct provider_outcome *o) {
    const char *status = provider_text(data, "status");
    j->misses = 0;
    if (strcmp(status, "in_queue") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "generating") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "done") == 0)
        take_files(j, data, o);
    else if (strcmp(status, "not_found") == 0)
        o->verdict = PROVIDER_NOWHERE;
    else if (strcmp(status, "expired") == 0)
        provider_failed(o, PROVIDER_PASSING, "expired over there");
    else
        provider_unclear(o, "a status that is not known: %.40s", status);
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    const json_t *data = json_object_get(body, "data");
    int64_t code = provider_number(body, "code");
    if (!body || refused_at_the_door(said, body, o))
        return;
    if (code >= 0 && code != GOOD)
        say_code(j, step, said->status, code, provider_text(body, "message"), o);
    else if (provider_status(said, o))
        return;
    else if (code != GOOD || said->status >= 400)
        provider_failed(o, PROVIDER_OURS, "%d without a code", said->status);
    else if (step == PROVIDER_POLL)
        parse_task(j, data, o);
    else if (is_repair(j))
        take_files(j, data, o);
    else
        provider_take_id(j, json_object_get(data, "task_id"), o);
}

const struct provider provider_jimeng = { .name = "jimeng", .forms = forms, .open = read_settings, .close = free, .build = build, .parse = parse };
REMOTE_ENGINE(jimeng);
