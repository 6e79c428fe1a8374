/*
 * forget.c - a disk that forgets, under the whole server: LD_PRELOAD=forget.so.
 *
 * ZOETROPE_FORGET=<data folder>:<mirror>. At the start the mirror is filled with what the data folder holds. From then on it is what a
 * power cut would leave, and nothing else changes it:
 *   the bytes of a file get there by fsync, fdatasync or syncfs of that file;
 *   its name (that it is there, has another name, or is gone) by fsync of its folder, or syncfs.
 * So a file whose name was synced and its bytes were not is empty there, and one that was renamed has its old name until the folder is
 * synced. When the process is killed, data folder and mirror are the two disks that may be found: after kill -9, and after a power cut.
 * The real disk is never asked: thousands of syncs would take their time, and nothing here is for keeps.
 *
 * A file is known by its inode and its birth, so that an inode that is used again is another file. Its bytes are in <mirror>/.files/,
 * and each durable name is a hard link to them. Limits: 64 MB a file is no problem, 4 GB would be; hard links in the data folder share
 * their bytes in the mirror, too; no sparse files, and whole files are copied at each sync.
 *
 * Closing any descriptor of a file takes away all POSIX locks that the process has on it, and SQLite lives by them: so a database and what
 * lies beside it is never opened here, only read through the descriptor that is synced; syncfs leaves it alone.
 * Threads: any; one lock.  Used by: tests/crash/.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))
SEEN int fsync(int fd);
SEEN int fdatasync(int fd);
SEEN int syncfs(int fd);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char live[1024], mirror[1024];                  /* without a slash at the end; live[0] == 0: nothing is kept */
static pid_t owner;                                    /* not a child that was forked */
static bool beginning;

static _Noreturn void broken(const char *what, const char *path) {
    fprintf(stderr, "forget.c: %s %s: %s\n", what, path, strerror(errno));
    _exit(98);
}

static void print(char *out, const char *a, const char *b) {
    if (snprintf(out, PATH_MAX, "%s%s%s", a, b[0] ? "/" : "", b) >= PATH_MAX)
        abort();
}

