/*
 * ops.c - one function per kind of TFLite operator, and the table of them at the end.
 * Supported is what the five models of tools/manifest.tsv use and no more: every form here has been run against pictures.
 */
#include "model.h"

#include <limits.h>
#include <stdlib.h>

enum activation { ACT_NONE = 0, ACT_RELU = 1, ACT_RELU_N1_TO_1 = 2, ACT_RELU6 = 3, ACT_TANH = 4 };
enum padding { PADDING_SAME = 0, PADDING_VALID = 1 };

static const int64_t to_nchw[] = { 0, 3, 1, 2 }, to_nhwc[] = { 0, 2, 3, 1 };

/* ---- small graphs ---- */

static void write_unary(struct model *m, const char *op, struct name x, struct name y) {
    struct node n = { 0 };
    node_in(&n, x.s);
    node_out(&n, y.s);
    node_op(&m->out, &n, op);
    node_end(&m->out, &n);
}

static void write_binary(struct model *m, const char *op, struct name a, struct name b, struct name y) {
    struct node n = { 0 };
    node_in(&n, a.s);
    node_in(&n, b.s);
    node_out(&n, y.s);
    node_op(&m->out, &n, op);
    node_end(&m->out, &n);
}

static void write_transpose(struct model *m, struct name x, struct name y, const int64_t *order, int n_dims) {
    struct node n = { 0 };
    node_in(&n, x.s);
    node_out(&n, y.s);
    node_op(&m->out, &n, "Transpose");
    node_attr_ints(&n, "perm", order, n_dims);
    node_end(&m->out, &n);
}

static void write_reshape(struct model *m, struct name x, struct name y, const struct shape *shape) {
    write_binary(m, "Reshape", x, graph_ints(&m->out, shape->d, shape->n), y);
}

static void write_clip(struct model *m, struct name x, float low, float high, struct name y) {
    struct name low_name = graph_float(&m->out, low), high_name = graph_float(&m->out, high);
    struct node n = { 0 };
    node_in(&n, x.s);
    node_in(&n, low_name.s);
    node_in(&n, high_name.s);
    node_out(&n, y.s);
    node_op(&m->out, &n, "Clip");
    node_end(&m->out, &n);
}

static void write_activation(struct model *m, int activation, struct name x, struct name y) {
    switch (activation) {
    case ACT_NONE: write_unary(m, "Identity", x, y); return;
    case ACT_RELU: write_unary(m, "Relu", x, y); return;
    case ACT_RELU_N1_TO_1: write_clip(m, x, -1, 1, y); return;
    case ACT_RELU6: write_clip(m, x, 0, 6, y); return;
    case ACT_TANH: write_unary(m, "Tanh", x, y); return;
    default: model_fail(m, "activation %d is not supported", activation);
    }
}

/* The picture in tensor t, as NCHW. */
static struct name nchw_value(struct model *m, int32_t t) {
    struct name x = tensor_value(m, t), y = graph_value(&m->out);
    write_transpose(m, x, y, to_nchw, 4);
    return y;
}

/* The activation of a node in NCHW, then back to NHWC and into output y. */
static void write_tail(struct model *m, int activation, struct name x, int32_t y) {
    if (activation != ACT_NONE) {
        struct name active = graph_value(&m->out);
        write_activation(m, activation, x, active);
        x = active;
    }
    write_transpose(m, x, tensor_value(m, y), to_nhwc, 4);
}

static int option_int(struct model *m, const struct op *o, int id, int otherwise) {
    return flat_int(&m->in, o->options, id, otherwise);
}

static int option_byte(struct model *m, const struct op *o, int id) {
    return flat_byte(&m->in, o->options, id, 0);
}

/* ---- one value in, one value out ---- */

static int write_logistic(struct model *m, const struct op *o) {
    write_unary(m, "Sigmoid", tensor_value(m, o->in[0]), tensor_value(m, o->out[0]));
    return 0;
}

static int write_relu(struct model *m, const struct op *o) {
    write_unary(m, "Relu", tensor_value(m, o->in[0]), tensor_value(m, o->out[0]));
    return 0;
}

