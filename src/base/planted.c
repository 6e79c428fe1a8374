/* planted.c - which bug is switched on; nothing of it in a build without -Dplanted=true. */
#include "base/planted.h"

#ifdef ZT_PLANTED
#include <stdlib.h>
#include <string.h>

static const char *const names[PLANTED__COUNT] = {
#define PLANTED(id, name) name,
#include "planted.def"
#undef PLANTED
};

bool planted(enum planted bug) {
    const char *want = getenv("ZOETROPE_PLANTED");
    return want && strcmp(want, names[bug]) == 0;
}
#endif
