/* migrate_test.c - forward only, once each, and never over an edited or a newer schema. */
#include "db/testing.h"

DB_SQL(count_parents, "SELECT COUNT(*) FROM parent");

#define FILE_OF(name, sql) { name, { sql, sizeof(sql) - 1 }, NULL, NULL }

static int reopen(struct testing *t, const struct embed_file *files, size_t n) {
    struct embed_dir dir = { files, n };
    db_close(t->d);
    t->d = NULL;
    t->conf.migrations = &dir;
    t->e.text[0] = 0;
    int r = db__open(&t->conf, &t->d, &t->e);
    t->conf.migrations = &testing_dir;
    return r;
}

static int64_t parents(struct testing *t) {
    DB_ROWS rows;
    assert_int_equal(db_one(db_reader(t->d), &rows, &t->e, &count_parents), 1);
    return db_int(&rows, 0);
}

static void each_statement_runs_once(void **state) {
    struct testing *t = *state;
    const struct embed_file files[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1); -- ; no end\n"
                                                                               "/* ; */ INSERT INTO parent (id) VALUES (2)\n") };
    assert_int_equal(reopen(t, files, 2), 0);
    assert_int_equal(parents(t), 2);
    assert_int_equal(reopen(t, files, 2), 0);
    assert_int_equal(parents(t), 2);
    const struct embed_file longer[] = { testing_file, FILE_OF("0002_more.sql", "-- a comment may change\nINSERT INTO parent (id) VALUES (1);\n"
                                                                                "INSERT INTO parent (id) VALUES (2); INSERT INTO parent (id) VALUES (3);") };
    assert_int_equal(reopen(t, longer, 2), 0);
    assert_int_equal(parents(t), 3);
}

static void a_statement_that_fails_is_not_recorded_and_what_ran_stays(void **state) {
    struct testing *t = *state;
    const struct embed_file bad[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1); INSERT INTO nowhere VALUES (1);") };
    assert_int_equal(reopen(t, bad, 2), ERR_DB);
    assert_non_null(strstr(t->e.text, "0002_more.sql: statement 2: no such table"));
    const struct embed_file good[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1); INSERT INTO parent (id) VALUES (2);") };
    assert_int_equal(reopen(t, good, 2), 0);
    assert_int_equal(parents(t), 2);
}

static void an_edited_migration_is_refused(void **state) {
    struct testing *t = *state;
    const struct embed_file one[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1);") };
    const struct embed_file edited[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (7);") };
    assert_int_equal(reopen(t, one, 2), 0);
    assert_int_equal(reopen(t, edited, 2), ERR_DB);
    assert_non_null(strstr(t->e.text, "0002_more.sql: statement 1 was changed"));
}

static void a_database_from_the_future_is_refused(void **state) {
    struct testing *t = *state;
    const struct embed_file two[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1); INSERT INTO parent (id) VALUES (2);") };
    const struct embed_file shorter[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1);") };
    assert_int_equal(reopen(t, two, 2), 0);
    assert_int_equal(reopen(t, two, 1), ERR_DB);
    assert_non_null(strstr(t->e.text, "newer than this program"));
    assert_int_equal(reopen(t, shorter, 2), ERR_DB);
    assert_non_null(strstr(t->e.text, "newer than this program"));
    t->conf.read_only = true;
    assert_int_equal(reopen(t, two, 1), ERR_DB);
}

static void a_reader_never_migrates(void **state) {
    struct testing *t = *state;
    const struct embed_file two[] = { testing_file, FILE_OF("0002_more.sql", "INSERT INTO parent (id) VALUES (1);") };
    t->conf.read_only = true;
    assert_int_equal(reopen(t, two, 2), ERR_DB);
    assert_non_null(strstr(t->e.text, "not yet run"));
    assert_int_equal(reopen(t, two, 1), 0);
}

static void wrong_names_are_refused(void **state) {
    struct testing *t = *state;
    const struct embed_file name[] = { FILE_OF("12_x.sql", "SELECT 1;") };
    const struct embed_file twice[] = { testing_file, FILE_OF("0001_tests.sql", "SELECT 1;") };
    assert_int_equal(reopen(t, name, 1), ERR_DB);
    assert_int_equal(reopen(t, twice, 2), ERR_DB);
    assert_non_null(strstr(t->e.text, "two migrations"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTING(each_statement_runs_once),
        TESTING(a_statement_that_fails_is_not_recorded_and_what_ran_stays),
        TESTING(an_edited_migration_is_refused),
        TESTING(a_database_from_the_future_is_refused),
        TESTING(a_reader_never_migrates),
        TESTING(wrong_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
