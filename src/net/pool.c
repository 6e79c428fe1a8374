/* pool.c - one lock, three lists. */
#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define APART_FROM 4                      /* workers from which on the lines have some apart */
#define PASSED_MAX 8                      /* jobs of the normal line that go before a waiting bulk of which none is under way */

struct line { struct pool_job *first, **last; int queued; struct admission admission; };
struct pool {
    pthread_mutex_t  lock;
    pthread_cond_t   work, urgent_work;   /* urgent_work: for the one that takes nothing else */
    struct line      line[POOL_LINES];
    int              queue_max, busy, bulk_busy, bulk_max, passed, started, nice;
    bool             apart, reserved_taken;
    int64_t          refused;
    bool             stop;
    pthread_t        thread[];
};

/* The line to take from next, which is then taken from; NULL: none. */
static struct line *choose(struct pool *p, bool reserved) {
    struct line *urgent = &p->line[POOL_URGENT], *normal = &p->line[POOL_NORMAL], *bulk = &p->line[POOL_BULK];
    if (urgent->first && (reserved || !p->apart))
        return urgent;
    if (reserved)
        return NULL;
    bool passed = bulk->first && p->bulk_busy == 0;
    if (normal->first && !(passed && p->passed >= PASSED_MAX)) {
        p->passed += passed;
        return normal;
    }
    if (bulk->first && p->bulk_busy < p->bulk_max) {
        p->passed = 0;
        return bulk;
    }
    return urgent->first ? urgent : NULL; /* last here, since it has one of its own: a flood of it takes no more from others */
}

static struct pool_job *take(struct line *l) {
    struct pool_job *j = l->first;
    l->first = j->next;
    if (!l->first)
        l->last = &l->first;
    l->queued--;
    j->late = admission_leave(&l->admission, &j->ticket, clock_mono_us());
    return j;
}

static bool empty(const struct pool *p) { return !p->line[POOL_NORMAL].first && !p->line[POOL_BULK].first && !p->line[POOL_URGENT].first; }

static void *pool_main(void *arg) {
    struct pool *p = arg;
    pthread_setname_np(pthread_self(), "pool");
    if (p->nice > 0 && setpriority(PRIO_PROCESS, (id_t)gettid(), p->nice) < 0)       /* on Linux a thread has its own */
        log_event(LOG_WARN, "pool.priority", F_STR("why", strerrordesc_np(errno)));
    pthread_mutex_lock(&p->lock);
    bool reserved = p->apart && !p->reserved_taken;
    p->reserved_taken = true;
    for (;;) {
        struct line *l = choose(p, reserved);
        if (!l && p->stop && (reserved || empty(p)))
            break;
        if (!l) {
            pthread_cond_wait(reserved ? &p->urgent_work : &p->work, &p->lock);
            continue;
        }
        bool bulk = l == &p->line[POOL_BULK];
        struct pool_job *j = take(l);
        p->busy++;
        p->bulk_busy += bulk;
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
        p->busy--;
        p->bulk_busy -= bulk;
        if (p->stop)
            pthread_cond_broadcast(&p->work);          /* who waits for bulk's turn, or for the end */
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int pool_new(const struct pool_conf *conf, struct pool **ret_p, struct err *e) {
    int threads = conf->threads;
    struct pool *p = calloc(1, sizeof(*p) + (size_t)threads * sizeof(p->thread[0]));
    if (!p)
        return err_set(e, ERR_INTERNAL, "no memory for %d pool threads", threads);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->urgent_work, NULL);
    for (int i = 0; i < POOL_LINES; i++) {
        p->line[i].last = &p->line[i].first;
        admission_init(&p->line[i].admission, i == POOL_BULK ? conf->bulk_target_us : conf->target_us);
    }
    p->queue_max = conf->queue_max;
    p->nice = conf->nice;
    p->apart = threads >= APART_FROM;
    p->bulk_max = p->apart ? threads * 3 / 4 : threads;
    for (; p->started < threads; p->started++)
        if (pthread_create(&p->thread[p->started], NULL, pool_main, p) != 0) {
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
    pthread_cond_broadcast(&p->urgent_work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->urgent_work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static bool add(struct pool *p, struct pool_job *j, bool is_new) {
    struct line *l = &p->line[j->line];
    pthread_mutex_lock(&p->lock);
    int queued = j->line == POOL_URGENT ? l->queued : p->line[POOL_NORMAL].queued + p->line[POOL_BULK].queued;
    bool ok = !is_new || queued < p->queue_max;
    if (ok) {
        j->next = NULL;
        *l->last = j;
        l->last = &j->next;
        l->queued++;
        admission_enter(&l->admission, &j->ticket, clock_mono_us());
        if (j->line == POOL_URGENT)
            pthread_cond_signal(&p->urgent_work);
        pthread_cond_signal(&p->work);
    } else {
        p->refused++;
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

bool pool_submit(struct pool *p, struct pool_job *j) { return add(p, j, /* is_new= */ true); }
void pool_continue(struct pool *p, struct pool_job *j) { add(p, j, /* is_new= */ false); }

struct admission *pool_admission(struct pool *p, enum pool_line line) { return &p->line[line].admission; }

void pool_get_stats(struct pool *p, struct pool_stats *ret) {
    pthread_mutex_lock(&p->lock);
    *ret = (struct pool_stats){ p->line[POOL_NORMAL].queued + p->line[POOL_BULK].queued + p->line[POOL_URGENT].queued, p->busy, p->refused };
    pthread_mutex_unlock(&p->lock);
}
