/*
 * failpoint.h - places where tests make the world end or fail.
 * A spec is "name=action[:after=N][,...]": kill raises SIGKILL on ourselves, exit leaves by _exit(77), enospc and eio make the
 * place fail with that errno; N hits pass first, every later one acts. Unarmed, a point costs one relaxed load.
 * The name "*" is every point, and its hits are numbered from 1 since it was armed: "*=list" says each of them in one line on fd 2
 * (ev failpoint.hit, n, at), "*=kill:after=N" dies at hit N+1 and says so first. So a dry run finds the places where a scenario can die.
 * ZOETROPE_FAILPOINT holds the spec at start. ZOETROPE_FAILPOINT_FILE names a file with a spec that is read at start (when the
 * first is not set) and again at each SIGUSR2, so that a test can arm, re-arm or (empty file) disarm a running server; each
 * reading is said in one line on fd 2.
 * Threads: any.
 */
#ifndef ZT_BASE_FAILPOINT_H
#define ZT_BASE_FAILPOINT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Every point, once: FAILPOINT(id, "room.place"). */
enum failpoint {
#define FAILPOINT(id, name) FP_##id,
#include "failpoints.def"
#undef FAILPOINT
    FP__COUNT
};

extern atomic_bool failpoint_armed;
/* 0, or -1 with errno set when the point is armed to fail; does not return when armed to kill or exit. */
int failpoint_hit_(enum failpoint fp);
static inline int failpoint_hit(enum failpoint fp) {
    return __builtin_expect(atomic_load_explicit(&failpoint_armed, memory_order_relaxed), 0) ? failpoint_hit_(fp) : 0;
}
/* Replaces whatever was armed; an empty spec disarms. ERR_CONFIG: unknown point or action, nothing is armed then. */
int failpoint_arm(struct str spec, struct err *e);
int failpoint_setup(struct err *e);            /* once at start: the two environment variables above */
const char *failpoint_name(enum failpoint fp);

#endif
