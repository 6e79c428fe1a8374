/* alipay_test.c - Alipay: the vectors of its own client, and its answers signed by the vectors' key. */
#include "pay/testing.h"
#include "pay/wire.h"

#define AT INT64_C(1767323045000)              /* 2026-01-02 11:04:05 in China */

static int setup(void **state) {
    test_config();
    test_alipay();
    test_open(NULL);
    return 0;
}
static int teardown(void **state) {
    test_done();
    return 0;
}

static const struct pay_ask ask = { .number = { "T20260101-0001", 14 }, .attempt = 1, .price = { 1990, "CNY" }, .title = { "Photo print A4", 14 }, .scene = PAY_PAGE,
                                    .notify_url = { "https://photo.example.com/pay/alipay/notify", 43 }, .return_url = { "https://photo.example.com/pay/return", 36 } };
static const struct pay_which which = { .number = { "T20260101-0001", 14 } };
static const struct pay_work query = { PAY_OP_QUERY, .which = &which };

/* The signed string of a form: its pairs, decoded, without `sign`. */
static struct str signed_string(struct str form, struct str *ret_sign) {
    struct wire_pair p[WIRE_PAIRS_MAX];
    BUF_CLEANUP struct buf out;
    size_t n = 0;
    buf_init(&out, 8192);
    assert_int_equal(wire_form(form, test_arena, p, &n, &err), 0);
    for (size_t i = 0; i < n; i++) {
        if (str_eqz(p[i].name, "sign"))
            *ret_sign = p[i].value;
        else
            buf_printf(&out, "%s%.*s=%.*s", out.n ? "&" : "", STR_ARG(p[i].name), STR_ARG(p[i].value));
    }
    return arena_str(test_arena, buf_str(&out));
}

static void signs_a_page_as_its_client_does(void **state) {
    struct pay_call c;
    struct pay_result r;
    struct str sign = STR_NULL, url;
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_START, .ask = &ask }, AT, &c, &r), 0);        /* no call: a URL */
    url = r.start.text;
    assert_int_equal(r.start.show, PAY_SHOW_REDIRECT);
    check_str(str_cut(&url, '?'), "https://alipay.example/gateway.do");
    check_str(signed_string(url, &sign), VECTOR_ALI_REQUEST);
    check_str(sign, VECTOR_ALI_REQUEST_SIGN);
}

static void writes_calls(void **state) {
    struct pay_call c;
    struct pay_result r;
    struct str sign = STR_NULL;
    struct pay_ask qr = ask;
    qr.scene = PAY_QR;
    qr.until_ms = AT + 900000;
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_START, .ask = &qr }, AT, &c, &r), 1);
    check_str(c.url, "https://alipay.example/gateway.do?charset=utf-8");
    struct str s = signed_string(c.body, &sign);
    assert_non_null(strstr(s.p, "method=alipay.trade.precreate"));
    assert_non_null(strstr(s.p, "\"time_expire\":\"2026-01-02 11:19:05\""));
    assert_null(strstr(s.p, "return_url"));
    qr.title = STR("Print A4/A5 = 2 & more");
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_START, .ask = &qr }, AT, &c, &r), 1);
    s = signed_string(c.body, &sign);
    assert_non_null(strstr(s.p, "\"subject\":\"Print A4 A5   2   more\""));          /* it takes none of the three */
    struct pay_refund_ask ra = { .number = STR("refund-7"), .of = which, .amount = { 5, "CNY" }, .total_minor = 1990 };
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_REFUND, .refund = &ra }, AT, &c, &r), 1);
    s = signed_string(c.body, &sign);
    assert_non_null(strstr(s.p, "biz_content={\"out_trade_no\":\"T20260101-0001\",\"refund_amount\":\"0.05\",\"out_request_no\":\"refund-7\"}"));
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_QUERY_REFUND, .refund = &ra }, AT, &c, &r), 1);
    s = signed_string(c.body, &sign);
    assert_non_null(strstr(s.p, "\"out_request_no\":\"refund-7\",\"query_options\":[\"gmt_refund_pay\"]}"));     /* else no time is told */
    assert_int_equal(test_build("alipay", &(struct pay_work){ PAY_OP_CLOSE, .which = &which }, AT, &c, &r), 1);
    s = signed_string(c.body, &sign);
    assert_non_null(strstr(s.p, "method=alipay.trade.close"));
}

/* ---- notices ---- */
static struct str form_of(const char *plain, const char *sign) {
    BUF_CLEANUP struct buf out;
    buf_init(&out, 8192);
    struct str rest = str_z(plain);
    while (rest.n) {
        struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
        wire_add(&out, arena_strz(test_arena, name), value);
    }
    wire_add(&out, "sign_type", STR("RSA2"));
    wire_add(&out, "sign", str_z(sign));
    return arena_str(test_arena, buf_str(&out));
}

