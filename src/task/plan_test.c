/* plan_test.c - what is left to do, told from what was done: no database, no clock. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "task/op.h"
#include "task/plan.h"

static const struct studio_recipe recipe = {
    .name = { "r", 1 },
    .reruns = 1,
    .seeds = { 1001, 1002, 1003, 1004 },
    .steps = { { .op = { "cutout", 6 }, .state = { "preparing", 9 }, .per = STUDIO_PER_PERSON },
               { .op = { "compose", 7 }, .state = { "running", 7 }, .per = STUDIO_PER_CANDIDATE },
               { .op = { "score", 5 }, .state = { "checking", 8 }, .per = STUDIO_PER_CANDIDATE } },
    .n_steps = 3,
};
enum { CUTOUT, COMPOSE, SCORE };
static const struct err dead = { ERR_MEDIA_DIED, "x" }, wrong = { ERR_MEDIA_MEMORY, "x" }, refused = { ERR_ENGINE_REFUSED, "x" };

static struct plan plan_of(int people, int asked) {
    struct plan p;
    struct err e;
    assert_int_equal(plan_init(&p, &recipe, false, people, asked, asked < 2 ? asked : 2, 3, TASK_QUEUED, &e), 0);
    return p;
}

static void expect_start(struct plan *p, int64_t now, size_t step, int unit) {
    size_t s = 99;
    int u = 99;
    int64_t at;
    assert_int_equal(plan_next(p, PLAN_ALL_STEPS, now, &s, &u, &at), PLAN_START);
    assert_int_equal(s, step);
    assert_int_equal(u, unit);
    plan_started(p, s, u);
}

static int64_t expect(const struct plan *p, int64_t now, enum plan_next next) {
    size_t s;
    int u;
    int64_t at = 0;
    assert_int_equal(plan_next(p, PLAN_ALL_STEPS, now, &s, &u, &at), next);
    return at;
}

static void steps_come_in_order_and_side_by_side(void **state) {
    struct plan p = plan_of(2, 2);
    expect_start(&p, 0, CUTOUT, 0);
    expect_start(&p, 0, CUTOUT, 1);
    expect(&p, 0, PLAN_WAIT);
    plan_made(&p, CUTOUT, 0, 10);
    expect(&p, 0, PLAN_WAIT);                                     /* a picture needs all layers */
    plan_made(&p, CUTOUT, 1, 11);
    expect_start(&p, 0, COMPOSE, 0);
    expect_start(&p, 0, COMPOSE, 1);
    plan_made(&p, COMPOSE, 0, 20);
    expect(&p, 0, PLAN_WAIT);                                     /* checking begins when all are drawn */
    plan_made(&p, COMPOSE, 1, 21);
    assert_int_equal(p.reached, TASK_RUNNING);
    expect_start(&p, 0, SCORE, 0);
    assert_int_equal(p.reached, TASK_CHECKING);
    expect_start(&p, 0, SCORE, 1);
    plan_judged(&p, 0, CANDIDATE_FINE);
    plan_judged(&p, 1, CANDIDATE_FINE);
    expect(&p, 0, PLAN_DECIDE);
    assert_int_equal(plan_progress(&p, 0), 999);
}

static struct plan drawn(int asked) {
    struct plan p = plan_of(1, asked);
    expect_start(&p, 0, CUTOUT, 0);
    plan_made(&p, CUTOUT, 0, 10);
    for (int k = 0; k < asked; k++)
        expect_start(&p, 0, COMPOSE, k);
    for (int k = 0; k < asked; k++)
        plan_made(&p, COMPOSE, k, 20 + k);
    return p;
}

static void a_broken_candidate_is_made_again_as_often_as_allowed(void **state) {
    struct plan p = drawn(2);
    assert_int_equal(plan_seed(&p, 0), 2001);                     /* of the next picture, if there is one */
    expect_start(&p, 0, SCORE, 0);
    plan_judged(&p, 0, CANDIDATE_BROKEN);
    expect_start(&p, 0, COMPOSE, 0);
    assert_int_equal(plan_variant(&p, 0), 2);
    plan_made(&p, COMPOSE, 0, 30);
    expect_start(&p, 0, SCORE, 0);
    plan_judged(&p, 0, CANDIDATE_BROKEN);
    expect_start(&p, 0, SCORE, 1);                                /* no third picture of candidate 0 */
    plan_judged(&p, 1, CANDIDATE_FINE);
    expect(&p, 0, PLAN_DECIDE);
}

static void a_verdict_that_comes_with_the_picture_is_enough(void **state) {
    struct plan p = drawn(1);
    plan_judged(&p, 0, CANDIDATE_FINE);
    expect(&p, 0, PLAN_DECIDE);
}

static void what_may_pass_is_tried_again_a_little_later(void **state) {
    struct plan p = plan_of(1, 1);
    int64_t at = 0;
    for (int i = 0; i < 3; i++) {
        expect_start(&p, at, CUTOUT, 0);
        plan_failed(&p, CUTOUT, 0, &dead, false, at);
        if (i < 2) {
            int64_t next = expect(&p, at, PLAN_WAIT);
            assert_in_range(next - at, 1, 1000);                  /* within a second */
            at = next;
        }
    }
    expect(&p, at, PLAN_DECIDE);
    assert_true(p.elsewhere);
    assert_false(p.doomed);
    assert_int_equal(p.why.code, ERR_MEDIA_DIED);
}

