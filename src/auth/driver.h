/*
 * driver.h - a way to prove who one is (drivers.def): a subject that is the same for the same person for ever, and a proof.
 * So far one kind: a secret that we keep a hash of. A provider that proves somebody elsewhere (OAuth) will bring hooks for its round trip,
 * optional ones beside these; the rows of `identity` are the same.
 * Threads: any.  seal and prove hash: the costly pool only.
 * Used by: auth/ only.
 */
#ifndef ZT_AUTH_DRIVER_H
#define ZT_AUTH_DRIVER_H

#include "auth/auth.h"

struct auth;
struct auth_driver {
    const char *name;                      /* stored in identity rows: never renamed */
    /* What was typed becomes the subject, the same for every spelling of it. */
    int  (*subject)(struct str given, char out[AUTH_SUBJECT_MAX], struct err *e);
    /* Whether a new secret will do (ERR_PASSWORD_WEAK). Cheap. */
    int  (*judge)(const char *subject, struct str secret, struct err *e);
    /* The same, and what is kept of it. */
    int  (*seal)(struct auth *a, const char *subject, struct str secret, char out[AUTH_SECRET_MAX], struct err *e);
    /* Whether it is the one; sealed NULL: there is none, which takes as long and is false. ret_again: it is to be sealed anew. */
    bool (*prove)(struct auth *a, struct str secret, const char *sealed, bool *ret_again);
};
const struct auth_driver *auth__driver(const char *name);

#endif
