/* remote.c - see remote.h. */
#include "engine/remote.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/log.h"
#include "base/scope.h"

#define JOB_ARENA_MAX   (1u << 20)
#define CALL_ARENA_MAX  (PROVIDER_BODY_MAX + (4u << 20))
#define FACTS_MAX       4096
#define ANSWER_MAX      (2u << 20)    /* bytes of JSON read; results go to their file */
#define TRIES_MAX       4             /* of an upload or a fetch, each with a pause that doubles */
#define AGAIN_MS        1000
#define POLL_MAX_MS     30000         /* pauses between two questions grow to this, or to the model's own if that is longer */
#define NEW_MS          60000         /* a call that was just taken may not be found yet */
#define FIND_MAX_MS     60000         /* a list that does not have it by then never will */
#define FIND_PAUSE_MS   5000
#define GATE_LOOK_MS    1000
#define HASH_HEX        8
#define HINTS_MAX       64
#define REMOTE_ID_MAX   (2 * HASH_HEX + 2 + PROVIDER_ID_MAX)

/* How long one request of a step may take, whatever the call has left. */
static const int64_t step_ms[PROVIDER_STEP_COUNT] = {
    [PROVIDER_UPLOAD] = 300000, [PROVIDER_SUBMIT] = 180000, [PROVIDER_POLL] = 20000, [PROVIDER_FETCH] = 600000, [PROVIDER_FIND] = 20000, [PROVIDER_CANCEL] = 20000,
};

struct key { char *secret; char name[HASH_HEX + 1]; };
/* One request on its way, and the answer. Belongs to the HTTP client from send() until `back`; then to whoever waits for it. */
struct exchange {
    struct engine *g;
    struct arena  *a;
    struct provider_call call;
    struct http_ask ask;
    struct http_reply reply;
    int64_t        began_ms;
    atomic_bool    back;
    int            fds[ENGINE_FDS_MAX];        /* closed with it: what it reads from or writes to may not be anybody else's meanwhile */
    size_t         n_fds;
    struct exchange *next;            /* guarded by g->lock: nobody waits for it; freed by who sees that it is back */
};
enum phase { WAITING, UPLOADING, SUBMITTING, POLLING, FETCHING, FINDING, OVER };
struct ticket {
    struct engine *g;
    struct ticket *next, **self;      /* all of the engine's */
    struct provider_job job;
    size_t         lane, key;
    struct gate_pass pass;
    bool           entered;           /* counted by the gate */
    bool           taken, told_taken;
    enum phase     phase;
    struct exchange *x;               /* NULL: nothing is under way */
    int            tries;             /* of the present step, that failed */
    size_t         keys_asked;        /* FINDING: of each key in turn */
    int64_t        at_ms, deadline_ms, taken_ms, found_until_ms;
    int            out;               /* ours */
    bool           linked_anew;       /* the result's link was dead once */
    /* what poll() says */
    enum engine_state state;
    struct err     err;
    bool           input_at_fault;
    int            progress_pm;
    int64_t        cost_microusd, units_m;
    char           remote_id[REMOTE_ID_MAX + 1];
    struct buf     facts;
};
struct engine {
    const struct provider *p;
    void          *mine;              /* the provider's own, from its open() */
    const char    *base_url;
    struct models *models;
    struct key     keys[GATE_KEYS_MAX];
    size_t         n_keys;
    struct gate   *gate;
    struct http_client *client;
    void         (*wake)(void *arg);
    void          *wake_arg;
    int          (*known)(void *arg, int64_t attempt, struct str remote_id);
    void          *known_arg;
    struct ticket *tickets;
    pthread_mutex_t lock;             /* the rest */
    pthread_cond_t idle;
    int            under_way;         /* exchanges the client has */
    struct exchange *orphans;
    struct provider_notice hints[HINTS_MAX];
    size_t         n_hints;           /* over HINTS_MAX: too many to name */
};

/* ---- names that survive a restart ---- */

static void hash_name(const char *text, size_t n, char out[HASH_HEX + 1]) {
    char hex[SHA256_HEX + 1];
    sha256_hex(text, n, hex);
    memcpy(out, hex, HASH_HEX);
    out[HASH_HEX] = 0;
}

