/*
 * link.h - the link under which a service outside fetches one input of one call from us.
 *
 * Invariant: a person's photo is read by nobody but its owner, by their session, and the one service that was given a link to it, for the one call
 * that the link was made for, while that call is under way. So a link
 *   - cannot be guessed, and nobody else can make one: it is sealed with a key of ours that is for this alone;
 *   - names one photo (or one file of the call's template), one call and an end, and opens nothing else;
 *   - opens nothing as soon as the call's row says that it is over, its task is decided, or the photo is deleted: whoever serves it looks each time
 *     (task/lend.c);
 *   - stands in no log and needs no session, and no cache may keep what it gives (api/engine_hooks.c).
 * Pure: no I/O, no clock.  Owns: nothing.  Threads: any.
 * Used by: task/.  Uses: base/.
 */
#ifndef ZT_ENGINE_LINK_H
#define ZT_ENGINE_LINK_H

#include "base/crypto.h"

#define LINK_FILE(i) (-1 - (int64_t)(i))
#define LINK_BYTES 24
#define LINK_TEXT  86                  /* characters: LINK_BYTES + CRYPTO_SEAL_EXTRA in base64url */

struct link_to {
    int64_t attempt;
    int64_t asset;                     /* LINK_FILE(i): the i-th file of the template */
    int64_t until_ms;                  /* clock_ms() */
};
/* key: derived for this purpose alone (crypto_derive). No two links of the same are equal. */
void link_make(const uint8_t key[CRYPTO_KEY], const struct link_to *to, char out[LINK_TEXT + 1]);
/* 0, or ERR_NOT_FOUND whatever is wrong with it; an old one, too. ret: written on success only. */
int link_read(const uint8_t key[CRYPTO_KEY], struct str text, int64_t now_ms, struct link_to *ret);

#endif
