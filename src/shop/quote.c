/* quote.c - see quote.h. The input is judged by the facts intake wrote; nothing is decoded here, so it may run on the writer. */
#include "shop/quote.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"

#define QUOTE_MS    (15 * 60 * 1000)   /* how long a price holds */
#define REASONS_MAX (16u * 1024)       /* bytes of JSON about one photo */

DB_SQL(quote_add, "INSERT INTO quote (id, account_id, recipe, recipe_version, credits, spec, created_ms, expires_ms, task_id) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)");
DB_SQL(quote_one, "SELECT account_id, recipe, credits, spec, created_ms, expires_ms, task_id FROM quote WHERE id = ?");
DB_SQL(quote_buy, "UPDATE quote SET task_id = ? WHERE id = ? AND task_id = 0");
DB_SQL(quote_old, "DELETE FROM quote WHERE expires_ms < ?");

/* All that speaks against the input, as one flat list, and the first of it as the error. */
struct issues {
    struct jw  w;
    int        n, first;
    struct err err;
};

static void add_issue(struct issues *is, const char *input, int index, int64_t asset, const json_t *reason) {
    const char *code = json_string_value(json_object_get(reason, "code")), *key;
    const char *detail = json_string_value(json_object_get(reason, "detail"));
    const json_t *value;
    const struct reason *why = err_reason_of(code ? code : "");
    if (is->n++ == 0)
        err_set(&is->err, why ? why->err : ERR_BAD_INPUT, "%s[%d]: %s", input, index, detail ? detail : "");
    jw_obj(&is->w);
    jw_kz(&is->w, "input", input);
    jw_kint(&is->w, "index", index);
    jw_kid(&is->w, "asset", "asset", asset);
    json_object_foreach((json_t *)reason, key, value) {
        if (json_is_string(value))
            jw_kz(&is->w, key, json_string_value(value));
        else if (json_is_integer(value))
            jw_kint(&is->w, key, json_integer_value(value));
    }
    jw_end_obj(&is->w);
}

/* A reason of ours, not of the photo's facts. other: a second photo it is about, or 0. */
static void add_reason_of_two(struct issues *is, const char *input, int index, int64_t asset, int64_t other, int code, const char *detail) {
    const struct reason *why = err_reason(code);
    char id[ID_TEXT_MAX];
    if (other)
        id_text(id, "asset", other);
    CLEANUP(json_unref) json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "code", why->code, "en", why->en, "next_en", why->next_en,
                                              "zh", why->zh, "next_zh", why->next_zh, "detail", detail, "other", other ? id : NULL);
    if (!j)
        abort();
    add_issue(is, input, index, asset, j);
}

static void add_reason(struct issues *is, const char *input, int index, int64_t asset, int code, const char *detail) {
    add_reason_of_two(is, input, index, asset, /* other= */ 0, code, detail);
}

/* One photo: it is there, and nothing in its facts speaks against it. face -1: a picture without people. */
static int judge(struct db_tx *tx, struct arena *a, int64_t account, const struct studio_input *in, const char *input, int index,
                 int64_t asset, int face, struct issues *is, struct err *e) {
    struct blob_asset as;
    int r = blob_asset_get(tx, a, asset, account, &as, e);
    if (r < 0)
        return r;
    if (r == 0 || as.class != BLOB_ORIGINAL) {
        add_reason(is, input, index, asset, ERR_NOT_FOUND, "there is no such photo of yours");
        return 0;
    }
    if (face >= 0 && as.consent_ms == 0)
        add_reason(is, input, index, asset, ERR_CONSENT, "this photo was given without consent");
    BUF_CLEANUP struct buf b;
    buf_init(&b, REASONS_MAX);
    r = face < 0 ? studio_judge_backdrop(in, as.facts, as.width, as.height, as.bytes, &b)
                 : studio_judge_photo(in, as.facts, as.width, as.height, as.bytes, face, &b);
    if (r == 0)
        return 0;
    CLEANUP(json_unref) json_t *list = NULL;
    if (b.failed || json_read(buf_str(&b), &list, e) < 0)
        return err_set(e, ERR_INTERNAL, "the reasons against a photo cannot be read");
    for (size_t i = 0; i < json_array_size(list); i++)
        add_issue(is, input, index, asset, json_array_get(list, i));
    return 0;
}

