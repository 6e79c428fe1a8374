/*
 * clock.h - the time, injectable.
 * Threads: any.
 * Wall time follows the test offset (ZOETROPE_CLOCK_OFFSET_FILE or clock_set_offset_ms); waiting is done on the monotonic clock.
 */
#ifndef ZT_BASE_CLOCK_H
#define ZT_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);            /* ms since 1970 UTC, plus the offset */
int64_t clock_mono_ms(void);       /* never goes back; for time-outs and durations */
int64_t clock_mono_us(void);
void clock_set_offset_ms(int64_t offset_ms);   /* tests and --clock-offset-ms: moves clock_ms() only */
/* RFC 3339 with milliseconds and Z ("2026-11-21T01:39:21.123Z"); out holds 25 bytes. */
void clock_rfc3339(int64_t ms, char out[25]);
/* IMF-fixdate of RFC 9110 ("Sat, 21 Nov 2026 01:39:21 GMT"); out holds 30 bytes. */
void clock_http_date(int64_t ms, char out[30]);

#endif
