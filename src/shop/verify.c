/* verify.c - orders, refunds and the books say the same. Reads only. */
#include "base/tell.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/code.h"
#include "shop/internal.h"

DB_SQL(verify_orders, "SELECT id, state, price_minor, refunded_minor, credits, account_id, (SELECT COALESCE(SUM(f.money_minor), 0) FROM shop_refund f "
                      "WHERE f.order_id = shop_order.id AND f.state IN ('pending', 'done', 'abnormal')) FROM shop_order WHERE id > ? AND (state = 'paid' OR refunded_minor > 0) "
                      "ORDER BY id LIMIT 1");

/* One order against its sale. */
static int one(struct db_tx *tx, const struct db_rows *rows, struct tell *t, struct err *e) {
    char id[ID_TEXT_MAX];
    id_text(id, "order", db_int(rows, 0));
    int64_t price = db_int(rows, 2), refunded = db_int(rows, 3);
    struct ledger_sold sold;
    int r = ledger_sold_get(tx, db_int(rows, 0), &sold, e);
    if (r < 0)
        return r;
    if (r == 0 || !str_eqz(db_str(rows, 1), "paid")) {
        tell(t, "%s is %.*s, and %s sold in the books", id, STR_ARG(db_str(rows, 1)), r ? "was" : "was never");
        return 0;
    }
    if (sold.paid != price || sold.credits != db_int(rows, 4))
        tell(t, "%s cost %lld for %lld credits, the books say %lld for %lld", id, (long long)price, (long long)db_int(rows, 4), (long long)sold.paid, (long long)sold.credits);
    if (sold.refunded != refunded || db_int(rows, 6) != refunded)
        tell(t, "%s says that %lld went back, the books %lld, its refunds %lld", id, (long long)refunded, (long long)sold.refunded, (long long)db_int(rows, 6));
    if (sold.account != db_int(rows, 5))
        tell(t, "%s and what it bought belong to two accounts", id);
    return 0;
}

static int none_is_sold_without_order(struct db_tx *tx, struct tell *t, struct err *e) {
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
            tell(t, "%s was sold in the books and is %s", id, has ? shop_state_names[o.state] : "not there");
    }
    return r;
}

DB_SQL(verify_members, "SELECT m.id, m.account_id, m.period_end_ms, o.account_id, o.kind, o.state, (SELECT COALESCE(MAX(p.end_ms), 0) FROM shop_period p WHERE p.member_id = m.id "
                       "AND p.whole = 1), (SELECT COUNT(*) FROM shop_period p WHERE p.order_id = m.id AND p.member_id = m.id) FROM shop_member m "
                       "LEFT JOIN shop_order o ON o.id = m.id ORDER BY m.id");
DB_SQL(verify_periods, "SELECT p.order_id, o.state, o.kind, o.account_id, m.account_id FROM shop_period p LEFT JOIN shop_order o ON o.id = p.order_id "
                       "LEFT JOIN shop_member m ON m.id = p.member_id WHERE o.id IS NULL OR m.id IS NULL OR o.kind <> 'member' OR o.account_id <> m.account_id OR "
                       "(o.state <> 'paid' AND NOT EXISTS (SELECT 1 FROM shop_trouble t WHERE t.order_id = o.id)) OR (o.state <> 'paid' AND p.whole = 1) ORDER BY p.order_id");
DB_SQL(verify_changes, "SELECT m.id, m.change_id FROM shop_member m WHERE m.change_id <> 0 AND NOT EXISTS (SELECT 1 FROM shop_change c WHERE c.id = m.change_id AND c.member_id = m.id "
                       "AND c.state = 'pending') UNION SELECT c.member_id, c.id FROM shop_change c WHERE c.state = 'pending' AND NOT EXISTS (SELECT 1 FROM shop_member m "
                       "WHERE m.id = c.member_id AND m.change_id = c.id)");

/* Each membership has its first order, and is paid for until the end of its last period. That each paid period is one sale follows: its order is paid,
 * and one() has found the sale. */
static int members(struct db_tx *tx, struct tell *t, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &verify_members);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        char id[ID_TEXT_MAX];
        id_text(id, "member", db_int(&rows, 0));
        if (db_null(&rows, 3) || !str_eqz(db_str(&rows, 4), "member") || !str_eqz(db_str(&rows, 5), "paid") || db_int(&rows, 7) != 1)
            tell(t, "%s has no first order that was paid", id);
        else if (db_int(&rows, 1) != db_int(&rows, 3))
            tell(t, "%s and its first order belong to two accounts", id);
        if (db_int(&rows, 2) != db_int(&rows, 6))
            tell(t, "%s is paid until %lld, its periods end with %lld", id, (long long)db_int(&rows, 2), (long long)db_int(&rows, 6));
    }
    return r;
}

static int periods(struct db_tx *tx, struct tell *t, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &verify_periods);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        char id[ID_TEXT_MAX];
        id_text(id, "order", db_int(&rows, 0));
        tell(t, "%s is a period of a membership and is not paid, or not its owner's", id);
    }
    return r;
}

static int changes(struct db_tx *tx, struct tell *t, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &verify_changes);
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        char id[ID_TEXT_MAX], change[ID_TEXT_MAX];
        id_text(id, "member", db_int(&rows, 0));
        id_text(change, "change", db_int(&rows, 1));
        tell(t, "%s and %s do not agree whether it is under way", id, change);
    }
    return r;
}

int shop_verify(struct db_tx *tx, void (*tell_fn)(void *ctx, const char *what), void *ctx, struct err *e) {
    struct tell t = { .fn = tell_fn, .ctx = ctx };
    int64_t last = 0;
    int r;
    for (;;) {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &verify_orders, DB_INT(last))) <= 0)
            break;
        last = db_int(&rows, 0);
        if ((r = one(tx, &rows, &t, e)) < 0)
            break;
    }
    if (r >= 0)
        r = none_is_sold_without_order(tx, &t, e);
    if (r >= 0 && (r = members(tx, &t, e)) >= 0 && (r = periods(tx, &t, e)) >= 0)
        r = changes(tx, &t, e);
    if (r >= 0)
        r = shop__fee_verify(tx, &t, e);
    int codes = r < 0 ? r : shop_code_verify(tx, tell_fn, ctx, e);
    return codes < 0 ? codes : t.n + codes;
}
