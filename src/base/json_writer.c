/* json_writer.c - JSON out: straight into the buffer, the only state being where a comma is due. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/id.h"

#define DEPTH_MAX 32

void jw_init(struct jw *w, struct buf *b) { *w = (struct jw){ .b = b }; }

/* In front of every value: a comma unless it is the first of its container or follows its key. */
static void before_value(struct jw *w) {
    if (w->key) {
        w->key = false;
        return;
    }
    if (w->comma[w->depth])
        buf_add_c(w->b, ',');
    w->comma[w->depth] = true;
}

static void open_container(struct jw *w, char c) {
    before_value(w);
    assert(w->depth < DEPTH_MAX);
    buf_add_c(w->b, c);
    w->depth++;
    w->comma[w->depth] = false;
}

static void close_container(struct jw *w, char c) {
    assert(w->depth > 0 && !w->key);
    w->depth--;
    buf_add_c(w->b, c);
}

void jw_obj(struct jw *w) { open_container(w, '{'); }
void jw_end_obj(struct jw *w) { close_container(w, '}'); }
void jw_arr(struct jw *w) { open_container(w, '['); }
void jw_end_arr(struct jw *w) { close_container(w, ']'); }

/* Bytes at the start of s that stand for themselves inside quotes. */
static size_t plain_run(struct str s) {
    size_t n = 0;
    for (uint64_t v; s.n - n >= sizeof v; n += sizeof v) {
        v = str_8(s.p + n);
        if (str_8_has_control(v) | str_8_has(v, '"') | str_8_has(v, '\\') | (v & STR_8(0x80)))
            break;
    }
    while (n < s.n) {
        unsigned char c = (unsigned char)s.p[n];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
            break;
        size_t k = c < 0x80 ? 1 : str_utf8_char((struct str){ s.p + n, s.n - n });
        if (k == 0)
            break;
        n += k;
    }
    return n;
}

static void escape_one(struct buf *b, unsigned char c) {
    switch (c) {
    case '"': buf_add_z(b, "\\\""); break;
    case '\\': buf_add_z(b, "\\\\"); break;
    case '\n': buf_add_z(b, "\\n"); break;
    case '\r': buf_add_z(b, "\\r"); break;
    case '\t': buf_add_z(b, "\\t"); break;
    default:
        if (c < 0x80)
            buf_printf(b, "\\u%04x", c);
        else
            buf_add_z(b, "\xEF\xBF\xBD");       /* U+FFFD for a byte that is not UTF-8 */
    }
}

static void quoted(struct buf *b, struct str s) {
    size_t n = plain_run(s);
    char *to = n == s.n ? buf_reserve(b, n + 2) : NULL;
    if (to) {                                       /* nearly always: in one piece */
        to[0] = to[n + 1] = '"';
        if (n)
            memcpy(to + 1, s.p, n);
        buf_commit(b, n + 2);
        return;
    }
    buf_add_c(b, '"');
    while (s.n) {
        n = plain_run(s);
        buf_add(b, s.p, n);
        s.p += n, s.n -= n;
        if (s.n) {
            escape_one(b, (unsigned char)s.p[0]);
            s.p++, s.n--;
        }
    }
    buf_add_c(b, '"');
}

void jw_key(struct jw *w, const char *key) {
    assert(!w->key && w->depth > 0);
    before_value(w);
    struct str k = str_z(key);
    char *to = plain_run(k) == k.n ? buf_reserve(w->b, k.n + 3) : NULL;
    if (to) {                                       /* in one piece: half of all that is written are keys */
        to[0] = '"';
        memcpy(to + 1, k.p, k.n);
        memcpy(to + 1 + k.n, "\":", 2);
        buf_commit(w->b, k.n + 3);
    } else {
        quoted(w->b, k);
        buf_add_c(w->b, ':');
    }
    w->key = true;
}

void jw_str(struct jw *w, struct str s) {
    before_value(w);
    quoted(w->b, s);
}

void jw_int(struct jw *w, int64_t v) {
    before_value(w);
    buf_add_int(w->b, v);
}

void jw_real(struct jw *w, double v, int decimals) {
    before_value(w);
    if (isfinite(v))
        buf_printf(w->b, "%.*f", decimals, v);
    else
        buf_add_z(w->b, "null");
}

void jw_bool(struct jw *w, bool v) {
    before_value(w);
    buf_add_z(w->b, v ? "true" : "false");
}

void jw_null(struct jw *w) {
    before_value(w);
    buf_add_z(w->b, "null");
}

void jw_raw(struct jw *w, struct str json) {
    before_value(w);
    buf_add_str(w->b, json);
}

void jw_id(struct jw *w, const char *kind, int64_t id) {
    if (id == 0) {
        jw_null(w);
        return;
    }
    char text[ID_TEXT_MAX];
    size_t n = id_text(text, kind, id);
    jw_str(w, (struct str){ text, n });
}

void jw_kstr(struct jw *w, const char *key, struct str s) { jw_key(w, key), jw_str(w, s); }
void jw_kint(struct jw *w, const char *key, int64_t v) { jw_key(w, key), jw_int(w, v); }
void jw_kbool(struct jw *w, const char *key, bool v) { jw_key(w, key), jw_bool(w, v); }
void jw_kreal(struct jw *w, const char *key, double v, int decimals) { jw_key(w, key), jw_real(w, v, decimals); }
void jw_kid(struct jw *w, const char *key, const char *kind, int64_t id) { jw_key(w, key), jw_id(w, kind, id); }

void jw_kz(struct jw *w, const char *key, const char *z) {
    jw_key(w, key);
    if (z)
        jw_str(w, str_z(z));
    else
        jw_null(w);
}
