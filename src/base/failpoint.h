/*
 * failpoint.h - places where tests make the world end or fail.
 * ZOETROPE_FAILPOINT="name=kill|exit|enospc|eio[:after=N][,...]" arms them; unarmed, a point costs one relaxed load.
 * Names are "room.place", listed by failpoint_names() so that the crash matrix can walk over all of them.
 * Threads: any.
 */
#ifndef ZT_BASE_FAILPOINT_H
#define ZT_BASE_FAILPOINT_H

#include <stdbool.h>

/* Every point, once: FAILPOINT(id, "room.place"). */
enum failpoint {
#define FAILPOINT(id, name) FP_##id,
#include "failpoints.def"
#undef FAILPOINT
    FP__COUNT
};
extern bool failpoint_armed;
/* 0, or -1 with errno set when the point is armed to fail; does not return when armed to kill. */
int failpoint_hit_(enum failpoint fp);
static inline int failpoint_hit(enum failpoint fp) { return __builtin_expect(failpoint_armed, 0) ? failpoint_hit_(fp) : 0; }
void failpoint_setup(const char *spec);        /* once, from the environment */
const char *failpoint_name(enum failpoint fp);

#endif
