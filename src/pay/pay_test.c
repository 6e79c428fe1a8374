/* pay_test.c - what every way to be paid must do, over the list; and settings that are refused, each with what to do. */
#include "pay/testing.h"

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

static void half_a_set_of_settings_is_refused(void **state) {
    test_set("pay.stripe_key", "sk_test_1");
    refused("pay.stripe_webhook_secret");
    test_set("pay.stripe_webhook_secret", "whsec_1,whsec_2,whsec_3");
    refused("one or two");
    test_set("pay.stripe_webhook_secret", "whsec_1, whsec_2");
    assert_int_equal(refused(NULL), 0);
    test_set("pay.stripe_url", "ftp://x.example");
    refused("pay.stripe_url");
    test_set("pay.stripe_url", "https://api.stripe.com");
    test_set("pay.wechat_mchid", "1900009191");
    refused("pay.wechat_appid");
    test_set("pay.wechat_appid", "wx1");
    refused("pay.wechat_serial");
    test_set("pay.wechat_serial", "1DDE");
    refused("pay.wechat_v3_key");
    test_set("pay.wechat_v3_key", TEST_V3_KEY);
    refused("pay.wechat_key_file");
    test_set_file("pay.wechat_key_file", "", "m_public.pem");
    refused("no RSA private key");
    test_set_file("pay.wechat_key_file", "", "nothing.pem");
    refused("cannot read");
    test_set_file("pay.wechat_key_file", "", "m.pem");
    refused("no answer can be believed");
    test_set_file("pay.wechat_verify", "", "p_public.pem");
    refused("serial=file");
    test_set_file("pay.wechat_verify", "5157F09EFDC0=", "p_public.pem");
    refused("belongs to a PUB_KEY_ID_");
    test_set_file("pay.wechat_verify", "PUB_KEY_ID_1=", "m.pem");
    refused("no RSA public key or certificate");
    test_set_file("pay.wechat_verify", "PUB_KEY_ID_1=", "p_public.pem");
    assert_int_equal(refused(NULL), 0);
    test_set("pay.wechat_url", "https://wechat.example/");
    refused("nothing behind");
    test_set("pay.wechat_url", "https://wechat.example");
    test_set("pay.alipay_app_id", "2021");
    refused("pay.alipay_seller_id");
    test_set("pay.alipay_seller_id", "2088");
    refused("pay.alipay_key_file");
    test_alipay();
    assert_int_equal(refused(NULL), 0);
}

static void test_money_never_stands_beside_real_money(void **state) {
    test_set("pay.test_money", "true");
    refused("needs the database");
    test_set("pay.stripe_key", "sk_live_1");
    test_set("pay.stripe_webhook_secret", "whsec_1");
    refused("everybody could buy for nothing");
    test_set("pay.stripe_key", "rk_live_1");
    refused("everybody could buy for nothing");
    test_set("pay.stripe_key", "");
    test_wechat();
    test_set("pay.wechat_url", "https://api.mch.weixin.qq.com");
    refused("everybody could buy for nothing");
    test_set("pay.wechat_mchid", "");
    test_alipay();
    test_set("pay.alipay_url", "https://openapi.alipay.com/gateway.do");
    refused("everybody could buy for nothing");
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
                                        T(test_money_never_stands_beside_real_money), T(errors_say_what_is_next) };
    return RUN(tests);
}
