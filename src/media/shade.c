#include "media/shade.h"

#include <math.h>
#include <string.h>

#include "media/filter.h"

enum { GRID = 32 }; /* px per head of the fields */
enum { LUMA, RG, BG, FIELDS };

/* How far a field must stray before it is light rather than a face's own relief and make-up, and how much of the rest is taken. */
static const float slack[FIELDS] = { 0.12f, 0.06f, 0.06f }, taken[FIELDS] = { 0.60f, 0.85f, 0.85f };
static const float sigma_of[FIELDS] = { 0.20f * GRID, 0.055f * GRID, 0.055f * GRID };

/* The unit made small, and what is known of it there. */
struct sketch {
    int w, h;
    float k; /* px here per px of the unit */
    struct pic linear;
    struct plane body, weight, value[FIELDS]; /* whole alpha; how surely skin; how far from its person's mean */
};

static void sketch_done(struct sketch *s) {
    pic_done(&s->linear);
    plane_done(&s->body);
    plane_done(&s->weight);
    for (int f = 0; f < FIELDS; f++)
        plane_done(&s->value[f]);
}

static void logs_of(const struct sketch *s, size_t i, float ret[FIELDS]) {
    float r = fmaxf(s->linear.c[0].px[i], 1e-4f), g = fmaxf(s->linear.c[1].px[i], 1e-4f), b = fmaxf(s->linear.c[2].px[i], 1e-4f);
    ret[LUMA] = logf(luma(r, g, b));
    ret[RG] = logf(r / g);
    ret[BG] = logf(b / g);
}

/* 1 in the middle of the oval of a face, 0 outside of it. at: px of the sketch. */
static float oval(const struct layer_facts *f, float kx, float x0, float y0, float x, float y) {
    float cx = x0 + kx * (f->face[0] + f->face[2]) / 2, cy = y0 + kx * (f->face[1] + f->face[3]) / 2;
    float rx = kx * fmaxf(f->face[2] - f->face[0], 1) / 2, ry = kx * fmaxf(f->face[3] - f->face[1], 1) / 2;
    return smoothf(1.05f, 0.8f, hypotf((x - cx) / rx, (y - cy) / ry));
}

/* 1 in the eyes, whose white and iris are no skin: what their surroundings say holds for them too. */
static float eyes(const struct layer_facts *f, float head, float ex, float ey, float x, float y) {
    float a = f->roll_deg * 0.0174533f, u = ((x - ex) * cosf(a) + (y - ey) * sinf(a)) / head, v = ((y - ey) * cosf(a) - (x - ex) * sinf(a)) / head;
    return smoothf(1.3f, 0.9f, hypotf((fabsf(u) - 0.145f) / 0.085f, v / 0.05f));
}

/* Adds one person's skin. Hair over the face is much darker than the face, highlights burnt to white say nothing of colour. */
static void add_person(struct sketch *s, const struct unit *u, int who, const struct layer_facts *f) {
    float kx = u->k[who] * s->k, x0 = u->x[who] * s->k, y0 = u->y[who] * s->k, head = f->head_px * kx;
    float ex = x0 + kx * f->eye_x, ey = y0 + kx * f->eye_y;
    PLANE_CLEANUP struct plane face = plane_new(s->w, s->h);
    double mean[FIELDS] = { 0 }, total = 1e-6;
    float usual[FIELDS] = { logf(fmaxf(luma(f->skin[0], f->skin[1], f->skin[2]), 1e-4f)) };
    for (int pass = 0; pass < 2; pass++) {
        memset(mean, 0, sizeof mean);
        total = 1e-6;
        for (int y = 0; y < s->h; y++)
            for (int x = 0; x < s->w; x++) {
                size_t i = (size_t)y * (size_t)s->w + (size_t)x;
                float v[FIELDS], o = oval(f, kx, x0, y0, (float)x + 0.5f, (float)y + 0.5f);
                if (o <= 0)
                    continue;
                logs_of(s, i, v);
                o *= 1 - eyes(f, head, ex, ey, (float)x + 0.5f, (float)y + 0.5f);
                o *= smoothf(-1.5f, -0.8f, v[LUMA] - usual[LUMA]);
                face.px[i] = o;
                for (int k = 0; k < FIELDS; k++)
                    mean[k] += (double)(o * v[k]);
                total += (double)o;
            }
        for (int k = 0; k < FIELDS; k++)
            usual[k] = (float)(mean[k] / total);
    }
    if (total < 8)
        return;
    /* Neck and shoulders: what has about this face's colour. */
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            size_t i = (size_t)y * (size_t)s->w + (size_t)x;
            float v[FIELDS], near = smoothf(1.7f, 1.0f, hypotf((float)x - ex, (float)y - ey - 0.5f * head) / head);
            if (near <= 0 && face.px[i] <= 0)
                continue;
            logs_of(s, i, v);
            float colour = hypotf(v[RG] - usual[RG], v[BG] - usual[BG]), bright = v[LUMA] - usual[LUMA];
            float like = 0.5f * near * expf(-colour * colour / 0.08f - bright * bright / 0.7f);
            float weight = fmaxf(face.px[i], like);
            if (weight <= s->weight.px[i])
                continue;
            s->weight.px[i] = weight;
            for (int k = 0; k < FIELDS; k++)
                s->value[k].px[i] = clampf(v[k] - usual[k], -1.2f, 1.2f);
        }
}

