/* mark.c - see mark.h. */
#include "media/mark.h"

#include <math.h>

#include "media/plane.h"

void mark_place(const struct img8 *picture, const struct img8 *mark, int ret_box[4]) {
    float w = MARK_WIDTH * (float)picture->w, h = w * (float)mark->h / (float)mark->w, most = 0.25f * (float)picture->h;
    if (h > most) {
        w *= most / h;
        h = most;
    }
    int mw = clampi((int)lroundf(w), 1, picture->w), mh = clampi((int)lroundf(h), 1, picture->h);
    int margin = (int)lroundf(MARK_MARGIN * (float)(picture->w < picture->h ? picture->w : picture->h));
    ret_box[0] = clampi(picture->w - mw - margin, 0, picture->w - mw);
    ret_box[1] = clampi(picture->h - mh - margin, 0, picture->h - mh);
    ret_box[2] = mw;
    ret_box[3] = mh;
}

/* One channel at the size it is drawn in; colours travel multiplied by alpha, so that what is under nothing does not bleed in. */
static struct plane channel(const struct img8 *mark, int c, int w, int h) {
    PLANE_CLEANUP struct plane whole = plane_new(mark->w, mark->h);
    for (int y = 0; y < mark->h; y++) {
        const uint8_t *from = mark->px + (size_t)y * mark->stride;
        float *to = plane_row(&whole, y);
        for (int x = 0; x < mark->w; x++) {
            float a = (float)from[4 * x + 3] / 255;
            to[x] = c == 3 ? a : a * (float)from[4 * x + c];
        }
    }
    return plane_resize(&whole, w, h, RESAMPLE_AREA);       /* never rings: thin strokes on nothing */
}

void mark_draw(struct img8 *picture, const struct img8 *mark) {
    int at[4];
    mark_place(picture, mark, at);
    PLANE_CLEANUP struct plane alpha = channel(mark, 3, at[2], at[3]);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane colour = channel(mark, c, at[2], at[3]);
        for (int y = 0; y < at[3]; y++) {
            uint8_t *to = picture->px + (size_t)(at[1] + y) * picture->stride + (size_t)at[0] * 3 + (size_t)c;
            const float *a = plane_row(&alpha, y), *m = plane_row(&colour, y);
            for (int x = 0; x < at[2]; x++) {
                float is = (float)to[3 * x], cover = MARK_OPACITY * clampf(a[x], 0, 1);
                to[3 * x] = (uint8_t)lroundf(clampf(is * (1 - cover) + MARK_OPACITY * m[x], 0, 255));
            }
        }
    }
}
