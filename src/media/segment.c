#include "media/segment.h"

#include <math.h>
#include <string.h>

#include "media/filter.h"
#include "media/split.h"

enum { PARTS_PX = 256, MATTE_PX = 512, PIXELS_MAX = 2 * 1000 * 1000 };

/* ---- models ---- */

/* Class probabilities of one window of rgb, as large as the window. */
static int run_parts(const struct segment_models *m, const struct pic *rgb, struct box window, struct plane ret_part[PARTS],
                     struct err *e) {
    enum { N = PARTS_PX };
    struct rectf from = { (float)window.x0, (float)window.y0, (float)window.x1, (float)window.y1 };
    PIC_CLEANUP struct pic small = pic_resample(rgb, from, N, N, RESAMPLE_AREA);
    CLEANUP(free) float *input = malloc(sizeof(float) * 3 * N * N);
    if (!input)
        return err_set(e, ERR_MEDIA_MEMORY, "segmentation");
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < N * N; i++)
            input[3 * i + c] = small.c[c].px[i];
    const int64_t dims[] = { 1, N, N, 3 };
    ORT_RESULT_CLEANUP struct ort_result res = { 0 };
    int r = ort_run(m->parts, input, dims, 4, &res, e);
    if (r < 0)
        return r;
    const struct ort_tensor *t = ort_output_of(&res, (size_t)(N * N * PARTS));
    if (!t)
        return err_set(e, ERR_ENGINE_MISSING, "the segmentation model is not the one expected");
    struct plane p[PARTS];
    for (int k = 0; k < PARTS; k++)
        p[k] = plane_new(N, N);
    for (int i = 0; i < N * N; i++) {
        const float *logit = t->data + i * PARTS;
        float top = logit[0], sum = 0;
        for (int k = 1; k < PARTS; k++)
            top = fmaxf(top, logit[k]);
        for (int k = 0; k < PARTS; k++)
            sum += p[k].px[i] = expf(logit[k] - top);
        for (int k = 0; k < PARTS; k++)
            p[k].px[i] /= sum;
    }
    for (int k = 0; k < PARTS; k++) {
        ret_part[k] = plane_resize(&p[k], box_w(window), box_h(window), RESAMPLE_AREA);
        plane_done(&p[k]);
    }
    return 0;
}

/* MODNet's alpha of one window: its shorter side becomes MATTE_PX, both sides multiples of 32 as the network wants. */
static int run_matte(const struct segment_models *m, const struct pic *rgb, struct box window, struct plane *ret_alpha,
                     struct err *e) {
    int bw = box_w(window), bh = box_h(window), shorter = bw < bh ? bw : bh;
    float k = (float)MATTE_PX / (float)shorter;
    int w = clampi((int)lroundf((float)bw * k / 32) * 32, 32, 1024), h = clampi((int)lroundf((float)bh * k / 32) * 32, 32, 1024);
    struct rectf from = { (float)window.x0, (float)window.y0, (float)window.x1, (float)window.y1 };
    PIC_CLEANUP struct pic small = pic_resample(rgb, from, w, h, RESAMPLE_AREA);
    size_t n = (size_t)w * (size_t)h;
    CLEANUP(free) float *input = malloc(sizeof(float) * 3 * n);
    if (!input)
        return err_set(e, ERR_MEDIA_MEMORY, "matting");
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            input[(size_t)c * n + i] = small.c[c].px[i] * 2 - 1;
    const int64_t dims[] = { 1, 3, h, w };
    ORT_RESULT_CLEANUP struct ort_result res = { 0 };
    int r = ort_run(m->matte, input, dims, 4, &res, e);
    if (r < 0)
        return r;
    const struct ort_tensor *t = ort_output_of(&res, n);
    if (!t)
        return err_set(e, ERR_ENGINE_MISSING, "the matting model is not the one expected");
    PLANE_CLEANUP struct plane a = plane_new(w, h);
    memcpy(a.px, t->data, n * sizeof(float));
    *ret_alpha = plane_resize(&a, bw, bh, RESAMPLE_AREA);
    return 0;
}

