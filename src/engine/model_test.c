/* model_test.c - the files of models: those that are shipped, and what is wrong with others is said with its line. */
#include "engine/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/scope.h"
#include "base/testing.h"

#define HEAD  "engine: e\nqueries_per_minute: 60\nlanes: [ { lane: one, concurrent: 2, per_minute: 30 }, { lane: two, concurrent: 1, per_minute: 60, burst: 5 } ]\nmodels:\n"
#define MODEL "  - { op: draw, model: m, form: f, lane: two, price: { microusd: 3000, per: second }, result: clip"
DEFINE_CLEANUP(struct models, models_free)

static int read_text(const char *text, struct models **ret_m, struct err *e) {
    char path[] = "/tmp/zt-models-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int r = models_read(path, "e", ret_m, e);
    unlink(path);
    return r;
}

static void a_file_becomes_rows(void **state) {
    CLEANUP(models_free) struct models *m = NULL;
    struct err e;
    const struct model *x;
    assert_int_equal(read_text(HEAD MODEL ", when: { mode: pro, n: 2 }, body: { a: { b: 1 } } }\n" MODEL ", poll: 5s, path: a/b,\n"
                               "      inputs: { clip: { types: [video/mp4, video/quicktime], mb: 3, seconds_max: 30, ratio_max: 2.5, fps_min: 15 } } }\n",
                               &m, &e), 0);
    assert_int_equal(m->n_lanes, 2);
    assert_true(m->limits[0].burst == 1 && m->limits[1].burst == 5 && m->limits[0].concurrent == 2);
    CLEANUP(json_unref) json_t *pro = json_pack("{s:s, s:i, s:b}", "mode", "pro", "n", 2, "more", 1), *other = json_pack("{s:s}", "mode", "pro");
    x = models_find(m, STR("draw"), pro);
    assert_ptr_equal(x, &m->rows[0]);
    assert_int_equal(x->poll_ms, 2000);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(x->body, "a"), "b")), 1);
    x = models_find(m, STR("draw"), other);
    assert_ptr_equal(x, &m->rows[1]);
    assert_ptr_equal(models_find(m, STR("draw"), NULL), x);
    assert_null(models_find(m, STR("drew"), pro));
    assert_true(x->clip && x->lane == 1 && x->poll_ms == 5000 && x->n_inputs == 1);
    check_str(x->path, "a/b");
    check_str(x->inputs[0].role, "clip");
    check_str(x->inputs[0].types, "video/mp4,video/quicktime");
    assert_true(x->inputs[0].ratio_max_pm == 2500 && x->inputs[0].ms_max == 30000 && x->inputs[0].bytes_max == 3000000 && x->inputs[0].fps_min == 15);
    assert_int_equal(model_cost_microusd(x, 4, 5200), 15600);
}

static void prices_are_counted_by_what_they_name(void **state) {
    struct model m = { .price_microusd = 1000, .per = MODEL_PER_CALL };
    assert_int_equal(model_cost_microusd(&m, 4, 5000), 1000);
    m.per = MODEL_PER_PICTURE;
    assert_int_equal(model_cost_microusd(&m, 4, 5000), 4000);
    m.per = MODEL_PER_SECOND;
    assert_int_equal(model_cost_microusd(&m, 4, 5500), 5500);
}

static void what_is_wrong_is_said_with_its_line(void **state) {
    static const struct { const char *text, *words; } bad[] = {
        { "engine: other\nqueries_per_minute: 1\nlanes: [ { lane: one, concurrent: 1, per_minute: 1 } ]\nmodels: [ x ]\n", ":1: engine: must be e" },
        { HEAD "  - { op: draw }\n", ":5: field \"model\" is missing" },
        { HEAD "  - { op: draw, model: m, form: f, lane: three, price: { microusd: 1, per: call }, result: clip }\n", ":5: lane: there is no lane three" },
        { HEAD "  - { op: draw, model: m, form: f, lane: one, price: { microusd: 1, per: word }, result: clip }\n", ":5: price.per" },
        { HEAD "  - { op: draw, model: m, form: f, lane: one, price: { microusd: 1, per: call }, result: song }\n", ":5: result: picture, clip or verdict" },
        { HEAD MODEL ", inputs: { clip: { types: [clip], mb: 1 } } }\n", "types: names such as" },
        { HEAD MODEL ", inputs: { clip: { types: [image/x;y], mb: 1 } } }\n", "types: names such as" },
        { HEAD MODEL ", more: 1 }\n", ":5: unknown field \"more\"" },
        { "engine: e\nqueries_per_minute: 60\nlanes: [ { lane: a-name-that-is-thirty-letters-lo, concurrent: 1, per_minute: 1 } ]\nmodels: [ x ]\n", ":3: lane: its name" },
        { "engine: e\nqueries_per_minute: 60\nlanes: [ { lane: one, concurrent: 0, per_minute: 1 } ]\nmodels: [ x ]\n", ":3: concurrent" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct models *m = NULL;
        struct err e;
        check_err(read_text(bad[i].text, &m, &e), ERR_CONFIG, &e, bad[i].words);
    }
    struct models *m;
    struct err e;
    check_err(models_read("/nowhere/e.yaml", "e", &m, &e), ERR_CONFIG, &e, "/nowhere/e.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_rows),
        cmocka_unit_test(prices_are_counted_by_what_they_name),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
    };
    return RUN(tests);
}
