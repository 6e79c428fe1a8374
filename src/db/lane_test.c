/* lane_test.c - group commit: nothing lost, nothing doubled, each failure where it belongs. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "db/testing.h"

DB_SQL(add, "INSERT INTO thing (id, name, n, parent_id) VALUES (?, NULL, ?, NULL)");
DB_SQL(add_child, "INSERT INTO child (id, parent_id) VALUES (?, ?)");
DB_SQL(count, "SELECT COUNT(*), COALESCE(SUM(n), 0) FROM thing");
DB_SQL(has, "SELECT COUNT(*) FROM thing WHERE id = ?");

struct job {
    struct db_write write;                /* first: the callbacks get its address */
    struct testing *t;
    int64_t    id;
    int        then;                      /* what the function returns after its INSERT; 0 = success */
    int        runs, hooks;
    sem_t     *answered;
};

static void count_hook(void *arg) { ((struct job *)arg)->hooks++; }

static int add_one(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    j->runs++;
    int r = db_run(tx, NULL, e, &add, DB_INT(j->id), DB_INT(1));
    db_on_commit(tx, count_hook, j);
    return r < 0 ? r : j->then < 0 ? err_set(e, j->then, "refused") : j->then;
}

static void answered(struct db_write *w) { sem_post(((struct job *)w)->answered); }

static int64_t rows_in(struct testing *t) {
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(t->d), &rows, &t->e, &count), 1);
    assert_int_equal(db_int(&rows, 0), db_int(&rows, 1));
    return db_int(&rows, 0);
}

static bool row_exists(struct testing *t, int64_t id) {
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(t->d), &rows, &t->e, &has, DB_INT(id)), 1);
    return db_int(&rows, 0) == 1;
}

/* ---- holding the writer, so that what is submitted meanwhile becomes one batch ---- */
struct gate {
    struct db_write write;
    sem_t entered, leave, answered;
};

static int stand_still(struct db_tx *tx, void *arg, struct err *e) {
    struct gate *g = arg;
    sem_post(&g->entered);
    sem_wait(&g->leave);
    return 0;
}

static void gate_answered(struct db_write *w) { sem_post(&((struct gate *)w)->answered); }

static void gate_close(struct testing *t, struct gate *g) {
    struct err *e = &t->e;
    *g = (struct gate){ .write = { .fn = stand_still, .arg = g, .done = gate_answered } };
    sem_init(&g->entered, 0, 0);
    sem_init(&g->leave, 0, 0);
    sem_init(&g->answered, 0, 0);
    OK(db_submit(t->d, &g->write, e));
    sem_wait(&g->entered);
}

static void gate_open(struct gate *g) {
    sem_post(&g->leave);
    sem_wait(&g->answered);
}

/* Submits n jobs as one batch and waits for all answers. */
static void run_together(struct testing *t, struct job *jobs, int n) {
    struct err *e = &t->e;
    struct gate g;
    sem_t done;
    sem_init(&done, 0, 0);
    gate_close(t, &g);
    for (int i = 0; i < n; i++) {
        jobs[i].t = t;
        jobs[i].answered = &done;
        jobs[i].write = (struct db_write){ .fn = jobs[i].write.fn ? jobs[i].write.fn : add_one, .arg = &jobs[i], .done = answered };
        OK(db_submit(t->d, &jobs[i].write, e));
    }
    gate_open(&g);
    for (int i = 0; i < n; i++)
        sem_wait(&done);
    sem_destroy(&done);
}

static int64_t grown(const int64_t *before, const int64_t *after) {
    int64_t n = 0;
    for (int i = 0; i < DB_HIST; i++)
        n += after[i] - before[i];
    return n;
}

