/*
 * posed.h - for tests: the rules of group portraits that no arrangement may break.
 * Owns: nothing.
 */
#ifndef ZT_MEDIA_POSED_H
#define ZT_MEDIA_POSED_H

#include "media/arrange.h"

/* Fails the test when the group is off the middle, too small or too large, on a staircase, too low or too high, or hangs in the air. */
void posed_check(const struct arrangement *a, const struct arrange_unit *units, float aspect);

#endif
