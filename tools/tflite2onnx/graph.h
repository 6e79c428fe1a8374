/*
 * graph.h - write an ONNX model (opset 13, IR 7) as protobuf bytes.
 * A failure (over GRAPH_BYTES_MAX, out of memory) is sticky: later calls do nothing and graph_finish() says so.
 * Source: onnx.proto3 of ONNX 1.8, read 2026-11-20.
 */
#ifndef TFLITE2ONNX_GRAPH_H
#define TFLITE2ONNX_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_BYTES_MAX ((size_t)256 << 20)
#define SHAPE_DIMS_MAX 8

struct bytes { uint8_t *p; size_t n, cap; bool failed; };      /* owned */
struct shape { int n; int64_t d[SHAPE_DIMS_MAX]; };
struct name { char s[16]; };                                    /* of a value */

enum onnx_type { ONNX_FLOAT = 1, ONNX_INT32 = 6, ONNX_INT64 = 7 };
enum graph_side { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };        /* field numbers of GraphProto */

struct graph {
    struct bytes nodes, tensors, sides;
    int node_count, value_count, ints_count, float_count;      /* for names that are used once */
};

struct node { struct bytes b; };

/* A name for a value between two nodes. */
struct name graph_value(struct graph *g);

/* Constants. raw is borrowed: count elements of the type, little-endian. */
void graph_tensor(struct graph *g, const char *name, enum onnx_type type, const struct shape *shape, const void *raw, size_t raw_n);
struct name graph_ints(struct graph *g, const int64_t *v, int n);
struct name graph_float(struct graph *g, float v);

/* One node: its inputs ("" skips an optional one), outputs, operator and attributes, in this order; then node_end(). */
void node_in(struct node *n, const char *value);
void node_out(struct node *n, const char *value);
void node_op(struct graph *g, struct node *n, const char *op);
void node_attr_int(struct node *n, const char *key, int64_t v);
void node_attr_ints(struct node *n, const char *key, const int64_t *v, int count);
void node_attr_text(struct node *n, const char *key, const char *v);
void node_end(struct graph *g, struct node *n);                 /* n is empty afterwards */

/* An input or output of the whole graph: always float. */
void graph_side(struct graph *g, enum graph_side side, const char *name, const struct shape *shape);

/* Has a failure happened? For stopping early. */
bool graph_failed(const struct graph *g);

/* Put everything together. The caller frees ret->p. 0, or -1 after a failure. Leaves *g empty either way. */
int graph_finish(struct graph *g, struct bytes *ret);

#endif