static void what_waits_together_commits_together(void **state) {
    struct testing *t = *state;
    struct job jobs[100] = { 0 };
    for (int i = 0; i < 100; i++)
        jobs[i].id = i;
    struct db_stats before, after;
    db_get_stats(t->d, &before);
    run_together(t, jobs, 100);
    db_get_stats(t->d, &after);
    assert_int_equal(after.batches - before.batches, 2);             /* the gate, and all the others */
    assert_int_equal(after.writes - before.writes, 101);
    assert_int_equal(after.batch_max, 100);
    assert_int_equal(grown(before.batch_hist, after.batch_hist), 2);
    assert_int_equal(after.batch_hist[0] - before.batch_hist[0], 1); /* of one write */
    assert_int_equal(after.batch_hist[7] - before.batch_hist[7], 1); /* of 65 to 128 */
    assert_int_equal(grown(before.commit_hist, after.commit_hist), 2);
    assert_int_equal(grown(before.wait_hist, after.wait_hist), 101);
    assert_true(after.wait_us_sum > before.wait_us_sum);             /* they stood behind the gate */
    assert_int_equal(after.queued, 0);
    assert_int_equal(rows_in(t), 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(jobs[i].write.rc, 0);
        assert_int_equal(jobs[i].hooks, 1);
        assert_int_equal(jobs[i].runs, 1);
    }
}

static void one_that_fails_takes_back_only_itself(void **state) {
    struct testing *t = *state;
    struct job jobs[4] = { { .id = 1 }, { .id = 2, .then = ERR_NO_CREDIT }, { .id = 1 }, { .id = 4, .then = 42 } };
    run_together(t, jobs, 4);
    assert_int_equal(jobs[0].write.rc, 0);
    assert_int_equal(jobs[1].write.rc, ERR_NO_CREDIT);
    assert_string_equal(jobs[1].write.err.text, "refused");
    assert_int_equal(jobs[2].write.rc, ERR_RACE);                    /* the same id again */
    assert_int_equal(jobs[3].write.rc, 42);                          /* a success may say more than 0 */
    assert_int_equal(jobs[0].hooks + jobs[3].hooks, 2);
    assert_int_equal(jobs[1].hooks + jobs[2].hooks, 0);
    assert_int_equal(rows_in(t), 2);
    assert_false(row_exists(t, 2));
    assert_int_equal(db_do(t->d, add_one, &(struct job){ .id = 9, .then = ERR_STATE }, &t->e), ERR_STATE);   /* alone too */
    assert_int_equal(t->e.code, ERR_STATE);
    assert_false(row_exists(t, 9));
}

static int refuse(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    j->runs++;
    return err_set(e, ERR_STATE, "nothing was written");
}

/* Who fails behind a write makes the batch run again with savepoints, and those that follow take them at once; who wrote nothing costs nothing. */
static void a_batch_runs_twice_only_when_something_must_be_taken_back(void **state) {
    struct testing *t = *state;
    struct job first[3] = { { .id = 1 }, { .write = { .fn = refuse } }, { .id = 3 } };
    run_together(t, first, 3);
    struct job taken_back[3] = { { .id = 4 }, { .id = 5, .then = ERR_STATE }, { .id = 6 } };
    run_together(t, taken_back, 3);
    struct job after[3] = { { .id = 7 }, { .id = 8, .then = ERR_STATE }, { .id = 9 } };
    run_together(t, after, 3);
    assert_int_equal(first[1].write.rc, ERR_STATE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(first[i].runs, 1);
        assert_int_equal(taken_back[i].runs, i < 2 ? 2 : 1);         /* the third one's turn had not come */
        assert_int_equal(taken_back[i].hooks, i != 1);
        assert_int_equal(taken_back[i].write.rc, i == 1 ? ERR_STATE : 0);
        assert_int_equal(after[i].runs, 1);
        assert_int_equal(after[i].write.rc, i == 1 ? ERR_STATE : 0);
    }
    assert_int_equal(rows_in(t), 6);
    assert_false(row_exists(t, 5) || row_exists(t, 8));
}

static int add_orphan(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    j->runs++;
    return db_run(tx, NULL, e, &add_child, DB_INT(j->id), DB_INT(12345));   /* found out at COMMIT only: the constraint is deferred */
}

