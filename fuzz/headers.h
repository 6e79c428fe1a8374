/* headers.h - a handful of headers, found by name in any case: what the rooms that judge messages ask for. */
#ifndef ZT_FUZZ_HEADERS_H
#define ZT_FUZZ_HEADERS_H

#include "base/str.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

struct fuzz_headers { struct { const char *name; struct str value; } of[6]; };
static inline struct str fuzz_header(const void *from, const char *name) {
    const struct fuzz_headers *h = from;
    for (size_t i = 0; i < COUNT(h->of) && h->of[i].name; i++)
        if (str_ieq(str_z(h->of[i].name), str_z(name)))
            return h->of[i].value;
    return STR_NULL;
}

#endif
