/*
 * powercut.h - a model of the worst disk under the store, for tests: what would be left of the files if the power went now.
 *
 * The linker puts the functions below in place of fdatasync, fsync, renameat, linkat, mkdirat and openat (meson.build: --wrap). They call the real
 * ones and keep the model: contents are safe up to the size at their last fdatasync; a name is safe once its folder was fsynced after it got the name.
 * Threads: any; who holds `lock` sees the disk stand still. Used by: *_test.c only, included once.
 */
#ifndef ZT_BLOB_POWERCUT_H
#define ZT_BLOB_POWERCUT_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_mkdirat(int dir, const char *path, mode_t mode);
int __real_openat64(int dir, const char *path, int flags, mode_t mode);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode);

enum { NAMES_MAX = 2048, SYNCS_MAX = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct name { ino_t dir; char name[80]; bool safe; } names[NAMES_MAX];     /* made since the test began */
static struct sync { ino_t file; int64_t bytes; } syncs[SYNCS_MAX];
static int n_names, n_syncs;
static _Atomic int n_fsyncs;                                                      /* any thread syncs */
static bool ignore_folder_syncs, ignore_file_syncs;                               /* a disk that lies: the check must notice */
static _Atomic int fail_folder_sync;                                                   /* this one from now fails; 0 = none */

static ino_t powercut_inode_of(int fd, bool *ret_folder, int64_t *ret_bytes) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        abort();
    *ret_folder = S_ISDIR(st.st_mode);
    *ret_bytes = st.st_size;
    return st.st_ino;
}

static void powercut_synced(int fd) {
    bool folder;
    int64_t bytes;
    ino_t ino = powercut_inode_of(fd, &folder, &bytes);
    pthread_mutex_lock(&lock);
    for (int i = 0; folder && !ignore_folder_syncs && i < n_names; i++)
        names[i].safe |= names[i].dir == ino;
    int at = 0;
    while (at < n_syncs && syncs[at].file != ino)
        at++;
    if (!folder && !ignore_file_syncs && at < SYNCS_MAX) {
        syncs[at] = (struct sync){ ino, bytes };
        n_syncs += at == n_syncs;
    }
    pthread_mutex_unlock(&lock);
}

/* A name was made (or taken over) in the folder that holds `path`. */
static void powercut_named(int dir, const char *path) {
    char folder[256] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    struct stat st;
    if (fstatat(dir, folder, &st, 0) < 0)
        abort();
    const char *leaf = slash ? slash + 1 : path;
    pthread_mutex_lock(&lock);
    int at = 0;
    while (at < n_names && (names[at].dir != st.st_ino || strcmp(names[at].name, leaf) != 0))
        at++;
    if (at == NAMES_MAX)
        abort();
    n_names += at == n_names;
    names[at] = (struct name){ .dir = st.st_ino };
    snprintf(names[at].name, sizeof(names[at].name), "%s", leaf);
    pthread_mutex_unlock(&lock);
}

int __wrap_fdatasync(int fd) {
    int r = __real_fdatasync(fd);
    powercut_synced(fd);
    return r;
}
int __wrap_fsync(int fd) {
    if (fail_folder_sync && --fail_folder_sync == 0) {
        errno = EIO;
        return -1;
    }
    n_fsyncs++;
    int r = __real_fsync(fd);
    powercut_synced(fd);
    return r;
}
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to) {
    int r = __real_renameat(from_dir, from, to_dir, to);
    powercut_named(to_dir, to);
    return r;
}
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    int r = __real_linkat(from_dir, from, to_dir, to, flags);
    if (r == 0)
        powercut_named(to_dir, to);
    return r;
}
int __wrap_mkdirat(int dir, const char *path, mode_t mode) {
    int r = __real_mkdirat(dir, path, mode);
    if (r == 0)
        powercut_named(dir, path);
    return r;
}
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode) {
    bool fresh = (flags & O_CREAT) && faccessat(dir, path, F_OK, 0) < 0;
    int fd = __real_openat64(dir, path, flags, mode);
    if (fresh && fd >= 0)
        powercut_named(dir, path);
    return fd;
}

/* ---- the check ---- */

static bool powercut_name_is_safe(ino_t dir, const char *name) {
    for (int i = 0; i < n_names; i++)
        if (names[i].dir == dir && strcmp(names[i].name, name) == 0)
            return names[i].safe;
    return true;                          /* there before the test began, and made durable by the syncfs() of blob_open() */
}

/* True when a power cut now would leave the file <data_dir>/<path> with at least `bytes` bytes. */
static bool powercut_survives(const char *data_dir, const char *path, int64_t bytes) {
    char at[256], copy[192];
    struct stat folder, file = { 0 };
    bool safe = true;
    snprintf(at, sizeof(at), "%s", data_dir);
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *rest = copy, *name; (name = strsep(&rest, "/"));) {
        if (stat(at, &folder) < 0)
            return false;
        safe &= powercut_name_is_safe(folder.st_ino, name);
        size_t n = strlen(at);
        snprintf(at + n, sizeof(at) - n, "/%s", name);
    }
    if (stat(at, &file) < 0 || file.st_size < bytes)
        return false;
    int i = 0;
    while (i < n_syncs && syncs[i].file != file.st_ino)
        i++;
    return safe && (bytes == 0 || (i < n_syncs && syncs[i].bytes >= bytes));
}

#endif
