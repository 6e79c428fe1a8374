/*
 * pay.h - real money, and what a payment provider says about it. No orders, no credits, no plans: those are the caller's.
 * Owns: the keys of the providers; table pay_test and pay_test_refund (the provider of test money, driver_test.c).
 *
 * A payment has a number of ours, and that number names it at the provider for all time: the same call with the same number may be made
 * again after any failure, and nothing happens twice. What pays a number is read, never believed: a notice is a hint or carries the truth
 * with the provider's signature, a browser that comes back proves nothing, and a query is always possible.
 *
 * What a call gives, and what to do next (pay_next()):
 *   >= 0                     it is so
 *   ERR_UPSTREAM, ERR_BUSY   surely nothing happened by this call; make the same one later, with the same numbers. What an earlier call with them
 *                            left unknown stays unknown
 *   ERR_UNCERTAIN            nobody knows whether it happened; the same call with the same numbers settles it, as does a query
 *   ERR_PAY_REFUSED          refused for good; a person may choose another way
 *   ERR_PAY_OVER             the payment is decided already (paid, closed, used with other words): query it
 *   ERR_NOT_FOUND            the provider knows no such number. Of a payment that was started: not yet. Alipay hears of one only when somebody
 *                            opens it, so it may still come until the ask's until_ms. Of a start: the customer is unknown there (one of another
 *                            account, or of test mode); start again without it
 *   ERR_PAY_SETUP            keys, contract or settings are wrong: the operator must act; the detail says on what
 *
 * Every e may be NULL: then nobody wants to know why.
 * Threads: everything that calls a provider waits, so pool, dispatcher and keeper threads only; pay_notice() and the pure ones any.
 * Used by: shop/, api/, ops/.  Uses: base/, net/ (client), db/ (test money only).
 */
#ifndef ZT_PAY_PAY_H
#define ZT_PAY_PAY_H

#include "base/arena.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/err.h"

struct pay;
struct db;
struct db_tx;
struct http_client;

#define PAY_NUMBER_MIN    6                 /* characters of our numbers: 0-9 A-Z a-z _ -; better none with a -, which Alipay's documents do not name */
#define PAY_NUMBER_MAX    32
#define PAY_MINOR_MAX     INT64_C(100000000000)      /* a thousand million yuan; more is a mistake */
#define PAY_NOTICE_MAX    (256 * 1024)      /* bytes of a notice's body that are looked at */
#define PAY_ARENA         (4 * 1024 * 1024) /* bytes: what an arena given here must be good for. Enough for the largest answer and notice */

/* ---- words ---- */
/* Stored names are text and never change. */
#define PAY_SCENES(X) \
    X(PAGE, "page")     /* the browser is sent to a page of the provider */ \
    X(H5, "h5")         /* the same on a phone, outside the provider's own app */ \
    X(QR, "qr")         /* a text that our page draws as a QR code */ \
    X(JSAPI, "jsapi")   /* inside WeChat's browser: call-up parameters */ \
    X(MINI, "mini")     /* inside the mini-program: call-up parameters */
#define PAY_STATES(X) \
    X(OPEN, "open")                 /* can be paid */ \
    X(PROCESSING, "processing")     /* on its way; may still fail */ \
    X(PAID, "paid")                 /* also when it was given back later: see refunded_minor */ \
    X(CLOSED, "closed")             /* can never be paid */ \
    X(FAILED, "failed")             /* was tried and did not work; cannot be paid under this number */
#define PAY_REFUND_STATES(X) \
    X(PENDING, "pending") \
    X(DONE, "done") \
    X(FAILED, "failed")             /* surely no money went back */ \
    X(CLOSED, "closed")             /* given up before it began; the same */ \
    X(ABNORMAL, "abnormal")         /* the money could not be delivered: a person must act in the provider's console */
