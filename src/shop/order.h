/*
 * order.h - what somebody buys with real money: orders, what the provider says about them, and money that goes back.
 * Owns: shop_order, shop_refund, shop_surplus, shop_fee, shop_trouble; the cashiers' threads.
 * Invariants:
 *   an order is a row before its provider hears of it, and its number there is its id for all time;
 *   paid and booked are one transaction: state 'paid', ledger_sell() and what one may do by it, once (edge table; UNIQUE cause in the ledger);
 *   what pays an order is the provider's truth about that number, that amount, that currency; a notice or a browser that comes back only
 *   makes us look. Something else that was paid is never booked: `trouble`, and a person looks at it;
 *   money and credits go back together: the refund's row, ledger_refund() and what one may do no more are one transaction, before the
 *   provider is asked; if the provider fails for good, one transaction takes all of it back;
 *   whatever a notice does is also done without one: each open order and refund has a time at which it is asked about.
 *
 * Threads: functions with a tx wherever it lives (write functions for those that change something); those with a `struct shop` wait for the
 *          provider: pool and cashier threads only.
 * Used by: api/, ops/, main/.  Uses: base/, db/, ledger/, pay/, studio/.
 */
#ifndef ZT_SHOP_ORDER_H
#define ZT_SHOP_ORDER_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "pay/pay.h"
#include "shop/may.h"                         /* shop_sells() */
#include "studio/studio.h"

struct shop;
struct db;
struct db_tx;
struct jw;

/* Stored names never change. Edges: order.c, shop__edges. */
#define SHOP_STATES(X) \
    X(OPEN, "open")             /* can be paid */ \
    X(PAID, "paid")             /* also when it was given back later */ \
    X(CLOSED, "closed")         /* not to be paid any more; money that comes yet is taken, and counts */ \
    X(FAILED, "failed")         /* was tried and did not work */
#define SHOP_CAUSES(X) \
    X(ASKED, "asked")           /* its owner wanted it */ \
    X(UNLIKE, "unlike")         /* "not like me", for the second time */ \
    X(OPERATOR, "operator") \
    X(PROVIDER, "provider")     /* made in the provider's console, or by a bank */
#define X(id, text) SHOP_##id,
enum shop_state { SHOP_STATES(X) SHOP_STATE_COUNT };
#undef X
#define X(id, text) SHOP_CAUSE_##id,
enum shop_cause { SHOP_CAUSES(X) SHOP_CAUSE_COUNT };
#undef X
extern const char *const shop_state_names[], *const shop_cause_names[];      /* NULL-ended, by the enum's value */

#define SHOP_OPEN_MS (30LL * 60 * 1000)      /* how long an order can be paid */

/* ---- orders ---- */
struct shop_order_new {
    int64_t    id, account;
    const struct studio_product *product;
    const struct studio_plan *plan;          /* not the free one */
    enum ledger_currency currency;
    const char *provider;                    /* one that is set up */
    const char *lang;                        /* of the title */
    struct str code;                         /* that makes it cheaper, "" = none */
};
/* ERR_BAD_INPUT: not sold in that currency, or not by that provider; ERR_MEMBER: a second membership; ERR_RATE: 20 are open, or shop.orders_per_hour were made. Write function. */
int shop_order_make(struct db_tx *tx, struct shop *s, const struct shop_order_new *o, struct err *e);
/* The order as JSON for its owner; account 0 = the operator, who is told more. 1/0/<0. */
int shop_order_render(struct db_tx *tx, const struct shop *s, int64_t order, int64_t account, struct jw *w, struct err *e);
/* One account's (0: everybody's), newest first, a JSON array. */
int shop_order_list(struct db_tx *tx, const struct shop *s, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e);

struct shop_search { struct str state; int64_t account, before_id; bool troubled; int limit; };      /* "" and 0: any */
int shop_order_search(struct db_tx *tx, const struct shop *s, const struct shop_search *q, struct buf *out, struct err *e);      /* the operator's */
int shop_refund_list(struct db_tx *tx, struct str state, int64_t before_id, int limit, struct buf *out, struct err *e);      /* newest first, a JSON array */

