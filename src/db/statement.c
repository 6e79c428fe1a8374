/*
 * statement.c - running statements: the cache of prepared ones, parameters in, rows out.
 *
 * Statements are static constants, so their address is their key. A statement that is asked again while its rows are still open
 * (a query inside its own loop) gets a twin that lives only until its rows are done.
 */
#include "db/internal.h"

#include <assert.h>
#include <stdlib.h>

static struct db__stmt **bucket_of(struct db_tx *tx, const struct db_sql *q) {
    uintptr_t a = (uintptr_t)q;
    return &tx->buckets[(a >> 5 ^ a >> 12) % COUNT(tx->buckets)];
}

static struct db__stmt *find_cached(struct db_tx *tx, const struct db_sql *q, const char *text) {
    for (struct db__stmt *s = *bucket_of(tx, q); s; s = s->next)
        if (s->q == q && s->text == text)
            return s;
    return NULL;
}

/* A statement that nobody uses: from the cache, or new. */
static int acquire(struct db_tx *tx, const struct db_sql *q, struct db__stmt **ret_s, struct err *e) {
    const struct db_driver *drv = tx->db->drv;
    const char *text = drv->dialect(q);
    struct db__stmt *s = find_cached(tx, q, text);
    if (!s || s->busy) {
        struct db_stmt *st = NULL;
        int r = drv->prepare(tx->conn, text, &st, e);
        if (r < 0)
            return r;
        bool keep = !s && tx->n_cached < DB_STATEMENTS_MAX;
        s = calloc(1, sizeof(*s));
        if (!s)
            abort();
        *s = (struct db__stmt){ .q = q, .text = text, .st = st, .cached = keep };
        if (keep) {
            struct db__stmt **b = bucket_of(tx, q);
            s->next = *b;
            *b = s;
            tx->n_cached++;
        }
    }
    s->busy = true;
    tx->n_busy++;
    *ret_s = s;
    return 0;
}

static void release(struct db_tx *tx, struct db__stmt *s) {
    const struct db_driver *drv = tx->db->drv;
    tx->n_busy--;
    s->busy = false;
    if (s->cached) {
        drv->reset(s->st);
    } else {
        drv->finish(s->st);
        free(s);
    }
}

/* args[0] is the place holder that makes an empty list legal C (DB_ARGS). */
static int start(struct db_tx *tx, const struct db_sql *q, const struct db_arg *args, size_t n, struct db__stmt **ret_s, struct err *e) {
    if (!tx->conn) {
        int r = db__reader_connect(tx, e);
        if (r < 0)
            return r;
    }
    int r = tx->n_snapshots ? db__snapshot_begin(tx, e) : 0;
    if (r < 0 || (r = acquire(tx, q, ret_s, e)) < 0)
        return r;
    r = tx->db->drv->bind(tx->conn, (*ret_s)->st, args + 1, n - 1, e);
    if (r < 0)
        release(tx, TAKE(*ret_s));
    return r;
}

/* Names the statement in the error; e may be NULL. */
static int named(const struct db_sql *q, int r, struct err *e) { return e ? err_prefix(e, "%s: ", q->name) : r; }

int db_run_(struct db_tx *tx, int64_t *ret_changed, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n) {
    assert(tx->role == DB_ROLE_WRITE);
    struct db__stmt *s = NULL;
    int r = start(tx, q, args, n, &s, e);
    if (r < 0)
        return named(q, r, e);
    r = tx->db->drv->step(tx->conn, s->st, e);
    assert(r != 1);                                      /* a SELECT belongs into db_query() */
    if (r == 0 && ret_changed)
        *ret_changed = tx->db->drv->changes(tx->conn);
    release(tx, s);
    return r < 0 ? named(q, r, e) : 0;
}

int db_query_(struct db_tx *tx, struct db_rows *rows, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n) {
    struct db__stmt *s = NULL;
    *rows = (struct db_rows){ 0 };
    int r = start(tx, q, args, n, &s, e);
    if (r < 0)
        return named(q, r, e);
    *rows = (struct db_rows){ tx, s };
    if (tx->role == DB_ROLE_READ)
        atomic_fetch_add_explicit(&tx->reads, 1, memory_order_relaxed);
    return 0;
}

int db_next(struct db_rows *rows, struct err *e) {
    struct db__stmt *s = rows->st;
    if (!s)
        return 0;                                        /* asked again after the end */
    int r = rows->tx->db->drv->step(rows->tx->conn, s->st, e);
    if (r == 1)
        return 1;
    if (r < 0)
        r = named(s->q, r, e);
    db_rows_done(rows);
    return r;
}

int db_one_(struct db_tx *tx, struct db_rows *rows, struct err *e, const struct db_sql *q, const struct db_arg *args, size_t n) {
    int r = db_query_(tx, rows, e, q, args, n);
    return r < 0 ? r : db_next(rows, e);
}

static struct db_stmt *row_of(const struct db_rows *rows) {
    assert(rows->st);                                    /* only after db_next() or db_one() gave 1 */
    return ((const struct db__stmt *)rows->st)->st;
}

int64_t db_int(const struct db_rows *rows, int col) { return rows->tx->db->drv->col_int(row_of(rows), col); }
struct str db_str(const struct db_rows *rows, int col) { return rows->tx->db->drv->col_str(row_of(rows), col); }
bool db_null(const struct db_rows *rows, int col) { return rows->tx->db->drv->col_null(row_of(rows), col); }

void db_rows_done(struct db_rows *rows) {
    if (rows->st)
        release(rows->tx, rows->st);
    rows->st = NULL;
}

enum db_violation db_violated(const struct db_tx *tx) { return tx->conn ? tx->db->drv->violated(tx->conn) : DB_V_NONE; }

int db__run_text(struct db_tx *tx, const char *sql, struct err *e) {
    struct db_stmt *st = NULL;
    int r = tx->db->drv->prepare(tx->conn, sql, &st, e);
    while (r >= 0 && (r = tx->db->drv->step(tx->conn, st, e)) == 1)
        ;                                                /* rows of a migration interest nobody */
    if (st)
        tx->db->drv->finish(st);
    return r;
}

int db__tx_open(struct db *d, enum db_role role, struct db_tx **ret_tx, struct err *e) {
    struct db_tx *tx = calloc(1, sizeof(*tx));
    if (!tx)
        abort();
    *tx = (struct db_tx){ .db = d, .role = role };
    if (role == DB_ROLE_WRITE && !(tx->hooks = calloc(DB_BATCH_MAX * DB_HOOKS_MAX, sizeof(*tx->hooks))))
        abort();
    int r = d->drv->open(&d->place, role, &tx->conn, e);
    if (r < 0) {
        db__tx_free(tx);
        return r;
    }
    *ret_tx = tx;
    return 0;
}

void db__tx_free(struct db_tx *tx) {
    if (!tx)
        return;
    assert(tx->n_busy == 0);                             /* rows left open: our bug */
    for (size_t i = 0; i < COUNT(tx->buckets); i++)
        while (tx->buckets[i]) {
            struct db__stmt *s = tx->buckets[i];
            tx->buckets[i] = s->next;
            tx->db->drv->finish(s->st);
            free(s);
        }
    tx->db->drv->close(tx->conn);
    free(tx->hooks);
    free(tx);
}
