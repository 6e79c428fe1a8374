/* tus.c - Upload-Metadata and Upload-Checksum. */
#include "api/tus.h"

#include "base/crypto.h"

#define NAME_MAX_BYTES 255
#define TYPE_MAX_BYTES 127

static bool is_key(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ',')
            return false;
    return s.n > 0;
}

static bool is_text(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return str_utf8(s);
}

static bool is_printable(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* The longest beginning of valid UTF-8 that fits. */
static struct str cut_text(struct str s, size_t max) {
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xC0) == 0x80)
        max--;
    return (struct str){ s.p, max };
}

static int decode(struct str base64, struct arena *a, struct str *ret, struct err *e) {
    size_t cap = base64.n / 4 * 3 + 3;
    char *out = arena_try(a, cap);
    if (!out)
        return err_set(e, ERR_TOO_BIG, "Upload-Metadata is too long");
    int n = base64_decode(base64, /* standard= */ true, (uint8_t *)out, cap);
    if (n < 0)
        return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: a value is not base64");
    *ret = (struct str){ out, (size_t)n };
    return 0;
}

static int take_pair(struct str key, struct str value, struct tus_metadata *m, struct err *e) {
    if (str_eqz(key, "filename") || (str_eqz(key, "name") && !m->name.p)) {
        if (!is_text(value))
            return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: the file name is not text in UTF-8");
        m->name = cut_text(value, NAME_MAX_BYTES);
    } else if (str_eqz(key, "filetype") || (str_eqz(key, "type") && !m->type.p)) {
        if (value.n > TYPE_MAX_BYTES || !is_printable(value))
            return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: the file type is not a media type");
        m->type = value;
    }
    return 0;
}

int tus_metadata_parse(struct str header, struct arena *a, struct tus_metadata *ret, struct err *e) {
    struct str seen[TUS_PAIRS_MAX];
    struct tus_metadata m = { 0 };
    size_t n = 0;
    if (header.n == 0)
        header = STR_NULL;
    while (header.p) {                    /* also behind a last comma, where a pair is missing */
        struct str rest = str_trim(str_cut(&header, ',')), key = str_cut(&rest, ' '), value = STR_NULL;
        if (!is_key(key))
            return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: expected key and base64, separated by one space");
        if (n == TUS_PAIRS_MAX)
            return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: more than %d pairs", TUS_PAIRS_MAX);
        for (size_t i = 0; i < n; i++)
            if (str_eq(seen[i], key))
                return err_set(e, ERR_BAD_INPUT, "Upload-Metadata: a key stands there twice");
        seen[n++] = key;
        int r = decode(rest, a, &value, e);
        if (r >= 0)
            r = take_pair(key, value, &m, e);
        if (r < 0)
            return r;
    }
    *ret = m;
    return 0;
}

int tus_checksum_parse(struct str header, struct tus_checksum *ret, struct err *e) {
    static const struct { const char *name; size_t bytes; } known[] = { { "sha1", 20 }, { "sha256", 32 } };
    struct str rest = header, name = str_cut(&rest, ' ');
    for (size_t i = 0; i < COUNT(known); i++) {
        uint8_t sum[TUS_SUM_MAX + 4];
        if (!str_eqz(name, known[i].name))
            continue;
        int n = base64_decode(rest, /* standard= */ true, sum, sizeof(sum));
        if (n < 0 || (size_t)n != known[i].bytes)
            return err_set(e, ERR_BAD_INPUT, "Upload-Checksum: expected %zu bytes as base64", known[i].bytes);
        *ret = (struct tus_checksum){ .algorithm = known[i].name, .n = (size_t)n };
        memcpy(ret->sum, sum, (size_t)n);
        return 0;
    }
    return err_set(e, ERR_BAD_INPUT, "Upload-Checksum: the algorithms are " TUS_CHECKSUMS);
}
