/*
 * sessions.c - /v1/sessions: become a guest, refresh, the list of devices, sign out. Signing in with a password is in sign_in.c.
 *
 * POST /v1/sessions is what a page calls when it opens, whoever sits before it: a refresh cookie that is good is used; with an access token
 * alone the session lasts longer, but that token makes no other, or a stolen one would never end; with neither there is a new guest. Only a
 * guest is replaced by a new one without a word: an old cookie that comes back, or one of a person, is answered as a refresh would be.
 */
#include "api/session.h"

#include "base/clock.h"
#include "base/id.h"
#include "db/db.h"
#include "mail/mail.h"

enum way { WAY_GUEST, WAY_RENEW, WAY_REFRESH };
struct session_job {
    enum way          way;
    int64_t           now_ms, credits;
    struct str        token;             /* WAY_REFRESH: the one that was shown */
    struct auth_device on;
    struct auth_session s;
    struct auth_ended ended;
    enum auth_refresh outcome;
};

static struct session_job *new_job(struct http_req *req) {
    struct session_job *job = ARENA_NEW(req->arena, struct session_job);
    job->now_ms = clock_ms();
    job->ended.a = api_app(req)->auth;
    req->job = job;
    return job;
}

static int refresh_job(struct http_req *req, struct session_job *job, struct str token) {
    struct auth *a = api_app(req)->auth;
    job->way = WAY_REFRESH;
    job->token = token;
    auth_refresh_next(a, token, job->s.refresh);
    return 0;
}

/* ---- POST /v1/sessions ---- */

static enum auth_kind kind_of(const struct http_req *req) {
    return req->rights & AUTH_OPERATOR ? AUTH_KIND_OPERATOR : req->rights & AUTH_PERSON ? AUTH_KIND_PERSON : AUTH_KIND_GUEST;
}

static int session_parse(struct http_req *req, struct err *e) {
    char nothing;
    int r = api_body(req, api__no_fields, &nothing, e);
    if (r < 0)
        return r;
    struct session_job *job = new_job(req);
    struct str refresh = http_req_header(req, "authorization").p ? STR_NULL : http_req_cookie(req, AUTH_REFRESH_COOKIE);
    enum auth_refresh worth;
    enum auth_kind kind;
    r = refresh.p ? auth_session_judge(db_reader(api_app(req)->db), api_app(req)->auth, refresh, job->now_ms, &worth, &kind, e) : 0;
    if (r < 0)
        return r;
    if (r == 1 && (worth != AUTH_REFRESH_OVER || (kind != AUTH_KIND_GUEST && !req->account)))
        return refresh_job(req, job, refresh);
    if (req->account) {
        job->way = WAY_RENEW;
        job->s = (struct auth_session){ .account = req->account, .session = req->session, .kind = kind_of(req) };
        return 0;
    }
    if ((r = api__rate_per_hour(req, "guest", "api.guests_per_hour", e)) < 0)
        return r;
    job->way = WAY_GUEST;
    job->s = (struct auth_session){ .account = id_new(), .session = id_new(), .kind = AUTH_KIND_GUEST };
    auth_refresh_new(api_app(req)->auth, job->s.session, job->s.refresh);
    job->credits = api__welcome_credits(api_app(req));
    auth_device_of(req, &job->on);
    return 0;
}

/* In the transaction that ends the session. */
static int tell_theft(struct db_tx *tx, struct mail *m, int64_t account, int64_t now_ms, struct err *e) {
    char email[MAIL_ADDRESS_MAX], lang[9];
    int r = auth_email_of(tx, account, email, lang, e);
    return r == 1 ? mail_add(m, tx, &(struct mail_new){ .kind = MAIL_STOLEN, .to = email, .lang = lang }, now_ms, e) : r;
}

static int session_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct session_job *job = req->job;
    struct auth_session *s = &job->s;
    int r;
    switch (job->way) {
    case WAY_RENEW:
        r = auth_session_renew(tx, s->session, s->kind, job->now_ms, &s->expires_ms, e);
        if (r == 0)
            s->expires_ms = 0;           /* a program's token, which has no end */
        return r;
    case WAY_REFRESH:
        r = auth_session_refresh(tx, job->ended.a, job->token, s, job->now_ms, &job->ended, &job->outcome, e);
        return r >= 0 && job->outcome == AUTH_REFRESH_REUSED ? tell_theft(tx, api_app(req)->mail, s->account, job->now_ms, e) : r;
    default:
        if ((r = auth_guest_new(tx, s->account, job->now_ms, e)) < 0 || (r = auth_session_add(tx, s, &job->on, job->now_ms, &job->ended, e)) < 0)
            return r;
        return api__welcome(tx, s->account, job->credits, e);
    }
}