/* Lays `patch` over `all` at window; its outermost eighth fades, except where the window ends with the picture. */
static void lay_over(struct plane *all, const struct plane *patch, struct box window) {
    int bw = box_w(window), bh = box_h(window);
    float fade_x = (float)bw / 8, fade_y = (float)bh / 8;
    for (int y = 0; y < bh; y++) {
        float up = window.y0 > 0 ? (float)y / fade_y : 1, down = window.y1 < all->h ? (float)(bh - 1 - y) / fade_y : 1;
        float fy = clampf(fminf(up, down), 0, 1);
        float *d = plane_row(all, window.y0 + y) + window.x0;
        const float *s = plane_row(patch, y);
        for (int x = 0; x < bw; x++) {
            float left = window.x0 > 0 ? (float)x / fade_x : 1, right = window.x1 < all->w ? (float)(bw - 1 - x) / fade_x : 1;
            d[x] = mixf(d[x], s[x], fy * clampf(fminf(left, right), 0, 1));
        }
    }
}

/*
 * What the models are shown instead of a faded, foggy or dark photo: its tones stretched to the whole range, and, with `light`,
 * the middle tone raised to the middle. They were taught on good photos; on a good photo nothing happens.
 */
static struct pic shown_to_models(const struct pic *rgb, bool light) {
    enum { BINS = 256 };
    struct pic p = pic_copy(rgb);
    size_t hist[BINS] = { 0 }, n = plane_n(&p.c[0]), sum = 0;
    for (size_t i = 0; i < n; i++)
        hist[clampi((int)(luma(p.c[0].px[i], p.c[1].px[i], p.c[2].px[i]) * BINS), 0, BINS - 1)]++;
    int lo = 0, mid = 0, hi = BINS - 1;
    while (lo < BINS - 1 && (sum += hist[lo]) < n / 100)
        lo++;
    for (sum = 0; mid < BINS - 1 && (sum += hist[mid]) < n / 2; mid++) {
    }
    for (sum = 0; hi > 0 && (sum += hist[hi]) < n / 100; hi--) {
    }
    float black = (float)lo / BINS, scale = 1 / fmaxf((float)(hi - lo) / BINS, 0.2f);
    float middle = clampf(((float)mid / BINS - black) * scale, 0.02f, 0.98f);
    float gamma = light ? clampf(logf(0.5f) / logf(middle), 0.5f, 1) : 1;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++) {
            float v = clampf((p.c[c].px[i] - black) * scale, 0, 1);
            p.c[c].px[i] = gamma < 0.97f ? powf(v, gamma) : v;
        }
    return p;
}

/* Two opinions on what is person in one window; who sees one counts more, for what these models do is miss. */
static void parts_agree(struct plane all[PARTS], const struct plane near[PARTS], struct box window) {
    for (int y = 0; y < box_h(window); y++)
        for (int x = 0; x < box_w(window); x++) {
            size_t i = (size_t)(window.y0 + y) * (size_t)all->w + (size_t)(window.x0 + x),
                   j = (size_t)y * (size_t)near->w + (size_t)x;
            float a = 1.35f - all[PART_BACKGROUND].px[i], b = 1.35f - near[PART_BACKGROUND].px[j];
            for (int k = 0; k < PARTS; k++)
                all[k].px[i] = mixf(all[k].px[i], near[k].px[j], b / (a + b));
        }
}

/*
 * Both models on the whole region, then on head and shoulders, which is what they know best, lit up if it is dark, then on the
 * head alone, where the detail matters.
 */
