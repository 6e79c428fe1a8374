/*
 * lane.c - the write lane: many threads hand in write functions, one thread runs them, many in each transaction.
 *
 * Natural group commit: while one COMMIT waits for the disk, the next writes pile up; the writer takes all of them at once into
 * the next transaction. No timer, no tuning: a lone write commits at once, a crowd shares one fsync.
 *
 * One that fails takes back only itself. Most fail before they have written anything: then there is nothing to take back. For the others
 * each function would need a SAVEPOINT of its own, which copies every page that it is the first to touch and is a third of what a small
 * transaction costs. So a batch does without; when one fails that has written, the batch is rolled back and begun again with
 * savepoints, and so are the next DB_GUARDED_BATCHES, for such failures come in crowds (everybody spends the last credit).
 *
 * The inbox is a list that is only ever pushed to by compare-and-swap and emptied as a whole, so neither side can be held up
 * and no ABA can happen. `open` counts what was accepted and not yet answered; it is the bound, and LANE_STOP in it closes the door.
 *
 * When a batch does not commit:
 *   disk full          everybody gets ERR_DISK_FULL. It is tried anew with each batch, so it heals when there is room again.
 *   locked             everybody gets ERR_BUSY: tried one by one, each would wait db.busy_wait, and the lane stand still for minutes.
 *   I/O error          the process ends. After a failed fsync the kernel may have dropped the dirty pages and say "fine" the next
 *                      time, so no later answer could be believed; a restart reads back what the disk really holds.
 *   anything else      each function runs again, alone, and is answered alone.
 */
#include "db/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"

#define LANE_STOP (1u << 31)

