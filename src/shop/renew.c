/*
 * renew.c - what a provider says of a membership becomes ours: its payments, once each, and how it stands. Pure SQL: the truth was read before,
 * and may be told again, late, or in another order.
 *
 * A payment is known by what the provider calls it, or by its transaction (a first payment has two names: its page, its invoice). One that is not
 * known is a period if none that was paid holds its time, and else the difference of an upgrade. Any other sum than the one that was agreed is
 * never booked: a closed order in trouble says that it came.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/planted.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"

#define HOUR_MS  (3600LL * 1000)
#define LOOK_MS  (7LL * 24 * HOUR_MS)          /* somebody may have ended it in the provider's own pages, and the notice was lost */
#define SOON_MS  (30LL * 1000)                 /* what was new is looked at once more: two answers may have come in the wrong order */
#define RETRY_MS (30LL * 1000)                 /* while a renewal is awaited: this, twice as long each time, … */
#define RETRY_MAX_MS (6 * HOUR_MS)             /* … up to this */

DB_SQL(renew_by_ref, "SELECT order_id FROM shop_period WHERE provider = ? AND invoice_ref = ?");
DB_SQL(renew_by_transaction, "SELECT p.order_id FROM shop_period p JOIN shop_order o ON o.id = p.order_id WHERE p.member_id = ? AND o.transaction_ref = ?");
DB_SQL(renew_within, "SELECT p.order_id, o.price_minor FROM shop_period p JOIN shop_order o ON o.id = p.order_id WHERE p.member_id = ? AND p.whole = 1 AND p.start_ms <= ? "
                     "AND p.end_ms >= ?");
DB_SQL(renew_order, "INSERT INTO shop_order (id, account_id, product, plan, kind, title, provider, scene, currency, list_minor, off_minor, price_minor, credits, valid_ms, state, "
                    "trouble, attempt, started_ms, provider_ref, transaction_ref, customer, fee_minor, refunded_minor, disputed, asks, asked_ms, ask_ms, created_ms, until_ms, "
                    "paid_ms, ends_ms) VALUES (?, ?, ?, ?, 'member', ?, ?, '', ?, ?, 0, ?, ?, ?, ?, '', 1, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, ?, ?, ?, ?)");
DB_SQL(renew_period, "INSERT INTO shop_period (order_id, member_id, provider, invoice_ref, start_ms, end_ms, whole) VALUES (?, ?, ?, ?, ?, ?, ?)");
DB_SQL(renew_ends, "UPDATE shop_order SET ends_ms = ? WHERE state = 'paid' AND ends_ms <> ? AND id IN (SELECT p.order_id FROM shop_period p WHERE p.member_id = ? AND p.end_ms = ?)");
DB_SQL(renew_took, "UPDATE shop_change SET order_id = ? WHERE id = ? AND order_id = 0");
DB_SQL(renew_disputed, "UPDATE shop_order SET disputed = 1 WHERE id = ?");

/* ---- payments ---- */
static int find(struct db_tx *tx, const struct member *m, const struct pay_truth *t, int64_t *ret, struct err *e) {
    DB_ROWS by_ref = { 0 }, by_transaction = { 0 };
    int r = t->provider_id.n ? db_one(tx, &by_ref, e, &renew_by_ref, DB_TEXT(m->provider), DB_STR(t->provider_id)) : 0;
    if (r == 1)
        *ret = db_int(&by_ref, 0);
    if (r != 0 || !t->transaction_id.n)
        return r;
    if ((r = db_one(tx, &by_transaction, e, &renew_by_transaction, DB_INT(m->id), DB_STR(t->transaction_id))) == 1)
        *ret = db_int(&by_transaction, 0);
    return r;
}

bool shop__knows_payment(struct db_tx *tx, const struct member *m, struct str ref, struct str transaction) {
    int64_t order;
    struct err why;                              /* unknown, then: it is asked about */
    return find(tx, m, &(struct pay_truth){ .provider_id = ref, .transaction_id = transaction }, &order, &why) == 1;
}

static int note_known(struct db_tx *tx, int64_t order, const struct pay_truth *t, struct err *e) {
    struct order o;
    int r = t->disputed ? shop__order_get(tx, order, 0, &o, e) : 0;
    if (r <= 0 || o.disputed)
        return r < 0 ? r : 0;
    if ((r = db_run(tx, NULL, e, &renew_disputed, DB_INT(order))) < 0)
        return r;
    return shop__trouble(tx, &o, "dispute", e);
}

