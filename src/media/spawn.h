/*
 * spawn.h - the helper as a process of the server: started by exec, told from others by its pidfd, ended.
 * Owns: struct spawned owns the process and the server's end of its socket.
 * Threads: one (the supervisor of client.c); the helper dies with the thread that started it.
 */
#ifndef ZT_MEDIA_SPAWN_H
#define ZT_MEDIA_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

struct spawned {
    pid_t pid;                                      /* 0: none */
    int   pidfd, sock;                              /* -1: none */
};

struct spawn_args {
    const char *path;                               /* "" = zoetrope-media beside this program */
    const char *share;                              /* "" = the helper finds it */
    int         slots;
    bool        test_ops;
};

/*
 * The helper gets the socket, stderr and nothing else of ours: no other descriptor, none of our environment (there may be secrets
 * in it), its own process group (^C is for the server alone). ERR_ENGINE_MISSING when there is no such program or it does not start.
 */
int spawn_start(const struct spawn_args *a, struct spawned *ret, struct err *e);
/* Closes the socket, waits up to grace_ms for it to end by itself, kills it, reaps it. Writes how it ended into why. */
void spawn_end(struct spawned *s, int grace_ms, struct err *why);

#endif
