/* fuzz_ws_handshake.c - any header lines as the opening handshake of a WebSocket. */
#include "net/ws_handshake.h"

#include "base/buf.h"
#include "fuzz.h"
#include "net/head.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const protocols[] = { "chat.v2", "chat.v1", NULL };
    static struct http_header headers[HEAD_HEADERS_MAX];
    struct head h;
    char accept[WS_ACCEPT_LEN + 1] = "";
    BUF_CLEANUP struct buf bytes;
    buf_init(&bytes, HEAD_BYTES_MAX);
    buf_add_z(&bytes, "GET / HTTP/1.1\r\nHost: a.example\r\n");
    buf_add(&bytes, data, n);
    buf_add_z(&bytes, "\r\n\r\n");
    if (bytes.failed || head_parse(buf_str(&bytes), headers, &h, NULL) < 0)
        return 0;
    int r = ws_handshake(h.headers, h.n_headers, accept, NULL);
    MUST(r == 0 || r == ERR_UPGRADE || r == ERR_BAD_HTTP);
    MUST(strlen(accept) == (r == 0 ? WS_ACCEPT_LEN : 0));
    if (r == 0)
        MUST(head_find(h.headers, h.n_headers, STR("sec-websocket-key")).n == 24);
    const char *p = ws_handshake_protocol(h.headers, h.n_headers, protocols);
    MUST(!p || p == protocols[0] || p == protocols[1]);
    struct str origin = head_find(h.headers, h.n_headers, STR("origin"));
    if (ws_handshake_origin_ok(origin, STR("a.example"), STR_NULL, NULL, 0))
        MUST(!origin.p || str_ends(origin, STR("a.example")) || str_ieq((struct str){ origin.p + origin.n - 9, 9 }, STR("a.example")));
    return 0;
}
