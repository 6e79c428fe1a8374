/* tasks.c - /v1/tasks: buy a quote, watch it, pick one, cancel. */
#include "api/shop.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/id.h"
#include "blob/blob.h"
#include "db/db.h"
#include "shop/quote.h"
#include "shop/unlike.h"
#include "studio/studio.h"
#include "task/task.h"

#define TASK_JSON_MAX (64 * 1024)

/* The task as its owner sees it now; ERR_NOT_FOUND also when it is somebody else's. */
static int answer_task(struct http_req *req, struct http_res *res, int status, int64_t id, int64_t account, struct err *e) {
    struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    buf_init(&b, TASK_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = task_render(rd, app->tasks, id, account, &b, e);
    if (r < 0)
        return r;
    return r ? api_json(res, status, &b, e) : err_set(e, ERR_NOT_FOUND, "no such task");
}

/* ---- POST /v1/tasks ---- */

struct task_body { int64_t quote; struct shop_who who; };
static const struct json_field task_fields[] = {
    { "quote", JSON_F_ID, true, 0, 0, offsetof(struct task_body, quote), .id_kind = "quote", .help = "From POST /v1/quotes; a quote buys one task." },
    { 0 },
};

static int task_parse(struct http_req *req, struct err *e) {
    struct app *app = api_app(req);
    struct task_body *body = ARENA_NEW(req->arena, struct task_body);
    int r = api_body(req, task_fields, body, e);
    api__who(req, &body->who);
    req->job = body;
    return r < 0 ? r : blob_room(app->blobs, 0, e);          /* no new work for a full disk: told before anything is held */
}

/* In the task's own transaction. */
static int take_free(struct db_tx *tx, struct http_req *req, const struct shop_quote *quote, struct err *e) {
    const struct task_body *body = req->job;
    struct shop_house house = api__house(api_app(req));
    int64_t now_ms = clock_ms(), again_ms = 0;
    if (!quote->free || !shop_sells(house.pay, house.product))
        return 0;
    int r = shop_free_take(tx, house.cfg, house.product->plans[0].may.per_day, &body->who, quote->spec.id, now_ms, &again_ms, e);
    req->retry_s = r == ERR_FREE_USED ? (again_ms - now_ms + 999) / 1000 : 0;
    return r;
}

static int task_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct task_body *body = req->job;
    struct app *app = api_app(req);
    struct shop_quote quote;
    int r = shop_quote_get(tx, app->studio, req->arena, body->quote, req->account, &quote, e);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no such quote");
    struct shop_house house = api__house(app);
    if ((r = shop_quote_still(tx, &house, &quote, e)) < 0)
        return r;
    quote.spec.id = id_new();
    if ((r = shop_quote_bought(tx, quote.id, quote.spec.id, e)) < 0 || (r = take_free(tx, req, &quote, e)) < 0 || (r = task_create(tx, app->tasks, &quote.spec, e)) < 0)
        return r;
    req->object_id = quote.spec.id;
    return 0;
}

static int task_post(struct http_req *req, struct http_res *res, struct err *e) {
    char id[ID_TEXT_MAX];
    id_text(id, "task", req->object_id);
    http_res_header(res, "Location", "/v1/tasks/%s", id);
    return answer_task(req, res, 201, req->object_id, req->account, e);
}

/* ---- POST …/pick, …/cancel: both move the task named in the path ---- */

struct move_job { int64_t task, candidate; };
static const struct json_field pick_fields[] = {
    { "candidate", JSON_F_INT, true, 0, STUDIO_CANDIDATES_MAX - 1, offsetof(struct move_job, candidate), .help = "Index of the picture in `candidates`." },
    { 0 },
};
static const struct json_field no_fields[] = { { 0 } };

static int move_parse(struct http_req *req, const struct json_field *fields, struct err *e) {
    struct move_job *job = ARENA_NEW(req->arena, struct move_job);
    req->job = job;
    int r = api_param_id(req, 0, "task", &job->task, e);
    return r < 0 ? r : api_body(req, fields, job, e);
}
static int pick_parse(struct http_req *req, struct err *e) { return move_parse(req, pick_fields, e); }
static int cancel_parse(struct http_req *req, struct err *e) { return move_parse(req, no_fields, e); }

static int pick_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct move_job *job = req->job;
    req->object_id = job->task;
    return task_pick(tx, api_app(req)->tasks, job->task, req->account, (int)job->candidate, e);
}
static int cancel_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct move_job *job = req->job;
    req->object_id = job->task;
    return task_cancel(tx, api_app(req)->tasks, job->task, req->account, e);
}
static int moved_post(struct http_req *req, struct http_res *res, struct err *e) {
    return answer_task(req, res, 200, req->object_id, req->account, e);
}

/* ---- POST …/unlike ---- */

static int unlike_parse(struct http_req *req, struct err *e) { return move_parse(req, no_fields, e); }

