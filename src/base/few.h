/*
 * few.h - a handful of ids that one thread leaves for another, to look at them soon: when there are more than fit, it is all of them.
 * Not locked; who shares one brings the lock.  Used by: engine/, task/.
 */
#ifndef ZT_BASE_FEW_H
#define ZT_BASE_FEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEW_MAX 64
struct few {
    int64_t ids[FEW_MAX];
    size_t  n;                         /* over FEW_MAX: too many to name. { 0 } is none */
};

static inline void few_add(struct few *f, int64_t id) {
    if (f->n < FEW_MAX)
        f->ids[f->n] = id;
    f->n += f->n <= FEW_MAX;
}

static inline bool few_has(const struct few *f, int64_t id) {
    for (size_t i = 0; i < f->n && i < FEW_MAX; i++)
        if (f->ids[i] == id)
            return true;
    return f->n > FEW_MAX;
}

#endif
