/*
 * chunked.h - chunked bodies in their one strict form (RFC 9112 7.1): hex size, CRLF, data, CRLF; "0", CRLF, CRLF.
 * No chunk extensions, no trailers, no spaces, no sign, no bare LF: each of them is read in two ways by some pair of servers.
 * The fuzz target holds it against llhttp: whatever is accepted here gives the same bytes there.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_NET_CHUNKED_H
#define ZT_NET_CHUNKED_H

#include "base/err.h"
#include "base/str.h"

#define CHUNK_SIZE_DIGITS_MAX 12      /* 2^48 - 1 bytes; every route's own limit is far below */

struct chunked {                      /* zeroed before a body */
    uint8_t  state, digits;
    uint64_t left;                    /* bytes of the chunk still to come */
};
/* Eats from in: *ret_used bytes, of which *ret_data (a view, may be empty) is body. Call again while *ret_used > 0.
 * 1: the body is over; 0: more to come; ERR_BAD_HTTP. */
int chunked_eat(struct chunked *c, struct str in, size_t *ret_used, struct str *ret_data, struct err *e);

#endif
