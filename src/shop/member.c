/* member.c - the rows of memberships and of what is wanted of them; shown, and wished for. */
#include "shop/member.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "db/db.h"
#include "shop/internal.h"

#define COLUMNS "id, account_id, product, plan, price_minor, credits, next_plan, next_minor, next_credits, currency, provider, provider_ref, item_ref, product_ref, " \
                "state, ends, period_end_ms, next_ms, grace_until_ms, change_id, asks, ask_ms, created_ms, ended_ms"
#define CHANGES "id, member_id, what, plan, price_minor, credits, old_minor, old_credits, charge_now, item_ref, product_ref, order_id, by_account, state, detail, " \
                "asks, ask_ms, created_ms, done_ms"

DB_SQL(member_add, "INSERT INTO shop_member (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, 0)");
DB_SQL(member_put, "UPDATE shop_member SET plan = ?, price_minor = ?, credits = ?, next_plan = ?, next_minor = ?, next_credits = ?, item_ref = ?, product_ref = ?, state = ?, "
                   "ends = ?, period_end_ms = ?, next_ms = ?, grace_until_ms = ?, asks = ?, ask_ms = ?, ended_ms = ? WHERE id = ?");
DB_SQL(member_one, "SELECT " COLUMNS " FROM shop_member WHERE id = ?");
DB_SQL(member_by_ref, "SELECT " COLUMNS " FROM shop_member WHERE provider = ? AND provider_ref = ?");
DB_SQL(member_live, "SELECT id FROM shop_member WHERE account_id = ? AND product = ? AND state <> 'ended' AND id <> ? ORDER BY id LIMIT 1");
DB_SQL(member_lives, "SELECT id FROM shop_member WHERE account_id = ? AND state <> 'ended' AND id > ? ORDER BY id LIMIT 1");
DB_SQL(member_give, "UPDATE shop_member SET account_id = ? WHERE account_id = ?");
DB_SQL(member_page_of, "SELECT id FROM shop_member WHERE account_id = ? AND id < ? AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?");
DB_SQL(member_page, "SELECT id FROM shop_member WHERE id < ? AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?");
DB_SQL(member_orders, "SELECT order_id FROM shop_period WHERE member_id = ? AND order_id < ? ORDER BY order_id DESC LIMIT ?");
DB_SQL(member_takes, "UPDATE shop_member SET change_id = ? WHERE id = ? AND change_id = ?");
DB_SQL(period_add, "INSERT INTO shop_period (order_id, member_id, provider, invoice_ref, start_ms, end_ms, whole) VALUES (?, ?, ?, ?, ?, ?, 1)");
DB_SQL(change_add, "INSERT INTO shop_change (" CHANGES ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 'pending', '', 0, ?, ?, 0)");
DB_SQL(change_one, "SELECT " CHANGES " FROM shop_change WHERE id = ?");
DB_SQL(change_last, "SELECT " CHANGES " FROM shop_change WHERE member_id = ? ORDER BY id DESC LIMIT 1");
DB_SQL(change_price, "SELECT " CHANGES " FROM shop_change WHERE member_id = ? AND what = 'price' ORDER BY id DESC LIMIT 1");
DB_SQL(change_over, "UPDATE shop_change SET state = ?, detail = ?, ask_ms = 0, done_ms = ? WHERE id = ? AND state = 'pending'");

/* ---- the rows ---- */
static void take(char *out, size_t cap, struct str s) { snprintf(out, cap, "%.*s", STR_ARG(s)); }
#define TAKE_TEXT(of, member, column) take(of.member, sizeof(of.member), db_str(rows, column))

/* Of a NULL-ended list; -1. */
static int index_of(const char *const *names, struct str s) {
    for (int i = 0; names[i]; i++)
        if (str_eqz(s, names[i]))
            return i;
    return -1;
}

