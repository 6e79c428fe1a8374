/*
 * uploads.c - /v1/uploads: resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload): core, creation, checksum, expiration,
 * termination.
 *
 * POST makes a row and nothing else; PATCH streams its body to disk in constant memory, and what it kept when the connection broke is
 * found again by HEAD. The offset told is always one that is durable. Not offered: creation-with-upload, deferred lengths,
 * concatenation, X-HTTP-Method-Override (no client of today needs them).
 */
#include "api/api.h"
#include "api/tus.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "blob/blob.h"
#include "db/db.h"

#define PATCH_TYPE "application/offset+octet-stream"

static void tus_headers(struct http_res *res) {
    http_res_header(res, "Tus-Resumable", TUS_VERSION);
    http_res_header(res, "Cache-Control", "no-store");
}

/* A refusal names the version too: the protocol wants that with 412. */
static void tus_problem_headers(struct http_res *res) {
    http_res_header(res, "Tus-Version", TUS_VERSION);
    tus_headers(res);
}

static void expires_header(struct http_res *res, int64_t expires_ms) {
    char date[30];
    clock_http_date(expires_ms, date);
    http_res_header(res, "Upload-Expires", "%s", date);
}

/* ---- what all requests must say ---- */

static int check_version(const struct http_req *req, struct err *e) {
    struct str v = http_req_header(req, "Tus-Resumable");
    return str_eqz(v, TUS_VERSION) ? 0 : err_set(e, ERR_PRECONDITION, "Tus-Resumable must be " TUS_VERSION);
}

/* A header that must hold a whole number of bytes. */
static int bytes_header(const struct http_req *req, const char *name, int64_t *ret_v, struct err *e) {
    struct str v = http_req_header(req, name);
    return str_int(v, 0, INT64_MAX, ret_v) < 0 ? err_set(e, ERR_BAD_INPUT, "%s must be a whole number of bytes", name) : 0;
}

/* The upload of the address, if it is this account's and still lives. */
static int find_upload(const struct http_req *req, struct blob_upload *ret_u, struct err *e) {
    int64_t id = 0;
    int r = api_param_id(req, 0, "upload", &id, e);
    if (r >= 0)
        r = blob_upload_get(db_reader(api_app(req)->db), req->arena, id, req->account, ret_u, e);
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such upload");
    if (r > 0 && ret_u->expires_ms <= clock_ms())
        return err_set(e, ERR_GONE, "this upload has expired");
    return r;
}

/* ---- OPTIONS ---- */

static int options(struct http_req *req, struct http_res *res, struct err *e) {
    http_res_header(res, "Tus-Resumable", TUS_VERSION);
    http_res_header(res, "Tus-Version", TUS_VERSION);
    http_res_header(res, "Tus-Extension", TUS_EXTENSIONS);
    http_res_header(res, "Tus-Checksum-Algorithm", TUS_CHECKSUMS);
    http_res_header(res, "Tus-Max-Size", "%lld", (long long)blob_upload_max(api_app(req)->blobs));
    return http_res_empty(res, 204);
}

/* ---- POST: creation ---- */

static int create_parse(struct http_req *req, struct err *e) {
    struct str metadata = http_req_header(req, "Upload-Metadata");
    struct tus_metadata m = { 0 };
    int64_t length = 0;
    int r = check_version(req, e);
    if (r >= 0 && http_req_header(req, "Upload-Defer-Length").p)
        r = err_set(e, ERR_BAD_INPUT, "the length must be known at creation");
    if (r >= 0)
        r = bytes_header(req, "Upload-Length", &length, e);
    if (r >= 0)
        r = blob_upload_allowed(api_app(req)->blobs, length, e);
    if (r >= 0 && metadata.n > BLOB_UPLOAD_METADATA_MAX)
        r = err_set(e, ERR_TOO_BIG, "Upload-Metadata may have %d bytes", BLOB_UPLOAD_METADATA_MAX);
    if (r >= 0)
        r = tus_metadata_parse(metadata, req->arena, &m, e);
    if (r < 0)
        return r;
    struct blob_upload *u = ARENA_NEW(req->arena, struct blob_upload);
    *u = (struct blob_upload){ .id = id_new(), .account = req->account, .length = length, .name = m.name, .type = m.type,
                               .metadata = metadata, .created_ms = clock_ms() };
    req->job = u;
    return 0;
}

