/* refund.c - money goes back: asked, decided, booked with the credits, and taken back when the provider fails for good. */
#include <stdio.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/planted.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"
#include "task/task.h"

#define COLUMNS "id, order_id, money_minor, credits, cause, reason, by_account, state, detail, provider_ref, attempt, asks, ask_ms, created_ms, done_ms"
#define ABNORMAL_MS (3600LL * 1000)            /* a person acts in the provider's console; we look every hour whether they did */

DB_SQL(refund_add, "INSERT INTO shop_refund (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, 1, 0, ?, ?, ?)");
DB_SQL(refund_one, "SELECT " COLUMNS " FROM shop_refund WHERE id = ?");
DB_SQL(refund_newest, "SELECT " COLUMNS " FROM shop_refund WHERE order_id = ? ORDER BY id DESC LIMIT 1");
DB_SQL(refund_state, "UPDATE shop_refund SET state = ?, detail = ?, provider_ref = ?, ask_ms = ?, done_ms = ? WHERE id = ? AND state = ?");
DB_SQL(refund_drop, "UPDATE shop_refund SET state = 'refused', detail = ?, by_account = ?, done_ms = ? WHERE id = ? AND state = 'asked'");
DB_SQL(refund_taken, "UPDATE shop_refund SET state = ?, by_account = ?, done_ms = ? WHERE order_id = ? AND state = 'asked'");
DB_SQL(refund_open_n, "SELECT COUNT(*) FROM shop_refund WHERE order_id = ? AND state IN ('pending', 'abnormal')");
DB_SQL(refund_asked_n, "SELECT COUNT(*) FROM shop_refund WHERE order_id = ? AND state = 'asked'");
DB_SQL(refund_known, "SELECT id FROM shop_refund WHERE order_id = ? AND provider_ref = ? LIMIT 1");
DB_SQL(order_refunded, "UPDATE shop_order SET refunded_minor = refunded_minor + ? WHERE id = ? AND refunded_minor = ?");

static int one(struct db_tx *tx, const struct db_sql *q, int64_t id, struct refund *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, DB_INT(id));
    if (r <= 0)
        return r;
    struct refund f = { .id = db_int(&rows, 0), .order = db_int(&rows, 1), .money = db_int(&rows, 2), .credits = db_int(&rows, 3), .by = db_int(&rows, 6),
                        .attempt = db_int(&rows, 10), .asks = db_int(&rows, 11), .ask_ms = db_int(&rows, 12), .created_ms = db_int(&rows, 13), .done_ms = db_int(&rows, 14) };
    snprintf(f.cause, sizeof(f.cause), "%.*s", STR_ARG(db_str(&rows, 4)));
    snprintf(f.reason, sizeof(f.reason), "%.*s", STR_ARG(db_str(&rows, 5)));
    snprintf(f.state, sizeof(f.state), "%.*s", STR_ARG(db_str(&rows, 7)));
    snprintf(f.detail, sizeof(f.detail), "%.*s", STR_ARG(db_str(&rows, 8)));
    snprintf(f.provider_ref, sizeof(f.provider_ref), "%.*s", STR_ARG(db_str(&rows, 9)));
    id_text(f.number, "refund", f.id);
    *ret = f;
    return 1;
}

int shop__refund_get(struct db_tx *tx, int64_t id, struct refund *ret, struct err *e) { return one(tx, &refund_one, id, ret, e); }
int shop__refund_of(struct db_tx *tx, int64_t order, struct refund *ret, struct err *e) { return one(tx, &refund_newest, order, ret, e); }

/* Of an order: how many of its refunds are in one of those states. */
static int count(struct db_tx *tx, const struct db_sql *q, int64_t order, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, q, DB_INT(order));
    return r <= 0 ? r : (int)db_int(&rows, 0);
}

