/*
 * intake.c - POST /v1/assets: a complete upload becomes a photo with its working copy, thumbnail and facts.
 *
 * Runs on the pool. The stranger's bytes are only touched by a child of zoetrope-media, and none of them is kept: the photo is what that
 * child drew anew, without place, camera or date, and the upload's file goes as soon as that is committed. What it is becomes rows in one
 * transaction, together with the end of the upload and an idempotency row keyed by the upload's id, so that sending the request again
 * gives the same asset. A photo that cannot be used leaves nothing behind, not even its upload; a failure of ours leaves the upload, to try again.
 */
#include "api/asset.h"

#include <errno.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/scope.h"
#include "blob/blob.h"
#include "db/db.h"
#include "media/client.h"
#include "studio/studio.h"

#define ROUTE_NAME "POST /v1/assets"

enum purpose { PURPOSE_PEOPLE, PURPOSE_BACKDROP };
static const char *const purposes[] = { "people", "backdrop", NULL };

struct intake {
    int64_t           upload_id;
    int               purpose;           /* enum purpose */
    bool              consent;
    struct app       *app;
    int64_t           session;
    struct str        lang;
    struct api_key    key;
    struct blob_upload upload;
    struct blob_asset photo, working, thumb;
};
const struct json_field api__intake_fields[] = {
    { "upload", JSON_F_ID, true, 0, 0, offsetof(struct intake, upload_id), .id_kind = "upload", .help = "A complete upload (tus)." },
    { "purpose", JSON_F_ENUM, false, 0, 0, offsetof(struct intake, purpose), .names = purposes, .help = "people (default): faces are found and judged; backdrop: only faces large enough to be in the way are." },
    { "consent", JSON_F_BOOL, false, 0, 0, offsetof(struct intake, consent), .help = "true: everybody in the photo agrees to its being processed; needed for people." },
    { 0 },
};

int api__intake_parse(struct http_req *req, struct err *e) {
    struct intake *in = ARENA_NEW(req->arena, struct intake);
    int r = api_body(req, api__intake_fields, in, e);
    if (r < 0)
        return r;
    if (in->purpose == PURPOSE_PEOPLE && !in->consent)
        return err_set(e, ERR_CONSENT, "consent must be true");
    if ((r = api__rate_per_hour(req, "photo", "api.photos_per_hour", e)) < 0)
        return r;
    in->app = api_app(req);
    in->session = req->session;
    in->lang = str_z(req->lang);
    in->key = (struct api_key){ .account = req->account, .route = ROUTE_NAME, .status = 201 };
    id_text(in->key.key, "upload", in->upload_id);
    sha256_hex(purposes[in->purpose], strlen(purposes[in->purpose]), in->key.hash);
    req->job = in;
    return 0;
}

/* ---- the three files ---- */

/* files: the put of each picture that intake makes, in the order of media/ops.def. */
enum { FILE_WORKING, FILE_THUMB, FILE_PHOTO, FILES };

static int run_media(struct intake *in, int upload_fd, struct blob_put *const files[FILES], struct arena *a, struct str *ret_result,
                     struct err *e) {
    const struct studio_input *rules = studio_input(studio_recipe_at(in->app->studio, 0),
                                                    in->purpose == PURPOSE_PEOPLE ? STUDIO_IN_PEOPLE : STUDIO_IN_BACKDROP);
    long long bytes_max = rules ? rules->bytes_max : 10 * 1000 * 1000;
    struct media_job job = {
        .op = "intake",
        .params = arena_printf(a, "{\"who\":%s,\"bytes_max\":%lld,\"photo_bytes_max\":%lld}", in->purpose == PURPOSE_PEOPLE ? "true" : "false",
                               bytes_max, bytes_max),
        .in = { upload_fd }, .n_in = 1, .n_out = FILES,
    };
    for (size_t i = 0; i < FILES; i++)
        job.out[i] = blob_put_fd(files[i]);
    int r = media_run(in->app->media, &job, a, ret_result, e);
    if (r == ERR_MEDIA_DIED)               /* not the photo's fault, most likely: the helper is up again within a second */
        r = media_run(in->app->media, &job, a, ret_result, e);
    return r;
}

