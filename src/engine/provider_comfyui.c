/*
 * provider_comfyui.c - ComfyUI on machines of our own: a graph of nodes with named slots (share/engines/comfyui/), filled and queued.
 * We choose the name of a run ourselves, out of the attempt, so a lost one is looked for in queue and history, and one that is in neither never was, or
 * was forgotten by a restart: it cost nobody anything, and may be made again. Truth is in history; there are no keys, no money and no moderation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/field.h"
#include "base/scope.h"
#include "engine/remote.h"

#define GRAPH_MAX (256 * 1024)

static const char *const forms[] = { "graph", NULL };

struct graphs { json_t *of[MODELS_MAX]; };               /* by the model's row */
struct graphs_of { const struct models *models; struct graphs g; };

static int read_graph(const char *share, struct str file, json_t **ret, struct err *e) {
    CLEANUP(arena_free) struct arena *a = arena_new(2 * GRAPH_MAX);
    const char *path = arena_printf(a, "%s/engines/comfyui/%.*s", share, STR_ARG(file)).p;
    struct str text;
    int r = field_read_file(a, path, GRAPH_MAX, &text, e);
    if (r < 0 || (r = json_read(text, ret, e)) < 0)
        return err_prefix(e, "%.80s: ", path), e->code = ERR_CONFIG;
    return json_is_object(*ret) ? 0 : err_set(e, ERR_CONFIG, "%s: a graph is an object of nodes", path);
}

static void free_graphs(void *p) {
    struct graphs_of *g = p;
    for (size_t i = 0; i < MODELS_MAX; i++)
        json_decref(g->g.of[i]);
    free(g);
}

static int read_graphs(const struct config *cfg, const struct models *models, const char *share, void **ret_g, struct err *e) {
    struct graphs_of *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    g->models = models;
    for (size_t i = 0; i < models->n; i++) {
        int r = read_graph(share, models->rows[i].path, &g->g.of[i], e);
        if (r < 0) {
            free_graphs(g);
            return r;
        }
    }
    *ret_g = g;
    return 0;
}

/* A UUID out of the attempt: the same for the same one, in any process. Older releases choose their own, and say it. */
static void run_name(const struct provider_job *j, char out[37]) {
    char text[32], hex[SHA256_HEX + 1];
    if (j->id[0]) {
        snprintf(out, 37, "%.36s", j->id);
        return;
    }
    int n = snprintf(text, sizeof(text), "attempt %lld", (long long)j->attempt);
    sha256_hex(text, (size_t)n, hex);
    snprintf(out, 37, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

/* ---- slots ---- */

static json_t *slot_value(const struct provider_job *j, const char *name) {
    const struct provider_input *in = provider_input_of(j, name);
    json_t *v = json_object_get(j->params, name);
    if (in)
        return json_stringn(in->ref.p, in->ref.n);
    return json_incref(v ? v : json_object_get(j->model->body, name));
}

/* Whole strings "{{name}}" become what they name; a slot nobody fills is an error of the recipe. */
static json_t *fill(const struct provider_job *j, const json_t *from, struct err *e) {
    const char *s = json_string_value(from), *key;
    size_t n = s ? strlen(s) : 0;
    json_t *value;
    if (n > 4 && n < 64 && strncmp(s, "{{", 2) == 0 && strcmp(s + n - 2, "}}") == 0) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)(n - 4), s + 2);
        json_t *v = slot_value(j, name);
        if (!v && !e->code)
            err_set(e, ERR_BAD_INPUT, "nothing fills the slot %s", name);
        return v ? v : json_null();
    }
    if (json_is_array(from)) {
        json_t *out = json_array();
        for (size_t i = 0; i < json_array_size(from); i++)
            json_array_append_new(out, fill(j, json_array_get(from, i), e));
        return out;
    }
    if (!json_is_object(from))
        return json_deep_copy(from);
    json_t *out = json_object();
    json_object_foreach((json_t *)(uintptr_t)from, key, value)
        json_object_set_new(out, key, fill(j, value, e));
    return out;
}

