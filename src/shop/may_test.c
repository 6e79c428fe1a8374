/* may_test.c - whether anything is sold, what a paid order allows and for how long, and that nothing is sold below cost. */
#include "shop/testing.h"

static struct shop_may may_of(struct testing *t, const struct pay *p, int64_t account) {
    struct err *e = &t->e;
    struct shop_house h = shop_testing_house(t, p);
    struct shop_may m;
    OK(shop_may(db_reader(t->db), &h, account, clock_ms(), &m, e));
    return m;
}

static void nothing_is_sold_without_plans_or_a_provider(void **state) {
    struct testing *t = *state;
    shop_testing_open(t, /* plans= */ true);
    CLEANUP(pay_free) struct pay *p = shop_testing_money(t);
    CLEANUP(pay_free) struct pay *none = NULL;
    struct err *e = &t->e;
    OK(config_set(t->cfg, "pay.test_money", STR("false"), "test", e));
    OK(pay_new(t->cfg, NULL, t->db, NULL, &none, e));
    const struct studio_product *with = studio_product(t->studio, STR_NULL);
    struct studio_product without = *with;
    without.n_plans = 0;
    assert_true(shop_sells(p, with));
    assert_false(shop_sells(p, &without));
    assert_false(shop_sells(none, with));
    assert_false(shop_sells(NULL, with));
    struct shop_may m = may_of(t, NULL, ME);
    assert_false(m.sells);
    assert_null(m.plan);
    assert_int_equal(m.may.candidates, STUDIO_CANDIDATES_MAX);
    assert_int_equal(m.may.weight, 1);
    assert_false(m.may.watermark);
}

static void the_best_paid_plan_counts_while_it_lasts(void **state) {
    struct testing *t = *state;
    int64_t day = 24 * 3600 * 1000, now = clock_ms();
    shop_testing_open(t, /* plans= */ true);
    CLEANUP(pay_free) struct pay *p = shop_testing_money(t);
    struct shop_may m = may_of(t, p, ME);
    assert_true(m.sells && str_eqz(m.plan->name, "free") && m.until_ms == 0 && m.may.watermark);
    const struct shop_testing_order nothing[] = {
        { ME, "p9", "open", 990, 0, now + day },                 /* not paid */
        { ME, "p9", "closed", 990, 0, now + day },
        { ME, "p9", "paid", 990, 0, now - 1 },                   /* over */
        { ME, "p29", "paid", 2990, 2990, now + day },            /* given back */
        { YOU, "p29", "paid", 2990, 0, now + day },              /* another's */
        { ME, "gone", "paid", 990, 0, now + day },               /* not offered any more */
    };
    for (size_t i = 0; i < COUNT(nothing); i++) {
        shop_testing_order(t, nothing[i]);
        m = may_of(t, p, ME);
        if (!str_eqz(m.plan->name, "free"))
            fail_msg("order %zu", i);
    }
    shop_testing_order(t, (struct shop_testing_order){ ME, "p9", "paid", 990, 300, now + day });          /* a part given back */
    shop_testing_order(t, (struct shop_testing_order){ ME, "p9", "paid", 990, 0, now + 3 * day });
    shop_testing_order(t, (struct shop_testing_order){ ME, "p9", "paid", 990, 0, now + 2 * day });
    m = may_of(t, p, ME);
    assert_true(str_eqz(m.plan->name, "p9"));
    assert_int_equal(m.until_ms, now + 3 * day);                 /* the longest of the same */
    shop_testing_order(t, (struct shop_testing_order){ ME, "p29", "paid", 0, 0, now + day });             /* a code paid all of it */
    m = may_of(t, p, ME);
    assert_true(str_eqz(m.plan->name, "p29"));
    assert_int_equal(m.until_ms, now + day);                     /* the better one, though it ends sooner */
    assert_int_equal(m.may.weight, 8);
}

#define COSTLY(microusd) \
    "recipe: plain\nversion: 1\ntitle: { en: T, zh: T }\ninputs:\n" TESTING_PEOPLE "  backdrop: { kind: template | image, tags: [backdrop], max_mb: 10, short_side_min_px: 720 }\n" \
    "candidates: { free: 1, paid: 4, min: 1, reruns: 0, seeds: [1, 2, 3, 4] }\nchecks: [faces_intact]\nengines: [fake]\nsteps:\n" TESTING_COMPOSE \
    "limits: { step_s: 5, deadline_s: 20, choose_s: 3600 }\nprice: { credits: 10, per: candidate }\ncost: { microusd: " microusd ", per: candidate }\n" \
    "retention: { inputs: 24h, outputs: 30d }\n"

/* p9 by its cheaper currency: 9.90 CNY / 7.2 for 40 credits, so 34375 microusd a credit and 343750 a candidate of 10. */
static void a_price_below_cost_is_refused(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    testing_file(t, "products/p/recipes/plain.yaml", COSTLY("343000"));
    shop_testing_open(t, /* plans= */ true);
    CLEANUP(pay_free) struct pay *p = shop_testing_money(t);
    struct shop_house h = shop_testing_house(t, p);
    const struct studio_recipe *plain = studio_recipe(t->studio, STR("plain")), *group = studio_recipe(t->studio, STR("group"));
    struct shop_margin m;
    assert_true(shop_covers(&h, &h.product->plans[1], plain, 4, &m));
    assert_int_equal(m.costs_microusd, 4 * 343000);
    assert_true(m.brings_microusd > 4 * 343000 && m.brings_microusd < 4 * 344000);
    assert_true(shop_covers(&h, &h.product->plans[1], group, 4, NULL));  /* costs nothing */
    assert_true(shop_covers(&h, &h.product->plans[0], plain, 1, NULL));  /* the free one is a gift */
    OK(shop_check(&h, e));
    assert_true(shop_covers_at(&h, &h.product->plans[1], LEDGER_CNY, 990));
    assert_true(shop_covers_at(&h, &h.product->plans[1], LEDGER_CNY, 988));
    assert_false(shop_covers_at(&h, &h.product->plans[1], LEDGER_CNY, 987));       /* 342708 */
    assert_false(shop_covers_at(&h, &h.product->plans[1], LEDGER_CNY, 0));
    assert_true(shop_covers_at(&h, &h.product->plans[0], LEDGER_CNY, 0));
    OK(config_set(t->cfg, "shop.usd_cny_pm", STR("8000"), "test", e));   /* a yuan is worth less: 309375 */
    assert_int_equal(shop_check(&h, e), ERR_CONFIG);
    assert_non_null(strstr(e->text, "p9"));
    assert_non_null(strstr(e->text, "plain"));
    assert_non_null(strstr(e->text, "343000"));
    assert_non_null(strstr(e->text, "3093"));
    h.pay = NULL;
    OK(shop_check(&h, e));                                       /* nothing is sold */
    h.pay = p;
    OK(config_set(t->cfg, "shop.sell_below_cost", STR("true"), "test", e));
    OK(shop_check(&h, e));
    assert_true(shop_covers_at(&h, &h.product->plans[1], LEDGER_CNY, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(nothing_is_sold_without_plans_or_a_provider),
        TESTING(the_best_paid_plan_counts_while_it_lasts),
        TESTING(a_price_below_cost_is_refused),
    };
    return cmocka_run_group_tests_name("may", tests, NULL, NULL);
}
