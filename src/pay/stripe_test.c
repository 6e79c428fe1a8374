/* stripe_test.c - requests to Stripe, its answers, and its notices with the vector of its own client. */
#include "pay/testing.h"

#define T0 INT64_C(1700000000000)

static int setup(void **state) {
    test_config();
    test_stripe();
    test_open(NULL);
    return 0;
}
static int teardown(void **state) {
    test_done();
    return 0;
}

static const struct pay_ask ask = { .number = { "order-42", 8 }, .attempt = 1, .price = { 1999, "USD" }, .title = { "Photo & print", 13 }, .scene = PAY_PAGE,
                                    .return_url = { "https://photo.example.com/orders/42", 35 }, .account = { "acct_1", 6 } };

/* ---- notices ---- */
static int hear(const char *header, struct str body, int64_t now_ms) {
    struct pay_notice n;
    return test_notice("stripe", now_ms, &(struct test_said){ { "Stripe-Signature", header } }, body, &n);
}

static void takes_the_vector(void **state) {
    struct pay_notice n;
    struct test_said s = { { "stripe-signature", VECTOR_STRIPE_HEADER } };
    assert_int_equal(test_notice("stripe", T0, &s, STR(VECTOR_STRIPE_BODY), &n), 0);
    check_str(n.event_id, "evt_1PtestA");
    check_str(n.what, "checkout.session.completed");
    check_str(n.provider_id, "cs_test_a1");
    check_str(n.number, "order-42");
    assert_int_equal(n.about, PAY_ABOUT_PAYMENT);
    assert_false(n.truth);                                 /* a hint: whatever it says of payment_status is not believed */
    assert_int_equal(n.made_ms, T0);
}

static void refuses_what_is_old_or_from_the_future(void **state) {
    static const struct { int64_t after_s; bool ok; } cases[] = { { 0, true }, { 300, true }, { 301, false }, { -300, true }, { -301, false }, { -5000, false } };
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((hear(VECTOR_STRIPE_HEADER, STR(VECTOR_STRIPE_BODY), T0 + cases[i].after_s * 1000) == 0) != cases[i].ok)
            fail_msg("%lld s", (long long)cases[i].after_s);
    check_err(hear(VECTOR_STRIPE_HEADER, STR(VECTOR_STRIPE_BODY), T0 + 301000), ERR_PAY_NOTICE, &err, "old message");
}