const int64_t db_hist_edge_writes[DB_HIST] = { 1, 2, 4, 8, 16, 32, 64, 128, DB_BATCH_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
const int64_t db_hist_edge_us[DB_HIST] = { 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000, 2000000, INT64_MAX };

/* ---- numbers: written by the writer alone, read by anybody ---- */

static void add(atomic_llong *to, int64_t n) { atomic_fetch_add_explicit(to, n, memory_order_relaxed); }

static void highest(atomic_llong *to, int64_t n) {
    if (n > atomic_load_explicit(to, memory_order_relaxed))
        atomic_store_explicit(to, n, memory_order_relaxed);
}

static void count_in(atomic_llong hist[DB_HIST], const int64_t edge[DB_HIST], int64_t n) {
    int i = 0;
    while (n > edge[i])
        i++;
    add(&hist[i], 1);
}

/* ---- handing in: any thread ---- */

static int take_place(struct db__lane *l, struct err *e) {
    unsigned n = atomic_load(&l->open);
    do {
        if (n & LANE_STOP)
            return err_set(e, ERR_STOPPING, "the database is being closed");
        if (n >= l->max)
            return err_set(e, ERR_BUSY, "%u writes are waiting already", n);
    } while (!atomic_compare_exchange_weak(&l->open, &n, n + 1));
    return 0;
}

int db_submit(struct db *d, struct db_write *w, struct err *e) {
    struct db__lane *l = &d->lane;
    assert(l->started);
    int r = take_place(l, e);
    if (r < 0)
        return r;
    w->submitted_us = clock_mono_us();
    struct db_write *first = atomic_load(&l->inbox);
    do
        w->next = first;
    while (!atomic_compare_exchange_weak(&l->inbox, &first, w));
    if (!first)
        sem_post(&l->wake);
    return 0;
}

struct waiter {
    struct db_write write;            /* first: done() gets its address */
    sem_t           answered;
};

static void wake_waiter(struct db_write *w) { sem_post(&((struct waiter *)w)->answered); }

int db_do(struct db *d, db_write_fn *fn, void *arg, struct err *e) {
    assert(!pthread_equal(pthread_self(), d->lane.thread));        /* would wait for itself */
    struct waiter me = { .write = { .fn = fn, .arg = arg, .done = wake_waiter } };
    sem_init(&me.answered, 0, 0);
    int r = db_submit(d, &me.write, e);
    if (r >= 0) {
        while (sem_wait(&me.answered) != 0)
            ;                                                      /* a signal */
        r = me.write.rc;
        if (r < 0 && e)
            *e = me.write.err;
    }
    sem_destroy(&me.answered);
    return r;
}

void db_on_commit(struct db_tx *tx, void (*fn)(void *arg), void *arg) {
    assert(tx->role == DB_ROLE_WRITE && tx->n_hooks - tx->hooks_floor < DB_HOOKS_MAX);
    tx->hooks[tx->n_hooks++] = (struct db__hook){ fn, arg };
}

/* ---- running: the writer thread ---- */

static void run_one(struct db_tx *tx, struct db_write *w) {
    tx->hooks_floor = tx->n_hooks;
    w->err = (struct err){ 0 };
    w->rc = w->fn(tx, w->arg, &w->err);
    assert(tx->n_busy == 0);                                       /* the function left rows open: our bug */
    if (w->rc < 0)
        tx->n_hooks = tx->hooks_floor;
}

/* What run_all() returns when the batch must run again with savepoints; no code of an error. */
#define NEEDS_SAVEPOINTS 1

/* 0, NEEDS_SAVEPOINTS, or why the transaction as a whole cannot go on; the functions' own failures are in their rc. */
static int run_all(struct db_tx *tx, struct db_write *list, bool savepoints, struct err *e) {
    const struct db_driver *drv = tx->db->drv;
    bool alone = !list->next;
    for (struct db_write *w = list; w; w = w->next) {
        int r = savepoints ? drv->control(tx->conn, DB_SAVEPOINT, e) : 0;
        if (r < 0)
            return r;
        int64_t touched = drv->touched(tx->conn);
        run_one(tx, w);
        if (!drv->in_transaction(tx->conn)) {                      /* rolled back by the database: see driver_sqlite.c */
            *e = w->err;
            return w->rc < 0 ? w->rc : err_set(e, ERR_DB, "the transaction ended by itself");
        }
        if (alone) {
            *e = w->err;
            return w->rc < 0 ? w->rc : 0;
        }
        bool take_back = w->rc < 0 && drv->touched(tx->conn) != touched;
        if (take_back && !savepoints)
            return NEEDS_SAVEPOINTS;
        if (take_back)
            r = drv->control(tx->conn, DB_SAVEPOINT_ROLLBACK, e);
        if (r >= 0 && savepoints)
            r = drv->control(tx->conn, DB_SAVEPOINT_RELEASE, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int commit(struct db_tx *tx, struct err *e) {
    struct db *d = tx->db;
    int64_t began_us = clock_mono_us();
    int r = failpoint_hit(FP_DB_BEFORE_COMMIT) < 0 ? err_sys(e, ERR_IO, "failpoint db.before_commit")
                                                   : d->drv->control(tx->conn, DB_COMMIT, e);
    int64_t took_us = clock_mono_us() - began_us;
    if (r < 0)
        return r;
    add(&d->commit_us_sum, took_us);
    highest(&d->commit_us_max, took_us);
    count_in(d->commit_hist, db_hist_edge_us, took_us);
    failpoint_hit(FP_DB_AFTER_COMMIT);
    return 0;
}

static _Noreturn void end_process(struct db *d, const struct err *e) {
    atomic_fetch_add(&d->fsync_failed, 1);
    log_event(LOG_ERROR, "db.disk_failed", F_STR("path", d->path), F_ERR(e), F_STR("then", "ending the process"));
    abort();
}

/* Begin, all functions, commit. 0: committed. On failure, and when it NEEDS_SAVEPOINTS, nothing of it happened. */
static int transaction(struct db_tx *tx, struct db_write *list, bool savepoints, struct err *e) {
    const struct db_driver *drv = tx->db->drv;
    tx->n_hooks = tx->hooks_floor = 0;
    int r = drv->control(tx->conn, DB_BEGIN_WRITE, e);
    if (r == ERR_BUSY)
        log_event(LOG_WARN, "db.locked", F_STR("path", tx->db->path), F_ERR(e), F_STR("then", "refusing the writes that waited"));
    if (r >= 0)
        r = run_all(tx, list, savepoints, e);
    bool committing = r == 0;
    if (committing)
        r = commit(tx, e);
    if (committing && r >= 0)
        return 0;
    if (committing && r == ERR_IO)
        end_process(tx->db, e);
    tx->n_hooks = 0;
    if (drv->in_transaction(tx->conn))
        drv->control(tx->conn, DB_ROLLBACK, NULL);                 /* a rollback that fails is repeated by the next BEGIN's failure */
    return r;
}

static void note_disk(struct db *d, int r, const struct err *e) {
    struct db__lane *l = &d->lane;
    if (r == ERR_DISK_FULL && !l->disk_full)
        log_event(LOG_ERROR, "db.disk_full", F_STR("path", d->path), F_ERR(e), F_STR("then", "refusing writes until there is room"));
    else if (r >= 0 && l->disk_full)
        log_event(LOG_INFO, "db.disk_room", F_STR("path", d->path));
    if (r == ERR_DISK_FULL || r >= 0)
        l->disk_full = r == ERR_DISK_FULL;
}

/* Hooks first, so that who is answered finds their effects. done() may free its write, and hand in the next one: its place is free by then. */
static void answer_all(struct db_tx *tx, struct db_write *list) {
    for (int i = 0; i < tx->n_hooks; i++)
        tx->hooks[i].fn(tx->hooks[i].arg);
    tx->n_hooks = 0;
    for (struct db_write *w = list, *next; w; w = next) {
        next = w->next;
        atomic_fetch_sub(&tx->db->lane.open, 1);
        w->done(w);
    }
}

static void fail_all(struct db_write *list, int r, const struct err *e) {
    for (struct db_write *w = list; w; w = w->next) {
        w->rc = r;
        w->err = *e;
    }
}

static void run_alone(struct db_tx *tx, struct db_write *w) {
    struct err e = { 0 };
    w->next = NULL;
    int r = transaction(tx, w, /* savepoints= */ false, &e);
    note_disk(tx->db, r, &e);
    if (r < 0)
        fail_all(w, r, &e);
    answer_all(tx, w);
}

static void note_batch(struct db *d, const struct db_write *list, unsigned n) {
    int64_t now_us = clock_mono_us();
    add(&d->writes, n);
    add(&d->batches, 1);
    highest(&d->batch_max, n);
    count_in(d->batch_hist, db_hist_edge_writes, n);
    for (const struct db_write *w = list; w; w = w->next) {
        add(&d->wait_us_sum, now_us - w->submitted_us);
        count_in(d->wait_hist, db_hist_edge_us, now_us - w->submitted_us);
    }
}

static void run_batch(struct db_tx *tx, struct db_write *list, unsigned n) {
    struct db *d = tx->db;
    struct err e = { 0 };
    note_batch(d, list, n);
    if (n == 1) {
        run_alone(tx, list);
        return;
    }
    bool savepoints = d->lane.guarded > 0;
    d->lane.guarded -= savepoints;
    int r = transaction(tx, list, savepoints, &e);
    if (r == NEEDS_SAVEPOINTS) {
        d->lane.guarded = DB_GUARDED_BATCHES;
        r = transaction(tx, list, /* savepoints= */ true, &e);
    }
    note_disk(d, r, &e);
    bool all = r == ERR_DISK_FULL || r == ERR_BUSY;
    if (all)
        fail_all(list, r, &e);
    if (r >= 0 || all) {
        answer_all(tx, list);
        return;
    }
    log_event(LOG_WARN, "db.batch_split", F_INT("writes", n), F_ERR(&e), F_STR("then", "running each alone"));
    for (struct db_write *w = list, *next; w; w = next) {
        next = w->next;
        run_alone(tx, w);
    }
}

/* Between batches, never inside one: what was committed is answered before the log is emptied. */
static void checkpoint(struct db *d) {
    struct db__lane *l = &d->lane;
    int64_t bytes = d->drv->log_bytes(d->writer->conn);
    atomic_store_explicit(&d->log_bytes, bytes, memory_order_relaxed);
    if (bytes < l->retry_log_bytes)
        return;
    struct err e = { 0 };
    int64_t began_us = clock_mono_us();
    int r = d->drv->checkpoint(d->writer->conn, bytes >= d->truncate_bytes, &e);
    int64_t took_us = clock_mono_us() - began_us;
    add(&d->checkpoints, 1);
    add(&d->checkpoint_us_sum, took_us);
    highest(&d->checkpoint_us_max, took_us);
    if (r == ERR_IO)
        end_process(d, &e);
    if (r < 0)
        log_event(LOG_WARN, "db.checkpoint", F_ERR(&e), F_STR("then", "retrying when the log has grown"));
    bool emptied = d->drv->log_bytes(d->writer->conn) == 0;
    l->retry_log_bytes = emptied ? d->checkpoint_bytes : bytes + d->checkpoint_bytes;
}

/* The inbox holds the newest first; the order of arrival is what people expect. */
static struct db_write *take_inbox(struct db__lane *l) {
    struct db_write *in = atomic_exchange(&l->inbox, NULL), *out = NULL;
    while (in) {
        struct db_write *next = in->next;
        in->next = out;
        out = in;
        in = next;
    }
    return out;
}

/* Cuts the first DB_BATCH_MAX off the list. */
static struct db_write *take_batch(struct db_write **list, unsigned *ret_n) {
    struct db_write *first = *list, *last = first;
    unsigned n = 1;
    while (n < DB_BATCH_MAX && last->next) {
        last = last->next;
        n++;
    }
    *list = last->next;
    last->next = NULL;
    *ret_n = n;
    return first;
}

static void *writer_main(void *arg) {
    struct db *d = arg;
    struct db__lane *l = &d->lane;
    pthread_setname_np(pthread_self(), "db-writer");
    while (atomic_load(&l->open) != LANE_STOP) {
        while (sem_wait(&l->wake) != 0)
            ;                                                      /* a signal */
        struct db_write *list = take_inbox(l);
        while (list) {
            unsigned n;
            struct db_write *batch = take_batch(&list, &n);
            run_batch(d->writer, batch, n);
            checkpoint(d);
        }
    }
    return NULL;
}

int db__lane_start(struct db *d, unsigned max, struct err *e) {
    struct db__lane *l = &d->lane;
    l->max = max;
    l->retry_log_bytes = d->checkpoint_bytes;
    sem_init(&l->wake, 0, 0);
    int rc = pthread_create(&l->thread, NULL, writer_main, d);
    if (rc != 0) {
        errno = rc;
        return err_sys(e, ERR_INTERNAL, "starting the database writer");
    }
    l->started = true;
    return 0;
}

void db__lane_stop(struct db *d) {
    if (!d->lane.started)
        return;
    atomic_fetch_or(&d->lane.open, LANE_STOP);
    sem_post(&d->lane.wake);
    pthread_join(d->lane.thread, NULL);
    sem_destroy(&d->lane.wake);
    d->lane.started = false;
}
