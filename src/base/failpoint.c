/* failpoint.c - one small atomic row a point; arming allocates nothing, because SIGUSR2 does it inside a signal handler. */
#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPEC_MAX 1024
#define EXIT_BY_FAILPOINT 77

enum action { ACT_NONE, ACT_LIST, ACT_KILL, ACT_EXIT, ACT_ENOSPC, ACT_EIO };
enum { EVERY = FP__COUNT };                    /* the row of "*" */

atomic_bool failpoint_armed;
static atomic_int actions[FP__COUNT + 1];
static _Atomic int64_t to_skip[FP__COUNT + 1];
static _Atomic int64_t hits;                   /* of all points, since "*" was armed */
static const char *spec_file;

static const char *const names[FP__COUNT + 1] = {
#define FAILPOINT(id, name) name,
#include "failpoints.def"
#undef FAILPOINT
    "*",
};

static const char *const action_names[] = {
    [ACT_NONE] = "none", [ACT_LIST] = "list", [ACT_KILL] = "kill", [ACT_EXIT] = "exit", [ACT_ENOSPC] = "enospc", [ACT_EIO] = "eio",
};

const char *failpoint_name(enum failpoint fp) { return names[fp]; }

/* One write(2): lines of several threads stay whole. */
static void say_hit(enum failpoint fp, int64_t n) {
    char line[160];
    int len = snprintf(line, sizeof(line), "{\"lv\":\"warn\",\"ev\":\"failpoint.hit\",\"n\":%lld,\"at\":\"%s\"}\n", (long long)n, names[fp]);
    if (write(2, line, (size_t)len) < 0)
        errno = 0;                             /* nobody listens */
}

/* What the point's own row wants, else what "*" wants of this hit. */
static enum action wanted(enum failpoint fp) {
    enum action act = (enum action)atomic_load(&actions[fp]), every = (enum action)atomic_load(&actions[EVERY]);
    if (act != ACT_NONE && atomic_fetch_sub(&to_skip[fp], 1) <= 0)
        return act;
    if (every == ACT_NONE)
        return ACT_NONE;
    int64_t n = atomic_fetch_add(&hits, 1) + 1;
    if (atomic_fetch_sub(&to_skip[EVERY], 1) > 0)
        return ACT_NONE;
    say_hit(fp, n);
    return every;
}

int failpoint_hit_(enum failpoint fp) {
    enum action act = wanted(fp);
    switch (act) {
    case ACT_NONE:
    case ACT_LIST:
        return 0;
    case ACT_KILL:
        kill(getpid(), SIGKILL);
        for (;;)
            pause();                           /* the signal is on its way; nothing more may happen here */
    case ACT_EXIT:
        _exit(EXIT_BY_FAILPOINT);
    default:
        errno = act == ACT_ENOSPC ? ENOSPC : EIO;
        return -1;
    }
}

/* Index of s in list, or -1. */
static int find(struct str s, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eqz(s, list[i]))
            return (int)i;
    return -1;
}

static int arm_one(struct str item, struct err *e) {
    struct str rest = item, name = str_cut(&rest, '='), action = str_cut(&rest, ':');
    int64_t after = 0;
    int fp = find(name, names, FP__COUNT + 1), act = find(action, action_names, COUNT(action_names));
    if (fp < 0 || act <= ACT_NONE || (act == ACT_LIST && fp != EVERY))
        return err_set(e, ERR_CONFIG, "failpoint '%.*s': unknown point or action", STR_ARG(item));
    if (rest.p) {
        struct str word = str_cut(&rest, '=');
        if (!str_eq(word, STR("after")) || str_int(rest, 0, INT64_MAX, &after) < 0)
            return err_set(e, ERR_CONFIG, "failpoint '%.*s': expected :after=N", STR_ARG(item));
    }
    atomic_store(&to_skip[fp], after);
    atomic_store(&actions[fp], act);
    atomic_store(&failpoint_armed, true);
    return 0;
}

static void disarm(void) {
    atomic_store(&failpoint_armed, false);
    for (int i = 0; i <= FP__COUNT; i++)
        atomic_store(&actions[i], ACT_NONE);
    atomic_store(&hits, 0);
}

int failpoint_arm(struct str spec, struct err *e) {
    disarm();
    while (str_ends(spec, STR("\n")))
        spec.n--;
    while (spec.n) {
        int r = arm_one(str_trim(str_cut(&spec, ',')), e);
        if (r < 0) {
            disarm();
            return r;
        }
    }
    return 0;
}

static int arm_from_file(struct err *e) {
    char text[SPEC_MAX];
    int fd = open(spec_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? failpoint_arm(STR_NULL, e) : err_sys(e, ERR_CONFIG, "%s", spec_file);
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    return failpoint_arm((struct str){ text, n < 0 ? 0 : (size_t)n }, e);
}

static void on_sigusr2(int sig) {
    int saved = errno;
    /* Without a struct err nothing here formats, allocates or locks. */
    struct str line = arm_from_file(NULL) < 0 ? STR("{\"lv\":\"error\",\"ev\":\"failpoint.refused\"}\n")
                                              : STR("{\"lv\":\"warn\",\"ev\":\"failpoint.set\"}\n");
    if (write(2, line.p, line.n) < 0)
        (void)sig;                             /* nobody listens: the test that armed us will time out and say so */
    errno = saved;
}

int failpoint_setup(struct err *e) {
    const char *spec = getenv("ZOETROPE_FAILPOINT");
    spec_file = getenv("ZOETROPE_FAILPOINT_FILE");
    if (spec) {
        int r = failpoint_arm(str_z(spec), e);
        if (r < 0)
            return r;
    }
    if (!spec_file)
        return 0;
    struct sigaction act = { .sa_handler = on_sigusr2, .sa_flags = SA_RESTART };
    sigemptyset(&act.sa_mask);
    sigaction(SIGUSR2, &act, NULL);            /* cannot fail for a catchable signal and a good pointer */
    return spec ? 0 : arm_from_file(e);
}