static int write_neg(struct model *m, const struct op *o) {
    write_unary(m, "Neg", tensor_value(m, o->in[0]), tensor_value(m, o->out[0]));
    return 0;
}

static int write_sqrt(struct model *m, const struct op *o) {
    write_unary(m, "Sqrt", tensor_value(m, o->in[0]), tensor_value(m, o->out[0]));
    return 0;
}

static int write_rsqrt(struct model *m, const struct op *o) {
    struct name root = graph_value(&m->out);
    write_unary(m, "Sqrt", tensor_value(m, o->in[0]), root);
    write_unary(m, "Reciprocal", root, tensor_value(m, o->out[0]));
    return 0;
}

static int write_softmax(struct model *m, const struct op *o) {
    struct node n = { 0 };
    node_in(&n, tensor_value(m, o->in[0]).s);
    node_out(&n, tensor_value(m, o->out[0]).s);
    node_op(&m->out, &n, "Softmax");
    node_attr_int(&n, "axis", -1);
    node_end(&m->out, &n);
    return 0;
}

/* The output is a constant too: the input's bytes, which are turned to float32 when they are written. */
static int write_dequantize(struct model *m, const struct op *o) {
    float *constant = tensor_floats(m, o->in[0]);
    if (!constant)
        return -1;
    free(constant);
    m->source[o->out[0]] = m->source[o->in[0]];
    return 0;
}

/* ---- two values in ---- */

static int write_arithmetic(struct model *m, const struct op *o, const char *op) {
    enum { ACTIVATION = 0 };
    struct name a = tensor_value(m, o->in[0]), b = tensor_value(m, o->in[1]), y = tensor_value(m, o->out[0]);
    int activation = option_byte(m, o, ACTIVATION);
    struct name raw = activation == ACT_NONE ? y : graph_value(&m->out);
    write_binary(m, op, a, b, raw);
    if (activation != ACT_NONE)
        write_activation(m, activation, raw, y);
    return 0;
}

static int write_add(struct model *m, const struct op *o) { return write_arithmetic(m, o, "Add"); }
static int write_sub(struct model *m, const struct op *o) { return write_arithmetic(m, o, "Sub"); }
static int write_mul(struct model *m, const struct op *o) { return write_arithmetic(m, o, "Mul"); }
static int write_div(struct model *m, const struct op *o) { return write_arithmetic(m, o, "Div"); }

static int write_prelu(struct model *m, const struct op *o) {
    write_binary(m, "PRelu", tensor_value(m, o->in[0]), tensor_value(m, o->in[1]), tensor_value(m, o->out[0]));
    return 0;
}

static int write_squared_difference(struct model *m, const struct op *o) {
    struct name difference = graph_value(&m->out);
    write_binary(m, "Sub", tensor_value(m, o->in[0]), tensor_value(m, o->in[1]), difference);
    write_binary(m, "Mul", difference, difference, tensor_value(m, o->out[0]));
    return 0;
}

/* ---- shapes ---- */

static int write_reshaped(struct model *m, const struct op *o) {
    if (shape_count(&o->x) != shape_count(&o->y))
        return -1;
    write_reshape(m, tensor_value(m, o->in[0]), tensor_value(m, o->out[0]), &o->y);
    return 0;
}

static int write_concat(struct model *m, const struct op *o) {
    enum { AXIS = 0, ACTIVATION = 1 };
    int axis = option_int(m, o, AXIS, 0);
    if (option_byte(m, o, ACTIVATION) != ACT_NONE)
        return -1;
    struct node n = { 0 };
    for (int i = 0; i < o->in_count; i++)
        node_in(&n, o->in[i] < 0 ? "" : tensor_value(m, o->in[i]).s);
    node_out(&n, tensor_value(m, o->out[0]).s);
    node_op(&m->out, &n, "Concat");
    node_attr_int(&n, "axis", axis < 0 ? axis + o->y.n : axis);
    node_end(&m->out, &n);
    return 0;
}

/* Constant int32 input i of the operator, one element per dimension or n_max at most, as int64. */
static int read_ints(struct model *m, const struct op *o, int i, int64_t *ret, int n_max, int *ret_n) {
    int n = 0;
    int32_t *v = tensor_ints(m, o->in[i], &n);
    if (!v || n > n_max) {
        free(v);
        return -1;
    }
    for (int j = 0; j < n; j++)
        ret[j] = v[j];
    free(v);
    *ret_n = n;
    return 0;
}

