/* ws_handshake_test.c - opening handshakes as a table, and RFC 6455's own example. */
#include "net/ws_handshake.h"

#include "base/testing.h"
#include "net/head.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UP  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

static struct http_header headers[HEAD_HEADERS_MAX];
static struct head parse(const char *fields, char buf[2048]) {
    struct head h;
    int n = snprintf(buf, 2048, "GET /ws HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    assert_int_equal(head_parse((struct str){ buf, (size_t)n }, headers, &h, NULL), 0);
    return h;
}

static void checks_the_handshake(void **state) {
    static const struct { const char *fields; int r; } cases[] = {
        { UP V13 KEY, 0 },
        { "Upgrade: h2c, WebSocket\r\nConnection: keep-alive, upgrade\r\n" V13 KEY, 0 },
        { "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n" V13 KEY, 0 },
        { "", ERR_UPGRADE },
        { "Connection: Upgrade\r\n" V13 KEY, ERR_UPGRADE },
        { "Upgrade: websocket\r\n" V13 KEY, ERR_UPGRADE },
        { "Upgrade: websockets\r\nConnection: Upgrade\r\n" V13 KEY, ERR_UPGRADE },
        { UP KEY, ERR_UPGRADE },
        { UP "Sec-WebSocket-Version: 8\r\n" KEY, ERR_UPGRADE },
        { UP "Sec-WebSocket-Version: 13, 8\r\n" KEY, ERR_UPGRADE },
        { UP V13 V13 KEY, ERR_UPGRADE },
        { UP V13, ERR_BAD_HTTP },
        { UP V13 KEY KEY, ERR_BAD_HTTP },
        { UP V13 "Sec-WebSocket-Key: \r\n", ERR_BAD_HTTP },
        { UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", ERR_BAD_HTTP },
        { UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=\r\n", ERR_BAD_HTTP },         /* 17 bytes */
        { UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", ERR_BAD_HTTP },             /* 15 */
        { UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!!==\r\n", ERR_BAD_HTTP },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buf[2048], accept[WS_ACCEPT_LEN + 1] = "";
        struct head h = parse(cases[i].fields, buf);
        int r = ws_handshake(h.headers, h.n_headers, accept, NULL);
        if (r != cases[i].r)
            fail_msg("%s: %d", cases[i].fields, r);
        if (r == 0)
            assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}

static void picks_a_subprotocol(void **state) {
    static const char *const ours[] = { "chat.v2", "chat.v1", NULL };
    static const struct { const char *fields, *want; } cases[] = {
        { "", NULL }, { "Sec-WebSocket-Protocol: chat.v1\r\n", "chat.v1" }, { "Sec-WebSocket-Protocol: x , chat.v1,chat.v2\r\n", "chat.v1" },
        { "Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: chat.v2\r\n", "chat.v2" }, { "Sec-WebSocket-Protocol: CHAT.V1\r\n", NULL },
        { "Sec-WebSocket-Protocol: ,\r\n", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buf[2048];
        struct head h = parse(cases[i].fields, buf);
        const char *got = ws_handshake_protocol(h.headers, h.n_headers, ours);
        if (!str_eqz(str_z(got), cases[i].want ? cases[i].want : ""))
            fail_msg("%s: %s", cases[i].fields, got ? got : "none");
        assert_null(ws_handshake_protocol(h.headers, h.n_headers, NULL));
    }
}

static void lets_our_pages_in(void **state) {
    static const struct str friends[] = { { "https://cdn.photos.example", 26 } };
    static const struct { const char *origin, *host, *url; bool ok; } cases[] = {
        { NULL, "h", "", true },
        { "http://h", "h", "", true },
        { "http://h:8080", "h:8080", "", true },
        { "https://H", "h", "", true },
        { "http://h:8080", "h", "", false },
        { "http://evil", "h", "", false },
        { "http://h.evil", "h", "", false },
        { "null", "h", "", false },
        { "", "h", "", false },
        { "", "", "", false },
        { "file://", "", "", false },
        { "https://photos.example", "127.0.0.1:8080", "https://photos.example/", true },
        { "http://photos.example", "127.0.0.1:8080", "https://photos.example", false },
        { "https://photos.example.evil", "127.0.0.1:8080", "https://photos.example", false },
        { "https://cdn.photos.example", "127.0.0.1:8080", "https://photos.example", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (ws_handshake_origin_ok(str_z(cases[i].origin), str_z(cases[i].host), str_z(cases[i].url), friends, 1) != cases[i].ok)
            fail_msg("%s to %s of %s", cases[i].origin, cases[i].host, cases[i].url);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(checks_the_handshake), cmocka_unit_test(picks_a_subprotocol), cmocka_unit_test(lets_our_pages_in) };
    return RUN(tests);
}
