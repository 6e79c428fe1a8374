/*
 * access.c - is this access token good. A hot one costs a hash and a look into a table; a new one an ECDSA verification.
 *
 * The tables are this process's: verified tokens, so that nothing is verified twice, and sessions that ended less than an access token's
 * life ago, so that their tokens are refused at once. The second is filled by the commit that ends a session, and at start from the
 * database. It counts by the monotonic clock: the wall clock may have been ahead, and must not forget anybody when it is set back. Were it
 * ever full, the database is asked instead, until the oldest of what did not fit has no token any more.
 */
#include "auth/internal.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "db/db.h"

#define AHEAD_MS (60LL * 1000)             /* how far the clock that signed may be ahead of ours */
#define KEEP_MS  (AUTH_ACCESS_MS + AHEAD_MS)

DB_SQL(ended_recently, "SELECT id, ended_ms FROM device WHERE ended_ms > ?");
DB_SQL(session_lives, "SELECT 1 FROM device WHERE id = ? AND ended_ms = 0");

/* ---- sessions that ended ---- */

static size_t slot_of(int64_t session) { return (size_t)((uint64_t)session * 0x9E3779B97F4A7C15u >> 32) & (ENDED_SLOTS - 1); }

/* Caller holds ended_lock. */
static void put_ended(struct auth *a, int64_t session, int64_t at_ms) {
    size_t i = slot_of(session);
    while (a->ended[i].session != 0 && a->ended[i].session != session)
        i = (i + 1) & (ENDED_SLOTS - 1);
    a->n_ended += a->ended[i].session == 0;
    a->ended[i].session = session;
    a->ended[i].at_ms = at_ms;
}

/* Builds the table anew without those that have no token any more. Caller holds ended_lock. */
static void sweep_ended(struct auth *a, int64_t now_ms) {
    __typeof__(a->ended) old = a->ended;
    a->ended = calloc(ENDED_SLOTS, sizeof a->ended[0]);
    if (!a->ended)
        abort();
    a->n_ended = 0;
    for (size_t i = 0; i < ENDED_SLOTS; i++)
        if (old[i].session && old[i].at_ms + KEEP_MS > now_ms)
            put_ended(a, old[i].session, old[i].at_ms);
    a->ended_swept_ms = now_ms;
    free(old);
}

static void add_ended(struct auth *a, int64_t session, int64_t ago_ms) {
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&a->ended_lock);
    if (a->n_ended >= ENDED_SLOTS / 2 || now_ms - a->ended_swept_ms > KEEP_MS)
        sweep_ended(a, now_ms);
    if (a->n_ended < ENDED_SLOTS / 2)
        put_ended(a, session, now_ms - ago_ms);
    else
        a->overflow_until_ms = now_ms + KEEP_MS;
    atomic_store(&a->ended_known, (int64_t)a->n_ended);
    pthread_mutex_unlock(&a->ended_lock);
}

void auth__ended_commit(void *arg) {
    const struct auth_ended *ended = arg;
    for (int i = 0; i < ended->n; i++)
        add_ended(ended->a, ended->ids[i], /* ago_ms= */ 0);
}

int auth_device_lives(struct db_tx *tx, int64_t session, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &session_lives, DB_INT(session));
}

/* 1: it lives, as far as anybody here knows; 0: it ended. */
static int lives(struct auth *a, int64_t session, struct err *e) {
    if (atomic_load(&a->ended_known) == 0)
        return 1;
    pthread_mutex_lock(&a->ended_lock);
    size_t i = slot_of(session);
    while (a->ended[i].session != 0 && a->ended[i].session != session)
        i = (i + 1) & (ENDED_SLOTS - 1);
    bool ended = a->ended[i].session == session, ask = a->overflow_until_ms > clock_mono_ms();
    pthread_mutex_unlock(&a->ended_lock);
    if (ended || !ask)
        return !ended;
    return auth_device_lives(db_reader(a->db), session, e);
}

int auth_session_lives(struct auth *a, int64_t session, struct err *e) { return lives(a, session, e); }

/* ---- tokens that were verified ---- */

static struct auth__seen *seen_slot(struct auth *a, const uint8_t mac[CRYPTO_MAC], pthread_mutex_t **ret_lock) {
    size_t i = (mac[0] | (size_t)mac[1] << 8) & (SEEN_SLOTS - 1);
    *ret_lock = &a->seen_lock[i % SEEN_LOCKS];
    return &a->seen[i];
}

static bool remembered(struct auth *a, const uint8_t mac[CRYPTO_MAC], struct auth__claims *ret) {
    pthread_mutex_t *lock;
    struct auth__seen *s = seen_slot(a, mac, &lock);
    pthread_mutex_lock(lock);
    bool hit = s->claims.session && memcmp(s->mac, mac, CRYPTO_MAC) == 0;
    if (hit)
        *ret = s->claims;
    pthread_mutex_unlock(lock);
    return hit;
}

