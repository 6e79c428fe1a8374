/* pay_test.c - what every way to be paid must do, over the list; and settings that are refused, each with what to do. */
#include "pay/testing.h"

#include "base/json.h"

static int setup(void **state) {
    test_config();
    return 0;
}
static int teardown(void **state) {
    test_done();
    return 0;
}

static void every_driver_honours_the_contract(void **state) {
    for (size_t i = 0; pay_drivers[i]; i++) {
        const struct pay_driver *d = pay_drivers[i];
        assert_true(d->name && d->scenes && d->open && d->close && d->build && d->parse && d->notice);
        assert_true(d->yes.status == 200 && d->yes.body && d->again.status >= 500 && d->forged.status >= 400 && d->forged.status < 500);
        assert_true(!!(d->can & PAY_IS_TEST) == !!d->answer);
        assert_true(!!(d->can & PAY_CAN_MEMBER) == ((d->ops & 1u << PAY_OP_CHANGE) && (d->ops & 1u << PAY_OP_QUERY_MEMBER)));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(pay_drivers[k]->name, d->name);
    }
}

static int refused(const char *words) {
    static const uint8_t key[CRYPTO_KEY] = "k";
    struct pay *p = NULL;
    err = (struct err){ 0 };
    int r = pay_new(test_cfg, NULL, NULL, key, &p, &err);
    if (r == 0)
        pay_free(p);
    if (!words)
        return r;
    check_err(r, ERR_CONFIG, &err, words);
    return 0;
}

static void nothing_is_set_up_by_itself(void **state) {
    struct pay_provider_info info;
    test_open(NULL);
    assert_false(pay_provider(test_pay, 0, &info));
    assert_false(pay_has(test_pay, "test"));
    struct pay_test_notice n;
    assert_int_equal(pay_test_act(test_pay, STR("order-1"), PAY_TEST_PAY, test_arena, &n, &err), ERR_NOT_FOUND);
    assert_int_equal(pay_notice_reply(test_pay, "stripe", 0).status, 404);
}

/* file: its path is the value, behind what stands in `value`. words: of the refusal; NULL: all is well now; "": not looked at. */
struct step { const char *setting, *value, *file, *words; };
static void take(const struct step *s) {
    if (s->file)
        test_set_file(s->setting, s->value, s->file);
    else
        test_set(s->setting, s->value);
    if (!s->words)
        assert_int_equal(refused(NULL), 0);
    else if (s->words[0])
        refused(s->words);
}

