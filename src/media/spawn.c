/*
 * spawn.c - posix_spawn with nothing inherited by accident.
 */
#include "media/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/scope.h"
#include "base/str.h"

#define HELPER_FD   3                               /* its end of the socket */
#define SOCK_BYTES  (512 * 1024)                    /* asked for; messages are < 100 KiB */

/* Beside us once installed; in the build tree our neighbour's folder. */
static int find_helper(char *out, size_t cap, struct err *e) {
    static const char *const places[] = { "zoetrope-media", "../media/zoetrope-media", "src/media/zoetrope-media" };
    char dir[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    dir[n > 0 ? n : 0] = 0;
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < COUNT(places); i++) {
        int len = snprintf(out, cap, "%s/%s", dir, places[i]);
        if (len > 0 && (size_t)len < cap && access(out, X_OK) == 0)
            return 0;
    }
    return err_set(e, ERR_ENGINE_MISSING, "there is no zoetrope-media beside %s", dir);
}

static void fill_env(char **env, size_t max) {
    static const char *const passed[] = { "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=" };
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t n = 0;
    env[n++] = locale;
    for (char **v = environ; *v; v++) {
        for (size_t i = 0; i < COUNT(passed) && n + 1 < max; i++) {
            if (strncmp(*v, passed[i], strlen(passed[i])) == 0)
                env[n++] = *v;
        }
    }
    env[n] = NULL;
}

static int run(const char *path, const struct spawn_args *a, int sock, pid_t *ret_pid) {
    char slots[32], share[PATH_MAX + 16], socket_arg[32], test_ops[] = "--test-ops", name[] = "zoetrope-media";
    char *argv[6] = { name, slots, socket_arg }, *env[8];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int n = 3;
    snprintf(slots, sizeof slots, "--slots=%d", a->slots);
    snprintf(socket_arg, sizeof socket_arg, "--socket=%d", HELPER_FD);
    snprintf(share, sizeof share, "--share=%s", a->share);
    if (a->share[0])
        argv[n++] = share;
    if (a->test_ops)
        argv[n++] = test_ops;
    fill_env(env, COUNT(env));

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawn_file_actions_init(&files);
    int r = posix_spawn_file_actions_adddup2(&files, sock, HELPER_FD);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&files, HELPER_FD + 1);
    if (r == 0)
        r = posix_spawn(ret_pid, path, &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return r;
}

int spawn_start(const struct spawn_args *a, struct spawned *ret, struct err *e) {
    char found[PATH_MAX];
    int pair[2], bytes = SOCK_BYTES;
    struct spawned s = { .pidfd = -1 };
    const char *path = a->path;
    if (path[0] == 0) {
        int r = find_helper(found, sizeof found, e);
        if (r < 0)
            return r;
        path = found;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return err_sys(e, ERR_INTERNAL, "making a socket pair");
    for (int i = 0; i < 2; i++)                     /* the kernel gives what it may; less than a message never */
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    s.sock = pair[0];
    int r = run(path, a, pair[1], &s.pid);
    close(pair[1]);
    if (r == 0)
        s.pidfd = (int)syscall(SYS_pidfd_open, s.pid, 0);
    if (r != 0 || s.pidfd < 0) {
        errno = r ? r : errno;
        r = err_sys(e, ERR_ENGINE_MISSING, "starting %s", path);
        if (s.pid > 0)
            kill(s.pid, SIGKILL);
        spawn_end(&s, 0, NULL);
        return r;
    }
    *ret = s;
    return 0;
}

void spawn_end(struct spawned *s, int grace_ms, struct err *why) {
    siginfo_t info = { 0 };
    if (s->sock >= 0)
        close(s->sock);
    if (s->pidfd >= 0) {
        struct pollfd p = { s->pidfd, POLLIN, 0 };
        if (poll(&p, 1, grace_ms) <= 0)
            syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
        close(s->pidfd);
    }
    if (s->pid > 0) {
        while (waitid(P_PID, (id_t)s->pid, &info, WEXITED) < 0 && errno == EINTR)
            ;
    }
    err_set(why, ERR_MEDIA_DIED, info.si_code == CLD_EXITED ? "the picture process ended with code %d" : "the picture process was ended by signal %d",
            info.si_status);
    *s = (struct spawned){ .pidfd = -1, .sock = -1 };
}
