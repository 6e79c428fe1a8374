#include "media/odd_light.h"

#include <math.h>

#include "media/similarity.h"

enum { SIDE = 96 };

/* Of the mesh, in order around. */
static const short outline[] = { 10,  338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
                                 152, 148, 176, 149, 150, 136, 172, 58,  132, 93,  234, 127, 162, 21,  54,  103, 67,  109 };
static const short lips[] = { 61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185 };
enum { OUTLINE = sizeof outline / sizeof *outline, LIPS = sizeof lips / sizeof *lips };

static bool inside(const struct face *f, const short *at, int n, float x, float y) {
    bool in = false;
    for (int i = 0, j = n - 1; i < n; j = i++) {
        const float *p = f->point[at[i]], *q = f->point[at[j]];
        if ((p[1] > y) != (q[1] > y) && x < p[0] + (q[0] - p[0]) * (y - p[1]) / (q[1] - p[1]))
            in = !in;
    }
    return in;
}

/* Within an eye's own width of its middle: lid shadow is make-up. */
static bool by_an_eye(const struct face *f, float x, float y) {
    static const enum face_point ends[2][2] = { { FACE_EYE_OUTER_L, FACE_EYE_INNER_L }, { FACE_EYE_OUTER_R, FACE_EYE_INNER_R } };
    for (int k = 0; k < 2; k++) {
        const float *a = f->point[ends[k][0]], *b = f->point[ends[k][1]];
        if (hypotf(x - (a[0] + b[0]) / 2, y - (a[1] + b[1]) / 2) < 0.75f * hypotf(a[0] - b[0], a[1] - b[1]))
            return true;
    }
    return false;
}

static float lab_curve(float t) {
    return t > 0.008856f ? cbrtf(t) : 7.787f * t + 0.137931f;
}

/*
 * 0..1: this sRGB colour (0..255) is light, not skin. In Lab skin of every kind has a hue of 20 to 80 degrees; rouge and flush
 * reach 0, tungsten light and old prints 95.
 */
static float oddness(float r, float g, float b) {
    r = srgb_to_linear(r / 255);
    g = srgb_to_linear(g / 255);
    b = srgb_to_linear(b / 255);
    float x = lab_curve((0.4124f * r + 0.3576f * g + 0.1805f * b) / 0.9505f), y = lab_curve(0.2126f * r + 0.7152f * g + 0.0722f * b),
          z = lab_curve((0.0193f * r + 0.1192f * g + 0.9505f * b) / 1.089f);
    float u = 500 * (x - y), v = 200 * (y - z), off = fabsf(remainderf(atan2f(v, u) * 57.29578f - 48, 360));
    return smoothf(8, 20, hypotf(u, v)) * smoothf(50, 65, off);
}

float odd_light(const struct img8 *photo, const struct face *f) {
    float side = fmaxf(f->box.x1 - f->box.x0, f->box.y1 - f->box.y0);
    if (!(side > 1))
        return 0;
    float k = side / SIDE, odd = 0, skin = 0;
    CLEANUP(free) float *rgb = malloc(sizeof(float) * 3 * SIDE * SIDE);
    if (!rgb)
        abort();
    struct similarity m = { k, 0, (f->box.x0 + f->box.x1 - side) / 2, (f->box.y0 + f->box.y1 - side) / 2 };
    similarity_warp(photo, m, SIDE, 0, rgb);
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            float at[2];
            similarity_apply(m, (float)i + 0.5f, (float)j + 0.5f, at);
            if (!inside(f, outline, OUTLINE, at[0], at[1]) || inside(f, lips, LIPS, at[0], at[1]) || by_an_eye(f, at[0], at[1]))
                continue;
            const float *q = rgb + j * SIDE + i;
            odd += oddness(q[0], q[SIDE * SIDE], q[2 * SIDE * SIDE]);
            skin++;
        }
    return skin > 0 ? odd / skin : 0;
}
