#include "media/pic.h"

#include <math.h>
#include <pthread.h>

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

struct pic pic_resample(const struct pic *src, struct rectf from, int w, int h, enum resample how) {
    struct pic p;
    for (int c = 0; c < 3; c++)
        p.c[c] = plane_resample(&src->c[c], from, w, h, how);
    return p;
}

struct pic pic_resize(const struct pic *src, int w, int h, enum resample how) {
    return pic_resample(src, (struct rectf){ 0, 0, (float)pic_w(src), (float)pic_h(src) }, w, h, how);
}
