/* orders.c - /v1/orders: what somebody buys with real money, and how they pay for it. Prices and truth are shop's and the provider's. */
#include "api/session.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "mail/address.h"
#include "shop/invoice.h"
#include "shop/order.h"
#include "studio/studio.h"

#define ORDER_JSON_MAX (16 * 1024)

static int answer_order(struct http_req *req, struct http_res *res, int status, int64_t id, int64_t account, struct err *e) {
    return api__answer_one(req, res, status, id, account, shop_order_render, e);
}

/* ---- POST /v1/orders ---- */

struct order_body { struct str plan, provider, code; int currency; };
const char *const api__currencies[] = {
#define X(id) #id,
    LEDGER_CURRENCIES(X)
#undef X
    NULL,
};
static const struct json_field order_fields[] = {
    { "plan", JSON_F_STR, true, 1, 32, offsetof(struct order_body, plan), .help = "A name out of GET /v1/plans." },
    { "currency", JSON_F_ENUM, true, 0, 0, offsetof(struct order_body, currency), .names = api__currencies, .help = "One in which the plan has a price." },
    { "provider", JSON_F_STR, true, 1, 16, offsetof(struct order_body, provider), .help = "Out of `ways` of GET /v1/plans." },
    { "code", JSON_F_STR, false, 0, 64, offsetof(struct order_body, code), .help = "A code that makes it cheaper." },
    { 0 },
};

static int order_parse(struct http_req *req, struct err *e) {
    struct order_body body = { 0 };
    int r = api_body(req, order_fields, &body, e);
    if (r < 0)
        return r;
    struct shop_order_new *o = ARENA_NEW(req->arena, struct shop_order_new);
    o->account = req->account;
    o->product = studio_product(api_app(req)->studio, STR_NULL);
    o->currency = (enum ledger_currency)body.currency;
    o->provider = arena_str(req->arena, body.provider).p;
    o->lang = req->lang;
    o->code = body.code;
    o->plan = studio_plan_named(o->product, body.plan);
    req->job = o;
    if (body.code.n && !(req->rights & AUTH_PERSON))
        return err_set(e, ERR_SIGN_IN_FIRST, "a guest has no codes");
    if (body.code.n && (r = api__code_rate(req, e)) < 0)
        return r;
    if (o->plan && o->plan->kind == STUDIO_PLAN_MEMBER && !(req->rights & AUTH_PERSON))       /* a guest's session ends; what renews itself would go on */
        return err_set(e, ERR_SIGN_IN_FIRST, "a guest has no memberships");
    return o->plan ? 0 : err_set(e, ERR_BAD_INPUT, "plan: there is none called \"%.*s\"", STR_ARG(body.plan));
}

static int order_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct shop_order_new *o = req->job;
    o->id = id_new();
    int r = shop_order_make(tx, api_app(req)->shop, o, e);
    req->object_id = o->id;
    return r;
}

static int order_post(struct http_req *req, struct http_res *res, struct err *e) {
    char id[ID_TEXT_MAX];
    id_text(id, "order", req->object_id);
    http_res_header(res, "Location", "/v1/orders/%s", id);
    return answer_order(req, res, 201, req->object_id, req->account, e);
}

/* ---- what waits for the provider ---- */

static bool is_test(const struct app *app, const char *provider) {
    struct pay_provider_info info;
    for (size_t i = 0; pay_provider(app->pay, i, &info); i++)
        if (str_eqz(str_z(provider), info.name))
            return info.can & PAY_IS_TEST;
    return false;
}

int api__provider_begin(struct app *app, enum api__waits who, const char *provider, struct err *e) {
    int64_t quarter = config_int(app->cfg, "net.pool_threads") / 4;
    if (is_test(app, provider))
        return 0;
    if (atomic_fetch_add(&app->api->waits[who], 1) < (quarter ? quarter : 1))
        return 1;
    api__provider_end(app, who);
    return err_set(e, ERR_BUSY, "%s answers slowly, and others wait for it already", provider);
}

void api__provider_end(struct app *app, enum api__waits who) { atomic_fetch_sub(&app->api->waits[who], 1); }

