#include "media/vision.h"

#include <math.h>
#include <string.h>

#include "media/compose.h"
#include "media/cutout.h"
#include "media/layer.h"
#include "media/margin.h"
#include "media/score.h"

static const char *const model_files[VISION_MODELS] = {
    [MODEL_FACE_NEAR] = "face_det_short.onnx", [MODEL_FACE_FAR] = "face_det_full.onnx", [MODEL_FACE_MESH] = "face_lm478.onnx",
    [MODEL_FACE_EMBED] = "sface.onnx",         [MODEL_MATTE] = "modnet.onnx",           [MODEL_PARTS] = "selfie_multi.onnx",
};

int vision_new(const char *ort_path, const char *models_dir, struct vision **ret_v, struct err *e) {
    CLEANUP(vision_free) struct vision *v = calloc(1, sizeof *v);
    if (!v)
        return err_set(e, ERR_MEDIA_MEMORY, "models");
    int r = ort_new(ort_path, &v->ort, e);
    for (int i = 0; r >= 0 && i < VISION_MODELS; i++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", models_dir, model_files[i]) >= (int)sizeof path)
            return err_set(e, ERR_ENGINE_MISSING, "the models' folder has too long a name");
        r = ort_session_new(v->ort, path, &v->model[i], e);
    }
    if (r < 0)
        return r;
    *ret_v = TAKE(v);
    return 0;
}

void vision_free(struct vision *v) {
    if (!v)
        return;
    for (int i = 0; i < VISION_MODELS; i++)
        ort_session_free(v->model[i]);
    ort_free(v->ort);
    free(v);
}

static int by_place(const void *a, const void *b) {
    const struct rectf *p = &((const struct face *)a)->box, *q = &((const struct face *)b)->box;
    float x = p->x0 + p->x1, y = q->x0 + q->x1;
    if (x == y) {
        x = p->y0;
        y = q->y0;
    }
    return x < y ? -1 : x > y ? 1 : 0;
}

int vision_find(struct vision *v, const struct img8 *photo, struct face *ret_faces, int max, struct err *e) {
    int r = img8_check(photo, e);
    if (r < 0)
        return r;
    struct face_models m = vision_face_models(v);
    int n = face_find(&m, photo, ret_faces, max < FACE_FOUND_MAX ? max : FACE_FOUND_MAX, e);
    if (n > 0)
        qsort(ret_faces, (size_t)n, sizeof *ret_faces, by_place);
    return n;
}

static void summary_of(const struct face *f, struct vision_face *out) {
    *out = (struct vision_face){
        .box = { f->box.x0, f->box.y0, f->box.x1, f->box.y1 },
        .confidence = face_confidence(f),
        .size_px = fminf(f->box.x1 - f->box.x0, f->box.y1 - f->box.y0),
        .yaw_deg = f->yaw_deg,
        .pitch_deg = f->pitch_deg,
        .roll_deg = f->roll_deg,
        .blur = f->blur,
        .odd_light = f->odd_light,
        .cut = f->cut,
    };
    for (int k = 0; k < 2; k++) {
        out->eye[0][k] = f->point[FACE_IRIS_L][k];
        out->eye[1][k] = f->point[FACE_IRIS_R][k];
        out->nose[k] = f->point[FACE_NOSE_TIP][k];
        out->mouth[0][k] = f->point[FACE_MOUTH_L][k];
        out->mouth[1][k] = f->point[FACE_MOUTH_R][k];
    }
    memcpy(out->embedding, f->embedding, sizeof out->embedding);
}

/* The photo without the plain border around it, and where in the photo that lies. No copy. */
static int without_margin(const struct img8 *photo, struct img8 *ret_inner, struct box *ret_where, struct err *e) {
    int r = img8_check(photo, e);
    if (r < 0)
        return r;
    struct box b = margin_content(photo);
    *ret_where = b;
    *ret_inner = (struct img8){ box_w(b), box_h(b), photo->channels, photo->stride,
                                photo->px + (size_t)b.y0 * photo->stride + (size_t)(b.x0 * photo->channels) };
    return 0;
}

static void move_summary(struct vision_face *f, struct box where) {
    float dx = (float)where.x0, dy = (float)where.y0;
    for (int k = 0; k < 4; k++)
        f->box[k] += k % 2 ? dy : dx;
    for (int k = 0; k < 2; k++) {
        float *points[] = { f->eye[k], f->mouth[k], k ? f->nose : NULL };
        for (size_t i = 0; i < sizeof points / sizeof *points; i++)
            if (points[i]) {
                points[i][0] += dx;
                points[i][1] += dy;
            }
    }
}

int vision_faces(struct vision *v, const struct img8 *photo, struct vision_face *ret_faces, int max, struct err *e) {
    struct img8 inner;
    struct box where;
    int r = without_margin(photo, &inner, &where, e);
    if (r < 0)
        return r;
    CLEANUP(free) struct face *faces = calloc(FACE_FOUND_MAX, sizeof *faces);
    if (!faces)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    struct face_models m = vision_face_models(v);
    int n = vision_find(v, &inner, faces, max, e);
    for (int i = 0; r >= 0 && i < n; i++) {
        r = face_embed(&m, &inner, &faces[i], e);
        summary_of(&faces[i], &ret_faces[i]);
        move_summary(&ret_faces[i], where);
    }
    return r < 0 ? r : n;
}

