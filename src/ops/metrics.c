/* metrics.c - GET /metrics, Prometheus' text format 0.0.4. */
#include "ops/metrics.h"

#include "auth/auth.h"
#include "base/app.h"
#include "db/db.h"
#include "mail/mail.h"
#include "media/client.h"
#include "net/admission.h"
#include "task/eta.h"
#include "shop/order.h"
#include "task/task.h"

#define TEXT_MAX   (1024 * 1024)
#define ROUTES_MAX 256
#define LABELS_MAX 512                              /* of one sample */

/* "# TYPE" once, before the samples of a name. */
static void name_of(struct buf *b, const char *name, const char *type, const char *help) {
    buf_printf(b, "# HELP zoetrope_%s %s\n# TYPE zoetrope_%s %s\n", name, help, name, type);
}
static void counter(struct buf *b, const char *name, const char *help, int64_t v) {
    name_of(b, name, "counter", help);
    buf_printf(b, "zoetrope_%s %lld\n", name, (long long)v);
}
static void gauge(struct buf *b, const char *name, const char *help, int64_t v) {
    name_of(b, name, "gauge", help);
    buf_printf(b, "zoetrope_%s %lld\n", name, (long long)v);
}

/*
 * The lines of one histogram. labels: "" or of the form name="value"; edge: the last one is INT64_MAX; unit: what one step of an edge is, in
 * what is shown.
 */
static void buckets(struct buf *b, const char *name, const char *labels, const int64_t *edge, const int64_t *hist, size_t n, double unit, double total) {
    const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += hist[i];
        if (edge[i] < INT64_MAX)
            buf_printf(b, "zoetrope_%s_bucket{%s%sle=\"%g\"} %lld\n", name, labels, comma, (double)edge[i] * unit, (long long)sum);
    }
    buf_printf(b, "zoetrope_%s_bucket{%s%sle=\"+Inf\"} %lld\nzoetrope_%s_sum%s%s%s %.6f\nzoetrope_%s_count%s%s%s %lld\n", name, labels, comma, (long long)sum,
               name, open, labels, close, total, name, open, labels, close, (long long)sum);
}

static void histogram(struct buf *b, const char *name, const char *help, const int64_t *edge, const int64_t *hist, size_t n, double unit, double total) {
    name_of(b, name, "histogram", help);
    buckets(b, name, "", edge, hist, n, unit, total);
}

static const char *path_of(const struct http_route_stats *s) { return s->route ? s->route->path : "(none)"; }
static const char *method_of(const struct http_route_stats *s) { return s->route ? s->route->method : ""; }

static void routes_total(struct buf *b, const struct http_route_stats *s, size_t n) {
    name_of(b, "http_requests_total", "counter", "Requests answered.");
    for (size_t i = 0; i < n; i++)
        for (int c = 1; c < 6; c++)
            if (s[i].by_class[c])
                buf_printf(b, "zoetrope_http_requests_total{method=\"%s\",route=\"%s\",class=\"%dxx\"} %lld\n", method_of(&s[i]), path_of(&s[i]),
                           c, (long long)s[i].by_class[c]);
}

static void routes_seconds(struct buf *b, const struct http_route_stats *s, size_t n) {
    name_of(b, "http_request_seconds", "histogram", "From the head of a request to the last byte of its answer.");
    for (size_t i = 0; i < n; i++) {
        char labels[LABELS_MAX];
        if (s[i].n == 0)
            continue;
        snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\"", method_of(&s[i]), path_of(&s[i]));
        buckets(b, "http_request_seconds", labels, http_hist_edge_us, s[i].hist, HTTP_HIST, 1e-6, (double)s[i].us_sum / 1e6);
    }
}

