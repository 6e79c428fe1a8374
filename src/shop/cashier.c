/*
 * cashier.c - everything that waits for a payment provider: payments are begun, asked about, closed, given back; notices are heard.
 *
 * Each call is written down before it is made (when it is asked again, if nobody hears how it ended), and each answer is booked by one write
 * function. So a crash anywhere leaves a row that is due later, and the same call, which happens once for its number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/scope.h"
#include "db/db.h"
#include "shop/internal.h"

#define LOOK_MS     1000                       /* the clock may be moved, and a time comes without a wake */
#define GRACE_MS    (2LL * 60 * 1000)          /* after until_ms, before it is closed at the provider: somebody may be paying just now */
#define ATTEMPT_MAX 50
#define REFUND_PATIENCE 3                      /* calls whose end nobody knows, 10, 20 and 40 s apart: no earlier one is under way any more */

const struct setting shop_settings[] = {
    { "shop.codes_per_hour", SET_INT, "20", 1, 1000000, "Codes that one account may try in an hour, and as many more one network address; a third of them at once." },
    { "shop.orders_per_hour", SET_INT, "120", 1, 1000000, "Orders that one account may begin in an hour." },
    { "shop.unlikes", SET_INT, "3", 0, 1000, "Tasks of one account that are made again in 30 days because nobody is like themselves; beyond, an operator decides. 0: no limit." },
    { "shop.unlike_for", SET_MS, "30d", 0, 3650LL * 24 * 3600 * 1000, "How long after pictures were made their owner may say that nobody in them is like themselves. 0: no limit." },
    { "shop.grace", SET_MS, "3d", 0, 30LL * 24 * 3600 * 1000, "How long a membership goes on whose renewal is not paid yet." },
    { 0 },
};

DB_SQL(cashier_start, "UPDATE shop_order SET started_ms = ?, base_url = ?, scene = ?, asked_ms = ?, ask_ms = ?, asks = 0 WHERE id = ? AND state = 'open'");
DB_SQL(cashier_base, "SELECT base_url FROM shop_order WHERE id = ?");
DB_SQL(cashier_started, "UPDATE shop_order SET provider_ref = ?, attempt = ? WHERE id = ? AND state = 'open'");
DB_SQL(cashier_attempt, "UPDATE shop_order SET attempt = ? WHERE id = ? AND attempt = ? AND provider_ref = ''");
DB_SQL(cashier_stranger, "UPDATE shop_order SET customer = '', attempt = ? WHERE id = ?");
DB_SQL(cashier_order_due, "SELECT id FROM shop_order WHERE provider = ? AND state IN ('open', 'closed', 'failed') AND ask_ms > 0 AND ask_ms <= ? ORDER BY ask_ms LIMIT 1");
DB_SQL(cashier_look_due, "SELECT id FROM shop_order WHERE provider = ? AND state = 'paid' AND ask_ms > 0 AND ask_ms <= ? ORDER BY ask_ms LIMIT 1");
/* CROSS JOIN: what is due comes first, of which there is little; else all orders of the provider might. */
DB_SQL(cashier_refund_due, "SELECT f.id FROM shop_refund f CROSS JOIN shop_order o WHERE o.id = f.order_id AND o.provider = ? AND f.ask_ms > 0 AND f.ask_ms <= ? ORDER BY f.ask_ms LIMIT 1");
DB_SQL(cashier_refund_ask, "UPDATE shop_refund SET ask_ms = ?, asks = asks + 1 WHERE id = ? AND ask_ms = ?");
DB_SQL(cashier_refund_attempt, "UPDATE shop_refund SET attempt = attempt + 1 WHERE id = ? AND attempt < ?");
DB_SQL(cashier_by_ref, "SELECT id FROM shop_order WHERE provider_ref = ? AND provider = ?");
DB_SQL(cashier_by_transaction, "SELECT id FROM shop_order WHERE transaction_ref = ? AND provider = ?");

/* ---- one transaction each ---- */
struct step {
    struct shop  *s;
    int64_t       order, account, refund, now_ms;
    struct order  o;
    struct refund f;
    struct surplus x;
    bool          asked_before, wants, sure;
    enum pay_scene scene;
    struct str    ref;
    int64_t       attempt;
    const struct pay_truth *truth;
    const struct pay_refund_truth *refund_truth;
    struct str    why;
    const char   *state;
    const struct shop_start *how;
    char          base[SHOP__REF];             /* where we are, as the provider was told first */
};

