/*
 * ledger.h - credits, money and cost: double entry, integers, append-only.
 * Owns: ledger_account, ledger_tx, ledger_entry, ledger_hold, ledger_lot, ledger_use.
 * Invariants (the database enforces what it can, `ledger_verify` proves the rest):
 *   an entry moves amount > 0 from one account to another of the same unit, so every transaction sums to 0 by construction;
 *   balance = what came in - what went out, kept in the same transaction, and never below the account's floor (CHECK);
 *   a cause (kind, id) happens once (UNIQUE); entries are never changed or deleted: what was wrong is reversed by another one;
 *   a hold is resolved exactly once;
 *   every credit belongs to a lot, which says where it came from, when it ends and what was paid for it: the lots of an account
 * sum to its wallet and to what it has put aside, and what is paid, earned and refunded of all lots sums to the books of money.
 * What a movement costs is the database's pages that it touches, and those of a random account are never together: so of an account's it
 * touches one, that of its books. Entries and lots are appended, and found from there as lists (last_id, lot_id, live_id), not by an index.
 * Threads: inside a write function only, but for the reading ones.
 */
#ifndef ZT_LEDGER_LEDGER_H
#define ZT_LEDGER_LEDGER_H

#include "base/arena.h"
#include "base/err.h"

struct db_tx;
struct buf;
struct jw;

#define LEDGER_NEVER_MS    INT64_C(8640000000000000) /* an end that does not come; the last day that JavaScript knows */
#define LEDGER_PRODUCT_MAX 32
#define LEDGER_GRACE_MS    (7LL * 24 * 3600 * 1000) /* credits that come back after their end may be spent so much longer */

/* Of lots that end together the first kind is spent first. Stored as numbers: never renumbered. */
enum ledger_source {
    LEDGER_GIFT /* for nothing; does not move to another account */,
    LEDGER_PROMO /* a code, a campaign */,
    LEDGER_BOUGHT
};
const char *ledger_source_name(enum ledger_source s);

/* Currencies the books know. Stored names are never renamed. */
#define LEDGER_CURRENCIES(X) X(CNY) X(USD)
enum ledger_currency {
#define X(id) LEDGER_##id,
    LEDGER_CURRENCIES(X)
#undef X
        LEDGER_CURRENCY_COUNT
};
const char *ledger_currency_name(enum ledger_currency c);
/* false: unknown. */
bool ledger_currency_of(struct str name, enum ledger_currency *ret);

/* ---- credits that come ---- */
/* Credits nobody paid for. (cause, cause_id) makes it happen once (e.g. "welcome" and the account's id); ERR_RACE = already done.
 */
struct ledger_grant {
    int64_t account, credits;
    enum ledger_source source; /* LEDGER_GIFT or LEDGER_PROMO */
    int64_t expires_ms;        /* 0 = never */
    const char *cause;         /* stored; <= 32 bytes */
    int64_t cause_id;
    struct str product; /* may be empty */
};
int ledger_grant(struct db_tx *tx, const struct ledger_grant *g, struct err *e);
/* What is left of a grant goes back to the house; ERR_STATE when some of it was spent or is held, ERR_NOT_FOUND. Once: ERR_RACE.
 */
int ledger_ungrant(struct db_tx *tx, const char *cause, int64_t cause_id, struct err *e);
/* Keeper: takes what has come to its end, at most `limit` lots; *ret_n says how many. */
int ledger_expire(struct db_tx *tx, int64_t now_ms, int limit, int *ret_n, struct err *e);

/* ---- credits that are spent ---- */
/* Puts credits aside for a task, of the lots that end soonest. ERR_NO_CREDIT when the balance does not reach. 0 credits is
 * allowed and still makes the row. */
int ledger_hold(struct db_tx *tx, int64_t account, int64_t credits, int64_t task, struct str product, struct err *e);
/* Ends a hold: `captured` (0..held) becomes revenue, the rest goes back into its lots. ERR_RACE when it was resolved before. */
int ledger_resolve(struct db_tx *tx, int64_t task, int64_t captured, struct err *e);
/* Reverses a capture, or a part of it: the task was delivered and still not what was promised. Back into the lots they came from.
 * (cause, cause_id) happens once. ERR_BAD_INPUT when it is more than was captured and not yet returned. */
int ledger_return(struct db_tx *tx, int64_t task, int64_t credits, const char *cause, int64_t cause_id, struct err *e);
/* Of which orders the credits were that a task spent and that have not come back: at most `cap`, the last spent first; returns how many. */
struct ledger_part { int64_t order, credits; };
int ledger_parts(struct db_tx *tx, int64_t task, struct ledger_part *out, int cap, struct err *e);
/* What a task's hold is now; 1 found, 0 not. */
struct ledger_hold_state {
    int64_t account, credits, captured, returned;
    bool held;
};
int ledger_hold_get(struct db_tx *tx, int64_t task, struct ledger_hold_state *ret, struct err *e);

