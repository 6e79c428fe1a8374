/*
 * studio.h - products, recipes and templates: data from products/ and share/templates, read and checked at start.
 * Owns: the catalogue; immutable after studio_load.  Threads: any may read.
 */
#ifndef ZT_STUDIO_STUDIO_H
#define ZT_STUDIO_STUDIO_H

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "ledger/ledger.h"

#define STUDIO_PEOPLE_MAX 5
#define STUDIO_CANDIDATES_MAX 8
#define STUDIO_STEPS_MAX 12
#define STUDIO_ENGINES_MAX 8
#define STUDIO_INPUTS_MAX 8

enum studio_input_kind { STUDIO_IN_PEOPLE /* photos with faces to tick */, STUDIO_IN_BACKDROP /* template or photo */ };
struct studio_input {
    struct str name;                             /* "people" */
    enum studio_input_kind kind;
    int64_t    min, max, bytes_max, short_side_min_px;
    int64_t    face_min_px;                      /* shorter side of the face box, pixels of the upright original */
    int        face_confidence_min_pm;           /* per mille */
    int        face_blur_max_pm;                 /* per mille; 0 = sharp */
    int        face_yaw_max_deg, face_pitch_max_deg, face_roll_max_deg;
    int        face_odd_light_max_pm;            /* per mille of the face lit in strong colours */
    struct str tags;                             /* templates: comma list, one must match */
};
/* One step of a recipe; state names the task state in which it runs, `per` how often. */
enum studio_per { STUDIO_PER_PERSON, STUDIO_PER_CANDIDATE, STUDIO_PER_TASK };
/* A recipe may be made in two ways: by our own models, or by a remote engine with our own help. */
enum studio_way { STUDIO_ANY_WAY, STUDIO_LOCAL_WAY, STUDIO_REMOTE_WAY };
struct studio_step {
    struct str  op, state;
    enum studio_per per;
    int64_t     limit_ms;
    enum studio_way way;                         /* it belongs to this way only */
    bool        here;                            /* a step of the local engine, whichever the task is on */
};
static inline bool studio_step_is_of(const struct studio_step *s, bool remote) {
    return s->way == STUDIO_ANY_WAY || (s->way == STUDIO_REMOTE_WAY) == remote;
}

struct studio_recipe {
    struct str         name;                     /* stored in task rows: never renamed */
    int                version;
    struct field_text  title;
    struct studio_input inputs[STUDIO_INPUTS_MAX];
    size_t             n_inputs;
    int                candidates_free, candidates_paid, candidates_min, reruns;
    int64_t            seeds[STUDIO_CANDIDATES_MAX];
    struct str         engines[STUDIO_ENGINES_MAX];   /* in order of preference */
    size_t             n_engines;
    struct str         checks;                   /* comma list */
    struct studio_step steps[STUDIO_STEPS_MAX];
    size_t             n_steps;
    int64_t            step_ms, deadline_ms, choose_ms;
    int64_t            price_credits;            /* per candidate, or per task */
    bool               price_per_candidate, all_or_nothing;
    int64_t            cost_microusd;            /* what the preferred engine is expected to cost, in millionths of a USD */
    bool               cost_per_candidate;
    int64_t            keep_inputs_ms, keep_outputs_ms;
    struct str         params;                   /* JSON object with the recipe's defaults, handed to the engine */
    struct str         needs;                    /* comma list of "motion", "enhanced": only whose plan allows all of these may order it */
};
struct studio_template {
    struct str         name;                     /* "hall" */
    int                version, order;           /* order: small ones are shown first */
    struct field_text  title;
    struct str         tags, licence;
    struct str         dir;                      /* absolute folder */
    struct str         data;                     /* JSON object for the engine: the file that template.yaml names as `data`, "{}" when none */
    struct str         files[4];                 /* file names inside dir, in the order the engine expects (background, depth); may be none */
    size_t             n_files;
    struct str         thumb;                    /* file name inside dir */
};
/* Colours of the pages that a product may set, by their names in product.yaml; each "#rrggbb", in light and in dark. */
#define STUDIO_COLOURS(X) \
    X(PAPER, "paper", "#faf6ef", "#1b1512") X(ACCENT, "accent", "#a8322a", "#e2735f") X(ACCENT_STRONG, "accent_strong", "#8c2620", "#ee8b78") \
    X(ACCENT_SOFT, "accent_soft", "#f8e6de", "#3a2420") X(GOLD, "gold", "#b3853c", "#d3a968") X(GOLD_SOFT, "gold_soft", "#f5ead4", "#382c1b") \
    X(GOLD_INK, "gold_ink", "#6b4a12", "#ecc98e")
