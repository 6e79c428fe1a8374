/* member_ask.c - the cashier's part with memberships: asked about, changed, heard of. Each call is a row that is due again before it is made. */
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/planted.h"
#include "base/scope.h"
#include "db/db.h"
#include "shop/internal.h"

#define AGAIN_MS     (10LL * 1000)             /* a change that did not work: this, twice as long each time, up to an hour */
#define AGAIN_MAX_MS (3600LL * 1000)
#define ASKS_MAX     2                         /* for an answer that no change has overtaken; a second change has a notice of its own */
#define SAME_CALLS   3                         /* a provider that remembers calls plays an old failure back: then another attempt. What a change sets may be set again */

DB_SQL(member_due, "SELECT id FROM shop_member WHERE provider = ? AND ask_ms > 0 AND ask_ms <= ? ORDER BY ask_ms LIMIT 1");
DB_SQL(change_due, "SELECT c.id FROM shop_change c CROSS JOIN shop_member m WHERE m.id = c.member_id AND m.provider = ? AND c.ask_ms > 0 AND c.ask_ms <= ? ORDER BY c.ask_ms LIMIT 1");
DB_SQL(change_ask, "UPDATE shop_change SET ask_ms = ?, asks = asks + 1 WHERE id = ? AND ask_ms = ? AND state = 'pending'");
DB_SQL(period_late, "INSERT INTO shop_period (order_id, member_id, provider, invoice_ref, start_ms, end_ms, whole) SELECT o.id, m.id, o.provider, o.provider_ref, ?, ?, 1 "
                    "FROM shop_member m JOIN shop_order o ON o.provider = m.provider WHERE m.id = ? AND o.provider_ref = ? "
                    "AND o.id = (SELECT MAX(x.id) FROM shop_order x WHERE x.provider = o.provider AND x.provider_ref = o.provider_ref) "
                    "AND NOT EXISTS (SELECT 1 FROM shop_period p WHERE p.provider = o.provider AND p.invoice_ref = o.provider_ref)");
const struct db_sql *const shop__member_due = &member_due, *const shop__change_due = &change_due;

/* ---- one transaction each ---- */
struct step {
    struct shop *s;
    int64_t id, now_ms;
    struct member m;
    struct change c;
    bool wants, asked, overtaken;
    const struct pay_truth *truth;
    const char *state;
    struct str why;
};

/* What was asked before a change ended may be older than what the change booked: then it says nothing. */
static int settle_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    struct change now = { 0 };
    int r = w->asked ? shop__change_newest(tx, w->id, &now, e) : 0;
    w->overtaken = w->asked && (now.id != w->c.id || now.done_ms != w->c.done_ms);
    return r < 0 || w->overtaken ? r < 0 ? r : 0 : shop__member_settle(tx, w->s, w->id, w->truth, e);
}
static int period_late_step(struct db_tx *tx, void *arg, struct err *e) {      /* planted.def */
    const struct step *w = arg;
    const struct pay_member *told = &w->truth->member;
    return db_run(tx, NULL, e, &period_late, DB_INT(told->period_start_ms), DB_INT(told->period_end_ms), DB_INT(w->id), DB_STR(w->truth->provider_id));
}
static int settle(struct step *w, struct err *e) {
    int r = db_do(w->s->db, settle_step, w, e);
    return r >= 0 && planted(PLANTED_PERIOD_OUTSIDE) ? db_do(w->s->db, period_late_step, w, e) : r;
}

static int order_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__settle(tx, w->s, w->id, w->truth, e);
}

static int ask_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__member_get(tx, w->id, &w->m, e);
    w->wants = false;
    if (r <= 0 || (r = shop__member_ask_begin(tx, w->s, &w->m, w->now_ms, e)) < 0)
        return r;
    w->wants = r == 1;
    return 0;
}

/* ---- asking ---- */
/* What was paid for it before the newest and is not known yet, the oldest first: several months may have passed while we were away, and an answer names
 * the newest payment only. */
static int ask_payments(struct step *w, const struct member *m, struct str newest, struct arena *a, struct err *e) {
    struct db_tx *rd = db_reader(w->s->db);
    struct pay_payments p;
    int r = pay_query_payments(w->s->pay, m->provider, str_z(m->ref), a, &p, e);
    bool known = r < 0 || !p.more;
    for (size_t i = r < 0 ? 0 : p.n; i-- > 0 && r >= 0 && !w->overtaken;) {
        if (shop__knows_payment(rd, m, p.all[i].provider_id, p.all[i].transaction_id)) {
            known = true;
            continue;
        }
        if (str_eq(p.all[i].provider_id, newest))            /* with how the membership stands: by the answer itself */
            continue;
        w->truth = &p.all[i];
        r = settle(w, e);
    }
    if (!known)
        log_event(LOG_ERROR, "shop.payments_beyond", F_STR("membership", m->number), F_INT("told", (int64_t)p.n));
    return r;
}

