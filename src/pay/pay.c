/* pay.c - the providers that are set up, what may be asked of them, and the one way to them. */
#include "pay/pay.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/client.h"
#include "pay/driver.h"
#include "pay/internal.h"

#define UNTIL_MAX INT64_C(253402271999000)      /* 9999-12-31 23:59:59 in China, the last that is written with four digits */

const struct setting pay_settings[] = {
    { "pay.timeout_ms", SET_MS, "15s", 100, 120000, "Longest wait for one answer of a payment provider." },
    { "pay.answer_max", SET_BYTES, "1M", 4096, 1048576, "Largest answer of a payment provider that is read." },
    { "pay.test_money", SET_BOOL, "false", 0, 0, "Offer test money, with which everybody can buy everything; never together with real money." },
    { "pay.stripe_key", SET_SECRET, "", 0, 255, "Stripe: the secret or restricted key, sk_… or rk_…; empty: no Stripe." },
    { "pay.stripe_webhook_secret", SET_SECRET, "", 0, 600, "Stripe: the signing secret of our webhook, whsec_…; two with a comma while one replaces the other." },
    { "pay.stripe_fee_pm", SET_INT, "29", 0, 200, "What Stripe keeps of a payment, per mille, where it does not tell." },
    { "pay.stripe_fee_fixed", SET_INT, "30", 0, 1000, "And of each payment, in cents." },
    { "pay.stripe_url", SET_STR, "https://api.stripe.com", 8, 300, "Stripe: address of its API; another one only for tests." },
    { "pay.wechat_mchid", SET_STR, "", 0, 32, "WeChat Pay: the merchant's number; empty: no WeChat Pay." },
    { "pay.wechat_appid", SET_STR, "", 0, 32, "WeChat Pay: app id of the official account, for JSAPI, H5 and Native." },
    { "pay.wechat_mini_appid", SET_STR, "", 0, 32, "WeChat Pay: app id of the mini-program; empty: no payments there." },
    { "pay.wechat_key_file", SET_STR, "", 0, 3000, "WeChat Pay: file of the merchant's private key, apiclient_key.pem." },
    { "pay.wechat_serial", SET_STR, "", 0, 80, "WeChat Pay: serial number of the merchant's certificate, capitals." },
    { "pay.wechat_v3_key", SET_SECRET, "", 0, 32, "WeChat Pay: the APIv3 key, 32 characters." },
    { "pay.wechat_verify", SET_STR, "", 0, 8000,
      "WeChat Pay: its keys as serial=file, with commas: PUB_KEY_ID_…=pub_key.pem, or a platform certificate's serial; both during a migration." },
    { "pay.wechat_fee_pm", SET_INT, "6", 0, 200, "What WeChat Pay keeps of a payment, per mille; it does not tell." },
    { "pay.wechat_url", SET_STR, "https://api.mch.weixin.qq.com", 8, 300, "WeChat Pay: address of its API; https://api2.mch.weixin.qq.com is the standby." },
    { "pay.alipay_app_id", SET_STR, "", 0, 32, "Alipay: the application's id; empty: no Alipay." },
    { "pay.alipay_seller_id", SET_STR, "", 0, 32, "Alipay: the seller's id (2088…), which notices are checked for." },
    { "pay.alipay_key_file", SET_STR, "", 0, 3000, "Alipay: file of the application's private key, PEM." },
    { "pay.alipay_verify_file", SET_STR, "", 0, 3000, "Alipay: file of Alipay's public key, PEM." },
    { "pay.alipay_fee_pm", SET_INT, "6", 0, 200, "What Alipay keeps, per mille; it does not tell." },
    { "pay.alipay_url", SET_STR, "https://openapi.alipay.com/gateway.do", 8, 300, "Alipay: address of its gateway." },
    { 0 },
};

