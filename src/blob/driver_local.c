/*
 * driver_local.c - files on the local disk: <class>/<account>/<first two digits>/<sha>.
 *
 * The order that makes a file survive a power cut: its bytes (fdatasync), then its name (rename), then the folder that holds the
 * name (fsync); only then may a row say that it is there. A folder made on the way is fsynced into its parent before anything is
 * put into it, under a lock, so that nobody builds on a folder that could still vanish. Folders left by an earlier life are made
 * durable as a whole by one syncfs() when the store is opened.
 */
#include "blob/driver.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/failpoint.h"
#include "base/id.h"
#include "base/planted.h"

struct local {
    int             dir;              /* of the store */
    pthread_mutex_t making;           /* folders */
};

#define PATH_LEN 160                  /* class 8 + account 32 + 2 + sha 64 + slashes */
#define FOLDERS 3                     /* class, account, first two digits */

/* "original/acct_.../ab/ab12..." */
static void path_of(const struct blob_key *k, char out[PATH_LEN]) {
    char account[ID_TEXT_MAX];
    id_text(account, "acct", k->account);
    snprintf(out, PATH_LEN, "%s/%s/%.2s/%s", blob_class_name(k->class), account, k->sha, k->sha);
}

static void local_close(void *home) {
    struct local *l = home;
    fd_close_p(&l->dir);
    pthread_mutex_destroy(&l->making);
    free(l);
}

static int local_open(const struct config *cfg, const char *dir, void **ret_home, struct err *e) {
    struct local *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    pthread_mutex_init(&l->making, NULL);
    l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dir < 0 || syncfs(l->dir) < 0) {
        int r = err_sys(e, ERR_IO, "%s", dir);
        local_close(l);
        return r;
    }
    *ret_home = l;
    return 0;
}

static int sync_folder(int dir, const char *path, struct err *e) {
    __attribute__((cleanup(fd_close_p))) int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? err_sys(e, ERR_IO, "fsync of folder %s", path) : 0;
}

/* Makes the folder that ends at path[n], durable in its parent. */
static int make_folder(struct local *l, char *path, size_t n, struct err *e) {
    char parent[PATH_LEN] = ".";
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    int r = 0;
    if (mkdirat(l->dir, path, 0700) == 0) {
        r = sync_folder(l->dir, parent, e);
        if (r < 0)
            unlinkat(l->dir, path, AT_REMOVEDIR);        /* else the next one would find it and take it for durable */
    } else if (errno != EEXIST) {
        r = err_sys(e, ERR_IO, "folder %s", path);
    }
    path[n] = '/';
    return r;
}

static int make_folders(struct local *l, char path[PATH_LEN], size_t n, struct err *e) {
    int r = 0;
    pthread_mutex_lock(&l->making);
    for (size_t i = 0, depth = 0; r >= 0 && depth < n; i++)
        if (path[i] == '/') {
            r = make_folder(l, path, i, e);
            depth++;
        }
    pthread_mutex_unlock(&l->making);
    return r;
}

static int local_store(void *home, const struct blob_key *k, const char *from, int fd, struct err *e) {
    struct local *l = home;
    char path[PATH_LEN];
    path_of(k, path);
    bool unsynced = planted(PLANTED_BLOB_UNSYNCED);
    if (failpoint_hit(FP_BLOB_AFTER_WRITE) < 0 || (!unsynced && fdatasync(fd) < 0))
        return err_sys(e, ERR_IO, "fdatasync of a new file");
    int r = make_folders(l, path, FOLDERS, e);
    if (r < 0)
        return r;
    if (failpoint_hit(FP_BLOB_AFTER_SYNC) < 0 || renameat(AT_FDCWD, from, l->dir, path) < 0)
        return err_sys(e, ERR_IO, "rename to %s", path);
    if (failpoint_hit(FP_BLOB_AFTER_RENAME) < 0)
        return err_sys(e, ERR_IO, "failpoint blob.after_rename");
    *strrchr(path, '/') = 0;
    return unsynced ? 0 : sync_folder(l->dir, path, e);
}

/* ---- many files at once: each folder is fsynced once ---- */

/* The folder that holds it, and the one above. */
static void folders_of(const struct blob_key *k, char leaf[PATH_LEN], char above[PATH_LEN]) {
    path_of(k, leaf);
    *strrchr(leaf, '/') = 0;
    snprintf(above, PATH_LEN, "%.*s", (int)(strrchr(leaf, '/') - leaf), leaf);
}

static bool same_folder(const struct blob_key *a, const struct blob_key *b) { return memcmp(a->sha, b->sha, 2) == 0; }

/* The folders of n files of one account and class. Those that are new become durable together, or are not there. */
static int make_leaves(struct local *l, const struct blob_key *k, size_t n, struct err *e) {
    char leaf[PATH_LEN], above[PATH_LEN];
    bool made[BLOB_LINKS_MAX] = { 0 }, any = false;
    path_of(&k[0], leaf);
    int r = make_folders(l, leaf, FOLDERS - 1, e);
    pthread_mutex_lock(&l->making);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        folders_of(&k[i], leaf, above);
        made[i] = mkdirat(l->dir, leaf, 0700) == 0;
        any |= made[i];
        if (!made[i] && errno != EEXIST)
            r = err_sys(e, ERR_IO, "folder %s", leaf);
    }
    if (r >= 0 && any)
        r = sync_folder(l->dir, above, e);
    for (size_t i = 0; r < 0 && i < n; i++)
        if (made[i]) {
            folders_of(&k[i], leaf, above);
            unlinkat(l->dir, leaf, AT_REMOVEDIR);
        }
    pthread_mutex_unlock(&l->making);
    return r;
}

