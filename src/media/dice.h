/*
 * dice.h - numbers that look random and repeat exactly for the same seed (SplitMix64, Steele, Lea, Flood 2014).
 * Nothing secret comes from here: see base/crypto.h for that.
 */
#ifndef ZT_MEDIA_DICE_H
#define ZT_MEDIA_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* [0, 1) */
static inline float dice_unit(struct dice *d) {
    return (float)(dice_next(d) >> 40) * 0x1p-24f;
}
/* [lo, hi) */
static inline float dice_between(struct dice *d, float lo, float hi) {
    return lo + (hi - lo) * dice_unit(d);
}
/* 0 .. n-1; n >= 1 and small */
static inline int dice_below(struct dice *d, int n) {
    return (int)(dice_next(d) % (uint64_t)n);
}
/* About normal: mean 0, standard deviation 1, within +-3.5. */
static inline float dice_normal(struct dice *d) {
    float s = 0;
    for (int i = 0; i < 4; i++)
        s += dice_unit(d);
    return (s - 2) * 1.7320508f;
}

#endif
