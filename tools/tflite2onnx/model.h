/*
 * model.h - a TFLite model while it is being turned into an ONNX graph.
 * Tensors are numbered as in the file; tensor 7 is the ONNX value "v7". Pictures stay NHWC between nodes, as TFLite
 * has them, and are transposed around the nodes that want NCHW: slow to read, but ONNX Runtime removes the pairs.
 * Source: the TFLite schema, version 3, read 2026-11-20.
 */
#ifndef TFLITE2ONNX_MODEL_H
#define TFLITE2ONNX_MODEL_H

#include "flat.h"
#include "graph.h"

#define MODEL_TENSORS_MAX 65536
#define MODEL_OPERATORS_MAX 65536
#define MODEL_ELEMENTS_MAX (1 << 26)    /* of one tensor */
#define OP_VALUES_MAX 32                /* inputs or outputs of one operator */

enum tensor_type { TENSOR_FLOAT32 = 0, TENSOR_FLOAT16 = 1, TENSOR_INT32 = 2 };

struct model {
    struct flat in;
    size_t tensors, buffers;            /* vectors */
    uint32_t tensor_count;
    int32_t *source;                    /* [tensor_count] whose bytes a tensor has: itself, or what DEQUANTIZE read */
    bool *written;                      /* [tensor_count] its constant is in the graph already */
    struct graph out;
    char error[160];                    /* the first thing that went wrong; "" = nothing */
};

/* One operator of the file. Every number in in[] and out[] is a tensor of the model, or -1: an optional input left out. */
struct op {
    size_t options;                     /* table */
    int in_count, out_count;
    int32_t in[OP_VALUES_MAX], out[OP_VALUES_MAX];
    struct shape x, y;                  /* of the first input and output */
};

/* How to write operator `code` of TFLite. */
struct op_rule {
    int code;                           /* BuiltinOperator */
    const char *name;                   /* in TFLite */
    int in_min;                         /* inputs that must be there */
    int (*write)(struct model *m, const struct op *o);
};
const struct op_rule *op_rule_find(int code);

/* Note what is wrong, unless something was wrong before. Always -1. */
int model_fail(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The shape of a tensor; 0 dimensions for a scalar, and after a failure. */
struct shape tensor_shape(struct model *m, int32_t t);
int64_t shape_count(const struct shape *s);

/* The ONNX value of a tensor. A constant is written to the graph the first time. t must not be -1. */
struct name tensor_value(struct model *m, int32_t t);

/* Copies of constants, which the caller frees; NULL after a failure, when not a constant, or of another type. */
float *tensor_floats(struct model *m, int32_t t);
int32_t *tensor_ints(struct model *m, int32_t t, int *ret_n);

/*
 * Convert the n bytes at p, which nobody has checked. 0 and *ret_onnx (the caller frees ret_onnx->p),
 * or -1 and ret_error[160].
 */
int model_convert(const uint8_t *p, size_t n, struct bytes *ret_onnx, char *ret_error);

#endif
