/* admin_tasks.c - /v1/admin/tasks: everybody's tasks, everything that happened to one, cancel, and again for nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"

#include "auth/auth.h"
#include "base/id.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "task/task.h"

#define LINES_MAX 2048               /* of one task's log: attempts and events are at most 500 each, two lines an attempt */

/* ---- GET /v1/admin/tasks ---- */

/* Free text: a task, an account, a photo, or the code of an error. */
static int read_q(struct str q, struct task_search *s, struct err *e) {
    int64_t account = 0;
    if (!q.n || id_parse(q, "task", &s->task) == 0 || id_parse(q, "asset", &s->asset) == 0)
        return 0;
    if (id_parse(q, "acct", &account) < 0)
        s->error = q;
    else if (s->account && s->account != account)
        return err_set(e, ERR_BAD_INPUT, "q and account name two accounts");
    else
        s->account = account;
    return 0;
}

static int tasks_get(struct http_req *req, struct http_res *res, struct err *e) {
    static const char *const names[] = { "limit", "cursor", "state", "recipe", "account", "q", NULL };
    struct app *app = api_app(req);
    struct api_page page;
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    BUF_CLEANUP struct buf items;
    buf_init(&items, API_JSON_MAX);
    int r = api_page_with(req, "task", names, &page, e);
    if (r < 0)
        return r;
    struct str account = http_req_query(req, "account");
    struct task_search s = { .state = http_req_query(req, "state"), .recipe = http_req_query(req, "recipe"), .before_id = page.before_id,
                             .limit = page.limit };
    if (s.state.n && !task_state_known(s.state))
        return err_set(e, ERR_BAD_INPUT, "state: no such state");
    if (account.n && id_parse(account, "acct", &s.account) < 0)
        return err_set(e, ERR_BAD_INPUT, "account must be an account's id");
    if ((r = read_q(http_req_query(req, "q"), &s, e)) < 0 || (r = task_search(rd, app->tasks, &s, &items, e)) < 0)
        return r;
    return api_list(res, &page, &items, e);
}

/* ---- GET /v1/admin/tasks/{id} ---- */

struct line { int64_t at_ms; int order; const char *from; char text[400]; };
struct lines { struct line *l; int n; };

__attribute__((format(printf, 4, 5))) static void say(struct lines *ls, int64_t at_ms, const char *from, const char *fmt, ...) {
    if (ls->n == LINES_MAX)
        return;
    struct line *l = &ls->l[ls->n];
    va_list ap;
    *l = (struct line){ .at_ms = at_ms, .order = ls->n++, .from = from };
    va_start(ap, fmt);
    vsnprintf(l->text, sizeof l->text, fmt, ap);
    va_end(ap);
}

static const char *text_of(const json_t *o, const char *key) {
    const char *z = json_string_value(json_object_get(o, key));
    return z ? z : "";
}
static int64_t int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static void say_event(struct lines *ls, const json_t *ev) {
    char *data = json_dumps(json_object_get(ev, "data"), JSON_COMPACT);
    say(ls, int_of(ev, "at_ms"), "event", "%s %s", text_of(ev, "kind"), data ? data : "");
    free(data);
}

static void say_attempt(struct lines *ls, const json_t *a) {
    const char *state = text_of(a, "state"), *error = text_of(a, "error"), *detail = text_of(a, "detail");
    long long index = int_of(a, "index"), took = int_of(a, "updated_ms") - int_of(a, "created_ms");
    bool under_way = strcmp(state, "intent") == 0 || strcmp(state, "submitted") == 0 || strcmp(state, "fetching") == 0;
    say(ls, int_of(a, "created_ms"), "attempt", "%s %lld on %s begins", text_of(a, "op"), index, text_of(a, "engine"));
    if (!under_way)
        say(ls, int_of(a, "updated_ms"), "attempt", "%s %lld on %s is %s after %lld ms%s%s%s%s", text_of(a, "op"), index, text_of(a, "engine"), state,
            took, error[0] ? ": " : "", error, detail[0] ? ", " : "", detail);
}

static void say_move(struct lines *ls, const json_t *m) {
    say(ls, int_of(m, "at_ms"), "ledger", "%s %lld %s", text_of(m, "kind"), (long long)int_of(m, "amount"), text_of(m, "unit"));
}

static int by_time(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    return x->at_ms != y->at_ms ? (x->at_ms < y->at_ms ? -1 : 1) : x->order - y->order;
}

