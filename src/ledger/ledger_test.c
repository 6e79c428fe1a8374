/* ledger_test.c - every movement, every refusal, and a long random life that must leave clean books. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/id.h"
#include "base/json.h"
#include "base/scope.h"
#include "db/db.h"
#include "ledger/internal.h"

struct rig {
    char dir[32];
    struct config *cfg;
    struct db *db;
    struct err e;
};

static int rm(const char *path, const struct stat *st, int type, struct FTW *at) {
    return remove(path);
}

static int setup(void **state) {
    static const struct setting *const tables[] = { db_settings, NULL };
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/zt-ledger-XXXXXX");
    assert_non_null(mkdtemp(g->dir));
    assert_int_equal(config_new(tables, &g->cfg, &g->e), 0);
    if (db_open(g->cfg, g->dir, /* read_only= */ false, &g->db, &g->e) < 0)
        fail_msg("%s", g->e.text);
    *state = g;
    return 0;
}

static int teardown(void **state) {
    struct rig *g = *state;
    db_close(g->db);
    config_free(g->cfg);
    nftw(g->dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    free(g);
    return 0;
}

/* One call of the ledger in a transaction of its own. until: when lots end, 0 = never; money: minor units. */
struct act {
    enum { GRANT, PROMO, HOLD, RESOLVE, RETURN, UNGRANT, EXPIRE, SELL, REFUND, COST, MOVE, RAW, HARM } what;
    int64_t account, credits, id;
    const char *cause;
    int64_t until, money, fee, order;
};

/* Breaks the books on purpose: what verify must see. */
static const struct db_sql *raw_sql;
static int expired, seen;

static void note(void *ctx, const char *what) {
    snprintf(ctx, 240, "%s", what);
}

static int order_of(struct db_tx *tx, int64_t refund, int64_t *ret_order, struct err *e) {
    *ret_order = refund + 1000;
    return 0;
}

static int act_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct act *a = arg;
    switch (a->what) {
    case GRANT:
    case PROMO: {
        struct ledger_grant g = { a->account, a->credits,    a->what == PROMO ? LEDGER_PROMO : LEDGER_GIFT, a->until, a->cause,
                                  a->id,      STR("reunion") };
        return ledger_grant(tx, &g, e);
    }
    case HOLD:
        return ledger_hold(tx, a->account, a->credits, a->id, STR("reunion"), e);
    case RESOLVE:
        return ledger_resolve(tx, a->id, a->credits, e);
    case RETURN:
        return ledger_return(tx, a->id, a->credits, a->cause, a->order, e);
    case UNGRANT:
        return ledger_ungrant(tx, a->cause, a->id, e);
    case EXPIRE:
        return ledger_expire(tx, a->until, /* limit= */ 100, &expired, e);
    case SELL: {
        struct ledger_sale sale = { a->id, a->account, LEDGER_CNY, a->money, a->fee, a->credits, a->until, STR("reunion") };
        return ledger_sell(tx, &sale, e);
    }
    case REFUND: {
        struct ledger_refund refund = { a->id, a->order, a->money, a->fee, a->credits };
        return ledger_refund(tx, &refund, e);
    }
    case COST: {
        struct ledger_cost cost = { "cost", a->id, a->credits, 0, STR_NULL };
        return ledger_cost(tx, &cost, e);
    }
    case MOVE:
        return ledger_move(tx, a->account, a->id, e);
    case RAW:
        return db_run(tx, NULL, e, raw_sql);
    case HARM: {
        char last[240];
        int r = db_run(tx, NULL, e, raw_sql);
        seen = r < 0 ? r : ledger_verify(tx, note, last, e);
        return ERR_RACE;
    }
    }
    return ERR_INTERNAL;
}

static int act(struct rig *g, struct act a) {
    return db_do(g->db, act_fn, &a, &g->e);
}
#define DO(g, ...) act((g), (struct act){ __VA_ARGS__ })

static void expect_balance(struct rig *g, int64_t account, int64_t available, int64_t held) {
    struct ledger_balance b = { -1, -1 };
    assert_int_equal(ledger_balance(db_reader(g->db), account, &b, &g->e), 0);
    assert_int_equal(b.available, available);
    assert_int_equal(b.held, held);
}

static int verify(struct rig *g, char last[240]) {
    int told = ledger_verify(db_reader(g->db), note, last, &g->e);
    if (told < 0)
        fail_msg("%s", g->e.text);
    return told;
}

static void expect_clean(struct rig *g) {
    char last[240] = "";
    if (verify(g, last))
        fail_msg("%s", last);
}