static int unlike_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct move_job *job = req->job;
    struct app *app = api_app(req);
    int64_t made;
    int r = shop_unlike(tx, app->shop, app->tasks, req->account, job->task, id_new(), &made, e);
    req->object_id = r < 0 ? 0 : made ? made : job->task;
    return r;
}

/* The task that was made anew; or the disliked one itself: it was paid back. */
static int unlike_post(struct http_req *req, struct http_res *res, struct err *e) {
    const struct move_job *job = req->job;
    return answer_task(req, res, req->object_id == job->task ? 200 : 201, req->object_id, req->account, e);
}

/* ---- reading ---- */

static int task_get(struct http_req *req, struct http_res *res, struct err *e) {
    int64_t id;
    int r = api_param_id(req, 0, "task", &id, e);
    return r < 0 ? r : answer_task(req, res, 200, id, req->account, e);
}

static int tasks_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    struct api_page page;
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = api_page(req, "task", &page, e);
    if (r < 0 || (r = task_list(rd, app->tasks, req->account, page.before_id, page.limit, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

/* session: 0 for a program's token, which has none that ends by itself. */
struct stream { struct app *app; int64_t session; struct task_stream of; };

/* Nothing more is told to a session that ended, nor to a guest whose work moved to a person: their sessions end with it. */
static int stream_pull(void *ctx, int64_t *seq, struct buf *out, struct err *e) {
    struct stream *s = ctx;
    int r = s->session ? auth_session_lives(s->app->auth, s->session, e) : 1;
    if (r <= 0)
        return r < 0 ? r : /* over */ 1;
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(s->app->db);
    return task_events(rd, &s->of, seq, out, e);
}

/* Whoever comes back for what they have heard to the end: 204 tells a browser to stop coming back. 1: all was said. */
static int heard_all(struct http_req *req, struct db_tx *rd, int64_t id, struct err *e) {
    struct str from = http_req_header(req, "last-event-id");
    struct task_stream s = { .task = id };
    int64_t seq;
    BUF_CLEANUP struct buf b;
    buf_init(&b, TASK_JSON_MAX);
    if (!from.n || str_int(from, 0, INT64_MAX, &seq) < 0)
        return 0;
    int r = task_events(rd, &s, &seq, &b, e);
    return r < 0 ? r : r && b.n == 0;
}

/* 1: there is more to hear. A snapshot of its own, which must be over when the stream begins: a change between the two would go unheard. */
static int may_listen(struct http_req *req, int64_t id, struct err *e) {
    struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    buf_init(&b, TASK_JSON_MAX);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int r = task_render(rd, app->tasks, id, req->account, &b, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such task");
    r = heard_all(req, rd, id, e);
    return r < 0 ? r : !r;
}

static int events_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    int64_t id;
    int r = api_param_id(req, 0, "task", &id, e);
    if (r < 0 || (r = may_listen(req, id, e)) <= 0)
        return r < 0 ? r : http_res_empty(res, 204);
    struct stream *s = ARENA_NEW(req->arena, struct stream);
    *s = (struct stream){ .app = app, .session = auth_access_ends(req) ? req->session : 0, .of = { .c = app->tasks, .task = id } };
    return http_res_sse(res, id, stream_pull, s);
}

const struct route api_tasks_routes[] = {
    { "POST", "/v1/tasks", ROUTE_WRITE, TRAFFIC_CREATE, ROUTE_EFFECT, AUTH_ACCOUNT, task_post, task_parse, task_write,
      .body_max = API_BODY_MAX, .in = task_fields, .out = "Task", .help = "Buy a quote: its credits are held and the task stands in line." },
    { "GET", "/v1/tasks", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, tasks_get, .out = "TaskList", .help = "One's own tasks, newest first." },
    { "GET", "/v1/tasks/{id}", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, task_get, .out = "Task", .help = "State, place in line, progress, candidates." },
    { "GET", "/v1/tasks/{id}/events", ROUTE_INLINE, TRAFFIC_READ, 0, AUTH_ACCOUNT, events_get,
      .help = "Server-sent events of a task; resumes behind Last-Event-ID; 204 when there is nothing more to come." },
    { "POST", "/v1/tasks/{id}/pick", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, moved_post, pick_parse, pick_write,
      .body_max = API_BODY_MAX, .in = pick_fields, .out = "Task", .help = "Choose one of the candidates." },
    { "POST", "/v1/tasks/{id}/cancel", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, moved_post, cancel_parse, cancel_write,
      .body_max = API_BODY_MAX, .in = no_fields, .out = "Task", .help = "Stop a task that is not finished; its credits come back." },
    { "POST", "/v1/tasks/{id}/unlike", ROUTE_WRITE, TRAFFIC_SETTLE, ROUTE_EFFECT, AUTH_ACCOUNT, unlike_post, unlike_parse, unlike_write,
      .body_max = API_BODY_MAX, .in = no_fields, .out = "Task",
      .help = "Not like me: a new task of the same inputs, free (201); of such a one, or where such a one failed, all that the first had cost comes back (200). "
              "unlike_ms of GET /v1/plans says for how long." },
    { 0 },
};