enum studio_colour {
#define X(id, name, light, dark) STUDIO_##id,
    STUDIO_COLOURS(X)
#undef X
    STUDIO_COLOUR_COUNT
};
extern const char *const studio_colour_name[STUDIO_COLOUR_COUNT];

#define STUDIO_EXAMPLES_MAX 6
#define STUDIO_BEFORES_MAX 4
#define STUDIO_PICTURE_MAX (256 * 1024)          /* bytes of one example's picture */
#define STUDIO_MARK_MAX (64 * 1024)
struct studio_picture { struct str name, bytes; };   /* file name; .jpg, .png or .webp */
struct studio_example {                          /* shown on the first page: these photos became that picture */
    struct studio_picture before[STUDIO_BEFORES_MAX], after;
    size_t             n_before;                 /* at least 2 */
    struct field_text  alt;
};
/*
 * What somebody may do, by the plan they have. A plan is data: shop/ says who has which, task/ and the engines ask for single members.
 * weight: fair turns, 1..8; in a rush the smaller ones wait. quality_px: longest side of what is delivered.
 * motion, enhanced: may order recipes that need it. False whatever the file says while no recipe of the product does: what nothing makes is not promised.
 */
struct studio_may {
    int  candidates, per_day /* tasks; 0 = no limit */, weight, quality_px;
    bool watermark /* the product's brand in the picture */, motion, ads, enhanced /* models of the upper tier */;
};
enum studio_plan_kind { STUDIO_PLAN_FREE /* everybody's */, STUDIO_PLAN_ONCE, STUDIO_PLAN_PACK, STUDIO_PLAN_MEMBER /* renewed each month */ };
#define STUDIO_PLANS_MAX 12
#define STUDIO_QUALITY_MAX_PX 8192
struct studio_plan {
    struct str         name;                     /* stored in order rows: never renamed */
    enum studio_plan_kind kind;
    struct field_text  title, lead;
    int64_t            price[LEDGER_CURRENCY_COUNT];   /* minor units; 0 = not sold in this currency */
    int64_t            credits;                  /* that it brings; of a membership: each month */
    int64_t            valid_ms;                 /* how long the credits and what one may do last; a membership: until its month is over */
    struct studio_may  may;
};
const char *studio_plan_kind_name(enum studio_plan_kind k);

struct studio_product {
    struct str         name;
    struct field_text  title, tagline, lead;     /* lead: what it is, in a sentence or two; also for search engines */
    struct str         light[STUDIO_COLOUR_COUNT], dark[STUDIO_COLOUR_COUNT];
    struct studio_example examples[STUDIO_EXAMPLES_MAX];
    size_t             n_examples;
    struct str         mark;                     /* path of the brand that plans with `watermark` put into pictures; "" = none */
    struct str         recipes;                  /* comma list */
    int64_t            guest_credits;            /* granted to a new guest */
    struct studio_plan plans[STUDIO_PLANS_MAX];  /* the free one first; later ones are worth more */
    size_t             n_plans;                  /* 0: nothing is sold, everybody may do everything */
    bool               has_motion, has_enhanced; /* a recipe of it needs that */
};