static void a_batch_that_cannot_commit_is_run_one_by_one(void **state) {
    struct testing *t = *state;
    struct job jobs[3] = { { .id = 1 }, { .id = 2, .write = { .fn = add_orphan } }, { .id = 3 } };
    run_together(t, jobs, 3);
    assert_int_equal(jobs[0].write.rc, 0);
    assert_int_equal(jobs[1].write.rc, ERR_RACE);
    assert_int_equal(jobs[2].write.rc, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(jobs[i].runs, 2);
    assert_int_equal(jobs[0].hooks + jobs[2].hooks, 2);              /* once each: the first run never happened */
    assert_int_equal(rows_in(t), 2);
}

static void beyond_its_bound_the_lane_says_busy_at_once(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    db_close(t->d);
    t->conf.lane_max = 3;
    testing_open(t);
    sem_t done;
    sem_init(&done, 0, 0);
    struct gate g;
    gate_close(t, &g);
    struct job jobs[3] = { { .id = 1 }, { .id = 2 }, { .id = 3 } };
    for (int i = 0; i < 3; i++) {
        jobs[i].answered = &done;
        jobs[i].write = (struct db_write){ .fn = add_one, .arg = &jobs[i], .done = answered };
        assert_int_equal(db_submit(t->d, &jobs[i].write, e), i < 2 ? 0 : ERR_BUSY);    /* the gate holds the third place */
    }
    gate_open(&g);
    for (int i = 0; i < 2; i++)
        sem_wait(&done);
    for (int i = 0; i < 100; i++)                                     /* an answered write has given its place back */
        OK(db_do(t->d, add_one, &(struct job){ .id = 100 + i }, e));
    assert_int_equal(jobs[2].runs, 0);
    assert_int_equal(rows_in(t), 102);
    sem_destroy(&done);
}

enum { THREADS = 8, EACH = 300 };

static void *submit_many(void *arg) {
    struct job *j = arg;
    for (int i = 0; i < EACH; i++) {
        struct job one = { .id = j->id * EACH + i };
        struct err e;
        if (db_do(j->t->d, add_one, &one, &e) < 0 || one.hooks != 1)
            return (void *)(intptr_t)__LINE__;
        DB_ROWS rows;                                                /* who was answered sees his own write */
        if (db_one(db_reader(j->t->d), &rows, &e, &has, DB_INT(one.id)) != 1 || db_int(&rows, 0) != 1)
            return (void *)(intptr_t)__LINE__;
    }
    return NULL;
}

static void many_threads_lose_and_double_nothing(void **state) {
    struct testing *t = *state;
    pthread_t th[THREADS];
    struct job jobs[THREADS] = { 0 };
    t->conf.readers_max = THREADS + 1;
    db_close(t->d);
    t->conf.checkpoint_bytes = 64 << 10;                             /* so that the log is emptied under way */
    t->conf.truncate_bytes = 256 << 10;
    testing_open(t);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ .t = t, .id = i };
        assert_int_equal(pthread_create(&th[i], NULL, submit_many, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *line = NULL;
        pthread_join(th[i], &line);
        assert_int_equal((intptr_t)line, 0);
    }
    struct db_stats st;
    db_get_stats(t->d, &st);
    assert_int_equal(rows_in(t), THREADS * EACH);
    assert_int_equal(st.writes, THREADS * EACH);
    assert_true(st.batches <= st.writes);
    assert_true(st.wal_bytes < 1 << 20);
    assert_true(st.checkpoints > 0 && st.checkpoint_us_max > 0 && st.checkpoint_us_sum >= st.checkpoint_us_max);
}

/* Readers in a ring: each begins before the one ahead of it ends. So at each moment somebody reads, and nobody for long; yet the log is emptied
 * again and again. */
struct looker { struct testing *t; struct looker *ahead, *behind; sem_t turn, relieved; int64_t seen; bool wrong; };
static atomic_bool looked_enough;

static void *look_on(void *arg) {
    struct looker *l = arg;
    for (bool over = false; !over;) {
        sem_wait(&l->turn);
        DB_SNAPSHOT struct db_tx *rd = db_snapshot(l->t->d);
        int64_t n = rows_in(l->t);
        sem_post(&l->ahead->relieved);
        over = atomic_load(&looked_enough);
        sem_post(&l->behind->turn);
        if (!over)
            sem_wait(&l->relieved);
        l->wrong |= n < l->seen || rows_in(l->t) != n || rd != db_reader(l->t->d);
        l->seen = n;
    }
    return NULL;
}

static void who_reads_all_the_time_does_not_keep_the_log_from_being_emptied(void **state) {
    enum { LOOKERS = 3, WRITES = 2000, PAGES = 3 * 4096 };           /* each changes at least three pages */
    struct testing *t = *state;
    struct err *e = &t->e;
    pthread_t th[LOOKERS];
    struct looker lookers[LOOKERS];
    db_close(t->d);
    t->conf.checkpoint_bytes = 64 << 10;
    t->conf.truncate_bytes = 1LL << 30;                              /* never */
    testing_open(t);
    atomic_store(&looked_enough, false);
    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){ .t = t, .ahead = &lookers[(i + LOOKERS - 1) % LOOKERS], .behind = &lookers[(i + 1) % LOOKERS] };
        sem_init(&lookers[i].turn, 0, i == 0);
        sem_init(&lookers[i].relieved, 0, 0);
    }
    for (int i = 0; i < LOOKERS; i++)
        assert_int_equal(pthread_create(&th[i], NULL, look_on, &lookers[i]), 0);
    for (int i = 0; i < WRITES; i++)
        OK(db_do(t->d, add_one, &(struct job){ .id = i }, e));
    struct db_stats st;
    db_get_stats(t->d, &st);
    atomic_store(&looked_enough, true);
    for (int k = 0; k < LOOKERS; k++) {
        pthread_join(th[k], NULL);
        assert_false(lookers[k].wrong);
    }
    for (int k = 0; k < LOOKERS; k++) {
        sem_destroy(&lookers[k].turn);
        sem_destroy(&lookers[k].relieved);
    }
    if (st.wal_bytes > (int64_t)WRITES * PAGES / 8)
        fail_msg("the log has %lld bytes", (long long)st.wal_bytes);
}

