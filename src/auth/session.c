/* session.c - guests, and the sessions of everybody: begun, refreshed, ended. */
#include "auth/internal.h"

#include "base/id.h"
#include "base/json.h"
#include "db/db.h"

#define RECENT_MS   (10LL * 1000)                      /* how long the refresh token before the last change is forgiven */
#define DAY_MS      (24LL * 3600 * 1000)

DB_SQL(account_add, "INSERT INTO account (id, kind, created_ms) VALUES (?, ?, ?)");
DB_SQL(device_add, "INSERT INTO device (id, account_id, token_sha, before_sha, rotated_ms, created_ms, seen_ms, expires_ms, ended_ms, "
                   "label, address) VALUES (?, ?, ?, '', ?, ?, ?, ?, 0, ?, ?)");
DB_SQL(device_one, "SELECT d.account_id, d.token_sha, d.before_sha, d.rotated_ms, d.expires_ms, d.ended_ms, a.kind FROM device d "
                   "JOIN account a ON a.id = d.account_id WHERE d.id = ?");
DB_SQL(device_rotate, "UPDATE device SET token_sha = ?, before_sha = ?, rotated_ms = ?, seen_ms = ?, expires_ms = ? "
                      "WHERE id = ? AND token_sha = ? AND ended_ms = 0");
DB_SQL(device_renew, "UPDATE device SET seen_ms = ?, expires_ms = ? WHERE id = ? AND ended_ms = 0");
DB_SQL(device_end, "UPDATE device SET ended_ms = ?, label = '', address = '' WHERE id = ? AND account_id = ? AND ended_ms = 0");
DB_SQL(device_list, "SELECT id, created_ms, seen_ms, label, address FROM device WHERE account_id = ? AND ended_ms = 0 AND expires_ms > ? "
                    "ORDER BY seen_ms DESC, id DESC LIMIT 100");
DB_SQL(device_live, "SELECT id FROM device WHERE account_id = ? AND ended_ms = 0 ORDER BY seen_ms DESC, id DESC LIMIT 100");
DB_SQL(device_forget, "DELETE FROM device WHERE expires_ms <= ?");
DB_SQL(session_end, "DELETE FROM session WHERE id = ? AND account_id = ?");
DB_SQL(session_end_others, "DELETE FROM session WHERE account_id = ? AND id <> ?");
DB_SQL(session_forget, "DELETE FROM session WHERE expires_ms > 0 AND expires_ms <= ?");

static const char *const kind_names[AUTH_KIND_COUNT] = { "guest", "person", "operator" };
const char *auth_kind_name(enum auth_kind k) { return kind_names[k]; }

int auth__kind_of(struct str name, enum auth_kind *ret) {
    for (enum auth_kind k = 0; k < AUTH_KIND_COUNT; k++)
        if (str_eqz(name, kind_names[k])) {
            *ret = k;
            return 0;
        }
    return ERR_DB;
}

int64_t auth_session_ms(enum auth_kind k) {
    static const int64_t ms[AUTH_KIND_COUNT] = { 30 * DAY_MS, 90 * DAY_MS, DAY_MS / 2 };
    return ms[k];
}

void auth__sha(struct str token, char out[SHA256_HEX + 1]) { sha256_hex(token.p, token.n, out); }

int auth__account_add(struct db_tx *tx, int64_t account, const char *kind, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &account_add, DB_INT(account), DB_TEXT(kind), DB_INT(now_ms));
}

int auth_guest_new(struct db_tx *tx, int64_t account, int64_t now_ms, struct err *e) {
    return auth__account_add(tx, account, kind_names[AUTH_KIND_GUEST], now_ms, e);
}

/* ---- tokens ---- */

void auth_token_new(char out[AUTH_TOKEN_MAX]) {
    uint8_t secret[32];
    crypto_random(secret, sizeof secret);
    base64url_encode(secret, sizeof secret, out);
}