/* What a payment is for. */
struct bill {
    const char *plan;                            /* NULL: nothing that was agreed */
    int64_t credits, start_ms, end_ms;
    bool whole;
    int64_t change;                              /* whose difference it is, 0: none's */
};

/* A whole period: of the sums that were agreed one must have come. While a change is under way both may. c: the newest of the plan, or NULL. */
static void bill_period(const struct member *m, const struct change *c, int64_t paid, struct bill *b) {
    bool wanted = c && (str_eqz(str_z(c->state), "pending") || str_eqz(str_z(c->state), "dropped"));      /* dropped: perhaps it was called before */
    const struct { int64_t price, credits; const char *plan; } agreed[] = {
        { m->next_price, m->next_credits, m->next_plan }, { m->price, m->credits, m->plan }, { wanted ? c->price : -1, wanted ? c->credits : 0, wanted ? c->plan : NULL } };
    for (size_t i = 0; i < COUNT(agreed) && !b->plan; i++)
        if (agreed[i].price == paid) {
            b->plan = agreed[i].plan;
            b->credits = agreed[i].credits;
        }
}

/* Within a paid period: the upgrade's, all of the difference or what of it is left of the period; credits in proportion. */
static void bill_difference(const struct change *c, int64_t paid, struct bill *b) {
    bool owed = c && c->charge_now && c->order == 0 && !str_eqz(str_z(c->state), "failed");
    if (!owed || paid > c->price - c->old_price)
        return;
    int64_t more = c->credits > c->old_credits ? c->credits - c->old_credits : 0;
    b->plan = c->plan;
    b->credits = more * paid / (c->price - c->old_price);
    b->change = c->id;
}

/* In the words of the first order, so in its language. */
static int title_of(struct db_tx *tx, const struct shop *s, const struct member *m, const char *plan, char out[257], struct err *e) {
    struct order first;
    char zh[257];
    int r = shop__order_get(tx, m->id, 0, &first, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "the membership of %s has no first order", m->number);
    const struct studio_product *product = studio_product(s->studio, str_z(m->product));
    const struct studio_plan *old = shop__plan(s, m->product, first.plan), *now = shop__plan(s, m->product, plan);
    memcpy(out, first.title, sizeof(first.title));
    if (!old || !now || old == now)
        return 0;
    shop__title(product, old, /* zh= */ true, zh);
    shop__title(product, now, str_eqz(str_z(first.title), zh), out);
    return 0;
}

static struct str short_ref(struct str s) { return s.n && s.n < SHOP__REF ? s : STR(""); }

/* The order of a payment: paid, or closed and in trouble when it is not what was agreed. */
static int add_order(struct db_tx *tx, const struct shop *s, const struct member *m, const struct pay_truth *t, const struct bill *b, int64_t id, int64_t fee, struct err *e) {
    char title[257];
    int64_t now = clock_ms(), paid = t->paid_ms > 0 && t->paid_ms <= now ? t->paid_ms : now, price = t->paid.minor;
    int r = title_of(tx, s, m, b->plan ? b->plan : m->plan, title, e);
    if (r < 0)
        return r;
    r = db_run(tx, NULL, e, &renew_order, DB_INT(id), DB_INT(m->account), DB_TEXT(m->product), DB_TEXT(b->plan ? b->plan : m->plan), DB_TEXT(title), DB_TEXT(m->provider),
               DB_TEXT(ledger_currency_name(m->currency)), DB_INT(price), DB_INT(price), DB_INT(b->credits), DB_INT(b->end_ms - b->start_ms),
               DB_TEXT(shop_state_names[b->plan ? SHOP_PAID : SHOP_CLOSED]), DB_INT(now), DB_STR(t->provider_id),
               DB_STR(short_ref(t->transaction_id)), DB_STR(short_ref(t->customer)), DB_INT(fee), DB_INT(now), DB_INT(now), DB_INT(now), DB_INT(b->plan ? paid : 0),
               DB_INT(b->plan ? b->end_ms : 0));
    if (r < 0 || planted(PLANTED_PERIOD_OUTSIDE))
        return r;
    return db_run(tx, NULL, e, &renew_period, DB_INT(id), DB_INT(m->id), DB_TEXT(m->provider), DB_STR(t->provider_id), DB_INT(b->start_ms), DB_INT(b->end_ms),
                  DB_INT(b->whole && b->plan));
}