#define PAY_MEMBER_STATES(X) \
    X(NONE, "none")                 /* no membership */ \
    X(WAITING, "waiting")           /* its first payment is not there yet */ \
    X(ACTIVE, "active") \
    X(PAST_DUE, "past_due")         /* a renewal failed; the provider tries again */ \
    X(PAUSED, "paused") \
    X(ENDED, "ended")               /* for good */
#define PAY_ABOUT(X) \
    X(NOTHING, "nothing")           /* genuine, of no interest: say yes and forget it */ \
    X(PAYMENT, "payment") \
    X(REFUND, "refund") \
    X(MEMBER, "member") \
    X(DISPUTE, "dispute")           /* somebody asked a bank for the money back */

#define X(id, text) PAY_##id,
enum pay_scene { PAY_SCENES(X) PAY_SCENE_COUNT };
enum pay_state { PAY_STATES(X) PAY_STATE_COUNT };
#undef X
#define X(id, text) PAY_REFUND_##id,
enum pay_refund_state { PAY_REFUND_STATES(X) PAY_REFUND_STATE_COUNT };
#undef X
#define X(id, text) PAY_MEMBER_##id,
enum pay_member_state { PAY_MEMBER_STATES(X) PAY_MEMBER_STATE_COUNT };
#undef X
#define X(id, text) PAY_ABOUT_##id,
enum pay_about { PAY_ABOUT(X) PAY_ABOUT_COUNT };
#undef X
extern const char *const pay_scene_names[], *const pay_state_names[], *const pay_refund_state_names[], *const pay_member_state_names[],
    *const pay_about_names[];       /* NULL-ended, by the enum's value */

/* What a failed call asks of its caller. */
enum pay_next { PAY_NEXT_AGAIN, PAY_NEXT_NEVER, PAY_NEXT_OPERATOR, PAY_NEXT_ASK };
enum pay_next pay_next(int err);

struct pay_money {
    int64_t minor;                  /* fen, cents; yen and won have no smaller unit */
    char    currency[4];            /* ISO 4217, capitals; "" = none */
};

/* ---- asking for money. Views are borrowed for the call ---- */
struct pay_ask {
    struct str       number;        /* of this payment, ours, for all time */
    int              attempt;       /* from 1. Raise it only when the provider plays back an old failure again and again: it stands in for a new
                                     * call where calls are remembered (Stripe). Only once the last call was answered, and never to start a second
                                     * payment: that needs a new number */
    struct pay_money price;         /* 1..PAY_MINOR_MAX */
    struct str       title;         /* what is bought, as the payer reads it; cut where the provider's limit is */
    enum pay_scene   scene;
    struct str       notify_url;    /* https, without query; not for Stripe, which has it in its console */
    struct str       return_url;    /* where the browser comes back to; proves nothing */
    struct str       cancel_url;    /* the same after giving up; "" = return_url */
    int64_t          until_ms;      /* may be paid until then, 0 = as the provider likes. Not a promise: close it, too */
    struct str       openid;        /* JSAPI, MINI: the payer at the app id that asks */
    struct str       client_ip;     /* H5 */
    struct str       account;       /* whoever pays, as an opaque word of ours; "" = not told */
    struct str       customer;      /* the provider's name for that person from an earlier payment, "" = none */
    int              months;        /* 0: once; 1..12: a membership that renews itself after so many months */
};
enum pay_show { PAY_SHOW_REDIRECT, PAY_SHOW_QR, PAY_SHOW_CALL };
struct pay_start {                  /* what the page must do now; texts live in the caller's arena */
    enum pay_show show;
    struct str    text;             /* REDIRECT: a URL; QR: what to draw; CALL: a JSON object for WeixinJSBridge or wx.requestPayment */
    struct str    provider_id;      /* keep it: Stripe is asked by it. "" when our number is enough */
    int64_t       until_ms;         /* the text is of use until then; 0 = not told */
};