static void http_part(struct buf *b, struct http_server *server) {
    struct http_stats s;
    static _Thread_local struct http_route_stats routes[ROUTES_MAX];
    size_t n = http_server_route_stats(server, routes, COUNT(routes));
    http_server_stats(server, &s);
    routes_total(b, routes, n);
    routes_seconds(b, routes, n);
    gauge(b, "http_connections", "Connections open now.", s.conns_open);
    counter(b, "http_connections_total", "Connections accepted.", s.conns_total);
    counter(b, "http_connections_refused_total", "Connections over a limit.", s.conns_refused);
    counter(b, "http_connections_displaced_total", "Idle connections closed early, since nearly as many as net.conns_max were open.", s.conns_displaced);
    counter(b, "http_repeated_total", "Requests answered by what the same bytes were answered before.", s.repeated);
    counter(b, "http_bad_requests_total", "Requests that broke the rules of HTTP.", s.bad_requests);
    counter(b, "http_timeouts_total", "Connections that were too slow.", s.timeouts);
    gauge(b, "http_streams", "Event streams open now.", s.sse_open);
    gauge(b, "http_websockets", "WebSockets open now.", s.ws_open);
    counter(b, "http_websockets_slow_total", "WebSockets closed because their clients read too slowly.", s.ws_slow);
    gauge(b, "pool_queued", "Requests that wait for a worker.", s.pool_queued);
    gauge(b, "pool_busy", "Workers that are busy.", s.pool_busy);
    counter(b, "pool_refused_total", "Requests answered 503 because the queue was full.", s.pool_refused);
    gauge(b, "costly_queued", "Sign-ins that wait for a password to be hashed.", s.costly_queued);
    counter(b, "costly_refused_total", "Sign-ins answered 503 because too many waited.", s.costly_refused);
}

/* One line of work a label; see net/README.md. */
static void overload_part(struct buf *b, struct http_server *server) {
    static const char *const class[TRAFFIC_COUNT] = {
#define X(id, name) [TRAFFIC_##id] = name,
        TRAFFIC_LIST(X)
#undef X
    };
    struct admission_stats lines[HTTP_LINES];
    http_server_line_stats(server, lines);
    name_of(b, "http_pressed", "gauge", "1 while a line of work does not drain and the less urgent requests are refused; event: how many threads.");
    for (int i = 0; i < HTTP_LINES; i++)
        buf_printf(b, "zoetrope_http_pressed{line=\"%s\"} %d\n", http_line_name[i], lines[i].pressed);
    name_of(b, "http_shed_total", "counter", "Requests answered 503 because they would have waited too long, by what they are for.");
    for (int i = 0; i < HTTP_LINES; i++)
        for (int c = TRAFFIC_SETTLE; c < TRAFFIC_COUNT; c++)
            buf_printf(b, "zoetrope_http_shed_total{line=\"%s\",traffic=\"%s\"} %lld\n", http_line_name[i], class[c], (long long)lines[i].shed[c]);
    name_of(b, "http_wait_seconds", "histogram", "How long requests waited in a line; event: measured for some of them.");
    for (int i = 0; i < HTTP_LINES; i++) {
        char labels[LABELS_MAX];
        snprintf(labels, sizeof labels, "line=\"%s\"", http_line_name[i]);
        buckets(b, "http_wait_seconds", labels, admission_hist_edge_us, lines[i].hist, ADMISSION_HIST, 1e-6, (double)lines[i].sum_us / 1e6);
    }
}

