/*
 * driver_alipay.c - Alipay, OpenAPI 2.0 with RSA2: pages for desks and phones, QR codes; decimal yuan of CNY.
 * Document: the platform's documentation of alipay.trade.*, as collected in November 2026; signing and verifying as in alipay-sdk 4.14.0. Quirks:
 * - A request's signature covers every parameter that is not empty but `sign`, `sign_type` too; a notice's covers neither of the two.
 * - page.pay and wap.pay are no calls: the signed parameters are a URL that the payer's browser opens. Until somebody has signed in there, Alipay
 *   knows nothing of the order ("TRADE_NOT_EXIST"); it can come until its `time_expire`, closed or not.
 * - An answer is signed over the very bytes of its inner object.
 * - A notice is a form, dated by nothing that is worth checking: an old one is as genuine as on its day, and says how it was then. So one that
 *   tells of an open order is a hint only: it may have been paid since.
 * - TRADE_CLOSED is an order that was never paid, or one that was given back as a whole; only the latter has a time of payment.
 * - A refund's answer says whether money moved now (fund_change); the same request number again moves none, and is asked about instead.
 * - Of a refund that is asked about, refund_status is REFUND_SUCCESS or absent; absence was a yes once, and means "not there, or failed" in newer
 *   texts. So it is neither here: a yes is that status, or a time of payment, which is told only when query_options asks for it.
 */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/rsa.h"
#include "pay/driver.h"
#include "pay/wire.h"

#define BODY_MAX     (16 * 1024)
#define TITLE_MAX    256
#define EVENT_MAX    128
#define ID_MAX       64                        /* of Alipay's own numbers */

struct alipay {
    const char     *gateway, *app_id, *seller_id;
    struct rsa_key *key, *verify;
};

/* ---- life ---- */
static void close_alipay(void *arg) {
    struct alipay *g = arg;
    rsa_free(g->key);
    rsa_free(g->verify);
    free(g);
}

static int read_key(const struct config *cfg, const char *setting, bool private, struct rsa_key **ret, struct err *e) {
    BUF_CLEANUP struct buf pem;
    char serial[RSA_SERIAL_MAX];
    buf_init(&pem, 128 * 1024);
    int r = pay__read_file(cfg, setting, config_str(cfg, setting), &pem, e);
    if (r < 0)
        return r;
    *ret = private ? rsa_private(pem.p, pem.n) : rsa_public(pem.p, pem.n, serial);
    crypto_wipe(pem.p, pem.n);
    return *ret ? 0 : err_set(e, ERR_CONFIG, "%s: no RSA key in PEM; what the console gives as one line needs its BEGIN and END lines, see docs/payments.md", setting);
}

static int open_alipay(const struct config *cfg, void **ret_g, bool *ret_real, struct err *e) {
    bool own;
    const char *gateway, *app_id = config_str(cfg, "pay.alipay_app_id"), *seller_id = config_str(cfg, "pay.alipay_seller_id");
    if (!app_id[0])
        return 0;
    if (!pay__is_name(str_z(app_id)) || !pay__is_name(str_z(seller_id)))
        return err_set(e, ERR_CONFIG, "pay.alipay_app_id, pay.alipay_seller_id: both are needed, digits; see docs/payments.md");
    int r = pay__base_url(cfg, "pay.alipay_url", /* path= */ true, &gateway, &own, e);
    if (r < 0)
        return r;
    struct alipay *g = calloc(1, sizeof(*g));
    if (!g)
        return err_set(e, ERR_INTERNAL, "no memory");
    g->gateway = gateway;
    g->app_id = app_id;
    g->seller_id = seller_id;
    r = read_key(cfg, "pay.alipay_key_file", true, &g->key, e);
    if (r >= 0)
        r = read_key(cfg, "pay.alipay_verify_file", false, &g->verify, e);
    if (r < 0) {
        close_alipay(g);
        return r;
    }
    *ret_g = g;
    *ret_real = !own;
    return 1;
}

/* ---- requests ---- */
struct param { const char *name; struct str value; };

