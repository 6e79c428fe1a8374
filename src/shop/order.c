/* order.c - the rows of orders: made, moved along their edges, shown. */
#include "shop/order.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/db.h"
#include "shop/code.h"
#include "shop/internal.h"
#include "shop/invoice.h"

#define OPEN_MAX   20                          /* orders that one account may leave open */
#define DAY_MS     (24LL * 3600 * 1000)
#define FORGET_MS  (30 * DAY_MS)               /* orders that no provider ever heard of */
#define LOOK_FOR_MS (180 * DAY_MS)             /* what was paid is looked at so long: nobody's card gives money back later */

#define COLUMNS "id, account_id, product, plan, kind, title, provider, scene, currency, list_minor, off_minor, price_minor, credits, valid_ms, state, trouble, attempt, " \
                "started_ms, provider_ref, transaction_ref, customer, fee_minor, refunded_minor, disputed, asks, asked_ms, ask_ms, created_ms, until_ms, paid_ms, ends_ms"

DB_SQL(order_add, "INSERT INTO shop_order (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, '', 1, 0, '', '', ?, 0, 0, 0, 0, 0, ?, ?, ?, 0, 0)");
DB_SQL(order_one, "SELECT " COLUMNS " FROM shop_order WHERE id = ?");
DB_SQL(order_member, "SELECT member_id FROM shop_period WHERE order_id = ?");
DB_SQL(order_open_n, "SELECT COUNT(*) FROM shop_order WHERE account_id = ? AND state = 'open' AND ends_ms = 0");
DB_SQL(order_made_n, "SELECT COUNT(*) FROM shop_order WHERE account_id = ? AND created_ms > ?");
DB_SQL(order_customer, "SELECT customer FROM shop_order WHERE account_id = ? AND provider = ? AND customer <> '' ORDER BY id DESC LIMIT 1");
DB_SQL(order_edge, "UPDATE shop_order SET state = ?, ask_ms = ?, asks = 0 WHERE id = ? AND state = ?");
DB_SQL(order_ask, "UPDATE shop_order SET asked_ms = ?, ask_ms = ?, asks = asks + ? WHERE id = ? AND asked_ms <= ?");
DB_SQL(order_page_of, "SELECT id FROM shop_order WHERE account_id = ? AND id < ? AND (? = '' OR state = ?) AND (? = 0 OR trouble <> '') ORDER BY id DESC LIMIT ?");
DB_SQL(order_page, "SELECT id FROM shop_order WHERE id < ? AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?");
DB_SQL(order_page_troubled, "SELECT DISTINCT t.order_id FROM shop_trouble t CROSS JOIN shop_order o WHERE o.id = t.order_id AND t.over_ms = 0 AND t.order_id < ? "
                            "AND (? = '' OR o.state = ?) ORDER BY t.order_id DESC LIMIT ?");
DB_SQL(order_give, "UPDATE shop_order SET account_id = ? WHERE account_id = ?");
DB_SQL(order_forget, "DELETE FROM shop_order WHERE state = 'closed' AND started_ms = 0 AND ask_ms = 0 AND created_ms < ? "
                     "AND NOT EXISTS (SELECT 1 FROM shop_trouble t WHERE t.order_id = shop_order.id)");
DB_SQL(order_counts, "SELECT (SELECT COUNT(*) FROM shop_order WHERE state = 'open'), (SELECT COUNT(DISTINCT order_id) FROM shop_trouble WHERE over_ms = 0)");
DB_SQL(refund_counts, "SELECT state, COUNT(*) FROM shop_refund WHERE state IN ('asked', 'pending', 'abnormal') GROUP BY state");

const char *const shop_state_names[] = {
#define X(id, text) text,
    SHOP_STATES(X)
#undef X
    NULL,
};
const char *const shop_cause_names[] = {
#define X(id, text) text,
    SHOP_CAUSES(X)
#undef X
    NULL,
};

/* Every edge there is. Money that comes late is taken: who paid gets what they paid for. */
static const bool edges[SHOP_STATE_COUNT][SHOP_STATE_COUNT] = {
    [SHOP_OPEN] = { [SHOP_PAID] = true, [SHOP_CLOSED] = true, [SHOP_FAILED] = true },
    [SHOP_CLOSED] = { [SHOP_PAID] = true },
    [SHOP_FAILED] = { [SHOP_PAID] = true },
};

