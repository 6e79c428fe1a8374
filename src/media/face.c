#include "media/face.h"

#include <math.h>
#include <string.h>

#include "media/odd_light.h"
#include "media/similarity.h"

enum { NEAR_PX = 128, FAR_PX = 192, MESH_PX = 256, EMBED_PX = 112, NEAR_ANCHORS = 896, FAR_ANCHORS = 2304, RAW = 16 };
enum { RAW_FACES_MAX = 512, TILES_MAX = 96, MESH_TRIES = 3 };

static const float HEAP = 0.3f; /* boxes that overlap more than this mean the same face */

static float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

/* ---- detection ---- */

/* Where the detector looks: a square of the photo, its pixels already in the model's input. */
struct view {
    float x0, y0, side; /* px of the photo */
};

struct found {
    struct face *f; /* RAW_FACES_MAX */
    int n;
};

/* Centre of anchor i in the unit square. Short range: 16 x 16 cells of 2, then 8 x 8 of 6; full range: 48 x 48 of 1. */
static void anchor(int n_anchors, int i, float at[2]) {
    int cells = 48, k = i;
    if (n_anchors == NEAR_ANCHORS) {
        cells = i < 512 ? 16 : 8;
        k = i < 512 ? i / 2 : (i - 512) / 6;
    }
    at[0] = ((float)(k % cells) + 0.5f) / (float)cells;
    at[1] = ((float)(k / cells) + 0.5f) / (float)cells;
}

static void found_add(struct found *out, const float *raw, const float at[2], float score, int px, struct view v) {
    if (out->n >= RAW_FACES_MAX)
        return;
    struct face *f = &out->f[out->n++];
    memset(f, 0, sizeof *f);
    f->score = score;
    float cx = raw[0] / (float)px + at[0], cy = raw[1] / (float)px + at[1];
    float hw = raw[2] / (float)px / 2, hh = raw[3] / (float)px / 2;
    f->box = (struct rectf){ v.x0 + (cx - hw) * v.side, v.y0 + (cy - hh) * v.side, v.x0 + (cx + hw) * v.side,
                             v.y0 + (cy + hh) * v.side };
    for (int k = 0; k < 6; k++) {
        f->key[k][0] = v.x0 + (raw[4 + 2 * k] / (float)px + at[0]) * v.side;
        f->key[k][1] = v.y0 + (raw[5 + 2 * k] / (float)px + at[1]) * v.side;
    }
}

/* input: px * px * 3, interleaved, -1..1 */
static int detect_in(struct ort_session *s, const float *input, int px, struct view v, float score_min, struct found *out,
                     struct err *e) {
    int n_anchors = px == NEAR_PX ? NEAR_ANCHORS : FAR_ANCHORS;
    const int64_t dims[] = { 1, px, px, 3 };
    ORT_RESULT_CLEANUP struct ort_result res = { 0 };
    int r = ort_run(s, input, dims, 4, &res, e);
    if (r < 0)
        return r;
    const struct ort_tensor *boxes = ort_output_of(&res, (size_t)(n_anchors * RAW)),
                            *scores = ort_output_of(&res, (size_t)n_anchors);
    if (!boxes || !scores)
        return err_set(e, ERR_ENGINE_MISSING, "the face detector is not the one expected");
    for (int i = 0; i < n_anchors; i++) {
        float score = sigmoid(scores->data[i]), at[2];
        if (!(score >= score_min))
            continue;
        anchor(n_anchors, i, at);
        found_add(out, boxes->data + i * RAW, at, score, px, v);
    }
    return 0;
}

/* The window of pic whose corner is (x0, y0) as model input; what lies outside is grey. */
static void window(const struct pic *p, int x0, int y0, int px, float *input) {
    for (int y = 0; y < px; y++)
        for (int c = 0; c < 3; c++) {
            float *d = input + (size_t)y * (size_t)px * 3 + c;
            int sy = y0 + y;
            for (int x = 0; x < px; x++) {
                int sx = x0 + x;
                bool in = sx >= 0 && sy >= 0 && sx < pic_w(p) && sy < pic_h(p);
                d[3 * x] = in ? plane_row(&p->c[c], sy)[sx] * 2 - 1 : 0;
            }
        }
}

