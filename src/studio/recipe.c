/* recipe.c - reads a recipe: its inputs and their rules, steps, limits and price. */
#include "studio/catalogue.h"
#include "base/field.h"

/* What else a recipe's file says, on its way into struct studio_recipe. */
struct recipe_file {
    struct studio_recipe r;
    const struct yaml   *inputs, *candidates, *engines, *steps, *limits, *price, *cost, *retention, *seeds;
    struct str           price_per, cost_per;
};
#define AT(member) offsetof(struct recipe_file, member)

static const struct field recipe_fields[] = {
    { "recipe", FIELD_NAME, true, 0, 0, AT(r.name) },
    { "version", FIELD_INT, true, 1, 1000 * 1000, AT(r.version) },
    { "title", FIELD_TEXT, true, 0, 0, AT(r.title) },
    { "inputs", FIELD_MAP, true, 0, 0, AT(inputs) },
    { "candidates", FIELD_MAP, true, 0, 0, AT(candidates) },
    { "checks", FIELD_NAMES, true, 0, 16, AT(r.checks) },
    { "engines", FIELD_LIST, true, 1, STUDIO_ENGINES_MAX, AT(engines) },
    { "steps", FIELD_LIST, true, 1, STUDIO_STEPS_MAX, AT(steps) },
    { "limits", FIELD_MAP, true, 0, 0, AT(limits) },
    { "price", FIELD_MAP, true, 0, 0, AT(price) },
    { "cost", FIELD_MAP, false, 0, 0, AT(cost) },
    { "retention", FIELD_MAP, true, 0, 0, AT(retention) },
    { "params", FIELD_JSON, false, 0, 0, AT(r.params) },
    { "needs", FIELD_NAMES, false, 1, 2, AT(r.needs) },
    { 0 },
};
static const struct field candidates_fields[] = {
    { "free", FIELD_INT, true, 0, STUDIO_CANDIDATES_MAX, AT(r.candidates_free) },
    { "paid", FIELD_INT, true, 1, STUDIO_CANDIDATES_MAX, AT(r.candidates_paid) },
    { "min", FIELD_INT, true, 1, STUDIO_CANDIDATES_MAX, AT(r.candidates_min) },
    { "reruns", FIELD_INT, true, 0, 8, AT(r.reruns) },
    { "seeds", FIELD_LIST, true, 1, STUDIO_CANDIDATES_MAX, AT(seeds) },
    { "all_or_nothing", FIELD_BOOL, false, 0, 0, AT(r.all_or_nothing) },
    { 0 },
};
static const struct field limits_fields[] = {
    { "step_s", FIELD_SECONDS, true, 1, 3600, AT(r.step_ms) },
    { "deadline_s", FIELD_SECONDS, true, 1, 7 * 24 * 3600, AT(r.deadline_ms) },
    { "choose_s", FIELD_SECONDS, true, 1, 30 * 24 * 3600, AT(r.choose_ms) },
    { 0 },
};
static const struct field price_fields[] = {
    { "credits", FIELD_INT64, true, 0, 1000 * 1000, AT(r.price_credits) },
    { "per", FIELD_NAME, true, 0, 0, AT(price_per) },
    { 0 },
};
static const struct field cost_fields[] = {
    { "microusd", FIELD_INT64, true, 0, 1000 * 1000 * 1000, AT(r.cost_microusd) },
    { "per", FIELD_NAME, true, 0, 0, AT(cost_per) },
    { 0 },
};
static const struct field retention_fields[] = {
    { "inputs", FIELD_MS, true, 60 * 1000, 3650LL * 24 * 3600 * 1000, AT(r.keep_inputs_ms) },
    { "outputs", FIELD_MS, true, 60 * 1000, 3650LL * 24 * 3600 * 1000, AT(r.keep_outputs_ms) },
    { 0 },
};

struct step_file { struct str op, state, per, way; int64_t limit_ms; bool here; };
static const struct field step_fields[] = {
    { "op", FIELD_NAME, true, 0, 0, offsetof(struct step_file, op) },
    { "state", FIELD_NAME, true, 0, 0, offsetof(struct step_file, state) },
    { "per", FIELD_NAME, true, 0, 0, offsetof(struct step_file, per) },
    { "limit_s", FIELD_SECONDS, false, 1, 24 * 3600, offsetof(struct step_file, limit_ms) },
    { "way", FIELD_NAME, false, 0, 0, offsetof(struct step_file, way) },
    { "here", FIELD_BOOL, false, 0, 0, offsetof(struct step_file, here) },
    { 0 },
};

