/* face_test.c - what is known about faces without a model: overlap, suppression, pose, blur. */
#include "media/face.h"

#include <math.h>
#include <string.h>
#include "base/testing.h"
#include "media/dice.h"
#include "media/filter.h"
#include "media/odd_light.h"

static void overlap_knows_boxes_inside_boxes(void **state) {
    struct rectf a = { 0, 0, 10, 10 }, b = { 5, 0, 15, 10 }, c = { 20, 20, 30, 30 }, inside = { 4, 4, 6, 6 };
    assert_true(fabsf(face_overlap(&a, &b) - 1.0f / 3) < 1e-5f);
    assert_true(face_overlap(&a, &c) == 0);
    assert_true(fabsf(face_overlap(&a, &inside) - 0.6f) < 1e-5f);
    assert_true(fabsf(face_overlap(&a, &a) - 1) < 1e-5f);
}

static void suppression_keeps_the_best_of_each_heap(void **state) {
    struct face f[6];
    memset(f, 0, sizeof f);
    const float x[6] = { 0, 2, 100, 101, 103, 300 }, score[6] = { 0.6f, 0.9f, 0.7f, 0.95f, 0.8f, 0.5f };
    for (int i = 0; i < 6; i++) {
        f[i].box = (struct rectf){ x[i], 0, x[i] + 20, 20 };
        f[i].score = score[i];
    }
    assert_int_equal(face_suppress(f, 6), 3);
    assert_true(f[0].box.x0 == 101 && f[1].box.x0 == 2 && f[2].box.x0 == 300);
    assert_int_equal(face_suppress(f, 0), 0);
}

/* A head of known size, turned: sides and chin of the mesh where geometry puts them. */
static void pose_and_size_come_out_of_the_mesh(void **state) {
    for (float yaw = -40; yaw <= 40; yaw += 20) {
        struct face f;
        memset(&f, 0, sizeof f);
        float r = yaw * 0.0174533f, w = 62;
        float *l = f.point[FACE_SIDE_L], *q = f.point[FACE_SIDE_R], *top = f.point[FACE_FOREHEAD], *chin = f.point[FACE_CHIN];
        l[0] = -w / 2 * cosf(r);
        l[2] = -w / 2 * sinf(r);
        q[0] = w / 2 * cosf(r);
        q[2] = w / 2 * sinf(r);
        top[1] = -39;
        chin[1] = 39;
        face_measure(&f);
        assert_true(fabsf(f.yaw_deg - yaw) < 0.1f);
        assert_true(fabsf(f.roll_deg) < 0.1f && fabsf(f.pitch_deg) < 0.1f);
        assert_true(fabsf(f.head_px - 100) < 0.5f); /* a turned head is no smaller */
    }
}

static void blur_grows_with_blurring_and_not_with_contrast(void **state) {
    float last = 0;
    for (int k = 0; k < 4; k++) {
        PLANE_CLEANUP struct plane p = plane_new(128, 128);
        struct dice d = { 9 };
        for (size_t i = 0; i < plane_n(&p); i++)
            p.px[i] = dice_unit(&d);
        plane_gauss(&p, (float)k * 1.5f);
        float blur = face_blur(&p);
        assert_true(blur >= 0 && blur <= 1);
        assert_true(k == 0 || blur > last + 0.02f);
        for (size_t i = 0; i < plane_n(&p); i++)
            p.px[i] *= 0.2f;
        assert_true(fabsf(face_blur(&p) - blur) < 0.01f);
        last = blur;
    }
    PLANE_CLEANUP struct plane flat = plane_new(64, 64);
    assert_true(face_blur(&flat) == 1); /* nothing to see is as blurred as can be */
    PLANE_CLEANUP struct plane tiny = plane_new(2, 2);
    assert_true(face_blur(&tiny) == 1);
}

static float light_on(const uint8_t left[3], const uint8_t right[3]) {
    struct face f;
    memset(&f, 0, sizeof f);
    IMG8_CLEANUP struct img8 img = img8_new(200, 200, 3);
    for (int y = 0; y < 200; y++)
        for (int x = 0; x < 200; x++)
            memcpy(img.px + (size_t)y * img.stride + (size_t)(3 * x), x < 100 ? left : right, 3);
    /* a lozenge of a face; eyes and lips are where all points are, at its middle, without size */
    for (int i = 0; i < FACE_POINTS; i++)
        f.point[i][0] = f.point[i][1] = 100;
    f.point[FACE_FOREHEAD][1] = f.point[FACE_SIDE_L][0] = 20;
    f.point[FACE_CHIN][1] = f.point[FACE_SIDE_R][0] = 180;
    static const short corner[4][8] = { { 338, 297, 332, 284, 251, 389, 356 }, { 323, 361, 288, 397, 365, 379, 378, 400 },
                                        { 148, 176, 149, 150, 136, 172, 58, 132 }, { 127, 162, 21, 54, 103, 67, 109 } };
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 8; i++) {
            f.point[corner[k][i]][0] = k < 2 ? 150 : 50;
            f.point[corner[k][i]][1] = k == 0 || k == 3 ? 50 : 150;
        }
    f.point[377][0] = f.point[93][0] = 100;
    f.point[377][1] = 180;
    f.point[93][0] = 20;
    f.box = (struct rectf){ 20, 20, 180, 180 };
    f.point[0][0] = f.point[0][1] = 100;
    return odd_light(&img, &f);
}

static void skin_of_every_kind_is_no_coloured_light(void **state) {
    static const uint8_t skin[][3] = { { 255, 224, 205 }, { 241, 194, 165 }, { 224, 172, 105 }, { 198, 134, 66 }, { 141, 85, 36 },
                                       { 60, 36, 25 },    { 45, 34, 30 },    { 128, 128, 128 }, { 112, 66, 20 },  { 220, 120, 110 },
                                       { 235, 170, 80 },  { 200, 205, 215 }, { 208, 144, 150 }, { 245, 235, 220 } };
    static const uint8_t lamp[][3] = { { 70, 90, 220 }, { 200, 60, 200 }, { 60, 200, 90 }, { 90, 150, 230 }, { 60, 180, 190 } };
    for (size_t i = 0; i < COUNT(skin); i++)
        if (!(light_on(skin[i], skin[i]) < 0.02f))
            fail_msg("skin %zu counts as lamp light: %.3f", i, (double)light_on(skin[i], skin[i]));
    for (size_t i = 0; i < COUNT(lamp); i++) {
        assert_true(light_on(lamp[i], lamp[i]) > 0.95f);
        assert_true(fabsf(light_on(skin[1], lamp[i]) - 0.5f) < 0.05f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_knows_boxes_inside_boxes),
        cmocka_unit_test(suppression_keeps_the_best_of_each_heap),
        cmocka_unit_test(pose_and_size_come_out_of_the_mesh),
        cmocka_unit_test(skin_of_every_kind_is_no_coloured_light),
        cmocka_unit_test(blur_grows_with_blurring_and_not_with_contrast),
    };
    return RUN(tests);
}
