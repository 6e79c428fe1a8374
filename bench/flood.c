/*
 * flood.c - more than a server can do: requests of several kinds at fixed rates, in phases, open loop. A request is due at its time whether or
 * not earlier ones were answered; its latency counts from then. One that finds no free connection waits for one.
 *
 *   flood PORT CONNS <plan >result.json
 *
 * The plan, lines:  kind NAME FILE            FILE holds one raw request, keep-alive
 *                   phase SECONDS RATE...     a rate (1/s) for each kind, in their order; -1: closed loop, whenever a connection is free
 * To 127.0.0.1 only. Result: for each phase and kind how many were sent and answered 2xx, 503, 429, otherwise, or not at all (10 s after
 * the last phase), latencies of the 2xx and 503 in microseconds, and how late the generator itself was (50, 99, 99.9 %, most); 2xx of each kind in each tenth of a second, by when they were answered.
 * One thread. Limits: DIAL_CONNS_MAX, KINDS_MAX, PHASES_MAX, BACKLOG_MAX requests that wait for a connection (more is an error: take more CONNS).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "dial.h"

#define KINDS_MAX   8
#define PHASES_MAX  8
#define BACKLOG_MAX (1 << 22)
#define HEAD_MAX    8192
#define TENTHS_MAX  6000
#define DRAIN_US    (INT64_C(10) * 1000 * 1000)
#define AT_ONCE     64                        /* requests sent between two looks at the answers */

struct samples { uint32_t *us; size_t n, cap; };
struct kind { char name[32]; char *bytes; size_t n; };
struct cell { int64_t sent, ok, shed, limited, other, lost, retry_sum, retry_min, retry_max; struct samples ok_us, shed_us, late_us; };
struct due { int64_t at_us; uint8_t kind, phase; bool again; };
struct conn {
    int        fd;
    bool       ready, busy, close;
    struct due due;
    size_t     sent, head_n;
    int64_t    body_left;                     /* -1: in the head */
    int        status, retry;
    char       head[HEAD_MAX];
    struct conn *next_free, **free_at;        /* in the free list; free_at is NULL outside */
};

static struct kind kinds[KINDS_MAX];
static struct { double seconds, rate[KINDS_MAX]; } phases[PHASES_MAX];
static struct cell cells[PHASES_MAX][KINDS_MAX];
static uint32_t tenths[KINDS_MAX][TENTHS_MAX];
static int n_kinds, n_phases, n_conns, ep;
static struct conn *conns, *free_conns;
static struct due *backlog;
static size_t backlog_first, backlog_n;
static int64_t start_us;
static uint16_t port;

