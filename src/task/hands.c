/* hands.c - see hands.h. */
#include "task/hands.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HANDS_MAX 64

struct queue {
    struct hand_job *head, **tail;
};

struct hands {
    pthread_mutex_t lock;
    pthread_cond_t  given, ended;
    struct queue    todo, done;
    int             under_way;       /* given and not finished */
    bool            stop;
    void          (*ready)(void *arg);
    void           *arg;
    int             n;
    pthread_t       threads[HANDS_MAX];
};

static void queue_init(struct queue *q) {
    q->head = NULL;
    q->tail = &q->head;
}

static void push(struct queue *q, struct hand_job *j) {
    j->next = NULL;
    *q->tail = j;
    q->tail = &j->next;
}

static void *hand_main(void *arg) {
    struct hands *h = arg;
    pthread_setname_np(pthread_self(), "store");
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->todo.head && !h->stop)
            pthread_cond_wait(&h->given, &h->lock);
        struct hand_job *j = h->todo.head;
        if (!j)
            break;
        if (!(h->todo.head = j->next))
            h->todo.tail = &h->todo.head;
        pthread_mutex_unlock(&h->lock);
        j->work(j);
        pthread_mutex_lock(&h->lock);
        push(&h->done, j);
        h->under_way--;
        pthread_cond_signal(&h->ended);
        pthread_mutex_unlock(&h->lock);
        h->ready(h->arg);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

int hands_new(int n, void (*ready)(void *arg), void *arg, struct hands **ret_h, struct err *e) {
    assert(n >= 1 && n <= HANDS_MAX);
    struct hands *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->given, NULL);
    pthread_cond_init(&h->ended, NULL);
    queue_init(&h->todo);
    queue_init(&h->done);
    h->ready = ready;
    h->arg = arg;
    for (; h->n < n; h->n++) {
        int code = pthread_create(&h->threads[h->n], NULL, hand_main, h);
        if (code) {
            hands_free(h);
            return err_set(e, ERR_INTERNAL, "cannot start a thread: %s", strerror(code));
        }
    }
    *ret_h = h;
    return 0;
}

void hands_give(struct hands *h, struct hand_job *j) {
    pthread_mutex_lock(&h->lock);
    push(&h->todo, j);
    h->under_way++;
    pthread_cond_signal(&h->given);
    pthread_mutex_unlock(&h->lock);
}

int hands_take_back(struct hands *h) {
    pthread_mutex_lock(&h->lock);
    struct hand_job *j = h->done.head;
    queue_init(&h->done);
    pthread_mutex_unlock(&h->lock);
    int n = 0;
    while (j) {
        struct hand_job *next = j->next;     /* then() may free the job or give it again */
        j->then(j);
        j = next;
        n++;
    }
    return n;
}

bool hands_wait(struct hands *h) {
    pthread_mutex_lock(&h->lock);
    while (!h->done.head && h->under_way > 0)
        pthread_cond_wait(&h->ended, &h->lock);
    bool some = h->done.head;
    pthread_mutex_unlock(&h->lock);
    return some;
}

void hands_free(struct hands *h) {
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_broadcast(&h->given);
    pthread_mutex_unlock(&h->lock);
    for (int i = 0; i < h->n; i++)
        pthread_join(h->threads[i], NULL);
    pthread_cond_destroy(&h->given);
    pthread_cond_destroy(&h->ended);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
