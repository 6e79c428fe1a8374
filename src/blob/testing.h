/* testing.h - a store and its database in a temporary folder, for the unit tests of blob/. */
#ifndef ZT_BLOB_TESTING_H
#define ZT_BLOB_TESTING_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/log.h"
#include "blob/internal.h"
#include "db/db.h"

#define OK(call) \
    do { \
        int ok_r = (call); \
        if (ok_r < 0) \
            fail_msg("%s: %d %s", #call, ok_r, e->text); \
    } while (0)

struct testing {
    char        dir[64];
    struct config *cfg;
    struct db  *d;
    struct blob_store *s;
    struct arena *a;
    struct err  e;
};

static inline int testing_rm(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

static inline void testing_open(struct testing *t) {
    struct err *e = &t->e;
    OK(db_open(t->cfg, t->dir, false, &t->d, e));
    OK(blob_open(t->cfg, t->dir, &t->s, e));
}

static inline void testing_close(struct testing *t) {
    blob_close(t->s);
    db_close(t->d);
    t->s = NULL;
    t->d = NULL;
}

static inline int testing_setup(void **state) {
    static const struct setting *const tables[] = { db_settings, blob_settings, NULL };
    struct testing *t = calloc(1, sizeof(*t));
    struct err *e = &t->e;
    log_setup(2, LOG_WARN);
    snprintf(t->dir, sizeof(t->dir), "/tmp/zt-blob-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    t->a = arena_new(1 << 20);
    OK(config_new(tables, &t->cfg, e));
    OK(config_set(t->cfg, "blob.reserve_bytes", STR("0"), "test", e));
    OK(config_set(t->cfg, "blob.grace", STR("0s"), "test", e));
    OK(config_set(t->cfg, "upload.commit_bytes", STR("64K"), "test", e));
    testing_open(t);
    *state = t;
    return 0;
}

static inline int testing_teardown(void **state) {
    struct testing *t = *state;
    failpoint_arm(STR_NULL, NULL);
    testing_close(t);
    nftw(t->dir, testing_rm, 8, FTW_DEPTH | FTW_PHYS);
    config_free(t->cfg);
    arena_free(t->a);
    free(t);
    return 0;
}

#define TESTING(fn) cmocka_unit_test_setup_teardown(fn, testing_setup, testing_teardown)

static int testing_files;
static inline int testing_count(const char *path, const struct stat *st, int type, struct FTW *at) {
    testing_files += type == FTW_F;
    return 0;
}

/* How many files stand below <data>/<name>. */
static inline int files_in(struct testing *t, const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    testing_files = 0;
    nftw(path, testing_count, 8, FTW_PHYS);
    return testing_files;
}

/* Runs fn in a child process with a failpoint armed; the store and the database are closed meanwhile. Returns how the child ended. */
static inline int run_in_child(struct testing *t, const char *spec, void (*fn)(struct testing *t)) {
    testing_close(t);
    pid_t pid = fork();
    if (pid == 0) {
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
        testing_open(t);
        if (failpoint_arm(str_z(spec), &t->e) < 0)
            _exit(9);
        fn(t);
        _exit(0);
    }
    int status = 0;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    testing_open(t);
    return status;
}

#endif
