/*
 * doll.h - drawn people for the tests: a head, a neck and a body as a layer, with facts that agree with the drawing.
 * Owns: what buf it is given.
 */
#ifndef ZT_MEDIA_DOLL_H
#define ZT_MEDIA_DOLL_H

#include "media/layer.h"

struct doll {
    float head_px, below; /* heads of body below the eyes, 0.8 .. 5 */
    float skin[3];        /* linear */
    float yaw_deg;
    uint64_t photo_id;
    float photo_x; /* px of the photo at the layer's corner */
};
#define DOLL ((struct doll){ 120, 2.5f, { 0.45f, 0.26f, 0.18f }, 0, 1, 0 })

void doll_layer(const struct doll *d, struct buf *out);

#endif
