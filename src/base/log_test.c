/* log_test.c - lines read back as JSON, escaping, cutting, one write a line under threads. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/testing.h"

/* A datagram socket keeps every write(2) apart, so "one line, one write" can be seen. */
static int ends[2];
static char line[70000];

static int setup(void **state) {
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    log_setup(ends[0], LOG_INFO);
    log_ctx_set((struct log_ctx){ 0 });
    return 0;
}

static int teardown(void **state) {
    log_setup(2, LOG_INFO);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* What the next single write was, without its newline; fails when there was none. */
static struct str next_line(void) {
    ssize_t n = recv(ends[1], line, sizeof(line) - 1, 0);
    assert_true(n > 1);
    assert_int_equal(line[n - 1], '\n');
    assert_null(memchr(line, '\n', (size_t)n - 1));
    return (struct str){ line, (size_t)n - 1 };
}

static json_t *next_json(void) {
    json_t *j = NULL;
    struct err e = { 0 };
    if (json_read(next_line(), &j, &e) < 0)
        fail_msg("%s", e.text);
    return j;
}

static void says_time_level_event_and_fields(void **state) {
    log_event(LOG_WARN, "task.done", F_STR("engine", "local"), F_INT("took_ms", -7), F_BOOL("paid", true), F_STR("none", NULL));
    struct str s = next_line();
    static const char shape[] = "{\"t\":\"2026-11-21T01:39:21.123Z\"", rest[] = ",\"lv\":\"warn\",\"ev\":\"task.done\",\"engine\":\"local\","
                                "\"took_ms\":-7,\"paid\":true,\"none\":null}";
    assert_int_equal(s.n, strlen(shape) + strlen(rest));
    assert_memory_equal(s.p, "{\"t\":\"2", 7);
    assert_memory_equal(s.p + strlen(shape), rest, strlen(rest));
}

static void adds_the_context_of_the_thread(void **state) {
    log_ctx_set((struct log_ctx){ .req = 1, .account = 32 });
    log_event(LOG_INFO, "x");
    log_ctx_set((struct log_ctx){ 0 });
    assert_int_equal(log_ctx_get().req, 0);
    CLEANUP(json_unref) json_t *j = next_json();
    assert_string_equal(json_string_value(json_object_get(j, "req")), "req_0000000000001");
    assert_string_equal(json_string_value(json_object_get(j, "acct")), "acct_0000000000010");
    assert_null(json_object_get(j, "task"));
}

static void drops_what_is_below_the_level(void **state) {
    log_event(LOG_DEBUG, "quiet");
    assert_int_equal(recv(ends[1], line, sizeof(line), 0), -1);
    log_setup(ends[0], LOG_DEBUG);
    log_event(LOG_DEBUG, "loud");
    CLEANUP(json_unref) json_t *j = next_json();
    assert_string_equal(json_string_value(json_object_get(j, "lv")), "debug");
}

static void keeps_hostile_text_on_one_line(void **state) {
    log_event(LOG_INFO, "x", F_STRN("v", STR("a\"b\\c\n{\"ev\":\"forged\"}\r\t\x01\x7F\x1B[31m\xFF\xC0\xAF\xED\xA0\x80 照片")));
    struct str s = next_line();
    const char *want = "\"v\":\"a\\\"b\\\\c\\n{\\\"ev\\\":\\\"forged\\\"}\\r\\t\\u0001\\u007f\\u001b[31m"
                       "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD 照片\"}";
    assert_non_null(memmem(s.p, s.n, want, strlen(want)));
}

static void keeps_errno(void **state) {
    errno = ERANGE;
    log_event(LOG_INFO, "x");
    assert_int_equal(errno, ERANGE);
    close(ends[0]);
    close(ends[1]);
    log_event(LOG_INFO, "nobody listens");
    assert_int_equal(errno, ERANGE);
    assert_int_equal(setup(NULL), 0);
}

static void cuts_long_fields_and_long_lines(void **state) {
    static char big[70000];
    memset(big, 'a', sizeof(big) - 1);
    log_event(LOG_INFO, "x", F_STRN("big", ((struct str){ big, 2049 })));
    CLEANUP(json_unref) json_t *one = next_json();
    assert_int_equal(json_string_length(json_object_get(one, "big")), 2048);
    assert_null(json_object_get(one, "cut"));

    memset(big, 1, sizeof(big) - 1);                             /* each byte becomes six */
    log_event(LOG_INFO, "x", F_STR("f1", big), F_STR("f2", big), F_INT("f3", 3));
    struct str s = next_line();
    assert_true(s.n < 16384);
    CLEANUP(json_unref) json_t *two = NULL;
    assert_int_equal(json_read(s, &two, NULL), 0);
    assert_non_null(json_object_get(two, "f1"));
    assert_null(json_object_get(two, "f2"));
    assert_true(json_is_true(json_object_get(two, "cut")));
}

enum { THREADS = 4, LINES = 500 };

static void *chatter(void *arg) {
    for (int i = 0; i < LINES; i++)
        log_event(LOG_INFO, "chatter", F_INT("thread", (intptr_t)arg), F_STR("pad", "0123456789012345678901234567890123456789"));
    return NULL;
}

static void threads_do_not_mix_lines(void **state) {
    char path[] = "/tmp/log-test-XXXXXX";
    int fd = mkostemp(path, O_APPEND);
    assert_true(fd >= 0);
    log_setup(fd, LOG_INFO);
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, chatter, (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    FILE *f = fdopen(fd, "r");
    rewind(f);
    int lines = 0;
    while (fgets(line, sizeof(line), f)) {
        CLEANUP(json_unref) json_t *j = NULL;
        assert_int_equal(json_read(str_z(line), &j, NULL), 0);
        lines++;
    }
    fclose(f);
    unlink(path);
    assert_int_equal(lines, THREADS * LINES);
}

int main(void) {
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(says_time_level_event_and_fields),
        EACH(adds_the_context_of_the_thread),
        EACH(drops_what_is_below_the_level),
        EACH(keeps_hostile_text_on_one_line),
        EACH(keeps_errno),
        EACH(cuts_long_fields_and_long_lines),
        EACH(threads_do_not_mix_lines),
    };
    return RUN(tests);
}
