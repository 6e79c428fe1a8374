/* store.c - the life of the store, files on their way in and out, room on the disk. */
#include "blob/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/id.h"

#define DRIVER(n) extern const struct blob_driver blob_##n;
#include "blob/drivers.def"
#undef DRIVER
static const struct blob_driver *const drivers[] = {
#define DRIVER(n) &blob_##n,
#include "blob/drivers.def"
#undef DRIVER
};

#define ROOM_CACHE_MS 1000
#define HASH_CHUNK (64 * 1024)

const struct setting blob_settings[] = {
    { "blob.driver", SET_STR, "local", 1, 32, "Where stored files live: local (the data folder)." },
    { "blob.reserve_bytes", SET_BYTES, "512M", 0, 1LL << 50, "Room kept free on the disk; when less is left, new work is refused." },
    { "blob.grace", SET_MS, "10m", 0, 7 * 86400000LL, "A file that nothing names is removed once it is this old; protects files whose row is being written." },
    { "upload.max_bytes", SET_BYTES, "1G", 1, 1LL << 44, "Largest single upload." },
    { "upload.account_max", SET_INT, "32", 1, 10000, "Uploads one account may have open at once." },
    { "upload.account_bytes_max", SET_BYTES, "2G", 1, 1LL << 44, "Bytes of all open uploads of one account." },
    { "upload.commit_bytes", SET_BYTES, "16M", 64 << 10, 1LL << 34, "A long upload is made durable each time this much has arrived; a crash loses less." },
    { "upload.expire", SET_MS, "24h", 1000, 30 * 86400000LL, "An upload that gets no bytes for this long is removed." },
    { 0 },
};

const char *blob_class_name(enum blob_class c) {
    static const char *const names[BLOB_CLASS_COUNT] = { "original", "work", "result", "public" };
    assert(c < BLOB_CLASS_COUNT);
    return names[c];
}

/* ---- life ---- */

/* Opens <data>/<name>, making it durable when it is new. */
static int open_folder(const char *data_dir, const char *name, char path[4096], int *ret_fd, struct err *e) {
    int n = snprintf(path, 4096, "%s/%s", data_dir, name);
    if (n < 0 || n >= 4096)
        return err_set(e, ERR_CONFIG, "the path of the data folder is too long");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_sys(e, ERR_IO, "%s", path);
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, ERR_IO, "%s", path) : 0;
}

