/*
 * api.h - HTTP to domain and back, nothing else. One file a resource; each gives a route table, listed once in resources.def.
 * Owns: table idempotency.
 * Threads: as each route's kind says (net/server.h).
 */
#ifndef ZT_API_API_H
#define ZT_API_API_H

#include "base/app.h"
#include "base/config.h"
#include "base/json.h"
#include "net/server.h"

struct db_tx;

extern const struct setting api_settings[];               /* rows "api.…" and "product.…" */
/* Route tables that api.c puts together; NULL-ended, for http_server_conf.routes. */
extern const struct route *const api_routes[];

/* Renders what never changes while the server runs: the lists of recipes and templates, /openapi.json (over all `routes`, other rooms' too).
 * routes: NULL-ended, borrowed. app->studio must be there. Found by handlers as app->api. */
struct api;
int api_new(const struct app *app, const struct route *const *routes, struct api **ret_api, struct err *e);
void api_free(struct api *p);

/* The JSON of /openapi.json over all `routes`, appended to out. */
void api_openapi(const struct route *const *routes, struct buf *out);

/* http_server_conf.write_submit: runs route->write in the write lane; for ROUTE_EFFECT inside the idempotency rules (effect.c). */
int api_write_submit(void *app, struct http_write *w, struct err *e);

static inline struct app *api_app(const struct http_req *req) { return req->app; }

/* ---- input ---- */
#define API_BODY_MAX (64 * 1024)
/* The body as one JSON object into *out by a table. ERR_MEDIA_TYPE unless Content-Type is application/json; an empty body is `{}`. */
int api_body(struct http_req *req, const struct json_field *fields, void *out, struct err *e);
/* As api_body for tables with JSON_F_OBJ and JSON_F_ARR: *ret_j owns what they point into. */
int api_body_json(struct http_req *req, const struct json_field *fields, void *out, json_t **ret_j, struct err *e);
/* The {…} number i of the route as an id; ERR_NOT_FOUND when it is none, so that a guess learns nothing from the answer. */
int api_param_id(const struct http_req *req, int i, const char *kind, int64_t *ret_id, struct err *e);

/* Only these query names may come (NULL-ended); another one is ERR_UNKNOWN_FIELD. */
int api_query_only(const struct http_req *req, const char *const *names, struct err *e);

/* ---- lists: ?limit=1..100 (20) and ?cursor=<id of the last item seen>; newest first ---- */
struct api_page { int64_t before_id; int limit; };
int api_page(struct http_req *req, const char *kind, struct api_page *ret, struct err *e);
/* As above for a list with more query names than `limit` and `cursor`; names: all of them, NULL-ended. */
int api_page_with(struct http_req *req, const char *kind, const char *const *names, struct api_page *ret, struct err *e);
/* {"items": […], "next": "<cursor>" | null}. items: a JSON array of objects with "id"; a full page has a next one. */
int api_list(struct http_res *res, const struct api_page *page, const struct buf *items, struct err *e);

/* ---- answers ---- */
#define API_JSON_MAX (512 * 1024)
/* Private JSON: Cache-Control: no-store. b is copied. ERR_TOO_BIG when b has failed. */
int api_json(struct http_res *res, int status, const struct buf *b, struct err *e);

/* ---- effects that are not WRITE routes (an intake that ends in one transaction) use the same table ---- */
#define API_KEY_MAX 64
struct api_key { int64_t account; const char *route; char key[API_KEY_MAX + 1], hash[65]; int status; };   /* status: of the first answer */
/* Of a request of a route with ROUTE_EFFECT. ERR_IDEMPOTENCY_MISSING, ERR_BAD_INPUT. */
int api_key_of(const struct http_req *req, struct api_key *ret, struct err *e);
/* 1: this key was used for the same request, *ret_object is what it made; 0: new; ERR_IDEMPOTENCY_REUSED. */
int api_key_find(struct db_tx *tx, const struct api_key *k, int64_t *ret_object, struct err *e);
int api_key_keep(struct db_tx *tx, const struct api_key *k, int64_t object, struct err *e);
/* The keys of one account become another's, where that one has not used the same. */
int api_key_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e);
/* Keeper: forgets keys older than 7 days. */
int api_key_expire(struct db_tx *tx, int64_t now_ms, struct err *e);

/* ---- the work of guests who signed in (move.c) ---- */
/* Keeper, every second: moves what is due. */
int api_move_chore(const struct app *app, int64_t now_ms, struct err *e);

DEFINE_CLEANUP(struct api, api_free)

#endif