enum pay_next pay_next(int err) {
    switch (err) {
    case ERR_UNCERTAIN:
        return PAY_NEXT_ASK;
    case ERR_PAY_SETUP:
    case ERR_CONFIG:
    case ERR_BLOCKED_ADDRESS:
        return PAY_NEXT_OPERATOR;
    default:
        return err_reason(err)->retry == RETRY_LATER ? PAY_NEXT_AGAIN : PAY_NEXT_NEVER;
    }
}

/* Drivers always have room for words; whoever called may not want them. */
static int give(int r, const struct err *why, struct err *e) {
    if (r < 0 && e)
        *e = *why;
    return r;
}

/* ---- life ---- */
static int open_all(struct pay *p, const struct config *cfg, struct err *e) {
    const char *real_one = NULL;
    bool test = false;
    for (size_t i = 0; pay_drivers[i]; i++) {
        struct pay_open *o = &p->open[p->n_open];
        bool real = false;
        int r = pay_drivers[i]->open(cfg, &o->g, &real, e);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        o->driver = pay_drivers[i];
        o->fee_pm = o->driver->fee_pm ? config_int(cfg, o->driver->fee_pm) : 0;
        o->fee_fixed = o->driver->fee_fixed ? config_int(cfg, o->driver->fee_fixed) : 0;
        p->n_open++;
        test |= o->driver->can & PAY_IS_TEST;
        if (real)
            real_one = o->driver->name;
    }
    if (test && real_one)
        return err_set(e, ERR_CONFIG, "pay.test_money beside real money (%s): everybody could buy for nothing. Switch one of them off; only Stripe with a "
                                      "test key, or a provider at a loopback address (127.0.0.1), is known to be none", real_one);
    if (test && !p->db)
        return err_set(e, ERR_CONFIG, "pay.test_money: needs the database");
    return 0;
}

int pay_new(const struct config *cfg, struct http_client *http, struct db *d, const uint8_t *test_key, struct pay **ret_p, struct err *e) {
    struct pay *p = calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ERR_INTERNAL, "no memory");
    p->http = http;
    p->db = d;
    p->timeout_ms = config_int(cfg, "pay.timeout_ms");
    p->answer_max = config_int(cfg, "pay.answer_max");
    if (test_key)
        memcpy(p->test_key, test_key, CRYPTO_KEY);
    else
        crypto_random(p->test_key, CRYPTO_KEY);
    struct err why = { 0 };
    int r = open_all(p, cfg, &why);
    if (r < 0) {
        pay_free(p);
        return give(r, &why, e);
    }
    for (size_t i = 0; i < p->n_open; i++)
        if (p->open[i].driver->can & PAY_IS_TEST)
            pay__test_key(p->open[i].g, p->test_key);
    *ret_p = p;
    return 0;
}

void pay_free(struct pay *p) {
    if (!p)
        return;
    for (size_t i = 0; i < p->n_open; i++)
        p->open[i].driver->close(p->open[i].g);
    crypto_wipe(p->test_key, sizeof(p->test_key));
    free(p);
}

const struct pay_open *pay__find(const struct pay *p, const char *provider) {
    for (size_t i = 0; i < p->n_open; i++)
        if (str_eqz(str_z(provider), p->open[i].driver->name))
            return &p->open[i];
    return NULL;
}

bool pay_provider(const struct pay *p, size_t i, struct pay_provider_info *ret) {
    if (i >= p->n_open)
        return false;
    const struct pay_driver *d = p->open[i].driver;
    *ret = (struct pay_provider_info){ .name = d->name, .can = d->can, .scenes = d->scenes, .notify_per_ask = d->notify_per_ask,
                                        .currencies = d->currencies };
    return true;
}

const char *pay_known(size_t i) {
    for (size_t k = 0; pay_drivers[k]; k++)
        if (k == i)
            return pay_drivers[k]->name;
    return NULL;
}

bool pay_has(const struct pay *p, const char *provider) { return pay__find(p, provider) != NULL; }

int64_t pay_fee(const struct pay *p, const char *provider, int64_t minor) {
    const struct pay_open *o = pay__find(p, provider);
    int64_t fee = o ? (minor * o->fee_pm + 500) / 1000 + o->fee_fixed : 0;
    return fee < minor ? fee : minor;
}

