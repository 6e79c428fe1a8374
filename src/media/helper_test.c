/*
 * helper_test.c - the client and the real helper as in production: what the sandbox stops, who dies when, and that all goes on.
 */
#include "media/client.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/testing.h"

#define PATIENCE_MS 60000                           /* for what must happen; a loaded machine is slow */

static struct config *cfg;
static struct media  *m;
static struct arena  *arena;

/* ---- a helper with settings of its own ---- */

static void set(const char *name, const char *value) {
    struct err e;
    assert_int_equal(config_set(cfg, name, str_z(value), "test", &e), 0);
}

static int settings(void **state) {
    static const struct setting *const tables[] = { media_settings, NULL };
    struct err e;
    assert_int_equal(config_new(tables, &cfg, &e), 0);
    set("media.slots", "2");
    set("media.test_ops", "true");
    if (getenv("ZOETROPE_MEDIA_HELPER"))            /* a build without one (TSan) borrows another's */
        set("media.helper", getenv("ZOETROPE_MEDIA_HELPER"));
    arena = arena_new(1 << 22);
    return 0;
}

static void begin(void) {
    struct err e;
    assert_int_equal(media_new(cfg, &m, &e), 0);
}

static int teardown(void **state) {
    media_free(m);
    m = NULL;
    config_free(cfg);
    arena_free(arena);
    return 0;
}

/* ---- jobs ---- */

static int file_with(const void *bytes, size_t n) {
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, 0), n);
    return fd;
}

/* Runs one and gives its code; *ret_json (or NULL) lives in the arena. */
static int run(const char *op, const char *params, int in, int out, int64_t limit_ms, int64_t memory, struct str *ret_json, struct err *e) {
    struct media_job j = { .op = op, .params = str_z(params), .in = { in }, .n_in = in >= 0, .out = { out }, .n_out = out >= 0,
                           .limit_ms = limit_ms, .memory_max = memory };
    struct str json = STR_NULL;
    int r = media_run(m, &j, arena, &json, e);
    if (ret_json)
        *ret_json = json;
    return r;
}

/* The next job works: the proof that nothing was left broken. */
static void check_alive(void) {
    struct err e = { 0 };
    int in = file_with("hello", 5), out = file_with("longer than that", 16);
    char got[32];
    if (run("copy", "{}", in, out, 0, 0, NULL, &e) < 0)
        fail_msg("copy: %s: %s", err_reason(e.code)->code, e.text);
    assert_int_equal(pread(out, got, sizeof got, 0), 5);
    assert_memory_equal(got, "hello", 5);
    close(in);
    close(out);
}

/* Ready, so that from now on its children are jobs: at its start it tries the sandbox on one. */
static void begin_ready(void) {
    begin();
    check_alive();
}

static int setup(void **state) {
    settings(state);
    begin_ready();
    return 0;
}

/* A job that waits until let_go(), running or queued; its end can be waited for. */
struct held {
    struct media_job job;
    int              gate[2], in, out, rc;
    bool             over;
    struct err       why;
    int64_t          ended_ms, order;
    pthread_mutex_t  lock;
    pthread_cond_t   cond;
};
static int64_t order_of_ends;

static void held_done(struct media_job *j, int rc, struct str result, const struct err *e) {
    struct held *h = j->ctx;
    pthread_mutex_lock(&h->lock);
    h->rc = rc;
    h->over = true;
    h->order = ++order_of_ends;
    h->ended_ms = clock_mono_ms();
    if (rc < 0)
        h->why = *e;
    pthread_cond_signal(&h->cond);
    pthread_mutex_unlock(&h->lock);
}

