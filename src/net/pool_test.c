/* pool_test.c - the bound of the queue, steps that are never refused, and the end. */
#include "net/pool.h"

#include <pthread.h>

#include "base/testing.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int running, done;
static bool open_gate;

static void wait_at_gate(struct pool_job *j) {
    pthread_mutex_lock(&lock);
    running++;
    pthread_cond_broadcast(&changed);
    while (!open_gate)
        pthread_cond_wait(&changed, &lock);
    done++;
    pthread_mutex_unlock(&lock);
}

static void bounds_new_work_only(void **state) {
    struct pool *p;
    struct pool_job job[8] = { 0 };
    struct pool_stats st;
    assert_int_equal(pool_new(&(struct pool_conf){ .threads = 2, .queue_max = 3, .target_us = 50000, .bulk_target_us = 50000 }, &p, NULL), 0);
    for (int i = 0; i < 8; i++)
        job[i].run = wait_at_gate;
    assert_true(pool_submit(p, &job[0]) && pool_submit(p, &job[1]));
    pthread_mutex_lock(&lock);
    while (running < 2)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    assert_true(pool_submit(p, &job[2]) && pool_submit(p, &job[3]) && pool_submit(p, &job[4]));
    assert_false(pool_submit(p, &job[5]));
    pool_continue(p, &job[6]);
    pool_get_stats(p, &st);
    assert_true(st.queued == 4 && st.busy == 2 && st.refused == 1);
    pthread_mutex_lock(&lock);
    open_gate = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pool_free(p);                                        /* runs what is queued */
    assert_int_equal(done, 6);
}

static int bulk_at;                                      /* how many ran before it */
static void count_run(struct pool_job *j) {
    pthread_mutex_lock(&lock);
    if (j->line == POOL_BULK)
        bulk_at = done;
    done++;
    pthread_mutex_unlock(&lock);
}

static void bulk_has_its_turn_while_there_is_always_something_else(void **state) {
    struct pool *p;
    struct pool_job gate = { .run = wait_at_gate }, job[100] = { 0 };
    running = done = 0;
    open_gate = false;
    bulk_at = -1;
    assert_int_equal(pool_new(&(struct pool_conf){ .threads = 1, .queue_max = 200, .target_us = 50000, .bulk_target_us = 50000 }, &p, NULL), 0);
    assert_true(pool_submit(p, &gate));
    pthread_mutex_lock(&lock);
    while (running < 1)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 100; i++) {
        job[i] = (struct pool_job){ .run = count_run, .line = i ? POOL_NORMAL : POOL_BULK };
        assert_true(pool_submit(p, &job[i]));
    }
    pthread_mutex_lock(&lock);
    open_gate = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pool_free(p);
    assert_int_equal(done, 101);
    assert_in_range(bulk_at, 2, 20);                     /* neither first nor last */
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(bounds_new_work_only),
                                        cmocka_unit_test(bulk_has_its_turn_while_there_is_always_something_else) };
    return RUN(tests);
}
