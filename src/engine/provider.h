/*
 * provider.h - a remote service that draws, as pure functions: they write requests and read answers and notices, and do no I/O. So each
 * service is one file, every vector of its contract is a unit test, and what it says is a fuzz target. remote.c carries them.
 *
 *   UPLOAD (each input, perhaps in several requests) -> SUBMIT -> POLL ... -> FETCH (remote.c's own: a link is a link)
 *   nobody knows whether it was taken: FIND, then POLL ...          no longer wanted: CANCEL
 *
 * What a call wants is told in our words (op, params, roles of inputs); a provider's file and its models (share/engines/<name>.yaml)
 * translate. Errors speak of blame, which decides what happens next: see enum provider_blame.
 * Threads: the dispatcher's, one call at a time; notice() on any.  Used by: engine/ only.
 */
#ifndef ZT_ENGINE_PROVIDER_H
#define ZT_ENGINE_PROVIDER_H

#include "base/json.h"
#include "engine/engine.h"
#include "engine/model.h"
#include "net/client.h"

enum provider_step { PROVIDER_UPLOAD, PROVIDER_SUBMIT, PROVIDER_POLL, PROVIDER_FETCH, PROVIDER_FIND, PROVIDER_CANCEL, PROVIDER_STEP_COUNT };
extern const char *const provider_step_names[];

#define PROVIDER_BODY_MAX (24u << 20) /* bytes of a request with its inputs in it */
#define PROVIDER_ID_MAX   79          /* bytes of a provider's own id for a call */
#define PROVIDER_TYPE_MAX 31
struct provider_input {
    struct str role;                  /* "face", "target", "clip", "picture", "person", "backdrop", "mask" … */
    char       type[PROVIDER_TYPE_MAX + 1];    /* "image/jpeg" … by its first bytes */
    int        fd;                    /* remote.c's */
    int64_t    bytes;
    struct str link;                  /* where a service may fetch it from us for a while; "" when nobody outside can */
    struct str ref;                   /* what it is called there once it is uploaded; set by parse() */
};
struct provider_job {                 /* one call */
    int64_t    attempt;
    const struct model *model;
    const char *key;                  /* of the account it is made with */
    json_t    *params;                /* ours: prompt, negative, seed, width, height, seconds (of the clip, or asked for), mode, strength …; gone once it was taken */
    struct provider_input *in;
    size_t     n_in, uploaded;        /* inputs before `uploaded` are there */
    json_t    *scratch;               /* a provider's own notes between two requests of one upload; owned by the job */
    char       id[PROVIDER_ID_MAX + 1];        /* the provider's, once taken */
    int64_t    begun_ms;              /* clock_ms() of the intent, for those that list calls by time */
    struct str notice_url;            /* where it may tell us; "" when nobody outside can */
    int        polls;                 /* asked so far */
    int        misses;                /* the provider's own: questions in a row that did not find it */
    struct str result;                /* the link, set with READY; fetched without a key */
    const char *base_url;             /* no / at its end */
    /* FIND: whether that id is another call of ours. 1: it is; 0: none can be; < 0: another one that is lost, too, may be it, or nobody can tell. */
    int  (*known)(void *arg, const char *id);
    void      *known_arg;
    struct arena *a;                  /* lives as long as the job */
};
#define PROVIDER_FIND_MS      (15 * 60 * 1000LL)       /* a lost call was taken within these of its intent: later none is sent */
#define PROVIDER_FIND_SKEW_MS (60 * 1000LL)            /* their clock and ours */
struct provider_moment { int64_t now_ms; char nonce[33]; };      /* clock_ms(); 32 characters of 0-9 a-f, never the same twice */
#define PROVIDER_HEADERS_MAX 16
#define PROVIDER_PARTS_MAX   40
struct provider_call {                /* one HTTP request; everything lives in the arena given to build() */
    const char *method;
    struct str  url;
    const char *headers[PROVIDER_HEADERS_MAX + 1];
    struct str  body;
    struct http_part parts[PROVIDER_PARTS_MAX];                  /* instead of the body */
    size_t      n_parts;
};
struct provider_said {
    int        status;
    struct str (*header)(const void *from, const char *name);    /* STR_NULL when absent */
    const void *from;
    struct str body;
};
/* Who has to do something about a failure. */
enum provider_blame {
    PROVIDER_PASSING,                 /* it may work here in a moment */
    PROVIDER_RATE,                    /* we ask too much at once: here, later, at no cost of a try */
    PROVIDER_INPUT,                   /* what we were given is refused, and would be anywhere: never elsewhere */
    PROVIDER_CONTENT,                 /* the same, by those who look whether content is decent or lawful */
    PROVIDER_ELSEWHERE,               /* it will not work here, but may with another engine */
    PROVIDER_OPERATOR,                /* key, money or settings: this key is out until somebody mends it; the task is not told that it failed */
    PROVIDER_MODEL,                   /* as OPERATOR, of this lane alone: the account is good and may not use this model, or not yet */
    PROVIDER_OURS,                    /* a request it does not understand: our bug, or a contract that changed */
};
enum provider_verdict {
    PROVIDER_GO_ON,                   /* UPLOAD: build() again, for the rest of this input or the next; POLL: build() again, at once; CANCEL: told */
    PROVIDER_TAKEN,                   /* SUBMIT, FIND: job->id is set */
    PROVIDER_WAITING,                 /* POLL: not begun */
    PROVIDER_WORKING,                 /* POLL */
    PROVIDER_READY,                   /* SUBMIT, POLL, FIND: job->result is set, or outcome.facts */
    PROVIDER_FAILED,                  /* surely no result; blame and err say why. (RATE, OPERATOR and MODEL are about this one request: the call goes on.) */
    PROVIDER_NOWHERE,                 /* FIND: surely never taken; POLL: not known (any more) */
    PROVIDER_UNCLEAR,                 /* nothing can be told from this answer: SUBMIT may have been taken, all else is asked again */
};
struct provider_outcome {             /* zeroed before parse(), but for retry_after_ms */
    enum provider_verdict verdict;
    enum provider_blame blame;        /* FAILED */
    struct err err;                   /* FAILED, UNCLEAR: a line for the log, without keys, people and what opens links */
    int64_t    retry_after_ms;        /* RATE: -1 (as at the beginning) when it did not say; remote.c reads the header */
    int64_t    units_m;               /* READY: thousandths of what the model's price counts (seconds, pictures); 0: as asked */
    int64_t    cost_microusd;         /* what it cost besides the model's price, failed or not */
    int        progress_pm;           /* WORKING; 0: it does not say */
    struct str facts;                 /* READY of a model whose result is a verdict: the answer itself, a JSON object in the arena given to parse(); nothing is fetched */
};
struct provider_notice {
    char       id[PROVIDER_ID_MAX + 1];       /* the call's over there; "" when it does not say */
    struct str once;                          /* the same in every delivery of one message, and in no other; in the arena */
    bool       in_time;                       /* also of one that is refused: what is wrong with it is not its time */
};
struct notice_said;
struct notice_jwks;

