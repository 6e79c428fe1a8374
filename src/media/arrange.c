#include "media/arrange.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/dice.h"

/* The coarse picture that a trial arrangement is painted on. */
enum { CANVAS_H = 72, CANVAS_W_MAX = 216, VARIANTS_MAX = 64, STARTS = 24, STEPS = 200 };

/* What the photographer has in mind for this variant. */
struct style {
    float head;   /* wanted head height in frame heights */
    float gap;    /* wanted distance between neighbours' eyes, in heads */
    float step;   /* how much lower the front row sits, in heads */
    float room;   /* wanted above the highest hair, in heads */
    bool rows;    /* two rows wanted */
};

struct spot {
    float x, y;
    int row;
    float order; /* who is in front within a row: larger is nearer */
};

struct trial {
    float head;
    struct spot spot[ARRANGE_UNITS_MAX];
};

/* A cell of outline that must not be seen. */
struct cut_cell {
    float x, y, weight; /* heads from the first person's eyes */
};

enum { CUT_CELLS_MAX = 1024 };

/* How far something reaches from between the eyes, in heads of the unit. */
struct reach {
    float left, right;
};

/*
 * What no wish outweighs, in heads; settle() forces it on every trial. A search that may trade these for a hidden cut outline does:
 * whoever has only a bust goes down into a corner, and the rest stand on a staircase beside it.
 */
static const float row_slack = 0.17f, step_least = 0.72f, step_most = 1.08f, room_least = 0.37f, room_most = 0.88f;
/* How far below the eyes shoulders end. */
static const float shoulders = 1.1f;

struct problem {
    const struct arrange_unit *units;
    int n, heads;
    bool rows_allowed;
    const struct arrange_wish *wish;
    struct style style;
    float jitter[ARRANGE_UNITS_MAX];   /* people are not equally tall */
    uint8_t *solid[ARRANGE_UNITS_MAX]; /* the units' alpha, 0 or 1 */
    uint16_t *before[ARRANGE_UNITS_MAX]; /* w + 1 per row: solid cells to the left */
    int lowest[ARRANGE_UNITS_MAX];       /* the last row that is as wide as a neck */
    struct reach hair[ARRANGE_UNITS_MAX][ARRANGE_UNITS_MAX];
    struct reach *widest[ARRANGE_UNITS_MAX]; /* of all rows from the top down to this one */
    float top[ARRANGE_UNITS_MAX];            /* highest hair above the first person's eyes, in heads */
    float level[ARRANGE_UNITS_MAX];          /* the unit's eye line below the first person's eyes, in heads */
    float lowest_eyes[ARRANGE_UNITS_MAX];    /* likewise, of whoever is lowest */
    struct cut_cell *cut[ARRANGE_UNITS_MAX];
    int n_cut[ARRANGE_UNITS_MAX];
    const struct trial *earlier; /* what the variants before this one look like */
    int n_earlier;
};

struct verdict {
    float cost, cut_shown, covered, floating;
    float outside[ARRANGE_UNITS_MAX];
    float head_out[ARRANGE_UNITS_MAX];
};

static float row_size(int row) {
    return row ? 0.93f : 1;
}

/* ---- painting ---- */

struct canvas {
    int w, h;
    int8_t owner[CANVAS_H * CANVAS_W_MAX]; /* unit seen here, -1 = background */
};

/* Units back to front into order[]; few enough for insertion sort. */
static void draw_order(const struct trial *t, int n, int order[ARRANGE_UNITS_MAX]) {
    for (int i = 0; i < n; i++) {
        int j = i;
        for (; j > 0; j--) {
            const struct spot *a = &t->spot[order[j - 1]], *b = &t->spot[i];
            if (a->row > b->row || (a->row == b->row && a->order <= b->order))
                break;
            order[j] = order[j - 1];
        }
        order[j] = i;
    }
}

/* One unit over what is there. This is what a search spends its time on: whole numbers, one row of the mask at a time. */
static void paint_unit(struct canvas *c, const struct problem *p, const struct trial *t, int i) {
    const struct arrange_unit *u = &p->units[i];
    const struct spot *s = &t->spot[i];
    int w = u->alpha.w, h = u->alpha.h;
    float step = ARRANGE_GRID / (t->head * row_size(s->row) * (float)c->h); /* grid px per canvas px */
    float gx = u->eye_x - s->x * (float)c->h * step + 0.5f * step, gy = u->eye_y - s->y * (float)c->h * step + 0.5f * step;
    int x0 = clampi((int)ceilf(-gx / step), 0, c->w), x1 = clampi((int)ceilf(((float)w - gx) / step), 0, c->w);
    int32_t fixed_step = (int32_t)(step * 65536), fixed_x = (int32_t)((gx + (float)x0 * step) * 65536);
    for (int y = 0; y < c->h; y++) {
        int row = (int)floorf(gy + (float)y * step);
        if (row < 0 || row >= h)
            continue;
        const uint8_t *solid = p->solid[i] + row * w;
        int8_t *d = c->owner + y * c->w;
        int32_t at = fixed_x;
        for (int x = x0; x < x1; x++, at += fixed_step) {
            int column = at >> 16;
            if (column >= 0 && column < w && solid[column])
                d[x] = (int8_t)i;
        }
    }
}

