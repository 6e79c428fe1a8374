/*
 * costs.c - what the machine itself costs: bytes that were sent, and bytes that lie on the disk, booked each hour.
 * An hour is booked once, whoever counts it; an hour in which no server ran costs nothing here. Looked at more often than once an hour, or a wait that
 * takes a little longer each time would leave one out now and then; but what is stored is counted only when its hour is new, for that reads every asset.
 * Traffic is counted since the last booking, so what was sent in the minutes before a crash is missing.
 */
#include "ops/costs.h"

#include "base/app.h"
#include "base/clock.h"
#include "base/config.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "net/server.h"

#define HOUR_MS    INT64_C(3600000)
#define ROUTES_MAX 256
#define MONTH_H    720                 /* hours of a month, as the price lists have it */
#define GB         INT64_C(1000000000)

struct booking { struct ledger_cost c; bool was; };

static int book_step(struct db_tx *tx, void *arg, struct err *e) {
    struct booking *b = arg;
    struct err why = { 0 };
    int r = ledger_cost(tx, &b->c, &why);
    b->was = r == ERR_RACE;
    if (r < 0 && !b->was) {
        *e = why;
        return r;
    }
    return 0;
}

/* *ret_booked: false when the hour was booked before, or the sum is too small for an entry. */
static int book(const struct app *app, const char *kind, int64_t hour, int64_t microusd, bool *ret_booked, struct err *e) {
    struct booking b = { .c = { .kind = kind, .cause_id = hour, .microusd = microusd } };
    int r = microusd > 0 ? db_do(app->db, book_step, &b, e) : 0;
    *ret_booked = r >= 0 && microusd > 0 && !b.was;
    return r;
}

static int64_t sent_bytes(const struct app *app) {
    static struct http_route_stats routes[ROUTES_MAX];       /* keeper thread only */
    size_t n = http_server_route_stats(app->server, routes, ROUTES_MAX);
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += routes[i].bytes;
    return sum;
}

int64_t ops__cost_of(int64_t bytes, int64_t microusd_a_gb, int64_t parts) {
    return (int64_t)((__int128)bytes * microusd_a_gb / GB / parts);
}

int ops__costs(const struct app *app, int64_t now_ms, struct err *e) {
    static int64_t booked_bytes, stored_hour, sent_hour;     /* keeper thread only */
    int64_t hour = now_ms / HOUR_MS, traffic = config_int(app->cfg, "ops.traffic_gb_microusd"), storage = config_int(app->cfg, "ops.storage_gb_month_microusd");
    bool done;
    if (storage && hour != stored_hour) {
        struct blob_usage u;
        int64_t bytes;
        int r = blob_usage_get(app->blobs, db_reader(app->db), now_ms, &u, e);
        if (r < 0)
            return r;
        bytes = u.upload_bytes;
        for (size_t i = 0; i < BLOB_CLASS_COUNT; i++)
            bytes += u.classes[i].bytes;
        if ((r = book(app, "storage", hour, ops__cost_of(bytes, storage, MONTH_H), &done, e)) < 0)
            return r;
        stored_hour = hour;
    }
    if (traffic && hour != sent_hour) {
        int64_t bytes = sent_bytes(app);
        int r = book(app, "traffic", hour, ops__cost_of(bytes - booked_bytes, traffic, 1), &done, e);
        if (r < 0)
            return r;
        booked_bytes = done ? bytes : booked_bytes;
        sent_hour = hour;
    }
    return 0;
}