/* ---- what may be asked ---- */
static int check_money(const struct pay_money *m, const struct pay_driver *d, const char *what, struct err *e) {
    bool letters = strlen(m->currency) == 3;
    for (int i = 0; letters && i < 3; i++)
        letters = m->currency[i] >= 'A' && m->currency[i] <= 'Z';
    if (m->minor < 1 || m->minor > PAY_MINOR_MAX || !letters)
        return err_set(e, ERR_BAD_INPUT, "%s: no amount of money", what);
    if (d->currencies && strcmp(d->currencies, m->currency) != 0)
        return err_set(e, ERR_BAD_INPUT, "%s: %s takes %s only", what, d->name, d->currencies);
    return 0;
}

static bool is_url(struct str s) { return pay__is_url(s, 1000); }

/* What comes behind the scheme; http is of use in tests only, and the provider refuses it anyhow. */
static bool is_notify_url(struct str s) { return is_url(s) && s.n <= 255 && !memchr(s.p, '?', s.n) && !memchr(s.p, '#', s.n); }

static int check_attempt(int attempt, int min, struct err *e) {
    return attempt >= min && attempt <= 1000 ? 0 : err_set(e, ERR_BAD_INPUT, "attempt: 1 to 1000");
}

/* Digits of an address, of either family; a provider looks closer. */
static bool is_ip(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdefABCDEF:.", s.p[i]) || !s.p[i])
            return false;
    return s.n <= 45;
}

static int check_ask(const struct pay_ask *ask, const struct pay_driver *d, struct err *e) {
    int r = check_money(&ask->price, d, "price", e);
    if (r < 0)
        return r;
    if (!pay__is_number(ask->number))
        return err_set(e, ERR_BAD_INPUT, "number: %d to %d of 0-9 A-Z a-z _ -", PAY_NUMBER_MIN, PAY_NUMBER_MAX);
    if ((r = check_attempt(ask->attempt, 1, e)) < 0)
        return r;
    if ((unsigned)ask->scene >= PAY_SCENE_COUNT || !(d->scenes & 1u << ask->scene))
        return err_set(e, ERR_BAD_INPUT, "scene: %s does not do that", d->name);
    if (ask->title.n == 0 || !str_utf8(ask->title))
        return err_set(e, ERR_BAD_INPUT, "title: a few words");
    if (d->notify_per_ask ? !is_notify_url(ask->notify_url) : ask->notify_url.n && !is_notify_url(ask->notify_url))
        return err_set(e, ERR_BAD_INPUT, "notify_url: https, at most 255 bytes, without a query");
    if ((ask->return_url.n && !is_url(ask->return_url)) || (ask->cancel_url.n && !is_url(ask->cancel_url)))
        return err_set(e, ERR_BAD_INPUT, "return_url, cancel_url: URLs of at most 1000 bytes");
    if ((ask->scene == PAY_JSAPI || ask->scene == PAY_MINI) && !pay__is_name(ask->openid))
        return err_set(e, ERR_BAD_INPUT, "openid: who pays must be known there");
    if (ask->customer.n && !pay__is_name(ask->customer))
        return err_set(e, ERR_BAD_INPUT, "customer: no name of the provider's");
    if (ask->until_ms < 0 || ask->until_ms > UNTIL_MAX)
        return err_set(e, ERR_BAD_INPUT, "until_ms: 0, or a time before the year 10000");
    if (ask->account.n > 128 || !is_ip(ask->client_ip) || ask->openid.n > 128)
        return err_set(e, ERR_BAD_INPUT, "account, client_ip, openid: too long, or no address");
    if (ask->months < 0 || ask->months > 12 || (ask->months && !(d->can & PAY_CAN_MEMBER)))
        return err_set(e, ERR_BAD_INPUT, "months: 0%s", d->can & PAY_CAN_MEMBER ? " to 12" : "; this provider has no memberships");
    return 0;
}

