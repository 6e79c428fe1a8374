/* quote_test.c - what is judged before a price is named, and that what was priced is what is bought. */
#include "shop/quote.h"
#include "shop/testing.h"

struct make {
    struct testing *t;
    struct shop_house house;
    struct shop_who who;
    struct shop_quote want, made;
    struct buf issues;
    int rc;
    struct err err;
};

static int make_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct make *m = arg;
    buf_reset(&m->issues);
    m->rc = shop_quote_make(tx, &m->house, &m->who, m->t->a, &m->want, &m->made, &m->issues, &m->err);
    return 0;
}

/* Two people on a wall, good in every way; tests spoil one thing each. */
static struct make good(struct testing *t) {
    struct make m = { .t = t, .house = shop_testing_house(t, NULL), .who = shop_testing_who(ME, "ab", 1), .want = { .account = ME, .spec = { .recipe = studio_recipe(t->studio, STR("group")), .template_name = STR("wall"),
                                                                 .n_people = 2, .candidates = 4, .params = STR("{}") } } };
    for (size_t i = 0; i < 2; i++)
        m.want.spec.people[i].asset = testing_photo(t, ME);
    buf_init(&m.issues, 1 << 16);
    return m;
}

static void run(struct make *m) {
    struct err *e = &m->t->e;
    OK(db_do(m->t->db, make_fn, m, e));
}

static void refused(struct make *m, int code, size_t n_issues) {
    run(m);
    if (m->rc != code)
        fail_msg("%s: %s", err_reason(m->rc)->code, m->err.text);
    CLEANUP(json_unref) json_t *list = NULL;
    if (m->issues.n && json_read(buf_str(&m->issues), &list, &m->err) < 0)
        fail_msg("%s", m->issues.p);
    assert_int_equal(json_array_size(list), n_issues);
    for (size_t i = 0; i < n_issues; i++) {
        static const char *const keys[] = { "code", "en", "zh", "next_en", "next_zh", "detail", "input" };
        for (size_t k = 0; k < COUNT(keys); k++)
            assert_true(json_is_string(json_object_get(json_array_get(list, i), keys[k])));
    }
    DB_SQL(quotes, "SELECT COUNT(*) FROM quote WHERE ? = 0");
    assert_int_equal(testing_count(m->t, &quotes, 0), 0);        /* nothing is kept of a refusal */
    buf_done(&m->issues);
}

static struct testing *rig(void **state) {
    shop_testing_open(*state, /* plans= */ false);
    return *state;
}

static void a_good_input_is_priced_by_candidate(void **state) {
    struct make m = good(rig(state));
    run(&m);
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.issues.n, 0);
    assert_int_equal(m.made.credits, 40);
    assert_true(m.made.expires_ms > clock_ms());
    buf_done(&m.issues);
}

static void a_wrong_number_of_people_is_refused(void **state) {
    struct testing *t = rig(state);
    struct make m = good(t);
    m.want.spec.n_people = 0;
    refused(&m, ERR_PEOPLE_NONE, 1);
    m = good(t);
    for (size_t i = 2; i < 6; i++)
        m.want.spec.people[i].asset = testing_photo(t, ME);
    m.want.spec.n_people = 6;
    refused(&m, ERR_PEOPLE_MANY, 1);
}

static void the_same_face_twice_is_refused(void **state) {
    struct make m = good(rig(state));
    m.want.spec.people[1] = m.want.spec.people[0];
    refused(&m, ERR_FACE_TWICE, 1);
}

static void anothers_photo_is_not_found(void **state) {
    struct testing *t = rig(state);
    struct make m = good(t);
    m.want.spec.people[1].asset = testing_photo(t, YOU);
    refused(&m, ERR_NOT_FOUND, 1);
    m = good(t);
    m.want.spec.backdrop_asset = testing_photo(t, YOU);
    m.want.spec.template_name = STR_NULL;
    refused(&m, ERR_NOT_FOUND, 1);
}

static int64_t bad_photo(struct testing *t, const char *facts, int64_t consent_ms) {
    struct err *e = &t->e;
    struct blob_asset as = { .id = id_new(), .account = ME, .class = BLOB_ORIGINAL, .bytes = 5, .type = STR("image/png"), .role = STR("photo"),
                             .width = 700, .height = 1200, .facts = str_z(facts), .consent_ms = consent_ms, .created_ms = clock_ms() };
    snprintf(as.sha, sizeof(as.sha), "%064llx", (unsigned long long)as.id);
    OK(db_do(t->db, testing_asset_fn, &as, e));
    return as.id;
}

