/*
 * reader.c - reading connections: one for each thread that asks, made at its first statement, closed when the thread ends.
 * The number is bounded; a thread beyond it is told ERR_BUSY by its statement, not by db_reader(), which cannot fail.
 */
#include "db/internal.h"

#include <assert.h>
#include <stdlib.h>

static void forget(struct db *d, struct db_tx *tx) {
    pthread_mutex_lock(&d->mutex);
    struct db_tx **at = &d->readers;
    while (*at != tx)
        at = &(*at)->next;
    *at = tx->next;
    d->n_readers--;
    d->reads_gone += atomic_load_explicit(&tx->reads, memory_order_relaxed);
    pthread_mutex_unlock(&d->mutex);
}

static void thread_ended(void *arg) {
    struct db_tx *tx = arg;
    forget(tx->db, tx);
    db__tx_free(tx);
}

struct db_tx *db_reader(struct db *d) {
    struct db_tx *tx = pthread_getspecific(d->reader_key);
    if (tx)
        return tx;
    tx = calloc(1, sizeof(*tx));
    if (!tx || pthread_setspecific(d->reader_key, tx) != 0)
        abort();
    *tx = (struct db_tx){ .db = d, .role = DB_ROLE_READ };
    pthread_mutex_lock(&d->mutex);
    tx->next = d->readers;
    d->readers = tx;
    d->n_readers++;
    pthread_mutex_unlock(&d->mutex);
    return tx;
}

int db__reader_connect(struct db_tx *tx, struct err *e) {
    struct db *d = tx->db;
    pthread_mutex_lock(&d->mutex);
    bool full = d->n_readers > d->readers_max;
    pthread_mutex_unlock(&d->mutex);
    if (full)
        return err_set(e, ERR_BUSY, "more than %d threads read the database", d->readers_max);
    return d->drv->open(&d->place, DB_ROLE_READ, &tx->conn, e);
}

struct db_tx *db_snapshot(struct db *d) {
    struct db_tx *tx = db_reader(d);
    tx->n_snapshots++;
    return tx;
}

int db__snapshot_begin(struct db_tx *tx, struct err *e) {
    const struct db_driver *drv = tx->db->drv;
    if (tx->in_snapshot)                                 /* an error of the disk may have ended it: a new one would be of another moment */
        return drv->in_transaction(tx->conn) ? 0 : err_set(e, ERR_DB, "the snapshot was lost");
    int r = drv->control(tx->conn, DB_BEGIN_READ, e);
    tx->in_snapshot = r >= 0;
    return r;
}

void db_snapshot_end(struct db_tx **rd) {
    struct db_tx *tx = *rd;
    assert(tx->n_snapshots > 0);
    if (--tx->n_snapshots > 0)
        return;
    tx->in_snapshot = false;
    if (!tx->conn || !tx->db->drv->in_transaction(tx->conn))
        return;
    assert(tx->n_busy == 0);                             /* rows outlive the snapshot they came from: our bug */
    tx->db->drv->control(tx->conn, DB_ROLLBACK, NULL);   /* nothing was written: there is nothing to lose */
}

int db__readers_init(struct db *d, struct err *e) {
    pthread_mutex_init(&d->mutex, NULL);
    if (pthread_key_create(&d->reader_key, thread_ended) != 0)
        return err_set(e, ERR_INTERNAL, "no thread-specific key is left");
    return 0;
}

void db__readers_done(struct db *d) {
    pthread_key_delete(d->reader_key);
    while (d->readers) {
        struct db_tx *tx = d->readers;
        d->readers = tx->next;
        db__tx_free(tx);
    }
    pthread_mutex_destroy(&d->mutex);
}
