/* provider_signed_test.c - services whose requests are signed: what stands in a request, and what each of their codes means for a call. */
#include "engine/provider_signed.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/scope.h"
#include "base/testing.h"

extern const struct provider provider_jimeng, provider_viapi, provider_green, provider_tencent;

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
    set("engine.green_refuse", "none");
    check_err(provider_green.open(cfg, NULL, "", &g, &err), ERR_CONFIG, &err, "engine.green_refuse");
    set("engine.green_refuse", "high");
}

/* ---- requests ---- */

static const struct provider_moment moment = { T_2026, "5f1c7e0a000040008000000000000003" };

static const char *header_of(const struct provider_call *c, const char *name) {
    for (size_t i = 0; c->headers[i]; i++)
        if (strncmp(c->headers[i], name, strlen(name)) == 0 && c->headers[i][strlen(name)] == ':')
            return c->headers[i] + strlen(name) + 2;
    return "";
}

/* The third ACS3 vector of the contract, as the request it belongs to. */
static void a_request_is_the_one_of_the_vector(void **state) {
    struct provider_job j = { .key = "LTAI5tTESTONLY:TestSecretForUnitTests" };
    struct provider_call c = { 0 };
    struct sign_pair url = { STR("ImageURL"), STR("https://example-bucket.oss-cn-shanghai.aliyuncs.com/old.jpg") };
    assert_int_equal(provider_aliyun("https://facebody.cn-shanghai.aliyuncs.com", "POST", "EnhanceFace", "2019-12-30", &url, 1, &j, &moment, arena, &c, &err), 1);
    check_str(c.url, "https://facebody.cn-shanghai.aliyuncs.com/");
    check_z(header_of(&c, "Host"), "facebody.cn-shanghai.aliyuncs.com");
    check_z(header_of(&c, "Content-Type"), "application/x-www-form-urlencoded");
    assert_non_null(strstr(header_of(&c, "Authorization"), "Signature=d34dfa3aea0535a1a41e6da441a134bb38c2cbd6322452af00bea738b2f80252"));
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

static void every_code_of_aliyun_has_its_blame(void **state) {
    static const struct { int status; const char *code; enum provider_verdict verdict; enum provider_blame blame; } rows[] = {
        { 400, "Throttling", PROVIDER_FAILED, PROVIDER_RATE }, { 429, "Throttling.User", PROVIDER_FAILED, PROVIDER_RATE },
        { 400, "InvalidImage.Resolution", PROVIDER_FAILED, PROVIDER_INPUT }, { 400, "InvalidFile.Type", PROVIDER_FAILED, PROVIDER_INPUT },
        { 400, "InvalidFile.Download", PROVIDER_FAILED, PROVIDER_PASSING }, { 400, "InvalidParameter.URL", PROVIDER_FAILED, PROVIDER_ELSEWHERE },
        { 404, "InvalidAccessKeyId.NotFound", PROVIDER_FAILED, PROVIDER_OPERATOR }, { 400, "SignatureDoesNotMatch", PROVIDER_FAILED, PROVIDER_OPERATOR },
        { 400, "SignatureNonceUsed", PROVIDER_FAILED, PROVIDER_PASSING }, { 403, "Forbidden.RAM", PROVIDER_FAILED, PROVIDER_OPERATOR },
        { 403, "InvalidApi.NotPurchase", PROVIDER_FAILED, PROVIDER_OPERATOR }, { 400, "InvalidTimeStamp.Expired", PROVIDER_FAILED, PROVIDER_OPERATOR },
        { 403, "SomethingNew", PROVIDER_FAILED, PROVIDER_OPERATOR }, { 400, "SomethingNew", PROVIDER_FAILED, PROVIDER_OURS },
        { 200, "InternalError", PROVIDER_FAILED, PROVIDER_PASSING }, { 500, "InternalError", PROVIDER_UNCLEAR, 0 }, { 503, "ServiceUnavailable", PROVIDER_UNCLEAR, 0 },
    };
    struct model model = { .price_microusd = 1000 };
    struct provider_job j = { .model = &model, .a = arena };
    void *g = open_it(&provider_green);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"RequestId\":\"r\",\"HostId\":\"h\",\"Code\":\"%s\",\"Message\":\"m\"}", rows[i].code);
        struct provider_outcome o = hear(&provider_viapi, NULL, &j, PROVIDER_SUBMIT, rows[i].status, body), p = hear(&provider_green, g, &j, PROVIDER_SUBMIT, rows[i].status, body);
        if (o.verdict != rows[i].verdict || o.blame != rows[i].blame || p.verdict != o.verdict || p.blame != o.blame)
            fail_msg("%s: %d, %d", rows[i].code, (int)o.verdict, (int)o.blame);
    }
    struct provider_outcome o = hear(&provider_viapi, NULL, &j, PROVIDER_SUBMIT, 200, "{\"RequestId\":\"r\",\"Data\":{\"ImageURL\":\"\"}}");
    assert_true(o.verdict == PROVIDER_FAILED && o.blame == PROVIDER_ELSEWHERE && o.cost_microusd == 1000);
    provider_green.close(g);
}