static int open_home(struct blob_store *s, const struct config *cfg, const char *dir, struct err *e) {
    const char *name = config_str(cfg, "blob.driver");
    for (size_t i = 0; i < COUNT(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            s->drv = drivers[i];
    if (!s->drv)
        return err_set(e, ERR_CONFIG, "%s: blob.driver: there is no driver \"%s\"", config_where(cfg, "blob.driver"), name);
    return s->drv->open(cfg, dir, &s->home, e);
}

int blob_open(const struct config *cfg, const char *data_dir, struct blob_store **ret_s, struct err *e) {
    CLEANUP(blob_close) struct blob_store *s = calloc(1, sizeof(*s));
    __attribute__((cleanup(fd_close_p))) int dir = -1;
    char path[4096];
    if (!s)
        abort();
    s->tmp_dir = s->upload_dir = -1;
    s->reserve_bytes = config_int(cfg, "blob.reserve_bytes");
    s->grace_ms = config_int(cfg, "blob.grace");
    s->upload_bytes_max = config_int(cfg, "upload.max_bytes");
    s->account_uploads_max = config_int(cfg, "upload.account_max");
    s->account_bytes_max = config_int(cfg, "upload.account_bytes_max");
    s->commit_bytes = config_int(cfg, "upload.commit_bytes");
    s->expire_ms = config_int(cfg, "upload.expire");
    pthread_mutex_init(&s->appending, NULL);
    pthread_rwlock_init(&s->naming, NULL);
    if (mkdir(data_dir, 0700) < 0 && errno != EEXIST)
        return err_sys(e, ERR_IO, "%s", data_dir);
    int r = open_folder(data_dir, "upload", path, &s->upload_dir, e);
    if (r >= 0)
        r = open_folder(data_dir, "blob", path, &dir, e);
    if (r >= 0)
        r = open_folder(data_dir, "blob/tmp", s->tmp_path, &s->tmp_dir, e);   /* on the disk of its new home: a rename cannot cross disks */
    if (r >= 0)
        r = open_home(s, cfg, path, e);                  /* its syncfs() makes the folders above durable too */
    if (r < 0)
        return r;
    *ret_s = TAKE(s);
    return 0;
}

void blob_close(struct blob_store *s) {
    if (!s)
        return;
    if (s->home)
        s->drv->close(s->home);
    fd_close_p(&s->tmp_dir);
    fd_close_p(&s->upload_dir);
    pthread_mutex_destroy(&s->appending);
    pthread_rwlock_destroy(&s->naming);
    free(s);
}

int blob_room(struct blob_store *s, int64_t bytes, struct err *e) {
    int64_t now = clock_mono_ms();
    if (now - atomic_load(&s->free_asked_ms) >= ROOM_CACHE_MS || atomic_load(&s->free_asked_ms) == 0) {
        struct statvfs v;
        if (fstatvfs(s->tmp_dir, &v) < 0)
            return err_sys(e, ERR_IO, "asking for room on the disk");
        atomic_store(&s->free_bytes, (int64_t)v.f_bavail * (int64_t)v.f_frsize);
        atomic_store(&s->free_asked_ms, now);
    }
    int64_t left = atomic_load(&s->free_bytes) - s->reserve_bytes;
    return bytes <= left ? 0 : err_set(e, ERR_DISK_FULL, "%lld MiB free are needed, %lld of them as a reserve (blob.reserve_bytes); there are %lld",
                                       (long long)((s->reserve_bytes + bytes + (1 << 20) - 1) >> 20), (long long)(s->reserve_bytes >> 20),
                                       (long long)(atomic_load(&s->free_bytes) >> 20));
}

/* ---- in ---- */

struct blob_put {
    struct blob_store *s;
    struct blob_key key;
    int         fd;
    char        path[4096 + 32];
};

int blob_put_begin(struct blob_store *s, int64_t account, enum blob_class c, struct blob_put **ret_p, struct err *e) {
    struct blob_put *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    char random[8], hex[17];
    crypto_random(random, sizeof(random));
    hex_encode(random, sizeof(random), hex);
    *p = (struct blob_put){ .s = s, .key = { .account = account, .class = c } };
    snprintf(p->path, sizeof(p->path), "%s/%s", s->tmp_path, hex);
    p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        int r = err_sys(e, ERR_IO, "%s", p->path);
        free(p);
        return r;
    }
    *ret_p = p;
    return 0;
}

int blob_put_fd(struct blob_put *p) { return p->fd; }

int blob_put_write(struct blob_put *p, const void *bytes, size_t n, struct err *e) {
    for (size_t done = 0; done < n;) {
        ssize_t w = write(p->fd, (const char *)bytes + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(e, ERR_IO, "writing a new file");
        done += (size_t)w;
    }
    return 0;
}

/* Of what is in the file, whoever wrote it. */
int blob__hash(int fd, char ret_sha[SHA256_HEX + 1], int64_t *ret_bytes, struct err *e) {
    __attribute__((cleanup(free_p))) char *chunk = malloc(HASH_CHUNK);
    struct sha256 h;
    uint8_t sum[SHA256_LEN];
    int64_t at = 0;
    if (!chunk)
        abort();
    sha256_init(&h);
    for (;;) {
        ssize_t n = pread(fd, chunk, HASH_CHUNK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, ERR_IO, "reading a new file back");
        if (n == 0)
            break;
        sha256_add(&h, chunk, (size_t)n);
        at += n;
    }
    sha256_end(&h, sum);
    hex_encode(sum, sizeof(sum), ret_sha);
    *ret_bytes = at;
    return 0;
}

int blob_put_end(struct blob_put *p, char ret_sha[SHA256_HEX + 1], int64_t *ret_bytes, struct err *e) {
    int64_t bytes = 0;
    int r = blob__hash(p->fd, p->key.sha, &bytes, e);
    if (r >= 0 && futimens(p->fd, NULL) < 0)          /* its grace begins now, however long the writing took */
        r = err_sys(e, ERR_IO, "%s", p->path);
    if (r >= 0) {
        pthread_rwlock_rdlock(&p->s->naming);
        r = p->s->drv->store(p->s->home, &p->key, p->path, p->fd, e);
        pthread_rwlock_unlock(&p->s->naming);
    }
    if (r >= 0) {
        memcpy(ret_sha, p->key.sha, sizeof(p->key.sha));
        *ret_bytes = bytes;
        p->path[0] = 0;                               /* the temporary name is gone already */
    }
    blob_put_abort(p);
    return r;
}

void blob_put_abort(struct blob_put *p) {
    if (!p)
        return;
    if (p->path[0])
        unlink(p->path);
    fd_close_p(&p->fd);
    free(p);
}

/* ---- out ---- */

int blob_get(struct blob_store *s, int64_t account, enum blob_class c, const char *sha, int *ret_fd, int64_t *ret_bytes, struct err *e) {
    struct blob_key k = { .account = account, .class = c };
    uint8_t sum[SHA256_LEN];
    if (hex_decode(str_z(sha), sum, sizeof(sum)) < 0)
        return err_set(e, ERR_NOT_FOUND, "\"%s\" is no SHA-256", sha);
    hex_encode(sum, sizeof(sum), k.sha);
    return s->drv->get(s->home, &k, ret_fd, ret_bytes, e);
}

int blob_asset_open(struct blob_store *s, const struct blob_asset *a, int *ret_fd, struct err *e) {
    int64_t bytes;
    return blob_get(s, a->account, a->class, a->sha, ret_fd, &bytes, e);
}
