/* fuzz_pay_wechat.c - any bytes as the four headers (each ended by LF), and a body: none is genuine. The body with a signature of the key that
 * plays WeChat, as a notice and as every answer. */
#include "fuzz.h"
#include "pay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const settings[][2] = { { "pay.wechat_mchid", "1900009191" }, { "pay.wechat_appid", "wxd678efh567hg6787" }, { "pay.wechat_serial", "1DDE" },
                                               { "pay.wechat_v3_key", "0123456789abcdef0123456789abcdef" }, { "pay.wechat_url", "https://wechat.example" } };
    struct pay_notice notice;
    struct err e = { 0 };
    struct str body = { (const char *)data, n };
    if (n > 64 * 1024)
        return 0;
    fuzz_setup(settings, COUNT(settings), "pay.wechat_key_file", "pay.wechat_verify", "PUB_KEY_ID_1=");
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct fuzz_headers h = { { { "Wechatpay-Timestamp", str_cut(&body, '\n') }, { "Wechatpay-Nonce", str_cut(&body, '\n') },
                                { "Wechatpay-Serial", str_cut(&body, '\n') }, { "Wechatpay-Signature", str_cut(&body, '\n') } } };
    struct pay_said said = { 200, fuzz_header, &h, body };
    MUST(pay_notice(fuzz_pay, "wechat", &said, FUZZ_NOW, a, &notice, &e) < 0);
    struct str message = arena_printf(a, "%lld\nnonce\n", (long long)(FUZZ_NOW / 1000));
    BUF_CLEANUP struct buf all;
    buf_init(&all, 128 * 1024);
    buf_add_str(&all, message);
    buf_add_str(&all, body);
    buf_add_c(&all, '\n');
    h = (struct fuzz_headers){ { { "Wechatpay-Timestamp", arena_printf(a, "%lld", (long long)(FUZZ_NOW / 1000)) }, { "Wechatpay-Nonce", STR("nonce") },
                                 { "Wechatpay-Serial", STR("PUB_KEY_ID_1") }, { "Wechatpay-Signature", fuzz_sign(a, buf_str(&all)) } } };
    int r = pay_notice(fuzz_pay, "wechat", &said, FUZZ_NOW, a, &notice, &e);
    MUST(r == 0 || r == ERR_PAY_NOTICE || r == ERR_PAY_SETUP);
    if (r == 0)
        fuzz_check_notice(&notice);
    fuzz_answers(200, &h, body, "");
    fuzz_answers(403, &h, body, "");
    return 0;
}
