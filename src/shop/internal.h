/*
 * internal.h - inside shop/: the row of an order, and the steps that orders, refunds and the cashier share.
 */
#ifndef ZT_SHOP_INTERNAL_H
#define ZT_SHOP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "shop/order.h"

#define SHOP__CASHIERS_MAX 8                   /* as many as providers can be set up */
/* One provider's; the first one's looks after orders of providers that are not set up any more, too. All but the thread is its thread's alone. */
struct cashier {
    struct shop *s;
    pthread_t    thread;
    const char  *names[SHOP__CASHIERS_MAX];    /* of its providers; those behind the first are not set up */
    size_t       n_names;
    unsigned     woken;                        /* of shop.wakes, when it looked last */
    int64_t      looked_ms;                    /* clock_mono_ms() of the last look at a paid order */
};
struct shop {
    const struct config *cfg;
    struct db           *db;
    struct pay          *pay;
    const struct studio *studio;
    struct cashier       cashiers[SHOP__CASHIERS_MAX];
    size_t               n_cashiers;           /* that run */
    pthread_mutex_t      lock;
    pthread_cond_t       wake;
    unsigned             wakes;                /* under lock: how often something became due at once */
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
    char number[ID_TEXT_MAX];                  /* the id as text */
    char payment[ID_TEXT_MAX];                 /* the payment's number at the provider: the same, but for what a membership brought later that of its first order */
    int64_t member;                            /* whose payment it is, 0: nobody's */
};
/* account 0: anybody's. 1/0/<0. */
int shop__order_get(struct db_tx *tx, int64_t id, int64_t account, struct order *ret, struct err *e);
struct pay_money shop__price(const struct order *o);
struct pay_which shop__which(const struct order *o);

/* Along one edge, once: ERR_RACE when it is somewhere else by now, ERR_STATE when there is no such edge. ask_ms: when the provider is asked next. */
int shop__order_move(struct db_tx *tx, struct order *o, enum shop_state to, int64_t ask_ms, struct err *e);
/* Why a person must look at it: "amount", "paid_twice", "refund_failed", "refund_abnormal", "refund_late", "refund_unknown" (how much went back), "dispute",
 * "lost_twice", "two_members". about: which payment, refund or sum, "" where there is one only. Said again it changes nothing, also when a person settled it. */
int shop__trouble(struct db_tx *tx, struct order *o, const char *what, struct err *e);
int shop__trouble_about(struct db_tx *tx, struct order *o, const char *what, struct str about, struct err *e);
/* The one of before that somebody settled is over for good, so that it may begin anew. */
int shop__trouble_past(struct db_tx *tx, struct order *o, const char *what, struct err *e);
/* It ended by itself; about "": all of that kind. */
int shop__trouble_over(struct db_tx *tx, struct order *o, const char *what, struct str about, struct err *e);
/* Another sum than was asked went back as a whole: nobody waits for the order any more. */
int shop__trouble_closed(struct db_tx *tx, struct order *o, struct err *e);
/* 1: it stands; 0: it never began, or is over. */
int shop__trouble_open(struct db_tx *tx, int64_t order, const char *what, struct str about, struct err *e);
int shop__trouble_render(struct db_tx *tx, int64_t order, struct jw *w, struct err *e);      /* the value: an array, newest first */

/* The provider is about to be asked, so a crash in the middle asks again later, not at once. 1, or 0: somebody asked less than SHOP_CHECK_MS ago.
 * by_person: somebody who waits asks; the cashier's own pauses do not grow by that. */
int shop__ask_begin(struct db_tx *tx, const struct order *o, bool by_person, int64_t now_ms, struct err *e);

/* When the provider is asked next about an order that is paid, 0: never. */
int64_t shop__next_look(const struct order *o, int64_t now_ms);

/* ERR_RATE: shop.orders_per_hour were made, whoever or whatever paid for them. */
int shop__order_rate(struct db_tx *tx, const struct shop *s, int64_t account, struct err *e);
/* The row; nothing to pay makes it paid at once. off: less than the plan's price. */
int shop__order_add(struct db_tx *tx, struct shop *s, const struct shop_order_new *n, int64_t off, struct err *e);
/* What there is to pay was paid: state, books and what one may do, once. o->fee is what the provider kept, o->ends_ms when it
 * ends; 0: after the plan's time. */