static int write_transposed(struct model *m, const struct op *o) {
    int64_t order[SHAPE_DIMS_MAX];
    int n = 0;
    if (read_ints(m, o, 1, order, SHAPE_DIMS_MAX, &n) < 0 || n != o->x.n)
        return -1;
    write_transpose(m, tensor_value(m, o->in[0]), tensor_value(m, o->out[0]), order, n);
    return 0;
}

/* TFLite: before and after, dimension by dimension. ONNX: all before, then all after. */
static int write_pad(struct model *m, const struct op *o) {
    int64_t pairs[2 * SHAPE_DIMS_MAX], pads[2 * SHAPE_DIMS_MAX];
    int n = 0;
    if (read_ints(m, o, 1, pairs, 2 * SHAPE_DIMS_MAX, &n) < 0 || n != 2 * o->x.n)
        return -1;
    for (int i = 0; i < n / 2; i++) {
        pads[i] = pairs[2 * i];
        pads[n / 2 + i] = pairs[2 * i + 1];
    }
    struct node node = { 0 };
    node_in(&node, tensor_value(m, o->in[0]).s);
    node_in(&node, graph_ints(&m->out, pads, n).s);
    node_out(&node, tensor_value(m, o->out[0]).s);
    node_op(&m->out, &node, "Pad");
    node_attr_text(&node, "mode", "constant");
    node_end(&m->out, &node);
    return 0;
}

/* The axes are an input of ReduceSum and an attribute of ReduceMean: opset 13 was half way through a change. */
static int write_reduce(struct model *m, const struct op *o, const char *op, bool axes_are_input) {
    enum { KEEP_DIMS = 0 };
    int64_t axes[SHAPE_DIMS_MAX];
    int count = 0;
    if (read_ints(m, o, 1, axes, SHAPE_DIMS_MAX, &count) < 0)
        return -1;
    for (int i = 0; i < count; i++)
        axes[i] += axes[i] < 0 ? o->x.n : 0;
    struct node n = { 0 };
    node_in(&n, tensor_value(m, o->in[0]).s);
    if (axes_are_input)
        node_in(&n, graph_ints(&m->out, axes, count).s);
    node_out(&n, tensor_value(m, o->out[0]).s);
    node_op(&m->out, &n, op);
    if (!axes_are_input)
        node_attr_ints(&n, "axes", axes, count);
    node_attr_int(&n, "keepdims", option_byte(m, o, KEEP_DIMS));
    node_end(&m->out, &n);
    return 0;
}

static int write_mean(struct model *m, const struct op *o) { return write_reduce(m, o, "ReduceMean", false); }
static int write_sum(struct model *m, const struct op *o) { return write_reduce(m, o, "ReduceSum", true); }

/* x[begin:end:stride]: a set bit in a mask means "from the start", "to the end" or "this one only, and drop the dimension". */
static int write_strided_slice(struct model *m, const struct op *o) {
    enum { BEGIN_MASK = 0, END_MASK = 1, ELLIPSIS_MASK = 2, NEW_AXIS_MASK = 3, SHRINK_MASK = 4 };
    int64_t begin[SHAPE_DIMS_MAX], end[SHAPE_DIMS_MAX], stride[SHAPE_DIMS_MAX], axes[SHAPE_DIMS_MAX];
    int n = 0, n_end = 0, n_stride = 0;
    if (option_int(m, o, ELLIPSIS_MASK, 0) || option_int(m, o, NEW_AXIS_MASK, 0) ||
        read_ints(m, o, 1, begin, SHAPE_DIMS_MAX, &n) < 0 || read_ints(m, o, 2, end, SHAPE_DIMS_MAX, &n_end) < 0 ||
        read_ints(m, o, 3, stride, SHAPE_DIMS_MAX, &n_stride) < 0 || n != n_end || n != n_stride)
        return -1;
    int begin_mask = option_int(m, o, BEGIN_MASK, 0), end_mask = option_int(m, o, END_MASK, 0), shrink = option_int(m, o, SHRINK_MASK, 0);
    for (int i = 0; i < n; i++) {
        begin[i] = begin_mask >> i & 1 ? 0 : begin[i];
        end[i] = end_mask >> i & 1 ? INT32_MAX : end[i];
        if (shrink >> i & 1)
            end[i] = begin[i] == -1 ? INT32_MAX : begin[i] + 1;
        axes[i] = i;
    }
    struct name cut = graph_value(&m->out);
    struct node node = { 0 };
    node_in(&node, tensor_value(m, o->in[0]).s);
    node_in(&node, graph_ints(&m->out, begin, n).s);
    node_in(&node, graph_ints(&m->out, end, n).s);
    node_in(&node, graph_ints(&m->out, axes, n).s);
    node_in(&node, graph_ints(&m->out, stride, n).s);
    node_out(&node, cut.s);
    node_op(&m->out, &node, "Slice");
    node_end(&m->out, &node);
    write_reshape(m, cut, tensor_value(m, o->out[0]), &o->y);
    return 0;
}

