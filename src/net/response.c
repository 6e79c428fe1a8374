/* response.c - building an answer: status, headers, body, file, conditional and range requests. */
#include "net/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "net/encoding.h"
#include "net/range.h"

void res_init(struct http_res *res, struct http_call *call) { *res = (struct http_res){ .call = call, .fd = -1 }; }

void res_done(struct http_res *res) {
    if (res->fd >= 0)
        close(res->fd);
    res->fd = -1;
    cached_release(TAKE(res->hold));
}

/* ---- headers ---- */
/* What every answer says unless its handler says otherwise. */
static const struct { struct str name, line; } defaults[] = {
    { { "X-Content-Type-Options", 22 }, { "X-Content-Type-Options: nosniff\r\n", 33 } },
    { { "Referrer-Policy", 15 }, { "Referrer-Policy: same-origin\r\n", 30 } },
    { { "Cache-Control", 13 }, { "Cache-Control: no-store\r\n", 25 } },        /* it may be private */
};

static bool value_ok(struct str v) {
    for (; v.n >= sizeof(uint64_t); v.p += sizeof(uint64_t), v.n -= sizeof(uint64_t))
        if (str_8_has_control(str_8(v.p)))
            return false;
    for (size_t i = 0; i < v.n; i++)
        if ((uint8_t)v.p[i] < 0x20 || v.p[i] == 0x7f)
            return false;
    return true;
}

static void add_header(struct http_res *res, const char *name, struct str value) {
    size_t name_n = strlen(name), need = res->headers_n + name_n + value.n + 4;
    if (!value_ok(value) || need > RES_HEADERS_MAX) {
        log_event(LOG_ERROR, "http.header_refused", F_STR("name", name), F_INT("bytes", (int64_t)value.n));
        return;
    }
    if (need > res->headers_cap) {
        size_t cap = res->headers_cap ? res->headers_cap * 2 : 256;
        while (cap < need)
            cap *= 2;
        char *p = arena_alloc(res->call->req.arena, cap);
        if (res->headers_n)
            memcpy(p, res->headers, res->headers_n);
        res->headers = p;
        res->headers_cap = cap;
    }
    char *p = res->headers + res->headers_n;
    memcpy(p, name, name_n);
    memcpy(p + name_n, ": ", 2);
    if (value.n)
        memcpy(p + name_n + 2, value.p, value.n);
    memcpy(p + name_n + 2 + value.n, "\r\n", 2);
    res->headers_n = need;
    for (unsigned i = 0; i < COUNT(defaults); i++)
        if (str_ieq((struct str){ name, name_n }, defaults[i].name))
            res->defaults_set |= 1u << i;
}

/* Most values are a text as it is: printf() would take as long for one as the parser for the whole head. */
void http_res_header(struct http_res *res, const char *name, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str v = !strchr(fmt, '%')        ? str_z(fmt)
                   : strcmp(fmt, "%s") == 0 ? str_z(va_arg(ap, const char *))
                                            : arena_vprintf(res->call->req.arena, fmt, ap);
    va_end(ap);
    add_header(res, name, v);
}

static void add_etag(struct http_res *res, const char *etag) {
    size_t n = strlen(etag);
    char *quoted = arena_alloc(res->call->req.arena, n + 2);
    quoted[0] = quoted[n + 1] = '"';
    memcpy(quoted + 1, etag, n);
    add_header(res, "ETag", (struct str){ quoted, n + 2 });
}

void http_res_cookie(struct http_res *res, const char *name, const char *value, int64_t max_age_s, bool http_only) {
    bool https = res->call->loop->server->https;
    http_res_header(res, "Set-Cookie", "%s%s=%s; Path=/; Max-Age=%lld; SameSite=Lax%s%s", https ? "__Host-" : "", name, value,
                    (long long)max_age_s, https ? "; Secure" : "", http_only ? "; HttpOnly" : "");
}

/* ---- bodies ---- */
int http_res_body(struct http_res *res, int status, const char *type, struct str body, bool borrowed) {
    if (!borrowed && body.n) {
        struct arena *a = res->call->req.arena;
        size_t used = arena_used(a);
        char *copy = used < CALL_ARENA_MAX && body.n <= CALL_ARENA_MAX - used ? arena_try(a, body.n) : NULL;
        if (!copy)
            return err_set(NULL, ERR_TOO_BIG, "an answer of %zu bytes", body.n);
        memcpy(copy, body.p, body.n);
        body.p = copy;
    }
    res->kind = RES_BYTES;
    res->status = status;
    res->type = type;
    res->body = body;
    return 0;
}

int http_res_empty(struct http_res *res, int status) { return http_res_body(res, status, NULL, STR_NULL, true); }

/* What a request gets of an entity. */
struct selection { int64_t total; struct range ranges[RANGES_MAX]; int n; };

