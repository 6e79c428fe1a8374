/*
 * studio_ops.h - everything the picture process can do with people: find them, cut them out, put them together, judge the result.
 * Owns: the models (struct vision).  Threads: a struct vision serves one call at a time; it survives fork() (see below).
 * Used by: main.c, which wraps each function as one operation of the sandboxed child.  Uses: base/, image.h.
 *
 * Pixels and numbers in, pixels and numbers out: after vision_new() nothing here opens a file, a socket or a thread, so it runs
 * inside the sandbox. vision_new() maps the runtime and loads every model with one thread each BEFORE the fork; children share
 * them copy-on-write. Work runs in parallel by running several children. Same inputs and seed give the same bytes on the same
 * machine.
 *
 * Every image given in is upright (EXIF orientation baked in) packed 8-bit sRGB; nothing given in is kept after the call.
 */
#ifndef ZT_MEDIA_STUDIO_OPS_H
#define ZT_MEDIA_STUDIO_OPS_H

#include "base/buf.h"
#include "base/err.h"
#include "media/image.h"

#define VISION_FACES_MAX      32
#define VISION_PEOPLE_MAX     5
#define VISION_EMBEDDING      128  /* floats; unit length; cosine = dot product */
#define VISION_LAYER_SIDE_MAX 2000 /* px */
#define VISION_LAYER_MAX      (4u * VISION_LAYER_SIDE_MAX * VISION_LAYER_SIDE_MAX + 4096u) /* bytes of one layer blob */
#define VISION_REPORT_MAX     (64u * 1024) /* bytes of JSON that compose and score give out */

struct vision;

/*
 * Loads the runtime and the models. ort_path: libonnxruntime.so.1; models_dir: holds the .onnx files named in vision.c.
 * Errors: ERR_ENGINE_MISSING naming the file that is not there or does not load.  Cost: about 1 s, 250 MB.
 */
int vision_new(const char *ort_path, const char *models_dir, struct vision **ret_v, struct err *e);
void vision_free(struct vision *v); /* NULL is fine */
DEFINE_CLEANUP(struct vision, vision_free)

/* ---- faces ---- */

struct vision_face {
    float box[4];                          /* x0 y0 x1 y1 in px: hairline to chin, ear to ear; may stick out of the photo */
    float confidence;                      /* 0..1: a face is there and its features are visible */
    float size_px;                         /* shorter side of box */
    float yaw_deg, pitch_deg, roll_deg;    /* 0 = facing the camera; yaw + to the picture's right, pitch + up, roll + clockwise */
    float blur;                            /* 0 sharp .. 1 nothing left but a smear, at the face's own scale */
    float odd_light;                       /* 0..1: share of the skin lit in a colour that skin never has */
    bool cut;                              /* the photo's edge cuts the head */
    float eye[2][2], nose[2], mouth[2][2]; /* px; [0] is the one further left in the picture when upright */
    float embedding[VISION_EMBEDDING];     /* who it is (SFace); same person >= 0.363 */
};

/* What a recipe asks of a face; zero-initialise and set, or use VISION_RULES_DEFAULT. */
struct vision_rules {
    float min_px, confidence_min, blur_max, yaw_max_deg, pitch_max_deg, roll_max_deg, odd_light_max;
};
#define VISION_RULES_DEFAULT ((struct vision_rules){ 80, 0.7f, 0.75f, 60, 45, 50, 0.15f })

/*
 * Finds the faces of a photo, ordered from left to right (so an index is stable for the same photo). A plain border around it is
 * no part of it (margin.h): a head that reaches into one is cut.
 * ret_faces: room for max (<= VISION_FACES_MAX). Returns how many, 0 when there is none.
 * Errors: ERR_BAD_INPUT (no such picture).  Cost: <= 0.5 s for any photo.
 */
int vision_faces(struct vision *v, const struct img8 *photo, struct vision_face *ret_faces, int max, struct err *e);

