/*
 * image.h - pictures in memory, and the few operations on them that everything else here is made of.
 * Owns: struct plane and struct pic own their samples; struct img8 is the plain interchange type (owner says so where it is used).
 * Threads: any, one picture at a time.  Uses: base/.
 *
 * Three types. `img8` is what decoders give and encoders take: packed 8-bit sRGB. `plane` is one channel of float. `pic` is three
 * planes of float (planar, so that inner loops run over one contiguous row and vectorise), in whatever light the function names:
 * "linear" means linear-light sRGB primaries in [0, 1], "sRGB" means gamma-coded in [0, 1]. Pixel (x, y) covers the square
 * [x, x+1) x [y, y+1); its centre is (x + 0.5, y + 0.5): all coordinates in this room are of that kind.
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
    int      w, h, channels;
    size_t   stride;
    uint8_t *px;
};

/* Inverse depth of a scene as a 16-bit picture: 65535 / value = metres along the camera axis; 0 = infinitely far. Stride in samples. */
struct img16 {
    int       w, h;
    size_t    stride;
    uint16_t *px;
};

struct plane {
    int    w, h;
    float *px;                              /* w * h, rows packed, 64-byte aligned */
};

struct pic {
    struct plane c[3];                      /* R G B, same size */
};

/* Half-open box in pixels; empty when x1 <= x0 or y1 <= y0. */
struct box {
    int x0, y0, x1, y1;
};

#endif
