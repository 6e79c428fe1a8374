/* encoding.c - "br;q=1.0, gzip;q=0.8, *;q=0.1" against what there is. */
#include "net/encoding.h"

const char *const encoding_name[ENCODING_COUNT] = { [ENCODING_GZIP] = "gzip", [ENCODING_BR] = "br" };

/* ";q=0.25" in thousandths; 1000 without one; -1 when it is no weight. */
static int weight_of(struct str params) {
    static const int scale[4] = { 0, 100, 10, 1 };
    struct str v = str_trim(params);
    int64_t whole, part = 0;
    if (v.n == 0)
        return 1000;
    if (v.n < 3 || (v.p[0] != 'q' && v.p[0] != 'Q') || v.p[1] != '=')
        return -1;
    struct str frac = { v.p + 2, v.n - 2 }, one = str_cut(&frac, '.');
    if (one.n != 1 || str_int(one, 0, 1, &whole) < 0 || frac.n > 3 || (frac.n && (frac.p[0] == '-' || str_int(frac, 0, 999, &part) < 0)))
        return -1;
    int q = (int)whole * 1000 + (int)part * scale[frac.n];
    return q > 1000 ? -1 : q;
}

enum encoding encoding_pick(struct str value, unsigned have) {
    int weight[ENCODING_COUNT] = { -1, -1, -1 }, star = -1;
    while (value.n) {
        struct str params = str_cut(&value, ','), coding = str_trim(str_cut(&params, ';'));
        int q = weight_of(params);
        if (q < 0)
            continue;
        if (str_eqz(coding, "*"))
            star = q;
        else if (str_ieq(coding, STR("identity")))
            weight[ENCODING_IDENTITY] = q;
        else if (str_ieq(coding, STR("gzip")) || str_ieq(coding, STR("x-gzip")))
            weight[ENCODING_GZIP] = q;
        else if (str_ieq(coding, STR("br")))
            weight[ENCODING_BR] = q;
    }
    enum encoding best = ENCODING_IDENTITY;
    /* what is not named: "*" speaks for it, else only identity is acceptable, and less than anything that was named */
    int best_q = weight[ENCODING_IDENTITY] >= 0 ? weight[ENCODING_IDENTITY] : star == 0 ? 0 : 1;
    for (enum encoding e = ENCODING_GZIP; e < ENCODING_COUNT; e++) {
        int q = weight[e] >= 0 ? weight[e] : star;
        if (have & ENCODING_BIT(e) && q > 0 && q >= best_q) {
            best = e;
            best_q = q;
        }
    }
    return best;
}
