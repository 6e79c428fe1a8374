#include "media/split.h"

#include <math.h>
#include <string.h>

#include "media/filter.h"

/* ---- nearest seed ---- */

struct node {
    float cost;
    int at;
};

struct heap {
    struct node *node;
    int n, cap;
};

static void heap_push(struct heap *h, struct node x) {
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 4096;
        struct node *grown = realloc(h->node, sizeof *grown * (size_t)h->cap);
        if (!grown)
            abort();
        h->node = grown;
    }
    int i = h->n++;
    while (i > 0 && h->node[(i - 1) / 2].cost > x.cost) {
        h->node[i] = h->node[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->node[i] = x;
}

static struct node heap_pop(struct heap *h) {
    struct node top = h->node[0], last = h->node[--h->n];
    int i = 0;
    for (;;) {
        int k = 2 * i + 1;
        if (k >= h->n)
            break;
        k += k + 1 < h->n && h->node[k + 1].cost < h->node[k].cost;
        if (h->node[k].cost >= last.cost)
            break;
        h->node[i] = h->node[k];
        i = k;
    }
    h->node[i] = last;
    return top;
}

static float step_cost(const struct pic *rgb, const struct plane *person, int from, int to, float edge) {
    float d = 0;
    for (int c = 0; c < 3; c++)
        d += fabsf(rgb->c[c].px[from] - rgb->c[c].px[to]);
    float outside = 1 + 2 * (1 - clampf(person->px[to], 0, 1));
    return (1 + edge * d / 3) * outside;
}

void split_nearest(const struct pic *rgb, const struct plane *person, const uint8_t *seed, float edge,
                   const struct plane *const *dear, uint8_t *ret_label) {
    static const int dx[8] = { 1, -1, 0, 0, 1, 1, -1, -1 }, dy[8] = { 0, 0, 1, -1, 1, -1, 1, -1 };
    int w = person->w, h = person->h;
    PLANE_CLEANUP struct plane best = plane_new(w, h);
    plane_fill(&best, 1e30f);
    struct heap heap = { 0 };
    for (int i = 0; i < w * h; i++) {
        ret_label[i] = seed[i];
        if (!seed[i])
            continue;
        best.px[i] = 0;
        heap_push(&heap, (struct node){ 0, i });
    }
    while (heap.n) {
        struct node at = heap_pop(&heap);
        if (at.cost > best.px[at.at])
            continue;
        int x = at.at % w, y = at.at / w;
        const struct plane *price = dear ? dear[ret_label[at.at]] : NULL;
        for (int k = 0; k < 8; k++) {
            int nx = x + dx[k], ny = y + dy[k], to = ny * w + nx;
            if (nx < 0 || ny < 0 || nx >= w || ny >= h)
                continue;
            float cost =
                at.cost + step_cost(rgb, person, at.at, to, edge) * (k < 4 ? 1 : 1.41421356f) * (price ? price->px[to] : 1);
            if (cost >= best.px[to])
                continue;
            best.px[to] = cost;
            ret_label[to] = ret_label[at.at];
            heap_push(&heap, (struct node){ cost, to });
        }
    }
    free(heap.node);
}

/* ---- seeds ---- */

/* The small picture the labels are made on: GRID pixels per head. */
enum { GRID = 40, LABEL_OTHER = 255 };

struct grid {
    struct pic rgb;
    struct plane person, face; /* probabilities */
    float k;                   /* grid pixels per photo pixel */
    float x0, y0;              /* photo px of the grid's corner */
    uint8_t *seed;
};

static void seed_ellipse(struct grid *g, float cx, float cy, float rx, float ry, uint8_t label) {
    float x = (cx - g->x0) * g->k, y = (cy - g->y0) * g->k;
    rx *= g->k;
    ry *= g->k;
    struct box b = box_around((struct rectf){ x - rx, y - ry, x + rx, y + ry }, g->person.w, g->person.h);
    for (int j = b.y0; j < b.y1; j++)
        for (int i = b.x0; i < b.x1; i++) {
            float u = ((float)i + 0.5f - x) / rx, v = ((float)j + 0.5f - y) / ry;
            if (u * u + v * v <= 1)
                g->seed[j * g->person.w + i] = label;
        }
}

static bool in_head_of_other(const struct face *faces, int n, int who, float x, float y) {
    for (int i = 0; i < n; i++) {
        const struct rectf *b = &faces[i].box;
        float cx = (b->x0 + b->x1) / 2, cy = (b->y0 + b->y1) / 2, r = 0.62f * faces[i].head_px;
        if (i != who && (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r)
            return true;
    }
    return false;
}

/* Chest: straight below the chin, as far as nobody else's head is there. */
static void seed_chest(struct grid *g, const struct face *faces, int n, int who) {
    const struct face *f = &faces[who];
    float h = f->head_px, cx = (f->box.x0 + f->box.x1) / 2, chin = f->box.y1;
    float nearest = 1e9f; /* other heads at about the same height limit the width */
    for (int i = 0; i < n; i++)
        if (i != who)
            nearest = fminf(nearest, fabsf((faces[i].box.x0 + faces[i].box.x1) / 2 - cx));
    float half = fminf(0.35f * h, 0.3f * nearest);
    for (float y = chin + 0.05f * h; y < chin + 1.1f * h; y += 0.5f / g->k) {
        if (in_head_of_other(faces, n, who, cx, y))
            return;
        for (float x = cx - half; x <= cx + half; x += 0.5f / g->k) {
            int i = (int)((x - g->x0) * g->k), j = (int)((y - g->y0) * g->k);
            if (i >= 0 && j >= 0 && i < g->person.w && j < g->person.h && g->person.px[j * g->person.w + i] > 0.6f)
                g->seed[j * g->person.w + i] = (uint8_t)(who + 1);
        }
    }
}

/* Faces that only the segmentation sees: a person in profile was not detected, but is no part of this one. */
static void seed_strangers(struct grid *g, const struct face *faces, int n) {
    for (int y = 0; y < g->person.h; y++)
        for (int x = 0; x < g->person.w; x++) {
            float px = ((float)x + 0.5f) / g->k + g->x0, py = ((float)y + 0.5f) / g->k + g->y0;
            if (plane_row(&g->face, y)[x] < 0.8f || g->seed[y * g->person.w + x] || in_head_of_other(faces, n, -1, px, py))
                continue;
            bool neck = false; /* the model often calls a neck or a shoulder face */
            for (int i = 0; i < n && !neck; i++) {
                float cx = (faces[i].box.x0 + faces[i].box.x1) / 2;
                neck = fabsf(px - cx) < 0.8f * faces[i].head_px && py > faces[i].box.y0 &&
                       py < faces[i].box.y1 + 0.9f * faces[i].head_px;
            }
            if (!neck)
                g->seed[y * g->person.w + x] = LABEL_OTHER;
        }
}

static void grid_done(struct grid *g) {
    pic_done(&g->rgb);
    plane_done(&g->person);
    plane_done(&g->face);
    free(g->seed);
}

static struct grid grid_of(const struct segment *s, const struct face *faces, int n, int who) {
    float k = GRID / faces[who].head_px;
    int w = clampi((int)lroundf((s->roi.x1 - s->roi.x0) * k), 8, 1024),
        h = clampi((int)lroundf((s->roi.y1 - s->roi.y0) * k), 8, 1024);
    struct grid g = { .rgb = pic_resize(&s->rgb, w, h, RESAMPLE_AREA), .k = k, .x0 = s->roi.x0, .y0 = s->roi.y0 };
    g.person = plane_resize(&s->part[PART_BACKGROUND], w, h, RESAMPLE_AREA);
    for (int i = 0; i < w * h; i++)
        g.person.px[i] = 1 - g.person.px[i];
    g.face = plane_resize(&s->part[PART_FACE], w, h, RESAMPLE_AREA);
    g.seed = calloc((size_t)(w * h), 1);
    if (!g.seed)
        abort();
    for (int i = 0; i < n; i++)
        seed_chest(&g, faces, n, i);
    for (int i = 0; i < n; i++) {
        const struct rectf *b = &faces[i].box;
        float cx = (b->x0 + b->x1) / 2, cy = (b->y0 + b->y1) / 2;
        seed_ellipse(&g, cx, cy - 0.06f * faces[i].head_px, 0.46f * (b->x1 - b->x0), 0.55f * (b->y1 - b->y0), (uint8_t)(i + 1));
    }
    seed_strangers(&g, faces, n);
    return g;
}

/* ---- islands ---- */

/* Clears what is person in `keep` but not connected with any seed of `label` through person pixels. */
static void drop_islands(const struct grid *g, uint8_t label, struct plane *keep) {
    int w = g->person.w, h = g->person.h, n = 0;
    int *stack = malloc(sizeof(int) * (size_t)(w * h));
    uint8_t *seen = calloc((size_t)(w * h), 1);
    if (!stack || !seen)
        abort();
    for (int i = 0; i < w * h; i++)
        if (g->seed[i] == label && keep->px[i] > 0.5f) {
            seen[i] = 1;
            stack[n++] = i;
        }
    while (n) {
        int at = stack[--n], x = at % w, y = at / w;
        for (int k = 0; k < 4; k++) {
            int nx = x + (k == 0) - (k == 1), ny = y + (k == 2) - (k == 3), to = ny * w + nx;
            if (nx < 0 || ny < 0 || nx >= w || ny >= h || seen[to] || keep->px[to] < 0.5f || g->person.px[to] < 0.25f)
                continue;
            seen[to] = 1;
            stack[n++] = to;
        }
    }
    /* A ring around what is connected stays: hair that flies off, the soft edge itself. */
    PLANE_CLEANUP struct plane near = plane_new(w, h);
    for (int i = 0; i < w * h; i++)
        near.px[i] = seen[i];
    plane_grow(&near, GRID / 6);
    for (int i = 0; i < w * h; i++)
        keep->px[i] *= near.px[i];
    free(stack);
    free(seen);
}

/* ---- what suits whom ---- */

enum { TONES = 14, COLOURS = TONES * TONES * TONES };

/* Brightness and two ratios of colour, so that a fold in shadow is still of the same cloth; 0..TONES - 1 each. */
static void tones_at(const struct grid *g, int i, int ret[3]) {
    float r = g->rgb.c[0].px[i], gr = g->rgb.c[1].px[i], b = g->rgb.c[2].px[i], l = luma(r, gr, b);
    ret[0] = clampi((int)(l * TONES * 0.5f), 0, TONES - 1);
    ret[1] = clampi((int)(TONES / 2 + (r - gr) / (l + 0.1f) * 12), 0, TONES - 1);
    ret[2] = clampi((int)(TONES / 2 + (b - gr) / (l + 0.1f) * 12), 0, TONES - 1);
}

/* How far aside of somebody's own axis a place lies, in their heads; far above their chin is aside too. */
static float aside(const struct grid *g, const struct face *f, int i) {
    float x = ((float)(i % g->person.w) + 0.5f) / g->k + g->x0, y = ((float)(i / g->person.w) + 0.5f) / g->k + g->y0;
    return fabsf(x - (f->box.x0 + f->box.x1) / 2) / f->head_px + 2 * clampf((f->box.y0 - y) / f->head_px - 0.5f, 0, 2);
}

/*
 * The colours of somebody: face, hair, chest, and what is straight below them by the labels so far (NULL: none yet). Shares of
 * all, each spread over the neighbouring tones.
 */
static void palette_of(const struct grid *g, const struct face *f, uint8_t whose, const uint8_t *label, float *ret_share) {
    static const float near[3] = { 0.25f, 0.5f, 0.25f };
    float n = 1e-6f;
    memset(ret_share, 0, sizeof(float) * COLOURS);
    for (int i = 0; i < g->person.w * g->person.h; i++) {
        bool below = label && label[i] == whose && aside(g, f, i) < 0.5f;
        if ((g->seed[i] != whose && !below) || g->person.px[i] < 0.6f)
            continue;
        int tone[3];
        tones_at(g, i, tone);
        for (int k = 0; k < 27; k++) {
            int a = clampi(tone[0] + k / 9 - 1, 0, TONES - 1), b = clampi(tone[1] + k / 3 % 3 - 1, 0, TONES - 1),
                c = clampi(tone[2] + k % 3 - 1, 0, TONES - 1);
            ret_share[(a * TONES + b) * TONES + c] += near[k / 9] * near[k / 3 % 3] * near[k % 3];
        }
        n++;
    }
    for (int i = 0; i < COLOURS; i++)
        ret_share[i] /= n;
}

/* Bodies hang below heads: a place is dearer to whoever has it further aside than somebody else whose chin is above it. */
static float displaced(const struct grid *g, const struct face *faces, int n, int who, int i) {
    float y = ((float)(i / g->person.w) + 0.5f) / g->k + g->y0, own = aside(g, &faces[who], i), other = own;
    for (int p = 0; p < n; p++)
        if (p != who && y > faces[p].box.y1)
            other = fminf(other, aside(g, &faces[p], i));
    return 1 + 1.5f * clampf(own - other - 0.1f, 0, 1.5f);
}

/* dear[] of split_nearest() for everybody: planes of the grid's size. label: what is known so far, or NULL. */
static void suit(const struct grid *g, const struct face *faces, int n, const uint8_t *label, struct plane *ret_dear) {
    float *palette = calloc((size_t)n * COLOURS, sizeof *palette);
    if (!palette)
        abort();
    for (int p = 0; p < n; p++)
        palette_of(g, &faces[p], (uint8_t)(p + 1), label, palette + p * COLOURS);
    for (int p = 0; p < n; p++) {
        ret_dear[p] = plane_new(g->person.w, g->person.h);
        for (int i = 0; i < g->person.w * g->person.h; i++) {
            int tone[3];
            tones_at(g, i, tone);
            int c = (tone[0] * TONES + tone[1]) * TONES + tone[2];
            float own = palette[p * COLOURS + c], other = 0;
            for (int q = 0; q < n; q++)
                other = fmaxf(other, q == p ? 0 : palette[q * COLOURS + c]);
            /* What somebody else wears and this one does not. Everybody has skin, so an arm is nobody's by its colour. */
            float foreign = smoothf(0.004f, 0.02f, other) * smoothf(0.5f, 0.15f, own / (other + 1e-6f));
            float familiar = smoothf(0.004f, 0.02f, own) * smoothf(0.5f, 0.15f, other / (own + 1e-6f));
            ret_dear[p].px[i] = (1 + 3 * foreign) * (1 - 0.7f * familiar) * displaced(g, faces, n, p, i);
        }
    }
    free(palette);
}

/* ---- whole ---- */

void split_person(struct segment *s, const struct face *faces, int n, int who) {
    struct grid g = grid_of(s, faces, n, who);
    int w = g.person.w, h = g.person.h;
    uint8_t *label = malloc((size_t)(w * h));
    if (!label)
        abort();
    for (int pass = 0; pass < (n > 1 ? 2 : 1); pass++) {
        struct plane dear[FACE_FOUND_MAX] = { 0 };
        const struct plane *price[SPLIT_LABELS] = { NULL };
        suit(&g, faces, n, pass ? label : NULL, dear);
        for (int i = 0; i < n; i++)
            price[i + 1] = &dear[i];
        split_nearest(&g.rgb, &g.person, g.seed, 40, price, label);
        for (int i = 0; i < n; i++)
            plane_done(&dear[i]);
    }
    PLANE_CLEANUP struct plane mine = plane_new(w, h), keep = plane_new(w, h);
    for (int i = 0; i < w * h; i++) {
        mine.px[i] = label[i] == who + 1;
        keep.px[i] = g.seed[i] == who + 1;
    }
    drop_islands(&g, (uint8_t)(who + 1), &mine);
    /* To full size, and there onto the picture's own edges. */
    s->mine = plane_resize(&mine, s->alpha.w, s->alpha.h, RESAMPLE_AREA);
    bool alone = plane_sum(&mine) >= (double)(w * h) - 0.5;
    if (!alone)
        plane_guided(&s->mine, &s->rgb, clampi((int)(0.06f * faces[who].head_px * s->scale), 2, 40), 1e-4f);
    struct body b = segment_body(s, &faces[who]);
    PLANE_CLEANUP struct plane person = plane_copy(&s->part[PART_BACKGROUND]);
    for (size_t i = 0, k = plane_n(&s->alpha); i < k; i++) {
        person.px[i] = 1 - person.px[i];
        s->mine.px[i] = smoothf(0.25f, 0.75f, s->mine.px[i]);
        s->alpha.px[i] *= s->mine.px[i];
    }
    s->holes = body_close(&s->alpha, &s->rgb, &person, &b);
    s->scraps = body_one_piece(&s->alpha, &keep, &b);
    free(label);
    grid_done(&g);
}
