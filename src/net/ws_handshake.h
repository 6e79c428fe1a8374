/*
 * ws_handshake.h - is this GET the opening handshake of a WebSocket, and what is the answer? Pure, on a head that head_parse() accepted.
 * Owns: nothing.  Threads: any.  Source: RFC 6455 4.2.1, 4.2.2.
 */
#ifndef ZT_NET_WS_HANDSHAKE_H
#define ZT_NET_WS_HANDSHAKE_H

#include "net/server.h"

#define WS_ACCEPT_LEN 28

/* ret_accept: the value of Sec-WebSocket-Accept.
 * Errors: ERR_UPGRADE it asks for no WebSocket, or for another version than 13; ERR_BAD_HTTP it does so wrongly. */
int ws_handshake(const struct http_header *h, size_t n, char ret_accept[WS_ACCEPT_LEN + 1], struct err *e);

/* The first subprotocol the client names that is among `ours` (NULL-ended; or NULL); NULL when there is none. */
const char *ws_handshake_protocol(const struct http_header *h, size_t n, const char *const *ours);

/* May a page of that origin open sockets? Yes when it is ours: it comes from public_url, or from the host it speaks to; or is of
 * net.cors_origins (`friends`). A client that is no browser sends no Origin and no cookies by mistake: yes. */
bool ws_handshake_origin_ok(struct str origin, struct str host, struct str public_url, const struct str *friends, size_t n_friends);

#endif