/* ---- the row ---- */
static void take(char *out, size_t cap, struct str s) { snprintf(out, cap, "%.*s", STR_ARG(s)); }
#define TAKE_TEXT(member, column) take(o.member, sizeof(o.member), db_str(&rows, column))

/* Of kind member: whose payment it is. */
static int find_member(struct db_tx *tx, struct order *o, struct err *e) {
    DB_ROWS rows = { 0 };
    memcpy(o->payment, o->number, sizeof(o->payment));
    int r = str_eqz(str_z(o->kind), "member") ? db_one(tx, &rows, e, &order_member, DB_INT(o->id)) : 0;
    if (r == 1) {
        o->member = db_int(&rows, 0);
        id_text(o->payment, "order", o->member);
    }
    return r;
}

static int get_order(struct db_tx *tx, int64_t id, int64_t account, struct order *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &order_one, DB_INT(id));
    if (r <= 0 || (account && db_int(&rows, 1) != account))
        return r < 0 ? r : 0;
    struct order o = { .id = id, .account = db_int(&rows, 1), .list = db_int(&rows, 9), .off = db_int(&rows, 10), .price = db_int(&rows, 11), .credits = db_int(&rows, 12),
                       .valid_ms = db_int(&rows, 13), .attempt = db_int(&rows, 16), .started_ms = db_int(&rows, 17), .fee = db_int(&rows, 21), .refunded = db_int(&rows, 22),
                       .disputed = db_int(&rows, 23) != 0, .asks = db_int(&rows, 24), .asked_ms = db_int(&rows, 25), .ask_ms = db_int(&rows, 26),
                       .created_ms = db_int(&rows, 27), .until_ms = db_int(&rows, 28), .paid_ms = db_int(&rows, 29), .ends_ms = db_int(&rows, 30) };
    TAKE_TEXT(product, 2);
    TAKE_TEXT(plan, 3);
    TAKE_TEXT(kind, 4);
    TAKE_TEXT(title, 5);
    TAKE_TEXT(provider, 6);
    TAKE_TEXT(scene, 7);
    TAKE_TEXT(trouble, 15);
    TAKE_TEXT(provider_ref, 18);
    TAKE_TEXT(transaction_ref, 19);
    TAKE_TEXT(customer, 20);
    id_text(o.number, "order", id);
    while (o.state < SHOP_STATE_COUNT && !str_eqz(db_str(&rows, 14), shop_state_names[o.state]))
        o.state++;
    if (o.state == SHOP_STATE_COUNT || !ledger_currency_of(db_str(&rows, 8), &o.currency))
        return err_set(e, ERR_DB, "order %s has a state or a currency that is none", o.number);
    *ret = o;
    return 1;
}

int shop__order_get(struct db_tx *tx, int64_t id, int64_t account, struct order *ret, struct err *e) {
    struct order o;
    int r = get_order(tx, id, account, &o, e);
    if (r <= 0 || (r = find_member(tx, &o, e)) < 0)
        return r;
    *ret = o;
    return 1;
}

struct pay_money shop__price(const struct order *o) {
    struct pay_money m = { .minor = o->price };
    snprintf(m.currency, sizeof(m.currency), "%s", ledger_currency_name(o->currency));
    return m;
}

struct pay_which shop__which(const struct order *o) {
    return (struct pay_which){ str_z(o->payment), str_z(o->provider_ref), str_z(o->transaction_ref) };
}

int shop__order_move(struct db_tx *tx, struct order *o, enum shop_state to, int64_t ask_ms, struct err *e) {
    if (!edges[o->state][to])
        return err_set(e, ERR_STATE, "order %s is %s", o->number, shop_state_names[o->state]);
    int64_t changed;
    int r = db_run(tx, &changed, e, &order_edge, DB_TEXT(shop_state_names[to]), DB_INT(ask_ms), DB_INT(o->id), DB_TEXT(shop_state_names[o->state]));
    if (r < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "order %s is not %s any more", o->number, shop_state_names[o->state]);
    o->state = to;
    o->ask_ms = ask_ms;
    return 0;
}

