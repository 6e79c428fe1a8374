#include "media/image.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

struct box box_and(struct box a, struct box b) {
    return (struct box){ a.x0 > b.x0 ? a.x0 : b.x0, a.y0 > b.y0 ? a.y0 : b.y0, a.x1 < b.x1 ? a.x1 : b.x1,
                         a.y1 < b.y1 ? a.y1 : b.y1 };
}

struct box box_around(struct rectf r, int w, int h) {
    /* Clamped as floats first: a wild rectangle must not overflow int. */
    return (struct box){ (int)floorf(clampf(r.x0, 0, (float)w)), (int)floorf(clampf(r.y0, 0, (float)h)),
                         (int)ceilf(clampf(r.x1, 0, (float)w)), (int)ceilf(clampf(r.y1, 0, (float)h)) };
}

int img8_check(const struct img8 *img, struct err *e) {
    if (!img || !img->px || img->w < 1 || img->h < 1)
        return err_set(e, ERR_BAD_INPUT, "a picture without pixels");
    if (img->channels != 3 && img->channels != 4)
        return err_set(e, ERR_BAD_INPUT, "a picture with %d channels", img->channels);
    if (img->w > IMAGE_SIDE_MAX || img->h > IMAGE_SIDE_MAX || (int64_t)img->w * img->h > IMAGE_PIXELS_MAX)
        return err_set(e, ERR_IMAGE_TOO_LARGE, "%d x %d pixels", img->w, img->h);
    if (img->stride < (size_t)img->w * (size_t)img->channels)
        return err_set(e, ERR_BAD_INPUT, "a picture whose rows overlap");
    return 0;
}

/* See "Memory" in image.h. */
static void *must(void *p) {
    if (!p)
        abort();
    return p;
}

struct img8 img8_new(int w, int h, int channels) {
    size_t stride = (size_t)w * (size_t)channels;
    return (struct img8){ w, h, channels, stride, must(calloc((size_t)h, stride)) };
}

void img8_done(struct img8 *img) {
    free(img->px);
    img->px = NULL;
}

/* ---- planes ---- */

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

struct pic pic_new(int w, int h) {
    return (struct pic){ { plane_new(w, h), plane_new(w, h), plane_new(w, h) } };
}

struct pic pic_copy(const struct pic *p) {
    return (struct pic){ { plane_copy(&p->c[0]), plane_copy(&p->c[1]), plane_copy(&p->c[2]) } };
}

struct pic pic_crop(const struct pic *p, struct box b) {
    return (struct pic){ { plane_crop(&p->c[0], b), plane_crop(&p->c[1], b), plane_crop(&p->c[2], b) } };
}

void pic_done(struct pic *p) {
    for (int c = 0; c < 3; c++)
        plane_done(&p->c[c]);
}

/* ---- light: the sRGB transfer curve (IEC 61966-2-1) ---- */

float srgb_to_linear(float v) {
    return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
}

float srgb_from_linear(float v) {
    v = clampf(v, 0, 1);
    return v <= 0.0031308f ? v * 12.92f : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
}

/*
 * Both directions by table: powf per sample costs more than everything else in a picture. The backward table is indexed by the
 * square root of the light, which spreads the dark end; with linear interpolation its error stays below 1/20 of an 8-bit step.
 */
enum { FROM_LINEAR_N = 4096, TO_LINEAR_N = 1020 };
struct light_tables {
    float to_linear[256];
    float to_linear_fine[TO_LINEAR_N + 2]; /* by sRGB * TO_LINEAR_N: four steps between 8-bit values */
    float from_linear[FROM_LINEAR_N + 2];  /* by sqrt(linear) * FROM_LINEAR_N */
};

static struct light_tables tables;

static void tables_make(void) {
    for (int i = 0; i < 256; i++)
        tables.to_linear[i] = srgb_to_linear((float)i / 255);
    for (int i = 0; i < TO_LINEAR_N + 2; i++)
        tables.to_linear_fine[i] = srgb_to_linear((float)i / TO_LINEAR_N);
    for (int i = 0; i < FROM_LINEAR_N + 2; i++) {
        float root = (float)i / FROM_LINEAR_N;
        tables.from_linear[i] = srgb_from_linear(root * root);
    }
}