static void paint(struct canvas *c, const struct problem *p, const struct trial *t, const int order[]) {
    memset(c->owner, -1, (size_t)(c->w * c->h));
    for (int k = 0; k < p->n; k++)
        paint_unit(c, p, t, order[k]);
}

/* Length, in heads, of cut outline of unit i that can be seen: whoever shows there stands behind i or is i. */
static float cut_visible(const struct canvas *c, const struct problem *p, const struct trial *t, const int rank[], int i) {
    const struct spot *s = &t->spot[i];
    float head = t->head * row_size(s->row) * (float)c->h, seen = 0;
    for (int k = 0; k < p->n_cut[i]; k++) {
        const struct cut_cell *q = &p->cut[i][k];
        float x = s->x * (float)c->h + q->x * head, y = s->y * (float)c->h + q->y * head;
        /* A cell is wider than a canvas pixel: only one that is wholly outside leaves no sliver beside the frame's edge. */
        if (x < -0.4f || y < 0 || x >= (float)c->w + 0.4f || y >= (float)(c->h - 1))
            continue;
        int8_t o = c->owner[(int)y * c->w + clampi((int)x, 0, c->w - 1)];
        seen += o < 0 || rank[o] <= rank[i] ? q->weight : 0;
    }
    return seen / ARRANGE_GRID;
}

/* The cut outline of a unit as a list. Half a cell outwards of where it is, to be safe. */
static int list_cut(const struct arrange_unit *u, struct cut_cell *ret_cells) {
    int n = 0;
    for (int y = 0; y < u->cut.h; y++)
        for (int x = 0; x < u->cut.w && n < CUT_CELLS_MAX; x++) {
            float v = plane_row(&u->cut, y)[x];
            /* Where a neighbour stood there is a line too many, but no hole. */
            if (v > 0 && v < 0.6f)
                v *= 0.5f;
            if (v > 0)
                ret_cells[n++] = (struct cut_cell){ ((float)x + 0.5f - u->eye_x) / ARRANGE_GRID,
                                                    ((float)y - 0.5f - u->eye_y) / ARRANGE_GRID, v };
        }
    return n;
}

/* Heads and shoulders from outside: how high and how wide. solid[] stands ready. */
static void measure_outside(struct problem *p, int i) {
    const struct arrange_unit *u = &p->units[i];
    int w = u->alpha.w, h = u->alpha.h, first = h;
    float crown = 0;
    p->level[i] = p->lowest_eyes[i] = 0;
    for (int k = 0; k < u->n_heads; k++) {
        crown = fmaxf(crown, u->head[k].up - u->head[k].y);
        p->level[i] += u->head[k].y / (float)u->n_heads;
        p->lowest_eyes[i] = fmaxf(p->lowest_eyes[i], u->head[k].y);
    }
    struct reach so_far = { 0, 0 };
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++)
            if (p->solid[i][y * w + x]) {
                so_far.left = fmaxf(so_far.left, (u->eye_x - (float)x) / ARRANGE_GRID);
                so_far.right = fmaxf(so_far.right, ((float)x + 1 - u->eye_x) / ARRANGE_GRID);
            }
        p->widest[i][y] = so_far;
        if (first == h && p->before[i][y * (w + 1) + w] > 2)
            first = y;
    }
    /* A raised hand is no hair. */
    p->top[i] = clampf((u->eye_y - (float)first) / ARRANGE_GRID, crown, crown + 0.3f);
}

