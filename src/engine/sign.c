/*
 * sign.c - what the four ways have in common is one canonical request: method, path, query, headers in order, their names, the body's hash.
 * They differ in the headers, in how the key comes out of the secret (Volcengine and Tencent: one HMAC for each part of the scope), and in
 * commas. Aliyun's RPC style is older: it signs a list of parameters.
 */
#include "engine/sign.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/digest.h"

#define MOMENT_MAX INT64_C(253402300799999)     /* ms: the end of the year 9999 */
#define COMMON_MAX 10                           /* parameters that we add ourselves */

/* ---- the fields ---- */
enum { HOST = 1 << 0, PATH = 1 << 1, CONTENT_TYPE = 1 << 2, SERVICE = 1 << 3, REGION = 1 << 4, ACTION = 1 << 5, VERSION = 1 << 6, NONCE = 1 << 7, KEY = 1 << 8 };
#define FIELD(name, bit) { #name, offsetof(struct sign_request, name), bit }
static const struct { const char *name; size_t at; unsigned bit; } fields[] = {
    FIELD(host, HOST), FIELD(path, PATH), FIELD(content_type, CONTENT_TYPE), FIELD(service, SERVICE), FIELD(region, REGION), FIELD(action, ACTION),
    FIELD(version, VERSION), FIELD(nonce, NONCE), FIELD(key.id, KEY), FIELD(key.secret, KEY), FIELD(key.session, 0),
};

/* What signers trim or fold is refused, so that nobody has to. */
static bool is_text(struct str s, bool spaces) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~' || (s.p[i] == ' ' && (!spaces || i == 0 || i + 1 == s.n || s.p[i + 1] == ' ')))
            return false;
    return s.n <= SIGN_FIELD_MAX;
}

/* needed: fields that must not be empty. */
static int check(const struct sign_request *q, unsigned needed, struct err *e) {
    size_t method_n = strspn(q->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (method_n == 0 || q->method[method_n])
        return err_set(e, ERR_BAD_INPUT, "method: capitals");
    if (q->now_ms < 0 || q->now_ms > MOMENT_MAX)
        return err_set(e, ERR_BAD_INPUT, "now_ms: 0 to the year 9999");
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct str s;
        memcpy(&s, (const char *)q + fields[i].at, sizeof(s));
        if (!is_text(s, fields[i].bit == CONTENT_TYPE) || (s.n == 0 && (fields[i].bit & needed)))
            return err_set(e, ERR_BAD_INPUT, "%s: %s", fields[i].name, s.n ? "characters that cannot be signed, or too many" : "missing");
    }
    if ((needed & PATH) && q->path.p[0] != '/')
        return err_set(e, ERR_BAD_INPUT, "path: begins with a slash");
    if (memchr(q->service.n ? q->service.p : "", '/', q->service.n) || memchr(q->region.n ? q->region.p : "", '/', q->region.n))
        return err_set(e, ERR_BAD_INPUT, "service, region: no slash");
    return 0;
}

static int too_big(struct err *e) { return err_set(e, ERR_TOO_BIG, "a request of more than %zu bytes to sign", SIGN_TEXT_MAX); }

/* Copies into the arena, with NUL behind. */
static int keep(struct arena *a, const struct buf *b, struct str *ret, struct err *e) {
    char *p = b->failed ? NULL : arena_try(a, b->n + 1);
    if (!p)
        return too_big(e);
    if (b->n)
        memcpy(p, b->p, b->n);
    *ret = (struct str){ p, b->n };
    return 0;
}

/* ---- time ---- */
struct moment {
    char day[9], date[11];           /* "20260115", "2026-01-15" */
    char basic[17], extended[21];    /* "20260115T083000Z", "2026-01-15T08:30:00Z" */
};

static void moment_of(int64_t ms, struct moment *ret) {
    char t[25];
    clock_rfc3339(ms, t);
    snprintf(ret->day, sizeof(ret->day), "%.4s%.2s%.2s", t, t + 5, t + 8);
    snprintf(ret->date, sizeof(ret->date), "%.10s", t);
    snprintf(ret->basic, sizeof(ret->basic), "%sT%.2s%.2s%.2sZ", ret->day, t + 11, t + 14, t + 17);
    snprintf(ret->extended, sizeof(ret->extended), "%.19sZ", t);
}

/* ---- pairs ---- */
struct pairs {
    struct sign_pair of[SIGN_PAIRS_MAX + COMMON_MAX];
    size_t           n;
};

