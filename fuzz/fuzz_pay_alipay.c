/* fuzz_pay_alipay.c - any bytes as a notice: none is genuine. The same form signed by the key that plays Alipay; the same bytes as the inner object
 * of a signed answer, and as a whole answer. */
#include "fuzz.h"
#include "pay.h"
#include "pay/wire.h"

static struct str no_header(const void *from, const char *name) { return STR_NULL; }

static void signed_form(struct str body, struct arena *a) {
    struct wire_pair pairs[WIRE_PAIRS_MAX];
    struct pay_notice notice;
    struct err e = { 0 };
    size_t n = 0;
    BUF_CLEANUP struct buf plain;
    BUF_CLEANUP struct buf form;
    buf_init(&plain, 256 * 1024);
    buf_init(&form, 256 * 1024);
    if (wire_form(body, a, pairs, &n, NULL) < 0 || n > WIRE_PAIRS_MAX - 2)
        return;
    for (size_t i = 0; i < n; i++) {
        if (str_eqz(pairs[i].name, "sign") || str_eqz(pairs[i].name, "sign_type"))
            return;
        if (plain.n)
            buf_add_c(&plain, '&');
        buf_add_str(&plain, pairs[i].name);
        buf_add_c(&plain, '=');
        buf_add_str(&plain, pairs[i].value);
        if (form.n)
            buf_add_c(&form, '&');
        buf_add_percent(&form, pairs[i].name);
        buf_add_c(&form, '=');
        buf_add_percent(&form, pairs[i].value);
    }
    wire_add(&form, "sign_type", STR("RSA2"));
    wire_add(&form, "sign", fuzz_sign(a, buf_str(&plain)));
    if (form.failed || plain.n == 0 || form.n > PAY_NOTICE_MAX)
        return;
    struct pay_said said = { 0, no_header, NULL, buf_str(&form) };
    int r = pay_notice(fuzz_pay, "alipay", &said, FUZZ_NOW, a, &notice, &e);
    MUST(r == 0 || r == ERR_PAY_NOTICE);
    if (r == 0)
        fuzz_check_notice(&notice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const settings[][2] = { { "pay.alipay_app_id", "2021000000000001" }, { "pay.alipay_seller_id", "2088102119685838" },
                                               { "pay.alipay_url", "https://alipay.example/gateway.do" } };
    static const char *const calls[] = { "alipay_trade_precreate", "alipay_trade_query", "alipay_trade_close", "alipay_trade_refund", "alipay_trade_fastpay_refund_query",
                                         "error" };
    struct pay_notice notice;
    struct err e = { 0 };
    struct fuzz_headers h = { 0 };
    struct str body = { (const char *)data, n };
    if (n > 16 * 1024)
        return 0;
    fuzz_setup(settings, COUNT(settings), "pay.alipay_key_file", "pay.alipay_verify_file", "");
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct pay_said said = { 0, no_header, NULL, body };
    MUST(pay_notice(fuzz_pay, "alipay", &said, FUZZ_NOW, a, &notice, &e) < 0);
    signed_form(body, a);
    fuzz_answers(200, &h, body, "");
    BUF_CLEANUP struct buf whole;
    struct str sign = fuzz_sign(a, body);
    buf_init(&whole, 64 * 1024);
    for (size_t i = 0; i < COUNT(calls); i++) {
        buf_reset(&whole);
        buf_printf(&whole, "{\"%s_response\":", calls[i]);
        buf_add_str(&whole, body);
        buf_printf(&whole, ",\"sign\":\"%.*s\"}", STR_ARG(sign));
        fuzz_answers(200, &h, buf_str(&whole), "");
    }
    return 0;
}
