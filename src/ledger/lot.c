/*
 * lot.c - where credits came from, when they end, and what was paid for them.
 *
 * Money is earned in proportion: of what was paid and not refunded, the share of the credits that were spent or expired among those that
 * were not taken back. The share is computed from the totals each time and only the difference is moved, so that nothing is lost by
 * rounding, a returned credit takes back what it had earned, and the last credit earns the rest to the last cent.
 */
#include "ledger/internal.h"

#include <assert.h>
#include "db/db.h"

#define LOT_COLUMNS "id, account_id, source, credits, available, held, spent, expired, taken, currency, paid, refunded, earned, created_ms, expires_ms"

DB_SQL(lot_add, "INSERT INTO ledger_lot (" LOT_COLUMNS ", live, product, prev_id, live_prev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
DB_SQL(lot_tail, "WITH RECURSIVE walk (id, prev_id) AS (" LEDGER_LOTS_OF ") SELECT w.id FROM walk w WHERE w.prev_id = 0");
DB_SQL(lot_tie, "UPDATE ledger_lot SET prev_id = ? WHERE id = ?");
DB_SQL(lot_behind, "SELECT live_prev FROM ledger_lot WHERE id = ?");
/* The one of the list that stands before; 0 as its next one: the last. */
DB_SQL(lot_before, "WITH RECURSIVE walk (id, prev_id) AS (" LEDGER_LIVE_OF ") SELECT w.id FROM walk w WHERE w.prev_id = ?");
DB_SQL(lot_live_tie, "UPDATE ledger_lot SET live_prev = ? WHERE id = ?");
DB_SQL(lot_give, "UPDATE ledger_lot SET account_id = ? WHERE id IN (WITH RECURSIVE walk (id, prev_id) AS (" LEDGER_LOTS_OF ") SELECT w.id FROM walk w)");
DB_SQL(lot_one, "SELECT " LOT_COLUMNS " FROM ledger_lot WHERE id = ?");
/* CROSS JOIN: the walk comes first. Otherwise SQLite takes the lots of everybody in the order wanted, and looks each up in the walk. */
DB_SQL(lot_next, "WITH RECURSIVE walk (lot, prev_id) AS (" LEDGER_LIVE_OF ") SELECT " LOT_COLUMNS " FROM walk w CROSS JOIN ledger_lot WHERE id = w.lot AND live = 1 ORDER BY expires_ms, source, id LIMIT ?");
DB_SQL(lot_ended, "SELECT " LOT_COLUMNS " FROM ledger_lot WHERE live = 1 AND expires_ms <= ? ORDER BY expires_ms LIMIT 1");
DB_SQL(lot_save, "UPDATE ledger_lot SET live = ?, available = ?, held = ?, spent = ?, expired = ?, taken = ?, refunded = ?, earned = ?, expires_ms = ? WHERE id = ?");

static const char *const source_name[] = { [LEDGER_GIFT] = "gift", [LEDGER_PROMO] = "promo", [LEDGER_BOUGHT] = "bought" };
const char *ledger_source_name(enum ledger_source s) {
    assert(s < COUNT(source_name));
    return source_name[s];
}

static const char *const currency_name[LEDGER_CURRENCY_COUNT] = {
#define X(id) [LEDGER_##id] = #id,
    LEDGER_CURRENCIES(X)
#undef X
};
const char *ledger_currency_name(enum ledger_currency c) {
    assert(c < LEDGER_CURRENCY_COUNT);
    return currency_name[c];
}

bool ledger_currency_of(struct str name, enum ledger_currency *ret) {
    for (enum ledger_currency c = 0; c < LEDGER_CURRENCY_COUNT; c++)
        if (str_eqz(name, currency_name[c])) {
            *ret = c;
            return true;
        }
    return false;
}

int ledger__lot_add(struct db_tx *tx, const struct ledger_lot *l, const struct ledger_heads *before, struct err *e) {
    return db_run(tx, NULL, e, &lot_add, DB_INT(l->id), DB_INT(l->account), DB_INT(l->source), DB_INT(l->credits), DB_INT(l->available), DB_INT(l->held),
                  DB_INT(l->spent), DB_INT(l->expired), DB_INT(l->taken), DB_TEXT(l->paid ? ledger_currency_name(l->currency) : ""), DB_INT(l->paid),
                  DB_INT(l->refunded), DB_INT(l->earned), DB_INT(l->created_ms), DB_INT(l->expires_ms), DB_INT(l->available > 0), DB_STR(l->product), DB_INT(before->lot),
                  DB_INT(l->available > 0 ? before->live : -1));
}

static int read_lot(const struct db_rows *rows, struct ledger_lot *ret, struct err *e) {
    struct ledger_lot l = {
        .id = db_int(rows, 0), .account = db_int(rows, 1), .source = (enum ledger_source)db_int(rows, 2), .credits = db_int(rows, 3),
        .available = db_int(rows, 4), .held = db_int(rows, 5), .spent = db_int(rows, 6), .expired = db_int(rows, 7), .taken = db_int(rows, 8),
        .paid = db_int(rows, 10), .refunded = db_int(rows, 11), .earned = db_int(rows, 12), .created_ms = db_int(rows, 13), .expires_ms = db_int(rows, 14),
    };
    if (l.source >= COUNT(source_name) || (l.paid && !ledger_currency_of(db_str(rows, 9), &l.currency)))
        return err_set(e, ERR_DB, "lot %lld has a source or a currency that this program does not know", (long long)l.id);
    l.live = l.available > 0;
    *ret = l;
    return 1;
}

static int one(struct db_tx *tx, const struct db_sql *q, int64_t arg, struct ledger_lot *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, DB_INT(arg));
    return r <= 0 ? r : read_lot(&rows, ret, e);
}

