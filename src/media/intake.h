/*
 * intake.h - one stranger's file becomes a photo of ours, its working copy, a thumbnail and facts, in one decode.
 * Owns: struct intake owns its bytes.  Threads: any, one photo at a time.  Only called in the sandboxed child.
 */
#ifndef ZT_MEDIA_INTAKE_H
#define ZT_MEDIA_INTAKE_H

#include "media/photo.h"
#include "media/pixels.h"
#include "media/thumb.h"

struct intake_rules {
    struct photo_limits photo;                      /* its side_px is chosen here */
    int     photo_side_max;                         /* px; no engine looks at more */
    int64_t photo_bytes_max;                        /* of the JPEG */
    int     working_side_max;                       /* px */
    int64_t working_bytes_max;                      /* of the PNG */
    int     thumb_px;                               /* longer side */
};
#define INTAKE_RULES_DEFAULT ((struct intake_rules){ PHOTO_LIMITS_DEFAULT, 4096, 10 * 1000 * 1000, 2048, 2000000, THUMB_PX })
#define INTAKE_PHOTO_QUALITY 95                     /* JPEG, colours not subsampled */

struct intake {
    enum photo_type type;
    int         width, height;                      /* of the upright original */
    int         orientation;
    struct img8 photo, working;                     /* RGB, upright, sRGB */
    struct buf  photo_jpeg, png;                    /* the same, encoded */
    struct thumb thumb;
};

/* Errors: ERR_IMAGE_*, ERR_MEDIA_MEMORY. ret: intake_done() frees it, also after a failure. */
int intake_photo(struct str file, const struct intake_rules *rules, struct intake *ret, struct err *e);
void intake_done(struct intake *in);
#define INTAKE_CLEANUP __attribute__((cleanup(intake_done)))

#endif
