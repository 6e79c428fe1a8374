/* plans.c - GET /v1/plans: what is sold, and how it can be paid; GET /v1/me/may: what one may do now. */
#include "api/shop.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "db/db.h"

/* ---- shared with quotes, tasks and sessions ---- */

struct shop_house api__house(const struct app *app) {
    return (struct shop_house){ .cfg = app->cfg, .studio = app->studio, .pay = app->pay, .product = studio_product(app->studio, STR_NULL) };
}

void api__who(const struct http_req *req, struct shop_who *ret) {
    uint8_t key[CRYPTO_KEY];
    auth_derive(api_app(req)->auth, AUTH_FOR_FREE, key);
    shop_who(key, req->account, http_req_cookie(req, SHOP_DEVICE_COOKIE), req->peer.ip, ret);
    crypto_wipe(key, sizeof key);
}

void api__device(const struct http_req *req, struct http_res *res) {
    struct shop_house house = api__house(api_app(req));
    char device[SHOP_DEVICE_MAX];
    if (!shop_sells(house.pay, house.product) || shop_device_known(http_req_cookie(req, SHOP_DEVICE_COOKIE)))
        return;
    shop_device_new(device);
    http_res_cookie(res, SHOP_DEVICE_COOKIE, device, SHOP_DEVICE_S, /* http_only= */ true);
}

/* ---- GET /v1/plans ---- */

static void render_may(struct jw *w, const struct studio_may *m) {
    jw_key(w, "may");
    jw_obj(w);
    jw_kint(w, "candidates", m->candidates);
    jw_kint(w, "per_day", m->per_day);
    jw_kint(w, "weight", m->weight);
    jw_kint(w, "quality_px", m->quality_px);
    jw_kbool(w, "watermark", m->watermark);
    jw_kbool(w, "motion", m->motion);
    jw_kbool(w, "ads", m->ads);
    jw_kbool(w, "enhanced", m->enhanced);
    jw_end_obj(w);
}

static void render_plan(struct jw *w, const struct studio_plan *p) {
    jw_obj(w);
    jw_kstr(w, "plan", p->name);
    jw_kz(w, "kind", studio_plan_kind_name(p->kind));
    api__text(w, "title", &p->title);
    api__text(w, "lead", &p->lead);
    jw_key(w, "price");
    jw_obj(w);
    for (size_t c = 0; c < LEDGER_CURRENCY_COUNT; c++)
        if (p->price[c])
            jw_kint(w, ledger_currency_name((enum ledger_currency)c), p->price[c]);
    jw_end_obj(w);
    jw_kint(w, "credits", p->credits);
    jw_kint(w, "valid_ms", p->valid_ms);
    render_may(w, &p->may);
    jw_end_obj(w);
}

static void render_way(struct jw *w, const struct pay_provider_info *p) {
    jw_obj(w);
    jw_kz(w, "provider", p->name);
    jw_kbool(w, "test", p->can & PAY_IS_TEST);
    jw_key(w, "currencies");
    jw_arr(w);
    for (size_t c = 0; c < LEDGER_CURRENCY_COUNT; c++) {
        struct str name = str_z(ledger_currency_name((enum ledger_currency)c));
        if (!p->currencies || str_eqz(name, p->currencies))
            jw_str(w, name);
    }
    jw_end_arr(w);
    jw_key(w, "scenes");
    jw_arr(w);
    for (size_t i = 0; i < PAY_SCENE_COUNT; i++)
        if (p->scenes & (1u << i))
            jw_str(w, str_z(pay_scene_names[i]));
    jw_end_arr(w);
    jw_kbool(w, "members", p->can & PAY_CAN_MEMBER);
    jw_end_obj(w);
}

void api__plans_render(const struct app *app, struct buf *out) {
    struct shop_house house = api__house(app);
    struct pay_provider_info provider;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kbool(&w, "selling", shop_sells(house.pay, house.product));
    jw_kstr(&w, "product", house.product->name);
    jw_key(&w, "plans");
    jw_arr(&w);
    for (size_t i = 0; i < house.product->n_plans; i++)
        render_plan(&w, &house.product->plans[i]);
    jw_end_arr(&w);
    jw_kint(&w, "unlike_ms", config_int(app->cfg, "shop.unlike_for"));
    jw_key(&w, "ways");
    jw_arr(&w);
    for (size_t i = 0; pay_provider(house.pay, i, &provider); i++)
        render_way(&w, &provider);
    jw_end_arr(&w);
    jw_end_obj(&w);
}

static int plans_get(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_cached(res, api_app(req)->api->plans);
}

/* ---- GET /v1/me/may ---- */

static void render_mine(struct jw *w, const struct shop_may *can, const struct shop_day *day) {
    jw_obj(w);
    jw_kbool(w, "selling", can->sells);
    if (can->plan)
        jw_kstr(w, "plan", can->plan->name);
    else
        jw_kz(w, "plan", NULL);
    jw_key(w, "until_ms");
    if (can->until_ms)
        jw_int(w, can->until_ms);
    else
        jw_null(w);
    render_may(w, &can->may);
    jw_key(w, "free");
    jw_obj(w);
    jw_kint(w, "per_day", day->per_day);
    jw_key(w, "left");
    if (day->per_day)
        jw_int(w, day->left);
    else
        jw_null(w);
    jw_kint(w, "again_ms", day->again_ms);
    jw_end_obj(w);
    jw_end_obj(w);
}

static int may_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    struct shop_house house = api__house(app);
    int64_t now_ms = clock_ms();
    struct shop_who who;
    struct shop_may can;
    struct shop_day day;
    api__who(req, &who);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = shop_may(rd, &house, req->account, now_ms, &can, e);
    if (r < 0 || (r = shop_free_left(rd, app->cfg, can.sells ? house.product->plans[0].may.per_day : 0, &who, now_ms, &day, e)) < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    struct jw w;
    jw_init(&w, &b);
    render_mine(&w, &can, &day);
    return api_json(res, 200, &b, e);
}

const struct route api_plans_routes[] = {
    { "GET", "/v1/plans", ROUTE_INLINE, TRAFFIC_READ, ROUTE_PURE, 0, plans_get, .out = "PlanList", .help = "What is sold, what each plan allows, and the ways to pay." },
    { "GET", "/v1/me/may", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, may_get, .out = "May", .help = "What one may do now, and whether today's free picture is left." },
    { 0 },
};