static int hold(struct held *h, int priority) {
    struct err e;
    *h = (struct held){ .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
    assert_int_equal(pipe2(h->gate, O_CLOEXEC), 0);
    h->in = file_with("held", 4);
    h->out = file_with("", 0);
    h->job = (struct media_job){ .op = "copy", .params = STR("{}"), .in = { h->in, h->gate[0] }, .n_in = 2, .out = { h->out }, .n_out = 1,
                                 .priority = priority, .done = held_done, .ctx = h };
    return media_submit(m, &h->job, &e);
}

static void let_go(struct held *h) {
    if (h->gate[1] >= 0)
        close(h->gate[1]);
    h->gate[1] = -1;
}

static int end_of(struct held *h) {
    pthread_mutex_lock(&h->lock);
    while (!h->over) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_MS / 1000;
        if (pthread_cond_timedwait(&h->cond, &h->lock, &until) != 0) {
            pthread_mutex_unlock(&h->lock);
            fail_msg("a job did not end");
        }
    }
    pthread_mutex_unlock(&h->lock);
    let_go(h);
    close(h->gate[0]);
    close(h->in);
    close(h->out);
    return h->rc;
}

/* ---- processes ---- */

static int helper_pid(void) {
    struct media_stats s;
    media_get_stats(m, &s);
    return s.pid;
}

/* Processes whose parent is pid and that are named as the light process and its children are, or are not; without zombies. The first is
 * written to *ret. */
static int children_of(int pid, bool light, int *ret) {
    DIR *d = opendir("/proc");
    struct dirent *f;
    int n = 0;
    while ((f = readdir(d))) {
        char path[300], text[300], state;
        int parent;
        snprintf(path, sizeof path, "/proc/%s/stat", f->d_name);
        int fd = f->d_name[0] >= '1' && f->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        ssize_t len = read(fd, text, sizeof text - 1);
        close(fd);
        text[len > 0 ? len : 0] = 0;
        const char *behind = strrchr(text, ')');
        if (behind && sscanf(behind + 1, " %c %d", &state, &parent) == 2 && parent == pid && state != 'Z' && (strstr(text, "(media-light)") != NULL) == light) {
            int64_t child;
            assert_int_equal(str_int(str_z(f->d_name), 1, INT32_MAX, &child), 0);
            *ret = (int)child;
            n++;
        }
    }
    closedir(d);
    return n;
}

/* 0: not there, or not yet. */
static int light_pid(void) {
    int pid = 0;
    return helper_pid() && children_of(helper_pid(), true, &pid) == 1 ? pid : 0;
}

/* Looks again and again until there are n children of the helper, or of its light process; gives one of them. */
static int wait_for(bool light, int n) {
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    int child = 0, found, parent;
    while ((found = (parent = light ? light_pid() : helper_pid()) ? children_of(parent, light, &child) : 0) != n) {
        if (clock_mono_ms() > until)
            fail_msg("%d children, not %d", found, n);
        poll(NULL, 0, 1);
    }
    return child;
}

static int wait_for_children(int n) { return wait_for(false, n); }

static int watch(int pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    return fd;
}

static void check_dies(int pidfd) {
    struct pollfd p = { pidfd, POLLIN, 0 };
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    close(pidfd);
}

