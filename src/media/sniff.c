/*
 * sniff.c - what a file is, by its content.
 *
 * Names and declared types are never asked: phones and browsers get them wrong, and attackers get them right. Only the container's
 * own head counts, so a JPEG with a ZIP or a page of HTML behind it is a JPEG; since the original bytes are never served again,
 * what is behind does not get anywhere.
 */
#include "media/photo.h"

static const char *const type_names[] = {
    [PHOTO_JPEG] = "image/jpeg", [PHOTO_PNG] = "image/png", [PHOTO_WEBP] = "image/webp", [PHOTO_HEIC] = "image/heic",
};

const char *photo_type_name(enum photo_type t) { return type_names[t]; }

static uint32_t be32(const char *p) {
    const uint8_t *u = (const uint8_t *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static bool tag(struct str s, size_t at, const char *four) { return s.n >= at + 4 && memcmp(s.p + at, four, 4) == 0; }

/* APNG: an acTL chunk before the first IDAT (PNG third edition, 11.3.4.1). */
static bool png_is_animated(struct str f) {
    for (size_t at = 8; f.n - at >= 12;) {
        if (tag(f, at + 4, "acTL"))
            return true;
        if (tag(f, at + 4, "IDAT"))
            return false;
        size_t step = 12 + (size_t)be32(f.p + at);
        if (step > f.n - at)
            return false;
        at += step;
    }
    return false;
}

/* Behind a block's list of sub-blocks (GIF89a, 15); the file's end when it is cut. */
static size_t gif_skip(struct str f, size_t at) {
    while (at < f.n && f.p[at])
        at += 1 + (uint8_t)f.p[at];
    return at < f.n ? at + 1 : f.n;
}

/* A second picture in it. */
static bool gif_is_animated(struct str f) {
    int pictures = 0;
    size_t at = 13 + (f.n > 10 && f.p[10] & 0x80 ? (size_t)3 << ((f.p[10] & 7) + 1) : 0);
    while (at < f.n && pictures < 2) {
        if (f.p[at] == 0x21) {
            at = gif_skip(f, at + 2);
        } else if (f.p[at] == 0x2c && f.n - at > 10) {
            pictures++;
            at = gif_skip(f, at + 11 + (f.p[at + 9] & 0x80 ? (size_t)3 << ((f.p[at + 9] & 7) + 1) : 0));
        } else {
            break;
        }
    }
    return pictures > 1;
}

/* VP8X with its animation bit (RIFF container of WebP, "Extended File Format"). */
static bool webp_is_animated(struct str f) { return tag(f, 12, "VP8X") && f.n > 20 && (f.p[20] & 0x02); }

/* A sequence: its major brand says so, or there is a movie box beside the still (ISO 23008-12, 7.2 and 10). */
static bool heif_is_sequence(struct str f) {
    static const char *const brands[] = { "msf1", "hevc", "hevx", "hevm", "hevs" };
    for (size_t i = 0; i < COUNT(brands); i++) {
        if (tag(f, 8, brands[i]))
            return true;
    }
    for (size_t at = 0; f.n - at >= 8;) {
        if (tag(f, at + 4, "moov"))
            return true;
        uint32_t step = be32(f.p + at);
        if (step < 8 || step > f.n - at)            /* 0: to the end; 1: 64-bit size. Neither comes before moov in a photo */
            return false;
        at += step;
    }
    return false;
}

/* One of the brands in ftyp is a HEVC still. "mif1" alone does not tell the codec: the decoder will. AVIF has its own. */
static bool heif_is_heic(struct str f) {
    static const char *const brands[] = { "heic", "heix", "heim", "heis", "mif1", "msf1", "hevc", "hevx", "hevm", "hevs" };
    size_t end = be32(f.p);
    if (end > f.n)
        end = f.n;
    if (tag(f, 8, "avif") || tag(f, 8, "avis"))
        return false;
    for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) {     /* major brand, then 4 bytes of version, then the others */
        for (size_t i = 0; i < COUNT(brands); i++) {
            if (tag(f, at, brands[i]))
                return true;
        }
    }
    return false;
}

/* What people send by mistake, so that the answer can name it. Text forms may have blanks and a byte order mark before them. */
static const char *looks_like(struct str f) {
    static const struct { const char *head; size_t n; const char *name; } binary[] = {
        { "%PDF", 4, "a PDF document" }, { "GIF8", 4, "a GIF picture" }, { "PK\3\4", 4, "a ZIP archive or office document" }, { "II*\0", 4, "a TIFF or raw camera file" },
        { "MM\0*", 4, "a TIFF or raw camera file" }, { "BM", 2, "a BMP picture" }, { "8BPS", 4, "a Photoshop document" },
        { "\x1a\x45\xdf\xa3", 4, "a Matroska or WebM video" }, { "\xff\x0a", 2, "a JPEG XL picture" }, { "OggS", 4, "an Ogg file" },
        { "\0\0\0\x0cJXL ", 8, "a JPEG XL picture" }, { "RIFF", 4, "a RIFF file (AVI, WAV)" }, { "\x7f" "ELF", 4, "a program" },
        { "\x1f\x8b", 2, "a compressed file" }, { "Rar!", 4, "a RAR archive" }, { "FLV", 3, "a Flash video" },
    };
    static const struct { const char *head; const char *name; } text[] = {
        { "#EXTM3U", "a playlist" }, { "<svg", "an SVG drawing" }, { "<?xml", "an XML or SVG document" }, { "<!doctype", "a web page" },
        { "<html", "a web page" }, { "ffconcat", "a playlist" }, { "[playlist]", "a playlist" },
    };
    for (size_t i = 0; i < COUNT(binary); i++) {
        if (f.n >= binary[i].n && memcmp(f.p, binary[i].head, binary[i].n) == 0)
            return binary[i].name;
    }
    if (tag(f, 4, "ftyp"))
        return tag(f, 8, "avif") || tag(f, 8, "avis") ? "an AVIF picture" : "an MP4 or QuickTime video";
    if (str_starts(f, STR("\xef\xbb\xbf")))
        f = (struct str){ f.p + 3, f.n - 3 };
    while (f.n && (*f.p == ' ' || (*f.p >= '\t' && *f.p <= '\r')))
        f = (struct str){ f.p + 1, f.n - 1 };
    for (size_t i = 0; i < COUNT(text); i++) {
        struct str head = str_z(text[i].head);
        if (f.n >= head.n && str_ieq((struct str){ f.p, head.n }, head))
            return text[i].name;
    }
    return "none of them";
}

int photo_sniff(struct str f, enum photo_type *ret_type, struct err *e) {
    bool animated = false;
    enum photo_type t;
    if (f.n == 0)
        return err_set(e, ERR_IMAGE_EMPTY, "zero bytes");
    if (f.n >= 3 && memcmp(f.p, "\xff\xd8\xff", 3) == 0) {
        t = PHOTO_JPEG;
    } else if (f.n >= 8 && memcmp(f.p, "\x89PNG\r\n\x1a\n", 8) == 0) {
        t = PHOTO_PNG;
        animated = png_is_animated(f);
    } else if (tag(f, 0, "RIFF") && tag(f, 8, "WEBP")) {
        t = PHOTO_WEBP;
        animated = webp_is_animated(f);
    } else if (tag(f, 4, "ftyp") && f.n >= 16 && heif_is_heic(f)) {
        t = PHOTO_HEIC;
        animated = heif_is_sequence(f);
    } else if (tag(f, 0, "GIF8") && gif_is_animated(f)) {
        return err_set(e, ERR_IMAGE_ANIMATED, "an animated GIF");
    } else {
        return err_set(e, ERR_IMAGE_TYPE, "JPEG, PNG, WebP or HEIC is needed; this looks like %s", looks_like(f));
    }
    if (animated)
        return err_set(e, ERR_IMAGE_ANIMATED, "an animated %s", type_names[t]);
    *ret_type = t;
    return 0;
}
