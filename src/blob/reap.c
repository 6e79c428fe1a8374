/*
 * reap.c - files without rows, rows past their end, rows without files.
 *
 * A file may lose its name only while nothing gives it one. A put renames an equal file over the old one and then its owner
 * commits a row; between the question "does a row name it?" and the unlink that must not happen. Hence: under store.naming held
 * alone, look at the age again (a put has made it young), ask for rows, unlink. The grace covers the time from put to commit.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/tell.h"
#include "blob/internal.h"
#include "db/db.h"

struct reaping {
    struct blob_store *s;
    struct db  *d;
    int64_t     grace_ms, removed;
};

static int remove_if_unnamed(struct reaping *w, const struct blob_key *k, struct err *e) {
    int64_t age_ms = 0;
    int r = w->s->drv->age(w->s->home, k, &age_ms, e);
    if (r == ERR_NOT_FOUND || (r >= 0 && age_ms < w->grace_ms))
        return 0;
    if (r >= 0)
        r = blob__is_named(db_reader(w->d), k, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = w->s->drv->remove(w->s->home, k, e);
    w->removed += r >= 0;
    return r;
}

static int visit_blob(void *ctx, const struct blob_key *k, int64_t age_ms, struct err *e) {
    struct reaping *w = ctx;
    if (age_ms < w->grace_ms)
        return 0;
    int r = blob__is_named(db_reader(w->d), k, e);
    if (r != 0)
        return r < 0 ? r : 0;
    pthread_rwlock_wrlock(&w->s->naming);
    r = remove_if_unnamed(w, k, e);
    pthread_rwlock_unlock(&w->s->naming);
    return r;
}

/* Calls fn for each name in an open folder. */
static int each_name(struct reaping *w, int dir, int (*fn)(struct reaping *w, int dir, const char *name, struct err *e), struct err *e) {
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        fd_close_p(&fd);
        return err_sys(e, ERR_IO, "reading a folder of the store");
    }
    int r = 0;
    struct dirent *de;
    while (r >= 0 && (de = readdir(d)))
        if (de->d_name[0] != '.')
            r = fn(w, fd, de->d_name, e);
    closedir(d);
    return r;
}

static int unlink_counted(struct reaping *w, int dir, const char *name, struct err *e) {
    if (unlinkat(dir, name, 0) == 0)
        w->removed++;
    else if (errno != ENOENT)
        return err_sys(e, ERR_IO, "%s", name);
    return 0;
}

/* A row is there before its file, so no grace is needed; a name that is no id of ours stays. */
static int visit_upload(struct reaping *w, int dir, const char *name, struct err *e) {
    int64_t id;
    if (id_parse(str_z(name), "upload", &id) < 0)
        return 0;
    int r = blob__upload_exists(db_reader(w->d), id, e);
    return r == 0 ? unlink_counted(w, dir, name, e) : r < 0 ? r : 0;
}

static int end_assets(struct db_tx *tx, void *arg, struct err *e) { return blob__asset_end(tx, *(int64_t *)arg, e); }
static int end_uploads(struct db_tx *tx, void *arg, struct err *e) { return blob__upload_end(tx, *(int64_t *)arg, e); }

int blob_reap(struct blob_store *s, struct db *d, int64_t now_ms, int64_t *ret_removed, struct err *e) {
    struct reaping w = { .s = s, .d = d, .grace_ms = s->grace_ms };
    int r;
    while ((r = db_do(d, end_assets, &now_ms, e)) == 1)
        ;
    while (r >= 0 && (r = db_do(d, end_uploads, &now_ms, e)) == 1)
        ;
    if (r >= 0)
        r = s->drv->walk(s->home, visit_blob, &w, e);
    if (r >= 0)
        r = each_name(&w, s->upload_dir, visit_upload, e);
    if (ret_removed)
        *ret_removed = w.removed;
    return r < 0 ? r : 0;
}

int blob_sweep(struct blob_store *s, struct db *d, int64_t *ret_removed, struct err *e) {
    struct reaping w = { .s = s, .d = d, .grace_ms = INT64_MIN };      /* also a file from a clock that ran ahead */
    int r = each_name(&w, s->tmp_dir, unlink_counted, e);
    if (r >= 0)
        r = s->drv->walk(s->home, visit_blob, &w, e);
    if (r >= 0)
        r = each_name(&w, s->upload_dir, visit_upload, e);
    if (ret_removed)
        *ret_removed = w.removed;
    return r < 0 ? r : 0;
}

/* ---- verify ---- */

static void check_asset(struct blob_store *s, struct db *d, int64_t id, const struct blob_key *k, int64_t bytes, bool deep, struct tell *t) {
    __attribute__((cleanup(fd_close_p))) int fd = -1;
    char name[ID_TEXT_MAX], sha[SHA256_HEX + 1];
    struct err e = { 0 };
    int64_t there = 0;
    id_text(name, "asset", id);
    int r = s->drv->get(s->home, k, &fd, &there, &e);
    if (r == ERR_NOT_FOUND && blob__is_named(db_reader(d), k, NULL) == 0)
        return;                                        /* deleted while we looked */
    if (r < 0)
        tell(t, "%s: its file cannot be read: %s", name, e.text);
    else if (there != bytes)
        tell(t, "%s: the file has %lld bytes instead of %lld", name, (long long)there, (long long)bytes);
    else if (deep && blob__hash(fd, sha, &there, &e) < 0)
        tell(t, "%s: its file cannot be read: %s", name, e.text);
    else if (deep && strcmp(sha, k->sha) != 0)
        tell(t, "%s: the file was changed: its SHA-256 is %s", name, sha);
}

static void check_upload(struct blob_store *s, struct db *d, int64_t id, int64_t done, struct tell *t) {
    char name[ID_TEXT_MAX];
    struct stat st = { 0 };
    blob__upload_name(id, name);
    if (fstatat(s->upload_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
        tell(t, "%s: %s", name, strerrordesc_np(errno));
    else if (st.st_size < done && blob__upload_exists(db_reader(d), id, NULL) != 0)
        tell(t, "%s: the file has %lld bytes, %lld were promised", name, (long long)st.st_size, (long long)done);
}

int blob_verify(struct blob_store *s, struct db *d, bool deep, void (*tell_fn)(void *ctx, const char *what), void *ctx, struct err *e) {
    struct tell t = { .fn = tell_fn, .ctx = ctx };
    struct blob_key k;
    int64_t id = 0, n = 0;
    int r;
    while ((r = blob__asset_next(db_reader(d), id, &id, &k, &n, e)) == 1)
        check_asset(s, d, id, &k, n, deep, &t);
    id = 0;
    while (r >= 0 && (r = blob__upload_next(db_reader(d), id, &id, &n, e)) == 1)
        check_upload(s, d, id, n, &t);
    return r < 0 ? r : 0;
}
