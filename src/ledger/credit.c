/* credit.c - credits come, are put aside, are spent, come back, and end. Each function changes books and lots together. */
#include "ledger/ledger.h"

#include <assert.h>
#include <stdio.h>
#include "base/id.h"
#include "db/db.h"
#include "ledger/internal.h"

DB_SQL(hold_add, "INSERT INTO ledger_hold (task_id, account_id, credits, captured, state, held_ms, resolved_ms) VALUES (?, ?, ?, 0, 'held', ?, 0)");
DB_SQL(hold_one, "SELECT h.account_id, h.credits, h.captured, h.state, (SELECT COALESCE(SUM(u.returned), 0) FROM ledger_use u WHERE u.task_id = h.task_id), "
                 "(SELECT t.product FROM ledger_tx t WHERE t.cause = 'hold' AND t.cause_id = h.task_id) FROM ledger_hold h WHERE h.task_id = ?");
DB_SQL(hold_end, "UPDATE ledger_hold SET state = 'resolved', captured = ?, resolved_ms = ? WHERE task_id = ? AND state = 'held'");
DB_SQL(use_add, "INSERT INTO ledger_use (task_id, lot_id, open, held, captured, returned) VALUES (?, ?, 1, ?, 0, 0)");
DB_SQL(use_capture, "UPDATE ledger_use SET open = 0, captured = ? WHERE task_id = ? AND lot_id = ?");
DB_SQL(use_return, "UPDATE ledger_use SET returned = returned + ? WHERE task_id = ? AND lot_id = ?");
/* In the order in which they are spent; the other way round they come back. One at a time, since no row stays open while lots are written. */
DB_SQL(use_next, "SELECT u.lot_id, u.held FROM ledger_use u JOIN ledger_lot l ON l.id = u.lot_id "
                 "WHERE u.task_id = ? AND u.open = 1 ORDER BY l.expires_ms, l.source, l.id LIMIT 1");
DB_SQL(use_last, "SELECT u.lot_id, u.captured - u.returned FROM ledger_use u JOIN ledger_lot l ON l.id = u.lot_id "
                 "WHERE u.task_id = ? AND u.captured > u.returned ORDER BY l.expires_ms DESC, l.source DESC, l.id DESC LIMIT 1");

static const struct ledger_side issued = { 0, LEDGER_ISSUED }, revenue = { 0, LEDGER_REVENUE };

/* ---- coming and ending ---- */

int ledger_grant(struct db_tx *tx, const struct ledger_grant *g, struct err *e) {
    assert(g->account > 0 && g->source != LEDGER_BOUGHT);
    struct ledger_tx t;
    int r = ledger__amount_ok(g->credits, e);
    if (r < 0 || (r = ledger__begin(tx, g->cause, g->cause_id, (struct ledger_about){ .product = g->product }, &t, e)) < 0 || g->credits == 0)
        return r;
    struct ledger_lot l = { .id = t.id, .account = g->account, .source = g->source, .credits = g->credits, .available = g->credits, .product = g->product,
                            .created_ms = t.at_ms, .expires_ms = g->expires_ms ? g->expires_ms : LEDGER_NEVER_MS };
    return ledger__bring(tx, &t, &l, e);
}

int ledger_ungrant(struct db_tx *tx, const char *cause, int64_t cause_id, struct err *e) {
    struct ledger_lot l;
    struct ledger_tx t;
    int64_t id;
    int r = ledger__find(tx, cause, cause_id, &id, e);
    if (r == 1)
        r = ledger__lot_get(tx, id, &l, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "%s %lld granted nothing", cause, (long long)cause_id);
    if (l.available != l.credits)
        return err_set(e, ERR_STATE, "%lld of %lld credits are not there any more", (long long)(l.credits - l.available), (long long)l.credits);
    if ((r = ledger__begin(tx, "ungrant", l.id, (struct ledger_about){ 0 }, &t, e)) < 0)
        return r;
    l.taken = l.available;
    l.available = 0;
    if ((r = ledger__lot_save(tx, &t, &l, e)) < 0)
        return r;
    return ledger__move(tx, &t, "takeback", (struct ledger_side){ l.account, LEDGER_WALLET }, issued, l.taken, e);
}