static int read_member(const struct db_rows *rows, struct member *ret, struct err *e) {
    struct member m = { .id = db_int(rows, 0), .account = db_int(rows, 1), .price = db_int(rows, 4), .credits = db_int(rows, 5), .next_price = db_int(rows, 7),
                        .next_credits = db_int(rows, 8), .ends = db_int(rows, 15) != 0, .period_end_ms = db_int(rows, 16), .next_ms = db_int(rows, 17),
                        .grace_until_ms = db_int(rows, 18), .change = db_int(rows, 19), .asks = db_int(rows, 20), .ask_ms = db_int(rows, 21),
                        .created_ms = db_int(rows, 22), .ended_ms = db_int(rows, 23) };
    TAKE_TEXT(m, product, 2);
    TAKE_TEXT(m, plan, 3);
    TAKE_TEXT(m, next_plan, 6);
    TAKE_TEXT(m, provider, 10);
    TAKE_TEXT(m, ref, 11);
    TAKE_TEXT(m, item, 12);
    TAKE_TEXT(m, product_ref, 13);
    id_text(m.number, "order", m.id);
    int state = index_of(pay_member_state_names, db_str(rows, 14));
    if (state < 0 || !ledger_currency_of(db_str(rows, 9), &m.currency))
        return err_set(e, ERR_DB, "the membership of %s has a state or a currency that is none", m.number);
    m.state = (enum pay_member_state)state;
    *ret = m;
    return 1;
}

int shop__member_get(struct db_tx *tx, int64_t id, struct member *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &member_one, DB_INT(id));
    return r <= 0 ? r : read_member(&rows, ret, e);
}

int shop__member_find(struct db_tx *tx, const char *provider, struct str ref, struct member *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = ref.n ? db_one(tx, &rows, e, &member_by_ref, DB_TEXT(provider), DB_STR(ref)) : 0;
    return r <= 0 ? r : read_member(&rows, ret, e);
}

int shop__member_live(struct db_tx *tx, int64_t account, const char *product, int64_t but, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &member_live, DB_INT(account), DB_TEXT(product), DB_INT(but));
    if (r == 1)
        *ret = db_int(&rows, 0);
    return r;
}

int shop__member_put(struct db_tx *tx, const struct member *m, struct err *e) {
    return db_run(tx, NULL, e, &member_put, DB_TEXT(m->plan), DB_INT(m->price), DB_INT(m->credits), DB_TEXT(m->next_plan), DB_INT(m->next_price), DB_INT(m->next_credits),
                  DB_TEXT(m->item), DB_TEXT(m->product_ref), DB_TEXT(pay_member_state_names[m->state]), DB_INT(m->ends), DB_INT(m->period_end_ms), DB_INT(m->next_ms),
                  DB_INT(m->grace_until_ms), DB_INT(m->asks), DB_INT(m->ask_ms), DB_INT(m->ended_ms), DB_INT(m->id));
}

/* 1: somebody wished for its end already. */
static int is_ending(struct db_tx *tx, const struct member *m, struct err *e) {
    struct change c;
    int r = m->change ? shop__change_get(tx, m->change, &c, e) : 0;
    return r <= 0 ? r : c.what == PAY_CHANGE_END || c.what == PAY_CHANGE_END_NOW;
}

/*
 * There is another one: both were really paid for, so a person looks, but nobody is charged for two months after months. This one ends with the
 * period that is paid; its owner may let it go on after all.
 */
static int second_one(struct db_tx *tx, struct shop *s, const struct member *m, struct err *e) {
    struct order first;
    int r = shop__order_get(tx, m->id, 0, &first, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "the membership of %s has no first order", m->number);
    if ((r = shop__trouble(tx, &first, "two_members", e)) < 0 || m->ends || m->state == PAY_MEMBER_ENDED || (r = is_ending(tx, m, e)) != 0)
        return r < 0 ? r : 0;
    struct shop_wish end = { .id = id_new(), .member = m->id, .what = PAY_CHANGE_END };
    return shop_member_wish(tx, s, &end, e);
}

int shop__member_give(struct db_tx *tx, int64_t from, int64_t to, struct err *e) {
    int64_t id = 0, other;
    int r;
    for (;;) {
        struct member m;
        {
            DB_ROWS rows = { 0 };
            if ((r = db_one(tx, &rows, e, &member_lives, DB_INT(from), DB_INT(id))) <= 0)
                break;
            id = db_int(&rows, 0);
        }
        if ((r = shop__member_get(tx, id, &m, e)) < 0 || (r = shop__member_live(tx, to, m.product, id, &other, e)) < 0)
            return r;
        if (r == 1 && (r = second_one(tx, NULL, &m, e)) < 0)
            return r;
    }
    return r < 0 ? r : db_run(tx, NULL, e, &member_give, DB_INT(to), DB_INT(from));
}

