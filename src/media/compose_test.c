/* compose_test.c - layers, scenes, light, whole pictures of drawn people, and how they are judged. */
#include "media/compose.h"

#include <math.h>
#include <string.h>
#include "base/testing.h"
#include "media/cast.h"
#include "media/doll.h"
#include "media/mark.h"
#include "media/score.h"
#include "media/shade.h"
#include "media/vision.h"

#define BACKDROP "{\"kind\": \"backdrop\"}"

/* ---- layers ---- */

static void a_layer_comes_back_as_it_was(void **state) {
    BUF_CLEANUP struct buf b;
    struct layer l;
    struct err e = { 0 };
    doll_layer(&DOLL, &b);
    assert_int_equal(layer_read(buf_str(&b), &l, &e), 0);
    assert_true(l.f.head_px == 120);
    size_t eyes = (size_t)((int)l.f.eye_y * l.f.w + (int)l.f.eye_x) * 4;
    assert_int_equal(l.rgba[eyes + 3], 255);
    assert_int_equal(l.rgba[3], 0); /* the corner is nobody */
    assert_int_equal(l.cut[(l.cut_h - 1) * l.cut_w + l.cut_w / 2], 255);
}

static void a_layer_that_lies_is_refused(void **state) {
    BUF_CLEANUP struct buf b;
    struct layer l;
    struct err e = { 0 };
    doll_layer(&DOLL, &b);
    for (size_t n = 0; n < b.n; n += n < sizeof(struct layer_facts) + 9 ? 1 : 1237)
        assert_int_equal(layer_read((struct str){ b.p, n }, &l, &e), ERR_BAD_INPUT);
    struct layer_facts good, f;
    memcpy(&good, b.p, sizeof good);
    for (int k = 0; k < 9; k++) {
        f = good;
        switch (k) {
        case 0:
            f.w = 0;
            break;
        case 1:
            f.h = -5;
            break;
        case 2:
            f.w = 1 << 30;
            break;
        case 3:
            f.eye_x = NAN;
            break;
        case 4:
            f.head_px = 0;
            break;
        case 5:
            f.n_neighbours = 1000;
            break;
        case 6:
            f.skin[1] = INFINITY;
            break;
        case 7:
            f.embedding[3] = 7;
            break;
        default:
            f.magic[0] = 'x';
        }
        memcpy(b.p, &f, sizeof f);
        assert_int_equal(layer_read(buf_str(&b), &l, &e), ERR_BAD_INPUT);
    }
}

/* ---- scenes and parameters ---- */

static int read_scene(const char *json, struct scene *s, struct err *e) {
    struct vision_scene in = { .json = str_z(json) };
    return scene_read(&in, s, e);
}

static void scenes_are_checked(void **state) {
    struct scene s;
    struct err e = { 0 };
    assert_int_equal(read_scene(BACKDROP, &s, &e), 0);
    assert_int_equal(read_scene("{\"template\": \"x\", \"scene\": {\"kind\": \"backdrop\"}}", &s, &e), 0);
    check_err(read_scene("", &s, &e), ERR_BAD_INPUT, &e, "neither");
    check_err(read_scene("{", &s, &e), ERR_BAD_JSON, &e, "");
    check_err(read_scene("[]", &s, &e), ERR_BAD_INPUT, &e, "object");
    check_err(read_scene("{\"kind\": \"moon\"}", &s, &e), ERR_BAD_INPUT, &e, "kind");
    check_err(read_scene("{\"kind\": \"room\"}", &s, &e), ERR_BAD_INPUT, &e, "without its picture");
    check_err(read_scene("{\"kind\": \"backdrop\", \"x\": 1}", &s, &e), ERR_UNKNOWN_FIELD, &e, "x");
    check_err(read_scene("{\"kind\": \"backdrop\", \"face\": 9}", &s, &e), ERR_BAD_INPUT, &e, "face");
    check_err(read_scene("{\"kind\": \"backdrop\", \"key\": {\"dir\": [1, 2]}}", &s, &e), ERR_BAD_INPUT, &e, "dir");
    check_err(read_scene("{\"kind\": \"backdrop\", \"cloth\": {\"base\": [1, 2, 300]}}", &s, &e), ERR_BAD_INPUT, &e, "base");
    check_err(read_scene("{\"kind\": \"backdrop\", \"stand\": {\"near_m\": 5, \"far_m\": 2}}", &s, &e), ERR_BAD_INPUT, &e,
              "far_m");
    check_err(read_scene("{\"kind\": \"backdrop\", \"stand\": {\"near_m\": 23}}", &s, &e), ERR_BAD_INPUT, &e, "far_m");
}