static void a_hold_moves_credits_aside_and_resolving_it_splits_them(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, GRANT, 7, 100, 7, "welcome"), 0);
    expect_balance(g, 7, 100, 0);
    assert_int_equal(DO(g, HOLD, 7, 40, 1), 0);
    expect_balance(g, 7, 60, 40);
    assert_int_equal(DO(g, RESOLVE, 0, 30, 1), 0);
    expect_balance(g, 7, 70, 0);
    struct ledger_hold_state h;
    assert_int_equal(ledger_hold_get(db_reader(g->db), 1, &h, &g->e), 1);
    assert_false(h.held);
    assert_int_equal(h.captured, 30);
    expect_clean(g);
}

static void a_cause_happens_once(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, GRANT, 7, 100, 7, "welcome"), 0);
    assert_int_equal(DO(g, GRANT, 7, 100, 7, "welcome"), ERR_RACE);
    assert_int_equal(DO(g, GRANT, 7, 5, 7, "festival"), 0);
    assert_int_equal(DO(g, HOLD, 7, 1, 9), 0);
    assert_int_equal(DO(g, HOLD, 7, 1, 9), ERR_RACE);
    assert_int_equal(DO(g, COST, 0, 110000, 3), 0);
    assert_int_equal(DO(g, COST, 0, 110000, 3), ERR_RACE);
    expect_balance(g, 7, 104, 1);
    expect_clean(g);
}

static void a_hold_is_resolved_exactly_once(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, RESOLVE, 0, 0, 1), ERR_RACE); /* there is none */
    assert_int_equal(DO(g, GRANT, 7, 10, 7, "welcome"), 0);
    assert_int_equal(DO(g, HOLD, 7, 10, 1), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 11, 1), ERR_BAD_INPUT); /* more than was held */
    assert_int_equal(DO(g, RESOLVE, 0, -1, 1), ERR_BAD_INPUT);
    assert_int_equal(DO(g, RESOLVE, 0, 10, 1), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 0, 1), ERR_RACE);
    expect_balance(g, 7, 0, 0);
    expect_clean(g);
}

static void nobody_spends_what_is_not_there(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, HOLD, 7, 1, 1), ERR_NO_CREDIT);
    assert_int_equal(DO(g, GRANT, 7, 10, 7, "welcome"), 0);
    assert_int_equal(DO(g, HOLD, 7, 11, 1), ERR_NO_CREDIT);
    expect_balance(g, 7, 10, 0);               /* the refused one left nothing behind */
    assert_int_equal(DO(g, HOLD, 7, 0, 2), 0); /* a free task still has its hold */
    assert_int_equal(DO(g, RESOLVE, 0, 0, 2), 0);
    assert_int_equal(DO(g, GRANT, 7, -1, 8, "welcome"), ERR_BAD_INPUT);
    assert_int_equal(DO(g, GRANT, 7, INT64_MAX, 8, "welcome"), ERR_BAD_INPUT);
    expect_clean(g);
}

static void the_list_sums_to_what_is_available(void **state) {
    struct rig *g = *state;
    DO(g, GRANT, 7, 100, 7, "welcome");
    DO(g, GRANT, 8, 100, 8, "welcome");
    for (int64_t task = 1; task <= 5; task++) {
        assert_int_equal(DO(g, HOLD, 7, 10, task), 0);
        assert_int_equal(DO(g, RESOLVE, 0, task, task), 0);
    }
    int64_t sum = 0, before = 0;
    size_t n = 0, pages = 0;
    do {
        BUF_CLEANUP struct buf out;
        buf_init(&out, 1 << 16);
        assert_int_equal(ledger_list(db_reader(g->db), 7, before, 4, order_of, &out, &g->e), 0);
        CLEANUP(json_unref) json_t *list = NULL;
        assert_int_equal(json_read(buf_str(&out), &list, &g->e), 0);
        n = json_array_size(list);
        for (size_t i = 0; i < n; i++) {
            const json_t *row = json_array_get(list, i);
            sum += json_integer_value(json_object_get(row, "credits"));
            int64_t id;
            assert_int_equal(id_parse(str_z(json_string_value(json_object_get(row, "id"))), "entry", &id), 0);
            assert_true(before == 0 || id < before);
            before = id;
        }
        pages++;
    } while (n == 4);
    assert_int_equal(pages, 3); /* 11 movements: 1 grant, 5 holds, 5 releases */
    struct ledger_balance b;
    ledger_balance(db_reader(g->db), 7, &b, &g->e);
    assert_int_equal(sum, b.available);
}

