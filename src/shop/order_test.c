/* order_test.c - what a provider says of an order, told once, twice, late and wrong; and that verify sees what does not agree. */
#include "shop/internal.h"
#include "shop/testing.h"

struct world {
    struct testing *t;
    struct pay  *pay;
    struct shop *shop;
    struct shop_house house;
    int64_t order, seen_ms;              /* seen_ms: 0: whatever there is */
};

static struct world open_world(void **state) {
    struct world w = { .t = *state };
    struct err *e = &w.t->e;
    w.t->more[2] = shop_settings;
    shop_testing_open(w.t, /* plans= */ true);
    w.pay = shop_testing_money(w.t);
    w.house = shop_testing_house(w.t, w.pay);
    OK(shop_new(w.t->cfg, w.t->db, w.pay, w.t->studio, &w.shop, e));
    return w;
}
static void close_world(struct world *w) {
    shop_free(w->shop);
    pay_free(w->pay);
}

/* ---- steps ---- */
struct arg { struct world *w; const struct pay_truth *truth; const struct pay_refund_truth *refund_truth; struct shop_refund_new f; int told; const struct db_sql *harm; };
static int make_fn(struct db_tx *tx, void *p, struct err *e) {
    struct arg *a = p;
    struct shop_order_new o = { .id = a->w->order, .account = ME, .product = a->w->house.product, .plan = &a->w->house.product->plans[1], .provider = "test", .lang = "en" };
    return shop_order_make(tx, a->w->shop, &o, e);
}
static int settle_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return shop__settle(tx, a->w->shop, a->w->order, a->truth, e);
}
static int refund_fn(struct db_tx *tx, void *p, struct err *e) {
    struct arg *a = p;
    return shop_refund_make(tx, a->w->shop, &a->f, e);
}
static int refund_settle_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return shop__refund_settle(tx, a->w->shop, a->f.id, a->refund_truth, e);
}
static int harm_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return db_run(tx, NULL, e, a->harm, DB_INT(a->w->order));
}

static void order(struct world *w) {
    struct err *e = &w->t->e;
    w->order = id_new();
    OK(db_do(w->t->db, make_fn, &(struct arg){ .w = w }, e));
}

/* disputed, lost: beside what stands in the call. */
static bool disputed;
static int64_t lost, fee_told = -1;              /* fee_told -1: nothing is said of it */
static int say(struct world *w, enum pay_state state, int64_t minor, const char *currency, const char *transaction, int64_t refunded) {
    char number[ID_TEXT_MAX];
    id_text(number, "order", w->order);
    struct pay_truth t = { .state = state, .number = str_z(number), .provider_id = STR("p"), .transaction_id = str_z(transaction), .customer = STR(""),
                           .paid_ms = clock_ms(), .fee_minor = -1, .refunded_minor = refunded, .paid.minor = minor, .disputed = disputed, .lost_minor = lost,
                           .dispute_fee_told = fee_told >= 0, .dispute_fee_minor = fee_told };
    snprintf(t.paid.currency, sizeof(t.paid.currency), "%s", currency);
    return db_do(w->t->db, settle_fn, &(struct arg){ .w = w, .truth = &t }, &w->t->e);
}
static int paid(struct world *w) { return say(w, PAY_PAID, 990, "CNY", "t1", 0); }

static struct order now_is(struct world *w) {
    struct order o;
    struct err *e = &w->t->e;
    OK(shop__order_get(db_reader(w->t->db), w->order, ME, &o, e));
    return o;
}
static int64_t credits(struct world *w) {
    struct ledger_balance b;
    struct err *e = &w->t->e;
    OK(ledger_balance(db_reader(w->t->db), ME, &b, e));
    return b.available;
}

static struct shop_stats stats(struct world *w) {
    struct shop_stats n;
    struct err *e = &w->t->e;
    OK(shop_get_stats(w->shop, db_reader(w->t->db), &n, e));
    return n;
}

static void count_told(void *ctx, const char *what) { ++*(int *)ctx; }
static int problems(struct world *w) {
    int told = 0;
    struct err *e = &w->t->e;
    int r = shop_verify(db_reader(w->t->db), count_told, &told, e);
    OK(r);
    assert_int_equal(r, told);
    OK(ledger_verify(db_reader(w->t->db), count_told, &told, e));
    return told;
}