/* ---- pictures ---- */

static bool is_picture(const struct shape *s) { return s->n == 4; }

/* What SAME adds before and after one side, so that ceil(in / stride) windows fit; 0 for VALID. */
static void window_pads(int padding, int64_t in, int64_t out, int64_t window, int64_t stride, int64_t dilation, int64_t *ret_before, int64_t *ret_after) {
    int64_t total = padding == PADDING_SAME ? (out - 1) * stride + (window - 1) * dilation + 1 - in : 0;
    if (total < 0)
        total = 0;
    *ret_before = total / 2;
    *ret_after = total - total / 2;
}

static int write_max_pool(struct model *m, const struct op *o) {
    enum { PADDING = 0, STRIDE_W = 1, STRIDE_H = 2, WINDOW_W = 3, WINDOW_H = 4, ACTIVATION = 5 };
    int64_t stride[2] = { option_int(m, o, STRIDE_H, 1), option_int(m, o, STRIDE_W, 1) };
    int64_t window[2] = { option_int(m, o, WINDOW_H, 1), option_int(m, o, WINDOW_W, 1) }, pads[4];
    if (!is_picture(&o->x) || !is_picture(&o->y))
        return -1;
    for (int i = 0; i < 2; i++)
        window_pads(option_byte(m, o, PADDING), o->x.d[1 + i], o->y.d[1 + i], window[i], stride[i], 1, &pads[i], &pads[2 + i]);
    struct name x = nchw_value(m, o->in[0]), pooled = graph_value(&m->out);
    struct node n = { 0 };
    node_in(&n, x.s);
    node_out(&n, pooled.s);
    node_op(&m->out, &n, "MaxPool");
    node_attr_ints(&n, "kernel_shape", window, 2);
    node_attr_ints(&n, "strides", stride, 2);
    node_attr_ints(&n, "pads", pads, 4);
    node_end(&m->out, &n);
    write_tail(m, option_byte(m, o, ACTIVATION), pooled, o->out[0]);
    return 0;
}

static int write_resize(struct model *m, const struct op *o, const char *mode, bool align_corners, bool half_pixel) {
    if (!is_picture(&o->x) || !is_picture(&o->y))
        return -1;
    struct name x = nchw_value(m, o->in[0]), resized = graph_value(&m->out);
    int64_t size[4] = { o->x.d[0], o->y.d[3], o->y.d[1], o->y.d[2] };
    struct node n = { 0 };
    node_in(&n, x.s);
    node_in(&n, "");        /* region of interest */
    node_in(&n, "");        /* scales: the sizes are given instead */
    node_in(&n, graph_ints(&m->out, size, 4).s);
    node_out(&n, resized.s);
    node_op(&m->out, &n, "Resize");
    node_attr_text(&n, "mode", mode);
    node_attr_text(&n, "coordinate_transformation_mode", half_pixel ? "half_pixel" : align_corners ? "align_corners" : "asymmetric");
    if (mode[0] == 'n')
        node_attr_text(&n, "nearest_mode", "floor");
    node_end(&m->out, &n);
    write_tail(m, ACT_NONE, resized, o->out[0]);
    return 0;
}

