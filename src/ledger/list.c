/* list.c - reading: an account's balance, its lots, and what moved its credits. */
#include "ledger/ledger.h"

#include "base/id.h"
#include "base/json.h"
#include "db/db.h"
#include "ledger/internal.h"

#define LIST_MAX 200

/* Two walks along an index instead of one OR, so that a long history costs no sort. */
DB_SQL(ledger_list_page,
       "SELECT id, kind, credits, cause, cause_id, at_ms FROM ("
       "SELECT * FROM (SELECT x.id AS id, x.kind AS kind, -x.amount AS credits, t.cause AS cause, t.cause_id AS cause_id, "
       "x.at_ms AS at_ms "
       "FROM ledger_entry x JOIN ledger_tx t ON t.id = x.tx_id WHERE x.from_id = ? AND x.id < ? ORDER BY x.id DESC LIMIT ?) a "
       "UNION ALL "
       "SELECT * FROM (SELECT y.id AS id, y.kind AS kind, y.amount AS credits, u.cause AS cause, u.cause_id AS cause_id, y.at_ms "
       "AS at_ms "
       "FROM ledger_entry y JOIN ledger_tx u ON u.id = y.tx_id WHERE y.to_id = ? AND y.id < ? ORDER BY y.id DESC LIMIT ?) b"
       ") page ORDER BY id DESC LIMIT ?");

int ledger_balance(struct db_tx *tx, int64_t account, struct ledger_balance *ret, struct err *e) {
    struct ledger_balance b;
    int r = ledger__book_balance(tx, account, LEDGER_WALLET, &b.available, e);
    if (r < 0 || (r = ledger__book_balance(tx, account, LEDGER_HELD, &b.held, e)) < 0)
        return r;
    *ret = b;
    return 0;
}

DB_SQL(ledger_of_cause, "SELECT x.id, x.kind, a.unit, x.amount, x.at_ms FROM ledger_tx t JOIN ledger_entry x ON x.tx_id = t.id "
                        "JOIN ledger_account a ON a.id = x.from_id WHERE t.cause = ? AND t.cause_id = ? ORDER BY x.id");

int ledger_moves(struct db_tx *tx, const char *cause, int64_t cause_id, struct jw *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &ledger_of_cause, DB_TEXT(cause), DB_INT(cause_id));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(w);
        jw_kid(w, "id", "entry", db_int(&rows, 0));
        jw_kstr(w, "kind", db_str(&rows, 1));
        jw_kstr(w, "unit", db_str(&rows, 2));
        jw_kint(w, "amount", db_int(&rows, 3));
        jw_kz(w, "cause", cause);
        jw_kint(w, "at_ms", db_int(&rows, 4));
        jw_end_obj(w);
    }
    return r;
}

DB_SQL(ledger_sums_of, "SELECT t.product, x.kind, a.unit, SUM(x.amount), COUNT(*) FROM ledger_entry x JOIN ledger_tx t ON t.id = x.tx_id "
                       "JOIN ledger_account a ON a.id = x.from_id WHERE x.id >= ? AND x.id < ? GROUP BY t.product, x.kind, a.unit ORDER BY t.product, x.kind, a.unit");

int ledger_sums(struct db_tx *tx, int64_t from_ms, int64_t to_ms, void (*tell)(void *ctx, const struct ledger_sum *s), void *ctx, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &ledger_sums_of, DB_INT(id_at_ms(from_ms)), DB_INT(id_at_ms(to_ms)));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        struct ledger_sum s = { db_str(&rows, 0), db_str(&rows, 1), db_str(&rows, 2), db_int(&rows, 3), db_int(&rows, 4) };
        tell(ctx, &s);
    }
    return r < 0 ? r : 0;
}

DB_SQL(ledger_wallet_of, "SELECT id FROM ledger_account WHERE owner_id = ? AND book = 'wallet'");

int ledger_list(struct db_tx *tx, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e) {
    int64_t wallet = 0, before = before_id > 0 ? before_id : INT64_MAX;
    int64_t n = limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
    {
        DB_ROWS one = { 0 };
        int r = db_one(tx, &one, e, &ledger_wallet_of, DB_INT(account));
        if (r < 0)
            return r;
        if (r > 0)
            wallet = db_int(&one, 0);
    }
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &ledger_list_page, DB_INT(wallet), DB_INT(before), DB_INT(n), DB_INT(wallet), DB_INT(before),
                     DB_INT(n), DB_INT(n));
    if (r < 0)
        return r;
    while ((r = db_next(&rows, e)) > 0) {
        struct str cause = db_str(&rows, 3);
        bool of_task = str_eqz(cause, "hold") || str_eqz(cause, "resolve");
        jw_obj(&w);
        jw_kid(&w, "id", "entry", db_int(&rows, 0));
        jw_kstr(&w, "kind", db_str(&rows, 1));
        jw_kint(&w, "credits", db_int(&rows, 2));
        jw_kstr(&w, "cause", cause);
        jw_kid(&w, "task", "task", of_task ? db_int(&rows, 4) : 0);
        jw_kid(&w, "order", "order", str_eqz(cause, "order") ? db_int(&rows, 4) : 0);
        jw_kint(&w, "at", db_int(&rows, 5));
        jw_end_obj(&w);
    }
    if (r < 0)
        return r;
    jw_end_arr(&w);
    return out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}

DB_SQL(lots_of, "SELECT source, available, expires_ms FROM ledger_lot WHERE account_id = ? AND live = 1 ORDER BY expires_ms, source, id LIMIT 100");

int ledger_lots(struct db_tx *tx, int64_t account, struct jw *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &lots_of, DB_INT(account));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(w);
        jw_kz(w, "source", ledger_source_name((enum ledger_source)db_int(&rows, 0)));
        jw_kint(w, "credits", db_int(&rows, 1));
        jw_key(w, "expires_ms");
        if (db_int(&rows, 2) == LEDGER_NEVER_MS)
            jw_null(w);
        else
            jw_int(w, db_int(&rows, 2));
        jw_end_obj(w);
    }
    return r;
}
