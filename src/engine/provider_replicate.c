/*
 * provider_replicate.c - Replicate: models of everybody, each with its own words for its inputs (model.names), pinned by version.
 * Inputs go there as files of theirs, which end after a day, and by links of ours where they are too large for that. Time used is charged, however a
 * call ended; moderation is no HTTP error but a failure whose text says so. Notices are heard only where the secret that signs them is set.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "engine/notice.h"
#include "engine/remote.h"

#define LIST_PAGE  100
#define UPLOAD_MAX (100u << 20)      /* bytes of a file there; larger ones are fetched from us */

static const char *const forms[] = { "version", "official", NULL };

static void auth(struct provider_call *c, const struct provider_job *j, struct arena *a) { provider_header(c, a, "Authorization: Bearer %s", j->key); }

static int build_upload(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c) {
    while (j->uploaded < j->n_in && j->in[j->uploaded].bytes > UPLOAD_MAX && j->in[j->uploaded].link.n)
        j->uploaded++;
    if (j->uploaded == j->n_in)
        return 0;
    const struct provider_input *in = &j->in[j->uploaded];
    c->method = "POST";
    c->url = arena_printf(a, "%s/files", j->base_url);
    auth(c, j, a);
    provider_header(c, a, "Content-Type: multipart/form-data; boundary=%s", m->nonce);
    c->parts[c->n_parts++] = (struct http_part){ .text = arena_printf(a, "--%s\r\nContent-Disposition: form-data; name=\"content\"; filename=\"%zu\"\r\nContent-Type: %s\r\n\r\n",
                                                                      m->nonce, j->uploaded, in->type) };
    c->parts[c->n_parts++] = (struct http_part){ .fd = in->fd, .bytes = in->bytes };
    c->parts[c->n_parts++] = (struct http_part){ .text = arena_printf(a, "\r\n--%s--\r\n", m->nonce) };
    return 1;
}

/* It refuses a call with a webhook that is not https. (Simulators stand on the same machine.) */
static bool may_hook(struct str url) { return str_starts(url, STR("https://")) || str_starts(url, STR("http://127.0.0.1:")); }

static int build_submit(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c, struct err *e) {
    bool official = str_eqz(j->model->form, "official");
    struct str model = j->model->model, version = model;
    json_t *input = provider_named(j, e);
    if (!input)
        return ERR_ENGINE_FAILED;
    str_cut(&version, ':');
    json_t *ours = json_pack("{s:o}", "input", input);
    if (!official)
        json_object_set_new(ours, "version", json_stringn(version.n ? version.p : model.p, version.n ? version.n : model.n));
    if (may_hook(j->notice_url)) {
        json_object_set_new(ours, "webhook", json_stringn(j->notice_url.p, j->notice_url.n));
        json_object_set_new(ours, "webhook_events_filter", json_pack("[s]", "completed"));
    }
    c->method = "POST";
    c->url = official ? arena_printf(a, "%s/models/%.*s/predictions", j->base_url, STR_ARG(model)) : arena_printf(a, "%s/predictions", j->base_url);
    auth(c, j, a);
    provider_header(c, a, "Content-Type: application/json");
    return provider_write_body(j, ours, m, a, c, e);
}

static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    switch (step) {
    case PROVIDER_UPLOAD:
        return build_upload(j, m, a, c);
    case PROVIDER_SUBMIT:
        return build_submit(j, m, a, c, e);
    case PROVIDER_FIND:
        c->method = "GET";
        c->url = arena_printf(a, "%s/predictions", j->base_url);
        auth(c, j, a);
        return 1;
    case PROVIDER_POLL:
    case PROVIDER_CANCEL:
        c->method = step == PROVIDER_POLL ? "GET" : "POST";
        c->url = arena_printf(a, "%s/predictions/%s%s", j->base_url, j->id, step == PROVIDER_POLL ? "" : "/cancel");
        auth(c, j, a);
        return 1;
    default:
        return 0;
    }
}

/* ---- what it says ---- */

