/*
 * crypto.h - the few primitives the rooms need, all from libsodium; no home-made crypto.
 * Threads: any after crypto_setup().
 */
#ifndef ZT_BASE_CRYPTO_H
#define ZT_BASE_CRYPTO_H

#include "base/buf.h"
#include "base/err.h"

#define SHA256_LEN 32
#define SHA256_HEX 64

int crypto_setup(struct err *e);                       /* once, before threads */
void crypto_random(void *p, size_t n);

struct sha256 { _Alignas(16) unsigned char state[112]; };   /* opaque */
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t out[SHA256_LEN]);
void sha256_hex(const void *p, size_t n, char out[SHA256_HEX + 1]);

void hex_encode(const void *p, size_t n, char *out);   /* 2n + 1 bytes, lower case */
int hex_decode(struct str s, uint8_t *out, size_t n);  /* exactly 2n digits; 0 or ERR_BAD_INPUT */
/* URL-safe without padding. out: 4*ceil(n/3)+1 bytes. */
size_t base64url_encode(const void *p, size_t n, char *out);
/* standard=true: RFC 4648 section 4 with padding; else URL-safe, no padding. Returns bytes written or ERR_BAD_INPUT. */
int base64_decode(struct str s, bool standard, uint8_t *out, size_t cap);
bool crypto_equal(const void *a, const void *b, size_t n);   /* constant time */

#endif
