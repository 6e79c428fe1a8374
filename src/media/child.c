/*
 * child.c - what the helper does about a child, then what the child does itself (child_main and above it, marked).
 *
 * A child may be in the hands of the file it reads. What it says is therefore only believed as far as proto_read() checks it, and
 * how it ended is asked of the kernel.
 */
#include "media/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "media/op.h"

#define FILE_MAX      (128LL * 1024 * 1024)         /* bytes of one output */
#define RESULT_FD     3                             /* in the child; its inputs and outputs follow */
#define HIGH_FD       (RESULT_FD + 1 + PROTO_FDS_MAX)   /* descriptors are moved out of the way to here and above */
#define OP_ARENA_MAX  (16 * 1024 * 1024)
#define THREADS_MAX   512                           /* of a child; the libraries take one or two for each core */

/* A sanitizer's report is worth more than a quiet log. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_STDERR true
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define KEEP_STDERR true
#endif
#ifndef KEEP_STDERR
#define KEEP_STDERR false
#endif

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- inside the child ---- */

/* 0, 1, 2 become /dev/null, 3 the result pipe, 4... the job's descriptors: a child can tell nothing from their numbers. */
static int arrange_fds(int result, const int *fds, size_t n) {
    int from[PROTO_FDS_MAX + 1], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    _Static_assert(HIGH_FD > RESULT_FD + PROTO_FDS_MAX, "a descriptor must not be overwritten before it has moved");
    from[0] = result;
    for (size_t i = 0; i < n; i++)
        from[i + 1] = fds[i];
    for (size_t i = 0; i <= n; i++) {
        if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, HIGH_FD)) < 0)
            return -1;
    }
    for (int i = 0; i < (KEEP_STDERR ? 2 : 3); i++) {
        if (null < 0 || dup2(null, i) < 0)
            return -1;
    }
    for (size_t i = 0; i <= n; i++) {
        if (dup2(from[i], RESULT_FD + (int)i) < 0)
            return -1;
    }
    return RESULT_FD + 1 + (int)n;
}

static void write_all(int fd, struct str s) {
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            _exit(1);
        if (n > 0)
            s = (struct str){ s.p + n, s.n - (size_t)n };
    }
}

static int run_op(const struct proto_msg *job, struct vision *v, struct buf *result, struct err *e) {
    static int (*const ops[])(struct op *, struct err *) = {
#define MEDIA_OP(name, in_min, in_max, out_min, out_max, needs) op_##name,
#include "media/ops.def"
#undef MEDIA_OP
    };
    int fds[PROTO_FDS_MAX];
    for (int i = 0; i < PROTO_FDS_MAX; i++)
        fds[i] = RESULT_FD + 1 + i;
    json_t *params = NULL;
    int r = json_read(job->json.n ? job->json : STR("{}"), &params, e);
    if (r < 0)
        return r;
    struct op op = { .vision = v, .arena = arena_new(OP_ARENA_MAX), .params = params, .in = fds, .out = fds + job->n_in,
                     .n_in = job->n_in, .n_out = job->n_out, .result = result };
    jw_init(&op.w, result);
    r = ops[job->op](&op, e);
    if (r == 0 && result->failed)
        r = err_set(e, ERR_TOO_BIG, "the result is over %d bytes", PROTO_JSON_MAX);
    return r < 0 ? r : 0;                           /* nothing is freed: the process ends with it */
}

static _Noreturn void child_main(const struct proto_packet *p, struct vision *v, int result_fd, pid_t helper) {
    struct buf json, out;
    struct err e = { 0 };
    struct sandbox_level level = { 0 };
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != helper)                        /* it died before we asked to be told */
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int fds = arrange_fds(result_fd, p->fds, p->n_fds);
    if (fds < 0)
        _exit(1);
    int64_t slack = p->msg.memory_max / 4 + 128 * 1024 * 1024;   /* address space is reserved more freely than memory is used */
    struct sandbox_limits lim = { p->msg.memory_max + slack, p->msg.limit_ms / 250 + 2, FILE_MAX, fds };
    int r = sandbox_enter(&lim, &level, &e);
    buf_init(&json, PROTO_JSON_MAX);
    buf_init(&out, PROTO_MESSAGE_MAX);
    if (r == 0)
        r = run_op(&p->msg, v, &json, &e);
    struct proto_msg m = { .kind = PROTO_RESULT, .job = p->msg.job, .rc = r };
    if (r < 0)
        m.text = str_z(e.text);
    else
        m.json = buf_str(&json);
    proto_write(&m, &out);
    write_all(RESULT_FD, buf_str(&out));
    _exit(0);
}

/* ---- inside the helper ---- */

/* Resident bytes and threads of a process; 0 and 0 when it is gone. Fields 20 and 24 of proc(5) /proc/PID/stat; what stands before ')' is a name. */
static int64_t resident(pid_t pid, int *ret_threads) {
    char path[40], text[1024];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    *ret_threads = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %*u %*u %lld", ret_threads, &pages) != 2)
        return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

/* A process with a pipe to speak through and a descriptor that tells its end. Returns 1 in the child, where c->pid is its parent's. */
static int spawn(struct child *c, int *ret_write_end, struct err *e) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, ERR_INTERNAL, "making a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pid_t helper = getpid(), pid = fork();
    if (pid == 0) {
        c->pid = helper;
        *ret_write_end = ends[1];
        return 1;
    }
    close(ends[1]);
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0) {
        int r = err_sys(e, ERR_INTERNAL, "starting a child");
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        close(ends[0]);
        return r;
    }
    c->pid = pid;
    c->pidfd = pidfd;
    c->pipe = ends[0];
    return 0;
}

