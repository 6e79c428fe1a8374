/* engine_test.c - the contract of every engine in the list, and the script the fake ones obey. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/scope.h"
#include "engine/engine.h"
#include "engine/fake_png.h"
#include "engine/fake_script.h"

static void nobody(void *arg) {}

static struct config *config_with(const char *script) {
    static const struct setting *const tables[] = { engine_settings, NULL };
    struct config *cfg;
    struct err e;
    assert_int_equal(config_new(tables, &cfg, &e), 0);
    assert_int_equal(config_set(cfg, "engine.fake_script", str_z(script), "test", &e), 0);
    return cfg;
}

/* ---- the contract ---- */

static void every_engine_is_whole(void **state) {
    for (size_t i = 0; engine_drivers[i]; i++) {
        const struct engine_driver *d = engine_drivers[i];
        assert_true(d->name && d->can && d->open && d->slots && d->submit && d->poll && d->release && d->close);
        assert_true(strlen(d->name) <= 32);                           /* it is stored */
        assert_int_equal(!!(d->can & ENGINE_CAN_CANCEL), !!d->cancel);
        assert_int_equal(!!(d->can & ENGINE_CAN_RECONCILE), !!d->reconcile);
        assert_ptr_equal(engine_driver(str_z(d->name)), d);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(engine_drivers[k]->name, d->name);
    }
    assert_null(engine_driver(STR("nobody")));
    assert_null(engine_driver(STR("")));
}

static void the_local_engine_says_that_its_helper_is_missing(void **state) {
    CLEANUP(config_free) struct config *cfg = config_with("");
    struct engine_ctx ctx = { .cfg = cfg, .wake = nobody };
    struct engine *g;
    struct err e;
    assert_int_equal(engine_driver(STR("local"))->open(&ctx, &g, &e), ERR_ENGINE_MISSING);
}

/* ---- one call on a fake engine ---- */

struct bench {
    const struct engine_driver *d;
    struct config *cfg;
    struct engine *g;
    int out;
};

static struct bench bench_open(const char *name, const char *script) {
    struct bench b = { .d = engine_driver(str_z(name)), .cfg = config_with(script), .out = memfd_create("out", MFD_CLOEXEC) };
    struct engine_ctx ctx = { .cfg = b.cfg, .wake = nobody };
    struct err e;
    assert_true(b.out >= 0);
    if (b.d->open(&ctx, &b.g, &e) < 0)
        fail_msg("%s", e.text);
    return b;
}

static void bench_close(struct bench *b) {
    b->d->close(b->g);
    config_free(b->cfg);
    close(b->out);
}

static struct engine_call call_of(const struct bench *b, const char *op) {
    return (struct engine_call){ .attempt = 7, .op = str_z(op), .params = STR("{\"seed\":1003}"), .out = { b->out }, .n_out = 1,
                                 .deadline_ms = clock_mono_ms() + 60000 };
}

static int submit(struct bench *b, const char *op, void **ret_ticket) {
    struct engine_call c = call_of(b, op);
    struct err e;
    return b->d->submit(b->g, &c, ret_ticket, &e);
}

static enum engine_state poll_it(struct bench *b, void *ticket, struct engine_result *res) {
    struct err e;
    if (b->d->poll(b->g, ticket, res, &e) < 0)
        fail_msg("%s", e.text);
    return res->state;
}

/* The outcome of one call of an op under a script. */
static struct engine_result outcome(const char *engine, const char *script, const char *op) {
    struct bench b = bench_open(engine, script);
    struct engine_result res;
    void *ticket;
    assert_int_equal(submit(&b, op, &ticket), 0);
    poll_it(&b, ticket, &res);
    b.d->release(b.g, ticket);
    bench_close(&b);
    res.facts = res.remote_id = STR_NULL;                             /* they died with the ticket */
    return res;
}

static void a_fake_call_gives_a_picture_and_its_facts(void **state) {
    struct bench b = bench_open("fake", "");
    struct engine_result res;
    struct err e;
    void *ticket;
    uint8_t head[26];
    assert_int_equal(submit(&b, "compose", &ticket), 0);
    assert_int_equal(poll_it(&b, ticket, &res), ENGINE_DONE);
    assert_int_equal(poll_it(&b, ticket, &res), ENGINE_DONE);         /* asked twice, drawn once */
    CLEANUP(json_unref) json_t *j = NULL;
    assert_int_equal(json_read(res.facts, &j, &e), 0);
    assert_int_equal(json_integer_value(json_object_get(j, "width")), FAKE_PNG_SIDE);
    assert_int_equal(res.cost_microusd, 0);
    assert_int_equal(pread(b.out, head, sizeof(head), 0), sizeof(head));
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x30\0\0\0\x30\x08\x02", 26);
    b.d->release(b.g, ticket);
    bench_close(&b);
}

