/*
 * child.h - one sandboxed child of the helper, working on one job: born by fork, watched, ended, its result picked up.
 * Owns: struct child owns the process, its descriptors and its result.
 * Threads: the helper's only one.  Nothing here waits, except child_end().
 */
#ifndef ZT_MEDIA_CHILD_H
#define ZT_MEDIA_CHILD_H

#include <sys/types.h>
#include "base/buf.h"
#include "media/proto.h"
#include "media/sandbox.h"

struct vision;

struct child {
    pid_t      pid;                                 /* 0: this place is free */
    int        pidfd, pipe;                         /* pipe -1: everything was read, or nothing more is wanted */
    int64_t    job, started_ms, deadline_ms, memory_max, born_rss;
    int        killed;                              /* ERR_* for which we killed it, or 0 */
    bool       swarm;                               /* it had more threads than any work takes */
    bool       over;                                /* it is dead and reaped; `msg` waits to be sent */
    struct buf said;
    struct proto_msg msg;                           /* the RESULT; text and json point into said or why */
    struct err why;
};

/* Starts a child on a JOB. The packet's descriptors stay the caller's. ERR_INTERNAL when the machine gives no process. */
int child_start(struct child *c, const struct proto_packet *job, struct vision *v, struct err *e);
/* Reads what is in its pipe. */
void child_read(struct child *c);
/* Kills it when it is over its time, its memory or its threads. */
void child_watch(struct child *c, int64_t now_ms);
/* Kills it; its result will be `code`. */
void child_kill(struct child *c, int code);
/* When its pidfd is readable: reaps it and fills c->msg. */
void child_reap(struct child *c, int64_t now_ms);
/* Frees the place; kills and reaps first when needed (waits for the kernel to do so). */
void child_end(struct child *c);

/* Starts a child that only enters the sandbox and says how far that went. ERR_INTERNAL: no work may be done on this machine. */
int child_try_sandbox(struct sandbox_level *ret, struct err *e);

#endif
