/*
 * crash_test.c - the process is killed at every failpoint, at each of its occurrences in the life of a task; the next process must end
 * the task once, with clean books and no file too many. Then the same places fail for want of room, and heal.
 */
#include "task/testing.h"

DB_SQL(crash_files, "SELECT COUNT(*) FROM (SELECT DISTINCT account_id, class, sha FROM asset) f WHERE ? = 0");
DB_SQL(crash_taken_twice, "SELECT COUNT(*) FROM (SELECT op, ix, COUNT(*) AS n FROM attempt WHERE task_id = ? AND state = 'stored' GROUP BY op, ix) g "
                          "WHERE g.n > 1");

static int files;
static int count_file(const char *path, const struct stat *st, int type, struct FTW *at) {
    files += type == FTW_F;
    return 0;
}

/* As many files as the rows name, neither more nor less. */
static void expect_no_orphan(struct testing *t) {
    char path[128];
    snprintf(path, sizeof(path), "%s/blob", t->dir);
    files = 0;
    nftw(path, count_file, 16, FTW_PHYS);
    if (files != testing_count(t, &crash_files, 0))
        fail_msg("%d files, the rows name %d", files, (int)testing_count(t, &crash_files, 0));
}

/* The life of the server with a failpoint armed, in a child. True when the point was hit: the child was killed by it. */
static bool live_and_die(struct testing *t, int64_t task, const char *spec) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
        testing_open(t);
        if (failpoint_arm(str_z(spec), &t->e) < 0)
            _exit(9);
        testing_start(t);
        testing_wait(t, testing_is_decided, task, "a decision");
        task_core_stop(t->core, 0);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("%s: the child ended with status %x", spec, (unsigned)status);
    return true;
}

/* Buys one task, dies once at the place named, and comes back. False when the place is not reached so often. */
static bool die_at(struct testing *t, const char *point, int after, struct testing_order o) {
    char spec[64];
    snprintf(spec, sizeof(spec), "%s=kill:after=%d", point, after);
    testing_open(t);
    int64_t task = testing_buy(t, ME, o);
    testing_close(t);
    bool died = live_and_die(t, task, spec);

    testing_open(t);
    testing_start(t);
    testing_expect(t, task, TASK_CHOOSING);
    struct task_row row = testing_row(t, task);
    if (row.delivered != o.candidates || row.given_free)
        fail_msg("%s: %d candidates", spec, row.delivered);
    if (testing_count(t, &crash_taken_twice, task))
        fail_msg("%s: a result was stored twice", spec);
    assert_int_equal(testing_count(t, &testing_unknown, task), 0);
    assert_int_equal(testing_pick(t, task, ME, 0), 0);
    testing_balance(t, ME, 0, 0);
    testing_clean(t);
    testing_close(t);

    /* What the crash left beside the rows goes when the next process starts. */
    testing_open(t);
    testing_start(t);
    expect_no_orphan(t);
    testing_close(t);
    return died;
}

/* Walks every occurrence of a point (every `stride`-th); at least one must have been met. */
static void walk(struct testing *t, enum failpoint fp, int stride, struct testing_order o) {
    int met = 0;
    for (int after = 0; after < 400 && die_at(t, failpoint_name(fp), after, o); after += stride)
        met++;
    if (met == 0)
        fail_msg("%s was never met: nothing was tried", failpoint_name(fp));
}

static void a_kill_at_each_point_of_the_task_loses_nothing(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    static const enum failpoint points[] = { FP_TASK_AFTER_CLAIM, FP_TASK_AFTER_INTENT, FP_TASK_AFTER_SUBMIT, FP_TASK_BEFORE_STORE,
                                             FP_TASK_AFTER_STORE, FP_TASK_BEFORE_CHOOSING };
    for (size_t i = 0; i < COUNT(points); i++)
        walk(t, points[i], 1, ((struct testing_order){ "group", 1, 2, 1 }));
}

static void a_kill_at_each_point_of_the_store_loses_nothing(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    static const enum failpoint points[] = { FP_BLOB_AFTER_WRITE, FP_BLOB_AFTER_SYNC, FP_BLOB_AFTER_RENAME };
    for (size_t i = 0; i < COUNT(points); i++)
        walk(t, points[i], 2, ((struct testing_order){ "group", 1, 2, 1 }));
}

static void a_kill_around_each_commit_loses_nothing(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    walk(t, FP_DB_BEFORE_COMMIT, 2, ((struct testing_order){ "group", 1, 2, 1 }));
    walk(t, FP_DB_AFTER_COMMIT, 2, ((struct testing_order){ "group", 1, 2, 1 }));
}

