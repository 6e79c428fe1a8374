/*
 * keys.c - the keys that sign access tokens, and the master key that seals them.
 *
 * A token begins with the header of its key, byte for byte as we write it; there is nothing to be parsed in it, and so no algorithm to be
 * talked into. Source: RFC 7515, RFC 8725 sections 3.1 and 3.2, read 2026-11. The signing is cjose's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "auth/internal.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "db/db.h"

#define JWK_BYTES_MAX 1024
#define SLACK_MS      (60LL * 1000)        /* between the clocks of two machines */
#define PAYLOAD_MS_MAX 9999999999000LL      /* the year 2286 */

DB_SQL(key_list, "SELECT kid, sealed, created_ms FROM sign_key ORDER BY created_ms DESC LIMIT 8");
DB_SQL(key_any, "SELECT 1 FROM sign_key LIMIT 1");
DB_SQL(key_add, "INSERT INTO sign_key (kid, sealed, created_ms) VALUES (?, ?, ?)");
DB_SQL(key_forget, "DELETE FROM sign_key WHERE kid = ?");

/* ---- the master key ---- */

/* Durable before whatever depends on it. */
int auth__file_write(const char *data_dir, const char *name, const char *text, struct err *e) {
    char path[4096], temp[4096 + 8], line[AUTH_TOKEN_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    snprintf(temp, sizeof temp, "%s.new", path);
    size_t n = (size_t)snprintf(line, sizeof line, "%s\n", text);
    __attribute__((cleanup(fd_close_p))) int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, line, n) != (ssize_t)n || fsync(fd) < 0 || rename(temp, path) < 0)
        return err_sys(e, ERR_INTERNAL, "%s", path);
    __attribute__((cleanup(fd_close_p))) int dir = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return err_sys(e, ERR_INTERNAL, "%s", data_dir);
    return 0;
}

static int master_make(const char *data_dir, uint8_t master[CRYPTO_KEY], struct err *e) {
    char text[AUTH_TOKEN_MAX + 1];
    crypto_random(master, CRYPTO_KEY);
    base64url_encode(master, CRYPTO_KEY, text);
    int r = auth__file_write(data_dir, "master.key", text, e);
    crypto_wipe(text, sizeof text);
    return r;
}

/* A file that is missing where keys are sealed with it is an accident, such as a backup without it; an empty one is what the operator wants. */
static int master_read(const char *data_dir, bool needed, uint8_t master[CRYPTO_KEY], struct err *e) {
    char path[4096], text[AUTH_TOKEN_MAX + 1] = "";
    snprintf(path, sizeof path, "%s/master.key", data_dir);
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && needed)
        return err_set(e, ERR_CONFIG, "%s is missing: put it back, or make an empty one (: > master.key), and everybody signs in again", path);
    if (fd < 0 && errno == ENOENT)
        return master_make(data_dir, master, e);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "%s", path);
    if (n == 0)
        return master_make(data_dir, master, e);
    struct str line = { text, (size_t)n };
    int got = base64_decode(str_cut(&line, '\n'), /* standard= */ false, master, CRYPTO_KEY);
    crypto_wipe(text, sizeof text);
    return got == CRYPTO_KEY ? 0 : err_set(e, ERR_CONFIG, "%s is no key: 43 characters of base64url", path);
}

/* ---- one key ---- */

static int sign(const struct auth *a, const struct auth__key *k, const struct auth__claims *c, char out[AUTH_ACCESS_MAX], struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "iss", a->issuer);
    jw_kid(&w, "sub", "acct", c->account);
    jw_kid(&w, "sid", "sess", c->session);
    jw_kz(&w, "kind", auth_kind_name(c->kind));
    jw_kint(&w, "iat", c->iat_ms / 1000);
    jw_kint(&w, "exp", c->exp_ms / 1000);
    jw_end_obj(&w);
    bool good = !b.failed && jws_sign(k->jwk, k->kid, b.p, out, AUTH_ACCESS_MAX);
    return good ? 0 : err_set(e, ERR_CONFIG, "an access token cannot be signed: public_url of %zu characters may be too long for it", strlen(a->issuer));
}