static int run_models(const struct segment_models *m, struct segment *s, struct box bust, struct box head,
                      struct plane *ret_matte, struct err *e) {
    struct box all = { 0, 0, pic_w(&s->rgb), pic_h(&s->rgb) };
    PIC_CLEANUP struct pic shown = shown_to_models(&s->rgb, /* light= */ false);
    int r = run_parts(m, &shown, all, s->part, e);
    if (r < 0 || (r = run_matte(m, &shown, all, ret_matte, e)) < 0)
        return r;
    const struct box windows[] = { bust, head };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct box w = windows[i];
        if (box_w(w) < 32 || box_h(w) < 32)
            continue;
        PIC_CLEANUP struct pic near = pic_crop(&s->rgb, w);
        PIC_CLEANUP struct pic lit = shown_to_models(&near, /* light= */ i == 0);
        struct box whole = { 0, 0, box_w(w), box_h(w) };
        struct plane part[PARTS];
        PLANE_CLEANUP struct plane close = { 0 };
        if ((r = run_parts(m, &lit, whole, part, e)) < 0)
            return r;
        if (i == 0)
            parts_agree(s->part, part, w);
        for (int k = 0; k < PARTS; k++) {
            if (i > 0)
                lay_over(&s->part[k], &part[k], w);
            plane_done(&part[k]);
        }
        if ((r = run_matte(m, &lit, whole, &close, e)) < 0)
            return r;
        lay_over(ret_matte, &close, w);
    }
    return 0;
}

/* ---- fusion ---- */

/* How far the two models agree in what they are sure of, around each pixel: 1 = the matte may be believed here. */
static struct plane trust_of(const struct plane *inside, const struct plane *outside, const struct plane *matte, float sigma) {
    PLANE_CLEANUP struct plane wrong = plane_new(matte->w, matte->h);
    PLANE_CLEANUP struct plane known = plane_new(matte->w, matte->h);
    for (size_t i = 0, n = plane_n(matte); i < n; i++) {
        known.px[i] = inside->px[i] + outside->px[i];
        wrong.px[i] = inside->px[i] * (1 - matte->px[i]) + outside->px[i] * matte->px[i];
    }
    struct plane trust = plane_gauss_far(&wrong, sigma);
    PLANE_CLEANUP struct plane weight = plane_gauss_far(&known, sigma);
    for (size_t i = 0, n = plane_n(matte); i < n; i++)
        trust.px[i] = smoothf(0.22f, 0.08f, fmaxf(trust.px[i], 0) / fmaxf(weight.px[i], 1e-3f));
    return trust;
}

/* Local mean and variance of colour where weight is, over a radius of about sigma; all planes of the same small size. */
struct local_colour {
    struct plane mean[3], weight;
    struct plane variance; /* of all channels together */
};

static struct local_colour local_colour_of(const struct pic *rgb, const struct plane *weight, float sigma) {
    struct local_colour l = { .weight = plane_copy(weight), .variance = plane_new(weight->w, weight->h) };
    size_t n = plane_n(weight);
    plane_gauss(&l.weight, sigma);
    for (int c = 0; c < 3; c++) {
        PLANE_CLEANUP struct plane square = plane_new(weight->w, weight->h);
        l.mean[c] = plane_new(weight->w, weight->h);
        for (size_t i = 0; i < n; i++) {
            l.mean[c].px[i] = weight->px[i] * rgb->c[c].px[i];
            square.px[i] = l.mean[c].px[i] * rgb->c[c].px[i];
        }
        plane_gauss(&l.mean[c], sigma);
        plane_gauss(&square, sigma);
        for (size_t i = 0; i < n; i++) {
            float inv = 1 / (l.weight.px[i] + 1e-4f);
            l.mean[c].px[i] *= inv;
            l.variance.px[i] += fmaxf(0, square.px[i] * inv - l.mean[c].px[i] * l.mean[c].px[i]) / 3;
        }
    }
    return l;
}

static void local_colour_done(struct local_colour *l) {
    for (int c = 0; c < 3; c++)
        plane_done(&l->mean[c]);
    plane_done(&l->weight);
    plane_done(&l->variance);
}