static int count_fds(int pid) {
    char path[40];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* ---- the sandbox ---- */

static const struct { const char *action, *what, *expected; } rows[] = {
    { "open a file", "open", "EPERM" }, { "create a file", "create", "EPERM" }, { "ask about a file", "stat", "EPERM" },
    { "open /proc/self/mem", "proc", "EPERM" }, { "delete a file", "unlink", "EPERM" }, { "make an internet socket", "socket_inet", "EPERM" },
    { "make a local socket", "socket_unix", "EPERM" }, { "connect", "connect", "EPERM" }, { "run a program", "exec", "killed" },
    { "fork", "fork", "killed" }, { "clone a process", "clone_process", "killed" }, { "clone3 a process", "clone3_process", "ENOSYS" },
    { "ptrace", "ptrace", "killed" }, { "read another process's memory", "read_memory", "killed" }, { "signal another process", "kill", "killed" },
    { "signal another's thread", "tgkill", "killed" }, { "take hold of another process", "pidfd", "EPERM" },
    { "take another process's descriptor", "getfd", "EPERM" }, { "read or write a descriptor of another task", "other_fds", "EBADF" },
    { "copy a descriptor", "dup", "EPERM" }, { "map executable memory", "map_exec", "EPERM" }, { "make memory executable", "protect_exec", "EPERM" },
    { "make a namespace", "unshare", "killed" }, { "mount", "mount", "killed" }, { "chroot", "chroot", "killed" }, { "load BPF", "bpf", "killed" },
    { "use io_uring", "io_uring", "killed" }, { "change the filter", "seccomp", "killed" }, { "become dumpable", "dumpable", "EPERM" },
    { "raise its limits", "raise_limit", "EPERM" }, { "write beyond the file limit", "huge_file", "killed" },
    { "(control) start a thread", "thread", "none" }, { "(control) read its own input", "own_input", "none" },
};

struct table {
    struct buf json;
    struct jw  w;
    int        wrong;
};

static void tell_row(struct table *t, const char *action, const char *expected, const char *got) {
    bool ok = strcmp(expected, got) == 0;
    jw_obj(&t->w);
    jw_kz(&t->w, "action", action);
    jw_kz(&t->w, "expected", expected);
    jw_kz(&t->w, "got", got);
    jw_kbool(&t->w, "ok", ok);
    jw_end_obj(&t->w);
    if (!ok)
        print_error("%s: expected %s, got %s\n", action, expected, got);
    t->wrong += !ok;
}

static void try_escape(struct table *t, const char *op, const char *action, const char *what, const char *expected) {
    char params[80], got[80] = "killed";
    int in = file_with("mine", 4), out = file_with("", 0);
    struct media_job j = { .op = op, .in = { in }, .n_in = 1, .out = { out }, .n_out = 1 };
    struct str json = STR_NULL;
    struct err e = { 0 };
    snprintf(params, sizeof params, "{\"what\":\"%s\"}", what);
    j.params = str_z(params);
    int r = media_run(m, &j, arena, &json, &e);
    if (r == 0) {
        CLEANUP(json_unref) json_t *o = NULL;
        assert_int_equal(json_read(json, &o, &e), 0);
        snprintf(got, sizeof got, "%s", json_string_value(json_object_get(o, "errno")));
    } else if (r != ERR_MEDIA_DIED) {
        snprintf(got, sizeof got, "%s", err_reason(r)->code);
    }
    tell_row(t, action, expected, got);
    close(in);
    close(out);
}

/* 30000 x 30000 by its header; the data behind it does not matter because nobody gets there. */
static const uint8_t bomb[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 2, 0, 0, 0, 0xe9, 0x45, 0x6f, 0xed,
    0, 0, 0, 1, 'I', 'D', 'A', 'T', 0, 0, 0, 0, 0, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0, 0, 0, 0,
};

static void write_table(const struct buf *json) {
    const char *dir = getenv("ZT_OUT");
    char path[4096];
    if (!dir)
        return;
    mkdir(dir, 0777);
    snprintf(path, sizeof path, "%s/sandbox.json", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(json->p, 1, json->n, f), json->n);
    assert_int_equal(fclose(f), 0);
}

static void the_sandbox_holds(void **state) {
    struct table t = { 0 };
    struct held other;
    struct err e;
    buf_init(&t.json, 1 << 16);
    jw_init(&t.w, &t.json);
    jw_arr(&t.w);
    assert_int_equal(hold(&other, 0), 0);           /* another task at work, whose descriptors must stay its own */
    wait_for_children(1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        try_escape(&t, "escape", rows[i].action, rows[i].what, rows[i].expected);
        try_escape(&t, "escape_light", rows[i].action, rows[i].what, rows[i].expected);
    }
    let_go(&other);
    assert_int_equal(end_of(&other), 0);

    int fd = file_with(bomb, sizeof bomb);
    tell_row(&t, "decode a 30000 x 30000 PNG", "image_too_large", err_reason(run("probe", "{}", fd, -1, 0, 0, NULL, &e))->code);
    close(fd);
    tell_row(&t, "loop for ever", "media_time", err_reason(run("spin", "{}", -1, -1, 300, 0, NULL, &e))->code);
    tell_row(&t, "take all memory", "media_memory", err_reason(run("hog", "{}", -1, -1, 0, 128 << 20, NULL, &e))->code);
    tell_row(&t, "start 1000 threads", "media_memory", err_reason(run("swarm", "{}", -1, -1, 5000, 0, NULL, &e))->code);
    tell_row(&t, "crash", "media_died", err_reason(run("crash", "{}", -1, -1, 0, 0, NULL, &e))->code);
    check_alive();
    jw_end_arr(&t.w);
    write_table(&t.json);
    buf_done(&t.json);
    assert_int_equal(t.wrong, 0);
}

static void the_helper_says_what_it_is(void **state) {
    struct str json = STR_NULL;
    struct err e;
    assert_int_equal(media_info(m, arena, &json, &e), 0);
    CLEANUP(json_unref) json_t *o = NULL;
    assert_int_equal(json_read(json, &o, &e), 0);
    assert_true(json_is_true(json_object_get(json_object_get(o, "sandbox"), "seccomp")));
    assert_true(json_is_true(json_object_get(o, "heic")));
    assert_int_equal(json_integer_value(json_object_get(o, "slots")), 2);
    assert_int_equal(json_integer_value(json_object_get(o, "threads")), 1);      /* no library talks behind our back */
}

/* ---- ends ---- */

static void misbehaving_jobs_end_clearly(void **state) {
    struct err e;
    struct media_stats s;
    int64_t began = clock_mono_ms();
    check_err(run("spin", "{}", -1, -1, 300, 0, NULL, &e), ERR_MEDIA_TIME, &e, "300 ms");
    assert_true(clock_mono_ms() - began >= 300);
    check_alive();
    check_err(run("hog", "{}", -1, -1, 0, 128 << 20, NULL, &e), ERR_MEDIA_MEMORY, &e, "");
    check_alive();
    check_err(run("swarm", "{}", -1, -1, 5000, 0, NULL, &e), ERR_MEDIA_MEMORY, &e, "threads");
    check_alive();
    check_err(run("crash", "{}", -1, -1, 0, 0, NULL, &e), ERR_MEDIA_DIED, &e, "the child");  /* signal 11; a sanitizer ends it its own way */
    check_alive();
    check_err(run("copy", "{}", -1, -1, 0, 0, NULL, &e), ERR_BAD_INPUT, &e, "does not take");
    check_err(run("probe", "{\"x\":1}", STDIN_FILENO, -1, 0, 0, NULL, &e), ERR_UNKNOWN_FIELD, &e, "x");
    check_err(run("probe", "{", STDIN_FILENO, -1, 0, 0, NULL, &e), ERR_BAD_JSON, &e, "");
    check_alive();
    media_get_stats(m, &s);
    assert_int_equal(s.timed_out, 1);
    assert_int_equal(s.over_memory, 2);
    assert_int_equal(s.died, 1);
    assert_int_equal(s.restarts, 0);                /* the helper itself never noticed */
}

/* How soon is told by the quickest of several times: whatever else the machine does only adds to one. */
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void a_killed_child_is_noticed_at_once(void **state) {
    int64_t took_ms = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        struct held h;
        assert_int_equal(hold(&h, 0), 0);
        int child = wait_for_children(1);
        int64_t killed_ms = clock_mono_ms();
        kill(child, SIGKILL);
        assert_int_equal(end_of(&h), ERR_MEDIA_DIED);
        took_ms = least(took_ms, h.ended_ms - killed_ms);
        assert_non_null(strstr(h.why.text, "signal 9"));
        check_alive();
    }
    assert_true(took_ms < 1000);
    wait_for_children(0);
}