/* Puts a key in front of the others. The caller holds keys_lock. */
static int key_use(struct auth *a, const char *kid, int64_t created_ms, struct jws_key *jwk, struct err *e) {
    struct auth__key k = { .created_ms = created_ms, .jwk = jwk };
    char token[AUTH_ACCESS_MAX];
    snprintf(k.kid, sizeof k.kid, "%s", kid);
    int r = sign(a, &k, &(struct auth__claims){ INT64_MAX, INT64_MAX, PAYLOAD_MS_MAX, PAYLOAD_MS_MAX, AUTH_KIND_OPERATOR }, token, e);   /* none is longer */
    if (r < 0)
        return r;
    size_t n = strcspn(token, ".");
    snprintf(k.head, sizeof k.head, "%.*s", (int)n, token);
    if (a->n_keys == KEYS_MAX)
        jws_key_free(a->keys[--a->n_keys].jwk);
    memmove(&a->keys[1], &a->keys[0], a->n_keys * sizeof a->keys[0]);
    a->keys[0] = k;
    a->n_keys++;
    return 0;
}

struct new_key { char kid[KID_MAX]; char sealed[(JWK_BYTES_MAX + CRYPTO_SEAL_EXTRA) * 4 / 3 + 5]; int64_t now_ms; };

static int key_store(struct db_tx *tx, void *arg, struct err *e) {
    const struct new_key *k = arg;
    return db_run(tx, NULL, e, &key_add, DB_TEXT(k->kid), DB_TEXT(k->sealed), DB_INT(k->now_ms));
}

static int key_make(struct auth *a, int64_t now_ms, struct err *e) {
    struct new_key k = { .now_ms = now_ms };
    uint8_t random[8], sealed[JWK_BYTES_MAX + CRYPTO_SEAL_EXTRA];
    crypto_random(random, sizeof random);
    hex_encode(random, sizeof random, k.kid);
    struct jws_key *jwk = jws_key_new();
    char *json = jwk ? jws_key_write(jwk) : NULL;
    if (!json || strlen(json) > JWK_BYTES_MAX) {
        jws_key_free(jwk);
        free(json);
        return err_set(e, ERR_INTERNAL, "a key to sign with cannot be made");
    }
    size_t n = strlen(json);
    crypto_seal(a->seal_key, json, n, sealed);
    crypto_wipe(json, n);
    free(json);
    base64url_encode(sealed, n + CRYPTO_SEAL_EXTRA, k.sealed);
    int r = db_do(a->db, key_store, &k, e);               /* on disk before a token is signed with it */
    if (r >= 0) {
        pthread_rwlock_wrlock(&a->keys_lock);
        r = key_use(a, k.kid, now_ms, jwk, e);
        pthread_rwlock_unlock(&a->keys_lock);
    }
    if (r < 0)
        jws_key_free(jwk);
    else
        log_event(LOG_INFO, "auth.key_made", F_STR("kid", k.kid));
    return r;
}

/* NULL: sealed with another master key, or not ours at all. */
static struct jws_key *key_open(const struct auth *a, struct str text) {
    uint8_t sealed[JWK_BYTES_MAX + CRYPTO_SEAL_EXTRA];
    char json[JWK_BYTES_MAX];
    int n = base64_decode(text, /* standard= */ false, sealed, sizeof sealed);
    if (n < CRYPTO_SEAL_EXTRA || crypto_open(a->seal_key, sealed, (size_t)n, (uint8_t *)json) < 0)
        return NULL;
    struct jws_key *jwk = jws_key_read(json, (size_t)n - CRYPTO_SEAL_EXTRA);
    crypto_wipe(json, sizeof json);
    return jwk;
}

static int keys_load(struct auth *a, struct err *e) {
    struct { char kid[KID_MAX]; int64_t created_ms; struct jws_key *jwk; } found[KEYS_MAX];
    size_t n = 0;
    DB_ROWS rows;
    int r = db_query(db_reader(a->db), &rows, e, &key_list);
    while (r >= 0 && n < KEYS_MAX && (r = db_next(&rows, e)) == 1) {
        snprintf(found[n].kid, KID_MAX, "%.*s", STR_ARG(db_str(&rows, 0)));
        found[n].created_ms = db_int(&rows, 2);
        found[n].jwk = key_open(a, db_str(&rows, 1));
        if (found[n].jwk)
            n++;
        else
            log_event(LOG_WARN, "auth.key_lost", F_STR("kid", found[n].kid), F_STR("why", "master.key is another one; ignoring"));
    }
    for (; n > 0; n--) {                                  /* the oldest first: each goes in front */
        if (r >= 0)
            r = key_use(a, found[n - 1].kid, found[n - 1].created_ms, found[n - 1].jwk, e);
        if (r < 0)
            jws_key_free(found[n - 1].jwk);
    }
    return r < 0 ? r : 0;
}

