/* upload_test.c - uploads grow by what is durable, belong to one account, and leave nothing behind. */
#include "blob/testing.h"

enum { ME = 1001, YOU = 1002 };

static struct blob_store *store;      /* of the running test, for the write functions */

static int add(struct db_tx *tx, void *arg, struct err *e) { return blob_upload_add(tx, store, arg, e); }
static int drop(struct db_tx *tx, void *arg, struct err *e) { return blob_upload_drop(tx, store, *(int64_t *)arg, e); }

static int try_new(struct testing *t, int64_t account, int64_t length, int64_t *ret_id) {
    struct blob_upload u = { .id = id_new(), .account = account, .length = length, .name = STR("../../etc/passwd"), .type = STR("image/jpeg"),
                             .metadata = STR("filename Li4="), .created_ms = clock_ms() };
    store = t->s;
    *ret_id = u.id;
    return db_do(t->d, add, &u, &t->e);
}

static int64_t upload(struct testing *t, int64_t length) {
    struct err *e = &t->e;
    int64_t id = 0;
    OK(try_new(t, ME, length, &id));
    return id;
}

static struct blob_upload look(struct testing *t, int64_t id) {
    struct blob_upload u = { 0 };
    assert_int_equal(blob_upload_get(db_reader(t->d), t->a, id, ME, &u, &t->e), 1);
    return u;
}

static int begin(struct testing *t, int64_t id, int64_t offset, bool whole, struct blob_append **ret_a) {
    struct blob_upload u = look(t, id);
    return blob_append_begin(t->s, t->d, &u, offset, whole, ret_a, &t->e);
}

static void append(struct testing *t, int64_t id, int64_t offset, const char *text) {
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t at = 0, expires = 0;
    OK(begin(t, id, offset, false, &a));
    OK(blob_append_write(a, text, strlen(text), e));
    OK(blob_append_end(a, &at, &expires, e));
    assert_int_equal(at, offset + (int64_t)strlen(text));
    assert_true(expires > clock_ms());
}

static void expect_bytes(struct testing *t, int64_t id, const char *text) {
    struct err *e = &t->e;
    struct blob_upload u = look(t, id);
    char back[64] = "";
    int fd = -1;
    OK(blob_upload_open(t->s, &u, &fd, e));
    assert_int_equal(read(fd, back, sizeof(back) - 1), strlen(text));
    assert_string_equal(back, text);
    close(fd);
}

static void an_upload_grows_to_its_length(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t id = upload(t, 10);
    int fd = -1;
    struct blob_upload u = look(t, id);
    assert_int_equal(u.offset, 0);
    assert_true(str_eqz(u.name, "../../etc/passwd") && str_eqz(u.type, "image/jpeg") && str_eqz(u.metadata, "filename Li4="));
    append(t, id, 0, "hello");
    u = look(t, id);
    assert_int_equal(blob_upload_open(t->s, &u, &fd, e), ERR_UPLOAD_INCOMPLETE);
    append(t, id, 5, "");
    append(t, id, 5, "world");
    expect_bytes(t, id, "helloworld");
    store = t->s;
    OK(db_do(t->d, drop, &id, e));
    blob_upload_erase(t->s, id);
    assert_int_equal(files_in(t, "upload"), 0);
    assert_int_equal(db_do(t->d, drop, &id, e), ERR_NOT_FOUND);
    id = upload(t, 0);
    expect_bytes(t, id, "");
}

static void strangers_find_nothing(void **state) {
    struct testing *t = *state;
    int64_t id = upload(t, 10);
    struct blob_upload u;
    assert_int_equal(blob_upload_get(db_reader(t->d), t->a, id, YOU, &u, &t->e), 0);
    assert_int_equal(blob_upload_get(db_reader(t->d), t->a, id + 1, ME, &u, &t->e), 0);
    assert_int_equal(blob_upload_get(db_reader(t->d), t->a, id, 0, &u, &t->e), 1);
}

