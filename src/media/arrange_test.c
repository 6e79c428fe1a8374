/* arrange_test.c - what must hold of every arrangement, over many people, variants and seeds. */
#include "media/arrange.h"

#include <math.h>
#include <string.h>
#include "base/testing.h"
#include "media/doll.h"
#include "media/posed.h"
#include "media/studio_ops.h"
#include "media/unit.h"

struct group {
    struct buf blob[VISION_PEOPLE_MAX];
    struct layer layer[VISION_PEOPLE_MAX];
    struct unit unit[VISION_PEOPLE_MAX];
    struct arrange_unit shape[VISION_PEOPLE_MAX];
    int n;
};

/* n people; below[i] heads of body each. */
static void make_group(struct group *g, int n, const float *below) {
    struct err e = { 0 };
    for (int i = 0; i < n; i++) {
        struct doll d = DOLL;
        d.below = below[i];
        d.photo_id = (uint64_t)i + 1;
        d.yaw_deg = (float)(i % 3 - 1) * 15;
        doll_layer(&d, &g->blob[i]);
        assert_int_equal(layer_read(buf_str(&g->blob[i]), &g->layer[i], &e), 0);
    }
    g->n = unit_make_all(g->layer, n, g->unit);
    assert_int_equal(g->n, n);
    for (int i = 0; i < n; i++)
        g->shape[i] = g->unit[i].shape;
}

static void drop_group(struct group *g, int n) {
    for (int i = 0; i < n; i++) {
        unit_done(&g->unit[i]);
        buf_done(&g->blob[i]);
    }
}

static void check(const struct arrangement *a, const struct group *g, float aspect) {
    bool seen[VISION_PEOPLE_MAX] = { false };
    float front = 0, back = 0;
    assert_int_equal(a->n, g->n);
    for (int i = 0; i < a->n; i++) {
        const struct arrange_place *p = &a->place[i];
        const struct arrange_head *h = &g->shape[p->unit].head[0];
        assert_true(p->unit >= 0 && p->unit < g->n && !seen[p->unit]);
        seen[p->unit] = true;
        /* the whole head within the frame */
        assert_true(p->y - h->up * p->head > 0 && p->y + h->down * p->head < 1);
        assert_true(p->x - h->left * p->head > 0 && p->x + h->right * p->head < aspect);
        assert_true(p->head_out < 0);      /* with its hair */
        assert_true(p->outside < 0.3f);    /* and most of the body beside the frame's edge */
        /* heads of one row are alike, those behind a little smaller */
        float *row = p->row ? &back : &front;
        assert_true(*row == 0 || fabsf(p->head / *row - 1) < 0.1f);
        *row = p->head;
        assert_true(i == 0 || a->place[i - 1].row >= p->row); /* furthest first */
    }
    assert_true(back == 0 || (back < front && back > 0.8f * front));
    assert_true(a->covered < 0.1f);    /* no face behind somebody */
    assert_true(a->cut_shown < 0.35f && a->floating < 0.1f); /* nobody floats */
    /* No wall above low heads, nobody stands apart from the rest, the group stands in the middle. */
    float top = 1, sum = 0, xs[VISION_PEOPLE_MAX];
    for (int i = 0; i < a->n; i++) {
        const struct arrange_place *p = &a->place[i];
        top = fminf(top, p->y - g->shape[p->unit].head[0].up * p->head);
        sum += p->x / (float)a->n;
        int j = i;
        for (; j > 0 && xs[j - 1] > p->x; j--)
            xs[j] = xs[j - 1];
        xs[j] = p->x;
    }
    assert_true(top < 0.30f);
    for (int i = 1; i < a->n; i++)
        assert_true(xs[i] - xs[i - 1] < 2.0f * a->head);
    assert_true(fabsf(sum / aspect - 0.5f) < 0.16f);
}

static void heads_faces_and_feet_are_where_they_belong(void **state) {
    static const float below[VISION_PEOPLE_MAX] = { 2.4f, 1.9f, 3.5f, 2.8f, 2.2f };
    for (int n = 1; n <= VISION_PEOPLE_MAX; n++) {
        struct group g;
        make_group(&g, n, below);
        for (uint64_t seed = 0; seed < 40; seed++) { /* 5 sizes x 40 seeds = 200 */
            struct arrange_wish wish = { 1.5f, 1280, (int)(seed % 4), seed * 7919 + 1, 0, 0 };
            struct arrangement a;
            arrange_people(g.shape, n, &wish, &a);
            check(&a, &g, 1.5f);
        }
        drop_group(&g, n);
    }
}

/* Selfies with a head of body once sent their people into the corners and everybody else a head above, in every second candidate. */
static void groups_are_posed_by_the_rules(void **state) {
    static const float below[][VISION_PEOPLE_MAX] = { { 3.0f, 2.4f, 3.5f, 2.8f, 2.2f }, { 3.4f, 1.2f, 1.1f, 2.8f, 2.9f } };
    for (size_t b = 0; b < COUNT(below); b++)
        for (int n = 1; n <= VISION_PEOPLE_MAX; n++) {
            struct group g;
            make_group(&g, n, below[b]);
            for (int k = 0; k < 24; k++) {
                float aspect = n == 1 ? 0.8f : 1.5f;
                struct arrange_wish wish = { aspect, 1280, k % 4, (uint64_t)(k / 4) * 7919 + 1001, 0, 0 };
                struct arrangement a;
                arrange_people(g.shape, n, &wish, &a);
                posed_check(&a, g.shape, aspect);
            }
            drop_group(&g, n);
        }
}