static float local_distance(const struct local_colour *l, const struct pic *rgb, size_t i) {
    float d = 0;
    for (int c = 0; c < 3; c++) {
        float x = rgb->c[c].px[i] - l->mean[c].px[i];
        d += x * x / 3;
    }
    return d / (l->variance.px[i] + 0.002f);
}

/*
 * Gaps that the coarse model closed, as between an arm and the body: the matte says background, and the colour is that of the
 * background near by, not that of the person near by. Dark clothes that the matte eats fail the second half. 0..1, full size.
 */
static struct plane gaps_of(const struct plane *inside, const struct plane *outside, const struct plane *matte,
                            const struct pic *rgb, int band) {
    int w = clampi(matte->w * 3 / band, 8, matte->w), h = clampi(matte->h * 3 / band, 8, matte->h);
    PIC_CLEANUP struct pic small = pic_resize(rgb, w, h, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane a = plane_resize(matte, w, h, RESAMPLE_AREA), in = plane_resize(inside, w, h, RESAMPLE_AREA);
    PLANE_CLEANUP struct plane out = plane_resize(outside, w, h, RESAMPLE_AREA), gap = plane_new(w, h);
    for (size_t i = 0, n = plane_n(&gap); i < n; i++)
        in.px[i] *= smoothf(0.7f, 0.95f, a.px[i]);
    struct local_colour person = local_colour_of(&small, &in, 18), behind = local_colour_of(&small, &out, 18);
    for (size_t i = 0, n = plane_n(&gap); i < n; i++) {
        float near = smoothf(0.01f, 0.05f, behind.weight.px[i]);
        float ratio = local_distance(&person, &small, i) / (local_distance(&behind, &small, i) + 0.05f);
        float apart = 0; /* dark clothes in front of a dark room: colour says nothing */
        for (int c = 0; c < 3; c++)
            apart += (person.mean[c].px[i] - behind.mean[c].px[i]) * (person.mean[c].px[i] - behind.mean[c].px[i]) / 3;
        gap.px[i] = near * smoothf(0.75f, 0.4f, a.px[i]) * smoothf(1.0f, 2.5f, ratio) * smoothf(0.01f, 0.04f, apart);
    }
    plane_grow(&gap, 1);
    local_colour_done(&person);
    local_colour_done(&behind);
    return plane_resize(&gap, matte->w, matte->h, RESAMPLE_AREA);
}

struct plane segment_fuse(const struct plane *sure, const struct plane *hair, const struct plane *matte, const struct pic *rgb,
                          float band_px) {
    int band = clampi((int)lroundf(band_px), 1, 64), wide = 3 * band;
    size_t n = plane_n(sure);
    /* The seam is wider where hair is near. */
    PLANE_CLEANUP struct plane hairy = plane_copy(hair);
    plane_grow(&hairy, wide);
    plane_box(&hairy, band);
    /* Certain inside and outside: far enough from the multiclass model's own edge. */
    PLANE_CLEANUP struct plane in_near = plane_copy(sure), in_far, out_near = plane_copy(sure), out_far;
    plane_shrink(&in_near, band);
    in_far = plane_copy(&in_near);
    plane_shrink(&in_far, wide / 2 - band);
    plane_grow(&out_near, band);
    out_far = plane_copy(&out_near);
    plane_grow(&out_far, wide - band);
    PLANE_CLEANUP struct plane inside = plane_new(sure->w, sure->h);
    PLANE_CLEANUP struct plane outside = plane_new(sure->w, sure->h);
    for (size_t i = 0; i < n; i++) {
        float h = clampf(hairy.px[i], 0, 1);
        inside.px[i] = smoothf(0.55f, 0.9f, mixf(in_near.px[i], in_far.px[i], h));
        outside.px[i] = smoothf(0.45f, 0.1f, mixf(out_near.px[i], out_far.px[i], h));
    }
    PLANE_CLEANUP struct plane trust = trust_of(&inside, &outside, matte, 2.5f * (float)band);
    PLANE_CLEANUP struct plane gap = gaps_of(&inside, &outside, matte, rgb, band);
    /* About the rim of hair the matte knows better: the coarse model takes any brown thing beside it for more of it. */
    PLANE_CLEANUP struct plane rim = plane_gauss_far(&outside, 4 * (float)band);
    for (size_t i = 0; i < n; i++)
        gap.px[i] = fmaxf(gap.px[i], hair->px[i] * smoothf(0.35f, 0.1f, matte->px[i]) * smoothf(0.015f, 0.08f, rim.px[i]));
    /* Where the matte is not to be believed: the multiclass edge, snapped to the picture's own. */
    struct plane alpha = plane_copy(sure);
    plane_guided(&alpha, rgb, band, 1e-4f);
    for (size_t i = 0; i < n; i++) {
        float own = smoothf(0.2f, 0.8f, alpha.px[i]), g = clampf(gap.px[i], 0, 1);
        float a = mixf(own, matte->px[i], fmaxf(trust.px[i], g));
        a = a + (1 - a) * inside.px[i] * (1 - g);
        /* The faintest veil is the matte's doubt, not hair: on another background it would show as a glow. */
        alpha.px[i] = clampf((a * (1 - outside.px[i]) - 0.07f) / 0.88f, 0, 1);
    }
    return alpha;
}

/* ---- whole ---- */

/* The region that can hold the person: arms held out to both sides, hair above, down to the knees. */
static struct rectf region_of(const struct face *f, const struct img8 *photo) {
    float h = f->head_px, cx = (f->box.x0 + f->box.x1) / 2, cy = (f->box.y0 + f->box.y1) / 2;
    struct box b = box_around((struct rectf){ cx - 2.5f * h, cy - 1.35f * h, cx + 2.5f * h, cy + 5.0f * h }, photo->w, photo->h);
    return (struct rectf){ (float)b.x0, (float)b.y0, (float)b.x1, (float)b.y1 };
}

/* The square around a head, `aside` heads to each side, from `up` heads above its middle; px of the segment. */
static struct box window_of(const struct segment *s, const struct face *f, float aside, float up) {
    float h = f->head_px, cx = (f->box.x0 + f->box.x1) / 2, cy = (f->box.y0 + f->box.y1) / 2;
    struct rectf r = { cx - aside * h, cy - up * h, cx + aside * h, cy + (2 * aside - up) * h };
    r = (struct rectf){ (r.x0 - s->roi.x0) * s->scale, (r.y0 - s->roi.y0) * s->scale, (r.x1 - s->roi.x0) * s->scale,
                        (r.y1 - s->roi.y0) * s->scale };
    return box_around(r, pic_w(&s->rgb), pic_h(&s->rgb));
}

/* The face itself must have come out as a person, else there is nothing to build on. */
static bool face_kept(const struct segment *s, const struct face *f) {
    float in = 0;
    int n = 0;
    for (int i = 0; i < 468; i++) {
        float x = (f->point[i][0] - s->roi.x0) * s->scale, y = (f->point[i][1] - s->roi.y0) * s->scale;
        if (x < 0 || y < 0 || x >= (float)s->alpha.w || y >= (float)s->alpha.h)
            continue;
        in += plane_at(&s->alpha, x, y);
        n++;
    }
    return n > 100 && in > 0.7f * (float)n;
}

/* What the face finder knows for a face is one, however faint the photo: no bite is taken out of a cheek. */
static void fill_face(struct segment *s, const struct face *f) {
    const float *top = f->point[FACE_FOREHEAD], *chin = f->point[FACE_CHIN], *l = f->point[FACE_SIDE_L],
                *r = f->point[FACE_SIDE_R];
    float k = s->scale, ux = (r[0] - l[0]) / 2 * k, uy = (r[1] - l[1]) / 2 * k, vx = (chin[0] - top[0]) / 2 * k,
          vy = (chin[1] - top[1]) / 2 * k;
    float cx = ((l[0] + r[0] + top[0] + chin[0]) / 4 - s->roi.x0) * k,
          cy = ((l[1] + r[1] + top[1] + chin[1]) / 4 - s->roi.y0) * k;
    float uu = fmaxf(ux * ux + uy * uy, 1), vv = fmaxf(vx * vx + vy * vy, 1), reach = sqrtf(fmaxf(uu, vv));
    struct box b = box_around((struct rectf){ cx - reach, cy - reach, cx + reach, cy + reach }, s->alpha.w, s->alpha.h);
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++) {
            float dx = (float)x + 0.5f - cx, dy = (float)y + 0.5f - cy, *a = plane_row(&s->alpha, y) + x;
            *a = fmaxf(*a, smoothf(0.9f, 0.75f, hypotf((dx * ux + dy * uy) / uu, (dx * vx + dy * vy) / vv)));
        }
}

