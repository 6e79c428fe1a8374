/* me.c - GET /v1/me: who is asking. */
#include "api/internal.h"

#include "auth/auth.h"

static int me_get(struct http_req *req, struct http_res *res, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kid(&w, "account", "acct", req->account);
    jw_kid(&w, "session", "sess", req->session);
    jw_kbool(&w, "operator", req->rights & AUTH_OPERATOR);
    jw_kz(&w, "lang", req->lang);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

const struct route api_me_routes[] = {
    { "GET", "/v1/me", ROUTE_INLINE, 0, AUTH_ACCOUNT, me_get, .out = "Me", .help = "Who is asking." },
    { 0 },
};