static int add(struct db_tx *tx, const struct shop_refund_new *f, const char *state, struct err *e) {
    int64_t now = clock_ms();
    bool pending = str_eqz(str_z(state), "pending"), done = str_eqz(str_z(state), "done");
    return db_run(tx, NULL, e, &refund_add, DB_INT(f->id), DB_INT(f->order), DB_INT(f->money), DB_INT(f->credits), DB_TEXT(shop_cause_names[f->cause]), DB_STR(f->reason),
                  DB_INT(f->by), DB_TEXT(state), DB_STR(f->ref.n ? f->ref : STR("")), DB_INT(pending ? now : 0), DB_INT(now), DB_INT(done ? now : 0));
}

static int order_moved(struct db_tx *tx, int64_t order, int64_t money, int64_t before, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &order_refunded, DB_INT(money), DB_INT(order), DB_INT(before));
    return r < 0 ? r : changed == 1 ? 0 : err_set(e, ERR_RACE, "somebody else refunded this order");
}

int shop__refund_book(struct db_tx *tx, struct shop *s, const struct order *o, const struct shop_refund_new *f, const char *state, struct err *e) {
    int r = add(tx, f, state, e);
    if (r < 0 || (r = order_moved(tx, o->id, f->money, o->refunded, e)) < 0)
        return r;
    failpoint_hit(FP_SHOP_IN_REFUND);
    if (!planted(PLANTED_REFUND_FORGOTTEN) &&
        (r = ledger_refund(tx, &(struct ledger_refund){ .refund = f->id, .order = o->id, .money = f->money, .credits = f->credits }, e)) < 0)
        return r;
    db_on_commit(tx, shop__wake, s);
    return 0;
}