static const char *const scenes[] = { "page", "h5", "qr", "jsapi", "mini", NULL };
struct start_body { struct str openid; int scene; };
static const struct json_field start_fields[] = {
    { "scene", JSON_F_ENUM, true, 0, 0, offsetof(struct start_body, scene), .names = scenes, .help = "How it is paid; out of the provider's `scenes`." },
    { "openid", JSON_F_STR, false, 1, 128, offsetof(struct start_body, openid), .help = "jsapi, mini: who pays, as WeChat calls them." },
    { 0 },
};

static int start_parse(struct http_req *req, struct err *e) {
    struct start_body *body = ARENA_NEW(req->arena, struct start_body);
    req->job = body;
    return api_body(req, start_fields, body, e);
}

/* "203.0.113.9"; IPv6 in hex. */
static struct str address_of(struct http_req *req) {
    const uint8_t *ip = req->peer.ip;
    static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    if (memcmp(ip, mapped, sizeof(mapped)) == 0)
        return arena_printf(req->arena, "%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
    return arena_printf(req->arena, "%x:%x:%x:%x:%x:%x:%x:%x", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3], ip[4] << 8 | ip[5], ip[6] << 8 | ip[7], ip[8] << 8 | ip[9],
                        ip[10] << 8 | ip[11], ip[12] << 8 | ip[13], ip[14] << 8 | ip[15]);
}

static int start_post(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const shows[] = { [PAY_SHOW_REDIRECT] = "redirect", [PAY_SHOW_QR] = "qr", [PAY_SHOW_CALL] = "call" };
    const struct start_body *body = req->job;
    struct app *app = api_app(req);
    char base[512], provider[17];
    int64_t order;
    int r = api_param_id(req, 0, "order", &order, e);
    if (r < 0 || (r = shop_order_provider(db_reader(app->db), order, req->account, provider, /* ret_begun= */ NULL, e)) < 0)
        return r;
    api__base_url(app, base);
    struct shop_start how = { .scene = (enum pay_scene)body->scene, .openid = body->openid, .client_ip = address_of(req), .base_url = str_z(base) };
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct pay_start s;
    int counted = api__provider_begin(app, API__BUYERS, provider, e);
    if (counted < 0)
        return counted;
    r = shop_order_start(app->shop, order, req->account, &how, a, &s, e);
    if (counted)
        api__provider_end(app, API__BUYERS);
    if (r == ERR_UNCERTAIN || r == ERR_UPSTREAM)   /* whether it was begun or not: that charges nothing, and the same call again is harmless */
        r = e->code = ERR_PAY_START;
    if (r < 0)
        return r;
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, ORDER_JSON_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "show", shows[s.show]);
    jw_kstr(&w, "text", s.text);
    jw_key(&w, "until_ms");
    if (s.until_ms)
        jw_int(&w, s.until_ms);
    else
        jw_null(&w);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

static int nothing_parse(struct http_req *req, struct err *e) {
    char nothing;
    return api_body(req, api__no_fields, &nothing, e);
}

/* Of an order that was never begun nothing is asked there, so nobody's place is needed. */
static int with_order(struct http_req *req, struct http_res *res, int (*act)(struct shop *s, int64_t order, int64_t account, struct err *e), struct err *e) {
    struct app *app = api_app(req);
    int64_t order;
    char provider[17];
    bool begun;
    int r = api_param_id(req, 0, "order", &order, e), counted;
    if (r < 0 || (r = shop_order_provider(db_reader(app->db), order, req->account, provider, &begun, e)) < 0)
        return r;
    if ((counted = begun ? api__provider_begin(app, API__BUYERS, provider, e) : 0) < 0)
        return counted;
    r = act(app->shop, order, req->account, e);
    if (counted)
        api__provider_end(app, API__BUYERS);
    return r < 0 ? r : answer_order(req, res, 200, order, req->account, e);
}
static int check_post(struct http_req *req, struct http_res *res, struct err *e) { return with_order(req, res, shop_order_check, e); }
static int cancel_post(struct http_req *req, struct http_res *res, struct err *e) { return with_order(req, res, shop_order_cancel, e); }

/* ---- POST …/refund ---- */

struct refund_job { int64_t order; struct str reason; };
static const struct json_field refund_fields[] = {
    { "reason", JSON_F_STR, false, 0, 400, offsetof(struct refund_job, reason), .help = "In one's own words; the operator reads it." },
    { 0 },
};