static void parameters_are_checked(void **state) {
    struct compose_params p;
    struct err e = { 0 };
    assert_int_equal(compose_params_read(STR_NULL, &p, &e), 0);
    assert_true(p.width == 1920 && p.variant == 0 && p.light);
    assert_int_equal(compose_params_read(STR("{\"variant\": 3, \"width\": 1280, \"light\": \"off\", \"fidelity\": 0.9}"), &p, &e),
                     0);
    assert_true(p.width == 1280 && p.variant == 3 && !p.light);
    check_err(compose_params_read(STR("{\"variant\": 64}"), &p, &e), ERR_BAD_INPUT, &e, "variant");
    check_err(compose_params_read(STR("{\"variant\": 1.5}"), &p, &e), ERR_BAD_INPUT, &e, "variant");
    check_err(compose_params_read(STR("{\"width\": 100000}"), &p, &e), ERR_BAD_INPUT, &e, "width");
    check_err(compose_params_read(STR("{\"light\": 1}"), &p, &e), ERR_BAD_INPUT, &e, "light");
    check_err(compose_params_read(STR("{\"edge_blur_px\": \"1\"}"), &p, &e), ERR_BAD_INPUT, &e, "edge_blur_px");
    check_err(compose_params_read(STR("{\"colour\": 1}"), &p, &e), ERR_UNKNOWN_FIELD, &e, "colour");
}

/* Near people stand higher against the horizon, and the window never leaves the picture. */
static void the_camera_is_believed(void **state) {
    IMG8_CLEANUP struct img8 bg = img8_new(1920, 1280, 3);
    struct scene s = {
        .kind = SCENE_ROOM, .background = &bg, .f = 2080, .cx = 960, .cy = 592, .camera_m = 1.35f, .near_m = 1.5f, .far_m = 5.3f
    };
    for (float head = 150; head < 600; head += 50)
        for (float eyes = 0.2f; eyes < 0.9f; eyes += 0.1f)
            for (float pan = -1; pan <= 1; pan++) {
                struct scene_view v = scene_aim(&s, 1.5f, 1280, head, eyes, 1.2f, pan);
                assert_true(v.window.x0 >= -0.5f && v.window.y0 >= -0.5f && v.window.x1 <= 1920.5f && v.window.y1 <= 1280.5f);
                assert_true(fabsf((v.window.x1 - v.window.x0) / (v.window.y1 - v.window.y0) - 1.5f) < 0.01f);
                assert_true(v.focus_m >= 1.5f && v.focus_m <= 5.3f);
            }
}

/* ---- light ---- */

static void people_of_two_lights_end_up_alike(void **state) {
    struct layer_facts warm = { .skin = { 0.55f, 0.25f, 0.10f }, .light_x = 0.4f },
                       cold = { .skin = { 0.16f, 0.13f, 0.15f }, .light_x = -0.4f };
    const struct layer_facts *facts[2] = { &warm, &cold };
    const int apart[2] = { 0, 1 }, together[2] = { 0, 0 };
    struct light_plan p[2];
    struct scene s;
    struct err e = { 0 };
    assert_int_equal(read_scene(BACKDROP, &s, &e), 0);
    light_plan(facts, apart, 2, &s, 1, p);
    float before = fabsf(logf(p[0].before / p[1].before)), after = fabsf(logf(p[0].after / p[1].after));
    assert_true(after < 0.6f * before);
    for (int i = 0; i < 2; i++)
        assert_true(hypotf(p[i].cast_after[0], p[i].cast_after[1]) <= hypotf(p[i].cast_before[0], p[i].cast_before[1]) + 1e-4f);
    assert_true(p[0].lean_x < p[1].lean_x); /* each towards the scene's lamp, from its own side */
    light_plan(facts, together, 2, &s, 1, p);
    assert_memory_equal(p[0].gain, p[1].gain, sizeof p[0].gain);
    light_plan(facts, apart, 2, &s, 0, p);
    for (int c = 0; c < 3; c++)
        assert_true(fabsf(p[0].gain[c] - 1) < 1e-4f); /* strength 0 leaves everything alone */
}

