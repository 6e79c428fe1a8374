/*
 * move.c - everything of one account becomes another's.
 *
 * A file lies in its owner's folder, so its new owner needs it there before the row says so. What was linked is told by one hash over the
 * list of files; the transaction makes the list again and goes on only when it is the same. The old names lose their rows with the commit
 * and their files to the reaper.
 */
#include "blob/internal.h"
#include "db/db.h"

DB_SQL(move_list, "SELECT DISTINCT class, sha FROM asset WHERE account_id = ? AND (class, sha) > (?, ?) ORDER BY class, sha LIMIT ?");
DB_SQL(move_count, "SELECT COUNT(*) FROM (SELECT id FROM asset WHERE account_id = ? LIMIT ?) AS few");
DB_SQL(move_assets, "UPDATE asset SET account_id = ? WHERE account_id = ?");
DB_SQL(move_uploads, "UPDATE upload SET account_id = ? WHERE account_id = ?");

/* Up to BLOB_LINKS_MAX files of an account behind the one of `class` and `sha`, in memory: nothing stays open while they are linked. */
static int list(struct db_tx *tx, int64_t account, const char *class, const char *sha, struct blob_key k[BLOB_LINKS_MAX], struct err *e) {
    DB_ROWS rows;
    int n = 0, r = db_query(tx, &rows, e, &move_list, DB_INT(account), DB_TEXT(class), DB_TEXT(sha), DB_INT(BLOB_LINKS_MAX));
    while (r >= 0 && n < BLOB_LINKS_MAX && (r = db_next(&rows, e)) == 1) {
        k[n].account = account;
        r = blob__class_of(db_str(&rows, 0), &k[n].class, e);
        snprintf(k[n++].sha, sizeof k->sha, "%.*s", STR_ARG(db_str(&rows, 1)));
    }
    return r < 0 ? r : n;
}

/* Each file of an account, in order, a batch at a time to fn (may be NULL), and the hash over all. */
static int each_batch(struct db_tx *tx, int64_t account, int (*fn)(void *ctx, const struct blob_key *k, size_t n, struct err *e), void *ctx,
                      char list_sha[SHA256_HEX + 1], struct err *e) {
    struct blob_key k[BLOB_LINKS_MAX], last;
    const char *class = "";
    struct sha256 h;
    uint8_t sum[SHA256_LEN];
    int n, r = 0;
    last.sha[0] = '\0';
    sha256_init(&h);
    while (r >= 0 && (r = n = list(tx, account, class, last.sha, k, e)) > 0) {
        for (int i = 0; i < n; i++) {
            sha256_add(&h, &k[i].class, sizeof k->class);
            sha256_add(&h, k[i].sha, sizeof k->sha);
        }
        last = k[n - 1];
        class = blob_class_name(last.class);
        if (fn)
            r = fn(ctx, k, (size_t)n, e);
    }
    sha256_end(&h, sum);
    hex_encode(sum, sizeof sum, list_sha);
    return r < 0 ? r : 0;
}

int blob_move_few(struct db_tx *reader, int64_t account, int64_t max, struct err *e) {
    DB_ROWS rows;
    int r = db_one(reader, &rows, e, &move_count, DB_INT(account), DB_INT(max + 1));
    return r < 0 ? r : db_int(&rows, 0) <= max;
}

struct linking { struct blob_store *s; int64_t to; };

static int link_batch(void *ctx, const struct blob_key *k, size_t n, struct err *e) {
    const struct linking *w = ctx;
    pthread_rwlock_rdlock(&w->s->naming);             /* the reaper looks at its age again before it unlinks */
    int r = w->s->drv->link(w->s->home, k, n, w->to, e);   /* a file that is gone: its row went meanwhile, and the list is another one too */
    pthread_rwlock_unlock(&w->s->naming);
    return r;
}

int blob_move_files(struct blob_store *s, struct db *d, int64_t from, int64_t to, char linked[SHA256_HEX + 1], struct err *e) {
    struct linking w = { s, to };
    return each_batch(db_reader(d), from, link_batch, &w, linked, e);
}

int blob_move_rows(struct db_tx *tx, int64_t from, int64_t to, const char *linked, struct err *e) {
    char now[SHA256_HEX + 1];
    int r = each_batch(tx, from, NULL, NULL, now, e);
    if (r < 0)
        return r;
    if (strcmp(now, linked) != 0)
        return err_set(e, ERR_RACE, "there are other files now");
    if ((r = db_run(tx, NULL, e, &move_assets, DB_INT(to), DB_INT(from))) < 0)
        return r;
    return db_run(tx, NULL, e, &move_uploads, DB_INT(to), DB_INT(from));
}
