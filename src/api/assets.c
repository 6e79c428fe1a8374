/* assets.c - GET /v1/assets/{id}, its bytes, DELETE. Taking a photo in is intake.c. */
#include "api/asset.h"

#include "auth/auth.h"
#include "base/id.h"
#include "blob/blob.h"
#include "db/db.h"
#include "studio/studio.h"
#include "task/task.h"

/* ---- one asset as JSON ---- */

/* The rules a photo is judged by: those of the recipe asked for, else of the first one. */
static const struct studio_input *rules_of(const struct studio *s, struct str recipe, enum studio_input_kind kind, struct err *e) {
    const struct studio_recipe *r = recipe.n ? studio_recipe(s, recipe) : studio_recipe_at(s, 0);
    const struct studio_input *in = r ? studio_input(r, kind) : NULL;
    if (!in)
        err_set(e, ERR_UNKNOWN_RECIPE, "\"%.*s\"", STR_ARG(recipe));
    return in;
}

static void copy_number(struct jw *w, const json_t *face, const char *key, int decimals) {
    const json_t *n = json_object_get(face, key);
    if (json_is_number(n))
        jw_kreal(w, key, json_number_value(n), decimals);
}

static void render_face(struct jw *w, const struct studio_input *rules, const struct blob_asset *a, const json_t *face, int index) {
    BUF_CLEANUP struct buf reasons;
    buf_init(&reasons, 16 * 1024);
    int n = studio_judge_face(rules, a->facts, index, &reasons);
    jw_obj(w);
    jw_kint(w, "index", index);
    jw_key(w, "box");
    jw_arr(w);
    for (size_t i = 0; i < 4; i++)
        jw_real(w, json_number_value(json_array_get(json_object_get(face, "box"), i)), 1);
    jw_end_arr(w);
    copy_number(w, face, "size_px", 0);
    copy_number(w, face, "confidence", 3);
    jw_kbool(w, "ok", n == 0);
    jw_key(w, "reasons");
    jw_raw(w, buf_str(&reasons));
    jw_end_obj(w);
}

/* Verdict on the whole photo, then its faces each with their own. */
static void render_verdicts(struct jw *w, const struct studio_input *rules, const struct blob_asset *a) {
    BUF_CLEANUP struct buf reasons;
    buf_init(&reasons, 64 * 1024);
    bool people = rules->kind == STUDIO_IN_PEOPLE;
    int n = people ? studio_judge_photo(rules, a->facts, a->width, a->height, a->bytes, -1, &reasons)
                   : studio_judge_backdrop(rules, a->facts, a->width, a->height, a->bytes, &reasons);
    jw_kbool(w, "ok", n == 0);
    jw_key(w, "reasons");
    jw_raw(w, buf_str(&reasons));
    if (!people)
        return;
    CLEANUP(json_unref) json_t *facts = NULL;
    if (json_read(a->facts, &facts, NULL) < 0)
        return;
    const json_t *faces = json_object_get(facts, "faces");
    jw_key(w, "faces");
    jw_arr(w);
    for (size_t i = 0; i < json_array_size(faces); i++)
        render_face(w, rules, a, json_array_get(faces, i), (int)i);
    jw_end_arr(w);
}

int api__asset_answer(struct http_req *req, struct http_res *res, int status, const struct blob_asset *a, struct err *e) {
    char id[ID_TEXT_MAX], content[80], thumb[80];
    id_text(id, "asset", a->id);
    snprintf(content, sizeof content, "/v1/assets/%s/content", id);
    snprintf(thumb, sizeof thumb, "/v1/assets/%s/content?as=thumb", id);
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "id", id);
    jw_kstr(&w, "role", a->role);
    jw_kstr(&w, "type", a->type);
    jw_kint(&w, "bytes", a->bytes);
    jw_kint(&w, "width", a->width);
    jw_kint(&w, "height", a->height);
    jw_kint(&w, "created_ms", a->created_ms);
    jw_kint(&w, "delete_at_ms", a->delete_at_ms);
    jw_kint(&w, "consent_ms", a->consent_ms);
    jw_kz(&w, "content", content);
    jw_kz(&w, "thumb", thumb);
    bool people = str_eqz(a->role, API_ROLE_PHOTO);
    if (people || str_eqz(a->role, API_ROLE_BACKDROP)) {
        const struct studio_input *rules = rules_of(api_app(req)->studio, http_req_query(req, "recipe"),
                                                    people ? STUDIO_IN_PEOPLE : STUDIO_IN_BACKDROP, e);
        if (!rules)
            return e->code;
        render_verdicts(&w, rules, a);
    }
    jw_end_obj(&w);
    return api_json(res, status, &b, e);
}

/* ---- routes ---- */

