/* fee.c - what a provider keeps of an order beside the fee of its payment: for disputes. It says the sum, and each difference to what is booked is booked. */
#include "base/clock.h"
#include "base/log.h"
#include "base/tell.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"

DB_SQL(fee_sum, "SELECT COUNT(*), COALESCE(SUM(minor), 0) FROM shop_fee WHERE order_id = ?");
DB_SQL(fee_add, "INSERT INTO shop_fee (id, order_id, n, minor, at_ms) VALUES (?, ?, ?, ?, ?)");
DB_SQL(fee_next, "SELECT id, minor FROM shop_fee WHERE id > ? ORDER BY id LIMIT 1");

static int booked(struct db_tx *tx, int64_t order, int64_t *ret_n, int64_t *ret_minor, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &fee_sum, DB_INT(order));
    *ret_n = r == 1 ? db_int(&rows, 0) : 0;
    *ret_minor = r == 1 ? db_int(&rows, 1) : 0;
    return r < 0 ? r : 0;
}

int shop__fee_booked(struct db_tx *tx, int64_t order, int64_t *ret_minor, struct err *e) {
    int64_t n;
    return booked(tx, order, &n, ret_minor, e);
}

int shop__fee_told(struct db_tx *tx, const struct order *o, int64_t minor, struct err *e) {
    int64_t n, had, id = id_new();
    int r = booked(tx, o->id, &n, &had, e);
    int64_t more = (minor > 0 ? minor : 0) - had;
    if (r < 0 || more == 0)
        return r;
    log_event(LOG_INFO, "shop.dispute_fee", F_STR("order", o->number), F_INT("minor", more));
    if ((r = db_run(tx, NULL, e, &fee_add, DB_INT(id), DB_INT(o->id), DB_INT(n), DB_INT(more), DB_INT(clock_ms()))) < 0)
        return r;
    return ledger_order_fee(tx, &(struct ledger_order_fee){ .id = id, .order = o->id, .minor = more }, e);
}

int shop__fee_verify(struct db_tx *tx, struct tell *t, struct err *e) {
    int64_t last = 0, rows_n = 0, books_n;
    int r;
    for (;;) {
        int64_t minor, moved = 0;
        char id[ID_TEXT_MAX];
        {
            DB_ROWS rows = { 0 };
            if ((r = db_one(tx, &rows, e, &fee_next, DB_INT(last))) <= 0)
                break;
            last = db_int(&rows, 0);
            minor = db_int(&rows, 1);
        }
        rows_n++;
        id_text(id, "fee", last);
        if ((r = ledger_order_fee_get(tx, last, &moved, e)) < 0)
            return r;
        if (r == 0 || moved != minor)
            tell(t, "%s is %lld, the books say %lld", id, (long long)minor, (long long)moved);
    }
    if (r < 0 || (r = ledger_order_fee_n(tx, &books_n, e)) < 0)
        return r;
    if (books_n != rows_n)
        tell(t, "the orders have %lld other fees, the books %lld", (long long)rows_n, (long long)books_n);
    return 0;
}
