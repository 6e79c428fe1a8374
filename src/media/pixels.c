/*
 * pixels.c - making, freeing, flattening and turning packed pictures.
 */
#include "media/pixels.h"

#include <string.h>

int pixels_new(int w, int h, int channels, struct img8 *ret, struct err *e) {
    size_t stride = (size_t)w * (size_t)channels;
    uint8_t *px = w > 0 && h > 0 ? malloc(stride * (size_t)h) : NULL;
    if (!px)
        return err_set(e, ERR_MEDIA_MEMORY, "no memory for a picture of %d x %d pixels", w, h);
    *ret = (struct img8){ w, h, channels, stride, px };
    return 0;
}

void pixels_done(struct img8 *img) {
    free(img->px);
    *img = (struct img8){ 0 };
}

void pixels_flatten(struct img8 *img) {
    if (img->channels != 4)
        return;
    size_t stride = 3 * (size_t)img->w;             /* never ahead of where we read */
    for (int y = 0; y < img->h; y++) {
        const uint8_t *s = img->px + (size_t)y * img->stride;
        uint8_t *d = img->px + (size_t)y * stride;
        for (int x = 0; x < img->w; x++, s += 4, d += 3) {
            unsigned a = s[3], white = (255 - a) * 255 + 127;
            for (int c = 0; c < 3; c++)
                d[c] = (uint8_t)((s[c] * a + white) / 255);
        }
    }
    img->channels = 3;
    img->stride = stride;
}

/*
 * Each orientation as two steps through the stored picture: where the upright one begins, and how to go right and down in it.
 * 1 as it is; 2 mirrored; 3 half turn; 4 upside down mirror; 5 transposed; 6 needs a quarter turn clockwise; 7 transverse; 8 counter.
 */
int pixels_upright(const struct img8 *img, int orientation, struct img8 *ret, struct err *e) {
    static const struct { bool swap, from_right, from_bottom; } turns[9] = {
        [2] = { false, true, false }, [3] = { false, true, true },  [4] = { false, false, true }, [5] = { true, false, false },
        [6] = { true, false, true },  [7] = { true, true, true },   [8] = { true, true, false },
    };
    bool swap = turns[orientation].swap;
    int w = swap ? img->h : img->w, h = swap ? img->w : img->h, n = img->channels;
    int r = pixels_new(w, h, n, ret, e);
    if (r < 0)
        return r;
    ptrdiff_t x_step = turns[orientation].from_right ? -n : n;
    ptrdiff_t y_step = turns[orientation].from_bottom ? -(ptrdiff_t)img->stride : (ptrdiff_t)img->stride;
    const uint8_t *origin = img->px + (turns[orientation].from_right ? (size_t)(img->w - 1) * (size_t)n : 0) +
                            (turns[orientation].from_bottom ? (size_t)(img->h - 1) * img->stride : 0);
    ptrdiff_t right = swap ? y_step : x_step, down = swap ? x_step : y_step;
    for (int y = 0; y < h; y++) {
        const uint8_t *s = origin + y * down;
        uint8_t *d = ret->px + (size_t)y * ret->stride;
        for (int x = 0; x < w; x++, s += right, d += n)
            memcpy(d, s, (size_t)n);
    }
    return 0;
}

void pixels_fit(int w, int h, int side_max_px, int *ret_w, int *ret_h) {
    int side = w > h ? w : h;
    if (side <= side_max_px) {
        *ret_w = w;
        *ret_h = h;
        return;
    }
    int64_t a = ((int64_t)w * side_max_px + side / 2) / side, b = ((int64_t)h * side_max_px + side / 2) / side;
    *ret_w = a < 1 ? 1 : (int)a;
    *ret_h = b < 1 ? 1 : (int)b;
}
