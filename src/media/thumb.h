/*
 * thumb.h - the small picture of a photo that pages show in lists.
 * Owns: struct thumb owns its pixels and bytes.  Threads: any, one photo at a time.  Only called in the sandboxed child.
 */
#ifndef ZT_MEDIA_THUMB_H
#define ZT_MEDIA_THUMB_H

#include "media/photo.h"
#include "media/pixels.h"

#define THUMB_PX      360                           /* longer side, by default */
#define THUMB_QUALITY 90                            /* JPEG; below 89 what the encoder loses shows more than any filter's choice */

struct thumb {
    struct img8 img;                                /* RGB, upright, sRGB */
    struct buf  jpeg;                               /* the same, encoded */
};
void thumb_done(struct thumb *t);
#define THUMB_CLEANUP __attribute__((cleanup(thumb_done)))

/* From a picture that is upright sRGB already, of any size. w, h: of the result, at most img's. ERR_MEDIA_MEMORY. */
int thumb_draw(const struct img8 *img, int w, int h, struct thumb *ret, struct err *e);

/*
 * From a photo's file, decoding no more of it than the thumbnail shows. lim: its side_px is chosen here; side_px: longer side, >= 1.
 * *ret_facts (its pixels are gone): photo_done() frees it. ERR_IMAGE_*, ERR_MEDIA_MEMORY; then nothing is to be freed.
 */
int thumb_photo(struct str file, const struct photo_limits *lim, int side_px, struct photo *ret_facts, struct thumb *ret, struct err *e);

#endif
