/* member_test.c - what a provider says of a membership, in any order and number, is booked once; and the proof finds what is not so. */
#include "shop/internal.h"
#include "shop/member.h"
#include "shop/testing.h"

#define MONTHLY "may: " SHOP_TESTING_MAY("4", "4", "4096", "false")
static const char plans[] = SHOP_TESTING_PLANS SHOP_TESTING_PLAN("m", "member", "price: { CNY: 2990 }, credits: 160, valid: 31d", MONTHLY)
    SHOP_TESTING_PLAN("mm", "member", "price: { CNY: 4990 }, credits: 320, valid: 31d", MONTHLY);

#define MONTH_MS (30LL * 24 * 3600 * 1000)

struct world { struct testing *t; struct pay *pay; struct shop *shop; int64_t order, start_ms; };

static struct world open_world(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct world w = { .t = t, .start_ms = clock_ms() };
    t->more[0] = pay_settings;
    t->more[1] = shop_plan_settings;
    t->more[2] = shop_settings;
    shop_testing_product(t, plans);
    testing_open(t);
    w.pay = shop_testing_money(t);
    OK(shop_new(t->cfg, t->db, w.pay, t->studio, &w.shop, e));
    return w;
}
static void close_world(struct world *w) {
    shop_free(w->shop);
    pay_free(w->pay);
}

/* ---- write functions of one call each ---- */
struct job { struct world *w; struct pay_truth truth; struct shop_wish wish; int64_t from, to; int rc; struct err err; };

static int make_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    const struct studio_product *p = studio_product(j->w->t->studio, STR_NULL);
    struct shop_order_new o = { .id = id_new(), .account = ME, .product = p, .currency = LEDGER_CNY, .provider = "test", .lang = "en" };
    for (size_t i = 0; i < p->n_plans; i++)
        if (str_eqz(p->plans[i].name, "m"))
            o.plan = &p->plans[i];
    j->w->order = o.id;
    j->rc = shop_order_make(tx, j->w->shop, &o, &j->err);
    return j->rc;
}
static int settle_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    return shop__settle(tx, j->w->shop, j->w->order, &j->truth, e);
}
static int wish_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    j->wish.id = id_new();
    return j->rc = shop_member_wish(tx, j->w->shop, &j->wish, &j->err);
}
static int done_fn(struct db_tx *tx, void *arg, struct err *e) {
    struct job *j = arg;
    struct change c;
    int r = shop__change_get(tx, j->wish.id, &c, e);
    return r < 0 ? r : shop__change_end(tx, &c, "done", STR(""), e);
}
static int move_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct job *j = arg;
    int r = shop_order_move(tx, j->from, j->to, e);
    return r < 0 ? r : ledger_move(tx, j->from, j->to, e);
}
static void run(struct world *w, db_write_fn *fn, struct job *j) {
    struct err *e = &w->t->e;
    j->w = w;
    OK(db_do(w->t->db, fn, j, e));
}

/* The n-th month, 1 the first: paid by its own name and transaction; the membership as it stood then. */
static struct pay_truth month(struct world *w, int n, int64_t minor) {
    struct arena *a = w->t->a;
    char number[ID_TEXT_MAX];
    id_text(number, "order", w->order);
    return (struct pay_truth){ .state = PAY_PAID, .number = arena_str(a, str_z(number)), .paid = { minor, "CNY" }, .provider_id = arena_printf(a, "in_%d", n),
                               .transaction_id = arena_printf(a, "pi_%d", n), .fee_minor = -1, .refunded_minor = -1,
                               .member = { .id = STR("sub"), .state = PAY_MEMBER_ACTIVE, .period_start_ms = w->start_ms + (n - 1) * MONTH_MS,
                                           .period_end_ms = w->start_ms + n * MONTH_MS, .item = STR("si"), .product = STR("prod") } };
}
static void settle(struct world *w, struct pay_truth t) { run(w, settle_fn, &(struct job){ .truth = t }); }

