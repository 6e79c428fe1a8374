/*
 * margin.h - the plain border around a photo: a letterbox, a scanner's lid, the white of a print.
 * Owns: nothing.  Threads: any.  Uses: image.h, box.h.
 *
 * Where a border begins the photo ends: a shoulder or a crown that stops there was cut, not made so.
 */
#ifndef ZT_MEDIA_MARGIN_H
#define ZT_MEDIA_MARGIN_H

#include "media/box.h"
#include "media/image.h"

/*
 * The part of the picture inside its plain borders; the whole of it when there are none. A border is rows (or columns) from the
 * edge inwards, all of one colour up to a scanner's grain, that end along a straight line: a wall of one colour behind somebody
 * does not, it gives way little by little. At least half of each side is left. Cost: O(pixels of the borders).
 */
struct box margin_content(const struct img8 *photo);

#endif
