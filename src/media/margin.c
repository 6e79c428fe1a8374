#include "media/margin.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 14 /* of 255: grain and compression */, SAMPLES_MAX = 600, LAYERS = 2 /* a print on a scanner's lid has two */ };

enum side { TOP, BOTTOM, LEFT, RIGHT, SIDES };

/*
 * How much of the border's colour is lost where it ends, at least. Below people much else may be as white as the border is; above
 * them it is a crown that begins, and only a line across nearly everything is an edge.
 */
static const float loss_min[SIDES] = { 0.5f, 0.12f, 0.3f, 0.3f };

/* Pixel `along` of `of` on the line `deep` pixels from a side of b. */
static const uint8_t *at(const struct img8 *p, struct box b, enum side s, int deep, int along, int of) {
    int x = s == LEFT ? b.x0 + deep : s == RIGHT ? b.x1 - 1 - deep : b.x0 + (int)((int64_t)along * box_w(b) / of);
    int y = s == TOP ? b.y0 + deep : s == BOTTOM ? b.y1 - 1 - deep : b.y0 + (int)((int64_t)along * box_h(b) / of);
    return p->px + (size_t)y * p->stride + (size_t)(x * p->channels);
}

/* Share of a line that has this colour. */
static float share(const struct img8 *p, struct box b, enum side s, int deep, int of, const uint8_t colour[3]) {
    int same = 0;
    for (int i = 0; i < of; i++) {
        const uint8_t *q = at(p, b, s, deep, i, of);
        same += abs(q[0] - colour[0]) <= LEVELS && abs(q[1] - colour[1]) <= LEVELS && abs(q[2] - colour[2]) <= LEVELS;
    }
    return (float)same / (float)of;
}

/* The median of a line, a channel at a time. */
static void usual_colour(const struct img8 *p, struct box b, enum side s, int of, uint8_t ret[3]) {
    for (int c = 0; c < 3; c++) {
        int hist[256] = { 0 }, sum = 0, v = 0;
        for (int i = 0; i < of; i++)
            hist[at(p, b, s, 0, i, of)[c]]++;
        while ((sum += hist[v]) * 2 < of)
            v++;
        ret[c] = (uint8_t)v;
    }
}

/* How deep the border of one side is; 0 = none. */
static int depth(const struct img8 *p, struct box b, enum side s) {
    int across = s == TOP || s == BOTTOM ? box_w(b) : box_h(b), deep = s == TOP || s == BOTTOM ? box_h(b) : box_w(b);
    int of = across < SAMPLES_MAX ? across : SAMPLES_MAX, n = 0;
    /* A scaled picture's edge is two or three pixels soft. */
    int step = deep / 300 + 2;
    uint8_t colour[3];
    usual_colour(p, b, s, of, colour);
    while (n < deep / 2 && share(p, b, s, n, of, colour) >= 0.97f)
        n++;
    if (n < 2 || n >= deep / 2 || n + step >= deep)
        return 0;
    return 1 - share(p, b, s, n + step, of, colour) >= loss_min[s] ? n + step : 0;
}

struct box margin_content(const struct img8 *photo) {
    struct box b = { 0, 0, photo->w, photo->h };
    for (int k = 0; k < LAYERS; k++) {
        struct box was = b;
        for (enum side s = TOP; s < SIDES; s++) {
            int n = box_w(b) >= 64 && box_h(b) >= 64 ? depth(photo, b, s) : 0;
            b.x0 += s == LEFT ? n : 0;
            b.x1 -= s == RIGHT ? n : 0;
            b.y0 += s == TOP ? n : 0;
            b.y1 -= s == BOTTOM ? n : 0;
        }
        if (memcmp(&was, &b, sizeof b) == 0)
            break;
    }
    return b;
}