static int settle_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__settle(tx, w->s, w->order, w->truth, e);
}
static int settle(struct shop *s, int64_t order, const struct pay_truth *t, struct err *e) {
    struct step w = { .s = s, .order = order, .truth = t };
    int r = db_do(s->db, settle_step, &w, e);
    if (r >= 0 && t->state == PAY_PAID)
        atomic_fetch_add(&s->paid, 1);
    return r;
}

static int close_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__order_get(tx, w->order, 0, &w->o, e);
    if (r <= 0 || w->o.state != SHOP_OPEN)
        return r < 0 ? r : 0;
    r = shop__order_move(tx, &w->o, SHOP_CLOSED, w->o.started_ms ? w->now_ms + 3600 * 1000 : 0, e);
    return r < 0 || (!w->sure && w->o.started_ms) ? r : shop__code_release(tx, w->order, e);
}
/* Not to be paid any more. sure: the provider says that nobody can; so it is of one that was never begun. A code's use is given back then, else when it
 * was asked about for the last time. */
static int close_row(struct shop *s, int64_t order, bool sure, struct err *e) {
    struct step w = { .s = s, .order = order, .sure = sure, .now_ms = clock_ms() };
    return db_do(s->db, close_step, &w, e);
}

/* ---- asking about an order ---- */
static int ask_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__order_get(tx, w->order, w->account, &w->o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    w->wants = false;
    if ((w->o.state == SHOP_PAID && w->account != 0) || (w->o.started_ms == 0 && w->o.until_ms > w->now_ms))
        return 0;
    r = shop__ask_begin(tx, &w->o, w->account != 0, w->now_ms, e);
    w->wants = r == 1;
    return r < 0 ? r : 0;
}

/* No start of it ever succeeded, at a provider that could not be asked about it. An address to pay at is handed out after the commit that keeps its
 * id (start()), so nobody has one. */
static bool nobody_can_pay(const struct shop *s, const struct order *o) {
    struct pay_provider_info info;
    for (size_t i = 0; pay_provider(s->pay, i, &info); i++)
        if (str_eqz(str_z(o->provider), info.name))
            return (info.can & PAY_ASKED_BY_ID) && !o->provider_ref[0];
    return false;
}

/* The provider's truth about it, booked. Nobody knows such a number: nothing to book. */
int shop__ask(struct shop *s, const struct order *o, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct pay_which which = shop__which(o);
    *ret = (struct pay_truth){ .state = PAY_OPEN };
    if (nobody_can_pay(s, o))
        return 0;
    atomic_fetch_add(&s->asked, 1);
    failpoint_hit(FP_SHOP_BEFORE_ASK);
    int r = pay_query(s->pay, o->provider, &which, a, ret, e);
    failpoint_hit(FP_SHOP_AFTER_ASK);
    return r == ERR_NOT_FOUND ? 0 : r < 0 ? r : settle(s, o->id, ret, e);
}

/* Its time is over: the provider is told, unless it was paid meanwhile. */
static int close_there(struct shop *s, const struct order *o, struct arena *a, struct err *e) {
    struct pay_which which = shop__which(o);
    if (nobody_can_pay(s, o))
        return close_row(s, o->id, /* sure= */ false, e);      /* a start may be under way */
    failpoint_hit(FP_SHOP_BEFORE_CLOSE);
    int r = pay_close(s->pay, o->provider, &which, a, e);
    failpoint_hit(FP_SHOP_AFTER_CLOSE);
    if (r == ERR_PAY_OVER) {
        struct pay_truth t;
        return shop__ask(s, o, a, &t, e);
    }
    return r < 0 && r != ERR_NOT_FOUND ? r : close_row(s, o->id, /* sure= */ r >= 0, e);
}

static int do_order(struct shop *s, int64_t order, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct step w = { .s = s, .order = order, .now_ms = clock_ms() };
    struct pay_truth t;
    int r = db_do(s->db, ask_step, &w, e);
    if (r < 0 || !w.wants)
        return r;
    if (w.o.state == SHOP_PAID)
        return pay_has(s->pay, w.o.provider) ? shop__ask(s, &w.o, a, &t, e) : 0;
    if (w.o.started_ms == 0)
        return close_row(s, order, /* sure= */ false, e);
    r = shop__ask(s, &w.o, a, &t, e);
    if (r < 0 || w.o.state != SHOP_OPEN || (t.state != PAY_OPEN && t.state != PAY_PROCESSING) || w.now_ms < w.o.until_ms + GRACE_MS)
        return r;
    return close_there(s, &w.o, a, e);
}

