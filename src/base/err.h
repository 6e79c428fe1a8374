/*
 * err.h - what went wrong, said once, where the cause is known.
 * Owns: nothing.  Threads: any.  Uses: nothing.
 *
 * A function that can fail returns int: >= 0 success, < 0 one of ERR_*. The codes, their HTTP status, retry rule and the
 * words shown to people are born together in reasons.def.
 */
#ifndef ZT_BASE_ERR_H
#define ZT_BASE_ERR_H

enum retry { RETRY_NEVER, RETRY_LATER, RETRY_ASK };

enum {
    ERR__BASE = -1000,
#define REASON(id, code, http, retry, en, next_en, zh, next_zh) ERR_##id,
#include "reasons.def"
#undef REASON
    ERR__END
};

/* One row of reasons.def; static, never freed. */
struct reason {
    int         err;      /* ERR_* */
    const char *code;     /* stable, part of the API */
    int         http;     /* status, 400..599 */
    enum retry  retry;
    const char *en, *next_en, *zh, *next_zh;
};

/* Written by whoever found the cause; untouched on success. `text` is the particular detail, English, for the answer and the log;
 * too long a detail is cut between two UTF-8 characters. */
struct err {
    int  code;
    char text[240];
};

/* Sets *e (e may be NULL) and returns code, so that `return err_set(e, ERR_X, "...")` is one line. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set, and appends ": " and strerror(errno). ENOSPC, EDQUOT become ERR_DISK_FULL whatever code was asked. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds words in front of the detail already in *e, which must hold an error ("product.yaml:3: " ...). Returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The row of a code; unknown codes give the row of ERR_INTERNAL, never NULL. */
const struct reason *err_reason(int code);
/* The row of a stable code text, or NULL. */
const struct reason *err_reason_of(const char *code);

#endif
