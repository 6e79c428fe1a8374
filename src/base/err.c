/* err.c - the table of reasons and the three ways to fill a struct err. */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct reason reasons[] = {
#define REASON(id, code, http, retry, en, next_en, zh, next_zh) { ERR_##id, code, http, RETRY_##retry, en, next_en, zh, next_zh },
#include "reasons.def"
#undef REASON
};

#define REASON_COUNT (sizeof(reasons) / sizeof(reasons[0]))

/* Length of text[0..n) without the UTF-8 sequence that a cut at n left incomplete. */
static size_t whole_characters(const char *text, size_t n) {
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return n;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return n - start + 1 < want ? start - 1 : n;
}

/* Formats into a copy first, because callers pass e->text itself as an argument. */
__attribute__((format(printf, 2, 0)))
static void fill(struct err *e, const char *fmt, va_list ap, const char *tail_sep, const char *tail) {
    char text[sizeof(e->text)];
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used < sizeof(text)) {
        int more = snprintf(text + used, sizeof(text) - used, "%s%s", tail_sep, tail);
        used += more < 0 ? 0 : (size_t)more;
    }
    if (used >= sizeof(text))
        used = whole_characters(text, sizeof(text) - 1);
    text[used] = 0;
    memcpy(e->text, text, used + 1);
}

int err_set(struct err *e, int code, const char *fmt, ...) {
    assert(code < 0);
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    fill(e, fmt, ap, "", "");
    va_end(ap);
    e->code = code;
    return code;
}

int err_sys(struct err *e, int code, const char *fmt, ...) {
    int saved = errno;
    assert(code < 0);
    if (saved == ENOSPC || saved == EDQUOT)
        code = ERR_DISK_FULL;
    if (!e)
        return code;
    char room[128];
    va_list ap;
    va_start(ap, fmt);
    fill(e, fmt, ap, ": ", strerror_r(saved, room, sizeof(room)));
    va_end(ap);
    e->code = code;
    return code;
}

int err_prefix(struct err *e, const char *fmt, ...) {
    assert(e && e->code < 0);
    char old[sizeof(e->text)];
    memcpy(old, e->text, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    fill(e, fmt, ap, "", old);
    va_end(ap);
    return e->code;
}

const struct reason *err_reason(int code) {
    if (code <= ERR__BASE || code >= ERR__END)
        code = ERR_INTERNAL;
    return &reasons[code - ERR__BASE - 1];
}

const struct reason *err_reason_of(const char *code) {
    for (size_t i = 0; *code && i < REASON_COUNT; i++)
        if (strcmp(reasons[i].code, code) == 0)
            return &reasons[i];
    return NULL;
}
