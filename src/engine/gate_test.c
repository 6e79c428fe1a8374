/* gate_test.c - limits, pauses and the breaker, on a clock that is a number. */
#include "engine/gate.h"

#include "base/testing.h"

static const struct gate_limit one = { 1, 6000, 100 }, three = { 3, 60, 2 };

static struct gate *gate_of(size_t keys, const struct gate_limit *limit) { return gate_new(keys, 1, limit, 1200); }
static bool enters(struct gate *g, int64_t now, struct gate_pass *pass) {
    int64_t at;
    return gate_enter(g, 0, now, pass, &at) == 1;
}
static int64_t enters_at(struct gate *g, int64_t now) {
    struct gate_pass pass;
    int64_t at;
    assert_int_equal(gate_enter(g, 0, now, &pass, &at), 0);
    return at;
}

static void no_more_side_by_side_than_each_key_allows(void **state) {
    struct gate *g = gate_of(2, &one);
    struct gate_pass a, b;
    assert_int_equal(gate_slots(g, 0, 0), 2);
    assert_true(enters(g, 0, &a) && enters(g, 0, &b));
    assert_int_not_equal(a.key, b.key);
    assert_true(enters_at(g, 0) == INT64_MAX);
    gate_leave(g, 0, b);
    assert_true(enters(g, 0, &b));
    gate_leave(g, 0, a);
    gate_leave(g, 0, b);
    gate_enter_again(g, 0, 0, &a);
    gate_enter_again(g, 0, 0, &b);                     /* both were its before a restart */
    assert_true(enters(g, 0, &a) && a.key == 1);
    gate_free(g);
}

static void no_faster_than_so_many_a_minute(void **state) {
    struct gate *g = gate_of(1, &three);
    struct gate_pass p;
    assert_true(enters(g, 0, &p) && enters(g, 0, &p));
    assert_int_equal(enters_at(g, 0), 1000);
    assert_int_equal(enters_at(g, 999), 1000);
    assert_true(enters(g, 1000, &p));
    int64_t at;
    for (int i = 0; i < 20; i++)
        assert_true(gate_ask(g, 0, 5000, &at));        /* 1,200 questions a minute: a second's worth at once, then one every 50 ms */
    assert_false(gate_ask(g, 0, 5000, &at));
    assert_int_equal(at, 5050);
    assert_true(gate_ask(g, 0, 5050, &at));
    gate_free(g);
}

static void a_429_pauses_its_key_and_lane_alone(void **state) {
    static const struct gate_limit lanes[] = { { 1, 6000, 100 }, { 1, 6000, 100 } };
    struct gate *g = gate_new(2, 2, lanes, 60);
    struct gate_pass p;
    gate_tell(g, 0, 0, GATE_RATE, 2000, 0);
    assert_int_equal(gate_slots(g, 0, 1999), 1);
    assert_int_equal(gate_slots(g, 1, 1999), 2);
    assert_true(enters(g, 0, &p) && p.key == 1);
    assert_int_equal(enters_at(g, 0), 2000);
    gate_leave(g, 0, p);
    gate_tell(g, 0, 0, GATE_GOOD, -1, 3000);
    int64_t now = 100000;
    for (int i = 0, pause = 1000; i < 8; i++, pause = pause * 2 < 60000 ? pause * 2 : 60000) {
        gate_tell(g, 0, 0, GATE_RATE, -1, now);        /* it does not say how long */
        gate_tell(g, 0, 0, GATE_RATE, -1, now);        /* and says so to all that were under way */
        assert_int_equal(gate_slots(g, 0, now + pause - 1), 1);
        now += pause;
        assert_int_equal(gate_slots(g, 0, now), 2);
    }
    assert_true(enters(g, now, &p) && p.key == 0);
    gate_tell(g, 0, 0, GATE_RATE, 2000, now);
    assert_int_equal(gate_slots(g, 0, now), 2);        /* one is under way with the key that pauses, and the other key takes one */
    gate_leave(g, 0, p);
    struct gate_seen seen;
    gate_look(g, 0, 100000, &seen);
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.state, GATE_CLOSED);
    gate_free(g);
}

