/*
 * driver_test.c - test money: everything can be bought with it, nothing is paid. Its provider is the table pay_test (test_money.c), so a flow can
 * be left and found again after a restart; its page (/pay/test/{number}) does what a bank would, by pay_test_act(). All else is as with real
 * money: a number once and for all, signed notices that may be lost, questions that are answered by what stands in the table.
 * Only with pay.test_money, and never beside real money (pay_new()).
 */
#include <stdlib.h>

#include "base/digest.h"
#include "base/json.h"
#include "pay/internal.h"

#define TOLERANCE_S 300
#define BODY_MAX    (16 * 1024)

struct test { const uint8_t *key; };

static int open_test(const struct config *cfg, void **ret_g, bool *ret_real, struct err *e) {
    if (!config_bool(cfg, "pay.test_money"))
        return 0;
    *ret_g = calloc(1, sizeof(struct test));
    return *ret_g ? 1 : err_set(e, ERR_INTERNAL, "no memory");
}
static void close_test(void *g) { free(g); }
void pay__test_key(void *g, const uint8_t key[CRYPTO_KEY]) { ((struct test *)g)->key = key; }

/* ---- requests: {"op": …} and what belongs to it; there is no network that they would be for ---- */
static struct str payment_of(const struct pay_which *of) { return of->number.n ? of->number : of->provider_id; }

static void write_start(struct jw *w, const struct pay_ask *ask) {
    jw_kstr(w, "number", ask->number);
    jw_kint(w, "minor", ask->price.minor);
    jw_kz(w, "currency", ask->price.currency);
    jw_kstr(w, "title", pay__cut(ask->title, 256));
    jw_kstr(w, "return_url", ask->return_url);
    jw_kstr(w, "cancel_url", ask->cancel_url.n ? ask->cancel_url : ask->return_url);
    jw_kint(w, "until_ms", ask->until_ms);
    jw_kint(w, "months", ask->months);
}

static int build(const void *g, const struct pay_work *work, const struct pay_moment *m, struct arena *a, struct pay_call *ret, struct pay_result *ret_result,
                 struct err *e) {
    BUF_CLEANUP struct buf body;
    struct jw w;
    pay__json(&w, &body, BODY_MAX);
    jw_kz(&w, "op", pay_op_names[work->op]);
    jw_kint(&w, "now_ms", m->now_ms);
    if (work->op == PAY_OP_START) {
        write_start(&w, work->ask);
    } else if (work->refund) {
        jw_kstr(&w, "refund", work->refund->number);
        jw_kstr(&w, "number", payment_of(&work->refund->of));
        jw_kint(&w, "minor", work->refund->amount.minor);
    } else if (work->change) {
        jw_kstr(&w, "number", work->change->member);
        jw_kz(&w, "what", pay_change_names[work->change->what]);
        jw_kint(&w, "minor", work->change->price.minor);
        jw_kint(&w, "months", work->change->months);
        jw_kint(&w, "charge", work->change->charge_now);
    } else {
        jw_kstr(&w, "number", payment_of(work->which));
    }
    *ret = (struct pay_call){ .method = "POST", .url = STR("test:") };
    int r = pay__json_end(&w, a, &ret->body, e);
    return r < 0 ? r : 1;
}

static int answer(void *g, struct db *d, const struct pay_call *c, struct arena *a, int *ret_status, struct str *ret_body, struct err *e) {
    return pay__test_answer(d, c, a, ret_status, ret_body, e);
}

/* ---- answers and notices hold the same objects ---- */
static bool read_money(const json_t *j, const char *key, struct arena *a, struct pay_money *ret) {
    ret->minor = pay__minor(j, key);
    return pay__currency(pay__text(a, j, "currency", 3), ret->currency) && ret->minor > 0;
}

static int read_payment(const json_t *j, struct arena *a, struct pay_truth *ret) {
    int state = pay__index(pay_state_names, pay__text(a, j, "state", 16)), member = pay__index(pay_member_state_names, pay__text(a, j, "member_state", 16));
    int64_t period = pay__int(j, "period", 0), part = pay__int(j, "part", 0);
    if (state < 0 || member < 0)
        return ERR_UPSTREAM;
    *ret = (struct pay_truth){ .state = (enum pay_state)state, .number = pay__text(a, j, "number", PAY_NUMBER_MAX), .paid_ms = pay__int(j, "paid_ms", 0),
                               .customer = STR(""), .refunded_minor = pay__int(j, "refunded", 0), .disputed = pay__int(j, "disputed", 0) == PAY__TEST_DISPUTED };
    ret->provider_id = period > 1 ? arena_printf(a, "%.*s-p%lld", STR_ARG(ret->number), (long long)period) : ret->number;
    if (part > 0)                                  /* of an upgrade within that period */
        ret->provider_id = arena_printf(a, "%.*s-d%lld", STR_ARG(ret->provider_id), (long long)part);
    ret->transaction_id = ret->state == PAY_PAID ? arena_printf(a, "test-%.*s", STR_ARG(ret->provider_id)) : STR("");
    if (ret->state == PAY_PAID && !read_money(j, "minor", a, &ret->paid))
        return ERR_UPSTREAM;
    ret->lost_minor = pay__int(j, "disputed", 0) == PAY__TEST_LOST ? ret->paid.minor : 0;
    if (member != PAY_MEMBER_NONE)
        ret->member = (struct pay_member){ .id = ret->number, .state = (enum pay_member_state)member, .period_start_ms = pay__int(j, "period_start_ms", 0),
                                           .period_end_ms = pay__int(j, "period_end_ms", 0), .ends = pay__int(j, "ends", 0) != 0, .item = STR("test"),
                                           .product = STR("test") };
    return 0;
}

