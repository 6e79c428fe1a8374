/*
 * admission.h - who is let into a line of waiting work when it comes faster than it is done. One struct admission is one line: an event
 * thread's sockets, the workers' queue, the database's writer.
 *
 * Measured is how long work waited, not how much of it there is (K. Nichols, V. Jacobson: "Controlling Queue Delay", 2012):
 *   calm      a burst may wait. Only what would wait longer than ADMISSION_BURST targets is refused; where a line cannot be counted, only
 *             once all have waited so long for a whole target, and do not wait less and less, by at least the time that passes: after a moment
 *             in which the machine stood still everybody is served.
 *   pressed   over a whole window even the shortest wait was longer than the target: the line does not drain. Each class has its own limit
 *             from one target (TRAFFIC_FEED) to two (TRAFFIC_SETTLE): what stands lower is refused, until less waits; what stands higher
 *             finds a line that is no longer than the limit of those it passes.
 *   calm      again when in each of ADMISSION_CALM windows the shortest wait was below half a target; one alone may be a breath of those who ask.
 * TRAFFIC_OPERATE and TRAFFIC_PAYMENT are let in always (but see shed_at_head()); the hard bounds of queues are with their owners.
 *
 * A request may have demerits: it is of a guest, or of an address or account that asks for more than its share. Each lowers its limit a bit,
 * but never to that of the next class. So nobody is refused for whom there is room, and who fills the line fills it for himself first.
 *
 * Owns: nothing.  Threads: ask, refuse, enter: any. leave, note: one at a time. Numbers may be read by anybody.
 * Times are of the monotonic clock in microseconds, always the caller's, so that tests need not wait.
 */
#ifndef ZT_NET_ADMISSION_H
#define ZT_NET_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "net/traffic.h"

#define ADMISSION_BURST      3                /* targets that a burst may wait in a calm line */
#define ADMISSION_LATE       4                /* targets after which, in a pressed line, work is refused instead of begun: its client is likely gone */
#define ADMISSION_STALL      10               /* targets without any progress: then what waits is not a hiccup of a disk */
#define ADMISSION_CALM       5
#define ADMISSION_RETRY_S    60               /* Retry-After is 1 .. this */
#define ADMISSION_HIST       10
extern const int64_t admission_hist_edge_us[ADMISSION_HIST];

struct admission {
    int64_t          target_us;               /* a window is two of them */
    _Atomic int64_t  waiting;                 /* entered and not left */
    _Atomic int64_t  gap_ns;                  /* what each one ahead costs who waits; moving average */
    _Atomic int64_t  progress_us;             /* when the line last moved */
    _Atomic int64_t  last_us, last_at_us;     /* lines that cannot be counted: the newest wait, and when it ended */
    _Atomic int64_t  above_us, above_wait_us; /* since when each of them was longer than a burst may wait, and how long the first; 0: the last was not */
    _Atomic int64_t  noted_us;                /* when the newest wait ended */
    _Atomic int64_t  window_us, window_min_us, window_n;
    _Atomic int64_t  item_ns;                 /* of the last whole window: time for each one served */
    _Atomic int64_t  owed_us;                 /* when a line of all who were refused would be served */
    _Atomic int64_t  good;                    /* windows with short waits, one after the other */
    _Atomic bool     pressed;
    _Atomic int64_t  shed[TRAFFIC_COUNT], late, hist[ADMISSION_HIST], sum_us;
};
struct admission_ticket { int64_t at_us, ahead; };

void admission_init(struct admission *a, int64_t target_us);
/* Whether work of this class may come in now. demerits: 0..3. */
bool admission_ask(const struct admission *a, enum traffic_class class, int demerits, int64_t now_us);
/* Counts a refusal. Returns its Retry-After in seconds: when those who were refused before could have been served, spread so that not all
 * come back at once. */
int64_t admission_refuse(struct admission *a, enum traffic_class class, int64_t now_us);
/* Both ends of the wait, for lines that can be counted. leave: true: refuse it now rather than begin it. */
void admission_enter(struct admission *a, struct admission_ticket *ret, int64_t now_us);
bool admission_leave(struct admission *a, const struct admission_ticket *t, int64_t now_us);
/* It never came in, after all. */
void admission_cancel(struct admission *a);
/* A wait of a line that cannot be counted. */
void admission_note(struct admission *a, int64_t waited_us, int64_t now_us);
/* How long who comes now would wait. */
int64_t admission_delay(const struct admission *a, int64_t now_us);
static inline bool admission_pressed(const struct admission *a) { return atomic_load_explicit(&a->pressed, memory_order_relaxed); }

struct admission_stats { int64_t waiting, shed[TRAFFIC_COUNT], late, hist[ADMISSION_HIST], sum_us; int pressed; };
/* Adds, so that the lines of several threads can be shown as one. */
void admission_add_stats(const struct admission *a, struct admission_stats *io, int64_t now_us);

#endif