/* All parameters of a call, those that are empty left out; in the order of their names, which is that of the signature. */
static int sign_params(const struct alipay *g, const char *method, struct str biz, const struct pay_ask *ask, const struct pay_moment *m, struct arena *a,
                       struct str *ret, struct err *e) {
    char at[20];
    uint8_t raw[RSA_SIGNATURE_MAX];
    BUF_CLEANUP struct buf plain = { 0 };
    BUF_CLEANUP struct buf sent = { 0 };
    wire_china_text(m->now_ms, at);
    const struct param params[] = {
        { "app_id", str_z(g->app_id) },
        { "biz_content", biz },
        { "charset", STR("utf-8") },
        { "method", str_z(method) },
        { "notify_url", ask ? ask->notify_url : STR("") },
        { "return_url", ask && ask->scene != PAY_QR ? ask->return_url : STR("") },
        { "sign_type", STR("RSA2") },
        { "timestamp", str_z(at) },
        { "version", STR("1.0") },
    };
    buf_init(&plain, BODY_MAX);
    buf_init(&sent, 4 * BODY_MAX);
    for (size_t i = 0; i < COUNT(params); i++) {
        if (!params[i].value.n)
            continue;
        buf_printf(&plain, "%s%s=", plain.n ? "&" : "", params[i].name);
        buf_add_str(&plain, params[i].value);
        wire_add(&sent, params[i].name, params[i].value);
    }
    size_t n = plain.failed ? 0 : rsa_sign(g->key, plain.p, plain.n, raw);
    char *sign = arena_alloc(a, (n + 2) / 3 * 4 + 1);
    wire_add(&sent, "sign", (struct str){ sign, base64_encode(raw, n, sign) });
    if (plain.failed || sent.failed)
        return err_set(e, ERR_BAD_INPUT, "a request of more than %d bytes", BODY_MAX);
    if (n == 0)
        return err_set(e, ERR_PAY_SETUP, "cannot sign with pay.alipay_key_file");
    *ret = arena_str(a, buf_str(&sent));
    return 0;
}

static int post(const struct alipay *g, const char *method, struct str biz, const struct pay_ask *ask, const struct pay_moment *m, struct arena *a,
                struct pay_call *ret, struct err *e) {
    struct str body;
    int r = sign_params(g, method, biz, ask, m, a, &body, e);
    if (r < 0)
        return r;
    /* charset also in the address: the gateway decodes by it before it looks into the body */
    *ret = (struct pay_call){ .method = "POST", .url = arena_printf(a, "%s?charset=utf-8", g->gateway), .body = body };
    pay__header(ret, a, "Content-Type: application/x-www-form-urlencoded;charset=utf-8");
    return 1;
}

/* "Without special characters such as / = &", say its documents. */
static struct str subject_of(struct str title, struct arena *a) {
    struct str cut = pay__cut(title, TITLE_MAX);
    char *out = arena_strz(a, cut);
    for (size_t i = 0; i < cut.n; i++)
        if (out[i] == '/' || out[i] == '=' || out[i] == '&')
            out[i] = ' ';
    return (struct str){ out, cut.n };
}

static int build_start(const struct alipay *g, const struct pay_ask *ask, const struct pay_moment *m, struct arena *a, struct pay_call *ret,
                       struct pay_result *ret_result, struct err *e) {
    static const char *const methods[] = { [PAY_PAGE] = "alipay.trade.page.pay", [PAY_H5] = "alipay.trade.wap.pay", [PAY_QR] = "alipay.trade.precreate" };
    static const char *const products[] = { [PAY_PAGE] = "FAST_INSTANT_TRADE_PAY", [PAY_H5] = "QUICK_WAP_WAY", [PAY_QR] = "QR_CODE_OFFLINE" };
    BUF_CLEANUP struct buf b;
    struct jw w;
    struct str biz, query;
    char yuan[24], until[20];
    wire_yuan_text(ask->price.minor, yuan);
    pay__json(&w, &b, BODY_MAX);
    jw_kstr(&w, "out_trade_no", ask->number);
    jw_kz(&w, "product_code", products[ask->scene]);
    jw_kz(&w, "total_amount", yuan);
    jw_kstr(&w, "subject", subject_of(ask->title, a));
    if (ask->until_ms) {
        wire_china_text(ask->until_ms, until);
        jw_kz(&w, "time_expire", until);
    }
    int r = pay__json_end(&w, a, &biz, e);
    if (r < 0 || ask->scene == PAY_QR)
        return r < 0 ? r : post(g, methods[ask->scene], biz, ask, m, a, ret, e);
    r = sign_params(g, methods[ask->scene], biz, ask, m, a, &query, e);
    if (r < 0)
        return r;
    ret_result->start = (struct pay_start){ PAY_SHOW_REDIRECT, .text = arena_printf(a, "%s?%.*s", g->gateway, STR_ARG(query)), .provider_id = STR(""),
                                            .until_ms = ask->until_ms };
    return 0;
}

