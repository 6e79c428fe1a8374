/* admin_margin.c - GET /v1/admin/margin: what is left of what was sold. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "db/db.h"
#include "shop/margin.h"

#define DAY_MS INT64_C(86400000)

static int margin_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "days", NULL };
    struct app *app = api_app(req);
    int64_t days = 30, now = clock_ms();
    int r = api_query_only(req, names, e);
    if (r < 0)
        return r;
    struct str text = http_req_query(req, "days");
    if (text.p && str_int(text, 1, 366, &days) < 0)
        return err_set(e, ERR_BAD_INPUT, "days: 1 to 366");
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 64 * 1024);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "from_ms", now - days * DAY_MS);
    jw_kint(&w, "to_ms", now);
    jw_key(&w, "items");
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    if ((r = shop_margin(rd, app->cfg, now - days * DAY_MS, now + 1000, &w, e)) < 0)
        return r;
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

const struct route api_admin_margin_routes[] = {
    { "GET", "/v1/admin/margin", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, margin_get, .out = "Margin",
      .help = "By product, of the last `days`: sold, what it cost, and what is left; in minor units, and in millionths of a USD." },
    { 0 },
};
