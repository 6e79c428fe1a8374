/*
 * client.c - the queue, and the one thread that talks to the helper.
 *
 * A job is in exactly one place: a queue, a running slot, or the list of dropped ones; whoever takes it out ends it, once, by
 * done(), with the lock released. Only the supervisor ends jobs and only it touches the helper; other threads put jobs in, mark
 * them cancelled, and ring the bell (an eventfd).
 *
 *   helper:  none -> starting (HELLO awaited) -> ready -> none        "down" = the last start failed; jobs are then refused
 */
#include "media/client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "media/proto.h"
#include "media/spawn.h"

#define SLOTS_MAX        64
#define PRIORITIES       2
#define HELLO_MS         60000                      /* loading the models on a busy machine */
#define ANSWER_GRACE_MS  5000                       /* past a job's limit: the helper itself hangs */
#define END_GRACE_MS     2000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   10000
#define HEALTHY_MS       1000                       /* a helper that lived this long, or did a job, is started again at once */

const struct setting media_settings[] = {
    { "media.helper", SET_STR, "", 0, 4000, "Path of zoetrope-media; empty: beside this program." },
    { "media.share", SET_STR, "", 0, 4000, "Folder with runtime/ and models/; empty: the nearest share/zoetrope above the program." },
    { "media.slots", SET_INT, "0", 0, SLOTS_MAX, "Pictures worked on side by side; 0: one a core." },
    { "media.step_ms", SET_MS, "30s", 100, 600000, "Longest time one picture operation may take." },
    { "media.memory_bytes", SET_BYTES, "1G", 64 << 20, 1LL << 36, "Most memory one picture operation may use." },
    { "media.queue_max", SET_INT, "256", 1, 100000, "Picture operations that may wait; more are refused as busy." },
    { "media.test_ops", SET_BOOL, "false", 0, 1, "Offer the operations that misbehave on purpose; for tests only." },
    { 0 },
};

struct queue {
    struct media_job *first, **end;
};

struct media {
    struct spawn_args args;                         /* path and share belong to the config */
    int64_t         step_ms, memory_max, queue_max;
    pthread_t       thread;
    int             bell;                           /* eventfd */

    pthread_mutex_t lock;                           /* for all below */
    struct queue    queue[PRIORITIES], dropped;
    struct media_job *running[SLOTS_MAX];
    bool            cancel[SLOTS_MAX];              /* the supervisor has yet to tell the helper */
    bool            stop, down;
    struct err      down_why;
    struct media_stats stats;
    char           *info;                           /* HELLO's JSON, or NULL */
    size_t          info_n;

    /* the supervisor's own */
    struct spawned  helper;
    bool            ready;
    int64_t         born_ms, ready_ms, results, next_job, start_at_ms, backoff_ms;
    struct proto_packet packet;
};

/* ---- queues ---- */

static void queue_init(struct queue *q) {
    q->first = NULL;
    q->end = &q->first;
}

static void queue_add(struct queue *q, struct media_job *j) {
    j->next = NULL;
    *q->end = j;
    q->end = &j->next;
}

static struct media_job *queue_take(struct queue *q) {
    struct media_job *j = q->first;
    if (j && !(q->first = j->next))
        q->end = &q->first;
    return j;
}

static bool queue_remove(struct queue *q, const struct media_job *j) {
    struct media_job **at = &q->first;
    while (*at && *at != j)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = j->next;
    if (!*at)
        q->end = at;
    return true;
}