static int check_which(const struct pay_which *w, struct err *e) {
    bool ok = (w->number.n == 0 || pay__is_number(w->number)) && (w->provider_id.n == 0 || pay__is_name(w->provider_id)) &&
              (w->transaction_id.n == 0 || pay__is_name(w->transaction_id)) && w->number.n + w->provider_id.n + w->transaction_id.n > 0;
    return ok ? 0 : err_set(e, ERR_BAD_INPUT, "which payment: neither a number nor an id of the provider");
}

static int check_refund(const struct pay_refund_ask *ask, const struct pay_driver *d, bool query, struct err *e) {
    int r = check_which(&ask->of, e);
    if (r >= 0 && !pay__is_number(ask->number))
        r = err_set(e, ERR_BAD_INPUT, "refund number: %d to %d of 0-9 A-Z a-z _ -", PAY_NUMBER_MIN, PAY_NUMBER_MAX);
    if (r >= 0 && ask->provider_id.n && !pay__is_name(ask->provider_id))
        r = err_set(e, ERR_BAD_INPUT, "provider_id: no name of the provider's");
    if (r < 0 || query || (r = check_attempt(ask->attempt, 0, e)) < 0)
        return r;
    r = check_money(&ask->amount, d, "amount", e);
    if (r >= 0 && (ask->total_minor < ask->amount.minor || ask->total_minor > PAY_MINOR_MAX))
        r = err_set(e, ERR_BAD_INPUT, "amount: more than was paid");
    if (r >= 0 && ask->notify_url.n && !is_notify_url(ask->notify_url))
        r = err_set(e, ERR_BAD_INPUT, "notify_url: https, at most 255 bytes, without a query");
    return r;
}

static int check_change(const struct pay_change_ask *ask, const struct pay_driver *d, struct err *e) {
    if (!pay__is_number(ask->number) || !pay__is_name(ask->member) || (unsigned)ask->what >= PAY_CHANGE_COUNT)
        return err_set(e, ERR_BAD_INPUT, "a change needs its number and the membership's id");
    int r = check_attempt(ask->attempt, 0, e);
    if (r < 0 || ask->what != PAY_CHANGE_PRICE)
        return r;
    if (ask->months < 1 || ask->months > 12 || !pay__is_name(ask->item) || !pay__is_name(ask->product))
        return err_set(e, ERR_BAD_INPUT, "a new price needs months (1 to 12), item and product");
    return check_money(&ask->price, d, "price", e);
}

static int check_work(const struct pay_work *w, const struct pay_driver *d, struct err *e) {
    switch (w->op) {
    case PAY_OP_START:
        return check_ask(w->ask, d, e);
    case PAY_OP_QUERY:
    case PAY_OP_CLOSE:
    case PAY_OP_QUERY_MEMBER:
    case PAY_OP_QUERY_DISPUTE:
    case PAY_OP_QUERY_PAYMENTS:
        return check_which(w->which, e);
    case PAY_OP_REFUND:
    case PAY_OP_QUERY_REFUND:
        return check_refund(w->refund, d, w->op == PAY_OP_QUERY_REFUND, e);
    case PAY_OP_CHANGE:
        return check_change(w->change, d, e);
    default:
        return 0;
    }
}

static bool knows(const struct pay_driver *d, enum pay_op op) { return op <= PAY_OP_QUERY_REFUND || (d->ops & 1u << op); }

/* For the tool too: the request alone. */
int pay__build(const struct pay_driver *d, const void *g, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret,
               struct pay_result *ret_result, struct err *e) {
    *ret = (struct pay_call){ 0 };
    *ret_result = (struct pay_result){ 0 };
    if (!knows(d, w->op))
        return err_set(e, ERR_BAD_INPUT, "%s: %s does not do that", pay_op_names[w->op], d->name);
    int r = check_work(w, d, e);
    return r < 0 ? r : d->build(g, w, m, a, ret, ret_result, e);
}

