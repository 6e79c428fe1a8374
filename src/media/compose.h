/*
 * compose.h - one picture out of units, places, a scene and a plan for the light.
 * Owns: nothing.  Threads: any.  Uses: unit.h, arrange.h, scene.h, light.h.
 */
#ifndef ZT_MEDIA_COMPOSE_H
#define ZT_MEDIA_COMPOSE_H

#include "media/arrange.h"
#include "media/light.h"
#include "media/scene.h"
#include "media/unit.h"

/* What a picture may fail in. score.c judges it; compose.c takes care of it when the picture is made again. */
enum compose_check { CHECK_FACES, CHECK_IDENTITY, CHECK_EDGES, CHECK_LIGHT, COMPOSE_CHECKS };
extern const char *const compose_check_names[COMPOSE_CHECKS];

struct compose_params {
    int variant;        /* which of the candidates */
    int width;          /* px of the result's longer side */
    float aspect;       /* width over height; 0 = as suits the scene and the number of people */
    float fidelity;     /* 0..1: how little the people's own light is touched */
    float edge_blur_px; /* softness of outlines, at 1920 px */
    bool light;
    int remake;                   /* how often this candidate was made before and found wanting */
    bool failed[COMPOSE_CHECKS];  /* what was wrong with it */
    float push, choke;            /* never read: relight beyond full strength, outlines drawn further in; from the two above */
};
#define COMPOSE_DEFAULT ((struct compose_params){ .width = 1920, .fidelity = 0.7f, .edge_blur_px = 1.5f, .light = true })

/* What score.c needs to know of how the picture was made. Places in px of the result. */
struct compose_report {
    int n;
    struct {
        float eye[2], head_px;
        float face[4];
        float edge;              /* 0..1: 1 = no halo along this person's outline */
        float outside, head_out; /* see struct arrange_place; of the worst of those who stand as one */
    } person[VISION_PEOPLE_MAX]; /* in the order of the layers */
    float light;                 /* 0..1, light_agreement() */
    float cut_shown, covered, floating; /* see struct arrangement */
    int n_bystanders;                   /* faces that the empty scene shows: bystanders, pictures on the wall */
    float bystander[VISION_FACES_MAX][4];
};

/* Reads params_json; empty = defaults. Errors: ERR_BAD_JSON, ERR_UNKNOWN_FIELD, ERR_BAD_INPUT. */
int compose_params_read(struct str json, struct compose_params *ret_p, struct err *e);

/* Result: sRGB floats. ret_empty: the frame before anybody stood in it, px from malloc; NULL when not wanted. */
struct pic compose_picture(const struct layer *layers, int n, const struct scene *s, const struct compose_params *p,
                           uint64_t seed, struct compose_report *ret_report, struct img8 *ret_empty);

/* ---- parts, exposed for their tests ---- */

/*
 * Halo along a soft outline. shown: the picture; behind: what was there before; body: the person's own colours inside. A pixel of
 * the outline should lie between the two; what lies outside of that range is halo. All sRGB. Returns the score, 1 = none.
 */
float compose_edge_score(const struct pic *shown, const struct pic *behind, const struct pic *body, const struct plane *alpha,
                         struct box where);

#endif
