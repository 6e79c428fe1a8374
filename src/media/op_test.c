/*
 * op_test.c - operations that misbehave on purpose, offered only with --test-ops: what the sandbox must stop is tried from where
 * a taken-over decoder would try it.
 */
#include "media/op.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "media/photo.h"

int op_spin(struct op *op, struct err *e) {
    for (volatile unsigned n = 0;; n++)
        ;
    return 0;
}

int op_hog(struct op *op, struct err *e) {
    const size_t step = 8 * 1024 * 1024;
    for (;;) {
        char *p = malloc(step);
        if (!p)
            return err_set(e, ERR_MEDIA_MEMORY, "no more memory");
        for (size_t i = 0; i < step; i += 4096)
            ((volatile char *)p)[i] = 1;
    }
}

static sem_t never;

static void *wait_on(void *p) {
    for (;;)
        sem_wait(&never);                           /* nobody posts it; pause() is not on the list */
    return NULL;
}

/* More threads than any work takes, all waiting: they use neither much memory nor time, but the machine has only so many. */
int op_swarm(struct op *op, struct err *e) {
    pthread_attr_t small;
    pthread_t t;
    sem_init(&never, /* pshared= */ 0, 0);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
    for (int i = 0; i < 1000; i++)
        if (pthread_create(&t, &small, wait_on, NULL) != 0)
            return err_set(e, ERR_INTERNAL, "thread %d could not be started", i);
    wait_on(NULL);
    return 0;
}

int op_crash(struct op *op, struct err *e) {
    signal(SIGSEGV, SIG_DFL);                       /* a sanitizer would catch it */
    volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *p = 1;
    return err_set(e, ERR_INTERNAL, "a forbidden page was written to");
}

int op_copy(struct op *op, struct err *e) {
    struct str b = STR_NULL;
    char c[64];
    while (op->n_in > 1 && read(op->in[1], c, sizeof c) > 0)        /* the test's word to go on: the other end is closed */
        ;
    int r = op_read(op->in[0], 1 << 20, &b, e);
    if (r == 0)
        r = op_write(op->out[0], b, e);
    jw_obj(&op->w);
    jw_kint(&op->w, "bytes", (int64_t)b.n);
    jw_end_obj(&op->w);
    return r;
}

/* ---- escapes: each returns -1 with errno set when it was stopped ---- */

static long try_open(struct op *op) { return open("/etc/passwd", O_RDONLY); }
static long try_create(struct op *op) { return open("/tmp/zoetrope-escape", O_WRONLY | O_CREAT, 0600); }
static long try_stat(struct op *op) {
    struct stat st;
    return stat("/etc/passwd", &st);
}
static long try_proc(struct op *op) { return open("/proc/self/mem", O_RDWR); }
static long try_unlink(struct op *op) { return unlink("/tmp/zoetrope-escape"); }
static long try_socket_inet(struct op *op) { return socket(AF_INET, SOCK_STREAM, 0); }
static long try_socket_unix(struct op *op) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static long try_connect(struct op *op) {
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return connect(3, (struct sockaddr *)&a, sizeof a);
}
static long try_exec(struct op *op) {
    char path[] = "/bin/true", *argv[] = { path, NULL }, *env[] = { NULL };
    return execve(path, argv, env);
}
static long try_fork(struct op *op) {
    long pid = fork();
    if (pid == 0)
        _exit(0);
    return pid;
}
static long try_clone_process(struct op *op) {
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid;
}
static long try_clone3_process(struct op *op) {
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } a = { .exit_signal = SIGCHLD };
    long pid = syscall(SYS_clone3, &a, sizeof a);
    if (pid == 0)
        _exit(0);
    return pid;
}
static long try_ptrace(struct op *op) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static long try_read_memory(struct op *op) {
    char c;
    struct iovec mine = { &c, 1 }, theirs = { &c, 1 };
    return process_vm_readv(1, &mine, 1, &theirs, 1, 0);
}
static long try_kill(struct op *op) { return kill(1, 0); }
static long try_tgkill(struct op *op) { return syscall(SYS_tgkill, 1, 1, 0); }
static long try_pidfd(struct op *op) { return syscall(SYS_pidfd_open, 1, 0); }
static long try_getfd(struct op *op) { return syscall(SYS_pidfd_getfd, 3, 0, 0); }
static long try_dup(struct op *op) { return dup(0); }
static long try_map_exec(struct op *op) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : 0;
}
static long try_protect_exec(struct op *op) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static long try_unshare(struct op *op) { return unshare(CLONE_NEWUSER); }
static long try_mount(struct op *op) { return mount("none", "/tmp", "tmpfs", 0, NULL); }
static long try_chroot(struct op *op) { return chroot("/"); }
static long try_bpf(struct op *op) { return syscall(SYS_bpf, 0, NULL, 0); }
static long try_io_uring(struct op *op) {
    struct io_uring_params p = { 0 };
    return syscall(SYS_io_uring_setup, 1, &p);
}
static long try_seccomp(struct op *op) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL); }
static long try_dumpable(struct op *op) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long try_raise_limit(struct op *op) {
    struct rlimit r = { 64, 64 };
    return setrlimit(RLIMIT_NOFILE, &r);
}
static long try_huge_file(struct op *op) { return op->n_out ? pwrite(op->out[0], "x", 1, 1LL << 40) : 0; }

