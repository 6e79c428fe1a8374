/*
 * powercut_test.c - the promise of the write lane: who was answered finds his data after a power cut; who was not finds all or nothing of it.
 *
 * A crowd of writes runs over the forgetting disk (vfs_powercut.h). Before many of its operations the disk's possible leftovers are put
 * aside together with the list of those answered by then; afterwards each of these disks is opened and looked at. The same is done
 * with a driver that skips the fsync of COMMIT: there the check must find losses, or it would prove nothing.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "db/testing.h"
#include "db/vfs_powercut.h"

enum { WRITES = 600, CUTS_MAX = 240, CROWD = 6 };

DB_SQL(add, "INSERT INTO thing (id, name, n, parent_id) VALUES (?, ?, ?, NULL)");
DB_SQL(add_twin, "INSERT INTO parent (id) VALUES (?)");
DB_SQL(raise_zero, "UPDATE thing SET n = n + 1 WHERE id = 0");

struct cut {
    char dir[96];
    bool answered[WRITES];
};

struct crowd {
    struct testing *t;
    struct db_write writes[WRITES];
    _Atomic bool    answered[WRITES];     /* set by done(), that is, before anybody could hear of it */
    atomic_int      next;
    sem_t           finished;
    struct cut      cuts[CUTS_MAX];
    int             n_cuts, every;
    bool            cutting;
};

/* Each write touches two tables and a page that all share. The padding makes the log grow past a few checkpoints. */
static int write_pair(struct db_tx *tx, void *arg, struct err *e) {
    int64_t i = (intptr_t)arg;
    char pad[64];
    snprintf(pad, sizeof(pad), "%060d", (int)i);
    int r = db_run(tx, NULL, e, &add, DB_INT(i + 1), DB_TEXT(pad), DB_INT(1));
    if (r >= 0)
        r = db_run(tx, NULL, e, &raise_zero);
    return r < 0 ? r : db_run(tx, NULL, e, &add_twin, DB_INT(i + 1));
}

static struct crowd *the_crowd;

static void submit_next(struct crowd *c) {
    struct err e;
    int i = atomic_fetch_add(&c->next, 1);
    if (i < WRITES && db_submit(c->t->d, &c->writes[i], &e) < 0)
        abort();
    if (i == WRITES + CROWD - 1)
        sem_post(&c->finished);
}

static void pair_done(struct db_write *w) {
    struct crowd *c = the_crowd;
    if (w->rc < 0)
        abort();
    c->answered[w - c->writes] = true;
    submit_next(c);
}

/* Before an operation of the disk: put a possible leftover aside. */
static void maybe_cut(void *arg, int64_t op) {
    struct crowd *c = arg;
    static const int keep[] = { 0, 1000, 500, 900 };
    if (!c->cutting || op % c->every != 0 || c->n_cuts == CUTS_MAX)
        return;
    struct cut *cut = &c->cuts[c->n_cuts];
    snprintf(cut->dir, sizeof(cut->dir), "%s/cut%d", c->t->dir, c->n_cuts);
    for (int i = 0; i < WRITES; i++)
        cut->answered[i] = c->answered[i];
    if (mkdir(cut->dir, 0700) < 0 || powercut_image(cut->dir, keep[c->n_cuts % 4], (uint64_t)c->n_cuts + 1) < 0)
        abort();
    c->n_cuts++;
}

static int add_zero(struct db_tx *tx, void *arg, struct err *e) { return db_run(tx, NULL, e, &add, DB_INT(0), DB_NULL, DB_INT(0)); }

static struct crowd *run_crowd(struct testing *t, const struct db_driver *driver) {
    struct err *e = &t->e;
    struct crowd *c = calloc(1, sizeof(*c));
    c->t = t;
    c->every = 17;                        /* a prime, so that cuts fall at all places of a commit */
    sem_init(&c->finished, 0, 0);
    db_close(t->d);
    powercut_reset();
    powercut_setup(maybe_cut, c);
    char dir[80];
    snprintf(dir, sizeof(dir), "%s/live", t->dir);
    struct db__conf conf = t->conf;
    conf.driver = driver;
    conf.data_dir = dir;
    conf.vfs = POWERCUT_VFS;
    conf.checkpoint_bytes = 256 << 10;
    conf.truncate_bytes = 700 << 10;
    the_crowd = c;
    OK(db__open(&conf, &t->d, e));
    OK(db_do(t->d, add_zero, NULL, e));
    for (int i = 0; i < WRITES; i++)
        c->writes[i] = (struct db_write){ .fn = write_pair, .arg = (void *)(intptr_t)i, .done = pair_done };
    c->cutting = true;
    for (int i = 0; i < CROWD; i++)
        submit_next(c);
    sem_wait(&c->finished);
    db_close(t->d);
    t->d = NULL;
    powercut_setup(NULL, NULL);
    return c;
}