static void refuses_what_was_changed(void **state) {
#define RIGHT "621189f13b220fc6643300fec33a17c9b47597a6c537d4c56b35343526520d94"
#define WRONG "621189f13b220fc6643300fec33a17c9b47597a6c537d4c56b35343526520d95"
    char body[] = VECTOR_STRIPE_BODY;
    for (size_t i = 0; i < sizeof(body) - 1; i += 7) {
        body[i] ^= 1;
        assert_int_equal(hear(VECTOR_STRIPE_HEADER, str_z(body), T0), ERR_PAY_NOTICE);
        body[i] ^= 1;
    }
    assert_int_equal(hear(VECTOR_STRIPE_HEADER, STR(VECTOR_STRIPE_BODY " "), T0), ERR_PAY_NOTICE);
    static const struct { const char *header; bool ok; } cases[] = {
        { "t=1700000000,v1=" WRONG, false }, { "t=1700000000,v1=" WRONG ",v1=" RIGHT, true }, { "t=1700000000,v1=" RIGHT ",v1=" WRONG, true }, { "v1=" RIGHT ",t=1700000000", true },
        { "t=1700000000, v1=" RIGHT, true }, { "t=1700000000,v0=" RIGHT, false }, { "t=1700000001,v1=" RIGHT, false }, { "t=01700000000,v1=" RIGHT, false },
        { "t=1700000000,t=1700000000,v1=" RIGHT, false }, { "t=,v1=" RIGHT, false }, { "t=-1,v1=" RIGHT, false }, { "v1=" RIGHT, false }, { "t=1700000000", false },
        { "t=1700000000,v1=621189f13b220fc6643300fec33a17c9b47597a6c537d4c56b35343526520d", false }, { "t=1700000000,v1=" RIGHT "0", false }, { "t=1700000000,v1=zz", false }, { "t=1700000000,v1=", false }, { "", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if ((hear(cases[i].header, STR(VECTOR_STRIPE_BODY), T0) == 0) != cases[i].ok)
            fail_msg("%s", cases[i].header);
    }
    struct pay_notice n;
    check_err(test_notice("stripe", T0, NULL, STR(VECTOR_STRIPE_BODY), &n), ERR_PAY_NOTICE, &err, "missing");
    struct pay_reply reply = pay_notice_reply(test_pay, "stripe", ERR_PAY_NOTICE);
    assert_int_equal(reply.status, 400);
    assert_int_equal(pay_notice_reply(test_pay, "stripe", 0).status, 200);
    assert_int_equal(pay_notice_reply(test_pay, "stripe", ERR_DB).status, 500);
}

/* ---- requests ---- */
static void writes_a_session(void **state) {
    struct pay_call c;
    struct pay_result result;
    struct pay_work w = { PAY_OP_START, .ask = &ask };
    assert_int_equal(test_build("stripe", &w, T0, &c, &result), 1);
    check_z(c.method, "POST");
    check_str(c.url, "https://api.stripe.com/v1/checkout/sessions");
    check_str(test_call_header(&c, "Idempotency-Key"), "zt-start-order-42-1");
    check_str(test_call_header(&c, "Authorization"), "Bearer sk_test_1");
    check_str(test_call_header(&c, "Stripe-Version"), "2026-10-28.endive");
    check_str(c.body, "mode=payment&client_reference_id=order-42&metadata[number]=order-42&payment_intent_data[metadata][number]=order-42"
                      "&payment_intent_data[metadata][account]=acct_1&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=1999"
                      "&line_items[0][price_data][product_data][name]=Photo%20%26%20print&line_items[0][quantity]=1"
                      "&success_url=https%3A%2F%2Fphoto.example.com%2Forders%2F42&cancel_url=https%3A%2F%2Fphoto.example.com%2Forders%2F42");
    /* The same call later is the same bytes: Stripe compares them under the key. */
    struct pay_call later;
    struct pay_ask again = ask;
    again.until_ms = T0 + 3600000;
    w.ask = &again;
    assert_int_equal(test_build("stripe", &w, T0 + 3000000, &later, &result), 1);
    check_str(later.body, c.body.p);
    again.attempt = 2;
    assert_int_equal(test_build("stripe", &w, T0, &later, &result), 1);
    check_str(test_call_header(&later, "Idempotency-Key"), "zt-start-order-42-2");
    again.months = 12;
    assert_int_equal(test_build("stripe", &w, T0, &later, &result), 1);
    assert_non_null(strstr(later.body.p, "mode=subscription&"));
    assert_non_null(strstr(later.body.p, "[recurring][interval]=month&line_items[0][price_data][recurring][interval_count]=12&"));
    assert_non_null(strstr(later.body.p, "&subscription_data[metadata][number]=order-42&"));
}

static void refuses_asks_that_make_no_sense(void **state) {
    struct pay_call c;
    struct pay_result result;
    struct pay_ask a = ask;
    struct pay_work w = { PAY_OP_START, .ask = &a };
#define BAD(field, value, words) \
    do { \
        a = ask; \
        a.field = value; \
        check_err(test_build("stripe", &w, T0, &c, &result), ERR_BAD_INPUT, &err, words); \
    } while (0)
    BAD(number, STR("short"), "number");
    BAD(number, STR("order/../42"), "number");
    BAD(number, STR("123456789012345678901234567890123"), "number");
    BAD(attempt, 0, "attempt");
    BAD(price.minor, 0, "price");
    BAD(price.minor, -5, "price");
    BAD(price.minor, PAY_MINOR_MAX + 1, "price");
    BAD(scene, PAY_JSAPI, "scene");
    BAD(scene, PAY_SCENE_COUNT, "scene");
    BAD(title, STR(""), "title");
    BAD(title, STR("\xff"), "title");
    BAD(return_url, STR(""), "return_url");
    BAD(return_url, STR("https://a b"), "return_url");
    BAD(return_url, STR("javascript:1"), "return_url");
    BAD(months, 13, "months");
    BAD(until_ms, -1, "until_ms");
    BAD(until_ms, INT64_MAX, "until_ms");
    BAD(client_ip, STR("1.2.3.4\r\nX: y"), "client_ip");
    BAD(customer, STR("a/b"), "customer");
    a = ask;
    memcpy(a.price.currency, "usd", 4);
    check_err(test_build("stripe", &w, T0, &c, &result), ERR_BAD_INPUT, &err, "price");
    struct pay_which which = { .provider_id = STR("cs_1/../../x") };
    check_err(test_build("stripe", &(struct pay_work){ PAY_OP_QUERY, .which = &which }, T0, &c, &result), ERR_BAD_INPUT, &err, "which");
    which = (struct pay_which){ .number = STR("order-42") };
    check_err(test_build("stripe", &(struct pay_work){ PAY_OP_QUERY, .which = &which }, T0, &c, &result), ERR_BAD_INPUT, &err, "start the payment again");
    check_err(test_build("stripe", &(struct pay_work){ PAY_OP_KEYS }, T0, &c, &result), ERR_BAD_INPUT, &err, "does not do that");
}

static void writes_refunds_and_changes(void **state) {
    struct pay_call c;
    struct pay_result result;
    struct pay_refund_ask r = { .number = STR("refund-7"), .of = { STR("order-42"), STR(""), STR("pi_1") }, .amount = { 500, "USD" }, .total_minor = 1999 };
    assert_int_equal(test_build("stripe", &(struct pay_work){ PAY_OP_REFUND, .refund = &r }, T0, &c, &result), 1);
    check_str(c.body, "payment_intent=pi_1&amount=500&reason=requested_by_customer&metadata[refund_number]=refund-7&metadata[number]=order-42");
    check_str(test_call_header(&c, "Idempotency-Key"), "zt-refund-refund-7-1");
    r.attempt = 2;                     /* Stripe plays a stored 500 back under the old key */
    assert_int_equal(test_build("stripe", &(struct pay_work){ PAY_OP_REFUND, .refund = &r }, T0, &c, &result), 1);
    check_str(test_call_header(&c, "Idempotency-Key"), "zt-refund-refund-7-2");
    for (int bad = -1; bad < 1002; bad += 1002) {
        r.attempt = bad;
        check_err(test_build("stripe", &(struct pay_work){ PAY_OP_REFUND, .refund = &r }, T0, &c, &result), ERR_BAD_INPUT, &err, "attempt");
    }
    r.attempt = 1;
    r.amount.minor = 2000;
    check_err(test_build("stripe", &(struct pay_work){ PAY_OP_REFUND, .refund = &r }, T0, &c, &result), ERR_BAD_INPUT, &err, "more than was paid");
    struct pay_change_ask ch = { PAY_CHANGE_END, STR("change-1"), STR("sub_1"), .price = { 999, "USD" }, .months = 1, .item = STR("si_1"), .product = STR("prod_1"),
                                 .charge_now = true };
    static const struct { enum pay_change what; const char *body; } cases[] = {
        { PAY_CHANGE_END, "cancel_at_period_end=true&expand[]=latest_invoice.payments" }, { PAY_CHANGE_KEEP, "cancel_at_period_end=false&expand[]=latest_invoice.payments" },
        { PAY_CHANGE_PAUSE, "pause_collection[behavior]=void&expand[]=latest_invoice.payments" }, { PAY_CHANGE_RESUME, "pause_collection=&expand[]=latest_invoice.payments" },
        { PAY_CHANGE_PRICE, "items[0][id]=si_1&items[0][price_data][product]=prod_1&items[0][price_data][currency]=usd&items[0][price_data][unit_amount]=999"
                            "&items[0][price_data][recurring][interval]=month&items[0][price_data][recurring][interval_count]=1&proration_behavior=always_invoice"
                            "&payment_behavior=error_if_incomplete&expand[]=latest_invoice.payments" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ch.what = cases[i].what;
        assert_int_equal(test_build("stripe", &(struct pay_work){ PAY_OP_CHANGE, .change = &ch }, T0, &c, &result), 1);
        check_str(c.url, "https://api.stripe.com/v1/subscriptions/sub_1");
        check_str(c.body, cases[i].body);
        check_str(test_call_header(&c, "Idempotency-Key"), "zt-change-change-1-1");
    }
    ch.attempt = 3;
    assert_int_equal(test_build("stripe", &(struct pay_work){ PAY_OP_CHANGE, .change = &ch }, T0, &c, &result), 1);
    check_str(test_call_header(&c, "Idempotency-Key"), "zt-change-change-1-3");
    ch.attempt = 1001;
    check_err(test_build("stripe", &(struct pay_work){ PAY_OP_CHANGE, .change = &ch }, T0, &c, &result), ERR_BAD_INPUT, &err, "attempt");
    ch.attempt = 0;
    ch.what = PAY_CHANGE_END_NOW;
    assert_int_equal(test_build("stripe", &(struct pay_work){ PAY_OP_CHANGE, .change = &ch }, T0, &c, &result), 1);
    check_z(c.method, "DELETE");
}

/* ---- answers ---- */
#define SESSION(more) "{\"id\":\"cs_1\",\"object\":\"checkout.session\",\"client_reference_id\":\"order-42\",\"currency\":\"usd\",\"amount_total\":1999," more "}"
static const struct pay_which which = { .number = { "order-42", 8 }, .provider_id = { "cs_1", 4 } };
static const struct pay_work query = { PAY_OP_QUERY, .which = &which };

static void reads_a_session(void **state) {
    static const struct { const char *more; enum pay_state state; } cases[] = {
        { "\"status\":\"open\",\"payment_status\":\"unpaid\"", PAY_OPEN },
        { "\"status\":\"expired\",\"payment_status\":\"unpaid\"", PAY_CLOSED },
        { "\"status\":\"complete\",\"payment_status\":\"paid\"", PAY_PAID },
        { "\"status\":\"complete\",\"payment_status\":\"unpaid\"", PAY_PROCESSING },
        { "\"status\":\"complete\",\"payment_status\":\"unpaid\",\"payment_intent\":{\"id\":\"pi_1\",\"status\":\"processing\"}", PAY_PROCESSING },
        { "\"status\":\"complete\",\"payment_status\":\"unpaid\",\"payment_intent\":{\"id\":\"pi_1\",\"status\":\"requires_payment_method\"}", PAY_FAILED },
    };
    struct pay_result r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str body = arena_printf(test_arena, "{\"id\":\"cs_1\",\"client_reference_id\":\"order-42\",\"currency\":\"usd\",\"amount_total\":1999,%s}", cases[i].more);
        assert_int_equal(test_parse("stripe", &query, T0, 200, NULL, body, &r), 0);
        assert_int_equal(r.truth.state, cases[i].state);
        assert_int_equal(r.truth.paid.minor, cases[i].state == PAY_PAID ? 1999 : 0);
    }
    assert_int_equal(test_parse("stripe", &query, T0, 200, NULL,
                                STR(SESSION("\"status\":\"complete\",\"payment_status\":\"paid\",\"customer\":\"cus_1\",\"payment_intent\":{\"id\":\"pi_1\","
                                            "\"latest_charge\":{\"created\":1700000009,\"amount_refunded\":500,\"disputed\":true,\"balance_transaction\":"
                                            "{\"fee\":88,\"currency\":\"usd\"}}}")), &r), 0);
    assert_int_equal(r.truth.fee_minor, 88);
    assert_int_equal(r.truth.refunded_minor, 500);
    assert_int_equal(r.truth.paid_ms, 1700000009000);
    assert_true(r.truth.disputed);
    check_str(r.truth.transaction_id, "pi_1");
    check_str(r.truth.customer, "cus_1");
    check_z(r.truth.paid.currency, "USD");
    struct pay_money price = { 1999, "USD" }, other = { 1998, "USD" }, euro = { 1999, "EUR" };
    assert_int_equal(pay_truth_check(&r.truth, STR("order-42"), &price, &err), 0);
    check_err(pay_truth_check(&r.truth, STR("order-42"), &other, &err), ERR_PAY_REFUSED, &err, "1999 USD came, 1998 USD were asked");
    check_err(pay_truth_check(&r.truth, STR("order-42"), &euro, &err), ERR_PAY_REFUSED, &err, "EUR");
    check_err(pay_truth_check(&r.truth, STR("order-43"), &price, &err), ERR_PAY_REFUSED, &err, "order-43");
}

#define DISPUTE(status, minor) "{\"id\":\"dp_1\",\"payment_intent\":\"pi_1\",\"status\":\"" status "\",\"amount\":" minor "}"
static void reads_how_disputes_stand(void **state) {
    static const struct { const char *list; bool open; int64_t lost; } cases[] = {
        { "", false, 0 }, { DISPUTE("needs_response", "1999"), true, 0 }, { DISPUTE("under_review", "1999"), true, 0 }, { DISPUTE("warning_needs_response", "1999"), true, 0 },
        { DISPUTE("warning_closed", "1999"), false, 0 }, { DISPUTE("won", "1999"), false, 0 }, { DISPUTE("lost", "1999"), false, 1999 },
        { DISPUTE("lost", "999") "," DISPUTE("lost", "1000") "," DISPUTE("won", "7"), false, 1999 }, { DISPUTE("lost", "999") "," DISPUTE("a_new_word", "1000"), true, 999 } };
    struct pay_which of = { STR("order-42"), STR("cs_1"), STR("pi_1") };
    struct pay_work ask_it = { PAY_OP_QUERY_DISPUTE, .which = &of };
    struct pay_result r;
    struct pay_call c;
    assert_int_equal(test_build("stripe", &ask_it, T0, &c, &r), 1);
    assert_true(str_ends(c.url, STR("/v1/disputes?payment_intent=pi_1&limit=20")));
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(test_parse("stripe", &ask_it, T0, 200, NULL, arena_printf(test_arena, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s]}", cases[i].list), &r), 0);
        assert_int_equal(r.truth.disputed, cases[i].open);
        assert_int_equal(r.truth.lost_minor, cases[i].lost);
    }
    /* and what it keeps for them, as far as that is told in the currency that was paid */
#define MOVED(currency, fee) "{\"amount\":-1999,\"currency\":\"" currency "\",\"fee\":" fee "}"
#define COSTS(moves) "{\"payment_intent\":\"pi_1\",\"status\":\"won\",\"amount\":1999,\"currency\":\"usd\",\"balance_transactions\":[" moves "]}"
    static const struct { const char *list; bool told; int64_t fee; } fees[] = {
        { "", false, 0 }, { DISPUTE("won", "1999"), false, 0 }, { COSTS(""), true, 0 }, { COSTS(MOVED("usd", "1500")), true, 1500 },
        { COSTS(MOVED("usd", "1500") "," MOVED("usd", "-1500")), true, 0 }, { COSTS(MOVED("usd", "1500")) "," COSTS(MOVED("usd", "1500") "," MOVED("usd", "0")), true, 3000 },
        { COSTS(MOVED("eur", "1500")), false, 0 }, { COSTS(MOVED("usd", "1e3")), false, 0 }, { COSTS(MOVED("usd", "1500")) "," DISPUTE("lost", "1"), false, 1500 },
        { COSTS(MOVED("usd", "100000000001")), false, 0 } };
    for (size_t i = 0; i < COUNT(fees); i++) {
        assert_int_equal(test_parse("stripe", &ask_it, T0, 200, NULL, arena_printf(test_arena, "{\"has_more\":false,\"data\":[%s]}", fees[i].list), &r), 0);
        assert_int_equal(r.truth.dispute_fee_told, fees[i].told);
        assert_int_equal(r.truth.dispute_fee_minor, fees[i].fee);
    }
    static const char *const wrong[] = { "{}", "{\"data\":[{\"payment_intent\":\"pi_2\",\"status\":\"lost\",\"amount\":1}]}",
                                         "{\"data\":[{\"payment_intent\":\"pi_1\",\"status\":\"lost\"}]}", "{\"has_more\":true,\"data\":[]}" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(test_parse("stripe", &ask_it, T0, 200, NULL, str_z(wrong[i]), &r), ERR_UPSTREAM);
}

static void believes_no_answer_about_something_else(void **state) {
    struct pay_result r;
    struct pay_work start = { PAY_OP_START, .ask = &ask };
    static const char *const bodies[] = {
        "{\"id\":\"cs_2\",\"client_reference_id\":\"order-42\",\"status\":\"open\"}", "{\"id\":\"cs_1\",\"client_reference_id\":\"order-43\",\"status\":\"open\"}",
        "{\"id\":\"cs_1\",\"client_reference_id\":\"order-42\",\"status\":\"odd\"}", "{}", "[]", "", "<html>",
        "{\"id\":\"cs_1\",\"client_reference_id\":\"order-42\",\"status\":\"complete\",\"payment_status\":\"paid\",\"amount_total\":19.99,\"currency\":\"usd\"}",
        "{\"id\":\"cs_1\",\"client_reference_id\":\"order-42\",\"status\":\"complete\",\"payment_status\":\"paid\",\"amount_total\":1999}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        if (test_parse("stripe", &query, T0, 200, NULL, str_z(bodies[i]), &r) != ERR_UPSTREAM)
            fail_msg("%s", bodies[i]);
    assert_int_equal(test_parse("stripe", &start, T0, 200, NULL, STR(SESSION("\"status\":\"open\",\"url\":\"https://checkout.example/1\"")), &r), 0);
    check_str(r.start.text, "https://checkout.example/1");
    check_str(r.start.provider_id, "cs_1");
    /* Of an effect nobody knows. */
    check_err(test_parse("stripe", &start, T0, 200, NULL, STR("{\"id\":\"cs_1\",\"client_reference_id\":\"order-43\",\"status\":\"open\"}"), &r), ERR_UNCERTAIN, &err,
              "same call again");
    check_err(test_parse("stripe", &start, T0, 200, NULL, STR("<html>"), &r), ERR_UNCERTAIN, &err, "Stripe");
    check_err(test_parse("stripe", &start, T0, 200, NULL, STR(SESSION("\"status\":\"expired\",\"url\":null")), &r), ERR_PAY_OVER, &err, "closed");
}

static void tells_the_kinds_of_trouble_apart(void **state) {
    static const struct { enum pay_op op; int status; const char *error; int code; enum pay_next next; } cases[] = {
        { PAY_OP_START, 500, "", ERR_UNCERTAIN, PAY_NEXT_ASK }, { PAY_OP_START, 503, "", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_QUERY, 500, "", ERR_UPSTREAM, PAY_NEXT_AGAIN }, { PAY_OP_START, 429, "", ERR_UPSTREAM, PAY_NEXT_AGAIN },
        { PAY_OP_START, 409, "", ERR_UNCERTAIN, PAY_NEXT_ASK }, { PAY_OP_QUERY, 409, "", ERR_UPSTREAM, PAY_NEXT_AGAIN }, { PAY_OP_START, 424, "", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_REFUND, 409, "\"type\":\"invalid_request_error\",\"code\":\"lock_timeout\"", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_REFUND, 409, "\"type\":\"idempotency_error\",\"code\":\"idempotency_key_in_use\"", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_REFUND, 400, "\"type\":\"idempotency_error\",\"code\":\"idempotency_key_in_use\"", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_CHANGE, 409, "\"type\":\"idempotency_error\"", ERR_PAY_SETUP, PAY_NEXT_OPERATOR },
        { PAY_OP_START, 400, "\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"param\":\"customer\"", ERR_NOT_FOUND, PAY_NEXT_NEVER },
        { PAY_OP_CHANGE, 404, "\"code\":\"resource_missing\"", ERR_NOT_FOUND, PAY_NEXT_NEVER }, { PAY_OP_START, 302, "", ERR_UNCERTAIN, PAY_NEXT_ASK },
        { PAY_OP_START, 401, "\"type\":\"invalid_request_error\"", ERR_PAY_SETUP, PAY_NEXT_OPERATOR }, { PAY_OP_START, 403, "", ERR_PAY_SETUP, PAY_NEXT_OPERATOR },
        { PAY_OP_START, 400, "\"type\":\"idempotency_error\"", ERR_PAY_SETUP, PAY_NEXT_OPERATOR },
        { PAY_OP_REFUND, 400, "\"type\":\"idempotency_error\"", ERR_PAY_SETUP, PAY_NEXT_OPERATOR },
        { PAY_OP_START, 400, "\"type\":\"invalid_request_error\"", ERR_PAY_SETUP, PAY_NEXT_OPERATOR },
        { PAY_OP_START, 402, "\"type\":\"card_error\"", ERR_PAY_REFUSED, PAY_NEXT_NEVER },
        { PAY_OP_REFUND, 400, "\"code\":\"charge_already_refunded\"", ERR_PAY_OVER, PAY_NEXT_NEVER },
        { PAY_OP_REFUND, 400, "\"type\":\"invalid_request_error\"", ERR_PAY_REFUSED, PAY_NEXT_NEVER },
        { PAY_OP_CLOSE, 400, "\"type\":\"invalid_request_error\"", ERR_PAY_OVER, PAY_NEXT_NEVER }, { PAY_OP_QUERY, 404, "", ERR_NOT_FOUND, PAY_NEXT_NEVER },
    };
    struct pay_refund_ask refund = { .number = STR("refund-7") };
    struct pay_change_ask pause = { PAY_CHANGE_PAUSE, STR("change-1"), STR("sub_1") };
    struct pay_result r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pay_work w = { cases[i].op, .ask = &ask, .which = &which, .refund = &refund, .change = &pause };
        struct str body = arena_printf(test_arena, "{\"error\":{%s%s\"message\":\"because\"}}", cases[i].error, cases[i].error[0] ? "," : "");
        int got = test_parse("stripe", &w, T0, cases[i].status, NULL, body, &r);
        if (got != cases[i].code || pay_next(got) != cases[i].next)
            fail_msg("%zu: %s, %s", i, err_reason(got)->code, err.text);
    }
    /* Ended already, or never there: a question tells. */
    struct pay_change_ask change = { PAY_CHANGE_END_NOW, STR("change-1"), STR("sub_1") };
    struct pay_work end_now = { PAY_OP_CHANGE, .change = &change }, start_it = { PAY_OP_START, .ask = &ask };
    check_err(test_parse("stripe", &end_now, T0, 404, NULL, STR("{\"error\":{\"code\":\"resource_missing\"}}"), &r), ERR_PAY_OVER, &err, "404");
    /* Words that are not Stripe's say nothing about a payment: somebody else stands at that address. */
    for (int status = 400; status < 430; status++) {
        bool ours = status == 401 || status == 403;
        int asked = test_parse("stripe", &query, T0, status, NULL, STR("<html>not here</html>"), &r), began = test_parse("stripe", &start_it, T0, status, NULL, STR("{}"), &r);
        if (asked != (ours ? ERR_PAY_SETUP : ERR_UPSTREAM) || (began != (ours ? ERR_PAY_SETUP : ERR_UNCERTAIN) && status != 429))
            fail_msg("%d: %s, %s", status, err_reason(asked)->code, err_reason(began)->code);
    }
}

static void reads_memberships(void **state) {
    struct pay_which of = { .provider_id = STR("sub_1") };
    struct pay_work w = { PAY_OP_QUERY_MEMBER, .which = &of };
    struct pay_result r;
    static const char now[] = "{\"id\":\"sub_1\",\"status\":\"active\",\"cancel_at_period_end\":true,\"metadata\":{\"number\":\"order-42\"},\"items\":{\"data\":[{\"id\":\"si_1\","
                              "\"current_period_start\":1700000000,\"current_period_end\":1702592000,\"price\":{\"product\":\"prod_1\"}}]},\"latest_invoice\":{\"id\":\"in_1\","
                              "\"status\":\"paid\",\"amount_paid\":999,\"currency\":\"usd\",\"status_transitions\":{\"paid_at\":1700000005},"
                              "\"payments\":{\"data\":[{\"payment\":{\"payment_intent\":\"pi_9\"}}]}}}";
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR("{\"id\":\"sub_1\",\"status\":\"odd\"}"), &r), ERR_UPSTREAM);
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, str_z(now), &r), 0);
    assert_int_equal(r.truth.member.state, PAY_MEMBER_ACTIVE);
    assert_int_equal(r.truth.member.period_end_ms, 1702592000000);
    assert_true(r.truth.member.ends);
    check_str(r.truth.member.item, "si_1");
    check_str(r.truth.member.product, "prod_1");
    assert_int_equal(r.truth.state, PAY_PAID);
    assert_int_equal(r.truth.paid.minor, 999);
    assert_int_equal(r.truth.paid_ms, 1700000005000);
    check_str(r.truth.provider_id, "in_1");
    check_str(r.truth.transaction_id, "pi_9");
    check_str(r.truth.number, "order-42");
    /* not the newest alone */
    struct pay_work all = { PAY_OP_QUERY_PAYMENTS, .which = &of };
    struct pay_call c;
