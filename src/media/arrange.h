/*
 * arrange.h - where people stand in the picture.
 * Owns: nothing.  Threads: any.  Uses: image.h, dice.h.
 *
 * A unit is one person, or several who stand together in one photo and stay together. The frame has height 1 and width `aspect`;
 * y grows downwards. Sizes are in heads: chin to crown of the unit's first person. A good arrangement hides every place where a
 * body ends because its photo did (below the frame, beyond its side, or behind somebody), covers no face, keeps heads of the same
 * size in the same row and cuts no hair at the frame's sides. It is found by a seeded search over a coarse picture of the masks.
 * Whatever is hidden or not: heads and shoulders are in the frame's middle, eyes of a row within a third of a head, a second row, only
 * for four or more or in an upright frame, about a head above the first, and a third to nine tenths of a head is free above the hair.
 */
#ifndef ZT_MEDIA_ARRANGE_H
#define ZT_MEDIA_ARRANGE_H

#include "media/pic.h"

#define ARRANGE_UNITS_MAX 5
#define ARRANGE_GRID      16 /* mask pixels per head */

struct arrange_head {
    float x, y; /* between the eyes, in heads from the first person's eyes */
    float size; /* relative to the first person's */
    float yaw_deg;
    float up, down, left, right; /* from the eyes to crown, chin and sides of the face, in heads of the unit */
};

struct arrange_unit {
    int n_heads;
    struct arrange_head head[ARRANGE_UNITS_MAX];
    struct plane alpha, cut; /* borrowed; ARRANGE_GRID px per head, same size; cut 0..1 */
    float eye_x, eye_y;      /* grid px of the first person's eyes */
    float head_px_max;       /* in the photo: how large the head may become before it looks soft */
};

struct arrange_wish {
    float aspect;    /* width over height of the frame */
    float height_px; /* of the frame: to know what head_px_max means */
    int variant;     /* 0.. ; each differs from all before it */
    uint64_t seed;
    int wider; /* 0..4: how much further apart than usual, because faces were covered before */
    int hide;  /* 0..4: how much more it matters that cut outlines are out of sight */
};

struct arrange_place {
    int unit;
    int row;    /* 0 front, 1 behind it */
    float x, y; /* the first person's eyes */
    float head; /* the first person's head */
    float outside;  /* share of the body, beside and below the head, that the frame's sides cut off */
    float head_out; /* heads of a head or its hair that lie beyond the frame; <= 0: all of it is in the picture */
};

struct arrangement {
    int n;
    struct arrange_place place[ARRANGE_UNITS_MAX]; /* in drawing order: furthest first */
    float head;                                    /* head height of the front row */
    float cut_shown;                               /* heads of cut outline left visible */
    float covered;                                 /* worst share of a face that somebody stands in front of */
    float floating;                                /* heads of somebody's lower end that hang in the air */
    float cost;
};

/* n units, 1..ARRANGE_UNITS_MAX, 1..ARRANGE_UNITS_MAX heads in all. Always finds something; says how bad it is. Cost: about 50 ms
 * a variant. */
void arrange_people(const struct arrange_unit *units, int n, const struct arrange_wish *wish, struct arrangement *ret_a);

#endif
