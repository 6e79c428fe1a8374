/*
 * op.h - one operation as it runs inside the sandboxed child: parameters and descriptors in, JSON and bytes out.
 * Owns: nothing; what an operation allocates in op->arena dies with the child.
 * Used by: child.c.  The words of parameters and results are in ops.def.
 */
#ifndef ZT_MEDIA_OP_H
#define ZT_MEDIA_OP_H

#include "base/json.h"
#include "media/image.h"
#include "media/ops.h"

struct vision;

struct op {
    struct vision *vision;                          /* NULL when the models are missing */
    struct arena  *arena;
    json_t        *params;                          /* object, borrowed */
    const int     *in, *out;
    size_t         n_in, n_out;
    struct buf    *result;                          /* gets one JSON object */
    struct jw      w;                               /* writes to it */
};

/* 0 or ERR_*; e holds the detail. One per line of ops.def. */
#define MEDIA_OP(name, in_min, in_max, out_min, out_max, needs) int op_##name(struct op *op, struct err *e);
#include "media/ops.def"
#undef MEDIA_OP

/* ---- shared by the operations ---- */

/* All bytes of a descriptor, from its start; of a length known when it is called. They live as long as the process. Over max: ERR_IMAGE_TOO_LARGE. */
int op_read(int fd, size_t max, struct str *ret, struct err *e);
/* Replaces what the descriptor holds. ERR_DISK_FULL, ERR_IO. */
int op_write(int fd, struct str bytes, struct err *e);
/* {"type", "width", "height", "bytes"} under key. */
void op_tell_file(struct jw *w, const char *key, const char *type, const struct img8 *img, size_t bytes);
/* A photo of any accepted kind, upright sRGB, longer side at most side_max_px. *ret_w, *ret_h (or NULL): upright original. */
int op_read_photo(int fd, int side_max_px, struct img8 *ret, int *ret_w, int *ret_h, struct err *e);

#endif
