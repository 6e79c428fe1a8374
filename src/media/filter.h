/*
 * filter.h - blurs and edge-keeping smoothing.
 * Owns: nothing; results are planes the caller owns.  Threads: any.  Uses: image.h.
 * All costs are O(pixels), whatever the radius.
 */
#ifndef ZT_MEDIA_FILTER_H
#define ZT_MEDIA_FILTER_H

#include "media/pic.h"

/* Mean over the (2r+1)^2 window, in place; at the edge over the part of it that lies inside. r <= 0 does nothing. */
void plane_box(struct plane *p, int r);

/* Gaussian of the given sigma in pixels, in place, as three boxes (Wells 1986): sigma within 6 %. sigma < 0.3 does
 * nothing. */
void plane_gauss(struct plane *p, float sigma);
void pic_gauss(struct pic *p, float sigma);
/* Same for large sigma: works on a shrunken copy, so the cost falls with sigma; for fields without detail. */
struct plane plane_gauss_far(const struct plane *p, float sigma);

/* Mean over a disc of radius r pixels (a lens out of focus), edge pixels go on. Cost O(pixels * r), 0.5 <= r <= 64. */
struct plane plane_disc(const struct plane *p, float r);

/* Largest (smallest) value within a square of half side r: van Herk; in place. */
void plane_grow(struct plane *p, int r);
void plane_shrink(struct plane *p, int r);

/*
 * Guided filter (He, Sun, Tang 2013) with a colour guide: fits q = a . guide + b to p in every window, so that q has p's meaning
 * and the guide's edges. In place on p. guide: same size, any scale that eps fits (eps is the variance under which the guide
 * counts as flat).
 */
void plane_guided(struct plane *p, const struct pic *guide, int r, float eps);

#endif
