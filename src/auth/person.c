/* person.c - people: logins, the links that prove an address, passwords. */
#include "auth/driver.h"
#include "auth/internal.h"

#include "base/id.h"
#include "db/db.h"

DB_SQL(identity_one, "SELECT account_id, secret FROM identity WHERE driver = 'email' AND subject = ?");
DB_SQL(identity_add, "INSERT INTO identity (id, account_id, driver, subject, secret, created_ms, verified_ms) VALUES (?, ?, 'email', ?, ?, ?, ?)");
DB_SQL(identity_secret, "UPDATE identity SET secret = ? WHERE account_id = ? AND driver = 'email'");
DB_SQL(identity_still, "SELECT 1 FROM identity WHERE account_id = ? AND driver = 'email' AND secret = ?");
DB_SQL(identity_of, "SELECT i.subject, p.lang FROM identity i LEFT JOIN profile p ON p.account_id = i.account_id WHERE i.account_id = ? AND i.driver = 'email'");
DB_SQL(account_person, "UPDATE account SET kind = 'person' WHERE id = ? AND kind = 'guest'");
DB_SQL(account_guest, "SELECT 1 FROM account a WHERE a.id = ? AND a.kind = 'guest' AND NOT EXISTS (SELECT 1 FROM account_move m WHERE m.from_id = a.id)");
DB_SQL(token_add, "INSERT INTO login_token (id, sha, kind, driver, subject, account_id, asker_id, session_id, secret, lang, created_ms, expires_ms, used_ms) "
                  "VALUES (?, ?, ?, 'email', ?, ?, ?, ?, ?, ?, ?, ?, 0)");
DB_SQL(token_one, "SELECT t.id, t.kind, t.subject, t.account_id, t.asker_id, t.secret, t.lang FROM login_token t "
                  "WHERE t.sha = ? AND t.used_ms = 0 AND t.expires_ms > ? AND (t.session_id = 0 OR EXISTS (SELECT 1 FROM device d WHERE d.id = t.session_id "
                  "AND d.ended_ms = 0) OR EXISTS (SELECT 1 FROM session s WHERE s.id = t.session_id))");
DB_SQL(token_use, "UPDATE login_token SET used_ms = ?, secret = '' WHERE id = ? AND used_ms = 0");
DB_SQL(token_signup, "SELECT account_id, secret FROM login_token WHERE driver = 'email' AND subject = ? AND kind = 'confirm' AND used_ms = 0 AND expires_ms > ? "
                     "ORDER BY CASE WHEN account_id = ? THEN 0 ELSE 1 END, id DESC LIMIT 1");
DB_SQL(token_cancel, "UPDATE login_token SET used_ms = ?, secret = '' WHERE driver = 'email' AND subject = ? AND kind IN ('confirm', 'reset', 'magic') AND used_ms = 0");

DB_SQL(token_cancel_own, "UPDATE login_token SET used_ms = ?, secret = '' WHERE driver = 'email' AND subject = '' AND kind = 'magic' AND account_id = ? AND used_ms = 0");

static const char *const token_names[AUTH_TOKEN_KIND_COUNT] = { "confirm", "reset", "magic" };
const char *auth_token_kind_name(enum auth_token_kind k) { return token_names[k]; }

static void copy(char *out, size_t n, struct str s) { snprintf(out, n, "%.*s", STR_ARG(s)); }

/* "<when, ms>-<MAC of when and the address>" */
void auth_asked_mark(struct auth *a, const char *email, int64_t now_ms, char out[AUTH_ASKED_MAX]) {
    char text[AUTH_SUBJECT_MAX + 24];
    uint8_t mac[CRYPTO_MAC];
    int n = snprintf(text, sizeof text, "%lld-%s", (long long)now_ms, email);
    crypto_mac(a->asked_key, text, (size_t)n, mac);
    n = snprintf(out, AUTH_ASKED_MAX, "%lld-", (long long)now_ms);
    base64url_encode(mac, sizeof mac, out + n);
}

bool auth_asked_here(struct auth *a, const char *email, struct str mark, int64_t now_ms) {
    struct str rest = mark, when = str_cut(&rest, '-');
    char right[AUTH_ASKED_MAX];
    int64_t made_ms;
    if (str_int(when, 0, now_ms, &made_ms) < 0 || now_ms - made_ms > AUTH_MAILED_MS)
        return false;
    auth_asked_mark(a, email, made_ms, right);
    return mark.n == strlen(right) && crypto_equal(mark.p, right, mark.n);
}

/* ---- logins ---- */

int auth_address(struct str given, char out[AUTH_SUBJECT_MAX], struct err *e) { return auth__driver("email")->subject(given, out, e); }

