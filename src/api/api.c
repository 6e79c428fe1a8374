/* api.c - what every resource needs: strict input, pages of lists, answers. */
#include "api/api.h"

#include "api/internal.h"
#include "api/pages.h"
#include "api/session.h"
#include "base/id.h"
#include "db/db.h"
#include "studio/studio.h"

#define FIXED_MAX (1024 * 1024)
#define ONE_JSON_MAX (16 * 1024)

const struct route *const api_routes[] = {
#define RESOURCE(name) api_##name##_routes,
#include "api/resources.def"
#undef RESOURCE
    NULL,
};

const struct setting api_settings[] = {
    { "api.guests_per_hour", SET_INT, "60", 1, 1000000, "New guests that one address may start in an hour; a third of them at once." },
    { "api.photos_per_hour", SET_INT, "300", 1, 1000000, "Photos that one account may have taken in in an hour, and consents; a third of them at once." },
    { "product.guest_credits", SET_INT, "-1", -1, 1000000, "Credits given to a new guest; -1: as the product says, and none while something is sold." },
    { "product.icp", SET_STR, "", 0, 200, "Registration number that the law of mainland China wants at the foot of every page; empty: none." },
    { 0 },
};

/* ---- input ---- */

static bool is_json(struct str content_type) {
    struct str rest = content_type;
    return str_ieq(str_trim(str_cut(&rest, ';')), STR("application/json"));
}

int api_body_json(struct http_req *req, const struct json_field *fields, void *out, json_t **ret_j, struct err *e) {
    if (req->body.n && !is_json(http_req_header(req, "content-type")))
        return err_set(e, ERR_MEDIA_TYPE, "the body must be application/json");
    CLEANUP(json_unref) json_t *j = NULL;
    int r = json_read(req->body.n ? req->body : STR("{}"), &j, e);
    if (r < 0)
        return r;
    if (!json_is_object(j))
        return err_set(e, ERR_BAD_JSON, "the body must be one JSON object");
    if ((r = json_bind(fields, j, req->arena, out, e)) < 0)
        return r;
    *ret_j = TAKE(j);
    return 0;
}

int api_body(struct http_req *req, const struct json_field *fields, void *out, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    return api_body_json(req, fields, out, &j, e);
}

int api_param_id(const struct http_req *req, int i, const char *kind, int64_t *ret_id, struct err *e) {
    if (id_parse(req->params[i], kind, ret_id) < 0)
        return err_set(e, ERR_NOT_FOUND, "no such %s", kind);
    return 0;
}

int api_query_only(const struct http_req *req, const char *const *names, struct err *e) {
    for (struct str rest = req->query; rest.n;) {
        struct str pair = str_cut(&rest, '&');
        struct str name = str_cut(&pair, '=');
        const char *const *known = names;
        while (*known && !str_eqz(name, *known))
            known++;
        if (name.n && !*known)
            return err_set(e, ERR_UNKNOWN_FIELD, "query parameter \"%.*s\"", (int)(name.n > 60 ? 60 : name.n), name.p);
    }
    return 0;
}

int api_page(struct http_req *req, const char *kind, struct api_page *ret, struct err *e) {
    static const char *const names[] = { "limit", "cursor", NULL };
    return api_page_with(req, kind, names, ret, e);
}

int api_page_with(struct http_req *req, const char *kind, const char *const *names, struct api_page *ret, struct err *e) {
    int64_t limit = 20, before = 0;
    int r = api_query_only(req, names, e);
    if (r < 0)
        return r;
    struct str text = http_req_query(req, "limit"), cursor = http_req_query(req, "cursor");
    if (text.p && str_int(text, 1, 100, &limit) < 0)
        return err_set(e, ERR_BAD_INPUT, "limit must be a whole number from 1 to 100");
    if (cursor.p && id_parse(cursor, kind, &before) < 0)
        return err_set(e, ERR_BAD_INPUT, "cursor must be the `next` of an earlier page");
    *ret = (struct api_page){ .before_id = before, .limit = (int)limit };
    return 0;
}

int api__rate_per_hour(struct http_req *req, const char *what, const char *setting, struct err *e) {
    char who[33];
    if (req->account)
        snprintf(who, sizeof who, "%lld", (long long)req->account);
    else
        api__peer(req, who);
    return api__rate(req, what, str_z(who), config_int(api_app(req)->cfg, setting), e);
}

