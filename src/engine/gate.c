/* gate.c - see gate.h. */
#include "engine/gate.h"

#include <assert.h>
#include <stdlib.h>
#include "base/str.h"

#define RATE_FIRST_MS 1000
#define RATE_MAX_MS   60000
#define MINUTE_MS     60000

/* A full bucket holds `burst` calls; one drips in every MINUTE_MS / per_minute. Kept as the time at which it will be full (GCRA). */
struct bucket { int64_t full_ms; };
struct lane_of_key {
    int     busy;
    struct bucket bucket;
    int64_t pause_until_ms, pause_ms; /* after a 429 */
    int64_t out_until_ms;             /* it may not be used for this */
    bool    bad;                      /* as key_bad */
};
struct lane {
    struct gate_limit limit;
    struct lane_of_key keys[GATE_KEYS_MAX];
    enum gate_state state;            /* GATE_OPEN until until_ms; from then on half open */
    int     probes;                   /* begun half open and under way; those of before it opened may go on for long */
    int64_t until_ms, pause_ms;
    struct { int64_t at_ms; bool bad; } seen[GATE_WINDOW];
    size_t  n_seen;                   /* counts on; the newest GATE_WINDOW are kept */
};
struct gate {
    size_t      n_keys, n_lanes;
    struct lane lanes[GATE_LANES_MAX];
    int64_t     key_out_until_ms[GATE_KEYS_MAX];
    bool        key_bad[GATE_KEYS_MAX];          /* refused, and not heard to be good since, also while it is tried again */
    struct bucket queries[GATE_KEYS_MAX];
    int         queries_per_minute;
};

const char *gate_state_name(enum gate_state s) {
    static const char *const names[] = { "closed", "open", "half_open" };
    return names[s];
}

struct gate *gate_new(size_t n_keys, size_t n_lanes, const struct gate_limit *lanes, int queries_per_minute) {
    assert(n_keys >= 1 && n_keys <= GATE_KEYS_MAX && n_lanes >= 1 && n_lanes <= GATE_LANES_MAX && queries_per_minute >= 1);
    struct gate *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    g->n_keys = n_keys;
    g->n_lanes = n_lanes;
    g->queries_per_minute = queries_per_minute;
    for (size_t i = 0; i < n_lanes; i++) {
        assert(lanes[i].concurrent >= 1 && lanes[i].per_minute >= 1 && lanes[i].burst >= 1);
        g->lanes[i].limit = lanes[i];
        g->lanes[i].pause_ms = GATE_PAUSE_MS;
    }
    return g;
}

void gate_free(struct gate *g) { free(g); }

/* When the bucket lets the next one through: now, or later. */
static int64_t bucket_at(const struct bucket *b, int per_minute, int burst, int64_t now_ms) {
    int64_t at = b->full_ms - (int64_t)MINUTE_MS * (burst - 1) / per_minute;
    return at > now_ms ? at : now_ms;
}

static void bucket_take(struct bucket *b, int per_minute, int64_t now_ms) {
    b->full_ms = (b->full_ms > now_ms ? b->full_ms : now_ms) + (MINUTE_MS + per_minute - 1) / per_minute;
}

static enum gate_state state_at(const struct lane *l, int64_t now_ms) {
    return l->state == GATE_OPEN && now_ms >= l->until_ms ? GATE_HALF_OPEN : l->state;
}

static int busy_of(const struct gate *g, const struct lane *l) {
    int busy = 0;
    for (size_t k = 0; k < g->n_keys; k++)
        busy += l->keys[k].busy;
    return busy;
}

int gate_slots(const struct gate *g, size_t lane, int64_t now_ms) {
    const struct lane *l = &g->lanes[lane];
    enum gate_state state = state_at(l, now_ms);
    int slots = 0;
    bool some = false;
    if (state == GATE_OPEN)
        return 0;
    for (size_t k = 0; k < g->n_keys; k++) {
        int busy = l->keys[k].busy;
        bool open = !gate_key_out(g, lane, k, now_ms) && l->keys[k].pause_until_ms <= now_ms;
        slots += open && busy < l->limit.concurrent ? l->limit.concurrent : busy;     /* what is under way with one key does not use up another's */
        some |= open;
    }
    if (!some)
        return 0;
    return state == GATE_HALF_OPEN ? busy_of(g, l) + (l->probes == 0) : slots;
}

int gate_enter(struct gate *g, size_t lane, int64_t now_ms, struct gate_pass *ret, int64_t *ret_at_ms) {
    struct lane *l = &g->lanes[lane];
    enum gate_state state = state_at(l, now_ms);
    int64_t soonest = INT64_MAX;
    size_t best = g->n_keys;
    if (state == GATE_OPEN) {
        *ret_at_ms = l->until_ms;
        return 0;
    }
    if (state == GATE_HALF_OPEN && l->probes > 0) {
        *ret_at_ms = INT64_MAX;
        return 0;
    }
    for (size_t k = 0; k < g->n_keys; k++) {
        const struct lane_of_key *lk = &l->keys[k];
        int64_t at = bucket_at(&lk->bucket, l->limit.per_minute, l->limit.burst, now_ms);
        at = g->key_out_until_ms[k] > at ? g->key_out_until_ms[k] : at;
        at = lk->out_until_ms > at ? lk->out_until_ms : at;
        at = lk->pause_until_ms > at ? lk->pause_until_ms : at;
        if (lk->busy >= l->limit.concurrent)
            continue;
        if (at > now_ms)
            soonest = at < soonest ? at : soonest;
        else if (best == g->n_keys || lk->busy < l->keys[best].busy)
            best = k;                 /* the least busy one, so that keys wear evenly */
    }
    *ret_at_ms = soonest;
    if (best == g->n_keys)
        return 0;
    bucket_take(&l->keys[best].bucket, l->limit.per_minute, now_ms);
    l->keys[best].busy++;
    *ret = (struct gate_pass){ best, state == GATE_HALF_OPEN };
    l->probes += ret->probe;
    return 1;
}

