/* quotes.c - POST /v1/quotes: are these photos good enough, and what will it cost. Nothing is charged. */
#include "api/shop.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "shop/quote.h"
#include "studio/studio.h"

#define ISSUES_MAX (64 * 1024)

struct quote_body {
    struct str recipe, template_name;
    json_t    *people, *params;
    int64_t    backdrop, candidates;
};
#define AT(member) offsetof(struct quote_body, member)
static const struct json_field quote_fields[] = {
    { "recipe", JSON_F_STR, true, 1, 32, AT(recipe), .help = "A name out of GET /v1/recipes." },
    { "people", JSON_F_ARR, true, 0, 64, AT(people), .help = "Who joins: [{asset, face}]; face counts from the left of that photo." },
    { "template", JSON_F_STR, false, 1, 32, AT(template_name), .help = "A name out of GET /v1/templates; or else `backdrop`." },
    { "backdrop", JSON_F_ID, false, 0, 0, AT(backdrop), .id_kind = "asset", .help = "A photo of one's own as the background." },
    { "candidates", JSON_F_INT, false, 1, STUDIO_CANDIDATES_MAX, AT(candidates), .help = "How many pictures to choose from; as many as one may when left out." },
    { "params", JSON_F_OBJ, false, 0, 0, AT(params), .help = "Overrides of the recipe's defaults." },
    { 0 },
};
struct person_body { int64_t asset, face; };
static const struct json_field person_fields[] = {
    { "asset", JSON_F_ID, true, 0, 0, offsetof(struct person_body, asset), .id_kind = "asset" },
    { "face", JSON_F_INT, true, 0, 63, offsetof(struct person_body, face) },
    { 0 },
};

struct quote_job {
    struct shop_quote want, made;
    struct shop_who   who;
    int               rc;            /* < 0: judged and refused; err says why, issues each reason */
    struct err        err;
    struct str        issues;        /* JSON array or "" */
};

static int read_people(struct http_req *req, const json_t *list, struct task_new *ret, struct err *e) {
    size_t n = json_array_size(list);
    if (n > COUNT(ret->people))
        return err_set(e, ERR_PEOPLE_MANY, "%zu people; at most %d", n, STUDIO_PEOPLE_MAX);
    for (size_t i = 0; i < n; i++) {
        struct person_body p = { 0 };
        if (json_bind(person_fields, json_array_get(list, i), req->arena, &p, e) < 0)
            return err_prefix(e, "people[%zu]: ", i);
        ret->people[i] = (struct task_person){ .asset = p.asset, .face = (int)p.face };
    }
    ret->n_people = n;
    return 0;
}

static int quote_parse(struct http_req *req, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    struct quote_body body = { 0 };
    int r = api_body_json(req, quote_fields, &body, &j, e);
    if (r < 0)
        return r;
    struct quote_job *job = ARENA_NEW(req->arena, struct quote_job);
    struct task_new *spec = &job->want.spec;
    if (!(spec->recipe = studio_recipe(api_app(req)->studio, body.recipe)))
        return err_set(e, ERR_UNKNOWN_RECIPE, "\"%.*s\"", STR_ARG(body.recipe));
    if (body.template_name.n && body.backdrop)
        return err_set(e, ERR_BAD_INPUT, "template, backdrop: give one of them");
    if ((r = read_people(req, body.people, spec, e)) < 0)
        return r;
    job->want.account = spec->account = req->account;
    spec->template_name = body.template_name;
    spec->backdrop_asset = body.backdrop;
    spec->candidates = (int)body.candidates;
    spec->params = STR("{}");
    if (body.params) {
        char *text = json_dumps(body.params, JSON_COMPACT | JSON_SORT_KEYS);
        spec->params = arena_str(req->arena, str_z(text));
        free(text);
    }
    api__who(req, &job->who);
    req->job = job;
    return 0;
}

/* A refusal is an answer with reasons, not an error of the transaction: it ends well, having changed nothing. */
static int quote_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct quote_job *job = req->job;
    BUF_CLEANUP struct buf issues;
    buf_init(&issues, ISSUES_MAX);
    job->err = (struct err){ 0 };
    job->issues = STR_NULL;
    struct shop_house house = api__house(api_app(req));
    job->rc = shop_quote_make(tx, &house, &job->who, req->arena, &job->want, &job->made, &issues, &job->err);
    if (job->rc < 0 && issues.n == 0)
        return err_set(e, job->err.code, "%s", job->err.text);
    if (job->rc < 0)
        job->issues = arena_str(req->arena, buf_str(&issues));
    return 0;
}

static void render_quote(struct jw *w, const struct shop_quote *q) {
    const struct task_new *s = &q->spec;
    jw_obj(w);
    jw_kid(w, "id", "quote", q->id);
    jw_kstr(w, "recipe", s->recipe->name);
    jw_key(w, "people");
    jw_arr(w);
    for (size_t i = 0; i < s->n_people; i++) {
        jw_obj(w);
        jw_kid(w, "asset", "asset", s->people[i].asset);
        jw_kint(w, "face", s->people[i].face);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    if (s->backdrop_asset)
        jw_kid(w, "backdrop", "asset", s->backdrop_asset);
    else
        jw_kstr(w, "template", s->template_name);
    jw_kint(w, "candidates", s->candidates);
    jw_kint(w, "credits", q->credits);
    if (q->plan.n)
        jw_kstr(w, "plan", q->plan);
    else
        jw_kz(w, "plan", NULL);
    jw_kbool(w, "watermark", s->mark);
    jw_kbool(w, "free", q->free);
    jw_kint(w, "expires_ms", q->expires_ms);
    jw_kid(w, "task", "task", q->task);
    jw_end_obj(w);
}

static int quote_answer(struct http_res *res, int status, const struct shop_quote *q, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 8192);
    struct jw w;
    jw_init(&w, &b);
    render_quote(&w, q);
    return api_json(res, status, &b, e);
}

static int quote_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct quote_job *job = req->job;
    if (job->rc < 0)
        return http_res_problem_with(req, res, &job->err, job->issues);
    char id[ID_TEXT_MAX];
    id_text(id, "quote", job->made.id);
    http_res_header(res, "Location", "/v1/quotes/%s", id);
    return quote_answer(res, 201, &job->made, e);
}

static int quote_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    struct shop_quote quote;
    int64_t id;
    int r = api_param_id(req, 0, "quote", &id, e);
    if (r < 0 || (r = shop_quote_get(db_reader(app->db), app->studio, req->arena, id, req->account, &quote, e)) < 0)
        return r;
    return r ? quote_answer(res, 200, &quote, e) : err_set(e, ERR_NOT_FOUND, "no such quote");
}

const struct route api_quotes_routes[] = {
    { "POST", "/v1/quotes", ROUTE_WRITE, TRAFFIC_CREATE, 0, AUTH_ACCOUNT, quote_post, quote_parse, quote_write, .body_max = API_BODY_MAX,
      .in = quote_fields, .out = "Quote", .help = "Judge the photos and name the price; 422 with `issues` when one will not do." },
    { "GET", "/v1/quotes/{id}", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, quote_get, .out = "Quote", .help = "A quote of one's own." },
    { 0 },
};