#define MONTH(id, sub, status) "{\"id\":\"" id "\",\"status\":\"" status "\",\"amount_paid\":999,\"currency\":\"usd\",\"parent\":{\"subscription_details\":{\"subscription\":\"" sub \
                               "\",\"metadata\":{\"number\":\"order-42\"}}},\"lines\":{\"data\":[{\"period\":{\"start\":1700000000,\"end\":1702592000}}]}}"
    assert_int_equal(test_build("stripe", &all, T0, &c, &r), 1);
    assert_true(str_ends(c.url, STR("/v1/invoices?subscription=sub_1&status=paid&limit=24&expand[]=data.payments")));
    assert_int_equal(test_parse("stripe", &all, T0, 200, NULL, STR("{\"data\":[" MONTH("in_2", "sub_1", "paid") "," MONTH("in_1", "sub_1", "paid") "],\"has_more\":true}"), &r), 0);
    assert_true(r.payments.n == 2 && r.payments.more);
    check_str(r.payments.all[0].provider_id, "in_2");
    check_str(r.payments.all[1].number, "order-42");
    assert_int_equal(r.payments.all[1].member.period_end_ms, 1702592000000);
    assert_int_equal(r.payments.all[1].member.state, PAY_MEMBER_NONE);
    assert_int_equal(test_parse("stripe", &all, T0, 200, NULL, STR("{\"data\":[],\"has_more\":false}"), &r), 0);
    assert_true(r.payments.n == 0 && !r.payments.more);
    static const char *const others[] = { "{}", "{\"data\":[" MONTH("in_2", "sub_2", "paid") "]}", "{\"data\":[" MONTH("in_2", "sub_1", "open") "]}", "{\"data\":[{}]}" };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(test_parse("stripe", &all, T0, 200, NULL, str_z(others[i]), &r), ERR_UPSTREAM);
    /* what came is given back where it came by: not by a way that was tried and given up */