/*
 * A refresh token is 32 bytes: its session (8), random bytes or such as its predecessor gives (12), and a MAC over both under a key of this
 * server (12). The MAC says that we gave it out, however long ago: of an old one it is known whose it was, without keeping a list, and a
 * made-up one ends nobody's session.
 */
#define BODY_BYTES 20
#define MAC_BYTES  12

static void write_refresh(struct auth *a, int64_t session, const uint8_t random[CRYPTO_MAC], char out[AUTH_TOKEN_MAX]) {
    uint8_t bytes[BODY_BYTES + MAC_BYTES], mac[CRYPTO_MAC];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(session >> (56 - 8 * i));
    memcpy(bytes + 8, random, BODY_BYTES - 8);
    crypto_mac(a->mac_key, bytes, BODY_BYTES, mac);
    memcpy(bytes + BODY_BYTES, mac, MAC_BYTES);
    base64url_encode(bytes, sizeof bytes, out);
}

void auth_refresh_new(struct auth *a, int64_t session, char out[AUTH_TOKEN_MAX]) {
    uint8_t random[CRYPTO_MAC];
    crypto_random(random, sizeof random);
    write_refresh(a, session, random, out);
}

/* Not by chance but by our key: whoever asks again, because the answer was lost, gets the same one. 43 bytes are no body: the MACs differ. */
void auth_refresh_next(struct auth *a, struct str token, char out[AUTH_TOKEN_MAX]) {
    uint8_t random[CRYPTO_MAC];
    crypto_mac(a->mac_key, token.p, token.n, random);
    write_refresh(a, auth_refresh_session(a, token), random, out);
}

int64_t auth_refresh_session(struct auth *a, struct str token) {
    uint8_t bytes[BODY_BYTES + MAC_BYTES], mac[CRYPTO_MAC];
    int64_t session = 0;
    if (token.n != AUTH_TOKEN_MAX - 1 || base64_decode(token, /* standard= */ false, bytes, sizeof bytes) != (int)sizeof bytes)
        return 0;
    crypto_mac(a->mac_key, bytes, BODY_BYTES, mac);
    if (!crypto_equal(mac, bytes + BODY_BYTES, MAC_BYTES))
        return 0;
    for (int i = 0; i < 8; i++)
        session = session << 8 | bytes[i];
    return session;
}

/* ---- ending ---- */

static int end_one(struct db_tx *tx, int64_t account, int64_t session, int64_t now_ms, struct auth_ended *ended, struct err *e) {
    int64_t changed = 0;
    int r = db_run(tx, &changed, e, &device_end, DB_INT(now_ms), DB_INT(session), DB_INT(account));
    if (r < 0 || changed == 0)
        return r < 0 ? r : 0;
    if (ended->n < (int)COUNT(ended->ids))
        ended->ids[ended->n++] = session;
    return 1;
}

/* Those that were seen last are kept: `keep` of them. */
static int end_from(struct db_tx *tx, int64_t account, int keep, int64_t except, int64_t now_ms, struct auth_ended *ended, struct err *e) {
    int64_t ids[100];
    int n = 0, r;
    {
        DB_ROWS rows;
        r = db_query(tx, &rows, e, &device_live, DB_INT(account));
        while (r >= 0 && n < (int)COUNT(ids) && (r = db_next(&rows, e)) == 1)
            ids[n++] = db_int(&rows, 0);
    }
    for (int i = keep; r >= 0 && i < n && ended->n < (int)COUNT(ended->ids); i++)
        if (ids[i] != except)
            r = end_one(tx, account, ids[i], now_ms, ended, e);
    if (r >= 0 && ended->n)
        db_on_commit(tx, auth__ended_commit, ended);
    return r < 0 ? r : 0;
}