static int refresh_answer(struct http_req *req, struct http_res *res, struct err *e) {
    struct session_job *job = req->job;
    auth_count_refresh(api_app(req)->auth, job->outcome);
    switch (job->outcome) {
    case AUTH_REFRESH_RECENT:
    case AUTH_REFRESH_GOOD:
        return api__session_answer(req, res, 200, &job->s, NULL, /* moving= */ false, e);
    case AUTH_REFRESH_REUSED:
        return api__session_refuse(req, res, ERR_SESSION_REUSED, "this refresh token was used before");
    default:
        return api__session_refuse(req, res, ERR_SESSION_OVER, "this refresh token is of no session that lives");
    }
}

static int session_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct session_job *job = req->job;
    if (job->way == WAY_REFRESH)
        return refresh_answer(req, res, e);
    if (job->way == WAY_RENEW)
        return api__session_goes_on(req, res, &job->s, e);
    return api__session_answer(req, res, 201, &job->s, NULL, /* moving= */ false, e);
}

/* ---- POST /v1/sessions/refresh ---- */

struct refresh_body { struct str refresh; };
static const struct json_field refresh_fields[] = {
    { "refresh", JSON_F_STR, false, 1, 128, offsetof(struct refresh_body, refresh), .help = "The refresh token; left out: the cookie's." },
    { 0 },
};

static int refresh_parse(struct http_req *req, struct err *e) {
    struct refresh_body body = { 0 };
    int r = api_body(req, refresh_fields, &body, e);
    if (r < 0)
        return r;
    return refresh_job(req, new_job(req), body.refresh.n ? body.refresh : http_req_cookie(req, AUTH_REFRESH_COOKIE));
}

/* ---- the list, and signing out ---- */

static int session_list(struct http_req *req, struct http_res *res, struct err *e) {
    BUF_CLEANUP struct buf items, b;
    buf_init(&items, API_JSON_MAX);
    buf_init(&b, API_JSON_MAX);
    int r = auth_session_list(db_reader(api_app(req)->db), req->account, req->session, clock_ms(), &items, e);
    if (r < 0)
        return r;
    buf_add_z(&b, "{\"items\":");
    buf_add_str(&b, buf_str(&items));
    buf_add_z(&b, "}");
    b.failed |= items.failed;
    return api_json(res, 200, &b, e);
}

static int end_parse(struct http_req *req, struct err *e) {
    struct session_job *job = new_job(req);
    job->s.session = req->session;
    return 0;
}

static int end_other_parse(struct http_req *req, struct err *e) {
    return api_param_id(req, 0, "sess", &new_job(req)->s.session, e);
}

static int end_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct session_job *job = req->job;
    int r = auth_session_end(tx, req->account, job->s.session, job->now_ms, &job->ended, e);
    return r != 0 ? r : err_set(e, ERR_NOT_FOUND, "no such session");
}

static int end_all_parse(struct http_req *req, struct err *e) {
    char nothing;
    new_job(req);
    return api_body(req, api__no_fields, &nothing, e);
}

static int end_all_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct session_job *job = req->job;
    return auth_session_end_all(tx, req->account, /* except= */ 0, job->now_ms, &job->ended, e);
}

static int signed_out(struct http_req *req, struct http_res *res, struct err *e) {
    const struct session_job *job = req->job;
    if (job->s.session == 0 || job->s.session == req->session)
        api__session_clear(res);
    return http_res_empty(res, 204);
}

const struct route api_sessions_routes[] = {
    { "POST", "/v1/sessions", ROUTE_WRITE, TRAFFIC_UPLOAD, 0, 0, session_post, session_parse, session_write, .body_max = API_BODY_MAX, .in = api__no_fields,
      .out = "Session", .help = "Become a guest with welcome credits; with a session: renew it. Tokens are set as cookies." },
    { "POST", "/v1/sessions/refresh", ROUTE_WRITE, TRAFFIC_SIGN_IN, 0, 0, session_post, refresh_parse, session_write, .body_max = API_BODY_MAX, .in = refresh_fields,
      .out = "Session", .help = "A new access token and a new refresh token for a refresh token, which is used up." },
    { "GET", "/v1/sessions", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, session_list, .out = "SessionList", .help = "The devices this account is signed in on." },
    { "DELETE", "/v1/sessions", ROUTE_WRITE, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, signed_out, end_parse, end_write, .help = "Sign out here." },
    { "DELETE", "/v1/sessions/{id}", ROUTE_WRITE, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, signed_out, end_other_parse, end_write, .help = "Sign out that device." },
    { "POST", "/v1/sessions/end-all", ROUTE_WRITE, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, signed_out, end_all_parse, end_all_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .help = "Sign out everywhere, here too." },
    { 0 },
};
