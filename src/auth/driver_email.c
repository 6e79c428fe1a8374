/*
 * driver_email.c - an e-mail address and a password.
 * argon2id, by OWASP's Password Storage Cheat Sheet (read 2026-11): 19 MiB and 2 passes at least. Passwords by NIST SP 800-63B section 5.1.1.2:
 * length instead of rules about characters, NFC, refused when among the commonest.
 */
#include <utf8proc.h>

#include "auth/driver.h"
#include "auth/internal.h"
#include "base/embed.h"
#include "mail/address.h"

#define CHARS_MIN 10
#define CHARS_MAX 128

extern const struct embed_dir auth_common_passwords;

/* Both forms of an accent are one password. The caller frees; NULL: not UTF-8. */
static char *normal(struct str given, size_t *ret_n) {
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)given.p, (utf8proc_ssize_t)given.n, &out, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    *ret_n = n < 0 ? 0 : (size_t)n;
    return n < 0 ? NULL : (char *)out;
}

static size_t chars(struct str s) {
    size_t n = 0, c;
    for (; s.n && (c = str_utf8_char(s)) > 0; n++)
        s = (struct str){ s.p + c, s.n - c };
    return n;
}

static bool is_common(struct str s) {
    for (struct str rest = auth_common_passwords.files[0].bytes; rest.n;)
        if (str_ieq(str_cut(&rest, '\n'), s))
            return true;
    return false;
}

static bool one_character(struct str s) {
    size_t first = str_utf8_char(s);
    for (size_t i = first; i < s.n; i++)
        if (s.p[i] != s.p[i - first])
            return false;
    return true;
}

/* The address itself, or what stands before its @. */
static bool is_address(struct str s, const char *subject) {
    struct str whole = str_z(subject), rest = whole, name = str_cut(&rest, '@');
    return str_ieq(s, whole) || str_ieq(s, name);
}

static int judge(struct str s, const char *subject, struct err *e) {
    size_t n = chars(s);
    if (n < CHARS_MIN)
        return err_set(e, ERR_PASSWORD_WEAK, "too short: %zu of at least %d characters", n, CHARS_MIN);
    if (n > CHARS_MAX)
        return err_set(e, ERR_PASSWORD_WEAK, "too long: %d characters are the most", CHARS_MAX);
    if (is_address(s, subject))
        return err_set(e, ERR_PASSWORD_WEAK, "it is the address");
    if (one_character(s))
        return err_set(e, ERR_PASSWORD_WEAK, s.p[0] == ' ' ? "it has only spaces in it" : "it is one character again and again");
    if (is_common(s))
        return err_set(e, ERR_PASSWORD_WEAK, "it is among the commonest ones");
    return 0;
}

static int email_subject(struct str given, char out[AUTH_SUBJECT_MAX], struct err *e) { return mail_address(given, out, e); }

static int email_judge(const char *subject, struct str secret, struct err *e) {
    size_t n;
    char *text = normal(secret, &n);
    if (!text)
        return err_set(e, ERR_PASSWORD_WEAK, "it is not UTF-8");
    int r = judge((struct str){ text, n }, subject, e);
    crypto_wipe(text, n);
    free(text);
    return r;
}

static int email_seal(struct auth *a, const char *subject, struct str secret, char out[AUTH_SECRET_MAX], struct err *e) {
    size_t n;
    char *text = normal(secret, &n);
    if (!text)
        return err_set(e, ERR_PASSWORD_WEAK, "it is not UTF-8");
    int r = judge((struct str){ text, n }, subject, e);
    if (r >= 0) {
        atomic_fetch_add(&a->hashes, 1);
        r = crypto_password_hash((struct str){ text, n }, a->hash_memory, a->hash_passes, out, e);
    }
    crypto_wipe(text, n);
    free(text);
    return r;
}

/* "$argon2id$v=19$m=19456,t=2,p=1$…": KiB times passes; 0 when it is written otherwise. */
static int64_t cost_of(const char *sealed) {
    struct str rest = str_z(sealed);
    for (int i = 0; i < 3; i++)
        str_cut(&rest, '$');
    struct str m = str_cut(&rest, ','), t = str_cut(&rest, ',');
    int64_t kib, passes;
    if (!str_starts(m, STR("m=")) || !str_starts(t, STR("t=")) || str_int((struct str){ m.p + 2, m.n - 2 }, 1, 1 << 22, &kib) < 0 ||
        str_int((struct str){ t.p + 2, t.n - 2 }, 1, 1000, &passes) < 0)
        return 0;
    return kib * passes;
}

/* A miss against a hash of cheaper days would be quicker than one of nobody's, and so tell who has an account. */
static void spend_the_rest(struct auth *a, struct str text, const char *sealed) {
    char unused[CRYPTO_PASSWORD_MAX];
    int64_t memory = a->hash_memory - cost_of(sealed) * 1024 / a->hash_passes;
    if (memory < 1 << 20)
        return;
    atomic_fetch_add(&a->hashes, 1);
    crypto_password_hash(text, memory, a->hash_passes, unused, NULL);
}

static bool email_prove(struct auth *a, struct str secret, const char *sealed, bool *ret_again) {
    size_t n;
    char *text = normal(secret, &n);
    atomic_fetch_add(&a->hashes, 1);
    bool good = crypto_password_check((struct str){ text ? text : "", n }, sealed ? sealed : a->dummy) && sealed && text;
    if (sealed && !good)
        spend_the_rest(a, (struct str){ text ? text : "", n }, sealed);
    *ret_again = good && crypto_password_stale(sealed, a->hash_memory, a->hash_passes);
    if (text)
        crypto_wipe(text, n);
    free(text);
    return good;
}

const struct auth_driver auth_email = { .name = "email", .subject = email_subject, .judge = email_judge, .seal = email_seal, .prove = email_prove };
