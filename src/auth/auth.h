/*
 * auth.h - accounts, logins, sessions, rights.
 * Owns: tables account, session, identity, profile, device, login_token, consent, sign_key; the files <data>/operator.token, master.key.
 *
 * A session is a signed-in device (table device). It holds two secrets: an access token, a JWT of 15 minutes signed with ES256 that is
 * checked without the database, and a refresh token, opaque, that changes with every use and is stored as a hash. One that comes back
 * after it was changed was stolen, or its successor was: that ends the session. A session that ends takes its access tokens with it at once.
 * Programs of the operator have an opaque token without end instead (table session).
 *
 * Threads: auth_authorise and auth_access_new on any thread; functions with a tx wherever the tx lives; what hashes a password (auth_login_*)
 * only on the costly pool.
 */
#ifndef ZT_AUTH_AUTH_H
#define ZT_AUTH_AUTH_H

#include "base/arena.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/str.h"

struct auth;
struct db;
struct db_tx;
struct http_addr;
struct http_req;

enum {
    AUTH_ACCOUNT = 1 << 0,         /* any account, a guest too */
    AUTH_OPERATOR = 1 << 1,
    AUTH_PERSON = 1 << 2,    /* somebody with a login */
};
enum auth_kind { AUTH_KIND_GUEST, AUTH_KIND_PERSON, AUTH_KIND_OPERATOR, AUTH_KIND_COUNT };
const char *auth_kind_name(enum auth_kind k);          /* "guest", "person", "operator" */

#define AUTH_SUBJECT_MAX 255                           /* an address, NUL included */
#define AUTH_SECRET_MAX  (CRYPTO_PASSWORD_MAX + 1)     /* what is kept of a password */
#define AUTH_TOKEN_MAX  44                             /* an opaque token: 43 characters + NUL */
#define AUTH_ACCESS_MAX 640                            /* an access token, NUL included */
#define AUTH_ACCESS_COOKIE  "zt_access"
#define AUTH_REFRESH_COOKIE "zt_refresh"
#define AUTH_ACCESS_MS  (15LL * 60 * 1000)
#define AUTH_DEVICES_MAX 32                            /* sessions of one account; one more ends the one that was quiet longest */
int64_t auth_session_ms(enum auth_kind k);             /* how long a session lasts after its last use */

extern const struct setting auth_settings[];           /* rows "auth.…" */

/* ---- life ---- */
/* Reads or makes the master key (ERR_CONFIG when it is missing, and keys in the database are sealed with it) and the keys that sign; makes the
 * operator's account and token at first start. ret_made: <data>/operator.token was written (0600, never to the log). Ending the operator's session with DELETE /v1/sessions and starting again makes a new one. */
int auth_open(const struct config *cfg, struct db *d, const char *data_dir, struct auth **ret_a, bool *ret_made, struct err *e);
void auth_close(struct auth *a);
/* A secret of its own for what another room signs or keeps only as a MAC, the same as long as <data>/master.key is. The numbers are fixed for all time. */
enum auth_purpose { AUTH_FOR_FREE = 1, AUTH_FOR_TEST_MONEY = 2, AUTH_FOR_LINKS = 3, AUTH_FOR_NOTICES = 4 };
void auth_derive(const struct auth *a, enum auth_purpose what, uint8_t out[CRYPTO_KEY]);
/* Keeper, every second: a new key when the newest is 30 days old; forgets those whose tokens have all ended. Cheap when there is nothing to do. */
int auth_keys_turn(struct auth *a, int64_t now_ms, struct err *e);
/* Keeper: forgets sessions and tokens that have ended. */
int auth_expire(struct db_tx *tx, int64_t now_ms, struct err *e);

struct auth_stats { int64_t sign_ins, refused, refreshed, reused, hashes, access_checked, access_remembered, ended_known; };
void auth_get_stats(struct auth *a, struct auth_stats *ret);

/* ---- requests ---- */
/*
 * http_server_conf.authorise: reads bearer or cookie, fills req->account, rights, session; checks route->need.
 * A bearer token that is not good is ERR_UNAUTHENTICATED also where nobody needs one; a stale cookie is as good as none.
 * Unsafe methods without a bearer must come from our own pages: see auth_same_origin().
 */