int shop__member_begin(struct db_tx *tx, struct shop *s, const struct order *o, const struct pay_truth *t, struct err *e) {
    const struct pay_member *m = &t->member;
    int64_t start = m->period_start_ms ? m->period_start_ms : o->ends_ms - o->valid_ms, other;
    enum pay_member_state state = m->state == PAY_MEMBER_NONE || m->state == PAY_MEMBER_WAITING ? PAY_MEMBER_ACTIVE : m->state;
    int r = db_run(tx, NULL, e, &member_add, DB_INT(o->id), DB_INT(o->account), DB_TEXT(o->product), DB_TEXT(o->plan), DB_INT(o->price), DB_INT(o->credits), DB_TEXT(o->plan),
               DB_INT(o->price), DB_INT(o->credits), DB_TEXT(ledger_currency_name(o->currency)), DB_TEXT(o->provider), DB_STR(m->id), DB_STR(m->item.n ? m->item : STR("")),
               DB_STR(m->product.n ? m->product : STR("")), DB_TEXT(pay_member_state_names[state]), DB_INT(m->ends), DB_INT(o->ends_ms), DB_INT(o->ends_ms), DB_INT(o->ends_ms),
               DB_INT(clock_ms()));
    if (r < 0)
        return r;
    r = db_run(tx, NULL, e, &period_add, DB_INT(o->id), DB_INT(o->id), DB_TEXT(o->provider), DB_TEXT(o->provider_ref[0] ? o->provider_ref : o->number), DB_INT(start),
               DB_INT(o->ends_ms));
    if (r < 0 || (r = shop__member_live(tx, o->account, o->product, o->id, &other, e)) <= 0)
        return r < 0 ? r : 0;
    struct member row;                           /* two pages to pay on, both paid */
    r = shop__member_get(tx, o->id, &row, e);
    return r < 0 ? r : second_one(tx, s, &row, e);
}

/* ---- changes ---- */
static int read_change(const struct db_rows *rows, struct change *ret, struct err *e) {
    struct change c = { .id = db_int(rows, 0), .member = db_int(rows, 1), .price = db_int(rows, 4), .credits = db_int(rows, 5), .old_price = db_int(rows, 6),
                        .old_credits = db_int(rows, 7), .charge_now = db_int(rows, 8) != 0, .order = db_int(rows, 11), .by = db_int(rows, 12),
                        .asks = db_int(rows, 15), .ask_ms = db_int(rows, 16), .created_ms = db_int(rows, 17), .done_ms = db_int(rows, 18) };
    TAKE_TEXT(c, plan, 3);
    TAKE_TEXT(c, item, 9);
    TAKE_TEXT(c, product_ref, 10);
    TAKE_TEXT(c, state, 13);
    TAKE_TEXT(c, detail, 14);
    id_text(c.number, "change", c.id);
    for (int what = 0; what < PAY_CHANGE_COUNT; what++)
        if (str_eqz(db_str(rows, 2), pay_change_names[what])) {
            c.what = (enum pay_change)what;
            *ret = c;
            return 1;
        }
    return err_set(e, ERR_DB, "%s wants what nobody can want", c.number);
}

int shop__change_get(struct db_tx *tx, int64_t id, struct change *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &change_one, DB_INT(id));
    return r <= 0 ? r : read_change(&rows, ret, e);
}

int shop__change_newest(struct db_tx *tx, int64_t member, struct change *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &change_last, DB_INT(member));
    return r <= 0 ? r : read_change(&rows, ret, e);
}

int shop__change_price(struct db_tx *tx, int64_t member, struct change *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &change_price, DB_INT(member));
    return r <= 0 ? r : read_change(&rows, ret, e);
}

/* What it wanted is so: the next period is to be another one. The plan itself changes with the money. */
static int next_plan(struct db_tx *tx, const struct change *c, struct err *e) {
    struct member m;
    int r = shop__member_get(tx, c->member, &m, e);
    if (r <= 0)
        return r;
    take(m.next_plan, sizeof(m.next_plan), str_z(c->plan));
    m.next_price = c->price;
    m.next_credits = c->credits;
    return shop__member_put(tx, &m, e);
}

int shop__change_end(struct db_tx *tx, const struct change *c, const char *state, struct str why, struct err *e) {
    int64_t changed;
    char detail[401];
    size_t n = why.n < sizeof(detail) - 1 ? why.n : sizeof(detail) - 1;
    while (n > 0 && n < why.n && ((unsigned char)why.p[n] & 0xC0) == 0x80)      /* between two characters */
        n--;
    take(detail, sizeof(detail), (struct str){ why.p, n });
    int r = db_run(tx, &changed, e, &change_over, DB_TEXT(state), DB_TEXT(detail), DB_INT(clock_ms()), DB_INT(c->id));
    if (r < 0 || changed == 0)                   /* somebody else heard of its end first */
        return r;
    if ((r = db_run(tx, NULL, e, &member_takes, DB_INT(0), DB_INT(c->member), DB_INT(c->id))) < 0)
        return r;
    return c->what == PAY_CHANGE_PRICE && str_eqz(str_z(state), "done") ? next_plan(tx, c, e) : 0;
}

