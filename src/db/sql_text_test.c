/* sql_text_test.c - quotes, comments, statement ends and parameters. */
#include "db/testing.h"
#include "db/sql_text.h"

static void dollars(const char *in, int n, const char *out) {
    BUF_CLEANUP struct buf b;
    struct err e = { 0 };
    buf_init(&b, 4096);
    assert_int_equal(db_sql_dollars(str_z(in), &b, &e), n);
    if (n >= 0)
        assert_string_equal(b.n ? b.p : "", out);
}

static void parameters_become_numbers(void **state) {
    dollars("", 0, "");
    dollars("SELECT 1", 0, "SELECT 1");
    dollars("a = ? AND b = ?", 2, "a = $1 AND b = $2");
    dollars("????????????", 12, "$1$2$3$4$5$6$7$8$9$10$11$12");
}

static void quoted_text_and_comments_stay(void **state) {
    dollars("a = '?' AND b = ?", 1, "a = '?' AND b = $1");
    dollars("a = 'it''s ?' AND b = ?", 1, "a = 'it''s ?' AND b = $1");
    dollars("a = '''?' AND b = ?", 1, "a = '''?' AND b = $1");
    dollars("a = '\\' AND b = ? AND c = '?'", 1, "a = '\\' AND b = $1 AND c = '?'");     /* a backslash escapes nothing */
    dollars("\"wh?t\" = ? AND `wh?t` = ?", 2, "\"wh?t\" = $1 AND `wh?t` = $2");
    dollars("? -- why?\n ?", 2, "$1 -- why?\n $2");
    dollars("? -- why?", 1, "$1 -- why?");
    dollars("? /* '?\n */ ? /**/ ?", 3, "$1 /* '?\n */ $2 /**/ $3");
    dollars("a - ? / ? * ?", 3, "a - $1 / $2 * $3");
}

static void what_is_not_closed_is_refused(void **state) {
    dollars("a = 'x", ERR_BAD_INPUT, NULL);
    dollars("a = '", ERR_BAD_INPUT, NULL);
    dollars("a = 'x''", ERR_BAD_INPUT, NULL);
    dollars("\"a", ERR_BAD_INPUT, NULL);
    dollars("? /* ?", ERR_BAD_INPUT, NULL);
    dollars("? /*/ ?", ERR_BAD_INPUT, NULL);
}

static void statements_for(const char *driver, const char *in, const char *const *out) {
    BUF_CLEANUP struct buf b;
    struct err e = { 0 };
    struct str rest = str_z(in);
    int r;
    buf_init(&b, 4096);
    for (; (r = db_sql_next(&rest, driver, &b, &e)) == 1; out++, buf_reset(&b)) {
        assert_non_null(*out);
        assert_string_equal(b.p, *out);
    }
    assert_int_equal(r, 0);
    assert_null(*out);
}

static void statements(const char *in, const char *const *out) { statements_for("sqlite", in, out); }

static void statements_are_cut_at_their_ends(void **state) {
    statements("", (const char *[]){ NULL });
    statements(" ; ;\n-- nothing\n; /* at all */", (const char *[]){ NULL });
    statements("A", (const char *[]){ "A", NULL });
    statements("-- head\n A ;B -- tail;\n\n;C", (const char *[]){ "A", "B", "C", NULL });
    statements("A ';' \"x;\" -- ;\n B; C /* ; */ D ;", (const char *[]){ "A ';' \"x;\"  \n B", "C   D", NULL });
}

static void what_only_one_database_understands_is_a_comment_to_the_others(void **state) {
    static const char in[] = "A (x BIGINT/*sqlite:INTEGER*/ KEY) /*sqlite:WITHOUT y*/; -- /*sqlite:z*/\n/*sqlite*/ B /*sqlite: */ '/*sqlite:c*/' /*mysql:d*/";
    statements_for("sqlite", in, (const char *[]){ "A (x INTEGER KEY) WITHOUT y", "B   '/*sqlite:c*/'", NULL });
    statements_for("postgres", in, (const char *[]){ "A (x BIGINT  KEY)", "B   '/*sqlite:c*/'", NULL });
    statements_for(NULL, in, (const char *[]){ "A (x BIGINT  KEY)", "B   '/*sqlite:c*/'", NULL });
}

static void a_statement_has_a_limit(void **state) {
    BUF_CLEANUP struct buf b;
    struct err e = { 0 };
    struct str rest = STR("123456789;");
    buf_init(&b, 8);
    assert_int_equal(db_sql_next(&rest, NULL, &b, &e), ERR_TOO_BIG);
    rest = STR("'never closed");
    buf_reset(&b);
    assert_int_equal(db_sql_next(&rest, NULL, &b, &e), ERR_BAD_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_numbers),
        cmocka_unit_test(quoted_text_and_comments_stay),
        cmocka_unit_test(what_is_not_closed_is_refused),
        cmocka_unit_test(statements_are_cut_at_their_ends),
        cmocka_unit_test(what_only_one_database_understands_is_a_comment_to_the_others),
        cmocka_unit_test(a_statement_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