/* Of what is posted; pages are not answered. */
static const char *method_of(const struct pay_work *w) {
    static const char *const methods[] = { [PAY_OP_START] = "alipay.trade.precreate", [PAY_OP_QUERY] = "alipay.trade.query", [PAY_OP_CLOSE] = "alipay.trade.close",
                                           [PAY_OP_REFUND] = "alipay.trade.refund", [PAY_OP_QUERY_REFUND] = "alipay.trade.fastpay.refund.query" };
    return methods[w->op];
}

/* {"out_trade_no": …} or {"trade_no": …}, left open. */
static void open_biz(struct jw *w, struct buf *b, const struct pay_which *of) {
    pay__json(w, b, BODY_MAX);
    if (of->number.n)
        jw_kstr(w, "out_trade_no", of->number);
    else
        jw_kstr(w, "trade_no", of->transaction_id);
}

static int build(const void *arg, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret, struct pay_result *ret_result,
                 struct err *e) {
    BUF_CLEANUP struct buf b = { 0 };
    struct jw j;
    struct str biz;
    if (w->op == PAY_OP_START)
        return build_start(arg, w->ask, m, a, ret, ret_result, e);
    const struct pay_which *of = w->refund ? &w->refund->of : w->which;
    if (!of->number.n && !of->transaction_id.n)
        return err_set(e, ERR_BAD_INPUT, "an order is named by number or transaction_id");
    open_biz(&j, &b, of);
    if (w->op == PAY_OP_REFUND) {
        char yuan[24];
        wire_yuan_text(w->refund->amount.minor, yuan);
        jw_kz(&j, "refund_amount", yuan);
        if (w->refund->reason.n)
            jw_kstr(&j, "refund_reason", pay__cut(w->refund->reason, 256));
    }
    if (w->refund)
        jw_kstr(&j, "out_request_no", w->refund->number);
    if (w->op == PAY_OP_QUERY_REFUND) {
        jw_key(&j, "query_options");
        jw_arr(&j);
        jw_str(&j, STR("gmt_refund_pay"));
        jw_end_arr(&j);
    }
    int r = pay__json_end(&j, a, &biz, e);
    return r < 0 ? r : post(arg, method_of(w), biz, NULL, m, a, ret, e);
}

/* ---- what an order says ---- */
static bool is_paid(struct str status) { return str_eqz(status, "TRADE_SUCCESS") || str_eqz(status, "TRADE_FINISHED"); }

/* paid_at: STR_NULL where nothing was paid. */
static int read_state(struct str status, struct str total, struct str paid_at, struct str refunded, struct pay_truth *ret) {
    bool given_back = str_eqz(status, "TRADE_CLOSED") && paid_at.n > 0;
    ret->fee_minor = -1;
    if (!is_paid(status) && !given_back) {
        ret->state = str_eqz(status, "TRADE_CLOSED") ? PAY_CLOSED : PAY_OPEN;
        return ret->state == PAY_CLOSED || str_eqz(status, "WAIT_BUYER_PAY") ? 0 : ERR_BAD_INPUT;
    }
    ret->state = PAY_PAID;
    memcpy(ret->paid.currency, "CNY", 4);
    if (wire_yuan(total, &ret->paid.minor) < 0 || ret->paid.minor < 1 || wire_china(paid_at, &ret->paid_ms) < 0)
        return ERR_BAD_INPUT;
    if (given_back)
        ret->refunded_minor = ret->paid.minor;
    else if (refunded.n && wire_yuan(refunded, &ret->refunded_minor) < 0)
        return ERR_BAD_INPUT;
    return 0;
}