static void what_was_paid_for_moves_and_gifts_do_not(void **state) {
    struct rig *g = *state;
    enum { GUEST = 7, PERSON = 8 };
    assert_int_equal(DO(g, GRANT, GUEST, 100, GUEST, "welcome"), 0);
    assert_int_equal(DO(g, GRANT, PERSON, 100, PERSON, "welcome"), 0);
    assert_int_equal(DO(g, PROMO, GUEST, 50, 1, "topup"), 0);
    assert_int_equal(DO(g, HOLD, GUEST, 120, 500), 0);
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), ERR_STATE); /* a task is under way */
    assert_int_equal(DO(g, RESOLVE, GUEST, 110, 500), 0);       /* 40 are left: the gift was spent first */
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);
    expect_balance(g, GUEST, 0, 0);
    expect_balance(g, PERSON, 140, 0);
    struct ledger_hold_state h;
    assert_int_equal(ledger_hold_get(db_reader(g->db), 500, &h, &g->e), 1);
    assert_int_equal(h.account, PERSON);
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);      /* again: nothing is left to move */
    assert_int_equal(DO(g, PROMO, GUEST, 5, 2, "topup"), 0); /* and what came late */
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);
    expect_balance(g, PERSON, 145, 0);
    expect_balance(g, GUEST, 0, 0);
    expect_balance(g, PERSON, 145, 0);
    expect_clean(g);
}

DB_SQL(test_book, "SELECT COALESCE(SUM(balance), 0) FROM ledger_account WHERE book = ?");
static int64_t book(struct rig *g, const char *name) {
    DB_ROWS rows = { 0 };
    assert_int_equal(db_one(db_reader(g->db), &rows, &g->e, &test_book, DB_TEXT(name)), 1);
    return db_int(&rows, 0);
}

DB_SQL(test_lot, "SELECT available FROM ledger_lot l JOIN ledger_tx t ON t.id = l.id WHERE t.cause = ? AND t.cause_id = ?");
static int64_t left_of(struct rig *g, const char *cause, int64_t cause_id) {
    DB_ROWS rows = { 0 };
    assert_int_equal(db_one(db_reader(g->db), &rows, &g->e, &test_lot, DB_TEXT(cause), DB_INT(cause_id)), 1);
    return db_int(&rows, 0);
}

static void what_ends_soonest_is_spent_first(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, SELL, 7, 40, 1, .money = 990), 0); /* never ends */
    assert_int_equal(DO(g, GRANT, 7, 10, 7, "welcome"), 0);   /* neither; gifts before what was bought */
    assert_int_equal(DO(g, PROMO, 7, 20, 1, "code", .until = 2000), 0);
    assert_int_equal(DO(g, PROMO, 7, 20, 2, "code", .until = 1000), 0);
    assert_int_equal(DO(g, HOLD, 7, 25, 500), 0);
    assert_int_equal(left_of(g, "code", 2), 0);
    assert_int_equal(left_of(g, "code", 1), 15);
    assert_int_equal(DO(g, HOLD, 7, 20, 501), 0);
    assert_int_equal(left_of(g, "code", 1), 0);
    assert_int_equal(left_of(g, "welcome", 7), 5);
    assert_int_equal(left_of(g, "order", 1), 40);
    assert_int_equal(DO(g, RESOLVE, 0, 21, 500), 0); /* the four that come back are those that end later */
    assert_int_equal(left_of(g, "code", 2), 0);
    assert_int_equal(left_of(g, "code", 1), 4);
    expect_balance(g, 7, 49, 20);
    expect_clean(g);
}

static void what_has_ended_is_gone_but_what_comes_back_may_be_spent_for_a_week(void **state) {
    struct rig *g = *state;
    int64_t now = clock_ms(), day = 24LL * 3600 * 1000;
    assert_int_equal(DO(g, PROMO, 7, 30, 1, "code", .until = now + day), 0);
    assert_int_equal(DO(g, HOLD, 7, 10, 500), 0);
    assert_int_equal(DO(g, EXPIRE, .until = now + day - 1), 0);
    assert_int_equal(expired, 0);
    assert_int_equal(DO(g, EXPIRE, .until = now + day), 0);
    assert_int_equal(expired, 1);
    expect_balance(g, 7, 0, 10);
    assert_int_equal(DO(g, RESOLVE, 0, 0, 500), 0); /* the task failed after the credits' end */
    expect_balance(g, 7, 10, 0);
    assert_int_equal(DO(g, EXPIRE, .until = now + LEDGER_GRACE_MS), 0);
    assert_int_equal(expired, 0);
    assert_int_equal(DO(g, EXPIRE, .until = clock_ms() + LEDGER_GRACE_MS), 0);
    assert_int_equal(expired, 1);
    expect_balance(g, 7, 0, 0);
    expect_clean(g);
}

