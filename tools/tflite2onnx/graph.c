#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- protobuf ---- */

enum wire { VARINT = 0, LENGTH = 2 };

static void put(struct bytes *b, const void *p, size_t n) {
    if (b->failed || n == 0)
        return;
    if (n > GRAPH_BYTES_MAX - b->n) {
        b->failed = true;
        return;
    }
    if (b->n + n > b->cap) {
        size_t cap = (b->n + n) * 2 + 64;
        uint8_t *grown = realloc(b->p, cap);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->p = grown;
        b->cap = cap;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_varint(struct bytes *b, uint64_t v) {
    uint8_t out[10];
    size_t n = 0;
    do {
        out[n] = v & 127;
        v >>= 7;
        if (v)
            out[n] |= 128;
        n++;
    } while (v);
    put(b, out, n);
}

static void put_int(struct bytes *b, int field, int64_t v) {
    put_varint(b, (uint64_t)field << 3 | VARINT);
    put_varint(b, (uint64_t)v);
}

static void put_raw(struct bytes *b, int field, const void *p, size_t n) {
    put_varint(b, (uint64_t)field << 3 | LENGTH);
    put_varint(b, n);
    put(b, p, n);
}

static void put_text(struct bytes *b, int field, const char *s) {
    put_raw(b, field, s, strlen(s));
}

/* Put message m into b and give its memory back. */
static void put_message(struct bytes *b, int field, struct bytes *m) {
    b->failed |= m->failed;
    put_raw(b, field, m->p, m->n);
    free(m->p);
    *m = (struct bytes){ 0 };
}

/* ---- values and constants ---- */

static struct name numbered(const char *prefix, int *counter) {
    struct name name;
    snprintf(name.s, sizeof name.s, "%s_%d", prefix, (*counter)++);
    return name;
}

struct name graph_value(struct graph *g) {
    return numbered("t", &g->value_count);
}

void graph_tensor(struct graph *g, const char *name, enum onnx_type type, const struct shape *shape, const void *raw, size_t raw_n) {
    enum { TENSORS = 5, DIMS = 1, DATA_TYPE = 2, NAME = 8, RAW_DATA = 9 };
    struct bytes t = { 0 };
    for (int i = 0; i < shape->n; i++)
        put_int(&t, DIMS, shape->d[i]);
    put_int(&t, DATA_TYPE, type);
    put_text(&t, NAME, name);
    put_raw(&t, RAW_DATA, raw, raw_n);
    put_message(&g->tensors, TENSORS, &t);
}

struct name graph_ints(struct graph *g, const int64_t *v, int n) {
    struct name name = numbered("ci", &g->ints_count);
    graph_tensor(g, name.s, ONNX_INT64, &(struct shape){ 1, { n } }, v, sizeof *v * (size_t)n);
    return name;
}

struct name graph_float(struct graph *g, float v) {
    struct name name = numbered("cf", &g->float_count);
    graph_tensor(g, name.s, ONNX_FLOAT, &(struct shape){ 0 }, &v, sizeof v);
    return name;
}

/* ---- nodes ---- */

enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTR_NAME = 1, ATTR_INT = 3, ATTR_TEXT = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { TYPE_INT = 2, TYPE_TEXT = 3, TYPE_INTS = 7 };

void node_in(struct node *n, const char *value) {
    put_text(&n->b, NODE_INPUT, value);
}

void node_out(struct node *n, const char *value) {
    put_text(&n->b, NODE_OUTPUT, value);
}

void node_op(struct graph *g, struct node *n, const char *op) {
    char name[64];
    snprintf(name, sizeof name, "%s_%d", op, g->node_count++);
    put_text(&n->b, NODE_NAME, name);
    put_text(&n->b, NODE_OP, op);
}

void node_attr_int(struct node *n, const char *key, int64_t v) {
    struct bytes a = { 0 };
    put_text(&a, ATTR_NAME, key);
    put_int(&a, ATTR_INT, v);
    put_int(&a, ATTR_TYPE, TYPE_INT);
    put_message(&n->b, NODE_ATTRIBUTE, &a);
}

void node_attr_ints(struct node *n, const char *key, const int64_t *v, int count) {
    struct bytes a = { 0 };
    put_text(&a, ATTR_NAME, key);
    for (int i = 0; i < count; i++)
        put_int(&a, ATTR_INTS, v[i]);
    put_int(&a, ATTR_TYPE, TYPE_INTS);
    put_message(&n->b, NODE_ATTRIBUTE, &a);
}

void node_attr_text(struct node *n, const char *key, const char *v) {
    struct bytes a = { 0 };
    put_text(&a, ATTR_NAME, key);
    put_text(&a, ATTR_TEXT, v);
    put_int(&a, ATTR_TYPE, TYPE_TEXT);
    put_message(&n->b, NODE_ATTRIBUTE, &a);
}

void node_end(struct graph *g, struct node *n) {
    enum { GRAPH_NODE = 1 };
    put_message(&g->nodes, GRAPH_NODE, &n->b);
}

/* ---- the whole ---- */

void graph_side(struct graph *g, enum graph_side side, const char *name, const struct shape *shape) {
    enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1 };
    struct bytes dims = { 0 }, tensor = { 0 }, type = { 0 }, value = { 0 };
    for (int i = 0; i < shape->n; i++) {
        struct bytes dim = { 0 };
        put_int(&dim, DIM_VALUE, shape->d[i]);
        put_message(&dims, SHAPE_DIM, &dim);
    }
    put_int(&tensor, TENSOR_ELEMENT, ONNX_FLOAT);
    put_message(&tensor, TENSOR_SHAPE, &dims);
    put_message(&type, TYPE_TENSOR, &tensor);
    put_text(&value, VALUE_NAME, name);
    put_message(&value, VALUE_TYPE, &type);
    put_message(&g->sides, (int)side, &value);
}

bool graph_failed(const struct graph *g) {
    return g->nodes.failed || g->tensors.failed || g->sides.failed;
}

int graph_finish(struct graph *g, struct bytes *ret) {
    enum { GRAPH_NAME = 2, IR_VERSION = 1, PRODUCER = 2, MODEL_GRAPH = 7, OPSET = 8, OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
    struct bytes all = g->nodes, model = { 0 }, opset = { 0 };
    put_text(&all, GRAPH_NAME, "tflite");
    all.failed |= g->tensors.failed | g->sides.failed;
    put(&all, g->tensors.p, g->tensors.n);
    put(&all, g->sides.p, g->sides.n);
    free(g->tensors.p);
    free(g->sides.p);
    *g = (struct graph){ 0 };

    put_int(&model, IR_VERSION, 7);
    put_text(&model, PRODUCER, "tflite2onnx.c");
    put_text(&opset, OPSET_DOMAIN, "");
    put_int(&opset, OPSET_VERSION, 13);
    put_message(&model, MODEL_GRAPH, &all);
    put_message(&model, OPSET, &opset);
    if (model.failed) {
        free(model.p);
        return -1;
    }
    *ret = model;
    return 0;
}