/* What one may do by it ends with the period, or with the grace. */
static int let_until(struct db_tx *tx, const struct shop *s, struct member *m, bool grace, struct err *e) {
    m->grace_until_ms = grace ? m->period_end_ms + config_int(s->cfg, "shop.grace") : 0;
    int64_t until = grace ? m->grace_until_ms : m->period_end_ms;
    return db_run(tx, NULL, e, &renew_ends, DB_INT(until), DB_INT(until), DB_INT(m->id), DB_INT(m->period_end_ms));
}

/* The plan goes along with the money of it. */
static void take_plan(struct member *m, const struct bill *b, const struct change *c, int64_t paid) {
    snprintf(m->plan, sizeof(m->plan), "%s", b->plan);
    m->price = b->whole ? paid : c->price;
    m->credits = b->whole ? b->credits : c->credits;
    if (!b->whole) {                             /* and so will be the next one, whatever became of the answer to the call */
        snprintf(m->next_plan, sizeof(m->next_plan), "%s", c->plan);
        m->next_price = c->price;
        m->next_credits = c->credits;
    }
    if (b->whole && m->period_end_ms < b->end_ms) {
        m->period_end_ms = b->end_ms;
        m->asks = 0;
    }
}

static int book(struct db_tx *tx, struct shop *s, struct member *m, const struct pay_truth *t, const struct bill *b, const struct change *c, struct err *e) {
    int64_t id = id_new(), now = clock_ms(), fee = shop__fee(s, m->provider, t->paid.minor, t);
    char order[ID_TEXT_MAX];
    int r = add_order(tx, s, m, t, b, id, b->plan ? fee : 0, e);
    if (r < 0)
        return r;
    id_text(order, "order", id);
    if (!b->plan) {
        log_event(LOG_ERROR, "shop.wrong_payment", F_STR("order", order), F_STR("membership", m->number), F_INT("minor", t->paid.minor), F_STR("currency", t->paid.currency));
        struct order came;
        return (r = shop__order_get(tx, id, 0, &came, e)) <= 0 ? r : shop__trouble(tx, &came, "amount", e);
    }
    struct ledger_sale sale = { .order = id, .account = m->account, .currency = m->currency, .paid = t->paid.minor, .fee = fee, .credits = b->credits,
                                /* heard of when its month was over: still worth something */
                                .expires_ms = b->end_ms > now ? b->end_ms : now + LEDGER_GRACE_MS, .product = str_z(m->product) };
    if ((r = ledger_sell(tx, &sale, e)) < 0)
        return r;
    failpoint_hit(FP_SHOP_IN_RENEWAL);
    if (b->change && (r = db_run(tx, NULL, e, &renew_took, DB_INT(id), DB_INT(b->change))) < 0)
        return r;
    if (b->whole && b->end_ms > m->period_end_ms && (r = let_until(tx, s, m, /* grace= */ false, e)) < 0)      /* the new one begins where the old one ended */
        return r;
    if (!b->whole || b->end_ms > m->period_end_ms)       /* one of before says nothing about now */
        take_plan(m, b, c, t->paid.minor);
    log_event(LOG_INFO, b->whole ? "shop.renewed" : "shop.upgraded", F_STR("order", order), F_STR("membership", m->number), F_INT("minor", t->paid.minor));
    return 0;
}

/* A payment that was made: booked unless it is known. */
static int take_payment(struct db_tx *tx, struct shop *s, struct member *m, const struct pay_truth *t, struct err *e) {
    int64_t order, within_price = -1;
    int r = find(tx, m, t, &order, e);
    if (r != 0)
        return r < 0 ? r : note_known(tx, order, t, e);
    struct bill b = { .start_ms = t->member.period_start_ms, .end_ms = t->member.period_end_ms };
    if (!short_ref(t->provider_id).n || b.start_ms <= 0 || b.end_ms <= b.start_ms)
        return 0;
    {
        DB_ROWS rows = { 0 };
        if ((r = db_one(tx, &rows, e, &renew_within, DB_INT(m->id), DB_INT(b.start_ms), DB_INT(b.end_ms))) < 0)
            return r;
        if (r == 1)
            within_price = db_int(&rows, 1);
    }
    b.whole = within_price < 0;
    if (!b.whole && (t->paid.minor == 0 || (!t->transaction_id.n && t->paid.minor == within_price)))
        return 0;                                /* nothing came; or another name of a payment that we have, where no transaction tells */
    struct change c;
    if ((r = shop__change_price(tx, m->id, &c, e)) < 0)
        return r;
    const struct change *newest = r == 1 ? &c : NULL;
    bool ours = strcmp(t->paid.currency, ledger_currency_name(m->currency)) == 0 && str_eqz(t->number, m->number) && t->paid.minor > 0;
    if (ours && b.whole)
        bill_period(m, newest, t->paid.minor, &b);
    else if (ours)
        bill_difference(newest, t->paid.minor, &b);
    return book(tx, s, m, t, &b, newest, e);
}

