/*
 * sockets.c - many WebSockets that only listen, and the broadcasts they wait for.
 *
 *   sockets PORT CONNS PATH     opens CONNS WebSockets on GET PATH, says "open", then obeys lines on stdin until it ends:
 *
 *   TIMES BYTES ROUNDS          POST PATH?times=TIMES with a text of BYTES, which the server must send TIMES times to every socket; waits
 *                               until every socket has all of them, then asks again, ROUNDS times in all. Answers one line of JSON.
 *
 * To 127.0.0.1 only. Every byte is counted, every frame's head is looked at; whatever else comes ends the program.
 * One thread. Limits: DIAL_CONNS_MAX sockets, BYTES_MAX, ROUND_US for a round.
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

#define BYTES_MAX 60000
#define TIMES_MAX 1000
#define ROUND_US  (INT64_C(60) * 1000 * 1000)

struct conn {
    int      fd;
    bool     connected, open;
    int64_t  got;                             /* of the frames of this round */
};

static struct conn *conns, asker;
static int n_conns, n_open, n_connecting, ep;
static int64_t frame_bytes, round_bytes, n_done;
static char head_bytes[4];
static size_t head_n;
static bool answered;
static const char *path;

static void fail(const char *what) {
    fprintf(stderr, "sockets: %s\n", what);
    exit(1);
}

static void send_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            continue;                         /* a request of a few bytes, on a socket of its own */
        if (sent < 0)
            dial_die("send");
        p += sent;
        n -= (size_t)sent;
    }
}

static void shake_hands(struct conn *c) {
    char text[512];
    int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    send_all(c->fd, text, (size_t)n);
}

/* The handshake's answer is less than a segment, and nothing follows it unasked. */
static void hand_shaken(struct conn *c, const char *in, size_t n) {
    if (n < 16 || memcmp(in, "HTTP/1.1 101", 12) != 0 || memcmp(in + n - 4, "\r\n\r\n", 4) != 0)
        fail("no handshake");
    c->open = true;
    n_open++;
    n_connecting--;
}

static void count(struct conn *c, const char *in, size_t n) {
    int64_t end = c->got + (int64_t)n;
    if (end > round_bytes)
        fail("more came than was sent");
    for (int64_t frame = c->got / frame_bytes * frame_bytes; frame < end; frame += frame_bytes)
        for (size_t i = 0; i < head_n; i++) {
            int64_t at = frame + (int64_t)i - c->got;
            if (at >= 0 && at < (int64_t)n && in[at] != head_bytes[i])
                fail("not the frame that was sent");
        }
    c->got = end;
    n_done += end == round_bytes;
}

static void came(struct conn *c, const char *in, size_t n) {
    if (c == &asker) {
        if (n < 12 || memcmp(in, "HTTP/1.1 204", 12) != 0)
            fail("the broadcast was refused");
        answered = true;
    } else if (c->open) {
        count(c, in, n);
    } else {
        hand_shaken(c, in, n);
    }
}

static void ready(struct conn *c, uint32_t events) {
    static char in[1 << 18];
    if (!c->connected && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        dial_check(c->fd);
        c->connected = true;
        if (c != &asker)
            shake_hands(c);
    }
    while (events & EPOLLIN) {
        ssize_t n = recv(c->fd, in, sizeof(in), 0);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            fail("a socket was closed");
        came(c, in, (size_t)n);
        if (n < (ssize_t)sizeof(in))
            break;
    }
}

static void turn(void) {
    struct epoll_event events[512];
    int n = epoll_wait(ep, events, 512, 1000);
    for (int i = 0; i < n; i++)
        ready(events[i].data.ptr, events[i].events);
}

static void open_all(uint16_t port) {
    for (int i = 0; i < n_conns || n_connecting;) {
        for (; i < n_conns && n_connecting < DIAL_AT_ONCE; i++, n_connecting++)
            conns[i].fd = dial(ep, port, &conns[i]);
        turn();
    }
    asker.fd = dial(ep, port, &asker);
    while (!asker.connected)
        turn();
}

static void set_frame(int64_t bytes, int64_t times) {
    head_n = bytes < 126 ? 2 : 4;
    head_bytes[0] = (char)0x81;
    head_bytes[1] = (char)(bytes < 126 ? bytes : 126);
    head_bytes[2] = (char)(bytes >> 8);
    head_bytes[3] = (char)bytes;
    frame_bytes = (int64_t)head_n + bytes;
    round_bytes = times * frame_bytes;
}

static void run_round(int64_t times, const char *body, int64_t bytes) {
    char head[512];
    int64_t until = clock_mono_us() + ROUND_US;
    for (int i = 0; i < n_conns; i++)
        conns[i].got = 0;
    n_done = 0;
    answered = false;
    int n = snprintf(head, sizeof(head), "POST %s?times=%lld HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: %lld\r\n\r\n", path, (long long)times,
                     (long long)bytes);
    send_all(asker.fd, head, (size_t)n);
    send_all(asker.fd, body, (size_t)bytes);
    while (n_done < n_conns || !answered) {
        turn();
        if (clock_mono_us() > until)
            fail("a round took too long");
    }
}

static void obey(char *line) {
    static char body[BYTES_MAX];
    struct str rest = { line, strcspn(line, "\n") };
    int64_t number[3], max[3] = { TIMES_MAX, BYTES_MAX, 10000 };
    for (int i = 0; i < 3; i++)
        if (str_int(str_cut(&rest, ' '), 1, max[i], &number[i]) < 0)
            fail("a line is TIMES BYTES ROUNDS");
    memset(body, 'x', sizeof(body));
    set_frame(number[1], number[0]);
    int64_t began = clock_mono_us(), cpu = dial_cpu_us();
    for (int64_t i = 0; i < number[2]; i++)
        run_round(number[0], body, number[1]);
    printf("{\"deliveries\":%lld,\"took_us\":%lld,\"cpu_us\":%lld}\n", (long long)(number[0] * number[2] * n_conns), (long long)(clock_mono_us() - began),
           (long long)(dial_cpu_us() - cpu));
    fflush(stdout);
}

int main(int argc, char **argv) {
    char line[128];
    dial_setup("sockets");
    if (argc != 4 || strlen(argv[3]) > 100) {
        fprintf(stderr, "usage: sockets PORT CONNS PATH\n");
        return 2;
    }
    uint16_t port = (uint16_t)dial_number(argv[1], 1, 65535);
    n_conns = (int)dial_number(argv[2], 1, DIAL_CONNS_MAX);
    path = argv[3];
    conns = calloc((size_t)n_conns, sizeof(*conns));
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || ep < 0)
        dial_die("start");
    open_all(port);
    printf("open\n");
    while (fflush(stdout) == 0 && fgets(line, sizeof(line), stdin))
        obey(line);
    return 0;
}
