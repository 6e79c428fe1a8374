/* loop.c - one event thread: wait, serve what is ready, what is due and what came home. */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256
#define SLEPT_US       1000              /* epoll_wait() took so long: nothing was ready when it began */
#define TAG_WAKE       UINT32_MAX        /* epoll tags: generation << 32 | slot; generation 0 is a listener or the wake descriptor */

int loop_init(struct loop *l, struct http_server *s, struct err *e) {
    *l = (struct loop){ .server = s, .ep = -1, .wake_fd = -1, .reserve_fd = -1 };
    pthread_mutex_init(&l->inbox_lock, NULL);
    admission_init(&l->line, s->conf.delay_ms * 1000);
    l->inbox_last = &l->inbox;
    l->posts_last = &l->posts;
    l->again_last = &l->again;
    l->home_last = &l->home;
    l->listen_fd = ARENA_ARRAY(s->arena, int, s->n_at);
    l->route_stats = ARENA_ARRAY(s->arena, struct http_route_stats, router_count(s->router) + 1);
    l->scratch = malloc(READ_BYTES);
    l->ep = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_WAKE };
    if (!l->scratch || l->ep < 0 || l->wake_fd < 0 || l->reserve_fd < 0 || epoll_ctl(l->ep, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0)
        return err_sys(e, ERR_IO, "cannot make an event loop");
    return 0;
}

void loop_done(struct loop *l) {
    for (uint32_t i = 0; i < l->n_conns; i++)
        free(l->conns[i]);
    free(l->conns);
    while (l->spare) {
        struct http_call *call = l->spare;
        l->spare = call->next;
        buf_done(&call->body);
        arena_free(call->req.arena);
        free(call);
    }
    for (struct adopt *a; (a = l->adopts);) {
        l->adopts = a->next;
        close(a->fd);
        free(a);
    }
    for (struct ws_post *p; (p = l->posts);) {
        l->posts = p->next;
        ws_undelivered(l, p->frame);
        free(p);
    }
    ws_loop_done(l);
    timers_done(&l->timers);
    repeats_done(&l->repeats);
    free(l->scratch);
    fd_close_p(&l->ep);
    fd_close_p(&l->wake_fd);
    fd_close_p(&l->reserve_fd);
    pthread_mutex_destroy(&l->inbox_lock);
}

struct conn *loop_conn(struct loop *l, uint32_t slot, uint32_t gen) {
    struct conn *c = slot < l->n_conns ? l->conns[slot] : NULL;
    return c && c->gen == gen && c->state != CONN_FREE ? c : NULL;
}

/* ---- the inbox ---- */
static void wake(struct loop *l) {
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));
    (void)n;                                       /* a full counter wakes just as well */
}

void loop_post(struct loop *l, struct http_call *call) {
    pthread_mutex_lock(&l->inbox_lock);
    bool first = !l->inbox;
    call->next = NULL;
    *l->inbox_last = call;
    l->inbox_last = &call->next;
    if (first)
        wake(l);                                   /* under the lock: once it is given back the loop may be gone */
    pthread_mutex_unlock(&l->inbox_lock);
}

void loop_post_topic(struct loop *l, int64_t topic) {
    pthread_mutex_lock(&l->inbox_lock);
    bool first = l->n_topics == 0 && !l->topics_all;
    bool known = l->n_topics && l->topics[l->n_topics - 1] == topic;
    if (l->n_topics == WAKE_TOPICS_MAX)
        l->topics_all = true;
    else if (!known)
        l->topics[l->n_topics++] = topic;
    if (first)
        wake(l);
    pthread_mutex_unlock(&l->inbox_lock);
}

void loop_post_frame(struct loop *l, int64_t topic, struct ws_frame *f) {
    struct ws_post *p = malloc(sizeof(*p));
    if (!p)
        abort();
    *p = (struct ws_post){ .topic = topic, .frame = f };
    pthread_mutex_lock(&l->inbox_lock);
    bool first = !l->posts;
    *l->posts_last = p;
    l->posts_last = &p->next;
    if (first)
        wake(l);
    pthread_mutex_unlock(&l->inbox_lock);
}

bool loop_post_adopt(struct loop *l, struct adopt *a) {
    pthread_mutex_lock(&l->inbox_lock);
    bool taken = !l->gone;
    if (taken) {
        if (!l->adopts)
            wake(l);
        a->next = l->adopts;
        l->adopts = a;
    }
    pthread_mutex_unlock(&l->inbox_lock);
    return taken;
}

void loop_post_stop(struct loop *l) {
    pthread_mutex_lock(&l->inbox_lock);
    l->stop = true;
    wake(l);
    pthread_mutex_unlock(&l->inbox_lock);
}

static void begin_drain(struct loop *l) {
    l->draining = true;
    l->drain_due_ms = l->now_ms + l->server->conf.drain_ms;
    accept_stop(l);
    for (uint32_t i = 0; i < l->n_conns; i++)
        if (l->conns[i]->state != CONN_FREE)
            conn_drain(l->conns[i]);
}

