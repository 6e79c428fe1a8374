/* admin_storage.c - GET /v1/admin/storage: the disk, what is on it, and what is deleted next. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "blob/blob.h"
#include "db/db.h"

static void due(struct jw *w, const char *key, int64_t at_ms) {
    jw_key(w, key);
    if (at_ms)
        jw_int(w, at_ms);
    else
        jw_null(w);
}

static int storage_get(struct http_req *req, struct http_res *res, struct err *e) {
    const char *const no_names[] = { NULL };
    struct app *app = api_app(req);
    struct blob_usage u;
    int64_t oldest = 0;
    int r = api_query_only(req, no_names, e);
    if (r < 0 || (r = blob_usage_get(app->blobs, db_reader(app->db), clock_ms(), &u, e)) < 0)
        return r;
    BUF_CLEANUP struct buf b;
    buf_init(&b, API_JSON_MAX);
    struct jw w;
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "disk");
    jw_obj(&w);
    jw_kint(&w, "total", u.total_bytes);
    jw_kint(&w, "free", u.free_bytes);
    jw_kint(&w, "reserve", u.reserve_bytes);
    jw_end_obj(&w);
    jw_key(&w, "classes");
    jw_arr(&w);
    for (int c = 0; c < BLOB_CLASS_COUNT; c++) {
        int64_t next = u.classes[c].next_due_ms;
        oldest = next && (!oldest || next < oldest) ? next : oldest;
        jw_obj(&w);
        jw_kz(&w, "class", blob_class_name((enum blob_class)c));
        jw_kint(&w, "files", u.classes[c].files);
        jw_kint(&w, "bytes", u.classes[c].bytes);
        due(&w, "next_due_ms", next);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_key(&w, "uploads");
    jw_obj(&w);
    jw_kint(&w, "n", u.uploads);
    jw_kint(&w, "bytes", u.upload_bytes);
    due(&w, "next_due_ms", u.upload_due_ms);
    jw_end_obj(&w);
    due(&w, "oldest_due_ms", oldest);
    jw_key(&w, "due");
    jw_obj(&w);
    jw_kint(&w, "hour", u.due_hour);
    jw_kint(&w, "day", u.due_day);
    jw_kint(&w, "day_bytes", u.due_bytes_day);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return api_json(res, 200, &b, e);
}

const struct route api_admin_storage_routes[] = {
    { "GET", "/v1/admin/storage", ROUTE_BLOCKING, TRAFFIC_OPERATE, 0, AUTH_OPERATOR, storage_get, .out = "AdminStorage",
      .help = "The disk, stored files by class, unfinished uploads, and what is deleted next." },
    { 0 },
};
