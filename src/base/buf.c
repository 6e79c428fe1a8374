/* buf.c - growing by doubling up to max; one spare byte for the NUL. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FIRST ((size_t)64)

void buf_init(struct buf *b, size_t max) {
    assert(max < SIZE_MAX / 2);              /* so that doubling cannot overflow */
    *b = (struct buf){ .max = max };
}

void buf_done(struct buf *b) {
    free(b->p);
    *b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b) {
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = 0;
}

char *buf_reserve(struct buf *b, size_t n) {
    if (b->failed || n > b->max - b->n) {
        b->failed = true;
        return NULL;
    }
    size_t need = b->n + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap * 2 : CAP_FIRST;
        if (cap > b->max + 1)
            cap = b->max + 1;
        if (cap < need)
            cap = need;
        char *p = realloc(b->p, cap);
        if (!p) {
            b->failed = true;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
        b->p[b->n] = 0;
    }
    return b->p + b->n;
}

void buf_commit(struct buf *b, size_t n) {
    assert(b->n + n < b->cap);
    b->n += n;
    b->p[b->n] = 0;
}

void buf_add(struct buf *b, const void *p, size_t n) {
    char *to = buf_reserve(b, n);
    if (!to)
        return;
    if (n)
        memcpy(to, p, n);
    buf_commit(b, n);
}

void buf_add_str(struct buf *b, struct str s) { buf_add(b, s.p, s.n); }
void buf_add_z(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }
void buf_add_c(struct buf *b, char c) {
    if (!b->failed && b->n < b->max && b->n + 1 < b->cap) {
        b->p[b->n++] = c;
        b->p[b->n] = 0;
    } else {
        buf_add(b, &c, 1);
    }
}

/* By hand: most of what is answered are numbers, and printf() took longer for them than the database to find them. */
void buf_add_int(struct buf *b, int64_t v) {
    char digits[20];                         /* of INT64_MIN, with its sign */
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (v < 0)
        digits[--at] = '-';
    buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_add_percent(struct buf *b, struct str s) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~')
            buf_add_c(b, (char)c);
        else
            buf_add(b, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
    }
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    size_t spare = b->failed || !b->cap ? 0 : b->cap - b->n;
    int n = vsnprintf(spare ? b->p + b->n : NULL, spare, fmt, ap);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < spare) {
        b->n += (size_t)n;
    } else {
        if (spare)
            b->p[b->n] = 0;                  /* take back the half that fitted */
        char *to = buf_reserve(b, (size_t)n);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            buf_commit(b, (size_t)n);
        }
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_drop_front(struct buf *b, size_t n) {
    assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}
