#include "media/cutout.h"

#include <math.h>
#include <string.h>

#include "media/filter.h"
#include "media/studio_ops.h"

static const char magic[8] = "ZTLAYR1";

/* ---- colour under the edge ---- */

/* One pass: local means of foreground and background colour, then the pixel's own difference given to the foreground by its
 * share. */
static void fusion_pass(struct pic *fg, struct pic *bg, const struct pic *rgb, const struct plane *alpha, int r) {
    size_t n = plane_n(alpha);
    PLANE_CLEANUP struct plane wf = plane_copy(alpha), wb = plane_new(alpha->w, alpha->h);
    for (size_t i = 0; i < n; i++)
        wb.px[i] = 1 - alpha->px[i];
    plane_box(&wf, r);
    plane_box(&wb, r);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane mf = plane_new(alpha->w, alpha->h), mb = plane_new(alpha->w, alpha->h);
        float *f = fg->c[c].px, *b = bg->c[c].px;
        const float *p = rgb->c[c].px;
        for (size_t i = 0; i < n; i++) {
            mf.px[i] = f[i] * alpha->px[i];
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

/* ---- facts ---- */

static float to_layer_x(const struct segment *s, float x) {
    return (x - s->roi.x0) * s->scale;
}
static float to_layer_y(const struct segment *s, float y) {
    return (y - s->roi.y0) * s->scale;
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

/*
 * First order fit of the face's brightness over its shape: luminance = a + b nx + c ny with (nx, ny) the direction a point of the
 * mesh faces, taken from the middle of the head. b / a and c / a say from where the light comes.
 */
static void measure_light(const struct segment *s, const struct face *f, struct layer_facts *out) {
    double ata[3][3] = { { 0 } }, atb[3] = { 0 };
    float mid[3];
    for (int k = 0; k < 3; k++)
        mid[k] = (f->point[FACE_SIDE_L][k] + f->point[FACE_SIDE_R][k]) / 2;
    float usual = luma(out->skin[0], out->skin[1], out->skin[2]);
    for (int i = 0; i < 468; i++) {
        float x = to_layer_x(s, f->point[i][0]), y = to_layer_y(s, f->point[i][1]);
        if (plane_at(&s->part[PART_FACE], x, y) < 0.8f || plane_at(&s->alpha, x, y) < 0.9f)
            continue;
        float l = luma(srgb_to_linear(plane_at(&s->rgb.c[0], x, y)), srgb_to_linear(plane_at(&s->rgb.c[1], x, y)),
                       srgb_to_linear(plane_at(&s->rgb.c[2], x, y)));
        if (l < 0.35f * usual || l > 2.5f * usual) /* brows, nostrils, highlights */
            continue;
        float d[3] = { f->point[i][0] - mid[0], f->point[i][1] - mid[1], f->point[i][2] - mid[2] };
        float len = sqrtf(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) + 1e-6f;
        double row[3] = { 1, (double)(d[0] / len), (double)(d[1] / len) };
        for (int a = 0; a < 3; a++) {
            atb[a] += row[a] * (double)l;
            for (int b = 0; b < 3; b++)
                ata[a][b] += row[a] * row[b];
        }
    }
    double det = ata[0][0] * (ata[1][1] * ata[2][2] - ata[1][2] * ata[2][1]) -
                 ata[0][1] * (ata[1][0] * ata[2][2] - ata[1][2] * ata[2][0]) +
                 ata[0][2] * (ata[1][0] * ata[2][1] - ata[1][1] * ata[2][0]);
    if (ata[0][0] < 60 || fabs(det) < 1e-3)
        return;
    double sol[3];
    for (int k = 0; k < 3; k++) { /* Cramer */
        double m[3][3];
        memcpy(m, ata, sizeof m);
        for (int a = 0; a < 3; a++)
            m[a][k] = atb[a];
        sol[k] = (m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                  m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])) /
                 det;
    }
    if (sol[0] <= 1e-4)
        return;
    out->light_x = clampf((float)(sol[1] / sol[0]), -1, 1);
    out->light_y = clampf((float)(sol[2] / sol[0]), -1, 1);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Mean of the middle half of the face's skin by luminance, and its grain. */
static void measure_skin(const struct segment *s, const struct face *f, struct layer_facts *out) {
    struct rectf fr = { to_layer_x(s, f->box.x0), to_layer_y(s, f->box.y0), to_layer_x(s, f->box.x1), to_layer_y(s, f->box.y1) };
    struct box b = box_around(fr, s->alpha.w, s->alpha.h);
    size_t room = (size_t)box_w(b) * (size_t)box_h(b), n = 0;
    float *l = malloc(sizeof(float) * (room + 1)), *grain = malloc(sizeof(float) * (room + 1));
    if (!l || !grain)
        abort();
    for (int pass = 0; pass < 2; pass++) {
        float lo = 0, hi = 2;
        double sum[3] = { 0 }, count = 0;
        if (pass) {
            qsort(l, n, sizeof *l, by_value);
            lo = n ? l[n / 4] : 0;
            hi = n ? l[n - 1 - n / 4] : 0;
        }
        for (int y = b.y0 + 1; y < b.y1 - 1; y++)
            for (int x = b.x0 + 1; x < b.x1 - 1; x++) {
                if (plane_row(&s->part[PART_FACE], y)[x] < 0.9f || plane_row(&s->alpha, y)[x] < 0.95f)
                    continue;
                float c[3];
                for (int k = 0; k < 3; k++)
                    c[k] = srgb_to_linear(plane_row(&s->rgb.c[k], y)[x]);
                float v = luma(c[0], c[1], c[2]);
                const float *g = plane_row(&s->rgb.c[1], y) + x;
                if (!pass) {
                    grain[n] = fabsf(g[0] - (g[-1] + g[1] + g[-s->alpha.w] + g[s->alpha.w]) / 4);
                    l[n++] = v;
                } else if (v >= lo && v <= hi) {
                    for (int k = 0; k < 3; k++)
                        sum[k] += (double)c[k];
                    count++;
                }
            }
        for (int k = 0; pass && k < 3; k++)
            out->skin[k] = count > 0 ? (float)(sum[k] / count) : 0.3f;
    }
    qsort(grain, n, sizeof *grain, by_value);
    out->noise = n ? clampf(1.4826f * grain[n / 2] / 1.118f, 0, 0.2f) : 0;
    free(l);
    free(grain);
}

static void measure_range(const struct segment *s, struct layer_facts *out) {
    enum { BINS = 512 };
    int hist[BINS] = { 0 }, total = 0;
    for (size_t i = 0, n = plane_n(&s->alpha); i < n; i += 3)
        if (s->alpha.px[i] > 0.95f) {
            float v = luma(s->rgb.c[0].px[i], s->rgb.c[1].px[i], s->rgb.c[2].px[i]);
            hist[clampi((int)(v * BINS), 0, BINS - 1)]++;
            total++;
        }
    int lo = 0, hi = BINS - 1;
    for (int sum = hist[0]; sum < total / 50 && lo < BINS - 1; sum += hist[++lo]) {
    }
    for (int sum = hist[BINS - 1]; sum < total / 50 && hi > 0; sum += hist[--hi]) {
    }
    out->dark = srgb_to_linear((float)lo / BINS);
    out->bright = srgb_to_linear((float)hi / BINS);
}

/* First and last column of row y where the body is, searching outwards from x. */
static void extent(const struct plane *alpha, int y, int x, float *ret_x0, float *ret_x1) {
    const float *row = plane_row(alpha, clampi(y, 0, alpha->h - 1));
    int a = clampi(x, 0, alpha->w - 1), b = a;
    while (a > 0 && row[a - 1] > 0.5f)
        a--;
    while (b + 1 < alpha->w && row[b + 1] > 0.5f)
        b++;
    *ret_x0 = (float)a;
    *ret_x1 = (float)b;
}

static void measure_shape(const struct segment *s, const struct face *f, struct layer_facts *out) {
    const struct plane *a = &s->alpha;
    out->head_px = f->head_px * s->scale;
    out->photo_head_px = f->head_px;
    out->eye_x = to_layer_x(s, (f->point[FACE_IRIS_L][0] + f->point[FACE_IRIS_R][0]) / 2);
    out->eye_y = to_layer_y(s, (f->point[FACE_IRIS_L][1] + f->point[FACE_IRIS_R][1]) / 2);
    const float box[4] = { to_layer_x(s, f->box.x0), to_layer_y(s, f->box.y0), to_layer_x(s, f->box.x1),
                           to_layer_y(s, f->box.y1) };
    memcpy(out->face, box, sizeof box);
    out->chin_y = to_layer_y(s, f->point[FACE_CHIN][1]);
    /* Upwards from the forehead while there is hair, at most 0.8 heads. */
    int x = clampi((int)out->eye_x, 0, a->w - 1), y = clampi((int)to_layer_y(s, f->point[FACE_FOREHEAD][1]), 0, a->h - 1);
    int limit = y - (int)(0.8f * out->head_px);
    while (y > 0 && y > limit && plane_row(a, y - 1)[x] > 0.5f)
        y--;
    out->crown_y = (float)y;
    out->shoulder_y = clampf(out->chin_y + 0.45f * out->head_px, 0, (float)(a->h - 1));
    extent(a, (int)out->shoulder_y, x, &out->shoulder_x0, &out->shoulder_x1);
    /* The last row that holds at least a third of a head of body. */
    int bottom = a->h - 1;
    for (; bottom > (int)out->chin_y; bottom--) {
        float sum = 0;
        for (int i = 0; i < a->w; i++)
            sum += plane_row(a, bottom)[i];
        if (sum > 0.33f * out->head_px)
            break;
    }
    out->bottom_y = (float)(bottom + 1);
    out->yaw_deg = f->yaw_deg;
    out->pitch_deg = f->pitch_deg;
    out->roll_deg = f->roll_deg;
    out->blur = f->blur;
}

/* ---- the cut map ---- */

static bool is_person(const struct segment *s, int x, int y) {
    return plane_row(&s->part[PART_BACKGROUND], y)[x] < 0.5f;
}

/* Why the outline runs through pixel (x, y) of the body: 255 the photo ends, 90 another person, 0 it is the body's own. */
static int cut_at(const struct segment *s, const bool edge[4], int x, int y) {
    const struct plane *a = &s->alpha;
    if ((x < 2 && edge[0]) || (y < 2 && edge[1]) || (x >= a->w - 2 && edge[2]) || (y >= a->h - 2 && edge[3]))
        return 255;
    static const int dx[4] = { 3, -3, 0, 0 }, dy[4] = { 0, 0, 3, -3 };
    for (int k = 0; k < 4; k++) {
        int nx = x + dx[k], ny = y + dy[k];
        if (nx < 0 || ny < 0 || nx >= a->w || ny >= a->h)
            continue;
        if (plane_row(a, ny)[nx] < 0.4f && plane_row(&s->mine, ny)[nx] < 0.4f && is_person(s, nx, ny))
            return 90;
    }
    return 0;
}

static struct plane cut_map(const struct segment *s) {
    /* Every border of the region cuts: either the photo ends there or we stopped looking. */
    const bool edge[4] = { true, true, true, true };
    int w = (s->alpha.w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL, h = (s->alpha.h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    struct plane map = plane_new(w, h);
    for (int y = 0; y < s->alpha.h; y++)
        for (int x = 0; x < s->alpha.w; x++) {
            if (plane_row(&s->alpha, y)[x] < 0.5f)
                continue;
            float *cell = plane_row(&map, y / LAYER_CUT_CELL) + x / LAYER_CUT_CELL;
            *cell = fmaxf(*cell, (float)cut_at(s, edge, x, y));
        }
    return map;
}

static void eyes_of(const struct face *f, float at[2]) {
    for (int k = 0; k < 2; k++)
        at[k] = (f->point[FACE_IRIS_L][k] + f->point[FACE_IRIS_R][k]) / 2;
}

/* Who of the others is nearest to a point of the photo; bodies hang below heads, so sideways counts more. */
static int nearest_other(const struct face *faces, int n, int who, float x, float y) {
    int best = -1;
    float least = 1e30f;
    for (int i = 0; i < n; i++) {
        float at[2];
        eyes_of(&faces[i], at);
        float dx = x - at[0], dy = 0.4f * (y - at[1]), d = dx * dx + dy * dy;
        if (i != who && d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

/* Who stands so close in the photo that the two belong together: the border shared with them, in heads. */
static void measure_neighbours(const struct segment *s, const struct face *faces, int n, int who, const struct plane *cut,
                               struct layer_facts *out) {
    float contact[FACE_FOUND_MAX] = { 0 };
    for (int y = 0; y < cut->h; y++)
        for (int x = 0; x < cut->w; x++) {
            if (plane_row(cut, y)[x] != 90)
                continue;
            int i = nearest_other(faces, n, who, (float)x * LAYER_CUT_CELL / s->scale + s->roi.x0,
                                  (float)y * LAYER_CUT_CELL / s->scale + s->roi.y0);
            if (i >= 0)
                contact[i] += LAYER_CUT_CELL / out->head_px;
        }
    for (int i = 0; i < n && out->n_neighbours < LAYER_NEIGHBOURS_MAX; i++) {
        if (contact[i] <= 0)
            continue;
        float *slot = out->neighbour[out->n_neighbours++];
        eyes_of(&faces[i], slot);
        slot[2] = contact[i];
    }
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

static void shift_facts(struct layer_facts *f, struct box b) {
    float dx = (float)b.x0, dy = (float)b.y0;
    f->w = box_w(b);
    f->h = box_h(b);
    f->photo_x += dx / f->photo_scale;
    f->photo_y += dy / f->photo_scale;
    f->eye_x -= dx;
    f->eye_y -= dy;
    for (int k = 0; k < 4; k++)
        f->face[k] -= k % 2 ? dy : dx;
    f->crown_y -= dy;
    f->chin_y -= dy;
    f->shoulder_x0 -= dx;
    f->shoulder_x1 -= dx;
    f->shoulder_y -= dy;
    f->bottom_y = fminf(f->bottom_y - dy, (float)f->h);
}

static void write_blob(const struct segment *s, const struct layer_facts *facts, const struct plane *cut, struct box b,
                       struct buf *out) {
    buf_add(out, facts, sizeof *facts);
    size_t row_bytes = (size_t)facts->w * 4;
    for (int y = b.y0; y < b.y1; y++) {
        uint8_t *d = (uint8_t *)buf_reserve(out, row_bytes);
        if (!d)
            return;
        for (int x = b.x0; x < b.x1; x++, d += 4) {
            float a = plane_row(&s->alpha, y)[x];
            for (int c = 0; c < 3; c++)
                d[c] = a > 0 ? (uint8_t)(clampf(plane_row(&s->rgb.c[c], y)[x], 0, 1) * 255 + 0.5f) : 0;
            d[3] = (uint8_t)(clampf(a, 0, 1) * 255 + 0.5f);
        }
        buf_commit(out, row_bytes);
    }
    int cw = (facts->w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL, ch = (facts->h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    for (int y = 0; y < ch; y++)
        for (int x = 0; x < cw; x++)
            buf_add_c(out, (char)(int)plane_row(cut, b.y0 / LAYER_CUT_CELL + y)[b.x0 / LAYER_CUT_CELL + x]);
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
    struct layer_facts facts;
    memset(&facts, 0, sizeof facts); /* padding too: the same photo gives the same bytes */
    facts.photo_id = photo_id(photo);
    facts.photo_x = s.roi.x0;
    facts.photo_y = s.roi.y0;
    facts.photo_scale = s.scale;
    memcpy(facts.magic, magic, sizeof magic);
    memcpy(facts.embedding, f->embedding, sizeof facts.embedding);
    measure_shape(&s, f, &facts);
    measure_skin(&s, f, &facts);
    measure_light(&s, f, &facts);
    measure_range(&s, &facts);
    PLANE_CLEANUP struct plane cut = cut_map(&s);
    measure_neighbours(&s, faces, n, who, &cut, &facts);
    cutout_decontaminate(&s.rgb, &s.alpha, clampi((int)(0.25f * facts.head_px), 8, 120));
    struct box b = body_box(&s.alpha);
    shift_facts(&facts, b);
    write_blob(&s, &facts, &cut, b, ret_layer);
    segment_done(&s);
    return ret_layer->failed ? err_set(e, ERR_MEDIA_MEMORY, "a layer of %d x %d pixels", facts.w, facts.h) : 0;
}

static bool facts_sound(const struct layer_facts *f) {
    float side = (float)VISION_LAYER_SIDE_MAX * 4;
    const float lengths[] = { f->head_px, f->eye_x,  f->eye_y,       f->face[0],     f->face[1],    f->face[2], f->face[3],
                              f->crown_y, f->chin_y, f->shoulder_x0, f->shoulder_x1, f->shoulder_y, f->bottom_y };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (!(fabsf(lengths[i]) <= side)) /* also refuses what is not a number */
            return false;
    for (int i = 0; i < f->n_neighbours && i < LAYER_NEIGHBOURS_MAX; i++)
        if (!(fabsf(f->neighbour[i][0]) <= 40000 && fabsf(f->neighbour[i][1]) <= 40000 && f->neighbour[i][2] >= 0))
            return false;
    const float values[] = { f->skin[0], f->skin[1], f->skin[2], f->dark, f->bright, f->noise, f->blur, f->light_x, f->light_y };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!(fabsf(values[i]) <= 4))
            return false;
    for (int i = 0; i < FACE_EMBEDDING; i++)
        if (!(fabsf(f->embedding[i]) <= 1.01f))
            return false;
    return f->head_px >= 8 && f->photo_head_px >= 8 && f->photo_head_px <= 20000 && f->photo_scale > 1e-4f &&
           f->photo_scale <= 1.001f && fabsf(f->photo_x) <= 20000 && fabsf(f->photo_y) <= 20000 && fabsf(f->yaw_deg) <= 360 &&
           fabsf(f->roll_deg) <= 360 && f->face[2] > f->face[0] && f->face[3] > f->face[1] && f->eye_x >= 0 &&
           f->eye_x < (float)f->w && f->eye_y >= 0 && f->eye_y < (float)f->h && f->n_neighbours >= 0 &&
           f->n_neighbours <= LAYER_NEIGHBOURS_MAX;
}

int layer_read(struct str blob, struct layer *ret_l, struct err *e) {
    struct layer l = { 0 };
    if (blob.n < sizeof l.f)
        return err_set(e, ERR_BAD_INPUT, "a layer of %zu bytes", blob.n);
    memcpy(&l.f, blob.p, sizeof l.f);
    if (memcmp(l.f.magic, magic, sizeof magic) != 0)
        return err_set(e, ERR_BAD_INPUT, "no layer of this version");
    if (l.f.w < 1 || l.f.h < 1 || l.f.w > VISION_LAYER_SIDE_MAX || l.f.h > VISION_LAYER_SIDE_MAX || !facts_sound(&l.f))
        return err_set(e, ERR_BAD_INPUT, "a layer with impossible facts");
    l.cut_w = (l.f.w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    l.cut_h = (l.f.h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    size_t pixels = (size_t)l.f.w * (size_t)l.f.h * 4;
    if (blob.n != sizeof l.f + pixels + (size_t)l.cut_w * (size_t)l.cut_h)
        return err_set(e, ERR_BAD_INPUT, "a layer of the wrong length");
    l.rgba = (const uint8_t *)blob.p + sizeof l.f;
    l.cut = l.rgba + pixels;
    *ret_l = l;
    return 0;
}