static void every_reason_against_every_photo_is_told_at_once(void **state) {
    struct make m = good(rig(state));
    m.want.spec.people[0].asset = bad_photo(m.t, "{\"faces\":[{\"box\":[0,0,40,50],\"size_px\":40,\"confidence\":0.3,\"cut\":true}]}", 1);
    m.want.spec.people[1].asset = bad_photo(m.t, "{\"faces\":[]}", 0);
    /* 0: too small a picture, small, unsure, cut; 1: too small a picture, no face, no consent */
    refused(&m, ERR_IMAGE_TOO_SMALL, 4 + 3);
}

static void a_face_that_is_not_there_is_refused(void **state) {
    struct make m = good(rig(state));
    m.want.spec.people[1].face = 3;
    refused(&m, ERR_FACE_NONE, 1);
}

static void unknown_templates_and_fields_are_refused(void **state) {
    struct testing *t = rig(state);
    struct make m = good(t);
    m.want.spec.template_name = STR("moon");
    refused(&m, ERR_UNKNOWN_TEMPLATE, 0);
    m = good(t);
    m.want.spec.template_name = STR_NULL;
    refused(&m, ERR_BAD_INPUT, 0);
    m = good(t);
    m.want.spec.backdrop_asset = m.want.spec.people[0].asset;
    refused(&m, ERR_BAD_INPUT, 0);                                /* both */
    static const struct {
        const char *params;
        int code;
    } bad[] = { { "{\"magic\":1}", ERR_UNKNOWN_FIELD }, { "{\"fidelity\":\"high\"}", ERR_BAD_INPUT }, { "{\"light\":1}", ERR_BAD_INPUT },
                { "{\"fidelity\":1.01}", ERR_BAD_INPUT }, { "{\"fidelity\":-1}", ERR_BAD_INPUT }, { "{\"fidelity\":1e400}", ERR_BAD_JSON },
                { "{\"light\":\"dim\"}", ERR_BAD_INPUT }, { "{\"width\":639}", ERR_BAD_INPUT }, { "{\"variant\":1}", ERR_UNKNOWN_FIELD },
                { "[1]", ERR_BAD_INPUT }, { "{", ERR_BAD_JSON } };
    for (size_t i = 0; i < COUNT(bad); i++) {
        m = good(t);
        m.want.spec.params = str_z(bad[i].params);
        refused(&m, bad[i].code, 0);
    }
    static const int counts[] = { -1, 5, 1000 };
    for (size_t i = 0; i < COUNT(counts); i++) {
        m = good(t);
        m.want.spec.candidates = counts[i];
        refused(&m, ERR_BAD_INPUT, 0);
    }
}

struct bought { int64_t quote, task; };
static int bought_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct bought *b = arg;
    return shop_quote_bought(tx, b->quote, b->task, e);
}

static void what_was_priced_is_what_is_bought_once(void **state) {
    struct testing *t = rig(state);
    struct make m = good(t);
    m.want.spec.params = STR("{\"fidelity\":0.5}");
    run(&m);
    assert_int_equal(m.rc, 0);
    struct shop_quote q;
    assert_int_equal(shop_quote_get(db_reader(t->db), t->studio, t->a, m.made.id, YOU, &q, &t->e), 0);
    assert_int_equal(shop_quote_get(db_reader(t->db), t->studio, t->a, m.made.id, ME, &q, &t->e), 1);
    assert_int_equal(q.credits, 40);
    assert_int_equal(q.spec.price_credits, 40);
    assert_int_equal(q.spec.account, ME);
    assert_int_equal(q.spec.n_people, 2);
    assert_int_equal(q.spec.people[1].asset, m.want.spec.people[1].asset);
    assert_true(str_eq(q.spec.template_name, STR("wall")));
    assert_true(str_eq(q.spec.params, STR("{\"fidelity\":0.5}")));
    assert_ptr_equal(q.spec.recipe, m.want.spec.recipe);
    assert_int_equal(db_do(t->db, bought_fn, &(struct bought){ q.id, 77 }, &t->e), 0);
    assert_int_equal(db_do(t->db, bought_fn, &(struct bought){ q.id, 78 }, &t->e), ERR_QUOTE_USED);
    buf_done(&m.issues);
}

/* ---- while something is sold ---- */

