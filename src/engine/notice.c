/*
 * notice.c - signatures of messages from outside. Documents, read 2026-11: Standard Webhooks 1.0.0 and its client standardwebhooks 1.1.1;
 * Replicate's "verify webhooks" and replicate 1.4.0; fal's "webhooks"; EventBridge's "signature algorithm" (help page 207037). Quirks:
 * - Replicate's client looks at the time of no message, fal's documents and EventBridge's ask for it.
 * - EventBridge's document does not say whether a line feed ends the body in what is signed; public clients have met both, and a line feed more
 *   means nothing in JSON. Its time is in milliseconds, and the hash's header is x-eventbridge-hash-method without "signature".
 */
#include "engine/notice.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/rsa.h"

#define TIME_MAX       INT64_C(253402300799999)
#define EB             "x-eventbridge-"
#define EB_HOST        "-eventbridge.oss-accelerate.aliyuncs.com"
#define EB_TOKEN_MIN   16
#define EB_REGION_MAX  32
#define EB_URL_MAX     512

static int no_memory(struct err *e) { return err_set(e, ERR_INTERNAL, "no memory for a message of a provider"); }
static int forged(struct err *e, const char *why) { return err_set(e, ERR_ENGINE_NOTICE, "%s", why); }

static bool is_printable(struct str s, size_t max) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= max;
}

/* A header without spaces, as all of them are but lists of signatures. */
static int header(const struct notice_said *s, const char *name, size_t max, struct str *ret, struct err *e) {
    *ret = s->header(s->from, name);
    return is_printable(*ret, max) ? 0 : err_set(e, ERR_ENGINE_NOTICE, "%s: missing, or no such thing", name);
}

/* text: a time in units of unit_ms, digits only. */
static int check_time(struct str text, int64_t unit_ms, int64_t skew_ms, int64_t now_ms, int64_t *ret_ms, struct err *e) {
    int64_t t;
    if (str_int(text, 0, TIME_MAX / unit_ms, &t) < 0)
        return forged(e, "the time of the message is no number");
    *ret_ms = t * unit_ms;
    /* by unit: a message of this very second is not ahead of us, however many milliseconds ours has */
    int64_t off = now_ms / unit_ms * unit_ms - *ret_ms;
    if (off > skew_ms)
        return forged(e, "an old message");
    return off < -skew_ms ? forged(e, "a message from the future") : 0;
}

/* ---- Standard Webhooks ---- */
#define MAC_TEXT (4 * ((DIGEST_SHA256 + 2) / 3))

int notice_secret(struct str text, struct notice_secret *ret, struct err *e) {
    const struct str prefix = STR("whsec_");
    if (str_starts(text, prefix))
        text = (struct str){ text.p + prefix.n, text.n - prefix.n };
    int n = base64_decode(text, /* standard= */ true, ret->key, sizeof(ret->key));
    if (n < 24) {
        crypto_wipe(ret, sizeof(*ret));
        return err_set(e, ERR_BAD_INPUT, "a secret of webhooks: whsec_ and base64 of 24 to 64 bytes");
    }
    ret->n = (size_t)n;
    return 0;
}

/* What is signed; in b, which the caller frees. */
static bool write_webhook(struct buf *b, struct str id, struct str time, struct str body) {
    buf_init(b, body.n + NOTICE_HEADER_MAX);
    buf_add_str(b, id);
    buf_add_c(b, '.');
    buf_add_str(b, time);
    buf_add_c(b, '.');
    buf_add_str(b, body);
    return !b->failed;
}

static bool mac_text(const struct notice_secret *k, const struct buf *message, char out[MAC_TEXT + 1]) {
    uint8_t mac[DIGEST_SHA256];
    if (!digest_hmac_sha256(k->key, k->n, message->p, message->n, mac))
        return false;
    base64_encode(mac, sizeof(mac), out);
    crypto_wipe(mac, sizeof(mac));
    return true;
}

/* Is one of the list "v1,… v1,… v1a,…" the text? Every entry is looked at, whatever came before it. */
static bool lists(struct str list, const char want[MAC_TEXT + 1]) {
    bool found = false;
    for (int i = 0; list.p && i < NOTICE_SIGNATURES_MAX; i++) {
        struct str signature = str_cut(&list, ' '), version = str_cut(&signature, ',');
        if (str_eqz(version, "v1") && signature.n == MAC_TEXT)
            found |= crypto_equal(signature.p, want, MAC_TEXT);
    }
    return found;
}

