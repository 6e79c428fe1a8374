/*
 * face_facts.c - faces to JSON.
 */
#include "media/face_facts.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include "base/crypto.h"

struct rules_pm {
    int64_t min_px, confidence_min_pm, blur_max_pm, yaw_max_deg, pitch_max_deg, roll_max_deg, odd_light_max_pm;
};

int face_facts_rules(const json_t *obj, struct arena *a, struct vision_rules *ret, struct err *e) {
#define FIELD(name, lo, hi) { #name, JSON_F_INT, false, lo, hi, offsetof(struct rules_pm, name), NULL, NULL, NULL }
    static const struct json_field fields[] = {
        FIELD(min_px, 0, IMAGE_SIDE_MAX), FIELD(confidence_min_pm, 0, 1000), FIELD(blur_max_pm, 0, 1000),
        FIELD(yaw_max_deg, 0, 180), FIELD(pitch_max_deg, 0, 180), FIELD(roll_max_deg, 0, 180), FIELD(odd_light_max_pm, 0, 1000), { 0 },
    };
#undef FIELD
    const struct vision_rules d = VISION_RULES_DEFAULT;
    struct rules_pm q = { llrintf(d.min_px), llrintf(1000 * d.confidence_min), llrintf(1000 * d.blur_max), llrintf(d.yaw_max_deg),
                          llrintf(d.pitch_max_deg), llrintf(d.roll_max_deg), llrintf(1000 * d.odd_light_max) };
    if (obj) {
        int r = json_bind(fields, obj, a, &q, e);
        if (r < 0)
            return r;
    }
    *ret = (struct vision_rules){ (float)q.min_px, (float)q.confidence_min_pm / 1000, (float)q.blur_max_pm / 1000, (float)q.yaw_max_deg,
                                  (float)q.pitch_max_deg, (float)q.roll_max_deg, (float)q.odd_light_max_pm / 1000 };
    return 0;
}

/* The embedding as signed bytes, its largest number as +-127: a cosine of two such differs from the real one by less than 0.001. */
static void write_who(const struct vision_face *f, struct jw *w) {
    int8_t q[VISION_EMBEDDING];
    char hex[2 * VISION_EMBEDDING + 1];
    float most = 1e-6f;
    for (int i = 0; i < VISION_EMBEDDING; i++)
        most = fmaxf(most, fabsf(f->embedding[i]));
    for (int i = 0; i < VISION_EMBEDDING; i++)
        q[i] = (int8_t)lrintf(127 * f->embedding[i] / most);
    hex_encode(q, sizeof q, hex);
    jw_kz(w, "who", hex);
}

static void write_face(const struct vision_face *f, const struct vision_rules *rules, bool who, struct jw *w) {
    struct err why;
    int code = vision_face_check(f, rules, &why);
    jw_obj(w);
    jw_key(w, "box");
    jw_arr(w);
    for (int i = 0; i < 4; i++)
        jw_real(w, f->box[i], 1);
    jw_end_arr(w);
    jw_kreal(w, "size_px", f->size_px, 1);
    jw_kreal(w, "confidence", f->confidence, 3);
    jw_kreal(w, "yaw", f->yaw_deg, 1);
    jw_kreal(w, "pitch", f->pitch_deg, 1);
    jw_kreal(w, "roll", f->roll_deg, 1);
    jw_kreal(w, "blur", f->blur, 3);
    jw_kreal(w, "odd_light", f->odd_light, 3);
    jw_kbool(w, "cut", f->cut);
    jw_key(w, "eyes");
    jw_arr(w);
    for (int i = 0; i < 2; i++) {
        jw_arr(w);
        jw_real(w, f->eye[i][0], 1);
        jw_real(w, f->eye[i][1], 1);
        jw_end_arr(w);
    }
    jw_end_arr(w);
    if (who)
        write_who(f, w);
    jw_kz(w, "reason", code < 0 ? err_reason(code)->code : NULL);
    jw_end_obj(w);
}

int face_facts_write(struct vision *v, const struct img8 *photo, int width, int height, const struct vision_rules *rules, bool who, struct jw *w, struct err *e) {
    struct vision_face faces[VISION_FACES_MAX];
    float sx = (float)width / (float)photo->w, sy = (float)height / (float)photo->h;
    int n = vision_faces(v, photo, faces, VISION_FACES_MAX, e);
    if (n < 0)
        return n;
    jw_arr(w);
    for (int i = 0; i < n; i++) {
        struct vision_face *f = &faces[i];
        f->size_px *= sx < sy ? sx : sy;
        for (int k = 0; k < 4; k++)
            f->box[k] *= k % 2 ? sy : sx;
        for (int k = 0; k < 2; k++) {
            f->eye[k][0] *= sx;
            f->eye[k][1] *= sy;
        }
        write_face(f, rules, who, w);
    }
    jw_end_arr(w);
    return 0;
}