int auth_authorise(struct http_req *req, struct err *e);
/* When the access token of an authorised request ends; 0: it came with one that has no end. */
int64_t auth_access_ends(const struct http_req *req);
/* Of a request that goes on after it was authorised, and within AUTH_ACCESS_MS of the last time it asked: 1, or 0 when the session of that token
 * has ended. Cheap. */
int auth_session_lives(struct auth *a, int64_t session, struct err *e);
/* Whether an unsafe request is from a page of the same origin, by Sec-Fetch-Site, else by Origin against Host. `unknown` is the answer when
 * the request carries neither: no browser of today leaves both out. Pure. */
bool auth_same_origin(struct str sec_fetch_site, struct str origin, struct str host, bool unknown);

/* ---- tokens ---- */
void auth_token_new(char out[AUTH_TOKEN_MAX]);         /* 32 random bytes, base64url */
/* Signs an access token that ends after AUTH_ACCESS_MS, or at ends_ms when that is earlier; *ret_expires_ms says when. */
int auth_access_new(struct auth *a, int64_t account, int64_t session, enum auth_kind kind, int64_t ends_ms, char out[AUTH_ACCESS_MAX],
                    int64_t *ret_expires_ms, struct err *e);
/* A refresh token for a new session. */
void auth_refresh_new(struct auth *a, int64_t session, char out[AUTH_TOKEN_MAX]);
/* The one that follows a refresh token: always the same, and nobody else can tell which. */
void auth_refresh_next(struct auth *a, struct str token, char out[AUTH_TOKEN_MAX]);

/* ---- sessions ---- */
/* What a new session is told about its device. */
struct auth_device { char label[80], address[56]; };
void auth_device_of(const struct http_req *req, struct auth_device *ret);
/* "Firefox on Windows" out of a User-Agent header; bounded; never more than the words of our own table. Pure. */
void auth_device_label(struct str user_agent, char out[80]);
/* 192.0.2.0/24, 2001:db8:1::/48. Pure. */
void auth_device_address(const struct http_addr *peer, char out[56]);
bool auth_peer_is_v4(const struct http_addr *peer);

/* Sessions that a transaction ended; told to this process when it commits. Must live until then: a job of a request, or the stack of who waits
 * in db_do(). */
struct auth_ended { struct auth *a; int n; int64_t ids[AUTH_DEVICES_MAX * 2]; };

/* A session as its owner gets it. */
struct auth_session {
    int64_t account, session, expires_ms;
    enum auth_kind kind;
    char refresh[AUTH_TOKEN_MAX];                      /* shown once; again only to who lost the answer */
};
int auth_guest_new(struct db_tx *tx, int64_t account, int64_t now_ms, struct err *e);   /* the account alone; credits are granted by the caller */
/* s->account, kind, session (id_new) and refresh are the caller's; sets expires_ms. */
int auth_session_add(struct db_tx *tx, struct auth_session *s, const struct auth_device *on, int64_t now_ms, struct auth_ended *ended, struct err *e);
/* Looks at the newest use of a session by its access token: it lasts longer. 0 when it is no session of a device. */
int auth_session_renew(struct db_tx *tx, int64_t session, enum auth_kind kind, int64_t now_ms, int64_t *ret_expires_ms, struct err *e);

/* What a refresh token is worth. */
enum auth_refresh {
    AUTH_REFRESH_GOOD,      /* changed: `out` has the new one */
    AUTH_REFRESH_RECENT,    /* the one before, within 10 s of the change: two tabs, or a lost answer. The same new one again, no other change */
    AUTH_REFRESH_OVER,      /* unknown, or of a session that has ended */
    AUTH_REFRESH_REUSED,    /* an old one: the session was ended just now */
};
/* in: out->refresh holds the new token (auth_refresh_next). */
int auth_session_refresh(struct db_tx *tx, struct auth *a, struct str token, struct auth_session *out, int64_t now_ms, struct auth_ended *ended,
                         enum auth_refresh *ret, struct err *e);
/* 1: what it would be worth, as things stand, and whose session it is or was; 0: not ours, or forgotten. Changes nothing. */
int auth_session_judge(struct db_tx *tx, struct auth *a, struct str token, int64_t now_ms, enum auth_refresh *ret, enum auth_kind *ret_kind, struct err *e);
void auth_count_refresh(struct auth *a, enum auth_refresh outcome);
int64_t auth_refresh_session(struct auth *a, struct str token);       /* whose it is or was; 0: we never gave it out */