static const struct light_tables *light_tables(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, tables_make);
    return &tables;
}

static inline float from_linear(const struct light_tables *t, float v) {
    float x = sqrtf(clampf(v, 0, 1)) * FROM_LINEAR_N;
    int i = (int)x;
    return mixf(t->from_linear[i], t->from_linear[i + 1], x - (float)i);
}

static struct pic pic_by_table(const struct img8 *img, struct box b, const float table[256]) {
    struct pic p = pic_new(box_w(b), box_h(b));
    for (int y = 0; y < pic_h(&p); y++) {
        const uint8_t *s = img->px + (size_t)(b.y0 + y) * img->stride + (size_t)b.x0 * (size_t)img->channels;
        float *r = plane_row(&p.c[0], y), *g = plane_row(&p.c[1], y), *bl = plane_row(&p.c[2], y);
        for (int x = 0; x < pic_w(&p); x++, s += img->channels) {
            r[x] = table[s[0]];
            g[x] = table[s[1]];
            bl[x] = table[s[2]];
        }
    }
    return p;
}

struct pic pic_linear_of(const struct img8 *img, struct box b) {
    return pic_by_table(img, b, light_tables()->to_linear);
}

struct pic pic_srgb_of(const struct img8 *img, struct box b) {
    float straight[256];
    for (int i = 0; i < 256; i++)
        straight[i] = (float)i / 255;
    return pic_by_table(img, b, straight);
}

struct pic pic_srgb_shrunk(const struct img8 *img, int w, int h) {
    int k = clampi(img->w / w < img->h / h ? img->w / w : img->h / h, 1, 64);
    struct pic p = pic_new((img->w + k - 1) / k, (img->h + k - 1) / k);
    for (int y = 0; y < pic_h(&p); y++)
        for (int x = 0; x < pic_w(&p); x++) {
            unsigned sum[3] = { 0 }, n = 0;
            for (int v = y * k; v < (y + 1) * k && v < img->h; v++) {
                const uint8_t *s = img->px + (size_t)v * img->stride + (size_t)(x * k * img->channels);
                for (int u = x * k; u < (x + 1) * k && u < img->w; u++, s += img->channels, n++) {
                    sum[0] += s[0];
                    sum[1] += s[1];
                    sum[2] += s[2];
                }
            }
            for (int c = 0; c < 3; c++)
                plane_row(&p.c[c], y)[x] = (float)sum[c] / (255.0f * (float)n);
        }
    if (pic_w(&p) == w && pic_h(&p) == h)
        return p;
    /* The last block may stick out of the picture: the part of p that is picture is img / k. */
    struct rectf all = { 0, 0, (float)img->w / (float)k, (float)img->h / (float)k };
    struct pic q = pic_resample(&p, all, w, h, RESAMPLE_AREA);
    pic_done(&p);
    return q;
}

struct plane plane_alpha_of(const struct img8 *img, struct box b) {
    struct plane p = plane_new(box_w(b), box_h(b));
    for (int y = 0; y < p.h; y++) {
        const uint8_t *s = img->px + (size_t)(b.y0 + y) * img->stride + (size_t)b.x0 * (size_t)img->channels;
        float *d = plane_row(&p, y);
        for (int x = 0; x < p.w; x++)
            d[x] = img->channels == 4 ? (float)s[4 * x + 3] / 255 : 1;
    }
    return p;
}

struct img8 img8_of_srgb(const struct pic *p) {
    struct img8 img = img8_new(pic_w(p), pic_h(p), 3);
    for (int y = 0; y < img.h; y++) {
        uint8_t *d = img.px + (size_t)y * img.stride;
        for (int c = 0; c < 3; c++) {
            const float *s = plane_row(&p->c[c], y);
            for (int x = 0; x < img.w; x++)
                d[3 * x + c] = (uint8_t)(clampf(s[x], 0, 1) * 255 + 0.5f);
        }
    }
    return img;
}

void pic_to_linear(struct pic *p) {
    const struct light_tables *t = light_tables();
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&p->c[c]); i < n; i++) {
            float x = clampf(p->c[c].px[i], 0, 1) * TO_LINEAR_N;
            int k = (int)x;
            p->c[c].px[i] = mixf(t->to_linear_fine[k], t->to_linear_fine[k + 1], x - (float)k);
        }
}