/* ---- tests ---- */
static void what_is_paid_is_booked_once_and_stays(void **state) {
    struct world w = open_world(state);
    int64_t before = credits(&w);
    order(&w);
    assert_int_equal(now_is(&w).state, SHOP_OPEN);
    assert_int_equal(stats(&w).open, 1);
    assert_int_equal(say(&w, PAY_OPEN, 0, "", "", 0), 0);
    assert_int_equal(say(&w, PAY_PROCESSING, 0, "", "", 0), 0);
    assert_int_equal(now_is(&w).state, SHOP_OPEN);
    for (int i = 0; i < 3; i++)
        assert_int_equal(paid(&w), 0);
    assert_int_equal(say(&w, PAY_CLOSED, 0, "", "", 0), 0);      /* a notice that was overtaken */
    assert_int_equal(say(&w, PAY_FAILED, 0, "", "", 0), 0);
    struct order o = now_is(&w);
    assert_int_equal(o.state, SHOP_PAID);
    assert_true(o.paid_ms > 0 && o.ends_ms >= o.paid_ms + o.valid_ms);
    assert_int_equal(credits(&w) - before, 40);
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

static void money_that_comes_late_counts(void **state) {
    struct world w = open_world(state);
    int64_t before = credits(&w);
    const enum pay_state ends[] = { PAY_CLOSED, PAY_FAILED };
    const enum shop_state seen[] = { SHOP_CLOSED, SHOP_FAILED };
    for (size_t i = 0; i < COUNT(ends); i++) {
        order(&w);
        assert_int_equal(say(&w, ends[i], 0, "", "", 0), 0);
        assert_int_equal(now_is(&w).state, seen[i]);
        assert_true(now_is(&w).ask_ms > clock_ms());             /* its notice may be lost as well */
        assert_int_equal(paid(&w), 0);
        assert_int_equal(now_is(&w).state, SHOP_PAID);
    }
    assert_int_equal(credits(&w) - before, 80);
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

static void another_sum_or_a_second_payment_is_for_a_person(void **state) {
    struct world w = open_world(state);
    int64_t before = credits(&w);
    static const struct { int64_t minor; const char *currency; } wrong[] = { { 989, "CNY" }, { 991, "CNY" }, { 990, "USD" }, { 0, "CNY" }, { 99000, "CNY" } };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        order(&w);
        assert_int_equal(say(&w, PAY_PAID, wrong[i].minor, wrong[i].currency, "t1", 0), 0);
        assert_int_equal(now_is(&w).state, SHOP_OPEN);
        assert_string_equal(now_is(&w).trouble, "amount");
    }
    assert_int_equal(credits(&w), before);
    order(&w);
    assert_int_equal(paid(&w), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t2", 0), 0);
    assert_string_equal(now_is(&w).trouble, "paid_twice");
    assert_string_equal(now_is(&w).transaction_ref, "t1");
    assert_int_equal(credits(&w) - before, 40);
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

static void what_the_provider_gave_back_is_booked_by_what_is_new_of_it(void **state) {
    struct world w = open_world(state);
    int64_t before = credits(&w);
    order(&w);
    assert_int_equal(paid(&w), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 500), 0);
    assert_int_equal(now_is(&w).refunded, 500);
    assert_int_equal(credits(&w) - before, 20);                  /* 40 * 500 / 990, rounded down, were taken */
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 990), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 500), 0);      /* an older answer */
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 2000), 0);     /* more than there was */
    assert_int_equal(now_is(&w).refunded, 990);
    order(&w);
    assert_int_equal(paid(&w), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", -1), 0);
    assert_string_equal(now_is(&w).trouble, "refund_unknown");
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

static void a_refund_that_fails_for_good_never_was(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    int64_t before = credits(&w);
    const enum pay_refund_state ends[] = { PAY_REFUND_FAILED, PAY_REFUND_CLOSED };
    for (size_t i = 0; i < COUNT(ends); i++) {
        order(&w);
        assert_int_equal(paid(&w), 0);
        struct arg a = { .w = &w, .f = { .id = id_new(), .order = w.order, .by = YOU, .money = 700, .credits = 30, .cause = SHOP_CAUSE_OPERATOR, .reason = STR("r") } };
        OK(db_do(w.t->db, refund_fn, &a, e));
        assert_int_equal(now_is(&w).refunded, 700);
        a.f.id = id_new();
        assert_int_equal(db_do(w.t->db, refund_fn, &a, e), ERR_STATE);   /* one at a time */
        struct refund f;
        OK(shop__refund_of(db_reader(w.t->db), w.order, &f, e));
        struct pay_refund_truth pending = { .state = PAY_REFUND_PENDING, .provider_id = STR("re") }, odd = { .state = PAY_REFUND_ABNORMAL, .provider_id = STR("re") },
                                end = { .state = ends[i], .provider_id = STR("re") }, done = { .state = PAY_REFUND_DONE, .provider_id = STR("re") };
        const struct pay_refund_truth *said[] = { &pending, &odd, &odd, &end, &end, &done, &pending };      /* what comes after the end changes nothing */
        a.f.id = f.id;
        for (size_t k = 0; k < COUNT(said); k++) {
            a.refund_truth = said[k];
            OK(db_do(w.t->db, refund_settle_fn, &a, e));
            assert_int_equal(problems(&w), 0);
        }
        OK(shop__refund_of(db_reader(w.t->db), w.order, &f, e));
        assert_string_equal(f.state, pay_refund_state_names[ends[i]]);
        assert_int_equal(now_is(&w).refunded, 0);
        assert_string_equal(now_is(&w).trouble, "refund_late");      /* told done behind its end: its owner has both */
    }
    assert_int_equal(credits(&w) - before, 80);
    close_world(&w);
}

/* A bank sends it back days later. */
static void a_done_refund_may_come_back(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    int64_t before = credits(&w);
    order(&w);
    assert_int_equal(paid(&w), 0);
    struct arg a = { .w = &w, .f = { .id = id_new(), .order = w.order, .by = YOU, .credits = -1, .cause = SHOP_CAUSE_OPERATOR, .reason = STR("r") } };
    OK(db_do(w.t->db, refund_fn, &a, e));
    assert_int_equal(credits(&w), before);                       /* all the money: all the credits with it */
    struct pay_refund_truth done = { .state = PAY_REFUND_DONE, .provider_id = STR("re") }, failed = { .state = PAY_REFUND_FAILED, .provider_id = STR("re") };
    const struct pay_refund_truth *said[] = { &done, &done, &failed, &failed };
    for (size_t k = 0; k < COUNT(said); k++) {
        a.refund_truth = said[k];
        OK(db_do(w.t->db, refund_settle_fn, &a, e));
        assert_int_equal(now_is(&w).refunded, k < 2 ? 990 : 0);
        assert_int_equal(problems(&w), 0);
    }
    assert_string_equal(now_is(&w).trouble, "refund_failed");
    assert_int_equal(credits(&w) - before, 40);
    a.f.id = id_new();
    OK(db_do(w.t->db, refund_fn, &a, e));
    a.refund_truth = &done;
    OK(db_do(w.t->db, refund_settle_fn, &a, e));                 /* the next one worked, so nobody needs to look */
    assert_string_equal(now_is(&w).trouble, "");
    close_world(&w);
}

static int settled_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return shop_order_settled(tx, a->w->shop, &(struct shop_settled){ .order = a->w->order, .by = YOU, .money = a->f.money, .seen_ms = a->w->seen_ms ? a->w->seen_ms : INT64_MAX, .note = STR("n") }, e);
}
static int settled(struct world *w, int64_t money) { return db_do(w->t->db, settled_fn, &(struct arg){ .w = w, .f.money = money }, &w->t->e); }