static struct make selling(void **state, struct pay **ret_pay) {
    struct testing *t = *state;
    shop_testing_open(t, /* plans= */ true);
    *ret_pay = shop_testing_money(t);
    struct make m = good(t);
    m.house.pay = *ret_pay;
    m.want.spec.candidates = 0;
    return m;
}

static void offered(struct make *m, const char *plan, bool is_free, int candidates, int64_t credits) {
    struct shop_quote q;
    run(m);
    if (m->rc < 0)
        fail_msg("%s", m->err.text);
    assert_int_equal(shop_quote_get(db_reader(m->t->db), m->t->studio, m->t->a, m->made.id, ME, &q, &m->t->e), 1);
    const struct shop_quote *both[] = { &m->made, &q };          /* what is kept is what was said */
    for (size_t i = 0; i < COUNT(both); i++) {
        assert_true(str_eqz(both[i]->plan, plan));
        assert_int_equal(both[i]->free, is_free);
        assert_int_equal(both[i]->spec.candidates, candidates);
        assert_int_equal(both[i]->credits, credits);
        assert_true(str_eqz(both[i]->spec.product, "p"));
        bool is_free_plan = strcmp(plan, "free") == 0;
        assert_int_equal(both[i]->spec.mark, is_free_plan);
        assert_int_equal(both[i]->spec.quality_px, is_free_plan ? 1024 : 4096);
        assert_int_equal(both[i]->spec.weight, is_free_plan ? 1 : strcmp(plan, "p9") == 0 ? 4 : 8);
    }
}

static void nothing_changes_while_nothing_is_sold(void **state) {
    struct testing *t = *state;
    shop_testing_open(t, /* plans= */ true);                     /* and no provider */
    struct make m = good(t);
    m.want.spec.candidates = 0;
    run(&m);
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.made.spec.candidates, 4);
    assert_int_equal(m.made.credits, 40);
    assert_int_equal(m.made.spec.weight, 1);
    assert_int_equal(m.made.spec.quality_px, 0);
    assert_false(m.made.spec.mark || m.made.free || m.made.plan.n);
    assert_true(str_eqz(m.made.spec.product, "p"));
    buf_done(&m.issues);
}

static int take_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct make *m = arg;
    int64_t again_ms;
    return shop_free_take(tx, m->t->cfg, 1, &m->who, 77, clock_ms(), &again_ms, e);
}

static void the_picture_of_the_day_is_free_and_more_needs_a_plan(void **state) {
    CLEANUP(pay_free) struct pay *p = NULL;
    struct make m = selling(state, &p);
    struct err *e = &m.t->e;
    offered(&m, "free", true, 1, 0);
    m.want.spec.candidates = 1;
    offered(&m, "free", true, 1, 0);
    m.want.spec.candidates = 2;
    run(&m);
    assert_int_equal(m.rc, ERR_PLAN_NEEDED);
    assert_int_equal(m.issues.n, 0);
    testing_grant(m.t, ME, 100);                                 /* credits alone make no plan */
    run(&m);
    assert_int_equal(m.rc, ERR_PLAN_NEEDED);
    m.want.spec.candidates = 0;
    offered(&m, "free", true, 1, 0);                             /* what would look the same is not paid for */
    OK(db_do(m.t->db, take_fn, &m, e));
    offered(&m, "free", false, 1, 10);                           /* the day's is gone: the price is named */
    buf_done(&m.issues);
}

static void whoever_paid_gets_what_the_plan_says(void **state) {
    CLEANUP(pay_free) struct pay *p = NULL;
    struct make m = selling(state, &p);
    struct err *e = &m.t->e;
    shop_testing_order(m.t, (struct shop_testing_order){ ME, "p9", "paid", 990, 0, clock_ms() + 3600000 });
    offered(&m, "free", true, 1, 0);                             /* nothing in the wallet: the day's, as everybody's */
    m.want.spec.candidates = 4;
    offered(&m, "p9", false, 4, 40);                             /* asked for: the price is named all the same */
    m.want.spec.candidates = 0;
    testing_grant(m.t, ME, 40);
    offered(&m, "p9", false, 4, 40);
    m.want.spec.candidates = 1;
    offered(&m, "p9", false, 1, 10);                             /* paid, and without the mark */
    shop_testing_order(m.t, (struct shop_testing_order){ ME, "p29", "paid", 2990, 0, clock_ms() + 3600000 });
    m.want.spec.candidates = 3;
    offered(&m, "p29", false, 3, 30);
    m.want.spec.candidates = 5;
    run(&m);
    assert_int_equal(m.rc, ERR_BAD_INPUT);                       /* no plan has that */
    m.want.spec.candidates = 0;
    OK(db_do(m.t->db, take_fn, &m, e));
    offered(&m, "p29", false, 4, 40);
    buf_done(&m.issues);
}

