/* vfs_powercut.c - see the header. Models of the documents: https://sqlite.org/vfs.html and https://sqlite.org/atomiccommit.html section 3. */
#include "db/vfs_powercut.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR    512
#define FILES_MAX 8

struct op {                               /* a write, or (data NULL) a truncation to `at` */
    int64_t at, n;
    char   *data;
};

struct image {
    char       name[512];
    char      *bytes;                     /* as of the last sync */
    int64_t    n;
    struct op *ops;                       /* since then */
    int        n_ops, cap_ops;
    bool       there;                     /* its name is durable */
};

struct pc_file {
    sqlite3_file  base;
    struct image *img;                    /* NULL: not of interest (temporary files) */
    sqlite3_file *real;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image images[FILES_MAX];
static sqlite3_vfs vfs, *real_vfs;
static sqlite3_io_methods methods;
static void (*before_op)(void *arg, int64_t op);
static void *before_arg;
static int64_t ops_done;
static _Atomic int refuse_writes, refuse_syncs;

static sqlite3_file *real_of(sqlite3_file *f) { return ((struct pc_file *)f)->real; }

/* ---- the model ---- */

static struct image *image_of(const char *name) {
    for (int i = 0; i < FILES_MAX; i++)
        if (strcmp(images[i].name, name) == 0)
            return &images[i];
    for (int i = 0; i < FILES_MAX; i++)
        if (!images[i].name[0]) {
            snprintf(images[i].name, sizeof(images[i].name), "%s", name);
            return &images[i];
        }
    abort();
}

static void forget_ops(struct image *m) {
    for (int i = 0; i < m->n_ops; i++)
        free(m->ops[i].data);
    m->n_ops = 0;
}

static void note(struct image *m, int64_t at, const void *data, int64_t n) {
    if (m->n_ops == m->cap_ops) {
        m->cap_ops = m->cap_ops ? 2 * m->cap_ops : 64;
        m->ops = realloc(m->ops, (size_t)m->cap_ops * sizeof(*m->ops));
    }
    struct op *o = &m->ops[m->n_ops++];
    *o = (struct op){ .at = at, .n = n };
    if (data) {
        o->data = malloc((size_t)n);
        memcpy(o->data, data, (size_t)n);
    }
}

static void resize(char **bytes, int64_t *n, int64_t to) {
    if (to > *n) {
        *bytes = realloc(*bytes, (size_t)to);
        memset(*bytes + *n, 0, (size_t)(to - *n));
    }
    *n = to;
}

static uint64_t roll(uint64_t *seed) {    /* xorshift64 */
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Applies the operations to a copy; each sector of a write, and each truncation, by its own throw. */
static void apply(const struct image *m, int keep_permille, uint64_t *seed, char **bytes, int64_t *n) {
    for (int i = 0; i < m->n_ops; i++) {
        const struct op *o = &m->ops[i];
        if (!o->data) {
            if ((int)(roll(seed) % 1000) < keep_permille)
                resize(bytes, n, o->at);
            continue;
        }
        for (int64_t at = o->at, end; at < o->at + o->n; at = end) {
            end = (at / SECTOR + 1) * SECTOR;
            end = end < o->at + o->n ? end : o->at + o->n;
            if ((int)(roll(seed) % 1000) >= keep_permille)
                continue;
            if (end > *n)
                resize(bytes, n, end);
            memcpy(*bytes + at, o->data + (at - o->at), (size_t)(end - at));
        }
    }
}

/* Under the lock. A sync of any file here also makes the names in its folder durable: SQLite syncs the folder with the log's first sync. */
static void make_durable(struct image *m) {
    uint64_t seed = 1;
    apply(m, 1000, &seed, &m->bytes, &m->n);
    forget_ops(m);
    for (int i = 0; i < FILES_MAX; i++)
        images[i].there = images[i].name[0];
}

static void announce(void) {
    int64_t op = ++ops_done;
    if (before_op)
        before_op(before_arg, op);
}

void powercut_reset(void) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < FILES_MAX; i++) {
        forget_ops(&images[i]);
        free(images[i].ops);
        free(images[i].bytes);
        images[i] = (struct image){ 0 };
    }
    ops_done = 0;
    pthread_mutex_unlock(&lock);
}

static int write_file(const char *dir, const char *name, const char *bytes, int64_t n) {
    char path[1024];
    const char *slash = strrchr(name, '/');
    snprintf(path, sizeof(path), "%s/%s", dir, slash ? slash + 1 : name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 || write(fd, bytes, (size_t)n) != n ? -1 : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

void powercut_refuse(int sqlite_code) {
    refuse_syncs = sqlite_code == SQLITE_IOERR_FSYNC ? sqlite_code : SQLITE_OK;
    refuse_writes = sqlite_code == SQLITE_IOERR_FSYNC ? SQLITE_OK : sqlite_code;
}

int powercut_image(const char *dir, int keep_permille, uint64_t seed) {
    int r = 0;
    seed = seed * 2654435761u + 88172645463325252u;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < FILES_MAX && r == 0; i++) {
        const struct image *m = &images[i];
        if (!m->there && (int)(roll(&seed) % 1000) >= keep_permille)
            continue;
        if (!m->name[0])
            continue;
        int64_t n = m->n;
        char *bytes = malloc((size_t)n + 1);
        if (n)
            memcpy(bytes, m->bytes, (size_t)n);
        apply(m, keep_permille, &seed, &bytes, &n);
        r = write_file(dir, m->name, bytes, n);
        free(bytes);
    }
    pthread_mutex_unlock(&lock);
    return r;
}

/* ---- the file methods ---- */

static int pc_close(sqlite3_file *f) {
    sqlite3_file *real = real_of(f);
    int rc = real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
    free(real);
    return rc;
}
static int pc_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return real_of(f)->pMethods->xRead(real_of(f), p, n, at); }