static bool is_moderation(const char *text) {
    static const char *const words[] = { "nsfw", "e005", "sensitive", "content policy", "safety checker" };
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static bool refused(enum provider_step step, const struct provider_said *said, const json_t *j, struct provider_outcome *o) {
    const char *detail = provider_text(j, "detail");
    if (provider_status(said, o))
        return true;
    if (said->status < 400)
        return false;
    if (said->status == 401 || said->status == 402 || said->status == 403)
        provider_failed(o, PROVIDER_OPERATOR, "%d: %.160s", said->status, detail);
    else if (said->status == 404 && step == PROVIDER_POLL)
        o->verdict = PROVIDER_NOWHERE;
    else if (said->status == 422 && is_moderation(detail))
        provider_failed(o, PROVIDER_CONTENT, "%.160s", detail);
    else
        provider_failed(o, PROVIDER_OURS, "%d: %.160s", said->status, detail);
    return true;
}

/* A link, a list of links, or an object with one in it. */
static const json_t *link_of(const json_t *output) {
    const char *key;
    json_t *value;
    if (json_is_array(output))
        return json_array_get(output, 0);
    json_object_foreach((json_t *)(uintptr_t)output, key, value)
        if (json_is_string(value) && strncmp(json_string_value(value), "http", 4) == 0)
            return value;
    return json_is_string(output) ? output : NULL;
}

static void ended(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const json_t *link = link_of(json_object_get(body, "output"));
    const char *error = provider_text(body, "error");
    if (link)
        provider_take_result(j, link, o);
    else if (json_is_true(json_object_get(body, "data_removed")))
        o->verdict = PROVIDER_NOWHERE;
    else
        provider_failed(o, PROVIDER_ELSEWHERE, "it succeeded without a result: %.160s", error);
}

static void parse_prediction(struct provider_job *j, const json_t *body, struct provider_outcome *o) {
    const char *status = provider_text(body, "status"), *error = provider_text(body, "error");
    double used_s = json_number_value(json_object_get(json_object_get(body, "metrics"), "predict_time"));
    if (strcmp(status, "starting") == 0)
        o->verdict = PROVIDER_WAITING;
    else if (strcmp(status, "processing") == 0)
        o->verdict = PROVIDER_WORKING;
    else if (strcmp(status, "succeeded") == 0)
        ended(j, body, o);
    else if (strcmp(status, "failed") == 0)
        provider_failed(o, is_moderation(error) ? PROVIDER_CONTENT : PROVIDER_PASSING, "%.200s", error);
    else if (strcmp(status, "canceled") == 0 || strcmp(status, "aborted") == 0)
        provider_failed(o, PROVIDER_PASSING, "%s over there", status);
    else
        provider_unclear(o, "a status that is not known: %.40s", status);
    /* Time used is charged; what a second costs depends on their machine, so the price of a whole call is the most that is booked. */
    if (o->verdict == PROVIDER_FAILED && used_s > 0)
        o->cost_microusd = j->model->price_microusd;
}

static bool read_listed(const struct provider_job *j, const json_t *one, struct provider_listed *ret) {
    struct str version = j->model->model;
    str_cut(&version, ':');
    *ret = (struct provider_listed){ json_object_get(one, "id"), provider_rfc3339(provider_text(one, "created_at")) };
    return version.n ? str_eqz(version, provider_text(one, "version")) : str_eqz(j->model->model, provider_text(one, "model"));
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_CANCEL) {
        o->verdict = PROVIDER_GO_ON;
        return;
    }
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body || refused(step, said, body, o))
        return;
    switch (step) {
    case PROVIDER_UPLOAD:
        provider_take_ref(j, str_z(provider_text(json_object_get(body, "urls"), "get")), o);
        return;
    case PROVIDER_FIND:
        provider_find_on_page(j, json_object_get(body, "results"), LIST_PAGE, read_listed, a, o);
        return;
    case PROVIDER_SUBMIT:
        provider_take_id(j, json_object_get(body, "id"), o);
        return;
    default:
        parse_prediction(j, body, o);
    }
}

/* ---- notices ---- */

struct secrets { struct notice_secret of[NOTICE_KEYS_MAX]; size_t n; };

static void close_secrets(void *g) {
    crypto_wipe(g, sizeof(struct secrets));
    free(g);
}

static int open_secrets(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    struct str rest = str_z(config_str(cfg, "engine.replicate_webhook_secrets"));
    struct secrets *s = rest.n ? calloc(1, sizeof(*s)) : NULL;
    int r = 0;
    while (s && rest.n && r >= 0) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (one.n && s->n == NOTICE_KEYS_MAX)
            r = err_set(e, ERR_CONFIG, "engine.replicate_webhook_secrets: at most %d", NOTICE_KEYS_MAX);
        else if (one.n && (r = notice_secret(one, &s->of[s->n++], e)) < 0)
            r = err_set(e, ERR_CONFIG, "engine.replicate_webhook_secrets: one is no secret of webhooks (whsec_…)");
    }
    if (r < 0 && s)
        close_secrets(TAKE(s));
    *ret_g = s;
    return r;
}

static int notice(const void *g, const struct notice_said *said, const struct notice_jwks *keys, int64_t now_ms, struct arena *a, struct provider_notice *ret,
                  struct err *e) {
    CLEANUP(json_unref) json_t *body = NULL;
    const struct secrets *s = g;
    struct notice_head head = { 0 };
    int r = notice_webhook(said, s->of, s->n, now_ms, &head, e);
    if (r < 0)
        return r;
    ret->in_time = true;
    ret->once = arena_str(a, head.id);
    return json_read(said->body, &body, NULL) < 0 ? err_set(e, ERR_ENGINE_NOTICE, "it is no JSON") : provider_notice_id(str_z(provider_text(body, "id")), ret, e);
}

const struct provider provider_replicate = { .name = "replicate", .forms = forms, .open = open_secrets, .close = close_secrets, .build = build, .parse = parse,
                                             .notice = notice };
REMOTE_ENGINE(replicate);