/* 0, or the ERR_FACE_* why this face cannot be used, detail in e. Pure. */
int vision_face_check(const struct vision_face *f, const struct vision_rules *rules, struct err *e);

/* ---- one person as a layer ---- */

/*
 * Cuts one person out of a photo. face_index: into the list vision_faces() gives for this very photo.
 * ret_layer: a binary blob (<= VISION_LAYER_MAX bytes) of RGBA and facts (head, eyes, shoulders, where the photo's frame cuts the
 * body, light, white balance, embedding), only good for vision_compose() and vision_score() of the same version; initialised by
 * the caller with buf_init(&b, VISION_LAYER_MAX). Errors: ERR_BAD_INPUT; ERR_FACE_NONE index out of range; ERR_FACE_UNSURE no
 * person could be told from the background; ERR_BODY_UNSURE a shoulder is missing, or the body hangs in mid-air.
 */
int vision_cutout(struct vision *v, const struct img8 *photo, int face_index, struct buf *ret_layer, struct err *e);

/* ---- people together ---- */

/*
 * Where they stand. Three kinds:
 * - a template with data: background and scene_json (share/templates/<name>/scene.json), inv_depth if it has one;
 * - a studio backdrop: scene_json only, kind "backdrop": painted here, background NULL;
 * - the user's own picture: background only; camera, eye line and light are guessed from it.
 */
struct vision_scene {
    const struct img8 *background; /* borrowed, or NULL */
    const struct img16 *inv_depth; /* borrowed, or NULL */
    struct str json;               /* borrowed, or empty; <= 64 KiB */
};

/*
 * Makes one picture of 1..VISION_PEOPLE_MAX layers. params_json: an object, or empty for the defaults:
 *   {"variant": 0..63 which of the candidates this is (candidates of one task take 0, 1, 2, 3: they then differ visibly in order,
 *    framing, spacing and grade), "width": 640..4096 px of the longer side of the result (default 1920),
 *    "aspect": 0.5..2.5 width over height (3:2, one person 4:5; the user's own picture as it is, within reason), "fidelity": 0..1
 *    (0.7), "edge_blur_px": 0..4 (1.5), "light": "auto" | "off",
 *    "remake": 0..63 how often this candidate was made before, "failed": [..] what vision_score() found wrong with it: light is
 *    then evened out further, covered faces get more room, outlines are drawn further in}. Unknown keys are refused.
 * seed: any; the same seed and params give the same picture. Candidates of one task that are to look different take seed s + k
 * with variant k: each child then knows what the variants before its own look like, and keeps away from them. ret_picture: RGB,
 * px from malloc: the caller frees it. ret_report: JSON, for vision_score(), buf_init(&b, VISION_REPORT_MAX). Errors:
 * ERR_PEOPLE_NONE, ERR_PEOPLE_MANY, ERR_BAD_INPUT, ERR_UNKNOWN_FIELD, ERR_BAD_JSON.
 */
int vision_compose(struct vision *v, const struct str *layers, int n, const struct vision_scene *scene, uint64_t seed,
                   struct str params_json, struct img8 *ret_picture, struct buf *ret_report, struct err *e);

/*
 * Judges a picture that vision_compose() made. layers: the same; report: what compose gave out. "faces" does not count those that
 * the empty scene showed already (the report's background_faces).
 * ret_json: {"faces": found, "people": wanted, "identity_min": cos, "identity": [..], "margin_min": cos, "edge": 0..1,
 *   "light": 0..1, "cut_shown", "floating": heads of unnatural outline, of lower end in the air, "outside": 0..1 of a body beyond the
 *   frame's sides, "score": 0..1, "ok": bool, "failed": ["faces_intact" | "identity" | "edges" | "light", ..]}.
 * Errors: as vision_compose().
 */
int vision_score(struct vision *v, const struct img8 *picture, const struct str *layers, int n, struct str report,
                 struct buf *ret_json, struct err *e);

#endif
