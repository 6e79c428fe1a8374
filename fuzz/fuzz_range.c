/* fuzz_range.c - any bytes as a Range header (for a size from the first byte) and as a list of entity tags. */
#include "net/range.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const int64_t totals[] = { 0, 1, 36, 1000, INT64_C(5000000000), INT64_MAX };
    if (n == 0)
        return 0;
    struct str value = { (const char *)data + 1, n - 1 };
    int64_t total = totals[data[0] % COUNT(totals)], from = -7, bytes = -7;
    int r = range_parse(value, total, &from, &bytes);
    MUST(r == 1 || r == 0 || r == ERR_RANGE);
    if (r == 1)
        MUST(from >= 0 && bytes >= 1 && from < total && bytes <= total - from);
    else
        MUST(from == -7 && bytes == -7);
    if (range_etag_in(value, "v1", false))
        MUST(range_etag_in(value, "v1", true));           /* a strong match is a weak one too */
    return 0;
}
