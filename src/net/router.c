/* router.c - literal segments win over {params}; with no match below a literal the param is tried as well. */
#include "net/router.h"

enum { M_GET, M_HEAD, M_POST, M_PUT, M_PATCH, M_DELETE, M_OPTIONS, M_COUNT };
static const struct str method_name[M_COUNT] = {
    { "GET", 3 }, { "HEAD", 4 }, { "POST", 4 }, { "PUT", 3 }, { "PATCH", 5 }, { "DELETE", 6 }, { "OPTIONS", 7 },
};

struct node {
    struct str   segment;
    struct node *next, *children, *param;      /* next: brother; param: the child "{…}" */
    int          route[M_COUNT];               /* index + 1 */
    char         allow[64];
    bool         secret;
};
struct router {
    struct arena        *arena;
    struct node          root;
    const struct route **routes;
    size_t               n, any;                  /* any: index + 1 of ROUTE_ANY_PATH */
};

static int method_of(struct str m) {
    for (int i = 0; i < M_COUNT; i++)
        if (str_eq(m, method_name[i]))
            return i;
    return -1;
}

static struct node *child_of(struct router *r, struct node *parent, struct str segment) {
    if (segment.n && segment.p[0] == '{') {
        if (!parent->param)
            parent->param = ARENA_NEW(r->arena, struct node);
        return parent->param;
    }
    for (struct node *c = parent->children; c; c = c->next)
        if (str_eq(c->segment, segment))
            return c;
    struct node *c = ARENA_NEW(r->arena, struct node);
    c->segment = segment;
    c->next = parent->children;
    parent->children = c;
    return c;
}

static int add(struct router *r, const struct route *route, struct err *e) {
    struct str rest = str_z(route->path);
    int method = method_of(str_z(route->method)), params = 0;
    if (route->traffic <= TRAFFIC_NONE || route->traffic >= TRAFFIC_COUNT)
        return err_set(e, ERR_INTERNAL, "route %s %s: of no traffic class", route->method, route->path);
    if (str_eqz(rest, ROUTE_ANY_PATH) && method == M_GET && route->kind == ROUTE_INLINE && route->handle && !r->any) {
        r->routes[r->n++] = route;
        r->any = r->n;
        return 0;
    }
    if (method < 0 || rest.n == 0 || rest.p[0] != '/' || !route->handle)
        return err_set(e, ERR_INTERNAL, "route %s %s: bad method, path or handler", route->method, route->path);
    struct node *n = &r->root;
    str_cut(&rest, '/');
    while (rest.n) {
        struct str segment = str_cut(&rest, '/');
        params += segment.n && segment.p[0] == '{';
        n = child_of(r, n, segment);
    }
    if (params > ROUTER_PARAMS_MAX || n->route[method] || (route->kind == ROUTE_STREAM) != (route->body_open != NULL) ||
        (route->kind == ROUTE_WRITE) != (route->write != NULL))
        return err_set(e, ERR_INTERNAL, "route %s %s: twice, too many params, or functions that do not fit its kind", route->method, route->path);
    r->routes[r->n++] = route;
    n->route[method] = (int)r->n;
    n->secret |= (route->flags & ROUTE_SECRET) != 0;
    return 0;
}

/* "GET, HEAD, PATCH, OPTIONS" */
static void write_allow(struct node *n) {
    size_t len = 0;
    bool any = false;
    for (int m = 0; m < M_COUNT; m++)
        any |= n->route[m] != 0;
    for (int m = 0; any && m < M_COUNT; m++) {
        if (!n->route[m] && m != M_OPTIONS && !(m == M_HEAD && n->route[M_GET]))
            continue;
        if (len) {
            memcpy(n->allow + len, ", ", 2);
            len += 2;
        }
        memcpy(n->allow + len, method_name[m].p, method_name[m].n);    /* all seven together are 44 bytes */
        len += method_name[m].n;
    }
    for (struct node *c = n->children; c; c = c->next)
        write_allow(c);
    if (n->param)
        write_allow(n->param);
}

int router_new(const struct route *const *tables, struct router **ret_r, struct err *e) {
    struct arena *a = arena_new(4 << 20);
    struct router *r = ARENA_NEW(a, struct router);
    r->arena = a;
    size_t n = 0;
    for (const struct route *const *t = tables; *t; t++)
        for (const struct route *x = *t; x->method; x++)
            n++;
    r->routes = ARENA_ARRAY(a, const struct route *, n + 1);
    for (const struct route *const *t = tables; *t; t++)
        for (const struct route *x = *t; x->method; x++) {
            int rc = add(r, x, e);
            if (rc < 0) {
                router_free(r);
                return rc;
            }
        }
    write_allow(&r->root);
    *ret_r = r;
    return 0;
}

void router_free(struct router *r) {
    if (r)
        arena_free(r->arena);
}

size_t router_count(const struct router *r) { return r->n; }
const struct route *router_route(const struct router *r, size_t index) { return r->routes[index]; }

/* The node of a whole path, or NULL. rest begins behind the '/' and is p == NULL at the end. */
static const struct node *walk(const struct node *n, struct str rest, struct str *params, size_t n_params) {
    if (!rest.p)
        return n->allow[0] ? n : NULL;
    struct str segment = str_cut(&rest, '/');
    for (const struct node *c = n->children; c; c = c->next)
        if (str_eq(c->segment, segment)) {
            const struct node *found = walk(c, rest, params, n_params);
            if (found)
                return found;
        }
    if (!n->param || segment.n == 0 || n_params == ROUTER_PARAMS_MAX)
        return NULL;
    params[n_params] = segment;
    return walk(n->param, rest, params, n_params + 1);
}

enum router_result router_find(const struct router *r, struct str method, struct str path, struct router_match *ret) {
    *ret = (struct router_match){ .allow = "" };
    struct str rest = { path.p + 1, path.n - 1 };
    const struct node *n = walk(&r->root, rest.n ? rest : STR_NULL, ret->params, 0);
    int m = method_of(method);
    if (!n && r->any && (m == M_GET || m == M_HEAD)) {
        ret->index = r->any - 1;
        ret->route = r->routes[r->any - 1];
        return ROUTER_FOUND;
    }
    if (!n)
        return ROUTER_NO_PATH;
    ret->allow = n->allow;
    ret->secret = n->secret;
    if (m < 0)
        return ROUTER_NO_METHOD;
    int i = m == M_HEAD && !n->route[m] ? n->route[M_GET] : n->route[m];
    if (!i)
        return m == M_OPTIONS ? ROUTER_OPTIONS : ROUTER_NO_METHOD;
    ret->index = (size_t)i - 1;
    ret->route = r->routes[i - 1];
    return ROUTER_FOUND;
}
