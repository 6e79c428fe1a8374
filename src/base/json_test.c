/* json_test.c - the writer's text, everything the reader refuses, and binding by a table. */
#include "base/json.h"

#include <math.h>

#include "base/testing.h"

/* ---- writer ---- */

static void writes_commas_and_nesting(void **state) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "a", INT64_MIN);
    jw_key(&w, "b");
    jw_arr(&w);
    jw_obj(&w);
    jw_end_obj(&w);
    jw_arr(&w);
    jw_end_arr(&w);
    jw_null(&w);
    jw_raw(&w, STR("[1,2]"));
    jw_end_arr(&w);
    jw_kz(&w, "c", NULL);
    jw_kbool(&w, "d", false);
    jw_kreal(&w, "e", 0.126, 2);
    jw_kreal(&w, "f", NAN, 2);
    jw_kid(&w, "g", "task", 1);
    jw_kid(&w, "h", "task", 0);
    jw_end_obj(&w);
    check_str(buf_str(&b), "{\"a\":-9223372036854775808,\"b\":[{},[],null,[1,2]],\"c\":null,\"d\":false,\"e\":0.13,\"f\":null,"
                           "\"g\":\"task_0000000000001\",\"h\":null}");
}

static void escapes_what_it_must(void **state) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_str(&w, STR("\"\\/\b\n\r\t\x1F\x7F\0 é照😀 \xED\xA0\x80\xF0\x9F\x98"));
    check_str(buf_str(&b), "\"\\\"\\\\/\\u0008\\n\\r\\t\\u001f\\u007f\\u0000 é照😀 "
                           "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\"");
    buf_reset(&b);
    jw_init(&w, &b);
    jw_str(&w, STR_NULL);
    check_str(buf_str(&b), "\"\"");
}

/* Text is read eight bytes at a time: what is special is so at every place. */
static void escapes_at_every_place(void **state) {
    static const struct { char c; const char *want; } special[] = {
        { '"', "\\\"" }, { '\\', "\\\\" }, { '\0', "\\u0000" }, { '\x1f', "\\u001f" }, { '\x7f', "\\u007f" }, { '\x80', "\xEF\xBF\xBD" }, { ' ', " " }, { '~', "~" },
    };
    for (size_t k = 0; k < COUNT(special); k++)
        for (size_t at = 0; at < 26; at++) {
            char text[27] = "abcdefghijklmnopqrstuvwxyz", want[64];
            snprintf(want, sizeof want, "\"%.*s%s%s\"", (int)at, text, special[k].want, text + at + 1);
            text[at] = special[k].c;
            BUF_CLEANUP struct buf b;
            struct jw w;
            buf_init(&b, 100);
            jw_init(&w, &b);
            jw_str(&w, (struct str){ text, 26 });
            assert_true(str_eqz(buf_str(&b), want));
        }
}

static void nests_to_32_levels(void **state) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    for (int i = 0; i < 32; i++)
        jw_arr(&w);
    for (int i = 0; i < 32; i++)
        jw_end_arr(&w);
    assert_int_equal(b.n, 64);
}

static void full_buffers_are_seen_at_the_end(void **state) {
    BUF_CLEANUP struct buf b;
    struct jw w;
    buf_init(&b, 10);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kz(&w, "key", "a long value");
    jw_end_obj(&w);
    assert_true(b.failed);
}

/* ---- reader ---- */

static void reads_every_type(void **state) {
    static const char *const good[] = { "{}", " [ ] ", "null", "\"x\"", "-0", "1.5e3", "9223372036854775807", "-9223372036854775808",
                                        "\"\\ud83d\\ude00\"", "[\"]\",\"\\\"[\"]", "\"照\"" };
    for (size_t i = 0; i < COUNT(good); i++) {
        CLEANUP(json_unref) json_t *j = NULL;
        struct err e = { 0 };
        if (json_read(str_z(good[i]), &j, &e) < 0)
            fail_msg("%s: %s", good[i], e.text);
        assert_non_null(j);
    }
}

