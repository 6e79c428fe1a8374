/*
 * head.h - the head of a request: from bytes to views, or a refusal.
 * Two readers look at every head and both must be content: llhttp in strict mode finds the pieces, the guard refuses what RFC 9110/9112
 * allow a server to refuse and proxies read in two ways (DESIGN section 5). What passes has exactly one meaning.
 * Owns: nothing; results are views into the bytes given.  Threads: any.
 * Sources: RFC 9112 (June 2022), RFC 9110, RFC 3986; section numbers stand at each rule in head.c and in tests/strict/cases.mjs.
 */
#ifndef ZT_NET_HEAD_H
#define ZT_NET_HEAD_H

#include "net/server.h"

#define HEAD_BYTES_MAX   (16 * 1024)      /* request line and headers with all line ends */
#define HEAD_LINE_MAX    (8 * 1024 + 32)  /* request line: an 8 KiB target, the longest method, the version */
#define HEAD_TARGET_MAX  (8 * 1024)
#define HEAD_HEADERS_MAX 100

/* Looks for the end of a head byte by byte, so that rubbish is refused on arrival and nothing is looked at twice. Zeroed before a head. */
struct head_scan {
    uint32_t n;                           /* bytes looked at */
    uint32_t line;                        /* where the present line begins */
    uint16_t lines;                       /* complete lines that were not empty */
    bool     cr;                          /* the last byte was CR */
    bool     skipped;                     /* one empty line before the request line was passed over (RFC 9112 2.2) */
};
/* Goes on in p[0..n), the whole head so far. 1: complete, *ret_bytes long; 0: more is needed; < 0: refused (s must not be used on). */
int head_scan(struct head_scan *s, const char *p, size_t n, size_t *ret_bytes, struct err *e);

struct head {
    struct str          method;           /* one of the methods llhttp knows */
    struct str          target;           /* as sent */
    struct str          path;             /* raw, with the leading '/', or "*" (OPTIONS) */
    struct str          query;            /* raw, without '?' */
    struct http_header *headers;
    size_t              n_headers;
    int                 minor;            /* HTTP/1.minor: 0 or 1 */
    int64_t             body_bytes;       /* Content-Length; 0 when there is no body; -1 when chunked */
    bool                keep_alive, expect_continue;
};
/* bytes: a complete head as head_scan() found it. headers: room for HEAD_HEADERS_MAX.
 * Errors: ERR_BAD_HTTP, ERR_HTTP_VERSION, ERR_URI_TOO_LONG, ERR_HEADERS_TOO_BIG. After any of them the connection must be closed. */
int head_parse(struct str bytes, struct http_header *headers, struct head *ret, struct err *e);

/* Percent-decodes the path of a head and refuses what could be read as another path: "//", "." and ".." segments, encoded '/', NUL and
 * controls, bad UTF-8. out: path.n + 1 bytes. Returns the length or ERR_BAD_HTTP. */
int head_path(struct str path, char *out, struct err *e);

/* The first header of that name (any case), STR_NULL when absent. */
struct str head_find(const struct http_header *h, size_t n, struct str name);
/* True when the comma list `value` holds `token` (any case). */
bool head_has_token(struct str value, struct str token);
/* The value of the first cookie of that name in a Cookie header (RFC 6265 4.2.1), STR_NULL when absent. */
struct str head_cookie(struct str header, struct str name);
bool head_is_token(struct str s);         /* RFC 9110 5.6.2, not empty */

#endif
