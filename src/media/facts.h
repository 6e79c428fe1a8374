/*
 * facts.h - what a cut-out person is like: where head, shoulders and body lie, how the light fell, who stands beside them.
 * Owns: nothing.  Threads: any.  Uses: segment.h, layer.h.
 */
#ifndef ZT_MEDIA_FACTS_H
#define ZT_MEDIA_FACTS_H

#include "media/layer.h"
#include "media/segment.h"

/* Fills shape, skin, light and range of *f from a segment. f comes from layer_facts_init(). */
void facts_measure(const struct segment *s, const struct face *face, struct layer_facts *f);
/* Fills the neighbours; cut is the cut map. */
void facts_measure_neighbours(const struct segment *s, const struct face *faces, int n, int who, const struct plane *cut,
                              struct layer_facts *f);
/*
 * Fills scraps, holes and floating, and marks in cut (255) where the body's lower end stops in mid-air. After facts_measure().
 */
void facts_measure_flaws(const struct segment *s, struct plane *cut, struct layer_facts *f);
/* 0, or ERR_BODY_UNSURE: a shoulder is missing, or all that is left hangs in mid-air. After all else, before facts_shift(). */
int facts_check_body(const struct segment *s, const struct plane *cut, const struct layer_facts *f, struct err *e);
/* From the whole segment to the part b of it: places move, w and h become b's. */
void facts_shift(struct layer_facts *f, struct box b);

#endif
