/* provider.c - what the services' files share; see provider.h. */
#include "engine/provider.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"

#define REF_MAX    1000
#define NUMBER_MAX INT64_C(1000000000000000)
#define FIELDS_MAX (32 * 1024)        /* bytes of the fields in front of an uploaded file */

const char *const provider_step_names[] = { "upload", "submit", "poll", "fetch", "find", "cancel" };
_Static_assert(COUNT(provider_step_names) == PROVIDER_STEP_COUNT, "a name each");

void provider_header(struct provider_call *c, struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    http_add_header(c->headers, PROVIDER_HEADERS_MAX, a, fmt, ap);
    va_end(ap);
}

/* Who has a signed link has what it names; so in what a service says about one, its question mark is the end of it. */
static void hide_queries(char *text) {
    static const char ends[] = " \t\r\n\"'<>()[]{},;";
    char *to = text;
    for (const char *p = text; *p;) {
        size_t n = strncmp(p, "http://", 7) == 0 || strncmp(p, "https://", 8) == 0 ? strcspn(p, ends) : 1;
        const char *query = n > 1 ? memchr(p, '?', n) : NULL;
        size_t kept = query ? (size_t)(query - p) + 1 : n;
        memmove(to, p, kept);
        to += kept;
        p += n;
    }
    *to = '\0';
}

void provider_failed(struct provider_outcome *o, enum provider_blame blame, const char *fmt, ...) {
    static const int codes[] = {
        [PROVIDER_PASSING] = ERR_UPSTREAM, [PROVIDER_RATE] = ERR_BUSY, [PROVIDER_INPUT] = ERR_ENGINE_REFUSED,
        [PROVIDER_CONTENT] = ERR_CONTENT_REFUSED, [PROVIDER_ELSEWHERE] = ERR_ENGINE_FAILED, [PROVIDER_OPERATOR] = ERR_BUSY,
        [PROVIDER_MODEL] = ERR_BUSY, [PROVIDER_OURS] = ERR_ENGINE_FAILED,
    };
    va_list ap;
    o->verdict = PROVIDER_FAILED;
    o->blame = blame;
    o->err.code = codes[blame];
    va_start(ap, fmt);
    vsnprintf(o->err.text, sizeof(o->err.text), fmt, ap);
    va_end(ap);
    hide_queries(o->err.text);
}

void provider_unclear(struct provider_outcome *o, const char *fmt, ...) {
    va_list ap;
    o->verdict = PROVIDER_UNCLEAR;
    o->err.code = ERR_UNCERTAIN;
    va_start(ap, fmt);
    vsnprintf(o->err.text, sizeof(o->err.text), fmt, ap);
    va_end(ap);
    hide_queries(o->err.text);
}

int64_t provider_retry_after(const struct provider_said *said, int64_t now_ms) {
    struct str v = said->header(said->from, "Retry-After");
    int64_t s;
    char text[64];
    if (!v.p || v.n >= sizeof(text))
        return -1;
    if (str_int(v, 0, 86400, &s) == 0)
        return 1000 * s;
    snprintf(text, sizeof(text), "%.*s", STR_ARG(v));
    time_t at = curl_getdate(text, NULL);
    if (at == (time_t)-1)
        return -1;
    int64_t ms = (int64_t)at * 1000 - now_ms;
    return ms < 0 ? 0 : ms < 86400000 ? ms : 86400000;
}

bool provider_status(const struct provider_said *said, struct provider_outcome *o) {
    if (said->status == 429) {
        provider_failed(o, PROVIDER_RATE, "too many requests (429)");
        return true;
    }
    if (said->status >= 500 || said->status == 408) {
        provider_unclear(o, "in trouble (%d)", said->status);
        return true;
    }
    if (said->status < 200 || (said->status >= 300 && said->status < 400)) {
        provider_failed(o, PROVIDER_OURS, "answered %d, which is nothing it says: is its address in the settings right?", said->status);
        return true;
    }
    return false;
}

json_t *provider_json(const struct provider_said *said, struct provider_outcome *o) {
    json_t *j = NULL;
    if (json_read(said->body, &j, NULL) < 0 || !json_is_object(j)) {
        json_decref(j);
        provider_unclear(o, "an answer (%d) that is no JSON object", said->status);
        return NULL;
    }
    return j;
}