void pic_to_srgb(struct pic *p) {
    const struct light_tables *t = light_tables();
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&p->c[c]); i < n; i++)
            p->c[c].px[i] = from_linear(t, p->c[c].px[i]);
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

struct pic pic_resample(const struct pic *src, struct rectf from, int w, int h, enum resample how) {
    struct pic p;
    for (int c = 0; c < 3; c++)
        p.c[c] = plane_resample(&src->c[c], from, w, h, how);
    return p;
}

struct plane plane_resize(const struct plane *src, int w, int h, enum resample how) {
    return plane_resample(src, (struct rectf){ 0, 0, (float)src->w, (float)src->h }, w, h, how);
}

struct pic pic_resize(const struct pic *src, int w, int h, enum resample how) {
    return pic_resample(src, (struct rectf){ 0, 0, (float)pic_w(src), (float)pic_h(src) }, w, h, how);
}

/* ---- similarity ---- */

struct similarity similarity_fit(const float (*from)[2], const float (*to)[2], int n) {
    float fx = 0, fy = 0, tx = 0, ty = 0, dot = 0, cross = 0, var = 0;
    for (int i = 0; i < n; i++) {
        fx += from[i][0] / (float)n;
        fy += from[i][1] / (float)n;
        tx += to[i][0] / (float)n;
        ty += to[i][1] / (float)n;
    }
    for (int i = 0; i < n; i++) {
        float u = from[i][0] - fx, v = from[i][1] - fy, x = to[i][0] - tx, y = to[i][1] - ty;
        dot += u * x + v * y;
        cross += u * y - v * x;
        var += u * u + v * v;
    }
    struct similarity m = { 1, 0, 0, 0 };
    if (var > 1e-12f) {
        m.a = dot / var;
        m.b = cross / var;
    }
    m.tx = tx - (m.a * fx - m.b * fy);
    m.ty = ty - (m.b * fx + m.a * fy);
    return m;
}

struct similarity similarity_invert(struct similarity m) {
    float d = m.a * m.a + m.b * m.b;
    struct similarity r = { m.a / d, -m.b / d, 0, 0 };
    r.tx = -(r.a * m.tx - r.b * m.ty);
    r.ty = -(r.b * m.tx + r.a * m.ty);
    return r;
}

/* Adds the bilinear value at (x, y), pixel centres at + 0.5, to sum. */
static void sample8(const struct img8 *img, float x, float y, float outside, float sum[3]) {
    x -= 0.5f;
    y -= 0.5f;
    if (!(x > -1 && y > -1 && x < (float)img->w && y < (float)img->h)) {
        for (int c = 0; c < 3; c++)
            sum[c] += outside;
        return;
    }
    float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    int x0 = clampi((int)fx, 0, img->w - 1), x1 = clampi((int)fx + 1, 0, img->w - 1);
    int y0 = clampi((int)fy, 0, img->h - 1), y1 = clampi((int)fy + 1, 0, img->h - 1);
    const uint8_t *a = img->px + (size_t)y0 * img->stride, *b = img->px + (size_t)y1 * img->stride;
    for (int c = 0; c < 3; c++) {
        const size_t i = (size_t)(x0 * img->channels + c), j = (size_t)(x1 * img->channels + c);
        sum[c] += mixf(mixf(a[i], a[j], u), mixf(b[i], b[j], u), v);
    }
}

void img8_warp(const struct img8 *img, struct similarity m, int n, float outside, float *ret_planes) {
    float step = sqrtf(m.a * m.a + m.b * m.b);
    int k = clampi((int)ceilf(step), 1, 8);
    size_t plane = (size_t)n * (size_t)n;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            float sum[3] = { 0 };
            for (int v = 0; v < k; v++)
                for (int u = 0; u < k; u++) {
                    float at[2];
                    similarity_apply(m, (float)i + ((float)u + 0.5f) / (float)k, (float)j + ((float)v + 0.5f) / (float)k, at);
                    sample8(img, at[0], at[1], outside, sum);
                }
            for (int c = 0; c < 3; c++)
                ret_planes[(size_t)c * plane + (size_t)j * (size_t)n + (size_t)i] = sum[c] / (float)(k * k);
        }
}
