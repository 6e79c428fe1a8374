/* statement_test.c - statements, rows, constraints and readers, through the write lane like everybody else. */
#include <sqlite3.h>

#include "db/testing.h"

DB_SQL(add, "INSERT INTO thing (id, name, n, parent_id) VALUES (?, ?, ?, ?)");
DB_SQL(get, "SELECT name, n, parent_id FROM thing WHERE id = ?");
DB_SQL(all, "SELECT id FROM thing ORDER BY id");
DB_SQL(bump, "UPDATE thing SET n = n + ?");
DB_SQL(count, "SELECT COUNT(*) FROM thing");
DB_SQL(by_n, "SELECT id FROM thing WHERE n = ? AND id > 0 ORDER BY name LIMIT ?");
DB_SQL(nonsense, "SELEC 1");
DB_SQL_VARIANT(variant, "SELECT 1", "SELECT 2", "SELECT 3");

struct row {
    int64_t    id, n;
    struct db_arg name, parent;
    enum db_violation broke;
};

static int add_row(struct db_tx *tx, void *arg, struct err *e) {
    struct row *row = arg;
    int64_t changed = -1;
    int r = db_run(tx, &changed, e, &add, DB_INT(row->id), row->name, DB_INT(row->n), row->parent);
    row->broke = db_violated(tx);
    if (r >= 0)
        assert_int_equal(changed, 1);
    return r;
}

static void a_row_comes_back_as_it_was_stored(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    OK(db_do(t->d, add_row, &(struct row){ .id = INT64_MAX, .n = 7, .name = DB_STR(((struct str){ "a\0b", 3 })), .parent = DB_NULL }, e));
    OK(db_do(t->d, add_row, &(struct row){ .id = 2, .n = 0, .name = DB_STR(STR_NULL), .parent = DB_NULL }, e));
    struct db_tx *rd = db_reader(t->d);
    {
        DB_ROWS rows;
        assert_int_equal(db_one(rd, &rows, e, &get, DB_INT(INT64_MAX)), 1);
        assert_true(str_eq(db_str(&rows, 0), (struct str){ "a\0b", 3 }));
        assert_int_equal(db_int(&rows, 1), 7);
        assert_true(db_null(&rows, 2));
        assert_int_equal(db_int(&rows, 2), 0);
        assert_null(db_str(&rows, 2).p);
        assert_int_equal(db_next(&rows, e), 0);
        assert_int_equal(db_next(&rows, e), 0);          /* and stays at the end, instead of beginning again */
    }
    DB_ROWS rows;
    assert_int_equal(db_one(rd, &rows, e, &get, DB_INT(2)), 1);
    assert_false(db_null(&rows, 0));                     /* an empty string is not NULL, also when its view has no bytes */
    assert_int_equal(db_str(&rows, 0).n, 0);
}

static void a_broken_constraint_is_told_apart(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct row row = { .id = 1, .name = DB_TEXT("x"), .parent = DB_NULL };
    OK(db_do(t->d, add_row, &row, e));
    assert_int_equal(row.broke, DB_V_NONE);
    row.id = 2;
    assert_int_equal(db_do(t->d, add_row, &row, e), ERR_RACE);
    assert_int_equal(row.broke, DB_V_UNIQUE);
    assert_non_null(strstr(e->text, "add: "));           /* the statement is named */
    row = (struct row){ .id = 3, .n = -1, .name = DB_TEXT("y"), .parent = DB_NULL };
    assert_int_equal(db_do(t->d, add_row, &row, e), ERR_RACE);
    assert_int_equal(row.broke, DB_V_CHECK);
    row = (struct row){ .id = 4, .name = DB_TEXT("z"), .parent = DB_INT(99) };
    assert_int_equal(db_do(t->d, add_row, &row, e), ERR_RACE);
    assert_int_equal(row.broke, DB_V_FOREIGN);
}

static int query_in_its_own_loop(struct db_tx *tx, void *arg, struct err *e) {
    int *pairs = arg;
    *pairs = 0;
    DB_ROWS outer;
    int r = db_query(tx, &outer, e, &all);
    while (r >= 0 && (r = db_next(&outer, e)) == 1) {
        DB_ROWS inner;
        r = db_query(tx, &inner, e, &all);
        while (r >= 0 && (r = db_next(&inner, e)) == 1)
            ++*pairs;
    }
    return r;
}

