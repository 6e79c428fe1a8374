/* ledger_test.c - every movement, every refusal, and a long random life that must leave clean books. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>

#include "base/config.h"
#include "base/id.h"
#include "base/json.h"
#include "base/scope.h"
#include "db/db.h"
#include "ledger/ledger.h"

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

/* One call of the ledger in a transaction of its own. */
struct act {
    enum { GRANT, HOLD, RESOLVE, COST, MOVE, RAW } what;
    int64_t account, credits, id;
    const char *cause;
};

/* Breaks the books on purpose: what verify must see. */
static const struct db_sql *raw_sql;

static int act_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct act *a = arg;
    switch (a->what) {
    case GRANT:
        return ledger_grant(tx, a->account, a->credits, a->cause, a->id, e);
    case HOLD:
        return ledger_hold(tx, a->account, a->credits, a->id, e);
    case RESOLVE:
        return ledger_resolve(tx, a->id, a->credits, e);
    case COST:
        return ledger_cost(tx, a->id, a->credits, e);
    case MOVE:
        return ledger_move(tx, a->account, a->id, e);
    case RAW:
        return db_run(tx, NULL, e, raw_sql);
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

static void note(void *ctx, const char *what) {
    snprintf(ctx, 240, "%s", what);
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
        assert_int_equal(ledger_list(db_reader(g->db), 7, before, 4, &out, &g->e), 0);
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

/* xorshift64*: the same life for the same seed. */
static void what_was_paid_for_moves_and_gifts_do_not(void **state) {
    struct rig *g = *state;
    enum { GUEST = 7, PERSON = 8 };
    assert_int_equal(DO(g, GRANT, GUEST, 100, GUEST, "welcome"), 0);
    assert_int_equal(DO(g, GRANT, PERSON, 100, PERSON, "welcome"), 0);
    assert_int_equal(DO(g, GRANT, GUEST, 50, 1, "topup"), 0);
    assert_int_equal(DO(g, HOLD, GUEST, 120, 500), 0);
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), ERR_STATE);          /* a task is under way */
    assert_int_equal(DO(g, RESOLVE, GUEST, 110, 500), 0);                /* 40 are left: the gift was spent first */
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);
    expect_balance(g, GUEST, 0, 0);
    expect_balance(g, PERSON, 140, 0);
    struct ledger_hold_state h;
    assert_int_equal(ledger_hold_get(db_reader(g->db), 500, &h, &g->e), 1);
    assert_int_equal(h.account, PERSON);
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);                  /* again: nothing is left to move */
    assert_int_equal(DO(g, GRANT, GUEST, 5, 2, "topup"), 0);             /* and what came late */
    assert_int_equal(DO(g, MOVE, GUEST, 0, PERSON), 0);
    expect_balance(g, PERSON, 145, 0);
    expect_balance(g, GUEST, 0, 0);
    expect_balance(g, PERSON, 145, 0);
    expect_clean(g);
}

static uint64_t next(uint64_t *s) {
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * UINT64_C(2685821657736338717);
}

static void a_random_life_leaves_clean_books(void **state) {
    struct rig *g = *state;
    uint64_t s = 20261121;
    int64_t tasks = 0, refused = 0;
    for (int i = 0; i < 3000; i++) {
        int64_t account = 1 + (int64_t)(next(&s) % 5), amount = (int64_t)(next(&s) % 60);
        int r = 0;
        switch (next(&s) % 5) {
        case 0:
            r = DO(g, GRANT, account, amount, (int64_t)(next(&s) % 500), "gift");
            break;
        case 1:
        case 2:
            r = DO(g, HOLD, account, amount, ++tasks);
            break;
        case 3:
        case 4:
            r = DO(g, RESOLVE, 0, amount / 2, 1 + (int64_t)(next(&s) % (uint64_t)(tasks + 1)));
            break;
        }
        refused += r < 0;
        if (i % 500 == 0)
            expect_clean(g);
    }
    assert_true(refused > 100 && refused < 2900); /* both ways were walked */
    expect_clean(g);
}

DB_SQL(steal, "UPDATE ledger_account SET balance = balance + 1 WHERE book = 'wallet'");
DB_SQL(lose_entry, "DELETE FROM ledger_entry WHERE kind = 'hold'");
DB_SQL(reopen, "UPDATE ledger_hold SET state = 'held' WHERE task_id = 1");
DB_SQL(claim_more, "UPDATE ledger_hold SET captured = captured + 1 WHERE task_id = 1");
DB_SQL(overdraw, "UPDATE ledger_account SET balance = -1 WHERE book = 'wallet'");

static void verify_sees_what_was_broken(void **state) {
    struct rig *g = *state;
    DO(g, GRANT, 7, 100, 7, "welcome");
    DO(g, HOLD, 7, 40, 1);
    DO(g, RESOLVE, 0, 30, 1);
    expect_clean(g);
    static const struct db_sql *const harm[] = { &steal, &lose_entry, &reopen, &claim_more };
    for (size_t i = 0; i < COUNT(harm); i++) {
        /* What one breaks stays broken; the next adds lines of its own. */
        char last[240] = "";
        int before = verify(g, last);
        raw_sql = harm[i];
        assert_int_equal(DO(g, RAW), 0);
        assert_true(verify(g, last) > before);
    }
    raw_sql = &overdraw;
    assert_int_equal(DO(g, RAW), ERR_RACE); /* the database's own CHECK */
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
        T(a_random_life_leaves_clean_books),
        T(verify_sees_what_was_broken),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