/* ---- answers ---- */
static int read_trouble(const struct pay_work *w, struct str code, struct str sub, struct str message, struct err *e) {
    static const struct { const char *sub; int err; } subs[] = {
        { "ACQ.TRADE_NOT_EXIST", ERR_NOT_FOUND }, { "ACQ.TRADE_HAS_SUCCESS", ERR_PAY_OVER }, { "ACQ.TRADE_HAS_CLOSE", ERR_PAY_OVER },
        { "ACQ.TRADE_STATUS_ERROR", ERR_PAY_OVER }, { "ACQ.REASON_TRADE_STATUS_INVALID", ERR_PAY_OVER }, { "ACQ.TRADE_HAS_FINISHED", ERR_PAY_OVER },
        { "ACQ.CONTEXT_INCONSISTENT", ERR_PAY_OVER }, { "ACQ.SELLER_BALANCE_NOT_ENOUGH", ERR_PAY_SETUP }, { "ACQ.INVALID_PARAMETER", ERR_PAY_SETUP },
        { "ACQ.ACCESS_FORBIDDEN", ERR_PAY_SETUP },
    };
    static const char *const setup_codes[] = { "20001", "40001", "40002", "40003", "40006", NULL };
    int err = ERR_PAY_REFUSED;
    if (str_eqz(code, "20000") || str_eqz(sub, "ACQ.SYSTEM_ERROR") || str_eqz(sub, "aop.ACQ.SYSTEM_ERROR"))
        return pay__unclear(w, e, "Alipay is in trouble (%.*s %.*s)", STR_ARG(code), STR_ARG(sub));
    if (str_eqz(code, "40005"))
        err = ERR_UPSTREAM;                            /* too many calls */
    else if (pay__index(setup_codes, code) >= 0)
        err = ERR_PAY_SETUP;                           /* keys, parameters, rights */
    else if (!str_eqz(code, "40004"))
        return pay__unclear(w, e, "Alipay's answer has a code that is not known here (%.*s)", STR_ARG(code));
    for (size_t i = 0; i < COUNT(subs); i++)
        if (str_eqz(sub, subs[i].sub))
            err = subs[i].err;
    return err_set(e, err, "Alipay says %.*s %.*s: %.*s", STR_ARG(code), STR_ARG(pay__cut(sub, 60)), STR_ARG(pay__cut(message, 90)));
}

static int read_refund(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    struct str moved = pay__text(a, j, "fund_change", 4), status = pay__text(a, j, "refund_status", 40), amount = pay__text(a, j, "refund_amount", 24),
               at = pay__text(a, j, "gmt_refund_pay", 40), number = pay__text(a, j, "out_request_no", 64);
    *ret = (struct pay_refund_truth){ .state = PAY_REFUND_PENDING, .number = w->refund->number, .payment_number = pay__text(a, j, "out_trade_no", 64),
                                      .provider_id = STR(""), .transaction_id = pay__text(a, j, "trade_no", 64), .amount = w->refund->amount };
    memcpy(ret->amount.currency, "CNY", 4);
    (void)wire_china(at, &ret->done_ms);
    if (w->op == PAY_OP_REFUND) {
        ret->state = str_eqz(moved, "Y") ? PAY_REFUND_DONE : PAY_REFUND_PENDING;
        return 0;
    }
    if (number.n == 0)
        return err_set(e, ERR_NOT_FOUND, "no refund %.*s", STR_ARG(w->refund->number));
    if (!str_eq(number, w->refund->number) || (amount.n && wire_yuan(amount, &ret->amount.minor) < 0))
        return pay__unclear(w, e, "Alipay's answer is about another refund");
    if (str_eqz(status, "REFUND_SUCCESS") || (status.n == 0 && ret->done_ms))
        ret->state = PAY_REFUND_DONE;
    else if (str_eqz(status, "REFUND_FAIL"))
        ret->state = PAY_REFUND_FAILED;
    else if (status.n && !str_eqz(status, "REFUND_PROCESSING"))
        return pay__unclear(w, e, "a refund in a state that is not known here (%.*s)", STR_ARG(status));
    return 0;
}