/* ---- asked for and decided ---- */
/* The order, if money of it may be given back now. */
static int refundable(struct db_tx *tx, int64_t order, int64_t account, struct order *ret, struct ledger_sold *ret_sold, struct err *e) {
    int r = shop__order_get(tx, order, account, ret, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (ret->state != SHOP_PAID || ret->refunded >= ret->price)
        return err_set(e, ERR_STATE, "there is nothing to give back: the order is %s, %lld of %lld went back", shop_state_names[ret->state], (long long)ret->refunded,
                       (long long)ret->price);
    if ((r = count(tx, &refund_open_n, order, e)) != 0)
        return r < 0 ? r : err_set(e, ERR_STATE, "a refund of this order is under way");
    r = ledger_sold_get(tx, order, ret_sold, e);
    if (r == 1 && ret_sold->held)
        return err_set(e, ERR_STATE, "%lld of its credits are put aside for a task that is being made: cancel that, or wait for it", (long long)ret_sold->held);
    return r == 0 ? err_set(e, ERR_DB, "order %s is paid and was never sold", ret->number) : r < 0 ? r : 0;
}

int shop_refund_ask(struct db_tx *tx, struct shop *s, int64_t id, int64_t order, int64_t account, struct str reason, struct err *e) {
    struct order o;
    struct ledger_sold sold;
    int r = refundable(tx, order, account, &o, &sold, e);
    if (r < 0)
        return r;
    if ((r = count(tx, &refund_asked_n, order, e)) != 0)
        return r < 0 ? r : err_set(e, ERR_STATE, "it was asked for already");
    struct shop_refund_new f = { .id = id, .order = order, .by = account, .money = o.price - o.refunded, .credits = sold.available, .cause = SHOP_CAUSE_ASKED, .reason = reason };
    int64_t made;                                /* what the plan allows may have been used with other credits */
    if ((r = task_made_count(tx, account, o.paid_ms, &made, e)) < 0)
        return r;
    bool untouched = made == 0 && sold.available == sold.credits && o.refunded == 0 && !o.trouble[0] && !o.disputed && clock_ms() - o.paid_ms <= SHOP_REGRET_MS;
    return untouched ? shop__refund_book(tx, s, &o, &f, "pending", e) : add(tx, &f, "asked", e);
}

int shop_refund_make(struct db_tx *tx, struct shop *s, const struct shop_refund_new *want, struct err *e) {
    struct order o;
    struct ledger_sold sold;
    struct shop_refund_new f = *want;
    int r = refundable(tx, f.order, 0, &o, &sold, e);
    if (r < 0)
        return r;
    f.credits = f.money || f.credits >= 0 ? f.credits : sold.available;
    f.money = f.money ? f.money : o.price - o.refunded;
    f.credits = f.credits < 0 ? 0 : f.credits;
    if (f.money < 0 || f.money > o.price - o.refunded)
        return err_set(e, ERR_BAD_INPUT, "money_minor: at most %lld is left", (long long)(o.price - o.refunded));
    if (f.credits > sold.available)
        return err_set(e, ERR_BAD_INPUT, "credits: at most %lld of this order are left", (long long)sold.available);
    r = db_run(tx, NULL, e, &refund_taken, DB_TEXT("taken"), DB_INT(f.by), DB_INT(clock_ms()), DB_INT(f.order));      /* what was asked is answered by this one */
    return r < 0 ? r : shop__refund_book(tx, s, &o, &f, "pending", e);
}

int shop_refund_refuse(struct db_tx *tx, int64_t refund, int64_t by, struct str why, struct err *e) {
    int64_t changed;
    int r = db_run(tx, &changed, e, &refund_drop, DB_STR(why), DB_INT(by), DB_INT(clock_ms()), DB_INT(refund));
    return r < 0 ? r : changed == 1 ? 0 : err_set(e, ERR_STATE, "nobody asks for this refund");
}

/* ---- what the provider says ---- */
static int put(struct db_tx *tx, struct refund *f, const char *state, struct str why, int64_t ask_ms, struct err *e) {
    int64_t changed, over = str_eqz(str_z(state), "pending") || str_eqz(str_z(state), "abnormal") ? 0 : clock_ms();
    int r = db_run(tx, &changed, e, &refund_state, DB_TEXT(state), DB_STR(why.n ? why : STR("")), DB_TEXT(f->provider_ref), DB_INT(ask_ms), DB_INT(over), DB_INT(f->id),
                   DB_TEXT(f->state));
    return r < 0 ? r : changed == 1 ? 0 : err_set(e, ERR_RACE, "refund %s is not %s any more", f->number, f->state);
}

/* A refund that may still change. */
static int open_one(struct db_tx *tx, int64_t refund, struct refund *ret, struct err *e) {
    int r = shop__refund_get(tx, refund, ret, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such refund");
    return str_eqz(str_z(ret->state), "pending") || str_eqz(str_z(ret->state), "abnormal");
}

/* Words of a provider: long ones are cut, between two characters. */
static struct str cut(struct str s, size_t n) {
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return (struct str){ s.p, n };
}

int shop__refund_undo(struct db_tx *tx, int64_t refund, const char *state, struct str why, struct err *e) {
    struct refund f;
    struct order o;
    int r = open_one(tx, refund, &f, e);         /* a done one too: a bank may send the money back days later */
    if (r < 0 || (r == 0 && !str_eqz(str_z(f.state), "done")))
        return r;
    if ((r = shop__order_get(tx, f.order, 0, &o, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "refund %s is of no order", f.number);
    if ((r = put(tx, &f, state, cut(why, 400), 0, e)) < 0 || (r = order_moved(tx, o.id, -f.money, o.refunded, e)) < 0)
        return r;
    if ((r = ledger_unrefund(tx, &(struct ledger_refund){ .refund = f.id, .order = o.id, .money = f.money, .credits = f.credits }, e)) < 0)
        return r;
    if ((r = shop__trouble_over(tx, &o, "refund_abnormal", str_z(f.number), e)) < 0)
        return r;
    return shop__trouble_about(tx, &o, "refund_failed", str_z(f.number), e);
}

/* It went back after all: what had hindered it, or an earlier one, is nobody's to look at any more. */
static int went_back(struct db_tx *tx, const struct refund *f, struct err *e) {
    struct order o;
    int r = shop__order_get(tx, f->order, 0, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "refund %s is of no order", f->number);
    r = shop__trouble_over(tx, &o, "refund_abnormal", str_z(f->number), e);
    return r < 0 ? r : shop__trouble_over(tx, &o, "refund_failed", STR(""), e);
}

int shop__refund_settle(struct db_tx *tx, struct shop *s, int64_t refund, const struct pay_refund_truth *t, struct err *e) {
    struct refund f;
    struct order o;
    bool failed = t->state == PAY_REFUND_FAILED || t->state == PAY_REFUND_CLOSED;
    int r = open_one(tx, refund, &f, e);
    if (r < 0)
        return r;
    if (r == 0 && failed)
        return shop__refund_undo(tx, refund, pay_refund_state_names[t->state], STR("the money came back from the bank"), e);
    if (r == 0 && t->state == PAY_REFUND_DONE && !str_eqz(str_z(f.state), "done"))      /* its owner has both now */
        return (r = shop__order_get(tx, f.order, 0, &o, e)) <= 0 ? r : shop__trouble_about(tx, &o, "refund_late", str_z(f.number), e);
    if (r == 0)
        return 0;
    if (t->provider_id.n && t->provider_id.n < SHOP__REF)
        snprintf(f.provider_ref, sizeof(f.provider_ref), "%.*s", STR_ARG(t->provider_id));
    switch (t->state) {
    case PAY_REFUND_DONE:
        log_event(LOG_INFO, "shop.refunded", F_STR("refund", f.number), F_INT("minor", f.money));
        return (r = put(tx, &f, "done", STR(""), 0, e)) < 0 ? r : went_back(tx, &f, e);
    case PAY_REFUND_FAILED:
    case PAY_REFUND_CLOSED:
        return shop__refund_undo(tx, refund, pay_refund_state_names[t->state], STR("the provider could not give it back"), e);
    case PAY_REFUND_ABNORMAL:
        if ((r = shop__order_get(tx, f.order, 0, &o, e)) <= 0 || (r = put(tx, &f, "abnormal", STR("act in the provider's console"), clock_ms() + ABNORMAL_MS, e)) < 0)
            return r;
        return shop__trouble_about(tx, &o, "refund_abnormal", str_z(f.number), e);
    default:
        return f.provider_ref[0] ? put(tx, &f, f.state, STR(""), f.ask_ms, e) : 0;
    }
}

int shop__refund_foreign(struct db_tx *tx, struct shop *s, int64_t order, const struct pay_refund_truth *t, struct err *e) {
    struct order o;
    int64_t hand;
    int r = shop__order_get(tx, order, 0, &o, e);
    if (r <= 0 || o.state != SHOP_PAID || o.member || !t->provider_id.n || t->provider_id.n >= SHOP__REF)
        return r < 0 ? r : 0;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &refund_known, DB_INT(order), DB_STR(t->provider_id))) != 0)
            return r < 0 ? r : 0;
    }
    if ((r = shop__by_hand(tx, order, &hand, e)) < 0)
        return r;
    int64_t left = o.price - o.refunded, money = t->amount.minor < left ? t->amount.minor : left;
    bool odd = hand > 0 || strcmp(t->amount.currency, ledger_currency_name(o.currency)) != 0;      /* may be what was booked by hand; or is no money of this order */
    if (odd || t->amount.minor > left) {
        if ((r = shop__trouble_about(tx, &o, "refund_unknown", t->provider_id, e)) < 0 || odd)
            return r;
    } else if ((r = shop__trouble_over(tx, &o, "refund_unknown", STR(""), e)) < 0) {
        return r;
    }
    return money > 0 ? shop__gone_back(tx, s, &o, money, /* by= */ 0, STR(""), t->provider_id, e) : 0;
}