int ledger_expire(struct db_tx *tx, int64_t now_ms, int limit, int *ret_n, struct err *e) {
    struct ledger_lot l;
    int n = 0, r = 1;
    while (n < limit && (r = ledger__lot_ended(tx, now_ms, &l, e)) == 1) {
        /* A lot may end more than once: credits that were held or spent then may come back later. So the cause is a number of its own. */
        struct ledger_tx t;
        int64_t credits = l.available;
        if ((r = ledger__begin(tx, "expire", id_new(), (struct ledger_about){ 0 }, &t, e)) < 0)
            break;
        l.expired += credits;
        l.available = 0;
        if ((r = ledger__lot_save(tx, &t, &l, e)) < 0 ||
            (r = ledger__move(tx, &t, "expire", (struct ledger_side){ l.account, LEDGER_WALLET }, issued, credits, e)) < 0)
            break;
        n++;
    }
    if (r >= 0)
        *ret_n = n;
    return r < 0 ? r : 0;
}

/* ---- spending ---- */

int ledger_hold(struct db_tx *tx, int64_t account, int64_t credits, int64_t task, struct str product, struct err *e) {
    assert(account > 0 && task > 0);
    struct ledger_tx t;
    int r = ledger__amount_ok(credits, e);
    if (r < 0 || (r = ledger__begin(tx, "hold", task, (struct ledger_about){ product, task }, &t, e)) < 0)
        return r;
    /* First the book, which says whether it reaches; then there are lots enough, or the books are wrong. */
    if ((r = ledger__move(tx, &t, "hold", (struct ledger_side){ account, LEDGER_WALLET }, (struct ledger_side){ account, LEDGER_HELD }, credits, e)) < 0)
        return r;
    int64_t left = credits;
    while (left > 0) {
        struct ledger_lot lots[LEDGER_LOTS_AT_ONCE];
        int n_lots = ledger__lots_next(tx, account, lots, e);
        if (n_lots <= 0)
            return n_lots < 0 ? n_lots : err_set(e, ERR_DB, "account %lld has %lld credits more than its lots", (long long)account, (long long)left);
        for (struct ledger_lot *l = lots; l < lots + n_lots && left > 0; l++) {
            int64_t n = left < l->available ? left : l->available;
            l->available -= n;
            l->held += n;
            left -= n;
            if ((r = ledger__lot_save(tx, &t, l, e)) < 0 || (r = db_run(tx, NULL, e, &use_add, DB_INT(task), DB_INT(l->id), DB_INT(n))) < 0)
                return r;
        }
    }
    return db_run(tx, NULL, e, &hold_add, DB_INT(task), DB_INT(account), DB_INT(credits), DB_INT(t.at_ms));
}

/* product: with room for any; may be NULL. */
static int hold_get(struct db_tx *tx, int64_t task, struct ledger_hold_state *ret, char product[LEDGER_PRODUCT_MAX + 1], struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &hold_one, DB_INT(task));
    if (r <= 0)
        return r;
    *ret = (struct ledger_hold_state){ db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2), db_int(&rows, 4), str_eqz(db_str(&rows, 3), "held") };
    if (product)
        snprintf(product, LEDGER_PRODUCT_MAX + 1, "%.*s", STR_ARG(db_str(&rows, 5)));
    return 1;
}

int ledger_hold_get(struct db_tx *tx, int64_t task, struct ledger_hold_state *ret, struct err *e) {
    return hold_get(tx, task, ret, NULL, e);
}

/* Credits that come back are good for a while, whatever happened to their lot meanwhile: our failure costs nobody anything. */
int ledger__come_back(struct db_tx *tx, const struct ledger_tx *t, struct ledger_lot *l, int64_t credits, struct err *e) {
    if (credits && l->paid && l->refunded == l->paid) {          /* but the money for them is back already */
        l->taken += credits;
        return ledger__move(tx, t, "takeback", (struct ledger_side){ l->account, LEDGER_WALLET }, issued, credits, e);
    }
    l->available += credits;
    if (credits && l->expires_ms < t->at_ms + LEDGER_GRACE_MS)
        l->expires_ms = t->at_ms + LEDGER_GRACE_MS;
    return 0;
}

/* A lot out of a use of the task: first column its id, second an amount. 1, or 0 when there is none. */
static int lot_of_use(struct db_tx *tx, const struct db_sql *q, int64_t task, struct ledger_lot *ret, int64_t *ret_n, struct err *e) {
    int64_t lot;
    {
        DB_ROWS rows = { 0 };
        int r = db_one(tx, &rows, e, q, DB_INT(task));
        if (r <= 0)
            return r;
        lot = db_int(&rows, 0);
        *ret_n = db_int(&rows, 1);
    }
    int r = ledger__lot_get(tx, lot, ret, e);
    return r == 0 ? err_set(e, ERR_DB, "task %lld has credits of lot %lld, which is not there", (long long)task, (long long)lot) : r;
}