#define INVOICE(payments) "{\"id\":\"in_1\",\"status\":\"paid\",\"amount_paid\":999,\"currency\":\"usd\",\"payments\":{\"data\":[" payments "]}}"
#define TRY(status, intent) "{\"status\":\"" status "\",\"payment\":{\"payment_intent\":\"" intent "\"}}"
    struct pay_which invoice = { .provider_id = STR("in_1") };
    struct pay_work look = { PAY_OP_QUERY, .which = &invoice };
    assert_int_equal(test_parse("stripe", &look, T0, 200, NULL, STR(INVOICE(TRY("canceled", "pi_1") "," TRY("open", "pi_2") "," TRY("paid", "pi_3"))), &r), 0);
    check_str(r.truth.transaction_id, "pi_3");
    assert_int_equal(test_parse("stripe", &look, T0, 200, NULL, STR(INVOICE(TRY("canceled", "pi_1"))), &r), 0);
    check_str(r.truth.transaction_id, "");
    static const char before[] = "{\"id\":\"sub_1\",\"status\":\"active\",\"pause_collection\":{\"behavior\":\"void\"},\"current_period_end\":1702592000,\"latest_invoice\":\"in_1\"}";
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, str_z(before), &r), 0);
    assert_int_equal(r.truth.member.state, PAY_MEMBER_PAUSED);
    assert_int_equal(r.truth.member.period_end_ms, 1702592000000);
}

