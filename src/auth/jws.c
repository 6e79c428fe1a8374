/* jws.c - ES256 by cjose 0.6 (RFC 7515). */
#include "auth/jws.h"

#include <cjose/cjose.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* struct jws_key is cjose's own; only the name is ours. */
static cjose_jwk_t *jwk_of(const struct jws_key *k) { return (cjose_jwk_t *)(uintptr_t)k; }

struct jws_key *jws_key_new(void) {
    cjose_err e;
    return (struct jws_key *)cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &e);
}

struct jws_key *jws_key_read(const char *json, size_t n) {
    cjose_err e;
    return (struct jws_key *)cjose_jwk_import(json, n, &e);
}

char *jws_key_write(const struct jws_key *k) {
    cjose_err e;
    return cjose_jwk_to_json(jwk_of(k), /* priv= */ true, &e);
}

void jws_key_free(struct jws_key *k) {
    if (k)
        cjose_jwk_release(jwk_of(k));
}

bool jws_sign(const struct jws_key *k, const char *kid, const char *payload, char *out, size_t cap) {
    cjose_err e;
    const char *text = NULL;
    cjose_header_t *h = cjose_header_new(&e);
    bool ok = h && cjose_header_set(h, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &e) && cjose_header_set(h, CJOSE_HDR_KID, kid, &e);
    cjose_jws_t *jws = ok ? cjose_jws_sign(jwk_of(k), h, (const uint8_t *)payload, strlen(payload), &e) : NULL;
    ok = jws && cjose_jws_export(jws, &text, &e) && strlen(text) < cap;
    if (ok)
        snprintf(out, cap, "%s", text);
    if (jws)
        cjose_jws_release(jws);
    if (h)
        cjose_header_release(h);
    return ok;
}

/*
 * Three parts of whole base64url, without padding. cjose 0.6.2 ends the process by an assertion when it decodes certain others
 * ("e====lIn0.e30."), and what comes here is from strangers.
 */
static bool can_be_decoded(const char *token, size_t n) {
    size_t dots = 0, part = 0;
    for (size_t i = 0; i < n; i++) {
        char c = token[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!letter && (c != '.' || part % 4 == 1 || ++dots > 2))
            return false;
        part = letter ? part + 1 : 0;
    }
    return dots == 2 && part % 4 != 1;
}

bool jws_verify(const struct jws_key *k, const char *token, size_t n, char *out, size_t cap, size_t *ret_n) {
    cjose_err e;
    uint8_t *plain = NULL;
    size_t plain_n = 0;
    if (!can_be_decoded(token, n))
        return false;
    cjose_jws_t *jws = cjose_jws_import(token, n, &e);
    bool ok = jws && cjose_jws_verify(jws, jwk_of(k), &e) && cjose_jws_get_plaintext(jws, &plain, &plain_n, &e) && plain_n <= cap;
    if (ok) {
        memcpy(out, plain, plain_n);
        *ret_n = plain_n;
    }
    if (jws)
        cjose_jws_release(jws);
    return ok;
}
