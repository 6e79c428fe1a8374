/* range.c - "bytes=a-b,c-,-n"; lists of entity tags. */
#include "net/range.h"

/* One of the list: 1: it lies inside; 0: it is broken; ERR_RANGE: it lies outside. */
static int parse_one(struct str text, int64_t total, struct range *ret) {
    struct str last = text, first = str_cut(&last, '-');
    int64_t a = 0, b = total - 1;
    if (!last.p || (first.n == 0 && last.n == 0) || (last.n && last.p[0] == '-'))
        return 0;
    if (first.n == 0) {                                   /* the last n bytes */
        int64_t n;
        if (str_int(last, 0, INT64_MAX, &n) < 0)
            return 0;
        if (n == 0 || total == 0)
            return ERR_RANGE;
        a = n < total ? total - n : 0;
    } else {
        if (str_int(first, 0, INT64_MAX, &a) < 0 || (last.n && str_int(last, 0, INT64_MAX, &b) < 0) || (last.n && b < a))
            return 0;
        if (a >= total)
            return ERR_RANGE;
        if (b >= total)
            b = total - 1;
    }
    *ret = (struct range){ a, b - a + 1 };
    return 1;
}

static bool near(struct range a, struct range b, int64_t gap) {
    return a.from <= b.from ? b.from - a.from - gap <= a.bytes : a.from - b.from - gap <= b.bytes;
}

static struct range joined(struct range a, struct range b) {
    int64_t from = a.from < b.from ? a.from : b.from, end_a = a.from + a.bytes, end_b = b.from + b.bytes;
    return (struct range){ from, (end_a > end_b ? end_a : end_b) - from };
}

/* Joins what is near, in place: each group stands where its first one stood. A range that has grown may touch those before it, so from anew. */
static int join_near(struct range *ranges, int n) {
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++)
            if (near(ranges[i], ranges[k], RANGE_GAP)) {
                ranges[i] = joined(ranges[i], ranges[k]);
                memmove(ranges + k, ranges + k + 1, (size_t)(n - k - 1) * sizeof(*ranges));
                n--;
                i = -1;
                break;
            }
    return n;
}

int range_parse(struct str value, int64_t total, struct range ranges[RANGES_MAX]) {
    struct str rest = str_trim(value), unit = str_cut(&rest, '=');
    int n = 0, asked = 0, overlaps = 0;
    if (!str_ieq(unit, STR("bytes")))
        return 0;
    while (rest.p) {
        struct str one = str_trim(str_cut(&rest, ','));
        struct range r;
        if (one.n == 0)                                   /* RFC 9110 5.6.1: empty elements do not count */
            continue;
        int found = parse_one(one, total, &r);
        if (found == 0)
            return 0;
        if (++asked > RANGES_MAX)                         /* goes on only to see whether the rest is well formed */
            continue;
        if (found < 0)
            continue;
        for (int i = 0; i < n; i++)
            if (near(ranges[i], r, -1)) {
                overlaps++;
                break;
            }
        ranges[n++] = r;
    }
    if (asked == 0)
        return 0;
    if (asked > RANGES_MAX || overlaps > RANGE_OVERLAP || n == 0)
        return ERR_RANGE;
    return join_near(ranges, n);
}

bool range_etag_in(struct str list, const char *etag, bool weak) {
    struct str want = str_z(etag);
    if (str_eqz(str_trim(list), "*"))
        return true;
    while (list.n) {
        struct str tag = str_trim(str_cut(&list, ','));   /* our tags hold no comma, so cutting at commas finds them */
        if (tag.n >= 2 && tag.p[0] == 'W' && tag.p[1] == '/') {
            if (!weak)
                continue;
            tag = (struct str){ tag.p + 2, tag.n - 2 };
        }
        if (tag.n == want.n + 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' && str_eq((struct str){ tag.p + 1, want.n }, want))
            return true;
    }
    return false;
}