static void money_is_earned_with_the_credits_and_goes_back_with_them(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, SELL, 7, 3, 1, .money = 1000, .fee = 6), 0);
    assert_int_equal(DO(g, SELL, 7, 3, 1, .money = 1000, .fee = 6), ERR_RACE);
    assert_int_equal(book(g, "cash_cny"), 994);
    assert_int_equal(book(g, "fee_cny"), 6);
    assert_int_equal(book(g, "deferred_cny"), -1000);
    int64_t thirds[] = { 333, 666, 1000 }; /* the last one earns the rest */
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(DO(g, HOLD, 7, 1, 500 + i), 0);
        assert_int_equal(DO(g, RESOLVE, 0, 1, 500 + i), 0);
        assert_int_equal(book(g, "earned_cny"), -thirds[i]);
    }
    assert_int_equal(DO(g, RETURN, 0, 2, 502, "unlike", .order = 502), ERR_BAD_INPUT); /* more than it cost */
    assert_int_equal(DO(g, RETURN, 0, 1, 502, "unlike", .order = 502), 0);
    assert_int_equal(DO(g, RETURN, 0, 1, 502, "unlike", .order = 502), ERR_RACE);
    assert_int_equal(DO(g, RETURN, 0, 1, 502, "unlike", .order = 503), ERR_BAD_INPUT); /* it came back before */
    assert_int_equal(book(g, "earned_cny"), -666);
    expect_balance(g, 7, 1, 0);
    assert_int_equal(DO(g, REFUND, 0, 2, 1, .order = 1, .money = 334), ERR_STATE); /* two are not there any more */
    assert_int_equal(DO(g, REFUND, 0, 1, 1, .order = 1, .money = 1001), ERR_BAD_INPUT);
    assert_int_equal(DO(g, REFUND, 0, 1, 1, .order = 2, .money = 1), ERR_NOT_FOUND);
    assert_int_equal(DO(g, REFUND, 0, 1, 1, .order = 1, .money = 334, .fee = 2), 0);
    assert_int_equal(DO(g, REFUND, 0, 0, 1, .order = 1, .money = 1), ERR_RACE);
    expect_balance(g, 7, 0, 0);
    assert_int_equal(book(g, "earned_cny"), -666);
    assert_int_equal(book(g, "deferred_cny"), 0);
    assert_int_equal(book(g, "cash_cny"), 994 - 334 + 2);
    assert_int_equal(DO(g, REFUND, 0, 0, 2, .order = 1, .money = 666),
                     0); /* and for what was spent: nothing is earned any more */
    assert_int_equal(book(g, "earned_cny"), 0);
    assert_int_equal(book(g, "deferred_cny"), 0);
    assert_int_equal(book(g, "cash_cny"), -4); /* the fee that was lost */
    struct ledger_sold sold;
    assert_int_equal(ledger_sold_get(db_reader(g->db), 1, &sold, &g->e), 1);
    assert_int_equal(sold.refunded, 1000);
    assert_int_equal(sold.spent, 2);
    assert_int_equal(ledger_sold_get(db_reader(g->db), 9, &sold, &g->e), 0);
    expect_clean(g);
}

static void what_buys_no_credits_is_earned_at_once_and_what_expires_is_earned_then(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, SELL, 7, 0, 1, .money = 2990, .fee = 18), 0);
    assert_int_equal(book(g, "earned_cny"), -2990);
    assert_int_equal(DO(g, SELL, 7, 10, 2, .money = 100, .until = 5000), 0);
    assert_int_equal(DO(g, EXPIRE, .until = 5000), 0);
    assert_int_equal(book(g, "earned_cny"), -3090);
    expect_balance(g, 7, 0, 0);
    assert_int_equal(DO(g, SELL, 7, 10, 3, .money = 100, .fee = 101), ERR_BAD_INPUT);
    expect_clean(g);
}

static void a_grant_made_by_mistake_is_reversed_once_and_only_whole(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, UNGRANT, 0, 0, 1, "code"), ERR_NOT_FOUND);
    assert_int_equal(DO(g, PROMO, 7, 30, 1, "code"), 0);
    assert_int_equal(DO(g, UNGRANT, 0, 0, 1, "code"), 0);
    expect_balance(g, 7, 0, 0);
    assert_int_equal(DO(g, UNGRANT, 0, 0, 1, "code"), ERR_STATE);
    assert_int_equal(DO(g, PROMO, 7, 30, 2, "code"), 0);
    assert_int_equal(DO(g, HOLD, 7, 1, 500), 0);
    assert_int_equal(DO(g, UNGRANT, 0, 0, 2, "code"), ERR_STATE);
    expect_clean(g);
}