static void a_refused_key_rests_and_comes_back(void **state) {
    struct gate *g = gate_of(2, &one);
    struct gate_pass p;
    gate_tell(g, 0, 1, GATE_KEY, -1, 0);
    assert_true(gate_key_out(g, 0, 1, 1) && !gate_key_out(g, 0, 0, 1));
    assert_true(enters(g, 1, &p) && p.key == 0);
    gate_tell(g, 0, 0, GATE_KEY, -1, 5);
    assert_int_equal(gate_slots(g, 0, 6), 0);
    gate_leave(g, 0, p);
    assert_int_equal(enters_at(g, 6), GATE_KEY_OUT_MS);
    assert_true(enters(g, GATE_KEY_OUT_MS, &p) && p.key == 1);
    gate_free(g);
}

static void a_key_that_may_not_do_this_may_do_the_rest(void **state) {
    static const struct gate_limit lanes[] = { { 1, 6000, 100 }, { 1, 6000, 100 } };
    struct gate *g = gate_new(1, 2, lanes, 60);
    struct gate_pass p;
    gate_tell(g, 0, 0, GATE_KEY_LANE, -1, 0);
    assert_int_equal(gate_slots(g, 0, 1), 0);
    assert_int_equal(gate_slots(g, 1, 1), 1);
    assert_int_equal(gate_shut(g, 0, 1), GATE_SHUT_KEYS);
    assert_int_equal(gate_shut(g, 1, 1), GATE_TAKES);
    assert_int_equal(enters_at(g, 1), GATE_KEY_OUT_MS);
    assert_true(enters(g, GATE_KEY_OUT_MS, &p));
    assert_int_equal(gate_shut(g, 0, GATE_KEY_OUT_MS), GATE_SHUT_KEYS);
    gate_tell(g, 0, 0, GATE_GOOD, -1, GATE_KEY_OUT_MS);
    assert_int_equal(gate_shut(g, 0, GATE_KEY_OUT_MS), GATE_TAKES);
    gate_free(g);
}

static void the_breaker_opens_probes_and_closes(void **state) {
    static const struct gate_limit wide = { 8, 60000, 1000 };
    struct gate *g = gate_of(1, &wide);
    struct gate_pass old, probe, other;
    struct gate_seen seen;
    assert_true(enters(g, 0, &old));
    for (int i = 0; i < 5; i++)
        gate_tell(g, 0, 0, GATE_GOOD, -1, 10);
    for (int i = 0; i < 4; i++)
        gate_tell(g, 0, 0, GATE_BAD, -1, 20);
    assert_int_equal(gate_slots(g, 0, 20), 8);
    gate_tell(g, 0, 0, GATE_BAD, -1, 20);              /* five of ten */
    assert_int_equal(gate_slots(g, 0, 20), 0);
    assert_int_equal(enters_at(g, 21), 20 + GATE_PAUSE_MS);
    gate_tell(g, 0, 0, GATE_GOOD, -1, 30);             /* of a call from before: it stays open */
    assert_int_equal(gate_slots(g, 0, 30), 0);

    int64_t now = 20 + GATE_PAUSE_MS, pause = GATE_PAUSE_MS;
    for (int i = 0; i < 7; i++) {                      /* each probe that fails doubles the pause, up to five minutes */
        assert_int_equal(gate_slots(g, 0, now), 2);    /* the old one, which may go on for long, and a probe */
        assert_true(enters(g, now, &probe) && probe.probe);
        assert_int_equal(gate_slots(g, 0, now), 2);
        assert_true(enters_at(g, now) == INT64_MAX);   /* one at a time; the old one under way does not count */
        gate_tell(g, 0, 0, GATE_BAD, -1, now);
        gate_leave(g, 0, probe);
        pause = 2 * pause < GATE_PAUSE_MAX_MS ? 2 * pause : GATE_PAUSE_MAX_MS;
        assert_int_equal(enters_at(g, now + pause - 1), now + pause);
        now += pause;
    }
    gate_look(g, 0, now, &seen);
    assert_string_equal(gate_state_name(seen.state), "half_open");
    assert_true(enters(g, now, &probe));
    gate_tell(g, 0, 0, GATE_GOOD, -1, now);
    gate_leave(g, 0, probe);
    gate_leave(g, 0, old);
    assert_int_equal(gate_slots(g, 0, now), 8);
    assert_true(enters(g, now, &probe) && enters(g, now, &other) && !other.probe);
    gate_look(g, 0, now, &seen);
    assert_true(seen.busy == 2 && seen.all == 0);      /* it begins to count anew */
    gate_free(g);
}

