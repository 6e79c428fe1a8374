#include "media/cutout.h"

#include <math.h>
#include <string.h>

#include "media/cast.h"
#include "media/facts.h"
#include "media/filter.h"
#include "media/studio_ops.h"

/* ---- colour under the edge ---- */

/*
 * One pass: local means of foreground and background colour, then the pixel's own difference given to the foreground by its
 * share. The foreground's mean counts solid pixels more than soft ones, which may still hold some of the old background.
 */
static void fusion_pass(struct pic *fg, struct pic *bg, const struct pic *rgb, const struct plane *alpha, int r) {
    size_t n = plane_n(alpha);
    PLANE_CLEANUP struct plane wf = plane_new(alpha->w, alpha->h), wb = plane_new(alpha->w, alpha->h);
    for (size_t i = 0; i < n; i++) {
        wf.px[i] = alpha->px[i] * alpha->px[i];
        wb.px[i] = 1 - alpha->px[i];
    }
    plane_box(&wf, r);
    plane_box(&wb, r);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane mf = plane_new(alpha->w, alpha->h), mb = plane_new(alpha->w, alpha->h);
        float *f = fg->c[c].px, *b = bg->c[c].px;
        const float *p = rgb->c[c].px;
        for (size_t i = 0; i < n; i++) {
            mf.px[i] = f[i] * alpha->px[i] * alpha->px[i];
            mb.px[i] = b[i] * (1 - alpha->px[i]);
        }
        plane_box(&mf, r);
        plane_box(&mb, r);
        for (size_t i = 0; i < n; i++) {
            float a = alpha->px[i], ff = mf.px[i] / (wf.px[i] + 1e-5f), bb = mb.px[i] / (wb.px[i] + 1e-5f);
            f[i] = clampf(ff + a * (p[i] - a * ff - (1 - a) * bb), 0, 1);
            b[i] = bb;
        }
    }
}

void cutout_decontaminate(struct pic *rgb, const struct plane *alpha, int r) {
    PIC_CLEANUP struct pic fg = pic_copy(rgb);
    PIC_CLEANUP struct pic bg = pic_copy(rgb);
    fusion_pass(&fg, &bg, rgb, alpha, r);
    fusion_pass(&fg, &bg, rgb, alpha, r / 8 > 2 ? r / 8 : 2);
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(alpha); i < n; i++)
            rgb->c[c].px[i] = alpha->px[i] > 0.995f ? rgb->c[c].px[i] : fg.c[c].px[i];
}

/* A 64-bit fingerprint of the photo (FNV-1a over its size and every 7th pixel): tells "same photo" from "another", nothing more.
 */
static uint64_t photo_id(const struct img8 *p) {
    uint64_t id = 0xcbf29ce484222325u;
    uint32_t head[2] = { (uint32_t)p->w, (uint32_t)p->h };
    for (size_t i = 0; i < sizeof head; i++)
        id = (id ^ ((const uint8_t *)head)[i]) * 0x100000001b3u;
    for (int y = 0; y < p->h; y++)
        for (int x = y % 7; x < p->w; x += 7)
            id = (id ^ p->px[(size_t)y * p->stride + (size_t)(x * p->channels)]) * 0x100000001b3u;
    return id;
}

/* ---- the cut map ---- */

static bool is_person(const struct segment *s, int x, int y) {
    return plane_row(&s->part[PART_BACKGROUND], y)[x] < 0.5f;
}

/*
 * Why the outline runs through pixel (x, y) of the body: 255 the photo ends or we cut, 90 another person, 0 it is the body's own.
 * gone: what was taken off the body here.
 */
static int cut_at(const struct segment *s, const struct plane *gone, int x, int y) {
    const struct plane *a = &s->alpha;
    /* At every border of the region either the photo ends or we stopped looking. */
    if (x < 2 || y < 2 || x >= a->w - 2 || y >= a->h - 2)
        return 255;
    static const int dx[4] = { 3, -3, 0, 0 }, dy[4] = { 0, 0, 3, -3 };
    int cut = 0;
    for (int k = 0; k < 4; k++) {
        int nx = x + dx[k], ny = y + dy[k];
        if (nx < 0 || ny < 0 || nx >= a->w || ny >= a->h)
            continue;
        if (plane_row(gone, ny)[nx] > 0.5f)
            return 255;
        if (plane_row(a, ny)[nx] < 0.4f && plane_row(&s->mine, ny)[nx] < 0.4f && is_person(s, nx, ny))
            cut = 90;
    }
    return cut;
}