static void remember(struct auth *a, const uint8_t mac[CRYPTO_MAC], const struct auth__claims *c) {
    pthread_mutex_t *lock;
    struct auth__seen *s = seen_slot(a, mac, &lock);
    pthread_mutex_lock(lock);
    memcpy(s->mac, mac, CRYPTO_MAC);
    s->claims = *c;
    pthread_mutex_unlock(lock);
}

/* ---- verification ---- */

struct payload { struct str iss, kind; int64_t sub, sid, iat, exp; };
static const struct json_field payload_fields[] = {
    { "iss", JSON_F_STR, true, 1, 511, offsetof(struct payload, iss) },
    { "sub", JSON_F_ID, true, 0, 0, offsetof(struct payload, sub), .id_kind = "acct" },
    { "sid", JSON_F_ID, true, 0, 0, offsetof(struct payload, sid), .id_kind = "sess" },
    { "kind", JSON_F_STR, true, 1, 16, offsetof(struct payload, kind) },
    { "iat", JSON_F_INT, true, 0, INT64_C(1) << 40, offsetof(struct payload, iat) },
    { "exp", JSON_F_INT, true, 0, INT64_C(1) << 40, offsetof(struct payload, exp) },
    { 0 },
};

/* What our own signature vouches for. */
static bool read_payload(const struct auth *a, struct str text, struct auth__claims *ret) {
    CLEANUP(json_unref) json_t *j = NULL;
    CLEANUP(arena_free) struct arena *m = arena_new(4096);
    struct payload p = { 0 };
    if (json_read(text, &j, NULL) < 0 || json_bind(payload_fields, j, m, &p, NULL) < 0)
        return false;
    *ret = (struct auth__claims){ p.sub, p.sid, p.iat * 1000, p.exp * 1000, AUTH_KIND_GUEST };
    return str_eqz(p.iss, a->issuer) && auth__kind_of(p.kind, &ret->kind) == 0;
}

static bool verify(struct auth *a, struct str token, struct auth__claims *ret) {
    struct str rest = token, head = str_cut(&rest, '.');
    char plain[AUTH_ACCESS_MAX];
    size_t n = 0;
    bool good = false;
    pthread_rwlock_rdlock(&a->keys_lock);
    for (size_t i = 0; i < a->n_keys && !good; i++)
        good = str_eqz(head, a->keys[i].head) && jws_verify(a->keys[i].jwk, token.p, token.n, plain, sizeof plain, &n);
    pthread_rwlock_unlock(&a->keys_lock);
    return good && read_payload(a, (struct str){ plain, n }, ret);
}

/* The last part is 64 bytes exactly: cjose would pass over what stands behind them. */
static bool looks_right(struct str token) {
    uint8_t signature[64];
    if (token.n < 100 || token.n >= AUTH_ACCESS_MAX)
        return false;
    str_cut(&token, '.');
    str_cut(&token, '.');
    return base64_decode(token, /* standard= */ false, signature, sizeof signature) == sizeof signature;
}

int auth__access_check(struct auth *a, struct str token, int64_t now_ms, struct auth__claims *ret, struct err *e) {
    uint8_t mac[CRYPTO_MAC];
    struct auth__claims c;
    if (token.n >= AUTH_ACCESS_MAX)
        return 0;
    crypto_mac(a->seen_key, token.p, token.n, mac);      /* BLAKE2b: a fifth of what SHA-256 costs */
    if (remembered(a, mac, &c)) {
        atomic_fetch_add_explicit(&a->remembered, 1, memory_order_relaxed);
    } else {
        if (!looks_right(token))
            return 0;
        atomic_fetch_add_explicit(&a->checked, 1, memory_order_relaxed);
        if (!verify(a, token, &c))
            return 0;
        remember(a, mac, &c);
    }
    if (c.exp_ms <= now_ms || c.iat_ms > now_ms + AHEAD_MS)
        return 0;
    int r = lives(a, c.session, e);
    if (r == 1)
        *ret = c;
    return r;
}

/* ---- life ---- */

int auth__access_open(struct auth *a, struct err *e) {
    a->seen = calloc(SEEN_SLOTS, sizeof a->seen[0]);
    a->ended = calloc(ENDED_SLOTS, sizeof a->ended[0]);
    if (!a->seen || !a->ended)
        abort();
    crypto_random(a->seen_key, sizeof a->seen_key);
    for (size_t i = 0; i < SEEN_LOCKS; i++)
        pthread_mutex_init(&a->seen_lock[i], NULL);
    pthread_mutex_init(&a->ended_lock, NULL);
    int64_t now_ms = clock_ms();
    DB_ROWS rows;
    int r = db_query(db_reader(a->db), &rows, e, &ended_recently, DB_INT(now_ms - KEEP_MS));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        int64_t ago_ms = now_ms - db_int(&rows, 1);
        add_ended(a, db_int(&rows, 0), ago_ms < 0 ? 0 : ago_ms);
    }
    return r < 0 ? r : 0;
}

void auth__access_close(struct auth *a) {
    free(a->seen);
    free(a->ended);
}