/* Selfies end at the chest: their lower edge must not hang in the air. */
static void busts_reach_the_lower_edge_or_stand_behind(void **state) {
    static const float below[VISION_PEOPLE_MAX] = { 1.0f, 3.0f, 1.2f, 2.2f, 1.0f };
    for (int n = 1; n <= 4; n++) {
        struct group g;
        make_group(&g, n, below);
        for (int variant = 0; variant < 4; variant++) {
            struct arrange_wish wish = { 1.5f, 1280, variant, 1001, 0, 0 };
            struct arrangement a;
            arrange_people(g.shape, n, &wish, &a);
            assert_true(a.cut_shown < 0.5f && a.covered < 0.12f);
        }
        drop_group(&g, n);
    }
}

static void the_same_wish_gives_the_same_picture_another_variant_another(void **state) {
    static const float below[3] = { 2.4f, 1.9f, 3.5f };
    struct group g;
    make_group(&g, 3, below);
    struct arrangement made[4], again;
    for (int v = 0; v < 4; v++) {
        struct arrange_wish wish = { 1.5f, 1280, v, 1001, 0, 0 };
        arrange_people(g.shape, 3, &wish, &made[v]);
        arrange_people(g.shape, 3, &wish, &again);
        assert_memory_equal(&again, &made[v], sizeof again);
        for (int u = 0; u < v; u++) {
            float moved = 8 * fabsf(logf(made[v].head / made[u].head));
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    if (made[v].place[i].unit == made[u].place[j].unit)
                        moved +=
                            (fabsf(made[v].place[i].x - made[u].place[j].x) + fabsf(made[v].place[i].y - made[u].place[j].y)) /
                            made[v].head / 3;
            assert_true(moved > 0.6f); /* most of a head, on average */
        }
    }
    drop_group(&g, 3);
}

static void portrait_frames_work_too(void **state) {
    static const float below[2] = { 2.4f, 1.9f };
    struct group g;
    make_group(&g, 2, below);
    struct arrange_wish wish = { 0.75f, 1600, 0, 1001, 0, 0 };
    struct arrangement a;
    arrange_people(g.shape, 2, &wish, &a);
    check(&a, &g, 0.75f);
    drop_group(&g, 2);
}

/* Curls reach further than a face: the frame's side must not cut them, though a cut outline could be hidden there. */
static void hair_is_not_cut_by_the_frame(void **state) {
    static const float below[1] = { 3.0f };
    for (int variant = 0; variant < 4; variant++) {
        struct group g;
        make_group(&g, 1, below);
        struct arrange_unit *u = &g.shape[0];
        for (int y = (int)(u->eye_y - 0.4f * ARRANGE_GRID); y < (int)(u->eye_y + 0.4f * ARRANGE_GRID); y++)
            for (int x = 0; x < u->alpha.w; x++) {
                bool curls = fabsf((float)x - u->eye_x) < 0.85f * ARRANGE_GRID;
                plane_row(&u->alpha, y)[x] = curls;
                if (curls && fabsf((float)(x + 1) - u->eye_x) >= 0.85f * ARRANGE_GRID && (float)x > u->eye_x)
                    plane_row(&u->cut, y)[x] = 0.35f; /* where a neighbour stood */
            }
        struct arrange_wish wish = { 1.5f, 1280, variant, 1001, 0, 0 };
        struct arrangement a;
        arrange_people(g.shape, 1, &wish, &a);
        assert_true(a.place[0].head_out <= 0);
        assert_true(a.place[0].x + 0.85f * a.place[0].head < 1.5f && a.place[0].x - 0.85f * a.place[0].head > 0);
        assert_true(fabsf(a.place[0].x / 1.5f - 0.5f) < 0.12f);
        drop_group(&g, 1);
    }
}

/* Two people out of one photo who touch stay as they stood; two who do not, or out of two photos, are free. */
static void neighbours_stay_together(void **state) {
    for (int touching = 0; touching < 2; touching++) {
        struct buf blob[2];
        struct layer l[2];
        struct unit u[VISION_PEOPLE_MAX];
        struct err e = { 0 };
        for (int i = 0; i < 2; i++) {
            struct doll d = DOLL;
            d.photo_id = 9;
            d.photo_x = (float)i * 150;
            doll_layer(&d, &blob[i]);
            assert_int_equal(layer_read(buf_str(&blob[i]), &l[i], &e), 0);
        }
        if (touching) {
            l[0].f.n_neighbours = 1;
            l[0].f.neighbour[0][0] = l[1].f.photo_x + l[1].f.eye_x;
            l[0].f.neighbour[0][1] = l[1].f.eye_y;
            l[0].f.neighbour[0][2] = 1.5f;
        }
        int n = unit_make_all(l, 2, u);
        assert_int_equal(n, touching ? 1 : 2);
        if (touching) {
            assert_int_equal(u[0].shape.n_heads, 2);
            assert_true(fabsf(u[0].shape.head[1].x - 150.0f / 120) < 0.05f);
        }
        for (int i = 0; i < n; i++)
            unit_done(&u[i]);
        for (int i = 0; i < 2; i++)
            buf_done(&blob[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_faces_and_feet_are_where_they_belong),
        cmocka_unit_test(groups_are_posed_by_the_rules),
        cmocka_unit_test(busts_reach_the_lower_edge_or_stand_behind),
        cmocka_unit_test(the_same_wish_gives_the_same_picture_another_variant_another),
        cmocka_unit_test(portrait_frames_work_too),
        cmocka_unit_test(hair_is_not_cut_by_the_frame),
        cmocka_unit_test(neighbours_stay_together),
    };
    return RUN(tests);
}
