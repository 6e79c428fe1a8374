#include "media/cast.h"

#include <math.h>

#include "media/filter.h"

/*
 * From fair to dark, log R/G runs from 0.40 to 0.85 and log B/G = -0.06 - 0.55 log R/G (our fit to a chart of skin tones, linear
 * sRGB). Warm light looks like darker skin: part of the way to the usual tone is believed to be light.
 */
static const float from = 0.40f, to = 0.85f, usual = 0.58f, offset = -0.06f, slope = -0.55f;

/* People differ by this much from the line without any light's help. */
static const float own = 0.06f;

void cast_of_skin(const float skin[3], float ret_cast[2]) {
    float g = fmaxf(skin[1], 1e-3f), rg = logf(fmaxf(skin[0], 1e-3f) / g), bg = logf(fmaxf(skin[2], 1e-3f) / g);
    float t = clampf((rg + slope * (bg - offset)) / (1 + slope * slope), from, to); /* nearest point of the segment */
    float believed = mixf(t, usual, 0.45f);
    float d[2] = { rg - believed, bg - (offset + slope * believed) }, length = hypotf(d[0], d[1]);
    float kept = length > own ? (length - own) / length : 0;
    ret_cast[CAST_RG] = d[0] * kept;
    ret_cast[CAST_BG] = d[1] * kept;
}

/* Colour as it is measured for evening out: log R/G and log B/G. */
static void ratios(const float c[3], float ret[2]) {
    float g = fmaxf(c[1], 1e-3f);
    ret[CAST_RG] = logf(fmaxf(c[0], 1e-3f) / g);
    ret[CAST_BG] = logf(fmaxf(c[2], 1e-3f) / g);
}

enum { GRID = 32 }; /* pixels per head of the field of casts */

/* Weighted mean over sigma, falling back to the mean over eight times that where there is no skin near. */
static struct plane spread(const struct plane *value, const struct plane *weight, float sigma) {
    struct plane near = plane_new(value->w, value->h);
    for (size_t i = 0, n = plane_n(&near); i < n; i++)
        near.px[i] = value->px[i] * weight->px[i];
    PLANE_CLEANUP struct plane far = plane_gauss_far(&near, 8 * sigma), far_weight = plane_gauss_far(weight, 8 * sigma);
    PLANE_CLEANUP struct plane near_weight = plane_copy(weight);
    plane_gauss(&near, sigma);
    plane_gauss(&near_weight, sigma);
    for (size_t i = 0, n = plane_n(&near); i < n; i++) {
        float f = far.px[i] / fmaxf(far_weight.px[i], 1e-4f), trust = smoothf(0.02f, 0.3f, near_weight.px[i]);
        near.px[i] = mixf(f * smoothf(0, 1e-3f, far_weight.px[i]), near.px[i] / fmaxf(near_weight.px[i], 1e-4f), trust);
    }
    return near;
}

/*
 * 0 for a face in one light, however strong its colour; 1 for one in two. Judged on patches of a tenth of a head, so that lips
 * and make-up do not count.
 */
static float unevenness(const struct plane *rg, const struct plane *bg, const struct plane *weight) {
    PLANE_CLEANUP struct plane a = spread(rg, weight, GRID / 10.0f), b = spread(bg, weight, GRID / 10.0f);
    double sum = 0, total = 1e-6;
    for (size_t i = 0, n = plane_n(weight); i < n; i++) {
        sum += (double)(weight->px[i] * (a.px[i] * a.px[i] + b.px[i] * b.px[i]));
        total += (double)weight->px[i];
    }
    return smoothf(0.28f, 0.50f, (float)sqrt(sum / total));
}

void cast_even(struct pic *srgb, const struct plane *skin, float head_px) {
    float k = GRID / head_px;
    int w = clampi((int)((float)skin->w * k), 4, 512), h = clampi((int)((float)skin->h * k), 4, 512);
    PIC_CLEANUP struct pic small = pic_resize(srgb, w, h, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane weight = plane_resize(skin, w, h, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane cast_rg = plane_new(w, h), cast_bg = plane_new(w, h);
    double mean[2] = { 0 }, total = 0;
    pic_to_linear(&small);
    for (size_t i = 0, n = plane_n(&weight); i < n; i++) {
        float c[3] = { small.c[0].px[i], small.c[1].px[i], small.c[2].px[i] }, both[2];
        float l = luma(c[0], c[1], c[2]);
        ratios(c, both);
        /* Deep shadows are redder by nature and highlights have no colour: neither speaks for the light. */
        weight.px[i] =
            smoothf(0.3f, 0.8f, weight.px[i]) * smoothf(0.008f, 0.05f, l) * smoothf(1.0f, 0.85f, fminf(c[0], fminf(c[1], c[2])));
        cast_rg.px[i] = both[CAST_RG];
        cast_bg.px[i] = both[CAST_BG];
        total += (double)weight.px[i];
        mean[CAST_RG] += (double)(weight.px[i] * both[CAST_RG]);
        mean[CAST_BG] += (double)(weight.px[i] * both[CAST_BG]);
    }
    if (total < 4)
        return;
    /* What all the skin has in common is left to the white balance; places that differ from it are brought to it. */
    for (size_t i = 0, n = plane_n(&weight); i < n; i++) {
        cast_rg.px[i] -= (float)(mean[CAST_RG] / total);
        cast_bg.px[i] -= (float)(mean[CAST_BG] / total);
    }
    float uneven = unevenness(&cast_rg, &cast_bg, &weight);
    if (uneven <= 0)
        return;
    PLANE_CLEANUP struct plane rg = spread(&cast_rg, &weight, 1.8f), bg = spread(&cast_bg, &weight, 1.8f);
    for (size_t i = 0, n = plane_n(&rg); i < n; i++) {
        float strength = 0.93f * uneven * smoothf(0.10f, 0.30f, hypotf(rg.px[i], bg.px[i]));
        rg.px[i] *= strength;
        bg.px[i] *= strength;
    }
    PLANE_CLEANUP struct plane wide_rg = plane_resize(&rg, skin->w, skin->h, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane wide_bg = plane_resize(&bg, skin->w, skin->h, RESAMPLE_AREA);
    pic_to_linear(srgb);
    for (size_t i = 0, n = plane_n(skin); i < n; i++) {
        float r = srgb->c[0].px[i], g = srgb->c[1].px[i], b = srgb->c[2].px[i];
        float r2 = r * expf(-wide_rg.px[i]), b2 = b * expf(-wide_bg.px[i]);
        float same = luma(r, g, b) / fmaxf(luma(r2, g, b2), 1e-5f); /* as bright as before */
        srgb->c[0].px[i] = r2 * same;
        srgb->c[1].px[i] = g * same;
        srgb->c[2].px[i] = b2 * same;
    }
    pic_to_srgb(srgb);
}
