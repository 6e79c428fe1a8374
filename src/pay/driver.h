/*
 * driver.h - a way to be paid (drivers.def), as pure functions: it writes requests and reads answers and notices, and does no I/O. So each is
 * one file, every vector of a provider's contract is a unit test, and what strangers send is a fuzz target. call.c carries them.
 * Threads: any, at once; what open() made does not change afterwards, but for keys() (its own lock).
 * Used by: pay/ only.
 */
#ifndef ZT_PAY_DRIVER_H
#define ZT_PAY_DRIVER_H

#include "pay/pay.h"

enum pay_op {
    PAY_OP_START, PAY_OP_QUERY, PAY_OP_CLOSE, PAY_OP_REFUND, PAY_OP_QUERY_REFUND, PAY_OP_QUERY_MEMBER, PAY_OP_CHANGE,
    PAY_OP_KEYS,                    /* ask for new keys */
    PAY_OP_QUERY_DISPUTE,           /* of a payment that is said to be disputed: how that stands */
    PAY_OP_QUERY_PAYMENTS,          /* of a membership: what was paid for it, not the newest alone */
    PAY_OP_COUNT
};
extern const char *const pay_op_names[];
/* What is to be done: the op, and the one struct that belongs to it. */
struct pay_work {
    enum pay_op                  op;
    const struct pay_ask        *ask;       /* START */
    const struct pay_which      *which;     /* QUERY, CLOSE, QUERY_DISPUTE; QUERY_MEMBER, QUERY_PAYMENTS: provider_id is the membership */
    const struct pay_refund_ask *refund;    /* REFUND, QUERY_REFUND */
    const struct pay_change_ask *change;    /* CHANGE */
};
static inline bool pay__is_effect(const struct pay_work *w) {
    return w->op == PAY_OP_START || w->op == PAY_OP_CLOSE || w->op == PAY_OP_REFUND || w->op == PAY_OP_CHANGE;
}
struct pay_moment {                 /* what a signature takes from the world */
    int64_t now_ms;
    char    nonce[33];              /* 32 characters of 0-9 A-F, never the same twice */
};
#define PAY_HEADERS_MAX 12
struct pay_call {                   /* one HTTP request; everything lives in the arena */
    const char *method;
    struct str  url;                /* whole */
    const char *headers[PAY_HEADERS_MAX + 1];           /* "Name: value", NULL-ended */
    struct str  body;
};
struct pay_result {                 /* of one op */
    struct pay_start        start;
    struct pay_truth        truth;  /* QUERY, QUERY_MEMBER, CHANGE; QUERY_DISPUTE: disputed, lost_minor and dispute_fee_… */
    struct pay_refund_truth refund;
    struct pay_payments     payments;           /* QUERY_PAYMENTS */
};

struct db;
struct pay_driver {
    const char *name;               /* stored in payment rows: never renamed, never reused */
    unsigned    can;                /* PAY_CAN_*, PAY_IS_TEST; the core asks this, never the name */
    unsigned    scenes;             /* 1 << enum pay_scene */
    bool        notify_per_ask;     /* takes the address of notices with each ask */
    const char *currencies;         /* "CNY": nothing else; NULL: any */
    struct pay_reply yes, again, forged;        /* to a notice: taken in; come again; go away */
    /* The e of these four is never NULL: pay.c and call.c see to that, whatever their caller gave. */
    /* 1: set up; 0: the settings do not name it; ERR_CONFIG. ret_real: false only when it is certain that no real money can be paid. */
    int  (*open)(const struct config *cfg, void **ret_g, bool *ret_real, struct err *e);
    void (*close)(void *g);
    /* 1: *ret is to be sent, and its answer goes to parse(); 0: nothing needs to be sent, *ret_result is whole. ERR_BAD_INPUT: the work
     * makes no sense here. ret is zeroed before. */
    int  (*build)(const void *g, const struct pay_work *w, const struct pay_moment *m, struct arena *a, struct pay_call *ret,
                  struct pay_result *ret_result, struct err *e);
    /* An answer that came whole, of any status. The codes of pay.h. ret_result is zeroed before. */
    int  (*parse)(void *g, const struct pay_work *w, const struct pay_said *said, const struct pay_moment *m, struct arena *a,
                  struct pay_result *ret_result, struct err *e);
    /* ret is zeroed before. */
    int  (*notice)(const void *g, const struct pay_said *said, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e);
    /* ---- optional from here on ---- */
    unsigned ops;                   /* 1 << enum pay_op beyond START..QUERY_REFUND that build() knows */
    const char *fee_pm, *fee_fixed;             /* settings: what it keeps of a payment per mille, and of each, where it does not tell; NULL: nothing */
    bool     forgets_refunds;       /* a refund's number is recognised for some time only: so it is looked for before each REFUND */
    /* The provider lives in this process (test money): answers a call in the network's stead. */
    int  (*answer)(void *g, struct db *d, const struct pay_call *c, struct arena *a, int *ret_status, struct str *ret_body, struct err *e);
};
extern const struct pay_driver *const pay_drivers[];    /* NULL-ended; from drivers.def */