static int link_one(struct local *l, const struct blob_key *from, const struct blob_key *to, struct err *e) {
    char old[PATH_LEN], path[PATH_LEN];
    path_of(from, old);
    path_of(to, path);
    if (linkat(l->dir, old, l->dir, path, 0) < 0 && errno != EEXIST)
        return errno == ENOENT ? 0 : err_sys(e, ERR_IO, "%s", old);
    return utimensat(l->dir, path, NULL, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(e, ERR_IO, "%s", path) : 0;
}

static int link_class(struct local *l, const struct blob_key *from, const struct blob_key *to, size_t n, struct err *e) {
    char leaf[PATH_LEN], above[PATH_LEN];
    int r = make_leaves(l, to, n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = link_one(l, &from[i], &to[i], e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        if (i == 0 || !same_folder(&to[i], &to[i - 1])) {
            folders_of(&to[i], leaf, above);
            r = sync_folder(l->dir, leaf, e);
        }
    return r;
}

static int local_link(void *home, const struct blob_key *from, size_t n, int64_t account, struct err *e) {
    struct blob_key to[BLOB_LINKS_MAX];
    int r = 0;
    assert(n <= BLOB_LINKS_MAX);
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].account = account;
    }
    for (size_t i = 0, end; r >= 0 && i < n; i = end) {
        for (end = i + 1; end < n && from[end].class == from[i].class; end++)
            ;
        r = link_class(home, &from[i], &to[i], end - i, e);
    }
    if (r >= 0 && failpoint_hit(FP_BLOB_AFTER_LINK) < 0)
        r = err_sys(e, ERR_IO, "failpoint blob.after_link");
    return r;
}

static int local_get(void *home, const struct blob_key *k, int *ret_fd, int64_t *ret_bytes, struct err *e) {
    struct local *l = home;
    char path[PATH_LEN];
    struct stat st;
    path_of(k, path);
    __attribute__((cleanup(fd_close_p))) int fd = openat(l->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", path);
    *ret_bytes = st.st_size;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int local_remove(void *home, const struct blob_key *k, struct err *e) {
    struct local *l = home;
    char path[PATH_LEN];
    path_of(k, path);
    if (failpoint_hit(FP_BLOB_BEFORE_UNLINK) < 0)
        return err_sys(e, ERR_IO, "failpoint blob.before_unlink");
    return unlinkat(l->dir, path, 0) < 0 && errno != ENOENT ? err_sys(e, ERR_IO, "%s", path) : 0;
}

/* File times are the machine's; the clock of clock.h may be moved by tests. */
static int64_t age_of(const struct stat *st) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec - st->st_mtim.tv_sec) * 1000 + (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
}

static int local_age(void *home, const struct blob_key *k, int64_t *ret_ms, struct err *e) {
    struct local *l = home;
    char path[PATH_LEN];
    struct stat st;
    path_of(k, path);
    if (fstatat(l->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", path);
    *ret_ms = age_of(&st);
    return 0;
}

/* ---- walking: four levels, each name checked, so that nothing foreign is ever taken for ours ---- */

struct walk {
    blob_walk_fn *fn;
    void         *ctx;
    struct blob_key key;
    struct err   *e;
};

static int walk_level(struct walk *w, int parent, const char *name, int level);

static int visit_file(struct walk *w, int dir, const char *name) {
    struct stat st;
    uint8_t sha[SHA256_LEN];
    if (hex_decode(str_z(name), sha, sizeof(sha)) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    memcpy(w->key.sha, name, SHA256_HEX + 1);
    return w->fn(w->ctx, &w->key, age_of(&st), w->e);
}

static int visit(struct walk *w, int dir, const char *name, int level) {
    if (name[0] == '.')
        return 0;
    if (level == 0) {
        for (w->key.class = 0; w->key.class < BLOB_CLASS_COUNT; w->key.class++)
            if (strcmp(name, blob_class_name(w->key.class)) == 0)
                return walk_level(w, dir, name, level + 1);
        return 0;
    }
    if (level == FOLDERS)
        return visit_file(w, dir, name);
    if (level == 1 && id_parse(str_z(name), "acct", &w->key.account) < 0)
        return 0;
    return walk_level(w, dir, name, level + 1);
}

/* level: of the names inside; 0 = classes. */
static int walk_level(struct walk *w, int parent, const char *name, int level) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int r = errno == ENOTDIR || errno == ENOENT ? 0 : err_sys(w->e, ERR_IO, "%s", name);
        fd_close_p(&fd);
        return r;
    }
    int r = 0;
    struct dirent *de;
    while (r >= 0 && (errno = 0, de = readdir(d)))
        r = visit(w, fd, de->d_name, level);
    if (r >= 0 && errno != 0)
        r = err_sys(w->e, ERR_IO, "reading folder %s", name);
    closedir(d);
    return r;
}

static int local_walk(void *home, blob_walk_fn *fn, void *ctx, struct err *e) {
    struct local *l = home;
    struct walk w = { .fn = fn, .ctx = ctx, .e = e };
    return walk_level(&w, l->dir, ".", 0);
}

const struct blob_driver blob_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .store = local_store,
    .link = local_link,
    .get = local_get,
    .remove = local_remove,
    .age = local_age,
    .walk = local_walk,
};
