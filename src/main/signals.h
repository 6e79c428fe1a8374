/*
 * signals.h - SIGTERM and SIGINT: the first asks for a graceful end, the second ends the process at once.
 */
#ifndef ZT_MAIN_SIGNALS_H
#define ZT_MAIN_SIGNALS_H

#include "base/err.h"

/* Before any other thread: blocks the signals everywhere and starts the thread that takes them. SIGPIPE is ignored, SIGHUP too. */
int signals_setup(struct err *e);
/* Waits for the first one; returns its number. */
int signals_wait(void);

#endif