static void a_wrong_offset_or_a_second_writer_is_refused(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL, *b = NULL;
    int64_t id = upload(t, 10), other = upload(t, 10), at, expires;
    append(t, id, 0, "abc");
    assert_int_equal(begin(t, id, 0, false, &a), ERR_UPLOAD_OFFSET);
    assert_int_equal(begin(t, id, 4, false, &a), ERR_UPLOAD_OFFSET);
    OK(begin(t, id, 3, false, &a));
    assert_int_equal(begin(t, id, 3, false, &b), ERR_RACE);
    OK(begin(t, other, 0, false, &b));                   /* only the same one */
    blob_append_abort(b);
    assert_int_equal(blob_append_write(a, "12345678", 8, e), ERR_TOO_BIG);
    OK(blob_append_write(a, "1234567", 7, e));
    OK(blob_append_end(a, &at, &expires, e));
    expect_bytes(t, id, "abc1234567");
    assert_int_equal(begin(t, id, 9, false, &a), ERR_UPLOAD_OFFSET);
    blob_append_abort(NULL);
}

static void what_arrived_before_the_cut_is_kept(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 10);
    OK(begin(t, id, 0, false, &a));
    OK(blob_append_write(a, "hello", 5, e));
    blob_append_abort(a);
    assert_int_equal(look(t, id).offset, 5);
    append(t, id, 5, "world");
    expect_bytes(t, id, "helloworld");
}

static void bytes_with_a_checksum_are_kept_whole_or_not_at_all(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 200003);
    char many[100000];
    memset(many, 'x', sizeof(many));
    append(t, id, 0, "abc");
    OK(begin(t, id, 3, true, &a));
    OK(blob_append_write(a, many, sizeof(many), e));     /* over upload.commit_bytes, yet nothing is promised under way */
    assert_int_equal(look(t, id).offset, 3);
    blob_append_abort(a);
    assert_int_equal(look(t, id).offset, 3);
    OK(begin(t, id, 3, true, &a));
    OK(blob_append_write(a, many, sizeof(many), e));
    blob_append_discard(a);
    assert_int_equal(look(t, id).offset, 3);
    OK(begin(t, id, 3, true, &a));
    OK(blob_append_write(a, many, sizeof(many), e));
    OK(blob_append_write(a, many, sizeof(many), e));
    int64_t at = 0, expires = 0;
    OK(blob_append_end(a, &at, &expires, e));
    assert_int_equal(at, 200003);
}

static void a_long_append_is_made_durable_under_way(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 1 << 20);
    char part[40000] = "";
    OK(begin(t, id, 0, false, &a));
    OK(blob_append_write(a, part, sizeof(part), e));
    assert_int_equal(look(t, id).offset, 0);
    OK(blob_append_write(a, part, sizeof(part), e));     /* 80,000 > 64 KiB */
    assert_int_equal(look(t, id).offset, 80000);
    blob_append_abort(a);
}

static void an_account_has_its_limits(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t id = 0;
    OK(config_set(t->cfg, "upload.account_max", STR("3"), "test", e));
    OK(config_set(t->cfg, "upload.account_bytes_max", STR("100"), "test", e));
    OK(config_set(t->cfg, "upload.max_bytes", STR("80"), "test", e));
    testing_close(t);
    testing_open(t);
    assert_int_equal(blob_upload_max(t->s), 80);
    assert_int_equal(blob_upload_allowed(t->s, 81, e), ERR_TOO_BIG);
    OK(blob_upload_allowed(t->s, 80, e));
    OK(try_new(t, ME, 80, &id));
    assert_int_equal(try_new(t, ME, 21, &id), ERR_TOO_BIG);
    OK(try_new(t, ME, 20, &id));
    OK(try_new(t, YOU, 80, &id));
    OK(try_new(t, ME, 0, &id));
    assert_int_equal(try_new(t, ME, 0, &id), ERR_RATE);
}

static void what_gets_no_bytes_expires(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 10), other = upload(t, 10), removed = 0;
    append(t, id, 0, "abc");
    append(t, other, 0, "abc");
    clock_set_offset_ms(23 * 3600000LL);
    append(t, other, 3, "d");                            /* another 24 hours */
    clock_set_offset_ms(25 * 3600000LL);
    assert_int_equal(begin(t, id, 3, false, &a), ERR_GONE);
    OK(blob_reap(t->s, t->d, clock_ms(), &removed, e));
    clock_set_offset_ms(0);
    assert_int_equal(removed, 1);
    assert_int_equal(look(t, other).offset, 4);
    struct blob_upload u;
    assert_int_equal(blob_upload_get(db_reader(t->d), t->a, id, ME, &u, e), 0);
}