int auth_session_end(struct db_tx *tx, int64_t account, int64_t session, int64_t now_ms, struct auth_ended *ended, struct err *e) {
    ended->n = 0;
    int r = end_one(tx, account, session, now_ms, ended, e);
    if (r == 1)
        db_on_commit(tx, auth__ended_commit, ended);
    if (r != 0)
        return r;
    int64_t changed = 0;                                   /* a program's token: whoever had it may have made devices with it */
    r = db_run(tx, &changed, e, &session_end, DB_INT(session), DB_INT(account));
    if (r < 0 || changed == 0)
        return r < 0 ? r : 0;
    r = end_from(tx, account, 0, 0, now_ms, ended, e);
    return r < 0 ? r : 1;
}

int auth_session_end_all(struct db_tx *tx, int64_t account, int64_t except, int64_t now_ms, struct auth_ended *ended, struct err *e) {
    ended->n = 0;
    int r = end_from(tx, account, 0, except, now_ms, ended, e);
    return r < 0 ? r : db_run(tx, NULL, e, &session_end_others, DB_INT(account), DB_INT(except));     /* programs too */
}

/* ---- beginning and lasting ---- */

int auth_session_add(struct db_tx *tx, struct auth_session *s, const struct auth_device *on, int64_t now_ms, struct auth_ended *ended, struct err *e) {
    char sha[SHA256_HEX + 1];
    auth__sha(str_z(s->refresh), sha);
    s->expires_ms = now_ms + auth_session_ms(s->kind);
    ended->n = 0;
    int r = end_from(tx, s->account, AUTH_DEVICES_MAX - 1, 0, now_ms, ended, e);
    if (r < 0)
        return r;
    return db_run(tx, NULL, e, &device_add, DB_INT(s->session), DB_INT(s->account), DB_TEXT(sha), DB_INT(now_ms), DB_INT(now_ms), DB_INT(now_ms),
                  DB_INT(s->expires_ms), DB_TEXT(on->label), DB_TEXT(on->address));
}

int auth_session_renew(struct db_tx *tx, int64_t session, enum auth_kind kind, int64_t now_ms, int64_t *ret_expires_ms, struct err *e) {
    int64_t changed = 0;
    *ret_expires_ms = now_ms + auth_session_ms(kind);
    int r = db_run(tx, &changed, e, &device_renew, DB_INT(now_ms), DB_INT(*ret_expires_ms), DB_INT(session));
    return r < 0 ? r : changed > 0;
}

struct device_row { char token_sha[SHA256_HEX + 1], before_sha[SHA256_HEX + 1]; int64_t account, rotated_ms, expires_ms, ended_ms; enum auth_kind kind; };

static int read_device(struct db_tx *tx, int64_t session, struct device_row *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &device_one, DB_INT(session));
    if (r <= 0)
        return r;
    *ret = (struct device_row){ .account = db_int(&rows, 0), .rotated_ms = db_int(&rows, 3), .expires_ms = db_int(&rows, 4), .ended_ms = db_int(&rows, 5) };
    snprintf(ret->token_sha, sizeof ret->token_sha, "%.*s", STR_ARG(db_str(&rows, 1)));
    snprintf(ret->before_sha, sizeof ret->before_sha, "%.*s", STR_ARG(db_str(&rows, 2)));
    return auth__kind_of(db_str(&rows, 6), &ret->kind) < 0 ? err_set(e, ERR_DB, "an account of no known kind") : 1;
}

static enum auth_refresh judge(const struct device_row *d, const char *sha, int64_t now_ms) {
    if (d->ended_ms || d->expires_ms <= now_ms)
        return AUTH_REFRESH_OVER;
    if (strcmp(sha, d->token_sha) == 0)
        return AUTH_REFRESH_GOOD;
    int64_t ago_ms = now_ms - d->rotated_ms;               /* less than nothing when the clock was set back meanwhile */
    bool recent = strcmp(sha, d->before_sha) == 0 && ago_ms <= RECENT_MS && ago_ms >= -RECENT_MS;
    return recent ? AUTH_REFRESH_RECENT : AUTH_REFRESH_REUSED;
}

