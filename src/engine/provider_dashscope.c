/*
 * provider_dashscope.c - Alibaba DashScope (Model Studio): characters set in motion or into a clip, pictures to clips, pictures edited.
 * Inputs go there by links of ours, or into its own store for 48 hours where nobody outside can reach us. Nothing identifies a call of ours
 * before it has an id, so a lost one is looked for in the list of calls by model and time, and taken only when just one there is unknown.
 */
#include <string.h>
#include <time.h>

#include "base/scope.h"
#include "engine/remote.h"

#define UPLOAD_MAX    (100LL * 1000 * 1000)
#define CHINA_MS      (8 * 3600 * 1000LL)
#define PATH          "/api/v1/services/aigc/"

static const char *const forms[] = { "animate", "video", "edit", "function", NULL };

static bool is_form(const struct provider_job *j, const char *form) { return str_eqz(j->model->form, form); }

/* ---- inputs ---- */

static void auth(struct provider_call *c, const struct provider_job *j, struct arena *a) { provider_header(c, a, "Authorization: Bearer %s", j->key); }

static int build_policy(struct provider_job *j, struct arena *a, struct provider_call *c, struct err *e) {
    c->method = "GET";
    c->url = arena_printf(a, "%s/api/v1/uploads?action=getPolicy&model=%.*s", j->base_url, STR_ARG(j->model->model));
    auth(c, j, a);
    return 1;
}

static const char *extension_of(const char *type) {
    static const char *const of[][2] = { { "image/jpeg", "jpg" }, { "image/png", "png" }, { "image/webp", "webp" }, { "image/bmp", "bmp" },
                                         { "video/mp4", "mp4" }, { "video/quicktime", "mov" }, { "video/x-msvideo", "avi" } };
    for (size_t i = 0; i < COUNT(of); i++)
        if (strcmp(of[i][0], type) == 0)
            return of[i][1];
    return "bin";
}

static const char *key_of(const struct provider_job *j, struct arena *a) {
    return arena_printf(a, "%s/%zu.%s", provider_text(j->scratch, "upload_dir"), j->uploaded, extension_of(j->in[j->uploaded].type)).p;
}

static int build_store(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    const struct provider_field fields[] = {
        { "OSSAccessKeyId", provider_text(j->scratch, "oss_access_key_id") }, { "Signature", provider_text(j->scratch, "signature") },
        { "policy", provider_text(j->scratch, "policy") }, { "x-oss-object-acl", provider_text(j->scratch, "x_oss_object_acl") },
        { "x-oss-forbid-overwrite", provider_text(j->scratch, "x_oss_forbid_overwrite") }, { "key", key_of(j, a) }, { "success_action_status", "200" },
    };
    return provider_post_file(provider_text(j->scratch, "upload_host"), fields, COUNT(fields), &j->in[j->uploaded], m, a, c, e);
}

static int build_upload(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    for (; j->uploaded < j->n_in && j->in[j->uploaded].link.n; j->uploaded++)
        j->in[j->uploaded].ref = j->in[j->uploaded].link;
    if (j->uploaded == j->n_in)
        return 0;
    if (j->in[j->uploaded].bytes > UPLOAD_MAX)
        return err_set(e, ERR_BAD_INPUT, "a file of over 100 MB, and no address under which it could be fetched from here (public_url)");
    return j->scratch ? build_store(j, m, a, c, e) : build_policy(j, a, c, e);
}

/* ---- the call ---- */

static json_t *url_of(const struct provider_input *in) { return json_stringn(in->ref.p, in->ref.n); }

static void set_text(json_t *to, const char *name, const json_t *params, const char *param) {
    if (provider_text(params, param)[0])
        json_object_set(to, name, json_object_get(params, param));
}

static json_t *animate_body(const struct provider_job *j, struct err *e) {
    const struct provider_input *picture = provider_input_of(j, "picture"), *clip = provider_input_of(j, "clip");
    if (!picture || !clip) {
        err_set(e, ERR_BAD_INPUT, "a picture and a clip are needed");
        return NULL;
    }
    return json_pack("{s:s%, s:{s:o, s:o, s:b}, s:{s:b}}", "model", j->model->model.p, j->model->model.n, "input", "image_url", url_of(picture), "video_url",
                     url_of(clip), "watermark", 0, "parameters", "check_image", 1);
}

