/* clock.c - two system clocks, one offset, two ways to write a date. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define OFFSET_REREAD_US 100000
#define OFFSET_MAX_MS (INT64_C(1000) * 365 * 86400 * 1000)     /* a thousand years either way */
#define YEAR_0_MS INT64_C(-62167219200000)
#define YEAR_9999_END_MS INT64_C(253402300799999)

static _Atomic int64_t offset_ms;
static const char *offset_file;
static _Atomic int64_t offset_due_us;          /* monotonic time of the next look at the file */

static int64_t read_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);                     /* cannot fail for these two clocks and a good pointer */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void) { return read_us(CLOCK_MONOTONIC); }
int64_t clock_mono_ms(void) { return clock_mono_us() / 1000; }

static void reread_offset(void) {
    char text[32];
    int fd = open(offset_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    struct str s = { text, n < 0 ? 0 : (size_t)n };
    if (str_ends(s, STR("\n")))
        s.n--;
    int64_t v;
    if (str_int(s, -OFFSET_MAX_MS, OFFSET_MAX_MS, &v) == 0)
        atomic_store_explicit(&offset_ms, v, memory_order_relaxed);
}

void clock_setup(const char *file) {
    offset_file = file;
    if (file)
        reread_offset();
}

int64_t clock_ms(void) {
    if (__builtin_expect(offset_file != NULL, 0)) {
        int64_t now = clock_mono_us(), due = atomic_load_explicit(&offset_due_us, memory_order_relaxed);
        if (now >= due && atomic_compare_exchange_strong(&offset_due_us, &due, now + OFFSET_REREAD_US))
            reread_offset();
    }
    return read_us(CLOCK_REALTIME) / 1000 + atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

void clock_set_offset_ms(int64_t ms) { atomic_store_explicit(&offset_ms, ms, memory_order_relaxed); }

/* Splits into UTC fields and the ms within the second; out-of-range times give the nearest end. */
static struct tm split(int64_t ms, int *ret_ms) {
    ms = ms < YEAR_0_MS ? YEAR_0_MS : ms > YEAR_9999_END_MS ? YEAR_9999_END_MS : ms;
    int64_t part = ms % 1000;
    if (part < 0)
        part += 1000;
    time_t t = (ms - part) / 1000;
    struct tm tm;
    gmtime_r(&t, &tm);                         /* cannot fail between the years 0 and 9999 */
    *ret_ms = (int)part;
    return tm;
}

/* snprintf of the dates below would make gcc fear for years of ten digits; two and four digits are all there is. */
static char *put_digits(char *p, int v, int digits) {
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + digits;
}

void clock_rfc3339(int64_t ms, char out[25]) {
    int part;
    struct tm t = split(ms, &part);
    char *p = put_digits(out, t.tm_year + 1900, 4);
    *p++ = '-';
    p = put_digits(p, t.tm_mon + 1, 2);
    *p++ = '-';
    p = put_digits(p, t.tm_mday, 2);
    *p++ = 'T';
    p = put_digits(p, t.tm_hour, 2);
    *p++ = ':';
    p = put_digits(p, t.tm_min, 2);
    *p++ = ':';
    p = put_digits(p, t.tm_sec, 2);
    *p++ = '.';
    p = put_digits(p, part, 3);
    *p++ = 'Z';
    *p = 0;
}

void clock_http_date(int64_t ms, char out[30]) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int part;
    struct tm t = split(ms, &part);
    memcpy(out, "Ddd, dd Mmm yyyy hh:mm:ss GMT", 30);
    memcpy(out, days + t.tm_wday * 3, 3);      /* names in English whatever the locale */
    put_digits(out + 5, t.tm_mday, 2);
    memcpy(out + 8, months + t.tm_mon * 3, 3);
    put_digits(out + 12, t.tm_year + 1900, 4);
    put_digits(out + 17, t.tm_hour, 2);
    put_digits(out + 20, t.tm_min, 2);
    put_digits(out + 23, t.tm_sec, 2);
}
