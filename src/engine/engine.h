/*
 * engine.h - one interface to everything that can draw: the local models now, remote services later, `fake` for tests.
 * Owns: nothing that outlives a call's ticket; task and attempt rows belong to task/.
 * Threads: every function is called by the dispatcher thread only and never waits; `wake` may be called by the engine from any thread.
 * Used by: task/, ops/.  Uses: base/, media/ (client), net/ (client, later).
 */
#ifndef ZT_ENGINE_ENGINE_H
#define ZT_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

struct engine;
struct media;

enum {
    ENGINE_CAN_IMAGE = 1 << 0, ENGINE_CAN_VIDEO = 1 << 1, ENGINE_CAN_CANCEL = 1 << 2,
    ENGINE_CAN_REPEAT = 1 << 3,      /* a call may be repeated blindly: it has no cost and no effect outside (local, fake) */
    ENGINE_CAN_RECONCILE = 1 << 4,   /* an unknown call can be asked about later, also by another process */
    ENGINE_CAN_LIMIT = 1 << 5,       /* ends a call at its limit by itself, counted from when it really begins (it may have to wait in a line) */
};

#define ENGINE_FDS_MAX 12
#define ENGINE_OUTS_MAX 2
/* One call, written down as an attempt before it is made. Borrowed during submit() only: engines copy texts and duplicate descriptors. */
struct engine_call {
    int64_t     attempt;             /* id; also the idempotency key towards engines that have one */
    struct str  op;                  /* "cutout", "compose", "score" … */
    struct str  params;              /* JSON object */
    int         in[ENGINE_FDS_MAX];  /* readable */
    size_t      n_in;
    int         out[ENGINE_OUTS_MAX];/* writable files (blob_put_fd): the result, then its preview */
    size_t      n_out;               /* 0 when the op gives only JSON */
    int64_t     deadline_ms;         /* of this attempt, clock_mono_ms(); with ENGINE_CAN_LIMIT what is left of it now is the limit */
    int         priority;            /* 0 first */
};
enum engine_state {
    ENGINE_SENDING,                  /* nobody has said yet that the call was taken */
    ENGINE_WORKING,                  /* taken; remote_id is known when the engine has such */
    ENGINE_DONE,                     /* facts are there, the bytes are in `out` */
    ENGINE_FAILED,                   /* surely no result */
    ENGINE_UNKNOWN,                  /* may or may not have happened: never repeated, asked about by reconcile() */
};
struct engine_result {
    enum engine_state state;
    struct err  err;                 /* FAILED, UNKNOWN: why. err_reason().retry says whether here again */
    bool        input_at_fault;      /* FAILED: never try another engine */
    struct str  facts;               /* DONE: JSON object, lives until release */
    struct str  remote_id;           /* the provider's name for the call, "" when it has none; lives until release */
    int64_t     cost_microusd;       /* DONE, FAILED */
    int         progress_pm;         /* WORKING: 0..1000 */
    int64_t     poll_at_ms;          /* SENDING, WORKING: ask again at this clock_mono_ms() at the latest; 0 = wait for `wake` */
};

struct engine_ctx { const struct config *cfg; struct media *media; void (*wake)(void *arg); void *wake_arg; };
struct engine_driver {
    const char *name;                /* stored in task and attempt rows: never renamed, never reused */
    unsigned    can;                 /* ENGINE_CAN_*; the core asks this, never the name */
    int  (*open)(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e);
    int  (*slots)(struct engine *g);                                          /* how many calls it will work on side by side; 0 = none just now */
    /* < 0: not taken, and no ticket; ERR_UNCERTAIN: nobody knows. ERR_BUSY: ask again soon, costs no retry. */
    int  (*submit)(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e);
    int  (*poll)(struct engine *g, void *ticket, struct engine_result *ret, struct err *e);
    void (*release)(struct engine *g, void *ticket);                          /* ends the ticket, also one still working (its result is dropped) */
    void (*close)(struct engine *g);                                          /* after every ticket was released */
    int  (*cancel)(struct engine *g, void *ticket, struct err *e);            /* optional from here on; the outcome still comes by poll */
    /* Takes up again a call that was made before, perhaps by another process; never makes a new one. remote_id may be "".
     * ERR_NOT_FOUND: it surely never happened; ERR_UNCERTAIN: still nobody knows; else a ticket as from submit(). */
    int  (*reconcile)(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e);
};
extern const struct engine_driver *const engine_drivers[];   /* NULL-ended; from drivers.def */
const struct engine_driver *engine_driver(struct str name);  /* NULL when unknown */
extern const struct setting engine_settings[];               /* rows "engine.…" */

#endif
