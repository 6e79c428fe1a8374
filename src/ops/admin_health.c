/* admin_health.c - GET /v1/admin/health: what /readyz and `zoetrope doctor` look at, of the running server, with what to do. */
#include "auth/auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "blob/blob.h"
#include "db/db.h"
#include "media/client.h"
#include "ops/checks.h"
#include "ops/ops.h"
#include "studio/studio.h"
#include "task/eta.h"
#include "task/task.h"

#define ANSWER_MAX (64 * 1024)

/* Changes no row: it only ends well when the writer runs and may write. */
DB_SQL(health_probe, "UPDATE account SET created_ms = created_ms WHERE id = 0");

static int probe_fn(struct db_tx *tx, void *arg, struct err *e) { return db_run(tx, NULL, e, &health_probe); }

static void row(void *ctx, enum verdict v, const char *what, const char *text, const char *next) {
    struct jw *w = ctx;
    static const char *const names[] = { "ok", "warn", "fail" };
    jw_obj(w);
    jw_kz(w, "name", what);
    jw_kbool(w, "ok", v != OPS_FAIL);
    jw_kz(w, "level", names[v]);
    jw_kz(w, "text", text);
    jw_kz(w, "next", next);
    jw_end_obj(w);
}

static void check_database(struct checkup *c, const struct app *app) {
    struct err e = { 0 };
    struct db_stats s;
    db_get_stats(app->db, &s);
    if (db_do(app->db, probe_fn, NULL, &e) < 0)
        ops__say(c, OPS_FAIL, "database", "look at the disk it is on, then at the log", "it cannot be written: %s", e.text);
    else
        ops__say(c, OPS_OK, "database", NULL, "%.1f MiB, %lld writes, longest commit %.0f ms", (double)s.file_bytes / (1 << 20),
                 (long long)s.writes, (double)s.commit_us_max / 1e3);
}

static void check_pictures(struct checkup *c, const struct app *app) {
    struct err e = { 0 };
    struct media_stats s;
    media_get_stats(app->media, &s);
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 20);
    CLEANUP(json_unref) json_t *info = NULL;
    struct str text;
    if (!s.ready || media_info(app->media, a, &text, &e) < 0 || json_read(text, &info, &e) < 0) {
        ops__say(c, OPS_FAIL, "pictures", "look for media. lines in the log; `zoetrope doctor` says what it lacks", "the picture process is not ready%s%s",
                 e.text[0] ? ": " : "", e.text);
        return;
    }
    ops__say(c, s.restarts > 0 ? OPS_WARN : OPS_OK, "pictures", s.restarts > 0 ? "look for media.died in the log" : NULL,
             "%d at a time, %lld jobs, %lld failed, %lld restarts", s.slots, (long long)s.jobs, (long long)s.failed, (long long)s.restarts);
    ops__check_helper(c, info);
}

static void check_studio(struct checkup *c, const struct app *app) {
    size_t recipes = 0, templates = 0;
    while (studio_recipe_at(app->studio, recipes))
        recipes++;
    while (studio_template_at(app->studio, templates))
        templates++;
    ops__say(c, templates ? OPS_OK : OPS_WARN, "studio", templates ? NULL : "name the folder that has templates with --share",
             "%zu recipe(s), %zu template(s)", recipes, templates);
}

static void check_line(struct checkup *c, const struct eta_stats *eta) {
    for (size_t i = 0; i < eta->n_engines; i++) {
        const struct eta_engine_stats *g = &eta->engines[i];
        if (g->waiting == 0 && g->ahead_ms == 0)
            continue;
        ops__say(c, OPS_OK, "line", NULL, "%lld tasks wait for %s; its %d slots need %.0f s for all that is open", (long long)g->waiting, g->name,
                 g->slots, (double)g->ahead_ms / 1e3 / (g->slots > 0 ? g->slots : 1));
    }
}