static void begin(struct world *w) {
    run(w, make_fn, &(struct job){ 0 });
    settle(w, month(w, 1, 2990));
}

static void begin_another(struct world *w) {
    run(w, make_fn, &(struct job){ 0 });
    struct pay_truth t = month(w, 1, 2990);
    t.member.id = STR("sub2");
    t.provider_id = STR("in_b1");
    t.transaction_id = STR("pi_b1");
    settle(w, t);
}

/* ---- what is so ---- */
DB_SQL(count_orders, "SELECT COUNT(*) FROM shop_order WHERE state = 'paid' AND account_id = ?");
DB_SQL(count_credits, "SELECT COALESCE(SUM(credits), 0) FROM shop_order WHERE state = 'paid' AND account_id = ?");
DB_SQL(count_trouble, "SELECT COUNT(*) FROM shop_order WHERE state = 'closed' AND trouble = 'amount' AND account_id = ?");

static void ignore(void *ctx, const char *what) {}
static void complain(void *ctx, const char *what) { print_message("%s\n", what); }

static int told(struct world *w, bool aloud) {
    struct err *e = &w->t->e;
    int r, n = 0;
    OK(r = shop_verify(db_reader(w->t->db), aloud ? complain : ignore, NULL, e));
    n += r;
    OK(r = ledger_verify(db_reader(w->t->db), aloud ? complain : ignore, NULL, e));
    return n + r;
}

static struct member member_of(struct world *w) {
    struct err *e = &w->t->e;
    struct member m;
    assert_int_equal(shop__member_get(db_reader(w->t->db), w->order, &m, e), 1);
    return m;
}

/* ---- tests ---- */
static void months_in_any_order_and_number_are_each_booked_once(void **state) {
    struct world w = open_world(state);
    unsigned random = 12345;
    begin(&w);
    for (int i = 0; i < 60; i++) {                         /* each of five, many times, shuffled */
        random = random * 1103515245u + 12345u;
        settle(&w, month(&w, 1 + (int)(random >> 16) % 6, 2990));
    }
    assert_int_equal(testing_count(w.t, &count_orders, ME), 6);
    assert_int_equal(testing_count(w.t, &count_credits, ME), 6 * 160);
    assert_int_equal(member_of(&w).period_end_ms, w.start_ms + 6 * MONTH_MS);
    assert_int_equal(told(&w, /* aloud= */ true), 0);
    close_world(&w);
}

static void the_first_payment_has_two_names(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct pay_truth t = month(&w, 1, 2990);
    t.provider_id = STR("cs_1");
    settle(&w, t);                                         /* the same transaction */
    t.provider_id = STR("in_0");
    t.transaction_id = STR("");
    settle(&w, t);                                         /* no transaction tells, but it is that time and that sum */
    assert_int_equal(testing_count(w.t, &count_orders, ME), 1);
    assert_int_equal(testing_count(w.t, &count_trouble, ME), 0);
    assert_int_equal(told(&w, true), 0);
    close_world(&w);
}

/* The provider's first answer did not name the membership: what was paid for is there, and it begins when it is named, once. */
static void begins_when_it_is_named(void **state) {
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    struct member m;
    run(&w, make_fn, &(struct job){ 0 });
    struct pay_truth t = month(&w, 1, 2990);
    t.member = (struct pay_member){ 0 };
    settle(&w, t);
    assert_int_equal(testing_count(w.t, &count_orders, ME), 1);
    assert_int_equal(shop__member_get(db_reader(w.t->db), w.order, &m, e), 0);
    settle(&w, t);
    for (int i = 0; i < 2; i++)
        settle(&w, month(&w, 1, 2990));
    assert_string_equal(member_of(&w).ref, "sub");
    settle(&w, month(&w, 2, 2990));
    assert_int_equal(testing_count(w.t, &count_orders, ME), 2);
    assert_int_equal(testing_count(w.t, &count_credits, ME), 2 * 160);
    assert_int_equal(told(&w, /* aloud= */ true), 0);
    close_world(&w);
}