int child_start(struct child *c, const struct proto_packet *job, struct vision *v, struct err *e) {
    int write_end = -1;
    *c = (struct child){ .pidfd = -1, .pipe = -1 };
    int threads;
    int64_t born_rss = resident(getpid(), &threads);
    int r = spawn(c, &write_end, e);
    if (r == 1)
        child_main(job, v, write_end, c->pid);
    if (r < 0)
        return r;
    c->job = job->msg.job;
    c->started_ms = clock_mono_ms();
    c->deadline_ms = c->started_ms + job->msg.limit_ms;
    c->memory_max = job->msg.memory_max;
    c->born_rss = born_rss;                         /* pages shared with us are not its own use */
    buf_init(&c->said, PROTO_MESSAGE_MAX);
    return 0;
}

void child_kill(struct child *c, int code) {
    if (c->pid == 0 || c->over || c->killed)
        return;
    c->killed = code;
    syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
}

void child_read(struct child *c) {
    char block[16384];
    while (c->pipe >= 0) {
        ssize_t n = read(c->pipe, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0)
            buf_add(&c->said, block, (size_t)n);
        if (c->said.failed)
            child_kill(c, ERR_INTERNAL);            /* more than any result may be */
        if (n <= 0 || c->said.failed)
            close_fd(&c->pipe);
    }
}

void child_watch(struct child *c, int64_t now_ms) {
    if (c->pid == 0 || c->over)
        return;
    int threads;
    int64_t own = resident(c->pid, &threads) - c->born_rss;
    c->swarm |= threads > THREADS_MAX;
    if (now_ms >= c->deadline_ms)
        child_kill(c, ERR_MEDIA_TIME);
    else if (own > c->memory_max || c->swarm)
        child_kill(c, ERR_MEDIA_MEMORY);
}

/* Why there is no result: what we did to it, else what the kernel says. */
static int judge(const struct child *c, int status, int64_t used, struct err *e) {
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (c->killed == ERR_MEDIA_TIME || sig == SIGXCPU)
        return err_set(e, ERR_MEDIA_TIME, "stopped after %lld ms", (long long)(c->deadline_ms - c->started_ms));
    if (c->killed == ERR_MEDIA_MEMORY && c->swarm)
        return err_set(e, ERR_MEDIA_MEMORY, "over %d threads", THREADS_MAX);
    if (c->killed == ERR_MEDIA_MEMORY || (sig && !c->killed && used > c->memory_max / 10 * 9))
        return err_set(e, ERR_MEDIA_MEMORY, "over %lld bytes", (long long)c->memory_max);
    if (c->killed == ERR_INTERNAL)
        return err_set(e, ERR_INTERNAL, "the child said too much");
    if (c->killed)
        return err_set(e, c->killed, "cancelled");
    if (sig == SIGSYS)
        return err_set(e, ERR_MEDIA_DIED, "the child made a forbidden system call");
    if (sig)
        return err_set(e, ERR_MEDIA_DIED, "the child was ended by signal %d", sig);
    return err_set(e, ERR_MEDIA_DIED, "the child ended without a result");
}

void child_reap(struct child *c, int64_t now_ms) {
    struct rusage used;
    struct proto_msg m;
    int status = 0;
    pid_t pid = wait4(c->pid, &status, WNOHANG, &used);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    child_read(c);                                  /* what it said last is still in the pipe */
    close_fd(&c->pipe);
    close_fd(&c->pidfd);
    c->over = true;
    int64_t own = (int64_t)used.ru_maxrss * 1024 - c->born_rss;
    own = own < 0 ? 0 : own;
    bool whole = !c->killed && WIFEXITED(status) && WEXITSTATUS(status) == 0 && !c->said.failed &&
                 proto_read(buf_str(&c->said), 0, &m, &c->why) == 0 && m.kind == PROTO_RESULT && m.job == c->job;
    if (!whole) {
        m = (struct proto_msg){ .kind = PROTO_RESULT, .job = c->job, .rc = judge(c, status, own, &c->why) };
        m.text = str_z(c->why.text);
    }
    m.took_ms = now_ms - c->started_ms;
    m.peak_bytes = own;
    c->msg = m;
}

void child_end(struct child *c) {
    if (c->pid > 0 && !c->over) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_fd(&c->pipe);
    close_fd(&c->pidfd);
    buf_done(&c->said);
    *c = (struct child){ .pidfd = -1, .pipe = -1 };
}

int child_try_sandbox(struct sandbox_level *ret, struct err *e) {
    struct child c = { .pidfd = -1, .pipe = -1 };
    struct { struct sandbox_level level; struct err e; int rc; } say = { .level = *ret };
    int write_end = -1, r = spawn(&c, &write_end, e);
    if (r < 0)
        return r;
    if (r == 1) {
        struct sandbox_limits lim = { 1LL << 30, 10, FILE_MAX, RESULT_FD + 1 };
        int fds = arrange_fds(write_end, NULL, 0);
        say.rc = fds < 0 ? err_set(&say.e, ERR_INTERNAL, "no descriptors") : sandbox_enter(&lim, &say.level, &say.e);
        write_all(fds < 0 ? write_end : RESULT_FD, (struct str){ (const char *)&say, sizeof say });
        _exit(0);
    }
    struct pollfd p = { .fd = c.pidfd, .events = POLLIN };
    while (poll(&p, 1, 10000) < 0 && errno == EINTR)
        ;
    ssize_t n = read(c.pipe, &say, sizeof say);
    child_end(&c);
    if (n != sizeof say)
        return err_set(e, ERR_INTERNAL, "the sandbox killed its own trial");
    if (say.rc < 0)
        return err_set(e, say.rc, "%s", say.e.text);
    *ret = say.level;
    return 0;
}
