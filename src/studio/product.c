/* product.c - reads product.yaml and the pictures of its examples. */
#include "studio/catalogue.h"
#include "base/field.h"

struct product_file {
    struct studio_product p;
    const struct yaml    *guest, *theme, *examples, *plans;
    struct str            mark;
};
#define AT(member) offsetof(struct product_file, member)

static const struct field product_fields[] = {
    { "product", FIELD_NAME, true, 0, 0, AT(p.name) },
    { "title", FIELD_TEXT, true, 0, 0, AT(p.title) },
    { "tagline", FIELD_TEXT, true, 0, 0, AT(p.tagline) },
    { "lead", FIELD_TEXT, true, 0, 0, AT(p.lead) },
    { "theme", FIELD_MAP, false, 0, 0, AT(theme) },
    { "examples", FIELD_LIST, false, 0, STUDIO_EXAMPLES_MAX, AT(examples) },
    { "mark", FIELD_FILE, false, 0, 0, AT(mark) },
    { "recipes", FIELD_NAMES, true, 1, 32, AT(p.recipes) },
    { "guest", FIELD_MAP, true, 0, 0, AT(guest) },
    { "plans", FIELD_LIST, false, 1, STUDIO_PLANS_MAX, AT(plans) },
    { 0 },
};
static const struct field guest_fields[] = {
    { "credits", FIELD_INT64, true, 0, 1000 * 1000, offsetof(struct studio_product, guest_credits) },
    { 0 },
};

/* ---- theme ---- */

const char *const studio_colour_name[STUDIO_COLOUR_COUNT] = {
#define X(id, name, light, dark) name,
    STUDIO_COLOURS(X)
#undef X
};
static const struct field colour_fields[] = {      /* into an array of struct str */
#define X(id, name, light, dark) { name, FIELD_COLOUR, false, 0, 0, STUDIO_##id * sizeof(struct str) },
    STUDIO_COLOURS(X)
#undef X
    { 0 },
};
struct theme_file { const struct yaml *light, *dark; };
static const struct field theme_fields[] = {
    { "light", FIELD_MAP, false, 0, 0, offsetof(struct theme_file, light) },
    { "dark", FIELD_MAP, false, 0, 0, offsetof(struct theme_file, dark) },
    { 0 },
};

static int read_theme(struct arena *a, const char *path, const struct yaml *n, struct studio_product *p, struct err *e) {
    static const struct { const char *light, *dark; } house[] = {
#define X(id, name, light, dark) { light, dark },
        STUDIO_COLOURS(X)
#undef X
    };
    for (size_t i = 0; i < STUDIO_COLOUR_COUNT; i++) {
        p->light[i] = str_z(house[i].light);
        p->dark[i] = str_z(house[i].dark);
    }
    struct theme_file f = { 0 };
    int r = n ? field_bind(a, path, theme_fields, n, &f, e) : 0;
    if (r >= 0 && f.light)
        r = field_bind(a, path, colour_fields, f.light, p->light, e);
    if (r >= 0 && f.dark)
        r = field_bind(a, path, colour_fields, f.dark, p->dark, e);
    return r;
}

/* ---- examples ---- */

struct example_file { struct field_text alt; const struct yaml *before; struct str after; };
static const struct field example_fields[] = {
    { "before", FIELD_LIST, true, 2, STUDIO_BEFORES_MAX, offsetof(struct example_file, before) },
    { "after", FIELD_FILE, true, 0, 0, offsetof(struct example_file, after) },
    { "alt", FIELD_TEXT, true, 0, 0, offsetof(struct example_file, alt) },
    { 0 },
};

static int read_picture(struct arena *a, const char *path, const char *dir, const struct yaml *n, struct str name, struct studio_picture *ret,
                        struct err *e) {
    if (!str_ends(name, STR(".webp")) && !str_ends(name, STR(".jpg")) && !str_ends(name, STR(".png")))
        return field_wrong(path, n, e, "%.*s must be a .webp, .jpg or .png", STR_ARG(name));
    ret->name = name;
    return field_read_file(a, arena_printf(a, "%s/examples/%.*s", dir, STR_ARG(name)).p, STUDIO_PICTURE_MAX, &ret->bytes, e);
}