static int make_task_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct make *m = arg;
    m->made.spec.id = id_new();
    return task_create(tx, m->t->core, &m->made.spec, e);
}

/* The rows are closed before anything is asserted. */
static json_t *params_of(struct testing *t, int64_t task) {
    DB_SQL(task_params, "SELECT params FROM task WHERE id = ?");
    json_t *j = NULL;
    DB_ROWS rows = { 0 };
    if (db_one(db_reader(t->db), &rows, &t->e, &task_params, DB_INT(task)) == 1)
        json_read(db_str(&rows, 0), &j, &t->e);
    return j;
}

/* The task is made from what was priced: as large at most as the plan allows, and with the brand where the quote says so. */
static void size_and_mark_go_with_the_task(void **state) {
    CLEANUP(pay_free) struct pay *p = NULL;
    struct make m = selling(state, &p);
    struct err *e = &m.t->e;
    static const struct { bool paid; const char *asked; int64_t width; bool mark; } cases[] = {
        { false, "{}", 1024, true }, { false, "{\"width\":4096}", 1024, true }, { false, "{\"width\":700}", 700, true },
        { true, "{}", 0, false }, { true, "{\"width\":4096}", 4096, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].paid) {
            shop_testing_order(m.t, (struct shop_testing_order){ ME, "p9", "paid", 990, 0, clock_ms() + 3600000 });
            testing_grant(m.t, ME, 40);
        }
        m.want.spec.params = str_z(cases[i].asked);
        run(&m);
        assert_int_equal(m.rc, 0);
        OK(db_do(m.t->db, make_task_fn, &m, e));
        CLEANUP(json_unref) json_t *j = params_of(m.t, m.made.spec.id);
        assert_int_equal(json_integer_value(json_object_get(j, "width")), cases[i].width);
        const char *mark = json_string_value(json_object_get(j, "mark"));
        assert_true(cases[i].mark ? mark && strcmp(mark, "p") == 0 : !mark);
    }
    buf_done(&m.issues);
}

static int forget_fn(struct db_tx *tx, void *arg, struct err *e) { return shop_quote_forget(tx, *(int64_t *)arg, e); }

static void a_price_holds_for_a_while_only(void **state) {
    struct testing *t = rig(state);
    struct err *e = &t->e;
    struct make m = good(t);
    struct shop_quote q;
    run(&m);
    clock_set_offset_ms(m.made.expires_ms - clock_ms() + 1000);
    int r = shop_quote_get(db_reader(t->db), t->studio, t->a, m.made.id, ME, &q, e);
    clock_set_offset_ms(0);
    assert_int_equal(r, ERR_QUOTE_EXPIRED);
    int64_t now = m.made.expires_ms + 86400000;
    OK(db_do(t->db, forget_fn, &now, e));
    assert_int_equal(shop_quote_get(db_reader(t->db), t->studio, t->a, m.made.id, ME, &q, e), 1);   /* a day's grace for who looks */
    now++;
    OK(db_do(t->db, forget_fn, &now, e));
    assert_int_equal(shop_quote_get(db_reader(t->db), t->studio, t->a, m.made.id, ME, &q, e), 0);
    buf_done(&m.issues);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(a_good_input_is_priced_by_candidate),
        TESTING(a_wrong_number_of_people_is_refused),
        TESTING(the_same_face_twice_is_refused),
        TESTING(anothers_photo_is_not_found),
        TESTING(every_reason_against_every_photo_is_told_at_once),
        TESTING(a_face_that_is_not_there_is_refused),
        TESTING(unknown_templates_and_fields_are_refused),
        TESTING(what_was_priced_is_what_is_bought_once),
        TESTING(a_price_holds_for_a_while_only),
        TESTING(nothing_changes_while_nothing_is_sold),
        TESTING(the_picture_of_the_day_is_free_and_more_needs_a_plan),
        TESTING(whoever_paid_gets_what_the_plan_says),
        TESTING(size_and_mark_go_with_the_task),
    };
    return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
