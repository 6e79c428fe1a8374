/* str.c - the parts of str.h that are too long to be inline. */
#include "base/str.h"

#include "base/err.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_ieq(struct str a, struct str b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && str_eq((struct str){ s.p, prefix.n }, prefix);
}

bool str_ends(struct str s, struct str suffix) {
    if (s.n < suffix.n)
        return false;
    return suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0;
}

struct str str_trim(struct str s) {
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct str str_cut(struct str *rest, char sep) {
    struct str all = *rest;
    const char *at = all.n ? memchr(all.p, sep, all.n) : NULL;
    if (!at) {
        *rest = STR_NULL;
        return all;
    }
    size_t before = (size_t)(at - all.p);
    *rest = (struct str){ at + 1, all.n - before - 1 };
    return (struct str){ all.p, before };
}

int str_int(struct str s, int64_t min, int64_t max, int64_t *ret_v) {
    bool negative = s.n && s.p[0] == '-';
    size_t i = negative;
    if (i == s.n)
        return ERR_BAD_INPUT;
    int64_t v = 0;                       /* built on the negative side, where INT64_MIN has room */
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_BAD_INPUT;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
            return ERR_BAD_INPUT;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
        return ERR_BAD_INPUT;
    if (v < min || v > max)
        return ERR_BAD_INPUT;
    *ret_v = v;
    return 0;
}

size_t str_utf8_char(struct str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    /* Table 3-7 of the Unicode Standard 15.0: only the second byte has a range that depends on the first. */
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    size_t n = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    if (n == 0 || s.n < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool str_utf8(struct str s) {
    while (s.n) {
        size_t n = str_utf8_char(s);
        if (n == 0)
            return false;
        s.p += n, s.n -= n;
    }
    return true;
}