int ledger__lot_get(struct db_tx *tx, int64_t id, struct ledger_lot *ret, struct err *e) {
    return one(tx, &lot_one, id, ret, e);
}

int ledger__lots_next(struct db_tx *tx, int64_t account, struct ledger_lot ret[LEDGER_LOTS_AT_ONCE], struct err *e) {
    DB_ROWS rows = { 0 };
    int n = 0, r = db_query(tx, &rows, e, &lot_next, DB_INT(account), DB_INT(LEDGER_LOTS_AT_ONCE));
    while (r >= 0 && n < LEDGER_LOTS_AT_ONCE && (r = db_next(&rows, e)) == 1)
        r = read_lot(&rows, &ret[n++], e);
    return r < 0 ? r : n;
}

int ledger__lot_ended(struct db_tx *tx, int64_t now_ms, struct ledger_lot *ret, struct err *e) {
    return one(tx, &lot_ended, now_ms, ret, e);
}

/* ---- the two lists ---- */
/* 1: found; 0: there is none. */
static int id_of(struct db_tx *tx, int64_t *ret, struct db_rows *rows, int r) {
    if (r == 1)
        *ret = db_int(rows, 0);
    return r;
}

static int before_in_live(struct db_tx *tx, int64_t account, int64_t lot, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = id_of(tx, ret, &rows, db_one(tx, &rows, e, &lot_before, DB_INT(account), DB_INT(lot)));
    return r == 0 ? err_set(e, ERR_DB, "the live lots of account %lld are a list without %lld", (long long)account, (long long)lot) : r < 0 ? r : 0;
}

/* Nothing of it is available any more. What is behind it is read now: others of the list may have gone since the lot was read. */
static int leave_live(struct db_tx *tx, const struct ledger_lot *l, struct err *e) {
    struct ledger_heads h;
    int64_t behind = 0, before;
    int r = ledger__lot_heads(tx, l->account, &h, e);
    if (r >= 0) {
        DB_ROWS rows = { 0 };
        r = id_of(tx, &behind, &rows, db_one(tx, &rows, e, &lot_behind, DB_INT(l->id)));
    }
    if (r < 0)
        return r;
    if (h.live == l->id) {
        h.live = behind;
        r = ledger__lot_heads_set(tx, l->account, &h, e);
    } else if ((r = before_in_live(tx, l->account, l->id, &before, e)) >= 0) {
        r = db_run(tx, NULL, e, &lot_live_tie, DB_INT(behind), DB_INT(before));
    }
    return r < 0 ? r : db_run(tx, NULL, e, &lot_live_tie, DB_INT(-1), DB_INT(l->id));
}

/* Something came back. */
static int join_live(struct db_tx *tx, const struct ledger_lot *l, struct err *e) {
    struct ledger_heads h;
    int r = ledger__lot_heads(tx, l->account, &h, e);
    if (r < 0 || (r = db_run(tx, NULL, e, &lot_live_tie, DB_INT(h.live), DB_INT(l->id))) < 0)
        return r;
    h.live = l->id;
    return ledger__lot_heads_set(tx, l->account, &h, e);
}

/* The lists of `from` go in front of those of `to`. */
int ledger__lots_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    struct ledger_heads first, before;
    int64_t last;
    int r = ledger__lot_heads(tx, from, &first, e);
    if (r < 0 || first.lot == 0 || (r = ledger__lot_heads(tx, to, &before, e)) < 0)
        return r;
    {
        DB_ROWS rows = { 0 };
        if ((r = id_of(tx, &last, &rows, db_one(tx, &rows, e, &lot_tail, DB_INT(from)))) <= 0)
            return r < 0 ? r : err_set(e, ERR_DB, "the lots of account %lld are a list without an end", (long long)from);
    }
    if ((r = db_run(tx, NULL, e, &lot_give, DB_INT(to), DB_INT(from))) < 0 || (r = db_run(tx, NULL, e, &lot_tie, DB_INT(before.lot), DB_INT(last))) < 0)
        return r;
    if (first.live && ((r = before_in_live(tx, from, 0, &last, e)) < 0 || (r = db_run(tx, NULL, e, &lot_live_tie, DB_INT(before.live), DB_INT(last))) < 0))
        return r;
    first.live = first.live ? first.live : before.live;
    if ((r = ledger__lot_heads_set(tx, to, &first, e)) < 0)
        return r;
    return ledger__lot_heads_set(tx, from, &(struct ledger_heads){ 0 }, e);
}

static int64_t earned_of(const struct ledger_lot *l) {
    int64_t money = l->paid - l->refunded, all = l->credits - l->taken, gone = l->spent + l->expired;
    return all ? (int64_t)((__int128)money * gone / all) : money;
}

int ledger__lot_save(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, struct err *e) {
    int64_t more = earned_of(l) - l->earned, changed;
    int r = 0;
    if (more) {
        struct ledger_side earned = { 0, ledger__earned(l->currency) }, deferred = { 0, ledger__deferred(l->currency) };
        r = more > 0 ? ledger__move(tx, t, "earn", earned, deferred, more, e) : ledger__move(tx, t, "unearn", deferred, earned, -more, e);
    }
    l->earned += more;
    bool live = l->available > 0;
    if (r >= 0 && live != l->live)
        r = live ? join_live(tx, l, e) : leave_live(tx, l, e);
    l->live = live;
    if (r < 0 || (r = db_run(tx, &changed, e, &lot_save, DB_INT(live), DB_INT(l->available), DB_INT(l->held), DB_INT(l->spent), DB_INT(l->expired), DB_INT(l->taken),
                             DB_INT(l->refunded), DB_INT(l->earned), DB_INT(l->expires_ms), DB_INT(l->id))) < 0)
        return r;
    assert(changed == 1);
    return 0;
}
