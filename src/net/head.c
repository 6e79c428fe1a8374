/* head.c - the scan on arrival, llhttp over the complete head, then the guard's rules one by one. */
#include "net/head.h"

#include <llhttp.h>

/* ---- character classes (RFC 9110 5.6.2, RFC 3986 3.3 and 3.4) ---- */
enum { C_TOKEN = 1, C_PATH = 2, C_QUERY = 4, C_HOST = 8, C_CTL = 16 };
#define ALNUM (C_TOKEN | C_PATH | C_QUERY | C_HOST)
static const uint8_t class_of[256] = {
    [0 ... 8] = C_CTL, [10 ... 31] = C_CTL, [127] = C_CTL,
    ['0' ... '9'] = ALNUM, ['A' ... 'Z'] = ALNUM, ['a' ... 'z'] = ALNUM,
    ['-'] = ALNUM, ['.'] = ALNUM, ['_'] = ALNUM, ['~'] = ALNUM,
    ['!'] = ALNUM, ['$'] = ALNUM, ['&'] = ALNUM, ['\''] = ALNUM, ['*'] = ALNUM, ['+'] = ALNUM,
    ['('] = C_PATH | C_QUERY | C_HOST, [')'] = C_PATH | C_QUERY | C_HOST, [','] = C_PATH | C_QUERY | C_HOST,
    [';'] = C_PATH | C_QUERY | C_HOST, ['='] = C_PATH | C_QUERY | C_HOST,
    ['%'] = ALNUM, [':'] = C_PATH | C_QUERY, ['@'] = C_PATH | C_QUERY, ['/'] = C_PATH | C_QUERY, ['?'] = C_QUERY,
    ['#'] = C_TOKEN, ['^'] = C_TOKEN | C_QUERY, ['`'] = C_TOKEN | C_QUERY, ['|'] = C_TOKEN | C_QUERY,
    /* browsers send these unencoded in a query (WHATWG URL, "query percent-encode set"); they cannot change its meaning */
    ['['] = C_QUERY, [']'] = C_QUERY, ['{'] = C_QUERY, ['}'] = C_QUERY, ['\\'] = C_QUERY,
};
static bool all_of(struct str s, uint8_t mask) {
    for (size_t i = 0; i < s.n; i++)
        if (!(class_of[(uint8_t)s.p[i]] & mask))
            return false;
    return true;
}
bool head_is_token(struct str s) { return s.n > 0 && all_of(s, C_TOKEN); }

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
static bool escapes_ok(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && (s.n - i < 3 || hex_of(s.p[i + 1]) < 0 || hex_of(s.p[i + 2]) < 0))
            return false;
    return true;
}

/* ---- the scan ---- */
/* The LF of a line has come: 1 when it was the empty line that ends the head. */
static int line_end(struct head_scan *s, struct err *e) {
    uint32_t line_bytes = s->n - s->line;               /* with CR, without LF */
    s->line = s->n + 1;
    if (line_bytes > 1) {
        if (++s->lines > HEAD_HEADERS_MAX + 1)
            return err_set(e, ERR_HEADERS_TOO_BIG, "more than %d headers", HEAD_HEADERS_MAX);
        return 0;
    }
    if (s->lines > 0)
        return 1;
    if (s->skipped)
        return err_set(e, ERR_BAD_HTTP, "more than one empty line before the request line");
    s->skipped = true;
    return 0;
}

static int scan_byte(struct head_scan *s, uint8_t c, struct err *e) {
    if (s->cr) {
        s->cr = false;
        return c == '\n' ? line_end(s, e) : err_set(e, ERR_BAD_HTTP, "CR without LF at byte %u", s->n);
    }
    if (c == '\r') {
        s->cr = true;
        return 0;
    }
    if (c == '\n')
        return err_set(e, ERR_BAD_HTTP, "LF without CR at byte %u", s->n);
    if (class_of[c] & C_CTL)
        return err_set(e, ERR_BAD_HTTP, "control character 0x%02x at byte %u", c, s->n);
    if (s->n == s->line && (c == ' ' || c == '\t'))     /* RFC 9112 2.2 and 5.2: obs-fold, or a space before the first header */
        return err_set(e, ERR_BAD_HTTP, "line begins with white space at byte %u", s->n);
    if (s->lines == 0 && s->n - s->line >= HEAD_LINE_MAX)
        return err_set(e, ERR_URI_TOO_LONG, "the request line is over %d bytes", HEAD_LINE_MAX);
    return 0;
}

