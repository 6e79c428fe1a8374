/*
 * smtp.c - one mail to the SMTP server, by libcurl 7.88.
 * Quirk: libcurl reports a refused command by the code of its answer in CURLINFO_RESPONSE_CODE, and a connection that breaks while it waits for
 * the answer to the message as an error with the code of the answer before (354).
 */
#include <curl/curl.h>
#include <stdio.h>

#include "mail/internal.h"

#define CONNECT_MS 10000L
#define TOTAL_MS   60000L

struct reading { struct str rest; bool all; };

static size_t give(char *to, size_t size, size_t n, void *arg) {
    struct reading *r = arg;
    size_t k = size * n < r->rest.n ? size * n : r->rest.n;
    if (k)
        memcpy(to, r->rest.p, k);
    r->rest = (struct str){ r->rest.p + k, r->rest.n - k };
    r->all |= k == 0;
    return k;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct mail *m = arg;
    return atomic_load(&m->stopping);
}

static enum smtp_end judge(CURLcode code, long answer, bool all_given) {
    if (code == CURLE_OK)
        return SMTP_SENT;
    if (code == CURLE_LOGIN_DENIED)
        return SMTP_AGAIN;
    if (answer >= 500 && answer < 600)
        return SMTP_NEVER;
    return all_given && (answer == 354 || answer == 0) ? SMTP_UNKNOWN : SMTP_AGAIN;
}

enum smtp_end smtp_send(struct mail *m, const char *to, struct str message, char why[200]) {
    char text[CURL_ERROR_SIZE] = "", rcpt[MAIL_ADDRESS_MAX + 2], from[MAIL_ADDRESS_MAX + 2];
    struct reading r = { .rest = message };
    CURL *c = curl_easy_init();
    if (!c)
        abort();
    snprintf(from, sizeof from, "<%s>", m->from);
    snprintf(rcpt, sizeof rcpt, "<%s>", to);
    struct curl_slist *list = curl_slist_append(NULL, rcpt);
    curl_easy_setopt(c, CURLOPT_URL, m->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    curl_easy_setopt(c, CURLOPT_USE_SSL, (long)(m->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (m->ca_file[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, m->ca_file);
    if (m->user[0]) {
        curl_easy_setopt(c, CURLOPT_USERNAME, m->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, m->password);
    }
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, list);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(c, CURLOPT_READDATA, &r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, m);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform(c);
    long answer = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answer);
    snprintf(why, 200, "%.150s (answer %ld)", text[0] ? text : curl_easy_strerror(code), answer);
    curl_slist_free_all(list);
    curl_easy_cleanup(c);
    return judge(code, answer, r.all);
}
