/*
 * internal.h - inside api/: what is rendered once, and who renders it.
 */
#ifndef ZT_API_INTERNAL_H
#define ZT_API_INTERNAL_H

#include <stdatomic.h>

#include "api/api.h"
#include "net/cached.h"

struct db_tx;

enum api__waits { API__BUYERS, API__NOTICES, API__WAITS_COUNT };
struct api {
    struct cached *recipes, *templates, *plans, *openapi;
    struct pages  *pages;
    atomic_int     waits[API__WAITS_COUNT];      /* pool threads that a provider is being asked on, by whom it is for */
};

/*
 * A provider that does not answer keeps a pool thread for as long as pay.timeout_ms. So a quarter of them at most wait for providers for the sake of buyers, and a
 * quarter for that of notices: ERR_BUSY beyond. 1: to be ended by api__provider_end(); 0: test money, which is not waited for.
 */
int api__provider_begin(struct app *app, enum api__waits who, const char *provider, struct err *e);
void api__provider_end(struct app *app, enum api__waits who);

/* A header of a request, for whoever judges a message and knows no http_req. */
struct str api__header_of(const void *req, const char *name);

struct studio;
void api__recipes_render(const struct studio *s, struct buf *out);
void api__templates_render(const struct studio *s, struct buf *out);
void api__plans_render(const struct app *app, struct buf *out);

struct field_text;
struct jw;
void api__text(struct jw *w, const char *key, const struct field_text *t);      /* "key": {"en", "zh"} */

extern const char *const api__currencies[];      /* by enum ledger_currency; NULL-ended */

/* What a new account finds in its wallet. */
int api__welcome(struct db_tx *tx, int64_t account, int64_t credits, struct err *e);

/* Whoever tries codes is counted by account and by address; the same request with the same Idempotency-Key once. */
int api__code_rate(struct http_req *req, struct err *e);

/* ERR_RATE when this account, or without one this address (IPv6: its /64), does `what` more often than the setting says; a third of an
 * hour's worth may come at once. */
int api__rate_per_hour(struct http_req *req, const char *what, const char *setting, struct err *e);

/* One thing of the shop's as the answer, as render writes it; account 0: for the operator. render: 1, or 0: ERR_NOT_FOUND. */
struct shop;
typedef int api__render_fn(struct db_tx *tx, const struct shop *s, int64_t id, int64_t account, struct jw *w, struct err *e);
int api__answer_one(struct http_req *req, struct http_res *res, int status, int64_t id, int64_t account, api__render_fn *render, struct err *e);
/* GET …/memberships/{id}/orders; account 0: the operator's. */
int api__member_orders(struct http_req *req, struct http_res *res, int64_t account, struct err *e);

#define RESOURCE(name) extern const struct route api_##name##_routes[];
#include "api/resources.def"
#undef RESOURCE

#endif
