/* health.c - /healthz: the process lives; /readyz: it can take work. */
#include "base/clock.h"
#include "base/json.h"
#include "blob/blob.h"
#include "db/db.h"
#include "media/client.h"
#include "ops/metrics.h"
#include "ops/ops.h"

/* Changes no row, so it costs no fsync; but it only ends well when the writer runs and may write. */
DB_SQL(ready_probe, "UPDATE account SET created_ms = created_ms WHERE id = 0");

static int answer(struct http_res *res, int status, struct buf *b, struct err *e) {
    if (b->failed)
        return err_set(e, ERR_TOO_BIG, "the answer is larger than %zu bytes", b->max);
    http_res_header(res, "Cache-Control", "no-store");
    return http_res_body(res, status, "application/json", buf_str(b), /* borrowed= */ false);
}

static int health_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct app *app = req->app;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ok", true);
    jw_kz(&w, "version", ZT_VERSION);
    jw_kint(&w, "uptime_s", (clock_mono_ms() - app->started_ms) / 1000);
    jw_end_obj(&w);
    return answer(res, 200, &b, e);
}

const char *ops_not_ready(const struct app *app, bool *ret_waits) {
    struct media_stats media;
    media_get_stats(app->media, &media);
    *ret_waits = !media.ready && !media.down;
    if (!media.ready)
        return media.down ? "the picture process does not start (`zoetrope doctor` says why)" : "the picture process is still starting";
    return blob_room(app->blobs, 0, NULL) < 0 ? "the disk is full" : NULL;
}

/* Failing is an answer of ready_get(), not an error of the lane. */
struct ready_job { bool db; };

static int ready_parse(struct http_req *req, struct err *e) {
    req->job = ARENA_NEW(req->arena, struct ready_job);
    return 0;
}

static int ready_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct ready_job *job = req->job;
    job->db = db_run(tx, NULL, NULL, &ready_probe) >= 0;
    return 0;
}

static int ready_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct app *app = req->app;
    const struct ready_job *job = req->job;
    struct media_stats media;
    media_get_stats(app->media, &media);
    bool disk = blob_room(app->blobs, 0, NULL) >= 0, ready = job->db && disk && media.ready;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 1024);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ready", ready);
    jw_kbool(&w, "db", job->db);
    jw_kbool(&w, "disk", disk);
    jw_kbool(&w, "media", media.ready);
    jw_end_obj(&w);
    return answer(res, ready ? 200 : 503, &b, e);
}

const struct route ops_routes[] = {
    { "GET", "/healthz", ROUTE_INLINE, TRAFFIC_OPERATE, 0, 0, health_get, .out = "Health", .help = "The process lives." },
    { "GET", "/readyz", ROUTE_WRITE, TRAFFIC_OPERATE, 0, 0, ready_get, ready_parse, ready_write, .out = "Ready", .help = "It can take work: database, disk, picture process." },
    { "GET", "/metrics", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, 0, ops__metrics_get, .help = "Numbers, in Prometheus' text format." },
    { 0 },
};
