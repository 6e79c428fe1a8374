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
size_t base64_encode(const void *p, size_t n, char *out);         /* RFC 4648 section 4, with padding; the same room */
/* standard=true: RFC 4648 section 4 with padding; else URL-safe, no padding. Returns bytes written or ERR_BAD_INPUT. */
int base64_decode(struct str s, bool standard, uint8_t *out, size_t cap);
/* Ed25519 (RFC 8032): did the owner of this public key sign the message? False, too, for keys that sign everything. */
bool crypto_ed25519(const uint8_t key[32], const void *msg, size_t n, const uint8_t signature[64]);
bool crypto_equal(const void *a, const void *b, size_t n);   /* constant time */

/* ---- secret keys ---- */
#define CRYPTO_KEY 32
#define CRYPTO_MAC 32
#define CRYPTO_SEAL_EXTRA 40                          /* what crypto_seal adds: nonce and tag */
/* A key of its own for each purpose, out of one master key. id: fixed for all time. */
void crypto_derive(const uint8_t master[CRYPTO_KEY], uint64_t id, uint8_t out[CRYPTO_KEY]);
void crypto_mac(const uint8_t key[CRYPTO_KEY], const void *p, size_t n, uint8_t out[CRYPTO_MAC]);    /* keyed BLAKE2b */
void crypto_seal(const uint8_t key[CRYPTO_KEY], const void *p, size_t n, uint8_t *out);              /* XSalsa20-Poly1305; out: n + CRYPTO_SEAL_EXTRA */
int crypto_open(const uint8_t key[CRYPTO_KEY], const void *sealed, size_t n, uint8_t *out);          /* out: n - CRYPTO_SEAL_EXTRA; ERR_BAD_INPUT */
void crypto_wipe(void *p, size_t n);

/* ---- passwords: argon2id. Costs `memory` bytes and tens of milliseconds: never on an event thread ---- */
#define CRYPTO_PASSWORD_MAX 128                       /* characters of a hash with its parameters, NUL included */
int crypto_password_hash(struct str password, int64_t memory, int64_t passes, char out[CRYPTO_PASSWORD_MAX], struct err *e);
/* No password's hash, which costs as much to check as one that was made with these; to make it costs nothing. */
int crypto_password_nobody(int64_t memory, int64_t passes, char out[CRYPTO_PASSWORD_MAX], struct err *e);
bool crypto_password_check(struct str password, const char *hash);
bool crypto_password_stale(const char *hash, int64_t memory, int64_t passes);   /* made with other parameters */

#endif