static bool is_printable(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)s[i]))
            return false;
    return true;
}

bool provider_take_id(struct provider_job *j, const json_t *id, struct provider_outcome *o) {
    size_t n = json_string_length(id);
    if (!json_is_string(id) || n == 0 || n > PROVIDER_ID_MAX || !is_printable(json_string_value(id), n)) {
        provider_unclear(o, "an answer without an id");
        return false;
    }
    memcpy(j->id, json_string_value(id), n + 1);
    o->verdict = PROVIDER_TAKEN;
    return true;
}

int provider_notice_id(struct str id, struct provider_notice *ret, struct err *e) {
    if (id.n == 0 || id.n > PROVIDER_ID_MAX || !is_printable(id.p, id.n))
        return err_set(e, ERR_ENGINE_NOTICE, "it names no call");
    memcpy(ret->id, id.p, id.n);
    return 0;
}

bool provider_take_ref(struct provider_job *j, struct str ref, struct provider_outcome *o) {
    if (ref.n == 0 || ref.n > REF_MAX || !is_printable(ref.p, ref.n)) {
        provider_unclear(o, "an upload without a name");
        return false;
    }
    j->in[j->uploaded++].ref = arena_str(j->a, ref);
    o->verdict = PROVIDER_GO_ON;
    return true;
}

void provider_over(struct provider_outcome *o) {
    if (o->verdict != PROVIDER_FAILED || (o->blame != PROVIDER_RATE && o->blame != PROVIDER_OPERATOR && o->blame != PROVIDER_MODEL))
        return;
    bool rate = o->blame == PROVIDER_RATE;
    o->blame = rate ? PROVIDER_PASSING : PROVIDER_ELSEWHERE;
    o->err.code = rate ? ERR_UPSTREAM : ERR_ENGINE_FAILED;
}

bool provider_take_result(struct provider_job *j, const json_t *link, struct provider_outcome *o) {
    size_t n = json_string_length(link);
    struct str url = { json_string_value(link), n };
    if (!json_is_string(link) || n == 0 || n > 2000 || !is_printable(url.p, n) || !(str_starts(url, STR("https://")) || str_starts(url, STR("http://")))) {
        provider_unclear(o, "a result without a link");
        return false;
    }
    j->result = arena_str(j->a, url);
    o->verdict = PROVIDER_READY;
    return true;
}

const char *provider_text(const json_t *obj, const char *key) {
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : "";
}

int64_t provider_number(const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    if (json_is_string(v) && str_int(str_z(json_string_value(v)), 0, NUMBER_MAX, &n) < 0)
        return -1;
    return n >= 0 && n <= NUMBER_MAX ? n : -1;
}

enum provider_blame provider_blame_of(const struct provider_code *codes, size_t n, const char *code, enum provider_blame otherwise) {
    for (size_t i = 0; i < n; i++)
        if (str_starts(str_z(code), str_z(codes[i].begins)))
            return codes[i].blame;
    return otherwise;
}

int provider_post_file(const char *url, const struct provider_field *fields, size_t n, const struct provider_input *in, const struct provider_moment *m,
                       struct arena *a, struct provider_call *c, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, FIELDS_MAX);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", m->nonce, fields[i].name, fields[i].value);
    buf_printf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"input\"\r\nContent-Type: %s\r\n\r\n", m->nonce, in->type);
    if (b.failed)
        return err_set(e, ERR_ENGINE_FAILED, "fields of an upload of over %d KB", FIELDS_MAX >> 10);
    c->method = "POST";
    c->url = arena_str(a, str_z(url));
    provider_header(c, a, "Content-Type: multipart/form-data; boundary=%s", m->nonce);
    c->parts[c->n_parts++] = (struct http_part){ .text = arena_str(a, buf_str(&b)) };
    c->parts[c->n_parts++] = (struct http_part){ .fd = in->fd, .bytes = in->bytes };
    c->parts[c->n_parts++] = (struct http_part){ .text = arena_printf(a, "\r\n--%s--\r\n", m->nonce) };
    return 1;
}

static void merge(json_t *to, json_t *from) {
    const char *key;
    json_t *value;
    json_object_foreach(from, key, value) {
        json_t *there = json_object_get(to, key);
        if (json_is_object(there) && json_is_object(value))
            merge(there, value);
        else if (json_object_set(to, key, value) < 0)
            abort();
    }
}