static int64_t ask(sqlite3 *h, const char *sql) {
    sqlite3_stmt *s = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(h, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

/* What is wrong with the disk of one cut: answered and lost, or half there. */
static int losses(const struct cut *cut) {
    char path[128];
    sqlite3 *h = NULL;
    sqlite3_stmt *s = NULL;
    bool found[WRITES] = { false };
    int wrong = 0;
    snprintf(path, sizeof(path), "%s/zoetrope.db", cut->dir);
    if (sqlite3_open(path, &h) != SQLITE_OK || ask(h, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") != 1)
        wrong++;
    sqlite3_prepare_v2(h, "SELECT id FROM thing WHERE id > 0", -1, &s, NULL);
    while (s && sqlite3_step(s) == SQLITE_ROW)
        found[sqlite3_column_int64(s, 0) - 1] = true;
    sqlite3_finalize(s);
    for (int i = 0; i < WRITES; i++)
        wrong += cut->answered[i] && !found[i];
    wrong += ask(h, "SELECT COUNT(*) FROM thing t LEFT JOIN parent p ON p.id = t.id WHERE t.id > 0 AND p.id IS NULL") != 0;
    wrong += ask(h, "SELECT (SELECT COUNT(*) FROM parent) - (SELECT n FROM thing WHERE id = 0)") != 0;
    sqlite3_close(h);
    return wrong;
}

static void answered_writes_survive_a_power_cut_anywhere(void **state) {
    struct testing *t = *state;
    struct crowd *c = run_crowd(t, &db_sqlite);
    int answered = 0;
    assert_true(c->n_cuts >= 100);
    for (int i = 0; i < c->n_cuts; i++) {
        int wrong = losses(&c->cuts[i]);
        if (wrong)
            fail_msg("cut %d of %d: %d losses", i, c->n_cuts, wrong);
        answered += c->cuts[i].answered[WRITES / 2];
    }
    assert_in_range(answered, 1, c->n_cuts - 1);         /* the cuts lie before and behind that write: they were spread over the run */
    print_message("# %d cuts, %d writes\n", c->n_cuts, (int)WRITES);
    free(c);
}

static int careless_open(const struct db_place *place, enum db_role role, struct db_conn **ret_c, struct err *e) {
    struct db_stmt *s = NULL;
    int r = db_sqlite.open(place, role, ret_c, e);
    if (r < 0 || (r = db_sqlite.prepare(*ret_c, "PRAGMA synchronous = NORMAL", &s, e)) < 0)
        return r;
    r = db_sqlite.step(*ret_c, s, e);
    db_sqlite.finish(s);
    return r;
}

static void without_the_fsync_of_commit_the_losses_are_seen(void **state) {
    struct testing *t = *state;
    struct db_driver careless = db_sqlite;
    careless.open = careless_open;
    struct crowd *c = run_crowd(t, &careless);
    int wrong = 0;
    for (int i = 0; i < c->n_cuts; i++)
        wrong += losses(&c->cuts[i]) > 0;
    assert_in_range(wrong, 10, c->n_cuts);
    free(c);
}

/* ---- disks that say no ---- */

static void open_refusing(struct testing *t) {
    struct err *e = &t->e;
    db_close(t->d);
    powercut_reset();
    powercut_setup(NULL, NULL);
    t->conf.vfs = POWERCUT_VFS;
    t->conf.cache_kib = 64;               /* so small that a large write spills into the log before its COMMIT */
    OK(db__open(&t->conf, &t->d, e));
    OK(db_do(t->d, add_zero, NULL, e));
}

static int write_much(struct db_tx *tx, void *arg, struct err *e) {
    int64_t from = (intptr_t)arg;
    int r = 0;
    for (int i = 0; r >= 0 && i < 3000; i++) {
        char pad[64];
        snprintf(pad, sizeof(pad), "%060d", (int)from + i);
        r = db_run(tx, NULL, e, &add, DB_INT(from + i), DB_TEXT(pad), DB_INT(1));
    }
    return r;
}

static void a_full_disk_refuses_every_write_and_heals(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    open_refusing(t);
    powercut_refuse(SQLITE_FULL);
    assert_int_equal(db_do(t->d, write_pair, (void *)1, e), ERR_DISK_FULL);            /* found out at COMMIT */
    assert_int_equal(db_do(t->d, write_much, (void *)100000, e), ERR_DISK_FULL);       /* found out inside a statement */
    powercut_refuse(SQLITE_OK);
    OK(db_do(t->d, write_much, (void *)100000, e));
    OK(db_do(t->d, write_pair, (void *)1, e));
    struct db_stats st;
    db_get_stats(t->d, &st);
    assert_int_equal(st.fsync_failed, 0);
}

/* How a process ends whose disk answers COMMIT with this code. */
static int end_by(struct testing *t, int sqlite_code) {
    db_close(t->d);
    t->d = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
        if (db__open(&t->conf, &t->d, &e) < 0)
            _exit(9);
        powercut_refuse(sqlite_code);
        db_do(t->d, write_pair, (void *)7, &e);
        _exit(0);
    }
    int status = 0;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void a_disk_that_fails_ends_the_process(void **state) {
    struct testing *t = *state;
    const int codes[] = { SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE };
    open_refusing(t);
    for (size_t i = 0; i < COUNT(codes); i++) {
        int status = end_by(t, codes[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(answered_writes_survive_a_power_cut_anywhere),
        TESTING(without_the_fsync_of_commit_the_losses_are_seen),
        TESTING(a_full_disk_refuses_every_write_and_heals),
        TESTING(a_disk_that_fails_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
