/*
 * planted.h - bugs on purpose, so that it is seen that the crash matrix would find them. See planted.def.
 * Without -Dplanted=true planted() is a constant: the compiler drops the bug, and no name of it is in the program.
 * Threads: any.
 */
#ifndef ZT_BASE_PLANTED_H
#define ZT_BASE_PLANTED_H

#include <stdbool.h>

enum planted {
#define PLANTED(id, name) PLANTED_##id,
#include "planted.def"
#undef PLANTED
    PLANTED__COUNT
};

#ifdef ZT_PLANTED
bool planted(enum planted bug);        /* ZOETROPE_PLANTED names it */
#else
static inline bool planted(enum planted bug) { return false; }
#endif

#endif
