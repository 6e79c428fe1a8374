/*
 * client.h - all outgoing HTTP: one thread on libcurl's multi interface, with limits on everything.
 * Owns: its thread and connections.  Threads: any may ask; done() runs on the client's thread and must not wait.
 * Safe against requests that others steer: https only, addresses that are not public refused at the very socket that connects, redirects
 * followed one by one under the same rules (GET and HEAD only, at most redirects_max, credentials dropped when the origin changes).
 * No proxy from the environment is used, since the address check would then look at the proxy.
 */
#ifndef ZT_NET_CLIENT_H
#define ZT_NET_CLIENT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

struct http_client;

struct http_client_conf {
    int64_t     connect_ms;           /* name lookup, TCP and TLS together */
    int         in_flight_max;        /* asks at once; more are ERR_BUSY */
    const char *allow;                /* "127.0.0.1:9000,localhost:80": may be plain http and private; for tests and machines of our own */
    const char *ca_file;              /* "" = the system's */
};
extern const struct setting http_client_settings[];                /* rows "client.…" */
void http_client_conf_from(const struct config *cfg, struct http_client_conf *ret);

/* Adds "Name: value" to a NULL-ended list of at most max; who writes more has a bug. Lives in a. */
void http_add_header(const char **headers, size_t max, struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

/* One piece of a request's body: text, or a file's bytes from its start, as they are or in base64. */
struct http_part {
    struct str text;
    int        fd;                    /* > 0: instead of the text; read by pread(), so that its offset stays */
    int64_t    bytes;                 /* of the file; one that turns out shorter ends the request */
    bool       base64;                /* with padding, RFC 4648 section 4 */
};

/* What is asked. Everything is borrowed until done(). */
struct http_ask {
    const char        *method, *url;
    const char *const *headers;       /* "Name: value", NULL-ended; may be NULL */
    struct str         body;
    const struct http_part *parts;    /* instead of body: one after the other; sent once, so never with redirects */
    size_t             n_parts;
    int64_t            total_ms;      /* from the call to the last byte, redirects too */
    int64_t            body_max;      /* bytes of the answer's body; more is ERR_TOO_BIG */
    int                to_fd;         /* > 0: the body is written there instead of into memory */
    int                redirects_max; /* 0..3 */
};

/* What came. The asker's memory: zeroed before, released with http_reply_done(). */
struct http_reply {
    int        rc;                    /* 0: an answer came whole, whatever its status. Else why not:
                                       *   ERR_UPSTREAM, ERR_TOO_BIG, ERR_BLOCKED_ADDRESS, ERR_BAD_INPUT (the URL), ERR_BUSY, ERR_STOPPING,
                                       *   ERR_DISK_FULL, ERR_IO; ERR_UNCERTAIN: it was sent with a method that changes things, but no
                                       *   answer came, so it may or may not have happened */
    struct err err;
    int        status;
    struct buf headers;               /* of the last answer, raw lines */
    struct buf body;
    int64_t    body_bytes;
    atomic_bool cancelled;            /* the client's own */
};
struct str http_reply_header(const struct http_reply *r, const char *name);     /* STR_NULL when absent */
void http_reply_done(struct http_reply *r);

int http_client_new(const struct http_client_conf *conf, struct http_client **ret_c, struct err *e);
void http_client_free(struct http_client *c);                       /* ends what is under way with ERR_STOPPING (or ERR_UNCERTAIN); NULL is fine */

/* Never waits. When it returns 0, done(ctx) is called exactly once, with *reply filled; < 0 (ERR_BUSY, ERR_STOPPING, ERR_BAD_INPUT): never. */
int http_client_submit(struct http_client *c, const struct http_ask *ask, struct http_reply *reply, void (*done)(void *ctx), void *ctx, struct err *e);
/* Nobody wants the answer any more: done() comes soon, with ERR_STOPPING (or ERR_UNCERTAIN), unless it was on its way already. The reply must be one whose
 * done() has not returned. */
void http_client_cancel(struct http_client *c, struct http_reply *reply);
/* Waits. Not on an event thread. Returns reply->rc. */
int http_client_do(struct http_client *c, const struct http_ask *ask, struct http_reply *reply, struct err *e);

DEFINE_CLEANUP(struct http_client, http_client_free)

#endif