/* 15 s after it was begun, then twice as long each time, up to ten minutes; of what was closed already an hour, for it hardly ever changes. */
static int64_t pause_after(const struct order *o) {
    int64_t ms = 15 * 1000;
    for (int64_t i = 0; i < o->asks && ms < 600 * 1000; i++)
        ms *= 2;
    ms = ms < 600 * 1000 ? ms : 600 * 1000;
    return o->state == SHOP_OPEN ? ms : (1LL + 5 * o->asks) * 3600 * 1000;
}
/* What was paid may go back without us, in the provider's console or by a bank, and the notice of that be lost: it is looked at each day at first, later after
 * an eighth of its age, some 35 times in half a year; what is disputed each day. */
int64_t shop__next_look(const struct order *o, int64_t now_ms) {
    int64_t age = now_ms - o->paid_ms, pause = age / 8 > DAY_MS && !o->disputed ? age / 8 : DAY_MS;
    bool asked = o->provider[0] && o->price > 0 && !str_eqz(str_z(o->kind), "member");        /* memberships are asked about as such */
    return asked && age < (o->disputed ? 2 : 1) * LOOK_FOR_MS ? now_ms + pause : 0;
}

#define LATE_ASKS 4                            /* 1, 2, 8, 19 and 35 hours after it was closed: the notice of late money may be lost, too */

int shop__ask_begin(struct db_tx *tx, const struct order *o, bool by_person, int64_t now_ms, struct err *e) {
    bool wrong = o->trouble[0] && now_ms - o->created_ms < LOOK_FOR_MS;        /* another sum came: whether it went back */
    int64_t changed, next = o->state == SHOP_PAID ? shop__next_look(o, now_ms) : wrong ? now_ms + DAY_MS
                            : o->state == SHOP_OPEN || o->asks < LATE_ASKS ? now_ms + pause_after(o) : 0;
    int r = db_run(tx, &changed, e, &order_ask, DB_INT(now_ms), DB_INT(next), DB_INT(!by_person), DB_INT(o->id), DB_INT(now_ms - SHOP_CHECK_MS));
    return r < 0 ? r : changed == 1;
}

