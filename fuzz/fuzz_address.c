/* fuzz_address.c - any bytes as an e-mail address: what is taken can stand in a header and in an SMTP command. */
#include "mail/address.h"

#include "fuzz.h"

#define MUST(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char out[MAIL_ADDRESS_MAX], again[MAIL_ADDRESS_MAX];
    if (mail_address((struct str){ (const char *)data, n }, out, NULL) < 0)
        return 0;
    MUST(strlen(out) < MAIL_ADDRESS_MAX && strchr(out, '@') == strrchr(out, '@') && out[0] != '-');
    for (const char *c = out; *c; c++)
        MUST(*c > ' ' && *c < 127 && !strchr("<>()[]\",:;\\ABCDEFGHIJKLMNOPQRSTUVWXYZ", *c));
    MUST(mail_address(str_z(out), again, NULL) == 0 && strcmp(out, again) == 0);
    return 0;
}