int shop_order_check(struct shop *s, int64_t order, int64_t account, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct step w = { .s = s, .order = order, .account = account, .now_ms = clock_ms() };
    struct pay_truth t;
    int r = db_do(s->db, ask_step, &w, e);
    return r < 0 || !w.wants || w.o.started_ms == 0 ? r : shop__ask(s, &w.o, a, &t, e);
}

int shop_order_cancel(struct shop *s, int64_t order, int64_t account, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct order o;
    int r = shop__order_get(db_reader(s->db), order, account, &o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (o.state == SHOP_PAID)
        return err_set(e, ERR_STATE, "order %s is paid; ask for a refund", o.number);
    if (o.state != SHOP_OPEN)
        return 0;
    if ((r = o.started_ms ? close_there(s, &o, a, e) : close_row(s, order, /* sure= */ false, e)) < 0)
        return r;
    if ((r = shop__order_get(db_reader(s->db), order, account, &o, e)) < 0)
        return r;
    return o.state == SHOP_PAID ? err_set(e, ERR_STATE, "order %s was paid meanwhile; ask for a refund", o.number) : 0;
}

/* ---- beginning a payment ---- */
/* The provider refuses the same number with other words (Stripe), and ours may have another address by now. */
static int read_base(struct db_tx *tx, struct step *w, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &cashier_base, DB_INT(w->order));
    struct str base = r == 1 && db_str(&rows, 0).n ? db_str(&rows, 0) : w->how->base_url;
    if (r >= 0 && base.n >= sizeof(w->base))
        return err_set(e, ERR_CONFIG, "public_url: at most %zu bytes", sizeof(w->base) - 1);
    snprintf(w->base, sizeof(w->base), "%.*s", STR_ARG(base));
    return r < 0 ? r : 0;
}

static int start_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__order_get(tx, w->order, w->account, &w->o, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such order");
    if (w->o.state != SHOP_OPEN || w->o.until_ms <= w->now_ms)
        return err_set(e, ERR_PAY_OVER, "order %s is %s", w->o.number, w->o.state == SHOP_OPEN ? "too old" : shop_state_names[w->o.state]);
    int64_t other;
    if (str_eqz(str_z(w->o.kind), "member") && (r = shop__member_live(tx, w->o.account, w->o.product, /* but= */ 0, &other, e)) != 0)
        return r < 0 ? r : err_set(e, ERR_MEMBER, "one membership at a time; cancel this order");
    w->asked_before = w->o.started_ms > 0;
    if ((r = read_base(tx, w, e)) < 0)
        return r;
    return db_run(tx, NULL, e, &cashier_start, DB_INT(w->o.started_ms ? w->o.started_ms : w->now_ms), DB_TEXT(w->base), DB_TEXT(pay_scene_names[w->scene]), DB_INT(w->now_ms),
                  DB_INT(w->now_ms + 15 * 1000), DB_INT(w->order));
}

static int started_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    int64_t changed;
    int r = db_run(tx, &changed, e, &cashier_started, DB_STR(w->ref), DB_INT(w->attempt), DB_INT(w->order));
    return r < 0 || changed == 1 ? r : err_set(e, ERR_PAY_OVER, "order %s is over", w->o.number);
}

static int attempt_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return db_run(tx, NULL, e, &cashier_attempt, DB_INT(w->attempt), DB_INT(w->order), DB_INT(w->attempt - 1));
}

/*
 * A provider that remembers calls plays an old failure back for ever; another attempt is a new call to it. Only while no start of this order ever
 * succeeded: what may lie there unseen can be paid by nobody, since nobody was given its address.
 */
static void raise_attempt(struct shop *s, struct step *w) {
    struct err why = { 0 };
    w->attempt = w->o.attempt + 1;
    if (w->attempt <= ATTEMPT_MAX && db_do(s->db, attempt_step, w, &why) < 0)
        log_event(LOG_WARN, "shop.attempt", F_STR("order", w->o.number), F_ERR(&why));
}

static int start(struct shop *s, struct step *w, const struct shop_start *how, struct arena *a, struct pay_start *ret, struct err *e);

static int forget_customer_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return db_run(tx, NULL, e, &cashier_stranger, DB_INT(w->attempt), DB_INT(w->order));
}

static int start_as_stranger(struct shop *s, struct step *w, const struct shop_start *how, struct arena *a, struct pay_start *ret, struct err *e) {
    w->attempt = w->o.attempt + 1;               /* other words: a new call for who remembers calls */
    int r = db_do(s->db, forget_customer_step, w, e);
    if (r < 0)
        return r;
    w->o.customer[0] = '\0';
    w->o.attempt = w->attempt;
    return start(s, w, how, a, ret, e);
}

