/*
 * dial.h - what the generators of load share: connections to 127.0.0.1, checked arguments, what they cost. Every failure ends the program.
 * Threads: one.
 */
#ifndef ZT_BENCH_DIAL_H
#define ZT_BENCH_DIAL_H

#include <stdint.h>

#define DIAL_CONNS_MAX 20000
#define DIAL_AT_ONCE   256                    /* connections begun and not there yet: fewer than the smallest listen backlog among the peers */

/* First of all: the program's name for what it says on stderr, and as many descriptors as there may be. */
void dial_setup(const char *name);
_Noreturn void dial_die(const char *what);    /* with errno */
int64_t dial_number(const char *text, int64_t min, int64_t max);

/* Begins a connection, without delays for small packets, watched by ep for both directions, edge-triggered, with data. Returns its
 * descriptor; it is there, or has failed, with the first event: */
int dial(int ep, uint16_t port, void *data);
void dial_check(int fd);

int64_t dial_cpu_us(void);                    /* user and system, so far */
int dial_by_value(const void *a, const void *b);    /* qsort() of uint32_t */

#endif
