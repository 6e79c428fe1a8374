/* clock_test.c - dates with known answers, the offset and its file. */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/testing.h"

static void check_dates(int64_t ms, const char *rfc3339, const char *http) {
    char a[25], b[30];
    clock_rfc3339(ms, a);
    clock_http_date(ms, b);
    check_z(a, rfc3339);
    check_z(b, http);
}

static void writes_known_dates(void **state) {
    check_dates(0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT");
    check_dates(784111777000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT");     /* RFC 9110, 5.6.7 */
    check_dates(1795225161123, "2026-11-21T01:39:21.123Z", "Sat, 21 Nov 2026 01:39:21 GMT");
    check_dates(951782399999, "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 GMT");
    check_dates(951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT");
    check_dates(-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT");
    check_dates(-62167219200000, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT");
    check_dates(INT64_MIN, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT");
    check_dates(253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT");
    check_dates(INT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void agrees_with_the_system(void **state) {
    int64_t before = (int64_t)time(NULL) * 1000, now = clock_ms();
    assert_in_range(now, before, before + 60000);
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    assert_true(us / 1000 <= ms && ms <= us / 1000 + 60000);
}

static void offset_moves_wall_time_only(void **state) {
    int64_t mono = clock_mono_ms(), wall = clock_ms();
    clock_set_offset_ms(-86400000);
    assert_in_range(clock_ms() + 86400000, wall, wall + 60000);
    assert_in_range(clock_mono_ms(), mono, mono + 60000);
    clock_set_offset_ms(0);
}

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Whole days that clock_ms() is ahead; waits (no longer than a minute) until that is `want`, or gives what it is. */
static int64_t days_ahead(int64_t want) {
    int64_t end = clock_mono_ms() + 60000, days;
    do
        days = (clock_ms() - (int64_t)time(NULL) * 1000 + 43200000) / 86400000;
    while (days != want && clock_mono_ms() < end);
    return days;
}

static void follows_the_offset_file(void **state) {
    char path[] = "/tmp/clock-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    put(path, "172800000\n");
    clock_setup(path);
    assert_int_equal(days_ahead(2), 2);
    put(path, "864000000");
    assert_int_equal(days_ahead(10), 10);
    put(path, "one week\n");                                     /* nonsense keeps the last offset ... */
    int64_t end = clock_mono_ms() + 250;
    while (clock_mono_ms() < end)
        assert_int_equal(days_ahead(10), 10);
    unlink(path);                                                /* ... and so does no file */
    end = clock_mono_ms() + 250;
    while (clock_mono_ms() < end)
        assert_int_equal(days_ahead(10), 10);
    clock_setup(NULL);
    clock_set_offset_ms(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_known_dates),
        cmocka_unit_test(agrees_with_the_system),
        cmocka_unit_test(offset_moves_wall_time_only),
        cmocka_unit_test(follows_the_offset_file),
    };
    return RUN(tests);
}
