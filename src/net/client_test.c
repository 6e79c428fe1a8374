/* client_test.c - the client against our own server: answers, limits, redirects, and where it refuses to connect. */
#include "net/client.h"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/testing.h"
#include "net/server.h"

static struct http_server *server;
static struct http_client *client;
static int port;
static char base[64];

/* ---- the server's side ---- */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool released;

static int get_echo(struct http_req *req, struct http_res *res, struct err *e) {
    struct str auth = http_req_header(req, "Authorization"), x = http_req_header(req, "X-Plain");
    http_res_header(res, "X-Answer", "forty-two");
    return http_res_body(res, 200, "text/plain",
                         arena_printf(req->arena, "%.*s auth=%.*s x=%.*s body=%.*s", STR_ARG(req->method), STR_ARG(auth), STR_ARG(x), STR_ARG(req->body)), true);
}
static int get_to(struct http_req *req, struct http_res *res, struct err *e) {
    http_res_header(res, "Location", "%.*s", STR_ARG(http_req_query(req, "to")));
    return http_res_body(res, 302, "text/plain", STR("go there"), true);
}
static int get_big(struct http_req *req, struct http_res *res, struct err *e) {
    static const char big[100000];
    return http_res_static(res, &(struct http_static){ .bytes = { big, sizeof(big) }, .type = "application/octet-stream", .etag = "b" });
}
static int get_never(struct http_req *req, struct http_res *res, struct err *e) {
    pthread_mutex_lock(&lock);
    while (!released)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return http_res_empty(res, 204);
}
static int get_missing(struct http_req *req, struct http_res *res, struct err *e) { return err_set(e, ERR_GONE, "gone for good"); }

static const struct route routes[] = {
    { "GET", "/echo", ROUTE_INLINE, TRAFFIC_READ, .handle = get_echo },
    { "POST", "/echo", ROUTE_INLINE, TRAFFIC_READ, .handle = get_echo, .body_max = 400000 },
    { "DELETE", "/echo", ROUTE_INLINE, TRAFFIC_READ, .handle = get_echo },
    { "GET", "/to", ROUTE_INLINE, TRAFFIC_READ, .handle = get_to },
    { "POST", "/to", ROUTE_INLINE, TRAFFIC_READ, .handle = get_to },
    { "GET", "/big", ROUTE_INLINE, TRAFFIC_READ, .handle = get_big },
    { "GET", "/never", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_never },
    { "POST", "/never", ROUTE_BLOCKING, TRAFFIC_READ, .handle = get_never },
    { "GET", "/missing", ROUTE_INLINE, TRAFFIC_READ, .handle = get_missing },
    { 0 },
};

static int setup(void **state) {
    static const struct route *const tables[] = { routes, NULL };
    static char allow[64];
    struct http_server_conf conf = { .listen = "0.0.0.0:0", .event_threads = 1, .pool_threads = 16, .pool_queue_max = 10, .conns_max = 100,
                                     .delay_ms = 10000,                  /* a machine that is busy with something else refuses nothing */
                                     .header_ms = 5000, .idle_ms = 60000, .first_ms = 60000, .write_stall_ms = 5000, .drain_ms = 5000, .handler_ms = 60000,
                                     .routes = tables };
    struct err e;
    if (crypto_setup(&e) < 0 || http_server_new(&conf, &server, &e) < 0 || http_server_start(server, &e) < 0)
        return -1;
    port = http_server_port(server);
    snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
    snprintf(allow, sizeof(allow), "127.0.0.1:%d, 127.0.0.1:1,127.0.0.3:%d", port, port);
    struct http_client_conf c = { .connect_ms = 60000, .in_flight_max = 3, .allow = allow, .ca_file = "" };
    return http_client_new(&c, &client, &e);
}
static int teardown(void **state) {
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    http_client_free(client);
    http_server_free(server);
    return 0;
}

/* libcurl's name lookups come here: one name is never answered. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || strcmp(name, "silent.example") != 0)
        return real(name, service, hints, ret);
    pthread_mutex_lock(&lock);
    while (!released)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return EAI_AGAIN;
}

/* ---- one ask; the reply is released by the next one ---- */
static struct http_reply reply;
static struct err err;
static struct http_ask ask_of(const char *method, const char *path) {
    static char url[400];
    snprintf(url, sizeof(url), "%s%s", path[0] == '/' ? base : "", path);
    return (struct http_ask){ .method = method, .url = url, .total_ms = 60000, .body_max = 200000, .redirects_max = 3 };
}
static int run(const struct http_ask *ask) {
    http_reply_done(&reply);
    err = (struct err){ 0 };
    return http_client_do(client, ask, &reply, &err);
}
static int get(const char *path) {
    struct http_ask a = ask_of("GET", path);
    return run(&a);
}

