/*
 * ort.h - ONNX Runtime, loaded at run time, as little of it as we need: one float input, a few float outputs.
 * Owns: the library handle, one environment, its sessions.  Threads: none of its own; one call at a time per struct ort.
 * Uses: base/, onnxruntime_c_api.h (never linked: a server without the library still starts).
 *
 * Sessions run with one thread each and are made before fork(): ONNX Runtime's thread pools would not survive it, its weights do.
 * All sessions share one arena of at most ORT_ARENA_MAX bytes.
 */
#ifndef ZT_MEDIA_ORT_H
#define ZT_MEDIA_ORT_H

#include <stdint.h>
#include "base/err.h"
#include "base/scope.h"

#define ORT_ARENA_MAX   (768u * 1024 * 1024)
#define ORT_DIMS_MAX    4
#define ORT_OUTPUTS_MAX 8

struct ort;
struct ort_session;

/* One output: data is borrowed from the run and lives until ort_result_done(). */
struct ort_tensor {
    const float *data;
    size_t n; /* product of dims */
    int64_t dim[ORT_DIMS_MAX];
    int n_dims;
};
struct ort_result {
    struct ort *ort;
    void *value[ORT_OUTPUTS_MAX]; /* OrtValue * */
    struct ort_tensor out[ORT_OUTPUTS_MAX];
    int n;
};

/* path: libonnxruntime.so.1. ERR_ENGINE_MISSING when it is absent, too old or broken. */
int ort_new(const char *path, struct ort **ret_o, struct err *e);
void ort_free(struct ort *o);                 /* after its sessions; NULL is fine */
const char *ort_version(const struct ort *o); /* "1.30.0" */

/* Loads one .onnx file with one float input. ERR_ENGINE_MISSING names the file. */
int ort_session_new(struct ort *o, const char *model_path, struct ort_session **ret_s, struct err *e);
void ort_session_free(struct ort_session *s);

/*
 * Runs the model on one input of the given shape (n_dims <= ORT_DIMS_MAX). Outputs stand in the model's own order.
 * ERR_MEDIA_MEMORY when the arena is full, ERR_INTERNAL for anything else the runtime says.
 */
int ort_run(struct ort_session *s, const float *input, const int64_t *dims, int n_dims, struct ort_result *ret_r, struct err *e);
void ort_result_done(struct ort_result *r);
/* The output whose element count is n, or NULL: the models we use have outputs of different sizes, in an order that converters
 * change. */
const struct ort_tensor *ort_output_of(const struct ort_result *r, size_t n);

#define ORT_RESULT_CLEANUP __attribute__((cleanup(ort_result_done)))
DEFINE_CLEANUP(struct ort, ort_free)
DEFINE_CLEANUP(struct ort_session, ort_session_free)

#endif