int shop_order_provider(struct db_tx *tx, int64_t order, int64_t account, char ret[17], bool *ret_begun, struct err *e) {
    struct order o;
    int r = shop__order_get(tx, order, account, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (ret_begun)
        *ret_begun = o.started_ms > 0;
    memcpy(ret, o.provider, sizeof(o.provider));
    return 0;
}

int shop_refund_order(struct db_tx *tx, int64_t refund, int64_t *ret_order, struct err *e) {
    struct refund f;
    int r = shop__refund_get(tx, refund, &f, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such refund");
    *ret_order = f.order;
    return 0;
}

/* ---- made ---- */
static int check_sold(const struct shop *s, const struct shop_order_new *o, struct err *e) {
    struct pay_provider_info info;
    const char *currency = ledger_currency_name(o->currency);
    if (o->plan->kind == STUDIO_PLAN_FREE || o->plan->price[o->currency] <= 0)
        return err_set(e, ERR_BAD_INPUT, "plan: %.*s is not sold in %s", STR_ARG(o->plan->name), currency);
    for (size_t i = 0; pay_provider(s->pay, i, &info); i++)
        if (str_eqz(str_z(o->provider), info.name)) {
            if (info.currencies && strcmp(info.currencies, currency) != 0)
                return err_set(e, ERR_BAD_INPUT, "provider: %s takes %s only", info.name, info.currencies);
            if (o->plan->kind == STUDIO_PLAN_MEMBER && !(info.can & PAY_CAN_MEMBER))
                return err_set(e, ERR_BAD_INPUT, "provider: %s knows no memberships", info.name);
            return 0;
        }
    return err_set(e, ERR_BAD_INPUT, "provider: \"%s\" is not offered; GET /v1/plans lists those that are", o->provider);
}

void shop__title(const struct studio_product *product, const struct studio_plan *plan, bool zh, char out[257]) {
    const struct field_text *a = &product->title, *b = &plan->title;
    snprintf(out, 257, "%.*s · %.*s", STR_ARG(zh ? a->zh : a->en), STR_ARG(zh ? b->zh : b->en));
}

const struct studio_plan *shop__plan(const struct shop *s, const char *product, const char *plan) {
    const struct studio_product *p = studio_product(s->studio, str_z(product));
    return p ? studio_plan_named(p, str_z(plan)) : NULL;
}

static int check_member(struct db_tx *tx, const struct shop_order_new *o, struct err *e) {
    char product[LEDGER_PRODUCT_MAX + 1];
    int64_t member;
    take(product, sizeof(product), o->product->name);
    int r = o->plan->kind == STUDIO_PLAN_MEMBER ? shop__member_live(tx, o->account, product, /* but= */ 0, &member, e) : 0;
    return r <= 0 ? r : err_set(e, ERR_MEMBER, "one membership at a time");
}

int shop__order_add(struct db_tx *tx, struct shop *s, const struct shop_order_new *n, int64_t off, struct err *e) {
    char title[257], customer[SHOP__REF] = "";
    shop__title(n->product, n->plan, str_eqz(str_z(n->lang), "zh"), title);
    {
        DB_ROWS known = { 0 };
        int r = db_one(tx, &known, e, &order_customer, DB_INT(n->account), DB_TEXT(n->provider));
        if (r < 0)
            return r;
        if (r)
            take(customer, sizeof(customer), db_str(&known, 0));
    }
    int64_t now = clock_ms(), list = n->plan->price[n->currency], until = now + SHOP_OPEN_MS;
    int r = db_run(tx, NULL, e, &order_add, DB_INT(n->id), DB_INT(n->account), DB_STR(n->product->name), DB_STR(n->plan->name), DB_TEXT(studio_plan_kind_name(n->plan->kind)),
                   DB_TEXT(title), DB_TEXT(list > off ? n->provider : ""), DB_TEXT(ledger_currency_name(n->currency)), DB_INT(list), DB_INT(off), DB_INT(list - off),
                   DB_INT(n->plan->credits), DB_INT(n->plan->valid_ms), DB_TEXT(shop_state_names[SHOP_OPEN]), DB_TEXT(customer), DB_INT(until), DB_INT(now), DB_INT(until));
    if (r < 0 || list > off)
        return r;
    struct order o;
    if ((r = shop__order_get(tx, n->id, n->account, &o, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "an order is gone that was made just now");
    return shop__order_book(tx, &o, now, e);
}

/* A code makes nothing cheaper than what it costs us; who gave it out reads why. */
static int check_covers(const struct shop *s, const struct shop_order_new *o, int64_t off, struct err *e) {
    struct shop_house house = { .cfg = s->cfg, .studio = s->studio, .pay = s->pay, .product = o->product };
    int64_t price = o->plan->price[o->currency] - off;
    if (shop_covers_at(&house, o->plan, o->currency, price))
        return 0;
    log_event(LOG_ERROR, "shop.code_below_cost", F_STRN("plan", o->plan->name), F_STR("currency", ledger_currency_name(o->currency)), F_INT("minor", price));
    return err_set(e, ERR_CODE_WRONG, "by it %.*s would be sold below cost", STR_ARG(o->plan->name));
}

/* Counted where it is made: one key sent again and again is one order. */
int shop__order_rate(struct db_tx *tx, const struct shop *s, int64_t account, struct err *e) {
    DB_ROWS made = { 0 };
    int64_t most = config_int(s->cfg, "shop.orders_per_hour");
    int r = db_one(tx, &made, e, &order_made_n, DB_INT(account), DB_INT(clock_ms() - 3600 * 1000));
    return r < 0 ? r : db_int(&made, 0) >= most ? err_set(e, ERR_RATE, "at most %lld orders in an hour", (long long)most) : 0;
}

int shop_order_make(struct db_tx *tx, struct shop *s, const struct shop_order_new *o, struct err *e) {
    int64_t off = 0;
    int r = check_sold(s, o, e);
    if (r < 0 || (r = check_member(tx, o, e)) < 0)
        return r;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &order_open_n, DB_INT(o->account))) < 0)
            return r;
        if (db_int(&rows, 0) >= OPEN_MAX)
            return err_set(e, ERR_ORDERS_OPEN, "%d orders are open already: pay or cancel one of them", OPEN_MAX);
    }
    if ((r = shop__order_rate(tx, s, o->account, e)) < 0)
        return r;
    if (o->code.n && ((r = shop__code_off(tx, o->code, o->account, o->id, o->plan, o->currency, &off, e)) < 0 || (r = check_covers(s, o, off, e)) < 0))
        return r;
    return shop__order_add(tx, s, o, off, e);
}

