/*
 * effect.c - WRITE routes on their way through the write lane, and the rule that an effect happens once per Idempotency-Key.
 *
 * The row (account, key, route, hash of path and body, status, object) is written in the effect's own transaction: there is no moment in
 * which the effect is done and the key is not known, or the other way round. A repeated request finds the row and runs nothing; its answer
 * is rendered again from the object, as it is now. A request that fails leaves no row and may be sent again with the same key.
 */
#include "api/api.h"

#include <assert.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/planted.h"
#include "db/db.h"

#define KEY_KEEP_MS (7LL * 24 * 3600 * 1000)

DB_SQL(idempotency_find, "SELECT body_sha, object_id FROM idempotency WHERE account_id = ? AND idem_key = ? AND route = ?");
DB_SQL(idempotency_add, "INSERT INTO idempotency (account_id, idem_key, route, body_sha, status, object_id, created_ms) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)");
DB_SQL(idempotency_expire, "DELETE FROM idempotency WHERE created_ms < ?");

int api_key_find(struct db_tx *tx, const struct api_key *k, int64_t *ret_object, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &idempotency_find, DB_INT(k->account), DB_TEXT(k->key), DB_TEXT(k->route));
    if (r <= 0)
        return r;
    if (!str_eqz(db_str(&rows, 0), k->hash))
        return err_set(e, ERR_IDEMPOTENCY_REUSED, "%s was used for another request to %s", k->key, k->route);
    *ret_object = db_int(&rows, 1);
    return 1;
}

int api_key_keep(struct db_tx *tx, const struct api_key *k, int64_t object, struct err *e) {
    return db_run(tx, NULL, e, &idempotency_add, DB_INT(k->account), DB_TEXT(k->key), DB_TEXT(k->route), DB_TEXT(k->hash),
                  DB_INT(k->status), DB_INT(object), DB_INT(clock_ms()));
}

DB_SQL(idempotency_move, "UPDATE idempotency SET account_id = ? WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM (SELECT o.idem_key AS k, o.route AS r "
                         "FROM idempotency o WHERE o.account_id = ?) used WHERE used.k = idempotency.idem_key AND used.r = idempotency.route)");

int api_key_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    return db_run(tx, NULL, e, &idempotency_move, DB_INT(to), DB_INT(from), DB_INT(to));
}

int api_key_expire(struct db_tx *tx, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &idempotency_expire, DB_INT(now_ms - KEY_KEEP_MS));
}

/* A WRITE route between the event thread and the writer; lives in the request's arena. */
struct effect {
    struct db_write    w;            /* first: done() gets this */
    struct http_write *http;
    struct api_key     key;
};

int api_key_of(const struct http_req *req, struct api_key *ret, struct err *e) {
    struct str key = http_req_header(req, "idempotency-key");
    assert(req->account > 0);        /* a route with ROUTE_EFFECT needs an account */
    if (!key.n)
        return err_set(e, ERR_IDEMPOTENCY_MISSING, "%s %s", req->route->method, req->route->path);
    if (key.n > API_KEY_MAX)
        return err_set(e, ERR_BAD_INPUT, "Idempotency-Key is longer than %d characters", API_KEY_MAX);
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] <= ' ' || key.p[i] > '~')
            return err_set(e, ERR_BAD_INPUT, "Idempotency-Key must be visible ASCII without spaces");
    *ret = (struct api_key){ .account = req->account, .status = 200 };
    ret->route = arena_printf(req->arena, "%s %s", req->route->method, req->route->path).p;
    memcpy(ret->key, key.p, key.n);
    uint8_t sum[SHA256_LEN];
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, req->path.p, req->path.n);
    sha256_add(&s, "\n", 1);
    sha256_add(&s, req->body.p, req->body.n);
    sha256_end(&s, sum);
    hex_encode(sum, sizeof sum, ret->hash);
    if (planted(PLANTED_CHARGE_BY_ATTEMPT))
        snprintf(ret->key, sizeof ret->key, "%llx", (unsigned long long)id_new());
    return 0;
}

static int effect_run(struct db_tx *tx, void *arg, struct err *e) {
    struct effect *f = arg;
    struct http_req *req = http_write_req(f->http);
    bool once = req->route->flags & ROUTE_EFFECT;
    req->object_id = 0;
    req->replayed = false;
    int r = once ? api_key_find(tx, &f->key, &req->object_id, e) : 0;
    if (r == 1) {
        req->replayed = true;
        return 0;
    }
    if (r < 0 || (r = http_write_run(f->http, tx, e)) < 0)
        return r;
    return once && !planted(PLANTED_DEDUPE_OUTSIDE) ? api_key_keep(tx, &f->key, req->object_id, e) : r;
}

static void effect_done(struct db_write *w) {
    struct effect *f = (struct effect *)w;
    http_write_done(f->http, w->rc, &w->err);
}

/* Of the planted bug: the key has a transaction of its own. */
static int keep_alone(struct db_tx *tx, void *arg, struct err *e) {
    const struct effect *f = arg;
    return api_key_keep(tx, &f->key, http_write_req(f->http)->object_id, e);
}

static void effect_done_keep_then(struct db_write *w) {
    struct effect *f = (struct effect *)w;
    const struct app *a = http_write_req(f->http)->app;
    w->fn = keep_alone;
    w->done = effect_done;
    if (w->rc < 0 || http_write_req(f->http)->replayed || db_submit(a->db, w, &w->err) < 0)
        effect_done(w);
}

int api_write_submit(void *app, struct http_write *w, struct err *e) {
    const struct app *a = app;
    struct http_req *req = http_write_req(w);
    struct effect *f = ARENA_NEW(req->arena, struct effect);
    f->http = w;
    f->w.fn = effect_run;
    f->w.arg = f;
    bool once = req->route->flags & ROUTE_EFFECT;
    f->w.done = once && planted(PLANTED_DEDUPE_OUTSIDE) ? effect_done_keep_then : effect_done;
    int r = once ? api_key_of(req, &f->key, e) : 0;
    return r < 0 ? r : db_submit(a->db, &f->w, e);
}
