/* admin_orders.c - /v1/admin/orders, /v1/admin/refunds: the operator's side of real money. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "shop/invoice.h"
#include "shop/order.h"

static int list_orders(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "account", "state", "trouble", NULL };
    struct app *app = api_app(req);
    struct api_page page;
    int64_t account = 0;
    int r = api_page_with(req, "order", names, &page, e);
    if (r < 0)
        return r;
    struct str of = http_req_query(req, "account"), state = http_req_query(req, "state"), trouble = http_req_query(req, "trouble");
    if (of.n && id_parse(of, "acct", &account) < 0)
        return err_set(e, ERR_BAD_INPUT, "account: acct_…");
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    struct shop_search q = { .state = state.n ? state : STR(""), .account = account, .before_id = page.before_id, .troubled = trouble.n > 0, .limit = page.limit };
    if ((r = shop_order_search(rd, app->shop, &q, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

static int list_refunds(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "state", NULL };
    struct api_page page;
    int r = api_page_with(req, "refund", names, &page, e);
    if (r < 0)
        return r;
    struct str state = http_req_query(req, "state");
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    if ((r = shop_refund_list(rd, state.n ? state : STR("asked"), page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

static int answer_order(struct http_req *req, struct http_res *res, struct err *e) {
    return api__answer_one(req, res, 200, req->object_id, /* account= */ 0, shop_order_render, e);
}

static int one_order(struct http_req *req, struct http_res *res, struct err *e) {
    int r = api_param_id(req, 0, "order", &req->object_id, e);
    return r < 0 ? r : answer_order(req, res, e);
}

static int list_invoices(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "state", NULL };
    struct api_page page;
    int r = api_page_with(req, "order", names, &page, e);
    if (r < 0)
        return r;
    struct str state = http_req_query(req, "state");
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    if ((r = shop_invoice_list(db_reader(api_app(req)->db), state.n ? state : STR("asked"), page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

/* ---- decisions ---- */

struct decide_job { int64_t id, money, credits; struct str reason; };
#define AT(member) offsetof(struct decide_job, member)
static const struct json_field refund_fields[] = {
    { "money_minor", JSON_F_INT, false, 1, PAY_MINOR_MAX, AT(money), .help = "In fen or cents; left out: all that is left." },
    { "credits", JSON_F_INT, false, 0, INT64_C(1) << 40, AT(credits), .help = "How many of the credits it bought go back with it; left out: with all the money all that are there, else none." },
    { "reason", JSON_F_STR, true, 1, 400, AT(reason), .help = "The owner reads it." }, { 0 },
};
static const struct json_field refuse_fields[] = { { "reason", JSON_F_STR, true, 1, 400, AT(reason), .help = "The owner reads it." }, { 0 } };

static int refund_parse(struct http_req *req, struct err *e) {
    struct decide_job *job = ARENA_NEW(req->arena, struct decide_job);
    job->credits = -1;
    req->job = job;
    int r = api_param_id(req, 0, "order", &job->id, e);
    return r < 0 ? r : api_body(req, refund_fields, job, e);
}

static int refund_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct decide_job *job = req->job;
    req->object_id = job->id;
    struct shop_refund_new f = { .id = id_new(), .order = job->id, .by = req->account, .money = job->money, .credits = job->credits, .cause = SHOP_CAUSE_OPERATOR,
                                 .reason = job->reason };
    return shop_refund_make(tx, api_app(req)->shop, &f, e);
}

static int refuse_parse(struct http_req *req, struct err *e) {
    struct decide_job *job = ARENA_NEW(req->arena, struct decide_job);
    req->job = job;
    int r = api_param_id(req, 0, "refund", &job->id, e);
    return r < 0 ? r : api_body(req, refuse_fields, job, e);
}

static int refuse_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct decide_job *job = req->job;
    int r = shop_refund_order(tx, job->id, &req->object_id, e);
    return r < 0 ? r : shop_refund_refuse(tx, job->id, req->account, job->reason, e);
}

struct settled_job { struct shop_settled s; struct str note; int64_t money, seen_ms; };
static const struct json_field settled_fields[] = {
    { "note", JSON_F_STR, true, 1, 400, offsetof(struct settled_job, note), .help = "What was done; operators read it." },
    { "money_minor", JSON_F_INT, false, 0, PAY_MINOR_MAX, offsetof(struct settled_job, money), .help = "So much of it went back outside of this server, and is not booked yet; left out: nothing." },
    { "seen_ms", JSON_F_INT, true, 0, INT64_MAX, offsetof(struct settled_job, seen_ms), .help = "since_ms of the newest trouble that was looked at: one that came later is not settled, 409." },
    { 0 },
};
static int settled_parse(struct http_req *req, struct err *e) {
    struct settled_job *job = ARENA_NEW(req->arena, struct settled_job);
    req->job = job;
    int r = api_param_id(req, 0, "order", &job->s.order, e);
    if (r < 0 || (r = api_body(req, settled_fields, job, e)) < 0)
        return r;
    job->s = (struct shop_settled){ .order = job->s.order, .by = req->account, .money = job->money, .seen_ms = job->seen_ms, .note = job->note };
    return 0;
}
static int settled_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct settled_job *job = req->job;
    req->object_id = job->s.order;
    return shop_order_settled(tx, api_app(req)->shop, &job->s, e);
}