static json_t *provider_body(const struct provider_job *j, json_t *ours) {
    if (!j->model->body)
        return ours;
    json_t *all = json_deep_copy(j->model->body);
    if (!all)
        abort();
    merge(all, ours);
    json_decref(ours);
    return all;
}

/* Stands for an input's bytes until the JSON is text; nobody else can write the nonce. */
static struct str marker(size_t i, const struct provider_moment *m, char out[48]) {
    int n = snprintf(out, 48, "in:%s:%zu;", m->nonce, i);
    return (struct str){ out, (size_t)n };
}

json_t *provider_inline(const struct provider_job *j, size_t i, bool data_url, const struct provider_moment *m) {
    const struct provider_input *in = &j->in[i];
    struct str at = in->ref.n ? in->ref : in->link;
    char mark[48];
    marker(i, m, mark);
    return at.n ? json_stringn(at.p, at.n) : data_url ? json_sprintf("data:%s;base64,%s", in->type, mark) : json_string(mark);
}

static int add_base64(const struct provider_input *in, struct buf *out, struct err *e) {
    enum { GROUPS = 4096 };
    char raw[3 * GROUPS], text[4 * GROUPS + 1];
    for (int64_t at = 0; at < in->bytes;) {
        size_t want = in->bytes - at < (int64_t)sizeof(raw) ? (size_t)(in->bytes - at) : sizeof(raw);
        ssize_t n = pread(in->fd, raw, want, at);
        if (n != (ssize_t)want)
            return n < 0 ? err_sys(e, ERR_IO, "cannot read an input") : err_set(e, ERR_IO, "an input ended early");
        buf_add(out, text, base64_encode(raw, want, text));
        at += n;
    }
    return 0;
}

/* The text with the inputs in their places. */
static int fill_in(const struct provider_job *j, struct str text, const struct provider_moment *m, struct buf *out, struct err *e) {
    char mark[48];
    for (size_t i = 0; i < j->n_in; i++) {
        struct str what = marker(i, m, mark);
        const char *at = memmem(text.p, text.n, what.p, what.n);
        if (!at)
            continue;
        buf_add(out, text.p, (size_t)(at - text.p));
        int r = add_base64(&j->in[i], out, e);
        if (r < 0)
            return r;
        text.n -= (size_t)(at - text.p) + what.n;
        text.p = at + what.n;
    }
    buf_add_str(out, text);
    return out->failed ? err_set(e, ERR_BAD_INPUT, "a request of more than %u MB", PROVIDER_BODY_MAX >> 20) : 0;
}

/* With marks instead of the inputs' bytes. */
static int write_text(const struct provider_job *j, json_t *ours, struct arena *a, struct str *ret, struct err *e) {
    json_t *all = ours ? provider_body(j, ours) : NULL;
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;
    char *p = text ? arena_try(a, n + 1) : NULL;
    json_decref(all);
    if (p)
        memcpy(p, text, n + 1);
    free(text);
    *ret = (struct str){ p, n };
    return p ? 0 : err_set(e, ERR_BAD_INPUT, "a request that cannot be written as JSON, or of more than %u MB", PROVIDER_BODY_MAX >> 20);
}

int provider_write_body(const struct provider_job *j, json_t *ours, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    struct str text;
    BUF_CLEANUP struct buf b;
    buf_init(&b, PROVIDER_BODY_MAX);
    int r = write_text(j, ours, a, &text, e);
    if (r < 0 || (r = fill_in(j, text, m, &b, e)) < 0)
        return r;
    char *p = arena_try(a, b.n + 1);
    if (!p)
        return err_set(e, ERR_BAD_INPUT, "a request of more than %u MB", PROVIDER_BODY_MAX >> 20);
    memcpy(p, b.p, b.n);
    c->body = (struct str){ p, b.n };
    return 1;
}

