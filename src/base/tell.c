/* tell.c - see tell.h. */
#include "base/tell.h"

#include <stdarg.h>
#include <stdio.h>

void tell(struct tell *t, const char *fmt, ...) {
    char line[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    t->fn(t->ctx, line);
    t->n++;
}
