#include "media/facts.h"

#include <math.h>
#include <string.h>

static float to_layer_x(const struct segment *s, float x) {
    return (x - s->roi.x0) * s->scale;
}
static float to_layer_y(const struct segment *s, float y) {
    return (y - s->roi.y0) * s->scale;
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

void facts_measure(const struct segment *s, const struct face *face, struct layer_facts *f) {
    measure_shape(s, face, f);
    measure_skin(s, face, f);
    measure_light(s, face, f);
    measure_range(s, f);
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
void facts_measure_neighbours(const struct segment *s, const struct face *faces, int n, int who, const struct plane *cut,
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

/* ---- flaws ---- */

static float *cut_cell(const struct plane *cut, int x, int y) {
    return plane_row(cut, clampi(y / LAYER_CUT_CELL, 0, cut->h - 1)) + clampi(x / LAYER_CUT_CELL, 0, cut->w - 1);
}

/* The lowest row of column x where the body is, -1 for none. */
static int lowest(const struct plane *alpha, int x) {
    int y = alpha->h - 1;
    while (y >= 0 && plane_row(alpha, y)[x] < 0.5f)
        y--;
    return y;
}

void facts_measure_flaws(const struct segment *s, struct plane *cut, struct layer_facts *f) {
    const struct plane *a = &s->alpha;
    double scraps = 0, all = 1e-6;
    for (size_t i = 0, n = plane_n(a); i < n; i++) {
        all += (double)a->px[i];
        scraps += (double)(a->px[i] * smoothf(0.7f, 0.9f, s->part[PART_BACKGROUND].px[i]));
    }
    f->scraps = (float)(scraps / all);
    f->holes = clampf(s->holes, 0, 1);
    /* Feet are further down than we look: a body that ends earlier was not seen to its end. */
    int from = (int)fmaxf(f->bottom_y - 0.3f * f->head_px, f->chin_y + 0.3f * f->head_px), loose = 0;
    for (int x = 0; x < a->w; x++) {
        int y = lowest(a, x);
        loose += y >= from && y < a->h - 3 && *cut_cell(cut, x, y) < 1;
    }
    f->floating = (float)loose / f->head_px;
    if (f->floating < 0.3f) { /* a cuff, a curl */
        f->floating = 0;
        return;
    }
    for (int x = 0; x < a->w; x++) {
        int y = lowest(a, x);
        if (y >= from)
            *cut_cell(cut, x, y) = 255;
    }
}

int facts_check_body(const struct segment *s, const struct plane *cut, const struct layer_facts *f, struct err *e) {
    const struct plane *a = &s->alpha;
    if (f->floating > 0 && f->bottom_y < f->chin_y + 0.8f * f->head_px)
        return err_set(e, ERR_BODY_UNSURE, "nothing was found below the head but what hangs in mid-air");
    float middle = (f->face[0] + f->face[2]) / 2, side[2] = { 0, 0 };
    int rows = 0, y0 = (int)(f->chin_y + 0.45f * f->head_px), y1 = (int)(f->chin_y + 0.8f * f->head_px);
    bool excused[2] = { middle<0.7f * f->head_px, middle + 0.7f * f->head_px>(float) a->w };
    for (int y = y0; y < y1 && y < a->h; y++, rows++) {
        int first = 0, last = a->w - 1;
        while (first < a->w && plane_row(a, y)[first] < 0.5f)
            first++;
        while (last > 0 && plane_row(a, y)[last] < 0.5f)
            last--;
        side[0] += fmaxf(middle - (float)first, 0) / f->head_px;
        side[1] += fmaxf((float)last - middle, 0) / f->head_px;
        excused[0] |= *cut_cell(cut, first, y) > 0;
        excused[1] |= *cut_cell(cut, last, y) > 0;
    }
    if (rows < (y1 - y0) / 2 || fabsf(f->yaw_deg) > 40) /* the photo ends before, or one looks along the shoulders */
        return 0;
    for (int k = 0; k < 2; k++)
        if (side[k] < 0.22f * (float)rows && side[!k] > 0.5f * (float)rows && !excused[k])
            return err_set(e, ERR_BODY_UNSURE, "the %s shoulder is not there", k ? "right" : "left");
    return 0;
}

void facts_shift(struct layer_facts *f, struct box b) {
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
