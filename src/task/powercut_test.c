/*
 * powercut_test.c - the power goes in the middle of a task: what the disk may then hold, database and files together, must be enough to
 * end the task once, with clean books; and nobody may have been told more than the disk knows.
 *
 * A task runs on a disk that forgets (db/vfs_powercut.h, blob/powercut.h). Before some of the writes and syncs of the database the
 * possible leftovers are put aside: nothing that was not synced, all of it, or a throw of dice for each sector and name. Afterwards a
 * server is started on each of these disks.
 */
#define TESTING_DEADLINE_S "600"           /* each write of the disk takes its time, and a sanitizer more */
#include "blob/powercut.h"
#include "task/testing.h"

#include <sqlite3.h>

#include "db/vfs_powercut.h"

enum { CUTS_MAX = 48 };

struct cut {
    char            dir[96];
    enum task_state told;                  /* what its owner had been told by then */
};

static struct live {
    struct testing *t;
    int64_t         task;
    bool            cutting;
    int             n, every;
    struct cut      cuts[CUTS_MAX];
    _Atomic int     told;
} live;

static uint64_t dice(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void copy_file(const char *from, const char *to) {
    char buf[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;
    if (in < 0 || out < 0)
        abort();
    while ((n = read(in, buf, sizeof(buf))) > 0)
        if (write(out, buf, (size_t)n) != n)
            abort();
    close(in);
    close(out);
}

/* Of nftw(), which passes nothing through. */
static struct { const char *from, *to; int keep_pm; uint64_t dice; } copying;
static int copy_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    const char *rel = path + strlen(copying.from) + 1;
    char to[256];
    snprintf(to, sizeof(to), "%s/%s", copying.to, rel);
    if (type == FTW_D) {
        mkdir(to, 0700);
    } else if (type == FTW_F && (powercut_survives(copying.from, rel, st->st_size) || (int)(dice(&copying.dice) % 1000) < copying.keep_pm)) {
        copy_file(path, to);
    }
    return 0;
}

/* The disk as it may be found after a cut now. The database stands still because its writer is here, the files because of the lock. */
static void put_aside(struct cut *c, int keep_pm, uint64_t seed) {
    char blob[128], to[128];
    snprintf(c->dir, sizeof(c->dir), "%.64s/cut%02d", live.t->dir, live.n % 100);
    snprintf(blob, sizeof(blob), "%s/blob", live.t->dir);
    mkdir(c->dir, 0700);
    pthread_mutex_lock(&lock);
    c->told = (enum task_state)live.told;
    if (powercut_image(c->dir, keep_pm, seed) < 0)
        abort();
    copying.from = live.t->dir;
    copying.to = c->dir;
    copying.keep_pm = keep_pm;
    copying.dice = seed;
    if (nftw(blob, copy_one, 16, FTW_PHYS) != 0)
        abort();
    pthread_mutex_unlock(&lock);
    static const char *const same[] = { "products", "share" };
    for (size_t i = 0; i < COUNT(same); i++) {
        snprintf(blob, sizeof(blob), "%s/%s", live.t->dir, same[i]);
        snprintf(to, sizeof(to), "%s/%s", c->dir, same[i]);
        if (symlink(blob, to) < 0)
            abort();
    }
}

static void before_op(void *arg, int64_t op) {
    static const int keep_pm[] = { 0, 500, 1000 };
    if (!live.cutting || op % live.every || live.n == CUTS_MAX)
        return;
    struct cut *c = &live.cuts[live.n];
    put_aside(c, keep_pm[live.n % 3], UINT64_C(88172645463325252) + (uint64_t)op);
    live.n++;
}

/* A person looks when the stream wakes: on the writer's thread, after the commit. */
static void on_wake(void *arg, int64_t topic) {
    struct task_row row;
    struct err e;
    if (topic == live.task && task__load(db_reader(live.t->db), topic, &row, &e) >= 0)
        live.told = (int)row.state;
    testing_wake(arg, topic);
}

static void look_at(struct testing *t, const struct cut *c) {
    struct testing after = *t;
    struct err *e = &after.e;
    int64_t swept;
    snprintf(after.dir, sizeof(after.dir), "%s", c->dir);
    testing_open(&after);
    struct task_row row = testing_row(&after, live.task);
    if (row.state < c->told)
        fail_msg("%s: its owner was told %s, the disk says %s", c->dir, task_state_name(c->told), task_state_name(row.state));
    testing_start(&after);
    testing_wait(&after, testing_is_decided, live.task, "a decision");
    row = testing_row(&after, live.task);
    if (row.state != TASK_CHOOSING || row.delivered != 2)
        fail_msg("%s: %s with %d pictures: %s", c->dir, task_state_name(row.state), row.delivered, row.error_text);
    testing_balance(&after, ME, 0, 0);
    testing_clean(&after);
    task_core_stop(after.core, 0);
    OK(blob_sweep(after.blobs, after.db, &swept, e));
    testing_clean(&after);
    testing_close(&after);
}

/* Runs one task on the forgetting disk, putting its leftovers aside. */
static void run_and_cut(struct testing *t, int every) {
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    live = (struct live){ .t = t, .every = every };
    n_names = n_syncs = 0;
    powercut_reset();
    powercut_setup(before_op, NULL);
    sqlite3_vfs_register(sqlite3_vfs_find(POWERCUT_VFS), /* make default= */ 1);
    t->use = "fake";
    t->script = "delay=3";
    testing_open(t);
    t->core->conf.wake_topic = on_wake;
    live.task = testing_buy(t, ME, ((struct testing_order){ "group", 1, 2, 1 }));
    live.cutting = true;
    testing_start(t);
    testing_expect(t, live.task, TASK_CHOOSING);
    live.cutting = false;
    testing_close(t);
    sqlite3_vfs_register(usual, /* make default= */ 1);
}

static void a_power_cut_at_any_moment_loses_nothing_that_was_told(void **state) {
    struct testing *t = *state;
    run_and_cut(t, 7);
    assert_in_range(live.n, 12, CUTS_MAX);
    bool seen[TASK_STATE_COUNT] = { 0 };
    for (int i = 0; i < live.n; i++) {
        seen[live.cuts[i].told] = true;
        look_at(t, &live.cuts[i]);
    }
    assert_true(seen[TASK_QUEUED] && seen[TASK_PREPARING] && seen[TASK_RUNNING]);   /* the cuts lay all along its life */
}

static void a_disk_that_lies_is_found_out(void **state) {
    struct testing *t = *state;
    ignore_file_syncs = true;
    run_and_cut(t, 7);
    ignore_file_syncs = false;
    int lost = 0;
    for (int i = 0; i < live.n; i += 3) {         /* those that keep nothing unsynced */
        struct testing after = *t;
        char first[240] = "";
        snprintf(after.dir, sizeof(after.dir), "%s", live.cuts[i].dir);
        testing_open(&after);
        lost += blob_verify(after.blobs, after.db, true, testing_note, first, &after.e) != 0 || first[0];
        testing_close(&after);
    }
    assert_true(lost > 0);                        /* else the check above would prove nothing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(a_power_cut_at_any_moment_loses_nothing_that_was_told),
        TESTING(a_disk_that_lies_is_found_out),
    };
    return cmocka_run_group_tests_name("powercut", tests, NULL, NULL);
}