static void db_part(struct buf *b, struct db *db) {
    struct db_stats s;
    db_get_stats(db, &s);
    histogram(b, "db_batch_writes", "Writes in one transaction.", db_hist_edge_writes, s.batch_hist, DB_HIST, 1, (double)s.writes);
    histogram(b, "db_commit_seconds", "COMMIT, which waits for the disk.", db_hist_edge_us, s.commit_hist, DB_HIST, 1e-6, (double)s.commit_us_sum / 1e6);
    histogram(b, "db_wait_seconds", "From the handing in of a write until its transaction began.", db_hist_edge_us, s.wait_hist, DB_HIST, 1e-6,
              (double)s.wait_us_sum / 1e6);
    counter(b, "db_checkpoints_total", "Times the write-ahead log was copied into the database, while no write runs.", s.checkpoints);
    name_of(b, "db_checkpoint_seconds_total", "counter", "Time spent in that.");
    buf_printf(b, "zoetrope_db_checkpoint_seconds_total %.6f\n", (double)s.checkpoint_us_sum / 1e6);
    name_of(b, "db_checkpoint_seconds_max", "gauge", "Longest of them.");
    buf_printf(b, "zoetrope_db_checkpoint_seconds_max %.6f\n", (double)s.checkpoint_us_max / 1e6);
    counter(b, "db_writes_total", "Write functions committed.", s.writes);
    gauge(b, "db_batch_max", "Most writes in one transaction.", s.batch_max);
    gauge(b, "db_queued", "Writes that wait for the writer.", s.queued);
    name_of(b, "db_commit_seconds_max", "gauge", "Longest COMMIT.");
    buf_printf(b, "zoetrope_db_commit_seconds_max %.6f\n", (double)s.commit_us_max / 1e6);
    counter(b, "db_fsync_failed_total", "Commits that the disk refused.", s.fsync_failed);
    counter(b, "db_reads_total", "Statements read.", s.reads);
    gauge(b, "db_wal_bytes", "Size of the write-ahead log.", s.wal_bytes);
    gauge(b, "db_file_bytes", "Size of the database.", s.file_bytes);
}

static void media_part(struct buf *b, struct media *media) {
    struct media_stats s;
    media_get_stats(media, &s);
    gauge(b, "media_ready", "1 while the picture process takes work.", s.ready);
    gauge(b, "media_slots", "Jobs it works on side by side.", s.slots);
    gauge(b, "media_queued", "Jobs that wait.", s.queued);
    gauge(b, "media_running", "Jobs under way.", s.running);
    counter(b, "media_jobs_total", "Jobs ended.", s.jobs);
    counter(b, "media_failed_total", "Jobs that ended with an error.", s.failed);
    counter(b, "media_died_total", "Jobs whose process died.", s.died);
    counter(b, "media_timed_out_total", "Jobs over their time limit.", s.timed_out);
    counter(b, "media_over_memory_total", "Jobs over their memory limit.", s.over_memory);
    counter(b, "media_restarts_total", "Starts of the picture process after the first.", s.restarts);
    name_of(b, "media_seconds_total", "counter", "Time spent in jobs.");
    buf_printf(b, "zoetrope_media_seconds_total %.3f\n", (double)s.ms_sum / 1e3);
}

static int task_part(struct buf *b, const struct app *app, struct err *e) {
    struct task_stats s;
    int r = task_get_stats(app->tasks, db_reader(app->db), &s, e);
    if (r < 0)
        return r;
    name_of(b, "tasks", "gauge", "Tasks by state.");
    for (int i = 0; i < TASK_STATE_COUNT; i++)
        buf_printf(b, "zoetrope_tasks{state=\"%s\"} %lld\n", task_state_name((enum task_state)i), (long long)s.by_state[i]);
    gauge(b, "attempts_running", "Calls to engines under way.", s.attempts_running);
    counter(b, "attempts_failed_total", "Calls to engines that failed.", s.attempts_failed);
    gauge(b, "task_oldest_queued_milliseconds", "Age of the oldest task in line.", s.oldest_queued_ms);
    counter(b, "steps_total", "Steps done.", s.steps);
    name_of(b, "step_seconds_total", "counter", "Time spent in steps.");
    buf_printf(b, "zoetrope_step_seconds_total %.3f\n", (double)s.step_ms_sum / 1e3);
    return 0;
}

