/*
 * provider_vmodel.c - VModel: face swap in clips and photos. It fetches inputs from us, lists nothing, cancels nothing and signs nothing: a lost
 * call stays unknown unless its notice comes, and a notice is a hint under an address that cannot be guessed.
 * It may say no with a status, or with 200 and a code in the body.
 */
#include <string.h>

#include "base/scope.h"
#include "engine/notice.h"
#include "engine/remote.h"

static const char *const forms[] = { "version", NULL };

static int build_submit(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    json_t *input = provider_named(j, e);
    if (!input)
        return ERR_ENGINE_FAILED;
    json_t *ours = json_pack("{s:s%, s:o}", "version", j->model->model.p, j->model->model.n, "input", input);
    if (j->notice_url.n)
        json_object_set_new(ours, "webhook_url", json_stringn(j->notice_url.p, j->notice_url.n));
    c->method = "POST";
    c->url = arena_printf(a, "%s/api/tasks/v1/create", j->base_url);
    provider_header(c, a, "Authorization: Bearer %s", j->key);
    provider_header(c, a, "Content-Type: application/json");
    return provider_write_body(j, ours, m, a, c, e);
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    if (step == PROVIDER_SUBMIT)
        return build_submit(j, m, a, c, e);
    if (step != PROVIDER_POLL)
        return 0;
    c->method = "GET";
    c->url = arena_printf(a, "%s/api/tasks/v1/get/%s", j->base_url, j->id);
    provider_header(c, a, "Authorization: Bearer %s", j->key);
    return 1;
}

static bool is_moderation(const char *text) { return strcasestr(text, "nsfw") || strcasestr(text, "sensitive"); }

static bool refused(enum provider_step step, const struct provider_said *said, const json_t *j, struct provider_outcome *o) {
    const char *text = provider_text(json_object_get(j, "message"), "en");
    struct provider_said as = *said;
    int64_t code = provider_number(j, "code");
    if (said->status < 300 && code >= 100 && code <= 999)
        as.status = (int)code;
    if (provider_status(&as, o))
        return true;
    if (as.status < 400)
        return false;
    if (as.status == 401 || as.status == 402 || as.status == 403)
        provider_failed(o, PROVIDER_OPERATOR, "%d: %.160s", as.status, text);
    else if (as.status == 404 && step == PROVIDER_POLL)
        o->verdict = PROVIDER_NOWHERE;
    else
        provider_failed(o, is_moderation(text) ? PROVIDER_CONTENT : PROVIDER_OURS, "%d: %.160s", as.status, text);
    return true;
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || refused(step, said, body, o))
        return;
    const json_t *result = json_object_get(body, "result");
    const char *status = provider_text(result, "status"), *error = provider_text(result, "error");
    if (step == PROVIDER_SUBMIT)
        provider_take_id(j, json_object_get(result, "task_id"), o);
    else if (strcmp(status, "starting") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "processing") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "succeeded") == 0 && json_array_size(json_object_get(result, "output")))
        provider_take_result(j, json_array_get(json_object_get(result, "output"), 0), o);
    else if (strcmp(status, "succeeded") == 0)
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result: %.160s", error);
    else if (strcmp(status, "failed") == 0)
        provider_failed(o, is_moderation(error) ? PROVIDER_CONTENT : PROVIDER_PASSING, "%.200s", error);
    else if (strcmp(status, "canceled") == 0)
        provider_failed(o, PROVIDER_PASSING, "cancelled over there");
    else
        provider_unclear(o, "a status that is not known: %.40s", status);
}

/* Nobody signs it: its address is all that speaks for it. The task stands alone, or in "result" as in an answer. */
static int notice(const void *g, const struct notice_said *said, const struct notice_jwks *keys, int64_t now_ms, struct arena *a, struct provider_notice *ret,
                  struct err *e) {
    CLEANUP(json_unref) json_t *body = NULL;
    if (json_read(said->body, &body, NULL) < 0)
        return err_set(e, ERR_ENGINE_NOTICE, "it is no JSON");
    const json_t *result = json_object_get(body, "result"), *task = result ? result : body;
    int r = provider_notice_id(str_z(provider_text(task, "task_id")), ret, e);
    ret->in_time = true;
    ret->once = arena_printf(a, "%s %.20s", ret->id, provider_text(task, "status"));
    return r;
}

const struct provider provider_vmodel = { .name = "vmodel", .forms = forms, .fetches = true, .build = build, .parse = parse, .notice = notice };
REMOTE_ENGINE(vmodel);
