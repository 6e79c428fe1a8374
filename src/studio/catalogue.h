/*
 * catalogue.h - inside studio/: the loaded catalogue and the readers of its three kinds of file.
 */
#ifndef ZT_STUDIO_CATALOGUE_H
#define ZT_STUDIO_CATALOGUE_H

#include "studio/studio.h"

#define STUDIO__PRODUCTS_MAX  16
#define STUDIO__RECIPES_MAX   64
#define STUDIO__TEMPLATES_MAX 256
#define STUDIO__FILE_MAX      (64 * 1024)      /* bytes of one YAML or JSON file */
#define STUDIO__ARENA_MAX     (192 * 1024 * 1024)

struct studio {
    struct arena          *arena;
    struct studio_product  products[STUDIO__PRODUCTS_MAX];
    size_t                 n_products;
    struct studio_recipe   recipes[STUDIO__RECIPES_MAX];
    size_t                 n_recipes;
    struct studio_template templates[STUDIO__TEMPLATES_MAX];
    size_t                 n_templates;
};

/* Each reads one file into *ret; name is what the folder or file is called and the file must agree. dir: its folder. */
int studio__product_read(struct arena *a, const char *dir, struct str name, struct studio_product *ret, struct err *e);
int studio__recipe_read(struct arena *a, const char *dir, struct str name, struct studio_recipe *ret, struct err *e);
int studio__template_read(struct arena *a, const char *dir, struct str name, struct studio_template *ret, struct err *e);

#endif
