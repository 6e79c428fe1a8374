/* settle.c - what a provider says of an order becomes ours. Pure SQL: the truth was read before, and may be told again or late. */
#include <stdio.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"

#define LATE_MS (3600LL * 1000)                /* closed orders are asked about once more after an hour */

DB_SQL(settle_paid, "UPDATE shop_order SET paid_ms = ?, ends_ms = ?, fee_minor = ? WHERE id = ? AND paid_ms = 0");
DB_SQL(settle_by_hand, "SELECT COALESCE(SUM(money_minor), 0) FROM shop_refund WHERE order_id = ? AND cause = 'provider' AND by_account <> 0");
DB_SQL(settle_refs, "UPDATE shop_order SET provider_ref = ?, transaction_ref = ?, customer = ?, disputed = ? WHERE id = ?");

/* The provider's names for it, as soon and as far as they are told: an earlier one is kept when a later answer is silent. */
static int note_refs(struct db_tx *tx, struct order *o, const struct pay_truth *t, struct err *e) {
    const struct { struct str told; char *kept; } refs[] = { { t->provider_id, o->provider_ref }, { t->transaction_id, o->transaction_ref }, { t->customer, o->customer } };
    bool disputed = t->state == PAY_PAID ? t->disputed : o->disputed, changed = disputed != o->disputed;
    for (size_t i = 0; i < COUNT(refs); i++)
        if (refs[i].told.n && refs[i].told.n < SHOP__REF && !str_eqz(refs[i].told, refs[i].kept)) {
            snprintf(refs[i].kept, SHOP__REF, "%.*s", STR_ARG(refs[i].told));
            changed = true;
        }
    o->disputed = disputed;
    if (!changed)
        return 0;
    return db_run(tx, NULL, e, &settle_refs, DB_TEXT(o->provider_ref), DB_TEXT(o->transaction_ref), DB_TEXT(o->customer), DB_INT(o->disputed), DB_INT(o->id));
}

int64_t shop__fee(const struct shop *s, const char *provider, int64_t price, const struct pay_truth *t) {
    int64_t fee = t->fee_minor < 0 ? pay_fee(s->pay, provider, price) : t->fee_minor;
    return fee < price ? fee : price;
}

/* A membership's month is as long as its provider says. */
static int64_t end_of(const struct order *o, const struct pay_truth *t, int64_t now_ms) {
    bool told = str_eqz(str_z(o->kind), "member") && t->member.period_end_ms > now_ms;
    return told ? t->member.period_end_ms : now_ms + o->valid_ms;
}

static int book(struct db_tx *tx, struct shop *s, struct order *o, const struct pay_truth *t, struct err *e) {
    struct err why = { 0 };
    struct pay_money price = shop__price(o);
    if (pay_truth_check(t, str_z(o->number), &price, &why) < 0) {
        char sum[48];
        if (t->paid.minor > 0 && t->refunded_minor >= t->paid.minor)
            return shop__trouble_closed(tx, o, e);
        log_event(LOG_ERROR, "shop.wrong_payment", F_STR("order", o->number), F_STR("why", why.text));
        snprintf(sum, sizeof(sum), "%lld %s", (long long)t->paid.minor, t->paid.currency);
        return shop__trouble_about(tx, o, "amount", t->transaction_id.n ? t->transaction_id : str_z(sum), e);
    }
    int64_t now = clock_ms();
    o->fee = shop__fee(s, o->provider, o->price, t);
    o->ends_ms = end_of(o, t, now);
    int r = shop__order_book(tx, o, t->paid_ms > 0 && t->paid_ms <= now ? t->paid_ms : now, e);
    return r < 0 || !str_eqz(str_z(o->kind), "member") || !t->member.id.n ? r : shop__member_begin(tx, s, o, t, e);
}

/* Paid by an answer that did not name the membership yet. */
static int begin_late(struct db_tx *tx, struct shop *s, const struct order *o, const struct pay_truth *t, struct err *e) {
    struct pay_money price = shop__price(o);
    bool told = t->state == PAY_PAID && t->member.id.n > 0 && pay_truth_check(t, str_z(o->number), &price, NULL) >= 0;
    return told ? shop__member_begin(tx, s, o, t, e) : 0;
}

int shop__order_book(struct db_tx *tx, struct order *o, int64_t paid_ms, struct err *e) {
    int64_t changed;
    o->ends_ms = o->ends_ms ? o->ends_ms : clock_ms() + o->valid_ms;
    struct ledger_sale sale = { .order = o->id, .account = o->account, .currency = o->currency, .paid = o->price, .fee = o->fee, .credits = o->credits,
                                .expires_ms = o->ends_ms, .product = str_z(o->product) };
    int r = db_run(tx, &changed, e, &settle_paid, DB_INT(paid_ms), DB_INT(o->ends_ms), DB_INT(o->fee), DB_INT(o->id));
    if (r >= 0 && changed != 1)
        r = err_set(e, ERR_RACE, "order %s was paid already", o->number);
    if (r < 0 || (r = ledger_sell(tx, &sale, e)) < 0)
        return r;
    failpoint_hit(FP_SHOP_IN_BOOKING);
    if ((r = shop__trouble_over(tx, o, "amount", STR(""), e)) < 0)
        return r;
    o->paid_ms = paid_ms;
    return shop__order_move(tx, o, SHOP_PAID, shop__next_look(o, clock_ms()), e);
}

