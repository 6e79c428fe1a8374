#include "media/scene.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "media/filter.h"

#define HEAD_M 0.235f /* chin to crown of an adult */
#define EYES_M 1.52f  /* eyes above the floor, standing */

/* ---- reading ---- */

/* One number of an object: absent leaves *v as it was. */
static int number(const json_t *obj, const char *key, float lo, float hi, float *v, struct err *e) {
    const json_t *j = json_object_get(obj, key);
    if (!j)
        return 0;
    double d = json_number_value(j);
    if (!json_is_number(j) || !(d >= (double)lo && d <= (double)hi))
        return err_set(e, ERR_BAD_INPUT, "scene: %s must be a number from %g to %g", key, (double)lo, (double)hi);
    *v = (float)d;
    return 0;
}

static int triple(const json_t *obj, const char *key, float lo, float hi, float v[3], struct err *e) {
    const json_t *j = json_object_get(obj, key);
    if (!j)
        return 0;
    if (!json_is_array(j) || json_array_size(j) != 3)
        return err_set(e, ERR_BAD_INPUT, "scene: %s must be a list of 3 numbers", key);
    for (size_t i = 0; i < 3; i++) {
        const json_t *n = json_array_get(j, i);
        double d = json_number_value(n);
        if (!json_is_number(n) || !(d >= (double)lo && d <= (double)hi))
            return err_set(e, ERR_BAD_INPUT, "scene: %s must be numbers from %g to %g", key, (double)lo, (double)hi);
        v[i] = (float)d;
    }
    return 0;
}

static int only_keys(const json_t *obj, const char *what, const char *const *known, struct err *e) {
    if (!json_is_object(obj))
        return err_set(e, ERR_BAD_INPUT, "scene: %s must be an object", what);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
        bool found = false;
        for (const char *const *k = known; *k && !found; k++)
            found = strcmp(*k, key) == 0;
        if (!found)
            return err_set(e, ERR_UNKNOWN_FIELD, "scene: %s has no field %.40s", what, key);
    }
    return 0;
}

static void normalise(float v[3]) {
    float len = sqrtf(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int i = 0; i < 3 && len > 1e-6f; i++)
        v[i] /= len;
}

static int read_lamp(const json_t *scene, const char *name, struct scene_lamp *lamp, struct err *e) {
    static const char *const keys[] = { "dir", "colour", "strength", NULL };
    const json_t *j = json_object_get(scene, name);
    if (!j)
        return 0;
    int r = only_keys(j, name, keys, e);
    if (r >= 0)
        r = triple(j, "dir", -100, 100, lamp->dir, e);
    if (r >= 0)
        r = triple(j, "colour", 0, 1, lamp->colour, e);
    if (r >= 0)
        r = number(j, "strength", 0, 2, &lamp->strength, e);
    normalise(lamp->dir);
    return r;
}

static int read_camera(const json_t *scene, struct scene *s, struct err *e) {
    static const char *const camera_keys[] = { "f", "cx", "horizon", "height_m", NULL }, *const stand_keys[] = { "near_m",
                                                                                                                 "far_m", NULL };
    const json_t *cam = json_object_get(scene, "camera"), *stand = json_object_get(scene, "stand");
    int r = cam ? only_keys(cam, "camera", camera_keys, e) : 0;
    if (r >= 0 && cam)
        r = number(cam, "f", 100, 100000, &s->f, e);
    if (r >= 0 && cam)
        r = number(cam, "cx", -20000, 40000, &s->cx, e);
    if (r >= 0 && cam)
        r = number(cam, "horizon", -20000, 40000, &s->cy, e);
    if (r >= 0 && cam)
        r = number(cam, "height_m", 0.2f, 10, &s->camera_m, e);
    if (r >= 0 && stand)
        r = only_keys(stand, "stand", stand_keys, e);
    if (r >= 0 && stand)
        r = number(stand, "near_m", 0.5f, 50, &s->near_m, e);
    if (r >= 0 && stand)
        r = number(stand, "far_m", 0.5f, 100, &s->far_m, e);
    if (r >= 0 && s->far_m < s->near_m)
        return err_set(e, ERR_BAD_INPUT, "scene: far_m is nearer than near_m");
    return r;
}

