/*
 * layer.h - one person as a layer: pixels with the old background taken out of them, and the facts that arranging and lighting
 * need.
 * Owns: nothing; a layer blob is one run of bytes, a struct layer a view of it.  Threads: any.  Uses: face.h, base/buf.h.
 *
 * A blob is struct layer_facts as it stands in memory, then RGBA rows, then the cut map: it travels between two children of one
 * program on one machine, and layer_read() believes nothing in it (a child that read a hostile photo may have written it).
 */
#ifndef ZT_MEDIA_LAYER_H
#define ZT_MEDIA_LAYER_H

#include "base/buf.h"
#include "media/face.h"
#include "media/pic.h"

#define LAYER_NEIGHBOURS_MAX 6
#define LAYER_CUT_CELL       8 /* px of the layer per cell of the cut map */
#define LAYER_HEAD_PX_MAX    520.0f

/* Lengths and places in pixels of the layer, light in linear sRGB. */
struct layer_facts {
    char magic[8];
    int32_t w, h;
    uint64_t photo_id;      /* same for two people out of one photo */
    float photo_x, photo_y; /* px of the photo at the layer's corner */
    float photo_scale;      /* px here per px of the photo */
    float photo_head_px;    /* chin to crown in the photo: how much detail there is */
    float head_px;          /* chin to crown here */
    float eye_x, eye_y;     /* between the eyes */
    float face[4];          /* x0 y0 x1 y1 */
    float crown_y, chin_y;  /* crown: upper end of the hair */
    float shoulder_x0, shoulder_x1, shoulder_y;
    float bottom_y; /* where the body ends */
    float yaw_deg, pitch_deg, roll_deg;
    float skin[3];          /* mean of the face's skin */
    float dark, bright;     /* 2nd and 98th percentile of luminance, whole person */
    float light_x, light_y; /* how much brighter the face gets to the right, to the bottom: -1..1 of its mean */
    float noise;            /* standard deviation of grain in the face, sRGB 0..1 */
    float blur;             /* face_blur() */
    /*
     * What is wrong with this layer, for whoever judges a picture made of it.
     * scraps: share of the body (alpha, summed) in which the segmentation sees no person at all: furniture, mostly. 0..1
     * holes: share of the body that was filled in although no model saw a person there. 0..1
     * floating: heads of the body's lower end that stop in mid-air: not at the photo's edge, not behind somebody. Marked in cut.
     */
    float scraps, holes, floating;
    int32_t n_neighbours;
    float neighbour[LAYER_NEIGHBOURS_MAX][3]; /* photo px of the other's eyes; contact: length of the shared border in heads */
    float embedding[FACE_EMBEDDING];
};

struct layer {
    struct layer_facts f;
    const uint8_t *rgba; /* f.h rows of 4 f.w bytes, straight alpha */
    const uint8_t *cut;  /* cut_h rows of cut_w: 255 where the body ends because the photo did or its end was not
                          * found, 90 where another person stood in the way, 0 where the outline is its own */
    int cut_w, cut_h;
};

/* All zeros, padding too (the same photo gives the same bytes), and the mark of this version. */
void layer_facts_init(struct layer_facts *f);
/*
 * Appends a blob: the part b of rgb (sRGB) and alpha, and of the cut map (cells of LAYER_CUT_CELL, values 0..255); b begins on
 * a whole cell. f->w and f->h must be b's size. On overflow out->failed is set.
 */
void layer_write(const struct layer_facts *f, const struct pic *rgb, const struct plane *alpha, const struct plane *cut,
                 struct box b, struct buf *out);
/* ERR_BAD_INPUT unless blob is exactly one sound layer. ret_l points into blob. */
int layer_read(struct str blob, struct layer *ret_l, struct err *e);

#endif
