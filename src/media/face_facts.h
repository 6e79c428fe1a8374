/*
 * face_facts.h - the faces of a photo as the JSON that ops.def promises.
 * Owns: nothing.  Threads: as struct vision.
 */
#ifndef ZT_MEDIA_FACE_FACTS_H
#define ZT_MEDIA_FACE_FACTS_H

#include "base/json.h"
#include "media/studio_ops.h"

/* Parameter "rules" over the defaults. obj NULL: the defaults. */
int face_facts_rules(const json_t *obj, struct arena *a, struct vision_rules *ret, struct err *e);
/* Appends the array. photo: what is looked at; width, height: of the upright original, whose pixels the numbers are given in.
 * who: adds whose face each is. */
int face_facts_write(struct vision *v, const struct img8 *photo, int width, int height, const struct vision_rules *rules, bool who, struct jw *w, struct err *e);

#endif