static const char *with(const char *from, const char *to) {
    const char *at = strstr(VECTOR_ALI_NOTICE, from);
    assert_non_null(at);
    return arena_printf(test_arena, "%.*s%s%s", (int)(at - VECTOR_ALI_NOTICE), VECTOR_ALI_NOTICE, to, at + strlen(from)).p;
}

static void takes_the_vector(void **state) {
    struct pay_notice n;
    assert_int_equal(test_notice("alipay", AT, NULL, form_of(VECTOR_ALI_NOTICE, VECTOR_ALI_NOTICE_SIGN), &n), 0);
    assert_true(n.truth);
    assert_int_equal(n.payment.state, PAY_PAID);
    assert_int_equal(n.payment.paid.minor, 1990);
    check_str(n.payment.number, "T20260101-0001");
    check_str(n.payment.transaction_id, "2026010222001400000000000001");
    check_str(n.event_id, "2026010200222110410000000000000001");
    assert_int_equal(n.payment.paid_ms, AT + 5000);
    check_z(pay_notice_reply(test_pay, "alipay", 0).body, "success");
    assert_int_equal(pay_notice_reply(test_pay, "alipay", 0).status, 200);
    struct pay_money less = { 1, "CNY" };
    check_err(pay_truth_check(&n.payment, ask.number, &less, &err), ERR_PAY_REFUSED, &err, "1990 CNY came");
}

