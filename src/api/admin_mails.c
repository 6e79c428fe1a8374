/* admin_mails.c - GET /v1/admin/mails: what was written to whom. Without an SMTP server this is where links are found. */
#include "api/internal.h"

#include "auth/auth.h"
#include "db/db.h"
#include "mail/mail.h"

static int mails_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct api_page page;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    int r = api_page(req, "mail", &page, e);
    if (r < 0 || (r = mail_list(db_reader(api_app(req)->db), page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

static int mail_one_get(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t id;
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    int r = api_param_id(req, 0, "mail", &id, e);
    if (r < 0 || (r = mail_get(db_reader(api_app(req)->db), id, &b, e)) < 0)
        return r;
    return r ? api_json(res, 200, &b, e) : err_set(e, ERR_NOT_FOUND, "no such mail");
}

const struct route api_admin_mails_routes[] = {
    { "GET", "/v1/admin/mails", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, mails_get, .out = "MailList", .help = "Mails, newest first." },
    { "GET", "/v1/admin/mails/{id}", ROUTE_INLINE, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, mail_one_get, .out = "Mail", .help = "One mail, with its text." },
    { 0 },
};
