/*
 * migrate.c - the shape of the data, forward only.
 *
 * migrations/NNNN_room.sql are built in. MySQL commits every DDL statement alone, so the unit that is recorded is the statement,
 * not the file: (migration, statement) with the SHA-256 of its text without comments. Where DDL is transactional, statement and
 * record are one transaction; elsewhere a crash between them runs the statement again, which is why each says IF NOT EXISTS or
 * looks itself. ALTER TABLE cannot say it everywhere: a driver without transactional DDL takes "there is such a column", and "there is no
 * such table" of a RENAME, for done.
 *
 * Refused: a recorded statement whose text is another one now (a released migration was edited), and records this program does
 * not know (a newer program was here: going on could write what that one no longer understands).
 */
#include "db/internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "db/sql_text.h"

#define STATEMENT_BYTES_MAX (64 * 1024)

DB_SQL(create_table, "CREATE TABLE IF NOT EXISTS db_migration (migration BIGINT NOT NULL, statement BIGINT NOT NULL, "
                     "checksum VARCHAR(64) NOT NULL, applied_ms BIGINT NOT NULL, PRIMARY KEY (migration, statement))");
DB_SQL(find_record, "SELECT checksum FROM db_migration WHERE migration = ? AND statement = ?");
DB_SQL(add_record, "INSERT INTO db_migration (migration, statement, checksum, applied_ms) VALUES (?, ?, ?, ?)");
DB_SQL(count_records, "SELECT COUNT(*) FROM db_migration WHERE migration = ?");
DB_SQL(last_record, "SELECT MAX(migration) FROM db_migration");

/* "0003_ledger.sql" is 3. */
static int number_of(const struct embed_file *f, int64_t *ret_number, struct err *e) {
    struct str name = str_z(f->name);
    if (name.n < 5 || name.p[4] != '_' || str_int((struct str){ name.p, 4 }, 1, 9999, ret_number) < 0)
        return err_set(e, ERR_DB, "migration %s: the name must be NNNN_room.sql", f->name);
    return 0;
}

static int apply(struct db_tx *tx, int64_t migration, int64_t statement, const char *sql, const char *checksum, struct err *e) {
    const struct db_driver *drv = tx->db->drv;
    bool together = drv->can & DB_CAN_DDL_TX;
    int r = together ? drv->control(tx->conn, DB_BEGIN_WRITE, e) : 0;
    if (r >= 0)
        r = db__run_text(tx, sql, e);
    if (r >= 0)
        r = db_run(tx, NULL, e, &add_record, DB_INT(migration), DB_INT(statement), DB_TEXT(checksum), DB_INT(clock_ms()));
    if (r >= 0 && together)
        r = drv->control(tx->conn, DB_COMMIT, e);
    if (r < 0 && drv->in_transaction(tx->conn))
        drv->control(tx->conn, DB_ROLLBACK, NULL);
    return r;
}

/* 1: recorded with this text; 0: not yet. */
static int is_applied(struct db_tx *tx, int64_t migration, int64_t statement, const char *checksum, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &find_record, DB_INT(migration), DB_INT(statement));
    if (r == 1 && !str_eqz(db_str(&rows, 0), checksum))
        return err_set(e, ERR_DB, "statement %d was changed after this database had run it", (int)statement);
    return r;
}

static int check_count(struct db_tx *tx, int64_t migration, int64_t known, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &count_records, DB_INT(migration));
    if (r >= 0 && db_int(&rows, 0) > known)
        return err_set(e, ERR_DB, "the database is newer than this program");
    return r < 0 ? r : 0;
}

static int run_file(struct db_tx *tx, const struct embed_file *f, int64_t migration, bool check_only, struct err *e) {
    BUF_CLEANUP struct buf sql;
    buf_init(&sql, STATEMENT_BYTES_MAX);
    struct str rest = f->bytes;
    int64_t statement = 0, done = 0;
    int r;
    while ((r = db_sql_next(&rest, tx->db->drv->name, &sql, e)) == 1) {
        char checksum[SHA256_HEX + 1];
        sha256_hex(sql.p, sql.n, checksum);
        r = is_applied(tx, migration, ++statement, checksum, e);
        if (r < 0)
            return r;
        if (r == 0 && check_only)
            return err_set(e, ERR_DB, "not yet run on this database: start the server once");
        if (r == 0) {
            r = apply(tx, migration, statement, sql.p, checksum, e);
            if (r < 0)
                return err_prefix(e, "statement %d: ", (int)statement);
            done++;
        }
        buf_reset(&sql);
    }
    if (r >= 0)
        r = check_count(tx, migration, statement, e);
    if (r >= 0 && done)
        log_event(LOG_INFO, "db.migrated", F_STR("file", f->name), F_INT("statements", done));
    return r;
}

int db__migrate(struct db_tx *tx, const struct embed_dir *files, bool check_only, struct err *e) {
    int64_t number = 0, before = 0;
    int r = check_only ? 0 : db__run_text(tx, tx->db->drv->dialect(&create_table), e);
    for (size_t i = 0; r >= 0 && i < files->n; i++, before = number) {
        r = number_of(&files->files[i], &number, e);
        if (r >= 0 && number == before)
            r = err_set(e, ERR_DB, "two migrations have this number");
        if (r >= 0)
            r = run_file(tx, &files->files[i], number, check_only, e);
        if (r < 0)
            return err_prefix(e, "%s: ", files->files[i].name);
    }
    if (r < 0)
        return r;
    DB_ROWS rows;
    r = db_one(tx, &rows, e, &last_record);
    if (r >= 0 && db_int(&rows, 0) > number)
        return err_set(e, ERR_DB, "the database is newer than this program: it has migration %d, the newest known here is %d",
                       (int)db_int(&rows, 0), (int)number);
    return r < 0 ? r : 0;
}