/* What waits where nothing is taken, and what nobody knows. */
static int lanes_part(struct buf *b, const struct app *app, struct err *e) {
    struct task_lane lanes[64];
    size_t n = 0;
    int r = task_get_lanes(app->tasks, db_reader(app->db), lanes, COUNT(lanes), &n, e);
    if (r < 0)
        return r;
    name_of(b, "engine_shut_seconds", "gauge", "Since how long an engine takes no calls: keys, money, pace, failures, or it is not there; 0 while it does.");
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "zoetrope_engine_shut_seconds{engine=\"%s\"} %.3f\n", lanes[i].name, (double)lanes[i].shut_ms / 1e3);
    name_of(b, "engine_shut_tasks", "gauge", "Tasks in the line of an engine that takes no calls.");
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "zoetrope_engine_shut_tasks{engine=\"%s\"} %lld\n", lanes[i].name, lanes[i].shut_ms ? (long long)lanes[i].waiting : 0LL);
    struct task_unsure u;
    if ((r = task_get_unsure(app->tasks, db_reader(app->db), &u, e)) < 0)
        return r;
    gauge(b, "calls_unknown", "Calls to engines of which nobody knows what became of them.", u.n);
    gauge(b, "calls_untellable", "Of these, made with a key or a model that is gone from the settings.", u.untellable);
    gauge(b, "calls_unknown_microusd", "What they cost if all of them were made, in millionths of a USD.", u.cost_microusd);
    return 0;
}

static void notice_part(struct buf *b, struct task_core *tasks) {
    int64_t n[TASK_HEARD_COUNT];
    const char *engine;
    name_of(b, "engine_notices_total", "counter", "Messages of services about their calls, by what became of them: woke - a question was asked at once; again, over - "
                                                  "nothing was new; stranger, refused - not genuine; later - to come again.");
    for (size_t i = 0; (engine = task_get_notices(tasks, i, n)); i++)
        for (int k = 0; k < TASK_HEARD_COUNT; k++)
            buf_printf(b, "zoetrope_engine_notices_total{engine=\"%s\",result=\"%s\"} %lld\n", engine, task_heard_names[k], (long long)n[k]);
}

static void eta_gauge(struct buf *b, const char *name, const char *help, const double *v) {
    static const char *const when[ETA_WHEN_COUNT] = { "queued", "started" };
    name_of(b, name, "gauge", help);
    for (int i = 0; i < ETA_WHEN_COUNT; i++)
        buf_printf(b, "zoetrope_%s{at=\"%s\"} %.4f\n", name, when[i], v[i]);
}

/* How well the promised times were kept, by when they were made. */
static void eta_errors(struct buf *b, const struct eta_stats *s) {
    static const char *const when[ETA_WHEN_COUNT] = { "queued", "started" };
    double median[ETA_WHEN_COUNT], bias[ETA_WHEN_COUNT], covered[ETA_WHEN_COUNT];
    name_of(b, "task_eta_error_ratio", "histogram", "|promised - actual| / actual time until a task was decided, by when it was promised.");
    for (int i = 0; i < ETA_WHEN_COUNT; i++) {
        const struct eta_error *x = &s->error[i];
        int64_t sum = 0;
        for (int h = 0; h < ETA_HIST; h++) {
            sum += x->hist[h];
            if (h < ETA_HIST - 1)
                buf_printf(b, "zoetrope_task_eta_error_ratio_bucket{at=\"%s\",le=\"%g\"} %lld\n", when[i], eta_hist_edge[h], (long long)sum);
        }
        buf_printf(b,
                   "zoetrope_task_eta_error_ratio_bucket{at=\"%s\",le=\"+Inf\"} %lld\n"
                   "zoetrope_task_eta_error_ratio_sum{at=\"%s\"} %.4f\nzoetrope_task_eta_error_ratio_count{at=\"%s\"} %lld\n",
                   when[i], (long long)sum, when[i], x->sum, when[i], (long long)x->n);
        median[i] = x->median;
        bias[i] = x->bias;
        covered[i] = x->covered;
    }
    eta_gauge(b, "task_eta_error_median", "Median of that over the newest 256 tasks.", median);
    eta_gauge(b, "task_eta_bias", "Mean of (promised - actual) / actual over the newest 256 tasks; below 0: promised too early.", bias);
    eta_gauge(b, "task_eta_p90_kept", "Part of the newest 256 tasks that were done within the p90 they were promised; 0.9 is right.", covered);
}

