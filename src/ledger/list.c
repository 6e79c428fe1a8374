/* list.c - reading: an account's balance, its lots, and what moved its credits. */
#include "ledger/ledger.h"

#include "base/id.h"
#include "base/json.h"
#include "db/db.h"
#include "ledger/internal.h"

#define LIST_MAX 200

/* The entries of a book are a list from the newest on (last_id, then from_prev or to_prev): one statement walks along it. */
DB_SQL(ledger_list_page,
       "WITH RECURSIVE walk (id, n, way, prev) AS ("
       "SELECT x.id, 1, CASE WHEN x.from_owner = ? AND x.from_book = 'wallet' THEN -1 ELSE 1 END, "
       "CASE WHEN x.from_owner = ? AND x.from_book = 'wallet' THEN x.from_prev ELSE x.to_prev END FROM ledger_entry x WHERE x.id = ? "
       "UNION ALL "
       "SELECT y.id, w.n + 1, CASE WHEN y.from_owner = ? AND y.from_book = 'wallet' THEN -1 ELSE 1 END, "
       "CASE WHEN y.from_owner = ? AND y.from_book = 'wallet' THEN y.from_prev ELSE y.to_prev END FROM walk w JOIN ledger_entry y ON y.id = w.prev WHERE w.n < ?) "
       "SELECT z.id, z.kind, z.amount * v.way, t.cause, t.cause_id, z.at_ms FROM walk v JOIN ledger_entry z ON z.id = v.id JOIN ledger_tx t ON t.id = z.tx_id "
       "ORDER BY v.n");
/* Which entry of a wallet is behind a page that ended with this one; no row: that one is not of the wallet. */
DB_SQL(ledger_list_from, "SELECT CASE WHEN x.from_owner = ? AND x.from_book = 'wallet' THEN x.from_prev ELSE x.to_prev END FROM ledger_entry x "
                         "WHERE x.id = ? AND ((x.from_owner = ? AND x.from_book = 'wallet') OR (x.to_owner = ? AND x.to_book = 'wallet'))");

int ledger_balance(struct db_tx *tx, int64_t account, struct ledger_balance *ret, struct err *e) {
    struct ledger_balance b;
    int64_t last;
    int r = ledger__book_last(tx, (struct ledger_side){ account, LEDGER_WALLET }, &b.available, &last, e);
    if (r < 0 || (r = ledger__book_last(tx, (struct ledger_side){ account, LEDGER_HELD }, &b.held, &last, e)) < 0)
        return r;
    *ret = b;
    return 0;
}

static struct str unit_of(struct str book) {
    enum ledger_book b;
    return ledger__book_of(book, &b) ? str_z(ledger__book_unit(b)) : STR_NULL;
}

DB_SQL(ledger_of_cause, "SELECT x.id, x.kind, x.from_book, x.amount, x.at_ms FROM ledger_tx t JOIN ledger_entry x ON x.tx_id = t.id "
                        "WHERE t.cause = ? AND t.cause_id = ? ORDER BY x.id");

int ledger_moves(struct db_tx *tx, const char *cause, int64_t cause_id, struct jw *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &ledger_of_cause, DB_TEXT(cause), DB_INT(cause_id));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        jw_obj(w);
        jw_kid(w, "id", "entry", db_int(&rows, 0));
        jw_kstr(w, "kind", db_str(&rows, 1));
        jw_kstr(w, "unit", unit_of(db_str(&rows, 2)));
        jw_kint(w, "amount", db_int(&rows, 3));
        jw_kz(w, "cause", cause);
        jw_kint(w, "at_ms", db_int(&rows, 4));
        jw_end_obj(w);
    }
    return r;
}

DB_SQL(ledger_sums_of, "SELECT t.product, x.kind, x.from_book, SUM(x.amount), COUNT(*) FROM ledger_entry x JOIN ledger_tx t ON t.id = x.tx_id "
                       "WHERE x.id >= ? AND x.id < ? GROUP BY t.product, x.kind, x.from_book ORDER BY t.product, x.kind, x.from_book");

int ledger_sums(struct db_tx *tx, int64_t from_ms, int64_t to_ms, void (*tell)(void *ctx, const struct ledger_sum *s), void *ctx, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &ledger_sums_of, DB_INT(id_at_ms(from_ms)), DB_INT(id_at_ms(to_ms)));
    while (r >= 0 && (r = db_next(&rows, e)) > 0) {
        struct ledger_sum s = { db_str(&rows, 0), db_str(&rows, 1), unit_of(db_str(&rows, 2)), db_int(&rows, 3), db_int(&rows, 4) };
        tell(ctx, &s);
    }
    return r < 0 ? r : 0;
}

/* Where a page begins; 0: there is nothing. */
static int first_of_page(struct db_tx *tx, int64_t account, int64_t before_id, int64_t *ret_id, struct err *e) {
    int64_t balance;
    *ret_id = 0;
    if (before_id <= 0)
        return ledger__book_last(tx, (struct ledger_side){ account, LEDGER_WALLET }, &balance, ret_id, e);
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &ledger_list_from, DB_INT(account), DB_INT(before_id), DB_INT(account), DB_INT(account));
    if (r == 1)
        *ret_id = db_int(&rows, 0);
    return r < 0 ? r : 0;
}

int ledger_list(struct db_tx *tx, int64_t account, int64_t before_id, int limit, ledger_order_of *order_of, struct buf *out, struct err *e) {
    int64_t first, n = limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
    int r = first_of_page(tx, account, before_id, &first, e);
    if (r < 0)
        return r;
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    DB_ROWS rows = { 0 };
    if ((r = db_query(tx, &rows, e, &ledger_list_page, DB_INT(account), DB_INT(account), DB_INT(first), DB_INT(account), DB_INT(account), DB_INT(n))) < 0)
        return r;
    while ((r = db_next(&rows, e)) > 0) {
        struct str cause = db_str(&rows, 3);
        bool of_task = str_eqz(cause, "hold") || str_eqz(cause, "resolve") || str_eqz(cause, "unlike");
        int64_t order = str_eqz(cause, "order") ? db_int(&rows, 4) : 0;
        if ((str_eqz(cause, "refund") || str_eqz(cause, "unrefund")) && (r = order_of(tx, db_int(&rows, 4), &order, e)) < 0 && r != ERR_NOT_FOUND)
            return r;
        jw_obj(&w);
        jw_kid(&w, "id", "entry", db_int(&rows, 0));
        jw_kstr(&w, "kind", db_str(&rows, 1));
        jw_kint(&w, "credits", db_int(&rows, 2));
        jw_kstr(&w, "cause", cause);
        jw_kid(&w, "task", "task", of_task ? db_int(&rows, 4) : 0);
        jw_kid(&w, "order", "order", order);
        jw_kint(&w, "at", db_int(&rows, 5));
        jw_end_obj(&w);
    }
    if (r < 0)
        return r;
    jw_end_arr(&w);
    return out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}

DB_SQL(lots_of, "WITH RECURSIVE walk (lot, prev_id) AS (" LEDGER_LIVE_OF ") "
                "SELECT x.source, x.available, x.expires_ms FROM walk w CROSS JOIN ledger_lot x WHERE x.id = w.lot AND x.live = 1 ORDER BY x.expires_ms, x.source, x.id LIMIT 100");

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
