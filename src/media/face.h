/*
 * face.h - finds faces, their features, which way they look, how sharp they are, and whose they are.
 * Owns: nothing.  Threads: one call at a time per set of models.  Uses: image.h, ort.h.
 *
 * Models (all Apache-2.0): MediaPipe BlazeFace short range (128 px, 896 anchors) and full range (192 px, 2304 anchors), MediaPipe
 * face mesh with irises (256 px, 478 points), OpenCV's SFace (112 px, 128 numbers).
 */
#ifndef ZT_MEDIA_FACE_H
#define ZT_MEDIA_FACE_H

#include "media/pic.h"
#include "media/ort.h"

#define FACE_POINTS    478
#define FACE_EMBEDDING 128
#define FACE_FOUND_MAX 32
#define FACE_SAME_MIN  0.363f /* cosine from which OpenCV's model card calls two faces the same person */

struct face_models {
    struct ort_session *near, *far, *mesh, *embed; /* borrowed */
};

/* Mesh points used by name. "Left" is the side further left in the picture when the face is upright and looks at the camera. */
enum face_point {
    FACE_NOSE_TIP = 1,
    FACE_FOREHEAD = 10,
    FACE_CHIN = 152,
    FACE_EYE_OUTER_L = 33,
    FACE_EYE_OUTER_R = 263,
    FACE_EYE_INNER_L = 133,
    FACE_EYE_INNER_R = 362,
    FACE_MOUTH_L = 61,
    FACE_MOUTH_R = 291,
    FACE_SIDE_L = 234,
    FACE_SIDE_R = 454,
    FACE_IRIS_L = 468,
    FACE_IRIS_R = 473,
};

struct face {
    struct rectf box;            /* hull of the mesh: hairline to chin, ear to ear */
    struct rectf detected;       /* the detector's box, before the mesh made it exact */
    float score;                 /* detector, 0..1 */
    float presence;              /* mesh, 0..1: this crop shows a face */
    float key[6][2];             /* detector: eye, eye, nose, mouth, ear, ear */
    float point[FACE_POINTS][3]; /* px; z towards the camera is negative, same scale as x and y */
    float yaw_deg, pitch_deg, roll_deg;
    float head_px; /* chin to crown, from the mesh in space, so it does not shrink when the head turns */
    float blur;    /* 0 sharp .. 1 */
    float odd_light; /* 0..1: see odd_light.h */
    bool cut;      /* the photo's edge cuts face or crown */
    float embedding[FACE_EMBEDDING];
};

/*
 * Faces with all fields but embedding, best first; max <= FACE_FOUND_MAX. Returns how many.
 * Looks at the whole photo, then at overlapping tiles of it, so that small faces of a group are found too.
 */
int face_find(const struct face_models *m, const struct img8 *photo, struct face *ret_faces, int max, struct err *e);
/* Fills f->embedding. */
int face_embed(const struct face_models *m, const struct img8 *photo, struct face *f, struct err *e);
float face_cosine(const float a[FACE_EMBEDDING], const float b[FACE_EMBEDDING]);
static inline float face_confidence(const struct face *f) {
    return f->score < f->presence ? f->score : f->presence;
}

/* ---- parts, exposed for their tests ---- */

/* Overlap of two boxes: intersection over union, or 0.6 of intersection over the smaller when that is more (a box inside
 * another). */
float face_overlap(const struct rectf *a, const struct rectf *b);
/* Keeps the best of each heap of overlapping faces (> 0.3); sorts best first; returns how many are left. */
int face_suppress(struct face *faces, int n);
/* Yaw, pitch, roll and head_px from the mesh. */
void face_measure(struct face *f);
/*
 * How blurred a patch is, 0..1, after Crete, Dolmiere, Ladret, Nicolas 2007: a sharp patch loses much of its neighbour variation
 * when it is blurred again, a blurred one little. Does not depend on contrast.
 */
float face_blur(const struct plane *grey);

#endif
