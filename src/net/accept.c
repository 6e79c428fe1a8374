/* accept.c - new connections: limits for all and for one address, and what happens when descriptors run out. */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define ACCEPT_AT_ONCE 64
#define PAUSE_MS       100
#define SWEEP_SLOTS    64                 /* looked at for one that may go */
#define DISPLACE_MS    1000               /* who was silent for less is spared */

static struct conn *slot_take(struct loop *l) {
    if (!l->free_slot) {
        if (l->n_conns == l->cap_conns) {
            l->cap_conns = l->cap_conns ? l->cap_conns * 2 : 64;
            l->conns = realloc(l->conns, l->cap_conns * sizeof(struct conn *));
        }
        struct conn *c = calloc(1, sizeof(*c));
        if (!l->conns || !c)
            abort();
        c->slot = l->n_conns;
        c->gen = 1;
        l->conns[l->n_conns++] = c;
        l->free_slot = l->n_conns;
    }
    struct conn *c = l->conns[l->free_slot - 1];
    l->free_slot = c->next_free;
    return c;
}

struct conn *conn_open(struct loop *l, int fd, const struct http_addr *peer, bool unix_socket) {
    struct conn *c = slot_take(l);
    *c = (struct conn){ .loop = l, .fd = fd, .slot = c->slot, .gen = c->gen, .state = CONN_IDLE, .peer = *peer, .events = EPOLLIN,
                        .again = c->again, .again_next = c->again_next };      /* it may still be listed from before: one turn for nothing */
    c->trusted = unix_socket || cidr_has(l->server->proxies, l->server->n_proxies, peer->ip);
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)c->gen << 32 | c->slot };
    if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
        close(fd);
        c->state = CONN_FREE;
        c->next_free = l->free_slot;
        l->free_slot = c->slot + 1;
        return NULL;
    }
    loop_open_add(l, 1);
    return c;
}