struct invoice_job { int64_t order; struct str note; bool sent; };
static const struct json_field invoice_fields[] = {
    { "sent", JSON_F_BOOL, true, 0, 0, offsetof(struct invoice_job, sent), .help = "false: it will not be." },
    { "note", JSON_F_STR, true, 1, 400, offsetof(struct invoice_job, note), .help = "Its number, or why not; the owner reads it." },
    { 0 },
};
static int invoice_parse(struct http_req *req, struct err *e) {
    struct invoice_job *job = ARENA_NEW(req->arena, struct invoice_job);
    req->job = job;
    int r = api_param_id(req, 0, "order", &job->order, e);
    return r < 0 ? r : api_body(req, invoice_fields, job, e);
}
static int invoice_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct invoice_job *job = req->job;
    req->object_id = job->order;
    return shop_invoice_end(tx, job->order, job->sent, job->note, e);
}

const struct route api_admin_orders_routes[] = {
    { "GET", "/v1/admin/orders", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_orders, .out = "AdminOrderList",
      .help = "Orders, newest first; account, state, trouble=1: those that a person must look at." },
    { "GET", "/v1/admin/orders/{id}", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, one_order, .out = "AdminOrder", .help = "One order, whoever's it is." },
    { "GET", "/v1/admin/refunds", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_refunds, .out = "RefundList", .help = "Refunds of one state, newest first; left out: those that are asked for." },
    { "POST", "/v1/admin/orders/{id}/refund", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, answer_order, refund_parse, refund_write, .body_max = API_BODY_MAX,
      .in = refund_fields, .out = "AdminOrder", .help = "Give money back, and take credits with it." },
    { "POST", "/v1/admin/refunds/{id}/refuse", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, answer_order, refuse_parse, refuse_write, .body_max = API_BODY_MAX,
      .in = refuse_fields, .out = "AdminOrder", .help = "Do not give back what was asked for, and say why." },
    { "POST", "/v1/admin/orders/{id}/settled", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, answer_order, settled_parse, settled_write, .body_max = API_BODY_MAX,
      .in = settled_fields, .out = "AdminOrder", .help = "What was wrong with it was settled by hand; 409 when nothing was." },
    { "GET", "/v1/admin/invoices", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_invoices, .out = "InvoiceList", .help = "Invoices of one state, newest order first; left out: those that are waited for." },
    { "POST", "/v1/admin/orders/{id}/invoice", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, answer_order, invoice_parse, invoice_write, .body_max = API_BODY_MAX,
      .in = invoice_fields, .out = "AdminOrder", .help = "The invoice was sent, or will not be." },
    { 0 },
};
