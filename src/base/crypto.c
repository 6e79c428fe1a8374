/* crypto.c - libsodium under our names. */
#include "base/crypto.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

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

static size_t encode64(const void *p, size_t n, int variant, char *out) {
    size_t room = sodium_base64_encoded_len(n, variant);
    sodium_bin2base64(out, room, p, n, variant);
    return room - 1;
}
size_t base64url_encode(const void *p, size_t n, char *out) { return encode64(p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING, out); }
size_t base64_encode(const void *p, size_t n, char *out) { return encode64(p, n, sodium_base64_VARIANT_ORIGINAL, out); }

int base64_decode(struct str s, bool standard, uint8_t *out, size_t cap) {
    assert(cap <= INT32_MAX);
    size_t got;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 127)       /* libsodium 1.0.18 reckons with them as with negative numbers, and takes some for letters */
            return ERR_BAD_INPUT;
    int variant = standard ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    if (sodium_base642bin(out, cap, s.p ? s.p : "", s.n, NULL, &got, NULL, variant) != 0)
        return ERR_BAD_INPUT;
    return (int)got;
}

bool crypto_ed25519(const uint8_t key[32], const void *msg, size_t n, const uint8_t signature[64]) {
    return crypto_sign_verify_detached(signature, msg, n, key) == 0;
}

bool crypto_equal(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }

_Static_assert(CRYPTO_KEY == crypto_kdf_KEYBYTES && CRYPTO_KEY == crypto_secretbox_KEYBYTES, "one size of key");
_Static_assert(CRYPTO_SEAL_EXTRA == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, "nonce and tag");
_Static_assert(CRYPTO_PASSWORD_MAX == crypto_pwhash_STRBYTES, "room for libsodium's text");

void crypto_derive(const uint8_t master[CRYPTO_KEY], uint64_t id, uint8_t out[CRYPTO_KEY]) {
    crypto_kdf_derive_from_key(out, CRYPTO_KEY, id, "zoetrope", master);
}

void crypto_mac(const uint8_t key[CRYPTO_KEY], const void *p, size_t n, uint8_t out[CRYPTO_MAC]) {
    crypto_generichash(out, CRYPTO_MAC, p, n, key, CRYPTO_KEY);
}

void crypto_seal(const uint8_t key[CRYPTO_KEY], const void *p, size_t n, uint8_t *out) {
    randombytes_buf(out, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, p, n, out, key);
}

int crypto_open(const uint8_t key[CRYPTO_KEY], const void *sealed, size_t n, uint8_t *out) {
    const uint8_t *s = sealed;
    if (n < CRYPTO_SEAL_EXTRA ||
        crypto_secretbox_open_easy(out, s + crypto_secretbox_NONCEBYTES, n - crypto_secretbox_NONCEBYTES, s, key) != 0)
        return ERR_BAD_INPUT;
    return 0;
}

void crypto_wipe(void *p, size_t n) { sodium_memzero(p, n); }

int crypto_password_hash(struct str password, int64_t memory, int64_t passes, char out[CRYPTO_PASSWORD_MAX], struct err *e) {
    if (crypto_pwhash_str_alg(out, password.p, password.n, (unsigned long long)passes, (size_t)memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return err_set(e, ERR_INTERNAL, "no memory for a password's hash");
    return 0;
}

int crypto_password_nobody(int64_t memory, int64_t passes, char out[CRYPTO_PASSWORD_MAX], struct err *e) {
    char cheap[CRYPTO_PASSWORD_MAX];
    int r = crypto_password_hash(STR("nobody's"), (int64_t)crypto_pwhash_argon2id_MEMLIMIT_MIN, (int64_t)crypto_pwhash_argon2id_OPSLIMIT_MIN, cheap, e);
    if (r >= 0)
        snprintf(out, CRYPTO_PASSWORD_MAX, "$argon2id$v=19$m=%lld,t=%lld,p=1%s", (long long)(memory / 1024), (long long)passes, strchr(strstr(cheap, ",p="), '$'));
    return r;
}

bool crypto_password_check(struct str password, const char *hash) {
    return crypto_pwhash_str_verify(hash, password.p, password.n) == 0;
}

bool crypto_password_stale(const char *hash, int64_t memory, int64_t passes) {
    return crypto_pwhash_str_needs_rehash(hash, (unsigned long long)passes, (size_t)memory) != 0;
}
