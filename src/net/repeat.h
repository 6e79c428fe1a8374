/*
 * repeat.h - the same head once more: an answer that is equal for everybody is given again without taking the head apart again.
 *
 * What a ROUTE_PURE route answers out of a struct cached depends on the bytes of the head, on the settings, and on which version of the body is
 * the present one; all but the Date. So whoever sends exactly the bytes of a head that was answered so before gets that answer, as long as
 * cached_serial() is what it was. Who is asked, admission, counters and the access log are as ever (repeat.c: repeat_answer()).
 * Kept is only what came twice, so that heads which are never the same cost no copy; and none with Authorization or Cookie: a token ends.
 * Owns: copies.  Threads: those of one loop, no lock.  Limits: REPEAT_SLOTS of at most REPEAT_HEAD_MAX + REPEAT_ANSWER_MAX bytes a loop.
 */
#ifndef ZT_NET_REPEAT_H
#define ZT_NET_REPEAT_H

#include "net/cached.h"

#define REPEAT_SLOTS      64
#define REPEAT_HEAD_MAX   1024            /* what browsers send for a page is about 700 bytes */
#define REPEAT_ANSWER_MAX (16 * 1024)     /* head and body; above, copying the body is most of the work anyway */

/* What the answer to a head was. */
struct repeat {
    uint64_t            hash;             /* of head */
    struct cached      *from;
    uint64_t            serial;           /* cached_serial() of it */
    const struct route *route;
    size_t              route_index;
    int                 status;
    struct str          head;             /* of the request, whole, with nothing behind it */
    struct str          path;             /* decoded, for the access log */
    struct str          answer;           /* head and body as they are sent */
    size_t              body_bytes;       /* of them, at the end */
    char               *date;             /* 29 of them; written again each second */
    int64_t             date_s;
};
struct repeats {
    struct repeat *slot[REPEAT_SLOTS];
    uint64_t       seen[REPEAT_SLOTS];    /* the hash that repeats_again() was last asked of */
};
void repeats_done(struct repeats *r);

/* Which slot those bytes belong to, and how to know them: not 0. Pure. */
uint64_t repeat_hash(struct str head);
/* The answer to exactly these bytes, with this Date; NULL: none, or its body is not the present one. Lives until the next repeats_keep(). */
const struct repeat *repeats_find(struct repeats *r, uint64_t hash, struct str head, const char *date, int64_t date_s);
/* Whether that hash was the last one asked of in its slot: only then it is worth being kept. What comes once evicts nobody. */
bool repeats_again(struct repeats *r, uint64_t hash);
/* Keeps copies of what->head and ->path, and of the answer, whose head holds a Date, in place of what its slot has; the sizes are checked. */
void repeats_keep(struct repeats *r, const struct repeat *what, struct str answer_head, struct str answer_body);

#endif