/* Within a line, what scan_byte() has nothing to say about: most of a head. */
static void pass_plain(struct head_scan *s, const char *p, size_t n) {
    size_t end = n < HEAD_BYTES_MAX ? n : HEAD_BYTES_MAX, at = s->n;
    if (s->lines == 0 && end > (size_t)s->line + HEAD_LINE_MAX)
        end = (size_t)s->line + HEAD_LINE_MAX;
    if (s->cr || s->n == s->line)
        return;
    while (at + sizeof(uint64_t) <= end && !str_8_has_control(str_8(p + at)))
        at += sizeof(uint64_t);
    while (at < end && (uint8_t)p[at] >= 0x20 && (uint8_t)p[at] != 0x7f)
        at++;
    s->n = (uint32_t)at;
}

int head_scan(struct head_scan *s, const char *p, size_t n, size_t *ret_bytes, struct err *e) {
    while (s->n < n) {
        pass_plain(s, p, n);
        if (s->n == n)
            break;
        if (s->n >= HEAD_BYTES_MAX)
            return err_set(e, ERR_HEADERS_TOO_BIG, "the head is over %d bytes", HEAD_BYTES_MAX);
        int r = scan_byte(s, (uint8_t)p[s->n], e);
        if (r < 0)
            return r;
        s->n++;
        if (r > 0) {
            *ret_bytes = s->n;
            return 1;
        }
    }
    return 0;
}

/* ---- llhttp: finds the pieces ---- */
struct pieces {
    struct head *head;
    bool         too_many;
};

static int on_method(llhttp_t *l, const char *p, size_t n) {
    ((struct pieces *)l->data)->head->method = (struct str){ p, n };
    return 0;
}
static int on_url(llhttp_t *l, const char *p, size_t n) {
    ((struct pieces *)l->data)->head->target = (struct str){ p, n };
    return 0;
}
static int on_field(llhttp_t *l, const char *p, size_t n) {
    struct pieces *x = l->data;
    if (x->head->n_headers == HEAD_HEADERS_MAX) {
        x->too_many = true;
        return HPE_USER;
    }
    x->head->headers[x->head->n_headers++] = (struct http_header){ { p, n }, { p + n, 0 } };
    return 0;
}
static int on_value(llhttp_t *l, const char *p, size_t n) {
    struct pieces *x = l->data;
    x->head->headers[x->head->n_headers - 1].value = str_trim((struct str){ p, n });
    return 0;
}
static int on_end(llhttp_t *l) { return HPE_PAUSED; }

static const llhttp_settings_t settings = {
    .on_method = on_method, .on_url = on_url, .on_header_field = on_field, .on_header_value = on_value, .on_headers_complete = on_end,
};

static int find_pieces(struct str bytes, struct head *h, struct err *e) {
    llhttp_t l;
    struct pieces x = { .head = h };
    llhttp_init(&l, HTTP_REQUEST, &settings);
    l.data = &x;
    llhttp_errno_t r = llhttp_execute(&l, bytes.p, bytes.n);
    if (x.too_many)
        return err_set(e, ERR_HEADERS_TOO_BIG, "more than %d headers", HEAD_HEADERS_MAX);
    if (r == HPE_INVALID_VERSION)
        return err_set(e, ERR_HTTP_VERSION, "the version of the request line is not HTTP/1.0 or HTTP/1.1");
    if (r != HPE_PAUSED)
        return err_set(e, ERR_BAD_HTTP, "%s", r == HPE_OK ? "the head is not complete" : llhttp_get_error_reason(&l));
    if (llhttp_get_error_pos(&l) != bytes.p + bytes.n)  /* the two readers see the end in different places */
        return err_set(e, ERR_BAD_HTTP, "the end of the head is ambiguous");
    if (l.http_major != 1 || l.http_minor > 1)
        return err_set(e, ERR_HTTP_VERSION, "HTTP/%u.%u is not spoken here", l.http_major, l.http_minor);
    h->minor = l.http_minor;
    return 0;
}

/* ---- the guard ---- */
/* RFC 9112 3: exactly "method SP target SP HTTP/1.x CRLF" - compared with what llhttp took out, so that nothing else can be in the line. */
static int check_line(struct str bytes, const struct head *h, struct err *e) {
    struct str line = bytes;
    if (str_starts(line, STR("\r\n")))
        line = (struct str){ line.p + 2, line.n - 2 };
    line = str_cut(&line, '\r');
    struct str method = str_cut(&line, ' '), target = str_cut(&line, ' ');
    if (!str_eq(method, h->method) || !str_eq(target, h->target) || line.n != 8 || !str_starts(line, STR("HTTP/1.")))
        return err_set(e, ERR_BAD_HTTP, "the request line is not: method, one space, target, one space, version");
    if (target.n > HEAD_TARGET_MAX)
        return err_set(e, ERR_URI_TOO_LONG, "the request target is over %d bytes", HEAD_TARGET_MAX);
    return 0;
}

