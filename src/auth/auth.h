/*
 * auth.h - accounts, sessions, rights.
 * First step: guests with a session, and one operator made at first start. Logins (e-mail, WeChat, Google …) become drivers later.
 * Owns: tables account, session; the file <data>/operator.token.
 * Tokens: 32 random bytes, base64url; only their SHA-256 is stored. Sent as cookie zt_session (pages) or Authorization: Bearer (API).
 * Threads: auth_authorise on event threads (one SQLite point read); the rest inside write functions or at start.
 */
#ifndef ZT_AUTH_AUTH_H
#define ZT_AUTH_AUTH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db;
struct db_tx;
struct http_req;

enum {
    AUTH_ACCOUNT = 1 << 0,         /* any account, a guest too */
    AUTH_OPERATOR = 1 << 1,
};
#define AUTH_TOKEN_MAX  44         /* 43 characters + NUL */
#define AUTH_COOKIE     "zt_session"
#define AUTH_SESSION_MS (30LL * 24 * 3600 * 1000)     /* a guest's session, counted from its last renewal */

void auth_token_new(char out[AUTH_TOKEN_MAX]);
/* A new guest account with a session; the token is shown once. Credits are granted by the caller in the same tx. */
int auth_guest_new(struct db_tx *tx, int64_t account, int64_t session, const char *token, int64_t now_ms, struct err *e);
int auth_session_renew(struct db_tx *tx, int64_t session, int64_t now_ms, struct err *e);
int auth_session_end(struct db_tx *tx, int64_t session, struct err *e);
/* Keeper: forgets sessions that have ended. */
int auth_session_expire(struct db_tx *tx, int64_t now_ms, struct err *e);

/* Accounts for the operator, newest first, before_id 0 = all: how many were written. account: only this one, 0 = all. */
struct auth_listed { int64_t id, created_ms, seen_ms; char kind[17]; };   /* seen_ms: when a session was last made or renewed; 0: none is left */
int auth_account_list(struct db_tx *reader, int64_t account, int64_t before_id, int max, struct auth_listed *ret, struct err *e);

/* Makes the operator's account at first start, and a session when there is none (ending it with DELETE /v1/sessions and starting again
 * makes a new one). The token goes to <data>/operator.token (0600), never to the log. ret_made: the file was written. */
int auth_operator_ensure(struct db *d, const char *data_dir, bool *ret_made, struct err *e);

/*
 * http_server_conf.authorise: reads bearer or cookie, fills req->account, rights, session; checks route->need.
 * A bearer token that is not good is ERR_UNAUTHENTICATED also where nobody needs one; a stale cookie is as good as none.
 * Unsafe methods without a bearer must come from our own pages: see auth_same_origin().
 */
int auth_authorise(struct http_req *req, struct err *e);
/* What the request brings: the bearer, else the cookie; STR_NULL when neither. Not checked; for renewing the cookie. */
struct str auth_token_of(const struct http_req *req);
/* Whether an unsafe request is from a page of the same origin, by Sec-Fetch-Site, else by Origin against Host. `unknown` is the answer when
 * the request carries neither: no browser of today leaves both out. Pure. */
bool auth_same_origin(struct str sec_fetch_site, struct str origin, struct str host, bool unknown);

#endif
