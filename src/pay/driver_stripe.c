/*
 * driver_stripe.c - Stripe: Checkout Sessions (one payment, and memberships as subscriptions), refunds, webhooks. Card data never comes near us.
 * Document: Stripe's API reference, version pinned below, as collected in November 2026; signatures as in the client stripe 23.1.0. Quirks:
 * - Requests are forms with brackets, answers JSON; amounts in the smallest unit of the currency, whole yen.
 * - An Idempotency-Key plays the first answer back for a day or more, stored 500s too; hence the attempts. What follows from a key is made of
 *   our numbers alone, so the same call after a crash is the same call. Afterwards the key is forgotten: a refund is therefore looked for by our
 *   number (metadata[refund_number]) before it is made; a session is over by then, and what a change sets may be set again.
 * - 409: the same key is under way elsewhere, or somebody holds the object; whether the other call will do it nobody knows.
 * - Nothing is found by our own number: a session is asked for by its id (pay_start.provider_id). It carries our number as client_reference_id,
 *   and everything that comes of it as metadata[number].
 * - Notices are signed but come in any order, late and twice, and hold the state of their moment. They are hints: the object is read again.
 * - Its own client believes a signature dated far in the future; we do not.
 * - A charge that was ever disputed says so for ever; how it stands, and how much a bank took back, is in the list of its disputes.
 * - Since 2025-03-31 a subscription's period stands at its items, and an invoice names its subscription below `parent`; both places are read.
 */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/digest.h"
#include "base/json.h"
#include "pay/driver.h"
#include "pay/wire.h"

#define API_VERSION  "2026-10-28.endive"
#define TOLERANCE_S  300
#define FORM_MAX     (16 * 1024)
#define HEADER_MAX   4096
#define SIGNATURES   16
#define SECRETS_MAX  2
#define TITLE_MAX    250
#define PAGE_MAX     4096
#define REFUNDS_MAX  100
#define PAYMENTS_MAX 20
#define DISPUTES_MAX 20

struct stripe {
    const char *base, *key;
    struct str  secrets[SECRETS_MAX];
    size_t      n_secrets;
};

/* ---- life ---- */
static void close_stripe(void *g) { free(g); }         /* the keys are the config's */

