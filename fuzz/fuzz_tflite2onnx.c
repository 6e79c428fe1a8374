/* Weights are outside bytes: a file that is not what it says must be refused, never read or written past its end. */
#include "../tools/tflite2onnx/model.h"

#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct bytes onnx = { 0 };
    char error[160];
    model_convert(p, n, &onnx, error);
    free(onnx.p);
    return 0;
}
