/* admission_test.c - bursts, pressure, the order of classes, recovery, Retry-After; on a clock of the test's own. */
#include "net/admission.h"

#include "base/testing.h"

#define MS     INT64_C(1000)
#define TARGET (50 * MS)

static const enum traffic_class all[] = { TRAFFIC_SETTLE, TRAFFIC_SIGN_IN, TRAFFIC_READ, TRAFFIC_UPLOAD, TRAFFIC_CREATE, TRAFFIC_FEED };
#define N_ALL ((int)(sizeof all / sizeof all[0]))

/* Waits of `ms`, one a millisecond, for so long. */
static void wait_for(struct admission *a, int64_t ms, int64_t *now_us, int64_t long_ms) {
    for (int64_t i = 0; i < long_ms; i++)
        admission_note(a, ms * MS, *now_us += MS);
}

static int admitted(const struct admission *a, int64_t now_us) {
    int n = 0;
    for (int i = 0; i < N_ALL; i++) {
        bool ok = admission_ask(a, all[i], 0, now_us);
        assert_true(!ok || n == i);                     /* nobody passes who stands lower than one who does not */
        n += ok;
    }
    assert_true(admission_ask(a, TRAFFIC_PAYMENT, 3, now_us) && admission_ask(a, TRAFFIC_OPERATE, 3, now_us));
    return n;
}

static void a_burst_may_wait(void **state) {
    struct admission a;
    int64_t now = MS;
    admission_init(&a, TARGET);
    wait_for(&a, 120, &now, 90);                        /* a window has not passed yet */
    assert_false(admission_pressed(&a));
    assert_int_equal(admitted(&a, now), N_ALL);
    wait_for(&a, 1, &now, 1);                           /* one that found the line empty: it drains */
    wait_for(&a, 120, &now, 9);
    assert_false(admission_pressed(&a));
    wait_for(&a, 1000, &now, 50);                       /* the machine stood still */
    assert_int_equal(admitted(&a, now), N_ALL);
    wait_for(&a, 1000, &now, 1);
    assert_int_equal(admitted(&a, now), 0);             /* but not for ever */
    assert_false(admission_pressed(&a));
}

/* The machine stood still for 400 ms. per_ms: how much less the next one waited, a millisecond later. Returns how many milliseconds all were let in. */
static int all_let_in(int per_ms) {
    struct admission a;
    int64_t now = MS;
    int n = 0;
    admission_init(&a, TARGET);
    wait_for(&a, 1, &now, 1);
    for (int wait = 400; wait > 0 && n < 99; wait -= per_ms, n++) {
        wait_for(&a, wait, &now, 1);
        if (admitted(&a, now) < N_ALL)
            break;
    }
    return n;
}

static void a_line_that_drains_is_served(void **state) {
    assert_int_equal(all_let_in(5), 80);                /* to its end */
    assert_int_equal(all_let_in(2), 99);                /* not within a target, yet well before a window is over */
    assert_int_equal(all_let_in(0), 50);                /* as much comes as is done: the first target's time only */
}

static void lower_classes_go_first(void **state) {
    static const struct { int64_t ms; int n; } rows[] = { { 45, 6 }, { 50, 6 }, { 51, 5 }, { 60, 5 }, { 61, 4 }, { 75, 3 }, { 90, 2 }, { 91, 1 }, { 101, 0 } };
    struct admission a;
    int64_t now = MS;
    admission_init(&a, TARGET);
    wait_for(&a, 60, &now, 102);
    assert_true(admission_pressed(&a));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wait_for(&a, rows[i].ms, &now, 1);
        assert_int_equal(admitted(&a, now), rows[i].n);
    }
}

static void demerits_stay_within_the_class(void **state) {
    struct admission a;
    int64_t now = MS;
    admission_init(&a, TARGET);
    wait_for(&a, 60, &now, 102);
    wait_for(&a, 78, &now, 1);                          /* readers: 80 ms; each demerit: 3 */
    assert_true(admission_ask(&a, TRAFFIC_READ, 0, now));
    assert_false(admission_ask(&a, TRAFFIC_READ, 1, now));
    wait_for(&a, 70, &now, 1);
    assert_true(admission_ask(&a, TRAFFIC_READ, 3, now));
    wait_for(&a, 72, &now, 1);
    assert_false(admission_ask(&a, TRAFFIC_READ, 3, now));
    assert_false(admission_ask(&a, TRAFFIC_UPLOAD, 0, now));
}

static void recovers(void **state) {
    struct admission a;
    int64_t now = MS;
    admission_init(&a, TARGET);
    wait_for(&a, 60, &now, 102);
    wait_for(&a, 30, &now, 300);                        /* better, but not well: no to and fro at the edge */
    assert_true(admission_pressed(&a));
    wait_for(&a, 20, &now, 302);
    wait_for(&a, 30, &now, 202);                        /* not yet, then: from the beginning */
    wait_for(&a, 20, &now, 302);
    assert_true(admission_pressed(&a));
    wait_for(&a, 20, &now, 202);
    assert_false(admission_pressed(&a));
    wait_for(&a, 60, &now, 202);
    assert_true(admission_pressed(&a));
    now += 60 * 1000 * MS;                              /* then nobody came */
    assert_int_equal(admitted(&a, now), N_ALL);
    wait_for(&a, 1, &now, 1);
    assert_false(admission_pressed(&a));
}

