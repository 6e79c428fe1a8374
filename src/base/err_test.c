/* err_test.c - codes, details and the table of reasons. */
#include "base/err.h"

#include <errno.h>

#include "base/testing.h"

static void sets_code_and_detail(void **state) {
    struct err e = { 0 };
    assert_int_equal(err_set(&e, ERR_BAD_INPUT, "page %d of %s", 3, "x"), ERR_BAD_INPUT);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    check_z(e.text, "page 3 of x");
    assert_int_equal(err_set(NULL, ERR_RACE, "nobody reads this"), ERR_RACE);
}

static void takes_its_own_text_as_argument(void **state) {
    struct err e;
    err_set(&e, ERR_IO, "inner");
    err_set(&e, ERR_DB, "outer: %s", e.text);
    check_z(e.text, "outer: inner");
}

static void system_errors_name_their_cause(void **state) {
    struct err e;
    errno = ENOENT;
    assert_int_equal(err_sys(&e, ERR_IO, "open %s", "f"), ERR_IO);
    check_z(e.text, "open f: No such file or directory");
}

static void a_full_disk_is_always_called_so(void **state) {
    struct err e;
    errno = ENOSPC;
    assert_int_equal(err_sys(&e, ERR_IO, "write"), ERR_DISK_FULL);
    assert_int_equal(e.code, ERR_DISK_FULL);
    errno = EDQUOT;
    assert_int_equal(err_sys(NULL, ERR_IO, "write"), ERR_DISK_FULL);
}

static void prefix_stands_in_front(void **state) {
    struct err e;
    err_set(&e, ERR_CONFIG, "bad");
    assert_int_equal(err_prefix(&e, "%s:%d: ", "a.yaml", 3), ERR_CONFIG);
    check_z(e.text, "a.yaml:3: bad");
}

static void long_details_are_cut_between_characters(void **state) {
    struct err e;
    char filler[300];
    for (size_t n = 225; n < 245; n++) {
        memset(filler, 'x', n);
        filler[n] = 0;
        err_set(&e, ERR_IO, "%s\xE7\x85\xA7\xF0\x9F\x98\x80", filler);
        assert_true(strlen(e.text) < sizeof(e.text));
        assert_true(strlen(e.text) == n + 7 || strlen(e.text) >= sizeof(e.text) - 4);
        assert_true(str_utf8(str_z(e.text)));
        err_prefix(&e, "\xE7\x85\xA7");
        assert_true(str_utf8(str_z(e.text)));
    }
}

static void every_reason_is_whole(void **state) {
    for (int code = ERR__BASE + 1; code < ERR__END; code++) {
        const struct reason *r = err_reason(code);
        assert_int_equal(r->err, code);
        assert_in_range(r->http, 400, 599);
        assert_ptr_equal(err_reason_of(r->code), r);             /* so no code is used twice */
        assert_int_equal(strspn(r->code, "abcdefghijklmnopqrstuvwxyz_"), strlen(r->code));
        const char *texts[] = { r->en, r->next_en, r->zh, r->next_zh };
        for (size_t i = 0; i < COUNT(texts); i++) {
            assert_true(strlen(texts[i]) > 5);
            assert_true(str_utf8(str_z(texts[i])));
            assert_null(strchr(texts[i], '%'));
        }
    }
}

static void unknown_codes_are_internal(void **state) {
    assert_int_equal(err_reason(0)->err, ERR_INTERNAL);
    assert_int_equal(err_reason(ERR__BASE)->err, ERR_INTERNAL);
    assert_int_equal(err_reason(ERR__END)->err, ERR_INTERNAL);
    assert_int_equal(err_reason(-5000)->err, ERR_INTERNAL);
    assert_null(err_reason_of("no_such_code"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_and_detail),
        cmocka_unit_test(takes_its_own_text_as_argument),
        cmocka_unit_test(system_errors_name_their_cause),
        cmocka_unit_test(a_full_disk_is_always_called_so),
        cmocka_unit_test(prefix_stands_in_front),
        cmocka_unit_test(long_details_are_cut_between_characters),
        cmocka_unit_test(every_reason_is_whole),
        cmocka_unit_test(unknown_codes_are_internal),
    };
    return RUN(tests);
}