static int start(struct shop *s, struct step *w, const struct shop_start *how, struct arena *a, struct pay_start *ret, struct err *e) {
    const struct order *o = &w->o;
    char account[ID_TEXT_MAX];
    id_text(account, "acct", o->account);
    struct pay_ask asked = { .number = str_z(o->number), .attempt = (int)o->attempt, .price = shop__price(o), .title = str_z(o->title), .scene = how->scene,
                             .notify_url = arena_printf(a, "%s/v1/hooks/%s", w->base, o->provider), .return_url = arena_printf(a, "%s/orders/%s", w->base, o->number), .until_ms = o->until_ms, .openid = how->openid, .client_ip = how->client_ip,
                             .account = str_z(account), .customer = str_z(o->customer), .months = str_eqz(str_z(o->kind), "member") ? 1 : 0 };
    failpoint_hit(FP_SHOP_BEFORE_START);
    int r = pay_start(s->pay, o->provider, &asked, a, ret, e);
    failpoint_hit(FP_SHOP_AFTER_START);
    if (r == ERR_NOT_FOUND && o->customer[0])    /* the payer as an earlier order knew them: of another account of ours there, or of its test mode */
        return start_as_stranger(s, w, how, a, ret, e);
    if (!o->provider_ref[0] && (r == ERR_UPSTREAM || (r == ERR_UNCERTAIN && w->asked_before)))
        raise_attempt(s, w);
    if (r < 0 || !ret->provider_id.n)
        return r;
    w->ref = ret->provider_id;
    w->attempt = o->attempt;
    if ((r = db_do(s->db, started_step, w, e)) == ERR_PAY_OVER) {      /* closed meanwhile: nobody is given what was begun, and it is closed there, too */
        struct pay_which begun = { str_z(o->number), ret->provider_id, STR("") };
        struct err why = { 0 };
        if (pay_close(s->pay, o->provider, &begun, a, &why) < 0)
            log_event(LOG_WARN, "shop.close", F_STR("order", o->number), F_ERR(&why));
    }
    return r;
}

int shop_order_start(struct shop *s, int64_t order, int64_t account, const struct shop_start *how, struct arena *a, struct pay_start *ret, struct err *e) {
    struct step w = { .s = s, .order = order, .account = account, .now_ms = clock_ms(), .scene = how->scene, .how = how };
    struct pay_truth t;
    int r = db_do(s->db, start_step, &w, e);
    if (r < 0)
        return r;
    if (w.asked_before && ((r = shop__ask(s, &w.o, a, &t, e)) < 0 || t.state == PAY_PAID || t.state == PAY_CLOSED || t.state == PAY_FAILED))
        return r < 0 ? r : err_set(e, ERR_PAY_OVER, "order %s is %s at the provider", w.o.number, pay_state_names[t.state]);
    if ((r = start(s, &w, how, a, ret, e)) != ERR_PAY_OVER)
        return r;
    struct err why = { 0 };
    if (shop__ask(s, &w.o, a, &t, &why) < 0)
        log_event(LOG_WARN, "shop.ask", F_STR("order", w.o.number), F_ERR(&why));
    return r;
}

/* ---- giving back ---- */
static int refund_ask_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__refund_get(tx, w->refund, &w->f, e);
    w->wants = false;
    if (r <= 0 || w->f.ask_ms == 0 || w->f.ask_ms > w->now_ms)
        return r < 0 ? r : 0;
    if ((r = shop__order_get(tx, w->f.order, 0, &w->o, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "refund %s is of no order", w->f.number);
    int64_t ms = 10 * 1000, changed;
    for (int64_t i = 0; i < w->f.asks && ms < 3600 * 1000; i++)
        ms *= 2;
    r = db_run(tx, &changed, e, &cashier_refund_ask, DB_INT(w->now_ms + ms), DB_INT(w->refund), DB_INT(w->f.ask_ms));
    w->wants = r >= 0 && changed == 1;
    return r < 0 ? r : 0;
}
static int refund_settle_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__refund_settle(tx, w->s, w->refund, w->refund_truth, e);
}
static int refund_undo_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__refund_undo(tx, w->refund, "failed", w->why, e);
}
static int refund_attempt_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return db_run(tx, NULL, e, &cashier_refund_attempt, DB_INT(w->refund), DB_INT(ATTEMPT_MAX));
}

