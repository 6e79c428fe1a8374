/* remote_call.c - where a call at a service stands, what its answers mean, what is asked next; see remote_call.h. */
#include "engine/remote_call.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/scope.h"

#define FACTS_MAX     4096
#define TRIES_MAX     4             /* of an upload or a fetch, each with a pause that doubles */
#define AGAIN_MS      1000
#define POLL_MAX_MS   30000         /* pauses between two questions grow to this, or to the model's own if that is longer */
#define FIND_PAUSE_MS 5000

/* ---- where a call stands ---- */

void remote__use_key(struct ticket *t, size_t key) {
    t->key = key;
    t->job.key = t->g->keys[key].secret;
    t->job.base_url = t->g->p->nodes ? t->job.key : t->g->base_url;
}


void remote__go(struct ticket *t, enum phase phase, int64_t at_ms) {
    t->phase = phase;
    t->tries = 0;
    t->at_ms = at_ms;
}

void remote__leave_gate(struct ticket *t) {
    if (t->entered)
        gate_leave(t->g->gate, t->lane, t->pass);
    t->entered = false;
}

static void over(struct ticket *t, enum engine_state state) {
    t->state = state;
    t->phase = OVER;
    remote__leave_gate(t);
}

void remote__failed(struct ticket *t, int code, bool input_at_fault, const struct err *why) {
    t->err = *why;
    t->err.code = code;
    t->input_at_fault = input_at_fault;
    over(t, ENGINE_FAILED);
}

static void over_unknown(struct ticket *t, const struct err *why) {
    t->err = *why;
    t->err.code = ERR_UNCERTAIN;
    over(t, ENGINE_UNKNOWN);
}

/* Seconds as the provider counted them, else as we asked for them, else as many as the model takes. */
int64_t remote__price(const struct model *m, int64_t asked_m) {
    int64_t units_m = asked_m ? asked_m : 1000;
    for (size_t i = 0; m->per == MODEL_PER_SECOND && !asked_m && i < m->n_inputs; i++)
        units_m = m->inputs[i].ms_max > units_m ? m->inputs[i].ms_max : units_m;
    return m->price_microusd * units_m / 1000;
}

static int64_t price_of(const struct ticket *t) {
    return t->units_m == 0 && t->foreseen_microusd ? t->foreseen_microusd : remote__price(t->job.model, t->units_m);
}

static void taken(struct ticket *t, int64_t now_ms) {
    t->taken = true;
    t->taken_ms = now_ms;
    remote__name(t, t->key, t->job.id, t->remote_id);
    json_decref(TAKE(t->job.params));
    json_decref(TAKE(t->job.scratch));
    for (size_t i = 0; i < t->job.n_in; i++)
        close(t->job.in[i].fd);
    t->job.n_in = 0;
}

/* The pause before the next question: the model's own at first, then half as long again each time. Each call a little off the others. */
static int64_t poll_pause_ms(const struct ticket *t) {
    int64_t first = t->job.model->poll_ms, most = first > POLL_MAX_MS ? first : POLL_MAX_MS, ms = first;
    for (int i = 0; i < t->job.polls && ms < most; i++)
        ms += ms / 2;
    ms = ms < most ? ms : most;
    uint64_t dice = ((uint64_t)t->job.attempt + (uint64_t)t->job.polls) * 0x9E3779B97F4A7C15u;
    return ms - ms / 10 + (int64_t)((dice >> 32) % (uint64_t)(ms / 5 + 1));
}

/* The gate hears how it went. why: with everything but GATE_GOOD */
static void tell(struct ticket *t, enum gate_word word, int64_t retry_after_ms, const struct err *why, int64_t now_ms) {
    gate_tell(t->g->gate, t->lane, t->key, word, retry_after_ms, now_ms);
    for (size_t i = 0; i < t->g->models->n_lanes; i++)
        if (word == GATE_KEY || (word == GATE_KEY_LANE && i == t->lane))
            t->g->lanes[i].key_said = *why;
    if (word == GATE_BAD || word == GATE_RATE)
        t->g->lanes[t->lane].said = *why;
}

/* Again after a while that doubles; false: often enough. */
static bool again(struct ticket *t, int64_t now_ms) {
    if (++t->tries >= TRIES_MAX)
        return false;
    t->at_ms = now_ms + ((int64_t)AGAIN_MS << (t->tries - 1));
    return true;
}

/* ---- the bytes ---- */

