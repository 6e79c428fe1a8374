#include "model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of the tables. */
enum { MODEL_OPCODES = 1, MODEL_SUBGRAPHS = 2, MODEL_BUFFERS = 4 };
enum { OPCODE_OLD = 0, OPCODE_NEW = 3 };        /* a byte in old files, an int once there were more than 127 */
enum { SUBGRAPH_TENSORS = 0, SUBGRAPH_INPUTS = 1, SUBGRAPH_OUTPUTS = 2, SUBGRAPH_OPERATORS = 3 };
enum { TENSOR_SHAPE = 0, TENSOR_TYPE = 1, TENSOR_BUFFER = 2 };
enum { OPERATOR_CODE = 0, OPERATOR_INPUTS = 1, OPERATOR_OUTPUTS = 2, OPERATOR_OPTIONS = 4 };

int model_fail(struct model *m, const char *fmt, ...) {
    if (m->error[0])
        return -1;
    va_list args;
    va_start(args, fmt);
    vsnprintf(m->error, sizeof m->error, fmt, args);
    va_end(args);
    return -1;
}

/* ---- tensors ---- */

int64_t shape_count(const struct shape *s) {
    int64_t count = 1;
    for (int i = 0; i < s->n; i++)
        count *= s->d[i];
    return count;
}

static size_t tensor_table(struct model *m, int32_t t) {
    return flat_table_at(&m->in, m->tensors, (uint32_t)t);
}

struct shape tensor_shape(struct model *m, int32_t t) {
    struct shape s = { 0 };
    size_t dims = flat_ref(&m->in, tensor_table(m, t), TENSOR_SHAPE);
    uint32_t n = flat_count(&m->in, dims);
    if (n > SHAPE_DIMS_MAX) {
        model_fail(m, "tensor %d has %u dimensions", t, n);
        return s;
    }
    int64_t count = 1;
    for (uint32_t i = 0; i < n; i++) {
        int32_t d = flat_int_at(&m->in, dims, i);
        if (d < 1 || (count *= d) > MODEL_ELEMENTS_MAX) {
            model_fail(m, "tensor %d has a size out of range", t);
            return (struct shape){ 0 };
        }
        s.d[s.n++] = d;
    }
    return s;
}

static int tensor_type(struct model *m, int32_t t) {
    return flat_byte(&m->in, tensor_table(m, t), TENSOR_TYPE, TENSOR_FLOAT32);
}

/*
 * The stored bytes of a constant tensor, NULL when it is computed by a node.
 * As many as its type (*ret_type) and shape say: anything else is a failure.
 */
static const uint8_t *tensor_constant(struct model *m, int32_t t, int64_t *ret_count, int *ret_type) {
    int32_t source = m->source[t];
    uint32_t buffer = (uint32_t)flat_int(&m->in, tensor_table(m, source), TENSOR_BUFFER, 0);
    if (buffer == 0)        /* by convention the empty one */
        return NULL;
    size_t bytes = 0;
    const uint8_t *p = flat_bytes(&m->in, flat_ref(&m->in, flat_table_at(&m->in, m->buffers, buffer), 0), &bytes);
    if (!p)
        return NULL;
    struct shape shape = tensor_shape(m, t);
    *ret_count = shape_count(&shape);
    *ret_type = tensor_type(m, source);
    if (*ret_type != TENSOR_FLOAT32 && *ret_type != TENSOR_FLOAT16 && *ret_type != TENSOR_INT32) {
        model_fail(m, "constant tensor %d has type %d, which is not supported", t, *ret_type);
        return NULL;
    }
    if (bytes != (size_t)*ret_count * (*ret_type == TENSOR_FLOAT16 ? 2 : 4)) {
        model_fail(m, "constant tensor %d has %zu bytes, its shape says otherwise", t, bytes);
        return NULL;
    }
    return p;
}

/* IEEE 754 binary16 to binary32: exact. */
static float float_of_half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 0) {
        float tiny = ldexpf((float)fraction, -24);
        return sign ? -tiny : tiny;
    }
    uint32_t bits = sign | fraction << 13 | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float *tensor_floats(struct model *m, int32_t t) {
    int64_t count = 0;
    int type = 0;
    const uint8_t *p = tensor_constant(m, t, &count, &type);
    if (!p || type == TENSOR_INT32)
        return NULL;
    float *v = malloc(sizeof *v * (size_t)count);
    if (!v) {
        model_fail(m, "out of memory");
        return NULL;
    }
    if (type == TENSOR_FLOAT32) {
        memcpy(v, p, sizeof *v * (size_t)count);
        return v;
    }
    for (int64_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, p + 2 * i, sizeof half);
        v[i] = float_of_half(half);
    }
    return v;
}

int32_t *tensor_ints(struct model *m, int32_t t, int *ret_n) {
    int64_t count = 0;
    int type = 0;
    const uint8_t *p = tensor_constant(m, t, &count, &type);
    if (!p || type != TENSOR_INT32)
        return NULL;
    int32_t *v = malloc(sizeof *v * (size_t)count);
    if (!v) {
        model_fail(m, "out of memory");
        return NULL;
    }
    memcpy(v, p, sizeof *v * (size_t)count);
    *ret_n = (int)count;
    return v;
}

