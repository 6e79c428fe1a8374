/*
 * driver_sqlite.c - SQLite 3, the embedded database (https://sqlite.org/c3ref/intro.html, read for 3.51; amalgamation pinned by tools/setup).
 *
 * Quirks that shaped this file:
 * - WAL with synchronous=FULL: COMMIT fsyncs the log, so a committed transaction survives a power cut. Readers never block the writer.
 * - Automatic checkpoints would run inside somebody's COMMIT and on any connection, so they are off everywhere; the writer
 *   checkpoints between batches (lane.c).
 * - A full disk or an I/O error inside a statement may roll the whole transaction back without being asked: hence in_transaction().
 * - A plan may depend on the values bound to it; then each new value makes the cached statement be prepared again, which cost a third of
 *   every read. The query planner stability guarantee (QPSG) keeps one plan a statement.
 * - A changed page goes into the log whole and from there into the file, whatever changed in it; our rows are some hundred bytes. With pages
 *   of 2 KB instead of 4 a random balance costs half the writing and no more CPU (1 KB: half again, but rows of tasks would not fit into one).
 *   A file keeps the page size it was made with.
 * - ENOSPC from write(2) is SQLITE_FULL, but EDQUOT is SQLITE_IOERR: both are a full disk to us. After a failed fsync nobody knows
 *   which pages reached the disk, so that stays ERR_IO whatever errno says.
 */
#include "db/driver.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/planted.h"

#define VALUE_BYTES_MAX (16 * 1024 * 1024)
/* How long a checkpoint waits for readers to leave the log; the writer stands still meanwhile. */
#define RESTART_WAIT_MS  10
#define TRUNCATE_WAIT_MS 50

struct db_conn {
    sqlite3      *h;
    sqlite3_stmt *control[DB_CONTROL_COUNT];      /* prepared at first use */
    enum db_violation violated;
    int           log_pages, page_bytes, busy_ms;
};

static sqlite3_stmt *stmt_of(struct db_stmt *s) { return (sqlite3_stmt *)(void *)s; }

static enum db_violation violation_of(int rc) {
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return DB_V_UNIQUE;
    case SQLITE_CONSTRAINT_CHECK:
        return DB_V_CHECK;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return DB_V_FOREIGN;
    default:
        return DB_V_NONE;                         /* NOT NULL and the like are our own bugs: ERR_DB */
    }
}

static int io_code(sqlite3 *h, int rc) {
    int os = sqlite3_system_errno(h);
    bool sync = rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
    return !sync && (os == ENOSPC || os == EDQUOT) ? ERR_DISK_FULL : ERR_IO;
}

/* Turns the connection's last error into ours; remembers which constraint broke. */
static int fail(struct db_conn *c, struct err *e) {
    static const char *const broke[] = { [DB_V_UNIQUE] = "there is one already", [DB_V_CHECK] = "a value is not allowed", [DB_V_FOREIGN] = "what it is about is not there" };
    int rc = sqlite3_extended_errcode(c->h), code;
    c->violated = violation_of(rc);
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        if (c->violated)                          /* whoever asked may be told: no names of tables */
            return err_set(e, ERR_RACE, "%s (sqlite %d)", broke[c->violated], rc);
        code = ERR_DB;
        break;
    case SQLITE_FULL:
        code = ERR_DISK_FULL;
        break;
    case SQLITE_IOERR:
        code = io_code(c->h, rc);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = ERR_BUSY;
        break;
    case SQLITE_TOOBIG:
        code = ERR_TOO_BIG;
        break;
    default:
        code = ERR_DB;
    }
    return err_set(e, code, "%s (sqlite %d)", sqlite3_errmsg(c->h), rc);
}

/* Called by COMMIT with the size of the log; checkpointing here would put it on the path of the answer. */
static int on_log_grown(void *ctx, sqlite3 *h, const char *schema, int pages) {
    struct db_conn *c = ctx;
    c->log_pages = pages;
    return SQLITE_OK;
}