static bool is_printable(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

static int open_stripe(const struct config *cfg, void **ret_g, bool *ret_real, struct err *e) {
    struct str key = str_z(config_str(cfg, "pay.stripe_key")), secrets = str_z(config_str(cfg, "pay.stripe_webhook_secret"));
    bool test_key = str_starts(key, STR("sk_test_")) || str_starts(key, STR("rk_test_")),
         live_key = str_starts(key, STR("sk_live")) || str_starts(key, STR("rk_live")), own, good = secrets.n > 0;
    struct stripe made = { .key = key.p };
    if (key.n == 0)
        return 0;
    if (!is_printable(key))
        return err_set(e, ERR_CONFIG, "pay.stripe_key: has spaces or controls in it");
    int r = pay__base_url(cfg, "pay.stripe_url", /* path= */ true, &made.base, &own, e);
    if (r < 0)
        return r;
    while (good && secrets.p) {
        struct str one = str_trim(str_cut(&secrets, ','));
        if ((good = made.n_secrets < SECRETS_MAX && is_printable(one)))
            made.secrets[made.n_secrets++] = one;
    }
    if (!good)
        return err_set(e, ERR_CONFIG, "pay.stripe_webhook_secret: one or two signing secrets (whsec_…): without one no notice can be believed. "
                                      "Set ZOETROPE_PAY_STRIPE_WEBHOOK_SECRET or …_FILE");
    struct stripe *g = malloc(sizeof(*g));
    if (!g)
        return err_set(e, ERR_INTERNAL, "no memory");
    *g = made;
    *ret_g = g;
    *ret_real = live_key || (!test_key && !own);
    return 1;
}

/* ---- requests ---- */
static int send_form(const struct stripe *g, const char *method, struct str path, const struct buf *form, struct str idempotency, struct arena *a,
                     struct pay_call *ret, struct err *e) {
    if (form && form->failed)
        return err_set(e, ERR_BAD_INPUT, "a request of more than %d bytes", FORM_MAX);
    *ret = (struct pay_call){ .method = method, .url = arena_printf(a, "%s%.*s", g->base, STR_ARG(path)), .body = form ? arena_str(a, buf_str(form)) : STR("") };
    pay__header(ret, a, "Authorization: Bearer %s", g->key);
    pay__header(ret, a, "Stripe-Version: " API_VERSION);
    pay__header(ret, a, "Accept: application/json");
    if (ret->body.n)
        pay__header(ret, a, "Content-Type: application/x-www-form-urlencoded");
    if (idempotency.n)
        pay__header(ret, a, "Idempotency-Key: %.*s", STR_ARG(idempotency));
    return 1;
}

static int ask_for(const struct stripe *g, struct str path, struct arena *a, struct pay_call *ret, struct err *e) {
    return send_form(g, "GET", path, NULL, STR(""), a, ret, e);
}

/* An Idempotency-Key. */
static struct str key_of(const char *what, struct str number, int attempt, struct arena *a) {
    return arena_printf(a, "zt-%s-%.*s-%d", what, STR_ARG(number), attempt ? attempt : 1);
}

static struct str lower(struct arena *a, const char *currency) {
    char *out = arena_strz(a, str_z(currency));
    for (char *p = out; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    return str_z(out);
}

static void add_price(struct buf *f, const char *what, const struct pay_money *price, int months, struct arena *a) {
    wire_add(f, arena_printf(a, "%s[price_data][currency]", what).p, lower(a, price->currency));
    wire_add_int(f, arena_printf(a, "%s[price_data][unit_amount]", what).p, price->minor);
    if (months) {
        wire_add(f, arena_printf(a, "%s[price_data][recurring][interval]", what).p, STR("month"));
        wire_add_int(f, arena_printf(a, "%s[price_data][recurring][interval_count]", what).p, months);
    }
}

static int build_start(const struct stripe *g, const struct pay_ask *ask, struct arena *a, struct pay_call *ret, struct err *e) {
    BUF_CLEANUP struct buf f = { 0 };
    const char *below = ask->months ? "subscription_data" : "payment_intent_data";
    if (ask->return_url.n == 0)
        return err_set(e, ERR_BAD_INPUT, "return_url: needed, the browser leaves our pages");
    buf_init(&f, FORM_MAX);
    wire_add(&f, "mode", ask->months ? STR("subscription") : STR("payment"));
    wire_add(&f, "client_reference_id", ask->number);
    wire_add(&f, "metadata[number]", ask->number);
    wire_add(&f, arena_printf(a, "%s[metadata][number]", below).p, ask->number);
    if (ask->account.n)
        wire_add(&f, arena_printf(a, "%s[metadata][account]", below).p, ask->account);
    add_price(&f, "line_items[0]", &ask->price, ask->months, a);
    wire_add(&f, "line_items[0][price_data][product_data][name]", pay__cut(ask->title, TITLE_MAX));
    wire_add(&f, "line_items[0][quantity]", STR("1"));
    wire_add(&f, "success_url", ask->return_url);
    wire_add(&f, "cancel_url", ask->cancel_url.n ? ask->cancel_url : ask->return_url);
    if (ask->customer.n)
        wire_add(&f, "customer", ask->customer);
    /* No expires_at: Stripe takes half an hour to a day from now, and the same call must be the same bytes whenever it is made again. Whoever
     * wants less closes the session. */
    return send_form(g, "POST", STR("/v1/checkout/sessions"), &f, key_of("start", ask->number, ask->attempt, a), a, ret, e);
}

static int build_query(const struct stripe *g, struct str id, struct arena *a, struct pay_call *ret, struct err *e) {
    if (str_starts(id, STR("cs_")))
        return ask_for(g, arena_printf(a, "/v1/checkout/sessions/%.*s?expand[]=payment_intent.latest_charge.balance_transaction"
                                       "&expand[]=subscription&expand[]=invoice.payments", STR_ARG(id)), a, ret, e);
    if (str_starts(id, STR("in_")))
        return ask_for(g, arena_printf(a, "/v1/invoices/%.*s?expand[]=payments", STR_ARG(id)), a, ret, e);
    if (str_starts(id, STR("sub_")))
        return ask_for(g, arena_printf(a, "/v1/subscriptions/%.*s?expand[]=latest_invoice.payments", STR_ARG(id)), a, ret, e);
    return err_set(e, ERR_BAD_INPUT, "Stripe is asked by provider_id (cs_…, in_…, sub_…): start the payment again with the same attempt to have it");
}

static int build_dispute(const struct stripe *g, struct str intent, struct arena *a, struct pay_call *ret, struct err *e) {
    if (!str_starts(intent, STR("pi_")))
        return err_set(e, ERR_BAD_INPUT, "disputes are asked for by transaction_id (pi_…)");
    return ask_for(g, arena_printf(a, "/v1/disputes?payment_intent=%.*s&limit=%d", STR_ARG(intent), DISPUTES_MAX), a, ret, e);
}

static int build_payments(const struct stripe *g, struct str member, struct arena *a, struct pay_call *ret, struct err *e) {
    if (!str_starts(member, STR("sub_")))
        return err_set(e, ERR_BAD_INPUT, "payments are asked for by a subscription (sub_…)");
    return ask_for(g, arena_printf(a, "/v1/invoices?subscription=%.*s&status=paid&limit=%d&expand[]=data.payments", STR_ARG(member), PAY_PAYMENTS_MAX), a, ret, e);
}

static int build_refund(const struct stripe *g, const struct pay_refund_ask *ask, struct arena *a, struct pay_call *ret, struct err *e) {
    BUF_CLEANUP struct buf f = { 0 };
    if (!str_starts(ask->of.transaction_id, STR("pi_")))
        return err_set(e, ERR_BAD_INPUT, "a refund is of a transaction_id (pi_…): query the payment first");
    buf_init(&f, FORM_MAX);
    wire_add(&f, "payment_intent", ask->of.transaction_id);
    wire_add_int(&f, "amount", ask->amount.minor);
    wire_add(&f, "reason", STR("requested_by_customer"));
    wire_add(&f, "metadata[refund_number]", ask->number);
    if (ask->of.number.n)
        wire_add(&f, "metadata[number]", ask->of.number);
    return send_form(g, "POST", STR("/v1/refunds"), &f, key_of("refund", ask->number, ask->attempt, a), a, ret, e);
}

static int build_query_refund(const struct stripe *g, const struct pay_refund_ask *ask, struct arena *a, struct pay_call *ret, struct err *e) {
    if (str_starts(ask->provider_id, STR("re_")))
        return ask_for(g, arena_printf(a, "/v1/refunds/%.*s", STR_ARG(ask->provider_id)), a, ret, e);
    if (!str_starts(ask->of.transaction_id, STR("pi_")))
        return err_set(e, ERR_BAD_INPUT, "a refund is asked for by provider_id (re_…) or transaction_id (pi_…)");
    return ask_for(g, arena_printf(a, "/v1/refunds?payment_intent=%.*s&limit=%d", STR_ARG(ask->of.transaction_id), REFUNDS_MAX), a, ret, e);
}

static int build_change(const struct stripe *g, const struct pay_change_ask *ask, struct arena *a, struct pay_call *ret, struct err *e) {
    BUF_CLEANUP struct buf f = { 0 };
    bool now = ask->what == PAY_CHANGE_END_NOW;
    if (!str_starts(ask->member, STR("sub_")))
        return err_set(e, ERR_BAD_INPUT, "member: a subscription of Stripe's begins with sub_");
    buf_init(&f, FORM_MAX);
    switch (ask->what) {
    case PAY_CHANGE_PAUSE:
        wire_add(&f, "pause_collection[behavior]", STR("void"));
        break;
    case PAY_CHANGE_RESUME:
        wire_add(&f, "pause_collection", STR(""));
        break;
    case PAY_CHANGE_END:
        wire_add(&f, "cancel_at_period_end", STR("true"));
        break;
    case PAY_CHANGE_KEEP:
        wire_add(&f, "cancel_at_period_end", STR("false"));
        break;
    case PAY_CHANGE_PRICE:
        wire_add(&f, "items[0][id]", ask->item);
        wire_add(&f, "items[0][price_data][product]", ask->product);
        add_price(&f, "items[0]", &ask->price, ask->months, a);
        wire_add(&f, "proration_behavior", ask->charge_now ? STR("always_invoice") : STR("none"));
        if (ask->charge_now)
            wire_add(&f, "payment_behavior", STR("error_if_incomplete"));       /* an upgrade that is not paid does not happen */
        break;
    default:
        break;
    }
    if (!now)
        wire_add(&f, "expand[]", STR("latest_invoice.payments"));
    return send_form(g, now ? "DELETE" : "POST", arena_printf(a, "/v1/subscriptions/%.*s", STR_ARG(ask->member)), now ? NULL : &f,
                     now ? STR("") : key_of("change", ask->number, ask->attempt, a), a, ret, e);
}

static int build(const void *g, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret, struct pay_result *ret_result,
                 struct err *e) {
    BUF_CLEANUP struct buf none;
    buf_init(&none, 16);
    switch (w->op) {
    case PAY_OP_START:
        return build_start(g, w->ask, a, ret, e);
    case PAY_OP_QUERY:
    case PAY_OP_QUERY_MEMBER:
        return build_query(g, w->which->provider_id, a, ret, e);
    case PAY_OP_CLOSE:
        if (!str_starts(w->which->provider_id, STR("cs_")))
            return err_set(e, ERR_BAD_INPUT, "a session is closed by its provider_id (cs_…)");
        return send_form(g, "POST", arena_printf(a, "/v1/checkout/sessions/%.*s/expire", STR_ARG(w->which->provider_id)), &none, STR(""), a, ret, e);
    case PAY_OP_REFUND:
        return build_refund(g, w->refund, a, ret, e);
    case PAY_OP_QUERY_REFUND:
        return build_query_refund(g, w->refund, a, ret, e);
    case PAY_OP_QUERY_DISPUTE:
        return build_dispute(g, w->which->transaction_id, a, ret, e);
    case PAY_OP_QUERY_PAYMENTS:
        return build_payments(g, w->which->provider_id, a, ret, e);
    default:
        return build_change(g, w->change, a, ret, e);
    }
}

/* ---- objects ---- */
/* A reference is an id, or the object itself where it was expanded. */
static struct str id_of(const json_t *obj, const char *key, struct arena *a) {
    const json_t *v = json_object_get(obj, key);
    struct str id = json_is_object(v) ? pay__text(a, v, "id", 255) : pay__text(a, obj, key, 255);
    return pay__is_name(id) ? id : STR("");
}

static void money_of(const json_t *obj, const char *amount, struct arena *a, struct pay_money *ret) {
    *ret = (struct pay_money){ .minor = pay__minor(obj, amount) };
    pay__currency(pay__text(a, obj, "currency", 3), ret->currency);
}
static bool is_money(const struct pay_money *m) { return m->minor >= 0 && m->currency[0]; }

static int64_t ms_of(const json_t *obj, const char *key) {
    int64_t s = pay__int(obj, key, 0);
    return s > 0 && s < INT64_C(100000000000) ? s * 1000 : 0;
}

/* Of an invoice: {subscription} until 2025-03-31, {parent: {subscription_details: {subscription, metadata}}} since. */
static const json_t *details_of(const json_t *invoice) {
    const json_t *now = json_object_get(json_object_get(invoice, "parent"), "subscription_details");
    return now ? now : json_object_get(invoice, "subscription_details");
}
static struct str subscription_of(const json_t *invoice, struct arena *a) {
    struct str id = id_of(details_of(invoice), "subscription", a);
    return id.n ? id : id_of(invoice, "subscription", a);
}
/* What a refund of it takes: {payment_intent} until 2025-03-31, that of its payments which was paid since. */
static struct str intent_of(const json_t *invoice, struct arena *a) {
    const json_t *payments = json_object_get(json_object_get(invoice, "payments"), "data");
    for (size_t i = 0; i < json_array_size(payments) && i < PAYMENTS_MAX; i++) {
        const json_t *one = json_array_get(payments, i), *status = json_object_get(one, "status");
        if (!status || str_eqz(pay__text(a, one, "status", 16), "paid"))
            return id_of(json_object_get(one, "payment"), "payment_intent", a);
    }
    return id_of(invoice, "payment_intent", a);
}
static struct str number_of(const json_t *obj, struct arena *a) {
    struct str n = pay__text(a, json_object_get(obj, "metadata"), "number", PAY_NUMBER_MAX);
    return pay__is_number(n) ? n : STR("");
}

static void read_member(const json_t *j, struct arena *a, struct pay_member *ret) {
    static const struct { const char *name; enum pay_member_state state; } states[] = {
        { "incomplete", PAY_MEMBER_WAITING }, { "incomplete_expired", PAY_MEMBER_ENDED }, { "trialing", PAY_MEMBER_ACTIVE }, { "active", PAY_MEMBER_ACTIVE },
        { "past_due", PAY_MEMBER_PAST_DUE }, { "unpaid", PAY_MEMBER_PAST_DUE }, { "canceled", PAY_MEMBER_ENDED }, { "paused", PAY_MEMBER_PAUSED } };
    const json_t *item = json_array_get(json_object_get(json_object_get(j, "items"), "data"), 0);
    const json_t *period = json_object_get(j, "current_period_end") ? j : item;
    struct str status = pay__text(a, j, "status", 40);
    *ret = (struct pay_member){ .id = pay__text(a, j, "id", 255), .state = PAY_MEMBER_NONE };
    for (size_t i = 0; i < COUNT(states); i++)
        if (str_eqz(status, states[i].name))
            ret->state = states[i].state;
    if (ret->state == PAY_MEMBER_ACTIVE && json_is_object(json_object_get(j, "pause_collection")))
        ret->state = PAY_MEMBER_PAUSED;
    ret->period_start_ms = ms_of(period, "current_period_start");
    ret->period_end_ms = ms_of(period, "current_period_end");
    ret->ends = json_is_true(json_object_get(j, "cancel_at_period_end")) || ms_of(j, "cancel_at") > 0;
    ret->item = pay__text(a, item, "id", 255);
    ret->product = id_of(json_object_get(item, "price"), "product", a);
}

/* What only the expanded payment intent knows: fee, given back, disputed. */
static void read_charge(const json_t *session, struct arena *a, struct pay_truth *ret) {
    const json_t *intent = json_object_get(session, "payment_intent"), *charge = json_object_get(intent, "latest_charge"),
                 *balance = json_object_get(charge, "balance_transaction");
    struct pay_money fee;
    money_of(balance, "fee", a, &fee);
    if (fee.minor >= 0 && strcmp(fee.currency, ret->paid.currency) == 0)
        ret->fee_minor = fee.minor;
    if (json_is_object(charge)) {
        ret->refunded_minor = pay__minor(charge, "amount_refunded");
        ret->disputed = json_is_true(json_object_get(charge, "disputed"));
        ret->paid_ms = ms_of(charge, "created");
    }
}

static int read_session(const json_t *j, struct arena *a, struct pay_truth *ret) {
    const json_t *intent = json_object_get(j, "payment_intent"), *sub = json_object_get(j, "subscription");
    struct str status = pay__text(a, j, "status", 40), payment = pay__text(a, j, "payment_status", 40), number = pay__text(a, j, "client_reference_id", PAY_NUMBER_MAX),
               step = pay__text(a, intent, "status", 40);
    *ret = (struct pay_truth){ .number = pay__is_number(number) ? number : number_of(j, a), .provider_id = pay__text(a, j, "id", 255), .fee_minor = -1,
                               .transaction_id = id_of(j, "payment_intent", a), .customer = id_of(j, "customer", a) };
    if (!ret->transaction_id.n)
        ret->transaction_id = intent_of(json_object_get(j, "invoice"), a);
    if (json_is_object(sub)) {
        read_member(sub, a, &ret->member);
        if (ret->member.state == PAY_MEMBER_NONE)
            return ERR_UPSTREAM;
    } else {
        ret->member.id = id_of(j, "subscription", a);
    }
    if (str_eqz(status, "open")) {
        ret->state = PAY_OPEN;
    } else if (str_eqz(status, "expired")) {
        ret->state = PAY_CLOSED;
    } else if (str_eqz(status, "complete") && (str_eqz(payment, "paid") || str_eqz(payment, "no_payment_required"))) {
        ret->state = PAY_PAID;
        money_of(j, "amount_total", a, &ret->paid);
        read_charge(j, a, ret);
        if (!str_eqz(payment, "paid"))
            ret->paid.minor = 0;
    } else if (str_eqz(status, "complete")) {
        /* a method that takes days: its end shows at the intent */
        ret->state = str_eqz(step, "requires_payment_method") || str_eqz(step, "canceled") ? PAY_FAILED : PAY_PROCESSING;
    } else {
        return ERR_UPSTREAM;
    }
    return ret->state == PAY_PAID && !is_money(&ret->paid) ? ERR_UPSTREAM : 0;
}

static int read_invoice(const json_t *j, struct arena *a, struct pay_truth *ret) {
    struct str status = pay__text(a, j, "status", 40);
    const json_t *line = json_array_get(json_object_get(json_object_get(j, "lines"), "data"), 0), *period = json_object_get(line, "period");
    *ret = (struct pay_truth){ .number = number_of(details_of(j), a), .provider_id = pay__text(a, j, "id", 255), .fee_minor = -1,
                               .transaction_id = intent_of(j, a), .customer = id_of(j, "customer", a) };
    ret->member = (struct pay_member){ .id = subscription_of(j, a), .period_start_ms = ms_of(period, "start"), .period_end_ms = ms_of(period, "end"),
                                       .item = STR(""), .product = STR("") };
    if (str_eqz(status, "paid")) {
        ret->state = PAY_PAID;
        money_of(j, "amount_paid", a, &ret->paid);
        ret->paid_ms = ms_of(json_object_get(j, "status_transitions"), "paid_at");
    } else if (str_eqz(status, "draft") || str_eqz(status, "open")) {
        ret->state = PAY_OPEN;
    } else if (str_eqz(status, "void") || str_eqz(status, "uncollectible")) {
        ret->state = PAY_CLOSED;
    } else {
        return ERR_UPSTREAM;
    }
    return ret->state == PAY_PAID && !is_money(&ret->paid) ? ERR_UPSTREAM : 0;
}

/* A subscription, and its newest invoice as the payment. */
static int read_subscription(const json_t *j, struct arena *a, struct pay_truth *ret) {
    const json_t *invoice = json_object_get(j, "latest_invoice");
    struct pay_member member;
    int r = 0;
    read_member(j, a, &member);
    if (json_is_object(invoice))
        r = read_invoice(invoice, a, ret);
    else
        *ret = (struct pay_truth){ .state = PAY_OPEN, .provider_id = id_of(j, "latest_invoice", a), .fee_minor = -1 };
    ret->member = member;
    ret->number = number_of(j, a);
    ret->customer = id_of(j, "customer", a);
    return r < 0 || member.state == PAY_MEMBER_NONE ? ERR_UPSTREAM : 0;
}

static int read_refund(const json_t *j, struct arena *a, struct pay_refund_truth *ret) {
    static const struct { const char *name; enum pay_refund_state state; } states[] = {
        { "pending", PAY_REFUND_PENDING }, { "requires_action", PAY_REFUND_PENDING }, { "succeeded", PAY_REFUND_DONE }, { "failed", PAY_REFUND_FAILED },
        { "canceled", PAY_REFUND_CLOSED } };
    struct str status = pay__text(a, j, "status", 40);
    *ret = (struct pay_refund_truth){ .state = PAY_REFUND_STATE_COUNT, .provider_id = pay__text(a, j, "id", 255), .payment_number = number_of(j, a),
                                      .number = pay__text(a, json_object_get(j, "metadata"), "refund_number", PAY_NUMBER_MAX),
                                      .transaction_id = id_of(j, "payment_intent", a) };
    for (size_t i = 0; i < COUNT(states); i++)
        if (str_eqz(status, states[i].name))
            ret->state = states[i].state;
    money_of(j, "amount", a, &ret->amount);
    ret->done_ms = ret->state == PAY_REFUND_DONE ? ms_of(j, "created") : 0;
    return ret->state == PAY_REFUND_STATE_COUNT || ret->amount.minor < 1 || !is_money(&ret->amount) ? ERR_UPSTREAM : 0;
}

/* ---- answers ---- */
static int read_trouble(const struct pay_work *w, const struct pay_said *s, struct arena *a, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = pay__status(w, s, "Stripe", e), err = ERR_PAY_REFUSED;
    if (r < 0)
        return r;
    (void)json_read(s->body, &j, NULL);
    const json_t *error = json_object_get(j, "error");
    struct str type = pay__text(a, error, "type", 64), code = pay__text(a, error, "code", 64), message = pay__text(a, error, "message", 4096);
    bool in_use = str_eqz(code, "idempotency_key_in_use"), no_customer = str_eqz(code, "resource_missing") && str_eqz(pay__text(a, error, "param", 64), "customer");
    if (in_use || (s->status == 409 && !str_eqz(type, "idempotency_error")) || s->status == 424)
        return pay__unclear(w, e, "Stripe says %d %.*s: something is under way whose end nobody knows; the same call later settles it", s->status, STR_ARG(code));
    if (str_eqz(type, "idempotency_error"))
        err = ERR_PAY_SETUP;                           /* the same number with other words: our own fault */
    else if (s->status == 401 || s->status == 403)
        err = ERR_PAY_SETUP;
    else if (!json_is_object(error))
        return pay__unclear(w, e, "%d, and not in Stripe's words: is pay.stripe_url right?", s->status);
    else if (s->status == 404)
        err = w->op == PAY_OP_CHANGE && w->change->what == PAY_CHANGE_END_NOW ? ERR_PAY_OVER : ERR_NOT_FOUND;      /* what has ended is not found, too */
    else if (s->status == 400 && w->op == PAY_OP_START && no_customer)
        err = ERR_NOT_FOUND;
    else if (str_eqz(code, "charge_already_refunded") || (s->status == 400 && w->op == PAY_OP_CLOSE))
        err = ERR_PAY_OVER;
    else if (s->status == 400 && w->op == PAY_OP_START)
        err = ERR_PAY_SETUP;                           /* a payer has no hand in what a session is made of */
    return err_set(e, err, "Stripe says %d %.*s %.*s: %.*s", s->status, STR_ARG(type), STR_ARG(code), STR_ARG(pay__cut(message, 120)));
}

static int parse_start(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_start *ret, struct err *e) {
    struct pay_truth t;
    *ret = (struct pay_start){ PAY_SHOW_REDIRECT, .text = pay__text(a, j, "url", PAGE_MAX), .provider_id = pay__text(a, j, "id", 255),
                               .until_ms = ms_of(j, "expires_at") };
    if (read_session(j, a, &t) < 0 || !str_eq(t.number, w->ask->number) || !str_starts(ret->provider_id, STR("cs_")) || !pay__is_name(ret->provider_id))
        return pay__unclear(w, e, "Stripe's answer is about something else; make the same call again");
    /* What is played back under its key is the session as it was; as it is only a query says. */
    if (t.state != PAY_OPEN)
        return err_set(e, ERR_PAY_OVER, "session %.*s is %s", STR_ARG(ret->provider_id), pay_state_names[t.state]);
    return pay__is_url(ret->text, PAGE_MAX) ? 0 : pay__unclear(w, e, "Stripe's answer has no page to pay on");
}

static int parse_query(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_truth *ret, struct err *e) {
    struct str id = w->which->provider_id;
    int r = str_starts(id, STR("cs_")) ? read_session(j, a, ret) : str_starts(id, STR("in_")) ? read_invoice(j, a, ret) : read_subscription(j, a, ret);
    struct str got = str_starts(id, STR("sub_")) ? ret->member.id : ret->provider_id;
    if (r < 0)
        return err_set(e, ERR_UPSTREAM, "Stripe's %.*s is in a state that is not known here", STR_ARG(id));
    if (!str_eq(got, id) || (w->which->number.n && ret->number.n && !str_eq(ret->number, w->which->number)))
        return err_set(e, ERR_UPSTREAM, "Stripe's answer is about %.*s of payment %.*s", STR_ARG(got), STR_ARG(ret->number));
    return 0;
}

/* What it kept for one dispute: the fees of what it moved of our balance for it, below 0 where it gave one back. False: not told, or in another
 * currency than was paid. */
static bool read_dispute_fee(const json_t *dispute, struct arena *a, int64_t *minor) {
    const json_t *moves = json_object_get(dispute, "balance_transactions");
    char paid[4], moved[4];
    bool told = json_is_array(moves) && pay__currency(pay__text(a, dispute, "currency", 3), paid);
    for (size_t i = 0; told && i < json_array_size(moves); i++) {
        const json_t *one = json_array_get(moves, i);
        int64_t fee = pay__int(one, "fee", INT64_MAX);
        told = fee >= -PAY_MINOR_MAX && fee <= PAY_MINOR_MAX && pay__currency(pay__text(a, one, "currency", 3), moved) && strcmp(paid, moved) == 0;
        *minor += told ? fee : 0;
    }
    return told && *minor <= PAY_MINOR_MAX;
}

/* Lost is what a bank took back for good; an inquiry (warning_…) takes nothing. Whatever else is not over yet. */
static int parse_dispute(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_truth *ret, struct err *e) {
    const json_t *list = json_object_get(j, "data");
    if (!json_is_array(list) || json_is_true(json_object_get(j, "has_more")))
        return err_set(e, ERR_UPSTREAM, "Stripe's answer is no list of at most %d disputes", DISPUTES_MAX);
    ret->dispute_fee_told = json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list) && i < DISPUTES_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        struct str status = pay__text(a, one, "status", 40);
        int64_t minor = pay__minor(one, "amount");
        bool lost = str_eqz(status, "lost");
        if (!str_eq(id_of(one, "payment_intent", a), w->which->transaction_id) || status.n == 0 || minor < 0)
            return err_set(e, ERR_UPSTREAM, "Stripe's answer is about other disputes");
        ret->disputed |= !lost && !str_eqz(status, "won") && !str_eqz(status, "warning_closed");
        ret->dispute_fee_told = ret->dispute_fee_told && read_dispute_fee(one, a, &ret->dispute_fee_minor);
        ret->lost_minor += lost && ret->lost_minor + minor <= PAY_MINOR_MAX ? minor : 0;
    }
    return 0;
}

