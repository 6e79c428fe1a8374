/*
 * pay_tool.c - the room for scripts: JSON lines in, JSON lines out. Built with the tests, not installed. Settings as flags and environment, as of
 * the server; PAY_TOOL_DATA names a folder for the database of test money.
 *   {"do":"notice","provider":…,"now_ms":…,"headers":{…},"body":…}                 is it genuine, and what is it about
 *   {"do":"build","provider":…,"now_ms":…,"nonce":…,"work":{"op":…,…}}             the request
 *   {"do":"parse","provider":…,"now_ms":…,"nonce":…,"work":{…},"status":…,"headers":{…},"body":…}
 *   {"do":"run","provider":…,"work":{…}}                                           the same over the network
 *   {"do":"act","number":…,"act":…}                                                what the page of test money does
 *   {"do":"providers"}, {"do":"renew_keys"}
 * An answer has ok, the line's own "id", and either what came or {code, next, detail}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/db.h"
#include "net/tool.h"
#include "pay/internal.h"

#define LINE_MAX_BYTES (2 * 1024 * 1024)

extern char **environ;
static struct pay *payments;

static struct str text(const json_t *j, const char *key) {
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR("");
}

/* ---- in ---- */
struct asked {
    struct pay_work       work;
    struct pay_ask        ask;
    struct pay_which      which;
    struct pay_refund_ask refund;
    struct pay_change_ask change;
};

static struct pay_money money(const json_t *j) {
    struct pay_money m = { .minor = pay__int(j, "minor", 0) };
    struct str currency = text(j, "currency");
    memcpy(m.currency, currency.p, currency.n < 4 ? currency.n : 3);
    return m;
}

static int read_work(const json_t *j, struct asked *q, struct err *e) {
    int op = pay__index(pay_op_names, text(j, "op")), scene = pay__index(pay_scene_names, text(j, "scene")), what = pay__index(pay_change_names, text(j, "what"));
    if (op < 0)
        return err_set(e, ERR_BAD_INPUT, "no such op");
    *q = (struct asked){ .work = { .op = (enum pay_op)op } };
    q->which = (struct pay_which){ text(j, "number"), text(j, "provider_id"), text(j, "transaction_id") };
    q->ask = (struct pay_ask){ .number = text(j, "number"), .attempt = (int)pay__int(j, "attempt", 1), .price = money(j), .title = text(j, "title"),
                               .scene = (enum pay_scene)(scene < 0 ? PAY_SCENE_COUNT : scene), .notify_url = text(j, "notify_url"), .return_url = text(j, "return_url"),
                               .cancel_url = text(j, "cancel_url"), .until_ms = pay__int(j, "until_ms", 0), .openid = text(j, "openid"),
                               .client_ip = text(j, "client_ip"), .account = text(j, "account"), .customer = text(j, "customer"),
                               .months = (int)pay__int(j, "months", 0) };
    q->refund = (struct pay_refund_ask){ .number = text(j, "refund"), .of = { text(j, "number"), STR(""), text(j, "transaction_id") }, .amount = money(j),
                                         .total_minor = pay__int(j, "total", 0), .reason = text(j, "reason"), .notify_url = text(j, "notify_url"),
                                         .provider_id = text(j, "provider_id"), .attempt = (int)pay__int(j, "attempt", 0) };
    q->change = (struct pay_change_ask){ .what = (enum pay_change)(what < 0 ? PAY_CHANGE_COUNT : what), .number = text(j, "number"), .member = text(j, "member"),
                                         .price = money(j), .months = (int)pay__int(j, "months", 0), .item = text(j, "item"), .product = text(j, "product"),
                                         .charge_now = json_is_true(json_object_get(j, "charge_now")), .attempt = (int)pay__int(j, "attempt", 0) };
    if (op == PAY_OP_START)
        q->work.ask = &q->ask;
    else if (op == PAY_OP_REFUND || op == PAY_OP_QUERY_REFUND)
        q->work.refund = &q->refund;
    else if (op == PAY_OP_CHANGE)
        q->work.change = &q->change;
    else if (op != PAY_OP_KEYS)
        q->work.which = &q->which;
    return 0;
}

