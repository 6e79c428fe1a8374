/* codes.c - POST /v1/codes/redeem, and the operator's /v1/admin/codes. */
#include "api/session.h"

#include <stdio.h>

#include "auth/auth.h"
#include "base/id.h"
#include "cache/cache.h"
#include "db/db.h"
#include "shop/code.h"

/* ---- redeem ---- */

struct redeem_job { struct shop_redeem want; struct str code; };
static const struct json_field redeem_fields[] = {
    { "code", JSON_F_STR, true, 1, 64, offsetof(struct redeem_job, code), .help = "As it was typed: blanks, dashes and small letters do not matter." },
    { 0 },
};

#define TRIED_MS (3600LL * 1000)                 /* as long as tries are counted */

/* Guests are made by the dozen: whoever tries codes is counted by account and by address. Who sends the same request again, its answer having been
 * lost, tries nothing new. */
int api__code_rate(struct http_req *req, struct err *e) {
    BUF_CLEANUP struct buf was;
    struct cache *cache = api_app(req)->cache;
    struct api_key k;
    char ip[33], tried[CACHE_KEY_MAX];
    int r = api_key_of(req, &k, e);
    if (r < 0)
        return r;
    snprintf(tried, sizeof tried, "code_tried:%lld:%s:%s", (long long)k.account, k.key, k.hash);
    buf_init(&was, 16);
    if ((r = cache_get(cache, str_z(tried), &was, e)) != 0)
        return r < 0 ? r : 0;
    if ((r = api__rate_per_hour(req, "code", "shop.codes_per_hour", e)) < 0 ||
        (r = api__rate(req, "code_ip", api__peer(req, ip), 2 * config_int(api_app(req)->cfg, "shop.codes_per_hour"), e)) < 0)
        return r;
    return cache_set(cache, str_z(tried), STR("1"), TRIED_MS, e);
}

static int redeem_parse(struct http_req *req, struct err *e) {
    struct redeem_job *job = ARENA_NEW(req->arena, struct redeem_job);
    req->job = job;
    int r = api_body(req, redeem_fields, job, e);
    if (r >= 0 && !(req->rights & AUTH_PERSON))  /* guests are made by the dozen, and each would be one more account */
        r = err_set(e, ERR_SIGN_IN_FIRST, "a guest has no codes");
    if (r < 0 || (r = api__code_rate(req, e)) < 0)
        return r;
    job->want = (struct shop_redeem){ .account = req->account, .word = job->code, .product = studio_product(api_app(req)->studio, STR_NULL), .lang = req->lang };
    return 0;
}

static int redeem_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct redeem_job *job = req->job;
    int64_t order;
    job->want.id = id_new();
    int r = shop_code_redeem(tx, api_app(req)->shop, &job->want, &order, e);
    req->object_id = r < 0 ? 0 : job->want.id;
    return r;
}

/* The wallet says what it was worth: it is read again as it is now, whatever came of the first answer. */
static int redeem_post(struct http_req *req, struct http_res *res, struct err *e) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    struct shop_use use;
    int r = shop_code_use_get(db_reader(api_app(req)->db), req->object_id, &use, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such use");
    buf_init(&b, 1024);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "kind", use.kind);
    jw_kint(&w, "credits", use.credits);
    jw_kz(&w, "plan", use.plan[0] ? use.plan : NULL);
    jw_kid(&w, "order", "order", use.order);
    jw_end_obj(&w);
    return api_json(res, 201, &b, e);
}

/* ---- the operator's ---- */

struct make_job { struct shop_code_new n; struct str note, plan, word; int64_t amount, valid_days, uses_max, each_max, starts_ms, ends_ms, count; int kind, currency; };
#define AT(member) offsetof(struct make_job, member)
static const struct json_field make_fields[] = {
    { "kind", JSON_F_ENUM, true, 0, 0, AT(kind), .names = shop_code_kind_names, .help = "credits, plan: for nothing; percent, amount: less to pay." },
    { "count", JSON_F_INT, false, 1, SHOP_CODES_MAX, AT(count), .help = "How many are made at random; left out: 1." },
    { "code", JSON_F_STR, false, 4, 40, AT(word), .help = "A word of one's own, instead." },
    { "plan", JSON_F_STR, false, 1, 32, AT(plan), .help = "plan: which; percent, amount: of this one alone." },
    { "amount", JSON_F_INT, false, 1, 100000000, AT(amount), .help = "Credits; per cent; fen or cents." },
    { "currency", JSON_F_ENUM, false, 0, 0, AT(currency), .names = api__currencies, .help = "Of amount." },
    { "valid_days", JSON_F_INT, false, 1, 3650, AT(valid_days), .help = "How long given credits last." },
    { "uses_max", JSON_F_INT, false, 0, 100000000, AT(uses_max), .help = "How often each may be used; 0: without limit; left out: once." },
    { "each_max", JSON_F_INT, false, 1, 1000, AT(each_max), .help = "By one account; left out: once." },
    { "starts_ms", JSON_F_INT, false, 0, INT64_C(8640000000000000), AT(starts_ms), .help = "Not before; left out: at once." },
    { "ends_ms", JSON_F_INT, true, 1, INT64_C(8640000000000000), AT(ends_ms), .help = "Not from then on." },
    { "note", JSON_F_STR, false, 0, 200, AT(note), .help = "What they are for." },
    { 0 },
};