static void add_sample(struct samples *s, int64_t us) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4096;
        s->us = realloc(s->us, s->cap * sizeof(s->us[0]));
        if (!s->us)
            dial_die("memory");
    }
    s->us[s->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* ---- one connection ---- */
static void connect_one(struct conn *c) {
    c->fd = dial(ep, port, c);
    c->ready = c->busy = false;
}

static void set_free(struct conn *c) {
    c->busy = false;
    c->next_free = free_conns;
    if (free_conns)
        free_conns->free_at = &c->next_free;
    c->free_at = &free_conns;
    free_conns = c;
}

static void take_free(struct conn *c) {
    *c->free_at = c->next_free;
    if (c->next_free)
        c->next_free->free_at = c->free_at;
    c->free_at = NULL;
}

static void put_off(struct due due);

/*
 * The connection is gone. A server may close one that is idle at the very moment a request is on its way (RFC 9112, 9.3.1): as any client, we then
 * ask once more on another one, and the request is still due when it was. What has begun to be answered, or was sent twice, is lost.
 */
static void again(struct conn *c) {
    if (c->busy && c->head_n == 0 && !c->due.again) {
        c->due.again = true;
        put_off(c->due);
    } else if (c->busy) {
        cells[c->due.phase][c->due.kind].lost++;
    }
    if (c->free_at)
        take_free(c);
    close(c->fd);
    connect_one(c);
}

static void send_more(struct conn *c) {
    const struct kind *k = &kinds[c->due.kind];
    while (c->sent < k->n) {
        ssize_t n = send(c->fd, k->bytes + c->sent, k->n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            again(c);
            return;
        }
        c->sent += (size_t)n;
    }
}

static void begin(struct conn *c, struct due due) {
    c->busy = true;
    c->due = due;
    c->sent = c->head_n = 0;
    c->body_left = -1;
    send_more(c);
}

static void answered(struct conn *c) {
    int64_t now = clock_mono_us(), took = now - c->due.at_us;
    struct cell *x = &cells[c->due.phase][c->due.kind];
    size_t tenth = (size_t)((now - start_us) / 100000);
    if (c->status >= 200 && c->status < 300) {
        x->ok++;
        add_sample(&x->ok_us, took);
        if (tenth < TENTHS_MAX)
            tenths[c->due.kind][tenth]++;
    } else if (c->status == 503) {
        x->retry_min = x->shed == 0 || c->retry < x->retry_min ? c->retry : x->retry_min;
        x->retry_max = c->retry > x->retry_max ? c->retry : x->retry_max;
        x->retry_sum += c->retry;
        x->shed++;
        add_sample(&x->shed_us, took);
    } else if (c->status == 429) {
        x->limited++;
    } else {
        x->other++;
    }
    bool shut = c->close;
    set_free(c);
    if (shut)
        again(c);
}

static int64_t header(const char *head, const char *name) {
    const char *at = strcasestr(head, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* 0 when it is no answer of HTTP/1. */
static int status_of(const char *head) {
    int64_t status;
    return strncmp(head, "HTTP/1.", 7) == 0 && strlen(head) > 12 && str_int((struct str){ head + 9, 3 }, 100, 599, &status) >= 0 ? (int)status : 0;
}

/* The bytes of an answer; false: it makes no sense. */
static bool eat(struct conn *c, const char *p, size_t n) {
    while (n) {
        if (!c->busy)
            return false;
        if (c->body_left < 0) {
            size_t room = HEAD_MAX - 1 - c->head_n, part = n < room ? n : room;
            memcpy(c->head + c->head_n, p, part);
            c->head[c->head_n + part] = '\0';
            char *end = strstr(c->head, "\r\n\r\n");
            if (!end && part == room)
                return false;
            if (!end) {
                c->head_n += part;
                return true;
            }
            size_t used = (size_t)(end + 4 - c->head) - c->head_n;
            p += used;
            n -= used;
            end[2] = '\0';
            c->status = status_of(c->head);
            int64_t retry = header(c->head, "\r\nRetry-After:");
            c->retry = retry < 0 ? 0 : (int)retry;
            c->body_left = header(c->head, "\r\nContent-Length:");
            c->close = strcasestr(c->head, "\r\nConnection: close") != NULL;
            if (c->body_left < 0)
                c->body_left = 0;
        }
        size_t part = (int64_t)n < c->body_left ? n : (size_t)c->body_left;
        c->body_left -= (int64_t)part;
        p += part;
        n -= part;
        if (c->body_left == 0) {
            answered(c);
            return true;                      /* nothing is sent before the answer came */
        }
    }
    return true;
}

static void ready(struct conn *c, uint32_t events) {
    static char in[1 << 18];
    if (events & (EPOLLERR | EPOLLHUP)) {
        again(c);
        return;
    }
    if (!c->ready && events & EPOLLOUT) {
        c->ready = true;
        set_free(c);
    }
    if (c->busy && events & EPOLLOUT)
        send_more(c);
    while (events & EPOLLIN) {
        ssize_t n = recv(c->fd, in, sizeof(in), 0);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0 || !eat(c, in, (size_t)n)) {
            again(c);
            break;
        }
    }
}

/* ---- the plan ---- */
static void read_plan(void) {
    char line[1024], file[512];
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "kind ", 5) == 0 && n_kinds < KINDS_MAX) {
            struct kind *k = &kinds[n_kinds++];
            if (sscanf(line + 5, "%31s %511s", k->name, file) != 2)
                dial_die("kind");
            FILE *f = fopen(file, "r");
            k->bytes = malloc(1 << 20);
            if (!f || !k->bytes)
                dial_die(file);
            k->n = fread(k->bytes, 1, 1 << 20, f);
            fclose(f);
        } else if (strncmp(line, "phase ", 6) == 0 && n_phases < PHASES_MAX) {
            char *at = line + 6;
            phases[n_phases].seconds = strtod(at, &at);
            for (int i = 0; i < n_kinds; i++)
                phases[n_phases].rate[i] = strtod(at, &at);
            n_phases++;
        }
    }
    if (n_kinds == 0 || n_phases == 0) {
        fprintf(stderr, "flood: no plan\n");
        exit(1);
    }
}

static bool give(void) {
    while (backlog_n && free_conns) {
        struct conn *c = free_conns;
        take_free(c);
        struct due due = backlog[backlog_first];
        backlog_first = (backlog_first + 1) % BACKLOG_MAX;
        backlog_n--;
        add_sample(&cells[due.phase][due.kind].late_us, clock_mono_us() - due.at_us);
        begin(c, due);
    }
    return backlog_n > 0;
}

static void put_off(struct due due) {
    if (backlog_n == BACKLOG_MAX) {
        fprintf(stderr, "flood: the backlog is full: this machine cannot send that much\n");
        exit(1);
    }
    backlog[(backlog_first + backlog_n++) % BACKLOG_MAX] = due;
}

static void owe(struct due due) {
    cells[due.phase][due.kind].sent++;
    put_off(due);
}

static void serve(int wait_ms) {
    struct epoll_event events[256];
    int n = epoll_wait(ep, events, 256, wait_ms);
    for (int i = 0; i < n; i++)
        ready(events[i].data.ptr, events[i].events);
}

