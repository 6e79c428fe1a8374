/*
 * shade.h - takes out of a person what the light of their own photo left there, so that another light can be put on.
 * Owns: nothing.  Threads: any.  Uses: unit.h, layer.h, filter.h.
 *
 * Three things betray a person cut out of strong light: a veil of haze over the blacks, one side of the face in another colour,
 * one side much brighter. All three are taken back as smooth fields of gain, coarser than any feature: it stays the same face.
 */
#ifndef ZT_MEDIA_SHADE_H
#define ZT_MEDIA_SHADE_H

#include "media/layer.h"
#include "media/unit.h"

struct shade_face {
    float skin[3];               /* mean of the face's skin afterwards, linear */
    float light_x, light_y;      /* as in struct layer_facts, afterwards */
    float uneven, uneven_before; /* spread of the coarse field over the face: e-folds of brightness and colour together */
};

/* Evens out u->rgb in place; strength 0 only measures, 1 is full. ret_faces: one per u->who[]. */
void shade_even(struct unit *u, const struct layer *layers, float strength, struct shade_face ret_faces[VISION_PEOPLE_MAX]);

#endif