static void a_statement_may_be_asked_inside_its_own_loop(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    for (int i = 0; i < 3; i++)
        OK(db_do(t->d, add_row, &(struct row){ .id = i, .name = DB_NULL, .parent = DB_NULL }, e));
    int pairs = 0;
    OK(db_do(t->d, query_in_its_own_loop, &pairs, e));
    assert_int_equal(pairs, 9);
    OK(db_do(t->d, query_in_its_own_loop, &pairs, e));   /* the cached one was given back whole */
    assert_int_equal(pairs, 9);
}

static int bump_all(struct db_tx *tx, void *arg, struct err *e) { return db_run(tx, arg, e, &bump, DB_INT(1)); }

static void changes_are_counted(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    int64_t changed = -1;
    OK(db_do(t->d, bump_all, &changed, e));
    assert_int_equal(changed, 0);
    for (int i = 0; i < 3; i++)
        OK(db_do(t->d, add_row, &(struct row){ .id = i, .name = DB_NULL, .parent = DB_NULL }, e));
    OK(db_do(t->d, bump_all, &changed, e));
    assert_int_equal(changed, 3);
}

static void our_own_mistakes_are_errors_not_crashes(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(t->d), &rows, e, &nonsense), ERR_DB);
    assert_non_null(strstr(e->text, "nonsense: "));
    assert_int_equal(db_one(db_reader(t->d), &rows, e, &get), ERR_DB);
    assert_non_null(strstr(e->text, "1 parameters, 0 were given"));
    assert_int_equal(db_one(db_reader(t->d), &rows, NULL, &nonsense), ERR_DB);
    DB_ROWS mine;
    assert_int_equal(db_one(db_reader(t->d), &mine, e, &variant), 1);
    assert_int_equal(db_int(&mine, 0), 1);
}

static int64_t count_seen(struct testing *t) {
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(t->d), &rows, &t->e, &count), 1);
    return db_int(&rows, 0);
}

static void a_snapshot_stands_still_and_a_reader_does_not(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    assert_int_equal(count_seen(t), 0);
    {
        DB_SNAPSHOT struct db_tx *outer = db_snapshot(t->d);
        assert_ptr_equal(outer, db_reader(t->d));
        {
            DB_SNAPSHOT struct db_tx *inner = db_snapshot(t->d);
            OK(db_do(t->d, add_row, &(struct row){ .id = 1, .name = DB_NULL, .parent = DB_NULL }, e));
            assert_ptr_equal(inner, outer);
            assert_int_equal(count_seen(t), 1);          /* its first statement fixes what it sees */
        }
        OK(db_do(t->d, add_row, &(struct row){ .id = 2, .name = DB_NULL, .parent = DB_NULL }, e));
        assert_int_equal(count_seen(t), 1);
    }
    assert_int_equal(count_seen(t), 2);
}

/* A snapshot that outlives its scope would keep the log from being emptied, and show an old world to the thread's next request. */
static void no_snapshot_is_left_behind(void **state) {
    struct testing *t = *state;
    struct db_tx *rd = db_reader(t->d);
    for (int i = 0; i < 2; i++) {
        DB_SNAPSHOT struct db_tx *in = db_snapshot(t->d);
        if (i == 1)
            break;                                       /* left early, and before its first statement */
        count_seen(t);
        assert_true(db_sqlite.in_transaction(in->conn));
    }
    assert_false(db_sqlite.in_transaction(rd->conn));
    count_seen(t);
    assert_false(db_sqlite.in_transaction(rd->conn));
}

/* SQLite itself ends a transaction after some errors of the disk. */
static void a_snapshot_that_was_lost_is_not_begun_anew(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    {
        DB_SNAPSHOT struct db_tx *rd = db_snapshot(t->d);
        assert_int_equal(count_seen(t), 0);
        OK(db_do(t->d, add_row, &(struct row){ .id = 1, .name = DB_NULL, .parent = DB_NULL }, &t->e));
        OK(db_sqlite.control(rd->conn, DB_ROLLBACK, &t->e));
        DB_ROWS rows;
        assert_int_equal(db_one(rd, &rows, &t->e, &count), ERR_DB);
    }
    DB_SNAPSHOT struct db_tx *rd = db_snapshot(t->d);
    assert_ptr_equal(rd, db_reader(t->d));
    assert_int_equal(count_seen(t), 1);
}

