/* provider_test.c - what the services' files share, with what a service should never say. */
#include "engine/provider.h"

#include <stdio.h>
#include <sys/mman.h>

#include "base/testing.h"

#define BEGUN 1800000000000

static int says;                      /* of every id; -2: no id is asked about */
static int known(void *arg, const char *id) {
    assert_int_not_equal(says, -2);
    return says;
}

static enum provider_verdict find(const struct provider_listed *list, size_t n, int known_as) {
    struct provider_job j = { .begun_ms = BEGUN, .known = known };
    struct provider_outcome o = { 0 };
    says = known_as;
    provider_find(&j, list, n, &o);
    return o.verdict;
}

static void a_lost_call_is_found_when_it_can_only_be_one(void **state) {
    json_t *a = json_string("a"), *b = json_string("b"), *number = json_integer(7);
    struct provider_listed two[] = { { a, BEGUN + 1000 }, { b, BEGUN + PROVIDER_FIND_MS + 1 } };
    assert_int_equal(find(two, 2, 0), PROVIDER_TAKEN);            /* the second is not of its time */
    assert_int_equal(find(two, 2, 1), PROVIDER_NOWHERE);
    assert_int_equal(find(two, 2, -1), PROVIDER_UNCLEAR);         /* it may be another lost one: no yes, and no no */
    assert_int_equal(find(two, 0, -2), PROVIDER_NOWHERE);
    two[1].made_ms = BEGUN - PROVIDER_FIND_SKEW_MS;
    assert_int_equal(find(two, 2, 0), PROVIDER_UNCLEAR);
    two[1].made_ms = BEGUN - PROVIDER_FIND_SKEW_MS - 1;
    assert_int_equal(find(two, 2, 0), PROVIDER_TAKEN);
    two[1].made_ms = 0;                                           /* a time as a text, or none: then nothing is sure */
    assert_int_equal(find(two, 2, 1), PROVIDER_UNCLEAR);
    two[1] = (struct provider_listed){ number, BEGUN };
    assert_int_equal(find(two, 2, 1), PROVIDER_UNCLEAR);
    json_decref(a);
    json_decref(b);
    json_decref(number);
}

static void what_an_upload_is_called_has_a_limit(void **state) {
    static char many[1 << 20];
    struct provider_input in[1] = { 0 };
    struct provider_job j = { .in = in, .n_in = 1, .a = arena_new(4096) };
    struct provider_outcome o = { 0 };
    memset(many, 'x', sizeof(many));
    assert_false(provider_take_ref(&j, (struct str){ many, sizeof(many) }, &o));
    assert_false(provider_take_ref(&j, STR(""), &o));
    assert_false(provider_take_ref(&j, STR("a\r\nb"), &o));
    assert_int_equal(o.verdict, PROVIDER_UNCLEAR);
    assert_int_equal(j.uploaded, 0);
    assert_true(provider_take_ref(&j, STR("oss://a/b.jpg"), &o));
    assert_true(o.verdict == PROVIDER_GO_ON && j.uploaded == 1 && str_eqz(in[0].ref, "oss://a/b.jpg"));
    arena_free(j.a);
}

static void pace_and_money_end_a_call_that_is_over(void **state) {
    struct provider_outcome o = { 0 };
    provider_failed(&o, PROVIDER_RATE, "slow down");
    provider_over(&o);
    assert_true(o.blame == PROVIDER_PASSING && o.err.code == ERR_UPSTREAM);
    provider_failed(&o, PROVIDER_OPERATOR, "arrears");
    provider_over(&o);
    assert_true(o.blame == PROVIDER_ELSEWHERE && o.err.code == ERR_ENGINE_FAILED);
    provider_failed(&o, PROVIDER_CONTENT, "no");
    provider_over(&o);
    assert_true(o.blame == PROVIDER_CONTENT && o.err.code == ERR_CONTENT_REFUSED);
}

static json_t *two_pictures(const struct provider_job *j, const struct provider_moment *m) {
    return json_pack("{s:[o,o,o]}", "image", provider_inline(j, 0, /* data_url= */ true, m), provider_inline(j, 1, true, m), provider_inline(j, 2, false, m));
}

static void bytes_may_be_sent_without_being_held(void **state) {
    struct provider_input in[3] = { { .type = "image/png", .bytes = 5 }, { .link = STR("https://we.example/1") }, { .type = "image/jpeg", .bytes = 0 } };
    const struct model model = { 0 };
    struct provider_job j = { .model = &model, .in = in, .n_in = 3, .a = arena_new(1 << 16) };
    struct provider_moment m = { .nonce = "00112233445566778899aabbccddeeff" };
    struct provider_call whole = { 0 }, parts = { 0 }, none = { 0 };
    struct arena *a = arena_new(1 << 20);
    struct err e;
    in[0].fd = memfd_create("in", MFD_CLOEXEC);
    in[2].fd = memfd_create("in", MFD_CLOEXEC);
    assert_int_equal(write(in[0].fd, "bytes", 5), 5);
    assert_int_equal(provider_write_body(&j, two_pictures(&j, &m), &m, a, &whole, &e), 1);
    assert_true(str_eqz(whole.body, "{\"image\":[\"data:image/png;base64,Ynl0ZXM=\",\"https://we.example/1\",\"\"]}"));
    assert_int_equal(provider_write_parts(&j, two_pictures(&j, &m), &m, a, &parts, &e), 1);
    assert_int_equal(parts.n_parts, 5);
    assert_true(str_eqz(parts.parts[0].text, "{\"image\":[\"data:image/png;base64,") && parts.parts[1].fd == in[0].fd && parts.parts[1].bytes == 5 && parts.parts[1].base64);
    assert_true(str_eqz(parts.parts[2].text, "\",\"https://we.example/1\",\"") && parts.parts[3].fd == in[2].fd && str_eqz(parts.parts[4].text, "\"]}"));
    assert_int_equal(provider_write_parts(&j, json_pack("{s:i}", "n", 1), &m, a, &none, &e), 1);
    assert_true(none.n_parts == 0 && str_eqz(none.body, "{\"n\":1}"));
    in[0].bytes = PROVIDER_BODY_MAX;
    assert_int_equal(provider_write_parts(&j, two_pictures(&j, &m), &m, a, &(struct provider_call){ 0 }, &e), ERR_BAD_INPUT);
    close(in[0].fd);
    close(in[2].fd);
    arena_free(a);
    arena_free(j.a);
}

static void what_opens_a_link_is_in_no_log(void **state) {
    struct provider_outcome o = { 0 };
    provider_failed(&o, PROVIDER_PASSING, "%s", "cannot fetch \"https://b.example/in/1.png?Expires=1&Signature=abc\", nor http://c.example/?x=1: why? http://d.example/2");
    assert_string_equal(o.err.text, "cannot fetch \"https://b.example/in/1.png?\", nor http://c.example/? why? http://d.example/2");
    provider_unclear(&o, "%s", "https://b.example/?sig=1");
    assert_string_equal(o.err.text, "https://b.example/?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_call_is_found_when_it_can_only_be_one),
        cmocka_unit_test(what_an_upload_is_called_has_a_limit),
        cmocka_unit_test(pace_and_money_end_a_call_that_is_over),
        cmocka_unit_test(bytes_may_be_sent_without_being_held),
        cmocka_unit_test(what_opens_a_link_is_in_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
