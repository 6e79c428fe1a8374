/*
 * sandbox.h - what a child gives up before it looks at a stranger's bytes.
 *
 * Required (no work is done without): no_new_privs; a seccomp list of what may be asked of the kernel; resource limits; not
 * dumpable; no capabilities; no descriptors but its own. Best effort, told by `doctor`: Landlock; an empty network and its own IPC
 * namespace (entered once by the helper, inherited by every child).
 *
 * Answers to what is not on the list: opening files, sockets and asking about files fail with EPERM, because libraries probe;
 * running programs, tracing, reading others' memory, signalling others and making processes kill the child at once; all else
 * fails with ENOSYS. Threads may be made (libde265 wants some), memory may be mapped but never executable.
 *
 * Owns: nothing.  Threads: sandbox_enter() is called by the only thread of a fresh child.  Uses: libseccomp.
 */
#ifndef ZT_MEDIA_SANDBOX_H
#define ZT_MEDIA_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct sandbox_limits {
    int64_t memory_max;                             /* bytes of address space above what the child has at birth */
    int64_t cpu_s;                                  /* a second stop, should the helper's clock fail */
    int64_t file_max;                               /* bytes of one output */
    int     fds;                                    /* 0 .. fds-1 stay open */
};

/* What could be had, for the info. */
struct sandbox_level {
    bool seccomp, namespaces;
    int  landlock;                                  /* ABI version; 0 = not offered by this kernel */
};

/*
 * Once in the helper, before any library is loaded at run time: the helper, too, is left without a network, whatever a library has
 * in mind (and user namespaces are only for processes of one thread). Best effort: *ret says what came of it.
 */
void sandbox_prepare(struct sandbox_level *ret);
/* In the child. There is no way back. ERR_INTERNAL when a required part fails: the child must end. */
int sandbox_enter(const struct sandbox_limits *lim, struct sandbox_level *ret, struct err *e);

#endif