/* ---- the tests ---- */
static void sends_and_receives(void **state) {
    static const char *const headers[] = { "Authorization: Bearer t", "X-Plain: y", NULL };
    struct http_ask a = ask_of("POST", "/echo");
    a.headers = headers;
    a.body = STR("hello");
    assert_int_equal(run(&a), 0);
    assert_int_equal(reply.status, 200);
    check_str(buf_str(&reply.body), "POST auth=Bearer t x=y body=hello");
    check_str(http_reply_header(&reply, "x-answer"), "forty-two");
    assert_null(http_reply_header(&reply, "x-other").p);
    a = ask_of("DELETE", "/echo");
    assert_int_equal(run(&a), 0);
    check_str(buf_str(&reply.body), "DELETE auth= x= body=");
    a = ask_of("HEAD", "/big");
    assert_int_equal(run(&a), 0);
    check_str(http_reply_header(&reply, "Content-Length"), "100000");
    assert_int_equal(get("/missing"), 0);
    assert_int_equal(reply.status, 410);
}

static void streams_to_a_descriptor_and_limits_bytes(void **state) {
    int fd = memfd_create("reply", MFD_CLOEXEC);
    struct http_ask a = ask_of("GET", "/big");
    a.to_fd = fd;
    assert_int_equal(run(&a), 0);
    assert_true(reply.body_bytes == 100000 && reply.body.n == 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 100000);
    a.body_max = 99999;
    check_err(run(&a), ERR_TOO_BIG, &err, "99999");
    a.to_fd = -1;
    check_err(run(&a), ERR_TOO_BIG, &err, "99999");
    a.body_max = 100000;
    assert_int_equal(run(&a), 0);
    assert_int_equal(reply.body.n, 100000);
    close(fd);
}

/* A body of text, a file as it is and in base64, and text again arrives as one. */
static void sends_files_in_pieces(void **state) {
    static const size_t sizes[] = { 1, 2, 3, 3072, 3073, 100001 };
    static char bytes[100001], in_base64[4 * 33334 + 1];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        BUF_CLEANUP struct buf want;
        int fd = memfd_create("sent", MFD_CLOEXEC);
        assert_int_equal(write(fd, bytes, sizes[i]), sizes[i]);
        struct http_part parts[] = { { .text = STR("<") }, { .fd = fd, .bytes = (int64_t)sizes[i] }, { .text = STR("") },
                                     { .fd = fd, .bytes = (int64_t)sizes[i], .base64 = true }, { .text = STR(">") } };
        struct http_ask a = ask_of("POST", "/echo");
        a.redirects_max = 0;
        a.parts = parts;
        a.n_parts = COUNT(parts);
        a.body_max = 400000;
        assert_int_equal(run(&a), 0);
        buf_init(&want, 400000);
        buf_printf(&want, "POST auth= x= body=<%.*s", (int)sizes[i], bytes);
        buf_add(&want, in_base64, base64_encode(bytes, sizes[i], in_base64));
        buf_add_c(&want, '>');
        assert_int_equal(reply.body.n, want.n);
        assert_memory_equal(reply.body.p, want.p, want.n);
        close(fd);
    }
}

static void a_file_that_ends_early_sends_nothing_that_counts(void **state) {
    int fd = memfd_create("sent", MFD_CLOEXEC);
    assert_int_equal(write(fd, "short", 5), 5);
    struct http_part part = { .fd = fd, .bytes = 6 };
    struct http_ask a = ask_of("POST", "/echo");
    a.redirects_max = 0;
    a.parts = &part;
    a.n_parts = 1;
    check_err(run(&a), ERR_IO, &err, "early");
    a.redirects_max = 1;                       /* a file is sent once */
    check_err(run(&a), ERR_BAD_INPUT, &err, "");
    close(fd);
}

static void follows_redirects_within_limits(void **state) {
    static const char *const headers[] = { "Authorization: Bearer t", "X-Plain: y", NULL };
    struct http_ask a = ask_of("GET", "/to?to=/to%3Fto=/echo");
    a.headers = headers;
    assert_int_equal(run(&a), 0);
    check_str(buf_str(&reply.body), "GET auth=Bearer t x=y body=");
    char elsewhere[80];
    snprintf(elsewhere, sizeof(elsewhere), "/to?to=http://127.0.0.3:%d/echo", port);
    a = ask_of("GET", elsewhere);
    a.headers = headers;
    assert_int_equal(run(&a), 0);
    check_str(buf_str(&reply.body), "GET auth= x=y body=");            /* another origin gets no credentials */
    check_err(get("/to?to=/to%3Fto=/to%253Fto=/to%25253Fto=/echo"), ERR_UPSTREAM, &err, "more than 3");
    a = ask_of("GET", "/to?to=/echo");
    a.redirects_max = 0;
    assert_int_equal(run(&a), 0);
    assert_int_equal(reply.status, 302);
    check_str(buf_str(&reply.body), "go there");
    a = ask_of("POST", "/to?to=/echo");
    assert_int_equal(run(&a), 0);
    assert_int_equal(reply.status, 302);
}

