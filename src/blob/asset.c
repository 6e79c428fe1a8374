/* asset.c - the table that says whose bytes are stored, what they are and when they end. */
#include <stdio.h>

#include "blob/internal.h"
#include "db/db.h"

#define COLUMNS "id, account_id, class, sha, bytes, media_type, role, parent_id, width, height, facts, consent_ms, created_ms, delete_at_ms"
#define END_BATCH 200                 /* rows deleted in one write: the lane is shared */

DB_SQL(add, "INSERT INTO asset (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
DB_SQL(get, "SELECT " COLUMNS " FROM asset WHERE id = ?");
DB_SQL(child, "SELECT " COLUMNS " FROM asset WHERE parent_id = ? AND role = ? ORDER BY id DESC LIMIT 1");
DB_SQL(keep_until, "UPDATE asset SET delete_at_ms = ? WHERE id IN (WITH RECURSIVE family (id) AS (SELECT id FROM asset WHERE id = ? "
                   "UNION SELECT a.id FROM asset a JOIN family f ON a.parent_id = f.id) SELECT id FROM family)");
DB_SQL(owner, "SELECT account_id FROM asset WHERE id = ?");
DB_SQL(delete_family, "DELETE FROM asset WHERE id IN (WITH RECURSIVE family (id) AS (SELECT id FROM asset WHERE id = ? "
                      "UNION SELECT a.id FROM asset a JOIN family f ON a.parent_id = f.id) SELECT id FROM family)");
DB_SQL(delete_one, "DELETE FROM asset WHERE id = ?");
DB_SQL(ended, "SELECT id FROM asset WHERE delete_at_ms > 0 AND delete_at_ms <= ? ORDER BY delete_at_ms LIMIT 200");
DB_SQL(named, "SELECT 1 FROM asset WHERE account_id = ? AND class = ? AND sha = ? LIMIT 1");
DB_SQL(next_row, "SELECT id, account_id, class, sha, bytes FROM asset WHERE id > ? ORDER BY id LIMIT 1");

int blob__class_of(struct str name, enum blob_class *ret_c, struct err *e) {
    for (enum blob_class c = 0; c < BLOB_CLASS_COUNT; c++)
        if (str_eqz(name, blob_class_name(c))) {
            *ret_c = c;
            return 0;
        }
    return err_set(e, ERR_DB, "unknown class \"%.*s\" of an asset", STR_ARG(name));
}

int blob_asset_add(struct db_tx *tx, const struct blob_asset *a, struct err *e) {
    return db_run(tx, NULL, e, &add, DB_INT(a->id), DB_INT(a->account), DB_TEXT(blob_class_name(a->class)), DB_TEXT(a->sha), DB_INT(a->bytes),
                  DB_STR(a->type), DB_STR(a->role), DB_INT(a->parent), DB_INT(a->width), DB_INT(a->height), DB_STR(a->facts),
                  DB_INT(a->consent_ms), DB_INT(a->created_ms), DB_INT(a->delete_at_ms));
}

/* r: what db_one() said. */
static int read_row(const struct db_rows *rows, int r, struct arena *m, struct blob_asset *ret, struct err *e) {
    if (r != 1)
        return r;
    struct blob_asset a = {
        .id = db_int(rows, 0), .account = db_int(rows, 1), .bytes = db_int(rows, 4),
        .type = arena_str(m, db_str(rows, 5)), .role = arena_str(m, db_str(rows, 6)), .parent = db_int(rows, 7),
        .width = (int)db_int(rows, 8), .height = (int)db_int(rows, 9), .facts = arena_str(m, db_str(rows, 10)),
        .consent_ms = db_int(rows, 11), .created_ms = db_int(rows, 12), .delete_at_ms = db_int(rows, 13),
    };
    r = blob__class_of(db_str(rows, 2), &a.class, e);
    if (r < 0)
        return r;
    snprintf(a.sha, sizeof(a.sha), "%.*s", STR_ARG(db_str(rows, 3)));
    *ret = a;
    return 1;
}

int blob_asset_get(struct db_tx *tx, struct arena *m, int64_t id, int64_t account, struct blob_asset *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &get, DB_INT(id));
    if (r == 1 && account != 0 && db_int(&rows, 1) != account)
        return 0;
    return read_row(&rows, r, m, ret, e);
}

int blob_asset_child(struct db_tx *tx, struct arena *m, int64_t parent, const char *role, struct blob_asset *ret, struct err *e) {
    DB_ROWS rows;
    int r = db_one(tx, &rows, e, &child, DB_INT(parent), DB_TEXT(role));
    return read_row(&rows, r, m, ret, e);
}

int blob_asset_keep_until(struct db_tx *tx, int64_t id, int64_t delete_at_ms, struct err *e) {
    int64_t changed = 0;
    int r = db_run(tx, &changed, e, &keep_until, DB_INT(delete_at_ms), DB_INT(id));
    return r < 0 ? r : changed ? 0 : err_set(e, ERR_NOT_FOUND, "this asset is gone");
}

int blob_asset_delete(struct db_tx *tx, int64_t id, int64_t account, struct err *e) {
    {
        DB_ROWS rows;
        int r = db_one(tx, &rows, e, &owner, DB_INT(id));
        if (r < 0)
            return r;
        if (r == 0 || (account != 0 && db_int(&rows, 0) != account))
            return err_set(e, ERR_NOT_FOUND, "there is no such asset");
    }
    return db_run(tx, NULL, e, &delete_family, DB_INT(id));
}

int blob__is_named(struct db_tx *tx, const struct blob_key *k, struct err *e) {
    DB_ROWS rows;
    return db_one(tx, &rows, e, &named, DB_INT(k->account), DB_TEXT(blob_class_name(k->class)), DB_TEXT(k->sha));
}

int blob__asset_next(struct db_tx *tx, int64_t after_id, int64_t *ret_id, struct blob_key *ret_k, int64_t *ret_bytes, struct err *e) {
    DB_ROWS rows;
    struct blob_key k = { 0 };
    int r = db_one(tx, &rows, e, &next_row, DB_INT(after_id));
    if (r == 1 && blob__class_of(db_str(&rows, 2), &k.class, e) < 0)
        return ERR_DB;
    if (r != 1)
        return r;
    k.account = db_int(&rows, 1);
    snprintf(k.sha, sizeof(k.sha), "%.*s", STR_ARG(db_str(&rows, 3)));
    *ret_id = db_int(&rows, 0);
    *ret_k = k;
    *ret_bytes = db_int(&rows, 4);
    return 1;
}

int blob__asset_end(struct db_tx *tx, int64_t now_ms, struct err *e) {
    int64_t ids[END_BATCH];
    int n = 0, r;
    {
        DB_ROWS rows;
        r = db_query(tx, &rows, e, &ended, DB_INT(now_ms));
        while (r >= 0 && n < END_BATCH && (r = db_next(&rows, e)) == 1)
            ids[n++] = db_int(&rows, 0);
    }
    for (int i = 0; r >= 0 && i < n; i++)
        r = db_run(tx, NULL, e, &delete_one, DB_INT(ids[i]));
    return r < 0 ? r : n == END_BATCH;
}
