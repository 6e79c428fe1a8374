/*
 * light.h - makes people who were photographed in different light look as if they stood in this one.
 * Owns: nothing.  Threads: any.  Uses: scene.h, cutout.h, filter.h.
 *
 * Everything is a gentle, smooth change of brightness and colour: no pixel of a face moves, so it stays the same face.
 */
#ifndef ZT_MEDIA_LIGHT_H
#define ZT_MEDIA_LIGHT_H

#include "media/layer.h"
#include "media/scene.h"

/* What is done to one person. */
struct light_plan {
    float gain[3];                       /* linear: white balance, exposure, the scene's colour */
    float lean_x, lean_y;                /* e-folds brighter from the middle to the right / lower side */
    float before, after;                 /* luminance of the face's skin */
    float cast_before[2], cast_after[2]; /* distance of the skin's colour from what this scene makes of skin: log R/G, log B/G */
};

/* Plans for n people together; strength 0 (leave alone) .. 1; above 1 people give up
 * more of what sets them apart, for a picture that failed before. People of one photo must be lit alike: same group number, same
 * plan. */
void light_plan(const struct layer_facts *const facts[], const int group[], int n, const struct scene *s, float strength,
                struct light_plan ret_plan[]);

/* Applies a plan to sRGB pixels in place. eye, head: of the person, px. lean runs over the head above, over the shoulders below.
 */
void light_apply(struct pic *srgb, const struct light_plan *p, float eye_x, float eye_y, float head_px);

/*
 * 0..1: how well n planned people agree with each other and with the scene: colour, brightness, and how uneven (shade.h) the worst
 * lit face still is. Strange light alone makes no picture impossible: only what nobody would take for one photo comes near 0.
 */
float light_agreement(const struct light_plan plan[], int n, float uneven);

/* The last touch on the whole picture. Values 0 leave it alone. */
struct grade {
    float exposure;   /* stops */
    float contrast;   /* -1..1 around middle grey */
    float warm;       /* -1..1 */
    float saturation; /* -1..1 */
    float fade;       /* 0..1 lifts the blacks */
    float vignette;   /* 0..1 */
    float glow;       /* 0..1 bloom of bright places */
    float grain;      /* standard deviation, sRGB 0..1 */
};
/* In place: takes linear light, leaves sRGB. The same seed gives the same grain. */
void light_grade(struct pic *linear, const struct grade *g, uint64_t seed);

#endif
