/* turn_test.c - nobody waits behind another account's thousand tasks, weights count, and what is taken back costs no turn. */
#include "task/testing.h"

struct next { struct testing *t; struct task__claim k; };
static int next_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct next *n = arg;
    return task__lease_claim(tx, n->t->core, &n->k, e);
}

/* Whose task is served next; 0 when nobody waits. */
static int64_t serve(struct testing *t) {
    struct err *e = &t->e;
    struct next n = { t, { .engine = "fake", .max = 1, .lease_ms = 60000, .claims_max = 5 } };
    OK(db_do(t->db, next_fn, &n, e));
    return n.k.n ? testing_row(t, n.k.id[0]).account : 0;
}

static void open_wide(struct testing *t) {
    testing_open(t);
    t->core->account_max = 100000;
    t->core->line_max = 100000;
}

static void a_thousand_tasks_of_one_starve_nobody(void **state) {
    struct testing *t = *state;
    open_wide(t);
    for (int i = 0; i < 1000; i++)
        testing_buy(t, ME, PLAIN);
    for (int i = 0; i < 20; i++)
        assert_int_equal(serve(t), ME);
    for (int i = 0; i < 3; i++)
        testing_buy(t, YOU, PLAIN);
    /* All three of the newcomer's are served within the next six. */
    int yours = 0;
    for (int i = 0; i < 6; i++)
        yours += serve(t) == YOU;
    assert_int_equal(yours, 3);
    assert_int_equal(serve(t), ME);                               /* and the rest goes on */
    testing_clean(t);
}

static void accounts_take_turns(void **state) {
    struct testing *t = *state;
    open_wide(t);
    for (int i = 0; i < 30; i++)
        testing_buy(t, ME, PLAIN);
    for (int i = 0; i < 30; i++)
        testing_buy(t, YOU, PLAIN);
    for (int i = 0; i < 30; i++)
        testing_buy(t, THEM, PLAIN);
    int n[3] = { 0 };
    for (int i = 0; i < 60; i++) {
        n[serve(t) - ME]++;
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++)
                assert_true(n[a] - n[b] <= 2);                    /* at every moment, not only in the end */
    }
}

static void a_weight_counts(void **state) {
    struct testing *t = *state;
    open_wide(t);
    for (int i = 0; i < 80; i++) {
        testing_buy(t, ME, ((struct testing_order){ "plain", 0, 1, 1 }));
        testing_buy(t, YOU, ((struct testing_order){ "plain", 0, 1, 4 }));
    }
    int yours = 0;
    for (int i = 0; i < 50; i++)
        yours += serve(t) == YOU;
    assert_in_range(yours, 38, 42);                               /* four of five */
}

static void more_work_takes_more_turns(void **state) {
    struct testing *t = *state;
    open_wide(t);
    for (int i = 0; i < 40; i++) {
        testing_buy(t, ME, ((struct testing_order){ "plain", 0, 4, 1 }));
        testing_buy(t, YOU, ((struct testing_order){ "plain", 0, 1, 1 }));
    }
    int yours = 0;
    for (int i = 0; i < 30; i++)
        yours += serve(t) == YOU;
    assert_in_range(yours, 22, 26);                               /* four pictures of one against four tasks of the other */
}

static void one_after_the_other_is_not_always_first(void **state) {
    struct testing *t = *state;
    open_wide(t);
    for (int i = 0; i < 50; i++)
        testing_buy(t, ME, PLAIN);
    /* Comes back with a new task each time the last one was served: gets its half, not everything. */
    int yours = 0;
    testing_buy(t, YOU, PLAIN);
    for (int i = 0; i < 40; i++)
        if (serve(t) == YOU) {
            yours++;
            testing_buy(t, YOU, PLAIN);
        }
    assert_in_range(yours, 18, 22);
}

static void cancelled_tasks_give_their_turns_back(void **state) {
    struct testing *t = *state;
    open_wide(t);
    int64_t mine[100];
    for (size_t i = 0; i < COUNT(mine); i++)
        mine[i] = testing_buy(t, ME, PLAIN);
    for (int i = 0; i < 10; i++)
        testing_buy(t, YOU, PLAIN);
    for (size_t i = 0; i < COUNT(mine); i++)
        assert_int_equal(testing_cancel(t, mine[i], ME), 0);
    testing_buy(t, ME, PLAIN);
    int64_t first = serve(t), second = serve(t);
    assert_true(first == ME || second == ME);                     /* not behind the hundred that were never done */
    testing_clean(t);
}

static void the_place_in_line_is_told(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    open_wide(t);
    for (int i = 0; i < 5; i++)
        testing_buy(t, ME, PLAIN);
    int64_t yours = testing_buy(t, YOU, PLAIN), place;
    struct task_row row = testing_row(t, yours);
    OK(task__turn_place(db_reader(t->db), &row, &place, e));
    assert_int_equal(place, 2);                                   /* behind ME's first only: it came earlier at the same turn */
    assert_int_equal(serve(t), ME);
    OK(task__turn_place(db_reader(t->db), &row, &place, e));
    assert_int_equal(place, 1);
    assert_int_equal(serve(t), YOU);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(a_thousand_tasks_of_one_starve_nobody),
        TESTING(accounts_take_turns),
        TESTING(a_weight_counts),
        TESTING(more_work_takes_more_turns),
        TESTING(one_after_the_other_is_not_always_first),
        TESTING(cancelled_tasks_give_their_turns_back),
        TESTING(the_place_in_line_is_told),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
