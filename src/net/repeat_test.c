/* repeat_test.c - which answer is given again: that to the very same bytes, while its body is the present one, with the Date of now. */
#include "net/repeat.h"

#include "base/testing.h"

#define HEAD "GET /a HTTP/1.1\r\nHost: x\r\nAccept: everything\r\n\r\n"
#define BEFORE_DATE "HTTP/1.1 200 OK\r\nDate: "
#define DATE "Mon, 30 Nov 2026 13:41:15 GMT"
#define LATER "Tue, 01 Dec 2026 00:00:00 GMT"
#define BEHIND_DATE "\r\nContent-Length: 4\r\n\r\n"

static int64_t version_now = 1;
static int64_t version(void *ctx) { return version_now; }
static int render(void *ctx, struct buf *out, struct err *e) {
    buf_add_str(out, STR("body"));
    return 0;
}
static struct cached *body_new(void) {
    struct cached *c;
    assert_int_equal(cached_new(&(struct cached_conf){ .name = "test", .type = "text/plain", .bytes_max = 100, .render = render, .version = version }, &c, NULL), 0);
    return c;
}

static struct repeat of(struct cached *from, struct str head) {
    return (struct repeat){ .hash = repeat_hash(head), .from = from, .serial = cached_serial(from), .status = 200, .head = head, .path = STR("/a"), .date_s = 1 };
}
static void keep(struct repeats *r, struct cached *from, struct str head) {
    struct repeat what = of(from, head);
    repeats_keep(r, &what, STR(BEFORE_DATE DATE BEHIND_DATE), STR("body"));
}
static const struct repeat *find(struct repeats *r, struct str head, const char *date, int64_t date_s) {
    return repeats_find(r, repeat_hash(head), head, date, date_s);
}

static void gives_the_same_bytes_the_same_answer(void **state) {
    struct repeats r = { 0 };
    struct cached *c = body_new();
    keep(&r, c, STR(HEAD));
    const struct repeat *x = find(&r, STR(HEAD), DATE, 1);
    assert_non_null(x);
    assert_true(str_eq(x->answer, STR(BEFORE_DATE DATE BEHIND_DATE "body")));
    assert_true(str_eq(x->path, STR("/a")) && x->body_bytes == 4 && x->status == 200);
    x = find(&r, STR(HEAD), LATER, 2);
    assert_true(str_eq(x->answer, STR(BEFORE_DATE LATER BEHIND_DATE "body")));
    repeats_done(&r);
    cached_free(c);
}

/* One bit more, less or another: nothing is found, even where the hash says that it is the same. */
static void takes_no_other_bytes(void **state) {
    struct repeats r = { 0 };
    struct cached *c = body_new();
    char head[] = HEAD "G";
    size_t n = sizeof(head) - 2;
    keep(&r, c, STR(HEAD));
    assert_null(find(&r, (struct str){ head, n + 1 }, DATE, 1));
    assert_null(find(&r, (struct str){ head, n - 1 }, DATE, 1));
    assert_null(find(&r, (struct str){ head, 0 }, DATE, 1));
    uint64_t hash = repeat_hash(STR(HEAD));
    for (size_t bit = 0; bit < n * 8; bit++) {
        head[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(repeat_hash((struct str){ head, n }) != hash);
        assert_null(repeats_find(&r, hash, (struct str){ head, n }, DATE, 1));
        head[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_non_null(repeats_find(&r, hash, (struct str){ head, n }, DATE, 1));
    repeats_done(&r);
    cached_free(c);
}

static void gives_no_body_that_is_not_the_present_one(void **state) {
    struct repeats r = { 0 };
    struct cached *c = body_new(), *other = body_new();
    assert_true(cached_serial(c) != 0 && cached_serial(c) != cached_serial(other));
    keep(&r, c, STR(HEAD));
    version_now = 2;
    assert_true(cached_serial(c) == 0);
    assert_null(find(&r, STR(HEAD), DATE, 1));
    version_now = 1;
    assert_non_null(find(&r, STR(HEAD), DATE, 1));
    repeats_done(&r);
    cached_free(c);
    cached_free(other);
}

static void keeps_what_comes_again(void **state) {
    struct repeats r = { 0 };
    assert_false(repeats_again(&r, 256 + 1));
    assert_true(repeats_again(&r, 256 + 1));
    assert_false(repeats_again(&r, 512 + 1));                                       /* of another slot */
    assert_true(repeats_again(&r, 256 + 1));
    assert_false(repeats_again(&r, 256 + 256 * REPEAT_SLOTS + 1));                  /* of the same one */
    assert_false(repeats_again(&r, 256 + 1));
}

static void keeps_nothing_over_its_limits(void **state) {
    static char zeros[REPEAT_ANSWER_MAX];
    struct repeats r = { 0 };
    struct cached *c = body_new();
    struct repeat what = of(c, STR(HEAD));
    struct str head = STR(BEFORE_DATE DATE BEHIND_DATE), most = { zeros, REPEAT_ANSWER_MAX - head.n }, more = { zeros, most.n + 1 };
    repeats_keep(&r, &what, head, more);
    assert_null(find(&r, STR(HEAD), DATE, 1));
    repeats_keep(&r, &what, STR("HTTP/1.1 200 OK\r\n\r\n"), most);                  /* and nothing without a Date */
    assert_null(find(&r, STR(HEAD), DATE, 1));
    repeats_keep(&r, &what, head, most);
    assert_int_equal(find(&r, STR(HEAD), DATE, 1)->answer.n, REPEAT_ANSWER_MAX);
    what = of(c, (struct str){ zeros, REPEAT_HEAD_MAX + 1 });
    repeats_keep(&r, &what, head, STR("body"));
    assert_null(find(&r, what.head, DATE, 1));
    for (int i = 0; i < 10000; i++) {                                               /* as many slots as there are, and no more */
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        keep(&r, c, str_z(text));
        assert_non_null(find(&r, str_z(text), DATE, 1));
    }
    repeats_done(&r);
    cached_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_same_bytes_the_same_answer), cmocka_unit_test(takes_no_other_bytes),
        cmocka_unit_test(gives_no_body_that_is_not_the_present_one), cmocka_unit_test(keeps_what_comes_again), cmocka_unit_test(keeps_nothing_over_its_limits),
    };
    return RUN(tests);
}
