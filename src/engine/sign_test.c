/* sign_test.c - signatures with the vectors of the providers' documents and clients, and what is refused. */
#include "engine/sign.h"

#include "base/crypto.h"
#include "base/testing.h"

#define T_2026 INT64_C(1768465800000)          /* 2026-01-15T08:30:00Z */
#define LTAI   { STR_OF("LTAI5tTESTONLY"), STR_OF("TestSecretForUnitTests"), { NULL, 0 } }
#define STR_OF(lit) { lit, sizeof(lit) - 1 }

static struct arena *arena;
static struct err err;

static int setup(void **state) {
    arena = arena_new(2 * 1024 * 1024);
    return crypto_setup(&err);
}
static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

static struct str header_of(const struct sign_result *r, const char *name) {
    for (size_t i = 0; r->headers[i]; i++) {
        struct str value = str_z(r->headers[i]), key = str_cut(&value, ':');
        if (str_eqz(key, name))
            return str_trim(value);
    }
    return STR_NULL;
}
static void check_hash(struct str s, const char *want) {
    char hex[SHA256_HEX + 1];
    sha256_hex(s.p, s.n, hex);
    check_z(hex, want);
}

/* ---- Volcengine ---- */
static const struct sign_request volc = {
    .method = "POST", .host = STR_OF("visual.volcengineapi.com"), .path = STR_OF("/"), .service = STR_OF("cv"), .region = STR_OF("cn-north-1"),
    .body = STR_OF("{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":\"a red kite over the sea\",\"seed\":7}"), .content_type = STR_OF("application/json"),
    .action = STR_OF("CVSync2AsyncSubmitTask"), .version = STR_OF("2022-08-31"), .now_ms = T_2026,
    .key = { STR_OF("AKLTTESTACCESSKEY0000000000000000"), STR_OF("VGVzdFNlY3JldEtleUZvclVuaXRUZXN0cw=="), { NULL, 0 } },
};
#define VOLC_CREDENTIAL "HMAC-SHA256 Credential=AKLTTESTACCESSKEY0000000000000000/20260115/cn-north-1/cv/request, SignedHeaders="

static void volcengine_vectors(void **state) {
    struct sign_request q = volc;
    struct sign_result r;
    q.wide = true;                             /* as volc-sdk-python */
    assert_int_equal(sign_volcengine(&q, arena, &r, &err), 0);
    check_str(r.canonical, "POST\n/\nAction=CVSync2AsyncSubmitTask&Version=2022-08-31\ncontent-type:application/json\nhost:visual.volcengineapi.com\n"
                           "x-content-sha256:12dd350904b7f69ac452efd09819d804b5d479d1bbe5b7d626205683b7b6971b\nx-date:20260115T083000Z\n\n"
                           "content-type;host;x-content-sha256;x-date\n12dd350904b7f69ac452efd09819d804b5d479d1bbe5b7d626205683b7b6971b");
    check_hash(r.canonical, "4833c417719d7835d8d25801b1a1ed0b51836c3ebcb7af2ac28a55a3f4562505");
    check_str(header_of(&r, "Authorization"), VOLC_CREDENTIAL "content-type;host;x-content-sha256;x-date, "
                                              "Signature=241fda1cb07761f8fbed4e1de37984c82916481fa51c5f0fcc30a378171df647");
    check_str(r.query, "Action=CVSync2AsyncSubmitTask&Version=2022-08-31");
    check_str(header_of(&r, "Host"), "visual.volcengineapi.com");
    check_str(header_of(&r, "X-Date"), "20260115T083000Z");
    check_str(header_of(&r, "X-Content-Sha256"), "12dd350904b7f69ac452efd09819d804b5d479d1bbe5b7d626205683b7b6971b");
    check_str(header_of(&r, "Content-Type"), "application/json");
    q.wide = false;                            /* as @volcengine/openapi */
    assert_int_equal(sign_volcengine(&q, arena, &r, &err), 0);
    check_hash(r.canonical, "e9f9290df0813565e33dff0f24da4d2e9671ac93eb53ebf95a4fa87395c1eee0");
    check_str(header_of(&r, "Authorization"), VOLC_CREDENTIAL "host;x-content-sha256;x-date, "
                                              "Signature=254ee21960a2c91fb99031e4b7304e45e1801097af93521c072d5aec0b87ffa6");
    check_str(header_of(&r, "Content-Type"), "application/json");                      /* sent, but not signed */
    assert_null(header_of(&r, "X-Security-Token").p);
    q.key.session = STR("STS2session");
    assert_int_equal(sign_volcengine(&q, arena, &r, &err), 0);
    check_str(header_of(&r, "X-Security-Token"), "STS2session");
    assert_non_null(strstr(r.canonical.p, "\nx-date:20260115T083000Z\nx-security-token:STS2session\n\nhost;x-content-sha256;x-date;x-security-token\n"));
}

