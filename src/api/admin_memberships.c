/* admin_memberships.c - /v1/admin/memberships: the operator's side of what renews itself. */
#include "api/session.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "shop/member.h"

static int list_members(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "account", NULL };
    struct app *app = api_app(req);
    struct api_page page;
    int64_t account = 0;
    int r = api_page_with(req, "member", names, &page, e);
    if (r < 0)
        return r;
    struct str of = http_req_query(req, "account");
    if (of.n && id_parse(of, "acct", &account) < 0)
        return err_set(e, ERR_BAD_INPUT, "account: acct_…");
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    if ((r = shop_member_search(rd, app->shop, account, page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
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

static int end_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 16 * 1024);
    jw_init(&w, &b);
    int r = shop_member_render(db_reader(app->db), app->shop, req->object_id, 0, &w, e);
    return r < 0 ? r : r ? api_json(res, 200, &b, e) : err_set(e, ERR_NOT_FOUND, "no such membership");
}

const struct route api_admin_memberships_routes[] = {
    { "GET", "/v1/admin/memberships", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_members, .out = "AdminMembershipList", .help = "Memberships, newest first; account." },
    { "POST", "/v1/admin/memberships/{id}/end_now", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, end_post, end_parse, end_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .out = "AdminMembership", .help = "End it at the provider now; what is paid can be used until its end. Money goes back by its orders' refunds." },
    { 0 },
};