static json_t *video_body(const struct provider_job *j, struct err *e) {
    const struct provider_input *picture = provider_input_of(j, "picture");
    if (!picture) {
        err_set(e, ERR_BAD_INPUT, "a picture is needed");
        return NULL;
    }
    json_t *input = json_pack("{s:o}", "img_url", url_of(picture)), *parameters = json_object();
    set_text(input, "prompt", j->params, "prompt");
    set_text(input, "negative_prompt", j->params, "negative");
    if (json_object_get(j->params, "seed"))
        json_object_set(parameters, "seed", json_object_get(j->params, "seed"));
    return json_pack("{s:s%, s:o, s:o}", "model", j->model->model.p, j->model->model.n, "input", input, "parameters", parameters);
}

static json_t *edit_body(const struct provider_job *j, struct err *e) {
    json_t *content = json_array(), *parameters = json_object();
    for (size_t i = 0; i < j->n_in; i++)
        json_array_append_new(content, json_pack("{s:o}", "image", url_of(&j->in[i])));
    json_array_append_new(content, json_pack("{s:s}", "text", provider_text(j->params, "prompt")));
    set_text(parameters, "negative_prompt", j->params, "negative");
    if (json_object_get(j->params, "seed"))
        json_object_set(parameters, "seed", json_object_get(j->params, "seed"));
    return json_pack("{s:s%, s:{s:[{s:s, s:o}]}, s:o}", "model", j->model->model.p, j->model->model.n, "input", "messages", "role", "user", "content", content,
                     "parameters", parameters);
}

static json_t *function_body(const struct provider_job *j, struct err *e) {
    const struct provider_input *picture = provider_input_of(j, "picture"), *mask = provider_input_of(j, "mask");
    if (!picture) {
        err_set(e, ERR_BAD_INPUT, "a picture is needed");
        return NULL;
    }
    json_t *input = json_pack("{s:o}", "base_image_url", url_of(picture));
    if (mask)
        json_object_set_new(input, "mask_image_url", url_of(mask));
    set_text(input, "prompt", j->params, "prompt");
    return json_pack("{s:s%, s:o}", "model", j->model->model.p, j->model->model.n, "input", input);
}

static int build_submit(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    json_t *ours = is_form(j, "animate") ? animate_body(j, e) : is_form(j, "video") ? video_body(j, e) : is_form(j, "edit") ? edit_body(j, e) : function_body(j, e);
    if (!ours)
        return ERR_BAD_INPUT;
    bool stored = false;
    for (size_t i = 0; i < j->n_in; i++)
        stored |= str_starts(j->in[i].ref, STR("oss://"));
    c->method = "POST";
    c->url = arena_printf(a, "%s" PATH "%.*s", j->base_url, STR_ARG(j->model->path));
    auth(c, j, a);
    provider_header(c, a, "Content-Type: application/json");
    if (!is_form(j, "edit"))
        provider_header(c, a, "X-DashScope-Async: enable");
    if (stored)
        provider_header(c, a, "X-DashScope-OssResourceResolve: enable");
    return provider_write_body(j, ours, m, a, c, e);
}