/* Splits what a task holds of its lots: of those that end soonest `captured` are spent, the rest comes back. */
static int resolve_lots(struct db_tx *tx, const struct ledger_tx *t, int64_t task, int64_t captured, struct err *e) {
    struct ledger_lot l;
    int64_t held;
    int r;
    while ((r = lot_of_use(tx, &use_next, task, &l, &held, e)) == 1) {
        int64_t spent = captured < held ? captured : held;
        l.held -= held;
        l.spent += spent;
        captured -= spent;
        if ((r = ledger__come_back(tx, t, &l, held - spent, e)) < 0 || (r = ledger__lot_save(tx, t, &l, e)) < 0 || (r = db_run(tx, NULL, e, &use_capture, DB_INT(spent), DB_INT(task), DB_INT(l.id))) < 0)
            return r;
    }
    return r == 0 && captured ? err_set(e, ERR_DB, "task %lld captured %lld credits more than its lots held", (long long)task, (long long)captured) : r;
}

int ledger_resolve(struct db_tx *tx, int64_t task, int64_t captured, struct err *e) {
    struct ledger_hold_state h;
    char product[LEDGER_PRODUCT_MAX + 1];
    int r = hold_get(tx, task, &h, product, e);
    if (r < 0)
        return r;
    if (r == 0 || !h.held)
        return err_set(e, ERR_RACE, "the hold of this task is not open");
    if (captured < 0 || captured > h.credits)
        return err_set(e, ERR_BAD_INPUT, "%lld of %lld held credits cannot be captured", (long long)captured,
                       (long long)h.credits);

    struct ledger_tx t;
    if ((r = ledger__begin(tx, "resolve", task, (struct ledger_about){ str_z(product), task }, &t, e)) < 0)
        return r;
    int64_t changed;
    if ((r = db_run(tx, &changed, e, &hold_end, DB_INT(captured), DB_INT(t.at_ms), DB_INT(task))) < 0)
        return r;
    if (changed != 1)
        return err_set(e, ERR_RACE, "the hold of this task was resolved by somebody else");
    struct ledger_side held = { h.account, LEDGER_HELD };
    if ((r = ledger__move(tx, &t, "capture", held, revenue, captured, e)) < 0 ||
        (r = ledger__move(tx, &t, "release", held, (struct ledger_side){ h.account, LEDGER_WALLET }, h.credits - captured, e)) < 0)
        return r;
    return resolve_lots(tx, &t, task, captured, e);
}

DB_SQL(use_orders, "SELECT t.cause_id, u.captured - u.returned FROM ledger_use u JOIN ledger_tx t ON t.id = u.lot_id "
                   "WHERE u.task_id = ? AND t.cause = 'order' AND u.captured > u.returned ORDER BY u.lot_id DESC");

int ledger_parts(struct db_tx *tx, int64_t task, struct ledger_part *out, int cap, struct err *e) {
    DB_ROWS rows = { 0 };
    int n = 0, r = db_query(tx, &rows, e, &use_orders, DB_INT(task));
    while (r >= 0 && n < cap && (r = db_next(&rows, e)) > 0)
        out[n++] = (struct ledger_part){ db_int(&rows, 0), db_int(&rows, 1) };
    return r < 0 ? r : n;
}

int ledger_return(struct db_tx *tx, int64_t task, int64_t credits, const char *cause, int64_t cause_id, struct err *e) {
    struct ledger_hold_state h;
    struct ledger_tx t;
    char product[LEDGER_PRODUCT_MAX + 1];
    int r = hold_get(tx, task, &h, product, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such task was paid for");
    if ((r = ledger__begin(tx, cause, cause_id, (struct ledger_about){ str_z(product), task }, &t, e)) < 0)
        return r;
    if (credits < 0 || credits > h.captured - h.returned)
        return err_set(e, ERR_BAD_INPUT, "%lld credits cannot come back: %lld were spent on this task, %lld of them came back before", (long long)credits,
                       (long long)h.captured, (long long)h.returned);
    if ((r = ledger__move(tx, &t, "return", revenue, (struct ledger_side){ h.account, LEDGER_WALLET }, credits, e)) < 0)
        return r;
    while (credits > 0) {
        struct ledger_lot l;
        int64_t n;
        if ((r = lot_of_use(tx, &use_last, task, &l, &n, e)) <= 0)
            return r < 0 ? r : err_set(e, ERR_DB, "task %lld spent %lld credits of no lot", (long long)task, (long long)credits);
        n = n < credits ? n : credits;
        l.spent -= n;
        credits -= n;
        if ((r = ledger__come_back(tx, &t, &l, n, e)) < 0 || (r = ledger__lot_save(tx, &t, &l, e)) < 0 || (r = db_run(tx, NULL, e, &use_return, DB_INT(n), DB_INT(task), DB_INT(l.id))) < 0)
            return r;
    }
    return 0;
}