/* Invoices of a subscription that were paid. */
static int parse_payments(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_payments *ret, struct err *e) {
    const json_t *list = json_object_get(j, "data");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > PAY_PAYMENTS_MAX)
        return err_set(e, ERR_UPSTREAM, "Stripe's answer is no list of at most %d invoices", PAY_PAYMENTS_MAX);
    struct pay_truth *all = arena_alloc(a, (n ? n : 1) * sizeof(*all));
    for (size_t i = 0; i < n; i++)
        if (read_invoice(json_array_get(list, i), a, &all[i]) < 0 || all[i].state != PAY_PAID || !str_eq(all[i].member.id, w->which->provider_id))
            return err_set(e, ERR_UPSTREAM, "Stripe's answer is about other invoices");
    *ret = (struct pay_payments){ all, n, json_is_true(json_object_get(j, "has_more")) };
    return 0;
}

/* One refund, or a list of a payment's. */
static int parse_refund(const struct pay_work *w, const json_t *j, struct arena *a, struct pay_refund_truth *ret, struct err *e) {
    const json_t *list = json_object_get(j, "data");
    for (size_t i = 0; i < json_array_size(list) && i < REFUNDS_MAX; i++) {
        int r = read_refund(json_array_get(list, i), a, ret);
        if (str_eq(ret->number, w->refund->number))
            return r < 0 ? pay__unclear(w, e, "refund %.*s is in a state that is not known here", STR_ARG(ret->number)) : 0;
    }
    if (json_is_array(list))
        return json_is_true(json_object_get(j, "has_more")) ? err_set(e, ERR_PAY_SETUP, "more than %d refunds of one payment: look in Stripe's console", REFUNDS_MAX)
                                                            : err_set(e, ERR_NOT_FOUND, "no refund %.*s", STR_ARG(w->refund->number));
    if (read_refund(j, a, ret) < 0 || !str_eq(ret->number, w->refund->number))
        return pay__unclear(w, e, "Stripe's answer is about another refund");
    return 0;
}

