#include "media/body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/filter.h"

/* All shapes are judged on small planes: PER_HEAD pixels to a head. THREAD: half width of what is too thin to hold anything. */
enum { PER_HEAD = 80, THREAD = 2 };

float body_prior(const struct body *b, float x, float y) {
    float down = (y - b->chin) / b->head, aside = fabsf(x - b->x) / b->head;
    float half = mixf(0.35f, 1.25f, smoothf(0, 0.45f, down));
    return smoothf(-0.02f, 0.08f, down) * smoothf(2.6f, 2.2f, down) * smoothf(half + 0.08f, half - 0.08f, aside);
}

/* ---- small planes ---- */

struct small {
    float k; /* pixels here per pixel there */
    int w, h;
};

static struct small small_of(const struct plane *p, const struct body *b) {
    float k = fminf(1, PER_HEAD / b->head);
    return (struct small){ k, clampi((int)((float)p->w * k), 4, 2000), clampi((int)((float)p->h * k), 4, 2000) };
}

static struct body body_small(const struct body *b, struct small s) {
    return (struct body){ b->x * s.k, b->chin * s.k, b->head * s.k };
}

/* ---- floods ---- */

struct flood {
    int w, h, n;
    int *queue;
    uint8_t *seen;
};

static struct flood flood_new(int w, int h) {
    struct flood f = { w, h, 0, malloc(sizeof(int) * (size_t)(w * h)), calloc((size_t)(w * h), 1) };
    if (!f.queue || !f.seen)
        abort();
    return f;
}

static void flood_done(struct flood *f) {
    free(f->queue);
    free(f->seen);
}

static void flood_from(struct flood *f, int at) {
    if (f->seen[at])
        return;
    f->seen[at] = 1;
    f->queue[f->n++] = at;
}

/* Spreads to all that is connected through in > 0.5 with what was put in since `first`. The pixels stand in queue[first .. n). */
static void flood_run(struct flood *f, const struct plane *in, int first) {
    for (int done = first; done < f->n; done++) {
        int x = f->queue[done] % f->w, y = f->queue[done] / f->w;
        for (int k = 0; k < 4; k++) {
            int nx = x + (k == 0) - (k == 1), ny = y + (k == 2) - (k == 3);
            if (nx >= 0 && ny >= 0 && nx < f->w && ny < f->h && in->px[ny * f->w + nx] > 0.5f)
                flood_from(f, ny * f->w + nx);
        }
    }
}

/* ---- the vote ---- */

void body_vote(struct plane *sure, const struct plane *matte, const struct body *b) {
    struct small s = small_of(sure, b);
    struct body at = body_small(b, s);
    PLANE_CLEANUP struct plane in = plane_resize(sure, s.w, s.h, RESAMPLE_AREA), won = plane_new(s.w, s.h);
    PLANE_CLEANUP struct plane solid = plane_resize(matte, s.w, s.h, RESAMPLE_AREA);
    struct flood f = flood_new(s.w, s.h);
    plane_shrink(&solid, THREAD);
    for (int i = 0; i < s.w * s.h; i++) {
        float prior = body_prior(&at, (float)(i % s.w) + 0.5f, (float)(i / s.w) + 0.5f);
        solid.px[i] = solid.px[i] > 0.85f && prior > 0.1f;
        if (solid.px[i] > 0.5f && in.px[i] > 0.8f)
            flood_from(&f, i);
    }
    flood_run(&f, &solid, 0);
    for (int i = 0; i < f.n; i++)
        won.px[f.queue[i]] = 1;
    flood_done(&f);
    plane_grow(&won, THREAD);
    plane_box(&won, 1);
    PLANE_CLEANUP struct plane full = plane_resize(&won, sure->w, sure->h, RESAMPLE_AREA);
    for (int y = 0; y < sure->h; y++)
        for (int x = 0; x < sure->w; x++) {
            float *to = plane_row(sure, y) + x, prior = body_prior(b, (float)x + 0.5f, (float)y + 0.5f);
            *to = fmaxf(*to, clampf(plane_row(&full, y)[x], 0, 1) * plane_row(matte, y)[x] * smoothf(0, 0.2f, prior));
        }
}

