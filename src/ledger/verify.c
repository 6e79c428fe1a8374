/* verify.c - proves the books from the entries alone. Reads only; run it inside a snapshot to check a live database. */
#include "ledger/ledger.h"

#include <stdarg.h>
#include "db/db.h"

struct check {
    struct db_tx *tx;
    void (*tell)(void *ctx, const char *what);
    void *ctx;
    struct err *e;
    int told;
};

static void __attribute__((format(printf, 2, 3))) tell(struct check *c, const char *fmt, ...) {
    char line[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    c->tell(c->ctx, line);
    c->told++;
}

DB_SQL(verify_units, "SELECT unit, SUM(balance) FROM ledger_account GROUP BY unit");
static int units_sum_to_zero(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_units);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != 0)
            tell(c, "balances in %.*s sum to %lld, not 0", STR_ARG(db_str(&rows, 0)), (long long)db_int(&rows, 1));
    return r;
}

DB_SQL(verify_balances, "SELECT a.id, a.owner_id, a.book, a.balance, a.floor_min, "
                        "(SELECT COALESCE(SUM(i.amount), 0) FROM ledger_entry i WHERE i.to_id = a.id), "
                        "(SELECT COALESCE(SUM(o.amount), 0) FROM ledger_entry o WHERE o.from_id = a.id) FROM ledger_account a");
static int balances_follow_entries(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_balances);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        int64_t balance = db_int(&rows, 3), moved = db_int(&rows, 5) - db_int(&rows, 6);
        if (balance != moved)
            tell(c, "%.*s of account %lld holds %lld, its entries say %lld", STR_ARG(db_str(&rows, 2)),
                 (long long)db_int(&rows, 1), (long long)balance, (long long)moved);
        if (balance < db_int(&rows, 4))
            tell(c, "%.*s of account %lld is %lld, below its floor", STR_ARG(db_str(&rows, 2)), (long long)db_int(&rows, 1),
                 (long long)balance);
    }
    return r;
}

DB_SQL(verify_entries, "SELECT x.id, x.amount, t.id, f.unit, g.unit FROM ledger_entry x LEFT JOIN ledger_tx t ON t.id = x.tx_id "
                       "LEFT JOIN ledger_account f ON f.id = x.from_id LEFT JOIN ledger_account g ON g.id = x.to_id "
                       "WHERE x.amount <= 0 OR t.id IS NULL OR f.id IS NULL OR g.id IS NULL OR f.unit <> g.unit");
static int entries_are_whole(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_entries);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        tell(c, "entry %lld of %lld has no transaction, no account, mixed units or no amount", (long long)db_int(&rows, 0),
             (long long)db_int(&rows, 1));
    return r;
}

DB_SQL(verify_held, "SELECT a.owner_id, a.balance, (SELECT COALESCE(SUM(h.credits), 0) FROM ledger_hold h "
                    "WHERE h.state = 'held' AND h.account_id = a.owner_id) FROM ledger_account a WHERE a.book = 'held'");
DB_SQL(verify_held_lost, "SELECT h.task_id, h.credits FROM ledger_hold h WHERE h.state = 'held' AND h.credits > 0 AND NOT EXISTS "
                         "(SELECT 1 FROM ledger_account a WHERE a.owner_id = h.account_id AND a.book = 'held')");
static int held_is_what_the_holds_say(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_held);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != db_int(&rows, 2))
            tell(c, "account %lld has %lld put aside, its open holds say %lld", (long long)db_int(&rows, 0),
                 (long long)db_int(&rows, 1), (long long)db_int(&rows, 2));
    if (r < 0)
        return r;
    DB_ROWS lost = { 0 };
    r = db_query(c->tx, &lost, c->e, &verify_held_lost);
    while (r >= 0 && (r = db_next(&lost, c->e)) > 0)
        tell(c, "the hold of task %lld has nothing put aside", (long long)db_int(&lost, 0));
    return r;
}

/* For each hold: what its own two transactions moved. */
DB_SQL(verify_holds,
       "SELECT h.task_id, h.state, h.credits, h.captured, "
       "(SELECT COALESCE(SUM(x.amount), 0) FROM ledger_tx t JOIN ledger_entry x ON x.tx_id = t.id "
       "WHERE t.cause = 'hold' AND t.cause_id = h.task_id AND x.kind = 'hold'), "
       "(SELECT COALESCE(SUM(y.amount), 0) FROM ledger_tx u JOIN ledger_entry y ON y.tx_id = u.id "
       "WHERE u.cause = 'resolve' AND u.cause_id = h.task_id AND y.kind = 'capture'), "
       "(SELECT COALESCE(SUM(z.amount), 0) FROM ledger_tx v JOIN ledger_entry z ON z.tx_id = v.id "
       "WHERE v.cause = 'resolve' AND v.cause_id = h.task_id AND z.kind = 'release'), "
       "(SELECT COUNT(*) FROM ledger_tx n WHERE n.cause = 'resolve' AND n.cause_id = h.task_id) FROM ledger_hold h");
static int holds_are_resolved_once(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_holds);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        long long task = (long long)db_int(&rows, 0);
        bool held = str_eqz(db_str(&rows, 1), "held");
        int64_t credits = db_int(&rows, 2), captured = db_int(&rows, 3);
        if (db_int(&rows, 4) != credits)
            tell(c, "the hold of task %lld says %lld, its entry %lld", task, (long long)credits, (long long)db_int(&rows, 4));
        if (db_int(&rows, 7) != (held ? 0 : 1))
            tell(c, "the hold of task %lld is %s and was resolved %lld times", task, held ? "open" : "resolved",
                 (long long)db_int(&rows, 7));
        if (db_int(&rows, 5) != captured || (!held && db_int(&rows, 6) != credits - captured))
            tell(c, "the hold of task %lld captured %lld and released %lld of %lld", task, (long long)db_int(&rows, 5),
                 (long long)db_int(&rows, 6), (long long)credits);
    }
    return r;
}