static struct plane cut_map(const struct segment *s, const struct plane *gone) {
    int w = (s->alpha.w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL, h = (s->alpha.h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    struct plane map = plane_new(w, h);
    for (int y = 0; y < s->alpha.h; y++)
        for (int x = 0; x < s->alpha.w; x++) {
            if (plane_row(&s->alpha, y)[x] < 0.5f)
                continue;
            float *cell = plane_row(&map, y / LAYER_CUT_CELL) + x / LAYER_CUT_CELL;
            *cell = fmaxf(*cell, (float)cut_at(s, gone, x, y));
        }
    return map;
}

/* ---- whole ---- */

static struct box body_box(const struct plane *alpha) {
    struct box b = { alpha->w, alpha->h, 0, 0 };
    for (int y = 0; y < alpha->h; y++) {
        const float *row = plane_row(alpha, y);
        for (int x = 0; x < alpha->w; x++)
            if (row[x] > 0.02f) {
                b.x0 = x < b.x0 ? x : b.x0;
                b.x1 = x + 1 > b.x1 ? x + 1 : b.x1;
                b.y0 = y < b.y0 ? y : b.y0;
                b.y1 = y + 1;
            }
    }
    /* Whole cells of the cut map, so that it needs no resampling. */
    b.x0 -= b.x0 % LAYER_CUT_CELL;
    b.y0 -= b.y0 % LAYER_CUT_CELL;
    return b;
}

/*
 * How far aside of the head's middle a body may reach, in heads, where it would run into the photo's edge: a line that falls like
 * a sleeve, from beside the neck to an elbow at the hip. down: heads below the chin.
 */
static float arm_reach(float down) {
    return mixf(0.85f, 1.4f, smoothf(-0.6f, 0.8f, down));
}

/*
 * An arm stretched out to the photo's edge (a selfie's, mostly) ends in a hand as large as a head, out of focus. Where the matte
 * does not take it for a part of the body it goes, and what reaches beyond a sleeve's line does, softly, as if the photo ended at
 * that place. Returns what was taken off.
 */
static struct plane trim_arms(struct segment *s, const struct face *f) {
    struct body b = segment_body(s, f);
    int w = s->alpha.w, last = clampi((int)(b.chin + 0.8f * b.head), 0, s->alpha.h);
    bool touches[2] = { false, false };
    for (int y = 0; y < last; y++) {
        touches[0] |= plane_row(&s->alpha, y)[1] > 0.5f;
        touches[1] |= plane_row(&s->alpha, y)[w - 2] > 0.5f;
    }
    struct plane gone = plane_new(w, s->alpha.h);
    for (int y = 0; y < s->alpha.h; y++) {
        float *row = plane_row(&s->alpha, y), *off = plane_row(&gone, y), reach = arm_reach(((float)y - b.chin) / b.head);
        for (int x = 0; x < w; x++) {
            float aside = ((float)x + 0.5f - b.x) / b.head;
            if (!touches[aside > 0])
                continue;
            float own = fmaxf(smoothf(0.8f, 0.6f, fabsf(aside)), smoothf(0.2f, 0.7f, plane_row(&s->matte, y)[x]));
            float kept = own * smoothf(reach + 0.03f, reach - 0.03f, fabsf(aside));
            off[x] = row[x] * (1 - kept);
            row[x] *= kept;
        }
    }
    return gone;
}

/* What is this person's skin, as a probability. */
static struct plane skin_of(const struct segment *s) {
    struct plane skin = plane_copy(&s->part[PART_FACE]);
    for (size_t i = 0, n = plane_n(&skin); i < n; i++)
        skin.px[i] = clampf(skin.px[i] + s->part[PART_BODY].px[i], 0, 1) * s->alpha.px[i];
    return skin;
}

int cutout_make(const struct segment_models *seg, const struct face_models *fm, const struct img8 *photo, struct face *faces,
                int n, int who, struct buf *ret_layer, struct err *e) {
    struct face *f = &faces[who];
    int r = face_embed(fm, photo, f, e);
    if (r < 0)
        return r;
    struct segment s = { 0 };
    r = segment_person(seg, photo, faces, n, who, LAYER_HEAD_PX_MAX, VISION_LAYER_SIDE_MAX, &s, e);
    if (r < 0)
        return r;
    PLANE_CLEANUP struct plane gone = trim_arms(&s, f);
    PLANE_CLEANUP struct plane skin = skin_of(&s);
    cast_even(&s.rgb, &skin, f->head_px * s.scale);
    struct layer_facts facts;
    layer_facts_init(&facts);
    facts.photo_id = photo_id(photo);
    facts.photo_x = s.roi.x0;
    facts.photo_y = s.roi.y0;
    facts.photo_scale = s.scale;
    memcpy(facts.embedding, f->embedding, sizeof facts.embedding);
    facts_measure(&s, f, &facts);
    PLANE_CLEANUP struct plane cut = cut_map(&s, &gone);
    facts_measure_neighbours(&s, faces, n, who, &cut, &facts);
    facts_measure_flaws(&s, &cut, &facts);
    r = facts_check_body(&s, &cut, &facts, e);
    if (r < 0) {
        segment_done(&s);
        return r;
    }
    cutout_decontaminate(&s.rgb, &s.alpha, clampi((int)(0.25f * facts.head_px), 8, 120));
    struct box b = body_box(&s.alpha);
    facts_shift(&facts, b);
    layer_write(&facts, &s.rgb, &s.alpha, &cut, b, ret_layer);
    segment_done(&s);
    return ret_layer->failed ? err_set(e, ERR_MEDIA_MEMORY, "a layer of %d x %d pixels", facts.w, facts.h) : 0;
}