/* What intake said about one picture. */
static void take_picture(const json_t *j, struct arena *a, struct blob_asset *ret) {
    ret->type = arena_str(a, str_z(json_string_value(json_object_get(j, "type"))));
    ret->width = (int)json_integer_value(json_object_get(j, "width"));
    ret->height = (int)json_integer_value(json_object_get(j, "height"));
}

static int take_facts(struct intake *in, struct str result, struct arena *a, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = json_read(result, &j, e);
    if (r < 0)
        return err_set(e, ERR_INTERNAL, "zoetrope-media gave no JSON");
    const json_t *faces = json_object_get(j, "faces");
    if (!json_is_array(faces))
        return err_set(e, ERR_ENGINE_MISSING, "the models that find faces are not installed");
    take_picture(json_object_get(j, "photo"), a, &in->photo);
    take_picture(json_object_get(j, "working"), a, &in->working);
    take_picture(json_object_get(j, "thumb"), a, &in->thumb);
    in->photo.width = (int)json_integer_value(json_object_get(j, "width"));      /* as sent, upright: what the faces are measured in */
    in->photo.height = (int)json_integer_value(json_object_get(j, "height"));
    char *text = json_dumps(faces, JSON_COMPACT);
    in->photo.facts = arena_printf(a, "{\"faces\":%s}", text);
    free(text);
    return 0;
}

/* Decodes in the sandbox, then makes the bytes durable; on success the three assets know their hash and size. */
static int store(struct intake *in, struct arena *a, struct err *e) {
    struct blob_store *s = in->app->blobs;
    struct blob_put *files[FILES] = { 0 };
    struct blob_asset *const assets[FILES] = { [FILE_WORKING] = &in->working, [FILE_THUMB] = &in->thumb, [FILE_PHOTO] = &in->photo };
    __attribute__((cleanup(fd_close_p))) int upload_fd = -1;
    struct str result;
    int r = blob_upload_open(s, &in->upload, &upload_fd, e);
    if (r >= 0)
        r = blob_room(s, 2 * in->upload.length, e);
    for (size_t i = 0; r >= 0 && i < FILES; i++)
        r = blob_put_begin(s, in->upload.account, assets[i]->class, &files[i], e);
    if (r >= 0)
        r = run_media(in, upload_fd, files, a, &result, e);
    if (r >= 0)
        r = take_facts(in, result, a, e);
    for (size_t i = 0; r >= 0 && i < FILES; i++)
        r = blob_put_end(TAKE(files[i]), assets[i]->sha, &assets[i]->bytes, e);
    for (size_t i = 0; i < FILES; i++)
        blob_put_abort(files[i]);
    return r < 0 ? r : 0;
}

/* ---- rows ---- */

/* 1: what this upload became before; 0: nothing yet. The key is ours, so a reuse of it is told as what it is. */
static int find_made(struct db_tx *tx, const struct intake *in, int64_t *ret_id, struct err *e) {
    int r = api_key_find(tx, &in->key, ret_id, e);
    return r == ERR_IDEMPOTENCY_REUSED ? err_set(e, ERR_UPLOAD_USED, "it was taken in for another purpose than %s", purposes[in->purpose]) : r;
}

/* A program that says "consent": true has said it for this API's words, unless the page has recorded which ones it showed. */
static int keep_consent(struct db_tx *tx, const struct intake *in, struct err *e) {
    int r = auth_consent_has(tx, in->photo.account, STR("faces"), e);
    if (r != 0)
        return r < 0 ? r : 0;
    struct auth_consent c = { id_new(), in->photo.account, in->session, STR("faces"), STR("api"), in->lang, in->photo.created_ms };
    return auth_consent_add(tx, &c, e);
}

