/* wallet.c - GET /v1/wallet: credits, and what moved them. */
#include "api/internal.h"

#include "auth/auth.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "shop/order.h"

static int wallet_get(struct http_req *req, struct http_res *res, struct err *e) {
    const char *const no_names[] = { NULL };
    struct ledger_balance balance;
    int r = api_query_only(req, no_names, e);
    if (r < 0)
        return r;
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    if ((r = ledger_balance(rd, req->account, &balance, e)) < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 16 * 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "available", balance.available);
    jw_kint(&w, "held", balance.held);
    jw_key(&w, "lots");
    jw_arr(&w);
    if ((r = ledger_lots(rd, req->account, &w, e)) < 0)
        return r;
    jw_end_arr(&w);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

static int entries_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct api_page page;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    int r = api_page(req, "entry", &page, e);
    if (r < 0 || (r = ledger_list(db_reader(api_app(req)->db), req->account, page.before_id, page.limit, shop_refund_order, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

int api__welcome(struct db_tx *tx, int64_t account, int64_t credits, struct err *e) {
    return ledger_grant(tx, &(struct ledger_grant){ .account = account, .credits = credits, .source = LEDGER_GIFT, .cause = "welcome", .cause_id = account }, e);
}

const struct route api_wallet_routes[] = {
    { "GET", "/v1/wallet", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, wallet_get, .out = "Wallet", .help = "Credits that are free to spend, and those held for running tasks." },
    { "GET", "/v1/wallet/entries", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, entries_get, .out = "EntryList", .help = "What moved the credits, newest first." },
    { 0 },
};
