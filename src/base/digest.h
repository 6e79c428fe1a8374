/*
 * digest.h - hashes by name, for what others chose: the checksums of tus clients, WebSocket handshakes, signatures of providers
 * (our own hashing is base/crypto.h).
 * A file of its own because OpenSSL's headers and base/err.h both claim ERR_STATE.
 * Threads: one at a time for each digest.
 */
#ifndef ZT_BASE_DIGEST_H
#define ZT_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_MAX    64
#define DIGEST_SHA1   20
#define DIGEST_SHA256 32

struct digest;

struct digest *digest_new(const char *name);           /* "sha1", "sha256"; NULL when unknown */
void digest_free(struct digest *d);                    /* NULL is fine */
void digest_add(struct digest *d, const void *p, size_t n);
size_t digest_end(struct digest *d, uint8_t out[DIGEST_MAX]);   /* length of the hash; 0 when something failed on the way */

/* HMAC (RFC 2104), key of any length. False: no memory; out is then not written. Any thread. */
bool digest_hmac_sha1(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[DIGEST_SHA1]);
bool digest_hmac_sha256(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[DIGEST_SHA256]);

#endif
