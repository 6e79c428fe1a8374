/* provider_signed_test.c - services whose requests are signed: what stands in a request, and what each of their codes means for a call. */
#include "engine/provider_signed.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/scope.h"
#include "base/testing.h"

extern const struct provider provider_jimeng;

#define T_2026 INT64_C(1768465800000)          /* 2026-01-15T08:30:00Z */

static struct arena *arena;
static struct config *cfg;
static struct err err;

static int setup(void **state) {
    static const struct setting *const tables[] = { engine_settings, NULL };
    arena = arena_new(4u << 20);
    return crypto_setup(&err) < 0 ? -1 : config_new(tables, &cfg, &err);
}
static int teardown(void **state) {
    config_free(cfg);
    arena_free(arena);
    return 0;
}

static void set(const char *name, const char *value) { assert_int_equal(config_set(cfg, name, str_z(value), "test", &err), 0); }

/* A provider with its settings, closed again by close_it(). */
static void *open_it(const struct provider *p) {
    void *g = NULL;
    assert_int_equal(p->open(cfg, NULL, "", &g, &err), 0);
    return g;
}

static struct str no_header(const void *from, const char *name) { return STR_NULL; }

static struct provider_outcome hear(const struct provider *p, const void *g, struct provider_job *j, enum provider_step step, int status, const char *body) {
    struct provider_said said = { status, no_header, NULL, str_z(body) };
    struct provider_outcome o = { .retry_after_ms = -1 };
    p->parse(g, j, step, &said, arena, &o);
    return o;
}

/* ---- settings ---- */

static void a_key_is_an_id_and_a_secret(void **state) {
    static const char *const good[] = { "", "id:secret", " a:b , c:d ", "id:secret:with:colons", "a:b,," }, *const bad[] = { "token", "id:", ":secret", "a:b,c" };
    for (size_t i = 0; i < COUNT(good); i++) {
        set("engine.jimeng_keys", good[i]);
        assert_int_equal(provider_check_pairs(cfg, "jimeng", &err), 0);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        set("engine.jimeng_keys", bad[i]);
        check_err(provider_check_pairs(cfg, "jimeng", &err), ERR_CONFIG, &err, "engine.jimeng_keys");
        assert_null(strstr(err.text, "token"));
    }
    set("engine.jimeng_keys", "");
}

static void settings_that_make_no_sense_are_refused(void **state) {
    void *g;
    set("engine.jimeng_producer", "us");
    check_err(provider_jimeng.open(cfg, NULL, "", &g, &err), ERR_CONFIG, &err, "engine.jimeng_propagator");
    set("engine.jimeng_producer", "");
}

/* ---- requests ---- */

static const struct provider_moment moment = { T_2026, "5f1c7e0a000040008000000000000003" };

static const char *header_of(const struct provider_call *c, const char *name) {
    for (size_t i = 0; c->headers[i]; i++)
        if (strncmp(c->headers[i], name, strlen(name)) == 0 && c->headers[i][strlen(name)] == ':')
            return c->headers[i] + strlen(name) + 2;
    return "";
}

static void an_address_may_have_a_port_and_a_path(void **state) {
    struct provider_job j = { .key = "id:secret" };
    struct provider_call c = { .method = "POST", .body = STR("{}") };
    struct sign_request q = { .content_type = STR("application/json"), .service = STR("cv"), .region = STR("cn-north-1"), .action = STR("A"), .version = STR("V") };
    assert_int_equal(provider_sign(sign_volcengine, q, "http://127.0.0.1:8080/volc", &j, &moment, arena, &c, &err), 1);
    check_str(c.url, "http://127.0.0.1:8080/volc/?Action=A&Version=V");
    check_z(header_of(&c, "Host"), "127.0.0.1:8080");
    check_err(provider_sign(sign_volcengine, q, "nowhere", &j, &moment, arena, &c, &err), ERR_ENGINE_FAILED, &err, "cannot be signed: host");
    j.key = "no-pair";
    check_err(provider_sign(sign_volcengine, q, "http://a", &j, &moment, arena, &c, &err), ERR_ENGINE_FAILED, &err, "cannot be signed: key.secret");
    assert_null(strstr(err.text, "no-pair"));
}

/* ---- codes ---- */

