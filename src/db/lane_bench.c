/*
 * lane_bench.c - durable writes a second through the write lane; built with the tests, not run by them.
 * usage: lane_bench FOLDER SECONDS SUBMITTERS...     FOLDER: on the disk to measure; it is left empty
 * Each submitter hands in its next write (one INSERT) when the one before was answered, as event threads do. One JSON line each.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/internal.h"

#define SUBMITTERS_MAX 4096

DB_SQL(add, "INSERT INTO bench (id, account_id, what, amount) VALUES (?, ?, ?, ?)");

static const char bench_sql[] = "CREATE TABLE IF NOT EXISTS bench (id BIGINT NOT NULL PRIMARY KEY, account_id BIGINT NOT NULL,"
                                "what VARCHAR(64) NOT NULL, amount BIGINT NOT NULL);"
                                "CREATE INDEX IF NOT EXISTS bench_account ON bench (account_id);";
static const struct embed_file bench_file = { "0001_bench.sql", { bench_sql, sizeof(bench_sql) - 1 }, NULL, NULL };
static const struct embed_dir bench_dir = { &bench_file, 1 };
extern const struct db_driver db_sqlite;

struct run {
    struct db     *d;
    int64_t        end_us;
    atomic_llong   next_id, wait_us_sum, wait_us_max;
    sem_t          idle;                  /* posted by each submitter when the time is up */
};

struct submitter {
    struct db_write write;                /* first: done() gets its address */
    struct run     *run;
    int64_t         began_us;
};

static int add_row(struct db_tx *tx, void *arg, struct err *e) {
    struct submitter *s = arg;
    int64_t id = atomic_fetch_add(&s->run->next_id, 1);
    return db_run(tx, NULL, e, &add, DB_INT(id), DB_INT(id * 7919 % 10007), DB_TEXT("hold"), DB_INT(10));
}

static void submit(struct submitter *s) {
    struct err e;
    s->began_us = clock_mono_us();
    if (db_submit(s->run->d, &s->write, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
}

static void answered(struct db_write *w) {
    struct submitter *s = (struct submitter *)w;
    int64_t now_us = clock_mono_us(), took_us = now_us - s->began_us;
    if (w->rc < 0) {
        fprintf(stderr, "%s\n", w->err.text);
        exit(1);
    }
    atomic_fetch_add(&s->run->wait_us_sum, took_us);
    if (took_us > atomic_load(&s->run->wait_us_max))
        atomic_store(&s->run->wait_us_max, took_us);
    if (now_us < s->run->end_us)
        submit(s);
    else
        sem_post(&s->run->idle);
}

static void measure(struct run *r, struct submitter *all, int n, int64_t seconds) {
    struct db_stats before, after;
    db_get_stats(r->d, &before);
    int64_t began_us = clock_mono_us();
    r->end_us = began_us + seconds * 1000000;
    r->wait_us_sum = r->wait_us_max = 0;
    for (int i = 0; i < n; i++) {
        all[i] = (struct submitter){ .write = { .fn = add_row, .arg = &all[i], .done = answered }, .run = r };
        submit(&all[i]);
    }
    for (int i = 0; i < n; i++)
        sem_wait(&r->idle);
    double took_s = (double)(clock_mono_us() - began_us) / 1e6;
    db_get_stats(r->d, &after);
    int64_t writes = after.writes - before.writes, batches = after.batches - before.batches;
    printf("{\"submitters\":%d,\"writes_per_s\":%.0f,\"commits_per_s\":%.0f,\"writes_per_commit\":%.1f,\"commit_us\":%.0f,\"wait_us\":%.0f,\"wait_us_max\":%lld}\n",
           n, (double)writes / took_s, (double)batches / took_s, (double)writes / (double)batches,
           (double)(after.commit_us_sum - before.commit_us_sum) / (double)batches, (double)r->wait_us_sum / (double)writes,
           (long long)r->wait_us_max);
}

int main(int argc, char **argv) {
    static struct submitter all[SUBMITTERS_MAX];
    struct run r = { 0 };
    struct err e = { 0 };
    int64_t seconds = 0, n = 0;
    if (argc < 4 || str_int(str_z(argv[2]), 1, 3600, &seconds) < 0) {
        fputs("usage: lane_bench FOLDER SECONDS SUBMITTERS...\n", stderr);
        return 2;
    }
    log_setup(2, LOG_WARN);
    struct db__conf conf = { .driver = &db_sqlite, .data_dir = argv[1], .busy_ms = 5000, .readers_max = 4, .lane_max = SUBMITTERS_MAX,
                             .cache_kib = 2048, .checkpoint_bytes = 4 << 20, .truncate_bytes = 64 << 20, .migrations = &bench_dir };
    if (db__open(&conf, &r.d, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    sem_init(&r.idle, 0, 0);
    for (int i = 3; i < argc; i++)
        if (str_int(str_z(argv[i]), 1, SUBMITTERS_MAX, &n) == 0)
            measure(&r, all, (int)n, seconds);
    db_close(r.d);
    char path[4096];
    const char *leaves[] = { "zoetrope.db", "zoetrope.lock" };
    for (size_t i = 0; i < COUNT(leaves); i++) {
        snprintf(path, sizeof(path), "%s/%s", argv[1], leaves[i]);
        unlink(path);
    }
    return 0;
}