struct provider {
    const char *name;
    const char *const *forms;         /* NULL-ended: the words that model.form may be, each a way to write a request */
    bool        fetches;              /* it takes inputs by links of ours and in no other way: of no use where nobody outside can fetch from us */
    bool        jwks;                 /* its notices are signed with keys of a document, engine.<name>_jwks_url, which remote_notice.c fetches and keeps */
    bool        nodes;                /* machines of our own instead of accounts: engine.<name>_nodes are addresses, and each one is a "key" */
    /* optional: more settings of its own, files beside share/engines/<name>.yaml */
    int (*open)(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e);
    void (*close)(void *g);
    /* 1: *ret is to be sent, and its answer goes to parse(). 0: nothing is to be sent in this step. < 0: it cannot be (our bug, or params that make no
     * sense); of SUBMIT nothing has happened then. ret is zeroed before. */
    int (*build)(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *ret,
                 struct err *e);
    /* An answer that came whole, of any status. Of an UPLOAD, `uploaded` counts on when this input is there. */
    void (*parse)(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a,
                  struct provider_outcome *ret);
    /* A notice: 0 when it is genuine, or a mere hint where nobody signs; ERR_ENGINE_NOTICE. keys: NULL without jwks. ret is zeroed before. Optional; one
     * that has an open() as well hears nothing while that gave NULL. */
    int (*notice)(const void *g, const struct notice_said *said, const struct notice_jwks *keys, int64_t now_ms, struct arena *a, struct provider_notice *ret,
                  struct err *e);
};