/* Colours are written as 0..255 sRGB, as every paint program shows them. */
static int read_cloth(const json_t *scene, struct scene_cloth *c, struct err *e) {
    static const char *const keys[] = { "base", "glow", "edge", "mottle", "grain", "folds", "vignette", NULL };
    const json_t *j = json_object_get(scene, "cloth");
    *c = (struct scene_cloth){ { 120, 114, 106 }, { 160, 152, 142 }, { 60, 56, 52 }, 0.4f, 0.45f, 0.2f, 0.5f };
    int r = j ? only_keys(j, "cloth", keys, e) : 0;
    float *const colours[] = { c->base, c->glow, c->edge };
    for (int i = 0; r >= 0 && i < 3; i++) {
        r = triple(j, keys[i], 0, 255, colours[i], e);
        for (int k = 0; k < 3; k++)
            colours[i][k] = srgb_to_linear(colours[i][k] / 255);
    }
    if (r >= 0)
        r = number(j, "mottle", 0, 1, &c->mottle, e);
    if (r >= 0)
        r = number(j, "grain", 0.05f, 2, &c->grain, e);
    if (r >= 0)
        r = number(j, "folds", 0, 1, &c->folds, e);
    if (r >= 0)
        r = number(j, "vignette", 0, 1, &c->vignette, e);
    return r;
}

static int read_json(const json_t *root, struct scene *s, struct err *e) {
    static const char *const keys[] = { "kind", "camera", "stand", "wall_m", "key", "fill", "face", "warmth", "cloth", NULL };
    /* A template's whole data is as good as its scene alone. */
    const json_t *scene = json_object_get(root, "scene") ? json_object_get(root, "scene") : root;
    int r = only_keys(scene, "scene", keys, e);
    if (r < 0)
        return r;
    const char *kind = json_string_value(json_object_get(scene, "kind"));
    if (kind && strcmp(kind, "room") == 0)
        s->kind = SCENE_ROOM;
    else if (kind && strcmp(kind, "backdrop") == 0)
        s->kind = SCENE_BACKDROP;
    else
        return err_set(e, ERR_BAD_INPUT, "scene: kind must be room or backdrop");
    r = read_camera(scene, s, e);
    if (r >= 0)
        r = number(scene, "wall_m", 0.1f, 1000, &s->wall_m, e);
    if (r >= 0)
        r = number(scene, "face", 0.02f, 0.9f, &s->face, e);
    if (r >= 0)
        r = number(scene, "warmth", 0, 1, &s->warmth, e);
    if (r >= 0)
        r = read_lamp(scene, "key", &s->key, e);
    if (r >= 0)
        r = read_lamp(scene, "fill", &s->fill, e);
    return r >= 0 ? read_cloth(scene, &s->cloth, e) : r;
}

/* ---- a picture without data ---- */

/* Mean light of the left half, the right half and all, in a small copy. */
static void estimate_light(struct scene *s) {
    const struct img8 *b = s->background;
    int w = b->w < 64 ? b->w : 64, h = b->h < 64 ? b->h : 64;
    PIC_CLEANUP struct pic p = pic_srgb_shrunk(b, w, h);
    pic_to_linear(&p);
    double half[2] = { 1e-6, 1e-6 }, mean[3] = { 1e-6, 1e-6, 1e-6 }, all = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            float l = luma(p.c[0].px[i], p.c[1].px[i], p.c[2].px[i]);
            half[x * 2 >= w] += (double)l;
            all += (double)l;
            for (int c = 0; c < 3; c++) /* bright places colour the light more than dark ones */
                mean[c] += (double)(p.c[c].px[i] * l);
        }
    float lean = (float)((half[1] - half[0]) / (half[0] + half[1])), top = 0;
    s->key.dir[0] = clampf(3 * lean, -0.8f, 0.8f);
    s->key.dir[1] = 0.45f;
    s->key.dir[2] = 0.7f;
    normalise(s->key.dir);
    for (int c = 0; c < 3; c++)
        top = fmaxf(top, (float)mean[c]);
    for (int c = 0; c < 3; c++)
        s->key.colour[c] = mixf(1, (float)mean[c] / top, 0.5f);
    memcpy(s->fill.colour, s->key.colour, sizeof s->fill.colour);
    s->face = clampf(0.15f + 0.45f * (float)(all / (w * h)), 0.15f, 0.36f);
}