/* A doll as a unit to be lit, with its left half under a blue lamp, haze all over and black hair on top. */
static void a_face_in_two_lights_and_haze_is_evened_out(void **state) {
    for (int strength = 0; strength < 2; strength++) {
        BUF_CLEANUP struct buf b;
        struct layer l;
        struct err e = { 0 };
        struct unit made[VISION_PEOPLE_MAX], u;
        struct shade_face f[VISION_PEOPLE_MAX];
        doll_layer(&DOLL, &b);
        assert_int_equal(layer_read(buf_str(&b), &l, &e), 0);
        assert_int_equal(unit_make_all(&l, 1, made), 1);
        u = made[0];
        pic_to_linear(&u.rgb);
        for (int y = 0; y < u.alpha.h; y++)
            for (int x = 0; x < u.alpha.w; x++)
                for (int c = 0; c < 3; c++) {
                    float *p = plane_row(&u.rgb.c[c], y) + x;
                    bool hair = (float)y < u.eye_y - 0.33f * u.head_px;
                    *p = hair ? 0.04f : 0.04f + *p * ((float)x < u.eye_x ? (c == 2 ? 1.3f : 0.6f) : 1);
                }
        pic_to_srgb(&u.rgb);
        size_t left = (size_t)((int)(u.eye_y + 0.15f * u.head_px) * u.alpha.w + (int)(u.eye_x - 0.15f * u.head_px));
        size_t right = left + (size_t)(0.3f * u.head_px), hair = (size_t)((int)(u.eye_y - 0.45f * u.head_px) * u.alpha.w + (int)u.eye_x);
        float blue = u.rgb.c[2].px[left] / u.rgb.c[0].px[left], black = u.rgb.c[0].px[hair];
        shade_even(&u, &l, (float)strength, f);
        float apart = fabsf(logf(u.rgb.c[2].px[left] / u.rgb.c[0].px[left] * u.rgb.c[0].px[right] / u.rgb.c[2].px[right]));
        if (strength) {
            assert_true(f[0].uneven < 0.5f * f[0].uneven_before && f[0].uneven_before > 0.3f);
            assert_true(apart < 0.15f);
            assert_true(u.rgb.c[0].px[hair] < 0.75f * black);
        } else { /* only looked at */
            assert_true(f[0].uneven == f[0].uneven_before && u.rgb.c[2].px[left] / u.rgb.c[0].px[left] == blue && apart > 0.25f);
        }
        unit_done(&u);
    }
}

/* Strange light makes a worse picture, not an impossible one. */
static void agreement_falls_with_what_is_seen(void **state) {
    struct light_plan p[2] = { { .after = 0.3f }, { .after = 0.3f } };
    assert_true(light_agreement(p, 2, 0.1f) > 0.99f);
    float patchy = light_agreement(p, 2, 0.9f);
    assert_true(patchy < 0.8f && patchy > 0.45f);
    p[1].cast_after[CAST_BG] = -0.5f; /* the orange of a stairway's lamp */
    float orange = light_agreement(p, 2, 0.1f);
    assert_true(orange < 0.9f && orange > 0.45f);
    p[1].after = 0.09f;
    assert_true(light_agreement(p, 2, 0.1f) < orange);
    p[1].cast_after[CAST_BG] = 1.2f; /* blue as a ghost */
    assert_true(light_agreement(p, 2, 0.1f) < 0.1f);
}

/* ---- whole pictures ---- */

struct cast_of {
    struct buf blob[VISION_PEOPLE_MAX];
    struct str view[VISION_PEOPLE_MAX];
    struct layer layer[VISION_PEOPLE_MAX];
    int n;
};

static void hire(struct cast_of *g, int n) {
    struct err e = { 0 };
    g->n = n;
    for (int i = 0; i < n; i++) {
        struct doll d = DOLL;
        d.photo_id = (uint64_t)i + 1;
        d.below = 2 + 0.4f * (float)i;
        doll_layer(&d, &g->blob[i]);
        g->view[i] = buf_str(&g->blob[i]);
        assert_int_equal(layer_read(g->view[i], &g->layer[i], &e), 0);
    }
}

static void dismiss(struct cast_of *g) {
    for (int i = 0; i < g->n; i++)
        buf_done(&g->blob[i]);
}

