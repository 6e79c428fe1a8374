#include "media/light.h"

#include <math.h>
#include <string.h>

#include "media/cast.h"
#include "media/dice.h"
#include "media/filter.h"

/* ---- plans ---- */

static void tint_of(const struct scene *s, float ret_tint[3]) {
    float mean = 0;
    for (int c = 0; c < 3; c++) {
        float light = (s->key.colour[c] * s->key.strength + s->fill.colour[c] * s->fill.strength) /
                      fmaxf(s->key.strength + s->fill.strength, 1e-3f);
        ret_tint[c] = powf(fmaxf(light, 0.05f), s->warmth);
        mean += ret_tint[c] * (c == 0 ? 0.2126f : c == 1 ? 0.7152f : 0.0722f);
    }
    for (int c = 0; c < 3; c++)
        ret_tint[c] /= fmaxf(mean, 1e-3f);
}

static float skin_luma(const struct layer_facts *f) {
    return fmaxf(luma(f->skin[0], f->skin[1], f->skin[2]), 0.004f);
}

static struct light_plan plan_one(const struct layer_facts *f, const struct scene *s, const float tint[3], float usual,
                                  float strength) {
    struct light_plan p = { .before = skin_luma(f) };
    cast_of_skin(f->skin, p.cast_before);
    /* Exposure: half of what sets this skin apart from the others' is the person, half is the photo. */
    float own = strength > 1 ? 0.45f / (1 + 2 * (strength - 1)) : 0.45f;
    float target = s->face * powf(p.before / usual, own), ev = clampf(logf(target / p.before), -1.0f, 0.95f);
    float white = strength > 1 ? 1 : 0.9f;
    float wb[3] = { expf(-white * p.cast_before[CAST_RG]), 1, expf(-white * p.cast_before[CAST_BG]) };
    /* Beyond this a channel holds more noise than colour. */
    for (int c = 0; c < 3; c++)
        wb[c] = clampf(wb[c], strength > 1 ? 0.4f : 0.55f, strength > 1 ? 2.5f : 1.9f);
    if (strength > 1)
        strength = 1;
    float seen = luma(f->skin[0] * wb[0], f->skin[1] * wb[1], f->skin[2] * wb[2]);
    for (int c = 0; c < 3; c++)
        p.gain[c] = expf(strength * logf(wb[c] * p.before / fmaxf(seen, 1e-4f) * tint[c] * expf(ev)));
    float lit[3];
    for (int c = 0; c < 3; c++)
        lit[c] = f->skin[c] * p.gain[c];
    p.after = luma(lit[0], lit[1], lit[2]);
    for (int c = 0; c < 3; c++)
        lit[c] /= tint[c];
    cast_of_skin(lit, p.cast_after);
    /* A soft key at 45 degrees brightens the near side by about a third of the mean. */
    float contrast = 0.35f * s->key.strength / (s->key.strength + s->fill.strength);
    p.lean_x = strength * clampf(0.55f * (contrast * s->key.dir[0] * 1.6f - f->light_x), -0.30f, 0.30f);
    p.lean_y = strength * clampf(0.25f * (-contrast * s->key.dir[1] - f->light_y), -0.10f, 0.10f);
    return p;
}

void light_plan(const struct layer_facts *const facts[], const int group[], int n, const struct scene *s, float strength,
                struct light_plan ret_plan[]) {
    float tint[3], mean = 0;
    tint_of(s, tint);
    for (int i = 0; i < n; i++)
        mean += logf(skin_luma(facts[i])) / (float)n;
    /* A family of dark skin is not to be bleached to the mean of the world, nor a badly exposed one kept dark. */
    float usual = expf(mixf(mean, logf(0.26f), 0.4f));
    struct light_plan own[VISION_PEOPLE_MAX];
    for (int i = 0; i < n; i++)
        own[i] = plan_one(facts[i], s, tint, usual, strength);
    for (int i = 0; i < n; i++) {
        ret_plan[i] = own[i];
        float log_gain[3] = { 0 }, lean = 0, members = 0;
        for (int j = 0; j < n; j++) {
            if (group[j] != group[i])
                continue;
            for (int c = 0; c < 3; c++)
                log_gain[c] += logf(own[j].gain[c]);
            lean += own[j].lean_y;
            members++;
        }
        if (members < 2)
            continue;
        float lit[3];
        for (int c = 0; c < 3; c++) {
            ret_plan[i].gain[c] = expf(log_gain[c] / members);
            lit[c] = facts[i]->skin[c] * ret_plan[i].gain[c];
        }
        ret_plan[i].after = luma(lit[0], lit[1], lit[2]);
        for (int c = 0; c < 3; c++)
            lit[c] /= tint[c];
        cast_of_skin(lit, ret_plan[i].cast_after);
        ret_plan[i].lean_x = 0; /* one field of light for all of them: none across */
        ret_plan[i].lean_y = lean / members;
    }
}