static void write_remote_id(const struct ticket *t, size_t key, const char *id, char out[REMOTE_ID_MAX + 1]) {
    char model[HASH_HEX + 1];
    hash_name(t->job.model->model.p, t->job.model->model.n, model);
    snprintf(out, REMOTE_ID_MAX + 1, "%s~%s~%s", t->g->keys[key].name, model, id);
}

/* One whose name over there is not known yet, or not any more. */
static bool may_be_it(const struct ticket *o, const struct ticket *t) {
    return o != t && !o->taken && (o->phase == SUBMITTING || o->phase == FINDING) && str_eq(o->job.model->model, t->job.model->model);
}

/*
 * See provider_job.known. Of two calls without a name each could be the one that is listed, and the pictures are two people's: then nobody takes it.
 * Under every key, because two keys may be of one account over there, which lists the calls of both.
 */
static int is_known(void *arg, const char *id) {
    const struct ticket *t = arg;
    bool doubt = false;
    for (size_t key = 0; key < t->g->n_keys; key++) {
        char remote_id[REMOTE_ID_MAX + 1];
        write_remote_id(t, key, id, remote_id);
        for (const struct ticket *o = t->g->tickets; o; o = o->next) {
            if (o != t && strcmp(o->remote_id, remote_id) == 0)
                return 1;
            doubt |= may_be_it(o, t);
        }
        int r = t->g->known ? t->g->known(t->g->known_arg, t->job.attempt, str_z(remote_id)) : 0;
        if (r > 0)
            return 1;
        doubt |= r < 0;
    }
    return doubt ? -1 : 0;
}

/* Whose call it was; an account or a model that is gone from the settings leaves it unknown. */
static int read_remote_id(struct ticket *t, struct str op, struct str remote_id, struct err *e) {
    struct str rest = remote_id, key = str_cut(&rest, '~'), model = str_cut(&rest, '~');
    struct engine *g = t->g;
    char name[HASH_HEX + 1];
    for (t->key = 0; t->key < g->n_keys && !str_eqz(key, g->keys[t->key].name);)
        t->key++;
    for (size_t i = 0; i < g->models->n && !t->job.model; i++) {
        hash_name(g->models->rows[i].model.p, g->models->rows[i].model.n, name);
        if (str_eqz(model, name) && str_eq(g->models->rows[i].op, op))
            t->job.model = &g->models->rows[i];
    }
    if (t->key == g->n_keys || !t->job.model || rest.n == 0 || rest.n > PROVIDER_ID_MAX)
        return err_set(e, ERR_UNCERTAIN, "its key or its model is not in the settings any more");
    memcpy(t->job.id, rest.p, rest.n);
    t->job.id[rest.n] = 0;
    return 0;
}

/* ---- one request ---- */

static void exchange_free(struct exchange *x) {
    for (size_t i = 0; x->call.headers[i]; i++)
        crypto_wipe((char *)(uintptr_t)x->call.headers[i], strlen(x->call.headers[i]));     /* keys are in there */
    for (size_t i = 0; i < x->n_fds; i++)
        close(x->fds[i]);
    http_reply_done(&x->reply);
    arena_free(x->a);
    free(x);
}

/* On the client's thread. The last thing it does with x: from then on the dispatcher, or close(), may free it. */
static void on_back(void *ctx) {
    struct exchange *x = ctx;
    struct engine *g = x->g;
    void (*wake)(void *) = g->wake;
    void *wake_arg = g->wake_arg;
    pthread_mutex_lock(&g->lock);
    atomic_store(&x->back, true);
    if (--g->under_way == 0)
        pthread_cond_signal(&g->idle);
    wake(wake_arg);
    pthread_mutex_unlock(&g->lock);
}

static void sweep_orphans(struct engine *g) {
    pthread_mutex_lock(&g->lock);
    for (struct exchange **at = &g->orphans; *at;) {
        struct exchange *x = *at;
        if (atomic_load(&x->back)) {
            *at = x->next;
            exchange_free(x);
        } else {
            at = &x->next;
        }
    }
    pthread_mutex_unlock(&g->lock);
}

