#include "media/score.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

/* Limits a picture must keep to be shown. Identity: OpenCV's threshold for SFace is 0.363; a composite keeps the very pixels, so
 * more. Light: below this two photos glued together, above it a poor picture that people may still want. */
static const float identity_min = 0.5f, margin_min = 0.05f, edge_min = 0.55f, light_min = 0.15f, covered_max = 0.12f,
                   floating_max = 0.5f, head_out_max = 0.08f;
static const float lean_max_deg = 25; /* of a face from how it leans in its layer */

void score_report_write(const struct compose_report *r, struct buf *out) {
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, "people");
    jw_arr(&w);
    for (int i = 0; i < r->n; i++) {
        jw_obj(&w);
        jw_key(&w, "face");
        jw_arr(&w);
        for (int k = 0; k < 4; k++)
            jw_real(&w, (double)r->person[i].face[k], 2);
        jw_end_arr(&w);
        jw_key(&w, "eye");
        jw_arr(&w);
        for (int k = 0; k < 2; k++)
            jw_real(&w, (double)r->person[i].eye[k], 2);
        jw_end_arr(&w);
        jw_kreal(&w, "head_px", (double)r->person[i].head_px, 2);
        jw_kreal(&w, "edge", (double)r->person[i].edge, 4);
        jw_kreal(&w, "outside", (double)r->person[i].outside, 3);
        jw_kreal(&w, "head_out", (double)r->person[i].head_out, 3);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_key(&w, "background_faces");
    jw_arr(&w);
    for (int i = 0; i < r->n_bystanders; i++) {
        jw_arr(&w);
        for (int k = 0; k < 4; k++)
            jw_real(&w, (double)r->bystander[i][k], 1);
        jw_end_arr(&w);
    }
    jw_end_arr(&w);
    jw_kreal(&w, "light", (double)r->light, 4);
    jw_kreal(&w, "cut_shown", (double)r->cut_shown, 3);
    jw_kreal(&w, "covered", (double)r->covered, 3);
    jw_kreal(&w, "floating", (double)r->floating, 3);
    jw_end_obj(&w);
}

static int read_reals(const json_t *list, int n, float *v, struct err *e) {
    if (!json_is_array(list) || json_array_size(list) != (size_t)n)
        return err_set(e, ERR_BAD_INPUT, "report: a list of %d numbers is missing", n);
    for (int i = 0; i < n; i++) {
        double d = json_number_value(json_array_get(list, (size_t)i));
        if (!json_is_number(json_array_get(list, (size_t)i)) || !(fabs(d) <= 1e6))
            return err_set(e, ERR_BAD_INPUT, "report: a number is missing or out of range");
        v[i] = (float)d;
    }
    return 0;
}

static int read_real(const json_t *obj, const char *key, float *v, struct err *e) {
    const json_t *j = json_object_get(obj, key);
    double d = json_number_value(j);
    if (!json_is_number(j) || !(fabs(d) <= 1e6))
        return err_set(e, ERR_BAD_INPUT, "report: %s is missing", key);
    *v = (float)d;
    return 0;
}

int score_report_read(struct str json, struct compose_report *ret_r, struct err *e) {
    CLEANUP(json_unref) json_t *root = NULL;
    int r = json_read(json, &root, e);
    if (r < 0)
        return r;
    const json_t *people = json_object_get(root, "people");
    size_t n = json_array_size(people);
    if (!json_is_array(people) || n < 1 || n > VISION_PEOPLE_MAX)
        return err_set(e, ERR_BAD_INPUT, "report: people is no list of 1 to %d", VISION_PEOPLE_MAX);
    struct compose_report out = { .n = (int)n };
    for (size_t i = 0; r >= 0 && i < n; i++) {
        const json_t *p = json_array_get(people, i);
        r = read_reals(json_object_get(p, "face"), 4, out.person[i].face, e);
        if (r >= 0)
            r = read_reals(json_object_get(p, "eye"), 2, out.person[i].eye, e);
        if (r >= 0)
            r = read_real(p, "head_px", &out.person[i].head_px, e);
        if (r >= 0)
            r = read_real(p, "edge", &out.person[i].edge, e);
        if (r >= 0)
            r = read_real(p, "outside", &out.person[i].outside, e);
        if (r >= 0)
            r = read_real(p, "head_out", &out.person[i].head_out, e);
    }
    if (r >= 0)
        r = read_real(root, "light", &out.light, e);
    if (r >= 0)
        r = read_real(root, "cut_shown", &out.cut_shown, e);
    if (r >= 0)
        r = read_real(root, "covered", &out.covered, e);
    if (r >= 0)
        r = read_real(root, "floating", &out.floating, e);
    const json_t *others = json_object_get(root, "background_faces");
    if (r >= 0 && (!json_is_array(others) || json_array_size(others) > VISION_FACES_MAX))
        return err_set(e, ERR_BAD_INPUT, "report: background_faces is no list of at most %d", VISION_FACES_MAX);
    for (size_t i = 0; r >= 0 && i < json_array_size(others); i++)
        r = read_reals(json_array_get(others, i), 4, out.bystander[out.n_bystanders++], e);
    if (r >= 0)
        *ret_r = out;
    return r;
}

/* The found face whose eyes are nearest to where person i's were put; -1 when none is within half a head. */
static int found_at(const struct compose_report *r, int i, const struct face *found, int n_found) {
    int best = -1;
    float least = 0.5f * r->person[i].head_px;
    for (int k = 0; k < n_found; k++) {
        float x = (found[k].point[FACE_IRIS_L][0] + found[k].point[FACE_IRIS_R][0]) / 2;
        float y = (found[k].point[FACE_IRIS_L][1] + found[k].point[FACE_IRIS_R][1]) / 2;
        float d = hypotf(x - r->person[i].eye[0], y - r->person[i].eye[1]);
        if (d < least) {
            least = d;
            best = k;
        }
    }
    return best;
}

