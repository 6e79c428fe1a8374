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
#include "net/client.h"
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

static struct str header_of(const void *from, const char *name) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)from, key, v)
        if (str_ieq(str_z(key), str_z(name)))
            return (struct str){ json_string_value(v), json_string_length(v) };
    return STR_NULL;
}

static struct pay_said said_of(const json_t *j) {
    return (struct pay_said){ (int)pay__int(j, "status", 200), header_of, json_object_get(j, "headers"), text(j, "body") };
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

static const struct pay_open *open_of(struct str provider) {
    for (size_t i = 0; i < payments->n_open; i++)
        if (str_eqz(provider, payments->open[i].driver->name))
            return &payments->open[i];
    return NULL;
}

/* ---- out ---- */
static void write_money(struct jw *w, const struct pay_money *m) {
    jw_kint(w, "minor", m->minor);
    jw_kz(w, "currency", m->currency);
}

static void write_truth(struct jw *w, const struct pay_truth *t) {
    jw_obj(w);
    jw_kz(w, "state", pay_state_names[t->state]);
    jw_kstr(w, "number", t->number);
    write_money(w, &t->paid);
    jw_kstr(w, "provider_id", t->provider_id);
    jw_kstr(w, "transaction_id", t->transaction_id);
    jw_kstr(w, "customer", t->customer);
    jw_kint(w, "paid_ms", t->paid_ms);
    jw_kint(w, "fee", t->fee_minor);
    jw_kint(w, "refunded", t->refunded_minor);
    jw_kbool(w, "disputed", t->disputed);
    if (t->member.id.n) {
        jw_key(w, "member");
        jw_obj(w);
        jw_kstr(w, "id", t->member.id);
        jw_kz(w, "state", pay_member_state_names[t->member.state]);
        jw_kint(w, "period_start_ms", t->member.period_start_ms);
        jw_kint(w, "period_end_ms", t->member.period_end_ms);
        jw_kbool(w, "ends", t->member.ends);
        jw_kstr(w, "item", t->member.item);
        jw_kstr(w, "product", t->member.product);
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

static void write_refund(struct jw *w, const struct pay_refund_truth *t) {
    jw_obj(w);
    jw_kz(w, "state", pay_refund_state_names[t->state]);
    jw_kstr(w, "number", t->number);
    jw_kstr(w, "payment_number", t->payment_number);
    jw_kstr(w, "provider_id", t->provider_id);
    jw_kstr(w, "transaction_id", t->transaction_id);
    write_money(w, &t->amount);
    jw_kint(w, "done_ms", t->done_ms);
    jw_end_obj(w);
}

static void write_result(struct jw *w, const struct pay_work *work, const struct pay_result *r) {
    static const char *const shows[] = { "redirect", "qr", "call" };
    if (work->ask) {
        jw_key(w, "start");
        jw_obj(w);
        jw_kz(w, "show", shows[r->start.show]);
        jw_kstr(w, "text", r->start.text);
        jw_kstr(w, "provider_id", r->start.provider_id);
        jw_kint(w, "until_ms", r->start.until_ms);
        jw_end_obj(w);
    } else if (work->refund) {
        jw_key(w, "refund");
        write_refund(w, &r->refund);
    } else if (work->op != PAY_OP_CLOSE && work->op != PAY_OP_KEYS) {
        jw_key(w, "truth");
        write_truth(w, &r->truth);
    }
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
    jw_kstr(w, "event_id", n->event_id);
    jw_kstr(w, "what", n->what);
    jw_kz(w, "about", pay_about_names[n->about]);
    jw_kbool(w, "carries_truth", n->truth);
    jw_kstr(w, "number", n->number);
    jw_kstr(w, "refund_number", n->refund_number);
    jw_kstr(w, "provider_id", n->provider_id);
    jw_kstr(w, "transaction_id", n->transaction_id);
    jw_kstr(w, "member", n->member);
    jw_kint(w, "made_ms", n->made_ms);
    if (n->truth && n->about == PAY_ABOUT_REFUND) {
        jw_key(w, "refund");
        write_refund(w, &n->refund);
    } else if (n->truth) {
        jw_key(w, "truth");
        write_truth(w, &n->payment);
    }
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
    const struct pay_open *o = open_of(text(j, "provider"));
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
    struct http_client_conf conf;
    int rest, r = crypto_setup(e);
    if (r >= 0)
        r = config_new(tables, cfg, e);
    if (r >= 0)
        r = config_load(*cfg, argc - 1, argv + 1, environ, &rest, e);
    if (r < 0)
        return r;
    http_client_conf_from(*cfg, &conf);
    r = http_client_new(&conf, http, e);
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