/* Over a limit. Some are told so, gently (see LINGER); the rest are closed at once. */
static void refuse(struct loop *l, int fd, const struct http_addr *peer) {
    stat_add(&l->stats.conns_refused, 1);
    struct conn *c = l->refused < REFUSED_MAX ? conn_open(l, fd, peer, false) : NULL;
    if (!c) {
        if (l->refused >= REFUSED_MAX)
            close(fd);
        return;
    }
    l->refused++;
    c->refused = true;
    ssize_t sent = send(fd, l->server->busy_answer.p, l->server->busy_answer.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;                                    /* a new socket has room; when not, the close says enough */
    shutdown(fd, SHUT_WR);
    c->state = CONN_LINGER;
    conn_due(c, l->now_ms + LINGER_MS);
}

/* The connection is within the limits and counts; now it gets its place. */
static void settle(struct loop *l, int fd, const struct http_addr *peer, bool counted, bool unix_socket) {
    struct http_server *s = l->server;
    struct conn *c = conn_open(l, fd, peer, unix_socket);
    if (!c) {
        atomic_fetch_sub(&s->conns_open, 1);
        if (counted)
            iplimit_drop(s->iplimit, peer->ip);
        return;
    }
    c->counted = counted;
    stat_add(&l->stats.conns_total, 1);
    if (l->draining)
        conn_due_in(c, FRESH_DRAIN_MS);
    else
        conn_idle(c);
}

void accept_adopt(struct loop *l, struct adopt *a) {
    settle(l, a->fd, &a->peer, a->counted, a->unix_socket);
    atomic_fetch_sub(&l->adopting, 1);
    free(a);
}

/*
 * The kernel deals connections out by a hash of their addresses: of 8 from a proxy that keeps them open, one of two threads gets 6 or more
 * in 29 of 100 cases, and is full when the other is half idle. So who has clearly more than another gives the new one away. With thousands
 * the hash is even enough.
 */
static struct loop *least_busy(struct loop *l) {
    struct http_server *s = l->server;
    struct loop *best = l;
    for (int i = 0; i < s->n_loops; i++)
        if (loop_open(&s->loops[i]) < loop_open(best))
            best = &s->loops[i];
    return loop_open(l) > loop_open(best) + loop_open(best) / 16 ? best : l;
}

static bool give_away(struct loop *to, int fd, const struct http_addr *peer, bool counted, bool unix_socket) {
    struct adopt *a = malloc(sizeof(*a));
    if (!a)
        abort();
    *a = (struct adopt){ .fd = fd, .peer = *peer, .counted = counted, .unix_socket = unix_socket };
    atomic_fetch_add(&to->adopting, 1);
    if (loop_post_adopt(to, a))
        return true;
    atomic_fetch_sub(&to->adopting, 1);
    free(a);
    return false;
}

/*
 * Nearly as many connections are open as may be: for a new one an idle one goes, the first of those looked at whose time would end. So
 * whoever fills the table with silence pushes out himself. (nginx does so from 15/16 on, too, with a list of all; we search, since a
 * list would be touched by every request.) True: one was closed.
 */
static bool displace(struct loop *l) {
    struct conn *best = NULL;
    for (uint32_t i = 0; i < SWEEP_SLOTS && i < l->n_conns; i++) {
        struct conn *c = l->conns[l->sweep++ % l->n_conns];
        bool idle = c->state == CONN_IDLE && c->in_n == 0 && !c->again && c->due_ms - conn_idle_ms(c) + DISPLACE_MS <= l->now_ms;
        if (idle && (!best || c->due_ms < best->due_ms))
            best = c;
    }
    int unread = 0;
    if (!best || ioctl(best->fd, SIOCINQ, &unread) < 0 || unread > 0)
        return false;
    stat_add(&l->stats.conns_displaced, 1);
    conn_close(best);
    return true;
}

/* It counts from now on, unless there is no room. */
static bool has_room(struct loop *l) {
    struct http_server *s = l->server;
    int64_t max = s->conf.conns_max, open = atomic_fetch_add(&s->conns_open, 1) + 1;
    if (open > max - max / 16 && !l->draining && displace(l))
        open--;
    if (open <= max)
        return true;
    atomic_fetch_sub(&s->conns_open, 1);
    return false;
}

static void admit(struct loop *l, int fd, const struct sockaddr *sa) {
    struct http_server *s = l->server;
    struct http_addr peer = { 0 };
    bool unix_socket = sa->sa_family == AF_UNIX;
    address_of(sa, peer.ip, &peer.port);
    bool counted = !unix_socket && !cidr_has(s->proxies, s->n_proxies, peer.ip);    /* behind a proxy everybody has its address */
    bool taken = !counted || iplimit_take(s->iplimit, peer.ip);
    if (!taken || !has_room(l)) {
        if (taken && counted)
            iplimit_drop(s->iplimit, peer.ip);
        refuse(l, fd, &peer);
        return;
    }
    struct loop *to = l->draining ? l : least_busy(l);
    if (to == l || !give_away(to, fd, &peer, counted, unix_socket))
        settle(l, fd, &peer, counted, unix_socket);
}

static void pause_accept(struct loop *l, bool pause) {
    for (size_t i = 0; i < l->n_listen; i++) {
        struct epoll_event ev = { .events = pause ? 0 : EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = i };
        epoll_ctl(l->ep, EPOLL_CTL_DEL, l->listen_fd[i], NULL);      /* EPOLLEXCLUSIVE cannot be modified, only set anew */
        if (!pause)
            epoll_ctl(l->ep, EPOLL_CTL_ADD, l->listen_fd[i], &ev);
    }
    l->accept_paused = pause;
    l->accept_again_ms = l->now_ms + PAUSE_MS;
}

void accept_resume(struct loop *l) { pause_accept(l, false); }

/* No descriptor left: the reserve lets one more in, to be closed, so that clients see a closed connection instead of a silent queue. */
static void out_of_fds(struct loop *l, int listen_fd) {
    log_event(LOG_WARN, "http.out_of_descriptors", F_INT("open", l->open));
    if (l->reserve_fd >= 0)
        close(l->reserve_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    stat_add(&l->stats.conns_refused, 1);
    l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pause_accept(l, true);
}

/* Returns false when nothing waits any more. */
static bool accept_one(struct loop *l, int listen_fd) {
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);
    int fd = accept4(listen_fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        admit(l, fd, (struct sockaddr *)&sa);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        out_of_fds(l, listen_fd);
    return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

void accept_ready(struct loop *l, int listen_fd) {
    for (int i = 0; i < ACCEPT_AT_ONCE && accept_one(l, listen_fd); i++)
        ;
}

void accept_stop(struct loop *l) {
    if (!l->accept_paused)
        for (size_t i = 0; i < l->n_listen; i++)
            while (accept_one(l, l->listen_fd[i]) && !l->accept_paused)
                ;
    for (size_t i = 0; i < l->n_listen; i++) {
        epoll_ctl(l->ep, EPOLL_CTL_DEL, l->listen_fd[i], NULL);
        if (!l->server->at[i].unix_socket) {
            close(l->listen_fd[i]);
            l->listen_fd[i] = -1;                  /* the shared unix socket is closed with the server */
        }
    }
}
