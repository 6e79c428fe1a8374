/* studio_test.c - the shipped product loads; wrong files are refused with file:line; photos are judged by facts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>

#include "base/json.h"
#include "studio/studio.h"

/* ---- a small catalogue on disk, with one file replaced by the test ---- */
#define MAY(n) "{ candidates: " n ", per_day: 1, weight: 1, quality_px: 2048, watermark: true, motion: false, ads: true, enhanced: false }"
static const char PRODUCT[] = "product: p\ntitle: { en: P, zh: 品 }\ntagline: { en: t, zh: 题 }\nlead: { en: l, zh: 述 }\n"
                              "theme: { light: { accent: \"#123abc\" }, dark: {} }\n"
                              "examples:\n  - { before: [a.webp, b.jpg], after: c.png, alt: { en: x, zh: 例 } }\n"
                              "recipes: [r]\nguest: { credits: 7 }\n"
                              "plans:\n"
                              "  - { plan: free, kind: free, title: { en: F, zh: 免 }, lead: { en: f, zh: 免 }, may: " MAY("1") " }\n"
                              "  - { plan: p9, kind: once, title: { en: N, zh: 九 }, lead: { en: n, zh: 九 }, price: { CNY: 990 }, credits: 40, valid: 30d, may: " MAY("4") " }\n"
                              "mark: mark.png\n";
static const char RECIPE[] = "recipe: r\n"
                             "version: 3\n"
                             "title: { en: R, zh: 方 }\n"
                             "inputs:\n"
                             "  people: { kind: image, min: 1, max: 5, max_mb: 10, short_side_min_px: 720,\n"
                             "            face: { min_px: 80, confidence_min: 0.7 } }\n"
                             "  backdrop: { kind: template | image, tags: [backdrop], max_mb: 10, short_side_min_px: 720 }\n"
                             "candidates: { free: 1, paid: 2, min: 1, reruns: 1, seeds: [1001, 1002] }\n"
                             "checks: [identity]\n"
                             "engines: [local]\n"
                             "steps: [{ op: compose, state: running, per: candidate, limit_s: 9 }]\n"
                             "limits: { step_s: 30, deadline_s: 600, choose_s: 60 }\n"
                             "price: { credits: 10, per: candidate }\n"
                             "cost: { microusd: 30000, per: task }\n"
                             "retention: { inputs: 24h, outputs: 30d }\n";
static const char TEMPLATE[] = "template: t\nversion: 1\ntitle: { en: T, zh: 板 }\ntags: [backdrop]\nlicence: MIT\nthumb: thumb.jpg\n"
                               "files: [back.jpg]\ndata: scene.json\n";

struct folder { char dir[64]; };

