/* listen.c - "127.0.0.1:8080, [::]:80, unix:/run/x.sock" into sockets: one TCP listener for each event thread, one unix socket for all. */
#include "net/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 4096

static int parse_unix(struct str path, struct listen_at *at, struct err *e) {
    struct sockaddr_un *un = (struct sockaddr_un *)&at->addr;
    if (path.n == 0 || path.n >= sizeof(un->sun_path) || path.n >= sizeof(at->path))
        return err_set(e, ERR_CONFIG, "listen: the path of a unix socket has 1 to %zu bytes", sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.p, path.n);
    memcpy(at->path, path.p, path.n);
    at->len = sizeof(*un);
    at->unix_socket = true;
    return 0;
}

static int parse_tcp(struct str text, struct listen_at *at, struct err *e) {
    uint8_t ip[16];
    int64_t port;
    const char *colon = memrchr(text.p, ':', text.n);
    struct str host = { text.p, colon ? (size_t)(colon - text.p) : 0 };
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){ host.p + 1, host.n - 2 };
    if (!colon || address_parse(host, ip) < 0 || str_int((struct str){ colon + 1, text.n - (size_t)(colon + 1 - text.p) }, 0, 65535, &port) < 0)
        return err_set(e, ERR_CONFIG, "listen: \"%.*s\" is not address:port, [address]:port or unix:/path", STR_ARG(text));
    if (memchr(host.p, ':', host.n)) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at->addr;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        memcpy(&in6->sin6_addr, ip, 16);
        at->len = sizeof(*in6);
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)&at->addr;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        memcpy(&in->sin_addr, ip + 12, 4);
        at->len = sizeof(*in);
    }
    return 0;
}

int listen_parse(struct arena *a, const char *text, struct listen_at **ret_at, size_t *ret_n, struct err *e) {
    struct str rest = str_z(text);
    size_t room = 1, n = 0;
    for (size_t i = 0; i < rest.n; i++)
        room += rest.p[i] == ',';
    struct listen_at *at = ARENA_ARRAY(a, struct listen_at, room);
    while (rest.n) {
        struct str one = str_trim(str_cut(&rest, ','));
        bool is_unix = str_starts(one, STR("unix:"));
        int r = is_unix ? parse_unix((struct str){ one.p + 5, one.n - 5 }, &at[n], e) : parse_tcp(one, &at[n], e);
        if (r < 0)
            return r;
        n++;
    }
    if (n == 0)
        return err_set(e, ERR_CONFIG, "listen: nothing to listen on");
    *ret_at = at;
    *ret_n = n;
    return 0;
}

static int cannot_listen(const struct listen_at *at, struct err *e) {
    char ip[ADDRESS_TEXT_MAX];
    uint8_t raw[16];
    uint16_t port;
    if (at->unix_socket)
        return err_sys(e, ERR_IO, "cannot listen on %s", at->path);
    int why = errno;
    address_of((const struct sockaddr *)&at->addr, raw, &port);
    address_text(raw, ip);
    return err_set(e, ERR_IO, "cannot listen on %s port %u: %s%s", ip, port, strerrordesc_np(why),
                   why == EADDRINUSE ? "; stop what does, or choose another with --listen=ADDRESS:PORT" : "");
}

static int open_one(struct listen_at *at, struct err *e) {
    static const int on = 1;
    int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, ERR_IO, "socket");
    if (at->unix_socket) {
        struct stat st;
        if (lstat(at->path, &st) == 0 && S_ISSOCK(st.st_mode))
            unlink(at->path);                      /* left by a process that was killed; the data directory's lock keeps living ones apart */
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));      /* accepted sockets inherit it */
        if (at->addr.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, (struct sockaddr *)&at->addr, at->len) < 0 || listen(fd, BACKLOG) < 0) {
        int r = cannot_listen(at, e);
        close(fd);
        return r;
    }
    return fd;
}

/* With port 0 the kernel chooses for the first loop; the others then bind to the same one. */
static int learn_port(struct listen_at *at, int fd, int *ret_port, struct err *e) {
    if (getsockname(fd, (struct sockaddr *)&at->addr, &at->len) < 0)
        return err_sys(e, ERR_IO, "getsockname");
    uint8_t ip[16];
    uint16_t port;
    address_of((struct sockaddr *)&at->addr, ip, &port);
    *ret_port = port;
    return 0;
}

/* Another server on the same port with the same user would share it silently because of SO_REUSEPORT: ask without it first. */
static int check_free(const struct listen_at *at, struct err *e) {
    uint8_t ip[16];
    uint16_t port;
    address_of((const struct sockaddr *)&at->addr, ip, &port);
    if (at->unix_socket || port == 0)
        return 0;
    static const int on = 1;
    int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, ERR_IO, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int r = bind(fd, (const struct sockaddr *)&at->addr, at->len) < 0 ? cannot_listen(at, e) : 0;
    close(fd);
    return r;
}

int listen_open(struct http_server *s, struct err *e) {
    for (size_t i = 0; i < s->n_at; i++) {
        struct listen_at *at = &s->at[i];
        int r = check_free(at, e);
        if (r < 0)
            return r;
        for (int k = 0; k < s->n_loops; k++) {
            struct loop *l = &s->loops[k];
            if (at->unix_socket && k > 0) {
                l->listen_fd[l->n_listen++] = s->loops[0].listen_fd[i];
                continue;
            }
            int fd = open_one(at, e);
            if (fd < 0)
                return fd;
            l->listen_fd[l->n_listen++] = fd;
            int port = 0;
            if (k == 0 && !at->unix_socket) {
                r = learn_port(at, fd, &port, e);
                if (r < 0)
                    return r;
                if (s->port == 0)
                    s->port = port;
            }
        }
    }
    return 0;
}

void listen_close(struct http_server *s) {
    for (int k = 0; k < s->n_loops; k++) {
        struct loop *l = &s->loops[k];
        for (size_t i = 0; i < l->n_listen; i++)
            if (l->listen_fd[i] >= 0 && !(s->at[i].unix_socket && k > 0))
                close(l->listen_fd[i]);
        l->n_listen = 0;
    }
    for (size_t i = 0; i < s->n_at; i++)
        if (s->at[i].unix_socket)
            unlink(s->at[i].path);
}