/* What RFC 9110 13.2.2 says in its order: the status to answer a GET with, and for 206 the parts. one_only: several ranges are ignored. */
static int precondition(const struct http_req *req, const char *etag, const char *modified, bool one_only, struct selection *sel) {
    struct str match = http_req_header(req, "If-Match"), none = http_req_header(req, "If-None-Match");
    struct str since = http_req_header(req, "If-Modified-Since"), range = http_req_header(req, "Range");
    struct str if_range = http_req_header(req, "If-Range");
    if (!str_eqz(req->method, "GET") && !str_eqz(req->method, "HEAD"))
        return 200;
    if (match.p && !range_etag_in(match, etag, /* weak= */ false))
        return 412;
    if (none.p ? range_etag_in(none, etag, /* weak= */ true) : modified && str_eqz(since, modified))
        return 304;
    if (!range.p || !str_eqz(req->method, "GET"))
        return 200;
    if (if_range.p && !range_etag_in(if_range, etag, /* weak= */ false) && !(modified && str_eqz(if_range, modified)))
        return 200;
    int n = range_parse(range, sel->total, sel->ranges);
    if (n < 0)
        return 416;
    if (n == 0 || (n > 1 && one_only))
        return 200;
    sel->n = n;
    return 206;
}

/* The headers and status that a file and embedded bytes have in common. Returns the status; 304, 412 and 416 are complete answers. */
static int begin_entity(struct http_res *res, const char *etag, const char *modified, const char *cache_control, bool one_only, struct selection *sel) {
    struct http_req *req = &res->call->req;
    int status = precondition(req, etag, modified, one_only, sel);
    if (status == 412 || status == 416) {
        struct err e;
        err_set(&e, status == 412 ? ERR_PRECONDITION : ERR_RANGE, "%lld bytes in all, and at most %d ranges at once", (long long)sel->total, RANGES_MAX);
        if (status == 416)
            http_res_header(res, "Content-Range", "bytes */%lld", (long long)sel->total);
        http_res_problem(req, res, &e);
        return status;
    }
    add_etag(res, etag);
    if (modified)
        http_res_header(res, "Last-Modified", "%s", modified);
    if (cache_control)
        http_res_header(res, "Cache-Control", "%s", cache_control);
    if (status == 304) {
        http_res_empty(res, 304);
        return status;
    }
    http_res_header(res, "Accept-Ranges", "bytes");
    if (sel->n == 1)
        http_res_header(res, "Content-Range", "bytes %lld-%lld/%lld", (long long)sel->ranges[0].from,
                        (long long)(sel->ranges[0].from + sel->ranges[0].bytes - 1), (long long)sel->total);
    return status;
}

/* RFC 9110 14.6. The boundary is a number that nobody can guess, so no bytes can hold it on purpose. */
static void make_parts(struct http_res *res, const struct selection *sel) {
    struct arena *a = res->call->req.arena;
    struct res_part *parts = ARENA_ARRAY(a, struct res_part, (size_t)sel->n + 1);
    uint8_t raw[12];
    char boundary[2 * sizeof raw + 1];
    crypto_random(raw, sizeof raw);
    hex_encode(raw, sizeof raw, boundary);
    for (int i = 0; i < sel->n; i++) {
        struct range r = sel->ranges[i];
        parts[i] = (struct res_part){ .from = r.from, .bytes = r.bytes };
        parts[i].head = arena_printf(a, "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n\r\n", i ? "\r\n" : "", boundary, res->type,
                                     (long long)r.from, (long long)(r.from + r.bytes - 1), (long long)sel->total);
        res->parts_bytes += (int64_t)parts[i].head.n + r.bytes;
    }
    parts[sel->n].head = arena_printf(a, "\r\n--%s--\r\n", boundary);
    res->parts_bytes += (int64_t)parts[sel->n].head.n;
    res->parts = parts;
    res->n_parts = sel->n + 1;
    res->type = arena_printf(a, "multipart/byteranges; boundary=%s", boundary).p;
}

int http_res_file(struct http_res *res, int fd, int64_t bytes, const char *type, const char *etag, const char *cache_control) {
    struct stat st;
    char modified[30];
    if (fstat(fd, &st) < 0 || st.st_size < bytes) {
        close(fd);
        return ERR_IO;
    }
    clock_http_date((int64_t)st.st_mtime * 1000, modified);
    struct selection sel = { .total = bytes };
    int status = begin_entity(res, etag, modified, cache_control, /* one_only= */ false, &sel);
    if (status != 200 && status != 206) {
        close(fd);
        return 0;
    }
    res_done(res);
    res->kind = RES_FILE;
    res->status = status;
    res->type = type;
    res->fd = fd;
    res->from = sel.n ? sel.ranges[0].from : 0;
    res->bytes = sel.n ? sel.ranges[0].bytes : bytes;
    if (sel.n > 1) {
        res->bytes = 0;
        make_parts(res, &sel);
    }
    return 0;
}