struct input_file { struct studio_input in; struct str kind; const struct yaml *face; };
#define IN(member) offsetof(struct input_file, in.member)
static const struct field input_fields[] = {
    { "kind", FIELD_STR, true, 1, 32, offsetof(struct input_file, kind) },
    { "min", FIELD_INT64, false, 0, STUDIO_PEOPLE_MAX, IN(min) },
    { "max", FIELD_INT64, false, 1, STUDIO_PEOPLE_MAX, IN(max) },
    { "max_mb", FIELD_MB, true, 1, 100, IN(bytes_max) },
    { "short_side_min_px", FIELD_INT64, true, 1, 16384, IN(short_side_min_px) },
    { "face", FIELD_MAP, false, 0, 0, offsetof(struct input_file, face) },
    { "tags", FIELD_NAMES, false, 1, 16, IN(tags) },
    { 0 },
};
static const struct field face_fields[] = {
    { "min_px", FIELD_INT64, true, 1, 4096, IN(face_min_px) },
    { "confidence_min", FIELD_PERMILLE, true, 0, 1000, IN(face_confidence_min_pm) },
    { "blur_max", FIELD_PERMILLE, false, 0, 1000, IN(face_blur_max_pm) },
    { "yaw_max_deg", FIELD_INT, false, 1, 180, IN(face_yaw_max_deg) },
    { "pitch_max_deg", FIELD_INT, false, 1, 180, IN(face_pitch_max_deg) },
    { "roll_max_deg", FIELD_INT, false, 1, 180, IN(face_roll_max_deg) },
    { "odd_light_max", FIELD_PERMILLE, false, 0, 1000, IN(face_odd_light_max_pm) },
    { 0 },
};

static int read_input(struct arena *a, const char *path, const struct yaml *n, struct studio_input *ret, struct err *e) {
    struct input_file f = { .in = { .name = n->key, .min = 1, .max = 1, .face_blur_max_pm = 750, .face_yaw_max_deg = 60,
                                    .face_pitch_max_deg = 45, .face_roll_max_deg = 50,
                                    .face_odd_light_max_pm = 150 } };
    int r = field_bind(a, path, input_fields, n, &f, e);
    if (r < 0)
        return r;
    if (str_eqz(f.kind, "image") && f.face)
        f.in.kind = STUDIO_IN_PEOPLE;
    else if (str_eqz(f.kind, "template | image") && f.in.tags.n && !f.face)
        f.in.kind = STUDIO_IN_BACKDROP;
    else
        return field_wrong(path, n, e, "kind must be \"image\" with face rules, or \"template | image\" with tags");
    if (f.face && (r = field_bind(a, path, face_fields, f.face, &f, e)) < 0)
        return r;
    if (f.in.min > f.in.max)
        return field_wrong(path, n, e, "min is above max");
    *ret = f.in;
    return 0;
}

static int read_step(struct arena *a, const char *path, const struct yaml *n, int64_t step_ms, struct studio_step *ret,
                     struct err *e) {
    static const char *const pers[] = { [STUDIO_PER_PERSON] = "person", [STUDIO_PER_CANDIDATE] = "candidate", [STUDIO_PER_TASK] = "task" };
    static const char *const ways[] = { [STUDIO_ANY_WAY] = "any", [STUDIO_LOCAL_WAY] = "local", [STUDIO_REMOTE_WAY] = "remote" };
    struct step_file f = { .limit_ms = step_ms, .way = STR("any") };
    size_t way = 0;
    int r = field_bind(a, path, step_fields, n, &f, e);
    if (r < 0)
        return r;
    if (!field_listed(STR("preparing,running,checking"), f.state))
        return field_wrong(path, n, e, "state must be preparing, running or checking");
    while (way < COUNT(ways) && !str_eqz(f.way, ways[way]))
        way++;
    if (way == COUNT(ways))
        return field_wrong(path, n, e, "way must be any, local or remote");
    for (size_t i = 0; i < COUNT(pers); i++) {
        if (str_eqz(f.per, pers[i])) {
            *ret = (struct studio_step){ .op = f.op, .state = f.state, .per = (enum studio_per)i, .limit_ms = f.limit_ms, .way = (enum studio_way)way,
                                         .here = f.here };
            return 0;
        }
    }
    return field_wrong(path, n, e, "per must be person, candidate or task");
}

