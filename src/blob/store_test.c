/* store_test.c - files in and out, who shares them, what the sweep and the reaper take and what they leave. */
#include "blob/testing.h"

enum { ME = 1001, YOU = 1002 };

/* Stores a file; with an id, an asset row too. */
static void put(struct testing *t, int64_t account, enum blob_class c, const char *text, char sha[SHA256_HEX + 1]) {
    struct err *e = &t->e;
    struct blob_put *p = NULL;
    int64_t bytes = 0;
    OK(blob_put_begin(t->s, account, c, &p, e));
    OK(blob_put_write(p, text, strlen(text), e));
    OK(blob_put_end(p, sha, &bytes, e));
    assert_int_equal(bytes, strlen(text));
}

static int add_asset(struct db_tx *tx, void *arg, struct err *e) { return blob_asset_add(tx, arg, e); }

static int64_t asset(struct testing *t, struct blob_asset a, const char *text) {
    struct err *e = &t->e;
    a.id = id_new();
    a.bytes = (int64_t)strlen(text);
    a.type = STR("text/plain");
    if (!a.role.p)
        a.role = STR("photo");
    put(t, a.account, a.class, text, a.sha);
    OK(db_do(t->d, add_asset, &a, e));
    return a.id;
}

static bool exists(struct testing *t, int64_t id) {
    struct blob_asset a;
    return blob_asset_get(db_reader(t->d), t->a, id, 0, &a, &t->e) == 1;
}

struct deletion { int64_t id, account; };
static int delete_asset(struct db_tx *tx, void *arg, struct err *e) {
    const struct deletion *j = arg;
    return blob_asset_delete(tx, j->id, j->account, e);
}

static void what_was_put_can_be_read_by_its_hash(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char sha[SHA256_HEX + 1], back[16] = "";
    int fd = -1;
    int64_t bytes = 0;
    put(t, ME, BLOB_ORIGINAL, "abc", sha);
    assert_string_equal(sha, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    OK(blob_get(t->s, ME, BLOB_ORIGINAL, sha, &fd, &bytes, e));
    assert_int_equal(bytes, 3);
    assert_int_equal(read(fd, back, sizeof(back)), 3);
    assert_string_equal(back, "abc");
    close(fd);
    assert_int_equal(blob_get(t->s, YOU, BLOB_ORIGINAL, sha, &fd, &bytes, e), ERR_NOT_FOUND);
    assert_int_equal(blob_get(t->s, ME, BLOB_RESULT, sha, &fd, &bytes, e), ERR_NOT_FOUND);
    assert_int_equal(blob_get(t->s, ME, BLOB_ORIGINAL, "../../../zoetrope.db", &fd, &bytes, e), ERR_NOT_FOUND);
    assert_int_equal(files_in(t, "blob/tmp"), 0);
}

static void equal_bytes_are_one_file_within_account_and_class(void **state) {
    struct testing *t = *state;
    char one[SHA256_HEX + 1], two[SHA256_HEX + 1];
    put(t, ME, BLOB_ORIGINAL, "same", one);
    put(t, ME, BLOB_ORIGINAL, "same", two);
    assert_string_equal(one, two);
    assert_int_equal(files_in(t, "blob"), 1);
    put(t, YOU, BLOB_ORIGINAL, "same", two);
    put(t, ME, BLOB_RESULT, "same", two);
    assert_int_equal(files_in(t, "blob"), 3);
}

static void an_aborted_put_leaves_nothing(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_put *p = NULL;
    OK(blob_put_begin(t->s, ME, BLOB_WORK, &p, e));
    OK(blob_put_write(p, "x", 1, e));
    assert_int_equal(files_in(t, "blob/tmp"), 1);
    blob_put_abort(p);
    assert_int_equal(files_in(t, "blob"), 0);
}

static void a_put_that_cannot_be_made_durable_fails_whole(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    const char *specs[] = { "blob.after_write=enospc", "blob.after_sync=eio", "blob.after_rename=eio" };
    for (size_t i = 0; i < COUNT(specs); i++) {
        struct blob_put *p = NULL;
        char sha[SHA256_HEX + 1] = "untouched";
        int64_t bytes = -1;
        OK(blob_put_begin(t->s, ME, BLOB_WORK, &p, e));
        OK(blob_put_write(p, "x", 1, e));
        OK(failpoint_arm(str_z(specs[i]), e));
        assert_int_equal(blob_put_end(p, sha, &bytes, e), i == 0 ? ERR_DISK_FULL : ERR_IO);
        assert_string_equal(sha, "untouched");
        OK(failpoint_arm(STR_NULL, e));
    }
    int64_t removed = 0;
    OK(blob_sweep(t->s, t->d, &removed, e));
    assert_int_equal(removed, 1);                        /* renamed, but not known to be durable: nobody names it */
    assert_int_equal(files_in(t, "blob"), 0);
}

static void assets_belong_to_their_owner(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_asset a;
    int64_t id = asset(t, (struct blob_asset){ .account = ME, .class = BLOB_RESULT, .width = 3, .height = 4, .facts = STR("{}"),
                                               .consent_ms = 5, .created_ms = 6, .delete_at_ms = 7 }, "mine");
    int64_t child = asset(t, (struct blob_asset){ .account = ME, .class = BLOB_WORK, .parent = id, .role = STR("thumb") }, "small");
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, id, ME, &a, e), 1);
    assert_int_equal(a.id, id);
    assert_int_equal(a.class, BLOB_RESULT);
    assert_int_equal(a.bytes, 4);
    assert_true(str_eqz(a.type, "text/plain") && str_eqz(a.role, "photo") && str_eqz(a.facts, "{}"));
    assert_true(a.width == 3 && a.height == 4 && a.consent_ms == 5 && a.created_ms == 6 && a.delete_at_ms == 7 && a.parent == 0);
    int fd = -1;
    OK(blob_asset_open(t->s, &a, &fd, e));
    close(fd);
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, id, YOU, &a, e), 0);
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, id, 0, &a, e), 1);
    assert_int_equal(blob_asset_child(db_reader(t->d), t->a, id, "thumb", &a, e), 1);
    assert_int_equal(a.id, child);
    assert_int_equal(blob_asset_child(db_reader(t->d), t->a, id, "photo", &a, e), 0);
    assert_int_equal(db_do(t->d, delete_asset, &(struct deletion){ id, YOU }, e), ERR_NOT_FOUND);
    assert_true(exists(t, id));
}