static void every_fault_of_the_script_has_its_outcome(void **state) {
    assert_int_equal(outcome("fake", "refused", "cutout").state, ENGINE_FAILED);
    assert_true(outcome("fake", "refused", "cutout").input_at_fault);
    assert_int_equal(outcome("fake", "failed", "cutout").err.code, ERR_UPSTREAM);
    assert_false(outcome("fake", "failed", "cutout").input_at_fault);
    assert_int_equal(outcome("fake", "died", "cutout").err.code, ERR_MEDIA_DIED);
    assert_int_equal(outcome("fake", "hang", "cutout").state, ENGINE_WORKING);
    assert_int_equal(outcome("fake", "delay=5000", "cutout").state, ENGINE_WORKING);
    int64_t before_ms = clock_mono_ms();
    assert_true(outcome("fake", "delay=5000", "cutout").poll_at_ms >= before_ms + 5000);
    assert_int_equal(outcome("fake_remote", "unknown", "cutout").state, ENGINE_UNKNOWN);
    assert_int_equal(outcome("fake_remote", "late=10", "cutout").state, ENGINE_UNKNOWN);
    assert_int_equal(outcome("fake_remote", "lost", "cutout").state, ENGINE_UNKNOWN);
    assert_int_equal(outcome("fake_remote", "", "cutout").state, ENGINE_DONE);
    assert_true(outcome("fake_remote", "", "cutout").cost_microusd > 0);
    assert_int_equal(outcome("fake", "compose.failed", "cutout").state, ENGINE_DONE);
    assert_int_equal(outcome("fake", "fake_remote.failed", "cutout").state, ENGINE_DONE);
    assert_int_equal(outcome("fake", "fake.failed", "cutout").state, ENGINE_FAILED);

    struct bench b = bench_open("fake", "busy@1; uncertain@2");
    void *ticket;
    assert_int_equal(submit(&b, "compose", &ticket), ERR_BUSY);
    assert_int_equal(submit(&b, "compose", &ticket), ERR_UNCERTAIN);
    bench_close(&b);
}

static void slots_are_counted(void **state) {
    struct bench b = bench_open("fake", "hang");
    void *tickets[8];
    int n = b.d->slots(b.g, 0);
    assert_in_range(n, 1, 7);
    for (int i = 0; i < n; i++)
        assert_int_equal(submit(&b, "compose", &tickets[i]), 0);
    assert_int_equal(submit(&b, "compose", &tickets[n]), ERR_BUSY);
    b.d->release(b.g, tickets[0]);
    assert_int_equal(submit(&b, "compose", &tickets[0]), 0);
    for (int i = 0; i < n; i++)
        b.d->release(b.g, tickets[i]);
    bench_close(&b);
}

static void a_cancelled_call_ends(void **state) {
    struct bench b = bench_open("fake", "hang");
    struct engine_result res;
    struct err e;
    void *ticket;
    assert_int_equal(submit(&b, "compose", &ticket), 0);
    assert_int_equal(b.d->cancel(b.g, ticket, &e), 0);
    assert_int_equal(poll_it(&b, ticket, &res), ENGINE_FAILED);
    b.d->release(b.g, ticket);
    bench_close(&b);
}

/* Asked by another engine object, as another process would. */
static int ask(struct bench *b, const char *remote_id, struct engine_result *res) {
    struct engine_call c = call_of(b, "compose");
    struct err e;
    void *ticket;
    int r = b->d->reconcile(b->g, &c, str_z(remote_id), &ticket, &e);
    if (r < 0)
        return r;
    poll_it(b, ticket, res);
    b->d->release(b->g, ticket);
    return 0;
}

