/*
 * scope.h - release by scope.
 * Source of the idea: systemd src/fundamental/cleanup-fundamental.h.
 */
#ifndef ZT_BASE_SCOPE_H
#define ZT_BASE_SCOPE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn##_p)))
#define DEFINE_CLEANUP(T, fn) \
    static inline void fn##_p(T **p) { if (*p) fn(*p); }
/* Hands the pointer over: the cleanup then sees NULL. */
#define TAKE(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
/* Same for descriptors: the cleanup then sees -1. */
#define TAKE_FD(fd) ({ int taken_ = (fd); (fd) = -1; taken_; })

static inline void fd_close_p(int *fd) { if (*fd >= 0) close(*fd); }
static inline void free_p(void *p) { free(*(void **)p); }
DEFINE_CLEANUP(FILE, fclose)

#endif
