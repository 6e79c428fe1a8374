/* repeat.c - see repeat.h: the table, and an answer out of it. */
#include "net/repeat.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/id.h"
#include "net/internal.h"

#define DATE_BYTES 29

void repeats_done(struct repeats *r) {
    for (int i = 0; i < REPEAT_SLOTS; i++)
        free(TAKE(r->slot[i]));
}

/* Eight bytes at a time. Who makes two heads of one hash only takes a slot from himself: bytes are compared. */
uint64_t repeat_hash(struct str head) {
    uint64_t h = head.n, v;
    for (; head.n >= sizeof v; head.p += sizeof v, head.n -= sizeof v) {
        memcpy(&v, head.p, sizeof v);
        h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    v = 0;
    memcpy(&v, head.p, head.n);
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return (h ^ h >> 32) | 1;
}

static size_t slot_of(uint64_t hash) { return hash >> 8 & (REPEAT_SLOTS - 1); }

const struct repeat *repeats_find(struct repeats *r, uint64_t hash, struct str head, const char *date, int64_t date_s) {
    struct repeat *x = r->slot[slot_of(hash)];
    if (!x || x->hash != hash || !str_eq(x->head, head) || cached_serial(x->from) != x->serial)
        return NULL;
    if (x->date_s != date_s) {
        memcpy(x->date, date, DATE_BYTES);
        x->date_s = date_s;
    }
    return x;
}

bool repeats_again(struct repeats *r, uint64_t hash) {
    uint64_t before = r->seen[slot_of(hash)];
    r->seen[slot_of(hash)] = hash;
    return before == hash;
}

static struct str put(char **at, struct str s) {
    struct str copy = { *at, s.n };
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

void repeats_keep(struct repeats *r, const struct repeat *what, struct str answer_head, struct str answer_body) {
    const char *date = memmem(answer_head.p, answer_head.n, "\r\nDate: ", 8);
    if (!date || what->head.n > REPEAT_HEAD_MAX || what->path.n > REPEAT_HEAD_MAX || answer_head.n + answer_body.n > REPEAT_ANSWER_MAX)
        return;
    struct repeat **slot = &r->slot[slot_of(what->hash)];
    struct repeat *x = malloc(sizeof(*x) + what->head.n + what->path.n + answer_head.n + answer_body.n);
    if (!x)
        abort();
    *x = *what;
    char *at = (char *)(x + 1);
    x->head = put(&at, what->head);
    x->path = put(&at, what->path);
    x->date = at + (date + 8 - answer_head.p);
    x->answer = put(&at, answer_head);
    x->answer.n += put(&at, answer_body).n;
    x->body_bytes = answer_body.n;
    free(*slot);
    *slot = x;
}

/* ---- on a connection ---- */
/* Not all of it went out: the rest goes the way of all answers. The table may change meanwhile, so it is copied. */
static void send_rest(struct conn *c, const struct repeat *x, size_t sent, int64_t began_us) {
    struct http_call *call = conn_call(c);
    struct str rest = arena_str(call->req.arena, (struct str){ x->answer.p + sent, x->answer.n - sent });
    size_t head_n = rest.n > x->body_bytes ? rest.n - x->body_bytes : 0;
    call->began_us = began_us;
    call->req.route = x->route;
    call->req.method = STR("GET");
    call->req.path = arena_str(call->req.arena, x->path);
    call->route_index = x->route_index;
    call->keep_alive = true;
    call->res.kind = RES_BYTES;
    call->res.status = x->status;
    call->out[0] = (struct str){ rest.p, head_n };
    call->out[1] = (struct str){ rest.p + head_n, rest.n - head_n };
    call->sent_bytes = (int64_t)(x->body_bytes - call->out[1].n);
    c->state = CONN_WAIT;                          /* see conn_answer() */
    uint32_t gen = c->gen;
    conn_flush(c);
    if (c->gen == gen)
        conn_go_on(c);
}

static void count(struct conn *c, const struct repeat *x, int64_t began_us) {
    struct loop *l = c->loop;
    int64_t us = clock_mono_us() - began_us;
    loop_count(l, x->route_index, x->status, (int64_t)x->body_bytes, us);
    if (!loop_logs_access(l))
        return;
    struct http_req req = { .id = id_new(), .app = l->server->conf.app, .route = x->route, .method = STR("GET"), .path = x->path, .peer = c->peer, .lang = "en" };
    l->server->conf.access_log(&req, x->status, (int64_t)x->body_bytes, us);
}

bool repeat_answer(struct conn *c, struct str in, uint64_t *ret_hash) {
    struct loop *l = c->loop;
    *ret_hash = 0;
    /* A trusted proxy says in the head for whom it asks, which is not in the table. What was read ahead may stand before the client's end, and
     * that is not to be looked at before the answer went out. */
    if (in.n > REPEAT_HEAD_MAX || c->trusted || c->in_n || c->eof || l->draining)
        return false;
    uint64_t hash = *ret_hash = repeat_hash(in);
    const struct repeat *x = repeats_find(&l->repeats, hash, in, l->date, l->date_s);
    if (!x)
        return false;
    int64_t began_us = clock_mono_us();
    if (admission_pressed(&l->line) || !admission_ask(&l->line, x->route->traffic, 0, began_us))
        return false;                              /* then more is looked at: shed_at_head() */
    stat_add(&l->stats.repeated, 1);
    l->due[l->n_due++] = (struct repeat_due){ c, x, began_us };
    c->turn++;
    if (l->n_due == REPEATS_AT_ONCE)
        repeat_flush(l);
    return true;
}

static void send_now(struct conn *c, const struct repeat *x, int64_t began_us) {
    ssize_t n = send(c->fd, x->answer.p, x->answer.n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        conn_close(c);
    } else if (n < 0 || (size_t)n < x->answer.n) {
        send_rest(c, x, n < 0 ? 0 : (size_t)n, began_us);
    } else {
        count(c, x, began_us);
        conn_served(c, x->status, (int64_t)x->body_bytes);
        conn_idle(c);
    }
}

/*
 * Reading all requests of a round and then sending all answers takes 4 % less than each in turn: what the kernel needs for one stays in the
 * processor's caches, and the client is woken when there is more to do.
 */
void repeat_flush(struct loop *l) {
    for (int i = 0; i < l->n_due; i++)
        send_now(l->due[i].c, l->due[i].answer, l->due[i].began_us);
    l->n_due = 0;
}

/* Whether the same bytes will get the same answer, for as long as its body is the present one. */
static bool is_pure(const struct http_call *call) {
    const struct http_req *req = &call->req;
    const struct http_res *res = &call->res;
    const struct route *route = req->route;
    return route && route->flags & ROUTE_PURE && route->kind == ROUTE_INLINE && !route->need && route->traffic > TRAFFIC_PAYMENT &&
           str_eqz(req->method, "GET") && req->body_bytes == 0 && call->keep_alive && (res->status == 200 || res->status == 304) && !res->parts &&
           res->hold && cached_serial(res->source) == cached_body_serial(res->hold) &&
           !http_req_header(req, "Authorization").p && !http_req_header(req, "Cookie").p;
}

void repeat_note(struct http_call *call) {
    if (!call->repeat_hash || !is_pure(call) || !repeats_again(&call->loop->repeats, call->repeat_hash))
        return;
    struct repeat what = { .hash = call->repeat_hash, .from = call->res.source, .serial = cached_body_serial(call->res.hold), .route = call->req.route,
                           .route_index = call->route_index, .status = call->res.status, .head = call->head, .path = call->req.path,
                           .date_s = call->loop->date_s };
    repeats_keep(&call->loop->repeats, &what, call->out[0], call->out[1]);
}
