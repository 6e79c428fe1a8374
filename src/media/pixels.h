/*
 * pixels.h - what happens to packed 8-bit pictures between a decoder and an encoder.
 * Owns: a struct img8 made here has px from malloc, rows packed; pixels_done() frees it.
 * Threads: any, one picture at a time.  Every function: ERR_MEDIA_MEMORY when there is no memory.
 */
#ifndef ZT_MEDIA_PIXELS_H
#define ZT_MEDIA_PIXELS_H

#include "base/buf.h"
#include "media/image.h"

int pixels_new(int w, int h, int channels, struct img8 *ret, struct err *e);
void pixels_done(struct img8 *img);
#define PIXELS_CLEANUP __attribute__((cleanup(pixels_done)))

/* Straight alpha onto white, in place: channels 4 become 3, the rows packed anew. Nothing to do for 3. */
void pixels_flatten(struct img8 *img);

/* Turns by EXIF orientation 1..8 (TIFF 6.0, tag 274) so that the result is upright. img: any channels. */
int pixels_upright(const struct img8 *img, int orientation, struct img8 *ret, struct err *e);

/* The size that fits a longer side of side_max_px, aspect kept, never enlarged, at least 1 px. */
void pixels_fit(int w, int h, int side_max_px, int *ret_w, int *ret_h);
/* Shrinks (or copies) RGB or one channel to w x h by Lanczos-3. w <= img->w, h <= img->h. */
int pixels_shrink(const struct img8 *img, int w, int h, struct img8 *ret, struct err *e);
/* The same of the upper left cover_w x cover_h of it, which may end within the last column and row. w <= cover_w, or it is enlarged a little. */
int pixels_shrink_part(const struct img8 *img, double cover_w, double cover_h, int w, int h, struct img8 *ret, struct err *e);

/*
 * To sRGB, in place for RGB; cmyk: img->channels is 4, becomes 3. icc: profile or NULL. A profile that is damaged or of another
 * kind than the pixels is ignored: the picture is then taken for sRGB, as everybody does.
 */
int pixels_to_srgb(struct img8 *img, bool cmyk, const void *icc, size_t icc_n, struct err *e);

/* RGB to files. The bytes hold no metadata at all. ERR_TOO_BIG when out's max is passed. */
int pixels_jpeg(const struct img8 *img, int quality, struct buf *out, struct err *e);
/* ret_rows (or NULL): how many rows had been compressed, also when ERR_TOO_BIG stopped it; the caller guesses the size from it. */
int pixels_png(const struct img8 *img, struct buf *out, int *ret_rows, struct err *e);
/* A 16-bit gray PNG (a depth map), decoded. px from malloc. */
int pixels_depth(struct str png, struct img16 *ret, struct err *e);

#endif
