#include "media/layer.h"

#include <math.h>
#include <string.h>

#include "media/studio_ops.h"

static const char magic[8] = "ZTLAYR2";

void layer_facts_init(struct layer_facts *f) {
    memset(f, 0, sizeof *f);
    memcpy(f->magic, magic, sizeof magic);
}

void layer_write(const struct layer_facts *f, const struct pic *rgb, const struct plane *alpha, const struct plane *cut,
                 struct box b, struct buf *out) {
    buf_add(out, f, sizeof *f);
    size_t row_bytes = (size_t)f->w * 4;
    for (int y = b.y0; y < b.y1; y++) {
        uint8_t *d = (uint8_t *)buf_reserve(out, row_bytes);
        if (!d)
            return;
        for (int x = b.x0; x < b.x1; x++, d += 4) {
            float a = plane_row(alpha, y)[x];
            for (int c = 0; c < 3; c++)
                d[c] = a > 0 ? (uint8_t)(clampf(plane_row(&rgb->c[c], y)[x], 0, 1) * 255 + 0.5f) : 0;
            d[3] = (uint8_t)(clampf(a, 0, 1) * 255 + 0.5f);
        }
        buf_commit(out, row_bytes);
    }
    int cw = (f->w + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL, ch = (f->h + LAYER_CUT_CELL - 1) / LAYER_CUT_CELL;
    for (int y = 0; y < ch; y++)
        for (int x = 0; x < cw; x++)
            buf_add_c(out, (char)(int)plane_row(cut, b.y0 / LAYER_CUT_CELL + y)[b.x0 / LAYER_CUT_CELL + x]);
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
    const float values[] = { f->skin[0], f->skin[1], f->skin[2], f->dark,   f->bright, f->noise,
                             f->blur,    f->light_x, f->light_y, f->scraps, f->holes };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!(fabsf(values[i]) <= 4))
            return false;
    for (int i = 0; i < FACE_EMBEDDING; i++)
        if (!(fabsf(f->embedding[i]) <= 1.01f))
            return false;
    return f->floating >= 0 && f->floating <= 100 && f->scraps >= 0 && f->holes >= 0 && f->head_px >= 8 &&
           f->photo_head_px >= 8 && f->photo_head_px <= 20000 && f->photo_scale > 1e-4f && f->photo_scale <= 1.001f &&
           fabsf(f->photo_x) <= 20000 && fabsf(f->photo_y) <= 20000 && fabsf(f->yaw_deg) <= 360 && fabsf(f->roll_deg) <= 360 &&
           f->face[2] > f->face[0] && f->face[3] > f->face[1] && f->eye_x >= 0 && f->eye_x < (float)f->w && f->eye_y >= 0 &&
           f->eye_y < (float)f->h && f->n_neighbours >= 0 && f->n_neighbours <= LAYER_NEIGHBOURS_MAX;
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
