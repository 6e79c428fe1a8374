/* plane_test.c - planes, resampling, filters, similarity: all against what arithmetic says. */
#include "media/plane.h"

#include <math.h>
#include <string.h>
#include "base/testing.h"
#include "media/dice.h"
#include "media/filter.h"
#include "media/pic.h"
#include "media/similarity.h"

#define CHECK_NEAR(got, want, by)                                                                                                \
    do {                                                                                                                         \
        float got_ = (got), want_ = (want);                                                                                      \
        if (!(fabsf(got_ - want_) <= (by))) {                                                                                    \
            print_error("%s:%d: got %g, want %g\n", __FILE__, __LINE__, (double)got_, (double)want_);                            \
            _fail(__FILE__, __LINE__);                                                                                           \
        }                                                                                                                        \
    } while (0)

static struct plane noise(int w, int h) {
    struct plane p = plane_new(w, h);
    struct dice d = { 5 };
    for (size_t i = 0; i < plane_n(&p); i++)
        p.px[i] = dice_unit(&d);
    return p;
}

static void resampling_keeps_what_is_flat_and_what_is_straight(void **state) {
    for (enum resample how = RESAMPLE_AREA; how <= RESAMPLE_CUBIC; how++) {
        PLANE_CLEANUP struct plane ramp = plane_new(40, 30);
        for (int y = 0; y < 30; y++)
            for (int x = 0; x < 40; x++)
                plane_row(&ramp, y)[x] = 0.25f + 0.01f * ((float)x + 0.5f) + 0.005f * ((float)y + 0.5f);
        const int sizes[][2] = { { 80, 60 }, { 17, 11 }, { 40, 30 }, { 61, 9 } };
        for (size_t k = 0; k < COUNT(sizes); k++) {
            int w = sizes[k][0], h = sizes[k][1];
            PLANE_CLEANUP struct plane q = plane_resize(&ramp, w, h, how);
            for (int y = h / 4; y < h - h / 4; y++) /* away from the border, where the edge pixel goes on */
                for (int x = w / 4; x < w - w / 4; x++) {
                    float sx = ((float)x + 0.5f) * 40 / (float)w, sy = ((float)y + 0.5f) * 30 / (float)h;
                    CHECK_NEAR(plane_row(&q, y)[x], 0.25f + 0.01f * sx + 0.005f * sy, 2e-3f);
                }
        }
    }
}

static void resampling_a_window_is_cropping_when_sizes_agree(void **state) {
    PLANE_CLEANUP struct plane p = noise(33, 21);
    PLANE_CLEANUP struct plane q = plane_resample(&p, (struct rectf){ 5, 3, 25, 13 }, 20, 10, RESAMPLE_CUBIC);
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 20; x++)
            CHECK_NEAR(plane_row(&q, y)[x], plane_row(&p, y + 3)[x + 5], 1e-5f);
    /* Out of the picture the edge goes on, and the smallest picture is no special case. */
    PLANE_CLEANUP struct plane one = plane_new(1, 1);
    one.px[0] = 0.7f;
    PLANE_CLEANUP struct plane wide = plane_resample(&one, (struct rectf){ -5, -5, 9, 3 }, 7, 5, RESAMPLE_CUBIC);
    for (size_t i = 0; i < plane_n(&wide); i++)
        CHECK_NEAR(wide.px[i], 0.7f, 1e-5f);
}

static void boxes_and_gauss_keep_the_mean_and_blur_as_told(void **state) {
    PLANE_CLEANUP struct plane p = noise(50, 41);
    PLANE_CLEANUP struct plane q = plane_copy(&p);
    plane_box(&q, 3);
    for (int y = 0; y < 41; y += 4)
        for (int x = 0; x < 50; x += 3) { /* against the definition, borders included */
            double sum = 0;
            int n = 0;
            for (int v = y - 3; v <= y + 3; v++)
                for (int u = x - 3; u <= x + 3; u++)
                    if (u >= 0 && v >= 0 && u < 50 && v < 41) {
                        sum += (double)plane_row(&p, v)[u];
                        n++;
                    }
            CHECK_NEAR(plane_row(&q, y)[x], (float)(sum / n), 1e-4f);
        }
    const float sigmas[] = { 0.8f, 1.5f, 3, 8 };
    for (size_t k = 0; k < COUNT(sigmas); k++) {
        PLANE_CLEANUP struct plane dot = plane_new(101, 101);
        plane_row(&dot, 50)[50] = 1;
        plane_gauss(&dot, sigmas[k]);
        double mass = plane_sum(&dot), var = 0;
        for (int y = 0; y < 101; y++)
            for (int x = 0; x < 101; x++)
                var += (double)plane_row(&dot, y)[x] * (x - 50) * (x - 50);
        CHECK_NEAR((float)mass, 1, 1e-3f);
        CHECK_NEAR((float)sqrt(var), sigmas[k], 0.07f * sigmas[k]);
    }
}