static void a_killed_call_that_costs_money_is_asked_about_not_repeated(void **state) {
    struct testing *t = *state;
    t->use = "fake_remote";
    /* The rule is never met by a call; it says what is answered about a call that left no id: that it never happened. */
    t->script = "compose.lost@1000";
    static const struct {
        const char *spec;
        int64_t     calls;
    } ways[] = {
        { "task.after_intent=kill", 2 },      /* not made, and found out */
        { "task.after_submit=kill", 2 },      /* made, and its id lost with us: this script's provider says it never saw it */
        { "task.before_store=kill", 1 },      /* made and done: fetched again, not made again */
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        testing_open(t);
        int64_t task = testing_buy(t, ME, PLAIN);
        testing_close(t);
        assert_true(live_and_die(t, task, ways[i].spec));
        testing_open(t);
        testing_start(t);
        testing_expect(t, task, TASK_CHOOSING);
        if (testing_count(t, &testing_attempts, task) != ways[i].calls)
            fail_msg("%s: %d calls", ways[i].spec, (int)testing_count(t, &testing_attempts, task));
        testing_balance(t, ME, 0, 0);
        testing_clean(t);
        testing_close(t);
    }
}

static void what_a_killed_call_may_have_cost_is_booked_once(void **state) {
    struct testing *t = *state;
    static const char *const specs[] = { "task.after_intent=kill", "task.after_submit=kill" };
    t->use = "fake_remote";                    /* of a call that left no id nobody can say anything */
    for (size_t i = 0; i < COUNT(specs); i++) {
        testing_open(t);
        int64_t task = testing_buy(t, ME, PLAIN);
        testing_close(t);
        assert_true(live_and_die(t, task, specs[i]));
        testing_open(t);
        t->core->late_ms = 100;
        testing_start(t);
        testing_wait(t, testing_has_unknown, task, "an unknown call");
        assert_int_equal(testing_ring(t, task), 0);
        testing_wait(t, testing_is_written_off, task, "the end of asking");
        assert_int_equal(testing_cost(t), 2000 * (int64_t)(i + 1));
        testing_clean(t);
        testing_close(t);
    }
}

static void one_crash_after_the_other_ends_all_the_same(void **state) {
    struct testing *t = *state;
    t->use = "fake";
    testing_open(t);
    int64_t task = testing_buy(t, ME, GROUP);
    testing_close(t);
    int deaths = 0;
    static const char *const specs[] = { "task.after_claim=kill", "task.after_intent=kill:after=1", "task.before_store=kill:after=1",
                                         "blob.after_rename=kill:after=1", "task.after_submit=kill:after=2", "db.after_commit=kill:after=9",
                                         "task.after_store=kill:after=2", "task.before_choosing=kill" };
    for (size_t i = 0; i < COUNT(specs); i++)
        deaths += live_and_die(t, task, specs[i]);
    assert_true(deaths >= 6);
    testing_open(t);
    testing_start(t);
    testing_expect(t, task, TASK_CHOOSING);
    assert_int_equal(testing_row(t, task).delivered, 4);
    testing_clean(t);
}

/* Armed to fail, then disarmed as soon as the trouble was met. */
static void *heal(void *arg) {
    struct testing *t = arg;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&t->lock);
    while (pthread_cond_timedwait(&t->woken, &t->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&t->lock);
    failpoint_arm(STR_NULL, NULL);
    return NULL;
}

static void a_full_disk_is_waited_out(void **state) {
    struct testing *t = *state;
    static const struct { const char *use, *spec; } ways[] = {
        { "fake", "blob.after_write=enospc:after=3" }, { "fake", "db.before_commit=enospc:after=12" },
        { "fake_remote", "db.before_commit=enospc:after=2" }, { "fake_remote", "db.before_commit=enospc:after=3" },
        { "fake_remote", "db.before_commit=enospc:after=4" },
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct err *e = &t->e;
        t->use = ways[i].use;
        pthread_t healer;
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
        testing_open(t);
        int64_t task = testing_buy(t, ME, GROUP);
        OK(failpoint_arm(str_z(ways[i].spec), e));
        testing_start(t);
        assert_int_equal(pthread_create(&healer, NULL, heal, t), 0);
        testing_expect(t, task, TASK_CHOOSING);
        pthread_join(healer, NULL);
        assert_int_equal(testing_row(t, task).delivered, 4);
        if (strcmp(t->use, "fake_remote") == 0 && testing_count(t, &testing_attempts, task) != 10)
            fail_msg("%s: %d calls that cost money", ways[i].spec, (int)testing_count(t, &testing_attempts, task));
        testing_balance(t, ME, 0, 0);
        testing_clean(t);
        testing_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(a_kill_at_each_point_of_the_task_loses_nothing),
        TESTING(a_kill_at_each_point_of_the_store_loses_nothing),
        TESTING(a_kill_around_each_commit_loses_nothing),
        TESTING(a_killed_call_that_costs_money_is_asked_about_not_repeated),
        TESTING(what_a_killed_call_may_have_cost_is_booked_once),
        TESTING(one_crash_after_the_other_ends_all_the_same),
        TESTING(a_full_disk_is_waited_out),
    };
    cmocka_set_test_filter(getenv("ZT_TEST_ONLY"));
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