int shop_order_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    int r = db_run(tx, NULL, e, &order_give, DB_INT(to), DB_INT(from));
    if (r < 0 || (r = shop__member_give(tx, from, to, e)) < 0 || (r = shop__invoice_move(tx, from, to, e)) < 0)
        return r;
    return shop_code_move(tx, from, to, e);
}

int shop_order_forget(struct db_tx *tx, int64_t now_ms, struct err *e) {
    int r = shop_code_expire(tx, e);
    return r < 0 ? r : db_run(tx, NULL, e, &order_forget, DB_INT(now_ms - FORGET_MS));
}

/* ---- shown ---- */
void shop__key_ms(struct jw *w, const char *key, int64_t ms) {
    jw_key(w, key);
    if (ms)
        jw_int(w, ms);
    else
        jw_null(w);
}

bool shop__is_test(const struct shop *s, const char *provider) {
    struct pay_provider_info info;
    for (size_t i = 0; pay_provider(s->pay, i, &info); i++)
        if (str_eqz(str_z(provider), info.name))
            return info.can & PAY_IS_TEST;
    return str_eqz(str_z(provider), "test");
}

/* to_operator: with what the provider said; its owner reads what an operator wrote. */
static void write_refund(struct jw *w, const struct refund *f, bool to_operator) {
    jw_obj(w);
    jw_kid(w, "id", "refund", f->id);
    jw_kid(w, "order", "order", f->order);
    jw_kz(w, "state", f->state);
    jw_kint(w, "money_minor", f->money);
    jw_kint(w, "credits", f->credits);
    jw_kz(w, "cause", f->cause);
    jw_kz(w, "reason", f->reason);
    jw_kz(w, "detail", f->detail[0] && (to_operator || str_eqz(str_z(f->state), "refused")) ? f->detail : NULL);
    jw_kint(w, "created_ms", f->created_ms);
    shop__key_ms(w, "done_ms", f->done_ms);
    jw_end_obj(w);
}

static bool refund_open(const struct refund *f) {
    return str_eqz(str_z(f->state), "asked") || str_eqz(str_z(f->state), "pending") || str_eqz(str_z(f->state), "abnormal");
}

int shop_order_render(struct db_tx *tx, const struct shop *s, int64_t order, int64_t account, struct jw *w, struct err *e) {
    struct order o;
    struct refund f = { 0 };
    struct ledger_sold sold = { 0 };
    int r = shop__order_get(tx, order, account, &o, e), has;
    if (r <= 0)
        return r;
    if ((has = shop__refund_of(tx, order, &f, e)) < 0)
        return has;
    if ((r = ledger_sold_get(tx, order, &sold, e)) < 0)
        return r;
    jw_obj(w);
    jw_kid(w, "id", "order", o.id);
    jw_kz(w, "product", o.product);
    jw_kz(w, "plan", o.plan);
    jw_kz(w, "kind", o.kind);
    jw_kz(w, "title", o.title);
    jw_kz(w, "provider", o.provider);
    jw_kbool(w, "test", shop__is_test(s, o.provider));
    jw_kz(w, "scene", o.scene[0] ? o.scene : NULL);
    jw_kz(w, "currency", ledger_currency_name(o.currency));
    jw_kint(w, "list_minor", o.list);
    jw_kint(w, "off_minor", o.off);
    jw_kint(w, "price_minor", o.price);
    jw_kint(w, "credits", o.credits);
    jw_kint(w, "credits_left", r ? sold.available : 0);
    jw_kz(w, "state", shop_state_names[o.state]);
    jw_kz(w, "trouble", o.trouble[0] ? o.trouble : NULL);
    jw_kint(w, "created_ms", o.created_ms);
    jw_kint(w, "until_ms", o.until_ms);
    shop__key_ms(w, "paid_ms", o.paid_ms);
    shop__key_ms(w, "ends_ms", o.ends_ms);
    jw_kint(w, "refunded_minor", o.refunded);
    jw_kbool(w, "can_refund", o.state == SHOP_PAID && o.refunded < o.price && !(has && refund_open(&f)));
    jw_key(w, "refund");
    if (has)
        write_refund(w, &f, account == 0);
    else
        jw_null(w);
    jw_key(w, "invoice");
    if ((r = shop_invoice_render(tx, o.id, w, e)) < 0)
        return r;
    if (account == 0) {
        jw_kid(w, "account", "acct", o.account);
        int64_t dispute_fee;
        if ((r = shop__fee_booked(tx, o.id, &dispute_fee, e)) < 0)
            return r;
        jw_kint(w, "fee_minor", o.fee);
        jw_kint(w, "dispute_fee_minor", dispute_fee);
        jw_kbool(w, "disputed", o.disputed);
        jw_kz(w, "provider_ref", o.provider_ref);
        jw_kz(w, "transaction_ref", o.transaction_ref);
        shop__key_ms(w, "started_ms", o.started_ms);
        shop__key_ms(w, "asked_ms", o.asked_ms);
        shop__key_ms(w, "ask_ms", o.ask_ms);
        jw_key(w, "troubles");
        if ((r = shop__trouble_render(tx, o.id, w, e)) < 0)
            return r;
    }
    jw_end_obj(w);
    return 1;
}