static void a_killed_helper_takes_its_children_along(void **state) {
    struct media_stats s;
    int64_t a_ms = INT64_MAX, b_ms = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        struct held a, b;
        assert_int_equal(hold(&a, 0), 0);
        assert_int_equal(hold(&b, 0), 0);
        int child = watch(wait_for_children(2));
        int64_t killed_ms = clock_mono_ms();
        kill(helper_pid(), SIGKILL);
        check_dies(child);                          /* before its gate opens */
        assert_int_equal(end_of(&a), ERR_MEDIA_DIED);
        assert_int_equal(end_of(&b), ERR_MEDIA_DIED);
        a_ms = least(a_ms, a.ended_ms - killed_ms);
        b_ms = least(b_ms, b.ended_ms - killed_ms);
        check_alive();
    }
    assert_true(a_ms < 1000 && b_ms < 1000);
    media_get_stats(m, &s);
    assert_int_equal(s.restarts, 3);
}

/* One that never ends by itself, in a child of the light process. */
static void spin_light(struct held *h) {
    *h = (struct held){ .gate = { -1, -1 }, .in = -1, .out = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
    h->job = (struct media_job){ .op = "spin_light", .params = STR("{}"), .limit_ms = 10 * PATIENCE_MS, .done = held_done, .ctx = h };
    assert_int_equal(media_submit(m, &h->job, NULL), 0);
}

/* It is as if the helper had died: nobody waits for a job that it had. */
static void a_killed_light_process_ends_its_jobs(void **state) {
    struct held h;
    spin_light(&h);
    int child = watch(wait_for(true, 1)), helper = watch(helper_pid());
    kill(light_pid(), SIGKILL);
    check_dies(child);
    check_dies(helper);
    assert_int_equal(end_of(&h), ERR_MEDIA_DIED);
    check_alive();
}

static void the_light_process_keeps_the_limits(void **state) {
    struct held h;
    struct err e;
    assert_int_equal(run("spin_light", "{}", -1, -1, 300, 0, NULL, &e), ERR_MEDIA_TIME);
    spin_light(&h);
    int child = watch(wait_for(true, 1));
    assert_int_equal(children_of(helper_pid(), false, &(int){ 0 }), 0);
    media_cancel(m, &h.job);
    check_dies(child);
    assert_int_equal(end_of(&h), ERR_STATE);
    wait_for(true, 0);
}

static void a_hanging_helper_is_replaced(void **state) {
    struct held h;
    assert_int_equal(hold(&h, 0), 0);
    wait_for_children(1);
    kill(helper_pid(), SIGSTOP);
    struct err e;
    check_err(run("spin", "{}", -1, -1, 100, 0, NULL, &e), ERR_MEDIA_DIED, &e, "did not answer in time");
    assert_int_equal(end_of(&h), ERR_MEDIA_DIED);
    check_alive();
}

static void a_missing_helper_is_said_so(void **state) {
    struct err e;
    set("media.helper", "/nowhere/zoetrope-media");
    begin();
    check_err(run("spin", "{}", -1, -1, 0, 0, NULL, &e), ERR_ENGINE_MISSING, &e, "/nowhere/zoetrope-media");
    struct str json;
    assert_int_equal(media_info(m, arena, &json, &e), ERR_ENGINE_MISSING);
}

static void a_program_that_is_no_helper_is_given_up(void **state) {
    struct err e;
    set("media.helper", "/bin/true");
    begin();
    check_err(run("spin", "{}", -1, -1, 0, 0, NULL, &e), ERR_ENGINE_MISSING, &e, "");
}

static void missing_models_only_stop_their_operations(void **state) {
    struct err e;
    set("media.share", "/nowhere");
    begin();
    int fd = file_with(bomb, sizeof bomb);
    check_err(run("faces", "{}", fd, -1, 0, 0, NULL, &e), ERR_ENGINE_MISSING, &e, "faces");
    check_err(run("probe", "{}", fd, -1, 0, 0, NULL, &e), ERR_IMAGE_TOO_LARGE, &e, "30000");
    close(fd);
    check_alive();
}

static void test_operations_need_their_flag(void **state) {
    struct err e;
    set("media.test_ops", "false");
    begin();
    check_err(run("spin", "{}", -1, -1, 0, 0, NULL, &e), ERR_BAD_INPUT, &e, "for tests only");
}

/* ---- the queue ---- */

static void cancelled_jobs_end_wherever_they_are(void **state) {
    struct held a, b, c;
    assert_int_equal(hold(&a, 0), 0);
    assert_int_equal(hold(&b, 0), 0);
    assert_int_equal(hold(&c, 0), 0);
    wait_for_children(2);
    media_cancel(m, &c.job);                        /* still queued */
    assert_int_equal(end_of(&c), ERR_STATE);
    media_cancel(m, &a.job);                        /* at work */
    assert_int_equal(end_of(&a), ERR_STATE);
    let_go(&b);
    assert_int_equal(end_of(&b), 0);
    media_cancel(m, &b.job);                        /* over: nothing happens */
    check_alive();
}

static void the_queue_is_bounded_and_knows_who_is_first(void **state) {
    struct held a, late, soon, never;
    set("media.slots", "1");
    set("media.queue_max", "2");
    begin_ready();
    assert_int_equal(hold(&a, 0), 0);
    wait_for_children(1);
    assert_int_equal(hold(&late, 1), 0);
    assert_int_equal(hold(&soon, 0), 0);
    assert_int_equal(hold(&never, 0), ERR_BUSY);
    let_go(&late);
    let_go(&soon);
    let_go(&a);
    assert_int_equal(end_of(&a), 0);
    assert_int_equal(end_of(&soon), 0);
    assert_int_equal(end_of(&late), 0);
    assert_true(a.order < soon.order && soon.order < late.order);
    never.over = true;
    end_of(&never);
}

static void many_jobs_leave_nothing_behind(void **state) {
    int ours = count_fds(getpid()), theirs = count_fds(helper_pid());
    for (int i = 0; i < 40; i++)
        check_alive();
    struct err e;
    run("crash", "{}", -1, -1, 0, 0, NULL, &e);
    check_alive();
    wait_for_children(0);
    assert_int_equal(count_fds(getpid()), ours);
    assert_int_equal(count_fds(helper_pid()), theirs);
}

static void stopping_ends_everything(void **state) {
    struct held running[2], waiting;
    int fds = count_fds(getpid());
    begin_ready();
    assert_int_equal(hold(&running[0], 0), 0);
    assert_int_equal(hold(&running[1], 0), 0);
    assert_int_equal(hold(&waiting, 0), 0);
    int child = watch(wait_for_children(2)), helper = watch(helper_pid());
    media_free(m);
    m = NULL;
    check_dies(helper);
    check_dies(child);
    assert_int_equal(end_of(&running[0]), ERR_STOPPING);
    assert_int_equal(end_of(&running[1]), ERR_STOPPING);
    assert_int_equal(end_of(&waiting), ERR_STOPPING);
    assert_int_equal(count_fds(getpid()), fds);
}

/* The server itself is killed: a process of our own plays it. */
static void nothing_outlives_the_server(void **state) {
    int say[2], pids[2] = { 0 };
    assert_int_equal(pipe2(say, O_CLOEXEC), 0);
    pid_t server = fork();
    if (server == 0) {
        struct media_job spin = { .op = "spin", .params = STR("{}"), .done = held_done };
        begin_ready();
        media_submit(m, &spin, NULL);
        pids[1] = wait_for_children(1);
        pids[0] = helper_pid();
        ssize_t n = write(say[1], pids, sizeof pids);
        for (;;)
            pause();
        _exit(n < 0);
    }
    assert_int_equal(read(say[0], pids, sizeof pids), sizeof pids);
    int helper = watch(pids[0]), child = watch(pids[1]);
    kill(server, SIGKILL);
    check_dies(helper);
    check_dies(child);
    assert_int_equal(waitpid(server, NULL, 0), server);
    close(say[0]);
    close(say[1]);
}

/* ---- the main job, through the same door as in production ---- */

static int sample(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("ZT_SAMPLES"), name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("%s is missing: tools/setup fetches it", path);
    return fd;
}

static json_t *ask(struct media_job *j) {
    struct str json;
    struct err e;
    json_t *o = NULL;
    j->limit_ms = 600000;                           /* nobody measures here, and a sanitizer takes its time */
    if (media_run(m, j, arena, &json, &e) < 0)
        fail_msg("%s: %s: %s", j->op, err_reason(e.code)->code, e.text);
    assert_int_equal(json_read(json, &o, &e), 0);
    return o;
}

static int64_t whole(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

/* Intake, then the first face cut out of the photo it made, found again by the place intake gave it. */
static int layer_of(const char *name) {
    int sent = sample(name), photo = file_with("", 0), working = file_with("", 0), thumb = file_with("", 0), layer = file_with("", 0);
    struct media_job in = { .op = "intake", .params = STR("{\"who\":true}"), .in = { sent }, .n_in = 1, .out = { working, thumb, photo }, .n_out = 3 };
    CLEANUP(json_unref) json_t *facts = ask(&in);
    json_t *face = json_array_get(json_object_get(facts, "faces"), 0);
    assert_true(json_is_null(json_object_get(face, "reason")));
    assert_int_equal(json_string_length(json_object_get(face, "who")), 256);
    assert_int_equal(lseek(photo, 0, SEEK_END), whole(json_object_get(facts, "photo"), "bytes"));
    assert_int_equal(lseek(working, 0, SEEK_END), whole(json_object_get(facts, "working"), "bytes"));
    assert_in_range(lseek(working, 0, SEEK_END), 10000, 2000000);
    assert_int_equal(lseek(thumb, 0, SEEK_END), whole(json_object_get(facts, "thumb"), "bytes"));

    CLEANUP(json_unref) json_t *q = json_pack("{s:i,s:O,s:I,s:I}", "face", 0, "box", json_object_get(face, "box"), "width",
                                              (json_int_t)whole(facts, "width"), "height", (json_int_t)whole(facts, "height"));
    char *params = json_dumps(q, 0);
    struct media_job cut = { .op = "cutout", .params = str_z(params), .in = { photo }, .n_in = 1, .out = { layer }, .n_out = 1 };
    CLEANUP(json_unref) json_t *done = ask(&cut);
    assert_int_equal(lseek(layer, 0, SEEK_END), whole(done, "bytes"));
    free(params);
    close(sent);
    close(photo);
    close(working);
    close(thumb);
    return layer;
}

static void a_photo_becomes_a_thumbnail(void **state) {
    int sent = sample("sample6.jpg"), thumb = file_with("", 0);
    struct media_job j = { .op = "thumb", .params = STR("{\"thumb_px\":200}"), .in = { sent }, .n_in = 1, .out = { thumb }, .n_out = 1 };
    struct err e;
    CLEANUP(json_unref) json_t *made = ask(&j);
    const json_t *file = json_object_get(made, "thumb");
    assert_string_equal(json_string_value(json_object_get(made, "type")), "image/jpeg");
    assert_int_equal(whole(file, "width") > whole(file, "height") ? whole(file, "width") : whole(file, "height"), 200);
    assert_int_equal(lseek(thumb, 0, SEEK_END), whole(file, "bytes"));
    assert_int_equal(run("thumb", "{\"pixels_max\":1000}", sent, thumb, 0, 0, NULL, &e), ERR_IMAGE_TOO_LARGE);
    assert_int_equal(run("thumb", "{\"bytes_max\":1000}", sent, thumb, 0, 0, NULL, &e), ERR_IMAGE_TOO_LARGE);
    int empty = file_with("", 0);
    assert_int_equal(run("thumb", "{}", empty, thumb, 0, 0, NULL, &e), ERR_IMAGE_EMPTY);
    close(empty);
    close(sent);
    close(thumb);
}

static void what_a_service_made_is_drawn_anew(void **state) {
    int sent = sample("sample6.jpg"), picture = file_with("", 0), preview = file_with("", 0), page = file_with("<!doctype html>", 15);
    struct media_job j = { .op = "finish", .params = STR("{\"width\":640}"), .in = { sent }, .n_in = 1, .out = { picture, preview }, .n_out = 2 };
    struct err e;
    CLEANUP(json_unref) json_t *made = ask(&j);
    assert_string_equal(json_string_value(json_object_get(made, "type")), "image/jpeg");
    assert_int_equal(whole(made, "width"), 640);
    assert_int_equal(lseek(picture, 0, SEEK_END), whole(made, "bytes"));
    assert_int_equal(whole(json_object_get(made, "preview"), "width"), 640);
    assert_int_equal(lseek(preview, 0, SEEK_END), whole(json_object_get(made, "preview"), "bytes"));
    assert_int_equal(run("finish", "{}", page, picture, 0, 0, NULL, &e), ERR_ENGINE_FAILED);      /* not the fault of who ordered it */
    assert_int_equal(run("finish", "{\"width\":5000}", sent, picture, 0, 0, NULL, &e), ERR_BAD_INPUT);
    close(sent);
    close(picture);
    close(preview);
    close(page);
}

static void photos_become_a_portrait(void **state) {
    int a = layer_of("girl-919048_1280.jpg"), b = layer_of("woman-5883428_1280.jpg"), picture = file_with("", 0), preview = file_with("", 0);
    struct media_job j = {
        .op = "compose", .in = { a, b }, .n_in = 2, .out = { picture, preview }, .n_out = 2,
        .params = STR("{\"roles\":[\"layer\",\"layer\"],\"scene\":{\"kind\":\"backdrop\"},\"seed\":1001,\"params\":{\"width\":960},\"score\":true}"),
    };
    CLEANUP(json_unref) json_t *made = ask(&j);
    assert_int_equal(whole(made, "width"), 960);
    assert_int_equal(lseek(picture, 0, SEEK_END), whole(made, "bytes"));
    assert_int_equal(lseek(preview, 0, SEEK_END), whole(json_object_get(made, "preview"), "bytes"));

    /* Judged again from the file, by an operation of its own: the verdict agrees. */
    CLEANUP(json_unref) json_t *q = json_pack("{s:O}", "report", json_object_get(made, "report"));
    char *params = json_dumps(q, 0);
    struct media_job s = { .op = "score", .params = str_z(params), .in = { picture, a, b }, .n_in = 3 };
    CLEANUP(json_unref) json_t *verdict = ask(&s);
    free(params);
    assert_int_equal(whole(verdict, "people"), 2);
    assert_int_equal(whole(verdict, "faces"), 2);
    assert_int_equal(whole(json_object_get(made, "score"), "faces"), 2);

    int fds[] = { a, b, picture, preview };
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ALONE(test) cmocka_unit_test_setup_teardown(test, settings, teardown)
    const struct CMUnitTest tests[] = {
        WITH(the_sandbox_holds), WITH(the_helper_says_what_it_is), WITH(misbehaving_jobs_end_clearly), WITH(a_killed_child_is_noticed_at_once),
        WITH(a_killed_helper_takes_its_children_along), WITH(a_killed_light_process_ends_its_jobs),
        WITH(the_light_process_keeps_the_limits), WITH(a_hanging_helper_is_replaced), ALONE(a_missing_helper_is_said_so),
        ALONE(a_program_that_is_no_helper_is_given_up), ALONE(missing_models_only_stop_their_operations), ALONE(test_operations_need_their_flag),
        WITH(cancelled_jobs_end_wherever_they_are), ALONE(the_queue_is_bounded_and_knows_who_is_first), WITH(many_jobs_leave_nothing_behind),
        ALONE(stopping_ends_everything), ALONE(nothing_outlives_the_server), WITH(a_photo_becomes_a_thumbnail), WITH(what_a_service_made_is_drawn_anew), WITH(photos_become_a_portrait),
    };
    log_setup(2, LOG_ERROR + 1);                    /* deaths are expected here */
    return RUN(tests);
}