static void put(const struct folder *f, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int setup(void **state) {
    static const char *const dirs[] = { "products", "products/p", "products/p/recipes", "products/p/examples", "share", "share/templates", "share/templates/t" };
    struct folder *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/zt-studio-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    for (size_t i = 0; i < COUNT(dirs); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", f->dir, dirs[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    put(f, "products/p/product.yaml", PRODUCT);
    put(f, "products/p/mark.png", "\x89PNG\r\n\x1a\n");
    put(f, "products/p/recipes/r.yaml", RECIPE);
    put(f, "products/p/examples/a.webp", "A");
    put(f, "products/p/examples/b.jpg", "B");
    put(f, "products/p/examples/c.png", "C");
    put(f, "share/templates/t/template.yaml", TEMPLATE);
    put(f, "share/templates/t/thumb.jpg", "x");
    put(f, "share/templates/t/back.jpg", "x");
    put(f, "share/templates/t/scene.json", "{\"a\":1}");
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at) { return remove(path); }

static int teardown(void **state) {
    struct folder *f = *state;
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int load(const struct folder *f, struct studio **ret_s, struct err *e) {
    char share[128], products[128];
    snprintf(share, sizeof share, "%s/share", f->dir);
    snprintf(products, sizeof products, "%s/products", f->dir);
    return studio_load(share, products, ret_s, e);
}

static void a_catalogue_is_read(void **state) {
    CLEANUP(studio_free) struct studio *s = NULL;
    struct err e = { 0 };
    assert_int_equal(load(*state, &s, &e), 0);
    const struct studio_recipe *r = studio_recipe(s, STR("r"));
    assert_non_null(r);
    assert_int_equal(r->version, 3);
    assert_int_equal(r->n_inputs, 2);
    assert_int_equal(r->inputs[0].kind, STUDIO_IN_PEOPLE);
    assert_int_equal(r->inputs[0].bytes_max, 10 * 1000 * 1000);
    assert_int_equal(r->inputs[0].face_confidence_min_pm, 700);
    assert_int_equal(r->inputs[0].face_roll_max_deg, 50);
    assert_int_equal(r->inputs[1].kind, STUDIO_IN_BACKDROP);
    assert_int_equal(r->seeds[1], 1002);
    assert_int_equal(r->steps[0].limit_ms, 9000);
    assert_int_equal(r->keep_inputs_ms, 24 * 3600 * 1000);
    assert_int_equal(r->keep_outputs_ms, 30LL * 24 * 3600 * 1000);
    assert_true(r->price_per_candidate);
    assert_int_equal(r->cost_microusd, 30000);
    assert_false(r->cost_per_candidate);
    const struct studio_template *t = studio_template(s, STR("t"));
    assert_non_null(t);
    assert_true(str_eqz(t->data, "{\"a\":1}"));
    assert_int_equal(t->n_files, 1);
    assert_int_equal(t->dir.p[0], '/');
    const struct studio_product *p = studio_product(s, STR_NULL);
    assert_int_equal(p->guest_credits, 7);
    assert_true(str_eqz(p->light[STUDIO_ACCENT], "#123abc"));
    assert_true(str_eqz(p->dark[STUDIO_ACCENT], "#e2735f"));        /* what is left out is the house's own */
    assert_int_equal(p->n_examples, 1);
    assert_int_equal(p->examples[0].n_before, 2);
    assert_true(str_eqz(p->examples[0].before[1].bytes, "B"));
    assert_true(str_eqz(p->examples[0].after.bytes, "C"));
    assert_true(str_eqz(p->examples[0].alt.zh, "例"));
    assert_int_equal(p->n_plans, 2);
    assert_int_equal(p->plans[0].kind, STUDIO_PLAN_FREE);
    assert_true(str_eqz(p->plans[1].name, "p9"));
    assert_int_equal(p->plans[1].price[LEDGER_CNY], 990);
    assert_int_equal(p->plans[1].price[LEDGER_USD], 0);
    assert_int_equal(p->plans[1].credits, 40);
    assert_int_equal(p->plans[1].valid_ms, 30LL * 24 * 3600 * 1000);
    assert_int_equal(p->plans[1].may.candidates, 4);
    assert_true(p->plans[1].may.watermark);
    assert_int_equal(p->mark.p[0], '/');
    assert_true(str_ends(p->mark, STR("/products/p/mark.png")));
    assert_null(studio_recipe(s, STR("nope")));
    assert_null(studio_recipe_at(s, 1));
}

/* Each row replaces `from` by `to` in one file; loading must fail and say where. */
static void wrong_files_are_refused_with_their_line(void **state) {
    static const struct { const char *file, *text, *from, *to, *said; } cases[] = {
        { "products/p/recipes/r.yaml", RECIPE, "version: 3", "versoin: 3", "r.yaml:2: unknown field \"versoin\"" },
        { "products/p/recipes/r.yaml", RECIPE, "version: 3\n", "", "field \"version\" is missing" },
        { "products/p/recipes/r.yaml", RECIPE, "version: 3", "version: 0", "r.yaml:2: version" },
        { "products/p/recipes/r.yaml", RECIPE, "min: 1, max: 5", "min: 4, max: 3", "min is above max" },
        { "products/p/recipes/r.yaml", RECIPE, "max: 5", "max: 6", "r.yaml:5: max" },
        { "products/p/recipes/r.yaml", RECIPE, "confidence_min: 0.7", "confidence_min: 7", "confidence_min" },
        { "products/p/recipes/r.yaml", RECIPE, "confidence_min: 0.7", "confidence_min: lots", "confidence_min" },
        { "products/p/recipes/r.yaml", RECIPE, "template | image", "video", "kind must be" },
        { "products/p/recipes/r.yaml", RECIPE, "seeds: [1001, 1002]", "seeds: [1001]", "a seed for every candidate" },
        { "products/p/recipes/r.yaml", RECIPE, "seeds: [1001, 1002]", "seeds: [1001, -2]", "seeds must be" },
        { "products/p/recipes/r.yaml", RECIPE, "state: running", "state: walking", "r.yaml:11: state" },
        { "products/p/recipes/r.yaml", RECIPE, "per: candidate, limit_s: 9", "per: head", "per must be person" },
        { "products/p/recipes/r.yaml", RECIPE, "inputs: 24h", "inputs: 24", "a time such as 24h" },
        { "products/p/recipes/r.yaml", RECIPE, "step_s: 30", "step_s: 700", "step_s is above deadline_s" },
        { "products/p/recipes/r.yaml", RECIPE, "recipe: r", "recipe: q", "named like its file" },
        { "products/p/recipes/r.yaml", RECIPE, "title: { en: R, zh: 方 }", "title: { en: R }", "field \"zh\" is missing" },
        { "products/p/product.yaml", PRODUCT, "[r]", "[r, s]", "s.yaml" },
        { "products/p/product.yaml", PRODUCT, "[r]", "[r, r]", "belongs to another product" },
        { "products/p/product.yaml", PRODUCT, "[r]", "[../r]", "product.yaml:8" },
        { "products/p/product.yaml", PRODUCT, "credits: 7", "credits: -7", "credits" },
        { "products/p/product.yaml", PRODUCT, "lead: { en: l, zh: 述 }\n", "", "field \"lead\" is missing" },
        { "products/p/product.yaml", PRODUCT, "accent:", "akzent:", "product.yaml:5: unknown field \"akzent\"" },
        { "products/p/product.yaml", PRODUCT, "#123abc", "#123abG", "product.yaml:5: accent must be a colour" },
        { "products/p/product.yaml", PRODUCT, "#123abc", "red", "accent must be a colour" },
        { "products/p/product.yaml", PRODUCT, "#123abc", "#123abc;}", "accent must be a colour" },
        { "products/p/product.yaml", PRODUCT, "[a.webp, b.jpg]", "[a.webp]", "before must be a list of 2 to 4" },
        { "products/p/product.yaml", PRODUCT, "after: c.png", "after: ../c.png", "plain file name" },
        { "products/p/product.yaml", PRODUCT, "after: c.png", "after: c.svg", "must be a .webp, .jpg or .png" },
        { "products/p/product.yaml", PRODUCT, "after: c.png", "after: d.png", "examples/d.png" },
        { "products/p/product.yaml", PRODUCT, "kind: once", "kind: twice", "product.yaml:12: kind must be free, once, pack or member, not twice" },
        { "products/p/product.yaml", PRODUCT, "kind: once", "kind: free", "the first plan must be the free one, and no other" },
        { "products/p/product.yaml", PRODUCT, "kind: free", "kind: pack", "the first plan must be the free one" },
        { "products/p/product.yaml", PRODUCT, "plan: p9", "plan: free", "two plans free" },
        { "products/p/product.yaml", PRODUCT, "price: { CNY: 990 }, ", "", "needs a price" },
        { "products/p/product.yaml", PRODUCT, "valid: 30d, ", "", "how long it is valid" },
        { "products/p/product.yaml", PRODUCT, "CNY: 990", "CNY: 9.9", "CNY" },
        { "products/p/product.yaml", PRODUCT, "CNY: 990", "EUR: 990", "unknown field \"EUR\"" },
        { "products/p/product.yaml", PRODUCT, "candidates: 4", "candidates: 40", "candidates" },
        { "products/p/product.yaml", PRODUCT, "mark: mark.png\n", "", "plan free has a watermark, and the product has no mark" },
        { "products/p/product.yaml", PRODUCT, "mark: mark.png", "mark: ../mark.png", "plain file name" },
        { "products/p/product.yaml", PRODUCT, "mark: mark.png", "mark: gone.png", "gone.png" },
        { "products/p/product.yaml", PRODUCT, "mark: mark.png", "mark: product.yaml", "product.yaml:13: product.yaml is no PNG" },
        { "products/p/recipes/r.yaml", RECIPE, "per: task }", "per: head }", "r.yaml:14: per must be candidate or task" },
        { "products/p/recipes/r.yaml", RECIPE, "microusd: 30000", "microusd: -1", "microusd" },
        { "products/p/recipes/r.yaml", RECIPE, "checks: [identity]\n", "checks: [identity]\nneeds: [gold]\n", "r.yaml:10: needs must be of motion and enhanced, not gold" },
        { "share/templates/t/template.yaml", TEMPLATE, "back.jpg", "gone.jpg", "template.yaml:7: there is no file gone.jpg" },
        { "share/templates/t/template.yaml", TEMPLATE, "back.jpg", "../back.jpg", "plain file name" },
        { "share/templates/t/template.yaml", TEMPLATE, "thumb: thumb.jpg", "thumb: .thumb", "plain file name" },
        { "share/templates/t/template.yaml", TEMPLATE, "licence: MIT\n", "", "field \"licence\" is missing" },
        { "share/templates/t/template.yaml", TEMPLATE, "template: t", "template: u", "named like its folder" },
        { "share/templates/t/scene.json", "{\"a\":1}", "1}", "1", "scene.json: must be one JSON object" },
        { "share/templates/t/scene.json", "{\"a\":1}", "{\"a\":1}", "[1]", "scene.json: must be one JSON object" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[2048];
        const char *at = strstr(cases[i].text, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - cases[i].text), cases[i].text, cases[i].to, at + strlen(cases[i].from));
        put(*state, cases[i].file, text);
        CLEANUP(studio_free) struct studio *s = NULL;
        struct err e = { 0 };
        assert_int_equal(load(*state, &s, &e), ERR_CONFIG);
        if (!strstr(e.text, cases[i].said))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.text, cases[i].said);
        put(*state, cases[i].file, cases[i].text);
    }
}

/* ---- verdicts ---- */
static const struct studio_input rules = { .bytes_max = 10 * 1000 * 1000, .short_side_min_px = 720, .face_min_px = 80,
                                           .face_confidence_min_pm = 700, .face_blur_max_pm = 750, .face_yaw_max_deg = 60,
                                           .face_pitch_max_deg = 45, .face_roll_max_deg = 50, .face_odd_light_max_pm = 100 };
#define FACE(size, rest) "{\"box\":[10,10,510,510],\"size_px\":" #size "," rest "}"
#define GOOD FACE(200, "\"confidence\":0.98,\"blur\":0.1,\"yaw\":5,\"pitch\":-4,\"cut\":false")
#define SMALL FACE(79, "\"confidence\":0.98")

static void judge(const char *facts, int w, int h, int64_t bytes, int face, const char *const *want) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 8192);
    int n = studio_judge_photo(&rules, str_z(facts), w, h, bytes, face, &b);
    CLEANUP(json_unref) json_t *list = NULL;
    assert_int_equal(json_read(buf_str(&b), &list, NULL), 0);
    assert_int_equal(n, json_array_size(list));
    int i = 0;
    for (; want[i]; i++) {
        const json_t *reason = json_array_get(list, (size_t)i);
        assert_string_equal(json_string_value(json_object_get(reason, "code")), want[i]);
        assert_true(json_string_length(json_object_get(reason, "zh")) > 0);
        assert_true(json_string_length(json_object_get(reason, "next_en")) > 0);
    }
    assert_int_equal(n, i);
}
#define WANT(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }

static void photos_are_judged_by_their_facts(void **state) {
    judge("{\"faces\":[" GOOD "]}", 1000, 720, 1000, 0, WANT());
    judge("{\"faces\":[" GOOD "]}", 1000, 719, 1000, 0, WANT("image_too_small"));
    judge("{\"faces\":[" GOOD "]}", 1000, 720, 10000001, 0, WANT("image_too_large"));
    judge("{\"faces\":[" GOOD "]}", 1000, 720, 1000, 1, WANT("face_none"));
    judge("{\"faces\":[]}", 1000, 720, 1000, -1, WANT("face_none"));
    judge("", 1000, 720, 1000, -1, WANT("face_none"));
    judge("{\"faces\":[" SMALL "]}", 1000, 720, 1000, 0, WANT("face_small"));
    judge("{\"faces\":[" FACE(80, "\"confidence\":0.69,\"blur\":0.76,\"yaw\":-61,\"cut\":true") "]}", 500, 720, 1000, 0,
          WANT("image_too_small", "face_unsure", "face_blurred", "face_turned", "face_cut"));
    judge("{\"faces\":[" FACE(80, "\"pitch\":46") "]}", 1000, 720, 1000, 0, WANT("face_turned"));
    judge("{\"faces\":[" FACE(80, "\"roll\":-50") "]}", 1000, 720, 1000, 0, WANT());
    judge("{\"faces\":[" FACE(80, "\"roll\":51") "]}", 1000, 720, 1000, 0, WANT("face_tilted"));
    judge("{\"faces\":[" FACE(80, "\"roll\":-90") "]}", 1000, 720, 1000, -1, WANT("face_tilted"));
    judge("{\"faces\":[" FACE(80, "\"odd_light\":0.1") "]}", 1000, 720, 1000, 0, WANT());
    judge("{\"faces\":[" FACE(80, "\"odd_light\":0.102") "]}", 1000, 720, 1000, 0, WANT("face_coloured_light"));
    /* one good face among several is enough for the photo; without it every face is named */
    judge("{\"faces\":[" SMALL "," GOOD "]}", 1000, 720, 1000, -1, WANT());
    judge("{\"faces\":[" SMALL "," SMALL "]}", 1000, 720, 1000, -1, WANT("face_small", "face_small"));
}