static void same_seed_same_bytes_other_seed_other_bytes(void **state) {
    struct cast_of g;
    hire(&g, 3);
    struct vision_scene scene = { .json = STR(BACKDROP) };
    struct img8 made[3];
    struct err e = { 0 };
    for (int k = 0; k < 3; k++) {
        BUF_CLEANUP struct buf report;
        buf_init(&report, VISION_REPORT_MAX);
        assert_int_equal(vision_compose(NULL, g.view, 3, &scene, k == 2 ? 5 : 4, STR("{\"width\": 720}"), &made[k], &report, &e),
                         0);
        assert_int_equal(made[k].w, 720);
        assert_int_equal(made[k].h, 480);
    }
    assert_memory_equal(made[0].px, made[1].px, 720 * 480 * 3);
    assert_true(memcmp(made[0].px, made[2].px, 720 * 480 * 3) != 0);
    for (int k = 0; k < 3; k++)
        img8_done(&made[k]);
    dismiss(&g);
}

/* Mean difference of two pictures at 48 x 32, 0..1: what remains of them from across the room. */
static float unlike(const struct img8 *a, const struct img8 *b) {
    PIC_CLEANUP struct pic p = pic_srgb_shrunk(a, 48, 32), q = pic_srgb_shrunk(b, 48, 32);
    double sum = 0;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < 48 * 32; i++)
            sum += fabs((double)(p.c[c].px[i] - q.c[c].px[i]));
    return (float)(sum / (3 * 48 * 32));
}

/* The four candidates of one task, seeds counting up with the variants. Returns the least difference between any two. */
static float least_unlike(const struct cast_of *g, const struct vision_scene *scene) {
    struct img8 made[4];
    float least = 1;
    for (int k = 0; k < 4; k++) {
        char params[64];
        BUF_CLEANUP struct buf report;
        struct err e = { 0 };
        buf_init(&report, VISION_REPORT_MAX);
        snprintf(params, sizeof params, "{\"width\": 640, \"variant\": %d}", k);
        assert_int_equal(vision_compose(NULL, g->view, g->n, scene, 1001 + (uint64_t)k, str_z(params), &made[k], &report, &e), 0);
        for (int j = 0; j < k; j++)
            least = fminf(least, unlike(&made[k], &made[j]));
    }
    for (int k = 0; k < 4; k++)
        img8_done(&made[k]);
    return least;
}

/* Three who touched in one photo and are kept as they stood: nothing can be changed but the frame, the place and the light. */
static void hire_together(struct cast_of *g) {
    struct err e = { 0 };
    g->n = 3;
    for (int i = 0; i < 3; i++) {
        struct doll d = DOLL;
        struct layer_facts f;
        d.photo_id = 9;
        d.photo_x = 160 * (float)i;
        doll_layer(&d, &g->blob[i]);
        memcpy(&f, g->blob[i].p, sizeof f);
        for (int j = 0; j < 2; j++) {
            f.neighbour[j][0] = 160 * (float)((i + 1 + j) % 3) + f.eye_x;
            f.neighbour[j][1] = f.eye_y;
            f.neighbour[j][2] = 1.5f;
        }
        f.n_neighbours = 2;
        memcpy(g->blob[i].p, &f, sizeof f);
        g->view[i] = buf_str(&g->blob[i]);
        assert_int_equal(layer_read(g->view[i], &g->layer[i], &e), 0);
    }
    assert_true(unit_together(&g->layer[0].f, &g->layer[1].f));
}

static void candidates_of_one_task_differ(void **state) {
    IMG8_CLEANUP struct img8 wall = img8_new(900, 600, 3);
    for (int y = 0; y < 600; y++)
        for (int x = 0; x < 900; x++) /* a room with a window, shelves and a door */
            for (int c = 0; c < 3; c++)
                wall.px[(size_t)y * wall.stride + (size_t)(3 * x + c)] =
                    (uint8_t)(x > 80 && x < 300 && y > 60 && y < 330 ? 225 : x > 620 && x < 800 && y > 120 ? 50 + 12 * c : 150 - 18 * c - (y / 70 % 2) * 25);
    struct vision_scene scenes[2] = { { .json = STR(BACKDROP) }, { .background = &wall } };
    static const int sizes[] = { 1, 2, 3, 5, 0 };
    for (size_t k = 0; k < COUNT(sizes); k++) {
        struct cast_of g;
        if (sizes[k])
            hire(&g, sizes[k]);
        else
            hire_together(&g);
        for (size_t s = 0; s < COUNT(scenes); s++) {
            float least = least_unlike(&g, &scenes[s]);
            print_message("# %d people, scene %zu: %.3f\n", g.n, s, (double)least);
            assert_true(least > 0.06f);
        }
        dismiss(&g);
    }
}

