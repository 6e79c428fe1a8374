/* cache_test.c - the contract of cache.h, run over every driver of drivers.def; then what only the memory driver promises. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "cache/driver.h"
#include "cache/table.h"

static struct err err, *e = &err;

/* The driver under test is the group's initial state: each test opens its own cache of that kind. */
static struct cache *open_cache(void **state, const char *bytes_max) {
    static const struct setting *const tables[] = { cache_settings, NULL };
    const struct cache_driver *d = *state;
    CLEANUP(config_free) struct config *cfg = NULL;
    struct cache *c = NULL;
    assert_int_equal(config_new(tables, &cfg, e), 0);
    assert_int_equal(config_set(cfg, "cache.driver", str_z(d->name), "test", e), 0);
    assert_int_equal(config_set(cfg, "cache.bytes_max", str_z(bytes_max), "test", e), 0);
    assert_int_equal(config_set(cfg, "cache.value_max", STR("4K"), "test", e), 0);
    assert_int_equal(cache_open(cfg, &c, e), 0);
    return c;
}

static bool has(struct cache *c, const char *key, const char *value) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1 << 20);
    int r = cache_get(c, str_z(key), &b, e);
    assert_true(r >= 0);
    return r == 1 && str_eqz(buf_str(&b), value);
}

static void the_driver_is_complete(void **state) {
    const struct cache_driver *d = *state;
    assert_true(d->name && d->open && d->close && d->get && d->set && d->del && d->take);
    assert_true(d->subscribe && d->unsubscribe && d->publish && d->stats);
}

static void values_come_back_until_their_end(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    assert_false(has(c, "a", ""));
    assert_int_equal(cache_set(c, STR("a"), STR("1"), 60000, e), 0);
    assert_int_equal(cache_set(c, STR("a\0b"), STR("zero"), 60000, e), 0);
    assert_int_equal(cache_set(c, STR("empty"), STR_NULL, 60000, e), 0);
    assert_true(has(c, "a", "1") && has(c, "empty", ""));
    assert_int_equal(cache_set(c, STR("a"), STR("two"), 600000, e), 0);
    assert_true(has(c, "a", "two"));
    clock_set_offset_ms(60001);
    assert_true(has(c, "a", "two"));
    assert_false(has(c, "empty", ""));
    clock_set_offset_ms(0);
    assert_int_equal(cache_del(c, STR("a"), e), 0);
    assert_int_equal(cache_del(c, STR("never"), e), 0);
    assert_false(has(c, "a", "two"));
    struct cache_stats st;
    cache_get_stats(c, &st);
    assert_true(st.hits == 4 && st.misses == 3);
}

static void limits_are_kept(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    static char big[5000], key[CACHE_KEY_MAX + 1] = "k";
    BUF_CLEANUP struct buf b;
    buf_init(&b, 10);
    assert_int_equal(cache_set(c, STR("k"), (struct str){ big, sizeof(big) }, 1000, e), ERR_TOO_BIG);
    assert_int_equal(cache_set(c, STR("k"), (struct str){ big, 4096 }, 1000, e), 0);
    assert_int_equal(cache_get(c, STR("k"), &b, e), ERR_TOO_BIG);
    assert_int_equal(cache_set(c, STR_NULL, STR("x"), 1000, e), ERR_BAD_INPUT);
    assert_int_equal(cache_set(c, (struct str){ key, sizeof(key) }, STR("x"), 1000, e), ERR_BAD_INPUT);
    assert_int_equal(cache_set(c, (struct str){ key, CACHE_KEY_MAX }, STR("x"), 1000, e), 0);
    assert_int_equal(cache_set(c, STR("k"), STR("x"), 0, e), ERR_BAD_INPUT);
    assert_int_equal(cache_set(c, STR("k"), STR("x"), INT64_MAX, e), ERR_BAD_INPUT);
}

static int take(struct cache *c, const char *key, int64_t cost, int64_t *wait_ms) {
    static const struct cache_rate rate = { .per_period = 10, .period_ms = 100000, .burst = 3 };     /* one every 10 s, three at once */
    return cache_take(c, str_z(key), &rate, cost, wait_ms, e);
}

static void a_rate_allows_a_burst_and_then_its_pace(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    int64_t wait = 0, at = 3600000;                      /* the steps are so long that the test's own time does not count */
    clock_set_offset_ms(at);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(c, "me", 1, &wait), 1);
    assert_int_equal(take(c, "me", 1, &wait), 0);
    assert_in_range(wait, 5000, 10000);
    assert_int_equal(take(c, "you", 1, &wait), 1);
    clock_set_offset_ms(at += 10001);
    assert_int_equal(take(c, "me", 1, &wait), 1);        /* being refused cost nothing */
    assert_int_equal(take(c, "me", 3, &wait), 0);
    assert_in_range(wait, 15000, 30000);
    clock_set_offset_ms(at += 1000000);
    assert_int_equal(take(c, "me", 3, &wait), 1);        /* rest is not saved up beyond the burst */
    assert_int_equal(take(c, "me", 1, &wait), 0);
    clock_set_offset_ms(at -= 3000000);
    assert_int_equal(take(c, "me", 1, &wait), 0);
    assert_in_range(wait, 1, 10000);                      /* a clock set back locks nobody out for longer than the burst */
    clock_set_offset_ms(0);
}