DB_SQL(trouble_rows, "SELECT COUNT(*) FROM shop_trouble WHERE over_ms = 0 AND order_id = ?");
DB_SQL(all_troubles, "SELECT COUNT(*) FROM shop_trouble WHERE by_account <> 0 AND order_id = ?");
static int64_t open_troubles(struct world *w) { return testing_count(w->t, &trouble_rows, w->order); }

static void a_trouble_ends_by_itself_or_by_hand_and_stays_ended(void **state) {
    struct world w = open_world(state);
    int64_t before = credits(&w);
    order(&w);
    assert_int_equal(settled(&w, 0), ERR_STATE);                 /* there is nothing to settle */
    for (int i = 0; i < 3; i++)
        assert_int_equal(say(&w, PAY_PAID, 1, "CNY", "t1", 0), 0);
    assert_int_equal(open_troubles(&w), 1);
    assert_int_equal(settled(&w, 1), ERR_BAD_INPUT);             /* nothing of it was booked, so nothing can have gone back */
    assert_int_equal(settled(&w, 0), 0);
    assert_int_equal(now_is(&w).state, SHOP_CLOSED);
    assert_int_equal(say(&w, PAY_PAID, 1, "CNY", "t1", 0), 0);   /* the same again */
    assert_string_equal(now_is(&w).trouble, "");
    assert_int_equal(say(&w, PAY_PAID, 2, "CNY", "t2", 0), 0);   /* another one */
    assert_string_equal(now_is(&w).trouble, "amount");
    assert_int_equal(say(&w, PAY_PAID, 2, "CNY", "t2", 2), 0);   /* given back in the provider's console */
    assert_string_equal(now_is(&w).trouble, "");
    assert_int_equal(credits(&w), before);

    order(&w);
    assert_int_equal(say(&w, PAY_PAID, 1, "CNY", "t1", 0), 0);
    assert_int_equal(paid(&w), 0);                               /* the right sum after all */
    assert_int_equal(open_troubles(&w), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", -1), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t2", 0), 0);
    assert_int_equal(open_troubles(&w), 2);                      /* none hides the other */
    assert_int_equal(stats(&w).troubled, 1);                     /* and they are one order's */
    assert_string_equal(now_is(&w).trouble, "paid_twice");
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 495), 0);
    assert_int_equal(open_troubles(&w), 1);                      /* it is told now how much */
    w.seen_ms = clock_ms() - 3600000;                            /* a page that was opened long ago */
    assert_int_equal(settled(&w, 495), ERR_RACE);
    assert_int_equal(open_troubles(&w), 1);
    w.seen_ms = 0;
    assert_int_equal(settled(&w, 496), ERR_BAD_INPUT);
    assert_int_equal(settled(&w, 495), 0);
    assert_int_equal(open_troubles(&w), 0);
    assert_int_equal(stats(&w).troubled, 0);
    assert_int_equal(now_is(&w).refunded, 990);
    assert_int_equal(credits(&w), before);
    struct refund f;
    struct err *e = &w.t->e;
    OK(shop__refund_of(db_reader(w.t->db), w.order, &f, e));
    assert_string_equal(f.reason, "");                           /* its owner reads that, and what is noted is the operators' */
    assert_int_equal(settled(&w, 0), ERR_STATE);
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

