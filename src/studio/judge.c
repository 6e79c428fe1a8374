/* judge.c - facts about a photo against the rules of an input, in words for people. */
#include "studio/studio.h"

#include <math.h>
#include <stdarg.h>

#include "base/json.h"

#define BYSTANDER_MAX_PM 80          /* height of a face in a background, per mille of the picture's; those who join have 90 and more */

/* The list being written. */
struct verdict { struct jw w; int n; };

static void verdict_begin(struct verdict *v, struct buf *out) {
    jw_init(&v->w, out);
    v->n = 0;
    jw_arr(&v->w);
}

static int verdict_end(struct verdict *v) {
    jw_end_arr(&v->w);
    return v->n;
}

/* face: index, or -1 when it is about the whole picture. */
__attribute__((format(printf, 4, 5))) static void reason(struct verdict *v, int code, int face, const char *detail, ...) {
    const struct reason *why = err_reason(code);
    char text[160];
    va_list ap;
    va_start(ap, detail);
    vsnprintf(text, sizeof text, detail, ap);
    va_end(ap);
    v->n++;
    jw_obj(&v->w);
    jw_kz(&v->w, "code", why->code);
    jw_kz(&v->w, "en", why->en);
    jw_kz(&v->w, "zh", why->zh);
    jw_kz(&v->w, "next_en", why->next_en);
    jw_kz(&v->w, "next_zh", why->next_zh);
    jw_kz(&v->w, "detail", text);
    if (face >= 0)
        jw_kint(&v->w, "face", face);
    jw_end_obj(&v->w);
}

static void judge_picture(struct verdict *v, const struct studio_input *in, int width, int height, int64_t bytes) {
    int short_side = width < height ? width : height;
    if (short_side < in->short_side_min_px)
        reason(v, ERR_IMAGE_TOO_SMALL, -1, "%dx%d pixels; the shorter side needs %d", width, height, (int)in->short_side_min_px);
    if (bytes > in->bytes_max)
        reason(v, ERR_IMAGE_TOO_LARGE, -1, "%lld bytes; at most %lld", (long long)bytes, (long long)in->bytes_max);
}

/* The number under key, or `absent` when there is none. */
static double number(const json_t *face, const char *key, double absent) {
    const json_t *n = json_object_get(face, key);
    return json_is_number(n) ? json_number_value(n) : absent;
}

/* The shorter side of the face box in pixels. */
static double face_size(const json_t *face) {
    const json_t *box = json_object_get(face, "box");
    if (json_array_size(box) != 4)
        return number(face, "size_px", INFINITY);
    double w = json_number_value(json_array_get(box, 2)) - json_number_value(json_array_get(box, 0));
    double h = json_number_value(json_array_get(box, 3)) - json_number_value(json_array_get(box, 1));
    return number(face, "size_px", w < h ? w : h);
}

static void judge_face(struct verdict *v, const struct studio_input *in, const json_t *face, int index) {
    double size = face_size(face), confidence = number(face, "confidence", 1), blur = number(face, "blur", 0);
    double yaw = number(face, "yaw", 0), pitch = number(face, "pitch", 0), roll = number(face, "roll", 0), odd_light = number(face, "odd_light", 0);
    if (size < (double)in->face_min_px)
        reason(v, ERR_FACE_SMALL, index, "%d pixels; at least %d", (int)size, (int)in->face_min_px);
    if (fabs(roll) > in->face_roll_max_deg)
        reason(v, ERR_FACE_TILTED, index, "leaning %d degrees; at most %d", (int)fabs(roll), in->face_roll_max_deg);
    if (confidence * 1000 < in->face_confidence_min_pm)
        reason(v, ERR_FACE_UNSURE, index, "confidence %.2f; at least %.2f", confidence, in->face_confidence_min_pm / 1000.0);
    if (blur * 1000 > in->face_blur_max_pm)
        reason(v, ERR_FACE_BLURRED, index, "blur %.2f; at most %.2f", blur, in->face_blur_max_pm / 1000.0);
    if (fabs(yaw) > in->face_yaw_max_deg || fabs(pitch) > in->face_pitch_max_deg)
        reason(v, ERR_FACE_TURNED, index, "turned %d degrees sideways and %d up or down; at most %d and %d", (int)fabs(yaw),
               (int)fabs(pitch), in->face_yaw_max_deg, in->face_pitch_max_deg);
    if (odd_light * 1000 > in->face_odd_light_max_pm)
        reason(v, ERR_FACE_COLOURED_LIGHT, index, "coloured light on %.2f of the face; at most %.2f", odd_light, in->face_odd_light_max_pm / 1000.0);
    if (json_is_true(json_object_get(face, "cut")))
        reason(v, ERR_FACE_CUT, index, "the edge of the photo runs through the head");
}

