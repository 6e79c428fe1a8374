/* fake_png.c - see fake_png.h. */
#include "engine/fake_png.h"

static uint32_t crc32_of(const uint8_t *p, size_t n) {
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static uint32_t adler32_of(const uint8_t *p, size_t n) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void add_u32(struct buf *b, uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_c(b, (char)(v >> shift));
}

static void add_chunk(struct buf *b, const char type[4], const uint8_t *data, size_t n) {
    add_u32(b, (uint32_t)n);
    size_t start = b->n;
    buf_add(b, type, 4);
    buf_add(b, data, n);
    if (!b->failed)
        add_u32(b, crc32_of((const uint8_t *)b->p + start, n + 4));
}

void fake_png(struct buf *out, uint64_t seed) {
    enum { ROW = 1 + 3 * FAKE_PNG_SIDE, RAW = ROW * FAKE_PNG_SIDE };
    uint8_t raw[RAW], zlib[RAW + 11];
    uint64_t mixed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < RAW; i++)
        raw[i] = i % ROW == 0 ? 0 /* filter: none */ : (uint8_t)(mixed >> (8 * ((i % ROW - 1) % 3) + 16));

    static const uint8_t ihdr[13] = { 0, 0, 0, FAKE_PNG_SIDE, 0, 0, 0, FAKE_PNG_SIDE, 8, 2 /* RGB */, 0, 0, 0 };
    const uint8_t head[7] = { 0x78, 0x01, 1 /* last block, stored */, RAW & 0xff, RAW >> 8, ~RAW & 0xff, (~RAW >> 8) & 0xff };
    memcpy(zlib, head, sizeof(head));
    memcpy(zlib + sizeof(head), raw, RAW);
    uint32_t sum = adler32_of(raw, RAW);
    for (int i = 0; i < 4; i++)
        zlib[sizeof(head) + RAW + i] = (uint8_t)(sum >> (24 - 8 * i));

    buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(out, "IHDR", ihdr, sizeof(ihdr));
    add_chunk(out, "IDAT", zlib, sizeof(zlib));
    add_chunk(out, "IEND", NULL, 0);
}
