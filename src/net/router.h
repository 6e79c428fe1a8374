/*
 * router.h - from method and path to a route, by a tree of path segments built once from the static tables.
 * Owns: the tree; the tables are borrowed and must be static.  Threads: read by any once built.
 */
#ifndef ZT_NET_ROUTER_H
#define ZT_NET_ROUTER_H

#include "net/server.h"

#define ROUTER_PARAMS_MAX 4

struct router;
struct router_match {
    const struct route *route;            /* NULL: see the result */
    size_t              index;            /* of the route among all, 0..router_count() - 1 */
    struct str          params[ROUTER_PARAMS_MAX];
    const char         *allow;            /* "GET, HEAD, OPTIONS" of this path; "" when there is no such path */
    bool                secret;           /* one of its routes is a ROUTE_SECRET */
};
enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD, ROUTER_OPTIONS /* answered by the server itself */ };

/* ERR_INTERNAL for a table that is wrong: unknown method, two routes for one address, more than 4 params. */
int router_new(const struct route *const *tables, struct router **ret_r, struct err *e);
void router_free(struct router *r);
size_t router_count(const struct router *r);
const struct route *router_route(const struct router *r, size_t index);
/* path: decoded, begins with '/'. HEAD finds the GET route where there is none of its own. The params are views into path. */
enum router_result router_find(const struct router *r, struct str method, struct str path, struct router_match *ret);

#endif
