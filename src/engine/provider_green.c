/*
 * provider_green.c - Aliyun's Content Moderation "Green" (ImageModeration, version 2022-03-02, read in November 2026): whether a picture is decent and lawful,
 * at once. It fetches the picture from us, without following redirects. What it says is a risk and labels: from engine.green_refuse on the picture is refused,
 * below it the verdict is the result. What is no verdict, or none that is known, is a failure and never a pass. Only a verdict is paid for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "engine/provider_signed.h"
#include "engine/remote.h"

#define LABELS_MAX 10

static const char *const forms[] = { "picture", NULL };
static const char *const risks[] = { "none", "low", "medium", "high" };

struct green { int refuse; };        /* index into risks: from here on */

static int risk_of(const char *word) {
    for (size_t i = 0; i < COUNT(risks); i++)
        if (strcmp(word, risks[i]) == 0)
            return (int)i;
    return -1;
}

static int read_settings(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    int refuse = risk_of(config_str(cfg, "engine.green_refuse")), r = provider_check_pairs(cfg, "green", e);
    if (r < 0)
        return r;
    if (refuse < 1)
        return err_set(e, ERR_CONFIG, "engine.green_refuse: low, medium or high");
    struct green *g = malloc(sizeof(*g));
    if (!g)
        abort();
    g->refuse = refuse;
    *ret_g = g;
    return 0;
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    const struct provider_input *picture = provider_input_of(j, "picture");
    if (step != PROVIDER_SUBMIT)
        return 0;
    if (!picture)
        return err_set(e, ERR_BAD_INPUT, "a picture is needed");
    if (!picture->link.n)
        return err_set(e, ERR_ENGINE_FAILED, "nobody outside can fetch an input from here (public_url)");
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "imageUrl", picture->link);
    jw_kstr(&w, "dataId", arena_printf(a, "%lld", (long long)j->attempt));
    jw_end_obj(&w);
    if (b.failed)
        return err_set(e, ERR_ENGINE_FAILED, "a link of over 4 KB");
    const struct sign_pair form[] = { { STR("Service"), j->model->model }, { STR("ServiceParameters"), buf_str(&b) } };
    return provider_aliyun(j->base_url, "POST", "ImageModeration", "2022-03-02", form, COUNT(form), j, m, a, c, e);
}

/* ---- what it says ---- */

/* Of its own numbers; the rest is our request's fault. */
static const struct { int64_t code; enum provider_blame blame; } codes[] = {
    { 280, PROVIDER_PASSING },                                /* not looked at yet */
    { 401, PROVIDER_PASSING }, { 403, PROVIDER_PASSING }, { 404, PROVIDER_PASSING }, { 480, PROVIDER_PASSING },     /* our link */
    { 408, PROVIDER_OPERATOR }, { 586, PROVIDER_ELSEWHERE }, { 588, PROVIDER_RATE },
};

static void say_code(int64_t code, const char *message, struct provider_outcome *o) {
    enum provider_blame blame = PROVIDER_OURS;
    for (size_t i = 0; i < COUNT(codes); i++)
        if (code == codes[i].code)
            blame = codes[i].blame;
    if (code >= 500 && blame == PROVIDER_OURS)
        provider_unclear(o, "%lld: %.120s", (long long)code, message);
    else
        provider_failed(o, blame, "%lld: %.120s", (long long)code, message);
}

/* {"risk":"low","labels":[{"label":…,"confidence":…}]} */
static struct str verdict_of(const char *risk, const json_t *found, struct arena *a) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 2048);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "risk", risk);
    jw_key(&w, "labels");
    jw_arr(&w);
    for (size_t i = 0; i < json_array_size(found) && i < LABELS_MAX; i++) {
        const json_t *one = json_array_get(found, i);
        const char *label = provider_text(one, "Label");
        if (!label[0] || strlen(label) > 100 || strcmp(label, "nonLabel") == 0)
            continue;
        jw_obj(&w);
        jw_kz(&w, "label", label);
        jw_kreal(&w, "confidence", json_number_value(json_object_get(one, "Confidence")), 2);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    return arena_str(a, buf_str(&b));
}

static void judge(const struct green *g, const struct provider_job *j, const json_t *data, struct arena *a, struct provider_outcome *o) {
    const char *risk = provider_text(data, "RiskLevel");
    const json_t *found = json_object_get(data, "Result");
    int level = risk_of(risk);
    if (level >= 0 && level < g->refuse) {
        o->verdict = PROVIDER_READY;
        o->facts = verdict_of(risks[level], found, a);
        return;
    }
    if (level < 0)
        provider_failed(o, PROVIDER_OURS, "it gives no verdict that is known: %.20s", risk);
    else
        provider_failed(o, PROVIDER_CONTENT, "risk %s: %.100s", risks[level], provider_text(json_array_get(found, 0), "Label"));
    o->cost_microusd = model_cost_microusd(j->model, 1, 0);
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    int64_t code = provider_number(body, "Code");
    if (!body)
        return;
    if (code >= 0 && code != 200)
        say_code(code, provider_text(body, "Msg"), o);
    else if (code == 200 && said->status == 200)
        judge(g, j, json_object_get(body, "Data"), a, o);
    else if (!provider_aliyun_refused(said, body, o))
        provider_unclear(o, "an answer (%d) without a code", said->status);
}

const struct provider provider_green = { .name = "green", .forms = forms, .open = read_settings, .close = free, .build = build, .parse = parse };
REMOTE_ENGINE(green);
