/*
 * powercut_test.c - what a power cut would leave of the store: who was answered has, on the disk, the bytes, their name, and every folder on the
 * way to it (powercut.h). SQLite's own part is proven in db/powercut_test.c, both together in task/powercut_test.c.
 */
#include "blob/powercut.h"
#include "blob/testing.h"

enum { ME = 1001 };

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
    return powercut_survives(t->dir, path, a.bytes);
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
        assert_int_equal(powercut_survives(t->dir, path, grow(t, &u, 0, "hello")), !lie);
        assert_int_equal(powercut_survives(t->dir, path, grow(t, &u, 5, "world")), !lie);
    }
    ignore_file_syncs = false;
    ignore_folder_syncs = true;
    struct blob_upload u = { .id = id_new(), .account = ME, .length = 10, .created_ms = clock_ms() };
    OK(db_do(t->d, add_upload, &u, e));
    blob__upload_name(u.id, name);
    snprintf(path, sizeof(path), "upload/%s", name);
    assert_false(powercut_survives(t->dir, path, grow(t, &u, 0, "hello")));
}

static void path_of(char out[192], int64_t account, enum blob_class class, const char *sha) {
    char owner[ID_TEXT_MAX];
    id_text(owner, "acct", account);
    snprintf(out, 192, "blob/%s/%s/%.2s/%s", blob_class_name(class), owner, sha, sha);
}

/* More files than are linked at once, many of them in the same folders. */
static void files_that_move_survive_a_power_cut_for_one_fsync_a_folder(void **state) {
    enum { FILES = 150 };
    struct testing *t = *state;
    struct err *e = &t->e;
    char path[192], linked[SHA256_HEX + 1], sha[FILES][SHA256_HEX + 1];
    bool seen[BLOB_CLASS_COUNT][256] = { 0 };
    int leaves = 0;
    for (int i = 0; i < FILES; i++) {
        enum blob_class class = i % 3 ? BLOB_RESULT : BLOB_ORIGINAL;
        char text[16];
        unsigned first;
        snprintf(text, sizeof(text), "%d", i);
        struct blob_asset a = { .id = id_new(), .account = ME, .class = class, .type = STR("x"), .role = STR("x") };
        struct blob_put *p = NULL;
        OK(blob_put_begin(t->s, ME, class, &p, e));
        OK(blob_put_write(p, text, strlen(text), e));
        OK(blob_put_end(p, a.sha, &a.bytes, e));
        OK(db_do(t->d, add_asset, &a, e));
        memcpy(sha[i], a.sha, sizeof(a.sha));
        assert_int_equal(sscanf(a.sha, "%2x", &first), 1);
        leaves += !seen[class][first];
        seen[class][first] = true;
    }
    assert_int_equal(blob_move_few(db_reader(t->d), ME, FILES, e), 1);
    assert_int_equal(blob_move_few(db_reader(t->d), ME, FILES - 1, e), 0);
    n_fsyncs = 0;
    OK(blob_move_files(t->s, t->d, ME, ME + 1, linked, e));
    for (int i = 0; i < FILES; i++) {
        path_of(path, ME + 1, i % 3 ? BLOB_RESULT : BLOB_ORIGINAL, sha[i]);
        if (!powercut_survives(t->dir, path, 1))
            fail_msg("%s would be lost", path);
    }
    if (n_fsyncs > leaves + 12)                                      /* and the folders above, for each batch that needs a new one */
        fail_msg("%d fsyncs for %d files in %d folders", n_fsyncs, FILES, leaves);
    ignore_folder_syncs = true;
    OK(blob_move_files(t->s, t->d, ME, ME + 2, linked, e));
    path_of(path, ME + 2, BLOB_ORIGINAL, sha[0]);
    assert_false(powercut_survives(t->dir, path, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answered_asset_survives_a_power_cut, setup, testing_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_could_not_be_made_durable_is_made_again, setup, testing_teardown),
        cmocka_unit_test_setup_teardown(files_that_move_survive_a_power_cut_for_one_fsync_a_folder, setup, testing_teardown),
        cmocka_unit_test_setup_teardown(an_answered_offset_survives_a_power_cut, setup, testing_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
