/* keys.c - OpenSSL's EVP under our names. No error of it is kept: what is wrong with a signature is nobody's business but "it is wrong". */
#include "pay/keys.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* struct pay_key is OpenSSL's own; only the name is ours. */
static EVP_PKEY *pkey_of(const struct pay_key *k) { return (EVP_PKEY *)(uintptr_t)k; }

/* Takes k over. */
static struct pay_key *checked(EVP_PKEY *k) {
    int bits = k ? EVP_PKEY_get_bits(k) : 0;
    if (k && (EVP_PKEY_get_base_id(k) != EVP_PKEY_RSA || bits < 2048 || bits > PAY_SIGNATURE_MAX * 8)) {
        EVP_PKEY_free(k);
        k = NULL;
    }
    ERR_clear_error();
    return (struct pay_key *)k;
}

/* An encrypted key would make OpenSSL ask at the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg) { return -1; }

struct pay_key *pay_key_private(const char *pem, size_t n) {
    BIO *in = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    EVP_PKEY *k = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    BIO_free(in);
    return checked(k);
}

static EVP_PKEY *key_of_certificate(BIO *in, char serial[PAY_SERIAL_MAX]) {
    X509 *cert = PEM_read_bio_X509(in, NULL, no_password, NULL);
    EVP_PKEY *k = NULL;
    BIGNUM *number = cert ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL) : NULL;
    char *hex = number ? BN_bn2hex(number) : NULL;
    if (hex && strlen(hex) < PAY_SERIAL_MAX) {
        memcpy(serial, hex, strlen(hex) + 1);
        k = X509_get_pubkey(cert);
    }
    OPENSSL_free(hex);
    BN_free(number);
    X509_free(cert);
    return k;
}

struct pay_key *pay_key_public(const char *pem, size_t n, char serial[PAY_SERIAL_MAX]) {
    BIO *in = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    serial[0] = 0;
    if (!in)
        return NULL;
    EVP_PKEY *k = PEM_read_bio_PUBKEY(in, NULL, no_password, NULL);
    if (!k && BIO_reset(in) == 1)
        k = key_of_certificate(in, serial);
    BIO_free(in);
    return checked(k);
}

void pay_key_free(struct pay_key *k) { EVP_PKEY_free(pkey_of(k)); }

size_t pay_key_sign(const struct pay_key *k, const void *msg, size_t n, uint8_t out[PAY_SIGNATURE_MAX]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t out_n = PAY_SIGNATURE_MAX;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey_of(k)) == 1 && EVP_DigestSign(ctx, out, &out_n, msg, n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? out_n : 0;
}

bool pay_key_verify(const struct pay_key *k, const void *msg, size_t n, const uint8_t *sig, size_t sig_n) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey_of(k)) == 1 && EVP_DigestVerify(ctx, sig, sig_n, msg, n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

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

bool pay_hmac(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[PAY_HMAC]) {
    unsigned out_n = 0;
    return key_n <= INT_MAX && HMAC(EVP_sha256(), key, (int)key_n, msg, n, out, &out_n) && out_n == PAY_HMAC;
}
