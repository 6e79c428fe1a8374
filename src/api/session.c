/* session.c - how a session is handed to its owner. */
#include "api/session.h"

#include "api/shop.h"
#include "base/clock.h"
#include "cache/cache.h"
#include "studio/studio.h"

enum { HOUR_MS = 3600 * 1000 };

const struct json_field api__no_fields[] = { { 0 } };
const char *const api__langs[] = { "en", "zh", NULL };

/* The Session. token, refresh NULL: nothing new. */
static int session_json(struct http_res *res, int status, const struct auth_session *s, const char *kind, const char *token, int64_t expires_ms,
                        const char *refresh, bool moving, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "kind", kind ? kind : auth_kind_name(s->kind));
    jw_kid(&w, "account", "acct", s->account);
    jw_kid(&w, "session", "sess", s->session);
    jw_kz(&w, "account_kind", auth_kind_name(s->kind));
    jw_kz(&w, "token", token);
    jw_kint(&w, "expires_ms", expires_ms);
    jw_kz(&w, "refresh", refresh);
    jw_kint(&w, "session_expires_ms", s->expires_ms);
    jw_kbool(&w, "moving", moving);
    jw_end_obj(&w);
    return api_json(res, status, &b, e);
}

int api__session_answer(struct http_req *req, struct http_res *res, int status, const struct auth_session *s, const char *kind, bool moving, struct err *e) {
    struct app *app = api_app(req);
    char access[AUTH_ACCESS_MAX];
    int64_t expires_ms = 0, now_ms = clock_ms();
    int r = auth_access_new(app->auth, s->account, s->session, s->kind, s->expires_ms, access, &expires_ms, e);
    if (r < 0)
        return r;
    bool page = http_req_header(req, "sec-fetch-site").p != NULL;
    http_res_cookie(res, AUTH_ACCESS_COOKIE, access, (expires_ms - now_ms) / 1000, /* http_only= */ true);
    http_res_cookie(res, AUTH_REFRESH_COOKIE, s->refresh, (s->expires_ms - now_ms) / 1000, /* http_only= */ true);
    api__device(req, res);
    return session_json(res, status, s, kind, page ? NULL : access, expires_ms, page ? NULL : s->refresh, moving, e);
}

int api__session_goes_on(struct http_req *req, struct http_res *res, const struct auth_session *s, struct err *e) {
    api__device(req, res);
    return session_json(res, 200, s, NULL, NULL, auth_access_ends(req), NULL, /* moving= */ false, e);
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

void api__base_url(const struct app *app, char out[512]) {
    struct str url = str_z(config_str(app->cfg, "public_url"));
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    if (url.n)
        snprintf(out, 512, "%.*s", STR_ARG(url));
    else
        snprintf(out, 512, "http://127.0.0.1:%d", http_server_port(app->server));
}

struct str api__peer(const struct http_req *req, char out[33]) {
    hex_encode(req->peer.ip, auth_peer_is_v4(&req->peer) ? 16 : 8, out);
    return str_z(out);
}

/* n: what is told. */
static int take(struct http_req *req, const char *what, struct str who, int64_t n, const struct cache_rate *rate, struct err *e) {
    char key[CACHE_KEY_MAX];
    int64_t wait_ms = 0;
    snprintf(key, sizeof key, "%s:%.*s", what, STR_ARG(who));
    int r = cache_take(api_app(req)->cache, str_z(key), rate, 1, &wait_ms, e);
    if (r != 0)
        return r < 0 ? r : 0;
    req->retry_s = (wait_ms + 999) / 1000;
    return err_set(e, ERR_RATE, "at most %lld in an hour; again in %lld seconds", (long long)n, (long long)req->retry_s);
}

int api__rate(struct http_req *req, const char *what, struct str who, int64_t n, struct err *e) {
    return take(req, what, who, n, &(struct cache_rate){ .per_period = n, .period_ms = HOUR_MS, .burst = (n + 2) / 3 }, e);
}

int api__rate_eager(struct http_req *req, const char *what, struct str who, int64_t n, struct err *e) {
    int64_t third = (n + 2) / 3, burst = (2 * n + 2) / 3;
    return take(req, what, who, n, &(struct cache_rate){ .per_period = n - (burst - third), .period_ms = HOUR_MS, .burst = burst }, e);
}

int64_t api__welcome_credits(const struct app *app) {
    int64_t set = config_int(app->cfg, "product.guest_credits");
    struct shop_house house = api__house(app);
    return set >= 0 ? set : shop_sells(house.pay, house.product) ? 0 : house.product->guest_credits;
}
