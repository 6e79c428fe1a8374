/* address.c - the parser of e-mail addresses. */
#include "mail/address.h"

#define LOCAL_MAX 64                       /* RFC 5321 4.5.3.1.1 */
#define LABEL_MAX 63                       /* RFC 1035 2.3.4 */

static bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
/* atext of RFC 5322 3.2.3 */
static bool is_atom(char c) { return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)); }

static bool local_ok(struct str s) {
    if (s.n == 0 || s.n > LOCAL_MAX || s.p[0] == '.' || s.p[0] == '-' || s.p[s.n - 1] == '.')
        return false;                      /* '-' first: some programs would take the address for an option */
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.' ? s.p[i - 1] == '.' : !is_atom(s.p[i]))
            return false;
    return true;
}

static bool domain_ok(struct str s) {
    size_t labels = 0;
    bool letters = false;                  /* in the last label: an address is no name */
    while (s.p) {
        struct str label = str_cut(&s, '.');
        if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        letters = false;
        for (size_t i = 0; i < label.n; i++) {
            if (!is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
            letters |= label.p[i] < '0' || label.p[i] > '9';
        }
        labels++;
    }
    return labels >= 2 && letters;
}

int mail_address(struct str given, char out[MAIL_ADDRESS_MAX], struct err *e) {
    struct str s = str_trim(given);
    const char *at = s.n && s.n < MAIL_ADDRESS_MAX ? memchr(s.p, '@', s.n) : NULL;
    if (!at)
        return err_set(e, ERR_EMAIL_WRONG, "an address is name@domain, 254 characters at most");
    struct str local = { s.p, (size_t)(at - s.p) }, domain = { at + 1, s.n - local.n - 1 };
    if (!local_ok(local) || domain.n == 0 || !domain_ok(domain))
        return err_set(e, ERR_EMAIL_WRONG, "%s the @ there is something that we cannot write to", local_ok(local) ? "behind" : "before");
    for (size_t i = 0; i < s.n; i++)
        out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + ('a' - 'A')) : s.p[i];
    out[s.n] = '\0';
    return 0;
}