static int write_resize_bilinear(struct model *m, const struct op *o) {
    enum { ALIGN_CORNERS = 2, HALF_PIXEL = 3 };
    return write_resize(m, o, "linear", option_byte(m, o, ALIGN_CORNERS), option_byte(m, o, HALF_PIXEL));
}

static int write_resize_nearest(struct model *m, const struct op *o) {
    enum { ALIGN_CORNERS = 0, HALF_PIXEL = 1 };
    return write_resize(m, o, "nearest", option_byte(m, o, ALIGN_CORNERS), option_byte(m, o, HALF_PIXEL));
}

/*
 * Write constant weights w, stored [a][h][w][b], as an ONNX constant [a][b][h][w] (b_first: [b][a][h][w]).
 * 0 and the constant's name, or -1.
 */
static int write_weights(struct model *m, int32_t t, bool b_first, struct shape *ret_shape, struct name *ret_name) {
    struct shape s = tensor_shape(m, t);
    float *in = is_picture(&s) ? tensor_floats(m, t) : NULL;
    float *out = in ? malloc(sizeof *out * (size_t)shape_count(&s)) : NULL;
    if (!out) {
        free(in);
        return -1;
    }
    int64_t n_a = s.d[0], n_h = s.d[1], n_w = s.d[2], n_b = s.d[3];
    const float *from = in;
    for (int64_t a = 0; a < n_a; a++)
        for (int64_t h = 0; h < n_h; h++)
            for (int64_t w = 0; w < n_w; w++)
                for (int64_t b = 0; b < n_b; b++) {
                    int64_t plane = b_first ? b * n_a + a : a * n_b + b;
                    out[(plane * n_h + h) * n_w + w] = *from++;
                }
    *ret_shape = b_first ? (struct shape){ 4, { n_b, n_a, n_h, n_w } } : (struct shape){ 4, { n_a, n_b, n_h, n_w } };
    *ret_name = graph_value(&m->out);
    graph_tensor(&m->out, ret_name->s, ONNX_FLOAT, ret_shape, out, sizeof *out * (size_t)shape_count(&s));
    free(in);
    free(out);
    return 0;
}

/* Where the options of the two convolutions keep the same things. */
struct conv_fields { int activation, dilation_w, dilation_h; };

static int write_convolution(struct model *m, const struct op *o, bool depthwise, struct conv_fields at) {
    enum { PADDING = 0, STRIDE_W = 1, STRIDE_H = 2 };
    struct shape w_shape;
    struct name w;
    if (!is_picture(&o->x) || !is_picture(&o->y) || write_weights(m, o->in[1], depthwise, &w_shape, &w) < 0)
        return -1;
    int64_t channels = o->x.d[3], group = depthwise ? channels : channels / w_shape.d[1];
    int64_t window[2] = { w_shape.d[2], w_shape.d[3] }, pads[4];
    int64_t stride[2] = { option_int(m, o, STRIDE_H, 1), option_int(m, o, STRIDE_W, 1) };
    int64_t dilation[2] = { option_int(m, o, at.dilation_h, 1), option_int(m, o, at.dilation_w, 1) };
    for (int i = 0; i < 2; i++)
        window_pads(option_byte(m, o, PADDING), o->x.d[1 + i], o->y.d[1 + i], window[i], stride[i], dilation[i], &pads[i], &pads[2 + i]);
    struct name x = nchw_value(m, o->in[0]), y = graph_value(&m->out);
    struct node n = { 0 };
    node_in(&n, x.s);
    node_in(&n, w.s);
    if (o->in_count > 2 && o->in[2] >= 0)
        node_in(&n, tensor_value(m, o->in[2]).s);
    node_out(&n, y.s);
    node_op(&m->out, &n, "Conv");
    node_attr_ints(&n, "strides", stride, 2);
    node_attr_ints(&n, "dilations", dilation, 2);
    node_attr_ints(&n, "pads", pads, 4);
    node_attr_ints(&n, "kernel_shape", window, 2);
    node_attr_int(&n, "group", group);
    node_end(&m->out, &n);
    write_tail(m, option_byte(m, o, at.activation), y, o->out[0]);
    return 0;
}