/* What the provider did not do: again later, or never. */
static int refund_failed(struct shop *s, struct step *w, int code, struct err *e) {
    switch (pay_next(code)) {
    case PAY_NEXT_NEVER:
        w->why = str_z(e->text);
        log_event(LOG_ERROR, "shop.refund_failed", F_STR("refund", w->f.number), F_ERR(e));
        return code == ERR_PAY_REFUSED ? db_do(s->db, refund_undo_step, w, e) : code;
    case PAY_NEXT_ASK:                           /* played back again and again: another attempt is a new call, before which the number is looked for */
        return w->f.asks >= REFUND_PATIENCE && db_do(s->db, refund_attempt_step, w, NULL) < 0 ? ERR_DB : code;
    default:
        return code;
    }
}

/* asked: it was taken before, so what became of it is all there is to know. ERR_PAY_OVER: all of that payment is back already, by another number. */
static int give_back(struct shop *s, const char *provider, const struct pay_refund_ask *how, bool asked, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    failpoint_hit(FP_SHOP_BEFORE_REFUND);
    int r = asked ? pay_query_refund(s->pay, provider, how, a, ret, e) : pay_refund(s->pay, provider, how, a, ret, e), known;
    failpoint_hit(FP_SHOP_AFTER_REFUND);
    if (r == ERR_PAY_OVER && !asked)             /* it was taken before; what became of it is asked by its number */
        r = (known = pay_query_refund(s->pay, provider, how, a, ret, e)) == ERR_NOT_FOUND ? err_set(e, ERR_PAY_OVER, "it went back by another number") : known;
    if (r >= 0 && !asked && ret->state == PAY_REFUND_PENDING && !ret->provider_id.n) {      /* one that tells nothing more by the same call again (Alipay) */
        known = pay_query_refund(s->pay, provider, how, a, ret, e);
        r = known == ERR_NOT_FOUND ? 0 : known;
    }
    return r;
}

static int do_refund(struct shop *s, int64_t refund, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct step w = { .s = s, .refund = refund, .now_ms = clock_ms() };
    struct pay_refund_truth t;
    int r = db_do(s->db, refund_ask_step, &w, e);
    if (r < 0 || !w.wants)
        return r;
    struct pay_refund_ask how = { .number = str_z(w.f.number), .of = shop__which(&w.o), .amount = shop__price(&w.o), .total_minor = w.o.price,
                                  .reason = str_z(w.f.reason), .provider_id = str_z(w.f.provider_ref), .attempt = (int)w.f.attempt };
    how.amount.minor = w.f.money;
    const char *base = config_str(s->cfg, "public_url");
    if (base[0])                                 /* else there is no address of ours to tell: it is asked about */
        how.notify_url = arena_printf(a, "%s/v1/hooks/%s", base, w.o.provider);
    bool asked = w.f.provider_ref[0] || str_eqz(str_z(w.f.state), "abnormal");
    r = give_back(s, w.o.provider, &how, asked, a, &t, e);
    if (r < 0)
        return refund_failed(s, &w, r, e);
    w.refund_truth = &t;
    return db_do(s->db, refund_settle_step, &w, e);
}

/* ---- a second payment goes back ---- */
static int surplus_ask_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__surplus_ask_begin(tx, w->refund, w->now_ms, &w->x, e);
    w->wants = r == 1;
    if (r == 1 && (r = shop__order_get(tx, w->x.order, 0, &w->o, e)) == 0)
        r = err_set(e, ERR_DB, "%s is of no order", w->x.number);
    return r < 0 ? r : 0;
}
static int surplus_settle_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__surplus_settle(tx, w->refund, w->refund_truth, w->why, e);
}
static int surplus_attempt_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__surplus_attempt(tx, w->refund, ATTEMPT_MAX, e);
}
static int surplus_wake_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__surplus_wake(tx, w->s, w->refund, e);
}

static int do_surplus(struct shop *s, int64_t surplus, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct step w = { .s = s, .refund = surplus, .now_ms = clock_ms(), .why = STR("") };
    struct pay_refund_truth t;
    struct err why = { 0 };
    int r = db_do(s->db, surplus_ask_step, &w, e);
    if (r < 0 || !w.wants)
        return r;
    const struct surplus *x = &w.x;
    struct pay_refund_ask how = { .number = str_z(x->number), .of = { str_z(w.o.payment), STR(""), str_z(x->transaction_ref) }, .amount = x->money, .total_minor = x->money.minor,
                                  .reason = STR("paid twice"), .provider_id = str_z(x->provider_ref), .attempt = (int)x->attempt };
    bool asked = x->provider_ref[0] || str_eqz(str_z(x->state), "abnormal");
    r = give_back(s, w.o.provider, &how, asked, a, &t, &why);
    if (r == ERR_UNCERTAIN && x->asks >= REFUND_PATIENCE && db_do(s->db, surplus_attempt_step, &w, NULL) < 0)
        return err_set(e, ERR_DB, "the attempt of %s is not counted", x->number);
    if (r == ERR_PAY_OVER && !asked)
        t = (struct pay_refund_truth){ .state = PAY_REFUND_DONE, .provider_id = STR("") };
    else if (r == ERR_PAY_REFUSED)
        t = (struct pay_refund_truth){ .state = PAY_REFUND_FAILED, .provider_id = STR("") };
    else if (r < 0)
        return err_set(e, r, "%s", why.text);
    w.refund_truth = &t;
    w.why = str_z(why.text);
    return db_do(s->db, surplus_settle_step, &w, e);
}