static void ring(struct media *m) {
    uint64_t one = 1;
    while (write(m->bell, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* ---- ending jobs (supervisor) ---- */

static void count_end(struct media *m, int rc, int64_t took_ms) {
    m->stats.jobs++;
    m->stats.ms_sum += took_ms;
    m->stats.failed += rc < 0;
    m->stats.died += rc == ERR_MEDIA_DIED;
    m->stats.timed_out += rc == ERR_MEDIA_TIME;
    m->stats.over_memory += rc == ERR_MEDIA_MEMORY;
}

static void finish(struct media *m, struct media_job *j, int rc, struct str result, const struct err *e, int64_t took_ms) {
    pthread_mutex_lock(&m->lock);
    count_end(m, rc, took_ms);
    pthread_mutex_unlock(&m->lock);
    j->done(j, rc, result, e);
}

static void fail(struct media *m, struct media_job *j, const struct err *why) {
    finish(m, j, why->code, STR_NULL, why, j->started_ms ? clock_mono_ms() - j->started_ms : 0);
}

static struct media_job *take_from(struct media *m, struct queue *q) {
    pthread_mutex_lock(&m->lock);
    struct media_job *j = queue_take(q);
    if (j && q != &m->dropped)
        m->stats.queued--;
    pthread_mutex_unlock(&m->lock);
    return j;
}

static struct media_job *take_running(struct media *m, int slot) {
    pthread_mutex_lock(&m->lock);
    struct media_job *j = m->running[slot];
    m->running[slot] = NULL;
    m->cancel[slot] = false;
    m->stats.running -= j != NULL;
    pthread_mutex_unlock(&m->lock);
    return j;
}

static void fail_queued(struct media *m, const struct err *why) {
    struct media_job *j;
    for (int i = 0; i < PRIORITIES; i++) {
        while ((j = take_from(m, &m->queue[i])))
            fail(m, j, why);
    }
}

static void fail_running(struct media *m, const struct err *why) {
    struct media_job *j;
    for (int i = 0; i < m->args.slots; i++) {
        if ((j = take_running(m, i)))
            fail(m, j, why);
    }
}

static void end_dropped(struct media *m) {
    struct err why;
    struct media_job *j;
    err_set(&why, ERR_STATE, "cancelled");
    while ((j = take_from(m, &m->dropped)))
        fail(m, j, &why);
}

/* ---- the helper's life (supervisor) ---- */

static void back_off(struct media *m) {
    m->backoff_ms = m->backoff_ms ? m->backoff_ms * 2 : BACKOFF_FIRST_MS;
    if (m->backoff_ms > BACKOFF_MAX_MS)
        m->backoff_ms = BACKOFF_MAX_MS;
    m->start_at_ms = clock_mono_ms() + m->backoff_ms;
}

/* Nobody knows when it will start again: what waits is told so, and asks again later. */
static void start_failed(struct media *m, const struct err *why) {
    log_event(LOG_ERROR, "media.start_failed", F_ERR(why));
    back_off(m);
    pthread_mutex_lock(&m->lock);
    m->down = true;
    m->down_why = *why;
    m->down_why.code = ERR_ENGINE_MISSING;
    pthread_mutex_unlock(&m->lock);
    fail_queued(m, &m->down_why);
}

static void start(struct media *m) {
    struct err e = { 0 };
    m->ready = false;
    m->results = 0;
    m->born_ms = clock_mono_ms();
    if (spawn_start(&m->args, &m->helper, &e) < 0) {
        start_failed(m, &e);
        return;
    }
    pthread_mutex_lock(&m->lock);
    m->stats.pid = m->helper.pid;
    pthread_mutex_unlock(&m->lock);
}

/* It is gone, or must go: every job it had ends now, so that a task can run again at once. */
static void lose(struct media *m, const char *reason) {
    struct err why = { 0 };
    bool was_ready = m->ready;
    spawn_end(&m->helper, /* grace_ms= */ 0, &why);
    if (reason)
        err_set(&why, ERR_MEDIA_DIED, "%s", reason);
    m->ready = false;
    pthread_mutex_lock(&m->lock);
    m->stats.ready = false;
    m->stats.pid = 0;
    m->stats.restarts++;
    pthread_mutex_unlock(&m->lock);
    if (!was_ready) {
        start_failed(m, &why);
        return;
    }
    log_event(LOG_WARN, "media.died", F_ERR(&why), F_INT("lived_ms", clock_mono_ms() - m->ready_ms));
    fail_running(m, &why);
    if (m->results > 0 || clock_mono_ms() - m->ready_ms >= HEALTHY_MS) {
        m->backoff_ms = 0;
        m->start_at_ms = 0;
    } else {
        back_off(m);
    }
}

static int hello(struct media *m, struct str info, struct err *e) {
    json_t *j = NULL;
    if (m->ready)
        return err_set(e, ERR_BAD_INPUT, "a second HELLO");
    int r = json_read(info, &j, e);
    bool engine = json_is_true(json_object_get(json_object_get(j, "engine"), "ready"));
    json_decref(j);
    char *copy = r < 0 ? NULL : malloc(info.n + 1);
    if (!copy)
        return r < 0 ? r : err_set(e, ERR_INTERNAL, "no memory for HELLO");
    memcpy(copy, info.p, info.n);
    m->ready = true;
    m->ready_ms = clock_mono_ms();
    m->backoff_ms = 0;
    pthread_mutex_lock(&m->lock);
    free(m->info);
    m->info = copy;
    m->info_n = info.n;
    m->down = false;
    m->stats.ready = true;
    pthread_mutex_unlock(&m->lock);
    log_event(LOG_INFO, "media.ready", F_INT("pid", m->helper.pid), F_INT("slots", m->args.slots), F_BOOL("engine", engine),
              F_INT("took_ms", m->ready_ms - m->born_ms));
    return 0;
}

/* ---- talking (supervisor) ---- */

/* The promise of client.h is a JSON object; a child that was taken over may say anything. */
static int check_result(struct str text, struct err *e) {
    json_t *j = NULL;
    int r = json_read(text, &j, e);
    if (r == 0 && !json_is_object(j))
        r = err_set(e, ERR_BAD_JSON, "no object");
    json_decref(j);
    return r < 0 ? err_set(e, ERR_INTERNAL, "the picture process gave a result that is no JSON object") : 0;
}

static int result(struct media *m, const struct proto_msg *msg, struct err *e) {
    struct err why = { 0 };
    int slot = -1;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->args.slots; i++) {
        if (m->running[i] && m->running[i]->id == msg->job)
            slot = i;
    }
    pthread_mutex_unlock(&m->lock);
    if (slot < 0)
        return err_set(e, ERR_BAD_INPUT, "a result nobody asked for");
    m->results++;
    struct media_job *j = take_running(m, slot);
    int rc = msg->rc < 0 ? err_set(&why, msg->rc, "%.*s", STR_ARG(msg->text)) : check_result(msg->json, &why);
    finish(m, j, rc, rc < 0 ? STR_NULL : msg->json, &why, msg->took_ms);
    return 0;
}

/* All that it has sent. < 0: it has gone or talks nonsense; e says which. */
static int receive(struct media *m, struct err *e) {
    for (;;) {
        int r = proto_recv(m->helper.sock, &m->packet, e);
        if (r <= 0)
            return r;
        const struct proto_msg *msg = &m->packet.msg;
        if (msg->kind == PROTO_HELLO)
            r = hello(m, msg->json, e);
        else if (msg->kind == PROTO_RESULT && m->ready)
            r = result(m, msg, e);
        else
            r = err_set(e, ERR_BAD_INPUT, "unexpected message");
        if (r < 0)
            return r;
    }
}

/* Puts the next job into a free slot. NULL: no job, or no slot. */
static struct media_job *next(struct media *m) {
    struct media_job *j = NULL;
    int slot = 0;
    pthread_mutex_lock(&m->lock);
    while (slot < m->args.slots && m->running[slot])
        slot++;
    for (int i = 0; slot < m->args.slots && !j && i < PRIORITIES; i++)
        j = queue_take(&m->queue[i]);
    if (j) {
        j->id = ++m->next_job;
        j->started_ms = clock_mono_ms();
        m->running[slot] = j;
        m->stats.queued--;
        m->stats.running++;
    }
    pthread_mutex_unlock(&m->lock);
    return j;
}

/* A job that was not sent leaves its slot. */
static void take_back(struct media *m, const struct media_job *j) {
    for (int i = 0; i < m->args.slots; i++) {
        if (m->running[i] == j)                     /* nobody else puts jobs there or takes them out */
            take_running(m, i);
    }
}

static void put_first(struct media *m, struct media_job *j) {
    struct queue *q = &m->queue[j->priority];
    pthread_mutex_lock(&m->lock);
    if (!(j->next = q->first))
        q->end = &j->next;
    q->first = j;
    j->started_ms = 0;
    m->stats.queued++;
    pthread_mutex_unlock(&m->lock);
}

/* Tells the helper when the job in this slot was cancelled. 1 nothing (more) to tell, 0 the socket is full, < 0 it has gone. */
static int send_cancel(struct media *m, int slot, struct err *e) {
    struct proto_msg msg = { .kind = PROTO_CANCEL };
    pthread_mutex_lock(&m->lock);
    if (m->cancel[slot])
        msg.job = m->running[slot]->id;
    pthread_mutex_unlock(&m->lock);
    int r = msg.job ? proto_send(m->helper.sock, &msg, NULL, 0, e) : 1;
    if (msg.job && r == 1) {
        pthread_mutex_lock(&m->lock);
        m->cancel[slot] = false;
        pthread_mutex_unlock(&m->lock);
    }
    return r;
}

static int send_job(struct media *m, struct media_job *j, struct err *e) {
    int fds[2 * MEDIA_FDS_MAX];
    memcpy(fds, j->in, j->n_in * sizeof *fds);
    memcpy(fds + j->n_in, j->out, j->n_out * sizeof *fds);
    struct proto_msg msg = {
        .kind = PROTO_JOB, .job = j->id, .op = media_op_find(j->op), .limit_ms = j->limit_ms ? j->limit_ms : m->step_ms,
        .memory_max = j->memory_max ? j->memory_max : m->memory_max, .n_in = j->n_in, .n_out = j->n_out, .json = j->params,
    };
    return proto_send(m->helper.sock, &msg, fds, j->n_in + j->n_out, e);
}

/* What is to be said to a helper that listens. *ret_full: the socket is; go on when it can be written to. < 0: it has gone. */
static int talk(struct media *m, bool *ret_full, struct err *e) {
    struct media_job *j;
    *ret_full = true;
    for (int i = 0; i < m->args.slots; i++) {
        int r = send_cancel(m, i, e);
        if (r <= 0)
            return r;
    }
    while ((j = next(m))) {
        int r = send_job(m, j, e);
        if (r == 1)
            continue;
        if (r != ERR_IO)
            take_back(m, j);
        if (r == 0)
            put_first(m, j);
        if (r == 0 || r == ERR_IO)
            return r;                               /* ERR_IO: lose() ends the job with the others */
        fail(m, j, e);                              /* its descriptors are no good: that is not the helper's fault */
    }
    *ret_full = false;
    return 0;
}

/* ---- the supervisor ---- */

/* When to look again, and whether something is already too late. */
static int64_t next_look(struct media *m, const char **ret_late) {
    int64_t now = clock_mono_ms(), at = INT64_MAX;
    *ret_late = NULL;
    if (m->helper.pid == 0)
        return m->start_at_ms;
    if (!m->ready) {
        at = m->born_ms + HELLO_MS;
        if (now >= at)
            *ret_late = "the picture process did not say HELLO";
        return at;
    }
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->args.slots; i++) {
        const struct media_job *j = m->running[i];
        int64_t end = j ? j->started_ms + (j->limit_ms ? j->limit_ms : m->step_ms) + ANSWER_GRACE_MS : INT64_MAX;
        at = end < at ? end : at;
    }
    pthread_mutex_unlock(&m->lock);
    if (now >= at)
        *ret_late = "the picture process did not answer in time";
    return at;
}

static bool stopping(struct media *m) {
    pthread_mutex_lock(&m->lock);
    bool stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

static void wait_for_news(struct media *m, bool full, int64_t until_ms) {
    struct pollfd p[3] = { { m->bell, POLLIN, 0 }, { m->helper.sock, (short)(POLLIN | (full ? POLLOUT : 0)), 0 }, { m->helper.pidfd, POLLIN, 0 } };
    int64_t left = until_ms - clock_mono_ms();
    uint64_t rings;
    int timeout = until_ms == INT64_MAX ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
    if (poll(p, 3, timeout) <= 0 || !p[0].revents)
        return;
    while (read(m->bell, &rings, sizeof rings) < 0 && errno == EINTR)
        ;
}

static void *supervise(void *arg) {
    struct media *m = arg;
    while (!stopping(m)) {
        const char *late;
        bool full = false;
        struct err e = { 0 };
        end_dropped(m);
        if (m->helper.pid == 0 && clock_mono_ms() >= m->start_at_ms)
            start(m);
        if (m->helper.pid != 0 && (receive(m, &e) < 0 || (m->ready && talk(m, &full, &e) < 0))) {
            lose(m, e.code == ERR_IO ? NULL : e.text);
            continue;
        }
        int64_t until = next_look(m, &late);
        if (late) {
            lose(m, late);
            continue;
        }
        wait_for_news(m, full, until);
    }
    struct err why;
    err_set(&why, ERR_STOPPING, "the server is stopping");
    fail_queued(m, &why);
    end_dropped(m);                                 /* after the queues are empty: from then on nobody can drop a job any more */
    fail_running(m, &why);
    if (m->helper.pid != 0)
        spawn_end(&m->helper, END_GRACE_MS, &why);
    return NULL;
}

/* ---- the face ---- */

int media_new(const struct config *cfg, struct media **ret_m, struct err *e) {
    struct media *m = calloc(1, sizeof *m);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!m)
        return err_set(e, ERR_INTERNAL, "no memory");
    int64_t slots = config_int(cfg, "media.slots");
    slots = slots ? slots : cores < 1 ? 1 : cores > SLOTS_MAX ? SLOTS_MAX : cores;
    m->args = (struct spawn_args){ config_str(cfg, "media.helper"), config_str(cfg, "media.share"), (int)slots, config_bool(cfg, "media.test_ops") };
    m->step_ms = config_int(cfg, "media.step_ms");
    m->memory_max = config_int(cfg, "media.memory_bytes");
    m->queue_max = config_int(cfg, "media.queue_max");
    m->helper = (struct spawned){ .pidfd = -1, .sock = -1 };
    m->stats.slots = (int)slots;
    for (int i = 0; i < PRIORITIES; i++)
        queue_init(&m->queue[i]);
    queue_init(&m->dropped);
    pthread_mutex_init(&m->lock, NULL);
    m->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->bell < 0 || pthread_create(&m->thread, NULL, supervise, m) != 0) {
        int r = err_sys(e, ERR_INTERNAL, "starting the supervisor of the picture process");
        if (m->bell >= 0)
            close(m->bell);
        free(m);
        return r;
    }
    *ret_m = m;
    return 0;
}