int notice_webhook(const struct notice_said *s, const struct notice_secret *secrets, size_t n, int64_t now_ms, struct notice_head *ret, struct err *e) {
    struct str id, time, list = s->header(s->from, "webhook-signature");
    BUF_CLEANUP struct buf message = { 0 };
    char want[MAC_TEXT + 1];
    bool ok = false;
    int r = header(s, "webhook-id", NOTICE_ID_MAX, &id, e);
    if (r >= 0)
        r = header(s, "webhook-timestamp", 20, &time, e);
    if (r < 0)
        return r;
    if (list.n > NOTICE_HEADER_MAX || memchr(id.p, '.', id.n))
        return forged(e, "webhook-signature or webhook-id: no such thing");
    r = check_time(time, 1000, NOTICE_SKEW_MS, now_ms, &ret->sent_ms, e);
    if (r < 0)
        return r;
    if (!write_webhook(&message, id, time, s->body))
        return no_memory(e);
    for (size_t i = 0; i < n && i < NOTICE_KEYS_MAX; i++)
        ok |= mac_text(&secrets[i], &message, want) && lists(list, want);
    crypto_wipe(want, sizeof(want));
    ret->id = id;
    return ok ? 0 : forged(e, "no signature of the list was made with our secret");
}

int notice_sign_webhook(const struct notice_secret *secrets, size_t n, struct str id, int64_t now_ms, struct str body, struct arena *a, struct str *ret, struct err *e) {
    BUF_CLEANUP struct buf message = { 0 };
    char time[24], text[MAC_TEXT + 1];
    if (!is_printable(id, NOTICE_ID_MAX) || memchr(id.p, '.', id.n) || n == 0 || n > NOTICE_KEYS_MAX || now_ms < 0)
        return err_set(e, ERR_BAD_INPUT, "a message to sign: its id, its time, or the number of secrets");
    char *out = arena_try(a, n * (sizeof(text) + 4) + 1);
    snprintf(time, sizeof(time), "%" PRId64, now_ms / 1000);
    if (!out || !write_webhook(&message, id, str_z(time), body))
        return no_memory(e);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (!mac_text(&secrets[i], &message, text))
            return no_memory(e);
        at += (size_t)snprintf(out + at, sizeof(text) + 4, "%sv1,%s", i ? " " : "", text);
    }
    *ret = (struct str){ out, at };
    return 0;
}

/* ---- fal ---- */
static struct str text_of(const json_t *j, const char *key) {
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NULL;
}

/* Absent, or exactly this. */
static bool is_or_absent(const json_t *j, const char *key, const char *value) { return !json_object_get(j, key) || str_eqz(text_of(j, key), value); }

int notice_jwks(struct str json, struct notice_jwks *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct err why;
    size_t i;
    json_t *k;
    *ret = (struct notice_jwks){ 0 };
    if (json.n > NOTICE_JWKS_MAX || json_read(json, &j, &why) < 0 || !json_is_array(json_object_get(j, "keys")))
        return err_set(e, ERR_UPSTREAM, "the document of keys is none");
    json_array_foreach(json_object_get(j, "keys"), i, k) {
        struct str x = text_of(k, "x");
        if (!json_is_object(k) || text_of(k, "kty").n == 0)
            return err_set(e, ERR_UPSTREAM, "the document of keys: one is no key");
        if (!str_eqz(text_of(k, "kty"), "OKP") || !str_eqz(text_of(k, "crv"), "Ed25519") || !is_or_absent(k, "use", "sig") ||
            !(is_or_absent(k, "alg", "EdDSA") || is_or_absent(k, "alg", "Ed25519")))
            continue;
        if (ret->n == NOTICE_JWKS_KEYS_MAX)
            return err_set(e, ERR_UPSTREAM, "the document of keys: more than %d", NOTICE_JWKS_KEYS_MAX);
        if (base64_decode(x, /* standard= */ false, ret->key[ret->n], 32) != 32)
            return err_set(e, ERR_UPSTREAM, "the document of keys: one is not 32 bytes");
        ret->n++;
    }
    return ret->n ? 0 : err_set(e, ERR_UPSTREAM, "the document of keys has none of Ed25519");
}

int notice_fal(const struct notice_said *s, const struct notice_jwks *keys, int64_t now_ms, struct notice_head *ret, struct err *e) {
    struct str id, user, time, hex;
    uint8_t signature[64];
    char hash[SHA256_HEX + 1], message[2 * NOTICE_ID_MAX + SHA256_HEX + 32];
    bool ok = false;
    int r = header(s, "x-fal-webhook-request-id", NOTICE_ID_MAX, &id, e);
    if (r >= 0)
        r = header(s, "x-fal-webhook-user-id", NOTICE_ID_MAX, &user, e);
    if (r >= 0)
        r = header(s, "x-fal-webhook-timestamp", 20, &time, e);
    if (r >= 0)
        r = header(s, "x-fal-webhook-signature", 2 * sizeof(signature), &hex, e);
    if (r >= 0)
        r = check_time(time, 1000, NOTICE_SKEW_MS, now_ms, &ret->sent_ms, e);
    if (r < 0)
        return r;
    if (hex_decode(hex, signature, sizeof(signature)) < 0)
        return forged(e, "x-fal-webhook-signature: not 64 bytes in hex");
    sha256_hex(s->body.p, s->body.n, hash);
    int n = snprintf(message, sizeof(message), "%.*s\n%.*s\n%.*s\n%s", STR_ARG(id), STR_ARG(user), STR_ARG(time), hash);
    for (size_t i = 0; i < keys->n; i++)
        ok |= crypto_ed25519(keys->key[i], message, (size_t)n, signature);
    ret->id = id;
    return ok ? 0 : forged(e, "no key of the document made this signature");
}

