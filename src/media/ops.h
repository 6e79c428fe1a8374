/*
 * ops.h - the table of operations (ops.def) as both sides see it; names, descriptors, needs.
 * Owns: nothing.  Threads: any.  Links no media library.
 */
#ifndef ZT_MEDIA_OPS_H
#define ZT_MEDIA_OPS_H

#include "base/str.h"

enum { OP_VISION = 1 << 0, OP_LIGHT = 1 << 1, OP_TEST = 1 << 2 };

enum media_op {
#define MEDIA_OP(name, in_min, in_max, out_min, out_max, needs) MEDIA_OP_##name,
#include "media/ops.def"
#undef MEDIA_OP
    MEDIA_OP_COUNT
};

struct media_op_row {
    const char *name;
    size_t      in_min, in_max, out_min, out_max;    /* descriptors */
    unsigned    needs;                               /* OP_* */
};
extern const struct media_op_row media_ops[MEDIA_OP_COUNT];

/* The number of an operation, or -1 when there is none of that name. */
int media_op_find(const char *name);
/* True when so many descriptors fit the operation. op: any number. */
bool media_op_takes(int op, size_t n_in, size_t n_out);

#endif
