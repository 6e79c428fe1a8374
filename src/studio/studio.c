/* studio.c - loads the catalogue and answers by name. */
#include "studio/studio.h"

#include <dirent.h>
#include <sys/stat.h>

#include "studio/catalogue.h"
#include "base/field.h"

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

/* Calls each(ctx, path, name) for every folder in dir, in the order of their names. */
static int each_folder(struct arena *a, const char *dir, int (*each)(void *ctx, const char *path, struct str name, struct err *e),
                       void *ctx, struct err *e) {
    struct dirent **list = NULL;
    int n = scandir(dir, &list, visible, by_name);
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "%s", dir);
    int r = 0;
    for (int i = 0; i < n; i++) {
        const char *path = arena_printf(a, "%s/%s", dir, list[i]->d_name).p;
        struct stat st;
        if (r >= 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            r = each(ctx, path, arena_str(a, str_z(list[i]->d_name)), e);
        free(list[i]);
    }
    free(list);
    return r;
}

static int load_recipe(struct studio *s, const char *dir, struct str name, struct err *e) {
    if (s->n_recipes == STUDIO__RECIPES_MAX)
        return err_set(e, ERR_CONFIG, "%s: more than %d recipes", dir, STUDIO__RECIPES_MAX);
    if (studio_recipe(s, name))
        return err_set(e, ERR_CONFIG, "%s: recipe %.*s belongs to another product already", dir, STR_ARG(name));
    int r = studio__recipe_read(s->arena, dir, name, &s->recipes[s->n_recipes], e);
    if (r < 0)
        return r;
    s->n_recipes++;
    return 0;
}

static bool some_recipe_needs(const struct studio *s, const struct studio_product *p, const char *what) {
    for (struct str rest = p->recipes; rest.n;) {
        const struct studio_recipe *r = studio_recipe(s, str_cut(&rest, ','));
        if (r && studio_recipe_needs(r, what))
            return true;
    }
    return false;
}

/* A plan allows only what there is something to be allowed of. */
static void promise_what_there_is(const struct studio *s, struct studio_product *p) {
    p->has_motion = some_recipe_needs(s, p, "motion");
    p->has_enhanced = some_recipe_needs(s, p, "enhanced");
    for (size_t i = 0; i < p->n_plans; i++) {
        p->plans[i].may.motion &= p->has_motion;
        p->plans[i].may.enhanced &= p->has_enhanced;
    }
}

static int load_product(void *ctx, const char *path, struct str name, struct err *e) {
    struct studio *s = ctx;
    if (s->n_products == STUDIO__PRODUCTS_MAX)
        return err_set(e, ERR_CONFIG, "%s: more than %d products", path, STUDIO__PRODUCTS_MAX);
    struct studio_product *p = &s->products[s->n_products];
    int r = studio__product_read(s->arena, path, name, p, e);
    if (r < 0)
        return r;
    s->n_products++;
    const char *recipes = arena_printf(s->arena, "%s/recipes", path).p;
    for (struct str rest = p->recipes; rest.p;)
        if ((r = load_recipe(s, recipes, str_cut(&rest, ','), e)) < 0)
            return r;
    promise_what_there_is(s, p);
    return 0;
}

static int load_template(void *ctx, const char *path, struct str name, struct err *e) {
    struct studio *s = ctx;
    if (s->n_templates == STUDIO__TEMPLATES_MAX)
        return err_set(e, ERR_CONFIG, "%s: more than %d templates", path, STUDIO__TEMPLATES_MAX);
    int r = studio__template_read(s->arena, path, name, &s->templates[s->n_templates], e);
    if (r < 0)
        return r;
    s->n_templates++;
    return 0;
}

static int by_order(const void *a, const void *b) {
    const struct studio_template *x = a, *y = b;
    int names = strcmp(x->name.p, y->name.p);
    return x->order != y->order ? x->order - y->order : names;
}

int studio_load(const char *share_dir, const char *products_dir, struct studio **ret_s, struct err *e) {
    CLEANUP(studio_free) struct studio *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->arena = arena_new(STUDIO__ARENA_MAX);
    char *share = realpath(share_dir, NULL);         /* template.dir is absolute, whatever folder the server runs in */
    if (!share)
        return err_sys(e, ERR_CONFIG, "%s", share_dir);
    const char *templates = arena_printf(s->arena, "%s/templates", share).p;
    free(share);
    int r = each_folder(s->arena, products_dir, load_product, s, e);
    if (r < 0 || (r = each_folder(s->arena, templates, load_template, s, e)) < 0)
        return r;
    qsort(s->templates, s->n_templates, sizeof s->templates[0], by_order);
    if (s->n_products == 0)
        return err_set(e, ERR_CONFIG, "%s: there is no product in it", products_dir);
    *ret_s = TAKE(s);
    return 0;
}

void studio_free(struct studio *s) {
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}

const struct studio_recipe *studio_recipe(const struct studio *s, struct str name) {
    for (size_t i = 0; i < s->n_recipes; i++)
        if (str_eq(s->recipes[i].name, name))
            return &s->recipes[i];
    return NULL;
}

const struct studio_template *studio_template(const struct studio *s, struct str name) {
    for (size_t i = 0; i < s->n_templates; i++)
        if (str_eq(s->templates[i].name, name))
            return &s->templates[i];
    return NULL;
}

const struct studio_product *studio_product(const struct studio *s, struct str name) {
    for (size_t i = 0; i < s->n_products; i++)
        if (name.n == 0 || str_eq(s->products[i].name, name))
            return &s->products[i];
    return NULL;
}

const struct studio_plan *studio_plan_named(const struct studio_product *p, struct str name) {
    for (size_t i = 0; i < p->n_plans; i++)
        if (str_eq(p->plans[i].name, name))
            return &p->plans[i];
    return NULL;
}

const struct studio_recipe *studio_recipe_at(const struct studio *s, size_t i) { return i < s->n_recipes ? &s->recipes[i] : NULL; }

const struct studio_template *studio_template_at(const struct studio *s, size_t i) {
    return i < s->n_templates ? &s->templates[i] : NULL;
}

bool studio_recipe_needs(const struct studio_recipe *r, const char *what) {
    for (struct str rest = r->needs; rest.n;)
        if (str_eqz(str_cut(&rest, ','), what))
            return true;
    return false;
}

const struct studio_input *studio_input(const struct studio_recipe *r, enum studio_input_kind kind) {
    for (size_t i = 0; i < r->n_inputs; i++)
        if (r->inputs[i].kind == kind)
            return &r->inputs[i];
    return NULL;
}
