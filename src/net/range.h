/*
 * range.h - conditional requests and single ranges (RFC 9110 13 and 14), as pure functions.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_NET_RANGE_H
#define ZT_NET_RANGE_H

#include "base/err.h"
#include "base/str.h"

/* value: of the Range header. 1: one range, clipped to total; 0: to be ignored (several ranges, another unit, broken: the whole thing is sent);
 * ERR_RANGE: nothing of it lies inside. total >= 0. */
int range_parse(struct str value, int64_t total, int64_t *ret_from, int64_t *ret_bytes);

/* True when the list of entity tags (or "*") names `etag` (text without quotes). weak: W/ prefixes are ignored, else they never match. */
bool range_etag_in(struct str list, const char *etag, bool weak);

#endif
