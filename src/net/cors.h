/*
 * cors.h - pages that are served from elsewhere (an object store, a CDN) and use this API: which origins may, and the headers that say so.
 * Owns: nothing.  Threads: any, once parsed.  Source: WHATWG Fetch, 3.2, read 2026-11-25.
 */
#ifndef ZT_NET_CORS_H
#define ZT_NET_CORS_H

#include "base/arena.h"
#include "base/err.h"

#define CORS_ORIGINS_MAX 32
/*
 * Browsers send our cookies (SameSite=Lax) to pages of another origin only when it is of the same site: the same scheme, and names below one
 * registered domain, as photos.example.com and api.example.com are. True also for names below a public suffix that we do not know.
 * url: public_url, with any port and path. Pure.
 */
bool cors_same_site(struct str origin, struct str url);

/* text: "https://a.example,https://b.example:8443"; whole origins as browsers send them, no "*": answers carry somebody's cookies.
 * The list lives in the arena. ERR_CONFIG. */
int cors_parse(struct arena *a, const char *text, struct str **ret_origins, size_t *ret_n, struct err *e);
/* Exactly one of them; case counts, as browsers send small letters. STR_NULL is none. */
bool cors_allowed(const struct str *origins, size_t n, struct str origin);

struct conn;
struct head;
struct http_call;
/* Adds what lets the page of an allowed origin read the answer, whatever it will be. Nothing for others. */
void cors_headers(struct http_call *call);
/* The browser's own question before a request: answered for every path. False: this is none. */
bool cors_preflight(struct conn *c, const struct head *h);

#endif