static void backdrop(const char *facts, const char *want) {
    BUF_CLEANUP struct buf b;
    buf_init(&b, 8192);
    int n = studio_judge_backdrop(&rules, str_z(facts), 1500, 1000, 1000, &b);
    assert_int_equal(n, want ? 1 : 0);
    assert_true(!want || strstr(b.p, want));
}

static void people_in_a_background_may_be_small_only(void **state) {
    backdrop("", NULL);
    backdrop("{\"faces\":[]}", NULL);
    backdrop("{\"faces\":[{\"box\":[10,10,90,90]}]}", NULL);
    backdrop("{\"faces\":[{\"box\":[10,10,60,90]},{\"box\":[10,10,60,91]}]}", "\"backdrop_people\"");
}

/* "who" with its first two bytes a and b, the rest 0. */
static struct str facts_of(char *room, size_t size, unsigned a, unsigned b) {
    int n = snprintf(room, size, "{\"faces\":[{\"who\":\"%02x%02x%0252d\"}]}", a, b, 0);
    return (struct str){ room, (size_t)n };
}

static void likeness_is_a_cosine(void **state) {
    char t1[400], t2[400];
    struct str x = facts_of(t1, sizeof t1, 0x7f, 0);
    assert_int_equal(studio_likeness_pm(x, 0, x, 0), 1000);
    assert_int_equal(studio_likeness_pm(x, 0, facts_of(t2, sizeof t2, 0x40, 0x40), 0), 707);
    assert_int_equal(studio_likeness_pm(x, 0, facts_of(t2, sizeof t2, 0x81, 0), 0), -1000);      /* -127 */
    assert_int_equal(studio_likeness_pm(x, 0, facts_of(t2, sizeof t2, 0, 0), 0), -1000);
    assert_int_equal(studio_likeness_pm(x, 1, x, 0), -1000);
    assert_int_equal(studio_likeness_pm(x, 0, STR(""), 0), -1000);
    assert_int_equal(studio_likeness_pm(x, 0, STR("{\"faces\":[{\"who\":\"7f\"}]}"), 0), -1000);
    assert_int_equal(studio_likeness_pm(x, 0, STR("{\"faces\":[{\"who\":7}]}"), 0), -1000);
}