int segment_person(const struct segment_models *m, const struct img8 *photo, const struct face *faces, int n, int who,
                   float head_px_max, int side_max, struct segment *ret_s, struct err *e) {
    const struct face *f = &faces[who];
    struct segment s = { .roi = region_of(f, photo), .scale = 1 };
    float rw = s.roi.x1 - s.roi.x0, rh = s.roi.y1 - s.roi.y0;
    if (!(rw >= 32 && rh >= 32 && f->head_px >= 16))
        return err_set(e, ERR_FACE_UNSURE, "the face is too small or outside the photo");
    /* PIXELS_MAX bounds memory: two dozen planes of floats live at the same time. */
    s.scale =
        fminf(fminf(1, head_px_max / f->head_px), fminf((float)side_max / fmaxf(rw, rh), sqrtf((float)PIXELS_MAX / (rw * rh))));
    int w = clampi((int)lroundf(rw * s.scale), 32, side_max), h = clampi((int)lroundf(rh * s.scale), 32, side_max);
    struct box roi = { (int)s.roi.x0, (int)s.roi.y0, (int)s.roi.x1, (int)s.roi.y1 };
    s.rgb = pic_srgb_of(photo, roi);
    if (w != box_w(roi) || h != box_h(roi)) {
        struct pic small = pic_resize(&s.rgb, w, h, RESAMPLE_AREA);
        pic_done(&s.rgb);
        s.rgb = small;
    }
    int r = run_models(m, &s, window_of(&s, f, 1.8f, 1.1f), window_of(&s, f, 1.15f, 1.1f), &s.matte, e);
    if (r >= 0) {
        PLANE_CLEANUP struct plane sure = plane_new(w, h);
        for (size_t i = 0, k = plane_n(&sure); i < k; i++)
            sure.px[i] = 1 - s.part[PART_BACKGROUND].px[i];
        struct body b = segment_body(&s, f);
        body_vote(&sure, &s.matte, &b);
        for (size_t i = 0, k = plane_n(&sure); i < k; i++) { /* what the vote won is cloth */
            float won = sure.px[i] - (1 - s.part[PART_BACKGROUND].px[i]);
            s.part[PART_BACKGROUND].px[i] -= won;
            s.part[PART_CLOTHES].px[i] += won;
        }
        s.alpha = segment_fuse(&sure, &s.part[PART_HAIR], &s.matte, &s.rgb, 0.03f * f->head_px * s.scale);
        split_person(&s, faces, n, who);
        if (!face_kept(&s, f))
            r = err_set(e, ERR_FACE_UNSURE, "the person cannot be told from the background");
        else
            fill_face(&s, f);
    }
    if (r < 0) {
        segment_done(&s);
        return r;
    }
    *ret_s = s;
    return 0;
}

void segment_done(struct segment *s) {
    pic_done(&s->rgb);
    plane_done(&s->alpha);
    plane_done(&s->mine);
    plane_done(&s->matte);
    for (int k = 0; k < PARTS; k++)
        plane_done(&s->part[k]);
}