static void another_sum_is_never_booked(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct pay_truth foreign = month(&w, 3, 2990), other = month(&w, 4, 2990);
    memcpy(foreign.paid.currency, "USD", 4);
    other.number = STR("order_of_somebody");
    for (int i = 0; i < 2; i++) {
        settle(&w, month(&w, 2, 1));
        settle(&w, foreign);
        settle(&w, other);
    }
    assert_int_equal(testing_count(w.t, &count_orders, ME), 1);
    assert_int_equal(testing_count(w.t, &count_trouble, ME), 3);
    assert_int_equal(member_of(&w).period_end_ms, w.start_ms + MONTH_MS);
    assert_int_equal(told(&w, true), 0);
    close_world(&w);
}

static void an_upgrade_brings_what_was_paid_for_it(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct pay_truth difference = month(&w, 1, 1000);      /* half of the month is left: half of 2000 */
    difference.provider_id = STR("in_up");
    difference.transaction_id = STR("pi_up");
    difference.member.period_start_ms += MONTH_MS / 2;
    settle(&w, difference);                                /* nobody asked for one */
    assert_int_equal(testing_count(w.t, &count_trouble, ME), 1);
    struct job j = { .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_PRICE } };
    j.wish.plan = shop__plan(w.shop, "p", "mm");
    run(&w, wish_fn, &j);
    difference.provider_id = STR("in_up2");
    difference.transaction_id = STR("pi_up2");
    for (int i = 0; i < 2; i++)
        settle(&w, difference);                            /* its notice is faster than the answer to the call */
    assert_string_equal(member_of(&w).plan, "mm");
    run(&w, done_fn, &j);
    assert_int_equal(testing_count(w.t, &count_orders, ME), 2);
    assert_int_equal(testing_count(w.t, &count_credits, ME), 160 + 80);
    settle(&w, month(&w, 2, 4990));
    assert_int_equal(testing_count(w.t, &count_credits, ME), 160 + 80 + 320);
    assert_int_equal(told(&w, true), 0);
    close_world(&w);
}

static void grace_is_given_while_it_is_tried_and_taken_with_the_end(void **state) {
    struct world w = open_world(state);
    struct order o;
    struct err *e = &w.t->e;
    begin(&w);
    struct pay_truth t = month(&w, 2, 2990);
    int64_t end = w.start_ms + MONTH_MS, grace = 3LL * 24 * 3600 * 1000;
    t.state = PAY_OPEN;                                    /* the invoice is made, and not paid yet */
    settle(&w, t);
    OK(shop__order_get(db_reader(w.t->db), w.order, 0, &o, e));
    assert_int_equal(o.ends_ms, end + grace);
    t.member.state = PAY_MEMBER_PAST_DUE;
    settle(&w, t);
    assert_int_equal(member_of(&w).grace_until_ms, end + grace);
    t.member.state = PAY_MEMBER_ENDED;
    settle(&w, t);
    OK(shop__order_get(db_reader(w.t->db), w.order, 0, &o, e));
    assert_int_equal(o.ends_ms, end);
    assert_int_equal(member_of(&w).ask_ms, 0);
    assert_int_equal(told(&w, true), 0);
    close_world(&w);
}

static void one_at_a_time_and_all_of_it_moves(void **state) {
    struct world w = open_world(state);
    begin(&w);
    settle(&w, month(&w, 2, 2990));
    int64_t order = w.order;
    struct job again = { .w = &w };
    assert_int_equal(db_do(w.t->db, make_fn, &again, &w.t->e), ERR_MEMBER);
    w.order = order;
    run(&w, move_fn, &(struct job){ .from = ME, .to = YOU });
    assert_int_equal(member_of(&w).account, YOU);
    settle(&w, month(&w, 3, 2990));
    assert_int_equal(testing_count(w.t, &count_orders, YOU), 3);
    assert_int_equal(testing_count(w.t, &count_orders, ME), 0);
    assert_int_equal(told(&w, true), 0);
    close_world(&w);
}

