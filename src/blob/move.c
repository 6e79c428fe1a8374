/*
 * move.c - everything of one account becomes another's.
 *
 * A file lies in its owner's folder, so its new owner needs it there before the row says so. What was linked is told by one hash over the
 * list of files; the transaction makes the list again and goes on only when it is the same. The old names lose their rows with the commit
 * and their files to the reaper.
 */
#include "blob/internal.h"
#include "db/db.h"

DB_SQL(move_list, "SELECT DISTINCT class, sha FROM asset WHERE account_id = ? ORDER BY class, sha");
DB_SQL(move_assets, "UPDATE asset SET account_id = ? WHERE account_id = ?");
DB_SQL(move_uploads, "UPDATE upload SET account_id = ? WHERE account_id = ?");

/* Each file of an account, in order, to fn (may be NULL), and the hash over all. */
static int each_file(struct db_tx *tx, int64_t account, int (*fn)(void *ctx, const struct blob_key *k, struct err *e), void *ctx,
                     char list_sha[SHA256_HEX + 1], struct err *e) {
    struct sha256 h;
    uint8_t sum[SHA256_LEN];
    DB_ROWS rows;
    sha256_init(&h);
    int r = db_query(tx, &rows, e, &move_list, DB_INT(account));
    while (r >= 0 && (r = db_next(&rows, e)) == 1) {
        struct blob_key k = { .account = account };
        r = blob__class_of(db_str(&rows, 0), &k.class, e);
        snprintf(k.sha, sizeof k.sha, "%.*s", STR_ARG(db_str(&rows, 1)));
        sha256_add(&h, &k.class, sizeof k.class);
        sha256_add(&h, k.sha, sizeof k.sha);
        if (r >= 0 && fn)
            r = fn(ctx, &k, e);
    }
    sha256_end(&h, sum);
    hex_encode(sum, sizeof sum, list_sha);
    return r < 0 ? r : 0;
}

struct linking { struct blob_store *s; int64_t to; };

static int link_one(void *ctx, const struct blob_key *k, struct err *e) {
    const struct linking *w = ctx;
    struct blob_key to = *k;
    to.account = w->to;
    pthread_rwlock_rdlock(&w->s->naming);             /* the reaper looks at its age again before it unlinks */
    int r = w->s->drv->link(w->s->home, k, &to, e);
    pthread_rwlock_unlock(&w->s->naming);
    return r == ERR_NOT_FOUND ? 0 : r;                /* its row went meanwhile: then the list is another one too */
}

int blob_move_files(struct blob_store *s, struct db *d, int64_t from, int64_t to, char linked[SHA256_HEX + 1], struct err *e) {
    struct linking w = { s, to };
    return each_file(db_reader(d), from, link_one, &w, linked, e);
}

int blob_move_rows(struct db_tx *tx, int64_t from, int64_t to, const char *linked, struct err *e) {
    char now[SHA256_HEX + 1];
    int r = each_file(tx, from, NULL, NULL, now, e);
    if (r < 0)
        return r;
    if (strcmp(now, linked) != 0)
        return err_set(e, ERR_RACE, "there are other files now");
    if ((r = db_run(tx, NULL, e, &move_assets, DB_INT(to), DB_INT(from))) < 0)
        return r;
    return db_run(tx, NULL, e, &move_uploads, DB_INT(to), DB_INT(from));
}