int vision_face_check(const struct vision_face *f, const struct vision_rules *rules, struct err *e) {
    if (f->size_px < rules->min_px)
        return err_set(e, ERR_FACE_SMALL, "the face is %.0f pixels across; %.0f are needed", (double)f->size_px,
                       (double)rules->min_px);
    if (fabsf(f->roll_deg) > rules->roll_max_deg)
        return err_set(e, ERR_FACE_TILTED, "leaning %.0f degrees; at most %.0f", (double)f->roll_deg, (double)rules->roll_max_deg);
    if (f->confidence < rules->confidence_min)
        return err_set(e, ERR_FACE_UNSURE, "confidence %.2f; %.2f is needed", (double)f->confidence,
                       (double)rules->confidence_min);
    if (f->cut)
        return err_set(e, ERR_FACE_CUT, "the head reaches over the photo's edge");
    if (fabsf(f->yaw_deg) > rules->yaw_max_deg || fabsf(f->pitch_deg) > rules->pitch_max_deg)
        return err_set(e, ERR_FACE_TURNED, "turned %.0f and tilted %.0f degrees", (double)f->yaw_deg, (double)f->pitch_deg);
    if (f->blur > rules->blur_max)
        return err_set(e, ERR_FACE_BLURRED, "blur %.2f; at most %.2f", (double)f->blur, (double)rules->blur_max);
    if (f->odd_light > rules->odd_light_max)
        return err_set(e, ERR_FACE_COLOURED_LIGHT, "coloured light on %.2f of the face; at most %.2f", (double)f->odd_light,
                       (double)rules->odd_light_max);
    return 0;
}

/* ---- one person as a layer ---- */

int vision_cutout(struct vision *v, const struct img8 *photo, int face_index, struct buf *ret_layer, struct err *e) {
    struct img8 inner;
    struct box where;
    int r = without_margin(photo, &inner, &where, e);
    if (r < 0)
        return r;
    CLEANUP(free) struct face *faces = calloc(FACE_FOUND_MAX, sizeof *faces);
    if (!faces)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    int n = vision_find(v, &inner, faces, FACE_FOUND_MAX, e);
    if (n < 0)
        return n;
    if (face_index < 0 || face_index >= n)
        return err_set(e, ERR_FACE_NONE, "face %d of %d", face_index, n);
    struct face_models fm = vision_face_models(v);
    struct segment_models sm = { v->model[MODEL_MATTE], v->model[MODEL_PARTS] };
    return cutout_make(&sm, &fm, &inner, faces, n, face_index, ret_layer, e);
}

/* ---- people together ---- */

static int read_layers(const struct str *blobs, int n, struct layer ret_layers[VISION_PEOPLE_MAX], struct err *e) {
    if (n < 1)
        return err_set(e, ERR_PEOPLE_NONE, "no layers");
    if (n > VISION_PEOPLE_MAX)
        return err_set(e, ERR_PEOPLE_MANY, "%d people; at most %d", n, VISION_PEOPLE_MAX);
    int r = 0;
    for (int i = 0; r >= 0 && i < n; i++)
        r = layer_read(blobs[i], &ret_layers[i], e);
    return r;
}

static int find_bystanders(struct vision *v, const struct img8 *empty, struct compose_report *report, struct err *e) {
    CLEANUP(free) struct face *faces = calloc(FACE_FOUND_MAX, sizeof *faces);
    if (!faces)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    int n = vision_find(v, empty, faces, VISION_FACES_MAX, e);
    for (int i = 0; i < n; i++) {
        const float box[4] = { faces[i].box.x0, faces[i].box.y0, faces[i].box.x1, faces[i].box.y1 };
        memcpy(report->bystander[report->n_bystanders++], box, sizeof box);
    }
    return n;
}

int vision_compose(struct vision *v, const struct str *layers, int n, const struct vision_scene *scene, uint64_t seed,
                   struct str params_json, struct img8 *ret_picture, struct buf *ret_report, struct err *e) {
    struct layer people[VISION_PEOPLE_MAX];
    struct compose_params params;
    struct compose_report report;
    struct scene place;
    int r = read_layers(layers, n, people, e);
    if (r >= 0)
        r = compose_params_read(params_json, &params, e);
    if (r >= 0)
        r = scene_read(scene, &place, e);
    if (r < 0)
        return r;
    /* Only somebody's own picture has strangers in it. */
    IMG8_CLEANUP struct img8 empty = { 0 };
    bool look = v && place.kind == SCENE_PICTURE;
    PIC_CLEANUP struct pic p = compose_picture(people, n, &place, &params, seed, &report, look ? &empty : NULL);
    if (look && (r = find_bystanders(v, &empty, &report, e)) < 0)
        return r;
    score_report_write(&report, ret_report);
    if (ret_report->failed)
        return err_set(e, ERR_INTERNAL, "the report is too long");
    *ret_picture = img8_of_srgb(&p);
    return 0;
}

int vision_score(struct vision *v, const struct img8 *picture, const struct str *layers, int n, struct str report,
                 struct buf *ret_json, struct err *e) {
    struct layer people[VISION_PEOPLE_MAX];
    struct compose_report made;
    struct score s;
    int r = read_layers(layers, n, people, e);
    if (r >= 0)
        r = score_report_read(report, &made, e);
    if (r < 0)
        return r;
    CLEANUP(free) struct face *faces = calloc(FACE_FOUND_MAX, sizeof *faces);
    if (!faces)
        return err_set(e, ERR_MEDIA_MEMORY, "faces");
    struct face_models m = vision_face_models(v);
    int found = vision_find(v, picture, faces, FACE_FOUND_MAX, e);
    r = found;
    for (int i = 0; r >= 0 && i < found; i++)
        r = face_embed(&m, picture, &faces[i], e);
    if (r < 0)
        return r;
    score_judge(people, n, &made, faces, found, &s);
    score_write(&s, ret_json);
    return ret_json->failed ? err_set(e, ERR_INTERNAL, "the scores are too long") : 0;
}