static void deleting_takes_the_family_and_then_the_files(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t a = asset(t, (struct blob_asset){ .account = ME }, "a");
    int64_t b = asset(t, (struct blob_asset){ .account = ME, .parent = a }, "b");
    int64_t c = asset(t, (struct blob_asset){ .account = ME, .parent = b }, "c");
    int64_t other = asset(t, (struct blob_asset){ .account = ME }, "c");         /* the same bytes as c */
    OK(db_do(t->d, delete_asset, &(struct deletion){ a, ME }, e));
    assert_false(exists(t, a) || exists(t, b) || exists(t, c));
    assert_true(exists(t, other));
    int64_t removed = 0;
    OK(blob_reap(t->s, t->d, clock_ms(), &removed, e));
    assert_int_equal(removed, 2);
    assert_int_equal(files_in(t, "blob"), 1);
    assert_int_equal(db_do(t->d, delete_asset, &(struct deletion){ a, ME }, e), ERR_NOT_FOUND);
}

static int expire_at(struct db_tx *tx, void *arg, struct err *e) {
    const struct deletion *j = arg;
    return blob_asset_keep_until(tx, j->id, j->account, e);
}

static void the_reaper_takes_what_has_ended_and_spares_the_young(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t now = clock_ms(), removed = 0;
    int64_t gone = asset(t, (struct blob_asset){ .account = ME, .delete_at_ms = now }, "gone");
    int64_t later = asset(t, (struct blob_asset){ .account = ME, .delete_at_ms = now + 1 }, "later");
    int64_t kept = asset(t, (struct blob_asset){ .account = ME, .parent = gone }, "kept");
    OK(blob_reap(t->s, t->d, now, &removed, e));
    assert_int_equal(removed, 1);
    assert_true(!exists(t, gone) && exists(t, later) && exists(t, kept));
    OK(db_do(t->d, expire_at, &(struct deletion){ kept, now + 5 }, e));
    assert_int_equal(db_do(t->d, expire_at, &(struct deletion){ gone, now + 5 }, e), ERR_NOT_FOUND);
    OK(config_set(t->cfg, "blob.grace", STR("1h"), "test", e));
    testing_close(t);
    testing_open(t);
    OK(blob_reap(t->s, t->d, now + 10, &removed, e));
    assert_int_equal(removed, 0);                        /* the rows went, the files are too young */
    assert_false(exists(t, later) || exists(t, kept));
    assert_int_equal(files_in(t, "blob"), 2);
    OK(blob_sweep(t->s, t->d, &removed, e));
    assert_int_equal(removed, 2);
}

