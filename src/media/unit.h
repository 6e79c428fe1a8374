/*
 * unit.h - what is moved as one piece: a person, or people who touch in one photo and therefore stay as they stood.
 * Owns: its pixels.  Threads: any.  Uses: cutout.h, arrange.h.
 */
#ifndef ZT_MEDIA_UNIT_H
#define ZT_MEDIA_UNIT_H

#include "media/arrange.h"
#include "media/layer.h"
#include "media/studio_ops.h"

struct unit {
    int n;                                            /* people */
    int who[VISION_PEOPLE_MAX];                       /* their layers; [0] is the one at the left */
    float x[VISION_PEOPLE_MAX], y[VISION_PEOPLE_MAX]; /* where each one's layer begins in the unit, px of the unit */
    float k[VISION_PEOPLE_MAX];                       /* px of the unit per px of that layer */
    struct pic rgb;                                   /* sRGB, straight */
    struct plane alpha;
    struct arrange_unit shape; /* its planes are owned here */
    float head_px;             /* of the first person, px of the unit */
    float eye_x, eye_y;
    float blur; /* of the sharpest face, face_blur() */
};

/* Makes units of n layers, 1..VISION_PEOPLE_MAX; returns how many. */
int unit_make_all(const struct layer *layers, int n, struct unit ret_units[VISION_PEOPLE_MAX]);
void unit_done(struct unit *u);

/* True when the two stood side by side in one photo and touched. */
bool unit_together(const struct layer_facts *a, const struct layer_facts *b);

#endif
