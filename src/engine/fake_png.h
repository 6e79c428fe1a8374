/*
 * fake_png.h - the smallest picture that is one: a PNG of one colour, stored without compression, made without a library.
 * Used by: driver_fake.c and tests.
 */
#ifndef ZT_ENGINE_FAKE_PNG_H
#define ZT_ENGINE_FAKE_PNG_H

#include "base/buf.h"

#define FAKE_PNG_SIDE 48      /* px */
/* Appends the file; seed chooses the colour. Source: PNG (Third Edition), RFC 1950, RFC 1951 stored blocks. */
void fake_png(struct buf *out, uint64_t seed);

#endif
