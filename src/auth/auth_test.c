/* auth_test.c - tokens, and which requests count as our own pages'. Sessions and rights: tests/20-api.test.mjs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/auth.h"
#include "base/crypto.h"

static void tokens_are_43_characters_and_differ(void **state) {
    char a[AUTH_TOKEN_MAX], b[AUTH_TOKEN_MAX];
    auth_token_new(a);
    auth_token_new(b);
    assert_int_equal(strlen(a), AUTH_TOKEN_MAX - 1);
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), AUTH_TOKEN_MAX - 1);
}

static void only_our_own_pages_may_act_with_a_cookie(void **state) {
    static const struct { const char *site, *origin, *host; bool unknown, want; } cases[] = {
        { "same-origin", NULL, "a.example", false, true },
        { "same-site", NULL, "a.example", false, false },
        { "cross-site", "https://a.example", "a.example", true, false },     /* the browser knows better than a header */
        { "none", NULL, "a.example", true, false },
        { NULL, "https://a.example", "a.example", false, true },
        { NULL, "http://a.example:8080", "a.example:8080", false, true },
        { NULL, "https://A.Example", "a.example", false, true },
        { NULL, "https://b.example", "a.example", true, false },
        { NULL, "https://a.example.evil.example", "a.example", true, false },
        { NULL, "null", "a.example", true, false },
        { NULL, NULL, "a.example", false, false },
        { NULL, NULL, "a.example", true, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (auth_same_origin(str_z(cases[i].site), str_z(cases[i].origin), str_z(cases[i].host), cases[i].unknown) != cases[i].want)
            fail_msg("case %zu", i);
}

static int setup(void **state) { return crypto_setup(NULL); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_43_characters_and_differ),
        cmocka_unit_test(only_our_own_pages_may_act_with_a_cookie),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