DB_SQL(verify_lots,
       "SELECT a.owner_id, a.book, a.balance, (SELECT COALESCE(SUM(CASE WHEN a.book = 'wallet' THEN l.available ELSE l.held "
       "END), 0) "
       "FROM ledger_lot l WHERE l.account_id = a.owner_id) FROM ledger_account a WHERE a.book = 'wallet' OR a.book = 'held'");
DB_SQL(verify_lots_lost, "SELECT l.id, l.account_id FROM ledger_lot l WHERE l.available + l.held > 0 AND NOT EXISTS "
                         "(SELECT 1 FROM ledger_account a WHERE a.owner_id = l.account_id AND a.book = 'wallet')");
static int lots_sum_to_the_books(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_lots);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 2) != db_int(&rows, 3))
            tell(c, "%.*s of account %lld holds %lld, its lots say %lld", STR_ARG(db_str(&rows, 1)), (long long)db_int(&rows, 0),
                 (long long)db_int(&rows, 2), (long long)db_int(&rows, 3));
    if (r < 0)
        return r;
    DB_ROWS lost = { 0 };
    r = db_query(c->tx, &lost, c->e, &verify_lots_lost);
    while (r >= 0 && (r = db_next(&lost, c->e)) > 0)
        tell(c, "lot %lld has credits of account %lld, which has no wallet", (long long)db_int(&lost, 0),
             (long long)db_int(&lost, 1));
    return r;
}

DB_SQL(verify_lot_uses,
       "SELECT l.id, l.held, l.spent, (SELECT COALESCE(SUM(u.held), 0) FROM ledger_use u WHERE u.lot_id = l.id AND u.open = 1), "
       "(SELECT COALESCE(SUM(v.captured - v.returned), 0) FROM ledger_use v WHERE v.lot_id = l.id) FROM ledger_lot l");
static int lots_follow_their_uses(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_lot_uses);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != db_int(&rows, 3) || db_int(&rows, 2) != db_int(&rows, 4))
            tell(c, "lot %lld has %lld held and %lld spent, the tasks say %lld and %lld", (long long)db_int(&rows, 0),
                 (long long)db_int(&rows, 1), (long long)db_int(&rows, 2), (long long)db_int(&rows, 3),
                 (long long)db_int(&rows, 4));
    return r;
}

DB_SQL(verify_uses, "SELECT h.task_id, h.state, h.credits, h.captured, (SELECT COALESCE(SUM(u.held), 0) FROM ledger_use u WHERE "
                    "u.task_id = h.task_id), "
                    "(SELECT COALESCE(SUM(v.captured), 0) FROM ledger_use v WHERE v.task_id = h.task_id), "
                    "(SELECT COALESCE(SUM(w.open), 0) FROM ledger_use w WHERE w.task_id = h.task_id) FROM ledger_hold h");
static int holds_are_covered_by_lots(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_uses);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        bool held = str_eqz(db_str(&rows, 1), "held");
        /* Tasks that ended before there were lots have none. */
        bool before_lots = !held && db_int(&rows, 4) == 0;
        if (!before_lots &&
            (db_int(&rows, 2) != db_int(&rows, 4) || db_int(&rows, 3) != db_int(&rows, 5) || (!held && db_int(&rows, 6))))
            tell(c, "the hold of task %lld is %lld credits, %lld captured; its lots say %lld and %lld",
                 (long long)db_int(&rows, 0), (long long)db_int(&rows, 2), (long long)db_int(&rows, 3),
                 (long long)db_int(&rows, 4), (long long)db_int(&rows, 5));
    }
    return r;
}

/* Deferred money is what was paid and neither earned nor given back; earned and refunded follow the lots. */
DB_SQL(
    verify_money,
    "SELECT a.book, a.balance, (SELECT COALESCE(SUM(CASE WHEN a.book LIKE 'earned%' THEN -l.earned ELSE l.earned + l.refunded - "
    "l.paid END), 0) "
    "FROM ledger_lot l WHERE l.currency = a.unit) FROM ledger_account a WHERE a.book LIKE 'deferred%' OR a.book LIKE 'earned%'");
static int money_follows_the_lots(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_money);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != db_int(&rows, 2))
            tell(c, "%.*s is %lld, the lots say %lld", STR_ARG(db_str(&rows, 0)), (long long)db_int(&rows, 1),
                 (long long)db_int(&rows, 2));
    return r;
}

int ledger_verify(struct db_tx *tx, void (*say)(void *ctx, const char *what), void *ctx, struct err *e) {
    static int (*const checks[])(
        struct check *) = { units_sum_to_zero,          balances_follow_entries,   entries_are_whole,
                            held_is_what_the_holds_say, holds_are_resolved_once,   lots_sum_to_the_books,
                            lots_follow_their_uses,     holds_are_covered_by_lots, money_follows_the_lots };
    struct check c = { tx, say, ctx, e, 0 };
    for (size_t i = 0; i < COUNT(checks); i++) {
        int r = checks[i](&c);
        if (r < 0)
            return r;
    }
    return c.told;
}
