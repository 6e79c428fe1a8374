/* head_test.c - heads that pass, heads that do not, and paths. The long list of refusals is tests/strict/cases.mjs. */
#include "net/head.h"

#include "base/testing.h"

static struct http_header headers[HEAD_HEADERS_MAX];

static int parse(const char *text, struct head *h, struct err *e) {
    struct head_scan s = { 0 };
    size_t n = 0;
    int r = head_scan(&s, text, strlen(text), &n, e);
    assert_true(r < 0 || (r == 1 && n == strlen(text)));
    return r < 0 ? r : head_parse((struct str){ text, n }, headers, h, e);
}

static void takes_a_request_apart(void **state) {
    struct head h;
    struct err e;
    assert_int_equal(parse("POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nX-Y: \t z \r\nExpect: 100-continue\r\n\r\n", &h, &e), 0);
    check_str(h.method, "POST");
    check_str(h.path, "/a/b");
    check_str(h.query, "c=d");
    assert_int_equal(h.n_headers, 4);
    check_str(head_find(h.headers, h.n_headers, STR("x-y")), "z");
    assert_int_equal(h.body_bytes, 12);
    assert_true(h.keep_alive && h.expect_continue && h.minor == 1);
    assert_null(head_find(h.headers, h.n_headers, STR("x")).p);
}

static void knows_when_a_connection_stays(void **state) {
    static const struct { const char *text; bool keep; } cases[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: x\r\nConnection: a, CLOSE\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct head h;
        assert_int_equal(parse(cases[i].text, &h, NULL), 0);
        assert_int_equal(h.keep_alive, cases[i].keep);
    }
}

static void says_which_rule_was_broken(void **state) {
    struct head h;
    struct err e;
    check_err(parse("GET / HTTP/1.1\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "Host is missing");
    check_err(parse("GET / HTTP/2.0\r\nHost: x\r\n\r\n", &h, &e), ERR_HTTP_VERSION, &e, "not spoken");
    check_err(parse("GET / HTTP/1.1\r\nHost: x\r\nRange: a\r\nRange: b\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "range is given twice");
    check_err(parse("GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "LF without CR");
    check_err(parse("GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "white space");
    check_err(parse("GET /#x HTTP/1.1\r\nHost: x\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "");
    check_err(parse("GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", &h, &e), ERR_BAD_HTTP, &e, "another host");
}

static void refuses_rubbish_before_the_head_is_complete(void **state) {
    static const char *const early[] = { "\x16\x03\x01", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nX: \x01", "\r\n\r\n", " GET" };
    for (size_t i = 0; i < COUNT(early); i++) {
        struct head_scan s = { 0 };
        size_t n;
        assert_int_equal(head_scan(&s, early[i], strlen(early[i]), &n, NULL), ERR_BAD_HTTP);
    }
    static char line[HEAD_LINE_MAX + 10], lines[HEAD_BYTES_MAX + 10];
    struct head_scan s = { 0 }, t = { 0 };
    size_t n;
    memset(line, 'a', sizeof(line));
    assert_int_equal(head_scan(&s, line, sizeof(line), &n, NULL), ERR_URI_TOO_LONG);
    for (size_t i = 0; i < sizeof(lines); i++)             /* lines of 256 bytes */
        lines[i] = i % 256 == 255 ? '\n' : i % 256 == 254 ? '\r' : 'a';
    assert_int_equal(head_scan(&t, lines, sizeof(lines), &n, NULL), ERR_HEADERS_TOO_BIG);
}

/* What is plain is passed over eight bytes at a time: a control character is found at every place, and nothing else is taken for one. */
static void finds_control_characters_at_every_place(void **state) {
    for (int c = 1; c < 256; c++)
        for (size_t at = 0; at < 26; at++) {
            char text[] = "GET / HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
            struct head_scan s = { 0 };
            size_t n = 0;
            bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
            text[22 + at] = (char)c;
            assert_int_equal(head_scan(&s, text, sizeof(text) - 1, &n, NULL), bad ? ERR_BAD_HTTP : 1);
            assert_true(bad || n == sizeof(text) - 1);
        }
}

static void decodes_paths_once_and_keeps_them_plain(void **state) {
    char out[64];
    assert_int_equal(head_path(STR("/a%20b/%E4%B8%AD"), out, NULL), 8);
    assert_string_equal(out, "/a b/\xe4\xb8\xad");
    assert_int_equal(head_path(STR("/"), out, NULL), 1);
    assert_int_equal(head_path(STR("/a/"), out, NULL), 3);
    assert_int_equal(head_path(STR("/a%252e"), out, NULL), 5);
    assert_string_equal(out, "/a%2e");
    assert_int_equal(head_path(STR("/.a/..b/c.."), out, NULL), 11);
    static const char *const bad[] = { "//", "/a//b", "/a//", "/.", "/..", "/../a", "/a/..", "/a/./b", "/%2e%2E/a", "/a%2fb", "/a%00", "/a%0a", "/%ff", "/a%7f",
                                       "/%zz", "/a%4", "/%" };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (head_path(str_z(bad[i]), out, NULL) != ERR_BAD_HTTP)
            fail_msg("%s was taken", bad[i]);
}

static void finds_cookies_and_tokens(void **state) {
    check_str(head_cookie(STR("a=1; c=x=y; c=2"), STR("c")), "x=y");
    check_str(head_cookie(STR("c="), STR("c")), "");
    assert_null(head_cookie(STR("cc=1; c"), STR("c")).p);
    assert_true(head_has_token(STR("a, B ,c"), STR("b")) && !head_has_token(STR("ab"), STR("a")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_request_apart),
        cmocka_unit_test(knows_when_a_connection_stays),
        cmocka_unit_test(says_which_rule_was_broken),
        cmocka_unit_test(refuses_rubbish_before_the_head_is_complete),
        cmocka_unit_test(finds_control_characters_at_every_place),
        cmocka_unit_test(decodes_paths_once_and_keeps_them_plain),
        cmocka_unit_test(finds_cookies_and_tokens),
    };
    return RUN(tests);
}
