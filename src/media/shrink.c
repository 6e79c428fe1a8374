/*
 * shrink.c - fewer pixels by Lanczos-3: first along each row, then down the columns, in the picture's own gamma.
 *
 * The kernel is widened by the shrinking factor, so that every source pixel counts. Rows are filtered once each and kept in a ring
 * just long enough for the column filter: memory is O(width), not O(picture).
 * Source of the kernel: Turkowski, "Filters for Common Resampling Tasks" (Graphics Gems I, 1990).
 */
#include "media/pixels.h"

#include <math.h>
#include <string.h>

#define LOBES 3

/* For each place along one side: which source samples count, and how much. */
struct taps {
    int   *first;                                   /* per place */
    float *w;                                       /* per place, n each; 0 behind the last that counts */
    int    n;
};

static void taps_done(struct taps *t) {
    free(t->first);
    free(t->w);
}

static double lanczos(double x) {
    if (x == 0)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    return LOBES * sin(M_PI * x) * sin(M_PI * x / LOBES) / (M_PI * M_PI * x * x);
}

static int taps_make(int from, int to, struct taps *t, struct err *e) {
    double scale = (double)from / to, reach = LOBES * scale;
    t->n = (int)ceil(2 * reach) + 1;
    if (t->n > from)
        t->n = from;
    t->first = calloc((size_t)to, sizeof *t->first);
    t->w = calloc((size_t)to * (size_t)t->n, sizeof *t->w);
    if (!t->first || !t->w)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for a filter of %d places", to);
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        int first = (int)ceil(centre - reach - 0.5);
        first = first < 0 ? 0 : first > from - t->n ? from - t->n : first;
        float *w = t->w + (size_t)i * (size_t)t->n;
        for (int k = 0; k < t->n; k++) {
            double v = lanczos((first + k + 0.5 - centre) / scale);
            w[k] = (float)v;
            sum += v;
        }
        for (int k = 0; k < t->n; k++)
            w[k] = (float)(w[k] / sum);
        t->first[i] = first;
    }
    return 0;
}

static void filter_row(const uint8_t *s, const struct taps *t, int w, float *d) {
    for (int x = 0; x < w; x++, d += 3) {
        const uint8_t *p = s + 3 * (size_t)t->first[x];
        const float *k = t->w + (size_t)x * (size_t)t->n;
        float r = 0, g = 0, b = 0;
        for (int i = 0; i < t->n; i++, p += 3) {
            r += k[i] * p[0];
            g += k[i] * p[1];
            b += k[i] * p[2];
        }
        d[0] = r;
        d[1] = g;
        d[2] = b;
    }
}

static void filter_columns(const float *ring, size_t row_n, const struct taps *t, int y, float *sum, uint8_t *d) {
    memset(sum, 0, row_n * sizeof *sum);
    for (int k = 0; k < t->n; k++) {
        const float *s = ring + (size_t)((t->first[y] + k) % t->n) * row_n;
        float w = t->w[(size_t)y * (size_t)t->n + (size_t)k];
        for (size_t i = 0; i < row_n; i++)
            sum[i] += w * s[i];
    }
    for (size_t i = 0; i < row_n; i++) {
        float v = sum[i] + 0.5f;
        d[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

int pixels_shrink(const struct img8 *img, int w, int h, struct img8 *ret, struct err *e) {
    __attribute__((cleanup(taps_done))) struct taps tx = { 0 }, ty = { 0 };
    __attribute__((cleanup(free_p))) float *ring = NULL, *sum = NULL;
    PIXELS_CLEANUP struct img8 out = { 0 };
    size_t row_n = 3 * (size_t)w;
    int r = pixels_new(w, h, 3, &out, e);
    if (r < 0)
        return r;
    if (w == img->w && h == img->h) {
        for (int y = 0; y < h; y++)
            memcpy(out.px + (size_t)y * out.stride, img->px + (size_t)y * img->stride, row_n);
        *ret = out;
        out.px = NULL;
        return 0;
    }
    if ((r = taps_make(img->w, w, &tx, e)) < 0 || (r = taps_make(img->h, h, &ty, e)) < 0)
        return r;
    ring = malloc((size_t)ty.n * row_n * sizeof *ring);
    sum = malloc(row_n * sizeof *sum);
    if (!ring || !sum)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory to shrink a picture");
    int done = 0;                                   /* source rows filtered so far; the last ty.n of them are in the ring */
    for (int y = 0; y < h; y++) {
        for (; done < ty.first[y] + ty.n; done++)
            filter_row(img->px + (size_t)done * img->stride, &tx, w, ring + (size_t)(done % ty.n) * row_n);
        filter_columns(ring, row_n, &ty, y, sum, out.px + (size_t)y * out.stride);
    }
    *ret = out;
    out.px = NULL;
    return 0;
}