/* ---- EventBridge ---- */
/* "cn-shanghai": letters, digits and single dashes within. */
static bool is_region(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        bool letter = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9');
        if (!letter && (s.p[i] != '-' || i == 0 || i + 1 == s.n || s.p[i - 1] == '-'))
            return false;
    }
    return s.n > 0 && s.n <= EB_REGION_MAX;
}

/* Letters, digits, and what file names and signed links have; so no "@", "\", "#", "?" or "%" means something else to who fetches it. */
static bool is_plain_path(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return s.n > 0;
}

int notice_eventbridge_certificate(const struct notice_said *s, struct str *ret_url, struct err *e) {
    const struct str scheme = STR("https://"), tail = STR(EB_HOST);
    struct str url;
    int r = header(s, EB "signature-url", EB_URL_MAX, &url, e);
    if (r < 0)
        return r;
    struct str rest = str_starts(url, scheme) ? (struct str){ url.p + scheme.n, url.n - scheme.n } : STR_NULL, host = str_cut(&rest, '/');
    if (!str_ends(host, tail) || !is_region((struct str){ host.p, host.n - tail.n }) || !is_plain_path(rest))
        return forged(e, EB "signature-url: not where EventBridge keeps its certificates");
    *ret_url = url;
    return 0;
}

/* The headers that are signed, in this order. */
static const char *const eb_signed[] = { EB "signature-timestamp", EB "hash-method", EB "signature-version", EB "signature-url", EB "signature-token" };
enum { EB_TIME, EB_HASH, EB_VERSION, EB_URL, EB_TOKEN };

int notice_eventbridge(const struct notice_said *s, struct str target, struct str token, const struct rsa_key *key, int64_t now_ms,
                       struct notice_head *ret, struct err *e) {
    struct str value[COUNT(eb_signed)], base64, url;
    BUF_CLEANUP struct buf b = { 0 };
    uint8_t signature[RSA_SIGNATURE_MAX];
    int r = notice_eventbridge_certificate(s, &url, e);
    for (size_t i = 0; i < COUNT(eb_signed) && r >= 0; i++)
        r = header(s, eb_signed[i], EB_URL_MAX, &value[i], e);
    if (r >= 0)
        r = header(s, EB "signature-v2", 2 * RSA_SIGNATURE_MAX, &base64, e);
    if (r >= 0)
        r = check_time(value[EB_TIME], 1, NOTICE_EVENTBRIDGE_SKEW_MS, now_ms, &ret->sent_ms, e);
    if (r < 0)
        return r;
    if (!str_eqz(value[EB_HASH], "SHA256") || !str_eqz(value[EB_VERSION], "1.0"))
        return forged(e, "a kind of signature that we do not know");
    if (token.n < EB_TOKEN_MIN || value[EB_TOKEN].n != token.n || !crypto_equal(value[EB_TOKEN].p, token.p, token.n))
        return forged(e, EB "signature-token: not ours");
    int n = base64_decode(base64, /* standard= */ true, signature, sizeof(signature));
    if (n < 0)
        return forged(e, EB "signature-v2: no base64");
    buf_init(&b, target.n + COUNT(eb_signed) * (EB_URL_MAX + 64) + s->body.n + 16);
    buf_add_str(&b, target);
    buf_add_c(&b, '\n');
    for (size_t i = 0; i < COUNT(eb_signed); i++)
        buf_printf(&b, "%s: %.*s\n", eb_signed[i], STR_ARG(value[i]));
    buf_add_str(&b, s->body);
    buf_add_c(&b, '\n');
    if (b.failed)
        return no_memory(e);
    bool ok = rsa_verify(key, b.p, b.n - 1, signature, (size_t)n) || rsa_verify(key, b.p, b.n, signature, (size_t)n);
    ret->id = STR("");
    return ok ? 0 : forged(e, "the certificate's key did not make this signature");
}

/* ---- tokens ---- */
void notice_token(const uint8_t key[CRYPTO_KEY], int64_t attempt, char out[NOTICE_TOKEN + 1]) {
    uint8_t id[8], mac[CRYPTO_MAC];
    for (int i = 0; i < 8; i++)
        id[i] = (uint8_t)((uint64_t)attempt >> (56 - 8 * i));
    crypto_mac(key, id, sizeof(id), mac);
    base64url_encode(mac, sizeof(mac), out);
}

bool notice_is_token(const uint8_t key[CRYPTO_KEY], int64_t attempt, struct str token) {
    char want[NOTICE_TOKEN + 1];
    notice_token(key, attempt, want);
    return token.n == NOTICE_TOKEN && crypto_equal(token.p, want, NOTICE_TOKEN);
}
