/*
 * encoding.h - which content coding a client wants (RFC 9110 12.5.3), as a pure function.
 * Owns: nothing.  Threads: any.
 */
#ifndef ZT_NET_ENCODING_H
#define ZT_NET_ENCODING_H

#include "base/err.h"
#include "base/str.h"

enum encoding { ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_BR, ENCODING_COUNT };
#define ENCODING_BIT(e) (1u << (e))

extern const char *const encoding_name[ENCODING_COUNT];      /* of Content-Encoding; identity is NULL */

/* value: of Accept-Encoding, STR_NULL when there is none. have: ENCODING_BIT()s of what there is beside identity.
 * The wanted one with the highest weight; among equals br, then gzip. Identity is sent to those who ask for something we lack, or refuse
 * all ("identity;q=0" is permitted to be ignored). Items that are broken count as absent. */
enum encoding encoding_pick(struct str value, unsigned have);

#endif
