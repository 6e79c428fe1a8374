/* authorise.c - who sends this request, and may they. */
#include "auth/internal.h"

#include "base/app.h"
#include "base/clock.h"
#include "db/db.h"
#include "net/server.h"

DB_SQL(session_find, "SELECT s.id, s.account_id, s.expires_ms, a.kind FROM session s JOIN account a ON a.id = s.account_id "
                     "WHERE s.token_sha = ?");

static void fill(struct http_req *req, int64_t account, int64_t session, enum auth_kind kind) {
    req->account = account;
    req->session = session;
    req->rights = AUTH_ACCOUNT | (kind == AUTH_KIND_OPERATOR ? AUTH_OPERATOR : 0) | (kind == AUTH_KIND_PERSON ? AUTH_PERSON : 0);
}

/* A program's token: 1 when it is good, and the request is filled. */
static int opaque(struct http_req *req, struct str token, struct err *e) {
    const struct app *app = req->app;
    char sha[SHA256_HEX + 1];
    auth__sha(token, sha);
    DB_ROWS rows;
    int r = db_one(db_reader(app->db), &rows, e, &session_find, DB_TEXT(sha));
    if (r <= 0)
        return r;
    int64_t expires_ms = db_int(&rows, 2);
    if (expires_ms > 0 && expires_ms <= clock_ms())
        return 0;
    enum auth_kind kind;
    if (auth__kind_of(db_str(&rows, 3), &kind) < 0)
        return err_set(e, ERR_DB, "an account of no known kind");
    fill(req, db_int(&rows, 1), db_int(&rows, 0), kind);
    return 1;
}

/* Fills the request when the token is good: 1; 0 when it is not. */
static int sign_in(struct http_req *req, struct str token, bool is_cookie, struct err *e) {
    const struct app *app = req->app;
    struct auth__claims c;
    if (token.n == AUTH_TOKEN_MAX - 1)
        return is_cookie ? 0 : opaque(req, token, e);
    int r = auth__access_check(app->auth, token, clock_ms(), &c, e);
    if (r == 1)
        fill(req, c.account, c.session, c.kind);
    return r;
}

static bool is_unsafe(struct str method) {
    return !str_eqz(method, "GET") && !str_eqz(method, "HEAD") && !str_eqz(method, "OPTIONS");
}

bool auth_same_origin(struct str sec_fetch_site, struct str origin, struct str host, bool unknown) {
    if (sec_fetch_site.p)
        return str_eqz(sec_fetch_site, "same-origin");
    if (!origin.p)
        return unknown;
    /* The scheme is not compared: behind a proxy that ends TLS we see http where the browser sees https. */
    struct str schemes[] = { STR("https://"), STR("http://") };
    for (size_t i = 0; i < COUNT(schemes); i++)
        if (str_starts(origin, schemes[i]))
            return str_ieq((struct str){ origin.p + schemes[i].n, origin.n - schemes[i].n }, host);
    return false;
}

/* The bearer token; STR_NULL when the header says something else. */
static struct str bearer(struct str header) {
    static const struct str scheme = { "Bearer ", 7 };
    bool is = header.n > scheme.n && str_ieq((struct str){ header.p, scheme.n }, scheme);
    return is ? (struct str){ header.p + scheme.n, header.n - scheme.n } : STR_NULL;
}

int64_t auth_access_ends(const struct http_req *req) {
    const struct app *app = req->app;
    struct str header = http_req_header(req, "authorization");
    struct auth__claims c;
    return auth__access_check(app->auth, header.p ? bearer(header) : http_req_cookie(req, AUTH_ACCESS_COOKIE), clock_ms(), &c, NULL) == 1 ? c.exp_ms : 0;
}

int auth_authorise(struct http_req *req, struct err *e) {
    struct str header = http_req_header(req, "authorization"), cookie = http_req_cookie(req, AUTH_ACCESS_COOKIE);
    struct str token = header.p ? bearer(header) : cookie;
    int r = token.p ? sign_in(req, token, /* is_cookie= */ !header.p, e) : 0;
    if (r < 0)
        return r;
    if (header.p && r == 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token in Authorization is not good (any more)");
    if (!header.p && is_unsafe(req->method) && !http_req_from_friend(req) &&
        !auth_same_origin(http_req_header(req, "sec-fetch-site"), http_req_header(req, "origin"), http_req_header(req, "host"),
                          /* unknown= */ !cookie.p && !http_req_cookie(req, AUTH_REFRESH_COOKIE).p))
        return err_set(e, ERR_FORBIDDEN, "a request with a cookie must come from a page of this site");
    unsigned need = req->route ? req->route->need : 0;
    if ((need & AUTH_ACCOUNT || need & AUTH_OPERATOR) && req->account == 0)
        return err_set(e, ERR_UNAUTHENTICATED, "no session");
    if ((need & req->rights) != need)
        return err_set(e, ERR_FORBIDDEN, need & AUTH_OPERATOR ? "only the operator may do this" : "sign in first");
    return 0;
}
