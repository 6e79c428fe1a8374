/*
 * image.h - the interchange type for pictures: what decoders give, the vision operations take, and encoders take again.
 * Owns: nothing; the owner of px says so where a struct img8 is used.  Threads: any.  Uses: base/.
 */
#ifndef ZT_MEDIA_IMAGE_H
#define ZT_MEDIA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/scope.h"

#define IMAGE_SIDE_MAX   16384              /* px; decoders refuse more before a single pixel is made */
#define IMAGE_PIXELS_MAX (64 * 1000 * 1000) /* px; w * h */

/* Packed 8-bit sRGB. channels 3 (RGB) or 4 (RGBA, straight alpha). stride in bytes, >= w * channels. */
struct img8 {
    int w, h, channels;
    size_t stride;
    uint8_t *px;
};

/* Inverse depth of a scene as a 16-bit picture: 65535 / value = metres along the camera axis; 0 = infinitely far. Stride in
 * samples. */
struct img16 {
    int w, h;
    size_t stride;
    uint16_t *px;
};

#define IMG8_CLEANUP __attribute__((cleanup(img8_done)))

/* ERR_BAD_INPUT unless the picture has pixels, 3 or 4 channels, a stride that holds a row, and sides within IMAGE_*_MAX. */
int img8_check(const struct img8 *img, struct err *e);
/* Fresh RGB picture, black; px from malloc. */
struct img8 img8_new(int w, int h, int channels);
void img8_done(struct img8 *img); /* frees px; only for pictures made here */

#endif
