/* cors_test.c - which lists of origins are taken, and who is on them. */
#include "net/cors.h"

#include "base/buf.h"
#include "base/testing.h"

static void takes_whole_origins_only(void **state) {
    static const struct { const char *text; int n; } cases[] = {
        { "", 0 }, { " , ", 0 }, { "https://a.example", 1 }, { "https://a.example , http://127.0.0.1:8080,https://[::1]:1", 3 },
        { "*", -1 }, { "https://*.a.example", -1 }, { "https://a.example/", -1 }, { "https://A.example", -1 }, { "a.example", -1 }, { "https://", -1 },
        { "null", -1 }, { "ftp://a.example", -1 }, { "https:/a.example", -1 }, { "https://a.example\r\nx: y", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(arena_free) struct arena *a = arena_new(1 << 16);
        struct str *list = NULL;
        size_t n = 99;
        struct err e = { 0 };
        int r = cors_parse(a, cases[i].text, &list, &n, &e);
        if (cases[i].n < 0 ? r != ERR_CONFIG || n != 99 : r != 0 || (int)n != cases[i].n)
            fail_msg("\"%s\": %d, %zu", cases[i].text, r, n);
    }
}

static void knows_where_cookies_go(void **state) {
    static const struct { const char *origin, *url; bool same; } cases[] = {
        { "https://photos.example.com", "https://api.example.com", true },    { "https://example.com", "https://api.example.com:8443/x", true },
        { "https://a.b.example.com", "https://c.example.com", true },         { "https://photos.example", "https://photos.example", true },
        { "http://127.0.0.1:1", "http://127.0.0.1:2", true },                 { "http://localhost:1", "http://localhost:2/", true },
        { "http://[::1]:1", "http://[::1]", true },                           { "https://a.photos.com.cn", "https://b.photos.com.cn", true },
        { "https://photos.example", "https://api.example", false },           { "https://example.com", "https://badexample.com", false },
        { "https://photos.com.cn", "https://api.com.cn", false },             { "https://photos.co.uk", "https://api.co.uk", false },
        { "http://photos.example.com", "https://api.example.com", false },    { "http://127.0.0.1", "http://10.0.0.1", false },
        { "http://1.0.0.1", "http://10.0.0.1", false },                       { "http://localhost", "http://127.0.0.1", false },
        { "http://[::1]", "http://[::2]", false },                            { "https://photos.example.com", "https://", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (cors_same_site(str_z(cases[i].origin), str_z(cases[i].url)) != cases[i].same)
            fail_msg("%s and %s", cases[i].origin, cases[i].url);
}

static void takes_a_bounded_number(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 16);
    BUF_CLEANUP struct buf text;
    buf_init(&text, 4096);
    struct str *list;
    size_t n;
    struct err e = { 0 };
    for (int i = 0; i < CORS_ORIGINS_MAX; i++)
        buf_add_z(&text, "https://a.test,");
    assert_int_equal(cors_parse(a, text.p, &list, &n, &e), 0);
    assert_int_equal(n, CORS_ORIGINS_MAX);
    buf_add_z(&text, "https://b.test");
    assert_int_equal(cors_parse(a, text.p, &list, &n, &e), ERR_CONFIG);
}

static void knows_exactly_who_is_named(void **state) {
    const struct str list[] = { STR("https://a.example"), STR("https://b.example:8443") };
    assert_true(cors_allowed(list, 2, STR("https://a.example")));
    assert_true(cors_allowed(list, 2, STR("https://b.example:8443")));
    assert_false(cors_allowed(list, 2, STR("https://b.example")));
    assert_false(cors_allowed(list, 2, STR("http://a.example")));
    assert_false(cors_allowed(list, 2, STR("https://a.example.evil.example")));
    assert_false(cors_allowed(list, 2, STR("null")));
    assert_false(cors_allowed(list, 2, STR_NULL));
    assert_false(cors_allowed(list, 0, STR("https://a.example")));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_whole_origins_only), cmocka_unit_test(takes_a_bounded_number),
                                        cmocka_unit_test(knows_where_cookies_go), cmocka_unit_test(knows_exactly_who_is_named) };
    return RUN(tests);
}