/* ---- holes ---- */

enum { OUTSIDE = 2 }; /* seen, and open to the sides or upwards */

struct mean {
    float colour[3], person, n;
};

static void mean_add(struct mean *m, const struct pic *rgb, const struct plane *person, int i) {
    for (int c = 0; c < 3; c++)
        m->colour[c] += rgb->c[c].px[i];
    m->person += person->px[i];
    m->n++;
}

static float apart(const struct mean *a, const struct mean *b) {
    float d = 0;
    for (int c = 0; c < 3; c++) {
        float x = a->colour[c] / a->n - b->colour[c] / b->n;
        d += x * x;
    }
    return sqrtf(d / 3);
}

/* What lies around a hole, within r: the body's own cloth (`who` > 0.9) or what is behind everybody. */
static struct mean around(const struct flood *f, int first, int r, const struct pic *rgb, const struct plane *who,
                          const struct plane *person, bool body) {
    struct mean m = { 0 };
    int x0 = f->w, y0 = f->h, x1 = 0, y1 = 0;
    for (int i = first; i < f->n; i++) {
        int x = f->queue[i] % f->w, y = f->queue[i] / f->w;
        x0 = x < x0 ? x : x0;
        x1 = x > x1 ? x : x1;
        y0 = y < y0 ? y : y0;
        y1 = y > y1 ? y : y1;
    }
    for (int y = clampi(y0 - r, 0, f->h); y < clampi(y1 + r, 0, f->h); y++)
        for (int x = clampi(x0 - r, 0, f->w); x < clampi(x1 + r, 0, f->w); x++) {
            int i = y * f->w + x;
            if (body ? who->px[i] > 0.9f && person->px[i] > 0.5f
                     : f->seen[i] == OUTSIDE && who->px[i] < 0.1f && person->px[i] < 0.1f)
                mean_add(&m, rgb, person, i);
        }
    return m;
}

/* Is the hole in queue[first .. n) a gap one sees through? below: it reaches the lower edge. */
static bool see_through(const struct flood *f, int first, const struct pic *rgb, const struct plane *alpha,
                        const struct plane *person, bool below) {
    struct mean hole = { 0 };
    for (int i = first; i < f->n; i++)
        mean_add(&hole, rgb, person, f->queue[i]);
    if (hole.person > 0.5f * hole.n) /* a hand of somebody else's laid on them may stay, a head may not */
        return hole.n > PER_HEAD * PER_HEAD / 4.0f;
    if (hole.n < PER_HEAD * PER_HEAD / 200.0f)
        return false;
    struct mean body = around(f, first, PER_HEAD / 4, rgb, alpha, person, true);
    struct mean behind = around(f, first, 2 * PER_HEAD, rgb, alpha, person, false);
    if (body.n < 1 || behind.n < 1)
        return below;
    /* Of one colour with both: at the lower edge it may be the room between two legs, elsewhere it is cloth. */
    float to_body = apart(&hole, &body), to_behind = apart(&hole, &behind);
    return fabsf(to_body - to_behind) < 0.02f ? below : to_behind < to_body;
}