static int read_answer(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_result *ret, struct err *e) {
    struct str number = pay__text(a, j, "out_trade_no", 64);
    const struct pay_which *of = w->refund ? &w->refund->of : w->which;
    struct str asked = w->op == PAY_OP_START ? w->ask->number : of->number;
    if ((asked.n && number.n && !str_eq(asked, number)) || (!asked.n && !str_eq(of->transaction_id, pay__text(a, j, "trade_no", ID_MAX))))
        return pay__unclear(w, e, "Alipay's answer is about another order");
    switch (w->op) {
    case PAY_OP_START: {
        struct str code = pay__text(a, j, "qr_code", 1024);
        ret->start = (struct pay_start){ PAY_SHOW_QR, .text = code, .provider_id = STR(""), .until_ms = w->ask->until_ms };
        return code.n ? 0 : pay__unclear(w, e, "Alipay's answer has no QR code");
    }
    case PAY_OP_QUERY:
        ret->truth = (struct pay_truth){ .number = number, .transaction_id = pay__text(a, j, "trade_no", 64), .provider_id = STR(""),
                                         .customer = pay__text(a, j, "buyer_user_id", 64) };
        if (!pay__is_number(number) || read_state(pay__text(a, j, "trade_status", 40), pay__text(a, j, "total_amount", 24), pay__text(a, j, "send_pay_date", 40),
                                                  STR(""), &ret->truth) < 0)
            return err_set(e, ERR_UPSTREAM, "Alipay's answer has no number, or a state that is not known here");
        return 0;
    case PAY_OP_CLOSE:
        return 0;
    default:
        return read_refund(w, j, a, &ret->refund, e);
    }
}

/* Whether the object of that name is the answer to the method: its own, or that of a gateway which did not get so far. */
static bool is_answer(const char *name, const char *method) {
    for (; *method; name++, method++)
        if (*name != (*method == '.' ? '_' : *method))
            return false;
    return strcmp(name, "_response") == 0;
}

/* {"alipay_trade_query_response":{…},"sign":"…"}: the object's very bytes are what was signed. */
static int verify_answer(const struct alipay *g, const struct pay_work *w, const struct pay_said *s, const json_t *j, struct arena *a, const json_t **ret_inner,
                         struct err *e) {
    const char *name = NULL;
    const json_t *inner = NULL, *v;
    void *it = json_object_iter((json_t *)j);
    uint8_t raw[RSA_SIGNATURE_MAX];
    struct str bytes, sign = pay__text(a, j, "sign", 2048);
    for (; it && !inner; it = json_object_iter_next((json_t *)j, it)) {
        name = json_object_iter_key(it);
        v = json_object_iter_value(it);
        if (json_is_object(v) && (is_answer(name, method_of(w)) || is_answer(name, "error")))
            inner = v;
    }
    if (!inner || wire_member(s->body, name, &bytes) < 0)
        return pay__unclear(w, e, "Alipay's answer has no response in it");
    /* What the gateway refuses before it knows who we are is not signed; it is no yes, so it is believed. */
    bool ok = str_eqz(pay__text(a, inner, "code", 8), "10000");
    if (ok && !is_answer(name, method_of(w)))
        return pay__unclear(w, e, "an error of Alipay's that says yes");
    int n = sign.n ? base64_decode(sign, /* standard= */ true, raw, sizeof(raw)) : ERR_BAD_INPUT;
    if ((ok || sign.n) && (n < 0 || !rsa_verify(g->verify, bytes.p, bytes.n, raw, (size_t)n)))
        return pay__unclear(w, e, "the signature of Alipay's answer is wrong: is pay.alipay_verify_file Alipay's key, and not the application's?");
    *ret_inner = inner;
    return 0;
}

static int parse(void *g, const struct pay_work *w, const struct pay_said *s, const struct pay_moment *m, struct arena *a, struct pay_result *ret,
                 struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    const json_t *inner = NULL;
    struct err why = { 0 };
    int r = pay__status(w, s, "Alipay", e);
    if (r < 0)
        return r;
    if (s->status != 200 || json_read(s->body, &j, &why) < 0)
        return pay__unclear(w, e, "Alipay's answer (%d) is no JSON: is pay.alipay_url right?", s->status);
    r = verify_answer(g, w, s, j, a, &inner, e);
    if (r < 0)
        return r;
    struct str code = pay__text(a, inner, "code", 8);
    if (!str_eqz(code, "10000"))
        return read_trouble(w, code, pay__text(a, inner, "sub_code", 128), pay__text(a, inner, "sub_msg", 1024), e);
    return read_answer(w, inner, a, ret, e);
}

