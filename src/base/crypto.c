/* crypto.c - libsodium under our names. */
#include "base/crypto.h"

#include <assert.h>
#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "struct sha256 has room for libsodium's state");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct sha256), "struct sha256 is aligned for libsodium's state");
_Static_assert(SHA256_LEN == crypto_hash_sha256_BYTES, "sha256 is 32 bytes");

int crypto_setup(struct err *e) {
    return sodium_init() < 0 ? err_set(e, ERR_INTERNAL, "libsodium could not start: no source of random bytes") : 0;
}

void crypto_random(void *p, size_t n) { randombytes_buf(p, n); }

static crypto_hash_sha256_state *state(struct sha256 *s) { return (crypto_hash_sha256_state *)(void *)s->state; }

void sha256_init(struct sha256 *s) { crypto_hash_sha256_init(state(s)); }
void sha256_add(struct sha256 *s, const void *p, size_t n) { crypto_hash_sha256_update(state(s), p, n); }
void sha256_end(struct sha256 *s, uint8_t out[SHA256_LEN]) { crypto_hash_sha256_final(state(s), out); }

void sha256_hex(const void *p, size_t n, char out[SHA256_HEX + 1]) {
    uint8_t hash[SHA256_LEN];
    crypto_hash_sha256(hash, p, n);
    hex_encode(hash, sizeof(hash), out);
}

void hex_encode(const void *p, size_t n, char *out) { sodium_bin2hex(out, n * 2 + 1, p, n); }

int hex_decode(struct str s, uint8_t *out, size_t n) {
    size_t got;
    if (s.n != n * 2 || sodium_hex2bin(out, n, s.p, s.n, NULL, &got, NULL) != 0 || got != n)
        return ERR_BAD_INPUT;
    return 0;
}

size_t base64url_encode(const void *p, size_t n, char *out) {
    size_t room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_bin2base64(out, room, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return room - 1;
}

int base64_decode(struct str s, bool standard, uint8_t *out, size_t cap) {
    assert(cap <= INT32_MAX);
    size_t got;
    int variant = standard ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    if (sodium_base642bin(out, cap, s.p ? s.p : "", s.n, NULL, &got, NULL, variant) != 0)
        return ERR_BAD_INPUT;
    return (int)got;
}

bool crypto_equal(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }
