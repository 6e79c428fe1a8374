/* session.c - guests, their sessions and tokens. */
#include "auth/auth.h"

#include "auth/token.h"
#include "db/db.h"

DB_SQL(account_add, "INSERT INTO account (id, kind, created_ms) VALUES (?, ?, ?)");
DB_SQL(session_add, "INSERT INTO session (id, account_id, token_sha, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?)");
DB_SQL(session_renew, "UPDATE session SET expires_ms = ? WHERE id = ? AND expires_ms > 0");
DB_SQL(session_end, "DELETE FROM session WHERE id = ?");
DB_SQL(session_expire, "DELETE FROM session WHERE expires_ms > 0 AND expires_ms <= ?");

void auth_token_new(char out[AUTH_TOKEN_MAX]) {
    uint8_t secret[32];
    crypto_random(secret, sizeof secret);
    base64url_encode(secret, sizeof secret, out);
}

void auth__token_sha(struct str token, char out[SHA256_HEX + 1]) { sha256_hex(token.p, token.n, out); }

int auth__account_add(struct db_tx *tx, int64_t account, const char *kind, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &account_add, DB_INT(account), DB_TEXT(kind), DB_INT(now_ms));
}

int auth__session_add(struct db_tx *tx, int64_t session, int64_t account, const char *token, int64_t now_ms, int64_t expires_ms,
                      struct err *e) {
    char sha[SHA256_HEX + 1];
    auth__token_sha(str_z(token), sha);
    return db_run(tx, NULL, e, &session_add, DB_INT(session), DB_INT(account), DB_TEXT(sha), DB_INT(now_ms), DB_INT(expires_ms));
}

int auth_guest_new(struct db_tx *tx, int64_t account, int64_t session, const char *token, int64_t now_ms, struct err *e) {
    int r = auth__account_add(tx, account, "guest", now_ms, e);
    if (r < 0)
        return r;
    return auth__session_add(tx, session, account, token, now_ms, now_ms + AUTH_SESSION_MS, e);
}

int auth_session_renew(struct db_tx *tx, int64_t session, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &session_renew, DB_INT(now_ms + AUTH_SESSION_MS), DB_INT(session));
}

int auth_session_end(struct db_tx *tx, int64_t session, struct err *e) {
    return db_run(tx, NULL, e, &session_end, DB_INT(session));
}

int auth_session_expire(struct db_tx *tx, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &session_expire, DB_INT(now_ms));
}
