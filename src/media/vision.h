/*
 * vision.h - the models of the vision operations, loaded once. Inside the room only; studio_ops.h is what others see.
 * Owns: the runtime and its sessions.  Threads: see studio_ops.h.
 */
#ifndef ZT_MEDIA_VISION_H
#define ZT_MEDIA_VISION_H

#include "media/face.h"
#include "media/ort.h"
#include "media/studio_ops.h"

enum vision_model { MODEL_FACE_NEAR, MODEL_FACE_FAR, MODEL_FACE_MESH, MODEL_FACE_EMBED, MODEL_MATTE, MODEL_PARTS, VISION_MODELS };

struct vision {
    struct ort *ort;
    struct ort_session *model[VISION_MODELS];
};

/* The faces of a photo as vision_faces() orders them: from left to right. Embeddings not filled. */
int vision_find(struct vision *v, const struct img8 *photo, struct face *ret_faces, int max, struct err *e);
static inline struct face_models vision_face_models(const struct vision *v) {
    return (struct face_models){ v->model[MODEL_FACE_NEAR], v->model[MODEL_FACE_FAR], v->model[MODEL_FACE_MESH],
                                 v->model[MODEL_FACE_EMBED] };
}

#endif
