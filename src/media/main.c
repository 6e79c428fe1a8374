/*
 * main.c - zoetrope-media: loads the picture libraries and the models once, then makes one sandboxed child per job.
 *
 * Single-threaded on purpose: fork() copies only the calling thread, and everything a child needs is in memory by then. The server
 * starts it with one end of a socket pair; when that socket ends, for whatever reason, this process and its children end, too.
 *
 * Most of what a fork costs is the page tables of the models. So before it loads them, the helper forks itself once: the light process
 * runs the same loop, makes the children of operations that never need a model (OP_LIGHT), and answers the server itself. If it ends,
 * so does the helper.
 * Distributed under the GPL, because of the libraries it is linked with; its source is MIT like all of ours.
 */
#include <errno.h>
#include <getopt.h>
#include <libheif/heif.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/scope.h"
#include "media/child.h"
#include "media/info.h"
#include "media/proto.h"
#include "media/share.h"
#include "media/studio_ops.h"

#define SLOTS_MAX  64
#define FIXED      4                                /* descriptors that the loop looks at besides its children's */
#define NICE       10
#define WATCH_MS   50                               /* how often time and memory of children are looked at */

struct helper {
    int            jobs, results;                   /* sockets: where jobs come from, where results go; the server's, but for the light process */
    int            light;                           /* to the light process; -1 in itself */
    int            signals;                         /* a signalfd for SIGTERM */
    int            slots;
    bool           test_ops, info_only;
    char           share[4096];
    struct vision *vision;
    struct child   child[SLOTS_MAX];
    struct proto_packet packet;
};

/* ---- jobs ---- */

/* An answer without a child. The socket has room for it: the server has at most `slots` jobs here, and answers are small. */
static int answer(struct helper *h, int64_t job, const struct err *why) {
    struct err e = { 0 };
    struct proto_msg m = { .kind = PROTO_RESULT, .job = job, .rc = why->code, .text = str_z(why->text) };
    return proto_send(h->results, &m, NULL, 0, &e) == 1 ? 0 : -1;
}

static int take_job(struct helper *h, struct err *e) {
    const struct proto_msg *m = &h->packet.msg;
    const struct media_op_row *op = &media_ops[m->op];
    if (!media_op_takes(m->op, m->n_in, m->n_out))
        return err_set(e, ERR_BAD_INPUT, "%s does not take %zu inputs and %zu outputs", op->name, m->n_in, m->n_out);
    if ((op->needs & OP_TEST) && !h->test_ops)
        return err_set(e, ERR_BAD_INPUT, "%s is for tests only", op->name);
    if ((op->needs & OP_VISION) && !h->vision)
        return err_set(e, ERR_ENGINE_MISSING, "%s needs the models", op->name);
    if ((op->needs & OP_LIGHT) && h->light >= 0) {
        int r = proto_send(h->light, m, h->packet.fds, h->packet.n_fds, e);
        if (r != 0)
            return r;                               /* it is too busy to read: then here, which only costs more */
    }
    for (int i = 0; i < h->slots; i++) {
        if (h->child[i].pid == 0)
            return child_start(&h->child[i], &h->packet, h->vision, e);
    }
    return err_set(e, ERR_BUSY, "all %d places are taken", h->slots);
}

/* The light process has it, unless it has ended already; so much room is always in its socket. */
static int cancel(struct helper *h, const struct proto_msg *m, struct err *e) {
    for (int i = 0; i < h->slots; i++) {
        if (h->child[i].job == m->job) {
            child_kill(&h->child[i], ERR_STATE);
            return 0;
        }
    }
    return h->light < 0 || proto_send(h->light, m, NULL, 0, e) == 1 ? 0 : -1;
}