static int keep(struct db_tx *tx, void *arg, struct err *e) {
    struct intake *in = arg;
    int64_t made;
    int r = find_made(tx, in, &made, e);         /* the same request may have won while we were decoding */
    if (r < 0)
        return r;
    if (r == 1) {
        in->photo.id = made;
        return 0;
    }
    in->photo.id = id_new();
    in->working.parent = in->thumb.parent = in->photo.id;
    in->working.id = id_new();
    in->thumb.id = id_new();
    if (in->consent && (r = keep_consent(tx, in, e)) < 0)
        return r;
    if ((r = blob_asset_add(tx, &in->photo, e)) < 0 || (r = blob_asset_add(tx, &in->working, e)) < 0 ||
        (r = blob_asset_add(tx, &in->thumb, e)) < 0 || (r = blob_upload_drop(tx, in->app->blobs, in->upload_id, e)) < 0)
        return r;
    return api_key_keep(tx, &in->key, in->photo.id, e);
}

static int drop(struct db_tx *tx, void *arg, struct err *e) {
    struct intake *in = arg;
    return blob_upload_drop(tx, in->app->blobs, in->upload_id, e);
}

/* Sending it again cannot help: a photo nobody can use must not stay on the disk. */
static bool is_photos_fault(int code) {
    const struct reason *why = err_reason(code);
    return why->retry == RETRY_NEVER && (why->http == 422 || why->http == 415 || why->http == 413);
}

static void fill_rows(struct intake *in) {
    const struct studio_recipe *recipe = studio_recipe_at(in->app->studio, 0);
    int64_t now = clock_ms(), end = now + (recipe ? recipe->keep_inputs_ms : 24LL * 3600 * 1000);
    struct blob_asset *rows[] = { &in->photo, &in->working, &in->thumb };
    for (size_t i = 0; i < COUNT(rows); i++) {
        rows[i]->account = in->upload.account;
        rows[i]->class = i == 0 ? BLOB_ORIGINAL : BLOB_WORK;
        rows[i]->created_ms = now;
        rows[i]->delete_at_ms = end;
        rows[i]->consent_ms = in->consent ? now : 0;
    }
    in->photo.role = in->purpose == PURPOSE_PEOPLE ? STR(API_ROLE_PHOTO) : STR(API_ROLE_BACKDROP);
    in->working.role = STR("working");
    in->thumb.role = STR("thumb");
}

/* 1: the asset that this upload became before; 0: not yet. */
static int made_before(struct http_req *req, const struct intake *in, struct blob_asset *ret, struct err *e) {
    struct db_tx *tx = db_reader(in->app->db);
    int64_t id;
    int r = find_made(tx, in, &id, e);
    if (r <= 0)
        return r;
    r = blob_asset_get(tx, req->arena, id, req->account, ret, e);
    return r == 0 ? err_set(e, ERR_GONE, "this upload became an asset that was deleted") : r;
}

int api__intake_post(struct http_req *req, struct http_res *res, struct err *e) {
    struct intake *in = req->job;
    struct blob_asset asset;
    int r = made_before(req, in, &asset, e);
    if (r < 0)
        return r;
    if (r == 1)
        return api__asset_answer(req, res, 200, &asset, e);
    if ((r = blob_upload_get(db_reader(in->app->db), req->arena, in->upload_id, req->account, &in->upload, e)) < 0)
        return r;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no such upload");
    fill_rows(in);
    r = store(in, req->arena, e);
    bool hopeless = r < 0 && is_photos_fault(r);
    if (r < 0 && !hopeless)
        return r;
    int w = db_do(in->app->db, hopeless ? drop : keep, in, hopeless ? NULL : e);
    if (w >= 0)
        blob_upload_erase(in->app->blobs, in->upload_id);
    if (r < 0 || (r = w) < 0)
        return r;
    if ((r = made_before(req, in, &asset, e)) <= 0)
        return r < 0 ? r : err_set(e, ERR_INTERNAL, "the asset is not there");
    return api__asset_answer(req, res, 201, &asset, e);
}
