/* money.c - real money: what an order brought, what of it went back, and what the work has cost. */
#include "ledger/ledger.h"

#include <assert.h>
#include "db/db.h"
#include "ledger/internal.h"

int ledger_sell(struct db_tx *tx, const struct ledger_sale *s, struct err *e) {
    assert(s->account > 0 && s->currency < LEDGER_CURRENCY_COUNT);
    struct ledger_tx t;
    int r = ledger__amount_ok(s->paid, e);
    if (r < 0 || (r = ledger__amount_ok(s->credits, e)) < 0)
        return r;
    if (s->fee < 0 || s->fee > s->paid)
        return err_set(e, ERR_BAD_INPUT, "a fee of %lld cannot be kept of %lld", (long long)s->fee, (long long)s->paid);
    if ((r = ledger__begin(tx, "order", s->order, (struct ledger_about){ .product = s->product }, &t, e)) < 0)
        return r;
    struct ledger_side cash = { 0, ledger__cash(s->currency) };
    if ((r = ledger__move(tx, &t, "pay", (struct ledger_side){ 0, ledger__deferred(s->currency) }, cash, s->paid, e)) < 0 ||
        (r = ledger__move(tx, &t, "fee", cash, (struct ledger_side){ 0, ledger__fee(s->currency) }, s->fee, e)) < 0)
        return r;
    struct ledger_lot l = { .id = t.id, .account = s->account, .source = LEDGER_BOUGHT, .credits = s->credits, .available = s->credits,
                            .currency = s->currency, .paid = s->paid, .product = s->product, .created_ms = t.at_ms,
                            .expires_ms = s->expires_ms ? s->expires_ms : LEDGER_NEVER_MS };
    r = ledger__bring(tx, &t, &l, e);
    return r < 0 ? r : ledger__lot_save(tx, &t, &l, e);      /* what bought no credits is earned at once */
}

static int lot_of(struct db_tx *tx, int64_t order, struct ledger_lot *ret, struct err *e) {
    int64_t id;
    int r = ledger__find(tx, "order", order, &id, e);
    return r == 1 ? ledger__lot_get(tx, id, ret, e) : r;
}

DB_SQL(money_order_product, "SELECT product FROM ledger_tx WHERE cause = 'order' AND cause_id = ?");

/* About the product that the order was of. */
static int begin_of_order(struct db_tx *tx, const char *cause, int64_t cause_id, int64_t order, struct ledger_tx *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &money_order_product, DB_INT(order));
    return r < 0 ? r : ledger__begin(tx, cause, cause_id, (struct ledger_about){ .product = r ? db_str(&rows, 0) : STR_NULL }, ret, e);
}