/* Whatever a check found wrong, the same seed and variant then give another picture, and the right thing is changed. */
static void a_candidate_made_again_is_made_otherwise(void **state) {
    static const char *const failed[] = { "faces_intact", "identity", "edges", "light" };
    struct cast_of g;
    struct err e = { 0 };
    struct vision_scene scene = { .json = STR(BACKDROP) };
    struct compose_report first, r;
    struct scene place;
    hire(&g, 3);
    assert_int_equal(scene_read(&scene, &place, &e), 0);
    struct compose_params p = COMPOSE_DEFAULT;
    p.width = 640;
    PIC_CLEANUP struct pic before = compose_picture(g.layer, 3, &place, &p, 1001, &first, NULL);
    for (size_t k = 0; k < COUNT(failed); k++) {
        char params[96];
        snprintf(params, sizeof params, "{\"width\": 640, \"remake\": 2, \"failed\": [\"%s\", \"a_later_check\"]}", failed[k]);
        assert_int_equal(compose_params_read(str_z(params), &p, &e), 0);
        assert_true(p.remake == 2 && p.failed[k]);
        PIC_CLEANUP struct pic now = compose_picture(g.layer, 3, &place, &p, 1001, &r, NULL);
        double moved = 0;
        for (size_t i = 0, n = plane_n(&now.c[0]); i < n; i++)
            moved += fabs((double)(now.c[0].px[i] - before.c[0].px[i])) / (double)n;
        assert_true(moved > 0.0002); /* nothing new would be 0 */
        if (k == CHECK_FACES) {
            float gap[2] = { 1e9f, 1e9f };
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < a; b++) {
                    gap[0] = fminf(gap[0], hypotf(first.person[a].eye[0] - first.person[b].eye[0], first.person[a].eye[1] - first.person[b].eye[1]) / first.person[a].head_px);
                    gap[1] = fminf(gap[1], hypotf(r.person[a].eye[0] - r.person[b].eye[0], r.person[a].eye[1] - r.person[b].eye[1]) / r.person[a].head_px);
                }
            assert_true(gap[1] > gap[0] + 0.05f);
        }
    }
    check_err(compose_params_read(STR("{\"remake\": -1}"), &p, &e), ERR_BAD_INPUT, &e, "remake");
    check_err(compose_params_read(STR("{\"failed\": [7]}"), &p, &e), ERR_BAD_INPUT, &e, "failed");
    dismiss(&g);
}

static void every_background_takes_every_number_of_people(void **state) {
    IMG8_CLEANUP struct img8 photo = img8_new(301, 777, 3), dot = img8_new(1, 1, 3), strip = img8_new(3000, 2, 4);
    struct img16 depth = { 7, 5, 7, calloc(35, 2) };
    const struct vision_scene scenes[] = {
        { .json = STR(BACKDROP) },
        { .background = &photo },
        { .background = &dot },
        { .background = &strip },
        { &photo, &depth,
          STR("{\"kind\": \"room\", \"camera\": {\"f\": 500, \"cx\": 150, \"horizon\": 300, \"height_m\": 1.4}}") },
    };
    for (int n = 1; n <= VISION_PEOPLE_MAX; n++) {
        struct cast_of g;
        hire(&g, n);
        for (size_t k = 0; k < COUNT(scenes); k++) {
            BUF_CLEANUP struct buf report;
            IMG8_CLEANUP struct img8 picture = { 0 };
            struct err e = { 0 };
            buf_init(&report, VISION_REPORT_MAX);
            assert_int_equal(
                vision_compose(NULL, g.view, n, &scenes[k], 1, STR("{\"width\": 640, \"variant\": 2}"), &picture, &report, &e),
                0);
            struct compose_report r;
            assert_int_equal(score_report_read(buf_str(&report), &r, &e), 0);
            assert_int_equal(r.n, n);
            for (int i = 0; i < n; i++) {
                assert_true(r.person[i].eye[0] > 0 && r.person[i].eye[0] < (float)picture.w);
                assert_true(r.person[i].eye[1] > 0 && r.person[i].eye[1] < (float)picture.h);
                /* the drawn face is where the report says: skin, not background */
                const uint8_t *px = picture.px + (size_t)r.person[i].eye[1] * picture.stride + (size_t)r.person[i].eye[0] * 3;
                assert_true(px[0] > px[2] + 20);
            }
        }
        dismiss(&g);
    }
    free(depth.px);
}

