/* keeper.c - one thread that does the chores, and the chores of this room. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "ops/costs.h"
#include "ops/metrics.h"
#include "ops/ops.h"

#define CHORES_MAX 32

struct chore { const struct ops_chore *what; int64_t due_mono_ms, ran_ms; };   /* ran_ms: clock_ms(), 0 = not yet */
struct ops_keeper {
    const struct app *app;
    struct chore      chores[CHORES_MAX];
    size_t            n;
    pthread_t         thread;
    pthread_mutex_t   lock;
    pthread_cond_t    wake;
    bool              stopping;
};

const struct setting ops_settings[] = {
    { "ops.traffic_gb_microusd", SET_INT, "0", 0, 1000000000, "What 1 GB sent costs, in millionths of a USD; booked each hour. 28000 is 0.20 CNY. 0: nothing." },
    { "ops.storage_gb_month_microusd", SET_INT, "0", 0, 1000000000, "What 1 GB on the disk costs a month, in millionths of a USD. 17000 is 0.12 CNY. 0: nothing." },
    { "ops.disk_warn_bytes", SET_BYTES, "2G", 0, 1LL << 50, "Below this much free room in the data folder an alarm is logged." },
    { 0 },
};

/* ---- chores ---- */

static int reap(const struct app *app, int64_t now_ms, struct err *e) {
    int64_t removed = 0;
    int r = blob_reap(app->blobs, app->db, now_ms, &removed, e);
    if (removed)
        log_event(LOG_INFO, "keeper.reaped", F_INT("files", removed));
    return r;
}

/* Said when it begins, when it gets worse or better, and when it ends; not every minute. */
static int watch_disk(const struct app *app, int64_t now_ms, struct err *e) {
    static const char *const names[] = { "alarm.disk_ok", "alarm.disk_low", "alarm.disk_full" };
    static int before;                    /* keeper thread only */
    int64_t free_bytes = ops__disk_free(app->data_dir);
    int now = blob_room(app->blobs, 0, NULL) < 0 ? 2 : free_bytes < config_int(app->cfg, "ops.disk_warn_bytes") ? 1 : 0;
    if (now != before)
        log_event(now == 0 ? LOG_INFO : now == 1 ? LOG_WARN : LOG_ERROR, names[now], F_INT("free_bytes", free_bytes));
    before = now;
    return 0;
}

#define EXPIRE_ROUND 200                  /* lots a transaction: others wait for the writer meanwhile */

static int expire_write(struct db_tx *tx, void *arg, struct err *e) {
    return ledger_expire(tx, clock_ms(), EXPIRE_ROUND, arg, e);
}

static int expire_credits(const struct app *app, int64_t now_ms, struct err *e) {
    int n, r;
    int64_t all = 0;
    do {
        n = 0;
        if ((r = db_do(app->db, expire_write, &n, e)) < 0)
            return r;
        all += n;
    } while (n == EXPIRE_ROUND);
    if (all)
        log_event(LOG_INFO, "keeper.credits_expired", F_INT("lots", all));
    return 0;
}

const struct ops_chore ops_chores[] = {
    { "disk", 5 * 1000, watch_disk },
    { "reap", 60 * 1000, reap },
    { "credits", 60 * 1000, expire_credits },
    { "costs", 600 * 1000, ops__costs },
    { 0 },
};

/* ---- the thread ---- */

static void do_chore(struct ops_keeper *k, struct chore *c) {
    struct err e = { 0 };
    c->ran_ms = clock_ms();
    if (c->what->run(k->app, c->ran_ms, &e) < 0)
        log_event(LOG_ERROR, "keeper.failed", F_STR("chore", c->what->name), F_ERR(&e));
    c->due_mono_ms = clock_mono_ms() + c->what->every_ms;
}

/* Waiting is monotonic; but a machine that slept, or a clock that was set, must not keep what should be deleted by the new time. */
static struct chore *next_chore(struct ops_keeper *k) {
    struct chore *first = &k->chores[0];
    int64_t now_ms = clock_ms();
    for (size_t i = 0; i < k->n; i++) {
        struct chore *c = &k->chores[i];
        if (c->ran_ms && now_ms - c->ran_ms >= c->what->every_ms)
            c->due_mono_ms = 0;
        if (c->due_mono_ms < first->due_mono_ms)
            first = c;
    }
    return first;
}

static void *keeper_main(void *arg) {
    struct ops_keeper *k = arg;
    pthread_setname_np(pthread_self(), "keeper");
    pthread_mutex_lock(&k->lock);
    while (!k->stopping) {
        struct chore *c = next_chore(k);
        if (c->due_mono_ms > clock_mono_ms()) {
            struct timespec until = { .tv_sec = c->due_mono_ms / 1000, .tv_nsec = c->due_mono_ms % 1000 * 1000 * 1000 };
            pthread_cond_timedwait(&k->wake, &k->lock, &until);
            continue;
        }
        pthread_mutex_unlock(&k->lock);
        do_chore(k, c);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

int ops_keeper_start(const struct app *app, const struct ops_chore *const *lists, struct ops_keeper **ret_k, struct err *e) {
    struct ops_keeper *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->app = app;
    for (; *lists; lists++)
        for (const struct ops_chore *c = *lists; c->name; c++)
            if (k->n < CHORES_MAX)
                k->chores[k->n++].what = c;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &monotonic);
    pthread_mutex_init(&k->lock, NULL);
    if (pthread_create(&k->thread, NULL, keeper_main, k) != 0) {
        free(k);
        return err_set(e, ERR_INTERNAL, "cannot start the keeper");
    }
    *ret_k = k;
    return 0;
}

void ops_keeper_stop(struct ops_keeper *k) {
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
