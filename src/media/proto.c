/*
 * proto.c - messages to bytes and back, and one packet at a time over the socket.
 */
#include "media/proto.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x4d41475aU                           /* "ZGAM" */

struct head {
    uint32_t magic, version;
    uint32_t kind;
    int32_t  op, rc;
    uint32_t n_in, n_out;
    uint32_t text_n, json_n;
    uint32_t zero;
    int64_t  job, limit_ms, memory_max, took_ms, peak_bytes;
};
_Static_assert(sizeof(struct head) == 80, "no padding: every byte of a message is written");
_Static_assert(sizeof(struct head) <= 128, "PROTO_MESSAGE_MAX counts on it");

void proto_write(const struct proto_msg *m, struct buf *out) {
    struct head h = {
        .magic = MAGIC, .version = PROTO_VERSION, .kind = m->kind, .op = m->op, .rc = m->rc,
        .n_in = (uint32_t)m->n_in, .n_out = (uint32_t)m->n_out,
        .text_n = (uint32_t)(m->text.n > PROTO_TEXT_MAX ? PROTO_TEXT_MAX : m->text.n), .json_n = (uint32_t)m->json.n,
        .job = m->job, .limit_ms = m->limit_ms, .memory_max = m->memory_max, .took_ms = m->took_ms, .peak_bytes = m->peak_bytes,
    };
    buf_add(out, &h, sizeof h);
    buf_add(out, m->text.p, h.text_n);
    buf_add(out, m->json.p, h.json_n);
}

size_t proto_length(struct str bytes) {
    struct head h;
    if (bytes.n < sizeof h)
        return 0;
    memcpy(&h, bytes.p, sizeof h);
    return sizeof h + (size_t)h.text_n + (size_t)h.json_n;
}

/* What each kind must and must not carry. NULL when fine, else what is wrong. */
static const char *wrong(const struct head *h, size_t n_fds) {
    bool job = h->kind == PROTO_JOB, result = h->kind == PROTO_RESULT, hello = h->kind == PROTO_HELLO;
    if (!job && !result && !hello && h->kind != PROTO_CANCEL)
        return "unknown kind";
    if (h->zero != 0)
        return "reserved bytes are set";
    if (hello ? h->job != 0 : h->job <= 0)
        return "job number";
    if (h->text_n > PROTO_TEXT_MAX || h->json_n > (job ? PROTO_PARAMS_MAX : PROTO_JSON_MAX))
        return "too long";
    if (job ? h->n_in > PROTO_FDS_MAX || h->n_out > PROTO_FDS_MAX || h->n_in + h->n_out != n_fds : n_fds != 0 || h->n_in || h->n_out)
        return "number of descriptors";
    if (job ? h->op < 0 || h->op >= MEDIA_OP_COUNT || h->limit_ms <= 0 || h->memory_max <= 0 : h->limit_ms || h->memory_max || h->op)
        return "operation or limits";
    if (h->rc != 0 && (!result || h->rc <= ERR__BASE || h->rc >= ERR__END))
        return "result code";
    if (h->took_ms < 0 || h->peak_bytes < 0 || (!result && (h->took_ms || h->peak_bytes)))
        return "measures";
    if (result && h->rc == 0 ? h->json_n == 0 || h->text_n != 0 : result && h->json_n != 0)
        return "a result is JSON or a failure";
    return NULL;
}

int proto_read(struct str bytes, size_t n_fds, struct proto_msg *ret, struct err *e) {
    struct head h;
    if (bytes.n < sizeof h)
        return err_set(e, ERR_BAD_INPUT, "message cut short");
    memcpy(&h, bytes.p, sizeof h);
    if (h.magic != MAGIC)
        return err_set(e, ERR_BAD_INPUT, "not a message of ours");
    if (h.version != PROTO_VERSION)
        return err_set(e, ERR_BAD_INPUT, "protocol version %u, ours is %u: two different builds", h.version, (unsigned)PROTO_VERSION);
    const char *what = wrong(&h, n_fds);
    if (!what && bytes.n != sizeof h + h.text_n + h.json_n)
        what = "length";
    if (what)
        return err_set(e, ERR_BAD_INPUT, "bad message: %s", what);
    const char *body = bytes.p + sizeof h;
    *ret = (struct proto_msg){
        .kind = (enum proto_kind)h.kind, .job = h.job, .op = h.op, .rc = h.rc, .limit_ms = h.limit_ms, .memory_max = h.memory_max,
        .took_ms = h.took_ms, .peak_bytes = h.peak_bytes, .n_in = h.n_in, .n_out = h.n_out,
        .text = { body, h.text_n }, .json = { body + h.text_n, h.json_n },
    };
    return 0;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PROTO_FDS_MAX * sizeof(int))];
};

int proto_send(int sock, const struct proto_msg *m, const int *fds, size_t n_fds, struct err *e) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, PROTO_MESSAGE_MAX);
    proto_write(m, &b);
    if (b.failed || n_fds > PROTO_FDS_MAX)
        return err_set(e, ERR_TOO_BIG, "message to the picture process over %d bytes or %d descriptors", PROTO_MESSAGE_MAX, PROTO_FDS_MAX);

    struct iovec iov = { b.p, b.n };
    union control c = { 0 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (n_fds > 0) {
        msg.msg_control = c.bytes;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
    }
    for (;;) {
        if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return 1;
        if (errno == EAGAIN || errno == ENOBUFS)
            return 0;
        if (errno != EINTR)
            return err_sys(e, errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ERR_IO : ERR_INTERNAL, "sending to the other side");
    }
}

static void take_fds(struct msghdr *msg, struct proto_packet *p) {
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);   /* the kernel never gives more than the room in union control */
        for (size_t i = 0; i < n && p->n_fds < PROTO_FDS_MAX; i++)
            memcpy(&p->fds[p->n_fds++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
    }
}

int proto_recv(int sock, struct proto_packet *p, struct err *e) {
    struct iovec iov = { p->bytes, sizeof p->bytes };
    union control c = { 0 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = sizeof c.bytes };
    p->n_fds = 0;
    for (size_t i = 0; i < PROTO_FDS_MAX; i++)
        p->fds[i] = -1;
    ssize_t n;
    do {
        n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n < 0)
        return err_sys(e, ERR_IO, "receiving from the other side");
    take_fds(&msg, p);
    if (n == 0) {                                   /* an empty packet is never sent: the end */
        proto_close_fds(p);
        return err_set(e, ERR_IO, "the other side has closed");
    }
    int r = msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? err_set(e, ERR_BAD_INPUT, "message or descriptors over the limit")
                                                     : proto_read((struct str){ p->bytes, (size_t)n }, p->n_fds, &p->msg, e);
    if (r < 0) {
        proto_close_fds(p);
        return r;
    }
    return 1;
}

void proto_close_fds(struct proto_packet *p) {
    for (size_t i = 0; i < p->n_fds; i++) {
        if (p->fds[i] >= 0)
            close(p->fds[i]);
        p->fds[i] = -1;
    }
    p->n_fds = 0;
}
