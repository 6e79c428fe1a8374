/*
 * engine.h - one interface to everything that can draw: the local models, remote services (provider.h), `fake` for tests.
 * Owns: nothing that outlives a call's ticket; task and attempt rows belong to task/.
 * Threads: every function is called by the dispatcher thread only and never waits, but notice(), foresee() and findable(), which any may call; `wake`
 * may be called by the engine from any thread.
 * Used by: task/, ops/, api/ (notices).  Uses: base/, media/ (client), net/ (client).
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
    ENGINE_IS_REMOTE = 1 << 6,       /* somebody else's: what goes there leaves the house, and what comes from there is a stranger's */
};
#define ENGINE_NAME_MAX 32           /* stored in task and attempt rows */

#define ENGINE_REMOTE_ID_MAX 128

#define ENGINE_FDS_MAX 12
#define ENGINE_OUTS_MAX 2
/* One call, written down as an attempt before it is made. Borrowed during submit() only: engines copy texts and duplicate descriptors. */
struct engine_call {
    int64_t     attempt;             /* id; also the idempotency key towards engines that have one */
    struct str  op;                  /* "cutout", "compose", "score" … */
    struct str  params;              /* JSON object */
    int         in[ENGINE_FDS_MAX];  /* readable */
    size_t      n_in;
    struct str  role[ENGINE_FDS_MAX];/* remote engines: "face", "target", "clip", "picture", "person", "backdrop", "mask" */
    struct str  link[ENGINE_FDS_MAX];/* remote engines: where a stranger may fetch it for a while; "" when nobody outside can */
    int64_t     asset[ENGINE_FDS_MAX];   /* the caller's own: which bytes these are; 0: such as are in no link */
    struct str  notice_url;          /* remote engines: where it may tell us that the call moved, to be followed by "/" and `by`; "" when nobody outside can */
    int         out[ENGINE_OUTS_MAX];/* writable files (blob_put_fd): the result, then its preview */
    size_t      n_out;               /* 0 when the op gives only JSON */
    int64_t     cost_microusd;       /* reconcile(): as it was foreseen; 0 = nobody knows */
    int64_t     deadline_ms;         /* of this attempt, clock_mono_ms(); with ENGINE_CAN_LIMIT what is left of it now is the limit */
    int         priority;            /* 0 first */
};
enum engine_state {
    ENGINE_SENDING,                  /* nobody has said yet that the call was taken */
    ENGINE_WORKING,                  /* taken; remote_id is known when the engine has such */
    ENGINE_DONE,                     /* facts are there, the bytes are in `out` */
    ENGINE_FAILED,                   /* surely no result; ERR_STOPPING: it surely never happened */
    ENGINE_UNKNOWN,                  /* may or may not have happened: never repeated, asked about by reconcile() */
};
/* What is written down about a call before it is made, for whoever has to know later what may have become of it. */
struct engine_foreseen {
    int64_t     cost_microusd;       /* what the provider will charge when it is made */
    char        remote_id[ENGINE_REMOTE_ID_MAX + 1];      /* what can be said of its name over there, until it has one; "" nothing */
};
struct engine_result {
    enum engine_state state;
    struct err  err;                 /* FAILED, UNKNOWN: why. err_reason().retry says whether here again */
    bool        input_at_fault;      /* FAILED: never try another engine */
    struct str  facts;               /* DONE: JSON object, lives until release */
    struct str  remote_id;           /* the provider's name for the call, or what of it is known; "" when it has none; lives until release */
    int64_t     cost_microusd;       /* DONE, FAILED */
    int         progress_pm;         /* WORKING: 0..1000 */
    int64_t     poll_at_ms;          /* SENDING, WORKING: ask again at this clock_mono_ms() at the latest; 0 = wait for `wake` */
};

