/* verify.c - orders, refunds and the books say the same. Reads only. */
#include <stdarg.h>
#include <stdio.h>

#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/code.h"
#include "shop/internal.h"

struct check { void (*tell)(void *ctx, const char *what); void *ctx; int told; };

static void __attribute__((format(printf, 2, 3))) tell(struct check *c, const char *fmt, ...) {
    char line[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    c->tell(c->ctx, line);
    c->told++;
}

DB_SQL(verify_orders, "SELECT id, state, price_minor, refunded_minor, credits, account_id, (SELECT COALESCE(SUM(f.money_minor), 0) FROM shop_refund f "
                      "WHERE f.order_id = shop_order.id AND f.state IN ('pending', 'done', 'abnormal')) FROM shop_order WHERE id > ? AND (state = 'paid' OR refunded_minor > 0) "
                      "ORDER BY id LIMIT 1");

/* One order against its sale. */
static int one(struct db_tx *tx, const struct db_rows *rows, struct check *c, struct err *e) {
    char id[ID_TEXT_MAX];
    id_text(id, "order", db_int(rows, 0));
    int64_t price = db_int(rows, 2), refunded = db_int(rows, 3);
    struct ledger_sold sold;
    int r = ledger_sold_get(tx, db_int(rows, 0), &sold, e);
    if (r < 0)
        return r;
    if (r == 0 || !str_eqz(db_str(rows, 1), "paid")) {
        tell(c, "%s is %.*s, and %s sold in the books", id, STR_ARG(db_str(rows, 1)), r ? "was" : "was never");
        return 0;
    }
    if (sold.paid != price || sold.credits != db_int(rows, 4))
        tell(c, "%s cost %lld for %lld credits, the books say %lld for %lld", id, (long long)price, (long long)db_int(rows, 4), (long long)sold.paid, (long long)sold.credits);
    if (sold.refunded != refunded || db_int(rows, 6) != refunded)
        tell(c, "%s says that %lld went back, the books %lld, its refunds %lld", id, (long long)refunded, (long long)sold.refunded, (long long)db_int(rows, 6));
    if (sold.account != db_int(rows, 5))
        tell(c, "%s and what it bought belong to two accounts", id);
    return 0;
}

static int none_is_sold_without_order(struct db_tx *tx, struct check *c, struct err *e) {
    int64_t sale = 0;
    int r;
    while ((r = ledger_next_sale(tx, sale, &sale, e)) == 1) {
        struct order o;
        char id[ID_TEXT_MAX];
        int has = shop__order_get(tx, sale, 0, &o, e);
        id_text(id, "order", sale);
        if (has < 0)
            return has;
        if (has == 0 || o.state != SHOP_PAID)
            tell(c, "%s was sold in the books and is %s", id, has ? shop_state_names[o.state] : "not there");
    }
    return r;
}

int shop_verify(struct db_tx *tx, void (*tell_fn)(void *ctx, const char *what), void *ctx, struct err *e) {
    struct check c = { .tell = tell_fn, .ctx = ctx };
    int64_t last = 0;
    int r;
    for (;;) {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &verify_orders, DB_INT(last))) <= 0)
            break;
        last = db_int(&rows, 0);
        if ((r = one(tx, &rows, &c, e)) < 0)
            break;
    }
    if (r >= 0)
        r = none_is_sold_without_order(tx, &c, e);
    int codes = r < 0 ? r : shop_code_verify(tx, tell_fn, ctx, e);
    return codes < 0 ? codes : c.told + codes;
}
