/*
 * photo.h - one photo as a file holds it: told by its content, its header read, its pixels decoded.
 * Owns: struct photo owns its pixels and its colour profile.
 * Threads: any, one photo at a time (libde265 starts some of its own).  Uses: base/, image.h and the picture libraries.
 *
 * Only ever called inside the sandboxed child: what comes in here was written by strangers.
 */
#ifndef ZT_MEDIA_PHOTO_H
#define ZT_MEDIA_PHOTO_H

#include "base/err.h"
#include "base/scope.h"
#include "base/str.h"
#include "media/image.h"

enum photo_type { PHOTO_JPEG, PHOTO_PNG, PHOTO_WEBP, PHOTO_HEIC };
const char *photo_type_name(enum photo_type t);             /* "image/jpeg" … */

#define PHOTO_ICC_MAX (1024 * 1024)                         /* bytes; larger profiles are dropped */

struct photo_limits {
    int64_t bytes_max;                                      /* of the file */
    int64_t pixels_max;                                     /* of the whole picture, by its header */
    int     side_px;                                        /* decoders may shrink as long as the longer side stays >= this; 0: never */
    int     fit_px;                                         /* or even to a longer side of just this, as well as photo_finish() would; 0: never */
};
#define PHOTO_LIMITS_DEFAULT ((struct photo_limits){ 32 * 1024 * 1024, 50 * 1000 * 1000, 0, 0 })

struct photo {
    enum photo_type type;
    int         w, h;                                       /* whole picture as stored, before its orientation */
    int         orientation;                                /* EXIF 1..8; 1 for HEIC, whose decoder turns by itself */
    bool        alpha;                                      /* the file says it has some */
    bool        cmyk;                                       /* img holds CMYK, 255 = no ink, instead of RGBA */
    uint8_t    *icc;                                        /* colour profile, or NULL */
    size_t      icc_n;
    struct img8 img;                                        /* px NULL when only the header was asked for */
};
void photo_done(struct photo *p);                           /* frees pixels and profile; p may be all zero */
#define PHOTO_CLEANUP __attribute__((cleanup(photo_done)))

/*
 * Tells the type by content alone. ERR_IMAGE_EMPTY, ERR_IMAGE_TYPE (naming what it looks like), ERR_IMAGE_ANIMATED (animated GIF, APNG,
 * animated WebP, HEIC sequence). A valid head with something else behind it is a photo: what is behind is never looked at.
 */
int photo_sniff(struct str file, enum photo_type *ret_type, struct err *e);

/* Everything but the pixels. ERR_IMAGE_*: as photo_sniff, and ERR_IMAGE_TOO_LARGE, ERR_IMAGE_BROKEN. */
int photo_probe(struct str file, const struct photo_limits *lim, struct photo *ret, struct err *e);
/* The pixels, too. On failure *ret is untouched. */
int photo_decode(struct str file, const struct photo_limits *lim, struct photo *ret, struct err *e);

/*
 * The rest of the way: colour profile to sRGB, alpha onto white, shrunk to a longer side of at most side_max_px, upright.
 * ret: RGB; px from malloc. p loses its pixels. ERR_MEDIA_MEMORY.
 */
int photo_finish(struct photo *p, int side_max_px, struct img8 *ret, struct err *e);

/* Upright size of the whole picture. */
static inline int photo_upright_w(const struct photo *p) { return p->orientation >= 5 ? p->h : p->w; }
static inline int photo_upright_h(const struct photo *p) { return p->orientation >= 5 ? p->w : p->h; }

/* ---- shared by the decoders ---- */

struct photo_decoder {
    enum photo_type type;
    /* pixels: false = header only. Fills *p, which is all zero but for the type; the caller cleans up after a failure. */
    int (*decode)(struct str file, const struct photo_limits *lim, bool pixels, struct photo *p, struct err *e);
};
extern const struct photo_decoder photo_jpeg, photo_png, photo_webp, photo_heic;

int photo_set_size(struct photo *p, int64_t w, int64_t h, const struct photo_limits *lim, struct err *e);   /* ERR_IMAGE_TOO_LARGE, ERR_IMAGE_BROKEN */
void photo_set_icc(struct photo *p, const void *icc, size_t n);      /* copies; drops what is too large */
/* The orientation in an EXIF block (with or without "Exif\0\0" before it); 1 when there is none or it makes no sense. */
int photo_exif_orientation(const void *exif, size_t n);

#endif
