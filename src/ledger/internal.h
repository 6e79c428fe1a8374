/*
 * internal.h - the books of the ledger and the two moves everything else is made of.
 * Threads: inside write functions only.
 */
#ifndef ZT_LEDGER_INTERNAL_H
#define ZT_LEDGER_INTERNAL_H

#include "base/err.h"
#include "base/str.h"

struct db_tx;

/* Every book: BOOK(id, "stored name", "unit", lowest balance, belongs to the house). Stored names are never renamed. */
#define LEDGER_BOOKS(X) \
    X(WALLET,  "wallet",  "credit",   0,                  false) /* what an account may spend */ \
    X(HELD,    "held",    "credit",   0,                  false) /* put aside for its tasks */ \
    X(ISSUED,  "issued",  "credit",   LEDGER_NO_FLOOR,    true)  /* credits come from here, so it is below zero */ \
    X(REVENUE, "revenue", "credit",   0,                  true)  /* spent on what was delivered */ \
    X(OWED,    "owed",    "microusd", LEDGER_NO_FLOOR,    true)  /* to the providers, as a debt */ \
    X(COST,    "cost",    "microusd", 0,                  true)  /* what the calls have cost */
enum ledger_book {
#define X(id, name, unit, floor_min, house) LEDGER_##id,
    LEDGER_BOOKS(X)
#undef X
    LEDGER_BOOK_COUNT
};
#define LEDGER_NO_FLOOR (-(INT64_C(1) << 61))
#define LEDGER_AMOUNT_MAX (INT64_C(1) << 50)   /* one movement; keeps every sum far from overflow */

const char *ledger__book_name(enum ledger_book b);
/* The id of an owner's book (owner 0 for the books of the house), made when it is not there yet. */
int ledger__book_id(struct db_tx *tx, int64_t owner, enum ledger_book b, int64_t *ret_id, struct err *e);
/* The balance; 0 when the book was never used. */
int ledger__book_balance(struct db_tx *tx, int64_t owner, enum ledger_book b, int64_t *ret_balance, struct err *e);

/* One transaction of the books; ERR_RACE when this cause has happened before. */
struct ledger_tx { int64_t id, at_ms; };
int ledger__begin(struct db_tx *tx, const char *cause, int64_t cause_id, struct ledger_tx *ret, struct err *e);
/* Moves amount (0 does nothing) between two books of one unit. ERR_NO_CREDIT when the source does not reach. */
struct ledger_side { int64_t owner; enum ledger_book book; };
int ledger__move(struct db_tx *tx, const struct ledger_tx *t, const char *kind, struct ledger_side from, struct ledger_side to,
                 int64_t amount, struct err *e);

#endif