/* ---- notices ---- */
int shop__find_order(struct shop *s, const char *provider, const struct pay_notice *n, int64_t *ret, struct err *e) {
    struct db_tx *rd = db_reader(s->db);
    struct order o;
    int64_t id;
    if (n->number.n && id_parse(n->number, "order", &id) >= 0) {
        *ret = id;
        int r = shop__order_get(rd, id, 0, &o, e);
        return r == 1 && !str_eqz(str_z(o.provider), provider) ? 0 : r;      /* a number that somebody else wrote down there */
    }
    const struct { const struct db_sql *q; struct str ref; } ways[] = { { &cashier_by_ref, n->provider_id }, { &cashier_by_transaction, n->transaction_id } };
    for (size_t i = 0; i < COUNT(ways); i++) {
        DB_ROWS rows = { 0 };
        int r = ways[i].ref.n ? db_one(rd, &rows, e, ways[i].q, DB_STR(ways[i].ref), DB_TEXT(provider)) : 0;
        if (r == 1)
            *ret = db_int(&rows, 0);
        if (r != 0)
            return r;
    }
    return 0;
}

/* What a provider tells of what a membership brought is not in the answers to a question: a person looks. */
static int trouble_step(struct db_tx *tx, void *arg, struct err *e) {
    struct step *w = arg;
    int r = shop__order_get(tx, w->order, 0, &w->o, e);
    return r <= 0 || w->o.state != SHOP_PAID ? r : shop__trouble_about(tx, &w->o, w->state, w->ref, e);
}

static int hear_payment(struct shop *s, const char *provider, const struct pay_notice *n, bool truth, struct arena *a, struct err *e) {
    struct order o;
    struct pay_truth t;
    int64_t id;
    int r = shop__find_order(s, provider, n, &id, e);
    if (r <= 0) {
        if (r == 0)
            log_event(LOG_WARN, "shop.notice_of_no_order", F_STR("provider", provider), F_STRN("number", n->number), F_STRN("what", n->what));
        return r;
    }
    if ((r = shop__order_get(db_reader(s->db), id, 0, &o, e)) <= 0)
        return r;
    bool member = str_eqz(str_z(o.kind), "member"), own = n->about == PAY_ABOUT_PAYMENT;      /* else the notice's id is a refund's or a dispute's */
    if (member && !own) {
        struct step w = { .s = s, .order = id, .state = n->about == PAY_ABOUT_REFUND ? "refund_unknown" : "dispute", .ref = n->provider_id };
        if ((r = db_do(s->db, trouble_step, &w, e)) < 0)
            return r;
    }
    if (truth && !member)                        /* of a membership it may be older than what is known: its number has many payments */
        return settle(s, id, &n->payment, e);
    struct pay_which which = shop__which(&o);    /* the notice may know names of it that we do not, or speak of another payment of this number */
    which.provider_id = own && n->provider_id.n ? n->provider_id : which.provider_id;
    which.transaction_id = n->transaction_id.n ? n->transaction_id : which.transaction_id;
    atomic_fetch_add(&s->asked, 1);
    r = pay_query(s->pay, provider, &which, a, &t, e);
    return r < 0 ? r : settle(s, id, &t, e);
}

static int foreign_step(struct db_tx *tx, void *arg, struct err *e) {
    const struct step *w = arg;
    return shop__refund_foreign(tx, w->s, w->order, w->refund_truth, e);
}
/* Made in the provider's console. Who says how much by the notice itself (WeChat) says it nowhere else: of the payment it tells only that something went
 * back. The payment's own notice may have been lost. */
