/* remote_test.c - what is known of a call before it is made, and who may say of a lost one that it was not. No service takes part: its answers are written here. */
#include <sys/mman.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/id.h"
#include "base/log.h"
#include "base/scope.h"
#include "engine/remote_call.h"

#include "base/testing.h"

static void nobody(void *arg) {}

#define MODELS "engine: replicate\nqueries_per_minute: 6000\nlanes:\n  - { lane: all, concurrent: 2, per_minute: 600, burst: 10 }\nmodels:\n"          \
               "  - op: one\n    model: a/b:0123\n    form: version\n    lane: all\n    price: { microusd: 5000, per: call }\n    result: picture\n"      \
               "  - op: two\n    model: a/c:4567\n    form: version\n    lane: all\n    price: { microusd: 100, per: second }\n    result: clip\n"        \
               "    inputs:\n      clip: { types: [video/mp4], mb: 9, seconds_max: 30 }\n"

struct bench { const struct engine_driver *d; struct config *cfg; struct http_client *http; struct engine *g; int out; };

static struct bench bench_open(const char *keys) {
    static const struct setting *const tables[] = { engine_settings, NULL };
    struct bench b = { .d = engine_driver(STR("replicate")), .out = memfd_create("out", MFD_CLOEXEC) };
    char path[64];
    struct err e;
    int models = memfd_create("models", MFD_CLOEXEC);
    assert_int_equal(write(models, MODELS, sizeof(MODELS) - 1), sizeof(MODELS) - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", models);
    assert_int_equal(config_new(tables, &b.cfg, &e), 0);
    assert_int_equal(config_set(b.cfg, "engine.replicate_keys", str_z(keys), "test", &e), 0);
    assert_int_equal(config_set(b.cfg, "engine.replicate_url", STR("http://127.0.0.1:9"), "test", &e), 0);
    assert_int_equal(config_set(b.cfg, "engine.replicate_models", str_z(path), "test", &e), 0);
    assert_int_equal(http_client_new(&(struct http_client_conf){ .connect_ms = 1000, .in_flight_max = 8, .allow = "127.0.0.1:9", .ca_file = "" }, &b.http, &e), 0);
    struct engine_ctx ctx = { .cfg = b.cfg, .client = b.http, .share = "", .wake = nobody };
    if (b.d->open(&ctx, &b.g, &e) < 0)
        fail_msg("%s", e.text);
    close(models);
    return b;
}

static void bench_close(struct bench *b) {
    b->d->close(b->g);
    http_client_free(b->http);
    config_free(b->cfg);
    close(b->out);
}

static struct engine_foreseen foreseen(struct bench *b, const char *op, const char *params) {
    struct engine_foreseen f;
    b->d->foresee(b->g, &(struct engine_call){ .attempt = id_new(), .op = str_z(op), .params = str_z(params) }, &f);
    return f;
}

static void what_a_call_will_cost_is_known_before(void **state) {
    struct bench b = bench_open("k1");
    assert_int_equal(foreseen(&b, "one", "{}").cost_microusd, 5000);
    assert_int_equal(foreseen(&b, "two", "{\"seconds\":4.5}").cost_microusd, 450);
    assert_int_equal(foreseen(&b, "two", "{}").cost_microusd, 3000);      /* as long as it takes them */
    assert_int_equal(foreseen(&b, "three", "{}").cost_microusd, 0);
    assert_string_equal(foreseen(&b, "three", "{}").remote_id, "");
    bench_close(&b);
}

/* A call that was lost, by whoever had those keys; NULL: it cannot be looked for. */
static struct ticket *lost(struct bench *b, const char *remote_id, struct err *e) {
    void *t = NULL;
    struct engine_call c = { .attempt = id_new(), .op = STR("one"), .out = { b->out }, .n_out = 1, .deadline_ms = INT64_MAX };
    return b->d->reconcile(b->g, &c, str_z(remote_id), &t, e) < 0 ? NULL : t;
}

/* An answer to what it asks just now. What was on its way is not waited for. */
static void hears(struct ticket *t, const char *body, int64_t now_ms) {
    struct exchange *x = calloc(1, sizeof(*x));
    if (t->x)
        remote__abandon(TAKE(t->x), /* quietly= */ false);
    x->g = t->g;
    x->a = arena_new(REMOTE__CALL_ARENA);
    x->reply.status = 200;
    buf_init(&x->reply.body, 1000);
    buf_add_z(&x->reply.body, body);
    atomic_store(&x->back, true);
    t->x = x;
    remote__advance(t, now_ms);
}

static void hears_of_none(struct ticket *t, int64_t now_ms) { hears(t, "{\"results\":[]}", now_ms); }

static void who_has_asked_with_every_key_may_say_that_it_was_never_made(void **state) {
    struct bench b = bench_open("k1,k2,k3");
    struct engine_foreseen f = foreseen(&b, "one", "{}");
    struct err e;
    assert_int_equal(b.d->findable(b.g, STR("one"), str_z(f.remote_id), &e), 0);
    struct ticket *t = lost(&b, f.remote_id, &e);
    assert_non_null(t);
    int64_t end = t->found_until_ms;
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(t->key, k);
        hears_of_none(t, end);
        assert_true(k == 2 || (t->phase == FINDING && t->key == k + 1));
    }
    assert_int_equal(t->phase, OVER);
    assert_int_equal(t->state, ENGINE_FAILED);
    assert_int_equal(t->err.code, ERR_STOPPING);
    assert_int_equal(t->cost_microusd, 0);
    b.d->release(b.g, t);
    bench_close(&b);
}