static int find(struct http_req *req, struct db_tx *rd, struct blob_asset *ret, struct err *e) {
    int64_t id;
    int r = api_param_id(req, 0, "asset", &id, e);
    if (r < 0 || (r = blob_asset_get(rd, req->arena, id, req->account, ret, e)) < 0)
        return r;
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "no such asset");
}

static int asset_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "recipe", NULL };
    struct blob_asset a;
    int r = api_query_only(req, names, e);
    if (r < 0 || (r = find(req, db_reader(api_app(req)->db), &a, e)) < 0)
        return r;
    return api__asset_answer(req, res, 200, &a, e);
}

/* What is looked at: of a photo its working copy, which is small enough for a page. */
static int find_shown(struct http_req *req, bool thumb, struct blob_asset *ret, struct err *e) {
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(api_app(req)->db);
    struct blob_asset a;
    int r = find(req, rd, &a, e);
    if (r < 0)
        return r;
    bool photo = a.class == BLOB_ORIGINAL;
    if (thumb)
        r = blob_asset_child(rd, req->arena, a.id, "thumb", ret, e);
    if (r == 0 && photo)
        r = blob_asset_child(rd, req->arena, a.id, "working", ret, e);
    if (r == 0 && photo)
        return err_set(e, ERR_NOT_FOUND, "it has no working copy");
    if (r == 0)
        *ret = a;
    return r < 0 ? r : 0;
}

static const struct api__served pictures[] = {
    { "image/png", "png" }, { "image/jpeg", "jpg" }, { "image/webp", "webp" },
};
struct api__served api__served_as(struct str type) {
    for (size_t i = 0; i < COUNT(pictures); i++)
        if (str_eqz(type, pictures[i].type))
            return pictures[i];
    return (struct api__served){ "application/octet-stream", "bin" };
}

static int content_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "as", "download", NULL };
    struct str as = http_req_query(req, "as"), download = http_req_query(req, "download");
    struct blob_asset show;
    int fd;
    int r = api_query_only(req, names, e);
    if (r < 0)
        return r;
    if ((as.p && !str_eqz(as, "thumb")) || (download.p && !str_eqz(download, "1")))
        return err_set(e, ERR_BAD_INPUT, "as must be thumb, download must be 1");
    if ((r = find_shown(req, as.p != NULL, &show, e)) < 0 || (r = blob_asset_open(api_app(req)->blobs, &show, &fd, e)) < 0)
        return r;
    struct api__served file = api__served_as(show.type);
    if (download.p)
        http_res_header(res, "Content-Disposition", "attachment; filename=\"%.*s-%.*s.%s\"",
                        STR_ARG(studio_product(api_app(req)->studio, STR_NULL)->name), (int)(req->params[0].n - 6), req->params[0].p + 6, file.suffix);
    /* asked for anew each time: a deleted picture must not live on in a browser's cache, and a 304 is cheap */
    return http_res_file(res, fd, show.bytes, file.type, show.sha, "private, no-cache");
}

struct delete_job { int64_t asset; };

static int delete_parse(struct http_req *req, struct err *e) {
    struct delete_job *job = ARENA_NEW(req->arena, struct delete_job);
    req->job = job;
    return api_param_id(req, 0, "asset", &job->asset, e);
}

static int delete_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct delete_job *job = req->job;
    int r = task_cancel_using(tx, api_app(req)->tasks, job->asset, req->account, e);
    return r < 0 ? r : blob_asset_delete(tx, job->asset, req->account, e);
}

static int asset_delete(struct http_req *req, struct http_res *res, struct err *e) { return http_res_empty(res, 204); }

const struct route api_assets_routes[] = {
    { "POST", "/v1/assets", ROUTE_BLOCKING, TRAFFIC_UPLOAD, 0, AUTH_ACCOUNT, api__intake_post, api__intake_parse,
      .body_max = API_BODY_MAX, .in = api__intake_fields, .out = "Asset",
      .help = "Take an uploaded photo in: checked, turned upright, freed of metadata, its faces found. Sent again it gives the same asset." },
    { "GET", "/v1/assets/{id}", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, asset_get, .out = "Asset", .help = "What it is, when it will be deleted, and the verdicts on it." },
    { "GET", "/v1/assets/{id}/content", ROUTE_BLOCKING, TRAFFIC_READ, 0, AUTH_ACCOUNT, content_get,
      .help = "The picture, or with as=thumb a small one; Range and ETag work. download=1 names it as a file." },
    { "DELETE", "/v1/assets/{id}", ROUTE_WRITE, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, asset_delete, delete_parse, delete_write,
      .help = "Delete it now, with its small picture and what was cut out of it; tasks under way that are made from it are cancelled, their credits come back. Candidates made from a photo are assets of their own and stay: delete each, too." },
    { 0 },
};