struct name tensor_value(struct model *m, int32_t t) {
    struct name name;
    snprintf(name.s, sizeof name.s, "v%d", t);
    int64_t count = 0;
    int type = 0;
    const uint8_t *p = m->written[t] ? NULL : tensor_constant(m, t, &count, &type);
    if (!p)
        return name;
    m->written[t] = true;
    struct shape shape = tensor_shape(m, t);
    if (type == TENSOR_INT32) {
        graph_tensor(&m->out, name.s, ONNX_INT32, &shape, p, 4 * (size_t)count);
        return name;
    }
    float *v = tensor_floats(m, t);
    if (v)
        graph_tensor(&m->out, name.s, ONNX_FLOAT, &shape, v, sizeof *v * (size_t)count);
    free(v);
    return name;
}

/* ---- operators ---- */

/* The tensors an operator reads or writes. missing: may some be left out (-1)? */
static int read_values(struct model *m, size_t vector, bool missing, int32_t *ret, int *ret_n) {
    uint32_t n = flat_count(&m->in, vector);
    if (n > OP_VALUES_MAX)
        return model_fail(m, "an operator has %u values", n);
    for (uint32_t i = 0; i < n; i++) {
        ret[i] = flat_int_at(&m->in, vector, i);
        if (ret[i] >= (int64_t)m->tensor_count || ret[i] < (missing ? -1 : 0))
            return model_fail(m, "there is no tensor %d", ret[i]);
    }
    *ret_n = (int)n;
    return 0;
}

static int write_operator(struct model *m, size_t opcodes, size_t table) {
    struct op o = { .options = flat_ref(&m->in, table, OPERATOR_OPTIONS) };
    size_t opcode = flat_table_at(&m->in, opcodes, (uint32_t)flat_int(&m->in, table, OPERATOR_CODE, 0));
    int code = flat_int(&m->in, opcode, OPCODE_NEW, 0);
    if (code == 0)
        code = flat_byte(&m->in, opcode, OPCODE_OLD, 0);
    const struct op_rule *rule = op_rule_find(code);
    if (!rule)
        return model_fail(m, "operator %d is not supported", code);
    if (read_values(m, flat_ref(&m->in, table, OPERATOR_INPUTS), true, o.in, &o.in_count) < 0 ||
        read_values(m, flat_ref(&m->in, table, OPERATOR_OUTPUTS), false, o.out, &o.out_count) < 0)
        return -1;
    if (o.in_count < rule->in_min || o.out_count < 1)
        return model_fail(m, "%s has %d inputs and %d outputs", rule->name, o.in_count, o.out_count);
    for (int i = 0; i < rule->in_min; i++)
        if (o.in[i] < 0)
            return model_fail(m, "%s lacks input %d", rule->name, i);
    o.x = tensor_shape(m, o.in[0]);
    o.y = tensor_shape(m, o.out[0]);
    if (m->error[0] || m->in.bad)
        return -1;
    return rule->write(m, &o) < 0 ? model_fail(m, "%s has a form that is not supported", rule->name) : 0;
}

static int write_sides(struct model *m, size_t subgraph, int field, enum graph_side side) {
    size_t vector = flat_ref(&m->in, subgraph, field);
    int32_t t[OP_VALUES_MAX];
    int n = 0;
    if (read_values(m, vector, false, t, &n) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct shape shape = tensor_shape(m, t[i]);
        graph_side(&m->out, side, tensor_value(m, t[i]).s, &shape);
    }
    return 0;
}

static int write_model(struct model *m) {
    size_t root = flat_root(&m->in), opcodes = flat_ref(&m->in, root, MODEL_OPCODES);
    size_t subgraph = flat_table_at(&m->in, flat_ref(&m->in, root, MODEL_SUBGRAPHS), 0);
    size_t operators = flat_ref(&m->in, subgraph, SUBGRAPH_OPERATORS);
    m->buffers = flat_ref(&m->in, root, MODEL_BUFFERS);
    m->tensors = flat_ref(&m->in, subgraph, SUBGRAPH_TENSORS);
    m->tensor_count = flat_count(&m->in, m->tensors);
    uint32_t operator_count = flat_count(&m->in, operators);
    if (m->in.bad || m->tensor_count == 0 || m->tensor_count > MODEL_TENSORS_MAX || operator_count > MODEL_OPERATORS_MAX)
        return model_fail(m, "this is not a TFLite model of a size that we read");

    m->source = calloc(m->tensor_count, sizeof *m->source);
    m->written = calloc(m->tensor_count, sizeof *m->written);
    if (!m->source || !m->written)
        return model_fail(m, "out of memory");
    for (uint32_t i = 0; i < m->tensor_count; i++)
        m->source[i] = (int32_t)i;
    for (uint32_t i = 0; i < operator_count && !graph_failed(&m->out); i++)
        if (write_operator(m, opcodes, flat_table_at(&m->in, operators, i)) < 0 || m->in.bad || m->error[0])
            return model_fail(m, "the file points outside itself");
    if (write_sides(m, subgraph, SUBGRAPH_INPUTS, GRAPH_INPUT) < 0 || write_sides(m, subgraph, SUBGRAPH_OUTPUTS, GRAPH_OUTPUT) < 0)
        return -1;
    return m->in.bad ? model_fail(m, "the file points outside itself") : 0;
}

int model_convert(const uint8_t *p, size_t n, struct bytes *ret_onnx, char *ret_error) {
    struct model m = { .in = { .p = p, .n = n } };
    int r = write_model(&m);
    struct bytes onnx = { 0 };
    if (graph_finish(&m.out, &onnx) < 0)
        r = model_fail(&m, "the ONNX model would be over %zu bytes", GRAPH_BYTES_MAX);
    if (m.error[0])
        r = -1;
    if (r < 0) {
        free(onnx.p);
        memcpy(ret_error, m.error, sizeof m.error);
    } else {
        *ret_onnx = onnx;
    }
    free(m.source);
    free(m.written);
    return r;
}