void gate_enter_again(struct gate *g, size_t lane, size_t key, struct gate_pass *ret) {
    g->lanes[lane].keys[key].busy++;
    *ret = (struct gate_pass){ key, false };
}

void gate_leave(struct gate *g, size_t lane, struct gate_pass pass) {
    assert(g->lanes[lane].keys[pass.key].busy > 0 && g->lanes[lane].probes >= pass.probe);
    g->lanes[lane].keys[pass.key].busy--;
    g->lanes[lane].probes -= pass.probe;
}

static void count(const struct lane *l, int64_t now_ms, int *ret_bad, int *ret_all) {
    size_t n = l->n_seen < GATE_WINDOW ? l->n_seen : GATE_WINDOW;
    *ret_bad = *ret_all = 0;
    for (size_t i = 0; i < n; i++)
        if (l->seen[i].at_ms > now_ms - GATE_WINDOW_MS) {
            ++*ret_all;
            *ret_bad += l->seen[i].bad;
        }
}

static void outcome(struct lane *l, bool bad, int64_t now_ms) {
    int all, n_bad;
    enum gate_state state = state_at(l, now_ms);
    if (state == GATE_OPEN)
        return;                       /* what was under way when it opened says nothing new */
    if (state == GATE_HALF_OPEN) {
        l->state = bad ? GATE_OPEN : GATE_CLOSED;
        l->pause_ms = !bad ? GATE_PAUSE_MS : 2 * l->pause_ms < GATE_PAUSE_MAX_MS ? 2 * l->pause_ms : GATE_PAUSE_MAX_MS;
        l->until_ms = now_ms + l->pause_ms;
        l->n_seen = 0;
        return;
    }
    l->seen[l->n_seen % GATE_WINDOW].at_ms = now_ms;
    l->seen[l->n_seen % GATE_WINDOW].bad = bad;
    l->n_seen++;
    count(l, now_ms, &n_bad, &all);
    if (bad && n_bad >= GATE_BAD_MIN && 2 * n_bad >= all) {
        l->state = GATE_OPEN;
        l->until_ms = now_ms + l->pause_ms;
        l->n_seen = 0;
    }
}

void gate_tell(struct gate *g, size_t lane, size_t key, enum gate_word word, int64_t retry_after_ms, int64_t now_ms) {
    struct lane_of_key *lk = &g->lanes[lane].keys[key];
    switch (word) {
    case GATE_GOOD:
        lk->pause_ms = 0;
        g->key_bad[key] = lk->bad = false;
        outcome(&g->lanes[lane], false, now_ms);
        return;
    case GATE_BAD:
        outcome(&g->lanes[lane], true, now_ms);
        return;
    case GATE_RATE:
        if (now_ms >= lk->pause_until_ms)        /* of many refused at once only the first makes it longer */
            lk->pause_ms = lk->pause_ms == 0 ? RATE_FIRST_MS : 2 * lk->pause_ms < RATE_MAX_MS ? 2 * lk->pause_ms : RATE_MAX_MS;
        lk->pause_until_ms = now_ms + (retry_after_ms >= 0 ? retry_after_ms : lk->pause_ms);
        return;
    case GATE_KEY:
        g->key_out_until_ms[key] = now_ms + GATE_KEY_OUT_MS;
        g->key_bad[key] = true;
        return;
    case GATE_KEY_LANE:
        lk->out_until_ms = now_ms + GATE_KEY_OUT_MS;
        lk->bad = true;
        g->key_bad[key] = false;
        return;
    }
}

bool gate_ask(struct gate *g, size_t key, int64_t now_ms, int64_t *ret_at_ms) {
    int burst = g->queries_per_minute / 60 > 0 ? g->queries_per_minute / 60 : 1;      /* a second's worth at once */
    *ret_at_ms = bucket_at(&g->queries[key], g->queries_per_minute, burst, now_ms);
    if (*ret_at_ms > now_ms)
        return false;
    bucket_take(&g->queries[key], g->queries_per_minute, now_ms);
    return true;
}

void gate_look(const struct gate *g, size_t lane, int64_t now_ms, struct gate_seen *ret) {
    const struct lane *l = &g->lanes[lane];
    *ret = (struct gate_seen){ .state = state_at(l, now_ms), .busy = busy_of(g, l), .until_ms = l->until_ms };
    count(l, now_ms, &ret->bad, &ret->all);
}

bool gate_key_out(const struct gate *g, size_t lane, size_t key, int64_t now_ms) {
    return g->key_out_until_ms[key] > now_ms || g->lanes[lane].keys[key].out_until_ms > now_ms;
}

enum gate_shut gate_shut(const struct gate *g, size_t lane, int64_t now_ms) {
    size_t bad = 0, pause = 0;
    for (size_t k = 0; k < g->n_keys; k++) {
        const struct lane_of_key *lk = &g->lanes[lane].keys[k];
        bad += g->key_bad[k] || lk->bad;
        pause += !g->key_bad[k] && !lk->bad && lk->pause_until_ms > now_ms;
    }
    if (bad == g->n_keys)
        return GATE_SHUT_KEYS;
    if (state_at(&g->lanes[lane], now_ms) != GATE_CLOSED)
        return GATE_SHUT_BREAKER;
    return bad + pause == g->n_keys ? GATE_SHUT_PACE : GATE_TAKES;
}