static void discs_average_a_disc(void **state) {
    PLANE_CLEANUP struct plane dot = plane_new(61, 61);
    plane_row(&dot, 30)[30] = 1;
    PLANE_CLEANUP struct plane d = plane_disc(&dot, 9);
    CHECK_NEAR((float)plane_sum(&d), 1, 1e-3f);
    assert_true(plane_row(&d, 30)[38] > 0 && plane_row(&d, 36)[36] > 0);
    assert_true(plane_row(&d, 30)[41] == 0 && plane_row(&d, 38)[38] == 0);
}

static void grows_and_shrinks_by_whole_pixels(void **state) {
    for (int r = 1; r < 20; r++) {
        PLANE_CLEANUP struct plane p = plane_new(64, 64);
        plane_row(&p, 32)[32] = 1;
        plane_grow(&p, r);
        CHECK_NEAR((float)plane_sum(&p), (float)((2 * r + 1) * (2 * r + 1)), 0.01f);
        plane_shrink(&p, r);
        CHECK_NEAR((float)plane_sum(&p), 1, 0.01f);
        assert_true(plane_row(&p, 32)[32] == 1);
    }
}

/* A blurred mask over a picture with one hard edge comes back to that edge; over a flat picture it stays as it is. */
static void the_guided_filter_finds_the_edge(void **state) {
    PIC_CLEANUP struct pic guide = pic_new(80, 60);
    PLANE_CLEANUP struct plane mask = plane_new(80, 60);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 80; x++) {
            plane_row(&guide.c[0], y)[x] = x < 40 ? 0.2f : 0.8f;
            plane_row(&guide.c[1], y)[x] = 0.5f;
            plane_row(&guide.c[2], y)[x] = x < 40 ? 0.7f : 0.3f;
            plane_row(&mask, y)[x] = smoothf(30, 50, (float)x);
        }
    PLANE_CLEANUP struct plane flat = plane_copy(&mask);
    plane_guided(&mask, &guide, 12, 1e-4f);
    assert_true(plane_row(&mask, 30)[38] < 0.25f && plane_row(&mask, 30)[41] > 0.75f);
    for (int c = 0; c < 3; c++)
        plane_fill(&guide.c[c], 0.5f);
    plane_guided(&flat, &guide, 4, 1e-4f);
    CHECK_NEAR(plane_row(&flat, 30)[40], 0.5f, 0.05f);
}

static void light_goes_there_and_back(void **state) {
    IMG8_CLEANUP struct img8 img = img8_new(256, 1, 3);
    for (int i = 0; i < 256; i++)
        memset(img.px + 3 * i, i, 3);
    PIC_CLEANUP struct pic p = pic_linear_of(&img, (struct box){ 0, 0, 256, 1 });
    CHECK_NEAR(p.c[0].px[128], 0.2158605f, 1e-5f);
    pic_to_srgb(&p);
    pic_to_linear(&p);
    pic_to_srgb(&p);
    IMG8_CLEANUP struct img8 back = img8_of_srgb(&p);
    assert_memory_equal(back.px, img.px, 256 * 3);
}

static void shrinks_photos_while_reading_them(void **state) {
    IMG8_CLEANUP struct img8 img = img8_new(101, 67, 3);
    for (int y = 0; y < 67; y++)
        for (int x = 0; x < 101; x++)
            img.px[(size_t)y * img.stride + (size_t)(3 * x)] = (uint8_t)(2 * x);
    PIC_CLEANUP struct pic p = pic_srgb_shrunk(&img, 13, 9);
    assert_int_equal(pic_w(&p), 13);
    assert_int_equal(pic_h(&p), 9);
    for (int x = 2; x < 11; x++)
        CHECK_NEAR(plane_row(&p.c[0], 4)[x], 2 * (((float)x + 0.5f) * 101 / 13 - 0.5f) / 255, 0.01f);
    CHECK_NEAR(plane_row(&p.c[1], 4)[6], 0, 1e-6f);
}

