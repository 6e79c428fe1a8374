#include "media/similarity.h"

#include <math.h>

#include "media/box.h"

struct similarity similarity_fit(const float (*from)[2], const float (*to)[2], int n) {
    float fx = 0, fy = 0, tx = 0, ty = 0, dot = 0, cross = 0, var = 0;
    for (int i = 0; i < n; i++) {
        fx += from[i][0] / (float)n;
        fy += from[i][1] / (float)n;
        tx += to[i][0] / (float)n;
        ty += to[i][1] / (float)n;
    }
    for (int i = 0; i < n; i++) {
        float u = from[i][0] - fx, v = from[i][1] - fy, x = to[i][0] - tx, y = to[i][1] - ty;
        dot += u * x + v * y;
        cross += u * y - v * x;
        var += u * u + v * v;
    }
    struct similarity m = { 1, 0, 0, 0 };
    if (var > 1e-12f) {
        m.a = dot / var;
        m.b = cross / var;
    }
    m.tx = tx - (m.a * fx - m.b * fy);
    m.ty = ty - (m.b * fx + m.a * fy);
    return m;
}

struct similarity similarity_invert(struct similarity m) {
    float d = m.a * m.a + m.b * m.b;
    struct similarity r = { m.a / d, -m.b / d, 0, 0 };
    r.tx = -(r.a * m.tx - r.b * m.ty);
    r.ty = -(r.b * m.tx + r.a * m.ty);
    return r;
}

/* Adds the bilinear value at (x, y), pixel centres at + 0.5, to sum. */
static void sample8(const struct img8 *img, float x, float y, float outside, float sum[3]) {
    x -= 0.5f;
    y -= 0.5f;
    if (!(x > -1 && y > -1 && x < (float)img->w && y < (float)img->h)) {
        for (int c = 0; c < 3; c++)
            sum[c] += outside;
        return;
    }
    float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    int x0 = clampi((int)fx, 0, img->w - 1), x1 = clampi((int)fx + 1, 0, img->w - 1);
    int y0 = clampi((int)fy, 0, img->h - 1), y1 = clampi((int)fy + 1, 0, img->h - 1);
    const uint8_t *a = img->px + (size_t)y0 * img->stride, *b = img->px + (size_t)y1 * img->stride;
    for (int c = 0; c < 3; c++) {
        const size_t i = (size_t)(x0 * img->channels + c), j = (size_t)(x1 * img->channels + c);
        sum[c] += mixf(mixf(a[i], a[j], u), mixf(b[i], b[j], u), v);
    }
}

void similarity_warp(const struct img8 *img, struct similarity m, int n, float outside, float *ret_planes) {
    float step = sqrtf(m.a * m.a + m.b * m.b);
    int k = clampi((int)ceilf(step), 1, 8);
    size_t plane = (size_t)n * (size_t)n;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            float sum[3] = { 0 };
            for (int v = 0; v < k; v++)
                for (int u = 0; u < k; u++) {
                    float at[2];
                    similarity_apply(m, (float)i + ((float)u + 0.5f) / (float)k, (float)j + ((float)v + 0.5f) / (float)k, at);
                    sample8(img, at[0], at[1], outside, sum);
                }
            for (int c = 0; c < 3; c++)
                ret_planes[(size_t)c * plane + (size_t)j * (size_t)n + (size_t)i] = sum[c] / (float)(k * k);
        }
}