static const char *type_of_bytes(const uint8_t *p, size_t n) {
    if (n >= 3 && memcmp(p, "\xFF\xD8\xFF", 3) == 0)
        return "image/jpeg";
    if (n >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
        return "image/png";
    if (n >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        return "image/webp";
    if (n >= 12 && memcmp(p + 4, "ftyp", 4) == 0)
        return memcmp(p + 8, "qt  ", 4) == 0 ? "video/quicktime" : "video/mp4";
    if (n >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "AVI ", 4) == 0)
        return "video/x-msvideo";
    if (n >= 2 && memcmp(p, "BM", 2) == 0)
        return "image/bmp";
    return NULL;
}

const char *remote__type_of_file(int fd) {
    uint8_t head[16];
    ssize_t n = pread(fd, head, sizeof(head), 0);
    return n > 0 ? type_of_bytes(head, (size_t)n) : NULL;
}

/* What was fetched is looked at by its first bytes only; whoever decodes it does so in the sandbox. */
static int check_result(struct ticket *t, int64_t *ret_bytes, const char **ret_type, struct err *e) {
    struct stat st;
    int fd = t->out;
    if (fstat(fd, &st) < 0)
        return err_sys(e, ERR_IO, "what was fetched");
    if (st.st_size == 0)
        return err_set(e, ERR_UPSTREAM, "the result is empty");
    const char *type = remote__type_of_file(fd);
    bool clip = type && strcmp(type, "video/mp4") == 0, picture = type && (strcmp(type, "image/jpeg") == 0 || strcmp(type, "image/png") == 0 || strcmp(type, "image/webp") == 0);
    if (t->job.model->clip ? !clip : !picture)
        return err_set(e, ERR_ENGINE_FAILED, "the result is no %s but %s", t->job.model->clip ? "clip" : "picture", type ? type : "something else");
    *ret_bytes = st.st_size;
    *ret_type = type;
    return 0;
}

static int empty_out(struct ticket *t, struct err *e) {
    return ftruncate(t->out, 0) < 0 || lseek(t->out, 0, SEEK_SET) < 0 ? err_sys(e, ERR_IO, "the file of a result") : 0;
}

static void finish(struct ticket *t) {
    t->cost_microusd += price_of(t);
    tell(t, GATE_GOOD, -1, NULL, clock_mono_ms());
    over(t, ENGINE_DONE);
}

static void finish_fetched(struct ticket *t, int64_t bytes, const char *type) {
    struct jw w;
    buf_init(&t->facts, FACTS_MAX);
    jw_init(&w, &t->facts);
    jw_obj(&w);
    jw_kz(&w, "type", type);
    jw_kint(&w, "bytes", bytes);
    jw_kstr(&w, "model", t->job.model->model);
    jw_end_obj(&w);
    finish(t);
}

/* It was made and paid for, and cannot be had: the cost stays in the books. */
static void lose_result(struct ticket *t, const struct err *why) {
    t->cost_microusd += price_of(t);
    remote__failed(t, ERR_ENGINE_FAILED, false, why);
}

/* Links die; the call may have a new one. */
static void link_is_dead(struct ticket *t, int status, int64_t now_ms) {
    struct err why;
    if (!t->linked_anew && t->job.id[0]) {
        t->linked_anew = true;
        remote__go(t, POLLING, now_ms);
        return;
    }
    err_set(&why, ERR_ENGINE_FAILED, "the result is gone (%d)", status);
    lose_result(t, &why);
}

static void took_bytes(struct ticket *t, int status, int64_t now_ms) {
    int64_t bytes = 0;
    const char *type = NULL;
    struct err why;
    if (status == 403 || status == 404 || status == 410) {
        link_is_dead(t, status, now_ms);
        return;
    }
    int r = status == 200 ? check_result(t, &bytes, &type, &why) : err_set(&why, ERR_UPSTREAM, "the result's link answers %d", status);
    if (r == ERR_UPSTREAM && again(t, now_ms))
        return;
    if (r < 0) {
        tell(t, GATE_BAD, -1, &why, now_ms);
        lose_result(t, &why);
        return;
    }
    finish_fetched(t, bytes, type);
}

/* ---- answers ---- */

/* The provider's own word that there is no result, or that it will not hear this request. */
static void said_failed(struct ticket *t, enum provider_step step, const struct provider_outcome *o, int64_t now_ms) {
    static const enum gate_word words[] = {
        [PROVIDER_PASSING] = GATE_BAD, [PROVIDER_RATE] = GATE_RATE, [PROVIDER_INPUT] = GATE_GOOD, [PROVIDER_CONTENT] = GATE_GOOD,
        [PROVIDER_ELSEWHERE] = GATE_BAD, [PROVIDER_OPERATOR] = GATE_KEY, [PROVIDER_MODEL] = GATE_KEY_LANE, [PROVIDER_OURS] = GATE_BAD,
    };
    bool sent = step != PROVIDER_UPLOAD && step != PROVIDER_SUBMIT;      /* it goes on over there, whatever this question got */
    tell(t, words[o->blame], o->retry_after_ms, &o->err, now_ms);
    bool key = o->blame == PROVIDER_OPERATOR || o->blame == PROVIDER_MODEL;
    if (key)
        log_event(LOG_ERROR, "engine.key", F_STR("engine", t->g->p->name), F_STRN("lane", o->blame == PROVIDER_MODEL ? t->g->models->lanes[t->lane] : STR("all")),
                  F_STR("key", t->g->keys[t->key].name), F_STR("doing", "leaving it out for ten minutes"), F_ERR(&o->err));
    if (step == PROVIDER_FIND && (o->blame != PROVIDER_RATE || now_ms >= t->found_until_ms)) {
        over_unknown(t, &o->err);                    /* the question was refused: of the call that says nothing */
        return;
    }
    if (sent && (o->blame == PROVIDER_RATE || key)) {
        t->at_ms = now_ms + (key ? GATE_KEY_OUT_MS : o->retry_after_ms > 0 ? o->retry_after_ms : poll_pause_ms(t));
        return;
    }
    t->cost_microusd += o->cost_microusd;
    remote__failed(t, o->err.code, o->blame == PROVIDER_INPUT || o->blame == PROVIDER_CONTENT, &o->err);
}

/* Nothing can be told from it. */
static void said_nothing(struct ticket *t, enum provider_step step, const struct err *why, int64_t now_ms) {
    tell(t, GATE_BAD, -1, why, now_ms);
    switch (step) {
    case PROVIDER_SUBMIT:
        over_unknown(t, why);
        return;
    case PROVIDER_UPLOAD:
        if (!again(t, now_ms))
            remote__failed(t, ERR_UPSTREAM, false, why);
        return;
    case PROVIDER_FETCH:
        if (!again(t, now_ms))
            lose_result(t, why);
        return;
    case PROVIDER_FIND:
        t->at_ms = now_ms + poll_pause_ms(t);
        if (now_ms >= t->found_until_ms)
            over_unknown(t, why);
        return;
    default:
        t->at_ms = now_ms + poll_pause_ms(t);
    }
}

/* True when each was asked, and it is the first one's turn again. */
static bool ask_next_key(struct ticket *t) {
    unsigned later = t->keys & ~((2u << t->key) - 1);
    remote__use_key(t, (size_t)__builtin_ctz(later ? later : t->keys));
    return !later;
}

static void said_nowhere(struct ticket *t, enum provider_step step, int64_t now_ms) {
    struct err why;
    if (step == PROVIDER_FIND) {                     /* lists may lag behind; the call may have been made with any key of its name */
        bool all = ask_next_key(t);
        t->at_ms = now_ms + (all ? FIND_PAUSE_MS : 0);
        if (!all || now_ms < t->found_until_ms)
            return;
        if (t->key_gone[0]) {
            err_set(&why, ERR_UNCERTAIN, "a key it may have been made with (%s) is not in the settings any more", t->key_gone);
            over_unknown(t, &why);
            return;
        }
        err_set(&why, ERR_STOPPING, "it was never taken");
        remote__failed(t, ERR_STOPPING, false, &why);
    } else if (now_ms - t->taken_ms < REMOTE__NEW_MS) {
        t->at_ms = now_ms + poll_pause_ms(t);
    } else {
        err_set(&why, ERR_ENGINE_FAILED, "it is not known there any more");
        tell(t, GATE_BAD, -1, &why, now_ms);
        lose_result(t, &why);
    }
}

static void said_ready(struct ticket *t, const struct provider_outcome *o, int64_t now_ms) {
    t->units_m = o->units_m ? o->units_m : t->units_m;
    t->cost_microusd += o->cost_microusd;
    if (!t->taken)
        taken(t, now_ms);
    if (!t->job.model->verdict) {
        remote__go(t, FETCHING, now_ms);
        return;
    }
    buf_init(&t->facts, FACTS_MAX);
    buf_add_str(&t->facts, o->facts);
    finish(t);
}

static void heard(struct ticket *t, enum provider_step step, const struct provider_outcome *o, int64_t now_ms) {
    switch (o->verdict) {
    case PROVIDER_GO_ON:
        if (t->phase == UPLOADING && t->job.uploaded >= t->job.n_in)
            remote__go(t, SUBMITTING, now_ms);
        t->tries = 0;
        t->at_ms = now_ms;
        return;
    case PROVIDER_TAKEN:                             /* a promise: that it works is only known from an answer about it */
        taken(t, now_ms);
        remote__go(t, POLLING, step == PROVIDER_FIND ? now_ms : now_ms + poll_pause_ms(t));
        return;
    case PROVIDER_WAITING:
    case PROVIDER_WORKING:
        if (!t->well)
            tell(t, GATE_GOOD, -1, NULL, now_ms);
        t->well = true;
        t->progress_pm = o->progress_pm > t->progress_pm && o->progress_pm <= 1000 ? o->progress_pm : t->progress_pm;
        t->tries = 0;
        t->at_ms = now_ms + poll_pause_ms(t);
        return;
    case PROVIDER_READY:
        said_ready(t, o, now_ms);
        return;
    case PROVIDER_FAILED:
        said_failed(t, step, o, now_ms);
        return;
    case PROVIDER_NOWHERE:
        said_nowhere(t, step, now_ms);
        return;
    case PROVIDER_UNCLEAR:
        said_nothing(t, step, &o->err, now_ms);
        return;
    }
}

/* No answer came whole. The client knows whether the request can have arrived. */
static void no_answer(struct ticket *t, enum provider_step step, const struct http_reply *reply, int64_t now_ms) {
    struct err why = reply->err;
    switch (reply->rc) {
    case ERR_BUSY:                                   /* of our own: too much goes out already */
    case ERR_STOPPING:
        if (step == PROVIDER_SUBMIT || step == PROVIDER_UPLOAD)
            remote__failed(t, reply->rc, false, &why);
        else
            t->at_ms = now_ms + AGAIN_MS;
        return;
    case ERR_DISK_FULL:                              /* it is paid for: fetched again, not made again */
        if (!again(t, now_ms))
            over_unknown(t, &why);
        return;
    case ERR_BLOCKED_ADDRESS:
    case ERR_BAD_INPUT:
        if (step == PROVIDER_FETCH) {                /* a link into our own network is nothing to be fetched again */
            lose_result(t, &why);
            return;
        }
        err_set(&why, ERR_ENGINE_FAILED, "its address in the settings is none, or leads into a private network (client.allow)");
        if (step == PROVIDER_UPLOAD || step == PROVIDER_SUBMIT) {
            remote__failed(t, ERR_ENGINE_FAILED, false, &why);
            return;
        }
        break;
    case ERR_UPSTREAM:                               /* it surely did not arrive */
        if (step == PROVIDER_SUBMIT) {
            tell(t, GATE_BAD, -1, &why, now_ms);
            remote__failed(t, ERR_UPSTREAM, false, &why);
            return;
        }
        break;
    case ERR_TOO_BIG:
        if (step == PROVIDER_FETCH) {
            lose_result(t, &why);
            return;
        }
        break;
    default:
        break;
    }
    said_nothing(t, step, &why, now_ms);
}

static struct str reply_header(const void *from, const char *name) { return http_reply_header(from, name); }

static const enum provider_step step_of[] = {
    [WAITING] = PROVIDER_UPLOAD, [UPLOADING] = PROVIDER_UPLOAD, [SUBMITTING] = PROVIDER_SUBMIT, [POLLING] = PROVIDER_POLL,
    [FETCHING] = PROVIDER_FETCH, [FINDING] = PROVIDER_FIND,
};

/* The answer to what was sent is here. */
static void take_answer(struct ticket *t, int64_t now_ms) {
    struct exchange *x = TAKE(t->x);
    enum provider_step step = step_of[t->phase];
    struct provider_outcome o = { .retry_after_ms = -1 };
    if (x->reply.rc == 0 && step != PROVIDER_FETCH) {
        struct provider_said said = { x->reply.status, reply_header, &x->reply, buf_str(&x->reply.body) };
        remote__forget_names(t);
        t->g->p->parse(t->g->mine, &t->job, step, &said, x->a, &o);
        if (o.verdict == PROVIDER_FAILED && o.blame == PROVIDER_RATE && o.retry_after_ms < 0)
            o.retry_after_ms = provider_retry_after(&said, clock_ms());
        if (step == PROVIDER_POLL && o.verdict == PROVIDER_FAILED && o.blame == PROVIDER_OURS && said.status >= 300)
            o.verdict = PROVIDER_UNCLEAR;            /* the question was not understood; the call goes on */
    }
    log_event(x->reply.rc < 0 || o.verdict == PROVIDER_UNCLEAR || o.verdict == PROVIDER_FAILED ? LOG_WARN : step == PROVIDER_POLL ? LOG_DEBUG : LOG_INFO,
              "engine.call", F_STR("engine", t->g->p->name), F_STR("step", provider_step_names[step]), F_INT("attempt", t->job.attempt),
              F_INT("status", x->reply.rc < 0 ? 0 : x->reply.status), F_INT("ms", now_ms - x->began_ms),
              F_STR("detail", x->reply.rc < 0 ? x->reply.err.text : o.err.code ? o.err.text : ""));
    if (x->reply.rc < 0)
        no_answer(t, step, &x->reply, now_ms);
    else if (step == PROVIDER_FETCH)
        took_bytes(t, x->reply.status, now_ms);
    else
        heard(t, step, &o, now_ms);
    remote__exchange_free(x);
}

/* ---- asking ---- */

static bool may_ask(struct ticket *t, int64_t now_ms) {
    int64_t at;
    if (t->phase != POLLING && t->phase != FINDING)
        return true;
    if (gate_ask(t->g->gate, t->key, now_ms, &at))
        return true;
    t->at_ms = at;
    return false;
}

static void enter(struct ticket *t, int64_t now_ms) {
    int64_t at;
    if (!gate_enter(t->g->gate, t->lane, now_ms, &t->pass, &at)) {
        t->at_ms = at - now_ms > REMOTE__LOOK_MS ? now_ms + REMOTE__LOOK_MS : at;
        return;
    }
    t->entered = true;
    remote__use_key(t, t->pass.key);
    remote__name(t, t->key, "", t->remote_id);       /* all of it that is known before it is taken */
    remote__notice_address(t);
    remote__go(t, t->job.n_in ? UPLOADING : SUBMITTING, now_ms);
}

/* A question that could not be sent says nothing about the call. */
static void unasked(struct ticket *t, int r, const struct err *why, int64_t now_ms) {
    if (r == ERR_BUSY || r == ERR_STOPPING)
        t->at_ms = now_ms + AGAIN_MS;
    else if (t->phase == FETCHING)
        lose_result(t, why);
    else
        over_unknown(t, why);
}

/* Sends what is due; false when there is nothing to do now. */
static bool ask(struct ticket *t, int64_t now_ms) {
    struct err e = { 0 };
    if (t->phase == OVER || now_ms < t->at_ms)
        return false;
    if (t->phase == WAITING) {
        enter(t, now_ms);
        return t->phase != WAITING;
    }
    if (t->phase == FETCHING && empty_out(t, &e) < 0) {
        over_unknown(t, &e);                         /* it is paid for: fetched again, not made again */
        return false;
    }
    if (t->phase == SUBMITTING && clock_ms() - t->job.begun_ms > PROVIDER_FIND_MS - remote__step_ms[PROVIDER_SUBMIT]) {
        err_set(&e, ERR_BUSY, "it waited for so long that it could not be found again if it was lost");
        remote__failed(t, ERR_BUSY, false, &e);
        return false;
    }
    if (!may_ask(t, now_ms))
        return false;
    t->job.polls += t->phase == POLLING || t->phase == FINDING;
    int r = remote__send(t, step_of[t->phase], &t->x, &e);
    if (r == 1)
        return false;                                /* its answer will wake us */
    if (r == 0 && t->phase == UPLOADING) {           /* this service takes inputs with the call itself */
        t->job.uploaded = t->job.n_in;
        remote__go(t, SUBMITTING, now_ms);
        return true;
    }
    if (r == 0 && t->phase == FINDING) {
        err_set(&e, ERR_UNCERTAIN, "this service does not say which calls it has");
        over_unknown(t, &e);
        return false;
    }
    if (r < 0 && (t->taken || t->phase == FINDING)) {
        unasked(t, r, &e, now_ms);
        return false;
    }
    if (r == 0)
        err_set(&e, ERR_ENGINE_FAILED, "nothing is sent to %s", provider_step_names[step_of[t->phase]]);
    remote__failed(t, r == ERR_BUSY || r == ERR_STOPPING ? r : ERR_ENGINE_FAILED, r == ERR_BAD_INPUT, &e);
    return false;
}

void remote__advance(struct ticket *t, int64_t now_ms) {
    do {
        if (t->x && !atomic_load(&t->x->back))
            return;
        if (t->x)
            take_answer(t, now_ms);
        if (t->told && t->phase == POLLING) {
            t->told = false;
            t->at_ms = now_ms;
        }
    } while (ask(t, now_ms));
}
