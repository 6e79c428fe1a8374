/* verify.c - proves the books from the entries alone. Reads only; run it inside a snapshot to check a live database. */
#include "ledger/ledger.h"

#include "base/tell.h"
#include "db/db.h"
#include "ledger/internal.h"

struct check {
    struct db_tx *tx;
    struct tell tell;
    struct err *e;
    int64_t house[LEDGER_BOOK_COUNT];      /* what the entries say of the books of the house */
    int64_t sides;                         /* sides of entries that are accounts' */
};

DB_SQL(verify_units, "SELECT unit, SUM(balance) FROM ledger_account GROUP BY unit");
static int units_sum_to_zero(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_units);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0)
        if (db_int(&rows, 1) != 0)
            tell(&c->tell, "balances in %.*s sum to %lld, not 0", STR_ARG(db_str(&rows, 0)), (long long)db_int(&rows, 1));
    return r;
}

/* One walk over all entries, each by itself; what they say of the house is added up on the way. */
DB_SQL(verify_entries, "SELECT x.id, x.amount, t.id, x.from_owner, x.from_book, x.to_owner, x.to_book FROM ledger_entry x LEFT JOIN ledger_tx t ON t.id = x.tx_id");
static int entries_are_whole(struct check *c) {
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_entries);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        int64_t amount = db_int(&rows, 1), from_owner = db_int(&rows, 3), to_owner = db_int(&rows, 5);
        enum ledger_book from, to;
        if (amount <= 0 || db_null(&rows, 2) || !ledger__book_of(db_str(&rows, 4), &from) || !ledger__book_of(db_str(&rows, 6), &to) ||
            ledger__book_of_house(from) != (from_owner == 0) || ledger__book_of_house(to) != (to_owner == 0) || strcmp(ledger__book_unit(from), ledger__book_unit(to)) != 0) {
            tell(&c->tell, "entry %lld of %lld has no transaction, no account, mixed units or no amount", (long long)db_int(&rows, 0), (long long)amount);
            continue;
        }
        c->sides += (from_owner != 0) + (to_owner != 0);
        if (!from_owner)
            c->house[from] -= amount;
        if (!to_owner)
            c->house[to] += amount;
    }
    return r;
}

/* The list of a book's entries, from its newest on: what they sum to, and how many they are. Each is of that book and older than the one before, or
 * the list ends there; then the sum or the number is wrong. */
DB_SQL(verify_walk,
       "WITH RECURSIVE walk (id, amount, prev) AS ("
       "SELECT x.id, CASE WHEN x.from_owner = a.owner_id AND x.from_book = a.book THEN -x.amount ELSE x.amount END, "
       "CASE WHEN x.from_owner = a.owner_id AND x.from_book = a.book THEN x.from_prev ELSE x.to_prev END "
       "FROM ledger_account a JOIN ledger_entry x ON x.id = a.last_id WHERE a.owner_id = ? AND a.book = ? "
       "AND ((x.from_owner = a.owner_id AND x.from_book = a.book) OR (x.to_owner = a.owner_id AND x.to_book = a.book)) "
       "UNION ALL "
       "SELECT y.id, CASE WHEN y.from_owner = ? AND y.from_book = ? THEN -y.amount ELSE y.amount END, "
       "CASE WHEN y.from_owner = ? AND y.from_book = ? THEN y.from_prev ELSE y.to_prev END FROM walk w JOIN ledger_entry y ON y.id = w.prev "
       "WHERE y.id < w.id AND ((y.from_owner = ? AND y.from_book = ?) OR (y.to_owner = ? AND y.to_book = ?))) "
       "SELECT COALESCE(SUM(v.amount), 0), COUNT(*) FROM walk v");
static int walk(struct check *c, int64_t owner, struct str book, int64_t *ret_moved, int64_t *walked) {
    DB_ROWS rows = { 0 };
    int r = db_one(c->tx, &rows, c->e, &verify_walk, DB_INT(owner), DB_STR(book), DB_INT(owner), DB_STR(book), DB_INT(owner), DB_STR(book), DB_INT(owner), DB_STR(book), DB_INT(owner), DB_STR(book));
    if (r < 1)
        return r;
    *ret_moved = db_int(&rows, 0);
    *walked += db_int(&rows, 1);
    return 0;
}

