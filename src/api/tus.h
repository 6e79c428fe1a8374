/*
 * tus.h - the headers of tus 1.0 (https://tus.io/protocols/resumable-upload, read November 2026), as untrusted text.
 * Owns: nothing.  Threads: any.  Used by: api/uploads.c, fuzz/.
 */
#ifndef ZT_API_TUS_H
#define ZT_API_TUS_H

#include "base/arena.h"
#include "base/err.h"

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,checksum,expiration,termination"
#define TUS_CHECKSUMS  "sha1,sha256"
#define TUS_PAIRS_MAX  16
#define TUS_SUM_MAX    32

/* What we use of Upload-Metadata. */
struct tus_metadata {
    struct str name;           /* filename or name; UTF-8 without control characters, at most 255 bytes (cut between characters); or STR_NULL */
    struct str type;           /* filetype or type; printable ASCII, at most 127 bytes; or STR_NULL */
};
/* "filename d29ybGQ=,is_confidential": pairs of a key and, after one space, base64 with padding. Keys are printable ASCII without space or
 * comma, and unique. Texts live in the arena. ERR_BAD_INPUT. An absent or empty header is no metadata. */
int tus_metadata_parse(struct str header, struct arena *a, struct tus_metadata *ret, struct err *e);

struct tus_checksum {
    const char *algorithm;     /* "sha1" or "sha256", static; NULL when there is no checksum */
    uint8_t     sum[TUS_SUM_MAX];
    size_t      n;             /* bytes of sum */
};
/* "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=". ERR_BAD_INPUT also for an algorithm we do not know (the protocol wants 400). */
int tus_checksum_parse(struct str header, struct tus_checksum *ret, struct err *e);

#endif
