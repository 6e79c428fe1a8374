/* few_test.c - see few.h. */
#include "base/few.h"
#include "base/testing.h"

static void it_holds_what_was_added_and_at_last_everything(void **state) {
    struct few f = { 0 };
    assert_false(few_has(&f, 0));
    for (int64_t id = 1; id <= FEW_MAX; id++)
        few_add(&f, id);
    assert_true(few_has(&f, 1) && few_has(&f, FEW_MAX));
    assert_false(few_has(&f, FEW_MAX + 1));
    for (int i = 0; i < 3; i++)
        few_add(&f, 7);
    assert_true(few_has(&f, FEW_MAX + 1));
    assert_int_equal(f.n, FEW_MAX + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_holds_what_was_added_and_at_last_everything) };
    return RUN(tests);
}