/* What a service sent us by itself, to the address of one call: a hint to look again, never the truth. Borrowed. */
#define ENGINE_NOTICE_MAX (256 * 1024)   /* bytes of its body that are looked at */
struct engine_notice {
    struct str (*header)(const void *from, const char *name);    /* STR_NULL when absent */
    const void *from;
    struct str body;
    int64_t    attempt;              /* that the address names; whoever calls has seen that it is one of ours */
    struct str by;                   /* what the engine wrote behind notice_url */
};
#define ENGINE_REMOTE_ID_MAX 128
struct engine_heard {
    bool again;                      /* the same message was here before: nothing was done */
    char remote_id[ENGINE_REMOTE_ID_MAX + 1];    /* what it calls the call, as in engine_result; "" when it does not say */
};
struct http_client;
struct engine_ctx {
    const struct config *cfg;
    struct media *media;             /* NULL: zoetrope-media is not there */
    struct http_client *client;      /* NULL: nothing goes out */
    const char *share;               /* folder with engines/<name>.yaml */
    bool reachable;                  /* services can fetch inputs from us, and tell us (public_url) */
    void (*wake)(void *arg);
    void *wake_arg;
    /* Tells the names (remote_id) that hold this text, of attempts made near that one, which is left out; of those that end with it only such as are lost.
     * < 0: nobody can tell. Asked once for each look at a list of calls, since it reads what was attempted in half an hour. NULL: there are none. */
    int (*names)(void *arg, int64_t attempt, struct str holds, void (*tell)(void *to, struct str remote_id), void *to);
    void *names_arg;
};
struct engine_driver {
    const char *name;                /* stored in task and attempt rows: never renamed, never reused */
    unsigned    can;                 /* ENGINE_CAN_*; the core asks this, never the name */
    int  (*open)(const struct engine_ctx *ctx, struct engine **ret_g, struct err *e);    /* 1: the settings do not name it, there is none */
    /* What it limits apart is a lane, and a line of its own: 1 and "name" or "name.lane", 0 past the end. NULL: it is one lane under its own name. */
    int  (*lane)(struct engine *g, size_t i, char ret_name[ENGINE_NAME_MAX + 1]);
    int  (*lane_of)(struct engine *g, struct str op, struct str params);      /* -1: it cannot do that. NULL: 0 whatever it is */
    int  (*slots)(struct engine *g, size_t lane);                             /* how many calls it will work on side by side; 0 = none just now */
    /* < 0: not taken, and no ticket; ERR_UNCERTAIN: nobody knows. ERR_BUSY: ask again soon, costs no retry. */
    int  (*submit)(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e);
    int  (*poll)(struct engine *g, void *ticket, struct engine_result *ret, struct err *e);
    void (*release)(struct engine *g, void *ticket);                          /* ends the ticket, also one still working (its result is dropped) */
    void (*close)(struct engine *g);                                          /* after every ticket was released */
    int  (*cancel)(struct engine *g, void *ticket, struct err *e);            /* optional from here on; the outcome still comes by poll */
    /* Takes up again a call that was made before, perhaps by another process; never makes a new one. remote_id as foreseen, or as told since.
     * ERR_NOT_FOUND: it surely never happened; ERR_UNCERTAIN: still nobody knows; else a ticket as from submit(). */
    int  (*reconcile)(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e);
    /* Any thread, never waits. ERR_ENGINE_NOTICE: forged or stale; ERR_BUSY: it cannot be judged just now, so let it come again; ERR_NOT_FOUND: it has none. */
    int  (*notice)(struct engine *g, const struct engine_notice *n, struct engine_heard *ret, struct err *e);
    /* Any thread. 0; or ERR_UNCERTAIN and why, for the operator: that call was made with something that is not in the settings any more, and as long as it
     * is not there again reconcile() cannot say that it was not made. NULL: 0 */
    int  (*findable)(struct engine *g, struct str op, struct str remote_id, struct err *ret_why);
    void (*foresee)(struct engine *g, const struct engine_call *c, struct engine_foreseen *ret);      /* any thread; reads op and params. NULL: all 0 */
    /* 1: the lane takes nothing, however little it has to do, and why is in *ret_why for the operator; 0: it takes what it has slots for. NULL: 0 */
    int  (*shut)(struct engine *g, size_t lane, struct err *ret_why);
};
extern const struct engine_driver *const engine_drivers[];   /* NULL-ended; from drivers.def */
const struct engine_driver *engine_driver(struct str name);  /* of an engine or one of its lanes; NULL when unknown */
extern const struct setting engine_settings[];               /* rows "engine.…" */

#endif
