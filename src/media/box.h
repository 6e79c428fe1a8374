/*
 * box.h - rectangles, and the small arithmetic of pixels.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_MEDIA_BOX_H
#define ZT_MEDIA_BOX_H

#include <math.h>
#include <stdbool.h>

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
/* Smallest box of whole pixels that holds r, cut to w x h. Clamped as floats first: a wild rectangle must not overflow int. */
static inline struct box box_around(struct rectf r, int w, int h) {
    return (struct box){ (int)floorf(clampf(r.x0, 0, (float)w)), (int)floorf(clampf(r.y0, 0, (float)h)),
                         (int)ceilf(clampf(r.x1, 0, (float)w)), (int)ceilf(clampf(r.y1, 0, (float)h)) };
}

#endif
