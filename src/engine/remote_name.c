/* remote_name.c - a call's name that survives a restart; see remote_call.h. */
#include "engine/remote_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"

void remote__hash(const char *text, size_t n, char out[HASH_HEX + 1]) {
    char hex[SHA256_HEX + 1];
    sha256_hex(text, n, hex);
    memcpy(out, hex, HASH_HEX);
    out[HASH_HEX] = 0;
}

void remote__name(const struct ticket *t, size_t key, const char *id, char out[REMOTE_ID_MAX + 1]) {
    char model[HASH_HEX + 1];
    remote__hash(t->job.model->model.p, t->job.model->model.n, model);
    snprintf(out, REMOTE_ID_MAX + 1, "%s~%s~%s", t->g->keys[key].name, model, id);
}

/* One that is, or may be over there, and whose name there is not known. One that still waits for its turn, or sends its inputs, is not there. */
static bool may_be_it(const struct ticket *o, const struct ticket *t) {
    bool may_be_there = o->phase == SUBMITTING || o->phase == FINDING || (o->phase == OVER && o->state == ENGINE_UNKNOWN);
    return o != t && !o->taken && may_be_there && str_eq(o->job.model->model, t->job.model->model);
}

/* FNV-1a. Of 64 bits: two names of half an hour never share one. */
static uint64_t hash_of(struct str s) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void take_name(void *to, struct str remote_id) {
    struct names *names = to;
    bool lost = remote_id.n && remote_id.p[remote_id.n - 1] == '~';
    names->doubt |= lost || names->n == NAMES_MAX;
    if (lost || names->n == NAMES_MAX)
        return;
    if ((names->n & (names->n - 1)) == 0) {                /* as full as it is large */
        names->list = realloc(names->list, (names->n ? 2 * names->n : 1) * sizeof(*names->list));
        if (!names->list)
            abort();
    }
    names->list[names->n++] = hash_of(remote_id);
}

static void read_names(struct ticket *t) {
    char model[HASH_HEX + 1], holds[HASH_HEX + 3];
    remote__hash(t->job.model->model.p, t->job.model->model.n, model);
    snprintf(holds, sizeof(holds), "~%s~", model);
    t->names.read = true;
    if (t->g->names && t->g->names(t->g->names_arg, t->job.attempt, str_z(holds), take_name, &t->names) < 0)
        t->names.doubt = true;
    if (t->names.n)
        qsort(t->names.list, t->names.n, sizeof(*t->names.list), compare);
}

void remote__forget_names(struct ticket *t) {
    free(t->names.list);
    t->names = (struct names){ 0 };
}

/*
 * See provider_job.known. Of two calls without a name each could be the one that is listed, and the pictures are two people's: then nobody takes it.
 * Under every key, because two keys may be of one account over there, which lists the calls of both.
 */
int remote__is_known(void *arg, const char *id) {
    struct ticket *t = arg;
    if (!t->names.read)
        read_names(t);
    bool doubt = t->names.doubt;
    for (size_t key = 0; key < t->g->n_keys; key++) {
        char remote_id[REMOTE_ID_MAX + 1];
        remote__name(t, key, id, remote_id);
        uint64_t hash = hash_of(str_z(remote_id));
        if (t->names.n && bsearch(&hash, t->names.list, t->names.n, sizeof(hash), compare))
            return 1;
        for (const struct ticket *o = t->g->tickets; o; o = o->next) {
            if (o != t && strcmp(o->remote_id, remote_id) == 0)
                return 1;
            doubt |= may_be_it(o, t);
        }
    }
    return doubt ? -1 : 0;
}

void remote__unnamed(const struct engine *g, const struct model *m, char out[REMOTE_ID_MAX + 1]) {
    char model[HASH_HEX + 1];
    size_t n = 0;
    remote__hash(m->model.p, m->model.n, model);
    for (size_t k = 0; k < g->n_keys; k++)
        n += (size_t)snprintf(out + n, REMOTE_ID_MAX + 1 - n, "%s%s", k ? "," : "", g->keys[k].name);
    snprintf(out + n, REMOTE_ID_MAX + 1 - n, "~%s~", model);
}
_Static_assert(GATE_KEYS_MAX * (HASH_HEX + 1) + HASH_HEX + 1 <= REMOTE_ID_MAX && REMOTE_ID_MAX <= ENGINE_REMOTE_ID_MAX, "the keys of a call fit its row");

static const struct model *model_hashed(const struct engine *g, struct str op, struct str hash) {
    char name[HASH_HEX + 1];
    for (size_t i = 0; i < g->models->n; i++) {
        const struct model *m = &g->models->rows[i];
        remote__hash(m->model.p, m->model.n, name);
        if (str_eqz(hash, name) && str_eq(m->op, op))
            return m;
    }
    return NULL;
}

int remote__read_name(const struct engine *g, struct str op, struct str remote_id, struct remote__named *ret, struct err *e) {
    struct str rest = remote_id, keys = str_cut(&rest, '~'), model = str_cut(&rest, '~');
    struct remote__named named = { .model = model_hashed(g, op, model), .id = rest };
    while (keys.n) {
        struct str one = str_cut(&keys, ',');
        size_t k = 0;
        while (k < g->n_keys && !str_eqz(one, g->keys[k].name))
            k++;
        if (k < g->n_keys)
            named.keys |= 1u << k;
        else
            snprintf(named.gone, sizeof(named.gone), "%.*s", STR_ARG(one));
    }
    if (!named.model)
        return err_set(e, ERR_UNCERTAIN, "the model it was made by is not in engine.%s_models any more", g->p->name);
    if (!named.keys)
        return err_set(e, ERR_UNCERTAIN, "the key it was made with (%s) is not in engine.%s_%s any more", named.gone, g->p->name, g->p->nodes ? "nodes" : "keys");
    if (rest.n > PROVIDER_ID_MAX)
        return err_set(e, ERR_UNCERTAIN, "a name that is none of ours");
    *ret = named;
    return 0;
}