static int run_pragmas(struct db_conn *c, const struct db_place *place, enum db_role role, struct err *e) {
    char cache[64];
    snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d", place->cache_kib);
    const char *both[] = { "PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF", "PRAGMA temp_store = MEMORY",
                           "PRAGMA secure_delete = ON", cache };     /* what is deleted is overwritten: it may have been somebody's face */
    /* page_size and journal_mode are stored in the file, in this order: the writer sets them, readers find them. */
    const char *writer[] = { "PRAGMA page_size = 2048", "PRAGMA journal_mode = WAL",
                             planted(PLANTED_SYNC_NORMAL) ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0" };
    for (size_t i = 0; i < COUNT(both); i++)
        if (sqlite3_exec(c->h, both[i], NULL, NULL, NULL) != SQLITE_OK)
            return fail(c, e);
    for (size_t i = 0; role == DB_ROLE_WRITE && i < COUNT(writer); i++)
        if (sqlite3_exec(c->h, writer[i], NULL, NULL, NULL) != SQLITE_OK)
            return fail(c, e);
    return 0;
}

static int read_page_size(struct db_conn *c, struct err *e) {
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(c->h, "PRAGMA page_size", -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        int r = fail(c, e);
        sqlite3_finalize(s);
        return r;
    }
    c->page_bytes = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return 0;
}

static void lite_close(struct db_conn *c) {
    if (!c)
        return;
    for (int i = 0; i < DB_CONTROL_COUNT; i++)
        sqlite3_finalize(c->control[i]);
    sqlite3_close(c->h);
    free(c);
}
DEFINE_CLEANUP(struct db_conn, lite_close)

static int lite_open(const struct db_place *place, enum db_role role, struct db_conn **ret_c, struct err *e) {
    CLEANUP(lite_close) struct db_conn *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE |
                (role == DB_ROLE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    if (sqlite3_open_v2(place->path, &c->h, flags, place->vfs) != SQLITE_OK) {
        int r = c->h ? fail(c, e) : err_set(e, ERR_DB, "out of memory");
        return e ? err_prefix(e, "%s: ", place->path) : r;
    }
    c->busy_ms = place->busy_ms;
    sqlite3_busy_timeout(c->h, c->busy_ms);
    sqlite3_db_config(c->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->h, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    sqlite3_limit(c->h, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    sqlite3_limit(c->h, SQLITE_LIMIT_ATTACHED, 0);
    int r = run_pragmas(c, place, role, e);
    if (r >= 0)
        r = read_page_size(c, e);
    if (r < 0)
        return e ? err_prefix(e, "%s: ", place->path) : r;
    if (role == DB_ROLE_WRITE)
        sqlite3_wal_hook(c->h, on_log_grown, c);
    *ret_c = TAKE(c);
    return 0;
}

static int lite_control(struct db_conn *c, enum db_control what, struct err *e) {
    static const char *const sql[DB_CONTROL_COUNT] = {
        [DB_BEGIN_READ] = "BEGIN",
        [DB_BEGIN_WRITE] = "BEGIN IMMEDIATE",
        [DB_COMMIT] = "COMMIT",
        [DB_ROLLBACK] = "ROLLBACK",
        [DB_SAVEPOINT] = "SAVEPOINT w",
        [DB_SAVEPOINT_RELEASE] = "RELEASE w",
        [DB_SAVEPOINT_ROLLBACK] = "ROLLBACK TO w",
    };
    c->violated = DB_V_NONE;
    if (!c->control[what] &&
        sqlite3_prepare_v3(c->h, sql[what], -1, SQLITE_PREPARE_PERSISTENT, &c->control[what], NULL) != SQLITE_OK)
        return fail(c, e);
    int r = sqlite3_step(c->control[what]) == SQLITE_DONE ? 0 : fail(c, e);
    sqlite3_reset(c->control[what]);
    return r;
}

static bool lite_in_transaction(struct db_conn *c) { return !sqlite3_get_autocommit(c->h); }

static const char *lite_dialect(const struct db_sql *q) { return q->text; }

static int lite_prepare(struct db_conn *c, const char *sql, struct db_stmt **ret_s, struct err *e) {
    sqlite3_stmt *s = NULL;
    const char *tail = NULL;
    if (sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, &tail) != SQLITE_OK)
        return fail(c, e);
    if (!s || *tail) {
        sqlite3_finalize(s);
        return err_set(e, ERR_DB, "expected exactly one statement: %s", sql);
    }
    *ret_s = (struct db_stmt *)(void *)s;
    return 0;
}

static void lite_finish(struct db_stmt *s) { sqlite3_finalize(stmt_of(s)); }

static int lite_bind(struct db_conn *c, struct db_stmt *s, const struct db_arg *args, size_t n, struct err *e) {
    int want = sqlite3_bind_parameter_count(stmt_of(s));
    if ((size_t)want != n)
        return err_set(e, ERR_DB, "the statement has %d parameters, %zu were given", want, n);
    for (size_t i = 0; i < n; i++) {
        int rc = SQLITE_OK, at = (int)i + 1;
        switch (args[i].kind) {
        case DB_A_NULL:
            rc = sqlite3_bind_null(stmt_of(s), at);
            break;
        case DB_A_INT:
            rc = sqlite3_bind_int64(stmt_of(s), at, args[i].i);
            break;
        case DB_A_STR:
            /* An empty view may carry NULL, which SQLite would store as NULL. */
            rc = sqlite3_bind_text64(stmt_of(s), at, args[i].s.p ? args[i].s.p : "", args[i].s.n, SQLITE_STATIC, SQLITE_UTF8);
            break;
        }
        if (rc != SQLITE_OK)
            return fail(c, e);
    }
    return 0;
}

static int lite_step(struct db_conn *c, struct db_stmt *s, struct err *e) {
    c->violated = DB_V_NONE;
    switch (sqlite3_step(stmt_of(s))) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return fail(c, e);
    }
}

static void lite_reset(struct db_stmt *s) {
    sqlite3_reset(stmt_of(s));
    sqlite3_clear_bindings(stmt_of(s));
}

static int64_t lite_changes(struct db_conn *c) { return sqlite3_changes64(c->h); }
static int64_t lite_touched(struct db_conn *c) { return sqlite3_total_changes64(c->h); }
static enum db_violation lite_violated(struct db_conn *c) { return c->violated; }
static int64_t lite_col_int(struct db_stmt *s, int col) { return sqlite3_column_int64(stmt_of(s), col); }
static bool lite_col_null(struct db_stmt *s, int col) { return sqlite3_column_type(stmt_of(s), col) == SQLITE_NULL; }

static struct str lite_col_str(struct db_stmt *s, int col) {
    const char *p = (const char *)sqlite3_column_text(stmt_of(s), col);
    return (struct str){ p, (size_t)sqlite3_column_bytes(stmt_of(s), col) };
}

static int64_t lite_log_bytes(struct db_conn *c) { return (int64_t)c->log_pages * c->page_bytes; }

static int lite_checkpoint(struct db_conn *c, bool truncate, struct err *e) {
    int left = 0, moved = 0;
    /* Not PASSIVE: that copies only what the oldest reader of this moment has seen, and while somebody reads all the time there is always one
     * from before the last commit; then the log is never begun anew. Those of requests end soon; while a long one stands
     * (`verify` beside the server) each attempt waits in vain for as long as below, and the log grows. */
    sqlite3_busy_timeout(c->h, truncate ? TRUNCATE_WAIT_MS : RESTART_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(c->h, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART, &left, &moved);
    sqlite3_busy_timeout(c->h, c->busy_ms);
    if (rc == SQLITE_BUSY)                        /* a reader still needs the log: later */
        return 0;
    if (rc != SQLITE_OK)
        return fail(c, e);
    /* Once every page is home the next commit starts the log from its beginning. */
    c->log_pages = left == moved ? 0 : left;
    return 0;
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .can = DB_CAN_EMBED | DB_CAN_DDL_TX,
    .open = lite_open,
    .close = lite_close,
    .control = lite_control,
    .in_transaction = lite_in_transaction,
    .dialect = lite_dialect,
    .prepare = lite_prepare,
    .finish = lite_finish,
    .bind = lite_bind,
    .step = lite_step,
    .reset = lite_reset,
    .changes = lite_changes,
    .touched = lite_touched,
    .violated = lite_violated,
    .col_int = lite_col_int,
    .col_str = lite_col_str,
    .col_null = lite_col_null,
    .log_bytes = lite_log_bytes,
    .checkpoint = lite_checkpoint,
};