static void too_few_and_too_many_are_refused(void **state) {
    struct vision_scene scene = { .json = STR(BACKDROP) };
    struct img8 picture = { 0 };
    struct err e = { 0 };
    struct buf report;
    struct str views[VISION_PEOPLE_MAX + 1] = { { 0 } };
    buf_init(&report, VISION_REPORT_MAX);
    check_err(vision_compose(NULL, views, 0, &scene, 1, STR_NULL, &picture, &report, &e), ERR_PEOPLE_NONE, &e, "");
    check_err(vision_compose(NULL, views, VISION_PEOPLE_MAX + 1, &scene, 1, STR_NULL, &picture, &report, &e), ERR_PEOPLE_MANY, &e,
              "");
    check_err(vision_compose(NULL, views, 1, &scene, 1, STR_NULL, &picture, &report, &e), ERR_BAD_INPUT, &e, "layer");
    assert_null(picture.px);
}

/* A rim brighter than both sides is a halo; a mixture of the two is not. */
static void a_halo_is_seen(void **state) {
    enum { N = 120 };
    PIC_CLEANUP struct pic shown = pic_new(N, N), behind = pic_new(N, N), body = pic_new(N, N);
    PLANE_CLEANUP struct plane alpha = plane_new(N, N);
    struct box all = { 0, 0, N, N };
    for (int halo = 0; halo < 2; halo++) {
        for (int y = 0; y < N; y++)
            for (int x = 0; x < N; x++) {
                float a = smoothf(44, 36, hypotf((float)x - 60, (float)y - 60));
                plane_row(&alpha, y)[x] = a;
                for (int c = 0; c < 3; c++) {
                    plane_row(&body.c[c], y)[x] = 0.2f;
                    plane_row(&behind.c[c], y)[x] = 0.5f;
                    plane_row(&shown.c[c], y)[x] = mixf(0.5f, 0.2f, a) + (halo ? 1.2f * a * (1 - a) : 0);
                }
            }
        float score = compose_edge_score(&shown, &behind, &body, &alpha, all);
        assert_true(halo ? score < 0.5f : score > 0.98f);
    }
}

/* ---- judging ---- */

/* A found face with its eyes at (x, y) that looks like person `who` with the given cosine. */
static struct face found_face(float x, float y, int who, float cosine) {
    struct face f;
    memset(&f, 0, sizeof f);
    for (int k = 0; k < 2; k++) {
        f.point[k ? FACE_IRIS_R : FACE_IRIS_L][0] = x;
        f.point[k ? FACE_IRIS_R : FACE_IRIS_L][1] = y;
    }
    f.embedding[who] = cosine;
    f.embedding[100] = sqrtf(1 - cosine * cosine);
    return f;
}

