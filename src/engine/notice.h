/*
 * notice.h - is a message from outside really from the provider? Standard Webhooks (Replicate; we send such ourselves), fal, Alibaba EventBridge
 * (DashScope), and tokens in the callback's path for those who do not sign (VModel, Ark).
 * Pure: no I/O, no clock; what must be fetched, the caller fetches and keeps. A genuine message is still only a hint: it comes late, twice, and out
 * of order, so the provider is asked before anything is believed.
 * What is compared is compared in constant time, over the raw bytes as they came.
 * Owns: nothing.  Threads: any.
 * Used by: the drivers of this room.  Uses: base/.
 */
#ifndef ZT_ENGINE_NOTICE_H
#define ZT_ENGINE_NOTICE_H

#include "base/arena.h"
#include "base/crypto.h"
#include "base/err.h"

#define NOTICE_SKEW_MS    INT64_C(300000)    /* how old, or how far ahead of us, a message may be */
#define NOTICE_HEADER_MAX 4096               /* bytes of one header; longer is forged */
#define NOTICE_ID_MAX     256

/* A message. Everything is borrowed. header: the value of a header, names in any case; STR_NULL when absent. */
struct notice_said {
    struct str (*header)(const void *from, const char *name);
    const void *from;
    struct str  body;
};
/* What a genuine message says of itself; lives as long as the message. */
struct notice_head {
    struct str id;                   /* the same in every delivery of one message: what duplicates are known by */
    int64_t    sent_ms;
};

/*
 * All checks below return 0, or ERR_ENGINE_NOTICE with the reason in words of ours (for the log: never a value of the message); ERR_INTERNAL
 * when there is no memory, and the message is to be sent again.
 */

/* ---- Standard Webhooks 1.0.0 (and Replicate, whose client does not look at the time; we do) ---- */
#define NOTICE_KEYS_MAX  4                   /* secrets at once, while one replaces another */
#define NOTICE_SIGNATURES_MAX 16             /* in one header; more are not looked at */
struct notice_secret {
    uint8_t key[64];
    size_t  n;                       /* 24..64 */
};
/* "whsec_" (or nothing) and base64 of 24 to 64 bytes. ERR_BAD_INPUT. Whoever keeps it wipes it (crypto_wipe). */
int notice_secret(struct str text, struct notice_secret *ret, struct err *e);
/* Good when any secret made any of the signatures. An id with a full stop is refused: it would let a part of the body pass for the time. */
int notice_webhook(const struct notice_said *s, const struct notice_secret *secrets, size_t n, int64_t now_ms, struct notice_head *ret, struct err *e);
/*
 * The header webhook-signature of a message of ours, a signature for each secret, newest first; webhook-id is id, webhook-timestamp is
 * now_ms / 1000.
 * id    1..NOTICE_ID_MAX printable characters without full stops, new for each message, the same each time it is sent again
 * ret   in the arena; ERR_BAD_INPUT the id, the time, or more than NOTICE_KEYS_MAX secrets
 */
int notice_sign_webhook(const struct notice_secret *secrets, size_t n, struct str id, int64_t now_ms, struct str body, struct arena *a, struct str *ret, struct err *e);

/* ---- fal ---- */
#define NOTICE_JWKS_MAX      (64 * 1024)     /* bytes of the document */
#define NOTICE_JWKS_KEYS_MAX 16
#define NOTICE_JWKS_AGE_MS   (24 * INT64_C(3600000))   /* no document is used for longer */
struct notice_jwks {
    uint8_t key[NOTICE_JWKS_KEYS_MAX][32];   /* Ed25519 */
    size_t  n;
};
/*
 * The document at https://rest.fal.ai/.well-known/jwks.json. The caller fetches it, keeps it no longer than NOTICE_JWKS_AGE_MS, and when no
 * key verifies a message, fetches it once more, at most once in a while: else whoever sends forgeries makes us fetch.
 * Keys of other kinds and for other uses are passed over (RFC 7517, section 5); one that says to be ours and is not well-formed spoils the
 * document, and so does no key at all. ERR_UPSTREAM.
 */
int notice_jwks(struct str json, struct notice_jwks *ret, struct err *e);
/* ret->id is the request's id: one request has one message, which may come ten times. */
int notice_fal(const struct notice_said *s, const struct notice_jwks *keys, int64_t now_ms, struct notice_head *ret, struct err *e);

/* ---- Alibaba EventBridge, signature version 2 (x-eventbridge-signature-v2) ---- */
#define NOTICE_EVENTBRIDGE_SKEW_MS INT64_C(60000)
#define NOTICE_CERTIFICATE_MAX     (64 * 1024)
struct rsa_key;
/*
 * Where the certificate of this message is: https, the host {RegionId}-eventbridge.oss-accelerate.aliyuncs.com and nothing else about it (no
 * port, no user, no fragment). The caller fetches it without following redirects, at most NOTICE_CERTIFICATE_MAX bytes, keeps it by this
 * address, and reads it with rsa_public().
 */
int notice_eventbridge_certificate(const struct notice_said *s, struct str *ret_url, struct err *e);
/*
 * target  our own full address as it was given to EventBridge: it is signed, so that a message to others is none to us
 * token   the one that we chose for this target, at least 16 bytes. Everybody's messages are signed by the same key: without a token of ours
 *         whoever has an account there could have genuine messages sent to us
 * key     of the certificate at exactly the address that notice_eventbridge_certificate() gave for this message (which is looked at once more)
 * ret->id the signature's token and time say nothing of the event: id is "" and the event's own "id" is in the body
 */
int notice_eventbridge(const struct notice_said *s, struct str target, struct str token, const struct rsa_key *key, int64_t now_ms,
                       struct notice_head *ret, struct err *e);

/* ---- providers that do not sign: a token in the callback's path ---- */
#define NOTICE_TOKEN 43                      /* characters: 32 bytes in base64url */
/* Of one attempt and no other. key: derived for this purpose alone (crypto_derive). */
void notice_token(const uint8_t key[CRYPTO_KEY], int64_t attempt, char out[NOTICE_TOKEN + 1]);
bool notice_is_token(const uint8_t key[CRYPTO_KEY], int64_t attempt, struct str token);

#endif