/* ---- how it stands ---- */
static int64_t retry_after(const struct member *m) {
    int64_t ms = RETRY_MS;
    for (int64_t i = 0; i < m->asks && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

/* Whether the provider tries to be paid for a period that nobody paid yet. An answer about another payment says nothing of that. */
static bool is_collecting(const struct member *m, const struct pay_truth *t) {
    bool beyond = m->state == PAY_MEMBER_ACTIVE && m->next_ms > m->period_end_ms;
    return m->state == PAY_MEMBER_PAST_DUE || (beyond && (t->state == PAY_OPEN || t->state == PAY_PROCESSING)) || (beyond && t->state == PAY_PAID && m->grace_until_ms > 0);
}

static void note_refs(struct member *m, const struct pay_member *told) {
    if (short_ref(told->item).n)
        snprintf(m->item, sizeof(m->item), "%.*s", STR_ARG(told->item));
    if (short_ref(told->product).n)
        snprintf(m->product_ref, sizeof(m->product_ref), "%.*s", STR_ARG(told->product));
}

static int note_state(struct db_tx *tx, const struct shop *s, struct member *m, const struct pay_truth *t, struct err *e) {
    int64_t now = clock_ms();
    const struct pay_member *told = &t->member;
    bool news = told->state != m->state || told->ends != m->ends;
    if (told->state == PAY_MEMBER_WAITING)       /* a first payment is here, so that answer is older than it */
        return 0;
    if (news)
        log_event(LOG_INFO, "shop.membership", F_STR("membership", m->number), F_STR("state", pay_member_state_names[told->state]), F_BOOL("ends", told->ends));
    m->state = told->state;
    m->ends = told->ends;
    m->next_ms = told->period_end_ms ? told->period_end_ms : m->next_ms;
    note_refs(m, told);
    bool collecting = is_collecting(m, t), ended = m->state == PAY_MEMBER_ENDED;
    m->ended_ms = !ended ? 0 : m->ended_ms ? m->ended_ms : now;
    if (ended) {
        m->ask_ms = 0;
    } else if (!collecting && m->next_ms > now) {
        int64_t wait = news ? SOON_MS : LOOK_MS;
        m->asks = 0;
        m->ask_ms = m->next_ms < now + wait ? m->next_ms : now + wait;
    } else if (news || m->ask_ms <= now || m->ask_ms > now + RETRY_MAX_MS) {      /* else it stands as shop__member_ask_begin() set it */
        m->ask_ms = now + retry_after(m);
    }
    return let_until(tx, s, m, collecting, e);
}

int shop__member_settle(struct db_tx *tx, struct shop *s, int64_t member, const struct pay_truth *t, struct err *e) {
    struct member m;
    struct order first;
    int r = shop__member_get(tx, member, &m, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such membership");
    if (t->member.id.n && !str_eqz(t->member.id, m.ref)) {       /* two memberships by one number: a person must end one */
        if ((r = shop__order_get(tx, m.id, 0, &first, e)) <= 0)
            return r < 0 ? r : err_set(e, ERR_DB, "the membership of %s has no first order", m.number);
        return shop__trouble(tx, &first, "paid_twice", e);
    }
    if (t->state == PAY_PAID && (r = take_payment(tx, s, &m, t, e)) < 0)
        return r;
    if (t->member.state != PAY_MEMBER_NONE && (r = note_state(tx, s, &m, t, e)) < 0)
        return r;
    return shop__member_put(tx, &m, e);
}

int shop__member_ask_begin(struct db_tx *tx, const struct shop *s, struct member *m, int64_t now_ms, struct err *e) {
    if (m->ask_ms == 0 || m->ask_ms > now_ms)
        return 0;
    m->ask_ms = now_ms + retry_after(m);
    m->asks++;
    int r = 0;
    if (m->state == PAY_MEMBER_ACTIVE && !m->ends && m->period_end_ms <= now_ms && m->next_ms <= m->period_end_ms)
        r = let_until(tx, s, m, /* grace= */ true, e);
    if (r >= 0)
        r = shop__member_put(tx, m, e);
    return r < 0 ? r : 1;
}
