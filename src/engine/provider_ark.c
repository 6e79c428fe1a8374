/*
 * provider_ark.c - Volcengine Ark: pictures at once (Seedream), clips as tasks (Seedance). Inputs are links of ours, or lie in the request itself.
 * Its watermark is on unless it is told otherwise, so models say so. Codes are known by their beginning or their end: new ones come in families.
 */
#include <string.h>

#include "base/scope.h"
#include "engine/remote.h"

#define LIST_PAGE 100

static const char *const forms[] = { "picture", "clip", NULL };

static bool is_clip(const struct provider_job *j) { return str_eqz(j->model->form, "clip"); }
static void auth(struct provider_call *c, const struct provider_job *j, struct arena *a) { provider_header(c, a, "Authorization: Bearer %s", j->key); }

static json_t *picture_body(const struct provider_job *j, const struct provider_moment *m) {
    json_t *images = json_array(), *ours = json_pack("{s:s%, s:s}", "model", j->model->model.p, j->model->model.n, "prompt", provider_text(j->params, "prompt"));
    for (size_t i = 0; i < j->n_in; i++)
        json_array_append_new(images, provider_inline(j, i, /* data_url= */ true, m));
    if (j->n_in)
        json_object_set(ours, "image", images);
    json_decref(images);
    if (json_object_get(j->params, "seed") && !strstr(j->model->model.p, "seedream-4"))       /* which has no seeds */
        json_object_set(ours, "seed", json_object_get(j->params, "seed"));
    return ours;
}

static json_t *clip_body(const struct provider_job *j, const struct provider_moment *m) {
    json_t *content = json_array(), *ours = json_pack("{s:s%, s:o}", "model", j->model->model.p, j->model->model.n, "content", content);
    if (provider_text(j->params, "prompt")[0])
        json_array_append_new(content, json_pack("{s:s, s:s}", "type", "text", "text", provider_text(j->params, "prompt")));
    for (size_t i = 0; i < j->n_in; i++)
        json_array_append_new(content, json_pack("{s:s, s:{s:o}, s:s}", "type", "image_url", "image_url", "url", provider_inline(j, i, true, m), "role",
                                                 i == 0 ? "first_frame" : "last_frame"));
    if (json_object_get(j->params, "seed"))
        json_object_set(ours, "seed", json_object_get(j->params, "seed"));
    if (j->notice_url.n)
        json_object_set_new(ours, "callback_url", json_stringn(j->notice_url.p, j->notice_url.n));
    return ours;
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    if (step == PROVIDER_UPLOAD || (step != PROVIDER_SUBMIT && !is_clip(j)))
        return 0;
    auth(c, j, a);
    switch (step) {
    case PROVIDER_SUBMIT:
        c->method = "POST";
        c->url = arena_printf(a, "%s/%s", j->base_url, is_clip(j) ? "contents/generations/tasks" : "images/generations");
        provider_header(c, a, "Content-Type: application/json");
        return provider_write_parts(j, is_clip(j) ? clip_body(j, m) : picture_body(j, m), m, a, c, e);
    case PROVIDER_FIND:
        c->method = "GET";
        c->url = arena_printf(a, "%s/contents/generations/tasks?page_num=1&page_size=%d&filter.model=%.*s", j->base_url, LIST_PAGE, STR_ARG(j->model->model));
        return 1;
    default:
        c->method = step == PROVIDER_POLL ? "GET" : "DELETE";
        c->url = arena_printf(a, "%s/contents/generations/tasks/%s", j->base_url, j->id);
        return 1;
    }
}

/* ---- what it says ---- */

static bool begins(const char *code, const char *with) { return strncmp(code, with, strlen(with)) == 0; }

