/* remote_exchange.c - one request at a service, from its sending to its end; see remote_call.h. */
#include "engine/remote_call.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"

#define ANSWER_MAX (2u << 20)         /* bytes of JSON read; results go to their file */

const int64_t remote__step_ms[PROVIDER_STEP_COUNT] = {
    [PROVIDER_UPLOAD] = 300000, [PROVIDER_SUBMIT] = 180000, [PROVIDER_POLL] = 20000, [PROVIDER_FETCH] = 600000, [PROVIDER_FIND] = 20000, [PROVIDER_CANCEL] = 20000,
};

void remote__exchange_free(struct exchange *x) {
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

void remote__sweep(struct engine *g) {
    pthread_mutex_lock(&g->lock);
    for (struct exchange **at = &g->orphans; *at;) {
        struct exchange *x = *at;
        if (atomic_load(&x->back)) {
            *at = x->next;
            remote__exchange_free(x);
        } else {
            at = &x->next;
        }
    }
    pthread_mutex_unlock(&g->lock);
}

/* Nobody waits for it any more. quietly: it is to arrive all the same (a cancel). */
void remote__abandon(struct exchange *x, bool quietly) {
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
int remote__send(struct ticket *t, enum provider_step step, struct exchange **ret_x, struct err *e) {
    struct engine *g = t->g;
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    struct provider_moment m = moment_now();
    x->g = g;
    x->a = arena_new(REMOTE__CALL_ARENA);
    x->began_ms = clock_mono_ms();
    int64_t left_ms = t->deadline_ms == INT64_MAX ? remote__step_ms[step] : t->deadline_ms - x->began_ms;
    int r = step == PROVIDER_FETCH ? build_fetch(t, x, e) : g->p->build(g->mine, &t->job, step, &m, x->a, &x->call, e);
    if (r == 1) {
        x->ask = (struct http_ask){
            .method = x->call.method, .url = x->call.url.p, .headers = x->call.headers, .body = x->call.body, .parts = x->call.parts,
            .n_parts = x->call.n_parts, .total_ms = left_ms < remote__step_ms[step] && left_ms > 0 ? left_ms : remote__step_ms[step],
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
        remote__exchange_free(x);
        return r;
    }
    *ret_x = x;
    return 1;
}