static void a_lane_says_why_it_is_shut(void **state) {
    static const struct gate_limit lanes[] = { { 1, 6000, 100 }, { 1, 6000, 100 } };
    struct gate *g = gate_new(2, 2, lanes, 60);
    struct gate_pass p;
    assert_int_equal(gate_shut(g, 0, 0), GATE_TAKES);
    assert_true(enters(g, 0, &p) && enters(g, 0, &p));
    assert_int_equal(gate_shut(g, 0, 0), GATE_TAKES);  /* full is not shut */
    gate_tell(g, 0, 0, GATE_RATE, 2000, 0);
    assert_int_equal(gate_shut(g, 0, 0), GATE_TAKES);  /* the other key takes more */
    gate_tell(g, 0, 1, GATE_RATE, 3000, 0);
    assert_int_equal(gate_shut(g, 0, 1999), GATE_SHUT_PACE);
    assert_int_equal(gate_shut(g, 0, 2000), GATE_TAKES);
    for (int i = 0; i < GATE_BAD_MIN; i++)
        gate_tell(g, 0, 0, GATE_BAD, -1, 5000);
    assert_int_equal(gate_shut(g, 0, 5000), GATE_SHUT_BREAKER);
    assert_int_equal(gate_shut(g, 0, 5000 + GATE_PAUSE_MS), GATE_SHUT_BREAKER);       /* half open: nothing is known to have changed */
    assert_int_equal(gate_shut(g, 1, 5000), GATE_TAKES);
    gate_tell(g, 0, 0, GATE_GOOD, -1, 5000 + GATE_PAUSE_MS);
    assert_int_equal(gate_shut(g, 0, 5000 + GATE_PAUSE_MS), GATE_TAKES);
    gate_tell(g, 0, 0, GATE_KEY, -1, 20000);
    gate_tell(g, 0, 1, GATE_KEY, -1, 30000);
    assert_int_equal(gate_shut(g, 1, 30000), GATE_SHUT_KEYS);
    assert_int_equal(gate_shut(g, 1, 20000 + GATE_KEY_OUT_MS), GATE_SHUT_KEYS);       /* tried again, and nothing is known to have changed */
    gate_tell(g, 0, 0, GATE_GOOD, -1, 20000 + GATE_KEY_OUT_MS);
    assert_int_equal(gate_shut(g, 1, 20000 + GATE_KEY_OUT_MS), GATE_TAKES);
    gate_free(g);
}

static void old_failures_are_forgotten(void **state) {
    struct gate *g = gate_of(1, &three);
    for (int i = 0; i < 4; i++)
        gate_tell(g, 0, 0, GATE_BAD, -1, 0);
    gate_tell(g, 0, 0, GATE_BAD, -1, GATE_WINDOW_MS);
    assert_int_equal(gate_slots(g, 0, GATE_WINDOW_MS), 3);
    for (int i = 0; i < 100; i++)
        gate_tell(g, 0, 0, i % 5 ? GATE_GOOD : GATE_BAD, -1, GATE_WINDOW_MS + i);    /* one in five is no reason */
    assert_int_equal(gate_slots(g, 0, GATE_WINDOW_MS + 100), 3);
    gate_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_side_by_side_than_each_key_allows),
        cmocka_unit_test(no_faster_than_so_many_a_minute),
        cmocka_unit_test(a_429_pauses_its_key_and_lane_alone),
        cmocka_unit_test(a_refused_key_rests_and_comes_back),
        cmocka_unit_test(a_key_that_may_not_do_this_may_do_the_rest),
        cmocka_unit_test(the_breaker_opens_probes_and_closes),
        cmocka_unit_test(a_lane_says_why_it_is_shut),
        cmocka_unit_test(old_failures_are_forgotten),
    };
    return RUN(tests);
}
