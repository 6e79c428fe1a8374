/*
 * internal.h - what the files of db/ share: the database, a connection with its statements, the write lane.
 * Threads: a struct db_tx belongs to one thread; the rest says so at each field.
 */
#ifndef ZT_DB_INTERNAL_H
#define ZT_DB_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/embed.h"
#include "db/driver.h"

#define DB_BATCH_MAX 512              /* writes in one transaction: bounds the wait of its first one */
#define DB_GUARDED_BATCHES 64         /* so many batches take savepoints after one of them was needed */
#define DB_HOOKS_MAX 16               /* db_on_commit() calls of one write function */
#define DB_STATEMENTS_MAX 512         /* prepared statements kept on one connection */

/* Settings as numbers; tests fill it by hand. */
struct db__conf {
    const struct db_driver *driver;
    const char *data_dir;             /* borrowed during db__open */
    const char *vfs;
    bool        read_only;
    int         busy_ms, readers_max, lane_max, cache_kib;
    int64_t     checkpoint_bytes, truncate_bytes;
    const struct embed_dir *migrations;
};

struct db__stmt {                     /* one prepared statement; in the cache, or alone while its twin is in use */
    const struct db_sql *q;
    const char     *text;             /* with q the key: a test's statement on the stack may reuse an address */
    struct db_stmt *st;
    bool            busy, cached;
    struct db__stmt *next;            /* in its bucket */
};

struct db__hook {
    void (*fn)(void *arg);
    void *arg;
};

struct db_tx {
    struct db      *db;
    struct db_conn *conn;             /* NULL: a reader that was not used yet, or could not be opened */
    enum db_role    role;
    struct db__stmt *buckets[128];
    int             n_cached, n_busy;
    int             n_snapshots;      /* reader: scopes that want one; begun by their first statement: */
    bool            in_snapshot;
    atomic_llong    reads;            /* written by the owner, read by db_get_stats() */
    struct db__hook *hooks;           /* writer: DB_BATCH_MAX * DB_HOOKS_MAX, of the functions of this batch */
    int             n_hooks, hooks_floor;                 /* floor: where the running function's begin */
    struct db_tx   *next;             /* in db.readers */
};

struct db__lane {
    sem_t       wake;                 /* posted once for each change of `inbox` from empty */
    _Atomic(struct db_write *) inbox; /* newest first */
    atomic_uint open;                 /* submitted and unanswered writes, and LANE_STOP */
    unsigned    max;
    pthread_t   thread;
    bool        started;
    bool        disk_full;            /* writer: said so in the log, not healed yet */
    int         guarded;              /* writer: batches to come that take savepoints */
    int64_t     retry_log_bytes;      /* writer: size of the log at which a failed or partial checkpoint is tried again */
};

struct db {
    const struct db_driver *drv;
    char        path[4096];
    struct db_place place;
    int         lock_fd;
    int64_t     checkpoint_bytes, truncate_bytes;
    int         readers_max;
    pthread_key_t reader_key;
    pthread_mutex_t mutex;            /* readers, n_readers, reads_gone */
    struct db_tx *readers;
    int         n_readers;
    int64_t     reads_gone;           /* of readers whose threads have ended */
    struct db_tx *writer;             /* the lane's thread; before it starts and after it ended, the opener's */
    struct db__lane lane;
    atomic_llong writes, batches, batch_max, commit_us_sum, commit_us_max, wait_us_sum, fsync_failed, log_bytes;
    atomic_llong checkpoints, checkpoint_us_sum, checkpoint_us_max;
    atomic_llong batch_hist[DB_HIST], commit_hist[DB_HIST], wait_hist[DB_HIST];
};

/* open.c */
int db__open(const struct db__conf *conf, struct db **ret_d, struct err *e);
/* statement.c */
int db__tx_open(struct db *d, enum db_role role, struct db_tx **ret_tx, struct err *e);   /* with a connection */
void db__tx_free(struct db_tx *tx);
int db__run_text(struct db_tx *tx, const char *sql, struct err *e);
/* reader.c */
int db__readers_init(struct db *d, struct err *e);
void db__readers_done(struct db *d);
int db__reader_connect(struct db_tx *tx, struct err *e);
int db__snapshot_begin(struct db_tx *tx, struct err *e);       /* does nothing while one stands; ERR_DB when it was lost */
/* lane.c */
int db__lane_start(struct db *d, unsigned max, struct err *e);
void db__lane_stop(struct db *d);
/* migrate.c: brings the schema to the newest of the files, or refuses. check_only: for readers, refuses what is not up to date. */
int db__migrate(struct db_tx *tx, const struct embed_dir *files, bool check_only, struct err *e);

#endif
