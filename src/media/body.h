/*
 * body.h - what a body must look like, whatever the models say: shoulders below a head, one piece, no holes in it.
 * Owns: results are planes the caller owns.  Threads: any.  Uses: pic.h, filter.h.
 *
 * Lengths in pixels of the planes given, places by the head: a body hangs below it.
 */
#ifndef ZT_MEDIA_BODY_H
#define ZT_MEDIA_BODY_H

#include "media/pic.h"

struct body {
    float x, chin, head; /* px: middle of the face, lower end of the chin, chin to crown */
};

/* How likely a place belongs to the trunk under this head, 0..1: a neck, then shoulders, down to the hips. */
float body_prior(const struct body *b, float x, float y);

/*
 * Two models that disagree, decided by the body's shape: where the matte is solid, in one piece with what is surely this body,
 * and a trunk is to be expected, sure becomes what the matte says. In place on sure. Grey and dark photos lose a shoulder
 * otherwise.
 */
void body_vote(struct plane *sure, const struct plane *matte, const struct body *b);

/*
 * Closes what is open inside of the body, in place on alpha. A gap between an arm and the trunk shows what is behind people and
 * stays open; anything else is cloth that no model saw. rgb: the photo; person: 0..1, anybody. The lower edge of the planes
 * counts as closed. Returns what was closed though no model saw a person there, as a share of the body.
 */
float body_close(struct plane *alpha, const struct pic *rgb, const struct plane *person, const struct body *b);

/*
 * Takes off, in place on alpha, whatever does not hang on head or chest by more than a thread. keep: where head and chest are,
 * > 0.5. Returns what was taken off, as a share of the body.
 */
float body_one_piece(struct plane *alpha, const struct plane *keep, const struct body *b);

#endif