/* What unit u is made of, for quick questions. */
static void measure(struct problem *p, int i) {
    const struct arrange_unit *u = &p->units[i];
    int w = u->alpha.w, h = u->alpha.h;
    p->lowest[i] = 0;
    for (int y = 0; y < h; y++) {
        uint16_t *sum = p->before[i] + y * (w + 1);
        sum[0] = 0;
        for (int x = 0; x < w; x++) {
            p->solid[i][y * w + x] = plane_row(&u->alpha, y)[x] > 0.5f;
            sum[x + 1] = (uint16_t)(sum[x] + p->solid[i][y * w + x]);
        }
        if (sum[w] >= ARRANGE_GRID / 3)
            p->lowest[i] = y;
    }
    measure_outside(p, i);
    for (int k = 0; k < u->n_heads; k++) {
        const struct arrange_head *q = &u->head[k];
        struct reach *out = &p->hair[i][k];
        float cx = u->eye_x + q->x * ARRANGE_GRID, cy = u->eye_y + q->y * ARRANGE_GRID, widest[2] = { 1.1f * q->size, 1.1f * q->size };
        for (int j = 0; j < u->n_heads; j++) { /* up to half way to a neighbour of the same unit */
            float d = u->head[j].x - q->x;
            if (j != k)
                widest[d > 0] = fminf(widest[d > 0], fmaxf(fabsf(d) / 2, 0.3f));
        }
        *out = (struct reach){ q->left, q->right };
        int y0 = clampi((int)(cy - q->up * ARRANGE_GRID), 0, h - 1), y1 = clampi((int)(cy + (q->down + 0.1f) * ARRANGE_GRID), 0, h - 1);
        for (int y = y0; y <= y1; y++)
            for (int side = 0; side < 2; side++) {
                int x = clampi((int)cx, 0, w - 1), step = side ? 1 : -1, end = x;
                for (int gap = 0; gap < 2 && x >= 0 && x < w && fabsf((float)x + 0.5f - cx) < widest[side] * ARRANGE_GRID; x += step) {
                    bool here = p->solid[i][y * w + x];
                    gap = here ? 0 : gap + 1;
                    end = here ? x : end;
                }
                float reach = (fabsf((float)end + 0.5f - cx) + 0.5f) / ARRANGE_GRID;
                if (side)
                    out->right = fmaxf(out->right, reach);
                else
                    out->left = fmaxf(out->left, reach);
            }
    }
}

/* Share of unit i's body, in the rows that are in the frame, that the frame's sides cut off. */
static float body_outside(const struct canvas *c, const struct problem *p, const struct trial *t, int i) {
    const struct arrange_unit *u = &p->units[i];
    const struct spot *s = &t->spot[i];
    int w = u->alpha.w, all = 0, out = 0;
    float step = ARRANGE_GRID / (t->head * row_size(s->row) * (float)c->h);
    float gx = u->eye_x - s->x * (float)c->h * step, gy = u->eye_y - s->y * (float)c->h * step;
    int x0 = clampi((int)gx, 0, w), x1 = clampi((int)(gx + (float)c->w * step), 0, w);
    int y0 = clampi((int)gy, 0, u->alpha.h), y1 = clampi((int)(gy + (float)c->h * step), 0, u->alpha.h);
    for (int y = y0; y < y1; y++) {
        const uint16_t *sum = p->before[i] + y * (w + 1);
        all += sum[w];
        out += sum[x0] + sum[w] - sum[x1];
    }
    return all ? (float)out / (float)all : 1;
}

/* Heads of lower end that hang in the air: the frame does not cut it and nobody stands in front of it. */
static float floating(const struct canvas *c, const struct problem *p, const struct trial *t, const int rank[], int i) {
    const struct arrange_unit *u = &p->units[i];
    const struct spot *s = &t->spot[i];
    int w = u->alpha.w;
    float head = t->head * row_size(s->row) * (float)c->h, step = ARRANGE_GRID / head, seen = 0;
    float y = s->y * (float)c->h + ((float)p->lowest[i] + 1 - u->eye_y) / step;
    if (y >= (float)c->h - 0.5f)
        return 0;
    const uint8_t *row = p->solid[i] + p->lowest[i] * w;
    for (int x = 0; x < w; x++) {
        int cx = (int)(s->x * (float)c->h + ((float)x + 0.5f - u->eye_x) / step);
        if (!row[x] || cx < 0 || cx >= c->w || y < 0)
            continue;
        int8_t o = c->owner[(int)y * c->w + cx];
        seen += o < 0 || rank[o] <= rank[i];
    }
    return seen / ARRANGE_GRID;
}

/* Share of a box, in heads around a head's eyes, that other units cover. */
static float box_covered(const struct canvas *c, const struct trial *t, const struct arrange_head *h, int i,
                         const float up_down_left_right[4]) {
    const struct spot *s = &t->spot[i];
    float head = t->head * row_size(s->row) * (float)c->h;
    float x = s->x * (float)c->h + h->x * head, y = s->y * (float)c->h + h->y * head;
    int x0 = clampi((int)(x - up_down_left_right[2] * head), 0, c->w),
        x1 = clampi((int)(x + up_down_left_right[3] * head) + 1, 0, c->w);
    int y0 = clampi((int)(y - up_down_left_right[0] * head), 0, c->h),
        y1 = clampi((int)(y + up_down_left_right[1] * head) + 1, 0, c->h);
    int all = 0, other = 0;
    for (int v = y0; v < y1; v++)
        for (int w = x0; w < x1; w++, all++)
            other += c->owner[v * c->w + w] != i && c->owner[v * c->w + w] >= 0;
    return all ? (float)other / (float)all : 1;
}