/* ---- what drivers share (driver.c) ---- */
/* An answer nobody can read: of an effect it may have happened (ERR_UNCERTAIN), of a question it is ERR_UPSTREAM. */
int pay__unclear(const struct pay_work *w, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* 5xx, and what no driver knows better: 429 ERR_UPSTREAM, 408 and 5xx unclear; else 0. */
int pay__status(const struct pay_work *w, const struct pay_said *said, const char *who, struct err *e);
void pay__header(struct pay_call *c, struct arena *a, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A request's JSON object: begun, and ended into the arena. ERR_BAD_INPUT: it came to more than max bytes; nothing is sent then. */
struct jw;
void pay__json(struct jw *w, struct buf *b, size_t max);
int pay__json_end(struct jw *w, struct arena *a, struct str *ret, struct err *e);
/* Texts of an object that are copied into the arena; "" when absent, null or no text. At most max bytes, else "". */
struct json_t;
struct str pay__text(struct arena *a, const struct json_t *obj, const char *key, size_t max);
int64_t pay__int(const struct json_t *obj, const char *key, int64_t otherwise);      /* whole numbers only */
int64_t pay__minor(const struct json_t *obj, const char *key);          /* an amount: 0..PAY_MINOR_MAX; -1 when it is none */
bool pay__currency(struct str s, char out[4]);          /* three letters, written as capitals; else "" and false */
bool pay__is_number(struct str s);          /* PAY_NUMBER_MIN..MAX of our characters */
bool pay__is_name(struct str s);            /* 1..255 of 0-9 A-Z a-z _ - : what may be put into a provider's path */
bool pay__is_url(struct str s, size_t max); /* http or https, at most max bytes, without spaces and controls */
int pay__index(const char *const *names, struct str s);         /* in a NULL-ended list; -1 */
/* A message that was signed, out of its parts, with every byte of each, NULs too. STR_NULL when it is over the arena. */
struct str pay__join(struct arena *a, const struct str *parts, size_t n);
#define PAY_JOIN(a, ...) pay__join((a), (const struct str[]){ __VA_ARGS__ }, COUNT(((const struct str[]){ __VA_ARGS__ })))
struct str pay__cut(struct str s, size_t max);          /* to at most max bytes, between two UTF-8 characters */
/*
 * A provider's address out of the settings: https:// or http://, a host, perhaps a port; a path only where `path` says so, with no / at its end; no
 * user, query or fragment. ret_own: the host is written as a loopback address (127.0.0.0/8, [::1]), so what answers is this machine: a simulator.
 */
int pay__base_url(const struct config *cfg, const char *setting, bool path, const char **ret_url, bool *ret_own, struct err *e);
/* A key file, at most 64 KB; the caller wipes and releases it. ERR_CONFIG with the setting's name. */
int pay__read_file(const struct config *cfg, const char *setting, const char *path, struct buf *ret, struct err *e);
void pay__nonce(char out[33]);

#endif
