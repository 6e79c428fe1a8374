#include "media/ort.h"

#include <dlfcn.h>
#include <string.h>
#include <onnxruntime_c_api.h>

/* The newest interface we use anything of is 13 (arena with a maximum); asking for an old one lets any later library serve. */
enum { API_VERSION = 18 };

struct ort {
    void *lib;
    const OrtApi *api;
    const OrtApiBase *base;
    OrtEnv *env;
    OrtMemoryInfo *cpu;
};

struct ort_session {
    struct ort *ort;
    OrtSession *s;
    char *in, *out[ORT_OUTPUTS_MAX];
    size_t n_out;
};

/* Turns a status into an error and releases it; 0 when there is none. */
static int check(const struct ort *o, OrtStatus *st, int code, const char *what, struct err *e) {
    if (!st)
        return 0;
    const char *text = o->api->GetErrorMessage(st);
    if (strstr(text, "Available memory") || strstr(text, "Failed to allocate"))
        code = ERR_MEDIA_MEMORY;
    int r = err_set(e, code, "%s: %.150s", what, text);
    o->api->ReleaseStatus(st);
    return r;
}

/* One arena with a ceiling for all sessions. It grows by what is asked, not by doubling: children are many and short-lived. */
static int add_arena(struct ort *o, struct err *e) {
    const char *keys[] = { "max_mem", "arena_extend_strategy" };
    const size_t values[] = { ORT_ARENA_MAX, 1 };
    OrtArenaCfg *cfg = NULL;
    int r = check(o, o->api->CreateArenaCfgV2(keys, values, 2, &cfg), ERR_ENGINE_MISSING, "arena", e);
    if (r < 0)
        return r;
    r = check(o, o->api->CreateAndRegisterAllocator(o->env, o->cpu, cfg), ERR_ENGINE_MISSING, "arena", e);
    o->api->ReleaseArenaCfg(cfg);
    return r;
}

int ort_new(const char *path, struct ort **ret_o, struct err *e) {
    CLEANUP(ort_free) struct ort *o = calloc(1, sizeof *o);
    if (!o)
        return err_set(e, ERR_MEDIA_MEMORY, "onnxruntime");
    /* From 1.29 on, the runtime reports to its maker: it reads the machine's id, starts a thread for the network, and names the models.
     * Nobody agreed to that, and a thread would not survive our fork(). The name of the switch changed between versions. */
    setenv("ORT_DISABLE_TELEMETRY", "1", /* overwrite= */ 1);
    setenv("ORT_TELEMETRY_DISABLED", "1", /* overwrite= */ 1);
    o->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!o->lib)
        return err_set(e, ERR_ENGINE_MISSING, "%s", dlerror());
    const OrtApiBase *(*get)(void) = NULL;
    *(void **)&get = dlsym(o->lib, "OrtGetApiBase");
    o->base = get ? get() : NULL;
    o->api = o->base ? o->base->GetApi(API_VERSION) : NULL;
    if (!o->api)
        return err_set(e, ERR_ENGINE_MISSING, "%s is no ONNX Runtime with interface %d", path, API_VERSION);
    int r = check(o, o->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "zoetrope", &o->env), ERR_ENGINE_MISSING, path, e);
    if (r >= 0)
        r = check(o, o->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &o->cpu), ERR_ENGINE_MISSING, path, e);
    if (r >= 0)
        r = add_arena(o, e);
    if (r < 0)
        return r;
    *ret_o = TAKE(o);
    return 0;
}

void ort_free(struct ort *o) {
    if (!o)
        return;
    if (o->cpu)
        o->api->ReleaseMemoryInfo(o->cpu);
    if (o->env)
        o->api->ReleaseEnv(o->env);
    /* The library stays mapped: it leaves thread-local destructors behind that dlclose would pull from under the process. */
    free(o);
}

const char *ort_version(const struct ort *o) {
    return o->base->GetVersionString();
}

static int session_options(struct ort *o, OrtSessionOptions **ret_opt, struct err *e) {
    const OrtApi *api = o->api;
    OrtSessionOptions *opt = NULL;
    int r = check(o, api->CreateSessionOptions(&opt), ERR_ENGINE_MISSING, "options", e);
    if (r >= 0)
        r = check(o, api->SetIntraOpNumThreads(opt, 1), ERR_ENGINE_MISSING, "options", e);
    if (r >= 0)
        r = check(o, api->SetInterOpNumThreads(opt, 1), ERR_ENGINE_MISSING, "options", e);
    if (r >= 0)
        r = check(o, api->SetSessionGraphOptimizationLevel(opt, ORT_ENABLE_ALL), ERR_ENGINE_MISSING, "options", e);
    if (r >= 0)
        r = check(o, api->AddSessionConfigEntry(opt, "session.use_env_allocators", "1"), ERR_ENGINE_MISSING, "options", e);
    if (r < 0) {
        if (opt)
            api->ReleaseSessionOptions(opt);
        return r;
    }
    *ret_opt = opt;
    return 0;
}

