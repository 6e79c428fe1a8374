#include "media/filter.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Every filter here is separable: it runs along y, where neighbouring columns vectorise, and the picture is turned for the other
 * way. */

static void box_y(const struct plane *src, struct plane *dst, int r) {
    int w = src->w, h = src->h;
    PLANE_CLEANUP struct plane acc = plane_new(w, 1);
    float *restrict sum = acc.px;
    for (int y = 0; y < r && y < h; y++)
        for (int x = 0; x < w; x++)
            sum[x] += plane_row(src, y)[x];
    for (int y = 0; y < h; y++) {
        int in = y + r, out = y - r - 1;
        if (in < h) {
            const float *restrict s = plane_row(src, in);
            for (int x = 0; x < w; x++)
                sum[x] += s[x];
        }
        if (out >= 0) {
            const float *restrict s = plane_row(src, out);
            for (int x = 0; x < w; x++)
                sum[x] -= s[x];
        }
        int lo = y - r < 0 ? 0 : y - r, hi = y + r >= h ? h - 1 : y + r;
        float scale = 1 / (float)(hi - lo + 1);
        float *restrict d = plane_row(dst, y);
        for (int x = 0; x < w; x++)
            d[x] = sum[x] * scale;
    }
}

static void swap(struct plane *a, struct plane *b) {
    struct plane t = *a;
    *a = *b;
    *b = t;
}

/* n box passes of radius r[i] along both axes. */
static void boxes(struct plane *p, const int *r, int n) {
    PLANE_CLEANUP struct plane a = plane_new(p->w, p->h);
    for (int i = 0; i < n; i++) {
        box_y(p, &a, r[i]);
        swap(p, &a);
    }
    PLANE_CLEANUP struct plane turned = plane_transpose(p);
    PLANE_CLEANUP struct plane b = plane_new(p->h, p->w);
    for (int i = 0; i < n; i++) {
        box_y(&turned, &b, r[i]);
        swap(&turned, &b);
    }
    plane_done(p);
    *p = plane_transpose(&turned);
}

void plane_box(struct plane *p, int r) {
    if (r > 0)
        boxes(p, &r, 1);
}

/* A 3-tap kernel per unit of variance: exact enough where boxes are too coarse. */
static void small_gauss_y(struct plane *p, float variance) {
    float side = variance / 2; /* [s, 1 - 2s, s] has variance 2s */
    PLANE_CLEANUP struct plane q = plane_copy(p);
    for (int y = 0; y < p->h; y++) {
        const float *restrict up = plane_row(&q, y ? y - 1 : 0), *restrict at = plane_row(&q, y);
        const float *restrict down = plane_row(&q, y + 1 < p->h ? y + 1 : y);
        float *restrict d = plane_row(p, y);
        for (int x = 0; x < p->w; x++)
            d[x] = at[x] + side * (up[x] + down[x] - 2 * at[x]);
    }
}

static void small_gauss(struct plane *p, float sigma) {
    float variance = sigma * sigma;
    int passes = (int)ceilf(variance / 0.6f);
    for (int i = 0; i < passes; i++)
        small_gauss_y(p, variance / (float)passes);
    PLANE_CLEANUP struct plane turned = plane_transpose(p);
    for (int i = 0; i < passes; i++)
        small_gauss_y(&turned, variance / (float)passes);
    plane_done(p);
    *p = plane_transpose(&turned);
}

void plane_gauss(struct plane *p, float sigma) {
    if (!(sigma >= 0.3f))
        return;
    if (sigma < 1.7f) {
        small_gauss(p, sigma);
        return;
    }
    /* Three boxes of odd width; n of them take the smaller width so that the variances add up (Kovesi 2010). */
    float ideal = sqrtf(4 * sigma * sigma + 1);
    int narrow = (int)ideal;
    narrow -= narrow % 2 == 0;
    float n_narrow = (12 * sigma * sigma - 3.0f * (float)(narrow * narrow + 4 * narrow + 3)) / (-4.0f * (float)narrow - 4);
    int r[3], m = clampi((int)lroundf(n_narrow), 0, 3);
    for (int i = 0; i < 3; i++)
        r[i] = (i < m ? narrow : narrow + 2) / 2;
    boxes(p, r, 3);
}