/* Whatever changes changes the signature, and nothing else does. */
static void every_part_is_signed(void **state) {
    static const struct sign_pair one = { STR_OF("a"), STR_OF("1") };
    struct sign_result r;
    struct str seen[12];
    struct sign_request q[12];
    for (size_t i = 0; i < COUNT(q); i++)
        q[i] = volc;
    q[1].method = "PUT";
    q[2].host = STR("visual.volcengineapi.co");
    q[3].path = STR("/x");
    q[4].query = &one;
    q[4].n_query = 1;
    q[5].body = STR("{}");
    q[6].service = STR("cw");
    q[7].region = STR("cn-north-2");
    q[8].action = STR("Other");
    q[9].version = STR("2022-08-30");
    q[10].key.secret = STR("x");
    q[11].now_ms += 1000;
    for (size_t i = 0; i < COUNT(q); i++) {
        assert_int_equal(sign_volcengine(&q[i], arena, &r, &err), 0);
        seen[i] = header_of(&r, "Authorization");
        seen[i] = (struct str){ seen[i].p + seen[i].n - SHA256_HEX, SHA256_HEX };
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(seen[i], seen[k]));
    }
    q[0].now_ms += 999;                        /* the same second */
    q[0].nonce = STR("volcengine-has-none");
    assert_int_equal(sign_volcengine(&q[0], arena, &r, &err), 0);
    assert_true(str_ends(header_of(&r, "Authorization"), seen[0]));
}

/* ---- Tencent ---- */
static const struct sign_request tencent = {
    .method = "POST", .host = STR_OF("cvm.tencentcloudapi.com"), .path = STR_OF("/"), .service = STR_OF("cvm"), .region = STR_OF("ap-guangzhou"),
    .body = STR_OF("{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], \"Name\": \"instance-name\"}]}"),
    .content_type = STR_OF("application/json; charset=utf-8"), .action = STR_OF("DescribeInstances"), .version = STR_OF("2017-03-12"),
    .now_ms = INT64_C(1551113065000), .key = { STR_OF("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"), STR_OF("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"), { NULL, 0 } },
};