/* A cached statement is prepared once, whatever is bound to it. */
static void no_value_makes_a_statement_be_prepared_again(void **state) {
    struct testing *t = *state;
    struct db_tx *rd = db_reader(t->d);
    for (int64_t n = -2; n < 50; n++) {
        DB_ROWS rows;
        assert_int_equal(db_one(rd, &rows, &t->e, &by_n, DB_INT(n), DB_INT(n)), 0);
    }
    int seen = 0;
    for (size_t i = 0; i < COUNT(rd->buckets); i++)
        for (struct db__stmt *s = rd->buckets[i]; s; s = s->next, seen++)
            assert_int_equal(sqlite3_stmt_status((sqlite3_stmt *)(void *)s->st, SQLITE_STMTSTATUS_REPREPARE, 0), 0);
    assert_int_equal(seen, 1);
}

static void *read_once(void *arg) {
    struct testing *t = arg;
    struct err e = { 0 };
    DB_ROWS rows;
    int r = db_one(db_reader(t->d), &rows, &e, &count);
    return (void *)(intptr_t)r;
}

static void readers_are_bounded_and_end_with_their_threads(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    db_close(t->d);
    t->conf.readers_max = 1;
    testing_open(t);
    for (int i = 0; i < 5; i++) {                        /* one after another: each gives its place back */
        pthread_t th;
        void *r = NULL;
        assert_int_equal(pthread_create(&th, NULL, read_once, t), 0);
        pthread_join(th, &r);
        assert_int_equal((intptr_t)r, 1);
    }
    assert_int_equal(count_seen(t), 0);                  /* this thread holds the only place now */
    pthread_t th;
    void *r = NULL;
    assert_int_equal(pthread_create(&th, NULL, read_once, t), 0);
    pthread_join(th, &r);
    assert_int_equal((intptr_t)r, ERR_BUSY);
    struct db_stats st;
    db_get_stats(t->d, &st);
    assert_int_equal(st.reads, 6);
    assert_true(st.file_bytes > 0);
    OK(db_do(t->d, add_row, &(struct row){ .id = 1, .name = DB_NULL, .parent = DB_NULL }, e));
}

static void one_process_writes_and_others_may_read(void **state) {
    struct testing *t = *state;
    struct err *e = &t->e;
    struct db *second = NULL;
    assert_int_equal(db__open(&t->conf, &second, e), ERR_BUSY);
    char pid[32];
    snprintf(pid, sizeof(pid), "process %d", (int)getpid());
    assert_non_null(strstr(e->text, pid));
    OK(db_do(t->d, add_row, &(struct row){ .id = 1, .name = DB_NULL, .parent = DB_NULL }, e));
    struct db__conf conf = t->conf;
    conf.read_only = true;
    OK(db__open(&conf, &second, e));
    {
        DB_ROWS rows;
        assert_int_equal(db_one(db_reader(second), &rows, e, &count), 1);
        assert_int_equal(db_int(&rows, 0), 1);
    }
    db_close(second);
    db_close(t->d);
    OK(db__open(&conf, &second, e));                     /* and when no server runs */
    db_close(second);
    testing_open(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(a_row_comes_back_as_it_was_stored),
        TESTING(a_broken_constraint_is_told_apart),
        TESTING(a_statement_may_be_asked_inside_its_own_loop),
        TESTING(changes_are_counted),
        TESTING(our_own_mistakes_are_errors_not_crashes),
        TESTING(a_snapshot_stands_still_and_a_reader_does_not),
        TESTING(no_snapshot_is_left_behind),
        TESTING(a_snapshot_that_was_lost_is_not_begun_anew),
        TESTING(no_value_makes_a_statement_be_prepared_again),
        TESTING(readers_are_bounded_and_end_with_their_threads),
        TESTING(one_process_writes_and_others_may_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
