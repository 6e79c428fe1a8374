/*
 * range.h - conditional requests and ranges (RFC 9110 13 and 14), as pure functions.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_NET_RANGE_H
#define ZT_NET_RANGE_H

#include "base/err.h"
#include "base/str.h"

#define RANGES_MAX    16              /* in one request; who asks for more is refused */
#define RANGE_GAP     160             /* ranges this near to each other become one: a part of its own costs 100 to 160 bytes */
#define RANGE_OVERLAP 2               /* ranges that overlap another one; more are the mark of an attack (RFC 9110 14.2) */

struct range { int64_t from, bytes; };

/* value: of the Range header. 1 to RANGES_MAX: so many ranges, clipped to total, apart from each other by more than RANGE_GAP, in the order in
 * which they were asked for; 0: to be ignored (another unit, broken: the whole thing is sent); ERR_RANGE: nothing of it lies inside, or it
 * asks for too many. total >= 0. ranges holds rubbish when the answer is not positive. */
int range_parse(struct str value, int64_t total, struct range ranges[RANGES_MAX]);

/* True when the list of entity tags (or "*") names `etag` (text without quotes). weak: W/ prefixes are ignored, else they never match. */
bool range_etag_in(struct str list, const char *etag, bool weak);

#endif