/* ---- judging ---- */

static float square(float x) {
    return x * x;
}
static float over(float x, float limit) {
    return x > limit ? x - limit : 0;
}

/* Heads against the frame's edges and faces against whoever stands in front. */
static float judge_heads(const struct canvas *c, const struct problem *p, const struct trial *t, struct verdict *v) {
    float cost = 0, aspect = p->wish->aspect;
    for (int i = 0; i < p->n; i++) {
        const struct spot *s = &t->spot[i];
        float head = t->head * row_size(s->row);
        for (int k = 0; k < p->units[i].n_heads; k++) {
            const struct arrange_head *h = &p->units[i].head[k];
            float x = s->x + h->x * head, y = s->y + h->y * head;
            float top = y - h->up * head, side = 0.25f * head * h->size;
            cost += 60 * square(over(0.16f * head, top) / head) + 30 * square(over(0.30f * head, top) / head);
            cost +=
                60 * square(over(side, x - h->left * head) / head) + 60 * square(over(side, aspect - x - h->right * head) / head);
            /* Hair that the frame's side cuts looks like a mistake, however little it is. */
            float near = fminf(x - p->hair[i][k].left * head, aspect - x - p->hair[i][k].right * head) / head;
            cost += 50 * over(0.06f, near) + 300 * square(over(0.06f, near));
            float cut = fmaxf(fmaxf(-near, -top / head), (y + h->down * head - 1) / head);
            v->head_out[i] = k ? fmaxf(v->head_out[i], cut) : cut;
            cost += 80 * square(over(y + h->down * head + 0.1f * head, 1) / head);
            cost += 15 * square(over(y + h->down * head + 0.5f * head, 1) / head);
            const float face[4] = { 0.75f * h->up, h->down, h->left, h->right };
            const float whole[4] = { h->up, h->down, 1.3f * h->left, 1.3f * h->right };
            float covered = box_covered(c, t, h, i, face);
            v->covered = fmaxf(v->covered, covered);
            cost += (60 * covered + 200 * covered * covered + 4 * box_covered(c, t, h, i, whole)) * (float)(1 + p->wish->wider);
        }
    }
    return cost;
}

/* Eyes of a unit's head furthest to the left (right). */
static float side_head(const struct problem *p, const struct trial *t, int i, int right) {
    float head = t->head * row_size(t->spot[i].row), most = t->spot[i].x;
    for (int k = 0; k < p->units[i].n_heads; k++) {
        float x = t->spot[i].x + p->units[i].head[k].x * head;
        most = right ? fmaxf(most, x) : fminf(most, x);
    }
    return most;
}