static int create_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    return blob_upload_add(tx, api_app(req)->blobs, req->job, e);
}

static int create(struct http_req *req, struct http_res *res, struct err *e) {
    const struct blob_upload *u = req->job;
    char id[ID_TEXT_MAX];
    id_text(id, "upload", u->id);
    tus_headers(res);
    expires_header(res, u->expires_ms);
    http_res_header(res, "Upload-Offset", "0");
    http_res_header(res, "Location", "/v1/uploads/%s", id);
    return http_res_empty(res, 201);
}

/* ---- HEAD: where to go on ---- */

static int head(struct http_req *req, struct http_res *res, struct err *e) {
    struct blob_upload u;
    int r = check_version(req, e);
    if (r >= 0)
        r = find_upload(req, &u, e);
    if (r < 0)
        return r;
    tus_headers(res);
    expires_header(res, u.expires_ms);
    http_res_header(res, "Upload-Offset", "%lld", (long long)u.offset);
    http_res_header(res, "Upload-Length", "%lld", (long long)u.length);
    if (u.metadata.n)
        http_res_header(res, "Upload-Metadata", "%.*s", STR_ARG(u.metadata));
    return http_res_empty(res, 200);
}

/* ---- PATCH: bytes ---- */

struct patch {
    struct blob_append *append;
    struct tus_checksum want;
    struct digest *digest;            /* NULL without a checksum */
};

static int patch_write(void *ctx, const void *p, size_t n, struct err *e) {
    struct patch *job = ctx;
    if (job->digest)
        digest_add(job->digest, p, n);
    return blob_append_write(job->append, p, n, e);
}

static void patch_abort(void *ctx) {
    struct patch *job = ctx;
    blob_append_abort(TAKE(job->append));
    digest_free(TAKE(job->digest));
}

static int check_patch(const struct http_req *req, int64_t *ret_offset, struct tus_checksum *ret_want, struct err *e) {
    struct str checksum = http_req_header(req, "Upload-Checksum");
    int r = check_version(req, e);
    if (r >= 0 && !str_ieq(http_req_header(req, "Content-Type"), STR(PATCH_TYPE)))
        r = err_set(e, ERR_MEDIA_TYPE, "Content-Type must be " PATCH_TYPE);
    if (r >= 0)
        r = bytes_header(req, "Upload-Offset", ret_offset, e);
    return r >= 0 && checksum.p ? tus_checksum_parse(checksum, ret_want, e) : r;
}

static int patch_open(struct http_req *req, struct http_sink *ret, struct err *e) {
    struct patch *job = ARENA_NEW(req->arena, struct patch);
    struct blob_upload u;
    int64_t offset = 0;
    int r = check_patch(req, &offset, &job->want, e);
    if (r >= 0)
        r = find_upload(req, &u, e);
    if (r < 0)
        return r;
    if (offset == u.offset && req->body_bytes > u.length - offset)
        return err_set(e, ERR_TOO_BIG, "%lld bytes would go past Upload-Length", (long long)req->body_bytes);
    bool whole = job->want.algorithm != NULL;
    r = blob_append_begin(api_app(req)->blobs, api_app(req)->db, &u, offset, whole, &job->append, e);
    if (r < 0)
        return r;
    if (whole && !(job->digest = digest_new(job->want.algorithm))) {
        blob_append_abort(job->append);
        return err_set(e, ERR_INTERNAL, "no %s in this OpenSSL", job->want.algorithm);
    }
    req->job = job;
    *ret = (struct http_sink){ .ctx = job, .write = patch_write, .abort = patch_abort };
    return 0;
}