/* Who is paid, for an order of that account; ERR_NOT_FOUND. ret_begun: the provider may know of it, so that a check or a cancel asks there; may be NULL. */
int shop_order_provider(struct db_tx *tx, int64_t order, int64_t account, char ret[17], bool *ret_begun, struct err *e);
/* The order that a refund is of; ERR_NOT_FOUND. */
int shop_refund_order(struct db_tx *tx, int64_t refund, int64_t *ret_order, struct err *e);

/* What the page does next. The provider is asked first when it may know of the order already; then it may turn out to be paid: ERR_PAY_OVER. */
/* base_url: where we are, without / at its end; a later start of the same order uses the first one's, for the same call must be the same words. */
struct shop_start { enum pay_scene scene; struct str openid, client_ip, base_url; };
int shop_order_start(struct shop *s, int64_t order, int64_t account, const struct shop_start *how, struct arena *a, struct pay_start *ret, struct err *e);
/* Reads the truth now, at most once in SHOP_CHECK_MS: what the page calls that somebody came back to. */
#define SHOP_CHECK_MS 2000
int shop_order_check(struct shop *s, int64_t order, int64_t account, struct err *e);
/* Not wanted any more. ERR_STATE: it was paid meanwhile. */
int shop_order_cancel(struct shop *s, int64_t order, int64_t account, struct err *e);

/* A message of a provider, as it came: verified, the truth read where it does not carry it, booked, committed. ret: what to answer. */
int shop_hear(struct shop *s, const char *provider, const struct pay_said *said, struct arena *a, struct pay_reply *ret, struct err *e);

/* ---- money goes back ---- */
/*
 * The owner asks. Within SHOP_REGRET_MS and with every credit of it untouched it goes back at once, as a whole; else an operator decides
 * ('asked', nothing is booked). ERR_STATE: nothing to give back, or a refund is under way. Write function; ret: the refund.
 */
#define SHOP_REGRET_MS (7LL * 24 * 3600 * 1000)
int shop_refund_ask(struct db_tx *tx, struct shop *s, int64_t id, int64_t order, int64_t account, struct str reason, struct err *e);
/* The operator decides: so much money, so many of the credits that are left. money 0: all that is left; credits -1: with all the money all that are available, else none. by: the operator's account. */
struct shop_refund_new { int64_t id, order, by, money, credits; enum shop_cause cause; struct str reason, ref /* the provider's name of one that is made already */; };
int shop_refund_make(struct db_tx *tx, struct shop *s, const struct shop_refund_new *f, struct err *e);
int shop_refund_refuse(struct db_tx *tx, int64_t refund, int64_t by, struct str why, struct err *e);

/* A person has looked at an order with troubles and done what was to do: they end, with who, when and what. money: so much went back outside of this server
 * and is not booked yet; it is now, with credits in proportion, and counts beside the sums that the provider tells. seen_ms: since when the newest is there that they saw; ERR_RACE when
 * another has come since. ERR_STATE: it has none. ERR_BAD_INPUT: more than is left. Write function. */
struct shop_settled { int64_t order, by, money, seen_ms; struct str note; };
int shop_order_settled(struct db_tx *tx, struct shop *s, const struct shop_settled *w, struct err *e);

/* All orders and memberships of one account become another's. */
int shop_order_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);
/* Keeper: forgets old orders that were never begun to be paid. */
int shop_order_forget(struct db_tx *tx, int64_t now_ms, struct err *e);

/* ---- the cashiers, one a provider: ask about what is open, give back what is due, close what nobody paid ---- */
extern const struct setting shop_settings[];                     /* rows "shop.…" */
int shop_new(const struct config *cfg, struct db *d, struct pay *p, const struct studio *studio, struct shop **ret_s, struct err *e);
int shop_start(struct shop *s, struct err *e);
void shop_stop(struct shop *s);                                  /* ends after the calls under way */
void shop_free(struct shop *s);                                  /* NULL is fine */

struct shop_stats { int64_t open, troubled, refunds_open, refunds_asked, paid_total, asked_total, notices_total, notices_refused_total; };
int shop_get_stats(struct shop *s, struct db_tx *tx, struct shop_stats *ret, struct err *e);
/* Orders and books agree: each paid order is sold in the ledger and the other way round, refunds likewise; each membership has its first order, and each of
 * its periods is a paid one. Returns how many are told. */
int shop_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

DEFINE_CLEANUP(struct shop, shop_free)

#endif