static int session_names(struct ort_session *s, struct err *e) {
    const struct ort *o = s->ort;
    OrtAllocator *al = NULL;
    size_t n_in = 0;
    int r = check(o, o->api->GetAllocatorWithDefaultOptions(&al), ERR_ENGINE_MISSING, "names", e);
    if (r >= 0)
        r = check(o, o->api->SessionGetInputCount(s->s, &n_in), ERR_ENGINE_MISSING, "names", e);
    if (r >= 0)
        r = check(o, o->api->SessionGetOutputCount(s->s, &s->n_out), ERR_ENGINE_MISSING, "names", e);
    if (r >= 0 && (n_in != 1 || s->n_out < 1 || s->n_out > ORT_OUTPUTS_MAX))
        return err_set(e, ERR_ENGINE_MISSING, "a model with %zu inputs and %zu outputs", n_in, s->n_out);
    if (r >= 0)
        r = check(o, o->api->SessionGetInputName(s->s, 0, al, &s->in), ERR_ENGINE_MISSING, "names", e);
    for (size_t i = 0; r >= 0 && i < s->n_out; i++)
        r = check(o, o->api->SessionGetOutputName(s->s, i, al, &s->out[i]), ERR_ENGINE_MISSING, "names", e);
    return r;
}

int ort_session_new(struct ort *o, const char *model_path, struct ort_session **ret_s, struct err *e) {
    CLEANUP(ort_session_free) struct ort_session *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_MEDIA_MEMORY, "%s", model_path);
    s->ort = o;
    OrtSessionOptions *opt = NULL;
    int r = session_options(o, &opt, e);
    if (r < 0)
        return r;
    r = check(o, o->api->CreateSession(o->env, model_path, opt, &s->s), ERR_ENGINE_MISSING, model_path, e);
    o->api->ReleaseSessionOptions(opt);
    if (r >= 0)
        r = session_names(s, e);
    if (r < 0)
        return r;
    *ret_s = TAKE(s);
    return 0;
}

void ort_session_free(struct ort_session *s) {
    if (!s)
        return;
    OrtAllocator *al = NULL;
    OrtStatus *st = s->ort->api->GetAllocatorWithDefaultOptions(&al);
    if (st)
        s->ort->api->ReleaseStatus(st);
    else {
        if (s->in)
            al->Free(al, s->in);
        for (size_t i = 0; i < ORT_OUTPUTS_MAX; i++)
            if (s->out[i])
                al->Free(al, s->out[i]);
    }
    if (s->s)
        s->ort->api->ReleaseSession(s->s);
    free(s);
}

/* Fills t from v: float data and at most ORT_DIMS_MAX dimensions, or an error. */
static int tensor_of(const struct ort *o, OrtValue *v, struct ort_tensor *t, struct err *e) {
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t n_dims = 0;
    void *data = NULL;
    int r = check(o, o->api->GetTensorTypeAndShape(v, &info), ERR_INTERNAL, "output", e);
    if (r < 0)
        return r;
    r = check(o, o->api->GetTensorElementType(info, &type), ERR_INTERNAL, "output", e);
    if (r >= 0)
        r = check(o, o->api->GetDimensionsCount(info, &n_dims), ERR_INTERNAL, "output", e);
    if (r >= 0 && (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || n_dims > ORT_DIMS_MAX))
        r = err_set(e, ERR_INTERNAL, "an output of type %d with %zu dimensions", (int)type, n_dims);
    if (r >= 0)
        r = check(o, o->api->GetDimensions(info, t->dim, n_dims), ERR_INTERNAL, "output", e);
    if (r >= 0)
        r = check(o, o->api->GetTensorShapeElementCount(info, &t->n), ERR_INTERNAL, "output", e);
    if (r >= 0)
        r = check(o, o->api->GetTensorMutableData(v, &data), ERR_INTERNAL, "output", e);
    o->api->ReleaseTensorTypeAndShapeInfo(info);
    t->data = data;
    t->n_dims = (int)n_dims;
    return r;
}

int ort_run(struct ort_session *s, const float *input, const int64_t *dims, int n_dims, struct ort_result *ret_r, struct err *e) {
    struct ort *o = s->ort;
    size_t n = 1;
    for (int i = 0; i < n_dims; i++)
        n *= (size_t)dims[i];
    OrtValue *in = NULL, *out[ORT_OUTPUTS_MAX] = { 0 };
    /* The API takes a mutable pointer but only reads inputs. */
    int r = check(o,
                  o->api->CreateTensorWithDataAsOrtValue(o->cpu, (void *)(uintptr_t)input, n * sizeof(float), dims,
                                                         (size_t)n_dims, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &in),
                  ERR_INTERNAL, "input", e);
    if (r < 0)
        return r;
    r = check(o,
              o->api->Run(s->s, NULL, (const char *const *)&s->in, (const OrtValue *const *)&in, 1, (const char *const *)s->out,
                          s->n_out, out),
              ERR_INTERNAL, "run", e);
    o->api->ReleaseValue(in);
    if (r < 0)
        return r;
    *ret_r = (struct ort_result){ .ort = o, .n = (int)s->n_out };
    for (int i = 0; i < ret_r->n; i++)
        ret_r->value[i] = out[i];
    for (int i = 0; r >= 0 && i < ret_r->n; i++)
        r = tensor_of(o, out[i], &ret_r->out[i], e);
    if (r < 0)
        ort_result_done(ret_r);
    return r;
}

void ort_result_done(struct ort_result *r) {
    for (int i = 0; i < r->n; i++)
        if (r->value[i])
            r->ort->api->ReleaseValue(r->value[i]);
    r->n = 0;
}

const struct ort_tensor *ort_output_of(const struct ort_result *r, size_t n) {
    for (int i = 0; i < r->n; i++)
        if (r->out[i].n == n)
            return &r->out[i];
    return NULL;
}
