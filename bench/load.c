/*
 * load.c - the load that no packaged tool makes: open-loop requests timed from when they were due, a list of requests as fast as it is
 * answered, and connections that only stay open.
 *
 *   load open  PORT CONNS RATE SECONDS <REQUEST     the one request on stdin, RATE times a second, turn by turn on CONNS connections
 *   load burst PORT CONNS <REQUESTS                 every request on stdin once, each ended by a NUL; a connection sends when it is free
 *   load idle  PORT CONNS REQUEST                   REQUEST once on each connection, then says "idle" and keeps them until stdin ends
 *
 * To 127.0.0.1 only. One line of JSON at the end; latencies in microseconds. A request that is due while its connection still waits for
 * an answer waits with it, and its latency counts from when it was due: a server that stalls cannot make its own load go away.
 * One thread. Limits: DIAL_CONNS_MAX connections, SAMPLES_MAX requests, INPUT_MAX bytes of requests, DRAIN_US for the last answers.
 */
#include <errno.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "dial.h"

#define SAMPLES_MAX (INT64_C(20) << 20)
#define INPUT_MAX   ((size_t)256 << 20)
#define DRAIN_US    (INT64_C(10) * 1000 * 1000)

struct conn {
    llhttp_t parser;
    int      fd;
    bool     connected, busy, answered_once;
    int64_t  due_us;                          /* of the request under way */
    int64_t  turn;                            /* open: how many it has begun */
    int      late;                            /* open: how many are due and not begun */
    size_t   sent;                            /* bytes of the request that have gone out */
    struct str request;
};

static struct conn *conns;
static int n_conns, n_connected, n_connecting, ep;
static uint32_t *samples;
static int64_t n_samples, n_sent, n_errors, n_bad_status;
static int64_t start_us, rate;
static struct str input, rest;                /* burst: what has not been given to a connection yet */
static enum { OPEN, BURST, IDLE } mode;
static llhttp_settings_t parser_settings;
static uint16_t port;
static int first_bad_status;

static void begin(struct conn *c, struct str request, int64_t due_us);

static int64_t due_of(const struct conn *c, int64_t turn) {
    return start_us + (turn * n_conns + (c - conns)) * 1000000 / rate;
}

/* ---- one connection ---- */

static void lost(struct conn *c) {
    n_errors += c->busy || !c->connected;
    n_connected -= c->connected;
    c->connected = c->busy = false;
    close(c->fd);
    c->fd = -1;
}

static void send_more(struct conn *c) {
    while (c->sent < c->request.n) {
        ssize_t n = send(c->fd, c->request.p + c->sent, c->request.n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;                           /* EPOLLOUT will tell */
        if (n < 0) {
            lost(c);
            return;
        }
        c->sent += (size_t)n;
    }
}

static void begin(struct conn *c, struct str request, int64_t due_us) {
    c->busy = true;
    c->request = request;
    c->sent = 0;
    c->due_us = due_us;
    c->turn++;
    n_sent++;
    send_more(c);
}

/* The next request of this connection, when there is one to send now. */
static void next(struct conn *c) {
    if (mode == OPEN && c->late > 0) {
        c->late--;
        begin(c, input, due_of(c, c->turn));
    } else if (mode == BURST && rest.n) {
        begin(c, str_cut(&rest, '\0'), clock_mono_us());
    }
}

static int on_answer(llhttp_t *p) {
    struct conn *c = p->data;
    int64_t took = clock_mono_us() - c->due_us;
    if (p->status_code < 200 || p->status_code > 299) {
        first_bad_status = first_bad_status ? first_bad_status : p->status_code;
        n_bad_status++;
    }
    if (n_samples < SAMPLES_MAX)
        samples[n_samples++] = (uint32_t)(took < 0 ? 0 : took > UINT32_MAX ? UINT32_MAX : took);
    c->busy = false;
    c->answered_once = true;
    return 0;
}

static void receive(struct conn *c) {
    static char in[1 << 18];
    for (;;) {
        ssize_t n = recv(c->fd, in, sizeof(in), 0);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0 || llhttp_execute(&c->parser, in, (size_t)n) != HPE_OK) {
            lost(c);
            return;
        }
        if (n < (ssize_t)sizeof(in))
            break;
    }
    if (!c->busy)
        next(c);
}

static void connect_one(struct conn *c) {
    c->fd = dial(ep, port, c);
    llhttp_init(&c->parser, HTTP_RESPONSE, &parser_settings);
    c->parser.data = c;
    n_connecting++;
}

static void ready(struct conn *c, uint32_t events) {
    if (c->fd < 0)
        return;
    if (!c->connected && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        dial_check(c->fd);
        n_connecting--;
        c->connected = true;
        n_connected++;
        if (mode == BURST)
            next(c);
        else if (mode == IDLE)
            begin(c, input, clock_mono_us());
    }
    if (c->fd >= 0 && (events & EPOLLOUT) && c->busy)
        send_more(c);
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        receive(c);
}

