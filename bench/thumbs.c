/*
 * thumbs.c - thumbnails through zoetrope-media, sandbox on, as the server asks for them.
 * usage: thumbs PHOTO SIDE OUT [--media.*=...]
 * Says "ready"; then, for every number N that it reads, makes N thumbnails, as many side by side as the helper has slots, says
 * "done", and leaves the last one in OUT.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "media/client.h"

#define SLOTS_MAX 16
#define ROUND_MAX 100000

struct slot {
    struct media_job job;
    sem_t           *free;
    bool             busy;                    /* written under no lock: set before submit, cleared by done() before the post */
    struct err       err;                     /* of the first that failed */
};

static void done(struct media_job *j, int rc, struct str result, const struct err *e) {
    struct slot *s = j->ctx;
    if (rc < 0 && s->err.code == 0)
        s->err = *e;
    __atomic_store_n(&s->busy, false, __ATOMIC_RELEASE);
    sem_post(s->free);
}

static struct slot *free_slot(struct slot *slots, int n) {
    for (int i = 0; i < n; i++)
        if (!__atomic_load_n(&slots[i].busy, __ATOMIC_ACQUIRE))
            return &slots[i];
    abort();                                  /* the semaphore said there is one */
}

static int make(struct media *m, struct slot *slots, int n_slots, sem_t *free_slots, int64_t n, struct err *e) {
    struct slot *s = NULL;
    for (int64_t i = 0; i < n + n_slots; i++) {
        while (sem_wait(free_slots) < 0 && errno == EINTR) {}
        if (i >= n)
            continue;                         /* waits for the last ones */
        s = free_slot(slots, n_slots);
        __atomic_store_n(&s->busy, true, __ATOMIC_RELEASE);
        int r = media_submit(m, &s->job, e);
        if (r < 0)
            return r;
    }
    for (int i = 0; i < n_slots; i++) {
        sem_post(free_slots);
        if (slots[i].err.code < 0) {
            *e = slots[i].err;
            return e->code;
        }
    }
    return 0;
}

static int keep(int from, const char *path, struct err *e) {
    char part[65536];
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to < 0)
        return err_sys(e, ERR_IO, "%s", path);
    off_t at = 0;
    for (ssize_t n; (n = pread(from, part, sizeof(part), at)) > 0; at += n)
        if (write(to, part, (size_t)n) != n)
            abort();
    close(to);
    return 0;
}

static int serve(struct config *cfg, char **argv, struct err *e) {
    static struct slot slots[SLOTS_MAX];
    char params[40], line[32];
    struct media *m;
    struct media_stats st;
    sem_t free_slots;
    int64_t side, n;
    int r = str_int(str_z(argv[1]), 64, 2048, &side);
    if (r < 0)
        return err_set(e, ERR_BAD_INPUT, "SIDE must be 64 to 2048");
    if ((r = media_new(cfg, &m, e)) < 0)
        return r;
    media_get_stats(m, &st);
    int n_slots = st.slots < SLOTS_MAX ? st.slots : SLOTS_MAX;
    snprintf(params, sizeof(params), "{\"thumb_px\":%lld}", (long long)side);
    sem_init(&free_slots, 0, (unsigned)n_slots);
    for (int i = 0; i < n_slots; i++) {
        int in = open(argv[0], O_RDONLY | O_CLOEXEC);
        if (in < 0)
            return err_sys(e, ERR_IO, "%s", argv[0]);
        slots[i] = (struct slot){ .free = &free_slots, .job = { .op = "thumb", .params = str_z(params), .in = { in }, .n_in = 1, .n_out = 1, .done = done, .ctx = &slots[i] } };
        slots[i].job.out[0] = memfd_create("thumb", MFD_CLOEXEC);
    }
    if ((r = make(m, slots, n_slots, &free_slots, n_slots, e)) < 0)     /* the helper is up, its models are loaded */
        return r;
    printf("ready\n");
    while (fflush(stdout) == 0 && fgets(line, sizeof(line), stdin)) {
        if (str_int(str_trim((struct str){ line, strcspn(line, "\n") }), 1, ROUND_MAX, &n) < 0)
            return err_set(e, ERR_BAD_INPUT, "how many? 1 to %d", ROUND_MAX);
        if ((r = make(m, slots, n_slots, &free_slots, n, e)) < 0 || (r = keep(slots[0].job.out[0], argv[2], e)) < 0)
            return r;
        printf("done\n");
    }
    media_free(m);
    return 0;
}

int main(int argc, char **argv, char **envp) {
    static const struct setting *const settings[] = { media_settings, NULL };
    struct config *cfg = NULL;
    struct err e = { 0 };
    int rest;
    if (argc < 4) {
        fprintf(stderr, "usage: thumbs PHOTO SIDE OUT [--media.*=...]\n");
        return 2;
    }
    int r = config_new(settings, &cfg, &e);
    if (r < 0 || (r = config_load(cfg, argc - 4, argv + 4, envp, &rest, &e)) < 0 || (r = serve(cfg, argv + 1, &e)) < 0) {
        fprintf(stderr, "thumbs: %s\n", e.text);
        return 1;
    }
    config_free(cfg);
    return 0;
}
