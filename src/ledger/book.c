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

DB_SQL(ledger_book_find, "SELECT balance, last_id, lot_id, live_id FROM ledger_account WHERE owner_id = ? AND book = ?");
DB_SQL(ledger_book_add, "INSERT INTO ledger_account (owner_id, book, unit, balance, floor_min, last_id, lot_id, live_id) VALUES (?, ?, ?, 0, ?, 0, 0, 0)");
DB_SQL(ledger_book_change, "UPDATE ledger_account SET balance = balance + ?, last_id = ? WHERE owner_id = ? AND book = ? AND balance + ? >= floor_min");
/* Credits that come with a lot. */
DB_SQL(ledger_book_bring, "UPDATE ledger_account SET balance = balance + ?, last_id = ?, lot_id = ?, live_id = ? WHERE owner_id = ? AND book = 'wallet'");
DB_SQL(ledger_book_lots, "UPDATE ledger_account SET lot_id = ?, live_id = ? WHERE owner_id = ? AND book = 'wallet'");
DB_SQL(ledger_cause_find, "SELECT id FROM ledger_tx WHERE cause = ? AND cause_id = ?");
DB_SQL(ledger_tx_add, "INSERT INTO ledger_tx (id, cause, cause_id, at_ms, product, task_id) VALUES (?, ?, ?, ?, ?, ?)");
DB_SQL(ledger_entry_add, "INSERT INTO ledger_entry (id, tx_id, kind, from_owner, from_book, from_prev, to_owner, to_book, to_prev, amount, at_ms) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

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

bool ledger__book_of(struct str name, enum ledger_book *ret) {
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (str_eqz(name, books[b].name)) {
            *ret = b;
            return true;
        }
    return false;
}

const char *ledger__book_unit(enum ledger_book b) {
    assert(b < LEDGER_BOOK_COUNT);
    return books[b].unit;
}

bool ledger__book_of_house(enum ledger_book b) {
    assert(b < LEDGER_BOOK_COUNT);
    return books[b].house;
}

struct state { int64_t balance, last; struct ledger_heads heads; };

/* 1 found, 0 not there yet: all 0. */
static int find(struct db_tx *tx, struct ledger_side s, struct state *ret, struct err *e) {
    assert(s.book < LEDGER_BOOK_COUNT && books[s.book].house == (s.owner == 0));
    DB_ROWS rows = { 0 };
    *ret = (struct state){ 0 };
    int r = db_one(tx, &rows, e, &ledger_book_find, DB_INT(s.owner), DB_TEXT(books[s.book].name));
    if (r == 1)
        *ret = (struct state){ db_int(&rows, 0), db_int(&rows, 1), { db_int(&rows, 2), db_int(&rows, 3) } };
    return r;
}

static int add(struct db_tx *tx, struct ledger_side s, struct err *e) {
    const struct book *b = &books[s.book];
    return db_run(tx, NULL, e, &ledger_book_add, DB_INT(s.owner), DB_TEXT(b->name), DB_TEXT(b->unit), DB_INT(b->floor_min));
}

int ledger__book_last(struct db_tx *tx, struct ledger_side s, int64_t *ret_balance, int64_t *ret_last, struct err *e) {
    struct state now;
    int r = find(tx, s, &now, e);
    *ret_balance = now.balance;
    *ret_last = now.last;
    return r < 0 ? r : 0;
}

/* What an account's book is before a movement; made when it is not there yet. Of the house all 0: nobody lists its entries. */
static int before(struct db_tx *tx, struct ledger_side s, struct state *ret, struct err *e) {
    *ret = (struct state){ 0 };
    if (books[s.book].house)
        return 0;
    int r = find(tx, s, ret, e);
    return r == 0 ? add(tx, s, e) : r < 0 ? r : 0;
}

int ledger__lot_heads(struct db_tx *tx, int64_t account, struct ledger_heads *ret, struct err *e) {
    struct state now;
    int r = before(tx, (struct ledger_side){ account, LEDGER_WALLET }, &now, e);
    *ret = now.heads;
    return r;
}

int ledger__lot_heads_set(struct db_tx *tx, int64_t account, const struct ledger_heads *h, struct err *e) {
    return db_run(tx, NULL, e, &ledger_book_lots, DB_INT(h->lot), DB_INT(h->live), DB_INT(account));
}

/* ERR_NO_CREDIT when the balance would come below its floor. */
static int change(struct db_tx *tx, struct ledger_side s, int64_t by, int64_t entry, struct err *e) {
    bool house = books[s.book].house;
    assert(house == (s.owner == 0));
    for (bool again = false;; again = true) {
        struct state now;
        int64_t changed;
        int r = db_run(tx, &changed, e, &ledger_book_change, DB_INT(by), DB_INT(house ? 0 : entry), DB_INT(s.owner), DB_TEXT(books[s.book].name), DB_INT(by));
        if (r < 0 || changed == 1)
            return r;
        /* A book of the house is nearly always there, so it is looked for only when it was not found. */
        if (again || (r = find(tx, s, &now, e)) == 1)
            return err_set(e, ERR_NO_CREDIT, "%lld credits are needed", (long long)-by);
        if (r < 0 || (r = add(tx, s, e)) < 0)
            return r;
    }
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

struct movement {
    const char *kind;
    struct ledger_side from, to;
    struct state from_is, to_is;
    int64_t amount, lot;                  /* lot: comes with it, 0 = none */
};

static int move(struct db_tx *tx, const struct ledger_tx *t, const struct movement *m, struct err *e) {
    assert(m->amount > 0 && m->amount <= LEDGER_AMOUNT_MAX);
    assert(strcmp(books[m->from.book].unit, books[m->to.book].unit) == 0);
    int64_t id = id_new(), newest = m->from_is.last > m->to_is.last ? m->from_is.last : m->to_is.last;
    if (id <= newest) {                   /* the clock was set back while no server ran: a list only grows upwards */
        id_pass(newest);
        id = id_new();
    }
    int r = change(tx, m->from, -m->amount, id, e);
    if (r < 0)
        return r;
    r = m->lot ? db_run(tx, NULL, e, &ledger_book_bring, DB_INT(m->amount), DB_INT(id), DB_INT(m->lot), DB_INT(m->lot), DB_INT(m->to.owner)) : change(tx, m->to, m->amount, id, e);
    if (r < 0)
        return r;
    return db_run(tx, NULL, e, &ledger_entry_add, DB_INT(id), DB_INT(t->id), DB_TEXT(m->kind), DB_INT(m->from.owner), DB_TEXT(books[m->from.book].name), DB_INT(m->from_is.last),
                  DB_INT(m->to.owner), DB_TEXT(books[m->to.book].name), DB_INT(m->to_is.last), DB_INT(m->amount), DB_INT(t->at_ms));
}

int ledger__move(struct db_tx *tx, const struct ledger_tx *t, const char *kind, struct ledger_side from, struct ledger_side to,
                 int64_t amount, struct err *e) {
    struct movement m = { .kind = kind, .from = from, .to = to, .amount = amount };
    if (amount == 0)
        return 0;
    int r = before(tx, from, &m.from_is, e);
    return r < 0 || (r = before(tx, to, &m.to_is, e)) < 0 ? r : move(tx, t, &m, e);
}

int ledger__bring(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, struct err *e) {
    struct movement m = { .kind = "grant", .from = { 0, LEDGER_ISSUED }, .to = { l->account, LEDGER_WALLET }, .amount = l->credits, .lot = l->id };
    int r = before(tx, m.to, &m.to_is, e);
    if (r < 0 || (r = ledger__lot_add(tx, l, &m.to_is.heads, e)) < 0)
        return r;
    l->live = l->credits > 0;
    return l->credits ? move(tx, t, &m, e) : ledger__lot_heads_set(tx, l->account, &(struct ledger_heads){ l->id, m.to_is.heads.live }, e);
}