/* ---- what is so ---- */
struct pay_member {
    struct str            id;       /* the provider's; "" = no membership */
    enum pay_member_state state;
    int64_t               period_start_ms, period_end_ms;      /* paid for; 0 = not told */
    bool                  ends;     /* will not be renewed */
    struct str            item, product;        /* what pay_change() of the price needs back */
};
struct pay_truth {
    enum pay_state    state;
    struct str        number;       /* ours; "" when the object does not carry it */
    struct pay_money  paid;         /* what really came, before fees; 0 and "" while nothing did */
    struct str        provider_id, transaction_id;      /* Stripe: session or invoice, and payment intent; WeChat, Alipay: the second only */
    struct str        customer;     /* the payer at the provider; may be kept for the next ask */
    int64_t           paid_ms;      /* 0 = not told */
    int64_t           fee_minor;    /* in the currency of `paid`; -1 = not told */
    int64_t           refunded_minor;           /* so far, as far as it is told: 0 also where nothing is said of it (Alipay's query, Stripe's
                                                 * memberships); -1 = some or all, not told how much */
    bool              disputed;     /* a bank was asked for the money back, and nobody knows yet how that ends */
    int64_t           lost_minor;   /* what banks took back for good, as far as it is told; beside refunded_minor */
    bool              dispute_fee_told;         /* what follows is so; else nothing is said of it */
    int64_t           dispute_fee_minor;        /* what the provider keeps for disputes beside fee_minor, less what of that it gave back; in the currency of `paid` */
    struct pay_member member;
};
#define PAY_PAYMENTS_MAX 24         /* two years of months */
struct pay_payments { const struct pay_truth *all; size_t n; bool more; };     /* the newest first, in the arena; more: there are older ones */
/* That number, that much, in that currency. ERR_PAY_REFUSED saying what differs: such a payment is never booked, a person must look at it. */
int pay_truth_check(const struct pay_truth *t, struct str number, const struct pay_money *price, struct err *e);

struct pay_which {                  /* one payment: each provider takes what it knows */
    struct str number;
    struct str provider_id;         /* of pay_start, or an object's of a notice (Stripe: cs_, in_, sub_) */
    struct str transaction_id;      /* of pay_truth */
};
struct pay_refund_ask {
    struct str       number;        /* of the refund, ours: the same number gives back once, for all time; one that failed needs a new number */
    struct pay_which of;
    struct pay_money amount;        /* to give back now */
    int64_t          total_minor;   /* of the whole payment */
    struct str       reason;        /* for the payer; may be cut */
    struct str       notify_url;
    struct str       provider_id;   /* query: of an earlier pay_refund_truth, "" = look for the number */
    int              attempt;       /* as of pay_ask; 0 counts as 1 */
};
struct pay_refund_truth {
    enum pay_refund_state state;
    struct str       number, payment_number, provider_id, transaction_id;
    struct pay_money amount;
    int64_t          done_ms;       /* 0 = not told */
};
enum pay_change { PAY_CHANGE_PAUSE, PAY_CHANGE_RESUME, PAY_CHANGE_END, PAY_CHANGE_KEEP, PAY_CHANGE_END_NOW, PAY_CHANGE_PRICE, PAY_CHANGE_COUNT };
extern const char *const pay_change_names[];
struct pay_change_ask {
    enum pay_change  what;          /* END: at the end of the period; KEEP takes that back; PAUSE: no more charges until RESUME */
    struct str       number;        /* of this change, ours: the same number changes once. Do not repeat one after a later one was made: Stripe
                                     * remembers it for a day, and then would make it again */
    struct str       member;        /* pay_member.id */
    struct pay_money price;         /* PRICE: per period from now on */
    int              months;        /* PRICE */
    struct str       item, product; /* PRICE: of pay_member */
    bool             charge_now;    /* PRICE: the difference at once (an upgrade), else from the next period on */
    int              attempt;       /* as of pay_ask; 0 counts as 1 */
};

