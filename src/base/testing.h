/*
 * testing.h - what the unit tests share: cmocka with the headers it needs, and checks in our own words.
 */
#ifndef ZT_BASE_TESTING_H
#define ZT_BASE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#define RUN(tests) cmocka_run_group_tests_name(__FILE__, (tests), NULL, NULL)

static inline void check_str_(struct str got, const char *want, const char *file, int line) {
    if (str_eqz(got, want))
        return;
    print_error("%s:%d: got  '%.*s'\n", file, line, STR_ARG(got));
    print_error("%s:%d: want '%s'\n", file, line, want);
    _fail(file, line);
}
#define check_str(got, want) check_str_((got), (want), __FILE__, __LINE__)
#define check_z(got, want) check_str_(str_z(got), (want), __FILE__, __LINE__)

/* The call failed with that code and a detail that contains the words. */
static inline void check_err_(int r, int code, const struct err *e, const char *words, const char *file, int line) {
    if (r == code && e->code == code && strstr(e->text, words))
        return;
    print_error("%s:%d: got %s, '%s'\n", file, line, r < 0 ? err_reason(r)->code : "success", r < 0 ? e->text : "");
    print_error("%s:%d: want %s with '%s'\n", file, line, err_reason(code)->code, words);
    _fail(file, line);
}
#define check_err(call, want_code, e, words) check_err_((call), (want_code), (e), (words), __FILE__, __LINE__)

/* Runs fn in a child; the wait status of its end. */
static inline int status_of(void (*fn)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        fn();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#endif
