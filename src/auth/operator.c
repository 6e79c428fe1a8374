/* operator.c - the one account that may look at everybody's work, made at first start. */
#include "auth/auth.h"

#include <errno.h>
#include <fcntl.h>

#include "auth/token.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/scope.h"
#include "db/db.h"

DB_SQL(operator_find, "SELECT id FROM account WHERE kind = 'operator'");
DB_SQL(operator_session, "SELECT s.id FROM session s JOIN account a ON a.id = s.account_id WHERE a.kind = 'operator'");

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
    return auth__session_add(tx, id_new(), account, o->token, o->now_ms, /* expires_ms= */ 0, e);
}

/* Durable before the row that makes it good: after a crash there is a file without a session, and the next start writes another. */
static int write_token(const char *data_dir, const char *token, struct err *e) {
    char path[4096], temp[4096 + 8], line[AUTH_TOKEN_MAX + 1];
    snprintf(path, sizeof path, "%s/operator.token", data_dir);
    snprintf(temp, sizeof temp, "%s.new", path);
    size_t n = (size_t)snprintf(line, sizeof line, "%s\n", token);
    __attribute__((cleanup(fd_close_p))) int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, line, n) != (ssize_t)n || fsync(fd) < 0 || rename(temp, path) < 0)
        return err_sys(e, ERR_INTERNAL, "%s", path);
    __attribute__((cleanup(fd_close_p))) int dir = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return err_sys(e, ERR_INTERNAL, "%s", data_dir);
    return 0;
}

int auth_operator_ensure(struct db *d, const char *data_dir, bool *ret_made, struct err *e) {
    int r;
    {
        DB_ROWS rows;
        if ((r = db_one(db_reader(d), &rows, e, &operator_session)) < 0)
            return r;
    }
    if (r == 1) {
        *ret_made = false;
        return 0;
    }
    struct new_operator o = { .now_ms = clock_ms() };
    auth_token_new(o.token);
    if ((r = write_token(data_dir, o.token, e)) < 0 || (r = db_do(d, add_operator, &o, e)) < 0)
        return r;
    *ret_made = true;
    return 0;
}