static void what_a_guest_spent_comes_back_to_the_person(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, GRANT, 7, 10, 7, "welcome"), 0);
    assert_int_equal(DO(g, SELL, 7, 10, 1, .money = 100), 0);
    assert_int_equal(DO(g, HOLD, 7, 15, 500), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 15, 500), 0);
    assert_int_equal(DO(g, MOVE, 7, 0, 8), 0);
    expect_balance(g, 8, 5, 0);
    assert_int_equal(DO(g, RETURN, 0, 15, 500, "unlike", .order = 500), 0);
    expect_balance(g, 8, 20, 0);
    expect_balance(g, 7, 0, 0);
    expect_clean(g);
}

static void a_hold_may_take_of_many_small_lots(void **state) {
    struct rig *g = *state;
    for (int64_t i = 1; i <= 150; i++)
        assert_int_equal(DO(g, PROMO, 7, 1, i, "code", .until = 10000 + i), 0);
    assert_int_equal(DO(g, HOLD, 7, 140, 500), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 100, 500), 0);
    assert_int_equal(left_of(g, "code", 100), 0);
    assert_int_equal(left_of(g, "code", 101), 1);
    expect_balance(g, 7, 50, 0);
    expect_clean(g);
}

/* As many lots as a walk to spend from comes by. */
DB_SQL(walked, "WITH RECURSIVE walk (id, prev_id) AS (" LEDGER_LIVE_OF ") SELECT COUNT(*) FROM walk");
static int64_t lots_walked(struct rig *g, int64_t account) {
    DB_ROWS rows = { 0 };
    assert_int_equal(db_one(db_reader(g->db), &rows, &g->e, &walked, DB_INT(account)), 1);
    return db_int(&rows, 0);
}

static void what_is_spent_is_not_looked_through_again(void **state) {
    struct rig *g = *state;
    for (int64_t i = 1; i <= 300; i++) {
        assert_int_equal(DO(g, PROMO, 7, 1, i, "code", .until = 10000 + i), 0);
        if (i % 100 == 0) {
            assert_int_equal(lots_walked(g, 7), i == 100 ? 100 : 101);
            assert_int_equal(DO(g, HOLD, 7, i == 100 ? 99 : 100, i), 0);
            assert_int_equal(lots_walked(g, 7), 1);
        }
    }
    assert_int_equal(DO(g, RESOLVE, 0, 100, 300), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 90, 200), 0);           /* ten come back, and can be spent */
    assert_int_equal(lots_walked(g, 7), 11);
    assert_int_equal(DO(g, RETURN, 0, 3, 300, "unlike", .order = 1), 0);
    assert_int_equal(lots_walked(g, 7), 14);
    expect_clean(g);
    assert_int_equal(DO(g, RESOLVE, 0, 99, 100), 0);
    assert_int_equal(DO(g, PROMO, 8, 1, 301, "code"), 0);
    assert_int_equal(DO(g, MOVE, 7, 0, 8), 0);
    assert_int_equal(lots_walked(g, 7), 0);
    assert_int_equal(lots_walked(g, 8), 15);
    assert_int_equal(DO(g, HOLD, 8, 15, 400), 0);
    assert_int_equal(lots_walked(g, 8), 0);
    expect_clean(g);
}

/* xorshift64*: the same life for the same seed. */
static uint64_t next(uint64_t *s) {
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * UINT64_C(2685821657736338717);
}

static void a_random_life_leaves_clean_books(void **state) {
    struct rig *g = *state;
    uint64_t s = 20261121;
    int64_t tasks = 0, refused = 0, orders = 0, refunds = 0, code = 0, now = clock_ms(), hour = 3600 * 1000, done[12] = { 0 };
    for (int i = 0; i < 6000; i++) {
        int64_t account = 1 + (int64_t)(next(&s) % 5), amount = (int64_t)(next(&s) % 60),
                until = next(&s) % 2 ? now + (int64_t)(next(&s) % 400) * hour : 0;
        int64_t some_task = 1 + (int64_t)(next(&s) % (uint64_t)(tasks + 1)),
                some_order = 1 + (int64_t)(next(&s) % (uint64_t)(orders + 1));
        int what = (int)(next(&s) % 16), r = 0;
        switch (what) {
        case 0:
            r = DO(g, GRANT, account, amount, (int64_t)(next(&s) % 500), "gift", until);
            break;
        case 1:
            r = DO(g, PROMO, account, amount, ++code, "code", until);
            break;
        case 2:
            r = DO(g, SELL, account, amount / 2, ++orders, .until = until, .money = amount * 17, .fee = amount);
            break;
        case 3:
            r = DO(g, REFUND, 0, amount / 4, ++refunds, .order = some_order, .money = amount * 3);
            break;
        case 4:
            r = DO(g, RETURN, 0, amount / 4, some_task, "unlike", .order = i);
            break;
        case 5:
            r = DO(g, EXPIRE, .until = now + i * hour / 20);
            break;
        case 6:
            r = DO(g, UNGRANT, 0, 0, code, "code");
            break;
        case 7:
        case 8:
        case 9:
        case 10:
            r = DO(g, HOLD, account, amount, ++tasks);
            break;
        default:
            r = DO(g, RESOLVE, 0, amount / 2, some_task);
        }
        refused += r < 0;
        done[what < 11 ? what : 11] += r >= 0;
        assert_true(r != ERR_DB && r != ERR_INTERNAL);
        if (i % 1000 == 999) {
            for (int64_t task = 1; task <= tasks; task++)
                DO(g, RESOLVE, 0, 0, task);
            assert_int_equal(DO(g, MOVE, account, 0, 1 + account % 5), 0);
        }
        if (i % 500 == 0)
            expect_clean(g);
    }
    assert_true(refused > 200 && refused < 5800); /* both ways were walked */
    for (size_t i = 0; i < COUNT(done); i++)
        if (done[i] == 0)
            fail_msg("case %zu was always refused", i);
    expect_clean(g);
}