/* Neighbours: near enough to be a family, far enough to breathe. */
static float judge_spacing(const struct problem *p, const struct trial *t) {
    float cost = 0;
    for (int i = 0; i < p->n; i++) {
        float nearest = 1e9f;
        for (int j = 0; j < p->n; j++) {
            if (i == j)
                continue;
            for (int a = 0; a < p->units[i].n_heads; a++)
                for (int b = 0; b < p->units[j].n_heads; b++) {
                    float ha = t->head * row_size(t->spot[i].row), hb = t->head * row_size(t->spot[j].row);
                    float dx = (t->spot[i].x + p->units[i].head[a].x * ha - t->spot[j].x - p->units[j].head[b].x * hb) / t->head;
                    float dy = (t->spot[i].y + p->units[i].head[a].y * ha - t->spot[j].y - p->units[j].head[b].y * hb) / t->head;
                    float d = sqrtf(dx * dx + dy * dy);
                    nearest = fminf(nearest, d);
                    cost += 24 * square(over(1.2f, d));
                    if (t->spot[i].row != t->spot[j].row) /* never straight above: between the heads in front */
                        cost += 6 * square(over(0.7f, fabsf(dx)));
                }
        }
        if (p->n > 1)
            cost += 5 * square(over(nearest, p->style.gap)) + 2 * square(over(p->style.gap, nearest));
    }
    /* The group as a whole: from left to right nobody stands apart, whatever row they are in. */
    int order[ARRANGE_UNITS_MAX];
    for (int i = 0; i < p->n; i++) {
        int j = i;
        for (; j > 0 && t->spot[order[j - 1]].x > t->spot[i].x; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
    for (int k = 0; k + 1 < p->n; k++) {
        float gap = (side_head(p, t, order[k + 1], 0) - side_head(p, t, order[k], 1)) / t->head;
        cost += 8 * square(over(gap, p->style.gap + 0.15f)) + 3 * square(over(0.55f, gap));
    }
    return cost;
}

static float eye_line(const struct problem *p, const struct trial *t, int row) {
    float sum = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (t->spot[i].row == row) {
            sum += t->spot[i].y + p->level[i] * row_size(row) * t->head;
            n++;
        }
    return n ? sum / (float)n : -1;
}

/* How far a row's middle is from the frame's, in frame widths: a front row that stands to one side leaves a hole at the other. */
static float askew(const struct problem *p, const struct trial *t, int row) {
    float sum = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (t->spot[i].row == row) {
            sum += t->spot[i].x / p->wish->aspect - 0.5f;
            n++;
        }
    return n ? fabsf(sum / (float)n) : 0;
}

/* How far a row's people stand from the frame's middle on average, in heads. A back row wider than the front makes a valley. */
static float width(const struct problem *p, const struct trial *t, int row) {
    float sum = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (t->spot[i].row == row) {
            sum += fabsf(t->spot[i].x - p->wish->aspect / 2) / t->head;
            n++;
        }
    return n ? sum / (float)n : 0;
}

/* From the frame's upper edge to the highest hair. */
static float headroom(const struct problem *p, const struct trial *t) {
    float top = 1;
    for (int i = 0; i < p->n; i++)
        top = fminf(top, t->spot[i].y - p->top[i] * t->head * row_size(t->spot[i].row));
    return top;
}

/* Heads and shoulders of the whole group from left to right, as far as the frame's lower edge shows them. */
static void span(const struct problem *p, const struct trial *t, float *ret_left, float *ret_right) {
    float left = 1e9f, right = -1e9f;
    for (int i = 0; i < p->n; i++) {
        const struct arrange_unit *u = &p->units[i];
        const struct spot *s = &t->spot[i];
        float head = t->head * row_size(s->row);
        float below = fminf(shoulders + p->lowest_eyes[i], (1 - s->y) / head);
        int last = clampi((int)(u->eye_y + below * ARRANGE_GRID), 0, u->alpha.h - 1);
        left = fminf(left, s->x - p->widest[i][last].left * head);
        right = fmaxf(right, s->x + p->widest[i][last].right * head);
    }
    *ret_left = left;
    *ret_right = right;
}

/* How much of the width the group fills. One person is measured as in a 4:5 frame, and may be a little wider: arms are. */
static float judge_fill(const struct problem *p, const struct trial *t) {
    static const float least[4] = { 0, 0.40f, 0.57f, 0.72f }, most[4] = { 0, 0.58f, 0.78f, 0.90f };
    int k = clampi(p->heads, 1, 3);
    float left, right;
    span(p, t, &left, &right);
    float filled = (right - left) / (k == 1 ? 0.8f : p->wish->aspect);
    float wrong = over(least[k], filled) + over(filled, most[k]);
    return k == 1 ? 2000 * square(fminf(wrong, 0.06f)) + 80 * wrong : 200 * wrong + 16000 * square(wrong);
}

/* Rows, eye lines, size, balance: what makes it a composed picture. */
static float judge_composition(const struct problem *p, const struct trial *t) {
    const struct style *st = &p->style;
    float cost = 0, front = eye_line(p, t, 0), back = eye_line(p, t, 1);
    int n_back = 0;
    for (int i = 0; i < p->n; i++) {
        float line = t->spot[i].row ? back : front;
        cost += 10 * square((t->spot[i].y - line) / t->head + p->level[i] * row_size(t->spot[i].row) - p->jitter[i]);
        n_back += t->spot[i].row;
    }
    if (front < 0)
        cost += 50; /* a back row without a front row */
    else if (back >= 0)
        cost += 14 * square((front - back) / t->head - st->step) + (n_back * 2 > p->n + 1 ? 1.5f : 0) +
                (p->n >= 4 && n_back < 2 ? 3 : 0) + 5 * over(width(p, t, 1), width(p, t, 0)) +
                600 * (square(over(askew(p, t, 0), 0.03f)) + square(over(askew(p, t, 1), 0.03f)));
    if (p->heads >= 3)
        cost += st->rows == (n_back > 0) ? 0 : 1.2f;
    else
        cost += n_back ? 2.5f : 0;
    float larger = logf(t->head / st->head);
    cost += (larger > 0 ? 8 : 40) * square(larger) + 12 * square(headroom(p, t) / t->head - st->room) + judge_fill(p, t);
    float sum = 0, lean = 0;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->units[i].n_heads; k++) {
            float x = t->spot[i].x + p->units[i].head[k].x * t->head * row_size(t->spot[i].row);
            sum += x;
            /* people at the side look inwards */
            lean += over(p->units[i].head[k].yaw_deg * (x / p->wish->aspect - 0.5f), 0.8f) * 0.06f;
        }
    cost += 100 * square(sum / (float)p->heads / p->wish->aspect - 0.5f) + lean;
    for (int i = 0; i < p->n; i++)
        cost += 2.0f * square(over(t->head * row_size(t->spot[i].row) * p->wish->height_px / p->units[i].head_px_max, 1.5f));
    return cost;
}

/* A bare strip of background between two bodies at the lower edge looks like a hole in the family. */
static float judge_floor(const struct canvas *c) {
    int first = -1, last = -1, bare = 0;
    const int8_t *row = c->owner + (c->h - 3) * c->w;
    for (int x = 0; x < c->w; x++)
        if (row[x] >= 0) {
            first = first < 0 ? x : first;
            last = x;
        }
    for (int x = first; first >= 0 && x <= last; x++)
        bare += row[x] < 0;
    return 2.0f * (float)bare / (float)c->h + (first < 0 ? 20 : 0);
}

/* Order from left to right as ranks. */
static void ranks(const struct trial *t, int n, int rank[ARRANGE_UNITS_MAX]) {
    for (int i = 0; i < n; i++) {
        rank[i] = 0;
        for (int j = 0; j < n; j++)
            rank[i] += t->spot[j].x < t->spot[i].x;
    }
}

/* How much a trial looks like one that was already offered. */
static float judge_sameness(const struct problem *p, const struct trial *t) {
    float cost = 0;
    int mine[ARRANGE_UNITS_MAX], theirs[ARRANGE_UNITS_MAX];
    ranks(t, p->n, mine);
    for (int k = 0; k < p->n_earlier; k++) {
        const struct trial *o = &p->earlier[k];
        float diff = 9 * fabsf(logf(t->head / o->head));
        ranks(o, p->n, theirs);
        for (int i = 0; i < p->n; i++) {
            float dx = (t->spot[i].x - o->spot[i].x) / t->head, dy = (t->spot[i].y - o->spot[i].y) / t->head;
            diff += 0.8f * fminf(fabsf(dx) + fabsf(dy), 2) / (float)p->n;
            diff += (mine[i] != theirs[i] ? 3.0f : 0) / (float)p->n + (t->spot[i].row != o->spot[i].row ? 2.0f : 0) / (float)p->n;
        }
        cost += square(over(p->n > 1 ? 3.2f : 2.2f, diff));
    }
    return cost;
}

static struct verdict judge(const struct problem *p, const struct trial *t) {
    struct canvas c;
    c.h = CANVAS_H;
    c.w = clampi((int)lroundf(CANVAS_H * p->wish->aspect), 16, CANVAS_W_MAX);
    int order[ARRANGE_UNITS_MAX];
    draw_order(t, p->n, order);
    paint(&c, p, t, order);
    struct verdict v = { 0 };
    int rank[ARRANGE_UNITS_MAX] = { 0 };
    for (int i = 0; i < p->n; i++)
        rank[order[i]] = i;
    for (int i = 0; i < p->n; i++)
        v.cut_shown += cut_visible(&c, p, t, rank, i);
    for (int i = 0; i < p->n; i++) {
        v.outside[i] = body_outside(&c, p, t, i);
        v.cost += 8 * v.outside[i] + 90 * square(over(v.outside[i], 0.12f));
        v.floating = fmaxf(v.floating, floating(&c, p, t, rank, i));
    }
    v.cost += (float)(1 + p->wish->hide) * (40 * v.floating + 25 * v.cut_shown + 25 * square(v.cut_shown)) + judge_heads(&c, p, t, &v) + judge_spacing(p, t) +
             judge_composition(p, t) + judge_floor(&c) + judge_sameness(p, t);
    return v;
}

/* ---- searching ---- */

/* Forces on a trial what must hold of all: its rows, their eye lines, the room above and the middle. */
static void settle(const struct problem *p, struct trial *t) {
    int count[2] = { 0 };
    for (int i = 0; i < p->n; i++) {
        t->spot[i].row &= p->rows_allowed;
        count[t->spot[i].row]++;
    }
    for (int i = 0; i < p->n && !count[0]; i++)
        t->spot[i].row = 0;
    float line[2] = { eye_line(p, t, 0), eye_line(p, t, 1) };
    for (int i = 0; i < p->n; i++) {
        struct spot *s = &t->spot[i];
        float level = line[s->row] - p->level[i] * row_size(s->row) * t->head;
        s->y = clampf(s->y, level - row_slack * t->head, level + row_slack * t->head);
    }
    float front = eye_line(p, t, 0), step = front - eye_line(p, t, 1);
    float back = step - clampf(step, step_least * t->head, step_most * t->head);
    for (int i = 0; i < p->n; i++)
        t->spot[i].y += t->spot[i].row ? back : 0;
    float room = headroom(p, t), down = clampf(room, room_least * t->head, room_most * t->head) - room, left, right;
    for (int i = 0; i < p->n; i++)
        t->spot[i].y += down;
    span(p, t, &left, &right);
    for (int i = 0; i < p->n; i++)
        t->spot[i].x += (p->wish->aspect - left - right) / 2;
}

/* A first guess: units side by side in a random order, about as large and as high as wanted. */
static struct trial guess(const struct problem *p, struct dice *d) {
    struct trial t = { .head = p->style.head * dice_between(d, 0.8f, 1.25f) };
    int seat[ARRANGE_UNITS_MAX];
    for (int i = 0; i < p->n; i++) {
        int j = dice_below(d, i + 1);
        seat[i] = seat[j];
        seat[j] = i;
    }
    bool rows = p->rows_allowed && dice_unit(d) < (p->style.rows ? 0.8f : 0.35f);
    float middle = p->wish->aspect / 2, pitch = p->style.gap * t.head * (rows ? 0.7f : 1);
    for (int k = 0; k < p->n; k++) {
        struct spot *s = &t.spot[seat[k]];
        s->row = rows && dice_unit(d) < 0.45f;
        s->x = middle + ((float)k - (float)(p->n - 1) / 2) * pitch;
        s->y = (p->style.room + 0.6f + (rows && !s->row ? p->style.step : 0) + p->jitter[seat[k]]) * t.head;
        s->order = dice_unit(d);
    }
    settle(p, &t);
    return t;
}

static struct trial nudged(const struct problem *p, const struct trial *from, float size, struct dice *d) {
    struct trial t = *from;
    int i = dice_below(d, p->n), j = dice_below(d, p->n);
    switch (dice_below(d, 10)) {
    case 0:
    case 1:
    case 2:
        t.spot[i].x += dice_normal(d) * 0.5f * size * t.head;
        break;
    case 3:
    case 4:
        t.spot[i].y += dice_normal(d) * 0.4f * size * t.head;
        break;
    case 5: { /* closer or further, keeping the picture's middle */
        float k = expf(dice_normal(d) * 0.15f * size), cx = p->wish->aspect / 2;
        t.head = clampf(t.head * k, 0.1f, 0.62f);
        for (int a = 0; a < p->n; a++)
            t.spot[a].x = cx + (t.spot[a].x - cx) * k;
        break;
    }
    case 6: { /* everybody up or down */
        float dy = dice_normal(d) * 0.4f * size * t.head;
        for (int a = 0; a < p->n; a++)
            t.spot[a].y += dy;
        break;
    }
    case 7: { /* two change places */
        struct spot s = t.spot[i];
        t.spot[i] = t.spot[j];
        t.spot[j] = s;
        break;
    }
    case 8:
        t.spot[i].order = dice_unit(d);
        break;
    default:
        t.spot[i].row ^= 1;
        t.spot[i].y += (t.spot[i].row ? -1 : 1) * p->style.step * t.head;
    }
    settle(p, &t);
    return t;
}

static struct trial search(const struct problem *p, struct dice *d, struct verdict *ret_v) {
    struct trial best = { 0 };
    struct verdict best_v = { .cost = 1e30f };
    for (int s = 0; s < STARTS; s++) {
        struct trial at = guess(p, d);
        struct verdict v = judge(p, &at);
        int steps = STEPS;
        for (int k = 0; k < steps; k++) {
            struct trial to = nudged(p, &at, mixf(1, 0.25f, (float)k / (float)steps), d);
            struct verdict w = judge(p, &to);
            if (w.cost < v.cost) {
                at = to;
                v = w;
            }
        }
        if (v.cost < best_v.cost) {
            best = at;
            best_v = v;
        }
    }
    /* A last polish of the winner. */
    for (int k = 0; k < 2 * STEPS; k++) {
        struct trial to = nudged(p, &best, 0.25f, d);
        struct verdict w = judge(p, &to);
        if (w.cost < best_v.cost) {
            best = to;
            best_v = w;
        }
    }
    *ret_v = best_v;
    return best;
}

/* Heads must be this large for the shortest cut-out to reach the lower edge of the frame. */
static float least_head(const struct problem *p) {
    float least = 0;
    for (int i = 0; i < p->n; i++) {
        float below = ((float)p->units[i].alpha.h - p->units[i].eye_y) / ARRANGE_GRID;
        least = fmaxf(least, 1 / (fmaxf(below, 0.7f) + p->top[i] + 0.8f * room_most));
    }
    return least;
}

/* Four ways to take the picture, then the same with other dice: classic, close, rows (or to one side), wide. */
static struct style style_of(int variant, int heads, int units, int wider, struct dice *d) {
    static const float usual[ARRANGE_UNITS_MAX + 1] = { 0.3f, 0.25f, 0.31f, 0.275f, 0.245f, 0.225f };
    float h = usual[clampi(heads, 1, ARRANGE_UNITS_MAX)];
    static const struct style kinds[4] = {
        { 1.00f, 1.25f, 0.85f, 0.55f, false },
        { 1.22f, 1.12f, 0.80f, 0.40f, false },
        { 0.95f, 1.20f, 1.00f, 0.50f, true },
        { 0.84f, 1.36f, 0.80f, 0.75f, false },
    };
    struct style s = kinds[variant % 4];
    s.head *= h * (heads == 1 && variant % 4 == 1 ? 0.92f : 1);
    /* People who stay as they stood can differ in nothing but the frame. */
    if (units == 1 && heads > 1)
        s.head *= variant % 4 == 1 ? 1.12f : variant % 4 == 3 ? 0.92f : 1;
    s.gap *= 1 + 0.1f * (float)wider;
    s.head *= 1 - 0.04f * (float)wider;
    if (heads == 5 || (heads >= 4 && variant % 4 == 1))
        s.rows = true;
    if (variant >= 4) {
        s.head *= dice_between(d, 0.9f, 1.1f);
        s.gap *= dice_between(d, 0.93f, 1.1f);
    }
    return s;
}

void arrange_people(const struct arrange_unit *units, int n, const struct arrange_wish *wish, struct arrangement *ret_a) {
    struct problem p = { .units = units, .n = n, .wish = wish };
    for (int i = 0; i < n; i++)
        p.heads += units[i].n_heads;
    p.rows_allowed = n > 1 && (p.heads >= 4 || wish->aspect < 1);
    for (int i = 0; i < n; i++) {
        size_t pixels = plane_n(&units[i].alpha);
        p.before[i] = malloc(sizeof *p.before[i] * (pixels + (size_t)units[i].alpha.h));
        p.cut[i] = malloc(sizeof(struct cut_cell) * CUT_CELLS_MAX);
        p.solid[i] = malloc(pixels);
        p.widest[i] = malloc(sizeof(struct reach) * (size_t)units[i].alpha.h);
        if (!p.cut[i] || !p.solid[i] || !p.before[i] || !p.widest[i])
            abort();
        measure(&p, i);
        p.n_cut[i] = list_cut(&units[i], p.cut[i]);
    }
    struct trial made[VARIANTS_MAX];
    struct verdict v = { 0 };
    int last = clampi(wish->variant, 0, VARIANTS_MAX - 1);
    /* A variant must differ from those before it, and each is made by another process: so each makes them all again, up to four.
     */
    int first = last - last % 4;
    for (int k = first; k <= last; k++) {
        struct dice d = { wish->seed * 1000003u + (uint64_t)k };
        p.style = style_of(k, p.heads, n, clampi(wish->wider, 0, 4), &d);
        /* Whoever has only a bust must fill the frame down to its edge: then everybody has to come closer. */
        p.style.head = fmaxf(p.style.head, least_head(&p));
        for (int i = 0; i < n; i++)
            p.jitter[i] = n > 1 ? dice_between(&d, -0.12f, 0.12f) : 0;
        p.earlier = made + first;
        p.n_earlier = k - first;
        made[k] = search(&p, &d, &v);
    }
    for (int i = 0; i < n; i++) {
        free(p.cut[i]);
        free(p.solid[i]);
        free(p.widest[i]);
        free(p.before[i]);
    }
    const struct trial *t = &made[last];
    int order[ARRANGE_UNITS_MAX];
    draw_order(t, n, order);
    *ret_a = (struct arrangement){ .n = n, .head = t->head, .cut_shown = v.cut_shown, .covered = v.covered,
                                .floating = v.floating, .cost = v.cost };
    for (int i = 0; i < n; i++) {
        const struct spot *s = &t->spot[order[i]];
        ret_a->place[i] = (struct arrange_place){ order[i], s->row, s->x, s->y, t->head * row_size(s->row), v.outside[order[i]],
                                                  v.head_out[order[i]] };
    }
}
