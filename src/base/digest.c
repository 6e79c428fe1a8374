/* digest.c - a thin cover over OpenSSL's EVP. */
#include "base/digest.h"

#include <openssl/evp.h>
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