DB_SQL(count_two, "SELECT COUNT(*) FROM shop_order WHERE trouble = 'two_members' AND account_id = ?");
DB_SQL(count_ending, "SELECT COUNT(*) FROM shop_member m JOIN shop_change c ON c.id = m.change_id WHERE c.what = 'end' AND c.state = 'pending' AND m.account_id = ?");

/* Somebody had one as a guest, and another as a person: both are paid for, but only one goes on, and a person is told. */
static void of_two_that_come_together_one_ends(void **state) {
    struct world w = open_world(state);
    struct job yours = { .from = YOU, .to = ME };
    begin(&w);
    run(&w, move_fn, &(struct job){ .from = ME, .to = YOU });
    int64_t guests = w.order;
    begin_another(&w);
    assert_int_equal(testing_count(w.t, &count_two, ME) + testing_count(w.t, &count_ending, YOU), 0);
    run(&w, move_fn, &yours);
    run(&w, move_fn, &yours);                              /* what comes late is moved, too */
    assert_int_equal(testing_count(w.t, &count_two, ME), 1);
    assert_int_equal(testing_count(w.t, &count_ending, ME), 1);
    assert_int_equal(member_of(&w).change, 0);             /* that of the account goes on */
    w.order = guests;
    assert_int_not_equal(member_of(&w).change, 0);
    assert_int_equal(told(&w, /* aloud= */ true), 0);
    close_world(&w);
}

/* Who ends it need not wait for a change of plan; the difference of one that was called already is theirs all the same. */
static void an_end_need_not_wait_for_another_plan(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct job up = { .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_PRICE, .plan = shop__plan(w.shop, "p", "mm") } };
    struct job end = { .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_END } };
    run(&w, wish_fn, &up);
    run(&w, wish_fn, &end);
    assert_int_equal(member_of(&w).change, end.wish.id);
    struct pay_truth difference = month(&w, 1, 2000);
    difference.provider_id = STR("in_up");
    difference.transaction_id = STR("pi_up");
    difference.member.ends = true;
    settle(&w, difference);
    run(&w, done_fn, &end);
    assert_int_equal(testing_count(w.t, &count_trouble, ME), 0);
    assert_int_equal(testing_count(w.t, &count_credits, ME), 160 + 160);
    struct member m = member_of(&w);
    assert_true(m.ends);
    assert_string_equal(m.plan, "mm");
    assert_string_equal(m.next_plan, "mm");
    settle(&w, month(&w, 2, 4990));                        /* it was kept after all */
    assert_int_equal(testing_count(w.t, &count_trouble, ME), 0);
    assert_int_equal(told(&w, /* aloud= */ true), 0);
    close_world(&w);
}

static void wishes_wait_for_each_other(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct job end = { .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_END } };
    run(&w, wish_fn, &end);
    struct job pause = { .w = &w, .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_PAUSE } };
    assert_int_equal(db_do(w.t->db, wish_fn, &pause, &w.t->e), ERR_STATE);
    struct job now = { .wish = { .member = w.order, .by = THEM, .what = PAY_CHANGE_END_NOW } };      /* the operator need not */
    run(&w, wish_fn, &now);
    assert_int_equal(member_of(&w).change, now.wish.id);
    assert_int_equal(told(&w, true), 0);
    run(&w, done_fn, &end);                                /* heard of too late: it changes nothing */
    assert_int_equal(member_of(&w).change, now.wish.id);
    close_world(&w);
}

