/*
 * keys.h - what payment providers chose: RSA with SHA-256 (PKCS#1 v1.5), AES-256-GCM, HMAC-SHA256; all by OpenSSL.
 * A file of its own because OpenSSL's headers and base/err.h both claim ERR_STATE.
 * Threads: any; a key may be used by many at once.
 */
#ifndef ZT_PAY_KEYS_H
#define ZT_PAY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"

#define PAY_SIGNATURE_MAX 1024             /* bytes: RSA of 8192 bits */
#define PAY_HMAC          32
#define PAY_GCM_KEY       32
#define PAY_GCM_NONCE     12
#define PAY_GCM_TAG       16
#define PAY_SERIAL_MAX    81               /* hex digits of a certificate's number, and NUL */

struct pay_key;                            /* RSA, 2048 to 8192 bits */

/* PEM, unencrypted (PKCS#8 or PKCS#1). NULL: it is none, or no RSA of that size. */
struct pay_key *pay_key_private(const char *pem, size_t n);
/* PEM: PUBLIC KEY or CERTIFICATE. serial: of a certificate, capitals; "" of a bare key. Validity in time is not looked at: the provider tells
 * by its choice of the serial which of its keys it uses. */
struct pay_key *pay_key_public(const char *pem, size_t n, char serial[PAY_SERIAL_MAX]);
void pay_key_free(struct pay_key *k);      /* NULL is fine; OpenSSL wipes it */
/* Signature in out[PAY_SIGNATURE_MAX]; its length, 0 when it failed. */
size_t pay_key_sign(const struct pay_key *k, const void *msg, size_t n, uint8_t out[PAY_SIGNATURE_MAX]);
bool pay_key_verify(const struct pay_key *k, const void *msg, size_t n, const uint8_t *sig, size_t sig_n);

/* sealed: ciphertext and tag behind it. out: sealed_n - PAY_GCM_TAG bytes. False (and out wiped): altered, or another key. */
bool pay_gcm_open(const uint8_t key[PAY_GCM_KEY], const void *nonce, size_t nonce_n, const void *aad, size_t aad_n, const uint8_t *sealed,
                  size_t sealed_n, uint8_t *out);
bool pay_hmac(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[PAY_HMAC]);

DEFINE_CLEANUP(struct pay_key, pay_key_free)

#endif
