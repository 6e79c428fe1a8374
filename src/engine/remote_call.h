/*
 * remote_call.h - inside engine/remote*.c: a call on its way, and what the files of it share.
 *   remote_name.c       the name a call is known by for good        remote_exchange.c   one request, from its sending to its end
 *   remote_call.c       where a call stands and what is next        remote.c            the engine: its vtable, its keys, its life
 *   remote_notice.c     what a service tells by itself
 * Threads: the dispatcher's, but for what struct engine guards by its lock.
 */
#ifndef ZT_ENGINE_REMOTE_CALL_H
#define ZT_ENGINE_REMOTE_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/few.h"
#include "engine/notice.h"
#include "engine/remote.h"

#define REMOTE__CALL_ARENA (PROVIDER_BODY_MAX + (4u << 20))
#define REMOTE__NEW_MS     60000         /* a call that was just taken may not be found yet */
#define REMOTE__FIND_MS    60000         /* a list that does not have it by then never will */
#define REMOTE__LOOK_MS    1000          /* a closed gate is looked at again at least this often */
#define HASH_HEX           8
#define SEEN_MAX           256
#define REMOTE_ID_MAX      (2 * HASH_HEX + 2 + PROVIDER_ID_MAX)

/* Names of other calls, as hashes: in order, once all are there. */
struct names { uint64_t *list; size_t n; bool read, doubt /* one of them is lost, or not all are there */; };
#define NAMES_MAX 32768
struct key { char *secret; char name[HASH_HEX + 1]; };
/* One request on its way, and the answer. Belongs to the HTTP client from send() until `back`; then to whoever waits for it. */
struct exchange {
    struct engine *g;
    struct arena  *a;
    struct provider_call call;
    struct http_ask ask;
    struct http_reply reply;
    int64_t        began_ms;
    atomic_bool    back;
    int            fds[ENGINE_FDS_MAX];        /* closed with it: what it reads from or writes to may not be anybody else's meanwhile */
    size_t         n_fds;
    struct exchange *next;            /* guarded by g->lock: nobody waits for it; freed by who sees that it is back */
};
/* The document of keys; guarded by g->lock but for ask and reply, which are the client's while it is asking. */
struct jwks {
    const char    *url;
    struct notice_jwks keys;
    int64_t        got_ms, asked_ms, doubted_ms;      /* clock_mono_ms(), 0: never */
    bool           asking;
    struct http_ask ask;
    struct http_reply reply;
};
enum phase { WAITING, UPLOADING, SUBMITTING, POLLING, FETCHING, FINDING, OVER };
struct ticket {
    struct engine *g;
    struct ticket *next, **self;      /* all of the engine's */
    struct provider_job job;
    size_t         lane, key;
    struct gate_pass pass;
    bool           entered;           /* counted by the gate */
    bool           taken;
    bool           well;              /* that it is being worked on was told the gate, or is no news: it was before */
    bool           told;              /* by a notice, since it was asked about last: asked as soon as it can be */
    enum phase     phase;
    struct exchange *x;               /* NULL: nothing is under way */
    int            tries;             /* of the present step, that failed */
    unsigned       keys;              /* FINDING: bits of those that are asked in turn */
    struct names   names;             /* FINDING: of the answer that is being read */
    char           key_gone[HASH_HEX + 1];     /* FINDING: it may have been made with this one, which is not in the settings any more; "" none */
    int64_t        at_ms, deadline_ms, taken_ms, found_until_ms;
    int            out;               /* ours */
    bool           linked_anew;       /* the result's link was dead once */
    /* what poll() says */
    enum engine_state state;
    struct err     err;
    bool           input_at_fault;
    int            progress_pm;
    int64_t        cost_microusd, units_m;
    int64_t        foreseen_microusd; /* by the process that made the call; 0: it is ours */
    char           remote_id[REMOTE_ID_MAX + 1];
    struct buf     facts;
};
struct engine {
    const struct provider *p;
    void          *mine;              /* the provider's own, from its open() */
    const char    *base_url;
    struct models *models;
    struct key     keys[GATE_KEYS_MAX];
    size_t         n_keys;
    struct gate   *gate;
    struct { struct err key_said, said; } lanes[GATE_LANES_MAX];      /* the newest trouble of each: with a key, and else */
    struct http_client *client;
    void         (*wake)(void *arg);
    void          *wake_arg;
    int          (*names)(void *arg, int64_t attempt, struct str holds, void (*tell)(void *to, struct str remote_id), void *to);
    void          *names_arg;
    struct ticket *tickets;
    pthread_mutex_t lock;             /* the rest */
    pthread_cond_t idle;
    int            under_way;         /* exchanges the client has */
    struct exchange *orphans;
    struct few     hints;             /* attempts that there were notices about */
    uint64_t       seen[SEEN_MAX];    /* the newest messages, by a part of their hashes */
    size_t         n_seen;
    struct jwks    jwks;
};

/* ---- remote_name.c ---- */
void remote__hash(const char *text, size_t n, char out[HASH_HEX + 1]);
void remote__name(const struct ticket *t, size_t key, const char *id, char out[REMOTE_ID_MAX + 1]);
int remote__is_known(void *arg, const char *id);                     /* provider_job.known; arg: the ticket */
void remote__forget_names(struct ticket *t);                         /* before each answer, and at the end */
/* Before it has a name: with which keys it may be made. */
void remote__unnamed(const struct engine *g, const struct model *m, char out[REMOTE_ID_MAX + 1]);
struct remote__named {
    const struct model *model;
    unsigned   keys;                  /* bits of those that it was, or may have been made with */
    char       gone[HASH_HEX + 1];    /* one of these that is not in the settings any more; "" none */
    struct str id;                    /* borrowed; "" not known */
};
/* Whose call it was. ERR_UNCERTAIN: its model, or every key it may have been made with is gone from the settings. */
int remote__read_name(const struct engine *g, struct str op, struct str remote_id, struct remote__named *ret, struct err *e);

/* ---- remote_exchange.c ---- */
extern const int64_t remote__step_ms[PROVIDER_STEP_COUNT];            /* how long one request of a step may take, whatever the call has left */
int remote__send(struct ticket *t, enum provider_step step, struct exchange **ret_x, struct err *e);   /* 1: on its way; 0: this step needs no request; < 0: it cannot be sent */
void remote__exchange_free(struct exchange *x);                      /* one that is back */
void remote__abandon(struct exchange *x, bool quietly);              /* nobody waits for it any more; quietly: it is to arrive all the same (a cancel) */
void remote__sweep(struct engine *g);                                /* frees what was abandoned and is back */

/* ---- remote_notice.c ---- */
bool remote__hears(const struct engine *g);                          /* it can send us notices, and we can judge them */
void remote__notice_address(struct ticket *t);                       /* by which account, for which model: once the key is chosen */
void remote__want_keys(struct engine *g);                            /* those that notices are signed with, if there are such, before the first comes */
void remote__take_hints(struct engine *g);

/* ---- remote_call.c ---- */
int64_t remote__price(const struct model *m, int64_t asked_m);       /* microusd of a call; thousandths of what its price counts, 0: nobody said */
void remote__use_key(struct ticket *t, size_t key);
void remote__go(struct ticket *t, enum phase phase, int64_t at_ms);
void remote__leave_gate(struct ticket *t);
void remote__failed(struct ticket *t, int code, bool input_at_fault, const struct err *why);
void remote__advance(struct ticket *t, int64_t now_ms);              /* as far as it goes without waiting */
const char *remote__type_of_file(int fd);                            /* "image/jpeg" … by its first bytes; NULL when unknown */

#endif
