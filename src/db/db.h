/*
 * db.h - one interface to every SQL database; the embedded SQLite is the first driver.
 * Owns: connections, statement caches, the writer thread.
 * Threads: readers are per thread; all writing is done by functions that the write lane runs on the writer thread (SQLite),
 *          many of them in one transaction, where one that fails takes back only itself (natural group commit).
 * SQL:     statements are constants made with DB_SQL, in the common dialect; a test PREPAREs each on PostgreSQL and MariaDB.
 */
#ifndef ZT_DB_DB_H
#define ZT_DB_DB_H

#include "base/arena.h"
#include "base/config.h"

struct db;
struct db_tx;            /* a reader, or the transaction a write function runs in; borrowed */

/* ---- statements ---- */
struct db_sql {
    const char *name;    /* shown in metrics and errors */
    const char *text;    /* common dialect, '?' parameters */
    const char *pg, *my; /* NULL: same as text */
};
/* DB_SQL_EXTRACT is set by the portability test, which reads the statements out of the preprocessed source. */
#ifndef DB_SQL_EXTRACT
#define DB_SQL(id, text_) static const struct db_sql id = { #id, (text_), NULL, NULL }
#define DB_SQL_VARIANT(id, text_, pg_, my_) static const struct db_sql id = { #id, (text_), (pg_), (my_) }
#else
#define DB_SQL(id, text_) @@SQL@@ id @@ text_ @@END@@
#define DB_SQL_VARIANT(id, text_, pg_, my_) @@SQL3@@ id @@ text_ @@ pg_ @@ my_ @@END@@
#endif

struct db_arg {
    enum { DB_A_NULL, DB_A_INT, DB_A_STR } kind;
    int64_t    i;
    struct str s;        /* borrowed until the call returns */
};
#define DB_NULL    ((struct db_arg){ DB_A_NULL, 0, STR_NULL })
#define DB_INT(v)  ((struct db_arg){ DB_A_INT, (v), STR_NULL })
#define DB_STR(v)  ((struct db_arg){ DB_A_STR, 0, (v) })
#define DB_TEXT(z) ((struct db_arg){ DB_A_STR, 0, str_z(z) })
#define DB_ARGS(...) ((struct db_arg[]){ DB_NULL, ##__VA_ARGS__ }), \
                     (sizeof((struct db_arg[]){ DB_NULL, ##__VA_ARGS__ }) / sizeof(struct db_arg))

/* INSERT, UPDATE, DELETE. ret_changed may be NULL. A broken UNIQUE or CHECK gives ERR_RACE with *ret_constraint semantics: see db_violated(). */
#define db_run(tx, ret_changed, e, q, ...) db_run_((tx), (ret_changed), (e), (q), DB_ARGS(__VA_ARGS__))
int db_run_(struct db_tx *tx, int64_t *ret_changed, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n);

/* SELECT. rows is the caller's, on the stack; release it with db_rows_done (DB_ROWS does it by scope). */
struct db_rows { struct db_tx *tx; void *st; };
#define DB_ROWS __attribute__((cleanup(db_rows_done))) struct db_rows
#define db_query(tx, rows, e, q, ...) db_query_((tx), (rows), (e), (q), DB_ARGS(__VA_ARGS__))
int db_query_(struct db_tx *tx, struct db_rows *rows, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n);
int db_next(struct db_rows *rows, struct err *e);                 /* 1: a row; 0: no more; < 0 */
/* db_query + db_next: 1: the row is in rows; 0: none. */
#define db_one(tx, rows, e, q, ...) db_one_((tx), (rows), (e), (q), DB_ARGS(__VA_ARGS__))
int db_one_(struct db_tx *tx, struct db_rows *rows, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n);
int64_t db_int(const struct db_rows *rows, int col);              /* NULL gives 0 */
struct str db_str(const struct db_rows *rows, int col);           /* valid until the next db_next or done; NULL gives STR_NULL */
bool db_null(const struct db_rows *rows, int col);
void db_rows_done(struct db_rows *rows);

/* What the last failed db_run of this tx broke. */
enum db_violation { DB_V_NONE, DB_V_UNIQUE, DB_V_CHECK, DB_V_FOREIGN };
enum db_violation db_violated(const struct db_tx *tx);

/* ---- reading: this thread's own connection; each statement sees the newest commit ---- */
struct db_tx *db_reader(struct db *d);
/* The same, but all its statements see the newest commit as of the first of them, until the scope ends:
 *     DB_SNAPSHOT struct db_tx *rd = db_snapshot(d);
 * Cheaper, too: taking and leaving the log's read lock costs more than most statements. While a snapshot stands the log cannot be emptied
 * and this thread sees nothing new, so it is for one answer: never across a wait, nor in a scope that begins to listen for changes.
 * Snapshots of one thread nest; the outermost one counts. */
#define DB_SNAPSHOT __attribute__((cleanup(db_snapshot_end)))
struct db_tx *db_snapshot(struct db *d);
void db_snapshot_end(struct db_tx **rd);

/* ---- writing ---- */
/* May run more than once (a batch is run again when what one of it wrote must be taken back, and one by one when it does not commit): everything it hands out is set afresh each time, and effects
 * outside the database happen in db_on_commit only. Returning < 0 rolls back this function alone. */
typedef int db_write_fn(struct db_tx *tx, void *arg, struct err *e);
struct db_write {
    db_write_fn     *fn;
    void            *arg;
    void           (*done)(struct db_write *w);   /* on the writer thread, after COMMIT is durable or the function failed; must not wait */
    int              rc;                          /* what fn returned, or why the commit did not happen */
    struct err       err;
    struct db_write *next;                        /* the lane's own, these two */
    int64_t          submitted_us;
};
int db_submit(struct db *d, struct db_write *w, struct err *e);   /* never waits; ERR_BUSY when the ring is full, ERR_DISK_FULL, ERR_STOPPING */
int db_do(struct db *d, db_write_fn *fn, void *arg, struct err *e);   /* submits and waits: pool, dispatcher and keeper threads only */
void db_on_commit(struct db_tx *tx, void (*fn)(void *arg), void *arg);   /* <= 16 a function; runs on the writer thread after COMMIT; arg must live on */

/* ---- life ---- */
extern const struct setting db_settings[];                        /* rows "db.…" */
/* Opens (and creates) the database in the data directory, takes the lock file, migrates. read_only: for command-line tools beside a running server. */
int db_open(const struct config *cfg, const char *data_dir, bool read_only, struct db **ret_d, struct err *e);
void db_close(struct db *d);                                      /* drains the lane */
#define DB_HIST 12
extern const int64_t db_hist_edge_writes[DB_HIST], db_hist_edge_us[DB_HIST];      /* the last is INT64_MAX */
struct db_stats {
    int64_t writes, batches, batch_max, queued, fsync_failed, reads, wal_bytes, file_bytes;
    int64_t commit_us_sum, commit_us_max;
    int64_t wait_us_sum;                                          /* from db_submit() until the write's batch begins */
    int64_t checkpoints, checkpoint_us_sum, checkpoint_us_max;    /* the writer stands still meanwhile */
    int64_t batch_hist[DB_HIST];                                  /* batches by their writes */
    int64_t commit_hist[DB_HIST], wait_hist[DB_HIST];             /* COMMITs and writes by how long they took and waited */
};
void db_get_stats(struct db *d, struct db_stats *ret);

#endif