/* ---- notices ---- */
struct pay_said {                   /* an HTTP message of a provider, as it came */
    int         status;             /* of an answer */
    struct str  (*header)(const void *from, const char *name);    /* the header's value, STR_NULL when absent */
    const void *from;
    struct str  body;               /* every byte: signatures are over them */
};
struct pay_notice {
    struct str     event_id;        /* the provider's; may come again, also with another id */
    struct str     what;            /* its own word for what happened, for the log */
    enum pay_about about;
    bool           truth;           /* `payment` or `refund` is the truth itself, signed, as of made_ms: one that comes late never takes back what
                                     * is known since. Else read it again with what stands below */
    struct str     number, refund_number, provider_id, transaction_id, member;      /* "" where not told */
    int64_t        made_ms;         /* 0 = not told */
    struct pay_truth        payment;
    struct pay_refund_truth refund;
};
/* What the provider wants to hear, after COMMIT and within 5 seconds. */
struct pay_reply { int status; const char *type; const char *body; };

/* ---- life ---- */
extern const struct setting pay_settings[];             /* rows "pay.…" */
/*
 * Opens every provider that the settings name, and reads its keys from their files. ERR_CONFIG: half a set of settings, a key that is none, or
 * test money beside real money, which is any provider but Stripe with a test key, or one at a loopback address.
 * http: borrowed; base URLs in private networks are reached only when its settings allow them.  d: for test money; may be NULL without it.
 * test_key: CRYPTO_KEY bytes that sign its notices; NULL: made now, so those of an earlier process are refused, as if they had been lost.
 */
int pay_new(const struct config *cfg, struct http_client *http, struct db *d, const uint8_t *test_key, struct pay **ret_p, struct err *e);
void pay_free(struct pay *p);                           /* NULL is fine; wipes the keys */

enum {
    PAY_CAN_MEMBER = 1 << 0,        /* memberships that renew themselves */
    PAY_CAN_TELL_FEE = 1 << 1,
    PAY_IS_TEST = 1 << 2,           /* test money: to be said on every page and receipt */
    PAY_CAN_REFUND_ONE = 1 << 4,    /* a refund is of the transaction that it names, whatever else was paid by that number */
    PAY_ASKED_BY_ID = 1 << 3,       /* knows a payment by the provider_id of pay_start() only; whoever never got one gave nobody anything to pay */
};
/* scenes: 1 << enum pay_scene; currencies: "CNY": nothing else, NULL: any */
struct pay_provider_info { const char *name; unsigned can; unsigned scenes; bool notify_per_ask; const char *currencies; };
/* The i-th provider that is set up; false when there are no more. */
bool pay_provider(const struct pay *p, size_t i, struct pay_provider_info *ret);
/* What it keeps of a payment by its price list, in the same unit, at most all of it: where pay_truth does not tell. 0 for one that is not set up. */
int64_t pay_fee(const struct pay *p, const char *provider, int64_t minor);
/* The i-th provider that this program knows, set up or not; NULL when there are no more. */
const char *pay_known(size_t i);
/* Whether the provider is set up. */
bool pay_has(const struct pay *p, const char *provider);

/* ---- calls: they wait, at most pay.timeout_ms; a refund and the query of what is disputed may be two of them. ERR_PAY_SETUP for a provider that is not set up ---- */
/* Made again, it may give what it gave before: a page whose payment is over by now. Query first, once there is something to query. */
int pay_start(struct pay *p, const char *provider, const struct pay_ask *ask, struct arena *a, struct pay_start *ret, struct err *e);
int pay_query(struct pay *p, const char *provider, const struct pay_which *which, struct arena *a, struct pay_truth *ret, struct err *e);
/* Closed twice may be ERR_PAY_OVER the second time: what it is then, a query says. */
int pay_close(struct pay *p, const char *provider, const struct pay_which *which, struct arena *a, struct err *e);
/* As the refund is now, also when it was made before. ERR_PAY_SETUP: by that number another amount was given back. */
int pay_refund(struct pay *p, const char *provider, const struct pay_refund_ask *ask, struct arena *a, struct pay_refund_truth *ret, struct err *e);
int pay_query_refund(struct pay *p, const char *provider, const struct pay_refund_ask *ask, struct arena *a, struct pay_refund_truth *ret, struct err *e);
/* ret: the membership afterwards, and its newest invoice. */
int pay_query_member(struct pay *p, const char *provider, struct str member, struct arena *a, struct pay_truth *ret, struct err *e);
/* The newest that were paid for a membership, PAY_PAYMENTS_MAX at most; of each `member` says whose it is and for what time, and not how that stands. None
 * where the provider tells of its newest one only (test money). */
