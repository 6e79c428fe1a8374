/* session.c - how a session is handed to its owner. */
#include "api/session.h"

#include "base/clock.h"
#include "studio/studio.h"

int api__session_answer(struct http_req *req, struct http_res *res, int status, const struct auth_session *s, const char *kind, struct err *e) {
    struct app *app = api_app(req);
    char access[AUTH_ACCESS_MAX];
    int64_t expires_ms = 0, now_ms = clock_ms();
    int r = auth_access_new(app->auth, s->account, s->session, s->kind, s->expires_ms, access, &expires_ms, e);
    if (r < 0)
        return r;
    bool page = http_req_header(req, "sec-fetch-site").p != NULL;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "kind", kind ? kind : auth_kind_name(s->kind));
    jw_kid(&w, "account", "acct", s->account);
    jw_kid(&w, "session", "sess", s->session);
    jw_kz(&w, "account_kind", auth_kind_name(s->kind));
    jw_kz(&w, "token", page ? NULL : access);
    jw_kint(&w, "expires_ms", expires_ms);
    jw_kz(&w, "refresh", page || !s->refresh[0] ? NULL : s->refresh);
    jw_kint(&w, "session_expires_ms", s->expires_ms);
    jw_end_obj(&w);
    http_res_cookie(res, AUTH_ACCESS_COOKIE, access, (expires_ms - now_ms) / 1000, /* http_only= */ true);
    if (s->refresh[0])
        http_res_cookie(res, AUTH_REFRESH_COOKIE, s->refresh, (s->expires_ms - now_ms) / 1000, /* http_only= */ true);
    return api_json(res, status, &b, e);
}

void api__session_clear(struct http_res *res) {
    http_res_cookie(res, AUTH_ACCESS_COOKIE, "", /* max_age_s= */ 0, /* http_only= */ true);
    http_res_cookie(res, AUTH_REFRESH_COOKIE, "", /* max_age_s= */ 0, /* http_only= */ true);
}

int api__session_refuse(struct http_req *req, struct http_res *res, int code, const char *why) {
    struct err e = { 0 };
    err_set(&e, code, "%s", why);
    api__session_clear(res);
    return http_res_problem(req, res, &e);
}

int64_t api__welcome_credits(const struct app *app) {
    int64_t set = config_int(app->cfg, "product.guest_credits");
    return set >= 0 ? set : studio_product(app->studio, STR_NULL)->guest_credits;
}
