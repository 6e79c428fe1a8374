/*
 * id.h - 64-bit ids made by the server: 42 bits ms since 2024-01-01, 8 bits node, 13 bits sequence; top bit 0.
 * Sortable by birth, never a secret. Outside they are "<kind>_" + 13 digits of Crockford base32 ("task_0KX...").
 * Threads: any (one atomic).
 */
#ifndef ZT_BASE_ID_H
#define ZT_BASE_ID_H

#include "base/str.h"

#define ID_TEXT_MAX 32             /* longest kind is 16 letters: 16 + 1 + 13 + NUL */

void id_set_node(unsigned node);   /* 0..255, once at start */
int64_t id_new(void);              /* > 0; never the same twice in one node, also when the clock steps back */
void id_pass(int64_t seen);        /* that one was met, of an earlier process or another node: all that are made from now on are larger */
/* No id that is made at that time or later is smaller: for walks along a primary key from some moment on. */
int64_t id_at_ms(int64_t ms);
int64_t id_ms(int64_t id);         /* clock_ms() of its birth */
/* Writes "<kind>_<base32>" and NUL; returns the length. kind: lower-case letters, at most 16. */
size_t id_text(char out[ID_TEXT_MAX], const char *kind, int64_t id);
/* The reverse; refuses another kind, lower-case digits, I L O U, and values over 63 bits. 0 or ERR_BAD_INPUT. */
int id_parse(struct str s, const char *kind, int64_t *ret_id);

#endif
