/*
 * ops.h - what keeps the server in hand: health, numbers, access log, the keeper, verify, doctor.
 * Owns: the keeper thread.
 * Threads: routes as their kind says; ops_verify and ops_doctor belong to a command of their own.
 */
#ifndef ZT_OPS_OPS_H
#define ZT_OPS_OPS_H

#include <stdio.h>

#include "base/app.h"
#include "base/config.h"
#include "net/server.h"

extern const struct setting ops_settings[];               /* rows "ops.…" */
extern const struct route ops_routes[];                   /* /healthz /readyz /metrics */
/* What keeps /readyz from saying 200, for a person; NULL when nothing does. ret_waits: it is starting and may pass by itself soon. */
const char *ops_not_ready(const struct app *app, bool *ret_waits);
extern const struct route ops_admin_routes[];             /* /v1/admin/health */
/* http_server_conf.access_log: one line a request; health checks and numbers only at level debug. */
void ops_access_log(const struct http_req *req, int status, int64_t bytes, int64_t took_us);

/* ---- the keeper: chores in turn, each at its own interval; one that fails is logged and tried again at its next turn ---- */
struct ops_chore {
    const char *name;                                     /* NULL ends a list */
    int64_t     every_ms;
    int       (*run)(const struct app *app, int64_t now_ms, struct err *e);
};
extern const struct ops_chore ops_chores[];               /* those of this room: reaping, disk alarm */
struct ops_keeper;
/* lists: NULL-ended, borrowed. The first round runs at once. */
int ops_keeper_start(const struct app *app, const struct ops_chore *const *lists, struct ops_keeper **ret_k, struct err *e);
void ops_keeper_stop(struct ops_keeper *k);               /* waits for the chore under way; NULL is fine */

/* ---- commands ---- */
/* Proves the books, the tasks and the stored bytes; one line a problem on out. Returns how many, or < 0. deep: hashes every file. */
struct db;
struct blob_store;
int ops_verify(struct db *d, struct blob_store *s, bool deep, FILE *out, struct err *e);

/* Looks at everything the server needs, one line each: OK, WARN or FAIL, what is the matter and what to do. Returns the number of FAILs. */
struct ops_doctor {
    const struct config *cfg;
    const char *data_dir, *share_dir, *products_dir;      /* share_dir, products_dir: NULL when there is none */
    FILE *out;
};
int ops_doctor(const struct ops_doctor *d);

#endif