static json_t *faces_of(struct str facts_json) {
    json_t *facts = NULL;
    if (facts_json.n == 0 || json_read(facts_json, &facts, NULL) < 0)
        return NULL;
    json_t *faces = json_incref(json_object_get(facts, "faces"));
    json_decref(facts);
    return faces;
}

/* At least one face that can be used, else the reasons of every face. */
static void judge_any_face(struct verdict *v, const struct studio_input *in, const json_t *faces) {
    size_t n = json_array_size(faces);
    if (n == 0) {
        reason(v, ERR_FACE_NONE, -1, "nobody was seen");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        BUF_CLEANUP struct buf scratch;
        buf_init(&scratch, 8192);
        struct verdict one;
        verdict_begin(&one, &scratch);
        judge_face(&one, in, json_array_get(faces, i), (int)i);
        if (verdict_end(&one) == 0)
            return;
    }
    for (size_t i = 0; i < n; i++)
        judge_face(v, in, json_array_get(faces, i), (int)i);
}

static void judge_this_face(struct verdict *v, const struct studio_input *in, const json_t *faces, int face) {
    if (face < 0 || (size_t)face >= json_array_size(faces))
        reason(v, ERR_FACE_NONE, face, "there is no face number %d in it", face);
    else
        judge_face(v, in, json_array_get(faces, (size_t)face), face);
}

/* Small ones may stay. Large ones would be taken for one too many of the group, and by whoever looks at it, too. */
static void judge_bystanders(struct verdict *v, const json_t *faces, int height) {
    double most = 0;
    for (size_t i = 0; i < json_array_size(faces); i++) {
        const json_t *box = json_object_get(json_array_get(faces, i), "box");
        most = fmax(most, json_number_value(json_array_get(box, 3)) - json_number_value(json_array_get(box, 1)));
    }
    if (most * 1000 > (double)BYSTANDER_MAX_PM * height)
        reason(v, ERR_BACKDROP_PEOPLE, -1, "a face %d pixels high in a picture of %d; at most %d", (int)most, height, BYSTANDER_MAX_PM * height / 1000);
}

int studio_judge_backdrop(const struct studio_input *in, struct str facts_json, int width, int height, int64_t bytes, struct buf *out) {
    CLEANUP(json_unref) json_t *faces = faces_of(facts_json);
    struct verdict v;
    verdict_begin(&v, out);
    judge_picture(&v, in, width, height, bytes);
    judge_bystanders(&v, faces, height);
    return verdict_end(&v);
}

int studio_judge_face(const struct studio_input *in, struct str facts_json, int face, struct buf *out) {
    CLEANUP(json_unref) json_t *faces = faces_of(facts_json);
    struct verdict v;
    verdict_begin(&v, out);
    judge_this_face(&v, in, faces, face);
    return verdict_end(&v);
}

int studio_judge_photo(const struct studio_input *in, struct str facts_json, int width, int height, int64_t bytes, int face,
                       struct buf *out) {
    CLEANUP(json_unref) json_t *faces = faces_of(facts_json);
    struct verdict v;
    verdict_begin(&v, out);
    judge_picture(&v, in, width, height, bytes);
    if (face < 0)
        judge_any_face(&v, in, faces);
    else
        judge_this_face(&v, in, faces, face);
    return verdict_end(&v);
}
