/*
 * shrink.c - fewer pixels by Lanczos-3: first down the columns, then along the row, in the picture's own gamma.
 *
 * The kernel is widened by the shrinking factor, so that every source pixel counts. Columns come first because that step, which is most of
 * the work, is one long loop over bytes side by side; what it leaves for the other step are the rows of the result. Memory is
 * O(width), not O(picture).
 * Source of the kernel: Turkowski, "Filters for Common Resampling Tasks" (Graphics Gems I, 1990).
 */
#include "media/pixels.h"

#include <math.h>
#include <string.h>

#define LOBES 3
#define BLOCK 96                                    /* samples of a row summed up at a time: their sums stay in the nearest cache */

/* One pixel, the fourth lane unused: a register on every machine we build for. */
typedef float pixel4 __attribute__((vector_size(16)));

/* For each place along one side: which source samples count, and how much. */
struct taps {
    int   *first;                                   /* per place */
    float *w;                                       /* per place, room each; 0 behind the last that counts */
    int    n, room;                                 /* room: n, rounded up to four */
};

static void taps_done(struct taps *t) {
    free(t->first);
    free(t->w);
}

/*
 * Lanczos' kernel at n places, `step` apart, from x on: 3 sin(pi x) sin(pi x / 3) / (pi x)^2. Two sines a tap would cost as much as the
 * picture: the angle is turned step by step instead, and sin 3a = 3 sin a - 4 sin^3 a.
 */
static void lanczos(double x, double step, int n, double *v) {
    double angle = M_PI / LOBES * x, turn = M_PI / LOBES * step;
    double s = sin(angle), c = cos(angle), turn_s = sin(turn), turn_c = cos(turn);
    for (int i = 0; i < n; i++, x += step) {
        double at = M_PI * x, next_s = s * turn_c + c * turn_s;
        v[i] = fabs(x) >= LOBES ? 0 : fabs(x) < 1e-4 ? 1 : LOBES * s * (3 * s - 4 * s * s * s) / (at * at);
        c = c * turn_c - s * turn_s;
        s = next_s;
    }
}

/* from: samples; cover: how many of them are the picture, the last one perhaps in part; to: places. */
static int taps_make(int from, double cover, int to, struct taps *t, struct err *e) {
    double step = cover / to, scale = step < 1 ? 1 : step, reach = LOBES * scale;
    t->n = (int)ceil(2 * reach) + 1;
    if (t->n > from)
        t->n = from;
    t->room = (t->n + 3) & ~3;
    t->first = calloc((size_t)to, sizeof *t->first);
    t->w = calloc((size_t)to * (size_t)t->room, sizeof *t->w);
    __attribute__((cleanup(free_p))) double *v = malloc((size_t)t->n * sizeof *v);
    if (!t->first || !t->w || !v)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for a filter of %d places", to);
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * step, sum = 0;
        int first = (int)ceil(centre - reach - 0.5);
        first = first < 0 ? 0 : first > from - t->n ? from - t->n : first;
        float *w = t->w + (size_t)i * (size_t)t->room;
        lanczos((first + 0.5 - centre) / scale, 1 / scale, t->n, v);
        for (int k = 0; k < t->n; k++)
            sum += v[k];
        for (int k = 0; k < t->n; k++)
            w[k] = (float)(v[k] / sum);
        t->first[i] = first;
    }
    return 0;
}

/* Samples at..at+n of the source rows from s on, weighted, into sum. */
static void filter_columns(const uint8_t *s, size_t stride, const float *w, int n_rows, size_t at, size_t n, float *sum) {
    float block[BLOCK] = { 0 };
    const uint8_t *p = s + at;
    if (n < BLOCK) {                                /* the row's end */
        for (int k = 0; k < n_rows; k++, p += stride)
            for (size_t i = 0; i < n; i++)
                block[i] += w[k] * p[i];
    } else {
        int k = 0;
        for (; k + 1 < n_rows; k += 2, p += 2 * stride) {
            const uint8_t *q = p + stride;
            float a = w[k], b = w[k + 1];
            for (size_t i = 0; i < BLOCK; i++)
                block[i] += a * p[i] + b * q[i];
        }
        for (size_t i = 0; k < n_rows && i < BLOCK; i++)
            block[i] += w[k] * p[i];
    }
    memcpy(sum + at, block, n * sizeof *sum);
}

