/*
 * engine.h - one interface to everything that can draw: the local models now, remote services later, `fake` for tests.
 * Owns: nothing that outlives a call's ticket; task and attempt rows belong to task/.
 * Threads: submit, cancel and poll are called by the dispatcher thread only and never wait; `wake` may be called by the engine from any thread.
 * Used by: task/, ops/.  Uses: base/, media/ (client), net/ (client, later).
 */
#ifndef ZT_ENGINE_ENGINE_H
#define ZT_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/err.h"

struct engine;
struct config;
struct media;

enum {
    ENGINE_CAN_IMAGE = 1 << 0, ENGINE_CAN_VIDEO = 1 << 1, ENGINE_CAN_CANCEL = 1 << 2,
    ENGINE_CAN_REPEAT = 1 << 3,      /* a call may be repeated blindly: it has no cost and no effect outside (local, fake) */
    ENGINE_CAN_RECONCILE = 1 << 4,   /* an unknown call can be asked about later */
};

#define ENGINE_FDS_MAX 12
/* One call, written down as an attempt before it is made. Borrowed for the life of the ticket. */
struct engine_call {
    int64_t     attempt;             /* id; also the idempotency key towards engines that have one */
    struct str  op;                  /* "cutout", "compose", "score" … */
    struct str  params;              /* JSON object */
    int         in[ENGINE_FDS_MAX];  /* readable; borrowed */
    size_t      n_in;
    int         out_fd;              /* writable file for the bytes of the result (blob_put_fd); -1 when the op gives only JSON */
    int64_t     deadline_ms;         /* of this attempt, clock_mono_ms() */
    int         priority;            /* 0 first */
};
enum engine_state { ENGINE_WORKING, ENGINE_DONE, ENGINE_FAILED, ENGINE_UNKNOWN };
struct engine_result {
    enum engine_state state;
    struct err  err;                 /* FAILED: why. err_reason().retry says whether here again */
    bool        input_at_fault;      /* never try another engine */
    struct str  facts;               /* DONE: JSON object, lives until engine_release */
    int64_t     cost_microusd;
    int         progress_pm;         /* WORKING: 0..1000 */
};

struct engine_ctx { const struct config *cfg; struct media *media; void (*wake)(void *arg); void *wake_arg; };
struct engine_driver {
    const char *name;                /* stored in attempt rows: never renamed, never reused */
    unsigned    can;                 /* ENGINE_CAN_*; the core asks this, never the name */
    int  (*open)(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e);
    int  (*slots)(struct engine *g);                                          /* how many calls it will work on side by side */
    int  (*submit)(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e);   /* ERR_UNCERTAIN: nobody knows */
    int  (*poll)(struct engine *g, void *ticket, struct engine_result *ret, struct err *e);
    void (*release)(struct engine *g, void *ticket);                          /* ends the ticket; its facts die */
    void (*close)(struct engine *g);
    int  (*cancel)(struct engine *g, void *ticket, struct err *e);            /* optional from here on */
    int  (*reconcile)(struct engine *g, int64_t attempt, struct str remote_id, struct engine_result *ret, struct err *e);
};
extern const struct engine_driver *const engine_drivers[];   /* NULL-ended; from drivers.def */
const struct engine_driver *engine_driver(struct str name);  /* NULL when unknown */
extern const struct setting engine_settings[];               /* rows "engine.…" */

#endif
