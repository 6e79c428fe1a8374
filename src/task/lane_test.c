/* lane_test.c - lanes of engines: whose line a task stands in, and what becomes of it when nothing is taken there, or when a key is gone. */
#include "task/testing.h"

static void expect_shut(struct testing *t, int64_t task, int64_t credits) {
    testing_expect(t, task, TASK_FAILED);
    assert_string_equal(testing_row(t, task).error_code, "engine_shut");
    testing_balance(t, ME, credits, 0);
    testing_clean(t);
}

static struct task_lane lane_of(struct testing *t, const char *name) {
    struct err *e = &t->e;
    struct task_lane lanes[16];
    size_t n = 0;
    OK(task_get_lanes(t->core, db_reader(t->db), lanes, COUNT(lanes), &n, e));
    for (size_t i = 0; i < n; i++)
        if (strcmp(lanes[i].name, name) == 0)
            return lanes[i];
    fail_msg("there is no lane %s", name);
    return lanes[0];
}

static void who_waited_for_an_engine_that_took_nothing_is_told_so(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_go(state, "shut=600000");
    int64_t task = testing_buy(t, ME, PLAIN);
    struct task_lane lane = lane_of(t, "fake");
    assert_true(lane.here && lane.shut_ms > 0 && lane.waiting == 1);
    assert_string_equal(lane.why, "the script says shut");
    assert_int_equal(testing_ring(t, task), 0);
    expect_shut(t, task, 10);
    assert_int_equal(testing_count(t, &testing_attempts, task), 0);
}

static void a_line_goes_on_when_its_engine_opens(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_go(state, "shut=300");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(lane_of(t, "fake").shut_ms, 0);
    testing_clean(t);
}

static void a_task_in_hand_goes_on_when_its_engine_opens(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_go(state, "shut=300@1");
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    testing_clean(t);
}

static void a_task_in_hand_waits_as_long_as_one_in_line(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    t->slots = "1";
    testing_go(state, "shut=600000@1");
    t->core->wait_ms = 200;
    int64_t task = testing_buy(t, ME, GROUP);
    expect_shut(t, task, 40);
    struct task_row row = testing_row(t, task);
    assert_true(row.ended_ms - row.started_ms < row.limit_ms);    /* it was not its own deadline */
    assert_int_equal(testing_count(t, &testing_attempts, task), 1);
}

static void what_one_engine_does_not_take_in_time_another_does(void **state) {
    struct testing *t = *state;
    t->slots = "1";
    testing_go(state, "fake.shut=600000@1");
    t->core->wait_ms = 200;
    int64_t task = testing_buy(t, ME, GROUP);
    testing_expect(t, task, TASK_CHOOSING);
    assert_string_equal(testing_row(t, task).engine, "fake_remote");
    testing_clean(t);
}

static void who_has_a_call_at_the_service_waited_for_that(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    testing_go(state, "compose.unknown; shut=600000@1");
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_wait(t, testing_has_unknown, task, "an unknown attempt");
    assert_int_equal(testing_ring(t, task), 0);
    testing_expect(t, task, TASK_FAILED);
    assert_string_equal(testing_row(t, task).error_code, "task_deadline");
}

static void tasks_of_an_engine_whose_key_is_gone_end(void **state) {
    struct testing *t = *state;
    t->use = "replicate";
    t->keys = "a-key";
    testing_open(t);
    int64_t task = testing_buy(t, ME, PLAIN);
    testing_close(t);
    t->keys = NULL;
    testing_go(state, "");
    struct task_lane lane = lane_of(t, "replicate.pictures");
    assert_true(!lane.here && lane.shut_ms > 0 && lane.waiting == 1);
    assert_int_equal(testing_ring(t, task), 0);
    expect_shut(t, task, 10);
}

struct sent { struct testing *t; int64_t task, attempt; };
/* What a process that died behind its call has left: the row of its intent. */
static int sent_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct sent *s = arg;
    const struct core_engine *g = core_engine_of(s->t->core, "replicate.pictures");
    struct engine_foreseen f;
    g->d->foresee(g->g, &(struct engine_call){ .attempt = s->attempt, .op = STR("compose") }, &f);
    struct task__attempt a = { .id = s->attempt, .task = s->task, .op = "compose", .engine = "replicate.pictures", .state = ATTEMPT_INTENT,
                               .created_ms = clock_ms(), .cost_microusd = f.cost_microusd };
    snprintf(a.remote_id, sizeof(a.remote_id), "%s", f.remote_id);
    return task__attempt_add(tx, &a, e);
}

static void a_call_whose_key_is_gone_is_not_made_with_another(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct task_unsure u;
    t->use = "replicate";
    t->keys = "a-key";
    testing_open(t);
    int64_t task = testing_buy(t, ME, PLAIN);
    OK(db_do(t->db, sent_fn, &(struct sent){ t, task, id_new() }, e));
    testing_close(t);
    t->keys = "another-key";
    testing_open(t);
    t->core->late_ms = 100;
    testing_start(t);
    OK(task_get_unsure(t->core, db_reader(t->db), &u, e));
    assert_true(u.n == 1 && u.untellable == 1 && u.cost_microusd == 5000);
    assert_non_null(strstr(u.why, "engine.replicate_keys"));
    assert_int_equal(testing_ring(t, task), 0);
    testing_wait(t, testing_is_written_off, task, "the end of asking");
    testing_expect(t, task, TASK_FAILED);
    assert_int_equal(testing_count(t, &testing_attempts, task), 1);
    assert_int_equal(testing_cost(t), 5000);
    testing_balance(t, ME, 10, 0);
    OK(task_get_unsure(t->core, db_reader(t->db), &u, e));
    assert_int_equal(u.n, 0);
    testing_clean(t);
}