static void what_will_not_pass_goes_elsewhere_at_once(void **state) {
    struct plan p = plan_of(1, 1);
    expect_start(&p, 0, CUTOUT, 0);
    plan_failed(&p, CUTOUT, 0, &wrong, false, 0);
    expect(&p, 0, PLAN_DECIDE);
    assert_true(p.elsewhere);
}

static void a_refused_input_ends_everything(void **state) {
    struct plan p = plan_of(2, 4);
    expect_start(&p, 0, CUTOUT, 0);
    expect_start(&p, 0, CUTOUT, 1);
    plan_failed(&p, CUTOUT, 0, &refused, true, 0);
    assert_true(p.doomed);
    assert_false(p.elsewhere);
    expect(&p, 0, PLAN_WAIT);                                     /* for the call that is under way */
    plan_again(&p, CUTOUT, 1, 0);                                 /* stopped */
    expect(&p, 0, PLAN_DECIDE);
}

static void not_its_own_fault_costs_no_try(void **state) {
    struct plan p = plan_of(1, 1);
    for (int i = 0; i < 50; i++) {
        expect_start(&p, i, CUTOUT, 0);
        plan_again(&p, CUTOUT, 0, i + 1);
        assert_int_equal(expect(&p, i, PLAN_WAIT), i + 1);
    }
}

static void an_unknown_outcome_blocks_its_own_candidate_only(void **state) {
    struct plan p = plan_of(1, 2);
    expect_start(&p, 0, CUTOUT, 0);
    plan_made(&p, CUTOUT, 0, 10);
    expect_start(&p, 0, COMPOSE, 0);
    expect_start(&p, 0, COMPOSE, 1);
    plan_unknown(&p, COMPOSE, 0);
    plan_made(&p, COMPOSE, 1, 21);
    expect_start(&p, 0, SCORE, 1);
    plan_judged(&p, 1, CANDIDATE_FINE);
    assert_int_equal(expect(&p, 0, PLAN_WAIT), INT64_MAX);        /* until somebody knows, or the deadline */
    plan_made(&p, COMPOSE, 0, 20);
    expect_start(&p, 0, SCORE, 0);
    plan_judged(&p, 0, CANDIDATE_FINE);
    expect(&p, 0, PLAN_DECIDE);
}

static void a_lost_candidate_does_not_hold_the_others_back(void **state) {
    struct plan p = plan_of(1, 2);
    expect_start(&p, 0, CUTOUT, 0);
    plan_made(&p, CUTOUT, 0, 10);
    expect_start(&p, 0, COMPOSE, 0);
    expect_start(&p, 0, COMPOSE, 1);
    plan_failed(&p, COMPOSE, 0, &wrong, false, 0);
    plan_made(&p, COMPOSE, 1, 21);
    expect_start(&p, 0, SCORE, 1);
    plan_judged(&p, 1, CANDIDATE_FINE);
    expect(&p, 0, PLAN_DECIDE);
}

static void progress_never_claims_the_end(void **state) {
    struct plan p = plan_of(1, 1);
    assert_int_equal(plan_progress(&p, 0), 0);
    expect_start(&p, 0, CUTOUT, 0);
    assert_int_equal(plan_progress(&p, 500), 166);
    plan_made(&p, CUTOUT, 0, 1);
    assert_int_equal(plan_progress(&p, 0), 333);
    assert_int_equal(plan_progress(&p, 3000), 999);
}

static void a_recipe_with_an_unknown_step_is_refused(void **state) {
    struct studio_recipe r = recipe;
    struct plan p;
    struct err e;
    r.steps[1].op = STR("conjure");
    assert_int_equal(plan_init(&p, &r, false, 1, 1, 1, 3, TASK_QUEUED, &e), ERR_CONFIG);
    r = recipe;
    r.steps[0].per = STUDIO_PER_CANDIDATE;
    assert_int_equal(plan_init(&p, &r, false, 1, 1, 1, 3, TASK_QUEUED, &e), ERR_CONFIG);
    r = recipe;
    r.steps[0].state = STR("choosing");
    assert_int_equal(plan_init(&p, &r, false, 1, 1, 1, 3, TASK_QUEUED, &e), ERR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_come_in_order_and_side_by_side),
        cmocka_unit_test(a_broken_candidate_is_made_again_as_often_as_allowed),
        cmocka_unit_test(a_verdict_that_comes_with_the_picture_is_enough),
        cmocka_unit_test(what_may_pass_is_tried_again_a_little_later),
        cmocka_unit_test(what_will_not_pass_goes_elsewhere_at_once),
        cmocka_unit_test(a_refused_input_ends_everything),
        cmocka_unit_test(not_its_own_fault_costs_no_try),
        cmocka_unit_test(an_unknown_outcome_blocks_its_own_candidate_only),
        cmocka_unit_test(a_lost_candidate_does_not_hold_the_others_back),
        cmocka_unit_test(progress_never_claims_the_end),
        cmocka_unit_test(a_recipe_with_an_unknown_step_is_refused),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