static int spend_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    int r = ledger_hold(tx, ME, a->f.credits, a->f.id, STR("p"), e);
    return r < 0 ? r : ledger_resolve(tx, a->f.id, a->f.credits, e);
}
DB_SQL(refund_rows, "SELECT COUNT(*) FROM shop_refund WHERE order_id = ?");

static void what_a_bank_takes_back_is_booked_once_and_what_it_leaves_is_not(void **state) {
    static const struct { int64_t spent, lost, refunded, gone, credits, refunds; const char *trouble; } cases[] = {
        { 0, 0, 0, 0, 40, 0, "" },                               /* won */
        { 0, 990, 0, 990, 0, 1, "" },
        { 30, 990, 0, 990, 0, 1, "" },                           /* what was spent stays spent */
        { 0, 495, 0, 495, 20, 1, "" },
        { 0, 495, 495, 990, 0, 1, "" },                          /* and the rest was given back in the console */
        { 0, 990, 495, 990, 0, 1, "lost_twice" },
    };
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t before = credits(&w);
        order(&w);
        assert_int_equal(paid(&w), 0);
        if (cases[i].spent) {                                    /* those of before end sooner, so they are spent first */
            OK(db_do(w.t->db, spend_fn, &(struct arg){ .f = { .id = id_new(), .credits = before + cases[i].spent } }, e));
            before = 0;
        }
        disputed = true;
        for (int k = 0; k < 2; k++)
            assert_int_equal(paid(&w), 0);
        assert_string_equal(now_is(&w).trouble, "dispute");
        assert_true(now_is(&w).disputed);
        assert_int_equal(now_is(&w).refunded, 0);                /* not decided: nothing is booked */
        disputed = false;
        lost = cases[i].lost;
        for (int k = 0; k < 3; k++)
            assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", cases[i].refunded), 0);
        lost = 0;
        assert_false(now_is(&w).disputed);
        assert_string_equal(now_is(&w).trouble, cases[i].trouble);
        assert_int_equal(now_is(&w).refunded, cases[i].gone);
        assert_int_equal(credits(&w) - before, cases[i].credits);
        assert_int_equal(testing_count(w.t, &refund_rows, w.order), cases[i].refunds);
        assert_int_equal(problems(&w), 0);
    }
    close_world(&w);
}

