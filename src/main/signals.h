/*
 * signals.h - SIGTERM and SIGINT: the first asks for a graceful end, the second ends the process at once.
 */
#ifndef ZT_MAIN_SIGNALS_H
#define ZT_MAIN_SIGNALS_H

#include <stdbool.h>

#include "base/err.h"

/* Before any other thread: blocks the signals everywhere and starts the thread that takes them. SIGPIPE is ignored, SIGHUP too. */
int signals_setup(struct err *e);
/* Waits for the first one; returns its number. */
int signals_wait(void);
/* Has one come, or does one come within ms (of 1..999)? signals_wait() then still returns it. */
bool signals_wait_ms(int ms);

#endif
