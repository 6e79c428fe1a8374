/* remote.c - see remote.h. */
#include "engine/remote_call.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/log.h"
#include "base/scope.h"

#define JOB_ARENA_MAX (1u << 20)

/* ---- the engine ---- */

int remote_poll(struct engine *g, void *ticket, struct engine_result *ret, struct err *e) {
    struct ticket *t = ticket;
    int64_t now = clock_mono_ms();
    remote__take_hints(g);
    remote__advance(t, now);
    *ret = (struct engine_result){ .state = t->phase == OVER ? t->state : t->taken ? ENGINE_WORKING : ENGINE_SENDING, .err = t->err,
                                   .input_at_fault = t->input_at_fault, .facts = buf_str(&t->facts), .remote_id = str_z(t->remote_id),
                                   .cost_microusd = t->cost_microusd, .progress_pm = t->progress_pm };
    if (t->phase != OVER)
        ret->poll_at_ms = t->x ? now + REMOTE__LOOK_MS : t->at_ms;
    return 0;
}

static struct ticket *ticket_new(struct engine *g, const struct engine_call *c) {
    struct ticket *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    *t = (struct ticket){ .g = g, .next = g->tickets, .self = &g->tickets, .deadline_ms = c->deadline_ms, .out = -1 };
    if (t->next)
        t->next->self = &t->next;
    g->tickets = t;
    t->job.attempt = c->attempt;
    t->job.begun_ms = id_ms(c->attempt);
    t->job.a = arena_new(JOB_ARENA_MAX);
    t->job.known = remote__is_known;
    t->job.known_arg = t;
    return t;
}

/* Nobody waits for what is under way any more. The request may be reading our inputs, so their descriptors go with it. */
static void let_go(struct ticket *t) {
    struct exchange *x = TAKE(t->x);
    if (!x)
        return;
    for (size_t i = 0; i < t->job.n_in; i++)
        x->fds[x->n_fds++] = TAKE_FD(t->job.in[i].fd);
    remote__abandon(x, /* quietly= */ false);
}

void remote_release(struct engine *g, void *ticket) {
    struct ticket *t = ticket;
    remote__leave_gate(t);
    let_go(t);
    for (size_t i = 0; i < t->job.n_in; i++)
        if (t->job.in[i].fd >= 0)
            close(t->job.in[i].fd);
    if (t->out >= 0)
        close(t->out);
    json_decref(t->job.params);
    json_decref(t->job.scratch);
    arena_free(t->job.a);
    buf_done(&t->facts);
    remote__forget_names(t);
    *t->self = t->next;
    if (t->next)
        t->next->self = t->self;
    free(t);
    remote__sweep(g);
}

static int copy_out(struct ticket *t, const struct model *m, const struct engine_call *c, struct err *e) {
    if (m->verdict && c->n_out == 0)
        return 0;
    if (m->verdict || c->n_out != 1)                 /* what is made of it, such as a preview, is a local step's work */
        return err_set(e, ERR_ENGINE_FAILED, "%.*s gives %zu files, and a service gives %d", STR_ARG(c->op), c->n_out, !m->verdict);
    t->out = fcntl(c->out[0], F_DUPFD_CLOEXEC, 3);
    return t->out < 0 ? err_sys(e, ERR_BUSY, "no descriptor for a result") : 0;
}

