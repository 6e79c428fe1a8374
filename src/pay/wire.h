/*
 * wire.h - how payment providers write things: forms, decimal yuan, times of Beijing, and JSON whose very bytes were signed.
 * Pure; no floating point anywhere.  Threads: any.
 */
#ifndef ZT_PAY_WIRE_H
#define ZT_PAY_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define WIRE_PAIRS_MAX 100
#define WIRE_FEN_MAX   INT64_C(100000000000)            /* a thousand million yuan */

/* "&name=value" (without the & when out is empty). name: as it is; value: encoded. */
void wire_add(struct buf *out, const char *name, struct str value);
void wire_add_int(struct buf *out, const char *name, int64_t value);

struct wire_pair { struct str name, value; };
/*
 * application/x-www-form-urlencoded. Names and values live in the arena, and are any bytes but NUL. ERR_BAD_INPUT: a broken escape, a NUL, a
 * name twice or empty, more than WIRE_PAIRS_MAX pairs; ERR_TOO_BIG: over the arena. Sorted by name, bytewise.
 */
int wire_form(struct str body, struct arena *a, struct wire_pair pairs[WIRE_PAIRS_MAX], size_t *ret_n, struct err *e);
struct str wire_find(const struct wire_pair *pairs, size_t n, const char *name);       /* STR_NULL when absent */

/* "19.9", "19.90", "19" are 1990 and 1900 fen; nothing else is taken: no sign, no exponent, no third digit, not over a thousand million yuan. */
int wire_yuan(struct str s, int64_t *ret_fen);
void wire_yuan_text(int64_t fen, char out[24]);        /* "19.90"; fen >= 0 */

/* "2026-01-01T10:34:56+08:00", with or without a fraction; "Z" is +00:00. Years 1970..9999, no leap second. */
int wire_rfc3339(struct str s, int64_t *ret_ms);
/* "2026-01-02 11:04:05", in China. */
int wire_china(struct str s, int64_t *ret_ms);
void wire_china_text(int64_t ms, char out[20]);        /* the same */
void wire_china_rfc3339(int64_t ms, char out[26]);     /* "2026-01-02T11:04:05+08:00" */

/*
 * The bytes of a member of a JSON object, exactly as they stand there. text: must have been read by json_read() before.
 * ERR_NOT_FOUND: text is no object, or has no such member; one whose name is written with escapes is not found.
 */
int wire_member(struct str text, const char *key, struct str *ret_bytes);

#endif