DB_SQL(fee_rows, "SELECT COUNT(*) FROM shop_fee WHERE order_id = ?");
DB_SQL(fee_drop, "DELETE FROM shop_fee WHERE order_id = ?");
static void what_a_dispute_costs_is_booked_by_what_is_new_of_it(void **state) {
    static const struct { int64_t told, booked, rows; } steps[] = { { -1, 0, 0 }, { 0, 0, 0 }, { 1500, 1500, 1 }, { 1500, 1500, 1 }, { -1, 1500, 1 }, { 3000, 3000, 2 }, { 1500, 1500, 3 }, { 0, 0, 4 } };
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    order(&w);
    assert_int_equal(paid(&w), 0);
    for (size_t i = 0; i < COUNT(steps); i++) {
        int64_t booked;
        fee_told = steps[i].told;
        assert_int_equal(paid(&w), 0);
        OK(shop__fee_booked(db_reader(w.t->db), w.order, &booked, e));
        assert_int_equal(booked, steps[i].booked);
        assert_int_equal(testing_count(w.t, &fee_rows, w.order), steps[i].rows);
        assert_int_equal(problems(&w), 0);
    }
    fee_told = -1;
    OK(db_do(w.t->db, harm_fn, &(struct arg){ .w = &w, .harm = &fee_drop }, e));
    assert_int_equal(problems(&w), 1);
    close_world(&w);
}

static int ask_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return shop_refund_ask(tx, a->w->shop, id_new(), a->w->order, ME, STR("r"), e);
}

/* Somebody answered the bank and said so; the bank has not decided. What it may take is not given back by itself. */
static void what_a_bank_was_asked_for_goes_back_by_a_person_only(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    struct refund f;
    order(&w);
    disputed = true;
    assert_int_equal(paid(&w), 0);
    assert_int_equal(settled(&w, 0), 0);
    assert_int_equal(paid(&w), 0);
    disputed = false;
    assert_string_equal(now_is(&w).trouble, "");
    OK(db_do(w.t->db, ask_fn, &(struct arg){ .w = &w }, e));
    OK(shop__refund_of(db_reader(w.t->db), w.order, &f, e));
    assert_string_equal(f.state, "asked");
    assert_int_equal(now_is(&w).refunded, 0);
    close_world(&w);
}

