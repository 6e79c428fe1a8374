/* fuzz_scene.c - any bytes as a scene, as parameters, as a report: refused, or within the ranges the rest relies on. */
#include "media/scene.h"

#include "fuzz.h"
#include "media/compose.h"
#include "media/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    uint8_t grey[12] = { 90, 90, 90, 120, 120, 120, 60, 60, 60, 200, 200, 200 };
    struct img8 photo = { 2, 2, 3, 6, grey };
    struct str text = { (const char *)data, n };
    struct vision_scene in = { .background = &photo, .json = text };
    struct compose_params p;
    struct compose_report r;
    struct scene s;
    struct err e;
    if (scene_read(&in, &s, &e) == 0) {
        if (!(s.near_m > 0 && s.far_m >= s.near_m && s.f >= 1 && s.face > 0 && s.warmth >= 0 && s.warmth <= 1))
            __builtin_trap();
        struct scene_view v = scene_aim(&s, 1.5f, 64, 20, 0.4f, 1, 0);
        struct pic made = scene_render(&s, &v, 12, 8, 1, 0.5f, 1);
        for (size_t i = 0; i < plane_n(&made.c[0]); i++)
            if (!(made.c[0].px[i] >= 0 && made.c[0].px[i] <= 1))
                __builtin_trap();
        pic_done(&made);
    }
    if (compose_params_read(text, &p, &e) == 0 && !(p.variant >= 0 && p.variant < 64 && p.width >= 640 && p.width <= 4096 && (p.aspect == 0 || p.aspect >= 0.5f)))
        __builtin_trap();
    if (score_report_read(text, &r, &e) == 0 && !(r.n >= 1 && r.n <= VISION_PEOPLE_MAX))
        __builtin_trap();
    return 0;
}
