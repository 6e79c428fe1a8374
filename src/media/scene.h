/*
 * scene.h - the place where the picture is taken: what is behind the people, how its light falls, how its camera looked.
 * Owns: nothing; a struct scene borrows the pictures it was read with.  Threads: any.  Uses: image.h, filter.h, base/json.h.
 *
 * Directions are as seen from a person who faces the camera, in the picture's terms: x to the picture's right, y up, z to the
 * camera.
 */
#ifndef ZT_MEDIA_SCENE_H
#define ZT_MEDIA_SCENE_H

#include "media/pic.h"
#include "media/studio_ops.h"

enum scene_kind {
    SCENE_ROOM,     /* a background with camera data, perhaps depth */
    SCENE_BACKDROP, /* a painted cloth, made here */
    SCENE_PICTURE,  /* somebody's photo, nothing known */
};

struct scene_lamp {
    float dir[3];    /* towards the lamp, unit length */
    float colour[3]; /* linear, brightest channel 1 */
    float strength;  /* relative to the key light's 1 */
};

/* A backdrop: colours in linear light. */
struct scene_cloth {
    float base[3], glow[3], edge[3]; /* cloth, its lit middle, its corners */
    float mottle;                    /* 0..1 how strongly the paint varies */
    float grain;                     /* size of the largest patches, in frame heights */
    float folds;                     /* 0..1 soft vertical folds */
    float vignette;                  /* 0..1 */
};

struct scene {
    enum scene_kind kind;
    const struct img8 *background;
    const struct img16 *inv_depth;
    float f, cx, cy;     /* px of the background: focal length, centre, height of the horizon */
    float camera_m;      /* camera above the floor */
    float near_m, far_m; /* where people may stand, along the camera axis */
    float wall_m;        /* how far behind the people the background begins, where no depth says so */
    struct scene_lamp key, fill;
    float face;   /* wanted luminance of a face of middling skin, linear */
    float warmth; /* 0..1 how much of the key's colour people take on */
    struct scene_cloth cloth;
};

/* The part of the background that becomes the frame, and where the people stand in it. */
struct scene_view {
    struct rectf window; /* px of the background */
    float focus_m;       /* distance of the people */
};

/* Reads and checks; light and camera of a picture without data are estimated. Errors: ERR_BAD_JSON, ERR_UNKNOWN_FIELD,
 * ERR_BAD_INPUT. */
int scene_read(const struct vision_scene *in, struct scene *ret_s, struct err *e);

/*
 * Chooses the window so that a head of head_px output pixels whose eyes are at eye_y (0..1 of the frame) is true to the scene's
 * camera: near people stand higher against the horizon. zoom: wanted enlargement (>= 1); pan: -1..1 to the side.
 */
struct scene_view scene_aim(const struct scene *s, float aspect, float out_h, float head_px, float eye_y, float zoom, float pan);

/*
 * The frame without people, w x h, linear light. Blurred with distance from the people as a lens would; blur: 1 = as a portrait
 * lens, 0 = everything sharp. middle_x: where the group stands (0..1), for the backdrop's glow.
 */
struct pic scene_render(const struct scene *s, const struct scene_view *v, int w, int h, float blur, float middle_x,
                        uint64_t seed);

/* ---- parts ---- */
struct pic scene_paint_cloth(const struct scene_cloth *c, const struct scene_lamp *key, int w, int h, float middle_x,
                             uint64_t seed);

#endif