int provider_write_parts(const struct provider_job *j, json_t *ours, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    struct str text;
    int r = write_text(j, ours, a, &text, e);
    int64_t bytes = (int64_t)text.n;
    for (size_t i = 0; r >= 0 && i < j->n_in; i++) {
        char mark[48];
        struct str what = marker(i, m, mark);
        const char *at = memmem(text.p, text.n, what.p, what.n);
        if (!at)
            continue;
        size_t before = (size_t)(at - text.p);
        bytes += (j->in[i].bytes + 2) / 3 * 4;
        c->parts[c->n_parts++] = (struct http_part){ .text = { text.p, before } };
        c->parts[c->n_parts++] = (struct http_part){ .fd = j->in[i].fd, .bytes = j->in[i].bytes, .base64 = true };
        text = (struct str){ at + what.n, text.n - before - what.n };
    }
    if (r < 0)
        return r;
    if (bytes > PROVIDER_BODY_MAX)
        return err_set(e, ERR_BAD_INPUT, "a request of more than %u MB", PROVIDER_BODY_MAX >> 20);
    if (c->n_parts)
        c->parts[c->n_parts++] = (struct http_part){ .text = text };
    else
        c->body = text;
    return 1;
}
_Static_assert(2 * ENGINE_FDS_MAX + 1 <= PROVIDER_PARTS_MAX, "a part for each input and for what is around it");

json_t *provider_named(const struct provider_job *j, struct err *e) {
    json_t *all = json_object();
    for (size_t i = 0; i < j->n_in; i++) {
        const struct provider_input *in = &j->in[i];
        struct str at = in->ref.n ? in->ref : in->link;
        const char *name = provider_text(j->model->names, arena_strz(j->a, in->role));
        if (!name[0])
            continue;
        if (!at.n) {
            json_decref(all);
            err_set(e, ERR_ENGINE_FAILED, "nobody outside can fetch an input from here (public_url)");
            return NULL;
        }
        json_object_set_new(all, name, json_stringn(at.p, at.n));
    }
    const char *ours;
    json_t *theirs;
    json_object_foreach(j->model->names, ours, theirs)
        if (json_object_get(j->params, ours))
            json_object_set(all, json_string_value(theirs) ? json_string_value(theirs) : ours, json_object_get(j->params, ours));
    return all;
}

void provider_find(struct provider_job *j, const struct provider_listed *list, size_t n, struct provider_outcome *o) {
    const json_t *found = NULL;
    size_t fit = 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(list[i].id);
        if (!id || list[i].made_ms <= 0) {
            provider_unclear(o, "a list of calls without ids or times");
            return;
        }
        if (list[i].made_ms < j->begun_ms - PROVIDER_FIND_SKEW_MS || list[i].made_ms > j->begun_ms + PROVIDER_FIND_MS)
            continue;
        int known = j->known(j->known_arg, id);
        if (known > 0)
            continue;
        if (known < 0) {
            provider_unclear(o, "a call over there may be this one, or another that is lost");
            return;
        }
        found = list[i].id;
        fit++;
    }
    if (fit == 0)
        o->verdict = PROVIDER_NOWHERE;
    else if (fit == 1)
        provider_take_id(j, found, o);
    else
        provider_unclear(o, "%zu calls over there may be this one", fit);
}

void provider_find_on_page(struct provider_job *j, const json_t *list, size_t page_max, provider_read_listed *read, struct arena *a, struct provider_outcome *o) {
    size_t n = json_array_size(list), kept = 0;
    struct provider_listed last = { 0 };
    if (!json_is_array(list) || n > page_max) {
        provider_unclear(o, "a list of calls that is none");
        return;
    }
    struct provider_listed *calls = ARENA_ARRAY(a, struct provider_listed, n + 1);
    for (size_t i = 0; i < n; i++)
        if (read(j, json_array_get(list, i), &last))
            calls[kept++] = last;
    if (n == page_max && last.made_ms > j->begun_ms - PROVIDER_FIND_SKEW_MS)
        provider_unclear(o, "too many calls since");
    else
        provider_find(j, calls, kept, o);
}

int64_t provider_rfc3339(const char *text) {
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return 0;
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    if (*rest == '.')
        for (int i = 1, unit = 100; i <= 3 && isdigit((unsigned char)rest[i]); i++, unit /= 10)
            ms += (rest[i] - '0') * unit;
    return ms;
}

const struct provider_input *provider_input_of(const struct provider_job *j, const char *role) {
    for (size_t i = 0; i < j->n_in; i++)
        if (str_eqz(j->in[i].role, role))
            return &j->in[i];
    return NULL;
}
