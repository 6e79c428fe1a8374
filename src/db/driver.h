/*
 * driver.h - what a database must be able to do for us: one struct of functions for each kind (drivers.def).
 * Owns: a connection owns its statements' handles; the statement cache above owns the statements.
 * Threads: a connection and its statements belong to one thread at a time.
 * Errors:  the same for every driver, so that the lane and the rooms need not know which one they talk to:
 *          ERR_RACE a constraint was broken (see violated), ERR_BUSY locked by somebody, ERR_DISK_FULL, ERR_IO the disk failed,
 *          ERR_TOO_BIG a value over the limit, ERR_DB all else.
 * Used by: db/ only.
 */
#ifndef ZT_DB_DRIVER_H
#define ZT_DB_DRIVER_H

#include "db/db.h"

struct db_conn;                           /* opaque, the driver's own */
struct db_stmt;

enum {
    DB_CAN_EMBED = 1 << 0,                /* lives in our process and files: one writer connection, the lock file, checkpoints */
    DB_CAN_DDL_TX = 1 << 1,               /* CREATE and ALTER roll back with their transaction */
};

enum db_role {
    DB_ROLE_WRITE,                        /* the one connection that writes, and makes the file when it is missing */
    DB_ROLE_READ,                         /* cannot change anything */
};

/* Where the database is. Borrowed for the length of open(). */
struct db_place {
    const char *path;                     /* DB_CAN_EMBED: the file */
    const char *vfs;                      /* SQLite: name of a registered VFS, NULL = the usual one; tests cut the power through it */
    int         busy_ms;                  /* longest wait for a lock */
    int         cache_kib;                /* page cache of this connection */
};

/* Transaction control; savepoints do not nest. */
#define DB_CONTROLS(X) \
    X(BEGIN_READ) X(BEGIN_WRITE) X(COMMIT) X(ROLLBACK) X(SAVEPOINT) X(SAVEPOINT_RELEASE) X(SAVEPOINT_ROLLBACK)
enum db_control {
#define X(id) DB_##id,
    DB_CONTROLS(X)
#undef X
    DB_CONTROL_COUNT
};

struct db_driver {
    const char *name;
    unsigned    can;                      /* DB_CAN_* */
    int  (*open)(const struct db_place *place, enum db_role role, struct db_conn **ret_c, struct err *e);
    void (*close)(struct db_conn *c);     /* every statement must be finished before */
    int  (*control)(struct db_conn *c, enum db_control what, struct err *e);
    bool (*in_transaction)(struct db_conn *c);     /* false after the database rolled back by itself */

    const char *(*dialect)(const struct db_sql *q);
    int  (*prepare)(struct db_conn *c, const char *sql, struct db_stmt **ret_s, struct err *e);   /* exactly one statement */
    void (*finish)(struct db_stmt *s);
    int  (*bind)(struct db_conn *c, struct db_stmt *s, const struct db_arg *args, size_t n, struct err *e);   /* strings stay borrowed until reset */
    int  (*step)(struct db_conn *c, struct db_stmt *s, struct err *e);     /* 1: a row; 0: done */
    void (*reset)(struct db_stmt *s);     /* drops bindings too */
    int64_t (*changes)(struct db_conn *c);/* rows touched by the last finished INSERT, UPDATE, DELETE */
    int64_t (*touched)(struct db_conn *c);/* by all of them since it was opened; grows with each that changed something, also if it is rolled back */
    enum db_violation (*violated)(struct db_conn *c);      /* what the last failed step or commit broke */

    int64_t    (*col_int)(struct db_stmt *s, int col);
    struct str (*col_str)(struct db_stmt *s, int col);     /* until the next step or reset */
    bool       (*col_null)(struct db_stmt *s, int col);

    /* ---- optional: DB_CAN_EMBED ---- */
    int64_t (*log_bytes)(struct db_conn *c);               /* size of the write-ahead log after the last commit */
    int  (*checkpoint)(struct db_conn *c, bool truncate, struct err *e);
};

#endif
