/*
 * str.h - a borrowed view of bytes.
 * Owns: nothing; never freed; may contain NUL; `p` may be NULL only when n == 0.  Threads: any.
 */
#ifndef ZT_BASE_STR_H
#define ZT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t      n;
};

#define STR(lit)  ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NULL  ((struct str){ NULL, 0 })
/* For printf: "%.*s" with STR_ARG(s). Views longer than 2 GiB do not occur (every input has a limit). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline struct str str_z(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_eqz(struct str a, const char *z) { return str_eq(a, str_z(z)); }

/* Eight bytes at once. Not 0: one of them is that byte; is a control character (0x00 .. 0x1f, 0x7f). Which one, the bits do not say. */
#define STR_8(c) (UINT64_C(0x0101010101010101) * (uint8_t)(c))
static inline uint64_t str_8(const char *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint64_t str_8_has(uint64_t v, char c) { v ^= STR_8(c); return (v - STR_8(1)) & ~v & STR_8(0x80); }
static inline uint64_t str_8_has_control(uint64_t v) { return ((v - STR_8(0x20)) & ~v & STR_8(0x80)) | str_8_has(v, 0x7f); }

int str_cmp(struct str a, struct str b);                   /* bytewise; what another begins with comes before it */
bool str_ieq(struct str a, struct str b);                 /* ASCII case folded */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);                        /* spaces and tabs, both ends */
/* Cuts *rest at the first `sep`: returns what stood before it, *rest becomes what stands behind (STR_NULL at the end). */
struct str str_cut(struct str *rest, char sep);
/* Strict decimal: digits only (one leading '-' allowed), no spaces, no overflow, within [min, max]. 0 or ERR_BAD_INPUT. */
int str_int(struct str s, int64_t min, int64_t max, int64_t *ret_v);
/* Bytes of the well-formed UTF-8 character s begins with, 1..4; 0 when s is empty or does not begin with one. */
size_t str_utf8_char(struct str s);
/* True when s is well-formed UTF-8 (no overlong forms, no surrogates, <= U+10FFFF). */
bool str_utf8(struct str s);

#endif