DB_SQL(steal, "UPDATE ledger_account SET balance = balance + 1 WHERE book = 'wallet'");
DB_SQL(lose_entry, "DELETE FROM ledger_entry WHERE kind = 'hold'");
DB_SQL(reopen, "UPDATE ledger_hold SET state = 'held' WHERE task_id = 1");
DB_SQL(claim_more, "UPDATE ledger_hold SET captured = captured + 1 WHERE task_id = 1");
DB_SQL(lose_lot, "DELETE FROM ledger_lot WHERE account_id = 7");
DB_SQL(lose_use, "DELETE FROM ledger_use WHERE task_id = 1");
DB_SQL(earn_more, "UPDATE ledger_account SET balance = balance - 1 WHERE book = 'earned_cny'");
DB_SQL(give_lot_away, "UPDATE ledger_lot SET account_id = 8 WHERE account_id = 7");
DB_SQL(overspend_lot,
       "UPDATE ledger_lot SET spent = spent + 1, available = available - 1 WHERE account_id = 7 AND available > 0");
DB_SQL(overdraw_lot, "UPDATE ledger_lot SET available = available + 1 WHERE account_id = 7");
DB_SQL(overearn_lot, "UPDATE ledger_lot SET earned = paid + 1 WHERE account_id = 7");
DB_SQL(cut_entries, "UPDATE ledger_entry SET to_prev = 0 WHERE kind = 'grant' AND to_prev > 0");
DB_SQL(cut_lots, "UPDATE ledger_account SET lot_id = 0 WHERE owner_id = 7");
DB_SQL(circle_of_lots, "UPDATE ledger_lot SET prev_id = (SELECT MAX(id) FROM ledger_lot) WHERE prev_id = 0");
DB_SQL(cut_live, "UPDATE ledger_account SET live_id = 0 WHERE owner_id = 7");
DB_SQL(circle_of_live, "UPDATE ledger_lot SET live_prev = id WHERE live = 1");
DB_SQL(dead_in_live, "UPDATE ledger_lot SET spent = spent + available, available = 0, live = 0 WHERE account_id = 7");
DB_SQL(other_book, "UPDATE ledger_entry SET to_owner = 8 WHERE kind = 'hold'");
DB_SQL(house_gone, "DELETE FROM ledger_account WHERE book = 'issued'");
DB_SQL(overdraw, "UPDATE ledger_account SET balance = -1 WHERE book = 'wallet'");

static void verify_sees_what_was_broken(void **state) {
    struct rig *g = *state;
    DO(g, GRANT, 7, 20, 7, "welcome");
    DO(g, SELL, 7, 80, 1, .money = 990);
    DO(g, HOLD, 7, 40, 1);
    DO(g, RESOLVE, 0, 30, 1);
    expect_clean(g);
    static const struct db_sql *const harm[] = { &steal,     &lose_entry, &reopen,        &claim_more, &overspend_lot,
                                                 &earn_more, &lose_use,   &give_lot_away, &lose_lot,
                                                 &cut_entries, &cut_lots,  &circle_of_lots, &cut_live, &circle_of_live, &dead_in_live, &other_book, &house_gone };
    for (size_t i = 0; i < COUNT(harm); i++) {
        raw_sql = harm[i];
        seen = 0;
        assert_int_equal(DO(g, HARM), ERR_RACE); /* looked at from inside, and rolled back */
        if (seen < 1)
            fail_msg("nothing is told after %s", harm[i]->text);
    }
    expect_clean(g);
}