static int pc_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
    struct image *m = ((struct pc_file *)f)->img;
    if (m && refuse_writes)
        return refuse_writes;
    if (m) {
        announce();
        pthread_mutex_lock(&lock);
        note(m, at, p, n);
        pthread_mutex_unlock(&lock);
    }
    return real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int pc_truncate(sqlite3_file *f, sqlite3_int64 size) {
    struct image *m = ((struct pc_file *)f)->img;
    if (m) {
        announce();
        pthread_mutex_lock(&lock);
        note(m, size, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int pc_sync(sqlite3_file *f, int flags) {
    struct image *m = ((struct pc_file *)f)->img;
    if (m && refuse_syncs)
        return refuse_syncs;
    if (m) {
        announce();
        pthread_mutex_lock(&lock);
        make_durable(m);
        pthread_mutex_unlock(&lock);
    }
    return SQLITE_OK;                     /* the real disk is not asked: this is a model, and thousands of syncs would take their time */
}

static int pc_size(sqlite3_file *f, sqlite3_int64 *n) { return real_of(f)->pMethods->xFileSize(real_of(f), n); }
static int pc_lock(sqlite3_file *f, int level) { return real_of(f)->pMethods->xLock(real_of(f), level); }
static int pc_unlock(sqlite3_file *f, int level) { return real_of(f)->pMethods->xUnlock(real_of(f), level); }
static int pc_reserved(sqlite3_file *f, int *ret) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret); }
static int pc_control(sqlite3_file *f, int op, void *arg) { return real_of(f)->pMethods->xFileControl(real_of(f), op, arg); }
static int pc_sector(sqlite3_file *f) { return SECTOR; }
static int pc_traits(sqlite3_file *f) { return 0; }       /* nothing is promised about this disk */
static int pc_shm_map(sqlite3_file *f, int i, int n, int extend, void volatile **p) {
    return real_of(f)->pMethods->xShmMap(real_of(f), i, n, extend, p);
}
static int pc_shm_lock(sqlite3_file *f, int at, int n, int flags) { return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags); }
static void pc_shm_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }
static int pc_shm_unmap(sqlite3_file *f, int del) { return real_of(f)->pMethods->xShmUnmap(real_of(f), del); }

static sqlite3_io_methods methods = {
    .iVersion = 2, .xClose = pc_close, .xRead = pc_read, .xWrite = pc_write, .xTruncate = pc_truncate, .xSync = pc_sync, .xFileSize = pc_size,
    .xLock = pc_lock, .xUnlock = pc_unlock, .xCheckReservedLock = pc_reserved, .xFileControl = pc_control, .xSectorSize = pc_sector,
    .xDeviceCharacteristics = pc_traits, .xShmMap = pc_shm_map, .xShmLock = pc_shm_lock, .xShmBarrier = pc_shm_barrier, .xShmUnmap = pc_shm_unmap,
};

static int pc_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags) {
    struct pc_file *p = (struct pc_file *)f;
    bool kept = name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    *p = (struct pc_file){ .real = calloc(1, (size_t)real_vfs->szOsFile) };
    int rc = real_vfs->xOpen(real_vfs, name, p->real, flags, ret_flags);
    if (rc != SQLITE_OK) {
        free(p->real);
        return rc;
    }
    p->base.pMethods = &methods;
    if (kept) {
        pthread_mutex_lock(&lock);
        p->img = image_of(name);
        pthread_mutex_unlock(&lock);
    }
    return SQLITE_OK;
}

static int pc_delete(sqlite3_vfs *v, const char *name, int sync_dir) {
    pthread_mutex_lock(&lock);
    struct image *m = image_of(name);
    forget_ops(m);
    m->n = 0;
    m->name[0] = 0;
    pthread_mutex_unlock(&lock);
    return real_vfs->xDelete(real_vfs, name, sync_dir);
}

void powercut_setup(void (*fn)(void *arg, int64_t op), void *arg) {
    before_op = fn;
    before_arg = arg;
    if (vfs.zName)
        return;
    sqlite3_initialize();
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = POWERCUT_VFS;
    vfs.szOsFile = sizeof(struct pc_file);
    vfs.xOpen = pc_open;
    vfs.xDelete = pc_delete;
    sqlite3_vfs_register(&vfs, 0);
}