static void add(struct pairs *p, const char *name, struct str value) { p->of[p->n++] = (struct sign_pair){ str_z(name), value }; }

static int by_name(const void *a, const void *b) { return str_cmp(((const struct sign_pair *)a)->name, ((const struct sign_pair *)b)->name); }

/* Puts those of the request to our own, and all in order. */
static int gather(const struct sign_request *q, struct pairs *p, struct err *e) {
    if (q->n_query > SIGN_PAIRS_MAX)
        return err_set(e, ERR_BAD_INPUT, "query: more than %d pairs", SIGN_PAIRS_MAX);
    for (size_t i = 0; i < q->n_query; i++)
        p->of[p->n++] = q->query[i];
    qsort(p->of, p->n, sizeof(p->of[0]), by_name);
    for (size_t i = 0; i < p->n; i++)
        if (p->of[i].name.n == 0 || (i && str_eq(p->of[i - 1].name, p->of[i].name)))
            return err_set(e, ERR_BAD_INPUT, "query: a name that is empty, twice, or ours to say");
    return 0;
}

static void write_pairs(struct buf *b, const struct pairs *p) {
    for (size_t i = 0; i < p->n && !b->failed; i++) {
        if (i)
            buf_add_c(b, '&');
        buf_add_percent(b, p->of[i].name);
        buf_add_c(b, '=');
        buf_add_percent(b, p->of[i].value);
    }
}

/* ---- headers and their signature ---- */
struct header {
    const char *name;
    struct str  value;
    bool        is_signed, lower;    /* lower: its value stands in small letters in what is signed */
};
struct headers {
    struct header of[SIGN_HEADERS_MAX];
    size_t        n;
};

/* The signed ones come in the order of their names in small letters. An empty value: no such header. */
static void header(struct headers *h, const char *name, struct str value, bool is_signed) {
    if (value.n)
        h->of[h->n++] = (struct header){ .name = name, .value = value, .is_signed = is_signed };
}

static void add_lower(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.n; i++)
        buf_add_c(b, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]));
}

/* "a;b;c" */
static void write_names(struct buf *b, const struct headers *h) {
    for (size_t i = 0, n = 0; i < h->n; i++) {
        if (!h->of[i].is_signed)
            continue;
        if (n++)
            buf_add_c(b, ';');
        add_lower(b, str_z(h->of[i].name));
    }
}

static int canonical(const struct sign_request *q, const struct headers *h, const char *body_hash, struct arena *a, struct sign_result *ret, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, SIGN_TEXT_MAX);
    buf_printf(&b, "%s\n%.*s\n%.*s\n", q->method, STR_ARG(q->path), STR_ARG(ret->query));
    for (size_t i = 0; i < h->n; i++) {
        if (!h->of[i].is_signed)
            continue;
        add_lower(&b, str_z(h->of[i].name));
        buf_add_c(&b, ':');
        if (h->of[i].lower)
            add_lower(&b, h->of[i].value);
        else
            buf_add_str(&b, h->of[i].value);
        buf_add_c(&b, '\n');
    }
    buf_add_c(&b, '\n');
    write_names(&b, h);
    buf_printf(&b, "\n%s", body_hash);
    return keep(a, &b, &ret->canonical, e);
}

struct scheme { const char *algorithm, *prefix, *comma; };      /* prefix: in front of the secret */

/* The signature in hex. A key for each part of the scope, each out of the one before; without a scope the secret is the key. */
static int seal(const struct sign_request *q, const struct scheme *s, struct str scope, const struct buf *text, char hex[SHA256_HEX + 1], struct err *e) {
    char secret[SIGN_FIELD_MAX + 8];
    uint8_t key[DIGEST_SHA256], next[DIGEST_SHA256];
    size_t secret_n = (size_t)snprintf(secret, sizeof(secret), "%s%.*s", s->prefix, STR_ARG(q->key.secret));
    const void *with = secret;
    size_t with_n = secret_n;
    bool ok = !text->failed;
    while (ok && scope.n) {
        struct str part = str_cut(&scope, '/');
        ok = digest_hmac_sha256(with, with_n, part.p, part.n, next);
        memcpy(key, next, sizeof(key));
        with = key;
        with_n = sizeof(key);
    }
    ok = ok && digest_hmac_sha256(with, with_n, text->p, text->n, next);
    if (ok)
        hex_encode(next, sizeof(next), hex);
    crypto_wipe(secret, sizeof(secret));
    crypto_wipe(key, sizeof(key));
    crypto_wipe(next, sizeof(next));
    return ok ? 0 : err_set(e, ERR_INTERNAL, "no memory to sign with");
}

