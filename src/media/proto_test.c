/*
 * proto_test.c - messages there and back, descriptors with them, and nothing believed.
 */
#include "media/proto.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/testing.h"

static const struct proto_msg job = {
    .kind = PROTO_JOB, .job = 7, .op = MEDIA_OP_copy, .limit_ms = 30000, .memory_max = 1 << 20, .n_in = 1, .n_out = 1, .json = { "{}", 2 },
};
static const struct proto_msg good = { .kind = PROTO_RESULT, .job = 7, .took_ms = 5, .peak_bytes = 99, .json = { "{\"a\":1}", 7 } };

static int there_and_back(const struct proto_msg *m, size_t n_fds, struct proto_msg *ret) {
    static char kept[PROTO_MESSAGE_MAX];
    BUF_CLEANUP struct buf b = { 0 };
    struct err e;
    buf_init(&b, PROTO_MESSAGE_MAX);
    proto_write(m, &b);
    assert_false(b.failed);
    assert_int_equal(proto_length(buf_str(&b)), b.n);
    memcpy(kept, b.p, b.n);
    return proto_read((struct str){ kept, b.n }, n_fds, ret, &e);
}

static void comes_back_as_it_went(void **state) {
    struct proto_msg got, failed = { .kind = PROTO_RESULT, .job = 8, .rc = ERR_MEDIA_TIME, .text = { "too slow", 8 } };
    assert_int_equal(there_and_back(&job, 2, &got), 0);
    assert_int_equal(got.op, MEDIA_OP_copy);
    assert_int_equal(got.limit_ms, 30000);
    assert_int_equal(got.memory_max, 1 << 20);
    assert_true(str_eqz(got.json, "{}"));
    assert_int_equal(there_and_back(&good, 0, &got), 0);
    assert_int_equal(got.peak_bytes, 99);
    assert_int_equal(there_and_back(&failed, 0, &got), 0);
    assert_int_equal(got.rc, ERR_MEDIA_TIME);
    assert_true(str_eqz(got.text, "too slow"));
}

static void refuses_what_makes_no_sense(void **state) {
    struct proto_msg got, m;
#define WRONG(base, n_fds, change) m = base; m.change; assert_int_equal(there_and_back(&m, n_fds, &got), ERR_BAD_INPUT)
    WRONG(job, 2, kind = 0);
    WRONG(job, 2, kind = 5);
    WRONG(job, 2, job = 0);
    WRONG(job, 2, job = -1);
    WRONG(job, 2, op = -1);
    WRONG(job, 2, op = MEDIA_OP_COUNT);
    WRONG(job, 2, limit_ms = 0);
    WRONG(job, 2, memory_max = -1);
    WRONG(job, 2, rc = ERR_BUSY);
    WRONG(job, 1, n_in = 1);
    WRONG(job, 3, n_in = 1);
    WRONG(job, 2, n_in = UINT32_MAX);
    WRONG(job, 2, took_ms = 1);
    WRONG(good, 0, rc = 1);
    WRONG(good, 0, rc = ERR__BASE);
    WRONG(good, 0, rc = ERR__END);
    WRONG(good, 0, rc = ERR_BUSY);                  /* and JSON */
    WRONG(good, 0, json.n = 0);
    WRONG(good, 0, text = STR("both"));
    WRONG(good, 0, took_ms = -1);
    WRONG(good, 1, took_ms = 1);
    WRONG(good, 0, kind = PROTO_CANCEL);
#undef WRONG
}

static void refuses_any_damage_to_the_head(void **state) {
    BUF_CLEANUP struct buf b = { 0 };
    struct proto_msg got;
    struct err e;
    buf_init(&b, PROTO_MESSAGE_MAX);
    proto_write(&good, &b);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(proto_read((struct str){ b.p, n }, 0, &got, &e), ERR_BAD_INPUT);
    b.p[4] ^= 1;                                    /* version */
    assert_int_equal(proto_read(buf_str(&b), 0, &got, &e), ERR_BAD_INPUT);
    assert_non_null(strstr(e.text, "version"));
}

static int open_fds(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void descriptors_travel_and_are_closed(void **state) {
    static struct proto_packet p;
    int pair[2], fds[2], before = open_fds();
    struct err e;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(proto_recv(pair[1], &p, &e), 0);
    assert_int_equal(proto_send(pair[0], &job, fds, 2, &e), 1);
    assert_int_equal(proto_recv(pair[1], &p, &e), 1);
    assert_int_equal(p.n_fds, 2);
    assert_int_equal(fcntl(p.fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(p.fds[1], "x", 1), 1);
    char c = 0;
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(c, 'x');
    proto_close_fds(&p);
    /* A message that is refused leaves no descriptor behind. */
    assert_int_equal(proto_send(pair[0], &good, fds, 2, &e), 1);
    assert_int_equal(proto_recv(pair[1], &p, &e), ERR_BAD_INPUT);
    close(fds[0]);
    close(fds[1]);
    close(pair[0]);
    assert_int_equal(proto_recv(pair[1], &p, &e), ERR_IO);
    assert_int_equal(proto_send(pair[1], &good, NULL, 0, &e), ERR_IO);
    close(pair[1]);
    assert_int_equal(open_fds(), before);
}

static void a_full_socket_is_no_error(void **state) {
    int pair[2], r, sent = 0;
    struct err e;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    while ((r = proto_send(pair[0], &good, NULL, 0, &e)) == 1)
        assert_true(++sent < 100000);
    assert_int_equal(r, 0);
    assert_true(sent > 10);
    close(pair[0]);
    close(pair[1]);
}

static void operations_are_found_by_name(void **state) {
    assert_int_equal(media_op_find("intake"), MEDIA_OP_intake);
    assert_int_equal(media_op_find("format_disk"), -1);
    assert_true(media_op_takes(MEDIA_OP_intake, 1, 3));
    assert_false(media_op_takes(MEDIA_OP_intake, 1, 2));
    assert_false(media_op_takes(MEDIA_OP_COUNT, 0, 0));
    assert_false(media_op_takes(-1, 0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_went), cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(refuses_any_damage_to_the_head), cmocka_unit_test(descriptors_travel_and_are_closed),
        cmocka_unit_test(a_full_socket_is_no_error), cmocka_unit_test(operations_are_found_by_name),
    };
    return RUN(tests);
}
