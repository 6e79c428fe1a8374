/* link_test.c - which links open something. */
#include "engine/link.h"

#include "base/testing.h"

static const uint8_t ours[CRYPTO_KEY] = { 1 }, others[CRYPTO_KEY] = { 2 };
static const struct link_to photo = { INT64_C(0x0123456789abcdef), INT64_C(0x7edcba9876543210), 1000 };

static struct str text_of(const char *z) { return str_z(z); }

static void a_link_says_what_it_was_made_for(void **state) {
    char text[LINK_TEXT + 1], again[LINK_TEXT + 1];
    struct link_to to;
    link_make(ours, &photo, text);
    link_make(ours, &photo, again);
    assert_int_equal(strlen(text), LINK_TEXT);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), LINK_TEXT);
    assert_string_not_equal(text, again);
    assert_int_equal(link_read(ours, text_of(text), 999, &to), 0);
    assert_true(to.attempt == photo.attempt && to.asset == photo.asset && to.until_ms == photo.until_ms);
}

static void it_ends(void **state) {
    char text[LINK_TEXT + 1];
    struct link_to to = { 0 };
    link_make(ours, &photo, text);
    assert_int_equal(link_read(ours, text_of(text), 1000, &to), ERR_NOT_FOUND);
    assert_int_equal(to.asset, 0);
}

static void nobody_else_makes_one(void **state) {
    char text[LINK_TEXT + 1];
    struct link_to to;
    link_make(others, &photo, text);
    assert_int_equal(link_read(ours, text_of(text), 0, &to), ERR_NOT_FOUND);
    link_make(ours, &photo, text);
    for (size_t i = 0; i < LINK_TEXT - 1; i++) {                    /* the last character has bits that mean nothing */
        char had = text[i];
        text[i] = had == 'A' ? 'B' : 'A';
        assert_int_equal(link_read(ours, text_of(text), 0, &to), ERR_NOT_FOUND);
        text[i] = had;
    }
    assert_int_equal(link_read(ours, (struct str){ text, LINK_TEXT - 1 }, 0, &to), ERR_NOT_FOUND);
    assert_int_equal(link_read(ours, STR_NULL, 0, &to), ERR_NOT_FOUND);
    assert_int_equal(link_read(ours, text_of(text), 0, &to), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_says_what_it_was_made_for),
        cmocka_unit_test(it_ends),
        cmocka_unit_test(nobody_else_makes_one),
    };
    struct err e;
    return crypto_setup(&e) < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
