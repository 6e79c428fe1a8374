/*
 * powercut_test.c - what a power cut would leave of the store: who was answered has, on the disk, the bytes, their name, and every folder on the
 * way to it.
 *
 * The linker puts the functions below in place of fdatasync, fsync, renameat, mkdirat and openat (meson.build: --wrap). They call the real ones
 * and keep a model of the worst disk: contents are safe up to the size at their last fdatasync; a name is safe once its folder was
 * fsynced after it got the name. SQLite's own part is proven in db/powercut_test.c.
 */
#include "blob/testing.h"

#include <errno.h>
#include <pthread.h>

int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_mkdirat(int dir, const char *path, mode_t mode);
int __real_openat64(int dir, const char *path, int flags, mode_t mode);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode);

enum { NAMES_MAX = 512, SYNCS_MAX = 512, ME = 1001 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct name { ino_t dir; char name[80]; bool safe; } names[NAMES_MAX];     /* made since the test began */
static struct sync { ino_t file; int64_t bytes; } syncs[SYNCS_MAX];
static int n_names, n_syncs;
static bool ignore_folder_syncs, ignore_file_syncs;                               /* a disk that lies: the check must notice */
static int fail_folder_sync;                                                      /* this one from now fails; 0 = none */

static ino_t inode_of(int fd, bool *ret_folder, int64_t *ret_bytes) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        abort();
    *ret_folder = S_ISDIR(st.st_mode);
    *ret_bytes = st.st_size;
    return st.st_ino;
}

static void synced(int fd) {
    bool folder;
    int64_t bytes;
    ino_t ino = inode_of(fd, &folder, &bytes);
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
static void named(int dir, const char *path) {
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
    synced(fd);
    return r;
}
int __wrap_fsync(int fd) {
    if (fail_folder_sync && --fail_folder_sync == 0) {
        errno = EIO;
        return -1;
    }
    int r = __real_fsync(fd);
    synced(fd);
    return r;
}
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to) {
    int r = __real_renameat(from_dir, from, to_dir, to);
    named(to_dir, to);
    return r;
}
int __wrap_mkdirat(int dir, const char *path, mode_t mode) {
    int r = __real_mkdirat(dir, path, mode);
    if (r == 0)
        named(dir, path);
    return r;
}
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode) {
    bool fresh = (flags & O_CREAT) && faccessat(dir, path, F_OK, 0) < 0;
    int fd = __real_openat64(dir, path, flags, mode);
    if (fresh && fd >= 0)
        named(dir, path);
    return fd;
}

/* ---- the check ---- */

static bool name_is_safe(ino_t dir, const char *name) {
    for (int i = 0; i < n_names; i++)
        if (names[i].dir == dir && strcmp(names[i].name, name) == 0)
            return names[i].safe;
    return true;                          /* there before the test began, and made durable by the syncfs() of blob_open() */
}

