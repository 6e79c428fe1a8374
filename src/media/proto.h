/*
 * proto.h - the messages between the server and zoetrope-media.
 *
 * One SOCK_SEQPACKET socket pair, inherited by exec: a message is one packet, its descriptors travel with it (SCM_RIGHTS).
 *
 *   helper -> server   HELLO   once, when the models are loaded: json = what it is (see --info)
 *   server -> helper   JOB     job, op, limit_ms, memory_max, n_in + n_out descriptors, json = parameters
 *   server -> helper   CANCEL  job: its child is killed; a RESULT follows unless one was under way
 *   helper -> server   RESULT  job, rc, took_ms, peak_bytes, text = detail when rc < 0, json = result when rc == 0
 *
 * A child hands its RESULT to the helper through a pipe in the same form, so what is read there is what a stranger's file may
 * have written: proto_read() believes nothing. There is no answer to a message of another version: the server ends that helper.
 * Layout: struct head in proto.c, then text, then json; host byte order, because both ends are one machine and one build.
 *
 * Owns: nothing.  Threads: any, one socket at a time.
 */
#ifndef ZT_MEDIA_PROTO_H
#define ZT_MEDIA_PROTO_H

#include "base/buf.h"
#include "base/err.h"
#include "media/ops.h"

#define PROTO_FDS_MAX     32                        /* of one message */
#define PROTO_TEXT_MAX    239                       /* struct err holds no more */
#define PROTO_JSON_MAX    (96 * 1024)               /* VISION_REPORT_MAX and what stands around it */
#define PROTO_PARAMS_MAX  (64 * 1024)
#define PROTO_MESSAGE_MAX (128 + PROTO_TEXT_MAX + PROTO_JSON_MAX)
/* Codes and operations travel as numbers. Counting them in makes two builds that number them differently strangers. */
#define PROTO_VERSION     (1 << 20 | MEDIA_OP_COUNT << 12 | (ERR__END - ERR__BASE))

enum proto_kind { PROTO_HELLO = 1, PROTO_JOB, PROTO_CANCEL, PROTO_RESULT };

struct proto_msg {
    enum proto_kind kind;
    int64_t    job;                                 /* > 0, except HELLO */
    int        op;                                  /* enum media_op */
    int        rc;                                  /* 0 or ERR_* */
    int64_t    limit_ms, memory_max;                /* > 0 in JOB */
    int64_t    took_ms, peak_bytes;
    size_t     n_in, n_out;
    struct str text, json;                          /* borrowed */
};

/* Appends the message to out; out->failed when its max is too small. */
void proto_write(const struct proto_msg *m, struct buf *out);
/* How many bytes a message starting with these takes in all; 0 when more of it is needed to know. Only for streams (pipes). */
size_t proto_length(struct str bytes);
/* Reads one whole message; text and json of *ret point into bytes. n_fds: that came with it. ERR_BAD_INPUT saying what is wrong. */
int proto_read(struct str bytes, size_t n_fds, struct proto_msg *ret, struct err *e);

/* Sends m with descriptors (not closed). 1 sent; 0 the socket is full, try when it is writable; < 0: ERR_IO the peer is gone; ERR_TOO_BIG,
 * ERR_INTERNAL this message cannot be sent. */
int proto_send(int sock, const struct proto_msg *m, const int *fds, size_t n_fds, struct err *e);

/* One received packet. */
struct proto_packet {
    char       bytes[PROTO_MESSAGE_MAX];
    int        fds[PROTO_FDS_MAX];                  /* the receiver's to close; -1 behind the last */
    size_t     n_fds;
    struct proto_msg msg;                           /* points into bytes */
};
/* 1 received; 0 nothing there now; < 0 ERR_IO the peer has closed, ERR_BAD_INPUT it talks nonsense (its descriptors are closed). */
int proto_recv(int sock, struct proto_packet *p, struct err *e);
/* Closes the descriptors still listed. */
void proto_close_fds(struct proto_packet *p);

#endif
