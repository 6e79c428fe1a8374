/* wire.c - forms, decimals, times, spans. */
#include "pay/wire.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"

#define CHINA_MS (8 * INT64_C(3600000))        /* one zone, no summer time since 1991 */

/* ---- forms ---- */
void wire_add(struct buf *out, const char *name, struct str value) {
    if (out->n)
        buf_add_c(out, '&');
    buf_add_z(out, name);
    buf_add_c(out, '=');
    buf_add_percent(out, value);
}

void wire_add_int(struct buf *out, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    wire_add(out, name, str_z(text));
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static int decode(struct str s, struct arena *a, struct str *ret, struct err *e) {
    char *out = arena_try(a, s.n + 1);
    size_t n = 0;
    if (!out)
        return err_set(e, ERR_TOO_BIG, "the form is too big");
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '+' ? ' ' : s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1, low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
            if (low < 0)
                return err_set(e, ERR_BAD_INPUT, "a broken escape in the form");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == 0)
            return err_set(e, ERR_BAD_INPUT, "a NUL in the form");
        out[n++] = c;
    }
    *ret = (struct str){ out, n };
    return 0;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct wire_pair *)a)->name, ((const struct wire_pair *)b)->name);
}

int wire_form(struct str body, struct arena *a, struct wire_pair pairs[WIRE_PAIRS_MAX], size_t *ret_n, struct err *e) {
    size_t n = 0;
    while (body.n) {
        struct str value = str_cut(&body, '&'), name = str_cut(&value, '=');
        if (n == WIRE_PAIRS_MAX)
            return err_set(e, ERR_BAD_INPUT, "more than %d fields in the form", WIRE_PAIRS_MAX);
        int r = decode(name, a, &pairs[n].name, e);
        if (r >= 0)
            r = decode(value, a, &pairs[n].value, e);
        if (r < 0)
            return r;
        if (pairs[n++].name.n == 0)
            return err_set(e, ERR_BAD_INPUT, "a field without a name in the form");
    }
    qsort(pairs, n, sizeof(pairs[0]), by_name);
    for (size_t i = 1; i < n; i++)
        if (str_eq(pairs[i - 1].name, pairs[i].name))
            return err_set(e, ERR_BAD_INPUT, "a field twice in the form");
    *ret_n = n;
    return 0;
}

struct str wire_find(const struct wire_pair *pairs, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (str_eqz(pairs[i].name, name))
            return pairs[i].value;
    return STR_NULL;
}

/* ---- decimals ---- */
int wire_yuan(struct str s, int64_t *ret_fen) {
    struct str rest = s, whole = str_cut(&rest, '.');
    int64_t yuan, part = 0;
    if (whole.n == 0 || whole.p[0] == '-' || str_int(whole, 0, WIRE_FEN_MAX / 100, &yuan) < 0)
        return ERR_BAD_INPUT;
    if (rest.p && (rest.n < 1 || rest.n > 2 || rest.p[0] == '-' || str_int(rest, 0, 99, &part) < 0))
        return ERR_BAD_INPUT;
    int64_t fen = yuan * 100 + (rest.n == 1 ? part * 10 : part);
    if (fen > WIRE_FEN_MAX)
        return ERR_BAD_INPUT;
    *ret_fen = fen;
    return 0;
}

void wire_yuan_text(int64_t fen, char out[24]) { snprintf(out, 24, "%" PRId64 ".%02d", fen / 100, (int)(fen % 100)); }

/* ---- times ---- */
/* Days since 1970-01-01 of a date of the Gregorian calendar. Source: H. Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t days_of(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t month_days(int64_t y, int64_t m) {
    static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* n digits at p. */
static bool digits(const char *p, size_t n, int64_t min, int64_t max, int64_t *ret) {
    return p[0] != '-' && str_int((struct str){ p, n }, min, max, ret) == 0;
}