/* Signs, and writes all headers as lines. when: the moment as the scheme writes it; "" for one without a scope. */
static int finish(const struct sign_request *q, const struct scheme *s, struct headers *h, const char *body_hash, struct str when, struct str scope,
                  struct arena *a, struct sign_result *ret, struct err *e) {
    BUF_CLEANUP struct buf b = { 0 };
    struct str authorization, line;
    char hash[SHA256_HEX + 1], signature[SHA256_HEX + 1];
    int r = canonical(q, h, body_hash, a, ret, e);
    if (r < 0)
        return r;
    sha256_hex(ret->canonical.p, ret->canonical.n, hash);
    buf_init(&b, 8 * SIGN_FIELD_MAX);
    buf_printf(&b, "%s\n", s->algorithm);
    if (scope.n)
        buf_printf(&b, "%.*s\n%.*s\n", STR_ARG(when), STR_ARG(scope));
    buf_add_z(&b, hash);
    r = seal(q, s, scope, &b, signature, e);
    if (r < 0)
        return r;
    buf_reset(&b);
    buf_printf(&b, "%s Credential=%.*s%s%.*s%sSignedHeaders=", s->algorithm, STR_ARG(q->key.id), scope.n ? "/" : "", STR_ARG(scope), s->comma);
    write_names(&b, h);
    buf_printf(&b, "%sSignature=%s", s->comma, signature);
    r = keep(a, &b, &authorization, e);
    if (r < 0)
        return r;
    header(h, "Authorization", authorization, false);
    for (size_t i = 0; i < h->n; i++) {
        buf_reset(&b);
        buf_printf(&b, "%s: %.*s", h->of[i].name, STR_ARG(h->of[i].value));
        r = keep(a, &b, &line, e);
        if (r < 0)
            return r;
        ret->headers[i] = line.p;
    }
    return 0;
}

/* The query of a request whose action stands in a header, or in `p`. */
static int write_query(const struct sign_request *q, struct pairs *p, struct arena *a, struct sign_result *ret, struct err *e) {
    BUF_CLEANUP struct buf b;
    *ret = (struct sign_result){ 0 };
    buf_init(&b, SIGN_TEXT_MAX);
    int r = gather(q, p, e);
    if (r < 0)
        return r;
    write_pairs(&b, p);
    return keep(a, &b, &ret->query, e);
}

int sign_volcengine(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e) {
    static const struct scheme scheme = { "HMAC-SHA256", "", ", " };
    char body_hash[SHA256_HEX + 1], scope[2 * SIGN_FIELD_MAX + 32];
    struct moment at;
    struct headers h = { 0 };
    struct pairs p = { 0 };
    int r = check(q, HOST | PATH | SERVICE | REGION | ACTION | VERSION | KEY, e);
    if (r < 0)
        return r;
    add(&p, "Action", q->action);
    add(&p, "Version", q->version);
    r = write_query(q, &p, a, ret, e);
    if (r < 0)
        return r;
    sha256_hex(q->body.p, q->body.n, body_hash);
    moment_of(q->now_ms, &at);
    snprintf(scope, sizeof(scope), "%s/%.*s/%.*s/request", at.day, STR_ARG(q->region), STR_ARG(q->service));
    header(&h, "Content-Type", q->content_type, q->wide);
    header(&h, "Host", q->host, true);
    header(&h, "X-Content-Sha256", str_z(body_hash), true);
    header(&h, "X-Date", str_z(at.basic), true);
    header(&h, "X-Security-Token", q->key.session, true);
    return finish(q, &scheme, &h, body_hash, str_z(at.basic), str_z(scope), a, ret, e);
}

int sign_acs3(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e) {
    static const struct scheme scheme = { "ACS3-HMAC-SHA256", "", "," };
    char body_hash[SHA256_HEX + 1];
    struct moment at;
    struct headers h = { 0 };
    struct pairs p = { 0 };
    int r = check(q, HOST | PATH | ACTION | VERSION | NONCE | KEY, e);
    if (r >= 0)
        r = write_query(q, &p, a, ret, e);
    if (r < 0)
        return r;
    sha256_hex(q->body.p, q->body.n, body_hash);
    moment_of(q->now_ms, &at);
    header(&h, "Content-Type", q->content_type, true);
    header(&h, "Host", q->host, true);
    header(&h, "x-acs-action", q->action, true);
    header(&h, "x-acs-content-sha256", str_z(body_hash), true);
    header(&h, "x-acs-date", str_z(at.extended), true);
    header(&h, "x-acs-security-token", q->key.session, true);
    header(&h, "x-acs-signature-nonce", q->nonce, true);
    header(&h, "x-acs-version", q->version, true);
    return finish(q, &scheme, &h, body_hash, STR(""), STR(""), a, ret, e);
}

