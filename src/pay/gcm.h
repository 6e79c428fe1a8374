/*
 * gcm.h - AES-256-GCM, in which WeChat Pay seals its notices; by OpenSSL.
 * A file of its own because OpenSSL's headers and base/err.h both claim ERR_STATE.
 * Threads: any.
 */
#ifndef ZT_PAY_GCM_H
#define ZT_PAY_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAY_GCM_KEY   32
#define PAY_GCM_NONCE 12
#define PAY_GCM_TAG   16

/* sealed: ciphertext and tag behind it. out: sealed_n - PAY_GCM_TAG bytes. False (and out wiped): altered, or another key. */
bool pay_gcm_open(const uint8_t key[PAY_GCM_KEY], const void *nonce, size_t nonce_n, const void *aad, size_t aad_n, const uint8_t *sealed,
                  size_t sealed_n, uint8_t *out);

#endif