int pay_query_payments(struct pay *p, const char *provider, struct str member, struct arena *a, struct pay_payments *ret, struct err *e);
/* END_NOW of what has ended is ERR_PAY_OVER. */
int pay_change(struct pay *p, const char *provider, const struct pay_change_ask *ask, struct arena *a, struct pay_truth *ret, struct err *e);
/* Keys that the provider has made new (WeChat's certificates); once in 12 hours. 0 also where there are none. */
int pay_renew_keys(struct pay *p, struct err *e);

/*
 * Is this message the provider's, and what is it about. Pure. now_ms: clock_ms(); older and younger than 300 s is refused where the provider
 * dates its messages (Stripe, WeChat; Alipay does not).
 * Errors: ERR_PAY_NOTICE not genuine, nothing may be done; ERR_PAY_SETUP genuine perhaps, but no key of ours fits: answer no, so that it comes
 *         again; ERR_TOO_BIG.
 */
int pay_notice(struct pay *p, const char *provider, const struct pay_said *said, int64_t now_ms, struct arena *a, struct pay_notice *ret, struct err *e);
/* What to answer. err: 0 = taken in for good; else what pay_notice() or the caller's own work said. */
struct pay_reply pay_notice_reply(const struct pay *p, const char *provider, int err);

/* ---- test money: what its page does instead of a bank. The rest is as with every provider ---- */
#define PAY_TEST_ACTS(X) \
    X(PAY, "pay") X(PROCESS, "process") X(FAIL, "fail") X(CANCEL, "cancel") \
    X(PAY_LATE, "pay_late")         /* money comes although it was closed */ \
    X(RENEW, "renew") X(RENEW_FAIL, "renew_fail") X(DISPUTE, "dispute") X(DISPUTE_WON, "dispute_won") X(DISPUTE_LOST, "dispute_lost") \
    X(REFUND_DONE, "refund_done") X(REFUND_ABNORMAL, "refund_abnormal")
#define X(id, text) PAY_TEST_##id,
enum pay_test_act { PAY_TEST_ACTS(X) PAY_TEST_ACT_COUNT };
#undef X
extern const char *const pay_test_act_names[];
struct pay_test_notice { struct str signature, body; };      /* header Pay-Test-Signature, and the body: deliver it, lose it, deliver it twice */
/* What the payer sees: for the page. ERR_NOT_FOUND. */
struct pay_test_view { struct pay_money price; enum pay_state state; struct str title, return_url, cancel_url; int months; int64_t until_ms; };
int pay_test_view(struct pay *p, struct str number, struct arena *a, struct pay_test_view *ret, struct err *e);
/* Waits for its commit. ERR_STATE when it cannot be done now. REFUND_*: the newest refund of the payment that is pending. */
int pay_test_act(struct pay *p, struct str number, enum pay_test_act act, struct arena *a, struct pay_test_notice *ret, struct err *e);
/* Keeper, in its transaction: forgets payments of test money, at most 100 at once: what was not paid 30 days after it began, what was paid 90 days
 * after that, after the last refund, and of a membership after the last period that was paid. Nothing to do without test money. */
int pay_expire(struct db_tx *tx, int64_t now_ms, struct err *e);

DEFINE_CLEANUP(struct pay, pay_free)

#endif