int shop__order_book(struct db_tx *tx, struct order *o, int64_t paid_ms, struct err *e);

int shop__invoice_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);      /* all of one account become another's */

/* A code makes this order cheaper: one use of it is taken. And given back, when nothing comes of the order. */
int shop__code_off(struct db_tx *tx, struct str word, int64_t account, int64_t order, const struct studio_plan *plan, enum ledger_currency currency, int64_t *ret_off,
                   struct err *e);
int shop__code_release(struct db_tx *tx, int64_t order, struct err *e);
/* "a product · a plan", as the payer reads it. */
void shop__title(const struct studio_product *product, const struct studio_plan *plan, bool zh, char out[257]);
const struct studio_plan *shop__plan(const struct shop *s, const char *product, const char *plan);       /* NULL: not offered any more */
/* Test money, or a provider that is not set up any more and was. */
bool shop__is_test(const struct shop *s, const char *provider);
void shop__key_ms(struct jw *w, const char *key, int64_t ms);            /* 0: null */

/* What the provider keeps of a price: as it says, else by the rates of its price list. */
int64_t shop__fee(const struct shop *s, const char *provider, int64_t price, const struct pay_truth *t);

/* What it keeps of the order beside that, for disputes, as it says now (0: nothing, any more): the difference to what is booked is booked. Write function. */
int shop__fee_told(struct db_tx *tx, const struct order *o, int64_t minor, struct err *e);
int shop__fee_booked(struct db_tx *tx, int64_t order, int64_t *ret_minor, struct err *e);
struct tell;
int shop__fee_verify(struct db_tx *tx, struct tell *t, struct err *e);      /* each is in the books, and the books have no other */

/* So much of its money is gone, by another hand than ours: booked, with credits in proportion as far as they are there. by: who says so, 0 = the provider.
 * ref: what the provider calls this one refund, "" = a sum of any number. */
int shop__gone_back(struct db_tx *tx, struct shop *s, struct order *o, int64_t money, int64_t by, struct str why, struct str ref, struct err *e);

/* What of an order went back by a person's hand, outside of the provider: it is in none of its sums. */
int shop__by_hand(struct db_tx *tx, int64_t order, int64_t *ret, struct err *e);

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
/* One that was made in the provider's console, where only its own notice tells of how much: booked once by its name there. Beyond what is left of the price,
 * or beside what a person booked by hand, a person looks. Write function. */
int shop__refund_foreign(struct db_tx *tx, struct shop *s, int64_t order, const struct pay_refund_truth *truth, struct err *e);
/* Surely no money went back, for good: everything as it was. */
int shop__refund_undo(struct db_tx *tx, int64_t refund, const char *state, struct str why, struct err *e);

/* ---- a second payment of one order ---- */
struct surplus {
    int64_t id, order, attempt, asks, ask_ms;
    struct pay_money money;
    char transaction_ref[SHOP__REF], provider_ref[SHOP__REF], state[17], number[ID_TEXT_MAX];
};
int shop__surplus_get(struct db_tx *tx, int64_t id, struct surplus *ret, struct err *e);      /* 1/0/<0 */
/* It came: a trouble until it has gone back, which it does by itself where the provider can. Write functions, as the next ones. */
int shop__surplus_told(struct db_tx *tx, struct shop *s, struct order *o, const struct pay_truth *t, struct err *e);
int shop__surplus_settle(struct db_tx *tx, int64_t id, const struct pay_refund_truth *t, struct str why, struct err *e);
int shop__surplus_ask_begin(struct db_tx *tx, int64_t id, int64_t now_ms, struct surplus *ret, struct err *e);      /* 1, or 0: not due */
int shop__surplus_attempt(struct db_tx *tx, int64_t id, int64_t most, struct err *e);
int shop__surplus_wake(struct db_tx *tx, struct shop *s, int64_t id, struct err *e);      /* something became of it: it is asked about now */
extern const struct db_sql *const shop__surplus_due;