static void more_than_one_batch_of_rows_can_end(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    for (int i = 0; i < 450; i++) {
        struct blob_asset a = { .id = id_new(), .account = ME, .type = STR("x"), .role = STR("x"), .delete_at_ms = 1 };
        memset(a.sha, 'a', SHA256_HEX);
        OK(db_do(t->d, add_asset, &a, e));
    }
    int64_t last = asset(t, (struct blob_asset){ .account = ME }, "stays");
    OK(blob_reap(t->s, t->d, clock_ms(), NULL, e));
    int64_t id = 0, bytes;
    struct blob_key k;
    assert_int_equal(blob__asset_next(db_reader(t->d), 0, &id, &k, &bytes, e), 1);
    assert_int_equal(id, last);
}

static void foreign_files_are_left_alone(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char path[128], sha[SHA256_HEX + 1];
    int64_t removed = -1;
    asset(t, (struct blob_asset){ .account = ME, .class = BLOB_PUBLIC }, "x");
    put(t, ME, BLOB_PUBLIC, "orphan", sha);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", t->dir, i ? "blob/README" : "upload/notes.txt");
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    OK(blob_sweep(t->s, t->d, &removed, e));
    assert_int_equal(removed, 1);
    assert_int_equal(files_in(t, "blob") + files_in(t, "upload"), 3);
}

/* ---- crashes ---- */

static void put_and_name(struct testing *t) { asset(t, (struct blob_asset){ .account = ME }, "crash"); }
static void reap_now(struct testing *t) { blob_reap(t->s, t->d, clock_ms(), NULL, &t->e); }

struct moved { const char *linked; };
static int move_rows(struct db_tx *tx, void *arg, struct err *e) { return blob_move_rows(tx, ME, YOU, ((struct moved *)arg)->linked, e); }

static void everything_of_one_account_becomes_anothers(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char linked[SHA256_HEX + 1];
    int64_t first = asset(t, (struct blob_asset){ .account = ME }, "mine"), removed = 0;
    asset(t, (struct blob_asset){ .account = ME, .class = BLOB_RESULT }, "mine");
    asset(t, (struct blob_asset){ .account = YOU }, "both");
    asset(t, (struct blob_asset){ .account = ME }, "both");
    OK(blob_move_files(t->s, t->d, ME, YOU, linked, e));
    int64_t late = asset(t, (struct blob_asset){ .account = ME }, "came late");
    assert_int_equal(db_do(t->d, move_rows, &(struct moved){ linked }, e), ERR_RACE);
    OK(blob_move_files(t->s, t->d, ME, YOU, linked, e));
    OK(blob_move_files(t->s, t->d, ME, YOU, linked, e));                 /* twice is no harm */
    OK(db_do(t->d, move_rows, &(struct moved){ linked }, e));
    OK(blob_sweep(t->s, t->d, &removed, e));
    assert_int_equal(removed, 4);                                        /* the old names */
    assert_int_equal(files_in(t, "blob"), 4);
    struct blob_asset a;
    int fd = -1;
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, first, YOU, &a, e), 1);
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, late, ME, &a, e), 0);
    assert_int_equal(blob_asset_get(db_reader(t->d), t->a, late, YOU, &a, e), 1);
    OK(blob_asset_open(t->s, &a, &fd, e));
    close(fd);
}

static int problems;
static void count_problem(void *ctx, const char *what) { problems++; }

