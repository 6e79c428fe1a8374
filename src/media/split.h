/*
 * split.h - tells people who touch in a photo apart.
 * Owns: nothing.  Threads: any.  Uses: segment.h, face.h.
 */
#ifndef ZT_MEDIA_SPLIT_H
#define ZT_MEDIA_SPLIT_H

#include "media/segment.h"

/*
 * Fills s->mine and takes everything that is not person `who` out of s->alpha: neighbours whose faces are known, neighbours that
 * only show as a face to the segmentation (profiles, backs of frames), and whatever does not hang on this head or chest.
 */
void split_person(struct segment *s, const struct face *faces, int n, int who);

/*
 * Nearest seed along cheap paths (Dijkstra): a step costs its length times (1 + edge * colour difference), three times that
 * outside of people, and dear[label] times that where that plane is given: how little a place suits this label, 1 = well. seed: 0
 * = none, 1..255 = label. dear: SPLIT_LABELS pointers, any of them NULL, or NULL. Writes the label of every pixel; 0 where there
 * is no seed at all.
 */
#define SPLIT_LABELS 256
void split_nearest(const struct pic *rgb, const struct plane *person, const uint8_t *seed, float edge,
                   const struct plane *const *dear, uint8_t *ret_label);

#endif
