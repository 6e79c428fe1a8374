/*
 * internal.h - the books of the ledger, the lots, and the two moves everything else is made of.
 * Threads: inside write functions only.
 */
#ifndef ZT_LEDGER_INTERNAL_H
#define ZT_LEDGER_INTERNAL_H

#include "base/err.h"
#include "base/str.h"
#include "ledger/ledger.h"

struct db_tx;

/*
 * Every book: BOOK(id, "stored name", "unit", lowest balance, belongs to the house). Stored names are never renamed.
 * A balance is what came in less what went out, so where things come from stands below zero: credits that were issued, money that
 * is owed. Money of a sale goes deferred -> cash, of it the fee cash -> fee; as its credits are spent, earned -> deferred; back,
 * cash -> deferred.
 */
#define LEDGER_BOOKS(X)                                                                                                          \
    X(WALLET, "wallet", "credit", 0, false)              /* what an account may spend */                                         \
    X(HELD, "held", "credit", 0, false)                  /* put aside for its tasks */                                           \
    X(ISSUED, "issued", "credit", LEDGER_NO_FLOOR, true) /* credits come from here */                                            \
    X(REVENUE, "revenue", "credit", 0, true)             /* spent on what was delivered */                                       \
    X(OWED, "owed", "microusd", LEDGER_NO_FLOOR, true)   /* to the providers, as a debt */                                       \
    X(COST, "cost", "microusd", 0, true)                 /* what the calls have cost */                                          \
    LEDGER_MONEY(X, CNY, "cny", "CNY")                                                                                           \
    LEDGER_MONEY(X, USD, "usd", "USD")
#define LEDGER_MONEY(X, C, c, unit)                                                                                              \
    X(CASH_##C, "cash_" c, unit, LEDGER_NO_FLOOR,                                                                                \
      true)                             /* what the payment providers hold for us; below zero when fees of refunds are lost */   \
    X(FEE_##C, "fee_" c, unit, 0, true) /* what they keep */                                                                     \
    X(DEFERRED_##C, "deferred_" c, unit, LEDGER_NO_FLOOR, true) /* paid, and not yet worked for */                               \
    X(EARNED_##C, "earned_" c, unit, LEDGER_NO_FLOOR, true)
enum ledger_book {
#define X(id, name, unit, floor_min, house) LEDGER_##id,
    LEDGER_BOOKS(X)
#undef X
        LEDGER_BOOK_COUNT
};
#define LEDGER_NO_FLOOR   (-(INT64_C(1) << 61))
#define LEDGER_AMOUNT_MAX (INT64_C(1) << 50) /* one movement; keeps every sum far from overflow */

const char *ledger__book_name(enum ledger_book b);
/* The books of a currency. */
enum ledger_book ledger__cash(enum ledger_currency c), ledger__fee(enum ledger_currency c),
    ledger__deferred(enum ledger_currency c), ledger__earned(enum ledger_currency c);
/* false: no such book. */
bool ledger__book_of(struct str name, enum ledger_book *ret);
const char *ledger__book_unit(enum ledger_book b);
bool ledger__book_of_house(enum ledger_book b);
struct ledger_side {
    int64_t owner; /* 0 for the books of the house */
    enum ledger_book book;
};
/* The balance and the newest entry; 0 when the book was never used. Of a book of the house the newest entry is not kept: 0. */
int ledger__book_last(struct db_tx *tx, struct ledger_side s, int64_t *ret_balance, int64_t *ret_last, struct err *e);
int ledger__amount_ok(int64_t amount, struct err *e);

/* One transaction of the books; ERR_RACE when this cause has happened before. */
struct ledger_tx {
    int64_t id, at_ms;
};
struct ledger_about {
    struct str product;
    int64_t task;
};
int ledger__begin(struct db_tx *tx, const char *cause, int64_t cause_id, struct ledger_about about, struct ledger_tx *ret,
                  struct err *e);
/* 1 found, 0: this cause has not happened. */
int ledger__find(struct db_tx *tx, const char *cause, int64_t cause_id, int64_t *ret_id, struct err *e);
/* Moves amount (0 does nothing) between two books of one unit. ERR_NO_CREDIT when the source does not reach. */
int ledger__move(struct db_tx *tx, const struct ledger_tx *t, const char *kind, struct ledger_side from, struct ledger_side to,
                 int64_t amount, struct err *e);

/* ---- lots: lot.c. Their sums follow the books because each change of one is made beside a move, in the same function of
 * credit.c or money.c. ---- */
/* All lots of an account are a list from its wallet on, newest first but for those that came from another account. Every one it ever had is in
 * it: some ten, a few hundred after years. A walk for a WITH RECURSIVE of two columns; one parameter, the account. UNION, so that a list in a circle would end. */
#define LEDGER_LOTS_OF "SELECT l.id, l.prev_id FROM ledger_account a JOIN ledger_lot l ON l.id = a.lot_id WHERE a.owner_id = ? AND a.book = 'wallet' " \
                       "UNION SELECT m.id, m.prev_id FROM walk v JOIN ledger_lot m ON m.id = v.prev_id"
/* Those of them that have something available are a list of their own: it is as long as what there is to spend from. As above. */
#define LEDGER_LIVE_OF "SELECT l.id, l.live_prev FROM ledger_account a JOIN ledger_lot l ON l.id = a.live_id WHERE a.owner_id = ? AND a.book = 'wallet' " \
                       "UNION SELECT m.id, m.live_prev FROM walk v JOIN ledger_lot m ON m.id = v.prev_id"
struct ledger_lot {
    int64_t id, account, credits, available, held, spent, expired, taken, paid, refunded, earned, created_ms, expires_ms;
    enum ledger_source source;
    enum ledger_currency currency; /* when paid > 0 */
    bool live;                     /* in the list of those with something available; as it was read, or added */
    struct str product;            /* ledger__lot_add() only */
};
/* Where an account's two lists begin, 0: nowhere. */
struct ledger_heads {
    int64_t lot, live;
};
/* before: the account's. */
int ledger__lot_add(struct db_tx *tx, const struct ledger_lot *l, const struct ledger_heads *before, struct err *e);
/* A new lot, and its credits out of "issued" into the wallet: as two calls, but the account's row is read and written once. book.c */
int ledger__bring(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, struct err *e);
/* Where an account's lists begin; its wallet is made when it is not there yet. book.c */
int ledger__lot_heads(struct db_tx *tx, int64_t account, struct ledger_heads *ret, struct err *e);
int ledger__lot_heads_set(struct db_tx *tx, int64_t account, const struct ledger_heads *h, struct err *e);
/* 1 found, 0 not. */
int ledger__lot_get(struct db_tx *tx, int64_t id, struct ledger_lot *ret, struct err *e);
/* All lots of one account become another's, whose wallet is made when it is not there yet. */
int ledger__lots_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);
/* The lots with something available that end next, in that order; returns how many. Several, because each time all of those are walked. */
#define LEDGER_LOTS_AT_ONCE 16
int ledger__lots_next(struct db_tx *tx, int64_t account, struct ledger_lot ret[LEDGER_LOTS_AT_ONCE], struct err *e);
/* The lot with something available that has ended by now_ms. */
int ledger__lot_ended(struct db_tx *tx, int64_t now_ms, struct ledger_lot *ret, struct err *e);
/* Makes credits of the lot, which are in the wallet again, available for LEDGER_GRACE_MS at least; those whose money went back end instead. */
int ledger__come_back(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, int64_t credits, struct err *e);
/* Writes what changed, and moves between earned and deferred what follows from it. */
int ledger__lot_save(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, struct err *e);

#endif
