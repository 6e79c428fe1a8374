/* chunked_test.c - bodies cut at every place, and the forms that are refused. */
#include "net/chunked.h"

#include "base/buf.h"
#include "base/testing.h"

static int read_all(struct str in, size_t step, struct buf *body, size_t *ret_used) {
    struct chunked c = { 0 };
    int r = 0;
    *ret_used = 0;
    while (r == 0 && *ret_used < in.n) {
        size_t used, left = in.n - *ret_used;
        struct str data;
        r = chunked_eat(&c, (struct str){ in.p + *ret_used, left < step ? left : step }, &used, &data, NULL);
        if (r >= 0)
            buf_add_str(body, data);
        *ret_used += r >= 0 ? used : 0;
    }
    return r;
}

static void reads_the_same_however_it_is_cut(void **state) {
    static const char text[] = "5\r\nhello\r\n00B\r\n, wide worl\r\n1\r\nd\r\n0\r\n\r\nGET /";
    for (size_t step = 1; step < sizeof(text); step++) {
        BUF_CLEANUP struct buf b;
        size_t used;
        buf_init(&b, 100);
        assert_int_equal(read_all(str_z(text), step, &b, &used), 1);
        check_str(buf_str(&b), "hello, wide world");
        assert_int_equal(used, sizeof(text) - 1 - 5);
    }
}

static void refuses_every_other_form(void **state) {
    static const char *const bad[] = {
        "\r\n", "g\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "+1\r\n", "-1\r\n", "1;a\r\n", "1\n", "1\r\r", "1\r\nab", "1\r\na\n", "1\r\na\r\r",
        "0\r\nX: y\r\n\r\n", "0\r\n\n", "0\r\n\rG", "1234567890123\r\n", "ffffffffffffffff\r\n",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        BUF_CLEANUP struct buf b;
        size_t used;
        buf_init(&b, 100);
        if (read_all(str_z(bad[i]), 100, &b, &used) != ERR_BAD_HTTP)
            fail_msg("%zu: %s was taken", i, bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_the_same_however_it_is_cut), cmocka_unit_test(refuses_every_other_form) };
    return RUN(tests);
}