static int run(struct pay *p, const char *provider, const struct pay_work *w, struct arena *a, struct pay_result *ret, struct err *e) {
    const struct pay_open *o = pay__find(p, provider);
    if (!o)
        return err_set(e, ERR_PAY_SETUP, "%s is not set up: see pay.%s_… in the settings", provider, provider);
    struct err why = { 0 };
    int r = pay__run(p, o, w, a, ret, &why);
    if (r < 0)
        err_prefix(&why, "%s %s: ", provider, pay_op_names[w->op]);
    return give(r, &why, e);
}

/* ---- the calls ---- */
int pay_start(struct pay *p, const char *provider, const struct pay_ask *ask, struct arena *a, struct pay_start *ret, struct err *e) {
    struct pay_result result;
    int r = run(p, provider, &(struct pay_work){ PAY_OP_START, .ask = ask }, a, &result, e);
    if (r >= 0)
        *ret = result.start;
    return r;
}

static int truth_of(struct pay *p, const char *provider, const struct pay_work *w, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct pay_result result;
    int r = run(p, provider, w, a, &result, e);
    if (r >= 0)
        *ret = result.truth;
    return r;
}

/* Where a payment only says that it is disputed, how that ended is asked, too. */
int pay_query(struct pay *p, const char *provider, const struct pay_which *which, struct arena *a, struct pay_truth *ret, struct err *e) {
    const struct pay_open *o = pay__find(p, provider);
    struct pay_truth t, dispute;
    int r = truth_of(p, provider, &(struct pay_work){ PAY_OP_QUERY, .which = which }, a, &t, e);
    if (r >= 0 && t.disputed && knows(o->driver, PAY_OP_QUERY_DISPUTE)) {
        struct pay_which of = { t.number, t.provider_id, t.transaction_id };
        r = truth_of(p, provider, &(struct pay_work){ PAY_OP_QUERY_DISPUTE, .which = &of }, a, &dispute, e);
        t.disputed = r >= 0 && dispute.disputed;
        t.lost_minor = r >= 0 ? dispute.lost_minor : 0;
        t.dispute_fee_told = r >= 0 && dispute.dispute_fee_told;
        t.dispute_fee_minor = r >= 0 ? dispute.dispute_fee_minor : 0;
    }
    if (r >= 0)
        *ret = t;
    return r;
}

int pay_query_member(struct pay *p, const char *provider, struct str member, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct pay_which which = { .provider_id = member };
    return truth_of(p, provider, &(struct pay_work){ PAY_OP_QUERY_MEMBER, .which = &which }, a, ret, e);
}

int pay_query_payments(struct pay *p, const char *provider, struct str member, struct arena *a, struct pay_payments *ret, struct err *e) {
    const struct pay_open *o = pay__find(p, provider);
    struct pay_which which = { .provider_id = member };
    struct pay_result result = { 0 };
    int r = o && !knows(o->driver, PAY_OP_QUERY_PAYMENTS) ? 0 : run(p, provider, &(struct pay_work){ PAY_OP_QUERY_PAYMENTS, .which = &which }, a, &result, e);
    if (r >= 0)
        *ret = result.payments;
    return r;
}

int pay_change(struct pay *p, const char *provider, const struct pay_change_ask *ask, struct arena *a, struct pay_truth *ret, struct err *e) {
    return truth_of(p, provider, &(struct pay_work){ PAY_OP_CHANGE, .change = ask }, a, ret, e);
}

int pay_close(struct pay *p, const char *provider, const struct pay_which *which, struct arena *a, struct err *e) {
    struct pay_result result;
    return run(p, provider, &(struct pay_work){ PAY_OP_CLOSE, .which = which }, a, &result, e);
}

static int refund_of(struct pay *p, const char *provider, const struct pay_work *w, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    struct pay_result result;
    int r = run(p, provider, w, a, &result, e);
    if (r >= 0)
        *ret = result.refund;
    return r;
}

/* Before a refund. Who is refused a look was not refused the refund, which may have been made by an earlier call. */
static int look_for(struct pay *p, const char *provider, const struct pay_refund_ask *ask, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    int r = refund_of(p, provider, &(struct pay_work){ PAY_OP_QUERY_REFUND, .refund = ask }, a, ret, e);
    return r == ERR_PAY_REFUSED || r == ERR_PAY_OVER ? (e->code = ERR_PAY_SETUP) : r;
}

