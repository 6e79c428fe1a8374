/* address_test.c - addresses as text, as blocks, and which are public. */
#include "net/address.h"

#include "base/testing.h"

static void tells_public_from_private(void **state) {
    static const char *const private[] = {
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:c0a8:101::1", "3fff::1",
    };
    static const char *const public[] = { "1.1.1.1", "8.8.8.8", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "223.255.255.255",
                                          "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8" };
    uint8_t ip[16];
    for (size_t i = 0; i < COUNT(private); i++) {
        assert_int_equal(address_parse(str_z(private[i]), ip), 0);
        if (!address_is_private(ip))
            fail_msg("%s is not public", private[i]);
    }
    for (size_t i = 0; i < COUNT(public); i++) {
        assert_int_equal(address_parse(str_z(public[i]), ip), 0);
        if (address_is_private(ip))
            fail_msg("%s is public", public[i]);
    }
}

static void reads_and_writes_text(void **state) {
    static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0x7f.1", "1.2.3.04x", "::g", "1.2.3.4 ", "[::1]", "localhost" };
    uint8_t ip[16];
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(address_parse(str_z(bad[i]), ip), ERR_BAD_INPUT);
    assert_int_equal(address_parse(STR("9.8.7.6"), ip), 0);
    address_text(ip, text);
    assert_string_equal(text, "9.8.7.6");
    assert_int_equal(address_parse(STR("2001:DB8::1"), ip), 0);
    address_text(ip, text);
    assert_string_equal(text, "2001:db8::1");
}

static void matches_blocks(void **state) {
    CLEANUP(arena_free) struct arena *a = arena_new(1 << 16);
    struct cidr *c;
    size_t n;
    struct err e;
    uint8_t ip[16];
    assert_int_equal(cidr_parse(a, " 10.0.0.0/8 ,192.168.5.5,, fd00::/9", &c, &n, &e), 0);
    assert_int_equal(n, 3);
    static const struct { const char *ip; bool in; } cases[] = { { "10.255.0.1", true }, { "11.0.0.1", false },   { "192.168.5.5", true },
                                                                 { "192.168.5.4", false }, { "fd7f::1", true }, { "fd80::1", false } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(address_parse(str_z(cases[i].ip), ip), 0);
        assert_int_equal(cidr_has(c, n, ip), cases[i].in);
    }
    assert_int_equal(cidr_parse(a, "", &c, &n, &e), 0);
    assert_int_equal(n, 0);
    check_err(cidr_parse(a, "10.0.0.0/33", &c, &n, &e), ERR_CONFIG, &e, "10.0.0.0/33");
    check_err(cidr_parse(a, "10.0.0.0/-1", &c, &n, &e), ERR_CONFIG, &e, "/-1");
    check_err(cidr_parse(a, "proxy", &c, &n, &e), ERR_CONFIG, &e, "proxy");
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(tells_public_from_private), cmocka_unit_test(reads_and_writes_text),
                                        cmocka_unit_test(matches_blocks) };
    return RUN(tests);
}