static int build_submit(const struct graphs_of *g, struct provider_job *j, struct arena *a, struct provider_call *c, struct err *e) {
    char name[37];
    struct err why = { 0 };
    run_name(j, name);
    json_t *graph = fill(j, g->g.of[j->model - g->models->rows], &why);
    json_t *all = json_pack("{s:s, s:s, s:o}", "client_id", "zoetrope", "prompt_id", name, "prompt", graph);
    char *text = why.code ? NULL : json_dumps(all, JSON_COMPACT);
    json_decref(all);
    if (!text) {
        *e = why;
        return why.code ? why.code : err_set(e, ERR_BAD_INPUT, "a graph that cannot be written");
    }
    c->method = "POST";
    c->url = arena_printf(a, "%s/prompt", j->base_url);
    c->body = arena_str(a, str_z(text));
    provider_header(c, a, "Content-Type: application/json");
    free(text);
    return 1;
}

static int build_upload(struct provider_job *j, const struct provider_moment *m, struct arena *a, struct provider_call *c) {
    if (j->uploaded == j->n_in)
        return 0;
    const struct provider_input *in = &j->in[j->uploaded];
    char name[37];
    run_name(j, name);
    c->method = "POST";
    c->url = arena_printf(a, "%s/upload/image", j->base_url);
    provider_header(c, a, "Content-Type: multipart/form-data; boundary=%s", m->nonce);
    c->parts[c->n_parts++] = (struct http_part){
        .text = arena_printf(a, "--%s\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\ninput\r\n--%s\r\nContent-Disposition: form-data; name=\"image\"; filename=\"%s-%zu.%s\"\r\n"
                                "Content-Type: %s\r\n\r\n", m->nonce, m->nonce, name, j->uploaded, strcmp(in->type, "image/jpeg") == 0 ? "jpg" : "png", in->type) };
    c->parts[c->n_parts++] = (struct http_part){ .fd = in->fd, .bytes = in->bytes };
    c->parts[c->n_parts++] = (struct http_part){ .text = arena_printf(a, "\r\n--%s--\r\n", m->nonce) };
    return 1;
}

/* scratch: history did not have it the last time, so the queue is asked. A run that waits is taken out; one that runs is interrupted by its name. */
static int build(const void *g, struct provider_job *j, enum provider_step step, const struct provider_moment *m, struct arena *a, struct provider_call *c,
                 struct err *e) {
    char name[37];
    run_name(j, name);
    switch (step) {
    case PROVIDER_UPLOAD:
        return build_upload(j, m, a, c);
    case PROVIDER_SUBMIT:
        return build_submit(g, j, a, c, e);
    case PROVIDER_CANCEL:
        c->method = "POST";
        c->url = arena_printf(a, "%s/api/jobs/%s/cancel", j->base_url, name);
        return 1;
    case PROVIDER_POLL:
    case PROVIDER_FIND:
        c->method = "GET";
        c->url = j->scratch ? arena_printf(a, "%s/queue", j->base_url) : arena_printf(a, "%s/history/%s", j->base_url, name);
        return 1;
    default:
        return 0;
    }
}

/* ---- what it says ---- */

static void add_encoded(struct buf *out, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-_.~/", c))
            buf_add_c(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void take_output(struct provider_job *j, const json_t *file, struct provider_outcome *o) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 2000);
    buf_printf(&b, "%s/view?filename=", j->base_url);
    add_encoded(&b, provider_text(file, "filename"));
    buf_add_z(&b, "&subfolder=");
    add_encoded(&b, provider_text(file, "subfolder"));
    buf_add_z(&b, "&type=");
    add_encoded(&b, provider_text(file, "type"));
    json_t *link = b.failed ? NULL : json_stringn(b.p, b.n);
    provider_take_result(j, link, o);
    json_decref(link);
}

static const json_t *first_file(const json_t *outputs) {
    const char *node;
    json_t *of;
    json_object_foreach((json_t *)(uintptr_t)outputs, node, of) {
        static const char *const kinds[] = { "gifs", "videos", "images" };
        for (size_t i = 0; i < COUNT(kinds); i++)
            if (json_array_size(json_object_get(of, kinds[i])))
                return json_array_get(json_object_get(of, kinds[i]), 0);
    }
    return NULL;
}

static const json_t *message_of(const json_t *status, const char *kind) {
    const json_t *list = json_object_get(status, "messages");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(json_array_get(list, i), 0)) && strcmp(json_string_value(json_array_get(json_array_get(list, i), 0)), kind) == 0)
            return json_array_get(json_array_get(list, i), 1);
    return NULL;
}

