/*
 * internal.h - inside shop/: the row of an order, and the steps that orders, refunds and the cashier share.
 */
#ifndef ZT_SHOP_INTERNAL_H
#define ZT_SHOP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "shop/order.h"

struct shop {
    const struct config *cfg;
    struct db           *db;
    struct pay          *pay;
    const struct studio *studio;
    pthread_t            thread;
    pthread_mutex_t      lock;
    pthread_cond_t       wake;
    bool                 started, due;         /* due: under lock */
    atomic_bool          stopping;
    atomic_llong         paid, asked, notices, notices_refused;     /* since the start */
};

#define SHOP__REF 256                          /* the longest name of a provider's that is kept, and NUL */
struct order {
    int64_t id, account, list, off, price, credits, valid_ms, attempt, started_ms, fee, refunded, asks, asked_ms, ask_ms, created_ms, until_ms, paid_ms, ends_ms;
    enum ledger_currency currency;
    enum shop_state state;
    bool disputed;
    char product[LEDGER_PRODUCT_MAX + 1], plan[33], kind[17], title[257], provider[17], scene[17], trouble[33];
    char provider_ref[SHOP__REF], transaction_ref[SHOP__REF], customer[SHOP__REF];
    char number[ID_TEXT_MAX];                  /* the id as text: the payment's number at the provider */
};
/* account 0: anybody's. 1/0/<0. */
int shop__order_get(struct db_tx *tx, int64_t id, int64_t account, struct order *ret, struct err *e);
struct pay_money shop__price(const struct order *o);
struct pay_which shop__which(const struct order *o);

/* Along one edge, once: ERR_RACE when it is somewhere else by now, ERR_STATE when there is no such edge. ask_ms: when the provider is asked next. */
int shop__order_move(struct db_tx *tx, struct order *o, enum shop_state to, int64_t ask_ms, struct err *e);
/* Why a person must look at it: "amount", "paid_twice", "refund_failed", "refund_abnormal", "refund_unknown" (how much went back), "dispute"; "" ends that. */
int shop__trouble(struct db_tx *tx, struct order *o, const char *what, struct err *e);

/* The provider is about to be asked, so a crash in the middle asks again later, not at once. 1, or 0: somebody asked less than SHOP_CHECK_MS ago.
 * by_person: somebody who waits asks; the cashier's own pauses do not grow by that. */
int shop__ask_begin(struct db_tx *tx, const struct order *o, bool by_person, int64_t now_ms, struct err *e);

/* The row; nothing to pay makes it paid at once. off: less than the plan's price. */
int shop__order_add(struct db_tx *tx, struct shop *s, const struct shop_order_new *n, int64_t off, struct err *e);
/* What there is to pay was paid: state, books and what one may do, once. o->fee is what the provider kept. */
int shop__order_book(struct db_tx *tx, struct order *o, int64_t paid_ms, struct err *e);

/* A code makes this order cheaper: one use of it is taken. And given back, when nothing comes of the order. */
int shop__code_off(struct db_tx *tx, struct str word, int64_t account, int64_t order, const struct studio_plan *plan, enum ledger_currency currency, int64_t *ret_off,
                   struct err *e);
int shop__code_release(struct db_tx *tx, int64_t order, struct err *e);

/* Books what the provider says of an order. What it says twice, or late, changes nothing. Write function. */
int shop__settle(struct db_tx *tx, struct shop *s, int64_t order, const struct pay_truth *truth, struct err *e);

/* ---- refunds ---- */
struct refund {
    int64_t id, order, money, credits, by, attempt, asks, ask_ms, created_ms, done_ms;
    char cause[17], reason[401], state[17], detail[401], provider_ref[SHOP__REF], number[ID_TEXT_MAX];
};
int shop__refund_get(struct db_tx *tx, int64_t id, struct refund *ret, struct err *e);
/* The newest of an order; 1/0/<0. */
int shop__refund_of(struct db_tx *tx, int64_t order, struct refund *ret, struct err *e);
/* Row, books and order, in this transaction. state "pending" (the cashier asks the provider) or "done" (it is so already). */
int shop__refund_book(struct db_tx *tx, struct shop *s, const struct order *o, const struct shop_refund_new *f, const char *state, struct err *e);
int shop__refund_settle(struct db_tx *tx, struct shop *s, int64_t refund, const struct pay_refund_truth *truth, struct err *e);
/* Surely no money went back, for good: everything as it was. */
int shop__refund_undo(struct db_tx *tx, int64_t refund, const char *state, struct str why, struct err *e);

void shop__wake(void *shop);                   /* for db_on_commit() */

/* What is due, as the cashier does it: 1 something was done, 0 nothing is due. */
int shop__work(struct shop *s, struct err *e);

#endif
