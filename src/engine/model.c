/* model.c - see model.h. */
#include "engine/model.h"

#include <stdlib.h>
#include "base/field.h"
#include "base/scope.h"

#define FILE_MAX  (64 * 1024)
#define ARENA_MAX (2u << 20)
#define DAY_MS    86400000LL

/* The file's arena lives with the tables, because their texts do. */
struct models_whole { struct models m; struct arena *a; };

struct lane_row { struct str name; int concurrent, per_minute, burst; };
static const struct field lane_fields[] = {
    { "lane", FIELD_NAME, true, 0, 0, offsetof(struct lane_row, name) },
    { "concurrent", FIELD_INT, true, 1, 10000, offsetof(struct lane_row, concurrent) },
    { "per_minute", FIELD_INT, true, 1, 60000, offsetof(struct lane_row, per_minute) },
    { "burst", FIELD_INT, false, 1, 10000, offsetof(struct lane_row, burst) },
    { 0 },
};

static int read_lane(struct arena *a, const char *file, const struct yaml *y, struct models *m, struct err *e) {
    struct lane_row row = { .burst = 1 };
    int r = field_bind(a, file, lane_fields, y, &row, e);
    if (r < 0)
        return r;
    if (2 + m->name.n + row.name.n > 32)             /* "engine.lane" is stored in task rows */
        return field_wrong(file, y, e, "lane: its name is too long beside the engine's");
    m->lanes[m->n_lanes] = row.name;
    m->limits[m->n_lanes++] = (struct gate_limit){ row.concurrent, row.per_minute, row.burst };
    return 0;
}

struct input_row { struct model_input in; const struct yaml *types; int ratio_max_pm; int64_t seconds_min, seconds_max; };
#define IN(member) offsetof(struct input_row, member)
static const struct field input_fields[] = {
    { "types", FIELD_LIST, true, 1, 8, IN(types) },
    { "mb", FIELD_MB, true, 1, 2000, IN(in.bytes_max) },
    { "side_min_px", FIELD_INT64, false, 1, 16384, IN(in.side_min_px) },
    { "side_max_px", FIELD_INT64, false, 1, 16384, IN(in.side_max_px) },
    { "pixels_max", FIELD_INT64, false, 1, 100 * 1000 * 1000, IN(in.pixels_max) },
    { "ratio_max", FIELD_PERMILLE, false, 1000, 100 * 1000, IN(in.ratio_max_pm) },
    { "seconds_min", FIELD_SECONDS, false, 1, 3600, IN(in.ms_min) },
    { "seconds_max", FIELD_SECONDS, false, 1, 3600, IN(in.ms_max) },
    { "fps_min", FIELD_INT, false, 1, 240, IN(in.fps_min) },
    { "fps_max", FIELD_INT, false, 1, 240, IN(in.fps_max) },
    { 0 },
};
#undef IN

static bool is_type(struct str s) {
    struct str sub = s, kind = str_cut(&sub, '/');
    for (size_t i = 0; i < sub.n; i++)
        if (!((sub.p[i] >= 'a' && sub.p[i] <= 'z') || (sub.p[i] >= '0' && sub.p[i] <= '9') || sub.p[i] == '-'))
            return false;
    return sub.n > 0 && s.n <= 31 && (str_eqz(kind, "image") || str_eqz(kind, "video"));
}

static int read_input(struct arena *a, const char *file, const struct yaml *y, struct model *to, struct err *e) {
    struct input_row row = { 0 };
    if (to->n_inputs == MODEL_INPUTS_MAX)
        return field_wrong(file, y, e, "inputs: at most %d", MODEL_INPUTS_MAX);
    int r = field_bind(a, file, input_fields, y, &row, e);
    if (r < 0)
        return r;
    row.in.role = y->key;
    for (const struct yaml *t = row.types->child; t; t = t->next) {
        if (t->kind != YAML_SCALAR || !is_type(t->text))
            return field_wrong(file, t, e, "types: names such as image/jpeg and video/mp4");
        row.in.types = row.in.types.n ? arena_printf(a, "%.*s,%.*s", STR_ARG(row.in.types), STR_ARG(t->text)) : t->text;
    }
    to->inputs[to->n_inputs++] = row.in;
    return 0;
}

struct price_row { int64_t microusd; struct str per; };
static const struct field price_fields[] = {
    { "microusd", FIELD_INT64, true, 0, 1000 * 1000 * 1000, offsetof(struct price_row, microusd) },
    { "per", FIELD_NAME, true, 0, 0, offsetof(struct price_row, per) },
    { 0 },
};

static int read_price(struct arena *a, const char *file, const struct yaml *y, struct model *to, struct err *e) {
    static const char *const pers[] = { "call", "picture", "second" };
    struct price_row row = { 0 };
    int r = field_bind(a, file, price_fields, y, &row, e);
    if (r < 0)
        return r;
    to->price_microusd = row.microusd;
    for (size_t i = 0; i < COUNT(pers); i++)
        if (str_eqz(row.per, pers[i])) {
            to->per = (enum model_price)i;
            return 0;
        }
    return field_wrong(file, y, e, "price.per: call, picture or second");
}

