/* me.c - /v1/me: who is asking. */
#include "api/session.h"

#include "db/db.h"

static int me_answer(struct http_req *req, struct http_res *res, struct err *e) {
    struct auth_me me;
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    int r = auth_me_get(rd, req->arena, req->account, &me, e), moving = 0;
    if (r < 0 || (moving = auth_move_waits(rd, req->account, e)) < 0)
        return r < 0 ? r : moving;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 4096);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kid(&w, "account", "acct", req->account);
    jw_kid(&w, "session", "sess", req->session);
    jw_kz(&w, "kind", auth_kind_name(me.kind));
    jw_kbool(&w, "operator", req->rights & AUTH_OPERATOR);
    if (me.email.n)
        jw_kstr(&w, "email", me.email);
    else
        jw_kz(&w, "email", NULL);
    jw_kbool(&w, "verified", me.email.n > 0);
    jw_kbool(&w, "moving", moving);
    jw_kstr(&w, "name", me.name);
    jw_kstr(&w, "lang", me.lang.n ? me.lang : str_z(req->lang));
    jw_kstr(&w, "region", me.region);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

/* ---- PATCH /v1/me ---- */

struct me_body { struct str name, region; int lang; };
static const struct json_field me_fields[] = {
    { "name", JSON_F_STR, false, 0, 80, offsetof(struct me_body, name), .help = "As others may see it." },
    { "lang", JSON_F_ENUM, false, 0, 0, offsetof(struct me_body, lang), .names = api__langs, .help = "The language of mails." },
    { "region", JSON_F_STR, false, 0, 2, offsetof(struct me_body, region), .help = "Two capital letters (ISO 3166), or empty." },
    { 0 },
};

static int me_parse(struct http_req *req, struct err *e) {
    struct me_body *body = ARENA_NEW(req->arena, struct me_body);
    body->lang = -1;
    int r = api_body(req, me_fields, body, e);
    if (r < 0)
        return r;
    bool letters = body->region.n == 2;
    for (size_t i = 0; i < body->region.n; i++)
        letters &= body->region.p[i] >= 'A' && body->region.p[i] <= 'Z';
    if (body->region.n && !letters)
        return err_set(e, ERR_BAD_INPUT, "region: two capital letters");
    req->job = body;
    return 0;
}

static int me_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct me_body *body = req->job;
    struct auth_profile p = { body->name, body->lang < 0 ? STR_NULL : str_z(api__langs[body->lang]), body->region };
    return auth_profile_set(tx, req->account, &p, e);
}

const struct route api_me_routes[] = {
    { "GET", "/v1/me", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, me_answer, .out = "Me", .help = "Who is asking." },
    { "PATCH", "/v1/me", ROUTE_WRITE, TRAFFIC_READ, 0, AUTH_ACCOUNT, me_answer, me_parse, me_write, .body_max = API_BODY_MAX, .in = me_fields, .out = "Me",
      .help = "Change what the account says about itself; what is left out stays." },
    { 0 },
};
