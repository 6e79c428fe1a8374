/* fuzz_cookie.c - any bytes as a name, NUL, and a Cookie header; the same bytes as lists of tokens. */
#include "net/head.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str header = { (const char *)data, n }, name = str_cut(&header, 0);
    struct str v = head_cookie(header, name);
    if (v.p) {
        MUST(v.p >= header.p && v.p + v.n <= header.p + header.n && !memchr(v.p, ';', v.n));
        MUST(v.n == 0 || (v.p[0] != ' ' && v.p[v.n - 1] != ' '));
    }
    if (head_has_token(header, name) && name.n)
        MUST(header.n >= name.n);
    return 0;
}