DB_SQL(verify_balances, "SELECT a.owner_id, a.book, a.balance, a.floor_min FROM ledger_account a");
static int balances_follow_entries(struct check *c) {
    int64_t walked = 0;
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_balances);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        int64_t owner = db_int(&rows, 0), balance = db_int(&rows, 2), moved = 0;
        struct str name = db_str(&rows, 1);
        enum ledger_book b;
        if (!ledger__book_of(name, &b) || ledger__book_of_house(b) != (owner == 0)) {
            tell(&c->tell, "account %lld has a book %.*s, which this program does not know", (long long)owner, STR_ARG(name));
            continue;
        }
        if (owner == 0)
            moved = c->house[b];
        else if ((r = walk(c, owner, name, &moved, &walked)) < 0)
            return r;
        if (balance != moved)
            tell(&c->tell, "%.*s of account %lld holds %lld, its entries say %lld", STR_ARG(name), (long long)owner, (long long)balance, (long long)moved);
        if (balance < db_int(&rows, 3))
            tell(&c->tell, "%.*s of account %lld is %lld, below its floor", STR_ARG(name), (long long)owner, (long long)balance);
        if (owner == 0)
            c->house[b] = 0;
    }
    for (enum ledger_book b = 0; r >= 0 && b < LEDGER_BOOK_COUNT; b++)
        if (c->house[b])
            tell(&c->tell, "the entries of %s say %lld, and there is no such book", ledger__book_name(b), (long long)c->house[b]);
    if (r >= 0 && walked != c->sides)
        tell(&c->tell, "the accounts' entries are %lld, in the lists of their books there are %lld", (long long)c->sides, (long long)walked);
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
            tell(&c->tell, "account %lld has %lld put aside, its open holds say %lld", (long long)db_int(&rows, 0),
                 (long long)db_int(&rows, 1), (long long)db_int(&rows, 2));
    if (r < 0)
        return r;
    DB_ROWS lost = { 0 };
    r = db_query(c->tx, &lost, c->e, &verify_held_lost);
    while (r >= 0 && (r = db_next(&lost, c->e)) > 0)
        tell(&c->tell, "the hold of task %lld has nothing put aside", (long long)db_int(&lost, 0));
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
            tell(&c->tell, "the hold of task %lld says %lld, its entry %lld", task, (long long)credits, (long long)db_int(&rows, 4));
        if (db_int(&rows, 7) != (held ? 0 : 1))
            tell(&c->tell, "the hold of task %lld is %s and was resolved %lld times", task, held ? "open" : "resolved",
                 (long long)db_int(&rows, 7));
        if (db_int(&rows, 5) != captured || (!held && db_int(&rows, 6) != credits - captured))
            tell(&c->tell, "the hold of task %lld captured %lld and released %lld of %lld", task, (long long)db_int(&rows, 5),
                 (long long)db_int(&rows, 6), (long long)credits);
    }
    return r;
}

/* By the lists from the wallets on; a list that runs in a circle ends when it has more lots than there are. */
DB_SQL(verify_lots,
       "WITH RECURSIVE walk (id, prev_id, n) AS (SELECT l.id, l.prev_id, 1 FROM ledger_account a JOIN ledger_lot l ON l.id = a.lot_id WHERE a.owner_id = ? AND a.book = 'wallet' "
       "UNION ALL SELECT m.id, m.prev_id, v.n + 1 FROM walk v JOIN ledger_lot m ON m.id = v.prev_id WHERE v.n <= ?) "
       "SELECT COALESCE(SUM(x.available), 0), COALESCE(SUM(x.held), 0), COUNT(*), COALESCE(SUM(CASE WHEN x.account_id = ? THEN 0 ELSE 1 END), 0) FROM walk w JOIN ledger_lot x ON x.id = w.id");
DB_SQL(verify_lot_count, "SELECT COUNT(*) FROM ledger_lot");
DB_SQL(verify_wallets, "SELECT a.owner_id, a.book, a.balance FROM ledger_account a WHERE a.book = 'wallet' OR a.book = 'held' ORDER BY a.owner_id, a.book");
static int lots_sum_to_the_books(struct check *c) {
    int64_t all, walked = 0;
    {
        DB_ROWS rows = { 0 };
        int r = db_one(c->tx, &rows, c->e, &verify_lot_count);
        if (r < 1)
            return r;
        all = db_int(&rows, 0);
    }
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_wallets);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        int64_t owner = db_int(&rows, 0), balance = db_int(&rows, 2);
        bool wallet = str_eqz(db_str(&rows, 1), "wallet");
        DB_ROWS lots = { 0 };
        if ((r = db_one(c->tx, &lots, c->e, &verify_lots, DB_INT(owner), DB_INT(all), DB_INT(owner))) < 1)
            return r;
        int64_t said = db_int(&lots, wallet ? 0 : 1);
        walked += wallet ? db_int(&lots, 2) : 0;
        if (balance != said)
            tell(&c->tell, "%.*s of account %lld holds %lld, its lots say %lld", STR_ARG(db_str(&rows, 1)), (long long)owner, (long long)balance, (long long)said);
        if (db_int(&lots, 3))
            tell(&c->tell, "%lld lots in the list of account %lld are somebody else's", (long long)db_int(&lots, 3), (long long)owner);
    }
    if (r >= 0 && walked != all)
        tell(&c->tell, "there are %lld lots, in the lists of the accounts there are %lld", (long long)all, (long long)walked);
    return r;
}