static void china_text(int64_t ms, char out[15]) {
    time_t s = (time_t)((ms + CHINA_MS) / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(out, 15, "%Y%m%d%H%M%S", &tm);
}

static int build_find(struct provider_job *j, struct arena *a, struct provider_call *c) {
    char from[15], to[15];
    china_text(j->begun_ms - PROVIDER_FIND_SKEW_MS, from);
    china_text(j->begun_ms + PROVIDER_FIND_MS, to);
    c->method = "GET";
    c->url = arena_printf(a, "%s/api/v1/tasks/?start_time=%s&end_time=%s&model_name=%.*s&page_no=1&page_size=100", j->base_url, from, to, STR_ARG(j->model->model));
    auth(c, j, a);
    return 1;
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    switch (step) {
    case PROVIDER_UPLOAD:
        return build_upload(j, m, a, c, e);
    case PROVIDER_SUBMIT:
        return build_submit(j, m, a, c, e);
    case PROVIDER_FIND:
        return is_form(j, "edit") ? 0 : build_find(j, a, c);
    case PROVIDER_POLL:
    case PROVIDER_CANCEL:
        if (!j->id[0])
            return 0;
        c->method = step == PROVIDER_POLL ? "GET" : "POST";
        c->url = arena_printf(a, "%s/api/v1/tasks/%s%s", j->base_url, j->id, step == PROVIDER_POLL ? "" : "/cancel");
        auth(c, j, a);
        return 1;
    default:
        return 0;
    }
}

/* ---- what it says ---- */

/* The first row whose code begins so decides; "unknown" and what is not here: our request was wrong, or their contract changed. */
static const struct provider_code codes[] = {
    { "DataInspectionFailed", PROVIDER_CONTENT }, { "data_inspection_failed", PROVIDER_CONTENT }, { "IPInfringementSuspect", PROVIDER_CONTENT },
    { "CustomRoleBlocked", PROVIDER_CONTENT }, { "InvalidParameter.DataInspection", PROVIDER_PASSING }, { "BadRequest.InputDownloadFailed", PROVIDER_PASSING },
    { "InvalidURL", PROVIDER_PASSING }, { "InvalidFile.", PROVIDER_INPUT }, { "InvalidImage", PROVIDER_INPUT }, { "InvalidPerson", PROVIDER_INPUT },
    { "InvalidGarment", PROVIDER_INPUT }, { "Arrearage", PROVIDER_OPERATOR }, { "InvalidApiKey", PROVIDER_OPERATOR }, { "AccessDenied.Unpurchased", PROVIDER_MODEL }, { "AccessDenied", PROVIDER_OPERATOR },
    { "Model.AccessDenied", PROVIDER_MODEL }, { "Workspace.AccessDenied", PROVIDER_OPERATOR }, { "Endpoint.AccessDenied", PROVIDER_MODEL },
    { "AllocationQuota.FreeTierOnly", PROVIDER_MODEL }, { "ModelNotFound", PROVIDER_MODEL }, { "WorkSpaceNotFound", PROVIDER_OPERATOR },
    { "NotFound", PROVIDER_OPERATOR }, { "CommodityNotPurchased", PROVIDER_OPERATOR }, { "PrepaidBillOverdue", PROVIDER_OPERATOR },
    { "PostpaidBillOverdue", PROVIDER_OPERATOR }, { "Throttling", PROVIDER_RATE }, { "insufficient_quota", PROVIDER_RATE }, { "InternalError", PROVIDER_PASSING },
};

static void blame(const json_t *from, int status, struct provider_outcome *o) {
    const char *code = provider_text(from, "code"), *message = provider_text(from, "message");
    enum provider_blame otherwise = strstr(message, "Policy expired") ? PROVIDER_PASSING : status == 429 ? PROVIDER_RATE
                                    : status == 401 || status == 403 ? PROVIDER_OPERATOR : PROVIDER_OURS;
    provider_failed(o, provider_blame_of(codes, COUNT(codes), code, otherwise), "%.60s (%d): %.120s", code, status, message);
}

/* A refusal of this request; true when it was one. */
static bool refused(const struct provider_said *said, const json_t *j, struct provider_outcome *o) {
    if (said->status == 429 && provider_text(j, "code")[0]) {
        blame(j, 429, o);
        return true;
    }
    if (provider_status(said, o))
        return true;
    if (said->status < 400)
        return false;
    blame(j, said->status, o);
    return true;
}

static void parse_upload(struct provider_job *j, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (j->scratch) {
        if (said->status != 200) {
            json_decref(TAKE(j->scratch));                    /* a new policy, then again */
            provider_unclear(o, "its store answers %d", said->status);
            return;
        }
        provider_take_ref(j, arena_printf(a, "oss://%s", key_of(j, a)), o);
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || refused(said, body, o))
        return;
    json_t *data = json_object_get(body, "data");
    if (!provider_text(data, "upload_host")[0] || !provider_text(data, "upload_dir")[0]) {
        provider_unclear(o, "an upload policy without host or folder");
        return;
    }
    j->scratch = json_incref(data);
    o->verdict = PROVIDER_GO_ON;
}

static const json_t *result_of(const json_t *output) {
    const json_t *results = json_object_get(output, "results");
    const json_t *places[] = { json_object_get(results, "video_url"), json_object_get(output, "video_url"), json_object_get(output, "image_url"), NULL };
    for (size_t i = 0; i < COUNT(places); i++)
        if (json_is_string(places[i]))
            return places[i];
    for (size_t i = 0; i < json_array_size(results); i++)
        if (json_object_get(json_array_get(results, i), "url"))
            return json_object_get(json_array_get(results, i), "url");
    const json_t *message = json_object_get(json_array_get(json_object_get(output, "choices"), 0), "message"), *content = json_object_get(message, "content");
    for (size_t i = 0; i < json_array_size(content); i++)
        if (json_object_get(json_array_get(content, i), "image"))
            return json_object_get(json_array_get(content, i), "image");
    return NULL;
}

static void ended_well(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const json_t *output = json_object_get(body, "output"), *link = result_of(output), *first = json_array_get(json_object_get(output, "results"), 0);
    if (!link && provider_text(first, "code")[0]) {           /* "succeeded", and in it an error each */
        blame(first, 0, o);
        return;
    }
    double seconds = json_number_value(json_object_get(json_object_get(body, "usage"), "video_duration"));
    if (provider_take_result(j, link, o) && seconds > 0 && seconds < 3600)
        o->units_m = (int64_t)(seconds * 1000 + 0.5);
}

static void parse_task(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const json_t *output = json_object_get(body, "output");
    const char *status = provider_text(output, "task_status");
    if (strcmp(status, "PENDING") == 0 || strcmp(status, "SUSPENDED") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "RUNNING") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "SUCCEEDED") == 0) {
        if (result_of(output) || json_array_size(json_object_get(output, "results")))
            ended_well(j, body, o);
        else
            provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result: %.60s", provider_text(output, "code"));
        provider_over(o);
    } else if (strcmp(status, "FAILED") == 0) {
        blame(output, 0, o);
        provider_over(o);
    } else if (strcmp(status, "CANCELED") == 0)
        provider_failed(o, PROVIDER_ELSEWHERE, "cancelled over there");
    else if (strcmp(status, "UNKNOWN") == 0)
        o->verdict = PROVIDER_NOWHERE;
    else
        provider_unclear(o, "a status that is not known: %.40s", status);
}

