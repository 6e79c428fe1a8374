/*
 * remote_notice.c - what a service tells us by itself; see remote_call.h. A notice wakes the question about its call, and where the call's name is
 * lost, it says that; what became of the call is the answer to the question, never the notice's.
 *
 * Everything here is about messages whose address names a call of ours by a token that only that service was told. So a stranger costs no signature
 * and makes us fetch nothing; and of one that was told the address the worst is a question that comes early.
 */
#include "engine/notice.h"
#include "engine/remote_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/scope.h"

#define NOTICE_ARENA  (64u * 1024)
#define JWKS_RENEW_MS (NOTICE_JWKS_AGE_MS / 2)
#define JWKS_PAUSE_MS 60000           /* between two fetches of the document that a signature, or a failure, makes us do */
#define JWKS_ASK_MS   10000

bool remote__hears(const struct engine *g) { return g->p->notice && (g->mine || !g->p->open); }

/* ---- the address ---- */

void remote__notice_address(struct ticket *t) {
    char model[HASH_HEX + 1];
    if (t->job.notice_url.n == 0)
        return;
    remote__hash(t->job.model->model.p, t->job.model->model.n, model);
    t->job.notice_url = arena_printf(t->job.a, "%.*s/%s~%s", STR_ARG(t->job.notice_url), t->g->keys[t->key].name, model);
}

/* The name that remote__name() would have given; "" when the account or the model is not in the settings. */
static void name_of(const struct engine *g, struct str by, const char *id, char out[ENGINE_REMOTE_ID_MAX + 1]) {
    struct str rest = by, key = str_cut(&rest, '~');
    bool known_key = false, known_model = false;
    char name[HASH_HEX + 1];
    for (size_t i = 0; i < g->n_keys; i++)
        known_key |= str_eqz(key, g->keys[i].name);
    for (size_t i = 0; i < g->models->n; i++) {
        remote__hash(g->models->rows[i].model.p, g->models->rows[i].model.n, name);
        known_model |= str_eqz(rest, name);
    }
    out[0] = 0;
    if (known_key && known_model)
        snprintf(out, ENGINE_REMOTE_ID_MAX + 1, "%.*s~%s", STR_ARG(by), id);
}
_Static_assert(REMOTE_ID_MAX <= ENGINE_REMOTE_ID_MAX, "a name of ours is an engine's");

/* ---- the document of keys ---- */

static void jwks_back(void *ctx) {
    struct engine *g = ctx;
    struct jwks *k = &g->jwks;
    struct notice_jwks keys;
    struct err e = k->reply.err;
    int r = k->reply.rc;
    if (r >= 0)
        r = k->reply.status == 200 ? notice_jwks(buf_str(&k->reply.body), &keys, &e) : err_set(&e, ERR_UPSTREAM, "it answers %d", k->reply.status);
    if (r < 0 && r != ERR_STOPPING)
        log_event(LOG_WARN, "engine.notice_keys", F_STR("engine", g->p->name), F_STR("doing", "asking about calls as if there were no notices"), F_ERR(&e));
    pthread_mutex_lock(&g->lock);
    http_reply_done(&k->reply);
    if (r >= 0) {
        k->keys = keys;
        k->got_ms = clock_mono_ms();
    }
    k->asking = false;
    if (--g->under_way == 0)
        pthread_cond_signal(&g->idle);
    pthread_mutex_unlock(&g->lock);
}

