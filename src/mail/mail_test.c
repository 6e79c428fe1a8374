/* mail_test.c - addresses, and what goes over the wire. Sending: tests/61-mail.test.mjs, against other people's SMTP servers. */
#include "mail/message.h"

#include "base/testing.h"

static void addresses(void **state) {
    static const struct { const char *given, *want; } cases[] = {
        { "a@b.co", "a@b.co" }, { " Ann.Lee+x@Example.COM\t", "ann.lee+x@example.com" }, { "o'neil_{x}@a-b.example", "o'neil_{x}@a-b.example" },
        { "1@xn--fiqs8s.xn--fiqs8s", "1@xn--fiqs8s.xn--fiqs8s" }, { "a@1.2.c3", "a@1.2.c3" },
        { "", NULL }, { "@", NULL }, { "a@", NULL }, { "@b.co", NULL }, { "a@b", NULL }, { "a@b.", NULL }, { "a@.b.co", NULL }, { "a@b..co", NULL },
        { ".a@b.co", NULL }, { "a.@b.co", NULL }, { "a..b@b.co", NULL }, { "-oX@b.co", NULL }, { "a@-b.co", NULL }, { "a@b-.co", NULL },
        { "a b@b.co", NULL }, { "a@b.co\r\nBcc: x@y.zz", NULL }, { "a\n@b.co", NULL }, { "\"a b\"@b.co", NULL }, { "a@[127.0.0.1]", NULL },
        { "a@127.0.0.1", NULL }, { "<a@b.co>", NULL }, { "a@b.co,c@d.ef", NULL }, { "a@b@c.de", NULL }, { "\xc3\xa9@b.co", NULL }, { "a@b_c.de", NULL },
    };
    char out[MAIL_ADDRESS_MAX];
    for (size_t i = 0; i < COUNT(cases); i++) {
        int r = mail_address(str_z(cases[i].given), out, NULL);
        if (r != (cases[i].want ? 0 : ERR_EMAIL_WRONG) || (r == 0 && strcmp(out, cases[i].want) != 0))
            fail_msg("%s: %d", cases[i].given, r);
    }
    assert_int_equal(mail_address((struct str){ "a\0b@c.de", 8 }, out, NULL), ERR_EMAIL_WRONG);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 64, "@b.co", 6);
    assert_int_equal(mail_address(str_z(longest), out, NULL), 0);
    memset(longest, 'a', 65);
    memcpy(longest + 65, "@b.co", 6);
    assert_int_equal(mail_address(str_z(longest), out, NULL), ERR_EMAIL_WRONG);
}

static void nothing_can_add_a_header(void **state) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, MESSAGE_MAX);
    struct message_wire w = { .id = 1, .created_ms = 0, .from_name = "团圆照相馆\r\nBcc: a@b.co", .from = "a@b.co", .to = "c@d.ef",
                              .subject = STR("x\r\nBcc: evil@b.co\r\n\r\nbody 团圆照相馆团圆照相馆团圆照相馆团圆照相馆"), .plain = STR("\r\n.\r\nMAIL FROM:<x>\r\n"),
                              .html = STR("<p>") };
    message_wire(&w, &b);
    assert_false(b.failed);
    assert_null(strstr(b.p, "Bcc"));
    assert_null(strstr(b.p, "\r\n.\r\n"));
    assert_non_null(strstr(b.p, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: =?UTF-8?B?"));
    assert_non_null(strstr(b.p, "Message-ID: <mail_0000000000001@b.co>\r\n"));
    for (const char *line = b.p, *end; (end = strstr(line, "\r\n")); line = end + 2)
        assert_true(end - line <= 78 && !memchr(line, '\n', (size_t)(end - line)));
}

static void titles_and_links_are_escaped(void **state) {
    struct message_text t = { 0 };
    char title[300];
    memset(title, 'x', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    buf_init(&t.plain, MESSAGE_MAX);
    buf_init(&t.html, MESSAGE_MAX);
    struct mail_brand brand = { "<b>\"A&B\"", title, "red;}</style>" };
    message_write(&brand, &(struct mail_new){ MAIL_RESET, "a@b.co", "en", "https://x/?a=1&b=\"<" , false }, &t);
    check_z(t.subject, "A new password for <b>\"A&B\"");
    assert_null(strstr(t.html.p, "<b>"));
    assert_null(strstr(t.html.p, "</style>"));
    assert_non_null(strstr(t.html.p, "href=\"https://x/?a=1&amp;b=&quot;&lt;\""));
    assert_non_null(strstr(t.plain.p, "https://x/?a=1&b="));
    message_write(&brand, &(struct mail_new){ MAIL_RESET, "a@b.co", "zh", "https://x/", false }, &t);
    assert_true(strlen(t.subject) < sizeof t.subject && str_utf8(str_z(t.subject)));
    buf_done(&t.plain);
    buf_done(&t.html);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(nothing_can_add_a_header),
        cmocka_unit_test(titles_and_links_are_escaped),
    };
    return RUN(tests);
}
