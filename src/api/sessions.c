/* sessions.c - POST /v1/sessions: become a guest, or renew; DELETE: sign out. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/id.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "studio/studio.h"

struct session_job {
    int64_t account, session, now_ms, credits;
    bool    fresh;
    char    token[AUTH_TOKEN_MAX];
};
static const struct json_field no_fields[] = { { 0 } };

static int session_parse(struct http_req *req, struct err *e) {
    const struct app *app = api_app(req);
    char nothing;
    int r = api_body(req, no_fields, &nothing, e);
    if (r < 0)
        return r;
    struct session_job *job = ARENA_NEW(req->arena, struct session_job);
    job->now_ms = clock_ms();
    job->fresh = req->account == 0;
    job->account = job->fresh ? id_new() : req->account;
    job->session = job->fresh ? id_new() : req->session;
    if (job->fresh) {
        if ((r = api__rate_per_hour(req, "guest", "api.guests_per_hour", e)) < 0)
            return r;
        auth_token_new(job->token);
        int64_t set = config_int(app->cfg, "product.guest_credits");
        job->credits = set >= 0 ? set : studio_product(app->studio, STR_NULL)->guest_credits;
    }
    req->job = job;
    return 0;
}

static int session_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct session_job *job = req->job;
    if (!job->fresh)
        return auth_session_renew(tx, job->session, job->now_ms, e);
    int r = auth_guest_new(tx, job->account, job->session, job->token, job->now_ms, e);
    return r < 0 ? r : ledger_grant(tx, job->account, job->credits, "welcome", job->account, e);
}

static int session_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct session_job *job = req->job;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kid(&w, "account", "acct", job->account);
    jw_kid(&w, "session", "sess", job->session);
    jw_kz(&w, "token", job->fresh ? job->token : NULL);
    jw_kint(&w, "expires_ms", job->now_ms + AUTH_SESSION_MS);
    jw_end_obj(&w);
    struct str token = job->fresh ? str_z(job->token) : auth_token_of(req);       /* renewed in the browser too */
    http_res_cookie(res, AUTH_COOKIE, arena_strz(req->arena, token), AUTH_SESSION_MS / 1000, /* http_only= */ true);
    return api_json(res, job->fresh ? 201 : 200, &b, e);
}

static int session_end(struct db_tx *tx, struct http_req *req, struct err *e) { return auth_session_end(tx, req->session, e); }

static int session_delete(struct http_req *req, struct http_res *res, struct err *e) {
    http_res_cookie(res, AUTH_COOKIE, "", /* max_age_s= */ 0, /* http_only= */ true);
    return http_res_empty(res, 204);
}

const struct route api_sessions_routes[] = {
    { "POST", "/v1/sessions", ROUTE_WRITE, 0, 0, session_post, session_parse, session_write, .body_max = API_BODY_MAX, .in = no_fields,
      .out = "Session", .help = "Become a guest with welcome credits; with a session: renew it. The token is shown once and set as a cookie." },
    { "DELETE", "/v1/sessions", ROUTE_WRITE, 0, AUTH_ACCOUNT, session_delete, NULL, session_end, .help = "End this session." },
    { 0 },
};
