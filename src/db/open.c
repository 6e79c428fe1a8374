/* open.c - the life of a database: settings, the lock file, opening, closing, numbers for /metrics. */
#include "db/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "db/migrations.h"

#define DRIVER(n) extern const struct db_driver db_##n;
#include "db/drivers.def"
#undef DRIVER
static const struct db_driver *const drivers[] = {
#define DRIVER(n) &db_##n,
#include "db/drivers.def"
#undef DRIVER
};

const struct setting db_settings[] = {
    { "db.driver", SET_STR, "sqlite", 1, 32, "The database: sqlite (embedded)." },
    { "db.readers_max", SET_INT, "256", 1, 4096, "Threads that may read the embedded database, each by a connection of its own: event and pool threads and a dozen others." },
    { "db.cache_bytes", SET_BYTES, "2M", 64 << 10, 1 << 30, "Page cache of one connection to the embedded database." },
    { "db.lane_max", SET_INT, "4096", 1, 1 << 20, "Writes that may wait for the writer; beyond, callers are told to come back later." },
    { "db.busy_wait", SET_MS, "5s", 0, 60000, "Longest wait for a lock that another process holds on the database." },
    { "db.checkpoint_bytes", SET_BYTES, "16M", 64 << 10, 1 << 30, "Size of the write-ahead log at which it is copied into the database file; a page that changed often is copied once." },
    { "db.truncate_bytes", SET_BYTES, "64M", 1 << 20, 1LL << 34, "Size of the write-ahead log at which its file is also made empty." },
    { 0 },
};

static const struct db_driver *find_driver(const char *name) {
    for (size_t i = 0; i < COUNT(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

/* Two writing processes would checkpoint under each other's feet and overtake each other's fences. */
static int take_lock(const char *data_dir, int *ret_fd, struct err *e) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/zoetrope.lock", data_dir);
    __attribute__((cleanup(fd_close_p))) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, ERR_IO, "the data folder %s cannot be used by user %d; give it to that user, or name another one with --data", data_dir, (int)geteuid());
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        char pid[16] = "";
        ssize_t n = errno == EWOULDBLOCK ? pread(fd, pid, sizeof(pid) - 1, 0) : -1;
        return n < 0 ? err_sys(e, ERR_IO, "%s", path)
                     : err_set(e, ERR_BUSY, "%s: the data belongs to a running server (process %.*s); stop that one, or name another folder with --data", path, (int)n, pid);
    }
    char pid[16];
    int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        return err_sys(e, ERR_IO, "%s", path);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int open_reading(struct db *d, const struct db__conf *conf, struct err *e) {
    if (access(d->path, F_OK) < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "there is no database in %s yet; `zoetrope serve` makes it", conf->data_dir);
    return db__migrate(db_reader(d), conf->migrations, /* check_only= */ true, e);
}

static int open_writing(struct db *d, const struct db__conf *conf, struct err *e) {
    if (mkdir(conf->data_dir, 0700) < 0 && errno != EEXIST)
        return err_sys(e, ERR_IO, "%s", conf->data_dir);
    int r = take_lock(conf->data_dir, &d->lock_fd, e);
    if (r >= 0)
        r = db__tx_open(d, DB_ROLE_WRITE, &d->writer, e);
    if (r >= 0)
        r = db__migrate(d->writer, conf->migrations, /* check_only= */ false, e);
    return r < 0 ? r : db__lane_start(d, (unsigned)conf->lane_max, e);
}

int db__open(const struct db__conf *conf, struct db **ret_d, struct err *e) {
    struct db *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    d->drv = conf->driver;
    d->lock_fd = -1;
    d->checkpoint_bytes = conf->checkpoint_bytes;
    d->truncate_bytes = conf->truncate_bytes;
    d->readers_max = conf->readers_max;
    d->place = (struct db_place){ .path = d->path, .vfs = conf->vfs, .busy_ms = conf->busy_ms, .cache_kib = conf->cache_kib };
    int n = snprintf(d->path, sizeof(d->path), "%s/zoetrope.db", conf->data_dir);
    if (n < 0 || (size_t)n >= sizeof(d->path)) {
        free(d);
        return err_set(e, ERR_CONFIG, "the path of the data folder is too long");
    }
    int r = db__readers_init(d, e);
    if (r < 0) {
        free(d);
        return r;
    }
    r = conf->read_only ? open_reading(d, conf, e) : open_writing(d, conf, e);
    if (r < 0) {
        db_close(d);
        return r;
    }
    *ret_d = d;
    return 0;
}

int db_open(const struct config *cfg, const char *data_dir, bool read_only, struct db **ret_d, struct err *e) {
    const char *name = config_str(cfg, "db.driver");
    struct db__conf conf = {
        .driver = find_driver(name),
        .data_dir = data_dir,
        .read_only = read_only,
        .busy_ms = (int)config_int(cfg, "db.busy_wait"),
        .readers_max = (int)config_int(cfg, "db.readers_max"),
        .lane_max = (int)config_int(cfg, "db.lane_max"),
        .cache_kib = (int)(config_int(cfg, "db.cache_bytes") >> 10),
        .checkpoint_bytes = config_int(cfg, "db.checkpoint_bytes"),
        .truncate_bytes = config_int(cfg, "db.truncate_bytes"),
        .migrations = &db_migrations,
    };
    if (!conf.driver)
        return err_set(e, ERR_CONFIG, "%s: db.driver: there is no database driver \"%s\"", config_where(cfg, "db.driver"), name);
    return db__open(&conf, ret_d, e);
}

void db_close(struct db *d) {
    if (!d)
        return;
    db__lane_stop(d);
    db__readers_done(d);
    db__tx_free(d->writer);                      /* last: it empties the log and removes it */
    fd_close_p(&d->lock_fd);
    free(d);
}

static int64_t file_bytes(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

void db_get_stats(struct db *d, struct db_stats *ret) {
    char log[sizeof(d->path) + 4];
    snprintf(log, sizeof(log), "%s-wal", d->path);
    *ret = (struct db_stats){
        .writes = atomic_load(&d->writes),
        .batches = atomic_load(&d->batches),
        .batch_max = atomic_load(&d->batch_max),
        .queued = atomic_load(&d->lane.open) & INT32_MAX,
        .commit_us_sum = atomic_load(&d->commit_us_sum),
        .commit_us_max = atomic_load(&d->commit_us_max),
        .wait_us_sum = atomic_load(&d->wait_us_sum),
        .checkpoints = atomic_load(&d->checkpoints),
        .checkpoint_us_sum = atomic_load(&d->checkpoint_us_sum),
        .checkpoint_us_max = atomic_load(&d->checkpoint_us_max),
        .fsync_failed = atomic_load(&d->fsync_failed),
        .wal_bytes = file_bytes(log),
        .file_bytes = file_bytes(d->path),
    };
    for (int i = 0; i < DB_HIST; i++) {
        ret->batch_hist[i] = atomic_load(&d->batch_hist[i]);
        ret->commit_hist[i] = atomic_load(&d->commit_hist[i]);
        ret->wait_hist[i] = atomic_load(&d->wait_hist[i]);
    }
    pthread_mutex_lock(&d->mutex);
    ret->reads = d->reads_gone;
    for (struct db_tx *tx = d->readers; tx; tx = tx->next)
        ret->reads += atomic_load_explicit(&tx->reads, memory_order_relaxed);
    pthread_mutex_unlock(&d->mutex);
}
