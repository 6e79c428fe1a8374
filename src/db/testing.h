/*
 * testing.h - a database in a temporary folder, for the unit tests of db/ (others open theirs with db_open).
 * Used by: *_test.c only.
 */
#ifndef ZT_DB_TESTING_H
#define ZT_DB_TESTING_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>

#include "db/internal.h"

#define OK(call) \
    do { \
        int ok_r = (call); \
        if (ok_r < 0) \
            fail_msg("%s: %d %s", #call, ok_r, e->text); \
    } while (0)

static const char testing_sql[] = "CREATE TABLE IF NOT EXISTS parent (id BIGINT NOT NULL PRIMARY KEY);\n"
                                  "CREATE TABLE IF NOT EXISTS thing (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(64) UNIQUE,"
                                  " n BIGINT NOT NULL CHECK (n >= 0), parent_id BIGINT REFERENCES parent (id));\n"
                                  "CREATE TABLE IF NOT EXISTS child (id BIGINT NOT NULL PRIMARY KEY,"
                                  " parent_id BIGINT NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);";
static const struct embed_file testing_file = { "0001_test.sql", { testing_sql, sizeof(testing_sql) - 1 }, NULL, NULL };
static const struct embed_dir testing_dir = { &testing_file, 1 };

extern const struct db_driver db_sqlite;

struct testing {
    char        dir[64];
    struct db__conf conf;
    struct db  *d;
    struct err  e;
};

static inline int testing_rm(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

static inline void testing_open(struct testing *t) {
    struct err *e = &t->e;
    OK(db__open(&t->conf, &t->d, e));
}

static inline int testing_setup(void **state) {
    struct testing *t = calloc(1, sizeof(*t));
    snprintf(t->dir, sizeof(t->dir), "/tmp/zt-db-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    t->conf = (struct db__conf){
        .driver = &db_sqlite, .data_dir = t->dir, .busy_ms = 2000, .readers_max = 8, .lane_max = 1024, .cache_kib = 512,
        .checkpoint_bytes = 1 << 20, .truncate_bytes = 8 << 20, .migrations = &testing_dir,
    };
    testing_open(t);
    *state = t;
    return 0;
}

static inline int testing_teardown(void **state) {
    struct testing *t = *state;
    db_close(t->d);
    nftw(t->dir, testing_rm, 8, FTW_DEPTH | FTW_PHYS);
    free(t);
    return 0;
}

#define TESTING(fn) cmocka_unit_test_setup_teardown(fn, testing_setup, testing_teardown)

#endif
