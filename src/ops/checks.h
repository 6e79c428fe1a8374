/*
 * checks.h - inside ops/: what doctor and /v1/admin/health look at. Each check gives rows: what, how it is, and what to do.
 */
#ifndef ZT_OPS_CHECKS_H
#define ZT_OPS_CHECKS_H

#include <jansson.h>

#include "base/config.h"

enum verdict { OPS_OK, OPS_WARN, OPS_FAIL };
struct checkup {
    void (*row)(void *ctx, enum verdict v, const char *what, const char *text, const char *next);   /* next: NULL when there is nothing to do */
    void *ctx;
    int   fails, warnings;
};
/* next may be NULL. */
__attribute__((format(printf, 5, 6))) void ops__say(struct checkup *c, enum verdict v, const char *what, const char *next, const char *fmt, ...);

void ops__check_machine(struct checkup *c);                                       /* machine, files, clock */
void ops__check_disk(struct checkup *c, const struct config *cfg, const char *dir);
void ops__check_helper(struct checkup *c, const json_t *info);                    /* media_info(): models, sandbox, heic */

#endif
