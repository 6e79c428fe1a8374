/*
 * buf.h - an owned, growing run of bytes with a hard maximum.
 * Invariants: always NUL-terminated once something was added; n <= max; after one failed append `failed` stays set and
 * further appends do nothing, so it is checked once, at the end.  Threads: one at a time.
 * Source of the idea: curl lib/curlx/dynbuf.h.
 */
#ifndef ZT_BASE_BUF_H
#define ZT_BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
    char  *p;
    size_t n, cap, max;
    bool   failed;
};

#define BUF_CLEANUP __attribute__((cleanup(buf_done)))

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);                              /* frees; b may be initialised again */
void buf_reset(struct buf *b);                             /* empties, keeps the memory, clears `failed` */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *z);
void buf_add_c(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t v);
void buf_add_percent(struct buf *b, struct str s);         /* RFC 3986: everything but unreserved characters becomes %XX */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for n more bytes to be written at the returned place, then buf_commit(); NULL past max (sets failed). */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_drop_front(struct buf *b, size_t n);              /* n <= b->n */
static inline struct str buf_str(const struct buf *b) { return (struct str){ b->p, b->n }; }

#endif