void pic_gauss(struct pic *p, float sigma) {
    for (int c = 0; c < 3; c++)
        plane_gauss(&p->c[c], sigma);
}

struct plane plane_gauss_far(const struct plane *p, float sigma) {
    int k = clampi((int)(sigma / 4), 1, 32);
    if (k == 1) {
        struct plane q = plane_copy(p);
        plane_gauss(&q, sigma);
        return q;
    }
    PLANE_CLEANUP struct plane small = plane_resize(p, (p->w + k - 1) / k, (p->h + k - 1) / k, RESAMPLE_AREA);
    plane_gauss(&small, sigma / (float)k);
    return plane_resize(&small, p->w, p->h, RESAMPLE_CUBIC);
}

/* ---- disc ---- */

/* Prefix sums of one row with r edge pixels added on both sides: sum of [a, b) is pre[b] - pre[a]. */
static void prefix_row(const float *row, int w, int r, double *pre) {
    double s = 0;
    for (int i = 0; i < w + 2 * r; i++) {
        pre[i] = s;
        s += (double)row[clampi(i - r, 0, w - 1)];
    }
    pre[w + 2 * r] = s;
}

struct plane plane_disc(const struct plane *p, float radius) {
    int r = (int)ceilf(radius), w = p->w, h = p->h, pitch = w + 2 * r + 1;
    struct plane out = plane_new(w, h);
    /* A ring of the 2r+1 prefix rows in use; double, because differences of long sums lose a float's digits. */
    double *ring = calloc((size_t)(2 * r + 1) * (size_t)pitch, sizeof(double));
    int *half = calloc((size_t)(2 * r + 1), sizeof(int)), area = 0;
    if (!ring || !half)
        abort();
    for (int k = -r; k <= r; k++) {
        float rest = radius * radius - (float)(k * k);
        half[k + r] = rest > 0 ? (int)(sqrtf(rest) + 0.5f) : 0;
        area += 2 * half[k + r] + 1;
    }
    for (int y = -r; y < h + r; y++) {
        prefix_row(plane_row(p, clampi(y, 0, h - 1)), w, r, ring + (size_t)((y + r) % (2 * r + 1)) * (size_t)pitch);
        int at = y - r;
        if (at < 0)
            continue;
        float *restrict d = plane_row(&out, at);
        for (int k = -r; k <= r; k++) {
            const double *restrict pre = ring + (size_t)((at + k + r) % (2 * r + 1)) * (size_t)pitch;
            int a = r - half[k + r], b = r + half[k + r] + 1;
            for (int x = 0; x < w; x++)
                d[x] += (float)(pre[x + b] - pre[x + a]);
        }
        for (int x = 0; x < w; x++)
            d[x] /= (float)area;
    }
    free(ring);
    free(half);
    return out;
}

/* ---- morphology ---- */

static void extreme_y(struct plane *p, int r, float sign) {
    /* Tripling: three windows of half side k, 2k+1 rows apart, make one of half side 3k+1. The edge row stands for those beyond.
     */
    PLANE_CLEANUP struct plane q = plane_new(p->w, p->h);
    for (int done = 0; done < r;) {
        int step = 2 * done + 1 <= r - done ? 2 * done + 1 : r - done;
        for (int y = 0; y < p->h; y++) {
            const float *restrict up = plane_row(p, clampi(y - step, 0, p->h - 1)), *restrict at = plane_row(p, y);
            const float *restrict down = plane_row(p, clampi(y + step, 0, p->h - 1));
            float *restrict d = plane_row(&q, y);
            for (int x = 0; x < p->w; x++) {
                float a = sign * up[x], b = sign * at[x], c = sign * down[x], m = a > b ? a : b;
                d[x] = sign * (m > c ? m : c);
            }
        }
        swap(p, &q);
        done += step;
    }
}