/* Each with each: a picture of one shot of somebody beside himself cannot pass the checks (studio.h), so it is not sold. */
static int judge_likeness(struct db_tx *tx, struct arena *a, const struct shop_quote *q, struct issues *is, struct err *e) {
    const struct task_person *p = q->spec.people;
    struct blob_asset as[COUNT(q->spec.people)] = { 0 };
    char detail[160], mine[ID_TEXT_MAX], others[ID_TEXT_MAX];
    for (size_t i = 0; i < q->spec.n_people; i++) {
        int r = blob_asset_get(tx, a, p[i].asset, q->account, &as[i], e);
        if (r < 0)
            return r;
        for (size_t k = 0; k < i; k++) {
            bool same_face = p[k].asset == p[i].asset && p[k].face == p[i].face;
            int pm = same_face ? 0 : studio_likeness_pm(as[i].facts, p[i].face, as[k].facts, p[k].face);
            if (pm <= STUDIO_LIKENESS_MAX_PM)
                continue;
            id_text(mine, "asset", p[i].asset);
            id_text(others, "asset", p[k].asset);
            snprintf(detail, sizeof(detail), "%s face %d and %s face %d: likeness %.2f", others, p[k].face, mine, p[i].face, pm / 1000.0);
            add_reason_of_two(is, "people", (int)i, p[i].asset, p[k].asset, ERR_PEOPLE_ALIKE, detail);
            break;
        }
    }
    return 0;
}

static int judge_people(struct db_tx *tx, struct arena *a, const struct shop_quote *q, struct issues *is, struct err *e) {
    const struct studio_input *in = studio_input(q->spec.recipe, STUDIO_IN_PEOPLE);
    const struct task_person *p = q->spec.people;
    char detail[64];
    if (!in)
        return q->spec.n_people ? err_set(e, ERR_BAD_INPUT, "people: this recipe takes none") : 0;
    if ((int64_t)q->spec.n_people > in->max) {
        snprintf(detail, sizeof(detail), "%zu people; at most %lld", q->spec.n_people, (long long)in->max);
        add_reason(is, "people", 0, 0, ERR_PEOPLE_MANY, detail);
    }
    if ((int64_t)q->spec.n_people < in->min) {
        snprintf(detail, sizeof(detail), "%zu people; at least %lld", q->spec.n_people, (long long)in->min);
        add_reason(is, "people", 0, 0, ERR_PEOPLE_NONE, detail);
    }
    for (size_t i = 0; i < q->spec.n_people; i++) {
        for (size_t k = 0; k < i; k++)
            if (p[k].asset == p[i].asset && p[k].face == p[i].face) {
                add_reason(is, "people", (int)i, p[i].asset, ERR_FACE_TWICE, "this face was given before");
                break;
            }
        int r = judge(tx, a, q->account, in, "people", (int)i, p[i].asset, p[i].face, is, e);
        if (r < 0)
            return r;
    }
    return judge_likeness(tx, a, q, is, e);
}

/* One of the comma list `have` is in the comma list `want`. */
static bool tags_meet(struct str have, struct str want) {
    while (want.n) {
        struct str one = str_trim(str_cut(&want, ',')), rest = have;
        while (rest.n)
            if (str_eq(str_trim(str_cut(&rest, ',')), one))
                return true;
    }
    return false;
}