static void write_log(struct jw *w, struct lines *ls) {
    qsort(ls->l, (size_t)ls->n, sizeof *ls->l, by_time);
    jw_key(w, "log");
    jw_arr(w);
    for (int i = 0; i < ls->n; i++) {
        jw_obj(w);
        jw_kint(w, "at_ms", ls->l[i].at_ms);
        jw_kz(w, "from", ls->l[i].from);
        jw_kz(w, "text", ls->l[i].text);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

/* The hold, its end, and what attempts have cost. */
static int moves_of(struct db_tx *tx, int64_t task, const json_t *attempts, struct buf *out, struct err *e) {
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    int r = ledger_moves(tx, "hold", task, &w, e);
    size_t i;
    const json_t *a;
    json_array_foreach(attempts, i, a) {
        int64_t id = 0;
        if (r >= 0 && int_of(a, "cost_microusd") > 0 && id_parse(str_z(text_of(a, "id")), "attempt", &id) == 0)
            r = ledger_moves(tx, "cost", id, &w, e);
    }
    if (r >= 0)
        r = ledger_moves(tx, "resolve", task, &w, e);
    jw_end_arr(&w);
    return r;
}

static int read_all(struct db_tx *tx, int64_t id, struct buf *attempts, struct buf *events, struct buf *moves, struct lines *ls, struct err *e) {
    CLEANUP(json_unref) json_t *a = NULL, *ev = NULL, *m = NULL;
    size_t i;
    const json_t *o;
    int r = task_attempts(tx, id, attempts, e);
    if (r < 0 || (r = task_event_list(tx, id, events, e)) < 0 || (r = json_read(buf_str(attempts), &a, e)) < 0 ||
        (r = json_read(buf_str(events), &ev, e)) < 0 || (r = moves_of(tx, id, a, moves, e)) < 0 || (r = json_read(buf_str(moves), &m, e)) < 0)
        return r;
    json_array_foreach(ev, i, o) say_event(ls, o);
    json_array_foreach(a, i, o) say_attempt(ls, o);
    json_array_foreach(m, i, o) say_move(ls, o);
    return 0;
}

static int task_get(struct http_req *req, struct http_res *res, struct err *e) {
    struct app *app = api_app(req);
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(app->db);
    int64_t id;
    BUF_CLEANUP struct buf task, attempts, events, moves, out;
    buf_init(&task, API_JSON_MAX);
    buf_init(&attempts, API_JSON_MAX);
    buf_init(&events, API_JSON_MAX);
    buf_init(&moves, API_JSON_MAX);
    buf_init(&out, 4 * API_JSON_MAX);
    int r = api_param_id(req, 0, "task", &id, e);
    if (r < 0)
        return r;
    struct lines ls = { .l = calloc(LINES_MAX, sizeof *ls.l) };
    if (!ls.l)
        abort();
    r = task_render(rd, app->tasks, id, /* account= */ 0, &task, e);
    if (r > 0)
        r = read_all(rd, id, &attempts, &events, &moves, &ls, e) < 0 ? e->code : 1;
    struct jw w;
    jw_init(&w, &out);
    jw_obj(&w);
    jw_key(&w, "task");
    jw_raw(&w, buf_str(&task));
    jw_key(&w, "attempts");
    jw_raw(&w, buf_str(&attempts));
    jw_key(&w, "events");
    jw_raw(&w, buf_str(&events));
    jw_key(&w, "ledger");
    jw_raw(&w, buf_str(&moves));
    write_log(&w, &ls);
    jw_end_obj(&w);
    free(ls.l);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such task");
    return api_json(res, 200, &out, e);
}

/* ---- POST …/cancel, …/rerun ---- */

struct do_job { int64_t task; };
static const struct json_field no_fields[] = { { 0 } };

static int do_parse(struct http_req *req, struct err *e) {
    struct do_job *job = ARENA_NEW(req->arena, struct do_job);
    req->job = job;
    int r = api_param_id(req, 0, "task", &job->task, e);
    return r < 0 ? r : api_body(req, no_fields, job, e);
}

static int cancel_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct do_job *job = req->job;
    req->object_id = job->task;
    return task_operator_cancel(tx, api_app(req)->tasks, job->task, req->account, e);
}

static int rerun_write(struct db_tx *tx, struct http_req *req, struct err *e) {
    const struct do_job *job = req->job;
    req->object_id = id_new();
    return task_operator_rerun(tx, api_app(req)->tasks, job->task, req->object_id, req->account, e);
}

static int answer_task(struct http_req *req, struct http_res *res, int status, struct err *e) {
    struct app *app = api_app(req);
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    int r = task_render(db_reader(app->db), app->tasks, req->object_id, /* account= */ 0, &b, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such task");
    return api_json(res, status, &b, e);
}
static int cancel_post(struct http_req *req, struct http_res *res, struct err *e) { return answer_task(req, res, 200, e); }
static int rerun_post(struct http_req *req, struct http_res *res, struct err *e) { return answer_task(req, res, 201, e); }

const struct route api_admin_tasks_routes[] = {
    { "GET", "/v1/admin/tasks", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, tasks_get, .out = "AdminTaskList",
      .help = "Everybody's tasks, newest first; by state, recipe, account, or free text: a task's, account's or photo's id, or the code of an error." },
    { "GET", "/v1/admin/tasks/{id}", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, task_get, .out = "AdminTaskLog",
      .help = "One task with its attempts, events and ledger entries, and all of that as lines in the order of time." },
    { "POST", "/v1/admin/tasks/{id}/cancel", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, cancel_post, do_parse, cancel_write,
      .body_max = API_BODY_MAX, .in = no_fields, .out = "AdminTask", .help = "Stop a task that is not finished; the owner's credits go back." },
    { "POST", "/v1/admin/tasks/{id}/rerun", ROUTE_WRITE, TRAFFIC_OPERATE, ROUTE_EFFECT, AUTH_OPERATOR, rerun_post, do_parse, rerun_write,
      .body_max = API_BODY_MAX, .in = no_fields, .out = "AdminTask",
      .help = "A new task for the same owner from the same photos, at no price; while the photos live." },
    { 0 },
};