static void scores_say_what_is_wrong(void **state) {
    struct cast_of g;
    hire(&g, 2);
    struct compose_report r = { .n = 2, .light = 0.9f };
    for (int i = 0; i < 2; i++) {
        r.person[i].eye[0] = 100 + 200 * (float)i;
        r.person[i].eye[1] = 100;
        r.person[i].head_px = 100;
        r.person[i].edge = 0.9f;
    }
    /* dolls have their number, from 1, as the place of the 1 in their embedding */
    struct face good[2] = { found_face(303, 101, 2, 0.95f), found_face(98, 99, 1, 0.95f) };
    struct score s;
    score_judge(g.layer, 2, &r, good, 2, &s);
    assert_true(!s.failed[CHECK_FACES] && !s.failed[CHECK_IDENTITY] && !s.failed[CHECK_EDGES] && !s.failed[CHECK_LIGHT]);
    assert_true(s.total > 0.85f && fabsf(s.identity[0] - 0.95f) < 1e-4f && fabsf(s.margin[1] - 0.95f) < 1e-4f);
    float best = s.total;

    score_judge(g.layer, 2, &r, good, 1, &s); /* one is missing */
    assert_true(s.failed[CHECK_FACES] && s.total < 0.3f);
    struct face crowd[3] = { good[0], good[1], found_face(500, 300, 7, 1) };
    score_judge(g.layer, 2, &r, crowd, 3, &s); /* one too many */
    assert_true(s.failed[CHECK_FACES]);
    struct face swapped[2] = { found_face(303, 101, 1, 0.95f), found_face(98, 99, 2, 0.95f) };
    score_judge(g.layer, 2, &r, swapped, 2, &s); /* each is the other */
    assert_true(s.failed[CHECK_IDENTITY] && s.margin[0] < 0);
    struct face vague[2] = { found_face(303, 101, 2, 0.4f), good[1] };
    score_judge(g.layer, 2, &r, vague, 2, &s);
    assert_true(s.failed[CHECK_IDENTITY] && !s.failed[CHECK_FACES] && s.total < best);
    for (int i = 0; i < 4; i++) { /* leaning as in the photo, otherwise than in it, and upside down */
        static const float roll[4] = { 20, 26, 51, -178 }, layer_roll[4] = { 0, 0, 40, 178 };
        struct face leaning[2] = { good[0], good[1] };
        leaning[0].roll_deg = roll[i];
        g.layer[1].f.roll_deg = layer_roll[i];
        score_judge(g.layer, 2, &r, leaning, 2, &s);
        assert_true(s.failed[CHECK_FACES] == (i > 0) && !s.failed[CHECK_IDENTITY]);
    }
    g.layer[1].f.roll_deg = 0;
    struct face blue[2] = { good[0], good[1] };
    blue[1].odd_light = VISION_RULES_DEFAULT.odd_light_max + 0.01f;
    score_judge(g.layer, 2, &r, blue, 2, &s);
    assert_true(s.failed[CHECK_LIGHT] && !s.failed[CHECK_FACES]);
    struct compose_report bad = r;
    bad.person[1].edge = 0.1f;
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(s.failed[CHECK_EDGES] && s.total < best);
    bad = r;
    bad.light = 0.1f;
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(s.failed[CHECK_LIGHT] && s.total < best);
    bad = r;
    bad.floating = 0.8f; /* a bust in the air */
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(s.failed[CHECK_EDGES] && !s.failed[CHECK_FACES] && s.total < best);
    bad = r;
    bad.person[0].outside = 0.4f; /* half a body beyond the frame's side: poor, but a picture */
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(!s.failed[CHECK_EDGES] && !s.failed[CHECK_FACES] && s.total < best - 0.05f);
    bad = r;
    bad.person[1].head_out = 0.2f; /* the frame cuts a head */
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(s.failed[CHECK_FACES]);
    bad = r;
    bad.covered = 0.4f;
    score_judge(g.layer, 2, &bad, good, 2, &s);
    assert_true(s.failed[CHECK_FACES]);
    BUF_CLEANUP struct buf json;
    buf_init(&json, VISION_REPORT_MAX);
    score_write(&s, &json);
    assert_non_null(strstr(json.p, "\"ok\":false,\"failed\":[\"faces_intact\"]"));
    dismiss(&g);
}

/* Passers-by of the scene are no guests too many, as long as they are where the empty scene had them. */
static void faces_of_the_scene_do_not_count(void **state) {
    struct cast_of g;
    hire(&g, 1);
    struct compose_report r = { .n = 1, .light = 0.9f, .n_bystanders = 1, .bystander = { { 480, 280, 520, 330 } } }, again;
    r.person[0].eye[0] = r.person[0].eye[1] = r.person[0].head_px = 100;
    r.person[0].edge = 0.9f;
    struct face both[2] = { found_face(101, 99, 1, 0.95f), found_face(500, 300, 7, 1) };
    both[1].box = (struct rectf){ 478, 283, 519, 332 };
    struct score s;
    score_judge(g.layer, 1, &r, both, 2, &s);
    assert_true(!s.failed[CHECK_FACES] && s.faces == 1 && s.total > 0.85f);
    score_judge(g.layer, 1, &r, both, 1, &s); /* hidden behind the people: as good */
    assert_true(!s.failed[CHECK_FACES]);
    score_judge(g.layer, 1, &r, both + 1, 1, &s); /* nobody but the passer-by */
    assert_true(s.failed[CHECK_FACES]);
    both[1].box = (struct rectf){ 678, 283, 719, 332 };
    score_judge(g.layer, 1, &r, both, 2, &s); /* where there was nobody */
    assert_true(s.failed[CHECK_FACES] && s.faces == 2);
    BUF_CLEANUP struct buf json;
    struct err e = { 0 };
    buf_init(&json, VISION_REPORT_MAX);
    r.person[0].outside = 0.25f;
    r.floating = 0.5f;
    score_report_write(&r, &json);
    assert_int_equal(score_report_read(buf_str(&json), &again, &e), 0);
    assert_int_equal(again.n_bystanders, 1);
    assert_true(again.bystander[0][3] == 330 && again.person[0].outside == 0.25f && again.floating == 0.5f);
    dismiss(&g);
}

