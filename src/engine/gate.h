/*
 * gate.h - how much a remote service is asked at once: so many calls side by side for each key and lane, so many a minute, less after a 429, and
 * nothing for a while from one that keeps failing. Pure: no I/O, no clock of its own; every function is told the time (clock_mono_ms()).
 *
 * A lane is what a provider limits as one (a model, or a few together). A key is one account of ours there; each has the lane's limits for itself.
 * The breaker is the lane's:
 *   closed -> open      when of the newest GATE_WINDOW outcomes (none older than GATE_WINDOW_MS) at least GATE_BAD_MIN, and half, were its fault
 *   open -> half open   after a pause that doubles from GATE_PAUSE_MS to GATE_PAUSE_MAX_MS while the probe goes wrong, too
 *   half open -> closed after one good outcome; one call at a time until then
 * Threads: one at a time.  Owns: itself.
 */
#ifndef ZT_ENGINE_GATE_H
#define ZT_ENGINE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_KEYS_MAX     8
#define GATE_LANES_MAX    8
#define GATE_WINDOW       20
#define GATE_WINDOW_MS    60000
#define GATE_BAD_MIN      5
#define GATE_PAUSE_MS     10000
#define GATE_PAUSE_MAX_MS 300000
#define GATE_KEY_OUT_MS   600000      /* a key that was refused is tried again this often: money may have been paid in */

struct gate_limit {
    int concurrent;                   /* calls side by side, 1.. */
    int per_minute;                   /* calls begun, 1..; the first `burst` of them at once */
    int burst;                        /* 1.. */
};
enum gate_word {                      /* what became of a call, or of one request of it */
    GATE_GOOD,                        /* it works: a result, work on a call that it took, or a refusal that was the input's fault */
    GATE_BAD,                         /* it does not: 5xx, no answer, a failure of its own */
    GATE_RATE,                        /* too much at once: this key and lane pause, nothing is held against it; many at once are as one */
    GATE_KEY,                         /* the key is refused, or its account is out of money */
    GATE_KEY_LANE,                    /* the key is good, and may not be used for this */
};
enum gate_state { GATE_CLOSED, GATE_OPEN, GATE_HALF_OPEN };
const char *gate_state_name(enum gate_state s);
enum gate_shut {                      /* why a lane takes nothing, whatever is under way */
    GATE_TAKES,
    GATE_SHUT_KEYS,                   /* every key was refused, and none was heard to be good since: it is shut while one is tried again */
    GATE_SHUT_BREAKER,                /* open, or half open: a probe is no recovery */
    GATE_SHUT_PACE,                   /* every key that is good pauses after a 429 */
};

struct gate;
struct gate *gate_new(size_t n_keys, size_t n_lanes, const struct gate_limit *lanes, int queries_per_minute);
void gate_free(struct gate *g);                                     /* NULL is fine */
/* Calls this lane would take side by side now, those under way included; 0 while the breaker is open, or every key is out or pauses. Half open: those
 * under way, and a probe. */
int gate_slots(const struct gate *g, size_t lane, int64_t now_ms);
struct gate_pass { size_t key; bool probe; };
/* 1: begun, to be ended by gate_leave(). 0: not before *ret_at_ms (INT64_MAX: when another one leaves). */
int gate_enter(struct gate *g, size_t lane, int64_t now_ms, struct gate_pass *ret, int64_t *ret_at_ms);
/* A call of before, taken up again: counted even over the limit. */
void gate_enter_again(struct gate *g, size_t lane, size_t key, struct gate_pass *ret);
void gate_leave(struct gate *g, size_t lane, struct gate_pass pass);
/* retry_after_ms: what the provider asked for with GATE_RATE; < 0: it did not say, so from a second up to a minute, doubling. */
void gate_tell(struct gate *g, size_t lane, size_t key, enum gate_word word, int64_t retry_after_ms, int64_t now_ms);
/* Whether a question (poll) may be asked with this key now; else *ret_at_ms says when. A true answer counts as asked. */
bool gate_ask(struct gate *g, size_t key, int64_t now_ms, int64_t *ret_at_ms);

/* For the operator. */
struct gate_seen { enum gate_state state; int busy; int64_t until_ms; int bad, all; };
void gate_look(const struct gate *g, size_t lane, int64_t now_ms, struct gate_seen *ret);
bool gate_key_out(const struct gate *g, size_t lane, size_t key, int64_t now_ms);
enum gate_shut gate_shut(const struct gate *g, size_t lane, int64_t now_ms);

#endif