static void finds_a_refund_in_a_list(void **state) {
    struct pay_refund_ask ask7 = { .number = STR("refund-7"), .of = { .transaction_id = STR("pi_1") } };
    struct pay_work w = { PAY_OP_QUERY_REFUND, .refund = &ask7 };
    struct pay_result r;
    static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"re_1\",\"status\":\"succeeded\",\"amount\":5,\"currency\":\"usd\",\"metadata\":{\"refund_number\":\"refund-6\"}},"
                               "{\"id\":\"re_2\",\"status\":\"pending\",\"amount\":7,\"currency\":\"usd\",\"metadata\":{\"refund_number\":\"refund-7\"}}],\"has_more\":false}";
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, str_z(list), &r), 0);
    check_str(r.refund.provider_id, "re_2");
    assert_int_equal(r.refund.state, PAY_REFUND_PENDING);
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR("{\"data\":[],\"has_more\":false}"), &r), ERR_NOT_FOUND);
    check_err(test_parse("stripe", &w, T0, 200, NULL, STR("{\"data\":[],\"has_more\":true}"), &r), ERR_PAY_SETUP, &err, "console");       /* asking again says the same */
    /* One that cannot be read is there all the same: "not found" would have it made again. */
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR("{\"data\":[{\"id\":\"re_1\",\"status\":\"odd\",\"amount\":7,\"currency\":\"usd\",\"metadata\":"
                                                                 "{\"refund_number\":\"refund-7\"}}],\"has_more\":false}"), &r), ERR_UPSTREAM);
    static const char paid[] = "{\"id\":\"re_1\",\"status\":\"succeeded\",\"amount\":%s,\"currency\":\"%s\",\"metadata\":{\"refund_number\":\"refund-7\"}}";
    static const struct { const char *amount, *currency; bool ok; } cases[] = {
        { "7", "usd", true }, { "0", "usd", false }, { "-7", "usd", false }, { "9223372036854775807", "usd", false }, { "100000000001", "usd", false }, { "7.0", "usd", false },
        { "7", "u$d", false }, { "7", "us", false }, { "7", "", false },
    };
    w.op = PAY_OP_REFUND;
    for (size_t i = 0; i < COUNT(cases); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        struct str body = arena_printf(test_arena, paid, cases[i].amount, cases[i].currency);
#pragma GCC diagnostic pop
        int got = test_parse("stripe", &w, T0, 200, NULL, body, &r);
        if (got != (cases[i].ok ? 0 : ERR_UNCERTAIN))
            fail_msg("%s: %d", body.p, got);
    }
}

