/* product.c - reads product.yaml. */
#include "studio/catalogue.h"
#include "studio/fields.h"

struct product_file {
    struct studio_product p;
    const struct yaml    *guest;
};
#define AT(member) offsetof(struct product_file, member)

static const struct studio__field product_fields[] = {
    { "product", STUDIO__NAME, true, 0, 0, AT(p.name) },
    { "title", STUDIO__TEXT, true, 0, 0, AT(p.title) },
    { "tagline", STUDIO__TEXT, true, 0, 0, AT(p.tagline) },
    { "theme", STUDIO__JSON, false, 0, 0, AT(p.theme) },
    { "recipes", STUDIO__NAMES, true, 1, 32, AT(p.recipes) },
    { "guest", STUDIO__MAP, true, 0, 0, AT(guest) },
    { 0 },
};
static const struct studio__field guest_fields[] = {
    { "credits", STUDIO__INT64, true, 0, 1000 * 1000, offsetof(struct studio_product, guest_credits) },
    { 0 },
};

int studio__product_read(struct arena *a, const char *dir, struct str name, struct studio_product *ret, struct err *e) {
    const char *path = arena_printf(a, "%s/product.yaml", dir).p;
    struct str text;
    struct yaml *root;
    struct product_file f = { .p.theme = STR("{}") };
    int r = studio__read(a, path, STUDIO__FILE_MAX, &text, e);
    if (r < 0 || (r = yaml_parse(a, text, path, &root, e)) < 0 || (r = studio__bind(a, path, product_fields, root, &f, e)) < 0 ||
        (r = studio__bind(a, path, guest_fields, f.guest, &f.p, e)) < 0)
        return r;
    if (!str_eq(f.p.name, name))
        return studio__wrong(path, yaml_get(root, "product"), e, "product must be named like its folder, %.*s", STR_ARG(name));
    *ret = f.p;
    return 0;
}