int auth_device_lives(struct db_tx *tx, int64_t session, struct err *e);               /* 1: the device is signed in, 0: no more */
/* 1: ended, 0: none. With a program's token all devices of the account end. */
int auth_session_end(struct db_tx *tx, int64_t account, int64_t session, int64_t now_ms, struct auth_ended *ended, struct err *e);
int auth_session_end_all(struct db_tx *tx, int64_t account, int64_t except, int64_t now_ms, struct auth_ended *ended, struct err *e);
struct buf;
int auth_session_list(struct db_tx *tx, int64_t account, int64_t current, int64_t now_ms, struct buf *out, struct err *e);   /* JSON array */

/* ---- people: logins, the links that prove an address, passwords. `lang` "en" or "zh" ---- */
#define AUTH_LINK_MS    (24LL * 3600 * 1000)            /* confirm, and links made by the account itself */
#define AUTH_OPERATOR_LINK_MS (10LL * 60 * 1000)
#define AUTH_MAILED_MS  (3600LL * 1000)                 /* reset, magic */
enum auth_token_kind { AUTH_TOKEN_CONFIRM, AUTH_TOKEN_RESET, AUTH_TOKEN_MAGIC, AUTH_TOKEN_KIND_COUNT };
const char *auth_token_kind_name(enum auth_token_kind k);             /* "confirm", "reset", "magic" */

/* The subject of an address; ERR_EMAIL_WRONG. */
int auth_address(struct str given, char out[AUTH_SUBJECT_MAX], struct err *e);
/* ERR_PASSWORD_WEAK says why. Cheap: before anything is counted or queued. */
int auth_password_judge(const char *email, struct str password, struct err *e);
/* Costly. Judges as well. What is kept of it goes to out. */
int auth_password_seal(struct auth *a, const char *email, struct str password, char out[AUTH_SECRET_MAX], struct err *e);
/* A password that was right: whose, by which hash, and what that hash is to be replaced by ("" = nothing). */
struct auth_proved { int64_t account; char secret[AUTH_SECRET_MAX], again[AUTH_SECRET_MAX]; };
/* Costly, and as costly for an address nobody has. 1: *ret; 0: no. */
int auth_password_prove(struct auth *a, struct db_tx *tx, const char *email, struct str password, struct auth_proved *ret, struct err *e);
/* In the transaction that acts on it: ERR_SIGN_IN_WRONG when the password was changed since. */
int auth_password_still(struct db_tx *tx, const struct auth_proved *p, struct err *e);
/* Costly. Whether it is the password of a sealed one. */
bool auth_password_fits(struct auth *a, struct str password, const char *sealed);
int auth_password_set(struct db_tx *tx, int64_t account, const char *sealed, struct err *e);
/* 1: whose address it is; 0: nobody's. */
int auth_account_of(struct db_tx *tx, const char *email, int64_t *ret_account, struct err *e);
/* 1: the account's address and its language ("" = never said); 0: it has none. */
int auth_email_of(struct db_tx *tx, int64_t account, char out[AUTH_SUBJECT_MAX], char lang[9], struct err *e);
void auth_count_sign_in(struct auth *a, bool good);

/* A single-use token; the caller sends it. account, asker and session as in the table login_token; nobody: it can never be used. */
struct auth_token_new {
    enum auth_token_kind kind;
    const char *email, *sealed, *lang;                  /* "" when there is none */
    int64_t     account, asker, session, ends_ms;
    const char *token;
    bool        nobody;
};
int auth_token_add(struct db_tx *tx, const struct auth_token_new *t, int64_t now_ms, struct err *e);
/* The sign-up of an address that waits for its confirmation, the asking guest's own rather than the newest: 1, its hash and guest; 0: none. */
int auth_signup_find(struct db_tx *tx, const char *email, int64_t asker, int64_t now_ms, int64_t *ret_guest, char sealed[AUTH_SECRET_MAX], struct err *e);

