/* recipes.c - GET /v1/recipes: what can be made, and what each input must be like. */
#include "api/internal.h"

#include "studio/studio.h"

static void render_input(struct jw *w, const struct studio_input *in) {
    jw_obj(w);
    jw_kstr(w, "name", in->name);
    jw_kz(w, "kind", in->kind == STUDIO_IN_PEOPLE ? "people" : "backdrop");
    jw_kint(w, "min", in->min);
    jw_kint(w, "max", in->max);
    jw_kint(w, "bytes_max", in->bytes_max);
    jw_kint(w, "short_side_min_px", in->short_side_min_px);
    if (in->kind == STUDIO_IN_PEOPLE) {
        jw_kint(w, "face_min_px", in->face_min_px);
        jw_kreal(w, "face_confidence_min", in->face_confidence_min_pm / 1000.0, 3);
    } else {
        jw_kstr(w, "tags", in->tags);
    }
    jw_end_obj(w);
}

static void render_recipe(struct jw *w, const struct studio_recipe *r) {
    jw_obj(w);
    jw_kstr(w, "name", r->name);
    jw_kint(w, "version", r->version);
    api__text(w, "title", &r->title);
    jw_key(w, "inputs");
    jw_arr(w);
    for (size_t i = 0; i < r->n_inputs; i++)
        render_input(w, &r->inputs[i]);
    jw_end_arr(w);
    jw_kint(w, "candidates_max", r->candidates_paid);
    jw_kint(w, "candidates_min", r->candidates_min);
    jw_kint(w, "credits", r->price_credits);
    jw_kz(w, "credits_per", r->price_per_candidate ? "candidate" : "task");
    jw_kint(w, "deadline_ms", r->deadline_ms);
    jw_kint(w, "keep_inputs_ms", r->keep_inputs_ms);
    jw_kint(w, "keep_outputs_ms", r->keep_outputs_ms);
    jw_end_obj(w);
}

static void render_colours(struct jw *w, const char *key, const struct str *colours) {
    jw_key(w, key);
    jw_obj(w);
    for (size_t i = 0; i < STUDIO_COLOUR_COUNT; i++)
        jw_kstr(w, studio_colour_name[i], colours[i]);
    jw_end_obj(w);
}

void api__recipes_render(const struct studio *s, struct buf *out) {
    const struct studio_product *product = studio_product(s, STR_NULL);
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, "product");
    jw_obj(&w);
    jw_kstr(&w, "name", product->name);
    api__text(&w, "title", &product->title);
    api__text(&w, "tagline", &product->tagline);
    jw_key(&w, "theme");
    jw_obj(&w);
    render_colours(&w, "light", product->light);
    render_colours(&w, "dark", product->dark);
    jw_end_obj(&w);
    jw_end_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    const struct studio_recipe *r;
    for (size_t i = 0; (r = studio_recipe_at(s, i)); i++)
        render_recipe(&w, r);
    jw_end_arr(&w);
    jw_end_obj(&w);
}

static int recipes_get(struct http_req *req, struct http_res *res, struct err *e) {
    return http_res_cached(res, api_app(req)->api->recipes);
}

const struct route api_recipes_routes[] = {
    { "GET", "/v1/recipes", ROUTE_INLINE, TRAFFIC_READ, ROUTE_PURE, 0, recipes_get, .out = "RecipeList", .help = "What can be made here, its inputs and its price." },
    { 0 },
};