/* ---- what providers share (provider.c) ---- */
void provider_header(struct provider_call *c, struct arena *a, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void provider_failed(struct provider_outcome *o, enum provider_blame blame, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void provider_unclear(struct provider_outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 429, 408, 5xx and what no service says: sets *o and returns true. */
bool provider_status(const struct provider_said *said, struct provider_outcome *o);
/* The body as JSON; on failure *o is UNCLEAR and NULL comes back. The caller's reference. */
json_t *provider_json(const struct provider_said *said, struct provider_outcome *o);
/* Takes an id of printable characters without spaces, at most PROVIDER_ID_MAX; anything else is UNCLEAR. */
bool provider_take_id(struct provider_job *j, const json_t *id, struct provider_outcome *o);
/* Takes what an uploaded input is called there, and counts it; UNCLEAR when that is no name. */
bool provider_take_ref(struct provider_job *j, struct str ref, struct provider_outcome *o);
/* What was said about the call itself, which is over: money or pace end it, too, where of a question they would only delay the next. */
void provider_over(struct provider_outcome *o);
/* Takes the result's link; UNCLEAR when it is none. */
bool provider_take_result(struct provider_job *j, const json_t *link, struct provider_outcome *o);
/* The id of a call as a notice names it: as provider_take_id() takes them, else ERR_ENGINE_NOTICE. */
int provider_notice_id(struct str id, struct provider_notice *ret, struct err *e);
const char *provider_text(const json_t *obj, const char *key);        /* "" when absent or no text */
int64_t provider_number(const json_t *obj, const char *key);          /* 0 to 10^15, also when it comes as a text; else -1 */
/* The first row that the code begins with decides; `otherwise` when there is none. */
struct provider_code { const char *begins; enum provider_blame blame; };
enum provider_blame provider_blame_of(const struct provider_code *codes, size_t n, const char *code, enum provider_blame otherwise);
/* A POST of a form in parts: the fields, and behind them, as Alibaba's store wants it, an input's bytes as "file". 1, or ERR_ENGINE_FAILED when the
 * fields are too long. */
struct provider_field { const char *name, *value; };
int provider_post_file(const char *url, const struct provider_field *fields, size_t n, const struct provider_input *in, const struct provider_moment *m,
                       struct arena *a, struct provider_call *c, struct err *e);
int64_t provider_retry_after(const struct provider_said *said, int64_t now_ms);      /* ms from seconds or an HTTP date; -1 */
/* Inputs (their ref, else their link) and params by the names the model has for them (model.names); what has no name is left out. An input that
 * nobody can fetch is ERR_ENGINE_FAILED and NULL. */
json_t *provider_named(const struct provider_job *j, struct err *e);
/* Of a list of calls, newest first or not: the one made at about the time of ours that no attempt bears. When there is just one, its id is taken
 * (TAKEN); none is NOWHERE; several, one that may be another lost call, and what has no id or time are UNCLEAR. */
struct provider_listed { const json_t *id; int64_t made_ms; };
void provider_find(struct provider_job *j, const struct provider_listed *list, size_t n, struct provider_outcome *o);
/* The same of a page of their own JSON, newest first; a page is as full as it may be at page_max, and what is not on it may be ours. read: false, it is
 * none of this model; ret is set even so. */
typedef bool provider_read_listed(const struct provider_job *j, const json_t *one, struct provider_listed *ret);
void provider_find_on_page(struct provider_job *j, const json_t *list, size_t page_max, provider_read_listed *read, struct arena *a, struct provider_outcome *o);
int64_t provider_rfc3339(const char *text);                           /* ms; 0 when it is none */
/* The model's fixed parameters (model.body) and ours as one JSON object: maps are merged, ours win. Takes `ours`, which may be NULL. 1, or ERR_BAD_INPUT. */
int provider_write_body(const struct provider_job *j, json_t *ours, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e);
/* The same, with the inputs' bytes left to the client: it reads and encodes them while it sends, on its own thread, and nobody holds them all. For services
 * that sign no bodies. */
int provider_write_parts(const struct provider_job *j, json_t *ours, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e);
/* What stands in that JSON for input i: its ref or link; else its bytes as base64 (data_url: behind "data:TYPE;base64,"), put in by these two, in the order of the inputs. */
json_t *provider_inline(const struct provider_job *j, size_t i, bool data_url, const struct provider_moment *m);
const struct provider_input *provider_input_of(const struct provider_job *j, const char *role);       /* the first, or NULL */

#endif
