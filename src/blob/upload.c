/* upload.c - bytes on their way in: the table. The row exists before its file upload/<id>, so a file without a row is always garbage. */
#include <fcntl.h>

#include "base/id.h"
#include "blob/internal.h"
#include "db/db.h"

#define COLUMNS "id, account_id, bytes_total, bytes_done, name, media_type, metadata, created_ms, expires_ms"
#define END_BATCH 200

DB_SQL(add, "INSERT INTO upload (" COLUMNS ") VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)");
DB_SQL(get, "SELECT " COLUMNS " FROM upload WHERE id = ?");
DB_SQL(open_ones, "SELECT COUNT(*), COALESCE(SUM(bytes_total), 0) FROM upload WHERE account_id = ?");
DB_SQL(drop, "DELETE FROM upload WHERE id = ?");
DB_SQL(exists, "SELECT 1 FROM upload WHERE id = ?");
DB_SQL(next_row, "SELECT id, bytes_done FROM upload WHERE id > ? ORDER BY id LIMIT 1");
DB_SQL(ended, "SELECT id FROM upload WHERE expires_ms <= ? ORDER BY expires_ms LIMIT 200");

void blob__upload_name(int64_t id, char out[ID_TEXT_MAX]) { id_text(out, "upload", id); }

int64_t blob_upload_max(const struct blob_store *s) { return s->upload_bytes_max; }

int blob_upload_allowed(struct blob_store *s, int64_t length, struct err *e) {
    if (length > s->upload_bytes_max)
        return err_set(e, ERR_TOO_BIG, "an upload may have at most %lld bytes", (long long)s->upload_bytes_max);
    return blob_room(s, length, e);
}

int blob_upload_add(struct db_tx *tx, const struct blob_store *s, struct blob_upload *u, struct err *e) {
    {
        DB_ROWS rows;
        int r = db_one(tx, &rows, e, &open_ones, DB_INT(u->account));
        if (r < 0)
            return r;
        if (db_int(&rows, 0) >= s->account_uploads_max)
            return err_set(e, ERR_RATE, "%lld uploads are open already: finish or delete one", (long long)db_int(&rows, 0));
        if (db_int(&rows, 1) > s->account_bytes_max - u->length)
            return err_set(e, ERR_TOO_BIG, "the open uploads would have more than %lld bytes in all", (long long)s->account_bytes_max);
    }
    u->offset = 0;
    u->expires_ms = u->created_ms + s->expire_ms;
    return db_run(tx, NULL, e, &add, DB_INT(u->id), DB_INT(u->account), DB_INT(u->length), DB_STR(u->name), DB_STR(u->type),
                  DB_STR(u->metadata), DB_INT(u->created_ms), DB_INT(u->expires_ms));
}

int blob_upload_get(struct db_tx *tx, struct arena *m, int64_t id, int64_t account, struct blob_upload *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &get, DB_INT(id));
    if (r != 1 || (account != 0 && db_int(&rows, 1) != account))
        return r < 0 ? r : 0;
    *ret = (struct blob_upload){
        .id = db_int(&rows, 0), .account = db_int(&rows, 1), .length = db_int(&rows, 2), .offset = db_int(&rows, 3),
        .name = arena_str(m, db_str(&rows, 4)), .type = arena_str(m, db_str(&rows, 5)), .metadata = arena_str(m, db_str(&rows, 6)),
        .created_ms = db_int(&rows, 7), .expires_ms = db_int(&rows, 8),
    };
    return 1;
}

int blob_upload_open(struct blob_store *s, const struct blob_upload *u, int *ret_fd, struct err *e) {
    char name[ID_TEXT_MAX];
    blob__upload_name(u->id, name);
    if (u->offset != u->length)
        return err_set(e, ERR_UPLOAD_INCOMPLETE, "%lld of %lld bytes have arrived", (long long)u->offset, (long long)u->length);
    int fd = openat(s->upload_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (u->length == 0 ? O_CREAT : 0), 0600);
    if (fd < 0)
        return err_sys(e, ERR_IO, "%s", name);
    *ret_fd = fd;
    return 0;
}

int blob_upload_drop(struct db_tx *tx, struct blob_store *s, int64_t id, struct err *e) {
    int64_t changed = 0;
    int r = db_run(tx, &changed, e, &drop, DB_INT(id));
    return r < 0 ? r : changed ? 0 : err_set(e, ERR_NOT_FOUND, "this upload is gone");
}

void blob_upload_erase(struct blob_store *s, int64_t id) {
    char name[ID_TEXT_MAX];
    blob__upload_name(id, name);
    unlinkat(s->upload_dir, name, 0);                 /* what cannot be removed now is the reaper's */
}

int blob__upload_exists(struct db_tx *tx, int64_t id, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &exists, DB_INT(id));
}

int blob__upload_next(struct db_tx *tx, int64_t after_id, int64_t *ret_id, int64_t *ret_done, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &next_row, DB_INT(after_id));
    if (r == 1) {
        *ret_id = db_int(&rows, 0);
        *ret_done = db_int(&rows, 1);
    }
    return r;
}

int blob__upload_end(struct db_tx *tx, int64_t now_ms, struct err *e) {
    int64_t ids[END_BATCH];
    int n = 0, r;
    {
        DB_ROWS rows;
        r = db_query(tx, &rows, e, &ended, DB_INT(now_ms));
        while (r >= 0 && n < END_BATCH && (r = db_next(&rows, e)) == 1)
            ids[n++] = db_int(&rows, 0);
    }
    for (int i = 0; r >= 0 && i < n; i++)
        r = db_run(tx, NULL, e, &drop, DB_INT(ids[i]));
    return r < 0 ? r : n == END_BATCH;
}
