/* fuzz_ws_frames.c - any bytes as what a WebSocket client sends: the same events however they are cut, and none that breaks a rule. */
#include "net/ws_reader.h"

#include "fuzz.h"
#include "net/websocket.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())
#define MESSAGE_MAX 300
#define OUT_MAX     (1 << 20)

/* What the bytes give, `step` of them at a time: events, then the code it ends with. */
static int read_all(struct str in, size_t step, struct buf *out) {
    struct ws_reader *r = ws_reader_new();
    struct ws_event ev;
    int got = 0;
    for (size_t at = 0; at < in.n && got == 0; at += step) {
        struct str part = { in.p + at, in.n - at < step ? in.n - at : step };
        while ((got = ws_reader_next(r, &part, MESSAGE_MAX, &ev)) == 1) {
            bool control = ev.opcode >= WS_CLOSE;
            MUST(ev.opcode == WS_TEXT || ev.opcode == WS_BINARY || (control && ev.opcode <= WS_PONG));
            MUST(ev.data.n <= (control ? WS_CONTROL_MAX : MESSAGE_MAX));
            MUST(ev.opcode != WS_TEXT || str_utf8(ev.data));
            if (ev.opcode == WS_CLOSE)
                MUST(str_utf8(ev.data) && (ev.code == WS_NO_STATUS ? ev.data.n == 0 : ev.code >= 1000 && ev.code < 5000 && ev.code != WS_ABNORMAL));
            buf_printf(out, "%d %d %zu:", ev.opcode, ev.opcode == WS_CLOSE ? ev.code : 0, ev.data.n);
            buf_add_str(out, ev.data);
        }
        MUST(got != 0 || part.n == 0);
        MUST(got == 0 || got == WS_PROTOCOL_ERROR || got == WS_BAD_DATA || got == WS_TOO_BIG || got == WS_POLICY);
    }
    buf_printf(out, "!%d%s", got, got == 0 && ws_reader_idle(r) ? " idle" : "");
    ws_reader_free(r);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2 || n > 65536)
        return 0;
    struct str in = { (const char *)data + 1, n - 1 };
    BUF_CLEANUP struct buf whole, cut;
    buf_init(&whole, OUT_MAX);
    buf_init(&cut, OUT_MAX);
    int r = read_all(in, in.n, &whole);
    MUST(read_all(in, 1 + data[0], &cut) == r);
    MUST(str_eq(buf_str(&whole), buf_str(&cut)));
    return 0;
}