float body_close(struct plane *alpha, const struct pic *rgb, const struct plane *person, const struct body *b) {
    struct small s = small_of(alpha, b);
    PLANE_CLEANUP struct plane a = plane_resize(alpha, s.w, s.h, RESAMPLE_AREA), open = plane_new(s.w, s.h);
    PLANE_CLEANUP struct plane anybody = plane_resize(person, s.w, s.h, RESAMPLE_AREA), fill = plane_new(s.w, s.h);
    PIC_CLEANUP struct pic small = pic_resize(rgb, s.w, s.h, RESAMPLE_AREA);
    struct flood f = flood_new(s.w, s.h);
    float guessed = 0, whole = 1;
    for (int i = 0; i < s.w * s.h; i++) {
        open.px[i] = a.px[i] < 0.6f;
        whole += a.px[i];
    }
    /* What is open to the sides or upwards is outside. */
    for (int x = 0; x < s.w; x++)
        if (open.px[x] > 0.5f)
            flood_from(&f, x);
    for (int y = 0; y < s.h; y++) {
        if (open.px[y * s.w] > 0.5f)
            flood_from(&f, y * s.w);
        if (open.px[y * s.w + s.w - 1] > 0.5f)
            flood_from(&f, y * s.w + s.w - 1);
    }
    flood_run(&f, &open, 0);
    for (int i = 0; i < f.n; i++)
        f.seen[f.queue[i]] = OUTSIDE;
    for (int i = 0; i < s.w * s.h; i++) {
        if (f.seen[i] || open.px[i] < 0.5f)
            continue;
        int first = f.n;
        bool below = false;
        flood_from(&f, i);
        flood_run(&f, &open, first);
        for (int j = first; j < f.n; j++)
            below |= f.queue[j] / s.w == s.h - 1;
        if (see_through(&f, first, &small, &a, &anybody, below))
            continue;
        for (int j = first; j < f.n; j++) {
            fill.px[f.queue[j]] = 1;
            guessed += 1 - clampf(anybody.px[f.queue[j]], 0, 1);
        }
    }
    flood_done(&f);
    /* The body as it is now; well inside of it nothing is half there. */
    for (int i = 0; i < s.w * s.h; i++)
        a.px[i] = fmaxf(a.px[i] > 0.6f, fill.px[i]);
    plane_shrink(&a, PER_HEAD / 10);
    plane_grow(&fill, THREAD);
    for (int i = 0; i < s.w * s.h; i++)
        a.px[i] = fmaxf(a.px[i], fill.px[i]);
    plane_box(&a, THREAD);
    PLANE_CLEANUP struct plane full = plane_resize(&a, alpha->w, alpha->h, RESAMPLE_AREA);
    for (size_t i = 0, n = plane_n(alpha); i < n; i++)
        alpha->px[i] = fmaxf(alpha->px[i], clampf(full.px[i], 0, 1));
    return guessed / whole;
}

/* ---- one piece ---- */

float body_one_piece(struct plane *alpha, const struct plane *keep, const struct body *b) {
    struct small s = small_of(alpha, b);
    struct body at = body_small(b, s);
    PLANE_CLEANUP struct plane solid = plane_resize(alpha, s.w, s.h, RESAMPLE_AREA), near = plane_new(s.w, s.h);
    PLANE_CLEANUP struct plane seed = plane_resize(keep, s.w, s.h, RESAMPLE_AREA), was = plane_copy(&solid);
    struct flood f = flood_new(s.w, s.h);
    plane_shrink(&solid, THREAD);
    for (int i = 0; i < s.w * s.h; i++)
        if (seed.px[i] > 0.5f && solid.px[i] > 0.5f)
            flood_from(&f, i);
    flood_run(&f, &solid, 0);
    for (int i = 0; i < f.n; i++)
        near.px[f.queue[i]] = 1;
    /* A ring stays around it: the soft edge, and above the shoulders hair that flies off. */
    PLANE_CLEANUP struct plane wide = plane_copy(&near), stray = plane_new(s.w, s.h);
    for (int i = 0; i < s.w * s.h; i++)
        stray.px[i] = solid.px[i] > 0.5f && !f.seen[i];
    flood_done(&f);
    plane_grow(&stray, THREAD + 2);
    plane_grow(&near, THREAD + PER_HEAD / 20);
    plane_grow(&wide, PER_HEAD / 4);
    double off = 0, whole = 1e-6;
    for (int i = 0; i < s.w * s.h; i++) {
        float high = smoothf(at.chin + 0.5f * at.head, at.chin, (float)(i / s.w));
        near.px[i] = fmaxf(near.px[i], wide.px[i] * high * (1 - stray.px[i]));
        off += (double)(was.px[i] * (1 - near.px[i]));
        whole += (double)was.px[i];
    }
    plane_box(&near, THREAD);
    PLANE_CLEANUP struct plane full = plane_resize(&near, alpha->w, alpha->h, RESAMPLE_AREA);
    for (size_t i = 0, n = plane_n(alpha); i < n; i++)
        alpha->px[i] *= clampf(full.px[i], 0, 1);
    return (float)(off / whole);
}