/* Positive controls: these must work, else the table proves nothing. */
static void *set_flag(void *p) {
    *(int *)p = 1;
    return NULL;
}
static long try_thread(struct op *op) {
    pthread_t t;
    int ran = 0;
    int r = pthread_create(&t, NULL, set_flag, &ran);
    if (r == 0)
        r = pthread_join(t, NULL);
    errno = r;
    return r == 0 && ran ? 0 : -1;
}
static long try_own_input(struct op *op) {
    char c;
    return op->n_in ? pread(op->in[0], &c, 1, 0) : -1;
}

/* Every number that is not ours, read and written: whatever another task or the helper has open must not be behind any. */
static long try_other_fds(struct op *op) {
    char c = 0;
    for (int fd = 4 + (int)(op->n_in + op->n_out); fd < 4096; fd++) {
        if (pread(fd, &c, 1, 0) >= 0 || errno != EBADF || read(fd, &c, 1) >= 0 || errno != EBADF || write(fd, &c, 1) >= 0 || errno != EBADF)
            return fd;
    }
    return -1;                                      /* errno is EBADF */
}

static const struct { const char *what; long (*attempt)(struct op *op); } escapes[] = {
    { "open", try_open }, { "create", try_create }, { "stat", try_stat }, { "proc", try_proc }, { "unlink", try_unlink },
    { "socket_inet", try_socket_inet }, { "socket_unix", try_socket_unix }, { "connect", try_connect }, { "exec", try_exec },
    { "fork", try_fork }, { "clone_process", try_clone_process }, { "clone3_process", try_clone3_process }, { "ptrace", try_ptrace },
    { "read_memory", try_read_memory }, { "kill", try_kill }, { "tgkill", try_tgkill }, { "pidfd", try_pidfd }, { "getfd", try_getfd },
    { "dup", try_dup }, { "map_exec", try_map_exec }, { "protect_exec", try_protect_exec }, { "unshare", try_unshare },
    { "mount", try_mount }, { "chroot", try_chroot }, { "bpf", try_bpf }, { "io_uring", try_io_uring }, { "seccomp", try_seccomp },
    { "dumpable", try_dumpable }, { "raise_limit", try_raise_limit }, { "huge_file", try_huge_file }, { "other_fds", try_other_fds },
    { "thread", try_thread }, { "own_input", try_own_input },
};

struct escape_params {
    struct str what;
};

int op_escape(struct op *op, struct err *e) {
    static const struct json_field fields[] = {
        { "what", JSON_F_STR, true, 1, 40, offsetof(struct escape_params, what), NULL, NULL, NULL }, { 0 },
    };
    struct escape_params q = { 0 };
    int r = json_bind(fields, op->params, op->arena, &q, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < COUNT(escapes); i++) {
        if (!str_eqz(q.what, escapes[i].what))
            continue;
        errno = 0;
        long got = escapes[i].attempt(op);
        jw_obj(&op->w);
        jw_kz(&op->w, "errno", got >= 0 ? "none" : strerrorname_np(errno));
        jw_end_obj(&op->w);
        return 0;
    }
    return err_set(e, ERR_BAD_INPUT, "what: unknown");
}

int op_spin_light(struct op *op, struct err *e) { return op_spin(op, e); }
int op_escape_light(struct op *op, struct err *e) { return op_escape(op, e); }
