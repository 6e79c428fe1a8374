#include "media/unit.h"

#include <math.h>
#include <string.h>

static void eyes_in_photo(const struct layer_facts *f, float at[2]) {
    at[0] = f->photo_x + f->eye_x / f->photo_scale;
    at[1] = f->photo_y + f->eye_y / f->photo_scale;
}

/* Does a say that it touches whoever has its eyes where b's are? */
static bool touches(const struct layer_facts *a, const struct layer_facts *b) {
    float at[2];
    eyes_in_photo(b, at);
    for (int i = 0; i < a->n_neighbours; i++) {
        float dx = a->neighbour[i][0] - at[0], dy = a->neighbour[i][1] - at[1];
        if (sqrtf(dx * dx + dy * dy) < 0.3f * b->photo_head_px && a->neighbour[i][2] > 0.5f)
            return true;
    }
    return false;
}

bool unit_together(const struct layer_facts *a, const struct layer_facts *b) {
    return a->photo_id == b->photo_id && (touches(a, b) || touches(b, a));
}

/* ---- pixels ---- */

/* The layer at k times its size, colours multiplied by alpha: four planes. */
static void layer_planes(const struct layer *l, float k, struct pic *ret_rgb, struct plane *ret_alpha) {
    struct img8 img = { l->f.w, l->f.h, 4, (size_t)l->f.w * 4, (uint8_t *)(uintptr_t)l->rgba };
    struct box all = { 0, 0, l->f.w, l->f.h };
    struct pic rgb = pic_srgb_of(&img, all);
    struct plane alpha = plane_alpha_of(&img, all);
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&alpha); i < n; i++)
            rgb.c[c].px[i] *= alpha.px[i];
    if (k < 0.999f) {
        int w = clampi((int)lroundf((float)alpha.w * k), 1, alpha.w), h = clampi((int)lroundf((float)alpha.h * k), 1, alpha.h);
        struct pic small = pic_resize(&rgb, w, h, RESAMPLE_AREA);
        struct plane a = plane_resize(&alpha, w, h, RESAMPLE_AREA);
        pic_done(&rgb);
        plane_done(&alpha);
        rgb = small;
        alpha = a;
    }
    *ret_rgb = rgb;
    *ret_alpha = alpha;
}

/* Adds src to dst at (x, y), whatever lies inside. */
static void add_at(struct plane *dst, const struct plane *src, int x, int y) {
    for (int j = 0; j < src->h; j++) {
        if (y + j < 0 || y + j >= dst->h)
            continue;
        for (int i = 0; i < src->w; i++)
            if (x + i >= 0 && x + i < dst->w)
                plane_row(dst, y + j)[x + i] += plane_row(src, j)[i];
    }
}

/*
 * All layers of the unit summed: their masks were parts of one whole, so sums, not "over", give the seams their full cover back.
 * u->alpha and u->rgb stand ready with zeros.
 */
static void merge(struct unit *u, const struct layer *layers) {
    PLANE_CLEANUP struct plane most = plane_new(u->alpha.w, u->alpha.h);
    for (int i = 0; i < u->n; i++) {
        PIC_CLEANUP struct pic rgb = { 0 };
        PLANE_CLEANUP struct plane alpha = { 0 };
        layer_planes(&layers[u->who[i]], u->k[i], &rgb, &alpha);
        int x = (int)lroundf(u->x[i]), y = (int)lroundf(u->y[i]);
        add_at(&u->alpha, &alpha, x, y);
        for (int c = 0; c < 3; c++)
            add_at(&u->rgb.c[c], &rgb.c[c], x, y);
        for (int j = 0; j < alpha.h; j++)
            for (int q = 0; q < alpha.w; q++)
                if (y + j >= 0 && y + j < most.h && x + q >= 0 && x + q < most.w) {
                    float *m = plane_row(&most, y + j) + x + q;
                    *m = fmaxf(*m, plane_row(&alpha, j)[q]);
                }
    }
    for (size_t i = 0, n = plane_n(&u->alpha); i < n; i++) {
        float sum = u->alpha.px[i], inv = sum > 1e-4f ? 1 / sum : 0;
        for (int c = 0; c < 3; c++)
            u->rgb.c[c].px[i] *= inv;
        /* Where two masks meet each lost a little to the other. */
        bool seam = sum - most.px[i] > 0.08f;
        u->alpha.px[i] = fminf(1, seam ? 1.35f * sum : sum);
    }
}

