/*
 * provider_tencent.c - Tencent's face fusion (facefusion, version 2022-09-27, read in November 2026), at once: FuseFace puts a face into a template of the
 * account's console, FuseFaceUltra into any picture. Inputs are links of ours, or lie in the request itself.
 * Every answer is HTTP 200, and an error in it is the truth, whatever else it has. Its watermark is on unless it is told otherwise, so models say so.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "engine/provider_signed.h"
#include "engine/remote.h"

#define FACES_MAX 6

static const char *const forms[] = { "template", "target", NULL };

struct tencent { struct str region; };

static int read_settings(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    int r = provider_check_pairs(cfg, "tencent", e);
    if (r < 0)
        return r;
    struct tencent *g = malloc(sizeof(*g));
    if (!g)
        abort();
    g->region = str_z(config_str(cfg, "engine.tencent_region"));
    *ret_g = g;
    return 0;
}

/* ---- what it is asked ---- */

/* Every face in turn, the target under its own names. */
static int add_inputs(const struct provider_job *j, const struct provider_moment *m, json_t *to, struct err *e) {
    json_t *faces = json_array();
    json_object_set_new(to, "MergeInfos", faces);
    bool target = false, wanted = str_eqz(j->model->form, "target");
    for (size_t i = 0; i < j->n_in; i++) {
        bool link = j->in[i].link.n > 0;
        if (str_eqz(j->in[i].role, "face"))
            json_array_append_new(faces, json_pack("{s:o}", link ? "Url" : "Image", provider_inline(j, i, /* data_url= */ false, m)));
        if (!wanted || target || !str_eqz(j->in[i].role, "target"))
            continue;
        json_object_set_new(to, link ? "ModelUrl" : "ModelImage", provider_inline(j, i, /* data_url= */ false, m));
        target = true;
    }
    if (json_array_size(faces) == 0 || json_array_size(faces) > FACES_MAX || target != wanted)
        return err_set(e, ERR_BAD_INPUT, wanted ? "one to six faces and a target are needed" : "one to six faces are needed");
    return 0;
}

static int add_template(const struct provider_job *j, json_t *to, struct err *e) {
    const char *template = provider_text(j->params, "template"), *project = provider_text(j->params, "project");
    if (!template[0] || !project[0])
        return err_set(e, ERR_ENGINE_FAILED, "params.template and params.project name what is in the console");
    json_object_set_new(to, "ModelId", json_string(template));
    json_object_set_new(to, "ProjectId", json_string(project));
    return 0;
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    if (step != PROVIDER_SUBMIT)
        return 0;
    const struct tencent *it = g;
    json_t *ours = json_pack("{s:s}", "RspImgType", "url");
    int r = str_eqz(j->model->form, "template") ? add_template(j, ours, e) : 0;
    if (r < 0 || (r = add_inputs(j, m, ours, e)) < 0) {
        json_decref(ours);
        return r;
    }
    struct sign_request q = { .content_type = STR("application/json"), .service = STR("facefusion"), .region = it->region, .action = j->model->model,
                              .version = STR("2022-09-27") };
    c->method = "POST";
    r = provider_write_body(j, ours, m, a, c, e);
    return r < 0 ? r : provider_sign(sign_tc3, q, j->base_url, j, m, a, c, e);
}

/* ---- what it says ---- */

static const struct provider_code codes[] = {
    { "RequestLimitExceeded", PROVIDER_RATE }, { "LimitExceeded", PROVIDER_RATE }, { "FailedOperation.FuseFreqCtrl", PROVIDER_RATE },
    { "FailedOperation.InnerError", PROVIDER_PASSING }, { "FailedOperation.FuseInnerError", PROVIDER_PASSING },
    { "FailedOperation.ImageDownloadError", PROVIDER_PASSING }, { "FailedOperation.ModerationFailed", PROVIDER_CONTENT },
    { "FailedOperation.NoFaceDetected", PROVIDER_INPUT }, { "FailedOperation.FaceSizeTooSmall", PROVIDER_INPUT },
    { "FailedOperation.FaceExceedBorder", PROVIDER_INPUT }, { "FailedOperation.ImageDecodeFailed", PROVIDER_INPUT },
    { "FailedOperation.ImageResolutionTooSmall", PROVIDER_INPUT }, { "FailedOperation.ImagePixelExceed", PROVIDER_INPUT },
    { "FailedOperation.ImageSize", PROVIDER_INPUT },
    { "FailedOperation.FuseMaterial", PROVIDER_OURS },        /* a template that is not there, or not reviewed: nothing is wrong with the key */
    { "FailedOperation.BalanceInsufficient", PROVIDER_OPERATOR }, { "ResourceUnavailable", PROVIDER_OPERATOR }, { "AuthFailure", PROVIDER_OPERATOR },
    { "UnauthorizedOperation", PROVIDER_OPERATOR },
};

/* Its 500 is a 200, too: what it says then leaves open whether there was, and is to be paid, a picture. */
static void say_error(const json_t *error, struct provider_outcome *o) {
    const char *code = provider_text(error, "Code"), *message = provider_text(error, "Message");
    if (str_starts(str_z(code), STR("InternalError")) || str_eqz(str_z(code), "FailedOperation.RequestTimeout"))
        provider_unclear(o, "%.60s: %.120s", code, message);
    else
        provider_failed(o, provider_blame_of(codes, COUNT(codes), code, PROVIDER_OURS), "%.60s: %.120s", code, message);
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || provider_status(said, o))
        return;
    const json_t *response = json_object_get(body, "Response"), *error = json_object_get(response, "Error"), *link = json_object_get(response, "FusedImage");
    if (error)
        say_error(error, o);
    else if (!response)
        provider_unclear(o, "an answer (%d) without a Response", said->status);
    else if (json_string_length(link))
        provider_take_result(j, link, o);
    else {
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result");
        o->cost_microusd = model_cost_microusd(j->model, 1, 0);
    }
}

const struct provider provider_tencent = { .name = "tencent", .forms = forms, .open = read_settings, .close = free, .build = build, .parse = parse };
REMOTE_ENGINE(tencent);