static void says_no_more_than_it_was_told(void **state) {
    struct pay_result r;
    struct pay_which of = { .provider_id = STR("cs_1") };
    struct pay_work w = { PAY_OP_QUERY, .which = &of };
#define PAID(more) SESSION("\"status\":\"complete\",\"payment_status\":" more)
    /* of a membership neither fee nor refunds are told */
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR(PAID("\"paid\",\"invoice\":{\"payments\":{\"data\":[]}}")), &r), 0);
    assert_int_equal(r.truth.refunded_minor, 0);
    assert_int_equal(r.truth.fee_minor, -1);
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR(PAID("\"paid\",\"payment_intent\":{\"latest_charge\":{\"amount_refunded\":-5}}")), &r), 0);
    assert_int_equal(r.truth.refunded_minor, -1);
    /* nothing had to be paid: so nothing came, whatever the total is */
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR(PAID("\"no_payment_required\"")), &r), 0);
    assert_int_equal(r.truth.paid.minor, 0);
    /* a membership in a state that is not known here is not "none" */
    assert_int_equal(test_parse("stripe", &w, T0, 200, NULL, STR(PAID("\"paid\",\"subscription\":{\"id\":\"sub_1\",\"status\":\"odd\"}")), &r), ERR_UPSTREAM);
    /* a browser is sent to web pages only */
    struct pay_work start = { PAY_OP_START, .ask = &ask };
    static const char *const urls[] = { "javascript:alert(1)", "//x.example", "https://x.example/ y", "" };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct str body = arena_printf(test_arena, "{\"id\":\"cs_1\",\"client_reference_id\":\"order-42\",\"status\":\"open\",\"url\":\"%s\"}", urls[i]);
        check_err(test_parse("stripe", &start, T0, 200, NULL, body, &r), ERR_UNCERTAIN, &err, "page");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_vector), cmocka_unit_test(refuses_what_is_old_or_from_the_future), cmocka_unit_test(refuses_what_was_changed),
        cmocka_unit_test(writes_a_session), cmocka_unit_test(refuses_asks_that_make_no_sense), cmocka_unit_test(writes_refunds_and_changes),
        cmocka_unit_test(reads_a_session), cmocka_unit_test(reads_how_disputes_stand), cmocka_unit_test(believes_no_answer_about_something_else), cmocka_unit_test(tells_the_kinds_of_trouble_apart),
        cmocka_unit_test(reads_memberships), cmocka_unit_test(finds_a_refund_in_a_list),
        cmocka_unit_test(says_no_more_than_it_was_told),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