static enum provider_blame blame_of(const char *code, int status) {
    struct str text = str_z(code);
    if (begins(code, "Output"))                                   /* what was made is not decent; the next one may be */
        return PROVIDER_PASSING;
    if (begins(code, "Input") && (strstr(code, "SensitiveContentDetected") || strstr(code, "RiskDetection")))
        return strstr(code, "PrivacyInformation") ? PROVIDER_ELSEWHERE : PROVIDER_CONTENT;     /* real people: refused here, not everywhere */
    if (begins(code, "ModelNotOpen") || begins(code, "InvalidEndpoint"))
        return PROVIDER_MODEL;
    if (begins(code, "QuotaExceeded") || begins(code, "SetLimitExceeded") || status == 401 || status == 403)
        return PROVIDER_OPERATOR;
    if (strstr(code, "RateLimitExceeded") || begins(code, "ServerOverloaded") || status == 429)
        return PROVIDER_RATE;
    if (begins(code, "InternalServiceError") || status >= 500)
        return PROVIDER_PASSING;
    return str_ends(text, STR("SensitiveContentDetected")) ? PROVIDER_CONTENT : PROVIDER_OURS;
}

static void say_error(const json_t *error, int status, struct provider_outcome *o) {
    const char *code = provider_text(error, "code");
    provider_failed(o, blame_of(code, status), "%.60s (%d): %.120s", code, status, provider_text(error, "message"));
}

static bool refused(enum provider_step step, const struct provider_said *said, const json_t *j, struct provider_outcome *o) {
    const json_t *error = json_object_get(j, "error");
    if (said->status == 404 && step == PROVIDER_POLL) {
        o->verdict = PROVIDER_NOWHERE;
        return true;
    }
    if (said->status >= 400 && said->status < 500 && said->status != 408 && provider_text(error, "code")[0]) {
        say_error(error, said->status, o);
        return true;
    }
    if (provider_status(said, o))
        return true;
    if (said->status >= 400)
        provider_failed(o, PROVIDER_OURS, "%d without a reason", said->status);
    return said->status >= 400;
}

static void parse_picture(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const json_t *data = json_object_get(body, "data"), *first = json_array_get(data, 0);
    if (json_is_string(json_object_get(first, "url")))
        provider_take_result(j, json_object_get(first, "url"), o);
    else if (json_object_get(first, "error"))
        say_error(json_object_get(first, "error"), 0, o);
    else if (json_object_get(body, "error"))
        say_error(json_object_get(body, "error"), 0, o);
    else
        provider_failed(o, PROVIDER_PASSING, "no picture came, and no reason");
}

static void parse_task(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const char *status = provider_text(body, "status");
    const json_t *link = json_object_get(json_object_get(body, "content"), "video_url"), *error = json_object_get(body, "error");
    if (strcmp(status, "queued") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "running") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "succeeded") == 0 && link) {
        double seconds = json_number_value(json_object_get(body, "duration"));
        if (provider_take_result(j, link, o) && seconds > 0 && seconds < 3600)
            o->units_m = (int64_t)(seconds * 1000 + 0.5);
    } else if (strcmp(status, "failed") == 0 || (strcmp(status, "succeeded") == 0 && json_is_object(error))) {
        say_error(error, 0, o);
        provider_over(o);
    } else if (strcmp(status, "succeeded") == 0)
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result");
    else if (strcmp(status, "cancelled") == 0 || strcmp(status, "expired") == 0)
        provider_failed(o, PROVIDER_PASSING, "%s over there", status);
    else
        provider_unclear(o, "a status that is not known: %.40s", status);
}

static bool read_listed(const struct provider_job *j, const json_t *one, struct provider_listed *ret) {
    *ret = (struct provider_listed){ json_object_get(one, "id"), 1000 * json_integer_value(json_object_get(one, "created_at")) };
    return true;
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_CANCEL) {
        o->verdict = PROVIDER_GO_ON;
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || refused(step, said, body, o))
        return;
    if (step == PROVIDER_FIND)
        provider_find_on_page(j, json_object_get(body, "items"), LIST_PAGE, read_listed, a, o);
    else if (step == PROVIDER_POLL)
        parse_task(j, body, o);
    else if (is_clip(j))
        provider_take_id(j, json_object_get(body, "id"), o);
    else
        parse_picture(j, body, o);
}

const struct provider provider_ark = { .name = "ark", .forms = forms, .build = build, .parse = parse };
REMOTE_ENGINE(ark);