static struct pay_said said_of(const json_t *j) {
    return (struct pay_said){ (int)pay__int(j, "status", 200), tool_header, json_object_get(j, "headers"), text(j, "body") };
}

static struct pay_moment moment_of(const json_t *j) {
    struct pay_moment m = { .now_ms = pay__int(j, "now_ms", clock_ms()) };
    struct str nonce = text(j, "nonce");
    if (nonce.n == 32)
        memcpy(m.nonce, nonce.p, 32);
    else
        pay__nonce(m.nonce);
    return m;
}

/* ---- out ---- */
/* What of a struct is written, and as what; rows end with one that has no key. */
struct field {
    const char *key;
    enum { TEXT, INT, BOOL, NAME, CURRENCY } kind;
    size_t at;
    const char *const *names;          /* NAME: of the enum */
};
#define FIELDS(type) static const struct field type##_fields[]
#define F(type, key, kind, member) { key, kind, offsetof(struct type, member), NULL }
#define F_NAME(type, key, member, names) { key, NAME, offsetof(struct type, member), names }

static void write_fields(struct jw *w, const struct field *f, const void *from) {
    for (; f->key; f++) {
        const void *v = (const char *)from + f->at;
        switch (f->kind) {
        case TEXT:
            jw_kstr(w, f->key, *(const struct str *)v);
            break;
        case INT:
            jw_kint(w, f->key, *(const int64_t *)v);
            break;
        case BOOL:
            jw_kbool(w, f->key, *(const bool *)v);
            break;
        case NAME:
            jw_kz(w, f->key, f->names[*(const int *)v]);
            break;
        default:
            jw_kz(w, f->key, v);
        }
    }
}
static void write_object(struct jw *w, const char *key, const struct field *f, const void *from) {
    jw_key(w, key);
    jw_obj(w);
    write_fields(w, f, from);
    jw_end_obj(w);
}

static const char *const show_names[] = { "redirect", "qr", "call", NULL };
FIELDS(pay_start) = { F_NAME(pay_start, "show", show, show_names), F(pay_start, "text", TEXT, text), F(pay_start, "provider_id", TEXT, provider_id),
                      F(pay_start, "until_ms", INT, until_ms), { 0 } };
FIELDS(pay_truth) = {
    F_NAME(pay_truth, "state", state, pay_state_names), F(pay_truth, "number", TEXT, number), F(pay_truth, "minor", INT, paid.minor),
    F(pay_truth, "currency", CURRENCY, paid.currency), F(pay_truth, "provider_id", TEXT, provider_id), F(pay_truth, "transaction_id", TEXT, transaction_id),
    F(pay_truth, "customer", TEXT, customer), F(pay_truth, "paid_ms", INT, paid_ms), F(pay_truth, "fee", INT, fee_minor),
    F(pay_truth, "refunded", INT, refunded_minor), F(pay_truth, "disputed", BOOL, disputed),
    F(pay_truth, "lost", INT, lost_minor), { 0 },
};
FIELDS(pay_member) = {
    F(pay_member, "id", TEXT, id), F_NAME(pay_member, "state", state, pay_member_state_names), F(pay_member, "period_start_ms", INT, period_start_ms),
    F(pay_member, "period_end_ms", INT, period_end_ms), F(pay_member, "ends", BOOL, ends), F(pay_member, "item", TEXT, item),
    F(pay_member, "product", TEXT, product), { 0 },
};
FIELDS(pay_refund_truth) = {
    F_NAME(pay_refund_truth, "state", state, pay_refund_state_names), F(pay_refund_truth, "number", TEXT, number),
    F(pay_refund_truth, "payment_number", TEXT, payment_number), F(pay_refund_truth, "provider_id", TEXT, provider_id),
    F(pay_refund_truth, "transaction_id", TEXT, transaction_id), F(pay_refund_truth, "minor", INT, amount.minor),
    F(pay_refund_truth, "currency", CURRENCY, amount.currency), F(pay_refund_truth, "done_ms", INT, done_ms), { 0 },
};
FIELDS(pay_notice) = {
    F(pay_notice, "event_id", TEXT, event_id), F(pay_notice, "what", TEXT, what), F_NAME(pay_notice, "about", about, pay_about_names),
    F(pay_notice, "carries_truth", BOOL, truth), F(pay_notice, "number", TEXT, number), F(pay_notice, "refund_number", TEXT, refund_number),
    F(pay_notice, "provider_id", TEXT, provider_id), F(pay_notice, "transaction_id", TEXT, transaction_id), F(pay_notice, "member", TEXT, member),
    F(pay_notice, "made_ms", INT, made_ms), { 0 },
};

