/*
 * catalogue.h - inside studio/: the loaded catalogue and the readers of its three kinds of file.
 */
#ifndef ZT_STUDIO_CATALOGUE_H
#define ZT_STUDIO_CATALOGUE_H

#include "studio/studio.h"

#define FIELD_PRODUCTS_MAX  16
#define FIELD_RECIPES_MAX   64
#define FIELD_TEMPLATES_MAX 256
#define FIELD_FILE_MAX      (64 * 1024)      /* bytes of one YAML or JSON file */
#define FIELD_ARENA_MAX     (192 * 1024 * 1024)

struct studio {
    struct arena          *arena;
    struct studio_product  products[FIELD_PRODUCTS_MAX];
    size_t                 n_products;
    struct studio_recipe   recipes[FIELD_RECIPES_MAX];
    size_t                 n_recipes;
    struct studio_template templates[FIELD_TEMPLATES_MAX];
    size_t                 n_templates;
};

/* Each reads one file into *ret; name is what the folder or file is called and the file must agree. dir: its folder. */
int studio__product_read(struct arena *a, const char *dir, struct str name, struct studio_product *ret, struct err *e);
int studio__recipe_read(struct arena *a, const char *dir, struct str name, struct studio_recipe *ret, struct err *e);
int studio__template_read(struct arena *a, const char *dir, struct str name, struct studio_template *ret, struct err *e);

#endif