/* ---- memberships ---- */
struct member {
    int64_t id, account, price, credits, next_price, next_credits, period_end_ms, next_ms, grace_until_ms, change, asks, ask_ms, created_ms, ended_ms;
    enum ledger_currency currency;
    enum pay_member_state state;
    bool ends;
    char product[LEDGER_PRODUCT_MAX + 1], plan[33], next_plan[33], provider[17];
    char ref[SHOP__REF], item[SHOP__REF], product_ref[SHOP__REF];            /* the provider's names of it and of what is paid for */
    char number[ID_TEXT_MAX];                  /* of the first order: the membership's number at the provider */
};
struct change {
    int64_t id, member, price, credits, old_price, old_credits, order, by, asks, ask_ms, created_ms, done_ms;
    enum pay_change what;
    bool charge_now;
    char plan[33], state[17], detail[401], item[SHOP__REF], product_ref[SHOP__REF], number[ID_TEXT_MAX];
};
int shop__member_get(struct db_tx *tx, int64_t id, struct member *ret, struct err *e);       /* 1/0/<0, as all of these */
int shop__member_find(struct db_tx *tx, const char *provider, struct str ref, struct member *ret, struct err *e);
int shop__member_live(struct db_tx *tx, int64_t account, const char *product, int64_t but, int64_t *ret, struct err *e);      /* one that has not ended */
int shop__change_get(struct db_tx *tx, int64_t id, struct change *ret, struct err *e);
int shop__change_newest(struct db_tx *tx, int64_t member, struct change *ret, struct err *e);
int shop__change_price(struct db_tx *tx, int64_t member, struct change *ret, struct err *e);     /* the newest of the plan */
int shop__member_put(struct db_tx *tx, const struct member *m, struct err *e);
/* Another account's. One of a product of which that account has one already ends with its period, and is told to a person. */
int shop__member_give(struct db_tx *tx, int64_t from, int64_t to, struct err *e);

/* The first payment of an order of kind member is being booked: it is a membership from now on. Write functions, as the next two. */
int shop__member_begin(struct db_tx *tx, struct shop *s, const struct order *o, const struct pay_truth *t, struct err *e);
/* What the provider says of it, by whatever question: a payment that is not known yet is booked, and how the membership stands is noted. */
int shop__member_settle(struct db_tx *tx, struct shop *s, int64_t member, const struct pay_truth *t, struct err *e);
/* The provider is about to be asked. 1, or 0: not due. Its period is over: nobody knows whether it was renewed, so what one may do goes on. */
int shop__member_ask_begin(struct db_tx *tx, const struct shop *s, struct member *m, int64_t now_ms, struct err *e);
/* A change is over: state "done", "failed" or "dropped". */
int shop__change_end(struct db_tx *tx, const struct change *c, const char *state, struct str why, struct err *e);
/* transaction: "" where it is not told. */
bool shop__knows_payment(struct db_tx *tx, const struct member *m, struct str ref, struct str transaction);

/* What waits for the provider; cashier and pool threads. */
int shop__do_member(struct shop *s, int64_t member, struct err *e);
int shop__do_change(struct shop *s, int64_t change, struct err *e);
int shop__hear_member(struct shop *s, const char *provider, const struct pay_notice *n, struct arena *a, struct err *e);
extern const struct db_sql *const shop__member_due, *const shop__change_due;
/* Asks about one order and books the answer. */
int shop__ask(struct shop *s, const struct order *o, struct arena *a, struct pay_truth *ret, struct err *e);
/* The order that a notice is about; 1/0: not ours/<0. */
int shop__find_order(struct shop *s, const char *provider, const struct pay_notice *n, int64_t *ret, struct err *e);

/* A page as a JSON array: the first column of the rows are ids, at most 100; render: 1, 0 = it is gone, < 0. */
struct db_rows;
struct buf;
typedef int shop__render_fn(struct db_tx *tx, const struct shop *s, int64_t id, int64_t account, struct jw *w, struct err *e);
int shop__write_page(struct db_tx *tx, const struct shop *s, struct db_rows *rows, int64_t account, shop__render_fn *render, struct buf *out, struct err *e);

void shop__wake(void *shop);                   /* for db_on_commit() */

#endif
