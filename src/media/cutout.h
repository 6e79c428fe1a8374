/*
 * cutout.h - makes a layer of one person.
 * Owns: nothing.  Threads: as the models.  Uses: segment.h, facts.h, layer.h.
 */
#ifndef ZT_MEDIA_CUTOUT_H
#define ZT_MEDIA_CUTOUT_H

#include "base/buf.h"
#include "media/layer.h"
#include "media/segment.h"

/* See vision_cutout(). */
int cutout_make(const struct segment_models *seg, const struct face_models *fm, const struct img8 *photo, struct face *faces,
                int n, int who, struct buf *ret_layer, struct err *e);

/* ---- parts, exposed for their tests ---- */

/*
 * Foreground colours under a soft edge, in place on rgb (sRGB): the old background is taken out of pixels that hold both.
 * Forte 2021, "Approximate fast foreground colour estimation" (blur fusion), two passes of radius r and r / 8.
 */
void cutout_decontaminate(struct pic *rgb, const struct plane *alpha, int r);

#endif
