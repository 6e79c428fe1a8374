/*
 * odd_light.h - how much of a face is lit in a colour that skin never has: by a club's lamps, a screen, a neon sign.
 * Owns: nothing.  Threads: any.  Uses: face.h, similarity.h.
 */
#ifndef ZT_MEDIA_ODD_LIGHT_H
#define ZT_MEDIA_ODD_LIGHT_H

#include "media/face.h"

/*
 * 0..1: the share of the face's skin (inside the mesh's outline, without eyes and lips) whose hue lies outside a wide wedge around
 * every skin tone, tungsten light and sepia; pale pixels count in part, near-grey ones not at all. Reads the mesh's points.
 */
float odd_light(const struct img8 *photo, const struct face *f);

#endif
