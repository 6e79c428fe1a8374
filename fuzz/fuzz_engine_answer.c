/*
 * fuzz_engine_answer.c - any bytes as an answer of any service that draws, at any step: its file says one of the things that remote.c expects of that step.
 * Of a submit above all: what asks again there sends, and pays, a second call. Input: service, step, form and status in a byte each, then the body.
 */
#include "base/crypto.h"
#include "engine/provider.h"
#include "fuzz.h"
#include "headers.h"

#define BODY_MAX 20000

extern const struct provider provider_ark, provider_comfyui, provider_dashscope, provider_fal, provider_green, provider_jimeng, provider_replicate, provider_tencent,
    provider_viapi, provider_vmodel;
enum { UPLOAD = 1 << PROVIDER_UPLOAD, SUBMIT = 1 << PROVIDER_SUBMIT, POLL = 1 << PROVIDER_POLL, FIND = 1 << PROVIDER_FIND };
static const struct { const struct provider *p; unsigned asks; } providers[] = {
    { &provider_ark, SUBMIT | POLL | FIND }, { &provider_comfyui, UPLOAD | SUBMIT | POLL | FIND }, { &provider_dashscope, UPLOAD | SUBMIT | POLL | FIND },
    { &provider_fal, SUBMIT | POLL }, { &provider_green, SUBMIT }, { &provider_jimeng, SUBMIT | POLL }, { &provider_replicate, UPLOAD | SUBMIT | POLL | FIND },
    { &provider_tencent, SUBMIT }, { &provider_viapi, UPLOAD | SUBMIT }, { &provider_vmodel, SUBMIT | POLL },
};
static const int statuses[] = { 200, 201, 204, 302, 400, 401, 402, 403, 404, 408, 422, 429, 500, 503, 588 };
static const enum provider_step steps[] = { PROVIDER_UPLOAD, PROVIDER_SUBMIT, PROVIDER_POLL, PROVIDER_FIND };      /* nobody reads the answer to a cancel */
static const unsigned may[] = {
    [PROVIDER_UPLOAD] = 1u << PROVIDER_GO_ON | 1u << PROVIDER_FAILED | 1u << PROVIDER_UNCLEAR,
    [PROVIDER_SUBMIT] = 1u << PROVIDER_TAKEN | 1u << PROVIDER_READY | 1u << PROVIDER_FAILED | 1u << PROVIDER_UNCLEAR,
    [PROVIDER_POLL] = 1u << PROVIDER_GO_ON | 1u << PROVIDER_WAITING | 1u << PROVIDER_WORKING | 1u << PROVIDER_READY | 1u << PROVIDER_FAILED | 1u << PROVIDER_NOWHERE |
                      1u << PROVIDER_UNCLEAR,
    [PROVIDER_FIND] = 1u << PROVIDER_GO_ON | 1u << PROVIDER_TAKEN | 1u << PROVIDER_READY | 1u << PROVIDER_FAILED | 1u << PROVIDER_NOWHERE | 1u << PROVIDER_UNCLEAR,
};

static struct str no_header(const void *from, const char *name) { return STR_NULL; }
static int nobody_knows(void *arg, const char *id) { return 0; }

/* The provider's own, opened once with no settings; ComfyUI's are graphs, which answers do not need. */
static const void *own_of(size_t i) {
    static const struct setting *const tables[] = { engine_settings, NULL };
    static struct config *cfg;
    static void *own[COUNT(providers)];
    struct err e;
    if (!cfg)
        MUST(crypto_setup(&e) >= 0 && config_new(tables, &cfg, &e) == 0);
    if (!own[i] && providers[i].p->open && !providers[i].p->nodes)
        MUST(providers[i].p->open(cfg, NULL, "", &own[i], &e) == 0);
    return own[i];
}

static void check(enum provider_step step, const struct provider_job *j, const struct provider_outcome *o) {
    json_t *facts = NULL;
    MUST(may[step] >> o->verdict & 1);
    MUST(o->cost_microusd >= 0 && o->units_m >= 0 && o->blame <= PROVIDER_OURS);
    if (o->verdict == PROVIDER_FAILED || o->verdict == PROVIDER_UNCLEAR)
        MUST(o->err.code < 0 && memchr(o->err.text, 0, sizeof(o->err.text)));
    if (o->verdict == PROVIDER_TAKEN)
        MUST(j->id[0] && strlen(j->id) <= PROVIDER_ID_MAX && !strpbrk(j->id, " \t\r\n"));
    if (o->verdict == PROVIDER_READY && o->facts.n)
        MUST(json_read(o->facts, &facts, NULL) == 0 && json_is_object(facts));
    else if (o->verdict == PROVIDER_READY)
        MUST(str_starts(j->result, STR("http")));
    json_decref(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 4 || n > BODY_MAX)
        return 0;
    size_t which = data[0] % COUNT(providers), form = 0;
    const struct provider *p = providers[which].p;
    enum provider_step step = steps[data[1] % COUNT(steps)];
    if (!(providers[which].asks >> step & 1))
        return 0;
    while (p->forms[form + 1] && form < data[2] % 8u)
        form++;
    CLEANUP(arena_free) struct arena *a = arena_new(8u << 20);
    struct model model = { .op = STR("draw"), .model = STR("m"), .form = str_z(p->forms[form]), .per = MODEL_PER_PICTURE, .price_microusd = 1000 };
    struct provider_input in[8] = { { .role = STR("picture"), .type = "image/png", .bytes = 1 } };
    struct provider_job j = { .attempt = 1, .model = &model, .key = "id:secret", .in = in, .n_in = COUNT(in), .begun_ms = 1768465800000, .known = nobody_knows,
                              .base_url = "https://service.example", .a = a };
    struct provider_said said = { statuses[data[3] % COUNT(statuses)], no_header, NULL, { (const char *)data + 4, n - 4 } };
    snprintf(j.id, sizeof(j.id), "%s", step == PROVIDER_POLL ? "1" : "");
    for (int i = 0; i < 6 && j.uploaded < j.n_in; i++) {       /* what it notes down between two answers matters, too */
        struct provider_outcome o = { .retry_after_ms = -1 };
        p->parse(own_of(which), &j, step, &said, a, &o);
        check(step, &j, &o);
    }
    json_decref(j.scratch);
    return 0;
}
