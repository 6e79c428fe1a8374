/* pages.c - the page, built into the program: / and /t/{task} are the same document, /static/… its parts. */
#include "api/internal.h"

#include "base/embed.h"
#include "base/id.h"

extern const struct embed_dir api_web_plain;

/* Nothing from elsewhere, nothing inline; pictures of one's own may be shown before they are sent (blob:). */
#define CSP "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; " \
            "form-action 'none'; frame-ancestors 'none'"

static int send_file(struct http_res *res, struct str name, struct err *e) {
    const struct embed_file *f = embed_find(&api_web_plain, name);
    if (!f)
        return err_set(e, ERR_NOT_FOUND, "no such file");
    http_res_header(res, "Content-Security-Policy", "%s", CSP);
    /* always asked again, mostly answered by 304: a new release must not meet parts of an old one */
    return http_res_static(res, f->mime, f->bytes, f->sha256, "no-cache");
}

static int page_get(struct http_req *req, struct http_res *res, struct err *e) { return send_file(res, STR("index.html"), e); }

/* A task's address shows the page, whoever's it is: the page asks with the visitor's session. What is no id is nobody's, and says so. */
static int task_page_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct embed_file *f = embed_find(&api_web_plain, STR("index.html"));
    int64_t id;
    if (!f || id_parse(req->params[0], "task", &id) >= 0)
        return page_get(req, res, e);
    http_res_header(res, "Content-Security-Policy", "%s", CSP);
    http_res_header(res, "Cache-Control", "no-cache");
    return http_res_body(res, 404, f->mime, f->bytes, /* borrowed= */ true);
}

static int part_get(struct http_req *req, struct http_res *res, struct err *e) { return send_file(res, req->params[0], e); }

const struct route api_pages_routes[] = {
    { "GET", "/", ROUTE_INLINE, ROUTE_PAGE, 0, page_get, .help = "The page." },
    { "GET", "/t/{task}", ROUTE_INLINE, ROUTE_PAGE, 0, task_page_get, .help = "The page, showing one task." },
    { "GET", "/static/{file}", ROUTE_INLINE, ROUTE_PAGE, 0, part_get, .help = "Its parts." },
    { 0 },
};