static void a_permission_to_upload_is_whole_and_used_once(void **state) {
    static const char whole[] = "{\"AccessKeyId\":\"STS.a\",\"Bucket\":\"b\",\"Endpoint\":\"oss-cn-shanghai.aliyuncs.com\",\"EncodedPolicy\":\"p\",\"ObjectKey\":\"k/1\",\"Signature\":\"s\"}";
    struct model model = { .model = STR("EnhanceFace") };
    struct provider_input in = { .role = STR("picture"), .type = "image/png", .bytes = 10 };
    struct provider_job j = { .model = &model, .a = arena, .in = &in, .n_in = 1, .key = "id:secret", .base_url = "https://facebody.cn-shanghai.aliyuncs.com" };
    struct provider_call c = { 0 };
    void *g = open_it(&provider_viapi);
    assert_int_equal(provider_viapi.build(g, &j, PROVIDER_UPLOAD, &moment, arena, &c, &err), 1);
    check_str(c.url, "https://openplatform.aliyuncs.com/?Product=facebody&RegionId=cn-shanghai");
    check_z(header_of(&c, "x-acs-action"), "AuthorizeFileUpload");
    assert_int_equal(hear(&provider_viapi, g, &j, PROVIDER_UPLOAD, 200, "{\"AccessKeyId\":\"STS.a\",\"Bucket\":\"b\"}").verdict, PROVIDER_UNCLEAR);
    assert_null(j.scratch);
    assert_int_equal(hear(&provider_viapi, g, &j, PROVIDER_UPLOAD, 200, whole).verdict, PROVIDER_GO_ON);
    c = (struct provider_call){ 0 };
    assert_int_equal(provider_viapi.build(g, &j, PROVIDER_UPLOAD, &moment, arena, &c, &err), 1);
    check_str(c.url, "https://b.oss-cn-shanghai.aliyuncs.com/");
    assert_true(c.n_parts == 3 && c.parts[1].bytes == 10);
    assert_int_equal(hear(&provider_viapi, g, &j, PROVIDER_UPLOAD, 403, "<Error/>").verdict, PROVIDER_UNCLEAR);
    assert_null(j.scratch);                                       /* asked for anew */
    assert_int_equal(hear(&provider_viapi, g, &j, PROVIDER_UPLOAD, 200, whole).verdict, PROVIDER_GO_ON);
    assert_int_equal(hear(&provider_viapi, g, &j, PROVIDER_UPLOAD, 201, "<PostResponse/>").verdict, PROVIDER_GO_ON);
    check_str(in.ref, "https://b.oss-cn-shanghai.aliyuncs.com/k/1");
    assert_true(j.uploaded == 1 && !j.scratch);
    assert_int_equal(provider_viapi.build(g, &j, PROVIDER_UPLOAD, &moment, arena, &c, &err), 0);
    static const struct { const char *link; int asks; } links[] = {       /* what lies in a bucket of Shanghai is taken from there */
        { "https://ours.oss-cn-shanghai.aliyuncs.com/a.jpg?Signature=s", 0 }, { "https://ours.oss-cn-beijing.aliyuncs.com/a.jpg", 1 },
        { "http://ours.oss-cn-shanghai.aliyuncs.com/a.jpg", 1 }, { "https://us/.oss-cn-shanghai.aliyuncs.com", 1 }, { "h", 1 }, { "", 1 },
    };
    for (size_t i = 0; i < COUNT(links); i++) {
        c = (struct provider_call){ 0 };
        in = (struct provider_input){ .role = STR("picture"), .type = "image/png", .link = str_z(links[i].link) };
        j.uploaded = 0;
        assert_int_equal(provider_viapi.build(g, &j, PROVIDER_UPLOAD, &moment, arena, &c, &err), links[i].asks);
        check_str(in.ref, links[i].asks ? "" : links[i].link);
    }
    provider_viapi.close(g);
}

