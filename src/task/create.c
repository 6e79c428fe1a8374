/* create.c - a task is born: hold, row, inputs, turn and first event in one transaction. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "task/core.h"
#include "task/op.h"

#define ROOM_BYTES (INT64_C(64) << 20)      /* what one task may put on the disk, by a safe guess */

DB_SQL(create_input, "INSERT INTO task_input (task_id, ix, asset_id, face) VALUES (?, ?, ?, ?)");

/* Of the account, and alive until the task is over and has been looked at. */
static int keep_alive(struct db_tx *tx, struct arena *a, const struct task_row *t, int64_t asset, struct err *e) {
    struct blob_asset as;
    char id[ID_TEXT_MAX];
    id_text(id, "asset", asset);
    int r = blob_asset_get(tx, a, asset, t->account, &as, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, ERR_PHOTO_GONE, "%s", id);
    int64_t until = t->deadline_ms + t->limit_ms + t->keep_inputs_ms;
    return as.delete_at_ms && as.delete_at_ms < until ? blob_asset_keep_until(tx, asset, until, e) : 0;
}

static int add_inputs(struct db_tx *tx, struct arena *a, const struct task_row *t, const struct task_new *n, struct err *e) {
    for (size_t i = 0; i < n->n_people; i++) {
        int r = keep_alive(tx, a, t, n->people[i].asset, e);
        if (r < 0)
            return r;
        r = db_run(tx, NULL, e, &create_input, DB_INT(t->id), DB_INT((int64_t)i), DB_INT(n->people[i].asset), DB_INT(n->people[i].face));
        if (r < 0)
            return r;
    }
    return t->backdrop ? keep_alive(tx, a, t, t->backdrop, e) : 0;
}

/* The task's own over the recipe's; kept with the task, so that a recipe that changes does not change what was bought. */
static int merge_params(const struct task_core *c, struct arena *a, const struct task_new *n, struct str *ret, struct err *e) {
    CLEANUP(json_unref) json_t *base = NULL, *own = NULL;
    int r = json_read(n->recipe->params.n ? n->recipe->params : STR("{}"), &base, e);
    if (r < 0 || (r = json_read(n->params.n ? n->params : STR("{}"), &own, e)) < 0)
        return r;
    if (json_object_update(base, own) < 0)
        return err_set(e, ERR_BAD_INPUT, "the parameters are no object");
    const struct studio_product *product = n->mark ? studio_product(c->conf.studio, n->product) : NULL;
    if (n->mark && (!product || !product->mark.n))
        return err_set(e, ERR_CONFIG, "product %.*s has no mark", STR_ARG(n->product));
    if (n->mark && json_object_set_new(base, OP_MARK, json_stringn(product->name.p, product->name.n)) < 0)
        return err_set(e, ERR_INTERNAL, "the name of product %.*s is no text", STR_ARG(product->name));
    if ((r = op_limit_size(n->recipe, base, n->quality_px, e)) < 0)
        return r;
    char *text = json_dumps(base, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        abort();
    *ret = arena_str(a, str_z(text));
    free(text);
    return ret->n <= TASK_PARAMS_MAX ? 0 : err_set(e, ERR_TOO_BIG, "the parameters have more than %u bytes", TASK_PARAMS_MAX);
}

int task_create(struct db_tx *tx, struct task_core *c, const struct task_new *n, struct err *e) {
    assert(n->id > 0 && n->account > 0 && n->recipe && n->n_people <= TASK_PEOPLE_MAX && n->price_credits >= 0);
    assert(n->candidates >= 1 && n->candidates <= TASK_CANDIDATES_MAX && n->weight >= 1 && n->weight <= TASK_WEIGHT_MAX);
    const struct studio_recipe *re = n->recipe;
    const struct core_engine *g = core_engine_next(c, re, NULL);
    if (!g)
        return err_set(e, ERR_ENGINE_MISSING, "none of the engines of %.*s is running", STR_ARG(re->name));
    int r = c->conf.blobs ? blob_room(c->conf.blobs, ROOM_BYTES, e) : 0;
    if (r < 0)
        return r;
    int64_t now = clock_ms();
    int need = re->all_or_nothing || re->candidates_min > n->candidates ? n->candidates : re->candidates_min;
    struct task_row t = {
        .id = n->id, .account = n->account, .backdrop = n->backdrop_asset, .asked = n->candidates, .price = n->price_credits,
        .weight = n->weight, .created_ms = now, .need = need, .limit_ms = re->deadline_ms, .choose_ms = re->choose_ms,
        .keep_inputs_ms = n->keep_inputs_ms ? n->keep_inputs_ms : re->keep_inputs_ms, .keep_outputs_ms = re->keep_outputs_ms,
        .again_of = n->again_of, .round = n->round, .state = TASK_QUEUED, .in_line = true, .picked = -1, .deadline_ms = now + c->wait_ms, .alarm_ms = now + c->wait_ms, .was_state = TASK_QUEUED,
    };
    snprintf(t.recipe, sizeof(t.recipe), "%.*s", STR_ARG(re->name));
    snprintf(t.template_name, sizeof(t.template_name), "%.*s", STR_ARG(n->template_name));
    snprintf(t.engine, sizeof(t.engine), "%s", g->name);

    CLEANUP(arena_free) struct arena *a = arena_new(1u << 20);
    struct str params;
    if ((r = merge_params(c, a, n, &params, e)) < 0 || (r = add_inputs(tx, a, &t, n, e)) < 0)
        return r;
    if ((r = ledger_hold(tx, t.account, t.price, t.id, n->product, e)) < 0)
        return r;
    if ((r = task__turn_take(tx, &t, c->account_max, c->line_max, &c->line_room, e)) < 0)
        return r;
    if ((r = task__tell_state(tx, &t, e)) < 0 || (r = task__add(tx, &t, re->version, params, e)) < 0)
        return r;
    task__changed(tx, c, &t, (int)n->n_people);
    task__wake_dispatcher(tx, c);
    return 0;
}