/* ---- wished for ---- */
static bool is_live(const struct member *m) { return m->state == PAY_MEMBER_ACTIVE || m->state == PAY_MEMBER_PAST_DUE || m->state == PAY_MEMBER_PAUSED; }

static int check_wish(const struct member *m, const struct shop_wish *w, struct err *e) {
    if (!is_live(m))
        return err_set(e, ERR_STATE, "this membership has ended");
    switch (w->what) {
    case PAY_CHANGE_END:
        return m->ends ? err_set(e, ERR_STATE, "it ends already with this period") : 0;
    case PAY_CHANGE_KEEP:
        return m->ends ? 0 : err_set(e, ERR_STATE, "it goes on anyway");
    case PAY_CHANGE_PAUSE:
        return m->state != PAY_MEMBER_ACTIVE ? err_set(e, ERR_STATE, "only an active membership can be paused; this one is %s", pay_member_state_names[m->state]) :
               m->ends                       ? err_set(e, ERR_STATE, "it ends with this period anyway") : 0;
    case PAY_CHANGE_RESUME:
        return m->state == PAY_MEMBER_PAUSED ? 0 : err_set(e, ERR_STATE, "it is not paused");
    case PAY_CHANGE_PRICE:
        if (w->plan->kind != STUDIO_PLAN_MEMBER || w->plan->price[m->currency] <= 0)
            return err_set(e, ERR_BAD_INPUT, "plan: %.*s is no membership that is sold in %s", STR_ARG(w->plan->name), ledger_currency_name(m->currency));
        if (str_eqz(w->plan->name, m->next_plan))
            return err_set(e, ERR_STATE, "it is on that plan");
        return m->state == PAY_MEMBER_ACTIVE && !m->ends ? 0 : err_set(e, ERR_STATE, "only a membership that is active and goes on can change its plan");
    default:
        return 0;
    }
}

/* Who ends it need not wait for what was wanted before. That is not called again; what came of an earlier call is booked all the same. */
static int drop_other(struct db_tx *tx, struct member *m, struct err *e) {
    struct change c;
    int r = m->change ? shop__change_get(tx, m->change, &c, e) : 0;
    if (r == 1)
        r = shop__change_end(tx, &c, "dropped", STR("the membership was ended meanwhile"), e);
    m->change = 0;
    return r;
}

int shop_member_wish(struct db_tx *tx, struct shop *s, const struct shop_wish *w, struct err *e) {
    struct member m;
    int64_t changed, now = clock_ms();
    bool price = w->what == PAY_CHANGE_PRICE;
    int r = shop__member_get(tx, w->member, &m, e);
    if (r < 0)
        return r;
    if (r == 0 || (w->account && m.account != w->account))
        return err_set(e, ERR_NOT_FOUND, "no such membership");
    bool ending = w->what == PAY_CHANGE_END_NOW || w->what == PAY_CHANGE_END;
    if ((r = check_wish(&m, w, e)) < 0 || (r = w->what == PAY_CHANGE_END ? is_ending(tx, &m, e) : 0) != 0)
        return r < 0 ? r : err_set(e, ERR_STATE, "it is being ended already");
    if (ending && (r = drop_other(tx, &m, e)) < 0)
        return r;
    if (m.change)
        return err_set(e, ERR_STATE, "another change of it is under way; look again in a minute");
    int64_t to = price ? w->plan->price[m.currency] : 0;
    r = db_run(tx, NULL, e, &change_add, DB_INT(w->id), DB_INT(m.id), DB_TEXT(pay_change_names[w->what]), DB_STR(price ? w->plan->name : STR("")), DB_INT(to),
               DB_INT(price ? w->plan->credits : 0), DB_INT(price ? m.next_price : 0), DB_INT(price ? m.next_credits : 0), DB_INT(price && to > m.price && to > m.next_price),
               DB_TEXT(m.item), DB_TEXT(m.product_ref), DB_INT(w->by), DB_INT(now), DB_INT(now));
    if (r < 0 || (r = db_run(tx, &changed, e, &member_takes, DB_INT(w->id), DB_INT(m.id), DB_INT(0))) < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "somebody else began a change of it");
    if (s)
        db_on_commit(tx, shop__wake, s);
    return 0;
}

