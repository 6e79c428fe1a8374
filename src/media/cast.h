/*
 * cast.h - the colour that light has left on skin.
 * Owns: nothing.  Threads: any.  Uses: pic.h, filter.h.
 *
 * Skin under white light lies near a line: melanin moves it towards red and away from blue together. How far a skin colour lies
 * off that line says what colour the light had, which nothing else in a photo of a stranger does.
 */
#ifndef ZT_MEDIA_CAST_H
#define ZT_MEDIA_CAST_H

#include "media/pic.h"

enum { CAST_RG, CAST_BG };

/*
 * The cast on skin of this linear colour: how far its log R/G and log B/G lie off the line of human skin under white light,
 * beyond what people differ by themselves.
 */
void cast_of_skin(const float skin[3], float ret_cast[2]);

/*
 * Makes light of several colours one: a face half in purple, half in orange. In place on srgb. skin: probability that a pixel is
 * this person's skin. Only strong differences are touched; what colour the light has on the whole is light.h's business.
 */
void cast_even(struct pic *srgb, const struct plane *skin, float head_px);

#endif
