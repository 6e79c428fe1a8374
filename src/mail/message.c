/* message.c - what a mail says, and how it looks on the wire (RFC 5322, 2045, 2047; read 2026-11). */
#include "mail/message.h"

#include <stdio.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/id.h"

#define LINE_BYTES 57                      /* 76 characters of base64 */

static const struct words { const char *name, *subject_en, *text_en, *button_en, *subject_zh, *text_zh, *button_zh; } kinds[MAIL_KIND_COUNT] = {
#define MAIL(id, ...) [MAIL_##id] = { __VA_ARGS__ },
#include "mail/kinds.def"
#undef MAIL
};

/* ---- words ---- */

static void escape(struct buf *b, const char *z) {
    for (; *z; z++)
        switch (*z) {
        case '<': buf_add_z(b, "&lt;"); break;
        case '>': buf_add_z(b, "&gt;"); break;
        case '&': buf_add_z(b, "&amp;"); break;
        case '"': buf_add_z(b, "&quot;"); break;
        default: buf_add_c(b, *z);
        }
}

/* The subject with the title in place of %s, cut between two characters. */
static void subject_of(const char *pattern, const char *title, char out[256]) {
    const char *mark = strstr(pattern, "%s");
    struct str text = { out, (size_t)snprintf(out, 256, "%.*s%s%s", (int)(mark - pattern), pattern, title, mark + 2) };
    if (text.n < 256)
        return;
    text.n = 0;
    for (size_t n; text.n < 255 && (n = str_utf8_char((struct str){ out + text.n, 255 - text.n })) > 0;)
        text.n += n;
    out[text.n] = '\0';
}

static const char *accent_of(const struct mail_brand *b) {
    const char *a = b->accent ? b->accent : "";
    return a[0] == '#' && strlen(a) == 7 && strspn(a + 1, "0123456789abcdefABCDEF") == 6 ? a : "#444444";
}

void message_write(const struct mail_brand *brand, const struct mail_new *what, struct message_text *ret) {
    const struct words *k = &kinds[what->kind];
    bool zh = strcmp(what->lang, "zh") == 0;
    const char *title = zh ? brand->title_zh : brand->title_en, *text = zh ? k->text_zh : k->text_en, *button = zh ? k->button_zh : k->button_en;
    const char *ignore = zh ? "如果您没有进行此操作，请忽略本邮件。" : "If you did not ask for this, there is nothing you need to do.";
    subject_of(zh ? k->subject_zh : k->subject_en, title, ret->subject);
    buf_printf(&ret->plain, "%s\n\n", text);
    if (button[0])
        buf_printf(&ret->plain, "%s\n\n", what->link);
    buf_printf(&ret->plain, "%s\n\n-- \n%s\n", ignore, title);

    buf_printf(&ret->html, "<!doctype html><html lang=\"%s\"><meta charset=\"utf-8\"><body style=\"margin:0;padding:24px;background:#f6f5f3;"
               "font:16px/1.6 sans-serif;color:#222\"><div style=\"max-width:480px;margin:auto;padding:24px;background:#fff;border-top:4px solid "
               "%s\"><h1 style=\"margin:0 0 16px;font-size:20px\">", zh ? "zh" : "en", accent_of(brand));
    escape(&ret->html, title);
    buf_add_z(&ret->html, "</h1><p>");
    escape(&ret->html, text);
    buf_add_z(&ret->html, "</p>");
    if (button[0]) {
        buf_printf(&ret->html, "<p><a style=\"display:inline-block;padding:10px 20px;background:%s;color:#fff;text-decoration:none;"
                   "border-radius:6px\" href=\"", accent_of(brand));
        escape(&ret->html, what->link);
        buf_add_z(&ret->html, "\">");
        escape(&ret->html, button);
        buf_add_z(&ret->html, "</a></p>");
    }
    buf_add_z(&ret->html, "<p style=\"color:#777;font-size:13px\">");
    escape(&ret->html, ignore);
    buf_add_z(&ret->html, "</p></div></body></html>\n");
}

/* ---- the wire ---- */

static void base64(struct buf *b, struct str s) {
    char *out = buf_reserve(b, sodium_base64_ENCODED_LEN(s.n, sodium_base64_VARIANT_ORIGINAL));
    if (!out)
        return;
    sodium_bin2base64(out, sodium_base64_ENCODED_LEN(s.n, sodium_base64_VARIANT_ORIGINAL), (const unsigned char *)s.p, s.n,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_commit(b, strlen(out));
}

/* Encoded words of at most 75 characters, each of whole characters. */
static void encoded(struct buf *b, struct str s) {
    for (bool first = true; s.n; first = false) {
        size_t n = 0, c;
        while (n < s.n && (c = str_utf8_char((struct str){ s.p + n, s.n - n })) > 0 && n + c <= 42)
            n += c;
        if (n == 0)
            return;                        /* not UTF-8: never of ours */
        buf_add_z(b, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        base64(b, (struct str){ s.p, n });
        buf_add_z(b, "?=");
        s = (struct str){ s.p + n, s.n - n };
    }
}

static void body_part(struct buf *b, const char *boundary, const char *type, struct str body) {
    buf_printf(b, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary, type);
    for (size_t at = 0; at < body.n; at += LINE_BYTES) {
        base64(b, (struct str){ body.p + at, body.n - at < LINE_BYTES ? body.n - at : LINE_BYTES });
        buf_add_z(b, "\r\n");
    }
}

/* "Sat, 21 Nov 2026 01:39:21 +0000": HTTP's form with the zone in numbers. */
static void date_of(int64_t ms, char out[40]) {
    char http[30];
    clock_http_date(ms, http);
    snprintf(out, 40, "%.25s +0000", http);
}

void message_wire(const struct message_wire *w, struct buf *out) {
    char id[ID_TEXT_MAX], date[40], boundary[ID_TEXT_MAX + 8];
    const char *at = strchr(w->from, '@');
    id_text(id, "mail", w->id);
    date_of(w->created_ms, date);
    snprintf(boundary, sizeof boundary, "=_%s", id);
    buf_printf(out, "Date: %s\r\nFrom: ", date);
    encoded(out, str_z(w->from_name));
    buf_printf(out, " <%s>\r\nTo: <%s>\r\nMessage-ID: <%s%s>\r\nSubject: ", w->from, w->to, id, at ? at : "@localhost");
    encoded(out, w->subject);
    buf_printf(out, "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
    body_part(out, boundary, "text/plain", w->plain);
    body_part(out, boundary, "text/html", w->html);
    buf_printf(out, "--%s--\r\n", boundary);
}
