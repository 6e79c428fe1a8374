/* openapi.c - GET /openapi.json: OpenAPI 3.1 out of the route tables, the bodies' field tables and schemas.json. */
#include "api/internal.h"

#include <ctype.h>

#include "auth/auth.h"
#include "base/embed.h"

extern const struct embed_dir api_schemas;      /* schemas.json: what answers look like, by the names in route.out */

/* Parameters that no table holds. */
static const struct { const char *method, *path, *name, *schema, *help; } queries[] = {
    { "GET", "/v1/tasks", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/tasks", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/mails", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/mails", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/tasks", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/tasks", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/tasks", "state", "{\"type\":\"string\"}", "Only tasks in this state." },
    { "GET", "/v1/admin/tasks", "recipe", "{\"type\":\"string\"}", "Only tasks of this recipe." },
    { "GET", "/v1/admin/tasks", "account", "{\"type\":\"string\"}", "Only tasks of this account." },
    { "GET", "/v1/admin/tasks", "q", "{\"type\":\"string\"}", "A task's, account's or photo's id, or the code of an error." },
    { "GET", "/v1/admin/accounts", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/accounts", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/accounts", "q", "{\"type\":\"string\"}", "An account's id." },
    { "GET", "/v1/wallet/entries", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/wallet/entries", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/accounts/{id}/entries", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/accounts/{id}/entries", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/orders", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/orders", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/orders", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/orders", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/orders", "account", "{\"type\":\"string\"}", "Only orders of this account." },
    { "GET", "/v1/admin/orders", "state", "{\"type\":\"string\"}", "Only orders in this state." },
    { "GET", "/v1/admin/orders", "trouble", "{\"type\":\"string\"}", "Anything: only those that a person must look at." },
    { "GET", "/v1/admin/refunds", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/refunds", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/refunds", "state", "{\"type\":\"string\"}", "Only refunds in this state; those that are asked for when left out." },
    { "GET", "/v1/memberships", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/memberships", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/memberships", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/memberships", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/memberships", "account", "{\"type\":\"string\"}", "Only memberships of this account." },
    { "GET", "/v1/memberships/{id}/orders", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/memberships/{id}/orders", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/memberships/{id}/orders", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/memberships/{id}/orders", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/invoices", "limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}", "Entries on a page." },
    { "GET", "/v1/admin/invoices", "cursor", "{\"type\":\"string\"}", "The `next` of the page before." },
    { "GET", "/v1/admin/invoices", "state", "{\"type\":\"string\"}", "Only invoices in this state; those that are waited for when left out." },
    { "GET", "/v1/admin/memberships", "state", "{\"type\":\"string\"}", "Only memberships in this state." },
    { "GET", "/v1/admin/codes", "batch", "{\"type\":\"string\"}", "Only codes that were made together." },
    { "GET", "/v1/admin/codes", "after", "{\"type\":\"string\"}", "The last code of the page before." },
    { "GET", "/v1/admin/margin", "days", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":366,\"default\":30}", "How many, up to now." },
    { "GET", "/v1/assets/{id}", "recipe", "{\"type\":\"string\"}", "Whose rules judge the photo; the first recipe's when left out." },
    { "GET", "/v1/assets/{id}/content", "as", "{\"enum\":[\"thumb\"]}", "A small picture." },
    { "GET", "/v1/assets/{id}/content", "download", "{\"enum\":[\"1\"]}", "Adds Content-Disposition: attachment." },
};

static void parameter(struct jw *w, const char *in, struct str name, bool required, const char *schema, const char *help) {
    jw_obj(w);
    jw_kstr(w, "name", name);
    jw_kz(w, "in", in);
    jw_kbool(w, "required", required);
    if (help)
        jw_kz(w, "description", help);
    jw_key(w, "schema");
    jw_raw(w, str_z(schema));
    jw_end_obj(w);
}

