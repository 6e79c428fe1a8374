/*
 * fixture.h - small pictures made for the tests, by the encoders, at test time.
 * Owns: what buf it is given.  Everything here asserts: a fixture that cannot be made is a broken test machine.
 */
#ifndef ZT_MEDIA_FIXTURE_H
#define ZT_MEDIA_FIXTURE_H

#include "base/buf.h"
#include "media/image.h"

/* Four quarters: red, green over blue, white. Free with pixels_done(). */
struct img8 fixture_quarters(int w, int h);
/* One colour all over; channels 3 or 4. */
struct img8 fixture_plain(int w, int h, int channels, const uint8_t *colour);
/* Random bytes: the worst a compressor can meet. */
struct img8 fixture_noise(int w, int h);
/* The same picture as a camera held in that EXIF orientation stores it, by the words of the standard (row 0 is ..., column 0 is ...). */
struct img8 fixture_stored(const struct img8 *upright, int orientation);

/* A TIFF block with orientation, maker and a GPS position; big or little endian. */
void fixture_exif(int orientation, bool big_endian, struct buf *out);
/* A matrix profile: sRGB's curve, or a plain gamma when gamma > 0; primaries as x, y of red, green, blue; white D65. */
void fixture_icc(const double primaries[6], double gamma, struct buf *out);

struct fixture_extras {
    struct str exif, icc;                           /* empty: none */
    bool       animated;                            /* PNG: acTL; WebP: the animation bit */
    bool       cmyk;                                /* JPEG: img has 4 channels, Adobe's inverted inks */
    bool       progressive;                         /* JPEG */
};
void fixture_jpeg(const struct img8 *img, const struct fixture_extras *x, struct buf *out);
void fixture_png(const struct img8 *img, const struct fixture_extras *x, struct buf *out);
void fixture_webp(const struct img8 *img, const struct fixture_extras *x, struct buf *out);
/* False when this libheif has no HEVC encoder. turn: EXIF orientation the file asks for by its own means (1, 3, 6, 8). */
bool fixture_heic(const struct img8 *img, const struct fixture_extras *x, int turn, struct buf *out);
/* A PNG header for w x h with a little compressed data behind it: what a decode bomb looks like before it goes off. */
void fixture_bomb(uint32_t w, uint32_t h, struct buf *out);

#endif
