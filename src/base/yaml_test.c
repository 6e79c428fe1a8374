/* yaml_test.c - the tree, line numbers, everything refused, and the JSON it becomes. */
#include "base/yaml.h"

#include "base/buf.h"
#include "base/testing.h"

static struct arena *arena;

static int setup(void **state) {
    arena = arena_new(8 << 20);
    return 0;
}

static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

static int parse(struct str text, struct yaml **ret_root, struct err *e) { return yaml_parse(arena, text, "t.yaml", ret_root, e); }

static struct yaml *must_parse(const char *text) {
    struct yaml *root = NULL;
    struct err e = { 0 };
    if (parse(str_z(text), &root, &e) < 0)
        fail_msg("%s", e.text);
    return root;
}

static void makes_a_tree_with_lines(void **state) {
    const struct yaml *root = must_parse("# a recipe\n"
                                         "recipe: family-portrait\n"
                                         "title: { en: Together, zh: 时空拼图 }\n"
                                         "engines: [local, \"fake\"]\n"
                                         "steps:\n"
                                         "  - op: cut\n"
                                         "    n: 2\n"
                                         "  - {}\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->n, 4);
    check_str(yaml_get(root, "recipe")->text, "family-portrait");
    assert_int_equal(yaml_get(root, "recipe")->line, 2);
    check_str(yaml_get(yaml_get(root, "title"), "zh")->text, "时空拼图");
    const struct yaml *engines = yaml_get(root, "engines"), *steps = yaml_get(root, "steps");
    assert_int_equal(engines->kind, YAML_LIST);
    assert_int_equal(engines->n, 2);
    assert_true(engines->child->plain);
    assert_false(engines->child->next->plain);
    assert_int_equal(steps->line, 5);
    assert_int_equal(yaml_get(steps->child, "n")->line, 7);
    assert_int_equal(steps->child->next->line, 8);
    assert_int_equal(steps->child->next->n, 0);
    assert_null(steps->child->next->next);
    assert_null(yaml_get(root, "reci"));
    assert_null(yaml_get(engines, "local"));
    assert_null(yaml_get(NULL, "x"));
}

static void nothing_is_an_empty_map(void **state) {
    assert_int_equal(must_parse("")->kind, YAML_MAP);
    assert_int_equal(must_parse("# only words\n")->n, 0);
    struct yaml *root = NULL;
    assert_int_equal(parse(STR_NULL, &root, NULL), 0);
}

static void refuses_with_file_and_line(void **state) {
    static const struct { struct str text; const char *words; } bad[] = {
        { STR("a: 1\nb: &x 2\n"), "t.yaml:2: anchors" },
        { STR("a: &x [1]\n"), "t.yaml:1: anchors" },
        { STR("&k a: 1\n"), "t.yaml:1: anchors" },
        { STR("a: *x\n"), "t.yaml:1: aliases" },
        { STR("a: 1\n\n*x : 2\n"), "t.yaml:3: a key must be plain text" },
        { STR("a: !!str 1\n"), "t.yaml:1: tags" },
        { STR("a: !mine {}\n"), "t.yaml:1: tags" },
        { STR("!!str a: 1\n"), "t.yaml:1: tags" },
        { STR("a: 1\n---\nb: 2\n"), "t.yaml:2: a second document" },
        { STR("a: 1\nb: 2\na: 3\n"), "t.yaml:3: 'a' stands here twice" },
        { STR("x: { b: 1, \"b\": 2 }\n"), "t.yaml:1: 'b' stands here twice" },
        { STR("? [a]\n: b\n"), "t.yaml:1: a key must be plain text" },
        { STR("{a: 1}: b\n"), "t.yaml:1: a key must be plain text" },
        { STR("a: \"\\0\"\n"), "t.yaml:1: text must not hold a NUL" },
        { STR("\"\\0\": 1\n"), "t.yaml:1: text must not hold a NUL" },
        { STR("a: 1\nb: \xFF\n"), "t.yaml:" },
        { STR("a: 1\nb: \x01\n"), "t.yaml:" },
        { STR("a: 1\nb: \0\n"), "t.yaml:" },
        { STR("a: [1, 2\nb: 3\n"), "t.yaml:" },
        { STR("a: 'open\n"), "t.yaml:" },
        { STR("a: b: c\n"), "t.yaml:1: mapping values" },
        { STR("a:\n\t- 1\n"), "t.yaml:2: found character that cannot start any token (a tab? YAML indents with spaces)" },
        { STR("\xFF\xFE" "a\0:\0 \0" "1\0"), "t.yaml:" },                  /* UTF-16 */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct yaml *root = NULL;
        struct err e = { 0 };
        check_err(parse(bad[i].text, &root, &e), ERR_CONFIG, &e, bad[i].words);
        assert_null(root);
    }
}

/* `head`, n times `unit`, `tail` */
static int parse_repeated(const char *head, const char *unit, size_t n, const char *tail, struct err *e) {
    BUF_CLEANUP struct buf b;
    struct yaml *root;
    buf_init(&b, 4 << 20);
    buf_add_z(&b, head);
    for (size_t i = 0; i < n; i++)
        buf_add_z(&b, unit);
    buf_add_z(&b, tail);
    arena_reset(arena);
    return parse(buf_str(&b), &root, e);
}

static void keeps_its_limits(void **state) {
    struct err e = { 0 };
    assert_int_equal(parse_repeated("", "[", 16, "]]]]]]]]]]]]]]]]", &e), 0);
    check_err(parse_repeated("", "[", 17, "", &e), ERR_CONFIG, &e, "nested too deeply");
    check_err(parse_repeated("", "[", 1 << 19, "", &e), ERR_CONFIG, &e, "nested too deeply");
    check_err(parse_repeated("", "{a: ", 1 << 17, "", &e), ERR_CONFIG, &e, "nested too deeply");
    assert_int_equal(parse_repeated("", "- 1\n", 19999, "", &e), 0);
    check_err(parse_repeated("", "- 1\n", 20000, "", &e), ERR_CONFIG, &e, "t.yaml:20000: too many entries");
    assert_int_equal(parse_repeated("", "# x\n", 1 << 18, "", &e), 0);
    check_err(parse_repeated("", "# x\n", 1 << 18, "\n", &e), ERR_CONFIG, &e, "larger than 1 MiB");
}

static void a_small_arena_is_an_answer_not_an_abort(void **state) {
    for (size_t max = 0; max < 1000; max += 10) {
        CLEANUP(arena_free) struct arena *a = arena_new(max);
        struct yaml *root = NULL;
        struct err e = { 0 };
        int r = yaml_parse(a, STR("a: [b, c]\nd: eeeeeeeeeeeeeeeeeeeeeeee\n"), "t.yaml", &root, &e);
        if (r < 0)
            check_err(r, ERR_TOO_BIG, &e, "t.yaml:");
        assert_int_equal(r == 0, root != NULL);
        assert_true(max < 200 ? r < 0 : max < 900 || r == 0);
    }
}

static void numbers_and_booleans_are_strict(void **state) {
    const struct yaml *m = must_parse("a: 12\nb: -1\nc: 1.0\nd: '12'\ne: yes\nf: true\ng: \"true\"\nh: 9007199254740993\ni: [1]\nj: 0x10\nk:\n");
    struct err e = { 0 };
    int64_t v = 0;
    bool on = false;
    assert_int_equal(yaml_int(yaml_get(m, "a"), 0, 12, &v, &e), 0);
    assert_int_equal(v, 12);
    assert_int_equal(yaml_int(yaml_get(m, "h"), 0, INT64_MAX, &v, &e), 0);
    assert_true(v == INT64_C(9007199254740993));
    check_err(yaml_int(yaml_get(m, "a"), 0, 11, &v, &e), ERR_CONFIG, &e, "line 1: a: must be a whole number from 0 to 11");
    static const char *const no_int[] = { "b", "c", "d", "e", "i", "j", "k" };
    for (size_t i = 0; i < COUNT(no_int); i++)
        check_err(yaml_int(yaml_get(m, no_int[i]), 0, 100, &v, &e), ERR_CONFIG, &e, "must be a whole number");
    assert_int_equal(yaml_bool(yaml_get(m, "f"), &on, &e), 0);
    assert_true(on);
    static const char *const no_bool[] = { "a", "e", "g", "i", "k" };
    for (size_t i = 0; i < COUNT(no_bool); i++)
        check_err(yaml_bool(yaml_get(m, no_bool[i]), &on, &e), ERR_CONFIG, &e, "must be true or false");
}

static void becomes_json(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 10000);
    yaml_to_json(must_parse("a: [1, -0.5, 1e3, 0, 007, 1., .5, +1, 0x1, 1_0, NaN, '1', 1e, 1e+, -, 1e400, 9223372036854775808]\n"
                            "b: [true, false, yes, null, ~, \"null\", 'true']\n"
                            "c: { d: {}, e: [], \"f\\\"\": \"\" }\n"
                            "g:\n"
                            "h: |\n"
                            "  two\n"
                            "  lines\n"), &b);
    check_str(buf_str(&b), "{\"a\":[1,-0.5,1e3,0,\"007\",\"1.\",\".5\",\"+1\",\"0x1\",\"1_0\",\"NaN\",\"1\",\"1e\",\"1e+\",\"-\",\"1e400\",\"9223372036854775808\"],"
                           "\"b\":[true,false,\"yes\",null,null,\"null\",\"true\"],\"c\":{\"d\":{},\"e\":[],\"f\\\"\":\"\"},"
                           "\"g\":null,\"h\":\"two\\nlines\\n\"}");
}

int main(void) {
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(makes_a_tree_with_lines),
        EACH(nothing_is_an_empty_map),
        EACH(refuses_with_file_and_line),
        EACH(keeps_its_limits),
        EACH(a_small_arena_is_an_answer_not_an_abort),
        EACH(numbers_and_booleans_are_strict),
        EACH(becomes_json),
    };
    return RUN(tests);
}