static void tc3_vectors(void **state) {
    struct sign_request q = tencent;
    struct sign_result r;
    assert_int_equal(sign_tc3(&q, arena, &r, &err), 0);
    assert_true(str_ends(r.canonical, STR("\ncontent-type;host\n35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064")));
    check_hash(r.canonical, "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031");
    check_str(header_of(&r, "Authorization"), "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
                                              "SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
    check_str(header_of(&r, "X-TC-Action"), "DescribeInstances");
    check_str(header_of(&r, "X-TC-Version"), "2017-03-12");
    check_str(header_of(&r, "X-TC-Timestamp"), "1551113065");
    check_str(header_of(&r, "X-TC-Region"), "ap-guangzhou");
    assert_null(header_of(&r, "X-TC-Token").p);
    check_str(r.query, "");
    q.wide = true;
    q.key.session = STR("token");
    assert_int_equal(sign_tc3(&q, arena, &r, &err), 0);
    check_hash(r.canonical, "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84");
    assert_true(str_ends(header_of(&r, "Authorization"), STR("SignedHeaders=content-type;host;x-tc-action, "
                                                             "Signature=644be983de9a8a3f00db8eadaba61467c3b429e2215758ba897b738ca469fd26")));
    check_str(header_of(&r, "X-TC-Action"), "DescribeInstances");                      /* small letters in what is signed only */
    check_str(header_of(&r, "X-TC-Token"), "token");
    q = (struct sign_request){ .method = "POST", .host = STR("facefusion.tencentcloudapi.com"), .path = STR("/"), .service = STR("facefusion"),
                               .content_type = STR("application/json"), .body = STR("{\"ProjectId\":\"100792\",\"ModelId\":\"qc_100792_162409_4\",\"RspImgType\":\"url\"}"),
                               .action = STR("FuseFace"), .version = STR("2022-09-27"), .now_ms = T_2026,
                               .key = { STR("AKIDTESTONLY"), STR("TestSecretForUnitTests"), STR("") } };
    assert_int_equal(sign_tc3(&q, arena, &r, &err), 0);
    check_hash(r.canonical, "40485bc038b1544c2b8646ac3462ed37f76cf550ff10ef938aa71bfc940347aa");
    assert_true(str_ends(header_of(&r, "Authorization"), STR("Signature=e8ac84598efbc4c5daae00b76e27d2760f9f134ae48b83f1d7bd3180d190a4f6")));
    assert_null(header_of(&r, "X-TC-Region").p);
}

/* ---- Aliyun ---- */
static void acs3_vectors(void **state) {
    static const struct sign_pair pairs[] = { { STR_OF("RegionId"), STR_OF("cn-shanghai") }, { STR_OF("ImageId"), STR_OF("win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd") } };
    struct sign_request q = { .method = "POST", .host = STR("ecs.cn-shanghai.aliyuncs.com"), .path = STR("/"), .query = pairs, .n_query = 2,
                              .action = STR("RunInstances"), .version = STR("2014-05-26"), .now_ms = INT64_C(1698315752000),
                              .nonce = STR("3156853299f313e23d1673dc12e1703d"), .key = { STR("YourAccessKeyId"), STR("YourAccessKeySecret"), STR("") } };
    struct sign_result r;
    assert_int_equal(sign_acs3(&q, arena, &r, &err), 0);
    check_str(r.query, "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai");
    check_hash(r.canonical, "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259");
    check_str(header_of(&r, "Authorization"), "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
                                              "x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
    check_str(header_of(&r, "x-acs-date"), "2023-10-26T10:22:32Z");
    q = (struct sign_request){ .method = "POST", .host = STR("green-cip.cn-shanghai.aliyuncs.com"), .path = STR("/"), .action = STR("ImageModeration"),
                               .version = STR("2022-03-02"), .content_type = STR("application/x-www-form-urlencoded"), .now_ms = T_2026,
                               .nonce = STR("5f1c7e0a000040008000000000000002"), .key = LTAI,
                               .body = STR("Service=baselineCheck&ServiceParameters=%7B%22imageUrl%22%3A%22https%3A%2F%2Fexample.com%2Fa.jpg%22%2C%22dataId%22%3A%22job-42%22%7D") };
    assert_int_equal(sign_acs3(&q, arena, &r, &err), 0);
    check_str(header_of(&r, "x-acs-content-sha256"), "546605f457a3b16f36a7aae8d8d925390a0b454efd59b723ca66f79a61bbcbe2");
    check_hash(r.canonical, "977d0871c2ea2b8d7cf8fe17e513628b6ddefdd3f9217e34141ba95c1f8be447");
    assert_true(str_ends(header_of(&r, "Authorization"), STR("SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;"
                                                             "x-acs-version,Signature=01c510db1e9ede889fa0070df7f1ea7eb04c60edf41e99886779b8cc9e86f52e")));
    q.host = STR("facebody.cn-shanghai.aliyuncs.com");
    q.action = STR("EnhanceFace");
    q.version = STR("2019-12-30");
    q.nonce = STR("5f1c7e0a000040008000000000000003");
    q.body = STR("ImageURL=https%3A%2F%2Fexample-bucket.oss-cn-shanghai.aliyuncs.com%2Fold.jpg");
    assert_int_equal(sign_acs3(&q, arena, &r, &err), 0);
    check_str(header_of(&r, "x-acs-content-sha256"), "435a67f55d0a18f20c83ad6d02899e1758fd918eede55619b8eb8bd538d0431f");
    check_hash(r.canonical, "15b3a0297bc329c3494a749ff8631e55a3bc7a88aabe9da6116397c49f23a754");
    assert_true(str_ends(header_of(&r, "Authorization"), STR("Signature=d34dfa3aea0535a1a41e6da441a134bb38c2cbd6322452af00bea738b2f80252")));
    q.key.session = STR("CAIS-token");
    assert_int_equal(sign_acs3(&q, arena, &r, &err), 0);
    check_str(header_of(&r, "x-acs-security-token"), "CAIS-token");
    assert_non_null(strstr(r.canonical.p, "\nx-acs-security-token:CAIS-token\nx-acs-signature-nonce:"));
}

static void rpc_vectors(void **state) {
    static const struct sign_pair xml = { STR_OF("Format"), STR_OF("XML") },
                                  image = { STR_OF("ImageURL"), STR_OF("https://example-bucket.oss-cn-shanghai.aliyuncs.com/old photo(1)*~.jpg") };
    struct sign_request q = { .method = "GET", .query = &xml, .n_query = 1, .action = STR("DescribeRegions"), .version = STR("2014-05-26"),
                              .now_ms = INT64_C(1456231584000), .nonce = STR("3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
                              .key = { STR("testid"), STR("testsecret"), STR("") } };
    struct str form;
    assert_int_equal(sign_aliyun_rpc(&q, arena, &form, &err), 0);
    check_str(form, "AccessKeyId=testid&Action=DescribeRegions&Format=XML&SignatureMethod=HMAC-SHA1&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"
                    "&SignatureVersion=1.0&Timestamp=2016-02-23T12%3A46%3A24Z&Version=2014-05-26&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D");
    q = (struct sign_request){ .method = "POST", .query = &image, .n_query = 1, .action = STR("EnhanceFace"), .version = STR("2019-12-30"), .region = STR("cn-shanghai"),
                               .now_ms = T_2026, .nonce = STR("5f1c7e0a-0000-4000-8000-000000000001"), .key = LTAI };
    assert_int_equal(sign_aliyun_rpc(&q, arena, &form, &err), 0);
    check_str(form, "AccessKeyId=LTAI5tTESTONLY&Action=EnhanceFace&Format=JSON&ImageURL=https%3A%2F%2Fexample-bucket.oss-cn-shanghai.aliyuncs.com%2Fold%20photo%281%29%2A~.jpg"
                    "&RegionId=cn-shanghai&SignatureMethod=HMAC-SHA1&SignatureNonce=5f1c7e0a-0000-4000-8000-000000000001&SignatureVersion=1.0"
                    "&Timestamp=2026-01-15T08%3A30%3A00Z&Version=2019-12-30&Signature=zYb713%2FDW7RegOAGx0ZEfxc57DI%3D");
    q.key.session = STR("CAIS+token");
    assert_int_equal(sign_aliyun_rpc(&q, arena, &form, &err), 0);
    assert_non_null(strstr(form.p, "&RegionId=cn-shanghai&SecurityToken=CAIS%2Btoken&SignatureMethod="));
}

/* ---- what is refused ---- */
static void refuses_what_cannot_be_signed(void **state) {
    struct sign_request q;
    struct sign_result r;
    struct str form;
#define BAD(sign, base, field, value, words) \
    do { \
        q = base; \
        q.field = value; \
        check_err(sign, ERR_BAD_INPUT, &err, words); \
    } while (0)
#define BAD_VOLC(field, value, words) BAD(sign_volcengine(&q, arena, &r, &err), volc, field, value, words)
#define BAD_TC3(field, value, words) BAD(sign_tc3(&q, arena, &r, &err), tencent, field, value, words)
    BAD_VOLC(method, "", "method");
    BAD_VOLC(method, "post", "method");
    BAD_VOLC(host, STR(""), "host: missing");
    BAD_VOLC(host, STR("a\r\nX: b"), "host");
    BAD_VOLC(host, STR("a b"), "host");
    BAD_VOLC(path, STR(""), "path: missing");
    BAD_VOLC(path, STR("x"), "path");
    BAD_VOLC(path, STR("/a b"), "path");
    BAD_VOLC(content_type, STR("a\nb"), "content_type");
    BAD_VOLC(content_type, STR(" a"), "content_type");
    BAD_VOLC(content_type, STR("a "), "content_type");
    BAD_VOLC(content_type, STR("a  b"), "content_type");
    BAD_VOLC(service, STR(""), "service");
    BAD_VOLC(service, STR("c/v"), "service");
    BAD_VOLC(region, STR(""), "region");
    BAD_VOLC(region, STR("cn/north"), "region");
    BAD_VOLC(action, STR(""), "action");
    BAD_VOLC(version, STR("\xe4"), "version");
    BAD_VOLC(key.id, STR(""), "key.id");
    BAD_VOLC(key.secret, STR(""), "key.secret");
    BAD_VOLC(key.secret, STR("se cret"), "key.secret");
    BAD_VOLC(key.session, STR("a\x7f"), "key.session");
    BAD_VOLC(now_ms, -1, "now_ms");
    BAD_VOLC(now_ms, INT64_MAX, "now_ms");
    BAD_TC3(content_type, STR(""), "content_type: missing");
    BAD_TC3(region, STR("a b"), "region");
    BAD(sign_acs3(&q, arena, &r, &err), volc, nonce, STR(""), "nonce: missing");
    BAD(sign_aliyun_rpc(&q, arena, &form, &err), volc, nonce, STR(""), "nonce: missing");
    assert_int_equal(sign_tc3(&tencent, arena, &r, &err), 0);
    char *wide = arena_alloc(arena, SIGN_FIELD_MAX + 1);
    memset(wide, 'x', SIGN_FIELD_MAX + 1);
    BAD_VOLC(key.session, ((struct str){ wide, SIGN_FIELD_MAX + 1 }), "key.session");
    q = volc;                                  /* the longest that may be, everywhere at once */
    q.host = q.service = q.region = q.action = q.version = q.content_type = q.key.id = q.key.secret = q.key.session = (struct str){ wide, SIGN_FIELD_MAX };
    assert_int_equal(sign_volcengine(&q, arena, &r, &err), 0);
    assert_int_equal(header_of(&r, "X-Security-Token").n, SIGN_FIELD_MAX);
}

static void refuses_doubtful_pairs(void **state) {
    static const struct sign_pair twice[] = { { STR_OF("a"), STR_OF("1") }, { STR_OF("b"), STR_OF("1") }, { STR_OF("a"), STR_OF("2") } },
                                  ours[] = { { STR_OF("Version"), STR_OF("1") } }, nameless[] = { { STR_OF(""), STR_OF("1") } },
                                  signature[] = { { STR_OF("Signature"), STR_OF("1") } };
    static const struct { const struct sign_pair *pairs; size_t n; } cases[] = { { twice, 3 }, { ours, 1 }, { nameless, 1 } };
    struct sign_pair many[SIGN_PAIRS_MAX + 1];
    char names[SIGN_PAIRS_MAX + 1][4];
    struct sign_request q = volc;
    struct sign_result r;
    struct str form;
    for (size_t i = 0; i < COUNT(cases); i++) {
        q.query = cases[i].pairs;
        q.n_query = cases[i].n;
        q.nonce = STR("0123456789abcdef");
        check_err(sign_volcengine(&q, arena, &r, &err), ERR_BAD_INPUT, &err, "query");
        check_err(sign_aliyun_rpc(&q, arena, &form, &err), ERR_BAD_INPUT, &err, "query");
    }
    q.query = signature;
    check_err(sign_aliyun_rpc(&q, arena, &form, &err), ERR_BAD_INPUT, &err, "Signature");
    for (size_t i = 0; i < COUNT(many); i++) {
        snprintf(names[i], sizeof(names[i]), "n%02zu", i);
        many[i] = (struct sign_pair){ str_z(names[i]), STR("v") };
    }
    q.query = many;
    q.n_query = COUNT(many);
    check_err(sign_acs3(&q, arena, &r, &err), ERR_BAD_INPUT, &err, "more than");
    check_err(sign_aliyun_rpc(&q, arena, &form, &err), ERR_BAD_INPUT, &err, "more than");
    q.n_query = SIGN_PAIRS_MAX;
    q.key.session = q.region = STR("x");       /* and every common one */
    assert_int_equal(sign_acs3(&q, arena, &r, &err), 0);
    assert_int_equal(sign_aliyun_rpc(&q, arena, &form, &err), 0);
}

static void has_an_end(void **state) {
    CLEANUP(arena_free) struct arena *small = arena_new(64);
    char *big = arena_alloc(arena, SIGN_TEXT_MAX);
    struct sign_pair pair = { STR("big"), { big, SIGN_TEXT_MAX } };
    struct sign_request q = volc;
    struct sign_result r;
    struct str form;
    check_err(sign_volcengine(&q, small, &r, &err), ERR_TOO_BIG, &err, "request");
    memset(big, 'x', SIGN_TEXT_MAX);
    q.query = &pair;
    q.n_query = 1;
    q.nonce = STR("0123456789abcdef");
    check_err(sign_volcengine(&q, arena, &r, &err), ERR_TOO_BIG, &err, "request");
    check_err(sign_aliyun_rpc(&q, arena, &form, &err), ERR_TOO_BIG, &err, "request");
    q.n_query = 0;
    q.body = pair.value;                       /* of which only the hash is signed */
    assert_int_equal(sign_volcengine(&q, arena, &r, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volcengine_vectors),
        cmocka_unit_test(every_part_is_signed),
        cmocka_unit_test(tc3_vectors),
        cmocka_unit_test(acs3_vectors),
        cmocka_unit_test(rpc_vectors),
        cmocka_unit_test(refuses_what_cannot_be_signed),
        cmocka_unit_test(refuses_doubtful_pairs),
        cmocka_unit_test(has_an_end),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
