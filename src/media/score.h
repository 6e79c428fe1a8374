/*
 * score.h - is this picture fit to be shown? Everybody there, still themselves, cleanly cut, in one light.
 * Owns: nothing.  Threads: any.  Uses: face.h, cutout.h, compose.h, base/json.h.
 */
#ifndef ZT_MEDIA_SCORE_H
#define ZT_MEDIA_SCORE_H

#include "media/compose.h"

struct score {
    int people, faces;                 /* wanted, found */
    float identity[VISION_PEOPLE_MAX]; /* cosine of each person to their own photo; -1 when not found */
    float margin[VISION_PEOPLE_MAX];   /* that minus the cosine to the most similar other person given; 2 when alone */
    float edge, light;                 /* 0..1 */
    float cut_shown;                   /* heads of unnatural outline in sight */
    float floating, outside, head_out; /* the worst of each: see arrange.h */
    float total;                       /* 0..1 */
    bool failed[COMPOSE_CHECKS];
};

/* As JSON and back: the report travels from the child that composed to the one that scores. */
void score_report_write(const struct compose_report *r, struct buf *out);
int score_report_read(struct str json, struct compose_report *ret_r, struct err *e);

/*
 * found: faces of the finished picture with embeddings, n_found of them. Pure.
 * Each found face belongs to the person whose place it stands at. A face at nobody's place is one too many, unless the empty scene
 * had one there.
 */
void score_judge(const struct layer *layers, int n, const struct compose_report *r, const struct face *found, int n_found,
                 struct score *ret_s);
void score_write(const struct score *s, struct buf *out);

#endif