/* Lanes that take nothing, and lines that nobody in this process works on. */
static int check_lanes(struct checkup *c, const struct app *app, struct err *e) {
    struct task_lane lanes[64];
    size_t n = 0;
    int r = task_get_lanes(app->tasks, db_reader(app->db), lanes, COUNT(lanes), &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        if (lanes[i].shut_ms)
            ops__say(c, OPS_WARN, "engine", "docs/engines.md says what to do; its tasks go on when it opens, and are given up and paid back when their time is over",
                     "%s takes nothing since %lld s, and %lld tasks wait for it: %s", lanes[i].name, (long long)(lanes[i].shut_ms / 1000),
                     (long long)lanes[i].waiting, lanes[i].why);
    return r;
}

static int check_unsure(struct checkup *c, const struct app *app, struct err *e) {
    struct task_unsure u;
    int r = task_get_unsure(app->tasks, db_reader(app->db), &u, e);
    if (r < 0 || u.n == 0)
        return r;
    if (u.untellable)
        ops__say(c, OPS_WARN, "calls", "give it back what it is said to lack and restart; else they count as made when task.late has passed",
                 "nobody can ask what became of %lld calls: %s: %s", (long long)u.untellable, u.engine, u.why);
    else
        ops__say(c, OPS_OK, "calls", NULL, "of %lld calls it is not known what became of them, of the oldest since %lld s", (long long)u.n,
                 (long long)(u.oldest_ms / 1000));
    return 0;
}

static int write_stats(struct jw *w, const struct app *app, const struct eta_stats *eta, struct err *e) {
    struct task_stats t;
    struct http_stats h;
    int r = task_get_stats(app->tasks, db_reader(app->db), &t, e);
    if (r < 0)
        return r;
    http_server_stats(app->server, &h);
    jw_key(w, "stats");
    jw_obj(w);
    jw_kz(w, "version", ZT_VERSION);
    jw_kint(w, "uptime_s", (clock_mono_ms() - app->started_ms) / 1000);
    jw_key(w, "tasks");
    jw_obj(w);
    for (int i = 0; i < TASK_STATE_COUNT; i++)
        jw_kint(w, task_state_name((enum task_state)i), t.by_state[i]);
    jw_end_obj(w);
    jw_kint(w, "oldest_queued_ms", t.oldest_queued_ms);
    jw_kint(w, "attempts_running", t.attempts_running);
    jw_kint(w, "attempts_failed", t.attempts_failed);
    jw_kint(w, "connections", h.conns_open);
    jw_kint(w, "streams", h.sse_open);
    jw_key(w, "eta");
    jw_obj(w);
    jw_kint(w, "compared", eta->error[ETA_QUEUED].n);
    jw_kreal(w, "median_error", eta->error[ETA_QUEUED].median, 3);
    jw_kreal(w, "bias", eta->error[ETA_QUEUED].bias, 3);
    jw_kreal(w, "p90_kept", eta->error[ETA_QUEUED].covered, 3);
    jw_end_obj(w);
    jw_end_obj(w);
    return 0;
}

static int health_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct app *app = req->app;
    struct eta_stats eta;
    struct jw w;
    BUF_CLEANUP struct buf b;
    buf_init(&b, ANSWER_MAX);
    jw_init(&w, &b);
    struct checkup c = { .row = row, .ctx = &w };
    task_get_eta_stats(app->tasks, &eta);
    jw_obj(&w);
    jw_key(&w, "checks");
    jw_arr(&w);
    check_database(&c, app);
    ops__check_disk(&c, app->cfg, app->data_dir);
    check_pictures(&c, app);
    check_studio(&c, app);
    ops__check_machine(&c);
    check_line(&c, &eta);
    int r = check_lanes(&c, app, e);
    if (r >= 0)
        r = check_unsure(&c, app, e);
    jw_end_arr(&w);
    jw_kbool(&w, "ok", c.fails == 0);
    if (r >= 0)
        r = write_stats(&w, app, &eta, e);
    jw_end_obj(&w);
    if (r < 0)
        return r;
    if (b.failed)
        return err_set(e, ERR_TOO_BIG, "the answer is larger than %d bytes", ANSWER_MAX);
    http_res_header(res, "Cache-Control", "no-store");
    return http_res_body(res, 200, "application/json", buf_str(&b), /* borrowed= */ false);
}

const struct route ops_admin_routes[] = {
    { "GET", "/v1/admin/health", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, health_get, .out = "AdminHealth",
      .help = "How the server is, check by check, with what to do; and the numbers of the moment." },
    { 0 },
};
