/* problem.c - errors as RFC 9457 problem+json: what happened, what to do next, in English and Chinese. */
#include "net/internal.h"

#include "base/id.h"
#include "base/json.h"

#define RETRY_AFTER_S 2
#define PROBLEM_MAX   (256 * 1024)

static void words(struct jw *w, const char *lang, const char *title, const char *next) {
    jw_key(w, lang);
    jw_obj(w);
    jw_kz(w, "title", title);
    jw_kz(w, "next", next);
    jw_end_obj(w);
}

void problem_json(struct buf *b, const struct err *e, const char *lang, int64_t req_id, struct str issues_json) {
    const struct reason *r = err_reason(e->code);
    bool zh = str_eqz(str_z(lang), "zh");
    char id[ID_TEXT_MAX], type[80];
    struct jw w;
    snprintf(type, sizeof(type), "/problems/%s", r->code);
    jw_init(&w, b);
    jw_obj(&w);
    jw_kz(&w, "type", type);
    jw_kz(&w, "title", zh ? r->zh : r->en);
    jw_kint(&w, "status", r->http);
    jw_kz(&w, "code", r->code);
    jw_kz(&w, "next", zh ? r->next_zh : r->next_en);
    if (e->text[0] && r->http != 500)                         /* the detail of our own faults is for the log */
        jw_kz(&w, "detail", e->text);
    if (req_id) {
        id_text(id, "req", req_id);
        jw_kz(&w, "instance", id);
    }
    jw_key(&w, "i18n");
    jw_obj(&w);
    words(&w, "en", r->en, r->next_en);
    words(&w, "zh", r->zh, r->next_zh);
    jw_end_obj(&w);
    if (issues_json.n) {
        jw_key(&w, "issues");
        jw_raw(&w, issues_json);
    }
    jw_end_obj(&w);
}

int http_res_problem_with(struct http_req *req, struct http_res *res, const struct err *e, struct str issues_json) {
    const struct reason *r = err_reason(e->code);
    BUF_CLEANUP struct buf b;
    buf_init(&b, PROBLEM_MAX);
    problem_json(&b, e, req->lang, req->id, issues_json);
    if (b.failed)
        return err_set(NULL, ERR_TOO_BIG, "a problem of over %d bytes", PROBLEM_MAX);
    if (r->retry == RETRY_LATER && (r->http == 503 || r->http == 429 || req->retry_s))
        http_res_header(res, "Retry-After", "%lld", (long long)(req->retry_s ? req->retry_s : RETRY_AFTER_S));
    if (r->http == 401)
        http_res_header(res, "WWW-Authenticate", "Bearer");   /* RFC 9110 15.5.2 wants a challenge; browsers open no dialog for this one */
    http_res_header(res, "Content-Language", "%s", req->lang);
    if (req->route && req->route->problem_headers)
        req->route->problem_headers(res);
    return http_res_body(res, r->http, "application/problem+json", buf_str(&b), /* borrowed= */ false);
}

int http_res_problem(struct http_req *req, struct http_res *res, const struct err *e) {
    return http_res_problem_with(req, res, e, STR_NULL);
}
