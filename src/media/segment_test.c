/* segment_test.c - fusion of two masks, telling people apart, colour under a soft edge: on drawn pictures. */
#include "media/segment.h"

#include <math.h>
#include <string.h>
#include "base/testing.h"
#include "media/cast.h"
#include "media/cutout.h"
#include "media/filter.h"
#include "media/split.h"

enum { W = 200, H = 200 };

/* 1 within radius r of the middle, soft over `soft` pixels. */
static struct plane blob(float r, float soft) {
    struct plane p = plane_new(W, H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            plane_row(&p, y)[x] = smoothf(r + soft, r - soft, hypotf((float)x - 100, (float)y - 100));
    return p;
}

static void paint(struct pic *p, const struct plane *where, const float in[3], const float out[3]) {
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < plane_n(where); i++)
            p->c[c].px[i] = mixf(out[c], in[c], where->px[i]);
}

static const float dark[3] = { 0.12f, 0.10f, 0.10f }, bright[3] = { 0.8f, 0.85f, 0.9f };

static void furniture_goes_and_eaten_clothes_come_back(void **state) {
    PLANE_CLEANUP struct plane sure = blob(60, 6), hair = plane_new(W, H), matte = blob(60, 2);
    PIC_CLEANUP struct pic rgb = pic_new(W, H);
    paint(&rgb, &matte, dark, bright);
    for (int y = 10; y < 40; y++)
        for (int x = 10; x < 40; x++)
            plane_row(&matte, y)[x] = 1; /* a cushion that the matte takes for a person */
    for (int y = 110; y < 150; y++)
        for (int x = 80; x < 120; x++)
            plane_row(&matte, y)[x] = 0; /* a dark coat that it does not see */
    PLANE_CLEANUP struct plane a = segment_fuse(&sure, &hair, &matte, &rgb, 4);
    assert_true(plane_row(&a, 25)[25] < 0.01f);
    assert_true(plane_row(&a, 130)[100] > 0.95f);
    assert_true(plane_row(&a, 100)[100] > 0.99f && plane_row(&a, 100)[190] < 0.01f);
    for (size_t i = 0; i < plane_n(&a); i++)
        assert_true(a.px[i] >= 0 && a.px[i] <= 1);
}

static void empty_masks_give_an_empty_mask(void **state) {
    PLANE_CLEANUP struct plane nothing = plane_new(W, H);
    PIC_CLEANUP struct pic rgb = pic_new(W, H);
    PLANE_CLEANUP struct plane a = segment_fuse(&nothing, &nothing, &nothing, &rgb, 4);
    assert_true(plane_sum(&a) == 0);
}

/* Two people side by side, of different colour, whose border is not half way between their faces. */
static void people_are_told_apart_along_the_edge_between_them(void **state) {
    enum { N = 80 };
    PIC_CLEANUP struct pic rgb = pic_new(N, N);
    PLANE_CLEANUP struct plane person = plane_new(N, N);
    uint8_t seed[N * N] = { 0 }, label[N * N];
    plane_fill(&person, 1);
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            for (int c = 0; c < 3; c++)
                plane_row(&rgb.c[c], y)[x] = x < 45 ? 0.3f : 0.6f;
    seed[40 * N + 10] = 1;
    seed[40 * N + 70] = 2;
    split_nearest(&rgb, &person, seed, 40, NULL, label);
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            if (abs(x - 45) > 2)
                assert_int_equal(label[y * N + x], x < 45 ? 1 : 2);
    memset(seed, 0, sizeof seed);
    split_nearest(&rgb, &person, seed, 40, NULL, label);
    assert_int_equal(label[0], 0);
}

/* Two people of one colour: what is dearer to one goes to the other. */
static void a_place_that_suits_neither_colour_nor_body_is_the_others(void **state) {
    enum { N = 80 };
    PIC_CLEANUP struct pic rgb = pic_new(N, N);
    PLANE_CLEANUP struct plane person = plane_new(N, N), price = plane_new(N, N);
    uint8_t seed[N * N] = { 0 }, label[N * N];
    const struct plane *dear[SPLIT_LABELS] = { NULL, &price };
    plane_fill(&person, 1);
    for (int i = 0; i < N * N; i++)
        price.px[i] = i % N < 25 ? 1 : 4;
    seed[40 * N + 10] = 1;
    seed[40 * N + 70] = 2;
    split_nearest(&rgb, &person, seed, 40, dear, label);
    for (int y = 0; y < N; y++)
        assert_true(label[y * N + 20] == 1 && label[y * N + 36] == 2);
}

static struct face face_at(float x, float y, float head) {
    struct face f = { .box = { x - 0.32f * head, y - 0.4f * head, x + 0.32f * head, y + 0.4f * head }, .head_px = head };
    f.point[FACE_CHIN][0] = x;
    f.point[FACE_CHIN][1] = f.box.y1;
    f.point[FACE_SIDE_L][0] = f.box.x0;
    f.point[FACE_SIDE_R][0] = f.box.x1;
    return f;
}