static void parameters(struct jw *w, const struct route *r) {
    jw_key(w, "parameters");
    jw_arr(w);
    for (struct str rest = str_z(r->path); rest.p;) {
        struct str segment = str_cut(&rest, '/');
        if (segment.n > 2 && segment.p[0] == '{')
            parameter(w, "path", (struct str){ segment.p + 1, segment.n - 2 }, true, "{\"type\":\"string\"}", NULL);
    }
    for (size_t i = 0; i < COUNT(queries); i++)
        if (str_eqz(str_z(r->path), queries[i].path) && str_eqz(str_z(r->method), queries[i].method))
            parameter(w, "query", str_z(queries[i].name), false, queries[i].schema, queries[i].help);
    if (r->flags & ROUTE_EFFECT)
        parameter(w, "header", STR("Idempotency-Key"), true, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}",
                  "A fresh random key with each new request; the same one when repeating it. Kept 7 days.");
    jw_end_arr(w);
}

static void field_schema(struct jw *w, const struct json_field *f) {
    jw_obj(w);
    switch (f->kind) {
    case JSON_F_INT:
        jw_kz(w, "type", "integer");
        jw_kint(w, "minimum", f->min);
        jw_kint(w, "maximum", f->max);
        break;
    case JSON_F_BOOL:
        jw_kz(w, "type", "boolean");
        break;
    case JSON_F_STR:
        jw_kz(w, "type", "string");
        jw_kint(w, "minLength", f->min);
        jw_kint(w, "maxLength", f->max);
        break;
    case JSON_F_ID:
        jw_kz(w, "type", "string");
        jw_key(w, "pattern");
        jw_str(w, str_z(f->id_kind ? "^[a-z]+_[0-9A-HJKMNP-TV-Z]{13}$" : ""));
        break;
    case JSON_F_ENUM:
        jw_key(w, "enum");
        jw_arr(w);
        for (const char *const *n = f->names; *n; n++)
            jw_str(w, str_z(*n));
        jw_end_arr(w);
        break;
    case JSON_F_OBJ:
        jw_kz(w, "type", "object");
        break;
    case JSON_F_ARR:
        jw_kz(w, "type", "array");
        jw_kint(w, "minItems", f->min);
        jw_kint(w, "maxItems", f->max);
        break;
    }
    if (f->help)
        jw_kz(w, "description", f->help);
    jw_end_obj(w);
}

static void request_body(struct jw *w, const struct json_field *fields) {
    bool any = false;
    jw_key(w, "requestBody");
    jw_obj(w);
    jw_key(w, "content");
    jw_obj(w);
    jw_key(w, "application/json");
    jw_obj(w);
    jw_key(w, "schema");
    jw_obj(w);
    jw_kz(w, "type", "object");
    jw_kbool(w, "additionalProperties", false);
    jw_key(w, "properties");
    jw_obj(w);
    for (const struct json_field *f = fields; f->name; f++) {
        jw_key(w, f->name);
        field_schema(w, f);
        any |= f->required;
    }
    jw_end_obj(w);
    if (any) {
        jw_key(w, "required");
        jw_arr(w);
        for (const struct json_field *f = fields; f->name; f++)
            if (f->required)
                jw_str(w, str_z(f->name));
        jw_end_arr(w);
    }
    for (int i = 0; i < 4; i++)
        jw_end_obj(w);
}