/* True when a power cut now would leave the file <data>/<path> with at least `bytes` bytes. */
static bool survives(struct testing *t, const char *path, int64_t bytes) {
    char at[256], copy[192];
    struct stat folder, file = { 0 };
    bool safe = true;
    snprintf(at, sizeof(at), "%s", t->dir);
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *rest = copy, *name; (name = strsep(&rest, "/"));) {
        if (stat(at, &folder) < 0)
            return false;
        safe &= name_is_safe(folder.st_ino, name);
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

static int setup(void **state) {
    n_names = n_syncs = 0;
    ignore_folder_syncs = ignore_file_syncs = false;
    return testing_setup(state);
}

static int add_asset(struct db_tx *tx, void *arg, struct err *e) { return blob_asset_add(tx, arg, e); }

/* Stores a text as an asset; true when the answer could be believed. */
static bool store_survives(struct testing *t, int64_t account, enum blob_class class, const char *text) {
    struct err *e = &t->e;
    struct blob_put *p = NULL;
    struct blob_asset a = { .id = id_new(), .account = account, .class = class, .type = STR("x"), .role = STR("x") };
    char path[192], owner[ID_TEXT_MAX];
    OK(blob_put_begin(t->s, account, class, &p, e));
    OK(blob_put_write(p, text, strlen(text), e));
    OK(blob_put_end(p, a.sha, &a.bytes, e));
    OK(db_do(t->d, add_asset, &a, e));
    id_text(owner, "acct", account);
    snprintf(path, sizeof(path), "blob/%s/%s/%.2s/%s", blob_class_name(class), owner, a.sha, a.sha);
    return survives(t, path, a.bytes);
}

static void an_answered_asset_survives_a_power_cut(void **state) {
    struct testing *t = *state;
    assert_true(store_survives(t, ME, BLOB_ORIGINAL, "one"));
    assert_true(store_survives(t, ME, BLOB_ORIGINAL, "two"));
    assert_true(store_survives(t, ME, BLOB_ORIGINAL, "one"));        /* the same bytes again take the name over */
    assert_true(store_survives(t, ME, BLOB_RESULT, "one"));
    assert_true(store_survives(t, ME + 1, BLOB_RESULT, "one"));
    ignore_folder_syncs = true;
    assert_false(store_survives(t, ME, BLOB_ORIGINAL, "three"));
    ignore_folder_syncs = false;
    ignore_file_syncs = true;
    assert_false(store_survives(t, ME, BLOB_ORIGINAL, "four"));
}

/* The folder is there, but its name may not be: the next file must not be built on it unasked. */
static void a_folder_that_could_not_be_made_durable_is_made_again(void **state) {
    struct testing *t = *state;
    for (int nth = 1; nth <= 4; nth++) {                             /* the folders of class, account, first digits; the file's name */
        struct blob_put *p = NULL;
        char sha[SHA256_HEX + 1];
        int64_t bytes;
        struct err *e = &t->e;
        n_names = n_syncs = 0;
        OK(blob_put_begin(t->s, ME + nth, (enum blob_class)(nth - 1), &p, e));
        OK(blob_put_write(p, "one", 3, e));
        fail_folder_sync = nth;
        assert_int_equal(blob_put_end(p, sha, &bytes, e), ERR_IO);
        assert_int_equal(fail_folder_sync, 0);
        assert_true(store_survives(t, ME + nth, (enum blob_class)(nth - 1), "one"));
    }
}

static struct blob_store *store;
static int add_upload(struct db_tx *tx, void *arg, struct err *e) { return blob_upload_add(tx, store, arg, e); }

static int64_t grow(struct testing *t, struct blob_upload *u, int64_t at, const char *text) {
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t offset = 0, expires = 0;
    OK(blob_append_begin(t->s, t->d, u, at, false, &a, e));
    OK(blob_append_write(a, text, strlen(text), e));
    OK(blob_append_end(a, &offset, &expires, e));
    return offset;
}

static void an_answered_offset_survives_a_power_cut(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char path[64], name[ID_TEXT_MAX];
    for (int lie = 0; lie < 2; lie++) {
        struct blob_upload u = { .id = id_new(), .account = ME, .length = 10, .created_ms = clock_ms() };
        store = t->s;
        OK(db_do(t->d, add_upload, &u, e));
        blob__upload_name(u.id, name);
        snprintf(path, sizeof(path), "upload/%s", name);
        ignore_file_syncs = lie;
        assert_int_equal(survives(t, path, grow(t, &u, 0, "hello")), !lie);
        assert_int_equal(survives(t, path, grow(t, &u, 5, "world")), !lie);
    }
    ignore_file_syncs = false;
    ignore_folder_syncs = true;
    struct blob_upload u = { .id = id_new(), .account = ME, .length = 10, .created_ms = clock_ms() };
    OK(db_do(t->d, add_upload, &u, e));
    blob__upload_name(u.id, name);
    snprintf(path, sizeof(path), "upload/%s", name);
    assert_false(survives(t, path, grow(t, &u, 0, "hello")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answered_asset_survives_a_power_cut, setup, testing_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_could_not_be_made_durable_is_made_again, setup, testing_teardown),
        cmocka_unit_test_setup_teardown(an_answered_offset_survives_a_power_cut, setup, testing_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
