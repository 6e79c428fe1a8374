/*
 * image.h - pictures in memory, and the few operations on them that everything else here is made of.
 * Owns: struct plane and struct pic own their samples; struct img8 is the plain interchange type (owner says so where it is
 * used). Threads: any, one picture at a time.  Uses: base/.
 *
 * Three types. `img8` is what decoders give and encoders take: packed 8-bit sRGB. `plane` is one channel of float. `pic` is three
 * planes of float (planar, so that inner loops run over one contiguous row and vectorise), in whatever light the function names:
 * "linear" means linear-light sRGB primaries in [0, 1], "sRGB" means gamma-coded in [0, 1]. Pixel (x, y) covers the square
 * [x, x+1) x [y, y+1); its centre is (x + 0.5, y + 0.5): all coordinates in this room are of that kind.
 *
 * Memory: planes are large and come from sizes that were checked before (IMAGE_PIXELS_MAX). When the system refuses one the
 * process aborts: it is a child made for one task, and its parent reports that as ERR_MEDIA_MEMORY.
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

struct plane {
    int w, h;
    float *px; /* w * h, rows packed, 64-byte aligned */
};

struct pic {
    struct plane c[3]; /* R G B, same size */
};

/* Half-open box in pixels; empty when x1 <= x0 or y1 <= y0. */
struct box {
    int x0, y0, x1, y1;
};

/* A rectangle in continuous picture coordinates. */
struct rectf {
    float x0, y0, x1, y1;
};

static inline float clampf(float v, float lo, float hi) {
    return v < lo ? lo : v > hi ? hi : v;
}
static inline int clampi(int v, int lo, int hi) {
    return v < lo ? lo : v > hi ? hi : v;
}
static inline float mixf(float a, float b, float t) {
    return a + (b - a) * t;
}
/* 0 below lo, 1 above hi, smooth in between (lo > hi turns it round). */
static inline float smoothf(float lo, float hi, float v) {
    float t = clampf((v - lo) / (hi - lo), 0, 1);
    return t * t * (3 - 2 * t);
}
static inline int box_w(struct box b) {
    return b.x1 > b.x0 ? b.x1 - b.x0 : 0;
}
static inline int box_h(struct box b) {
    return b.y1 > b.y0 ? b.y1 - b.y0 : 0;
}
static inline bool box_empty(struct box b) {
    return b.x1 <= b.x0 || b.y1 <= b.y0;
}
struct box box_and(struct box a, struct box b);
/* Smallest box of whole pixels that holds r, cut to w x h. */
struct box box_around(struct rectf r, int w, int h);

/* ERR_BAD_INPUT unless the picture has pixels, 3 or 4 channels, a stride that holds a row, and sides within IMAGE_*_MAX. */
int img8_check(const struct img8 *img, struct err *e);
/* Fresh RGB picture, black; px from malloc. */
struct img8 img8_new(int w, int h, int channels);
void img8_done(struct img8 *img); /* frees px; only for pictures made here */

/* ---- planes ---- */
#define PLANE_CLEANUP __attribute__((cleanup(plane_done)))
#define PIC_CLEANUP   __attribute__((cleanup(pic_done)))
#define IMG8_CLEANUP  __attribute__((cleanup(img8_done)))

struct plane plane_new(int w, int h); /* zeros; w, h >= 1 */
struct plane plane_copy(const struct plane *p);
struct plane plane_crop(const struct plane *p, struct box b); /* b lies inside p and is not empty */
void plane_done(struct plane *p);
void plane_fill(struct plane *p, float v);
static inline float *plane_row(const struct plane *p, int y) {
    return p->px + (size_t)y * (size_t)p->w;
}
static inline size_t plane_n(const struct plane *p) {
    return (size_t)p->w * (size_t)p->h;
}
/* Bilinear value at a continuous coordinate; beyond the edge the edge pixel goes on. */
float plane_at(const struct plane *p, float x, float y);
double plane_sum(const struct plane *p);

struct pic pic_new(int w, int h);
struct pic pic_copy(const struct pic *p);
struct pic pic_crop(const struct pic *p, struct box b);
void pic_done(struct pic *p);
static inline int pic_w(const struct pic *p) {
    return p->c[0].w;
}
static inline int pic_h(const struct pic *p) {
    return p->c[0].h;
}

/* ---- light ---- */
float srgb_to_linear(float v);   /* [0, 1] -> [0, 1] */
float srgb_from_linear(float v); /* clamps */
static inline float luma(float r, float g, float b) {
    return 0.2126f * r + 0.7152f * g + 0.0722f * b;
}

/* The box b of an 8-bit picture as floats; b lies inside. */
struct pic pic_linear_of(const struct img8 *img, struct box b);
struct pic pic_srgb_of(const struct img8 *img, struct box b);
/* The whole picture at w x h <= its own size, sRGB; averages whole blocks while converting, so a large photo never exists as
 * floats. */
struct pic pic_srgb_shrunk(const struct img8 *img, int w, int h);
struct plane plane_alpha_of(const struct img8 *img, struct box b); /* channel 4, or ones */
/* sRGB floats -> 8-bit RGB, rounded; px from malloc. */
struct img8 img8_of_srgb(const struct pic *p);
void pic_to_linear(struct pic *p); /* sRGB -> linear, in place */
void pic_to_srgb(struct pic *p);   /* linear -> sRGB, in place, clamps to [0, 1] */

/* ---- resampling ---- */
enum resample {
    RESAMPLE_AREA,  /* triangle as wide as a pixel: never rings; masks, network inputs, shrinking */
    RESAMPLE_CUBIC, /* Catmull-Rom: keeps edges crisp when enlarging; may ring by a few per cent */
};
/*
 * The part `from` of src (continuous coordinates; it may stick out: edge pixels go on) as w x h pixels.
 * Separable, antialiased when shrinking.  Cost: O(w * h * (1 + shrink)).
 */
struct plane plane_resample(const struct plane *src, struct rectf from, int w, int h, enum resample how);
struct pic pic_resample(const struct pic *src, struct rectf from, int w, int h, enum resample how);
struct plane plane_transpose(const struct plane *p);
struct plane plane_resize(const struct plane *src, int w, int h, enum resample how);
struct pic pic_resize(const struct pic *src, int w, int h, enum resample how);

/* Rotation, uniform scale and shift: (x, y) -> (a x - b y + tx, b x + a y + ty). */
struct similarity {
    float a, b, tx, ty;
};
/* Least-squares similarity that takes the n >= 2 points `from` to `to` (Umeyama 1991 without reflection). All from equal:
 * identity + shift. */
struct similarity similarity_fit(const float (*from)[2], const float (*to)[2], int n);
struct similarity similarity_invert(struct similarity m); /* a, b not both 0 */
static inline void similarity_apply(struct similarity m, float x, float y, float out[2]) {
    out[0] = m.a * x - m.b * y + m.tx;
    out[1] = m.b * x + m.a * y + m.ty;
}
/*
 * n x n samples of the square that m maps n-space to picture space: sample (i, j) is the picture at m(i + 0.5, j + 0.5), averaged
 * over the square of pixels it covers (so shrinking does not alias). Outside the picture: `outside`. Writes R, G, B in 0..255,
 * three planes of n * n.
 */
void img8_warp(const struct img8 *img, struct similarity m, int n, float outside, float *ret_planes);

#endif
