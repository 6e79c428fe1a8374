/* fuzz_tus.c - any bytes as Upload-Metadata and as Upload-Checksum; what is accepted must keep the promises of api/tus.h. */
#include "api/tus.h"

#include "fuzz.h"

static void must(bool ok) {
    if (!ok)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct str header = { (const char *)data, n };
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    struct tus_metadata m = { 0 };
    struct tus_checksum c = { 0 };
    struct err e = { 0 };
    if (tus_metadata_parse(header, a, &m, &e) == 0) {
        must(m.name.n <= 255 && m.type.n <= 127 && str_utf8(m.name));
        for (size_t i = 0; i < m.name.n; i++)
            must((unsigned char)m.name.p[i] >= ' ' && m.name.p[i] != 0x7f);
        for (size_t i = 0; i < m.type.n; i++)
            must(m.type.p[i] >= ' ' && m.type.p[i] <= '~');
    } else {
        must(e.code < 0 && !m.name.p && !m.type.p);
    }
    if (tus_checksum_parse(header, &c, &e) == 0)
        must(c.algorithm && c.n == (c.algorithm[3] == '1' ? 20u : 32u));
    else
        must(!c.algorithm);
    return 0;
}