static void refuses_private_addresses_everywhere(void **state) {
    char url[200];
    check_err(get("https://127.0.0.2:1/"), ERR_BLOCKED_ADDRESS, &err, "127.0.0.2");
    check_err(get("https://[::1]:1/"), ERR_BLOCKED_ADDRESS, &err, "::1");
    check_err(get("https://[::ffff:10.0.0.1]/"), ERR_BLOCKED_ADDRESS, &err, "10.0.0.1");
    check_err(get("https://0x7f000002/"), ERR_BLOCKED_ADDRESS, &err, "127.0.0.2");
    check_err(get("https://2130706434/"), ERR_BLOCKED_ADDRESS, &err, "127.0.0.2");
    check_err(get("https://169.254.169.254/latest/meta-data/"), ERR_BLOCKED_ADDRESS, &err, "169.254");
    snprintf(url, sizeof(url), "https://localhost:%d/echo", port);
    check_err(get(url), ERR_BLOCKED_ADDRESS, &err, "is not a public address");
    check_err(get("http://example.com/"), ERR_BLOCKED_ADDRESS, &err, "only https");
    check_err(get("/to?to=https://127.0.0.2:1/"), ERR_BLOCKED_ADDRESS, &err, "127.0.0.2");
    check_err(get("/to?to=http://127.0.0.2:1/"), ERR_BLOCKED_ADDRESS, &err, "only https");
    check_err(get("/to?to=file:///etc/passwd"), ERR_BAD_INPUT, &err, "URL");
    check_err(get("/to?to=gopher://127.0.0.1:1/x"), ERR_BLOCKED_ADDRESS, &err, "only https");
    check_err(get("ftp://127.0.0.1/"), ERR_BLOCKED_ADDRESS, &err, "only https");
    check_err(get("https://user:pw@example.com/"), ERR_BAD_INPUT, &err, "URL");
    check_err(get("nonsense"), ERR_BAD_INPUT, &err, "URL");
}

static void tells_not_happened_from_nobody_knows(void **state) {
    struct http_ask a = ask_of("POST", "http://127.0.0.1:1/");
    check_err(run(&a), ERR_UPSTREAM, &err, "");          /* nothing was sent */
    a = ask_of("POST", "/never");
    a.total_ms = 150;
    check_err(run(&a), ERR_UNCERTAIN, &err, "");
    a = ask_of("GET", "/never");
    a.total_ms = 150;
    check_err(run(&a), ERR_UPSTREAM, &err, "");
}

/* A server that answers the first request of each connection, and hangs up on the second. Ends at "/stop". */
#define RUDE_CONNS 8
static struct { int fd, posts; } rude;

/* One request, small, so that it comes whole. Returns false when the connection is at its end. */
static bool rude_serve(int fd, bool first, bool *ret_stop) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char text[2000];
    ssize_t n = recv(fd, text, sizeof(text), 0);
    struct str s = { text, n < 0 ? 0 : (size_t)n };
    rude.posts += str_starts(s, STR("POST"));
    *ret_stop = str_starts(s, STR("GET /stop"));
    return n > 0 && (first || *ret_stop) && send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) > 0;
}

static void *rude_main(void *arg) {
    struct pollfd p[1 + RUDE_CONNS] = { { .fd = rude.fd, .events = POLLIN } };
    bool served[1 + RUDE_CONNS] = { 0 };
    int n = 1;
    for (bool stop = false; !stop && poll(p, (nfds_t)n, -1) > 0;) {
        for (int i = 1; i < n && !stop; i++)
            if (p[i].revents) {
                if (!rude_serve(p[i].fd, !served[i], &stop)) {
                    close(p[i].fd);
                    p[i].fd = -1;                         /* poll passes over it */
                }
                served[i] = true;
            }
        if (p[0].revents && n <= RUDE_CONNS) {
            p[n] = (struct pollfd){ .fd = accept(rude.fd, NULL, NULL), .events = POLLIN };
            n++;
        }
    }
    for (int i = 0; i < n; i++)
        fd_close_p(&p[i].fd);
    return NULL;
}

