/* arena_test.c - alignment, zeroes, limits, reuse. */
#include "base/arena.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/testing.h"

static void gives_aligned_zeroes(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    for (size_t n = 1; n < 500; n += 7) {
        unsigned char *p = arena_alloc(a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, n);                                      /* what a neighbour or a reset would show */
    }
}

static void blocks_do_not_overlap(void **state) {
    enum { N = 2000 };
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    unsigned char *all[N];
    for (int i = 0; i < N; i++)
        memset(all[i] = arena_alloc(a, (size_t)(i % 40) + 1), i & 0xFF, (size_t)(i % 40) + 1);
    for (int i = 0; i < N; i++)
        for (int k = 0; k <= i % 40; k++)
            assert_int_equal(all[i][k], i & 0xFF);
}

static void keeps_its_limit(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(100);
    assert_null(arena_try(a, 113));                              /* 100 rounds up to 112 */
    assert_non_null(arena_try(a, 64));
    assert_null(arena_try(a, 49));
    assert_non_null(arena_try(a, 33));
    assert_int_equal(arena_used(a), 112);
    assert_null(arena_try(a, 0));
    assert_null(arena_try(a, 1));
    assert_null(arena_try(a, SIZE_MAX));
    assert_null(arena_try(a, SIZE_MAX - 100));
}

static void many_small_ones_cannot_pass_the_limit(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(16000);
    size_t n = 0;
    while (arena_try(a, n % 2))
        n++;
    assert_int_equal(n, 1000);
}

static void reset_gives_everything_back(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(200 * 112);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            unsigned char *p = arena_try(a, 100);
            assert_non_null(p);
            assert_int_equal(p[99], 0);
            memset(p, 0xFF, 100);
        }
        assert_null(arena_try(a, 1));
        arena_reset(a);
        assert_int_equal(arena_used(a), 0);
    }
    arena_reset(a);
    arena_free(NULL);
}

static void copies_and_prints(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(4096);
    struct str s = arena_str(a, STR("a\0b"));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 4);                         /* with the NUL behind */
    check_z(arena_strz(a, STR_NULL), "");
    check_str(arena_printf(a, "%s-%d", "x", 7), "x-7");
    check_str(arena_printf(a, "%s", ""), "");
    int64_t *v = ARENA_ARRAY(a, int64_t, 3);
    assert_true(v[0] == 0 && v[2] == 0);
}

static void ask_too_much(void) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    arena_alloc(arena_new(100), 113);
}

static void ask_an_overflow(void) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    ARENA_ARRAY(arena_new(SIZE_MAX / 2), int64_t, SIZE_MAX / 4);
}

static void our_own_mistakes_end_the_process(void **state) {
    assert_int_equal(WTERMSIG(status_of(ask_too_much)), SIGABRT);
    assert_int_equal(WTERMSIG(status_of(ask_an_overflow)), SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_zeroes),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(keeps_its_limit),
        cmocka_unit_test(many_small_ones_cannot_pass_the_limit),
        cmocka_unit_test(reset_gives_everything_back),
        cmocka_unit_test(copies_and_prints),
        cmocka_unit_test(our_own_mistakes_end_the_process),
    };
    return RUN(tests);
}
