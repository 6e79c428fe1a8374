/*
 * unlike.c - "not like me": the first time the same inputs again, for nothing; the second time the credits come back, and the money that had bought them.
 * Credits and money are one transaction; the provider is asked behind it, as with every refund.
 */
#include "base/clock.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/internal.h"
#include "shop/unlike.h"
#include "task/task.h"

#define PARTS_MAX 8                            /* orders that one task was paid from */
#define DAY_MS    (24LL * 3600 * 1000)
#define MONTH_MS  (30 * DAY_MS)

/* So many credits of an order came back: the money goes the same way. What cannot be given back now stays with the person as credits. */
static int give_money(struct db_tx *tx, struct shop *s, const struct ledger_part *p, int64_t account, struct err *e) {
    struct order o;
    struct refund f;
    struct ledger_sold sold;
    int r = shop__order_get(tx, p->order, 0, &o, e);
    if (r <= 0 || (r = ledger_sold_get(tx, p->order, &sold, e)) <= 0)
        return r;
    if ((r = shop__refund_of(tx, o.id, &f, e)) < 0)
        return r;
    bool busy = r == 1 && (str_eqz(str_z(f.state), "pending") || str_eqz(str_z(f.state), "abnormal"));
    int64_t left = o.price - o.refunded, money = p->credits == o.credits ? left : o.price * p->credits / o.credits;
    if (o.state != SHOP_PAID || busy || o.trouble[0] || o.disputed || left <= 0 || sold.available < p->credits)
        return 0;
    struct shop_refund_new back = { .id = id_new(), .order = o.id, .by = account, .money = money < left ? money : left, .credits = p->credits, .cause = SHOP_CAUSE_UNLIKE,
                                    .reason = STR("") };
    return shop__refund_book(tx, s, &o, &back, "pending", e);
}

/* Whoever never likes what they get is helped by a person, not by the machine. */
static int may_again(struct db_tx *tx, const struct shop *s, int64_t account, struct err *e) {
    int64_t most = config_int(s->cfg, "shop.unlikes"), n;
    int r = task_again_count(tx, account, clock_ms() - MONTH_MS, &n, e);
    if (r < 0 || most == 0 || n < most)
        return r < 0 ? r : 0;
    return err_set(e, ERR_STATE, "%lld tasks were made again in 30 days: ask for a refund of the order, and an operator decides", (long long)most);
}

static int give_back(struct db_tx *tx, struct shop *s, int64_t account, int64_t first, struct err *e) {
    struct ledger_hold_state h;
    struct ledger_part parts[PARTS_MAX];
    int r = ledger_hold_get(tx, first, &h, e), n;
    if (r < 0)
        return r;
    if (r == 0 || h.captured == h.returned)
        return err_set(e, ERR_STATE, "these pictures cost nothing, or what they cost came back already");
    if ((n = ledger_parts(tx, first, parts, PARTS_MAX, e)) < 0)
        return n;
    if ((r = ledger_return(tx, first, h.captured - h.returned, "unlike", first, e)) < 0)
        return r == ERR_RACE ? err_set(e, ERR_STATE, "it came back already") : r;
    for (int i = 0; i < n; i++)
        if ((r = give_money(tx, s, &parts[i], account, e)) < 0)
            return r;
    return 0;
}

/* As long as it was told, from when the pictures were there; where a re-run failed, from then. */
static int in_time(const struct shop *s, int64_t made_ms, struct err *e) {
    int64_t for_ms = config_int(s->cfg, "shop.unlike_for");
    return for_ms == 0 || clock_ms() - made_ms <= for_ms ? 0 : err_set(e, ERR_UNLIKE_LATE, "it was to be said within %lld days", (long long)(for_ms / DAY_MS));
}

static int make_again(struct db_tx *tx, const struct shop *s, struct task_core *c, int64_t account, int64_t task, int64_t new_task, struct err *e) {
    struct ledger_hold_state h = { 0 };
    struct err why = { 0 };
    int r = ledger_hold_get(tx, task, &h, e);
    if (r < 0 || (r = may_again(tx, s, account, e)) < 0)
        return r;
    if (h.captured == 0)
        return err_set(e, ERR_STATE, "these pictures cost nothing");
    r = task_again(tx, c, task, new_task, &why);
    if (r == ERR_PHOTO_GONE || r == ERR_UNKNOWN_RECIPE)
        return err_set(e, ERR_UNLIKE_GONE, "%s", why.text);
    if (r < 0)
        *e = why;
    return r;
}

int shop_unlike(struct db_tx *tx, struct shop *s, struct task_core *c, int64_t account, int64_t task, int64_t new_task, int64_t *ret_task, struct err *e) {
    struct task_facts t;
    int r = task_facts_get(tx, task, account, &t, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such task");
    if (t.state != TASK_CHOOSING && t.state != TASK_DONE)
        return err_set(e, ERR_STATE, "the task is %s: there are no pictures to dislike", task_state_name(t.state));
    struct task_facts again = { .state = TASK_CANCELLED };       /* what its owner cancelled is as if it had never been asked for */
    if (t.again && (r = task_facts_get(tx, t.again, 0, &again, e)) < 0)
        return r;
    if (again.state != TASK_CANCELLED && again.state != TASK_FAILED)
        return err_set(e, ERR_STATE, "other pictures were made for it already");
    bool failed = again.state == TASK_FAILED;    /* they were promised and never came */
    if ((r = in_time(s, failed && again.ended_ms > t.ended_ms ? again.ended_ms : t.ended_ms, e)) < 0)
        return r;
    *ret_task = t.again_of || failed ? 0 : new_task;
    return t.again_of ? give_back(tx, s, account, t.again_of, e) : failed ? give_back(tx, s, account, task, e) : make_again(tx, s, c, account, task, new_task, e);
}
