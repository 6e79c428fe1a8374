/*
 * op_studio.c - the operations that make portraits: cutout, compose, score. The work is done by studio_ops.h; here are the files.
 */
#include "media/op.h"

#include <stddef.h>
#include "media/mark.h"
#include "media/photo.h"
#include "media/pixels.h"
#include "media/studio_ops.h"

#define LAYERS_MAX     VISION_PEOPLE_MAX
#define PHOTO_SIDE_MAX 3000                         /* px; more detail than a layer can hold is not needed */
#define SCENE_MAX      (64 * 1024)                  /* bytes of scene.json */
#define PICTURE_MAX    (96 * 1024 * 1024)           /* bytes of the file made */
#define PREVIEW_QUALITY 84
#define MARK_BYTES_MAX (256 * 1024)
#define MARK_PIXELS_MAX (4 * 1000 * 1000)
#define FIELD(type, name, kind, must, lo, hi) { #name, kind, must, lo, hi, offsetof(struct type, name), NULL, NULL, NULL }

/* ---- cutout ---- */

struct cutout_params {
    int64_t face, width, height;
    const json_t *box;
};

static float overlap(const float a[4], const float b[4]) {
    float x0 = a[0] > b[0] ? a[0] : b[0], y0 = a[1] > b[1] ? a[1] : b[1], x1 = a[2] < b[2] ? a[2] : b[2], y1 = a[3] < b[3] ? a[3] : b[3];
    if (x1 <= x0 || y1 <= y0)
        return 0;
    float both = (x1 - x0) * (y1 - y0);
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

/* The face of this photo that lies where the box, given in pixels of a photo of width x height, says. */
static int find_face(struct vision *v, const struct img8 *photo, const struct cutout_params *q, struct err *e) {
    struct vision_face faces[VISION_FACES_MAX];
    float box[4], best = 0.3f;                      /* below this it is another face or none */
    int found = -1;
    for (size_t i = 0; i < 4; i++) {
        const json_t *n = json_array_get(q->box, i);
        if (!json_is_number(n))
            return err_set(e, ERR_BAD_INPUT, "box: must have 4 numbers");
        box[i] = (float)(json_number_value(n) * (i % 2 ? (double)photo->h / (double)q->height : (double)photo->w / (double)q->width));
    }
    int n = vision_faces(v, photo, faces, VISION_FACES_MAX, e);
    for (int i = 0; i < n; i++) {
        float o = overlap(box, faces[i].box);
        if (o > best) {
            best = o;
            found = i;
        }
    }
    return n < 0 ? n : found >= 0 ? found : err_set(e, ERR_FACE_NONE, "the face is not there any more");
}

int op_cutout(struct op *op, struct err *e) {
    static const struct json_field fields[] = {
        FIELD(cutout_params, face, JSON_F_INT, true, 0, VISION_FACES_MAX - 1),
        FIELD(cutout_params, box, JSON_F_ARR, false, 4, 4),
        FIELD(cutout_params, width, JSON_F_INT, false, 1, IMAGE_SIDE_MAX),
        FIELD(cutout_params, height, JSON_F_INT, false, 1, IMAGE_SIDE_MAX),
        { 0 },
    };
    PIXELS_CLEANUP struct img8 photo = { 0 };
    BUF_CLEANUP struct buf layer = { 0 };
    struct cutout_params q = { 0 };
    int w, h, r = json_bind(fields, op->params, op->arena, &q, e);
    if (r < 0 || (r = op_read_photo(op->in[0], PHOTO_SIDE_MAX, &photo, &w, &h, e)) < 0)
        return r;
    q.width = q.width ? q.width : w;
    q.height = q.height ? q.height : h;
    int face = q.box ? find_face(op->vision, &photo, &q, e) : (int)q.face;
    if (face < 0)
        return face;
    buf_init(&layer, VISION_LAYER_MAX);
    if ((r = vision_cutout(op->vision, &photo, face, &layer, e)) < 0 || (r = op_write(op->out[0], buf_str(&layer), e)) < 0)
        return r;
    jw_obj(&op->w);
    jw_kint(&op->w, "bytes", (int64_t)layer.n);
    jw_kint(&op->w, "width", photo.w);
    jw_kint(&op->w, "height", photo.h);
    jw_end_obj(&op->w);
    return 0;
}

/* ---- what compose and score read ---- */

struct files {
    struct str   layers[LAYERS_MAX], scene;
    int          n_layers;
    struct img8  background, mark;
    struct img16 depth;
};

static void files_done(struct files *f) {
    pixels_done(&f->background);
    pixels_done(&f->mark);
    free(f->depth.px);
}

static int read_layer(int fd, struct files *f, struct err *e) {
    if (f->n_layers == LAYERS_MAX)
        return err_set(e, ERR_PEOPLE_MANY, "at most %d people", LAYERS_MAX);
    int r = op_read(fd, VISION_LAYER_MAX, &f->layers[f->n_layers], e);
    if (r == 0)
        f->n_layers++;
    return r;
}

static int read_depth(int fd, struct img16 *ret, struct err *e) {
    struct str png;
    int r = op_read(fd, 2 * (size_t)IMAGE_PIXELS_MAX, &png, e);
    return r < 0 ? r : pixels_depth(png, ret, e);
}

/* Its alpha is what it is about, so it does not go the way of photos. */
static int read_mark(int fd, struct img8 *ret, struct err *e) {
    PHOTO_CLEANUP struct photo p = { 0 };
    struct str png;
    int r = op_read(fd, MARK_BYTES_MAX, &png, e);
    if (r < 0 || (r = photo_decode(png, &(struct photo_limits){ MARK_BYTES_MAX, MARK_PIXELS_MAX, 0 }, &p, e)) < 0)
        return r;
    if (p.type != PHOTO_PNG || p.img.channels != 4)
        return err_set(e, ERR_BAD_INPUT, "a mark is a PNG with alpha");
    *ret = p.img;
    p.img = (struct img8){ 0 };
    return 0;
}

/* One input by the role the parameters give it. A role that stands twice is refused, except for layers. */
static int read_role(const char *role, int fd, struct files *f, struct err *e) {
    if (strcmp(role, "layer") == 0)
        return read_layer(fd, f, e);
    if (strcmp(role, "background") == 0 && !f->background.px)
        return op_read_photo(fd, 4096, &f->background, NULL, NULL, e);
    if (strcmp(role, "depth") == 0 && !f->depth.px)
        return read_depth(fd, &f->depth, e);
    if (strcmp(role, "scene") == 0 && !f->scene.p)
        return op_read(fd, SCENE_MAX, &f->scene, e);
    if (strcmp(role, "mark") == 0 && !f->mark.px)
        return read_mark(fd, &f->mark, e);
    return err_set(e, ERR_BAD_INPUT, "roles: \"%.20s\" is unknown or stands twice", role);
}

/* A sub-object of the parameters as text again. Empty when it is absent. */
static struct str dump(const json_t *obj, struct arena *a) {
    char *z = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
    struct str s = z ? arena_str(a, str_z(z)) : STR_NULL;
    free(z);
    return s;
}

/* ---- compose ---- */

struct compose_params {
    const json_t *roles, *scene, *params;
    int64_t seed, quality, preview_px, width;
    int     format;                                 /* 0 jpeg, 1 png */
    bool    score;
};

static int write_picture(struct op *op, const struct compose_params *q, const struct img8 *picture, struct err *e) {
    BUF_CLEANUP struct buf file = { 0 };
    const char *type = q->format ? "image/png" : "image/jpeg";
    buf_init(&file, PICTURE_MAX);
    int r = q->format ? pixels_png(picture, &file, NULL, e) : pixels_jpeg(picture, (int)q->quality, &file, e);
    if (r < 0 || (r = op_write(op->out[0], buf_str(&file), e)) < 0)
        return r;
    jw_kz(&op->w, "type", type);
    jw_kint(&op->w, "width", picture->w);
    jw_kint(&op->w, "height", picture->h);
    jw_kint(&op->w, "bytes", (int64_t)file.n);
    return 0;
}

static int write_preview(struct op *op, const struct compose_params *q, const struct img8 *picture, struct err *e) {
    PIXELS_CLEANUP struct img8 small = { 0 };
    BUF_CLEANUP struct buf file = { 0 };
    int w, h, r;
    if (op->n_out < 2) {
        jw_key(&op->w, "preview");
        jw_null(&op->w);
        return 0;
    }
    pixels_fit(picture->w, picture->h, (int)q->preview_px, &w, &h);
    buf_init(&file, PICTURE_MAX);
    if ((r = pixels_shrink(picture, w, h, &small, e)) < 0 || (r = pixels_jpeg(&small, PREVIEW_QUALITY, &file, e)) < 0 ||
        (r = op_write(op->out[1], buf_str(&file), e)) < 0)
        return r;
    op_tell_file(&op->w, "preview", "image/jpeg", &small, file.n);
    return 0;
}

static int compose(struct op *op, const struct compose_params *q, const struct files *f, struct err *e) {
    PIXELS_CLEANUP struct img8 picture = { 0 };
    BUF_CLEANUP struct buf report = { 0 }, verdict = { 0 };
    struct vision_scene scene = { f->background.px ? &f->background : NULL, f->depth.px ? &f->depth : NULL,
                                  f->scene.n ? f->scene : dump(q->scene, op->arena) };
    buf_init(&report, VISION_REPORT_MAX);
    buf_init(&verdict, VISION_REPORT_MAX);
    int r = vision_compose(op->vision, f->layers, f->n_layers, &scene, (uint64_t)q->seed, dump(q->params, op->arena), &picture, &report, e);
    if (r == 0 && q->score)
        r = vision_score(op->vision, &picture, f->layers, f->n_layers, buf_str(&report), &verdict, e);
    if (r == 0 && f->mark.px)                       /* last: the brand is nothing to be judged */
        mark_draw(&picture, &f->mark);
    jw_obj(&op->w);
    if (r < 0 || (r = write_picture(op, q, &picture, e)) < 0 || (r = write_preview(op, q, &picture, e)) < 0)
        return r;
    jw_key(&op->w, "report");
    jw_raw(&op->w, buf_str(&report));
    jw_key(&op->w, "score");
    if (q->score)
        jw_raw(&op->w, buf_str(&verdict));
    else
        jw_null(&op->w);
    jw_end_obj(&op->w);
    return 0;
}

int op_compose(struct op *op, struct err *e) {
    static const char *const formats[] = { "jpeg", "png", NULL };
    static const struct json_field fields[] = {
        FIELD(compose_params, roles, JSON_F_ARR, true, 1, 9),
        FIELD(compose_params, scene, JSON_F_OBJ, false, 0, 0),
        FIELD(compose_params, params, JSON_F_OBJ, false, 0, 0),
        FIELD(compose_params, seed, JSON_F_INT, false, 0, INT64_MAX),
        FIELD(compose_params, quality, JSON_F_INT, false, 1, 100),
        FIELD(compose_params, preview_px, JSON_F_INT, false, 16, 2048),
        FIELD(compose_params, score, JSON_F_BOOL, false, 0, 0),
        { "format", JSON_F_ENUM, false, 0, 0, offsetof(struct compose_params, format), NULL, formats, NULL },
        { 0 },
    };
    __attribute__((cleanup(files_done))) struct files f = { 0 };
    struct compose_params q = { .quality = 93, .preview_px = 720 };
    int r = json_bind(fields, op->params, op->arena, &q, e);
    if (r < 0)
        return r;
    if (json_array_size(q.roles) != op->n_in)
        return err_set(e, ERR_BAD_INPUT, "roles: %zu for %zu inputs", json_array_size(q.roles), op->n_in);
    for (size_t i = 0; i < op->n_in; i++) {
        const char *role = json_string_value(json_array_get(q.roles, i));
        r = read_role(role ? role : "", op->in[i], &f, e);
        if (r < 0)
            return r;
    }
    return compose(op, &q, &f, e);
}

/* ---- finish ---- */

int op_finish(struct op *op, struct err *e) {
    static const struct json_field fields[] = {
        FIELD(compose_params, width, JSON_F_INT, false, 64, 4096),
        FIELD(compose_params, quality, JSON_F_INT, false, 1, 100),
        FIELD(compose_params, preview_px, JSON_F_INT, false, 16, 2048),
        { 0 },
    };
    __attribute__((cleanup(files_done))) struct files f = { 0 };
    struct compose_params q = { .quality = 93, .preview_px = 720, .width = 1920 };
    int r = json_bind(fields, op->params, op->arena, &q, e);
    if (r < 0)
        return r;
    if ((r = op_read_photo(op->in[0], (int)q.width, &f.background, NULL, NULL, e)) < 0)
        return err_reason(r)->http < 500 ? err_set(e, ERR_ENGINE_FAILED, "what the service made is no picture: %s", err_reason(r)->code) : r;
    if (op->n_in > 1 && (r = read_mark(op->in[1], &f.mark, e)) < 0)
        return r;
    if (f.mark.px)
        mark_draw(&f.background, &f.mark);
    jw_obj(&op->w);
    if ((r = write_picture(op, &q, &f.background, e)) < 0 || (r = write_preview(op, &q, &f.background, e)) < 0)
        return r;
    jw_end_obj(&op->w);
    return 0;
}

/* ---- score ---- */

struct score_params {
    const json_t *report;
};

int op_score(struct op *op, struct err *e) {
    static const struct json_field fields[] = { FIELD(score_params, report, JSON_F_OBJ, true, 0, 0), { 0 } };
    __attribute__((cleanup(files_done))) struct files f = { 0 };
    BUF_CLEANUP struct buf verdict = { 0 };
    struct score_params q = { 0 };
    int r = json_bind(fields, op->params, op->arena, &q, e);
    if (r == 0)
        r = op_read_photo(op->in[0], 4096, &f.background, NULL, NULL, e);
    for (size_t i = 1; r == 0 && i < op->n_in; i++)
        r = read_layer(op->in[i], &f, e);
    if (r < 0)
        return r;
    buf_init(&verdict, VISION_REPORT_MAX);
    r = vision_score(op->vision, &f.background, f.layers, f.n_layers, dump(q.report, op->arena), &verdict, e);
    if (r < 0)
        return r;
    buf_add_str(op->result, buf_str(&verdict));
    return 0;
}
