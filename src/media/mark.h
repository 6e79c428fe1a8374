/*
 * mark.h - a brand in the corner of a picture that is done.
 * Owns: nothing.  Threads: any.  Uses: plane.h.
 */
#ifndef ZT_MEDIA_MARK_H
#define ZT_MEDIA_MARK_H

#include "media/image.h"

#define MARK_WIDTH   0.18f /* of the picture's width */
#define MARK_MARGIN  0.022f /* of its shorter side */
#define MARK_OPACITY 0.75f

/*
 * Blends the mark in at the bottom right, so large and so clear; at most a quarter of the picture's height. picture: RGB, changed in place and
 * only there. mark: RGBA, straight alpha.
 */
void mark_draw(struct img8 *picture, const struct img8 *mark);
/* Where it is drawn, px of the picture: left, top, width, height. */
void mark_place(const struct img8 *picture, const struct img8 *mark, int ret_box[4]);

#endif
