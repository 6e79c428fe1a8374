/*
 * tflite2onnx - turn a TFLite model with float32 or float16 weights into an ONNX model that ONNX Runtime runs.
 * usage: tflite2onnx IN.tflite OUT.onnx
 * tools/setup runs it on models whose sha256 it has checked, and checks the sha256 of what comes out: same in, same out.
 * Plain C and libc, because it runs before anything else of the project is built.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX ((size_t)128 << 20)

static int fail(const char *path, const char *why) {
    fprintf(stderr, "tflite2onnx: %s: %s\n", path, why);
    return 1;
}

/* The whole file, which the caller frees; NULL when it cannot be read or is over FILE_BYTES_MAX. */
static uint8_t *read_file(const char *path, size_t *ret_n) {
    FILE *f = fopen(path, "rb");
    uint8_t *p = f ? malloc(FILE_BYTES_MAX) : NULL;
    size_t n = p ? fread(p, 1, FILE_BYTES_MAX, f) : 0;
    bool whole = p && !ferror(f) && n < FILE_BYTES_MAX;
    if (f)
        fclose(f);
    if (!whole) {
        free(p);
        return NULL;
    }
    *ret_n = n;
    return p;
}

static bool write_file(const char *path, const struct bytes *b) {
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    bool ok = fwrite(b->p, 1, b->n, f) == b->n;
    return fclose(f) == 0 && ok;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: tflite2onnx IN.tflite OUT.onnx\n");
        return 2;
    }
    size_t n = 0;
    uint8_t *in = read_file(argv[1], &n);
    if (!in)
        return fail(argv[1], "cannot be read");
    struct bytes onnx = { 0 };
    char error[160];
    int r = model_convert(in, n, &onnx, error);
    free(in);
    if (r < 0)
        return fail(argv[1], error);
    r = write_file(argv[2], &onnx) ? 0 : fail(argv[2], "cannot be written");
    free(onnx.p);
    return r;
}
