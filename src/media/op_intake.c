/*
 * op_intake.c - the operations that take a photo in: probe, thumb, intake, faces.
 */
#include "media/op.h"

#include <stddef.h>
#include "media/face_facts.h"
#include "media/intake.h"

#define BYTES_MAX  (256 * 1024 * 1024)              /* what a parameter may ask for at most */
#define FIELD(type, name, kind, lo, hi) { #name, kind, false, lo, hi, offsetof(struct type, name), NULL, NULL, NULL }

struct params {
    int64_t bytes_max, pixels_max, photo_side_max, photo_bytes_max, working_side_max, working_bytes_max, thumb_px, width, height;
    bool    faces, who;
    const json_t *rules;
};

static const struct json_field probe_fields[] = {
    FIELD(params, bytes_max, JSON_F_INT, 1, BYTES_MAX),
    FIELD(params, pixels_max, JSON_F_INT, 1, IMAGE_PIXELS_MAX),
    { 0 },
};
static const struct json_field thumb_fields[] = {
    FIELD(params, bytes_max, JSON_F_INT, 1, BYTES_MAX),
    FIELD(params, pixels_max, JSON_F_INT, 1, IMAGE_PIXELS_MAX),
    FIELD(params, thumb_px, JSON_F_INT, 16, 2048),
    { 0 },
};
static const struct json_field intake_fields[] = {
    FIELD(params, bytes_max, JSON_F_INT, 1, BYTES_MAX),
    FIELD(params, pixels_max, JSON_F_INT, 1, IMAGE_PIXELS_MAX),
    FIELD(params, photo_side_max, JSON_F_INT, 64, 8192),
    FIELD(params, photo_bytes_max, JSON_F_INT, 65536, BYTES_MAX),
    FIELD(params, working_side_max, JSON_F_INT, 64, 4096),
    FIELD(params, working_bytes_max, JSON_F_INT, 65536, 16 * 1024 * 1024),
    FIELD(params, thumb_px, JSON_F_INT, 16, 2048),
    FIELD(params, faces, JSON_F_BOOL, 0, 0),
    FIELD(params, who, JSON_F_BOOL, 0, 0),
    FIELD(params, rules, JSON_F_OBJ, 0, 0),
    { 0 },
};
static const struct json_field faces_fields[] = {
    FIELD(params, width, JSON_F_INT, 1, IMAGE_SIDE_MAX),
    FIELD(params, height, JSON_F_INT, 1, IMAGE_SIDE_MAX),
    FIELD(params, rules, JSON_F_OBJ, 0, 0),
    { 0 },
};

static int read_params(struct op *op, const struct json_field *fields, struct params *p, struct vision_rules *rules, struct err *e) {
    const struct intake_rules d = INTAKE_RULES_DEFAULT;
    *p = (struct params){ .bytes_max = d.photo.bytes_max, .pixels_max = d.photo.pixels_max, .photo_side_max = d.photo_side_max,
                          .photo_bytes_max = d.photo_bytes_max, .working_side_max = d.working_side_max, .working_bytes_max = d.working_bytes_max, .thumb_px = d.thumb_px, .faces = true };
    int r = json_bind(fields, op->params, op->arena, p, e);
    return r < 0 ? r : face_facts_rules(p->rules, op->arena, rules, e);
}

int op_probe(struct op *op, struct err *e) {
    struct str file;
    PHOTO_CLEANUP struct photo p = { 0 };
    struct vision_rules rules;
    struct params q;
    int r = read_params(op, probe_fields, &q, &rules, e);
    if (r < 0 || (r = op_read(op->in[0], (size_t)q.bytes_max, &file, e)) < 0)
        return r;
    struct photo_limits lim = { q.bytes_max, q.pixels_max, 0 };
    r = photo_probe(file, &lim, &p, e);
    if (r < 0)
        return r;
    jw_obj(&op->w);
    jw_kz(&op->w, "type", photo_type_name(p.type));
    jw_kint(&op->w, "bytes", (int64_t)file.n);
    jw_kint(&op->w, "width", photo_upright_w(&p));
    jw_kint(&op->w, "height", photo_upright_h(&p));
    jw_kint(&op->w, "orientation", p.orientation);
    jw_kbool(&op->w, "alpha", p.alpha);
    jw_kbool(&op->w, "profile", p.icc != NULL);
    jw_end_obj(&op->w);
    return 0;
}