static void every_code_of_jimeng_has_its_blame(void **state) {
    static const struct { int status, code; enum provider_verdict verdict; enum provider_blame blame; } rows[] = {
        { 400, 50411, PROVIDER_FAILED, PROVIDER_CONTENT }, { 400, 50412, PROVIDER_FAILED, PROVIDER_CONTENT }, { 400, 50413, PROVIDER_FAILED, PROVIDER_CONTENT },
        { 400, 50511, PROVIDER_FAILED, PROVIDER_PASSING }, { 400, 50512, PROVIDER_FAILED, PROVIDER_ELSEWHERE }, { 400, 50516, PROVIDER_FAILED, PROVIDER_PASSING },
        { 400, 50517, PROVIDER_FAILED, PROVIDER_PASSING }, { 400, 50518, PROVIDER_FAILED, PROVIDER_CONTENT }, { 400, 50519, PROVIDER_FAILED, PROVIDER_PASSING },
        { 400, 50520, PROVIDER_FAILED, PROVIDER_ELSEWHERE }, { 400, 50521, PROVIDER_FAILED, PROVIDER_ELSEWHERE }, { 400, 50522, PROVIDER_FAILED, PROVIDER_ELSEWHERE },
        { 429, 50429, PROVIDER_FAILED, PROVIDER_RATE }, { 429, 50430, PROVIDER_FAILED, PROVIDER_RATE }, { 401, 50400, PROVIDER_FAILED, PROVIDER_OPERATOR },
        { 400, 50400, PROVIDER_FAILED, PROVIDER_OPERATOR }, { 400, 50299, PROVIDER_FAILED, PROVIDER_OURS }, { 200, 50511, PROVIDER_FAILED, PROVIDER_PASSING },
        { 500, 50500, PROVIDER_UNCLEAR, 0 }, { 500, 50501, PROVIDER_UNCLEAR, 0 }, { 200, 50500, PROVIDER_UNCLEAR, 0 },
    };
    struct model model = { .form = STR("picture") };
    struct provider_job j = { .model = &model };
    void *g = open_it(&provider_jimeng);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"code\":%d,\"data\":null,\"message\":\"No\",\"status\":%d}", rows[i].code, rows[i].code);
        struct provider_outcome o = hear(&provider_jimeng, g, &j, PROVIDER_SUBMIT, rows[i].status, body);
        if (o.verdict != rows[i].verdict || o.blame != rows[i].blame)
            fail_msg("%d: %d, %d", rows[i].code, (int)o.verdict, (int)o.blame);
    }
    static const char door[] = "{\"ResponseMetadata\":{\"RequestId\":\"r\",\"Error\":{\"Code\":\"SignatureDoesNotMatch\",\"CodeN\":1,\"Message\":\"m\"}}}";
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_SUBMIT, 401, door).blame, PROVIDER_OPERATOR);
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_SUBMIT, 502, door).verdict, PROVIDER_UNCLEAR);
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_SUBMIT, 200, "{}").blame, PROVIDER_OURS);
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_SUBMIT, 200, "{\"code\":10000,\"data\":{}}").verdict, PROVIDER_UNCLEAR);
    provider_jimeng.close(g);
}

static void an_internal_error_about_a_task_is_believed_in_the_end(void **state) {
    struct model model = { .form = STR("picture"), .per = MODEL_PER_PICTURE, .price_microusd = 1000 };
    struct provider_job j = { .model = &model, .id = "7", .a = arena };
    static const char trouble[] = "{\"code\":50500,\"data\":null,\"message\":\"Internal Error\"}", runs[] = "{\"code\":10000,\"data\":{\"status\":\"generating\"}}";
    void *g = open_it(&provider_jimeng);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_POLL, 500, trouble).verdict, PROVIDER_UNCLEAR);
        if (round == 0)
            assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, runs).verdict, PROVIDER_WORKING);
    }
    struct provider_outcome o = hear(&provider_jimeng, g, &j, PROVIDER_POLL, 500, trouble);
    assert_true(o.verdict == PROVIDER_FAILED && o.blame == PROVIDER_PASSING && o.cost_microusd == 0);
    provider_jimeng.close(g);
}

static void jimeng_gives_links_and_is_paid_by_the_picture(void **state) {
    struct model model = { .form = STR("picture"), .per = MODEL_PER_PICTURE, .price_microusd = 1000 };
    struct provider_job j = { .model = &model, .id = "7", .a = arena };
    void *g = open_it(&provider_jimeng);
    struct provider_outcome o = hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":\"10000\",\"data\":{\"status\":\"done\",\"image_urls\":[\"https://a/1\\u0026x\",\"https://a/2\"]}}");
    assert_true(o.verdict == PROVIDER_READY && o.units_m == 2000);
    check_str(j.result, "https://a/1&x");
    o = hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":10000,\"data\":{\"status\":\"done\",\"image_urls\":null,\"binary_data_base64\":null,\"video_url\":\"https://a/v\"}}");
    assert_int_equal(o.verdict, PROVIDER_READY);
    check_str(j.result, "https://a/v");
    o = hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":10000,\"data\":{\"status\":\"done\",\"image_urls\":null,\"binary_data_base64\":[\"AAAA\",\"AAAA\"]}}");
    assert_true(o.verdict == PROVIDER_FAILED && o.blame == PROVIDER_OURS && o.cost_microusd == 2000);      /* made and paid for, and not as we asked for it */
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":10000,\"data\":{\"status\":\"not_found\"}}").verdict, PROVIDER_NOWHERE);
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":10000,\"data\":{\"status\":\"expired\"}}").blame, PROVIDER_PASSING);
    assert_int_equal(hear(&provider_jimeng, g, &j, PROVIDER_POLL, 200, "{\"code\":10000,\"data\":{\"status\":\"pondering\"}}").verdict, PROVIDER_UNCLEAR);
    provider_jimeng.close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_an_id_and_a_secret),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(an_address_may_have_a_port_and_a_path),
        cmocka_unit_test(every_code_of_jimeng_has_its_blame),
        cmocka_unit_test(an_internal_error_about_a_task_is_believed_in_the_end),
        cmocka_unit_test(jimeng_gives_links_and_is_paid_by_the_picture),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
