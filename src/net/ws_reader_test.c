/* ws_reader_test.c - the frames of RFC 6455 as a table: what comes out of them, whole and byte by byte. Frames are written
 *     <fin and opcode, hex>:<payload>   with \xx for bytes; masked with a key of their own. A leading '!' leaves the mask out. */
#include "net/ws_reader.h"

#include "base/testing.h"
#include "net/websocket.h"

#define MAX 1000

static size_t frame(unsigned char *to, unsigned first, const char *p, size_t n, bool mask) {
    static const unsigned char key[4] = { 0x37, 0xfa, 0x21, 0x3d };
    size_t at = 0;
    to[at++] = (unsigned char)first;
    to[at++] = (unsigned char)((mask ? 0x80 : 0) | (n < 126 ? n : n < 65536 ? 126 : 127));
    for (int i = (n < 126 ? 0 : n < 65536 ? 2 : 8) - 1; i >= 0; i--)
        to[at++] = (unsigned char)(n >> 8 * i);
    if (mask)
        memcpy(to + at, key, 4), at += 4;
    for (size_t i = 0; i < n; i++)
        to[at++] = (unsigned char)(p[i] ^ (mask ? key[i % 4] : 0));
    return at;
}

/* Everything that the bytes give, as text: "text(abc) ping(x) close(1000 bye) !1002". step: bytes at a time. */
static void read_all(const unsigned char *p, size_t n, size_t step, struct buf *out) {
    struct ws_reader *r = ws_reader_new();
    struct ws_event ev;
    int got = 0;
    for (size_t at = 0; at < n && got < 2; at += step) {
        struct str in = { (const char *)p + at, n - at < step ? n - at : step };
        while ((got = ws_reader_next(r, &in, MAX, &ev)) == 1) {
            static const char *const names[] = { [WS_TEXT] = "text", [WS_BINARY] = "binary", [WS_CLOSE] = "close", [WS_PING] = "ping", [WS_PONG] = "pong" };
            buf_printf(out, "%s%s(", out->n ? " " : "", names[ev.opcode]);
            if (ev.opcode == WS_CLOSE)
                buf_printf(out, "%d %.*s)", ev.code, STR_ARG(ev.data));
            else
                buf_printf(out, "%.*s)", STR_ARG(ev.data));
        }
    }
    if (got > 1)
        buf_printf(out, "%s!%d", out->n ? " " : "", got);
    else if (!ws_reader_idle(r))
        buf_printf(out, "%s...", out->n ? " " : "");
    ws_reader_free(r);
}

#define F(first, text) { first, "" text, sizeof(text) - 1, true }
#define U(first, text) { first, "" text, sizeof(text) - 1, false }
static const struct { const char *name; struct { unsigned first; const char *p; size_t n; bool mask; } f[6]; const char *want; } cases[] = {
    { "text", { F(0x81, "Hello") }, "text(Hello)" },
    { "empty text", { F(0x81, "") }, "text()" },
    { "binary", { F(0x82, "\xff\xfe") }, "binary(\xff\xfe)" },
    { "two messages", { F(0x81, "a"), F(0x81, "b") }, "text(a) text(b)" },
    { "fragments", { F(0x01, "Hel"), F(0x00, ""), F(0x80, "lo") }, "text(Hello)" },
    { "empty fragments", { F(0x01, ""), F(0x00, ""), F(0x80, "") }, "text()" },
    { "control frames between fragments", { F(0x01, "a"), F(0x89, "p"), F(0x00, "b"), F(0x8a, "q"), F(0x80, "c") }, "ping(p) pong(q) text(abc)" },
    { "close between fragments", { F(0x01, "a"), F(0x88, "\x03\xe8") }, "close(1000 ) ..." },
    { "an unfinished message", { F(0x01, "a") }, "..." },
    { "a character cut by fragments", { F(0x01, "\xe4\xbd"), F(0x80, "\xa0") }, "text(\xe4\xbd\xa0)" },
    { "continuation of nothing", { F(0x80, "a") }, "!1002" },
    { "continuation behind a whole message", { F(0x81, "a"), F(0x80, "b") }, "text(a) !1002" },
    { "a message inside a message", { F(0x01, "a"), F(0x81, "b") }, "!1002" },
    { "no mask", { U(0x81, "Hello") }, "!1002" },
    { "ping without mask", { U(0x89, "") }, "!1002" },
    { "reserved bit 1 (a compressed message)", { F(0xc1, "a") }, "!1002" },
    { "reserved bit 2", { F(0xa1, "a") }, "!1002" },
    { "reserved bit 3", { F(0x91, "a") }, "!1002" },
    { "reserved opcode 3", { F(0x83, "a") }, "!1002" },
    { "reserved opcode 7, empty", { F(0x87, "") }, "!1002" },
    { "reserved opcode 11", { F(0x8b, "a") }, "!1002" },
    { "reserved opcode 15 between fragments", { F(0x01, "a"), F(0x8f, "") }, "!1002" },
    { "ping in fragments", { F(0x09, "a") }, "!1002" },
    { "close in fragments", { F(0x08, "\x03\xe8") }, "!1002" },
    { "bad UTF-8", { F(0x81, "\xff") }, "!1007" },
    { "an overlong form", { F(0x81, "\xc0\xaf") }, "!1007" },
    { "a surrogate", { F(0x81, "\xed\xa0\x80") }, "!1007" },
    { "above U+10FFFF", { F(0x81, "\xf4\x90\x80\x80") }, "!1007" },
    { "a character without its end", { F(0x81, "\xe4\xbd") }, "!1007" },
    { "bad UTF-8 in the second fragment", { F(0x01, "a"), F(0x80, "\x80") }, "!1007" },
    { "close without code", { F(0x88, "") }, "close(1005 )" },
    { "close with a reason", { F(0x88, "\x03\xe8" "bye") }, "close(1000 bye)" },
    { "close 3000", { F(0x88, "\x0b\xb8") }, "close(3000 )" },
    { "close 4999", { F(0x88, "\x13\x87") }, "close(4999 )" },
    { "close 1014", { F(0x88, "\x03\xf6") }, "close(1014 )" },
    { "close with half a code", { F(0x88, "\x03") }, "!1002" },
    { "close 0", { F(0x88, "\0\0") }, "!1002" },
    { "close 999", { F(0x88, "\x03\xe7") }, "!1002" },
    { "close 1004", { F(0x88, "\x03\xec") }, "!1002" },
    { "close 1005", { F(0x88, "\x03\xed") }, "!1002" },
    { "close 1006", { F(0x88, "\x03\xee") }, "!1002" },
    { "close 1015", { F(0x88, "\x03\xf7") }, "!1002" },
    { "close 2999", { F(0x88, "\x0b\xb7") }, "!1002" },
    { "close 5000", { F(0x88, "\x13\x88") }, "!1002" },
    { "close 65535", { F(0x88, "\xff\xff") }, "!1002" },
    { "close with bad UTF-8", { F(0x88, "\x03\xe8\xff") }, "!1007" },
    { "close with half a character", { F(0x88, "\x03\xe8" "a\xe4\xbd") }, "!1007" },
};