int op_thumb(struct op *op, struct err *e) {
    struct str file;
    PHOTO_CLEANUP struct photo p = { 0 };
    THUMB_CLEANUP struct thumb t = { 0 };
    struct vision_rules rules;
    struct params q;
    int r = read_params(op, thumb_fields, &q, &rules, e);
    if (r < 0 || (r = op_read(op->in[0], (size_t)q.bytes_max, &file, e)) < 0)
        return r;
    struct photo_limits lim = { q.bytes_max, q.pixels_max, 0 };
    if ((r = thumb_photo(file, &lim, (int)q.thumb_px, &p, &t, e)) < 0 || (r = op_write(op->out[0], buf_str(&t.jpeg), e)) < 0)
        return r;
    jw_obj(&op->w);
    jw_kz(&op->w, "type", photo_type_name(p.type));
    jw_kint(&op->w, "width", photo_upright_w(&p));
    jw_kint(&op->w, "height", photo_upright_h(&p));
    op_tell_file(&op->w, "thumb", "image/jpeg", &t.img, t.jpeg.n);
    jw_end_obj(&op->w);
    return 0;
}

int op_intake(struct op *op, struct err *e) {
    struct str file;
    INTAKE_CLEANUP struct intake in = { 0 };
    struct intake_rules rules = INTAKE_RULES_DEFAULT;
    struct vision_rules face_rules;
    struct params q;
    int r = read_params(op, intake_fields, &q, &face_rules, e);
    if (r < 0 || (r = op_read(op->in[0], (size_t)q.bytes_max, &file, e)) < 0)
        return r;
    rules.photo = (struct photo_limits){ q.bytes_max, q.pixels_max, 0 };
    rules.photo_side_max = (int)q.photo_side_max;
    rules.photo_bytes_max = q.photo_bytes_max;
    rules.working_side_max = (int)q.working_side_max;
    rules.working_bytes_max = q.working_bytes_max;
    rules.thumb_px = (int)q.thumb_px;
    if ((r = intake_photo(file, &rules, &in, e)) < 0 || (r = op_write(op->out[0], buf_str(&in.png), e)) < 0 ||
        (r = op_write(op->out[1], buf_str(&in.thumb.jpeg), e)) < 0 || (r = op_write(op->out[2], buf_str(&in.photo_jpeg), e)) < 0)
        return r;
    jw_obj(&op->w);
    jw_kz(&op->w, "type", photo_type_name(in.type));
    jw_kint(&op->w, "bytes", (int64_t)file.n);
    jw_kint(&op->w, "width", in.width);
    jw_kint(&op->w, "height", in.height);
    jw_kint(&op->w, "orientation", in.orientation);
    op_tell_file(&op->w, "photo", "image/jpeg", &in.photo, in.photo_jpeg.n);
    op_tell_file(&op->w, "working", "image/png", &in.working, in.png.n);
    op_tell_file(&op->w, "thumb", "image/jpeg", &in.thumb.img, in.thumb.jpeg.n);
    jw_key(&op->w, "faces");
    if (op->vision && q.faces)
        r = face_facts_write(op->vision, &in.working, in.width, in.height, &face_rules, q.who, &op->w, e);
    else
        jw_null(&op->w);
    jw_end_obj(&op->w);
    return r;
}

int op_faces(struct op *op, struct err *e) {
    PIXELS_CLEANUP struct img8 photo = { 0 };
    const struct intake_rules d = INTAKE_RULES_DEFAULT;
    struct vision_rules rules;
    struct params q;
    int w, h, r = read_params(op, faces_fields, &q, &rules, e);
    if (r < 0 || (r = op_read_photo(op->in[0], d.working_side_max, &photo, &w, &h, e)) < 0)
        return r;
    w = q.width ? (int)q.width : w;
    h = q.height ? (int)q.height : h;
    jw_obj(&op->w);
    jw_kint(&op->w, "width", w);
    jw_kint(&op->w, "height", h);
    jw_key(&op->w, "faces");
    r = face_facts_write(op->vision, &photo, w, h, &rules, /* who= */ false, &op->w, e);
    jw_end_obj(&op->w);
    return r;
}
