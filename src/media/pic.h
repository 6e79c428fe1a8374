/*
 * pic.h - a colour picture as three planes of float.
 * Owns: struct pic owns its planes.  Threads: any, one picture at a time.  Uses: plane.h, image.h.
 *
 * Planar, so that inner loops run over one contiguous row and vectorise. In whatever light the function names: "linear" means
 * linear-light sRGB primaries in [0, 1], "sRGB" gamma-coded in [0, 1].
 */
#ifndef ZT_MEDIA_PIC_H
#define ZT_MEDIA_PIC_H

#include "media/image.h"
#include "media/plane.h"

#define PIC_CLEANUP __attribute__((cleanup(pic_done)))

struct pic {
    struct plane c[3]; /* R G B, same size */
};

struct pic pic_new(int w, int h);
struct pic pic_copy(const struct pic *p);
struct pic pic_crop(const struct pic *p, struct box b);
void pic_done(struct pic *p);
static inline int pic_w(const struct pic *p) {
    return p->c[0].w;
}
static inline int pic_h(const struct pic *p) {
    return p->c[0].h;
}

float srgb_to_linear(float v);   /* [0, 1] -> [0, 1] */
float srgb_from_linear(float v); /* clamps */
static inline float luma(float r, float g, float b) {
    return 0.2126f * r + 0.7152f * g + 0.0722f * b;
}

/* The box b of an 8-bit picture as floats; b lies inside. */
struct pic pic_linear_of(const struct img8 *img, struct box b);
struct pic pic_srgb_of(const struct img8 *img, struct box b);
/* The whole picture at w x h <= its own size, sRGB; averages whole blocks while converting, so a large photo never exists as
 * floats. */
struct pic pic_srgb_shrunk(const struct img8 *img, int w, int h);
void pic_to_linear(struct pic *p); /* sRGB -> linear, in place */
void pic_to_srgb(struct pic *p);   /* linear -> sRGB, in place, clamps to [0, 1] */

struct plane plane_alpha_of(const struct img8 *img, struct box b); /* channel 4, or ones */
/* sRGB floats -> 8-bit RGB, rounded; px from malloc. */
struct img8 img8_of_srgb(const struct pic *p);

/* As plane_resample(), plane_resize(). */
struct pic pic_resample(const struct pic *src, struct rectf from, int w, int h, enum resample how);
struct pic pic_resize(const struct pic *src, int w, int h, enum resample how);

#endif