int http_res_static(struct http_res *res, const struct http_static *f) {
    unsigned have = (f->gzip.p ? ENCODING_BIT(ENCODING_GZIP) : 0) | (f->br.p ? ENCODING_BIT(ENCODING_BR) : 0);
    enum encoding coding = have ? encoding_pick(http_req_header(&res->call->req, "Accept-Encoding"), have) : ENCODING_IDENTITY;
    struct str bytes = coding == ENCODING_BR ? f->br : coding == ENCODING_GZIP ? f->gzip : f->bytes;
    int status = f->status;
    struct selection sel = { .total = (int64_t)bytes.n };
    if (have && f->vary)
        http_res_header(res, "Vary", "Accept-Encoding, %s", f->vary);
    else if (have || f->vary)
        http_res_header(res, "Vary", "%s", have ? "Accept-Encoding" : f->vary);
    if (!status) {
        char coded[96];
        const char *etag = f->etag;
        if (coding) {                               /* other bytes are another representation */
            snprintf(coded, sizeof coded, "%s-%s", f->etag, encoding_name[coding]);
            etag = coded;
        }
        /* A Content-Encoding would be that of the whole multipart, not of the parts: several ranges of a coding cannot be said. */
        status = begin_entity(res, etag, NULL, f->cache_control, /* one_only= */ coding != ENCODING_IDENTITY, &sel);
        if (status != 200 && status != 206)
            return 0;
    }
    if (coding)
        http_res_header(res, "Content-Encoding", "%s", encoding_name[coding]);
    if (sel.n == 1)
        bytes = (struct str){ bytes.p + sel.ranges[0].from, (size_t)sel.ranges[0].bytes };
    http_res_body(res, status, f->type, bytes, /* borrowed= */ true);
    if (sel.n > 1)
        make_parts(res, &sel);
    return 0;
}

int http_res_sse(struct http_res *res, int64_t topic, int (*pull)(void *ctx, int64_t *seq, struct buf *out, struct err *e), void *ctx) {
    struct http_req *req = &res->call->req;
    struct str from = http_req_header(req, "Last-Event-ID");
    if (!from.p)
        from = http_req_query(req, "seq");
    int64_t seq = 0;
    if (from.p && (from.n == 0 || from.p[0] == '-' || str_int(from, 0, INT64_MAX, &seq) < 0))
        return ERR_BAD_INPUT;
    struct sse *s = ARENA_NEW(req->arena, struct sse);
    *s = (struct sse){ .topic = topic, .seq = seq, .pull = pull, .ctx = ctx };
    buf_init(&s->out, SSE_OUT_MAX);
    res->call->sse = s;
    res->kind = RES_SSE;
    res->status = 200;
    res->type = "text/event-stream; charset=utf-8";
    http_res_header(res, "X-Accel-Buffering", "no");          /* nginx in front must not collect events */
    return 0;
}

/* ---- the head on the wire ---- */
static const char *status_text(int status) {
    static const struct { int status; const char *text; } table[] = {
        { 101, "Switching Protocols" }, { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 206, "Partial Content" },
        { 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" }, { 403, "Forbidden" },
        { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" }, { 410, "Gone" },
        { 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" }, { 422, "Unprocessable Content" }, { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" }, { 460, "Checksum Mismatch" }, { 500, "Internal Server Error" }, { 502, "Bad Gateway" },
        { 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].status == status)
            return table[i].text;
    return "Status";
}

static char *put(char *p, struct str s) {
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}
static char *put_int(char *p, int64_t v) {
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (n > 0)
        *p++ = digits[--n];
    return p;
}

struct str res_head(struct http_res *res, const char *date, struct str *body) {
    struct http_call *call = res->call;
    struct str type = str_z(res->type), status = str_z(status_text(res->status));
    size_t join_n = body->n <= RES_JOIN_MAX ? body->n : 0;
    char *head = arena_alloc(call->req.arena, 384 + status.n + type.n + res->headers_n + join_n), *p = head;
    p = put(p, STR("HTTP/1.1 "));
    p = put_int(p, res->status);
    *p++ = ' ';
    p = put(p, status);
    p = put(p, STR("\r\nDate: "));
    p = put(p, str_z(date));
    if (type.n) {
        p = put(p, STR("\r\nContent-Type: "));
        p = put(p, type);
    }
    if (res->kind != RES_SSE && res->kind != RES_WEBSOCKET && res->status != 204 && res->status != 304) {
        p = put(p, STR("\r\nContent-Length: "));
        p = put_int(p, res->parts ? res->parts_bytes : res->kind == RES_FILE ? res->bytes : (int64_t)res->body.n);
    }
    p = put(p, STR("\r\n"));
    for (unsigned i = 0; i < COUNT(defaults); i++)
        if (!(res->defaults_set & 1u << i))
            p = put(p, defaults[i].line);
    if (call->loop->server->https)
        p = put(p, STR("Strict-Transport-Security: max-age=31536000\r\n"));
    if (res->status == 101 || res->status == 426)         /* RFC 9110 7.8 and 15.5.22 */
        p = put(p, call->keep_alive ? STR("Upgrade: websocket\r\nConnection: Upgrade\r\n") : STR("Upgrade: websocket\r\nConnection: Upgrade, close\r\n"));
    else if (!call->keep_alive)
        p = put(p, STR("Connection: close\r\n"));
    else if (call->http10)
        p = put(p, STR("Connection: keep-alive\r\n"));
    p = put(p, (struct str){ res->headers, res->headers_n });
    p = put(p, STR("\r\n"));
    if (join_n) {
        put(p, *body);
        body->p = p;
    }
    return (struct str){ head, (size_t)(p - head) };
}