/* doubted: none of the keys we have made a signature. True: they are on their way, so whoever sent it should come again. */
static bool fetch_keys(struct engine *g, bool doubted) {
    struct jwks *k = &g->jwks;
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&g->lock);
    int64_t *last = doubted ? &k->doubted_ms : &k->asked_ms;
    bool was = k->asking, due = (doubted || !k->got_ms || now - k->got_ms >= JWKS_RENEW_MS) && (!*last || now - *last >= JWKS_PAUSE_MS);
    if (!was && due) {
        *last = now;
        k->asking = true;
        k->reply = (struct http_reply){ 0 };
        k->ask = (struct http_ask){ .method = "GET", .url = k->url, .total_ms = JWKS_ASK_MS, .body_max = NOTICE_JWKS_MAX };
        g->under_way++;
    }
    pthread_mutex_unlock(&g->lock);
    if (was || !due)
        return was;
    struct err e;
    if (http_client_submit(g->client, &k->ask, &k->reply, jwks_back, g, &e) >= 0)
        return true;
    pthread_mutex_lock(&g->lock);
    k->asking = false;
    if (--g->under_way == 0)
        pthread_cond_signal(&g->idle);
    pthread_mutex_unlock(&g->lock);
    return false;
}

void remote__want_keys(struct engine *g) {
    if (g->p->jwks)
        fetch_keys(g, /* doubted= */ false);
}

static bool keys_now(struct engine *g, struct notice_jwks *ret) {
    pthread_mutex_lock(&g->lock);
    bool fresh = g->jwks.got_ms && clock_mono_ms() - g->jwks.got_ms < NOTICE_JWKS_AGE_MS;
    *ret = g->jwks.keys;
    pthread_mutex_unlock(&g->lock);
    return fresh;
}

/* ---- a message ---- */

/* False when it was here before. The newest SEEN_MAX are known; an older one wakes a question once more, which is all that it can do. */
static bool is_new(struct engine *g, int64_t attempt, struct str once) {
    struct sha256 s;
    uint8_t sum[SHA256_LEN];
    uint64_t mark;
    sha256_init(&s);
    sha256_add(&s, &attempt, sizeof(attempt));
    sha256_add(&s, once.p, once.n);
    sha256_end(&s, sum);
    memcpy(&mark, sum, sizeof(mark));
    for (size_t i = 0; i < SEEN_MAX; i++)
        if (g->seen[i] == mark)
            return false;
    g->seen[g->n_seen++ % SEEN_MAX] = mark;
    return true;
}

static int judge(struct engine *g, const struct engine_notice *n, struct arena *a, struct provider_notice *about, struct err *e) {
    struct notice_said said = { n->header, n->from, n->body };
    struct notice_jwks keys = { 0 };
    if (!g->p->jwks)
        return g->p->notice(g->mine, &said, NULL, clock_ms(), a, about, e);
    remote__want_keys(g);
    if (!keys_now(g, &keys))
        return err_set(e, ERR_BUSY, "the keys that it is signed with are not here yet");
    int r = g->p->notice(g->mine, &said, &keys, clock_ms(), a, about, e);
    return r == ERR_ENGINE_NOTICE && about->in_time && fetch_keys(g, /* doubted= */ true) ? err_set(e, ERR_BUSY, "the keys that it may be signed with are looked for") : r;
}

int remote_notice(struct engine *g, const struct engine_notice *n, struct engine_heard *ret, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(NOTICE_ARENA);
    struct provider_notice about = { 0 };
    if (!remote__hears(g))
        return err_set(e, ERR_NOT_FOUND, "%s sends no notices", g->p->name);
    int r = judge(g, n, a, &about, e);
    if (r < 0)
        return r;
    name_of(g, n->by, about.id, ret->remote_id);
    pthread_mutex_lock(&g->lock);
    ret->again = !is_new(g, n->attempt, about.once);
    if (!ret->again)
        few_add(&g->hints, n->attempt);
    pthread_mutex_unlock(&g->lock);
    if (!ret->again)
        g->wake(g->wake_arg);
    return 0;
}

void remote__take_hints(struct engine *g) {
    pthread_mutex_lock(&g->lock);
    struct few hints = g->hints;
    g->hints.n = 0;
    pthread_mutex_unlock(&g->lock);
    for (struct ticket *t = hints.n ? g->tickets : NULL; t; t = t->next)
        t->told |= few_has(&hints, t->job.attempt);
}
