/* fuzz_head.c - any bytes as a request head. What is accepted has one meaning: checked against a plain reading of the same bytes. */
#include "net/head.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

/* Arriving whole or in two parts makes no difference. Returns what head_scan says of the whole. */
static int scan(struct str in, size_t *ret_n) {
    struct head_scan whole = { 0 }, parts = { 0 };
    size_t n = 0, m = 0;
    int r = head_scan(&whole, in.p, in.n, &n, NULL);
    int first = head_scan(&parts, in.p, in.n / 2, &m, NULL);
    int both = first ? first : head_scan(&parts, in.p, in.n, &m, NULL);
    MUST(r == both && (r != 1 || n == m) && (r != 1 || n <= HEAD_BYTES_MAX));
    *ret_n = n;
    return r;
}

/* The header lines by the simplest reading there is: lines end in CRLF, names end at the first colon. */
static void check_lines(struct str bytes, const struct head *h) {
    size_t hosts = 0, at = 0;
    struct str rest = bytes;
    if (str_starts(rest, STR("\r\n")))
        str_cut(&rest, '\n');
    str_cut(&rest, '\n');
    for (;;) {
        struct str line = str_cut(&rest, '\n');
        MUST(line.n > 0 && line.p[line.n - 1] == '\r');
        line.n--;
        if (line.n == 0)
            break;
        struct str value = line, name = str_cut(&value, ':');
        MUST(at < h->n_headers && str_eq(name, h->headers[at].name) && str_eq(str_trim(value), h->headers[at].value));
        MUST(head_is_token(name) && !memchr(line.p, 0, line.n) && !memchr(line.p, '\r', line.n));
        hosts += str_ieq(name, STR("host"));
        at++;
    }
    MUST(rest.n == 0 && at == h->n_headers);
    MUST(hosts == 1 || (hosts == 0 && h->minor == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct http_header headers[HEAD_HEADERS_MAX];
    struct str in = { (const char *)data, n };
    struct head h;
    struct err e = { 0 };
    size_t bytes;
    if (scan(in, &bytes) != 1)
        return 0;
    in.n = bytes;
    int r = head_parse(in, headers, &h, &e);
    MUST(r <= 0 && (r == 0) == (e.code == 0));
    if (r < 0)
        return 0;
    check_lines(in, &h);
    struct str te = head_find(h.headers, h.n_headers, STR("Transfer-Encoding")), cl = head_find(h.headers, h.n_headers, STR("content-length"));
    MUST(h.body_bytes >= -1 && (te.p != NULL) == (h.body_bytes == -1) && !(te.p && cl.p));
    MUST(h.target.n <= HEAD_TARGET_MAX && !memchr(h.target.p, ' ', h.target.n));
    if (str_eqz(h.path, "*"))
        return 0;
    char path[HEAD_TARGET_MAX + 1];
    int p = head_path(h.path, path, NULL);
    if (p >= 0)
        MUST(p > 0 && path[0] == '/' && strlen(path) == (size_t)p && !strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
    return 0;
}
