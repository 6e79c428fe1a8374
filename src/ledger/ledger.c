/* ledger.c - what may happen to credits and cost: grant, hold, resolve, cost; and reading an account's side of it. */
#include "ledger/ledger.h"

#include <assert.h>
#include "base/clock.h"
#include "base/json.h"
#include "db/db.h"
#include "ledger/internal.h"

#define LIST_MAX 200

DB_SQL(ledger_hold_add, "INSERT INTO ledger_hold (task_id, account_id, credits, captured, state, held_ms, resolved_ms) "
                        "VALUES (?, ?, ?, 0, 'held', ?, 0)");
DB_SQL(ledger_hold_one, "SELECT account_id, credits, captured, state FROM ledger_hold WHERE task_id = ?");
DB_SQL(ledger_hold_end,
       "UPDATE ledger_hold SET state = 'resolved', captured = ?, resolved_ms = ? WHERE task_id = ? AND state = 'held'");
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

static int amount_ok(int64_t amount, struct err *e) {
    if (amount < 0 || amount > LEDGER_AMOUNT_MAX)
        return err_set(e, ERR_BAD_INPUT, "an amount must lie between 0 and %lld", (long long)LEDGER_AMOUNT_MAX);
    return 0;
}

int ledger_grant(struct db_tx *tx, int64_t account, int64_t credits, const char *cause, int64_t cause_id, struct err *e) {
    assert(account > 0);
    struct ledger_tx t;
    int r = amount_ok(credits, e);
    if (r < 0 || (r = ledger__begin(tx, cause, cause_id, &t, e)) < 0)
        return r;
    return ledger__move(tx, &t, "grant", (struct ledger_side){ 0, LEDGER_ISSUED }, (struct ledger_side){ account, LEDGER_WALLET },
                        credits, e);
}

int ledger_hold(struct db_tx *tx, int64_t account, int64_t credits, int64_t task, struct err *e) {
    assert(account > 0 && task > 0);
    struct ledger_tx t;
    int r = amount_ok(credits, e);
    if (r < 0 || (r = ledger__begin(tx, "hold", task, &t, e)) < 0)
        return r;
    r = ledger__move(tx, &t, "hold", (struct ledger_side){ account, LEDGER_WALLET }, (struct ledger_side){ account, LEDGER_HELD },
                     credits, e);
    if (r < 0)
        return r;
    return db_run(tx, NULL, e, &ledger_hold_add, DB_INT(task), DB_INT(account), DB_INT(credits), DB_INT(t.at_ms));
}

int ledger_hold_get(struct db_tx *tx, int64_t task, struct ledger_hold_state *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &ledger_hold_one, DB_INT(task));
    if (r <= 0)
        return r;
    *ret = (struct ledger_hold_state){ db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2), str_eqz(db_str(&rows, 3), "held") };
    return 1;
}

int ledger_resolve(struct db_tx *tx, int64_t task, int64_t captured, struct err *e) {
    struct ledger_hold_state h;
    int r = ledger_hold_get(tx, task, &h, e);
    if (r < 0)
        return r;
    if (r == 0 || !h.held)
        return err_set(e, ERR_RACE, "the hold of this task is not open");
    if (captured < 0 || captured > h.credits)
        return err_set(e, ERR_BAD_INPUT, "%lld of %lld held credits cannot be captured", (long long)captured,
                       (long long)h.credits);

    struct ledger_tx t;
    if ((r = ledger__begin(tx, "resolve", task, &t, e)) < 0)
        return r;
    int64_t changed;
    if ((r = db_run(tx, &changed, e, &ledger_hold_end, DB_INT(captured), DB_INT(t.at_ms), DB_INT(task))) < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "the hold of this task was resolved by somebody else");
    struct ledger_side held = { h.account, LEDGER_HELD };
    if ((r = ledger__move(tx, &t, "capture", held, (struct ledger_side){ 0, LEDGER_REVENUE }, captured, e)) < 0)
        return r;
    return ledger__move(tx, &t, "release", held, (struct ledger_side){ h.account, LEDGER_WALLET }, h.credits - captured, e);
}

int ledger_cost(struct db_tx *tx, int64_t attempt, int64_t cost_microusd, struct err *e) {
    struct ledger_tx t;
    int r = amount_ok(cost_microusd, e);
    if (r < 0 || (r = ledger__begin(tx, "cost", attempt, &t, e)) < 0)
        return r;
    return ledger__move(tx, &t, "cost", (struct ledger_side){ 0, LEDGER_OWED }, (struct ledger_side){ 0, LEDGER_COST },
                        cost_microusd, e);
}

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
        jw_kint(&w, "at", db_int(&rows, 5));
        jw_end_obj(&w);
    }
    if (r < 0)
        return r;
    jw_end_arr(&w);
    return out->failed ? err_set(e, ERR_TOO_BIG, "the list does not fit the answer") : 0;
}