int shop_order_list(struct db_tx *tx, const struct shop *s, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &order_page_of, DB_INT(account), DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_TEXT(""), DB_TEXT(""), DB_INT(0), DB_INT(limit));
    return r < 0 ? r : shop__write_page(tx, s, &rows, account, shop_order_render, out, e);
}

int shop_order_search(struct db_tx *tx, const struct shop *s, const struct shop_search *q, struct buf *out, struct err *e) {
    DB_ROWS rows = { 0 };
    int64_t before = q->before_id > 0 ? q->before_id : INT64_MAX;
    int r = q->account ? db_query(tx, &rows, e, &order_page_of, DB_INT(q->account), DB_INT(before), DB_STR(q->state), DB_STR(q->state), DB_INT(q->troubled), DB_INT(q->limit))
                       : db_query(tx, &rows, e, q->troubled ? &order_page_troubled : &order_page, DB_INT(before), DB_STR(q->state), DB_STR(q->state), DB_INT(q->limit));
    return r < 0 ? r : shop__write_page(tx, s, &rows, 0, shop_order_render, out, e);
}

DB_SQL(refund_page, "SELECT id FROM shop_refund WHERE id < ? AND state = ? ORDER BY id DESC LIMIT ?");

static int render_refund(struct db_tx *tx, const struct shop *s, int64_t id, int64_t account, struct jw *w, struct err *e) {
    struct refund f;
    int r = shop__refund_get(tx, id, &f, e);
    if (r == 1)
        write_refund(w, &f, /* to_operator= */ account == 0);
    return r;
}

int shop_refund_list(struct db_tx *tx, struct str state, int64_t before_id, int limit, struct buf *out, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &refund_page, DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_STR(state), DB_INT(limit));
    return r < 0 ? r : shop__write_page(tx, NULL, &rows, /* account= */ 0, render_refund, out, e);
}

int shop_get_stats(struct shop *s, struct db_tx *tx, struct shop_stats *ret, struct err *e) {
    struct shop_stats n = { .paid_total = atomic_load(&s->paid), .asked_total = atomic_load(&s->asked), .notices_total = atomic_load(&s->notices),
                            .notices_refused_total = atomic_load(&s->notices_refused) };
    DB_ROWS orders = { 0 }, refunds = { 0 };
    int r = db_one(tx, &orders, e, &order_counts);
    if (r == 1) {
        n.open = db_int(&orders, 0);
        n.troubled = db_int(&orders, 1);
    }
    if (r >= 0)
        r = db_query(tx, &refunds, e, &refund_counts);
    while (r >= 0 && (r = db_next(&refunds, e)) == 1)
        *(str_eqz(db_str(&refunds, 0), "asked") ? &n.refunds_asked : &n.refunds_open) += db_int(&refunds, 1);
    if (r >= 0)
        *ret = n;
    return r < 0 ? r : 0;
}