static int read_example(struct arena *a, const char *path, const char *dir, const struct yaml *n, struct studio_example *ret, struct err *e) {
    struct example_file f = { 0 };
    int r = field_bind(a, path, example_fields, n, &f, e);
    if (r < 0 || (r = read_picture(a, path, dir, n, f.after, &ret->after, e)) < 0)
        return r;
    for (const struct yaml *b = f.before->child; b; b = b->next) {
        struct str name;
        if ((r = field_name_of(path, b, /* is_file= */ true, &name, e)) < 0 ||
            (r = read_picture(a, path, dir, b, name, &ret->before[ret->n_before++], e)) < 0)
            return r;
    }
    ret->alt = f.alt;
    return 0;
}

/* ---- plans ---- */

struct plan_file { struct studio_plan p; struct str kind; const struct yaml *price, *may; };
#define PLAN_AT(member) offsetof(struct plan_file, member)
static const struct field plan_fields[] = {
    { "plan", FIELD_NAME, true, 0, 0, PLAN_AT(p.name) },
    { "kind", FIELD_NAME, true, 0, 0, PLAN_AT(kind) },
    { "title", FIELD_TEXT, true, 0, 0, PLAN_AT(p.title) },
    { "lead", FIELD_TEXT, true, 0, 0, PLAN_AT(p.lead) },
    { "price", FIELD_MAP, false, 0, 0, PLAN_AT(price) },
    { "credits", FIELD_INT64, false, 0, 1000 * 1000, PLAN_AT(p.credits) },
    { "valid", FIELD_MS, false, 60 * 1000, 3650LL * 24 * 3600 * 1000, PLAN_AT(p.valid_ms) },
    { "may", FIELD_MAP, true, 0, 0, PLAN_AT(may) },
    { 0 },
};
static const struct field price_fields[] = {       /* into an array of int64_t */
#define X(id) { #id, FIELD_INT64, false, 1, 100 * 1000 * 1000, LEDGER_##id * sizeof(int64_t) },
    LEDGER_CURRENCIES(X)
#undef X
    { 0 },
};
#define MAY_AT(member) offsetof(struct studio_may, member)
static const struct field may_fields[] = {
    { "candidates", FIELD_INT, true, 1, STUDIO_CANDIDATES_MAX, MAY_AT(candidates) },
    { "per_day", FIELD_INT, true, 0, 1000, MAY_AT(per_day) },
    { "weight", FIELD_INT, true, 1, 8, MAY_AT(weight) },
    { "quality_px", FIELD_INT, true, 512, STUDIO_QUALITY_MAX_PX, MAY_AT(quality_px) },
    { "watermark", FIELD_BOOL, true, 0, 0, MAY_AT(watermark) },
    { "motion", FIELD_BOOL, true, 0, 0, MAY_AT(motion) },
    { "ads", FIELD_BOOL, true, 0, 0, MAY_AT(ads) },
    { "enhanced", FIELD_BOOL, true, 0, 0, MAY_AT(enhanced) },
    { 0 },
};

static const char *const plan_kind_name[] = { [STUDIO_PLAN_FREE] = "free", [STUDIO_PLAN_ONCE] = "once", [STUDIO_PLAN_PACK] = "pack", [STUDIO_PLAN_MEMBER] = "member" };
const char *studio_plan_kind_name(enum studio_plan_kind k) {
    return plan_kind_name[k];
}