int shop__gone_back(struct db_tx *tx, struct shop *s, struct order *o, int64_t money, int64_t by, struct str why, struct str ref, struct err *e) {
    struct ledger_sold sold;
    int r = ledger_sold_get(tx, o->id, &sold, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "order %s is paid and was never sold", o->number);
    int64_t all = o->credits * (o->refunded + money) / o->price, credits = all - o->credits * o->refunded / o->price;      /* in proportion, of many parts, too; what was spent already is lost */
    struct shop_refund_new f = { .id = id_new(), .order = o->id, .by = by, .money = money, .credits = credits < sold.available ? credits : sold.available,
                                 .cause = SHOP_CAUSE_PROVIDER, .reason = why, .ref = ref };
    if ((r = shop__refund_book(tx, s, o, &f, "done", e)) >= 0)
        o->refunded += money;
    return r;
}

int shop__by_hand(struct db_tx *tx, int64_t order, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &settle_by_hand, DB_INT(order));
    *ret = r == 1 ? db_int(&rows, 0) : 0;
    return r < 0 ? r : 0;
}

/* More is gone than we know of: somebody gave it back in the provider's console, or a bank took it. At most what was paid is booked; beyond, the owner has it
 * twice. */
static int given_back(struct db_tx *tx, struct shop *s, struct order *o, const struct pay_truth *t, struct err *e) {
    bool unknown = t->refunded_minor < 0;
    int64_t told = (unknown ? 0 : t->refunded_minor) + t->lost_minor, hand = 0;
    int r = told > 0 ? shop__by_hand(tx, o->id, &hand, e) : 0;
    if (r < 0)
        return r;
    int64_t gone = told + hand, more = (gone < o->price ? gone : o->price) - o->refunded;
    r = more > 0 ? shop__gone_back(tx, s, o, more, /* by= */ 0, STR(""), /* ref= */ STR(""), e) : 0;
    if (r >= 0 && unknown && o->refunded == 0)
        r = shop__trouble(tx, o, "refund_unknown", e);
    else if (r >= 0 && !unknown && told > 0 && (r = shop__trouble_over(tx, o, "refund_unknown", STR(""), e)) >= 0)
        r = shop__trouble_over(tx, o, "refund_late", STR(""), e);        /* it is in this sum */
    return r < 0 || !t->lost_minor || gone <= o->price ? r : shop__trouble(tx, o, "lost_twice", e);
}

/* What its disputes cost is told of an order that was ever disputed, with each answer. */
static int dispute_fee(struct db_tx *tx, const struct order *o, const struct pay_truth *t, struct err *e) {
    return t->dispute_fee_told ? shop__fee_told(tx, o, t->dispute_fee_minor, e) : 0;
}

/* As long as a bank has not decided somebody must answer it; what it took is booked. before: whether it was disputed until now. */
static int disputes(struct db_tx *tx, struct order *o, bool before, struct err *e) {
    int r = o->disputed && !before ? shop__trouble_past(tx, o, "dispute", e) : 0;
    if (r < 0)
        return r;
    return o->disputed ? shop__trouble(tx, o, "dispute", e) : shop__trouble_over(tx, o, "dispute", STR(""), e);
}

int shop__settle(struct db_tx *tx, struct shop *s, int64_t order, const struct pay_truth *t, struct err *e) {
    struct order o;
    int r = shop__order_get(tx, order, 0, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (o.member)                                /* there is more than one payment by that number */
        return shop__member_settle(tx, s, o.member, t, e);
    if (t->state == PAY_PAID && o.state == SHOP_PAID && t->transaction_id.n && o.transaction_ref[0] && !str_eqz(t->transaction_id, o.transaction_ref))
        return shop__surplus_told(tx, s, &o, t, e);
    bool was_disputed = o.disputed;
    if ((r = note_refs(tx, &o, t, e)) < 0)
        return r;
    bool first = t->state == PAY_PAID && o.state != SHOP_PAID;
    if (first && (r = book(tx, s, &o, t, e)) < 0)
        return r;
    if (str_eqz(str_z(o.kind), "member") && o.state == SHOP_PAID)            /* what of it went back is not told */
        return first ? 0 : begin_late(tx, s, &o, t, e);
    bool paid = t->state == PAY_PAID && o.state == SHOP_PAID;
    if (paid && ((r = given_back(tx, s, &o, t, e)) < 0 || (r = dispute_fee(tx, &o, t, e)) < 0 || (r = disputes(tx, &o, was_disputed, e)) < 0))
        return r;
    if (o.state != SHOP_OPEN || (t->state != PAY_CLOSED && t->state != PAY_FAILED))
        return 0;
    r = shop__order_move(tx, &o, t->state == PAY_FAILED ? SHOP_FAILED : SHOP_CLOSED, clock_ms() + LATE_MS, e);
    return r < 0 ? r : shop__code_release(tx, o.id, e);
}