static void an_unknown_call_can_be_asked_about_by_another_process(void **state) {
    static const struct {
        const char *script;
        int r;
        enum engine_state then;
    } ways[] = {
        { "late=0", 0, ENGINE_DONE }, { "late=60000", 0, ENGINE_WORKING }, { "lost", ERR_NOT_FOUND, 0 }, { "unknown", ERR_UNCERTAIN, 0 },
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct bench b = bench_open("fake_remote", ways[i].script), other = bench_open("fake_remote", "");
        struct engine_result res;
        char id[64];
        void *ticket;
        assert_int_equal(submit(&b, "compose", &ticket), 0);
        poll_it(&b, ticket, &res);
        snprintf(id, sizeof(id), "%.*s", STR_ARG(res.remote_id));
        b.d->release(b.g, ticket);
        assert_int_equal(ask(&other, id, &res), ways[i].r);
        if (ways[i].r == 0)
            assert_int_equal(res.state, ways[i].then);
        bench_close(&b);
        bench_close(&other);
    }
    struct bench b = bench_open("fake_remote", "");
    struct engine_result res;
    assert_int_equal(ask(&b, "not:one:of ours", &res), ERR_UNCERTAIN);
    assert_int_equal(ask(&b, "", &res), ERR_UNCERTAIN);
    bench_close(&b);
}

/* ---- the grammar ---- */

static void the_script_counts_calls(void **state) {
    struct fake_script s;
    struct err e;
    assert_int_equal(fake_script_parse(STR(" delay=50 ; compose.refused@2; unknown@3+ ;"), &s, &e), 0);
    static const struct {
        const char *op;
        enum fake_what what;
    } calls[] = {
        { "cutout", FAKE_NONE }, { "compose", FAKE_NONE }, { "compose", FAKE_REFUSED }, { "cutout", FAKE_UNKNOWN }, { "compose", FAKE_UNKNOWN },
    };
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct fake_plan p = fake_script_next(&s, str_z(calls[i].op), "fake");
        assert_int_equal(p.what, calls[i].what);
        assert_int_equal(p.delay_ms, 50);
    }
}

static void jitter_is_random_and_the_same_in_each_run(void **state) {
    struct fake_script a, b;
    struct err e;
    int64_t least = INT64_MAX, most = 0, sum = 0;
    assert_int_equal(fake_script_parse(STR("delay=100; compose.jitter=50"), &a, &e), 0);
    b = a;
    for (int i = 0; i < 400; i++) {
        int64_t ms = fake_script_next(&a, STR("compose"), "fake").delay_ms;
        assert_int_equal(fake_script_next(&b, STR("compose"), "fake").delay_ms, ms);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        sum += ms;
    }
    assert_int_equal(fake_script_next(&a, STR("score"), "fake").delay_ms, 100);
    assert_in_range(least, 100, 105);
    assert_in_range(most, 145, 150);
    assert_in_range(sum / 400, 120, 130);
}

static void a_script_that_makes_no_sense_is_refused(void **state) {
    static const char *const bad[] = { "explode",   "delay",         "delay=",      "delay=x",   "delay=-1", "failed=3", "failed@0", "failed@x",
                                       "failed@1-", "failed@99999999999", "aaaaaaaaaaaaaaaaaaaaaaa.failed", "=5", "@3", ".failed=" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fake_script s;
        struct err e;
        if (fake_script_parse(str_z(bad[i]), &s, &e) != ERR_CONFIG)
            fail_msg("'%s' was taken", bad[i]);
    }
    char many[400] = "";
    for (size_t i = 0; i < FAKE_RULES_MAX + 1; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "failed;");
    struct fake_script s;
    struct err e;
    assert_int_equal(fake_script_parse(str_z(many), &s, &e), ERR_CONFIG);
    assert_int_equal(fake_script_parse(STR(""), &s, &e), 0);
    assert_int_equal(s.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_engine_is_whole),
        cmocka_unit_test(the_local_engine_says_that_its_helper_is_missing),
        cmocka_unit_test(a_fake_call_gives_a_picture_and_its_facts),
        cmocka_unit_test(every_fault_of_the_script_has_its_outcome),
        cmocka_unit_test(slots_are_counted),
        cmocka_unit_test(a_cancelled_call_ends),
        cmocka_unit_test(an_unknown_call_can_be_asked_about_by_another_process),
        cmocka_unit_test(the_script_counts_calls),
        cmocka_unit_test(jitter_is_random_and_the_same_in_each_run),
        cmocka_unit_test(a_script_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
