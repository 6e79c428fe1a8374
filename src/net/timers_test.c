/* timers_test.c - whatever is set, moved and cleared, the first one is always the nearest. */
#include "net/timers.h"

#include "base/testing.h"

#define N 300

static void gives_the_nearest_first(void **state) {
    static struct timer t[N];
    struct timers h = { 0 };
    uint32_t x = 12345;
    assert_null(timers_first(&h));
    for (int step = 0; step < 20000; step++) {
        x = x * 1664525 + 1013904223;
        struct timer *one = &t[(x >> 8) % N];
        if (x >> 30)
            timers_set(&h, one, (int64_t)(x >> 16) % 1000);
        else
            timers_clear(&h, one);
        int64_t nearest = INT64_MAX;
        uint32_t set = 0;
        for (int i = 0; i < N; i++)
            if (t[i].pos) {
                set++;
                if (t[i].at_ms < nearest)
                    nearest = t[i].at_ms;
            }
        assert_int_equal(set, h.n);
        if (set)
            assert_true(timers_first(&h)->at_ms == nearest);
    }
    timers_done(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gives_the_nearest_first) };
    return RUN(tests);
}
