/*
 * jws.h - ES256 by cjose. A file of its own because the headers of OpenSSL have an ERR_STATE too: it knows nothing of base/err.h.
 * Threads: a key may be used by several at once.
 */
#ifndef ZT_AUTH_JWS_H
#define ZT_AUTH_JWS_H

#include <stdbool.h>
#include <stddef.h>

struct jws_key;
struct jws_key *jws_key_new(void);                     /* NULL: no random numbers, or no memory */
struct jws_key *jws_key_read(const char *json, size_t n);    /* a JWK with its private part; NULL: it is none */
char *jws_key_write(const struct jws_key *k);          /* malloc()ed JWK with the private part, or NULL */
void jws_key_free(struct jws_key *k);

/* The compact form with the header {"alg":"ES256","kid":kid}; false when it does not fit. */
bool jws_sign(const struct jws_key *k, const char *kid, const char *payload, char *out, size_t cap);
/* The payload of a token that k signed, cut from nothing but its own bytes. The caller has compared the header. */
bool jws_verify(const struct jws_key *k, const char *token, size_t n, char *out, size_t cap, size_t *ret_n);

#endif