static void a_pause_is_no_pressure(void **state) {
    struct admission a;
    int64_t now = MS;
    admission_init(&a, TARGET);
    for (int i = 0; i < 10; i++) {                      /* one slow one a second */
        admission_note(&a, 70 * MS, now);
        now += 1000 * MS;
    }
    assert_false(admission_pressed(&a));
}

/* A line whose every item takes 1 ms, asked by ten times as many: it is served without a gap, and nobody waits longer than three targets. */
static void keeps_the_line_full_and_short(void **state) {
    struct admission a;
    struct admission_ticket line[4096];
    int64_t now = MS, served = 0, waited_most = 0;
    unsigned first = 0, last = 0;
    admission_init(&a, TARGET);
    for (int ms = 0; ms < 10000; ms++, now += MS) {
        if (first != last) {
            const struct admission_ticket *t = &line[first++ % 4096];
            waited_most = now - t->at_us > waited_most ? now - t->at_us : waited_most;
            assert_false(admission_leave(&a, t, now));
            served++;
        }
        for (int i = 0; i < 10; i++)
            if (admission_ask(&a, TRAFFIC_READ, 0, now))
                admission_enter(&a, &line[last++ % 4096], now);
            else
                admission_refuse(&a, TRAFFIC_READ, now);
    }
    assert_int_equal(served, 9999);
    assert_in_range(waited_most, 50 * MS, 155 * MS);
    assert_true(admission_pressed(&a));
    assert_in_range(admission_delay(&a, now), 40 * MS, 90 * MS);
}

static void late_and_stalled(void **state) {
    struct admission a;
    struct admission_ticket t, u;
    int64_t now = MS;
    admission_init(&a, TARGET);
    admission_enter(&a, &t, now);
    admission_enter(&a, &u, now);
    assert_true(admission_ask(&a, TRAFFIC_FEED, 0, now + 499 * MS));         /* a hiccup */
    assert_false(admission_ask(&a, TRAFFIC_SETTLE, 0, now + 501 * MS));      /* nothing moves */
    assert_true(admission_ask(&a, TRAFFIC_PAYMENT, 0, now + 501 * MS));
    assert_false(admission_leave(&a, &t, now += 501 * MS));                  /* late, but it is calm */
    wait_for(&a, 60, &now, 202);
    assert_true(admission_leave(&a, &u, now));
    admission_enter(&a, &t, now);
    assert_false(admission_leave(&a, &t, now + 199 * MS));
    struct admission_stats st = { 0 };
    admission_add_stats(&a, &st, now);
    assert_true(st.waiting == 0 && st.late == 0 && st.pressed == 1);
    admission_enter(&a, &t, now);
    admission_cancel(&a);
    assert_int_equal(admission_delay(&a, now + 10000 * MS), 0);
}

/* 100 are served a second. Who is refused as the n-th of a moment is told about n/100 seconds, and no two groups the same. */
static void retry_after_is_the_line_that_nobody_stands_in(void **state) {
    struct admission a;
    int64_t now = MS, sum = 0, seen[ADMISSION_RETRY_S + 1] = { 0 };
    admission_init(&a, TARGET);
    for (int i = 0; i < 100; i++)
        admission_note(&a, 60 * MS, now += 10 * MS);
    assert_int_equal(admission_refuse(&a, TRAFFIC_READ, now), 1);
    for (int i = 1; i < 1000; i++)
        admission_refuse(&a, TRAFFIC_READ, now);
    for (int i = 0; i < 100; i++)
        sum += admission_refuse(&a, TRAFFIC_READ, now);
    assert_in_range(sum, 1000, 1150);                   /* 10.5 s, rounded up */
    for (int i = 0; i < 10000; i++)
        seen[admission_refuse(&a, TRAFFIC_READ, now)]++;
    assert_int_equal(seen[0], 0);
    for (int s = 21; s <= ADMISSION_RETRY_S; s++)       /* the most: 40 s, give or take a half */
        assert_in_range(seen[s], 100, 400);
    now += 40 * 1000 * MS;
    assert_int_equal(admission_refuse(&a, TRAFFIC_READ, now), 1);            /* they were served meanwhile */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_may_wait),    cmocka_unit_test(a_line_that_drains_is_served),    cmocka_unit_test(lower_classes_go_first),          cmocka_unit_test(demerits_stay_within_the_class),
        cmocka_unit_test(recovers),            cmocka_unit_test(a_pause_is_no_pressure),          cmocka_unit_test(keeps_the_line_full_and_short),
        cmocka_unit_test(late_and_stalled),    cmocka_unit_test(retry_after_is_the_line_that_nobody_stands_in),
    };
    return RUN(tests);
}