static void read_inbox(struct loop *l) {
    uint64_t count;
    ssize_t got = read(l->wake_fd, &count, sizeof(count));
    (void)got;
    pthread_mutex_lock(&l->inbox_lock);
    if (l->inbox) {
        *l->home_last = TAKE(l->inbox);
        l->home_last = l->inbox_last;
        l->inbox_last = &l->inbox;
    }
    struct adopt *adopt = TAKE(l->adopts);
    struct ws_post *post = TAKE(l->posts);
    l->posts_last = &l->posts;
    int n_topics = l->n_topics;
    bool all = l->topics_all, stop = l->stop;
    memcpy(l->topics_now, l->topics, (size_t)n_topics * sizeof(l->topics[0]));
    l->n_topics = 0;
    l->topics_all = false;
    pthread_mutex_unlock(&l->inbox_lock);

    if (all)
        sse_wake(l, 0, /* all= */ true);
    for (int i = 0; !all && i < n_topics; i++)
        sse_wake(l, l->topics_now[i], false);
    while (adopt) {
        struct adopt *next = adopt->next;
        accept_adopt(l, adopt);
        adopt = next;
    }
    while (post) {
        struct ws_post *next = post->next;
        ws_deliver(l, post->topic, post->frame);
        free(post);
        post = next;
    }
    if (stop && !l->draining)
        begin_drain(l);
}

/* ---- another turn ---- */
void loop_again(struct conn *c) {
    struct loop *l = c->loop;
    if (c->again)
        return;
    c->again = true;
    c->again_next = NULL;
    *l->again_last = c;
    l->again_last = &c->again_next;
    l->n_again++;
}

static void serve_home(struct loop *l) {
    for (int i = 0; i < HOME_AT_ONCE && l->home; i++) {
        struct http_call *call = l->home;
        l->home = call->next;
        if (!l->home)
            l->home_last = &l->home;
        struct conn *c = loop_conn(l, call->slot, call->gen);
        l->away--;
        conn_come_home(c && c->call == call ? c : NULL, call);
    }
}

static void serve_again(struct loop *l) {
    /* who asks for yet another turn meanwhile gets it behind the next events */
    for (int n = l->n_again < AGAIN_AT_ONCE ? l->n_again : AGAIN_AT_ONCE; n > 0; n--) {
        struct conn *c = l->again;
        l->again = c->again_next;
        if (!l->again)
            l->again_last = &l->again;
        l->n_again--;
        c->again = false;
        conn_again(c);
    }
}

/* ---- time ---- */
static void tell_time(struct loop *l, int64_t asked_us) {
    bool slept = clock_mono_us() - asked_us >= SLEPT_US;
    int64_t before_ms = l->now_ms;
    l->now_ms = clock_mono_ms();
    l->since_ms = slept ? l->now_ms : before_ms;
    int64_t wall_ms = clock_ms();
    if (wall_ms / 1000 != l->date_s) {
        l->date_s = wall_ms / 1000;
        clock_http_date(wall_ms, l->date);
    }
}

static void run_timers(struct loop *l) {
    int n = 0;
    for (struct timer *t; n < TIMERS_AT_ONCE && (t = timers_first(&l->timers)) && t->at_ms <= l->now_ms; n++) {
        struct conn *c = CONTAINER_OF(t, struct conn, timer);
        timers_clear(&l->timers, t);
        if (c->due_ms > l->now_ms)
            conn_due(c, c->due_ms);                /* it had moved later meanwhile */
        else
            conn_timeout(c);
    }
    if (l->accept_paused && l->now_ms >= l->accept_again_ms && !l->draining)
        accept_resume(l);
    if (l->draining && l->now_ms >= l->drain_due_ms) {
        for (uint32_t i = 0; i < l->n_conns; i++)
            if (l->conns[i]->state != CONN_FREE)
                conn_close(l->conns[i]);
        l->drain_due_ms = INT64_MAX;
    }
}

static int wait_ms(const struct loop *l) {
    if (l->again || l->home)
        return 0;
    const struct timer *t = timers_first(&l->timers);
    int64_t at = t ? t->at_ms : INT64_MAX;
    if (l->accept_paused && l->accept_again_ms < at)
        at = l->accept_again_ms;
    if (l->draining && l->drain_due_ms < at)
        at = l->drain_due_ms;
    if (at == INT64_MAX)
        return -1;
    int64_t ms = at - clock_mono_ms();
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static void serve(struct loop *l, const struct epoll_event *ev) {
    uint32_t gen = (uint32_t)(ev->data.u64 >> 32), slot = (uint32_t)ev->data.u64;
    if (gen) {
        struct conn *c = loop_conn(l, slot, gen);
        if (c)                                     /* else closed earlier in the same round */
            conn_ready(c, ev->events);
        return;
    }
    repeat_flush(l);
    if (slot == TAG_WAKE)
        read_inbox(l);
    else if (!l->draining)
        accept_ready(l, l->listen_fd[slot]);
}

static bool finished(struct loop *l) {
    if (!l->draining || l->open > 0 || l->away > 0)
        return false;
    pthread_mutex_lock(&l->inbox_lock);
    l->gone = !l->adopts;
    pthread_mutex_unlock(&l->inbox_lock);
    return l->gone;
}

void *loop_main(void *arg) {
    struct loop *l = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    pthread_setname_np(pthread_self(), "event");
    tell_time(l, 0);
    accept_resume(l);
    while (!finished(l)) {
        int ms = wait_ms(l);
        int64_t asked_us = clock_mono_us();
        int n = epoll_wait(l->ep, events, EVENTS_AT_ONCE, ms);
        if (n < 0 && errno != EINTR)
            abort();                               /* only a bug of ours makes epoll_wait fail */
        tell_time(l, asked_us);
        for (int i = 0; i < n; i++)
            serve(l, &events[i]);
        repeat_flush(l);
        serve_home(l);
        serve_again(l);
        run_timers(l);
    }
    return NULL;
}