/* The 19 characters "2026-01-02?11:04:05", as if in UTC. */
static int read_moment(const char *p, char sep, int64_t *ret_ms) {
    int64_t y, m, d, hh, mm, ss;
    if (p[4] != '-' || p[7] != '-' || p[10] != sep || p[13] != ':' || p[16] != ':' || !digits(p, 4, 1970, 9999, &y) || !digits(p + 5, 2, 1, 12, &m) ||
        !digits(p + 8, 2, 1, month_days(y, m), &d) || !digits(p + 11, 2, 0, 23, &hh) || !digits(p + 14, 2, 0, 59, &mm) || !digits(p + 17, 2, 0, 59, &ss))
        return ERR_BAD_INPUT;
    *ret_ms = (((days_of(y, m, d) * 24 + hh) * 60 + mm) * 60 + ss) * 1000;
    return 0;
}

int wire_rfc3339(struct str s, int64_t *ret_ms) {
    int64_t ms, hh, mm;
    size_t at = 19;
    if (s.n < 20 || read_moment(s.p, 'T', &ms) < 0)
        return ERR_BAD_INPUT;
    if (s.p[at] == '.')
        do
            at++;
        while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9');
    if (at + 1 == s.n && s.p[at] == 'Z') {
        *ret_ms = ms;
        return 0;
    }
    if (at + 6 != s.n || (s.p[at] != '+' && s.p[at] != '-') || s.p[at + 3] != ':' || !digits(s.p + at + 1, 2, 0, 23, &hh) || !digits(s.p + at + 4, 2, 0, 59, &mm))
        return ERR_BAD_INPUT;
    int64_t off = (hh * 60 + mm) * 60000;
    *ret_ms = s.p[at] == '+' ? ms - off : ms + off;
    return 0;
}

int wire_china(struct str s, int64_t *ret_ms) {
    int64_t ms;
    if (s.n != 19 || read_moment(s.p, ' ', &ms) < 0)
        return ERR_BAD_INPUT;
    *ret_ms = ms - CHINA_MS;
    return 0;
}

void wire_china_text(int64_t ms, char out[20]) {
    char text[25];
    clock_rfc3339(ms + CHINA_MS, text);
    memcpy(out, text, 19);
    out[10] = ' ';
    out[19] = 0;
}

void wire_china_rfc3339(int64_t ms, char out[26]) {
    wire_china_text(ms, out);
    out[10] = 'T';
    memcpy(out + 19, "+08:00", 7);
}

/* ---- spans of JSON. The text is known to be well-formed; still nothing is read behind its end ---- */
static size_t skip_space(struct str t, size_t i) {
    while (i < t.n && (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\n' || t.p[i] == '\r'))
        i++;
    return i;
}

/* i stands on the opening quote; behind the closing one. */
static size_t skip_string(struct str t, size_t i) {
    for (i++; i < t.n && t.p[i] != '"'; i++)
        if (t.p[i] == '\\')
            i++;
    return i < t.n ? i + 1 : t.n;
}

static size_t skip_value(struct str t, size_t i) {
    int depth = 0;
    while (i < t.n) {
        char c = t.p[i];
        if (c == '"') {
            i = skip_string(t, i);
        } else if (depth == 0 && (c == ',' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            return i;
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            i++;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return i;
    }
    return i;
}

int wire_member(struct str t, const char *key, struct str *ret_bytes) {
    size_t i = skip_space(t, 0);
    if (i >= t.n || t.p[i] != '{')
        return ERR_NOT_FOUND;
    for (i = skip_space(t, i + 1); i < t.n && t.p[i] == '"'; i = skip_space(t, i + 1)) {
        size_t name = i + 1, end = skip_string(t, i), value = skip_space(t, end);
        if (value >= t.n || t.p[value] != ':')
            return ERR_NOT_FOUND;
        value = skip_space(t, value + 1);
        i = skip_value(t, value);
        struct str raw = { t.p + name, end - 1 - name };
        if (str_eqz(raw, key) && !memchr(raw.p, '\\', raw.n)) {      /* one written with escapes is another than its bytes say */
            *ret_bytes = (struct str){ t.p + value, i - value };
            return 0;
        }
        i = skip_space(t, i);
        if (i >= t.n || t.p[i] != ',')
            return ERR_NOT_FOUND;
    }
    return ERR_NOT_FOUND;
}