/* The books as they were before lots (0003) and before lists (0018): the tables anew, and the migrations to come. */
static const struct db_sql back_to_0003[] = {
    { "", "DROP TABLE ledger_account", NULL, NULL },
    { "", "DROP TABLE ledger_entry", NULL, NULL },
    { "", "DROP TABLE ledger_tx", NULL, NULL },
    { "", "DROP TABLE ledger_lot", NULL, NULL },
    { "", "DROP TABLE ledger_use", NULL, NULL },
    { "", "CREATE TABLE ledger_account (id BIGINT NOT NULL PRIMARY KEY, owner_id BIGINT, book VARCHAR(16), unit VARCHAR(16), balance BIGINT, floor_min BIGINT)", NULL, NULL },
    { "", "CREATE TABLE ledger_tx (id BIGINT NOT NULL PRIMARY KEY, cause VARCHAR(32), cause_id BIGINT, at_ms BIGINT)", NULL, NULL },
    { "", "CREATE TABLE ledger_entry (id BIGINT NOT NULL PRIMARY KEY, tx_id BIGINT, kind VARCHAR(16), from_id BIGINT, to_id BIGINT, amount BIGINT, at_ms BIGINT)", NULL, NULL },
    { "", "INSERT INTO ledger_account VALUES (1, 7, 'wallet', 'credit', 75, 0), (2, 7, 'held', 'credit', 40, 0), (3, 0, 'issued', 'credit', -115, -1000), (4, 8, 'wallet', 'credit', 0, 0)", NULL, NULL },
    { "", "INSERT INTO ledger_tx VALUES (1, 'welcome', 7, 1), (2, 'hold', 500, 2), (3, 'welcome', 8, 3), (4, 'move', 4, 4)", NULL, NULL },
    { "", "INSERT INTO ledger_entry VALUES (1, 1, 'grant', 3, 1, 100, 1), (2, 2, 'hold', 1, 2, 40, 2), (3, 3, 'grant', 3, 4, 15, 3), (4, 4, 'move', 4, 1, 15, 4)", NULL, NULL },
    { "", "INSERT INTO ledger_hold (task_id, account_id, credits, captured, state, held_ms, resolved_ms) VALUES (500, 7, 40, 0, 'held', 2, 0)", NULL, NULL },
    { "", "DELETE FROM db_migration WHERE migration IN (3, 9, 18, 24)", NULL, NULL },
};

static void books_from_before_there_were_lots_and_lists_are_brought_over(void **state) {
    struct rig *g = *state;
    for (size_t i = 0; i < COUNT(back_to_0003); i++) {
        raw_sql = &back_to_0003[i];
        assert_int_equal(DO(g, RAW), 0);
    }
    db_close(g->db);
    assert_int_equal(db_open(g->cfg, g->dir, /* read_only= */ false, &g->db, &g->e), 0);
    expect_clean(g);
    BUF_CLEANUP struct buf page;
    buf_init(&page, 4096);
    assert_int_equal(ledger_list(db_reader(g->db), 7, 0, 200, order_of, &page, &g->e), 0);
    assert_non_null(strstr(page.p, "\"kind\":\"move\",\"credits\":15,"));
    assert_non_null(strstr(page.p, "\"kind\":\"hold\",\"credits\":-40,"));
    assert_non_null(strstr(page.p, "\"kind\":\"grant\",\"credits\":100,"));
    buf_reset(&page);
    assert_int_equal(ledger_list(db_reader(g->db), 8, 0, 200, order_of, &page, &g->e), 0);
    assert_non_null(strstr(page.p, "\"kind\":\"move\",\"credits\":-15,"));
    assert_int_equal(DO(g, RESOLVE, 0, 30, 500), 0);
    assert_int_equal(DO(g, GRANT, 7, 1, 77, "more"), 0);
    assert_int_equal(DO(g, HOLD, 7, 86, 501), 0);
    expect_balance(g, 7, 0, 86);
    expect_clean(g);
}