static void write_truth(struct jw *w, const struct pay_truth *t) {
    jw_key(w, "truth");
    jw_obj(w);
    write_fields(w, pay_truth_fields, t);
    if (t->member.id.n)
        write_object(w, "member", pay_member_fields, &t->member);
    jw_end_obj(w);
}

static void write_result(struct jw *w, const struct pay_work *work, const struct pay_result *r) {
    if (work->ask)
        write_object(w, "start", pay_start_fields, &r->start);
    else if (work->refund)
        write_object(w, "refund", pay_refund_truth_fields, &r->refund);
    else if (work->op != PAY_OP_CLOSE && work->op != PAY_OP_KEYS)
        write_truth(w, &r->truth);
}

static void write_call(struct jw *w, const struct pay_call *c) {
    jw_kz(w, "method", c->method);
    jw_kstr(w, "url", c->url);
    jw_kstr(w, "body", c->body);
    jw_key(w, "headers");
    jw_obj(w);
    for (size_t i = 0; c->headers[i]; i++) {
        struct str value = str_z(c->headers[i]), name = str_cut(&value, ':');
        char key[128];
        snprintf(key, sizeof(key), "%.*s", STR_ARG(name));
        jw_kstr(w, key, str_trim(value));
    }
    jw_end_obj(w);
}

static void write_notice(struct jw *w, const struct pay_notice *n) {
    write_fields(w, pay_notice_fields, n);
    if (n->truth && n->about == PAY_ABOUT_REFUND)
        write_object(w, "refund", pay_refund_truth_fields, &n->refund);
    else if (n->truth)
        write_truth(w, &n->payment);
}

/* ---- the verbs ---- */
static int do_notice(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct pay_said said = said_of(j);
    struct pay_notice n;
    int r = pay_notice(payments, arena_strz(a, text(j, "provider")), &said, pay__int(j, "now_ms", clock_ms()), a, &n, e);
    struct pay_reply reply = pay_notice_reply(payments, arena_strz(a, text(j, "provider")), r);
    jw_kint(w, "reply_status", reply.status);
    jw_kz(w, "reply_body", reply.body);
    if (r >= 0)
        write_notice(w, &n);
    return r;
}

static int do_work(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct str verb = text(j, "do");
    const struct pay_open *o = pay__find(payments, arena_strz(a, text(j, "provider")));
    struct pay_moment m = moment_of(j);
    struct pay_result result = { 0 };
    struct pay_said said = said_of(j);
    struct pay_call c = { 0 };
    struct asked q;
    int r = read_work(json_object_get(j, "work"), &q, e);
    if (r < 0 || !o)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "this provider is not set up");
    if (str_eqz(verb, "run") && q.work.op == PAY_OP_REFUND)
        r = pay_refund(payments, o->driver->name, &q.refund, a, &result.refund, e);         /* which may be two messages */
    else if (str_eqz(verb, "run"))
        r = pay__run(payments, o, &q.work, a, &result, e);
    else if (str_eqz(verb, "parse"))
        r = o->driver->parse(o->g, &q.work, &said, &m, a, &result, e);
    else
        r = pay__build(o->driver, o->g, &q.work, &m, a, &c, &result, e);
    if (r == 1)
        write_call(w, &c);
    else if (r == 0)
        write_result(w, &q.work, &result);
    return r;
}

