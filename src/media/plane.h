/*
 * plane.h - one channel of float samples.
 * Owns: struct plane owns its samples.  Threads: any, one plane at a time.  Uses: box.h.
 *
 * Pixel (x, y) covers the square [x, x+1) x [y, y+1); its centre is (x + 0.5, y + 0.5): all coordinates in this room are such.
 *
 * Memory: planes are large and come from sizes that were checked before (IMAGE_PIXELS_MAX). When the system refuses one the
 * process aborts: it is a child made for one task, and its parent reports that as ERR_MEDIA_MEMORY.
 */
#ifndef ZT_MEDIA_PLANE_H
#define ZT_MEDIA_PLANE_H

#include <stddef.h>
#include "media/box.h"

#define PLANE_CLEANUP __attribute__((cleanup(plane_done)))

struct plane {
    int w, h;
    float *px; /* w * h, rows packed, 64-byte aligned */
};

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

enum resample {
    RESAMPLE_AREA,  /* triangle as wide as a pixel: never rings; masks, network inputs, shrinking */
    RESAMPLE_CUBIC, /* Catmull-Rom: keeps edges crisp when enlarging; may ring by a few per cent */
};
/*
 * The part `from` of src (continuous coordinates; it may stick out: edge pixels go on) as w x h pixels.
 * Separable, antialiased when shrinking.  Cost: O(w * h * (1 + shrink)).
 */
struct plane plane_resample(const struct plane *src, struct rectf from, int w, int h, enum resample how);
struct plane plane_resize(const struct plane *src, int w, int h, enum resample how);
struct plane plane_transpose(const struct plane *p);

#endif