static void refuses_what_is_not_json(void **state) {
    static const struct { struct str text; const char *why; } bad[] = {
        { STR(""), "line 1" },
        { STR("{\"a\":1,\"a\":2}"), "duplicate" },
        { STR("{\"a\":{\"b\":1,\"b\":1}}"), "duplicate" },
        { STR("{\"a\":1,}"), "line 1" },
        { STR("[1] x"), "line 1" },
        { STR("[1][2]"), "line 1" },
        { STR("{\n\n 'a': 1}"), "line 3" },
        { STR("1e400"), "" },
        { STR("[-1e400]"), "" },
        { STR("9223372036854775808"), "" },
        { STR("-9223372036854775809"), "" },
        { STR("01"), "" },
        { STR("+1"), "" },
        { STR(".5"), "" },
        { STR("NaN"), "" },
        { STR("Infinity"), "" },
        { STR("\"\\u0000\""), "" },
        { STR("\"a\0b\""), "" },
        { STR("{}\0"), "" },
        { STR("\"\\ud800\""), "" },
        { STR("\"\\udc00\\ud800\""), "" },
        { STR("\"\xFF\""), "" },
        { STR("\"\xC0\xAF\""), "" },
        { STR("\"\xED\xA0\x80\""), "" },
        { STR("\"a\nb\""), "" },
        { STR("\"open"), "" },
        { STR("\"\\"), "" },
        { STR("\xEF\xBB\xBF{}"), "" },
        { STR("// x\n1"), "" },
        { STR("]"), "" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_t *j = NULL;
        struct err e = { 0 };
        check_err(json_read(bad[i].text, &j, &e), ERR_BAD_JSON, &e, bad[i].why);
        assert_null(j);
    }
    struct err e = { 0 };
    json_t *j = NULL;
    check_err(json_read(STR_NULL, &j, &e), ERR_BAD_JSON, &e, "");
}

static void errors_never_quote_the_text(void **state) {
    static const char *const texts[] = { "{\"password\": hunter2}", "{\"password\": \"hunter2", "{\"hunter2\" 1}", "[\"x\" \"hunter2\"]",
                                         "{\"hunter2\":1,\"hunter2\":2}", "hunter2", "{\"a\": \"hunter2\xFF\"}", "[1 'near hunter2']" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        json_t *j = NULL;
        struct err e = { 0 };
        check_err(json_read(str_z(texts[i]), &j, &e), ERR_BAD_JSON, &e, "");
        if (strstr(e.text, "hunter2"))
            fail_msg("%s", e.text);
    }
}

/* `deep` levels of lists; the brackets in the string between them do not count. */
static int read_nested(size_t deep, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 2000000);
    for (size_t i = 0; i < deep; i++)
        buf_add_c(&b, '[');
    buf_add_z(&b, "\"[[[[[[[[[[[[[[[[[[[[\\\"{{{{\"");
    for (size_t i = 0; i < deep; i++)
        buf_add_c(&b, ']');
    CLEANUP(json_unref) json_t *j = NULL;
    return json_read(buf_str(&b), &j, e);
}

static void limits_depth_and_number_of_values(void **state) {
    struct err e = { 0 };
    assert_int_equal(read_nested(JSON_DEPTH_MAX, &e), 0);
    check_err(read_nested(JSON_DEPTH_MAX + 1, &e), ERR_BAD_JSON, &e, "deeper than 16");
    check_err(read_nested(500000, &e), ERR_BAD_JSON, &e, "deeper than 16");

    BUF_CLEANUP struct buf b;
    buf_init(&b, 2000000);
    buf_add_z(&b, "[0");
    for (int i = 2; i < JSON_NODES_MAX; i++)
        buf_add_z(&b, ",0");
    CLEANUP(json_unref) json_t *j = NULL;
    buf_add_z(&b, "]");
    assert_int_equal(json_read(buf_str(&b), &j, &e), 0);
    b.n--;
    buf_add_z(&b, ",0]");
    json_t *none = NULL;
    check_err(json_read(buf_str(&b), &none, &e), ERR_BAD_JSON, &e, "more than 100000");
}

/* ---- binder ---- */

static const char *const colours[] = { "red", "green", NULL };

struct thing {
    int64_t       count, owner;
    bool          on;
    int           colour;
    struct str    name;
    const json_t *more, *list;
};

static const struct json_field fields[] = {
    { "count", JSON_F_INT, true, -5, INT64_MAX, offsetof(struct thing, count) },
    { "owner", JSON_F_ID, false, 0, 0, offsetof(struct thing, owner), "acct" },
    { "on", JSON_F_BOOL, false, 0, 0, offsetof(struct thing, on) },
    { "colour", JSON_F_ENUM, false, 0, 0, offsetof(struct thing, colour), NULL, colours },
    { "name", JSON_F_STR, false, 1, 6, offsetof(struct thing, name) },
    { "more", JSON_F_OBJ, false, 0, 0, offsetof(struct thing, more) },
    { "list", JSON_F_ARR, false, 1, 2, offsetof(struct thing, list) },
    { 0 },
};

static int bind(const char *text, struct arena *a, struct thing *out, json_t **ret_j, struct err *e) {
    assert_int_equal(json_read(str_z(text), ret_j, e), 0);
    return json_bind(fields, *ret_j, a, out, e);
}