static void eta_part(struct buf *b, struct task_core *tasks) {
    struct eta_stats s;
    task_get_eta_stats(tasks, &s);
    eta_errors(b, &s);
    name_of(b, "engine_slots", "gauge", "Calls an engine works on side by side.");
    for (size_t i = 0; i < s.n_engines; i++)
        buf_printf(b, "zoetrope_engine_slots{engine=\"%s\"} %d\n", s.engines[i].name, s.engines[i].slots);
    name_of(b, "line_tasks", "gauge", "Tasks that wait for an engine.");
    for (size_t i = 0; i < s.n_engines; i++)
        buf_printf(b, "zoetrope_line_tasks{engine=\"%s\"} %lld\n", s.engines[i].name, (long long)s.engines[i].waiting);
    name_of(b, "line_seconds", "gauge", "Slot time that all open tasks of an engine still need.");
    for (size_t i = 0; i < s.n_engines; i++)
        buf_printf(b, "zoetrope_line_seconds{engine=\"%s\"} %.3f\n", s.engines[i].name, (double)s.engines[i].ahead_ms / 1e3);
    name_of(b, "call_seconds", "summary", "Slot time of one call of a step, of the newest 64 or so.");
    for (size_t i = 0; i < s.n_steps; i++) {
        const struct eta_step_stats *t = &s.steps[i];
        buf_printf(b, "zoetrope_call_seconds{engine=\"%s\",recipe=\"%.*s\",op=\"%.*s\",quantile=\"0.5\"} %.4f\n", t->engine,
                   STR_ARG(t->recipe), STR_ARG(t->op), t->p50_ms / 1e3);
        buf_printf(b, "zoetrope_call_seconds{engine=\"%s\",recipe=\"%.*s\",op=\"%.*s\",quantile=\"0.9\"} %.4f\n", t->engine,
                   STR_ARG(t->recipe), STR_ARG(t->op), t->p90_ms / 1e3);
    }
    name_of(b, "calls_per_unit", "gauge", "Calls that one person or candidate needs; retries and second pictures make it more than 1.");
    for (size_t i = 0; i < s.n_steps; i++)
        buf_printf(b, "zoetrope_calls_per_unit{engine=\"%s\",recipe=\"%.*s\",op=\"%.*s\"} %.3f\n", s.steps[i].engine,
                   STR_ARG(s.steps[i].recipe), STR_ARG(s.steps[i].op), s.steps[i].calls);
}

static void auth_part(struct buf *b, struct auth *a) {
    struct auth_stats s;
    auth_get_stats(a, &s);
    name_of(b, "sign_ins_total", "counter", "Attempts to sign in or to refresh a session, by what came of them.");
    buf_printf(b,
               "zoetrope_sign_ins_total{result=\"ok\"} %lld\nzoetrope_sign_ins_total{result=\"refused\"} %lld\n"
               "zoetrope_sign_ins_total{result=\"refreshed\"} %lld\nzoetrope_sign_ins_total{result=\"reused\"} %lld\n",
               (long long)s.sign_ins, (long long)s.refused, (long long)s.refreshed, (long long)s.reused);
    counter(b, "password_hashes_total", "Passwords hashed.", s.hashes);
    name_of(b, "access_tokens_total", "counter", "Access tokens shown: whose signature was checked, and that were remembered.");
    buf_printf(b, "zoetrope_access_tokens_total{how=\"checked\"} %lld\nzoetrope_access_tokens_total{how=\"remembered\"} %lld\n",
               (long long)s.access_checked, (long long)s.access_remembered);
    gauge(b, "sessions_ended_known", "Sessions that ended so lately that their access tokens must be refused by name.", s.ended_known);
}