/* All that the server has sent. -1: it has gone. */
static int receive(struct helper *h) {
    for (;;) {
        struct err e = { 0 };
        int r = proto_recv(h->jobs, &h->packet, &e);
        if (r == 0)
            return 0;
        if (r < 0) {
            if (r != ERR_IO)
                log_event(LOG_ERROR, "media.server", F_ERR(&e));
            return -1;
        }
        const struct proto_msg *m = &h->packet.msg;
        if (m->kind == PROTO_CANCEL) {
            if (cancel(h, m, &e) < 0)
                return -1;
            continue;
        }
        r = m->kind == PROTO_JOB ? take_job(h, &e) : err_set(&e, ERR_BAD_INPUT, "unexpected message");
        proto_close_fds(&h->packet);
        if (r < 0 && (m->kind != PROTO_JOB || answer(h, m->job, &e) < 0))
            return -1;
    }
}

/* Sends the results that are ready; *ret_waiting when the socket is full. -1: the server has gone. */
static int report(struct helper *h, bool *ret_waiting) {
    *ret_waiting = false;
    for (int i = 0; i < h->slots; i++) {
        struct child *c = &h->child[i];
        struct err e = { 0 };
        if (!c->over)
            continue;
        int r = proto_send(h->results, &c->msg, NULL, 0, &e);
        if (r < 0)
            return -1;
        if (r == 0)
            *ret_waiting = true;
        else
            child_end(c);
    }
    return 0;
}

/* ---- the loop ---- */

static int loop(struct helper *h) {
    bool waiting = false;
    for (;;) {
        struct pollfd p[FIXED + 2 * SLOTS_MAX] = { { h->jobs, POLLIN, 0 }, { h->signals, POLLIN, 0 }, { waiting ? h->results : -1, POLLOUT, 0 },
                                                  { h->light, POLLIN, 0 } };
        bool busy = false;
        for (int i = 0; i < h->slots; i++) {        /* poll passes over -1 */
            bool alive = h->child[i].pid != 0 && !h->child[i].over;
            p[FIXED + 2 * i] = (struct pollfd){ alive ? h->child[i].pidfd : -1, POLLIN, 0 };
            p[FIXED + 1 + 2 * i] = (struct pollfd){ alive ? h->child[i].pipe : -1, POLLIN, 0 };
            busy |= alive;
        }
        if (poll(p, (nfds_t)(FIXED + 2 * h->slots), busy ? WATCH_MS : -1) < 0 && errno != EINTR)
            return -1;
        if (p[1].revents)
            return 0;
        if (p[3].revents)                           /* it says nothing, so it has ended, and its jobs with it */
            return -1;
        int64_t now = clock_mono_ms();
        for (int i = 0; i < h->slots; i++) {
            if (p[FIXED + 1 + 2 * i].revents)
                child_read(&h->child[i]);
            if (p[FIXED + 2 * i].revents)
                child_reap(&h->child[i], now);
            child_watch(&h->child[i], now);
        }
        if (p[0].revents && receive(h) < 0)
            return 0;
        if (report(h, &waiting) < 0)
            return 0;
    }
}

/* ---- start ---- */

static int usage(void) {
    fputs("zoetrope-media: the picture process of zoetrope, which starts it by itself.\n"
          "  --info        say what was found (libraries, models, sandbox) as JSON and end\n"
          "  --share=DIR   runtime and models; default: the nearest share/zoetrope above this program\n"
          "  --slots=N     children at a time, 1..64\n"
          "  --socket=FD   the server's socket\n"
          "  --test-ops    also the operations that misbehave on purpose\n",
          stderr);
    return 2;
}