static void turn(int64_t wait_us) {
    struct epoll_event events[512];
    struct timespec ts = { wait_us / 1000000, wait_us % 1000000 * 1000 };
    int n = epoll_pwait2(ep, events, 512, wait_us < 0 ? NULL : &ts, NULL);
    for (int i = 0; i < n; i++)
        ready(events[i].data.ptr, events[i].events);
}

/* ---- the three kinds of load ---- */

static void connect_all(void) {
    for (int i = 0; i < n_conns || n_connecting;) {
        for (; i < n_conns && n_connecting < DIAL_AT_ONCE; i++)
            connect_one(&conns[i]);
        turn(100000);
    }
}

static void run_open(int64_t seconds) {
    connect_all();
    start_us = clock_mono_us();
    int64_t all = rate * seconds, until = start_us + seconds * 1000000 + DRAIN_US;
    for (int64_t i = 0; clock_mono_us() < until;) {
        for (; i < all && start_us + i * 1000000 / rate <= clock_mono_us(); i++) {
            struct conn *c = &conns[i % n_conns];
            if (c->fd < 0)
                n_errors++;                   /* its connection was closed on us: nobody will answer this one */
            else if (c->busy)
                c->late++;
            else
                begin(c, input, due_of(c, c->turn));
        }
        if (i == all && n_samples + n_errors >= all)
            break;
        int64_t wait = i < all ? start_us + i * 1000000 / rate - clock_mono_us() : 10000;
        turn(wait < 0 ? 0 : wait);
    }
    n_errors += all - n_samples - n_errors;   /* those never answered */
}

static void run_burst(void) {
    start_us = clock_mono_us();
    connect_all();
    int64_t last = 0, heard_us = start_us;
    while ((rest.n && n_connected) || n_samples + n_errors < n_sent) {
        turn(10000);
        if (n_samples != last)
            heard_us = clock_mono_us();
        else if (clock_mono_us() > heard_us + DRAIN_US)
            break;
        last = n_samples;
    }
    n_errors += n_sent - n_samples - n_errors;
    while (rest.n) {                          /* what no connection was left for */
        str_cut(&rest, '\0');
        n_errors++;
    }
}

static void run_idle(void) {
    connect_all();
    int64_t until = clock_mono_us() + DRAIN_US;
    while (n_samples + n_errors < n_conns && clock_mono_us() < until)
        turn(100000);
    printf("idle\n");
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
}

static struct str read_all(void) {
    char *p = malloc(INPUT_MAX);
    size_t n = 0;
    for (ssize_t got; p && n < INPUT_MAX && (got = read(STDIN_FILENO, p + n, INPUT_MAX - n)) > 0;)
        n += (size_t)got;
    if (!p || n == 0)
        dial_die("no request on stdin");
    return (struct str){ p, n };
}

static uint32_t quantile(double q) {
    return n_samples ? samples[(int64_t)(q * (double)(n_samples - 1))] : 0;
}

static void tell(int64_t took_us) {
    int served = 0;
    for (int i = 0; i < n_conns; i++)
        served += conns[i].answered_once;
    qsort(samples, (size_t)n_samples, sizeof(*samples), dial_by_value);
    printf("{\"sent\":%lld,\"answered\":%lld,\"errors\":%lld,\"bad_status\":%lld,\"first_bad_status\":%d,\"conns\":%d,\"served\":%d,\"took_us\":%lld,"
           "\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u,\"cpu_us\":%lld}\n",
           (long long)n_sent, (long long)n_samples, (long long)n_errors, (long long)n_bad_status, first_bad_status, n_conns, served,
           (long long)took_us, quantile(.5), quantile(.9), quantile(.99), quantile(.999), quantile(1),
           (long long)dial_cpu_us());
}

int main(int argc, char **argv) {
    dial_setup("load");
    const char *kind = argc > 1 ? argv[1] : "";
    int want = strcmp(kind, "open") == 0 ? 6 : strcmp(kind, "burst") == 0 ? 4 : strcmp(kind, "idle") == 0 ? 5 : -1;
    if (argc != want) {
        fprintf(stderr, "usage: load open PORT CONNS RATE SECONDS | burst PORT CONNS | idle PORT CONNS REQUEST\n");
        return 2;
    }
    mode = want == 6 ? OPEN : want == 4 ? BURST : IDLE;
    port = (uint16_t)dial_number(argv[2], 1, 65535);
    n_conns = (int)dial_number(argv[3], 1, DIAL_CONNS_MAX);
    conns = calloc((size_t)n_conns, sizeof(*conns));
    samples = malloc((size_t)SAMPLES_MAX * sizeof(*samples));
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || !samples || ep < 0)
        dial_die("start");
    llhttp_settings_init(&parser_settings);
    parser_settings.on_message_complete = on_answer;
    rest = input = mode == IDLE ? str_z(argv[4]) : read_all();
    int64_t began = clock_mono_us();
    if (mode == OPEN) {
        rate = dial_number(argv[4], 1, 1000000);
        run_open(dial_number(argv[5], 1, 3600));
    } else if (mode == BURST) {
        run_burst();
    } else {
        run_idle();
    }
    tell(clock_mono_us() - (mode == OPEN ? start_us : began));
    return 0;
}