static int parse(void *g, const struct pay_work *w, const struct pay_said *s, const struct pay_moment *m, struct arena *a, struct pay_result *ret,
                 struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct err why = { 0 };
    if (s->status < 200 || s->status > 299)
        return read_trouble(w, s, a, e);
    if (json_read(s->body, &j, &why) < 0)
        return pay__unclear(w, e, "Stripe's answer: %s", why.text);
    switch (w->op) {
    case PAY_OP_START:
        return parse_start(w, j, a, &ret->start, e);
    case PAY_OP_QUERY:
    case PAY_OP_QUERY_MEMBER:
        return parse_query(w, j, a, &ret->truth, e);
    case PAY_OP_CLOSE: {
        struct pay_truth t;
        if (read_session(j, a, &t) < 0 || !str_eq(t.provider_id, w->which->provider_id))
            return pay__unclear(w, e, "Stripe's answer is about something else");
        return t.state == PAY_CLOSED ? 0 : err_set(e, ERR_PAY_OVER, "session %.*s is %s", STR_ARG(t.provider_id), pay_state_names[t.state]);
    }
    case PAY_OP_REFUND:
    case PAY_OP_QUERY_REFUND:
        return parse_refund(w, j, a, &ret->refund, e);
    case PAY_OP_QUERY_DISPUTE:
        return parse_dispute(w, j, a, &ret->truth, e);
    case PAY_OP_QUERY_PAYMENTS:
        return parse_payments(w, j, a, &ret->payments, e);
    default:
        if (read_subscription(j, a, &ret->truth) < 0 || !str_eq(ret->truth.member.id, w->change->member))
            return pay__unclear(w, e, "Stripe's answer is about another subscription");
        return 0;
    }
}