struct auth_token { int64_t id, account, asker; enum auth_token_kind kind; char email[AUTH_SUBJECT_MAX], sealed[AUTH_SECRET_MAX], lang[9]; };
/* 1: good, 0: used, too old, unknown, or its session has ended. Changes nothing. */
int auth_token_find(struct db_tx *tx, struct str token, int64_t now_ms, struct auth_token *ret, struct err *e);
/* Uses it up: ERR_TOKEN_OVER when somebody was faster. */
int auth_token_use(struct db_tx *tx, const struct auth_token *t, int64_t now_ms, struct err *e);
/* None of the links in a mailbox, nor of those that the account made itself, is good any more. */
int auth_token_cancel(struct db_tx *tx, int64_t account, const char *email, int64_t now_ms, struct err *e);
/* What a browser keeps in AUTH_ASKED_COOKIE after it asked for a link to this address: by it the link is known to be opened where it was asked
 * for. It says nothing about whether the address has an account. */
#define AUTH_ASKED_COOKIE "zt_asked"
#define AUTH_ASKED_MAX    64
void auth_asked_mark(struct auth *a, const char *email, int64_t now_ms, char out[AUTH_ASKED_MAX]);
/* Such a mark, for this address, not older than the links in mails live. */
bool auth_asked_here(struct auth *a, const char *email, struct str mark, int64_t now_ms);
/* A guest becomes a person: the identity's row, and the account's kind. ERR_TOKEN_OVER when the address has an account by now. */
int auth_person_new(struct db_tx *tx, int64_t account, const char *email, const char *sealed, int64_t now_ms, struct err *e);
/* 1: it is a guest still, and nothing of it is on its way to somebody else. */
int auth_is_guest(struct db_tx *tx, int64_t account, struct err *e);

/* ---- the work of a guest who signed in goes to the person: api/move.c does it, this remembers it ---- */
int auth_move_add(struct db_tx *tx, int64_t from, int64_t to, int64_t now_ms, struct err *e);
/* One that is due: 1, or 0 when none is. */
struct auth_move { int64_t from, to, at_ms; };
int auth_move_next(struct db_tx *tx, int64_t now_ms, struct auth_move *ret, struct err *e);
int auth_move_later(struct db_tx *tx, int64_t from, int64_t next_ms, struct err *e);
int auth_move_done(struct db_tx *tx, int64_t from, int64_t now_ms, int64_t next_ms, struct err *e);      /* the work went along; look again for what comes late */
int auth_move_waits(struct db_tx *tx, int64_t to, struct err *e);                   /* 1: work is still on its way to this account; 0 */
int auth_move_end(struct db_tx *tx, int64_t from, struct err *e);
int auth_move_rows(struct db_tx *tx, int64_t from, int64_t to, struct err *e);      /* consents */

/* ---- consent ---- */
struct auth_consent { int64_t id, account, session; struct str kind, version, lang; int64_t at_ms; };
int auth_consent_add(struct db_tx *tx, const struct auth_consent *c, struct err *e);
int auth_consent_find(struct db_tx *tx, struct auth_consent *c, struct err *e);     /* by account, kind, version, lang: 1, the rest is filled; 0 */
int auth_consent_has(struct db_tx *tx, int64_t account, struct str kind, struct err *e);        /* 1/0 */
int auth_consent_list(struct db_tx *tx, int64_t account, struct buf *out, struct err *e);      /* JSON array, newest first, 100 at most */

/* Proves that persons have a login, that logins and sessions have an account; as ledger_verify. */
int auth_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

/* ---- what an account says about itself ---- */
struct auth_me { enum auth_kind kind; struct str email, name, lang, region; };          /* "" = none */
int auth_me_get(struct db_tx *tx, struct arena *m, int64_t account, struct auth_me *ret, struct err *e);
struct auth_profile { struct str name, lang, region; };                                 /* STR_NULL: as it was */
int auth_profile_set(struct db_tx *tx, int64_t account, const struct auth_profile *p, struct err *e);

/* ---- for the operator ---- */
/* email: empty when there is none. seen_ms: when a device was last here, 0 = none is known. */
struct auth_listed { int64_t id, created_ms, seen_ms; char kind[17], email[AUTH_SUBJECT_MAX]; };
/* Newest first, before_id 0 = all: how many were written. account: only this one, 0 = all. */
int auth_account_list(struct db_tx *reader, int64_t account, int64_t before_id, int max, struct auth_listed *ret, struct err *e);

#endif
