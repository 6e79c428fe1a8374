/* fuzz_encoding.c - any bytes as an Accept-Encoding header. */
#include "net/encoding.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str value = { (const char *)data, n };
    for (unsigned have = 0; have < ENCODING_BIT(ENCODING_COUNT); have += 2) {
        enum encoding e = encoding_pick(value, have);
        MUST(e < ENCODING_COUNT && (e == ENCODING_IDENTITY || have & ENCODING_BIT(e)));      /* never what there is not */
    }
    return 0;
}
