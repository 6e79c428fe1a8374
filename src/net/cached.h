/*
 * cached.h - answers that are equal for everybody: rendered once, in up to three codings, and shared by all who ask until their version moves.
 * Owns: the bytes. A connection that is still sending them holds a reference, so a new version never pulls them away.
 * Threads: any. Rendering and compressing never happen on an event thread: at first where cached_new() is called, later on the pool, by one
 * worker at a time; meanwhile everybody gets the old answer. Such answers hold no secrets, so compressing them tells nothing (BREACH).
 */
#ifndef ZT_NET_CACHED_H
#define ZT_NET_CACHED_H

#include "net/server.h"

struct cached;
struct cached_conf {
    const char *name;                     /* for the log; all texts are static */
    const char *type, *cache_control;
    const char *vary;                     /* what beside Accept-Encoding decides which of several a client gets; NULL: nothing */
    int         status;                   /* 0: 200, with ETag, conditions and ranges; else an answer as it is, such as 404 */
    size_t      bytes_max;
    void       *ctx;
    int       (*render)(void *ctx, struct buf *out, struct err *e);    /* appends the body */
    /* A number that changes whenever render() would write something else; asked at each request, so it must be cheap, and before each
     * render(), so that what changes meanwhile is rendered again. NULL: it never changes, and ctx is not used behind cached_new(). */
    int64_t   (*version)(void *ctx);
};

/* Renders. Errors: those of render(); ERR_TOO_BIG over bytes_max. conf is copied. */
int cached_new(const struct cached_conf *conf, struct cached **ret_c, struct err *e);
void cached_free(struct cached *c);       /* after http_server_free(), whose workers may be at it. NULL is fine */
const char *cached_etag(const struct cached *c);         /* only for what has no version(); without quotes */

/* A number that is the same as long as http_res_cached() gives the same bytes, and never comes again; 0: they are about to change. Any thread. */
uint64_t cached_serial(struct cached *c);

/* The present answer, in the coding the client likes best. When a new version cannot be rendered the old answer stays; it is tried again after
 * a second, and logged. */
int http_res_cached(struct http_res *res, struct cached *c);

#endif
