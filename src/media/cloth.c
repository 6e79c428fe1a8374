/*
 * cloth.c - a painted studio backdrop: patches of thinned paint on canvas, soft folds, light from one side, dark corners.
 */
#include <math.h>

#include "media/dice.h"
#include "media/scene.h"

/* A lattice value in [-1, 1] for whole coordinates. */
static float lattice(uint64_t seed, int x, int y) {
    struct dice d = { seed + (uint64_t)(uint32_t)x * 0x8da6b343u + (uint64_t)(uint32_t)y * 0xd8163841u * 0x10001u };
    return dice_unit(&d) * 2 - 1;
}

/* Value noise, smooth; one patch per unit. */
static float noise(uint64_t seed, float x, float y) {
    float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    int ix = (int)fx, iy = (int)fy;
    u = u * u * u * (u * (6 * u - 15) + 10);
    v = v * v * v * (v * (6 * v - 15) + 10);
    return mixf(mixf(lattice(seed, ix, iy), lattice(seed, ix + 1, iy), u),
                mixf(lattice(seed, ix, iy + 1), lattice(seed, ix + 1, iy + 1), u), v);
}

static float fractal(uint64_t seed, float x, float y, int octaves) {
    float sum = 0, size = 1, all = 0;
    for (int i = 0; i < octaves; i++) {
        sum += size * noise(seed + (uint64_t)i * 7919u, x, y);
        all += size;
        size *= 0.55f;
        /* Turned a little at every octave, so that the lattice does not show. */
        float rx = 1.6f * x - 1.2f * y, ry = 1.2f * x + 1.6f * y;
        x = rx;
        y = ry;
    }
    return sum / all;
}

/* Paint at a place of the cloth: -1..1 in large patches whose borders a second noise frays, with short brush marks on top. */
static float paint(const struct scene_cloth *c, uint64_t seed, float x, float y) {
    float sx = x / c->grain, sy = y / c->grain;
    float wx = fractal(seed + 11, sx * 1.3f, sy * 1.3f, 3), wy = fractal(seed + 23, sx * 1.3f, sy * 1.3f, 3);
    float patches = fractal(seed, sx + 0.7f * wx, sy + 0.7f * wy, 4);
    float strokes = fractal(seed + 37, 3.1f * sx + 2.3f * sy + wx, 7.0f * sy - 4.0f * sx + wy, 3);
    return 0.8f * patches + 0.25f * strokes;
}

static float folds(uint64_t seed, float x, float y) {
    float phase = x * 9 + 1.1f * noise(seed + 51, x * 2.2f, y * 0.7f) + 0.35f * noise(seed + 53, x * 5, y * 1.5f);
    return sinf(phase * 2) * 0.6f + sinf(phase * 3.7f + 1.3f) * 0.4f;
}

struct pic scene_paint_cloth(const struct scene_cloth *c, const struct scene_lamp *key, int w, int h, float middle_x,
                             uint64_t seed) {
    /* The cloth hangs out of focus behind the people: half the pixels hold all there is to see. */
    int sw = w > 64 ? w / 2 : w, sh = h > 64 ? h / 2 : h;
    struct pic small = pic_new(sw, sh);
    for (int j = 0; j < sh; j++)
        for (int i = 0; i < sw; i++) {
            float y = ((float)j + 0.5f) / (float)sh, x = ((float)i + 0.5f) / (float)sh, aspect = (float)sw / (float)sh;
            float dx = (x / aspect - middle_x) * 1.15f, dy = (y - 0.42f) * 0.95f, r = sqrtf(dx * dx + dy * dy);
            float lit = expf(-r * r * 7), corner = c->vignette * smoothf(0.25f, 0.85f, r);
            /* The lamp stands to one side: the cloth falls off towards the other. */
            float side = 1 + 0.16f * key->dir[0] * (x / aspect - 0.5f) * 2;
            float tone = expf(c->mottle * 0.55f * paint(c, seed, x, y) + c->folds * 0.10f * folds(seed, x, y)) * side;
            float hue = 0.5f + 0.5f * fractal(seed + 71, x / c->grain * 0.8f, y / c->grain * 0.8f, 3);
            for (int k = 0; k < 3; k++) {
                float colour = mixf(c->base[k], c->glow[k], clampf(lit * 0.9f + c->mottle * 0.25f * (hue - 0.5f), 0, 1));
                plane_row(&small.c[k], j)[i] = clampf(mixf(colour * tone, c->edge[k] * sqrtf(tone), corner), 0, 1);
            }
        }
    struct pic p = pic_resize(&small, w, h, RESAMPLE_CUBIC);
    pic_done(&small);
    for (int k = 0; k < 3; k++)
        for (size_t i = 0, n = plane_n(&p.c[k]); i < n; i++)
            p.c[k].px[i] = clampf(p.c[k].px[i], 0, 1);
    return p;
}