static bool all_idle(void) {
    for (int i = 0; i < n_conns; i++)
        if (conns[i].busy)
            return false;
    return backlog_n == 0;
}

static void run(void) {
    int64_t begin_us = start_us;
    for (int p = 0; p < n_phases; p++) {
        int64_t end_us = begin_us + (int64_t)(phases[p].seconds * 1e6), n[KINDS_MAX] = { 0 };
        for (int64_t now; (now = clock_mono_us()) < end_us;) {
            int owed = 0;
            for (int k = 0; k < n_kinds; k++)
                for (int64_t at; phases[p].rate[k] > 0 && owed < AT_ONCE * n_kinds &&
                                 (at = begin_us + (int64_t)((double)n[k] * 1e6 / phases[p].rate[k])) <= now; n[k]++, owed++)
                    owe((struct due){ .at_us = at, .kind = (uint8_t)k, .phase = (uint8_t)p });
            for (int k = 0; k < n_kinds; k++)
                for (; phases[p].rate[k] < 0 && free_conns; give())
                    owe((struct due){ .at_us = clock_mono_us(), .kind = (uint8_t)k, .phase = (uint8_t)p });
            give();
            serve(owed ? 0 : 1);
        }
        begin_us = end_us;
    }
    for (int64_t end_us = clock_mono_us() + DRAIN_US; clock_mono_us() < end_us && !all_idle();) {
        give();
        serve(1);
    }
    for (int i = 0; i < n_conns; i++)
        if (conns[i].busy)
            cells[conns[i].due.phase][conns[i].due.kind].lost++;
    for (; backlog_n; backlog_n--, backlog_first = (backlog_first + 1) % BACKLOG_MAX)
        cells[backlog[backlog_first].phase][backlog[backlog_first].kind].lost++;
}

/* ---- the result ---- */
static void put_samples(const char *name, struct samples *s) {
    if (s->n)
        qsort(s->us, s->n, sizeof(s->us[0]), dial_by_value);
    double at[] = { 0.5, 0.99, 0.999, 1 };
    printf(",\"%s\":[", name);
    for (int i = 0; i < 4 && s->n; i++)
        printf("%s%u", i ? "," : "", s->us[(size_t)((double)(s->n - 1) * at[i])]);
    printf("]");
}

static void put_result(void) {
    printf("{\"cpu_s\":%.2f,\"phases\":[", (double)dial_cpu_us() / 1e6);
    for (int p = 0; p < n_phases; p++) {
        printf("%s{\"seconds\":%g", p ? "," : "", phases[p].seconds);
        for (int k = 0; k < n_kinds; k++) {
            struct cell *x = &cells[p][k];
            printf(",\"%s\":{\"rate\":%g,\"sent\":%lld,\"ok\":%lld,\"shed\":%lld,\"limited\":%lld,\"other\":%lld,\"lost\":%lld,\"retry\":[%lld,%.1f,%lld]",
                   kinds[k].name, phases[p].rate[k], (long long)x->sent, (long long)x->ok, (long long)x->shed, (long long)x->limited,
                   (long long)x->other, (long long)x->lost, (long long)x->retry_min, x->shed ? (double)x->retry_sum / (double)x->shed : 0, (long long)x->retry_max);
            put_samples("ok_us", &x->ok_us);
            put_samples("shed_us", &x->shed_us);
            put_samples("late_us", &x->late_us);
            printf("}");
        }
        printf("}");
    }
    printf("],\"tenths\":{");
    size_t n = (size_t)((clock_mono_us() - start_us) / 100000);
    for (int k = 0; k < n_kinds; k++) {
        printf("%s\"%s\":[", k ? "," : "", kinds[k].name);
        for (size_t i = 0; i < n && i < TENTHS_MAX; i++)
            printf("%s%u", i ? "," : "", tenths[k][i]);
        printf("]");
    }
    printf("}}\n");
}

int main(int argc, char **argv) {
    dial_setup("flood");
    if (argc != 3) {
        fprintf(stderr, "usage: flood PORT CONNS <plan\n");
        return 2;
    }
    port = (uint16_t)dial_number(argv[1], 1, 65535);
    n_conns = (int)dial_number(argv[2], 1, DIAL_CONNS_MAX);
    read_plan();
    ep = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc((size_t)n_conns, sizeof(conns[0]));
    backlog = malloc(BACKLOG_MAX * sizeof(backlog[0]));
    if (ep < 0 || !conns || !backlog)
        dial_die("start");
    for (int i = 0; i < n_conns; i++) {
        connect_one(&conns[i]);
        if (i % 64 == 63)
            serve(10);
    }
    for (int64_t until = clock_mono_us() + 5000000; clock_mono_us() < until;) {
        int n = 0;
        for (int i = 0; i < n_conns; i++)
            n += conns[i].ready;
        if (n == n_conns)
            break;
        serve(10);
    }
    start_us = clock_mono_us();
    run();
    put_result();
    return 0;
}