/* ---- notices ---- */
static bool signed_by_us(const struct stripe *g, struct str message, const uint8_t (*v1)[DIGEST_SHA256], size_t n) {
    bool ok = false;
    for (size_t k = 0; k < g->n_secrets; k++) {
        uint8_t want[DIGEST_SHA256];
        if (!digest_hmac_sha256(g->secrets[k].p, g->secrets[k].n, message.p, message.n, want))
            continue;
        for (size_t i = 0; i < n; i++)
            ok |= crypto_equal(want, v1[i], DIGEST_SHA256);
        crypto_wipe(want, sizeof(want));
    }
    return ok;
}

/* "t=1700000000,v1=…,v1=…,v0=…" */
static int verify(const struct stripe *g, struct str header, struct str body, int64_t now_ms, struct arena *a, struct err *e) {
    uint8_t v1[SIGNATURES][DIGEST_SHA256];
    int64_t t = -1, now_s = now_ms / 1000;
    struct str t_text = STR_NULL;
    size_t n = 0;
    if (header.n == 0 || header.n > HEADER_MAX)
        return err_set(e, ERR_PAY_NOTICE, "Stripe-Signature is missing or too long");
    while (header.n) {
        struct str value = str_trim(str_cut(&header, ',')), key = str_cut(&value, '=');
        if (str_eqz(key, "t")) {
            if (t >= 0 || value.n == 0 || value.p[0] == '-' || str_int(value, 0, INT64_C(100000000000), &t) < 0)
                return err_set(e, ERR_PAY_NOTICE, "Stripe-Signature has no one time");
            t_text = value;
        } else if (str_eqz(key, "v1") && n < SIGNATURES && hex_decode(value, v1[n], DIGEST_SHA256) == 0) {
            n++;
        }
    }
    if (t < 0 || n == 0)
        return err_set(e, ERR_PAY_NOTICE, "Stripe-Signature has no time, or no signature of scheme v1");
    struct str message = PAY_JOIN(a, t_text, STR("."), body);
    if (!message.p)
        return err_set(e, ERR_TOO_BIG, "a message that is too big");
    if (!signed_by_us(g, message, v1, n))
        return err_set(e, ERR_PAY_NOTICE, "the signature is wrong: was the body changed on its way, or is pay.stripe_webhook_secret of another endpoint?");
    if (now_s - t > TOLERANCE_S || t - now_s > TOLERANCE_S)
        return err_set(e, ERR_PAY_NOTICE, "its time is more than %d s from ours: an old message, or one of the clocks is wrong", TOLERANCE_S);
    return 0;
}

