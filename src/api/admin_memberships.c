/* admin_memberships.c - /v1/admin/memberships: the operator's side of what renews itself. */
#include "api/session.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "shop/member.h"

static int list_members(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "account", "state", NULL };
    struct app *app = api_app(req);
    struct api_page page;
    int64_t account = 0;
    int r = api_page_with(req, "member", names, &page, e);
    if (r < 0)
        return r;
    struct str of = http_req_query(req, "account"), state = http_req_query(req, "state");
    if (of.n && id_parse(of, "acct", &account) < 0)
        return err_set(e, ERR_BAD_INPUT, "account: acct_…");
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    struct shop_member_find q = { .state = state.n ? state : STR(""), .account = account, .before_id = page.before_id, .limit = page.limit };
    if ((r = shop_member_search(rd, app->shop, &q, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

static int list_orders(struct http_req *req, struct http_res *res, struct err *e) { return api__member_orders(req, res, /* account= */ 0, e); }

static int answer_member(struct http_req *req, struct http_res *res, struct err *e) {
    return api__answer_one(req, res, 200, req->object_id, /* account= */ 0, shop_member_render, e);
}

static int one_member(struct http_req *req, struct http_res *res, struct err *e) {
    int r = api_param_id(req, 0, "member", &req->object_id, e);
    return r < 0 ? r : answer_member(req, res, e);
}

static int end_parse(struct http_req *req, struct err *e) {
    char nothing;
    struct shop_wish *w = ARENA_NEW(req->arena, struct shop_wish);
    w->what = PAY_CHANGE_END_NOW;
    w->by = req->account;
    req->job = w;
    int r = api_param_id(req, 0, "member", &w->member, e);
    return r < 0 ? r : api_body(req, api__no_fields, &nothing, e);
}

static int end_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct shop_wish *w = req->job;
    w->id = id_new();
    req->object_id = w->member;
    return shop_member_wish(tx, api_app(req)->shop, w, e);
}

const struct route api_admin_memberships_routes[] = {
    { "GET", "/v1/admin/memberships", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_members, .out = "AdminMembershipList", .help = "Memberships, newest first; account, state." },
    { "GET", "/v1/admin/memberships/{id}", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, one_member, .out = "AdminMembership", .help = "One membership, whoever's it is." },
    { "GET", "/v1/admin/memberships/{id}/orders", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_orders, .out = "AdminOrderList", .help = "What was paid for it, newest first." },
    { "POST", "/v1/admin/memberships/{id}/end_now", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, answer_member, end_parse, end_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .out = "AdminMembership", .help = "End it at the provider now; what is paid can be used until its end. Money goes back by its orders' refunds." },
    { 0 },
};