DB_SQL(sending, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'intent'");
DB_SQL(ended, "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'failed'");
static bool is_sending(struct testing *t, int64_t id) { return testing_count(t, &sending, id) > 0; }
static bool has_ended(struct testing *t, int64_t id) { return testing_count(t, &sending, id) == 0 && testing_count(t, &ended, id) > 0; }

static void what_was_not_sent_is_not_asked_about(void **state) {
    struct testing *t = *state;
    t->use = "replicate";
    t->keys = "a-key";
    testing_go(state, "");
    int64_t task = testing_buy(t, ME, ((struct testing_order){ "group", 1, 4, 1 }));      /* a photo is on its way to nobody, again and again */
    testing_wait(t, is_sending, task, "a call");
    assert_int_equal(testing_cancel(t, task, ME), 0);
    testing_wait(t, has_ended, task, "its end");
    assert_int_equal(testing_count(t, &testing_unknown, task), 0);
    assert_int_equal(testing_cost(t), 0);
    testing_balance(t, ME, 40, 0);
    testing_clean(t);
}

struct moved { struct task__attempt a; enum attempt_state to; };
static int move_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct moved *m = arg;
    return task__attempt_move(tx, &m->a, m->to, NULL, e);
}
static int add_fn(struct db_tx *tx, void *arg, struct err *e) { return task__attempt_add(tx, arg, e); }
static void add_name(void *to, struct str remote_id) { buf_printf(to, "%.*s ", STR_ARG(remote_id)); }

static void only_names_that_may_be_over_there_are_told(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    static const struct { const char *remote_id; enum attempt_state state; int64_t ago_ms; } rows[] = {
        { "k~0123abcd~one", ATTEMPT_SUBMITTED, 0 }, { "k~0123abcd~two", ATTEMPT_UNKNOWN, 15 * 60000 }, { "k~0123abcd~", ATTEMPT_INTENT, 0 },
        { "k,l~0123abcd~", ATTEMPT_UNKNOWN, 0 }, { "k~99999999~one", ATTEMPT_SUBMITTED, 0 }, { "", ATTEMPT_UNKNOWN, 0 },
        { "k~0123abcd~old", ATTEMPT_SUBMITTED, 20 * 60000 },
    };
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1000);
    testing_open(t);
    int64_t task = testing_buy(t, ME, PLAIN), mine = id_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct task__attempt a = { .id = id_at_ms(id_ms(mine) - rows[i].ago_ms) + 100000 + (int64_t)i, .task = task, .op = "compose", .engine = "replicate.pictures",
                                   .state = ATTEMPT_INTENT, .created_ms = clock_ms() };
        snprintf(a.remote_id, sizeof(a.remote_id), "%s", rows[i].remote_id);
        OK(db_do(t->db, add_fn, &a, e));
        if (rows[i].state != ATTEMPT_INTENT)
            OK(db_do(t->db, move_fn, &(struct moved){ a, rows[i].state }, e));
    }
    OK(core_names(t->core, mine, STR("~0123abcd~"), add_name, &b));
    buf_add_z(&b, "");
    assert_string_equal(b.p, "k~0123abcd~two k~0123abcd~one k,l~0123abcd~ ");
    int64_t first = id_at_ms(id_ms(mine)) + 100000;
    b.n = 0;
    OK(core_names(t->core, first, STR("~0123abcd~"), add_name, &b));
    assert_string_equal(b.p, "k~0123abcd~two k,l~0123abcd~ ");        /* it is not told its own */
}

static void a_task_stands_in_the_line_of_its_lane(void **state) {
    struct testing *t = *state;
    t->use = "replicate";
    t->keys = "a-key";
    testing_go(state, "");
    int64_t task = testing_buy(t, ME, PLAIN);
    assert_string_equal(testing_row(t, task).engine, "replicate.pictures");
    testing_expect(t, task, TASK_FAILED);                         /* somebody took it: a service gives no preview, which this step wants */
    assert_string_equal(testing_row(t, task).error_code, "engine_failed");
    testing_balance(t, ME, 10, 0);
    testing_clean(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(who_waited_for_an_engine_that_took_nothing_is_told_so),
        TESTING(a_line_goes_on_when_its_engine_opens),
        TESTING(a_task_in_hand_goes_on_when_its_engine_opens),
        TESTING(a_task_in_hand_waits_as_long_as_one_in_line),
        TESTING(what_one_engine_does_not_take_in_time_another_does),
        TESTING(who_has_a_call_at_the_service_waited_for_that),
        TESTING(tasks_of_an_engine_whose_key_is_gone_end),
        TESTING(a_call_whose_key_is_gone_is_not_made_with_another),
        TESTING(what_was_not_sent_is_not_asked_about),
        TESTING(only_names_that_may_be_over_there_are_told),
        TESTING(a_task_stands_in_the_line_of_its_lane),
    };
    cmocka_set_test_filter(getenv("ZT_TEST_ONLY"));
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