int scene_read(const struct vision_scene *in, struct scene *ret_s, struct err *e) {
    struct scene s = { .background = in->background,
                       .inv_depth = in->inv_depth,
                       .camera_m = 1.45f,
                       .near_m = 1.2f,
                       .far_m = 6,
                       .wall_m = 3,
                       .key = { { -0.55f, 0.45f, 0.7f }, { 1, 0.95f, 0.88f }, 1 },
                       .fill = { { 0.7f, 0.2f, 0.7f }, { 1, 0.95f, 0.9f }, 0.5f },
                       .face = 0.30f,
                       .warmth = 0.4f };
    if (in->background) {
        int r = img8_check(in->background, e);
        if (r < 0)
            return r;
        /* A phone's main camera: the long side is seen under about 65 degrees, held at the chest, a little down. */
        int longer = in->background->w > in->background->h ? in->background->w : in->background->h;
        s.f = 0.8f * (float)longer;
        s.cx = (float)in->background->w / 2;
        s.cy = 0.45f * (float)in->background->h;
    }
    if (in->inv_depth &&
        (!in->inv_depth->px || in->inv_depth->w < 1 || in->inv_depth->h < 1 || in->inv_depth->stride < (size_t)in->inv_depth->w))
        return err_set(e, ERR_BAD_INPUT, "scene: a depth picture without pixels");
    if (in->json.n == 0) {
        if (!in->background)
            return err_set(e, ERR_BAD_INPUT, "scene: neither a picture nor data");
        s.kind = SCENE_PICTURE;
        estimate_light(&s);
    } else {
        CLEANUP(json_unref) json_t *root = NULL;
        int r = json_read(in->json, &root, e);
        if (r >= 0)
            r = read_json(root, &s, e);
        if (r < 0)
            return r;
        if (s.kind == SCENE_ROOM && !in->background)
            return err_set(e, ERR_BAD_INPUT, "scene: a room without its picture");
    }
    *ret_s = s;
    return 0;
}

/* ---- aiming ---- */

struct scene_view scene_aim(const struct scene *s, float aspect, float out_h, float head_px, float eye_y, float zoom, float pan) {
    struct scene_view best = { { 0, 0, 1, 1 }, 2 };
    if (s->kind == SCENE_BACKDROP)
        return best;
    float bw = (float)s->background->w, bh = (float)s->background->h, best_cost = 1e30f;
    float full_h = fminf(bh, bw / aspect);
    for (float z = 1; z <= 2.2f; z += 0.05f) {
        float h = full_h / z, w = h * aspect;
        /* head_px = out_h / h * f * HEAD_M / depth */
        float depth = out_h / h * s->f * HEAD_M / head_px, kept = clampf(depth, s->near_m, s->far_m);
        float eyes = s->cy - s->f * (EYES_M - s->camera_m) / kept, y0 = eyes - eye_y * h, y = clampf(y0, 0, bh - h);
        float cost = 6 * fabsf(y - y0) / h + 3 * fabsf(logf(depth / kept)) + 1.5f * fabsf(logf(z / zoom));
        if (cost >= best_cost)
            continue;
        best_cost = cost;
        float x = clampf(s->cx - w / 2 + pan * (bw - w) / 2, 0, bw - w);
        best = (struct scene_view){ { x, y, x + w, y + h }, kept };
    }
    return best;
}

/* ---- rendering ---- */