/* Where the bytes of a file are kept; it is made, empty, when it is new. */
static void bytes_of(int fd, const char *path, char out[PATH_MAX]) {
    struct statx st;
    if (statx(fd >= 0 ? fd : AT_FDCWD, fd >= 0 ? "" : path, fd >= 0 ? AT_EMPTY_PATH : 0, STATX_INO | STATX_BTIME, &st) < 0)
        broken("statx", path);
    if (snprintf(out, PATH_MAX, "%s/.files/%llu-%lld.%u", mirror, (unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec) >= PATH_MAX)
        abort();
}

/* In place: who is killed half-way has lost nothing that was safe before. False: `from` is not for reading. */
static bool copy_bytes(int from, const char *to) {
    static char part[1 << 20];
    int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t at = 0;
    ssize_t n;
    if (out < 0)
        broken("open", to);
    if (pread(from, part, 1, 0) < 0 && errno == EBADF) {
        close(out);
        return false;
    }
    while ((n = pread(from, part, sizeof(part), at)) > 0) {
        if (pwrite(out, part, (size_t)n, at) != n)
            broken("write", to);
        at += n;
    }
    if (n < 0 || ftruncate(out, at) < 0)
        broken("copy", to);
    close(out);
    return true;
}

static void sync_bytes_at(const char *path) {
    char kept[PATH_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;                                        /* it is gone meanwhile */
    bytes_of(fd, path, kept);
    copy_bytes(fd, kept);
    close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

/* A name of the folder becomes what it is now. */
static void sync_name(const char *from, const char *to, bool folder) {
    char kept[PATH_MAX];
    struct stat a, b;
    if (folder) {
        if (mkdir(to, 0700) < 0 && errno != EEXIST)
            broken("mkdir", to);
        return;
    }
    bytes_of(-1, from, kept);
    int fd = open(kept, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);     /* never synced: empty */
    if (fd < 0 || fstat(fd, &a) < 0)
        broken("open", kept);
    close(fd);
    if (lstat(to, &b) == 0 && b.st_ino == a.st_ino)
        return;
    unlink(to);
    if (link(kept, to) < 0)
        broken("link", to);
}

/* rel: "" or the path below the data folder. */
static void sync_names(const char *rel) {
    char from[PATH_MAX], to[PATH_MAX], a[PATH_MAX], b[PATH_MAX];
    print(from, live, rel);
    print(to, mirror, rel);
    DIR *d = opendir(from);
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 || (de->d_type != DT_DIR && de->d_type != DT_REG))
            continue;
        print(a, from, de->d_name);
        print(b, to, de->d_name);
        if (access(a, F_OK) == 0)
            sync_name(a, b, de->d_type == DT_DIR);
    }
    closedir(d);
    if (!(d = opendir(to)))
        return;                                        /* its own name is not safe yet: nothing in it is */
    for (struct dirent *de; (de = readdir(d));) {
        if (de->d_name[0] == '.')
            continue;
        print(a, from, de->d_name);
        print(b, to, de->d_name);
        if (access(a, F_OK) < 0)
            nftw(b, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    closedir(d);
}

static int sync_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    const char *rel = path + strlen(live);
    if (type == FTW_F && (beginning || strncmp(rel, "/zoetrope.", 10) != 0))
        sync_bytes_at(path);
    else if (type == FTW_D)
        sync_names(*rel ? rel + 1 : rel);
    return 0;
}
static void sync_all(void) { nftw(live, sync_one, 16, FTW_PHYS); }

/* False: not below the data folder. */
static bool place_of(int fd, char rel[PATH_MAX], bool *ret_folder) {
    char link[64], path[PATH_MAX];
    struct stat st;
    size_t n = strlen(live);
    if (!n || getpid() != owner || fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, sizeof(path) - 1);
    if (got < 0)
        return false;
    path[got] = 0;
    if (strncmp(path, live, n) != 0 || (path[n] && path[n] != '/'))
        return false;
    *ret_folder = S_ISDIR(st.st_mode);
    snprintf(rel, PATH_MAX, "%s", path[n] ? path + n + 1 : "");
    return true;
}

static int sync_fd(int fd) {
    char rel[PATH_MAX], kept[PATH_MAX];
    bool folder;
    int saved = errno;
    if (!place_of(fd, rel, &folder))
        return 0;
    pthread_mutex_lock(&lock);
    if (folder) {
        sync_names(rel);
    } else {
        bytes_of(fd, rel, kept);
        if (!copy_bytes(fd, kept)) {
            char self[64];
            snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
            int in = open(self, O_RDONLY | O_CLOEXEC);
            if (in < 0 || !copy_bytes(in, kept))
                broken("open", rel);
            close(in);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return 0;
}

int fsync(int fd) { return sync_fd(fd); }
int fdatasync(int fd) { return sync_fd(fd); }

int syncfs(int fd) {
    char rel[PATH_MAX];
    bool folder;
    if (!place_of(fd, rel, &folder))
        return 0;
    pthread_mutex_lock(&lock);
    sync_all();
    pthread_mutex_unlock(&lock);
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("ZOETROPE_FORGET"), *colon = where ? strchr(where, ':') : NULL;
    char files[PATH_MAX];
    unsetenv("LD_PRELOAD");                            /* not for the picture process */
    unsetenv("ZOETROPE_FORGET");
    if (!colon)
        return;
    snprintf(live, sizeof(live), "%.*s", (int)(colon - where), where);
    snprintf(mirror, sizeof(mirror), "%s", colon + 1);
    owner = getpid();
    print(files, mirror, ".files");
    if ((mkdir(mirror, 0700) < 0 && errno != EEXIST) || (mkdir(files, 0700) < 0 && errno != EEXIST))
        broken("mkdir", mirror);
    beginning = true;
    sync_all();
    beginning = false;
}
