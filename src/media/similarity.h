/*
 * similarity.h - turn, scale and shift between a picture and the square a model looks at.
 * Owns: nothing.  Threads: any.  Uses: image.h.
 */
#ifndef ZT_MEDIA_SIMILARITY_H
#define ZT_MEDIA_SIMILARITY_H

#include "media/image.h"

/* Rotation, uniform scale and shift: (x, y) -> (a x - b y + tx, b x + a y + ty). */
struct similarity {
    float a, b, tx, ty;
};
/* Least-squares similarity that takes the n >= 2 points `from` to `to` (Umeyama 1991 without reflection). All from equal:
 * identity + shift. */
struct similarity similarity_fit(const float (*from)[2], const float (*to)[2], int n);
struct similarity similarity_invert(struct similarity m); /* a, b not both 0 */
static inline void similarity_apply(struct similarity m, float x, float y, float out[2]) {
    out[0] = m.a * x - m.b * y + m.tx;
    out[1] = m.b * x + m.a * y + m.ty;
}
/*
 * n x n samples of the square that m maps n-space to picture space: sample (i, j) is the picture at m(i + 0.5, j + 0.5), averaged
 * over the square of pixels it covers (so shrinking does not alias). Outside the picture: `outside`. Writes R, G, B in 0..255,
 * three planes of n * n.
 */
void similarity_warp(const struct img8 *img, struct similarity m, int n, float outside, float *ret_planes);

#endif
