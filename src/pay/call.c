/*
 * call.c - carries a driver's request to its provider and the answer back.
 * Nothing of a request or an answer is logged but who, what, how it ended and how long it took: there are keys and people in them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/scope.h"
#include "net/client.h"
#include "pay/internal.h"

static struct str reply_header(const void *from, const char *name) { return http_reply_header(from, name); }
static struct str no_header(const void *from, const char *name) { return STR_NULL; }

static struct pay_moment moment_now(void) {
    struct pay_moment m = { .now_ms = clock_ms() };
    pay__nonce(m.nonce);
    return m;
}

/* Why no answer came, in the words of pay.h. The client knows whether the request can have arrived. */
static int no_answer(const struct pay_work *w, int rc, struct err *e) {
    switch (rc) {
    case ERR_BUSY:
    case ERR_STOPPING:
    case ERR_UNCERTAIN:
    case ERR_UPSTREAM:
        /* the answer to a question that was sent as POST (Alipay) changes nothing */
        if (rc == ERR_UNCERTAIN && !pay__is_effect(w))
            e->code = ERR_UPSTREAM;
        return e->code;
    case ERR_BLOCKED_ADDRESS:
        return err_set(e, ERR_PAY_SETUP, "its URL points into a private network; for tests name it in client.allow");
    case ERR_BAD_INPUT:
        return err_set(e, ERR_PAY_SETUP, "its URL in the settings is none");
    default:                           /* too big, no memory: an answer there was */
        return pay__unclear(w, e, "the answer could not be read (%s)", err_reason(rc)->code);
    }
}

/* The key is in there, for Stripe. */
static void wipe_headers(const struct pay_call *c) {
    for (size_t i = 0; c->headers[i]; i++)
        crypto_wipe((char *)(uintptr_t)c->headers[i], strlen(c->headers[i]));
}

static int send(struct pay *p, const struct pay_open *o, const struct pay_call *c, const struct pay_work *w, struct arena *a, struct pay_result *ret,
                int *ret_status, struct err *e) {
    struct http_reply reply = { 0 };
    struct http_ask ask = { .method = c->method, .url = c->url.p, .headers = c->headers, .body = c->body, .total_ms = p->timeout_ms,
                            .body_max = p->answer_max };
    int r = http_client_do(p->http, &ask, &reply, e);
    *ret_status = r < 0 ? 0 : reply.status;
    if (r < 0) {
        r = no_answer(w, r, e);
    } else {
        struct pay_said said = { reply.status, reply_header, &reply, buf_str(&reply.body) };
        struct pay_moment m = moment_now();
        r = o->driver->parse(o->g, w, &said, &m, a, ret, e);
    }
    wipe_headers(c);
    if (reply.body.n)
        crypto_wipe(reply.body.p, reply.body.n);
    http_reply_done(&reply);
    return r;
}

static int ask_ourselves(struct pay *p, const struct pay_open *o, const struct pay_call *c, const struct pay_work *w, struct arena *a,
                         struct pay_result *ret, int *ret_status, struct err *e) {
    struct pay_said said = { .header = no_header };
    struct pay_moment m = moment_now();
    int r = o->driver->answer(o->g, p->db, c, a, &said.status, &said.body, e);
    *ret_status = said.status;
    return r < 0 ? r : o->driver->parse(o->g, w, &said, &m, a, ret, e);
}

int pay__run(struct pay *p, const struct pay_open *o, const struct pay_work *w, struct arena *a, struct pay_result *ret, struct err *e) {
    struct pay_moment m = moment_now();
    struct pay_call c;
    struct err why = { 0 };            /* the log wants it, and the caller may not */
    int64_t begun_ms = clock_mono_ms();
    int status = 0, r = pay__build(o->driver, o->g, w, &m, a, &c, ret, &why);
    if (r == 1) {
        *ret = (struct pay_result){ 0 };
        r = (o->driver->answer ? ask_ourselves : send)(p, o, &c, w, a, ret, &status, &why);
        log_event(r < 0 ? LOG_WARN : LOG_INFO, "pay.call", F_STR("provider", o->driver->name), F_STR("op", pay_op_names[w->op]), F_INT("status", status),
                  F_STR("code", r < 0 ? err_reason(r)->code : "ok"), F_STR("detail", r < 0 ? why.text : ""), F_INT("ms", clock_mono_ms() - begun_ms));
    }
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : 0;
}