static void binds_every_kind(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(1000);
    CLEANUP(json_unref) json_t *j = NULL;
    struct thing t = { 0 };
    struct err e = { 0 };
    if (bind("{\"count\":9007199254740992,\"owner\":\"acct_0000000000010\",\"on\":true,\"colour\":\"green\",\"name\":\"照片\","
             "\"more\":{\"x\":1},\"list\":[1,2]}", a, &t, &j, &e) < 0)
        fail_msg("%s", e.text);
    assert_true(t.count == INT64_C(9007199254740992));
    assert_int_equal(t.owner, 32);
    assert_true(t.on);
    assert_int_equal(t.colour, 1);
    check_str(t.name, "照片");
    assert_int_equal(json_integer_value(json_object_get(t.more, "x")), 1);
    assert_int_equal(json_array_size(t.list), 2);
}

static void absent_fields_stay_as_they_were(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(1000);
    CLEANUP(json_unref) json_t *j = NULL;
    struct thing t = { .on = true, .colour = 7, .name = STR("dflt") };
    assert_int_equal(bind("{\"count\":-5}", a, &t, &j, NULL), 0);
    assert_int_equal(t.count, -5);
    assert_true(t.on && t.colour == 7 && str_eqz(t.name, "dflt"));
}

static void names_the_field_it_refuses(void **state) {
    static const struct { const char *text; int code; const char *words; } bad[] = {
        { "{}", ERR_BAD_INPUT, "count: is missing" },
        { "[]", ERR_BAD_INPUT, "must be an object" },
        { "{\"count\":9007199254740993}", ERR_BAD_INPUT, "count: must be a whole number from -5 to 9007199254740992" },
        { "{\"count\":-6}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":1.0}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":1e2}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":\"1\"}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":null}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":true}", ERR_BAD_INPUT, "count:" },
        { "{\"count\":1,\"on\":1}", ERR_BAD_INPUT, "on: must be true or false" },
        { "{\"count\":1,\"on\":null}", ERR_BAD_INPUT, "on:" },
        { "{\"count\":1,\"owner\":\"task_0000000000010\"}", ERR_BAD_INPUT, "owner: must be an id that begins with 'acct_'" },
        { "{\"count\":1,\"owner\":16}", ERR_BAD_INPUT, "owner:" },
        { "{\"count\":1,\"colour\":\"blue\"}", ERR_BAD_INPUT, "colour: must be one of red, green" },
        { "{\"count\":1,\"colour\":0}", ERR_BAD_INPUT, "colour:" },
        { "{\"count\":1,\"name\":\"\"}", ERR_BAD_INPUT, "name: must have 1 to 6 bytes" },
        { "{\"count\":1,\"name\":\"1234567\"}", ERR_BAD_INPUT, "name:" },
        { "{\"count\":1,\"name\":\"a\\nb\"}", ERR_BAD_INPUT, "name: must not hold control characters" },
        { "{\"count\":1,\"name\":\"\\u007f\"}", ERR_BAD_INPUT, "name: must not" },
        { "{\"count\":1,\"name\":5}", ERR_BAD_INPUT, "name: must be text" },
        { "{\"count\":1,\"more\":[]}", ERR_BAD_INPUT, "more: must be an object" },
        { "{\"count\":1,\"list\":{}}", ERR_BAD_INPUT, "list: must be a list" },
        { "{\"count\":1,\"list\":[]}", ERR_BAD_INPUT, "list: must have 1 to 2 entries" },
        { "{\"count\":1,\"list\":[1,2,3]}", ERR_BAD_INPUT, "list:" },
        { "{\"count\":1,\"colours\":1}", ERR_UNKNOWN_FIELD, "colours: unknown field" },
        { "{\"Count\":1}", ERR_UNKNOWN_FIELD, "Count:" },
        { "{\"\":1}", ERR_UNKNOWN_FIELD, "unknown field" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        CLEANUP(arena_free) struct arena *a = arena_new(1000);
        CLEANUP(json_unref) json_t *j = NULL;
        struct thing t = { 0 };
        struct err e = { 0 };
        check_err(bind(bad[i].text, a, &t, &j, &e), bad[i].code, &e, bad[i].words);
    }
}

static void full_arena_is_an_answer_not_an_abort(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(0);
    CLEANUP(json_unref) json_t *j = NULL;
    struct thing t = { 0 };
    struct err e = { 0 };
    check_err(bind("{\"count\":1,\"name\":\"12345\"}", a, &t, &j, &e), ERR_TOO_BIG, &e, "name:");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_commas_and_nesting),
        cmocka_unit_test(escapes_what_it_must),
        cmocka_unit_test(escapes_at_every_place),
        cmocka_unit_test(nests_to_32_levels),
        cmocka_unit_test(full_buffers_are_seen_at_the_end),
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(errors_never_quote_the_text),
        cmocka_unit_test(limits_depth_and_number_of_values),
        cmocka_unit_test(binds_every_kind),
        cmocka_unit_test(absent_fields_stay_as_they_were),
        cmocka_unit_test(names_the_field_it_refuses),
        cmocka_unit_test(full_arena_is_an_answer_not_an_abort),
    };
    return RUN(tests);
}
