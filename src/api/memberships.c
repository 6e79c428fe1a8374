/* memberships.c - /v1/memberships: what renews itself, and what its owner wants of it. The wish is written down; the cashier asks the provider. */
#include "api/session.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "shop/member.h"

static int answer(struct http_req *req, struct http_res *res, int64_t id, struct err *e) {
    return api__answer_one(req, res, 200, id, req->account, shop_member_render, e);
}

static int member_get(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t id;
    int r = api_param_id(req, 0, "member", &id, e);
    return r < 0 ? r : answer(req, res, id, e);
}

static int members_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    struct api_page page;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = api_page(req, "member", &page, e);
    if (r < 0 || (r = shop_member_list(rd, app->shop, req->account, page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

int api__member_orders(struct http_req *req, struct http_res *res, int64_t account, struct err *e) {
    struct app *app = api_app(req);
    struct api_page page;
    int64_t id;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = api_param_id(req, 0, "member", &id, e);
    if (r < 0 || (r = api_page(req, "order", &page, e)) < 0 || (r = shop_member_orders(rd, app->shop, id, account, page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

static int orders_get(struct http_req *req, struct http_res *res, struct err *e) { return api__member_orders(req, res, req->account, e); }

/* ---- POST …/end, keep, pause, resume, plan ---- */

static int wish(struct http_req *req, enum pay_change what, struct shop_wish **ret, struct err *e) {
    struct shop_wish *w = ARENA_NEW(req->arena, struct shop_wish);
    w->what = what;
    w->account = w->by = req->account;
    req->job = *ret = w;
    return api_param_id(req, 0, "member", &w->member, e);
}
static int plain_parse(struct http_req *req, enum pay_change what, struct err *e) {
    char nothing;
    struct shop_wish *w;
    int r = wish(req, what, &w, e);
    return r < 0 ? r : api_body(req, api__no_fields, &nothing, e);
}
static int end_parse(struct http_req *req, struct err *e) { return plain_parse(req, PAY_CHANGE_END, e); }
static int keep_parse(struct http_req *req, struct err *e) { return plain_parse(req, PAY_CHANGE_KEEP, e); }
static int pause_parse(struct http_req *req, struct err *e) { return plain_parse(req, PAY_CHANGE_PAUSE, e); }
static int resume_parse(struct http_req *req, struct err *e) { return plain_parse(req, PAY_CHANGE_RESUME, e); }

struct plan_body { struct str plan; };
static const struct json_field plan_fields[] = {
    { "plan", JSON_F_STR, true, 1, 32, offsetof(struct plan_body, plan), .help = "A name out of GET /v1/plans, of kind member." }, { 0 },
};
static int plan_parse(struct http_req *req, struct err *e) {
    struct plan_body body = { 0 };
    struct shop_wish *w;
    int r = wish(req, PAY_CHANGE_PRICE, &w, e);
    if (r < 0 || (r = api_body(req, plan_fields, &body, e)) < 0)
        return r;
    w->plan = studio_plan_named(studio_product(api_app(req)->studio, STR_NULL), body.plan);
    return w->plan ? 0 : err_set(e, ERR_BAD_INPUT, "plan: there is none called \"%.*s\"", STR_ARG(body.plan));
}

static int wish_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct shop_wish *w = req->job;
    w->id = id_new();
    req->object_id = w->member;
    return shop_member_wish(tx, api_app(req)->shop, w, e);
}
static int wish_post(struct http_req *req, struct http_res *res, struct err *e) { return answer(req, res, req->object_id, e); }

const struct route api_memberships_routes[] = {
    { "GET", "/v1/memberships", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, members_get, .out = "MembershipList", .help = "One's own memberships, newest first." },
    { "GET", "/v1/memberships/{id}", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, member_get, .out = "Membership", .help = "A membership of one's own, as it is known here." },
    { "GET", "/v1/memberships/{id}/orders", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, orders_get, .out = "OrderList",
      .help = "What was paid for it, newest first: each an order with its own receipt, refund and invoice." },
    { "POST", "/v1/memberships/{id}/end", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, wish_post, end_parse, wish_write, .body_max = API_BODY_MAX, .in = api__no_fields,
      .out = "Membership", .help = "Let it end with the period that is paid. The provider is asked at once; see `change`, here as below." },
    { "POST", "/v1/memberships/{id}/keep", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, wish_post, keep_parse, wish_write, .body_max = API_BODY_MAX, .in = api__no_fields,
      .out = "Membership", .help = "Let it go on after all." },
    { "POST", "/v1/memberships/{id}/pause", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, wish_post, pause_parse, wish_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .out = "Membership", .help = "No more charges until it is resumed; what is paid can be used." },
    { "POST", "/v1/memberships/{id}/resume", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, wish_post, resume_parse, wish_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .out = "Membership", .help = "Go on with a paused one, from its next period." },
    { "POST", "/v1/memberships/{id}/plan", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, wish_post, plan_parse, wish_write, .body_max = API_BODY_MAX, .in = plan_fields,
      .out = "Membership", .help = "Another plan: what costs more is charged at once and begins with the money; what costs less begins with the next period." },
    { 0 },
};