static int read_args(struct helper *h, int argc, char **argv) {
    static const struct option options[] = {
        { "info", no_argument, NULL, 'i' }, { "share", required_argument, NULL, 'd' }, { "slots", required_argument, NULL, 's' },
        { "socket", required_argument, NULL, 'k' }, { "test-ops", no_argument, NULL, 't' }, { 0 },
    };
    int64_t n;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'i')
            h->info_only = true;
        else if (o == 't')
            h->test_ops = true;
        else if (o == 'd' && strlen(optarg) < sizeof h->share)
            memcpy(h->share, optarg, strlen(optarg) + 1);
        else if (o == 's' && str_int(str_z(optarg), 1, SLOTS_MAX, &n) == 0)
            h->slots = (int)n;
        else if (o == 'k' && str_int(str_z(optarg), 3, 1023, &n) == 0)
            h->jobs = h->results = (int)n;
        else
            return usage();
    }
    return optind == argc && (h->info_only || h->jobs >= 0) ? 0 : usage();
}

/* Pictures take seconds and all cores there are; whoever waits for an answer of the server waits for milliseconds. Children inherit it. */
static void give_way(void) {
    if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
        log_event(LOG_WARN, "media.nice", F_STR("error", strerror(errno)));
}

/* SIGTERM ends us in order; SIGINT is the terminal's word to the server, which tells us by closing the socket. */
static int catch_signals(void) {
    sigset_t term;
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    return signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
}

static _Noreturn void end(struct helper *h, int r) {
    for (int i = 0; i < h->slots; i++)
        child_end(&h->child[i]);
    _exit(r < 0);                                   /* taking the models apart would cost more than the kernel's way */
}

static int start_light(struct helper *h) {
    int pair[2];
    pid_t helper = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(pair[1]);
        h->light = pair[0];
        return 0;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "media-light");
    if (getppid() != helper)                        /* it died before we asked to be told */
        _exit(1);
    close(pair[0]);
    h->jobs = pair[1];
    end(h, loop(h));
}

/* Loads everything that children will share. */
static int prepare(struct helper *h, struct info *info, struct err *why) {
    char runtime[4200], models[4200];
    struct err e = { 0 };
    sandbox_prepare(&info->sandbox);
    mallopt(M_ARENA_MAX, 2);                        /* a child's threads need not reserve 64 MB each */
    heif_init(NULL);
    if (!h->info_only && start_light(h) < 0) {
        log_event(LOG_ERROR, "media.light", F_STR("error", strerror(errno)));
        return -1;
    }
    snprintf(runtime, sizeof runtime, "%s/runtime/libonnxruntime.so.1", h->share);
    snprintf(models, sizeof models, "%s/models", h->share);
    if (h->share[0] == 0)
        err_set(why, ERR_ENGINE_MISSING, "no share/zoetrope above the program");
    else if (vision_new(runtime, models, &h->vision, why) < 0)
        h->vision = NULL;
    if (child_try_sandbox(&info->sandbox, &e) < 0) {
        log_event(LOG_ERROR, "media.sandbox", F_ERR(&e));
        return -1;
    }
    info->share_dir = h->share;
    info->slots = h->slots;
    info->test_ops = h->test_ops;
    info->vision = h->vision != NULL;
    info->vision_why = why;
    return 0;
}

int main(int argc, char **argv) {
    static struct helper h = { .jobs = -1, .results = -1, .light = -1, .slots = 1 };
    BUF_CLEANUP struct buf text = { 0 };
    struct err why = { 0 }, e = { 0 };
    struct info info = { 0 };
    int r = read_args(&h, argc, argv);
    if (r != 0)
        return r;
    if (h.share[0] == 0)
        share_find(h.share, sizeof h.share);
    give_way();
    h.signals = catch_signals();
    if (h.signals < 0 || prepare(&h, &info, &why) < 0)
        return 1;
    buf_init(&text, PROTO_JSON_MAX);
    info_write(&info, &text);
    if (h.info_only)
        return printf("%s\n", text.p) < 0;
    /* The server's supervisor thread is our parent: if it dies with the socket still held by somebody, we go as well. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct proto_msg hello = { .kind = PROTO_HELLO, .json = buf_str(&text) };
    end(&h, proto_send(h.results, &hello, NULL, 0, &e) == 1 ? loop(&h) : -1);
}
