/* remote_name.c - a call's name that survives a restart; see remote_call.h. */
#include "engine/remote_call.h"

#include <stdio.h>

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

/* One whose name over there is not known yet, or not any more. */
static bool may_be_it(const struct ticket *o, const struct ticket *t) {
    return o != t && !o->taken && (o->phase == SUBMITTING || o->phase == FINDING) && str_eq(o->job.model->model, t->job.model->model);
}

/*
 * See provider_job.known. Of two calls without a name each could be the one that is listed, and the pictures are two people's: then nobody takes it.
 * Under every key, because two keys may be of one account over there, which lists the calls of both.
 */
int remote__is_known(void *arg, const char *id) {
    const struct ticket *t = arg;
    bool doubt = false;
    for (size_t key = 0; key < t->g->n_keys; key++) {
        char remote_id[REMOTE_ID_MAX + 1];
        remote__name(t, key, id, remote_id);
        for (const struct ticket *o = t->g->tickets; o; o = o->next) {
            if (o != t && strcmp(o->remote_id, remote_id) == 0)
                return 1;
            doubt |= may_be_it(o, t);
        }
        int r = t->g->known ? t->g->known(t->g->known_arg, t->job.attempt, str_z(remote_id)) : 0;
        if (r > 0)
            return 1;
        doubt |= r < 0;
    }
    return doubt ? -1 : 0;
}

/* Whose call it was; an account or a model that is gone from the settings leaves it unknown. */
int remote__read_name(struct ticket *t, struct str op, struct str remote_id, struct err *e) {
    struct str rest = remote_id, key = str_cut(&rest, '~'), model = str_cut(&rest, '~');
    struct engine *g = t->g;
    char name[HASH_HEX + 1];
    for (t->key = 0; t->key < g->n_keys && !str_eqz(key, g->keys[t->key].name);)
        t->key++;
    for (size_t i = 0; i < g->models->n && !t->job.model; i++) {
        remote__hash(g->models->rows[i].model.p, g->models->rows[i].model.n, name);
        if (str_eqz(model, name) && str_eq(g->models->rows[i].op, op))
            t->job.model = &g->models->rows[i];
    }
    if (t->key == g->n_keys || !t->job.model || rest.n == 0 || rest.n > PROVIDER_ID_MAX)
        return err_set(e, ERR_UNCERTAIN, "its key or its model is not in the settings any more");
    memcpy(t->job.id, rest.p, rest.n);
    t->job.id[rest.n] = 0;
    return 0;
}
