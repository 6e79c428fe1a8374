/*
 * hooks.c - POST /v1/hooks/{provider}: what a payment provider tells us; and the page of test money, which does what a bank would.
 * A notice is answered after COMMIT. It is refused for want of room only where many wait already for that provider's answers: what is not heard comes again, and
 * the cashier asks anyway.
 */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/log.h"
#include "shop/order.h"

struct str api__header_of(const void *req, const char *name) { return http_req_header(req, name); }

static int hook_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    const char *provider = arena_str(req->arena, req->params[0]).p;
    if (!pay_has(app->pay, provider))
        return err_set(e, ERR_NOT_FOUND, "no such provider");
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct pay_said said = { .header = api__header_of, .from = req, .body = req->body };
    struct pay_reply reply;
    int r, counted = api__provider_begin(app, API__NOTICES, provider, e);
    if (counted < 0) {
        reply = pay_notice_reply(app->pay, provider, counted);
        return http_res_body(res, reply.status, reply.type, str_z(reply.body), /* borrowed= */ true);
    }
    r = shop_hear(app->shop, provider, &said, a, &reply, e);
    if (counted)
        api__provider_end(app, API__NOTICES);
    return r < 0 ? r : http_res_body(res, reply.status, reply.type, str_z(reply.body), /* borrowed= */ true);
}

/* ---- test money ---- */

static int test_view(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    if (!pay_has(app->pay, "test"))
        return err_set(e, ERR_NOT_FOUND, "no test money here");
    CLEANUP(arena_free) struct arena *a = arena_new(2 * PAY_ARENA);
    struct pay_test_view v;
    int r = pay_test_view(app->pay, req->params[0], a, &v, e);
    if (r < 0)
        return r;
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 16 * 1024);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "number", req->params[0]);
    jw_key(&w, "price");
    jw_obj(&w);
    jw_kint(&w, "minor", v.price.minor);
    jw_kz(&w, "currency", v.price.currency);
    jw_end_obj(&w);
    jw_kz(&w, "state", pay_state_names[v.state]);
    jw_kstr(&w, "title", v.title);
    jw_kstr(&w, "return_url", v.return_url);
    jw_kstr(&w, "cancel_url", v.cancel_url);
    jw_kint(&w, "months", v.months);
    jw_kint(&w, "until_ms", v.until_ms);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

enum { NOTICE_SEND, NOTICE_LOSE, NOTICE_TWICE };
static const char *const notices[] = { "send", "lose", "twice", NULL };
struct act_body { int act, notice; };
static const struct json_field act_fields[] = {
    { "act", JSON_F_ENUM, true, 0, 0, offsetof(struct act_body, act), .names = pay_test_act_names, .help = "What the bank does." },
    { "notice", JSON_F_ENUM, false, 0, 0, offsetof(struct act_body, notice), .names = notices, .help = "What becomes of the notice about it; left out: send." },
    { 0 },
};

static int act_parse(struct http_req *req, struct err *e) {
    struct act_body *body = ARENA_NEW(req->arena, struct act_body);
    req->job = body;
    return api_body(req, act_fields, body, e);
}

struct test_notice { struct pay_test_notice n; };
static struct str test_header(const void *from, const char *name) {
    const struct test_notice *t = from;
    return strcasecmp(name, "Pay-Test-Signature") == 0 ? t->n.signature : STR_NULL;
}

static int act_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct act_body *body = req->job;
    struct app *app = api_app(req);
    if (!pay_has(app->pay, "test"))
        return err_set(e, ERR_NOT_FOUND, "no test money here");
    CLEANUP(arena_free) struct arena *a = arena_new(4 * PAY_ARENA);
    struct test_notice t;
    int r = pay_test_act(app->pay, req->params[0], (enum pay_test_act)body->act, a, &t.n, e);
    if (r < 0)
        return r;
    struct pay_said said = { .header = test_header, .from = &t, .body = t.n.body };
    struct pay_reply reply;
    int times = body->notice == NOTICE_LOSE ? 0 : body->notice == NOTICE_TWICE ? 2 : 1;
    for (int i = 0; i < times; i++)
        if ((r = shop_hear(app->shop, "test", &said, a, &reply, e)) < 0)
            return r;
    return test_view(req, res, e);
}

const struct route api_hooks_routes[] = {
    { "POST", "/v1/hooks/{provider}", ROUTE_BLOCKING, TRAFFIC_PAYMENT, 0, 0, hook_post, .body_max = PAY_NOTICE_MAX,
      .help = "A payment provider's notice, with its signature; answered as that provider wants it, after it was booked." },
    { "GET", "/v1/pay/test/{number}", ROUTE_BLOCKING, TRAFFIC_READ, 0, 0, test_view, .out = "TestPayment", .help = "What is to be paid with test money; 404 where there is none." },
    { "POST", "/v1/pay/test/{number}", ROUTE_BLOCKING, TRAFFIC_SETTLE, 0, 0, act_post, act_parse, .body_max = API_BODY_MAX, .in = act_fields, .out = "TestPayment",
      .help = "Do what a bank would, with test money." },
    { 0 },
};
