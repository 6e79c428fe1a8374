/* body_test.c - what a body must look like: on drawn heads and shoulders. */
#include "media/body.h"

#include <math.h>
#include "base/testing.h"
#include "media/facts.h"
#include "media/margin.h"

enum { W = 320, H = 320 };

static const struct body body = { 160, 120, 80 };
static const float cloth[3] = { 0.1f, 0.1f, 0.12f }, wall[3] = { 0.7f, 0.75f, 0.8f };

/* A head, a neck and a bust that runs out of the lower edge. */
static bool drawn(int x, int y) {
    return hypotf((float)x - 160, (float)y - 85) < 36 || (y >= 110 && abs(x - 160) < 16) || (y >= 140 && abs(x - 160) < 75);
}

static struct plane bust(void) {
    struct plane p = plane_new(W, H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            plane_row(&p, y)[x] = drawn(x, y);
    return p;
}

static void fill(struct plane *p, struct box b, float v) {
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++)
            plane_row(p, y)[x] = v;
}

static struct pic photo_of(const struct plane *who) {
    struct pic p = pic_new(W, H);
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < plane_n(who); i++)
            p.c[c].px[i] = mixf(wall[c], cloth[c], who->px[i]);
    return p;
}

static void a_trunk_is_expected_below_a_head(void **state) {
    assert_true(body_prior(&body, 160, 200) > 0.95f && body_prior(&body, 85, 190) > 0.9f);
    assert_true(body_prior(&body, 160, 90) < 0.01f && body_prior(&body, 100, 122) < 0.01f && body_prior(&body, 10, 200) < 0.01f);
}

static void a_shoulder_that_one_model_lost_comes_back(void **state) {
    PLANE_CLEANUP struct plane sure = bust(), matte = bust();
    fill(&sure, (struct box){ 60, 130, 130, H }, 0);
    fill(&matte, (struct box){ 0, 60, 40, H }, 1);     /* a door frame, apart from the body */
    fill(&matte, (struct box){ 235, 200, W, 260 }, 1); /* a sofa's arm that touches it */
    body_vote(&sure, &matte, &body);
    assert_true(plane_row(&sure, 200)[100] > 0.9f && plane_row(&sure, 150)[95] > 0.9f);
    assert_true(plane_row(&sure, 200)[20] < 0.1f && plane_row(&sure, 230)[300] < 0.1f);
    assert_true(plane_row(&sure, 85)[160] > 0.99f);
}

static void a_hole_in_the_clothes_is_closed_and_a_gap_is_not(void **state) {
    static const struct box hole = { 140, 180, 180, 220 }, gap = { 100, 230, 118, 290 }, below = { 185, 270, 215, H };
    PLANE_CLEANUP struct plane alpha = bust(), person = bust(), who = bust();
    fill(&who, gap, 0); /* the wall shows between arm and trunk; the rest is cloth that nobody saw */
    PIC_CLEANUP struct pic rgb = photo_of(&who);
    const struct box all[] = { hole, gap, below };
    for (size_t i = 0; i < COUNT(all); i++) {
        fill(&alpha, all[i], 0);
        fill(&person, all[i], 0);
    }
    float guessed = body_close(&alpha, &rgb, &person, &body);
    assert_true(plane_row(&alpha, 200)[160] > 0.95f && plane_row(&alpha, 300)[200] > 0.95f);
    assert_true(plane_row(&alpha, 260)[109] < 0.05f);
    assert_true(plane_row(&alpha, 20)[20] < 0.01f && plane_row(&alpha, 300)[20] < 0.01f);
    assert_true(guessed > 0.05f && guessed < 0.25f);
}

static void what_hangs_on_nothing_goes(void **state) {
    PLANE_CLEANUP struct plane alpha = bust(), keep = plane_new(W, H);
    fill(&keep, (struct box){ 140, 70, 180, 100 }, 1);
    fill(&alpha, (struct box){ 250, 200, 300, 300 }, 1);  /* trousers of a neighbour, larger than any speck */
    fill(&alpha, (struct box){ 234, 240, 251, 242 }, 1);  /* by a thread */
    fill(&alpha, (struct box){ 197, 84, 210, 85 }, 0.6f); /* a hair */
    float off = body_one_piece(&alpha, &keep, &body);
    assert_true(plane_row(&alpha, 250)[275] < 0.01f);
    assert_true(plane_row(&alpha, 250)[160] > 0.99f && plane_row(&alpha, 84)[203] > 0.5f);
    assert_true(off > 0.1f && off < 0.4f);
}