/* ---- real money ---- */
/* An order that was paid: the money, the provider's fee, and the credits it bought (0 is allowed). Once per order: ERR_RACE. */
struct ledger_sale {
    int64_t order, account;
    enum ledger_currency currency;
    int64_t paid, fee;           /* minor units; fee <= paid */
    int64_t credits, expires_ms; /* 0 = never */
    struct str product;
};
int ledger_sell(struct db_tx *tx, const struct ledger_sale *s, struct err *e);
/* Money goes back, all of it or a part, together with `credits` of those it bought that are still available. Once per refund:
 * ERR_RACE. ERR_NOT_FOUND: no such order was paid. ERR_BAD_INPUT: more than is left of the money. ERR_STATE: fewer credits are
 * left. */
struct ledger_refund {
    int64_t refund, order, money, fee_back, credits;
};
int ledger_refund(struct db_tx *tx, const struct ledger_refund *f, struct err *e);
/* The provider failed for good: what that refund moved comes back, the credits too, whatever end they had. Once per refund: ERR_RACE. ERR_NOT_FOUND:
 * no such refund was made. */
int ledger_unrefund(struct db_tx *tx, const struct ledger_refund *f, struct err *e);
/* What the provider keeps of an order beside the fee of its payment (a dispute's); below 0: it gives so much of that back. Once per id: ERR_RACE.
 * ERR_NOT_FOUND: no such order was paid. */
struct ledger_order_fee {
    int64_t id, order, minor;
};
int ledger_order_fee(struct db_tx *tx, const struct ledger_order_fee *f, struct err *e);
/* For those who keep these to compare: what one moved (1 found, 0 not), and how many there are. */
int ledger_order_fee_get(struct db_tx *tx, int64_t id, int64_t *ret_minor, struct err *e);
int ledger_order_fee_n(struct db_tx *tx, int64_t *ret_n, struct err *e);
/* The order that was sold next behind that id; for those who keep the orders to compare. 1 found, 0: no more. */
int ledger_next_sale(struct db_tx *tx, int64_t after, int64_t *ret_order, struct err *e);
/* What is left of an order: money that may be refunded, credits that may be taken with it. 1 found, 0 not. */
struct ledger_sold {
    int64_t account, paid, refunded, credits, available, held, spent, expired, taken;
    enum ledger_currency currency;
};
int ledger_sold_get(struct db_tx *tx, int64_t order, struct ledger_sold *ret, struct err *e);

/* ---- cost, in millionths of a USD ---- */
/* Once per (kind, cause_id): "cost" of an attempt, "traffic" and "storage" of a day. */
/* task: 0 = of none; product: empty = that of the task */
struct ledger_cost {
    const char *kind;
    int64_t cause_id, microusd, task;
    struct str product;
};
int ledger_cost(struct db_tx *tx, const struct ledger_cost *c, struct err *e);
/* What was booked under that cause; 0 when nothing was. */
int ledger_cost_get(struct db_tx *tx, const char *kind, int64_t cause_id, int64_t *ret_microusd, struct err *e);

/* Everything of one account goes to another: its lots and its resolved holds. But what is left of gifts goes back to the house:
 * somebody who makes a hundred guests and signs in from each has one welcome gift. ERR_STATE while a hold is open. May be called
 * again for what came later. */
int ledger_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);

/* ---- reading ---- */
struct ledger_balance {
    int64_t available, held;
}; /* credits */
int ledger_balance(struct db_tx *tx, int64_t account, struct ledger_balance *ret, struct err *e);
/* What moved the available credits, newest first: JSON array [{id, kind, credits (signed), cause, task, order, at (ms)}] appended to
 * out; the credits of all pages sum to `available`. before_id 0 = newest; limit 1..200. order_of: the order that a refund is of, or ERR_NOT_FOUND;
 * the books know it by its own number only. */
typedef int ledger_order_of(struct db_tx *tx, int64_t refund, int64_t *ret_order, struct err *e);
int ledger_list(struct db_tx *tx, int64_t account, int64_t before_id, int limit, ledger_order_of *order_of, struct buf *out, struct err *e);
/* Lots with something to spend, the next one first, at most 100: appends {source, credits (available), expires_ms or null} to the
 * open array. */
int ledger_lots(struct db_tx *tx, int64_t account, struct jw *w, struct err *e);
/* Sums of a time, by product, kind of movement and unit: each row to tell(), in that order. product "" = of none. Reads the entries of that time. */
struct ledger_sum { struct str product, kind, unit; int64_t amount, n; };
int ledger_sums(struct db_tx *tx, int64_t from_ms, int64_t to_ms, void (*tell)(void *ctx, const struct ledger_sum *s), void *ctx, struct err *e);
/* What one cause moved ("hold" or "resolve" of a task, "cost" of an attempt): appends {id, kind, unit, amount, cause, at_ms} to
 * the open array. */
int ledger_moves(struct db_tx *tx, const char *cause, int64_t cause_id, struct jw *w, struct err *e);
/* Proves the invariants from the entries alone; each broken one is told in a line. Returns how many were told. */
int ledger_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

#endif