int auth_session_judge(struct db_tx *tx, struct auth *a, struct str token, int64_t now_ms, enum auth_refresh *ret, enum auth_kind *ret_kind, struct err *e) {
    struct device_row d;
    char sha[SHA256_HEX + 1];
    int64_t session = auth_refresh_session(a, token);
    int r = session ? read_device(tx, session, &d, e) : 0;
    if (r <= 0)
        return r;
    auth__sha(token, sha);
    *ret = judge(&d, sha, now_ms);
    *ret_kind = d.kind;
    return 1;
}

int auth_session_refresh(struct db_tx *tx, struct auth *a, struct str token, struct auth_session *out, int64_t now_ms, struct auth_ended *ended,
                         enum auth_refresh *ret, struct err *e) {
    struct device_row d;
    char sha[SHA256_HEX + 1], next[SHA256_HEX + 1];
    ended->n = 0;
    *ret = AUTH_REFRESH_OVER;
    out->session = auth_refresh_session(a, token);
    int r = out->session ? read_device(tx, out->session, &d, e) : 0;
    if (r <= 0)
        return r;
    auth__sha(token, sha);
    *ret = judge(&d, sha, now_ms);
    out->account = d.account;
    out->kind = d.kind;
    out->expires_ms = d.expires_ms;
    if (*ret == AUTH_REFRESH_GOOD) {
        int64_t changed = 0;
        auth__sha(str_z(out->refresh), next);
        out->expires_ms = now_ms + auth_session_ms(d.kind);
        r = db_run(tx, &changed, e, &device_rotate, DB_TEXT(next), DB_TEXT(d.token_sha), DB_INT(now_ms), DB_INT(now_ms), DB_INT(out->expires_ms),
                   DB_INT(out->session), DB_TEXT(d.token_sha));
        return r < 0 || changed == 1 ? r : err_set(e, ERR_RACE, "another process changed this refresh token just now");
    }
    if (*ret != AUTH_REFRESH_REUSED)
        return 0;
    r = end_one(tx, d.account, out->session, now_ms, ended, e);
    if (r == 1)
        db_on_commit(tx, auth__ended_commit, ended);
    return r < 0 ? r : 0;
}

void auth_count_refresh(struct auth *a, enum auth_refresh outcome) {
    if (outcome == AUTH_REFRESH_GOOD || outcome == AUTH_REFRESH_RECENT)
        atomic_fetch_add(&a->refreshed, 1);
    else
        atomic_fetch_add(outcome == AUTH_REFRESH_REUSED ? &a->reused : &a->refused, 1);
}

int auth_session_list(struct db_tx *tx, int64_t account, int64_t current, int64_t now_ms, struct buf *out, struct err *e) {
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    DB_ROWS rows;
    int r = db_query(tx, &rows, e, &device_list, DB_INT(account), DB_INT(now_ms));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        jw_obj(&w);
        jw_kid(&w, "id", "sess", db_int(&rows, 0));
        jw_kbool(&w, "current", db_int(&rows, 0) == current);
        jw_kint(&w, "created_ms", db_int(&rows, 1));
        jw_kint(&w, "seen_ms", db_int(&rows, 2));
        jw_kstr(&w, "label", db_str(&rows, 3));
        jw_kstr(&w, "address", db_str(&rows, 4));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    return r < 0 ? r : 0;
}

DB_SQL(token_forget, "DELETE FROM login_token WHERE expires_ms <= ?");

/* An ended session stays as long as its cookie: whose it was is told to who comes with it. Its access tokens have ended long before. */
int auth_expire(struct db_tx *tx, int64_t now_ms, struct err *e) {
    int r = db_run(tx, NULL, e, &device_forget, DB_INT(now_ms));
    if (r < 0 || (r = db_run(tx, NULL, e, &token_forget, DB_INT(now_ms - DAY_MS))) < 0)
        return r;
    return db_run(tx, NULL, e, &session_forget, DB_INT(now_ms));
}
