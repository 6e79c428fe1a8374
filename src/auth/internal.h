/*
 * internal.h - what the files of auth/ share.
 */
#ifndef ZT_AUTH_INTERNAL_H
#define ZT_AUTH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/jws.h"
#include "base/crypto.h"

#define KEYS_MAX      8
#define KEY_MS        (30LL * 24 * 3600 * 1000)
#define KID_MAX       17
#define SEEN_SLOTS    4096                 /* verified access tokens remembered; a power of 2 */
#define SEEN_LOCKS    16
#define ENDED_SLOTS   32768                /* ended sessions remembered, at most half of them used; a power of 2 */

struct auth__claims { int64_t account, session, iat_ms, exp_ms; enum auth_kind kind; };

struct auth__key {
    char         kid[KID_MAX];
    char         head[128];                /* base64url of {"alg":"ES256","kid":…}, as our tokens begin: fixes algorithm and key */
    int64_t      created_ms;
    struct jws_key *jwk;
};
struct auth__seen { uint8_t mac[CRYPTO_MAC]; struct auth__claims claims; };

struct auth {
    struct db       *db;
    uint8_t          seal_key[CRYPTO_KEY], mac_key[CRYPTO_KEY], asked_key[CRYPTO_KEY], rooms_key[CRYPTO_KEY];
    char             issuer[512];
    int64_t          hash_memory, hash_passes;
    char             dummy[CRYPTO_PASSWORD_MAX];   /* what a password of nobody is compared with */

    pthread_rwlock_t keys_lock;            /* guards keys */
    struct auth__key keys[KEYS_MAX];       /* newest first */
    size_t           n_keys;

    pthread_mutex_t  seen_lock[SEEN_LOCKS];
    struct auth__seen *seen;
    uint8_t          seen_key[CRYPTO_KEY];

    pthread_mutex_t  ended_lock;           /* guards what follows */
    struct { int64_t session, at_ms; } *ended;
    size_t           n_ended;
    int64_t          ended_swept_ms, overflow_until_ms;      /* of the monotonic clock, as at_ms is */
    _Atomic int64_t  ended_known;

    _Atomic int64_t  sign_ins, refused, refreshed, reused, hashes, checked, remembered;
};

/* keys.c */
int auth__keys_open(struct auth *a, const char *data_dir, struct err *e);
void auth__keys_close(struct auth *a);
/* Writes <data>/<name> (0600) durably, replacing it. */
int auth__file_write(const char *data_dir, const char *name, const char *line, struct err *e);

/* access.c */
int auth__access_open(struct auth *a, struct err *e);
void auth__access_close(struct auth *a);
/* 1: a good token of a session that lives; 0: not. */
int auth__access_check(struct auth *a, struct str token, int64_t now_ms, struct auth__claims *ret, struct err *e);
void auth__ended_commit(void *ended);      /* db_on_commit hook; arg: struct auth_ended * */

/* operator.c */
int auth__operator_ensure(struct auth *a, const char *data_dir, bool *ret_made, struct err *e);

/* session.c */
void auth__sha(struct str token, char out[SHA256_HEX + 1]);
int auth__account_add(struct db_tx *tx, int64_t account, const char *kind, int64_t now_ms, struct err *e);
int auth__kind_of(struct str name, enum auth_kind *ret);     /* 0, or < 0 when there is no such kind */

#endif
