/*
 * auth.h - accounts, sessions, rights.
 * First step: guests with a session, and one operator made at first start. Logins (e-mail, WeChat, Google …) become drivers behind `identity`.
 * Owns: tables account, identity, session.
 * Tokens: 32 random bytes, base64url; only their SHA-256 is stored. Sent as cookie zt_session (pages) or Authorization: Bearer (API).
 * Threads: auth_authorise on event threads (one SQLite point read); the rest inside write functions or on the pool.
 */
#ifndef ZT_AUTH_AUTH_H
#define ZT_AUTH_AUTH_H

#include "base/arena.h"
#include "base/err.h"

struct db;
struct db_tx;
struct http_req;

enum {
    AUTH_ACCOUNT = 1 << 0,         /* any account, a guest too */
    AUTH_OPERATOR = 1 << 1,
};
#define AUTH_TOKEN_MAX 44          /* 43 characters + NUL */

/* A new guest account with a session; token is shown once. Credits are granted by the caller in the same tx. */
int auth_guest_new(struct db_tx *tx, int64_t account, int64_t session, const char *token, int64_t now_ms, struct err *e);
void auth_token_new(char out[AUTH_TOKEN_MAX]);
/* Makes the operator account if there is none. The one-time token is written to <data>/operator.token (0600), never to the log. */
int auth_operator_ensure(struct db *d, const char *data_dir, struct err *e);
/* http_server_conf.authorise: reads cookie or bearer, fills req->account, rights, session; checks route->need; cookie-authenticated unsafe methods
 * must be same-origin (Sec-Fetch-Site / Origin). */
int auth_authorise(struct http_req *req, struct err *e);
int auth_session_end(struct db_tx *tx, int64_t session, struct err *e);

#endif