static int read_plan(struct arena *a, const char *path, const struct yaml *n, const struct studio_product *p, struct studio_plan *ret, struct err *e) {
    struct plan_file f = { 0 };
    int r = field_bind(a, path, plan_fields, n, &f, e);
    if (r < 0 || (r = field_bind(a, path, may_fields, f.may, &f.p.may, e)) < 0 || (f.price && (r = field_bind(a, path, price_fields, f.price, f.p.price, e)) < 0))
        return r;
    size_t k = 0;
    while (k < COUNT(plan_kind_name) && !str_eqz(f.kind, plan_kind_name[k]))
        k++;
    if (k == COUNT(plan_kind_name))
        return field_wrong(path, yaml_get(n, "kind"), e, "kind must be free, once, pack or member, not %.*s", STR_ARG(f.kind));
    f.p.kind = (enum studio_plan_kind)k;
    bool free_one = f.p.kind == STUDIO_PLAN_FREE, sold = false;
    for (size_t c = 0; c < COUNT(f.p.price); c++)
        sold |= f.p.price[c] > 0;
    if (free_one != (p->n_plans == 0))
        return field_wrong(path, n, e, "the first plan must be the free one, and no other");
    if (free_one && (sold || f.p.credits || f.p.valid_ms))
        return field_wrong(path, n, e, "the free plan has no price, no credits and no end");
    if (!free_one && (!sold || !f.p.valid_ms))
        return field_wrong(path, n, e, "plan %.*s needs a price and how long it is valid", STR_ARG(f.p.name));
    for (size_t i = 0; i < p->n_plans; i++)
        if (str_eq(p->plans[i].name, f.p.name))
            return field_wrong(path, n, e, "there are two plans %.*s", STR_ARG(f.p.name));
    *ret = f.p;
    return 0;
}

/* ---- the brand in pictures ---- */

/* Its pixels are decoded in the sandbox, like all others. */
static int read_mark(struct arena *a, const char *path, const char *dir, const struct yaml *root, struct product_file *f, struct err *e) {
    struct str png;
    if (!f->mark.n)
        return 0;
    const char *file = arena_printf(a, "%s/%.*s", dir, STR_ARG(f->mark)).p;
    int r = field_read_file(a, file, STUDIO_MARK_MAX, &png, e);
    if (r < 0)
        return r;
    if (!str_starts(png, STR("\x89PNG\r\n\x1a\n")))
        return field_wrong(path, yaml_get(root, "mark"), e, "%.*s is no PNG", STR_ARG(f->mark));
    char *whole = realpath(file, NULL);              /* whatever folder the server runs in */
    if (!whole)
        return err_sys(e, ERR_CONFIG, "%s", file);
    f->p.mark = arena_str(a, str_z(whole));
    free(whole);
    return 0;
}

static int check_marks(const char *path, const struct yaml *root, const struct studio_product *p, struct err *e) {
    for (size_t i = 0; i < p->n_plans; i++)
        if (p->plans[i].may.watermark && !p->mark.n)
            return field_wrong(path, yaml_get(root, "plans"), e, "plan %.*s has a watermark, and the product has no mark", STR_ARG(p->plans[i].name));
    return 0;
}

int studio__product_read(struct arena *a, const char *dir, struct str name, struct studio_product *ret, struct err *e) {
    const char *path = arena_printf(a, "%s/product.yaml", dir).p;
    struct str text;
    struct yaml *root;
    struct product_file *f = ARENA_NEW(a, struct product_file);
    int r = field_read_file(a, path, STUDIO__FILE_MAX, &text, e);
    if (r < 0 || (r = yaml_parse(a, text, path, &root, e)) < 0 || (r = field_bind(a, path, product_fields, root, f, e)) < 0 ||
        (r = field_bind(a, path, guest_fields, f->guest, &f->p, e)) < 0 || (r = read_theme(a, path, f->theme, &f->p, e)) < 0 ||
        (r = read_mark(a, path, dir, root, f, e)) < 0)
        return r;
    for (const struct yaml *n = f->examples ? f->examples->child : NULL; n; n = n->next)
        if ((r = read_example(a, path, dir, n, &f->p.examples[f->p.n_examples++], e)) < 0)
            return r;
    for (const struct yaml *n = f->plans ? f->plans->child : NULL; n; n = n->next, f->p.n_plans++)
        if ((r = read_plan(a, path, n, &f->p, &f->p.plans[f->p.n_plans], e)) < 0)
            return r;
    if ((r = check_marks(path, root, &f->p, e)) < 0)
        return r;
    if (!str_eq(f->p.name, name))
        return field_wrong(path, yaml_get(root, "product"), e, "product must be named like its folder, %.*s", STR_ARG(name));
    *ret = f->p;
    return 0;
}
