/* gcm.c - OpenSSL's EVP under our name. */
#include "pay/gcm.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

bool pay_gcm_open(const uint8_t key[PAY_GCM_KEY], const void *nonce, size_t nonce_n, const void *aad, size_t aad_n, const uint8_t *sealed,
                  size_t sealed_n, uint8_t *out) {
    if (nonce_n != PAY_GCM_NONCE || sealed_n < PAY_GCM_TAG || sealed_n > INT_MAX || aad_n > INT_MAX)
        return false;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[PAY_GCM_TAG], end[PAY_GCM_TAG];
    int n = (int)(sealed_n - PAY_GCM_TAG), done = 0, last = 0;
    memcpy(tag, sealed + n, sizeof(tag));
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
              (aad_n == 0 || EVP_DecryptUpdate(ctx, NULL, &done, aad, (int)aad_n) == 1) && EVP_DecryptUpdate(ctx, out, &done, sealed, n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1 && EVP_DecryptFinal_ex(ctx, end, &last) == 1 && done == n && last == 0;
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    if (!ok)
        OPENSSL_cleanse(out, (size_t)n);
    return ok;
}