static void the_shipped_product_is_sound(void **state) {
    const struct folder *f = *state;
    char share[128];
    snprintf(share, sizeof share, "%s/share", f->dir);
    CLEANUP(studio_free) struct studio *s = NULL;
    struct err e = { 0 };
    int r = studio_load(share, ZT_PRODUCTS, &s, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    const struct studio_recipe *recipe = studio_recipe(s, STR("family-portrait"));
    assert_non_null(recipe);
    assert_int_equal(recipe->candidates_paid, 4);
    assert_int_equal(recipe->seeds[0], 1001);
    assert_int_equal(recipe->seeds[3], 1004);
    assert_int_equal(recipe->keep_inputs_ms, 24 * 3600 * 1000);
    const struct studio_input *people = studio_input(recipe, STUDIO_IN_PEOPLE);
    assert_int_equal(people->max, 5);
    assert_int_equal(people->short_side_min_px, 720);
    assert_int_equal(people->face_min_px, 80);
    assert_int_equal(people->face_confidence_min_pm, 700);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalogue_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_files_are_refused_with_their_line, setup, teardown),
        cmocka_unit_test(photos_are_judged_by_their_facts),
        cmocka_unit_test(people_in_a_background_may_be_small_only),
        cmocka_unit_test(likeness_is_a_cosine),
        cmocka_unit_test_setup_teardown(the_shipped_product_is_sound, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