static void reads_frames(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char bytes[4096];
        size_t n = 0;
        for (size_t k = 0; k < COUNT(cases[i].f) && cases[i].f[k].p; k++)
            n += frame(bytes + n, cases[i].f[k].first, cases[i].f[k].p, cases[i].f[k].n, cases[i].f[k].mask);
        for (size_t step = 1; step <= n; step++) {
            BUF_CLEANUP struct buf out;
            buf_init(&out, 4096);
            read_all(bytes, n, step, &out);
            if (!str_eqz(buf_str(&out), cases[i].want))
                fail_msg("%s, %zu bytes at a time: %s, not %s", cases[i].name, step, out.p, cases[i].want);
        }
    }
}

/* Lengths: written in the shortest form (5.2), and refused as soon as the head says too much. */
static void checks_lengths(void **state) {
    static const struct { unsigned char head[16]; size_t n; const char *want; } heads[] = {
        { { 0x82, 0xfe, 0x00, 0x7d, 1, 1, 1, 1, 0 }, 9, "!1002" },                          /* 125 in two bytes */
        { { 0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 1, 1, 1, 0 }, 15, "!1002" },       /* 65535 in eight */
        { { 0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0 }, 15, "!1002" },          /* the highest bit */
        { { 0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 1, 0 }, 15, "!1009" },
        { { 0x82, 0xfe, 0x03, 0xe9, 1, 1, 1, 1, 0 }, 9, "!1009" },                          /* MAX + 1 */
        { { 0x82, 0xfe, 0x03, 0xe8, 1, 1, 1, 1, 0 }, 9, "..." },                            /* MAX */
        { { 0x89, 0xfe, 0x00, 0x7e, 1, 1, 1, 1, 0 }, 9, "!1002" },                          /* a ping of 126 */
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        BUF_CLEANUP struct buf out;
        buf_init(&out, 4096);
        read_all(heads[i].head, heads[i].n, heads[i].n, &out);
        if (!str_eqz(buf_str(&out), heads[i].want))
            fail_msg("length %zu: %s, not %s", i, out.p, heads[i].want);
    }
    unsigned char bytes[4096];
    char half[MAX / 2 + 1];
    memset(half, 'x', sizeof half);
    for (int over = 0; over < 2; over++) {                                                 /* MAX in two fragments, then one byte more */
        BUF_CLEANUP struct buf out;
        buf_init(&out, 4096);
        size_t n = frame(bytes, 0x02, half, MAX / 2, true);
        n += frame(bytes + n, 0x80, half, MAX / 2 + (size_t)over, true);
        read_all(bytes, n, 100, &out);
        assert_true(over ? str_eqz(buf_str(&out), "!1009") : out.n == MAX + 8);
    }
}

static void counts_fragments(void **state) {
    static unsigned char bytes[(WS_FRAGMENTS_MAX + 1) * 6];
    for (size_t frames = WS_FRAGMENTS_MAX; frames <= WS_FRAGMENTS_MAX + 1; frames++) {
        BUF_CLEANUP struct buf out;
        buf_init(&out, 4096);
        size_t n = frame(bytes, 0x01, "", 0, true);
        for (size_t i = 1; i < frames; i++)
            n += frame(bytes + n, i + 1 < frames ? 0x00 : 0x80, "", 0, true);
        read_all(bytes, n, 4096, &out);
        assert_string_equal(out.p, frames <= WS_FRAGMENTS_MAX ? "text()" : "!1008");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_frames), cmocka_unit_test(checks_lengths), cmocka_unit_test(counts_fragments) };
    return RUN(tests);
}