/* all: whatever was paid is looked for, not only where the newest payment is one that is not known. */
static int ask(struct shop *s, const struct member *m, bool all, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct step w = { .s = s, .id = m->id, .asked = true, .overtaken = true };
    int r = 0;
    for (int i = 0; i < ASKS_MAX && r >= 0 && w.overtaken; i++) {
        w.c = (struct change){ 0 };
        if ((r = shop__change_newest(db_reader(s->db), m->id, &w.c, e)) < 0)
            return r;
        atomic_fetch_add(&s->asked, 1);
        failpoint_hit(FP_SHOP_BEFORE_MEMBER);
        r = pay_query_member(s->pay, m->provider, str_z(m->ref), a, ret, e);
        failpoint_hit(FP_SHOP_AFTER_MEMBER);
        w.overtaken = false;
        if (r >= 0 && (all || (ret->state == PAY_PAID && !shop__knows_payment(db_reader(s->db), m, ret->provider_id, ret->transaction_id))))
            r = ask_payments(&w, m, ret->provider_id, a, e);
        w.truth = ret;
        r = r < 0 || w.overtaken ? r : settle(&w, e);
    }
    return r;
}

int shop__do_member(struct shop *s, int64_t member, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct step w = { .s = s, .id = member, .now_ms = clock_ms() };
    struct pay_truth t;
    int r = db_do(s->db, ask_step, &w, e);
    return r < 0 || !w.wants ? r : ask(s, &w.m, /* all= */ true, a, &t, e);
}