static void closing_answers_what_was_accepted(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct gate g;
    sem_t done;
    sem_init(&done, 0, 0);
    gate_close(t, &g);
    struct job jobs[50] = { 0 };
    for (int i = 0; i < 50; i++) {
        jobs[i] = (struct job){ .id = i, .answered = &done, .write = { .fn = add_one, .arg = &jobs[i], .done = answered } };
        OK(db_submit(t->d, &jobs[i].write, e));
    }
    sem_post(&g.leave);
    db_close(t->d);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sem_trywait(&done), 0);
        assert_int_equal(jobs[i].write.rc, 0);
    }
    testing_open(t);
    assert_int_equal(rows_in(t), 50);
    sem_destroy(&done);
}

static struct db_conn *stranger;           /* holds the lock that BEGIN needs, as an operator's sqlite3 might */

/* Runs on the writer thread, between the gate's batch and the next one. */
static void lock_out(struct db_write *w) {
    struct err e = { 0 };
    if (db_sqlite.control(stranger, DB_BEGIN_WRITE, &e) < 0)
        abort();
}

static void a_locked_database_costs_a_batch_one_wait(void **state) {
    enum { N = 40, BUSY_MS = 500 };                                  /* each on its own they would wait 20 s */
    struct testing *t = *state;
    struct err *e = &t->e;
    db_close(t->d);
    t->conf.busy_ms = BUSY_MS;
    testing_open(t);
    char path[100];
    snprintf(path, sizeof(path), "%s/zoetrope.db", t->dir);
    OK(db_sqlite.open(&(struct db_place){ .path = path, .cache_kib = 64 }, DB_ROLE_WRITE, &stranger, e));
    struct job jobs[N] = { 0 };
    struct gate g;
    sem_t done;
    sem_init(&done, 0, 0);
    gate_close(t, &g);
    g.write.done = lock_out;
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct job){ .id = i, .answered = &done, .write = { .fn = add_one, .arg = &jobs[i], .done = answered } };
        OK(db_submit(t->d, &jobs[i].write, e));
    }
    int64_t began_ms = clock_mono_ms();
    sem_post(&g.leave);
    for (int i = 0; i < N; i++)
        sem_wait(&done);
    assert_in_range(clock_mono_ms() - began_ms, BUSY_MS, N * BUSY_MS / 2);
    for (int i = 0; i < N; i++)
        assert_int_equal(jobs[i].write.rc, ERR_BUSY);
    db_sqlite.close(stranger);                                       /* rolls back, and the lock is free */
    OK(db_do(t->d, add_one, &(struct job){ .id = 1 }, e));
    sem_destroy(&done);
}

