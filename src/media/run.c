/*
 * run.c - media_run(): one job, submitted and waited for.
 */
#include "media/client.h"

#include <pthread.h>

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t  cond;
    bool            over;
    int             rc;
    struct err      why;
    struct arena   *a;
    struct str      result;
};

static void wake_waiter(struct media_job *j, int rc, struct str text, const struct err *e) {
    struct waiter *w = j->ctx;
    pthread_mutex_lock(&w->lock);
    w->rc = rc;
    if (rc < 0) {
        w->why = *e;
    } else {
        char *copy = arena_try(w->a, text.n + 1);   /* the owner of the arena sleeps until we are through */
        if (copy) {
            memcpy(copy, text.p, text.n);
            w->result = (struct str){ copy, text.n };
        } else {
            w->rc = err_set(&w->why, ERR_TOO_BIG, "no room for a result of %zu bytes", text.n);
        }
    }
    w->over = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

int media_run(struct media *m, struct media_job *j, struct arena *a, struct str *ret_result, struct err *e) {
    struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .a = a };
    j->done = wake_waiter;
    j->ctx = &w;
    int r = media_submit(m, j, e);
    if (r < 0)
        return r;
    pthread_mutex_lock(&w.lock);
    while (!w.over)                                 /* its end is certain: the child's clock, the helper's death or our stopping */
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.cond);
    if (w.rc < 0)
        return err_set(e, w.rc, "%s", w.why.text);
    *ret_result = w.result;
    return 0;
}
