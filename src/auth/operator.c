/* operator.c - the one account that may look at everybody's work, made at first start. */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "db/db.h"

DB_SQL(operator_find, "SELECT id FROM account WHERE kind = 'operator'");
DB_SQL(operator_session, "SELECT s.id FROM session s JOIN account a ON a.id = s.account_id WHERE a.kind = 'operator'");

DB_SQL(session_add, "INSERT INTO session (id, account_id, token_sha, created_ms, expires_ms) VALUES (?, ?, ?, ?, 0)");

struct new_operator { char token[AUTH_TOKEN_MAX]; int64_t now_ms; };

static int add_operator(struct db_tx *tx, void *arg, struct err *e) {
    const struct new_operator *o = arg;
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &operator_find);
    if (r < 0)
        return r;
    int64_t account = r ? db_int(&rows, 0) : id_new();
    if (r == 0 && (r = auth__account_add(tx, account, "operator", o->now_ms, e)) < 0)
        return r;
    char sha[SHA256_HEX + 1];
    auth__sha(str_z(o->token), sha);
    return db_run(tx, NULL, e, &session_add, DB_INT(id_new()), DB_INT(account), DB_TEXT(sha), DB_INT(o->now_ms));
}

/* The file is durable before the row that makes it good: after a crash there is a file without a session, and the next start writes another. */
int auth__operator_ensure(struct auth *a, const char *data_dir, bool *ret_made, struct err *e) {
    int r;
    {
        DB_ROWS rows;
        if ((r = db_one(db_reader(a->db), &rows, e, &operator_session)) < 0)
            return r;
    }
    if (r == 1) {
        *ret_made = false;
        return 0;
    }
    struct new_operator o = { .now_ms = clock_ms() };
    auth_token_new(o.token);
    if ((r = auth__file_write(data_dir, "operator.token", o.token, e)) < 0 || (r = db_do(a->db, add_operator, &o, e)) < 0)
        return r;
    *ret_made = true;
    return 0;
}