static int read_refund(const json_t *j, struct arena *a, struct pay_refund_truth *ret) {
    int state = pay__index(pay_refund_state_names, pay__text(a, j, "state", 16));
    if (state < 0)
        return ERR_UPSTREAM;
    *ret = (struct pay_refund_truth){ .state = (enum pay_refund_state)state, .number = pay__text(a, j, "refund", PAY_NUMBER_MAX),
                                      .payment_number = pay__text(a, j, "number", PAY_NUMBER_MAX), .done_ms = pay__int(j, "done_ms", 0) };
    ret->provider_id = ret->number;
    ret->transaction_id = arena_printf(a, "test-%.*s", STR_ARG(ret->payment_number));
    return read_money(j, "minor", a, &ret->amount) ? 0 : ERR_UPSTREAM;
}

static int parse(void *g, const struct pay_work *w, const struct pay_said *s, const struct pay_moment *m, struct arena *a, struct pay_result *ret,
                 struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct err why = { 0 };
    int r = pay__status(w, s, "test money", e);
    if (r < 0)
        return r;
    if (json_read(s->body, &j, &why) < 0)
        return pay__unclear(w, e, "the answer of test money: %s", why.text);
    if (s->status != 200)
        return err_set(e, s->status == 404 ? ERR_NOT_FOUND : s->status == 409 ? ERR_PAY_OVER : ERR_PAY_REFUSED, "test money says: %.*s",
                       STR_ARG(pay__text(a, j, "message", 200)));
    if (w->refund) {
        r = read_refund(j, a, &ret->refund);
    } else {
        r = read_payment(j, a, &ret->truth);
        if (w->op == PAY_OP_START)
            ret->start = (struct pay_start){ PAY_SHOW_REDIRECT, .text = arena_printf(a, "/pay/test/%.*s", STR_ARG(w->ask->number)), .provider_id = w->ask->number,
                                             .until_ms = w->ask->until_ms };
    }
    return r < 0 ? pay__unclear(w, e, "the answer of test money is not known here") : 0;
}

/* ---- notices ---- */
struct str pay__test_sign(const uint8_t key[CRYPTO_KEY], int64_t now_ms, struct str body, struct arena *a) {
    uint8_t mac[DIGEST_SHA256];
    char hex[2 * DIGEST_SHA256 + 1];
    struct str time = arena_printf(a, "%lld", (long long)(now_ms / 1000)), message = PAY_JOIN(a, time, STR("."), body);
    if (!message.p || !digest_hmac_sha256(key, CRYPTO_KEY, message.p, message.n, mac))
        return STR_NULL;
    hex_encode(mac, sizeof(mac), hex);
    return arena_printf(a, "t=%s,v1=%s", time.p, hex);
}

static int verify(const struct test *g, const struct pay_said *s, int64_t now_ms, struct arena *a, struct err *e) {
    struct str got = s->header(s->from, "Pay-Test-Signature"), rest = got, t = str_cut(&rest, ',');
    int64_t at;
    if (!str_starts(t, STR("t=")) || str_int((struct str){ t.p + 2, t.n - 2 }, 0, INT64_C(100000000000), &at) < 0 || s->body.n > BODY_MAX)
        return err_set(e, ERR_PAY_NOTICE, "no signature of test money");
    struct str want = pay__test_sign(g->key, at * 1000, s->body, a);
    if (!want.p || want.n != got.n || !crypto_equal(want.p, got.p, want.n))
        return err_set(e, ERR_PAY_NOTICE, "the signature is wrong");
    if (now_ms / 1000 - at > TOLERANCE_S || at - now_ms / 1000 > TOLERANCE_S)
        return err_set(e, ERR_PAY_NOTICE, "its time is more than %d s from ours", TOLERANCE_S);
    return 0;
}

static int notice(const void *g, const struct pay_said *s, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = verify(g, s, now_ms, a, e);
    if (r < 0)
        return r;
    if (json_read(s->body, &j, e) < 0)
        return err_set(e, ERR_PAY_NOTICE, "no JSON");
    int about = pay__index(pay_about_names, pay__text(a, j, "about", 16));
    const json_t *payment = json_object_get(j, "payment"), *refund = json_object_get(j, "refund");
    if (about < 0 || read_payment(payment, a, &ret->payment) < 0 || (about == PAY_ABOUT_REFUND && read_refund(refund, a, &ret->refund) < 0))
        return err_set(e, ERR_PAY_NOTICE, "not what test money writes");
    ret->event_id = pay__text(a, j, "id", 64);
    ret->what = pay__text(a, j, "what", 32);
    ret->made_ms = pay__int(j, "now_ms", 0);
    ret->about = (enum pay_about)about;
    ret->truth = true;
    ret->number = ret->payment.number;
    ret->provider_id = ret->payment.provider_id;
    ret->transaction_id = ret->payment.transaction_id;
    ret->member = ret->payment.member.id;
    ret->refund_number = ret->refund.number;
    return 0;
}

const struct pay_driver pay_driver_test = {
    .name = "test",
    .can = PAY_CAN_MEMBER | PAY_IS_TEST,
    .scenes = (1u << PAY_SCENE_COUNT) - 1,
    .yes = { 200, "text/plain", "" },
    .again = { 500, "text/plain", "later" },
    .forged = { 401, "text/plain", "wrong signature" },
    .open = open_test, .close = close_test, .build = build, .parse = parse, .notice = notice,
    .ops = 1u << PAY_OP_QUERY_MEMBER | 1u << PAY_OP_CHANGE,
    .answer = answer,
};
