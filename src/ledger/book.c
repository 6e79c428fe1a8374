/* book.c - the books, and moving an amount from one to another. */
#include "ledger/internal.h"

#include <assert.h>
#include "base/clock.h"
#include "base/id.h"
#include "db/db.h"

static const struct book {
    const char *name, *unit;
    int64_t floor_min;
    bool house;
} books[LEDGER_BOOK_COUNT] = {
#define X(id, name, unit, floor_min, house) [LEDGER_##id] = { name, unit, floor_min, house },
    LEDGER_BOOKS(X)
#undef X
};

DB_SQL(ledger_book_find, "SELECT id, balance FROM ledger_account WHERE owner_id = ? AND book = ?");
DB_SQL(ledger_book_add, "INSERT INTO ledger_account (id, owner_id, book, unit, balance, floor_min) VALUES (?, ?, ?, ?, 0, ?)");
DB_SQL(ledger_take, "UPDATE ledger_account SET balance = balance - ? WHERE id = ? AND balance - ? >= floor_min");
DB_SQL(ledger_put, "UPDATE ledger_account SET balance = balance + ? WHERE id = ?");
DB_SQL(ledger_cause_find, "SELECT id FROM ledger_tx WHERE cause = ? AND cause_id = ?");
DB_SQL(ledger_tx_add, "INSERT INTO ledger_tx (id, cause, cause_id, at_ms, product, task_id) VALUES (?, ?, ?, ?, ?, ?)");
DB_SQL(ledger_entry_add,
       "INSERT INTO ledger_entry (id, tx_id, kind, from_id, to_id, amount, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)");

enum ledger_book ledger__cash(enum ledger_currency c) {
    return c == LEDGER_CNY ? LEDGER_CASH_CNY : LEDGER_CASH_USD;
}

enum ledger_book ledger__fee(enum ledger_currency c) {
    return c == LEDGER_CNY ? LEDGER_FEE_CNY : LEDGER_FEE_USD;
}

enum ledger_book ledger__deferred(enum ledger_currency c) {
    return c == LEDGER_CNY ? LEDGER_DEFERRED_CNY : LEDGER_DEFERRED_USD;
}

enum ledger_book ledger__earned(enum ledger_currency c) {
    return c == LEDGER_CNY ? LEDGER_EARNED_CNY : LEDGER_EARNED_USD;
}

int ledger__amount_ok(int64_t amount, struct err *e) {
    if (amount < 0 || amount > LEDGER_AMOUNT_MAX)
        return err_set(e, ERR_BAD_INPUT, "an amount must lie between 0 and %lld", (long long)LEDGER_AMOUNT_MAX);
    return 0;
}

const char *ledger__book_name(enum ledger_book b) {
    assert(b < LEDGER_BOOK_COUNT);
    return books[b].name;
}

/* 1 found, 0 not there yet. */
static int find(struct db_tx *tx, int64_t owner, enum ledger_book b, int64_t *ret_id, int64_t *ret_balance, struct err *e) {
    assert(b < LEDGER_BOOK_COUNT && books[b].house == (owner == 0));
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &ledger_book_find, DB_INT(owner), DB_TEXT(books[b].name));
    if (r <= 0)
        return r;
    *ret_id = db_int(&rows, 0);
    *ret_balance = db_int(&rows, 1);
    return 1;
}

int ledger__book_id(struct db_tx *tx, int64_t owner, enum ledger_book b, int64_t *ret_id, struct err *e) {
    int64_t id, balance;
    int r = find(tx, owner, b, &id, &balance, e);
    if (r < 0)
        return r;
    if (r == 0) {
        id = id_new();
        r = db_run(tx, NULL, e, &ledger_book_add, DB_INT(id), DB_INT(owner), DB_TEXT(books[b].name), DB_TEXT(books[b].unit),
                   DB_INT(books[b].floor_min));
        if (r < 0)
            return r;
    }
    *ret_id = id;
    return 0;
}

int ledger__book_balance(struct db_tx *tx, int64_t owner, enum ledger_book b, int64_t *ret_balance, struct err *e) {
    int64_t id, balance = 0;
    int r = find(tx, owner, b, &id, &balance, e);
    if (r < 0)
        return r;
    *ret_balance = balance;
    return 0;
}

int ledger__find(struct db_tx *tx, const char *cause, int64_t cause_id, int64_t *ret_id, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &ledger_cause_find, DB_TEXT(cause), DB_INT(cause_id));
    if (r == 1)
        *ret_id = db_int(&rows, 0);
    return r;
}

int ledger__begin(struct db_tx *tx, const char *cause, int64_t cause_id, struct ledger_about about, struct ledger_tx *ret,
                  struct err *e) {
    /* Looked up first, because a statement that fails spoils the whole transaction on some databases; UNIQUE is the last word. */
    int64_t before;
    int r = ledger__find(tx, cause, cause_id, &before, e);
    if (r != 0)
        return r < 0 ? r : err_set(e, ERR_RACE, "%s %lld has happened before", cause, (long long)cause_id);
    struct ledger_tx t = { id_new(), clock_ms() };
    r = db_run(tx, NULL, e, &ledger_tx_add, DB_INT(t.id), DB_TEXT(cause), DB_INT(cause_id), DB_INT(t.at_ms),
               DB_STR(about.product), DB_INT(about.task));
    if (r < 0)
        return r;
    *ret = t;
    return 0;
}

int ledger__move(struct db_tx *tx, const struct ledger_tx *t, const char *kind, struct ledger_side from, struct ledger_side to,
                 int64_t amount, struct err *e) {
    assert(amount >= 0 && amount <= LEDGER_AMOUNT_MAX);
    assert(strcmp(books[from.book].unit, books[to.book].unit) == 0);
    if (amount == 0)
        return 0;
    int64_t from_id, to_id, changed;
    int r = ledger__book_id(tx, from.owner, from.book, &from_id, e);
    if (r < 0)
        return r;
    if ((r = ledger__book_id(tx, to.owner, to.book, &to_id, e)) < 0)
        return r;
    if ((r = db_run(tx, &changed, e, &ledger_take, DB_INT(amount), DB_INT(from_id), DB_INT(amount))) < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_NO_CREDIT, "%lld credits are needed", (long long)amount);
    if ((r = db_run(tx, &changed, e, &ledger_put, DB_INT(amount), DB_INT(to_id))) < 0)
        return r;
    assert(changed == 1);
    return db_run(tx, NULL, e, &ledger_entry_add, DB_INT(id_new()), DB_INT(t->id), DB_TEXT(kind), DB_INT(from_id), DB_INT(to_id),
                  DB_INT(amount), DB_INT(t->at_ms));
}
