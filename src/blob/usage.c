/* usage.c - what is stored and what ends when, for the operator. */
#include <sys/statvfs.h>

#include "blob/internal.h"
#include "db/db.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

/* A file that several rows name counts once. */
DB_SQL(usage_classes, "SELECT class, COUNT(*), SUM(b), MIN(due) FROM (SELECT class, account_id, sha, MAX(bytes) AS b, "
                      "MIN(CASE WHEN delete_at_ms > 0 THEN delete_at_ms END) AS due FROM asset GROUP BY class, account_id, sha) f GROUP BY class");
DB_SQL(usage_due, "SELECT COUNT(*), SUM(bytes) FROM asset WHERE delete_at_ms > 0 AND delete_at_ms <= ?");
DB_SQL(usage_uploads, "SELECT COUNT(*), SUM(bytes_done), MIN(expires_ms) FROM upload");
DB_SQL(usage_account, "SELECT SUM(b) FROM (SELECT MAX(bytes) AS b FROM asset WHERE account_id = ? GROUP BY class, sha) f");

static int classes(struct db_tx *reader, struct blob_usage *u, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_query(reader, &rows, e, &usage_classes);
    while (r >= 0 && (r = db_next(&rows, e)) > 0)
        for (int c = 0; c < BLOB_CLASS_COUNT; c++)
            if (str_eqz(db_str(&rows, 0), blob_class_name((enum blob_class)c))) {
                u->classes[c].files = db_int(&rows, 1);
                u->classes[c].bytes = db_int(&rows, 2);
                u->classes[c].next_due_ms = db_int(&rows, 3);
            }
    return r;
}

static int due(struct db_tx *reader, int64_t until_ms, int64_t *ret_n, int64_t *ret_bytes, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(reader, &rows, e, &usage_due, DB_INT(until_ms));
    if (r > 0) {
        *ret_n = db_int(&rows, 0);
        *ret_bytes = db_int(&rows, 1);
    }
    return r;
}

int blob_usage_get(struct blob_store *s, struct db_tx *reader, int64_t now_ms, struct blob_usage *ret, struct err *e) {
    struct blob_usage u = { .reserve_bytes = s->reserve_bytes };
    struct statvfs v;
    int64_t ignored;
    if (fstatvfs(s->tmp_dir, &v) < 0)
        return err_sys(e, ERR_IO, "asking for room on the disk");
    u.total_bytes = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
    u.free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    int r = classes(reader, &u, e);
    if (r < 0 || (r = due(reader, now_ms + HOUR_MS, &u.due_hour, &ignored, e)) < 0 ||
        (r = due(reader, now_ms + DAY_MS, &u.due_day, &u.due_bytes_day, e)) < 0)
        return r;
    DB_ROWS rows = { 0 };
    if ((r = db_one(reader, &rows, e, &usage_uploads)) > 0) {
        u.uploads = db_int(&rows, 0);
        u.upload_bytes = db_int(&rows, 1);
        u.upload_due_ms = db_int(&rows, 2);
    }
    if (r >= 0)
        *ret = u;
    return r < 0 ? r : 0;
}

int blob_usage_of(struct db_tx *reader, int64_t account, int64_t *ret_bytes, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(reader, &rows, e, &usage_account, DB_INT(account));
    if (r > 0)
        *ret_bytes = db_int(&rows, 0);
    return r < 0 ? r : 0;
}
