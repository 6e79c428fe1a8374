/*
 * costs.h - inside ops/: traffic and storage as cost in the books.
 */
#ifndef ZT_OPS_COSTS_H
#define ZT_OPS_COSTS_H

#include <stdint.h>

struct app;
struct err;

/* Chore, each hour. */
int ops__costs(const struct app *app, int64_t now_ms, struct err *e);
/* Millionths of a USD for so many bytes at a price for 1e9 of them, for one of so many parts of that price's time. */
int64_t ops__cost_of(int64_t bytes, int64_t microusd_a_gb, int64_t parts);

#endif