/* The whole photo in one square, with bars. */
static int detect_whole(struct ort_session *s, const struct pic *base, float scale, int px, struct found *out, struct err *e) {
    int w = pic_w(base), h = pic_h(base), longer = w > h ? w : h;
    float k = (float)px / (float)longer;
    int sw = clampi((int)lroundf((float)w * k), 1, px), sh = clampi((int)lroundf((float)h * k), 1, px);
    PIC_CLEANUP struct pic small = pic_resize(base, sw, sh, RESAMPLE_AREA);
    int x0 = -(px - sw) / 2, y0 = -(px - sh) / 2;
    CLEANUP(free) float *input = calloc((size_t)(px * px * 3), sizeof(float));
    if (!input)
        return err_set(e, ERR_MEDIA_MEMORY, "face detection");
    window(&small, x0, y0, px, input);
    float to_photo = scale / k;
    return detect_in(s, input, px, (struct view){ (float)x0 * to_photo, (float)y0 * to_photo, (float)px * to_photo }, 0.5f, out,
                     e);
}

/* Overlapping tiles that each cover `part` of the shorter side. */
static int detect_tiles(struct ort_session *s, const struct pic *base, float scale, float part, struct found *out,
                        struct err *e) {
    int w = pic_w(base), h = pic_h(base), shorter = w < h ? w : h;
    float k = FAR_PX / (part * (float)shorter);
    int sw = (int)lroundf((float)w * k), sh = (int)lroundf((float)h * k);
    PIC_CLEANUP struct pic level = pic_resize(base, sw, sh, RESAMPLE_AREA);
    CLEANUP(free) float *input = calloc(FAR_PX * FAR_PX * 3, sizeof(float));
    if (!input)
        return err_set(e, ERR_MEDIA_MEMORY, "face detection");
    int nx = (int)ceilf((float)(sw - FAR_PX) / (FAR_PX * 0.6f)) + 1, ny = (int)ceilf((float)(sh - FAR_PX) / (FAR_PX * 0.6f)) + 1;
    if (nx * ny > TILES_MAX) /* a panorama: what the whole view found will do */
        return 0;
    float to_photo = scale / k;
    for (int j = 0; j < ny; j++)
        for (int i = 0; i < nx; i++) {
            int x0 = nx > 1 ? i * (sw - FAR_PX) / (nx - 1) : 0, y0 = ny > 1 ? j * (sh - FAR_PX) / (ny - 1) : 0;
            window(&level, x0, y0, FAR_PX, input);
            struct view v = { (float)x0 * to_photo, (float)y0 * to_photo, FAR_PX * to_photo };
            int r = detect_in(s, input, FAR_PX, v, 0.6f, out, e);
            if (r < 0)
                return r;
        }
    return 0;
}

float face_overlap(const struct rectf *a, const struct rectf *b) {
    float w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0), h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(w > 0 && h > 0))
        return 0;
    float aa = (a->x1 - a->x0) * (a->y1 - a->y0), ab = (b->x1 - b->x0) * (b->y1 - b->y0), both = w * h;
    return fmaxf(both / (aa + ab - both), 0.6f * both / fminf(aa, ab));
}

