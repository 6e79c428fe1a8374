/*
 * token.h - inside auth/: rows made by more than one file.
 */
#ifndef ZT_AUTH_TOKEN_H
#define ZT_AUTH_TOKEN_H

#include "base/crypto.h"
#include "base/err.h"
#include "base/str.h"

struct db_tx;

void auth__token_sha(struct str token, char out[SHA256_HEX + 1]);
int auth__account_add(struct db_tx *tx, int64_t account, const char *kind, int64_t now_ms, struct err *e);
/* expires_ms 0: never. */
int auth__session_add(struct db_tx *tx, int64_t session, int64_t account, const char *token, int64_t now_ms, int64_t expires_ms,
                      struct err *e);

#endif