static void reports_are_checked(void **state) {
    struct compose_report r;
    struct err e = { 0 };
    check_err(score_report_read(STR("{"), &r, &e), ERR_BAD_JSON, &e, "");
    check_err(score_report_read(STR("{}"), &r, &e), ERR_BAD_INPUT, &e, "people");
    check_err(score_report_read(STR("{\"people\": [{}]}"), &r, &e), ERR_BAD_INPUT, &e, "numbers");
    check_err(score_report_read(STR("{\"people\": [{\"face\": [1, 2, 3, 4], \"eye\": [1, 2], \"head_px\": 9, \"edge\": 1, \"outside\": 0, "
                                    "\"head_out\": 0}], \"light\": 1, \"cut_shown\": 0, \"covered\": 0, \"floating\": 0, "
                                    "\"background_faces\": [[1, 2, 3]]}"),
                                &r, &e),
              ERR_BAD_INPUT, &e, "numbers");
    check_err(score_report_read(STR("{\"people\": [1, 2, 3, 4, 5, 6]}"), &r, &e), ERR_BAD_INPUT, &e, "people");
}

/* ---- the brand ---- */

static void a_mark_is_drawn_into_the_corner_alone(void **state) {
    enum { W = 400, H = 300 };
    IMG8_CLEANUP struct img8 picture = img8_new(W, H, 3), mark = img8_new(40, 20, 4);
    memset(picture.px, 100, (size_t)H * picture.stride);
    for (int y = 0; y < mark.h; y++)
        for (int x = 0; x < mark.w; x++) {
            uint8_t *px = mark.px + (size_t)y * mark.stride + 4 * (size_t)x;
            memset(px, x < 20 ? 255 : 0, 4);            /* white and opaque on the left; black and nothing on the right */
        }
    int at[4];
    mark_place(&picture, &mark, at);
    assert_int_equal(at[2], 72);                        /* 18 % of the width */
    assert_int_equal(at[3], 36);
    assert_int_equal(W - at[0] - at[2], 7);             /* 2.2 % of the shorter side */
    assert_int_equal(H - at[1] - at[3], 7);
    mark_draw(&picture, &mark);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int v = picture.px[(size_t)y * picture.stride + 3 * (size_t)x + 1];
            bool in = x >= at[0] && x < at[0] + at[2] && y >= at[1] && y < at[1] + at[3];
            if (!in || x >= at[0] + 40)
                assert_int_equal(v, 100);
            else if (x < at[0] + 32)
                assert_int_equal(v, 216);               /* 100 + 0.75 * 155 */
            else
                assert_true(v >= 100 && v <= 216);
        }
}

/* A mark that is no wide one does not cover the picture. */
static void a_high_mark_is_drawn_smaller(void **state) {
    IMG8_CLEANUP struct img8 picture = img8_new(400, 300, 3), mark = img8_new(10, 100, 4);
    int at[4];
    mark_place(&picture, &mark, at);
    assert_int_equal(at[3], 75);
    mark_draw(&picture, &mark);
    assert_int_equal(picture.px[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_comes_back_as_it_was),
        cmocka_unit_test(a_layer_that_lies_is_refused),
        cmocka_unit_test(scenes_are_checked),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(the_camera_is_believed),
        cmocka_unit_test(people_of_two_lights_end_up_alike),
        cmocka_unit_test(a_face_in_two_lights_and_haze_is_evened_out),
        cmocka_unit_test(agreement_falls_with_what_is_seen),
        cmocka_unit_test(same_seed_same_bytes_other_seed_other_bytes),
        cmocka_unit_test(candidates_of_one_task_differ),
        cmocka_unit_test(a_candidate_made_again_is_made_otherwise),
        cmocka_unit_test(every_background_takes_every_number_of_people),
        cmocka_unit_test(too_few_and_too_many_are_refused),
        cmocka_unit_test(a_halo_is_seen),
        cmocka_unit_test(scores_say_what_is_wrong),
        cmocka_unit_test(faces_of_the_scene_do_not_count),
        cmocka_unit_test(reports_are_checked),
        cmocka_unit_test(a_mark_is_drawn_into_the_corner_alone),
        cmocka_unit_test(a_high_mark_is_drawn_smaller),
    };
    return RUN(tests);
}