static int by_score(const void *a, const void *b) {
    float x = ((const struct face *)a)->score, y = ((const struct face *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

int face_suppress(struct face *faces, int n) {
    int kept = 0;
    qsort(faces, (size_t)n, sizeof *faces, by_score);
    for (int i = 0; i < n; i++) {
        bool fresh = true;
        for (int j = 0; j < kept && fresh; j++)
            fresh = face_overlap(&faces[i].box, &faces[j].box) <= HEAP;
        if (fresh && kept != i)
            faces[kept] = faces[i];
        kept += fresh;
    }
    return kept;
}

/* ---- mesh ---- */

/* One pass over the square of side px around (cx, cy), turned by rot. */
static int mesh_pass(const struct face_models *m, const struct img8 *photo, struct face *f, float cx, float cy, float side,
                     float rot, struct err *e) {
    enum { N = MESH_PX };
    float k = side / N;
    struct similarity to_photo = { k * cosf(rot), k * sinf(rot), 0, 0 };
    to_photo.tx = cx - (to_photo.a - to_photo.b) * (N / 2.0f);
    to_photo.ty = cy - (to_photo.b + to_photo.a) * (N / 2.0f);
    CLEANUP(free) float *planes = malloc(sizeof(float) * 6 * N * N);
    if (!planes)
        return err_set(e, ERR_MEDIA_MEMORY, "face mesh");
    float *input = planes + 3 * N * N;
    similarity_warp(photo, to_photo, N, 0, planes);
    for (int i = 0; i < N * N; i++)
        for (int c = 0; c < 3; c++)
            input[3 * i + c] = planes[c * N * N + i] / 255;
    const int64_t dims[] = { 1, N, N, 3 };
    ORT_RESULT_CLEANUP struct ort_result res = { 0 };
    int r = ort_run(m->mesh, input, dims, 4, &res, e);
    if (r < 0)
        return r;
    const struct ort_tensor *mesh = ort_output_of(&res, FACE_POINTS * 3), *flag = NULL;
    for (int i = 0; i < res.n; i++)
        if (res.out[i].n == 1 && res.out[i].n_dims == 4) /* the other single number, of 2 dimensions, is the tongue */
            flag = &res.out[i];
    if (!mesh || !flag)
        return err_set(e, ERR_ENGINE_MISSING, "the face mesh is not the one expected");
    f->presence = sigmoid(flag->data[0]);
    for (int i = 0; i < FACE_POINTS; i++) {
        similarity_apply(to_photo, mesh->data[3 * i], mesh->data[3 * i + 1], f->point[i]);
        f->point[i][2] = mesh->data[3 * i + 2] * k;
    }
    return 0;
}

static struct rectf hull(const struct face *f, float rot) {
    float c = cosf(rot), s = sinf(rot);
    struct rectf b = { 1e9f, 1e9f, -1e9f, -1e9f };
    for (int i = 0; i < 468; i++) {
        float x = c * f->point[i][0] + s * f->point[i][1], y = -s * f->point[i][0] + c * f->point[i][1];
        b = (struct rectf){ fminf(b.x0, x), fminf(b.y0, y), fmaxf(b.x1, x), fmaxf(b.y1, y) };
    }
    return b;
}

/* First from the detector's box and eyes, then once more from the mesh itself, which centres it. */
static int mesh(const struct face_models *m, const struct img8 *photo, struct face *f, struct err *e) {
    float w = f->box.x1 - f->box.x0, h = f->box.y1 - f->box.y0;
    float rot = atan2f(f->key[1][1] - f->key[0][1], f->key[1][0] - f->key[0][0]);
    int r = mesh_pass(m, photo, f, (f->box.x0 + f->box.x1) / 2, (f->box.y0 + f->box.y1) / 2, 1.5f * fmaxf(w, h), rot, e);
    for (int pass = 0; r >= 0 && pass < 2 && f->presence > 0.1f; pass++) {
        const float *a = f->point[FACE_EYE_OUTER_L], *b = f->point[FACE_EYE_OUTER_R];
        rot = atan2f(b[1] - a[1], b[0] - a[0]);
        struct rectf t = hull(f, rot);
        float mx = (t.x0 + t.x1) / 2, my = (t.y0 + t.y1) / 2, side = 1.5f * fmaxf(t.x1 - t.x0, t.y1 - t.y0);
        if (!(side > 1))
            return 0;
        r = mesh_pass(m, photo, f, cosf(rot) * mx - sinf(rot) * my, sinf(rot) * mx + cosf(rot) * my, side, rot, e);
    }
    if (r >= 0)
        f->box = hull(f, 0);
    return r;
}

/* ---- measures ---- */

static float distance3(const float *a, const float *b) {
    float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return sqrtf(x * x + y * y + z * z);
}

void face_measure(struct face *f) {
    const float deg = 57.29578f;
    const float *l = f->point[FACE_SIDE_L], *r = f->point[FACE_SIDE_R], *top = f->point[FACE_FOREHEAD],
                *chin = f->point[FACE_CHIN];
    float dx = r[0] - l[0], dy = r[1] - l[1];
    f->roll_deg = atan2f(dy, dx) * deg;
    f->yaw_deg = atan2f(r[2] - l[2], sqrtf(dx * dx + dy * dy)) * deg;
    float vx = chin[0] - top[0], vy = chin[1] - top[1];
    f->pitch_deg = atan2f(top[2] - chin[2], sqrtf(vx * vx + vy * vy)) * deg;
    /* Mesh height is 0.78 and mesh width 0.62 of chin to crown in the average adult head; together they forgive an open mouth. */
    f->head_px = 0.5f * (distance3(top, chin) / 0.78f + distance3(l, r) / 0.62f);
}

float face_blur(const struct plane *grey) {
    enum { R = 4 };
    double sharp[2] = { 0 }, lost[2] = { 0 };
    for (int turn = 0; turn < 2; turn++) {
        PLANE_CLEANUP struct plane p = turn ? plane_transpose(grey) : plane_copy(grey);
        for (int y = R + 1; y < p.h - R; y++)
            for (int x = 0; x < p.w; x++) {
                float now = 0, before = 0;
                for (int k = -R; k <= R; k++) {
                    now += plane_row(&p, y + k)[x];
                    before += plane_row(&p, y - 1 + k)[x];
                }
                float d = fabsf(plane_row(&p, y)[x] - plane_row(&p, y - 1)[x]), db = fabsf(now - before) / (2 * R + 1);
                sharp[turn] += (double)d;
                lost[turn] += (double)fmaxf(0, d - db);
            }
    }
    double a = sharp[0] > 0 ? (sharp[0] - lost[0]) / sharp[0] : 1, b = sharp[1] > 0 ? (sharp[1] - lost[1]) / sharp[1] : 1;
    return (float)(a > b ? a : b);
}

/* The face at up to 160 px across: finer detail than that is not what makes a face look blurred. */
static float blur_of(const struct img8 *photo, const struct face *f) {
    float side = fmaxf(f->box.x1 - f->box.x0, f->box.y1 - f->box.y0);
    int n = clampi((int)side, 16, 160);
    CLEANUP(free) float *rgb = malloc(sizeof(float) * 3 * (size_t)(n * n));
    if (!rgb)
        abort();
    float k = side / (float)n;
    struct similarity m = { k, 0, (f->box.x0 + f->box.x1 - side) / 2, (f->box.y0 + f->box.y1 - side) / 2 };
    similarity_warp(photo, m, n, 0, rgb);
    PLANE_CLEANUP struct plane grey = plane_new(n, n);
    for (int i = 0; i < n * n; i++)
        grey.px[i] = luma(rgb[i], rgb[n * n + i], rgb[2 * n * n + i]);
    return face_blur(&grey);
}

/* Crown: a quarter of the face's height above its upper end, along the face's own axis. A hair's breadth outside is forgiven. */
static bool is_cut(const struct img8 *photo, const struct face *f) {
    const float *top = f->point[FACE_FOREHEAD], *chin = f->point[FACE_CHIN];
    float crown_x = top[0] + 0.25f * (top[0] - chin[0]), crown_y = top[1] + 0.25f * (top[1] - chin[1]);
    float slack = 0.04f * f->head_px, w = (float)photo->w, h = (float)photo->h;
    return f->box.x0 < -slack || f->box.y0 < -slack || f->box.x1 > w + slack || f->box.y1 > h + slack || crown_x < -slack ||
           crown_y < -slack || crown_x > w + slack;
}

/* ---- whole ---- */

static int detect(const struct face_models *m, const struct img8 *photo, struct found *out, struct err *e) {
    /* 512 px of shorter side is what the finest tiles use. */
    int shorter = photo->w < photo->h ? photo->w : photo->h, w = photo->w, h = photo->h;
    float scale = 1;
    if (shorter > 512) {
        scale = (float)shorter / 512;
        w = (int)lroundf((float)w / scale);
        h = (int)lroundf((float)h / scale);
    }
    PIC_CLEANUP struct pic base = pic_srgb_shrunk(photo, w, h);
    int r = detect_whole(m->near, &base, scale, NEAR_PX, out, e);
    if (r >= 0)
        r = detect_whole(m->far, &base, scale, FAR_PX, out, e);
    if (r >= 0 && shorter >= FAR_PX)
        r = detect_tiles(m->far, &base, scale, 0.75f, out, e);
    if (r >= 0 && shorter >= 2 * FAR_PX)
        r = detect_tiles(m->far, &base, scale, 0.375f, out, e);
    return r;
}

int face_find(const struct face_models *m, const struct img8 *photo, struct face *ret_faces, int max, struct err *e) {
    struct found out = { calloc(RAW_FACES_MAX, sizeof(struct face)), 0 };
    CLEANUP(free) struct face *raw = out.f;
    if (!raw)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    int r = detect(m, photo, &out, e);
    if (r < 0)
        return r;
    int n = out.n, kept = 0, failed = 0;
    CLEANUP(free) struct rectf *lost = calloc((size_t)n + 1, sizeof *lost);
    if (!lost)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    qsort(raw, (size_t)n, sizeof *raw, by_score);
    for (int i = 0; i < n && kept < max; i++) {
        struct face f = raw[i];
        int tries = 0;
        bool fresh = true;
        for (int k = 0; k < kept && fresh; k++)
            fresh = face_overlap(&f.box, &raw[k].detected) <= HEAP;
        for (int k = 0; k < failed; k++)
            tries += face_overlap(&f.box, &lost[k]) > HEAP;
        /* The best box of a heap may be the one from which the mesh goes astray: others of it get their chance. */
        if (!fresh || tries >= MESH_TRIES)
            continue;
        f.detected = f.box;
        r = mesh(m, photo, &f, e);
        if (r < 0)
            return r;
        if (f.presence < 0.5f) {
            lost[failed++] = f.detected;
            continue;
        }
        face_measure(&f);
        f.blur = blur_of(photo, &f);
        f.odd_light = odd_light(photo, &f);
        f.cut = is_cut(photo, &f);
        raw[kept++] = f;
    }
    /* Two boxes that the detector kept apart may have become the same face. */
    kept = face_suppress(raw, kept);
    memcpy(ret_faces, raw, (size_t)kept * sizeof *raw);
    return kept;
}

int face_embed(const struct face_models *m, const struct img8 *photo, struct face *f, struct err *e) {
    enum { N = EMBED_PX };
    /* Eyes, nose, mouth corners in the 112 px crop that ArcFace-like models are trained on. */
    static const float to[5][2] = {
        { 38.2946f, 51.6963f }, { 73.5318f, 51.5014f }, { 56.0252f, 71.7366f }, { 41.5493f, 92.3655f }, { 70.7299f, 92.2041f }
    };
    static const int points[5] = { FACE_IRIS_L, FACE_IRIS_R, FACE_NOSE_TIP, FACE_MOUTH_L, FACE_MOUTH_R };
    float from[5][2];
    for (int i = 0; i < 5; i++)
        memcpy(from[i], f->point[points[i]], sizeof from[i]);
    struct similarity to_photo = similarity_fit(to, (const float(*)[2])from, 5);
    CLEANUP(free) float *input = malloc(sizeof(float) * 3 * N * N);
    if (!input)
        return err_set(e, ERR_MEDIA_MEMORY, "face embedding");
    similarity_warp(photo, to_photo, N, 0, input);
    const int64_t dims[] = { 1, 3, N, N };
    ORT_RESULT_CLEANUP struct ort_result res = { 0 };
    int r = ort_run(m->embed, input, dims, 4, &res, e);
    if (r < 0)
        return r;
    const struct ort_tensor *t = ort_output_of(&res, FACE_EMBEDDING);
    if (!t)
        return err_set(e, ERR_ENGINE_MISSING, "the face embedding is not the one expected");
    float length = sqrtf(face_cosine(t->data, t->data));
    for (int i = 0; i < FACE_EMBEDDING; i++)
        f->embedding[i] = length > 0 ? t->data[i] / length : 0;
    return 0;
}

float face_cosine(const float a[FACE_EMBEDDING], const float b[FACE_EMBEDDING]) {
    float s = 0;
    for (int i = 0; i < FACE_EMBEDDING; i++)
        s += a[i] * b[i];
    return s;
}