static int make_parse(struct http_req *req, struct err *e) {
    struct make_job *j = ARENA_NEW(req->arena, struct make_job);
    *j = (struct make_job){ .uses_max = 1, .each_max = 1, .count = 1 };
    req->job = j;
    int r = api_body(req, make_fields, j, e);
    if (r < 0)
        return r;
    j->n = (struct shop_code_new){ .kind = (enum shop_code_kind)j->kind, .plan = j->plan, .amount = j->amount, .valid_ms = j->valid_days * 24 * 3600 * 1000,
                                   .uses_max = j->uses_max, .each_max = j->each_max, .starts_ms = j->starts_ms, .ends_ms = j->ends_ms,
                                   .currency = (enum ledger_currency)j->currency, .note = j->note, .word = j->word, .count = (int)j->count };
    return 0;
}

static int make_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct make_job *j = req->job;
    j->n.batch = req->object_id = id_new();
    return shop_code_make(tx, api_app(req)->shop, &j->n, e);
}

static int answer_codes(struct http_req *req, struct http_res *res, int status, int64_t batch, struct str after, int limit, struct err *e) {
    BUF_CLEANUP struct buf items, b;
    struct jw w;
    buf_init(&items, API_JSON_MAX);
    int r = shop_code_list(db_reader(api_app(req)->db), batch, after, limit, &items, e);
    if (r < 0)
        return r;
    buf_init(&b, API_JSON_MAX + 256);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_raw(&w, buf_str(&items));
    jw_end_obj(&w);
    return api_json(res, status, &b, e);
}

static int make_post(struct http_req *req, struct http_res *res, struct err *e) { return answer_codes(req, res, 201, req->object_id, STR(""), SHOP_CODES_MAX, e); }

static int list_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "batch", "after", NULL };
    int64_t batch = 0;
    int r = api_query_only(req, names, e);
    struct str of = http_req_query(req, "batch"), after = http_req_query(req, "after");
    if (r < 0)
        return r;
    if (of.n && id_parse(of, "batch", &batch) < 0)
        return err_set(e, ERR_BAD_INPUT, "batch: batch_…");
    return answer_codes(req, res, 200, batch, after, SHOP_CODES_MAX, e);
}

struct off_job { int64_t batch; };
static int off_parse(struct http_req *req, struct err *e) {
    struct off_job *j = ARENA_NEW(req->arena, struct off_job);
    char nothing;
    req->job = j;
    int r = api_param_id(req, 0, "batch", &j->batch, e);
    return r < 0 ? r : api_body(req, api__no_fields, &nothing, e);
}
static int off_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct off_job *j = req->job;
    req->object_id = j->batch;
    return shop_code_disable(tx, j->batch, e);
}
static int off_post(struct http_req *req, struct http_res *res, struct err *e) { return answer_codes(req, res, 200, req->object_id, STR(""), SHOP_CODES_MAX, e); }

const struct route api_codes_routes[] = {
    { "POST", "/v1/codes/redeem", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, redeem_post, redeem_parse, redeem_write, .body_max = API_BODY_MAX, .in = redeem_fields,
      .out = "Redeemed", .help = "Use a code that is worth credits or a plan." },
    { "POST", "/v1/admin/codes", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, make_post, make_parse, make_write, .body_max = API_BODY_MAX, .in = make_fields,
      .out = "CodeList", .help = "Make codes, up to 1,000 at once." },
    { "GET", "/v1/admin/codes", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, list_get, .out = "CodeList", .help = "Codes by their words, 1,000 from behind `after`; of a batch." },
    { "POST", "/v1/admin/codes/{batch}/disable", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, off_post, off_parse, off_write, .body_max = API_BODY_MAX,
      .in = api__no_fields, .out = "CodeList", .help = "No code of a batch is good any more." },
    { 0 },
};
