/* test_test.c - test money, whose provider is a table: every flow, and again after the database was closed and opened. */
#include "base/clock.h"
#include "db/db.h"
#include "pay/testing.h"

static struct config *db_cfg;
static struct db *db;
static char db_dir[64];

static void open_db(void) {
    if (db_open(db_cfg, db_dir, false, &db, &err) < 0)
        fail_msg("%s", err.text);
    test_open(db);
}
static void close_db(void) {
    pay_free(TAKE(test_pay));
    db_close(TAKE(db));
}

static int setup(void **state) {
    static const struct setting *const tables[] = { db_settings, NULL };
    test_config();
    test_set("pay.test_money", "true");
    snprintf(db_dir, sizeof(db_dir), "/tmp/zt-pay-db-XXXXXX");
    assert_non_null(mkdtemp(db_dir));
    assert_int_equal(config_new(tables, &db_cfg, &err), 0);
    open_db();
    return 0;
}
static int teardown(void **state) {
    close_db();
    config_free(db_cfg);
    nftw(db_dir, test_rm, 8, FTW_DEPTH | FTW_PHYS);
    test_done();
    return 0;
}

#define OK(call) \
    do { \
        if ((call) < 0) \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

static struct pay_ask ask_of(const char *number) {
    return (struct pay_ask){ .number = str_z(number), .attempt = 1, .price = { 990, "CNY" }, .title = STR("Four portraits"), .scene = PAY_PAGE,
                             .return_url = STR("https://photo.example.com/back") };
}
static void start(const char *number) {
    struct pay_ask ask = ask_of(number);
    struct pay_start s;
    OK(pay_start(test_pay, "test", &ask, test_arena, &s, &err));
    check_str(s.text, arena_printf(test_arena, "/pay/test/%s", number).p);
}
static struct pay_truth truth_of(const char *number) {
    struct pay_truth t = { 0 };
    OK(pay_query(test_pay, "test", &(struct pay_which){ .number = str_z(number) }, test_arena, &t, &err));
    return t;
}
static struct pay_test_notice act(const char *number, enum pay_test_act what) {
    struct pay_test_notice n = { 0 };
    OK(pay_test_act(test_pay, str_z(number), what, test_arena, &n, &err));
    return n;
}
static int hear(const struct pay_test_notice *n, int64_t now_ms, struct pay_notice *ret) {
    struct test_said s = { { "Pay-Test-Signature", n->signature.p } };
    return test_notice("test", now_ms, &s, n->body, ret);
}

static void is_paid_and_survives_a_restart(void **state) {
    struct pay_notice n;
    start("order-1");
    start("order-1");                                      /* the same call again is the same payment */
    assert_int_equal(truth_of("order-1").state, PAY_OPEN);
    struct pay_test_notice sent = act("order-1", PAY_TEST_PAY);
    int64_t now = clock_ms();
    OK(hear(&sent, now, &n));
    assert_true(n.truth);
    assert_int_equal(n.payment.state, PAY_PAID);
    assert_int_equal(n.payment.paid.minor, 990);
    check_str(n.number, "order-1");
    /* altered, late, by somebody else */
    struct pay_test_notice forged = sent;
    forged.body = arena_str(test_arena, sent.body);
    ((char *)(uintptr_t)forged.body.p)[20] ^= 1;
    assert_int_equal(hear(&forged, now, &n), ERR_PAY_NOTICE);
    forged.body = arena_printf(test_arena, "%.*s!more", STR_ARG(sent.body));
    ((char *)(uintptr_t)forged.body.p)[sent.body.n] = 0;
    check_err(hear(&forged, now, &n), ERR_PAY_NOTICE, &err, "signature");          /* which is over every byte, behind a NUL too */
    assert_int_equal(hear(&sent, now + 302000, &n), ERR_PAY_NOTICE);
    assert_int_equal(hear(&sent, now - 302000, &n), ERR_PAY_NOTICE);
    assert_int_equal(test_notice("test", now, NULL, sent.body, &n), ERR_PAY_NOTICE);
    close_db();
    open_db();
    struct pay_truth t = truth_of("order-1");              /* the notice was lost: the truth is not */
    assert_int_equal(t.state, PAY_PAID);
    struct pay_money price = { 990, "CNY" };
    OK(pay_truth_check(&t, STR("order-1"), &price, &err));
    OK(hear(&sent, now, &n));
}

static void fails_is_cancelled_and_comes_late(void **state) {
    struct pay_ask ask = ask_of("order-2");
    struct pay_start s;
    struct pay_test_notice n;
    start("order-2");
    act("order-2", PAY_TEST_PROCESS);
    assert_int_equal(truth_of("order-2").state, PAY_PROCESSING);
    act("order-2", PAY_TEST_FAIL);
    assert_int_equal(truth_of("order-2").state, PAY_FAILED);
    check_err(pay_test_act(test_pay, STR("order-2"), PAY_TEST_PAY, test_arena, &n, &err), ERR_STATE, &err, "while the payment is failed");
    check_err(pay_test_act(test_pay, STR("order-2"), PAY_TEST_ACT_COUNT, test_arena, &n, &err), ERR_BAD_INPUT, &err, "no such act");
    check_err(pay_start(test_pay, "test", &ask, test_arena, &s, &err), ERR_PAY_OVER, &err, "over");
    start("order-3");
    OK(pay_close(test_pay, "test", &(struct pay_which){ .number = STR("order-3") }, test_arena, &err));
    OK(pay_close(test_pay, "test", &(struct pay_which){ .number = STR("order-3") }, test_arena, &err));
    assert_int_equal(truth_of("order-3").state, PAY_CLOSED);
    check_err(pay_test_act(test_pay, STR("order-3"), PAY_TEST_PAY, test_arena, &n, &err), ERR_STATE, &err, "closed");
    act("order-3", PAY_TEST_PAY_LATE);                     /* money comes all the same: it happens */
    assert_int_equal(truth_of("order-3").state, PAY_PAID);
    check_err(pay_close(test_pay, "test", &(struct pay_which){ .number = STR("order-3") }, test_arena, &err), ERR_PAY_OVER, &err, "decided");
    ask = ask_of("order-1");
    ask.price.minor = 5;
    check_err(pay_start(test_pay, "test", &ask, test_arena, &s, &err), ERR_PAY_OVER, &err, "something else");
    struct pay_truth t;
    check_err(pay_query(test_pay, "test", &(struct pay_which){ .number = STR("order-9") }, test_arena, &t, &err), ERR_NOT_FOUND, &err, "no such payment");
    check_err(pay_query(test_pay, "wechat", &(struct pay_which){ .number = STR("order-9") }, test_arena, &t, &err), ERR_PAY_SETUP, &err, "not set up");
    act("order-3", PAY_TEST_DISPUTE);
    assert_true(truth_of("order-3").disputed);
    check_err(pay_test_act(test_pay, STR("order-3"), PAY_TEST_DISPUTE, test_arena, &n, &err), ERR_STATE, &err, "dispute");
    act("order-3", PAY_TEST_DISPUTE_WON);
    assert_false(truth_of("order-3").disputed);
    assert_int_equal(truth_of("order-3").lost_minor, 0);
    check_err(pay_test_act(test_pay, STR("order-3"), PAY_TEST_DISPUTE_LOST, test_arena, &n, &err), ERR_STATE, &err, "dispute_lost");
    act("order-3", PAY_TEST_DISPUTE);
    act("order-3", PAY_TEST_DISPUTE_LOST);
    assert_false(truth_of("order-3").disputed);
    assert_int_equal(truth_of("order-3").lost_minor, 990);
}

static void gives_back_in_parts_and_never_more(void **state) {
    struct pay_refund_ask r = { .number = STR("refund-1"), .of = { .number = STR("order-1") }, .amount = { 400, "CNY" }, .total_minor = 990 };
    struct pay_refund_truth t;
    int64_t offset = 0;
    OK(pay_refund(test_pay, "test", &r, test_arena, &t, &err));
    OK(pay_refund(test_pay, "test", &r, test_arena, &t, &err));          /* twice is once */
    assert_int_equal(t.state, PAY_REFUND_PENDING);
    assert_int_equal(truth_of("order-1").refunded_minor, 0);
    clock_set_offset_ms(offset += 2500);
    OK(pay_query_refund(test_pay, "test", &r, test_arena, &t, &err));
    assert_int_equal(t.state, PAY_REFUND_DONE);
    assert_int_equal(truth_of("order-1").refunded_minor, 400);
    r.number = STR("refund-2");
    r.amount.minor = 591;
    check_err(pay_refund(test_pay, "test", &r, test_arena, &t, &err), ERR_PAY_REFUSED, &err, "more than there is");
    r.amount.minor = 590;
    OK(pay_refund(test_pay, "test", &r, test_arena, &t, &err));
    struct pay_notice n;
    struct pay_test_notice sent = act("order-1", PAY_TEST_REFUND_ABNORMAL);
    OK(hear(&sent, clock_ms(), &n));
    assert_int_equal(n.about, PAY_ABOUT_REFUND);
    assert_int_equal(n.refund.state, PAY_REFUND_ABNORMAL);
    check_str(n.refund_number, "refund-2");
    clock_set_offset_ms(offset += 2500);
    assert_int_equal(truth_of("order-1").refunded_minor, 400);
    struct pay_test_notice none;
    check_err(pay_test_act(test_pay, STR("order-1"), PAY_TEST_REFUND_ABNORMAL, test_arena, &none, &err), ERR_STATE, &err, "no refund");      /* what arrived stays */
    r.number = STR("refund-3");
    check_err(pay_query_refund(test_pay, "test", &r, test_arena, &t, &err), ERR_NOT_FOUND, &err, "no such refund");
    r.number = STR("refund-1");
    check_err(pay_refund(test_pay, "test", &r, test_arena, &t, &err), ERR_PAY_OVER, &err, "something else");
    clock_set_offset_ms(0);
}

static void renews_pauses_and_ends(void **state) {
    struct pay_ask ask = ask_of("member-1");
    struct pay_start s;
    struct pay_notice n;
    struct pay_truth t;
    struct pay_change_ask c = { PAY_CHANGE_PAUSE, STR("change-1"), STR("member-1"), .item = STR("test"), .product = STR("test") };
    ask.months = 1;
    OK(pay_start(test_pay, "test", &ask, test_arena, &s, &err));
    check_err(pay_change(test_pay, "test", &c, test_arena, &t, &err), ERR_PAY_REFUSED, &err, "no membership");
    struct pay_test_notice sent = act("member-1", PAY_TEST_PAY);
    OK(hear(&sent, clock_ms(), &n));
    check_str(n.member, "member-1");
    int64_t end = n.payment.member.period_end_ms;
    struct str first = n.payment.provider_id;
    sent = act("member-1", PAY_TEST_RENEW);
    OK(hear(&sent, clock_ms(), &n));
    assert_int_equal(n.about, PAY_ABOUT_MEMBER);
    assert_int_equal(n.payment.member.period_start_ms, end);
    assert_true(n.payment.member.period_end_ms > end);
    assert_false(str_eq(first, n.payment.provider_id));    /* each period is a payment of its own */
    act("member-1", PAY_TEST_RENEW_FAIL);
    OK(pay_query_member(test_pay, "test", STR("member-1"), test_arena, &t, &err));
    assert_int_equal(t.member.state, PAY_MEMBER_PAST_DUE);
    act("member-1", PAY_TEST_RENEW);
    OK(pay_change(test_pay, "test", &c, test_arena, &t, &err));
    assert_int_equal(t.member.state, PAY_MEMBER_PAUSED);
    c.what = PAY_CHANGE_RESUME;
    OK(pay_change(test_pay, "test", &c, test_arena, &t, &err));
    assert_int_equal(t.member.state, PAY_MEMBER_ACTIVE);
    c.what = PAY_CHANGE_END;
    OK(pay_change(test_pay, "test", &c, test_arena, &t, &err));
    assert_true(t.member.ends);
    act("member-1", PAY_TEST_RENEW);
    OK(pay_query_member(test_pay, "test", STR("member-1"), test_arena, &t, &err));
    assert_int_equal(t.member.state, PAY_MEMBER_ENDED);
    struct pay_test_view v;
    OK(pay_test_view(test_pay, STR("member-1"), test_arena, &v, &err));
    assert_int_equal(v.months, 1);
    check_str(v.title, "Four portraits");
    check_err(pay_test_view(test_pay, STR("member-9"), test_arena, &v, &err), ERR_NOT_FOUND, &err, "test money");
}

#define DAY INT64_C(86400000)

/* As Stripe does it: what costs more is charged for the rest of the period, once; what costs less only begins with the next one. */
static void charges_the_difference_of_an_upgrade(void **state) {
    struct pay_ask ask = ask_of("member-3");
    struct pay_start s;
    struct pay_truth t;
    struct pay_change_ask c = { PAY_CHANGE_PRICE, STR("change-3"), STR("member-3"), { 1990, "CNY" }, .months = 1, .item = STR("test"), .product = STR("test"), .charge_now = true };
    ask.months = 1;
    OK(pay_start(test_pay, "test", &ask, test_arena, &s, &err));
    act("member-3", PAY_TEST_PAY);
    struct str first = truth_of("member-3").provider_id;
    clock_set_offset_ms(15 * DAY);
    for (int i = 0; i < 2; i++) {
        OK(pay_change(test_pay, "test", &c, test_arena, &t, &err));
        assert_int_equal(t.state, PAY_PAID);
        assert_in_range(t.paid.minor, 499, 501);           /* half of 1000 */
        assert_false(str_eq(first, t.provider_id));
        assert_false(str_starts(t.transaction_id, STR("test-member-3-p")));
    }
    struct str second = t.provider_id;
    OK(pay_query_member(test_pay, "test", STR("member-3"), test_arena, &t, &err));
    assert_true(str_eq(second, t.provider_id));
    c.number = STR("change-4");
    c.price.minor = 500;
    c.charge_now = false;
    OK(pay_change(test_pay, "test", &c, test_arena, &t, &err));
    assert_true(str_eq(second, t.provider_id));
    act("member-3", PAY_TEST_RENEW);
    OK(pay_query_member(test_pay, "test", STR("member-3"), test_arena, &t, &err));
    assert_int_equal(t.paid.minor, 500);
    assert_false(str_eq(second, t.provider_id));
    /* each of the three can go back, and no more */
    struct pay_refund_ask back = { .number = STR("refund-m1"), .of = { .number = STR("member-3") }, .amount = { 990, "CNY" }, .total_minor = 990 };
    struct pay_refund_truth r;
    OK(pay_refund(test_pay, "test", &back, test_arena, &r, &err));
    back.number = STR("refund-m2");
    OK(pay_refund(test_pay, "test", &back, test_arena, &r, &err));
    back.number = STR("refund-m3");
    back.amount.minor = 20;                                /* 990, 500 and 500 were paid */
    check_err(pay_refund(test_pay, "test", &back, test_arena, &r, &err), ERR_PAY_REFUSED, &err, "more than there is");
    clock_set_offset_ms(0);
}

DB_SQL(count_payments, "SELECT COUNT(*) FROM pay_test");
DB_SQL(count_refunds, "SELECT COUNT(*) FROM pay_test_refund");
static int64_t count(const struct db_sql *q) {
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(db), &rows, &err, q), 1);
    return db_int(&rows, 0);
}
static int on_expire(struct db_tx *tx, void *arg, struct err *e) { return pay_expire(tx, *(int64_t *)arg, e); }
static void expire(int64_t now_ms) { OK(db_do(db, on_expire, &now_ms, &err)); }
static bool is_there(const char *number) {
    struct pay_truth t;
    int r = pay_query(test_pay, "test", &(struct pay_which){ .number = str_z(number) }, test_arena, &t, &err);
    assert_true(r == 0 || r == ERR_NOT_FOUND);
    return r == 0;
}