static uint8_t sample(float v) {
    v += 0.5f;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void filter_row_3(const float *s, int from, const struct taps *t, int w, pixel4 *wide, uint8_t *d) {
    for (int x = 0; x < from; x++)
        wide[x] = (pixel4){ s[3 * x], s[3 * x + 1], s[3 * x + 2], 0 };
    for (int x = 0; x < w; x++, d += 3) {
        const pixel4 *p = wide + t->first[x];
        const float *k = t->w + (size_t)x * (size_t)t->room;
        pixel4 a = { 0 }, b = { 0 };                /* two sums: one would wait for itself */
        int i = 0;
        for (; i + 1 < t->n; i += 2) {
            a += k[i] * p[i];
            b += k[i + 1] * p[i + 1];
        }
        if (i < t->n)
            a += k[i] * p[i];
        a += b;
        for (int c = 0; c < 3; c++)
            d[c] = sample(a[c]);
    }
}

/* One sample a pixel: the lanes hold four taps. */
static void filter_row_1(const float *s, const struct taps *t, int w, uint8_t *d) {
    for (int x = 0; x < w; x++) {
        const float *p = s + t->first[x], *k = t->w + (size_t)x * (size_t)t->room;
        pixel4 sum = { 0 };
        for (int i = 0; i < t->n; i += 4) {
            pixel4 a, b;
            memcpy(&a, k + i, sizeof a);
            memcpy(&b, p + i, sizeof b);
            sum += a * b;
        }
        d[x] = sample(sum[0] + sum[1] + sum[2] + sum[3]);
    }
}

int pixels_shrink_part(const struct img8 *img, double cover_w, double cover_h, int w, int h, struct img8 *ret, struct err *e) {
    __attribute__((cleanup(taps_done))) struct taps tx = { 0 }, ty = { 0 };
    __attribute__((cleanup(free_p))) float *sum = NULL;
    __attribute__((cleanup(free_p))) pixel4 *wide = NULL;
    PIXELS_CLEANUP struct img8 out = { 0 };
    size_t row_n = (size_t)img->channels * (size_t)img->w;
    int r = pixels_new(w, h, img->channels, &out, e);
    if (r < 0)
        return r;
    if (w == cover_w && h == cover_h) {
        for (int y = 0; y < h; y++)
            memcpy(out.px + (size_t)y * out.stride, img->px + (size_t)y * img->stride, out.stride);
        *ret = out;
        out.px = NULL;
        return 0;
    }
    if ((r = taps_make(img->w, cover_w, w, &tx, e)) < 0 || (r = taps_make(img->h, cover_h, h, &ty, e)) < 0)
        return r;
    sum = calloc(row_n + 3, sizeof *sum);           /* the last taps are read four at a time */
    wide = malloc((size_t)img->w * sizeof *wide);   /* malloc aligns to 16 */
    if (!sum || !wide)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory to shrink a picture");
    for (int y = 0; y < h; y++) {
        const uint8_t *rows = img->px + (size_t)ty.first[y] * img->stride;
        for (size_t at = 0; at < row_n; at += BLOCK)
            filter_columns(rows, img->stride, ty.w + (size_t)y * (size_t)ty.room, ty.n, at, row_n - at < BLOCK ? row_n - at : BLOCK, sum);
        if (img->channels == 1)
            filter_row_1(sum, &tx, w, out.px + (size_t)y * out.stride);
        else
            filter_row_3(sum, img->w, &tx, w, wide, out.px + (size_t)y * out.stride);
    }
    *ret = out;
    out.px = NULL;
    return 0;
}

int pixels_shrink(const struct img8 *img, int w, int h, struct img8 *ret, struct err *e) {
    return pixels_shrink_part(img, img->w, img->h, w, h, ret, e);
}