static bool read_listed(const struct provider_job *j, const json_t *one, struct provider_listed *ret) {
    *ret = (struct provider_listed){ json_object_get(one, "task_id"), json_integer_value(json_object_get(one, "gmt_create")) };
    return str_eqz(j->model->model, provider_text(one, "model_name"));
}

static void parse_list(struct provider_job *j, const json_t *body, struct arena *a, struct provider_outcome *o) {
    const json_t *list = json_object_get(body, "data"), *total = json_object_get(body, "total");
    if (!json_is_integer(total) || json_integer_value(total) > (json_int_t)json_array_size(list))
        provider_unclear(o, "a list of calls that is not whole");
    else
        provider_find_on_page(j, list, /* page_max= */ SIZE_MAX, read_listed, a, o);
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_UPLOAD) {
        parse_upload(j, said, a, o);
        return;
    }
    if (step == PROVIDER_CANCEL) {
        o->verdict = PROVIDER_GO_ON;
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || refused(said, body, o))
        return;
    if (step == PROVIDER_POLL)
        parse_task(j, body, o);
    else if (step == PROVIDER_FIND)
        parse_list(j, body, a, o);
    else if (is_form(j, "edit"))
        ended_well(j, body, o);
    else
        provider_take_id(j, json_object_get(json_object_get(body, "output"), "task_id"), o);
}

const struct provider provider_dashscope = { .name = "dashscope", .forms = forms, .build = build, .parse = parse };
REMOTE_ENGINE(dashscope);
