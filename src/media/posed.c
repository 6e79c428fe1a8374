#include "media/posed.h"

#include <math.h>
#include "base/testing.h"

/* Heads and shoulders of the group, as the frame shows them: left, right, and the highest crown. */
static void outline(const struct arrangement *a, const struct arrange_unit *units, float aspect, float ret_edge[3]) {
    float left = aspect, right = 0, top = 1;
    for (int i = 0; i < a->n; i++) {
        const struct arrange_place *p = &a->place[i];
        const struct arrange_unit *u = &units[p->unit];
        float lowest = 0;
        for (int k = 0; k < u->n_heads; k++) {
            lowest = fmaxf(lowest, u->head[k].y);
            top = fminf(top, p->y + (u->head[k].y - u->head[k].up) * p->head);
        }
        for (int y = 0; y < u->alpha.h; y++)
            for (int x = 0; x < u->alpha.w; x++) {
                float dx = ((float)x + 0.5f - u->eye_x) / ARRANGE_GRID, dy = ((float)y + 0.5f - u->eye_y) / ARRANGE_GRID;
                if (plane_row(&u->alpha, y)[x] < 0.5f || dy > lowest + 1.1f || p->y + dy * p->head > 1)
                    continue;
                left = fminf(left, p->x + dx * p->head);
                right = fmaxf(right, p->x + dx * p->head);
            }
    }
    ret_edge[0] = left;
    ret_edge[1] = right;
    ret_edge[2] = top;
}

/* Eye lines, where every unit is one person. */
static void check_rows(const struct arrangement *a, float aspect) {
    const struct arrange_place *by_x[ARRANGE_UNITS_MAX];
    float sum[2] = { 0 };
    int count[2] = { 0 };
    for (int i = 0; i < a->n; i++) {
        int j = i;
        for (; j > 0 && by_x[j - 1]->x > a->place[i].x; j--)
            by_x[j] = by_x[j - 1];
        by_x[j] = &a->place[i];
    }
    for (int row = 0; row < 2; row++) {
        const struct arrange_place *last = NULL;
        float highest = 1, lowest = 0;
        for (int i = 0; i < a->n; i++) {
            const struct arrange_place *p = by_x[i];
            if (p->row != row)
                continue;
            if (last && fabsf(p->y - last->y) > 0.35f * a->head)
                fail_msg("neighbours differ by %.2f heads", (double)(fabsf(p->y - last->y) / a->head));
            last = p;
            highest = fminf(highest, p->y);
            lowest = fmaxf(lowest, p->y);
            sum[row] += p->y;
            count[row]++;
            assert_true(fabsf(p->head / a->head - 1) < 0.12f);
        }
        assert_true(lowest - highest < 0.6f * a->head);
    }
    assert_true(count[0] > 0);
    if (count[1]) {
        float step = (sum[0] / (float)count[0] - sum[1] / (float)count[1]) / a->head;
        assert_true(a->n >= 4 || aspect < 1);
        if (step < 0.7f || step > 1.1f)
            fail_msg("the second row stands %.2f heads above the first", (double)step);
    }
}

void posed_check(const struct arrangement *a, const struct arrange_unit *units, float aspect) {
    static const float least[4] = { 0, 0.40f, 0.55f, 0.70f }, most[4] = { 0, 0.62f, 0.80f, 0.92f };
    float edge[3];
    int heads = 0;
    for (int i = 0; i < a->n; i++)
        heads += units[i].n_heads;
    outline(a, units, aspect, edge);
    int k = heads < 3 ? heads : 3;
    float middle = (edge[0] + edge[1]) / 2 / aspect - 0.5f, room = edge[2] / a->head;
    float filled = (edge[1] - edge[0]) / (k == 1 ? 0.8f : aspect);
    if (fabsf(middle) > 0.06f)
        fail_msg("the group of %d is %.2f of the width off the middle", heads, (double)middle);
    if (filled < least[k] || filled > most[k])
        fail_msg("the group of %d fills %.2f of the width", heads, (double)filled);
    /* The crown's mark may lie a little below the highest hair. */
    if (room < 0.35f || room > 0.9f + 0.3f)
        fail_msg("%.2f heads of room above %d people", (double)room, heads);
    if (a->floating > 0.1f)
        fail_msg("%.2f heads of somebody hang in the air", (double)a->floating);
    if (heads == a->n)
        check_rows(a, aspect);
}
