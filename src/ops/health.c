/* health.c - /healthz: the process lives; /readyz: it can take work. */
#include <pthread.h>

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

/*
 * Anybody may ask, and nobody is refused: so all who ask at the same time share one probe of the writer, and its answer is kept for a
 * moment, or until the next one has come back. If none is known, a few may ask for themselves; when none of those comes back, that is the answer.
 */
#define KEPT_US   (100 * 1000)
#define ROUND_US  (1000 * 1000)
#define ROUND_MAX 16

static struct {
    pthread_mutex_t lock;
    int64_t         began_us, ended_us;
    int             begun;                        /* since the last one came back, at most ROUND_MAX in ROUND_US */
    bool            db;
} probe = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended_us = -ROUND_US };

/* False: whoever asks is to find out. */
static bool probe_known(bool *ret_db) {
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&probe.lock);
    bool under_way = probe.begun > 0 && now_us - probe.began_us < ROUND_US;
    bool kept = now_us - probe.ended_us < (under_way ? ROUND_US : KEPT_US), begins = false;
    if (!kept && !under_way) {
        probe.began_us = now_us;
        probe.begun = 0;
    }
    if (!kept && probe.begun < ROUND_MAX) {
        probe.begun++;
        begins = true;
    }
    *ret_db = kept && probe.db;
    pthread_mutex_unlock(&probe.lock);
    return !begins;
}

static void probe_ended(void *ok) {
    pthread_mutex_lock(&probe.lock);
    probe.ended_us = clock_mono_us();
    probe.begun = 0;
    probe.db = ok != NULL;
    pthread_mutex_unlock(&probe.lock);
}

/* Failing is an answer of ready_get(), not an error of the lane. */
struct ready_job { bool db; };

static int ready_parse(struct http_req *req, struct err *e) {
    struct ready_job *job = req->job = ARENA_NEW(req->arena, struct ready_job);
    req->no_write = probe_known(&job->db);
    return 0;
}

static int ready_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    struct ready_job *job = req->job;
    job->db = db_run(tx, NULL, NULL, &ready_probe) >= 0;
    db_on_commit(tx, probe_ended, job->db ? &probe : NULL);
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