static void a_verdict_is_told_or_refuses_and_what_is_none_is_no_pass(void **state) {
    static const struct { const char *refuse, *data; enum provider_verdict verdict; enum provider_blame blame; const char *facts; } rows[] = {
        { "high", "{\"RiskLevel\":\"none\",\"Result\":[{\"Label\":\"nonLabel\"}]}", PROVIDER_READY, 0, "{\"risk\":\"none\",\"labels\":[]}" },
        { "high", "{\"RiskLevel\":\"medium\",\"Result\":[{\"Label\":\"a\",\"Confidence\":51.5}]}", PROVIDER_READY, 0, "{\"risk\":\"medium\",\"labels\":[{\"label\":\"a\",\"confidence\":51.50}]}" },
        { "high", "{\"RiskLevel\":\"high\",\"Result\":[{\"Label\":\"a\",\"Confidence\":81}]}", PROVIDER_FAILED, PROVIDER_CONTENT, "" },
        { "medium", "{\"RiskLevel\":\"medium\",\"Result\":[{\"Label\":\"a\",\"Confidence\":81}]}", PROVIDER_FAILED, PROVIDER_CONTENT, "" },
        { "low", "{\"RiskLevel\":\"low\",\"Result\":[]}", PROVIDER_FAILED, PROVIDER_CONTENT, "" },
        { "high", "{\"RiskLevel\":\"fine\",\"Result\":[]}", PROVIDER_FAILED, PROVIDER_OURS, "" },
        { "high", "{}", PROVIDER_FAILED, PROVIDER_OURS, "" },
        { "high", "null", PROVIDER_FAILED, PROVIDER_OURS, "" },
    };
    struct model model = { .verdict = true, .price_microusd = 400 };
    struct provider_job j = { .model = &model, .a = arena };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[300];
        set("engine.green_refuse", rows[i].refuse);
        void *g = open_it(&provider_green);
        snprintf(body, sizeof(body), "{\"Code\":200,\"Msg\":\"success\",\"Data\":%s}", rows[i].data);
        struct provider_outcome o = hear(&provider_green, g, &j, PROVIDER_SUBMIT, 200, body);
        if (o.verdict != rows[i].verdict || o.blame != rows[i].blame || !str_eqz(o.facts, rows[i].facts) || o.cost_microusd != (o.verdict == PROVIDER_READY ? 0 : 400))
            fail_msg("%s: %d, %d, %.*s", body, (int)o.verdict, (int)o.blame, STR_ARG(o.facts));
        provider_green.close(g);
    }
    set("engine.green_refuse", "high");
}