int sign_tc3(const struct sign_request *q, struct arena *a, struct sign_result *ret, struct err *e) {
    static const struct scheme scheme = { "TC3-HMAC-SHA256", "TC3", ", " };
    char body_hash[SHA256_HEX + 1], scope[SIGN_FIELD_MAX + 32], seconds[24];
    struct moment at;
    struct headers h = { 0 };
    struct pairs p = { 0 };
    int r = check(q, HOST | PATH | CONTENT_TYPE | SERVICE | ACTION | VERSION | KEY, e);
    if (r >= 0)
        r = write_query(q, &p, a, ret, e);
    if (r < 0)
        return r;
    sha256_hex(q->body.p, q->body.n, body_hash);
    moment_of(q->now_ms, &at);
    snprintf(seconds, sizeof(seconds), "%" PRId64, q->now_ms / 1000);
    snprintf(scope, sizeof(scope), "%s/%.*s/tc3_request", at.date, STR_ARG(q->service));
    header(&h, "Content-Type", q->content_type, true);
    header(&h, "Host", q->host, true);
    header(&h, "X-TC-Action", q->action, q->wide);
    h.of[h.n - 1].lower = true;
    header(&h, "X-TC-Version", q->version, false);
    header(&h, "X-TC-Timestamp", str_z(seconds), false);
    header(&h, "X-TC-Region", q->region, false);
    header(&h, "X-TC-Token", q->key.session, false);
    return finish(q, &scheme, &h, body_hash, str_z(seconds), str_z(scope), a, ret, e);
}

/* ---- Aliyun RPC ---- */
static bool has(const struct sign_request *q, const char *name) {
    for (size_t i = 0; i < q->n_query; i++)
        if (str_eqz(q->query[i].name, name))
            return true;
    return false;
}

/* The common parameters but Signature. */
static void add_common(const struct sign_request *q, const struct moment *at, struct pairs *p) {
    if (!has(q, "Format"))
        add(p, "Format", STR("JSON"));
    add(p, "AccessKeyId", q->key.id);
    add(p, "Action", q->action);
    if (q->region.n)
        add(p, "RegionId", q->region);
    if (q->key.session.n)
        add(p, "SecurityToken", q->key.session);
    add(p, "SignatureMethod", STR("HMAC-SHA1"));
    add(p, "SignatureNonce", q->nonce);
    add(p, "SignatureVersion", STR("1.0"));
    add(p, "Timestamp", str_z(at->extended));
    add(p, "Version", q->version);
}

int sign_aliyun_rpc(const struct sign_request *q, struct arena *a, struct str *ret_form, struct err *e) {
    BUF_CLEANUP struct buf form, text;
    char secret[SIGN_FIELD_MAX + 2], signature[2 * DIGEST_SHA1 + 1];
    uint8_t mac[DIGEST_SHA1];
    struct moment at;
    struct pairs p = { 0 };
    buf_init(&form, SIGN_TEXT_MAX);
    buf_init(&text, 3 * SIGN_TEXT_MAX);
    int r = check(q, ACTION | VERSION | NONCE | KEY, e);
    if (r < 0)
        return r;
    if (has(q, "Signature"))
        return err_set(e, ERR_BAD_INPUT, "query: Signature is ours to say");
    moment_of(q->now_ms, &at);
    add_common(q, &at, &p);
    r = gather(q, &p, e);
    if (r < 0)
        return r;
    write_pairs(&form, &p);
    buf_printf(&text, "%s&%%2F&", q->method);
    buf_add_percent(&text, buf_str(&form));
    if (form.failed || text.failed)
        return too_big(e);
    size_t secret_n = (size_t)snprintf(secret, sizeof(secret), "%.*s&", STR_ARG(q->key.secret));
    bool ok = digest_hmac_sha1(secret, secret_n, text.p, text.n, mac);
    crypto_wipe(secret, sizeof(secret));
    if (!ok)
        return err_set(e, ERR_INTERNAL, "no memory to sign with");
    size_t n = base64_encode(mac, sizeof(mac), signature);
    buf_add_z(&form, "&Signature=");
    buf_add_percent(&form, (struct str){ signature, n });
    return keep(a, &form, ret_form, e);
}
