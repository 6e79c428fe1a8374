/*
 * clock.h - the time, injectable.
 * Threads: any.
 * Wall time is the system's plus an offset; waiting and durations use the monotonic clock, which no offset moves.
 * Whole-server tests name a file in ZOETROPE_CLOCK_OFFSET_FILE: it holds the offset in ms as decimal text and is read again at
 * most once in 100 ms, so that a test can move the time of a running server. A missing or malformed file keeps the last offset.
 */
#ifndef ZT_BASE_CLOCK_H
#define ZT_BASE_CLOCK_H

#include <stdint.h>

void clock_setup(const char *offset_file);     /* once, before threads; NULL: no file. The path is borrowed for good. */
int64_t clock_ms(void);                        /* ms since 1970 UTC, plus the offset */
int64_t clock_mono_ms(void);                   /* never goes back; for time-outs and durations */
int64_t clock_mono_us(void);
void clock_set_offset_ms(int64_t offset_ms);   /* unit tests: moves clock_ms() only */
/* RFC 3339 with milliseconds and Z ("2026-11-21T01:39:21.123Z"); out holds 25 bytes. Years outside 0..9999 are clamped. */
void clock_rfc3339(int64_t ms, char out[25]);
/* IMF-fixdate of RFC 9110 ("Sat, 21 Nov 2026 01:39:21 GMT"); out holds 30 bytes. Years outside 0..9999 are clamped. */
void clock_http_date(int64_t ms, char out[30]);

#endif
