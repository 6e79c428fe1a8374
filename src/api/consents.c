/* consents.c - what was agreed to. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/id.h"
#include "db/db.h"

static const char *const kinds[] = { "faces", NULL }, *const langs[] = { "en", "zh", NULL };
struct consent_job { struct auth_consent c; bool known; };
struct consent_body { struct str version; int kind, lang; };
static const struct json_field consent_fields[] = {
    { "kind", JSON_F_ENUM, true, 0, 0, offsetof(struct consent_body, kind), .names = kinds, .help = "faces: everybody in my photos agrees to their being processed." },
    { "version", JSON_F_STR, true, 1, 32, offsetof(struct consent_body, version), .help = "Of the words that were shown." },
    { "lang", JSON_F_ENUM, true, 0, 0, offsetof(struct consent_body, lang), .names = langs, .help = "In which they were shown." },
    { 0 },
};

static int consent_parse(struct http_req *req, struct err *e) {
    struct consent_body body = { 0 };
    int r = api_body(req, consent_fields, &body, e);
    if (r < 0 || (r = api__rate_per_hour(req, "consent", "api.photos_per_hour", e)) < 0)
        return r;
    struct consent_job *job = ARENA_NEW(req->arena, struct consent_job);
    job->c = (struct auth_consent){ id_new(), req->account, req->session, str_z(kinds[body.kind]), body.version, str_z(langs[body.lang]), clock_ms() };
    req->job = job;
    return 0;
}

/* The same words again are nothing new: when they were agreed to first stands. */
static int consent_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct consent_job *job = req->job;
    int r = auth_consent_find(tx, &job->c, e);
    job->known = r == 1;
    return r != 0 ? r : auth_consent_add(tx, &job->c, e);
}

static int consent_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct consent_job *job = req->job;
    const struct auth_consent *c = &job->c;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kid(&w, "id", "consent", c->id);
    jw_kstr(&w, "kind", c->kind);
    jw_kstr(&w, "version", c->version);
    jw_kstr(&w, "lang", c->lang);
    jw_kint(&w, "at_ms", c->at_ms);
    jw_kid(&w, "session", "sess", c->session);
    jw_end_obj(&w);
    return api_json(res, job->known ? 200 : 201, &b, e);
}

static int consents_get(struct http_req *req, struct http_res *res, struct err *e) {
    BUF_CLEANUP struct buf items, b;
    buf_init(&items, API_JSON_MAX);
    buf_init(&b, API_JSON_MAX);
    int r = auth_consent_list(db_reader(api_app(req)->db), req->account, &items, e);
    if (r < 0)
        return r;
    buf_add_z(&b, "{\"items\":");
    buf_add_str(&b, buf_str(&items));
    buf_add_z(&b, "}");
    b.failed |= items.failed;
    return api_json(res, 200, &b, e);
}

const struct route api_consents_routes[] = {
    { "POST", "/v1/consents", ROUTE_WRITE, TRAFFIC_UPLOAD, 0, AUTH_ACCOUNT, consent_post, consent_parse, consent_write, .body_max = API_BODY_MAX, .in = consent_fields,
      .out = "Consent", .help = "Record what somebody agreed to: the words, their language, when, and from which session; once each." },
    { "GET", "/v1/me/consents", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, consents_get, .out = "ConsentList", .help = "What this account agreed to." },
    { 0 },
};