static int check_digest(struct patch *job, struct err *e) {
    uint8_t sum[DIGEST_MAX];
    if (!job->digest)
        return 0;
    size_t n = digest_end(job->digest, sum);
    digest_free(TAKE(job->digest));
    return n == job->want.n && crypto_equal(sum, job->want.sum, n)
               ? 0
               : err_set(e, ERR_UPLOAD_CHECKSUM, "the %s of what arrived is another one", job->want.algorithm);
}

static int patch_end(struct http_req *req, struct http_res *res, struct err *e) {
    struct patch *job = req->job;
    int64_t offset = 0, expires_ms = 0;
    int r = check_digest(job, e);
    if (r < 0) {
        blob_append_discard(TAKE(job->append));
        return r;
    }
    r = blob_append_end(TAKE(job->append), &offset, &expires_ms, e);
    if (r < 0)
        return r;
    tus_headers(res);
    expires_header(res, expires_ms);
    http_res_header(res, "Upload-Offset", "%lld", (long long)offset);
    return http_res_empty(res, 204);
}

/* ---- DELETE: termination ---- */

struct removal {
    const struct http_req *req;
    int64_t id;
};

static int remove_row(struct db_tx *tx, void *arg, struct err *e) {
    const struct removal *job = arg;
    struct blob_upload u;
    int r = blob_upload_get(tx, job->req->arena, job->id, job->req->account, &u, e);
    return r == 0 ? err_set(e, ERR_NOT_FOUND, "there is no such upload")
                  : r < 0 ? r : blob_upload_drop(tx, api_app(job->req)->blobs, job->id, e);
}

static int terminate_parse(struct http_req *req, struct err *e) { return check_version(req, e); }

/* On the pool, because unlinking a large file waits on the disk. */
static int terminate(struct http_req *req, struct http_res *res, struct err *e) {
    struct removal job = { .req = req };
    int r = api_param_id(req, 0, "upload", &job.id, e);
    if (r >= 0)
        r = db_do(api_app(req)->db, remove_row, &job, e);
    if (r < 0)
        return r;
    blob_upload_erase(api_app(req)->blobs, job.id);
    tus_headers(res);
    return http_res_empty(res, 204);
}

#define TUS .problem_headers = tus_problem_headers
const struct route api_uploads_routes[] = {
    { "OPTIONS", "/v1/uploads", ROUTE_INLINE, TRAFFIC_UPLOAD, .handle = options, .help = "What this server speaks of tus 1.0." },
    { "OPTIONS", "/v1/uploads/{id}", ROUTE_INLINE, TRAFFIC_UPLOAD, .handle = options, .help = "What this server speaks of tus 1.0." },
    { "POST", "/v1/uploads", ROUTE_WRITE, TRAFFIC_UPLOAD, 0, AUTH_ACCOUNT, create, create_parse, create_write, TUS,
      .help = "Begin a resumable upload (tus 1.0): Upload-Length, Upload-Metadata." },
    { "HEAD", "/v1/uploads/{id}", ROUTE_INLINE, TRAFFIC_UPLOAD, 0, AUTH_ACCOUNT, head, TUS, .help = "How many bytes of an upload are safe." },
    { "PATCH", "/v1/uploads/{id}", ROUTE_STREAM, TRAFFIC_UPLOAD, 0, AUTH_ACCOUNT, patch_end, .body_open = patch_open, .body_max = PTRDIFF_MAX, TUS,
      .help = "Add bytes at Upload-Offset; what arrived is kept when the connection breaks." },
    { "DELETE", "/v1/uploads/{id}", ROUTE_BLOCKING, TRAFFIC_SETTLE, 0, AUTH_ACCOUNT, terminate, terminate_parse, TUS, .help = "Give an upload up." },
    { 0 },
};
