/* router_test.c - which route an address finds, and tables that are wrong. */
#include "net/router.h"

#include "base/testing.h"

static int handle(struct http_req *req, struct http_res *res, struct err *e) { return 0; }
#define R(method, path) { method, path, ROUTE_INLINE, TRAFFIC_READ, .handle = handle }

static const struct route pages[] = { R("GET", "/"), R("GET", "/t/{task}"), R("GET", "/t/new"), { 0 } };
static const struct route tasks[] = { R("GET", "/v1/tasks"),       R("POST", "/v1/tasks"),          R("POST", "/v1/tasks/{id}/pick"),
                                      R("HEAD", "/v1/up/{id}"),    R("GET", "/v1/x/{a}/y/{b}"),     R("GET", "/v1/x/z/y/w"),
                                      R("OPTIONS", "/v1/options"), { 0 } };
static const struct route *const tables[] = { pages, tasks, NULL };

static void finds_routes(void **state) {
    static const struct { const char *method, *path; enum router_result r; const char *route, *p0, *p1, *allow; } cases[] = {
        { "GET", "/", ROUTER_FOUND, "/", "", "", "GET, HEAD, OPTIONS" },
        { "HEAD", "/", ROUTER_FOUND, "/", "", "", NULL },
        { "GET", "/t/new", ROUTER_FOUND, "/t/new", "", "", NULL },
        { "GET", "/t/news", ROUTER_FOUND, "/t/{task}", "news", "", NULL },
        { "GET", "/v1/x/z/y/q", ROUTER_FOUND, "/v1/x/{a}/y/{b}", "z", "q", NULL },          /* back from the literal z */
        { "GET", "/v1/x/z/y/w", ROUTER_FOUND, "/v1/x/z/y/w", "", "", NULL },
        { "POST", "/v1/tasks/7/pick", ROUTER_FOUND, "/v1/tasks/{id}/pick", "7", "", NULL },
        { "HEAD", "/v1/up/7", ROUTER_FOUND, "/v1/up/{id}", "7", "", NULL },
        { "GET", "/v1/up/7", ROUTER_NO_METHOD, NULL, NULL, NULL, "HEAD, OPTIONS" },
        { "HEAD", "/v1/tasks/7/pick", ROUTER_NO_METHOD, NULL, NULL, NULL, "POST, OPTIONS" },
        { "BREW", "/v1/tasks", ROUTER_NO_METHOD, NULL, NULL, NULL, "GET, HEAD, POST, OPTIONS" },
        { "OPTIONS", "/v1/tasks", ROUTER_OPTIONS, NULL, NULL, NULL, "GET, HEAD, POST, OPTIONS" },
        { "OPTIONS", "/v1/options", ROUTER_FOUND, "/v1/options", "", "", NULL },
        { "GET", "/v1", ROUTER_NO_PATH, NULL, NULL, NULL, "" },
        { "GET", "/t/", ROUTER_NO_PATH, NULL, NULL, NULL, "" },
        { "GET", "/t/a/b", ROUTER_NO_PATH, NULL, NULL, NULL, "" },
        { "GET", "/V1/tasks", ROUTER_NO_PATH, NULL, NULL, NULL, "" },
    };
    struct router *r;
    struct err e;
    assert_int_equal(router_new(tables, &r, &e), 0);
    assert_int_equal(router_count(r), 10);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct router_match m;
        assert_int_equal(router_find(r, str_z(cases[i].method), str_z(cases[i].path), &m), cases[i].r);
        if (cases[i].allow)
            assert_string_equal(m.allow, cases[i].allow);
        if (cases[i].r != ROUTER_FOUND)
            continue;
        assert_string_equal(m.route->path, cases[i].route);
        assert_ptr_equal(router_route(r, m.index), m.route);
        if (cases[i].p0[0])
            check_str(m.params[0], cases[i].p0);
        if (cases[i].p1[0])
            check_str(m.params[1], cases[i].p1);
    }
    router_free(r);
}

static void a_page_for_every_other_path(void **state) {
    static const struct route any[] = { R("GET", ROUTE_ANY_PATH), { 0 } };
    static const struct route *const all[] = { pages, any, tasks, NULL };
    struct router *r;
    struct router_match m;
    struct err e;
    assert_int_equal(router_new(all, &r, &e), 0);
    assert_int_equal(router_find(r, STR("GET"), STR("/nothing/here"), &m), ROUTER_FOUND);
    assert_ptr_equal(m.route, &any[0]);
    assert_ptr_equal(router_route(r, m.index), m.route);
    assert_int_equal(router_find(r, STR("HEAD"), STR("/t/a/b"), &m), ROUTER_FOUND);
    assert_int_equal(router_find(r, STR("GET"), STR("/t/new"), &m), ROUTER_FOUND);
    assert_string_equal(m.route->path, "/t/new");
    assert_int_equal(router_find(r, STR("POST"), STR("/nothing"), &m), ROUTER_NO_PATH);        /* only what can be looked at */
    assert_int_equal(router_find(r, STR("DELETE"), STR("/v1/tasks"), &m), ROUTER_NO_METHOD);
    router_free(r);
}

static void refuses_wrong_tables(void **state) {
    static const struct route bad[][3] = {
        { R("GET", "/a"), R("GET", "/a"), { 0 } },
        { R("GET", "/a/{x}"), R("GET", "/a/{y}"), { 0 } },
        { R("BREW", "/a"), { 0 } },
        { R("GET", "a"), { 0 } },
        { R("POST", ROUTE_ANY_PATH), { 0 } },
        { R("GET", ROUTE_ANY_PATH), R("GET", ROUTE_ANY_PATH), { 0 } },
        { R("GET", "/{a}/{b}/{c}/{d}/{e}"), { 0 } },
        { { "GET", "/a", ROUTE_WRITE, TRAFFIC_READ, .handle = handle }, { 0 } },
        { { "GET", "/a", ROUTE_STREAM, TRAFFIC_READ, .handle = handle }, { 0 } },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct route *const one[] = { bad[i], NULL };
        struct router *r;
        struct err e;
        check_err(router_new(one, &r, &e), ERR_INTERNAL, &e, "route");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(finds_routes), cmocka_unit_test(a_page_for_every_other_path), cmocka_unit_test(refuses_wrong_tables) };
    return RUN(tests);
}
