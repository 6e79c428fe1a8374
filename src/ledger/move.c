/* move.c - the credits of one account go to another. */
#include "ledger/ledger.h"

#include "base/id.h"
#include "db/db.h"
#include "ledger/internal.h"

DB_SQL(move_holds, "UPDATE ledger_hold SET account_id = ? WHERE account_id = ? AND state = 'resolved'");
DB_SQL(move_gift, "WITH RECURSIVE walk (lot, prev_id) AS (" LEDGER_LIVE_OF ") SELECT x.id FROM walk w CROSS JOIN ledger_lot x WHERE x.id = w.lot AND x.live = 1 AND x.source = ? LIMIT 1");

/* What is left of gifts ends. *ret_n: credits. */
static int end_gifts(struct db_tx *tx, const struct ledger_tx *t, int64_t account, int64_t *ret_n, struct err *e) {
    int64_t n = 0;
    for (;;) {
        struct ledger_lot l;
        int64_t id;
        int r;
        {
            DB_ROWS rows = { 0 };
            if ((r = db_one(tx, &rows, e, &move_gift, DB_INT(account), DB_INT(LEDGER_GIFT))) <= 0) {
                *ret_n = n;
                return r;
            }
            id = db_int(&rows, 0);
        }
        if ((r = ledger__lot_get(tx, id, &l, e)) < 0)
            return r;
        n += l.available;
        l.expired += l.available;
        l.available = 0;
        if ((r = ledger__lot_save(tx, t, &l, e)) < 0)
            return r;
    }
}

int ledger_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    struct ledger_side wallet = { from, LEDGER_WALLET };
    struct ledger_balance b;
    struct ledger_tx t;
    int64_t gifts = 0;
    int r = ledger_balance(tx, from, &b, e);
    if (r < 0)
        return r;
    if (b.held)
        return err_set(e, ERR_STATE, "%lld credits are held for a task", (long long)b.held);
    if (b.available &&
        ((r = ledger__begin(tx, "move", id_new(), (struct ledger_about){ 0 }, &t, e)) < 0 ||
         (r = end_gifts(tx, &t, from, &gifts, e)) < 0 ||
         (r = ledger__move(tx, &t, "move", wallet, (struct ledger_side){ to, LEDGER_WALLET }, b.available - gifts, e)) < 0 ||
         (r = ledger__move(tx, &t, "expire", wallet, (struct ledger_side){ 0, LEDGER_ISSUED }, gifts, e)) < 0))
        return r;
    /* With all their history: what comes back of them some day comes back to the person. */
    r = ledger__lots_move(tx, from, to, e);
    return r < 0 ? r : db_run(tx, NULL, e, &move_holds, DB_INT(to), DB_INT(from));
}
