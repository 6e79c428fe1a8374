/* admin.c - /v1/admin/settings: what the operator has set; the rest is in admin_*.c. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/config.h"

static void render_value(struct jw *w, const struct config *c, const struct setting *s) {
    switch (s->type) {
    case SET_SECRET:
        jw_kz(w, "value", config_str(c, s->name)[0] ? "(set)" : "");
        break;
    case SET_STR:
        jw_kz(w, "value", config_str(c, s->name));
        break;
    case SET_BOOL:
        jw_kbool(w, "value", config_bool(c, s->name));
        break;
    default:
        jw_kint(w, "value", config_int(c, s->name));
    }
}

static int settings_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    for (const struct setting *const *table = app->settings; *table; table++) {
        for (const struct setting *s = *table; s->name; s++) {
            jw_obj(&w);
            jw_kz(&w, "name", s->name);
            render_value(&w, app->cfg, s);
            jw_kz(&w, "where", config_where(app->cfg, s->name));
            jw_kz(&w, "help", s->help);
            jw_end_obj(&w);
        }
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

const struct route api_admin_routes[] = {
    { "GET", "/v1/admin/settings", ROUTE_INLINE, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, settings_get, .out = "SettingList", .help = "Every setting, its value and where it came from; no secrets." },
    { 0 },
};
