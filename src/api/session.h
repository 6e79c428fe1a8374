/*
 * session.h - inside api/: how a session is handed to its owner.
 */
#ifndef ZT_API_SESSION_H
#define ZT_API_SESSION_H

#include "api/internal.h"
#include "auth/auth.h"

/*
 * The Session as JSON, and both tokens as cookies. A page gets them as cookies alone, which its scripts cannot read; whoever sends no
 * Sec-Fetch-Site is a program and gets them as JSON too. kind: of the mailed token that was used, or NULL.
 * moving: the guest's work follows when its task has ended.
 */
int api__session_answer(struct http_req *req, struct http_res *res, int status, const struct auth_session *s, const char *kind, bool moving, struct err *e);
/* What it has goes on; there is nothing to hand out. */
int api__session_goes_on(struct http_req *req, struct http_res *res, const struct auth_session *s, struct err *e);
/* Takes both cookies back. */
void api__session_clear(struct http_res *res);
/* The problem with both cookies taken back. */
int api__session_refuse(struct http_req *req, struct http_res *res, int code, const char *why);
/* "https://photos.example" or "http://127.0.0.1:8080": never what the request says about itself. */
void api__base_url(const struct app *app, char out[512]);
/* ERR_RATE when `what` of `who` happens more than n times in an hour; a third at once. */
int api__rate(struct http_req *req, const char *what, struct str who, int64_t n, struct err *e);
/* The same for what a person does several times within minutes: two thirds at once, and later so much less that no hour has more than with api__rate(). */
int api__rate_eager(struct http_req *req, const char *what, struct str who, int64_t n, struct err *e);
struct str api__peer(const struct http_req *req, char out[33]);      /* the address (IPv6: its /64) as hex */
extern const struct json_field api__no_fields[];     /* a body of {} */
extern const char *const api__langs[];               /* those of mails; ends with NULL */
/* What a new account is given: nothing while something is sold, unless the operator says how much. */
int64_t api__welcome_credits(const struct app *app);

#endif
