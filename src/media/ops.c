/*
 * ops.c - the table of operations.
 */
#include "media/ops.h"

const struct media_op_row media_ops[MEDIA_OP_COUNT] = {
#define MEDIA_OP(name, in_min, in_max, out_min, out_max, needs) { #name, in_min, in_max, out_min, out_max, needs },
#include "media/ops.def"
#undef MEDIA_OP
};

int media_op_find(const char *name) {
    for (int i = 0; i < MEDIA_OP_COUNT; i++) {
        if (strcmp(media_ops[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool media_op_takes(int op, size_t n_in, size_t n_out) {
    if (op < 0 || op >= MEDIA_OP_COUNT)
        return false;
    const struct media_op_row *row = &media_ops[op];
    return n_in >= row->in_min && n_in <= row->in_max && n_out >= row->out_min && n_out <= row->out_max;
}