static void every_number_of_green_has_its_blame(void **state) {
    static const struct { int code; enum provider_verdict verdict; enum provider_blame blame; } rows[] = {
        { 280, PROVIDER_FAILED, PROVIDER_PASSING }, { 400, PROVIDER_FAILED, PROVIDER_OURS }, { 401, PROVIDER_FAILED, PROVIDER_PASSING }, { 403, PROVIDER_FAILED, PROVIDER_PASSING },
        { 404, PROVIDER_FAILED, PROVIDER_PASSING }, { 408, PROVIDER_FAILED, PROVIDER_OPERATOR }, { 480, PROVIDER_FAILED, PROVIDER_PASSING }, { 586, PROVIDER_FAILED, PROVIDER_ELSEWHERE },
        { 588, PROVIDER_FAILED, PROVIDER_RATE }, { 500, PROVIDER_UNCLEAR, 0 }, { 503, PROVIDER_UNCLEAR, 0 },
    };
    struct model model = { .verdict = true, .price_microusd = 400 };
    struct provider_job j = { .model = &model, .a = arena };
    void *g = open_it(&provider_green);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[100];
        snprintf(body, sizeof(body), "{\"Code\":%d,\"Msg\":\"m\"}", rows[i].code);
        struct provider_outcome o = hear(&provider_green, g, &j, PROVIDER_SUBMIT, rows[i].code == 280 ? 200 : rows[i].code, body);
        if (o.verdict != rows[i].verdict || o.blame != rows[i].blame || o.cost_microusd)
            fail_msg("%d: %d, %d", rows[i].code, (int)o.verdict, (int)o.blame);
    }
    provider_green.close(g);
}

static void every_code_of_tencent_has_its_blame(void **state) {
    static const struct { const char *code; enum provider_verdict verdict; enum provider_blame blame; } rows[] = {
        { "RequestLimitExceeded", PROVIDER_FAILED, PROVIDER_RATE }, { "RequestLimitExceeded.UinLimitExceeded", PROVIDER_FAILED, PROVIDER_RATE },
        { "LimitExceeded", PROVIDER_FAILED, PROVIDER_RATE }, { "FailedOperation.FuseFreqCtrl", PROVIDER_FAILED, PROVIDER_RATE }, { "InternalError", PROVIDER_UNCLEAR, 0 },
        { "FailedOperation.RequestTimeout", PROVIDER_UNCLEAR, 0 }, { "FailedOperation.InnerError", PROVIDER_FAILED, PROVIDER_PASSING },
        { "FailedOperation.FuseInnerError", PROVIDER_FAILED, PROVIDER_PASSING }, { "FailedOperation.ImageDownloadError", PROVIDER_FAILED, PROVIDER_PASSING },
        { "FailedOperation.NoFaceDetected", PROVIDER_FAILED, PROVIDER_INPUT }, { "FailedOperation.FaceSizeTooSmall", PROVIDER_FAILED, PROVIDER_INPUT },
        { "FailedOperation.FaceExceedBorder", PROVIDER_FAILED, PROVIDER_INPUT }, { "FailedOperation.ImageDecodeFailed", PROVIDER_FAILED, PROVIDER_INPUT },
        { "FailedOperation.ImageResolutionTooSmall", PROVIDER_FAILED, PROVIDER_INPUT }, { "FailedOperation.ImagePixelExceed", PROVIDER_FAILED, PROVIDER_INPUT },
        { "FailedOperation.ImageSizeExceed", PROVIDER_FAILED, PROVIDER_INPUT }, { "FailedOperation.ImageSizeInvalid", PROVIDER_FAILED, PROVIDER_INPUT },
        { "FailedOperation.ModerationFailed", PROVIDER_FAILED, PROVIDER_CONTENT }, { "FailedOperation.FuseMaterialNotExist", PROVIDER_FAILED, PROVIDER_OURS },
        { "FailedOperation.FuseMaterialNotAuth", PROVIDER_FAILED, PROVIDER_OURS }, { "FailedOperation.BalanceInsufficient", PROVIDER_FAILED, PROVIDER_OPERATOR },
        { "ResourceUnavailable.InArrears", PROVIDER_FAILED, PROVIDER_OPERATOR }, { "AuthFailure.SignatureExpire", PROVIDER_FAILED, PROVIDER_OPERATOR },
        { "AuthFailure.SecretIdNotFound", PROVIDER_FAILED, PROVIDER_OPERATOR }, { "InvalidParameterValue", PROVIDER_FAILED, PROVIDER_OURS },
    };
    struct model model = { .price_microusd = 1000 };
    struct provider_job j = { .model = &model, .a = arena };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"Response\":{\"FusedImage\":\"https://a/b\",\"Error\":{\"Code\":\"%s\",\"Message\":\"m\"},\"RequestId\":\"r\"}}", rows[i].code);
        struct provider_outcome o = hear(&provider_tencent, NULL, &j, PROVIDER_SUBMIT, 200, body);
        if (o.verdict != rows[i].verdict || o.blame != rows[i].blame)
            fail_msg("%s: %d, %d", rows[i].code, (int)o.verdict, (int)o.blame);
    }
    assert_int_equal(hear(&provider_tencent, NULL, &j, PROVIDER_SUBMIT, 200, "{}").verdict, PROVIDER_UNCLEAR);
    assert_int_equal(hear(&provider_tencent, NULL, &j, PROVIDER_SUBMIT, 200, "{\"Response\":{\"FusedImage\":\"\"}}").cost_microusd, 1000);
    assert_int_equal(hear(&provider_tencent, NULL, &j, PROVIDER_SUBMIT, 200, "{\"Response\":{\"FusedImage\":\"https://a/b\"}}").verdict, PROVIDER_READY);
}