static void a_kill_anywhere_leaves_no_orphan_and_no_broken_row(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    const struct { const char *spec; void (*fn)(struct testing *t); int rows; } cases[] = {
        { "blob.after_write=kill", put_and_name, 0 },  { "blob.after_sync=kill", put_and_name, 0 },
        { "blob.after_rename=kill", put_and_name, 0 }, { "db.before_commit=kill", put_and_name, 0 },
        { "db.after_commit=kill", put_and_name, 1 },   { "blob.before_unlink=kill", reap_now, 1 },
    };
    char sha[SHA256_HEX + 1];
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].fn == reap_now)
            put(t, ME, BLOB_WORK, "orphan", sha);
        int status = run_in_child(t, cases[i].spec, cases[i].fn), r;
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        OK(blob_sweep(t->s, t->d, NULL, e));
        int64_t id = 0, bytes, rows = 0;
        struct blob_key k;
        while ((r = blob__asset_next(db_reader(t->d), id, &id, &k, &bytes, e)) == 1)
            rows++;
        assert_int_equal(rows, cases[i].rows);
        assert_int_equal(files_in(t, "blob"), cases[i].rows);
        problems = 0;
        OK(blob_verify(t->s, t->d, true, count_problem, NULL, e));
        assert_int_equal(problems, 0);
    }
}

static char told[8][256];
static void keep_problem(void *ctx, const char *what) { snprintf(told[problems++ % 8], 256, "%s", what); }

static void verify_finds_what_is_missing_short_or_changed(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    char path[256];
    struct blob_asset a;
    int64_t ids[3] = { asset(t, (struct blob_asset){ .account = ME }, "missing"), asset(t, (struct blob_asset){ .account = ME }, "short"),
                       asset(t, (struct blob_asset){ .account = ME }, "changed") };
    for (int i = 0; i < 3; i++) {
        char owner[ID_TEXT_MAX];
        id_text(owner, "acct", ME);
        assert_int_equal(blob_asset_get(db_reader(t->d), t->a, ids[i], ME, &a, e), 1);
        snprintf(path, sizeof(path), "%s/blob/original/%s/%.2s/%s", t->dir, owner, a.sha, a.sha);
        int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        assert_int_equal(i == 0 ? unlink(path) : i == 1 ? ftruncate(fd, 1) : (int)pwrite(fd, "C", 1, 0) - 1, 0);
        close(fd);
    }
    problems = 0;
    OK(blob_verify(t->s, t->d, false, keep_problem, NULL, e));
    assert_int_equal(problems, 2);
    assert_non_null(strstr(told[0], "cannot be read"));
    assert_non_null(strstr(told[1], "1 bytes instead of 5"));
    problems = 0;
    OK(blob_verify(t->s, t->d, true, keep_problem, NULL, e));
    assert_int_equal(problems, 3);
    assert_non_null(strstr(told[2], "was changed"));
}

static void a_full_disk_refuses_new_work(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    OK(blob_room(t->s, 1, e));
    assert_int_equal(blob_room(t->s, INT64_MAX / 2, e), ERR_DISK_FULL);
    OK(config_set(t->cfg, "blob.reserve_bytes", STR("1048576G"), "test", e));
    testing_close(t);
    testing_open(t);
    assert_int_equal(blob_room(t->s, 0, e), ERR_DISK_FULL);
    assert_non_null(strstr(e->text, "1073741824 MiB free are needed, 1073741824 of them as a reserve"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(what_was_put_can_be_read_by_its_hash),
        TESTING(equal_bytes_are_one_file_within_account_and_class),
        TESTING(an_aborted_put_leaves_nothing),
        TESTING(a_put_that_cannot_be_made_durable_fails_whole),
        TESTING(assets_belong_to_their_owner),
        TESTING(deleting_takes_the_family_and_then_the_files),
        TESTING(the_reaper_takes_what_has_ended_and_spares_the_young),
        TESTING(everything_of_one_account_becomes_anothers),
        TESTING(more_than_one_batch_of_rows_can_end),
        TESTING(foreign_files_are_left_alone),
        TESTING(a_kill_anywhere_leaves_no_orphan_and_no_broken_row),
        TESTING(verify_finds_what_is_missing_short_or_changed),
        TESTING(a_full_disk_refuses_new_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