static struct sketch sketch_of(const struct unit *u, const struct layer *layers) {
    struct sketch s = { .k = GRID / u->head_px };
    s.w = clampi((int)lroundf((float)u->alpha.w * s.k), 4, 512);
    s.h = clampi((int)lroundf((float)u->alpha.h * s.k), 4, 512);
    s.linear = pic_resize(&u->rgb, s.w, s.h, RESAMPLE_AREA);
    pic_to_linear(&s.linear);
    s.weight = plane_new(s.w, s.h);
    for (int k = 0; k < FIELDS; k++)
        s.value[k] = plane_new(s.w, s.h);
    for (int i = 0; i < u->n; i++)
        add_person(&s, u, i, &layers[u->who[i]].f);
    s.body = plane_resize(&u->alpha, s.w, s.h, RESAMPLE_AREA);
    for (size_t i = 0, n = plane_n(&s.body); i < n; i++)
        s.weight.px[i] *= smoothf(0.5f, 0.95f, s.body.px[i]);
    return s;
}

/* The coarse field of one value, fading to nothing away from skin. */
static struct plane field_of(const struct sketch *s, int k) {
    struct plane sum = plane_new(s->w, s->h);
    PLANE_CLEANUP struct plane near = plane_copy(&s->weight);
    for (size_t i = 0, n = plane_n(&sum); i < n; i++)
        sum.px[i] = s->weight.px[i] * s->value[k].px[i];
    plane_gauss(&sum, sigma_of[k]);
    plane_gauss(&near, sigma_of[k]);
    for (size_t i = 0, n = plane_n(&sum); i < n; i++)
        sum.px[i] = sum.px[i] / fmaxf(near.px[i], 1e-4f) * smoothf(0.01f, 0.30f, near.px[i]);
    return sum;
}

/* What is measured on one face with the fields as they are. */
static void measure(const struct sketch *s, const struct plane field[FIELDS], const struct unit *u, int who,
                    const struct layer_facts *f, struct shade_face *ret) {
    float kx = u->k[who] * s->k, x0 = u->x[who] * s->k, y0 = u->y[who] * s->k;
    float cx = x0 + kx * (f->face[0] + f->face[2]) / 2, cy = y0 + kx * (f->face[1] + f->face[3]) / 2;
    double total = 1e-6, square = 0, skin[3] = { 0 }, side[2] = { 0 };
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            size_t i = (size_t)y * (size_t)s->w + (size_t)x;
            float o = oval(f, kx, x0, y0, (float)x + 0.5f, (float)y + 0.5f) * s->weight.px[i];
            if (o <= 0)
                continue;
            total += (double)o;
            for (int k = 0; k < FIELDS; k++)
                square += (double)(o * field[k].px[i] * field[k].px[i] * (k == LUMA ? 0.6f : 2.5f));
            for (int c = 0; c < 3; c++)
                skin[c] += (double)(o * s->linear.c[c].px[i]);
            side[0] += (double)(o * field[LUMA].px[i] * ((float)x + 0.5f - cx));
            side[1] += (double)(o * field[LUMA].px[i] * ((float)y + 0.5f - cy));
        }
    ret->uneven = (float)sqrt(square / total);
    float head = f->head_px * kx;
    ret->light_x = clampf((float)(side[0] / total) / (0.06f * head), -1, 1); /* a plane of slope a over the oval gives about 0.06 a */
    ret->light_y = clampf((float)(side[1] / total) / (0.10f * head), -1, 1);
    if (total < 4)
        memcpy(ret->skin, f->skin, sizeof ret->skin);
    for (int c = 0; c < 3 && total >= 4; c++)
        ret->skin[c] = fmaxf((float)(skin[c] / total), 1e-4f);
}

/* ---- haze ---- */

/*
 * The veil is what even the darkest things of a head (pupils, nostrils, the depth of the hair) are lifted by: their share of
 * light beyond what black hair has anyway. The darkest channel speaks for all three: taking more off one would tint what is black.
 */