static void a_similarity_is_found_again(void **state) {
    struct similarity m = { 0.8f, -0.3f, 12, -7 }, back = similarity_invert(m);
    static const float from[5][2] = { { 38, 51 }, { 73, 51 }, { 56, 71 }, { 41, 92 }, { 70, 92 } };
    float to[5][2], home[2];
    for (int i = 0; i < 5; i++)
        similarity_apply(m, from[i][0], from[i][1], to[i]);
    struct similarity got = similarity_fit(from, (const float(*)[2])to, 5);
    CHECK_NEAR(got.a, m.a, 1e-4f);
    CHECK_NEAR(got.b, m.b, 1e-4f);
    CHECK_NEAR(got.tx, m.tx, 1e-2f);
    CHECK_NEAR(got.ty, m.ty, 1e-2f);
    similarity_apply(back, to[2][0], to[2][1], home);
    CHECK_NEAR(home[0], 56, 1e-3f);
    CHECK_NEAR(home[1], 71, 1e-3f);
    /* Points that coincide have no turn and no scale: identity and shift, no division by nothing. */
    static const float same[2][2] = { { 4, 4 }, { 4, 4 } }, there[2][2] = { { 9, 1 }, { 9, 1 } };
    got = similarity_fit(same, there, 2);
    CHECK_NEAR(got.a, 1, 0);
    CHECK_NEAR(got.tx, 5, 1e-5f);
}

static void a_warp_looks_where_it_is_told(void **state) {
    IMG8_CLEANUP struct img8 img = img8_new(64, 64, 3);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) {
            img.px[(size_t)y * img.stride + (size_t)(3 * x)] = (uint8_t)(3 * x);
            img.px[(size_t)y * img.stride + (size_t)(3 * x + 1)] = (uint8_t)(3 * y);
        }
    float out[3 * 8 * 8];
    /* A quarter turn: across the crop is down the picture. */
    similarity_warp(&img, (struct similarity){ 0, 2, 40, 10 }, 8, 0, out);
    CHECK_NEAR(out[3], 3 * (40 - 2 * 0.5f - 0.5f), 1);
    CHECK_NEAR(out[64 + 3], 3 * (10 + 2 * 3.5f - 0.5f), 1);
    similarity_warp(&img, (struct similarity){ 1, 0, 500, 500 }, 8, 77, out);
    CHECK_NEAR(out[5], 77, 0);
}

static void refuses_pictures_that_are_none(void **state) {
    struct err e = { 0 };
    uint8_t px[12] = { 0 };
    const struct img8 bad[] = {
        { 0, 1, 3, 3, px }, { 1, 1, 3, 3, NULL }, { 1, 1, 2, 3, px }, { 4, 1, 3, 11, px }, { -1, 5, 3, 12, px },
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(img8_check(&bad[i], &e), ERR_BAD_INPUT);
    assert_int_equal(img8_check(NULL, &e), ERR_BAD_INPUT);
    struct img8 huge = { IMAGE_SIDE_MAX, IMAGE_SIDE_MAX, 3, 3 * IMAGE_SIDE_MAX, px };
    assert_int_equal(img8_check(&huge, &e), ERR_IMAGE_TOO_LARGE);
    struct img8 good = { 2, 2, 3, 6, px };
    assert_int_equal(img8_check(&good, &e), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampling_keeps_what_is_flat_and_what_is_straight),
        cmocka_unit_test(resampling_a_window_is_cropping_when_sizes_agree),
        cmocka_unit_test(boxes_and_gauss_keep_the_mean_and_blur_as_told),
        cmocka_unit_test(discs_average_a_disc),
        cmocka_unit_test(grows_and_shrinks_by_whole_pixels),
        cmocka_unit_test(the_guided_filter_finds_the_edge),
        cmocka_unit_test(light_goes_there_and_back),
        cmocka_unit_test(shrinks_photos_while_reading_them),
        cmocka_unit_test(a_similarity_is_found_again),
        cmocka_unit_test(a_warp_looks_where_it_is_told),
        cmocka_unit_test(refuses_pictures_that_are_none),
    };
    return RUN(tests);
}