/* Where the provider forgets, a refund that is there already is the answer, and only one that is not is made; two at once have one key there. */
int pay_refund(struct pay *p, const char *provider, const struct pay_refund_ask *ask, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    const struct pay_open *o = pay__find(p, provider);
    const struct pay_work give_back = { PAY_OP_REFUND, .refund = ask };
    struct pay_refund_truth t = { 0 };
    struct err why = { 0 };
    int r = o ? check_work(&give_back, o->driver, &why) : 0;
    if (r >= 0)
        r = o && o->driver->forgets_refunds ? look_for(p, provider, ask, a, &t, &why) : ERR_NOT_FOUND;
    if (r == ERR_NOT_FOUND)
        r = refund_of(p, provider, &give_back, a, &t, &why);
    if (r >= 0 && (t.amount.minor != ask->amount.minor || strcmp(t.amount.currency, ask->amount.currency) != 0))
        r = err_set(&why, ERR_PAY_SETUP, "%s: refund %.*s gave back %lld %s before, and not %lld %s: a number is for one refund", provider, STR_ARG(ask->number),
                    (long long)t.amount.minor, t.amount.currency, (long long)ask->amount.minor, ask->amount.currency);
    if (r >= 0)
        *ret = t;
    return give(r, &why, e);
}

int pay_query_refund(struct pay *p, const char *provider, const struct pay_refund_ask *ask, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    return refund_of(p, provider, &(struct pay_work){ PAY_OP_QUERY_REFUND, .refund = ask }, a, ret, e);
}

int pay_renew_keys(struct pay *p, struct err *e) {
    int r = 0;
    for (size_t i = 0; i < p->n_open; i++) {
        if (!knows(p->open[i].driver, PAY_OP_KEYS))
            continue;
        CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
        struct pay_result result;
        int one = run(p, p->open[i].driver->name, &(struct pay_work){ PAY_OP_KEYS }, a, &result, e);
        if (one < 0)
            r = one;
    }
    return r;
}

/* ---- notices ---- */
int pay_notice(struct pay *p, const char *provider, const struct pay_said *said, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e) {
    const struct pay_open *o = pay__find(p, provider);
    if (!o)
        return err_set(e, ERR_PAY_SETUP, "%s is not set up: see pay.%s_… in the settings", provider, provider);
    if (said->body.n > PAY_NOTICE_MAX)
        return err_set(e, ERR_TOO_BIG, "a notice of more than %d bytes", PAY_NOTICE_MAX);
    struct pay_notice n = { 0 };
    struct err why = { 0 };
    int r = o->driver->notice(o->g, said, now_ms, a, &n, &why);
    if (r < 0)
        err_prefix(&why, "%s notice: ", provider);
    else
        *ret = n;
    return give(r, &why, e);
}

struct pay_reply pay_notice_reply(const struct pay *p, const char *provider, int err) {
    const struct pay_open *o = pay__find(p, provider);
    if (!o)
        return (struct pay_reply){ 404, "text/plain", "" };
    return err >= 0 ? o->driver->yes : err == ERR_PAY_NOTICE ? o->driver->forged : o->driver->again;
}

int pay_truth_check(const struct pay_truth *t, struct str number, const struct pay_money *price, struct err *e) {
    if (!str_eq(t->number, number))
        return err_set(e, ERR_PAY_REFUSED, "the provider speaks of payment %.*s, not %.*s", STR_ARG(t->number), STR_ARG(number));
    if (t->paid.minor != price->minor || strcmp(t->paid.currency, price->currency) != 0)
        return err_set(e, ERR_PAY_REFUSED, "payment %.*s: %lld %s came, %lld %s were asked: give it back, or settle it by hand", STR_ARG(number),
                       (long long)t->paid.minor, t->paid.currency, (long long)price->minor, price->currency);
    return 0;
}
