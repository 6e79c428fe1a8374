/*
 * ledger.h - credits (and later money and cost): double entry, integers, append-only.
 * Owns: ledger_account, ledger_tx, ledger_entry, ledger_hold.
 * Invariants (the database enforces what it can, `ledger_verify` proves the rest):
 *   an entry moves amount > 0 from one account to another, so every transaction sums to 0 by construction;
 *   balance = what came in - what went out, kept in the same transaction, and never below the account's floor (CHECK);
 *   a cause (kind, id) happens once (UNIQUE); a hold is resolved exactly once; entries are never changed or deleted.
 * Threads: inside a write function only, but for the reading ones.
 */
#ifndef ZT_LEDGER_LEDGER_H
#define ZT_LEDGER_LEDGER_H

#include "base/arena.h"
#include "base/err.h"

struct db_tx;

/* Credits given to an account for nothing; cause_id makes it happen once (e.g. the account's id for the welcome gift). RACE = already done. */
int ledger_grant(struct db_tx *tx, int64_t account, int64_t credits, const char *cause, int64_t cause_id, struct err *e);
/* Puts credits aside for a task. ERR_NO_CREDIT when the balance does not reach. 0 credits is allowed and still makes the row. */
int ledger_hold(struct db_tx *tx, int64_t account, int64_t credits, int64_t task, struct err *e);
/* Ends a hold: `captured` (0..held) becomes revenue, the rest goes back. ERR_RACE when it was resolved before. */
int ledger_resolve(struct db_tx *tx, int64_t task, int64_t captured, struct err *e);
/* What a task's hold is now; 1 found, 0 not. */
struct ledger_hold_state { int64_t account, credits, captured; bool held; };
int ledger_hold_get(struct db_tx *tx, int64_t task, struct ledger_hold_state *ret, struct err *e);
/* Provider cost of an attempt, in millionths of a USD, recorded once per attempt. */
int ledger_cost(struct db_tx *tx, int64_t attempt, int64_t cost_microusd, struct err *e);

/* Everything of one account goes to another: credits that were paid for, and its resolved holds. What is left of gifts goes back to the house:
 * somebody who makes a hundred guests and signs in from each has one welcome gift. The gifts count as spent first.
 * ERR_STATE while a hold is open. May be called again for what came later. */
int ledger_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);

struct ledger_balance { int64_t available, held; };      /* credits */
int ledger_balance(struct db_tx *tx, int64_t account, struct ledger_balance *ret, struct err *e);
/* What moved the available credits, newest first: JSON array [{id, kind, credits (signed), cause, task, at (ms)}] appended to out;
 * the credits of all pages sum to `available`. before_id 0 = newest; limit 1..200. */
struct buf;
int ledger_list(struct db_tx *tx, int64_t account, int64_t before_id, int limit, struct buf *out, struct err *e);
/* What one cause moved ("hold" or "resolve" of a task, "cost" of an attempt): appends {id, kind, unit, amount, cause, at_ms} to the open array. */
struct jw;
int ledger_moves(struct db_tx *tx, const char *cause, int64_t cause_id, struct jw *w, struct err *e);
/* Proves the invariants from the entries alone; each broken one is told in a line. Returns how many were told. */
int ledger_verify(struct db_tx *tx, void (*tell)(void *ctx, const char *what), void *ctx, struct err *e);

#endif
