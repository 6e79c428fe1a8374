/* pool.c - one lock, one condition, one list. */
#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

struct pool {
    pthread_mutex_t  lock;
    pthread_cond_t   work;
    struct pool_job *first, **last;
    int              queued, queue_max, busy, threads, nice;
    int64_t          refused;
    bool             stop;
    pthread_t        thread[];
};

static void *pool_main(void *arg) {
    struct pool *p = arg;
    pthread_setname_np(pthread_self(), "pool");
    if (p->nice > 0 && setpriority(PRIO_PROCESS, (id_t)gettid(), p->nice) < 0)       /* on Linux a thread has its own */
        log_event(LOG_WARN, "pool.priority", F_STR("why", strerrordesc_np(errno)));
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->first && !p->stop)
            pthread_cond_wait(&p->work, &p->lock);
        struct pool_job *j = p->first;
        if (!j)
            break;
        p->first = j->next;
        if (!p->first)
            p->last = &p->first;
        p->queued--;
        p->busy++;
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
        p->busy--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int pool_new(int threads, int queue_max, int nice, struct pool **ret_p, struct err *e) {
    struct pool *p = calloc(1, sizeof(*p) + (size_t)threads * sizeof(p->thread[0]));
    if (!p)
        return err_set(e, ERR_INTERNAL, "no memory for %d pool threads", threads);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->last = &p->first;
    p->queue_max = queue_max;
    p->nice = nice;
    for (; p->threads < threads; p->threads++)
        if (pthread_create(&p->thread[p->threads], NULL, pool_main, p) != 0) {
            pool_free(p);
            return err_set(e, ERR_INTERNAL, "cannot start %d pool threads", threads);
        }
    *ret_p = p;
    return 0;
}

void pool_free(struct pool *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static bool add(struct pool *p, struct pool_job *j, bool is_new) {
    pthread_mutex_lock(&p->lock);
    bool ok = !is_new || p->queued < p->queue_max;
    if (ok) {
        j->next = NULL;
        *p->last = j;
        p->last = &j->next;
        p->queued++;
        pthread_cond_signal(&p->work);
    } else {
        p->refused++;
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

bool pool_submit(struct pool *p, struct pool_job *j) { return add(p, j, /* is_new= */ true); }
void pool_continue(struct pool *p, struct pool_job *j) { add(p, j, /* is_new= */ false); }

void pool_get_stats(struct pool *p, struct pool_stats *ret) {
    pthread_mutex_lock(&p->lock);
    *ret = (struct pool_stats){ p->queued, p->busy, p->refused };
    pthread_mutex_unlock(&p->lock);
}
