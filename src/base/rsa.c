/* rsa.c - OpenSSL's EVP under our names. No error of it is kept: what is wrong with a signature is nobody's business but "it is wrong". */
#include "base/rsa.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* struct rsa_key is OpenSSL's own; only the name is ours. */
static EVP_PKEY *pkey_of(const struct rsa_key *k) { return (EVP_PKEY *)(uintptr_t)k; }

/* Takes k over. */
static struct rsa_key *checked(EVP_PKEY *k) {
    int bits = k ? EVP_PKEY_get_bits(k) : 0;
    if (k && (EVP_PKEY_get_base_id(k) != EVP_PKEY_RSA || bits < 2048 || bits > RSA_SIGNATURE_MAX * 8)) {
        EVP_PKEY_free(k);
        k = NULL;
    }
    ERR_clear_error();
    return (struct rsa_key *)k;
}

/* An encrypted key would make OpenSSL ask at the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg) { return -1; }

struct rsa_key *rsa_private(const char *pem, size_t n) {
    BIO *in = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    EVP_PKEY *k = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    BIO_free(in);
    return checked(k);
}

static EVP_PKEY *key_of_certificate(BIO *in, char serial[RSA_SERIAL_MAX]) {
    X509 *cert = PEM_read_bio_X509(in, NULL, no_password, NULL);
    EVP_PKEY *k = NULL;
    BIGNUM *number = cert ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL) : NULL;
    char *hex = number ? BN_bn2hex(number) : NULL;
    if (hex && strlen(hex) < RSA_SERIAL_MAX) {
        memcpy(serial, hex, strlen(hex) + 1);
        k = X509_get_pubkey(cert);
    }
    OPENSSL_free(hex);
    BN_free(number);
    X509_free(cert);
    return k;
}

struct rsa_key *rsa_public(const char *pem, size_t n, char serial[RSA_SERIAL_MAX]) {
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

void rsa_free(struct rsa_key *k) { EVP_PKEY_free(pkey_of(k)); }

size_t rsa_sign(const struct rsa_key *k, const void *msg, size_t n, uint8_t out[RSA_SIGNATURE_MAX]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t out_n = RSA_SIGNATURE_MAX;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey_of(k)) == 1 && EVP_DigestSign(ctx, out, &out_n, msg, n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? out_n : 0;
}

bool rsa_verify(const struct rsa_key *k, const void *msg, size_t n, const uint8_t *sig, size_t sig_n) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey_of(k)) == 1 && EVP_DigestVerify(ctx, sig, sig_n, msg, n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}
