/*
 * append.c - bytes on their way in: the file upload/<id> that grows.
 *
 * The row's bytes_done only ever counts bytes that were fdatasynced before. The file may be longer, after a crash or while bytes
 * arrive: what stands behind bytes_done was promised to nobody and is cut off by the next append.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/log.h"
#include "blob/internal.h"
#include "db/db.h"

DB_SQL(state, "SELECT bytes_done, expires_ms FROM upload WHERE id = ?");
DB_SQL(advance, "UPDATE upload SET bytes_done = ?, expires_ms = ? WHERE id = ? AND bytes_done = ?");

struct blob_append {
    struct blob_store *s;
    struct db  *d;
    struct blob_append *next;         /* in s->appends */
    int64_t     id, length;
    int64_t     start, at, committed; /* first byte of this append; next one; what the row says */
    int64_t     expires_ms;
    int         fd;
    bool        whole;
};

/* False when somebody else is at it. */
static bool take_turn(struct blob_append *a) {
    bool mine = true;
    pthread_mutex_lock(&a->s->appending);
    for (struct blob_append *o = a->s->appends; o; o = o->next)
        mine &= o->id != a->id;
    if (mine) {
        a->next = a->s->appends;
        a->s->appends = a;
    }
    pthread_mutex_unlock(&a->s->appending);
    return mine;
}

static void give_up_turn(struct blob_append *a) {
    pthread_mutex_lock(&a->s->appending);
    struct blob_append **at = &a->s->appends;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    pthread_mutex_unlock(&a->s->appending);
}

static void append_free(struct blob_append *a) {
    give_up_turn(a);
    fd_close_p(&a->fd);
    free(a);
}

/* What the row says now, asked when it is our turn: the caller's copy may be older than the last append. */
static int ask_row(struct blob_append *a, struct err *e) {
    DB_ROWS rows;
    int r = db_one(db_reader(a->d), &rows, e, &state, DB_INT(a->id));
    if (r < 0)
        return r;
    if (r == 0 || db_int(&rows, 1) <= clock_ms())
        return err_set(e, ERR_GONE, "this upload has expired");
    a->committed = db_int(&rows, 0);
    a->expires_ms = db_int(&rows, 1);
    return a->committed == a->start ? 0 : err_set(e, ERR_UPLOAD_OFFSET, "the upload goes on at %lld", (long long)a->committed);
}

static int open_file(struct blob_append *a, struct err *e) {
    char name[ID_TEXT_MAX];
    struct stat st;
    blob__upload_name(a->id, name);
    a->fd = openat(a->s->upload_dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0 || fstat(a->fd, &st) < 0)
        return err_sys(e, ERR_IO, "%s", name);
    if (st.st_size < a->start)
        return err_set(e, ERR_IO, "%s has lost bytes: %lld of %lld", name, (long long)st.st_size, (long long)a->start);
    return st.st_size > a->start && ftruncate(a->fd, a->start) < 0 ? err_sys(e, ERR_IO, "%s", name) : 0;
}

int blob_append_begin(struct blob_store *s, struct db *d, const struct blob_upload *u, int64_t offset, bool whole, struct blob_append **ret_a,
                      struct err *e) {
    struct blob_append *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    *a = (struct blob_append){ .s = s, .d = d, .id = u->id, .length = u->length, .start = offset, .at = offset, .fd = -1, .whole = whole };
    if (!take_turn(a)) {
        free(a);
        return err_set(e, ERR_RACE, "another request is sending bytes of this upload");
    }
    int r = ask_row(a, e);
    if (r >= 0)
        r = blob_room(s, u->length - offset, e);
    if (r >= 0)
        r = open_file(a, e);
    if (r < 0) {
        append_free(a);
        return r;
    }
    *ret_a = a;
    return 0;
}

struct advance_job {
    struct blob_append *a;
    int64_t expires_ms;
};

static int write_advance(struct db_tx *tx, void *arg, struct err *e) {
    const struct advance_job *j = arg;
    int64_t changed = 0;
    int r = db_run(tx, &changed, e, &advance, DB_INT(j->a->at), DB_INT(j->expires_ms), DB_INT(j->a->id), DB_INT(j->a->committed));
    return r < 0 ? r : changed ? 0 : err_set(e, ERR_GONE, "this upload was deleted");
}

/* First the bytes, then (for a new file) its name, then the row. */
static int make_durable(struct blob_append *a, struct err *e) {
    if (a->at == a->committed)
        return 0;
    if (fdatasync(a->fd) < 0 || (a->committed == 0 && fsync(a->s->upload_dir) < 0) || failpoint_hit(FP_UPLOAD_AFTER_APPEND) < 0)
        return err_sys(e, ERR_IO, "making an upload durable");
    struct advance_job j = { a, clock_ms() + a->s->expire_ms };
    int r = db_do(a->d, write_advance, &j, e);
    if (r < 0)
        return r;
    a->committed = a->at;
    a->expires_ms = j.expires_ms;
    return 0;
}

int blob_append_write(struct blob_append *a, const void *bytes, size_t n, struct err *e) {
    if ((int64_t)n > a->length - a->at)
        return err_set(e, ERR_TOO_BIG, "more bytes than the %lld of Upload-Length", (long long)a->length);
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(a->fd, (const char *)bytes + done, n - done, a->at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(e, ERR_IO, "writing an upload");
        done += (size_t)w;
        a->at += w;
    }
    return !a->whole && a->at - a->committed >= a->s->commit_bytes ? make_durable(a, e) : 0;
}

int blob_append_end(struct blob_append *a, int64_t *ret_offset, int64_t *ret_expires_ms, struct err *e) {
    int r = make_durable(a, e);
    if (r >= 0) {
        *ret_offset = a->committed;
        *ret_expires_ms = a->expires_ms;
    }
    append_free(a);
    return r;
}

void blob_append_abort(struct blob_append *a) {
    if (!a)
        return;
    struct err e = { 0 };
    if (!a->whole && make_durable(a, &e) < 0 && e.code != ERR_GONE && e.code != ERR_STOPPING)
        log_event(LOG_WARN, "upload.cut", F_ERR(&e), F_STR("then", "ignoring: the client is told an earlier offset"));
    append_free(a);
}

void blob_append_discard(struct blob_append *a) {
    if (ftruncate(a->fd, a->start) < 0)
        log_event(LOG_WARN, "upload.discard", F_STR("then", "ignoring: the next append cuts it off"));
    append_free(a);
}
