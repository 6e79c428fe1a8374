/* wechat_test.c - WeChat Pay: the vectors of foreign clients, forwards and backwards, and everything that must be refused. */
#include "pay/gcm.h"
#include "pay/testing.h"

#include "base/json.h"

#define SIGNED_AT INT64_C(1554208460000)       /* of our requests */
#define ANSWER_AT INT64_C(1554209980000)
#define NOTICE_AT INT64_C(1767234897000)
#define HEADER(sign) "WECHATPAY2-SHA256-RSA2048 mchid=\"1900009191\",serial_no=\"1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C\"," \
                     "timestamp=\"1554208460\",nonce_str=\"" TEST_NONCE "\",signature=\"" sign "\""

static int setup(void **state) {
    test_config();
    test_wechat();
    test_open(NULL);
    return 0;
}
static int teardown(void **state) {
    test_done();
    return 0;
}

static const struct pay_ask ask = { .number = { "T20260101-0001", 14 }, .attempt = 1, .price = { 1990, "CNY" }, .title = { "Photo print A4", 14 }, .scene = PAY_JSAPI,
                                    .notify_url = { "https://photo.example.com/pay/wechat/notify", 43 }, .openid = { "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", 28 } };
static const struct pay_which which = { .number = { "T20260101-0001", 14 } };
static const struct pay_work start = { PAY_OP_START, .ask = &ask }, query = { PAY_OP_QUERY, .which = &which }, close_it = { PAY_OP_CLOSE, .which = &which };
static const char answer_sign[] = VECTOR_WX_ANSWER_SIGN, notice_sign[] = VECTOR_WX_NOTICE_SIGN;
static const struct test_said answer_headers = { { "Wechatpay-Timestamp", "1554209980", "Wechatpay-Nonce", "c5ac7061fccab6bf3e254dcf98995b8c", "Wechatpay-Serial",
                                                   TEST_SERIAL_P, "Wechatpay-Signature", answer_sign } };

/* ---- what we sign ---- */
static void signs_an_order_as_others_do(void **state) {
    struct pay_call c;
    struct pay_result r;
    assert_int_equal(test_build("wechat", &start, SIGNED_AT, &c, &r), 1);
    check_z(c.method, "POST");
    check_str(c.url, "https://wechat.example/v3/pay/transactions/jsapi");
    check_str(c.body, VECTOR_WX_JSAPI_BODY);
    check_str(test_call_header(&c, "Authorization"), HEADER(VECTOR_WX_JSAPI_SIGN));
    check_str(test_call_header(&c, "Wechatpay-Serial"), TEST_SERIAL_P);
    check_str(test_call_header(&c, "Accept"), "application/json");
    check_str(test_call_header(&c, "Content-Type"), "application/json");
    assert_int_equal(test_build("wechat", &query, SIGNED_AT, &c, &r), 1);
    check_str(c.url, "https://wechat.example/v3/pay/transactions/out-trade-no/T20260101-0001?mchid=1900009191");
    check_str(test_call_header(&c, "Authorization"), HEADER(VECTOR_WX_QUERY_SIGN));
    assert_int_equal(c.body.n, 0);
}