struct heard { int n; char last[16]; };
static void hear(void *arg, struct str message) {
    struct heard *h = arg;
    h->n++;
    snprintf(h->last, sizeof(h->last), "%.*s", STR_ARG(message));
}

static void messages_reach_who_listens(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    struct heard a = { 0 }, b = { 0 };
    struct cache_sub *one = NULL, *two = NULL, *other = NULL;
    assert_int_equal(cache_publish(c, STR("t"), STR("lost"), e), 0);
    assert_int_equal(cache_subscribe(c, STR("t"), hear, &a, &one, e), 0);
    assert_int_equal(cache_subscribe(c, STR("t"), hear, &a, &two, e), 0);
    assert_int_equal(cache_subscribe(c, STR("tt"), hear, &b, &other, e), 0);
    assert_int_equal(cache_publish(c, STR("t"), STR("hi"), e), 0);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.last, "hi");
    assert_int_equal(b.n, 0);
    cache_unsubscribe(one);
    assert_int_equal(cache_publish(c, STR("t"), STR("ho"), e), 0);
    assert_int_equal(a.n, 3);
    cache_unsubscribe(two);
    cache_unsubscribe(other);
    cache_unsubscribe(NULL);
    assert_int_equal(cache_publish(c, STR("t"), STR("x"), e), 0);
    assert_int_equal(a.n, 3);
}

struct crowd { struct cache *c; int64_t allowed; };
static void *crowd_main(void *arg) {
    struct crowd *w = arg;
    static const struct cache_rate rate = { .per_period = 1, .period_ms = 3600000, .burst = 100 };
    for (int i = 0; i < 500; i++) {
        char key[16];
        int n = snprintf(key, sizeof(key), "k%d", i % 50);
        w->allowed += cache_take(w->c, STR("all"), &rate, 1, NULL, NULL) == 1;
        cache_set(w->c, (struct str){ key, (size_t)n }, STR("value"), 1000, NULL);
        has(w->c, key, "value");
    }
    return NULL;
}

static void many_threads_share_one_rate(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    pthread_t th[4];
    struct crowd w[4];
    int64_t allowed = 0;
    for (int i = 0; i < 4; i++) {
        w[i] = (struct crowd){ .c = c };
        assert_int_equal(pthread_create(&th[i], NULL, crowd_main, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(th[i], NULL);
        allowed += w[i].allowed;
    }
    assert_int_equal(allowed, 100);
}

static void memory_is_bounded(void **state) {
    CLEANUP(cache_close) struct cache *c = open_cache(state, "1M");
    static char value[1000];
    struct cache_stats st;
    for (int i = 0; i < 5000; i++) {
        char key[16];
        int n = snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(cache_set(c, (struct str){ key, (size_t)n }, (struct str){ value, sizeof(value) }, 60000, e), 0);
        cache_get_stats(c, &st);
        assert_true(st.bytes <= 1 << 20);
    }
    assert_true(st.entries > 500 && st.evicted == 5000 - st.entries);
}

static void the_least_recently_used_goes_first(void **state) {
    struct table t;
    table_init(&t, 1 << 20, 3);
    for (const char *k = "abc"; *k; k++)
        table_set(&t, (struct str){ k, 1 }, (struct str){ k, 1 }, 100);
    assert_non_null(table_get(&t, STR("a"), 0));
    table_set(&t, STR("d"), STR("d"), 100);
    assert_null(table_get(&t, STR("b"), 0));
    assert_non_null(table_get(&t, STR("a"), 0));
    table_set(&t, STR("c"), STR("again"), 100);          /* replacing evicts nothing */
    assert_true(str_eqz(table_value(table_get(&t, STR("c"), 0)), "again"));
    assert_int_equal(t.n, 3);
    assert_int_equal(t.evicted, 1);
    assert_null(table_get(&t, STR("a"), 100));           /* past its end */
    assert_int_equal(t.n, 2);
    table_done(&t);
    table_init(&t, 100, 3);
    static char big[200];
    table_set(&t, STR("a"), (struct str){ big, sizeof(big) }, 100);
    assert_int_equal(t.n, 0);
    table_done(&t);
}

int main(void) {
    int failed = 0;
    for (const struct cache_driver *const *d = cache_drivers; *d; d++) {
        void *self = (void *)(uintptr_t)*d;
        const struct CMUnitTest contract[] = {
            cmocka_unit_test_prestate(the_driver_is_complete, self),
            cmocka_unit_test_prestate(values_come_back_until_their_end, self),
            cmocka_unit_test_prestate(limits_are_kept, self),
            cmocka_unit_test_prestate(a_rate_allows_a_burst_and_then_its_pace, self),
            cmocka_unit_test_prestate(messages_reach_who_listens, self),
            cmocka_unit_test_prestate(many_threads_share_one_rate, self),
            cmocka_unit_test_prestate(memory_is_bounded, self),
            cmocka_unit_test(the_least_recently_used_goes_first),
        };
        failed += cmocka_run_group_tests(contract, NULL, NULL);
    }
    return failed;
}