static int do_act(const json_t *j, struct arena *a, struct jw *w, struct err *e) {
    struct pay_test_notice n;
    int act = pay__index(pay_test_act_names, text(j, "act")), r = act < 0 ? err_set(e, ERR_BAD_INPUT, "no such act") : 0;
    if (r >= 0)
        r = pay_test_act(payments, text(j, "number"), (enum pay_test_act)act, a, &n, e);
    if (r >= 0) {
        jw_kstr(w, "signature", n.signature);
        jw_kstr(w, "body", n.body);
    }
    return r;
}

static int do_providers(struct jw *w) {
    struct pay_provider_info info;
    jw_key(w, "providers");
    jw_arr(w);
    for (size_t i = 0; pay_provider(payments, i, &info); i++)
        jw_str(w, str_z(info.name));
    jw_end_arr(w);
    return 0;
}

static void answer(struct str line) {
    static const char *const nexts[] = { "again", "never", "operator", "ask" };
    CLEANUP(json_unref) json_t *j = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new(PAY_ARENA + LINE_MAX_BYTES);
    BUF_CLEANUP struct buf out;
    struct err e = { 0 };
    struct jw w;
    buf_init(&out, 4 * LINE_MAX_BYTES);
    jw_init(&w, &out);
    jw_obj(&w);
    int r = json_read(line, &j, &e);
    struct str verb = text(j, "do");
    jw_kint(&w, "id", pay__int(j, "id", 0));
    if (r >= 0)
        r = str_eqz(verb, "notice")       ? do_notice(j, a, &w, &e)
            : str_eqz(verb, "act")        ? do_act(j, a, &w, &e)
            : str_eqz(verb, "providers")  ? do_providers(&w)
            : str_eqz(verb, "renew_keys") ? pay_renew_keys(payments, &e)
                                          : do_work(j, a, &w, &e);
    jw_kbool(&w, "ok", r >= 0);
    if (r < 0) {
        jw_kz(&w, "code", err_reason(r)->code);
        jw_kz(&w, "next", nexts[pay_next(r)]);
        jw_kz(&w, "detail", e.text);
    }
    jw_end_obj(&w);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    fflush(stdout);
}

static int open_all(int argc, char **argv, struct config **cfg, struct http_client **http, struct db **d, struct err *e) {
    static const struct setting *const tables[] = { pay_settings, http_client_settings, db_settings, NULL };
    static const uint8_t test_key[CRYPTO_KEY] = "a key of tests, and of no server";
    const char *data = getenv("PAY_TOOL_DATA");
    int r = tool_open(tables, argc, argv, environ, cfg, http, e);
    if (r >= 0 && data)
        r = db_open(*cfg, data, /* read_only= */ false, d, e);
    return r < 0 ? r : pay_new(*cfg, *http, *d, test_key, &payments, e);
}

int main(int argc, char **argv) {
    struct config *cfg = NULL;
    struct http_client *http = NULL;
    struct db *d = NULL;
    struct err e = { 0 };
    char *line = NULL;
    size_t cap = 0;
    clock_setup(getenv("ZOETROPE_CLOCK_OFFSET_FILE"));
    int r = open_all(argc, argv, &cfg, &http, &d, &e);
    if (r < 0) {
        fprintf(stderr, "pay_tool: %s\n", e.text);
    } else {
        puts("ready");
        fflush(stdout);
        for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0 && n < LINE_MAX_BYTES;)
            answer((struct str){ line, (size_t)n - (line[n - 1] == '\n') });
    }
    free(line);
    pay_free(payments);
    http_client_free(http);
    if (d)
        db_close(d);
    config_free(cfg);
    return r < 0;
}