/* The bank sent it back, and then it went after all: the provider's sum books it, and nobody need book it by hand. */
static void a_refund_that_is_late_is_booked_by_the_sum_that_is_gone(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    order(&w);
    assert_int_equal(paid(&w), 0);
    struct arg a = { .w = &w, .f = { .id = id_new(), .order = w.order, .by = YOU, .money = 400, .credits = 10, .cause = SHOP_CAUSE_OPERATOR, .reason = STR("r") } };
    OK(db_do(w.t->db, refund_fn, &a, e));
    struct pay_refund_truth failed = { .state = PAY_REFUND_FAILED, .provider_id = STR("re") }, done = { .state = PAY_REFUND_DONE, .provider_id = STR("re") };
    const struct pay_refund_truth *said[] = { &failed, &done };
    for (size_t k = 0; k < COUNT(said); k++) {
        a.refund_truth = said[k];
        OK(db_do(w.t->db, refund_settle_fn, &a, e));
    }
    assert_string_equal(now_is(&w).trouble, "refund_late");
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", 400), 0);
    assert_int_equal(now_is(&w).refunded, 400);
    assert_string_equal(now_is(&w).trouble, "refund_failed");
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

/* What somebody paid back another way is in no sum of the provider's: that counts beside it, up to the price, and beyond a person is told. */
static void what_went_back_by_hand_is_not_in_the_sum_of_the_provider(void **state) {
    static const struct { int64_t hand, refunded, lost, booked; const char *trouble; } cases[] = {
        { 300, 0, 0, 300, "" }, { 300, 200, 0, 500, "" }, { 100, 0, 990, 990, "lost_twice" }, { 300, 990, 0, 990, "" }, { 300, 0, 690, 990, "" },
    };
    struct world w = open_world(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        order(&w);
        disputed = true;
        assert_int_equal(paid(&w), 0);
        assert_int_equal(settled(&w, cases[i].hand), 0);
        disputed = false;
        lost = cases[i].lost;
        for (int k = 0; k < 2; k++)
            assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", cases[i].refunded), 0);
        lost = 0;
        assert_int_equal(now_is(&w).refunded, cases[i].booked);
        assert_string_equal(now_is(&w).trouble, cases[i].trouble);
        assert_int_equal(problems(&w), 0);
    }
    close_world(&w);
}

/* An inquiry that was settled by hand and came to nothing, and then the bank's own dispute. */
static void another_dispute_is_told_anew(void **state) {
    struct world w = open_world(state);
    order(&w);
    assert_int_equal(paid(&w), 0);
    for (int i = 0; i < 3; i++) {
        disputed = true;
        assert_int_equal(paid(&w), 0);
        assert_string_equal(now_is(&w).trouble, "dispute");
        assert_int_equal(settled(&w, 0), 0);
        assert_int_equal(paid(&w), 0);
        assert_string_equal(now_is(&w).trouble, "");
        disputed = false;
        assert_int_equal(paid(&w), 0);
    }
    assert_int_equal(testing_count(w.t, &all_troubles, w.order), 3);
    close_world(&w);
}

static int foreign_fn(struct db_tx *tx, void *p, struct err *e) {
    const struct arg *a = p;
    return shop__refund_foreign(tx, a->w->shop, a->w->order, a->refund_truth, e);
}
static int console(struct world *w, int64_t minor, const char *ref) {
    struct pay_refund_truth t = { .state = PAY_REFUND_DONE, .number = STR("CONSOLE"), .provider_id = str_z(ref), .amount = { minor, "CNY" } };
    return db_do(w->t->db, foreign_fn, &(struct arg){ .w = w, .refund_truth = &t }, &w->t->e);
}

/* Of one that tells no sums (WeChat) each part is told by a notice of its own, however often. */
static void what_a_console_gives_back_in_parts_is_booked_part_by_part(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    int64_t before = credits(&w);
    order(&w);
    assert_int_equal(console(&w, 100, "c0"), 0);                 /* nothing was paid, as far as we know */
    assert_int_equal(paid(&w), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", -1), 0);
    assert_string_equal(now_is(&w).trouble, "refund_unknown");   /* the answer was faster than the notice */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(console(&w, 100, "c1"), 0);
        assert_int_equal(console(&w, 200, "c2"), 0);
        assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", -1), 0);
    }
    assert_string_equal(now_is(&w).trouble, "");
    assert_int_equal(now_is(&w).refunded, 300);
    assert_int_equal(testing_count(w.t, &refund_rows, w.order), 2);
    struct arg ours = { .w = &w, .f = { .id = id_new(), .order = w.order, .by = YOU, .money = 400, .credits = 0, .cause = SHOP_CAUSE_OPERATOR, .reason = STR("r") } };
    OK(db_do(w.t->db, refund_fn, &ours, e));
    struct pay_refund_truth done = { .state = PAY_REFUND_DONE, .provider_id = STR("ours") };
    ours.refund_truth = &done;
    OK(db_do(w.t->db, refund_settle_fn, &ours, e));
    assert_int_equal(console(&w, 400, "ours"), 0);               /* by whatever number it is told: that one we have */
    assert_int_equal(now_is(&w).refunded, 700);
    assert_int_equal(console(&w, 300, "c3"), 0);                 /* more than is left of the price: that much of it, and a person looks */
    assert_int_equal(now_is(&w).refunded, 990);
    assert_string_equal(now_is(&w).trouble, "refund_unknown");
    assert_true(credits(&w) - before <= 40 - 4 - 8);
    assert_int_equal(problems(&w), 0);

    order(&w);                                                   /* its notice was late, and a person has booked it by hand meanwhile */
    assert_int_equal(paid(&w), 0);
    assert_int_equal(say(&w, PAY_PAID, 990, "CNY", "t1", -1), 0);
    assert_int_equal(settled(&w, 100), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(console(&w, 100, "c4"), 0);
    assert_int_equal(now_is(&w).refunded, 100);
    assert_string_equal(now_is(&w).trouble, "refund_unknown");
    assert_int_equal(settled(&w, 0), 0);
    assert_int_equal(console(&w, 100, "c4"), 0);
    assert_string_equal(now_is(&w).trouble, "");                 /* a person said that it was the same */
    assert_int_equal(problems(&w), 0);
    close_world(&w);
}

DB_SQL(harm_paid, "UPDATE shop_order SET state = 'paid', paid_ms = 1 WHERE id = ?");
DB_SQL(harm_unpaid, "UPDATE shop_order SET state = 'closed' WHERE id = ?");
DB_SQL(harm_refunded, "UPDATE shop_order SET refunded_minor = 1 WHERE id = ?");
DB_SQL(harm_price, "UPDATE shop_order SET price_minor = price_minor - 1, off_minor = off_minor + 1 WHERE id = ?");
DB_SQL(harm_credits, "UPDATE shop_order SET credits = credits + 1 WHERE id = ?");
DB_SQL(harm_owner, "UPDATE shop_order SET account_id = account_id + 1 WHERE id = ?");
DB_SQL(harm_gone, "DELETE FROM shop_order WHERE id = ?");

static void verify_sees_each_planted_harm(void **state) {
    static const struct { const struct db_sql *sql; bool paid; } harms[] = { { &harm_paid, false }, { &harm_unpaid, true }, { &harm_refunded, true }, { &harm_price, true },
                                                                             { &harm_credits, true }, { &harm_owner, true }, { &harm_gone, true } };
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    int told = 0;
    for (size_t i = 0; i < COUNT(harms); i++) {
        order(&w);
        if (harms[i].paid)
            assert_int_equal(paid(&w), 0);
        assert_int_equal(problems(&w), told);
        OK(db_do(w.t->db, harm_fn, &(struct arg){ .w = &w, .harm = harms[i].sql }, e));
        if (problems(&w) <= told)
            fail_msg("verify does not see %s", harms[i].sql->name);
        told = problems(&w);
    }
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(what_is_paid_is_booked_once_and_stays),
        TESTING(money_that_comes_late_counts),
        TESTING(another_sum_or_a_second_payment_is_for_a_person),
        TESTING(what_the_provider_gave_back_is_booked_by_what_is_new_of_it),
        TESTING(a_refund_that_fails_for_good_never_was),
        TESTING(a_done_refund_may_come_back),
        TESTING(a_trouble_ends_by_itself_or_by_hand_and_stays_ended),
        TESTING(what_a_bank_takes_back_is_booked_once_and_what_it_leaves_is_not),
        TESTING(what_a_dispute_costs_is_booked_by_what_is_new_of_it),
        TESTING(what_a_bank_was_asked_for_goes_back_by_a_person_only),
        TESTING(a_refund_that_is_late_is_booked_by_the_sum_that_is_gone),
        TESTING(what_went_back_by_hand_is_not_in_the_sum_of_the_provider),
        TESTING(another_dispute_is_told_anew),
        TESTING(what_a_console_gives_back_in_parts_is_booked_part_by_part),
        TESTING(verify_sees_each_planted_harm),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
