/*
 * intake.c - the working copy must stay below a number of bytes that nobody can tell before it is compressed. So it is tried:
 * compression stops as soon as it is over, how far it had come says how much too large the picture is, and the next try is of
 * the size that should just fit. Two or three tries for a photo.
 */
#include "media/intake.h"

#include <math.h>

#define TRIES_MAX 12

void intake_done(struct intake *in) {
    pixels_done(&in->working);
    pixels_done(&in->thumb);
    buf_done(&in->png);
    buf_done(&in->jpeg);
}

static int working_copy(struct img8 *full, int64_t bytes_max, struct intake *in, struct err *e) {
    int w = full->w, h = full->h;
    buf_init(&in->png, (size_t)bytes_max);
    for (int i = 0; i < TRIES_MAX; i++) {
        int rows = 0, r = pixels_shrink(full, w, h, &in->working, e);
        if (r < 0)
            return r;
        r = pixels_png(&in->working, &in->png, &rows, e);
        if (r != ERR_TOO_BIG)
            return r;
        double had = rows > 0 ? (double)rows / h : 0.5 / h;
        double factor = sqrt(had) * 0.97;           /* bytes go with the area; smaller pictures compress a little worse */
        factor = factor > 0.97 ? 0.97 : factor < 0.1 ? 0.1 : factor;
        w = (int)(w * factor) < 1 ? 1 : (int)(w * factor);
        h = (int)(h * factor) < 1 ? 1 : (int)(h * factor);
        pixels_done(&in->working);
        buf_reset(&in->png);
    }
    return err_set(e, ERR_INTERNAL, "no working copy fits %lld bytes", (long long)bytes_max);
}

static int thumbnail(int side_px, struct intake *in, struct err *e) {
    int w, h;
    pixels_fit(in->working.w, in->working.h, side_px, &w, &h);
    int r = pixels_shrink(&in->working, w, h, &in->thumb, e);
    if (r < 0)
        return r;
    buf_init(&in->jpeg, 1024 * 1024);
    return pixels_jpeg(&in->thumb, INTAKE_THUMB_QUALITY, &in->jpeg, e);
}

int intake_photo(struct str file, const struct intake_rules *rules, struct intake *ret, struct err *e) {
    PHOTO_CLEANUP struct photo p = { 0 };
    PIXELS_CLEANUP struct img8 full = { 0 };
    struct photo_limits lim = rules->photo;
    lim.side_px = rules->working_side_max;
    *ret = (struct intake){ 0 };
    int r = photo_decode(file, &lim, &p, e);
    if (r < 0)
        return r;
    ret->type = p.type;
    ret->orientation = p.orientation;
    ret->width = photo_upright_w(&p);
    ret->height = photo_upright_h(&p);
    r = photo_finish(&p, rules->working_side_max, &full, e);
    if (r < 0)
        return r;
    r = working_copy(&full, rules->working_bytes_max, ret, e);
    return r < 0 ? r : thumbnail(rules->thumb_px, ret, e);
}