static void of_a_key_that_is_gone_nobody_says_that(void **state) {
    struct bench before = bench_open("k1,k2"), b = bench_open("k3,k2"), other = bench_open("k3");
    struct engine_foreseen f = foreseen(&before, "one", "{}");
    struct err e = { 0 };
    assert_int_equal(b.d->findable(b.g, STR("one"), str_z(f.remote_id), &e), ERR_UNCERTAIN);
    struct ticket *t = lost(&b, f.remote_id, &e);
    assert_non_null(t);                                /* with the key that is left it may be found */
    assert_int_equal(t->key, 1);
    hears_of_none(t, t->found_until_ms);
    assert_int_equal(t->phase, OVER);
    assert_int_equal(t->state, ENGINE_UNKNOWN);
    assert_non_null(strstr(t->err.text, before.g->keys[0].name));
    b.d->release(b.g, t);

    assert_null(lost(&other, f.remote_id, &e));
    assert_int_equal(e.code, ERR_UNCERTAIN);
    assert_int_equal(other.d->findable(other.g, STR("one"), str_z(f.remote_id), &e), ERR_UNCERTAIN);
    assert_null(strstr(e.text, "k1"));                 /* a hash, and never the key */
    assert_null(lost(&b, "", &e));                     /* of a row that says nothing nothing is known */
    bench_close(&before);
    bench_close(&b);
    bench_close(&other);
}

static void a_call_that_is_only_taken_closes_no_breaker(void **state) {
    struct bench b = bench_open("k1");
    struct err e;
    char list[200], made[25];
    struct ticket *t = lost(&b, foreseen(&b, "one", "{}").remote_id, &e);
    assert_non_null(t);
    int64_t now = clock_mono_ms() + GATE_PAUSE_MAX_MS;
    for (int i = 0; i < GATE_BAD_MIN; i++)
        gate_tell(b.g->gate, 0, 0, GATE_BAD, -1, now - GATE_PAUSE_MS);
    clock_rfc3339(t->job.begun_ms, made);
    snprintf(list, sizeof(list), "{\"results\":[{\"id\":\"abc\",\"version\":\"0123\",\"created_at\":\"%s\"}]}", made);
    hears(t, list, now);
    assert_string_equal(t->job.id, "abc");
    assert_int_equal(gate_shut(b.g->gate, 0, now), GATE_SHUT_BREAKER);
    hears(t, "{\"id\":\"abc\",\"status\":\"processing\"}", now);
    assert_int_equal(gate_shut(b.g->gate, 0, now), GATE_TAKES);
    b.d->release(b.g, t);

    /* That an old call is worked on is no news. */
    char name[REMOTE_ID_MAX + 1];
    remote__unnamed(b.g, &b.g->models->rows[0], name);
    snprintf(name + strlen(name), sizeof(name) - strlen(name), "old");
    assert_non_null(t = lost(&b, name, &e));
    for (int i = 0; i < GATE_BAD_MIN; i++)
        gate_tell(b.g->gate, 0, 0, GATE_BAD, -1, now);
    now += GATE_PAUSE_MS;
    hears(t, "{\"id\":\"old\",\"status\":\"processing\"}", now);
    assert_int_equal(gate_shut(b.g->gate, 0, now), GATE_SHUT_BREAKER);
    b.d->release(b.g, t);
    bench_close(&b);
}

int main(void) {
    log_setup(2, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_call_will_cost_is_known_before),
        cmocka_unit_test(who_has_asked_with_every_key_may_say_that_it_was_never_made),
        cmocka_unit_test(a_call_that_is_only_taken_closes_no_breaker),
        cmocka_unit_test(of_a_key_that_is_gone_nobody_says_that),
    };
    return RUN(tests);
}