int auth_password_judge(const char *email, struct str password, struct err *e) { return auth__driver("email")->judge(email, password, e); }

int auth_password_seal(struct auth *a, const char *email, struct str password, char out[AUTH_SECRET_MAX], struct err *e) {
    return auth__driver("email")->seal(a, email, password, out, e);
}

static int find_identity(struct db_tx *tx, const char *email, int64_t *ret_account, char secret[AUTH_SECRET_MAX], struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &identity_one, DB_TEXT(email));
    if (r == 1) {
        *ret_account = db_int(&rows, 0);
        copy(secret, AUTH_SECRET_MAX, db_str(&rows, 1));
    }
    return r;
}

int auth_account_of(struct db_tx *tx, const char *email, int64_t *ret_account, struct err *e) {
    char secret[AUTH_SECRET_MAX];
    return find_identity(tx, email, ret_account, secret, e);
}

int auth_password_prove(struct auth *a, struct db_tx *tx, const char *email, struct str password, struct auth_proved *ret, struct err *e) {
    struct auth_proved p = { 0 };
    bool again = false;
    int r = find_identity(tx, email, &p.account, p.secret, e);
    if (r < 0)
        return r;
    const struct auth_driver *d = auth__driver("email");
    if (!d->prove(a, password, r ? p.secret : NULL, &again))
        return 0;
    if (again && d->seal(a, email, password, p.again, NULL) < 0)
        p.again[0] = '\0';                            /* too weak by newer rules: it still signs in */
    *ret = p;
    return 1;
}

bool auth_password_fits(struct auth *a, struct str password, const char *sealed) {
    bool again;
    return auth__driver("email")->prove(a, password, sealed, &again);
}

int auth_password_still(struct db_tx *tx, const struct auth_proved *p, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &identity_still, DB_INT(p->account), DB_TEXT(p->secret));
    return r != 0 ? r : err_set(e, ERR_SIGN_IN_WRONG, "%s", "");
}

int auth_password_set(struct db_tx *tx, int64_t account, const char *sealed, struct err *e) {
    return db_run(tx, NULL, e, &identity_secret, DB_TEXT(sealed), DB_INT(account));
}

int auth_email_of(struct db_tx *tx, int64_t account, char out[AUTH_SUBJECT_MAX], char lang[9], struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &identity_of, DB_INT(account));
    if (r == 1) {
        copy(out, AUTH_SUBJECT_MAX, db_str(&rows, 0));
        copy(lang, 9, db_str(&rows, 1));
    }
    return r;
}

void auth_count_sign_in(struct auth *a, bool good) { atomic_fetch_add(good ? &a->sign_ins : &a->refused, 1); }

/* ---- tokens ---- */

int auth_token_add(struct db_tx *tx, const struct auth_token_new *t, int64_t now_ms, struct err *e) {
    char sha[SHA256_HEX + 1];
    auth__sha(str_z(t->token), sha);
    return db_run(tx, NULL, e, &token_add, DB_INT(id_new()), DB_TEXT(sha), DB_TEXT(t->nobody ? "void" : token_names[t->kind]), DB_TEXT(t->email),
                  DB_INT(t->account), DB_INT(t->asker), DB_INT(t->session), DB_TEXT(t->sealed), DB_TEXT(t->lang), DB_INT(now_ms), DB_INT(t->ends_ms));
}

int auth_signup_find(struct db_tx *tx, const char *email, int64_t asker, int64_t now_ms, int64_t *ret_guest, char sealed[AUTH_SECRET_MAX], struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &token_signup, DB_TEXT(email), DB_INT(now_ms), DB_INT(asker ? asker : -1));
    if (r == 1) {
        *ret_guest = db_int(&rows, 0);
        copy(sealed, AUTH_SECRET_MAX, db_str(&rows, 1));
    }
    return r;
}

int auth_token_find(struct db_tx *tx, struct str token, int64_t now_ms, struct auth_token *ret, struct err *e) {
    char sha[SHA256_HEX + 1];
    auth__sha(token, sha);
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &token_one, DB_TEXT(sha), DB_INT(now_ms));
    if (r <= 0)
        return r;
    *ret = (struct auth_token){ .id = db_int(&rows, 0), .account = db_int(&rows, 3), .asker = db_int(&rows, 4), .kind = AUTH_TOKEN_KIND_COUNT };
    for (enum auth_token_kind k = 0; k < AUTH_TOKEN_KIND_COUNT; k++)
        if (str_eqz(db_str(&rows, 1), token_names[k]))
            ret->kind = k;
    copy(ret->email, sizeof ret->email, db_str(&rows, 2));
    copy(ret->sealed, sizeof ret->sealed, db_str(&rows, 5));
    copy(ret->lang, sizeof ret->lang, db_str(&rows, 6));
    return ret->kind < AUTH_TOKEN_KIND_COUNT;         /* 'void' is nobody's */
}

