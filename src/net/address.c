/* address.c - inet_pton, prefixes, and the table of what is not the public internet. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, 0xff };

int address_parse(struct str s, uint8_t ret_ip[16]) {
    char text[ADDRESS_TEXT_MAX];
    uint8_t ip[16];
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n))
        return ERR_BAD_INPUT;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (memchr(text, ':', s.n)) {
        if (inet_pton(AF_INET6, text, ip) != 1)
            return ERR_BAD_INPUT;
    } else {
        memcpy(ip, v4_prefix, 12);
        if (inet_pton(AF_INET, text, ip + 12) != 1)
            return ERR_BAD_INPUT;
    }
    memcpy(ret_ip, ip, 16);
    return 0;
}

void address_text(const uint8_t ip[16], char out[ADDRESS_TEXT_MAX]) {
    bool v4 = memcmp(ip, v4_prefix, 12) == 0;
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, out, ADDRESS_TEXT_MAX))
        out[0] = 0;
}

void address_of(const struct sockaddr *sa, uint8_t ret_ip[16], uint16_t *ret_port) {
    memset(ret_ip, 0, 16);
    *ret_port = 0;
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        memcpy(ret_ip, v4_prefix, 12);
        memcpy(ret_ip + 12, &in.sin_addr, 4);
        *ret_port = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        memcpy(ret_ip, &in6.sin6_addr, 16);
        *ret_port = ntohs(in6.sin6_port);
    }
}

static bool has_prefix(const uint8_t *ip, const uint8_t *prefix, int bits) {
    int whole = bits / 8, rest = bits % 8;
    return memcmp(ip, prefix, (size_t)whole) == 0 && (rest == 0 || ((ip[whole] ^ prefix[whole]) >> (8 - rest)) == 0);
}

static bool v4_is_private(const uint8_t ip[4]) {
    static const struct { uint8_t ip[4]; int bits; } not_public[] = {
        { { 0 }, 8 },              { { 10 }, 8 },             { { 100, 64 }, 10 },      { { 127 }, 8 },          { { 169, 254 }, 16 },
        { { 172, 16 }, 12 },       { { 192, 0, 0 }, 24 },     { { 192, 0, 2 }, 24 },    { { 192, 88, 99 }, 24 }, { { 192, 168 }, 16 },
        { { 198, 18 }, 15 },       { { 198, 51, 100 }, 24 },  { { 203, 0, 113 }, 24 },  { { 224 }, 3 },  /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < COUNT(not_public); i++)
        if (has_prefix(ip, not_public[i].ip, not_public[i].bits))
            return true;
    return false;
}

bool address_is_private(const uint8_t ip[16]) {
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b }, global[1] = { 0x20 }, doc[4] = { 0x20, 0x01, 0x0d, 0xb8 },
                         doc2[3] = { 0x3f, 0xff, 0x00 }, ietf[4] = { 0x20, 0x01 }, sixto4[2] = { 0x20, 0x02 };
    if (has_prefix(ip, v4_prefix, 96) || has_prefix(ip, nat64, 96))
        return v4_is_private(ip + 12);
    if (!has_prefix(ip, global, 3))                   /* only 2000::/3 is global unicast */
        return true;
    if (has_prefix(ip, sixto4, 16))
        return v4_is_private(ip + 2);
    return has_prefix(ip, doc, 32) || has_prefix(ip, doc2, 20) || has_prefix(ip, ietf, 23);   /* 2001::/23 holds Teredo, ORCHID, benchmarking */
}

static int cidr_one(struct str text, struct cidr *ret) {
    struct str bits = text, ip = str_cut(&bits, '/');
    if (address_parse(ip, ret->ip) < 0)
        return ERR_BAD_INPUT;
    int64_t n = 128;
    bool v4 = !memchr(ip.p, ':', ip.n);
    if (bits.p && str_int(bits, 0, v4 ? 32 : 128, &n) < 0)
        return ERR_BAD_INPUT;
    ret->bits = (int)(bits.p && v4 ? n + 96 : n);
    return 0;
}

int cidr_parse(struct arena *a, const char *list, struct cidr **ret_c, size_t *ret_n, struct err *e) {
    struct str rest = str_z(list);
    size_t room = 1, n = 0;
    for (size_t i = 0; i < rest.n; i++)
        room += rest.p[i] == ',';
    struct cidr *c = ARENA_ARRAY(a, struct cidr, room);
    while (rest.n) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (one.n && cidr_one(one, &c[n++]) < 0)
            return err_set(e, ERR_CONFIG, "\"%.*s\" is not an address or CIDR block", STR_ARG(one));
    }
    *ret_c = c;
    *ret_n = n;
    return 0;
}

bool cidr_has(const struct cidr *c, size_t n, const uint8_t ip[16]) {
    for (size_t i = 0; i < n; i++)
        if (has_prefix(ip, c[i].ip, c[i].bits))
            return true;
    return false;
}
