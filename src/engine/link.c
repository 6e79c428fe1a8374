/* link.c - see link.h. */
#include "engine/link.h"

static void put(uint8_t *p, int64_t v) {
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
}

static int64_t get(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

void link_make(const uint8_t key[CRYPTO_KEY], const struct link_to *to, char out[LINK_TEXT + 1]) {
    uint8_t plain[LINK_BYTES], sealed[LINK_BYTES + CRYPTO_SEAL_EXTRA];
    put(plain, to->attempt);
    put(plain + 8, to->asset);
    put(plain + 16, to->until_ms);
    crypto_seal(key, plain, sizeof(plain), sealed);
    base64url_encode(sealed, sizeof(sealed), out);
}

int link_read(const uint8_t key[CRYPTO_KEY], struct str text, int64_t now_ms, struct link_to *ret) {
    uint8_t plain[LINK_BYTES], sealed[LINK_BYTES + CRYPTO_SEAL_EXTRA];
    if (text.n != LINK_TEXT || base64_decode(text, /* standard= */ false, sealed, sizeof(sealed)) != sizeof(sealed) || crypto_open(key, sealed, sizeof(sealed), plain) < 0)
        return ERR_NOT_FOUND;
    struct link_to to = { get(plain), get(plain + 8), get(plain + 16) };
    if (now_ms >= to.until_ms)
        return ERR_NOT_FOUND;
    *ret = to;
    return 0;
}