/* Diameter of the blur disc of every output pixel, in output pixels. */
static struct plane blur_discs(const struct scene *s, const struct scene_view *v, int w, int h, float blur) {
    struct plane coc = plane_new(w, h);
    /* An 80 mm f/2.8-like lens on a 36 mm frame: 45 px of blur per dioptre at 1920 px for the whole width. */
    float per_dioptre = 0.0235f * (float)s->background->w * (float)w / (v->window.x1 - v->window.x0) * blur, at = 1 / v->focus_m;
    float limit = 0.018f * (float)w;
    if (!s->inv_depth) {
        plane_fill(&coc, fminf(per_dioptre * fabsf(1 / (v->focus_m + s->wall_m) - at), limit));
        return coc;
    }
    const struct img16 *d = s->inv_depth;
    PLANE_CLEANUP struct plane inv = plane_new(d->w, d->h);
    for (int y = 0; y < d->h; y++)
        for (int x = 0; x < d->w; x++)
            plane_row(&inv, y)[x] = (float)d->px[(size_t)y * d->stride + (size_t)x] / 65535;
    float kx = (float)d->w / (float)s->background->w, ky = (float)d->h / (float)s->background->h;
    struct rectf from = { v->window.x0 * kx, v->window.y0 * ky, v->window.x1 * kx, v->window.y1 * ky };
    PLANE_CLEANUP struct plane near = plane_resample(&inv, from, w, h, RESAMPLE_AREA);
    for (size_t i = 0, n = plane_n(&coc); i < n; i++)
        coc.px[i] = fminf(per_dioptre * fabsf(near.px[i] - at), limit);
    plane_gauss(&coc, 2 + (float)w / 960); /* no hard seams between sharp and blurred */
    return coc;
}

/* Disc of radius r; large discs on half the pixels, where nobody sees the difference. */
static struct plane disc(const struct plane *p, float r) {
    if (r < 5)
        return plane_disc(p, r);
    PLANE_CLEANUP struct plane small = plane_resize(p, (p->w + 1) / 2, (p->h + 1) / 2, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane soft = plane_disc(&small, r / 2);
    return plane_resize(&soft, p->w, p->h, RESAMPLE_CUBIC);
}

/* A few pictures blurred more and more; every pixel mixes the two nearest. */
static void refocus(struct pic *p, const struct plane *coc) {
    static const float radius[] = { 0, 1.5f, 3, 6, 10, 16, 26 };
    enum { LEVELS = sizeof radius / sizeof *radius };
    float top = 0;
    for (size_t i = 0, n = plane_n(coc); i < n; i++)
        top = fmaxf(top, coc->px[i] / 2);
    for (int c = 0; c < 3; c++) {
        struct plane out = plane_new(coc->w, coc->h);
        for (int k = 0; k < LEVELS; k++) {
            if (k > 0 && radius[k - 1] >= top)
                break;
            PLANE_CLEANUP struct plane level = k ? disc(&p->c[c], radius[k]) : plane_copy(&p->c[c]);
            float below = k ? radius[k - 1] : -1, here = radius[k], above = k + 1 < LEVELS ? radius[k + 1] : 1e9f;
            for (size_t i = 0, n = plane_n(&out); i < n; i++) {
                float r = fminf(coc->px[i] / 2, radius[LEVELS - 1]);
                float weight = r < here ? (r - below) / (here - below) : (above - r) / (above - here);
                out.px[i] += level.px[i] * clampf(weight, 0, 1);
            }
        }
        plane_done(&p->c[c]);
        p->c[c] = out;
    }
}

struct pic scene_render(const struct scene *s, const struct scene_view *v, int w, int h, float blur, float middle_x,
                        uint64_t seed) {
    if (s->kind == SCENE_BACKDROP)
        return scene_paint_cloth(&s->cloth, &s->key, w, h, middle_x, seed);
    struct box b = box_around((struct rectf){ v->window.x0 - 4, v->window.y0 - 4, v->window.x1 + 4, v->window.y1 + 4 },
                              s->background->w, s->background->h);
    PIC_CLEANUP struct pic part = pic_linear_of(s->background, b);
    struct rectf from = { v->window.x0 - (float)b.x0, v->window.y0 - (float)b.y0, v->window.x1 - (float)b.x0,
                          v->window.y1 - (float)b.y0 };
    struct pic p = pic_resample(&part, from, w, h, RESAMPLE_CUBIC);
    PLANE_CLEANUP struct plane coc = blur_discs(s, v, w, h, blur);
    refocus(&p, &coc);
    for (int c = 0; c < 3; c++)
        for (size_t i = 0, n = plane_n(&p.c[c]); i < n; i++)
            p.c[c].px[i] = clampf(p.c[c].px[i], 0, 1);
    return p;
}