static int judge_backdrop(struct db_tx *tx, const struct studio *s, struct arena *a, const struct shop_quote *q, struct issues *is, struct err *e) {
    const struct studio_input *in = studio_input(q->spec.recipe, STUDIO_IN_BACKDROP);
    struct str name = q->spec.template_name;
    if (!in)
        return name.n || q->spec.backdrop_asset ? err_set(e, ERR_BAD_INPUT, "template, backdrop: this recipe takes none") : 0;
    if (q->spec.backdrop_asset && name.n)
        return err_set(e, ERR_BAD_INPUT, "template, backdrop: give one of them");
    if (q->spec.backdrop_asset)
        return judge(tx, a, q->account, in, "backdrop", 0, q->spec.backdrop_asset, -1, is, e);
    if (!name.n)
        return err_set(e, ERR_BAD_INPUT, "template: missing, and there is no backdrop");
    const struct studio_template *t = studio_template(s, name);
    if (!t || !tags_meet(t->tags, in->tags))
        return err_set(e, ERR_UNKNOWN_TEMPLATE, "template: \"%.*s\"", STR_ARG(name));
    return 0;
}

/* ---- the spec as canonical JSON ---- */

static void write_spec(struct buf *b, const struct shop_quote *q) {
    const struct task_new *n = &q->spec;
    struct jw w;
    jw_init(&w, b);
    jw_obj(&w);
    jw_key(&w, "people");
    jw_arr(&w);
    for (size_t i = 0; i < n->n_people; i++) {
        jw_obj(&w);
        jw_kint(&w, "asset", n->people[i].asset);
        jw_kint(&w, "face", n->people[i].face);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_kstr(&w, "template", n->template_name);
    jw_kint(&w, "backdrop", n->backdrop_asset);
    jw_kint(&w, "candidates", n->candidates);
    jw_kint(&w, "weight", n->weight);
    jw_kstr(&w, "product", n->product);
    jw_kstr(&w, "plan", q->plan);
    jw_kbool(&w, "free", q->free);
    jw_kbool(&w, "watermark", n->mark);
    jw_kint(&w, "quality_px", n->quality_px);
    jw_kstr(&w, "params", n->params.n ? n->params : STR("{}"));
    jw_end_obj(&w);
}

static struct str spec_text(const json_t *j, const char *key, struct arena *a) { return arena_str(a, str_z(json_string_value(json_object_get(j, key)))); }

static int read_spec(struct str text, struct arena *a, struct shop_quote *ret, struct err *e) {
    CLEANUP(json_unref) json_t *j = NULL;
    int r = json_read(text, &j, e);
    if (r < 0)
        return r;
    const json_t *people = json_object_get(j, "people");
    struct task_new n = {
        .n_people = json_array_size(people), .template_name = spec_text(j, "template", a), .product = spec_text(j, "product", a),
        .backdrop_asset = json_integer_value(json_object_get(j, "backdrop")),
        .candidates = (int)json_integer_value(json_object_get(j, "candidates")),
        .weight = (int)json_integer_value(json_object_get(j, "weight")),
        .quality_px = (int)json_integer_value(json_object_get(j, "quality_px")),
        .mark = json_is_true(json_object_get(j, "watermark")),
        .params = spec_text(j, "params", a),
    };
    if (n.n_people > COUNT(n.people))
        return err_set(e, ERR_DB, "a quote names %zu people", n.n_people);
    for (size_t i = 0; i < n.n_people; i++) {
        const json_t *p = json_array_get(people, i);
        n.people[i] = (struct task_person){ json_integer_value(json_object_get(p, "asset")), (int)json_integer_value(json_object_get(p, "face")) };
    }
    ret->spec = n;
    ret->plan = spec_text(j, "plan", a);
    ret->free = json_is_true(json_object_get(j, "free"));
    return 0;
}

/* ---- the price, and by which plan ---- */

static int least(int a, int b) { return a < b ? a : b; }

static bool allows(const struct studio_may *may, const struct studio_recipe *re) {
    return (may->motion || !studio_recipe_needs(re, "motion")) && (may->enhanced || !studio_recipe_needs(re, "enhanced"));
}

/* 1: the picture of the day is there, and better than paying. asked: candidates, 0 = left out; credits: what it would cost else. */
static int free_instead(struct db_tx *tx, const struct shop_house *h, const struct shop_who *who, const struct shop_quote *q, const struct shop_may *can,
                        int asked, int64_t credits, struct err *e) {
    const struct studio_plan *gift = &h->product->plans[0];
    struct ledger_balance wallet;
    struct shop_day day;
    if (asked > least(q->spec.recipe->candidates_free, gift->may.candidates) || q->spec.recipe->candidates_free == 0 || !allows(&gift->may, q->spec.recipe))
        return 0;
    int r = ledger_balance(tx, q->account, &wallet, e);
    if (r < 0 || (can->plan != gift && wallet.available >= credits))     /* by the free plan it is the same picture, paid or not */
        return r;
    if ((r = shop_free_left(tx, h->cfg, gift->may.per_day, who, q->created_ms, &day, e)) < 0)
        return r;
    return day.per_day == 0 || day.left > 0;
}

static int offer(struct db_tx *tx, const struct shop_house *h, const struct shop_who *who, struct shop_quote *q, struct err *e) {
    const struct studio_recipe *re = q->spec.recipe;
    struct shop_may can;
    int r = shop_may(tx, h, q->account, q->created_ms, &can, e), asked = q->spec.candidates;
    if (r < 0)
        return r;
    if (can.sells && !allows(&can.may, re))
        return err_set(e, ERR_PLAN_NEEDED, "recipe %.*s: not with plan %.*s", STR_ARG(re->name), STR_ARG(can.plan->name));
    int limit = least(re->candidates_paid, can.may.candidates);
    if (asked > limit)
        return err_set(e, ERR_PLAN_NEEDED, "candidates: %d with plan %.*s", limit, STR_ARG(can.plan->name));
    q->spec.candidates = asked ? asked : limit;
    q->credits = re->price_credits * (re->price_per_candidate ? q->spec.candidates : 1);
    q->free = can.sells && (r = free_instead(tx, h, who, q, &can, asked, q->credits, e)) == 1;
    if (r < 0)
        return r;
    if (q->free) {
        can.plan = &h->product->plans[0];
        can.may = can.plan->may;
        q->credits = 0;
        q->spec.candidates = asked ? asked : least(re->candidates_free, can.may.candidates);
    }
    q->spec.product = h->product->name;
    q->spec.weight = can.may.weight;
    if (!can.sells)
        return 0;
    q->plan = can.plan->name;
    q->spec.mark = can.may.watermark;
    q->spec.quality_px = can.may.quality_px;
    if (!q->free && !shop_covers(h, can.plan, re, q->spec.candidates, NULL))
        return err_set(e, ERR_CONFIG, "plan %.*s does not cover the cost of %.*s", STR_ARG(can.plan->name), STR_ARG(re->name));
    return 0;
}

/* ---- outside ---- */

int shop_quote_make(struct db_tx *tx, const struct shop_house *h, const struct shop_who *who, struct arena *a, const struct shop_quote *want,
                    struct shop_quote *ret, struct buf *issues, struct err *e) {
    const struct studio_recipe *re = want->spec.recipe;
    assert(re && want->account > 0 && want->spec.n_people <= COUNT(want->spec.people));
    if (want->spec.candidates < 0 || want->spec.candidates > re->candidates_paid)
        return err_set(e, ERR_BAD_INPUT, "candidates: from 1 to %d", re->candidates_paid);
    int r = task_params_check(re, want->spec.params, e);
    if (r < 0)
        return r;
    struct shop_quote q = *want;
    q.id = id_new();
    q.task = 0;
    q.free = false;
    q.plan = STR_NULL;
    q.created_ms = clock_ms();
    q.expires_ms = q.created_ms + QUOTE_MS;
    struct issues is = { 0 };
    size_t before = issues->n;
    jw_init(&is.w, issues);
    jw_arr(&is.w);
    if ((r = judge_people(tx, a, want, &is, e)) < 0 || (r = judge_backdrop(tx, h->studio, a, want, &is, e)) < 0) {
        issues->n = before;
        return r;
    }
    jw_end_arr(&is.w);
    if (is.n)
        return err_set(e, is.err.code, "%s", is.err.text);
    issues->n = before;

    if ((r = offer(tx, h, who, &q, e)) < 0)
        return r;
    q.spec.account = q.account;
    q.spec.price_credits = q.credits;
    BUF_CLEANUP struct buf b;
    buf_init(&b, 32u * 1024);
    write_spec(&b, &q);
    if (b.failed)
        return err_set(e, ERR_TOO_BIG, "the order is too long");
    r = db_run(tx, NULL, e, &quote_add, DB_INT(q.id), DB_INT(q.account), DB_STR(re->name), DB_INT(re->version), DB_INT(q.credits),
               DB_STR(buf_str(&b)), DB_INT(q.created_ms), DB_INT(q.expires_ms));
    if (r < 0)
        return r;
    *ret = q;
    return 0;
}

int shop_quote_get(struct db_tx *tx, const struct studio *s, struct arena *a, int64_t id, int64_t account, struct shop_quote *ret, struct err *e) {
    DB_ROWS rows = { 0 };
    int r = db_one(tx, &rows, e, &quote_one, DB_INT(id));
    if (r < 0)
        return r;
    if (r == 0 || (account && db_int(&rows, 0) != account))
        return 0;
    struct shop_quote q = { .id = id, .account = db_int(&rows, 0), .credits = db_int(&rows, 2), .created_ms = db_int(&rows, 4),
                            .expires_ms = db_int(&rows, 5), .task = db_int(&rows, 6) };
    if ((r = read_spec(db_str(&rows, 3), a, &q, e)) < 0)
        return r;
    q.spec.recipe = studio_recipe(s, db_str(&rows, 1));
    q.spec.account = q.account;
    q.spec.price_credits = q.credits;
    if (!q.spec.recipe || (q.task == 0 && q.expires_ms < clock_ms()))
        return err_set(e, ERR_QUOTE_EXPIRED, "it was good for %d minutes", QUOTE_MS / 60000);
    *ret = q;
    return 1;
}

int shop_quote_bought(struct db_tx *tx, int64_t id, int64_t task, struct err *e) {
    int64_t changed;
    char before[ID_TEXT_MAX];
    int r = db_run(tx, &changed, e, &quote_buy, DB_INT(task), DB_INT(id));
    if (r < 0 || changed == 1)
        return r < 0 ? r : 0;
    DB_ROWS rows = { 0 };
    if ((r = db_one(tx, &rows, e, &quote_one, DB_INT(id))) <= 0)
        return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no such quote");
    id_text(before, "task", db_int(&rows, 6));
    return err_set(e, ERR_QUOTE_USED, "%s", before);
}

static size_t worth_of(const struct studio_product *p, struct str plan) {
    size_t i = 0;
    while (i < p->n_plans && !str_eq(p->plans[i].name, plan))
        i++;
    return i;
}

int shop_quote_still(struct db_tx *tx, const struct shop_house *h, const struct shop_quote *q, struct err *e) {
    struct shop_may now;
    int r = shop_may(tx, h, q->account, clock_ms(), &now, e);
    if (r < 0 || !now.sells)
        return r < 0 ? r : 0;
    if (!q->plan.n || worth_of(h->product, q->plan) > worth_of(h->product, now.plan->name))
        return err_set(e, ERR_QUOTE_EXPIRED, "it was priced by a plan that the account has no more");
    return 0;
}

DB_SQL(quote_move, "UPDATE quote SET account_id = ? WHERE account_id = ?");

int shop_quote_move(struct db_tx *tx, int64_t from, int64_t to, struct err *e) { return db_run(tx, NULL, e, &quote_move, DB_INT(to), DB_INT(from)); }

int shop_quote_forget(struct db_tx *tx, int64_t now_ms, struct err *e) {
    return db_run(tx, NULL, e, &quote_old, DB_INT(now_ms - 24 * 3600 * 1000));
}