static void extreme(struct plane *p, int r, float sign) {
    if (r <= 0)
        return;
    extreme_y(p, r, sign);
    PLANE_CLEANUP struct plane turned = plane_transpose(p);
    extreme_y(&turned, r, sign);
    plane_done(p);
    *p = plane_transpose(&turned);
}

void plane_grow(struct plane *p, int r) {
    extreme(p, r, 1);
}
void plane_shrink(struct plane *p, int r) {
    extreme(p, r, -1);
}

/* ---- guided filter ---- */

static struct plane product_mean(const struct plane *a, const struct plane *b, int r) {
    struct plane m = plane_new(a->w, a->h);
    for (size_t i = 0, n = plane_n(a); i < n; i++)
        m.px[i] = a->px[i] * b->px[i];
    plane_box(&m, r);
    return m;
}

/* Covariances to coefficients, in place: cov[k] (of guide channel k with p) becomes a[k], mean_p becomes b. */
static void guided_solve(struct plane var[6], struct plane cov[3], const struct plane mean[3], struct plane *mean_p, float eps) {
    for (size_t i = 0, n = plane_n(mean_p); i < n; i++) {
        float r = mean[0].px[i], g = mean[1].px[i], b = mean[2].px[i], mp = mean_p->px[i];
        float rr = var[0].px[i] - r * r + eps, rg = var[1].px[i] - r * g, rb = var[2].px[i] - r * b;
        float gg = var[3].px[i] - g * g + eps, gb = var[4].px[i] - g * b, bb = var[5].px[i] - b * b + eps;
        float cr = cov[0].px[i] - r * mp, cg = cov[1].px[i] - g * mp, cb = cov[2].px[i] - b * mp;
        /* inverse of the symmetric 3 x 3 matrix by cofactors; eps keeps its determinant above 0 */
        float a0 = gg * bb - gb * gb, a1 = gb * rb - rg * bb, a2 = rg * gb - gg * rb;
        float a3 = rr * bb - rb * rb, a4 = rb * rg - rr * gb, a5 = rr * gg - rg * rg;
        float det = 1 / (rr * a0 + rg * a1 + rb * a2);
        float ar = (a0 * cr + a1 * cg + a2 * cb) * det;
        float ag = (a1 * cr + a3 * cg + a4 * cb) * det;
        float ab = (a2 * cr + a4 * cg + a5 * cb) * det;
        cov[0].px[i] = ar;
        cov[1].px[i] = ag;
        cov[2].px[i] = ab;
        mean_p->px[i] = mp - ar * r - ag * g - ab * b;
    }
}

void plane_guided(struct plane *p, const struct pic *guide, int r, float eps) {
    assert(pic_w(guide) == p->w && pic_h(guide) == p->h);
    struct plane mean[3], cov[3], var[6];
    for (int c = 0, k = 0; c < 3; c++) {
        mean[c] = plane_copy(&guide->c[c]);
        plane_box(&mean[c], r);
        cov[c] = product_mean(&guide->c[c], p, r);
        for (int d = c; d < 3; d++, k++)
            var[k] = product_mean(&guide->c[c], &guide->c[d], r);
    }
    PLANE_CLEANUP struct plane b = plane_copy(p);
    plane_box(&b, r);
    guided_solve(var, cov, mean, &b, eps);
    plane_box(&b, r);
    for (int c = 0; c < 3; c++)
        plane_box(&cov[c], r);
    for (size_t i = 0, n = plane_n(p); i < n; i++) {
        float q =
            cov[0].px[i] * guide->c[0].px[i] + cov[1].px[i] * guide->c[1].px[i] + cov[2].px[i] * guide->c[2].px[i] + b.px[i];
        p->px[i] = clampf(q, 0, 1);
    }
    for (int c = 0; c < 3; c++) {
        plane_done(&mean[c]);
        plane_done(&cov[c]);
    }
    for (int k = 0; k < 6; k++)
        plane_done(&var[k]);
}