/* ---- shown ---- */
static void write_change(struct jw *w, const struct change *c) {
    jw_obj(w);
    jw_kz(w, "what", c->what == PAY_CHANGE_PRICE ? "plan" : pay_change_names[c->what]);
    jw_kz(w, "plan", c->plan[0] ? c->plan : NULL);
    jw_kz(w, "state", c->state);
    jw_kz(w, "detail", c->detail[0] ? c->detail : NULL);
    jw_kint(w, "created_ms", c->created_ms);
    shop__key_ms(w, "done_ms", c->done_ms);
    jw_end_obj(w);
}

int shop_member_render(struct db_tx *tx, const struct shop *s, int64_t member, int64_t account, struct jw *w, struct err *e) {
    struct member m;
    struct change c;
    int r = shop__member_get(tx, member, &m, e), has;
    if (r <= 0 || (account && m.account != account))
        return r < 0 ? r : 0;
    if ((has = shop__change_newest(tx, member, &c, e)) < 0)
        return has;
    jw_obj(w);
    jw_kid(w, "id", "member", m.id);
    jw_kid(w, "order", "order", m.id);
    jw_kz(w, "product", m.product);
    jw_kz(w, "plan", m.plan);
    jw_kz(w, "provider", m.provider);
    jw_kbool(w, "test", shop__is_test(s, m.provider));
    jw_kz(w, "currency", ledger_currency_name(m.currency));
    jw_kint(w, "price_minor", m.price);
    jw_kint(w, "credits", m.credits);
    jw_kz(w, "state", pay_member_state_names[m.state]);
    jw_kbool(w, "ends", m.ends);
    jw_kint(w, "period_end_ms", m.period_end_ms);
    shop__key_ms(w, "grace_until_ms", m.grace_until_ms);
    jw_key(w, "next");                           /* the next period, if there is to be one */
    if (m.ends || m.state == PAY_MEMBER_ENDED || m.state == PAY_MEMBER_PAUSED) {
        jw_null(w);
    } else {
        jw_obj(w);
        jw_kz(w, "plan", m.next_plan);
        jw_kint(w, "price_minor", m.next_price);
        jw_kint(w, "credits", m.next_credits);
        jw_kint(w, "at_ms", m.state == PAY_MEMBER_PAST_DUE ? m.period_end_ms : m.next_ms);
        jw_end_obj(w);
    }
    jw_kint(w, "created_ms", m.created_ms);
    shop__key_ms(w, "ended_ms", m.ended_ms);
    jw_key(w, "change");                         /* the newest one that was wished for */
    if (has)
        write_change(w, &c);
    else
        jw_null(w);
    if (account == 0) {
        jw_kid(w, "account", "acct", m.account);
        jw_kz(w, "provider_ref", m.ref);
        shop__key_ms(w, "ask_ms", m.ask_ms);
    }
    jw_end_obj(w);
    return 1;
}

int shop_member_list(struct db_tx *tx, const struct shop *s, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(tx, &rows, e, &member_page_of, DB_INT(account), DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_TEXT(""), DB_TEXT(""), DB_INT(limit));
    return r < 0 ? r : shop__write_page(tx, s, &rows, account, shop_member_render, out, e);
}

int shop_member_search(struct db_tx *tx, const struct shop *s, const struct shop_member_find *q, struct buf *out, struct err *e) {
    DB_ROWS rows = { 0 };
    int64_t before = q->before_id > 0 ? q->before_id : INT64_MAX;
    int r = q->account ? db_query(tx, &rows, e, &member_page_of, DB_INT(q->account), DB_INT(before), DB_STR(q->state), DB_STR(q->state), DB_INT(q->limit))
                       : db_query(tx, &rows, e, &member_page, DB_INT(before), DB_STR(q->state), DB_STR(q->state), DB_INT(q->limit));
    return r < 0 ? r : shop__write_page(tx, s, &rows, /* account= */ 0, shop_member_render, out, e);
}

int shop_member_orders(struct db_tx *tx, const struct shop *s, int64_t member, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e) {
    struct member m;
    DB_ROWS rows = { 0 };
    int r = shop__member_get(tx, member, &m, e);
    if (r <= 0 || (account && m.account != account))
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such membership");
    r = db_query(tx, &rows, e, &member_orders, DB_INT(member), DB_INT(before_id > 0 ? before_id : INT64_MAX), DB_INT(limit));
    return r < 0 ? r : shop__write_page(tx, s, &rows, account, shop_order_render, out, e);
}