/* Who has something available stands in the list to spend from, and nobody else. */
DB_SQL(verify_live,
       "WITH RECURSIVE walk (id, prev_id, n) AS (SELECT l.id, l.live_prev, 1 FROM ledger_account a JOIN ledger_lot l ON l.id = a.live_id WHERE a.owner_id = ? AND a.book = 'wallet' "
       "UNION ALL SELECT m.id, m.live_prev, v.n + 1 FROM walk v JOIN ledger_lot m ON m.id = v.prev_id WHERE v.n <= ?) "
       "SELECT COUNT(*), COALESCE(SUM(CASE WHEN x.account_id = ? AND x.live = 1 THEN 0 ELSE 1 END), 0) FROM walk w JOIN ledger_lot x ON x.id = w.id");
DB_SQL(verify_live_count, "SELECT COALESCE(SUM(CASE WHEN live = 1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN live <> 1 AND live_prev <> -1 THEN 1 ELSE 0 END), 0) FROM ledger_lot");
DB_SQL(verify_live_wallets, "SELECT a.owner_id FROM ledger_account a WHERE a.live_id <> 0 ORDER BY a.owner_id");
static int live_lots_are_listed(struct check *c) {
    int64_t all, walked = 0;
    {
        DB_ROWS rows = { 0 };
        int r = db_one(c->tx, &rows, c->e, &verify_live_count);
        if (r < 1)
            return r;
        all = db_int(&rows, 0);
        if (db_int(&rows, 1))
            tell(&c->tell, "%lld lots with nothing left have a place among those with something", (long long)db_int(&rows, 1));
    }
    DB_ROWS rows = { 0 };
    int r = db_query(c->tx, &rows, c->e, &verify_live_wallets);
    while (r >= 0 && (r = db_next(&rows, c->e)) > 0) {
        int64_t owner = db_int(&rows, 0);
        DB_ROWS lots = { 0 };
        if ((r = db_one(c->tx, &lots, c->e, &verify_live, DB_INT(owner), DB_INT(all), DB_INT(owner))) < 1)
            return r;
        walked += db_int(&lots, 0);
        if (db_int(&lots, 1))
            tell(&c->tell, "%lld lots that account %lld could spend from are somebody else's, or empty", (long long)db_int(&lots, 1), (long long)owner);
    }
    if (r >= 0 && walked != all)
        tell(&c->tell, "%lld lots have something left, in the lists to spend from there are %lld", (long long)all, (long long)walked);
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
            tell(&c->tell, "lot %lld has %lld held and %lld spent, the tasks say %lld and %lld", (long long)db_int(&rows, 0),
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
            tell(&c->tell, "the hold of task %lld is %lld credits, %lld captured; its lots say %lld and %lld",
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
            tell(&c->tell, "%.*s is %lld, the lots say %lld", STR_ARG(db_str(&rows, 0)), (long long)db_int(&rows, 1),
                 (long long)db_int(&rows, 2));
    return r;
}

int ledger_verify(struct db_tx *tx, void (*say)(void *ctx, const char *what), void *ctx, struct err *e) {
    static int (*const checks[])(
        struct check *) = { units_sum_to_zero,          entries_are_whole,         balances_follow_entries,
                            held_is_what_the_holds_say, holds_are_resolved_once,   lots_sum_to_the_books, live_lots_are_listed,
                            lots_follow_their_uses,     holds_are_covered_by_lots, money_follows_the_lots };
    struct check c = { .tx = tx, .tell = { say, ctx, 0 }, .e = e };
    for (size_t i = 0; i < COUNT(checks); i++) {
        int r = checks[i](&c);
        if (r < 0)
            return r;
    }
    return c.tell.n;
}