static void whoever_hangs_in_mid_air_or_lost_a_shoulder_is_told(void **state) {
    enum { WHOLE, MID_AIR, SHORT, ONE_SHOULDER, KINDS };
    for (int kind = WHOLE; kind < KINDS; kind++) {
        struct segment s = { .scale = 1, .alpha = bust(), .part = { [PART_BACKGROUND] = plane_new(W, H) } };
        struct layer_facts f;
        struct err e = { 0 };
        PLANE_CLEANUP struct plane cut = plane_new(W / LAYER_CUT_CELL, H / LAYER_CUT_CELL);
        layer_facts_init(&f);
        f.head_px = 80;
        f.chin_y = 120;
        f.face[0] = 130;
        f.face[2] = 190;
        int end = kind == MID_AIR ? 260 : kind == SHORT ? 170 : H;
        fill(&s.alpha, (struct box){ 0, end, W, H }, 0);
        if (kind == ONE_SHOULDER)
            fill(&s.alpha, (struct box){ 0, 120, 150, H }, 0);
        f.bottom_y = (float)end;
        for (int x = 85; kind == WHOLE && x < 235; x++)
            plane_row(&cut, H / LAYER_CUT_CELL - 1)[x / LAYER_CUT_CELL] = 255;
        facts_measure_flaws(&s, &cut, &f);
        bool floats = kind == MID_AIR || kind == SHORT;
        assert_true(floats ? f.floating > 1.5f : f.floating < 0.01f);
        if (floats)
            assert_true(plane_row(&cut, (end - 1) / LAYER_CUT_CELL)[160 / LAYER_CUT_CELL] > 254);
        int r = facts_check_body(&s, &cut, &f, &e);
        if (kind == SHORT)
            check_err(r, ERR_BODY_UNSURE, &e, "mid-air");
        else if (kind == ONE_SHOULDER)
            check_err(r, ERR_BODY_UNSURE, &e, "the left shoulder");
        else
            assert_int_equal(r, 0);
        segment_done(&s);
    }
}

/* ---- margins ---- */

static struct img8 white(int w, int h) {
    struct img8 p = img8_new(w, h, 3);
    for (size_t i = 0; i < p.stride * (size_t)h; i++)
        p.px[i] = (uint8_t)(240 + i * 7 % 11);
    return p;
}

/* A busy picture, laid into p. */
static void lay_photo(struct img8 *p, struct box b) {
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++)
            for (int c = 0; c < 3; c++)
                p->px[(size_t)y * p->stride + (size_t)(3 * x + c)] = (uint8_t)(40 + (x * 37 + y * 91 + c * 50) % 150);
}

static void a_border_is_no_part_of_the_photo(void **state) {
    static const struct box inner[] = { { 40, 30, 360, 270 }, { 0, 50, 400, 250 }, { 120, 0, 280, 300 }, { 0, 0, 400, 300 } };
    for (size_t i = 0; i < COUNT(inner); i++) {
        IMG8_CLEANUP struct img8 p = white(400, 300);
        lay_photo(&p, inner[i]);
        struct box b = margin_content(&p), q = inner[i];
        assert_true(b.x0 >= q.x0 && b.x0 <= q.x0 + 4 && b.x1 <= q.x1 && b.x1 >= q.x1 - 4);
        assert_true(b.y0 >= q.y0 && b.y0 <= q.y0 + 4 && b.y1 <= q.y1 && b.y1 >= q.y1 - 4);
        assert_true(i < 3 || (box_w(b) == 400 && box_h(b) == 300));
    }
}

/* Somebody before a white wall: the wall goes on to the edge and is no border; under them, where they stop at a line, one begins.
 */
static void a_wall_is_no_border(void **state) {
    for (int border = 0; border < 2; border++) {
        IMG8_CLEANUP struct img8 p = white(400, 300);
        int end = border ? 250 : 300;
        for (int y = 40; y < end; y++)
            for (int x = 0; x < 400; x++)
                if (hypotf((float)x - 200, (float)y - 90) < 50 || (y > 150 && hypotf((float)x - 200, (float)y - 260) < 110))
                    lay_photo(&p, (struct box){ x, y, x + 1, y + 1 });
        struct box b = margin_content(&p);
        assert_true(b.x0 == 0 && b.y0 == 0 && b.x1 == 400);
        assert_true(border ? b.y1 <= 250 && b.y1 >= 246 : b.y1 == 300);
    }
    IMG8_CLEANUP struct img8 nothing = white(400, 300), dot = img8_new(1, 1, 3);
    assert_int_equal(box_w(margin_content(&nothing)), 400);
    assert_int_equal(box_h(margin_content(&dot)), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trunk_is_expected_below_a_head),
        cmocka_unit_test(a_shoulder_that_one_model_lost_comes_back),
        cmocka_unit_test(a_hole_in_the_clothes_is_closed_and_a_gap_is_not),
        cmocka_unit_test(what_hangs_on_nothing_goes),
        cmocka_unit_test(whoever_hangs_in_mid_air_or_lost_a_shoulder_is_told),
        cmocka_unit_test(a_border_is_no_part_of_the_photo),
        cmocka_unit_test(a_wall_is_no_border),
    };
    return RUN(tests);
}