void light_apply(struct pic *srgb, const struct light_plan *p, float eye_x, float eye_y, float head_px) {
    pic_to_linear(srgb);
    int w = pic_w(srgb), h = pic_h(srgb);
    for (int y = 0; y < h; y++) {
        float v = ((float)y + 0.5f - eye_y) / head_px, half = mixf(0.45f, 1.0f, smoothf(0.5f, 1.2f, v));
        float down = p->lean_y * clampf(v, -0.6f, 1.5f);
        float *r = plane_row(&srgb->c[0], y), *g = plane_row(&srgb->c[1], y), *b = plane_row(&srgb->c[2], y);
        for (int x = 0; x < w; x++) {
            float u = ((float)x + 0.5f - eye_x) / (head_px * half), side = u / sqrtf(1 + u * u);
            float k = expf(p->lean_x * side + down);
            float *const px[3] = { r + x, g + x, b + x };
            for (int c = 0; c < 3; c++) {
                float q = *px[c] * p->gain[c] * k;
                /* A shoulder instead of clipping: white shirts keep their folds. */
                *px[c] = q > 0.7f ? 0.7f + 0.3f * (1 - expf((0.7f - q) / 0.3f)) : q;
            }
        }
    }
    pic_to_srgb(srgb);
}

float light_agreement(const struct light_plan plan[], int n, float uneven) {
    float worst_cast = 0, lo = 1e9f, hi = 1e-9f;
    for (int i = 0; i < n; i++) {
        worst_cast = fmaxf(worst_cast, hypotf(plan[i].cast_after[CAST_RG], plan[i].cast_after[CAST_BG]));
        lo = fminf(lo, plan[i].after);
        hi = fmaxf(hi, plan[i].after);
    }
    float spread = logf(hi / fmaxf(lo, 1e-6f));
    return smoothf(1.1f, 0.12f, worst_cast) * mixf(0.6f, 1, smoothf(1.6f, 0.5f, spread)) * mixf(0.55f, 1, smoothf(1.0f, 0.2f, uneven));
}

/* ---- grade ---- */

static void bloom(struct pic *p, float amount) {
    float sigma = 0.016f * (float)pic_w(p);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane bright = plane_copy(&p->c[c]);
        for (size_t i = 0, n = plane_n(&bright); i < n; i++)
            bright.px[i] = fmaxf(0, bright.px[i] - 0.55f);
        PLANE_CLEANUP struct plane soft = plane_gauss_far(&bright, sigma);
        for (size_t i = 0, n = plane_n(&soft); i < n; i++)
            p->c[c].px[i] += amount * soft.px[i];
    }
}

/* Grain like film's: strongest in the middle tones, a little larger than a pixel. */
static void add_grain(struct pic *srgb, float sigma, uint64_t seed) {
    struct dice d = { seed ^ 0x6772616975u };
    PLANE_CLEANUP struct plane g = plane_new(pic_w(srgb), pic_h(srgb));
    for (size_t i = 0, n = plane_n(&g); i < n; i++) {
        uint64_t z = dice_next(&d); /* four 16-bit uniforms make one near-normal */
        float s = (float)(z & 0xffff) + (float)((z >> 16) & 0xffff) + (float)((z >> 32) & 0xffff) + (float)(z >> 48);
        g.px[i] = (s / 65536 - 2) * 1.7320508f;
    }
    plane_gauss(&g, 0.6f);
    sigma *= 1.6f; /* what the blur takes away */
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&g); i < n; i++) {
            float v = srgb->c[c].px[i];
            srgb->c[c].px[i] = clampf(v + sigma * g.px[i] * (0.5f + 2 * v * (1 - v)), 0, 1);
        }
}

void light_grade(struct pic *linear, const struct grade *g, uint64_t seed) {
    if (g->glow > 0)
        bloom(linear, g->glow);
    int w = pic_w(linear), h = pic_h(linear);
    float gain[3] = { exp2f(g->exposure) * (1 + 0.10f * g->warm), exp2f(g->exposure),
                      exp2f(g->exposure) * (1 - 0.12f * g->warm) };
    for (int y = 0; y < h; y++) {
        float dy = ((float)y + 0.5f) / (float)h - 0.48f;
        float *r = plane_row(&linear->c[0], y), *gr = plane_row(&linear->c[1], y), *b = plane_row(&linear->c[2], y);
        for (int x = 0; x < w; x++) {
            float dx = ((float)x + 0.5f) / (float)w - 0.5f, d2 = (dx * dx + dy * dy) * 2;
            float dark = 1 - g->vignette * d2 * d2 * 1.2f - 0.25f * g->vignette * d2;
            r[x] *= gain[0] * dark;
            gr[x] *= gain[1] * dark;
            b[x] *= gain[2] * dark;
            float l = luma(r[x], gr[x], b[x]), s = 1 + g->saturation;
            r[x] = fmaxf(0, l + (r[x] - l) * s);
            gr[x] = fmaxf(0, l + (gr[x] - l) * s);
            b[x] = fmaxf(0, l + (b[x] - l) * s);
        }
    }
    pic_to_srgb(linear);
    /* An S around middle grey in the coded values, and faded blacks. */
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&linear->c[c]); i < n; i++) {
            float v = linear->c[c].px[i];
            v += g->contrast * 1.2f * (v - 0.46f) * v * (1 - v) * 2;
            linear->c[c].px[i] = clampf(mixf(v, 0.06f + 0.94f * v, g->fade), 0, 1);
        }
    if (g->grain > 0)
        add_grain(linear, g->grain, seed);
}
