/* failpoint_test.c - each action in a child, counting, bad specs, re-arming by signal. */
#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/testing.h"

static void names_are_unique(void **state) {
    for (int i = 0; i < FP__COUNT; i++) {
        assert_non_null(strchr(failpoint_name((enum failpoint)i), '.'));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(failpoint_name((enum failpoint)i), failpoint_name((enum failpoint)k));
    }
}

static void unarmed_does_nothing(void **state) {
    assert_false(failpoint_armed);
    assert_int_equal(failpoint_hit(FP_DB_BEFORE_COMMIT), 0);
}

static void fails_with_the_errno_asked(void **state) {
    struct err e;
    assert_int_equal(failpoint_arm(STR("blob.after_write=enospc, blob.after_sync=eio"), &e), 0);
    errno = 0;
    assert_int_equal(failpoint_hit(FP_BLOB_AFTER_WRITE), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(failpoint_hit(FP_BLOB_AFTER_SYNC), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(failpoint_hit(FP_BLOB_AFTER_RENAME), 0);
    assert_int_equal(failpoint_arm(STR("\n"), &e), 0);
    assert_int_equal(failpoint_hit(FP_BLOB_AFTER_WRITE), 0);
    assert_false(failpoint_armed);
}

static void lets_the_first_hits_pass(void **state) {
    assert_int_equal(failpoint_arm(STR("task.after_claim=eio:after=2\n"), NULL), 0);
    assert_int_equal(failpoint_hit(FP_TASK_AFTER_CLAIM), 0);
    assert_int_equal(failpoint_hit(FP_TASK_AFTER_CLAIM), 0);
    assert_int_equal(failpoint_hit(FP_TASK_AFTER_CLAIM), -1);
    assert_int_equal(failpoint_hit(FP_TASK_AFTER_CLAIM), -1);
    failpoint_arm(STR_NULL, NULL);
}

static void every_pass_and_die(void) {
    int pipes[2];
    char said[400] = "";
    if (pipe(pipes) < 0)
        abort();
    dup2(pipes[1], 2);
    if (failpoint_arm(STR("*=list"), NULL) < 0 || failpoint_hit(FP_DB_AFTER_COMMIT) != 0 || failpoint_hit(FP_BLOB_AFTER_SYNC) != 0)
        _exit(1);
    if (failpoint_arm(STR("*=eio:after=1"), NULL) < 0 || failpoint_hit(FP_BLOB_AFTER_SYNC) != 0 || failpoint_hit(FP_DB_AFTER_COMMIT) != -1)
        _exit(2);
    if (read(pipes[0], said, sizeof(said) - 1) <= 0)
        _exit(3);
    const char *want = "{\"lv\":\"warn\",\"ev\":\"failpoint.hit\",\"n\":1,\"at\":\"db.after_commit\"}\n"
                       "{\"lv\":\"warn\",\"ev\":\"failpoint.hit\",\"n\":2,\"at\":\"blob.after_sync\"}\n"
                       "{\"lv\":\"warn\",\"ev\":\"failpoint.hit\",\"n\":2,\"at\":\"db.after_commit\"}\n";
    if (strcmp(said, want) != 0)
        _exit(4);
    failpoint_arm(STR("*=kill:after=1"), NULL);
    failpoint_hit(FP_DB_BEFORE_COMMIT);
    failpoint_hit(FP_DB_AFTER_COMMIT);
}

static void numbers_the_hits_of_all_points(void **state) {
    int status = status_of(every_pass_and_die);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void hit_killed(void) {
    failpoint_arm(STR("db.after_commit=kill"), NULL);
    failpoint_hit(FP_DB_AFTER_COMMIT);
}

static void hit_exit(void) {
    failpoint_arm(STR("db.after_commit=exit"), NULL);
    failpoint_hit(FP_DB_AFTER_COMMIT);
}

static void ends_the_process(void **state) {
    int killed = status_of(hit_killed), left = status_of(hit_exit);
    assert_true(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL);
    assert_true(WIFEXITED(left) && WEXITSTATUS(left) == 77);
}

static void refuses_bad_specs_whole(void **state) {
    static const char *const bad[] = { "nowhere=kill", "db.after_commit", "db.after_commit=", "db.after_commit=none", "db.after_commit=boom",
                                       "db.after_commit=eio:after=", "db.after_commit=eio:after=-1", "db.after_commit=eio:before=1",
                                       "db.after_commit=eio:", "blob.after_sync=eio,nowhere=kill", "blob.after_sync=list" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e = { 0 };
        check_err(failpoint_arm(str_z(bad[i]), &e), ERR_CONFIG, &e, "failpoint '");
        assert_false(failpoint_armed);
        assert_int_equal(failpoint_hit(FP_BLOB_AFTER_SYNC), 0);
    }
}

static void write_spec(const char *path, const char *spec) {
    FILE *f = fopen(path, "w");
    if (!f || fputs(spec, f) < 0 || fclose(f) != 0)
        abort();
}

/* In a child, because setup installs a signal handler and reads the environment. */
static void rearm_by_signal(void) {
    char path[] = "/tmp/failpoint-test-XXXXXX", said[200] = "";
    int pipes[2];
    if (mkstemp(path) < 0 || pipe(pipes) < 0)
        abort();
    write_spec(path, "db.after_commit=eio\n");
    setenv("ZOETROPE_FAILPOINT_FILE", path, 1);
    struct err e;
    if (failpoint_setup(&e) < 0 || failpoint_hit(FP_DB_AFTER_COMMIT) != -1)
        _exit(1);
    dup2(pipes[1], 2);
    write_spec(path, "blob.after_sync=enospc");
    raise(SIGUSR2);
    if (failpoint_hit(FP_DB_AFTER_COMMIT) != 0 || failpoint_hit(FP_BLOB_AFTER_SYNC) != -1)
        _exit(2);
    write_spec(path, "nonsense");
    raise(SIGUSR2);
    if (failpoint_armed)
        _exit(3);
    unlink(path);                                                /* no file: nothing armed, and that is no error */
    raise(SIGUSR2);
    if (read(pipes[0], said, sizeof(said) - 1) <= 0)
        _exit(4);
    const char *want = "{\"lv\":\"warn\",\"ev\":\"failpoint.set\"}\n"
                       "{\"lv\":\"error\",\"ev\":\"failpoint.refused\"}\n"
                       "{\"lv\":\"warn\",\"ev\":\"failpoint.set\"}\n";
    _exit(strcmp(said, want) == 0 ? 0 : 5);
}

static void setup_from_environment(void) {
    setenv("ZOETROPE_FAILPOINT", "db.after_commit=eio", 1);
    struct err e;
    if (failpoint_setup(&e) < 0 || failpoint_hit(FP_DB_AFTER_COMMIT) != -1)
        _exit(1);
    setenv("ZOETROPE_FAILPOINT", "db.after_commit=oops", 1);
    _exit(failpoint_setup(&e) == ERR_CONFIG ? 0 : 2);
}

static void follows_the_environment_and_the_signal(void **state) {
    assert_int_equal(status_of(setup_from_environment), 0);
    assert_int_equal(status_of(rearm_by_signal), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(unarmed_does_nothing),
        cmocka_unit_test(fails_with_the_errno_asked),
        cmocka_unit_test(lets_the_first_hits_pass),
        cmocka_unit_test(numbers_the_hits_of_all_points),
        cmocka_unit_test(ends_the_process),
        cmocka_unit_test(refuses_bad_specs_whole),
        cmocka_unit_test(follows_the_environment_and_the_signal),
    };
    return RUN(tests);
}