struct model_row { struct model m; struct str lane, result, when, body, names; const struct yaml *price, *inputs; };
#define AT(member) offsetof(struct model_row, member)
static const struct field model_fields[] = {
    { "op", FIELD_NAME, true, 0, 0, AT(m.op) },
    { "model", FIELD_STR, true, 1, 200, AT(m.model) },
    { "form", FIELD_NAME, true, 0, 0, AT(m.form) },
    { "path", FIELD_STR, false, 1, 200, AT(m.path) },
    { "lane", FIELD_NAME, true, 0, 0, AT(lane) },
    { "when", FIELD_JSON, false, 0, 0, AT(when) },
    { "price", FIELD_MAP, true, 0, 0, AT(price) },
    { "poll", FIELD_MS, false, 200, 600000, AT(m.poll_ms) },
    { "result", FIELD_NAME, true, 0, 0, AT(result) },
    { "result_mb", FIELD_MB, false, 1, 4000, AT(m.result_bytes_max) },
    { "body", FIELD_JSON, false, 0, 0, AT(body) },
    { "names", FIELD_JSON, false, 0, 0, AT(names) },
    { "inputs", FIELD_MAP, false, 0, 0, AT(inputs) },
    { 0 },
};
#undef AT

static int read_json(const char *file, const struct yaml *y, struct str text, json_t **ret, struct err *e) {
    struct err why;
    if (text.n && json_read(text, ret, &why) < 0)
        return field_wrong(file, y, e, "%s", why.text);
    return 0;
}

static int read_model(struct arena *a, const char *file, const struct yaml *y, struct models *m, struct err *e) {
    struct model_row row = { .m = { .poll_ms = 2000 } };
    struct model *to = &m->rows[m->n];
    int r = field_bind(a, file, model_fields, y, &row, e);
    if (r < 0)
        return r;
    *to = row.m;
    m->n++;                                          /* from here on models_free() releases its JSON */
    to->lane = m->n_lanes;
    for (size_t i = 0; i < m->n_lanes; i++)
        if (str_eq(m->lanes[i], row.lane))
            to->lane = i;
    to->clip = str_eqz(row.result, "clip");
    to->verdict = str_eqz(row.result, "verdict");
    if (to->lane == m->n_lanes)
        return field_wrong(file, y, e, "lane: there is no lane %.*s", STR_ARG(row.lane));
    if (!to->clip && !to->verdict && !str_eqz(row.result, "picture"))
        return field_wrong(file, y, e, "result: picture, clip or verdict");
    if (to->result_bytes_max == 0)
        to->result_bytes_max = to->clip ? 500LL * 1000 * 1000 : 50LL * 1000 * 1000;
    if ((r = read_price(a, file, row.price, to, e)) < 0 || (r = read_json(file, y, row.when, &to->when, e)) < 0 ||
        (r = read_json(file, y, row.body, &to->body, e)) < 0 || (r = read_json(file, y, row.names, &to->names, e)) < 0)
        return r;
    for (const struct yaml *in = row.inputs ? row.inputs->child : NULL; in; in = in->next)
        if ((r = read_input(a, file, in, to, e)) < 0)
            return r;
    return 0;
}

struct file_row { struct str engine; int queries_per_minute; const struct yaml *lanes, *models; };
static const struct field file_fields[] = {
    { "engine", FIELD_NAME, true, 0, 0, offsetof(struct file_row, engine) },
    { "queries_per_minute", FIELD_INT, true, 1, 60000, offsetof(struct file_row, queries_per_minute) },
    { "lanes", FIELD_LIST, true, 1, GATE_LANES_MAX, offsetof(struct file_row, lanes) },
    { "models", FIELD_LIST, true, 1, MODELS_MAX, offsetof(struct file_row, models) },
    { 0 },
};

static int read_all(struct models_whole *w, const char *path, const char *name, struct err *e) {
    struct file_row row = { 0 };
    struct str text;
    struct yaml *y;
    int r = field_read_file(w->a, path, FILE_MAX, &text, e);
    if (r < 0 || (r = yaml_parse(w->a, text, path, &y, e)) < 0 || (r = field_bind(w->a, path, file_fields, y, &row, e)) < 0)
        return r;
    if (!str_eqz(row.engine, name))
        return field_wrong(path, y, e, "engine: must be %s", name);
    w->m.name = row.engine;
    w->m.queries_per_minute = row.queries_per_minute;
    for (const struct yaml *l = row.lanes->child; l; l = l->next)
        if ((r = read_lane(w->a, path, l, &w->m, e)) < 0)
            return r;
    for (const struct yaml *x = row.models->child; x; x = x->next)
        if ((r = read_model(w->a, path, x, &w->m, e)) < 0)
            return r;
    return 0;
}

int models_read(const char *path, const char *name, struct models **ret_m, struct err *e) {
    struct models_whole *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->a = arena_new(ARENA_MAX);
    int r = read_all(w, path, name, e);
    if (r < 0) {
        models_free(&w->m);
        return r;
    }
    *ret_m = &w->m;
    return 0;
}

void models_free(struct models *m) {
    struct models_whole *w = (struct models_whole *)m;
    if (!w)
        return;
    for (size_t i = 0; i < m->n; i++) {
        json_decref(m->rows[i].when);
        json_decref(m->rows[i].body);
        json_decref(m->rows[i].names);
    }
    arena_free(w->a);
    free(w);
}

static bool fits(const json_t *when, const json_t *params) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)when, key, value)
        if (!json_equal(value, json_object_get(params, key)))
            return false;
    return true;
}

const struct model *models_find(const struct models *m, struct str op, const json_t *params) {
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->rows[i].op, op) && (!m->rows[i].when || fits(m->rows[i].when, params)))
            return &m->rows[i];
    return NULL;
}

int64_t model_cost_microusd(const struct model *m, int64_t pictures, int64_t ms) {
    switch (m->per) {
    case MODEL_PER_PICTURE:
        return m->price_microusd * pictures;
    case MODEL_PER_SECOND:
        return m->price_microusd * ms / 1000;
    case MODEL_PER_CALL:
        break;
    }
    return m->price_microusd;
}