/* RFC 9112 3.2: origin-form; "*" for OPTIONS; absolute-form for http(s) only when its authority is the Host. authority-form never. */
static int split_target(struct head *h, struct str host, struct err *e) {
    struct str t = h->target, scheme = { t.p, 0 };
    if (str_eqz(t, "*")) {
        h->path = t;
        return str_eqz(h->method, "OPTIONS") ? 0 : err_set(e, ERR_BAD_HTTP, "the target \"*\" is for OPTIONS only");
    }
    if (t.n >= 7 && str_ieq((struct str){ t.p, 7 }, STR("http://")))
        scheme.n = 7;
    else if (t.n >= 8 && str_ieq((struct str){ t.p, 8 }, STR("https://")))
        scheme.n = 8;
    if (scheme.n) {
        t = (struct str){ t.p + scheme.n, t.n - scheme.n };
        size_t authority = 0;
        while (authority < t.n && t.p[authority] != '/' && t.p[authority] != '?')
            authority++;
        if (!host.n || !str_ieq((struct str){ t.p, authority }, host))
            return err_set(e, ERR_BAD_HTTP, "the target names another host than the Host header");
        t = (struct str){ t.p + authority, t.n - authority };
    }
    h->query = t;
    h->path = str_cut(&h->query, '?');
    if (h->path.n == 0 && scheme.n)                     /* RFC 9112 3.2.1: "http://host" is "/" */
        h->path = STR("/");
    if (h->path.n == 0 || h->path.p[0] != '/')
        return err_set(e, ERR_BAD_HTTP, "the target does not begin with '/'");
    if (!all_of(h->path, C_PATH) || !all_of(h->query, C_QUERY))
        return err_set(e, ERR_BAD_HTTP, "the target has a character that must be percent-encoded");
    if (!escapes_ok(h->query))                          /* of the path, head_path() says it */
        return err_set(e, ERR_BAD_HTTP, "the target has a broken percent-encoding");
    return 0;
}

/* RFC 9110 7.2, RFC 3986 3.2.2: reg-name, IPv4 or [IPv6], then an optional port. No userinfo, never empty. */
static bool host_ok(struct str v) {
    struct str port = v;
    if (v.n && v.p[0] == '[') {
        struct str ip = str_cut(&port, ']');
        if (!port.p || ip.n < 3 || (port.n && port.p[0] != ':'))
            return false;
        for (size_t i = 1; i < ip.n; i++)
            if (hex_of(ip.p[i]) < 0 && ip.p[i] != ':' && ip.p[i] != '.')
                return false;
        str_cut(&port, ':');
    } else {
        struct str name = str_cut(&port, ':');
        if (name.n == 0 || name.n > 255 || !all_of(name, C_HOST) || !escapes_ok(name))
            return false;
    }
    int64_t n;
    return port.n == 0 || (port.n <= 5 && port.p[0] != '-' && str_int(port, 0, 65535, &n) == 0);
}

/* Headers that make a request ambiguous when they come twice: one reader takes the first, another the last. */
static int check_single(const struct head *h, struct err *e) {
    static const struct str single[] = {
        { "host", 4 }, { "content-length", 14 }, { "transfer-encoding", 17 }, { "content-type", 12 }, { "authorization", 13 },
        { "cookie", 6 }, { "expect", 6 }, { "range", 5 }, { "idempotency-key", 15 }, { "origin", 6 }, { "upload-offset", 13 },
    };
    unsigned seen = 0;
    for (size_t i = 0; i < h->n_headers; i++)
        for (unsigned k = 0; k < COUNT(single); k++)
            if (h->headers[i].name.n == single[k].n && str_ieq(h->headers[i].name, single[k])) {
                if (seen & (1u << k))
                    return err_set(e, ERR_BAD_HTTP, "%s is given twice", single[k].p);
                seen |= 1u << k;
            }
    return 0;
}

/* RFC 9112 6: the length of the body has one source and one meaning. */
static int check_framing(struct head *h, struct str te, struct str cl, struct err *e) {
    h->body_bytes = 0;
    if (te.p && cl.p)
        return err_set(e, ERR_BAD_HTTP, "both Transfer-Encoding and Content-Length");
    if (te.p) {
        if (h->minor == 0)
            return err_set(e, ERR_BAD_HTTP, "Transfer-Encoding in HTTP/1.0");
        if (!str_ieq(te, STR("chunked")))
            return err_set(e, ERR_BAD_HTTP, "the only transfer coding taken is chunked");
        h->body_bytes = -1;
    } else if (cl.p) {
        if (cl.n == 0 || cl.p[0] == '-' || str_int(cl, 0, INT64_MAX, &h->body_bytes) < 0)
            return err_set(e, ERR_BAD_HTTP, "Content-Length is not a number");
    }
    return 0;
}