/* ---- changing ---- */
static int change_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int64_t changed, ms = AGAIN_MS;
    int r = shop__change_get(tx, w->id, &w->c, e);
    w->wants = false;
    if (r <= 0 || w->c.ask_ms == 0 || w->c.ask_ms > w->now_ms)
        return r < 0 ? r : 0;
    if ((r = shop__member_get(tx, w->c.member, &w->m, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "%s is of no membership", w->c.number);
    for (int64_t i = 0; i < w->c.asks && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    r = db_run(tx, &changed, e, &change_ask, DB_INT(w->now_ms + (ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS)), DB_INT(w->id), DB_INT(w->c.ask_ms));
    w->wants = r >= 0 && changed == 1;
    return r < 0 ? r : 0;
}

/* The change is over, and what the provider said of the membership with its end is booked, in one. */
static int end_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__change_end(tx, &w->c, w->state, w->why, e);
    return r < 0 || !w->truth ? r : shop__member_settle(tx, w->s, w->m.id, w->truth, e);
}
static int end_change(struct step *w, const char *state, struct str why, const struct pay_truth *t, struct err *e) {
    w->state = state;
    w->why = why;
    w->truth = t;
    log_event(LOG_INFO, "shop.change", F_STR("change", w->c.number), F_STR("what", pay_change_names[w->c.what]), F_STR("state", state), F_STRN("why", why));
    return db_do(w->s->db, end_step, w, e);
}

/* An earlier call did it, and nobody heard. Of a price that begins later the provider tells nothing. */
static bool is_done(const struct change *c, const struct pay_member *m) {
    switch (c->what) {
    case PAY_CHANGE_END:
        return m->ends;
    case PAY_CHANGE_KEEP:
        return !m->ends;
    case PAY_CHANGE_PAUSE:
        return m->state == PAY_MEMBER_PAUSED;
    case PAY_CHANGE_RESUME:
        return m->state == PAY_MEMBER_ACTIVE;
    case PAY_CHANGE_PRICE:
        return c->charge_now && c->order;        /* the difference is here */
    default:
        return false;
    }
}

static int do_change(struct shop *s, struct step *w, struct arena *a, struct err *e) {
    const struct change *c = &w->c;
    struct pay_truth t;
    int r = ask(s, &w->m, /* all= */ false, a, &t, e);             /* a period that was paid and not heard of is booked before its plan changes */
    if (r < 0)
        return r;
    bool ending = c->what == PAY_CHANGE_END_NOW || c->what == PAY_CHANGE_END;
    if (t.member.state == PAY_MEMBER_ENDED)
        return end_change(w, ending ? "done" : "failed", ending ? STR("") : STR("the membership has ended"), NULL, e);
    if ((r = shop__change_get(db_reader(s->db), c->id, &w->c, e)) < 0)       /* what was asked just now may have been its money */
        return r;
    if (!str_eqz(str_z(c->state), "pending") || is_done(c, &t.member))
        return end_change(w, "done", STR(""), NULL, e);
    if (c->what == PAY_CHANGE_PRICE && t.member.ends)        /* ended in the provider's own pages meanwhile: nobody pays a difference for that */
        return end_change(w, "dropped", STR("the membership ends with this period"), NULL, e);
    struct pay_change_ask how = { .what = c->what, .number = str_z(c->number), .member = str_z(w->m.ref), .months = c->what == PAY_CHANGE_PRICE ? 1 : 0,
                                  .price = { .minor = c->price }, .item = str_z(c->item), .product = str_z(c->product_ref), .charge_now = c->charge_now,
                                  .attempt = (int)(c->asks / SAME_CALLS + 1) };
    memcpy(how.price.currency, ledger_currency_name(w->m.currency), sizeof(how.price.currency));
    failpoint_hit(FP_SHOP_BEFORE_CHANGE);
    r = pay_change(s->pay, w->m.provider, &how, a, &t, e);
    failpoint_hit(FP_SHOP_AFTER_CHANGE);
    if (r >= 0)
        return end_change(w, "done", STR(""), &t, e);
    /* Never: a person may wish again. The rest is due again: the same call, which changes once. */
    if (pay_next(r) != PAY_NEXT_NEVER)
        return r;
    struct err why = *e;
    return end_change(w, "failed", str_z(why.text), NULL, e);
}

int shop__do_change(struct shop *s, int64_t change, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(4 * PAY_ARENA);
    struct step w = { .s = s, .id = change, .now_ms = clock_ms() };
    int r = db_do(s->db, change_step, &w, e);
    return r < 0 || !w.wants ? r : do_change(s, &w, a, e);
}

/* ---- notices ---- */
static int ask_by_notice(struct shop *s, const struct order *o, const struct pay_notice *n, struct arena *a, struct err *e) {
    struct pay_truth t;
    struct pay_which which = { .number = str_z(o->number), .provider_id = n->provider_id.n ? n->provider_id : n->member };
    struct step w = { .s = s, .id = o->id, .truth = &t };
    atomic_fetch_add(&s->asked, 1);
    int r = pay_query(s->pay, o->provider, &which, a, &t, e);
    return r == ERR_NOT_FOUND ? 0 : r < 0 ? r : db_do(s->db, order_step, &w, e);
}

/* The first payment may be told by its invoice before its page is: the order is asked about, by the notice's names if we have none of it yet, and is a
 * membership from then on. */
static int first_payment(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct member *ret, struct err *e) {
    struct db_tx *rd = db_reader(s->db);
    struct order o;
    struct pay_truth t;
    int64_t id;
    int r = shop__find_order(s, provider, n, &id, e);
    if (r <= 0 || (r = shop__order_get(rd, id, 0, &o, e)) <= 0)
        return r;
    if (!o.member && (o.started_ms == 0 || (r = shop__ask(s, &o, a, &t, e)) < 0 || (r = shop__order_get(rd, id, 0, &o, e)) < 0))
        return r < 0 ? r : 0;
    if (!o.member && ((r = ask_by_notice(s, &o, n, a, e)) < 0 || (r = shop__order_get(rd, id, 0, &o, e)) < 0))
        return r;
    return o.member ? shop__member_get(rd, o.member, ret, e) : 0;
}

int shop__hear_member(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct err *e) {
    struct db_tx *rd = db_reader(s->db);
    struct member m;
    struct pay_truth t;
    int r = shop__member_find(rd, provider, n->member, &m, e);
    if (r == 0)
        r = first_payment(s, provider, n, a, &m, e);
    if (r <= 0) {
        if (r == 0)
            log_event(LOG_INFO, "shop.notice_of_no_membership", F_STR("provider", provider), F_STRN("member", n->member), F_STRN("what", n->what));
        return r;
    }
    if ((r = ask(s, &m, /* all= */ false, a, &t, e)) < 0 || !n->provider_id.n || str_eqz(n->provider_id, m.ref) || str_eq(n->provider_id, t.provider_id) ||
        shop__knows_payment(rd, &m, n->provider_id, STR("")))
        return r;
    struct pay_which which = { .number = str_z(m.number), .provider_id = n->provider_id };      /* an invoice that is not the newest any more, nor among those that are listed */
    atomic_fetch_add(&s->asked, 1);
    r = pay_query(s->pay, provider, &which, a, &t, e);
    return r < 0 ? r : settle(&(struct step){ .s = s, .id = m.id, .truth = &t }, e);
}
