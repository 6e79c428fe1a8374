#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A model of 628 bytes: v4 = reshape(relu(v0 + float32(v1)), [4]), v1 = float16 { 1, -2, 0.5, 2^-24 }. */
static const char *model_path;
static uint8_t whole[1024];
static size_t whole_n;

static int read_model(void **state) {
    FILE *f = fopen(model_path, "rb");
    if (!f)
        return -1;
    whole_n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    return whole_n == 628 ? 0 : -1;
}

/* Convert a copy that ends where its memory ends. Returns what model_convert() does; the result is thrown away. */
static int convert_copy(const uint8_t *p, size_t n, char *error) {
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, p, n);
    struct bytes onnx = { 0 };
    int r = model_convert(exact, n, &onnx, error);
    assert_true(r == 0 ? onnx.p != NULL : onnx.p == NULL);
    free(onnx.p);
    free(exact);
    return r;
}

static void a_model_becomes_its_graph(void **state) {
    struct bytes onnx = { 0 };
    char error[160];
    assert_int_equal(model_convert(whole, whole_n, &onnx, error), 0);
    static const char add[] = "\x0a\x02v0\x0a\x02v2\x12\x03t_0\x1a\x05" "Add_0\"\x03" "Add";
    static const char relu[] = "\x0a\x03t_0\x12\x02v3\x1a\x06Relu_1\"\x04Relu";
    static const char reshape[] = "\x0a\x02v3\x0a\x04" "ci_0\x12\x02v4\x1a\x09Reshape_2\"\x07Reshape";
    static const float weights[] = { 1, -2, 0.5f, 0x1p-24f };
    assert_non_null(memmem(onnx.p, onnx.n, add, sizeof add - 1));
    assert_non_null(memmem(onnx.p, onnx.n, relu, sizeof relu - 1));
    assert_non_null(memmem(onnx.p, onnx.n, reshape, sizeof reshape - 1));
    assert_non_null(memmem(onnx.p, onnx.n, weights, sizeof weights));
    assert_int_equal(onnx.n, 226);
    free(onnx.p);
}

static void every_cut_is_refused_with_a_reason(void **state) {
    for (size_t n = 0; n < whole_n; n++) {
        char error[160] = "";
        if (convert_copy(whole, n, error) == 0)
            fail_msg("%zu of %zu bytes were taken for the whole", n, whole_n);
        assert_true(error[0] != '\0');
    }
}

static void no_changed_byte_reads_outside(void **state) {
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    for (size_t at = 0; at < whole_n; at++) {
        for (size_t v = 0; v < sizeof values; v++) {
            uint8_t saved = whole[at];
            char error[160];
            whole[at] = values[v];
            convert_copy(whole, whole_n, error);        /* either answer is right; a sanitizer watches the rest */
            whole[at] = saved;
        }
    }
}

static void an_unknown_operator_is_named(void **state) {
    /* 22 is RESHAPE, and this model has no other 22 before a 0 */
    uint8_t copy[sizeof whole];
    memcpy(copy, whole, whole_n);
    for (size_t at = 0; at < whole_n; at++)
        if (copy[at] == 22 && copy[at + 1] == 0)
            copy[at] = 120;
    char error[160] = "";
    assert_int_equal(convert_copy(copy, whole_n, error), -1);
    assert_string_equal(error, "operator 120 is not supported");
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    model_path = argv[1];
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_becomes_its_graph),
        cmocka_unit_test(every_cut_is_refused_with_a_reason),
        cmocka_unit_test(no_changed_byte_reads_outside),
        cmocka_unit_test(an_unknown_operator_is_named),
    };
    return cmocka_run_group_tests(tests, read_model, NULL);
}
