/* range.c - "bytes=a-b", "bytes=a-", "bytes=-n"; lists of entity tags. */
#include "net/range.h"

int range_parse(struct str value, int64_t total, int64_t *ret_from, int64_t *ret_bytes) {
    struct str rest = str_trim(value), unit = str_cut(&rest, '=');
    if (!str_ieq(unit, STR("bytes")) || !rest.p || memchr(rest.p, ',', rest.n))
        return 0;
    struct str last = str_trim(rest), first = str_cut(&last, '-');
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
    *ret_from = a;
    *ret_bytes = b - a + 1;
    return 1;
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