static void parse_run(struct provider_job *j, const json_t *run, struct provider_outcome *o) {
    const json_t *status = json_object_get(run, "status"), *error = message_of(status, "execution_error"), *file = first_file(json_object_get(run, "outputs"));
    const char *type = provider_text(error, "exception_type");
    if (error)
        provider_failed(o, strstr(type, "OutOfMemory") ? PROVIDER_PASSING : PROVIDER_ELSEWHERE, "%.60s: %.120s", type, provider_text(error, "exception_message"));
    else if (message_of(status, "execution_interrupted"))
        provider_failed(o, PROVIDER_PASSING, "interrupted over there");
    else if (file)
        take_output(j, file, o);
    else
        provider_failed(o, PROVIDER_ELSEWHERE, "it ended without a file");
}

static bool queued(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(json_array_get(list, i), 1));
        if (id && strcmp(id, name) == 0)
            return true;
    }
    return false;
}

/* History, then the queue, then history once more: a run may end between the two questions. */
static void parse_question(struct provider_job *j, enum provider_step step, const json_t *body, struct provider_outcome *o) {
    char name[37];
    run_name(j, name);
    const json_t *run = json_object_get(body, name);
    if (!j->scratch && run && step == PROVIDER_FIND) {
        snprintf(j->id, sizeof(j->id), "%s", name);
        o->verdict = PROVIDER_TAKEN;
    } else if (!j->scratch && run) {
        parse_run(j, run, o);
    } else if (!j->scratch) {
        j->scratch = json_true();
        o->verdict = PROVIDER_GO_ON;
        j->misses++;
    } else {
        bool runs = queued(json_object_get(body, "queue_running"), name), waits = queued(json_object_get(body, "queue_pending"), name);
        j->scratch = NULL;            /* json_true() needs no release */
        if (runs || waits)
            j->misses = 0;
        if ((runs || waits) && step == PROVIDER_FIND) {
            snprintf(j->id, sizeof(j->id), "%s", name);
            o->verdict = PROVIDER_TAKEN;
        } else if (runs || waits) {
            o->verdict = runs ? PROVIDER_WORKING : PROVIDER_WAITING;
        } else if (j->misses < 2) {
            o->verdict = PROVIDER_GO_ON;
        } else if (step == PROVIDER_FIND) {
            j->misses = 0;            /* the next machine is asked twice as well */
            o->verdict = PROVIDER_NOWHERE;
        } else {
            provider_failed(o, PROVIDER_PASSING, "it was forgotten over there, by a restart most likely");
        }
    }
}

static void parse_submit(struct provider_job *j, const struct provider_said *said, const json_t *body, struct provider_outcome *o) {
    const json_t *error = json_object_get(body, "error");
    if (said->status == 400)
        provider_failed(o, PROVIDER_OURS, "%.60s: %.120s %.60s", provider_text(error, "type"), provider_text(error, "message"), provider_text(error, "details"));
    else
        provider_take_id(j, json_object_get(body, "prompt_id"), o);
}

static void parse(const void *g, struct provider_job *j, enum provider_step step, const struct provider_said *said, struct arena *a, struct provider_outcome *o) {
    if (step == PROVIDER_CANCEL) {
        o->verdict = PROVIDER_GO_ON;
        return;
    }
    if (provider_status(said, o))
        return;
    CLEANUP(json_unref) json_t *body = provider_json(said, o);
    if (!body)
        return;
    if (step == PROVIDER_SUBMIT) {
        parse_submit(j, said, body, o);
    } else if (step == PROVIDER_UPLOAD) {
        const char *name = provider_text(body, "name"), *folder = provider_text(body, "subfolder");
        if (said->status != 200 || !name[0])
            provider_unclear(o, "an upload without a name (%d)", said->status);
        else
            provider_take_ref(j, folder[0] ? arena_printf(a, "%s/%s", folder, name) : str_z(name), o);
    } else {
        parse_question(j, step, body, o);
    }
}

const struct provider provider_comfyui = { .name = "comfyui", .forms = forms, .nodes = true, .open = read_graphs, .close = free_graphs, .build = build, .parse = parse };
REMOTE_ENGINE(comfyui);