static void refuses_what_was_changed(void **state) {
    struct pay_notice n;
    check_err(test_notice("alipay", AT, NULL, form_of(with("total_amount=19.90", "total_amount=0.01"), VECTOR_ALI_NOTICE_SIGN), &n), ERR_PAY_NOTICE, &err, "wrong");
    check_err(test_notice("alipay", AT, NULL, form_of(VECTOR_ALI_NOTICE, ""), &n), ERR_PAY_NOTICE, &err, "wrong");
    check_err(test_notice("alipay", AT, NULL, form_of(VECTOR_ALI_NOTICE, VECTOR_ALI_REQUEST_SIGN), &n), ERR_PAY_NOTICE, &err, "wrong");
    check_err(test_notice("alipay", AT, NULL, STR(""), &n), ERR_PAY_NOTICE, &err, "sign_type");
    check_err(test_notice("alipay", AT, NULL, STR("a=1&a=2"), &n), ERR_PAY_NOTICE, &err, "twice");
    /* Genuine, but of another shop, or not to be understood. */
    static const struct { const char *from, *to, *words; } cases[] = { { "&seller_id=2088102119685838", "&seller_id=2088102119685839", "another application or seller" },
                                                                        { "trade_status=TRADE_SUCCESS", "trade_status=TRADE_ODD", "not known" },
                                                                        { "total_amount=19.90", "total_amount=19.9e1", "amount" },
                                                                        { "&gmt_payment=2026-01-02 11:04:10", "", "time" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *plain = with(cases[i].from, cases[i].to);
        check_err(test_notice("alipay", AT, NULL, form_of(plain, test_sign_p(str_z(plain))), &n), ERR_PAY_NOTICE, &err, cases[i].words);
    }
    const char *long_id = with("trade_no=2026010222001400000000000001", "trade_no=20260102220014000000000000012026010222001400000000000001000000000");
    check_err(test_notice("alipay", AT, NULL, form_of(long_id, test_sign_p(str_z(long_id))), &n), ERR_PAY_NOTICE, &err, "transaction");
    const char *odd_id = with("trade_no=2026010222001400000000000001", "trade_no=../x");
    check_err(test_notice("alipay", AT, NULL, form_of(odd_id, test_sign_p(str_z(odd_id))), &n), ERR_PAY_NOTICE, &err, "transaction");
    /* It may have been overtaken by a payment, and has no date that would tell: a hint. */
    const char *waits = with("trade_status=TRADE_SUCCESS", "trade_status=WAIT_BUYER_PAY");
    assert_int_equal(test_notice("alipay", AT, NULL, form_of(waits, test_sign_p(str_z(waits))), &n), 0);
    assert_false(n.truth);
    assert_int_equal(n.about, PAY_ABOUT_PAYMENT);
    check_str(n.number, "T20260101-0001");
    const char *empty = with("&buyer_id=", "&body=&buyer_id=");     /* a field without a value is signed as it stands */
    assert_int_equal(test_notice("alipay", AT, NULL, form_of(empty, test_sign_p(str_z(empty))), &n), 0);
    const char *closed = with("trade_status=TRADE_SUCCESS", "trade_status=TRADE_CLOSED");
    assert_int_equal(test_notice("alipay", AT, NULL, form_of(closed, test_sign_p(str_z(closed))), &n), 0);
    assert_int_equal(n.payment.state, PAY_PAID);           /* it was paid, and given back as a whole */
    assert_int_equal(n.payment.refunded_minor, 1990);
}

/* ---- answers ---- */
static int answer(const struct pay_work *w, const char *name, const char *inner, struct pay_result *r) {
    struct str body = arena_printf(test_arena, "{\"%s_response\":%s,\"sign\":\"%s\"}", name, inner, test_sign_p(str_z(inner)));
    return test_parse("alipay", w, AT, 200, NULL, body, r);
}

static void reads_answers_signed_over_their_bytes(void **state) {
    struct pay_result r;
    static const char paid[] = "{\"code\":\"10000\",\"msg\":\"Success\",\"out_trade_no\":\"T20260101-0001\",\"trade_no\":\"2026\",\"trade_status\":\"TRADE_SUCCESS\","
                               "\"total_amount\":\"19.90\", \"send_pay_date\":\"2026-01-02 11:04:10\",\"buyer_user_id\":\"2088\"}";
    assert_int_equal(answer(&query, "alipay_trade_query", paid, &r), 0);
    assert_int_equal(r.truth.state, PAY_PAID);
    assert_int_equal(r.truth.paid.minor, 1990);
    assert_int_equal(r.truth.refunded_minor, 0);           /* a query tells of no part that went back: so nothing is said about it */
    struct str body = arena_printf(test_arena, "{\"alipay_trade_query_response\":%s ,\"sign\":\"%s\"}", paid, test_sign_p(STR("{}")));
    check_err(test_parse("alipay", &query, AT, 200, NULL, body, &r), ERR_UPSTREAM, &err, "signature");
    body = arena_printf(test_arena, "{\"alipay_trade_query_response\":%s}", paid);
    check_err(test_parse("alipay", &query, AT, 200, NULL, body, &r), ERR_UPSTREAM, &err, "signature");
    assert_int_equal(answer(&query, "alipay_trade_query", "{\"code\":\"10000\",\"out_trade_no\":\"T20260101-0002\",\"trade_status\":\"WAIT_BUYER_PAY\"}", &r), ERR_UPSTREAM);
    assert_int_equal(answer(&query, "alipay_trade_query", "{\"code\":\"10000\",\"out_trade_no\":\"T20260101-0001\",\"trade_status\":\"WAIT_BUYER_PAY\"}", &r), 0);
    assert_int_equal(r.truth.state, PAY_OPEN);
    assert_int_equal(answer(&query, "alipay_trade_query", "{\"code\":\"10000\",\"out_trade_no\":\"T20260101-0001\",\"trade_status\":\"TRADE_CLOSED\"}", &r), 0);
    assert_int_equal(r.truth.state, PAY_CLOSED);
    /* asked by Alipay's own number it must be that one; and an answer to another call is none to this */
    struct pay_which by_id = { .transaction_id = STR("2027") };
    assert_int_equal(answer(&(struct pay_work){ PAY_OP_QUERY, .which = &by_id }, "alipay_trade_query", paid, &r), ERR_UPSTREAM);
    by_id.transaction_id = STR("2026");
    assert_int_equal(answer(&(struct pay_work){ PAY_OP_QUERY, .which = &by_id }, "alipay_trade_query", paid, &r), 0);
    assert_int_equal(answer(&query, "alipay_trade_close", paid, &r), ERR_UPSTREAM);
    check_err(answer(&query, "error", paid, &r), ERR_UPSTREAM, &err, "says yes");
}

static void tells_the_kinds_of_trouble_apart(void **state) {
    static const struct { enum pay_op op; const char *inner; int code; } cases[] = {
        { PAY_OP_QUERY, "{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_NOT_EXIST\"}", ERR_NOT_FOUND },
        { PAY_OP_CLOSE, "{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_STATUS_ERROR\"}", ERR_PAY_OVER },
        { PAY_OP_CLOSE, "{\"code\":\"20000\",\"sub_code\":\"aop.unknow-error\"}", ERR_UNCERTAIN }, { PAY_OP_QUERY, "{\"code\":\"20000\"}", ERR_UPSTREAM },
        { PAY_OP_CLOSE, "{\"code\":\"40004\",\"sub_code\":\"ACQ.SYSTEM_ERROR\"}", ERR_UNCERTAIN }, { PAY_OP_QUERY, "{\"code\":\"40002\"}", ERR_PAY_SETUP },
        { PAY_OP_QUERY, "{\"code\":\"20001\"}", ERR_PAY_SETUP }, { PAY_OP_QUERY, "{\"code\":\"40005\"}", ERR_UPSTREAM },
        { PAY_OP_CLOSE, "{\"code\":\"40004\",\"sub_code\":\"ACQ.SOMETHING\"}", ERR_PAY_REFUSED },
        /* what has no code, or one that is not known here, says nothing */
        { PAY_OP_CLOSE, "{}", ERR_UNCERTAIN }, { PAY_OP_QUERY, "{\"code\":40004}", ERR_UPSTREAM }, { PAY_OP_CLOSE, "{\"code\":\"10003\"}", ERR_UNCERTAIN },
        { PAY_OP_CLOSE, "{\"code\":\"40006\"}", ERR_PAY_SETUP } };
    struct pay_result r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pay_work w = { cases[i].op, .which = &which };
        int got = answer(&w, cases[i].op == PAY_OP_CLOSE ? "alipay_trade_close" : i % 2 ? "alipay_trade_query" : "error", cases[i].inner, &r);
        if (got != cases[i].code)
            fail_msg("%s: %s, %s", cases[i].inner, err_reason(got)->code, err.text);
    }
    struct pay_work close_it = { PAY_OP_CLOSE, .which = &which };
    assert_int_equal(test_parse("alipay", &close_it, AT, 502, NULL, STR("<html>"), &r), ERR_UNCERTAIN);
    assert_int_equal(test_parse("alipay", &close_it, AT, 200, NULL, STR("<html>"), &r), ERR_UNCERTAIN);
    assert_int_equal(test_parse("alipay", &query, AT, 200, NULL, STR("{\"x_response\":1}"), &r), ERR_UPSTREAM);
}