/* One answer: its description and, when schema is given, its JSON. */
static void response(struct jw *w, const char *status, const char *words, const char *type, const char *schema) {
    jw_key(w, status);
    jw_obj(w);
    jw_kz(w, "description", words);
    if (schema) {
        char ref[96];
        snprintf(ref, sizeof ref, "{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}", schema);
        jw_key(w, "content");
        jw_obj(w);
        jw_key(w, type);
        jw_raw(w, str_z(ref));
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

static void operation(struct jw *w, const struct route *r) {
    char method[16], id[160];
    size_t n = 0;
    for (; r->method[n] && n + 1 < sizeof method; n++)
        method[n] = (char)tolower((unsigned char)r->method[n]);
    method[n] = '\0';
    snprintf(id, sizeof id, "%s%s", method, r->path);
    for (char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    jw_key(w, method);
    jw_obj(w);
    jw_kz(w, "operationId", id);
    jw_kz(w, "summary", r->help ? r->help : r->path);
    if (r->need & AUTH_OPERATOR) {
        jw_key(w, "tags");
        jw_raw(w, STR("[\"operator\"]"));
    }
    parameters(w, r);
    if (r->in)
        request_body(w, r->in);
    if (r->need & (AUTH_ACCOUNT | AUTH_OPERATOR)) {
        jw_key(w, "security");
        jw_raw(w, STR("[{\"bearer\":[]},{\"cookie\":[]}]"));
    }
    jw_key(w, "responses");
    jw_obj(w);
    response(w, "2XX", "Done.", "application/json", r->out);
    response(w, "default", "What went wrong, and what to do next.", "application/problem+json", "Problem");
    jw_end_obj(w);
    jw_end_obj(w);
}

static bool is_api(const struct route *r) { return !(r->flags & ROUTE_PAGE); }

/* A path stands once, with all its methods: the first route that names it writes them. */
static void paths(struct jw *w, const struct route *const *routes) {
    BUF_CLEANUP struct buf seen;
    buf_init(&seen, 64 * 1024);
    for (const struct route *const *t = routes; *t; t++) {
        for (const struct route *r = *t; r->method; r++) {
            char mark[256];
            snprintf(mark, sizeof mark, "\n%s\n", r->path);
            if (!is_api(r) || (seen.n && strstr(seen.p, mark)))
                continue;
            buf_add_z(&seen, mark);
            jw_key(w, r->path);
            jw_obj(w);
            for (const struct route *const *u = routes; *u; u++)
                for (const struct route *o = *u; o->method; o++)
                    if (is_api(o) && str_eqz(str_z(o->path), r->path))
                        operation(w, o);
            jw_end_obj(w);
        }
    }
}

/* The stable codes of every problem, so that a client can be generated with them. */
static void codes(struct jw *w) {
    static const char *const all[] = {
#define REASON(id, code, http, retry, en, next_en, zh, next_zh) code,
#include "base/reasons.def"
#undef REASON
    };
    jw_obj(w);
    jw_key(w, "enum");
    jw_arr(w);
    for (size_t i = 0; i < COUNT(all); i++)
        jw_str(w, str_z(all[i]));
    jw_end_arr(w);
    jw_end_obj(w);
}

void api_openapi(const struct route *const *routes, struct buf *out) {
    const struct embed_file *schemas = embed_find(&api_schemas, STR("schemas.json"));
    CLEANUP(json_unref) json_t *named = NULL;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kz(&w, "openapi", "3.1.0");
    jw_key(&w, "info");
    jw_obj(&w);
    jw_kz(&w, "title", "Zoetrope");
    jw_kz(&w, "version", ZT_VERSION);
    jw_kz(&w, "description", "AI photo products. Times are milliseconds since 1970 UTC, credits are whole numbers, ids are opaque text.");
    jw_end_obj(&w);
    jw_key(&w, "paths");
    jw_obj(&w);
    paths(&w, routes);
    jw_end_obj(&w);
    jw_key(&w, "components");
    jw_obj(&w);
    jw_key(&w, "securitySchemes");
    jw_raw(&w, STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                   "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" AUTH_ACCESS_COOKIE "\"}}"));
    jw_key(&w, "schemas");
    jw_obj(&w);
    jw_key(&w, "Code");
    codes(&w);
    if (json_read(schemas->bytes, &named, NULL) == 0) {
        const char *name;
        json_t *schema;
        json_object_foreach(named, name, schema) {
            char *text = json_dumps(schema, JSON_COMPACT);
            jw_key(&w, name);
            jw_raw(&w, str_z(text));
            free(text);
        }
    }
    for (int i = 0; i < 3; i++)
        jw_end_obj(&w);
}

static int openapi_get(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_cached(res, api_app(req)->api->openapi);
}

const struct route api_openapi_routes[] = {
    { "GET", "/openapi.json", ROUTE_INLINE, TRAFFIC_READ, ROUTE_PURE, 0, openapi_get, .help = "This description." },
    { 0 },
};
