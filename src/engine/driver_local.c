/*
 * driver_local.c - the local models: one engine call is one operation of zoetrope-media.
 * A job borrows its descriptors and text until done(), which may come after the ticket was released, so the ticket owns copies of
 * both and is counted: one reference is the dispatcher's, one the job's.
 */
#include "engine/engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/scope.h"
#include "media/client.h"

#define FACTS_MAX (256u * 1024)

struct engine {
    struct media *media;
    void (*wake)(void *arg);
    void *wake_arg;
    pthread_mutex_t lock;
    pthread_cond_t idle; /* jobs == 0 */
    int jobs;            /* given to media and not done() yet; close() waits for them, because done() looks into us */
};

struct ticket {
    struct media_job job;
    struct engine *g;
    pthread_mutex_t lock; /* all below */
    int refs;
    bool over;
    int rc;
    struct err err;
    char *facts; /* owned */
    size_t facts_n;
    char *op, *params; /* owned */
};

static void unref(struct ticket *t) {
    pthread_mutex_lock(&t->lock);
    int left = --t->refs;
    pthread_mutex_unlock(&t->lock);
    if (left)
        return;
    for (size_t i = 0; i < t->job.n_in; i++)
        close(t->job.in[i]);
    for (size_t i = 0; i < t->job.n_out; i++)
        close(t->job.out[i]);
    pthread_mutex_destroy(&t->lock);
    free(t->facts);
    free(t->op);
    free(t->params);
    free(t);
}

static void job_ends(struct engine *g) {
    pthread_mutex_lock(&g->lock);
    if (--g->jobs == 0)
        pthread_cond_signal(&g->idle);
    pthread_mutex_unlock(&g->lock);
}

/* On the media supervisor's thread: must not wait, and the dispatcher holds the lock for microseconds only. */
static void on_done(struct media_job *j, int rc, struct str result, const struct err *err) {
    struct ticket *t = j->ctx;
    struct engine *g = t->g;
    pthread_mutex_lock(&t->lock);
    t->over = true;
    t->rc = rc;
    if (rc < 0 && err)
        t->err = *err;
    else if (rc >= 0 && result.n > FACTS_MAX)
        t->rc = err_set(&t->err, ERR_TOO_BIG, "the answer of %s has %zu bytes", t->op, result.n);
    else if (rc >= 0 && (t->facts = strndup(result.n ? result.p : "{}", result.n ? result.n : 2)))
        t->facts_n = strlen(t->facts);
    pthread_mutex_unlock(&t->lock);
    unref(t);
    g->wake(g->wake_arg);
    job_ends(g);
}

static int local_open(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {
    if (!ctx->media)
        return err_set(e, ERR_ENGINE_MISSING, "zoetrope-media is not running");
    struct engine *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    *g = (struct engine){ .media = ctx->media, .wake = ctx->wake, .wake_arg = ctx->wake_arg };
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->idle, NULL);
    *ret_g = g;
    return 0;
}

static int local_slots(struct engine *g, size_t lane) {
    struct media_stats s = { 0 };
    media_get_stats(g->media, &s);
    return s.slots;
}

/* A duplicate stays valid whatever the caller does with its own. */
static int keep_fd(int fd, int *list, size_t *n, struct err *e) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return err_sys(e, ERR_BUSY, "no descriptor for the picture process");
    list[(*n)++] = copy;
    return 0;
}

static int local_submit(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e) {
    struct ticket *t = calloc(1, sizeof(*t));
    char *op = strndup(c->op.p, c->op.n), *params = c->params.n ? strndup(c->params.p, c->params.n) : strdup("{}");
    if (!t || !op || !params)
        abort();
    int64_t limit_ms = c->deadline_ms - clock_mono_ms();
    *t = (struct ticket){ .g = g,
                          .refs = 1,
                          .op = op,
                          .params = params,
                          .job = { .op = op,
                                   .params = str_z(params),
                                   .limit_ms = limit_ms > 1 ? limit_ms : 1,
                                   .priority = c->priority,
                                   .done = on_done,
                                   .ctx = t } };
    pthread_mutex_init(&t->lock, NULL);
    int r = 0;
    for (size_t i = 0; i < c->n_in && r >= 0; i++)
        r = keep_fd(c->in[i], t->job.in, &t->job.n_in, e);
    for (size_t i = 0; i < c->n_out && r >= 0; i++)
        r = keep_fd(c->out[i], t->job.out, &t->job.n_out, e);
    if (r >= 0) {
        t->refs = 2;
        pthread_mutex_lock(&g->lock);
        g->jobs++;
        pthread_mutex_unlock(&g->lock);
        if ((r = media_submit(g->media, &t->job, e)) < 0) {
            t->refs = 1;
            job_ends(g);
        }
    }
    if (r < 0) {
        unref(t);
        return r;
    }
    *ret_ticket = t;
    return 0;
}

static int local_poll(struct engine *g, void *ticket, struct engine_result *ret, struct err *e) {
    struct ticket *t = ticket;
    *ret = (struct engine_result){ .state = ENGINE_WORKING };
    pthread_mutex_lock(&t->lock);
    if (t->over && t->rc >= 0) {
        ret->state = ENGINE_DONE;
        ret->facts = (struct str){ t->facts, t->facts_n };
    } else if (t->over) {
        ret->state = ENGINE_FAILED;
        ret->err = t->err;
        ret->err.code = t->rc;
        /* What a picture is refused for here, it is refused for everywhere. */
        int http = err_reason(t->rc)->http;
        ret->input_at_fault = http >= 400 && http < 500 && err_reason(t->rc)->retry == RETRY_NEVER && t->rc != ERR_STATE;
    }
    pthread_mutex_unlock(&t->lock);
    return 0;
}

static void local_release(struct engine *g, void *ticket) {
    struct ticket *t = ticket;
    pthread_mutex_lock(&t->lock);
    bool over = t->over;
    pthread_mutex_unlock(&t->lock);
    if (!over)
        media_cancel(g->media, &t->job); /* our reference keeps the job alive during the call */
    unref(t);
}

static int local_cancel(struct engine *g, void *ticket, struct err *e) {
    media_cancel(g->media, &((struct ticket *)ticket)->job);
    return 0;
}

static void local_close(struct engine *g) {
    pthread_mutex_lock(&g->lock);
    while (g->jobs > 0)
        pthread_cond_wait(&g->idle, &g->lock);
    pthread_mutex_unlock(&g->lock);
    pthread_cond_destroy(&g->idle);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

const struct engine_driver engine_local = {
    .name = "local",
    .can = ENGINE_CAN_IMAGE | ENGINE_CAN_CANCEL | ENGINE_CAN_REPEAT | ENGINE_CAN_LIMIT,
    .open = local_open,
    .slots = local_slots,
    .submit = local_submit,
    .poll = local_poll,
    .release = local_release,
    .close = local_close,
    .cancel = local_cancel,
};
