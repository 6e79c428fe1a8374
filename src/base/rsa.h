/*
 * rsa.h - RSA with SHA-256 (PKCS#1 v1.5), which payment providers and notices chose; by OpenSSL.
 * A file of its own because OpenSSL's headers and base/err.h both claim ERR_STATE.
 * Threads: any; a key may be used by many at once.
 */
#ifndef ZT_BASE_RSA_H
#define ZT_BASE_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"

#define RSA_SIGNATURE_MAX 1024             /* bytes: RSA of 8192 bits */
#define RSA_SERIAL_MAX    81               /* hex digits of a certificate's number, and NUL */

struct rsa_key;                            /* RSA, 2048 to 8192 bits */

/* PEM, unencrypted (PKCS#8 or PKCS#1). NULL: it is none, or no RSA of that size. */
struct rsa_key *rsa_private(const char *pem, size_t n);
/* PEM: PUBLIC KEY or CERTIFICATE. serial: of a certificate, capitals; "" of a bare key. Validity in time is not looked at: the provider tells
 * by its choice of the serial, or of the address, which of its keys it uses. */
struct rsa_key *rsa_public(const char *pem, size_t n, char serial[RSA_SERIAL_MAX]);
void rsa_free(struct rsa_key *k);          /* NULL is fine; OpenSSL wipes it */
/* Signature in out[RSA_SIGNATURE_MAX]; its length, 0 when it failed. */
size_t rsa_sign(const struct rsa_key *k, const void *msg, size_t n, uint8_t out[RSA_SIGNATURE_MAX]);
bool rsa_verify(const struct rsa_key *k, const void *msg, size_t n, const uint8_t *sig, size_t sig_n);

DEFINE_CLEANUP(struct rsa_key, rsa_free)

#endif
