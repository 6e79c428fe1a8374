/*
 * surplus.c - what came beside the payment of an order: a second one. It was never booked, so it is in no books when it goes back; what it cost the
 * provider keeps. Where a refund cannot be told which payment it is of, or does not work, the trouble that stands since then is a person's.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"
#include "shop/internal.h"

#define HOUR_MS (3600LL * 1000)                /* a person acts in the provider's console; we look whether they did */

#define COLUMNS "id, order_id, transaction_ref, minor, currency, state, provider_ref, attempt, asks, ask_ms"
DB_SQL(surplus_add, "INSERT INTO shop_surplus (" COLUMNS ", detail, created_ms, done_ms) VALUES (?, ?, ?, ?, ?, 'pending', '', 1, 0, ?, '', ?, 0)");
DB_SQL(surplus_one, "SELECT " COLUMNS " FROM shop_surplus WHERE id = ?");
DB_SQL(surplus_of, "SELECT " COLUMNS " FROM shop_surplus WHERE order_id = ? AND transaction_ref = ?");
DB_SQL(surplus_ask, "UPDATE shop_surplus SET ask_ms = ?, asks = asks + 1 WHERE id = ? AND ask_ms = ?");
DB_SQL(surplus_due_now, "UPDATE shop_surplus SET ask_ms = ? WHERE id = ? AND ask_ms > ?");
DB_SQL(surplus_attempt, "UPDATE shop_surplus SET attempt = attempt + 1 WHERE id = ? AND attempt < ?");
DB_SQL(surplus_put, "UPDATE shop_surplus SET state = ?, detail = ?, provider_ref = ?, ask_ms = ?, done_ms = ? WHERE id = ? AND state IN ('pending', 'abnormal')");
DB_SQL(surplus_due, "SELECT x.id FROM shop_surplus x CROSS JOIN shop_order o WHERE o.id = x.order_id AND o.provider = ? AND x.ask_ms > 0 AND x.ask_ms <= ? ORDER BY x.ask_ms LIMIT 1");
const struct db_sql *const shop__surplus_due = &surplus_due;

static void take(char *out, size_t cap, struct str s) { snprintf(out, cap, "%.*s", STR_ARG(s)); }

static int read_row(const struct db_rows *rows, struct surplus *ret) {
    *ret = (struct surplus){ .id = db_int(rows, 0), .order = db_int(rows, 1), .money.minor = db_int(rows, 3), .attempt = db_int(rows, 7), .asks = db_int(rows, 8), .ask_ms = db_int(rows, 9) };
    take(ret->transaction_ref, sizeof(ret->transaction_ref), db_str(rows, 2));
    take(ret->money.currency, sizeof(ret->money.currency), db_str(rows, 4));
    take(ret->state, sizeof(ret->state), db_str(rows, 5));
    take(ret->provider_ref, sizeof(ret->provider_ref), db_str(rows, 6));
    id_text(ret->number, "refund", ret->id);
    return 1;
}

int shop__surplus_get(struct db_tx *tx, int64_t id, struct surplus *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &surplus_one, DB_INT(id));
    return r <= 0 ? r : read_row(&rows, ret);
}

static int find(struct db_tx *tx, int64_t order, struct str transaction, struct surplus *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &surplus_of, DB_INT(order), DB_STR(transaction));
    return r <= 0 ? r : read_row(&rows, ret);
}

/* Of that very payment, and not of whatever else was paid by the order's number. */
static bool can_give_back(const struct shop *s, const struct order *o, const struct pay_truth *t) {
    struct pay_provider_info info;
    for (size_t i = 0; pay_provider(s->pay, i, &info); i++)
        if (str_eqz(str_z(o->provider), info.name))
            return (info.can & PAY_CAN_REFUND_ONE) && t->transaction_id.n < SHOP__REF && t->paid.minor > 0 && t->paid.currency[0] && !t->disputed && t->refunded_minor == 0;
    return false;
}

