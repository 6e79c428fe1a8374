/* move.c - the credits of one account go to another. */
#include "ledger/ledger.h"

#include "base/id.h"
#include "db/db.h"
#include "ledger/internal.h"

/* What came into the wallet and was no gift. */
DB_SQL(move_paid, "SELECT COALESCE(SUM(x.amount), 0) FROM ledger_account a JOIN ledger_entry x ON x.to_id = a.id JOIN ledger_tx t ON t.id = x.tx_id "
                  "WHERE a.owner_id = ? AND a.book = 'wallet' AND x.kind = 'grant' AND t.cause <> 'welcome'");
/* What left it by this way before. */
DB_SQL(move_moved, "SELECT COALESCE(SUM(x.amount), 0) FROM ledger_account a JOIN ledger_entry x ON x.from_id = a.id "
                   "WHERE a.owner_id = ? AND a.book = 'wallet' AND x.kind = 'move'");
DB_SQL(move_holds, "UPDATE ledger_hold SET account_id = ? WHERE account_id = ? AND state = 'resolved'");

static int sum(struct db_tx *tx, const struct db_sql *q, int64_t account, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, DB_INT(account));
    if (r == 1)
        *ret = db_int(&rows, 0);
    return r < 0 ? r : 0;
}

int ledger_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    struct ledger_balance b;
    int64_t paid = 0, moved = 0;
    int r = ledger_balance(tx, from, &b, e);
    if (r < 0)
        return r;
    if (b.held)
        return err_set(e, ERR_STATE, "%lld credits are held for a task", (long long)b.held);
    if ((r = db_run(tx, NULL, e, &move_holds, DB_INT(to), DB_INT(from))) < 0 || b.available == 0)
        return r;
    if ((r = sum(tx, &move_paid, from, &paid, e)) < 0 || (r = sum(tx, &move_moved, from, &moved, e)) < 0)
        return r;
    int64_t keep = paid - moved < b.available ? paid - moved : b.available;
    struct ledger_side wallet = { from, LEDGER_WALLET };
    struct ledger_tx t;
    if ((r = ledger__begin(tx, "move", id_new(), &t, e)) < 0 || (r = ledger__move(tx, &t, "move", wallet, (struct ledger_side){ to, LEDGER_WALLET }, keep, e)) < 0)
        return r;
    return ledger__move(tx, &t, "expire", wallet, (struct ledger_side){ 0, LEDGER_ISSUED }, b.available - keep, e);
}