/* Which object it is about; by the object's own type, since types of events are many. */
static void read_object(const json_t *j, struct arena *a, struct pay_notice *ret) {
    struct str object = pay__text(a, j, "object", 64), id = pay__text(a, j, "id", 255), number = pay__text(a, j, "client_reference_id", PAY_NUMBER_MAX);
    if (!pay__is_name(id))
        return;
    ret->number = number_of(j, a);
    ret->transaction_id = id_of(j, "payment_intent", a);
    if (str_eqz(object, "checkout.session")) {
        ret->about = PAY_ABOUT_PAYMENT;
        ret->provider_id = id;
        ret->number = pay__is_number(number) ? number : ret->number;
        ret->member = id_of(j, "subscription", a);
    } else if (str_eqz(object, "payment_intent")) {
        ret->about = PAY_ABOUT_PAYMENT;
        ret->transaction_id = id;
    } else if (str_eqz(object, "charge")) {
        ret->about = PAY_ABOUT_PAYMENT;
    } else if (str_eqz(object, "invoice")) {
        ret->about = PAY_ABOUT_MEMBER;
        ret->provider_id = id;
        ret->number = number_of(details_of(j), a);
        ret->member = subscription_of(j, a);
    } else if (str_eqz(object, "subscription")) {
        ret->about = PAY_ABOUT_MEMBER;
        ret->provider_id = ret->member = id;
    } else if (str_eqz(object, "refund")) {
        struct str refund = pay__text(a, json_object_get(j, "metadata"), "refund_number", PAY_NUMBER_MAX);
        ret->about = PAY_ABOUT_REFUND;
        ret->provider_id = id;
        ret->refund_number = pay__is_number(refund) ? refund : STR("");
    } else if (str_eqz(object, "dispute")) {
        ret->about = PAY_ABOUT_DISPUTE;
        ret->provider_id = id;
    }
}

