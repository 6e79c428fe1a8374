/*
 * provider_fal.c - fal's queue. A status and a result are two questions: "completed" only means that there is something to ask for, and the result's own
 * status says how it went. It fetches inputs from us, lists nothing (a lost call is known again by its signed notice, whose address names our
 * attempt), and may run one call more than once by itself; that is its own cost.
 */
#include <string.h>

#include "base/scope.h"
#include "engine/notice.h"
#include "engine/remote.h"

static const char *const forms[] = { "queue", NULL };

static void auth(struct provider_call *c, const struct provider_job *j, struct arena *a) { provider_header(c, a, "Authorization: Key %s", j->key); }

/* "owner/name" of "owner/name/more/of/it": requests are asked about without the rest. */
static struct str app_of(const struct provider_job *j) {
    struct str rest = j->model->model;
    str_cut(&rest, '/');
    str_cut(&rest, '/');
    return rest.p ? (struct str){ j->model->model.p, (size_t)(rest.p - j->model->model.p) - 1 } : j->model->model;
}

static void encode(struct str s, struct buf *out) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-_.~", c);
        if (plain)
            buf_add_c(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static int build_submit(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    json_t *ours = provider_named(j, e);
    BUF_CLEANUP struct buf hook;
    buf_init(&hook, 4096);
    if (!ours)
        return ERR_ENGINE_FAILED;
    if (j->notice_url.n) {
        buf_add_z(&hook, "?fal_webhook=");
        encode(j->notice_url, &hook);
    }
    c->method = "POST";
    c->url = arena_printf(a, "%s/%.*s%.*s", j->base_url, STR_ARG(j->model->model), STR_ARG(buf_str(&hook)));
    auth(c, j, a);
    provider_header(c, a, "Content-Type: application/json");
    provider_header(c, a, "x-fal-object-lifecycle-preference: {\"expiration_duration_seconds\":86400}");
    return provider_write_body(j, ours, m, a, c, e);
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    if (step == PROVIDER_SUBMIT)
        return build_submit(j, m, a, c, e);
    if (step != PROVIDER_POLL && step != PROVIDER_CANCEL)
        return 0;
    const char *what = step == PROVIDER_CANCEL ? "/cancel" : j->scratch ? "" : "/status";      /* scratch: it is completed, so the result is asked for */
    c->method = step == PROVIDER_CANCEL ? "PUT" : "GET";
    c->url = arena_printf(a, "%s/%.*s/requests/%s%s", j->base_url, STR_ARG(app_of(j)), j->id, what);
    auth(c, j, a);
    return 1;
}

/* ---- what it says ---- */

/* {"detail": "text"} of the queue, {"detail": [{msg, type, loc}]} of the model. */
static void blame(const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    static const char *const inputs[] = { "missing", "url_parsing", "type_error", "image_load_error", "image_too_small", "image_too_large", "video_load_error", "no_media_generated" };
    const json_t *detail = json_object_get(body, "detail"), *first = json_array_get(detail, 0);
    const char *type = json_is_string(detail) ? provider_text(body, "error_type") : provider_text(first, "type");
    const char *text = json_is_string(detail) ? json_string_value(detail) : provider_text(first, "msg");
    enum provider_blame who = PROVIDER_ELSEWHERE;
    if (strcmp(type, "content_policy_violation") == 0)
        who = PROVIDER_CONTENT;
    else if (str_ieq(said->header(said->from, "X-Fal-Retryable"), STR("true")) || strcmp(type, "file_download_error") == 0 || said->header(said->from, "X-Fal-Error-Type").n)
        who = PROVIDER_PASSING;
    for (size_t i = 0; i < COUNT(inputs); i++)
        if (strcmp(type, inputs[i]) == 0)
            who = PROVIDER_INPUT;
    provider_failed(o, who, "%.60s (%d): %.120s", type, said->status, text);
}

static bool refused(const struct provider_said *said, const json_t *j, struct provider_outcome *o) {
    const char *detail = provider_text(j, "detail");
    if (provider_status(said, o))
        return true;
    if (said->status < 400)
        return false;
    if (said->status == 401 || said->status == 402 || said->status == 403)
        provider_failed(o, PROVIDER_OPERATOR, "%d: %.160s", said->status, detail);
    else if (said->status == 422)
        blame(said, j, o);
    else
        provider_failed(o, PROVIDER_OURS, "%d: %.160s", said->status, detail);
    return true;
}

static void parse_status(struct provider_job *j, const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    const char *status = provider_text(body, "status");
    if (said->status == 404)
        o->verdict = PROVIDER_NOWHERE;
    else if (said->status >= 300 && refused(said, body, o))
        return;
    else if (strcmp(status, "IN_QUEUE") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "IN_PROGRESS") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "COMPLETED") == 0) {
        j->scratch = json_true();
        o->verdict = PROVIDER_GO_ON;
    } else
        provider_unclear(o, "a status that is not known: %.40s", status);
}

/* The result of a request that failed has the status of its failure: a 5xx here is the model's own word, and is not billed. */
static void parse_result(struct provider_job *j, const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    const json_t *one = json_object_get(body, "video");
    one = one ? one : json_object_get(body, "image");
    one = one ? one : json_array_get(json_object_get(body, "images"), 0);
    if (said->status == 429)
        provider_status(said, o);
    else if (said->status == 404)
        o->verdict = PROVIDER_NOWHERE;
    else if (said->status >= 500 && !json_object_get(body, "detail"))
        provider_unclear(o, "in trouble (%d)", said->status);
    else if (said->status == 401 || said->status == 403)
        refused(said, body, o);
    else if (said->status >= 400)
        blame(said, body, o);
    else if (json_is_string(json_object_get(one, "url")))
        provider_take_result(j, json_object_get(one, "url"), o);
    else
        provider_failed(o, PROVIDER_ELSEWHERE, "it completed without a result: %.160s", provider_text(json_object_get(body, "error"), "message"));
    if (o->verdict == PROVIDER_READY || o->verdict == PROVIDER_NOWHERE)
        j->scratch = NULL;            /* json_true() needs no release; a link that died is asked for anew from its status on */
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_CANCEL) {
        o->verdict = PROVIDER_GO_ON;
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body)
        return;
    if (step == PROVIDER_POLL && j->scratch)
        parse_result(j, said, body, o);
    else if (step == PROVIDER_POLL)
        parse_status(j, said, body, o);
    else if (!refused(said, body, o))
        provider_take_id(j, json_object_get(body, "request_id"), o);
}

/* One request has one message for each way it can end, which may come ten times. */
static int notice(const void *g, const struct notice_said *said, const struct notice_jwks *keys, int64_t now_ms, struct arena *a, struct provider_notice *ret,
                  struct err *e) {
    CLEANUP(json_unref) json_t *body = NULL;
    struct notice_head head = { 0 };
    int r = notice_fal(said, keys, now_ms, &head, e);
    ret->in_time = head.sent_ms > now_ms - NOTICE_SKEW_MS && head.sent_ms < now_ms + NOTICE_SKEW_MS;
    if (r < 0 || (r = provider_notice_id(head.id, ret, e)) < 0)
        return r;
    ret->once = json_read(said->body, &body, NULL) < 0 ? head.id : arena_printf(a, "%s %.20s", ret->id, provider_text(body, "status"));
    return 0;
}

const struct provider provider_fal = { .name = "fal", .forms = forms, .fetches = true, .jwks = true, .build = build, .parse = parse, .notice = notice };
REMOTE_ENGINE(fal);