/* ---- answers ---- */

int api_json(struct http_res *res, int status, const struct buf *b, struct err *e) {
    if (b->failed)
        return err_set(e, ERR_TOO_BIG, "the answer is larger than %zu bytes", b->max);
    http_res_header(res, "Cache-Control", "no-store");
    return http_res_body(res, status, "application/json", buf_str(b), /* borrowed= */ false);
}

int api__answer_one(struct http_req *req, struct http_res *res, int status, int64_t id, int64_t account, api__render_fn *render, struct err *e) {
    struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, ONE_JSON_MAX);
    jw_init(&w, &b);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = render(rd, app->shop, id, account, &w, e);
    return r < 0 ? r : r ? api_json(res, status, &b, e) : err_set(e, ERR_NOT_FOUND, "there is none by that id");
}

/* The number of objects in an array that a jw wrote, and the last of them. To parse the whole list for that cost more than to make it. */
static int last_of(struct str array, struct str *ret_last) {
    int n = 0, depth = 0;
    bool text = false;
    size_t begin = 0;
    for (size_t i = 0; i < array.n; i++) {
        char c = array.p[i];
        if (text) {
            i += c == '\\';
            text = c != '"';
        } else if (c == '"') {
            text = true;
        } else if (c == '{' && depth++ == 0) {
            begin = i;
        } else if (c == '}' && --depth == 0) {
            n++;
            *ret_last = (struct str){ array.p + begin, i + 1 - begin };
        }
    }
    return n;
}

int api_list(struct http_res *res, const struct api_page *page, const struct buf *items, struct err *e) {
    CLEANUP(json_unref) json_t *last = NULL;
    struct str text = STR_NULL;
    if (items->failed)
        return err_set(e, ERR_TOO_BIG, "the list is larger than %zu bytes", items->max);
    int r = last_of(buf_str(items), &text) == page->limit ? json_read(text, &last, e) : 0;
    if (r < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_raw(&w, buf_str(items));
    jw_kz(&w, "next", json_string_value(json_object_get(last, "id")));
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

void api__text(struct jw *w, const char *key, const struct field_text *t) {
    jw_key(w, key);
    jw_obj(w);
    jw_kstr(w, "en", t->en);
    jw_kstr(w, "zh", t->zh);
    jw_end_obj(w);
}

/* ---- what is rendered once ---- */

static int render_recipes(void *studio, struct buf *out, struct err *e) {
    api__recipes_render(studio, out);
    return 0;
}
static int render_templates(void *studio, struct buf *out, struct err *e) {
    api__templates_render(studio, out);
    return 0;
}
static int render_plans(void *app, struct buf *out, struct err *e) {
    api__plans_render(app, out);
    return 0;
}
static int render_openapi(void *routes, struct buf *out, struct err *e) {
    api_openapi(routes, out);
    return 0;
}

static int json_new(const char *path, int (*render)(void *ctx, struct buf *out, struct err *e), void *ctx, struct cached **ret, struct err *e) {
    return cached_new(&(struct cached_conf){ .name = path, .type = "application/json", .cache_control = "public, max-age=60", .bytes_max = FIXED_MAX,
                                             .render = render, .ctx = ctx }, ret, e);
}

int api_new(const struct app *app, const struct route *const *routes, struct api **ret_api, struct err *e) {
    CLEANUP(api_free) struct api *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    int r = json_new("/v1/recipes", render_recipes, app->studio, &p->recipes, e);
    if (r < 0 || (r = json_new("/v1/templates", render_templates, app->studio, &p->templates, e)) < 0 ||
        (r = json_new("/v1/plans", render_plans, (void *)(uintptr_t)app, &p->plans, e)) < 0 ||
        (r = json_new("/openapi.json", render_openapi, (void *)(uintptr_t)routes, &p->openapi, e)) < 0 ||
        (r = pages_new(app->cfg, app->studio, "", &p->pages, e)) < 0)
        return r;
    *ret_api = TAKE(p);
    return 0;
}

void api_free(struct api *p) {
    if (!p)
        return;
    cached_free(p->recipes);
    cached_free(p->templates);
    cached_free(p->plans);
    cached_free(p->openapi);
    pages_free(p->pages);
    free(p);
}
