/*
 * studio.h - products, recipes and templates: data from products/ and share/templates, read and checked at start.
 * Owns: the catalogue; immutable after studio_load.  Threads: any may read.
 */
#ifndef ZT_STUDIO_STUDIO_H
#define ZT_STUDIO_STUDIO_H

#include "base/arena.h"
#include "base/err.h"

#define STUDIO_PEOPLE_MAX 5
#define STUDIO_CANDIDATES_MAX 8
#define STUDIO_STEPS_MAX 8
#define STUDIO_INPUTS_MAX 8

struct studio_text { struct str en, zh; };

enum studio_input_kind { STUDIO_IN_PEOPLE /* photos with faces to tick */, STUDIO_IN_BACKDROP /* template or photo */ };
struct studio_input {
    struct str name;                             /* "people" */
    enum studio_input_kind kind;
    int64_t    min, max, bytes_max, short_side_min_px;
    int64_t    face_min_px;                      /* shorter side of the face box, pixels of the upright original */
    int        face_confidence_min_pm;           /* per mille */
    struct str tags;                             /* templates: comma list, one must match */
};
/* One step of a recipe; state names the task state in which it runs, `per` how often. */
enum studio_per { STUDIO_PER_PERSON, STUDIO_PER_CANDIDATE, STUDIO_PER_TASK };
struct studio_step { struct str op; struct str state; enum studio_per per; int64_t limit_ms; };

struct studio_recipe {
    struct str         name;                     /* stored in task rows: never renamed */
    int                version;
    struct studio_text title;
    struct studio_input inputs[STUDIO_INPUTS_MAX];
    size_t             n_inputs;
    int                candidates_free, candidates_paid, candidates_min, reruns;
    int64_t            seeds[STUDIO_CANDIDATES_MAX];
    struct str         engines[4];               /* in order of preference */
    size_t             n_engines;
    struct str         checks;                   /* comma list */
    struct studio_step steps[STUDIO_STEPS_MAX];
    size_t             n_steps;
    int64_t            step_ms, deadline_ms, choose_ms;
    int64_t            price_credits;            /* per candidate, or per task */
    bool               price_per_candidate, all_or_nothing;
    int64_t            keep_inputs_ms, keep_outputs_ms;
    struct str         params;                   /* JSON object with the recipe's defaults, handed to the engine */
};
struct studio_template {
    struct str         name;                     /* "hall" */
    int                version;
    struct studio_text title;
    struct str         tags, licence;
    struct str         dir;                      /* absolute folder */
    struct str         data;                     /* the file template.yaml as JSON, handed to the engine */
    struct str         files[4];                 /* file names inside dir, in the order the engine expects (background first) */
    size_t             n_files;
    struct str         thumb;                    /* file name inside dir */
};
struct studio_product {
    struct str         name;
    struct studio_text title, tagline;
    struct str         theme;                    /* JSON object */
    struct str         recipes;                  /* comma list */
    int64_t            guest_credits;            /* granted to a new guest, free for now */
};

struct studio;
/* share_dir: ../share/zoetrope beside the binary; products_dir: its products/. ERR_CONFIG with file:line. */
int studio_load(const char *share_dir, const char *products_dir, struct studio **ret_s, struct err *e);
void studio_free(struct studio *s);
const struct studio_recipe *studio_recipe(const struct studio *s, struct str name);          /* NULL when unknown */
const struct studio_template *studio_template(const struct studio *s, struct str name);
const struct studio_product *studio_product(const struct studio *s, struct str name);        /* "" = the first */
const struct studio_recipe *studio_recipe_at(const struct studio *s, size_t i);              /* NULL past the end */
const struct studio_template *studio_template_at(const struct studio *s, size_t i);

/* Facts about one photo (asset.facts, written by intake) against the rules of one input: list of verdicts for people.
 * Appends a JSON array [{code, en, zh, next_en, next_zh, face?}] of reasons to out; returns the number of reasons (0 = fine). */
struct buf;
int studio_judge_photo(const struct studio_input *in, struct str facts_json, int width, int height, int64_t bytes, int face, struct buf *out);

#endif