static int put(struct db_tx *tx, const struct surplus *x, struct order *o, const char *state, struct str why, struct str ref, int64_t ask_ms, struct err *e) {
    bool over = !str_eqz(str_z(state), "pending") && !str_eqz(str_z(state), "abnormal");
    int64_t changed;
    int r = db_run(tx, &changed, e, &surplus_put, DB_TEXT(state), DB_STR(why), DB_STR(ref), DB_INT(ask_ms), DB_INT(over ? clock_ms() : 0), DB_INT(x->id));
    if (r < 0 || changed == 0 || !over)
        return r;
    log_event(LOG_INFO, "shop.surplus", F_STR("order", o->number), F_STR("refund", x->number), F_STR("state", state), F_INT("minor", x->money.minor), F_STR("currency", x->money.currency));
    return str_eqz(str_z(state), "done") ? shop__trouble_over(tx, o, "paid_twice", str_z(x->transaction_ref), e) : 0;
}

int shop__surplus_told(struct db_tx *tx, struct shop *s, struct order *o, const struct pay_truth *t, struct err *e) {
    struct surplus x;
    int64_t now = clock_ms();
    int r = find(tx, o->id, t->transaction_id, &x, e), open;
    if (r < 0)
        return r;
    if (t->paid.minor > 0 && t->refunded_minor >= t->paid.minor)         /* by whatever hand */
        return r ? put(tx, &x, o, "done", STR(""), str_z(x.provider_ref), 0, e) : shop__trouble_over(tx, o, "paid_twice", t->transaction_id, e);
    if (r || (r = shop__trouble_about(tx, o, "paid_twice", t->transaction_id, e)) < 0 || !can_give_back(s, o, t))
        return r < 0 ? r : 0;
    if ((open = shop__trouble_open(tx, o->id, "paid_twice", t->transaction_id, e)) <= 0)       /* a person has settled it */
        return open;
    r = db_run(tx, NULL, e, &surplus_add, DB_INT(id_new()), DB_INT(o->id), DB_STR(t->transaction_id), DB_INT(t->paid.minor), DB_TEXT(t->paid.currency), DB_INT(now), DB_INT(now));
    if (r >= 0)
        db_on_commit(tx, shop__wake, s);
    return r;
}

int shop__surplus_settle(struct db_tx *tx, int64_t id, const struct pay_refund_truth *t, struct str why, struct err *e) {
    struct surplus x;
    struct order o;
    int r = shop__surplus_get(tx, id, &x, e);
    if (r > 0)
        r = shop__order_get(tx, x.order, 0, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "a second payment of no order");
    struct str ref = t->provider_id.n && t->provider_id.n < SHOP__REF ? t->provider_id : str_z(x.provider_ref);
    switch (t->state) {
    case PAY_REFUND_DONE:
        return put(tx, &x, &o, "done", STR(""), ref, 0, e);
    case PAY_REFUND_FAILED:
    case PAY_REFUND_CLOSED:
        return put(tx, &x, &o, "failed", why, ref, 0, e);
    case PAY_REFUND_ABNORMAL:
        return put(tx, &x, &o, "abnormal", why, ref, clock_ms() + HOUR_MS, e);
    default:
        return put(tx, &x, &o, x.state, STR(""), ref, x.ask_ms, e);
    }
}

int shop__surplus_ask_begin(struct db_tx *tx, int64_t id, int64_t now_ms, struct surplus *ret, struct err *e) {
    int64_t ms = 10 * 1000, changed;
    int r = shop__surplus_get(tx, id, ret, e);
    if (r <= 0 || ret->ask_ms == 0 || ret->ask_ms > now_ms)
        return r < 0 ? r : 0;
    for (int64_t i = 0; i < ret->asks && ms < HOUR_MS; i++)
        ms *= 2;
    r = db_run(tx, &changed, e, &surplus_ask, DB_INT(now_ms + (ms < HOUR_MS ? ms : HOUR_MS)), DB_INT(id), DB_INT(ret->ask_ms));
    return r < 0 ? r : changed == 1;
}

int shop__surplus_attempt(struct db_tx *tx, int64_t id, int64_t most, struct err *e) { return db_run(tx, NULL, e, &surplus_attempt, DB_INT(id), DB_INT(most)); }

int shop__surplus_wake(struct db_tx *tx, struct shop *s, int64_t id, struct err *e) {
    int64_t now = clock_ms();
    int r = db_run(tx, NULL, e, &surplus_due_now, DB_INT(now), DB_INT(id), DB_INT(now));
    if (r >= 0)
        db_on_commit(tx, shop__wake, s);
    return r;
}