/* Nobody waits for it any more. quietly: it is to arrive all the same (a cancel). */
static void abandon(struct exchange *x, bool quietly) {
    struct engine *g = x->g;
    pthread_mutex_lock(&g->lock);
    x->next = g->orphans;
    g->orphans = x;
    bool back = atomic_load(&x->back);
    if (!back && !quietly)
        http_client_cancel(g->client, &x->reply);
    pthread_mutex_unlock(&g->lock);
}

static struct provider_moment moment_now(void) {
    struct provider_moment m = { .now_ms = clock_ms() };
    uint8_t random[16];
    crypto_random(random, sizeof(random));
    hex_encode(random, sizeof(random), m.nonce);
    return m;
}

/* Some services write http:// where they speak https as well; what is plain goes out only to hosts that client.allow names. */
static int build_fetch(struct ticket *t, struct exchange *x, struct err *e) {
    struct str link = t->job.result, http = STR("http://");
    bool upgrade = str_starts(link, http) && str_starts(str_z(t->job.base_url), STR("https://"));
    x->fds[0] = fcntl(t->out, F_DUPFD_CLOEXEC, 3);
    if (x->fds[0] < 0)
        return err_sys(e, ERR_BUSY, "no descriptor for a result");
    x->n_fds = 1;
    x->call.method = "GET";
    x->call.url = upgrade ? arena_printf(x->a, "https://%.*s", (int)(link.n - http.n), link.p + http.n) : arena_str(x->a, link);
    return 1;
}

/* 1: on its way; 0: this step needs no request; < 0: it cannot be sent. */
static int send(struct ticket *t, enum provider_step step, struct exchange **ret_x, struct err *e) {
    struct engine *g = t->g;
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    struct provider_moment m = moment_now();
    x->g = g;
    x->a = arena_new(CALL_ARENA_MAX);
    x->began_ms = clock_mono_ms();
    int64_t left_ms = t->deadline_ms == INT64_MAX ? step_ms[step] : t->deadline_ms - x->began_ms;
    int r = step == PROVIDER_FETCH ? build_fetch(t, x, e) : g->p->build(g->mine, &t->job, step, &m, x->a, &x->call, e);
    if (r == 1) {
        x->ask = (struct http_ask){
            .method = x->call.method, .url = x->call.url.p, .headers = x->call.headers, .body = x->call.body, .parts = x->call.parts,
            .n_parts = x->call.n_parts, .total_ms = left_ms < step_ms[step] && left_ms > 0 ? left_ms : step_ms[step],
            .body_max = step == PROVIDER_FETCH ? t->job.model->result_bytes_max : ANSWER_MAX,
            .to_fd = step == PROVIDER_FETCH ? x->fds[0] : 0,
            .redirects_max = step == PROVIDER_FETCH ? 3 : 0,
        };
        pthread_mutex_lock(&g->lock);
        g->under_way++;
        pthread_mutex_unlock(&g->lock);
        int sent = http_client_submit(g->client, &x->ask, &x->reply, on_back, x, e);
        if (sent < 0) {
            pthread_mutex_lock(&g->lock);
            g->under_way--;
            pthread_mutex_unlock(&g->lock);
            r = sent;
        }
    }
    if (r != 1) {
        exchange_free(x);
        return r;
    }
    *ret_x = x;
    return 1;
}

/* ---- where a call stands ---- */

static void use_key(struct ticket *t, size_t key) {
    t->key = key;
    t->job.key = t->g->keys[key].secret;
    t->job.base_url = t->g->p->nodes ? t->job.key : t->g->base_url;
}


static void go(struct ticket *t, enum phase phase, int64_t at_ms) {
    t->phase = phase;
    t->tries = 0;
    t->at_ms = at_ms;
}

static void leave_gate(struct ticket *t) {
    if (t->entered)
        gate_leave(t->g->gate, t->lane, t->pass);
    t->entered = false;
}

static void over(struct ticket *t, enum engine_state state) {
    t->state = state;
    t->phase = OVER;
    leave_gate(t);
}