static void forgets_what_is_long_over(void **state) {
    static const char *const numbers[] = { "left-open", "closed-1", "failed-1", "paid-once", "paid-back", "member-2" };
    static const struct { int day; unsigned there; } days[] = { { 29, 63 }, { 31, 56 }, { 89, 56 }, { 91, 48 }, { 119, 48 }, { 121, 16 }, { 149, 16 }, { 151, 0 } };
    struct pay_refund_ask back = { .number = STR("late-refund"), .of = { .number = STR("paid-back") }, .amount = { 400, "CNY" }, .total_minor = 990 };
    struct pay_refund_truth r;
    struct pay_ask member = ask_of("member-2");
    struct pay_start s;
    int64_t now = clock_ms();
    expire(now + 400 * DAY);                               /* what the tests before left behind */
    assert_int_equal(count(&count_payments) + count(&count_refunds), 0);
    for (size_t i = 0; i + 1 < COUNT(numbers); i++)
        start(numbers[i]);
    member.months = 1;
    OK(pay_start(test_pay, "test", &member, test_arena, &s, &err));
    act("closed-1", PAY_TEST_CANCEL);
    act("failed-1", PAY_TEST_FAIL);
    act("paid-once", PAY_TEST_PAY);
    act("paid-back", PAY_TEST_PAY);
    act("member-2", PAY_TEST_PAY);                         /* for 30 days */
    clock_set_offset_ms(60 * DAY);
    OK(pay_refund(test_pay, "test", &back, test_arena, &r, &err));
    clock_set_offset_ms(0);
    for (size_t i = 0; i < COUNT(days); i++) {
        expire(now + days[i].day * DAY);
        for (size_t k = 0; k < COUNT(numbers); k++)
            if (is_there(numbers[k]) != !!(days[i].there & 1u << k))
                fail_msg("day %d: %s", days[i].day, numbers[k]);
        assert_int_equal(count(&count_refunds), !!(days[i].there & 16));
    }
    for (int i = 0; i < 130; i++)
        start(arena_printf(test_arena, "many-%d", i).p);
    expire(now + 400 * DAY);
    assert_int_equal(count(&count_payments), 30);          /* a hundred at once */
    expire(now + 400 * DAY);
    assert_int_equal(count(&count_payments), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(is_paid_and_survives_a_restart), cmocka_unit_test(fails_is_cancelled_and_comes_late),
                                        cmocka_unit_test(gives_back_in_parts_and_never_more), cmocka_unit_test(renews_pauses_and_ends),
                                        cmocka_unit_test(charges_the_difference_of_an_upgrade), cmocka_unit_test(forgets_what_is_long_over) };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
