#include "media/doll.h"

#include <math.h>
#include "media/studio_ops.h"

/* In heads from the eyes. */
static float body(float x, float y) {
    float head = smoothf(1.04f, 0.96f, hypotf(x / 0.36f, (y + 0.05f) / 0.52f));
    float half = y < 0.55f ? 0.16f : mixf(0.55f, 0.95f, smoothf(0.55f, 1.0f, y));
    float trunk = y > 0.3f ? smoothf(half + 0.02f, half - 0.02f, fabsf(x)) : 0;
    return fmaxf(head, trunk);
}

void doll_layer(const struct doll *d, struct buf *out) {
    struct layer_facts f;
    float k = d->head_px, up = 0.65f, half = 1.05f;
    int w = (int)(2 * half * k) / 8 * 8, h = (int)((up + d->below) * k) / 8 * 8;
    PIC_CLEANUP struct pic rgb = pic_new(w, h);
    PLANE_CLEANUP struct plane alpha = plane_new(w, h), cut = plane_new((w + 7) / 8, (h + 7) / 8);
    layer_facts_init(&f);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float u = ((float)x + 0.5f) / k - half, v = ((float)y + 0.5f) / k - up, a = body(u, v);
            plane_row(&alpha, y)[x] = a;
            for (int c = 0; c < 3; c++)
                plane_row(&rgb.c[c], y)[x] = v > 0.6f ? 0.25f : srgb_from_linear(d->skin[c]);
            if (a > 0.5f && y >= h - 2)
                plane_row(&cut, y / 8)[x / 8] = 255;
        }
    f.w = w;
    f.h = h;
    f.photo_id = d->photo_id;
    f.photo_x = d->photo_x;
    f.photo_scale = 1;
    f.photo_head_px = f.head_px = k;
    f.eye_x = half * k;
    f.eye_y = up * k;
    f.face[0] = f.eye_x - 0.32f * k;
    f.face[1] = f.eye_y - 0.3f * k;
    f.face[2] = f.eye_x + 0.32f * k;
    f.face[3] = f.eye_y + 0.45f * k;
    f.crown_y = f.eye_y - 0.55f * k;
    f.chin_y = f.face[3];
    f.shoulder_x0 = f.eye_x - 0.9f * k;
    f.shoulder_x1 = f.eye_x + 0.9f * k;
    f.shoulder_y = f.chin_y + 0.45f * k;
    f.bottom_y = (float)h;
    f.yaw_deg = d->yaw_deg;
    f.blur = 0.4f;
    f.dark = 0.02f;
    f.bright = 0.7f;
    for (int c = 0; c < 3; c++)
        f.skin[c] = d->skin[c];
    f.embedding[f.photo_id % FACE_EMBEDDING] = 1;
    buf_init(out, VISION_LAYER_MAX);
    layer_write(&f, &rgb, &alpha, &cut, (struct box){ 0, 0, w, h }, out);
}
