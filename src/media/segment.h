/*
 * segment.h - which pixels of a photo are this person, and how much of each.
 * Owns: the planes of struct segment.  Threads: as the models.  Uses: body.h, face.h, filter.h, ort.h.
 *
 * Two models that fail differently are combined. Multiclass selfie segmentation (background, hair, skin, face, clothes, things
 * worn) knows what is a person and what is a sofa, but at 256 pixels, and loses dark or grey clothes. MODNet sees single hairs,
 * but keeps furniture and eats dark clothes. So the first says where body and background certainly are, except where the second
 * is sure of one piece with a body and a trunk is to be expected there (body.h); then the second only fills in the seam between
 * them, and only where it agrees with the first on both sides of it. People who touch are told apart by who is nearer along paths
 * that avoid edges, other people's colours and the room below other people's heads (split.h). What is left is closed and made one
 * piece.
 */
#ifndef ZT_MEDIA_SEGMENT_H
#define ZT_MEDIA_SEGMENT_H

#include "media/body.h"
#include "media/face.h"
#include "media/pic.h"

struct segment_models {
    struct ort_session *matte, *parts; /* borrowed: MODNet, selfie multiclass 256 */
};

enum part { PART_BACKGROUND, PART_HAIR, PART_BODY, PART_FACE, PART_CLOTHES, PART_WORN, PARTS };

struct segment {
    struct rectf roi;         /* the part of the photo that was looked at, px of the photo, whole numbers */
    float scale;              /* pixels here per pixel of the photo */
    struct pic rgb;           /* that part, sRGB */
    struct plane alpha;       /* 0..1, this person only */
    struct plane matte;       /* 0..1, what MODNet sees in front: people, and things near them */
    struct plane part[PARTS]; /* probabilities, all people */
    struct plane mine;        /* 0..1, of what is person here: how much is this one, not a neighbour */
    float scraps, holes;      /* body_one_piece(), body_close() */
};

/*
 * faces: everyone in the photo; who: the one wanted. Result pixels: head_px_max at most per head, side_max per side.
 * ERR_FACE_UNSURE when no person can be told from the background around that face.
 */
int segment_person(const struct segment_models *m, const struct img8 *photo, const struct face *faces, int n, int who,
                   float head_px_max, int side_max, struct segment *ret_s, struct err *e);
void segment_done(struct segment *s);

/* Where in the segment this face's body hangs. */
static inline struct body segment_body(const struct segment *s, const struct face *f) {
    return (struct body){ ((f->point[FACE_SIDE_L][0] + f->point[FACE_SIDE_R][0]) / 2 - s->roi.x0) * s->scale,
                          (f->point[FACE_CHIN][1] - s->roi.y0) * s->scale, f->head_px * s->scale };
}

/* ---- parts, exposed for their tests ---- */

/*
 * Fusion of the two models. sure: 1 - background of the multiclass model; hair: its hair; matte: MODNet. band_px: half width of
 * the seam at clothes; at hair it is three times as wide. The result is 1 inside, 0 outside, matte in the seam where it can be
 * trusted.
 */
struct plane segment_fuse(const struct plane *sure, const struct plane *hair, const struct plane *matte, const struct pic *rgb,
                          float band_px);

#endif
