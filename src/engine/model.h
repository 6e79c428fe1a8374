/*
 * model.h - what a remote service offers: share/engines/<provider>.yaml, data that operators may copy and change (engine.<provider>_models).
 *
 *   engine: dashscope
 *   queries_per_minute: 1200          polls and questions with one key, all models together
 *   lanes:                            what the provider limits as one, for each key
 *     - { lane: animate, concurrent: 1, per_minute: 300, burst: 5 }
 *   models:                           the first row of an op whose `when` fits the task's params is taken
 *     - op: animate_move              in our words
 *       model: wan2.2-animate-move    in theirs; a version where they have such
 *       form: animate                 how the request is written: a word of the provider's file
 *       path: image2video/video-synthesis            optional; part of the address, where models have different ones
 *       lane: animate
 *       when: { mode: std }           optional
 *       price: { microusd: 56000, per: second }      per: call, picture, second
 *       poll: 15s                     first question behind the submit; then at least this far apart
 *       result: clip                  picture, clip, or verdict: a word about the input, and no file
 *       body: { parameters: { mode: wan-std } }      merged into what is sent
 *       names: { face: swap_image, clip: target_video, prompt: prompt }     where each model has its own words: theirs for our roles and params
 *       inputs:                       what it takes; a task whose inputs cannot be made to fit is refused before any credit is held
 *         picture: { types: [image/jpeg, image/png], mb: 5, side_min_px: 200, side_max_px: 4096, ratio_max: 3 }
 *         clip: { types: [video/mp4], mb: 200, side_min_px: 200, side_max_px: 2048, ratio_max: 3, seconds_min: 2, seconds_max: 30 }
 * Owns: the tables; immutable once read.  Threads: any may read.
 */
#ifndef ZT_ENGINE_MODEL_H
#define ZT_ENGINE_MODEL_H

#include "base/json.h"
#include "engine/gate.h"

#define MODELS_MAX       24
#define MODEL_INPUTS_MAX 6

enum model_price { MODEL_PER_CALL, MODEL_PER_PICTURE, MODEL_PER_SECOND };
struct model_input {
    struct str role, types;           /* types: comma list */
    int64_t    bytes_max;
    int64_t    side_min_px, side_max_px, pixels_max;          /* 0: no limit */
    int        ratio_max_pm;          /* longer by shorter side, per mille; 0: no limit */
    int64_t    ms_min, ms_max;        /* clips; 0: no limit */
    int        fps_min, fps_max;
};
struct model {
    struct str op, model, form, path;
    size_t     lane;
    json_t    *when, *body, *names;   /* owned; NULL: none */
    int64_t    price_microusd;
    enum model_price per;
    int64_t    poll_ms;
    bool       clip, verdict;         /* the result */
    int64_t    result_bytes_max;
    struct model_input inputs[MODEL_INPUTS_MAX];
    size_t     n_inputs;
};
struct models {
    struct str name;
    int        queries_per_minute;
    struct str lanes[GATE_LANES_MAX];
    struct gate_limit limits[GATE_LANES_MAX];
    size_t     n_lanes;
    struct model rows[MODELS_MAX];
    size_t     n;
};

/* Reads and checks the file; `name` must be the engine it names. ERR_CONFIG with file:line. */
int models_read(const char *path, const char *name, struct models **ret_m, struct err *e);
void models_free(struct models *m);                                  /* NULL is fine */
/* The first row of that op that fits the parameters (a JSON object, or NULL); NULL when there is none. */
const struct model *models_find(const struct models *m, struct str op, const json_t *params);
/* What a call is expected to cost: pictures 1.., ms of clip. */
int64_t model_cost_microusd(const struct model *m, int64_t pictures, int64_t ms);

#endif