static void a_full_disk_refuses_all_and_heals(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct job jobs[3] = { { .id = 1 }, { .id = 2, .then = ERR_STATE }, { .id = 3 } };
    OK(failpoint_arm(STR("db.before_commit=enospc:after=1"), e));    /* the gate's own commit passes */
    run_together(t, jobs, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].write.rc, ERR_DISK_FULL);
        assert_int_equal(jobs[i].runs, i < 2 ? 2 : 1);               /* the second one's row had to be taken back; a full disk runs nobody alone */
        assert_int_equal(jobs[i].hooks, 0);
    }
    assert_int_equal(rows_in(t), 0);
    assert_int_equal(db_do(t->d, add_one, &(struct job){ .id = 7 }, e), ERR_DISK_FULL);
    OK(failpoint_arm(STR_NULL, e));
    OK(db_do(t->d, add_one, &(struct job){ .id = 7 }, e));
    assert_int_equal(rows_in(t), 1);
}

/* Runs one write in a child with a failpoint armed; returns how the child ended. */
static int die_by(struct testing *t, const char *spec, int64_t id) {
    db_close(t->d);
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
        if (db__open(&t->conf, &t->d, &e) < 0 || failpoint_arm(str_z(spec), &e) < 0)
            _exit(9);
        db_do(t->d, add_one, &(struct job){ .id = id }, &e);
        _exit(0);
    }
    int status = 0;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    testing_open(t);
    return status;
}

static void a_failed_fsync_ends_the_process(void **state) {
    struct testing *t = *state;
    int status = die_by(t, "db.before_commit=eio", 1);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_false(row_exists(t, 1));
}

static void a_kill_around_the_commit_leaves_all_or_nothing(void **state) {
    struct testing *t = *state;
    int status = die_by(t, "db.before_commit=kill", 1);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(row_exists(t, 1));
    status = die_by(t, "db.after_commit=kill", 2);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(row_exists(t, 2));                                   /* committed, though nobody was told */
    assert_int_equal(die_by(t, "db.after_commit=kill:after=1", 3), 0);
    assert_true(row_exists(t, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(what_waits_together_commits_together),
        TESTING(one_that_fails_takes_back_only_itself),
        TESTING(a_batch_runs_twice_only_when_something_must_be_taken_back),
        TESTING(a_batch_that_cannot_commit_is_run_one_by_one),
        TESTING(beyond_its_bound_the_lane_says_busy_at_once),
        TESTING(many_threads_lose_and_double_nothing),
        TESTING(who_reads_all_the_time_does_not_keep_the_log_from_being_emptied),
        TESTING(closing_answers_what_was_accepted),
        TESTING(a_locked_database_costs_a_batch_one_wait),
        TESTING(a_full_disk_refuses_all_and_heals),
        TESTING(a_failed_fsync_ends_the_process),
        TESTING(a_kill_around_the_commit_leaves_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