static void an_upload_deleted_under_way_is_gone(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 10), at, expires, removed = 0;
    OK(begin(t, id, 0, false, &a));
    OK(blob_append_write(a, "abc", 3, e));
    OK(db_do(t->d, drop, &id, e));
    assert_int_equal(blob_append_end(a, &at, &expires, e), ERR_GONE);
    assert_int_equal(files_in(t, "upload"), 1);
    OK(blob_reap(t->s, t->d, clock_ms(), &removed, e));
    assert_int_equal(files_in(t, "upload"), 0);
}

/* ---- crashes and a full disk ---- */

static int64_t crash_id;
static int problems;
static void count_problem(void *ctx, const char *what) { problems++; }

static void append_more(struct testing *t) {
    struct blob_append *a = NULL;
    int64_t at, expires;
    struct blob_upload u = { .id = crash_id, .length = 10 };
    if (blob_append_begin(t->s, t->d, &u, 3, false, &a, &t->e) < 0 || blob_append_write(a, "DEF", 3, &t->e) < 0)
        _exit(8);
    blob_append_end(a, &at, &expires, &t->e);
}

static void a_kill_never_promises_what_is_not_there(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    const struct { const char *spec; int64_t offset; } cases[] = {
        { "upload.after_append=kill", 3 }, { "db.before_commit=kill", 3 }, { "db.after_commit=kill", 6 },
    };
    crash_id = upload(t, 10);
    append(t, crash_id, 0, "abc");
    for (size_t i = 0; i < COUNT(cases); i++) {
        int status = run_in_child(t, cases[i].spec, append_more);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        OK(blob_sweep(t->s, t->d, NULL, e));
        problems = 0;
        OK(blob_verify(t->s, t->d, true, count_problem, NULL, e));
        assert_int_equal(problems, 0);
        assert_int_equal(look(t, crash_id).offset, cases[i].offset);
    }
    append(t, crash_id, 6, "ghij");
    expect_bytes(t, crash_id, "abcDEFghij");
}

static void what_stands_behind_the_promise_is_cut_off(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    char path[128], name[ID_TEXT_MAX];
    struct stat st;
    crash_id = upload(t, 10);
    blob__upload_name(crash_id, name);
    snprintf(path, sizeof(path), "%s/upload/%s", t->dir, name);
    append(t, crash_id, 0, "abc");
    run_in_child(t, "upload.after_append=kill", append_more);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 6);
    OK(begin(t, crash_id, 3, false, &a));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    blob_append_abort(a);
}

static void a_full_disk_keeps_what_was_promised(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct blob_append *a = NULL;
    int64_t id = upload(t, 10), at, expires;
    append(t, id, 0, "abc");
    OK(begin(t, id, 3, false, &a));
    OK(blob_append_write(a, "def", 3, e));
    OK(failpoint_arm(STR("upload.after_append=enospc"), e));
    assert_int_equal(blob_append_end(a, &at, &expires, e), ERR_DISK_FULL);
    OK(failpoint_arm(STR_NULL, e));
    append(t, id, 3, "0123456");
    expect_bytes(t, id, "abc0123456");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(an_upload_grows_to_its_length),
        TESTING(strangers_find_nothing),
        TESTING(a_wrong_offset_or_a_second_writer_is_refused),
        TESTING(what_arrived_before_the_cut_is_kept),
        TESTING(bytes_with_a_checksum_are_kept_whole_or_not_at_all),
        TESTING(a_long_append_is_made_durable_under_way),
        TESTING(an_account_has_its_limits),
        TESTING(what_gets_no_bytes_expires),
        TESTING(an_upload_deleted_under_way_is_gone),
        TESTING(a_kill_never_promises_what_is_not_there),
        TESTING(what_stands_behind_the_promise_is_cut_off),
        TESTING(a_full_disk_keeps_what_was_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