struct studio;
/*
 * Reads <products_dir>/<product>/product.yaml, <product>/recipes/<recipe>.yaml and <share_dir>/templates/<name>/template.yaml; every
 * folder there must be one. Fields are checked by tables (fields.h): an unknown or wrong one is ERR_CONFIG with file:line.
 * product.yaml:   product: reunion            the folder's name
 *                 title, tagline, lead: { en: …, zh: … }
 *                 theme: { light: { accent: "#a8322a" }, dark: { … } }   optional, as each colour in it (STUDIO_COLOURS)
 *                 examples:                   optional; the pictures lie in the folder examples beside it
 *                   - { before: [a.webp, b.webp], after: ab.webp, alt: { en: …, zh: … } }
 *                 mark: mark.png              PNG with alpha, <= 64 KiB, wide: the brand in pictures; needed by plans with `watermark`
 *                 recipes: [family-portrait]
 *                 guest: { credits: 400 }
 *                 plans:                      optional; the first one is the free one, each later one is worth more
 *                   - plan: free
 *                     kind: free              free, once, pack, member
 *                     title, lead: { en: …, zh: … }
 *                     price: { CNY: 990, USD: 149 }     in fen and cents; not of the free one
 *                     credits: 40
 *                     valid: 30d              not of the free one
 *                     may: { candidates: 4, per_day: 0, weight: 4, quality_px: 4096, watermark: false, motion: true, ads: false, enhanced: false }
 * A recipe:        steps:
 *                    - { op: draw, state: running, per: candidate, way: remote }                  on remote engines only (local: on our own)
 *                    - { op: judge, state: checking, per: candidate, way: remote, here: true }    by our own models in any case
 *                  cost: { microusd: 30000, per: candidate }   optional; what the preferred engine is expected to cost. The rest: the shipped ones
 *                 needs: [enhanced]           optional; motion, enhanced: what a plan must allow for it
 * template.yaml:  template: hall              the folder's name
 *                 version: 1                  counts up when pictures made from it would differ
 *                 order: 10                   optional, 0..1000 (100): small ones are shown first
 *                 title: { en: Hall, zh: 厅堂 }
 *                 tags: [backdrop]            one must be among the recipe's tags
 *                 licence: MIT                of every file in the folder
 *                 thumb: thumb.jpg            shown to people; <= 256 KiB
 *                 files: [hall.jpg, depth.png]   optional; at most 4, handed to the engine in this order
 *                 data: scene.json            optional; one JSON object, <= 64 KiB, handed to the engine
 */
int studio_load(const char *share_dir, const char *products_dir, struct studio **ret_s, struct err *e);
void studio_free(struct studio *s);
const struct studio_recipe *studio_recipe(const struct studio *s, struct str name);          /* NULL when unknown */
const struct studio_template *studio_template(const struct studio *s, struct str name);
const struct studio_product *studio_product(const struct studio *s, struct str name);        /* "" = the first */
const struct studio_plan *studio_plan_named(const struct studio_product *p, struct str name);     /* NULL: none is called that */
bool studio_recipe_needs(const struct studio_recipe *r, const char *what);                   /* what: "motion", "enhanced" */
const struct studio_recipe *studio_recipe_at(const struct studio *s, size_t i);              /* NULL past the end */
const struct studio_template *studio_template_at(const struct studio *s, size_t i);

/*
 * Verdicts for people. Facts are asset.facts as intake wrote them; read are, of each of facts.faces[]: box [x0,y0,x1,y1] px,
 * size_px, confidence 0..1, blur 0..1, yaw, pitch (degrees), cut (bool), who (hex): media/ops.def. A face that lacks one is not judged by it.
 * Each appends a JSON array [{code, en, zh, next_en, next_zh, detail, face?}] to out and returns how many reasons it holds; 0 = fine.
 */
struct buf;
/* The picture itself (pixels, bytes), then the face with that index; face -1: whether at least one face can be used. */
int studio_judge_photo(const struct studio_input *in, struct str facts_json, int width, int height, int64_t bytes, int face, struct buf *out);
/* A backdrop of the user's own: the picture, and that nobody in it is as large as those who will stand before it. */
int studio_judge_backdrop(const struct studio_input *in, struct str facts_json, int width, int height, int64_t bytes, struct buf *out);
/* One face alone. */
int studio_judge_face(const struct studio_input *in, struct str facts_json, int face, struct buf *out);
/*
 * How alike two faces are, -1000..1000 (cosine per mille); -1000 also when the facts of one do not say. Above STUDIO_LIKENESS_MAX_PM they
 * cannot stand in one picture: score (media/score.c) wants each found face nearer to its own photo than to any other's by 0.05, and a
 * composite keeps some 0.95 of it. Measured: two copies of one shot 0.96 and more, strangers and relatives of the samples 0.28 at most.
 */
#define STUDIO_LIKENESS_MAX_PM 850
int studio_likeness_pm(struct str facts_a, int face_a, struct str facts_b, int face_b);
/* The first input of a kind, or NULL. */
const struct studio_input *studio_input(const struct studio_recipe *r, enum studio_input_kind kind);

DEFINE_CLEANUP(struct studio, studio_free)

#endif