static void tencent_wants_faces_and_a_target_or_a_template(void **state) {
    struct model model = { .model = STR("FuseFaceUltra"), .form = STR("target") };
    struct provider_input in[2] = { { .role = STR("face"), .link = STR("https://us/a") }, { .role = STR("target"), .link = STR("https://us/b") } };
    CLEANUP(json_unref) json_t *params = json_object();
    struct provider_job j = { .model = &model, .a = arena, .in = in, .n_in = 2, .key = "id:secret", .base_url = "https://facefusion.tencentcloudapi.com", .params = params };
    struct provider_call c = { 0 };
    void *g = open_it(&provider_tencent);
    assert_int_equal(provider_tencent.build(g, &j, PROVIDER_SUBMIT, &moment, arena, &c, &err), 1);
    check_str(c.body, "{\"RspImgType\":\"url\",\"MergeInfos\":[{\"Url\":\"https://us/a\"}],\"ModelUrl\":\"https://us/b\"}");
    check_z(header_of(&c, "X-TC-Action"), "FuseFaceUltra");
    check_z(header_of(&c, "X-TC-Region"), "ap-guangzhou");
    j.n_in = 1;
    check_err(provider_tencent.build(g, &j, PROVIDER_SUBMIT, &moment, arena, &c, &err), ERR_BAD_INPUT, &err, "a target");
    model.form = STR("template");
    check_err(provider_tencent.build(g, &j, PROVIDER_SUBMIT, &moment, arena, &c, &err), ERR_ENGINE_FAILED, &err, "params.template");
    json_object_set_new(params, "template", json_string("qc_1"));
    json_object_set_new(params, "project", json_string("2"));
    c = (struct provider_call){ 0 };
    assert_int_equal(provider_tencent.build(g, &j, PROVIDER_SUBMIT, &moment, arena, &c, &err), 1);
    check_str(c.body, "{\"RspImgType\":\"url\",\"ModelId\":\"qc_1\",\"ProjectId\":\"2\",\"MergeInfos\":[{\"Url\":\"https://us/a\"}]}");
    provider_tencent.close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_an_id_and_a_secret),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(a_request_is_the_one_of_the_vector),
        cmocka_unit_test(an_address_may_have_a_port_and_a_path),
        cmocka_unit_test(every_code_of_jimeng_has_its_blame),
        cmocka_unit_test(an_internal_error_about_a_task_is_believed_in_the_end),
        cmocka_unit_test(jimeng_gives_links_and_is_paid_by_the_picture),
        cmocka_unit_test(every_code_of_aliyun_has_its_blame),
        cmocka_unit_test(a_permission_to_upload_is_whole_and_used_once),
        cmocka_unit_test(a_verdict_is_told_or_refuses_and_what_is_none_is_no_pass),
        cmocka_unit_test(every_number_of_green_has_its_blame),
        cmocka_unit_test(every_code_of_tencent_has_its_blame),
        cmocka_unit_test(tencent_wants_faces_and_a_target_or_a_template),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
