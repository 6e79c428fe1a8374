/* dial.c - see dial.h. */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/str.h"

static const char *who = "dial";

void dial_die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", who, what, strerror(errno));
    exit(1);
}

void dial_setup(const char *name) {
    struct rlimit files;
    who = name;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        dial_die("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        dial_die("setrlimit");
}

int64_t dial_number(const char *text, int64_t min, int64_t max) {
    int64_t v;
    if (str_int(str_z(text), min, max, &v) < 0) {
        fprintf(stderr, "%s: %s must be a number from %lld to %lld\n", who, text, (long long)min, (long long)max);
        exit(2);
    }
    return v;
}

int dial(int ep, uint16_t port, void *data) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = data };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        dial_die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
        dial_die("connect");
    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
        dial_die("epoll_ctl");
    return fd;
}

void dial_check(int fd) {
    int err = 0;
    socklen_t n = sizeof(err);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
    if (err) {
        errno = err;
        dial_die("connect");
    }
}

int64_t dial_cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

int dial_by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
