/* admin_accounts.c - GET /v1/admin/accounts: who is here, with what they own, and what moved it. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/id.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "mail/address.h"
#include "shop/order.h"
#include "task/task.h"

#define PAGE_MAX 100

static int write_account(struct db_tx *rd, struct jw *w, const struct auth_listed *a, struct err *e) {
    struct ledger_balance b = { 0 };
    int64_t tasks = 0, bytes = 0;
    int r = ledger_balance(rd, a->id, &b, e);
    if (r < 0 || (r = task_count(rd, a->id, &tasks, e)) < 0 || (r = blob_usage_of(rd, a->id, &bytes, e)) < 0)
        return r;
    jw_obj(w);
    jw_kid(w, "id", "acct", a->id);
    jw_kz(w, "kind", a->kind);
    jw_kz(w, "email", a->email[0] ? a->email : NULL);
    jw_kint(w, "created_ms", a->created_ms);
    jw_key(w, "seen_ms");
    if (a->seen_ms)
        jw_int(w, a->seen_ms);
    else
        jw_null(w);
    jw_kint(w, "credits", b.available);
    jw_kint(w, "held", b.held);
    jw_kint(w, "tasks", tasks);
    jw_kint(w, "bytes", bytes);
    jw_end_obj(w);
    return 0;
}

static int accounts_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "q", NULL };
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    struct auth_listed found[PAGE_MAX];
    struct api_page page;
    int64_t one = 0;
    int r = api_page_with(req, "acct", names, &page, e);
    if (r < 0)
        return r;
    struct str q = http_req_query(req, "q");
    char email[MAIL_ADDRESS_MAX];
    if (q.n && id_parse(q, "acct", &one) < 0 && mail_address(q, email, NULL) >= 0 && (r = auth_account_of(rd, email, &one, e)) < 0)
        return r;
    bool nobody = q.n && one == 0;
    int n = nobody ? 0 : auth_account_list(rd, one, page.before_id, page.limit, found, e);
    if (n < 0)
        return n;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    struct jw w;
    jw_init(&w, &items);
    jw_arr(&w);
    for (int i = 0; i < n; i++)
        if ((r = write_account(rd, &w, &found[i], e)) < 0)
            return r;
    jw_end_arr(&w);
    return api_list(res, &page, &items, e);
}

static int entries_get(struct http_req *req, struct http_res *res, struct err *e) {
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    struct api_page page;
    int64_t account;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    int r = api_param_id(req, 0, "acct", &account, e);
    if (r < 0 || (r = api_page(req, "entry", &page, e)) < 0 || (r = ledger_list(rd, account, page.before_id, page.limit, shop_refund_order, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

const struct route api_admin_accounts_routes[] = {
    { "GET", "/v1/admin/accounts", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, accounts_get, .out = "AdminAccountList",
      .help = "Accounts, newest first, with credits, tasks and stored bytes; q: an account's id or e-mail address." },
    { "GET", "/v1/admin/accounts/{id}/entries", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, entries_get, .out = "EntryList",
      .help = "What moved the credits of an account, newest first." },
    { 0 },
};
