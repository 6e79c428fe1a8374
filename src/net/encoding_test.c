/* encoding_test.c - Accept-Encoding as a table. */
#include "net/encoding.h"

#include "base/testing.h"

#define GZ ENCODING_BIT(ENCODING_GZIP)
#define BR ENCODING_BIT(ENCODING_BR)

static void picks_by_weight(void **state) {
    static const struct { const char *value; unsigned have; enum encoding want; } cases[] = {
        { "gzip, deflate, br", GZ | BR, ENCODING_BR },          { "gzip, deflate, br", GZ, ENCODING_GZIP },
        { "gzip, deflate", GZ | BR, ENCODING_GZIP },            { "br;q=0.5, gzip;q=0.8", GZ | BR, ENCODING_GZIP },
        { "br;q=0.5,gzip;q=0.5", GZ | BR, ENCODING_BR },        { "BR ; Q=1.000", GZ | BR, ENCODING_BR },
        { "gzip;q=0, br;q=0", GZ | BR, ENCODING_IDENTITY },     { "br;q=0, *", GZ | BR, ENCODING_GZIP },
        { "*", GZ | BR, ENCODING_BR },                          { "*;q=0", GZ | BR, ENCODING_IDENTITY },
        { "identity;q=1, br;q=0.5", GZ | BR, ENCODING_IDENTITY }, { "identity;q=0", GZ | BR, ENCODING_IDENTITY },
        { "gzip;q=0.001", GZ, ENCODING_GZIP },                  { "x-gzip", GZ | BR, ENCODING_GZIP },
        { "br;q=2, gzip", GZ | BR, ENCODING_GZIP },             { "br;q=0.1234, gzip;q=0.1", GZ | BR, ENCODING_GZIP },
        { "br;q=, br;q=-1, br;x=1", BR, ENCODING_IDENTITY },    { "br;q=0.-1", BR, ENCODING_IDENTITY },
        { "brotli, gzi, gzip2", GZ | BR, ENCODING_IDENTITY },   { "", GZ | BR, ENCODING_IDENTITY },
        { ",;,q=1,", GZ | BR, ENCODING_IDENTITY },              { "gzip, br", 0, ENCODING_IDENTITY },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum encoding got = encoding_pick(str_z(cases[i].value), cases[i].have);
        if (got != cases[i].want)
            fail_msg("\"%s\" of %u: %d, not %d", cases[i].value, cases[i].have, got, cases[i].want);
    }
    assert_int_equal(encoding_pick(STR_NULL, GZ | BR), ENCODING_IDENTITY);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(picks_by_weight) };
    return RUN(tests);
}
