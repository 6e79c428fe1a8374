/* authorise.c - who sends this request, and may they. */
#include "auth/auth.h"

#include "auth/token.h"
#include "base/app.h"
#include "base/clock.h"
#include "db/db.h"
#include "net/server.h"

DB_SQL(session_find, "SELECT s.id, s.account_id, s.expires_ms, a.kind FROM session s JOIN account a ON a.id = s.account_id "
                     "WHERE s.token_sha = ?");

/* Fills the request when the token is good: 1; 0 when it is not. */
static int sign_in(struct http_req *req, struct str token, struct err *e) {
    const struct app *app = req->app;
    if (token.n != AUTH_TOKEN_MAX - 1)
        return 0;
    char sha[SHA256_HEX + 1];
    auth__token_sha(token, sha);
    DB_ROWS rows;
    int r = db_one(db_reader(app->db), &rows, e, &session_find, DB_TEXT(sha));
    if (r <= 0)
        return r;
    int64_t expires_ms = db_int(&rows, 2);
    if (expires_ms > 0 && expires_ms <= clock_ms())
        return 0;
    req->session = db_int(&rows, 0);
    req->account = db_int(&rows, 1);
    req->rights = AUTH_ACCOUNT | (str_eqz(db_str(&rows, 3), "operator") ? AUTH_OPERATOR : 0);
    return 1;
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

struct str auth_token_of(const struct http_req *req) {
    static const struct str scheme = { "Bearer ", 7 };
    struct str header = http_req_header(req, "authorization");
    if (!header.p)
        return http_req_cookie(req, AUTH_COOKIE);
    bool bearer = header.n > scheme.n && str_ieq((struct str){ header.p, scheme.n }, scheme);
    return bearer ? (struct str){ header.p + scheme.n, header.n - scheme.n } : STR_NULL;
}

int auth_authorise(struct http_req *req, struct err *e) {
    struct str token = auth_token_of(req);
    int r = token.p ? sign_in(req, token, e) : 0;
    if (r < 0)
        return r;
    bool has_header = http_req_header(req, "authorization").p != NULL;
    if (has_header && r == 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token in Authorization is not good (any more)");
    if (!has_header && is_unsafe(req->method) &&
        !auth_same_origin(http_req_header(req, "sec-fetch-site"), http_req_header(req, "origin"), http_req_header(req, "host"),
                          /* unknown= */ req->account == 0))
        return err_set(e, ERR_FORBIDDEN, "a request with a cookie must come from a page of this site");
    unsigned need = req->route ? req->route->need : 0;
    if ((need & AUTH_ACCOUNT || need & AUTH_OPERATOR) && req->account == 0)
        return err_set(e, ERR_UNAUTHENTICATED, "no session");
    if ((need & req->rights) != need)
        return err_set(e, ERR_FORBIDDEN, "only the operator may do this");
    return 0;
}