int auth_token_use(struct db_tx *tx, const struct auth_token *t, int64_t now_ms, struct err *e) {
    int64_t changed = 0;
    int r = db_run(tx, &changed, e, &token_use, DB_INT(now_ms), DB_INT(t->id));
    if (r < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_TOKEN_OVER, "it was used just now");
    /* Whoever proved the address needs none of the other links that lie in its mailbox, and nobody else shall. */
    return t->email[0] ? db_run(tx, NULL, e, &token_cancel, DB_INT(now_ms), DB_TEXT(t->email)) : 0;
}

int auth_token_cancel(struct db_tx *tx, int64_t account, const char *email, int64_t now_ms, struct err *e) {
    int r = db_run(tx, NULL, e, &token_cancel, DB_INT(now_ms), DB_TEXT(email));
    return r < 0 ? r : db_run(tx, NULL, e, &token_cancel_own, DB_INT(now_ms), DB_INT(account));
}

int auth_person_new(struct db_tx *tx, int64_t account, const char *email, const char *sealed, int64_t now_ms, struct err *e) {
    int64_t other = 0, changed = 0;
    int r = auth_account_of(tx, email, &other, e);
    if (r < 0)
        return r;
    if (r == 1)
        return err_set(e, ERR_TOKEN_OVER, "this address has an account by now");
    if ((r = db_run(tx, NULL, e, &identity_add, DB_INT(id_new()), DB_INT(account), DB_TEXT(email), DB_TEXT(sealed), DB_INT(now_ms), DB_INT(now_ms))) < 0 ||
        (r = db_run(tx, &changed, e, &account_person, DB_INT(account))) < 0)
        return r;
    return changed == 1 ? 0 : err_set(e, ERR_TOKEN_OVER, "this guest has become somebody else by now");
}

int auth_is_guest(struct db_tx *tx, int64_t account, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &account_guest, DB_INT(account));
}

/* ---- moves ---- */

DB_SQL(move_one, "SELECT to_id FROM account_move WHERE from_id = ?");
DB_SQL(move_add, "INSERT INTO account_move (from_id, to_id, at_ms, next_ms) VALUES (?, ?, ?, ?)");
DB_SQL(move_next, "SELECT from_id, to_id, at_ms FROM account_move WHERE next_ms <= ? ORDER BY next_ms LIMIT 1");
DB_SQL(move_later, "UPDATE account_move SET next_ms = ? WHERE from_id = ?");
DB_SQL(move_done, "UPDATE account_move SET next_ms = ?, moved_ms = ? WHERE from_id = ?");
DB_SQL(move_waits, "SELECT 1 FROM account_move WHERE to_id = ? AND moved_ms = 0 LIMIT 1");
DB_SQL(move_end, "DELETE FROM account_move WHERE from_id = ?");
DB_SQL(move_consents, "UPDATE consent SET account_id = ? WHERE account_id = ?");

int auth_move_add(struct db_tx *tx, int64_t from, int64_t to, int64_t now_ms, struct err *e) {
    {
        DB_ROWS rows;
        int r = db_one(tx, &rows, e, &move_one, DB_INT(from));
        if (r != 0)
            return r < 0 ? r : 0;                     /* on its way already: to whoever signed in first */
    }
    return db_run(tx, NULL, e, &move_add, DB_INT(from), DB_INT(to), DB_INT(now_ms), DB_INT(now_ms));
}

int auth_move_next(struct db_tx *tx, int64_t now_ms, struct auth_move *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &move_next, DB_INT(now_ms));
    if (r == 1)
        *ret = (struct auth_move){ db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2) };
    return r;
}

int auth_move_later(struct db_tx *tx, int64_t from, int64_t next_ms, struct err *e) { return db_run(tx, NULL, e, &move_later, DB_INT(next_ms), DB_INT(from)); }
int auth_move_done(struct db_tx *tx, int64_t from, int64_t now_ms, int64_t next_ms, struct err *e) {
    return db_run(tx, NULL, e, &move_done, DB_INT(next_ms), DB_INT(now_ms), DB_INT(from));
}
int auth_move_waits(struct db_tx *tx, int64_t to, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &move_waits, DB_INT(to));
}
int auth_move_end(struct db_tx *tx, int64_t from, struct err *e) { return db_run(tx, NULL, e, &move_end, DB_INT(from)); }
int auth_move_rows(struct db_tx *tx, int64_t from, int64_t to, struct err *e) { return db_run(tx, NULL, e, &move_consents, DB_INT(to), DB_INT(from)); }