/* As it was with 0009: a guest's lot went along with them, and who was given nothing else had no wallet. */
static const struct db_sql back_to_0009[] = {
    { "", "DROP TABLE ledger_account", NULL, NULL },
    { "", "DROP TABLE ledger_entry", NULL, NULL },
    { "", "CREATE TABLE ledger_account (id BIGINT NOT NULL PRIMARY KEY, owner_id BIGINT, book VARCHAR(16), unit VARCHAR(16), balance BIGINT, floor_min BIGINT)", NULL, NULL },
    { "", "CREATE TABLE ledger_entry (id BIGINT NOT NULL PRIMARY KEY, tx_id BIGINT, kind VARCHAR(16), from_id BIGINT, to_id BIGINT, amount BIGINT, at_ms BIGINT)", NULL, NULL },
    { "", "INSERT INTO ledger_account VALUES (1, 7, 'wallet', 'credit', 0, 0), (3, 0, 'issued', 'credit', 0, -1000)", NULL, NULL },
    { "", "INSERT INTO ledger_tx (id, cause, cause_id, at_ms, product, task_id) VALUES (1, 'welcome', 7, 1, '', 0), (2, 'move', 2, 2, '', 0)", NULL, NULL },
    { "", "INSERT INTO ledger_entry VALUES (1, 1, 'grant', 3, 1, 100, 1), (2, 2, 'expire', 1, 3, 100, 2)", NULL, NULL },
    { "", "INSERT INTO ledger_lot (id, account_id, source, credits, live, available, held, spent, expired, taken, currency, paid, refunded, earned, product, created_ms, expires_ms, prev_id) "
          "VALUES (1, 9, 0, 100, 0, 0, 0, 0, 100, 0, '', 0, 0, 0, '', 1, 8640000000000000, 0)", NULL, NULL },
    { "", "ALTER TABLE ledger_lot DROP COLUMN prev_id", NULL, NULL },
    { "", "DELETE FROM db_migration WHERE migration IN (18, 24)", NULL, NULL },
};

static void lots_of_who_had_no_wallet_are_brought_over(void **state) {
    struct rig *g = *state;
    for (size_t i = 0; i < COUNT(back_to_0009); i++) {
        raw_sql = &back_to_0009[i];
        assert_int_equal(DO(g, RAW), 0);
    }
    db_close(g->db);
    assert_int_equal(db_open(g->cfg, g->dir, /* read_only= */ false, &g->db, &g->e), 0);
    expect_clean(g);
    assert_int_equal(DO(g, GRANT, 9, 5, 77, "more"), 0);
    assert_int_equal(DO(g, HOLD, 9, 5, 501), 0);
    expect_balance(g, 9, 0, 5);
    expect_clean(g);
}

/* What was written by a clock that was a day ahead, before it was set right and the server began again. */
DB_SQL(later_entry, "UPDATE ledger_entry SET id = id + (86400000 << 21) WHERE id = (SELECT last_id FROM ledger_account WHERE owner_id = 7 AND book = 'wallet')");
DB_SQL(later_last, "UPDATE ledger_account SET last_id = last_id + (86400000 << 21) WHERE owner_id = 7 AND book = 'wallet'");
static void a_clock_that_was_set_back_stops_nothing(void **state) {
    struct rig *g = *state;
    assert_int_equal(DO(g, GRANT, 7, 100, 7, "welcome"), 0);
    const struct db_sql *const ahead[] = { &later_entry, &later_last };
    for (size_t i = 0; i < COUNT(ahead); i++) {
        raw_sql = ahead[i];
        assert_int_equal(DO(g, RAW), 0);
    }
    expect_clean(g);
    assert_int_equal(DO(g, HOLD, 7, 40, 1), 0);
    assert_int_equal(DO(g, RESOLVE, 0, 30, 1), 0);
    assert_int_equal(DO(g, MOVE, 7, 0, 8), 0);
    expect_clean(g);
}

static void the_database_itself_refuses_what_cannot_be(void **state) {
    struct rig *g = *state;
    DO(g, SELL, 7, 80, 1, .money = 990);
    static const struct db_sql *const harm[] = { &overdraw, &overdraw_lot, &overearn_lot };
    for (size_t i = 0; i < COUNT(harm); i++) {
        raw_sql = harm[i];
        assert_int_equal(DO(g, RAW), ERR_RACE);
    }
    expect_clean(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        T(a_hold_moves_credits_aside_and_resolving_it_splits_them),
        T(a_cause_happens_once),
        T(a_hold_is_resolved_exactly_once),
        T(nobody_spends_what_is_not_there),
        T(the_list_sums_to_what_is_available),
        T(what_was_paid_for_moves_and_gifts_do_not),
        T(what_ends_soonest_is_spent_first),
        T(what_has_ended_is_gone_but_what_comes_back_may_be_spent_for_a_week),
        T(money_is_earned_with_the_credits_and_goes_back_with_them),
        T(what_buys_no_credits_is_earned_at_once_and_what_expires_is_earned_then),
        T(a_grant_made_by_mistake_is_reversed_once_and_only_whole),
        T(what_a_guest_spent_comes_back_to_the_person),
        T(a_hold_may_take_of_many_small_lots),
        T(what_is_spent_is_not_looked_through_again),
        T(a_random_life_leaves_clean_books),
        T(verify_sees_what_was_broken),
        T(books_from_before_there_were_lots_and_lists_are_brought_over),
        T(lots_of_who_had_no_wallet_are_brought_over),
        T(a_clock_that_was_set_back_stops_nothing),
        T(the_database_itself_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