static void lift_veil(struct unit *u, const struct layer *layers, struct sketch *s, float strength) {
    enum { BINS = 256 };
    unsigned count[BINS] = { 0 }, all = 0, seen = 0;
    for (int q = 0; q < u->n; q++) {
        const struct layer_facts *f = &layers[u->who[q]].f;
        float kx = u->k[q] * s->k;
        struct box b = box_around((struct rectf){ u->x[q] * s->k + kx * (f->eye_x - 0.6f * f->head_px), u->y[q] * s->k + kx * f->crown_y,
                                                  u->x[q] * s->k + kx * (f->eye_x + 0.6f * f->head_px), u->y[q] * s->k + kx * f->chin_y },
                                  s->w, s->h);
        for (int y = b.y0; y < b.y1; y++)
            for (int x = b.x0; x < b.x1; x++) {
                size_t i = (size_t)y * (size_t)s->w + (size_t)x;
                if (s->body.px[i] < 0.99f)
                    continue; /* beyond the outline nothing is known */
                float least = fminf(s->linear.c[0].px[i], fminf(s->linear.c[1].px[i], s->linear.c[2].px[i]));
                count[clampi((int)(least * 4 * BINS), 0, BINS - 1)]++;
                all++;
            }
    }
    int bin = 0;
    while (bin < BINS - 1 && (seen += count[bin]) <= all / 50)
        bin++;
    float veil = strength * clampf(0.8f * ((float)bin / (4 * BINS) - 0.010f), 0, 0.06f);
    if (veil <= 0)
        return;
    pic_to_linear(&u->rgb);
    for (int c = 0; c < 3; c++) {
        struct plane *const both[2] = { &u->rgb.c[c], &s->linear.c[c] };
        for (int k = 0; k < 2; k++)
            for (size_t i = 0, n = plane_n(both[k]); i < n; i++)
                both[k]->px[i] = fmaxf(0, both[k]->px[i] - veil) / (1 - veil);
    }
    pic_to_srgb(&u->rgb);
}

/* ---- whole ---- */

static void apply(struct pic *linear, const struct plane gain[FIELDS]) {
    for (size_t i = 0, n = plane_n(&linear->c[0]); i < n; i++) {
        float r = linear->c[0].px[i], g = linear->c[1].px[i], b = linear->c[2].px[i];
        float r2 = r * expf(gain[RG].px[i]), b2 = b * expf(gain[BG].px[i]);
        float same = luma(r, g, b) / fmaxf(luma(r2, g, b2), 1e-5f) * expf(gain[LUMA].px[i]);
        linear->c[0].px[i] = r2 * same;
        linear->c[1].px[i] = g * same;
        linear->c[2].px[i] = b2 * same;
    }
}

void shade_even(struct unit *u, const struct layer *layers, float strength, struct shade_face ret_faces[VISION_PEOPLE_MAX]) {
    struct sketch s = sketch_of(u, layers);
    struct plane field[FIELDS], gain[FIELDS], wide[FIELDS];
    for (int k = 0; k < FIELDS; k++)
        field[k] = field_of(&s, k);
    for (int i = 0; i < u->n; i++) {
        measure(&s, field, u, i, &layers[u->who[i]].f, &ret_faces[i]);
        ret_faces[i].uneven_before = ret_faces[i].uneven;
    }
    if (strength > 0) {
        lift_veil(u, layers, &s, strength);
        for (int k = 0; k < FIELDS; k++) {
            gain[k] = plane_new(s.w, s.h);
            for (size_t i = 0, n = plane_n(&gain[k]); i < n; i++) {
                float v = field[k].px[i], beyond = fmaxf(fabsf(v) - slack[k], 0), sign = v > 0 ? 1 : -1;
                gain[k].px[i] = -fminf(strength * taken[k], 0.95f) * sign * fminf(beyond, 0.8f);
                field[k].px[i] += gain[k].px[i];
            }
            wide[k] = plane_resize(&gain[k], u->alpha.w, u->alpha.h, RESAMPLE_AREA);
        }
        apply(&s.linear, gain);
        pic_to_linear(&u->rgb);
        apply(&u->rgb, wide);
        pic_to_srgb(&u->rgb);
        for (int i = 0; i < u->n; i++)
            measure(&s, field, u, i, &layers[u->who[i]].f, &ret_faces[i]);
        for (int k = 0; k < FIELDS; k++) {
            plane_done(&gain[k]);
            plane_done(&wide[k]);
        }
    }
    for (int k = 0; k < FIELDS; k++)
        plane_done(&field[k]);
    sketch_done(&s);
}
