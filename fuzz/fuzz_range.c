/* fuzz_range.c - any bytes as a Range header (for a size from the first byte) and as a list of entity tags. */
#include "net/range.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const int64_t totals[] = { 0, 1, 36, 1000, INT64_C(5000000000), INT64_MAX };
    if (n == 0)
        return 0;
    struct str value = { (const char *)data + 1, n - 1 };
    struct range got[RANGES_MAX];
    int64_t total = totals[data[0] % COUNT(totals)];
    int r = range_parse(value, total, got);
    MUST((r >= 0 && r <= RANGES_MAX) || r == ERR_RANGE);
    for (int i = 0; i < r; i++) {
        MUST(got[i].from >= 0 && got[i].bytes >= 1 && got[i].from < total && got[i].bytes <= total - got[i].from);
        for (int k = 0; k < i; k++) {                     /* apart, so that all of them together are no more than the whole */
            struct range a = got[i].from < got[k].from ? got[i] : got[k], b = got[i].from < got[k].from ? got[k] : got[i];
            MUST(b.from - a.from - a.bytes > RANGE_GAP);
        }
    }
    if (range_etag_in(value, "v1", false))
        MUST(range_etag_in(value, "v1", true));           /* a strong match is a weak one too */
    return 0;
}