static void over_failed(struct ticket *t, int code, bool input_at_fault, const struct err *why) {
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

/* Seconds as the provider counted them, else as we asked for them, else (a call of another process) as many as the model takes. */
static int64_t price_of(const struct ticket *t) {
    const struct model *m = t->job.model;
    int64_t units_m = t->units_m ? t->units_m : 1000;
    for (size_t i = 0; m->per == MODEL_PER_SECOND && !t->units_m && i < m->n_inputs; i++)
        units_m = m->inputs[i].ms_max > units_m ? m->inputs[i].ms_max : units_m;
    return m->price_microusd * units_m / 1000;
}

static void taken(struct ticket *t, int64_t now_ms) {
    t->taken = true;
    t->taken_ms = now_ms;
    write_remote_id(t, t->key, t->job.id, t->remote_id);
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

static const char *type_of_file(int fd) {
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
    const char *type = type_of_file(fd);
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

static void finish(struct ticket *t, int64_t bytes, const char *type) {
    struct jw w;
    buf_init(&t->facts, FACTS_MAX);
    jw_init(&w, &t->facts);
    jw_obj(&w);
    jw_kz(&w, "type", type);
    jw_kint(&w, "bytes", bytes);
    jw_kstr(&w, "model", t->job.model->model);
    jw_end_obj(&w);
    t->cost_microusd += price_of(t);
    gate_tell(t->g->gate, t->lane, t->key, GATE_GOOD, -1, clock_mono_ms());
    over(t, ENGINE_DONE);
}

/* It was made and paid for, and cannot be had: the cost stays in the books. */
static void lose_result(struct ticket *t, const struct err *why) {
    t->cost_microusd += price_of(t);
    over_failed(t, ERR_ENGINE_FAILED, false, why);
}

/* Links die; the call may have a new one. */
static void link_is_dead(struct ticket *t, int status, int64_t now_ms) {
    struct err why;
    if (!t->linked_anew && t->job.id[0]) {
        t->linked_anew = true;
        go(t, POLLING, now_ms);
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
        gate_tell(t->g->gate, t->lane, t->key, GATE_BAD, -1, now_ms);
        lose_result(t, &why);
        return;
    }
    finish(t, bytes, type);
}

/* ---- answers ---- */

/* The provider's own word that there is no result, or that it will not hear this request. */
static void said_failed(struct ticket *t, enum provider_step step, const struct provider_outcome *o, int64_t now_ms) {
    static const enum gate_word words[] = {
        [PROVIDER_PASSING] = GATE_BAD, [PROVIDER_RATE] = GATE_RATE, [PROVIDER_INPUT] = GATE_GOOD, [PROVIDER_CONTENT] = GATE_GOOD,
        [PROVIDER_ELSEWHERE] = GATE_BAD, [PROVIDER_OPERATOR] = GATE_KEY, [PROVIDER_OURS] = GATE_BAD,
    };
    bool sent = step != PROVIDER_UPLOAD && step != PROVIDER_SUBMIT;      /* it goes on over there, whatever this question got */
    gate_tell(t->g->gate, t->lane, t->key, words[o->blame], o->retry_after_ms, now_ms);
    if (o->blame == PROVIDER_OPERATOR)
        log_event(LOG_ERROR, "engine.key", F_STR("engine", t->g->p->name), F_STR("key", t->g->keys[t->key].name),
                  F_STR("doing", "leaving it out for ten minutes"), F_ERR(&o->err));
    if (step == PROVIDER_FIND && (o->blame != PROVIDER_RATE || now_ms >= t->found_until_ms)) {
        over_unknown(t, &o->err);                    /* the question was refused: of the call that says nothing */
        return;
    }
    if (sent && (o->blame == PROVIDER_RATE || o->blame == PROVIDER_OPERATOR)) {
        t->at_ms = now_ms + (o->blame == PROVIDER_OPERATOR ? GATE_KEY_OUT_MS : o->retry_after_ms > 0 ? o->retry_after_ms : poll_pause_ms(t));
        return;
    }
    t->cost_microusd += o->cost_microusd;
    over_failed(t, o->err.code, o->blame == PROVIDER_INPUT || o->blame == PROVIDER_CONTENT, &o->err);
}

/* Nothing can be told from it. */
static void said_nothing(struct ticket *t, enum provider_step step, const struct err *why, int64_t now_ms) {
    gate_tell(t->g->gate, t->lane, t->key, GATE_BAD, -1, now_ms);
    switch (step) {
    case PROVIDER_SUBMIT:
        over_unknown(t, why);
        return;
    case PROVIDER_UPLOAD:
        if (!again(t, now_ms))
            over_failed(t, ERR_UPSTREAM, false, why);
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

static void said_nowhere(struct ticket *t, enum provider_step step, int64_t now_ms) {
    struct err why;
    if (step == PROVIDER_FIND) {                     /* lists may lag behind; the call may have been made with any key */
        use_key(t, ++t->keys_asked % t->g->n_keys);
        t->at_ms = now_ms + (t->key ? 0 : FIND_PAUSE_MS);
        if (t->key || now_ms < t->found_until_ms)
            return;
        err_set(&why, ERR_STOPPING, "it was never taken");
        over_failed(t, ERR_STOPPING, false, &why);
    } else if (now_ms - t->taken_ms < NEW_MS) {
        t->at_ms = now_ms + poll_pause_ms(t);
    } else {
        err_set(&why, ERR_ENGINE_FAILED, "it is not known there any more");
        gate_tell(t->g->gate, t->lane, t->key, GATE_BAD, -1, now_ms);
        lose_result(t, &why);
    }
}

static void said_ready(struct ticket *t, const struct provider_outcome *o, int64_t now_ms) {
    t->units_m = o->units_m ? o->units_m : t->units_m;
    t->cost_microusd += o->cost_microusd;
    if (!t->taken)
        taken(t, now_ms);
    go(t, FETCHING, now_ms);
}

static void heard(struct ticket *t, enum provider_step step, const struct provider_outcome *o, int64_t now_ms) {
    switch (o->verdict) {
    case PROVIDER_GO_ON:
        if (t->phase == UPLOADING && t->job.uploaded >= t->job.n_in)
            go(t, SUBMITTING, now_ms);
        t->tries = 0;
        t->at_ms = now_ms;
        return;
    case PROVIDER_TAKEN:
        gate_tell(t->g->gate, t->lane, t->key, GATE_GOOD, -1, now_ms);
        taken(t, now_ms);
        go(t, POLLING, step == PROVIDER_FIND ? now_ms : now_ms + poll_pause_ms(t));
        return;
    case PROVIDER_WAITING:
    case PROVIDER_WORKING:
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
            over_failed(t, reply->rc, false, &why);
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
            over_failed(t, ERR_ENGINE_FAILED, false, &why);
            return;
        }
        break;
    case ERR_UPSTREAM:                               /* it surely did not arrive */
        if (step == PROVIDER_SUBMIT) {
            gate_tell(t->g->gate, t->lane, t->key, GATE_BAD, -1, now_ms);
            over_failed(t, ERR_UPSTREAM, false, &why);
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
    exchange_free(x);
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
        t->at_ms = at - now_ms > GATE_LOOK_MS ? now_ms + GATE_LOOK_MS : at;
        return;
    }
    t->entered = true;
    use_key(t, t->pass.key);
    go(t, t->job.n_in ? UPLOADING : SUBMITTING, now_ms);
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
    if (t->phase == SUBMITTING && clock_ms() - t->job.begun_ms > PROVIDER_FIND_MS - step_ms[PROVIDER_SUBMIT]) {
        err_set(&e, ERR_BUSY, "it waited for so long that it could not be found again if it was lost");
        over_failed(t, ERR_BUSY, false, &e);
        return false;
    }
    if (!may_ask(t, now_ms))
        return false;
    t->job.polls += t->phase == POLLING || t->phase == FINDING;
    int r = send(t, step_of[t->phase], &t->x, &e);
    if (r == 1)
        return false;                                /* its answer will wake us */
    if (r == 0 && t->phase == UPLOADING) {           /* this service takes inputs with the call itself */
        t->job.uploaded = t->job.n_in;
        go(t, SUBMITTING, now_ms);
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
    over_failed(t, r == ERR_BUSY || r == ERR_STOPPING ? r : ERR_ENGINE_FAILED, r == ERR_BAD_INPUT, &e);
    return false;
}

static void advance(struct ticket *t, int64_t now_ms) {
    do {
        if (t->x && !atomic_load(&t->x->back))
            return;
        if (t->x)
            take_answer(t, now_ms);
    } while (ask(t, now_ms));
}

/* ---- the engine ---- */

static void take_hints(struct engine *g, int64_t now_ms) {
    struct provider_notice hints[HINTS_MAX];
    pthread_mutex_lock(&g->lock);
    size_t n = g->n_hints;
    memcpy(hints, g->hints, (n < HINTS_MAX ? n : HINTS_MAX) * sizeof(*hints));
    g->n_hints = 0;
    pthread_mutex_unlock(&g->lock);
    for (struct ticket *t = n ? g->tickets : NULL; t; t = t->next)
        for (size_t i = 0; i < n && t->phase == POLLING && !t->x; i++)
            if (n > HINTS_MAX || hints[i].attempt == t->job.attempt || strcmp(hints[i].id, t->job.id) == 0) {
                t->at_ms = now_ms;
                break;
            }
}

int remote_poll(struct engine *g, void *ticket, struct engine_result *ret, struct err *e) {
    struct ticket *t = ticket;
    int64_t now = clock_mono_ms();
    take_hints(g, now);
    advance(t, now);
    *ret = (struct engine_result){ .state = t->phase == OVER ? t->state : t->taken ? ENGINE_WORKING : ENGINE_SENDING, .err = t->err,
                                   .input_at_fault = t->input_at_fault, .facts = buf_str(&t->facts), .remote_id = str_z(t->remote_id),
                                   .cost_microusd = t->cost_microusd, .progress_pm = t->progress_pm };
    if (t->phase != OVER)
        ret->poll_at_ms = t->x ? now + GATE_LOOK_MS : t->at_ms;
    return 0;
}

static struct ticket *ticket_new(struct engine *g, const struct engine_call *c) {
    struct ticket *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    *t = (struct ticket){ .g = g, .next = g->tickets, .self = &g->tickets, .deadline_ms = c->deadline_ms, .out = -1 };
    if (t->next)
        t->next->self = &t->next;
    g->tickets = t;
    t->job.attempt = c->attempt;
    t->job.begun_ms = id_ms(c->attempt);
    t->job.a = arena_new(JOB_ARENA_MAX);
    t->job.known = is_known;
    t->job.known_arg = t;
    return t;
}

/* Nobody waits for what is under way any more. The request may be reading our inputs, so their descriptors go with it. */
static void let_go(struct ticket *t) {
    struct exchange *x = TAKE(t->x);
    if (!x)
        return;
    for (size_t i = 0; i < t->job.n_in; i++)
        x->fds[x->n_fds++] = TAKE_FD(t->job.in[i].fd);
    abandon(x, /* quietly= */ false);
}

void remote_release(struct engine *g, void *ticket) {
    struct ticket *t = ticket;
    leave_gate(t);
    let_go(t);
    for (size_t i = 0; i < t->job.n_in; i++)
        if (t->job.in[i].fd >= 0)
            close(t->job.in[i].fd);
    if (t->out >= 0)
        close(t->out);
    json_decref(t->job.params);
    json_decref(t->job.scratch);
    arena_free(t->job.a);
    buf_done(&t->facts);
    *t->self = t->next;
    if (t->next)
        t->next->self = t->self;
    free(t);
    sweep_orphans(g);
}

static int copy_out(struct ticket *t, const struct engine_call *c, struct err *e) {
    assert(c->n_out == 1);                           /* what is made of it, such as a preview, is a local step's work */
    t->out = fcntl(c->out[0], F_DUPFD_CLOEXEC, 3);
    return t->out < 0 ? err_sys(e, ERR_BUSY, "no descriptor for a result") : 0;
}

static int copy_inputs(struct ticket *t, const struct engine_call *c, struct err *e) {
    t->job.in = ARENA_ARRAY(t->job.a, struct provider_input, c->n_in ? c->n_in : 1);
    for (size_t i = 0; i < c->n_in; i++) {
        struct provider_input *in = &t->job.in[i];
        struct stat st;
        if (fstat(c->in[i], &st) < 0 || (in->fd = fcntl(c->in[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return err_sys(e, ERR_BUSY, "no descriptor for an input");
        t->job.n_in++;
        const char *type = type_of_file(in->fd);
        snprintf(in->type, sizeof(in->type), "%s", type ? type : "application/octet-stream");
        in->bytes = st.st_size;
        in->role = arena_str(t->job.a, c->role[i]);
        in->link = arena_str(t->job.a, c->link[i]);
    }
    return 0;
}

int remote_submit(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e) {
    struct ticket *t = ticket_new(g, c);
    int r = json_read(c->params.n ? c->params : STR("{}"), &t->job.params, e);
    if (r >= 0 && !(t->job.model = models_find(g->models, c->op, t->job.params)))
        r = err_set(e, ERR_ENGINE_FAILED, "%s does not do %.*s", g->p->name, STR_ARG(c->op));
    if (r >= 0 && (r = copy_inputs(t, c, e)) >= 0)
        r = copy_out(t, c, e);
    if (r < 0) {
        remote_release(g, t);
        return r;
    }
    double seconds = json_number_value(json_object_get(t->job.params, "seconds"));
    t->units_m = t->job.model->per == MODEL_PER_SECOND && seconds > 0 && seconds < 36000 ? (int64_t)(seconds * 1000 + 0.5) : 0;
    t->lane = t->job.model->lane;
    t->job.notice_url = arena_str(t->job.a, c->notice_url);
    advance(t, clock_mono_ms());
    *ret_ticket = t;
    return 0;
}

int remote_reconcile(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e) {
    struct ticket *t = ticket_new(g, c);
    int64_t now = clock_mono_ms();
    int r = 0;
    if (remote_id.n) {
        r = read_remote_id(t, c->op, remote_id, e);
        t->taken = true;
        t->taken_ms = now - NEW_MS;                  /* no newcomer */
        go(t, POLLING, now);
    } else if (!(t->job.model = models_find(g->models, c->op, NULL))) {
        r = err_set(e, ERR_UNCERTAIN, "%s does not do %.*s any more", g->p->name, STR_ARG(c->op));
    } else {
        t->found_until_ms = now + FIND_MAX_MS;
        go(t, FINDING, now);
    }
    if (r >= 0)
        r = copy_out(t, c, e);
    if (r < 0) {
        remote_release(g, t);
        return r;
    }
    snprintf(t->remote_id, sizeof(t->remote_id), "%.*s", STR_ARG(remote_id));
    t->lane = t->job.model->lane;
    use_key(t, t->key);
    gate_enter_again(g->gate, t->lane, t->key, &t->pass);
    t->entered = true;
    advance(t, now);
    *ret_ticket = t;
    return 0;
}

/* Told once, whether it is heard or not: the outcome is nobody's any more. What was not sent yet is not sent. */
int remote_cancel(struct engine *g, void *ticket, struct err *e) {
    struct ticket *t = ticket;
    struct exchange *x;
    struct err why;
    if (t->phase == OVER)
        return 0;
    if (!t->taken && t->phase != SUBMITTING && t->phase != FINDING) {
        err_set(&why, ERR_STATE, "cancelled before it was sent");
        let_go(t);
        over_failed(t, ERR_STATE, false, &why);
        return 0;
    }
    if (!t->taken || t->phase == FETCHING)
        return 0;
    int r = send(t, PROVIDER_CANCEL, &x, &why);
    if (r == 1)
        abandon(x, /* quietly= */ true);
    else if (r < 0)
        log_event(LOG_WARN, "engine.cancel", F_STR("engine", g->p->name), F_INT("attempt", t->job.attempt), F_ERR(&why));
    return 0;
}

int remote_slots(struct engine *g, size_t lane) { return gate_slots(g->gate, lane, clock_mono_ms()); }

int remote_lane(struct engine *g, size_t i, char ret_name[ENGINE_NAME_MAX + 1]) {
    if (i >= g->models->n_lanes)
        return 0;
    snprintf(ret_name, ENGINE_NAME_MAX + 1, "%s.%.*s", g->p->name, STR_ARG(g->models->lanes[i]));
    return 1;
}

int remote_lane_of(struct engine *g, struct str op, struct str params) {
    CLEANUP(json_unref) json_t *j = NULL;
    if (params.n && json_read(params, &j, NULL) < 0)
        return -1;
    const struct model *m = models_find(g->models, op, j);
    return m ? (int)m->lane : -1;
}

int remote_notice(struct engine *g, const struct engine_notice *n, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(CALL_ARENA_MAX);
    struct provider_said said = { 0, n->header, n->from, n->body };
    struct provider_notice about = { 0 };
    if (!g->p->notice)
        return err_set(e, ERR_NOT_FOUND, "%s sends no notices", g->p->name);
    int r = g->p->notice(g->mine, &said, clock_ms(), a, &about, e);
    if (r < 0)
        return r;
    pthread_mutex_lock(&g->lock);
    if (g->n_hints < HINTS_MAX)
        g->hints[g->n_hints] = about;
    g->n_hints += g->n_hints <= HINTS_MAX;
    pthread_mutex_unlock(&g->lock);
    g->wake(g->wake_arg);
    return 0;
}

/* ---- life ---- */

static const char *setting_of(const struct engine_ctx *ctx, const struct provider *p, const char *what, char name[64]) {
    snprintf(name, 64, "engine.%s_%s", p->name, what);
    return config_str(ctx->cfg, name);
}

static int read_keys(struct engine *g, const char *text, struct err *e) {
    struct str rest = str_z(text);
    while (rest.n) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (one.n == 0)
            continue;
        if (g->n_keys == GATE_KEYS_MAX)
            return err_set(e, ERR_CONFIG, "engine.%s_keys: at most %d", g->p->name, GATE_KEYS_MAX);
        struct key *k = &g->keys[g->n_keys++];
        k->secret = strndup(one.p, one.n);
        if (!k->secret)
            abort();
        hash_name(one.p, one.n, k->name);
    }
    return 0;
}

static int check_forms(struct engine *g, struct err *e) {
    for (size_t i = 0; i < g->models->n; i++) {
        const char *const *form = g->p->forms;
        while (*form && !str_eqz(g->models->rows[i].form, *form))
            form++;
        if (!*form)
            return err_set(e, ERR_CONFIG, "%s: there is no form %.*s", g->p->name, STR_ARG(g->models->rows[i].form));
    }
    return 0;
}

int remote_open(const struct provider *p, const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {
    char name[64], path[1200];
    const char *keys = setting_of(ctx, p, p->nodes ? "nodes" : "keys", name), *models;
    if (!keys[0])
        return 1;
    if (!ctx->client)
        return err_set(e, ERR_ENGINE_MISSING, "nothing goes out of this process");
    struct engine *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    *g = (struct engine){ .p = p, .client = ctx->client, .wake = ctx->wake, .wake_arg = ctx->wake_arg, .known = ctx->known,
                           .known_arg = ctx->known_arg };
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->idle, NULL);
    g->base_url = p->nodes ? NULL : setting_of(ctx, p, "url", name);
    models = setting_of(ctx, p, "models", name);
    snprintf(path, sizeof(path), "%s/engines/%s.yaml", ctx->share, p->name);
    int r = read_keys(g, keys, e);
    if (r >= 0)
        r = models_read(models[0] ? models : path, p->name, &g->models, e);
    if (r >= 0)
        r = check_forms(g, e);
    if (r >= 0 && p->open)
        r = p->open(ctx->cfg, g->models, ctx->share, &g->mine, e);
    if (r < 0) {
        remote_close(g);
        return r;
    }
    g->gate = gate_new(g->n_keys, g->models->n_lanes, g->models->limits, g->models->queries_per_minute);
    *ret_g = g;
    return 0;
}

/* What the client still has of ours comes back at once, because it is cancelled; then nobody looks into us any more. */
void remote_close(struct engine *g) {
    assert(!g->tickets);
    pthread_mutex_lock(&g->lock);
    for (struct exchange *x = g->orphans; x; x = x->next)
        if (!atomic_load(&x->back))
            http_client_cancel(g->client, &x->reply);
    while (g->under_way > 0)
        pthread_cond_wait(&g->idle, &g->lock);
    pthread_mutex_unlock(&g->lock);
    sweep_orphans(g);
    if (g->p->close && g->mine)
        g->p->close(g->mine);
    for (size_t i = 0; i < g->n_keys; i++) {
        crypto_wipe(g->keys[i].secret, strlen(g->keys[i].secret));
        free(g->keys[i].secret);
    }
    gate_free(g->gate);
    models_free(g->models);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->idle);
    free(g);
}