static void signs_the_call_up(void **state) {
    struct pay_result r;
    assert_int_equal(test_parse("wechat", &start, ANSWER_AT, 200, &answer_headers, STR(VECTOR_WX_ANSWER_BODY), &r), 0);
    assert_int_equal(r.start.show, PAY_SHOW_CALL);
    CLEANUP(json_unref) json_t *j = NULL;
    assert_int_equal(json_read(r.start.text, &j, &err), 0);
    assert_string_equal(json_string_value(json_object_get(j, "package")), "prepay_id=wx201410272009395522657a690389285100");
    assert_string_equal(json_string_value(json_object_get(j, "timeStamp")), "1554209980");
    assert_string_equal(json_string_value(json_object_get(j, "signType")), "RSA");
    /* The vector was made at another time than the answer: it is verified, and then ours in the same way. */
    CLEANUP(rsa_free) struct rsa_key *k = NULL;
    BUF_CLEANUP struct buf pem;
    char serial[RSA_SERIAL_MAX];
    uint8_t raw[RSA_SIGNATURE_MAX];
    buf_init(&pem, 8192);
    buf_printf(&pem, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", VECTOR_KEY_M_PUBLIC);
    assert_non_null(k = rsa_public(pem.p, pem.n, serial));
    static const char vector[] = "wxd678efh567hg6787\n1554208460\n" TEST_NONCE "\nprepay_id=wx201410272009395522657a690389285100\n";
    int n = base64_decode(STR(VECTOR_WX_CALL_UP_SIGN), true, raw, sizeof(raw));
    assert_true(n > 0 && rsa_verify(k, vector, sizeof(vector) - 1, raw, (size_t)n));
    struct str ours = arena_printf(test_arena, "wxd678efh567hg6787\n1554209980\n" TEST_NONCE "\nprepay_id=wx201410272009395522657a690389285100\n");
    n = base64_decode(str_z(json_string_value(json_object_get(j, "paySign"))), true, raw, sizeof(raw));
    assert_true(n > 0 && rsa_verify(k, ours.p, ours.n, raw, (size_t)n));
}

static void writes_each_scene(void **state) {
    struct pay_call c;
    struct pay_result r;
    struct pay_ask a = ask;
    struct pay_work w = { PAY_OP_START, .ask = &a };
    a.scene = PAY_H5;
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "client_ip");
    a.client_ip = STR("203.0.113.9");
    a.until_ms = 1767323045000;
    assert_int_equal(test_build("wechat", &w, SIGNED_AT, &c, &r), 1);
    assert_true(str_ends(c.url, STR("/h5")));
    assert_non_null(strstr(c.body.p, "\"time_expire\":\"2026-01-02T11:04:05+08:00\""));
    assert_non_null(strstr(c.body.p, "\"scene_info\":{\"payer_client_ip\":\"203.0.113.9\",\"h5_info\":{\"type\":\"Wap\"}}"));
    a.scene = PAY_QR;
    assert_int_equal(test_build("wechat", &w, SIGNED_AT, &c, &r), 1);
    assert_true(str_ends(c.url, STR("/native")));
    assert_null(strstr(c.body.p, "payer"));
    a.scene = PAY_MINI;
    assert_int_equal(test_build("wechat", &w, SIGNED_AT, &c, &r), 1);
    assert_true(str_ends(c.url, STR("/jsapi")));
    assert_non_null(strstr(c.body.p, "\"appid\":\"wxmini\""));
    a.title = STR("团圆照相馆团圆照相馆团圆照相馆团圆照相馆团圆照相馆团圆照相馆团圆照相馆团圆照相馆团圆照相馆");      /* 135 bytes */
    assert_int_equal(test_build("wechat", &w, SIGNED_AT, &c, &r), 1);
    assert_non_null(strstr(c.body.p, "团圆\",\"out_trade_no\""));                        /* 126 of at most 127 */
    a = ask;
    a.notify_url = STR("https://photo.example.com/notify?x=1");
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "notify_url");
    a.notify_url = STR("");
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "notify_url");
    a = ask;
    a.openid = STR("");
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "openid");
    a = ask;
    memcpy(a.price.currency, "USD", 4);
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "CNY only");
    a = ask;
    a.months = 1;
    check_err(test_build("wechat", &w, SIGNED_AT, &c, &r), ERR_BAD_INPUT, &err, "no memberships");
}

static void writes_refunds(void **state) {
    struct pay_call c;
    struct pay_result r;
    struct pay_refund_ask ra = { .number = STR("refund-7"), .of = which, .amount = { 990, "CNY" }, .total_minor = 1990, .reason = STR("as you wished"),
                                 .notify_url = STR("https://photo.example.com/n") };
    assert_int_equal(test_build("wechat", &(struct pay_work){ PAY_OP_REFUND, .refund = &ra }, SIGNED_AT, &c, &r), 1);
    check_str(c.url, "https://wechat.example/v3/refund/domestic/refunds");
    check_str(c.body, "{\"out_trade_no\":\"T20260101-0001\",\"out_refund_no\":\"refund-7\",\"reason\":\"as you wished\",\"notify_url\":\"https://photo.example.com/n\","
                      "\"amount\":{\"refund\":990,\"total\":1990,\"currency\":\"CNY\"}}");
    assert_int_equal(test_build("wechat", &(struct pay_work){ PAY_OP_QUERY_REFUND, .refund = &ra }, SIGNED_AT, &c, &r), 1);
    check_str(c.url, "https://wechat.example/v3/refund/domestic/refunds/refund-7");
    assert_int_equal(test_build("wechat", &close_it, SIGNED_AT, &c, &r), 1);
    check_str(c.url, "https://wechat.example/v3/pay/transactions/out-trade-no/T20260101-0001/close");
    check_str(c.body, "{\"mchid\":\"1900009191\"}");
}

