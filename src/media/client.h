/*
 * client.h - the server's side of zoetrope-media: starts it by exec, sends jobs with descriptors, notices deaths, starts it again.
 * Owns: the helper process and its socket; the queue of jobs (bounded).
 * Threads: one supervisor thread inside; submit and cancel from any thread; done() runs on the supervisor thread and must not wait.
 * Links no media library. Operations and their JSON are listed in media/ops.def.
 */
#ifndef ZT_MEDIA_CLIENT_H
#define ZT_MEDIA_CLIENT_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

struct media;

#define MEDIA_FDS_MAX 16
struct media_job {
    const char *op;                        /* "probe", "intake", "faces", "cutout", "compose", … */
    struct str  params;                    /* JSON object, <= 64 KiB, borrowed until done() */
    int         in[MEDIA_FDS_MAX];         /* readable descriptors, borrowed until done() */
    size_t      n_in;
    int         out[MEDIA_FDS_MAX];        /* writable descriptors, borrowed until done() */
    size_t      n_out;
    int64_t     limit_ms;                  /* wall clock of the child; 0 = media.step_ms (30 s) */
    int64_t     memory_max;                /* bytes of the child; 0 = media.memory_bytes */
    int         priority;                  /* 0 first; 1 behind it */
    /* result: JSON object, valid during the call only. rc 0, or ERR_MEDIA_DIED (helper or child killed: run it again),
     * ERR_MEDIA_TIME, ERR_MEDIA_MEMORY, ERR_IMAGE_*, ERR_FACE_*, ERR_BAD_INPUT, ERR_ENGINE_MISSING (model file missing) … */
    void      (*done)(struct media_job *j, int rc, struct str result, const struct err *e);
    void       *ctx;
    /* the client's own */
    struct media_job *next;
    int64_t     id, started_ms;
};

extern const struct setting media_settings[];            /* rows "media.…": slots (0 = cores), step_ms, memory_bytes, queue_max, … */
int media_new(const struct config *cfg, struct media **ret_m, struct err *e);   /* starts the helper; a helper that cannot start is retried with back-off */
void media_free(struct media *m);                        /* ends the helper; jobs under way end with ERR_STOPPING */
int media_submit(struct media *m, struct media_job *j, struct err *e);           /* ERR_BUSY when media.queue_max jobs wait */
void media_cancel(struct media *m, struct media_job *j); /* done() follows soon with ERR_STATE, unless it was already on its way */
/* Submits and waits; for pool threads. The result's copy lives in a. */
int media_run(struct media *m, struct media_job *j, struct arena *a, struct str *ret_result, struct err *e);

struct media_stats { int64_t jobs, failed, died, timed_out, over_memory, restarts, queued, running, ms_sum; int pid; int slots; bool ready, down /* its last start failed */; };
void media_get_stats(struct media *m, struct media_stats *ret);
/* What the helper said at its start: versions, models loaded and missing, sandbox level. JSON, lives in a. For doctor and /readyz. */
int media_info(struct media *m, struct arena *a, struct str *ret_json, struct err *e);

#endif