static void never_sends_a_change_twice(void **state) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    char allow[64], url[80];
    pthread_t thread;
    struct http_client *mine;
    rude.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(bind(rude.fd, (struct sockaddr *)&at, len) == 0 && listen(rude.fd, 10) == 0);
    assert_int_equal(getsockname(rude.fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, rude_main, NULL), 0);
    snprintf(allow, sizeof(allow), "127.0.0.1:%d", ntohs(at.sin_port));
    struct http_client_conf c = { .connect_ms = 60000, .in_flight_max = 3, .allow = allow, .ca_file = "" };
    assert_int_equal(http_client_new(&c, &mine, &err), 0);
    struct http_client *theirs = client;
    client = mine;
    snprintf(url, sizeof(url), "http://%s/", allow);
    assert_int_equal(get(url), 0);                        /* leaves a connection behind that the next request might use */
    struct http_ask a = ask_of("POST", url);
    a.body = STR("pay");
    int r = run(&a);
    assert_true(r == 0 || r == ERR_UNCERTAIN);
    snprintf(url, sizeof(url), "http://%s/stop", allow);
    assert_int_equal(get(url), 0);
    client = theirs;
    http_client_free(mine);
    pthread_join(thread, NULL);
    assert_int_equal(rude.posts, 1);
}

static void count_done(void *ctx) {
    pthread_mutex_lock(&lock);
    ++*(int *)ctx;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void a_name_server_that_is_silent_holds_up_nobody_else(void **state) {
    struct http_reply silent = { 0 };
    struct http_ask a = { .method = "GET", .url = "https://silent.example/", .total_ms = 100 };
    int done = 0;
    assert_int_equal(http_client_submit(client, &a, &silent, count_done, &done, &err), 0);
    pthread_mutex_lock(&lock);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    int r = 0;
    while (done == 0 && r == 0)
        r = pthread_cond_timedwait(&changed, &lock, &until);
    pthread_mutex_unlock(&lock);
    assert_int_equal(r, 0);                               /* its own time is kept, too */
    assert_int_equal(silent.rc, ERR_UPSTREAM);
    http_reply_done(&silent);
    assert_int_equal(get("/echo"), 0);
}

static void wait_for(const int *done, int n) {
    pthread_mutex_lock(&lock);
    while (*done < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void what_nobody_wants_any_more_ends_alone(void **state) {
    struct http_reply r[2];
    struct http_ask a = ask_of("GET", "/never"), post = a;
    struct http_stats st, before;
    post.method = "POST";
    a.total_ms = post.total_ms = 60000;
    int done = 0;
    http_server_stats(server, &before);                   /* earlier tests may still hold some */
    assert_int_equal(http_client_submit(client, &a, &r[0], count_done, &done, &err), 0);
    assert_int_equal(http_client_submit(client, &post, &r[1], count_done, &done, &err), 0);
    do
        http_server_stats(server, &st);
    while (st.pool_busy < before.pool_busy + 2);
    http_client_cancel(client, &r[1]);
    wait_for(&done, 1);
    assert_int_equal(r[1].rc, ERR_UNCERTAIN);             /* it was sent */
    assert_int_equal(get("/echo"), 0);
    assert_int_equal(done, 1);
    http_client_cancel(client, &r[0]);
    wait_for(&done, 2);
    assert_int_equal(r[0].rc, ERR_STOPPING);
    http_reply_done(&r[0]);
    http_reply_done(&r[1]);
}

static void bounds_what_is_under_way_and_ends_it(void **state) {
    struct http_reply r[4];
    struct http_ask a = ask_of("GET", "/never"), post = a;
    post.method = "POST";
    a.total_ms = post.total_ms = 60000;
    int done = 0;
    struct http_stats st, before;
    http_server_stats(server, &before);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_client_submit(client, i ? &a : &post, &r[i], count_done, &done, &err), 0);
    check_err(http_client_submit(client, &a, &r[3], count_done, &done, &err), ERR_BUSY, &err, "3 requests");
    do                                                    /* until the server has them: then the POST was sent */
        http_server_stats(server, &st);
    while (st.pool_busy < before.pool_busy + 3);
    http_client_free(client);
    client = NULL;
    assert_int_equal(done, 3);
    assert_int_equal(r[0].rc, ERR_UNCERTAIN);
    assert_int_equal(r[1].rc, ERR_STOPPING);
    for (int i = 0; i < 3; i++)
        http_reply_done(&r[i]);
    http_reply_done(&reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_receives),
        cmocka_unit_test(streams_to_a_descriptor_and_limits_bytes),
        cmocka_unit_test(sends_files_in_pieces),
        cmocka_unit_test(a_file_that_ends_early_sends_nothing_that_counts),
        cmocka_unit_test(follows_redirects_within_limits),
        cmocka_unit_test(refuses_private_addresses_everywhere),
        cmocka_unit_test(tells_not_happened_from_nobody_knows),
        cmocka_unit_test(never_sends_a_change_twice),
        cmocka_unit_test(a_name_server_that_is_silent_holds_up_nobody_else),
        cmocka_unit_test(what_nobody_wants_any_more_ends_alone),
        cmocka_unit_test(bounds_what_is_under_way_and_ends_it),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
