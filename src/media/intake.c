/*
 * intake.c - what is kept of a stranger's file is made here: nothing of the file itself is, because it may say where somebody lives.
 *
 * The working copy must stay below a number of bytes that nobody can tell before it is compressed. So it is tried:
 * compression stops as soon as it is over, how far it had come says how much too large the picture is, and the next try is of
 * the size that should just fit. Two or three tries for a photo.
 */
#include "media/intake.h"

#include <math.h>

#define TRIES_MAX 12

void intake_done(struct intake *in) {
    pixels_done(&in->photo);
    pixels_done(&in->working);
    buf_done(&in->photo_jpeg);
    buf_done(&in->png);
    thumb_done(&in->thumb);
}

/* The first try fits but for noise in every pixel; then what costs least is given up first. */
static int photo_file(int64_t bytes_max, struct intake *in, struct err *e) {
    static const int qualities[] = { INTAKE_PHOTO_QUALITY, 90, 85, 75 };
    buf_init(&in->photo_jpeg, (size_t)bytes_max);
    for (int i = 0; i < TRIES_MAX; i++) {
        PIXELS_CLEANUP struct img8 smaller = { 0 };
        bool last = (size_t)i >= COUNT(qualities);
        int r = last ? pixels_shrink(&in->photo, (in->photo.w + 1) / 2, (in->photo.h + 1) / 2, &smaller, e) : 0;
        if (r < 0)
            return r;
        if (last) {
            pixels_done(&in->photo);
            in->photo = smaller;
            smaller = (struct img8){ 0 };
        }
        buf_reset(&in->photo_jpeg);
        r = pixels_jpeg(&in->photo, qualities[last ? COUNT(qualities) - 1 : (size_t)i], &in->photo_jpeg, e);
        if (r != ERR_TOO_BIG)
            return r;
    }
    return err_set(e, ERR_INTERNAL, "no photo fits %lld bytes", (long long)bytes_max);
}

static int working_copy(int side_max, int64_t bytes_max, struct intake *in, struct err *e) {
    int w, h;
    pixels_fit(in->photo.w, in->photo.h, side_max, &w, &h);
    buf_init(&in->png, (size_t)bytes_max);
    for (int i = 0; i < TRIES_MAX; i++) {
        int rows = 0, r = pixels_shrink(&in->photo, w, h, &in->working, e);
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
    pixels_fit(in->photo.w, in->photo.h, side_px, &w, &h);      /* its size is the photo's to say, not the working copy's, which is rounded */
    w = w > in->working.w ? in->working.w : w;
    h = h > in->working.h ? in->working.h : h;
    return thumb_draw(&in->working, w, h, &in->thumb, e);
}

int intake_photo(struct str file, const struct intake_rules *rules, struct intake *ret, struct err *e) {
    PHOTO_CLEANUP struct photo p = { 0 };
    struct photo_limits lim = rules->photo;
    lim.side_px = rules->photo_side_max;
    *ret = (struct intake){ 0 };
    int r = photo_decode(file, &lim, &p, e);
    if (r < 0)
        return r;
    ret->type = p.type;
    ret->orientation = p.orientation;
    ret->width = photo_upright_w(&p);
    ret->height = photo_upright_h(&p);
    if ((r = photo_finish(&p, rules->photo_side_max, &ret->photo, e)) < 0 ||
        (r = working_copy(rules->working_side_max, rules->working_bytes_max, ret, e)) < 0 || (r = thumbnail(rules->thumb_px, ret, e)) < 0)
        return r;
    return photo_file(rules->photo_bytes_max, ret, e);
}