static int copy_inputs(struct ticket *t, const struct engine_call *c, struct err *e) {
    t->job.in = ARENA_ARRAY(t->job.a, struct provider_input, c->n_in ? c->n_in : 1);
    for (size_t i = 0; i < c->n_in; i++) {
        struct provider_input *in = &t->job.in[i];
        struct stat st;
        if (fstat(c->in[i], &st) < 0 || (in->fd = fcntl(c->in[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return err_sys(e, ERR_BUSY, "no descriptor for an input");
        t->job.n_in++;
        const char *type = remote__type_of_file(in->fd);
        snprintf(in->type, sizeof(in->type), "%s", type ? type : "application/octet-stream");
        in->bytes = st.st_size;
        in->role = arena_str(t->job.a, c->role[i]);
        in->link = arena_str(t->job.a, c->link[i]);
    }
    return 0;
}

/* Thousandths of seconds, where the price counts them. */
static int64_t asked_m(const struct model *m, const json_t *params) {
    double seconds = json_number_value(json_object_get(params, "seconds"));
    return m->per == MODEL_PER_SECOND && seconds > 0 && seconds < 36000 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

void remote_foresee(struct engine *g, const struct engine_call *c, struct engine_foreseen *ret) {
    CLEANUP(json_unref) json_t *params = NULL;
    const struct model *m = json_read(c->params.n ? c->params : STR("{}"), &params, NULL) < 0 ? NULL : models_find(g->models, c->op, params);
    *ret = (struct engine_foreseen){ .cost_microusd = m ? remote__price(m, asked_m(m, params)) : 0 };
    if (m)
        remote__unnamed(g, m, ret->remote_id);
}

int remote_findable(struct engine *g, struct str op, struct str remote_id, struct err *ret_why) {
    struct remote__named named;
    int r = remote__read_name(g, op, remote_id, &named, ret_why);
    if (r < 0 || !named.gone[0])
        return r;
    return err_set(ret_why, ERR_UNCERTAIN, "a key it may have been made with (%s) is not in engine.%s_%s any more", named.gone, g->p->name, g->p->nodes ? "nodes" : "keys");
}

int remote_submit(struct engine *g, const struct engine_call *c, void **ret_ticket, struct err *e) {
    struct ticket *t = ticket_new(g, c);
    int r = json_read(c->params.n ? c->params : STR("{}"), &t->job.params, e);
    if (r >= 0 && !(t->job.model = models_find(g->models, c->op, t->job.params)))
        r = err_set(e, ERR_ENGINE_FAILED, "%s does not do %.*s", g->p->name, STR_ARG(c->op));
    if (r >= 0 && (r = copy_inputs(t, c, e)) >= 0)
        r = copy_out(t, t->job.model, c, e);
    if (r < 0) {
        remote_release(g, t);
        return r;
    }
    t->units_m = asked_m(t->job.model, t->job.params);
    t->lane = t->job.model->lane;
    if (remote__hears(g) && c->notice_url.n) {
        t->job.notice_url = arena_str(t->job.a, c->notice_url);
        remote__want_keys(g);
    }
    remote__advance(t, clock_mono_ms());
    *ret_ticket = t;
    return 0;
}

int remote_reconcile(struct engine *g, const struct engine_call *c, struct str remote_id, void **ret_ticket, struct err *e) {
    struct ticket *t = ticket_new(g, c);
    int64_t now = clock_mono_ms();
    struct remote__named named = { 0 };
    remote__want_keys(g);
    int r = remote__read_name(g, c->op, remote_id, &named, e);
    if (r < 0 || (r = copy_out(t, named.model, c, e)) < 0) {
        remote_release(g, t);
        return r;
    }
    t->foreseen_microusd = c->cost_microusd;
    t->job.model = named.model;
    t->lane = named.model->lane;
    t->keys = named.keys;
    memcpy(t->key_gone, named.gone, sizeof(t->key_gone));
    snprintf(t->job.id, sizeof(t->job.id), "%.*s", STR_ARG(named.id));
    snprintf(t->remote_id, sizeof(t->remote_id), "%.*s", STR_ARG(remote_id));
    remote__use_key(t, (size_t)__builtin_ctz(named.keys));
    if (named.id.n) {
        t->taken = t->well = true;
        t->taken_ms = now - REMOTE__NEW_MS;                  /* no newcomer */
        remote__go(t, POLLING, now);
    } else {
        t->found_until_ms = now + REMOTE__FIND_MS;
        remote__go(t, FINDING, now);
    }
    gate_enter_again(g->gate, t->lane, t->key, &t->pass);
    t->entered = true;
    remote__advance(t, now);
    *ret_ticket = t;
    return 0;
}

/* Told once, whether it is heard or not: the outcome is nobody's any more. What was not sent yet is not sent. */
int remote_cancel(struct engine *g, void *ticket, struct err *e) {
    struct ticket *t = ticket;
    struct exchange *x;
    struct err why;
    if (t->phase == OVER)
        return 0;
    if (!t->taken && t->phase != SUBMITTING && t->phase != FINDING) {
        err_set(&why, ERR_STATE, "cancelled before it was sent");
        let_go(t);
        remote__failed(t, ERR_STATE, false, &why);
        return 0;
    }
    if (!t->taken || t->phase == FETCHING)
        return 0;
    int r = remote__send(t, PROVIDER_CANCEL, &x, &why);
    if (r == 1)
        remote__abandon(x, /* quietly= */ true);
    else if (r < 0)
        log_event(LOG_WARN, "engine.cancel", F_STR("engine", g->p->name), F_INT("attempt", t->job.attempt), F_ERR(&why));
    return 0;
}

int remote_slots(struct engine *g, size_t lane) { return gate_slots(g->gate, lane, clock_mono_ms()); }

int remote_shut(struct engine *g, size_t lane, struct err *ret_why) {
    static const char *const what[] = {
        [GATE_SHUT_KEYS] = "its keys are refused, without money, or may not do this", [GATE_SHUT_BREAKER] = "its calls kept failing", [GATE_SHUT_PACE] = "we ask too much",
    };
    enum gate_shut shut = gate_shut(g->gate, lane, clock_mono_ms());
    if (shut == GATE_TAKES)
        return 0;
    const struct err *said = shut == GATE_SHUT_KEYS ? &g->lanes[lane].key_said : &g->lanes[lane].said;
    err_set(ret_why, ERR_ENGINE_SHUT, "%s: %.150s", what[shut], said->text);
    return 1;
}

int remote_lane(struct engine *g, size_t i, char ret_name[ENGINE_NAME_MAX + 1]) {
    if (i >= g->models->n_lanes)
        return 0;
    snprintf(ret_name, ENGINE_NAME_MAX + 1, "%s.%.*s", g->p->name, STR_ARG(g->models->lanes[i]));
    return 1;
}

int remote_lane_of(struct engine *g, struct str op, struct str params) {
    CLEANUP(json_unref) json_t *j = NULL;
    if (params.n && json_read(params, &j, NULL) < 0)
        return -1;
    const struct model *m = models_find(g->models, op, j);
    return m ? (int)m->lane : -1;
}

/* ---- life ---- */

static const char *setting_of(const struct engine_ctx *ctx, const struct provider *p, const char *what, char name[64]) {
    snprintf(name, 64, "engine.%s_%s", p->name, what);
    return config_str(ctx->cfg, name);
}

static int read_keys(struct engine *g, const char *text, struct err *e) {
    struct str rest = str_z(text);
    while (rest.n) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (one.n == 0)
            continue;
        if (g->n_keys == GATE_KEYS_MAX)
            return err_set(e, ERR_CONFIG, "engine.%s_keys: at most %d", g->p->name, GATE_KEYS_MAX);
        struct key *k = &g->keys[g->n_keys++];
        k->secret = strndup(one.p, one.n);
        if (!k->secret)
            abort();
        remote__hash(one.p, one.n, k->name);
    }
    return 0;
}

static int check_forms(struct engine *g, struct err *e) {
    for (size_t i = 0; i < g->models->n; i++) {
        const char *const *form = g->p->forms;
        while (*form && !str_eqz(g->models->rows[i].form, *form))
            form++;
        if (!*form)
            return err_set(e, ERR_CONFIG, "%s: there is no form %.*s", g->p->name, STR_ARG(g->models->rows[i].form));
    }
    return 0;
}

int remote_open(const struct provider *p, const struct engine_ctx *ctx, struct engine **ret_g, struct err *e) {
    char name[64], path[1200];
    const char *keys = setting_of(ctx, p, p->nodes ? "nodes" : "keys", name), *models;
    if (!keys[0])
        return 1;
    if (!ctx->client)
        return err_set(e, ERR_ENGINE_MISSING, "nothing goes out of this process");
    if (p->fetches && !ctx->reachable)
        return err_set(e, ERR_ENGINE_MISSING, "it fetches what a call is made of from here, and public_url does not say where that is");
    struct engine *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    *g = (struct engine){ .p = p, .client = ctx->client, .wake = ctx->wake, .wake_arg = ctx->wake_arg, .names = ctx->names,
                           .names_arg = ctx->names_arg };
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->idle, NULL);
    g->base_url = p->nodes ? NULL : setting_of(ctx, p, "url", name);
    if (p->jwks)
        g->jwks.url = setting_of(ctx, p, "jwks_url", name);
    models = setting_of(ctx, p, "models", name);
    snprintf(path, sizeof(path), "%s/engines/%s.yaml", ctx->share, p->name);
    int r = read_keys(g, keys, e);
    if (r >= 0)
        r = models_read(models[0] ? models : path, p->name, &g->models, e);
    if (r >= 0)
        r = check_forms(g, e);
    if (r >= 0 && p->open)
        r = p->open(ctx->cfg, g->models, ctx->share, &g->mine, e);
    if (r < 0) {
        remote_close(g);
        return r;
    }
    g->gate = gate_new(g->n_keys, g->models->n_lanes, g->models->limits, g->models->queries_per_minute);
    *ret_g = g;
    return 0;
}

/* What the client still has of ours comes back at once, because it is cancelled; then nobody looks into us any more. */
void remote_close(struct engine *g) {
    assert(!g->tickets);
    pthread_mutex_lock(&g->lock);
    for (struct exchange *x = g->orphans; x; x = x->next)
        if (!atomic_load(&x->back))
            http_client_cancel(g->client, &x->reply);
    if (g->jwks.asking)
        http_client_cancel(g->client, &g->jwks.reply);
    while (g->under_way > 0)
        pthread_cond_wait(&g->idle, &g->lock);
    pthread_mutex_unlock(&g->lock);
    remote__sweep(g);
    if (g->p->close && g->mine)
        g->p->close(g->mine);
    for (size_t i = 0; i < g->n_keys; i++) {
        crypto_wipe(g->keys[i].secret, strlen(g->keys[i].secret));
        free(g->keys[i].secret);
    }
    gate_free(g->gate);
    models_free(g->models);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->idle);
    free(g);
}