static int check_headers(struct head *h, struct err *e) {
    struct str te = STR_NULL, cl = STR_NULL, host = STR_NULL, connection = STR_NULL, expect = STR_NULL;
    bool close = false, keep = false;
    for (size_t i = 0; i < h->n_headers; i++) {
        const struct http_header *x = &h->headers[i];
        if (!head_is_token(x->name) || x->name.p[x->name.n] != ':')     /* RFC 9112 5.1: nothing between name and colon */
            return err_set(e, ERR_BAD_HTTP, "header %zu has no valid name", i + 1);
        switch (x->name.n) {
        case 4: if (str_ieq(x->name, STR("host"))) host = x->value; break;
        case 6: if (str_ieq(x->name, STR("expect"))) expect = x->value; break;
        case 14: if (str_ieq(x->name, STR("content-length"))) cl = x->value; break;
        case 17: if (str_ieq(x->name, STR("transfer-encoding"))) te = x->value; break;
        case 10:
            if (!str_ieq(x->name, STR("connection")))
                break;
            connection = x->value;
            close |= head_has_token(connection, STR("close"));
            keep |= head_has_token(connection, STR("keep-alive"));
            break;
        default: break;
        }
    }
    h->keep_alive = !close && (h->minor == 1 || keep);
    if (check_single(h, e) < 0)
        return e->code;
    if (host.p ? !host_ok(host) : h->minor == 1)        /* RFC 9112 3.2 */
        return err_set(e, ERR_BAD_HTTP, host.p ? "Host is not a valid host" : "Host is missing");
    if (check_framing(h, te, cl, e) < 0 || split_target(h, host, e) < 0)
        return e->code;
    if (expect.p && !str_ieq(expect, STR("100-continue")))
        return err_set(e, ERR_BAD_HTTP, "the only expectation met is 100-continue");
    h->expect_continue = expect.p && h->minor == 1 && h->body_bytes != 0;
    return 0;
}

int head_parse(struct str bytes, struct http_header *headers, struct head *ret, struct err *e) {
    struct err own;
    if (!e)
        e = &own;
    *ret = (struct head){ .headers = headers };
    int r = find_pieces(bytes, ret, e);
    if (r == 0)
        r = check_line(bytes, ret, e);
    return r < 0 ? r : check_headers(ret, e);
}

/* ---- helpers on a good head ---- */
int head_path(struct str path, char *out, struct err *e) {
    size_t n = 0, segment = 1;                          /* where the segment under way begins in out */
    if (!escapes_ok(path))
        return err_set(e, ERR_BAD_HTTP, "the path has a broken percent-encoding");
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        bool escaped = c == '%';
        if (escaped) {
            c = (char)(hex_of(path.p[i + 1]) << 4 | hex_of(path.p[i + 2]));
            i += 2;
            if (c == '/' || class_of[(uint8_t)c] & C_CTL || c == '\t')
                return err_set(e, ERR_BAD_HTTP, "the path has an encoded '/' or control character");
        }
        out[n++] = c;
        bool last = i + 1 == path.n;
        if ((c == '/' && n > 1) || last) {
            struct str s = { out + segment, n - segment - (c == '/' && n > 1) };
            if (n == 1)
                break;
            if (s.n == 0 || str_eqz(s, ".") || str_eqz(s, ".."))
                return err_set(e, ERR_BAD_HTTP, "the path has an empty or dot segment");
            segment = n;
        }
    }
    out[n] = 0;
    if (!str_utf8((struct str){ out, n }))
        return err_set(e, ERR_BAD_HTTP, "the path is not UTF-8");
    return (int)n;
}

struct str head_find(const struct http_header *h, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (h[i].name.n == name.n && str_ieq(h[i].name, name))
            return h[i].value;
    return STR_NULL;
}

bool head_has_token(struct str value, struct str token) {
    while (value.n)
        if (str_ieq(str_trim(str_cut(&value, ',')), token))
            return true;
    return false;
}

struct str head_cookie(struct str header, struct str name) {
    while (header.n) {
        struct str value = str_trim(str_cut(&header, ';')), key = str_cut(&value, '=');
        if (value.p && str_eq(str_trim(key), name))
            return str_trim(value);
    }
    return STR_NULL;
}