static int write_conv(struct model *m, const struct op *o) {
    return write_convolution(m, o, /* depthwise= */ false, (struct conv_fields){ .activation = 3, .dilation_w = 4, .dilation_h = 5 });
}

static int write_depthwise_conv(struct model *m, const struct op *o) {
    return write_convolution(m, o, /* depthwise= */ true, (struct conv_fields){ .activation = 4, .dilation_w = 5, .dilation_h = 6 });
}

/* Inputs: shape of the output, weights, picture, bias. */
static int write_transpose_conv(struct model *m, const struct op *o) {
    enum { STRIDE_W = 1, STRIDE_H = 2, ACTIVATION = 3 };
    struct shape in = tensor_shape(m, o->in[2]), w_shape;
    struct name w;
    if (!is_picture(&in) || !is_picture(&o->y) || write_weights(m, o->in[1], /* b_first= */ true, &w_shape, &w) < 0)
        return -1;
    int64_t stride[2] = { option_int(m, o, STRIDE_H, 1), option_int(m, o, STRIDE_W, 1) }, pads[4], more[2];
    for (int i = 0; i < 2; i++) {       /* what a full transposed convolution has too much is cut off, half on each side */
        int64_t extra = (in.d[1 + i] - 1) * stride[i] + w_shape.d[2 + i] - o->y.d[1 + i];
        more[i] = extra < 0 ? -extra : 0;
        pads[i] = extra < 0 ? 0 : extra / 2;
        pads[2 + i] = extra < 0 ? 0 : extra - extra / 2;
    }
    struct name x = nchw_value(m, o->in[2]), y = graph_value(&m->out), active = graph_value(&m->out);
    struct node n = { 0 };
    node_in(&n, x.s);
    node_in(&n, w.s);
    if (o->in_count > 3 && o->in[3] >= 0)
        node_in(&n, tensor_value(m, o->in[3]).s);
    node_out(&n, y.s);
    node_op(&m->out, &n, "ConvTranspose");
    node_attr_ints(&n, "pads", pads, 4);
    node_attr_ints(&n, "strides", stride, 2);
    node_attr_ints(&n, "output_padding", more, 2);
    node_end(&m->out, &n);
    write_activation(m, option_byte(m, o, ACTIVATION), y, active);
    write_transpose(m, active, tensor_value(m, o->out[0]), to_nhwc, 4);
    return 0;
}

/* ---- the table ---- */

static const struct op_rule rules[] = {
    { 0, "ADD", 2, write_add },
    { 2, "CONCATENATION", 1, write_concat },
    { 3, "CONV_2D", 2, write_conv },
    { 4, "DEPTHWISE_CONV_2D", 2, write_depthwise_conv },
    { 6, "DEQUANTIZE", 1, write_dequantize },
    { 14, "LOGISTIC", 1, write_logistic },
    { 17, "MAX_POOL_2D", 1, write_max_pool },
    { 18, "MUL", 2, write_mul },
    { 19, "RELU", 1, write_relu },
    { 22, "RESHAPE", 1, write_reshaped },
    { 23, "RESIZE_BILINEAR", 1, write_resize_bilinear },
    { 25, "SOFTMAX", 1, write_softmax },
    { 34, "PAD", 2, write_pad },
    { 39, "TRANSPOSE", 2, write_transposed },
    { 40, "MEAN", 2, write_mean },
    { 41, "SUB", 2, write_sub },
    { 42, "DIV", 2, write_div },
    { 45, "STRIDED_SLICE", 4, write_strided_slice },
    { 54, "PRELU", 2, write_prelu },
    { 59, "NEG", 1, write_neg },
    { 67, "TRANSPOSE_CONV", 3, write_transpose_conv },
    { 74, "SUM", 2, write_sum },
    { 75, "SQRT", 1, write_sqrt },
    { 76, "RSQRT", 1, write_rsqrt },
    { 97, "RESIZE_NEAREST_NEIGHBOR", 1, write_resize_nearest },
    { 99, "SQUARED_DIFFERENCE", 2, write_squared_difference },
};

const struct op_rule *op_rule_find(int code) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].code == code)
            return &rules[i];
    return NULL;
}