/* ---- shape ---- */

static struct arrange_head head_of(const struct unit *u, int i, const struct layer_facts *f) {
    float k = u->k[i], h = u->head_px, ex = u->x[i] + f->eye_x * k, ey = u->y[i] + f->eye_y * k;
    return (struct arrange_head){
        .x = (ex - u->eye_x) / h,
        .y = (ey - u->eye_y) / h,
        .size = f->head_px * k / h,
        .yaw_deg = f->yaw_deg,
        .up = fmaxf((f->eye_y - f->crown_y) * k / h, 0.35f * f->head_px * k / h),
        .down = fmaxf((f->chin_y - f->eye_y) * k / h, 0.1f),
        .left = fmaxf((f->eye_x - f->face[0]) * k / h, 0.1f),
        .right = fmaxf((f->face[2] - f->eye_x) * k / h, 0.1f),
    };
}

/* Where the outlines are cut, at full unit cells; a border between two members of the unit is no cut any more. */
static struct plane merged_cut(const struct unit *u, const struct layer *layers) {
    int w = (u->alpha.w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL, h = (u->alpha.h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    struct plane cut = plane_new(w, h);
    PLANE_CLEANUP struct plane body = plane_resize(&u->alpha, w, h, RESAMPLE_AREA);
    for (int i = 0; i < u->n; i++) {
        const struct layer *l = &layers[u->who[i]];
        for (int y = 0; y < l->cut_h; y++)
            for (int x = 0; x < l->cut_w; x++) {
                uint8_t v = l->cut[y * l->cut_w + x];
                int cx = (int)((u->x[i] + ((float)x + 0.5f) * LAYER_CUT_CELL * u->k[i]) / LAYER_CUT_CELL);
                int cy = (int)((u->y[i] + ((float)y + 0.5f) * LAYER_CUT_CELL * u->k[i]) / LAYER_CUT_CELL);
                if (!v || cx < 0 || cy < 0 || cx >= w || cy >= h)
                    continue;
                bool inside = u->n > 1 && v < 255;
                for (int k = 0; k < 9 && inside; k++) {
                    int nx = clampi(cx + k % 3 - 1, 0, w - 1), ny = clampi(cy + k / 3 - 1, 0, h - 1);
                    inside = plane_row(&body, ny)[nx] > 0.5f;
                }
                float *cell = plane_row(&cut, cy) + cx;
                if (!inside)
                    *cell = fmaxf(*cell, (float)v / 255);
            }
    }
    return cut;
}

static void make_shape(struct unit *u, const struct layer *layers) {
    float per_head = ARRANGE_GRID / u->head_px;
    int w = clampi((int)ceilf((float)u->alpha.w * per_head), 1, 512),
        h = clampi((int)ceilf((float)u->alpha.h * per_head), 1, 512);
    u->shape.n_heads = u->n;
    u->shape.alpha = plane_resize(&u->alpha, w, h, RESAMPLE_AREA);
    u->shape.cut = plane_new(w, h);
    PLANE_CLEANUP struct plane cut = merged_cut(u, layers);
    for (int y = 0; y < cut.h; y++)
        for (int x = 0; x < cut.w; x++) {
            int gx = clampi((int)(((float)x + 0.5f) * LAYER_CUT_CELL * per_head), 0, w - 1);
            int gy = clampi((int)(((float)y + 0.5f) * LAYER_CUT_CELL * per_head), 0, h - 1);
            float *cell = plane_row(&u->shape.cut, gy) + gx;
            *cell = fmaxf(*cell, plane_row(&cut, y)[x]);
        }
    u->shape.eye_x = u->eye_x * per_head;
    u->shape.eye_y = u->eye_y * per_head;
    u->shape.head_px_max = 1e9f;
    for (int i = 0; i < u->n; i++) {
        const struct layer_facts *f = &layers[u->who[i]].f;
        u->shape.head[i] = head_of(u, i, f);
        u->shape.head_px_max = fminf(u->shape.head_px_max, f->photo_head_px / u->shape.head[i].size);
    }
}

/* Members are in u->who. Lays them out as they stood in the photo, at the smallest of their scales. */
static void build(struct unit *u, const struct layer *layers) {
    float scale = 1e9f, x0 = 1e9f, y0 = 1e9f, x1 = -1e9f, y1 = -1e9f;
    for (int i = 0; i < u->n; i++)
        scale = fminf(scale, layers[u->who[i]].f.photo_scale);
    for (int i = 0; i < u->n; i++) {
        const struct layer_facts *f = &layers[u->who[i]].f;
        x0 = fminf(x0, f->photo_x * scale);
        y0 = fminf(y0, f->photo_y * scale);
        x1 = fmaxf(x1, (f->photo_x + (float)f->w / f->photo_scale) * scale);
        y1 = fmaxf(y1, (f->photo_y + (float)f->h / f->photo_scale) * scale);
    }
    for (int i = 0; i < u->n; i++) {
        const struct layer_facts *f = &layers[u->who[i]].f;
        u->k[i] = scale / f->photo_scale;
        u->x[i] = f->photo_x * scale - x0;
        u->y[i] = f->photo_y * scale - y0;
    }
    const struct layer_facts *first = &layers[u->who[0]].f;
    u->head_px = first->head_px * u->k[0];
    u->eye_x = u->x[0] + first->eye_x * u->k[0];
    u->eye_y = u->y[0] + first->eye_y * u->k[0];
    int w = clampi((int)ceilf(x1 - x0), 1, 8192), h = clampi((int)ceilf(y1 - y0), 1, 8192);
    u->blur = 1;
    for (int i = 0; i < u->n; i++)
        u->blur = fminf(u->blur, layers[u->who[i]].f.blur);
    u->alpha = plane_new(w, h);
    u->rgb = pic_new(w, h);
    merge(u, layers);
    make_shape(u, layers);
}

int unit_make_all(const struct layer *layers, int n, struct unit ret_units[VISION_PEOPLE_MAX]) {
    int group[VISION_PEOPLE_MAX], made = 0;
    for (int i = 0; i < n; i++)
        group[i] = i;
    for (int pass = 0; pass < n; pass++) /* spreads through chains of neighbours */
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                if (group[j] < group[i] && unit_together(&layers[i].f, &layers[j].f))
                    group[i] = group[j];
    for (int g = 0; g < n; g++) {
        struct unit u = { 0 };
        for (int i = 0; i < n; i++) {
            if (group[i] != g)
                continue;
            int k = u.n++;
            float at[2], left[2];
            eyes_in_photo(&layers[i].f, at);
            for (; k > 0; k--) { /* from left to right */
                eyes_in_photo(&layers[u.who[k - 1]].f, left);
                if (left[0] <= at[0])
                    break;
                u.who[k] = u.who[k - 1];
            }
            u.who[k] = i;
        }
        if (u.n == 0)
            continue;
        build(&u, layers);
        ret_units[made++] = u;
    }
    return made;
}

void unit_done(struct unit *u) {
    pic_done(&u->rgb);
    plane_done(&u->alpha);
    plane_done(&u->shape.alpha);
    plane_done(&u->shape.cut);
}
