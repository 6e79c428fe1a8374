/* digest.c - a thin cover over OpenSSL's EVP. */
#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *md;
    bool        failed;
};

struct digest *digest_new(const char *name) {
    struct digest *d = calloc(1, sizeof(*d));
    if (!d || !(d->md = EVP_MD_CTX_new()))
        abort();
    if (EVP_DigestInit_ex(d->md, EVP_get_digestbyname(name), NULL) != 1) {
        digest_free(d);
        return NULL;
    }
    return d;
}

void digest_free(struct digest *d) {
    if (!d)
        return;
    EVP_MD_CTX_free(d->md);
    free(d);
}

void digest_add(struct digest *d, const void *p, size_t n) { d->failed |= EVP_DigestUpdate(d->md, p, n) != 1; }

size_t digest_end(struct digest *d, uint8_t out[DIGEST_MAX]) {
    unsigned n = 0;
    return EVP_DigestFinal_ex(d->md, out, &n) == 1 && !d->failed ? n : 0;
}

static bool hmac(const EVP_MD *md, const void *key, size_t key_n, const void *msg, size_t n, uint8_t *out) {
    unsigned out_n = 0;
    return key_n <= INT_MAX && HMAC(md, key_n ? key : "", (int)key_n, msg, n, out, &out_n) && out_n == (unsigned)EVP_MD_get_size(md);
}
bool digest_hmac_sha1(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[DIGEST_SHA1]) {
    return hmac(EVP_sha1(), key, key_n, msg, n, out);
}
bool digest_hmac_sha256(const void *key, size_t key_n, const void *msg, size_t n, uint8_t out[DIGEST_SHA256]) {
    return hmac(EVP_sha256(), key, key_n, msg, n, out);
}
