#include "media/plane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* See "Memory" in plane.h. */
static void *must(void *p) {
    if (!p)
        abort();
    return p;
}

static struct plane plane_raw(int w, int h) {
    assert(w >= 1 && h >= 1);
    size_t bytes = ((size_t)w * (size_t)h * sizeof(float) + 63) & ~(size_t)63;
    return (struct plane){ w, h, must(aligned_alloc(64, bytes)) };
}

struct plane plane_new(int w, int h) {
    struct plane p = plane_raw(w, h);
    memset(p.px, 0, plane_n(&p) * sizeof(float));
    return p;
}

struct plane plane_copy(const struct plane *p) {
    struct plane q = plane_raw(p->w, p->h);
    memcpy(q.px, p->px, plane_n(p) * sizeof(float));
    return q;
}

struct plane plane_crop(const struct plane *p, struct box b) {
    assert(b.x0 >= 0 && b.y0 >= 0 && b.x1 <= p->w && b.y1 <= p->h);
    struct plane q = plane_raw(box_w(b), box_h(b));
    for (int y = 0; y < q.h; y++)
        memcpy(plane_row(&q, y), plane_row(p, b.y0 + y) + b.x0, (size_t)q.w * sizeof(float));
    return q;
}

void plane_done(struct plane *p) {
    free(p->px);
    p->px = NULL;
}

void plane_fill(struct plane *p, float v) {
    for (size_t i = 0, n = plane_n(p); i < n; i++)
        p->px[i] = v;
}

float plane_at(const struct plane *p, float x, float y) {
    x = clampf(x - 0.5f, 0, (float)(p->w - 1));
    y = clampf(y - 0.5f, 0, (float)(p->h - 1));
    int ix = (int)x, iy = (int)y, jx = ix + (ix < p->w - 1), jy = iy + (iy < p->h - 1);
    float u = x - (float)ix, v = y - (float)iy;
    const float *a = plane_row(p, iy), *b = plane_row(p, jy);
    return mixf(mixf(a[ix], a[jx], u), mixf(b[ix], b[jx], u), v);
}

double plane_sum(const struct plane *p) {
    double s = 0;
    for (size_t i = 0, n = plane_n(p); i < n; i++)
        s += (double)p->px[i];
    return s;
}

/* ---- resampling ---- */

/* Which source rows make one output row, and with what weights. */
struct taps {
    int first, n;
    float *weight;
};

static float kernel(enum resample how, float x) {
    x = fabsf(x);
    if (how == RESAMPLE_AREA)
        return x < 1 ? 1 - x : 0;
    if (x < 1)
        return (1.5f * x - 2.5f) * x * x + 1;
    return x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

/* Taps of output index i of n_out over source [from, from + span); weights sum to 1. Shrinking stretches the kernel. */
static void taps_of(struct taps *t, int i, int n_out, float from, float span, enum resample how) {
    float step = span / (float)n_out, stretch = step > 1 ? step : 1;
    float centre = from + ((float)i + 0.5f) * step, reach = (how == RESAMPLE_AREA ? 1 : 2) * stretch;
    t->first = (int)floorf(centre - reach);
    int last = (int)ceilf(centre + reach), n = 0;
    float sum = 0;
    for (int j = t->first; j <= last; j++) {
        t->weight[n] = kernel(how, ((float)j + 0.5f - centre) / stretch);
        sum += t->weight[n++];
    }
    t->n = n;
    for (int k = 0; k < n; k++)
        t->weight[k] /= sum;
}

/* Resamples along y only. Rows beyond the edge are the edge row. */
static struct plane resample_y(const struct plane *src, float y0, float y1, int h, enum resample how) {
    struct plane out = plane_new(src->w, h);
    float step = (y1 - y0) / (float)h, stretch = step > 1 ? step : 1;
    struct taps t = { .weight = must(malloc(sizeof(float) * ((size_t)(4 * stretch) + 8))) };
    for (int y = 0; y < h; y++) {
        float *restrict d = plane_row(&out, y);
        taps_of(&t, y, h, y0, y1 - y0, how);
        for (int k = 0; k < t.n; k++) {
            const float *restrict s = plane_row(src, clampi(t.first + k, 0, src->h - 1));
            float wt = t.weight[k];
            if (wt == 0)
                continue;
            for (int x = 0; x < src->w; x++)
                d[x] += wt * s[x];
        }
    }
    free(t.weight);
    return out;
}

struct plane plane_transpose(const struct plane *p) {
    enum { TILE = 16 }; /* one cache line of floats each way */
    struct plane q = plane_raw(p->h, p->w);
    for (int y0 = 0; y0 < p->h; y0 += TILE)
        for (int x0 = 0; x0 < p->w; x0 += TILE)
            for (int y = y0; y < y0 + TILE && y < p->h; y++)
                for (int x = x0; x < x0 + TILE && x < p->w; x++)
                    q.px[(size_t)x * (size_t)q.w + (size_t)y] = p->px[(size_t)y * (size_t)p->w + (size_t)x];
    return q;
}

struct plane plane_resample(const struct plane *src, struct rectf from, int w, int h, enum resample how) {
    PLANE_CLEANUP struct plane tall = resample_y(src, from.y0, from.y1, h, how);
    PLANE_CLEANUP struct plane turned = plane_transpose(&tall);
    PLANE_CLEANUP struct plane both = resample_y(&turned, from.x0, from.x1, w, how);
    return plane_transpose(&both);
}

struct plane plane_resize(const struct plane *src, int w, int h, enum resample how) {
    return plane_resample(src, (struct rectf){ 0, 0, (float)src->w, (float)src->h }, w, h, how);
}