/* ---- what we verify ---- */
static void an_empty_answer_is_signed_too(void **state) {
    struct test_said s = answer_headers;
    struct pay_result r;
    s.headers[7] = VECTOR_WX_EMPTY_SIGN;
    assert_int_equal(test_parse("wechat", &close_it, ANSWER_AT, 204, &s, STR_NULL, &r), 0);
    check_err(test_parse("wechat", &close_it, ANSWER_AT, 204, &s, STR(" "), &r), ERR_UNCERTAIN, &err, "signature is wrong");
    s.headers[7] = VECTOR_WX_ANSWER_SIGN;
    check_err(test_parse("wechat", &close_it, ANSWER_AT, 204, &s, STR_NULL, &r), ERR_UNCERTAIN, &err, "signature is wrong");
}

static void believes_no_answer_that_is_not_signed(void **state) {
    static const struct { int i; const char *value; const char *words; } cases[] = {
        { 1, "1554209981", "wrong" }, { 1, "", "missing" }, { 1, "-1554209980", "its time" }, { 3, "c5ac7061fccab6bf3e254dcf98995b8d", "wrong" }, { 3, "", "missing" },
        { 5, "PUB_KEY_ID_0000000002", "pay.wechat_verify" }, { 5, "", "missing" }, { 7, "", "missing" }, { 7, VECTOR_WX_EMPTY_SIGN, "wrong" }, { 7, "AAAA", "wrong" },
        { 7, "not base64!", "wrong" }, { 7, "WECHATPAY/SIGNTEST/" VECTOR_WX_ANSWER_SIGN, "probe" } };
    struct pay_result r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct test_said s = answer_headers;
        s.headers[cases[i].i] = cases[i].value;
        check_err(test_parse("wechat", &start, ANSWER_AT, 200, &s, STR(VECTOR_WX_ANSWER_BODY), &r), ERR_UNCERTAIN, &err, cases[i].words);
    }
    for (int64_t off = -300; off <= 300; off += 300) {
        int got = test_parse("wechat", &start, ANSWER_AT + off * 1000, 200, &answer_headers, STR(VECTOR_WX_ANSWER_BODY), &r);
        assert_int_equal(got, off ? ERR_UNCERTAIN : 0);
        got = test_parse("wechat", &start, ANSWER_AT + (off - (off > 0) + (off < 0)) * 1000, 200, &answer_headers, STR(VECTOR_WX_ANSWER_BODY), &r);
        assert_int_equal(got, 0);
    }
    struct test_said other = answer_headers;
    other.headers[8] = "Wechatpay-Signature-Type";
    other.headers[9] = "WECHATPAY2-SM2-WITH-SM3";
    check_err(test_parse("wechat", &start, ANSWER_AT, 200, &other, STR(VECTOR_WX_ANSWER_BODY), &r), ERR_UNCERTAIN, &err, "another kind");
    other.headers[9] = "WECHATPAY2-SHA256-RSA2048";
    assert_int_equal(test_parse("wechat", &start, ANSWER_AT, 200, &other, STR(VECTOR_WX_ANSWER_BODY), &r), 0);
    struct test_said unknown = answer_headers;
    unknown.headers[5] = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
    check_err(test_parse("wechat", &query, ANSWER_AT, 200, &unknown, STR(VECTOR_WX_ANSWER_BODY), &r), ERR_PAY_SETUP, &err, "5157F09EFDC096DE15EBE81A47057A7232F1B8E1");
}

static struct test_said notice_headers = { { "Wechatpay-Timestamp", "1767234897", "Wechatpay-Nonce", "EcMxZ8yjSXWLPyV3CO8mGkKNCNE4a3jD", "Wechatpay-Serial",
                                             TEST_SERIAL_P, "Wechatpay-Signature", notice_sign } };