/* ---- notices ---- */
/* The string that was signed: all pairs in the order of their names, but `sign` and `sign_type`, as they were before they were encoded. */
static int verify_notice(const struct alipay *g, const struct wire_pair *pairs, size_t n, size_t body_n, struct err *e) {
    BUF_CLEANUP struct buf plain = { 0 };
    uint8_t raw[RSA_SIGNATURE_MAX];
    struct str sign = wire_find(pairs, n, "sign"), charset = wire_find(pairs, n, "charset");
    if (!str_eqz(wire_find(pairs, n, "sign_type"), "RSA2") || (charset.p && !str_ieq(charset, STR("utf-8"))))
        return err_set(e, ERR_PAY_NOTICE, "sign_type is not RSA2, or charset not utf-8");
    buf_init(&plain, body_n + 2 * WIRE_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (str_eqz(pairs[i].name, "sign") || str_eqz(pairs[i].name, "sign_type"))
            continue;
        if (plain.n)
            buf_add_c(&plain, '&');
        buf_add_str(&plain, pairs[i].name);
        buf_add_c(&plain, '=');
        buf_add_str(&plain, pairs[i].value);
    }
    int raw_n = sign.n ? base64_decode(sign, /* standard= */ true, raw, sizeof(raw)) : ERR_BAD_INPUT;
    if (raw_n < 0 || plain.failed || plain.n == 0 || !rsa_verify(g->verify, plain.p, plain.n, raw, (size_t)raw_n))
        return err_set(e, ERR_PAY_NOTICE, "the signature is wrong");
    return 0;
}

static int notice(const void *arg, const struct pay_said *s, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e) {
    const struct alipay *g = arg;
    struct wire_pair pairs[WIRE_PAIRS_MAX];
    size_t n = 0;
    int r = wire_form(s->body, a, pairs, &n, e);
    if (r == ERR_BAD_INPUT)
        r = e->code = ERR_PAY_NOTICE;
    if (r >= 0)
        r = verify_notice(g, pairs, n, s->body.n, e);
    if (r < 0)
        return r;
    if (!str_eqz(wire_find(pairs, n, "app_id"), g->app_id) || !str_eqz(wire_find(pairs, n, "seller_id"), g->seller_id))
        return err_set(e, ERR_PAY_NOTICE, "it is about another application or seller");
    ret->event_id = wire_find(pairs, n, "notify_id");
    ret->what = wire_find(pairs, n, "trade_status");
    (void)wire_china(wire_find(pairs, n, "notify_time"), &ret->made_ms);
    if (!str_eqz(wire_find(pairs, n, "notify_type"), "trade_status_sync"))
        return 0;
    ret->payment = (struct pay_truth){ .number = wire_find(pairs, n, "out_trade_no"), .transaction_id = wire_find(pairs, n, "trade_no"), .provider_id = STR(""),
                                       .customer = wire_find(pairs, n, "buyer_id") };
    if (!pay__is_number(ret->payment.number) || read_state(ret->what, wire_find(pairs, n, "total_amount"), wire_find(pairs, n, "gmt_payment"),
                                                           wire_find(pairs, n, "refund_fee"), &ret->payment) < 0)
        return err_set(e, ERR_PAY_NOTICE, "an order without number, amount or time, or in a state that is not known here");
    if (!pay__is_name(ret->payment.transaction_id) || ret->payment.transaction_id.n > ID_MAX || ret->event_id.n > EVENT_MAX || ret->payment.customer.n > ID_MAX)
        return err_set(e, ERR_PAY_NOTICE, "its notify_id, transaction or buyer is none of Alipay's");
    ret->about = PAY_ABOUT_PAYMENT;
    ret->number = ret->payment.number;
    ret->transaction_id = ret->payment.transaction_id;
    ret->truth = ret->payment.state != PAY_OPEN;
    return 0;
}

const struct pay_driver pay_driver_alipay = {
    .name = "alipay",
    .can = 0,
    .scenes = 1u << PAY_PAGE | 1u << PAY_H5 | 1u << PAY_QR,
    .notify_per_ask = true,
    .currencies = "CNY",
    .yes = { 200, "text/plain", "success" },
    .again = { 500, "text/plain", "fail" },
    .forged = { 401, "text/plain", "fail" },
    .open = open_alipay, .close = close_alipay, .build = build, .parse = parse, .notice = notice,
    .fee_pm = "pay.alipay_fee_pm",
};