static void an_accepted_refund_is_no_refund(void **state) {
    struct pay_refund_ask ra = { .number = STR("refund-7"), .of = which, .amount = { 990, "CNY" }, .total_minor = 1990 };
    struct pay_work give = { PAY_OP_REFUND, .refund = &ra }, look = { PAY_OP_QUERY_REFUND, .refund = &ra };
    struct pay_result r;
    assert_int_equal(answer(&give, "alipay_trade_refund", "{\"code\":\"10000\",\"out_trade_no\":\"T20260101-0001\",\"fund_change\":\"Y\",\"refund_fee\":\"9.90\"}", &r), 0);
    assert_int_equal(r.refund.state, PAY_REFUND_DONE);
    assert_int_equal(answer(&give, "alipay_trade_refund", "{\"code\":\"10000\",\"out_trade_no\":\"T20260101-0001\",\"fund_change\":\"N\",\"refund_fee\":\"9.90\"}", &r), 0);
    assert_int_equal(r.refund.state, PAY_REFUND_PENDING);
    assert_int_equal(answer(&look, "alipay_trade_fastpay_refund_query", "{\"code\":\"10000\"}", &r), ERR_NOT_FOUND);
    assert_int_equal(answer(&look, "alipay_trade_fastpay_refund_query", "{\"code\":\"10000\",\"out_request_no\":\"refund-7\",\"refund_amount\":\"9.90\",\"refund_status\":\"REFUND_SUCCESS\"}", &r), 0);
    assert_int_equal(r.refund.state, PAY_REFUND_DONE);
    assert_int_equal(r.refund.amount.minor, 990);
#define TOLD(more) "{\"code\":\"10000\",\"out_request_no\":\"refund-7\",\"refund_amount\":\"9.90\"" more "}"
    static const struct { const char *inner; int code; enum pay_refund_state state; } cases[] = {
        { TOLD(""), 0, PAY_REFUND_PENDING },                   /* no state is no yes */
        { TOLD(",\"gmt_refund_pay\":\"2026-01-02 11:04:10\""), 0, PAY_REFUND_DONE }, { TOLD(",\"refund_status\":\"REFUND_PROCESSING\""), 0, PAY_REFUND_PENDING },
        { TOLD(",\"refund_status\":\"REFUND_FAIL\""), 0, PAY_REFUND_FAILED }, { TOLD(",\"refund_status\":\"REFUND_ODD\""), ERR_UPSTREAM, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int got = answer(&look, "alipay_trade_fastpay_refund_query", cases[i].inner, &r);
        if (got != cases[i].code || (got == 0 && r.refund.state != cases[i].state))
            fail_msg("%s: %d, %d", cases[i].inner, got, r.refund.state);
    }
    assert_int_equal(answer(&look, "alipay_trade_fastpay_refund_query", "{\"code\":\"10000\",\"out_request_no\":\"refund-8\",\"refund_amount\":\"9.90\"}", &r), ERR_UPSTREAM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_a_page_as_its_client_does), cmocka_unit_test(writes_calls), cmocka_unit_test(takes_the_vector), cmocka_unit_test(refuses_what_was_changed),
        cmocka_unit_test(reads_answers_signed_over_their_bytes), cmocka_unit_test(tells_the_kinds_of_trouble_apart), cmocka_unit_test(an_accepted_refund_is_no_refund),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