void media_free(struct media *m) {
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_mutex_unlock(&m->lock);
    ring(m);
    pthread_join(m->thread, NULL);
    close(m->bell);
    pthread_mutex_destroy(&m->lock);
    free(m->info);
    free(m);
}

int media_submit(struct media *m, struct media_job *j, struct err *e) {
    int op = media_op_find(j->op), r = 0;
    if (op < 0)
        return err_set(e, ERR_BAD_INPUT, "no picture operation \"%.40s\"", j->op);
    if (!media_op_takes(op, j->n_in, j->n_out))
        return err_set(e, ERR_BAD_INPUT, "%s does not take %zu inputs and %zu outputs", j->op, j->n_in, j->n_out);
    if (j->params.n > PROTO_PARAMS_MAX)
        return err_set(e, ERR_TOO_BIG, "parameters of %s over %d bytes", j->op, PROTO_PARAMS_MAX);
    assert(j->priority >= 0 && j->priority < PRIORITIES && j->done && j->limit_ms >= 0 && j->memory_max >= 0);
    j->started_ms = 0;
    pthread_mutex_lock(&m->lock);
    if (m->stop)
        r = err_set(e, ERR_STOPPING, "the server is stopping");
    else if (m->down)
        r = err_set(e, ERR_ENGINE_MISSING, "%s", m->down_why.text);
    else if (m->stats.queued >= m->queue_max)
        r = err_set(e, ERR_BUSY, "%lld picture operations are waiting", (long long)m->stats.queued);
    if (r == 0) {
        queue_add(&m->queue[j->priority], j);
        m->stats.queued++;
    }
    pthread_mutex_unlock(&m->lock);
    if (r == 0)
        ring(m);
    return r;
}

void media_cancel(struct media *m, struct media_job *j) {
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < PRIORITIES; i++) {
        if (queue_remove(&m->queue[i], j)) {
            m->stats.queued--;
            queue_add(&m->dropped, j);
        }
    }
    for (int i = 0; i < m->args.slots; i++)
        m->cancel[i] |= m->running[i] == j;
    pthread_mutex_unlock(&m->lock);
    ring(m);
}

/* ---- facts ---- */

void media_get_stats(struct media *m, struct media_stats *ret) {
    pthread_mutex_lock(&m->lock);
    *ret = m->stats;
    ret->down = m->down;
    pthread_mutex_unlock(&m->lock);
}

int media_info(struct media *m, struct arena *a, struct str *ret_json, struct err *e) {
    int r = 0;
    pthread_mutex_lock(&m->lock);
    if (m->info)
        *ret_json = arena_str(a, (struct str){ m->info, m->info_n });
    else
        r = err_set(e, ERR_ENGINE_MISSING, "%s", m->down ? m->down_why.text : "the picture process is starting");
    pthread_mutex_unlock(&m->lock);
    return r;
}