static int shop_part(struct buf *b, const struct app *app, struct err *e) {
    struct shop_stats s;
    int r = shop_get_stats(app->shop, db_reader(app->db), &s, e);
    if (r < 0)
        return r;
    gauge(b, "orders_open", "Orders that can be paid.", s.open);
    gauge(b, "orders_troubled", "Orders that a person must look at: /v1/admin/orders?trouble=1.", s.troubled);
    name_of(b, "refunds", "gauge", "Refunds that are not over: asked, an operator decides; pending, the provider works on it.");
    buf_printf(b, "zoetrope_refunds{state=\"asked\"} %lld\nzoetrope_refunds{state=\"pending\"} %lld\n", (long long)s.refunds_asked, (long long)s.refunds_open);
    counter(b, "orders_told_paid_total", "Times that a provider said of an order that it was paid; it counts once.", s.paid_total);
    counter(b, "pay_questions_total", "Times that a provider was asked about an order.", s.asked_total);
    counter(b, "pay_notices_total", "Notices of payment providers.", s.notices_total);
    counter(b, "pay_notices_refused_total", "Of these, not genuine.", s.notices_refused_total);
    return 0;
}

static int mail_part(struct buf *b, const struct app *app, struct err *e) {
    struct mail_stats s;
    int r = mail_get_stats(app->mail, db_reader(app->db), &s, e);
    if (r < 0)
        return r;
    name_of(b, "mails", "gauge", "Mails by state.");
    buf_printf(b, "zoetrope_mails{state=\"queued\"} %lld\nzoetrope_mails{state=\"kept\"} %lld\nzoetrope_mails{state=\"failed\"} %lld\n",
               (long long)s.queued, (long long)s.kept, (long long)s.failed);
    counter(b, "mails_sent_total", "Mails the SMTP server took.", s.sent_total);
    counter(b, "mails_retried_total", "Tries that will be repeated.", s.retried_total);
    counter(b, "mails_failed_total", "Mails given up.", s.failed_total);
    return 0;
}

/* The names that every Prometheus client library uses. */
static void process_part(struct buf *b, const char *data_dir) {
    struct ops__process p;
    ops__process_read(&p);
    buf_printf(b,
               "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n"
               "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.2f\n"
               "# TYPE process_open_fds gauge\nprocess_open_fds %lld\n"
               "# TYPE process_max_fds gauge\nprocess_max_fds %lld\n"
               "# TYPE process_threads gauge\nprocess_threads %lld\n"
               "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
               (long long)p.rss_bytes, p.cpu_s, (long long)p.fds, (long long)p.fds_max, (long long)p.threads, p.start_s);
    gauge(b, "data_free_bytes", "Room left in the data folder's file system.", ops__disk_free(data_dir));
}

int ops__metrics_get(struct http_req *req, struct http_res *res, struct err *e) {
    const struct app *app = req->app;
    BUF_CLEANUP struct buf b;
    buf_init(&b, TEXT_MAX);
    name_of(&b, "info", "gauge", "What runs here.");
    buf_printf(&b, "zoetrope_info{version=\"%s\"} 1\n", ZT_VERSION);
    http_part(&b, app->server);
    overload_part(&b, app->server);
    db_part(&b, app->db);
    media_part(&b, app->media);
    auth_part(&b, app->auth);
    int r = task_part(&b, app, e);
    if (r >= 0)
        r = lanes_part(&b, app, e);
    if (r >= 0)
        r = mail_part(&b, app, e);
    if (r >= 0)
        r = shop_part(&b, app, e);
    if (r < 0)
        return r;
    eta_part(&b, app->tasks);
    notice_part(&b, app->tasks);
    process_part(&b, app->data_dir);
    if (b.failed)
        return err_set(e, ERR_TOO_BIG, "the numbers are larger than %d bytes", TEXT_MAX);
    http_res_header(res, "Cache-Control", "no-store");
    return http_res_body(res, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b), /* borrowed= */ false);
}