static int read_lists(struct arena *a, const char *path, struct recipe_file *f, struct err *e) {
    int r;
    if (f->inputs->n == 0 || f->inputs->n > STUDIO_INPUTS_MAX)
        return field_wrong(path, f->inputs, e, "inputs must be 1 to %d", STUDIO_INPUTS_MAX);
    for (const struct yaml *n = f->inputs->child; n; n = n->next)
        if ((r = read_input(a, path, n, &f->r.inputs[f->r.n_inputs++], e)) < 0)
            return r;
    for (const struct yaml *n = f->engines->child; n; n = n->next)
        if ((r = field_name_of(path, n, /* is_file= */ false, &f->r.engines[f->r.n_engines++], e)) < 0)
            return r;
    for (const struct yaml *n = f->steps->child; n; n = n->next)
        if ((r = read_step(a, path, n, f->r.step_ms, &f->r.steps[f->r.n_steps++], e)) < 0)
            return r;
    size_t i = 0;
    for (const struct yaml *n = f->seeds->child; n; n = n->next)
        if (n->kind != YAML_SCALAR || str_int(n->text, 0, INT32_MAX, &f->r.seeds[i++]) < 0)
            return field_wrong(path, n, e, "seeds must be whole numbers from 0 to %d", INT32_MAX);
    return 0;
}

/* What no single field can tell. */
static int check_whole(const char *path, const struct recipe_file *f, const struct yaml *root, struct err *e) {
    const struct studio_recipe *r = &f->r;
    if ((int64_t)f->seeds->n < r->candidates_paid || (int64_t)f->seeds->n < r->candidates_free)
        return field_wrong(path, f->candidates, e, "there must be a seed for every candidate");
    if (r->candidates_min > r->candidates_paid)
        return field_wrong(path, f->candidates, e, "min is above paid");
    if (r->step_ms > r->deadline_ms)
        return field_wrong(path, f->limits, e, "step_s is above deadline_s");
    if (!str_eqz(f->price_per, "candidate") && !str_eqz(f->price_per, "task"))
        return field_wrong(path, f->price, e, "per must be candidate or task");
    if (f->cost && !str_eqz(f->cost_per, "candidate") && !str_eqz(f->cost_per, "task"))
        return field_wrong(path, f->cost, e, "per must be candidate or task");
    for (struct str rest = r->needs; rest.n;) {
        struct str one = str_cut(&rest, ',');
        if (!str_eqz(one, "motion") && !str_eqz(one, "enhanced"))
            return field_wrong(path, yaml_get(root, "needs"), e, "needs must be of motion and enhanced, not %.*s", STR_ARG(one));
    }
    if (!studio_input(r, STUDIO_IN_PEOPLE))
        return field_wrong(path, yaml_get(root, "inputs"), e, "one input must be of kind image with face rules");
    return 0;
}

int studio__recipe_read(struct arena *a, const char *dir, struct str name, struct studio_recipe *ret, struct err *e) {
    const char *path = arena_printf(a, "%s/%.*s.yaml", dir, STR_ARG(name)).p;
    struct str text;
    struct yaml *root;
    struct recipe_file f = { .r.params = STR("{}") };
    int r = field_read_file(a, path, STUDIO__FILE_MAX, &text, e);
    if (r < 0 || (r = yaml_parse(a, text, path, &root, e)) < 0 || (r = field_bind(a, path, recipe_fields, root, &f, e)) < 0 ||
        (r = field_bind(a, path, candidates_fields, f.candidates, &f, e)) < 0 ||
        (r = field_bind(a, path, limits_fields, f.limits, &f, e)) < 0 ||
        (r = field_bind(a, path, price_fields, f.price, &f, e)) < 0 ||
        (f.cost && (r = field_bind(a, path, cost_fields, f.cost, &f, e)) < 0) ||
        (r = field_bind(a, path, retention_fields, f.retention, &f, e)) < 0 || (r = read_lists(a, path, &f, e)) < 0 ||
        (r = check_whole(path, &f, root, e)) < 0)
        return r;
    if (!str_eq(f.r.name, name))
        return field_wrong(path, yaml_get(root, "recipe"), e, "recipe must be named like its file, %.*s", STR_ARG(name));
    f.r.price_per_candidate = str_eqz(f.price_per, "candidate");
    f.r.cost_per_candidate = str_eqz(f.cost_per, "candidate");
    *ret = f.r;
    return 0;
}