static void half_a_set_of_settings_is_refused(void **state) {
    static const struct step steps[] = {
        { "pay.stripe_key", "sk_test_1", NULL, "pay.stripe_webhook_secret" },
        { "pay.stripe_webhook_secret", "whsec_1,whsec_2,whsec_3", NULL, "one or two" },
        { "pay.stripe_webhook_secret", "whsec_1,two words", NULL, "one or two" },
        { "pay.stripe_webhook_secret", "whsec_1,", NULL, "one or two" },
        { "pay.stripe_webhook_secret", "whsec_1, whsec_2", NULL, NULL },
        { "pay.stripe_url", "ftp://x.example", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example/", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example?a", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example#a", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://me@x.example", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example:0", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example:99999", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example/a b", NULL, "pay.stripe_url" },
        { "pay.stripe_url", "https://x.example:8443/stripe", NULL, NULL },
        { "pay.stripe_url", "https://api.stripe.com", NULL, NULL },
        { "pay.wechat_mchid", "1900009191", NULL, "pay.wechat_appid" },
        { "pay.wechat_appid", "wx1", NULL, "pay.wechat_serial" },
        { "pay.wechat_serial", "1DDE", NULL, "pay.wechat_v3_key" },
        { "pay.wechat_v3_key", TEST_V3_KEY, NULL, "pay.wechat_key_file" },
        { "pay.wechat_key_file", "", "m_public.pem", "no RSA private key" },
        { "pay.wechat_key_file", "", "nothing.pem", "cannot read" },
        { "pay.wechat_key_file", "/dev/null", NULL, "no key file" },
        { "pay.wechat_key_file", "", "m.pem", "no answer can be believed" },
        { "pay.wechat_verify", "", "p_public.pem", "serial=file" },
        { "pay.wechat_verify", "5157F09EFDC0=", "p_public.pem", "belongs to a PUB_KEY_ID_" },
        { "pay.wechat_verify", "PUB_KEY_ID_1=", "m.pem", "no RSA public key or certificate" },
        { "pay.wechat_verify", "PUB_KEY_ID_1=", "p_public.pem", NULL },
        { "pay.wechat_url", "https://wechat.example/", NULL, "pay.wechat_url" },
        { "pay.wechat_url", "https://wechat.example?", NULL, "pay.wechat_url" },
        { "pay.wechat_url", "https://wechat.example", NULL, NULL },
        { "pay.alipay_app_id", "2021", NULL, "pay.alipay_seller_id" },
        { "pay.alipay_seller_id", "2088", NULL, "pay.alipay_key_file" },
        { "pay.alipay_url", "https://alipay.example/gateway.do?a=b", NULL, "pay.alipay_url" },
    };
    for (size_t i = 0; i < COUNT(steps); i++)
        take(&steps[i]);
    test_alipay();
    assert_int_equal(refused(NULL), 0);
}

static void test_money_never_stands_beside_real_money(void **state) {
    static const char real[] = "everybody could buy for nothing", alone[] = "needs the database";
    /* Whatever is not known to be none is real money: also behind a proxy, on another port, in a sandbox, or with a key of a kind that is not known. */
    static const struct step steps[] = {
        { "pay.test_money", "true", NULL, alone },
        { "pay.stripe_webhook_secret", "whsec_1", NULL, alone },
        { "pay.stripe_key", "sk_live_1", NULL, real },
        { "pay.stripe_key", "rk_live_1", NULL, real },
        { "pay.stripe_key", "sk_org_1", NULL, real },
        { "pay.stripe_key", "sk_testing", NULL, real },
        { "pay.stripe_url", "https://127.0.0.1:8443/stripe", NULL, alone },
        { "pay.stripe_key", "sk_live_1", NULL, real },         /* a live key is real, whatever it is shown to */
        { "pay.stripe_key", "sk_test_1", NULL, alone },
        { "pay.stripe_url", "https://payments.example", NULL, alone },
        { "pay.stripe_key", "rk_test_1", NULL, alone },
        { "pay.stripe_key", "", NULL, alone },
        { "pay.wechat_mchid", "1900009191", NULL, real },      /* at wechat.example */
        { "pay.wechat_url", "https://api.mch.weixin.qq.com", NULL, real },
        { "pay.wechat_url", "https://api.mch.weixin.qq.com:443", NULL, real },
        { "pay.wechat_url", "https://10.0.0.7:9443", NULL, real },
        { "pay.wechat_url", "http://127.0.0.1:9000", NULL, alone },
        { "pay.wechat_url", "http://127.8.9.10", NULL, alone },
        { "pay.wechat_url", "http://[::1]:9000", NULL, alone },
        { "pay.wechat_url", "http://localhost:9000", NULL, real },             /* a name can be anything */
        { "pay.wechat_url", "http://127.0.0.1.example.com", NULL, real },
        { "pay.wechat_url", "http://128.0.0.1", NULL, real },
        { "pay.wechat_url", "http://[::2]", NULL, real },
        { "pay.wechat_url", "http://0.0.0.0:9000", NULL, real },
        { "pay.wechat_url", "http://127.1", NULL, real },
        { "pay.wechat_mchid", "", NULL, alone },
        { "pay.alipay_app_id", "2021000000000001", NULL, real },               /* at alipay.example */
        { "pay.alipay_url", "https://openapi.alipay.com/gateway.do", NULL, real },
        { "pay.alipay_url", "https://openapi.alipay.com:443/gateway.do", NULL, real },
        { "pay.alipay_url", "https://openapi-sandbox.dl.alipaydev.com/gateway.do", NULL, real },
        { "pay.alipay_url", "https://proxy.example//openapi.alipay.com/gateway.do", NULL, real },
        { "pay.alipay_url", "http://127.0.0.1:9000/gateway.do", NULL, alone },
        { "pay.test_money", "false", NULL, NULL },
    };
    test_wechat();
    test_set("pay.wechat_mchid", "");
    test_alipay();
    test_set("pay.alipay_app_id", "");
    for (size_t i = 0; i < COUNT(steps); i++)
        take(&steps[i]);
}

/* Whoever does not want to know why may give no room for it. */
static void no_call_needs_room_for_words(void **state) {
    static const uint8_t key[CRYPTO_KEY] = "k";
    struct pay_truth truth;
    struct pay_start start;
    struct pay_refund_truth back;
    struct pay_notice notice;
    struct pay *p = NULL;
    struct pay_ask ask = { .number = STR("order-1") };
    struct pay_which which = { .number = STR("order/1") };
    struct pay_refund_ask refund = { .number = STR("refund-1"), .of = which };
    struct pay_change_ask change = { .number = STR("change-1") };
    struct pay_said said = { .header = test_header };
    test_wechat();
    test_set("pay.wechat_key_file", "/nowhere/m.pem");
    assert_int_equal(pay_new(test_cfg, NULL, NULL, key, &p, NULL), ERR_CONFIG);
    test_wechat();
    test_set_file("pay.wechat_verify", "PUB_KEY_ID_1=", "nothing.pem");
    assert_int_equal(pay_new(test_cfg, NULL, NULL, key, &p, NULL), ERR_CONFIG);
    test_wechat();
    test_stripe();
    test_alipay();
    test_open(NULL);
    static const char *const providers[] = { "wechat", "alipay", "stripe" };
    for (size_t i = 0; i < COUNT(providers); i++) {
        assert_int_equal(pay_start(test_pay, providers[i], &ask, test_arena, &start, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_query(test_pay, providers[i], &which, test_arena, &truth, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_close(test_pay, providers[i], &which, test_arena, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_refund(test_pay, providers[i], &refund, test_arena, &back, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_query_refund(test_pay, providers[i], &refund, test_arena, &back, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_query_member(test_pay, providers[i], STR("a/b"), test_arena, &truth, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_change(test_pay, providers[i], &change, test_arena, &truth, NULL), ERR_BAD_INPUT);
        assert_int_equal(pay_notice(test_pay, providers[i], &said, 0, test_arena, &notice, NULL), ERR_PAY_NOTICE);
        said.body = STR("a=1&a=2");
    }
    assert_int_equal(pay_query(test_pay, "test", &which, test_arena, &truth, NULL), ERR_PAY_SETUP);
}

/* A request that is cut off is another one. */
static void a_request_over_its_limit_is_not_sent(void **state) {
    for (size_t max = 0; max < 40; max++) {
        BUF_CLEANUP struct buf b;
        struct jw w;
        struct str json = STR_NULL;
        pay__json(&w, &b, max);
        jw_kz(&w, "number", "order-1");
        if (max >= strlen("{\"number\":\"order-1\"}")) {
            assert_int_equal(pay__json_end(&w, test_arena, &json, &err), 0);
            check_str(json, "{\"number\":\"order-1\"}");
        } else {
            check_err(pay__json_end(&w, test_arena, &json, &err), ERR_BAD_INPUT, &err, "a request of more than");
            assert_null(json.p);
        }
    }
}

static void errors_say_what_is_next(void **state) {
    assert_int_equal(pay_next(ERR_UPSTREAM), PAY_NEXT_AGAIN);
    assert_int_equal(pay_next(ERR_BUSY), PAY_NEXT_AGAIN);
    assert_int_equal(pay_next(ERR_UNCERTAIN), PAY_NEXT_ASK);
    assert_int_equal(pay_next(ERR_PAY_REFUSED), PAY_NEXT_NEVER);
    assert_int_equal(pay_next(ERR_PAY_OVER), PAY_NEXT_NEVER);
    assert_int_equal(pay_next(ERR_NOT_FOUND), PAY_NEXT_NEVER);
    assert_int_equal(pay_next(ERR_PAY_SETUP), PAY_NEXT_OPERATOR);
}

int main(void) {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = { T(every_driver_honours_the_contract), T(nothing_is_set_up_by_itself), T(half_a_set_of_settings_is_refused),
                                        T(test_money_never_stands_beside_real_money), T(no_call_needs_room_for_words),
                                        T(a_request_over_its_limit_is_not_sent), T(errors_say_what_is_next) };
    return RUN(tests);
}