static int refund_parse(struct http_req *req, struct err *e) {
    struct refund_job *job = ARENA_NEW(req->arena, struct refund_job);
    req->job = job;
    int r = api_param_id(req, 0, "order", &job->order, e);
    return r < 0 ? r : api_body(req, refund_fields, job, e);
}

static int refund_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct refund_job *job = req->job;
    req->object_id = job->order;
    return shop_refund_ask(tx, api_app(req)->shop, id_new(), job->order, req->account, job->reason.p ? job->reason : STR(""), e);
}

/* The order, as it is behind a change of it. */
static int changed_post(struct http_req *req, struct http_res *res, struct err *e) { return answer_order(req, res, 200, req->object_id, req->account, e); }

/* ---- POST …/invoice ---- */

struct invoice_job { struct shop_invoice_new n; struct str title, tax_no, email; char address[MAIL_ADDRESS_MAX]; };
static const struct json_field invoice_fields[] = {
    { "title", JSON_F_STR, true, 1, 200, offsetof(struct invoice_job, title), .help = "To whom it is made out." },
    { "tax_no", JSON_F_STR, false, 0, 64, offsetof(struct invoice_job, tax_no), .help = "Of a company." },
    { "email", JSON_F_STR, true, 1, 254, offsetof(struct invoice_job, email), .help = "Where it is sent to." },
    { 0 },
};

static int invoice_parse(struct http_req *req, struct err *e) {
    struct invoice_job *job = ARENA_NEW(req->arena, struct invoice_job);
    req->job = job;
    int r = api_param_id(req, 0, "order", &job->n.order, e);
    if (r < 0 || (r = api_body(req, invoice_fields, job, e)) < 0 || (r = mail_address(job->email, job->address, e)) < 0)
        return r;
    job->n = (struct shop_invoice_new){ .order = job->n.order, .account = req->account, .title = job->title, .tax_no = job->tax_no, .email = job->address };
    return 0;
}

static int invoice_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct invoice_job *job = req->job;
    req->object_id = job->n.order;
    return shop_invoice_ask(tx, &job->n, e);
}

/* ---- reading ---- */

static int order_get(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t id;
    int r = api_param_id(req, 0, "order", &id, e);
    return r < 0 ? r : answer_order(req, res, 200, id, req->account, e);
}

static int orders_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    struct api_page page;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = api_page(req, "order", &page, e);
    if (r < 0 || (r = shop_order_list(rd, app->shop, req->account, page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

const struct route api_orders_routes[] = {
    { "POST", "/v1/orders", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, order_post, order_parse, order_write, .body_max = API_BODY_MAX, .in = order_fields,
      .out = "Order", .help = "Order a plan; nothing is paid yet." },
    { "GET", "/v1/orders", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, orders_get, .out = "OrderList", .help = "One's own orders, newest first." },
    { "GET", "/v1/orders/{id}", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, order_get, .out = "Order", .help = "An order of one's own, as it is known here." },
    { "POST", "/v1/orders/{id}/start", ROUTE_BLOCKING, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, start_post, start_parse, .body_max = API_BODY_MAX, .in = start_fields, .out = "OrderStart",
      .help = "Begin to pay: an address to go to, a QR code to draw, or what WeChat's bridge is called with. May be repeated; 409 pay_over: look at the order." },
    { "POST", "/v1/orders/{id}/check", ROUTE_BLOCKING, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, check_post, nothing_parse, .body_max = API_BODY_MAX, .in = api__no_fields, .out = "Order",
      .help = "Ask the provider whether it was paid, at most every 2 seconds; what the page does that somebody comes back to." },
    { "POST", "/v1/orders/{id}/cancel", ROUTE_BLOCKING, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, cancel_post, nothing_parse, .body_max = API_BODY_MAX, .in = api__no_fields, .out = "Order",
      .help = "Not wanted any more; 409 when it was paid meanwhile." },
    { "POST", "/v1/orders/{id}/refund", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, changed_post, refund_parse, refund_write, .body_max = API_BODY_MAX,
      .in = refund_fields, .out = "Order", .help = "Ask for the money back: at once within 7 days while nothing of it was used, else an operator decides." },
    { "POST", "/v1/orders/{id}/invoice", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, changed_post, invoice_parse, invoice_write, .body_max = API_BODY_MAX,
      .in = invoice_fields, .out = "Order", .help = "Ask for an invoice of what was paid; asked again before it was sent, the newer words count." },
    { 0 },
};