/* Out of a key of its own, so that no number of a purpose can meet one of ours. */
void auth_derive(const struct auth *a, enum auth_purpose what, uint8_t out[CRYPTO_KEY]) { crypto_derive(a->rooms_key, (uint64_t)what, out); }

int auth__keys_open(struct auth *a, const char *data_dir, struct err *e) {
    uint8_t master[CRYPTO_KEY];
    int r;
    {
        DB_ROWS rows;
        r = db_one(db_reader(a->db), &rows, e, &key_any);
    }
    if (r < 0 || (r = master_read(data_dir, /* needed= */ r == 1, master, e)) < 0)
        return r;
    crypto_derive(master, 1, a->seal_key);
    crypto_derive(master, 2, a->mac_key);
    crypto_derive(master, 3, a->asked_key);
    crypto_derive(master, 4, a->rooms_key);
    crypto_wipe(master, sizeof master);
    if ((r = keys_load(a, e)) < 0)
        return r;
    return auth_keys_turn(a, clock_ms(), e);
}

void auth__keys_close(struct auth *a) {
    while (a->n_keys)
        jws_key_free(a->keys[--a->n_keys].jwk);
    crypto_wipe(a->seal_key, sizeof a->seal_key);
    crypto_wipe(a->mac_key, sizeof a->mac_key);
    crypto_wipe(a->asked_key, sizeof a->asked_key);
    crypto_wipe(a->rooms_key, sizeof a->rooms_key);
}

/* ---- turning ---- */

static int key_drop(struct db_tx *tx, void *arg, struct err *e) { return db_run(tx, NULL, e, &key_forget, DB_TEXT((const char *)arg)); }

/* Whether the last token of keys[i] has ended: it signed until its successor came. */
static bool is_over(const struct auth *a, size_t i, int64_t now_ms) {
    return i > 0 && a->keys[i - 1].created_ms + AUTH_ACCESS_MS + SLACK_MS < now_ms;
}

int auth_keys_turn(struct auth *a, int64_t now_ms, struct err *e) {
    char over[KID_MAX] = "";
    int r = 0;
    pthread_rwlock_rdlock(&a->keys_lock);                 /* only this thread writes: what was seen stays true */
    bool old = a->n_keys == 0 || a->keys[0].created_ms + KEY_MS <= now_ms;
    bool forget = a->n_keys > 1 && is_over(a, a->n_keys - 1, now_ms);
    if (forget)
        memcpy(over, a->keys[a->n_keys - 1].kid, KID_MAX);
    pthread_rwlock_unlock(&a->keys_lock);
    if (old)
        r = key_make(a, now_ms, e);
    if (r >= 0 && forget && (r = db_do(a->db, key_drop, over, e)) >= 0) {
        pthread_rwlock_wrlock(&a->keys_lock);
        for (size_t i = 0; i < a->n_keys; i++)
            if (strcmp(a->keys[i].kid, over) == 0) {
                jws_key_free(a->keys[i].jwk);
                memmove(&a->keys[i], &a->keys[i + 1], (a->n_keys - i - 1) * sizeof a->keys[0]);
                a->n_keys--;
            }
        pthread_rwlock_unlock(&a->keys_lock);
    }
    return r < 0 ? r : 0;
}

/* ---- tokens ---- */

int auth_access_new(struct auth *a, int64_t account, int64_t session, enum auth_kind kind, int64_t ends_ms, char out[AUTH_ACCESS_MAX],
                    int64_t *ret_expires_ms, struct err *e) {
    int64_t now_s = clock_ms() / 1000, exp_s = now_s + AUTH_ACCESS_MS / 1000;
    if (ends_ms > 0 && exp_s > ends_ms / 1000)
        exp_s = ends_ms / 1000;
    pthread_rwlock_rdlock(&a->keys_lock);
    int r = sign(a, &a->keys[0], &(struct auth__claims){ account, session, now_s * 1000, exp_s * 1000, kind }, out, e);
    pthread_rwlock_unlock(&a->keys_lock);
    if (r >= 0)
        *ret_expires_ms = exp_s * 1000;
    return r;
}