static int notice(const void *g, const struct pay_said *s, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = verify(g, s->header(s->from, "Stripe-Signature"), s->body, now_ms, a, e);
    if (r < 0)
        return r;
    if (json_read(s->body, &j, e) < 0)
        return err_set(e, ERR_PAY_NOTICE, "no JSON");
    ret->event_id = pay__text(a, j, "id", 255);
    ret->what = pay__text(a, j, "type", 128);
    ret->made_ms = ms_of(j, "created");
    if (!pay__is_name(ret->event_id))
        return err_set(e, ERR_PAY_NOTICE, "an event without an id");
    read_object(json_object_get(json_object_get(j, "data"), "object"), a, ret);
    return 0;
}

const struct pay_driver pay_driver_stripe = {
    .name = "stripe",
    .can = PAY_CAN_MEMBER | PAY_CAN_TELL_FEE | PAY_ASKED_BY_ID | PAY_CAN_REFUND_ONE,
    .scenes = 1u << PAY_PAGE | 1u << PAY_H5,
    .yes = { 200, "text/plain", "" },
    .again = { 500, "text/plain", "later" },
    .forged = { 400, "text/plain", "wrong signature" },
    .open = open_stripe, .close = close_stripe, .build = build, .parse = parse, .notice = notice,
    .ops = 1u << PAY_OP_QUERY_MEMBER | 1u << PAY_OP_CHANGE | 1u << PAY_OP_QUERY_DISPUTE | 1u << PAY_OP_QUERY_PAYMENTS,
    .forgets_refunds = true,
    .fee_pm = "pay.stripe_fee_pm", .fee_fixed = "pay.stripe_fee_fixed",
};