static int hear_foreign(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct err *e) {
    struct step w = { .s = s, .refund_truth = &n->refund };
    struct order o;
    int r = shop__find_order(s, provider, n, &w.order, e);
    if (r == 1)
        r = shop__order_get(db_reader(s->db), w.order, 0, &o, e);
    if (r < 0)
        return r;
    bool ours = r == 1 && !o.member;
    if ((!ours || o.state != SHOP_PAID) && (r = hear_payment(s, provider, n, /* truth= */ false, a, e)) < 0)
        return r;
    return ours ? db_do(s->db, foreign_step, &w, e) : 0;
}

static int hear_refund(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct err *e) {
    struct refund f;
    int64_t id;
    int r = n->refund_number.n && id_parse(n->refund_number, "refund", &id) >= 0 ? shop__refund_get(db_reader(s->db), id, &f, e) : 0;
    if (r < 0)
        return r;
    if (r == 0 && n->refund_number.n && id_parse(n->refund_number, "refund", &id) >= 0) {
        struct step back = { .s = s, .refund = id, .refund_truth = &n->refund, .why = STR("the provider could not give it back") };
        if ((r = shop__surplus_get(db_reader(s->db), id, &back.x, e)) != 0)
            return r < 0 ? r : db_do(s->db, n->truth ? surplus_settle_step : surplus_wake_step, &back, e);
    }
    if (r == 0)                                  /* not one of ours */
        return n->truth && n->refund.state == PAY_REFUND_DONE ? hear_foreign(s, provider, n, a, e) : hear_payment(s, provider, n, /* truth= */ false, a, e);
    struct step w = { .s = s, .refund = id, .refund_truth = &n->refund };
    if (n->truth)
        return db_do(s->db, refund_settle_step, &w, e);
    struct order o;
    struct pay_refund_truth t;
    if ((r = shop__order_get(db_reader(s->db), f.order, 0, &o, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_DB, "refund %s is of no order", f.number);
    struct pay_refund_ask how = { .number = str_z(f.number), .of = shop__which(&o), .amount = shop__price(&o), .total_minor = o.price, .provider_id = n->provider_id };
    how.amount.minor = f.money;
    if (f.provider_ref[0])
        how.provider_id = str_z(f.provider_ref);
    if ((r = pay_query_refund(s->pay, provider, &how, a, &t, e)) < 0)
        return r;
    w.refund_truth = &t;
    return db_do(s->db, refund_settle_step, &w, e);
}

static int hear(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct err *e) {
    switch (n->about) {
    case PAY_ABOUT_PAYMENT:
        return hear_payment(s, provider, n, n->truth, a, e);
    case PAY_ABOUT_REFUND:
        return hear_refund(s, provider, n, a, e);
    case PAY_ABOUT_MEMBER:
        return shop__hear_member(s, provider, n, a, e);
    case PAY_ABOUT_DISPUTE:
        return hear_payment(s, provider, n, /* truth= */ n->truth, a, e);
    default:
        return 0;
    }
}

int shop_hear(struct shop *s, const char *provider, const struct pay_said *said, struct arena *a, struct pay_reply *ret, struct err *e) {
    struct pay_notice n;
    atomic_fetch_add(&s->notices, 1);
    int r = pay_notice(s->pay, provider, said, clock_ms(), a, &n, e);
    if (r < 0)
        atomic_fetch_add(&s->notices_refused, 1);
    failpoint_hit(FP_SHOP_BEFORE_HEAR);
    if (r >= 0)
        r = hear(s, provider, &n, a, e);
    failpoint_hit(FP_SHOP_AFTER_HEAR);
    if (r < 0)
        log_event(LOG_WARN, "shop.notice", F_STR("provider", provider), F_ERR(e));
    else
        log_event(LOG_INFO, "shop.notice", F_STR("provider", provider), F_STRN("what", n.what), F_STRN("number", n.number));
    *ret = pay_notice_reply(s->pay, provider, r);
    return 0;
}

/* ---- the threads: one a provider, so that one that hangs holds up nobody who is paid another way ---- */
/* The first that is due of a table, of one provider; 1/0/<0. */
static int due(struct shop *s, const struct db_sql *q, const char *provider, int64_t *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(db_reader(s->db), &rows, e, q, DB_TEXT(provider), DB_INT(clock_ms()));
    if (r == 1)
        *ret = db_int(&rows, 0);
    return r;
}

/* One of each kind that is due of one provider: 1 something was done, 0 nothing is due. What fails is due again later by its row; only the database
 * itself is an error of the cashier's. Paid orders that are due all at once, after the server was away say, hold up nothing: one a second. */
static int work_for(struct cashier *c, const char *provider, struct err *e) {
    struct shop *s = c->s;
    bool look = c->looked_ms == 0 || clock_mono_ms() - c->looked_ms >= LOOK_MS;
    const struct { const struct db_sql *q; int (*act)(struct shop *s, int64_t id, struct err *e); const char *what; } kinds[] = {
        { &cashier_refund_due, do_refund, "refund" }, { shop__surplus_due, do_surplus, "refund" }, { shop__change_due, shop__do_change, "change" }, { shop__member_due, shop__do_member, "member" },
        { &cashier_order_due, do_order, "order" }, { look ? &cashier_look_due : NULL, do_order, "order" },
    };
    int n = 0;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        int64_t id;
        char text[ID_TEXT_MAX];
        struct err why = { 0 };
        int r = kinds[i].q ? due(s, kinds[i].q, provider, &id, e) : 0;
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        n = 1;
        if (kinds[i].q == &cashier_look_due)
            c->looked_ms = clock_mono_ms();
        id_text(text, kinds[i].what, id);
        if ((r = kinds[i].act(s, id, &why)) < 0)
            log_event(pay_next(r) == PAY_NEXT_OPERATOR ? LOG_ERROR : LOG_WARN, "shop.later", F_STR("what", text), F_ERR(&why));
        if (r == ERR_DB || r == ERR_IO || r == ERR_DISK_FULL || r == ERR_STOPPING || r == ERR_BUSY) {
            *e = why;
            return r;
        }
    }
    return n;
}

static int work(struct cashier *c, struct err *e) {
    int n = 0;
    for (size_t i = 0; i < c->n_names; i++) {
        int r = work_for(c, c->names[i], e);
        if (r < 0)
            return r;
        n |= r;
    }
    return n;
}

static void wait_due(struct cashier *c) {
    struct shop *s = c->s;
    pthread_mutex_lock(&s->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    while (c->woken == s->wakes && !atomic_load(&s->stopping) && pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT)
        ;
    c->woken = s->wakes;
    pthread_mutex_unlock(&s->lock);
}

static void *cashier_main(void *arg) {
    struct cashier *c = arg;
    char name[16];
    snprintf(name, sizeof(name), "cashier-%.7s", c->names[0]);
    pthread_setname_np(pthread_self(), name);
    while (!atomic_load(&c->s->stopping)) {
        struct err e = { 0 };
        int r = work(c, &e);
        if (r < 0)
            log_event(LOG_ERROR, "shop.database", F_ERR(&e));
        if (r != 1)
            wait_due(c);
    }
    return NULL;
}

void shop__wake(void *arg) {
    struct shop *s = arg;
    pthread_mutex_lock(&s->lock);
    s->wakes++;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- life ---- */
int shop_new(const struct config *cfg, struct db *d, struct pay *p, const struct studio *studio, struct shop **ret_s, struct err *e) {
    struct shop *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ERR_INTERNAL, "no memory");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_mutex_init(&s->lock, NULL);
    s->cfg = cfg;
    s->db = d;
    s->pay = p;
    s->studio = studio;
    *ret_s = s;
    return 0;
}

static int start_cashier(struct shop *s, const char *provider, struct err *e) {
    struct cashier *c = &s->cashiers[s->n_cashiers];
    *c = (struct cashier){ .s = s, .names = { provider }, .n_names = 1 };
    const char *known;
    for (size_t i = 0; s->n_cashiers == 0 && c->n_names < COUNT(c->names) && (known = pay_known(i)); i++)
        if (!pay_has(s->pay, known))
            c->names[c->n_names++] = known;
    if (pthread_create(&c->thread, NULL, cashier_main, c) != 0)
        return err_set(e, ERR_INTERNAL, "cannot start the cashier of %s", provider);
    s->n_cashiers++;
    return 0;
}

/* Where nothing is sold there may still be orders of before: nothing can be asked about them, and no thread is needed. */
int shop_start(struct shop *s, struct err *e) {
    struct pay_provider_info info;
    int r = 0;
    for (size_t i = 0; r >= 0 && i < SHOP__CASHIERS_MAX && pay_provider(s->pay, i, &info); i++)
        r = start_cashier(s, info.name, e);
    if (r < 0)
        shop_stop(s);
    return r;
}

void shop_stop(struct shop *s) {
    if (!s || s->n_cashiers == 0)
        return;
    atomic_store(&s->stopping, true);
    shop__wake(s);
    while (s->n_cashiers > 0)
        pthread_join(s->cashiers[--s->n_cashiers].thread, NULL);
}

void shop_free(struct shop *s) {
    if (!s)
        return;
    shop_stop(s);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