/* Side by side, one in plain red, one in stripes, whose every line is an edge that keeps their wearer from them. */
static void stripes_belong_to_who_wears_them(void **state) {
    enum { SIDE = 320, BORDER = 150 };
    const struct face faces[2] = { face_at(100, 70, 80), face_at(215, 70, 80) };
    struct segment s = { .roi = { 0, 0, SIDE, SIDE }, .scale = 1, .rgb = pic_new(SIDE, SIDE), .alpha = plane_new(SIDE, SIDE) };
    for (int k = 0; k < PARTS; k++)
        s.part[k] = plane_new(SIDE, SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            bool head = false;
            for (int i = 0; i < 2; i++)
                head |= hypotf((float)x - (i ? 215 : 100), (float)y - 70) < 36;
            bool on = head || (y > 102 && x > 40 && x < 290), stripe = (x + y / 4) / 7 % 2;
            float shirt = stripe ? 0.95f : 0.3f;
            plane_row(&s.alpha, y)[x] = on;
            plane_row(&s.part[PART_BACKGROUND], y)[x] = !on;
            for (int c = 0; c < 3; c++)
                plane_row(&s.rgb.c[c], y)[x] = head         ? 0.7f - 0.1f * (float)c
                                               : !on        ? 0.8f
                                               : x < BORDER ? (c ? 0.1f : 0.5f)
                                                            : shirt;
        }
    split_person(&s, faces, 2, 0);
    for (int y = 130; y < 316; y++)
        for (int x = 45; x < 285; x++)
            if (abs(x - BORDER) > 14)
                assert_true(x < BORDER ? plane_row(&s.alpha, y)[x] > 0.8f : plane_row(&s.alpha, y)[x] < 0.2f);
    segment_done(&s);
}

/* A dark disc photographed in front of a bright wall, cut out softly: its rim must be dark, not grey. */
static void the_old_background_leaves_the_rim(void **state) {
    PLANE_CLEANUP struct plane alpha = blob(60, 5);
    PIC_CLEANUP struct pic rgb = pic_new(W, H);
    paint(&rgb, &alpha, dark, bright);
    float before = 0, after = 0, n = 0;
    for (size_t i = 0; i < plane_n(&alpha); i++)
        if (alpha.px[i] > 0.2f && alpha.px[i] < 0.8f) {
            before += fabsf(rgb.c[1].px[i] - dark[1]);
            n++;
        }
    cutout_decontaminate(&rgb, &alpha, 24);
    for (size_t i = 0; i < plane_n(&alpha); i++)
        if (alpha.px[i] > 0.2f && alpha.px[i] < 0.8f)
            after += fabsf(rgb.c[1].px[i] - dark[1]);
    assert_true(before / n > 0.25f);
    assert_true(after / n < 0.03f);
}

static void skin_without_a_cast_has_none(void **state) {
    static const float people[][3] = { { 0.752f, 0.485f, 0.376f }, { 0.565f, 0.283f, 0.188f }, { 0.156f, 0.075f, 0.046f } };
    for (size_t i = 0; i < COUNT(people); i++) {
        float cast[2];
        cast_of_skin(people[i], cast);
        assert_true(hypotf(cast[0], cast[1]) < 0.12f);
        float purple[3] = { people[i][0], people[i][1] * 0.7f, people[i][2] * 2 };
        cast_of_skin(purple, cast);
        assert_true(cast[CAST_BG] > 0.4f);
    }
}

/* One half of a face orange, one half blue: afterwards they agree. An evenly orange face is left alone. */
static void two_lights_become_one(void **state) {
    for (int two = 0; two < 2; two++) {
        PLANE_CLEANUP struct plane skin = plane_new(W, H);
        PIC_CLEANUP struct pic p = pic_new(W, H);
        plane_fill(&skin, 1);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                bool blue = two && x < 100;
                plane_row(&p.c[0], y)[x] = blue ? 0.5f : 0.85f;
                plane_row(&p.c[1], y)[x] = 0.6f;
                plane_row(&p.c[2], y)[x] = blue ? 0.9f : 0.45f;
            }
        PIC_CLEANUP struct pic was = pic_copy(&p);
        cast_even(&p, &skin, 150);
        float apart = fabsf(plane_row(&p.c[2], 100)[20] - plane_row(&p.c[2], 100)[180]);
        assert_true(two ? apart < 0.15f : apart < 0.01f);
        if (!two)
            assert_true(fabsf(plane_row(&p.c[2], 100)[20] - plane_row(&was.c[2], 100)[20]) < 0.01f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(furniture_goes_and_eaten_clothes_come_back),
        cmocka_unit_test(empty_masks_give_an_empty_mask),
        cmocka_unit_test(people_are_told_apart_along_the_edge_between_them),
        cmocka_unit_test(a_place_that_suits_neither_colour_nor_body_is_the_others),
        cmocka_unit_test(stripes_belong_to_who_wears_them),
        cmocka_unit_test(the_old_background_leaves_the_rim),
        cmocka_unit_test(skin_without_a_cast_has_none),
        cmocka_unit_test(two_lights_become_one),
    };
    return RUN(tests);
}