/* The operator ended it now; that its owner, or a move to another account, wants it to end later takes nothing of that back. */
static void nobody_ends_later_what_ends_now(void **state) {
    struct world w = open_world(state);
    begin(&w);
    struct job now = { .wish = { .member = w.order, .by = THEM, .what = PAY_CHANGE_END_NOW } };
    struct job end = { .w = &w, .wish = { .member = w.order, .account = ME, .by = ME, .what = PAY_CHANGE_END } };
    run(&w, wish_fn, &now);
    assert_int_equal(db_do(w.t->db, wish_fn, &end, &w.t->e), ERR_STATE);
    assert_int_equal(member_of(&w).change, now.wish.id);
    run(&w, move_fn, &(struct job){ .from = ME, .to = YOU });
    int64_t ending = w.order;
    begin_another(&w);
    run(&w, move_fn, &(struct job){ .from = YOU, .to = ME });
    w.order = ending;
    assert_int_equal(member_of(&w).account, ME);
    assert_int_equal(member_of(&w).change, now.wish.id);
    assert_int_equal(told(&w, /* aloud= */ true), 0);
    close_world(&w);
}

DB_SQL(count_two_rows, "SELECT COUNT(*) FROM shop_trouble WHERE what = 'two_members' AND over_ms = 0 AND order_id = ?");
static int trouble_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct job *j = arg;
    struct order o;
    int r = shop__order_get(tx, j->w->order, 0, &o, e);
    return r <= 0 ? r : shop__trouble(tx, &o, "dispute", e);
}
static void two_are_told_also_where_something_else_is_wrong(void **state) {
    struct world w = open_world(state);
    begin(&w);
    int64_t mine = w.order;
    run(&w, trouble_fn, &(struct job){ 0 });
    run(&w, move_fn, &(struct job){ .from = ME, .to = YOU });
    begin_another(&w);
    run(&w, move_fn, &(struct job){ .from = YOU, .to = ME });
    assert_int_equal(testing_count(w.t, &count_two_rows, mine), 1);
    close_world(&w);
}

DB_SQL(break_order, "DELETE FROM shop_period WHERE order_id = ?");
DB_SQL(break_end, "UPDATE shop_member SET period_end_ms = period_end_ms + 1 WHERE id = ?");
DB_SQL(break_owner, "UPDATE shop_member SET account_id = 1003 WHERE id = ?");
DB_SQL(break_change, "UPDATE shop_member SET change_id = 7 WHERE id = ?");
struct broken { const struct db_sql *q; int64_t id; };
static int break_fn(struct db_tx *tx, void *arg, struct err *e) {
    const struct broken *b = arg;
    return db_run(tx, NULL, e, b->q, DB_INT(b->id));
}

static void the_proof_finds_what_is_not_so(void **state) {
    const struct db_sql *const ways[] = { &break_end, &break_order, &break_owner, &break_change };
    struct world w = open_world(state);
    struct err *e = &w.t->e;
    int before = 0;
    begin(&w);
    settle(&w, month(&w, 2, 2990));
    assert_int_equal(told(&w, true), 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        OK(db_do(w.t->db, break_fn, &(struct broken){ ways[i], w.order }, e));
        int now = told(&w, false);
        assert_true(now > before);
        before = now;
    }
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(months_in_any_order_and_number_are_each_booked_once),
        TESTING(the_first_payment_has_two_names),
        TESTING(begins_when_it_is_named),
        TESTING(another_sum_is_never_booked),
        TESTING(an_upgrade_brings_what_was_paid_for_it),
        TESTING(grace_is_given_while_it_is_tried_and_taken_with_the_end),
        TESTING(one_at_a_time_and_all_of_it_moves),
        TESTING(of_two_that_come_together_one_ends),
        TESTING(an_end_need_not_wait_for_another_plan),
        TESTING(wishes_wait_for_each_other),
        TESTING(nobody_ends_later_what_ends_now),
        TESTING(two_are_told_also_where_something_else_is_wrong),
        TESTING(the_proof_finds_what_is_not_so),
    };
    return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