static void takes_a_whole_notice(void **state) {
    struct pay_notice n;
    assert_int_equal(sizeof(VECTOR_WX_NOTICE_BODY) - 1, 893);
    assert_int_equal(test_notice("wechat", NOTICE_AT, &notice_headers, STR(VECTOR_WX_NOTICE_BODY), &n), 0);
    check_str(n.event_id, "EV-2018022511223320873");
    check_str(n.what, "TRANSACTION.SUCCESS");
    assert_true(n.truth);
    assert_int_equal(n.about, PAY_ABOUT_PAYMENT);
    assert_int_equal(n.payment.state, PAY_PAID);
    assert_int_equal(n.payment.paid.minor, 1990);
    check_z(n.payment.paid.currency, "CNY");
    check_str(n.payment.number, "T20260101-0001");
    check_str(n.payment.transaction_id, "4200000000202601010000000001");
    check_str(n.payment.customer, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
    assert_int_equal(n.payment.paid_ms, 1767234896000);
    struct pay_money right = { 1990, "CNY" }, less = { 990, "CNY" };
    assert_int_equal(pay_truth_check(&n.payment, ask.number, &right, &err), 0);
    check_err(pay_truth_check(&n.payment, ask.number, &less, &err), ERR_PAY_REFUSED, &err, "settle it by hand");
    /* Played again: as good within five minutes, and then no more. Twice is the caller's to notice. */
    assert_int_equal(test_notice("wechat", NOTICE_AT + 299000, &notice_headers, STR(VECTOR_WX_NOTICE_BODY), &n), 0);
    check_err(test_notice("wechat", NOTICE_AT + 300000, &notice_headers, STR(VECTOR_WX_NOTICE_BODY), &n), ERR_PAY_NOTICE, &err, "old message");
    check_err(test_notice("wechat", NOTICE_AT - 300000, &notice_headers, STR(VECTOR_WX_NOTICE_BODY), &n), ERR_PAY_NOTICE, &err, "clocks");
    assert_int_equal(pay_notice_reply(test_pay, "wechat", ERR_PAY_NOTICE).status, 401);
    assert_int_equal(pay_notice_reply(test_pay, "wechat", 0).status, 200);
    check_z(pay_notice_reply(test_pay, "wechat", 0).body, "");
}

static void refuses_every_changed_byte(void **state) {
    struct pay_notice n;
    char body[] = VECTOR_WX_NOTICE_BODY;
    for (size_t i = 0; i < sizeof(body) - 1; i += 11) {
        body[i] ^= 1;
        assert_int_equal(test_notice("wechat", NOTICE_AT, &notice_headers, str_z(body), &n), ERR_PAY_NOTICE);
        body[i] ^= 1;
    }
    struct test_said s = notice_headers;
    s.headers[7] = "WECHATPAY/SIGNTEST/" VECTOR_WX_NOTICE_SIGN;
    check_err(test_notice("wechat", NOTICE_AT, &s, STR(VECTOR_WX_NOTICE_BODY), &n), ERR_PAY_NOTICE, &err, "probe");
    s = notice_headers;
    s.headers[5] = "PUB_KEY_ID_0000000009";
    check_err(test_notice("wechat", NOTICE_AT, &s, STR(VECTOR_WX_NOTICE_BODY), &n), ERR_PAY_SETUP, &err, "PUB_KEY_ID_0000000009");
    assert_int_equal(pay_notice_reply(test_pay, "wechat", ERR_PAY_SETUP).status, 500);       /* comes again, when the key is there */
    s = notice_headers;
    s.headers[3] = "dCMxZ8yjSXWLPyV3CO8mGkKNCNE4a3jE";
    check_err(test_notice("wechat", NOTICE_AT, &s, STR(VECTOR_WX_NOTICE_BODY), &n), ERR_PAY_NOTICE, &err, "wrong");
}

/* The headers of a message whose body the provider's own key signs. */
static struct test_said signed_headers(const char *body) {
    struct test_said s = notice_headers;
    s.headers[7] = test_sign_p(arena_printf(test_arena, "1767234897\nEcMxZ8yjSXWLPyV3CO8mGkKNCNE4a3jD\n%s\n", body));
    return s;
}
/* A notice with words of ours in it. */
static int hear_signed(const char *body) {
    struct test_said s = signed_headers(body);
    struct pay_notice n;
    int r = test_notice("wechat", NOTICE_AT, &s, str_z(body), &n);
    assert_true(r < 0 || !n.truth);
    return r;
}

static void a_genuine_signature_is_not_all(void **state) {
    static const char form[] = "{\"id\":\"1\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{\"algorithm\":\"%s\",\"nonce\":\"%s\",\"associated_data\":\"%s\",\"ciphertext\":\"%.*s\"}}";
    static const struct { const char *algorithm, *nonce, *aad; int cut; } cases[] = {
        { "AEAD_AES_256_GCM", "fdasflkja484", "transactiox", 0 }, { "AEAD_AES_256_GCM", "fdasflkja485", "transaction", 0 }, { "AEAD_AES_256_GCM", "fdasflkja48", "transaction", 0 },
        { "AEAD_AES_256_GCM", "fdasflkja484", "", 0 }, { "AEAD_AES_256_GCM", "fdasflkja484", "transaction", 4 }, { "AES_256_ECB", "fdasflkja484", "transaction", 0 } };
    char body[2000];
    for (size_t i = 0; i < COUNT(cases); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(body, sizeof(body), form, cases[i].algorithm, cases[i].nonce, cases[i].aad, (int)strlen(VECTOR_WX_SEALED) - cases[i].cut, VECTOR_WX_SEALED);
#pragma GCC diagnostic pop
        if (hear_signed(body) != ERR_PAY_SETUP)
            fail_msg("%s", body);
    }
    assert_int_equal(hear_signed("{\"id\":\"1\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{\"algorithm\":\"AEAD_AES_256_GCM\",\"nonce\":\"0123456789ab\","
                                 "\"associated_data\":\"\",\"ciphertext\":\"4ouGGHn75Vog6TDE8DBqgDMKPVYG4q0=\"}}"), ERR_PAY_NOTICE);      /* {"a":1} is no order */
    assert_int_equal(hear_signed("not JSON"), ERR_PAY_NOTICE);
    assert_int_equal(hear_signed("{\"id\":\"1\",\"event_type\":\"COUPON.USE\"}"), 0);         /* genuine, of no interest */
}

static void believes_no_answer_about_something_else(void **state) {
    struct pay_refund_ask ra = { .number = STR("refund-7"), .of = which, .amount = { 990, "CNY" }, .total_minor = 1990 };
    struct pay_work give = { PAY_OP_REFUND, .refund = &ra };
    struct pay_result r;
#define BACK(number, order, amount) "{\"refund_id\":\"50\",\"out_refund_no\":\"" number "\",\"out_trade_no\":\"" order "\",\"status\":\"PROCESSING\",\"amount\":{" amount "}}"
#define ORDER(amount) "{\"mchid\":\"1900009191\",\"appid\":\"wxmini\",\"out_trade_no\":\"T20260101-0001\",\"transaction_id\":\"42\",\"trade_state\":\"SUCCESS\"," \
                      "\"success_time\":\"2026-01-01T10:34:56+08:00\",\"amount\":{" amount "}}"
    static const struct { const struct pay_work *w; const char *body; bool ok; } cases[] = {
        { &query, ORDER("\"total\":1990,\"currency\":\"CNY\""), true }, { &query, ORDER("\"total\":1990,\"currency\":\"CNYX\""), false },
        { &query, ORDER("\"total\":1990,\"currency\":5"), false }, { &query, ORDER("\"total\":0"), false }, { &query, ORDER("\"total\":19.9"), false },
        { &query, ORDER("\"total\":100000000001"), false }, { &query, ORDER("\"total\":9223372036854775807"), false },
    };
    struct { const char *body; bool ok; } refunds[] = {
        { BACK("refund-7", "T20260101-0001", "\"refund\":990,\"currency\":\"CNY\""), true }, { BACK("refund-7", "T20260101-0001", "\"refund\":990"), true },
        { BACK("refund-8", "T20260101-0001", "\"refund\":990"), false }, { BACK("refund-7", "T20260101-0002", "\"refund\":990"), false },
        { BACK("refund-7", "T20260101-0001", "\"refund\":990,\"currency\":\"\""), false }, { BACK("refund-7", "T20260101-0001", "\"refund\":-990"), false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct test_said s = signed_headers(cases[i].body);
        if (test_parse("wechat", cases[i].w, NOTICE_AT, 200, &s, str_z(cases[i].body), &r) != (cases[i].ok ? 0 : ERR_UPSTREAM))
            fail_msg("%s", cases[i].body);
    }
    for (size_t i = 0; i < COUNT(refunds); i++) {
        struct test_said s = signed_headers(refunds[i].body);
        if (test_parse("wechat", &give, NOTICE_AT, 200, &s, str_z(refunds[i].body), &r) != (refunds[i].ok ? 0 : ERR_UNCERTAIN))
            fail_msg("%s", refunds[i].body);
    }
}

static void unseals_with_the_right_key_only(void **state) {
    uint8_t sealed[1024], plain[1024], key[PAY_GCM_KEY];
    memcpy(key, TEST_V3_KEY, sizeof(key));
    int n = base64_decode(STR(VECTOR_WX_SEALED), true, sealed, sizeof(sealed));
    assert_true(n > PAY_GCM_TAG);
    assert_true(pay_gcm_open(key, "fdasflkja484", 12, "transaction", 11, sealed, (size_t)n, plain));
    check_str(((struct str){ (char *)plain, (size_t)n - PAY_GCM_TAG }), VECTOR_WX_PLAIN);
    assert_false(pay_gcm_open(key, "fdasflkja484", 12, "transaction", 11, sealed, (size_t)n - 1, plain));
    assert_int_equal(plain[0], 0);                     /* nothing of it is left */
    assert_false(pay_gcm_open(key, "fdasflkja484", 12, "transaction", 11, sealed, PAY_GCM_TAG - 1, plain));
    key[0] ^= 1;
    assert_false(pay_gcm_open(key, "fdasflkja484", 12, "transaction", 11, sealed, (size_t)n, plain));
    key[0] ^= 1;
    n = base64_decode(STR("4ouGGHn75Vog6TDE8DBqgDMKPVYG4q0="), true, sealed, sizeof(sealed));
    assert_true(pay_gcm_open(key, "0123456789ab", 12, "", 0, sealed, (size_t)n, plain));
    check_str(((struct str){ (char *)plain, 7 }), "{\"a\":1}");
}

static void tells_the_kinds_of_trouble_apart(void **state) {
    static const struct { const struct pay_work *w; int status; const char *code; int err; } cases[] = {
        { &start, 400, "PARAM_ERROR", ERR_PAY_SETUP }, { &start, 400, "INVALID_REQUEST", ERR_PAY_REFUSED }, { &start, 400, "ORDER_CLOSED", ERR_PAY_OVER },
        { &start, 401, "SIGN_ERROR", ERR_PAY_SETUP }, { &start, 403, "NO_AUTH", ERR_PAY_SETUP }, { &start, 403, "NOT_ENOUGH", ERR_PAY_SETUP },
        { &start, 403, "OUT_TRADE_NO_USED", ERR_PAY_OVER }, { &start, 403, "RULE_LIMIT", ERR_PAY_REFUSED }, { &query, 404, "ORDER_NOT_EXIST", ERR_NOT_FOUND },
        { &query, 404, "RESOURCE_NOT_EXISTS", ERR_NOT_FOUND }, { &start, 429, "FREQUENCY_LIMITED", ERR_UPSTREAM }, { &start, 500, "SYSTEM_ERROR", ERR_UNCERTAIN },
        { &start, 500, "BANK_ERROR", ERR_UNCERTAIN }, { &query, 500, "SYSTEM_ERROR", ERR_UPSTREAM }, { &start, 403, "", ERR_PAY_SETUP }, { &start, 301, "", ERR_UNCERTAIN },
        /* words that are not WeChat's say nothing about an order */
        { &query, 404, "", ERR_UPSTREAM }, { &start, 404, "", ERR_UNCERTAIN }, { &close_it, 400, "", ERR_UNCERTAIN },
        /* the same things, as the documents of each call spell them */
        { &start, 403, "RULELIMIT", ERR_PAY_REFUSED }, { &start, 403, "TRADE_ERROR", ERR_PAY_REFUSED }, { &start, 403, "ACCOUNTERROR", ERR_PAY_REFUSED },
        { &start, 403, "NOAUTH", ERR_PAY_SETUP }, { &query, 404, "ORDERNOTEXIST", ERR_NOT_FOUND }, { &start, 403, "USER_ACCOUNT_ABNORMAL", ERR_PAY_REFUSED } };
    struct pay_result r;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str body = arena_printf(test_arena, "{\"code\":\"%s\",\"message\":\"because\"}", cases[i].code);
        int got = test_parse("wechat", cases[i].w, ANSWER_AT, cases[i].status, NULL, body, &r);
        if (got != cases[i].err)
            fail_msg("%d %s: %s, %s", cases[i].status, cases[i].code, err_reason(got)->code, err.text);
    }
    assert_int_equal(test_parse("wechat", &query, ANSWER_AT, 404, NULL, STR("<html>no such page</html>"), &r), ERR_UPSTREAM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_an_order_as_others_do), cmocka_unit_test(signs_the_call_up), cmocka_unit_test(writes_each_scene), cmocka_unit_test(writes_refunds),
        cmocka_unit_test(an_empty_answer_is_signed_too), cmocka_unit_test(believes_no_answer_that_is_not_signed), cmocka_unit_test(takes_a_whole_notice),
        cmocka_unit_test(refuses_every_changed_byte), cmocka_unit_test(a_genuine_signature_is_not_all), cmocka_unit_test(unseals_with_the_right_key_only),
        cmocka_unit_test(tells_the_kinds_of_trouble_apart), cmocka_unit_test(believes_no_answer_about_something_else),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