int ledger_refund(struct db_tx *tx, const struct ledger_refund *f, struct err *e) {
    struct ledger_lot l;
    struct ledger_tx t;
    int r = lot_of(tx, f->order, &l, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order was paid");
    if ((r = begin_of_order(tx, "refund", f->refund, f->order, &t, e)) < 0)
        return r;
    if (f->money < 0 || f->money > l.paid - l.refunded || f->fee_back < 0 || f->fee_back > f->money)
        return err_set(e, ERR_BAD_INPUT, "%lld cannot be refunded: of %lld, %lld went back before", (long long)f->money, (long long)l.paid, (long long)l.refunded);
    if (f->credits < 0 || f->credits > l.available)
        return err_set(e, ERR_STATE, "of the credits that this order bought %lld are left, %lld would have to go back", (long long)l.available, (long long)f->credits);
    struct ledger_side cash = { 0, ledger__cash(l.currency) };
    if ((r = ledger__move(tx, &t, "refund", cash, (struct ledger_side){ 0, ledger__deferred(l.currency) }, f->money, e)) < 0 ||
        (r = ledger__move(tx, &t, "fee_back", (struct ledger_side){ 0, ledger__fee(l.currency) }, cash, f->fee_back, e)) < 0 ||
        (r = ledger__move(tx, &t, "takeback", (struct ledger_side){ l.account, LEDGER_WALLET }, (struct ledger_side){ 0, LEDGER_ISSUED }, f->credits, e)) < 0)
        return r;
    l.refunded += f->money;
    l.available -= f->credits;
    l.taken += f->credits;
    return ledger__lot_save(tx, &t, &l, e);
}

int ledger_unrefund(struct db_tx *tx, const struct ledger_refund *f, struct err *e) {
    struct ledger_lot l;
    struct ledger_tx t;
    int64_t made;
    int r = ledger__find(tx, "refund", f->refund, &made, e);
    if (r == 1)
        r = lot_of(tx, f->order, &l, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such refund was made");
    if ((r = begin_of_order(tx, "unrefund", f->refund, f->order, &t, e)) < 0)
        return r;
    if (f->money < 0 || f->money > l.refunded || f->credits < 0 || f->credits > l.taken || f->fee_back < 0 || f->fee_back > f->money)
        return err_set(e, ERR_BAD_INPUT, "a refund of %lld and %lld credits cannot be taken back: %lld and %lld went back in all", (long long)f->money,
                       (long long)f->credits, (long long)l.refunded, (long long)l.taken);
    struct ledger_side cash = { 0, ledger__cash(l.currency) };
    if ((r = ledger__move(tx, &t, "unrefund", (struct ledger_side){ 0, ledger__deferred(l.currency) }, cash, f->money, e)) < 0 ||
        (r = ledger__move(tx, &t, "fee", cash, (struct ledger_side){ 0, ledger__fee(l.currency) }, f->fee_back, e)) < 0 ||
        (r = ledger__move(tx, &t, "giveback", (struct ledger_side){ 0, LEDGER_ISSUED }, (struct ledger_side){ l.account, LEDGER_WALLET }, f->credits, e)) < 0)
        return r;
    l.refunded -= f->money;
    l.taken -= f->credits;
    if ((r = ledger__come_back(tx, &t, &l, f->credits, e)) < 0)
        return r;
    return ledger__lot_save(tx, &t, &l, e);
}

int ledger_order_fee(struct db_tx *tx, const struct ledger_order_fee *f, struct err *e) {
    struct ledger_lot l;
    struct ledger_tx t;
    int64_t amount = f->minor < 0 ? -f->minor : f->minor;
    int r = lot_of(tx, f->order, &l, e);
    if (r <= 0 || l.paid == 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order was paid");
    if ((r = ledger__amount_ok(amount, e)) < 0 || (r = begin_of_order(tx, "order_fee", f->id, f->order, &t, e)) < 0)
        return r;
    struct ledger_side cash = { 0, ledger__cash(l.currency) }, fee = { 0, ledger__fee(l.currency) };
    return f->minor < 0 ? ledger__move(tx, &t, "fee_back", fee, cash, amount, e) : ledger__move(tx, &t, "fee", cash, fee, amount, e);
}

DB_SQL(money_order_fee, "SELECT x.kind, x.amount FROM ledger_tx t JOIN ledger_entry x ON x.tx_id = t.id WHERE t.cause = 'order_fee' AND t.cause_id = ?");
DB_SQL(money_order_fee_n, "SELECT COUNT(*) FROM ledger_tx WHERE cause = 'order_fee'");

int ledger_order_fee_get(struct db_tx *tx, int64_t id, int64_t *ret_minor, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &money_order_fee, DB_INT(id));
    if (r == 1)
        *ret_minor = str_eqz(db_str(&rows, 0), "fee") ? db_int(&rows, 1) : -db_int(&rows, 1);
    return r;
}

int ledger_order_fee_n(struct db_tx *tx, int64_t *ret_n, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &money_order_fee_n);
    *ret_n = r == 1 ? db_int(&rows, 0) : 0;
    return r < 0 ? r : 0;
}

DB_SQL(money_sale, "SELECT cause_id FROM ledger_tx WHERE cause = 'order' AND cause_id > ? ORDER BY cause_id LIMIT 1");

int ledger_next_sale(struct db_tx *tx, int64_t after, int64_t *ret_order, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &money_sale, DB_INT(after));
    if (r == 1)
        *ret_order = db_int(&rows, 0);
    return r;
}

int ledger_sold_get(struct db_tx *tx, int64_t order, struct ledger_sold *ret, struct err *e) {
    struct ledger_lot l;
    int r = lot_of(tx, order, &l, e);
    if (r == 1)
        *ret = (struct ledger_sold){ l.account, l.paid, l.refunded, l.credits, l.available, l.held, l.spent, l.expired, l.taken, l.currency };
    return r;
}

DB_SQL(money_product, "SELECT product FROM ledger_tx WHERE cause = 'hold' AND cause_id = ?");

int ledger_cost(struct db_tx *tx, const struct ledger_cost *c, struct err *e) {
    struct ledger_tx t;
    int r = ledger__amount_ok(c->microusd, e);
    if (r < 0)
        return r;
    struct ledger_about about = { c->product, c->task };
    DB_ROWS rows = { 0 };
    if (!about.product.n && c->task) {
        if ((r = db_one(tx, &rows, e, &money_product, DB_INT(c->task))) < 0)
            return r;
        about.product = r ? db_str(&rows, 0) : STR_NULL;
    }
    if ((r = ledger__begin(tx, c->kind, c->cause_id, about, &t, e)) < 0)
        return r;
    return ledger__move(tx, &t, c->kind, (struct ledger_side){ 0, LEDGER_OWED }, (struct ledger_side){ 0, LEDGER_COST }, c->microusd, e);
}

DB_SQL(money_cost, "SELECT COALESCE(SUM(e.amount), 0) FROM ledger_tx t JOIN ledger_entry e ON e.tx_id = t.id WHERE t.cause = ? AND t.cause_id = ?");

int ledger_cost_get(struct db_tx *tx, const char *kind, int64_t cause_id, int64_t *ret_microusd, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &money_cost, DB_TEXT(kind), DB_INT(cause_id));
    if (r >= 0)
        *ret_microusd = r > 0 ? db_int(&rows, 0) : 0;
    return r < 0 ? r : 0;
}