/* It does not stand in the picture as it did in its photo, or its photo lay on its side. */
static bool fell_over(const struct face *found, const struct layer_facts *own) {
    float lean = fabsf(remainderf(found->roll_deg - own->roll_deg, 360));
    return lean > lean_max_deg || fabsf(found->roll_deg) > VISION_RULES_DEFAULT.roll_max_deg;
}

/* A face of the scene itself: its middle lies where the empty scene had one. */
static bool bystander(const struct compose_report *r, const struct face *f) {
    float x = (f->box.x0 + f->box.x1) / 2, y = (f->box.y0 + f->box.y1) / 2;
    for (int i = 0; i < r->n_bystanders; i++) {
        const float *b = r->bystander[i];
        float size = fmaxf(b[2] - b[0], b[3] - b[1]), theirs = fmaxf(f->box.x1 - f->box.x0, f->box.y1 - f->box.y0);
        if (hypotf(x - (b[0] + b[2]) / 2, y - (b[1] + b[3]) / 2) < 0.6f * size && theirs < 2 * size)
            return true;
    }
    return false;
}

void score_judge(const struct layer *layers, int n, const struct compose_report *r, const struct face *found, int n_found,
                 struct score *ret_s) {
    struct score s = { .people = n, .faces = n_found, .edge = 1, .light = r->light, .cut_shown = r->cut_shown,
                       .floating = r->floating };
    float id_min = 1, margin = 2;
    float coloured = 0;
    bool missing = r->n != n || r->covered > covered_max, taken[FACE_FOUND_MAX] = { false };
    for (int i = 0; i < n; i++) {
        int at = i < r->n ? found_at(r, i, found, n_found) : -1;
        s.identity[i] = -1;
        s.margin[i] = -1;
        s.edge = i < r->n ? fminf(s.edge, r->person[i].edge) : 0;
        if (i < r->n) {
            s.outside = fmaxf(s.outside, r->person[i].outside);
            s.head_out = fmaxf(s.head_out, r->person[i].head_out);
        }
        missing |= at < 0;
        if (at >= 0) {
            float other = -1;
            taken[at] = true;
            coloured = fmaxf(coloured, found[at].odd_light);
            missing |= fell_over(&found[at], &layers[i].f);
            s.identity[i] = face_cosine(found[at].embedding, layers[i].f.embedding);
            for (int j = 0; j < n; j++)
                if (j != i)
                    other = fmaxf(other, face_cosine(found[at].embedding, layers[j].f.embedding));
            s.margin[i] = n > 1 ? s.identity[i] - other : 2;
        }
        id_min = fminf(id_min, s.identity[i]);
        margin = fminf(margin, s.margin[i]);
    }
    for (int k = 0; k < n_found; k++)
        if (!taken[k] && bystander(r, &found[k]))
            s.faces--;
    missing |= s.faces != n || s.head_out > head_out_max;
    s.failed[CHECK_FACES] = missing;
    s.failed[CHECK_IDENTITY] = id_min < identity_min || margin < margin_min;
    s.failed[CHECK_EDGES] = s.edge < edge_min || s.cut_shown > 1.2f || s.floating > floating_max;
    s.failed[CHECK_LIGHT] = s.light < light_min || coloured > VISION_RULES_DEFAULT.odd_light_max;
    float identity = smoothf(0.3f, 0.9f, id_min) * smoothf(-0.1f, 0.3f, margin);
    float clean = s.edge * smoothf(2.5f, 0, s.cut_shown) * smoothf(0.3f, 0, r->covered) * smoothf(1.0f, 0, s.floating) *
                  mixf(0.6f, 1, smoothf(0.45f, 0.10f, s.outside));
    s.total = missing ? 0.2f * identity : 0.45f * identity + 0.30f * clean + 0.25f * s.light;
    *ret_s = s;
}

void score_write(const struct score *s, struct buf *out) {
    struct jw w;
    float id_min = 1, margin = 2;
    bool ok = true;
    for (int i = 0; i < s->people; i++) {
        id_min = fminf(id_min, s->identity[i]);
        margin = fminf(margin, s->margin[i]);
    }
    jw_init(&w, out);
    jw_obj(&w);
    jw_kint(&w, "faces", s->faces);
    jw_kint(&w, "people", s->people);
    jw_kreal(&w, "identity_min", (double)id_min, 4);
    jw_key(&w, "identity");
    jw_arr(&w);
    for (int i = 0; i < s->people; i++)
        jw_real(&w, (double)s->identity[i], 4);
    jw_end_arr(&w);
    jw_kreal(&w, "margin_min", (double)margin, 4);
    jw_kreal(&w, "edge", (double)s->edge, 4);
    jw_kreal(&w, "light", (double)s->light, 4);
    jw_kreal(&w, "cut_shown", (double)s->cut_shown, 3);
    jw_kreal(&w, "floating", (double)s->floating, 3);
    jw_kreal(&w, "outside", (double)s->outside, 3);
    jw_kreal(&w, "score", (double)s->total, 4);
    for (int i = 0; i < COMPOSE_CHECKS; i++)
        ok &= !s->failed[i];
    jw_kbool(&w, "ok", ok);
    jw_key(&w, "failed");
    jw_arr(&w);
    for (int i = 0; i < COMPOSE_CHECKS; i++)
        if (s->failed[i])
            jw_str(&w, str_z(compose_check_names[i]));
    jw_end_arr(&w);
    jw_end_obj(&w);
}
